"""What is taken from ballots once the search is over, and that nothing else changes."""

from collections import Counter
from dataclasses import replace

import pytest

from dongliang.ballots.actions.closing import destroy_key
from dongliang.ballots.actions.integrity import end_search, examine_round, judge_flag
from dongliang.ballots.actions.publishing import archive_of, open_tally, publish_statement
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.checking import check_archive
from dongliang.ballots.models import Ballot, FlaggedBallot
from dongliang.ballots.queries.coverage import tally
from dongliang.ballots.queries.integrity import round_ledger
from dongliang.ballots.queries.proof import differs_from, last_statement
from dongliang.ballots.queries.residents import receipt_status
from dongliang.common.models import ActionLogEntry
from dongliang.people.models import Role
from tests.factories.ballots import cast, cast_at, make_cast, make_rounds, make_stuffed_round
from tests.factories.season import make_account, make_world

KEPT = ("enrolment_id", "credential", "receipt", "nonce", "marks", "status", "exclusion")


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def rounds(world):
    return make_rounds(world.season)


def rows(round, *names):
    return Counter(
        tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
        for row in round.ballots.values_list(*names)
    )


def household(rounds, enrolment, serial, *, hours=0.0, **changes):
    """A household's rating, and its picks right after it."""
    for round, marks in zip(rounds, ("5545", "1,2"), strict=True):
        cast_at(round, hours, replace(make_cast(round, enrolment, marks, serial), **changes))


def test_the_end_of_the_search_empties_minute_way_and_origin_and_keeps_all_else(world, rounds):
    household(rounds, world.enrolments[0], 1, origin=b"\1\2\3\4", in_sample=True)
    household(rounds, world.enrolments[0], 2, channel="sms", hours=30)
    household(rounds, world.enrolments[0], 2, channel="sms", hours=31)
    close_rounds(world.season, by=None)
    before = [rows(round, *KEPT) for round in rounds]

    end_search(world.season, by=None)

    assert [rows(round, *KEPT) for round in rounds] == before
    assert rows(rounds[0], "cast_at", "channel", "origin", "in_sample") == {
        (None, "", None, True): 1,
        (None, "", None, False): 2,
    }
    assert rows(rounds[1], "cast_at", "channel", "origin", "in_sample") == {(None, "", None, False): 3}


def test_how_many_came_by_which_way_stays_in_the_log_for_the_whole_round(world, rounds):
    household(rounds, world.enrolments[0], 1)
    household(rounds, world.enrolments[1], 1)
    household(rounds, world.enrolments[0], 2, channel="sms")
    close_rounds(world.season, by=None)

    end_search(world.season, by=None)

    entries = ActionLogEntry.objects.filter(verb="ballots.round.search_ended")
    assert [entry.detail for entry in entries] == [{"ways": {"code": 2, "sms": 1}}] * 2


def test_ballots_stand_under_new_numbers_in_an_order_of_chance(world, rounds):
    cast(rounds[0], *(make_cast(rounds[0], world.enrolments[0], "5545", serial) for serial in range(1, 31)))
    arrived = [bytes(receipt) for receipt in rounds[0].ballots.values_list("receipt", flat=True)]
    close_rounds(world.season, by=None)

    end_search(world.season, by=None)

    now = [bytes(receipt) for receipt in rounds[0].ballots.order_by("pk").values_list("receipt", flat=True)]
    # The same order again comes once in 30 factorial.
    assert (sorted(now), now != arrived) == (sorted(arrived), True)


def test_the_ballots_of_another_season_stay_as_they_are(world, rounds):
    cast(rounds[0], make_cast(rounds[0], world.enrolments[0]))
    other = make_world(code="YZ")
    [others, _projects] = make_rounds(other.season)
    cast(others, make_cast(others, other.enrolments[0]))
    before = list(others.ballots.values())
    close_rounds(world.season, by=None)

    end_search(world.season, by=None)

    assert list(others.ballots.values()) == before
    cast(others, make_cast(others, other.enrolments[0], "1111", 2))
    assert others.ballots.count() == 2


def test_what_was_published_holds_and_what_is_published_later_too(world, rounds):
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0]))
    cast(rounds[0], *(make_cast(rounds[0], world.enrolments[0], "5555", serial) for serial in range(2, 14)))
    close_rounds(world.season, by=None)
    before = archive_of(last_statement(world.season)).read_bytes()

    end_search(world.season, by=None)

    assert not differs_from(last_statement(world.season))
    assert publish_statement(world.season, by=None) == last_statement(world.season)
    assert archive_of(last_statement(world.season)).read_bytes() == before
    report = check_archive(archive_of(open_tally(world.season, by=None)), [receipt])
    assert (report.faults, report.found[receipt].leaf.status) == ([], "counted")
    assert receipt_status(receipt).status == "counted"
    destroy_key(world.season, by=None)
    assert receipt_status(receipt).status == "counted"


def test_the_panel_s_decisions_stay_and_which_ballots_they_were_about_does_not(world):
    round = make_stuffed_round(world)
    [flag] = examine_round(round, by=None)
    for member in (world.accounts["office"], make_account("colleague", (Role.OFFICE, world.district))):
        judge_flag(flag, decision="exclude", reason="看过了", by=member)
    before = tally(round)

    end_search(world.season, by=None)

    assert not FlaggedBallot.objects.exists()
    assert tally(round) == before
    round.refresh_from_db()
    assert [(row.reason, row.ballots) for row in round_ledger(round).rows] == [("burst", 14)]


def test_where_no_search_was_ended_the_destruction_of_the_key_empties_them(world, rounds):
    household(rounds, world.enrolments[0], 1, origin=b"\1\2\3\4")
    close_rounds(world.season, by=None)
    open_tally(world.season, by=None)

    destroy_key(world.season, by=None)

    assert set(Ballot.objects.values_list("cast_at", "channel", "origin")) == {(None, "", None)}


def test_a_search_ended_twice_draws_no_new_numbers(world, rounds):
    household(rounds, world.enrolments[0], 1)
    close_rounds(world.season, by=None)
    end_search(world.season, by=None)
    before = list(Ballot.objects.order_by("pk").values())

    end_search(world.season, by=None)

    assert list(Ballot.objects.order_by("pk").values()) == before
