"""Residents' pages over ASGI."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http.request import validate_host
from django.urls import Resolver404, resolve
from django.utils.encoding import iri_to_uri

from dongliang.ballots.intake import pages
from dongliang.ballots.intake.batching import Batcher
from dongliang.ballots.intake.garbage import keep_searches_short
from dongliang.ballots.intake.lanes import Lane, look_up_quickly, store_others, store_usual, there_are_lanes
from dongliang.ballots.intake.limits import Ballots, WrongCodes
from dongliang.ballots.intake.messages import (
    A_YEAR,
    LARGEST_BODY,
    VOTED_WITH,
    VOTED_WITH_LASTS,
    VOTED_WITH_PATH,
    Answer,
    Look,
    Unreadable,
    Visit,
    client_address,
    look_of,
    parted,
)
from dongliang.ballots.intake.skeletons import policy
from dongliang.ballots.intake.snapshot import Snapshot
from dongliang.ballots.intake.wishes import (
    ASKED,
    IsCurrent,
    Now,
    Store,
    TooOften,
    Unavailable,
    grant_lookups,
    grant_stores,
)

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Seconds after which it is asked whether what is known still holds; names and titles rarely change.
SNAPSHOT_LASTS = 1.0
NAMES_LAST = 30.0
SECONDS_TO_ARRIVE = 10.0
MOST_AT_ONCE = 400
ROOM = 4000
# Whoever guesses waits for each answer; so many may wait at a time.
SECONDS_TO_SLOW_DOWN = 1.0
MOST_SLOWED_DOWN = 500
OUR_PAGES = {"ballots:enter", "ballots:rate", "ballots:pick", "ballots:former_thanks"}


class Intake:
    """Answers residents. What is no page of theirs is passed on to ``rest``."""

    def __init__(self, rest: Application | None = None) -> None:
        self.rest = rest
        self.lookups = Batcher(grant_lookups, name="residents' questions", most=MOST_AT_ONCE, room=ROOM)
        self.stores = Batcher(grant_stores, name="residents' ballots", most=MOST_AT_ONCE, room=ROOM)
        asked: Lane | Batcher = self.lookups
        stored: Lane | Batcher = self.stores
        if there_are_lanes():
            asked = Lane(look_up_quickly, self.lookups)
            stored = Lane(store_usual, Lane(store_others, self.stores))
        # By the kind of the wish: who grants it.
        self.granters: dict[type, Lane | Batcher] = dict.fromkeys(ASKED, asked)
        self.granters[Store] = stored
        self.wrong_codes = WrongCodes()
        self.ballots = Ballots()
        self.slowed_down = 0
        self.arrivals = Arrivals()
        self.now = Snapshot()
        self.read_at = float("-inf")
        self.names_read_at = float("-inf")
        self.reading: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
        elif scope["type"] == "http" and is_ours(scope["path"]):
            await self.serve(scope, receive, send)
        elif self.rest:
            await self.rest(scope, receive, send)
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def live(self, receive: Receive, send: Send) -> None:
        """Start and stop with the server: what is queued when it stops is stored and answered first."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                keep_searches_short()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def stop(self) -> None:
        if self.reading:
            await asyncio.wait([self.reading])
        for granter in set(self.granters.values()):
            await granter.stop()
        await self.lookups.stop()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        visit = visit_of(scope, headers)
        try:
            if not is_known_host(headers.get(b"host", b"").decode("latin-1")):
                raise Unreadable(400, "host")
            if settings.SECURE_SSL_REDIRECT and not visit.is_secure:
                answer = moved(visit, f"https:{visit.site[5:]}{quote(visit.path)}")
            else:
                if visit.is_post:
                    visit.body = await self.arrivals.read(headers, receive)
                answer = await self.answer(visit)
        except Unreadable as unreadable:
            answer = pages.not_understood(visit, unreadable)
        except Exception:
            # Without the address, which may hold a code.
            logger.exception("A resident's page failed")
            answer = pages.our_mistake(visit)
        await say(send, visit, headers, answer)

    async def answer(self, visit: Visit) -> Answer:
        try:
            now = await self.present()
        except Unavailable:
            return pages.busy(visit)
        page = pages.answer(visit, now)
        if page is None:
            return missing_slash(visit)
        try:
            wish = next(page)
            while True:
                try:
                    outcome = await self.granted(wish)
                except Exception as refusal:
                    wish = page.throw(refusal)
                else:
                    wish = page.send(outcome)
        except StopIteration as done:
            answer: Answer = done.value
        if answer.is_wrong_code and not self.wrong_codes.allows(visit.address):
            return await self.slow_down(visit)
        return answer

    def granted(self, wish: Any) -> asyncio.Future[Any]:
        """A future of what is wished for. Raises Unavailable and TooOften."""
        if type(wish) is Store:
            cast = wish.cast
            if seconds := self.ballots.seconds_to_wait(cast.credential, cast.nonce, cast.marks):
                raise TooOften(seconds)
        return self.granters.get(type(wish), self.lookups).wish(wish)

    async def slow_down(self, visit: Visit) -> Answer:
        if self.slowed_down < MOST_SLOWED_DOWN:
            self.slowed_down += 1
            try:
                await asyncio.sleep(SECONDS_TO_SLOW_DOWN)
            finally:
                self.slowed_down -= 1
        return pages.too_many_wrong_codes(visit)

    async def present(self) -> Snapshot:
        """The snapshot. One that is too old is looked after meanwhile; the first is waited for."""
        if time.monotonic() - self.read_at > SNAPSHOT_LASTS and self.reading is None:
            self.reading = asyncio.create_task(self.read_again())
            self.reading.add_done_callback(self.end_reading)
        if self.read_at == float("-inf") and self.reading:
            await asyncio.shield(self.reading)
        return self.now

    async def read_again(self) -> None:
        began = time.monotonic()
        with_names = began - self.names_read_at > NAMES_LAST
        is_unsure = self.read_at == float("-inf") or self.now.may_mend or time.time() >= self.now.next_moment
        if is_unsure or not await self.granted(IsCurrent(self.now, with_names)):
            self.now = await self.granted(Now(self.now))
            with_names = True
        self.read_at = time.monotonic()
        if with_names:
            self.names_read_at = began

    def end_reading(self, reading: asyncio.Task[None]) -> None:
        self.reading = None
        if not reading.cancelled():
            # Whoever waits for it hears of it; the others have a snapshot, and the next one tries again.
            reading.exception()


