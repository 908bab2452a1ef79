import pytest
from django.urls import reverse

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.review.models import Assignment, Source, Waiver
from dongliang.review.queries import assignments
from dongliang.review.staffing import (
    Change,
    candidates,
    change_assessors,
    release_assessor,
    replan_without,
)
from dongliang.seasons.actions import close_season
from tests.factories.review import make_assignment, make_plan, send_sheet
from tests.factories.season import World, make_rules, make_world

pytestmark = pytest.mark.django_db


def codes(refused) -> list[str]:
    return sorted(blocker.code for blocker in refused.value.blockers)


def refused_by(world: World, change: Change, **options) -> list[str]:
    before = pairs(world)
    with pytest.raises(Refused) as refused:
        change_assessors(world.season, change, by=world.accounts["office"], **options)
    assert pairs(world) == before
    return codes(refused)


def pairs(world: World) -> list[tuple[int, int]]:
    given = world.season.assignments.filter(source=Source.FIELD)
    return sorted(given.values_list("enrolment__number", "mentor__number"))


def make_ring(world: World) -> dict[tuple[int, int], Assignment]:
    """Two assessors a secretary, all linked: 1-2, 2-3, 3-4 and again, none with the first mentor's own mentees."""
    plan = {0: (1, 2), 1: (2, 3), 2: (0, 1), 3: (0, 3), 4: (1, 2), 5: (0, 3)}
    return {
        (secretary, mentor): make_assignment(world.enrolments[secretary], world.mentors[mentor])
        for secretary, mentors in plan.items()
        for mentor in mentors
    }


def test_a_sheet_is_handed_to_somebody_else_and_logged():
    world = make_world()
    ring = make_ring(world)
    change = Change(world.enrolments[0], taken=ring[0, 1], given=world.mentors[3])

    sheet = change_assessors(world.season, change, by=world.accounts["office"])

    assert (sheet.mentor, sheet.enrolment) == (world.mentors[3], world.enrolments[0])
    assert not Assignment.objects.filter(pk=ring[0, 1].pk).exists()
    entry = ActionLogEntry.objects.get(verb="review.assessor.swapped")
    assert (entry.by, entry.subject_id, entry.detail) == (
        world.accounts["office"],
        world.enrolments[0].pk,
        {"taken_from": "卫春华", "given_to": "沈国强", "reason": "", "set_aside": []},
    )


def test_nobody_is_given_whom_the_rule_book_keeps_apart_whatever_the_reason():
    world = make_world()
    ring = make_ring(world)
    change = Change(world.enrolments[0], taken=ring[0, 1], given=world.mentors[0])

    assert refused_by(world, change, reason="人手不够") == ["avoidance.own_mentee"]


def test_what_the_rule_book_lets_set_aside_needs_a_reason_and_lets_the_sheet_be_sent():
    world = make_world()
    make_ring(world)
    world.mentors[1].home = world.subdistricts[1]
    world.mentors[1].save()
    change = Change(world.enrolments[3], given=world.mentors[1])

    assert refused_by(world, change) == ["avoidance.same_subdistrict"]
    sheet = change_assessors(world.season, change, reason="该街镇只有他熟悉村务", by=world.accounts["office"])

    send_sheet(sheet)
    assert list(Waiver.objects.values_list("assignment", "key", "reason")) == [
        (sheet.pk, "same_subdistrict", "该街镇只有他熟悉村务")
    ]


def test_the_same_is_refused_for_good_where_the_rule_book_lets_nothing_be_set_aside():
    rules = make_rules()
    world = make_world(
        rules=make_rules(
            field=rules.field.model_dump() | {"waivable": []},
            defaults=[path for path in rules.defaults if path != "field.waivable"],
        )
    )
    make_ring(world)
    world.mentors[1].home = world.subdistricts[1]
    world.mentors[1].save()

    change = Change(world.enrolments[3], given=world.mentors[1])

    assert refused_by(world, change, reason="人手不够") == ["avoidance.same_subdistrict"]


