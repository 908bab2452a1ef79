"""Clients that read slowly, send slowly or never end, while others are served; and a server told to stop meanwhile."""

import http.client
import os
import signal
import socket
from collections import Counter
from contextlib import ExitStack, contextmanager

import pytest

from dongliang.serving.answers import LONG_OF_EACH
from tests.load.residents import Residents

# More than Django has threads.
SLOW = 12
ARCHIVE_BYTES = 6_300_000
FINGERPRINT = "ab" * 32
CHUNKED = b"Transfer-Encoding: chunked\r\nContent-Type: application/x-www-form-urlencoded\r\n"
PAGES = ("/v/receipt/?receipt=AAAAA-AAAAA", "/sign-in/", "/", "/static/common/resident.css")
# Nobody waits for ever for a server that hangs; no test asserts how long it takes.
PATIENCE = 120


@pytest.fixture
def archive(sqlite_site):
    """A published archive as large as a district's: its path on the site, and its bytes."""
    site = sqlite_site
    [(season, slug)] = site.rows("SELECT id, slug FROM seasons_season")
    site.rows(
        "INSERT INTO ballots_statement (season_id, version, fingerprint, document, tally, changes, secret, marks, stated_at)"
        " VALUES (%s, 1, %s, '{}', '{}', '', '', '', '2021-12-01 00:00:00')",
        season,
        FINGERPRINT,
    )
    published = site.home / "published"
    published.mkdir()
    data = os.urandom(ARCHIVE_BYTES)
    (published / f"{FINGERPRINT}.zip").write_bytes(data)
    return f"/v/proof/{slug}/1/", data


@contextmanager
def slow_line(site):
    """A connection that takes little at a time."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(PATIENCE)
        line.connect(("127.0.0.1", site.port))
        yield line


def asked(line, path):
    line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())


def everything(line):
    said = b""
    while part := line.recv(65536):
        said += part
    return said


def test_others_are_served_while_many_download_and_read_nothing(sqlite_site, archive):
    site, (path, data) = sqlite_site, archive
    site.start()
    with ExitStack() as stack:
        lines = [stack.enter_context(slow_line(site)) for _ in range(SLOW)]
        for line in lines:
            asked(line, path)
        heads = [line.recv(200) for line in lines]

        with Residents(site, clients=4) as residents:
            residents.await_more(20)
        answers = {page: site.ask("GET", page).status for page in PAGES}
        downloading = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE)
        downloading.request("GET", path)
        downloaded = downloading.getresponse().read()
        downloading.close()
        # Whoever goes on reading gets the rest.
        rest = everything(lines[0])
    site.stop()

    residents.check()
    assert {head[:12] for head in heads} == {b"HTTP/1.1 200"}
    assert answers == dict.fromkeys(PAGES, 200)
    assert downloaded == data
    assert (heads[0] + rest).endswith(data)


def test_one_address_has_so_many_downloads_at_a_time_and_pages_all_the_while(sqlite_site, archive):
    site, (path, _data) = sqlite_site, archive
    site.start()
    with ExitStack() as stack:
        lines = [stack.enter_context(slow_line(site)) for _ in range(LONG_OF_EACH + 4)]
        for line in lines:
            asked(line, path)
        told = Counter(line.recv(100)[:12] for line in lines)
        answers = {page: site.ask("GET", page).status for page in PAGES}
    site.stop()

    assert told == {b"HTTP/1.1 200": LONG_OF_EACH, b"HTTP/1.1 503": 4}
    assert answers == dict.fromkeys(PAGES, 200)


def begin_body(line, path, length=None):
    told = CHUNKED if length is None else f"Content-Length: {length}\r\n".encode()
    line.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + told + b"\r\n")


def status_of(line):
    said = b""
    while b"\r\n" not in said and (part := line.recv(65536)):
        said += part
    return int(said.split()[1])


@pytest.mark.parametrize("path", ["/v/receipt/", "/v/at/LZ0101/phone/", "/sign-in/", "/nowhere/"])
def test_a_stranger_s_body_is_cut_short(sqlite_site, path):
    """Whether it says how long it is or not, and whether it comes fast or hardly at all."""
    site = sqlite_site
    site.start()
    with ExitStack() as stack:
        endless, declared, idle = (stack.enter_context(site.line()) for _ in range(3))
        begin_body(idle, path)
        idle.sendall(b"5\r\nabcde\r\n")
        begin_body(declared, path, 60_000_000)
        begin_body(endless, path)
        for _ in range(40):
            endless.sendall(b"400\r\n" + b"a" * 1024 + b"\r\n")

        told = [status_of(line) for line in (endless, declared, idle)]
        others = [site.ask("GET", page).status for page in PAGES]
    site.stop()

    assert told == [413, 413, 408]
    assert others == [200] * len(PAGES)


def test_a_session_that_is_nobody_s_lets_no_more_in(sqlite_site):
    site = sqlite_site
    site.start()
    with site.line() as line:
        line.sendall(
            b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nCookie: sessionid=abcdefghijklmnopqrstuvwxyz012345\r\n"
            b"Content-Length: 60000000\r\n\r\n"
        )
        told = status_of(line)
    site.stop()

    assert told == 413


def test_a_server_told_to_stop_stops_whoever_dawdles_and_keeps_what_it_acknowledged(sqlite_site, archive):
    """Half heads, bodies that never end, and readers who read nothing, while residents vote."""
    site, (path, _data) = sqlite_site, archive
    site.start()
    with ExitStack() as stack:
        readers = [stack.enter_context(slow_line(site)) for _ in range(6)]
        for line in readers:
            asked(line, path)
            line.recv(100)
        senders = [stack.enter_context(site.line()) for _ in range(6)]
        for number, line in enumerate(senders):
            if number % 2:
                begin_body(line, "/v/receipt/")
                line.sendall(b"5\r\nabcde\r\n")
            else:
                line.sendall(b"POST /v/receipt/ HTTP/1.1\r\nHost: local")
        with Residents(site, clients=8) as residents:
            residents.await_more(60)
            site.server.send_signal(signal.SIGTERM)
            site.server.wait(timeout=PATIENCE)
        site.server = None

    residents.check()
