import logging
import re
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from dongliang.ballots import codes
from dongliang.ballots.actions.rounds import close_rounds, prepare_rounds
from dongliang.ballots.intake import pages, wishes
from dongliang.ballots.keys import key_path
from dongliang.ballots.models import Ballot
from dongliang.ballots.queries.coverage import tally
from tests.factories.ballots import cast, make_cast, make_code, make_projects, make_rounds
from tests.factories.season import make_world

ANSWERS = {"party_members": "5", "residents_follow": "4", "method": "0", "delivery": "3"}


@pytest.fixture
def world(db):
    world = make_world()
    make_projects(world.season)
    return world


@pytest.fixture
def rounds(world):
    return make_rounds(world.season)


@pytest.fixture
def code(world, rounds):
    return make_code(world.enrolments[0])


FORM = "application/x-www-form-urlencoded"


def page(response):
    return response.content.decode()


def send(client, address, fields, **more):
    """Send a form as browsers do."""
    return client.post(address, urlencode(fields, doseq=True), content_type=FORM, **more)


def test_the_poster_s_page_asks_for_the_code_and_leads_to_the_questions(client, code):
    assert client.get("/v/").status_code == 200

    response = send(client, "/v/", {"code": f" {code.lower().replace('-', ' ')} "})

    assert (response.status_code, response["Location"]) == (303, f"/v/{code}/")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "请输入卡上的码。"),
        ("7K3F-9M2Q", "码一共 12 位，您输入了 8 位。"),
        ("7K3F-9M2Q-XR4T", "没有这个码。请对照卡片，一位一位核对。"),
        ("票" * 100, "80"),
    ],
)
def test_a_code_that_is_none_is_refused_with_a_sentence(client, rounds, typed, sentence):
    response = send(client, "/v/", {"code": typed})

    assert response.status_code == 422
    assert sentence in page(response)


def test_the_questions_name_secretary_and_neighbourhood_and_the_code_is_in_no_title(client, world, code):
    response = client.get(f"/v/{code}/")

    assert response.status_code == 200
    unbroken = page(response).replace('</span><span class="phrase">', "")
    assert all(
        text in unbroken
        for text in (
            "周兰英",
            "柳荫第一居民区",
            *(str(each.question) for each in world.season.rules.indicators),
        )
    )
    assert code not in re.search("<title>(.*)</title>", page(response))[1]


def test_a_code_in_the_address_is_read_however_it_is_typed(client, code):
    assert client.get(f"/v/{code.lower().replace('-', '')}/").status_code == 200


@pytest.mark.parametrize(
    "path", ["7K3F-9M2Q-XR4T", "0", "%00", "%F0%9F%98%80", "..%2e", "%ff%fe", "A" * 3000, "' OR 1=1 --"]
)
@pytest.mark.parametrize("rest", ["", "projects/"])
def test_an_address_without_a_code_says_what_to_do(client, rounds, path, rest):
    response = client.get(f"/v/{path}/{rest}")

    assert response.status_code == 404
    assert "请到居委会或村委会领一张新卡" in page(response)


def test_a_rating_is_stored_and_leads_to_a_receipt_that_can_be_loaded_again(client, world, rounds, code):
    response = send(client, f"/v/{code}/", ANSWERS)

    assert response.status_code == 303
    for _load in range(2):
        receipt = client.get(response["Location"])
        assert receipt.status_code == 200
        assert "您的评分已经计入" in page(receipt)
    assert tally(rounds[0]) == [(1, "5403", 1)]
    assert Ballot.objects.count() == 1


def test_a_second_rating_with_one_code_is_announced_and_replaces_the_first(client, rounds, code):
    first = send(client, f"/v/{code}/", ANSWERS)["Location"]

    assert "您家已经评过了" in page(client.get(f"/v/{code}/"))
    send(client, f"/v/{code}/", ANSWERS | {"delivery": "1"})

    assert "已被替换" in page(client.get(first))
    assert tally(rounds[0]) == [(1, "5401", 1)]


