"""Rows that somebody wrote into the database: out of the count at the close, and told to everybody."""

import io
import zipfile

import pytest
from click.testing import CliRunner

from dongliang.ballots import proof
from dongliang.ballots.actions.publishing import archive_of, publish_statement
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.checking import check_archive
from dongliang.ballots.keys import key_path
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.coverage import tally
from dongliang.ballots.queries.integrity import excluded_tally, round_ledger
from dongliang.ballots.queries.proof import last_statement
from dongliang.cli.ballots import ballots
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from tests.factories.ballots import cast, make_cast, make_rounds
from tests.factories.season import make_world


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def rounds(world):
    rounds = make_rounds(world.season)
    cast(rounds[0], *(make_cast(rounds[0], world.enrolments[0], "1111", serial) for serial in range(1, 13)))
    return rounds


def forge(round, enrolment, *places, credential=None, nonce=b"n" * 8, status="counted"):
    """Rows as whoever can write into the database would add them, without the key."""
    Ballot.objects.bulk_create(
        Ballot(
            round=round,
            enrolment=enrolment,
            credential=credential or b"c%031d" % place,
            receipt=b"r%031d" % place,
            nonce=nonce,
            marks="5555",
            status=status,
            cast_at=round.opened_at,
        )
        for place in places
    )


def statuses(round):
    return sorted(set(round.ballots.values_list("marks", "status", "exclusion")))


def verified(statement, tmp_path):
    path = tmp_path / "published.zip"
    path.write_bytes(archive_of(statement).read_bytes())
    return CliRunner().invoke(ballots, ["verify", str(path)])


def test_forged_rows_are_out_of_the_count_and_in_a_class_of_their_own_everywhere(world, rounds, tmp_path):
    forge(rounds[0], world.enrolments[0], *range(50))

    close_rounds(world.season, by=None)

    assert statuses(rounds[0]) == [("1111", "counted", ""), ("5555", "excluded", "unproven")]
    assert tally(rounds[0]) == [(1, "1111", 12)]
    assert excluded_tally(rounds[0]) == [(1, "5555", 50)]
    ledger = round_ledger(world.season.rounds.get(kind="secretaries"))
    assert (ledger.stored, ledger.counted, ledger.unproven, ledger.excluded) == (62, 12, 50, 0)
    statement = last_statement(world.season)
    counts = statement.content.rounds["secretaries"]
    assert (counts.ballots, counts.counted, counts.excluded, counts.unproven) == (62, 12, 50, 50)
    told = verified(statement, tmp_path)
    assert (told.exit_code, "50 NOT MADE BY THE KEY, and excluded" in told.output) == (0, True)
    entry = ActionLogEntry.objects.get(verb="ballots.round.unproven_excluded")
    assert entry.detail == {"ballots": 50}


def test_a_round_without_a_forged_row_has_no_such_line_in_the_log(world, rounds):
    close_rounds(world.season, by=None)

    assert not ActionLogEntry.objects.filter(verb="ballots.round.unproven_excluded").exists()
    assert last_statement(world.season).content.unproven == 0


def test_a_row_that_copies_a_ballot_s_credential_and_nonce_spoils_no_list(world, rounds):
    """Its line would have the commitment of the ballot's, and the archive would not hold."""
    ballot = Ballot.objects.first()
    twin = {"credential": bytes(ballot.credential), "nonce": bytes(ballot.nonce), "status": "superseded"}
    forge(rounds[0], world.enrolments[0], 1, 2, **twin)

    close_rounds(world.season, by=None)

    assert check_archive(archive_of(last_statement(world.season))).faults == []
    assert statuses(rounds[0]) == [("1111", "counted", ""), ("5555", "excluded", "unproven")]


def test_a_row_written_between_the_closes_of_the_two_rounds_is_found_by_the_statement(world, rounds):
    close_rounds(world.season, by=None, kinds=["secretaries"])
    forge(rounds[0], world.enrolments[0], 1)

    close_rounds(world.season, by=None)

    assert statuses(rounds[0]) == [("1111", "counted", ""), ("5555", "excluded", "unproven")]
    assert check_archive(archive_of(last_statement(world.season))).faults == []


def test_without_the_key_nothing_can_be_checked_and_nothing_closes(world, rounds):
    forge(rounds[0], world.enrolments[0], 1)
    key_path(world.season).unlink()

    with pytest.raises(Refused) as refused:
        close_rounds(world.season, by=None)

    assert [blocker.code for blocker in refused.value.blockers] == ["ballots.key_lost"]
    assert set(Round.objects.values_list("state", flat=True)) == {"open"}


def test_a_season_stated_before_such_rows_were_taken_out_stays_as_it_was_stated(world, rounds, tmp_path):
    """Its later statements let them count as well, and say so; nothing that was published is refused."""
    forge(rounds[0], world.enrolments[0], 1)
    earlier_version(world.season)
    Ballot.objects.filter(pk=Ballot.objects.first().pk).update(status="excluded", exclusion="burst")

    statement = publish_statement(world.season, by=None)

    assert (statement.content.version, statement.content.format) == (2, 1)
    told = verified(statement, tmp_path)
    assert (told.exit_code, "1 NOT MADE BY THE KEY, and COUNTED all the same" in told.output) == (0, True)


def earlier_version(season):
    """The close as it was when rows without the key counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dongliang.ballots.proof.FORMAT", 1)
        for module in ("rounds", "publishing"):
            patch.setattr(f"dongliang.ballots.actions.{module}.exclude_unproven", lambda round, *, by: 0)
        close_rounds(season, by=None)
    assert last_statement(season).content.rounds["secretaries"].counted == 13


@pytest.mark.parametrize(("old", "new"), [('"unproven":2', '"unproven":3'), ('"unproven":2', '"unproven":0')])
def test_an_archive_whose_count_of_forged_rows_is_not_that_of_its_lines_does_not_hold(
    world, rounds, tmp_path, old, new
):
    forge(rounds[0], world.enrolments[0], 1, 2)
    close_rounds(world.season, by=None)

    report = check_archive(rewritten(last_statement(world.season), tmp_path, old, new))

    assert [str(fault) for fault in report.faults] == [
        f"statement-1.json: it says that the key did not make {new[-1]} ballots in secretaries; "
        "2 are excluded as such."
    ]


def rewritten(statement, tmp_path, old, new):
    with zipfile.ZipFile(io.BytesIO(archive_of(statement).read_bytes())) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert files["statement-1.json"].count(old) == 1
    files["statement-1.json"] = files["statement-1.json"].replace(old, new)
    path = tmp_path / "rewritten.zip"
    with path.open("wb") as target:
        proof.write_archive(target, ((name, [text.encode()]) for name, text in files.items()))
    return path
