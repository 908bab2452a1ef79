"""Taking out of the count what was never cast: rows that somebody wrote into the database past the product."""

from dongliang.ballots import codes
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.rounds import proven_key
from dongliang.common.log import log_action
from dongliang.people.models import Account

ROWS_AT_ONCE = 5_000
IDS_AT_ONCE = 500


def exclude_unproven(round: Round, *, by: Account | None) -> int:
    """Exclude the round's ballots whose receipts the season's key did not make; answer how many there were.

    For the close of a round, in its transaction. Nobody decides on them: a ballot taken in has a receipt under the key,
    and without the key none can be made up. Raises Refused where the key is lost.
    """
    key = proven_key(round.season)
    rows = (
        Ballot.objects.filter(round=round)
        .order_by()
        .values_list("pk", "credential", "nonce", "receipt")
        .iterator(ROWS_AT_ONCE)
    )
    unproven = [
        pk
        for pk, credential, nonce, receipt in rows
        if not codes.is_receipt_of(key, bytes(credential), bytes(nonce), bytes(receipt))
    ]
    for start in range(0, len(unproven), IDS_AT_ONCE):
        Ballot.objects.filter(pk__in=unproven[start : start + IDS_AT_ONCE]).update(
            status=Ballot.Status.EXCLUDED, exclusion=Ballot.Exclusion.UNPROVEN
        )
    if unproven:
        log_action("ballots.round.unproven_excluded", round, by=by, ballots=len(unproven))
    return len(unproven)
