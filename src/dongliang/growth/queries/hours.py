"""The hours ledger: one person's year, everybody's sums, and the year of each subdistrict."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.template.defaultfilters import floatformat

from dongliang.common.counts import count_of_each
from dongliang.growth.models import Attendance, Credit
from dongliang.growth.queries.people import WithColumns
from dongliang.people.models import Organisation, Person
from dongliang.seasons.models import Enrolment, Season


def shown_hours(hours: Decimal | float) -> str:
    """Hours as people write them: 3, or 3.5."""
    return str(floatformat(hours, -1))


def credits_of(person: Person, season: Season) -> QuerySet[Credit]:
    return Credit.objects.filter(person=person, season=season).select_related(
        "attendance__session__course__season", "practice__course__season"
    )


def with_hours(secretaries: QuerySet[Enrolment]) -> WithColumns:
    """Secretaries with ``hours`` credited in their season and ``sessions_attended``."""
    total = (
        Credit.objects.filter(person=OuterRef("person"), season=OuterRef("season"))
        .order_by()
        .values("person")
        .annotate(total=Sum("hours"))
        .values("total")
    )
    return secretaries.annotate(
        hours=Coalesce(Subquery(total), Decimal(0)),
        sessions_attended=count_of_each(Attendance.objects, "enrolment"),
    )


def reached(secretaries: WithColumns, goal: int, which: str) -> WithColumns:
    """Of secretaries with hours those who have, or have not, the hours that the year asks for."""
    if which == "reached":
        return secretaries.filter(hours__gte=goal)
    if which == "short":
        return secretaries.filter(hours__lt=goal)
    return secretaries


def hours_by_kind(season: Season, people: Collection[int] | QuerySet) -> dict[str, Decimal]:
    """The sum of hours by kind of training; under "" those held by others."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for meeting, practice, hours in Credit.objects.filter(season=season, person__in=people).values_list(
        "attendance__session__course__kind", "practice__course__kind", "hours"
    ):
        sums[meeting or practice or ""] += hours
    return dict(sums)


@dataclass(frozen=True)
class SubdistrictYear:
    """What one subdistrict's secretaries did in a year of training."""

    subdistrict: Organisation
    secretaries: int
    hours: Decimal
    each: Decimal
    reached: int
    none: int
    by_kind: dict[str, Decimal]

    @property
    def share(self) -> float:
        return self.reached / self.secretaries if self.secretaries else 0.0


def year_by_subdistrict(season: Season, secretaries: QuerySet[Enrolment]) -> list[SubdistrictYear]:
    goal = season.rules.path.hours_a_year
    homes: dict[int, list[Any]] = defaultdict(list)
    of_person = {}
    for enrolment in with_hours(secretaries).order_by("post__organisation__code"):
        homes[enrolment.subdistrict.pk].append(enrolment)
        of_person[enrolment.person_id] = enrolment.subdistrict.pk
    kinds: dict[int, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for person, meeting, practice, hours in Credit.objects.filter(season=season).values_list(
        "person", "attendance__session__course__kind", "practice__course__kind", "hours"
    ):
        if person in of_person:
            kinds[of_person[person]][meeting or practice or ""] += hours
    found = []
    for pk, people in homes.items():
        each = [person.hours for person in people]
        found.append(
            SubdistrictYear(
                subdistrict=people[0].subdistrict,
                secretaries=len(people),
                hours=sum(each, Decimal(0)),
                each=round(sum(each, Decimal(0)) / len(people), 1),
                reached=sum(value >= goal for value in each),
                none=sum(value == 0 for value in each),
                by_kind=dict(kinds[pk]),
            )
        )
    return found
