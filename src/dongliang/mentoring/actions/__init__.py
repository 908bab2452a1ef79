import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.mentoring.models import Mentor, Pair
from dongliang.people.models import Account, Organisation, Person
from dongliang.seasons.models import Enrolment, Season


@transaction.atomic
def appoint_mentor(
    season: Season,
    person: Person,
    *,
    by: Account | None,
    home: Organisation | None = None,
    assesses: bool = True,
) -> Mentor:
    """Make ``person`` a mentor of the season; one who serves already is left as is."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if mentor := season.mentors.filter(person=person).first():
        return mentor
    last = season.mentors.order_by("-number").values_list("number", flat=True).first() or 0
    mentor = season.mentors.create(number=last + 1, person=person, home=home, assesses=assesses)
    log_action("mentoring.mentor.appointed", mentor, by=by, season=season.slug)
    return mentor


@transaction.atomic
def stop_assessing(mentor: Mentor, *, by: Account | None, reason: str) -> Mentor:
    """Take a mentor out of those who assess in the field; coaching goes on."""
    mentor = Mentor.objects.select_for_update().get(pk=mentor.pk)
    mentor.assesses = False
    mentor.save(update_fields=["assesses"])
    log_action("mentoring.mentor.stopped_assessing", mentor, by=by, reason=reason)
    return mentor


@transaction.atomic
def pair_mentee(mentor: Mentor, mentee: Enrolment, *, by: Account | None, starts_on: datetime.date) -> Pair:
    """Let ``mentor`` coach ``mentee``, ending the mentee's pair with somebody else the day before."""
    if mentor.person_id == mentee.person_id:
        raise Refused(
            Blocker(
                "pair.self",
                _("%(name)s cannot be paired with herself or himself.") % {"name": mentor},
                _("Choose another mentor."),
            )
        )
    current = Pair.objects.select_for_update().filter(mentee=mentee, ends_on=None).first()
    if current and current.mentor_id == mentor.pk:
        return current
    if current:
        current.ends_on = max(starts_on - datetime.timedelta(days=1), current.starts_on)
        current.end_reason = Pair.EndReason.REPLACED
        current.save(update_fields=["ends_on", "end_reason"])
        log_action("mentoring.pair.ended", current, by=by)
    pair = Pair.objects.create(mentor=mentor, mentee=mentee, starts_on=starts_on)
    log_action("mentoring.pair.made", pair, by=by)
    return pair
