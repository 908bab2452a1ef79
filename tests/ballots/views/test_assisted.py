import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from dongliang.ballots.models import AssistedVoice, Ballot, RevokedCard
from dongliang.ballots.queries.rounds import rounds_of
from tests.browser import axe, follow, shoot, sign_in
from tests.factories.ballots import cast, make_cast, make_code, make_projects, make_voting_world

ROLES = (
    "office subdistrict other_subdistrict department mentor other_mentor secretary other_secretary".split()
)
PAGE = "/rounds/assisted/LZ0101/"
ANSWERS = {"party_members": "5", "residents_follow": "4", "method": "0", "delivery": "3"}


@pytest.fixture
def world(db):
    world = make_voting_world()
    make_projects(world.season)
    return world


def page(response):
    return response.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_only_the_offices_of_the_neighbourhood_help(client, world, role):
    client.force_login(world.accounts[role])

    allowed = role in ("office", "subdistrict")
    refused = 404 if role == "other_subdistrict" else 403
    assert client.get(PAGE).status_code == (200 if allowed else refused)
    assert client.post(PAGE).status_code == (303 if allowed else refused)
    assert AssistedVoice.objects.count() == allowed


def test_the_resident_votes_on_the_officer_s_device_and_the_officer_sees_only_that(client, world):
    client.force_login(world.accounts["subdistrict"])

    handed = client.post(PAGE)["Location"]
    assert "请把平板交给居民" in page(client.get(handed))
    questions = re.search(r'href="(/v/p\.[^"]+/)"', page(client.get(handed)))[1]
    receipt = client.post(questions, urlencode(ANSWERS), content_type="application/x-www-form-urlencoded")[
        "Location"
    ]
    assert f'href="{PAGE}"' in page(client.get(receipt))

    ballot = Ballot.objects.get()
    assert (ballot.marks, ballot.channel, ballot.enrolment) == ("5403", "assisted", world.enrolments[0])
    assert "5403" not in page(client.get(PAGE))
    assert "street" in page(client.get(PAGE))


def test_a_card_typed_with_it_is_revoked_and_a_wrong_one_is_refused(client, world):
    secretaries = rounds_of(world.season)["secretaries"]
    cast(secretaries, make_cast(secretaries, world.enrolments[0]))
    client.force_login(world.accounts["subdistrict"])

    wrong = client.post(PAGE, {"card": "7K3F-9M2Q-XR4T"}, follow=True)
    right = client.post(PAGE, {"card": make_code(world.enrolments[0])})

    assert "这不是柳荫第一居民区的卡。" in page(wrong)
    assert right.status_code == 303
    assert RevokedCard.objects.get().serial == 1
    assert AssistedVoice.objects.count() == 1


def test_a_hand_over_page_is_for_assisted_passes_only(client, world):
    for code in (make_code(world.enrolments[0]), "p." + "A" * 52, "x"):
        response = client.get(f"/v/{code}/begin/")
        assert "请把平板交给居民" not in page(response)


@pytest.mark.parametrize("screen", ["phone", "desktop"])
def test_going_back_on_the_device_shows_no_answer(request, transactional_db, screen):
    world = make_voting_world()
    make_projects(world.season)
    browser = request.getfixturevalue(screen)
    sign_in(browser, world.accounts["subdistrict"])
    browser.goto(PAGE)
    shoot(browser, f"assisted-{screen}")
    axe(browser)
    follow(browser, browser.get_by_role("button", name="开始，然后把平板交给居民"))
    shoot(browser, f"assisted-hand-over-{screen}")
    axe(browser)
    browser.get_by_role("link", name="我是居民，开始").click()
    for question in range(4):
        browser.get_by_role("group").nth(question).get_by_role("radio", name="很差", exact=True).check()
    browser.get_by_role("button", name="送出").click()
    expect(browser.get_by_text("请把平板交还给工作人员")).to_be_visible()
    shoot(browser, f"assisted-receipt-{screen}")
    axe(browser)

    browser.go_back()

    expect(browser.locator("input[type=radio]").first).to_be_attached()
    assert browser.locator("input[type=radio]:checked").count() == 0
    assert Ballot.objects.count() == 1
