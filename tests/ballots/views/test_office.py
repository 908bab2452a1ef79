import io
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from python_calamine import load_workbook

from dongliang.ballots import codes
from dongliang.ballots.actions.rounds import prepare_rounds
from dongliang.ballots.keys import season_key
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.models import ActionLogEntry
from tests.browser import axe, sign_in
from tests.factories.ballots import cast, make_cast, make_rounds
from tests.factories.season import make_account, make_district, make_organisation, make_secretary, make_world

ROLES = [
    "office",
    "subdistrict",
    "other_subdistrict",
    "department",
    "mentor",
    "other_mentor",
    "secretary",
    "other_secretary",
]
OFFICES = {"office", "subdistrict", "other_subdistrict"}


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def signed_in(client, world):
    def sign_in(role):
        client.force_login(world.accounts[role])
        return client

    return sign_in


def page(response):
    return response.content.decode()


def cards_address(enrolment, **query):
    return reverse("ballots:cards", args=[enrolment.organisation.code]), query


@pytest.mark.parametrize("role", ROLES)
def test_offices_see_the_rounds_and_nobody_else_does(signed_in, role):
    assert signed_in(role).get("/rounds/").status_code == (200 if role in OFFICES else 403)


def test_somebody_not_signed_in_is_asked_to_sign_in(client, world):
    for name, args in (("rounds", []), ("cards", ["LZ0101"]), ("poster", ["LZ0101"])):
        assert client.get(reverse(f"ballots:{name}", args=args)).status_code == 302
    for name in ("prepare", "open", "close"):
        assert client.post(reverse(f"ballots:{name}", args=[world.season.slug])).status_code == 302


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ["prepare", "open", "close"])
def test_only_the_office_runs_the_rounds(signed_in, world, role, name):
    response = signed_in(role).post(reverse(f"ballots:{name}", args=[world.season.slug]))

    assert response.status_code == (302 if role == "office" else 403)


def test_another_district_s_office_does_not_run_the_rounds(client, world):
    other = make_world(code="HX")
    client.force_login(other.accounts["office"])

    assert client.post(reverse("ballots:open", args=[world.season.slug])).status_code == 403
    assert rounds_of(world.season) == {}


def test_the_office_prepares_opens_and_closes_the_rounds(signed_in, world):
    client, states = signed_in("office"), []

    for name in ("prepare", "open", "close"):
        client.post(reverse(f"ballots:{name}", args=[world.season.slug]))
        assert client.get("/rounds/").status_code == 200
        states.append({round.state for round in rounds_of(world.season).values()})

    assert states == [{"prepared"}, {"open"}, {"closed"}]


def test_a_refused_action_shows_its_reasons(signed_in, world):
    response = signed_in("office").post(reverse("ballots:close", args=[world.season.slug]), follow=True)

    assert "居民投票不在进行中。" in page(response)


def test_actions_are_not_run_by_a_link(signed_in, world):
    for name in ("prepare", "open", "close"):
        assert (
            signed_in("office").get(reverse(f"ballots:{name}", args=[world.season.slug])).status_code == 405
        )


def test_coverage_shows_ballots_and_what_is_below_the_minimum_and_no_marks(signed_in, world):
    secretaries, _ = make_rounds(world.season)
    cast(
        secretaries, *[make_cast(secretaries, world.enrolments[0], "5432", serial) for serial in range(1, 9)]
    )

    text = page(signed_in("office").get("/rounds/"))

    assert "2.0%" in text
    assert text.count("pill-late") == 5
    assert "5432" not in text


def test_a_subdistrict_office_sees_its_own_neighbourhoods_only(signed_in, world):
    make_rounds(world.season)

    own, other = (
        page(signed_in("subdistrict").get("/rounds/")),
        page(signed_in("other_subdistrict").get("/rounds/")),
    )

    assert (own.count("柳荫第"), own.count("河湾第")) == (3, 0)
    assert (other.count("柳荫第"), other.count("河湾第")) == (0, 3)
    assert reverse("ballots:close", args=[world.season.slug]) not in own


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("name=第二", {"柳荫第二居民区", "河湾第二居民区"}),
        ("subdistrict=LZ02", {"河湾第一居民区", "河湾第二居民区", "河湾第三居民区"}),
        ("short=1&subdistrict=LZ01", {"柳荫第二居民区", "柳荫第三居民区"}),
        ("name=没有这个", set()),
        ("subdistrict=XX&short=9&name=\x00", None),
    ],
)
def test_neighbourhoods_are_found_by_name_subdistrict_and_coverage(signed_in, world, query, shown):
    secretaries, _ = make_rounds(world.season)
    cast(secretaries, make_cast(secretaries, world.enrolments[0]))

    response = signed_in("office").get(f"/rounds/?{query}")

    assert response.status_code == 200
    if shown is not None:
        assert set(re.findall('<th scope="row">([^<]+)</th>', page(response))) == shown


