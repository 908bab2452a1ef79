import io
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from python_calamine import load_workbook

from dongliang.ballots.actions.rounds import prepare_rounds
from dongliang.ballots.queries.rounds import rounds_of
from tests.browser import axe, sign_in
from tests.factories.ballots import cast, make_cast, make_rounds, make_voting_world
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


@pytest.mark.parametrize("role", ROLES)
def test_offices_see_the_rounds_and_nobody_else_does(signed_in, role):
    assert signed_in(role).get("/rounds/").status_code == (200 if role in OFFICES else 403)


def test_somebody_not_signed_in_is_asked_to_sign_in(client, world):
    for name, args in (
        ("rounds", []),
        ("cards", ["LZ0101"]),
        ("poster", ["LZ0101"]),
        ("posters", []),
        ("paper_ballots", ["LZ0101"]),
        ("assisted", ["LZ0101"]),
        ("batches", []),
    ):
        assert client.get(reverse(f"ballots:{name}", args=args)).status_code == 302
    for name in ("prepare", "open", "close", "pause", "resume", "steer", "dates"):
        assert client.post(reverse(f"ballots:{name}", args=[world.season.slug])).status_code == 302


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ["prepare", "open", "close", "pause", "resume", "steer", "dates"])
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


def states(world):
    return [round.state for round in rounds_of(world.season).values()]


def test_the_office_pauses_with_a_reason_and_goes_on(signed_in, world):
    make_rounds(world.season)
    client = signed_in("office")

    refused = client.post(reverse("ballots:pause", args=[world.season.slug]), follow=True)
    assert "暂停要写明原因。" in page(refused)
    client.post(reverse("ballots:pause", args=[world.season.slug]), {"reason": "有人捡到一叠卡"})
    assert states(world) == ["paused", "paused"]
    assert "继续之前不收票" in page(client.get("/rounds/"))
    client.post(reverse("ballots:resume", args=[world.season.slug]))
    assert states(world) == ["open", "open"]


def test_the_office_steers_one_round_by_itself(signed_in, world):
    prepare_rounds(world.season, by=None)
    client, address, seen = signed_in("office"), reverse("ballots:steer", args=[world.season.slug]), []

    for what in ("open", "pause", "resume", "close"):
        client.post(address, {"kind": "projects", "what": what, "reason": "x"})
        seen.append(states(world))

    assert seen == [["prepared", state] for state in ("open", "paused", "open", "closed")]


def test_odd_steering_is_refused_with_a_sentence(signed_in, world):
    prepare_rounds(world.season, by=None)
    client = signed_in("office")

    response = client.post(
        reverse("ballots:steer", args=[world.season.slug]), {"kind": "x", "what": "\x00"}, follow=True
    )

    assert "message" in page(response)
    assert states(world) == ["prepared", "prepared"]


def test_the_office_announces_the_days(signed_in, world):
    prepare_rounds(world.season, by=None)
    client, address = signed_in("office"), reverse("ballots:dates", args=[world.season.slug])

    client.post(address, {"opens_on": "2021-11-08", "closes_on": "2021-11-20"})
    response = client.post(address, {"opens_on": "", "closes_on": "昨天"}, follow=True)

    world.season.refresh_from_db()
    assert (str(world.season.opens_on), str(world.season.closes_on)) == ("2021-11-08", "2021-11-20")
    assert "2021年11月8日 到 2021年11月20日" in page(response)


def test_the_ways_of_voting_are_listed_with_their_ballots_and_what_is_not_set_up(client, db):
    world = make_voting_world()
    secretaries = rounds_of(world.season)["secretaries"]
    cast(secretaries, make_cast(secretaries, world.enrolments[0]))
    client.force_login(world.accounts["office"])

    text = page(client.get("/rounds/"))

    section = text.split("居民怎么投", 1)[1].split("</table>", 1)[0]
    rows = re.findall(
        r'<th scope="row">([^<]+)</th><td class="number">(\d+)</td><td><span class="pill pill-(\w+)', section
    )
    assert rows == [
        ("住户码", "1", "done"),
        ("短信验证码", "0", "late"),
        ("微信", "0", "late"),
        ("由工作人员协助", "0", "done"),
        ("纸质", "0", "done"),
    ]


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
        rows = page(response).split('id="neighbourhoods"', 1)[1]
        assert set(re.findall('<th scope="row">([^<]+)</th>', rows)) == shown


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


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_axe_finds_nothing_on_the_office_s_pages(request, transactional_db, size):
    page = request.getfixturevalue(size)
    world = make_world()
    sign_in(page, world.accounts["office"])
    page.goto("/rounds/")
    axe(page)
    secretaries, _ = make_rounds(world.season)
    cast(secretaries, make_cast(secretaries, world.enrolments[0]))

    for address in ("/rounds/", "/rounds/?name=nowhere"):
        page.goto(address)
        axe(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