def test_the_receipt_s_page_holds_nothing_that_votes_neither_in_its_address_nor_in_its_text(
    client, rounds, code
):
    sent = send(client, f"/v/{code}/", ANSWERS)

    receipt = client.get(sent["Location"])

    assert re.fullmatch("/v/thanks/[0-9A-Z]{5}-[0-9A-Z]{5}/", sent["Location"])
    assert code not in page(receipt)
    assert codes.normalised(code) not in page(receipt)
    cookie = sent.cookies["voted_with"]
    assert {name: cookie[name] for name in ("path", "httponly", "samesite", "max-age")} == {
        "path": "/v/thanks/",
        "httponly": True,
        "samesite": "Lax",
        "max-age": 1800,
    }


def links(response):
    """The links within a page that lead on from it."""
    return re.findall('href="(change/|projects/)"', page(response))


def test_the_browser_that_voted_is_led_on_from_the_receipt_s_page(client, rounds, code):
    rated = send(client, f"/v/{code}/", ANSWERS)["Location"]
    assert links(client.get(rated)) == ["change/", "projects/"]
    assert client.get(f"{rated}change/")["Location"] == f"/v/{code}/"
    assert client.get(f"{rated}projects/?size=large")["Location"] == f"/v/{code}/projects/?size=large"

    picked = send(client, f"/v/{code}/projects/", {"picks": ["1"]})["Location"]

    assert links(client.get(picked)) == ["change/"]
    assert client.get(f"{picked}change/")["Location"] == f"/v/{code}/projects/"


def test_whoever_is_sent_the_receipt_s_address_cannot_vote_with_it(client, rounds, code):
    rated = send(client, f"/v/{code}/", ANSWERS)["Location"]
    other = Client()

    receipt = other.get(rated)

    assert receipt.status_code == 200
    assert "您的评分已经计入" in page(receipt)
    assert links(receipt) == []
    assert page(receipt).count("请再扫一次您的卡。") == 2
    assert [other.get(f"{rated}{rest}")["Location"] for rest in ("change/", "projects/")] == ["/v/", "/v/"]


def test_of_two_households_on_one_phone_neither_is_led_to_the_other_s_ballot(client, world, code):
    first = send(client, f"/v/{code}/", ANSWERS)["Location"]
    neighbour = make_code(world.enrolments[0], 2)
    second = send(client, f"/v/{neighbour}/", ANSWERS)["Location"]

    assert links(client.get(first)) == []
    assert client.get(f"{first}change/")["Location"] == "/v/"
    assert client.get(f"{second}change/")["Location"] == f"/v/{neighbour}/"


@pytest.mark.parametrize("brought", ["7K3F-9M2Q-XR4T", "p." + "A" * 52, "x", "-"])
def test_a_browser_that_brings_nonsense_is_told_the_receipt_and_no_more(client, rounds, code, brought):
    rated = send(client, f"/v/{code}/", ANSWERS)["Location"]
    other = Client(headers={"cookie": f"voted_with={brought}"})

    assert links(other.get(rated)) == []
    assert other.get(f"{rated}change/")["Location"] == "/v/"


def test_the_address_that_a_receipt_s_page_had_once_leads_to_it(client, rounds, code):
    assert client.get(f"/v/{code}/thanks/8WQ2M-4KX7P/")["Location"] == "/v/thanks/8WQ2M-4KX7P/"


def test_missing_answers_are_listed_with_links_and_what_was_tapped_is_kept(client, code):
    response = send(client, f"/v/{code}/", {"party_members": "5", "delivery": "2"})

    assert response.status_code == 422
    assert re.findall('href="#(q.)"', page(response)) == ["q2", "q3"]
    assert re.findall('name="(\\w+)" value="(.)" checked', page(response)) == [
        ("party_members", "5"),
        ("delivery", "2"),
    ]
    assert Ballot.objects.count() == 0


def test_a_rating_that_says_nothing_at_all_is_not_taken(client, code):
    response = send(client, f"/v/{code}/", dict.fromkeys(ANSWERS, "0"))

    assert response.status_code == 422
    assert "每一题都是“说不清”" in page(response)
    assert Ballot.objects.count() == 0


