"""Training and growth by phone: the code on the screen, and a promotion with two things missing."""

from collections.abc import Iterator

import pytest
from django.utils.timezone import now
from playwright.sync_api import Browser, Page, expect

from dongliang.growth import codes
from dongliang.growth.models import Path
from tests.browser import PHONE, axe, page_of, shoot, sign_in
from tests.factories.growth import HOUR, give_hours, make_course, make_path, make_session
from tests.factories.projects import make_first_thing
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def office_phone(chromium: Browser, live_server) -> Iterator[Page]:
    with page_of(chromium, live_server.url, **PHONE) as page:
        yield page


def test_a_secretary_signs_in_by_the_code_on_the_screen_and_a_stale_one_is_refused(
    phone, desktop, monkeypatch
):
    # A busy machine may take more than half a minute for a page; how long a code holds has tests of its own.
    monkeypatch.setattr(codes, "STEP", 600)
    world = make_world()
    session = make_session(make_course(world.season), begins_in=HOUR / 4)
    sign_in(desktop, world.accounts["office"])
    sign_in(phone, world.accounts["secretary"])
    phone.set_default_timeout(60_000)

    # What an absent colleague gets: the code of an hour ago.
    old = codes.code_of(session.pk, codes.step_at(now() - HOUR))
    phone.goto(f"/t/{session.pk}/{old}/")
    expect(phone.get_by_text("这个签到码已经失效")).to_be_visible()
    expect(phone.get_by_role("button", name="我到了，签到")).to_have_count(0)

    desktop.goto(f"/training/sessions/{session.pk}/screen/")
    expect(desktop.locator(".screen-code svg")).to_be_visible()
    shoot(desktop, "training-screen")
    current = codes.code_of(session.pk, codes.step_at(now()))
    phone.goto(f"/t/{session.pk}/{current}/")
    axe(phone)
    shoot(phone, "training-here")
    phone.get_by_role("button", name="我到了，签到").click()
    expect(phone.get_by_role("status")).to_contain_text("签到成功，已记 3 学时。")

    attendance = session.attendances.get()
    assert (attendance.enrolment, attendance.method) == (world.enrolments[0], "code")
    phone.get_by_role("link", name="评价课程").click()
    for group in ("对工作有用", "讲得清楚", "时间、地点和秩序合适"):
        phone.get_by_role("group", name=group).get_by_role("radio").first.check()
    phone.get_by_role("button", name="提交评价").click()
    expect(phone.get_by_role("status")).to_contain_text("评价已保存，不记姓名。")


def test_the_code_on_the_screen_turns_by_itself(desktop):
    world = make_world()
    session = make_session(make_course(world.season), begins_in=HOUR / 4)
    sign_in(desktop, world.accounts["office"])
    # The page asks again when its code runs out: here at once.
    desktop.clock.install()
    desktop.goto(f"/training/sessions/{session.pk}/screen/")

    with desktop.expect_response("**/screen/code/") as asked:
        desktop.clock.fast_forward(11_000)

    assert asked.value.status == 200
    assert "data-left" in asked.value.text()


def test_a_promotion_is_refused_for_two_missing_things_then_granted(phone, office_phone):
    world = make_world()
    enrolment = world.enrolments[0]
    make_path(enrolment)
    sign_in(phone, world.accounts["secretary"])
    sign_in(office_phone, world.accounts["office"])

    phone.goto("/growth/mine/")
    expect(phone.get_by_role("heading", name="下一阶段：赋能小梁")).to_be_visible()
    missing = phone.get_by_role("listitem").filter(has_text="还缺")
    expect(
        phone.locator("section[aria-labelledby=next]").get_by_role("listitem").filter(has_text="还缺")
    ).to_have_count(2)
    expect(missing.first).to_contain_text("要求培训满 6 学时。")
    axe(phone)
    shoot(phone, "growth-mine")
    office_phone.goto(f"/growth/{enrolment.pk}/steps/promotion/")
    expect(office_phone.get_by_role("button", name="办理")).to_be_disabled()
    expect(office_phone.get_by_text("要求培训满 6 学时。 目前 0 学时。")).to_be_visible()
    axe(office_phone)
    shoot(office_phone, "growth-step-refused")

    give_hours(enrolment, 6)
    make_first_thing(enrolment)
    office_phone.reload()
    office_phone.get_by_label("依据").fill("培训满六学时，项目已登记，见第 3 号纪要。")
    office_phone.get_by_role("button", name="办理").click()
    expect(office_phone.get_by_role("status")).to_contain_text("已办理。")

    assert Path.objects.get().stage == "empowered"
    phone.reload()
    expect(phone.get_by_role("heading", name="下一阶段：培优小梁")).to_be_visible()