def is_ours(path: str) -> bool:
    """Whether a path is a resident's page. Others below /v/ belong to the rest of the site."""
    if path == "/v":
        return True
    if not path.startswith("/v/"):
        return False
    segment = path[3:].partition("/")[0]
    # A code as it is printed: no other page is called that.
    if segment == "thanks" or (len(segment) == 14 and segment.count("-") == 2):
        return True
    return is_our_page(path)


@lru_cache(4096)
def is_our_page(path: str) -> bool:
    try:
        return resolve(path).view_name in OUR_PAGES
    except Resolver404:
        return not path.endswith("/") and is_our_page(f"{path}/")


def missing_slash(visit: Visit) -> Answer:
    if visit.path.endswith("/"):
        return pages.standing(visit, "404.html", status=404)
    return moved(visit, f"{quote(visit.path)}/")


def moved(visit: Visit, address: str) -> Answer:
    """The same page under another address."""
    query = f"?{visit.query}" if visit.query else ""
    return Answer(301, headers=[("location", iri_to_uri(address + query))])


@lru_cache(256)
def is_known_host(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    allowed = settings.ALLOWED_HOSTS or (["localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    return validate_host(name.lower(), allowed)


def visit_of(scope: Scope, headers: dict[bytes, bytes]) -> Visit:
    def header(name: bytes) -> str:
        return headers.get(name, b"").decode("latin-1")

    query = scope["query_string"].decode("latin-1")
    scheme = scope.get("scheme", "http")
    if settings.SECURE_PROXY_SSL_HEADER and header(b"x-forwarded-proto") == "https":
        scheme = "https"
    client = scope.get("client")
    voted_with, cookie = parted(header(b"cookie"))
    return Visit(
        method=scope["method"],
        path=scope["path"],
        query=query,
        look=look_of(query, cookie, header(b"accept-language")),
        address=client_address(
            client[0] if client else "", header(b"x-forwarded-for"), settings.TRUSTED_PROXIES
        ),
        site=f"{scheme}://{header(b'host')}",
        voted_with=voted_with,
        content_type=header(b"content-type"),
    )


class Arrivals:
    """Bodies on their way in. One watch over all of them is cheaper than a timer for each."""

    def __init__(self) -> None:
        self.due: dict[asyncio.Task[Any], float] = {}
        self.late: set[asyncio.Task[Any]] = set()
        self.watch: asyncio.Task[None] | None = None

    async def read(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """The body, if it is as small as a ballot and arrives in time. Raises Unreadable."""
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:12]) > LARGEST_BODY:
            raise Unreadable(413, "too_large")
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A body is read in a task.")
        self.due[task] = time.monotonic() + SECONDS_TO_ARRIVE
        if self.watch is None:
            self.watch = asyncio.create_task(self.cancel_late())
        try:
            body = await whole_body(receive)
        except asyncio.CancelledError:
            if task not in self.late:
                raise
            self.late.discard(task)
            task.uncancel()
            raise Unreadable(408, "too_slow") from None
        finally:
            del self.due[task]
        if len(body) > LARGEST_BODY:
            raise Unreadable(413, "too_large")
        return body

    async def cancel_late(self) -> None:
        while self.due:
            await asyncio.sleep(1)
            now = time.monotonic()
            for task in [task for task, due in self.due.items() if due < now and task not in self.late]:
                self.late.add(task)
                task.cancel()
        self.watch = None


async def whole_body(receive: Receive) -> bytes:
    """The body, or as much of it as shows that it is too large. Raises Unreadable."""
    body, more = b"", True
    while more and len(body) <= LARGEST_BODY:
        message = await receive()
        # The connection broke, or the body is not what its head says. What came so far may look like a whole ballot.
        if message["type"] == "http.disconnect":
            raise Unreadable(400, "too_slow")
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


@lru_cache(512)
def frame(look: Look, secure: bool) -> list[tuple[bytes, bytes]]:
    """The headers that every page has."""
    fixed = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-language", look.language),
        ("content-security-policy", policy()),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", settings.X_FRAME_OPTIONS),
        ("cross-origin-opener-policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY),
        ("vary", "Accept-Encoding, Accept-Language, Cookie"),
    ]
    end = f"; Max-Age={A_YEAR}; Path=/; SameSite=Lax{'; Secure' if secure else ''}"
    fixed += [("set-cookie", f"{name}={value}{end}") for name, value in look.cookies.items()]
    if secure and settings.SECURE_HSTS_SECONDS:
        fixed.append(("strict-transport-security", f"max-age={settings.SECURE_HSTS_SECONDS}"))
    return [(name.encode(), value.encode()) for name, value in fixed]


async def say(send: Send, visit: Visit, headers: dict[bytes, bytes], answer: Answer) -> None:
    out = [*frame(visit.look, visit.is_secure)]
    out += [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if answer.voted_with:
        kept = f"{VOTED_WITH}={answer.voted_with}; Max-Age={VOTED_WITH_LASTS}; Path={VOTED_WITH_PATH}"
        kept += f"; HttpOnly; SameSite=Lax{'; Secure' if visit.is_secure else ''}"
        out.append((b"set-cookie", kept.encode()))
    body = answer.body
    if answer.packed and b"gzip" in headers.get(b"accept-encoding", b""):
        body = answer.packed
        out.append((b"content-encoding", b"gzip"))
    out.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": out})
    await send({"type": "http.response.body", "body": b"" if visit.method == "HEAD" else body})
