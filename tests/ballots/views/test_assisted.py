import re
from urllib.parse import urlencode

import pytest
from django.utils.timezone import now
from playwright.sync_api import expect

from dongliang.ballots import passes
from dongliang.ballots.models import AssistedVoice, Ballot, RevokedCard
from dongliang.ballots.queries.rounds import rounds_of
from tests.browser import axe, follow, shoot, sign_in
from tests.factories.ballots import cast, make_cast, make_code, make_projects, make_voting_world

ROLES = (
    "office subdistrict other_subdistrict department mentor other_mentor secretary other_secretary".split()
)
PAGE = "/rounds/assisted/LZ0101/"
FORM = "application/x-www-form-urlencoded"
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
    receipt = client.post(questions, urlencode(ANSWERS), content_type=FORM)["Location"]
    assert f'href="{PAGE}"' in page(client.get(receipt))

    ballot = Ballot.objects.get()
    assert (ballot.marks, ballot.channel, ballot.enrolment) == ("5403", "assisted", world.enrolments[0])
    assert "5403" not in page(client.get(PAGE))
    assert "street" in page(client.get(PAGE))


def begun(client, world):
    """The address of the questions, on a device that was handed over."""
    client.force_login(world.accounts["subdistrict"])
    return client.post(PAGE)["Location"].removesuffix("begin/")


def test_the_officer_who_has_the_device_back_changes_nothing_of_what_was_answered(client, world):
    questions = begun(client, world)
    first = client.post(questions, urlencode(ANSWERS | {"nonce": "00112233aabbccdd"}), content_type=FORM)

    looked = client.get(questions)
    changed = [
        client.post(questions, urlencode(ANSWERS | {"party_members": "1"} | more), content_type=FORM)
        for more in ({}, {"nonce": "00112233aabbccdd"})
    ]
    again = client.post(questions, urlencode(ANSWERS | {"nonce": "00112233aabbccdd"}), content_type=FORM)

    assert looked.status_code == 200
    assert "这一票已经投过了" in page(looked)
    assert 'type="radio"' not in page(looked)
    assert [response.status_code for response in changed] == [409, 409]
    assert all("刚才送出的没有存下" in page(response) for response in changed)
    assert all(f'href="{PAGE}"' in page(response) for response in [looked, *changed])
    assert (again.status_code, again["Location"]) == (303, first["Location"])
    assert [(ballot.marks, ballot.status) for ballot in Ballot.objects.all()] == [("5403", "counted")]


def test_the_receipt_is_shown_when_the_pass_is_over_too(client, world, time_machine):
    time_machine.move_to(now())
    receipt = client.post(begun(client, world), urlencode(ANSWERS), content_type=FORM)["Location"]
    time_machine.shift(2 * passes.LIFE)

    shown = client.get(receipt)

    assert shown.status_code == 200
    assert "您的评分已经计入" in page(shown)
    assert "点错了" not in page(shown)


def test_with_one_pass_one_votes_once_in_each_round(client, world):
    questions = begun(client, world)

    sent = [client.post(questions, urlencode(ANSWERS), content_type=FORM)]
    sent += [client.post(f"{questions}projects/", f"picks={pick}", content_type=FORM) for pick in (1, 2)]

    assert [response.status_code for response in sent] == [303, 303, 409]
    assert sorted(Ballot.objects.values_list("marks", "status")) == [("1", "counted"), ("5403", "counted")]


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

    expect(browser.get_by_role("heading", level=1)).to_have_text("这一票已经投过了")
    assert browser.locator("input[type=radio]").count() == 0
    shoot(browser, f"assisted-back-{screen}")
    axe(browser)
    assert Ballot.objects.count() == 1
