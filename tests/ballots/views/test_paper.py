import pytest
from django.urls import reverse
from playwright.sync_api import expect

from dongliang.ballots.actions.paper import make_batch, save_sheet, take_seat
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.models import PaperBatch, PaperSheet
from dongliang.ballots.queries.rounds import rounds_of
from tests.browser import axe, shoot, sign_in
from tests.factories.ballots import make_code, make_projects, make_voting_world

ROLES = (
    "office subdistrict other_subdistrict department mentor other_mentor secretary other_secretary".split()
)


@pytest.fixture
def world(db):
    world = make_voting_world()
    make_projects(world.season)
    return world


def make(world, *, kind="hall", sheets=2, round="secretaries"):
    return make_batch(
        rounds_of(world.season)[round],
        world.enrolments[0],
        kind=kind,
        sheets=sheets,
        by=world.accounts["office"],
    )


def page(response):
    return response.content.decode()


def at(name, batch):
    return reverse(f"ballots:{name}", args=[batch.pk])


def keyer(client, world, batch, role="office"):
    client.force_login(world.accounts[role])
    client.post(at("take", batch))
    return client


@pytest.mark.parametrize("role", ROLES)
def test_batches_are_for_the_offices_of_the_neighbourhood(client, world, role):
    batch = make(world)
    client.force_login(world.accounts[role])

    office = role in ("office", "subdistrict", "other_subdistrict")
    own = {"office": 200, "subdistrict": 200, "other_subdistrict": 404}.get(role, 403)
    assert client.get("/rounds/paper/").status_code == (200 if office else 403)
    assert client.get(at("batch", batch)).status_code == own
    assert client.post(at("take", batch)).status_code == (302 if own == 200 else own)
    assert client.get(at("key", batch)).status_code == own


def test_only_a_keyer_keys_and_only_what_is_their_own(client, world):
    batch = make(world)
    client.force_login(world.accounts["subdistrict"])
    assert client.get(at("key", batch)).status_code == 404
    assert client.post(at("key", batch), {"number": 1, "marks": "5545"}).status_code == 404
    assert client.post(at("finish", batch)).status_code == 404
    assert not PaperSheet.objects.exists()


def test_a_batch_is_begun_keyed_by_two_and_entered(client, world):
    client.force_login(world.accounts["subdistrict"])
    response = client.post(
        "/rounds/paper/",
        {"round": "secretaries", "enrolment": world.enrolments[0].pk, "kind": "hall", "sheets": 2},
    )
    batch = PaperBatch.objects.get()
    assert response["Location"] == at("batch", batch)

    for role in ("subdistrict", "office"):
        keyer(client, world, batch, role)
        for number, marks in ((1, "5 5 4 5"), (2, "*")):
            assert client.post(at("key", batch), {"number": number, "marks": marks}).status_code == 302
        said = client.post(at("finish", batch), follow=True)

    assert "两人录的全部一致，这一批已经计入。" in page(said)
    assert list(batch.round.ballots.values_list("marks", "channel", "status")) == [
        ("5545", "paper", "counted")
    ]


def test_neither_keyer_s_entries_are_shown_to_the_other(client, world):
    batch = make(world)
    keyer(client, world, batch).post(at("key", batch), {"number": 1, "marks": "5241"})
    keyer(client, world, batch, "subdistrict")

    assert not any("5241" in page(client.get(at(name, batch))) for name in ("batch", "key"))


def test_where_they_differ_the_numbers_are_told_and_not_the_entries(client, world):
    batch = make(world)
    for role, marks in (("office", "5241"), ("subdistrict", "1425")):
        keyer(client, world, batch, role)
        for number in (1, 2):
            client.post(at("key", batch), {"number": number, "marks": marks if number == 2 else "3333"})
        said = client.post(at("finish", batch), follow=True)

    assert "两人有 1 张录得不一样：第 2 张。" in page(said)
    assert not any(marks in page(said) for marks in ("5241", "1425"))
    assert 'value="2"' in page(client.get(at("key", batch)))


@pytest.mark.parametrize(
    ("marks", "sentence"),
    [
        ("", "field-wrong"),
        ("554", "应是 4 个 0 到 5 的数字"),
        ("55455", "应是 4 个 0 到 5 的数字"),
        ("5546", "应是 4 个 0 到 5 的数字"),
        ("٥٥٤٥", "应是 4 个 0 到 5 的数字"),
        ("0000", "一题都没有选的票"),
        ("\x00", "field-wrong"),
        ("5" * 61, "field-wrong"),
    ],
)
def test_marks_that_are_none_are_refused_with_a_sentence_and_not_kept(client, world, marks, sentence):
    batch = make(world)

    response = keyer(client, world, batch).post(at("key", batch), {"number": 1, "marks": marks})

    assert response.status_code == 422
    assert sentence in page(response)
    assert not PaperSheet.objects.exists()


@pytest.mark.parametrize("number", ["0", "3", "-1", "x", "", "9" * 30])
def test_a_sheet_that_the_batch_does_not_have_is_refused(client, world, number):
    batch = make(world)

    response = keyer(client, world, batch).post(at("key", batch), {"number": number, "marks": "5545"})

    assert response.status_code == 422
    assert not PaperSheet.objects.exists()


