"""The office reminds an assessor of the sheets outstanding: at most once a day, as a notice on her own page."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.timezone import localdate, now
from django.utils.translation import gettext as _

from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account, Organisation
from dongliang.review.models import Reminder, Source
from dongliang.review.queries import not_open_blockers
from dongliang.seasons.models import Season


def _whose(assessor: Mentor | Organisation) -> dict[str, Mentor | Organisation]:
    return {"mentor" if isinstance(assessor, Mentor) else "institution": assessor}


def reminding_blockers(season: Season, assessor: Mentor | Organisation) -> list[Blocker]:
    """Every reason why the assessor cannot be reminded now."""
    found = not_open_blockers(season)
    whose = _whose(assessor)
    if not season.assignments.filter(response=None, voided_at=None, **whose).exists():
        found.append(
            Blocker(
                "reminder.nothing",
                _("%(assessor)s has no sheet outstanding.") % {"assessor": assessor},
                _("There is nothing to remind of."),
            )
        )
    if season.reminders.filter(on=localdate(), **whose).exists():
        found.append(
            Blocker(
                "reminder.today",
                _("%(assessor)s has been reminded today.") % {"assessor": assessor},
                _("Remind again tomorrow, or call."),
            )
        )
    return found


@transaction.atomic
def remind_assessor(season: Season, assessor: Mentor | Organisation, *, by: Account | None) -> Reminder:
    """Remind one assessor. Raises Refused, naming every blocker."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := reminding_blockers(season, assessor):
        raise Refused(blockers)
    whose = _whose(assessor)
    source = Source.FIELD if isinstance(assessor, Mentor) else Source.INSTITUTIONAL
    reminder = season.reminders.create(
        on=localdate(),
        outstanding=season.assignments.filter(response=None, voided_at=None, source=source, **whose).count(),
        sent_by=by,
        sent_at=now(),
        **whose,
    )
    log_action("review.assessor.reminded", reminder, by=by, outstanding=reminder.outstanding)
    return reminder


@transaction.atomic
def remind_assessors(
    season: Season, assessors: Iterable[Mentor | Organisation], *, by: Account | None
) -> list[Reminder]:
    """Remind those of ``assessors`` who can be; whoever has sent everything or was reminded today is passed over."""
    return [
        remind_assessor(season, assessor, by=by)
        for assessor in assessors
        if not reminding_blockers(season, assessor)
    ]
