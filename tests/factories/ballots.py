"""Rounds, household codes and ballots."""

import datetime
from typing import ClassVar

from dongliang.ballots import codes
from dongliang.ballots.actions.casting import Cast, cast_ballots
from dongliang.ballots.actions.rounds import open_rounds
from dongliang.ballots.gateways import Unreachable
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Round
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


def make_cast(round: Round, enrolment: Enrolment, marks: str = "5545", serial: int = 1) -> Cast:
    """What the household's ballot comes to, once code and marks have been checked."""
    code = make_code(enrolment, serial)
    return Cast(enrolment.pk, codes.credential_digest(season_key(enrolment.season), round.kind, code), marks)


def cast(round: Round, *casts: Cast) -> list[str]:
    return cast_ballots(round, casts, key=season_key(round.season), at=NOON)


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
