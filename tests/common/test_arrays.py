import pytest
from hypothesis import given
from hypothesis import strategies as st

from dongliang.common.arrays import array_literal


@pytest.mark.parametrize(
    ("values", "literal"),
    [
        ([], "{}"),
        ([b"\x00\xff", b""], r'{"\\x00ff","\\x"}'),
        (["5545", 'a"b', "c\\d", "", "NULL", "1,4", "{}"], r'{"5545","a\"b","c\\d","","NULL","1,4","{}"}'),
        ([1, -2], "{1,-2}"),
        ([True, False, None], "{True,False,NULL}"),
    ],
)
def test_values_are_spelt_as_an_array(values, literal):
    assert array_literal(values) == literal


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=5))
def test_every_quote_and_backslash_is_escaped(values):
    literal = array_literal(values)

    found, inside, escaped, read = [], False, False, ""
    for character in literal[1:-1]:
        if escaped:
            read, escaped = read + character, False
        elif inside and character == "\\":
            escaped = True
        elif character == '"':
            inside = not inside
            if not inside:
                found.append(read)
                read = ""
        elif inside:
            read += character
    assert found == values
