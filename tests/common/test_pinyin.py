import pytest

from dongliang.common.pinyin import has_initials, is_initials


@pytest.mark.parametrize(
    ("name", "search", "found"),
    [
        ("张国强", "zgq", True),
        ("张国强", "ZGQ", True),
        ("张国强", "gq", True),
        ("张国强", "zq", False),
        # A name's reading is not always the common one.
        ("曾芸", "zy", True),
        ("单晓雯", "sxw", True),
        ("张国强", "zgqa", False),
        ("", "z", False),
    ],
)
def test_a_name_is_found_by_the_letters_its_characters_begin_with(name, search, found):
    assert has_initials(name, search) is found


@pytest.mark.parametrize(
    ("search", "meant"), [("zgq", True), ("Z", True), ("张国强", False), ("z1", False), ("", False)]
)
def test_only_a_few_latin_letters_are_meant_as_initials(search, meant):
    assert is_initials(search) is meant
