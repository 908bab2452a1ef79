import datetime
import io

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dongliang.growth.models import Material, Path, Question, Seat
from dongliang.people.models import Organisation, Person, Post, Tenure
from dongliang.seasons.models import Enrolment
from tests.factories.growth import (
    HOUR,
    give_hours,
    make_attendance,
    make_course,
    make_path,
    make_report,
    make_seat,
    make_session,
)
from tests.factories.projects import make_first_thing
from tests.factories.season import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world(client) -> World:
    world = make_world()
    client.force_login(world.accounts["office"])
    return world


def rows(response) -> list[tuple]:
    """The rows of a workbook below its header."""
    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).active
    return list(sheet.iter_rows(min_row=2, values_only=True))


def add_secretaries(world: World, count: int) -> None:
    """So many more in the second subdistrict, each in post, enrolled, seated, present, on the path, with hours."""
    home, season = world.subdistricts[1], world.season
    places = Organisation.objects.bulk_create(
        Organisation(kind="neighbourhood", parent=home, code=f"X{n:04d}", name=f"新苑第{n}居民区")
        for n in range(count)
    )
    people = Person.objects.bulk_create(Person(name=f"丁{n:03d}") for n in range(count))
    posts = Post.objects.bulk_create(Post(organisation=place) for place in places)
    Tenure.objects.bulk_create(
        Tenure(post=post, person=person, kind="new", starts_on=datetime.date(2021, 3, 1))
        for post, person in zip(posts, people, strict=True)
    )
    enrolments = Enrolment.objects.bulk_create(
        Enrolment(season=season, number=100 + n, post=post, person=person, is_new=True)
        for n, (post, person) in enumerate(zip(posts, people, strict=True))
    )
    session = season.courses.get().sessions.get()
    for enrolment in enrolments:
        populate(session, enrolment)


def populate(session, enrolment: Enrolment) -> None:
    make_seat(session, enrolment)
    make_attendance(session, enrolment)
    make_path(enrolment, "reserve")
    make_first_thing(enrolment)
    make_report(session.course, enrolment)


LISTS = (
    "training hours people session tick practices reserve talent_map subdistricts_year "
    "training_export hours_export people_export session_export practices_export reserve_export talent_export "
    "subdistricts_year_export"
).split()


def test_every_list_takes_as_many_queries_for_3_secretaries_as_for_300(client, world):
    session = make_session(make_course(world.season, practice="用起来。"))
    for enrolment in world.enrolments[:3]:
        populate(session, enrolment)
    of_one = {"session": session, "tick": session, "session_export": session}
    of_one |= {"practices": session.course, "practices_export": session.course}

    def counted() -> dict[str, int]:
        found = {}
        for name in LISTS:
            address = reverse(f"growth:{name}", args=[of_one[name].pk] if name in of_one else [])
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            found[name] = len(queries)
        return found

    before = counted()
    add_secretaries(world, 297)

    assert counted() == before


@pytest.mark.parametrize("search", ["周兰", "zly", "ZL", "柳荫第一"])
@pytest.mark.parametrize("page", ["hours", "people"])
def test_a_list_finds_a_secretary_by_name_initials_or_neighbourhood(client, world, page, search):
    found = rows(client.get(reverse(f"growth:{page}_export"), {"search": search}))

    assert [row[1] for row in found] == ["周兰英"]


def test_the_list_of_hours_asks_who_has_the_hours_of_the_year(client, world):
    give_hours(world.enrolments[0], 24)
    give_hours(world.enrolments[1], 23.5)

    of_year = {
        which: rows(client.get(reverse("growth:hours_export"), {"which": which}))
        for which in ("reached", "short")
    }

    assert [(row[1], row[5]) for row in of_year["reached"]] == [("周兰英", 24)]
    assert [(row[1], row[5]) for row in of_year["short"]][:2] == [("吴建国", 23.5), ("郑秀芳", 0)]


def test_the_list_of_paths_asks_for_a_stage_or_a_state(client, world):
    make_path(world.enrolments[0], "selected", star_since=datetime.date(2021, 9, 1))
    make_path(world.enrolments[1], "new", paused_on=datetime.date(2021, 9, 1))

    found = {
        str(asked): [row[1] for row in rows(client.get(reverse("growth:people_export"), asked))]
        for asked in ({"stage": "selected"}, {"stage": "none"}, {"state": "paused"}, {"state": "star"})
    }

    assert list(found.values()) == [
        ["周兰英"],
        ["郑秀芳", "王海燕", "冯志明", "陈玉梅"],
        ["吴建国"],
        ["周兰英"],
    ]


def test_a_subdistrict_office_reads_and_signs_up_its_own_only(client, world):
    session = make_session(make_course(world.season))
    make_seat(session, world.enrolments[5])
    client.force_login(world.accounts["subdistrict"])
    address = reverse("growth:join", args=[session.pk])

    own = client.post(address, {"enrolment": world.enrolments[2].pk}).status_code
    other = client.post(address, {"enrolment": world.enrolments[4].pk}).status_code

    found = rows(client.get(reverse("growth:session_export", args=[session.pk])))
    assert (own, other) == (302, 404)
    assert [row[1] for row in found] == ["郑秀芳"]


def test_a_secretary_signs_up_and_withdraws(client, world):
    session = make_session(make_course(world.season))
    client.force_login(world.accounts["secretary"])

    client.post(reverse("growth:join", args=[session.pk]))
    state = session.seats.get().state
    client.post(reverse("growth:leave", args=[session.pk]))

    assert (state, session.seats.get().state) == (Seat.State.SEATED, Seat.State.LEFT)


