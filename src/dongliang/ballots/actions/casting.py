import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from dongliang.ballots import codes
from dongliang.ballots.models import Ballot, Comment, Round
from dongliang.common.arrays import array_literal
from dongliang.common.refusals import Blocker, Refused

# Two people at once with one code: one waits or runs into the constraint, and then replaces the other's ballot. At every
# attempt one of them gets through, so that more attempts than any server answers at once are enough.
RETRIES = 50
# What PostgreSQL says when two batches met: a unique violation, a deadlock, a serialization failure.
MET = {"23505", "40P01", "40001"}

TABLE = Ballot._meta.db_table
# The columns that differ from ballot to ballot, with their types in PostgreSQL.
COLUMNS = {
    "enrolment_id": "bigint",
    "credential": "bytea",
    "receipt": "bytea",
    "nonce": "bytea",
    "channel": "text",
    "in_sample": "boolean",
    "origin": "bytea",
    "marks": "text",
    "status": "text",
}
# Each digest is looked up by itself (OFFSET 0), since PostgreSQL does not know yet how full the table is while a round
# fills it, and would rather read all of it. A credential is of one round, so that the round need not be named.
STORED = f"""
    WITH found AS MATERIALIZED (
        SELECT ballot.id FROM unnest(%s::bytea[]) AS wanted (digest)
        CROSS JOIN LATERAL (SELECT id FROM {TABLE} WHERE receipt = digest OFFSET 0) AS ballot
        UNION
        SELECT ballot.id FROM unnest(%s::bytea[]) AS wanted (digest)
        CROSS JOIN LATERAL (
            SELECT id FROM {TABLE} WHERE status = 'counted' AND credential = digest OFFSET 0
        ) AS ballot
    )
    SELECT round.state, ballot.*
    FROM (SELECT state FROM {Round._meta.db_table} WHERE id = %s FOR SHARE) AS round
    LEFT JOIN (
        SELECT id, receipt, credential, marks, status FROM {TABLE}
        WHERE id = ANY(ARRAY(SELECT id FROM found)) ORDER BY id FOR UPDATE
    ) AS ballot ON true
"""
STORED_IN_SQLITE = f"""
    SELECT round.state, ballot.*
    FROM (SELECT state FROM {Round._meta.db_table} WHERE id = %s) AS round
    LEFT JOIN (
        SELECT id, receipt, credential, marks, status FROM {TABLE} WHERE receipt IN ({{among}})
        UNION
        SELECT id, receipt, credential, marks, status FROM {TABLE}
        WHERE status = 'counted' AND credential IN ({{among}})
    ) AS ballot ON true
"""
# Ballots that meet no other are stored without looking anything up beforehand. The lock is that of STORED.
FIRST = f"""
    INSERT INTO {TABLE} (round_id, exclusion, cast_at, {", ".join(COLUMNS)})
    SELECT round.id, '', %s, ballot.*
    FROM (SELECT id FROM {Round._meta.db_table} WHERE id = %s AND state = 'open' FOR SHARE) AS round
    CROSS JOIN unnest({", ".join(f"%s::{type}[]" for type in COLUMNS.values())}) AS ballot
    ON CONFLICT DO NOTHING
    RETURNING receipt
"""
# SQLite takes a limited number of values in one statement.
VALUES_AT_ONCE = 900


@dataclass(frozen=True)
class Cast:
    """A ballot on its way in. ``credential`` is a digest: what proved the right to vote stays outside."""

    enrolment_id: int
    credential: bytes
    marks: str
    nonce: bytes = field(default_factory=codes.new_nonce)
    channel: str = Ballot.Channel.CODE
    in_sample: bool = False
    origin: bytes | None = None
    # Gives way to a ballot of the same credential that counts already: a paper one, to one sent from home.
    yields: bool = False
    # What the resident wrote beside the marks, masked already. It is stored apart, and the first of a credential only.
    comment: str = field(default="", repr=False)


def cast_ballots(round: Round, casts: Sequence[Cast], *, key: bytes, at: datetime.datetime) -> list[str]:
    """Store the ballots in one transaction and answer with their receipts, in the order of ``casts``.

    A credential's earlier ballot is superseded, in the database and within ``casts``, where the last one counts; one that
    ``yields`` is superseded itself by a ballot that counts already. A page sent again, nonce and marks the same, is stored
    once and answered with the same receipt. Once this returns the ballots are durable, so that it refuses to run inside
    another transaction. Marks are taken as they come: whoever calls has checked them. Raises Refused when the round is not
    open.
    """
    for _attempt in range(RETRIES):
        try:
            return store_ballots(round, casts, key=key, at=at)
        except DatabaseError as error:
            if not has_met_another(error):
                raise
    return store_ballots(round, casts, key=key, at=at)


