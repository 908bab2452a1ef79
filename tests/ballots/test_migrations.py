"""What an installation of an earlier version becomes."""

import datetime
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.utils.timezone import localtime

from dongliang.ballots import migrations
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.models import AssistedVoice, Ballot
from tests.factories.ballots import NOON, cast, make_cast, make_rounds
from tests.factories.season import make_world


@pytest.fixture
def forget_minutes():
    [path] = Path(migrations.__path__[0]).glob("*_judged_cards_and_forgotten_traces.py")
    module = import_module(f"{migrations.__name__}.{path.stem}")
    return lambda: module.forget_minutes(apps, None)


def test_ballots_of_a_search_that_is_over_lose_minute_and_way_and_those_of_another_keep_them(
    db, forget_minutes
):
    world, other = make_world(), make_world(code="YZ")
    for each in (world, other):
        [secretaries, _projects] = make_rounds(each.season)
        cast(secretaries, make_cast(secretaries, each.enrolments[0]))
        close_rounds(each.season, by=None)
    world.season.rounds.update(search_ended_at=NOON)
    Ballot.objects.update(origin=b"\1\2\3\4")

    forget_minutes()

    shown = Ballot.objects.order_by("pk").values_list("cast_at", "channel", "origin")
    minute = NOON.replace(second=0, microsecond=0)
    assert [(at, way, origin and bytes(origin)) for at, way, origin in shown] == [
        (None, "", None),
        (minute, "code", b"\1\2\3\4"),
    ]


def test_of_an_assisted_vote_the_day_stays(db, forget_minutes):
    world = make_world()
    AssistedVoice.objects.create(enrolment=world.enrolments[0], serial=1, at=NOON)

    forget_minutes()

    at = localtime(AssistedVoice.objects.get().at)
    assert (at.date(), at.time()) == (localtime(NOON).date(), datetime.time())
