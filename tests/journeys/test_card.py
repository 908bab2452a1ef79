"""One household's voice, from the printed card to the receipt's check after the close. Every square is read as a phone does."""

import pypdfium2
import pytest
import zxingcpp
from playwright.sync_api import expect

from dongliang.ballots.actions.publishing import publish_statement
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.queries.coverage import tally
from tests.browser import shoot, sign_in
from tests.factories.ballots import make_rounds
from tests.factories.season import make_world


@pytest.fixture
def world(transactional_db, settings, tmp_path):
    settings.BALLOT_KEYS = tmp_path / "ballot-keys"
    return make_world()


@pytest.fixture(params=["phone", "phone_without_script"])
def page(request, world):
    return request.getfixturevalue(request.param)


def printed_cards(office, world, count):
    """The sheet as the office prints it, and the addresses in its squares."""
    sign_in(office, world.accounts["office"])
    office.goto(f"/rounds/cards/{world.enrolments[0].organisation.code}/")
    office.locator("[name=from]").fill("1")
    office.locator("[name=count]").fill(str(count))
    with office.expect_download() as download:
        office.locator("form:has([name=from]) button").click()
    return squares(download.value.path())


def squares(document):
    """What the squares on a printed page say."""
    [sheet] = pypdfium2.PdfDocument(document)
    return [square.text for square in zxingcpp.read_barcodes(sheet.render(scale=4).to_numpy())]


def test_from_the_printed_card_to_the_receipt_s_check_after_the_close(
    desktop, page, world, tmp_path, request
):
    rounds = make_rounds(world.season)
    addresses = printed_cards(desktop, world, 3)
    assert len(set(addresses)) == 3

    page.goto(addresses[0])
    for question, word in enumerate(("很好", "很好", "较好", "一般")):
        page.get_by_role("group").nth(question).get_by_role("radio", name=word, exact=True).check()
    page.get_by_role("button", name="送出").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("收到了，谢谢您！")
    [receipt] = squares(page.pdf(path=tmp_path / "receipt.pdf", width="390px", height="3000px"))

    close_rounds(world.season, by=None)
    publish_statement(world.season, by=None)

    page.goto(receipt)
    expect(page.get_by_text("这一票算数")).to_be_visible()
    shoot(page, f"card-to-check-{request.node.callspec.id}")
    assert tally(rounds[0]) == [(1, "5543", 1)]
    page.goto(addresses[1])
    expect(page.get_by_role("button", name="送出")).to_have_count(0)
