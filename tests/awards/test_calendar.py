import datetime

import pytest

from dongliang.awards.calendar import is_announced, is_working_day, working_day_after


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("2021-10-04", False),  # a Monday of the National Day week
        ("2021-10-09", True),  # a Saturday worked for it
        ("2021-10-10", False),  # a Sunday that nobody worked
        ("2022-01-29", True),  # a Saturday worked for the Spring Festival
        ("2022-02-02", False),  # a Wednesday of the Spring Festival
        ("2021-12-15", True),
    ],
)
def test_holidays_and_make_up_days_are_those_of_the_state_council(text, works):
    assert is_working_day(day(text)) is works


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2021-12-13", 5, "2021-12-20"),  # Monday to Monday over one weekend
        ("2021-09-28", 5, "2021-10-11"),  # two days, a week off, Friday, the worked Saturday, Monday
        ("2022-01-28", 5, "2022-02-09"),  # two worked weekend days, the festival, then three days
        ("2021-12-17", 1, "2021-12-20"),
    ],
)
def test_working_days_are_counted_from_the_day_after(start, count, end):
    assert working_day_after(day(start), count) == day(end)


def test_a_year_that_is_not_announced_says_so():
    assert (is_announced(2021), is_announced(2090)) == (True, False)
