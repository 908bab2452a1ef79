"""A resident with a phone: from the code on the card to the receipt's check."""

import re

import pytest
from playwright.sync_api import expect

from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.models import Round
from dongliang.ballots.queries.coverage import tally
from tests.browser import axe, shoot
from tests.factories.ballots import cast, make_cast, make_code, make_projects, make_rounds
from tests.factories.season import make_world

QUESTIONS = ("party_members", "residents_follow", "method", "delivery")


@pytest.fixture
def world(transactional_db, settings, tmp_path):
    settings.BALLOT_KEYS = tmp_path / "ballot-keys"
    world = make_world()
    make_projects(world.season)
    return world


@pytest.fixture
def rounds(world):
    return make_rounds(world.season)


@pytest.fixture
def code(world, rounds):
    return make_code(world.enrolments[0])


@pytest.fixture(params=["phone", "phone_without_script"])
def page(request, rounds):
    return request.getfixturevalue(request.param)


def answer(page, question, word):
    page.get_by_role("group").nth(question - 1).get_by_role("radio", name=word, exact=True).check()


def send(page):
    page.get_by_role("button", name="送出").click()


def test_from_the_card_to_the_receipt_s_check_and_on_to_the_projects(page, rounds, code):
    page.goto(f"/v/{code}/")
    for question, word in enumerate(("很好", "较好", "说不清", "很差"), start=1):
        answer(page, question, word)
    send(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("收到了，谢谢您！")
    receipt = page.locator(".receipt-code").inner_text()
    page.reload()
    assert tally(rounds[0]) == [(1, "5401", 1)]

    page.get_by_role("link", name="去选项目").click()
    page.get_by_role("checkbox").first.check()
    page.locator("summary").first.click()
    page.locator("details[open] input").first.check()
    send(page)
    expect(page.get_by_text("您选的项目已经计入")).to_be_visible()
    [(number, marks, count)] = tally(rounds[1])
    assert (number, count, len(marks.split(","))) == (1, 1, 2)

    page.goto("/v/receipt/")
    page.get_by_label("回执上的码").fill(receipt.lower())
    page.get_by_role("button", name="查一查").click()
    expect(page.get_by_text("这一票算数。")).to_be_visible()


def test_a_code_typed_from_the_card_leads_to_the_questions(page, code):
    page.goto("/v/")
    page.get_by_label("卡上的住户码").fill(code.lower().replace("-", " "))
    page.get_by_role("button", name="下一步").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("请您评一评周兰英书记")


def test_missing_answers_are_pointed_out_and_what_was_tapped_stays(page, rounds, code):
    page.goto(f"/v/{code}/")
    answer(page, 1, "一般")
    answer(page, 4, "很好")
    send(page)

    expect(page.get_by_role("alert").first).to_contain_text("还有 2 题没有选")
    page.get_by_role("alert").first.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("#q2$"))
    answer(page, 2, "较差")
    answer(page, 3, "说不清")
    send(page)
    expect(page.get_by_text("您的评分已经计入")).to_be_visible()
    assert tally(rounds[0]) == [(1, "3205", 1)]


def test_a_mark_is_changed_before_sending_by_tapping_another(page, rounds, code):
    page.goto(f"/v/{code}/")
    for question in range(1, 5):
        answer(page, question, "很差")
    answer(page, 2, "很好")
    send(page)

    expect(page.get_by_text("您的评分已经计入")).to_be_visible()
    assert tally(rounds[0]) == [(1, "1511", 1)]


def test_answers_can_be_given_by_keyboard_alone(phone, rounds, code):
    phone.goto(f"/v/{code}/")
    for name in QUESTIONS:
        phone.locator(f"input[name={name}]").first.focus()
        phone.keyboard.press("Space")
        phone.keyboard.press("ArrowRight")
    phone.get_by_role("button", name="送出").focus()
    phone.keyboard.press("Enter")

    expect(phone.get_by_text("您的评分已经计入")).to_be_visible()
    assert tally(rounds[0]) == [(1, "4444", 1)]


def test_with_script_the_page_counts_what_is_left(phone, code):
    phone.goto(f"/v/{code}/")
    status = phone.get_by_role("status")
    expect(status).to_have_text("还差 4 题")
    for question in range(1, 4):
        answer(phone, question, "较好")
    expect(status).to_have_text("还差 1 题")
    answer(phone, 4, "较好")
    expect(status).to_have_text("都答好了，可以送出")


