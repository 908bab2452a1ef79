"""The search for stuffed ballots, and what two people decide about what it finds."""

from __future__ import annotations

import datetime
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from django.db import transaction
from django.utils.timezone import now

from dongliang.ballots import codes
from dongliang.ballots.actions.forgetting import forget_traces
from dongliang.ballots.models import Ballot, Flag, FlaggedBallot, Round, Verdict
from dongliang.ballots.queries.cards import cards_allowed
from dongliang.ballots.queries.integrity import (
    ending_blockers,
    examining_blockers,
    previewing_blockers,
    verdict_blockers,
)
from dongliang.ballots.queries.rounds import proven_key
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.engine.data import Ballots
from dongliang.engine.data import Flag as Found
from dongliang.engine.integrity import FEWEST, examine
from dongliang.people.models import Account
from dongliang.seasons.models import Season

ROWS_AT_ONCE = 10_000
# Bars of a flag's chart of times: the neighbourhood's whole round in so many.
BARS = 24
UNKNOWN = -1


def examine_round(round: Round, *, by: Account | None) -> list[Flag]:
    """Search the closed round's counted ballots and store what is found as flags. Raises Refused.

    Flags that nobody has judged yet are replaced; what somebody has spoken about stands, and is not raised again. The
    ballots are read and searched outside the transaction: after the close only the panel changes them.
    """
    if blockers := examining_blockers(round):
        raise Refused(blockers)
    read = ReadBallots.of(round)
    found = read.searched()
    return store_flags(round, read, found, by=by)


def preview_flags(round: Round, *, by: Account | None) -> dict[str, int]:
    """How many flags of each kind the ballots of an open round would raise now. Nothing is stored. Raises Refused.

    Kinds and numbers only: where, and what these ballots say, would tell the office how the vote goes. The search runs
    outside the transaction, which would keep residents waiting.
    """
    if blockers := previewing_blockers(round):
        raise Refused(blockers)
    kinds = Counter(flag.kind for flag in ReadBallots.of(round).searched())
    with transaction.atomic():
        log_action("ballots.round.previewed", round, by=by, flags=sum(kinds.values()))
    return {kind: kinds[kind] for kind in sorted(kinds)}


@transaction.atomic
def store_flags(round: Round, read: ReadBallots, found: Sequence[Found], *, by: Account | None) -> list[Flag]:
    # The round is locked by judging too: no verdict is given meanwhile on a flag that goes.
    round = Round.objects.select_for_update().get(pk=round.pk)
    if blockers := examining_blockers(round):
        raise Refused(blockers)
    # Those of revoked cards are raised by the close, and once.
    round.flags.filter(state=Flag.State.RAISED, verdicts=None).exclude(kind=Ballot.Exclusion.REVOKED).delete()
    standing = standing_flags(round)
    flags = []
    for flag in found:
        ballots = read.keys[flag.ballots].tolist()
        place = (read.enrolments[flag.target], flag.kind)
        if any(2 * len(held.intersection(ballots)) > len(ballots) for held in standing.get(place, [])):
            continue
        stored = round.flags.create(
            enrolment_id=place[0], kind=flag.kind, number=len(ballots), evidence=read.evidence(flag)
        )
        FlaggedBallot.objects.bulk_create(
            (FlaggedBallot(flag=stored, ballot_id=ballot) for ballot in ballots), batch_size=ROWS_AT_ONCE
        )
        flags.append(stored)
    round.examined_at = now()
    round.save(update_fields=["examined_at"])
    kinds = Counter(flag.kind for flag in flags)
    log_action("ballots.round.examined", round, by=by, ballots=len(read.keys), flags=dict(kinds))
    return flags


def standing_flags(round: Round) -> dict[tuple[int, str], list[set[int]]]:
    """The ballots of each flag that stays, by neighbourhood and kind."""
    rows = FlaggedBallot.objects.filter(flag__round=round).order_by("flag_id")
    found: dict[tuple[int, str], list[set[int]]] = {}
    columns = rows.values_list("flag_id", "flag__enrolment_id", "flag__kind", "ballot_id")
    for (_flag, enrolment, kind), held in groupby(columns, key=itemgetter(0, 1, 2)):
        found.setdefault((enrolment, kind), []).append({row[3] for row in held})
    return found


