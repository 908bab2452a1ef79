"""The residents' pages as the server reaches them: over ASGI, with threads for the database."""

import asyncio
import datetime
import gzip
import logging
import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.db import InternalError, OperationalError
from hypothesis import given, settings
from hypothesis import strategies as st

from dongliang.ballots import codes
from dongliang.ballots.actions import casting
from dongliang.ballots.actions.casting import MOST_STORED
from dongliang.ballots.actions.pausing import pause_rounds
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.intake import application, lanes, limits, wishes
from dongliang.ballots.intake.application import Intake
from dongliang.ballots.intake.lanes import Lane, store_usual, there_are_lanes
from dongliang.ballots.intake.messages import LARGEST_BODY
from dongliang.ballots.intake.snapshot import read_snapshot
from dongliang.ballots.intake.wishes import Store
from dongliang.ballots.keys import key_path, season_key
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.coverage import tally
from dongliang.people.models import Person
from dongliang.seasons.models import Season
from tests.ballots.intake.client import FORM, Browser
from tests.factories.ballots import make_code, make_projects, make_rounds
from tests.factories.season import make_world

ANSWERS = urlencode({"party_members": "5", "residents_follow": "4", "method": "0", "delivery": "3"})


@pytest.fixture
def world(transactional_db):
    world = make_world()
    make_projects(world.season)
    return world


@pytest.fixture
def rounds(world):
    return make_rounds(world.season)


@pytest.fixture
def code(world, rounds):
    return make_code(world.enrolments[0])


def with_intake(visit, rest=None):
    """What ``visit`` returns, an async function of a browser; the intake is stopped after it."""

    async def run():
        intake = Intake(rest)
        try:
            return await visit(Browser(intake))
        finally:
            await intake.stop()

    return asyncio.run(run())


def test_a_visit_from_the_page_to_the_receipt(world, rounds, code):
    async def visit(browser):
        page = await browser.get(f"/v/{code}/")
        nonce = re.search('name="nonce" value="([0-9a-f]{16})"', page.text)[1]
        sent = await browser.post(f"/v/{code}/", f"{ANSWERS}&nonce={nonce}")
        thanks = await browser.get(sent.headers["location"])
        again = await browser.get(f"/v/{code}/")
        return page, sent, thanks, again

    page, sent, thanks, again = with_intake(visit)

    assert [each.status for each in (page, sent, thanks, again)] == [200, 303, 200, 200]
    assert "周兰英" in page.text
    assert "您家已经评过了" not in page.text
    assert "您的评分已经计入" in thanks.text
    assert "您家已经评过了" in again.text
    assert tally(rounds[0]) == [(1, "5403", 1)]


