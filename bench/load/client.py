"""An HTTP client that costs little: kept-alive connections on one selector, requests made beforehand.

It shares its processors with the server, so that what it uses is taken from the server's. Nothing is parsed but the
status, the length and the address that an answer leads to.
"""

from __future__ import annotations

import random
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

# What a phone sends besides.
BROWSER = (
    b"Host: 127.0.0.1\r\n"
    b"User-Agent: Mozilla/5.0 (Linux; Android 10; HarmonyOS; VOG-AL10) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/99.0.4844.88 Mobile Safari/537.36\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n"
    b"Accept-Encoding: gzip, deflate\r\n"
    b"Accept-Language: zh-CN,zh;q=0.9\r\n"
)


def get(path: str, cookie: str = "") -> bytes:
    brought = b"Cookie: %b\r\n" % cookie.encode() if cookie else b""
    return b"GET %b HTTP/1.1\r\n%b%b\r\n" % (path.encode(), BROWSER, brought)


def post(path: str, body: bytes) -> bytes:
    head = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(body)
    return b"POST %b HTTP/1.1\r\n%b%b\r\n%b" % (path.encode(), BROWSER, head, body)


@dataclass
class Outcome:
    """What a run came to: answers by status, seconds each took, and seconds in all, of the clock and of our CPU."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    lasted: float = 0.0
    cpu: float = 0.0

    @property
    def a_second(self) -> float:
        return sum(self.statuses.values()) / self.lasted

    def quantile(self, share: float) -> float:
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))]


# Asks for the next request after an answer: (status, the address it leads to). None ends a visit.
Next = Callable[[int, bytes], bytes | None]


class Line:
    """One connection, and the visit it is busy with."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        selector.register(self.socket, selectors.EVENT_READ, self)
        self.arrived = b""
        self.following: Next | None = None
        self.due = 0.0

    def ask(self, request: bytes, following: Next | None, due: float) -> None:
        self.following, self.due = following, due
        if self.socket.send(request) != len(request):
            raise OSError("A request did not fit in the socket's buffer.")

    def answer(self) -> tuple[int, bytes] | None:
        """The status and the address the answer leads to, once it is whole."""
        received = self.socket.recv(262144)
        if not received:
            raise OSError("The server hung up.")
        self.arrived += received
        head = self.arrived.find(b"\r\n\r\n")
        if head < 0:
            return None
        at = self.arrived.find(b"content-length: ", 0, head)
        length = int(self.arrived[at + 16 : self.arrived.find(b"\r", at)]) if at >= 0 else 0
        if len(self.arrived) < head + 4 + length:
            return None
        status = int(self.arrived[9:12])
        location = b""
        if status == 303:
            at = self.arrived.find(b"location: ", 0, head) + 10
            location = self.arrived[at : self.arrived.find(b"\r", at)]
        self.arrived = self.arrived[head + 4 + length :]
        return status, location


def drive(
    port: int,
    visits: Iterator[tuple[bytes, Next | None]],
    *,
    clients: int,
    seconds: float,
    rate: float | None = None,
    seed: int = 1,
) -> Outcome:
    """Visit for so many seconds with so many clients, each a visit after the other.

    With a ``rate``, visits instead arrive by chance, so many a second on average, and the seconds a request took count
    from the moment it was due: one that had to wait for a free connection has waited.
    """
    outcome = Outcome()
    drawn = random.Random(seed)
    with selectors.DefaultSelector() as selector:
        lines = [Line(port, selector) for _ in range(clients)]
        began, cpu = time.perf_counter(), time.process_time()
        ends, free, due = began + seconds, list(lines), began
        busy = 0
        while True:
            now = time.perf_counter()
            while free and now < ends and (rate is None or due <= now):
                request, following = next(visits)
                free.pop().ask(request, following, now if rate is None else due)
                busy += 1
                if rate is not None:
                    due += drawn.expovariate(rate)
            if not busy and now >= ends:
                break
            wait = 0.5 if rate is None or not free or now >= ends else max(0.0, due - now)
            for key, _events in selector.select(wait):
                line = key.data
                answer = line.answer()
                if answer is None:
                    continue
                now = time.perf_counter()
                outcome.statuses[answer[0]] += 1
                outcome.seconds.append(now - line.due)
                onward = line.following(*answer) if line.following else None
                if onward:
                    line.ask(onward, line.following, now)
                else:
                    free.append(line)
                    busy -= 1
        outcome.lasted = time.perf_counter() - began
        outcome.cpu = time.process_time() - cpu
        for line in lines:
            line.socket.close()
    return outcome
