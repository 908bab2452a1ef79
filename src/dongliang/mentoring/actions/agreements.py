"""Writing an agreement, and signing it."""

import datetime
from collections.abc import Sequence

from django.db import transaction
from django.utils.timezone import now

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.mentoring.models import Agreement, Pair, Signature
from dongliang.mentoring.queries.agreements import content_blockers, signing_blockers
from dongliang.mentoring.queries.pairs import side_of
from dongliang.people.models import Account


@transaction.atomic
def write_agreement(
    pair: Pair,
    *,
    goals: str,
    starts_on: datetime.date,
    months: int,
    plan: Sequence[str],
    by: Account | None,
) -> Agreement:
    """Put down or change what the two agree on; a change voids every signature given before. Raises Refused."""
    pair = held(pair)
    plan = [task.strip() for task in plan]
    if blockers := content_blockers(pair, goals, months, plan):
        raise Refused(blockers)
    agreement = Agreement.objects.filter(pair=pair).first() or Agreement(pair=pair)
    before = agreement.sha256 if agreement.pk else ""
    agreement.goals, agreement.starts_on, agreement.months = goals.strip(), starts_on, months
    agreement.plan = list(plan)
    if agreement.sha256 == before:
        return agreement
    agreement.save()
    voided = agreement.signatures.filter(voided_at=None).update(voided_at=now())
    log_action("mentoring.agreement.written", agreement, by=by, sha256=agreement.sha256, voided=voided)
    return agreement


@transaction.atomic
def sign_agreement(agreement: Agreement, *, shown: str, by: Account) -> Signature:
    """Sign for the side that ``by`` stands for, what has the fingerprint ``shown``. Raises Refused."""
    agreement.pair = held(agreement.pair)
    agreement = Agreement.objects.select_related("pair__mentor__person", "pair__mentee__person").get(
        pk=agreement.pk
    )
    side = side_of(by, agreement.pair)
    if blockers := signing_blockers(agreement, side, shown):
        raise Refused(blockers)
    signature = agreement.signatures.create(
        side=side or "", name=by.display_name, signed_by=by, signed_at=now(), sha256=agreement.sha256
    )
    log_action("mentoring.agreement.signed", agreement, by=by, side=str(side), sha256=agreement.sha256)
    return signature


def held(pair: Pair) -> Pair:
    """The pair with its row held: who writes and who signs come one after the other."""
    return (
        Pair.objects.select_for_update(of=("self",))
        .select_related(
            "mentor__person", "mentee__person", "mentee__season", "mentee__post__organisation__parent"
        )
        .get(pk=pair.pk)
    )