def test_a_page_sent_twice_is_stored_once_and_answered_with_the_same_receipt(rounds, code):
    form = f"{ANSWERS}&nonce=00112233aabbccdd"

    async def visit(browser):
        return await asyncio.gather(*[browser.post(f"/v/{code}/", form) for _time in range(5)])

    answers = with_intake(visit)

    assert {answer.status for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert Ballot.objects.count() == 1


@pytest.mark.parametrize("nonce", ["", "0", "x" * 16, "00112233AABBCCDD", "0" * 80])
def test_a_page_without_a_number_of_its_own_gets_one(rounds, code, nonce):
    async def visit(browser):
        return [await browser.post(f"/v/{code}/", f"{ANSWERS}&nonce={nonce}") for _time in range(2)]

    first, second = with_intake(visit)

    assert (first.status, second.status) == (303, 303)
    assert first.headers["location"] != second.headers["location"]


def test_many_residents_at_once_are_all_stored_and_answered_with_their_own_receipts(world, rounds):
    cards = [make_code(enrolment, serial) for enrolment in world.enrolments for serial in range(1, 31)]

    async def visit(browser):
        return await asyncio.gather(*[browser.post(f"/v/{card}/", ANSWERS) for card in cards])

    answers = with_intake(visit)

    key = season_key(world.season)
    digests = {
        codes.receipt_digest(key, answer.headers["location"].split("/")[3]): card
        for answer, card in zip(answers, cards, strict=True)
    }
    stored = {bytes(ballot.receipt): bytes(ballot.credential) for ballot in Ballot.objects.all()}
    assert stored == {
        digest: codes.credential_digest(key, "secretaries", card) for digest, card in digests.items()
    }


def test_one_ballot_that_cannot_be_stored_takes_no_other_down(world, rounds, monkeypatch):
    cards = [make_code(world.enrolments[0], serial) for serial in range(1, 9)]
    spoilt = codes.credential_digest(season_key(world.season), "secretaries", cards[3])
    original = codes.receipt_of

    def stumbles(key, credential, nonce):
        if credential == spoilt:
            raise ValueError("spoilt")
        return original(key, credential, nonce)

    monkeypatch.setattr(codes, "receipt_of", stumbles)

    async def visit(browser):
        return await asyncio.gather(*[browser.post(f"/v/{card}/", ANSWERS) for card in cards])

    answers = with_intake(visit)

    assert [answer.status for answer in answers] == [303] * 3 + [500] + [303] * 4
    assert Ballot.objects.count() == 7


@pytest.mark.parametrize(
    "ailing", [OperationalError("connection refused"), InternalError("could not extend file: File too large")]
)
def test_without_a_database_nothing_is_acknowledged_and_the_answers_are_kept(
    rounds, code, monkeypatch, ailing
):
    def is_down(*_args, **_more):
        raise ailing

    async def visit(browser):
        await browser.get(f"/v/{code}/")
        with monkeypatch.context() as patch:
            patch.setattr(Lane, "connected", is_down)
            patch.setattr(wishes, "cast_ballots", is_down)
            patch.setattr(wishes, "votes_counted", is_down)
            sent = await browser.post(f"/v/{code}/", f"{ANSWERS}&nonce=00112233aabbccdd")
            page = await browser.get(f"/v/{code}/")
        fields = re.findall('type="hidden" name="(\\w+)" value="(\\w+)"', sent.text)
        return sent, page, await browser.post(f"/v/{code}/", urlencode(fields))

    sent, page, later = with_intake(visit)

    assert (sent.status, sent.headers["retry-after"], page.status) == (503, "10", 503)
    assert "再送一次" in sent.text
    assert later.status == 303
    assert tally(rounds[0]) == [(1, "5403", 1)]


def test_a_connection_that_broke_is_replaced_and_the_ballot_stored(rounds, code, monkeypatch):
    original, broken = wishes.cast_ballots, [OperationalError("server closed the connection")]

    def breaks_once(*args, **more):
        receipts = original(*args, **more)
        # Stored, and yet nobody knows: the connection broke before the answer.
        if broken:
            raise broken.pop()
        return receipts

    monkeypatch.setattr(application, "there_are_lanes", lambda: False)
    monkeypatch.setattr(wishes, "cast_ballots", breaks_once)

    answer = with_intake(lambda browser: browser.post(f"/v/{code}/", ANSWERS))

    assert answer.status == 303
    assert Ballot.objects.count() == 1


def test_a_ballot_of_which_a_lane_does_not_know_whether_it_got_through_is_stored_once(
    rounds, code, monkeypatch
):
    broken = []

    async def breaks_once(to, asked, tell):
        if broken:
            return await store_usual(to, asked, tell)
        broken.append(True)
        await store_usual(to, asked, lambda places, outcomes: None)
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(application, "store_usual", breaks_once)

    answer = with_intake(lambda browser: browser.post(f"/v/{code}/", ANSWERS))

    assert answer.status == 303
    assert Ballot.objects.count() == 1
    assert bool(broken) == there_are_lanes()


def test_a_lane_that_lost_its_connection_makes_another(world, rounds, monkeypatch):
    monkeypatch.setattr(lanes, "SECONDS_TO_REST", 0.0)
    cards = [make_code(world.enrolments[0], serial) for serial in range(1, 5)]

    async def visit(browser):
        lane = browser.application.granters[Store]
        answers = []
        for card in cards:
            answers.append(await browser.post(f"/v/{card}/", ANSWERS))
            if there_are_lanes() and lane.connection:
                await lane.connection.close()
        return [answer.status for answer in answers]

    assert with_intake(visit) == [303] * 4
    assert Ballot.objects.count() == 4


def test_a_household_that_votes_twice_at_once_is_counted_once(world, rounds, code):
    """The second one is no first: the lane goes on in a transaction."""

    async def visit(browser):
        await browser.post(f"/v/{code}/", ANSWERS)
        return await asyncio.gather(*[browser.post(f"/v/{code}/", ANSWERS) for _time in range(3)])

    answers = with_intake(visit)

    assert [answer.status for answer in answers] == [303] * 3
    assert Counter(Ballot.objects.values_list("status", flat=True)) == {"counted": 1, "superseded": 3}


def test_a_household_that_sends_without_end_is_asked_to_wait_and_its_answers_are_kept(
    world, rounds, code, monkeypatch
):
    monkeypatch.setattr(limits, "CREDENTIAL", (3, 1 / 60))
    neighbour = make_code(world.enrolments[0], 2)

    async def visit(browser):
        browser.application.ballots.clock = lambda: at
        at = 0.0
        answers = [await browser.post(f"/v/{code}/", f"{ANSWERS}&nonce={place:016x}") for place in range(4)]
        again = await browser.post(f"/v/{code}/", f"{ANSWERS}&nonce={2:016x}")
        others = [
            await browser.post(f"/v/{code}/projects/", "picks=1"),
            await browser.post(f"/v/{neighbour}/", ANSWERS),
        ]
        at = 60.0
        fields = re.findall('type="hidden" name="(\\w+)" value="(\\w+)"', answers[-1].text)
        later = await browser.post(f"/v/{code}/", urlencode(fields))
        return answers, again, others, later

    answers, again, others, later = with_intake(visit)

    assert [answer.status for answer in answers] == [303, 303, 303, 429]
    assert answers[-1].headers["retry-after"] == "60"
    assert "您的回答还留在这一页上" in answers[-1].text
    assert again.headers["location"] == answers[2].headers["location"]
    assert [answer.status for answer in (*others, later)] == [303, 303, 303]
    assert rounds[0].ballots.count() == 5


def test_a_household_that_has_sent_too_many_is_told_that_the_last_one_stays(rounds, code, monkeypatch):
    monkeypatch.setattr(casting, "MOST_STORED", 3)
    monkeypatch.setattr(casting, "USUAL", casting.USUAL.replace(f"< {MOST_STORED - 1}", "< 2"))

    async def visit(browser):
        answers = [await browser.post(f"/v/{code}/", f"{ANSWERS}&nonce={place:016x}") for place in range(5)]
        again = await browser.post(f"/v/{code}/", f"{ANSWERS}&nonce={2:016x}")
        return answers, again, await browser.get(f"/v/{code}/")

    answers, again, page = with_intake(visit)

    assert [answer.status for answer in answers] == [303, 303, 303, 409, 409]
    assert "以最后一次为准" in answers[-1].text
    assert again.headers["location"] == answers[2].headers["location"]
    assert page.status == 200
    assert Counter(Ballot.objects.values_list("status", flat=True)) == {"counted": 1, "superseded": 2}


def test_more_than_the_queue_has_room_for_is_asked_to_come_again(world, rounds, monkeypatch):
    monkeypatch.setattr(application, "ROOM", 3)
    cards = [make_code(world.enrolments[0], serial) for serial in range(1, 41)]

    async def visit(browser):
        await browser.get(f"/v/{cards[0]}/")
        return await asyncio.gather(*[browser.post(f"/v/{card}/", ANSWERS) for card in cards])

    answers = Counter(answer.status for answer in with_intake(visit))

    assert set(answers) == {303, 503}
    assert Ballot.objects.count() == answers[303]


def test_what_is_queued_when_the_server_stops_is_stored_and_answered(world, rounds):
    cards = [make_code(world.enrolments[0], serial) for serial in range(1, 21)]

    async def run():
        intake = Intake()
        browser = Browser(intake)
        await browser.get(f"/v/{cards[0]}/")
        sent = [asyncio.create_task(browser.post(f"/v/{card}/", ANSWERS)) for card in cards]
        await asyncio.sleep(0.01)
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        said = []

        async def receive():
            return messages.pop(0)

        async def send(message):
            said.append(message["type"])

        await intake({"type": "lifespan"}, receive, send)
        return said, [answer.status for answer in await asyncio.gather(*sent)]

    said, answers = asyncio.run(run())

    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert answers == [303] * 20
    assert Ballot.objects.count() == 20


def test_the_state_of_the_round_is_asked_for_when_the_ballot_is_stored(world, code):
    async def visit(browser):
        await browser.get(f"/v/{code}/")
        await asyncio.to_thread(in_thread, lambda: close_rounds(world.season, by=None))
        return await browser.post(f"/v/{code}/", ANSWERS)

    answer = with_intake(visit)

    assert answer.status == 409
    assert "这一票没有计入" in answer.text


def in_thread(job):
    from django.db import connection

    try:
        job()
    finally:
        connection.close()


def test_a_paused_round_has_a_page_of_its_own(world, rounds, code):
    Round.objects.update(state=Round.State.PAUSED)

    async def visit(browser):
        return await browser.get(f"/v/{code}/"), await browser.post(f"/v/{code}/", ANSWERS)

    page, sent = with_intake(visit)

    assert (page.status, sent.status) == (200, 409)
    assert "投票暂停" in page.text
    assert "这一票没有计入" in sent.text
    assert Ballot.objects.count() == 0


def pause(world):
    pause_rounds(world.season, by=None, reason="测试")


def revoke_the_card(world):
    revoke_cards(world.enrolments[0], [1], reason="丢失", by=None)


def rename_the_secretary(world):
    Person.objects.filter(pk=world.enrolments[0].person_id).update(name="李春梅")


def lose_the_key(world):
    key_path(world.season).unlink()


def put_another_key(world):
    key_path(world.season).write_text("ab" * 32 + "\n")


def announce_another_day(world):
    Season.objects.filter(pk=world.season.pk).update(opens_on=datetime.date(2021, 3, 4))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (None, "周兰英"),
        (pause, "投票暂停"),
        (revoke_the_card, "这张卡已报失或已补换"),
        (rename_the_secretary, "李春梅"),
        (lose_the_key, "现在暂时投不了"),
        (put_another_key, "现在暂时投不了"),
        (announce_another_day, "周兰英"),
    ],
)
def test_what_pages_are_made_of_is_read_again_when_something_has_changed_and_only_then(
    world, rounds, code, monkeypatch, change, says
):
    monkeypatch.setattr(application, "SNAPSHOT_LASTS", 0.0)
    monkeypatch.setattr(application, "NAMES_LAST", 0.0)
    readings = []
    monkeypatch.setattr(wishes, "read_snapshot", lambda before: readings.append(1) or read_snapshot(before))

    async def visit(browser):
        async def look():
            for _visit in range(3):
                await browser.get(f"/v/{code}/")
                while browser.application.reading:
                    await asyncio.sleep(0.001)
            return (await browser.get(f"/v/{code}/")).text, len(readings)

        before = await look()
        if change:
            await asyncio.to_thread(in_thread, lambda: change(world))
        return before, await look()

    (before, read_before), (after, read_after) = with_intake(visit)

    assert "周兰英" in before
    assert says in after
    assert read_before == 1
    if change in (lose_the_key, put_another_key):
        # As long as it is not the right one, which may come back without a sign.
        assert read_after > 1
    else:
        assert read_after == (2 if change else 1)


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_key_that_could_not_be_read_for_a_moment_is_read_again(world, rounds, code, monkeypatch, state):
    Round.objects.update(state=state)
    monkeypatch.setattr(application, "SNAPSHOT_LASTS", 0.0)
    read_text, faults = Path.read_text, [OSError("Too many open files")]

    def read(path, **how):
        if path == key_path(world.season) and faults:
            raise faults.pop()
        return read_text(path, **how)

    monkeypatch.setattr(Path, "read_text", read)

    async def visit(browser):
        during = await browser.get(f"/v/{code}/")
        while browser.application.reading:
            await asyncio.sleep(0.001)
        await browser.get(f"/v/{code}/")
        while browser.application.reading:
            await asyncio.sleep(0.001)
        return during, await browser.get(f"/v/{code}/")

    during, after = with_intake(visit)

    assert (during.status, after.status) == (503 if state == "open" else 404, 200)


