"""What a resident may read: what their own code and receipt lead to. Asked for many residents at once."""

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from dongliang.ballots.models import Ballot
from dongliang.common.arrays import array_literal
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments


def votes_counted(votes: Collection[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
    """Those of ``votes``, each a round's id and a credential, of which a ballot is counted."""
    if not votes:
        return set()
    rounds = ", ".join(sorted({str(int(round)) for round, _credential in votes}))
    rows = rows_among(
        f"SELECT round_id, credential FROM {{}} WHERE status = 'counted' AND round_id IN ({rounds}) AND credential {{}}",
        {credential for _round, credential in votes},
    )
    return {(round, bytes(credential)) for round, credential in rows} & set(votes)


def ballots_with(receipts: Collection[bytes]) -> dict[bytes, tuple[int, str]]:
    """The round's id and the status of the ballots with these receipt digests. Never their marks."""
    rows = rows_among("SELECT receipt, round_id, status FROM {} WHERE receipt {}", set(receipts))
    return {bytes(receipt): (round, status) for receipt, round, status in rows}


def rows_among(statement: str, digests: set[bytes]) -> list[Any]:
    """The ballots' rows whose digest is among the given ones, however a database spells that.

    In plain SQL, since a resident's page waits for it: composing the statement by the ORM takes longer than running it.
    """
    if not digests:
        return []
    table = Ballot._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(statement.format(table, "= ANY(%s::bytea[])"), [array_literal(digests)])
        else:
            cursor.execute(statement.format(table, f"IN ({', '.join(['%s'] * len(digests))})"), list(digests))
        return cursor.fetchall()


def enrolments_with_project(season: Season) -> QuerySet[Enrolment]:
    """Everyone whose first thing can be picked, with it. Its number on a ballot is the secretary's."""
    return enrolments(season).filter(first_thing__isnull=False).select_related("first_thing")
