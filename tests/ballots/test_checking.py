"""The check of a published archive: it passes what is whole, and says where anything else is not."""

import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dongliang.ballots import proof
from dongliang.ballots.checking import check_archive
from tests.factories.archive import SECRET, invent_ballots, make_archive

COUNTS = {
    ("secretaries", 1): 6,
    ("secretaries", 2): 4,
    ("secretaries", 3): 1,
    ("secretaries", 4): 2,
    ("projects", 1): 5,
    ("projects", 2): 3,
}
FIRST = invent_ballots(COUNTS)
SECOND = [replace(FIRST[0], status="excluded", exclusion="burst"), *FIRST[1:]]
THIRD = [SECOND[0], replace(FIRST[1], status="excluded", exclusion="revoked"), *FIRST[2:]]


@pytest.fixture
def archive():
    return make_archive(FIRST, SECOND, THIRD)


def faults(archive, tmp_path):
    report = check_archive(archive.write(tmp_path / "lz.zip"))
    return [str(fault) for fault in report.faults]


def rewritten(archive, name, old, new):
    assert old.encode() in archive.files[name]
    archive.files[name] = archive.files[name].replace(old.encode(), new.encode(), 1)
    return archive


def test_a_whole_archive_holds_and_every_receipt_is_found_with_its_path(archive, tmp_path):
    report = check_archive(archive.write(tmp_path / "lz.zip"), [ballot.receipt for ballot in FIRST])

    assert report.faults == []
    assert [statement.version for statement in report.statements] == [1, 2, 3]
    assert (report.opened, report.closed) == (4, 2)
    assert {text: found.leaf for text, found in report.found.items()} == {
        ballot.receipt: ballot.leaf for ballot in THIRD
    }
    root = report.statements[-1].receipts_root
    assert {
        proof.root_by_path(proof.leaf_hash(found.leaf.line), found.index, found.size, found.path).hex()
        for found in report.found.values()
    } == {root}


def test_a_receipt_of_nobody_is_not_found(archive, tmp_path):
    assert check_archive(archive.write(tmp_path / "lz.zip"), ["0000000000"]).found == {}


def test_an_archive_of_a_season_in_which_nobody_voted_holds(tmp_path):
    assert faults(make_archive([]), tmp_path) == []


def test_an_archive_of_sealed_marks_holds(tmp_path):
    assert faults(make_archive(FIRST, opened=False), tmp_path) == []


def test_more_receipts_than_one_part_holds_are_checked_part_by_part(tmp_path, monkeypatch):
    monkeypatch.setattr(proof, "PART", 4)
    archive = make_archive(FIRST, SECOND, THIRD)

    assert faults(archive, tmp_path) == []
    changed = rewritten(archive, "nodes.csv", "\n3,", "\n3,0")
    assert faults(changed, tmp_path)[0].startswith("nodes.csv, line 4: ")


WHOLE = make_archive(FIRST, SECOND, THIRD).bytes


@settings(max_examples=300)
@given(place=st.integers(0, len(WHOLE) - 1), flip=st.integers(1, 255))
def test_one_byte_changed_anywhere_is_noticed(tmp_path_factory, place, flip):
    path = tmp_path_factory.getbasetemp() / "flipped.zip"
    path.write_bytes(WHOLE[:place] + bytes([WHOLE[place] ^ flip]) + WHOLE[place + 1 :])

    assert not check_archive(path).holds


@pytest.mark.parametrize(
    "spoil",
    [lambda whole: whole[:-1], lambda whole: whole + b"\0", lambda whole: b"\0" + whole, lambda _: b""],
)
def test_bytes_missing_or_added_are_noticed(tmp_path, spoil):
    (tmp_path / "lz.zip").write_bytes(spoil(WHOLE))

    assert not check_archive(tmp_path / "lz.zip").holds


def test_a_flipped_status_is_told_with_its_lines_its_count_and_its_neighbourhood(archive, tmp_path):
    """Written by somebody who mended the zip's own checksums."""
    found = faults(
        rewritten(archive, "receipts.csv", ",secretaries,2,counted,", ",secretaries,2,superseded,"), tmp_path
    )

    assert found[0] == (
        "receipts.csv, lines 2 to 22: one of them was changed: together they do not come to what nodes.csv says."
    )
    assert any(fault.startswith("statement-3.json: its receipts_root is ") for fault in found)
    assert "statement-3.json: it says 11 counted in secretaries; the receipts are 10." in found
    assert "tally-3.csv: number 2 in secretaries has 4 ballots, and 3 counted receipts." in found


def test_a_line_removed_is_told(archive, tmp_path):
    lines = archive.files["receipts.csv"].splitlines(keepends=True)
    archive.files["receipts.csv"] = b"".join(lines[:5] + lines[6:])

    assert "statement-1.json: it counts 21 receipts; receipts.csv holds 20." in faults(archive, tmp_path)