def test_a_ballot_keeps_where_it_came_from_only_as_four_bytes_of_this_day_and_round(world, rounds, code):
    with_intake(lambda browser: browser.post(f"/v/{code}/", ANSWERS))

    today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date().isoformat()
    expected = codes.origin_digest(season_key(world.season), "secretaries", today, "192.0.2.7")
    assert bytes(Ballot.objects.get().origin) == expected
    assert len(expected) == 4


@pytest.mark.parametrize(
    ("proxies", "address"), [(0, "192.0.2.7"), (1, "203.0.113.9"), (2, "198.51.100.1"), (3, "192.0.2.7")]
)
def test_the_address_is_what_as_many_proxies_as_there_are_wrote_down(
    world, rounds, code, settings, proxies, address
):
    settings.TRUSTED_PROXIES = proxies

    with_intake(
        lambda browser: browser.post(f"/v/{code}/", ANSWERS, x_forwarded_for="198.51.100.1, 203.0.113.9")
    )

    days = [datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date().isoformat()]
    assert bytes(Ballot.objects.get().origin) in [
        codes.origin_digest(season_key(world.season), "secretaries", day, address) for day in days
    ]


def test_wrong_codes_are_limited_by_address_and_right_ones_go_through(code, monkeypatch):
    monkeypatch.setattr(limits, "ADDRESS", (3, 0.0))
    monkeypatch.setattr(application, "SECONDS_TO_SLOW_DOWN", 0.0)

    async def visit(browser):
        wrong = [await browser.get("/v/7K3F-9M2Q-XR4T/") for _time in range(2)]
        wrong += [await browser.post("/v/", "code=7K3F-9M2Q-XR4T") for _time in range(3)]
        return wrong, await browser.get(f"/v/{code}/"), await browser.post(f"/v/{code}/", ANSWERS)

    wrong, page, sent = with_intake(visit)

    assert [answer.status for answer in wrong] == [404, 404, 422, 429, 429]
    assert "码对了照样放行" in wrong[-1].text
    assert "retry-after" in wrong[-1].headers
    assert (page.status, sent.status) == (200, 303)


