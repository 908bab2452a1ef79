"""From a neighbourhood's poster to the questions, without cookie or script."""

import datetime
import re
from contextlib import ExitStack
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from django.test import Client

from dongliang.ballots.actions.pausing import pause_rounds
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.gateways import MOST_CALLS, place_for_a_call
from dongliang.ballots.keys import key_path
from dongliang.ballots.models import Ballot, PhoneCheck, SpentState
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.ballots.views.verification import client_address
from dongliang.common.allowances import Allowances
from tests.ballots.test_gateways import server  # noqa: F401
from tests.browser import axe, follow, shoot
from tests.factories.ballots import Outbox, make_projects, make_voting_world

ANSWERS = {"party_members": "5", "residents_follow": "4", "method": "0", "delivery": "3"}


@pytest.fixture(autouse=True)
def ways(settings):
    settings.SMS_GATEWAY = "tests.factories.ballots.Outbox"
    settings.WECHAT_APP_ID, settings.WECHAT_SECRET = "wx01", "s3cret"
    Outbox.sent.clear()
    Outbox.fails = False


@pytest.fixture
def world(db):
    world = make_voting_world()
    make_projects(world.season)
    return world


@pytest.fixture
def wechat(server, settings):  # noqa: F811
    settings.WECHAT_TOKEN = f"{server.url}/token"
    server.told = (200, {}, b'{"openid": "oABC"}')
    return server


def page(response):
    return response.content.decode()


def marks():
    return sorted(Ballot.objects.values_list("enrolment__number", "marks", "channel", "status"))


def by_phone(number="13912345678", place="LZ0101"):
    """The address of the questions, reached as WeChat's browser does: nothing is kept between two requests."""
    sent = Client(enforce_csrf_checks=True).post(f"/v/at/{place}/phone/", {"number": number})
    return Client(enforce_csrf_checks=True).post(sent["Location"], {"code": Outbox.sent[-1][1]})["Location"]


def cast_by(client, address, answers):
    """Send a page of the resident's, as a browser does."""
    return client.post(
        address, urlencode(answers, doseq=True), content_type="application/x-www-form-urlencoded"
    )


def test_the_poster_s_page_shows_the_ways_of_the_rules_that_are_set_up(client, world, settings):
    assert re.findall("<h2>([^<]+)</h2>", page(client.get("/v/at/LZ0101/"))) == [
        "用住户卡",
        "用手机号",
        "用微信",
        "没有手机",
    ]
    settings.SMS_GATEWAY = settings.WECHAT_SECRET = ""
    assert re.findall("<h2>([^<]+)</h2>", page(client.get("/v/at/LZ0101/"))) == ["用住户卡", "没有手机"]


@pytest.mark.parametrize("path", ["XX", "LZ", "lz0101", "0"])
def test_the_page_of_no_neighbourhood_says_what_to_do(client, world, path):
    for rest in ("", "phone/", "phone/x/", "wechat/"):
        response = client.get(f"/v/at/{path}/{rest}")
        assert response.status_code == 404
        assert "卡上的住户码" in page(response)


def test_a_phone_number_votes_in_both_rounds_and_its_second_vote_counts(world):
    address = by_phone()
    cast_by(Client(), address, ANSWERS)
    cast_by(Client(), f"{address}projects/", {"picks": ["1", "4"]})
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=2)):
        again = by_phone("+86 139-1234-5678")
        assert "您已经评过了" in page(Client().get(again))
        cast_by(Client(), again, ANSWERS | {"delivery": "1"})

    assert marks() == [
        (1, "1,4", "sms", "counted"),
        (1, "5401", "sms", "counted"),
        (1, "5403", "sms", "superseded"),
    ]


def test_the_receipt_after_a_phone_vote_can_be_loaded_anywhere_and_leads_on_while_the_pass_holds(world):
    browser = Client()
    receipt = cast_by(browser, by_phone(), ANSWERS)["Location"]

    own, elsewhere = page(browser.get(receipt)), page(Client().get(receipt))
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=31)):
        later = page(browser.get(receipt))

    assert all("您的评分已经计入" in text for text in (own, elsewhere, later))
    assert ['href="change/"' in text for text in (own, elsewhere, later)] == [True, False, False]
    assert "请再扫一次海报。" in elsewhere


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("", "请输入手机号。"),
        ("1391234567", "手机号是 1 开头的 11 位数字"),
        ("12912345678", "手机号是 1 开头的 11 位数字"),
        ("+1 202 555 0100", "手机号是 1 开头的 11 位数字"),
        ("１３９１２３４５６７８９", "手机号是 1 开头的 11 位数字"),
        ("\x00", "空字符"),
    ],
)
def test_a_number_that_is_none_is_refused_and_nothing_is_sent(client, world, number, sentence):
    response = client.post("/v/at/LZ0101/phone/", {"number": number})

    assert response.status_code == 422
    assert sentence in page(response)
    assert Outbox.sent == []


