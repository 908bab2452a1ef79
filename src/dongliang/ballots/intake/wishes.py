"""What pages want from the database, and how the wishes of many visitors are granted at once."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError
from django.utils.timezone import now

from dongliang.ballots.actions.casting import Cast, cast_ballots
from dongliang.ballots.intake.lost import lose_connection, ready_to_store
from dongliang.ballots.intake.snapshot import Snapshot, read_snapshot, signs_of_names, signs_of_states
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.residents import FoundBallot, ballots_with, votes_counted
from dongliang.common.refusals import Refused
from dongliang.common.steps import Steps, carried_out

logger = logging.getLogger(__name__)

# What ails the database rather than the wish. An InternalError is what PostgreSQL calls a file that may not grow.
TO_BE_TRIED_LATER = (OperationalError, InterfaceError, InternalError)
# A resident's phone waits for so long for one word of the database. PostgreSQL gives up a little earlier where it waits for
# somebody's lock: then it is known that nothing was stored.
SECONDS_TO_ANSWER = 5.0
GIVES_UP = "SET statement_timeout = '4s'"


@dataclass(frozen=True)
class HasVoted:
    """Whether a ballot of this credential is counted in the round."""

    round: int
    credential: bytes


@dataclass(frozen=True)
class BallotOf:
    """What became of the ballot whose receipt has one of these digests: a FoundBallot, or None."""

    digests: tuple[bytes, ...]


@dataclass(frozen=True)
class StateOf:
    """The round's state at this moment."""

    round: int


@dataclass(frozen=True)
class IsStored:
    """Whether there is a ballot with this receipt's digest and these marks: the same page sent once more."""

    receipt: bytes
    marks: str


@dataclass(frozen=True, eq=False)
class Now:
    """The present snapshot, in place of the one ``before``."""

    before: Snapshot | None


@dataclass(frozen=True, eq=False)
class IsCurrent:
    """Whether the snapshot still says what is; of names and titles only if asked for."""

    snapshot: Snapshot
    with_names: bool


@dataclass(frozen=True)
class Store:
    """A ballot to be stored: durable when the wish is granted with its receipt."""

    round: int
    key: bytes = field(repr=False)
    cast: Cast


class Unavailable(Exception):
    """The database does not answer, or more is waiting for it than it can take: to be tried again later."""


class TooOften(Exception):
    """So many ballots of one credential came that the next one has to wait for so many ``seconds``."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def grant_lookups(wishes: Sequence[Any]) -> list[Any]:
    """The answer to each wish, or the exception it met."""
    return granted(wishes, look_up)


def grant_stores(wishes: Sequence[Store]) -> list[Any]:
    """The receipt for each ballot, or the exception it met. What has a receipt is durable."""
    return granted(wishes, store)


def granted(wishes: Sequence[Any], grant: Any) -> list[Any]:
    """``grant`` applied to all, and where that fails, to each: one wish that cannot be granted spoils no other.

    A connection that broke, as all do when the database starts anew, is closed, and a new one is tried once. That is
    safe for ballots as well, of which nobody knows whether they got through: the same page is never stored twice.
    """
    outcomes: list[Any] = [None] * len(wishes)
    failed: list[int] = []
    for attempt in (1, 2):
        began = time.monotonic()
        try:
            outcomes = grant(wishes)
            break
        except TO_BE_TRIED_LATER as error:
            lose_connection()
            if attempt == 2 or time.monotonic() - began >= SECONDS_TO_ANSWER:
                logger.error("The database does not answer residents: %s", error)
                return [Unavailable()] * len(wishes)
        except Exception as error:
            logger.exception("Residents' wishes, %d at once, met a fault", len(wishes))
            if len(wishes) == 1:
                return [error]
            failed = list(range(len(wishes)))
            break
    for place in failed:
        outcomes[place] = granted([wishes[place]], grant)[0]
    return outcomes


def store(wishes: Sequence[Store]) -> list[Any]:
    """Store ballots, those of each round in a transaction."""
    ready_to_store()
    outcomes: list[Any] = [None] * len(wishes)
    for (round, key), places in by_round(wishes).items():
        try:
            receipts: Sequence[Any] = cast_ballots(
                Round(pk=round), [wishes[place].cast for place in places], key=key, at=now()
            )
        except Refused as refused:
            receipts = [refused] * len(places)
        for place, receipt in zip(places, receipts, strict=True):
            outcomes[place] = receipt
    return outcomes


def by_round(wishes: Sequence[Store]) -> dict[tuple[int, bytes], list[int]]:
    """The places of ``wishes`` by round and key."""
    rounds: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for place, wish in enumerate(wishes):
        rounds[wish.round, wish.key].append(place)
    return rounds


def look_up(wishes: Sequence[Any]) -> list[Any]:
    """Answer questions with as many statements as there are kinds of question."""
    answers: dict[Any, Any] = {}
    for kind, alike in by_kind(wishes).items():
        answers |= carried_out(ASKED[kind](alike)) if kind in ASKED else LOOKUPS[kind](alike)
    return [answers[wish] for wish in wishes]


def by_kind(wishes: Sequence[Any]) -> dict[type, list[Any]]:
    kinds: dict[type, list[Any]] = defaultdict(list)
    for wish in wishes:
        kinds[type(wish)].append(wish)
    return kinds


def asking_for_votes(wishes: Sequence[HasVoted]) -> Steps[dict[HasVoted, bool]]:
    counted = yield from votes_counted({(wish.round, wish.credential) for wish in wishes})
    return {wish: (wish.round, wish.credential) in counted for wish in wishes}


def asking_for_ballots(wishes: Sequence[BallotOf]) -> Steps[dict[BallotOf, FoundBallot | None]]:
    found = yield from ballots_with({digest for wish in wishes for digest in wish.digests})
    return {
        wish: next((found[digest] for digest in wish.digests if digest in found), None) for wish in wishes
    }


def asking_whether_current(wishes: Sequence[IsCurrent]) -> Steps[dict[IsCurrent, bool]]:
    states = yield from signs_of_states()
    named = (yield from signs_of_names()) if any(wish.with_names for wish in wishes) else None
    return {
        wish: wish.snapshot.states == states and (not wish.with_names or wish.snapshot.named == named)
        for wish in wishes
    }


def look_up_states(wishes: Sequence[StateOf]) -> dict[StateOf, str]:
    states = dict(Round.objects.filter(pk__in={wish.round for wish in wishes}).values_list("pk", "state"))
    return {wish: states[wish.round] for wish in wishes}


def look_up_stored(wishes: Sequence[IsStored]) -> dict[IsStored, bool]:
    receipts = {wish.receipt for wish in wishes}
    rows = Ballot.objects.filter(receipt__in=receipts).values_list("receipt", "marks")
    stored = {(bytes(receipt), marks) for receipt, marks in rows}
    return {wish: (wish.receipt, wish.marks) in stored for wish in wishes}


def look_up_now(wishes: Sequence[Now]) -> dict[Now, Snapshot]:
    return {wish: read_snapshot(wish.before) for wish in wishes}


# What is asked at every visit or every second, in steps; and what is rarely asked.
ASKED: dict[type, Callable[[Sequence[Any]], Steps[dict[Any, Any]]]] = {
    HasVoted: asking_for_votes,
    BallotOf: asking_for_ballots,
    IsCurrent: asking_whether_current,
}
LOOKUPS: dict[type, Callable[[Sequence[Any]], dict[Any, Any]]] = {
    StateOf: look_up_states,
    IsStored: look_up_stored,
    Now: look_up_now,
}
