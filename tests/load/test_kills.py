"""kill -9 at any moment, while sixteen residents vote: nothing acknowledged is lost, nothing is stored twice.

Few kills here; ``pytest tests/load --kills 50 -s`` kills more and prints what became of them.
"""

import random
import time
from contextlib import suppress

import psycopg
import pytest

from tests.load.residents import Residents
from tests.load.site import children, end

CLIENTS = 16


@pytest.fixture
def kills(request):
    return request.config.getoption("--kills")


def told(residents, killed, times):
    statuses = dict(sorted(residents.statuses.items(), key=str))
    print(f"\n{killed} killed {times} times: {residents.acknowledged} acknowledged, {statuses}")


def test_the_server_killed_loses_nothing(site, kills):
    drawn = random.Random(7)
    site.start()
    with Residents(site, clients=CLIENTS) as residents:
        for _ in range(kills):
            residents.await_more(drawn.randrange(1, 200))
            time.sleep(drawn.random() / 10)
            site.kill()
            site.start()
        residents.await_more(50)
    site.stop()

    residents.check()
    told(residents, f"server on {'PostgreSQL' if site.cluster else 'SQLite'}", kills)


def test_a_worker_killed_is_replaced_and_loses_nothing(site):
    """Once: a worker that dies again within seconds is broken, and then the server ends."""
    site.start()
    with Residents(site, clients=CLIENTS) as residents:
        residents.await_more(40)
        end(children(site.server.pid)[-1])
        residents.await_more(100)
    site.stop()

    residents.check()


def backends(site):
    """PostgreSQL's processes that serve the site, once it lets anybody ask."""
    while True:
        with suppress(psycopg.OperationalError):
            if found := site.rows(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", site.name
            ):
                return [pid for (pid,) in found]
        time.sleep(0.05)


def test_a_backend_of_the_database_killed_loses_nothing(postgres_site, kills):
    """PostgreSQL then takes all its backends down and goes through its log."""
    site, drawn = postgres_site, random.Random(9)
    site.start()
    with Residents(site, clients=CLIENTS) as residents:
        for _ in range(kills):
            residents.await_more(drawn.randrange(1, 200))
            end(drawn.choice(backends(site)))
        residents.await_more(50)
    site.stop()

    residents.check()
    told(residents, "backend", kills)


def test_the_database_killed_and_started_again_loses_nothing(postgres_site, kills):
    site, drawn = postgres_site, random.Random(10)
    site.start()
    with Residents(site, clients=CLIENTS) as residents:
        for _ in range(kills):
            residents.await_more(drawn.randrange(1, 200))
            site.cluster.kill()
            time.sleep(drawn.random() / 2)
            site.cluster.start()
        residents.await_more(50)
    site.stop()

    residents.check()
    told(residents, "PostgreSQL", kills)


def test_the_database_stopped_and_started_again_is_a_polite_pause(postgres_site):
    site = postgres_site
    site.start()
    with Residents(site, clients=CLIENTS) as residents:
        residents.await_more(100)
        site.cluster.stop()
        before = residents.statuses[503]
        deadline = time.monotonic() + 60
        while residents.statuses[503] < before + 2 * CLIENTS:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        looked = site.ask("GET", f"/v/{site.codes[0]}/")
        site.cluster.start()
        residents.await_more(100)
    site.stop()

    residents.check()
    assert (looked.status, looked.headers["retry-after"]) == (503, "10")
