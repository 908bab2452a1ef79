"""Residents before the server as it is run: a process of its own, over HTTP, stopped and killed while they send."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings as django_settings
from django.db import connection

from dongliang.ballots import codes
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Ballot
from tests.factories.ballots import make_code, make_projects, make_rounds
from tests.factories.season import make_world

DONGLIANG = Path(sys.executable).parent / "dongliang"
ANSWERS = {"party_members": "5", "residents_follow": "4", "method": "0", "delivery": "3"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def world(transactional_db, settings, tmp_path):
    settings.BALLOT_KEYS = tmp_path / "ballot-keys"
    world = make_world()
    make_projects(world.season)
    make_rounds(world.season)
    return world


def database() -> str:
    """The test's database, as a URL."""
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{given['NAME']}"
    user, host, port = given["USER"], quote(given["HOST"], safe=""), given["PORT"]
    password = f":{quote(given['PASSWORD'], safe='')}" if given["PASSWORD"] else ""
    return f"postgres://{user}{password}@{host}{f':{port}' if port else ''}/{given['NAME']}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(*options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The server on the test's database, once it answers."""
    port = free_port()
    environment = os.environ | {
        "DONGLIANG_DATABASE": database(),
        "DONGLIANG_BALLOT_KEYS": str(django_settings.BALLOT_KEYS),
    }
    command = [str(DONGLIANG), "serve", "--port", str(port), *options]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while server.poll() is None:
            try:
                ask(port, "GET", "/v/")
                break
            except OSError:
                time.sleep(0.1)
        assert server.poll() is None
        yield server, port
    finally:
        if server.poll() is None:
            server.terminate()
        server.wait()


def ask(
    port: int, method: str, path: str, fields: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        asking.request(method, path, urlencode(fields) if fields else None, FORM if fields else {})
        answer = asking.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read().decode()
    finally:
        asking.close()


def raw(port: int, request: bytes) -> bytes:
    """The first line of the answer to a request that no library would send."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(request)
        return line.makefile("rb").readline()


def test_one_port_serves_residents_and_the_rest_of_the_site(world):
    code = make_code(world.enrolments[0])
    with served() as (_server, port):
        status, headers, page = ask(port, "GET", f"/v/{code}/")
        sent = ask(port, "POST", f"/v/{code}/", ANSWERS)
        thanks = ask(port, "GET", sent[1]["location"])
        front, sign_in = ask(port, "GET", "/"), ask(port, "GET", "/sign-in/")
        files = re.findall('(?:src|href)="(/static/[^"]+)"', page)
        loaded = [ask(port, "GET", file)[0] for file in files]
        refused = [
            raw(port, b"GET /v/%ff%fe/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            raw(port, b"GET /v/%00/ HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            raw(
                port,
                b"POST /v/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n",
            ),
            raw(port, b"POST /v/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"),
            raw(port, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"),
            raw(port, b"GET /v/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        ]

    assert (status, headers["cache-control"], sent[0], thanks[0]) == (200, "no-store", 303, 200)
    assert "您的评分已经计入" in thanks[2]
    assert (front[0], sign_in[0]) == (200, 200)
    assert set(loaded) == {200}
    assert [line.split()[1][:1] for line in refused[:4] + refused[5:]] == [b"4"] * 5
    assert Ballot.objects.count() == 1


def test_the_two_halves_of_the_site_can_be_served_apart(world):
    code = make_code(world.enrolments[0])
    with served("--only", "residents") as (_server, port):
        assert [ask(port, "GET", path)[0] for path in (f"/v/{code}/", "/", "/sign-in/")] == [200, 404, 404]
    with served("--only", "pages") as (_server, port):
        assert [ask(port, "GET", path)[0] for path in ("/", "/sign-in/")] == [200, 200]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_is_stored_whole_however_the_server_ends(world, ending):
    """Residents send as fast as they can until nobody answers any more."""
    acknowledged: list[bytes] = []
    key = season_key(world.season)

    def send(first: int) -> None:
        for serial in range(first, first + 1000):
            try:
                status, headers, _page = ask(
                    port, "POST", f"/v/{make_code(world.enrolments[0], serial)}/", ANSWERS
                )
            except (OSError, http.client.HTTPException):
                return
            if status == 303:
                acknowledged.append(codes.receipt_digest(key, headers["location"].split("/")[3]))

    with served() as (server, port):
        residents = [threading.Thread(target=send, args=(1 + 1000 * place,)) for place in range(8)]
        for resident in residents:
            resident.start()
        while len(acknowledged) < 40:
            assert any(resident.is_alive() for resident in residents)
            time.sleep(0.01)
        # The process that answers is the server's child.
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        for process in [server.pid, *map(int, children)] if ending == signal.SIGKILL else [server.pid]:
            os.kill(process, ending)
        for resident in residents:
            resident.join()

    stored = {bytes(digest) for digest in Ballot.objects.values_list("receipt", flat=True)}
    assert set(acknowledged) <= stored
    # Stopped politely, it answers all that it has stored.
    assert ending == signal.SIGKILL or stored == set(acknowledged)