def test_with_script_the_page_counts_the_picks_and_says_what_is_too_many(phone, code):
    phone.goto(f"/v/{code}/projects/")
    status = phone.get_by_role("status")
    expect(status).to_have_text("已选 0 / 3")
    for summary in phone.locator("summary").all():
        summary.click()
    for box in phone.get_by_role("checkbox").all()[:4]:
        box.check()
    expect(status).to_have_text("已选 4 个，最多 3 个，请去掉 1 个")


def test_with_script_a_second_tap_sends_nothing_more(phone, rounds, code):
    phone.goto(f"/v/{code}/")
    for question in range(1, 5):
        answer(phone, question, "较好")
    phone.evaluate("const b = document.querySelector('.send button'); b.click(); b.click(); b.click()")

    expect(phone.get_by_text("您的评分已经计入")).to_be_visible()
    assert rounds[0].ballots.count() == 1


def test_with_script_one_can_go_back_and_send_again(phone, rounds, code):
    phone.goto(f"/v/{code}/")
    for question in range(1, 5):
        answer(phone, question, "较好")
    send(phone)
    expect(phone.get_by_text("您的评分已经计入")).to_be_visible()
    phone.go_back()
    for question in range(1, 5):
        answer(phone, question, "很差")
    send(phone)

    expect(phone.get_by_text("您的评分已经计入")).to_be_visible()
    assert tally(rounds[0]) == [(1, "1111", 1)]


def test_all_answers_are_cleared_before_sending(page, rounds, code):
    page.goto(f"/v/{code}/")
    for question in range(1, 5):
        answer(page, question, "很差")
    page.get_by_role("button", name="全部清除").click()

    assert page.locator("input:checked").count() == 0
    send(page)
    expect(page.get_by_role("alert").first).to_contain_text("还有 4 题没有选")
    assert rounds[0].ballots.count() == 0


def test_an_answer_is_changed_from_the_receipt_s_page(page, rounds, code):
    page.goto(f"/v/{code}/")
    for question in range(1, 5):
        answer(page, question, "很差")
    send(page)
    page.get_by_role("link", name="改一改我的回答").click()
    expect(page.get_by_text("您家已经评过了")).to_be_visible()
    for question in range(1, 5):
        answer(page, question, "很好")
    send(page)

    expect(page.get_by_text("您的评分已经计入")).to_be_visible()
    assert tally(rounds[0]) == [(1, "5555", 1)]


def test_large_type_stays_from_page_to_page_without_a_cookie(page, code):
    page.goto(f"/v/{code}/")
    page.get_by_role("link", name="大字").click()
    expect(page.locator("html")).to_have_attribute("data-type", "large")
    page.context.clear_cookies()
    for question in range(1, 5):
        answer(page, question, "较好")
    send(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("收到了，谢谢您！")
    expect(page.locator("html")).to_have_attribute("data-type", "large")


def test_with_script_the_type_grows_and_no_answer_is_lost(phone, code):
    phone.goto(f"/v/{code}/")
    answer(phone, 1, "很好")
    phone.get_by_role("link", name="大字").click()

    expect(phone.locator("html")).to_have_attribute("data-type", "large")
    assert phone.locator("input:checked").count() == 1
    phone.reload()
    expect(phone.locator("html")).to_have_attribute("data-type", "large")


def test_with_script_the_language_changes_and_no_answer_is_lost(phone, rounds, code):
    phone.goto(f"/v/{code}/")
    for question, word in enumerate(("很好", "较好", "一般"), start=1):
        answer(phone, question, word)
    phone.get_by_role("link", name="English").click()

    expect(phone.get_by_role("status")).to_have_text("1 still to answer")
    answer(phone, 4, "poor")
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_text("Your rating counts.")).to_be_visible()
    assert tally(rounds[0]) == [(1, "5432", 1)]
    assert phone.evaluate("sessionStorage.length") == 0
    phone.goto(f"/v/{code}/")
    assert phone.locator("input:checked").count() == 0


def test_with_script_the_language_changes_and_no_pick_is_lost(phone, rounds, code):
    phone.goto(f"/v/{code}/projects/")
    phone.locator("summary").first.click()
    phone.locator("details[open] input").first.check()
    phone.get_by_role("link", name="繁體中文").click()

    expect(phone.get_by_role("status")).to_have_text("已選 1 / 3")
    expect(phone.locator("details[open] input:checked")).to_be_visible()


