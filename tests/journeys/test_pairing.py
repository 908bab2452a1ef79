"""From a proposal to a step that is done: the office confirms, three sign, the mentor logs, the mentee follows up."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dongliang.mentoring.models import Pair, Proposal, Visit
from tests.browser import DESKTOP, PHONE, axe, page_of, shoot, sign_in
from tests.factories.mentoring import make_coaching, make_profile
from tests.factories.projects import make_first_thing
from tests.factories.season import World, make_world


@pytest.fixture
def world(transactional_db: Any) -> World:
    """The first secretary has no mentor; the first mentor knows what the first thing is about."""
    world = make_world()
    Pair.objects.all().delete()
    make_profile(world.mentors[0], strengths={"problem.housing": 2}, years=15)
    for enrolment in world.enrolments:
        make_first_thing(enrolment, category="housing" if enrolment.number == 1 else "digital")
    return world


def at(page: Page, name: str) -> None:
    """Look at the page as axe does, and that nothing is wider than the screen."""
    axe(page)
    shoot(page, f"pairing-{name}")
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{page.url} is {wider} px wider than the screen"


def confirm_pairs(page: Page) -> None:
    page.goto("/pairs/proposals/")
    page.get_by_role("button", name="生成方案").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("第 1 号方案")
    line = page.get_by_role("listitem").filter(has_text="周兰英")
    expect(line).to_contain_text("褚卫东：很拿手住房安居（开门第一件事的类别）")
    expect(line).to_contain_text("次优：")
    at(page, "proposal")
    page.get_by_role("button", name="全部确认结对").click()
    expect(page.get_by_role("status")).to_contain_text("已结成 4 对。")
    at(page, "board")


def write_and_sign(page: Page) -> None:
    page.goto("/pairs/")
    page.get_by_role("link", name="周兰英").click()
    page.get_by_role("link", name="填写协议").click()
    page.get_by_label("目标").fill("独立开好一次居民议事会")
    page.get_by_label("月数").fill("3")
    page.get_by_label("每月计划").fill("走访楼组\n征询意见\n开会表决")
    at(page, "agreement")
    page.get_by_role("button", name="保存协议").click()
    sign_on(page)


def sign_on(page: Page) -> None:
    page.get_by_role("button", name="签署").click()
    expect(page.get_by_role("status")).to_contain_text("您已签字。")
    at(page, "signed")


def log(page: Page) -> None:
    page.goto("/pairs/")
    page.get_by_role("link", name="周兰英").click()
    page.get_by_role("link", name="记一次走访").click()
    page.get_by_label("问题").fill("一楼不同意装电梯")
    page.get_by_label("建议").fill("先听采光的担心，再谈补偿。")
    page.get_by_label("约定事项").fill("约三户去看装好的门洞")
    at(page, "visit-form")
    page.get_by_role("button", name="记下走访").click()
    expect(page.get_by_role("status")).to_contain_text("走访已记下。")
    at(page, "visit")


def follow(page: Page) -> None:
    page.goto("/pairs/")
    page.get_by_role("link", name="约三户去看装好的门洞").click()
    page.get_by_label("办成", exact=True).check()
    page.get_by_role("button", name="记下结果").click()
    expect(page.get_by_role("status")).to_contain_text("约定事项的结果已记下。")
    page.get_by_label("很有帮助").check()
    page.get_by_role("button", name="提交反馈").click()
    expect(page.get_by_role("status")).to_contain_text("只有您和主办方能看到")


def test_a_pair_comes_about_and_keeps_its_word(chromium: Browser, live_server: Any, world: World):
    def as_role(role: str, *acts: Any) -> None:
        with page_of(chromium, live_server.url, **PHONE) as page:
            # A busy machine makes no test fail.
            page.set_default_timeout(60_000)
            sign_in(page, world.accounts[role])
            for act in acts:
                act(page)

    def sign_mine(page: Page) -> None:
        page.goto(f"/pairs/{Pair.objects.get(mentee=world.enrolments[0]).pk}/")
        sign_on(page)

    as_role("office", confirm_pairs)
    as_role("mentor", write_and_sign)
    as_role("secretary", sign_mine)
    as_role("subdistrict", sign_mine)
    as_role("mentor", log)
    as_role("secretary", follow)

    assert Proposal.objects.get().state == "confirmed"
    pair = Pair.objects.get(mentee=world.enrolments[0])
    assert pair.agreement.signatures.filter(voided_at=None).count() == 3
    visit = Visit.objects.get()
    assert (visit.step_state, visit.feedback.get().side) == ("done", "mentee")


PAGES = {
    "office": "pairs/ pairs/mentors/ pairs/mentees/ pairs/profiles/ pairs/proposals/ visits/".split(),
    "mentor": ["pairs/", "visits/"],
    "secretary": ["pairs/"],
}


@pytest.mark.parametrize("screen", ["phone", "desktop"])
def test_the_pages_of_pairs_raise_no_barrier(
    chromium: Browser, live_server: Any, transactional_db: Any, screen
):
    world = make_world()
    make_profile(world.mentors[0], strengths={"problem.housing": 2, "estate.lanes": 1}, years=15)
    make_coaching(world)
    pair, visit = world.enrolments[0].pairs.get(), Visit.objects.get()
    own = {
        "office": [
            f"pairs/{pair.pk}/",
            f"pairs/{pair.pk}/end/",
            f"pairs/proposals/{Proposal.objects.get().pk}/",
            f"pairs/profiles/{world.season.profile_imports.get().pk}/",
        ],
        "mentor": [
            f"pairs/mentors/{world.mentors[0].pk}/",
            f"pairs/{pair.pk}/visits/new/",
            f"visits/{visit.pk}/",
        ],
        "secretary": [f"pairs/mentees/{world.enrolments[0].pk}/", f"pairs/{pair.pk}/"],
    }
    for role, paths in PAGES.items():
        with page_of(chromium, live_server.url, **(PHONE if screen == "phone" else DESKTOP)) as page:
            sign_in(page, world.accounts[role])
            for path in [*paths, *own[role]]:
                page.goto(f"/{path}")
                at(page, f"{role}-{path.replace('/', '_')}{screen}")
