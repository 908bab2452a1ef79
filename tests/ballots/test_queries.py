import pytest

from dongliang.ballots import codes
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.keys import key_path, season_key
from dongliang.ballots.models import Ballot
from dongliang.ballots.queries.coverage import coverage, enrolments_of_offices, tally
from dongliang.ballots.queries.residents import ReceiptStatus, ballots_with, receipt_status, votes_counted
from dongliang.common.steps import carried_out
from dongliang.people.models import Organisation
from tests.factories.ballots import cast, make_cast, make_rounds
from tests.factories.season import make_world


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def rounds(world):
    return make_rounds(world.season)


def test_the_tally_counts_equal_marks_by_number_and_leaves_out_what_does_not_count(world, rounds):
    secretaries, _ = rounds
    first, second = world.enrolments[:2]
    cast(
        secretaries,
        make_cast(secretaries, second, "4444", 1),
        make_cast(secretaries, first, "5555", 1),
        make_cast(secretaries, first, "5555", 2),
        make_cast(secretaries, first, "1234", 3),
        make_cast(secretaries, first, "1111", 4),
    )
    cast(secretaries, make_cast(secretaries, first, "5550", 3))
    Ballot.objects.filter(marks="1111").update(status=Ballot.Status.EXCLUDED, exclusion="burst")

    assert tally(secretaries) == [(1, "5550", 1), (1, "5555", 2), (2, "4444", 1)]


def test_the_tally_takes_two_statements_however_many_ballots(world, rounds, django_assert_num_queries):
    secretaries, _ = rounds
    cast(secretaries, *[make_cast(secretaries, world.enrolments[n % 6], "5555", n + 1) for n in range(30)])

    with django_assert_num_queries(2):
        assert sum(count for _number, _marks, count in tally(secretaries)) == 30


def test_coverage_sets_ballots_against_households_by_subdistrict(world, rounds):
    secretaries, projects = rounds
    first, second = world.enrolments[:2]
    cast(secretaries, *[make_cast(secretaries, first, "5555", serial) for serial in range(1, 5)])
    cast(secretaries, make_cast(secretaries, first, "4444", 1))
    cast(projects, make_cast(projects, second, "1"))

    rows = coverage(world.season)

    assert [
        (row.subdistrict.name, row.ballots, row.picks, row.households, row.below_minimum) for row in rows
    ] == [
        ("望梁街道", 4, 1, 1500, 2),
        ("石桥镇", 0, 0, 1500, 3),
    ]
    assert [
        (row.enrolment.number, row.ballots, row.picks, row.households, row.share, row.is_below_minimum)
        for row in rows[0].neighbourhoods
    ] == [(1, 4, 0, 400, 0.01, False), (2, 0, 1, 500, 0.0, True), (3, 0, 0, 600, 0.0, True)]


def test_coverage_without_a_known_number_of_households_gives_no_share(world, rounds):
    Organisation.objects.update(households=None)

    assert {row.share for row in coverage(world.season)} == {None}
    assert {each.share for row in coverage(world.season) for each in row.neighbourhoods} == {None}


@pytest.mark.parametrize(
    ("role", "numbers"),
    [
        ("office", [1, 2, 3, 4, 5, 6]),
        ("subdistrict", [1, 2, 3]),
        ("other_subdistrict", [4, 5, 6]),
        ("department", []),
        ("mentor", []),
        ("secretary", []),
    ],
)
def test_offices_reach_their_own_neighbourhoods_and_nobody_else_any(world, role, numbers):
    reached = enrolments_of_offices(world.accounts[role], world.season)

    assert [enrolment.number for enrolment in reached] == numbers


def test_a_receipt_s_digest_leads_to_round_and_status_and_to_no_marks(world, rounds):
    secretaries, _ = rounds
    voted = make_cast(secretaries, world.enrolments[0])
    [receipt] = cast(secretaries, voted)
    digest = codes.receipt_digest(season_key(world.season), receipt)

    assert carried_out(ballots_with([digest, b"?" * 32])) == {
        digest: (secretaries.pk, "counted", "code", voted.credential)
    }
    assert carried_out(ballots_with([])) == {}


def test_whether_households_have_voted_is_told_by_round(world, rounds):
    secretaries, projects = rounds
    voted, other = make_cast(secretaries, world.enrolments[0]), make_cast(secretaries, world.enrolments[1])
    picked = make_cast(projects, world.enrolments[1])
    cast(secretaries, voted)
    cast(projects, picked)

    counted = carried_out(
        votes_counted([(round.pk, each.credential) for round in rounds for each in (voted, other, picked)])
    )

    assert counted == {(secretaries.pk, voted.credential), (projects.pk, picked.credential)}
    assert carried_out(votes_counted([])) == set()


def test_a_destroyed_key_of_a_closed_season_leaves_its_receipts_published(world, rounds):
    secretaries, _ = rounds
    [receipt] = cast(secretaries, make_cast(secretaries, world.enrolments[0]))
    close_rounds(world.season, by=None)
    key_path(world.season).unlink()

    found = receipt_status(receipt)
    assert (found.round, found.status) == (secretaries, "counted")
    assert found.published.leaf.number == 1


def test_a_receipt_tells_round_and_status_however_it_is_typed(world, rounds):
    secretaries, _ = rounds
    [receipt] = cast(secretaries, make_cast(secretaries, world.enrolments[0]))

    found = receipt_status(f" {receipt.lower().replace('-', '')} ")

    assert found == ReceiptStatus(secretaries, world.enrolments[0], "counted", channel="code")
    assert set(vars(found)) == {
        "round",
        "enrolment",
        "status",
        "exclusion",
        "by_panel",
        "published",
        "channel",
    }


@pytest.mark.parametrize("text", ["", "8WQ2M-4KX7P", "8WQ2M", "\x00", "票" * 500, "8WQ2M-4KX7P8WQ2M"])
def test_a_receipt_nobody_was_given_is_unknown(world, rounds, text):
    assert receipt_status(text) is None
