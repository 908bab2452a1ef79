from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dongliang.common.refusals import Refused
from dongliang.growth import facts
from dongliang.growth.actions.path import begin_paths, decide_step, give_opinion, propose_step
from dongliang.growth.models import Move, Opinion, Path
from dongliang.growth.queries.path import checks, standings
from dongliang.projects.actions import set_state
from dongliang.seasons.models import Season
from dongliang.seasons.rulebook import Gates
from tests.factories.growth import give_hours, make_path, make_proposal
from tests.factories.mentoring import make_visit
from tests.factories.projects import make_first_thing
from tests.factories.season import make_account, make_rules, make_world

pytestmark = pytest.mark.django_db

# Nine months after everyone of the small world came into the post.
TODAY = "2021-12-01T09:00:00+08:00"
WHY = "年度考核优秀，见 2021 年第 3 号纪要。"
Kind = Move.Kind


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"
    with time_machine.travel(TODAY):
        yield


@pytest.fixture
def world():
    return make_world()


def colleague(world):
    return make_account("colleague", ("office", world.district))


def codes_of(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def test_a_promotion_is_refused_with_the_list_of_what_is_missing_then_granted(world):
    enrolment, office = world.enrolments[0], world.accounts["office"]
    begin_paths([enrolment], evidence=WHY, by=office)

    with pytest.raises(Refused) as refused:
        propose_step(enrolment, Kind.PROMOTION, evidence=WHY, by=office)
    give_hours(enrolment, 6)
    make_first_thing(enrolment)
    move = propose_step(enrolment, Kind.PROMOTION, evidence=WHY, by=office)

    assert [str(blocker) for blocker in refused.value.blockers] == [
        "6 hours of training are asked for. There are 0. Go to training for 6 more hours.",
        "The first thing must be registered. None is registered yet. "
        "Register the first thing on the page “First things”.",
    ]
    path = Path.objects.get()
    assert (move.state, path.stage, path.since.isoformat()) == ("granted", "empowered", "2021-12-01")
    assert [(gate["key"], gate["met"]) for gate in move.gates] == [
        ("months_in_post", True),
        ("hours", True),
        ("project", True),
    ]


def make_graduate(world):
    """The first secretary, who has all that graduation asks for."""
    rules = make_rules(
        growth={
            "stages": [{"stage": "graduated", "hours": 24, "project": "landed", "two_persons": True}],
        }
    )
    book = world.season.rule_book
    type(book).objects.filter(pk=book.pk).update(content=rules.model_dump())
    enrolment = Season.objects.get(pk=world.season.pk).enrolments.get(number=1)
    thing = make_first_thing(enrolment)
    for state in ("under_way", "landed"):
        thing = set_state(thing, state, by=None)
    credit = give_hours(enrolment, 24)
    return enrolment, make_path(enrolment, "selected"), credit


def test_a_step_that_takes_two_waits_for_a_second_person(world):
    enrolment, path, _credit = make_graduate(world)
    office, second = world.accounts["office"], colleague(world)

    move = propose_step(enrolment, Kind.PROMOTION, evidence=WHY, by=office)
    with pytest.raises(Refused) as own:
        decide_step(move, enrolment, grant=True, reason="", by=office)
    path.refresh_from_db()
    before = path.stage
    move = decide_step(move, enrolment, grant=True, reason="", by=second)
    path.refresh_from_db()

    assert codes_of(own) == ["growth.same_person"]
    assert (before, path.stage, move.decided_by) == ("selected", "graduated", second)
    with pytest.raises(Refused) as again:
        decide_step(move, enrolment, grant=True, reason="", by=second)
    assert codes_of(again) == ["growth.decided"]


def test_a_proposal_is_refused_when_a_gate_has_closed_meanwhile(world):
    enrolment, path, credit = make_graduate(world)
    move = propose_step(enrolment, Kind.PROMOTION, evidence=WHY, by=world.accounts["office"])
    credit.delete()

    with pytest.raises(Refused) as refused:
        decide_step(move, enrolment, grant=True, reason="", by=colleague(world))

    path.refresh_from_db()
    assert (codes_of(refused), path.stage) == (["growth.hours"], "selected")


def test_a_declined_step_leaves_the_path_and_says_why(world):
    enrolment, path, _credit = make_graduate(world)
    move = propose_step(enrolment, Kind.PROMOTION, evidence=WHY, by=world.accounts["office"])

    declined = decide_step(move, enrolment, grant=False, reason="先把第二批楼组做完。", by=colleague(world))

    path.refresh_from_db()
    assert (declined.state, declined.reason, path.stage) == ("declined", "先把第二批楼组做完。", "selected")


def test_a_path_is_paused_and_resumed_and_meanwhile_leads_nowhere(world):
    enrolment = world.enrolments[0]
    path = make_path(enrolment)

    propose_step(enrolment, Kind.PAUSE, evidence="产假。", by=None)
    with pytest.raises(Refused) as refused:
        propose_step(enrolment, Kind.PAUSE, evidence="产假。", by=None)
    propose_step(enrolment, Kind.RESUMPTION, evidence="已返岗。", by=None)

    path.refresh_from_db()
    assert (codes_of(refused), path.paused_on) == (["growth.paused"], None)
    assert list(path.moves.values_list("kind", "state")) == [("resumption", "granted"), ("pause", "granted")]


def test_a_return_goes_to_an_earlier_stage_only(world):
    enrolment = world.enrolments[0]
    path = make_path(enrolment, "selected")

    with pytest.raises(Refused) as refused:
        propose_step(enrolment, Kind.RETURN, to_stage="graduated", evidence=WHY, by=None)
    propose_step(enrolment, Kind.RETURN, to_stage="new", evidence=WHY, by=None)

    path.refresh_from_db()
    assert (codes_of(refused), path.stage) == (["growth.not_earlier"], "new")


def test_the_last_stage_leads_no_further(world):
    make_path(world.enrolments[0], "reserve")

    with pytest.raises(Refused) as refused:
        propose_step(world.enrolments[0], Kind.PROMOTION, evidence=WHY, by=None)

    assert codes_of(refused) == ["growth.last_stage"]


def test_nothing_moves_without_evidence_nor_while_a_proposal_waits(world):
    path = make_path(world.enrolments[0])
    make_proposal(path, "empowered", by=None)

    with pytest.raises(Refused) as refused:
        propose_step(world.enrolments[0], Kind.PAUSE, evidence="  ", by=None)

    assert codes_of(refused) == ["growth.proposed", "growth.no_evidence"]


def test_whoever_is_on_the_path_is_not_put_on_it_again(world):
    path = make_path(world.enrolments[0], "selected")

    begun = begin_paths(world.enrolments[:2], evidence=WHY, by=None)

    path.refresh_from_db()
    assert ([entry.person for entry in begun], path.stage) == ([world.enrolments[1].person], "selected")


def test_the_latest_opinion_of_each_side_counts(world):
    enrolment = world.enrolments[0]
    path = make_path(enrolment, "empowered")
    for source, in_favour in (("mentor", False), ("mentor", True), ("committee", False)):
        give_opinion(
            path, source=Opinion.Source(source), stage="selected", in_favour=in_favour, text=WHY, by=None
        )

    known = facts.facts_of(world.season, [enrolment.pk])[enrolment.pk]
    found = checks(Gates(mentor_opinion=True, committee=True), "selected", known)

    assert [(check.key, check.met, check.seen) for check in found] == [
        ("mentor_opinion", True, "The answer was yes."),
        ("committee", False, "The answer was: not yet."),
    ]


def test_the_star_is_given_and_ended_with_evidence(world):
    path = make_path(world.enrolments[0], "graduated")
    enrolment = world.enrolments[0]
    with pytest.raises(Refused) as refused:
        propose_step(enrolment, Kind.STAR, evidence=WHY, by=None)
    with pytest.raises(Refused) as none_to_end:
        propose_step(enrolment, Kind.STAR_ENDED, evidence=WHY, by=None)

    path.refresh_from_db()
    assert codes_of(refused) == [
        "growth.hours",
        "growth.project",
        "growth.review_percent",
        "growth.committee",
    ]
    assert codes_of(none_to_end) == ["growth.no_star"]
    assert path.star_since is None


def test_every_gate_says_what_it_asks_and_what_was_seen(world):
    gates = Gates(
        months_in_post=12,
        hours=24,
        visits=4,
        project="landed",
        review_top_percent=30,
        mentor_opinion=True,
        committee=True,
    )
    known = {
        facts.Fact.MONTHS_IN_POST: 9,
        facts.Fact.HOURS: Decimal("7.5"),
        facts.Fact.PROJECT: "under_way",
        facts.Fact.REVIEW_PERCENT: 31,
    }

    assert [(check.seen, check.met) for check in checks(gates, "graduated", known)] == [
        ("It is 9 months so far.", False),
        ("There are 7.5.", False),
        ("There are 0.", False),
        ("It is under way.", False),
        ("It is place 31 of a hundred.", False),
        ("Nothing has been said yet.", False),
        ("Nothing has been said yet.", False),
    ]


def test_a_fact_is_told_by_whoever_registered_it_and_by_nobody_else(world, monkeypatch):
    monkeypatch.setattr(facts, "_providers", {})
    pk = world.enrolments[0].pk

    def visits(season, enrolments):
        return dict.fromkeys(enrolments, 4)

    facts.register(facts.Fact.VISITS, visits)
    known = facts.facts_of(world.season, [pk])[pk]

    assert [check.met for check in checks(Gates(visits=4), "selected", known)] == [True]
    with pytest.raises(ValueError, match="Two apps tell"):
        facts.register(facts.Fact.VISITS, lambda season, enrolments: {})


def test_visits_of_a_pair_count_for_the_mentee_and_meet_the_gate(world):
    first, second = world.enrolments[0], world.enrolments[1]
    for _visit in range(3):
        make_visit(first.pairs.get())
    make_visit(second.pairs.get())

    known = facts.facts_of(world.season, [first.pk, second.pk, world.enrolments[2].pk])

    counted = [entry.get(facts.Fact.VISITS) for entry in known.values()]
    gate = [checks(Gates(visits=3), "selected", entry)[0] for entry in known.values()]
    assert counted == [3, 1, None]
    assert [(check.seen, check.met) for check in gate] == [
        ("There are 3.", True),
        ("There are 1.", False),
        ("There are 0.", False),
    ]


def test_standings_take_as_many_queries_for_one_as_for_six(world):
    for enrolment in world.enrolments:
        make_path(enrolment)
    season = world.season
    assert season.rules.path.stages
    counts = []
    for people in (1, 6):
        secretaries = season.enrolments.select_related("person__growth_path", "post__organisation__parent")
        shown = list(secretaries[:people])
        with CaptureQueriesContext(connection) as queries:
            standings(season, shown)
        counts.append(len(queries))

    assert counts[0] == counts[1]
