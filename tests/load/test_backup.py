"""A copy taken while residents vote holds every ballot acknowledged before, and can be voted on."""

import os
import subprocess

from dongliang.ballots import codes
from tests.load.residents import Residents
from tests.load.site import DONGLIANG, Site
from tests.postgres import programs


def told(site, *arguments):
    environment = site.environment | {"PATH": f"{programs()}:{os.environ['PATH']}"}
    done = subprocess.run([DONGLIANG, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
        told(site, "backup", str(tmp_path / "copy.zip"))
        residents.await_more(50)
    site.stop()
    residents.check()

    copy = Site(tmp_path / "copy", site.key, site.codes, site.cluster, f"{site.name}_copy")
    if site.cluster:
        with site.cluster.connect() as connection:
            connection.execute(f"CREATE DATABASE {copy.name}")
    told(copy, "restore", str(tmp_path / "copy.zip"))

    assert acknowledged <= stored(copy) <= stored(site)
    copy.start()
    with Residents(copy, first=6000) as more:
        more.await_more(20)
    copy.stop()
    assert receipts(more, copy.key) <= stored(copy)
