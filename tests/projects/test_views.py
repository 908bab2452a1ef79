import io

import openpyxl
import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dongliang.projects.actions import nominate, set_state
from dongliang.projects.models import FirstThing, Nomination
from dongliang.seasons.actions import close_season
from tests.factories.projects import make_first_thing
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
WORDS = {"category": "environment", "title": "把车棚腾出来", "summary": "大家停得进车"}


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


def counted() -> CaptureQueriesContext:
    return CaptureQueriesContext(connection)


def told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def statuses(client, world, url: str, data: dict | None = None) -> dict[str, int]:
    """What each role gets from ``url``: posted to with ``data``, else fetched."""
    found = {}
    for role in ROLES:
        client.force_login(world.accounts[role])
        found[role] = (client.get(url) if data is None else client.post(url, data)).status_code
    return found


def test_who_may_open_which_page(client):
    world = make_world()
    thing = make_first_thing(world.enrolments[0])
    above = {"office": 200, "subdistrict": 200}
    readers = above | {"mentor": 200, "secretary": 200}
    hidden = dict.fromkeys(ROLES, 404)

    expected = {
        reverse("projects:list"): dict.fromkeys(ROLES, 200) | {"department": 403},
        reverse("projects:export"): dict.fromkeys(ROLES, 200) | {"department": 403},
        reverse("projects:project", args=[thing.pk]): hidden | readers,
        reverse("projects:edit", args=[thing.pk]): hidden | readers | {"mentor": 403},
        reverse("projects:nominate", args=[thing.pk]): hidden | above | {"mentor": 403, "secretary": 403},
        reverse("projects:register"): dict.fromkeys(ROLES, 403) | {"secretary": 302, "other_secretary": 200},
        reverse("projects:register", args=[world.enrolments[1].pk]): hidden | above | {"mentor": 403},
    }

    assert {url: statuses(client, world, url) for url in expected} == expected


@pytest.mark.parametrize(
    ("page", "data", "may"),
    [
        ("edit", WORDS, {"office": 302, "subdistrict": 302, "secretary": 302, "mentor": 403}),
        (
            "state",
            {"state": "under_way"},
            {"office": 302, "subdistrict": 302, "secretary": 302, "mentor": 403},
        ),
        ("nominate", {}, {"office": 302, "subdistrict": 302, "secretary": 403, "mentor": 403}),
    ],
)
def test_who_may_change_a_first_thing(client, page, data, may):
    world = make_world()
    thing = make_first_thing(world.enrolments[0])

    found = statuses(client, world, reverse(f"projects:{page}", args=[thing.pk]), data)

    assert found == dict.fromkeys(ROLES, 404) | may


def test_a_secretary_registers_the_own_first_thing(client):
    world = make_world()
    client.force_login(world.accounts["secretary"])

    answer = client.post(reverse("projects:register"), WORDS, follow=True)

    thing = FirstThing.objects.get()
    assert answer.redirect_chain == [(reverse("projects:project", args=[thing.pk]), 302)]
    assert {name: getattr(thing, name) for name in WORDS} == WORDS
    assert thing.enrolment == world.enrolments[0]


def test_a_subdistrict_office_registers_for_its_secretary(client):
    world = make_world()
    client.force_login(world.accounts["subdistrict"])

    client.post(reverse("projects:register", args=[world.enrolments[2].pk]), WORDS)

    assert FirstThing.objects.get().enrolment == world.enrolments[2]


def test_a_registration_with_gaps_is_shown_again_with_its_entries(client):
    world = make_world()
    client.force_login(world.accounts["secretary"])

    answer = client.post(reverse("projects:register"), {"summary": "大家停得进车"})

    form = answer.context["form"]
    assert form.errors == {
        "title": ["Say in one line what is to be done."],
        "category": ["Choose the category that fits best."],
    }
    assert form["summary"].value() == "大家停得进车"


def test_registering_for_one_who_has_a_first_thing_is_refused_with_the_reason(client):
    world = make_world()
    make_first_thing(world.enrolments[0])
    client.force_login(world.accounts["office"])

    answer = client.post(reverse("projects:register", args=[world.enrolments[0].pk]), WORDS)

    assert told(answer) == [
        "周兰英 柳荫第一居民区 has registered a first thing. There is one a season: change that one."
    ]
    assert [blocker.code for blocker in answer.context["blockers"]] == ["project.registered"]


def test_a_first_thing_is_changed_on_its_page(client):
    world = make_world()
    thing = make_first_thing(world.enrolments[0])
    client.force_login(world.accounts["secretary"])
    url = reverse("projects:edit", args=[thing.pk])

    before = client.get(url).context["form"].initial
    answer = client.post(url, WORDS, follow=True)

    assert before == {"category": "housing", "title": "装上楼道扶手", "summary": "老人上下楼有扶手可扶"}
    assert told(answer) == ["The change is saved."]
    thing.refresh_from_db()
    assert {name: getattr(thing, name) for name in WORDS} == WORDS


