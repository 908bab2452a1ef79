"""Working days in China: weekends, public holidays, and the weekends worked to make up for them.

The State Council announces each year's days off late in the year before. For a year not announced yet, the holidays by law
and all weekends are taken as days off, and ``is_announced`` says so.
"""

import datetime
from functools import lru_cache

from django.utils.timezone import get_default_timezone, localdate
from holidays import HolidayBase, country_holidays


@lru_cache(maxsize=16)
def days_off(year: int) -> HolidayBase:
    return country_holidays("CN", years=year)


def today() -> datetime.date:
    """The programme's own day, wherever the server stands and in whatever time zone a page is shown."""
    return localdate(timezone=get_default_timezone())


def is_working_day(day: datetime.date) -> bool:
    return days_off(day.year).is_working_day(day)


def is_announced(year: int) -> bool:
    """Whether the year's make-up days are known: every year since 2001 has had some."""
    return any(day.year == year for day in days_off(year).weekend_workdays)


def working_day_after(day: datetime.date, count: int) -> datetime.date:
    """The ``count``-th working day after ``day``, which itself is not counted."""
    for _each in range(count):
        day += datetime.timedelta(days=1)
        while not is_working_day(day):
            day += datetime.timedelta(days=1)
    return day