def test_the_office_ticks_those_who_were_there_as_the_paper_says(client, world):
    session = make_session(make_course(world.season), begins_in=-HOUR)
    ticked = [enrolment.pk for enrolment in world.enrolments[:2]]

    client.post(reverse("growth:tick", args=[session.pk]), {"method": "paper", "there": ticked})

    assert list(session.attendances.values_list("enrolment", "method")) == [(pk, "paper") for pk in ticked]


def test_the_sign_in_sheet_is_a_pdf(client, world):
    session = make_session(make_course(world.season))
    make_seat(session, world.enrolments[0])

    sheet = client.get(reverse("growth:sheet", args=[session.pk]))

    assert (sheet["Content-Type"], sheet.content[:5]) == ("application/pdf", b"%PDF-")


def test_a_course_and_a_session_are_made_by_form_with_the_places_of_a_subdistrict(client, world):
    first = world.subdistricts[0]
    words = {"title": "议事会", "kind": "joint", "practice_hours": 0, "pass_percent": 60, "attempts": 3}
    client.post(reverse("growth:new_course"), words)
    course = world.season.courses.get()
    when = {"starts_at": "2030-01-05T09:00", "ends_at": "2030-01-05T11:00"}
    details = {"place": "党校", "trainer": "俞慧敏", "hours": "2", "places": "30", f"quota_{first.pk}": "12"}
    address = reverse("growth:new_session", args=[course.pk])

    refused = client.post(address, details | when | {"ends_at": "2030-01-05T08:00"})
    client.post(address, details | when)

    session = course.sessions.get()
    assert "The session ends before it begins. Check the two times." in refused.content.decode()
    assert (session.places, list(session.quotas.values_list("subdistrict", "places"))) == (
        30,
        [(first.pk, 12)],
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"title": "讲义"}, "Give either a link or a file."),
        (
            {"title": "讲义", "file": ("讲义.exe", b"MZ")},
            "A file that ends in &#x27;.exe&#x27; cannot be added.",
        ),
    ],
)
def test_material_that_cannot_be_added_is_told(client, world, given, said):
    course = make_course(world.season)
    data = {
        name: SimpleUploadedFile(*value) if isinstance(value, tuple) else value
        for name, value in given.items()
    }

    answer = client.post(reverse("growth:new_material", args=[course.pk]), data)

    assert said in answer.content.decode()
    assert not Material.objects.exists()


def test_a_file_is_given_out_to_be_saved_under_its_title(client, world):
    course = make_course(world.season)
    file = SimpleUploadedFile("../../讲义.pdf", b"%PDF-1.7")
    client.post(reverse("growth:new_material", args=[course.pk]), {"title": "讲义", "file": file})
    material = course.materials.get()

    answer = client.get(reverse("growth:material", args=[material.pk]))

    assert b"".join(answer.streaming_content) == b"%PDF-1.7"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''%E8%AE%B2%E4%B9%89.pdf")
    assert material.file.name.startswith(f"{course.pk}/")


def test_a_question_says_which_choice_is_right(client, world):
    course = make_course(world.season)
    address = reverse("growth:questions", args=[course.pk])

    refused = client.post(address, {"text": "谁来主持？", "choices": "书记\n居民"})
    client.post(address, {"text": "谁来主持？", "choices": "书记\n* 居民推选"})

    question = Question.objects.get()
    assert "0 choices begin with *. Mark the one that is right." in refused.content.decode()
    assert (question.choices, question.right) == (["书记", "居民推选"], 1)


def test_the_office_puts_the_new_on_the_path_and_an_experienced_one_at_a_later_stage(client, world):
    client.post(reverse("growth:begin"))
    address = reverse("growth:begin_one", args=[world.enrolments[2].pk])
    client.post(address, {"stage": "expert", "evidence": "上年度已毕业。"})
    client.post(address, {"stage": "graduated", "evidence": ""})
    client.post(address, {"stage": "graduated", "evidence": "上年度已毕业。"})

    assert sorted(Path.objects.values_list("person__name", "stage")) == [
        ("冯志明", "new"),
        ("吴建国", "new"),
        ("周兰英", "new"),
        ("王海燕", "new"),
        ("郑秀芳", "graduated"),
    ]


def test_the_mentor_s_opinion_is_given_by_the_own_mentor(client, world):
    make_path(world.enrolments[0], "empowered")
    address = reverse("growth:opinion", args=[world.enrolments[0].pk])
    said = {"stage": "selected", "in_favour": "yes", "text": "遇事先商量。"}

    client.force_login(world.accounts["mentor"])
    client.post(address, said)

    opinion = Path.objects.get().opinions.get()
    assert (opinion.source, opinion.stage, opinion.in_favour, opinion.by) == (
        "mentor",
        "selected",
        True,
        world.accounts["mentor"],
    )


def test_the_talent_map_counts_each_subdistrict_s_people_by_stage(client, world):
    for enrolment, stage in zip(world.enrolments, ("new", "new", "selected", "reserve"), strict=False):
        make_path(enrolment, stage)

    found = rows(client.get(reverse("growth:talent_export")))

    assert found == [("望梁街道", 2, 0, 1, 0, 0, 0, 3, 0, 0), ("石桥镇", 0, 0, 0, 0, 1, 2, 3, 0, 0)]