PAGE_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "content-type": "text/html; charset=utf-8",
}


def test_every_answer_has_the_headers_that_protect_the_code(code):
    async def visit(browser):
        return [
            await browser.get("/v/"),
            await browser.get(f"/v/{code}/"),
            await browser.get("/v/7K3F-9M2Q-XR4T/"),
            await browser.post(f"/v/{code}/", ANSWERS),
            await browser.post(f"/v/{code}/", "x=1"),
            await browser.get(f"/v/{code}"),
        ]

    for answer in with_intake(visit):
        assert PAGE_HEADERS.items() <= answer.headers.items()
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_head_says_how_long_the_page_is_and_keeps_it(code):
    async def visit(browser):
        return await browser.get(f"/v/{code}/"), await browser.get(f"/v/{code}/", method="HEAD")

    page, head = with_intake(visit)

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == page.headers["content-length"] == str(len(page.body))


def test_a_page_is_packed_for_whoever_unpacks(code):
    async def visit(browser):
        addresses = ("/v/", f"/v/{code}/", f"/v/{code}/projects/", "/v/7K3F-9M2Q-XR4T/")
        return [
            (await browser.get(address), await browser.get(address, accept_encoding="br, gzip"))
            for address in addresses
        ]

    nonce = re.compile('name="nonce" value="[^"]*"')
    for plain, packed in with_intake(visit):
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert nonce.sub("", gzip.decompress(packed.body).decode()) == nonce.sub("", plain.text)
        assert len(packed.body) < len(plain.body)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", ""])
