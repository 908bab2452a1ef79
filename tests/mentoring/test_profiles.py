import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.translation import override

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, read_sheets, write_xlsx
from dongliang.mentoring.actions.profiles import confirm_profiles, keep_mentee_profile, preview_profiles
from dongliang.mentoring.models import MenteeProfile, Mentor
from dongliang.mentoring.queries.profiles import below_mean, needs_of
from dongliang.mentoring.sheets import columns_for, profiles_of
from dongliang.seasons.models import Enrolment
from tests.factories.mentoring import make_profile
from tests.factories.season import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


@pytest.fixture
def world() -> World:
    return make_world()


def workbook(world: World, sheet: str, *rows: dict) -> bytes:
    headings = [column.heading for column in columns_for(world.season.rules)[sheet]]
    return write_xlsx([Table(sheet, headings, [[row.get(heading) for heading in headings] for row in rows])])


def test_what_was_exported_changes_nothing_when_it_is_imported(world):
    make_profile(
        world.mentors[0], strengths={"problem.housing": 2, "indicator.method": 1}, capacity=5, years=12
    )
    keep_mentee_profile(
        world.enrolments[0],
        needs={"estate.lanes": 0, "problem.digital": 1},
        words="停车",
        wants_mentor=True,
        by=None,
    )

    preview = preview_profiles(world.season, "档案.xlsx", profiles_of(world.season), by=None)

    assert preview.counts == {"added": 0, "changed": 0, "unchanged": 8, "waiting": 0}


def test_a_workbook_changes_many_profiles_once_it_is_confirmed(world):
    office = world.accounts["office"]
    data = workbook(
        world,
        "大梁档案",
        {"编号": 1, "姓名": "褚卫东", "难题·住房安居": "很拿手", "带教名额": 6, "层级": "工作室"},
    )

    preview = preview_profiles(world.season, "档案.xlsx", data, by=office)
    assert Mentor.objects.get(number=1).strengths == {}
    confirm_profiles(preview, by=office)

    mentor = Mentor.objects.get(number=1)
    assert (mentor.strengths, mentor.capacity, mentor.tier) == ({"problem.housing": 2}, 6, "studio")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"编号": 99, "姓名": "褚卫东"}, "Sheet 大梁档案, row 2, 编号: “99” is not taken. A number of this season, as in the download."),
        ({"编号": 1, "姓名": "卫春华"}, "Sheet 大梁档案, row 2, 姓名: “卫春华” is not taken. 褚卫东, whose number this is."),
        ({"编号": 1, "姓名": "褚卫东", "难题·住房安居": "好"}, "Sheet 大梁档案, row 2, 难题·住房安居: “好” is not taken. One of: 一般、能帮上、很拿手."),
        ({"编号": 1, "姓名": "褚卫东", "带教名额": 1000}, "Sheet 大梁档案, row 2, 带教名额: “1000” is not taken. A whole number from 0 to 100."),
    ],
)  # fmt: skip
def test_a_cell_that_is_not_taken_is_named_and_nothing_is_kept(world, row, told):
    with pytest.raises(Refused) as refused:
        preview_profiles(world.season, "档案.xlsx", workbook(world, "大梁档案", row), by=None)

    assert [str(blocker) for blocker in refused.value.blockers] == [told]
    assert not world.season.profile_imports.exists()


def test_only_what_was_shown_is_confirmed(world):
    data = workbook(world, "大梁档案", {"编号": 1, "姓名": "褚卫东", "任职年数": 9})
    preview = preview_profiles(world.season, "档案.xlsx", data, by=None)
    make_profile(world.mentors[0], years=8)

    with pytest.raises(Refused) as refused:
        confirm_profiles(preview, by=None)

    assert [blocker.code for blocker in refused.value.blockers] == ["profiles.moved_on"]


def test_needs_come_from_words_the_last_review_and_the_estate_and_what_is_said_counts(world):
    estate = world.enrolments[0].organisation
    estate.estate_kind = "lanes"
    estate.save()
    keep_mentee_profile(
        world.enrolments[0],
        needs={"problem.housing": 0},
        words="电梯装不上，物业也不管",
        wants_mentor=False,
        by=None,
    )
    enrolment = Enrolment.objects.select_related("mentee_profile", "post__organisation").get(
        pk=world.enrolments[0].pk
    )

    needs = needs_of(enrolment, world.season.rules, {"method": 0.5, "delivery": 0.2, "residents_follow": 0.1})

    assert needs.levels == {
        "estate.lanes": 1,
        "indicator.method": 2,
        "indicator.delivery": 1,
        "problem.property_management": 2,
    }
    assert needs.sources["problem.property_management"] == "words"


def test_how_far_below_the_mean_a_secretary_lies_leaves_out_marks_not_given():
    answers = [(1, "50", 1), (1, "30", 1), (2, "22", 2)]

    # The first indicator's mean is (5 + 3 + 2 + 2) / 4 = 3, the second's 2.
    assert below_mean(answers, 2) == {1: [-1.0, 0.0], 2: [1.0, 0.0]}


@pytest.mark.parametrize(
    ("role", "status"),
    [("office", 302), ("subdistrict", 302), ("secretary", 302), ("mentor", 403), ("other_secretary", 404)],
)
def test_who_may_say_what_a_mentee_needs(client, world, role, status):
    client.force_login(world.accounts[role])

    answer = client.post(
        reverse("mentoring:mentee", args=[world.enrolments[0].pk]),
        {"words": "停车难", "thing.problem.housing": "2"},
    )

    assert answer.status_code == status
    assert [json.dumps(p.needs) for p in MenteeProfile.objects.all()] == (
        ['{"problem.housing": 2}'] if status == 302 else []
    )


@pytest.mark.parametrize(
    ("role", "status"), [("office", 302), ("mentor", 302), ("subdistrict", 403), ("other_mentor", 404)]
)
def test_who_may_keep_a_mentors_profile(client, world, role, status):
    client.force_login(world.accounts[role])
    said = {f"thing.{key}": "0" for key in ("problem.housing",)} | {
        "tier": "studio",
        "years": "20",
        "words": "",
    }
    form = client.get(reverse("mentoring:mentor", args=[world.mentors[0].pk]))
    if form.status_code == 200 and form.context["form"]:
        said = {name: "0" for name in form.context["form"].fields if name.startswith("thing.")} | said

    answer = client.post(reverse("mentoring:mentor", args=[world.mentors[0].pk]), said)

    assert answer.status_code == status
    mentor = Mentor.objects.get(pk=world.mentors[0].pk)
    # Of which tier somebody is, only the office says.
    assert (mentor.years, mentor.tier) == {
        "office": (20, "studio"),
        "mentor": (20, "district"),
    }.get(role, (None, "district"))


def test_the_office_imports_on_pages(client, world):
    client.force_login(world.accounts["office"])
    data = client.get(reverse("mentoring:profiles_file")).content
    assert [sheet.name for sheet in read_sheets("档案.xlsx", data)] == ["大梁档案", "小梁需求"]
    changed = workbook(world, "小梁需求", {"编号": 1, "姓名": "周兰英", "自述": "物业撤管"})

    shown = client.post(
        reverse("mentoring:profiles"), {"file": SimpleUploadedFile("档案.xlsx", changed)}, follow=True
    )
    preview = world.season.profile_imports.get()
    client.post(
        reverse("mentoring:confirm_profiles", args=[preview.pk]), {"shown": shown.context["plan"].sha256}
    )

    assert MenteeProfile.objects.get().words == "物业撤管"
