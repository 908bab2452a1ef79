"""Declaring a conflict of interest, and the office's word on it."""

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account
from dongliang.review.models import Assignment, Conflict
from dongliang.seasons.models import Enrolment, Phase, Season


def declaring_blockers(season: Season) -> list[Blocker]:
    """Why no conflict can be declared, confirmed or withdrawn now: only a closed season has no sheet left to keep."""
    if season.phase != Phase.CLOSED:
        return []
    return [
        Blocker(
            "conflict.closed",
            _("The season is %(phase)s.") % {"phase": season.get_phase_display()},
            _("Conflicts of interest are declared before and while sheets are filled."),
        )
    ]


def _without_reason(reason: str) -> list[Blocker]:
    if reason.strip():
        return []
    return [
        Blocker(
            "conflict.no_reason",
            _("No reason is given."),
            _("Write in a sentence what it is, so that others can judge it."),
        )
    ]


def _already_there(mentor: Mentor, enrolment: Enrolment) -> list[Blocker]:
    live = Conflict.objects.filter(
        mentor=mentor, enrolment=enrolment, state__in=[Conflict.State.DECLARED, Conflict.State.CONFIRMED]
    ).first()
    if live is None:
        return []
    return [
        Blocker(
            "conflict.declared_already",
            _("A conflict between %(mentor)s and %(secretary)s has been declared already: %(state)s.")
            % {"mentor": mentor, "secretary": enrolment.person, "state": live.get_state_display()},
            _("Withdraw that one first, if it says something else."),
        )
    ]


@transaction.atomic
def declare_conflict(
    mentor: Mentor, enrolment: Enrolment, *, ground: str, reason: str, by: Account | None
) -> Conflict:
    """Put a conflict before the office. Raises Refused, naming every blocker."""
    season = Season.objects.select_for_update().get(pk=mentor.season_id)
    blockers = declaring_blockers(season) + _without_reason(reason) + _already_there(mentor, enrolment)
    if blockers:
        raise Refused(blockers)
    conflict = season.conflicts.create(
        mentor=mentor,
        enrolment=enrolment,
        ground=ground,
        reason=reason.strip(),
        declared_by=by,
        declared_at=now(),
    )
    # What it consists of is personal, and stays out of a log that nothing is ever taken from.
    log_action("review.conflict.declared", conflict, by=by, ground=ground)
    return conflict


@transaction.atomic
def decide_conflict(
    conflict: Conflict, *, confirm: bool, decision: str = "", by: Account | None
) -> Assignment | None:
    """Confirm a declared conflict, which bars the two, or reject it with a reason. Raises Refused.

    Returns the sheet that the two must no longer have between them, if one is still to be filled.
    """
    season = Season.objects.select_for_update().get(pk=conflict.season_id)
    conflict = season.conflicts.select_for_update().get(pk=conflict.pk)
    blockers = declaring_blockers(season) + _not_in(conflict, Conflict.State.DECLARED)
    if not confirm:
        blockers += _without_reason(decision)
    if blockers:
        raise Refused(blockers)
    _settle(conflict, Conflict.State.CONFIRMED if confirm else Conflict.State.REJECTED, decision, by)
    if not confirm:
        return None
    return season.assignments.filter(
        mentor=conflict.mentor_id, enrolment=conflict.enrolment_id, response=None
    ).first()


@transaction.atomic
def withdraw_conflict(conflict: Conflict, *, by: Account | None) -> Conflict:
    """Take back what was declared; what the office has confirmed only the office can take back. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=conflict.season_id)
    conflict = season.conflicts.select_for_update().get(pk=conflict.pk)
    blockers = declaring_blockers(season) + _not_in(
        conflict, Conflict.State.DECLARED, Conflict.State.CONFIRMED
    )
    if blockers:
        raise Refused(blockers)
    _settle(conflict, Conflict.State.WITHDRAWN, "", by)
    return conflict


def _not_in(conflict: Conflict, *states: str) -> list[Blocker]:
    if conflict.state in states:
        return []
    return [
        Blocker(
            "conflict.settled",
            _("This declaration is settled already: %(state)s.") % {"state": conflict.get_state_display()},
            _("Declare it anew, if something has changed."),
        )
    ]


def _settle(conflict: Conflict, state: str, decision: str, by: Account | None) -> None:
    conflict.state, conflict.decision = state, decision.strip()
    conflict.decided_by, conflict.decided_at = by, now()
    conflict.save(update_fields=["state", "decision", "decided_by", "decided_at"])
    log_action(f"review.conflict.{state}", conflict, by=by)
