"""What stands against other days of voting. Before the rounds open, any do; then those who vote have been told."""

import datetime
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dongliang.ballots.calendar import OVER, Dates, dates_of, end_in_words
from dongliang.ballots.models import MovedEnd, Round
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.refusals import Blocker
from dongliang.seasons.models import Season

# Nobody is told of an end that comes at once: pages say it, and a ballot under way arrives.
NOTICE = datetime.timedelta(minutes=5)
YEARS = range(2000, 2101)


@dataclass(frozen=True)
class ToldEnd:
    """An end that was moved while residents were voting, in words. ``before`` is empty where none had been announced."""

    at: datetime.datetime
    before: str
    after: str
    reason: str
    # Whether the one before had come already, so that voting began once more.
    was_over: bool


def moved_ends_of(season: Season) -> list[ToldEnd]:
    """Every end that was moved while residents were voting, the first one first: for everybody to read."""
    return [told(moved) for moved in season.moved_ends.all()]


def all_moved_ends() -> dict[Season, list[ToldEnd]]:
    """The same of every season that has any."""
    found: dict[Season, list[ToldEnd]] = {}
    for moved in MovedEnd.objects.select_related("season"):
        found.setdefault(moved.season, []).append(told(moved))
    return found


def told(moved: MovedEnd) -> ToldEnd:
    return ToldEnd(
        moved.at,
        end_in_words(moved.before) if moved.before else "",
        end_in_words(moved.after),
        moved.reason,
        moved.before is not None and moved.at >= moved.before,
    )


def waits_to_be_closed(season: Season, *, at: datetime.datetime) -> bool:
    """Whether the announced end has come, and a round is not closed yet."""
    return any(round.standing(at) == OVER for round in rounds_of(season).values())


def is_beginning_moved(season: Season, wanted: Dates) -> bool:
    return is_open(season) and wanted.begins != dates_of(season).begins


def is_end_moved(season: Season, wanted: Dates) -> bool:
    """Whether another end is announced to residents who can vote, or once more the one that has come already."""
    if not is_open(season):
        return False
    has_ended = any(round.ended_at for round in rounds_of(season).values())
    return has_ended or wanted.ends != dates_of(season).ends


def is_open(season: Season) -> bool:
    return any(round.state != Round.State.PREPARED for round in rounds_of(season).values())


def days_blockers(season: Season, wanted: Dates, *, reason: str, at: datetime.datetime) -> list[Blocker]:
    """Every reason why these days cannot be announced in the place of those that are."""
    rounds = rounds_of(season).values()
    if rounds and all(round.state == Round.State.CLOSED for round in rounds):
        return [
            Blocker(
                "ballots.closed_for_good",
                _("The residents' rounds are closed."),
                _("The days of voting stay as they were announced."),
            )
        ]
    if found := odd_days(wanted):
        return found
    if is_beginning_moved(season, wanted):
        found += beginning_blockers(season, wanted, at=at)
    if is_end_moved(season, wanted):
        found += end_blockers(wanted, at=at)
    if not reason and (is_beginning_moved(season, wanted) or is_end_moved(season, wanted)):
        found.append(
            Blocker(
                "ballots.no_reason",
                _("The rounds are open, so that other days need a reason."),
                _("Write in a few words why. Residents read it where the end is moved."),
            )
        )
    return found


def odd_days(wanted: Dates) -> list[Blocker]:
    """What is odd about the days by themselves."""
    sentence = ""
    for day in filter(None, (wanted.opens_on, wanted.closes_on)):
        if day.year not in YEARS:
            sentence = _("%(day)s is in no year in which people vote.") % {"day": day.isoformat()}
    if (wanted.opens_time and not wanted.opens_on) or (wanted.closes_time and not wanted.closes_on):
        sentence = _("There is an hour without its day.")
    if not sentence and wanted.begins and wanted.ends and wanted.ends <= wanted.begins:
        sentence = _("The end, %(closes)s, is before the beginning, %(opens)s.") % {
            "closes": wanted.last,
            "opens": wanted.first,
        }
    return [Blocker("ballots.dates", sentence, _("Correct one of the two."))] if sentence else []


def beginning_blockers(season: Season, wanted: Dates, *, at: datetime.datetime) -> list[Blocker]:
    """Why voting in open rounds cannot begin then."""
    running = [round for round in rounds_of(season).values() if round.state != Round.State.PREPARED]
    if any(at.timestamp() >= begins for begins, _ends in (round.span for round in running)):
        return [
            Blocker(
                "ballots.begun",
                _("Voting has begun, and when it began stays what it is."),
                _("Leave the first day and its hour as they were. Only the end can be moved."),
            )
        ]
    if wanted.begins is None or wanted.begins <= at:
        return [
            Blocker(
                "ballots.beginning_past",
                _("The beginning has been announced, and can be moved to a moment that is to come."),
                _("Give a later day or hour."),
            )
        ]
    return []


def end_blockers(wanted: Dates, *, at: datetime.datetime) -> list[Blocker]:
    """Why voting in open rounds cannot end then."""
    if wanted.ends is None:
        return [
            Blocker(
                "ballots.end_taken_back",
                _("The end has been announced. It can be moved, and not taken back."),
                _("Give a last day."),
            )
        ]
    if wanted.ends < at + NOTICE:
        return [
            Blocker(
                "ballots.end_past",
                _("The end, %(closes)s, is past, or less than %(minutes)d minutes away.")
                % {"closes": wanted.last, "minutes": NOTICE // datetime.timedelta(minutes=1)},
                _("Give a later one. To take no ballots from now on, pause the rounds."),
            )
        ]
    return []
