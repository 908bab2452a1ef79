"""An installation saved and put back, as its operator does it."""

import json
import re
import sqlite3
import zipfile
from pathlib import Path

import pytest

from dongliang.cli.backup import fits, opened
from dongliang.common.refusals import Refused
from tests.cli.test_operate import run, set_up
from tests.handbook import HANDBOOK

MAKE_KEY = (
    "from dongliang.ballots.keys import make_key; from dongliang.seasons.models import Season; "
    "print(make_key(Season.objects.get()).hex())"
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("installed") / "home"
    set_up(home)
    run(home, "manage", "shell", "-v", "0", "-c", MAKE_KEY)
    (home / "materials").mkdir()
    (home / "materials" / "讲义.pdf").write_bytes(b"%PDF-1.7 " + bytes(range(256)) * 9)
    return home


@pytest.fixture(scope="module")
def saved(installation) -> Path:
    file = installation.parent / "栋梁 7月1日.zip"
    run(installation, "backup", str(file))
    return file


def test_what_is_saved_is_put_back_as_it_was(installation, saved, tmp_path):
    told = run(tmp_path / "home", "restore", str(saved)).stdout

    assert told == f"已恢复：{tmp_path / 'home'}。操作记录 3 条，链条完好。\n"
    for name in ("secret.key", "ballot-keys/putuo-2021.key", "materials/讲义.pdf"):
        assert (tmp_path / "home" / name).read_bytes() == (installation / name).read_bytes()
        assert (tmp_path / "home" / name).stat().st_mode & 0o077 == 0
    assert run(tmp_path / "home", "audit", "verify").stdout == "共 3 条，链条完好。\n"
    # The key is the one that the database remembers, or a new one would be refused.
    before, after = (
        run(home, "manage", "shell", "-v", "0", "-c", MAKE_KEY).stdout
        for home in (installation, tmp_path / "home")
    )
    assert before == after
    assert not list((tmp_path / "home").glob(".*"))


def test_what_the_handbook_says_of_copies_is_so(installation, tmp_path):
    """As its commands are typed there, to a folder that is here."""
    page = (HANDBOOK / "keep.md").read_text(encoding="utf-8")
    commands = re.findall(r"^dongliang (backup|restore) /mnt/备份盘/(\S+)$", page, re.M)
    assert [verb for verb, _name in commands] == ["backup", "restore"]

    for home, (verb, name) in zip((installation, tmp_path / "home"), commands, strict=True):
        run(home, verb, str(tmp_path / name))

    assert run(tmp_path / "home", "audit", "verify").stdout == "共 3 条，链条完好。\n"


def test_an_archive_is_for_its_owner_alone_and_says_what_it_holds(saved):
    with zipfile.ZipFile(saved) as archive:
        contents = json.loads(archive.read("contents.json"))

    assert saved.stat().st_mode & 0o077 == 0
    assert set(contents["files"]) == {
        "database/dongliang.sqlite3",
        "home/materials/讲义.pdf",
        "home/secret.key",
        "keys/putuo-2021.key",
    }
    assert not list(saved.parent.glob(".*"))


def test_keys_that_others_keep_can_be_left_out(installation, tmp_path):
    told = run(installation, "backup", "--without-keys", str(tmp_path / "a.zip")).stdout

    assert str(installation / "ballot-keys") in told
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert not [name for name in archive.namelist() if "key" in name and "secret" not in name]


def test_what_is_not_yet_written_back_into_the_database_file_is_saved_too(installation, tmp_path):
    """A server holds the newest rows in a file beside the database."""
    with sqlite3.connect(installation / "dongliang.sqlite3") as database:
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute("CREATE TABLE IF NOT EXISTS newest (number)")
        database.execute("INSERT INTO newest VALUES (41), (42)")
        database.commit()
        run(installation, "backup", str(tmp_path / "a.zip"))
        run(tmp_path / "home", "restore", str(tmp_path / "a.zip"))
        database.execute("DROP TABLE newest")

    with sqlite3.connect(tmp_path / "home" / "dongliang.sqlite3") as copy:
        assert copy.execute("SELECT sum(number) FROM newest").fetchone() == (83,)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("home/a.zip", "要保存的文件夹里面"),
        ("栋梁 7月1日.zip", "已经有了"),
        ("nowhere/a.zip", "看看文件夹在不在"),
    ],
)
def test_a_copy_that_would_not_help_is_refused(installation, saved, name, sentence):
    before = saved.read_bytes()

    refused = run(installation, "backup", str(installation.parent / name), check=False)

    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert saved.read_bytes() == before
    assert not (installation / "a.zip").exists()


