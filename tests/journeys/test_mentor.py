"""A mentor on a phone in the street: what is outstanding, one sheet with a gap, corrected and sent."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dongliang.review.models import Response
from tests.browser import PHONE, axe, page_of, shoot, sign_in
from tests.factories.projects import make_first_thing
from tests.factories.review import make_assignment, send_sheet
from tests.factories.season import World, make_world

INDICATORS = ("党员管得住", "群众愿意跟", "引领有章法", "工作落地快")


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def page(request: pytest.FixtureRequest, chromium: Browser, live_server: Any) -> Iterator[Page]:
    with page_of(chromium, live_server.url, java_script_enabled=request.param, **PHONE) as page:
        yield page


def make_street() -> World:
    """Three secretaries for the mentor to assess, the first of them done."""
    world = make_world()
    for enrolment in world.enrolments[2:5]:
        make_first_thing(enrolment)
    sheets = [make_assignment(enrolment, world.mentors[0]) for enrolment in world.enrolments[2:5]]
    send_sheet(sheets[0])
    return world


def choose(page: Page, indicator: str, level: str) -> None:
    page.get_by_role("group", name=indicator).get_by_text(level).click()


def mark_all(page: Page, level: int) -> None:
    for name in (*INDICATORS, "开门第一件事"):
        page.get_by_role("group", name=name).get_by_role("radio").nth(level - 1).check()


def test_a_mentor_fills_the_next_sheet_mends_a_gap_and_sends_it(page):
    world = make_street()
    sign_in(page, world.accounts["mentor"])

    page.goto("/review/")
    outstanding = page.get_by_role("listitem").filter(has_text="待填")
    expect(outstanding.get_by_role("link")).to_have_text(["王海燕", "冯志明"])
    page.get_by_role("link", name="填写评估表").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("王海燕")
    choose(page, "党员管得住", "党员主动认领楼组和难事，做完有回音")
    choose(page, "群众愿意跟", "熟面孔常来，新居民和租客难发动")
    choose(page, "工作落地快", "难题有方案、有期限，进度看得见")
    choose(page, "开门第一件事", "大体落地：居民在用，也说好")
    page.get_by_label("所见所闻").fill("三号楼扶手已装好")
    page.get_by_role("button", name="提交评估表").click()

    missing = page.get_by_role("alert").get_by_role("link")
    expect(missing).to_have_text("引领有章法")
    expect(page.get_by_label("所见所闻")).to_have_value("三号楼扶手已装好")
    missing.click()
    choose(page, "引领有章法", "议题、表决、结果都公开，有人监督")
    page.get_by_role("button", name="提交评估表").click()
    expect(page.get_by_role("alert")).to_contain_text("填得很快")
    page.get_by_role("button", name="一致，照此提交").click()

    expect(page.get_by_role("status")).to_contain_text("王海燕 河湾第一居民区的评估表已提交。")
    expect(page.get_by_role("region", name="下一位")).to_contain_text("冯志明")
    response = Response.objects.get(assignment__enrolment=world.enrolments[3])
    assert (response.marks, response.project_mark, response.note) == ("4344", "4", "三号楼扶手已装好")


def test_a_sheet_with_equal_marks_is_sent_after_one_more_look(page):
    world = make_street()
    sign_in(page, world.accounts["mentor"])

    page.goto("/review/")
    page.get_by_role("link", name="冯志明").click()
    mark_all(page, 3)
    page.get_by_role("button", name="提交评估表").click()

    expect(page.get_by_role("alert")).to_contain_text("每项指标都是 3 分，与您看到的一致吗？")
    page.get_by_role("button", name="一致，照此提交").click()

    expect(page.get_by_role("status")).to_contain_text("冯志明 河湾第二居民区的评估表已提交。")
    assert Response.objects.get(assignment__enrolment=world.enrolments[4]).marks == "3333"


def test_a_mentors_pages_raise_no_barrier(phone):
    world = make_street()
    sign_in(phone, world.accounts["mentor"])

    def look(name: str) -> None:
        axe(phone)
        shoot(phone, f"mentor-{name}")

    phone.goto("/review/")
    look("sheets")
    phone.get_by_role("link", name="填写评估表").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("王海燕")
    look("sheet")
    phone.get_by_role("button", name="提交评估表").click()
    expect(phone.get_by_role("alert").get_by_role("link")).to_have_text([*INDICATORS, "开门第一件事"])
    look("sheet-with-gaps")
    mark_all(phone, 4)
    phone.get_by_role("button", name="提交评估表").click()
    expect(phone.get_by_role("button", name="一致，照此提交")).to_be_visible()
    look("equal-marks")
