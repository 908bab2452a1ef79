"""A mentor in a street without a signal: the page opens, a sheet is filled and photographed, and arrives once."""

import datetime
import io
from typing import Any

import pytest
from django.utils.timezone import now
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dongliang.common.models import ActionLogEntry
from dongliang.people.models import Grant, Role
from dongliang.review.actions import return_sheet
from dongliang.review.models import Photo, Response, Submission
from dongliang.seasons.actions import close_season
from tests.browser import DESKTOP, PHONE, axe, page_of, shoot, sign_in
from tests.factories.projects import make_first_thing
from tests.factories.review import make_assignment, send_sheet
from tests.factories.season import World, make_world

# What is kept on the phone, told by the page itself.
KEPT = """async () => {
  const caches_ = (await caches.keys()).filter((name) => name.startsWith("dongliang-offline"));
  const databases = (await indexedDB.databases()).map((each) => each.name);
  return [caches_.length, databases, localStorage.length];
}"""
READY = """async () => {
  await navigator.serviceWorker.ready;
  const names = await caches.keys();
  if (!names.length) return false;
  return Boolean(await (await caches.open(names[0])).match("/field/"));
}"""


def make_street() -> World:
    world = make_world()
    make_first_thing(world.enrolments[2])
    for enrolment in world.enrolments[2:5]:
        make_assignment(enrolment, world.mentors[0])
    return world


def sheet_on(world: World, number: int):
    return world.season.assignments.get(enrolment=world.enrolments[number])


def enter(page: Page, world: World, role: str = "mentor") -> None:
    """Open the page with a signal, until all of it is on the phone."""
    sign_in(page, world.accounts[role])
    page.goto("/field/", wait_until="domcontentloaded")
    expect(page.locator(".offline-bar")).to_contain_text("填完的都已发出")
    page.wait_for_function(READY)


def fill(page: Page, name: str, marks: str) -> None:
    page.get_by_role("link", name=name).click()
    groups = page.locator("fieldset.levels")
    expect(groups).to_have_count(len(marks))
    for place, mark in enumerate(marks):
        groups.nth(place).get_by_role("radio").nth(int(mark) - 1).check()


def saved(page: Page) -> None:
    expect(page.locator("[data-saved]")).to_contain_text("已存在这部手机里")


def finish(page: Page) -> None:
    page.get_by_role("button", name="提交评估表").click()
    expect(page.get_by_role("alert")).to_contain_text("填得很快")
    page.get_by_role("button", name="一致，照此提交").click()


def row(page: Page, name: str) -> Any:
    return page.get_by_role("listitem").filter(has_text=name)


def picture() -> dict[str, Any]:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Rearcam"
    exif.get_ifd(0x8825)[1] = "N"
    Image.new("RGB", (3000, 2000), (120, 60, 40)).save(out, "JPEG", exif=exif)
    return {"name": "街面.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


@pytest.fixture
def street() -> World:
    return make_street()


def test_a_sheet_filled_and_photographed_without_a_signal_arrives_once_it_is_back(phone, street):
    enter(phone, street)
    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator(".offline-bar")).to_contain_text("没有信号")
    fill(phone, "郑秀芳", "43545")
    phone.get_by_label("“党员管得住”的依据").fill("党员名册齐全")
    phone.get_by_label("所见所闻").fill("三号楼扶手已装好")
    phone.locator("input[type=file]").set_input_files(picture())
    expect(phone.get_by_role("img", name="照片 1")).to_be_visible()
    saved(phone)
    shoot(phone, "field-form-offline")
    finish(phone)
    expect(row(phone, "郑秀芳")).to_contain_text("等待发送")
    shoot(phone, "field-list-offline")
    axe(phone)
    assert Response.objects.count() == 0

    phone.context.set_offline(False)

    expect(row(phone, "郑秀芳")).to_contain_text("已发出")
    expect(phone.locator(".offline-bar")).to_contain_text("填完的都已发出")
    submission = Submission.objects.get()
    assert (submission.marks, submission.project_mark, submission.note, submission.notes) == (
        "4354",
        "5",
        "三号楼扶手已装好",
        {"party_members": "党员名册齐全"},
    )
    assert (submission.remarks, submission.sent_by) == (["fast"], street.accounts["mentor"])
    photo = Photo.objects.get()
    kept = Image.open(io.BytesIO(bytes(photo.image.jpeg)))
    assert (kept.size, dict(kept.getexif())) == ((1280, 853), {})
    shoot(phone, "field-list-sent")
    phone.reload()
    expect(row(phone, "郑秀芳")).to_contain_text("已交")
    assert (Submission.objects.count(), Photo.objects.count()) == (1, 1)


