"""Every page as axe sees it, on a phone and on a desktop; nothing is wider than the screen."""

import pytest
from playwright.sync_api import Browser, Error, Page

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.ballots.actions.integrity import judge_flag
from dongliang.ballots.models import Flag
from dongliang.people.models import Role
from dongliang.scoring.actions import run_scoring
from tests.browser import DESKTOP, PHONE, axe, page_of, shoot, sign_in
from tests.factories.ballots import make_flag
from tests.factories.scoring import make_closed_world, make_collecting_world
from tests.factories.season import World, make_account
from tests.test_every_url import READING, address, arguments_of, expected, furnish, lead_to_certificates

SCREENS = {"phone": PHONE, "desktop": DESKTOP}


def make_published_world() -> World:
    world = make_closed_world()
    furnish(world)
    judge_both(make_flag(world.season, world.enrolments[0]), world, "keep")
    judge_both(make_flag(world.season, world.enrolments[1]), world, "exclude")
    best, popular, _surest = draw_lists(run_scoring(world.season, by=None), by=None)
    publish_list(popular, by=None)
    lead_to_certificates(best)
    return world


def judge_both(flag: Flag, world: World, decision: str) -> None:
    for number in (1, 2):
        judge_flag(
            flag,
            decision=decision,
            reason="问过居委会，那晚确有业主大会。",
            by=make_account(f"panel-{flag.pk}-{number}", (Role.OFFICE, world.district)),
        )


def look(page: Page, name: str, path: str) -> None:
    """Look at the page at ``path``, unless it is a file or a part that other pages fetch, which have no looks."""
    try:
        answer = page.goto(path)
    except Error as error:
        if "Download is starting" in error.message:
            return
        raise
    assert answer is not None
    assert answer.ok, f"{path} answers {answer.status}"
    is_page = answer.headers["content-type"].startswith("text/html")
    if not is_page or page.evaluate("document.doctype === null"):
        return
    for screen, shape in SCREENS.items():
        page.set_viewport_size(shape["viewport"])
        axe(page)
        shoot(page, f"{name}-{screen}")
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{path} is {wider} px wider than a {screen}"
    page.set_viewport_size(PHONE["viewport"])


def test_public_pages(chromium: Browser, live_server):
    world = make_published_world()
    arguments = arguments_of(world)
    public = [name for name, answers in expected(READING).items() if answers[0] == "+"]
    with page_of(chromium, live_server.url, **PHONE) as page:
        for name in public:
            look(page, f"public-{name.replace(':', '-')}", address(name, world, arguments))


@pytest.mark.parametrize("half", [0, 1])
def test_pages_of_the_office(chromium: Browser, live_server, half):
    world = make_published_world()
    arguments = arguments_of(world)
    pages = [name for name, answers in expected(READING).items() if answers[1] == "+"]
    with page_of(chromium, live_server.url, **PHONE) as page:
        sign_in(page, world.accounts["office"])
        for name in pages[half::2]:
            look(page, f"office-{name.replace(':', '-')}", address(name, world, arguments))


def test_first_pages_of_the_other_roles_while_the_season_is_open(chromium: Browser, live_server):
    world = make_collecting_world()
    for role in ("subdistrict", "department", "mentor", "secretary"):
        with page_of(chromium, live_server.url, **PHONE) as page:
            sign_in(page, world.accounts[role])
            look(page, f"{role}-first", "/desk/")


@pytest.mark.parametrize("language", ["zh-hant", "en"])
def test_pages_in_the_other_languages(chromium: Browser, live_server, language):
    world = make_published_world()
    arguments = arguments_of(world)
    with page_of(chromium, live_server.url, **PHONE) as page:
        sign_in(page, world.accounts["office"])
        page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        for name in ("portal:desk", "portal:rules", "portal:secretary", "scoring:run", "ballots:rate"):
            look(page, f"{language}-{name.replace(':', '-')}", address(name, world, arguments))
