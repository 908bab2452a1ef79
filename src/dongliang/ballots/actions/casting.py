import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from django.db import DatabaseError, connection, transaction
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from dongliang.ballots import codes
from dongliang.ballots.models import Ballot, Comment, Round, unordered_number
from dongliang.common.arrays import array_literal
from dongliang.common.refusals import Blocker, Refused
from dongliang.common.steps import Ask, Row, Steps, carried_out

# Two people at once with one code: one waits or runs into the constraint, and then replaces the other's ballot. At every
# attempt one of them gets through, so that more attempts than any server answers at once are enough.
RETRIES = 50
# What PostgreSQL says when two batches met: a unique violation, a deadlock, a serialization failure.
MET = {"23505", "40P01", "40001"}

ASSISTED = Ballot.Channel.ASSISTED
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
        SELECT id, receipt, credential, nonce, marks, status FROM {TABLE}
        WHERE id = ANY(ARRAY(SELECT id FROM found)) ORDER BY id FOR UPDATE
    ) AS ballot ON true
"""
STORED_IN_SQLITE = f"""
    SELECT round.state, ballot.*
    FROM (SELECT state FROM {Round._meta.db_table} WHERE id = %s) AS round
    LEFT JOIN (
        SELECT id, receipt, credential, nonce, marks, status FROM {TABLE} WHERE receipt IN ({{among}})
        UNION
        SELECT id, receipt, credential, nonce, marks, status FROM {TABLE}
        WHERE status = 'counted' AND credential IN ({{among}})
    ) AS ballot ON true
"""
# So many ballots of one credential are stored in a round, and no more: each change of mind leaves a row, which the close, the
# published tree and the archive carry for good. No household needs more, and nobody with a card can add more.
MOST_STORED = 50
# How many ballots of a credential are out of the count. The condition is the index's, to the letter.
OUT_OF_COUNT = f"SELECT count(*) FROM {TABLE} WHERE NOT (status = 'counted') AND credential = "
TIMES = f"SELECT wanted.digest, ({OUT_OF_COUNT}wanted.digest) FROM unnest(%s::bytea[]) AS wanted (digest)"
TIMES_IN_SQLITE = f"""
    SELECT credential, count(*) FROM {TABLE}
    WHERE NOT (status = 'counted') AND credential IN ({{among}}) GROUP BY credential
"""
INTO = f"INSERT INTO {TABLE} (round_id, exclusion, cast_at, {', '.join(COLUMNS)})"
# What nearly every ballot needs, at once: the counted ballot of the same credential makes way, unless this very ballot is
# stored already or there are too many. The lock is that of STORED; each digest is looked up by itself, as there. What is
# counted in ``superseded`` counts no more when the rows go in, because they wait for its number. What meets somebody else's
# ballot in the same moment, or one that did not make way, is not stored, and not among the receipts.
USUAL = f"""
    WITH round AS (
        SELECT id FROM {Round._meta.db_table} WHERE id = %s AND state = 'open' FOR SHARE
    ), wanted AS MATERIALIZED (
        SELECT * FROM unnest({", ".join(f"%s::{type}[]" for type in COLUMNS.values())})
            AS ballot ({", ".join(COLUMNS)})
    ), earlier AS MATERIALIZED (
        SELECT ballot.id FROM round CROSS JOIN wanted CROSS JOIN LATERAL (
            SELECT id FROM {TABLE}
            WHERE status = 'counted' AND credential = wanted.credential
                AND (SELECT same.id FROM {TABLE} AS same WHERE same.receipt = wanted.receipt) IS NULL
                AND ({OUT_OF_COUNT}wanted.credential) < {MOST_STORED - 1}
            OFFSET 0
        ) AS ballot
    ), superseded AS (
        UPDATE {TABLE} SET status = 'superseded'
        WHERE id = ANY(ARRAY(SELECT id FROM earlier)) AND status = 'counted'
        RETURNING id
    )
    {INTO}
    SELECT round.id, '', %s, wanted.*
    FROM round CROSS JOIN wanted CROSS JOIN (SELECT count(*) FROM superseded) AS before
    ON CONFLICT DO NOTHING
    RETURNING receipt
"""
# Ballots whose place has been looked up: those with the ids that are given make way first, as in USUAL.
OTHERS = f"""
    WITH superseded AS (
        UPDATE {TABLE} SET status = 'superseded' WHERE id = ANY(%s::bigint[]) AND status = 'counted' RETURNING id
    )
    {INTO}
    SELECT %s, '', %s, ballot.*
    FROM unnest({", ".join(f"%s::{type}[]" for type in COLUMNS.values())}) AS ballot
    CROSS JOIN (SELECT count(*) FROM superseded) AS before
