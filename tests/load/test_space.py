"""No room on the disk: residents are asked to send again later, and can once there is room."""

import resource
import time
from contextlib import contextmanager

from tests.load.residents import Residents
from tests.load.site import children

CLIENTS = 16
SOME = 48 * 1024
# PostgreSQL's log, in files of this size, must still find room: without it the server stops altogether.
LOG_FILE = 1024 * 1024


@contextmanager
def no_file_larger_than(size, *pids):
    """A limit on the files that processes write: a full disk that needs no disk of its own."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_soft, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def await_refusals(residents):
    wanted, deadline = residents.statuses[503] + 4 * CLIENTS, time.monotonic() + 120
    while residents.statuses[503] < wanted:
        assert time.monotonic() < deadline, (residents.statuses, residents.site.log()[-2000:])
        time.sleep(0.01)


def test_a_full_disk_under_sqlite_is_a_polite_pause_and_loses_nothing(sqlite_site):
    site = sqlite_site
    site.start()
    with Residents(site, clients=CLIENTS, patience=0.9) as residents:
        residents.await_more(100)
        room = max(file.stat().st_size for file in site.home.glob("ballots.sqlite3*")) + SOME
        with no_file_larger_than(room, *children(site.server.pid)):
            await_refusals(residents)
        residents.await_more(100)
    site.stop()

    residents.check()


def test_a_full_disk_under_postgresql_is_a_polite_pause_and_loses_nothing(postgres_site):
    site = postgres_site
    fill_table(site, LOG_FILE - SOME)
    site.start()
    with Residents(site, clients=CLIENTS, patience=0.9) as residents:
        residents.await_more(20)
        site.cluster.stop()
        site.cluster.start(largest_file=LOG_FILE)
        await_refusals(residents)
        site.cluster.stop()
        site.cluster.start()
        residents.await_more(100)
    site.stop()

    site.rows("DELETE FROM ballots_ballot WHERE channel = 'paper'")
    residents.check()


def table_size(site):
    [(size,)] = site.rows("SELECT pg_relation_size('ballots_ballot')")
    return size


def fill_table(site, size):
    """Let the table grow nearly to the limit by ballots of other households, which count for nothing here."""
    [(round, enrolment)] = site.rows(
        "SELECT r.id, min(e.id) FROM ballots_round r, seasons_enrolment e WHERE r.kind = 'secretaries' GROUP BY r.id"
    )
    while table_size(site) < size:
        site.rows(
            "INSERT INTO ballots_ballot (round_id, enrolment_id, credential, receipt, nonce, channel, in_sample, marks,"
            " status, exclusion, cast_at) SELECT %s, %s, sha256(random()::text::bytea), sha256(random()::text::bytea),"
            " '', 'paper', false, '5555', 'counted', '', now() FROM generate_series(1, 200)",
            round,
            enrolment,
        )
