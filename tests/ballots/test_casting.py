"""Ballots in the plain: committed, with whole batches at once, whichever way the database has of storing them."""

import datetime
import re
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dongliang.ballots import codes
from dongliang.ballots.actions.casting import (
    MOST_STORED,
    TIMES,
    TIMES_IN_SQLITE,
    cast_ballots,
    storing_usual,
)
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Ballot, Comment
from dongliang.common.arrays import array_literal
from dongliang.common.refusals import Refused
from dongliang.common.steps import carried_out
from tests.ballots.test_actions import in_threads, statuses, stored
from tests.factories.ballots import NOON, make_cast, make_rounds
from tests.factories.season import make_world


@pytest.fixture
def world(transactional_db):
    return make_world()


@pytest.fixture
def secretaries(world):
    return make_rounds(world.season)[0]


def taken(round, *casts, at=NOON):
    return cast_ballots(round, casts, key=season_key(round.season), at=at)


def make_casts(world, round, *serials, marks="5545"):
    return [make_cast(round, world.enrolments[0], marks, serial) for serial in serials]


def test_first_ballots_are_stored_each_with_its_own_receipt(world, secretaries):
    receipts = taken(secretaries, *make_casts(world, secretaries, 1, 2, 3))

    assert statuses(secretaries, receipts) == ["counted"] * 3
    assert len(set(receipts)) == Ballot.objects.count() == 3


def test_ballots_take_one_statement_where_the_database_can_tell_them_apart(world, secretaries):
    with CaptureQueriesContext(connection) as seen:
        taken(secretaries, *make_casts(world, secretaries, 1, 2, 3))

    statements = [re.sub(r"^\d+ times: ", "", query["sql"]).split()[0] for query in seen]
    # PostgreSQL's one is prepared, past Django's eyes.
    asked = [] if connection.vendor == "postgresql" else ["SELECT", "INSERT"]
    assert statements == ["BEGIN", *asked, "COMMIT"]


def test_a_later_ballot_replaces_the_one_before_and_leaves_others_alone(world, secretaries):
    taken(secretaries, *make_casts(world, secretaries, 1, 2))

    receipts = taken(secretaries, *make_casts(world, secretaries, 2, 3, marks="1111"))

    assert statuses(secretaries, receipts) == ["counted"] * 2
    assert stored(secretaries) == {
        (1, "5545", "counted"): 1,
        (1, "5545", "superseded"): 1,
        (1, "1111", "counted"): 2,
    }


def test_a_later_ballot_takes_one_statement_too_and_one_sent_again_replaces_nothing(world, secretaries):
    [first] = make_casts(world, secretaries, 1)
    [later] = make_casts(world, secretaries, 1, marks="1111")

    def at_once(cast):
        steps = storing_usual(secretaries, [cast], key=season_key(secretaries.season), at=NOON)
        return carried_out(steps)

    found = [at_once(cast) for cast in (first, later, later, first)]

    if connection.vendor == "postgresql":
        assert [len(receipts) for receipts in found] == [1, 1, 0, 0]
        assert stored(secretaries) == {(1, "5545", "superseded"): 1, (1, "1111", "counted"): 1}
    else:
        assert found == [{}] * 4


def test_of_two_ballots_of_a_household_in_one_moment_the_last_counts(world, secretaries):
    first, last = (*make_casts(world, secretaries, 1, marks="1111"), *make_casts(world, secretaries, 1))

    receipts = taken(secretaries, first, *make_casts(world, secretaries, 2), last)

    assert statuses(secretaries, receipts) == ["superseded", "counted", "counted"]


def test_a_page_sent_again_gets_the_receipt_that_it_had(world, secretaries):
    casts = make_casts(world, secretaries, 1, 2)
    receipts = taken(secretaries, *casts)

    assert taken(secretaries, *casts, *make_casts(world, secretaries, 3))[:2] == receipts
    assert Ballot.objects.count() == 3


def test_one_that_yields_gives_way_to_a_ballot_that_counts_and_to_nothing_else(world, secretaries):
    [standing, *_] = make_casts(world, secretaries, 1)
    taken(secretaries, standing)

    receipts = taken(
        secretaries,
        *[replace(cast, yields=True) for cast in make_casts(world, secretaries, 1, 2, marks="3333")],
    )

    assert statuses(secretaries, receipts) == ["superseded", "counted"]


def test_what_was_written_beside_the_marks_is_kept(world, secretaries):
    [cast] = make_casts(world, secretaries, 1)

    taken(secretaries, replace(cast, comment="楼道灯亮了"), *make_casts(world, secretaries, 2))

    assert list(Comment.objects.values_list("text", flat=True)) == ["楼道灯亮了"]
    assert Ballot.objects.count() == 2


