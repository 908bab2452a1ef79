"""From when until when residents can vote, whoever presses which button."""

import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
import time_machine

from dongliang.ballots.actions.assisting import begin_assisted
from dongliang.ballots.actions.paper import enter_batch, finish_keying, make_batch, save_sheet, take_seat
from dongliang.ballots.actions.pausing import pause_rounds
from dongliang.ballots.actions.publishing import publish_statement
from dongliang.ballots.actions.rounds import announce_dates, close_rounds, open_rounds, prepare_rounds
from dongliang.ballots.actions.sms import send_code
from dongliang.ballots.actions.wechat import begin_wechat
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.proof import StatedEnd
from dongliang.ballots.queries.days import ToldEnd, moved_ends_of
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.scoring.actions import end_collecting
from dongliang.seasons.queries import enrolments
from tests.factories.ballots import EVERY_WAY, make_code, make_projects
from tests.factories.season import make_rules, make_world

SHANGHAI = ZoneInfo("Asia/Shanghai")
FIRST, LAST = datetime.date(2021, 11, 8), datetime.date(2021, 11, 20)
FORM = "application/x-www-form-urlencoded"


def moment(*parts):
    return datetime.datetime(*parts, tzinfo=SHANGHAI)


BEFORE, DURING, AFTER = moment(2021, 11, 7, 12), moment(2021, 11, 12, 12), moment(2021, 11, 21, 12)


def at(moment):
    return time_machine.travel(moment, tick=False)


@pytest.fixture
def world(db, settings):
    """Rounds that are open, from the first to the last day. They were opened the day before."""
    settings.SMS_GATEWAY = "tests.factories.ballots.Outbox"
    settings.WECHAT_APP_ID = settings.WECHAT_SECRET = "x"
    residents = make_rules().residents.model_dump() | {"verification": EVERY_WAY}
    with at(BEFORE):
        world = make_world(rules=make_rules(residents=residents))
        make_projects(world.season)
        announce(world)
        open_rounds(world.season, by=None)
    return world


def announce(world, opens_on=FIRST, closes_on=LAST, **options):
    return announce_dates(world.season, opens_on=opens_on, closes_on=closes_on, by=None, **options)