def test_the_workbook_holds_what_the_page_shows(signed_in, world):
    secretaries, _ = make_rounds(world.season)
    cast(secretaries, make_cast(secretaries, world.enrolments[0]))

    response = signed_in("subdistrict").get("/rounds/?format=xlsx")

    [sheet] = load_workbook(io.BytesIO(response.content)).sheet_names
    rows = load_workbook(io.BytesIO(response.content)).get_sheet_by_name(sheet).to_python()
    assert rows[1:] == [
        ["LZ0101", "望梁街道", "柳荫第一居民区", 400, 1, 0.0025, 0],
        ["LZ0102", "望梁街道", "柳荫第二居民区", 500, 0, 0, 0],
        ["LZ0103", "望梁街道", "柳荫第三居民区", 600, 0, 0, 0],
    ]


def test_the_page_takes_as_many_queries_for_six_neighbourhoods_as_for_one(signed_in, world):
    make_rounds(world.season)
    client = signed_in("office")

    def queries():
        with CaptureQueriesContext(connection) as seen:
            client.get("/rounds/")
        return len(seen)

    for_six = queries()
    for enrolment in world.enrolments[:5]:
        enrolment.delete()

    assert queries() == for_six


def test_without_a_season_the_page_says_so(client, db):
    district = make_district("QD")
    make_secretary(
        make_organisation(
            make_organisation(district, "QD01", "东街道", "subdistrict"),
            "QD0101",
            "东一居民区",
            "neighbourhood",
        ),
        "陆青",
    )
    client.force_login(make_account("lone-office", ("office", district)))

    assert client.get("/rounds/").status_code == 200
    assert client.get("/rounds/cards/QD0101/").status_code == 404


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ["cards", "poster"])
def test_cards_and_poster_are_for_the_offices_of_the_neighbourhood(signed_in, world, role, name):
    prepare_rounds(world.season, by=None)

    response = signed_in(role).get(reverse(f"ballots:{name}", args=["LZ0101"]), {"from": 1, "count": 2})

    expected = {"office": 200, "subdistrict": 200, "other_subdistrict": 404}.get(role, 403)
    assert response.status_code == expected


def test_cards_hold_the_codes_of_the_households_and_printing_them_is_logged(signed_in, world):
    prepare_rounds(world.season, by=None)
    address, query = cards_address(world.enrolments[0], **{"from": 11, "count": 3})

    response = signed_in("subdistrict").get(address, query)

    printed = re.findall('class="card-code">([^<]+)<', page(response))
    assert [codes.read(season_key(world.season), code) for code in printed] == [(1, 11), (1, 12), (1, 13)]
    assert page(response).count("<svg") >= 3
    assert "no-store" in response["Cache-Control"]
    entry = ActionLogEntry.objects.get(verb="ballots.cards.printed")
    assert (entry.by, entry.detail) == (world.accounts["subdistrict"], {"first": 11, "last": 13})
    assert "11 号到 13 号" in page(signed_in("office").get(address))


def test_looking_at_the_form_prints_nothing_and_logs_nothing(signed_in, world):
    prepare_rounds(world.season, by=None)

    response = signed_in("office").get(cards_address(world.enrolments[0])[0])

    assert "card-code" not in page(response)
    assert "谁印了码，谁就可能用它投票" in page(response)
    assert not ActionLogEntry.objects.filter(verb="ballots.cards.printed").exists()


@pytest.mark.parametrize(
    "query",
    [
        {"from": "0", "count": "1"},
        {"from": "1", "count": "301"},
        {"from": "一", "count": "1"},
        {"from": "1"},
        {"count": "5"},
        {"from": "1", "count": "\x00"},
        {"from": "9" * 400, "count": "1"},
        {"from": "440", "count": "2"},
    ],
)
def test_cards_that_cannot_be_printed_are_refused_with_a_sentence(signed_in, world, query):
    prepare_rounds(world.season, by=None)

    response = signed_in("office").get(cards_address(world.enrolments[0])[0], query)

    assert response.status_code == 200
    assert "card-code" not in page(response)
    assert "field-error" in page(response) or "柳荫第一居民区最多可以印到 440 号，您要的是 441 号。" in page(
        response
    )


def test_cards_before_the_rounds_are_prepared_say_what_is_missing(signed_in, world):
    address, query = cards_address(world.enrolments[0], **{"from": 1, "count": 3})

    assert "投票还没有做准备" in page(signed_in("office").get(address, query))


def test_a_poster_holds_the_address_for_everybody_and_no_code(signed_in, world, settings):
    settings.PUBLIC_URL = "https://vote.example.cn"
    make_rounds(world.season)

    text = page(signed_in("subdistrict").get(reverse("ballots:poster", args=["LZ0101"])))

    assert "https://vote.example.cn/v/" in text
    assert not re.search("[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", text)


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_axe_finds_nothing_on_the_office_s_pages(request, transactional_db, size):
    page = request.getfixturevalue(size)
    world = make_world()
    sign_in(page, world.accounts["office"])
    page.goto("/rounds/")
    axe(page)
    secretaries, _ = make_rounds(world.season)
    cast(secretaries, make_cast(secretaries, world.enrolments[0]))

    for address in (
        "/rounds/",
        "/rounds/?name=nowhere",
        "/rounds/cards/LZ0101/",
        "/rounds/cards/LZ0101/?from=1&count=4",
        "/rounds/cards/LZ0101/?from=0&count=999",
        "/rounds/cards/LZ0101/?from=440&count=9",
        "/rounds/poster/LZ0101/",
    ):
        page.goto(address)
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
