"""A WSGI application behind ASGI, in a few threads that wait for no client."""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError, InterfaceError, close_old_connections

from dongliang.ballots.intake.application import Receive, Scope, Send, say, visit_of
from dongliang.ballots.intake.messages import cookies_of
from dongliang.common.databases import patience
from dongliang.serving.answers import KEPT_IN_MEMORY, Answers, Handed, Told, refusal
from dongliang.serving.bodies import Bodies, Gone, NotTaken, let_pass
from dongliang.serving.places import Full

logger = logging.getLogger(__name__)

THREADS = 4
# Whoever gets no thread in so long is asked to come again, rather than to wait without end.
SECONDS_FOR_A_THREAD = 20.0
# For so long a page waits for one word of the database: a resident's, and one of the office's, which may count a million.
PATIENCE_OF_RESIDENTS, PATIENCE = 5.0, 60.0


class Pages:
    """Each request is taken in, runs in one of a few threads, and is answered."""

    def __init__(self, wsgi: Callable[..., Iterable[bytes]]) -> None:
        self.wsgi = wsgi
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pages")
        self.turns = asyncio.Semaphore(THREADS)
        self.bodies = Bodies(self.is_signed_in)
        self.answers = Answers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        visit = visit_of(scope, headers)
        try:
            told = await self.told(scope, headers, receive)
            with told.file, self.answers.room_for(told, visit.address):
                await self.answers.say(told, scope["method"], send)
        except Gone:
            return
        except NotTaken as fault:
            await say(send, visit, headers, refusal(visit, fault.status, fault.reason))
            await let_pass(receive)
        except (Full, Unanswered) as busy:
            logger.warning("A page was not served: %s", type(busy).__name__)
            await say(send, visit, headers, refusal(visit, 503, "busy"))
            await let_pass(receive)

    async def told(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Told:
        """What Django answers. Raises NotTaken, Full, Gone or Unanswered."""
        length = headers.get(b"content-length", b"")
        session = cookies_of(headers.get(b"cookie", b"").decode("latin-1")).get(
            settings.SESSION_COOKIE_NAME, ""
        )
        with SpooledTemporaryFile(max_size=KEPT_IN_MEMORY) as body:
            into = cast(IO[bytes], body)
            try:
                size = await self.bodies.take_in(scope["path"], length, session, receive, into)
            except OSError:  # no room on the disk
                raise Unanswered from None
            body.seek(0)
            return await self.in_a_thread(self.run, environ_of(scope, body, size))

    async def in_a_thread(self, work: Callable[..., Any], *given: Any) -> Any:
        """What ``work`` comes to. Raises Unanswered if all threads are at work for long."""
        try:
            async with asyncio.timeout(SECONDS_FOR_A_THREAD):
                await self.turns.acquire()
        except TimeoutError:
            raise Unanswered from None
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work, *given)
        finally:
            self.turns.release()

    def run(self, environ: dict[str, Any]) -> Told:
        patience.set(PATIENCE_OF_RESIDENTS if environ["PATH_INFO"].startswith("/v/") else PATIENCE)
        told = Told()
        output = self.wsgi(environ, told.start)
        try:
            told.take(output)
        finally:
            if close := getattr(output, "close", None):
                close()
        return told

    async def is_signed_in(self, session: str) -> bool:
        return bool(await self.in_a_thread(is_somebodys, session))


class Unanswered(Exception):
    """No thread was free, there was no room, or the database did not say."""


def is_somebodys(session: str) -> bool:
    """Whether the session is that of an account. Raises Unanswered."""
    patience.set(PATIENCE_OF_RESIDENTS)
    close_old_connections()
    try:
        return bool(import_module(settings.SESSION_ENGINE).SessionStore(session).get(SESSION_KEY))
    except (DatabaseError, InterfaceError):
        raise Unanswered from None
    finally:
        close_old_connections()


def environ_of(scope: Scope, body: Any, size: int) -> dict[str, Any]:
    server = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": Handed,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        # A name with an underscore would pass for one with a hyphen, which a proxy may have checked.
        if b"_" in name or key == "CONTENT_LENGTH":
            continue
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        text = value.decode("latin-1")
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{text}" if key in environ else text
    environ["CONTENT_LENGTH"] = str(size)
    return environ
