import io
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from dongliang.awards.actions.feedback import acknowledge_feedback, release_feedback
from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.models import Feedback
from dongliang.awards.queries.feedback import feedback_listed_for, feedback_visible_to
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.mentoring.actions import pair_mentee
from dongliang.projects.models import FirstThing
from dongliang.scoring.actions import run_scoring
from tests.awards.test_printing import pages
from tests.factories.scoring import make_closed_world
from tests.factories.season import World

pytestmark = pytest.mark.django_db(transaction=True)

ROLES = (
    "office subdistrict other_subdistrict department mentor other_mentor secretary other_secretary".split()
)


def make_told_world() -> World:
    """The small world with its list public and everybody's feedback released."""
    world = make_closed_world()
    FirstThing.objects.filter(enrolment__in=world.enrolments[2:4]).update(state="landed")
    publish_list(draw_lists(run_scoring(world.season, by=None), by=None)[0], by=None)
    release_feedback(world.season, by=world.accounts["office"])
    return world


def readers(world: World, feedback: Feedback) -> set[str]:
    return {
        role for role in ROLES if feedback_visible_to(world.accounts[role]).filter(pk=feedback.pk).exists()
    }


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def test_everybody_gets_feedback_that_knows_no_place_and_no_other_person():
    world = make_told_world()

    feedback = Feedback.objects.all()
    kept = json.dumps([entry.content for entry in feedback], ensure_ascii=False)
    assert [entry.enrolment for entry in feedback] == world.enrolments
    assert {part for entry in feedback for part in entry.content} == {
        "cells",
        "strengths",
        "step",
        "mentor_for",
    }
    assert not [entry.person.name for entry in world.enrolments if entry.person.name in kept]


def test_feedback_is_not_released_before_the_list_is_public():
    world = make_closed_world()
    draw_lists(run_scoring(world.season, by=None), by=None)

    with pytest.raises(Refused) as refused:
        release_feedback(world.season, by=None)

    assert codes(refused) == ["feedback.no_public_list"]


def test_feedback_is_released_once():
    world = make_told_world()

    with pytest.raises(Refused) as refused:
        release_feedback(world.season, by=None)

    assert codes(refused) == ["feedback.released"]


def test_nobody_is_sent_to_the_own_project_or_to_one_that_did_not_land():
    world = make_told_world()

    landed = {entry.pk for entry in world.enrolments[2:4]}
    for entry in Feedback.objects.select_related("case"):
        assert entry.case.enrolment_id in landed - {entry.enrolment_id}


def test_mentors_are_suggested_evenly():
    make_told_world()

    suggested = list(Feedback.objects.values_list("mentor", flat=True))

    # Six secretaries, four mentors: none has more than two.
    assert None not in suggested
    assert max(suggested.count(mentor) for mentor in suggested) == 2


def test_a_mentor_is_not_suggested_to_the_own_person():
    world = make_closed_world()
    # Whom continuity would otherwise speak for.
    world.season.mentors.filter(pk=world.mentors[0].pk).update(person=world.enrolments[0].person)
    publish_list(draw_lists(run_scoring(world.season, by=None), by=None)[0], by=None)

    release_feedback(world.season, by=None)

    suggested = world.enrolments[0].feedback.mentor
    assert suggested is not None
    assert suggested != world.mentors[0]


def test_secretary_and_office_read_it_and_the_mentor_with_consent_until_it_is_taken_back():
    world = make_told_world()
    feedback = world.enrolments[0].feedback
    without = readers(world, feedback)

    acknowledge_feedback(feedback, resolve="", shared=True, by=world.accounts["secretary"])
    with_consent = readers(world, feedback)
    acknowledge_feedback(feedback, resolve="", shared=False, by=world.accounts["secretary"])

    assert without == {"office", "secretary"}
    assert with_consent == {"office", "secretary", "mentor"}
    assert readers(world, feedback) == without


def test_a_mentor_who_was_replaced_reads_it_no_more():
    world = make_told_world()
    feedback = world.enrolments[0].feedback
    acknowledge_feedback(feedback, resolve="", shared=True, by=None)

    pair_mentee(world.mentors[1], world.enrolments[0], by=None, starts_on=feedback.release.released_at.date())

    assert readers(world, feedback) == {"office", "secretary", "other_mentor"}


def test_the_mentor_sees_the_sentence_without_the_page():
    world = make_told_world()
    feedback = world.enrolments[0].feedback
    acknowledge_feedback(feedback, resolve="每周二到楼下 听意见", shared=False, by=None)

    listed = feedback_listed_for(world.accounts["mentor"])

    assert [(entry.enrolment, entry.resolve) for entry in listed] == [
        (world.enrolments[0], "每周二到楼下 听意见"),
        (world.enrolments[1], ""),
    ]
    assert not feedback_visible_to(world.accounts["mentor"]).exists()


def test_the_day_of_reading_stays_the_first():
    feedback = make_told_world().enrolments[0].feedback
    first = acknowledge_feedback(feedback, resolve="先做一件", shared=False, by=None).read_at

    again = acknowledge_feedback(feedback, resolve="再做一件", shared=True, by=None)

    assert (again.read_at, again.resolve, again.shared) == (first, "再做一件", True)