def test_a_first_thing_moves_a_step_and_a_leap_is_refused(client):
    world = make_world()
    thing = make_first_thing(world.enrolments[0])
    client.force_login(world.accounts["secretary"])
    url = reverse("projects:state", args=[thing.pk])

    leap = told(client.post(url, {"state": "landed"}, follow=True))
    step = told(client.post(url, {"state": "under_way"}, follow=True))

    assert (leap, step) == (
        ["'装上楼道扶手' is registered. It goes one step at a time: under way."],
        ["The first thing is now under way."],
    )


def test_a_nomination_is_confirmed_and_names_the_one_it_replaces(client):
    world = make_world()
    first, second = (
        make_first_thing(world.enrolments[0]),
        make_first_thing(world.enrolments[1], title="把车棚腾出来"),
    )
    nominate(world.season, world.subdistricts[0], first, by=None)
    client.force_login(world.accounts["subdistrict"])
    url = reverse("projects:nominate", args=[second.pk])

    asked = client.get(url)
    assert (asked.context["nomination"].project, Nomination.objects.get().project) == (first, first)
    answer = client.post(url, follow=True)

    assert told(answer) == ["望梁街道 puts '把车棚腾出来' on stage."]
    assert Nomination.objects.get().project == second


def test_a_closed_season_offers_nothing_and_says_why(client):
    world = make_world()
    thing = make_first_thing(world.enrolments[0])
    close_season(world.season, by=None)
    client.force_login(world.accounts["office"])

    page = client.get(reverse("projects:project", args=[thing.pk])).context
    assert (page["may_keep"], page["may_nominate"], page["steps"]) == (False, False, [])
    reason = "The season is closed. First things and nominations stay as they were when it closed."
    for name, data in (("edit", WORDS), ("state", {"state": "under_way"}), ("nominate", {})):
        answer = client.post(reverse(f"projects:{name}", args=[thing.pk]), data, follow=True)
        assert told(answer) == [reason]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"search": "车棚"}, [3]),
        ({"search": "兰英"}, [0]),
        ({"search": "河湾第三"}, [5]),
        ({"category": "environment"}, [3]),
        ({"state": "under_way"}, [0]),
        ({"state": "missing"}, [1, 2, 4, 5]),
        ({"category": "nonsense"}, [0, 1, 2, 3, 4, 5]),
        ({"search": "nothing"}, []),
    ],
)
def test_the_list_is_narrowed(client, query, rows):
    world = make_world()
    set_state(make_first_thing(world.enrolments[0]), "under_way", by=None)
    make_first_thing(world.enrolments[3], **WORDS)
    client.force_login(world.accounts["office"])

    page = client.get(reverse("projects:list"), query).context

    assert list(page["page"]) == [world.enrolments[n] for n in rows]
    assert [count for _state, _label, count in page["counts"]] + [page["late"]] == [1, 1, 0, 4]


def test_the_list_is_narrowed_by_subdistrict(client):
    world = make_world()
    client.force_login(world.accounts["office"])

    page = client.get(reverse("projects:list"), {"subdistrict": world.subdistricts[1].pk}).context

    assert list(page["page"]) == world.enrolments[3:]


def test_the_list_takes_as_many_queries_for_two_rows_as_for_six(client):
    world = make_world()
    late = [*world.enrolments[1:3], *world.enrolments[4:]]
    make_first_thing(world.enrolments[0])
    make_first_thing(world.enrolments[3])
    client.force_login(world.accounts["office"])
    client.get(reverse("projects:list"))

    with counted() as two:
        client.get(reverse("projects:list"))
    for enrolment in late:
        make_first_thing(enrolment)
    with counted() as six:
        client.get(reverse("projects:list"))

    assert len(six) == len(two)


def test_the_workbook_holds_the_rows_that_the_list_shows(client):
    world = make_world()
    thing = make_first_thing(world.enrolments[0], title="=1+1 装上扶手")
    nominate(world.season, world.subdistricts[0], thing, by=None)
    make_first_thing(world.enrolments[3])
    client.force_login(world.accounts["subdistrict"])

    answer = client.get(reverse("projects:export"), {"search": "居民区"})

    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert list(sheet.values) == [
        (
            "Number",
            "Subdistrict",
            "Neighbourhood",
            "Secretary",
            "First thing",
            "Category",
            "State",
            "Nominated",
            "What is to change for residents",
        ),
        (
            1,
            "望梁街道",
            "柳荫第一居民区",
            "周兰英",
            "=1+1 装上扶手",
            "Homes",
            "registered",
            "yes",
            "老人上下楼有扶手可扶",
        ),
        (2, "望梁街道", "柳荫第二居民区", "吴建国", None, None, "not registered", None, None),
        (3, "望梁街道", "柳荫第三居民区", "郑秀芳", None, None, "not registered", None, None),
    ]


def test_without_a_season_the_list_says_so(client):
    world = make_world()
    account = world.accounts["office"]
    world.season.delete()
    client.force_login(account)

    page = client.get(reverse("projects:list"))

    assert (page.status_code, "No secretaries yet" in page.content.decode()) == (200, True)
