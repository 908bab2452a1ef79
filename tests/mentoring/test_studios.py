import datetime
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now
from openpyxl import load_workbook

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.mentoring.actions.studios import answer, keep_gathering, mark_draft_case, take_back
from dongliang.mentoring.models import BoxQuestion, Gathering, Output, Studio, StudyGroup
from dongliang.mentoring.queries.studios import names_of, people_named
from dongliang.people.models import Person
from tests.factories.mentoring import make_gathering, make_group, make_question, make_studio
from tests.factories.season import World, make_account, make_world

pytestmark = pytest.mark.django_db
LISTS = ("studios", "questions", "calendar", "groups")


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world() -> World:
    return make_world()


def rows_of(client: Any, name: str, **wanted: str) -> list[list[Any]]:
    book = client.get(reverse(f"mentoring:{name}_export"), wanted)
    return [list(row) for row in load_workbook(io.BytesIO(book.content)).active.values][1:]


def test_a_studio_is_founded_with_people_by_their_names(client, world):
    client.force_login(world.accounts["subdistrict"])
    said = {
        "name": "柳荫工作室",
        "subdistrict": world.subdistricts[0].pk,
        "leader": world.mentors[0].pk,
        "place": "二楼",
        "good_at": "电梯",
        "members": "周兰英\n吴建国、褚卫东",
    }

    answered = client.post(reverse("mentoring:new_studio"), said)

    studio = Studio.objects.get()
    assert answered["Location"] == reverse("mentoring:studio", args=[studio.pk])
    # The leader is named once, however the form says it.
    assert {person.name for person in studio.members.all()} == {"周兰英", "吴建国"}


def test_an_office_founds_no_studio_of_another_subdistrict(client, world):
    client.force_login(world.accounts["other_subdistrict"])

    said = {"name": "甲", "subdistrict": world.subdistricts[0].pk, "leader": world.mentors[0].pk}
    answered = client.post(reverse("mentoring:new_studio"), said)

    assert (answered.status_code, Studio.objects.count()) == (422, 0)


def test_a_name_that_nobody_or_several_have_is_told(world):
    namesake = world.enrolments[3].person
    Person.objects.filter(pk=namesake.pk).update(name="周兰英")

    people, faults = people_named("吴建国\n周兰英；无名氏\n周兰英 河湾第一", world.season)

    assert people == [world.enrolments[1].person, namesake]
    assert faults == [
        "Several people are called '周兰英'. Write where from: 周兰英 柳荫第一居民区, 周兰英 河湾第一居民区.",
        "Nobody in this season is called '无名氏'. Check the name against the list of secretaries.",
    ]
    assert people_named(names_of([namesake], world.season), world.season) == ([namesake], [])


def test_two_studios_cannot_have_one_name(world):
    make_studio(world)

    with pytest.raises(Refused, match="already one called '柳荫工作室'"):
        make_studio(world)


def test_who_asks_without_a_name_is_known_to_nobody_else(client, world):
    question = make_question(make_studio(world), world.accounts["other_secretary"], nameless=True)
    name = world.accounts["other_secretary"].display_name
    pages = {}
    for role in ("office", "mentor", "secretary", "other_secretary"):
        client.force_login(world.accounts[role])
        texts = [
            client.get(reverse("mentoring:question", args=[question.pk])).content.decode(),
            client.get(reverse("mentoring:questions")).content.decode(),
            client.get(reverse("mentoring:studio", args=[question.studio_id])).content.decode(),
        ]
        found = rows_of(client, "questions", search=world.enrolments[5].person.name)
        pages[role] = (any(f">{name}<" in text or f"{name} ·" in text for text in texts), len(found))

    client.force_login(world.accounts["office"])
    assert pages["office"] == pages["mentor"] == pages["secretary"] == (False, 0)
    assert pages["other_secretary"][1] == 1
    assert rows_of(client, "questions")[0][4] == "without a name"
    entry = ActionLogEntry.objects.get(verb="mentoring.question.asked")
    assert entry.by_id is None