@pytest.mark.parametrize(
    "value", ["6", "-1", "5.0", "５", "05", " 5", "", "很好", "9" * 1000, "<script>", "٥"]
)
def test_an_answer_that_is_none_is_not_taken(client, code, value):
    response = send(client, f"/v/{code}/", ANSWERS | {"method": value})

    assert response.status_code == 422
    assert 'id="e3"' in page(response)
    assert Ballot.objects.count() == 0


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"method": 5}'),
        ("text/plain", b"method=5"),
        ("", b"method=5"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=\xff", b"\xff"),
        ("application/x-www-form-urlencoded; charset=no-such", b"method=5"),
        ("application/x-www-form-urlencoded", b"%ff%fe=%00&&&=;=%"),
        ("application/x-www-form-urlencoded", b"&".join(b"x%d=1" % n for n in range(2000))),
        ("application/x-www-form-urlencoded", b"method=" + b"5" * 3_000_000),
        ("application/x-www-form-urlencoded", b"method=" + b"5" * 9_000),
        ("application/x-www-form-urlencoded", b"method=5&method=5"),
        ("application/x-www-form-urlencoded", b"nonce=1&nonce=2"),
        ("application/x-www-form-urlencoded", b"method=5%00"),
        ("application/x-www-form-urlencoded", b"method=%E7%A5"),
        ("application/x-www-form-urlencoded", b"method=%zz"),
        ("application/x-www-form-urlencoded", b"method=\xff"),
        ("application/x-www-form-urlencoded", b"method"),
        ("application/x-www-form-urlencoded", b"csrfmiddlewaretoken=5"),
    ],
)
@pytest.mark.parametrize("rest", ["", "projects/"])
def test_a_body_that_is_no_ballot_is_answered_with_a_sentence(client, code, rest, content_type, body):
    response = client.generic("POST", f"/v/{code}/{rest}", body, content_type)

    assert response.status_code in (400, 413, 415)
    assert "这一次没有存下任何东西" in page(response)
    assert Ballot.objects.count() == 0


class AnyBytes(TestCase):
    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.binary(max_size=200),
        st.sampled_from(
            ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/html"]
        ),
        st.sampled_from(["", "projects/"]),
    )
    def test_are_answered_without_a_server_error(self, body, content_type, rest):
        if not hasattr(self, "code"):
            world = make_world()
            make_projects(world.season)
            make_rounds(world.season)
            type(self).code = make_code(world.enrolments[0])

        response = self.client.generic("POST", f"/v/{self.code}/{rest}", body, content_type)

        assert response.status_code in (303, 400, 404, 415, 422)

    def tearDown(self):
        if hasattr(type(self), "code"):
            del type(self).code


def picks(response):
    return [int(number) for number in re.findall('name="picks" value="(\\d+)"', page(response))]


def test_projects_stand_with_one_s_own_first_and_the_others_in_a_stable_order_of_one_s_own(
    client, world, rounds
):
    orders = []
    for serial in range(1, 7):
        address = f"/v/{make_code(world.enrolments[2], serial)}/projects/"
        order = picks(client.get(address))
        assert order == picks(client.get(address))
        orders.append(tuple(order))

    assert {order[0] for order in orders} == {3}
    assert {tuple(sorted(order)) for order in orders} == {(1, 2, 3, 4, 5, 6)}
    assert len(set(orders)) > 1


def test_picks_are_stored_by_number_in_rising_order(client, rounds, code):
    response = send(client, f"/v/{code}/projects/", {"picks": ["4", "1", "4"]})

    assert response.status_code == 303
    assert "您选的项目已经计入" in page(client.get(response["Location"]))
    assert tally(rounds[1]) == [(1, "1,4", 1)]


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ([], "您选了 0 个，请选 1 到 3 个。"),
        (["1", "2", "3", "4"], "您选了 4 个，请选 1 到 3 个。"),
        (["7"], "有一个不在名单上"),
        (["0"], "有一个不在名单上"),
        (["-1"], "有一个不在名单上"),
        (["１"], "有一个不在名单上"),
        (["1,2"], "有一个不在名单上"),
        (["9" * 2000], "有一个不在名单上"),
    ],
)
def test_picks_that_are_none_are_not_taken(client, code, chosen, sentence):
    response = send(client, f"/v/{code}/projects/", {"picks": chosen})

    assert response.status_code == 422
    assert sentence in page(response)
    assert Ballot.objects.count() == 0


def test_picks_are_kept_and_their_category_stays_open_when_something_is_wrong(client, code):
    response = send(client, f"/v/{code}/projects/", {"picks": ["1", "2", "3", "4"]})

    assert sorted(re.findall('value="(\\d)" checked', page(response))) == ["1", "2", "3", "4"]
    assert page(response).count("<details open>") == 3