def has_met_another(error: DatabaseError) -> bool:
    """Whether somebody else stored a ballot with the same credential in the same moment, so that trying again helps."""
    return getattr(error.__cause__, "sqlstate", None) in MET or "UNIQUE constraint failed" in str(error)


@transaction.atomic(durable=True)
def store_ballots(round: Round, casts: Sequence[Cast], *, key: bytes, at: datetime.datetime) -> list[str]:
    """One attempt of ``cast_ballots``. Raises DatabaseError if somebody else voted with one of the codes meanwhile."""
    receipts = [codes.receipt_of(key, cast.credential, cast.nonce) for cast in casts]
    digests = [codes.receipt_digest(key, receipt) for receipt in receipts]
    at = to_the_minute(at)
    first = insert_first_ballots(round, casts, digests, at=at)
    places = [place for place, digest in enumerate(digests) if digest not in first]
    if places:
        others = store_others(
            round, [casts[place] for place in places], [receipts[place] for place in places], key=key, at=at
        )
        for place, receipt in zip(places, others, strict=True):
            receipts[place] = receipt
    return receipts


def insert_first_ballots(
    round: Round, casts: Sequence[Cast], digests: Sequence[bytes], *, at: datetime.datetime
) -> set[bytes]:
    """Store those that are the first of their credential, nearly all, and answer with the digests of their receipts.

    Those left over meet another ballot, or bring a comment, or the round is not open. PostgreSQL only, which says what
    it stored: elsewhere all are left over.
    """
    if connection.vendor != "postgresql":
        return set()
    met = Counter(cast.credential for cast in casts)
    rows = [
        row_of(cast, digest, Ballot.Status.COUNTED.value)
        for cast, digest in zip(casts, digests, strict=True)
        if met[cast.credential] == 1 and not cast.comment
    ]
    if not rows:
        return set()
    rows.sort(key=itemgetter(1))
    values = [at, round.pk, *map(array_literal, zip(*rows, strict=True))]
    return {bytes(digest) for (digest,) in prepared(FIRST, values)}


def store_others(
    round: Round, casts: Sequence[Cast], receipts: list[str], *, key: bytes, at: datetime.datetime
) -> list[str]:
    """Store ballots that may meet others, and answer with their receipts: ``receipts``, or new ones."""
    digests = [codes.receipt_digest(key, receipt) for receipt in receipts]
    state, marks, earlier = what_is_stored(round, digests, [cast.credential for cast in casts])
    if state != Round.State.OPEN:
        raise Refused(
            Blocker(
                "ballots.not_open",
                _("This round is not open, so the ballot was not stored."),
                _("Ask your neighbourhood committee when voting opens."),
            )
        )
    new = told_apart(casts, receipts, digests, marks, key)
    yielding = giving_way(new, set(earlier.values()))
    supersede_ballots(earlier, {cast.credential for digest, cast in new.items() if digest not in yielding})
    insert_ballots(round, new, yielding, at=at)
    if any(cast.comment for cast in new.values()):
        insert_comments(round, new.values(), set(earlier.values()), at=at)
    return receipts


def told_apart(
    casts: Sequence[Cast], receipts: list[str], digests: list[bytes], marks: dict[bytes, str], key: bytes
) -> dict[bytes, Cast]:
    """Those of ``casts`` that are not stored yet, by receipt digest; ``marks`` are those stored already.

    The same nonce and the same marks are the same page sent again, whatever came in between. Other marks under a nonce
    that was used are another ballot: it gets a nonce of its own, and ``receipts`` its receipt.
    """
    new: dict[bytes, Cast] = {}
    for place, cast in enumerate(casts):
        digest = digests[place]
        if marks.get(digest, cast.marks) != cast.marks:
            cast = replace(cast, nonce=codes.new_nonce())
            receipts[place] = codes.receipt_of(key, cast.credential, cast.nonce)
            digest = codes.receipt_digest(key, receipts[place])
        if digest not in marks:
            marks[digest] = cast.marks
            new[digest] = cast
    return new


def giving_way(new: dict[bytes, Cast], standing: set[bytes]) -> set[bytes]:
    """The receipt digests of those that yield to a ballot which counts already."""
    return {digest for digest, cast in new.items() if cast.yields and cast.credential in standing}


