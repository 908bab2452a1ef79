"""What the residents' pages are made of, read beforehand and kept in memory: seasons, rules, names, keys.

A snapshot may be a second old. The one thing that must be true at the moment, whether the round is open, is asked for
again in the transaction that stores a ballot.
"""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field, replace
from typing import Any

from dongliang.ballots import codes
from dongliang.ballots.models import Round
from dongliang.ballots.queries.cards import revoked_serials
from dongliang.ballots.queries.residents import enrolments_with_project
from dongliang.ballots.queries.rounds import rounds_of, seasons_with_rounds
from dongliang.ballots.queries.sample import sampled_serials
from dongliang.common.refusals import Refused
from dongliang.seasons.models import Season
from dongliang.seasons.queries import enrolments
from dongliang.seasons.rulebook import RuleBookContent

# Names and titles change rarely and are many: they are read again after so many seconds only.
NAMES_LAST = 30.0


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

    @property
    def is_open(self) -> bool:
        return self.state == Round.State.OPEN


@dataclass(frozen=True)
class Names:
    """The names and titles of a season. ``pages`` are parts of pages made of them, by what makes them differ."""

    rules: RuleBookContent
    neighbourhoods: dict[int, Neighbourhood]
    projects: dict[int, Project]
    # Serials of the cards of the random sample, by secretary's number.
    sampled: dict[int, frozenset[int]]
    read_at: float = field(compare=False)
    pages: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class SeasonNow:
    """A season as residents meet it."""

    pk: int
    key: bytes = field(repr=False)
    opens_on: datetime.date | None
    closes_on: datetime.date | None
    rounds: dict[str, RoundNow]
    names: Names
    # Serials of cards declared lost, by secretary's number.
    revoked: dict[int, frozenset[int]]

    @property
    def rules(self) -> RuleBookContent:
        return self.names.rules


@dataclass(frozen=True)
class Snapshot:
    """Every season that residents may ask about, newest first; or the fault that keeps them from voting."""

    seasons: tuple[SeasonNow, ...] = ()
    fault: Refused | None = None


def read_snapshot(before: Snapshot | None = None) -> Snapshot:
    """The present state; names that were read lately are taken from the snapshot ``before``."""
    known = {season.pk: season.names for season in before.seasons} if before else {}
    try:
        found = seasons_with_rounds()
    except Refused as fault:
        return Snapshot(before.seasons if before else (), fault)
    if before and {season.key for season in before.seasons} - {key for _season, key in found}:
        # Destroyed, maybe by another process.
        codes.forget_keys()
    return Snapshot(tuple(read_season(season, key, known.get(season.pk)) for season, key in found))


def read_season(season: Season, key: bytes, known: Names | None) -> SeasonNow:
    rounds = {kind: RoundNow(round.pk, kind, round.state) for kind, round in rounds_of(season).items()}
    now = time.monotonic()
    if known is None or now - known.read_at > NAMES_LAST:
        names = read_names(season, key, now)
        # What was made of the same names is kept, being dear to make.
        known = replace(known, read_at=now) if known == names else names
    return SeasonNow(
        season.pk, key, season.opens_on, season.closes_on, rounds, known, revoked_serials(season)
    )


def read_names(season: Season, key: bytes, now: float) -> Names:
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
    return Names(season.rules, neighbourhoods, projects, sampled_serials(season, key), now)
