"""Statements, the count opened once, and the key destroyed."""

import io
import zipfile

import pytest

from dongliang.ballots import codes, proof
from dongliang.ballots.actions.closing import destroy_key
from dongliang.ballots.actions.publishing import (
    archive_of,
    open_tally,
    publish_statement,
    settle_statement,
)
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.checking import check_archive
from dongliang.ballots.intake.entitlement import Entitlement, Refusal
from dongliang.ballots.keys import key_path, season_key
from dongliang.ballots.models import Ballot, Round, Statement, StatementPart
from dongliang.ballots.queries.proof import last_statement, published_receipt, stated_lines
from dongliang.ballots.queries.residents import receipt_status
from dongliang.common.models import ActionLogEntry
from tests.ballots.test_actions import refusal
from tests.factories.ballots import cast, entitled, make_cast, make_code, make_projects, make_rounds
from tests.factories.season import make_world


@pytest.fixture
def world(db):
    world = make_world()
    make_projects(world.season)
    return world


@pytest.fixture
def receipts(world):
    """Twelve ballots for the first secretary, one of them replaced; two for the second; picks of the first. Not closed."""
    secretaries, projects = make_rounds(world.season)
    first, second = world.enrolments[:2]
    return {
        "rated": cast(
            secretaries, *[make_cast(secretaries, first, "5545", serial) for serial in range(1, 12)]
        ),
        "again": cast(secretaries, make_cast(secretaries, first, "1111", 1)),
        "small": cast(secretaries, *[make_cast(secretaries, second, "4444", serial) for serial in (1, 2)]),
        "picked": cast(
            projects, *[make_cast(projects, first, marks, serial) for serial, marks in ((1, "1,2"), (2, "2"))]
        ),
    }


@pytest.fixture
def closed(world, receipts):
    close_rounds(world.season, by=world.accounts["office"])
    return last_statement(world.season)


def exclude(receipt, season, reason="burst", status="excluded"):
    digest = codes.receipt_digest(season_key(season), receipt)
    Ballot.objects.filter(receipt=digest).update(status=status, exclusion=reason)


def check(statement, *given):
    report = check_archive(archive_of(statement), given)
    assert report.faults == []
    return report


def test_closing_states_what_became_of_every_ballot(world, receipts, closed):
    every = [receipt for group in receipts.values() for receipt in group]

    report = check(closed, *every)

    statuses = [
        (found.leaf.status, found.leaf.kind, found.leaf.number) for found in map(report.found.get, every)
    ]
    assert statuses == [
        ("superseded", "secretaries", 1),
        *[("counted", "secretaries", 1)] * 11,
        *[("counted", "secretaries", 2)] * 2,
        *[("counted", "projects", 1)] * 2,
    ]
    assert report.statements == [closed.content]
    assert closed.content.model_dump()["rounds"] == {
        "secretaries": {"ballots": 14, "counted": 13, "superseded": 1, "excluded": 0, "unproven": 0},
        "projects": {"ballots": 2, "counted": 2, "superseded": 0, "excluded": 0, "unproven": 0},
    }
    assert (closed.content.rule_book, closed.content.version) == (world.season.rule_book.sha256, 1)


def test_the_statement_and_the_close_stand_or_fall_together(world, receipts, monkeypatch):
    key_path(world.season).write_text("00" * 32)

    assert refusal(close_rounds, world.season, by=None) == ["ballots.key_replaced"]
    assert {round.state for round in world.season.rounds.all()} == {"open"}
    assert last_statement(world.season) is None


def test_the_log_tells_the_fingerprint(closed):
    entry = ActionLogEntry.objects.get(verb="ballots.statement.published")

    assert entry.detail == {
        "fingerprint": closed.fingerprint,
        "receipts_root": closed.content.receipts_root,
        "changes": 0,
        "unproven": 0,
    }


def test_the_archive_has_the_same_bytes_made_again(closed):
    path = archive_of(closed)
    first = path.read_bytes()
    path.unlink()

    assert archive_of(closed).read_bytes() == first


def test_stating_again_what_did_not_change_states_nothing(world, closed):
    assert publish_statement(world.season, by=None) == closed
    assert settle_statement(world.season, by=None) == closed
    assert Statement.objects.count() == 1