def test_another_method_is_not_allowed(code, method):
    answer = with_intake(lambda browser: browser.get(f"/v/{code}/", method=method))

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n", 415),
        ("", b"method=5", 415),
        (f"{FORM}; charset=utf-16", b"\xff\xfe", 415),
        (f"{FORM}; charset=\xff", b"method=5", 415),
        (FORM, b"\xff", 400),
        (FORM, b"a=\0", 400),
        (FORM, b"method=5&method=4", 400),
        (FORM, b"&".join(b"x%d=1" % n for n in range(100)), 400),
        (FORM, b"unknown=1", 400),
        (FORM, b"method", 400),
        (FORM, b"method=" + b"5" * LARGEST_BODY, 413),
        (f"{FORM}; charset=UTF-8", b"method=5", 422),
        (FORM, b"", 422),
    ],
)
@pytest.mark.parametrize("rest", ["", "projects/"])
def test_a_body_that_is_no_ballot_is_answered_with_a_sentence(code, rest, content_type, body, status):
    answer = with_intake(lambda browser: browser.post(f"/v/{code}/{rest}", body, content_type))

    due = 400 if rest and body == b"method=5" and status == 422 else status
    assert answer.status == due
    assert "这一次没有存下任何东西" in answer.text or status == 422
    assert Ballot.objects.count() == 0


@pytest.mark.parametrize("length", ["9999999999999999999999", "-1", "x", "²"])
def test_a_length_that_no_ballot_has_is_refused_before_anything_is_read(code, length):
    async def visit(browser):
        headers = {"content-type": FORM, "content-length": length}
        return await browser.ask("POST", f"/v/{code}/", [None], headers)

    assert with_intake(visit).status == 413


def test_a_body_in_chunks_is_read_to_its_end_and_no_further_than_a_ballot_is_long(rounds, code):
    async def visit(browser):
        headers = {"content-type": FORM}
        whole = await browser.ask(
            "POST", f"/v/{code}/", [bytes([byte]) for byte in ANSWERS.encode()], headers
        )
        endless = await browser.ask("POST", f"/v/{code}/", [b"5" * 4096] * 3 + [None], headers)
        return whole.status, endless.status

    assert with_intake(visit) == (303, 413)


