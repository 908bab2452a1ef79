"""Secretaries as the lists of this app show them: whom one may see, and how a filter finds them."""

from typing import Any, TypeAlias

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404

from dongliang.common.pinyin import has_initials, is_initials
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import organisations_of, organisations_reached
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments, seasons_visible_to

# Secretaries with columns that a query has added, which no checker of types can follow.
WithColumns: TypeAlias = QuerySet[Any]


def season_of(account: Account) -> Season | None:
    """The season the pages are about: the newest that the account may see."""
    return seasons_visible_to(account).select_related("district").first()


def secretaries_in_charge(account: Account, season: Season) -> QuerySet[Enrolment]:
    """The secretaries of the offices the account sits in: whom it may enrol, sign in, and report on."""
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    return enrolments(season).filter(post__organisation__in=offices.values("pk"))


def own_enrolment(account: Account, season: Season) -> Enrolment | None:
    if account.person_id is None:
        return None
    return enrolments_visible_to(account, season).filter(person=account.person_id).first()


def enrolment_or_404(account: Account, pk: int) -> Enrolment:
    """A secretary of any season that the account may read."""
    season = get_object_or_404(seasons_visible_to(account), enrolments__pk=pk)
    return get_object_or_404(enrolments_visible_to(account, season), pk=pk)


def matching(
    secretaries: QuerySet[Any], *, search: str = "", subdistrict: Organisation | None = None
) -> WithColumns:
    """By a piece of the name or of the neighbourhood's, or by the initials of the name in pinyin."""
    search = search.strip()
    if search:
        named = Q(person__name__icontains=search) | Q(post__organisation__name__icontains=search)
        if is_initials(search):
            # Initials are in no column: names are few, and read once.
            names = secretaries.order_by().values_list("pk", "person__name")
            named |= Q(pk__in=[pk for pk, name in names if has_initials(name, search)])
        secretaries = secretaries.filter(named)
    if subdistrict:
        secretaries = secretaries.filter(post__organisation__parent=subdistrict)
    return secretaries


def subdistricts_among(secretaries: QuerySet[Enrolment]) -> QuerySet[Organisation]:
    return organisations_of(secretaries, "post__organisation__parent")
