"""Work on the database in steps that say what they ask for: the same serve a thread and an event loop.

Plain SQL, for the few places where residents wait. On PostgreSQL each statement is planned once in a while and not, as
Django would have it, each time it is asked, which takes longer than running it.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from django.db import connection
from django.db.models import QuerySet

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]

# Statements are prepared where this module asks, and never for being repeated. Not None, as Django has it: psycopg would
# prepare nothing at all.
NEVER_BY_ITSELF = 2**31
# A plan made while a table is empty may read all of it; so many seconds later another is made.
PLAN_LASTS = 5


@dataclass(frozen=True, slots=True)
class Ask:
    """A statement with its values; its rows are sent back."""

    statement: str
    values: Sequence[Any]
    # For each of the values, which are tuples then, once; no rows come back. Not for PostgreSQL, which takes arrays.
    each: bool = False


Steps: TypeAlias = Generator[Ask, list[Row], T]


def asked(rows: QuerySet[Any, Any]) -> Ask:
    """What Django would ask for ``rows``, which are lists of values: their rows come back as the database has them."""
    statement, values = rows.query.sql_with_params()
    return Ask(statement, values)


def carried_out(steps: Steps[T]) -> T:
    """What ``steps`` come to over Django's connection."""
    try:
        ask = next(steps)
        while True:
            ask = steps.send(answered(ask))
    except StopIteration as done:
        outcome: T = done.value
        return outcome


def answered(ask: Ask) -> list[Row]:
    if connection.vendor == "postgresql":
        return answered_by_postgres(ask)
    with connection.cursor() as cursor:
        if ask.each:
            cursor.executemany(ask.statement, ask.values)
            return []
        cursor.execute(ask.statement, ask.values)
        return cursor.fetchall() if cursor.description else []


def answered_by_postgres(ask: Ask) -> list[Row]:
    # Nobody needs it on SQLite.
    import psycopg

    connection.ensure_connection()
    connection.connection.prepare_threshold = NEVER_BY_ITSELF
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(as_of_now(ask.statement), ask.values, prepare=True)
        return cursor.fetchall() if cursor.description else []


async def carried_out_by(to: psycopg.AsyncConnection[Row], steps: Steps[T]) -> T:
    """What ``steps`` come to over a connection of an event loop's, which was made with NEVER_BY_ITSELF."""
    cursor = to.cursor()
    try:
        ask = next(steps)
        while True:
            await cursor.execute(as_of_now(ask.statement), ask.values, prepare=True)
            ask = steps.send(await cursor.fetchall() if cursor.description else [])
    except StopIteration as done:
        outcome: T = done.value
        return outcome


def as_of_now(statement: str) -> str:
    """The statement as one that is prepared anew every few seconds."""
    return f"{statement}-- {int(time.monotonic()) // PLAN_LASTS}"
