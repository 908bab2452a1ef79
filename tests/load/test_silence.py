"""The database falls silent, or waits for somebody's lock: people are answered all the same, and nothing is lost."""

import threading
import time

import psycopg
import pytest

from tests.load.line import Line
from tests.load.residents import Residents

CLIENTS = 16


@pytest.fixture
def line(postgres_site):
    line = Line(str(postgres_site.cluster.data / ".s.PGSQL.5432"))
    yield line
    line.close()


def await_refusals(residents, count):
    wanted, deadline = residents.statuses[503] + count, time.monotonic() + 120
    while residents.statuses[503] < wanted:
        assert time.monotonic() < deadline, (residents.statuses, residents.site.log()[-3000:])
        time.sleep(0.01)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_line_that_falls_silent_is_a_polite_pause_and_loses_nothing(postgres_site, line, workers):
    """Three times. Some give up meanwhile and vote anew, with other marks."""
    site = postgres_site
    site.start(
        "--workers",
        str(workers),
        DONGLIANG_DATABASE=f"postgres://dongliang@127.0.0.1:{line.port}/{site.name}",
    )
    site.ask("GET", "/v/receipt/?receipt=AAAAA-AAAAA")
    with Residents(site, clients=CLIENTS, patience=0.5) as residents:
        for _ in range(3):
            residents.await_more(100)
            line.fall_silent()
            await_refusals(residents, 2 * CLIENTS)
            looked = site.ask("GET", f"/v/{site.codes[0]}/")
            django_s = site.ask("GET", "/v/receipt/?receipt=AAAAA-AAAAA")
            line.speak()
            assert (looked.status, looked.headers["retry-after"]) == (503, "10")
            assert (django_s.status, django_s.headers["retry-after"]) == (503, "10")
        residents.await_more(100)
        received = site.ask("GET", "/v/receipt/?receipt=AAAAA-AAAAA")
    site.stop()

    residents.check()
    assert received.status == 200
    assert set(residents.statuses) == {303, 503}


def test_a_round_locked_by_somebody_else_is_a_polite_pause(postgres_site):
    site = postgres_site
    site.start()
    with Residents(site, clients=CLIENTS, patience=0.5) as residents:
        residents.await_more(50)
        with (
            psycopg.connect(host=str(site.cluster.data), user="dongliang", dbname=site.name) as other,
            other.transaction(),
        ):
            other.execute("SELECT id FROM ballots_round FOR UPDATE")
            await_refusals(residents, CLIENTS)
        residents.await_more(50)
    site.stop()

    residents.check()
    assert set(residents.statuses) == {303, 503}


def test_a_server_told_to_stop_while_the_database_is_silent_stops(postgres_site, line):
    site = postgres_site
    site.start(DONGLIANG_DATABASE=f"postgres://dongliang@127.0.0.1:{line.port}/{site.name}")
    with Residents(site, clients=4) as residents:
        residents.await_more(20)
        line.fall_silent()
        stopping = threading.Thread(target=site.stop)
        stopping.start()
        stopping.join(timeout=120)
        assert not stopping.is_alive()
        line.speak()

    residents.check()
