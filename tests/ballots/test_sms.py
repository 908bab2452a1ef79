import datetime

import pytest
from django.utils.timezone import now

from dongliang.ballots import passes
from dongliang.ballots.actions.casting import Cast
from dongliang.ballots.actions.pausing import pause_rounds
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.actions.sms import check_code, send_code
from dongliang.ballots.intake.entitlement import Refusal
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import PhoneCheck
from dongliang.ballots.queries import verification
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.ballots.queries.verification import MessagesOfADay, messages_to_look_at
from dongliang.common.refusals import Refused
from dongliang.people.models import Organisation
from dongliang.seasons.queries import enrolments
from tests.factories.ballots import NOON, Outbox, cast, entitled, make_voting_world

NUMBER = "13912345678"


@pytest.fixture(autouse=True)
def outbox(settings):
    settings.SMS_GATEWAY = "tests.factories.ballots.Outbox"
    Outbox.sent.clear()
    Outbox.fails = False
    return Outbox.sent


@pytest.fixture
def world(db):
    return make_voting_world()


def send(world, number=NUMBER, *, place=0, at=NOON, address="192.0.2.1"):
    return send_code(world.enrolments[place], number, address=address, at=at)


def refusal(action, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        action(*args, **kwargs)
    return [blocker.code for blocker in refused.value.blockers]


def after(**kwargs):
    return NOON + datetime.timedelta(**kwargs)


def test_the_code_that_was_sent_gives_a_pass_for_the_neighbourhood(world, outbox):
    token = send(world)
    [(number, code)] = outbox

    text = check_code(token, code, at=after(minutes=4))

    key = season_key(world.season)
    assert number == NUMBER
    assert passes.read_pass(key, text, at=after(minutes=5)) == passes.Pass(
        1, "sms", passes.identity_of(key, "sms", NUMBER), after(minutes=34).replace(microsecond=0)
    )
    holder = entitled(text, at=after(minutes=5))
    assert (holder.neighbourhood.enrolment_id, holder.channel) == (world.enrolments[0].pk, "sms")
    assert entitled(text, at=after(minutes=34)) is Refusal.EXPIRED


def test_neither_the_number_nor_the_code_is_stored(world, outbox):
    token = send(world)
    [(number, code)] = outbox

    row = str(PhoneCheck.objects.values().get())

    assert not any(secret in row for secret in (number, code, token, "192.0.2.1"))


def test_a_number_has_one_voice_a_round_whichever_neighbourhood_s_poster_is_scanned(world, outbox):
    secretaries = rounds_of(world.season)["secretaries"]
    for place, marks, at in ((0, "5545", NOON), (3, "1111", after(minutes=2))):
        token = send(world, place=place, at=at)
        holder = entitled(check_code(token, outbox[-1][1], at=at), at=at)
        cast(
            secretaries,
            Cast(
                holder.neighbourhood.enrolment_id,
                holder.credential("secretaries"),
                marks,
                channel=holder.channel,
            ),
        )

    assert sorted(secretaries.ballots.values_list("enrolment__number", "marks", "status", "channel")) == [
        (1, "5545", "superseded", "sms"),
        (4, "1111", "counted", "sms"),
    ]


def test_a_code_is_good_for_once_five_tries_and_five_minutes(world, outbox):
    token = send(world)
    code = outbox[-1][1]
    wrong = "000000" if code != "000000" else "111111"
    assert [refusal(check_code, token, wrong, at=NOON) for _try in range(6)] == [["sms.wrong_code"]] * 5 + [
        ["sms.too_many_tries"]
    ]
    assert refusal(check_code, token, code, at=NOON) == ["sms.too_many_tries"]

    token = send(world, at=after(minutes=2))
    assert check_code(token, outbox[-1][1], at=after(minutes=3))
    assert refusal(check_code, token, outbox[-1][1], at=after(minutes=3)) == ["sms.code_over"]

    token = send(world, at=after(minutes=10))
    assert refusal(check_code, token, outbox[-1][1], at=after(minutes=15)) == ["sms.code_over"]
    assert refusal(check_code, "no such token", outbox[-1][1], at=after(minutes=10)) == ["sms.code_over"]


def test_a_number_waits_a_minute_and_gets_three_codes_a_day(world, outbox):
    send(world)
    assert refusal(send, world, at=after(seconds=59)) == ["sms.cooldown"]
    for minute in range(1, 3):
        send(world, at=after(minutes=minute))
    assert refusal(send, world, at=after(minutes=10)) == ["sms.number_limit"]
    assert refusal(send, world, at=after(minutes=10), place=3, address="192.0.2.2") == ["sms.number_limit"]
    send(world, at=after(days=1, minutes=5))
    assert len(outbox) == 4


def send_and_use(world, number, **options):
    token = send(world, number, **options)
    check_code(token, Outbox.sent[-1][1], at=options.get("at", NOON))


def test_an_address_that_has_codes_sent_to_strangers_gets_ten_in_an_hour_and_thirty_in_a_day(world, outbox):
    for hour, minute in ((0, 0), (1, 1), (2, 2)):
        for place in range(10):
            send(world, f"139{hour:04d}{place:04d}", place=place % 6, at=after(hours=hour, minutes=minute))
        assert refusal(send, world, at=after(hours=hour, minutes=minute)) == ["sms.unused"]
    assert refusal(send, world, at=after(hours=4)) == ["sms.unused"]
    # Somebody else's address is not theirs.
    send(world, at=after(hours=4), address="192.0.2.2")


def test_a_meeting_behind_one_address_goes_on_as_soon_as_codes_are_typed_in(world, outbox):
    tokens = [send(world, f"139{place:08d}") for place in range(10)]
    assert refusal(send, world) == ["sms.unused"]

    check_code(tokens[0], outbox[0][1], at=after(minutes=1))

    send(world, at=after(minutes=1))


def test_as_many_codes_may_stay_unused_as_were_used(world, outbox):
    for place in range(20):
        send_and_use(world, f"139{place:08d}")
    for place in range(20):
        send(world, f"138{place:08d}")

    assert refusal(send, world) == ["sms.unused"]


def test_codes_that_the_gateway_did_not_take_are_not_held_against_the_address(world, outbox):
    Outbox.fails = True
    for place in range(12):
        assert refusal(send, world, f"139{place:08d}") == ["sms.unreachable"]
    Outbox.fails = False

    send(world)


def test_an_estate_behind_one_address_may_ask_a_hundred_times_an_hour(world, outbox):
    for place in range(100):
        send_and_use(world, f"139{place:08d}", place=place % 6)

    assert refusal(send, world, "13700000000", at=after(minutes=30)) == ["sms.address_limit"]
    send(world, "13700000000", at=after(minutes=30), address="192.0.2.2")
    send(world, "13700000001", at=after(minutes=61))


def test_a_neighbourhood_and_the_whole_site_have_a_daily_limit(world, outbox, settings):
    world.enrolments[0].organisation.households = 1
    for number in range(200):
        send(world, f"139{number:08d}", address=f"192.0.2.{number}")
    assert refusal(send, world, address="198.51.100.1") == ["sms.neighbourhood_limit"]

    settings.SMS_DAILY = 201
    send(world, place=1, address="198.51.100.1")
    assert refusal(send, world, "13812345678", place=1, address="198.51.100.1") == ["sms.daily_limit"]


def looked_at(world, **options):
    return messages_to_look_at(enrolments(world.season), **options)


def test_the_office_is_told_where_messages_run_out_or_go_unused(world, outbox, monkeypatch):
    monkeypatch.setattr(verification, "LEAST_A_NEIGHBOURHOOD_A_DAY", 25)
    Organisation.objects.update(households=0)
    for enrolment in world.enrolments:
        enrolment.organisation.households = 0
    for place in range(25):
        send_and_use(world, f"139{place:08d}", address=f"192.0.2.{place}")
    for place in range(20):
        send(world, f"138{place:08d}", place=1, address=f"192.0.2.{100 + place}")
        send_and_use(world, f"137{place:08d}", place=2, address=f"192.0.2.{200 + place}")

    names = [world.enrolments[place].organisation.name for place in (0, 1)]
    assert looked_at(world, at=NOON) == [MessagesOfADay(names[0], 25, 25, 25, 25)]
    assert looked_at(world, at=after(minutes=5)) == [
        MessagesOfADay(names[0], 25, 25, 25, 25),
        MessagesOfADay(names[1], 20, 20, 0, 25),
    ]
    assert looked_at(world, at=after(days=1)) == []


def test_the_office_s_pages_say_which_neighbourhoods_need_a_look(client, world, outbox):
    Organisation.objects.update(households=180)
    at = now() - datetime.timedelta(minutes=10)
    for place in range(20):
        send(world, f"139{place:08d}", at=at, address=f"192.0.2.{place}")
    client.force_login(world.accounts["office"])

    assert "每天 200 条，已发 20 条，用了 0 个" in client.get("/rounds/").content.decode()
    assert "1 个居村的短信验证码要看一看" in client.get("/rounds/wall/").content.decode()


def test_a_message_that_did_not_go_out_is_told_and_counts_against_the_limits(world, outbox):
    Outbox.fails = True

    assert refusal(send, world) == ["sms.unreachable"]
    assert refusal(send, world) == ["sms.cooldown"]


def test_nothing_is_sent_where_the_rules_do_not_name_it_or_nobody_set_it_up(db, outbox, settings):
    elsewhere = make_voting_world(verification=["household_code"])
    assert refusal(send, elsewhere) == ["ballots.way_not_accepted"]
    elsewhere.season.delete()
    settings.SMS_GATEWAY = ""
    assert outbox == []


def test_nothing_is_sent_before_a_gateway_is_set_up(world, outbox, settings):
    settings.SMS_GATEWAY = ""

    assert refusal(send, world) == ["ballots.way_not_ready"]


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (lambda season: pause_rounds(season, by=None, reason="x"), "ballots.paused"),
        (lambda season: close_rounds(season, by=None), "ballots.closed"),
    ],
)
def test_nothing_is_sent_while_there_is_no_voting(world, outbox, stop, code):
    stop(world.season)

    assert refusal(send, world) == [code]
    assert outbox == []


def test_what_is_older_than_a_day_is_purged_with_the_next_message_and_all_of_it_at_close(world):
    send(world)
    send(world, "13800000000", at=after(days=1, minutes=1))
    assert PhoneCheck.objects.count() == 1

    close_rounds(world.season, by=None, kinds=["projects"])
    assert PhoneCheck.objects.count() == 1
    close_rounds(world.season, by=None)
    assert PhoneCheck.objects.count() == 0


def test_a_pass_is_refused_where_the_rules_do_not_name_its_way(db):
    world = make_voting_world(verification=["household_code"])
    key = season_key(world.season)
    text = passes.issue_pass(key, number=1, channel="sms", identity=bytes(16), expires=after(minutes=30))

    assert entitled(text) is Refusal.NOT_A_WAY


def test_a_household_code_is_refused_where_the_rules_name_phones_only(db):
    from tests.factories.ballots import make_code

    world = make_voting_world(verification=["sms"])

    assert entitled(make_code(world.enrolments[0])) is Refusal.NOT_A_WAY
