import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dongliang.review.models import Response
from dongliang.seasons.actions import close_season
from tests.factories.projects import make_first_thing
from tests.factories.review import make_assignment, make_picture, make_plan, send_sheet
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db

ROLES = (
    "office",
    "subdistrict",
    "other_subdistrict",
    "department",
    "mentor",
    "other_mentor",
    "secretary",
    "other_secretary",
)
INDICATORS = ("party_members", "residents_follow", "method", "delivery")


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


def filled(marks: str, **more) -> dict[str, str]:
    names = (f"mark_{indicator}" for indicator in INDICATORS)
    return dict(zip(names, marks, strict=False)) | more


def shown(response) -> list:
    return list(response.context["page"])


def told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def counted() -> CaptureQueriesContext:
    return CaptureQueriesContext(connection)


def statuses(client, world, url: str, method: str = "get") -> dict[str, int]:
    found = {}
    for role in ROLES:
        client.force_login(world.accounts[role])
        found[role] = getattr(client, method)(url).status_code
    return found


def test_who_may_open_which_page(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])

    assert statuses(client, world, reverse("review:sheets")) == dict.fromkeys(ROLES, 200) | {
        "office": 302,
        "secretary": 403,
        "other_secretary": 403,
    }
    assert statuses(client, world, reverse("review:sheet", args=[sheet.pk])) == dict.fromkeys(ROLES, 404) | {
        "office": 200,
        "mentor": 200,
    }
    assert statuses(client, world, reverse("review:board")) == dict.fromkeys(ROLES, 403) | {"office": 200}
    assert statuses(
        client, world, reverse("review:assessor", args=["field", world.mentors[0].pk])
    ) == dict.fromkeys(ROLES, 403) | {"office": 200}


def test_only_the_office_plans_and_only_the_assessor_sends(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])

    assert statuses(client, world, reverse("review:sheet", args=[sheet.pk]), "post") == dict.fromkeys(
        ROLES, 404
    ) | {"office": 403, "mentor": 200}
    assert statuses(client, world, reverse("review:plan"), "post") == dict.fromkeys(ROLES, 403) | {
        "office": 302
    }
    assert Response.objects.count() == 0


def test_an_office_opens_no_sheet_of_another_district(client):
    world, other = make_world(), make_world(code="YZ")
    sheet = make_assignment(other.enrolments[2], other.mentors[0])

    client.force_login(world.accounts["office"])

    assert client.get(reverse("review:sheet", args=[sheet.pk])).status_code == 404
    assert client.get(reverse("review:assessor", args=["field", other.mentors[0].pk])).status_code == 404


def test_what_is_outstanding_stands_before_what_is_sent(client):
    world = make_world()
    sheets = [make_assignment(enrolment, world.departments[0]) for enrolment in world.enrolments]
    send_sheet(sheets[0])
    send_sheet(sheets[3])

    client.force_login(world.accounts["department"])
    page = client.get(reverse("review:sheets"))

    assert shown(page) == [sheets[n] for n in (1, 2, 4, 5, 3, 0)]
    assert (page.context["sent"], page.context["due"], page.context["next_sheet"]) == (2, 6, sheets[1])


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"search": "海燕"}, [3]),
        ({"search": "柳荫第二"}, [1]),
        ({"state": "sent"}, [0]),
        ({"state": "outstanding", "search": "河湾"}, [3, 4, 5]),
        ({"state": "nonsense"}, [1, 2, 3, 4, 5, 0]),
        ({"search": "nobody"}, []),
    ],
)
def test_the_list_is_narrowed_by_name_and_state(client, query, rows):
    world = make_world()
    sheets = [make_assignment(enrolment, world.departments[0]) for enrolment in world.enrolments]
    send_sheet(sheets[0])

    client.force_login(world.accounts["department"])

    assert shown(client.get(reverse("review:sheets"), query)) == [sheets[n] for n in rows]


def test_the_list_is_narrowed_by_subdistrict(client):
    world = make_world()
    sheets = [make_assignment(enrolment, world.departments[0]) for enrolment in world.enrolments]

    client.force_login(world.accounts["department"])
    page = client.get(reverse("review:sheets"), {"subdistrict": world.subdistricts[1].pk})

    assert shown(page) == sheets[3:]