def what_is_stored(
    round: Round, digests: Sequence[bytes], credentials: Sequence[bytes]
) -> tuple[str, dict[bytes, str], dict[int, bytes]]:
    """The round's state, which cannot change before this transaction ends; the marks stored under these receipts; and
    the counted ballots of these credentials: their credential by id.

    PostgreSQL: any number of casts share the lock on the round, and closing, which locks the row for itself, waits for
    them and holds off those that come later. The ballots found are locked in one order, against deadlocks. SQLite: there
    is one writing transaction at a time. Django knows no FOR SHARE, and its FOR UPDATE would have every resident queue
    for one row.
    """
    rows = found_rows(round, digests, credentials)
    ballots = [row for row in rows if row[1] is not None]
    marks = {bytes(receipt): stored for _state, _id, receipt, _credential, stored, _status in ballots}
    earlier = {
        id: bytes(credential)
        for _state, id, _receipt, credential, _stored, status in ballots
        if status == Ballot.Status.COUNTED
    }
    return rows[0][0], marks, earlier


def found_rows(round: Round, digests: Sequence[bytes], credentials: Sequence[bytes]) -> list[tuple[Any, ...]]:
    """The round's state with each ballot found, or once by itself."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(STORED, [array_literal(digests), array_literal(credentials), round.pk])
            return cursor.fetchall()
        rows: list[tuple[Any, ...]] = []
        size = VALUES_AT_ONCE // 2
        for start in range(0, max(len(digests), 1), size):
            some, others = digests[start : start + size], credentials[start : start + size]
            among = ", ".join(["%s"] * len(some))
            cursor.execute(STORED_IN_SQLITE.format(among=among), [round.pk, *some, *others])
            rows += cursor.fetchall()
        return rows


def supersede_ballots(earlier: dict[int, bytes], credentials: set[bytes]) -> None:
    """Take the counted ballots of ``credentials`` out of the count."""
    found = [id for id, credential in earlier.items() if credential in credentials]
    if found:
        Ballot.objects.filter(pk__in=found, status=Ballot.Status.COUNTED).update(
            status=Ballot.Status.SUPERSEDED
        )


def insert_ballots(
    round: Round, new: dict[bytes, Cast], yielding: set[bytes], *, at: datetime.datetime
) -> None:
    """Add the ballots in one statement. In the order of their credentials, in which two batches cannot deadlock."""
    last = {cast.credential: digest for digest, cast in new.items() if digest not in yielding}
    rows = sorted(
        (
            row_of(cast, digest, "counted" if last.get(cast.credential) == digest else "superseded")
            for digest, cast in new.items()
        ),
        key=itemgetter(1),
    )
    if not rows:
        return
    into = f"INSERT INTO {TABLE} (round_id, exclusion, cast_at, {', '.join(COLUMNS)})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{type}[]" for type in COLUMNS.values())
            cursor.execute(
                f"{into} SELECT %s, '', %s, * FROM unnest({arrays})",
                [round.pk, at, *map(array_literal, zip(*rows, strict=True))],
            )
        else:
            same = (round.pk, "", connection.ops.adapt_datetimefield_value(at))
            places = ", ".join(["%s"] * (len(same) + len(COLUMNS)))
            cursor.executemany(f"{into} VALUES ({places})", [same + row for row in rows])


def row_of(cast: Cast, digest: bytes, status: str) -> tuple[Any, ...]:
    """What COLUMNS names."""
    return (
        cast.enrolment_id,
        cast.credential,
        digest,
        cast.nonce,
        str(cast.channel),
        cast.in_sample,
        cast.origin,
        cast.marks,
        status,
    )


def to_the_minute(at: datetime.datetime) -> datetime.datetime:
    return at.replace(second=0, microsecond=0)


def prepared(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement that PostgreSQL plans once a connection; Django would have each planned anew."""
    # Nobody needs it on SQLite.
    import psycopg

    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, values, prepare=True).fetchall()


def insert_comments(round: Round, new: Iterable[Cast], earlier: set[bytes], *, at: datetime.datetime) -> None:
    """Store what was written, apart from the ballots and in no order; of a credential that voted before, nothing.

    A second comment could not take the place of the first, since nothing tells which that was.
    """
    first: dict[bytes, Cast] = {}
    for cast in new:
        if cast.credential not in earlier:
            first.setdefault(cast.credential, cast)
    written = [
        Comment(
            round_id=round.pk, enrolment_id=cast.enrolment_id, text=cast.comment, written_on=localdate(at)
        )
        for cast in first.values()
        if cast.comment
    ]
    Comment.objects.bulk_create(sorted(written, key=lambda comment: comment.number))
