"""Rounds, household codes and ballots."""

import datetime
from typing import ClassVar

from dongliang.ballots import codes
from dongliang.ballots.actions.casting import Cast, cast_ballots
from dongliang.ballots.actions.rounds import close_rounds, open_rounds
from dongliang.ballots.gateways import Unreachable
from dongliang.ballots.intake.entitlement import Entitlement, Refusal, entitlement
from dongliang.ballots.intake.snapshot import read_snapshot
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Ballot, Flag, FlaggedBallot, Round
from dongliang.common.refusals import Refused
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment, Season
from tests.factories.season import World, make_rules, make_world

NOON = datetime.datetime(2021, 11, 1, 12, 34, 56, 789, tzinfo=datetime.UTC)


def make_rounds(season: Season) -> tuple[Round, Round]:
    """The season's two rounds, open: the one of secretaries, and the one of projects."""
    rounds = open_rounds(season, by=None)
    return rounds[Round.Kind.SECRETARIES], rounds[Round.Kind.PROJECTS]


def make_projects(season: Season) -> list[FirstThing]:
    """A first thing for each secretary, the categories in turn."""
    categories = [entry.key for entry in season.rules.categories]
    return [
        FirstThing.objects.create(
            enrolment=enrolment,
            category=categories[enrolment.number % len(categories)],
            title=f"第{enrolment.number}件事：楼道亮起来",
        )
        for enrolment in season.enrolments.all()
    ]


def make_code(enrolment: Enrolment, serial: int = 1) -> str:
    return codes.mint(season_key(enrolment.season), enrolment.number, serial)


def entitled(text: str, at: datetime.datetime = NOON) -> Entitlement | Refusal:
    """What the household code or pass entitles to at that moment."""
    return entitlement(read_snapshot(), text, at=at)


def make_cast(round: Round, enrolment: Enrolment, marks: str = "5545", serial: int = 1) -> Cast:
    """What the household's ballot comes to, once code and marks have been checked."""
    code = make_code(enrolment, serial)
    return Cast(enrolment.pk, codes.credential_digest(season_key(enrolment.season), round.kind, code), marks)


def cast(round: Round, *casts: Cast) -> list[str]:
    """The receipts. Raises Refused for the first that was not stored."""
    receipts = []
    for outcome in cast_ballots(round, casts, key=season_key(round.season), at=NOON):
        if isinstance(outcome, Refused):
            raise outcome
        receipts.append(outcome)
    return receipts


EVERY_WAY = ["household_code", "sms", "wechat", "assisted", "paper"]


def make_voting_world(*, verification: list[str] = EVERY_WAY, **changes) -> World:
    """The small season with its rounds open, and every way of voting in its rules unless told otherwise."""
    residents = make_rules().residents.model_dump() | {"verification": verification} | changes
    world = make_world(rules=make_rules(residents=residents))
    make_rounds(world.season)
    return world


class Outbox:
    """A gateway that keeps what it was given to send. ``tests.factories.ballots.Outbox`` in the settings."""

    sent: ClassVar[list[tuple[str, str]]] = []
    fails = False

    def send(self, number: str, code: str) -> None:
        if Outbox.fails:
            raise Unreachable("the test said so")
        Outbox.sent.append((number, code))


def cast_honestly(round: Round, *enrolments: Enrolment, count: int = 30) -> None:
    """Ballots of each neighbourhood as residents send them: hours apart, of all kinds, with cards in no order."""
    spelt = "5545 4445 5444 3434 4354 2333 5555 4455 3345 4544".split()
    for place in range(count):
        marks = spelt[place % len(spelt)] if round.kind == Round.Kind.SECRETARIES else str(1 + place % 6)
        cast_at(
            round, place, *(make_cast(round, home, marks, 1 + (place * 7) % count) for home in enrolments)
        )


def stuff_burst(round: Round, enrolment: Enrolment, *, first: int = 101, count: int = 14) -> None:
    """Ballots alike within a quarter of an hour of one night."""
    marks = "5555" if round.kind == Round.Kind.SECRETARIES else "2"
    casts = [make_cast(round, enrolment, marks, first + 3 * place) for place in range(count)]
    cast_at(round, 14.1, *casts[: count // 2])
    cast_at(round, 14.2, *casts[count // 2 :])


def cast_at(round: Round, hours: float, *casts: Cast) -> None:
    cast_ballots(round, casts, key=season_key(round.season), at=NOON + datetime.timedelta(minutes=60 * hours))


def make_stuffed_round(world: World, *, close: bool = True) -> Round:
    """The round of secretaries with honest ballots everywhere and a burst of fourteen in the first neighbourhood."""
    secretaries, _projects = make_rounds(world.season)
    cast_honestly(secretaries, *world.enrolments)
    stuff_burst(secretaries, world.enrolments[0])
    return close_rounds(world.season, by=None)[Round.Kind.SECRETARIES] if close else secretaries


def make_flag(season: Season, enrolment: Enrolment, *, kind: str = "burst") -> Flag:
    """A flag on all ballots of the neighbourhood in the round of secretaries, as examining would raise it."""
    round = season.rounds.get(kind=Round.Kind.SECRETARIES)
    ballots = list(round.ballots.filter(enrolment=enrolment, status=Ballot.Status.COUNTED))
    minute = "2021-11-02T14:40+00:00"
    flag = round.flags.create(
        enrolment=enrolment,
        kind=kind,
        number=len(ballots),
        evidence={
            "pattern": "5555",
            "nearly": True,
            "observed": len(ballots),
            "expected": 1.5,
            "among": len(ballots),
            "first": minute,
            "last": minute,
            "false_alarms": 0.00021,
            "times": {
                "start": "2021-11-01T12:00+00:00",
                "minutes": 120,
                "flagged": [0] * 12 + [len(ballots)] + [0] * 11,
                "others": [1, 3, 2, 4] * 6,
            },
            "shares": [
                ["5", 0.71, 0.42],
                ["4", 0.2, 0.31],
                ["3", 0.06, 0.18],
                ["2", 0.02, 0.05],
                ["1", 0, 0.02],
                ["0", 0.01, 0.02],
            ],
        },
    )
    FlaggedBallot.objects.bulk_create(FlaggedBallot(flag=flag, ballot=ballot) for ballot in ballots)
    return flag