def test_members_answer_and_mark_what_is_worth_a_case(client, world):
    studio = make_studio(world)
    question = make_question(studio, world.accounts["other_secretary"])
    address = reverse("mentoring:question", args=[question.pk])
    client.force_login(world.accounts["other_secretary"])
    refused = client.post(address, {"text": "我自己答"}).status_code
    client.force_login(world.accounts["secretary"])
    client.post(address, {"text": "先请热心邻居当联络员。"})
    given = question.answers.get()
    client.force_login(world.accounts["mentor"])
    client.post(reverse("mentoring:mark_case", args=[given.pk]), {"is_draft": "yes"})

    states = {
        state: [row[2] for row in rows_of(client, "questions", state=state)]
        for state in ("open", "answered", "draft_case", "mine")
    }
    assert refused == 403
    assert states == {
        "open": [],
        "answered": ["业委会换届没人报名"],
        "draft_case": ["业委会换届没人报名"],
        "mine": [],
    }


def test_a_question_is_taken_back_only_while_nobody_has_answered(world):
    studio = make_studio(world)
    open_one = make_question(studio, world.accounts["secretary"])
    answered = make_question(studio, world.accounts["secretary"], "楼道堆物")
    mark_draft_case(answer(answered, text="先清一层。", by=None), is_draft=True, by=None)

    take_back(open_one, by=world.accounts["secretary"])
    with pytest.raises(Refused, match="has been answered"):
        take_back(answered, by=world.accounts["secretary"])

    assert list(BoxQuestion.objects.all()) == [answered]


def test_a_secretary_puts_a_question_in_the_box_of_any_studio(client, world):
    studio = make_studio(world)
    client.force_login(world.accounts["other_secretary"])
    address = reverse("mentoring:put_question", args=[studio.pk])

    client.post(address, {"title": "怎么请楼组长", "text": "", "nameless": "on"})
    empty = client.post(address, {"title": ""}).status_code

    question = BoxQuestion.objects.get()
    assert (question.title, question.nameless, empty) == ("怎么请楼组长", True, 422)


def test_a_session_is_held_with_who_came_and_notes(client, world):
    group = make_group(world)
    client.force_login(world.accounts["other_secretary"])
    said = {"topic": "停车收费", "starts_at": "2021-06-05T14:00", "place": "河湾三居"}
    client.post(reverse("mentoring:new_group_session", args=[group.pk]), said)
    session = Gathering.objects.get()
    came = [world.enrolments[5].person_id, world.mentors[0].person_id]
    stranger = world.enrolments[4].person_id
    address = reverse("mentoring:gathering", args=[session.pk])

    wrong = client.post(address, said | {"came": [stranger]}).status_code
    client.post(address, said | {"came": came, "notes": "先公示三个方案。"})

    session.refresh_from_db()
    assert wrong == 422
    assert (session.notes, set(session.came.values_list("pk", flat=True))) == ("先公示三个方案。", set(came))
    client.force_login(world.accounts["secretary"])
    assert "先公示三个方案。" in client.get(address).content.decode()


def test_an_output_is_a_text_a_link_or_a_file_to_be_saved(client, world):
    group = make_group(world)
    client.force_login(world.accounts["mentor"])
    address = reverse("mentoring:new_output", args=[group.pk])
    nothing = client.post(address, {"title": "空"}).status_code
    program = SimpleUploadedFile("x.exe", b"MZ")
    wrong = client.post(address, {"title": "程序", "file": program}).status_code
    paper = SimpleUploadedFile("停车公约.pdf", b"%PDF-1.7")
    client.post(address, {"title": "停车公约", "file": paper})
    client.post(address, {"title": "样本", "text": "一、先议事。"})

    kept = Output.objects.get(title="停车公约")
    file = client.get(reverse("mentoring:output_file", args=[kept.pk]))
    none = client.get(reverse("mentoring:output_file", args=[Output.objects.get(title="样本").pk]))
    client.post(reverse("mentoring:remove_output", args=[kept.pk]))

    assert (nothing, wrong, none.status_code) == (422, 422, 404)
    assert (file.content, file["Content-Type"]) == (b"%PDF-1.7", "application/octet-stream")
    assert file["Content-Disposition"].startswith("attachment")
    assert [output.title for output in Output.objects.all()] == ["样本"]


