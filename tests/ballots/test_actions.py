import datetime
import re
import threading
from collections import Counter
from dataclasses import replace

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from dongliang.ballots import codes
from dongliang.ballots.actions.cards import print_cards
from dongliang.ballots.actions.casting import Cast, cast_ballots, what_is_stored
from dongliang.ballots.actions.rounds import close_rounds, open_rounds, prepare_rounds
from dongliang.ballots.keys import key_path, season_key
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.coverage import tally
from dongliang.ballots.queries.residents import ballots_with
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.log import verify_chain
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.common.steps import carried_out
from tests.factories.ballots import NOON, cast, make_cast, make_code, make_rounds
from tests.factories.season import make_world

PREPARED = ["ballots.round.prepared"] * 2 + ["ballots.sample.drawn"]


@pytest.fixture
def world(db):
    return make_world()


def verbs():
    return list(
        ActionLogEntry.objects.filter(verb__startswith="ballots")
        .order_by("sequence")
        .values_list("verb", flat=True)
    )


def refusal(action, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        action(*args, **kwargs)
    return [blocker.code for blocker in refused.value.blockers]


def statuses(round, receipts):
    """What became of the ballots with these receipts."""
    key = season_key(round.season)
    digests = [codes.receipt_digest(key, receipt) for receipt in receipts]
    found = carried_out(ballots_with(digests))
    return [found[digest][1] for digest in digests]


def stored(round):
    return Counter(round.ballots.values_list("enrolment__number", "marks", "status"))


def test_preparing_makes_both_rounds_and_the_key(world):
    rounds = prepare_rounds(world.season, by=world.accounts["office"])

    assert {kind: round.state for kind, round in rounds.items()} == {
        "secretaries": "prepared",
        "projects": "prepared",
    }
    assert len(season_key(world.season)) == 32
    assert verbs() == PREPARED


def test_preparing_twice_changes_nothing(world):
    first = prepare_rounds(world.season, by=None)
    key = season_key(world.season)

    assert prepare_rounds(world.season, by=None) == first
    assert season_key(world.season) == key
    assert verbs() == PREPARED


def test_rounds_are_not_prepared_before_the_season_is_open(db):
    world = make_world(open_it=False)

    assert refusal(prepare_rounds, world.season, by=None) == ["ballots.season_not_open"]
    assert rounds_of(world.season) == {}
    assert not key_path(world.season).exists()


def test_opening_opens_both_rounds_and_logs_it(world):
    rounds = open_rounds(world.season, by=world.accounts["office"])

    assert {round.state for round in rounds.values()} == {"open"}
    assert all(round.opened_at for round in rounds.values())
    assert verbs() == PREPARED + ["ballots.round.open"] * 2
    assert verify_chain()[1] is None


def test_opening_is_refused_when_the_key_was_lost_after_preparing(world):
    prepare_rounds(world.season, by=None)
    key_path(world.season).unlink()

    assert refusal(open_rounds, world.season, by=None) == ["ballots.key_lost"]
    assert {round.state for round in rounds_of(world.season).values()} == {"prepared"}


def test_opening_is_refused_under_another_key_than_the_cards_were_printed_with(world):
    prepare_rounds(world.season, by=None)
    key_path(world.season).write_text("00" * 32)

    assert refusal(open_rounds, world.season, by=None) == ["ballots.key_replaced"]


def test_no_cards_are_printed_under_another_key_than_the_first(world):
    """A household that has voted could vote once more with such a card."""
    make_rounds(world.season)
    key_path(world.season).write_text("00" * 32)

    assert refusal(print_cards, world.enrolments[0], first=1, last=2, by=None) == ["ballots.key_replaced"]


def test_a_season_of_more_secretaries_than_a_code_can_name_is_refused(world):
    world.season.enrolments.filter(number=6).update(number=2048)

    assert refusal(prepare_rounds, world.season, by=None) == ["ballots.too_many_secretaries"]
    assert not key_path(world.season).exists()


def test_open_rounds_do_not_open_again(world):
    make_rounds(world.season)

    assert refusal(open_rounds, world.season, by=None) == ["ballots.open_already"]


def test_closed_rounds_do_not_open_again(world):
    make_rounds(world.season)
    close_rounds(world.season, by=None)

    assert refusal(open_rounds, world.season, by=None) == ["ballots.closed_for_good"]


def test_rounds_that_are_not_open_do_not_close(world):
    assert refusal(close_rounds, world.season, by=None) == ["ballots.not_open"]
    prepare_rounds(world.season, by=None)
    assert refusal(close_rounds, world.season, by=None) == ["ballots.not_open"]


def test_closing_logs_how_many_ballots_there_are(world):
    secretaries, _ = make_rounds(world.season)
    cast(secretaries, make_cast(secretaries, world.enrolments[0]))
    cast(secretaries, make_cast(secretaries, world.enrolments[0]))

    close_rounds(world.season, by=None)

    entries = ActionLogEntry.objects.filter(verb="ballots.round.closed").order_by("sequence")
    assert sorted((entry.detail["ballots"], entry.detail["counted"]) for entry in entries) == [(0, 0), (2, 1)]


def test_a_ballot_is_stored_counted_and_timed_to_the_minute_without_its_code_or_receipt(world):
    secretaries, _ = make_rounds(world.season)

    [receipt] = cast(secretaries, make_cast(secretaries, world.enrolments[0], "5043"))

    ballot = Ballot.objects.get()
    key, code = season_key(world.season), make_code(world.enrolments[0])
    assert (ballot.marks, ballot.status, ballot.enrolment) == ("5043", "counted", world.enrolments[0])
    assert ballot.cast_at == datetime.datetime(2021, 11, 1, 12, 34, tzinfo=datetime.UTC)
    assert bytes(ballot.credential) == codes.credential_digest(key, "secretaries", code)
    assert bytes(ballot.receipt) == codes.receipt_digest(key, receipt)


def test_a_second_ballot_with_one_code_replaces_the_first(world):
    secretaries, _ = make_rounds(world.season)

    [first] = cast(secretaries, make_cast(secretaries, world.enrolments[0], "5555"))
    [second] = cast(secretaries, make_cast(secretaries, world.enrolments[0], "1111"))

    assert stored(secretaries) == {(1, "5555", "superseded"): 1, (1, "1111", "counted"): 1}
    assert statuses(secretaries, [first, second]) == ["superseded", "counted"]


def test_of_one_code_several_times_in_a_batch_the_last_counts_and_all_are_stored(world):
    secretaries, _ = make_rounds(world.season)
    one, other = world.enrolments[:2]
    cast(secretaries, make_cast(secretaries, one, "3333"))

    receipts = cast(
        secretaries,
        make_cast(secretaries, one, "5555"),
        make_cast(secretaries, other, "2222"),
        make_cast(secretaries, one, "4444"),
        make_cast(secretaries, one, "1111"),
    )

    assert stored(secretaries) == {
        (1, "3333", "superseded"): 1,
        (1, "5555", "superseded"): 1,
        (1, "4444", "superseded"): 1,
        (1, "1111", "counted"): 1,
        (2, "2222", "counted"): 1,
    }
    assert statuses(secretaries, receipts) == [
        "superseded",
        "counted",
        "superseded",
        "counted",
    ]


def test_one_code_counts_in_each_of_the_two_rounds(world):
    secretaries, projects = make_rounds(world.season)

    cast(secretaries, make_cast(secretaries, world.enrolments[0], "5555"))
    cast(projects, make_cast(projects, world.enrolments[0], "1,4"))

    assert tally(secretaries) == [(1, "5555", 1)]
    assert tally(projects) == [(1, "1,4", 1)]


def test_the_database_ties_no_household_s_ballots_in_the_two_rounds_together(world):
    secretaries, projects = make_rounds(world.season)
    cast(secretaries, make_cast(secretaries, world.enrolments[0]))
    cast(projects, make_cast(projects, world.enrolments[0], "1"))

    digests = [
        bytes(digest) for pair in Ballot.objects.values_list("credential", "receipt") for digest in pair
    ]

    assert len(set(digests)) == 4


@pytest.mark.parametrize("state", ["prepared", "closed"])
def test_nothing_enters_a_round_that_is_not_open(world, state):
    secretaries, _ = make_rounds(world.season)
    # The caller's own copy still says that it is open.
    Round.objects.filter(pk=secretaries.pk).update(state=state)

    assert refusal(cast, secretaries, make_cast(secretaries, world.enrolments[0])) == ["ballots.not_open"]
    assert Ballot.objects.count() == 0


def test_a_batch_takes_as_many_statements_as_a_few_ballots_do(world):
    secretaries, _ = make_rounds(world.season)
    key = season_key(world.season)

    def statements(count, first):
        casts = [
            Cast(world.enrolments[0].pk, codes.credential_digest(key, "secretaries", str(n)), "5555")
            for n in range(first, first + count)
        ]
        with CaptureQueriesContext(
            connection,
        ) as seen:
            cast_ballots(secretaries, casts, key=key, at=NOON)
        return [
            re.sub(r"^\d+ times: ", "", query["sql"]).split()[0]
            for query in seen
            if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))
        ]

    # The state with pages sent before and earlier ballots; how many these are; those are replaced; the insert. PostgreSQL's
    # are prepared, past Django's eyes.
    expected = [] if connection.vendor == "postgresql" else ["SELECT", "SELECT", "UPDATE", "INSERT"]
    for count in (1, 50):
        statements(count, 0)
        assert statements(count, 0) == expected


