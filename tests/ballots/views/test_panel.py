import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dongliang.ballots.actions.integrity import judge_flag
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.models import Ballot, Flag, Round
from dongliang.ballots.queries.integrity import Evidence
from dongliang.ballots.views.panel import RAREST, in_words, rareness
from dongliang.common.models import ActionLogEntry
from dongliang.people.models import Role
from tests.factories.ballots import cast, make_cast, make_code, make_flag, make_rounds, make_stuffed_round
from tests.factories.season import make_account, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    world = make_world()
    world.accounts["colleague"] = make_account("colleague", (Role.OFFICE, world.district))
    return world


@pytest.fixture
def flag(world):
    """Fourteen ballots of the first neighbourhood, flagged."""
    secretaries, _ = make_rounds(world.season)
    home = world.enrolments[0]
    cast(secretaries, *(make_cast(secretaries, home, "5555", serial) for serial in range(1, 15)))
    Round.objects.update(state="closed")
    return make_flag(world.season, home)


def page(client, flag=None):
    name, arguments = ("ballots:flag", [flag.pk]) if flag else ("ballots:flags", [])
    return client.get(reverse(name, args=arguments)).content.decode()


def say(client, flag, decision, reason="看过了"):
    return client.post(
        reverse("ballots:flag", args=[flag.pk]), {"decision": decision, "reason": reason}, follow=True
    )


def test_two_people_judge_on_the_page_and_the_second_decides(client, world, flag):
    for role in ("office", "colleague"):
        client.force_login(world.accounts[role])
        told = say(client, flag, "exclude", f"{role}看过了").content.decode()

    assert "14 张票不予计入" in told
    assert Ballot.objects.filter(status="excluded", exclusion="burst").count() == 14
    assert "office看过了" in page(client, flag)


def test_a_flag_on_revoked_cards_shows_who_revoked_and_neither_marks_nor_times(client, world):
    secretaries, _ = make_rounds(world.season)
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "5555", 7))
    revoke_cards(world.enrolments[0], [7, 8], reason="lost", by=world.accounts["office"])
    close_rounds(world.season, by=None)
    client.force_login(world.accounts["colleague"])

    seen = page(client, Flag.objects.get())

    assert "这个居村作废的卡：2 张。用这些卡投过的票：1 张。" in seen
    assert f'{world.accounts["office"]}</span><span class="ledger-note">遗失</span>' in seen
    assert "2 张卡" in seen
    assert "<svg" not in seen.split("<h1")[1].split("<form")[0]
    assert "卡已挂失" in page(client)


def test_neither_verdict_is_shown_before_both_are_in(client, world, flag):
    judge_flag(flag, decision="exclude", reason="我的理由", by=world.accounts["office"])
    client.force_login(world.accounts["colleague"])

    seen = page(client, flag) + page(client)

    assert "我的理由" not in seen
    assert world.accounts["office"].display_name not in seen
    assert "等您复核" in seen


def test_whoever_has_judged_waits_for_the_other(client, world, flag):
    client.force_login(world.accounts["office"])
    say(client, flag, "keep")

    assert "您已提交" in page(client)
    assert "您已经提交了意见" in page(client, flag)
    say(client, flag, "exclude")
    assert flag.verdicts.get().decision == "keep"


def test_a_verdict_without_a_reason_is_asked_for_it_and_stored_nowhere(client, world, flag):
    client.force_login(world.accounts["office"])

    answered = say(client, flag, "exclude", " ")

    assert answered.status_code == 200
    assert not flag.verdicts.exists()


def test_the_page_shows_neither_a_code_nor_a_ballot_and_says_that_a_flag_is_no_verdict(client, world, flag):
    client.force_login(world.accounts["office"])
    text = page(client, flag)

    assert "靠统计分不出来" in text
    assert make_code(world.enrolments[0], 1) not in text
    ballots = Ballot.objects.all()
    assert not any(
        bytes(value).hex() in text for row in ballots.values_list("credential", "receipt") for value in row
    )


def test_the_page_tells_who_is_alone_in_the_office_that_it_takes_two(client, world, flag):
    world.accounts["colleague"].delete()
    client.force_login(world.accounts["office"])

    assert "现在有 1 人能登录" in page(client)


def test_the_office_examines_previews_and_ends_from_the_page(client, world):
    round = make_stuffed_round(world, close=False)
    client.force_login(world.accounts["office"])
    slug = world.season.slug

    previewed = client.post(reverse("ballots:preview_flags", args=[slug]), follow=True).content.decode()
    too_early = client.post(reverse("ballots:examine", args=[slug]), follow=True).content.decode()
    Round.objects.update(state="closed")
    examined = client.post(reverse("ballots:examine", args=[slug]), follow=True).content.decode()
    waiting = client.post(reverse("ballots:end_search", args=[slug]), follow=True).content.decode()
    Flag.objects.update(state="kept")
    ended = client.post(reverse("ballots:end_search", args=[slug]), follow=True).content.decode()

    assert "短时间内雷同票过多 1 个" in previewed
    assert "请先结束" in too_early
    assert "新疑点 1 个" in examined
    assert "还有 1 个疑点没有复核" in waiting
    assert "检查已结束" in ended
    round.refresh_from_db()
    assert round.search_ended_at


def test_the_list_takes_as_many_queries_for_three_flags_as_for_one(client, world, flag):
    client.force_login(world.accounts["office"])
    page(client)
    with CaptureQueriesContext(connection) as one:
        page(client)
    for _more in range(2):
        make_flag(world.season, world.enrolments[0])
    with CaptureQueriesContext(connection) as three:
        page(client)

    assert len(three) == len(one)


@pytest.mark.parametrize("kind", ["burst", "origin", "straight", "copies", "cards"])
def test_every_kind_of_flag_is_told_in_whole_sentences(flag, kind):
    flag.kind = kind

    words = in_words(flag, Evidence.of(flag), {})

    assert words.seen.endswith("。")
    assert words.chance.endswith("。")
    assert "14" in words.seen
    assert "%(" not in words.seen + words.chance


def test_how_rare_a_flag_is_is_told_in_rounds_and_no_finer_than_that():
    assert "4,762 轮" in rareness(0.00021)
    assert f"{RAREST:,} 轮投票里也出现不了一次" in rareness(1e-20)


def test_opening_a_visiting_list_takes_a_press_of_the_button(client, world):
    make_rounds(world.season)
    client.force_login(world.accounts["office"])
    address = reverse("ballots:visiting_list", args=[world.enrolments[0].organisation.code])

    looked, pressed = client.get(address).content.decode(), client.post(address).content.decode()

    assert "door-box" not in looked
    assert pressed.count("door-box") == 55
    assert ActionLogEntry.objects.filter(verb="ballots.sample.list_opened").count() == 1