def test_a_project_of_somebody_without_one_cannot_be_picked(client, world, code):
    world.enrolments[3].first_thing.delete()

    assert 4 not in picks(client.get(f"/v/{code}/projects/"))
    assert send(client, f"/v/{code}/projects/", {"picks": ["4"]}).status_code == 422


def test_without_any_project_the_page_says_so_and_no_receipt_invites_to_it(client, db):
    world = make_world()
    make_rounds(world.season)
    code = make_code(world.enrolments[0])

    assert "还没有可选的项目" in page(client.get(f"/v/{code}/projects/"))
    thanks = client.get(send(client, f"/v/{code}/", ANSWERS)["Location"])
    assert "去选项目" not in page(thanks)


@pytest.mark.parametrize("rest", ["", "projects/"])
def test_before_the_rounds_open_the_card_is_confirmed_and_nothing_is_taken(client, world, rest):
    prepare_rounds(world.season, by=None)
    address = f"/v/{make_code(world.enrolments[0])}/{rest}"

    assert client.get(address).status_code == 200
    assert "投票还没有开始" in page(client.get(address))
    assert send(client, address, ANSWERS | {"picks": "1"}).status_code == 409
    assert Ballot.objects.count() == 0


@pytest.mark.parametrize("rest", ["", "projects/"])
def test_after_the_close_nothing_is_taken_and_the_receipt_is_pointed_to(client, world, code, rest):
    close_rounds(world.season, by=None)
    address = f"/v/{code}/{rest}"

    assert client.get(address).status_code == 200
    assert reverse("ballots:receipt") in page(client.get(address))
    response = send(client, address, ANSWERS | {"picks": "1"})
    assert response.status_code == 409
    assert "这一票没有计入" in page(response)
    assert Ballot.objects.count() == 0


def test_a_round_that_closes_while_somebody_chooses_takes_nothing(client, world, code, monkeypatch):
    def close_first(*args, **kwargs):
        close_rounds(world.season, by=None)
        return original(*args, **kwargs)

    original = wishes.cast_ballots
    monkeypatch.setattr(wishes, "cast_ballots", close_first)

    response = send(client, f"/v/{code}/", ANSWERS)

    assert response.status_code == 409
    assert "投票已经结束" in page(response)


@pytest.mark.parametrize(
    ("status", "word"), [("counted", "已计入"), ("superseded", "已被替换"), ("excluded", "未计入")]
)
def test_a_receipt_tells_what_became_of_the_ballot_and_never_its_marks(client, world, rounds, status, word):
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "5431"))
    Ballot.objects.update(status=status, exclusion="burst" if status == "excluded" else "")

    response = client.get("/v/receipt/", {"receipt": receipt.lower()})

    assert response.status_code == 200
    assert f"<strong>{word}。</strong>" in page(response)
    assert "进行中" in page(response)
    # Where it was cast is told, so that a ballot moved elsewhere shows; about whom it was, and what it said, is not.
    assert "柳荫第一居民区" in page(response)
    assert not any(text in page(response) for text in ("5431", "周兰英"))


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("code", "同一个住户码又投"),
        ("paper", "同一个住户码又投"),
        ("sms", "同一个手机号又投"),
        ("wechat", "同一个微信又投"),
        ("assisted", "同一张卡、同一个手机号或同一个微信又投"),
    ],
)
def test_a_ballot_that_was_replaced_says_what_it_was_cast_with(client, world, rounds, channel, words):
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0]))
    Ballot.objects.update(status="superseded", channel=channel)

    for address in (f"/v/receipt/?receipt={receipt}", f"/v/thanks/{receipt}/"):
        assert words in page(client.get(address))


@pytest.mark.parametrize("receipt", ["8WQ2M-4KX7P", "no such", "票" * 60])
def test_a_receipt_of_nobody_is_not_found(client, rounds, receipt):
    assert "没有这张回执" in page(client.get("/v/receipt/", {"receipt": receipt}))


@pytest.mark.parametrize("receipt", ["", "\x00", "票" * 5000])
def test_a_receipt_that_cannot_be_one_is_answered_with_a_sentence(client, rounds, receipt):
    response = client.get("/v/receipt/", {"receipt": receipt})

    assert response.status_code == 200
    assert 'class="error"' in page(response)


def test_a_key_in_the_place_of_the_right_one_is_a_fault_of_ours_too(client, world, code):
    key_path(world.season).write_text("00" * 32)

    assert client.get(f"/v/{code}/").status_code == 503


