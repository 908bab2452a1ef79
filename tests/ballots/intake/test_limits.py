import logging

import pytest

from dongliang.ballots.intake import limits
from dongliang.ballots.intake.limits import CREDENTIAL, Ballots, WrongCodes


class Clock:
    at = 0.0

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


def test_an_address_may_mistype_so_often_and_again_after_a_while(clock):
    wrong = WrongCodes(clock)

    first = [wrong.allows("192.0.2.7") for _time in range(70)]
    clock.at = 10.0
    later = [wrong.allows("192.0.2.7") for _time in range(10)]

    assert (sum(first), sum(later)) == (60, 5)


def test_one_address_s_guesses_are_not_another_s(clock):
    wrong = WrongCodes(clock)
    for _time in range(100):
        wrong.allows("192.0.2.7")

    assert wrong.allows("192.0.2.8")


def test_guesses_from_very_many_addresses_are_limited_together(clock):
    wrong = WrongCodes(clock)

    allowed = sum(wrong.allows(f"192.0.2.{place}") for place in range(3000))

    assert allowed == 2000


def test_no_more_addresses_are_kept_than_memory_allows(clock, monkeypatch):
    monkeypatch.setattr(limits, "MOST_ADDRESSES", 10)
    wrong = WrongCodes(clock)

    for place in range(50):
        wrong.allows(str(place))

    assert list(wrong.addresses.left) == [str(place) for place in range(40, 50)]


def test_guessing_is_told_once_a_minute_and_without_an_address(clock, caplog):
    wrong = WrongCodes(clock)
    with caplog.at_level(logging.WARNING):
        for clock.at in (0.0, 0.0, 61.0):
            for _time in range(100):
                wrong.allows("192.0.2.7")

    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "192.0.2.7" not in caplog.text


def sent(ballots, count, household=b"a", first=0):
    """Of ``count`` ballots of a household, how long each had to wait."""
    return [
        ballots.seconds_to_wait(household, place.to_bytes(8), "5545") for place in range(first, first + count)
    ]


def test_a_household_may_change_its_mind_so_often_at_once_and_then_once_a_minute(clock):
    ballots = Ballots(clock)

    first = sent(ballots, CREDENTIAL[0] + 1)
    clock.at = 45.0
    still = sent(ballots, 1, first=90)
    clock.at = 61.5
    later = sent(ballots, 2, first=91)

    assert first == [0] * CREDENTIAL[0] + [60]
    assert (still, later) == ([15], [0, 59])


def test_a_page_sent_again_costs_nothing_however_often(clock):
    ballots = Ballots(clock)

    again = [ballots.seconds_to_wait(b"a", b"1", "5545") for _time in range(100)]
    others = sent(ballots, CREDENTIAL[0])

    assert set(again) == {0}
    assert others == [0] * (CREDENTIAL[0] - 1) + [60]


def test_other_answers_under_the_same_number_are_another_ballot(clock):
    ballots = Ballots(clock)

    waits = [ballots.seconds_to_wait(b"a", b"1", marks) for marks in ("5545", "1111") * CREDENTIAL[0]]

    # What was taken last is free when it comes again.
    assert waits == [0] * CREDENTIAL[0] + [60, 0] * (CREDENTIAL[0] // 2)


def test_one_household_s_haste_holds_up_no_other(clock):
    ballots = Ballots(clock)
    sent(ballots, 100)

    assert sent(ballots, 1, b"b") == [0]


def test_no_more_households_are_kept_in_mind_than_memory_allows(clock, monkeypatch):
    monkeypatch.setattr(limits, "MOST_CREDENTIALS", 10)
    ballots = Ballots(clock)

    for place in range(50):
        sent(ballots, 1, bytes([place]))

    assert list(ballots.credentials) == [bytes([place]) for place in range(40, 50)]
