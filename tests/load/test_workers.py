"""Two server processes, and the clock."""

import os
import threading

import time_machine

from tests.load.residents import INDICATORS, Residents

CLIENTS = 8
HOUSEHOLDS = 12


def test_two_processes_given_the_same_codes_at_once_count_one_ballot_of_each(postgres_site):
    site = postgres_site
    site.start("--workers", "2")
    start, answered = threading.Barrier(CLIENTS), []

    def send(place):
        marks = dict.fromkeys(INDICATORS, str(1 + place % 5))
        start.wait()
        for code in site.codes[:HOUSEHOLDS]:
            answered.append(site.ask("POST", f"/v/{code}/", marks).status)

    threads = [threading.Thread(target=send, args=(place,)) for place in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    site.stop()

    assert answered == [303] * CLIENTS * HOUSEHOLDS
    assert site.rows("SELECT count(*) FROM ballots_ballot") == [(CLIENTS * HOUSEHOLDS,)]
    counted = "SELECT count(*), count(DISTINCT credential) FROM ballots_ballot WHERE status = 'counted'"
    assert site.rows(counted) == [(HOUSEHOLDS, HOUSEHOLDS)]


def test_two_processes_under_load_keep_what_they_acknowledge(postgres_site):
    site = postgres_site
    site.start("--workers", "2")
    with Residents(site) as residents:
        residents.await_more(300)
    site.stop()

    residents.check()
    assert set(residents.statuses) == {303}


def test_a_clock_set_back_loses_nothing_and_opens_nothing(sqlite_site):
    """The later ballot counts though it says that it is the earlier one, and what is closed stays closed."""
    site = sqlite_site
    # Two years back for every clock but the monotonic one, as when an administrator sets it.
    back = site.home / "sitecustomize.py"
    site.start()
    with Residents(site, clients=4) as residents:
        residents.await_more(40)
    site.stop()
    back.write_text(
        "import time_machine\n"
        "time_machine.travel(__import__('datetime').datetime.now() - __import__('datetime').timedelta(days=700)).start()\n"
    )
    site.start(PYTHONPATH=str(site.home))
    later = Residents(site, clients=4, seed=2)
    later.pages = residents.pages
    with later:
        later.await_more(40)
    marks = dict.fromkeys(INDICATORS, "3")
    site.rows("UPDATE ballots_round SET state = 'closed'")
    refused = site.ask("POST", f"/v/{site.codes[0]}/", marks)
    site.stop()

    later.check()
    assert refused.status == 409
    years = site.rows("SELECT DISTINCT strftime('%Y', cast_at) FROM ballots_ballot ORDER BY 1")
    assert len(years) == 2
    assert os.path.exists(back)
    assert time_machine is not None