def test_a_page_that_was_killed_finds_its_draft_again_without_a_signal(phone, street):
    enter(phone, street)
    phone.context.set_offline(True)
    phone.get_by_role("link", name="王海燕").click()
    phone.get_by_role("group", name="党员管得住").get_by_role("radio").nth(3).check()
    phone.locator("input[type=file]").set_input_files(picture())
    expect(phone.get_by_role("img", name="照片 1")).to_be_visible()
    saved(phone)
    context = phone.context
    phone.close()

    again = context.new_page()
    again.goto("/field/")

    expect(row(again, "王海燕")).to_contain_text("已存在手机里")
    again.get_by_role("link", name="王海燕").click()
    expect(again.get_by_role("group", name="党员管得住").get_by_role("radio").nth(3)).to_be_checked()
    expect(again.get_by_role("img", name="照片 1")).to_be_visible()


def test_a_sheet_sent_meanwhile_from_another_device_is_shown_beside_the_own_one(phone, street):
    enter(phone, street)
    phone.context.set_offline(True)
    fill(phone, "王海燕", "4354")
    phone.get_by_label("所见所闻").fill("楼道整洁")
    saved(phone)
    finish(phone)
    send_sheet(sheet_on(street, 3), "2354", note="楼道有杂物", by=street.accounts["mentor"])
    phone.context.set_offline(False)

    expect(phone.locator(".offline-bar")).to_contain_text("有 1 份要您拿主意")
    assert Response.objects.get().marks == "2354"
    phone.get_by_role("link", name="王海燕").click()
    versions = phone.locator(".versions > section")
    expect(versions.nth(0)).to_contain_text("楼道整洁")
    expect(versions.nth(1)).to_contain_text("楼道有杂物")
    expect(phone.locator(".versions .differs")).to_have_count(4)
    axe(phone)
    shoot(phone, "field-conflict")
    phone.get_by_role("button", name="以我这一份为准").click()

    expect(row(phone, "王海燕")).to_contain_text("已发出")
    assert list(Submission.objects.values_list("version", "marks")) == [(1, "2354"), (2, "4354")]


def test_the_other_version_can_be_left_to_stand(phone, street):
    enter(phone, street)
    phone.context.set_offline(True)
    fill(phone, "王海燕", "4354")
    finish(phone)
    send_sheet(sheet_on(street, 3), "2354", by=street.accounts["mentor"])
    phone.context.set_offline(False)
    expect(phone.locator(".offline-bar")).to_contain_text("有 1 份要您拿主意")
    phone.get_by_role("link", name="王海燕").click()

    phone.get_by_role("button", name="保留服务器上的，删除我这一份").click()

    expect(row(phone, "王海燕")).to_contain_text("已交")
    expect(phone.locator(".offline-bar")).to_contain_text("填完的都已发出")
    assert list(Submission.objects.values_list("marks", flat=True)) == ["2354"]


def test_a_season_closed_meanwhile_is_shown_and_the_sheet_stays_on_the_phone(phone, street):
    enter(phone, street)
    phone.context.set_offline(True)
    fill(phone, "王海燕", "4354")
    finish(phone)
    close_season(street.season, by=None)
    phone.context.set_offline(False)

    expect(row(phone, "王海燕")).to_contain_text("要您拿主意")
    phone.get_by_role("link", name="王海燕").click()
    expect(phone.get_by_role("region", name="这份评估表要您拿主意")).to_contain_text("本年度目前已关闭")
    shoot(phone, "field-closed")
    phone.get_by_role("link", name="以后再定").click()
    expect(row(phone, "王海燕")).to_contain_text("要您拿主意")
    assert Submission.objects.count() == 0


def test_an_assessor_removed_in_mid_season_sees_that_and_what_was_written(phone, street):
    enter(phone, street)
    phone.context.set_offline(True)
    fill(phone, "王海燕", "4354")
    finish(phone)
    Grant.objects.filter(account=street.accounts["mentor"], role=Role.MENTOR).delete()
    phone.context.set_offline(False)

    expect(row(phone, "王海燕")).to_contain_text("要您拿主意")
    phone.reload()
    phone.get_by_role("link", name="王海燕").click()
    expect(phone.locator(".versions > section").nth(0)).to_contain_text("党员主动认领楼组和难事，做完有回音")
    phone.on("dialog", lambda dialog: dialog.accept())
    phone.get_by_role("button", name="从手机里删除我这一份").click()
    expect(phone.get_by_text("这部手机里没有评估表")).to_be_visible()
    assert Submission.objects.count() == 0


def test_a_sheet_returned_by_the_office_comes_to_the_phone_with_the_reason(phone, street):
    send_sheet(sheet_on(street, 3), "4444", by=street.accounts["mentor"])
    return_sheet(sheet_on(street, 3), reason="请再到现场看一次。", by=street.accounts["office"])
    enter(phone, street)

    expect(row(phone, "王海燕")).to_contain_text("退回重填")
    fill(phone, "王海燕", "4354")
    expect(phone.get_by_text("请再到现场看一次。")).to_be_visible()
    axe(phone)
    phone.get_by_role("button", name="提交评估表").click()

    expect(row(phone, "王海燕")).to_contain_text("已发出")
    assert Response.objects.get().marks == "4354"