def test_exclusions_and_their_taking_back_are_stated_one_after_the_other(world, receipts, closed):
    rated = receipts["rated"]
    exclude(rated[3], world.season)
    exclude(rated[4], world.season, "revoked")
    second = publish_statement(world.season, by=None)
    exclude(rated[3], world.season, "", "counted")
    third = settle_statement(world.season, by=None)

    report = check(third, rated[3], rated[4])

    assert [statement.changes for statement in report.statements] == [0, 2, 1]
    assert [statement.previous for statement in report.statements] == [
        "",
        closed.fingerprint,
        second.fingerprint,
    ]
    assert [report.found[rated[place]].leaf.status for place in (3, 4)] == ["counted", "excluded"]
    # What was published before stands as it was.
    assert [statement.content for statement in (closed, second)] == report.statements[:2]
    check(closed)
    check(second)


def test_nothing_is_stated_of_open_rounds(world, receipts):
    assert refusal(publish_statement, world.season, by=None) == ["ballots.not_closed"]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda ballots: ballots.filter(marks="1111").update(marks="5555"),
        lambda ballots: ballots.filter(marks="1111").delete(),
        lambda ballots: ballots.filter(marks="1111").update(enrolment=ballots.last().enrolment_id + 3),
        lambda ballots: ballots.filter(marks="1111").update(nonce=b"another!"),
    ],
    ids=["other marks", "a ballot gone", "a ballot moved", "another receipt"],
)
def test_what_is_changed_in_the_database_after_the_close_is_found_and_never_stated(world, closed, tamper):
    tamper(Ballot.objects.filter(round__season=world.season))

    for action in (publish_statement, open_tally):
        assert refusal(action, world.season, by=None) == ["ballots.tampered"]
    assert Statement.objects.count() == 1


def test_marks_changed_beside_an_exclusion_are_found(world, receipts, closed):
    exclude(receipts["rated"][3], world.season)
    Ballot.objects.filter(marks="1111").update(marks="5555")

    assert refusal(publish_statement, world.season, by=None) == ["ballots.tampered"]


def test_a_ballot_written_into_the_database_before_the_close_is_counted_in_public_as_unproven(
    world, receipts
):
    round = world.season.rounds.get(kind=Round.Kind.SECRETARIES)
    Ballot.objects.create(
        round=round,
        enrolment=world.enrolments[2],
        credential=b"c" * 32,
        receipt=b"r" * 32,
        nonce=b"n" * 8,
        marks="5555",
        cast_at=round.opened_at,
    )

    close_rounds(world.season, by=None)

    statement = last_statement(world.season)
    assert {kind: counts.unproven for kind, counts in statement.content.rounds.items()} == {
        "secretaries": 1,
        "projects": 0,
    }
    check(statement)


def test_the_count_is_opened_but_for_neighbourhoods_of_too_few_ballots(world, closed):
    assert world.season.rules.residents.smallest_published == 10

    statement = open_tally(world.season, by=world.accounts["office"])

    rows = [line.split(",") for line in statement.marks.splitlines()[1:]]
    # With two more ballots elsewhere closed, the first neighbourhood's would follow from a total: it stays closed too.
    assert rows == []
    report = check(statement)
    assert (report.opened, report.closed) == (0, 3)


def test_the_opened_count_is_what_was_sealed(world, receipts):
    secretaries = world.season.rounds.get(kind=Round.Kind.SECRETARIES)
    for place in (3, 4):
        cast(
            secretaries,
            *[make_cast(secretaries, world.enrolments[place], "5453", serial) for serial in range(1, 13)],
        )
    close_rounds(world.season, by=None)

    statement = open_tally(world.season, by=None)

    rows = [line.split(",") for line in statement.marks.splitlines()[1:]]
    assert [(kind, number, marks, count) for kind, number, _salt, marks, count in rows] == [
        ("secretaries", "4", "5453", "12"),
        ("secretaries", "5", "5453", "12"),
    ]
    report = check(statement)
    assert (report.opened, report.closed) == (2, 3)


def test_after_the_count_is_opened_no_ballot_changes(world, receipts, closed):
    open_tally(world.season, by=None)
    exclude(receipts["rated"][3], world.season)

    assert refusal(publish_statement, world.season, by=None) == ["ballots.tally_opened"]
    assert refusal(settle_statement, world.season, by=None) == ["ballots.tally_opened"]
    assert refusal(open_tally, world.season, by=None) == ["ballots.opened_already"]
    assert refusal(destroy_key, world.season, by=None) == ["ballots.changed_since"]


def test_the_count_of_a_season_without_a_statement_is_not_opened(world, receipts):
    assert refusal(open_tally, world.season, by=None) == ["ballots.no_statement"]


def test_a_season_without_rounds_has_nothing_to_settle(world):
    assert settle_statement(world.season, by=None) is None


