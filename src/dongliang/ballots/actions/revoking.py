"""Taking cards out of force, with the ballots that were cast with them."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.timezone import now

from dongliang.ballots import codes
from dongliang.ballots.models import Ballot, RevokedCard, Round
from dongliang.ballots.queries.cards import revoking_blockers
from dongliang.ballots.queries.rounds import proven_key
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season


@transaction.atomic
def revoke_cards(enrolment: Enrolment, serials: Sequence[int], *, reason: str, by: Account | None) -> int:
    """Take the cards out of force; answers how many ballots cast with them are out of the count. Raises Refused.

    Ballots on their way in are waited for. One that was checked before and comes in after is caught at close
    (``exclude_ballots_of_revoked``).
    """
    season = Season.objects.select_for_update().get(pk=enrolment.season_id)
    serials = sorted(set(serials))
    if blockers := revoking_blockers(enrolment, serials):
        raise Refused(blockers)
    key = proven_key(season)
    moment = now()
    RevokedCard.objects.bulk_create(
        RevokedCard(enrolment=enrolment, serial=serial, reason=reason, by=by, at=moment) for serial in serials
    )
    excluded = sum(
        exclude_ballots(round, key, [(enrolment.number, serial) for serial in serials])
        for round in season.rounds.select_for_update().exclude(state=Round.State.CLOSED)
    )
    log_action(
        "ballots.cards.revoked", enrolment, by=by, serials=serials, reason=reason, ballots_excluded=excluded
    )
    return excluded


def exclude_ballots_of_revoked(round: Round) -> int:
    """Take every counted ballot of a revoked card out of the count: for the close of a round, in its transaction."""
    owners = list(
        RevokedCard.objects.filter(enrolment__season=round.season_id).values_list(
            "enrolment__number", "serial"
        )
    )
    return exclude_ballots(round, proven_key(round.season), owners) if owners else 0


def exclude_ballots(round: Round, key: bytes, owners: Sequence[tuple[int, int]]) -> int:
    credentials = [
        codes.credential_digest(key, round.kind, codes.mint(key, number, serial)) for number, serial in owners
    ]
    return sum(
        Ballot.objects.filter(
            round=round, status=Ballot.Status.COUNTED, credential__in=credentials[start : start + 500]
        ).update(status=Ballot.Status.EXCLUDED, exclusion=Ballot.Exclusion.REVOKED)
        for start in range(0, len(credentials), 500)
    )