def test_ballots_are_looked_up_by_digest_in_a_round_the_database_knows_nothing_of(world):
    secretaries, projects = make_rounds(world.season)
    cast(projects, *[make_cast(projects, world.enrolments[0], "1,2", n) for n in range(1, 101)])
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Ballot._meta.db_table}")
    cast(secretaries, *[make_cast(secretaries, world.enrolments[0], "5545", n) for n in range(1, 601)])

    ask = next(what_is_stored(secretaries, [bytes(32)], [bytes(32)]))
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {ask.statement}", ask.values)
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())

    assert "one_counted_ballot_a_credential" in plan
    assert "ballot_tally" not in plan


def test_a_page_sent_again_is_stored_once_and_answered_with_the_same_receipt(world):
    secretaries, _ = make_rounds(world.season)
    page = make_cast(secretaries, world.enrolments[0], "5545")

    first = cast(secretaries, page)
    again = cast(secretaries, page, page)

    assert again == first * 2
    assert stored(secretaries) == {(1, "5545", "counted"): 1}


def test_an_old_page_sent_again_is_the_last_word_and_gets_a_receipt_of_its_own(world):
    secretaries, _ = make_rounds(world.season)
    old = make_cast(secretaries, world.enrolments[0], "1111")
    receipts = cast(secretaries, old)
    receipts += cast(secretaries, make_cast(secretaries, world.enrolments[0], "5545"))

    receipts += cast(secretaries, old)

    assert statuses(secretaries, receipts) == ["superseded", "superseded", "counted"]
    assert stored(secretaries) == {
        (1, "1111", "counted"): 1,
        (1, "1111", "superseded"): 1,
        (1, "5545", "superseded"): 1,
    }


