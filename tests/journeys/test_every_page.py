"""Every page as axe sees it, on a phone and on a desktop: no breach, nothing wider than the screen."""

import pytest
from playwright.sync_api import Browser, Page

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.ballots.actions.integrity import judge_flag
from dongliang.ballots.models import Flag
from dongliang.people.models import Role
from dongliang.scoring.actions import run_scoring
from tests.browser import DESKTOP, PHONE, axe, page_of, shoot, sign_in
from tests.factories.ballots import make_flag
from tests.factories.scoring import make_closed_world, make_collecting_world
from tests.factories.season import World, make_account
from tests.test_every_url import READING, address, expected, furnish, lead_to_certificates

SCREENS = {"phone": PHONE, "desktop": DESKTOP}
# A file, not a page.
FILES = {
    "portal:rule_book_file",
    "portal:preset_file",
    "portal:export",
    "projects:export",
    "mentoring:roster_template",
    "ballots:wall_tiles",
    "review:photo",
    "review:field_sheets",
    "review:field_hello",
    "review:field_worker",
    "review:field_manifest",
}
FILES |= {
    "review:export_avoidances",
    "review:export_staffing",
    "review:export_waiting",
    "review:export_institutions",
}
FILES |= {"ballots:archive", "ballots:poster", "ballots:posters", "portal:result_book"}
FILES |= {f"growth:{name}" for name in ("material", "sheet", "projector_code")}
FILES |= {name for name in expected(READING) if name.startswith("growth:") and name.endswith("_export")}
FILES |= {
    "mentoring:roster_export",
    "mentoring:pairs_export",
    "mentoring:mentors_export",
    "mentoring:mentees_export",
    "mentoring:visits_export",
    "mentoring:profiles_file",
    "mentoring:proposal_export",
    "mentoring:agreement_file",
    "scoring:document",
    "scoring:export",
    "scoring:sources_export",
    "awards:export",
    "awards:commendations_file",
    "awards:commendations_export",
    "awards:certificates_file",
    "ballots:comments_export",
    "years:district_export",
    "years:subdistricts_export",
    "years:people_export",
    "years:mentors_export",
    "awards:feedback_export",
    "awards:feedback_files",
    "awards:feedback_file",
}


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
    page.goto(path)
    shoot(page, name)
    axe(page)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{path} is {wider} px wider than the screen"


@pytest.mark.parametrize("screen", SCREENS)
def test_public_pages(chromium: Browser, live_server, screen):
    world = make_published_world()
    public = [name for name, answers in expected(READING).items() if answers[0] == "+" and name not in FILES]
    with page_of(chromium, live_server.url, **SCREENS[screen]) as page:
        for name in public:
            look(page, f"public-{name.replace(':', '-')}-{screen}", address(name, world))


@pytest.mark.parametrize("screen", SCREENS)
def test_pages_of_the_office(chromium: Browser, live_server, screen):
    world = make_published_world()
    pages = [name for name, answers in expected(READING).items() if answers[1] == "+" and name not in FILES]
    with page_of(chromium, live_server.url, **SCREENS[screen]) as page:
        sign_in(page, world.accounts["office"])
        for name in pages:
            look(page, f"office-{name.replace(':', '-')}-{screen}", address(name, world))


@pytest.mark.parametrize("screen", SCREENS)
def test_first_pages_of_the_other_roles_while_the_season_is_open(chromium: Browser, live_server, screen):
    world = make_collecting_world()
    for role in ("subdistrict", "department", "mentor", "secretary"):
        with page_of(chromium, live_server.url, **SCREENS[screen]) as page:
            sign_in(page, world.accounts[role])
            look(page, f"{role}-first-{screen}", "/desk/")


@pytest.mark.parametrize("language", ["zh-hant", "en"])
def test_pages_in_the_other_languages(chromium: Browser, live_server, language):
    world = make_published_world()
    with page_of(chromium, live_server.url, **PHONE) as page:
        sign_in(page, world.accounts["office"])
        page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        for name in ("portal:desk", "portal:rules", "portal:secretary", "scoring:run", "ballots:rate"):
            look(page, f"{language}-{name.replace(':', '-')}", address(name, world))
