"""Django's pages as the server reaches them: over ASGI, with senders and readers as slow as they come."""

import asyncio
import io
import os
import threading

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connections

from dongliang.common.middleware import LARGEST_BODY
from dongliang.serving import answers, bodies
from dongliang.serving import pages as serving
from dongliang.serving.answers import SHORT
from dongliang.serving.bodies import FILES_OF_EACH, LARGEST_BALLOT, LARGEST_FORM
from dongliang.serving.pages import Pages

MEGABYTE = 1024 * 1024


class Client:
    """Sends a body in parts, and takes what it is told; both for as long as it likes."""

    def __init__(
        self, path="/sign-in/", parts=(), *, method="POST", length=None, cookie="", takes=None, pace=0
    ):
        self.pace = pace
        self.parts = list(parts)
        self.takes = takes
        self.said = []
        headers = [(b"host", b"localhost"), (b"cookie", cookie.encode())]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": headers,
            "http_version": "1.1",
            "client": ("192.0.2.7", 4000),
        }

    async def receive(self):
        if not self.parts:
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.sleep(self.pace)
        part = self.parts.pop(0)
        if part is None:  # says nothing more, and stays
            await asyncio.Event().wait()
        if part is ConnectionError:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": True}

    async def send(self, message):
        if self.takes is not None and message["type"] == "http.response.body":
            if not self.takes:
                await asyncio.Event().wait()
            self.takes -= 1
        self.said.append(message)

    async def ask(self, pages):
        await pages(self.scope, self.receive, self.send)
        return self

    @property
    def status(self):
        return self.said[0]["status"]

    @property
    def headers(self):
        return dict(self.said[0]["headers"])

    @property
    def body(self):
        return b"".join(message["body"] for message in self.said[1:])


def echo(environ, start):
    """Answers with the size of what it was sent."""
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % len(environ["wsgi.input"].read())]


def saying(data, *, wrapped=False):
    def page(environ, start):
        start("200 OK", [("X-Page", "long")])
        return environ["wsgi.file_wrapper"](io.BytesIO(data)) if wrapped else [data[:10], data[10:]]

    return page


def ask(wsgi, *clients):
    async def all_at_once():
        pages = Pages(wsgi)
        return await asyncio.gather(*[client.ask(pages) for client in clients])

    return asyncio.run(all_at_once())


