"""Letting somebody without a phone or card vote on an officer's device."""

import datetime

from django.db import transaction
from django.utils.timezone import localtime

from dongliang.ballots import passes
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.models import AssistedVoice, Ballot, RevokedCard
from dongliang.ballots.queries.assisted import assisting_blockers
from dongliang.ballots.queries.cards import serial_of
from dongliang.ballots.queries.rounds import proven_key
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season


def day_of(at: datetime.datetime) -> datetime.datetime:
    """The first moment of the day, as it is counted here."""
    return localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)


@transaction.atomic
def begin_assisted(enrolment: Enrolment, *, by: Account | None, at: datetime.datetime, card: str = "") -> str:
    """A pass for one resident of the neighbourhood, to vote on the officer's device. Raises Refused.

    The household's ``card``, if it has one, is revoked first; what was cast with it is judged after the close. The log says who let somebody vote, and where; it holds
    no code, and nobody's marks.
    """
    season = Season.objects.select_for_update().get(pk=enrolment.season_id)
    key = proven_key(season)
    if blockers := assisting_blockers(enrolment, at=at):
        raise Refused(blockers)
    if card:
        revoke_cards(enrolment, [serial_of(enrolment, key, card)], reason=RevokedCard.Reason.ASSISTED, by=by)
    last = enrolment.assisted_voices.order_by("-serial").values_list("serial", flat=True).first() or 0
    voice = AssistedVoice.objects.create(enrolment=enrolment, serial=last + 1, by=by, at=day_of(at))
    log_action("ballots.assisted.begun", enrolment, by=by, serial=voice.serial)
    return passes.issue_pass(
        key,
        number=enrolment.number,
        channel=Ballot.Channel.ASSISTED,
        identity=passes.identity_of(key, Ballot.Channel.ASSISTED, f"{enrolment.number}|{voice.serial}"),
        expires=at + passes.LIFE,
    )
