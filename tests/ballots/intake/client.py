"""A small client that speaks ASGI to the intake, as the server does."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

FORM = "application/x-www-form-urlencoded"


@dataclass
class Response:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return body.decode()


class Browser:
    """Asks one application, within one event loop."""

    def __init__(self, application: Any, **headers: str) -> None:
        self.application = application
        self.headers = {"host": "localhost", **headers}

    async def get(self, address: str, method: str = "GET", **headers: str) -> Response:
        return await self.ask(method, address, [], headers)

    async def post(
        self, address: str, body: bytes | str, content_type: str = FORM, **headers: str
    ) -> Response:
        data = body.encode() if isinstance(body, str) else body
        headers = {"content_type": content_type, "content_length": str(len(data))} | headers
        return await self.ask("POST", address, [data], headers)

    async def ask(
        self, method: str, address: str, parts: Iterable[bytes | EllipsisType | None], headers: dict[str, str]
    ) -> Response:
        """One request; its body comes in ``parts``, after None nothing more comes, and at ``...`` the connection breaks."""
        path, _mark, query = address.partition("?")
        everything = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in everything.items() if value
            ],
            "client": ("192.0.2.7", 50000),
            "scheme": "http",
            "http_version": "1.1",
        }
        waiting = list(parts)
        response = Response()

        async def receive() -> dict[str, Any]:
            if not waiting:
                return {"type": "http.request", "body": b"", "more_body": False}
            if (part := waiting.pop(0)) is None:
                await asyncio.Event().wait()
            if part is ...:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": part, "more_body": bool(waiting)}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                response.status = message["status"]
                response.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                response.body += message["body"]

        # In a task of its own, as the server runs it.
        await asyncio.create_task(self.application(scope, receive, send))
        return response