@pytest.fixture
def session(transactional_db, monkeypatch):
    """The cookie of somebody signed in. Threads keep no connection open, which nobody would close."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    store = SessionStore()
    store[SESSION_KEY] = "1"
    store.save()
    return f"sessionid={store.session_key}"


@pytest.fixture
def quick(monkeypatch):
    """Patience of a test."""
    for module in (bodies, answers, serving):
        for name in dir(module):
            if name.startswith("SECONDS") or name == "GRACE":
                monkeypatch.setattr(module, name, 0.2)


# Bodies


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/v/receipt/", LARGEST_BALLOT, 200),
        ("/v/receipt/", LARGEST_BALLOT + 1, 413),
        ("/sign-in/", LARGEST_FORM, 200),
        ("/sign-in/", LARGEST_FORM + 1, 413),
    ],
)
@pytest.mark.parametrize("says_how_long", [True, False])
def test_a_stranger_sends_no_more_than_the_longest_form(path, size, status, says_how_long):
    length = size if says_how_long else None

    [client] = ask(echo, Client(path, [b"a" * (size - 5), b"a" * 5], length=length))

    assert client.status == status
    assert status == 413 or client.body == b"%d" % size


@pytest.mark.parametrize("cookie", ["sessionid=nobody-s-but-as-long-as-a-session", "sessionid=", "other=1"])
def test_a_session_that_is_nobody_s_is_a_stranger_s(session, cookie):
    [client] = ask(echo, Client(parts=[b"a" * MEGABYTE], cookie=f"{cookie}; django_language=en"))

    assert client.status == 413
    assert "Only somebody signed in can send as much as that." in client.body.decode()


def test_somebody_signed_in_sends_a_file(session):
    [client] = ask(echo, Client(parts=[b"a" * MEGABYTE] * 3, cookie=session))

    assert (client.status, client.body) == (200, b"%d" % (3 * MEGABYTE))


def test_nobody_sends_a_file_to_a_resident_s_page(session):
    [client] = ask(echo, Client("/v/receipt/", parts=[b"a" * MEGABYTE], cookie=session))

    assert client.status == 413


def test_no_file_is_larger_than_the_largest(session, monkeypatch):
    monkeypatch.setattr(bodies, "LARGEST_BODY", 2 * MEGABYTE)

    said, unsaid = ask(
        echo,
        Client(parts=[b"a"], length=LARGEST_BODY + 1, cookie=session),
        Client(parts=[b"a" * MEGABYTE] * 3, cookie=session),
    )

    assert (said.status, unsaid.status) == (413, 413)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("/v/receipt/", "What was sent did not arrive whole in time."), ("/sign-in/", "nothing was saved.")],
)
def test_a_body_that_does_not_arrive_is_told_so(quick, path, sentence):
    [client] = ask(echo, Client(path, parts=[b"a", None], cookie="django_language=en"))

    assert client.status == 408
    assert sentence in client.body.decode()


def test_a_file_that_comes_no_further_is_told_so(session, quick):
    [client] = ask(echo, Client(parts=[b"a" * MEGABYTE, None], cookie=session))

    assert client.status == 408


def test_a_file_that_hardly_moves_is_told_so(session, monkeypatch):
    monkeypatch.setattr(bodies, "GRACE", 0.1)
    monkeypatch.setattr(bodies, "SLOWEST", MEGABYTE)
    monkeypatch.setattr(bodies, "SECONDS_TO_PASS", 0.1)

    [client] = ask(echo, Client(parts=[b"a" * LARGEST_FORM, *[b"a"] * 9999, None], cookie=session, pace=0.1))

    assert client.status == 408


def test_one_session_sends_so_many_files_at_a_time(session, quick):
    clients = [Client(parts=[b"a" * MEGABYTE, None], cookie=session) for _ in range(FILES_OF_EACH + 1)]

    told = ask(echo, *clients)

    assert sorted(client.status for client in told) == [408] * FILES_OF_EACH + [503]
    assert [client.headers[b"retry-after"] for client in told if client.status == 503] == [b"10"]


def test_whoever_hangs_up_is_told_nothing_and_no_page_is_asked():
    [client] = ask(None, Client(parts=[b"a", ConnectionError]))

    assert client.said == []


def test_without_a_database_to_ask_whose_session_it_is_the_sender_is_asked_to_come_again(
    session, monkeypatch
):
    def breaks(_store):
        raise OperationalError

    monkeypatch.setattr(SessionStore, "load", breaks)

    [client] = ask(echo, Client(parts=[b"a" * MEGABYTE], cookie=session))

    assert client.status == 503


# Answers


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("size", [0, 5, SHORT, SHORT + 1, 3 * MEGABYTE])
def test_an_answer_is_said_whole_whatever_its_size(size, wrapped):
    data = os.urandom(size)

    [client] = ask(saying(data, wrapped=wrapped), Client(method="GET"))

    assert (client.status, client.headers[b"x-page"]) == (200, b"long")
    assert client.body == data
    assert client.headers.get(b"content-length", b"0") == b"%d" % size
    assert not client.said[-1].get("more_body")


def test_a_file_is_held_open_for_its_reader_only(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(data := os.urandom(2 * MEGABYTE))
    opened = []

    def page(environ, start):
        start("200 OK", [])
        opened.append(path.open("rb"))
        return environ["wsgi.file_wrapper"](opened[0])

    [client] = ask(page, Client(method="GET"))

    assert client.body == data
    assert opened[0].closed


def test_a_head_is_told_how_much_there_would_be(tmp_path):
    [client] = ask(saying(b"a" * MEGABYTE), Client(method="HEAD"))

    assert (client.headers[b"content-length"], client.body) == (b"%d" % MEGABYTE, b"")


def test_readers_who_take_nothing_hold_no_thread_and_are_given_up(quick):
    """More of them than there are threads, and then one who reads."""
    slow = [Client(method="GET", takes=2) for _ in range(2 * serving.THREADS)]

    *stuck, reader = ask(saying(b"a" * 3 * MEGABYTE), *slow, Client(method="GET"))

    assert len(reader.body) == 3 * MEGABYTE
    assert {len(client.body) for client in stuck} == {2 * answers.PIECE}


def test_one_address_has_so_many_long_answers_at_a_time(quick):
    clients = [Client(method="GET", takes=1) for _ in range(answers.LONG_OF_EACH + 1)]

    told = ask(saying(b"a" * MEGABYTE), *clients)

    assert sorted(client.status for client in told) == [200] * answers.LONG_OF_EACH + [503]


def test_whoever_gets_no_thread_is_asked_to_come_again(quick):
    over = threading.Event()

    def page(_environ, start):
        over.wait(30)
        start("200 OK", [])
        return [b"done"]

    async def run():
        pages = Pages(page)
        at_work = [asyncio.create_task(Client(method="GET").ask(pages)) for _ in range(serving.THREADS)]
        await asyncio.sleep(0)
        late = await Client("/v/receipt/", method="GET").ask(pages)
        over.set()
        return late, await asyncio.gather(*at_work)

    late, served = asyncio.run(run())

    assert (late.status, late.headers[b"retry-after"]) == (503, b"10")
    assert [client.body for client in served] == [b"done"] * serving.THREADS
