from collections import Counter

import pytest

from dongliang.ballots.actions.cards import print_cards
from dongliang.ballots.actions.integrity import end_search, examine_round, judge_flag
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.intake.entitlement import Entitlement, Refusal
from dongliang.ballots.models import Ballot, Flag, FlaggedBallot, RevokedCard
from dongliang.ballots.queries.cards import (
    cards_allowed,
    cards_allowed_to,
    next_replacement,
    revocations,
    revoked_by_others,
    revoked_serials,
    spare_cards,
)
from dongliang.ballots.queries.integrity import LedgerRow, excluded_tally, round_ledger
from dongliang.ballots.queries.residents import receipt_status
from dongliang.ballots.queries.sample import sampled_serials
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.people.models import Role
from tests.factories.ballots import cast, entitled, make_cast, make_code, make_rounds
from tests.factories.season import make_account, make_world


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def rounds(world):
    return make_rounds(world.season)


def revoke(world, *serials, place=0, reason="lost"):
    return revoke_cards(world.enrolments[place], serials, reason=reason, by=world.accounts["office"])


def refusal(action, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        action(*args, **kwargs)
    return [blocker.code for blocker in refused.value.blockers]


def cast_with(world, rounds, *serials, place=0):
    """A ballot of each card in each of the rounds."""
    for round in rounds:
        marks = "5545" if round.kind == "secretaries" else "1,4"
        cast(round, *(make_cast(round, world.enrolments[place], marks, serial) for serial in serials))


def judge(world, *decisions):
    """Both members of the panel on every flag."""
    members = [world.accounts["office"], make_account("colleague", (Role.OFFICE, world.district))]
    for flag in Flag.objects.all():
        for member, decision in zip(members, decisions, strict=True):
            judge_flag(flag, decision=decision, reason="问过了", by=member)


def sampled(world):
    return sampled_serials(world.season)[1]


def stored(round):
    return Counter(round.ballots.values_list("enrolment__number", "marks", "status", "exclusion"))


def test_a_revoked_card_is_refused_with_a_sentence_and_its_neighbours_are_not(world, rounds):
    codes = [make_code(world.enrolments[0], serial) for serial in (1, 2, 3)]

    revoke(world, 2)

    assert [isinstance(entitled(code), Entitlement) for code in codes] == [True, False, True]
    assert entitled(codes[1]) is Refusal.REVOKED
    assert isinstance(entitled(make_code(world.enrolments[1], 2)), Entitlement)


def test_the_next_replacement_is_beyond_every_household_s_own_card_and_all_printed(world, rounds):
    first = world.enrolments[0]
    print_cards(first, first=1, last=30, by=None)
    seen = [next_replacement(first)]
    print_cards(first, first=401, last=402, by=None)
    seen.append(next_replacement(first))

    assert seen == [401, 403]


def test_a_revoked_card_is_not_printed_again(world, rounds):
    revoke(world, 2)

    assert list(print_cards(world.enrolments[0], first=1, last=3, by=None)) == [1, 3]


def test_each_revoked_card_makes_room_for_one_more(world, rounds):
    before = cards_allowed(world.enrolments[0])
    revoke(world, 7, 8)

    assert cards_allowed(world.enrolments[0]) == before + 2


def test_what_cannot_be_revoked_is_refused_and_nothing_is(world):
    assert refusal(revoke, world, 1) == ["ballots.not_prepared"]
    make_rounds(world.season)
    revoke(world, 1)
    assert refusal(revoke, world, 1, 2) == ["ballots.revoked_already"]
    assert refusal(revoke, world, 0) == ["ballots.no_such_card"]
    assert refusal(revoke, world, 442) == ["ballots.no_such_card"]
    close_rounds(world.season, by=None)
    assert refusal(revoke, world, 2) == ["ballots.closed_for_good"]
    assert list(RevokedCard.objects.values_list("serial", flat=True)) == [1]


def test_revoked_serials_stand_by_secretary_s_number(world, rounds):
    revoke(world, 2, 5)
    revoke(world, 1, place=3)

    assert revoked_serials(world.season) == {1: frozenset({2, 5}), 4: frozenset({1})}


def test_the_log_of_a_revoking_holds_no_code_and_not_whether_the_card_had_voted(world, rounds):
    secretaries, _ = rounds
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "1111", serial=2))

    told = revoke(world, 3, 2, 2, reason="seen")

    entry = ActionLogEntry.objects.get(verb="ballots.cards.revoked")
    assert (told, entry.by, entry.detail) == (
        None,
        world.accounts["office"],
        {"serials": [2, 3], "reason": "seen"},
    )


def test_no_row_of_a_ballot_changes_when_its_card_is_revoked(world, rounds):
    """Whoever reads the database before and after would have the household's ballot."""
    cast_with(world, rounds, 1, 2, 3)
    before = list(Ballot.objects.order_by("pk").values())

    revoke(world, 2)

    assert list(Ballot.objects.order_by("pk").values()) == before


