import datetime
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from dongliang.ballots import codes
from dongliang.ballots.models import Ballot, Round
from dongliang.common.refusals import Blocker, Refused

# Two people at once with one code: one waits or runs into the constraint, and then replaces the other's ballot. At every
# attempt one of them gets through, so that more attempts than any server answers at once are enough.
RETRIES = 50


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


def cast_ballots(round: Round, casts: Sequence[Cast], *, key: bytes, at: datetime.datetime) -> list[str]:
    """Store the ballots in one transaction and answer with their receipts, in the order of ``casts``.

    A credential's earlier ballot is superseded, in the database and within ``casts``, where the last one counts; one that
    ``yields`` is superseded itself by a ballot that counts already. A page
    sent again, nonce and marks the same, is stored once and answered with the same receipt. Once this returns the ballots
    are durable, so that it refuses to run inside another transaction. Marks are taken as they come: whoever calls has
    checked them. Raises Refused when the round is not open.
    """
    for _attempt in range(RETRIES):
        with suppress(IntegrityError):
            return store_ballots(round, casts, key=key, at=at)
    return store_ballots(round, casts, key=key, at=at)


@transaction.atomic(durable=True)
def store_ballots(round: Round, casts: Sequence[Cast], *, key: bytes, at: datetime.datetime) -> list[str]:
    """One attempt of ``cast_ballots``. Raises IntegrityError if somebody else voted with one of the codes meanwhile."""
    if locked_state(round) != Round.State.OPEN:
        raise Refused(
            Blocker(
                "ballots.not_open",
                _("This round is not open, so the ballot was not stored."),
                _("Ask your neighbourhood committee when voting opens."),
            )
        )
    receipts, new = told_apart(casts, key)
    standing = credentials_standing(round, [cast.credential for cast in new.values() if cast.yields])
    last = {cast.credential: receipt for receipt, cast in new.items() if cast.credential not in standing}
    supersede_ballots(round, list(last))
    minute = at.replace(second=0, microsecond=0)
    ballots = [
        Ballot(
            round=round,
            enrolment_id=cast.enrolment_id,
            credential=cast.credential,
            receipt=codes.receipt_digest(key, receipt),
            nonce=cast.nonce,
            channel=cast.channel,
            in_sample=cast.in_sample,
            origin=cast.origin,
            marks=cast.marks,
            status=Ballot.Status.COUNTED
            if last.get(cast.credential) == receipt
            else Ballot.Status.SUPERSEDED,
            cast_at=minute,
        )
        for receipt, cast in new.items()
    ]
    # In the order of their credentials two batches meet on the constraint in one order, and cannot deadlock.
    Ballot.objects.bulk_create(sorted(ballots, key=lambda ballot: bytes(ballot.credential)))
    return receipts


def told_apart(casts: Sequence[Cast], key: bytes) -> tuple[list[str], dict[str, Cast]]:
    """The receipt of each cast, in their order, and those among them that are not stored yet, by receipt.

    The same nonce and the same marks are the same page sent again, whatever came in between. Other marks under a nonce
    that was used are another ballot: it gets a nonce of its own.
    """
    receipts = [codes.receipt_of(key, cast.credential, cast.nonce) for cast in casts]
    digests = {codes.receipt_digest(key, receipt): receipt for receipt in receipts}
    marks = {
        digests[bytes(digest)]: stored
        for digest, stored in Ballot.objects.filter(receipt__in=list(digests)).values_list("receipt", "marks")
    }
    new: dict[str, Cast] = {}
    for place, cast in enumerate(casts):
        if marks.get(receipts[place], cast.marks) != cast.marks:
            cast = replace(cast, nonce=codes.new_nonce())
            receipts[place] = codes.receipt_of(key, cast.credential, cast.nonce)
        if receipts[place] not in marks:
            marks[receipts[place]] = cast.marks
            new[receipts[place]] = cast
    return receipts, new


def credentials_standing(round: Round, credentials: Sequence[bytes]) -> set[bytes]:
    """Those of ``credentials`` that have a counted ballot."""
    if not credentials:
        return set()
    counted = Ballot.objects.filter(round=round, status=Ballot.Status.COUNTED, credential__in=credentials)
    return {bytes(credential) for credential in counted.values_list("credential", flat=True)}


def locked_state(round: Round) -> str:
    """The round's state, which cannot change before this transaction ends.

    PostgreSQL: any number of casts share the lock, and closing, which locks the row for itself, waits for them and
    holds off those that come later. SQLite: there is one writing transaction at a time. Django knows no FOR SHARE, and
    its FOR UPDATE would have every resident queue for one row.
    """
    lock = "FOR SHARE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT state FROM {Round._meta.db_table} WHERE id = %s {lock}", [round.pk])
        return cursor.fetchone()[0]


def supersede_ballots(round: Round, credentials: Sequence[bytes]) -> None:
    """Take the counted ballots of ``credentials`` out of the count; locked in one order, against deadlocks."""
    earlier = (
        Ballot.objects.select_for_update()
        .filter(round=round, status=Ballot.Status.COUNTED, credential__in=credentials)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if found := list(earlier):
        Ballot.objects.filter(pk__in=found).update(status=Ballot.Status.SUPERSEDED)
