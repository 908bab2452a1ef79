"""Departing from what the run chose: one person proposes with a reason, another decides."""

from django.db import transaction
from django.utils.timezone import now

from dongliang.awards.calendar import today, working_day_after
from dongliang.awards.models import Honour, HonourList, ListChange
from dongliang.awards.queries.lists import drawn_again
from dongliang.awards.queries.publicity import change_blockers, deciding_blockers
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment, Season


def locked_list(honour_list: HonourList) -> HonourList:
    """The list as it stands, with its season locked, as drawing, publishing and confirming lock it. Raises Refused."""
    Season.objects.select_for_update().get(pk=honour_list.season_id)
    found = HonourList.objects.select_related("season", "run__rule_book").filter(pk=honour_list.pk).first()
    if found is None:
        raise Refused(drawn_again())
    return found


@transaction.atomic
def propose_change(
    honour_list: HonourList,
    *,
    leaving: Enrolment,
    entering: Enrolment | None,
    reason: str,
    by: Account | None,
) -> ListChange:
    """Ask for a name to leave the list, and for another in its place. Raises Refused, naming every blocker."""
    honour_list = locked_list(honour_list)
    if blockers := change_blockers(honour_list, leaving, entering, reason):
        raise Refused(blockers)
    change = honour_list.changes.create(
        leaving=leaving, entering=entering, reason=reason.strip(), proposed_by=by, proposed_at=now()
    )
    log_action(
        "awards.change.proposed",
        honour_list,
        by=by,
        leaving=leaving.number,
        entering=entering and entering.number,
        reason=change.reason,
    )
    return change


@transaction.atomic
def approve_change(change: ListChange, *, by: Account | None) -> ListChange:
    """Make the change. A list that is public already is open to objections anew. Raises Refused."""
    honour_list = locked_list(change.honour_list)
    change = ListChange.objects.select_related("leaving", "entering").get(pk=change.pk)
    blockers = deciding_blockers(change, by) or change_blockers(
        honour_list, change.leaving, change.entering, change.reason
    )
    if blockers:
        raise Refused(blockers)
    place = honour_list.honours.get(enrolment=change.leaving)
    place.delete()
    if change.entering:
        project = FirstThing.objects.filter(enrolment=change.entering).first()
        Honour.objects.create(
            honour_list=honour_list,
            position=place.position,
            enrolment=change.entering,
            project=project if place.project_id else None,
        )
    if honour_list.objections_until:
        rules = honour_list.run.rule_book.validated
        anew = working_day_after(today(), rules.publicity.working_days)
        # A clock set back shortens nobody's time to object.
        honour_list.objections_until = max(honour_list.objections_until, anew)
        honour_list.save(update_fields=["objections_until"])
    return decide(change, ListChange.State.APPROVED, by=by)


@transaction.atomic
def decline_change(change: ListChange, *, by: Account | None) -> ListChange:
    """Leave the list as it is. Raises Refused."""
    locked_list(change.honour_list)
    change = ListChange.objects.get(pk=change.pk)
    if blockers := deciding_blockers(change, by):
        raise Refused(blockers)
    return decide(change, ListChange.State.DECLINED, by=by)


def decide(change: ListChange, state: str, *, by: Account | None) -> ListChange:
    change.state, change.decided_by, change.decided_at = state, by, now()
    change.save(update_fields=["state", "decided_by", "decided_at"])
    log_action(f"awards.change.{state}", change.honour_list, by=by, change=change.pk)
    return change
