import datetime

import pytest
import time_machine
from django.urls import reverse

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.review.models import Reminder
from dongliang.review.reminding import remind_assessor, remind_assessors
from dongliang.review.waiting import by_assessor, by_secretary, by_subdistrict, names_of, reminder_for
from dongliang.seasons.actions import close_season
from tests.factories.review import make_assignment, send_sheet
from tests.factories.season import World, make_world

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2021, 11, 8, 4, 0, tzinfo=datetime.UTC)


def codes(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


@pytest.fixture
def world() -> World:
    """Three sheets: one sent by the second mentor, one open with her, one open with the first subdistrict."""
    world = make_world()
    with time_machine.travel(NOON, tick=False):
        send_sheet(make_assignment(world.enrolments[3], world.mentors[1]))
    make_assignment(world.enrolments[0], world.mentors[1])
    make_assignment(world.enrolments[0], world.subdistricts[0])
    return world


def test_a_reminder_is_kept_and_logged_with_what_is_outstanding(world):
    remind_assessor(world.season, world.mentors[1], by=world.accounts["office"])

    reminder = Reminder.objects.get()
    entry = ActionLogEntry.objects.get(verb="review.assessor.reminded")
    assert (reminder.mentor, reminder.outstanding, reminder.sent_by) == (
        world.mentors[1],
        1,
        world.accounts["office"],
    )
    assert (entry.by, entry.detail) == (world.accounts["office"], {"outstanding": 1})


def test_an_assessor_is_reminded_once_a_day(world):
    with time_machine.travel(NOON, tick=False):
        remind_assessor(world.season, world.subdistricts[0], by=None)
        with pytest.raises(Refused) as refused:
            remind_assessor(world.season, world.subdistricts[0], by=None)
    # Midnight in the office's time zone is four in the afternoon in London.
    with time_machine.travel(NOON + datetime.timedelta(hours=12, minutes=1), tick=False):
        remind_assessor(world.season, world.subdistricts[0], by=None)

    assert codes(refused) == ["reminder.today"]
    assert Reminder.objects.count() == 2


def test_nobody_is_reminded_of_nothing_nor_after_the_close(world):
    with pytest.raises(Refused) as nothing:
        remind_assessor(world.season, world.mentors[0], by=None)
    close_season(world.season, by=None)
    with pytest.raises(Refused) as closed:
        remind_assessor(world.season, world.mentors[1], by=None)

    assert (codes(nothing), codes(closed)) == (["reminder.nothing"], ["season.not_open"])


def test_all_are_reminded_but_those_who_were_or_who_are_done(world):
    remind_assessor(world.season, world.mentors[1], by=None)

    sent = remind_assessors(
        world.season, [world.mentors[0], world.mentors[1], world.subdistricts[0]], by=None
    )

    assert [reminder.institution for reminder in sent] == [world.subdistricts[0]]


def test_the_board_by_assessor_tells_the_last_sheet_and_the_last_reminder(world):
    with time_machine.travel(NOON, tick=False):
        remind_assessor(world.season, world.subdistricts[0], by=None)

    rows = by_assessor(world.season, today=datetime.date(2021, 11, 8))

    assert [
        (row.progress.assessor, row.progress.open, row.last_sent, row.reminded, row.can_be_reminded)
        for row in rows
    ] == [
        (world.subdistricts[0], 1, None, NOON, False),
        (world.mentors[1], 1, NOON, None, True),
    ]
    assert names_of(rows) == "望梁街道（1）、卫春华（1）"


def test_the_board_by_secretary_and_by_subdistrict_puts_most_missing_first(world):
    def counts(rows):
        return [
            (row.subject, row.field_due, row.field_sent, row.institutional_due, row.open, row.last_sent)
            for row in rows
        ]

    assert counts(by_secretary(world.season)) == [
        (world.enrolments[0], 1, 0, 1, 2, None),
        (world.enrolments[3], 1, 1, 0, 0, NOON),
    ]
    assert counts(by_subdistrict(world.season)) == [
        (world.subdistricts[0], 1, 0, 1, 2, None),
        (world.subdistricts[1], 1, 1, 0, 0, NOON),
    ]


def test_the_reminder_shows_to_whom_it_was_sent_until_all_is_sent(world):
    remind_assessor(world.season, world.mentors[1], by=None)

    shown = {
        role: reminder_for(world.accounts[role], world.season)
        for role in ("mentor", "other_mentor", "subdistrict")
    }
    send_sheet(world.season.assignments.get(mentor=world.mentors[1], response=None))

    assert shown == {"mentor": None, "other_mentor": Reminder.objects.get(), "subdistrict": None}
    assert reminder_for(world.accounts["other_mentor"], world.season) is None


def test_the_notice_stands_on_the_assessors_own_page(client, world):
    client.force_login(world.accounts["other_mentor"])
    client.cookies["django_language"] = "en"
    before = client.get(reverse("review:sheets")).content.decode()
    remind_assessor(world.season, world.mentors[1], by=None)

    after = client.get(reverse("review:sheets")).content.decode()

    assert ["The programme office asks for your sheets" in page for page in (before, after)] == [False, True]


def test_the_page_reminds_one_and_then_everybody_left(client, world):
    client.force_login(world.accounts["office"])
    address = reverse("review:remind")

    client.post(address, {"assessor": f"field-{world.mentors[1].pk}"})
    one = list(Reminder.objects.values_list("mentor", "institution"))
    client.post(address)

    assert one == [(world.mentors[1].pk, None)]
    assert Reminder.objects.count() == 2


@pytest.mark.parametrize(
    "key", ["field-", "field-x", "field-99999999999999999999", "-1", "institutional-1²", "x"]
)
def test_a_made_up_assessor_is_reminded_of_nothing(client, world, key):
    client.force_login(world.accounts["office"])

    answer = client.post(reverse("review:remind"), {"assessor": key})

    assert (answer.status_code, Reminder.objects.count()) == (302, 0)


@pytest.mark.parametrize(
    ("by", "search", "found"),
    [("assessor", "wch", 1), ("assessor", "街道", 1), ("secretary", "zly", 1), ("subdistrict", "石桥", 1)],
)
def test_the_board_is_searched_in_each_of_its_ways(client, world, by, search, found):
    client.force_login(world.accounts["office"])

    page = client.get(reverse("review:waiting"), {"by": by, "search": search})

    assert (page.context["by"], len(page.context["page"].object_list)) == (by, found)


@pytest.mark.parametrize("by", ["assessor", "secretary", "subdistrict"])
def test_the_board_takes_as_many_queries_for_many_as_for_few(
    client, world, by, django_assert_max_num_queries
):
    client.force_login(world.accounts["office"])
    client.get(reverse("review:waiting"), {"by": by})
    with django_assert_max_num_queries(40) as few:
        client.get(reverse("review:waiting"), {"by": by})
    for enrolment in world.enrolments:
        for mentor in world.mentors[2:]:
            make_assignment(enrolment, mentor)

    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(reverse("review:waiting"), {"by": by})