def test_at_the_close_the_ballots_of_revoked_cards_are_one_flag_a_neighbourhood_and_count_as_yet(
    world, rounds
):
    cast_with(world, rounds, 1, 2, 3)
    cast_with(world, rounds, 5, place=3)
    revoke(world, 2, 3, 9)
    revoke(world, 5, place=3)
    revoke(world, 5, place=4)

    close_rounds(world.season, by=None)

    flags = Flag.objects.filter(round=rounds[0])
    assert [(flag.enrolment, flag.kind, flag.number, flag.evidence) for flag in flags] == [
        (world.enrolments[0], "revoked", 2, {"cards": 3}),
        (world.enrolments[3], "revoked", 1, {"cards": 1}),
    ]
    assert [flag.number for flag in Flag.objects.filter(round=rounds[1])] == [2, 1]
    assert set(Ballot.objects.values_list("status", "exclusion")) == {("counted", "")}


def test_a_ballot_that_came_in_beside_the_revoking_is_flagged_with_the_others(world, rounds):
    """Its code was checked before, and it was stored after."""
    revoke(world, 2)
    cast_with(world, rounds, 2)

    close_rounds(world.season, by=None)

    assert [flag.number for flag in Flag.objects.all()] == [1, 1]


def test_a_ballot_that_a_later_one_replaced_is_under_no_flag(world, rounds):
    secretaries, _ = rounds
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "1111", serial=2))
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "5555", serial=2))
    revoke(world, 2)

    close_rounds(world.season, by=None)

    assert [held.ballot.marks for held in FlaggedBallot.objects.all()] == ["5555"]


def test_two_people_exclude_the_ballots_of_revoked_cards_and_the_card_in_its_place_counts(world, rounds):
    cast_with(world, rounds, 1, 2)
    revoke(world, 2)
    serial = next_replacement(world.enrolments[0])
    [code] = print_cards(world.enrolments[0], first=serial, last=serial, by=None).values()
    cast_with(world, rounds, serial)
    close_rounds(world.season, by=None)

    judge(world, "exclude", "exclude")

    assert serial == 401
    assert isinstance(entitled(code), Entitlement)
    assert stored(rounds[0]) == {(1, "5545", "excluded", "revoked"): 1, (1, "5545", "counted", ""): 2}


@pytest.mark.parametrize("decisions", [("exclude", "keep"), ("keep", "keep")])
def test_ballots_of_revoked_cards_count_unless_two_people_say_otherwise(world, rounds, decisions):
    cast_with(world, rounds, 1, 2)
    revoke(world, 2)
    close_rounds(world.season, by=None)

    judge(world, *decisions)

    assert stored(rounds[0]) == {(1, "5545", "counted", ""): 2}


def test_examining_the_ballots_leaves_the_flag_of_revoked_cards_where_it_is(world, rounds):
    cast_with(world, rounds, 2)
    revoke(world, 2)
    close_rounds(world.season, by=None)
    before = list(Flag.objects.values_list("pk", flat=True))

    for round in world.season.rounds.all():
        examine_round(round, by=None)

    assert list(Flag.objects.values_list("pk", flat=True)) == before


def test_a_closed_round_s_ballots_stay_when_a_card_is_revoked(world, rounds):
    cast_with(world, rounds, 2)
    close_rounds(world.season, by=None, kinds=["secretaries"])

    revoke(world, 2)
    close_rounds(world.season, by=None)

    assert [flag.round for flag in Flag.objects.all()] == [rounds[1]]


def test_one_account_of_a_subdistrict_cannot_void_a_neighbourhood_s_votes(world, rounds):
    """It revokes all cards and asks for new ones: none of it goes through, and no vote is lost."""
    cast_with(world, rounds, *range(1, 21))
    clerk = world.accounts["subdistrict"]

    assert refusal(revoke_cards, world.enrolments[0], range(1, 401), reason="lost", by=clerk) == [
        "ballots.too_many_revoked",
        "ballots.kept_by_office",
    ]
    assert refusal(print_cards, world.enrolments[0], first=441, last=441, by=clerk) == [
        "ballots.too_many_cards"
    ]
    close_rounds(world.season, by=None)
    assert stored(rounds[0]) == {(1, "5545", "counted", ""): 20}
    assert not Flag.objects.exists()


def test_a_subdistrict_revokes_one_card_in_ten_and_the_office_what_it_decides(world, rounds):
    home, clerk = world.enrolments[0], world.accounts["subdistrict"]
    others = [serial for serial in range(1, 401) if serial not in sampled(world)]
    for serial in others[:40]:
        revoke_cards(home, [serial], reason="lost", by=clerk)

    assert refusal(revoke_cards, home, [others[40]], reason="lost", by=clerk) == ["ballots.too_many_revoked"]
    assert refusal(revoke_cards, home, [others[40]], reason="assisted", by=clerk) == [
        "ballots.too_many_revoked"
    ]
    revoke(world, *others[40:])
    assert home.revoked_cards.count() == len(others)