"""
INTO_COMMENTS = (
    f"INSERT INTO {Comment._meta.db_table} (number, round_id, enrolment_id, text, written_on, state, reason)"
)
COMMENTS = f"""
    {INTO_COMMENTS}
    SELECT comment.number, %s, comment.enrolment, comment.text, %s, %s, ''
    FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS comment (number, enrolment, text)
"""
# SQLite takes a limited number of values in one statement.
VALUES_AT_ONCE = 900


# What comes of a ballot on its way in: its receipt, or why it was not stored.
Outcome: TypeAlias = str | Refused


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

    @property
    def is_cast_once(self) -> bool:
        """Whether the first word is the last: where somebody else holds the device on which it could be taken back."""
        return self.channel == ASSISTED


def cast_ballots(round: Round, casts: Sequence[Cast], *, key: bytes, at: datetime.datetime) -> list[Outcome]:
    """Store the ballots in one transaction and answer with their receipts, in the order of ``casts``.

    A credential's earlier ballot is superseded, in the database and within ``casts``, where the last one counts; one that
    ``yields`` is superseded itself by a ballot that counts already. A page sent again is stored once and answered with the
    same receipt (``told_apart``). In the place of a receipt stands a Refused where the credential has no vote left:
    ``ballots.voted_already``, ``ballots.too_many``. Once this returns the ballots are durable, so that it refuses to run
    inside another transaction. Marks are taken as they come: whoever calls has checked them. Raises Refused when the round
    is not open.
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
def store_ballots(round: Round, casts: Sequence[Cast], *, key: bytes, at: datetime.datetime) -> list[Outcome]:
    """One attempt of ``cast_ballots``. Raises DatabaseError if somebody else voted with one of the codes meanwhile."""
    stored: dict[int, Outcome] = {**carried_out(storing_usual(round, casts, key=key, at=at))}
    left = [place for place in range(len(casts)) if place not in stored]
    if left:
        others = carried_out(storing_others(round, [casts[place] for place in left], key=key, at=at))
        stored |= dict(zip(left, others, strict=True))
    return [stored[place] for place in range(len(casts))]


def storing_usual(
    round: Round, casts: Sequence[Cast], *, key: bytes, at: datetime.datetime
) -> Steps[dict[int, str]]:
    """Store what is as usual, nearly all; come to the receipts by their places in ``casts``.

    Those left over are stored already, or bring a comment, or may be cast once only, or have been cast too often, or meet
    another ballot of the same moment, or the round is not open. PostgreSQL only, which says what it stored: elsewhere all
    are left over. One statement, which needs no transaction around it.
    """
    if connection.vendor != "postgresql":
        return {}
    met = Counter(cast.credential for cast in casts)
    receipts: dict[bytes, tuple[int, str]] = {}
    rows = []
    for place, cast in enumerate(casts):
        if met[cast.credential] == 1 and not (cast.comment or cast.yields or cast.is_cast_once):
            receipt = codes.receipt_of(key, cast.credential, cast.nonce)
            digest = codes.receipt_digest(key, receipt)
            if digest in receipts:  # of two credentials one receipt, by chance
                continue
            receipts[digest] = place, receipt
            rows.append(row_of(cast, digest, Ballot.Status.COUNTED.value))
    if not rows:
        return {}
    rows.sort(key=itemgetter(1))
    stored = yield Ask(USUAL, [round.pk, *arrays(rows), to_the_minute(at)])
    return dict(receipts[bytes(digest)] for (digest,) in stored)


def storing_others(
    round: Round, casts: Sequence[Cast], *, key: bytes, at: datetime.datetime
) -> Steps[list[Outcome]]:
    """Store ballots that may meet others, and come to what ``cast_ballots`` answers. Within a transaction."""
    receipts = [codes.receipt_of(key, cast.credential, cast.nonce) for cast in casts]
    digests = [codes.receipt_digest(key, receipt) for receipt in receipts]
    state, stored = yield from what_is_stored(round, digests, [cast.credential for cast in casts])
    if state != Round.State.OPEN:
        raise Refused(
            Blocker(
                "ballots.not_open",
                _("This round is not open, so the ballot was not stored."),
                _("Ask your neighbourhood committee when voting opens."),
            )
        )
    stored.times = yield from how_often(casts, stored)
    earlier = dict(stored.counted)
    outcomes, new = told_apart(casts, receipts, digests, stored, key)
    superseded = [stored.ids[digest] for who, digest in earlier.items() if stored.counted[who] != digest]
    yield from inserting(round, new, set(stored.counted.values()), superseded, at=to_the_minute(at))
    yield from inserting_comments(round, new.values(), set(earlier), at=at)
    return outcomes


