from django.db.models import Q, QuerySet

from dongliang.mentoring.models import Mentor, Pair
from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role, organisations_reached
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments


def enrolments_visible_to(account: Account, season: Season) -> QuerySet[Enrolment]:
    """The secretaries whose records the account may read.

    The office reads its district's, a subdistrict office its own, a mentor the current mentees, a secretary herself.
    """
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    mine = Q(post__organisation__in=offices.values("pk"))
    if account.person_id:
        mine |= Q(person=account.person_id)
    if account.person_id and has_role(account, Role.MENTOR):
        mine |= Q(pk__in=Pair.objects.filter(mentor__person=account.person_id, ends_on=None).values("mentee"))
    return enrolments(season).filter(mine)


def mentor_of(account: Account, season: Season) -> Mentor | None:
    """The account's own place among the season's mentors."""
    return season.mentors.filter(person=account.person_id).first() if account.person_id else None