def test_a_number_in_full_width_is_read(client, world):
    client.post("/v/at/LZ0101/phone/", {"number": "１３９ １２３４ ５６７８"})

    assert [number for number, _code in Outbox.sent] == ["13912345678"]


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "\x00"])
def test_a_code_that_is_none_is_refused_and_costs_no_try(client, world, typed):
    sent = client.post("/v/at/LZ0101/phone/", {"number": "13912345678"})["Location"]

    assert client.post(sent, {"code": typed}).status_code == 422
    assert PhoneCheck.objects.get().tries == 0


def test_a_gateway_that_fails_and_a_wrong_code_are_told_in_a_sentence(client, world):
    Outbox.fails = True
    assert "短信没有发出去。" in page(client.post("/v/at/LZ0101/phone/", {"number": "13912345678"}))
    Outbox.fails = False
    sent = client.post("/v/at/LZ0101/phone/", {"number": "13912345679"})["Location"]
    wrong = f"{(int(Outbox.sent[-1][1]) + 1) % 10**6:06d}"
    response = client.post(sent, {"code": wrong})
    assert (response.status_code, "还可以试 4 次" in page(response)) == (422, True)


def test_the_number_stands_in_no_address_and_no_page_after_it(client, world):
    response = client.post("/v/at/LZ0101/phone/", {"number": "13912345678"})

    assert "139" not in response["Location"]
    assert "13912345678" not in page(client.get(response["Location"]))


@pytest.mark.parametrize(
    ("stop", "sentence"),
    [
        (lambda season: pause_rounds(season, by=None, reason="x"), "投票暂停一会儿。"),
        (lambda season: close_rounds(season, by=None), "投票已经结束。"),
    ],
)
def test_every_way_says_that_there_is_no_voting_now(client, world, stop, sentence):
    stop(world.season)

    for address in ("/v/at/LZ0101/", "/v/at/LZ0101/phone/", "/v/at/LZ0101/wechat/"):
        assert sentence in page(client.get(address))


def test_a_lost_key_stops_every_way_without_telling_where_it_lay(client, world):
    address = by_phone()
    key_path(world.season).unlink()

    for response in (
        client.get("/v/at/LZ0101/phone/"),
        client.post("/v/at/LZ0101/phone/", {"number": "13912345670"}),
        client.post("/v/at/LZ0101/phone/x/", {"code": "123456"}),
        client.get("/v/at/LZ0101/wechat/"),
        client.get("/v/wechat/", {"code": "c", "state": "0" * 60}),
        client.get(address),
    ):
        assert response.status_code == 503
        assert ".key" not in page(response)


def test_a_vote_sent_to_a_paused_round_is_not_taken_and_says_so(client, world):
    address = by_phone()
    pause_rounds(world.season, by=None, reason="x")

    response = cast_by(client, address, ANSWERS)

    assert response.status_code == 409
    assert "您送出时投票正在暂停，这一票没有计入" in page(response)
    assert "投票暂停" in page(client.get(address))
    assert marks() == []


def test_an_old_pass_says_to_begin_again_and_is_not_shown(client, world):
    address = by_phone()

    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=31)):
        for response in (client.get(address), cast_by(client, address, ANSWERS)):
            assert response.status_code == 404
            assert "这次验证已经过期" in page(response)
            assert address.split("/")[2] not in page(response).split("<main", 1)[1].split("</main>", 1)[0]
    assert marks() == []


def test_wechat_and_back_leads_to_a_vote_and_back_again_does_not(client, world, wechat, settings):
    settings.PUBLIC_URL = "https://vote.example.cn"

    there = urlsplit(client.get("/v/at/LZ0101/wechat/")["Location"])
    query = parse_qs(there.query)
    assert (there.netloc, there.fragment, query["redirect_uri"]) == (
        "open.weixin.qq.com",
        "wechat_redirect",
        ["https://vote.example.cn/v/wechat/"],
    )
    back = {"code": "c0de", "state": query["state"][0]}
    address = Client().get("/v/wechat/", back)["Location"]
    cast_by(Client(), address, ANSWERS)

    assert marks() == [(1, "5403", "wechat", "counted")]
    assert "这个链接用过了" in page(Client().get("/v/wechat/", back))
    assert len(wechat.asked) == 1


def test_one_openid_has_one_voice(client, world, wechat):
    for marks_given in ("3", "1"):
        state = parse_qs(urlsplit(client.get("/v/at/LZ0101/wechat/")["Location"]).query)["state"][0]
        address = client.get("/v/wechat/", {"code": "c", "state": state})["Location"]
        cast_by(client, address, ANSWERS | {"delivery": marks_given})

    assert marks() == [(1, "5401", "wechat", "counted"), (1, "5403", "wechat", "superseded")]