class Kept(NamedTuple):
    """Of a ballot that is stored, or about to be."""

    credential: bytes
    nonce: bytes
    marks: str


@dataclass
class Stored:
    """What there is of some credentials, and under some receipts."""

    ballots: dict[bytes, Kept] = field(default_factory=dict)
    # The numbers of their rows. Both by receipt digest.
    ids: dict[bytes, int] = field(default_factory=dict)
    # The receipt digest of the ballot that counts, and how many ballots there are. Both by credential.
    counted: dict[bytes, bytes] = field(default_factory=dict)
    times: Counter[bytes] = field(default_factory=Counter)


def told_apart(
    casts: Sequence[Cast], receipts: Sequence[str], digests: Sequence[bytes], stored: Stored, key: bytes
) -> tuple[list[Outcome], dict[bytes, Cast]]:
    """The outcome of each of ``casts``, and those that are to be stored, by receipt digest; ``stored`` is brought in line.

    A page whose number was used already, and which says what counts of its credential, is that page sent again. If it says
    something else it is another ballot: the last word counts, wherever it was typed. It gets a number of its own and so a
    receipt of its own; so does one whose receipt somebody else's ballot happens to have.
    """
    outcomes: list[Outcome] = []
    new: dict[bytes, Cast] = {}
    settled = settled_already(casts, digests, stored)
    before = frozenset(stored.counted)
    for cast, receipt, digest in zip(casts, receipts, digests, strict=True):
        who, kept = cast.credential, stored.ballots.get(digest)
        counts = stored.ballots.get(stored.counted.get(who, b""))
        if kept and kept.credential == who:
            if counts and counts.marks == cast.marks and not cast.yields:
                outcomes.append(codes.receipt_of(key, who, counts.nonce))
                continue
            need_not_count = cast.yields or cast.is_cast_once or (counts and settled.get(who) is counts)
            if kept.marks == cast.marks and need_not_count:
                outcomes.append(receipt)
                continue
        times = stored.times.get(who, 0)
        if against := reason_against(cast, times):
            outcomes.append(against)
            continue
        while digest in stored.ballots:
            cast = replace(cast, nonce=codes.new_nonce())
            receipt = codes.receipt_of(key, who, cast.nonce)
            digest = codes.receipt_digest(key, receipt)
        new[digest] = cast
        stored.ballots[digest] = Kept(who, cast.nonce, cast.marks)
        stored.times[who] = times + 1
        if not (cast.yields and who in before):
            stored.counted[who] = digest
        outcomes.append(receipt)
    return outcomes, new


def settled_already(casts: Sequence[Cast], digests: Sequence[bytes], stored: Stored) -> dict[bytes, Kept]:
    """By credential, the ballot that counts, where it is the last of ``casts`` of this credential.

    Then all of them may have been stored before, and nobody heard of it, since the connection broke.
    """
    last = {
        cast.credential: (digest, cast.marks)
        for cast, digest in zip(casts, digests, strict=True)
        if cast.credential in stored.counted
    }
    settled = {}
    for who, (digest, marks) in last.items():
        if stored.counted[who] == digest and stored.ballots[digest].marks == marks:
            settled[who] = stored.ballots[digest]
    return settled


def reason_against(cast: Cast, times: int) -> Refused | None:
    """Why somebody who has cast so many ballots in this round casts no other."""
    if cast.yields:  # it takes nobody's place, and two people keyed it
        return None
    if cast.is_cast_once and times:
        return Refused(voted_already())
    if times >= MOST_STORED:
        return Refused(too_many())
    return None


def voted_already() -> Blocker:
    return Blocker(
        "ballots.voted_already",
        _("This vote has been cast. With an officer's help one votes once, and what was sent stays."),
        _("The receipt tells at any time whether it counts."),
    )


def too_many() -> Blocker:
    return Blocker(
        "ballots.too_many",
        _("This vote has been sent %(most)d times, and no more are taken. The last one counts.")
        % {"most": MOST_STORED},
        _("If it was not yours, tell your neighbourhood committee: a card can be replaced."),
    )


