"""One thread that grants the wishes of many: what has queued while it was at work is taken at once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from django.db import connections

from dongliang.ballots.intake.wishes import SECONDS_TO_ANSWER, Unavailable
from dongliang.common.databases import patience

# While many come, so long a wait lets more of them share a transaction, and spares more than it costs.
PAUSE = 0.002

Waiting = tuple[Any, "asyncio.Future[Any]"]


class Batcher:
    """Takes wishes from an event loop and hands them, up to ``most`` at once, to ``grant`` in a thread of its own.

    Whoever wishes waits until the wish is granted: nothing is acknowledged before. When ``room`` wishes are waiting, the
    next one is refused at once with Unavailable, so that the queue stays as long as a resident would wait.
    """

    def __init__(
        self, grant: Callable[[Sequence[Any]], list[Any]], *, name: str, most: int, room: int
    ) -> None:
        self.grant = grant
        self.name = name
        self.most = most
        self.room = room
        self.comes_in_crowds = False
        self.queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self.thread: threading.Thread | None = None

    def wish(self, wish: Any) -> asyncio.Future[Any]:
        """A future of what is wished for. Raises Unavailable if too much is waiting."""
        if self.queue.qsize() >= self.room:
            raise Unavailable
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if self.thread is None or not self.thread.is_alive():
            self.thread = threading.Thread(target=self.work, args=(loop,), name=self.name, daemon=True)
            self.thread.start()
        self.queue.put((wish, future))
        return future

    async def stop(self) -> None:
        """Grant what is waiting, then end."""
        if self.thread is None:
            return
        self.queue.put(None)
        await asyncio.to_thread(self.thread.join)
        self.thread = None

    def work(self, loop: asyncio.AbstractEventLoop) -> None:
        patience.set(SECONDS_TO_ANSWER)
        try:
            while batch := self.taken():
                outcomes = self.granted([wish for wish, _future in batch])
                loop.call_soon_threadsafe(settle, [future for _wish, future in batch], outcomes)
        finally:
            connections.close_all()

    def granted(self, wishes: Sequence[Any]) -> list[Any]:
        try:
            return self.grant(wishes)
        except Exception as fault:  # nobody may wait for ever for a thread that died
            return [fault] * len(wishes)

    def taken(self) -> list[Waiting]:
        """What is waiting, at least one; nothing at the end."""
        batch: list[Waiting] = []
        if (first := self.queue.get()) is None:
            return batch
        batch.append(first)
        if self.comes_in_crowds:
            time.sleep(PAUSE)
        while len(batch) < self.most:
            try:
                following = self.queue.get_nowait()
            except Empty:
                break
            if following is None:
                self.queue.put(None)
                break
            batch.append(following)
        self.comes_in_crowds = len(batch) > 1
        return batch


def settle(futures: Sequence[asyncio.Future[Any]], outcomes: Sequence[Any]) -> None:
    for future, outcome in zip(futures, outcomes, strict=True):
        if future.done():  # whoever wished is gone
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
