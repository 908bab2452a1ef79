"""No room on the disk: residents are asked to send again later, and can once there is room."""

import resource
import time
from contextlib import contextmanager

from tests.load.residents import Residents
from tests.load.site import children

CLIENTS = 16
SOME = 48 * 1024


def processes(pid):
    return [pid, *[each for child in children(pid) for each in processes(child)]]


@contextmanager
def no_file_larger_than(size, *roots):
    """A limit on the files that these processes write: a full disk that needs no disk of its own."""
    limited = [pid for root in roots for pid in processes(root)]
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in limited}
    for pid, (_soft, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def largest_file(site):
    """How far the file that ballots are appended to has grown."""
    if site.cluster:
        [(table,)] = site.rows("SELECT pg_relation_size('ballots_ballot')")
        return table
    return max(file.stat().st_size for file in site.home.glob("ballots.sqlite3*"))


def test_a_full_disk_is_a_polite_pause_and_loses_nothing(site):
    site.start()
    with Residents(site, clients=CLIENTS, patience=0.9) as residents:
        residents.await_more(100)
        # PostgreSQL's log, in files of 1 MB, must still find room: without it the server stops altogether.
        room = max(largest_file(site) + SOME, 1024 * 1024 if site.cluster else 0)
        roots = [site.server.pid, *([site.cluster.server.pid] if site.cluster else [])]
        if site.cluster:
            fill_table(site, room)
        with no_file_larger_than(room, *roots):
            before, deadline = residents.statuses[503], time.monotonic() + 120
            while residents.statuses[503] < before + 2 * CLIENTS:
                assert time.monotonic() < deadline, (residents.statuses, site.log()[-2000:])
                time.sleep(0.01)
        residents.await_more(100)
    site.stop()

    if site.cluster:
        site.rows("DELETE FROM ballots_ballot WHERE channel = 'paper'")
    residents.check()


def fill_table(site, size):
    """Let the table grow nearly to the limit by ballots of other households, which count for nothing here."""
    [(round, enrolment)] = site.rows(
        "SELECT r.id, min(e.id) FROM ballots_round r, seasons_enrolment e WHERE r.kind = 'secretaries' GROUP BY r.id"
    )
    while largest_file(site) < size - SOME:
        site.rows(
            "INSERT INTO ballots_ballot (round_id, enrolment_id, credential, receipt, nonce, channel, in_sample, marks,"
            " status, exclusion, cast_at) SELECT %s, %s, sha256(random()::text::bytea), sha256(random()::text::bytea),"
            " '', 'paper', false, '5555', 'counted', '', now() FROM generate_series(1, 200)",
            round,
            enrolment,
        )