def test_the_receipt_s_address_passed_on_shows_the_receipt_and_leads_to_no_ballot(page, rounds, code):
    page.goto(f"/v/{code}/")
    for question in range(1, 5):
        answer(page, question, "很好")
    send(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("收到了，谢谢您！")
    assert code not in page.url
    assert code not in page.content()

    page.context.clear_cookies()
    page.reload()

    expect(page.get_by_text("您的评分已经计入")).to_be_visible()
    expect(page.get_by_role("link", name="改一改我的回答")).to_have_count(0)
    expect(page.get_by_text("请再扫一次您的卡。").first).to_be_visible()
    shoot(page, "resident-thanks-passed-on")


def test_the_page_is_read_aloud_where_the_browser_can(phone, code):
    phone.add_init_script(
        """window.said = [];
        Object.defineProperty(window, "speechSynthesis", {value: {
          cancel: function () {}, speak: function (words) { window.said.push([words.lang, words.text]); }}});
        window.SpeechSynthesisUtterance = function (text) { this.text = text; };"""
    )
    phone.goto(f"/v/{code}/")
    phone.get_by_role("button", name="读给我听").click()

    said = phone.evaluate("window.said")
    assert said[0] == ["zh-CN", "请您评一评周兰英书记"]
    assert sum(text == "很好" for _language, text in said) == 4
    expect(phone.get_by_role("button", name="停止朗读")).to_be_visible()


def test_where_the_browser_cannot_read_aloud_no_button_says_so(phone, code):
    phone.add_init_script('Object.defineProperty(window, "speechSynthesis", {value: undefined});')
    phone.goto(f"/v/{code}/")

    expect(phone.get_by_role("button", name="读给我听")).to_be_hidden()


def pages(world, rounds, code):
    """Every page a resident may meet, by name: its address."""
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "5555", 7))
    return {
        "enter": "/v/",
        "rate": f"/v/{code}/",
        "pick": f"/v/{code}/projects/",
        "thanks": f"/v/thanks/{receipt}/",
        "receipt": f"/v/receipt/?receipt={receipt}",
        "receipt-unknown": "/v/receipt/?receipt=0000000000",
        "receipt-empty": "/v/receipt/?receipt=",
        "unknown-code": "/v/7K3F-9M2Q-XR4T/",
    }


SMALLEST = """() => {
  const sizes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const holder = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() && !holder.closest("script, style, noscript, svg") && holder.checkVisibility()) {
      sizes.push([parseFloat(getComputedStyle(holder).fontSize), walker.currentNode.data.trim()]);
    }
  }
  return sizes.sort((one, other) => one[0] - other[0])[0];
}"""


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_no_type_is_smaller_than_18_px(phone, world, rounds, code, width):
    phone.set_viewport_size({"width": width, "height": 800})

    smallest = {}
    for name, address in pages(world, rounds, code).items():
        phone.goto(address)
        smallest[name] = phone.evaluate(SMALLEST)

    assert {name: found for name, found in smallest.items() if found[0] < 18} == {}


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_axe_finds_nothing_on_any_page(request, world, rounds, code, size):
    page = request.getfixturevalue(size)
    for name, address in pages(world, rounds, code).items():
        page.goto(address)
        axe(page)
        shoot(page, f"resident-{name}-{size}")
    for rest in ("", "projects/"):
        page.goto(f"/v/{code}/{rest}")
        send(page)
        expect(page.get_by_role("alert").first).to_be_visible()
        axe(page)
    page.goto(f"/v/{code}/projects/")
    for summary in page.locator("summary").all():
        summary.click()
    axe(page)
    Round.objects.update(state=Round.State.PAUSED)
    page.goto(f"/v/{code}/")
    axe(page)
    Round.objects.update(state=Round.State.OPEN)
    close_rounds(world.season, by=None)
    page.goto(f"/v/{code}/")
    axe(page)


def test_nothing_runs_out_of_a_small_phone_in_large_type(phone, world, rounds, code):
    phone.set_viewport_size({"width": 320, "height": 640})
    phone.context.add_cookies([{"name": "type_size", "value": "large", "domain": "localhost", "path": "/"}])
    for address in pages(world, rounds, code).values():
        phone.goto(address)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 320, address
