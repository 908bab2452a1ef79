import pytest
from hypothesis import given
from hypothesis import strategies as st

from dongliang.ballots import codes

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
households = st.tuples(st.integers(1, codes.HIGHEST_NUMBER), st.integers(1, codes.HIGHEST_SERIAL))


@given(households)
def test_a_code_tells_its_household_to_the_holder_of_the_key(household):
    assert codes.read(KEY, codes.mint(KEY, *household)) == household


@given(households)
def test_a_code_tells_nothing_under_another_key(household):
    assert codes.read(OTHER_KEY, codes.mint(KEY, *household)) is None


def test_a_code_stays_what_it_was_when_it_was_printed():
    assert [codes.mint(KEY, 1, 1), codes.mint(KEY, 1, 2), codes.mint(KEY, 278, 4321)] == EXPECTED


EXPECTED = ["W5NS-E4SK-805K", "BM18-942N-362E", "T0CE-DF7T-B3Q1"]


@given(households, st.integers(0, codes.CODE_SYMBOLS - 1), st.sampled_from(codes.ALPHABET))
def test_one_wrong_symbol_makes_a_code_unreadable(household, place, symbol):
    bare = codes.normalised(codes.mint(KEY, *household))
    typed = bare[:place] + symbol + bare[place + 1 :]

    assert codes.read(KEY, typed) == (household if typed == bare else None)


@pytest.mark.parametrize(
    "typed",
    [
        "7k3f9m2qxr4t",
        "7K3F 9M2Q XR4T",
        " 7k3f-9m2q-xr4t\n",
        "７Ｋ３Ｆ－９Ｍ２Ｑ－ＸＲ４Ｔ",
        "7K3F—9M2Q—XR4T",
        "7K3F　9M2Q　XR4T",
    ],
)
def test_a_code_is_read_however_it_is_written(typed):
    assert codes.normalised(typed) == "7K3F9M2QXR4T"


def test_letters_the_alphabet_lacks_are_read_as_the_digits_they_look_like():
    assert codes.normalised("oO0-iIlL1") == "00011111"


@given(st.text())
def test_no_text_but_a_code_is_read_as_one(text):
    assert codes.read(KEY, text) is None


@given(st.text(alphabet=codes.ALPHABET, min_size=12, max_size=12))
def test_a_guessed_code_is_refused(guess):
    assert codes.read(KEY, guess) is None


@pytest.mark.parametrize(
    "household", [(0, 1), (1, 0), (codes.HIGHEST_NUMBER + 1, 1), (1, codes.HIGHEST_SERIAL + 1)]
)
def test_a_household_that_no_code_can_hold_is_an_error(household):
    with pytest.raises(ValueError, match="codes hold 1 to 2047 and 1 to 16383"):
        codes.mint(KEY, *household)


def test_what_is_stored_of_a_code_differs_from_round_to_round():
    code = codes.mint(KEY, 1, 1)

    digests = {codes.credential_digest(KEY, kind, code) for kind in ("secretaries", "projects")}

    assert len(digests) == 2


def test_what_is_stored_of_a_code_does_not_depend_on_how_it_was_typed():
    code = codes.mint(KEY, 1, 1)

    assert codes.credential_digest(KEY, "projects", code) == codes.credential_digest(
        KEY, "projects", code.lower().replace("-", " ")
    )


def test_receipts_are_ten_symbols_in_two_groups_and_all_different():
    receipts = [codes.receipt_of(KEY, b"c" * 32, codes.new_nonce()) for _ in range(1000)]

    assert len(set(receipts)) == 1000
    assert {(len(receipt), receipt[5]) for receipt in receipts} == {(11, "-")}
