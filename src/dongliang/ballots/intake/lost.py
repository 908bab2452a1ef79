"""Connections that were lost with a statement under way, which may still be carried out: later than a newer ballot.

So PostgreSQL's process at the other end is ended before anything else is stored. After that a lost ballot is either stored
or not, and stays so.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, connection

if TYPE_CHECKING:
    import psycopg

WHO = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
MILLISECONDS_TO_END = 3000
END = "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"


@dataclass(frozen=True)
class Backend:
    """One of PostgreSQL's processes. Its number alone may be another's by now."""

    pid: int
    began: datetime.datetime


# Of all connections of this process, whatever thread they belong to.
lost: set[Backend] = set()


async def end_lost(over: psycopg.AsyncConnection[Any]) -> None:
    """Have PostgreSQL end what was lost. Raises OperationalError where it does not."""
    for backend in list(lost):
        cursor = await over.execute(END, (MILLISECONDS_TO_END, backend.pid, backend.began))
        is_ended(backend, await cursor.fetchall())


def ready_to_store() -> None:
    """Know this thread's connection of Django's, in case it is lost, and end what was lost before."""
    if connection.vendor != "postgresql":
        return
    connection.ensure_connection()
    made: Any = connection.connection
    with connection.cursor() as cursor:
        if not hasattr(made, "backend"):
            cursor.execute(WHO)
            made.backend = Backend(*cursor.fetchone())
        for backend in list(lost):
            cursor.execute(END, [MILLISECONDS_TO_END, backend.pid, backend.began])
            is_ended(backend, cursor.fetchall())


def is_ended(backend: Backend, told: list[Any]) -> None:
    if any(ended is not True for (ended,) in told):
        raise OperationalError("A lost connection of ours is not ended yet.")
    lost.discard(backend)


def lose_connection() -> None:
    """Close this thread's connection of Django's, with whatever is under way."""
    backend = getattr(connection.connection, "backend", None)
    if backend:
        lost.add(backend)
    connection.close()
