"""What a search field finds: part of a name in Chinese, or the first letters of its syllables."""

from dongliang.common.pinyin import has_initials, is_initials


def found_by(search: str, *names: object) -> bool:
    """Whether one of ``names`` holds what was typed, or has it as initials; nothing typed finds everybody."""
    search = search.strip()
    if not search:
        return True
    return any(
        search.lower() in str(name).lower() or (is_initials(search) and has_initials(str(name), search))
        for name in names
    )
