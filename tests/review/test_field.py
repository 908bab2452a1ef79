"""What a phone sends, as often and as late as it likes."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dongliang.common import offline
from dongliang.common.models import ActionLogEntry
from dongliang.people.models import Grant, Role
from dongliang.review.actions import return_sheet, void_sheet
from dongliang.review.models import Photo, Response, Submission
from dongliang.seasons.actions import close_season
from tests.factories.review import make_assignment, make_picture, send_sheet
from tests.factories.season import World, make_rules, make_world

pytestmark = pytest.mark.django_db

INDICATORS = ("party_members", "residents_follow", "method", "delivery")


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world() -> World:
    world = make_world()
    world.sheet = make_assignment(world.enrolments[2], world.mentors[0])
    return world


@pytest.fixture
def phone(client: Client, world: World) -> Client:
    client.force_login(world.accounts["mentor"])
    return client


def content(marks: str = "4354", **more) -> dict:
    names = (f"mark_{key}" for key in INDICATORS)
    return {**dict(zip(names, marks, strict=False)), "note": "", "base": 0, "key": str(uuid.uuid4()), **more}


def send(phone: Client, sheet, data: dict):
    return phone.post(reverse("review:field_send", args=[sheet.pk]), data)


def send_photo(phone: Client, sheet, data: bytes, key: uuid.UUID | str):
    file = SimpleUploadedFile("photo.jpg", data, content_type="image/jpeg")
    return phone.post(reverse("review:field_photo", args=[sheet.pk]), {"key": str(key), "file": file})


def marks_kept() -> list[str]:
    return list(Submission.objects.order_by("version").values_list("marks", flat=True))


def test_the_same_sheet_sent_ten_times_is_stored_once(phone, world):
    data = content(note_method="看了公示栏", remarks=["fast", "nonsense"], seconds=12)

    answers = [send(phone, world.sheet, data) for _time in range(10)]

    assert [(one.status_code, one.json()["state"], one.json()["item"]["version"]) for one in answers] == [
        (200, "stored", 1)
    ] * 10
    submission = Submission.objects.get()
    assert (submission.marks, submission.notes, submission.remarks, submission.sent_by) == (
        "4354",
        {"method": "看了公示栏"},
        ["fast"],
        world.accounts["mentor"],
    )
    assert Response.objects.count() == 1
    assert ActionLogEntry.objects.filter(verb__startswith="review.response").count() == 1


def test_a_sheet_that_comes_late_again_does_not_undo_a_later_correction(phone, world):
    first = content("4354")
    send(phone, world.sheet, first)
    send(phone, world.sheet, content("4355", base=1))

    answer = send(phone, world.sheet, first)

    assert (answer.json()["state"], marks_kept(), Response.objects.get().marks) == (
        "stored",
        ["4354", "4355"],
        "4355",
    )


def test_a_newer_version_from_another_device_is_a_conflict_that_shows_it(phone, world):
    send(phone, world.sheet, content("4354"))

    answer = send(phone, world.sheet, content("2222", base=0))

    assert answer.status_code == 409
    told = answer.json()
    assert (told["codes"], told["item"]["version"], told["item"]["fields"]["mark_method"]) == (
        ["review.newer_version"],
        1,
        "5",
    )
    assert told["reasons"] == [
        "Another version of the sheet on 郑秀芳 柳荫第三居民区 has been sent meanwhile. "
        "Compare the two, and choose which one counts."
    ]
    assert Response.objects.get().marks == "4354"
    assert send(phone, world.sheet, content("2222", base=1)).status_code == 200
    assert (marks_kept(), Response.objects.get().marks) == (["4354", "2222"], "2222")


def test_two_devices_that_say_the_same_have_no_conflict(phone, world):
    send(phone, world.sheet, content("4354"))

    answer = send(phone, world.sheet, content("4354", base=0))

    assert (answer.status_code, marks_kept()) == (200, ["4354"])


def test_a_returned_sheet_is_taken_in_whatever_the_phone_had_before(phone, world):
    send_sheet(world.sheet, "4444")
    send_sheet(world.sheet, "4445")
    return_sheet(world.sheet, reason="请再看一次", by=None)

    answer = send(phone, world.sheet, content("4354", base=0))

    assert (answer.status_code, Response.objects.get().marks) == (200, "4354")


def test_a_closed_season_and_a_void_sheet_are_conflicts_that_say_so(phone, world):
    void_sheet(world.sheet, reason="评价人已调离", by=None)
    close_season(world.season, by=None)

    answer = send(phone, world.sheet, content())

    assert (answer.status_code, answer.json()["codes"]) == (409, ["season.not_open", "review.voided"])
    assert Submission.objects.count() == 0


def test_a_sheet_stored_before_the_close_is_still_acknowledged_after_it(phone, world):
    data = content()
    send(phone, world.sheet, data)
    close_season(world.season, by=None)

    assert send(phone, world.sheet, data).json()["state"] == "stored"


def test_an_assessor_removed_in_mid_season_is_told_so_and_nothing_is_stored(phone, world):
    Grant.objects.filter(account=world.accounts["mentor"], role=Role.MENTOR).delete()

    answer = send(phone, world.sheet, content())

    assert (answer.status_code, answer.json()["codes"], answer.json()["item"]) == (404, ["gone"], None)
    assert Submission.objects.count() == 0
    assert phone.get(reverse("review:field_sheets")).json()["sheets"] == []
    assert phone.get(reverse("review:field")).status_code == 200


def test_whoever_is_signed_out_is_told_so_and_not_led_to_a_page(client, world):
    urls = [reverse(f"review:{name}") for name in ("field_hello", "field_sheets")]
    posts = [reverse(f"review:{name}", args=[world.sheet.pk]) for name in ("field_send", "field_photo")]

    got = [client.get(url).status_code for url in urls] + [client.post(url).status_code for url in posts]

    assert got == [401] * 4


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (content("435"), ["Things get done: Choose the level that fits best."]),
        (content("4359"), ["Things get done: Select a valid choice. 9 is not one of the available choices."]),
        (
            content(key="no key"),
            ["The phone sent a sheet without its number. Open the page again and send once more."],
        ),
        (
            content(base="-1"),
            ["The phone sent a sheet without its number. Open the page again and send once more."],
        ),
    ],
    ids=["gap", "no mark", "no key", "no base"],
)
def test_what_no_page_sends_is_refused_with_a_sentence(phone, world, data, reason):
    answer = send(phone, world.sheet, data)

    assert (answer.status_code, answer.json()) == (422, {"state": "faulty", "reasons": reason})
    assert Submission.objects.count() == 0


def test_a_key_that_belongs_to_another_sheet_stores_nothing(phone, world):
    other = make_assignment(world.enrolments[3], world.mentors[0])
    data = content()
    send(phone, world.sheet, data)

    assert send(phone, other, data).status_code == 409
    assert Submission.objects.count() == 1


def test_a_photo_sent_ten_times_is_kept_once(phone, world):
    key = uuid.uuid4()

    got = [send_photo(phone, world.sheet, make_picture(), key).json()["state"] for _time in range(10)]

    assert (got, Photo.objects.count()) == (["stored"] * 10, 1)


def test_a_fifth_photo_and_a_file_that_is_none_are_refused_with_a_sentence(phone, world):
    for _photo in range(4):
        send_photo(phone, world.sheet, make_picture(), uuid.uuid4())

    full = send_photo(phone, world.sheet, make_picture(), uuid.uuid4())
    Photo.objects.all().delete()
    broken = send_photo(phone, world.sheet, b"no picture", uuid.uuid4())

    assert (full.status_code, full.json()["reasons"]) == (
        422,
        ["This sheet has its 4 photos already. Remove one first."],
    )
    assert (broken.status_code, broken.json()["reasons"]) == (
        422,
        ["The file is no photo that can be read. Send a JPEG, PNG or WebP picture."],
    )
    assert Photo.objects.count() == 0


def test_a_photo_after_the_close_is_a_conflict(phone, world):
    close_season(world.season, by=None)

    answer = send_photo(phone, world.sheet, make_picture(), uuid.uuid4())

    assert (answer.status_code, answer.json()["codes"]) == (409, ["season.not_open"])


def test_a_photo_is_seen_by_its_assessor_and_by_the_office_once_the_season_is_closed(phone, world, client):
    send_photo(phone, world.sheet, make_picture(), uuid.uuid4())
    url = reverse("review:photo", args=[Photo.objects.get().key])

    def seen() -> dict[str, int]:
        found = {}
        for role in ("mentor", "other_mentor", "office", "subdistrict", "secretary"):
            client.force_login(world.accounts[role])
            found[role] = client.get(url).status_code
        return found

    nobody = dict.fromkeys(("other_mentor", "office", "subdistrict", "secretary"), 404)
    assert seen() == {"mentor": 200, **nobody}
    close_season(world.season, by=None)
    assert seen() == {"mentor": 200, **nobody, "office": 200}


def test_a_photo_is_deleted_by_its_assessor_picture_and_all(phone, world):
    send_photo(phone, world.sheet, make_picture(), uuid.uuid4())
    photo = Photo.objects.get()

    phone.post(reverse("review:remove_photo", args=[photo.key]))

    assert Photo.objects.count() == 0
    verbs = ActionLogEntry.objects.filter(verb__startswith="review.photo").values_list("verb", flat=True)
    assert list(verbs) == ["review.photo.added", "review.photo.removed"]


def test_the_phone_carries_the_own_sheets_and_nobody_elses(phone, world):
    make_assignment(world.enrolments[3], world.mentors[1])

    package = phone.get(reverse("review:field_sheets")).json()

    assert [(item["id"], item["name"]) for item in package["sheets"]] == [
        (f"sheet-{world.sheet.pk}", "郑秀芳")
    ]
    form = package["forms"]["field"]
    assert (form["photos"], form["leastSeconds"], form["indicatorNotes"]) == (4, 45, True)
    assert [indicator["key"] for indicator in form["indicators"]] == list(INDICATORS)
    assert [len(indicator["levels"]) for indicator in form["indicators"]] == [5] * 4


def test_the_page_itself_names_no_secretary(phone, world):
    assert "郑秀芳" not in phone.get(reverse("review:field")).content.decode()


def test_a_rule_book_that_says_nothing_of_forms_has_marks_and_one_note(client):
    document = make_rules().model_dump()
    document.pop("instruments")
    document["defaults"] = [path for path in document["defaults"] if path != "instruments"]
    world = make_world(rules=type(make_rules()).model_validate(document))
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    client.force_login(world.accounts["mentor"])

    asked = list(client.get(reverse("review:sheet", args=[sheet.pk])).context["form"].fields)
    answer = send(client, sheet, content(note_method="看了公示栏"))

    assert asked == [*(f"mark_{key}" for key in INDICATORS), "note"]
    assert (answer.status_code, Submission.objects.get().notes) == (200, {})


def test_a_list_on_the_phone_takes_as_many_queries_for_one_row_as_for_three(
    phone, world, django_assert_num_queries
):
    url = reverse("review:field_sheets")
    phone.get(url)
    with CaptureQueriesContext(connection) as one:
        phone.get(url)
    for enrolment in world.enrolments[3:5]:
        send_sheet(make_assignment(enrolment, world.mentors[0]))

    with django_assert_num_queries(len(one)):
        phone.get(url)


def test_signing_out_has_the_browser_forget_what_the_page_kept(phone):
    answer = phone.post(reverse("people:sign_out"))

    assert answer["Clear-Site-Data"] == '"storage"'


def test_the_worker_changes_with_the_files_it_keeps(phone, settings, monkeypatch, tmp_path):
    settings.DEBUG = True
    before = phone.get(reverse("review:field_worker")).content
    changed = tmp_path / "changed.js"
    changed.write_text("other")
    find = offline.finders.find
    monkeypatch.setattr(
        offline.finders, "find", lambda name: str(changed) if name == "review/field.js" else find(name)
    )

    assert phone.get(reverse("review:field_worker")).content != before