def test_the_key_stays_until_everything_is_said(world, receipts):
    assert refusal(destroy_key, world.season, by=None) == ["ballots.not_closed"]
    close_rounds(world.season, by=None)
    assert refusal(destroy_key, world.season, by=None) == ["ballots.count_not_published"]
    assert key_path(world.season).exists()


def test_destroying_the_key_leaves_receipts_and_ends_codes(world, receipts, closed):
    Ballot.objects.update(origin=b"1234")
    open_tally(world.season, by=None)
    before = key_path(world.season).read_bytes()
    code = make_code(world.enrolments[0])
    assert isinstance(entitled(code), Entitlement)

    destroy_key(world.season, by=world.accounts["office"])

    assert not key_path(world.season).exists()
    assert entitled(code) is Refusal.UNKNOWN
    assert [receipt_status(group[0]).status for group in receipts.values()] == [
        "superseded",
        "counted",
        "counted",
        "counted",
    ]
    assert Ballot.objects.exclude(origin=None).count() == 0
    assert {bytes(secret) for secret in Statement.objects.values_list("secret", flat=True)} == {b""}
    entries = ActionLogEntry.objects.filter(verb="ballots.key.destroyed")
    assert {entry.by for entry in entries} == {world.accounts["office"]}
    assert before.decode().strip() not in str([entry.detail for entry in entries])
    assert refusal(destroy_key, world.season, by=None) == ["ballots.key_destroyed_already"]
    check(last_statement(world.season))
    assert settle_statement(world.season, by=None) == closed


def test_the_key_s_bytes_are_overwritten_before_the_file_goes(world, closed, tmp_path):
    """Seen through a second name of the same file."""
    open_tally(world.season, by=None)
    (tmp_path / "other-name").hardlink_to(key_path(world.season))
    before = (tmp_path / "other-name").read_bytes()

    destroy_key(world.season, by=None)

    after = (tmp_path / "other-name").read_bytes()
    assert len(after) == len(before)
    assert after != before


def test_a_key_gone_already_can_still_be_declared_destroyed(world, closed):
    open_tally(world.season, by=None)
    key_path(world.season).unlink()

    destroy_key(world.season, by=None)

    assert all(round.key_destroyed_at for round in world.season.rounds.all())


def test_marks_changed_after_the_key_is_gone_no_longer_fit_what_was_published(world, receipts):
    secretaries = world.season.rounds.get(kind=Round.Kind.SECRETARIES)
    for place in (3, 4):
        cast(
            secretaries,
            *[make_cast(secretaries, world.enrolments[place], "5453", serial) for serial in range(1, 13)],
        )
    close_rounds(world.season, by=None)
    open_tally(world.season, by=None)
    destroy_key(world.season, by=None)
    Ballot.objects.filter(enrolment=world.enrolments[3]).update(marks="5555")

    assert refusal(settle_statement, world.season, by=None) == ["ballots.tally_opened"]


def test_a_published_receipt_leads_to_the_root_and_to_no_row(world, receipts, closed, monkeypatch):
    for receipt in receipts["rated"]:
        found = published_receipt(receipt)

        path = [bytes.fromhex(step) for step in found.path]
        root = proof.root_by_path(proof.leaf_hash(found.leaf.line), found.index, found.size, path)
        assert root.hex() == closed.content.receipts_root
    assert published_receipt("0000000000") is None
    assert published_receipt("ZZZZZZZZZZ") is None
    assert {field.name for field in StatementPart._meta.get_fields()} == {
        "id",
        "statement",
        "position",
        "first",
        "node",
        "packed",
    }


def test_many_parts_are_stored_in_order_and_looked_up_by_bisection(world, receipts, monkeypatch):
    monkeypatch.setattr(proof, "PART", 3)

    close_rounds(world.season, by=None)

    statement = last_statement(world.season)
    assert statement.parts.count() == 6
    every = [receipt for group in receipts.values() for receipt in group]
    assert sorted(published_receipt(receipt).index for receipt in every) == list(range(16))
    assert list(stated_lines(statement)) == sorted(published_receipt(receipt).leaf.line for receipt in every)
    check(statement, *every)


def test_the_published_files_are_these_and_no_other(world, receipts, closed):
    exclude(receipts["rated"][3], world.season)
    publish_statement(world.season, by=None)
    archive = archive_of(open_tally(world.season, by=None)).read_bytes()

    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert sorted(opened.namelist()) == [
            "changes-2.csv",
            "marks.csv",
            "nodes.csv",
            "receipts.csv",
            "statement-1.json",
            "statement-2.json",
            "tally-1.csv",
            "tally-2.csv",
        ]
