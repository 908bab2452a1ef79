"""Bad connections: cut, slow, half open, idle, many."""

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlencode

from dongliang.ballots import codes
from tests.load.residents import INDICATORS, Residents

PLACES = 6
IDLE = 1000


def request_of(code, nonce, marks="5545"):
    body = urlencode({**dict(zip(INDICATORS, marks, strict=True)), "nonce": nonce}).encode()
    head = (
        f"POST /v/{code}/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    )
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_page_whose_answer_never_arrived_is_stored_once_and_keeps_its_receipt(site):
    site.start()
    receipts = {}
    for place, code in enumerate(site.codes[:PLACES]):
        nonce = f"{place:016x}"
        with site.line() as line:
            line.sendall(request_of(code, nonce))
            if place % 2:  # so that the connection is gone before, or after, the ballot is stored
                time.sleep(0.3)
        answers = set()
        for _ in range(2):
            with site.line() as line:
                line.sendall(request_of(code, nonce))
                lines = line.recv(65536).decode().split("\r\n")
            answers.add(next(each for each in lines if each.startswith("location: ")).split("/")[3])
        [receipts[code]] = answers
    site.stop()

    rows = site.rows("SELECT receipt, status FROM ballots_ballot")
    stored = {(bytes(receipt), status) for receipt, status in rows}
    assert len(rows) == PLACES
    assert stored == {(codes.receipt_digest(site.key, receipt), "counted") for receipt in receipts.values()}


def test_a_page_cut_off_in_the_middle_is_not_stored(sqlite_site):
    site = sqlite_site
    site.start()
    for cut in (20, 120, -20, -1):
        with site.line() as line:
            line.sendall(request_of(site.codes[0], "0" * 16)[:cut])
    assert site.ask("GET", "/v/").status == 200
    site.stop()

    assert site.rows("SELECT count(*) FROM ballots_ballot") == [(0,)]


def test_others_are_served_while_many_connections_idle_dawdle_or_hang(sqlite_site):
    """A thousand that say nothing, some that stop in the middle of a head or of a body, some that never read."""
    site = sqlite_site
    site.start()
    with ExitStack() as stack:
        lines = [stack.enter_context(site.line()) for _ in range(IDLE)]
        for line in lines[:30]:
            line.sendall(b"GET /v/ HTTP/1.1\r\nHost: local")
        for line in lines[30:60]:
            line.sendall(request_of(site.codes[-1], "0" * 16)[:-5])
        for line in lines[60:90]:
            line.shutdown(socket.SHUT_WR)
        for line in lines[90:120]:
            line.sendall(b"GET /v/ HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
        with Residents(site, clients=4) as residents:
            residents.await_more(40)
        for line in lines[30:60]:
            line.settimeout(60)
        told = {line.recv(65536)[:12] for line in lines[30:60]}
    site.stop()

    residents.check()
    assert set(residents.statuses) == {303}
    assert told == {b"HTTP/1.1 408"}
