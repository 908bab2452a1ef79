"""What the phone asks and sends: stored once, for the two of the pair only, photos without what the camera wrote."""

import io
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from dongliang.common.refusals import Refused
from dongliang.mentoring.actions.pairs import end_pair
from dongliang.mentoring.actions.visits import add_visit_photo
from dongliang.mentoring.models import FollowUp, Visit, VisitPhoto
from tests.factories.mentoring import make_visit, make_visit_photo
from tests.factories.review import make_picture
from tests.factories.season import World, make_world
from tests.mentoring.test_visits import pair_of, said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world() -> World:
    return make_world()


def send(client: Any, world: World, **changes: Any) -> Any:
    return client.post(reverse("mentoring:phone_visit", args=[pair_of(world).pk]), said() | changes)


def send_photo(client: Any, number: uuid.UUID, key: str, data: bytes | None = None) -> Any:
    file = SimpleUploadedFile("街面.jpg", data or make_picture(), "image/jpeg")
    return client.post(reverse("mentoring:phone_photo", args=[number]), {"key": key, "file": file})


def test_ten_sendings_store_one_visit_and_its_photo_once(client, world):
    client.force_login(world.accounts["mentor"])
    number, key = str(uuid.uuid4()), str(uuid.uuid4())

    answers = [send(client, world, number=number) for _time in range(10)]
    photos = [send_photo(client, uuid.UUID(number), key) for _time in range(10)]

    assert {answer.json()["state"] for answer in answers + photos} == {"stored"}
    assert [str(visit.uuid) for visit in Visit.objects.all()] == [number]
    assert [str(photo.key) for photo in VisitPhoto.objects.all()] == [key]
    assert answers[0].json()["item"]["visits"][0]["question"] == "电梯费用怎么分"


def test_a_visit_written_on_after_it_arrived_is_told_and_not_lost(client, world):
    client.force_login(world.accounts["mentor"])
    number = str(uuid.uuid4())
    send(client, world, number=number)

    again = send(client, world, number=number, advice="按楼层系数算，先公示")

    assert (again.status_code, again.json()["codes"]) == (409, ["visit.differs"])
    assert Visit.objects.get().advice == "按楼层系数算"


def test_what_can_be_corrected_comes_back_and_what_cannot_is_to_be_decided_on(client, world):
    client.force_login(world.accounts["mentor"])

    early = send(client, world, met_on="2021-03-01")
    empty = send(client, world, question="")
    end_pair(pair_of(world), reason="moved", note="", successor=None, by=None)
    ended = send(client, world)

    assert (early.status_code, early.json()["state"]) == (422, "faulty")
    assert early.json()["reasons"][0].startswith("2021-03-01 is not a day on which the pair has met.")
    assert empty.json() == {"state": "faulty", "reasons": ["What was asked: This field is required."]}
    assert (ended.status_code, ended.json()["codes"]) == (404, ["gone"])
    assert Visit.objects.count() == 0


def test_a_step_is_followed_up_once_however_often_it_is_sent(client, world):
    visit = make_visit(pair_of(world), by=None)
    client.force_login(world.accounts["secretary"])
    address, key = reverse("mentoring:phone_step", args=[visit.pk]), str(uuid.uuid4())

    answers = [client.post(address, {"outcome": "done", "key": key}) for _time in range(3)]
    other = client.post(address, {"outcome": "not_done", "key": str(uuid.uuid4())})

    assert [answer.json()["state"] for answer in answers] == ["stored"] * 3
    assert (other.status_code, other.json()["codes"]) == (409, ["follow_up.closed"])
    assert [(told.outcome, str(told.key)) for told in FollowUp.objects.all()] == [("done", key)]


def test_nobody_but_the_two_finds_the_pair_on_the_phone(client, world):
    found = {}
    for role in ("mentor", "secretary", "other_mentor", "other_secretary", "office", "subdistrict"):
        client.force_login(world.accounts[role])
        package = client.get(reverse("mentoring:phone_pairs")).json()
        found[role] = [pair["name"] for pair in package["pairs"]]

    assert found == {
        "mentor": ["周兰英", "吴建国"],
        "secretary": ["褚卫东"],
        "other_mentor": [],
        "other_secretary": [],
        "office": [],
        "subdistrict": [],
    }


def test_a_photo_keeps_neither_place_nor_device_and_is_for_the_two_and_the_programme_office(client, world):
    exif = Image.Exif()
    exif[0x010F] = "Rearcam"
    exif.get_ifd(0x8825)[1] = "N"
    data = make_picture(3000, 2000, exif=exif)
    photo = add_visit_photo(make_visit(pair_of(world)), data, key=uuid.uuid4(), by=None)
    address = reverse("mentoring:visit_photo", args=[photo.key])

    seen = {}
    for role in ("mentor", "secretary", "office", "subdistrict", "other_mentor", "other_secretary"):
        client.force_login(world.accounts[role])
        seen[role] = client.get(address).status_code
    client.force_login(world.accounts["office"])
    answer = client.get(address)

    kept = Image.open(io.BytesIO(answer.content))
    assert (kept.size, dict(kept.getexif()), answer["Cache-Control"]) == ((1280, 853), {}, "no-store")
    assert seen == {
        "mentor": 200,
        "secretary": 200,
        "office": 200,
        "subdistrict": 404,
        "other_mentor": 404,
        "other_secretary": 404,
    }


def test_a_visit_takes_three_photos_and_no_other_file(world):
    visit = make_visit(pair_of(world))
    with pytest.raises(Refused) as unreadable:
        add_visit_photo(visit, b"%PDF-", key=uuid.uuid4(), by=None)
    first = make_visit_photo(visit)
    make_visit_photo(visit)
    make_visit_photo(visit)
    with pytest.raises(Refused) as full:
        make_visit_photo(visit)
    with pytest.raises(Refused) as elsewhere:
        add_visit_photo(make_visit(world.enrolments[1].pairs.get()), make_picture(), key=first.key, by=None)

    codes = [refused.value.blockers[0].code for refused in (unreadable, full, elsewhere)]
    assert codes == ["visit.photo_unreadable", "visit.photos_full", "visit.taken"]


def test_a_photo_is_added_and_deleted_on_the_page_of_the_visit(client, world):
    visit = make_visit(pair_of(world))
    client.force_login(world.accounts["mentor"])
    file = SimpleUploadedFile("街面.jpg", make_picture(), "image/jpeg")

    client.post(reverse("mentoring:new_visit_photo", args=[visit.pk]), {"file": file})
    photo = visit.photos.get()
    page = client.get(reverse("mentoring:visit", args=[visit.pk]))
    client.post(reverse("mentoring:drop_visit_photo", args=[photo.key]))

    assert reverse("mentoring:visit_photo", args=[photo.key]) in page.content.decode()
    assert VisitPhoto.objects.count() == 0


def test_a_phone_that_is_signed_out_is_told_so(client, world):
    asked = [client.get(reverse(f"mentoring:phone_{name}")).status_code for name in ("pairs", "hello")]

    assert (asked, send(client, world).status_code) == ([401, 401], 401)
