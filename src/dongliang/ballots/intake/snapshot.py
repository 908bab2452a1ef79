"""What the residents' pages are made of, read beforehand and kept in memory: seasons, rules, names, keys.

A snapshot may be a second old. The one thing that must be true at the moment, whether the round is open, is asked for
again in the transaction that stores a ballot. Whether its announced beginning and end have come is judged by the clock, at
each visit; another end is announced minutes before it comes.

Reading one takes milliseconds, while every resident waits. So a snapshot carries the signs that it can be told by to be out
of date, which take no time to read, and only when these have changed is all of it read again.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.utils.timezone import now

from dongliang.ballots import calendar, codes
from dongliang.ballots.actions.rounds import note_moments
from dongliang.ballots.calendar import Dates, dates_of
from dongliang.ballots.keys import key_trace
from dongliang.ballots.models import RevokedCard, Round, Sample
from dongliang.ballots.queries.cards import revoked_serials
from dongliang.ballots.queries.residents import enrolments_with_project
from dongliang.ballots.queries.rounds import rounds_of, seasons_with_rounds
from dongliang.ballots.queries.sample import sampled_serials
from dongliang.common.refusals import Refused
from dongliang.common.steps import Ask, Steps, asked, carried_out
from dongliang.seasons.models import Enrolment, RuleBook, Season
from dongliang.seasons.queries import enrolments
from dongliang.seasons.rulebook import RuleBookContent


@dataclass(frozen=True)
class Neighbourhood:
    """Whose card it is: a neighbourhood and its secretary."""

    enrolment_id: int
    number: int
    secretary: str
    name: str
    subdistrict: str
    code: str


@dataclass(frozen=True)
class Project:
    """What a neighbourhood's secretary set out to get done; its number on a ballot is the secretary's."""

    number: int
    title: str
    place: str
    category: str


@dataclass(frozen=True)
class RoundNow:
    pk: int
    kind: str
    state: str
    # The seconds since 1970 from which on, and before which, it takes ballots while it is open.
    span: tuple[float, float] = (-math.inf, math.inf)

    def standing(self, at: float) -> str:
        """Its state; of an open one also whether a visit of that second comes too early or too late."""
        return calendar.standing(self.state, self.span, at)


@dataclass(frozen=True)
class Names:
    """The names and titles of a season. ``pages`` are parts of pages made of them, by what makes them differ."""

    rules: RuleBookContent
    neighbourhoods: dict[int, Neighbourhood]
    projects: dict[int, Project]
    # Serials of the cards of the random sample, by secretary's number.
    sampled: dict[int, frozenset[int]]
    pages: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class SeasonNow:
    """A season as residents meet it."""

    pk: int
    key: bytes = field(repr=False)
    dates: Dates
    rounds: dict[str, RoundNow]
    names: Names
    # Serials of cards declared lost, by secretary's number.
    revoked: dict[int, frozenset[int]]

    @property
    def rules(self) -> RuleBookContent:
        return self.names.rules


@dataclass(frozen=True)
class Snapshot:
    """Every season that residents may ask about, newest first; or the fault that keeps them from voting.

    ``states`` and ``named`` are the signs it can be told by to be out of date: ``signs_of_states``, ``signs_of_names``.
    """

    seasons: tuple[SeasonNow, ...] = ()
    fault: Refused | None = None
    states: Any = None
    named: Any = None
    # When the next announced beginning or end comes, in seconds since 1970: to be written down then.
    next_moment: float = math.inf

    @property
    def may_mend(self) -> bool:
        """Whether a key that is there could not be read, or is the wrong one. What stood in the way may pass without a sign."""
        keys = self.states[-1] if self.states else []
        return self.fault is not None or len(self.seasons) < sum(map(bool, keys))


def signs_of_states() -> Steps[Any]:
    """What differs as soon as a round, a key or a revoked card does."""
    rounds = yield states_asked()
    revoked = yield Ask(f"SELECT count(*), max(id) FROM {RevokedCard._meta.db_table}", [])
    return rounds, revoked, [key_trace(slug) for slug in sorted({slug for slug, *_more in rounds})]


def signs_of_names() -> Steps[Any]:
    """What differs as soon as a name, a title, the rules or the sample do. They are many, and rarely change."""
    signs = []
    for ask in names_asked():
        signs.append(hash(tuple((yield ask))))
    return signs


@cache
def states_asked() -> Ask:
    return asked(
        Round.objects.order_by("pk").values_list(
            "season__slug",
            "season__opens_on",
            "season__closes_on",
            "season__opens_time",
            "season__closes_time",
            "pk",
            "kind",
            "state",
            "begun_at",
            "ended_at",
            "key_digest",
        )
    )


@cache
def names_asked() -> tuple[Ask, ...]:
    who = ("pk", "season", "number", "person__name", "post__organisation__name", "post__organisation__code")
    more = ("post__organisation__parent__name", "first_thing__title", "first_thing__category")
    with_rounds = Season.objects.filter(rounds__isnull=False)
    return (
        asked(Enrolment.objects.filter(season__in=with_rounds).order_by("pk").values_list(*who, *more)),
        asked(RuleBook.objects.filter(season__in=with_rounds).order_by("pk").values_list("pk", "sha256")),
        asked(Sample.objects.order_by("pk").values_list("pk", "seed_sha256")),
    )


def read_snapshot(before: Snapshot | None = None) -> Snapshot:
    """The present state. What it shares with the snapshot ``before`` is taken from there, being dear to make."""
    # First, so that what changes while the rest is read is noticed the next time.
    states, named = carried_out(signs_of_states()), carried_out(signs_of_names())
    known = {season.pk: season.names for season in before.seasons} if before else {}
    still_named = before is not None and before.named == named
    try:
        found = seasons_with_rounds()
    except Refused as fault:
        return Snapshot(before.seasons if before else (), fault, states, named)
    if before and {season.key for season in before.seasons} - {key for _season, key in found}:
        # Destroyed, maybe by another process.
        codes.forget_keys()
    at = now()
    if overdue := [
        season for season, _key in found if any(r.moments_come(at) for r in rounds_of(season).values())
    ]:
        for season in overdue:
            note_moments(season, at=at)
        return read_snapshot(before)
    coming = [moment for season, _key in found for moment in coming_moments(season, at=at)]
    seasons = tuple(read_season(season, key, known.get(season.pk), still_named) for season, key in found)
    return Snapshot(seasons, None, states, named, min(coming, default=math.inf))


def coming_moments(season: Season, *, at: datetime.datetime) -> list[float]:
    """The season's announced beginning and end that are to come, in seconds since 1970."""
    moments = [dates_of(season).begins, dates_of(season).ends]
    return [moment.timestamp() for moment in moments if moment and moment > at]


def read_season(season: Season, key: bytes, known: Names | None, still_named: bool) -> SeasonNow:
    rounds = {
        kind: RoundNow(round.pk, kind, round.state, round.span) for kind, round in rounds_of(season).items()
    }
    if known is None or not still_named:
        names = read_names(season, key)
        # With all the pages made of them.
        known = known if known == names else names
    return SeasonNow(season.pk, key, dates_of(season), rounds, known, revoked_serials(season))


def read_names(season: Season, key: bytes) -> Names:
    neighbourhoods = {
        enrolment.number: Neighbourhood(
            enrolment.pk,
            enrolment.number,
            enrolment.person.name,
            enrolment.organisation.name,
            enrolment.subdistrict.name,
            enrolment.organisation.code,
        )
        for enrolment in enrolments(season)
    }
    projects = {
        enrolment.number: Project(
            enrolment.number,
            enrolment.first_thing.title,
            enrolment.organisation.name,
            enrolment.first_thing.category,
        )
        for enrolment in enrolments_with_project(season)
    }
    return Names(season.rules, neighbourhoods, projects, sampled_serials(season, key))
