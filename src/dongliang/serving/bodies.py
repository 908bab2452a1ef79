"""What is sent to Django's pages, taken in before any of them is asked.

Nothing of the site but files is larger than a form, and nobody sends a file who is not signed in. So a stranger's body is as
small as a form and comes within seconds; a larger one takes a sign-in, one of a few places, and a pace.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import IO

from dongliang.ballots.intake.application import Receive
from dongliang.ballots.intake.messages import LARGEST_BODY as LARGEST_BALLOT
from dongliang.common.middleware import LARGEST_BODY
from dongliang.serving.places import Places

# The longest of strangers' forms, an objection of 2,000 characters, has twelve bytes for each.
LARGEST_FORM = 32 * 1024
SECONDS_TO_ARRIVE = 10.0
# A file may take half a minute, and longer as long as so many bytes come in a second; nothing for so long is too slow.
SECONDS_FOR_A_PIECE = 20.0
GRACE = 30.0
SLOWEST = 8 * 1024
LONGEST = 900.0
MOST_FILES, FILES_OF_EACH = 8, 3
# What is refused is let pass for a while, unkept: most browsers read no answer before they have sent all of it.
SECONDS_TO_PASS = 5.0
MOST_TO_PASS = 16 * 1024 * 1024


class NotTaken(Exception):
    """A body that no page gets to see. ``reason`` names the sentence that says so (``answers.REFUSALS``)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Gone(Exception):
    """Whoever sent it hung up: nobody waits for an answer."""


class Bodies:
    """Takes bodies in. ``is_signed_in`` says whether a session is somebody's."""

    def __init__(self, is_signed_in: Callable[[str], Awaitable[bool]]) -> None:
        self.is_signed_in = is_signed_in
        self.places = Places(MOST_FILES, FILES_OF_EACH)

    async def take_in(self, path: str, length: bytes, session: str, receive: Receive, into: IO[bytes]) -> int:
        """Write the body ``into`` a file; its size. ``length`` is the one declared. Raises NotTaken, Full or Gone."""
        is_residents = path.startswith("/v/")
        most = LARGEST_BALLOT if is_residents else LARGEST_FORM
        declared = int(length[:20]) if length.isdigit() else 0
        size, more = 0, True
        if declared <= most:
            try:
                async with asyncio.timeout(SECONDS_TO_ARRIVE):
                    while more and size <= most:
                        size, more = await piece(receive, into, size)
            except TimeoutError:
                raise NotTaken(408, "too_slow") from None
            if size <= most:
                return size
        if is_residents:
            raise NotTaken(413, "too_large")
        if not session or not await self.is_signed_in(session):
            raise NotTaken(413, "not_signed_in")
        if declared > LARGEST_BODY:
            raise NotTaken(413, "too_large")
        with self.places.one(session):
            return await file(receive, into, size)


async def file(receive: Receive, into: IO[bytes], size: int) -> int:
    """The rest of a large body, of which ``size`` bytes are there: its whole size."""
    began, more = time.monotonic(), True
    while more:
        left = began + min(GRACE + size / SLOWEST, LONGEST) - time.monotonic()
        try:
            async with asyncio.timeout(min(left, SECONDS_FOR_A_PIECE)):
                size, more = await piece(receive, into, size)
        except TimeoutError:
            raise NotTaken(408, "too_slow") from None
        if size > LARGEST_BODY:
            raise NotTaken(413, "too_large")
    return size


async def piece(receive: Receive, into: IO[bytes], size: int) -> tuple[int, bool]:
    """The size with one more piece, and whether more is to come."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    into.write(message.get("body", b""))
    return size + len(message.get("body", b"")), message.get("more_body", False)


async def let_pass(receive: Receive) -> None:
    """Read what is left of a refused body, and keep nothing of it."""
    left = MOST_TO_PASS
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS_TO_PASS):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                left -= len(message.get("body", b""))
