"""The office on a desktop: from the frozen rules to the public roll, by the buttons of the overview."""

from playwright.sync_api import expect

from dongliang.seasons.models import Season
from dongliang.seasons.queries import enrolments
from tests.browser import axe, follow, shoot, sign_in
from tests.factories.scoring import answer_everything
from tests.factories.season import make_world


def test_the_office_runs_a_season_and_the_public_reads_the_roll(desktop):
    world = make_world(open_it=False)
    sign_in(desktop, world.accounts["office"])

    desktop.goto("/desk/")
    shoot(desktop, "desk-before-opening")
    desktop.get_by_role("button", name="开放本年度").click()
    expect(desktop.get_by_text("本年度已开放")).to_be_visible()
    axe(desktop)
    shoot(desktop, "desk-open")

    world.season = Season.objects.get(pk=world.season.pk)
    world.enrolments = list(enrolments(world.season))
    answer_everything(world)
    desktop.goto("/desk/")
    desktop.get_by_role("button", name="关闭本年度").click()
    desktop.get_by_role("button", name="算分").click()
    # The page loads itself anew until the run has ended.
    expect(desktop.get_by_text("本年度已算好分")).to_be_visible(timeout=60_000)
    axe(desktop)

    desktop.goto("/lists/")
    follow(desktop, desktop.get_by_role("link", name="最美书记"))
    name = desktop.get_by_role("row").nth(1).get_by_role("link").inner_text()
    desktop.get_by_role("button", name="公布名单").click()
    expect(desktop.get_by_text("已上光荣榜公示")).to_be_visible()

    desktop.get_by_role("button", name="退出").first.click()
    desktop.goto("/honours/")
    expect(desktop.get_by_text(name)).to_be_visible()
    axe(desktop)


def test_a_step_that_cannot_be_taken_shows_its_reasons_and_no_button_to_press(desktop):
    world = make_world(open_it=False)
    world.subdistricts[1].children.first().post.tenures.all().delete()
    sign_in(desktop, world.accounts["office"])

    desktop.goto("/desk/")

    expect(desktop.get_by_text("规则书上是 6 位")).to_be_visible()
    shoot(desktop, "desk-roster-short")
    axe(desktop)
