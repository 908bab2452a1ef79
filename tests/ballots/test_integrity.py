import dataclasses

import pytest

from dongliang.ballots.actions.integrity import end_search, examine_round, judge_flag, preview_flags
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.keys import key_path
from dongliang.ballots.models import Ballot, Flag, Round
from dongliang.ballots.queries.coverage import tally
from dongliang.ballots.queries.integrity import (
    Evidence,
    LedgerRow,
    excluded_tally,
    exclusions,
    flags_visible_to,
    panel_members,
    round_ledger,
    withheld,
)
from dongliang.ballots.queries.residents import receipt_status
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.people.models import Role
from tests.factories.ballots import (
    cast,
    cast_at,
    cast_honestly,
    make_cast,
    make_rounds,
    make_stuffed_round,
    stuff_burst,
)
from tests.factories.season import make_account, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    world = make_world()
    world.accounts["colleague"] = make_account("colleague", (Role.OFFICE, world.district))
    return world


@pytest.fixture
def flag(world):
    [flag] = examine_round(make_stuffed_round(world), by=None)
    return flag


def refusal(action, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        action(*args, **kwargs)
    return [blocker.code for blocker in refused.value.blockers]


def judged(flag, world, *decisions):
    for role, decision in zip(("office", "colleague"), decisions, strict=False):
        judge_flag(flag, decision=decision, reason="看过了", by=world.accounts[role])
    flag.refresh_from_db()
    return flag


def excluded(round):
    return round.ballots.filter(status=Ballot.Status.EXCLUDED).count()


def test_a_burst_is_flagged_with_what_it_is_held_against(flag, world):
    evidence = Evidence.of(flag)

    assert (flag.enrolment, flag.kind, flag.number, flag.state) == (
        world.enrolments[0],
        "burst",
        14,
        "raised",
    )
    assert (evidence.pattern, evidence.observed, evidence.among) == ("5555", 14, 14)
    assert (evidence.last - evidence.first).total_seconds() == 360
    assert sum(evidence.times["flagged"]) == 14
    assert sum(evidence.times["others"]) == 30
    assert [mark for mark, _here, _elsewhere in evidence.shares] == ["5", "4", "3", "2", "1", "0"]
    assert sum(here for _mark, here, _elsewhere in evidence.shares) == pytest.approx(1, abs=1e-3)


def test_a_flag_alone_excludes_nothing(flag):
    assert excluded(flag.round) == 0


def test_an_honest_round_raises_no_flag(world):
    secretaries, _ = make_rounds(world.season)
    cast_honestly(secretaries, *world.enrolments)

    assert examine_round(close_rounds(world.season, by=None)["secretaries"], by=None) == []


def test_a_round_without_a_ballot_raises_no_flag(world):
    make_rounds(world.season)

    assert examine_round(close_rounds(world.season, by=None)["projects"], by=None) == []


def test_picks_alike_at_once_are_flagged_in_the_round_of_projects(world):
    _, projects = make_rounds(world.season)
    cast_honestly(projects, *world.enrolments)
    stuff_burst(projects, world.enrolments[1])

    [flag] = examine_round(close_rounds(world.season, by=None)["projects"], by=None)

    assert (flag.enrolment, flag.kind, flag.number) == (world.enrolments[1], "burst", 14)
    assert Evidence.of(flag).shares == [["2", 0.4318, 0.1667]]


def test_consecutive_cards_used_together_are_found_though_no_serial_is_stored(world):
    secretaries, _ = make_rounds(world.season)
    home, spelt = world.enrolments[2], "5545 4434 5454 3544 4345 5555 2344 4454".split()
    cast_honestly(secretaries, *world.enrolments)
    for place in range(24):
        cast_at(
            secretaries, 30.0 + place // 3 * 7, make_cast(secretaries, home, spelt[place % 8], 200 + place)
        )

    [flag] = examine_round(close_rounds(world.season, by=None)["secretaries"], by=None)

    assert (flag.enrolment, flag.kind, flag.evidence["pattern"]) == (home, "cards", "")


def test_many_alike_from_one_connection_are_flagged(world):
    secretaries, _ = make_rounds(world.season)
    home = world.enrolments[3]
    cast_honestly(secretaries, *world.enrolments)
    for place in range(14):
        made = make_cast(secretaries, home, "5545", 300 + 3 * place)
        cast_at(secretaries, 5.0 * place, dataclasses.replace(made, origin=b"\x01\x02\x03\x04"))

    [flag] = examine_round(close_rounds(world.season, by=None)["secretaries"], by=None)

    assert (flag.enrolment, flag.kind, flag.number) == (home, "origin", 14)
    assert "01020304" not in str(flag.evidence)


def test_an_open_round_is_not_examined_and_its_preview_tells_kinds_and_numbers_only(world):
    round = make_stuffed_round(world, close=False)

    assert refusal(examine_round, round, by=None) == ["ballots.not_closed"]
    assert preview_flags(round, by=world.accounts["office"]) == {"burst": 1}
    assert not Flag.objects.exists()
    assert ActionLogEntry.objects.latest("sequence").verb == "ballots.round.previewed"


def test_a_closed_round_has_no_preview(flag):
    assert refusal(preview_flags, flag.round, by=None) == ["ballots.not_open"]


def test_nothing_is_examined_without_the_season_s_key(world):
    round = make_stuffed_round(world)
    key_path(world.season).unlink()

    assert refusal(examine_round, round, by=None) == ["ballots.key_lost"]


def test_two_different_people_who_say_so_exclude_the_flagged_ballots_and_no_others(flag, world):
    judged(flag, world, "exclude", "exclude")

    assert (flag.state, flag.excluded) == ("excluded", 14)
    assert excluded(flag.round) == 14
    assert excluded_tally(flag.round) == [(1, "5555", 14)]
    assert sum(count for _number, _marks, count in tally(flag.round)) == 180
    assert {reason for _receipt, reason in exclusions(flag.round)} == {"burst"}


@pytest.mark.parametrize("decisions", [("exclude", "keep"), ("keep", "exclude"), ("keep", "keep")])
def test_any_other_two_verdicts_let_the_ballots_count(flag, world, decisions):
    judged(flag, world, *decisions)

    assert (flag.state, flag.excluded, excluded(flag.round)) == ("kept", 0, 0)


def test_one_verdict_decides_nothing_and_its_giver_cannot_give_the_other(flag, world):
    judged(flag, world, "exclude")

    again = refusal(judge_flag, flag, decision="exclude", reason="再判", by=world.accounts["office"])
    assert again == ["ballots.judged_already"]
    assert (flag.state, excluded(flag.round)) == ("raised", 0)


def test_the_log_tells_no_verdict_before_both_are_in(flag, world):
    judged(flag, world, "exclude")
    first = ActionLogEntry.objects.latest("sequence")
    judge_flag(flag, decision="exclude", reason="同意", by=world.accounts["colleague"])
    second = ActionLogEntry.objects.latest("sequence")

    assert (first.verb, first.detail) == ("ballots.flag.judged", {})
    assert (second.verb, second.detail["state"]) == ("ballots.flag.decided", "excluded")
    assert [decision for _account, decision in second.detail["verdicts"]] == ["exclude", "exclude"]


def test_a_decided_flag_takes_no_third_verdict(flag, world):
    judged(flag, world, "exclude", "keep")
    third = make_account("third", (Role.OFFICE, world.district))

    assert refusal(judge_flag, flag, decision="exclude", reason="我看该排除", by=third) == [
        "ballots.flag_decided"
    ]


def test_nobody_judges_in_their_own_cause_and_the_operator_not_at_all(flag, world):
    concerned = world.accounts["secretary"]
    operator = make_account("operator")
    operator.is_superuser = True

    assert refusal(judge_flag, flag, decision="keep", reason="好", by=concerned) == [
        "ballots.judged_in_own_cause"
    ]
    assert refusal(judge_flag, flag, decision="keep", reason="好", by=operator) == [
        "ballots.judged_by_operator"
    ]


def test_a_verdict_needs_a_reason_and_to_be_one_of_the_two(flag, world):
    by = world.accounts["office"]

    assert refusal(judge_flag, flag, decision="maybe", reason=" ", by=by) == [
        "ballots.no_verdict",
        "ballots.no_reason",
    ]


def test_examining_again_replaces_what_nobody_has_judged(flag, world):
    [again] = examine_round(flag.round, by=None)

    assert again.pk != flag.pk
    assert refusal(judge_flag, flag, decision="keep", reason="好", by=world.accounts["office"]) == [
        "ballots.flag_replaced"
    ]


@pytest.mark.parametrize(("decisions", "state"), [(("exclude",), "raised"), (("keep", "keep"), "kept")])
def test_examining_again_leaves_what_was_judged_and_does_not_raise_it_twice(flag, world, decisions, state):
    judged(flag, world, *decisions)

    assert examine_round(flag.round, by=None) == []
    assert list(Flag.objects.values_list("pk", "state")) == [(flag.pk, state)]


def test_ballots_that_another_flag_took_are_not_taken_twice(flag, world):
    twin = Flag.objects.create(
        round=flag.round, enrolment=flag.enrolment, kind="straight", number=14, evidence=flag.evidence
    )
    for ballot in flag.ballots.values_list("ballot", flat=True):
        twin.ballots.create(ballot_id=ballot)

    judged(flag, world, "exclude", "exclude")
    judged(twin, world, "exclude", "exclude")

    assert (flag.excluded, twin.excluded, excluded(flag.round)) == (14, 0, 14)


def test_the_search_ends_once_all_is_judged_and_forgets_where_ballots_came_from(flag, world):
    Ballot.objects.update(origin=b"\x00\x00\x00\x01")
    assert refusal(end_search, world.season, by=None) == ["ballots.flags_undecided"]
    judged(flag, world, "exclude", "exclude")

    end_search(world.season, by=world.accounts["office"])

    assert not Ballot.objects.filter(origin__isnull=False).exists()
    flag.round.refresh_from_db()
    assert refusal(examine_round, flag.round, by=None) == ["ballots.search_over"]
    ended = flag.round.search_ended_at
    end_search(world.season, by=None)
    flag.round.refresh_from_db()
    assert flag.round.search_ended_at == ended


def test_nothing_is_excluded_after_the_search_has_ended(flag, world):
    Round.objects.update(search_ended_at=flag.raised_at)

    assert refusal(judge_flag, flag, decision="exclude", reason="迟了", by=world.accounts["office"]) == [
        "ballots.search_over"
    ]


def test_the_search_does_not_end_while_a_round_is_open(world):
    make_rounds(world.season)

    assert refusal(end_search, world.season, by=None) == ["ballots.not_closed"] * 2


def test_flags_are_the_office_s_own(flag, world):
    stranger = make_world(code="YZ").accounts["office"]

    seen = {role: flags_visible_to(account).count() for role, account in world.accounts.items()}

    assert {role for role, count in seen.items() if count} == {"office", "colleague"}
    assert flags_visible_to(stranger).count() == 0


def test_the_panel_is_the_people_of_the_office_who_may_sign_in(world):
    gone = make_account("gone", (Role.OFFICE, world.district))
    gone.is_active = False
    gone.save()

    assert {account.username for account in panel_members(world.season)} == {
        world.accounts["office"].username,
        "colleague",
    }


def test_the_ledger_tells_what_became_of_the_flags_only_once_the_search_is_over(flag, world):
    judged(flag, world, "exclude", "exclude")
    before = round_ledger(flag.round)
    end_search(world.season, by=None)
    flag.round.refresh_from_db()

    after = round_ledger(flag.round)

    assert (before.rows, before.subdistricts) == ([], [])
    assert after.rows == [LedgerRow("burst", "短时间内雷同票过多", 1, 0, 1, 14)]
    assert after.subdistricts == [("望梁街道", 14), ("石桥镇", 0)]
    assert (after.stored, after.counted, after.superseded, after.revoked) == (194, 180, 0, 0)


def test_a_replaced_ballot_and_a_lost_card_have_lines_of_their_own(world):
    secretaries, _ = make_rounds(world.season)
    home = world.enrolments[0]
    cast_at(secretaries, 0, make_cast(secretaries, home, "5545", 1), make_cast(secretaries, home, "3333", 2))
    cast_at(secretaries, 1, make_cast(secretaries, home, "4444", 1))
    secretaries.ballots.filter(marks="3333").update(status="excluded", exclusion="revoked")

    found = round_ledger(close_rounds(world.season, by=None)["secretaries"])

    assert (found.stored, found.counted, found.superseded, found.revoked) == (3, 1, 1, 1)
    assert excluded_tally(secretaries) == []


def test_a_receipt_says_that_its_ballot_is_excluded(world):
    secretaries, _ = make_rounds(world.season)
    [receipt] = cast(secretaries, make_cast(secretaries, world.enrolments[0], "5555", 1))
    secretaries.ballots.update(status="excluded", exclusion="burst")

    assert receipt_status(receipt).status == "excluded"


@pytest.mark.parametrize(
    ("counts", "given"),
    [
        ([0, 0, 0], [0, 0, 0]),
        ([20, 30, 0], [20, 30, 0]),
        ([3, 30, 12], [None, 30, None]),
        ([3, 4, 30], [None, None, 30]),
        ([3, 0, 0], [None, None, 0]),
        ([3], [None]),
    ],
)
def test_a_small_number_is_withheld_and_one_alone_hides_behind_a_second(counts, given):
    assert withheld(counts, 10) == given