def test_a_sentence_that_is_too_long_is_refused():
    feedback = make_told_world().enrolments[0].feedback

    with pytest.raises(Refused) as refused:
        acknowledge_feedback(feedback, resolve="做" * 101, shared=False, by=None)

    assert codes(refused) == ["feedback.resolve_long"]


def test_the_log_does_not_keep_the_sentence():
    world = make_told_world()
    acknowledge_feedback(world.enrolments[0].feedback, resolve="每周二到楼下", shared=True, by=None)

    line = ActionLogEntry.objects.get(verb="awards.feedback.acknowledged")

    assert line.detail == {"shared": True}


def test_the_secretary_acknowledges_on_the_page(client):
    world = make_told_world()
    client.force_login(world.accounts["secretary"])
    address = client.get(reverse("awards:my_feedback"))["Location"]

    response = client.post(f"{address}acknowledge/", {"resolve": "每周二到楼下", "shared": "on"}, follow=True)

    kept = Feedback.objects.get(enrolment=world.enrolments[0])
    assert response.redirect_chain == [(address, 302)]
    assert (kept.resolve, kept.shared, kept.read_at is not None) == ("每周二到楼下", True, True)


def test_a_sentence_that_is_too_long_is_kept_in_the_form(client):
    world = make_told_world()
    client.force_login(world.accounts["secretary"])
    feedback = world.enrolments[0].feedback

    response = client.post(
        reverse("awards:acknowledge_feedback", args=[feedback.pk]), {"resolve": "做" * 101}
    )

    assert response.status_code == 422
    assert "做" * 101 in response.content.decode()


def test_the_page_names_nobody_but_the_reader_and_the_mentors(client):
    world = make_told_world()
    client.force_login(world.accounts["secretary"])
    feedback = world.enrolments[0].feedback

    shown = [
        client.get(reverse(name, args=[feedback.pk])).content.decode()
        for name in ("awards:feedback", "awards:feedback_case")
    ]

    others = [entry.person.name for entry in world.enrolments[1:]]
    assert not [name for name in others for page in shown if name in page]


def test_the_office_releases_from_the_list(client):
    world = make_closed_world()
    publish_list(draw_lists(run_scoring(world.season, by=None), by=None)[0], by=None)
    client.force_login(world.accounts["office"])

    before = client.get(reverse("awards:feedback_list"))
    client.post(reverse("awards:release_feedback", args=[world.season.slug]))

    assert reverse("awards:release_feedback", args=[world.season.slug]) in before.content.decode()
    assert len(client.get(reverse("awards:feedback_list")).context["rows"]) == 6


ALL = ["周兰英", "吴建国", "郑秀芳", "王海燕", "冯志明", "陈玉梅"]
FILTERED = {
    "?q=周": ["周兰英"],
    "?q=zly": ["周兰英"],
    "?q=LY": ["周兰英"],
    "?q=河湾": ["王海燕", "冯志明", "陈玉梅"],
    "?state=read": ["吴建国"],
    "?state=resolved": ["吴建国"],
    "?state=shared": [],
    "?state=unread&q=柳荫": ["周兰英", "郑秀芳"],
    "?state=nonsense": ALL,
    "?q=%00": ALL,
}


def test_the_list_is_filtered_and_so_is_its_workbook(client):
    world = make_told_world()
    acknowledge_feedback(world.enrolments[1].feedback, resolve="先跑一遍楼组", shared=False, by=None)
    client.force_login(world.accounts["office"])

    listed, exported = {}, {}
    for wanted in FILTERED:
        rows = client.get(reverse("awards:feedback_list") + wanted).context["rows"]
        listed[wanted] = [entry.enrolment.person.name for entry, _readable in rows]
        book = load_workbook(io.BytesIO(client.get(reverse("awards:feedback_export") + wanted).content))
        exported[wanted] = [row[3].value for row in list(book.active.rows)[1:]]

    assert listed == FILTERED
    assert exported == FILTERED


def test_the_list_takes_the_same_queries_for_many_rows_as_for_few(client):
    world = make_told_world()
    client.force_login(world.accounts["office"])

    def queries(wanted: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("awards:feedback_list") + wanted)
        return len(captured)

    assert queries("?q=柳荫") == queries("?q=周兰英")


def test_everybodys_feedback_is_printed_a_page_each_in_every_language(client):
    world = make_told_world()
    acknowledge_feedback(
        world.enrolments[0].feedback,
        resolve="把议事的办法写成一页纸，贴在每个楼道里" * 5,
        shared=False,
        by=None,
    )
    client.force_login(world.accounts["office"])

    printed = {}
    for language in ("zh-hans", "zh-hant", "en"):
        client.cookies["django_language"] = language
        everybody = client.get(reverse("awards:feedback_files"))
        one = client.get(reverse("awards:feedback_file", args=[world.enrolments[0].feedback.pk]))
        printed[language] = pages(everybody.content), pages(one.content)
    nobody = client.get(reverse("awards:feedback_files") + "?q=nobody")

    assert printed == {"zh-hans": (6, 1), "zh-hant": (6, 1), "en": (6, 1)}
    assert nobody.status_code == 404