def refusal(action, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        action(*args, **kwargs)
    return [blocker.code for blocker in refused.value.blockers]


def answers(world, marks):
    keys = [indicator.key for indicator in world.season.rules.indicators]
    return dict(zip(keys, marks, strict=True))


def vote(client, world, marks="5545", *, serial=1, nonce="0" * 16):
    """A page of answers sent by a resident of the first neighbourhood."""
    code = make_code(world.enrolments[0], serial)
    return send(client, f"/v/{code}/", answers(world, marks) | {"nonce": nonce})


def send(client, address, fields):
    """Send a form as browsers do."""
    return client.post(address, urlencode(fields, doseq=True), content_type=FORM)


def page(response):
    return response.content.decode()


@pytest.mark.parametrize(
    ("moment", "status", "says"),
    [
        (moment(2021, 11, 7, 23, 59, 59), 409, "投票从 2021年11月8日 开始。"),
        (moment(2021, 11, 8, 0, 0, 0), 303, ""),
        (moment(2021, 11, 20, 23, 59, 59), 303, ""),
        (moment(2021, 11, 21, 0, 0, 0), 409, "投票已于2021年11月20日截止。"),
        (moment(2024, 1, 1), 409, "投票已于2021年11月20日截止。"),
    ],
)
def test_ballots_are_taken_from_the_first_second_of_the_first_day_to_the_last_of_the_last(
    client, world, moment, status, says
):
    code = make_code(world.enrolments[0])
    with at(moment):
        looked = client.get(f"/v/{code}/")
        sent = vote(client, world)
        picked = send(client, f"/v/{code}/projects/", {"picks": ["1", "2", "3"]})

    assert (sent.status_code, picked.status_code) == (status, status)
    assert Ballot.objects.count() == (2 if status == 303 else 0)
    assert looked.status_code == 200
    assert says in page(looked)
    assert says in page(sent)
    if status == 409:
        assert "这一票没有计入。" in page(sent)
        assert "<form" not in page(looked)


def test_an_hour_ends_the_last_day_to_the_second(client, world):
    with at(BEFORE):
        announce(world, closes_time=datetime.time(18), opens_time=datetime.time(9), reason="改点")
    sent = []
    for when in (
        moment(2021, 11, 8, 8, 59, 59),
        moment(2021, 11, 8, 9),
        moment(2021, 11, 20, 17, 59, 59),
        moment(2021, 11, 20, 18),
    ):
        with at(when):
            sent.append(vote(client, world, nonce=f"{len(sent):016d}"))

    assert [response.status_code for response in sent] == [409, 303, 303, 409]
    assert "投票从 2021年11月8日09:00 开始。" in page(sent[0])
    assert "投票已于2021年11月20日18:00截止。" in page(sent[3])


def test_rounds_without_days_take_ballots_from_opening_to_closing(client, db):
    world = make_world()
    open_rounds(world.season, by=None)

    for when in (moment(2001, 1, 1), moment(2061, 1, 1)):
        with at(when):
            assert vote(client, world, nonce=f"{when.year:016d}").status_code == 303
    close_rounds(world.season, by=None)

    assert vote(client, world).status_code == 409
    assert not Round.objects.exclude(begun_at=None, ended_at=None).exists()


def test_what_has_ended_stays_so_when_the_clock_is_set_back(client, world):
    with at(AFTER):
        client.get(f"/v/{make_code(world.enrolments[0])}/")
    with at(DURING):
        sent = vote(client, world)

    assert sent.status_code == 409
    assert Ballot.objects.count() == 0
    ended = ActionLogEntry.objects.filter(verb="ballots.round.ended")
    assert sorted(entry.subject_id for entry in ended) == sorted(Round.objects.values_list("pk", flat=True))


def test_what_has_begun_goes_on_when_the_clock_is_set_back(client, world):
    with at(DURING):
        assert vote(client, world, nonce="1" * 16).status_code == 303
    with at(moment(2019, 11, 12)):
        assert vote(client, world, "1111", nonce="2" * 16).status_code == 303

    assert sorted(Ballot.objects.values_list("marks", "status")) == [
        ("1111", "counted"),
        ("5545", "superseded"),
    ]


def test_a_page_sent_again_after_the_end_gets_its_receipt_and_other_answers_do_not(client, world):
    with at(moment(2021, 11, 20, 23, 59, 58)):
        first = vote(client, world)
    with at(moment(2021, 11, 21, 0, 0, 5)):
        again, changed, other = (
            vote(client, world),
            vote(client, world, "1111"),
            vote(client, world, nonce=""),
        )

    assert first.status_code == 303
    assert (again.status_code, again["Location"]) == (303, first["Location"])
    assert (changed.status_code, other.status_code) == (409, 409)
    assert list(Ballot.objects.values_list("marks", "status")) == [("5545", "counted")]


def test_a_page_of_picks_sent_again_after_the_end_gets_its_receipt_too(client, world):
    address, sent = (
        f"/v/{make_code(world.enrolments[0])}/projects/",
        {"picks": ["3", "1", "2"], "nonce": "0" * 16},
    )
    with at(moment(2021, 11, 20, 23, 59, 58)):
        first = send(client, address, sent)
    with at(AFTER):
        again = send(client, address, sent)

    assert (again.status_code, again["Location"]) == (303, first["Location"])


def test_a_receipt_s_page_does_not_offer_to_change_what_can_be_changed_no_more(client, world):
    with at(DURING):
        thanks = vote(client, world)["Location"]
        during = page(client.get(thanks))
    with at(AFTER):
        after = page(client.get(thanks))

    assert ("改一改我的回答" in during, "改一改我的回答" in after) == (True, False)


@pytest.mark.parametrize(("when", "code"), [(BEFORE, "ballots.too_early"), (AFTER, "ballots.over")])
def test_no_other_way_leads_to_a_vote_before_the_beginning_and_after_the_end(world, when, code):
    home = enrolments(world.season).first()

    assert refusal(send_code, home, "13912345678", address="192.0.2.1", at=when) == [code]
    assert refusal(begin_wechat, home, address="203.0.113.7", at=when) == [code]
    assert refusal(begin_assisted, home, by=None, at=when) == [code]
    assert begin_wechat(home, address="203.0.113.7", at=DURING)
    assert begin_assisted(home, by=None, at=DURING)


def test_a_pass_of_the_last_minutes_is_good_for_nothing_after_the_end(client, world):
    passed = begin_assisted(world.enrolments[0], by=None, at=moment(2021, 11, 20, 23, 50))

    with at(moment(2021, 11, 21)):
        sent = send(client, f"/v/{passed}/", answers(world, "5545"))

    assert sent.status_code == 409
    assert Ballot.objects.count() == 0


def test_the_poster_s_page_says_from_when_and_since_when_not(client, world):
    seen = []
    for when in (BEFORE, DURING, AFTER):
        with at(when):
            seen.append(page(client.get("/v/at/LZ0101/")))

    assert "投票从 2021年11月8日 开始。" in seen[0]
    assert "2021年11月20日截止。" in seen[1]
    assert "投票已于2021年11月20日截止。" in seen[2]


def test_sheets_in_the_box_are_keyed_after_the_end_and_none_before_the_beginning(world):
    batch = make_batch(
        rounds_of(world.season)["secretaries"], world.enrolments[0], kind="hall", sheets=1, by=None
    )
    for role in ("office", "subdistrict"):
        keying = take_seat(batch, by=world.accounts[role])
        save_sheet(keying, 1, marks="5545")
        with at(BEFORE):
            finish_keying(keying)
    with at(BEFORE):
        assert refusal(enter_batch, batch, by=None) == ["ballots.too_early"]

    with at(AFTER):
        assert enter_batch(batch, by=None) == 1
    assert list(Ballot.objects.values_list("marks", "channel")) == [("5545", "paper")]


# ---- The office


def test_rounds_close_after_the_announced_end_and_not_before_it(world):
    with at(moment(2021, 11, 20, 23, 59, 59)):
        assert refusal(close_rounds, world.season, by=None) == ["ballots.before_the_end"]
        assert refusal(close_rounds, world.season, by=None, kinds=["projects"]) == ["ballots.before_the_end"]
        assert refusal(end_collecting, world.season, by=None) == ["ballots.before_the_end"]
        pause_rounds(world.season, by=None, reason="x")
        assert refusal(close_rounds, world.season, by=None) == ["ballots.before_the_end"]
    with at(moment(2021, 11, 21)):
        closed = close_rounds(world.season, by=None)

    assert {round.state for round in closed.values()} == {"closed"}


def test_rounds_whose_end_was_seen_close_with_the_clock_set_back(client, world):
    with at(AFTER):
        client.get("/v/")
    with at(DURING):
        closed = close_rounds(world.season, by=None)

    assert {round.state for round in closed.values()} == {"closed"}


def test_rounds_do_not_open_after_the_end_that_was_announced(db):
    world = make_world()
    with at(BEFORE):
        prepare_rounds(world.season, by=None)
        announce(world)

    with at(AFTER):
        assert refusal(open_rounds, world.season, by=None) == ["ballots.end_passed"]
        announce(world, closes_on=datetime.date(2021, 11, 30))
        assert open_rounds(world.season, by=None)["secretaries"].state == "open"


def test_an_end_moved_while_residents_vote_takes_a_reason_and_is_public(client, world):
    office = world.accounts["office"]
    later = datetime.date(2021, 11, 25)
    with at(DURING):
        assert refusal(announce, world, closes_on=later) == ["ballots.no_reason"]
        announce_dates(world.season, opens_on=FIRST, closes_on=later, reason="  暴雨停电 ", by=office)
        shown = page(client.get("/v/proof/"))
    with at(moment(2021, 11, 25, 23, 59, 59)):
        assert vote(client, world).status_code == 303
    with at(moment(2021, 11, 26)):
        close_rounds(world.season, by=None)
        stated = page(client.get("/v/proof/"))

    world.season.refresh_from_db()
    assert moved_ends_of(world.season) == [
        ToldEnd(DURING, "2021年11月20日", "2021年11月25日", "暴雨停电", was_over=False)
    ]
    words = "由 2021年11月20日 改为 2021年11月25日。理由：暴雨停电"
    assert words in shown
    assert words in stated
    entry = ActionLogEntry.objects.filter(verb="ballots.dates.announced").latest("sequence")
    assert (entry.by, entry.detail["closes_on"], entry.detail["reason"]) == (office, "2021-11-25", "暴雨停电")
    content = world.season.statements.get().content
    assert (content.begins, content.ends, content.moved_ends) == (
        "2021-11-08T00:00:00+08:00",
        "2021-11-26T00:00:00+08:00",
        (
            StatedEnd(
                at="2021-11-12T12:00:00+08:00",
                before="2021-11-21T00:00:00+08:00",
                after="2021-11-26T00:00:00+08:00",
                reason="暴雨停电",
            ),
        ),
    )


def test_an_end_is_moved_to_a_moment_to_come_and_not_taken_back(world):
    with at(moment(2021, 11, 20, 12)):
        assert refusal(announce, world, closes_on=datetime.date(2021, 11, 19), reason="x") == [
            "ballots.end_past"
        ]
        early = datetime.time(12, 4, 59)
        assert refusal(announce, world, closes_time=early, reason="x") == ["ballots.end_past"]
        assert refusal(announce, world, closes_on=None, reason="x") == ["ballots.end_taken_back"]
        announce(world, closes_time=datetime.time(12, 5), reason="x")
    with at(moment(2021, 11, 20, 12, 5)):
        assert close_rounds(world.season, by=None)


def test_voting_that_is_over_begins_again_only_in_public(client, world):
    with at(AFTER):
        assert vote(client, world).status_code == 409
        assert refusal(announce, world, reason="x") == ["ballots.end_past"]
        announce(world, closes_on=datetime.date(2021, 11, 22), reason="停电一天")
        assert vote(client, world).status_code == 303

    assert [told.was_over for told in moved_ends_of(world.season)] == [True]


def test_an_end_that_a_wrong_clock_brought_on_is_announced_once_more(client, world):
    with at(moment(2031, 1, 1)):
        client.get("/v/")
    with at(DURING):
        assert vote(client, world).status_code == 409
        assert refusal(announce, world) == ["ballots.no_reason"]
        announce(world, reason="服务器时钟走错")
        assert vote(client, world).status_code == 303

    assert len(moved_ends_of(world.season)) == 1


def test_after_the_close_the_days_stay(world):
    with at(AFTER):
        close_rounds(world.season, by=None)

        refused = refusal(announce, world, closes_on=datetime.date(2021, 12, 1), reason="x")

    assert refused == ["ballots.closed_for_good"]
    world.season.refresh_from_db()
    assert world.season.closes_on == LAST


def test_a_beginning_moves_until_it_has_come(client, world):
    later = datetime.date(2021, 11, 10)
    with at(BEFORE):
        assert refusal(announce, world, opens_on=later) == ["ballots.no_reason"]
        assert refusal(announce, world, opens_on=datetime.date(2021, 11, 7), reason="x") == [
            "ballots.beginning_past"
        ]
        announce(world, opens_on=later, reason="场地没有好")
    with at(moment(2021, 11, 9, 12)):
        assert vote(client, world).status_code == 409
    with at(moment(2021, 11, 10)):
        assert vote(client, world).status_code == 303
        assert refusal(announce, world, opens_on=FIRST, reason="x") == ["ballots.begun"]
    assert moved_ends_of(world.season) == []


def test_an_end_may_be_announced_for_rounds_that_are_open_without_one(client, db):
    world = make_world()
    open_rounds(world.season, by=None)

    with at(DURING):
        assert refusal(announce, world, opens_on=FIRST, reason="x") == ["ballots.begun"]
        announce(world, opens_on=None, reason="补公布")
    with at(AFTER):
        assert vote(client, world).status_code == 409

    assert [(told.before, told.after) for told in moved_ends_of(world.season)] == [("", "2021年11月20日")]


@pytest.mark.parametrize(
    "options",
    [
        {"opens_on": LAST, "closes_on": FIRST},
        {"opens_on": LAST, "opens_time": datetime.time(12), "closes_time": datetime.time(12)},
        {"opens_on": None, "opens_time": datetime.time(12)},
        {"closes_on": None, "closes_time": datetime.time(12)},
        {"closes_on": datetime.date.max},
        {"opens_on": datetime.date.min},
    ],
)
def test_odd_days_are_refused(db, options):
    world = make_world()

    assert refusal(announce, world, **options) == ["ballots.dates"]


def test_the_office_s_page_says_that_the_end_has_passed(client, world):
    client.force_login(world.accounts["office"])
    seen = []
    for when in (BEFORE, DURING, AFTER):
        with at(when):
            seen.append(page(client.get("/rounds/")))

    assert ["从 2021年11月8日 起收票" in text for text in seen] == [True, False, False]
    assert ["居民已经不能再投" in text for text in seen] == [False, False, True]
    assert ["投票时间已过，等待关闭" in text for text in seen] == [False, False, True]
    assert ["已经公布：居民可以投票到 2021年11月20日 为止。" in text for text in seen] == [True, True, False]


def test_the_office_moves_the_end_on_its_page(client, world):
    client.force_login(world.accounts["office"])
    sent = {"opens_on": "2021-11-08", "closes_on": "2021-11-20", "closes_time": "20:00", "reason": "提前收卷"}

    with at(DURING):
        response = client.post("/rounds/lz-2021/dates/", sent, follow=True)

    assert "由 2021年11月20日 改为 2021年11月20日20:00。理由：提前收卷" in page(response)
    assert "2021年11月8日 到 2021年11月20日20:00" in page(response)


def test_a_statement_without_days_is_spelt_as_ever(db):
    world = make_world()
    open_rounds(world.season, by=None)
    close_rounds(world.season, by=None)

    document = publish_statement(world.season, by=None).document

    assert not any(name in document for name in ('"begins"', '"ends"', '"moved_ends"'))
