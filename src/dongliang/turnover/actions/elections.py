"""Beginning the work after an election, and opening what it asks for."""

import datetime

from django.db import transaction

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account, Organisation
from dongliang.turnover.actions.handovers import name_successor, open_handover
from dongliang.turnover.models import Election
from dongliang.turnover.queries.elections import DayAfter, beginning_blockers


@transaction.atomic
def begin_election(district: Organisation, *, held_on: datetime.date, by: Account | None) -> Election:
    """Begin the work after the election of that day. Raises Refused."""
    district = Organisation.objects.select_for_update().get(pk=district.pk)
    if blockers := beginning_blockers(district, held_on):
        raise Refused(blockers)
    election = district.elections.create(held_on=held_on, begun_by=by)
    log_action("turnover.election.begun", election, by=by)
    return election


@transaction.atomic
def open_handovers(election: Election, *, by: Account | None) -> int:
    """A handover for every post that was left, and a successor for those that waited. How many were opened.

    A second press opens nothing.
    """
    Organisation.objects.select_for_update().get(pk=election.district_id)
    day = DayAfter(election)
    for handover in day.waiting:
        name_successor(handover, by=by)
    for tenure in day.without_handover:
        open_handover(tenure, by=by)
    return len(day.without_handover)
