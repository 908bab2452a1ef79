"""The quick way to PostgreSQL: what many residents wish at once is granted in the event loop, without a thread.

A thread would share the interpreter with the loop, and wait for its turn several times a batch: that took longer than the
database did. A lane does what is usual only, the next one what is not, such as a ballot with a comment. Whatever else may
happen, a fault, a lost connection, two people with one code, is left to the thread (``batching``), which does the same with
more patience.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils.timezone import now

from dongliang.ballots.actions.casting import MET, storing_others, storing_usual
from dongliang.ballots.intake.batching import Batcher, Waiting, settle
from dongliang.ballots.intake.lost import WHO, Backend, end_lost, lost
from dongliang.ballots.intake.wishes import (
    ASKED,
    GIVES_UP,
    SECONDS_TO_ANSWER,
    Store,
    Unavailable,
    by_kind,
    by_round,
)
from dongliang.ballots.models import Round
from dongliang.common.databases import AS_AGREED, heard_within
from dongliang.common.refusals import Refused
from dongliang.common.steps import NEVER_BY_ITSELF, Row, carried_out_by

if TYPE_CHECKING:
    import psycopg

logger = logging.getLogger(__name__)

# While many come, so long a wait lets more of them share a statement, and spares more than it costs.
PAUSE = 0.001
# After a fault everything goes to the thread for so long. After a silence nobody is kept waiting for so long: who comes is
# asked to send again.
SECONDS_TO_REST = 1.0
# What PostgreSQL says when it gave a statement up: it waited for somebody's lock.
GIVEN_UP = "57014"
# Django's own, which the thread's connection has.
NOT_FOR_US = ("context", "cursor_factory")

# Says of some, by their places, how they were granted.
Tell = Callable[[Sequence[int], Sequence[Any]], None]
Grant = Callable[["psycopg.AsyncConnection[Row]", Sequence[Any], Tell], Awaitable[None]]


def there_are_lanes() -> bool:
    return connection.vendor == "postgresql"


class Lane:
    """Takes wishes as a ``Batcher`` does. What ``grant`` tells nothing of, and all it fails in, goes to the ``next``."""

    def __init__(self, grant: Grant, next: Lane | Batcher) -> None:
        self.grant = grant
        self.next = next
        self.most: int = next.most
        self.room: int = next.room
        self.waiting: list[Waiting] = []
        self.connection: psycopg.AsyncConnection[Row] | None = None
        self.worker: asyncio.Task[None] | None = None
        self.backend: Backend | None = None
        self.rests_until = float("-inf")
        self.silent_until = float("-inf")

    def wish(self, wish: Any) -> asyncio.Future[Any]:
        """A future of what is wished for. Raises Unavailable if too much is waiting."""
        moment = time.monotonic()
        if moment < self.silent_until or len(self.waiting) >= self.room:
            raise Unavailable
        if moment < self.rests_until:
            return self.next.wish(wish)
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self.waiting.append((wish, future))
        if self.worker is None:
            self.worker = loop.create_task(self.work())
        return future

    async def stop(self) -> None:
        """Grant what is waiting, then end; what was left to the next is granted when that stops, right after."""
        if self.worker:
            await self.worker
        await self.hang_up(is_polite=True)
        await self.next.stop()

    async def work(self) -> None:
        try:
            while self.waiting:
                if len(self.waiting) > 1:
                    await asyncio.sleep(PAUSE)
                batch = self.waiting[: self.most]
                del self.waiting[: self.most]
                await self.grant_or_leave(batch)
        finally:
            self.worker = None

    async def grant_or_leave(self, batch: Sequence[Waiting]) -> None:
        def tell(places: Sequence[int], outcomes: Sequence[Any]) -> None:
            settle([batch[place][1] for place in places], outcomes)

        is_well, began = True, time.monotonic()
        state = None
        try:
            to = await self.connected()
            if lost:
                await end_lost(to)
            await self.grant(to, [wish for wish, _future in batch], tell)
        except Exception as fault:
            state = getattr(fault, "sqlstate", None)
            is_well = state in MET or state == GIVEN_UP
            if not is_well:
                # By its kind alone: what PostgreSQL says of a row may hold marks.
                kind = type(fault).__name__
                logger.warning("Residents' wishes, %d at once, met a fault: %s", len(batch), kind)
        is_silent = state == GIVEN_UP or (not is_well and time.monotonic() - began >= SECONDS_TO_ANSWER)
        for wish, future in batch:
            if future.done():
                continue
            if is_silent:
                # Nobody knows whether it got through. The same page sent again is stored once.
                future.set_exception(Unavailable())
            else:
                self.leave(wish, future)
        if not is_well:
            rest = time.monotonic() + SECONDS_TO_REST
            if is_silent:
                self.silent_until = rest
            else:
                self.rests_until = rest
            await self.hang_up()

    def leave(self, wish: Any, future: asyncio.Future[Any]) -> None:
        def pass_on(granted: asyncio.Future[Any]) -> None:
            settle([future], [granted.exception() or granted.result()])

        try:
            self.next.wish(wish).add_done_callback(pass_on)
        except Unavailable as unavailable:
            future.set_exception(unavailable)

    async def connected(self) -> psycopg.AsyncConnection[Row]:
        if self.connection:
            return self.connection

        asked = connection.get_connection_params()
        parameters = {name: value for name, value in asked.items() if name not in NOT_FOR_US}
        parameters |= {"prepare_threshold": NEVER_BY_ITSELF, "autocommit": True}
        made: psycopg.AsyncConnection[Row] = await asyncio.wait_for(
            patient_connection().connect(**parameters), SECONDS_TO_ANSWER
        )
        try:
            await made.execute(AS_AGREED)
            # A lane's statements look ballots up by their digests. A plan made while the table is nearly empty would read
            # it all.
            await made.execute("SET enable_seqscan = off")
            await made.execute(GIVES_UP)
            [who] = await (await made.execute(WHO)).fetchall()
        except BaseException:
            await made.close()
            raise
        self.backend = Backend(*who)
        self.connection = made
        return made

    async def hang_up(self, *, is_polite: bool = False) -> None:
        """Close the connection. Unless nothing is under way, what is will be ended before anything else is stored."""
        left, self.connection = self.connection, None
        if left:
            if self.backend and not is_polite:
                lost.add(self.backend)
            await left.close()


@cache
def patient_connection() -> type[psycopg.AsyncConnection[Row]]:
    """A connection that is given up when nothing is heard over it. A class made late: nobody needs it on SQLite."""
    import psycopg

    class Patient(psycopg.AsyncConnection[Row]):
        async def wait(self, gen: Any, *args: Any, **more: Any) -> Any:
            return await super().wait(heard_within(SECONDS_TO_ANSWER, self, gen), *args, **more)

    return Patient


async def store_usual(to: psycopg.AsyncConnection[Row], wishes: Sequence[Store], tell: Tell) -> None:
    """Store nearly all ballots, in one statement a round."""
    for (pk, key), places in by_round(wishes).items():
        casts = [wishes[place].cast for place in places]
        stored = await carried_out_by(to, storing_usual(Round(pk=pk), casts, key=key, at=now()))
        tell([places[index] for index in stored], list(stored.values()))


async def store_others(to: psycopg.AsyncConnection[Row], wishes: Sequence[Store], tell: Tell) -> None:
    """Store the ballots that need more than one statement, those of each round in a transaction."""
    for (pk, key), places in by_round(wishes).items():
        casts = [wishes[place].cast for place in places]
        outcomes: Sequence[Any]
        try:
            async with to.transaction():
                outcomes = await carried_out_by(to, storing_others(Round(pk=pk), casts, key=key, at=now()))
        except Refused as refused:
            outcomes = [refused] * len(places)
        tell(places, outcomes)


async def look_up_quickly(to: psycopg.AsyncConnection[Row], wishes: Sequence[Any], tell: Tell) -> None:
    for kind, alike in by_kind(wishes).items():
        if kind in ASKED:
            answers = await carried_out_by(to, ASKED[kind](alike))
            places = [place for place, wish in enumerate(wishes) if type(wish) is kind]
            tell(places, [answers[wishes[place]] for place in places])