def test_what_is_stored_is_what_was_cast_to_the_letter_and_the_minute(world, secretaries):
    [cast] = make_casts(world, secretaries, 1)
    odd = replace(cast, marks='a"b\\c,{}', origin=b"\x00\xff\x22\x5c", in_sample=True, channel="sms")

    taken(secretaries, odd, at=datetime.datetime(2021, 11, 1, 12, 34, 56, 789, tzinfo=datetime.UTC))

    ballot = Ballot.objects.get()
    assert (bytes(ballot.credential), bytes(ballot.nonce), bytes(ballot.origin)) == (
        odd.credential,
        odd.nonce,
        odd.origin,
    )
    assert (ballot.marks, ballot.in_sample, ballot.channel) == (odd.marks, True, "sms")
    assert (ballot.round, ballot.enrolment) == (secretaries, world.enrolments[0])
    assert ballot.cast_at == datetime.datetime(2021, 11, 1, 12, 34, tzinfo=datetime.UTC)
    assert (ballot.status, ballot.exclusion) == ("counted", "")


def test_a_closed_round_takes_nothing_in(world, secretaries):
    close_rounds(world.season, by=None)

    with pytest.raises(Refused):
        taken(secretaries, *make_casts(world, secretaries, 1, 2))

    assert Ballot.objects.count() == 0


def test_of_many_people_at_once_with_the_same_codes_one_ballot_of_each_is_counted(world, secretaries):
    def everybody():
        taken(secretaries, *make_casts(world, secretaries, *range(1, 21)))

    errors = in_threads(*[everybody] * 6)

    assert errors == []
    assert Counter(Ballot.objects.values_list("status", flat=True)) == {"counted": 20, "superseded": 100}


def test_what_is_taken_in_while_the_round_closes_is_in_and_what_comes_later_is_not(world, secretaries):
    acknowledged, counted_at_close = [], []

    def keep_voting(first):
        for serial in range(first, first + 400, 2):
            try:
                acknowledged.extend(taken(secretaries, *make_casts(world, secretaries, serial, serial + 1)))
            except Refused:
                return

    def close():
        while len(acknowledged) < 6:
            pass
        close_rounds(world.season, by=None)
        counted_at_close.append(Ballot.objects.count())

    errors = in_threads(lambda: keep_voting(1), lambda: keep_voting(1001), close)

    assert errors == []
    assert len(acknowledged) == Ballot.objects.count() == counted_at_close[0]


def codes_of(round, *casts):
    """What became of casts: a receipt's status, or the code of what stood against it."""
    outcomes = taken(round, *casts)
    told = {
        place: outcome.blockers[0].code
        for place, outcome in enumerate(outcomes)
        if isinstance(outcome, Refused)
    }
    receipts = [outcome for outcome in outcomes if not isinstance(outcome, Refused)]
    found = iter(statuses(round, receipts))
    return [told.get(place) or next(found) for place in range(len(outcomes))]


def test_answers_under_one_number_in_turn_leave_the_last_one_counted(world, secretaries):
    """Without script the page keeps its number when one goes back to it: A, then B, then A again."""
    [page] = make_casts(world, secretaries, 1)
    other = replace(page, marks="1111")

    receipts = [taken(secretaries, each)[0] for each in (page, other, page, page)]

    assert statuses(secretaries, receipts) == ["superseded", "superseded", "counted", "counted"]
    assert receipts[2] == receipts[3] not in receipts[:2]
    assert Ballot.objects.count() == 3


def test_answers_under_one_number_in_turn_and_in_one_moment_leave_the_last_one_counted(world, secretaries):
    [page] = make_casts(world, secretaries, 1)
    other = replace(page, marks="1111")

    receipts = taken(secretaries, page, other, page, page)

    assert statuses(secretaries, receipts) == ["superseded", "superseded", "counted", "counted"]
    assert Ballot.objects.count() == 3


def test_a_batch_of_which_nobody_heard_whether_it_was_stored_is_stored_once(world, secretaries):
    """With two ballots of one household in it, of which the first is replaced by the time it comes again."""
    batch = [
        *make_casts(world, secretaries, 1, marks="1111"),
        *make_casts(world, secretaries, 2),
        *make_casts(world, secretaries, 1),
    ]
    receipts = taken(secretaries, *batch)

    assert taken(secretaries, *batch) == receipts
    assert statuses(secretaries, receipts) == ["superseded", "counted", "counted"]
    assert Ballot.objects.count() == 3