def test_a_body_that_does_not_arrive_is_given_up_and_holds_up_nobody(rounds, code, monkeypatch):
    monkeypatch.setattr(application, "SECONDS_TO_ARRIVE", 0.0)

    async def visit(browser):
        slow = asyncio.create_task(
            browser.ask("POST", f"/v/{code}/", [b"method=", None], {"content-type": FORM})
        )
        return await browser.get(f"/v/{code}/"), await slow

    page, slow = with_intake(visit)

    assert (page.status, slow.status) == (200, 408)
    assert "没有按时到齐" in slow.text


def test_a_ballot_whose_connection_broke_off_is_not_stored(rounds, code):
    """What arrived may look like a whole ballot, and lacks the number by which the page is known when it comes again."""

    async def visit(browser):
        body = f"{ANSWERS}&nonce=0123".encode()
        return await browser.ask("POST", f"/v/{code}/", [body, ...], {"content-type": FORM})

    assert with_intake(visit).status == 400
    assert Ballot.objects.count() == 0


def test_a_host_that_is_not_this_site_s_is_refused(code):
    assert with_intake(lambda browser: browser.get(f"/v/{code}/", host="evil.example")).status == 400


def test_where_there_is_https_plain_http_is_sent_there(code, settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    async def visit(browser):
        return await browser.get(f"/v/{code}/?size=large"), await browser.get(
            f"/v/{code}/", x_forwarded_proto="https"
        )

    plain, secure = with_intake(visit)

    assert (plain.status, plain.headers["location"]) == (301, f"https://localhost/v/{code}/?size=large")
    assert secure.status == 200


async def elsewhere(scope, receive, send):
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/rounds/",
        "/vote/",
        "/v/7K3F/nothing/of/ours/",
        "/static/x.css",
        "/v/receipt/",
        "/v/proof/",
        "/v/at/LZ0101/",
        "/v/wechat/",
    ],
)
def test_what_is_no_page_of_residents_is_passed_on(rounds, path):
    assert with_intake(lambda browser: browser.get(path), elsewhere).status == 299
    assert with_intake(lambda browser: browser.get(path)).status == 404


@pytest.mark.parametrize("path", ["/v", "/v/7K3F-9M2Q-XR4T", "/v/7K3F-9M2Q-XR4T/projects"])
def test_an_address_typed_without_its_last_slash_leads_to_the_page(rounds, path):
    answer = with_intake(lambda browser: browser.get(f"{path}?size=large"), elsewhere)

    assert (answer.status, answer.headers["location"]) == (301, f"{path}/?size=large")


def test_the_code_stands_in_no_log(code, caplog):
    caplog.set_level(logging.DEBUG)

    async def visit(browser):
        for body in ("x=1", ANSWERS, "method=5", b"\xff"):
            await browser.post(f"/v/{code}/", body)
        await browser.get("/v/thanks/8WQ2M-4KX7P/", cookie=f"voted_with={code}")
        await browser.get(f"/v/{code}/thanks/8WQ2M-4KX7P/")
        await browser.get(f"/v/{code[:-1]}/")

    with_intake(visit)

    told = [record.getMessage() for record in caplog.records if "SELECT" not in record.getMessage()]
    assert code[:-1] not in "\n".join(told)


@settings(max_examples=150)
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT"]),
    path=st.one_of(st.just(""), st.text(max_size=40)),
    rest=st.sampled_from(
        ["", "projects/", "thanks/8WQ2M-4KX7P/", "receipt/", "?receipt=%ff", "?language=xx&size="]
    ),
    body=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.tuples(
                st.sampled_from(["method", "picks", "nonce", "code"]), st.text("0159=&%+é\0", max_size=9)
            ),
            max_size=6,
        ).map(lambda pairs: urlencode(pairs).encode()),
    ),
    headers=st.dictionaries(
        st.sampled_from(
            ["content-type", "cookie", "accept-language", "accept-encoding", "content-length", "host"]
        ),
        st.text(st.characters(max_codepoint=255), max_size=40),
        max_size=3,
    ),
)
def test_whatever_is_asked_is_answered_without_a_fault_of_ours(method, path, rest, body, headers):
    """Without a season, so that no database is asked: what a request may hold is read before."""

    async def run():
        intake = Intake(elsewhere)
        intake.read_at = float("inf")
        return await Browser(intake).ask(method, f"/v/{path}{rest}", [body], {"content-type": FORM} | headers)

    assert asyncio.run(run()).status < 500