@pytest.mark.parametrize(
    "told", [(500, {}, b""), (200, {}, b'{"errcode": 40029}'), (200, {}, b'{"errcode": 40125}')]
)
def test_a_wechat_that_refuses_is_told_politely(client, world, wechat, told):
    wechat.told = told
    state = parse_qs(urlsplit(client.get("/v/at/LZ0101/wechat/")["Location"]).query)["state"][0]

    response = client.get("/v/wechat/", {"code": "c", "state": state})

    assert response.status_code == 200
    assert "暂时用不了" in page(response) or "微信" in page(response)
    assert "s3cret" not in page(response)


@pytest.fixture
def all_calls_under_way():
    """As many as there are places are out and have no answer yet."""
    with ExitStack() as stack:
        for _ in range(MOST_CALLS):
            stack.enter_context(place_for_a_call())
        yield


def test_while_wechat_is_slow_others_are_asked_to_wait_and_lose_no_state(client, world, wechat):
    state = parse_qs(urlsplit(client.get("/v/at/LZ0101/wechat/")["Location"]).query)["state"][0]
    with ExitStack() as stack:
        for _ in range(MOST_CALLS):
            stack.enter_context(place_for_a_call())
        waiting = client.get("/v/wechat/", {"code": "c", "state": state})
        others = client.get("/v/receipt/")
    again = client.get("/v/wechat/", {"code": "c", "state": state})

    assert (waiting.status_code, waiting["Retry-After"], others.status_code) == (503, "10", 200)
    assert "请等十秒" in page(waiting)
    assert again.status_code == 303
    assert len(wechat.asked) == 1


def test_while_the_gateway_is_slow_others_are_asked_to_wait_and_lose_no_code(
    client, world, all_calls_under_way
):
    response = client.post("/v/at/LZ0101/phone/", {"number": "13912345678"})

    assert "请等十秒" in page(response)
    assert (Outbox.sent, PhoneCheck.objects.count()) == ([], 0)


def test_voting_by_wechat_is_begun_so_often_from_one_address(client, world, wechat, monkeypatch):
    monkeypatch.setattr("dongliang.ballots.actions.wechat.starts", Allowances(2, 2 / 3600))

    told = [client.get("/v/at/LZ0101/wechat/", REMOTE_ADDR="192.0.2.1") for _ in range(3)]
    other = client.get("/v/at/LZ0101/wechat/", REMOTE_ADDR="192.0.2.2")

    assert [response.status_code for response in (*told, other)] == [302, 302, 200, 302]
    assert "开始微信投票的次数太多" in page(told[2])


@pytest.mark.parametrize("state", ["", "x", "0" * 64, "\x00", "票" * 50])
def test_a_state_that_is_none_asks_wechat_nothing(client, world, wechat, state):
    response = client.get("/v/wechat/", {"code": "c", "state": state})

    assert "重新扫一下本居村的海报" in page(response)
    assert wechat.asked == []


def test_spent_states_are_purged_when_they_are_over(client, world, wechat):
    def come_back():
        state = parse_qs(urlsplit(client.get("/v/at/LZ0101/wechat/")["Location"]).query)["state"][0]
        client.get("/v/wechat/", {"code": "c", "state": state})

    come_back()
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=11)):
        come_back()

    assert SpentState.objects.count() == 1


def test_the_sender_s_address_is_what_the_nearest_proxy_says_and_only_behind_one(rf, settings):
    request = rf.get("/", HTTP_X_FORWARDED_FOR="203.0.113.9, 198.51.100.7", REMOTE_ADDR="10.0.0.1")

    settings.TRUSTED_PROXIES = 0
    assert client_address(request) == "10.0.0.1"
    settings.TRUSTED_PROXIES = 1
    assert client_address(request) == "198.51.100.7"


@pytest.mark.parametrize("screen", ["phone", "desktop"])
def test_from_the_poster_to_the_receipt_by_phone_number(
    request, transactional_db, screen, settings, tmp_path
):
    world = make_voting_world()
    make_projects(world.season)
    browser = request.getfixturevalue(screen)

    browser.goto("/v/at/LZ0101/")
    shoot(browser, f"verification-here-{screen}")
    axe(browser)
    follow(browser, browser.get_by_role("link", name="用手机号投票"))
    shoot(browser, f"verification-phone-{screen}")
    axe(browser)
    browser.get_by_label("您的手机号").fill("139 1234 5678")
    follow(browser, browser.get_by_role("button", name="发验证码"))
    shoot(browser, f"verification-code-{screen}")
    axe(browser)
    browser.get_by_label("短信里的 6 位数字").fill(Outbox.sent[-1][1])
    browser.get_by_role("button", name="下一步").click()
    for question in range(4):
        browser.get_by_role("group").nth(question).get_by_role("radio", name="很好", exact=True).check()
    browser.get_by_role("button", name="送出").click()
    browser.get_by_role("heading", level=1).filter(has_text="收到了").wait_for()

    assert list(rounds_of(world.season)["secretaries"].ballots.values_list("marks", "channel")) == [
        ("5555", "sms")
    ]
