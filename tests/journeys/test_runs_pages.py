"""The pages about a run, as axe sees them, on a phone and on a desktop."""

import pytest
from django.urls import reverse
from django.utils.timezone import now
from playwright.sync_api import Browser, expect

from dongliang.awards import tasks
from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.actions.publicity import put_on_hold
from dongliang.scoring.actions import request_run, run_scoring
from dongliang.scoring.models import ScoringJob
from tests.browser import DESKTOP, PHONE, page_of, sign_in
from tests.factories.scoring import make_closed_world
from tests.journeys.test_every_page import look
from tests.test_every_url import honour_a_person

SCREENS = {"phone": PHONE, "desktop": DESKTOP}


@pytest.mark.parametrize("screen", SCREENS)
def test_a_run_and_all_behind_its_names(chromium: Browser, live_server, screen):
    world = make_closed_world()
    run = run_scoring(world.season, by=None)
    draw_lists(run, by=None)
    for source, value in (("public", 4.9), ("field", 1.1)):
        run.measures.filter(enrolment__number=2, source=source).update(value=value, standard_error=0.1)
    under_way = request_run(world.season, by=world.accounts["office"])
    ScoringJob.objects.filter(pk=under_way.pk).update(state="running", step="robustness", seen_at=now())
    with page_of(chromium, live_server.url, **SCREENS[screen]) as page:
        sign_in(page, world.accounts["office"])
        look(page, f"job-{screen}", reverse("scoring:job", args=[under_way.pk]))
        look(page, f"sources-{screen}", reverse("scoring:sources", args=[run.pk]))
        look(page, f"trace-{screen}", reverse("awards:trace", args=[run.pk, 2]))


@pytest.mark.parametrize("screen", SCREENS)
def test_honours_of_people_and_a_list_on_hold(chromium: Browser, live_server, screen):
    world = make_closed_world()
    best = publish_list(draw_lists(run_scoring(world.season, by=None), by=None)[0], by=None)
    put_on_hold(best, reason="收到实名异议，正在核查", by=None)
    honour_a_person(world)
    with page_of(chromium, live_server.url, **SCREENS[screen]) as page:
        sign_in(page, world.accounts["office"])
        look(page, f"commendations-{screen}", reverse("awards:commendations"))
        look(page, f"held-{screen}", reverse("awards:list", args=[best.pk]))


def test_a_page_left_open_without_script_tells_by_itself_when_the_run_has_ended(desktop_without_script):
    world = make_closed_world()
    page = desktop_without_script
    sign_in(page, world.accounts["office"])
    job = request_run(world.season, by=None)
    page.goto(reverse("scoring:job", args=[job.pk]))
    expect(page.get_by_text("可以离开此页")).to_be_visible()

    tasks.compute(job)

    expect(page.get_by_text("本年度已算好分")).to_be_visible(timeout=60_000)
