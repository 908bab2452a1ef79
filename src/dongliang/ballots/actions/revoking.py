"""Taking cards out of force. What was cast with them before is for two people to decide, after the close."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.timezone import now

from dongliang.ballots import codes
from dongliang.ballots.models import Ballot, Flag, FlaggedBallot, RevokedCard, Round
from dongliang.ballots.queries.cards import revoked_serials, revoking_blockers
from dongliang.ballots.queries.rounds import proven_key
from dongliang.ballots.queries.sample import sampled_serials_of
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season

CREDENTIALS_AT_ONCE = 500


@transaction.atomic
def revoke_cards(enrolment: Enrolment, serials: Sequence[int], *, reason: str, by: Account | None) -> None:
    """Take the cards out of force: nobody votes with them any more. Raises Refused.

    Ballots cast with them are not touched, nor counted for anybody: whoever saw one change in that moment would know
    whose it is, and one person alone would take a household's voice. They are looked for at the close
    (``flag_ballots_of_revoked``), all at once, with any that was checked before the revoking and came in after.
    """
    season = Season.objects.select_for_update().get(pk=enrolment.season_id)
    serials = sorted(set(serials))
    sampled = sampled_serials_of(enrolment, proven_key(season)) if season.rounds.exists() else frozenset()
    if blockers := revoking_blockers(enrolment, serials, reason=reason, by=by, sampled=sampled):
        raise Refused(blockers)
    moment = now()
    RevokedCard.objects.bulk_create(
        RevokedCard(enrolment=enrolment, serial=serial, reason=reason, by=by, at=moment) for serial in serials
    )
    log_action("ballots.cards.revoked", enrolment, by=by, serials=serials, reason=reason)


def flag_ballots_of_revoked(round: Round) -> list[Flag]:
    """Flag every neighbourhood's counted ballots of revoked cards: for the close of a round, in its transaction.

    They count until two people have decided otherwise. A flag tells the panel how many there are, and no marks.
    """
    revoked = revoked_serials(round.season)
    if not revoked:
        return []
    key, flags = proven_key(round.season), []
    for enrolment in round.season.enrolments.filter(number__in=revoked).order_by("number"):
        serials = sorted(revoked[enrolment.number])
        ballots = ballots_of_cards(round, key, enrolment, serials)
        if not ballots:
            continue
        flag = round.flags.create(
            enrolment=enrolment,
            kind=Ballot.Exclusion.REVOKED,
            number=len(ballots),
            evidence={"cards": len(serials)},
        )
        FlaggedBallot.objects.bulk_create(FlaggedBallot(flag=flag, ballot_id=pk) for pk in ballots)
        flags.append(flag)
    return flags


def ballots_of_cards(round: Round, key: bytes, enrolment: Enrolment, serials: Sequence[int]) -> list[int]:
    """The ids of the round's counted ballots that these cards of a neighbourhood cast."""
    credentials = [
        codes.credential_digest(key, round.kind, codes.mint(key, enrolment.number, serial))
        for serial in serials
    ]
    counted = Ballot.objects.filter(round=round, status=Ballot.Status.COUNTED)
    return sorted(
        pk
        for start in range(0, len(credentials), CREDENTIALS_AT_ONCE)
        for pk in counted.filter(credential__in=credentials[start : start + CREDENTIALS_AT_ONCE]).values_list(
            "pk", flat=True
        )
    )
