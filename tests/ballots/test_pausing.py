import datetime

import pytest

from dongliang.ballots.actions.pausing import pause_rounds, resume_rounds
from dongliang.ballots.actions.rounds import announce_dates, close_rounds, open_rounds, prepare_rounds
from dongliang.ballots.models import Ballot
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.scoring.actions import end_collecting
from tests.factories.ballots import cast, make_cast, make_rounds
from tests.factories.season import make_world


@pytest.fixture
def world(db):
    return make_world()


def refusal(action, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        action(*args, **kwargs)
    return [blocker.code for blocker in refused.value.blockers]


def states(world):
    return {kind: round.state for kind, round in rounds_of(world.season).items()}


def test_a_paused_round_takes_nothing_and_goes_on_where_it_stopped(world):
    secretaries, _ = make_rounds(world.season)
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "5545"))

    pause_rounds(world.season, by=world.accounts["office"], reason="有人捡到一叠卡")
    refused = refusal(cast, secretaries, make_cast(secretaries, world.enrolments[0], "1111"))
    resume_rounds(world.season, by=world.accounts["office"])
    cast(secretaries, make_cast(secretaries, world.enrolments[1], "3333"))

    assert refused == ["ballots.not_open"]
    assert sorted(Ballot.objects.values_list("marks", "status")) == [("3333", "counted"), ("5545", "counted")]


def test_pausing_and_going_on_are_logged_with_the_reason(world):
    make_rounds(world.season)
    office = world.accounts["office"]

    pause_rounds(world.season, by=office, reason="  网络故障 ", kinds=["projects"])
    resume_rounds(world.season, by=office)

    entries = ActionLogEntry.objects.filter(verb__in=["ballots.round.paused", "ballots.round.resumed"])
    assert [(entry.verb, entry.by, entry.detail) for entry in entries] == [
        ("ballots.round.paused", office, {"reason": "网络故障"}),
        ("ballots.round.resumed", office, {}),
    ]


def test_each_round_opens_pauses_goes_on_and_closes_by_itself(world):
    prepare_rounds(world.season, by=None)
    seen = []

    for action, options in (
        (open_rounds, {"kinds": ["projects"]}),
        (pause_rounds, {"kinds": ["projects"], "reason": "x"}),
        (open_rounds, {}),
        (resume_rounds, {"kinds": ["projects"]}),
        (close_rounds, {"kinds": ["secretaries"]}),
        (pause_rounds, {"reason": "x"}),
        (close_rounds, {}),
    ):
        action(world.season, by=None, **options)
        seen.append(tuple(states(world).values()))

    assert seen == [
        ("prepared", "open"),
        ("prepared", "paused"),
        ("open", "paused"),
        ("open", "open"),
        ("closed", "open"),
        ("closed", "paused"),
        ("closed", "closed"),
    ]


def test_what_cannot_be_done_with_a_round_is_refused(world):
    prepare_rounds(world.season, by=None)

    assert refusal(pause_rounds, world.season, by=None, reason="x") == ["ballots.not_open"]
    assert refusal(resume_rounds, world.season, by=None) == ["ballots.not_paused"]
    open_rounds(world.season, by=None)
    assert refusal(resume_rounds, world.season, by=None) == ["ballots.not_paused"]
    assert refusal(pause_rounds, world.season, by=None, reason=" ") == ["ballots.no_reason"]
    pause_rounds(world.season, by=None, reason="x")
    assert refusal(pause_rounds, world.season, by=None, reason="x") == ["ballots.not_open"]
    assert refusal(open_rounds, world.season, by=None) == ["ballots.open_already"]
    close_rounds(world.season, by=None)
    for action, options, code in (
        (open_rounds, {}, "ballots.closed_for_good"),
        (pause_rounds, {"reason": "x"}, "ballots.not_open"),
        (resume_rounds, {}, "ballots.not_paused"),
        (close_rounds, {}, "ballots.not_open"),
    ):
        assert refusal(action, world.season, by=None, **options) == [code]


def test_the_season_s_end_closes_a_paused_round_and_leaves_none_that_could_open(world):
    open_rounds(world.season, by=None, kinds=["projects"])
    pause_rounds(world.season, by=None, reason="x")

    end_collecting(world.season, by=world.accounts["office"])

    assert states(world) == {"secretaries": "prepared", "projects": "closed"}
    world.season.refresh_from_db()
    assert refusal(open_rounds, world.season, by=None, kinds=["secretaries"]) == ["ballots.season_not_open"]


def test_the_days_are_announced_and_a_last_before_the_first_is_refused(world):
    first, last = datetime.date(2021, 11, 8), datetime.date(2021, 11, 20)

    announce_dates(world.season, opens_on=first, closes_on=last, by=None)
    refused = refusal(announce_dates, world.season, opens_on=last, closes_on=first, by=None)

    world.season.refresh_from_db()
    assert (world.season.opens_on, world.season.closes_on) == (first, last)
    assert refused == ["ballots.dates"]
    entry = ActionLogEntry.objects.get(verb="ballots.dates.announced")
    assert entry.detail == {
        "opens_on": "2021-11-08",
        "closes_on": "2021-11-20",
        "opens_time": None,
        "closes_time": None,
        "reason": "",
    }
