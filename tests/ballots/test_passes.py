import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dongliang.ballots import codes, passes

KEY = bytes(range(32))
OTHER_KEY = bytes(32)
NOON = datetime.datetime(2021, 11, 1, 12, tzinfo=datetime.UTC)
LATER = NOON + datetime.timedelta(minutes=30)
IDENTITY = passes.identity_of(KEY, "sms", "13912345678")


def issue(**changes):
    given = {"number": 7, "channel": "sms", "identity": IDENTITY, "expires": LATER} | changes
    return passes.issue_pass(KEY, **given)


@given(
    st.integers(1, passes.HIGHEST_NUMBER),
    st.sampled_from(passes.CHANNELS),
    st.binary(min_size=16, max_size=16),
    st.integers(1, 10**6),
)
def test_a_pass_gives_back_what_it_was_made_of(number, channel, identity, seconds):
    expires = NOON + datetime.timedelta(seconds=seconds)

    text = issue(number=number, channel=channel, identity=identity, expires=expires)

    assert passes.read_pass(KEY, text, at=NOON) == passes.Pass(number, channel, identity, expires)


def test_a_pass_is_short_and_safe_in_an_address():
    assert (len(issue()), issue()[:2]) == (54, "p.")
    assert set(issue()[2:]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_pass_is_over_at_its_end():
    text = issue()

    assert passes.read_pass(KEY, text, at=LATER - datetime.timedelta(seconds=1)) is not None
    assert passes.read_pass(KEY, text, at=LATER) is None
    assert passes.read_expired(KEY, text) == passes.Pass(7, "sms", IDENTITY, LATER)


def test_another_key_reads_no_pass():
    assert passes.read_pass(OTHER_KEY, issue(), at=NOON) is None


@given(st.integers(2, 53), st.sampled_from("ABCDabcd0189-_"))
def test_a_pass_changed_anywhere_is_none(place, symbol):
    text = issue()
    changed = text[:place] + symbol + text[place + 1 :]

    assert (passes.read_pass(KEY, changed, at=NOON) is not None) == (changed == text)


@pytest.mark.parametrize(
    "text",
    ["", "p.", "p." + "A" * 51, "p." + "A" * 52, "p." + "A" * 53, "q" + "A" * 53, "7K3F-9M2Q-XR4T", "p.\n"],
)
def test_what_is_no_pass_reads_as_none(text):
    assert passes.read_pass(KEY, text, at=NOON) is None


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(text):
    assert passes.read_pass(KEY, text, at=NOON) is None
    assert passes.read_state(KEY, text, at=NOON) is None


@pytest.mark.parametrize("changes", [{"number": 0}, {"number": 2**16}, {"identity": b"short"}])
def test_a_pass_that_cannot_be_written_is_refused(changes):
    with pytest.raises(ValueError, match="passes hold"):
        issue(**changes)


def test_an_identity_differs_by_way_by_key_and_by_number():
    identities = {
        passes.identity_of(key, way, number)
        for key in (KEY, OTHER_KEY)
        for way in ("sms", "wechat")
        for number in ("13912345678", "13912345679")
    }

    assert len(identities) == 8


def test_credentials_of_passes_differ_by_round_and_way_and_from_every_code_s():
    code = codes.mint(KEY, 7, 1)

    digests = {
        passes.credential_digest(KEY, kind, way, IDENTITY)
        for kind in ("secretaries", "projects")
        for way in passes.CHANNELS
    } | {codes.credential_digest(KEY, kind, code) for kind in ("secretaries", "projects")}

    assert len(digests) == 10


def test_a_state_holds_letters_and_digits_only_and_ends():
    state = passes.issue_state(KEY, number=7, expires=LATER, nonce=b"12345678")

    assert state.isalnum()
    assert len(state) <= 128
    assert passes.read_state(KEY, state, at=NOON) == (7, LATER)
    assert passes.read_state(KEY, state, at=LATER) is None
    assert passes.read_state(OTHER_KEY, state, at=NOON) is None
    assert passes.read_state(KEY, "f" + state[1:], at=NOON) is None