def test_ten_presses_and_a_lost_answer_store_one_sheet(phone, street):
    enter(phone, street)
    lost = []

    def lose_the_answer(route):
        response = route.fetch()
        lost.append(response.status)
        route.abort() if len(lost) < 10 else route.fulfill(response=response)

    phone.context.route("**/field/sheets/*/", lose_the_answer)
    fill(phone, "王海燕", "4354")
    finish(phone)
    send_now = phone.locator("[data-send]")
    for _press in range(200):
        if len(lost) == 10:
            break
        # Pressed as an impatient thumb does, whether or not the last sending has ended.
        send_now.evaluate("button => button.click()")
        phone.wait_for_timeout(50)

    expect(row(phone, "王海燕")).to_contain_text("已发出")
    assert lost == [200] * 10
    assert Submission.objects.count() == 1
    assert ActionLogEntry.objects.filter(verb__startswith="review.response").count() == 1


def test_a_phone_with_a_wrong_clock_is_told_and_the_servers_time_counts(phone, street):
    phone.clock.set_system_time("2019-01-01T08:00:00+08:00")
    enter(phone, street)
    expect(phone.locator("[data-clock]")).to_contain_text("这部手机的日期或时间不对")
    fill(phone, "王海燕", "4354")
    finish(phone)

    expect(row(phone, "王海燕")).to_contain_text("已发出")
    submission = Submission.objects.get()
    entry = ActionLogEntry.objects.get(verb="review.response.sent")
    assert abs((submission.received_at - entry.at).total_seconds()) < 60
    assert submission.received_at.year > 2019


def test_a_phone_whose_clock_is_some_minutes_slow_is_told_by_how_many(phone, street):
    phone.clock.set_system_time(now() - datetime.timedelta(minutes=20))
    enter(phone, street)

    expect(phone.locator("[data-clock]")).to_contain_text("这部手机的时间慢了约 20 分钟")


def test_signing_out_wipes_all_that_the_phone_kept_after_asking(phone, street):
    enter(phone, street)
    phone.context.set_offline(True)
    fill(phone, "王海燕", "4354")
    saved(phone)
    phone.get_by_role("link", name="← 全部评估表").click()
    phone.context.set_offline(False)
    asked = []
    phone.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))

    phone.get_by_text("菜单", exact=True).click()
    phone.get_by_role("button", name="退出", exact=True).click()
    phone.wait_for_url("**/")

    assert asked == ["这部手机里还有没发出的内容，现在退出就没有了。仍要退出吗？"]
    assert phone.evaluate(KEPT) == [0, [], 0]
    phone.goto("/field/")
    expect(phone.get_by_role("button", name="登录")).to_be_visible()


def test_another_person_on_the_same_phone_finds_nothing(phone, street):
    enter(phone, street)
    fill(phone, "王海燕", "4354")
    saved(phone)
    make_assignment(street.enrolments[5], street.mentors[1])

    sign_in(phone, street.accounts["other_mentor"])
    phone.goto("/review/")
    phone.wait_for_function("() => localStorage.length === 0")
    phone.goto("/field/")

    expect(phone.get_by_role("link", name="陈玉梅")).to_be_visible()
    assert phone.evaluate("async () => (await Offline.all('drafts')).length") == 0
    expect(phone.get_by_role("link", name="王海燕")).to_have_count(0)
    phone.wait_for_function(READY)


def test_a_sheet_waiting_of_somebody_else_is_never_sent_under_the_wrong_name(phone, street):
    enter(phone, street)
    phone.context.set_offline(True)
    fill(phone, "王海燕", "4354")
    finish(phone)
    sign_in(phone, street.accounts["other_mentor"])

    phone.context.set_offline(False)

    expect(phone.get_by_text("这部手机里没有评估表")).to_be_visible()
    assert Submission.objects.count() == 0


def test_without_script_the_page_leads_to_the_ordinary_form(phone_without_script, street):
    sign_in(phone_without_script, street.accounts["mentor"])

    phone_without_script.goto("/field/")
    expect(phone_without_script.get_by_role("heading", level=1)).to_have_text("手机里的评估表")
    expect(phone_without_script.locator(".offline-bar")).to_be_hidden()
    shoot(phone_without_script, "field-without-script")
    phone_without_script.get_by_role("main").get_by_role("link", name="我的评估表").click()

    expect(phone_without_script.get_by_role("heading", level=1)).to_have_text("我的评估表")


@pytest.mark.parametrize(("name", "screen"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_the_pages_raise_no_barrier(chromium: Browser, live_server, name: str, screen: dict[str, Any]):
    street = make_street()
    with page_of(chromium, live_server.url, **screen) as page:
        enter(page, street)
        shoot(page, f"field-list-{name}")
        axe(page)
        fill(page, "郑秀芳", "33335")
        page.get_by_role("button", name="提交评估表").click()
        expect(page.get_by_role("alert")).to_contain_text("每项指标都是 3 分，与您看到的一致吗？")
        shoot(page, f"field-remarks-{name}")
        axe(page)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0
