"""The commands about ballots, run as a user runs them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dongliang.ballots import codes
from tests.cli.test_operate import DONGLIANG, run
from tests.factories.archive import invent_ballots, make_archive

COUNTS = {("secretaries", 1): 6, ("secretaries", 2): 4, ("projects", 1): 5}
BALLOTS = invent_ballots(COUNTS)


@pytest.fixture
def archive(tmp_path):
    return make_archive(BALLOTS).write(tmp_path / "lz.zip")


def verify(archive: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Without a home: nothing is to be made, read or asked for but the file."""
    return subprocess.run(
        [str(DONGLIANG), "ballots", "verify", str(archive), *arguments],
        env={"PATH": "/usr/bin:/bin", "DONGLIANG_HOME": "/nonexistent/home"},
        capture_output=True,
        text=True,
    )


def test_a_whole_archive_holds(archive):
    told = verify(archive, "--receipt", BALLOTS[0].receipt.lower())

    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert lines[-1] == "Everything holds."
    assert "  secretaries: 10 ballots, 10 counted, 0 superseded, 0 excluded" in lines
    assert any(
        line.startswith(f"{codes.grouped(BALLOTS[0].receipt, 5)}: counted, secretaries, number 1; line ")
        for line in lines
    )
    assert any(line.startswith("  path ") for line in lines)


def test_receipts_are_read_from_a_list(archive, tmp_path):
    (tmp_path / "list.txt").write_text("\ufeff" + "\n".join(ballot.receipt for ballot in BALLOTS) + "\n\n")

    told = verify(archive, "--receipts", str(tmp_path / "list.txt"))

    assert told.returncode == 0
    assert told.stdout.count(": counted, ") == len(BALLOTS)


def test_a_receipt_that_is_not_in_it_fails(archive):
    told = verify(archive, "--receipt", "8WQ2M-4KX7P")

    assert told.returncode == 1
    assert told.stderr.splitlines() == [
        "lz.zip: no line belongs to the receipt 8WQ2M-4KX7P.",
        "Something does not hold.",
    ]


def test_a_changed_byte_fails_and_is_told(archive):
    whole = archive.read_bytes()
    place = whole.index(b"commitment,round") + 60
    archive.write_bytes(whole[:place] + b"!" + whole[place + 1 :])

    told = verify(archive)

    assert told.returncode == 1
    assert "receipts.csv" in told.stderr
    assert "Traceback" not in told.stderr


def test_another_fingerprint_than_the_one_written_down_fails(archive):
    own = verify(archive).stdout.split("fingerprint ")[1].split()[0]

    assert verify(archive, "--fingerprint", own.upper()).returncode == 0
    told = verify(archive, "--fingerprint", "0" * 64)
    assert told.returncode == 1
    assert f"its fingerprint is not {'0' * 64}" in told.stderr


def test_the_demo_ends_with_a_statement_that_verifies_and_a_key_that_can_go(tmp_path):
    home = tmp_path / "home"
    told = run(home, "demo", "--scale", "0.1", "--no-serve").stdout
    [published] = (home / "published").glob("*-opened.zip")
    assert str(published) in told

    checked = verify(published)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "Marks: " in checked.stdout

    shutil.rmtree(home / "published")
    again = run(home, "ballots", "publish", "--season", "liangzhou-2021", check=False)
    assert (again.returncode, again.stdout) == (1, "")
    asked = run(home, "ballots", "destroy-key", "--season", "liangzhou-2021", check=False)
    assert asked.returncode == 1
    assert (home / "ballot-keys" / "liangzhou-2021.key").exists()
    assert (
        "选票密钥已销毁" in run(home, "ballots", "destroy-key", "--season", "liangzhou-2021", "--yes").stdout
    )
    assert not (home / "ballot-keys" / "liangzhou-2021.key").exists()


def test_a_season_of_another_name_is_refused(tmp_path):
    run(tmp_path / "home", "manage", "migrate", "-v", "0")

    refused = run(tmp_path / "home", "ballots", "publish", "--season", "lz-1999", check=False)

    assert refused.returncode == 1
    assert "没有简称为“lz-1999”的年度" in refused.stderr