def test_other_marks_under_a_used_nonce_are_another_ballot(world):
    secretaries, _ = make_rounds(world.season)
    page = make_cast(secretaries, world.enrolments[0], "1111")
    changed = replace(page, marks="5545")

    receipts = (
        cast(secretaries, page) + cast(secretaries, changed) + cast(secretaries, replace(page, marks="3333"))
    )

    assert len(set(receipts)) == 3
    assert stored(secretaries) == {
        (1, "1111", "superseded"): 1,
        (1, "5545", "superseded"): 1,
        (1, "3333", "counted"): 1,
    }


def test_casting_refuses_to_run_inside_a_transaction_that_may_still_fail(transactional_db):
    world = make_world()
    secretaries, _ = make_rounds(world.season)

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        cast(secretaries, make_cast(secretaries, world.enrolments[0]))

    assert Ballot.objects.count() == 0


def test_what_is_stored_is_what_was_cast_to_the_letter(world):
    secretaries, _ = make_rounds(world.season)
    odd = [
        replace(
            make_cast(secretaries, world.enrolments[0], marks, serial),
            origin=origin,
            in_sample=sampled,
            channel=way,
        )
        for serial, (marks, origin, sampled, way) in enumerate(
            [
                ('a"b\\c', None, True, "paper"),
                ("票,'{}", b"\x00\xff\x22\x5c", False, "code"),
                ("", b"", True, "sms"),
            ],
            1,
        )
    ]

    cast(secretaries, *odd)

    stored = {
        bytes(ballot.credential): (
            ballot.marks,
            None if ballot.origin is None else bytes(ballot.origin),
            ballot.in_sample,
            ballot.channel,
            bytes(ballot.nonce),
        )
        for ballot in Ballot.objects.all()
    }
    assert stored == {
        each.credential: (each.marks, each.origin, each.in_sample, each.channel, each.nonce) for each in odd
    }


