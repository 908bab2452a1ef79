"""A pair meets in a basement without a signal: the visit is written, kept, and arrives once when the signal is back."""

import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dongliang.common.models import ActionLogEntry
from dongliang.mentoring.actions.pairs import end_pair
from dongliang.mentoring.models import FollowUp, Pair, Visit, VisitPhoto
from tests.browser import DESKTOP, PHONE, axe, page_of, shoot, sign_in
from tests.factories.mentoring import make_visit
from tests.factories.review import make_assignment
from tests.factories.season import World, make_world
from tests.journeys.test_without_signal import picture

READY = """async () => {
  await navigator.serviceWorker.ready;
  const names = (await caches.keys()).filter((name) => name.includes("/visits/phone/"));
  if (!names.length) return false;
  return Boolean(await (await caches.open(names[0])).match("/visits/phone/"));
}"""

# What is left on the phone: caches, rows, marks. A sending under way may open an empty database anew.
LEFT = """async () => {
  const settled = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  let rows = 0;
  for (const { name } of await indexedDB.databases()) {
    const database = await settled(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      rows += await settled(database.transaction(store).objectStore(store).count());
    }
    database.close();
  }
  const kept = (await caches.keys()).filter((name) => name.startsWith("dongliang-offline"));
  return [kept.length, rows, localStorage.length];
}"""


def make_basement() -> World:
    world = make_world()
    make_visit(pair_of(world), by=world.accounts["mentor"])
    return world


def pair_of(world: World) -> Pair:
    return world.enrolments[0].pairs.get()


def enter(page: Page, world: World, role: str = "mentor") -> None:
    """Open the page with a signal, until all of it is on the phone."""
    sign_in(page, world.accounts[role])
    page.goto("/visits/phone/", wait_until="domcontentloaded")
    expect(page.locator(".offline-bar")).to_contain_text("填完的都已发出")
    page.wait_for_function(READY)


def begin(page: Page, name: str = "周兰英") -> None:
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="记一次走访").click()


def fill(page: Page, question: str = "三号楼水泵坏了谁修") -> None:
    page.get_by_label("问题").fill(question)
    page.get_by_label("建议", exact=True).fill("先请物业当面说清，再开会。")
    page.get_by_label("约定事项").fill("周五请物业到场")
    expect(page.locator("[data-saved]")).to_contain_text("已存在这部手机里")


def finish(page: Page) -> None:
    page.get_by_role("button", name="写好了，发送").click()


@pytest.fixture
def basement() -> World:
    return make_basement()


def test_a_visit_written_and_photographed_without_a_signal_arrives_once_it_is_back(phone, basement):
    enter(phone, basement)
    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator(".offline-bar")).to_contain_text("没有信号")
    begin(phone)
    fill(phone)
    phone.locator("input[type=file]").set_input_files(picture())
    expect(phone.get_by_role("img", name="照片 1")).to_be_visible()
    shoot(phone, "visit-form-offline")
    axe(phone)
    finish(phone)
    expect(phone.get_by_role("listitem").filter(has_text="三号楼水泵坏了谁修")).to_contain_text("等待发送")
    shoot(phone, "visit-waiting")
    axe(phone)
    assert Visit.objects.count() == 1

    phone.context.set_offline(False)

    expect(phone.locator(".offline-bar")).to_contain_text("填完的都已发出")
    expect(phone.get_by_role("region", name="最近几次走访")).to_contain_text("三号楼水泵坏了谁修")
    visit = Visit.objects.get(question="三号楼水泵坏了谁修")
    assert (visit.pair, visit.step, visit.step_state, visit.logged_by) == (
        pair_of(basement),
        "周五请物业到场",
        "open",
        basement.accounts["mentor"],
    )
    kept = Image.open(io.BytesIO(bytes(VisitPhoto.objects.get(visit=visit).image.jpeg)))
    assert (kept.size, dict(kept.getexif())) == ((1280, 853), {})
    phone.reload()
    expect(phone.get_by_role("heading", name="这部手机上")).to_have_count(0)
    shoot(phone, "visit-sent")
    assert (Visit.objects.count(), VisitPhoto.objects.count()) == (2, 1)


def test_a_page_that_was_killed_finds_the_visit_again_without_a_signal(phone, basement):
    enter(phone, basement)
    phone.context.set_offline(True)
    begin(phone)
    fill(phone)
    phone.locator("input[type=file]").set_input_files(picture())
    expect(phone.get_by_role("img", name="照片 1")).to_be_visible()
    context = phone.context
    phone.close()

    again = context.new_page()
    again.goto("/visits/phone/")

    expect(again.get_by_role("listitem").filter(has_text="周兰英")).to_contain_text("已存在手机里")
    again.get_by_role("link", name="周兰英").click()
    again.get_by_role("link", name="三号楼水泵坏了谁修").click()
    expect(again.get_by_label("建议", exact=True)).to_have_value("先请物业当面说清，再开会。")
    expect(again.get_by_role("img", name="照片 1")).to_be_visible()


def test_ten_presses_and_lost_answers_store_one_visit(phone, basement):
    enter(phone, basement)
    lost = []

    def lose_the_answer(route):
        response = route.fetch()
        lost.append(response.status)
        route.abort() if len(lost) < 10 else route.fulfill(response=response)

    phone.context.route(re.compile(r"/visits/phone/pairs/\d+/"), lose_the_answer)
    begin(phone)
    fill(phone)
    finish(phone)
    send_now = phone.locator("[data-send]")
    for _press in range(200):
        if len(lost) == 10:
            break
        # Pressed as an impatient thumb does, whether or not the last sending has ended.
        send_now.evaluate("button => button.click()")
        phone.wait_for_timeout(50)

    expect(phone.get_by_role("region", name="最近几次走访")).to_contain_text("三号楼水泵坏了谁修")
    assert lost == [200] * 10
    assert Visit.objects.filter(question="三号楼水泵坏了谁修").count() == 1
    logged = ActionLogEntry.objects.filter(verb="mentoring.visit.logged", by=basement.accounts["mentor"])
    assert logged.count() == 2