def test_a_sheet_is_not_taken_away_below_the_asked_number_without_a_reason():
    world = make_world()
    ring = make_ring(world)
    change = Change(world.enrolments[4], taken=ring[4, 1])

    assert refused_by(world, change) == ["staffing.fewer_assessors"]
    change_assessors(world.season, change, reason="卫春华住院", by=world.accounts["office"])

    assert (5, 2) not in pairs(world)
    entry = ActionLogEntry.objects.get(verb="review.assessor.removed")
    assert entry.detail["set_aside"] == ["fewer_assessors"]


def test_a_sheet_that_was_sent_stays():
    world = make_world()
    ring = make_ring(world)
    send_sheet(ring[4, 1])

    change = Change(world.enrolments[4], taken=ring[4, 1], given=world.mentors[3])

    assert refused_by(world, change, reason="换人") == ["staffing.sent"]


def test_nobody_gets_many_more_sheets_than_an_even_share_without_a_reason():
    world = make_world()
    make_ring(world)
    make_assignment(world.enrolments[0], world.mentors[3])
    change = Change(world.enrolments[2], given=world.mentors[3])

    # Twelve sheets for four mentors are three each, and one more may be given.
    assert refused_by(world, change) == ["staffing.load"]


def test_a_change_that_would_part_the_secretaries_into_groups_is_refused():
    world = make_world()
    plan = {2: (0, 1), 3: (0, 1), 4: (1, 2), 5: (2, 3), 0: (2, 3), 1: (2, 3)}
    sheets = {
        (secretary, mentor): make_assignment(world.enrolments[secretary], world.mentors[mentor])
        for secretary, mentors in plan.items()
        for mentor in mentors
    }
    # Without her the first two mentors would meet nobody of the others.
    change = Change(world.enrolments[4], taken=sheets[4, 1], given=world.mentors[3])

    assert refused_by(world, change, reason="想换人") == ["staffing.unconnected"]


def test_whoever_does_not_assess_or_assesses_already_is_not_given_a_sheet():
    world = make_world()
    make_ring(world)
    world.mentors[3].assesses = False
    world.mentors[3].save()

    assert refused_by(world, Change(world.enrolments[0], given=world.mentors[3])) == [
        "staffing.not_assessing"
    ]
    assert refused_by(world, Change(world.enrolments[0], given=world.mentors[1])) == [
        "staffing.assigned_already"
    ]


def test_nothing_is_changed_once_the_season_is_closed():
    world = make_world()
    make_ring(world)
    close_season(world.season, by=None)

    assert refused_by(world, Change(world.enrolments[0], given=world.mentors[3])) == ["season.not_open"]


def test_the_second_of_two_who_take_one_sheet_is_told():
    world = make_world()
    ring = make_ring(world)
    change = Change(world.enrolments[0], taken=ring[0, 1], given=world.mentors[3])
    late = Change(world.enrolments[0], taken=Assignment.objects.get(pk=ring[0, 1].pk), given=world.mentors[3])
    change_assessors(world.season, change, by=world.accounts["office"])

    assert refused_by(world, late) == ["staffing.gone"]


def test_candidates_come_with_their_load_and_what_stands_against_them(settings):
    settings.LANGUAGE_CODE = "en"
    world = make_world()
    make_ring(world)

    found = candidates(world.season, world.enrolments[0])

    assert [(entry.mentor, entry.load, entry.against, entry.barred) for entry in found] == [
        (world.mentors[3], 3, [], False),
        (world.mentors[0], 3, ["褚卫东 has coached 周兰英 since April 1, 2021."], True),
    ]


def test_an_assessor_who_stops_leaves_what_was_sent_and_hands_over_the_rest():
    world = make_world()
    ring = make_ring(world)
    send_sheet(ring[4, 1])
    stopping = world.mentors[1]
    plan = replan_without(stopping)

    done = release_assessor(stopping, reason="住院", shown=plan.fingerprint, by=world.accounts["office"])

    stopping.refresh_from_db()
    assert (stopping.assesses, done.answered, len(done.handovers)) == (False, 1, 2)
    kept = {pair for pair in pairs(world) if pair[1] == stopping.number}
    assert kept == {(5, stopping.number)}
    # Everybody else's sheets are where they were, and each secretary has two assessors again.
    before = {(secretary + 1, world.mentors[mentor].number) for secretary, mentor in ring}
    assert {pair for pair in before if pair[1] != stopping.number} <= set(pairs(world))
    assert [sum(pair[0] == number for pair in pairs(world)) for number in range(1, 7)] == [2] * 6
    entry = ActionLogEntry.objects.get(verb="review.assessor.released")
    assert (entry.detail["reason"], entry.detail["answered"], len(entry.detail["handed_over"])) == (
        "住院",
        1,
        2,
    )