def test_the_convener_changes_the_group(client, world):
    group = make_group(world)
    client.force_login(world.accounts["mentor"])
    said = {"topic": "停车自治", "aim": "", "convener": group.convener_id, "members": "吴建国"}

    client.post(reverse("mentoring:edit_group", args=[group.pk]), said)

    group = StudyGroup.objects.get()
    assert (group.topic, [person.name for person in group.members.all()]) == ("停车自治", ["吴建国"])


def test_lists_are_found_by_name_and_by_initials(client, world):
    studio = make_studio(world)
    make_studio(world, "河湾工作室", leader=world.mentors[2], subdistrict=world.subdistricts[1])
    group = make_group(world)
    make_question(studio, world.accounts["secretary"])
    make_gathering(studio)
    make_gathering(group, "停车收费", starts_at=now() + datetime.timedelta(days=3))
    client.force_login(world.accounts["office"])

    assert [row[0] for row in rows_of(client, "studios", search="cwd")] == ["柳荫工作室"]
    assert [row[0] for row in rows_of(client, "studios", subdistrict=world.subdistricts[1].pk)] == [
        "河湾工作室"
    ]
    assert [row[0] for row in rows_of(client, "groups", search="cwd")] == ["老旧小区停车"]
    assert [row[0] for row in rows_of(client, "groups", search="xyz")] == []
    assert [row[2] for row in rows_of(client, "questions", search="zly")] == ["业委会换届没人报名"]
    assert [row[1] for row in rows_of(client, "calendar", when="coming")] == ["停车收费"]
    assert [row[1] for row in rows_of(client, "calendar", when="past", search="cwd")] == ["楼组长怎么请"]


def make_many(world: World, number: int) -> None:
    """So many studios, questions, sessions and groups, with people in all of them."""
    people = [enrolment.person for enrolment in world.enrolments]
    for n in range(number):
        studio = make_studio(world, f"工作室{n}", members=people[:3])
        question = make_question(studio, world.accounts["secretary"], f"问题{n}")
        answer(question, text="先走访。", by=world.accounts["mentor"])
        group = make_group(world, f"主题{n}")
        for of in (studio, group):
            session = make_gathering(of)
            keep_gathering(
                session, of=of, topic="走访", starts_at=now(), place="二楼", came=people[:2], by=None
            )


@pytest.mark.parametrize("role", ["office", "secretary"])
def test_every_list_takes_as_many_queries_for_three_rows_as_for_three_hundred(client, world, role):
    account = world.accounts[role]
    client.force_login(account)

    def queries() -> dict[str, int]:
        counts = {}
        for name in (*LISTS, *(f"{name}_export" for name in LISTS)):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(reverse(f"mentoring:{name}")).status_code == 200
            counts[name] = len(captured)
        return counts

    make_many(world, 3)
    few = queries()
    studio = Studio.objects.first()
    copies = [
        Studio(season=world.season, subdistrict=studio.subdistrict, leader=studio.leader, name=f"甲{n}")
        for n in range(297)
    ]
    made = Studio.objects.bulk_create(copies)
    BoxQuestion.objects.bulk_create(
        BoxQuestion(studio=each, title=each.name, asked_by=world.accounts["secretary"]) for each in made
    )
    Gathering.objects.bulk_create(
        Gathering(studio=each, topic=each.name, starts_at=now(), place="二楼") for each in made
    )
    StudyGroup.objects.bulk_create(
        StudyGroup(season=world.season, topic=each.name, convener=studio.leader.person) for each in made
    )

    assert queries() == few


def test_a_stranger_to_the_season_finds_nothing(client, world):
    studio = make_studio(world)
    elsewhere = make_world(code="YZ")
    account = make_account("elsewhere", ("office", elsewhere.district))
    client.force_login(account)

    assert client.get(reverse("mentoring:studio", args=[studio.pk])).status_code == 404
    assert rows_of(client, "studios") == []