def what_is_stored(
    round: Round, digests: Sequence[bytes], credentials: Sequence[bytes]
) -> Steps[tuple[str, Stored]]:
    """The round's state, which cannot change before this transaction ends; and the ballots under these receipts, and those
    of these credentials that count.

    PostgreSQL: any number of casts share the lock on the round, and closing, which locks the row for itself, waits for
    them and holds off those that come later. The ballots found are locked in one order, against deadlocks. SQLite: there
    is one writing transaction at a time. Django knows no FOR SHARE, and its FOR UPDATE would have every resident queue
    for one row.
    """
    rows = yield from found_rows(round, digests, credentials)
    stored = Stored()
    for _state, id, receipt, credential, nonce, marks, status in rows:
        if id is None:
            continue
        digest, kept = bytes(receipt), Kept(bytes(credential), bytes(nonce), marks)
        stored.ballots[digest], stored.ids[digest] = kept, id
        if status == Ballot.Status.COUNTED:
            stored.counted[kept.credential] = digest
    return rows[0][0], stored


def found_rows(round: Round, digests: Sequence[bytes], credentials: Sequence[bytes]) -> Steps[list[Row]]:
    """The round's state with each ballot found, or once by itself."""
    if connection.vendor == "postgresql":
        return (yield Ask(STORED, [array_literal(digests), array_literal(credentials), round.pk]))
    rows: list[Row] = []
    size = VALUES_AT_ONCE // 2
    for start in range(0, max(len(digests), 1), size):
        some, others = digests[start : start + size], credentials[start : start + size]
        among = ", ".join(["%s"] * len(some))
        rows += yield Ask(STORED_IN_SQLITE.format(among=among), [round.pk, *some, *others])
    return rows


def how_often(casts: Sequence[Cast], stored: Stored) -> Steps[Counter[bytes]]:
    """How many ballots there are of each credential, as far as that may stand against another one."""
    asked = sorted(
        {cast.credential for cast in casts if cast.is_cast_once or cast.credential in stored.counted}
    )
    times = Counter(dict.fromkeys(stored.counted, 1))
    if asked and connection.vendor == "postgresql":
        rows = yield Ask(TIMES, [array_literal(asked)])
        times.update({bytes(credential): count for credential, count in rows})
        return times
    for start in range(0, len(asked), VALUES_AT_ONCE):
        some = asked[start : start + VALUES_AT_ONCE]
        rows = yield Ask(TIMES_IN_SQLITE.format(among=", ".join(["%s"] * len(some))), some)
        times.update({bytes(credential): count for credential, count in rows})
    return times


def inserting(
    round: Round,
    new: dict[bytes, Cast],
    counted: set[bytes],
    superseded: Sequence[int],
    *,
    at: datetime.datetime,
) -> Steps[None]:
    """Add the ballots, of which ``counted`` count, and take those with the ids ``superseded`` out of the count.

    In the order of their credentials, in which two batches cannot deadlock.
    """
    rows = sorted(
        (
            row_of(cast, digest, "counted" if digest in counted else "superseded")
            for digest, cast in new.items()
        ),
        key=itemgetter(1),
    )
    if not rows:
        return
    if connection.vendor == "postgresql":
        yield Ask(OTHERS, [array_literal(superseded), round.pk, at, *arrays(rows)])
        return
    for start in range(0, len(superseded), VALUES_AT_ONCE):
        some = superseded[start : start + VALUES_AT_ONCE]
        among = ", ".join(["%s"] * len(some))
        yield Ask(
            f"UPDATE {TABLE} SET status = 'superseded' WHERE id IN ({among}) AND status = 'counted'", some
        )
    same = (round.pk, "", connection.ops.adapt_datetimefield_value(at))
    places = ", ".join(["%s"] * (len(same) + len(COLUMNS)))
    yield Ask(f"{INTO} VALUES ({places})", [same + row for row in rows], each=True)


def arrays(rows: Iterable[Row]) -> list[str]:
    """The columns of ``rows``, for ``unnest``."""
    return [array_literal(column) for column in zip(*rows, strict=True)]


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


def inserting_comments(
    round: Round, new: Iterable[Cast], earlier: set[bytes], *, at: datetime.datetime
) -> Steps[None]:
    """Store what was written, apart from the ballots and in no order; of a credential that voted before, nothing.

    A second comment could not take the place of the first, since nothing tells which that was.
    """
    first: dict[bytes, Cast] = {}
    for cast in new:
        if cast.credential not in earlier:
            first.setdefault(cast.credential, cast)
    written = sorted(
        (unordered_number(), cast.enrolment_id, cast.comment) for cast in first.values() if cast.comment
    )
    if not written:
        return
    day, state = localdate(at), Comment.State.PENDING.value
    if connection.vendor == "postgresql":
        yield Ask(COMMENTS, [round.pk, day, state, *arrays(written)])
    else:
        rows = [
            (number, round.pk, place, text, day.isoformat(), state, "") for number, place, text in written
        ]
        yield Ask(f"{INTO_COMMENTS} VALUES ({', '.join(['%s'] * 7)})", rows, each=True)
