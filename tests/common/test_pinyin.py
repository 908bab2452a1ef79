import pytest

from dongliang.common.pinyin import has_initials, is_initials


@pytest.mark.parametrize(
    ("name", "search", "found"),
    [
        ("周兰英", "zly", True),
        ("周兰英", "LY", True),
        ("周兰英", "zy", False),
        ("褚卫东", "cwd", True),
        ("单秀英", "sxy", True),
        ("单秀英", "dxy", True),
        ("曾国强", "zgq", True),
        ("周兰英", "zlyy", False),
        ("Anna 周", "az", False),
    ],
)
def test_a_name_is_found_by_the_initials_of_its_characters_in_a_row(name, search, found):
    assert has_initials(name, search) is found


def test_only_latin_letters_may_be_initials():
    assert [is_initials(text) for text in ("zly", "ZLY", "周", "z2", "", "a" * 13)] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
