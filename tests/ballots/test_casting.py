"""Ballots in the plain: committed, with whole batches at once, whichever way the database has of storing them."""

import datetime
import re
from collections import Counter
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dongliang.ballots.actions.casting import cast_ballots, storing_usual
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Ballot, Comment
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
