"""Names found by their initials in pinyin: ``zly`` finds 周兰英. Pure: names in, names out.

A character that is read in several ways (单: dan, shan) is found under each of them. Only characters are looked up, not
phrases, whose table would weigh twenty times as much.
"""

import re
from functools import cache


def is_initials(search: str) -> bool:
    """Whether what somebody typed is Latin letters: then it may be initials."""
    return bool(re.fullmatch(r"[A-Za-z]{1,12}", search))


@cache
def readings(character: str) -> frozenset[str]:
    """The initials under which one character is found: those of all its readings, or itself."""
    # A table of 40,000 characters, which only those who search by letters need.
    from pypinyin import Style, pinyin

    if not "㐀" <= character <= "鿿":
        return frozenset(character.lower())
    return frozenset(
        reading.lower() for reading in pinyin(character, style=Style.FIRST_LETTER, heteronym=True)[0]
    )


def has_initials(name: str, search: str) -> bool:
    """Whether the letters of ``search`` stand in a row in the initials of ``name``."""
    letters = search.lower()
    return any(
        all(letter in readings(name[start + place]) for place, letter in enumerate(letters))
        for start in range(len(name) - len(letters) + 1)
    )
