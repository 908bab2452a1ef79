"""Naming advisers, thanking them, and letting their pages be public."""

import datetime

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account, Person, Tenure
from dongliang.turnover.models import THANKS_LENGTH, Adviser
from dongliang.turnover.queries.advisers import naming_blockers, release_blockers


@transaction.atomic
def name_adviser(tenure: Tenure, *, since: datetime.date, by: Account | None) -> Adviser:
    """Let who has left stay at hand as adviser. Raises Refused."""
    Person.objects.select_for_update().get(pk=tenure.person_id)
    tenure = Tenure.objects.select_related("person").get(pk=tenure.pk)
    if blockers := naming_blockers(tenure, since):
        raise Refused(blockers)
    adviser = Adviser.objects.create(tenure=tenure, since=since)
    log_action("turnover.adviser.named", adviser, by=by, since=since.isoformat())
    return adviser


@transaction.atomic
def thank_adviser(adviser: Adviser, *, thanks: str, by: Account | None) -> Adviser:
    """Put other words of thanks on the page. A public page is taken back until it is released again. Raises Refused."""
    adviser = locked(adviser)
    thanks = thanks.strip()
    if not 1 <= len(thanks) <= THANKS_LENGTH:
        raise Refused(
            Blocker(
                "adviser.words",
                _("The words of thanks take %(seen)d characters.") % {"seen": len(thanks)},
                _("Write 1 to %(most)d.") % {"most": THANKS_LENGTH},
            )
        )
    if thanks == adviser.thanks:
        return adviser
    adviser.thanks, adviser.released_at, adviser.released_by = thanks, None, None
    adviser.save(update_fields=["thanks", "released_at", "released_by"])
    log_action("turnover.adviser.thanked", adviser, by=by)
    return adviser


@transaction.atomic
def release_adviser(adviser: Adviser, *, by: Account | None) -> Adviser:
    """Let everybody read the page. Raises Refused."""
    adviser = locked(adviser)
    if blockers := release_blockers(adviser):
        raise Refused(blockers)
    adviser.released_at, adviser.released_by = now(), by
    adviser.save(update_fields=["released_at", "released_by"])
    log_action("turnover.adviser.released", adviser, by=by)
    return adviser


@transaction.atomic
def withdraw_adviser(adviser: Adviser, *, by: Account | None) -> Adviser:
    """Take the page back. A second press changes nothing."""
    adviser = locked(adviser)
    if adviser.released_at is None:
        return adviser
    adviser.released_at = adviser.released_by = None
    adviser.save(update_fields=["released_at", "released_by"])
    log_action("turnover.adviser.withdrawn", adviser, by=by)
    return adviser


def locked(adviser: Adviser) -> Adviser:
    return Adviser.objects.select_for_update(of=("self",)).select_related("tenure__person").get(pk=adviser.pk)
