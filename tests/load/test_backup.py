"""A copy taken while residents vote holds every ballot acknowledged before, and can be voted on."""

import hashlib
import json
import os
import subprocess
import zipfile

from dongliang.ballots import codes
from dongliang.cli.backup import CONTENTS, DUMP
from tests.load.residents import Residents
from tests.load.site import DONGLIANG, Site
from tests.postgres import programs


def asked(site, *arguments, path=None):
    environment = site.environment | {"PATH": path or f"{programs()}:{os.environ['PATH']}"}
    return subprocess.run([DONGLIANG, *arguments], env=environment, capture_output=True, text=True)


def done(site, *arguments):
    command = asked(site, *arguments)
    assert command.returncode == 0, command.stderr


def copy_of(site, home):
    """Where nothing is yet, for a copy to be put back."""
    copy = Site(home, site.key, site.codes, site.cluster, f"{site.name}_copy")
    if site.cluster:
        with site.cluster.connect() as connection:
            connection.execute(f"CREATE DATABASE {copy.name}")
    return copy


def receipts(residents, key):
    return {
        codes.receipt_digest(key, receipt)
        for pages in list(residents.pages.values())
        for page in list(pages)
        for receipt in page.receipts
    }


def stored(site):
    return {bytes(receipt) for (receipt,) in site.rows("SELECT receipt FROM ballots_ballot")}


def test_a_copy_taken_while_residents_vote_is_whole(site, tmp_path):
    site.start()
    with Residents(site) as residents:
        residents.await_more(100)
        acknowledged = receipts(residents, site.key)
        done(site, "backup", str(tmp_path / "copy.zip"))
        residents.await_more(50)
    site.stop()
    residents.check()

    copy = copy_of(site, tmp_path / "copy")
    done(copy, "restore", str(tmp_path / "copy.zip"))

    assert acknowledged <= stored(copy) <= stored(site)
    copy.start()
    with Residents(copy, first=6000) as more:
        more.await_more(20)
    copy.stop()
    assert receipts(more, copy.key) <= stored(copy)


def test_without_the_programs_of_postgresql_a_sentence_says_what_to_install(postgres_site, tmp_path):
    refused = asked(postgres_site, "backup", str(tmp_path / "copy.zip"), path="/nowhere")

    assert refused.returncode == 1
    assert "postgresql-client" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not list(tmp_path.glob("*copy*"))


def test_a_database_that_cannot_be_put_back_leaves_nothing_and_another_copy_can(postgres_site, tmp_path):
    done(postgres_site, "backup", str(tmp_path / "copy.zip"))
    spoilt, dump = tmp_path / "spoilt.zip", b"PGDMP and nothing that PostgreSQL could read"
    with zipfile.ZipFile(tmp_path / "copy.zip") as whole, zipfile.ZipFile(spoilt, "w") as target:
        contents = json.loads(whole.read(CONTENTS))
        contents["files"][DUMP] = hashlib.sha256(dump).hexdigest()
        for name in contents["files"]:
            target.writestr(name, dump if name == DUMP else whole.read(name))
        target.writestr(CONTENTS, json.dumps(contents))
    copy = copy_of(postgres_site, tmp_path / "copy")

    refused = asked(copy, "restore", str(spoilt))

    assert refused.returncode == 1
    assert "pg_restore" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert [path.name for path in (tmp_path / "copy").rglob("*")] == ["secret.key"]
    done(copy, "restore", str(tmp_path / "copy.zip"))
