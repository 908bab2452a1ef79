"""The ASGI applications that ``dongliang serve`` runs.

``application`` is the whole site on one port: residents' pages without Django's request handling, everything else
through Django as WSGI in a few threads, which costs a fifth of what Django's own ASGI handler does. ``residents`` are
the residents' pages alone, for a port of their own behind a proxy.
"""

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dongliang.settings")
django = get_wsgi_application()

# Only now: what follows needs Django set up.
from dongliang.ballots.intake.application import Intake, Receive, Scope, Send  # noqa: E402
from dongliang.common.middleware import LARGEST_BODY  # noqa: E402

THREADS = 4
KEPT_IN_MEMORY = 1024 * 1024
CHUNK = 256 * 1024
# Granian's event loop and two threads share an interpreter. At the usual 5 ms a thread that comes back from the
# database waits longer for its turn than it waited for the database.
sys.setswitchinterval(0.0005)


class Pages:
    """A WSGI application behind ASGI: each request runs in one of a few threads, its body read beforehand."""

    def __init__(self, wsgi: Callable[..., Iterable[bytes]]) -> None:
        self.wsgi = wsgi
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pages")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        with tempfile.SpooledTemporaryFile(max_size=KEPT_IN_MEMORY) as body:
            size, more = 0, True
            # What says that it is too large is refused by the site's own page, unread.
            if declared.isdigit() and int(declared[:20]) > LARGEST_BODY:
                size, more = int(declared[:20]), False
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                size += len(message.get("body", b""))
                if size > LARGEST_BODY:
                    break
                body.write(message.get("body", b""))
                more = message.get("more_body", False)
            body.seek(0)
            loop = asyncio.get_running_loop()
            speaker = Speaker(loop, send)
            await loop.run_in_executor(self.threads, self.run, environ_of(scope, body, size), speaker)
        for message in speaker.unsaid():
            await send(message)

    def run(self, environ: dict[str, Any], speaker: "Speaker") -> None:
        output = self.wsgi(environ, speaker.start)
        try:
            for part in output:
                speaker.write(part)
        finally:
            if close := getattr(output, "close", None):
                close()


class Speaker:
    """Passes what WSGI says on to ASGI: a short answer at once, a long one in chunks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self.loop = loop
        self.send = send
        self.head: MutableMapping[str, Any] = {}
        self.begun = False
        self.waiting = io.BytesIO()

    def start(
        self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None
    ) -> Callable[[bytes], None]:
        self.head = {
            "type": "http.response.start",
            "status": int(status.split(" ", 1)[0]),
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }
        return self.write

    def write(self, part: bytes) -> None:
        self.waiting.write(part)
        if self.waiting.tell() >= CHUNK:
            asyncio.run_coroutine_threadsafe(self.say(self.unsaid(more=True)), self.loop).result()

    async def say(self, messages: list[MutableMapping[str, Any]]) -> None:
        for message in messages:
            await self.send(message)

    def unsaid(self, *, more: bool = False) -> list[MutableMapping[str, Any]]:
        """What is still to be said, and whether ``more`` is to come."""
        messages = [] if self.begun else [self.head]
        self.begun = True
        body, self.waiting = self.waiting.getvalue(), io.BytesIO()
        return [*messages, {"type": "http.response.body", "body": body, "more_body": more}]


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


pages = Pages(django)


async def below_v(scope: Scope, receive: Receive, send: Send) -> None:
    """Those of the residents' pages that Django serves: receipts, proofs, the ways to show that one may vote."""
    if scope["type"] == "http" and scope["path"].startswith("/v/"):
        await pages(scope, receive, send)
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})


application = Intake(pages)
residents = Intake(below_v)