def test_a_lost_key_is_told_as_a_fault_of_ours_and_logged_with_its_place(client, world, code, caplog):
    key_path(world.season).unlink()

    response = client.get(f"/v/{code}/")

    assert response.status_code == 503
    assert "不是" not in page(response)
    assert "您的卡没有问题" in page(response)
    assert str(key_path(world.season)) in caplog.text
    assert str(key_path(world.season)) not in page(response)


def addresses(client, code):
    thanks = send(client, f"/v/{code}/", ANSWERS)["Location"]
    return ["/v/", f"/v/{code}/", f"/v/{code}/projects/", thanks, "/v/receipt/"]


def test_pages_are_kept_by_no_cache_and_send_no_referrer(client, code):
    for address in addresses(client, code):
        response = client.get(address)
        assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")


def test_the_code_stands_in_no_log(client, code, caplog):
    caplog.set_level(logging.DEBUG)

    client.get(f"/v/{code}/")
    send(client, f"/v/{code}/", {})
    client.post(f"/v/{code}/", b"no boundary", content_type="multipart/form-data")
    send(client, f"/v/{code}/", {f"x{n}": "1" for n in range(2000)})
    send(client, f"/v/{code}/projects/", {})
    send(client, f"/v/{code}/", ANSWERS)
    client.get("/v/thanks/8WQ2M-4KX7P/")
    client.get(f"/v/{code}/thanks/8WQ2M-4KX7P/")
    client.get(f"/v/{code[:-1]}/")
    send(client, f"/v/{code}/", ANSWERS)

    assert code[:-1] not in "\n".join(
        record.getMessage() for record in caplog.records if "SELECT" not in record.getMessage()
    )


def test_a_vote_needs_no_cookie_and_no_token(world, code):
    strict = Client(enforce_csrf_checks=True)

    assert send(strict, f"/v/{code}/", ANSWERS, headers={"origin": "null"}).status_code == 303
    assert send(strict, "/v/", {"code": code}).status_code == 303


def weight(client, address):
    """Bytes over the wire: the page, packed, and everything it asks for."""
    response = client.get(address, headers={"accept-encoding": "gzip"})
    assert response.status_code == 200
    text = client.get(address).content.decode()
    parts = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', text))
    assert parts
    return len(response.content) + sum(
        len(b"".join(part)) if (part := client.get(address)).streaming else len(part.content)
        for address in parts
    )


def test_every_page_weighs_less_than_20_kilobytes_with_all_it_loads(client, code):
    weights = {address: weight(client, address) for address in addresses(client, code)}

    assert {address: size for address, size in weights.items() if size >= 20_000} == {}


def test_no_page_shows_a_count_or_a_rank_while_the_round_is_open(client, world, rounds, code):
    empty = [page(client.get(address)) for address in (f"/v/{code}/projects/", "/v/", "/v/receipt/")]
    cast(rounds[1], *[make_cast(rounds[1], world.enrolments[4], "2", serial) for serial in range(1, 6)])
    cast(rounds[0], *[make_cast(rounds[0], world.enrolments[4], "5555", serial) for serial in range(1, 6)])

    after = [page(client.get(address)) for address in (f"/v/{code}/projects/", "/v/", "/v/receipt/")]

    mask = re.compile('name="nonce" value="[^"]*"')
    assert [mask.sub("", text) for text in after] == [mask.sub("", text) for text in empty]


def test_the_page_of_six_projects_takes_as_many_queries_as_the_page_of_one(client, world, code):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            client.get(f"/v/{code}/projects/")
        return len(seen)

    six = queries()
    for enrolment in world.enrolments[1:]:
        enrolment.first_thing.delete()

    assert queries() == six


def test_the_receipt_s_square_leads_to_the_public_address(client, code, settings, monkeypatch):
    drawn = []
    monkeypatch.setattr(pages, "square", lambda *parts: drawn.append("".join(parts)) or "")
    settings.PUBLIC_URL = "https://vote.example.cn"

    location = send(client, f"/v/{code}/", ANSWERS)["Location"]
    client.get(location)

    receipt = location.rstrip("/").rsplit("/", 1)[1]
    assert drawn == [f"https://vote.example.cn/v/receipt/?receipt={receipt}"]
    assert len(codes.normalised(receipt)) == 10