def test_what_became_of_a_step_is_told_without_a_signal(phone, basement):
    enter(phone, basement)
    phone.context.set_offline(True)
    phone.get_by_role("link", name="周兰英").click()
    phone.get_by_role("link", name="两户上门各谈一次").click()
    phone.get_by_role("button", name="写好了，发送").click()
    expect(phone.get_by_role("alert")).to_contain_text("还有没填的")
    phone.get_by_label("办成", exact=True).check()
    phone.get_by_label("备注").fill("两户都同意了")
    shoot(phone, "step-offline")
    axe(phone)
    finish(phone)
    expect(phone.get_by_role("listitem").filter(has_text="约定事项的结果")).to_contain_text("等待发送")

    phone.context.set_offline(False)

    expect(phone.get_by_role("region", name="最近几次走访")).to_contain_text("两户上门各谈一次 (办成)")
    told = FollowUp.objects.get()
    assert (told.outcome, told.note, told.by) == ("done", "两户都同意了", basement.accounts["mentor"])


def test_a_pair_that_ended_meanwhile_is_told_and_the_visit_stays_on_the_phone(phone, basement):
    enter(phone, basement)
    phone.context.set_offline(True)
    begin(phone)
    fill(phone)
    finish(phone)
    end_pair(pair_of(basement), reason="moved", note="", successor=None, by=None)
    phone.context.set_offline(False)

    expect(phone.locator(".offline-bar")).to_contain_text("要您拿主意")
    written = phone.get_by_role("listitem").filter(has_text="三号楼水泵坏了谁修")
    expect(written).to_contain_text("要您拿主意")
    written.get_by_role("link").click()
    expect(phone.get_by_role("definition").filter(has_text="先请物业当面说清")).to_be_visible()
    shoot(phone, "visit-gone")
    axe(phone)
    phone.on("dialog", lambda dialog: dialog.accept())
    phone.get_by_role("button", name="从手机里删除").click()
    expect(phone.locator(".offline-bar")).to_contain_text("填完的都已发出")
    assert Visit.objects.filter(question="三号楼水泵坏了谁修").count() == 0


def test_signing_out_wipes_all_that_the_phone_kept_after_asking(phone, basement):
    enter(phone, basement)
    phone.context.set_offline(True)
    begin(phone)
    fill(phone)
    phone.context.set_offline(False)
    asked = []
    phone.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))

    phone.get_by_text("菜单", exact=True).click()
    phone.get_by_role("button", name="退出", exact=True).click()
    phone.wait_for_url("**/")

    assert asked == ["这部手机里还有没发出的内容，现在退出就没有了。仍要退出吗？"]
    assert phone.evaluate(LEFT) == [0, 0, 0]


def test_sheets_and_visits_live_side_by_side_on_one_phone(phone, basement):
    make_assignment(basement.enrolments[3], basement.mentors[0])
    enter(phone, basement)
    phone.goto("/field/")
    expect(phone.get_by_role("link", name="王海燕")).to_be_visible()
    phone.wait_for_function(
        "async () => (await navigator.serviceWorker.ready).active.state === 'activated' && Boolean(await caches.match('/field/'))"
    )
    phone.context.set_offline(True)

    phone.goto("/visits/phone/")
    begin(phone)
    fill(phone)
    finish(phone)
    # Whoever leaves in the same moment has a draft.
    expect(phone.locator(".offline-bar")).to_contain_text("1 份已存在这部手机里")
    phone.goto("/field/")

    expect(phone.get_by_role("link", name="王海燕")).to_be_visible()
    expect(phone.get_by_role("link", name="周兰英")).to_have_count(0)
    phone.context.set_offline(False)
    # Sent from the other page: what waits is one queue.
    expect(phone.locator(".offline-bar")).to_contain_text("填完的都已发出")
    assert Visit.objects.filter(question="三号楼水泵坏了谁修").count() == 1


def test_without_script_the_page_leads_to_the_ordinary_form(phone_without_script, basement):
    sign_in(phone_without_script, basement.accounts["mentor"])

    phone_without_script.goto("/visits/phone/")
    expect(phone_without_script.get_by_role("heading", level=1)).to_have_text("手机里的走访")
    expect(phone_without_script.locator(".offline-bar")).to_be_hidden()
    shoot(phone_without_script, "visits-without-script")
    phone_without_script.get_by_role("main").get_by_role("link", name="我的结对").click()

    expect(phone_without_script.get_by_role("heading", level=1)).to_have_text("结对带教")


@pytest.mark.parametrize(("name", "screen"), [("phone", PHONE), ("desktop", DESKTOP)])
def test_the_pages_raise_no_barrier(chromium: Browser, live_server, name: str, screen: dict[str, Any]):
    basement = make_basement()
    with page_of(chromium, live_server.url, **screen) as page:
        enter(page, basement)
        shoot(page, f"visits-list-{name}")
        axe(page)
        page.get_by_role("link", name="周兰英").click()
        expect(page.get_by_role("button", name="记一次走访")).to_be_visible()
        shoot(page, f"visits-pair-{name}")
        axe(page)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0