def test_more_ballots_than_a_statement_holds_values_are_stored_and_superseded(world):
    secretaries, _ = make_rounds(world.season)
    key = season_key(world.season)
    casts = [
        Cast(world.enrolments[0].pk, codes.credential_digest(key, "secretaries", str(n)), "5555")
        for n in range(1200)
    ]
    cast(secretaries, *casts)

    cast(secretaries, *[replace(each, marks="1111") for each in casts])

    assert stored(secretaries) == {(1, "5555", "superseded"): 1200, (1, "1111", "counted"): 1200}


def in_threads(*jobs):
    """Run the jobs at once, each with a connection of its own; the errors they ended in."""
    start, errors = threading.Barrier(len(jobs)), []

    def run(job):
        start.wait()
        try:
            job()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_of_many_people_at_once_with_one_code_exactly_one_is_counted(transactional_db):
    world = make_world()
    secretaries, _ = make_rounds(world.season)

    errors = in_threads(*[lambda: cast(secretaries, make_cast(secretaries, world.enrolments[0]))] * 24)

    assert errors == []
    assert stored(secretaries) == {(1, "5545", "counted"): 1, (1, "5545", "superseded"): 23}


def test_what_is_acknowledged_while_the_round_closes_is_in_and_what_comes_later_is_not(transactional_db):
    world = make_world()
    secretaries, _ = make_rounds(world.season)
    acknowledged = []
    counted_at_close = []

    def keep_casting(first):
        for serial in range(first, first + 200):
            try:
                acknowledged.extend(
                    cast(secretaries, make_cast(secretaries, world.enrolments[0], serial=serial))
                )
            except Refused:
                return

    def close():
        while len(acknowledged) < 5:
            pass
        close_rounds(world.season, by=None)
        counted_at_close.append(Ballot.objects.count())

    errors = in_threads(lambda: keep_casting(1), lambda: keep_casting(1001), close)

    assert errors == []
    assert len(acknowledged) == Ballot.objects.count() == counted_at_close[0]


households = st.tuples(st.integers(0, 2), st.integers(1, 3))
batches = st.lists(st.tuples(households, st.text("012345", min_size=4, max_size=4)), min_size=1, max_size=6)


class TallyEqualsTheModel(TestCase):
    @settings(max_examples=25)
    @given(st.lists(st.one_of(batches, st.just("close")), max_size=6))
    def test_after_any_sequence_of_batches_and_a_close(self, steps):
        world = make_world()
        secretaries, _ = make_rounds(world.season)
        counted, total, is_open = {}, 0, True

        for step in steps:
            try:
                if step == "close":
                    close_rounds(world.season, by=None)
                    is_open = False
                else:
                    cast(
                        secretaries,
                        *[
                            make_cast(secretaries, world.enrolments[place], marks, serial)
                            for (place, serial), marks in step
                        ],
                    )
                    assert is_open
                    counted |= dict(step)
                    total += len(step)
            except Refused:
                assert not is_open

        expected = Counter((place + 1, marks) for (place, _), marks in counted.items())
        assert tally(secretaries) == sorted((*cell, count) for cell, count in expected.items())
        assert secretaries.ballots.count() == total


def test_printing_cards_gives_the_codes_and_logs_who_printed_which(world):
    prepare_rounds(world.season, by=None)
    enrolment = world.enrolments[1]

    printed = print_cards(enrolment, first=11, last=13, by=world.accounts["office"]).values()

    assert [codes.read(season_key(world.season), code) for code in printed] == [(2, 11), (2, 12), (2, 13)]
    entry = ActionLogEntry.objects.get(verb="ballots.cards.printed")
    assert (entry.by, entry.subject_id, entry.detail) == (
        world.accounts["office"],
        enrolment.pk,
        {"first": 11, "last": 13},
    )


def test_cards_are_refused_before_the_rounds_are_prepared(world):
    assert refusal(print_cards, world.enrolments[0], first=1, last=30, by=None) == ["ballots.not_prepared"]


def test_a_neighbourhood_gets_one_card_a_household_and_a_tenth_to_spare(world):
    prepare_rounds(world.season, by=None)

    assert len(print_cards(world.enrolments[0], first=440, last=440, by=None)) == 1
    assert refusal(print_cards, world.enrolments[0], first=440, last=441, by=None) == [
        "ballots.too_many_cards"
    ]