def test_what_the_office_revokes_leaves_a_subdistrict_its_own_cards_in_ten(world, rounds):
    home, clerk = world.enrolments[0], world.accounts["subdistrict"]
    others = [serial for serial in range(1, 401) if serial not in sampled(world)]
    revoke(world, *others[:100])

    revoke_cards(home, others[100:140], reason="lost", by=clerk)

    assert revoked_by_others(home) == 40


def test_where_households_are_unknown_a_subdistrict_revokes_twenty(world, rounds):
    home = world.enrolments[0]
    home.organisation.households = None

    assert spare_cards(home) == 20


def test_new_cards_for_revoked_ones_beyond_one_in_ten_are_the_office_s(world, rounds):
    home = world.enrolments[0]
    revoke(world, 7, 8)

    allowed = {role: cards_allowed_to(home, world.accounts[role]) for role in ("subdistrict", "office")}

    assert (allowed, cards_allowed_to(home, None)) == ({"subdistrict": 440, "office": 442}, 442)
    assert list(print_cards(home, first=442, last=442, by=world.accounts["office"])) == [442]


def test_cards_of_the_sample_are_revoked_by_the_office_or_with_the_household_there(world, rounds):
    home, clerk, [first, second, *_] = (
        world.enrolments[0],
        world.accounts["subdistrict"],
        sorted(sampled(world)),
    )

    assert refusal(revoke_cards, home, [first], reason="lost", by=clerk) == ["ballots.kept_by_office"]
    revoke_cards(home, [first], reason="assisted", by=clerk)
    revoke(world, second)

    assert sorted(home.revoked_cards.values_list("serial", flat=True)) == [first, second]


def test_who_revoked_is_told_by_account_and_reason(world, rounds):
    revoke(world, 1, 2, reason="seen")
    revoke(world, 3)
    revoke_cards(world.enrolments[0], [4], reason="lost", by=None)

    name = str(world.accounts["office"])
    assert revocations(world.enrolments[0]) == [
        (name, "码被别人看到", 2),
        ("", "遗失", 1),
        (name, "遗失", 1),
    ]


def test_a_thousand_revoked_cards_make_one_flag(world, rounds):
    secretaries, _ = rounds
    world.enrolments[0].organisation.households = 1200
    world.enrolments[0].organisation.save()
    cast_with(world, [secretaries], 1, 600, 1000)
    revoke(world, *range(1, 1001))

    close_rounds(world.season, by=None)

    assert [(flag.number, flag.evidence) for flag in Flag.objects.all()] == [(3, {"cards": 1000})]


def test_what_the_panel_takes_out_of_revoked_cards_has_a_line_of_its_own_in_the_ledger(world, rounds):
    cast_with(world, rounds, 1, 2)
    revoke(world, 2)
    close_rounds(world.season, by=None)
    judge(world, "exclude", "exclude")
    end_search(world.season, by=None)

    ledger = round_ledger(rounds[0].season.rounds.get(kind="secretaries"))

    assert ledger.rows == [LedgerRow("revoked", "卡已挂失", 1, 0, 1, 1)]
    assert (ledger.revoked, ledger.excluded) == (0, 1)


def test_a_result_with_the_excluded_ballots_tells_no_single_household_s_marks(world, rounds):
    """What one household of a revoked card said would stand among the run's inputs, for all to read."""
    cast_with(world, rounds, *range(1, 13))
    revoke(world, 2)
    close_rounds(world.season, by=None)
    judge(world, "exclude", "exclude")

    assert excluded_tally(rounds[0]) == []


def test_where_many_ballots_of_revoked_cards_are_out_the_result_with_them_has_them(world, rounds):
    cast_with(world, rounds, *range(1, 13))
    revoke(world, *range(1, 13))
    close_rounds(world.season, by=None)
    judge(world, "exclude", "exclude")

    assert excluded_tally(rounds[0]) == [(1, "5545", 12)]


def test_a_receipt_tells_whether_two_people_decided_or_the_revoking_did(world, rounds):
    """Ballots that an earlier version took out at the moment of the revoking stay out, and nobody decided on them."""
    [old] = cast(rounds[0], make_cast(rounds[0], world.enrolments[3], "5545", serial=2))
    Ballot.objects.update(status="excluded", exclusion="revoked")
    [judged] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "5545", serial=2))
    revoke(world, 2)
    close_rounds(world.season, by=None)
    judge(world, "exclude", "exclude")

    told = [receipt_status(receipt) for receipt in (old, judged)]

    assert [(each.exclusion, each.by_panel) for each in told] == [("revoked", False), ("revoked", True)]
    assert round_ledger(rounds[0].season.rounds.get(kind="secretaries")).revoked == 1
