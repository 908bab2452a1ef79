"""From when until when residents may vote: the days that the office announces, each with an hour or as a whole."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.timezone import get_default_timezone
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from dongliang.seasons.models import Season

A_DAY = datetime.timedelta(days=1)
# An open round before its announced beginning, and one after its announced end.
EARLY, OVER = "early", "over"


@dataclass(frozen=True)
class Dates:
    """What is announced. A beginning or an end that is not, is left to whoever opens and closes the round."""

    opens_on: datetime.date | None = None
    closes_on: datetime.date | None = None
    # A first day counts from its first minute without one, a last day to its last.
    opens_time: datetime.time | None = None
    closes_time: datetime.time | None = None

    @cached_property
    def begins(self) -> datetime.datetime | None:
        """The first moment at which a ballot is taken."""
        return moment(self.opens_on, self.opens_time) if self.opens_on else None

    @cached_property
    def ends(self) -> datetime.datetime | None:
        """The first moment at which no ballot is taken any more."""
        if self.closes_on is None:
            return None
        if self.closes_time is None:
            return moment(self.closes_on + A_DAY)
        return moment(self.closes_on, self.closes_time)

    @property
    def first(self) -> str:
        return beginning_in_words(self.begins) if self.begins else ""

    @property
    def last(self) -> str:
        return end_in_words(self.ends) if self.ends else ""


def dates_of(season: Season) -> Dates:
    return Dates(season.opens_on, season.closes_on, season.opens_time, season.closes_time)


def moment(day: datetime.date, time: datetime.time | None = None) -> datetime.datetime:
    """That hour of the day, or where it begins, by the site's own time."""
    return datetime.datetime.combine(day, time or datetime.time.min, get_default_timezone())


def beginning_in_words(moment: datetime.datetime) -> str:
    """The day, and the hour if it is not the day's first."""
    local = moment.astimezone(get_default_timezone())
    return in_words(local.date(), local.time())


def end_in_words(moment: datetime.datetime) -> str:
    """The day that ends then, or the day and the hour."""
    local = moment.astimezone(get_default_timezone())
    is_whole = local.time() == datetime.time.min
    return in_words(local.date() - A_DAY if is_whole else local.date(), local.time())


def in_words(day: datetime.date, time: datetime.time) -> str:
    if time == datetime.time.min:
        return date_format(day, "DATE_FORMAT")
    # Translators: a day, and an hour of it such as 18:00.
    return _("%(day)s, %(time)s") % {"day": date_format(day, "DATE_FORMAT"), "time": f"{time:%H:%M}"}


def span_of(dates: Dates, *, has_begun: bool, has_ended: bool) -> tuple[float, float]:
    """The seconds since 1970 from which on, and before which, an open round takes ballots.

    What was seen to begin has begun, and what was seen to end has ended, even if the clock is set back.
    """
    begins = dates.begins.timestamp() if dates.begins and not has_begun else -math.inf
    if has_ended:
        return begins, -math.inf
    return begins, dates.ends.timestamp() if dates.ends else math.inf


def standing(state: str, span: tuple[float, float], at: float) -> str:
    """A round's state, and if that is to be open, whether the moment ``at`` is too early or too late for a ballot."""
    if state not in ("open", "paused"):
        return state
    begins, ends = span
    if at >= ends:
        return OVER
    return EARLY if at < begins and state == "open" else state