def test_where_nothing_is_nothing_is_saved(tmp_path):
    refused = run(tmp_path / "home", "backup", str(tmp_path / "a.zip"), check=False)

    assert refused.returncode == 1
    assert "没有可以保存的" in refused.stderr
    assert not (tmp_path / "a.zip").exists()


def test_nothing_is_put_back_over_an_installation(installation, saved):
    before = (installation / "dongliang.sqlite3").read_bytes()

    refused = run(installation, "restore", str(saved), check=False)

    assert refused.returncode == 1
    assert "已经有一套了" in refused.stderr
    assert (installation / "dongliang.sqlite3").read_bytes() == before


def altered(saved: Path, to: Path, **changes: bytes | None) -> Path:
    """The archive with other content under some names; None leaves one out."""
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(to, "w") as target:
        for name in source.namelist():
            if changes.get(name, b"") is not None:
                target.writestr(name, changes.get(name) or source.read(name))
        for name in changes.keys() - set(source.namelist()):
            target.writestr(name, changes[name])
    return to


def listing(saved: Path, **more: str) -> bytes:
    with zipfile.ZipFile(saved) as archive:
        contents = json.loads(archive.read("contents.json"))
    contents["files"] |= more
    return json.dumps(contents).encode()


def locked(saved: Path, to: Path) -> Path:
    """The archive with every entry marked as packed under a password."""
    marked = re.sub(
        rb"(PK\x01\x02.{4}).", lambda head: head[1] + b"\x01", saved.read_bytes(), flags=re.DOTALL
    )
    to.write_bytes(marked)
    return to


def cut_short(saved: Path, to: Path) -> Path:
    to.write_bytes(saved.read_bytes()[:-300])
    return to


SPOILT = {
    "a changed byte": lambda saved, to: altered(saved, to, **{"home/secret.key": b"x" * 64}),
    "a missing file": lambda saved, to: altered(saved, to, **{"keys/putuo-2021.key": None}),
    "a file more": lambda saved, to: altered(saved, to, **{"home/more": b"x"}),
    "no contents": lambda saved, to: altered(saved, to, **{"contents.json": None}),
    "other contents": lambda saved, to: altered(saved, to, **{"contents.json": b"[]"}),
    "contents of nothing": lambda saved, to: altered(saved, to, **{"contents.json": b"\xff"}),
    "a way out": lambda saved, to: altered(
        saved,
        to,
        **{"home/../../out": b"x", "contents.json": listing(saved, **{"home/../../out": "0" * 64})},
    ),
    "a place elsewhere": lambda saved, to: altered(
        saved, to, **{"/tmp/out": b"x", "contents.json": listing(saved, **{"/tmp/out": "0" * 64})}
    ),
    "a password": locked,
    "a torn end": cut_short,
    "no archive": lambda saved, to: [to.write_bytes(b"PK\x03\x04 no archive"), to][1],
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_archive_is_told_from_a_whole_one(saved, tmp_path, how):
    file = SPOILT[how](saved, tmp_path / "spoilt.zip")

    with pytest.raises(Refused, match="不是一份完整的备份"), opened(file) as archive:
        fits(archive)

    with opened(saved) as archive:
        fits(archive)


def test_of_a_spoilt_archive_nothing_is_put_back(saved, tmp_path):
    file = altered(saved, tmp_path / "spoilt.zip", **{"keys/putuo-2021.key": b"0" * 64})

    refused = run(tmp_path / "home", "restore", str(file), check=False)

    assert refused.returncode == 1
    assert "keys/putuo-2021.key" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert {path.name for path in (tmp_path / "home").rglob("*")} == {"secret.key"}


def test_what_broke_off_half_way_is_begun_anew(saved, tmp_path):
    left = tmp_path / "home" / ".restoring" / "home"
    left.mkdir(parents=True)
    (left / "half").write_text("x")

    run(tmp_path / "home", "restore", str(saved))

    assert not (tmp_path / "home" / "half").exists()
    assert run(tmp_path / "home", "audit", "verify").stdout == "共 3 条，链条完好。\n"