@transaction.atomic
def judge_flag(flag: Flag, *, decision: str, reason: str, by: Account) -> Flag:
    """One panel member's verdict. The second one decides. Raises Refused.

    Only two different people who both say so exclude the flagged ballots; every other pair of verdicts keeps them.
    """
    # The round first, as examining locks it: flags come and go under that lock only.
    Round.objects.select_for_update().get(pk=flag.round_id)
    found = Flag.objects.filter(pk=flag.pk).select_related("round", "enrolment").first()
    if blockers := verdict_blockers(found, by, decision=decision, reason=reason):
        raise Refused(blockers)
    flag = found or flag
    flag.verdicts.create(by=by, decision=decision, reason=reason.strip())
    # What was said stays out of the log until both have spoken: it would tell the second one.
    log_action("ballots.flag.judged", flag, by=by)
    decisions = list(flag.verdicts.values_list("decision", flat=True))
    if len(decisions) > 1:
        settle_flag(flag, exclude=set(decisions) == {Verdict.Decision.EXCLUDE}, by=by)
    return flag


def settle_flag(flag: Flag, *, exclude: bool, by: Account) -> None:
    if exclude:
        flag.excluded = Ballot.objects.filter(
            pk__in=flag.ballots.values("ballot"), status=Ballot.Status.COUNTED
        ).update(status=Ballot.Status.EXCLUDED, exclusion=flag.kind)
    flag.state = Flag.State.EXCLUDED if exclude else Flag.State.KEPT
    flag.decided_at = now()
    flag.save(update_fields=["state", "decided_at", "excluded"])
    log_action(
        "ballots.flag.decided",
        flag,
        by=by,
        state=flag.state,
        ballots=flag.excluded,
        verdicts=[[verdict.by_id, verdict.decision] for verdict in flag.verdicts.all()],
    )


