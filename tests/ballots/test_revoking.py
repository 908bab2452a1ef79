from collections import Counter

import pytest

from dongliang.ballots.actions.cards import print_cards
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.intake.entitlement import Entitlement, Refusal
from dongliang.ballots.models import Ballot, RevokedCard
from dongliang.ballots.queries.cards import cards_allowed, next_replacement, revoked_serials
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from tests.factories.ballots import cast, entitled, make_cast, make_code, make_rounds
from tests.factories.season import make_world


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


def stored(round):
    return Counter(round.ballots.values_list("enrolment__number", "marks", "status", "exclusion"))


def test_a_revoked_card_is_refused_with_a_sentence_and_its_neighbours_are_not(world, rounds):
    codes = [make_code(world.enrolments[0], serial) for serial in (1, 2, 3)]

    revoke(world, 2)

    assert [isinstance(entitled(code), Entitlement) for code in codes] == [True, False, True]
    assert entitled(codes[1]) is Refusal.REVOKED
    assert isinstance(entitled(make_code(world.enrolments[1], 2)), Entitlement)


def test_what_was_cast_with_a_revoked_card_is_excluded_in_both_rounds(world, rounds):
    secretaries, projects = rounds
    for round, marks in ((secretaries, "5545"), (projects, "1,4")):
        cast(round, make_cast(round, world.enrolments[0], marks, serial=2))
        cast(round, make_cast(round, world.enrolments[0], marks, serial=3))
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "1111", serial=2))

    excluded = revoke(world, 1, 2)

    assert excluded == 2
    assert stored(secretaries) == {
        (1, "5545", "superseded", ""): 1,
        (1, "1111", "excluded", "revoked"): 1,
        (1, "5545", "counted", ""): 1,
    }
    assert stored(projects) == {(1, "1,4", "excluded", "revoked"): 1, (1, "1,4", "counted", ""): 1}


def test_the_card_in_its_place_votes_and_counts(world, rounds):
    secretaries, _ = rounds
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "1111", serial=2))
    revoke(world, 2)

    serial = next_replacement(world.enrolments[0])
    [code] = print_cards(world.enrolments[0], first=serial, last=serial, by=None).values()
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "5555", serial=serial))

    assert serial == 401
    assert isinstance(entitled(code), Entitlement)
    assert stored(secretaries) == {(1, "1111", "excluded", "revoked"): 1, (1, "5555", "counted", ""): 1}


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


def test_a_ballot_that_came_in_beside_the_revoking_is_caught_at_close(world, rounds):
    """Its code was checked before, and it was stored after."""
    secretaries, _ = rounds
    revoke(world, 2)
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "1111", serial=2))

    close_rounds(world.season, by=None)

    assert stored(secretaries) == {(1, "1111", "excluded", "revoked"): 1}
    entry = ActionLogEntry.objects.filter(verb="ballots.round.closed").order_by("sequence")[1]
    assert entry.detail["counted"] == 0


def test_a_closed_round_s_ballots_stay_when_a_card_is_revoked(world, rounds):
    secretaries, projects = rounds
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "5545", serial=2))
    cast(projects, make_cast(projects, world.enrolments[0], "1", serial=2))
    close_rounds(world.season, by=None, kinds=["secretaries"])

    revoke(world, 2)

    assert stored(secretaries) == {(1, "5545", "counted", ""): 1}
    assert stored(projects) == {(1, "1", "excluded", "revoked"): 1}


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


def test_revoking_is_logged_without_a_code(world, rounds):
    revoke(world, 3, 2, 2, reason="seen")

    entry = ActionLogEntry.objects.get(verb="ballots.cards.revoked")
    assert (entry.by, entry.detail) == (
        world.accounts["office"],
        {"serials": [2, 3], "reason": "seen", "ballots_excluded": 0},
    )


def test_revoked_serials_stand_by_secretary_s_number(world, rounds):
    revoke(world, 2, 5)
    revoke(world, 1, place=3)

    assert revoked_serials(world.season) == {1: frozenset({2, 5}), 4: frozenset({1})}


def test_a_thousand_revoked_cards_are_excluded(world, rounds):
    secretaries, _ = rounds
    world.enrolments[0].organisation.households = 1200
    world.enrolments[0].organisation.save()
    cast(
        secretaries,
        *(make_cast(secretaries, world.enrolments[0], "5545", serial) for serial in (1, 600, 1000)),
    )

    assert revoke(world, *range(1, 1001)) == 3
    assert not Ballot.objects.filter(status="counted").exists()
