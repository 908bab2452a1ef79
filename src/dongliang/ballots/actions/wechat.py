"""Voting by WeChat: there and back, and whoever comes back gets a pass."""

import datetime
import hashlib
import logging
import secrets

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dongliang.ballots import passes
from dongliang.ballots.gateways import Unreachable, place_for_a_call, wechat_openid
from dongliang.ballots.models import Ballot, SpentState
from dongliang.ballots.queries.rounds import proven_key, seasons_with_rounds
from dongliang.ballots.queries.verification import AN_ADDRESS_AN_HOUR, HOUR, way_blockers
from dongliang.common.allowances import Allowances
from dongliang.common.refusals import Blocker, Refused
from dongliang.seasons.models import Enrolment
from dongliang.seasons.queries import enrolments

logger = logging.getLogger(__name__)

STATE_LIFE = datetime.timedelta(minutes=10)
# Nothing is stored of a start, so that it is counted here and not in the database.
starts = Allowances(AN_ADDRESS_AN_HOUR, AN_ADDRESS_AN_HOUR / HOUR.total_seconds())


def begin_wechat(enrolment: Enrolment, *, address: str, at: datetime.datetime) -> str:
    """The state to send along to WeChat, good for ten minutes and for this neighbourhood. Raises Refused.

    ``address`` is the network address of whoever asks.
    """
    if blockers := way_blockers(enrolment, Ballot.Channel.WECHAT, at=at):
        raise Refused(blockers)
    if not starts.takes(address):
        raise Refused(
            Blocker(
                "wechat.address_limit",
                _("Voting by WeChat has been begun too often from your network within the hour."),
                _("Please try again in an hour, or without wireless network."),
            )
        )
    return passes.issue_state(
        proven_key(enrolment.season),
        number=enrolment.number,
        expires=at + STATE_LIFE,
        nonce=secrets.token_bytes(8),
    )


def finish_wechat(state: str, code: str, *, at: datetime.datetime) -> str:
    """The pass of whoever came back from WeChat with this state and code. Raises Refused.

    A state comes back once: an address picked up from a log or a shared link opens nothing.
    """
    enrolment, key, expires = enrolment_of_state(state, at)
    if blockers := way_blockers(enrolment, Ballot.Channel.WECHAT, at=at):
        raise Refused(blockers)
    try:
        with place_for_a_call():
            spend_state(state, expires, at=at)
            openid = wechat_openid(code)
    except Unreachable as error:
        logger.error("WeChat did not say who came back: %s", error)
        raise Refused(
            Blocker(
                "wechat.unreachable",
                _("WeChat does not answer just now."),
                _("Please try again in a few minutes, or use another way."),
            )
        ) from error
    if openid is None:
        raise Refused(used_up())
    return passes.issue_pass(
        key,
        number=enrolment.number,
        channel=Ballot.Channel.WECHAT,
        identity=passes.identity_of(key, Ballot.Channel.WECHAT, openid),
        expires=at + passes.LIFE,
    )


def enrolment_of_state(state: str, at: datetime.datetime) -> tuple[Enrolment, bytes, datetime.datetime]:
    for season, key in seasons_with_rounds():
        if carried := passes.read_state(key, state, at=at):
            number, expires = carried
            if enrolment := enrolments(season).filter(number=number).first():
                return enrolment, key, expires
    raise Refused(used_up())


def spend_state(state: str, expires: datetime.datetime, *, at: datetime.datetime) -> None:
    SpentState.objects.filter(expires_at__lte=at).delete()
    try:
        with transaction.atomic():
            SpentState.objects.create(digest=hashlib.sha256(state.encode()).digest(), expires_at=expires)
    except IntegrityError as error:
        raise Refused(used_up()) from error


def used_up() -> Blocker:
    return Blocker(
        "wechat.used_up",
        _("This way back from WeChat has been used, or is too old."),
        _("Please scan the poster of your neighbourhood once more."),
    )