def test_a_code_is_read_typed_or_scanned_and_one_that_does_not_belong_is_refused(client, world):
    batch = make(world, kind="coded", sheets=5)
    keyer(client, world, batch)
    first, second, other = (make_code(world.enrolments[0], serial) for serial in (1, 2, 3))
    revoke_cards(world.enrolments[0], [3], reason="lost", by=None)
    cases = [
        (first.lower().replace("-", ""), 302, ""),
        (f"https://vote.example.cn/v/{second}/", 302, ""),
        (other, 422, "这张卡已作废"),
        (make_code(world.enrolments[1]), 422, "别的居村"),
        ("7K3F-9M2Q-XR4T", 422, "这不是住户码"),
        ("", 422, "这不是住户码"),
        (first, 422, "第 1 张是同一个住户码。"),
    ]

    for place, (code, status, sentence) in enumerate(cases, start=1):
        response = client.post(at("key", batch), {"number": min(place, 5), "code": code, "marks": "5545"})
        assert (response.status_code, sentence in page(response)) == (status, True), code
    assert client.post(at("key", batch), {"number": 3, "code": "*", "marks": "*"}).status_code == 302
    assert list(PaperSheet.objects.values_list("number", "marks")) == [(1, "5545"), (2, "5545"), (3, "")]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("4.1", "1,4"), ("1 4 4", "1,4"), ("6", "6"), ("7", None), ("1,2,3,4", None), (".", None), ("0", None)],
)
def test_picks_are_typed_with_whatever_sets_numbers_apart(client, world, typed, kept):
    batch = make(world, round="projects")

    response = keyer(client, world, batch).post(at("key", batch), {"number": 1, "marks": typed})

    assert response.status_code == (302 if kept else 422)
    assert list(PaperSheet.objects.values_list("marks", flat=True)) == ([kept] if kept else [])


def test_a_script_is_answered_in_json(client, world):
    batch = make(world)
    keyer(client, world, batch)
    post = lambda **data: client.post(at("key", batch), data, headers={"Accept": "application/json"})  # noqa: E731

    assert post(number=2, marks="5545").json() == {"next": 1, "left": 1}
    refused = post(number=1, marks="99")
    assert (refused.status_code, refused.json()["number"]) == (422, "1")
    assert post(number=1, marks="5545").json() == {"next": None, "left": 0}


def test_what_cannot_be_done_with_a_batch_is_said(client, world):
    batch = make(world)
    keyer(client, world, batch)
    assert "您已经是这一批的录入人之一。" in page(client.post(at("take", batch), follow=True))
    assert "还有 2 张没有录" in page(client.post(at("finish", batch), follow=True))
    assert "要两个人都录完" in page(client.post(at("enter_batch", batch), follow=True))
    client.post(at("discard_batch", batch))
    assert not PaperBatch.objects.exists()


def test_a_hall_batch_of_more_sheets_than_households_is_refused_on_the_page(client, world):
    client.force_login(world.accounts["office"])

    response = client.post(
        "/rounds/paper/",
        {"round": "secretaries", "enrolment": world.enrolments[0].pk, "kind": "hall", "sheets": 401},
    )

    assert "柳荫第一居民区共 400 户" in page(response)


def test_a_neighbourhood_out_of_reach_gets_no_batch(client, world):
    client.force_login(world.accounts["subdistrict"])

    client.post(
        "/rounds/paper/",
        {"round": "secretaries", "enrolment": world.enrolments[5].pk, "kind": "hall", "sheets": 2},
    )

    assert not PaperBatch.objects.exists()


@pytest.mark.parametrize("screen", ["phone", "desktop"])
def test_axe_finds_nothing_on_the_pages_of_paper(request, transactional_db, screen):
    world = make_voting_world()
    make_projects(world.season)
    browser = request.getfixturevalue(screen)
    sign_in(browser, world.accounts["office"])
    batch, coded = make(world), make(world, kind="coded")
    take_seat(coded, by=world.accounts["office"])

    for name, path in (
        ("batches", "/rounds/paper/"),
        ("batch", at("batch", batch)),
        ("key", at("key", coded)),
        ("print", "/rounds/paper/print/LZ0101/"),
        ("cards", "/rounds/cards/LZ0101/"),
        ("rounds", "/rounds/"),
    ):
        browser.goto(path)
        shoot(browser, f"paper-{name}-{screen}")
        axe(browser)
        assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


@pytest.mark.parametrize("script", ["desktop", "desktop_without_script"])
def test_sheets_are_keyed_by_keyboard_alone_and_survive_a_closed_browser(request, transactional_db, script):
    world = make_voting_world()
    batch = make(world, sheets=12)
    keying = take_seat(batch, by=world.accounts["office"])
    save_sheet(keying, 2, marks="3333")
    browser = request.getfixturevalue(script)
    sign_in(browser, world.accounts["office"])

    def keyed():
        return list(keying.read_sheets.order_by("number").values_list("number", "marks"))

    browser.goto(at("key", batch))
    for marks in ("5545", "9", "1111", "2222"):
        expect(browser.get_by_label("打分")).to_be_focused()
        browser.keyboard.type(marks)
        if script == "desktop":
            # Faster than the server answers.
            browser.keyboard.press("Enter")
            continue
        with browser.expect_navigation():
            browser.keyboard.press("Enter")
        if marks == "9":
            # The page says what is wrong, and keeps what was typed.
            expect(browser.get_by_role("alert").first).to_contain_text("应是 4 个 0 到 5 的数字")
            browser.get_by_label("打分").fill("")
    if script == "desktop":
        expect(browser.locator(".keying-wrong li")).to_have_count(1)
        expect(browser.locator(".keying-said")).to_contain_text("第 5 张已存下")
        assert keyed() == [(1, "5545"), (2, "3333"), (4, "1111"), (5, "2222")]
    else:
        assert keyed() == [(1, "5545"), (2, "3333"), (3, "1111"), (4, "2222")]

    # Another day, at another machine.
    browser.context.clear_cookies()
    sign_in(browser, world.accounts["office"])
    browser.goto(at("key", batch))

    expect(browser.get_by_label("张号")).to_have_value("3" if script == "desktop" else "5")
