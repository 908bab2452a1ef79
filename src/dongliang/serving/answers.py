"""What Django answered, said to whoever asked: by the event loop, however slowly it is read."""

import asyncio
import os
import time
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dongliang.ballots.intake import pages as residents
from dongliang.ballots.intake import skeletons
from dongliang.ballots.intake.application import Send
from dongliang.ballots.intake.messages import Answer, Unreadable, Visit
from dongliang.serving.places import Places

KEPT_IN_MEMORY = 1024 * 1024
# What is no larger is said in one go. Of what is larger a few pieces are under way at a time.
SHORT = 256 * 1024
PIECE = 64 * 1024
# A reader who takes nothing for so long, or on the whole less than so many bytes a second, is not waited for.
SECONDS_TO_TAKE = 30.0
GRACE = 60.0
SLOWEST = 8 * 1024
MOST_LONG, LONG_OF_EACH = 100, 20
RETRY_AFTER = "10"
REFUSALS = {
    "not_signed_in": (
        gettext_noop("What was sent is too large"),
        gettext_noop(
            "Only somebody signed in can send as much as that. Sign in once more, then send it again."
        ),
    ),
    "too_large": (
        gettext_noop("What was sent is too large"),
        gettext_noop(
            "A file may have 64 MB at most. Nothing was saved. Make it smaller, then send it again."
        ),
    ),
    "too_slow": (
        gettext_noop("It did not arrive in time"),
        gettext_noop(
            "What was sent did not arrive whole in time, and nothing was saved. The connection may be bad. Go back and send "
            "it again."
        ),
    ),
    "busy": (
        gettext_noop("One moment, please"),
        gettext_noop(
            "Very many are at work here in this moment. Nothing of what was sent last is saved. Please wait ten seconds, then "
            "try again."
        ),
    ),
}


@dataclass
class Told:
    """What Django answered, all of it: ``file`` holds ``size`` bytes from where it stands."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    file: IO[bytes] = field(default_factory=lambda: unwritten())
    size: int = 0

    def start(self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None) -> None:
        self.status = int(status.split(" ", 1)[0])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    def take(self, output: Any) -> None:
        """Keep what Django made: all of it, or where it is a file, another hold on that."""
        if isinstance(output, Handed) and (descriptor := output.descriptor) is not None:
            self.file.close()
            self.file = os.fdopen(os.dup(descriptor), "rb")
            self.size = os.fstat(descriptor).st_size - self.file.tell()
            return
        for part in output:
            self.file.write(part)
        self.size = self.file.tell()
        self.file.seek(0)


def unwritten() -> IO[bytes]:
    return cast(IO[bytes], SpooledTemporaryFile(max_size=KEPT_IN_MEMORY))


class Handed:
    """A file that Django hands to its server (``wsgi.file_wrapper``), unread."""

    def __init__(self, file: Any, size: int = PIECE) -> None:
        self.file = file
        self.size = size

    @property
    def descriptor(self) -> int | None:
        try:
            return int(self.file.fileno())
        except (AttributeError, OSError):
            return None

    def __iter__(self) -> Iterator[bytes]:
        while part := self.file.read(self.size):
            yield part

    def close(self) -> None:
        self.file.close()


class Answers:
    """Says answers. Few long ones at a time, each of which holds a file open while it is read."""

    def __init__(self) -> None:
        # Files are read in a thread of their own, which waits for a disk and for no reader.
        self.disk = ThreadPoolExecutor(1, thread_name_prefix="files")
        self.places = Places(MOST_LONG, LONG_OF_EACH)

    @contextmanager
    def room_for(self, told: Told, caller: str) -> Iterator[None]:
        """A place for a long answer; short ones need none. Raises Full."""
        with self.places.one(caller) if told.size > SHORT else nullcontext():
            yield

    async def say(self, told: Told, method: str, send: Send) -> None:
        headers = told.headers
        if told.size and not any(name == b"content-length" for name, _value in headers):
            headers = [*headers, (b"content-length", b"%d" % told.size)]
        start: MutableMapping[str, Any] = {
            "type": "http.response.start",
            "status": told.status,
            "headers": headers,
        }
        await send(start)
        if method == "HEAD" or told.size <= SHORT:
            body = b"" if method == "HEAD" else told.file.read()
            await send({"type": "http.response.body", "body": body})
            return
        try:
            await self.say_slowly(told, send)
        except TimeoutError:
            # Nothing more can be told. Short of its length, the answer shows as broken off.
            return

    async def say_slowly(self, told: Told, send: Send) -> None:
        loop, began, said = asyncio.get_running_loop(), time.monotonic(), 0
        while said < told.size:
            piece = await loop.run_in_executor(self.disk, told.file.read, min(PIECE, told.size - said))
            if not piece:
                return
            left = began + GRACE + said / SLOWEST - time.monotonic()
            said += len(piece)
            message = {"type": "http.response.body", "body": piece, "more_body": said < told.size}
            async with asyncio.timeout(min(SECONDS_TO_TAKE, left)):
                await send(message)


def refusal(visit: Visit, status: int, reason: str) -> Answer:
    """The page that says why nothing was done, in the way of the pages around it."""
    if visit.path.startswith("/v/"):
        return (
            residents.busy(visit)
            if reason == "busy"
            else residents.not_understood(visit, Unreadable(status, reason))
        )
    heading, sentence = REFUSALS[reason]
    with translation.override(visit.look.language):
        context = {"heading": _(heading), "sentence": _(sentence)}
    page = skeletons.skeleton(skeletons.kept, visit.look, "refused.html", (reason,), lambda: context)
    answer = residents.filled(page, {}, status)
    if status == 503:
        answer.headers.append(("retry-after", RETRY_AFTER))
    return answer