@pytest.mark.parametrize("role", ["mentor", "department"])
def test_a_list_takes_as_many_queries_for_two_rows_as_for_four(client, role):
    world = make_world()
    assessor = world.mentors[0] if role == "mentor" else world.departments[0]
    for enrolment in (world.enrolments[2], world.enrolments[5]):
        make_assignment(enrolment, assessor)
    client.force_login(world.accounts[role])
    client.get(reverse("review:sheets"))

    with counted() as two:
        client.get(reverse("review:sheets"))
    for enrolment in world.enrolments[3:5]:
        make_first_thing(enrolment)
        make_assignment(enrolment, assessor)
    with counted() as four:
        client.get(reverse("review:sheets"))

    assert len(four) == len(two)


def test_a_sheet_asks_for_every_indicator_and_in_the_field_for_the_first_thing(client):
    world = make_world()
    make_first_thing(world.enrolments[2])
    field = make_assignment(world.enrolments[2], world.mentors[0])
    institutional = make_assignment(world.enrolments[2], world.departments[0])

    asked = {}
    for role, sheet in (("mentor", field), ("department", institutional)):
        client.force_login(world.accounts[role])
        asked[role] = list(client.get(reverse("review:sheet", args=[sheet.pk])).context["form"].fields)

    questions = [f"{kind}_{indicator}" for indicator in INDICATORS for kind in ("mark", "note")]
    assert asked == {
        "mentor": [*questions, "first_thing", "note", "photos"],
        "department": [*questions, "note"],
    }


def test_a_full_sheet_is_sent_and_the_list_offers_the_next(client):
    world = make_world()
    sheets = [make_assignment(enrolment, world.mentors[0]) for enrolment in world.enrolments[2:4]]
    client.force_login(world.accounts["mentor"])

    answer = client.post(
        reverse("review:sheet", args=[sheets[0].pk]), filled("4354", note="见到了三位楼组长"), follow=True
    )

    assert answer.redirect_chain == [(reverse("review:sheets"), 302)]
    assert told(answer) == ["The sheet on 郑秀芳 柳荫第三居民区 is sent."]
    assert answer.context["next_sheet"] == sheets[1]
    assert list(Response.objects.values_list("assignment", "marks", "note", "submitted_by")) == [
        (sheets[0].pk, "4354", "见到了三位楼组长", world.accounts["mentor"].pk)
    ]