def test_a_handover_that_is_not_as_it_was_shown_is_refused():
    world = make_world()
    ring = make_ring(world)
    shown = replan_without(world.mentors[1]).fingerprint
    send_sheet(ring[0, 1])

    with pytest.raises(Refused) as refused:
        release_assessor(world.mentors[1], reason="住院", shown=shown, by=world.accounts["office"])

    assert codes(refused) == ["staffing.changed"]
    assert len(pairs(world)) == 12


def test_an_assessor_stops_once_and_with_a_reason():
    world = make_world()
    make_ring(world)
    shown = replan_without(world.mentors[1]).fingerprint

    with pytest.raises(Refused) as without:
        release_assessor(world.mentors[1], reason=" ", shown=shown, by=None)
    release_assessor(world.mentors[1], reason="住院", shown=shown, by=None)
    with pytest.raises(Refused) as twice:
        release_assessor(world.mentors[1], reason="住院", shown=shown, by=None)

    assert (codes(without), codes(twice)) == (["staffing.no_reason"], ["staffing.not_assessing"])


def test_open_sheets_that_nobody_may_take_keep_the_assessor():
    world = make_world()
    make_ring(world)
    world.season.mentors.exclude(pk=world.mentors[1].pk).update(home=world.subdistricts[0])

    with pytest.raises(Refused) as refused:
        replan_without(world.mentors[1])

    assert codes(refused) == ["review.too_few_mentors"]


def test_the_page_makes_a_change_and_tells_it_afterwards(client):
    world = make_world()
    ring = make_ring(world)
    client.force_login(world.accounts["office"])
    address = reverse("review:staffing", args=[world.enrolments[0].pk])

    client.post(address, {"what": f"swap-{ring[0, 1].pk}", "mentor": world.mentors[3].pk, "reason": "顺路"})

    page = client.get(address)
    assert [entry.detail["given_to"] for entry in page.context["history"]] == ["沈国强"]
    assert [sheet.mentor for sheet in page.context["row"].sheets] == [world.mentors[2], world.mentors[3]]


def test_the_page_refuses_a_change_with_every_reason(client):
    world = make_world()
    ring = make_ring(world)
    client.force_login(world.accounts["office"])
    address = reverse("review:staffing", args=[world.enrolments[4].pk])

    answer = client.post(address, {"what": f"remove-{ring[4, 1].pk}", "mentor": "", "reason": ""})

    assert (answer.status_code, [blocker.code for blocker in answer.context["against"]]) == (
        422,
        ["staffing.fewer_assessors"],
    )
    assert (5, 2) in pairs(world)


def test_the_page_of_an_assessor_who_stops_hands_over_as_shown(client):
    world = make_world()
    make_ring(world)
    client.force_login(world.accounts["office"])
    address = reverse("review:release", args=[world.mentors[1].pk])
    shown = client.get(address).context["replan"].fingerprint

    answer = client.post(address, {"reason": "住院", "shown": shown})

    assert answer["Location"] == reverse("review:everybody_staffed")
    assert not world.season.assignments.filter(mentor=world.mentors[1]).exists()


def test_the_list_takes_as_many_queries_for_many_as_for_one(client, django_assert_max_num_queries):
    world = make_world()
    make_plan(world.season)
    client.force_login(world.accounts["office"])
    client.get(reverse("review:everybody_staffed"))
    with django_assert_max_num_queries(40) as few:
        client.get(reverse("review:everybody_staffed"), {"search": "周"})

    with django_assert_max_num_queries(len(few.captured_queries)):
        page = client.get(reverse("review:everybody_staffed"))

    assert len(page.context["page"].object_list) == 6
    assert assignments(world.season).exists()