@transaction.atomic
def end_search(season: Season, *, by: Account | None) -> Season:
    """End the search for good: nothing is excluded after it, and when, how and from where ballots came is forgotten.

    Raises Refused. Ending it twice changes nothing.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := ending_blockers(season):
        raise Refused(blockers)
    for round in season.rounds.select_for_update().filter(search_ended_at=None):
        round.search_ended_at = now()
        round.save(update_fields=["search_ended_at"])
        log_action("ballots.round.search_ended", round, by=by, ways=forget_traces(round))
    return season


# Reading the ballots into columns.


@dataclass
class ReadBallots:
    """The counted ballots of a round in columns, a row a ballot, for the engine; and what leads back to them.

    Serials are nowhere stored: they are found here, for the search alone, by making the neighbourhood's codes again.
    """

    kind: str
    enrolments: list[int] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    pattern: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    keys: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    target: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    minute: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    origin: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    serial: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, round: Round) -> ReadBallots:
        key, season = proven_key(round.season), round.season
        entries = list(season.enrolments.select_related("post__organisation"))
        place = {entry.pk: index for index, entry in enumerate(entries)}
        names = ("keys", "target", "pattern", "minute", "origin", "serial")
        columns = {name: array("q") for name in names}
        code: dict[str, int] = {}
        for enrolment, rows in groupby(counted_rows(round), key=itemgetter(0)):
            ballots = list(rows)
            target = place[enrolment]
            credentials = [row[5] for row in ballots if row[6] == Ballot.Channel.CODE]
            serials = (
                card_serials(
                    key,
                    round.kind,
                    entries[target].number,
                    map(bytes, credentials),
                    cards_allowed(entries[target]),
                )
                if len(ballots) >= FEWEST
                else {}
            )
            for _enrolment, pk, marks, cast_at, origin, credential, _channel in ballots:
                columns["keys"].append(pk)
                columns["target"].append(target)
                columns["pattern"].append(code.setdefault(marks, len(code)))
                columns["minute"].append(int(cast_at.timestamp()) // 60)
                columns["origin"].append(UNKNOWN if origin is None else int.from_bytes(bytes(origin)))
                columns["serial"].append(serials.get(bytes(credential), UNKNOWN))
        return cls(
            kind=round.kind,
            enrolments=[entry.pk for entry in entries],
            patterns=list(code),
            **{name: np.array(column, dtype=np.int64) for name, column in columns.items()},
        )

    @property
    def marks(self) -> np.ndarray:
        """What each ballot says: its marks; or, of picks, one number that stands for the projects picked together."""
        if self.kind == Round.Kind.PROJECTS:
            return self.pattern[:, None] + 1
        return np.array([[int(mark) for mark in pattern] for pattern in self.patterns])[self.pattern]

    def spelt(self, pattern: tuple[int, ...]) -> str:
        """A pattern of the engine's as ballots store it."""
        if self.kind == Round.Kind.PROJECTS and pattern:
            return self.patterns[pattern[0] - 1]
        return "".join(map(str, pattern))

    def searched(self) -> tuple[Found, ...]:
        if not len(self.keys):
            return ()
        return examine(
            Ballots(
                target=self.target,
                marks=self.marks,
                minute=self.minute,
                n_targets=len(self.enrolments),
                origin=self.origin,
                serial=self.serial,
            )
        )

    def evidence(self, flag: Found) -> dict[str, Any]:
        """What the panel is shown: numbers in total, in JSON."""
        own = np.flatnonzero(self.target == flag.target)
        return {
            "pattern": self.spelt(flag.pattern),
            "nearly": flag.nearly,
            "observed": flag.observed,
            "expected": round(flag.expected, 1),
            "among": flag.among,
            "first": spelt_minute(flag.first_minute),
            "last": spelt_minute(flag.last_minute),
            "false_alarms": float(f"{flag.false_alarms:.2g}"),
            "times": self.times(own, flag),
            "shares": self.shares(own, flag),
        }

    def times(self, own: np.ndarray, flag: Found) -> dict[str, Any]:
        """When the neighbourhood's ballots were cast, those of the flag and the others, in bars of equal length."""
        minute = self.minute[own]
        length = max(1, -(-(int(minute.max()) - int(minute.min()) + 1) // BARS))
        bar = (minute - minute.min()) // length
        held = np.isin(own, flag.ballots)
        bars = int(bar.max()) + 1
        return {
            "start": spelt_minute(int(minute.min())),
            "minutes": length,
            "flagged": np.bincount(bar[held], minlength=bars).tolist(),
            "others": np.bincount(bar[~held], minlength=bars).tolist(),
        }

    def shares(self, own: np.ndarray, flag: Found) -> list[list[Any]]:
        """[mark, share here, share in all other neighbourhoods]; of picks, the flag's own picks only."""
        here, elsewhere = self.target == flag.target, self.target != flag.target
        if self.kind == Round.Kind.PROJECTS:
            if not flag.pattern:
                return []
            alike = self.pattern == flag.pattern[0] - 1
            return [[self.spelt(flag.pattern), share(alike, here), share(alike, elsewhere)]]
        marks = self.marks
        return [
            [str(mark), share(marks == mark, here), share(marks == mark, elsewhere)]
            for mark in range(5, -1, -1)
        ]


def share(given: np.ndarray, rows: np.ndarray) -> float:
    return round(float(given[rows].mean()), 4) if rows.any() else 0.0


def spelt_minute(minute: int) -> str:
    return datetime.datetime.fromtimestamp(60 * minute, datetime.UTC).isoformat(timespec="minutes")


def counted_rows(round: Round) -> Iterator[tuple[Any, ...]]:
    """The round's counted ballots by neighbourhood, a batch at a time: a million are never in memory as rows."""
    return (
        Ballot.objects.filter(round=round, status=Ballot.Status.COUNTED)
        .order_by("enrolment_id", "pk")
        .values_list("enrolment_id", "pk", "marks", "cast_at", "origin", "credential", "channel")
        .iterator(chunk_size=ROWS_AT_ONCE)
    )


def card_serials(
    key: bytes, kind: str, number: int, credentials: Iterable[bytes], most: int
) -> dict[bytes, int]:
    """The serial behind each credential of one neighbourhood's cards, as far as there is one up to ``most``."""
    wanted = set(credentials)
    found: dict[bytes, int] = {}
    for serial in range(1, most + 1):
        if len(found) == len(wanted):
            break
        digest = codes.digest_of_symbols(key, kind, codes.minted(key, number, serial))
        if digest in wanted:
            found[digest] = serial
    return found
