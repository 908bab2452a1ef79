from importlib import resources

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.people.models import Tenure
from dongliang.portal.queries import late, season_figures, season_steps
from dongliang.projects.models import FirstThing
from dongliang.scoring.actions import run_scoring
from dongliang.scoring.models import ScoringRun
from dongliang.seasons.models import Phase, Season
from dongliang.seasons.queries import enrolments
from tests.factories.scoring import (
    answer_everything,
    make_closed_world,
    make_collecting_world,
    wait_for_scoring,
)
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db(transaction=True)


def states(season: Season) -> dict[str, str]:
    return {step.key: step.state for step in season_steps(Season.objects.get(pk=season.pk))}


def told(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_the_office_takes_a_season_from_opening_to_lists_by_its_buttons(client):
    world = make_world(open_it=False)
    client.force_login(world.accounts["office"])
    assert states(world.season) == {
        "roster": "done",
        "freeze": "done",
        "open": "open",
        "close": "waiting",
        "score": "waiting",
        "publish": "waiting",
    }

    client.post(reverse("portal:open"))
    world.season = Season.objects.get(pk=world.season.pk)
    world.enrolments = list(enrolments(world.season))
    answer_everything(world)
    client.post(reverse("portal:close"))
    client.post(reverse("portal:score"))
    wait_for_scoring(world.season)

    season = Season.objects.get(pk=world.season.pk)
    assert season.phase == Phase.CLOSED
    assert season.scoring_runs.count() == 1
    assert [entry.honours.count() for entry in season.honour_lists.order_by("pk")] == [3, 0, 0]
    assert states(season)["publish"] == "open"


def test_a_step_that_cannot_be_taken_is_told_with_every_reason(client):
    world = make_world(open_it=False)
    Tenure.objects.first().delete()
    client.force_login(world.accounts["office"])

    response = client.post(reverse("portal:open"), follow=True)

    assert told(response) == [
        "花名册里有 5 位书记，规则书上是 6 位。请导入完整的花名册，或修改规则书里的 programme.secretaries。"
    ]


def test_pressing_twice_takes_the_step_once(client):
    world = make_closed_world()
    client.force_login(world.accounts["office"])

    client.post(reverse("portal:close"))

    assert Season.objects.get(pk=world.season.pk).phase == Phase.CLOSED
    assert ScoringRun.objects.count() == 0


def test_figures_count_the_own_part_only():
    world = make_closed_world()
    everyone = enrolments(world.season)
    first = everyone.filter(post__organisation__parent=world.subdistricts[0])

    whole, part = season_figures(world.season, everyone), season_figures(world.season, first)

    assert (whole.secretaries, whole.new, whole.first_things, whole.ballots) == (6, 4, 6, 72)
    assert (part.secretaries, part.new, part.first_things, part.ballots) == (3, 2, 3, 36)
    assert (whole.field_due, whole.field_sent) == (12, 12)
    assert whole.households == 3000


def test_what_is_late_names_first_things_assessors_and_neighbourhoods():
    world = make_collecting_world()
    FirstThing.objects.filter(enrolment=world.enrolments[3]).delete()

    found = late(world.season, enrolments(world.season))

    assert [entry.number for entry in found.without_first_thing] == [4]
    assert sum(entry.open for entry in found.assessors) == world.season.assignments.count()
    assert [entry.enrolment.number for entry in found.neighbourhoods] == [1, 2, 3, 4, 5, 6]


def test_a_subdistrict_office_sees_only_what_is_late_with_itself():
    world = make_collecting_world()
    first = world.subdistricts[0]

    found = late(
        world.season,
        enrolments(world.season).filter(post__organisation__parent=first),
        institutions={first.pk},
    )

    assert [entry.assessor for entry in found.assessors] == [first]
    assert [entry.enrolment.number for entry in found.neighbourhoods] == [1, 2, 3]


def test_nothing_is_late_once_the_season_is_closed():
    world = make_closed_world()

    assert not late(world.season, enrolments(world.season))


def test_the_box_that_closes_the_season_says_what_is_missing(client):
    world = make_collecting_world()
    FirstThing.objects.filter(enrolment=world.enrolments[3]).delete()
    client.force_login(world.accounts["office"])

    page = client.get(reverse("portal:desk")).content.decode()
    box = page[page.index(reverse("portal:close")) : page.index("button-seal")]

    assert "1 位书记还没登记“开门第一件事”" in box
    assert "6 个居村票数不够" in box


def test_once_every_list_is_public_the_desk_leads_to_the_honour_roll_and_none_can_be_drawn(client):
    world = make_closed_world()
    for honour_list in draw_lists(run_scoring(world.season, by=None), by=None):
        publish_list(honour_list, by=None)
    client.force_login(world.accounts["office"])

    desk, lists = (client.get(reverse(name)).content.decode() for name in ("portal:desk", "awards:lists"))

    assert f'class="button" href="{reverse("portal:honours")}"' in desk
    assert "还缺什么" not in desk
    assert reverse("awards:draw", args=[ScoringRun.objects.get().pk]) not in lists


def revise(client, data: bytes, reason: str = ""):
    return client.post(
        reverse("portal:revise_rules"),
        {"file": SimpleUploadedFile("rules.toml", data), "reason": reason},
        follow=True,
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe\x00", "UTF-8"),
        (b"format = ", "TOML"),
        (b"format = 1", "programme"),
        (b"#" * 600_000, "512 KB"),
    ],
)
def test_a_file_that_is_no_rule_book_is_told_and_changes_nothing(client, data, said):
    world = make_world(open_it=False)
    client.force_login(world.accounts["office"])

    response = revise(client, data, "试试")

    assert response.status_code == 200
    assert said in response.content.decode()
    assert world.season.rule_books.count() == 1


def test_a_rule_book_in_a_file_replaces_the_one_in_force(client):
    world = make_world(open_it=False)
    client.force_login(world.accounts["office"])

    revise(client, (resources.files("dongliang.presets") / "putuo-2021.toml").read_bytes(), "按全区来")

    assert Season.objects.get(pk=world.season.pk).rules.programme.secretaries == 278


def test_a_post_that_falls_vacant_does_not_hold_up_an_open_season():
    world = make_world()
    Tenure.objects.first().delete()

    assert states(world.season) == {
        "roster": "done",
        "freeze": "done",
        "open": "done",
        "close": "open",
        "score": "waiting",
        "publish": "waiting",
    }


def test_each_of_two_districts_runs_its_own_season(client):
    """Also the one whose season was set up first."""
    world = make_world(open_it=False)
    other = make_world(code="YZ", open_it=False)
    client.force_login(world.accounts["office"])

    client.post(reverse("portal:open"))
    pages = [
        client.get(reverse(name)).context["season"]
        for name in ("portal:desk", "portal:secretaries", "portal:rules", "portal:revise_rules")
    ]

    assert pages == [world.season] * 4
    assert Season.objects.get(pk=world.season.pk).phase == Phase.OPEN
    assert Season.objects.get(pk=other.season.pk).phase == Phase.PREPARING


def test_an_office_whose_district_has_no_season_yet_is_told(client):
    world = make_world(open_it=False)
    other = make_world(code="YZ", open_it=False)
    world.season.delete()
    client.force_login(world.accounts["office"])

    for name in ("portal:desk", "portal:secretaries"):
        page = client.get(reverse(name))
        assert (page.status_code, page.context["season"]) == (200, None)
        assert other.season.title not in page.content.decode()
    assert client.get(reverse("portal:export")).status_code == 404