def test_a_sheet_with_a_gap_is_shown_again_with_its_entries_and_names_the_gap(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    client.force_login(world.accounts["mentor"])

    answer = client.post(reverse("review:sheet", args=[sheet.pk]), filled("435", note="见到了三位楼组长"))

    form = answer.context["form"]
    assert form.errors == {"mark_delivery": ["Choose the level that fits best."]}
    assert (form["mark_party_members"].value(), form["note"].value()) == ("4", "见到了三位楼组长")
    assert Response.objects.count() == 0


def test_a_straight_lined_sheet_is_sent_once_confirmed(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    url = reverse("review:sheet", args=[sheet.pk])
    client.force_login(world.accounts["mentor"])

    asked = client.post(url, filled("4444"))
    assert (asked.context["to_confirm"], Response.objects.count()) == ("4444", 0)
    changed = client.post(url, filled("3333", confirmed="4444"))
    assert (changed.context["to_confirm"], Response.objects.count()) == ("3333", 0)
    client.post(url, filled("3333", confirmed="3333"))
    assert Response.objects.get().marks == "3333"


def test_a_sheet_sent_is_shown_filled_and_can_be_corrected(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    send_sheet(sheet, "4354", note="见到了三位楼组长")
    url = reverse("review:sheet", args=[sheet.pk])
    client.force_login(world.accounts["mentor"])

    initial = client.get(url).context["form"].initial
    client.post(url, filled("4355"))

    assert initial == filled("4354", first_thing="", note="见到了三位楼组长")
    assert Response.objects.get().marks == "4355"


def test_a_refused_sheet_is_shown_again_with_the_reason(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[0], world.mentors[0])
    client.force_login(world.accounts["mentor"])

    answer = client.post(reverse("review:sheet", args=[sheet.pk]), filled("4354"))

    reason = "褚卫东 has coached 周兰英 since April 1, 2021. The rule book keeps the two apart: ask another mentor."
    assert (answer.status_code, told(answer)) == (200, [reason])
    assert [str(blocker) for blocker in answer.context["blockers"]] == [reason]


def test_the_office_sees_no_marks_before_the_season_is_closed(client):
    world = make_world()
    make_first_thing(world.enrolments[2])
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    send_sheet(sheet, "2354", note="见到了三位楼组长")
    client.force_login(world.accounts["office"])
    pages = [
        reverse("review:sheet", args=[sheet.pk]),
        reverse("review:assessor", args=["field", sheet.mentor_id]),
    ]

    while_open = [client.get(page) for page in pages]
    close_season(world.season, by=None)
    closed = [client.get(page) for page in pages]

    assert (while_open[0].context["answers"], while_open[1].context["indicators"]) == ([], [])
    assert "三位楼组长" not in while_open[0].content.decode()
    assert [(answer.label, answer.mark) for answer in closed[0].context["answers"]] == [
        ("Party members are led", "2"),
        ("Residents follow", "3"),
        ("There is method in it", "5"),
        ("Things get done", "4"),
        ("The first thing", "4"),
    ]
    assert "三位楼组长" in closed[0].content.decode()
    assert [str(indicator.name) for indicator in closed[1].context["indicators"]] == [
        "Party members are led",
        "Residents follow",
        "There is method in it",
        "Things get done",
    ]


def test_an_assessor_reads_the_own_sheet_after_the_season_is_closed(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    send_sheet(sheet)
    close_season(world.season, by=None)
    client.force_login(world.accounts["mentor"])

    page = client.get(reverse("review:sheet", args=[sheet.pk]))
    assert [answer.mark for answer in page.context["answers"]] == ["4", "3", "5", "4"]
    answer = client.post(reverse("review:sheet", args=[sheet.pk]), filled("5554"))

    assert [blocker.code for blocker in answer.context["blockers"]] == ["season.not_open"]
    assert Response.objects.get().marks == "4354"


def test_the_board_shows_who_is_behind_and_is_narrowed_by_name_source_and_state(client):
    world = make_world()
    send_sheet(make_assignment(world.enrolments[2], world.mentors[1]))
    make_assignment(world.enrolments[2], world.departments[0])
    client.force_login(world.accounts["office"])

    def rows(**query) -> list[tuple]:
        page = client.get(reverse("review:board"), query)
        return [(str(row.assessor), row.due, row.sent) for row in page.context["rows"]]

    mentor, department = ("卫春华", 1, 1), ("民政局", 1, 0)
    assert rows() == [department, mentor]
    assert rows(search="春华") == rows(source="field") == rows(state="complete") == [mentor]
    assert rows(source="institutional") == rows(state="late") == [department]
    assert rows(search="nobody") == []


def test_the_board_plans_and_says_how_many_sheets(client):
    world = make_world()
    client.force_login(world.accounts["office"])

    answer = client.post(reverse("review:plan"), follow=True)

    assert told(answer) == ["30 sheets are planned."]
    assert sum(row.due for row in answer.context["rows"]) == world.season.assignments.count() == 30


def test_the_board_tells_why_a_plan_cannot_be_made(client):
    world = make_world(open_it=False)
    client.force_login(world.accounts["office"])

    shown_before = client.get(reverse("review:board")).context["blockers"]
    answer = client.post(reverse("review:plan"), follow=True)

    reason = "The season is preparing. Sheets are planned and filled while it is open."
    assert [str(blocker) for blocker in shown_before] == [reason] == told(answer)


def test_planning_is_offered_until_the_first_sheet_is_sent(client):
    world = make_world()
    sheets = make_plan(world.season)
    client.force_login(world.accounts["office"])
    planned = client.get(reverse("review:board")).content.decode()

    send_sheet(next(sheet for sheet in sheets if sheet.institution))
    begun = client.get(reverse("review:board")).content.decode()

    assert (reverse("review:plan") in planned, reverse("review:plan") in begun) == (True, False)


def test_the_board_takes_as_many_queries_for_two_assessors_as_for_nine(client):
    world = make_world()
    send_sheet(make_assignment(world.enrolments[2], world.departments[0]))
    make_assignment(world.enrolments[2], world.mentors[0])
    client.force_login(world.accounts["office"])
    client.get(reverse("review:board"))

    with counted() as two:
        client.get(reverse("review:board"))
    for assessor in (*world.mentors[1:], *world.subdistricts, world.departments[1]):
        make_assignment(world.enrolments[3], assessor)
    with counted() as nine:
        client.get(reverse("review:board"))

    assert len(nine) == len(two)


def test_without_a_season_the_pages_say_so(client):
    world = make_world()
    accounts = world.accounts
    world.season.delete()

    client.force_login(accounts["office"])
    board = client.get(reverse("review:board"))
    client.force_login(accounts["mentor"])
    sheets = client.get(reverse("review:sheets"))

    assert (board.status_code, "No season yet" in board.content.decode()) == (200, True)
    assert (sheets.status_code, "No sheets yet" in sheets.content.decode()) == (200, True)


def test_a_note_stands_beside_its_indicator_and_photos_go_with_the_sheet(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    client.force_login(world.accounts["mentor"])
    files = [SimpleUploadedFile(f"{n}.jpg", make_picture(), content_type="image/jpeg") for n in range(2)]

    client.post(
        reverse("review:sheet", args=[sheet.pk]), filled("4354", note_method="看了公示栏", photos=files)
    )

    page = client.get(reverse("review:sheet", args=[sheet.pk]))
    assert [(answer.mark, answer.note) for answer in page.context["answers"]] == [
        ("4", ""),
        ("3", ""),
        ("5", "看了公示栏"),
        ("4", ""),
    ]
    assert len(page.context["photos"]) == 2


def test_a_photo_that_cannot_be_read_is_named_and_the_sheet_is_sent_all_the_same(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    client.force_login(world.accounts["mentor"])
    file = SimpleUploadedFile("notes.jpg", b"no picture", content_type="image/jpeg")

    answer = client.post(reverse("review:sheet", args=[sheet.pk]), filled("4354", photos=[file]), follow=True)

    assert told(answer) == [
        "notes.jpg: The file is no photo that can be read. Send a JPEG, PNG or WebP picture.",
        "The sheet on 郑秀芳 柳荫第三居民区 is sent.",
    ]
    assert answer.redirect_chain == [(reverse("review:sheet", args=[sheet.pk]), 302)]


def test_a_sheet_sent_from_an_old_page_shows_the_newer_version_before_it_takes_its_place(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    client.force_login(world.accounts["mentor"])
    url = reverse("review:sheet", args=[sheet.pk])
    send_sheet(sheet, "2354")

    asked = client.post(url, filled("4354", base=0))
    assert (asked.context["overtaken"], asked.context["base"], Response.objects.get().marks) == (
        True,
        1,
        "2354",
    )
    assert [answer.mark for answer in asked.context["answers"]] == ["2", "3", "5", "4"]
    client.post(url, filled("4354", base=asked.context["base"]))
    assert Response.objects.get().marks == "4354"


def test_a_sheet_filled_in_no_time_is_pointed_out_and_the_office_sees_that_it_was(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    client.force_login(world.accounts["mentor"])
    url = reverse("review:sheet", args=[sheet.pk])
    opened = client.get(url).context["opened"]

    asked = client.post(url, filled("4354", opened=opened))
    assert (asked.context["remarks"], Response.objects.count()) == (["fast"], 0)
    client.post(url, filled("4354", opened=opened, confirmed=asked.context["to_confirm"]))

    client.force_login(world.accounts["office"])
    board = client.get(reverse("review:assessor", args=["field", world.mentors[0].pk]))
    assert [row.latest_remarks for row in shown(board)] == [["fast"]]
    assert "filled very quickly" in board.content.decode()


def test_the_office_returns_a_sheet_with_a_reason_that_its_assessor_reads(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    send_sheet(sheet, "4354")
    client.force_login(world.accounts["office"])

    empty = client.post(reverse("review:return_sheet", args=[sheet.pk]), {"reason": ""}, follow=True)
    done = client.post(reverse("review:return_sheet", args=[sheet.pk]), {"reason": "请再看一次"}, follow=True)

    assert told(empty) == [
        "There is no reason given. Write a sentence: the assessor reads it, and it stays in the log."
    ]
    assert told(done) == ["The sheet on 郑秀芳 柳荫第三居民区 has been returned to its assessor."]
    client.force_login(world.accounts["mentor"])
    page = client.get(reverse("review:sheet", args=[sheet.pk]))
    assert (page.context["returned"].reason, page.context["form"]["mark_method"].value()) == (
        "请再看一次",
        "5",
    )


def test_a_void_sheet_is_shown_as_such_and_asks_for_nothing(client):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    client.force_login(world.accounts["office"])
    client.post(reverse("review:void_sheet", args=[sheet.pk]), {"reason": "评价人已调离"})

    client.force_login(world.accounts["mentor"])
    page = client.get(reverse("review:sheets"), {"state": "voided"})

    assert (shown(page), page.context["due"], page.context["next_sheet"]) == ([sheet], 0, None)