def test_lines_out_of_order_are_told_with_their_number(archive, tmp_path):
    lines = archive.files["receipts.csv"].splitlines(keepends=True)
    archive.files["receipts.csv"] = b"".join([lines[0], lines[2], lines[1], *lines[3:]])

    assert faults(archive, tmp_path) == [
        "receipts.csv, line 3: its commitment does not come after the one before."
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("receipts.csv", "counted", "countad", "receipts.csv, line "),
        ("receipts.csv", "commitment,", "commitments,", "receipts.csv, line 1: "),
        ("tally-1.csv", "secretaries,1,6", "secretaries,1,7", "tally-1.csv: its digest is another"),
        ("changes-2.csv", "burst", "cards", "changes-2.csv: its digest is another"),
        ("marks.csv", ",5545,", ",1111,", "marks.csv: number 1 in secretaries does not fit its seal."),
        ("marks.csv", "marks,count", "marks", "marks.csv: it must begin with the line"),
        ("statement-2.json", '"version":2', '"version":4', "statement-2.json: it says that it is version 4."),
        ("statement-2.json", '"season":"lz-2021"', '"season":"lz-2022"', "statement-3.json: it follows "),
        ("statement-1.json", '"format":1', '"format":3', "statement-1.json: format: "),
        (
            "statement-1.json",
            '"format":1',
            '"format":2',
            "statement-2.json: its format is not that of the first.",
        ),
        ("statement-1.json", '"format":1', '"format": 1', "statement-1.json: it is not spelt as published"),
        ("statement-1.json", '"changes":0', '"changes":1', "statement-2.json: it follows "),
    ],
)
def test_what_was_changed_is_told_with_where(archive, tmp_path, name, old, new, told):
    found = faults(rewritten(archive, name, old, new), tmp_path)

    assert any(fault.startswith(told) for fault in found), found


@pytest.mark.parametrize(
    "name", ["statement-1.json", "tally-2.csv", "changes-3.csv", "nodes.csv", "receipts.csv"]
)
def test_a_missing_file_is_told(archive, tmp_path, name):
    del archive.files[name]

    assert f"{name}: the archive does not hold this file." in faults(archive, tmp_path)


def test_a_file_too_many_is_told(archive, tmp_path):
    archive.files["evil.exe"] = b""

    assert faults(archive, tmp_path) == ["evil.exe: no archive holds a file of this name."]


def test_opening_what_must_stay_closed_is_told(archive, tmp_path):
    """A single ballot's marks."""
    cell = ("secretaries", 3)
    salt = proof.salt_of(SECRET, cell).hex()
    archive.files["marks.csv"] += f"secretaries,3,{salt},4444,1\n".encode()

    assert faults(archive, tmp_path) == [
        "marks.csv: number 3 in secretaries is there, and is to stay closed."
    ]


def test_keeping_closed_what_must_be_opened_is_told(archive, tmp_path):
    lines = archive.files["marks.csv"].decode().splitlines(keepends=True)
    archive.files["marks.csv"] = "".join(
        line for line in lines if not line.startswith("secretaries,2,")
    ).encode()

    assert faults(archive, tmp_path) == ["marks.csv: number 2 in secretaries is missing."]


def test_a_statement_that_forgets_a_ballot_of_the_one_before_does_not_hold(tmp_path):
    """Its own archive would; the chain does not."""
    archive, later = make_archive(FIRST), make_archive(FIRST[1:], FIRST[1:])
    archive.files |= {name: later.files[name] for name in later.files if name != "statement-1.json"}

    assert any("receipts" in fault for fault in faults(archive, tmp_path))


def test_an_archive_packed_by_something_else_is_not_unpacked(archive, tmp_path):
    with zipfile.ZipFile(tmp_path / "lz.zip", "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("statement-1.json", b"0" * 10_000_000)

    report = check_archive(tmp_path / "lz.zip")

    assert [str(fault) for fault in report.faults] == [
        "statement-1.json: it is compressed; published archives are not."
    ]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 60])
def test_what_is_no_archive_is_told_without_a_traceback(tmp_path, content):
    (tmp_path / "lz.zip").write_bytes(content)

    [fault] = check_archive(tmp_path / "lz.zip").faults

    assert fault.where == "lz.zip"


def test_checking_takes_neither_django_nor_a_database(archive, tmp_path):
    path = archive.write(tmp_path / "lz.zip")
    script = (
        "import sys; from pathlib import Path; from dongliang.ballots.checking import check_archive;"
        f"print(check_archive(Path({str(path)!r})).holds, any('django' in name for name in sys.modules))"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout == "True False\n"
