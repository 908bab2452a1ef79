import datetime
import math
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from dongliang.ballots.calendar import Dates, end_in_words, span_of, standing

FIRST, LAST = datetime.date(2021, 11, 8), datetime.date(2021, 11, 20)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def moment(*parts):
    return datetime.datetime(*parts, tzinfo=SHANGHAI)


def test_days_without_an_hour_count_as_a_whole_by_the_site_s_own_time():
    dates = Dates(FIRST, LAST)

    assert (dates.begins, dates.ends) == (moment(2021, 11, 8), moment(2021, 11, 21))
    assert dates.begins.astimezone(datetime.UTC).isoformat() == "2021-11-07T16:00:00+00:00"


def test_an_hour_narrows_its_day():
    dates = Dates(FIRST, LAST, datetime.time(9), datetime.time(18, 30))

    assert (dates.begins, dates.ends) == (moment(2021, 11, 8, 9), moment(2021, 11, 20, 18, 30))


def test_what_is_not_announced_is_no_moment():
    assert (Dates().begins, Dates().ends) == (None, None)
    assert span_of(Dates(), has_begun=False, has_ended=False) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("language", "dates", "words"),
    [
        ("zh-hans", Dates(FIRST, LAST), ("2021年11月8日", "2021年11月20日")),
        (
            "zh-hans",
            Dates(FIRST, LAST, datetime.time(9), datetime.time(18, 30)),
            ("2021年11月8日09:00", "2021年11月20日18:30"),
        ),
        ("en", Dates(FIRST, LAST, None, datetime.time(18)), ("Nov. 8, 2021", "Nov. 20, 2021, 18:00")),
        ("zh-hans", Dates(), ("", "")),
    ],
)
def test_days_and_hours_are_told_in_words(language, dates, words):
    with translation.override(language):
        assert (dates.first, dates.last) == words


def test_an_end_at_midnight_is_told_as_the_day_that_ends_then():
    with translation.override("zh-hans"):
        assert end_in_words(moment(2021, 11, 21)) == "2021年11月20日"
        assert end_in_words(moment(2021, 11, 21, 0, 1)) == "2021年11月21日00:01"


BEGINS, ENDS = moment(2021, 11, 8).timestamp(), moment(2021, 11, 21).timestamp()


@pytest.mark.parametrize(
    ("state", "at", "says"),
    [
        ("open", BEGINS - 1, "early"),
        ("open", BEGINS, "open"),
        ("open", ENDS - 0.001, "open"),
        ("open", ENDS, "over"),
        ("paused", BEGINS - 1, "paused"),
        ("paused", BEGINS, "paused"),
        ("paused", ENDS, "over"),
        ("prepared", BEGINS, "prepared"),
        ("prepared", ENDS, "prepared"),
        ("closed", BEGINS, "closed"),
    ],
)
def test_a_round_stands_as_its_state_and_the_moment_say(state, at, says):
    assert standing(state, span_of(Dates(FIRST, LAST), has_begun=False, has_ended=False), at) == says


@pytest.mark.parametrize(
    ("has_begun", "has_ended", "at", "says"),
    [
        (True, False, BEGINS - 1e8, "open"),
        (True, False, ENDS, "over"),
        (True, True, BEGINS, "over"),
        (False, True, BEGINS - 1e8, "over"),
    ],
)
def test_what_was_seen_to_begin_or_to_end_stays_so_with_the_clock_set_back(has_begun, has_ended, at, says):
    assert standing("open", span_of(Dates(FIRST, LAST), has_begun=has_begun, has_ended=has_ended), at) == says
