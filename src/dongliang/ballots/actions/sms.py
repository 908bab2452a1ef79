"""Voting by phone number: a code goes out, and whoever types it gets a pass."""

import datetime
import hashlib
import hmac
import logging
import secrets

from django.db import transaction
from django.utils.translation import gettext as _

from dongliang.ballots import passes
from dongliang.ballots.gateways import Unreachable, place_for_a_call, sms_gateway
from dongliang.ballots.models import Ballot, PhoneCheck
from dongliang.ballots.queries.rounds import proven_key
from dongliang.ballots.queries.verification import (
    CODE_LIFE,
    DAY,
    TRIES,
    sending_blockers,
    way_blockers,
)
from dongliang.common.refusals import Blocker, Refused
from dongliang.seasons.models import Enrolment, Season

logger = logging.getLogger(__name__)

TOKEN_BYTES = 16


def send_code(enrolment: Enrolment, number: str, *, address: str, at: datetime.datetime) -> str:
    """Send a code to the mobile ``number``; answers the token of the page that asks for it. Raises Refused.

    The number is stored nowhere: only its digest under the season's key. ``address`` is the sender's network address.
    """
    if blockers := way_blockers(enrolment, Ballot.Channel.SMS, at=at):
        raise Refused(blockers)
    token, code = secrets.token_urlsafe(TOKEN_BYTES), f"{secrets.randbelow(1_000_000):06d}"
    key = proven_key(enrolment.season)
    try:
        with place_for_a_call():
            store_check(enrolment, number, key=key, token=token, code=code, address=address, at=at)
            sms_gateway().send(number, code)
    except Unreachable as error:
        logger.error("A code was not sent: %s", error)
        # The row stays: what went wrong may have gone out all the same, and the limits must hold. Its code never was valid,
        # since nobody is shown where to type it, and so it is not held against the address.
        PhoneCheck.objects.filter(token=token_digest(token)).update(expires_at=at)
        raise Refused(
            Blocker(
                "sms.unreachable",
                _("The text message could not be sent."),
                _("Please try again in a few minutes, or use your household card."),
            )
        ) from error
    return token


@transaction.atomic
def store_check(
    enrolment: Enrolment,
    number: str,
    *,
    key: bytes,
    token: str,
    code: str,
    address: str,
    at: datetime.datetime,
) -> None:
    """Note that a code goes out, within the limits. Raises Refused."""
    # One sender at a time, or two requests at once would both find room for one.
    Season.objects.select_for_update().get(pk=enrolment.season_id)
    PhoneCheck.objects.filter(sent_at__lte=at - DAY).delete()
    identity = passes.identity_of(key, Ballot.Channel.SMS, number)
    origin = hmac.digest(key, f"address|{at:%Y-%m-%d}|{address}".encode(), "sha256")[:16]
    if blockers := sending_blockers(enrolment, identity, origin, at=at):
        raise Refused(blockers)
    PhoneCheck.objects.create(
        enrolment=enrolment,
        token=token_digest(token),
        identity=identity,
        origin=origin,
        code=code_digest(key, token, code),
        sent_at=at,
        expires_at=at + CODE_LIFE,
    )


def check_code(token: str, typed: str, *, at: datetime.datetime) -> str:
    """The pass of whoever typed the code that was sent. Raises Refused."""
    # A wrong try is stored, so that the refusal comes after the transaction.
    found = try_code(token, typed, at=at)
    if isinstance(found, Blocker):
        raise Refused(found)
    return found


@transaction.atomic
def try_code(token: str, typed: str, *, at: datetime.datetime) -> str | Blocker:
    check = (
        PhoneCheck.objects.select_for_update(of=("self",))
        .select_related("enrolment__season")
        .filter(token=token_digest(token))
        .first()
    )
    if check is None or at >= check.expires_at or not check.code:
        return Blocker(
            "sms.code_over",
            _("This code has been used, or its five minutes are over."),
            _("Please ask for another one."),
        )
    if check.tries >= TRIES:
        return Blocker(
            "sms.too_many_tries",
            _("The code has been typed wrongly %(count)d times.") % {"count": TRIES},
            _("Please ask for another one."),
        )
    key = proven_key(check.enrolment.season)
    if not hmac.compare_digest(bytes(check.code), code_digest(key, token, typed)):
        check.tries += 1
        check.save(update_fields=["tries"])
        return Blocker(
            "sms.wrong_code",
            _("That is not the code in the message."),
            _("Please compare it digit by digit; you can try %(left)d more times.")
            % {"left": TRIES - check.tries}
            if check.tries < TRIES
            else _("Please ask for another one."),
        )
    check.code = b""
    check.save(update_fields=["code"])
    return passes.issue_pass(
        key,
        number=check.enrolment.number,
        channel=Ballot.Channel.SMS,
        identity=bytes(check.identity),
        expires=at + passes.LIFE,
    )


def token_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def code_digest(key: bytes, token: str, code: str) -> bytes:
    return hmac.digest(key, f"sms|{token}|{code}".encode(), "sha256")
