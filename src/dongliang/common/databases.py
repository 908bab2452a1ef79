"""What is asked of a connection to PostgreSQL: to keep what it says it keeps, and not to be silent for ever.

PostgreSQL itself limits a statement, which is no help where its answer never arrives: a cut line, a machine that stands still.
"""

from __future__ import annotations

import contextvars
import time
import weakref
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Warning
from django.db import DatabaseError, connections
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    import psycopg

# Acknowledged means written: neither "off" nor what waits for less than a standby that the operator asked for. What is
# stronger stays. Whoever is cut off gives its locks back within half a minute.
AS_AGREED = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')"
    " UNION ALL SELECT set_config('tcp_keepalives_idle', '10', false)"
    " UNION ALL SELECT set_config('tcp_keepalives_interval', '5', false)"
    " UNION ALL SELECT set_config('tcp_keepalives_count', '3', false)"
)
# Without these a power cut takes what was acknowledged, or the whole database.
DURABLE = ("fsync", "full_page_writes")
# Seconds without a word after which a connection counts as lost; None waits for ever, as a long calculation must.
patience: contextvars.ContextVar[float | None] = contextvars.ContextVar("patience", default=None)


def agree(made: Any) -> None:
    """Have a new connection of Django's to PostgreSQL keep what it stores, and be given up when it falls silent."""
    with made.cursor() as cursor:
        cursor.execute(AS_AGREED)
    # Not the connection itself, which would hold on to itself.
    its: Any = weakref.proxy(made)
    waits = type(made).wait

    def wait(steps: Generator[Any, Any, Any], *args: Any, **more: Any) -> Any:
        seconds = patience.get()
        return waits(its, steps if seconds is None else heard_within(seconds, its, steps), *args, **more)

    # psycopg has no limit of its own for all that a connection waits for, commits among it.
    made.wait = wait


def heard_within(
    seconds: float,
    made: psycopg.Connection[Any] | psycopg.AsyncConnection[Any],
    steps: Generator[Any, Any, Any],
) -> Generator[Any, Any, Any]:
    """``steps`` of psycopg's, which end in an OperationalError when nothing is heard from the database for so long."""
    import psycopg

    heard = time.monotonic()
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if ready:
                heard = time.monotonic()
            elif time.monotonic() - heard > seconds:
                # Closed at once: asking it to cancel would wait for it again.
                made.pgconn.finish()
                raise psycopg.OperationalError(f"nothing was heard from the database for {seconds:g} seconds")
            wanted = steps.send(ready)
    except StopIteration as done:
        return done.value


def durability_warnings(using: str = "default") -> list[CheckMessage]:
    """What is set in PostgreSQL so that a power cut would take acknowledged ballots."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return []
    found: list[CheckMessage] = []
    with connection.cursor() as cursor:
        for name in DURABLE:
            cursor.execute("SELECT current_setting(%s)", [name])
            if cursor.fetchone() != ("on",):
                found.append(
                    Warning(
                        _(
                            "PostgreSQL runs with %(name)s=off: a power cut can take ballots that were acknowledged."
                        )
                        % {"name": name},
                        hint=_("Set %(name)s = on in postgresql.conf and reload it.") % {"name": name},
                        id=f"dongliang.{name}",
                    )
                )
    return found


def check_durability(*, databases: Any = None, **_more: Any) -> list[CheckMessage]:
    """Django's check of databases (``manage check --database default``, and before migrations)."""
    found: list[CheckMessage] = []
    for using in databases or []:
        try:
            found += durability_warnings(using)
        except DatabaseError:
            # That it does not answer is told by what needs it.
            continue
    return found
