import logging

import pytest

from dongliang.ballots.intake import limits
from dongliang.ballots.intake.limits import WrongCodes


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

    assert list(wrong.addresses) == [str(place) for place in range(40, 50)]


def test_guessing_is_told_once_a_minute_and_without_an_address(clock, caplog):
    wrong = WrongCodes(clock)
    with caplog.at_level(logging.WARNING):
        for clock.at in (0.0, 0.0, 61.0):
            for _time in range(100):
                wrong.allows("192.0.2.7")

    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "192.0.2.7" not in caplog.text
