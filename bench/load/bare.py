"""An application that reads what is sent and answers 303: what the HTTP server takes by itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

HEADERS = [(b"location", b"/"), (b"content-length", b"0")]


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] == "http":
        await receive()
        await send({"type": "http.response.start", "status": 303, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b""})
