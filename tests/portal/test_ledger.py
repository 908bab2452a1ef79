import json

import pytest
from django.urls import reverse

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.queries.lists import publishing_blockers
from dongliang.ballots.actions.integrity import judge_flag
from dongliang.ballots.models import Round
from dongliang.common.refusals import Refused
from dongliang.people.models import Role
from dongliang.portal.queries import ledger_of, lists_with_excluded
from dongliang.scoring.actions import run_scoring
from tests.factories.ballots import make_flag
from tests.factories.scoring import make_closed_world, make_collecting_world
from tests.factories.season import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    world = make_closed_world()
    world.accounts["colleague"] = make_account("colleague", (Role.OFFICE, world.district))
    return world


def exclude(world, flag):
    for role in ("office", "colleague"):
        judge_flag(flag, decision="exclude", reason="看过了", by=world.accounts[role])


def drawn_lists(world):
    return draw_lists(run_scoring(world.season, by=None), by=None)


def refusal(honour_list):
    with pytest.raises(Refused) as refused:
        publish_list(honour_list, by=None)
    return [blocker.code for blocker in refused.value.blockers]


def read(client):
    return client.get(reverse("portal:ballot_ledger")).content.decode()


def test_no_list_is_published_while_a_flag_waits(world):
    make_flag(world.season, world.enrolments[0])
    [first, *_others] = drawn_lists(world)

    assert refusal(first) == ["ballots.flags_undecided"]


def test_a_list_drawn_before_ballots_were_excluded_is_refused_and_one_scored_again_is_not(world):
    flag = make_flag(world.season, world.enrolments[0])
    [first, *_others] = drawn_lists(world)
    exclude(world, flag)

    assert refusal(first) == ["awards.excluded_since"]
    again = drawn_lists(world)
    assert publishing_blockers(again[0]) == []


def test_publishing_the_first_list_ends_the_search_for_good(world):
    flag = make_flag(world.season, world.enrolments[0])
    exclude(world, flag)
    first, second, _third = drawn_lists(world)
    publish_list(first, by=None)

    late = make_flag(world.season, world.enrolments[1])
    with pytest.raises(Refused) as refused:
        judge_flag(late, decision="exclude", reason="迟了", by=world.accounts["office"])

    assert [blocker.code for blocker in refused.value.blockers] == ["ballots.search_over"]
    assert all(round.search_ended_at for round in Round.objects.all())
    late.delete()
    assert publishing_blockers(second) == []


def test_excluded_ballots_are_an_input_of_the_run_of_their_own(world):
    exclude(world, make_flag(world.season, world.enrolments[0]))
    inputs = json.loads(run_scoring(world.season, by=None).inputs)

    assert sum(count for number, _marks, count in inputs["excluded_ballots"] if number == 1) == 12
    assert [number for number, _marks, _count in inputs["ballots"] if number == 1] == []


def test_the_ledger_shows_no_result_before_a_list_is_public(client, world):
    exclude(world, make_flag(world.season, world.enrolments[0]))
    drawn_lists(world)

    text = read(client)

    assert "还在检查" in text
    assert "算上与不算上" not in text
    assert not any(entry.person.name in text for entry in world.enrolments)


def test_the_public_ledger_tells_reasons_and_numbers_and_nobody_who_decided(client, world):
    exclude(world, make_flag(world.season, world.enrolments[0]))
    for honour_list in drawn_lists(world):
        publish_list(honour_list, by=None)

    text = read(client)

    assert "短时间内雷同票过多" in text
    assert "算上与不算上的结果" in text
    assert world.accounts["colleague"].display_name not in text
    assert "看过了" not in text
    ledger = ledger_of(world.season)
    assert [(entry.stored, entry.counted, entry.excluded) for entry in ledger.rounds] == [
        (72, 60, 12),
        (72, 72, 0),
    ]
    assert [row.title for row in ledger.lists] == [
        "最美书记",
        "最受欢迎的“开门第一件事”",
        "最妥一件事",
    ]


def test_a_season_without_exclusions_says_that_the_lists_are_the_same_either_way(client, world):
    [first, *_others] = drawn_lists(world)
    publish_list(first, by=None)

    assert lists_with_excluded(world.season) == []
    assert "名单没有两样" in read(client)


def test_of_few_excluded_ballots_of_lost_cards_the_ledger_does_not_say_that_none_was_excluded(client, world):
    """The result with them would be theirs alone, so that it is not told; and that it is not, is."""
    flag = make_flag(world.season, world.enrolments[0], kind="revoked")
    flag.ballots.filter(pk__gt=flag.ballots.first().pk).delete()
    exclude(world, flag)
    [first, *_others] = drawn_lists(world)
    publish_list(first, by=None)

    text = read(client)

    assert lists_with_excluded(world.season) == []
    assert ("名单没有两样" in text, "再少就能看出某一户说了什么" in text) == (False, True)


def test_an_open_round_is_not_in_the_ledger(client):
    world = make_collecting_world()

    assert ledger_of(world.season).rounds == []
    assert "还没有可公布的" in read(client)
