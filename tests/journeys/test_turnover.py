"""By phone: a post is handed over and signed by three; and the day after the election, up to the confirmed pairs."""

import datetime
from typing import Any

import pytest
from django.utils.timezone import localdate
from playwright.sync_api import Browser, Page, expect

from dongliang.mentoring.models import Pair
from dongliang.people.models import Tenure
from dongliang.turnover.models import Handover
from tests.browser import PHONE, axe, page_of, shoot, sign_in
from tests.factories.projects import make_first_thing
from tests.factories.season import World, make_world
from tests.factories.turnover import make_handover, make_turnover


@pytest.fixture
def world(transactional_db: Any) -> World:
    return make_world()


def at(page: Page, name: str) -> None:
    """Look at the page as axe does, and that nothing is wider than the screen."""
    axe(page)
    shoot(page, f"turnover-{name}")
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{page.url} is {wider} px wider than the screen"


def write(page: Page) -> None:
    page.goto("/handovers/")
    page.get_by_role("link", name="柳荫第三居民区").click()
    expect(page.get_by_role("heading", name="装上楼道扶手")).to_be_visible()
    page.get_by_role("link", name="经费和资金").click()
    page.get_by_label("事项").fill("社区自治金")
    page.get_by_label("目前情况").fill("流水和票据在档案柜第二格")
    page.get_by_label("余额（元）").fill("18650")
    page.get_by_label("签批人").fill("严新")
    at(page, "line")
    page.get_by_role("button", name="保存这一项").click()
    expect(page.get_by_role("status")).to_contain_text("这一项已写入清单。")
    at(page, "written")


def accept(page: Page) -> None:
    page.goto("/handovers/")
    page.get_by_role("link", name="柳荫第三居民区").click()
    expect(page.get_by_role("button", name="签署")).to_be_disabled()
    page.get_by_role("button", name="接收：装上楼道扶手").click()
    line = page.get_by_role("article").filter(has_text="社区自治金")
    line.get_by_label("备注").fill("已对账")
    line.get_by_role("button", name="接收：社区自治金").click()
    expect(page.get_by_role("status")).to_contain_text("答复已保存。")
    at(page, "accepted")


def sign(page: Page) -> None:
    page.goto("/handovers/")
    page.get_by_role("link", name="柳荫第三居民区").click()
    page.get_by_role("button", name="签署").click()
    expect(page.get_by_role("status")).to_contain_text("您已在交接清单上签字。")


def test_a_post_is_handed_over_accepted_and_signed_by_three_on_the_phone(
    chromium: Browser, live_server, world
):
    make_first_thing(world.enrolments[2])
    handover = make_handover(world)
    for role, steps in (
        ("leaver", (write,)),
        ("successor", (accept, sign)),
        ("leaver", (sign,)),
        ("subdistrict", (sign,)),
    ):
        with page_of(chromium, live_server.url, **PHONE) as page:
            page.set_default_timeout(60_000)
            sign_in(page, world.accounts[role])
            for step in steps:
                step(page)

    handover = Handover.objects.get(pk=handover.pk)
    assert [signature.sha256 for signature in handover.signatures.filter(voided_at=None)] == [
        handover.sha256
    ] * 3


def test_the_day_after_the_election_leads_to_confirmed_pairs_on_the_phone(phone: Page, world):
    Pair.objects.all().delete()
    Tenure.objects.update(starts_on=localdate())
    for enrolment in world.enrolments[:2]:
        make_first_thing(enrolment)
    leaver = Tenure.objects.get(post=world.enrolments[0].post)
    Tenure.objects.create(
        post=leaver.post,
        person=world.mentors[3].person,
        kind="reelected",
        starts_on=datetime.date(2012, 3, 1),
        ends_on=localdate() - datetime.timedelta(days=1),
    )
    phone.set_default_timeout(60_000)
    sign_in(phone, world.accounts["office"])

    phone.goto("/handovers/")
    phone.get_by_role("link", name="换届次日").click()
    phone.get_by_role("button", name="开始").click()
    expect(phone.get_by_role("status")).to_contain_text("已开始。")
    at(phone, "election")
    phone.get_by_role("button", name="建立交接清单").click()
    expect(phone.get_by_role("status")).to_contain_text("已建立 1 份交接清单。")
    phone.get_by_role("link", name="前往结对").click()
    phone.get_by_role("button", name="生成方案").click()
    phone.get_by_role("button", name="全部确认结对").click()
    expect(phone.get_by_role("status")).to_contain_text("已结成")
    phone.goto("/elections/")
    phone.get_by_role("link", name="换届").last.click()

    step = phone.locator(".wizard-step").filter(has_text="新任书记结对")
    expect(step.locator(".pill")).to_have_text("已完成")
    at(phone, "election-done")


def test_the_other_pages_fit_phone_and_desk(phone: Page, desktop: Page, world):
    make_turnover(world)
    post = world.enrolments[0].post
    for name, page in (("phone", phone), ("desk", desktop)):
        page.set_default_timeout(60_000)
        sign_in(page, world.accounts["office"])
        handover = Handover.objects.get()
        for path in (
            "/handovers/",
            f"/handovers/{handover.pk}/",
            "/posts/",
            f"/posts/{post.pk}/",
            f"/posts/{post.pk}/end/",
            f"/posts/{world.enrolments[1].post_id}/begin/",
            "/elections/",
            f"/elections/{world.district.elections.get().pk}/",
            "/advisers/",
            f"/advisers/{handover.leaver.adviser.pk}/",
            "/advisers/office/",
            f"/advisers/office/{handover.leaver.adviser.pk}/",
        ):
            page.goto(path)
            at(page, f"{name}-{path.strip('/').replace('/', '-')}")
