"""Chinese names by the first letters of their pinyin, as people look each other up on a phone: zgq finds 张国强."""

import re
from functools import lru_cache

INITIALS = re.compile(r"[a-z]{1,8}")


def is_initials(search: str) -> bool:
    """Whether ``search`` can be meant as initials: a few Latin letters and nothing else."""
    return bool(INITIALS.fullmatch(search.lower()))


def has_initials(name: str, search: str) -> bool:
    """Whether some characters of ``name``, one after another, begin with the letters of ``search``.

    A character with several readings answers to each: 曾 is found by z and by c.
    """
    letters = search.lower()
    return any(
        all(letter in first_letters(name[start + place]) for place, letter in enumerate(letters))
        for start in range(len(name) - len(letters) + 1)
    )


@lru_cache(maxsize=32_768)
def first_letters(character: str) -> str:
    """The first letter of every reading of a character; a Latin letter is its own."""
    # Loads its dictionaries, which only a search by initials needs.
    from pypinyin import Style, pinyin

    return "".join(pinyin(character, style=Style.FIRST_LETTER, heteronym=True)[0]).lower()
