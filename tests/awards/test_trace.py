"""Every name leads back to all that made it: marks, ballots in total, rules, publicity, certificate."""

import json
from collections import Counter

import pytest
from django.urls import reverse

from dongliang.awards.actions.deciding import propose_change
from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.actions.publicity import answer_objection, receive_objection
from dongliang.awards.models import HonourList
from dongliang.awards.queries.trace import trace_of
from dongliang.ballots.actions.integrity import judge_flag
from dongliang.people.models import Role
from dongliang.scoring.actions import run_scoring
from tests.factories.ballots import make_flag
from tests.factories.scoring import make_closed_world
from tests.factories.season import make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world():
    return make_closed_world()


@pytest.fixture
def run(world):
    return run_scoring(world.season, by=None)


def test_the_sheets_are_those_that_the_run_counted_and_name_no_mentor(world, run, client):
    number = world.enrolments[2].number
    inputs = json.loads(run.inputs)

    found = trace_of(run, number)

    counted = Counter(
        marks
        for source in ("field", "institutional")
        for about, _rater, marks in inputs[source]
        if about == number
    )
    assert Counter("".join(map(str, sheet.marks)) for sheet in found.sheets) == counted
    client.force_login(world.accounts["office"])
    page = client.get(reverse("awards:trace", args=[run.pk, number])).content.decode()
    shown = [str(mentor) for mentor in world.mentors if str(mentor) in page.split("<main", 1)[1]]
    assert shown == []
    assert "民政局" in page


def test_the_ballots_are_told_by_answer_in_total(world, run):
    number = world.enrolments[0].number
    own = [(marks, count) for about, marks, count in json.loads(run.inputs)["ballots"] if about == number]

    found = trace_of(run, number)

    assert found.ballots == 12
    assert [(sum(row.marks) + row.cannot_say) for row in found.answers] == [12] * 4
    assert found.answers[0].marks[4] == sum(count for marks, count in own if marks[0] == "5")


def test_so_few_ballots_that_they_would_be_somebody_s_are_not_told_by_answer():
    found = trace_of(run_scoring(make_closed_world(thin=1).season, by=None), 1)

    assert (found.ballots, found.answers) == (3, None)


def test_what_the_panel_excluded_stands_under_its_class(world):
    flag = make_flag(world.season, world.enrolments[0])
    for place in (1, 2):
        judge_flag(
            flag,
            decision="exclude",
            reason="一人多票",
            by=make_account(f"panel{place}", (Role.OFFICE, world.district)),
        )

    found = trace_of(run_scoring(world.season, by=None), world.enrolments[0].number)

    assert sum(row.ballots for row in found.classes) == 12
    assert [flag.state for flag in found.flags] == ["excluded"]
    assert found.ballots == 12 - flag.number


def test_a_name_leads_to_its_list_s_publicity_to_what_was_objected_and_to_changes(world, run):
    best: HonourList = publish_list(draw_lists(run, by=None)[0], by=None)
    on = best.honours.first().enrolment
    objection = receive_objection(
        best, name="王建华", contact="13800000000", text="材料不实", enrolment=on, by=None
    )
    answer_objection(objection, answer="属实。", upheld=False, by=None)
    entering = next(
        entry
        for entry in world.enrolments
        if entry.subdistrict == on.subdistrict and not best.honours.filter(enrolment=entry).exists()
    )
    change = propose_change(best, leaving=on, entering=entering, reason="本人放弃", by=None)

    [shown] = [entry for entry in trace_of(run, on.number).lists if entry.honour_list == best]

    assert (shown.honour.enrolment, shown.changes, shown.about, shown.about_the_list) == (
        on,
        [change],
        [objection],
        0,
    )


def test_the_rules_that_applied_say_what_they_came_to(world, run):
    found = trace_of(run, world.enrolments[0].number)

    outcomes = [clause.here for clause in found.clauses]
    assert [clause.rule for clause in found.clauses if not clause.rule] == []
    assert outcomes[:3] == ["2 份：达标", "12 份：达标", "3 份：达标"]


def test_a_number_that_nobody_has_is_not_there(world, run, client):
    client.force_login(world.accounts["office"])

    assert client.get(reverse("awards:trace", args=[run.pk, 999])).status_code == 404
