"""Ending a pair, with or without another mentor to follow."""

import datetime

from django.db import transaction
from django.utils.timezone import localdate

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.mentoring.actions import pair_mentee
from dongliang.mentoring.models import Mentor, Pair
from dongliang.mentoring.queries.pairs import ending_blockers
from dongliang.people.models import Account
from dongliang.seasons.models import Season


@transaction.atomic
def end_pair(
    pair: Pair,
    *,
    reason: str,
    note: str = "",
    successor: Mentor | None = None,
    by: Account | None,
    on: datetime.date | None = None,
) -> Pair:
    """End the pair today, with its reason; ``successor`` coaches from today on. Raises Refused."""
    Season.objects.select_for_update().get(pk=pair.mentee.season_id)
    pair = (
        Pair.objects.select_for_update(of=("self",))
        .select_related("mentor__person", "mentee__person", "mentee__season")
        .get(pk=pair.pk)
    )
    if successor is not None:
        successor = Mentor.objects.select_related("person").get(pk=successor.pk)
    if blockers := ending_blockers(pair, reason, note, successor):
        raise Refused(blockers)
    day = on or localdate()
    pair.ends_on, pair.end_reason, pair.end_note = max(day, pair.starts_on), reason, note.strip()
    pair.save(update_fields=["ends_on", "end_reason", "end_note"])
    log_action("mentoring.pair.ended", pair, by=by, reason=reason)
    if successor is not None:
        pair_mentee(successor, pair.mentee, by=by, starts_on=day)
    return pair
