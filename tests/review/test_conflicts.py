import pytest
from django.urls import reverse

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.review.conflicts import decide_conflict, declare_conflict, withdraw_conflict
from dongliang.review.models import Conflict
from dongliang.seasons.actions import close_season
from tests.factories.review import make_assignment, send_sheet
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db


def codes(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def declared(world, mentor: int = 1, secretary: int = 3, **changes) -> Conflict:
    said = {"ground": "family", "reason": "妹夫", "by": world.accounts["other_mentor"]} | changes
    return declare_conflict(world.mentors[mentor], world.enrolments[secretary], **said)


def test_a_declaration_is_logged_without_what_it_consists_of():
    world = make_world()

    conflict = declared(world)

    entry = ActionLogEntry.objects.get(verb="review.conflict.declared")
    assert (entry.by, entry.subject_label, entry.detail) == (
        world.accounts["other_mentor"],
        str(conflict),
        {"ground": "family"},
    )


def test_a_declaration_without_a_reason_is_refused():
    world = make_world()

    with pytest.raises(Refused) as refused:
        declared(world, reason="  ")

    assert codes(refused) == ["conflict.no_reason"]
    assert not Conflict.objects.exists()


def test_the_same_two_are_declared_once_until_it_is_settled():
    world = make_world()
    first = declared(world)

    with pytest.raises(Refused) as refused:
        declared(world)
    withdraw_conflict(first, by=world.accounts["other_mentor"])
    declared(world)

    assert codes(refused) == ["conflict.declared_already"]
    assert sorted(Conflict.objects.values_list("state", flat=True)) == ["declared", "withdrawn"]


def test_nothing_is_declared_once_the_season_is_closed():
    world = make_world()
    close_season(world.season, by=None)

    with pytest.raises(Refused) as refused:
        declared(world)

    assert codes(refused) == ["conflict.closed"]


def test_a_rejection_needs_a_reason_and_a_decision_is_made_once():
    world = make_world()
    conflict = declared(world)

    with pytest.raises(Refused) as without:
        decide_conflict(conflict, confirm=False, by=world.accounts["office"])
    decide_conflict(conflict, confirm=False, decision="只是同乡。", by=world.accounts["office"])
    with pytest.raises(Refused) as again:
        decide_conflict(conflict, confirm=True, by=world.accounts["office"])

    conflict.refresh_from_db()
    assert (codes(without), codes(again)) == (["conflict.no_reason"], ["conflict.settled"])
    assert (conflict.state, conflict.decision, conflict.decided_by) == (
        "rejected",
        "只是同乡。",
        world.accounts["office"],
    )


def test_a_confirmed_conflict_names_the_sheet_still_to_be_filled_and_refuses_it():
    world = make_world()
    sheet = make_assignment(world.enrolments[3], world.mentors[1])

    open_sheet = decide_conflict(declared(world), confirm=True, by=world.accounts["office"])

    assert open_sheet == sheet
    with pytest.raises(Refused) as refused:
        send_sheet(sheet)
    assert codes(refused) == ["avoidance.declared"]


def test_a_sheet_sent_before_stays_when_a_conflict_is_confirmed():
    world = make_world()
    sheet = make_assignment(world.enrolments[3], world.mentors[1])
    send_sheet(sheet)

    assert decide_conflict(declared(world), confirm=True, by=world.accounts["office"]) is None
    sheet.refresh_from_db()
    assert sheet.response.marks == "4354"


def test_a_mentor_declares_for_herself_and_nobody_else(client):
    world = make_world()
    client.force_login(world.accounts["other_mentor"])
    said = {"enrolment": world.enrolments[3].pk, "ground": "work", "reason": "旧同事"}

    refused = client.post(reverse("review:conflicts"), said | {"mentor": world.mentors[0].pk})
    taken = client.post(reverse("review:conflicts"), said | {"mentor": world.mentors[1].pk})

    assert (refused.status_code, taken.status_code) == (422, 302)
    assert list(Conflict.objects.values_list("mentor", "enrolment", "declared_by")) == [
        (world.mentors[1].pk, world.enrolments[3].pk, world.accounts["other_mentor"].pk)
    ]


def test_a_secretary_declares_towards_a_mentor(client):
    world = make_world()
    client.force_login(world.accounts["secretary"])
    said = {"ground": "dispute", "reason": "有过纠纷", "mentor": world.mentors[2].pk}

    client.post(reverse("review:conflicts"), said | {"enrolment": world.enrolments[0].pk})
    other = client.post(reverse("review:conflicts"), said | {"enrolment": world.enrolments[1].pk})

    assert other.status_code == 422
    assert list(Conflict.objects.values_list("mentor", "enrolment")) == [
        (world.mentors[2].pk, world.enrolments[0].pk)
    ]


def test_the_office_is_led_to_the_sheet_that_a_confirmed_conflict_leaves(client):
    world = make_world()
    conflict = declared(world)
    make_assignment(world.enrolments[3], world.mentors[1])
    client.force_login(world.accounts["office"])

    answer = client.post(
        reverse("review:decide_conflict", args=[conflict.pk]), {"decision_is": "confirm", "decision": ""}
    )

    assert answer["Location"] == reverse("review:staffing", args=[world.enrolments[3].pk])


def test_what_the_office_has_confirmed_only_the_office_takes_back(client):
    world = make_world()
    conflict = declared(world)
    decide_conflict(conflict, confirm=True, by=world.accounts["office"])
    address = reverse("review:withdraw_conflict", args=[conflict.pk])

    client.force_login(world.accounts["other_mentor"])
    refused = client.post(address)
    client.force_login(world.accounts["office"])
    taken = client.post(address)

    assert (refused.status_code, taken.status_code) == (403, 302)
    assert Conflict.objects.get().state == "withdrawn"


def test_two_people_are_asked_about_and_the_reason_is_given(client):
    world = make_world()
    client.force_login(world.accounts["office"])
    client.cookies["django_language"] = "en"
    address = reverse("review:avoidances")

    barred = client.get(address, {"mentor": world.mentors[0].pk, "secretary": world.enrolments[0].pk})
    free = client.get(address, {"mentor": world.mentors[0].pk, "secretary": world.enrolments[3].pk})

    assert barred.context["reasons"] == ["褚卫东 has coached 周兰英 since April 1, 2021."]
    assert (free.context["asked"], free.context["reasons"]) == ((world.mentors[0], world.enrolments[3]), [])


@pytest.mark.parametrize(("search", "found"), [("兰", 1), ("zly", 1), ("cwd", 2), ("柳荫第二", 1), ("王", 0)])
def test_pairs_kept_apart_are_found_by_name_and_by_initials(client, search, found):
    world = make_world()
    client.force_login(world.accounts["office"])

    page = client.get(reverse("review:avoidances"), {"search": search})

    assert len(page.context["page"].object_list) == found


def test_the_list_of_pairs_takes_as_many_queries_for_many_as_for_one(client, django_assert_max_num_queries):
    world = make_world()
    client.force_login(world.accounts["office"])
    client.get(reverse("review:avoidances"))
    with django_assert_max_num_queries(40) as few:
        client.get(reverse("review:avoidances"), {"search": "周"})
    world.season.mentors.update(home=world.subdistricts[0])

    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(reverse("review:avoidances"))
