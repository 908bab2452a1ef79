"""A receipt from the thanks page to the published list, on a phone and on a desktop."""

import pytest
from playwright.sync_api import expect

from dongliang.ballots import codes
from dongliang.ballots.actions.publishing import publish_statement
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Ballot
from dongliang.ballots.queries.proof import last_statement
from tests.browser import axe, follow, shoot, sign_in
from tests.factories.ballots import cast, make_cast, make_rounds
from tests.factories.season import make_world


@pytest.fixture
def world(transactional_db, settings, tmp_path):
    settings.BALLOT_KEYS = tmp_path / "ballot-keys"
    return make_world()


@pytest.fixture
def receipts(world):
    """Of a ballot that was replaced, one that counts, and one that was excluded after the close."""
    rounds = make_rounds(world.season)
    first = world.enrolments[0]
    every = cast(rounds[0], *[make_cast(rounds[0], first, "5545", serial) for serial in range(1, 41)])
    cast(rounds[0], make_cast(rounds[0], first, "1111", 1))
    close_rounds(world.season, by=None)
    digest = codes.receipt_digest(season_key(world.season), every[2])
    Ballot.objects.filter(receipt=digest).update(status="excluded", exclusion="burst")
    publish_statement(world.season, by=None)
    return every


@pytest.fixture(params=["phone", "phone_without_script", "desktop"])
def page(request, receipts):
    return request.getfixturevalue(request.param)


def look_through(page, kind):
    """Nothing breaches WCAG, where axe can run, and nothing is wider than the screen."""
    if kind != "phone_without_script":
        axe(page)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0


def test_a_receipt_leads_to_its_line_and_on_to_the_whole_list(page, world, receipts, request):
    statement, kind = last_statement(world.season), request.node.callspec.id
    for place, words in ((0, "以那一次为准"), (1, "这一票算数"), (2, "短时间内")):
        page.goto(f"/v/receipt/?receipt={receipts[place]}")
        expect(page.get_by_text(words)).to_be_visible()
        expect(page.get_by_text(statement.fingerprint)).to_be_hidden()
        shoot(page, f"receipt-{place}-{kind}")
        look_through(page, kind)
    page.get_by_text("怎么知道没被人改过").click()
    expect(page.get_by_text(statement.fingerprint)).to_be_visible()
    page.get_by_text("从您这一行到根").click()
    shoot(page, f"receipt-open-{kind}")
    look_through(page, kind)

    page.get_by_role("link", name="整份清单").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("选票存证")
    shoot(page, f"proof-{kind}")
    look_through(page, kind)
    with page.expect_download() as download:
        page.get_by_role("link", name="下载全部公布内容").click()
    assert download.value.suggested_filename == "lz-2021-2.zip"


def test_the_office_opens_the_count_and_destroys_the_key(desktop, world, receipts):
    sign_in(desktop, world.accounts["office"])
    desktop.goto("/rounds/")
    follow(desktop, desktop.get_by_role("link", name="公告与密钥"))
    shoot(desktop, "statements-before")
    axe(desktop)
    follow(desktop, desktop.get_by_role("button", name="公布计票结果"))
    shoot(desktop, "statements-opened")
    axe(desktop)
    follow(desktop, desktop.get_by_role("button", name="销毁密钥"))
    shoot(desktop, "statements-unconfirmed")
    axe(desktop)
    desktop.get_by_label("年度简称").fill("lz-2021")

    desktop.get_by_role("button", name="销毁密钥").click()

    expect(desktop.get_by_text("选票密钥已销毁。")).to_be_visible()
    shoot(desktop, "statements-destroyed")
    axe(desktop)
    desktop.goto(f"/v/receipt/?receipt={receipts[1]}")
    expect(desktop.get_by_text("这一票算数")).to_be_visible()
