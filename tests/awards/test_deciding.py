"""A list departs from its run only with a reason and by two people."""

import pytest

from dongliang.awards.actions.deciding import approve_change, decline_change, propose_change
from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.actions.publicity import confirm_list
from dongliang.awards.models import HonourList
from dongliang.common.refusals import Refused
from dongliang.people.models import Role
from dongliang.scoring.actions import run_scoring
from tests.factories.scoring import make_closed_world
from tests.factories.season import make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world():
    return make_closed_world()


@pytest.fixture
def best(world) -> HonourList:
    return draw_lists(run_scoring(world.season, by=None), by=None)[0]


@pytest.fixture
def second(world):
    return make_account("second", (Role.OFFICE, world.district))


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def swap(best, *, other_subdistrict=False):
    """Somebody on the list, and somebody off it of the same subdistrict or of another."""
    on = [honour.enrolment for honour in best.honours.order_by("-position")]
    off = best.season.enrolments.exclude(pk__in=[enrolment.pk for enrolment in on])
    pairs = [
        (out, new) for out in on for new in off if (out.subdistrict != new.subdistrict) == other_subdistrict
    ]
    return pairs[0]


def names(best):
    return {honour.enrolment.number for honour in best.honours.all()}


def test_a_change_is_made_when_a_second_person_approves_it(world, best, second):
    leaving, entering = swap(best)
    position = best.honours.get(enrolment=leaving).position

    change = propose_change(
        best, leaving=leaving, entering=entering, reason="处分期未满", by=world.accounts["office"]
    )
    assert leaving.number in names(best)
    approve_change(change, by=second)

    assert leaving.number not in names(best)
    assert best.honours.get(enrolment=entering).position == position


def test_nobody_decides_on_their_own_proposal(world, best):
    leaving, entering = swap(best)
    office = world.accounts["office"]
    change = propose_change(best, leaving=leaving, entering=entering, reason="处分期未满", by=office)

    for decide in (approve_change, decline_change):
        with pytest.raises(Refused) as refused:
            decide(change, by=office)
        assert codes(refused) == ["awards.own_proposal"]


def test_a_change_is_decided_once(world, best, second):
    leaving, entering = swap(best)
    change = propose_change(
        best, leaving=leaving, entering=entering, reason="处分期未满", by=world.accounts["office"]
    )
    decline_change(change, by=second)

    with pytest.raises(Refused) as refused:
        approve_change(change, by=second)

    assert codes(refused) == ["awards.decided"]
    assert leaving.number in names(best)


def test_a_change_needs_a_reason_and_people_who_can_leave_and_enter(best):
    leaving, entering = swap(best)

    with pytest.raises(Refused) as refused:
        propose_change(best, leaving=entering, entering=leaving, reason=" ", by=None)

    assert codes(refused) == ["awards.no_reason", "awards.not_on_list", "awards.cannot_enter"]


def test_a_change_keeps_the_quotas_of_the_rule_book(best):
    # Three places, each subdistrict one at least and two at most: whoever is alone cannot go to the other side.
    by_subdistrict = {}
    for honour in best.honours.all():
        by_subdistrict.setdefault(honour.enrolment.subdistrict, []).append(honour.enrolment)
    [alone] = next(members for members in by_subdistrict.values() if len(members) == 1)
    newcomer = next(
        enrolment
        for enrolment in best.season.enrolments.exclude(pk__in=best.honours.values("enrolment"))
        if enrolment.subdistrict != alone.subdistrict
    )

    with pytest.raises(Refused) as refused:
        propose_change(best, leaving=alone, entering=newcomer, reason="自愿放弃", by=None)

    assert codes(refused) == ["awards.below_quota", "awards.above_quota"]


def test_two_proposals_for_one_place_cannot_both_be_made(world, best, second):
    leaving, entering = swap(best)
    office = world.accounts["office"]
    changes = [
        propose_change(best, leaving=leaving, entering=entering, reason="处分期未满", by=office)
        for _ in range(2)
    ]
    approve_change(changes[0], by=second)

    with pytest.raises(Refused) as refused:
        approve_change(changes[1], by=second)

    assert codes(refused) == ["awards.not_on_list", "awards.cannot_enter"]


def test_a_list_is_not_published_while_a_change_is_undecided(best):
    leaving, entering = swap(best)
    propose_change(best, leaving=leaving, entering=entering, reason="处分期未满", by=None)

    with pytest.raises(Refused) as refused:
        publish_list(best, by=None)

    assert codes(refused) == ["awards.undecided"]


def test_a_change_after_publishing_begins_the_days_of_objection_anew(best, second, time_machine):
    time_machine.move_to("2021-12-13T09:00+08:00")
    publish_list(best, by=None)
    time_machine.move_to("2021-12-16T09:00+08:00")
    leaving, entering = swap(best)

    approve_change(
        propose_change(best, leaving=leaving, entering=entering, reason="异议成立", by=None), by=second
    )

    best.refresh_from_db()
    assert best.objections_until.isoformat() == "2021-12-23"


def test_a_confirmed_list_is_not_changed(best, time_machine):
    time_machine.move_to("2021-12-13T09:00+08:00")
    publish_list(best, by=None)
    time_machine.move_to("2021-12-21T00:00+08:00")
    confirm_list(best, by=None)
    leaving, entering = swap(best)

    with pytest.raises(Refused) as refused:
        propose_change(best, leaving=leaving, entering=entering, reason="处分期未满", by=None)

    assert codes(refused) == ["awards.confirmed"]
