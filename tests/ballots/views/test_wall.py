import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser import axe, sign_in
from tests.factories.ballots import cast, make_cast, make_rounds
from tests.factories.season import make_world

TILES, WALL = "/rounds/wall/tiles/", "/rounds/wall/"


@pytest.fixture
def world(db):
    return make_world()


def vote(world, enrolment, serial):
    round = world.season.rounds.get(kind="secretaries")
    cast(round, make_cast(round, enrolment, serial=serial))


def test_an_unchanged_wall_is_answered_without_a_body(client, world):
    make_rounds(world.season)
    client.force_login(world.accounts["office"])
    first = client.get(TILES)

    again = client.get(TILES, headers={"if-none-match": first["ETag"]})
    vote(world, world.enrolments[0], 1)
    changed = client.get(TILES, headers={"if-none-match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


@pytest.mark.parametrize(
    ("role", "seen"),
    [("office", 6), ("subdistrict", 3), ("other_subdistrict", 3)],
)
def test_each_office_sees_the_tiles_of_its_own_neighbourhoods(client, world, role, seen):
    client.force_login(world.accounts[role])

    assert client.get(TILES).content.decode().count('<span class="tile-name">') == seen


def test_a_neighbourhood_below_the_minimum_is_marked_by_a_word(client, world):
    make_rounds(world.season)
    vote(world, world.enrolments[0], 1)
    client.force_login(world.accounts["office"])

    text = client.get(TILES).content.decode()

    # The small rule book asks for one ballot.
    assert text.count("不足</span>") == 5
    assert "0.2%" in text


def test_the_wall_shows_coverage_and_no_mark(client, world):
    make_rounds(world.season)
    client.force_login(world.accounts["office"])
    before = client.get(TILES).content
    vote(world, world.enrolments[0], 1)
    with_fives = client.get(TILES).content
    world.season.rounds.get(kind="secretaries").ballots.update(marks="1111")

    assert before != with_fives == client.get(TILES).content


def test_the_wall_brings_itself_up_to_date_and_says_so_when_it_cannot(live_server, desktop):
    world = make_world()
    make_rounds(world.season)
    desktop.clock.install()
    sign_in(desktop, world.accounts["office"])
    desktop.goto(WALL)
    expect(desktop.locator(".wall-total b")).to_have_text("0")
    axe(desktop)

    vote(world, world.enrolments[0], 1)
    desktop.clock.run_for(10_500)
    expect(desktop.locator(".wall-total b")).to_have_text("1")
    expect(desktop.locator(".wall-stale")).to_be_hidden()

    desktop.route(re.compile("tiles"), lambda route: route.abort())
    desktop.clock.run_for(10_500)
    expect(desktop.locator(".wall-stale")).to_be_visible()


def test_without_script_a_link_loads_the_wall_again(live_server, phone_without_script):
    world = make_world()
    make_rounds(world.season)
    sign_in(phone_without_script, world.accounts["subdistrict"])
    phone_without_script.goto(WALL)
    vote(world, world.enrolments[0], 1)

    phone_without_script.get_by_role("link", name="刷新数字").click()

    expect(phone_without_script.locator(".wall-total b")).to_have_text("1")
    assert phone_without_script.url.endswith(reverse("ballots:wall"))