@pytest.mark.parametrize("at_once", [True, False])
def test_households_whose_receipts_happen_to_be_the_same_both_keep_their_voice(
    world, secretaries, monkeypatch, at_once
):
    original = codes.receipt_of
    monkeypatch.setattr(codes, "receipt_of", lambda key, _credential, nonce: original(key, b"", nonce))
    first, second = make_casts(world, secretaries, 1, 2, marks="5555")
    second = replace(second, nonce=first.nonce)

    if at_once:
        receipts = taken(secretaries, first, second)
    else:
        receipts = taken(secretaries, first) + taken(secretaries, second)

    assert len(set(receipts)) == 2
    assert statuses(secretaries, receipts) == ["counted", "counted"]
    assert set(map(bytes, Ballot.objects.values_list("credential", flat=True))) == {
        first.credential,
        second.credential,
    }


def test_a_household_changes_its_mind_up_to_a_limit_and_then_the_last_one_stays(world, secretaries):
    pages = [
        make_casts(world, secretaries, 1, marks=f"{1 + place % 5}555")[0] for place in range(MOST_STORED)
    ]
    for page in pages[:-3]:
        taken(secretaries, page)

    found = codes_of(secretaries, *pages[-3:], *make_casts(world, secretaries, 1, 2, marks="1111"))

    assert found == ["superseded", "superseded", "counted", "ballots.too_many", "counted"]
    assert codes_of(secretaries, *make_casts(world, secretaries, 1, marks="1111")) == ["ballots.too_many"]
    # Sent again, it is no other one.
    assert codes_of(secretaries, pages[-1]) == ["counted"]
    assert codes_of(secretaries, pages[0]) == ["ballots.too_many"]
    assert Ballot.objects.count() == MOST_STORED + 1


def test_many_at_once_with_one_code_store_no_more_than_the_limit(world, secretaries):
    pages = [[make_casts(world, secretaries, 1)[0] for _time in range(15)] for _thread in range(5)]

    def keep_voting(mine):
        for page in mine:
            taken(secretaries, page)

    errors = in_threads(*[partial(keep_voting, mine) for mine in pages])

    assert errors == []
    assert Counter(Ballot.objects.values_list("status", flat=True)) == {
        "counted": 1,
        "superseded": MOST_STORED - 1,
    }


def test_paper_is_stored_whatever_was_sent_from_home(world, secretaries):
    for place in range(MOST_STORED):
        taken(secretaries, *make_casts(world, secretaries, 1, marks=f"{1 + place % 5}555"))

    [sheet] = make_casts(world, secretaries, 1, marks="3333")

    assert codes_of(secretaries, replace(sheet, channel="paper", yields=True)) == ["superseded"]


def assisted(cast):
    return replace(cast, channel="assisted")


def test_with_an_officer_s_help_the_first_word_is_the_last(world, secretaries):
    first, second = (
        assisted(make_casts(world, secretaries, 1, marks=marks)[0]) for marks in ("5545", "1111")
    )

    found = codes_of(secretaries, first, second, first)

    assert found == ["counted", "ballots.voted_already", "counted"]
    assert codes_of(secretaries, replace(first, marks="1111")) == ["ballots.voted_already"]
    assert codes_of(secretaries, second) == ["ballots.voted_already"]
    assert codes_of(secretaries, first) == ["counted"]
    assert stored(secretaries) == {(1, "5545", "counted"): 1}


def test_an_assisted_ballot_taken_out_of_the_count_is_not_cast_again(world, secretaries):
    first, second = (
        assisted(make_casts(world, secretaries, 1, marks=marks)[0]) for marks in ("5545", "1111")
    )
    taken(secretaries, first)
    Ballot.objects.update(status="excluded", exclusion="burst")

    assert codes_of(secretaries, first, second) == ["excluded", "ballots.voted_already"]


def test_of_many_at_once_with_one_officer_s_pass_one_ballot_is_stored(world, secretaries):
    pages = [
        assisted(make_casts(world, secretaries, 1, marks=f"{1 + place % 5}555")[0]) for place in range(12)
    ]
    found = []

    errors = in_threads(
        *[partial(lambda page: found.extend(codes_of(secretaries, page)), page) for page in pages]
    )

    assert errors == []
    assert Counter(found) == {"counted": 1, "ballots.voted_already": 11}
    assert Ballot.objects.count() == 1


def test_ballots_out_of_the_count_are_looked_up_by_their_credential(world, secretaries):
    """In a table that the database takes for empty, as it does while a round fills it."""
    taken(secretaries, *make_casts(world, secretaries, 1))
    taken(secretaries, *make_casts(world, secretaries, 1))
    statement = TIMES if connection.vendor == "postgresql" else TIMES_IN_SQLITE.format(among="%s")
    values = [array_literal([bytes(32)])] if connection.vendor == "postgresql" else [bytes(32)]
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"

    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {statement}", values)
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())

    assert "ballots_out_of_the_count" in plan
