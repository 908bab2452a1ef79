"""Mentors by what came of their mentees: growth beyond what was to be expected, projects, hours, visits, cases."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from django.db.models import Count, Sum

from dongliang.growth.models import Credit
from dongliang.mentoring.models import Mentor, Output, Pair, Visit
from dongliang.people.models import Account, Organisation, Person, Role
from dongliang.people.queries import has_role
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment
from dongliang.years.calculation import (
    GrowthFound,
    MentorEffect,
    Reading,
    Transition,
    as_measured,
    growth,
)
from dongliang.years.queries.people import coaches
from dongliang.years.queries.seasons import RESIDENTS, Results, Year, enrolled, scored


@dataclass
class MentorYear:
    """What one mentor's mentees of one season did, and how often they met."""

    year: Year
    mentees: list[Enrolment] = field(default_factory=list)
    first_things: int = 0
    landed: int = 0
    hours: float = 0.0
    visits: int = 0
    cases: int = 0

    @property
    def hours_each(self) -> float:
        return self.hours / len(self.mentees) if self.mentees else 0.0


@dataclass
class MentorRow:
    """One mentor over the seasons. ``effect`` is None where no mentee has figures in two seasons running."""

    person: Person
    years: dict[int, MentorYear]
    effect: MentorEffect | None = None

    @property
    def in_order(self) -> list[MentorYear]:
        return list(self.years.values())

    @property
    def mentees(self) -> int:
        """Everybody once, however many years."""
        return len({entry.person_id for year in self.years.values() for entry in year.mentees})

    @property
    def first_things(self) -> int:
        return sum(year.first_things for year in self.years.values())

    @property
    def landed(self) -> int:
        return sum(year.landed for year in self.years.values())

    @property
    def hours_each(self) -> float:
        coached = sum(len(year.mentees) for year in self.years.values())
        return sum(year.hours for year in self.years.values()) / coached if coached else 0.0

    @property
    def visits(self) -> int:
        return sum(year.visits for year in self.years.values())

    @property
    def cases(self) -> int:
        return sum(year.cases for year in self.years.values())


@dataclass(frozen=True)
class MentorsFound:
    """Every mentor of the seasons by name, and the analysis behind their effects, None where it cannot be made."""

    rows: list[MentorRow]
    growth: GrowthFound | None
    # The pairs of seasons that the analysis could use, and those that it could not.
    periods: list[tuple[Year, Year]]
    unusable: list[tuple[Year, Year]]


def mentors_of(years: Sequence[Year], results: Results) -> MentorsFound:
    """Every mentor of these years: so many queries, however many there are."""
    seasons = [year.season.pk for year in years]
    everybody = {entry.pk: entry for entry in enrolled(years)}
    coached = coaches(Pair.objects.filter(mentee__season__in=seasons).select_related("mentor__person"))
    rows = rows_of(years, everybody, coached)
    found, periods, unusable = growth_over(years, results, everybody, coached)
    for person, row in rows.items():
        row.effect = found.mentors.get(person) if found else None
    ordered = sorted(rows.values(), key=lambda row: (row.person.name, row.person.pk))
    return MentorsFound(ordered, found, periods, unusable)


def rows_of(
    years: Sequence[Year], everybody: Mapping[int, Enrolment], coached: Mapping[int, Mentor]
) -> dict[int, MentorRow]:
    """By person, what their mentees did. A mentee counts for who coached longest, a visit for who made it."""
    by_season = {year.season.pk: year for year in years}
    rows: dict[int, MentorRow] = {}
    serving: dict[int, MentorYear] = {}
    order = {pk: place for place, pk in enumerate(by_season)}
    mentors = Mentor.objects.filter(season__in=list(by_season)).select_related("person").order_by("pk")
    for mentor in sorted(mentors, key=lambda mentor: order[mentor.season_id]):
        row = rows.setdefault(mentor.person_id, MentorRow(mentor.person, {}))
        serving[mentor.pk] = row.years[mentor.season_id] = MentorYear(by_season[mentor.season_id])
    things = dict(
        FirstThing.objects.filter(enrolment__season__in=list(by_season)).values_list("enrolment", "state")
    )
    hours = {
        (season, person): float(total)
        for season, person, total in Credit.objects.filter(season__in=list(by_season))
        .order_by()
        .values_list("season", "person")
        .annotate(total=Sum("hours"))
    }
    for pk, mentor in coached.items():
        entry, year = everybody[pk], serving[mentor.pk]
        year.mentees.append(entry)
        year.first_things += pk in things
        year.landed += things.get(pk) == FirstThing.State.LANDED
        year.hours += hours.get((entry.season_id, entry.person_id), 0.0)
    visits = (
        Visit.objects.filter(pair__mentor__in=list(serving))
        .order_by()
        .values_list("pair__mentor")
        .annotate(number=Count("pk"))
    )
    for mentor_pk, number in visits:
        serving[mentor_pk].visits = number
    for mentor_pk, number in cases_by_leader(list(by_season)).items():
        if mentor_pk in serving:
            serving[mentor_pk].cases = number
    for row in rows.values():
        for year in row.years.values():
            year.mentees.sort(key=lambda entry: entry.number)
    return rows


def cases_by_leader(seasons: Sequence[int]) -> Counter[int]:
    """How many cases the studios that a mentor leads have produced, by mentor."""
    led = (
        Output.objects.filter(studio__season__in=seasons)
        .order_by()
        .values_list("studio__leader")
        .annotate(number=Count("pk"))
    )
    return Counter(dict(led))


def growth_over(
    years: Sequence[Year],
    results: Results,
    everybody: Mapping[int, Enrolment],
    coached: Mapping[int, Mentor],
) -> tuple[GrowthFound | None, list[tuple[Year, Year]], list[tuple[Year, Year]]]:
    """What residents said of everybody, from each scored season to the next, against what was to be expected."""
    entries: dict[int, dict[int, int]] = defaultdict(dict)
    for pk, entry in everybody.items():
        entries[entry.season_id][entry.person_id] = pk
    steps = list(pairwise(scored(years)))
    transitions = []
    for period, (earlier, later) in enumerate(steps):
        before = as_measured(results.of(RESIDENTS, earlier), earlier.method)
        after = as_measured(results.of(RESIDENTS, later), later.method)
        for person in sorted(before.keys() & after.keys()):
            mentor = coached.get(entries[later.season.pk][person])
            transitions.append(
                Transition(
                    period, person, before[person], after[person], mentor.person_id if mentor else None
                )
            )
    found = growth(transitions)
    used = {line.period for line in found.lines} if found else set()
    return (
        found,
        [step for period, step in enumerate(steps) if period in used],
        [step for period, step in enumerate(steps) if period not in used],
    )


def beyond_by_year(found: MentorsFound) -> dict[int, dict[int, Reading]]:
    """Everybody's own figure beyond what was expected: by the later season, then by person."""
    by_year: dict[int, dict[int, Reading]] = {}
    if found.growth:
        later = dict(zip((line.period for line in found.growth.lines), found.periods, strict=True))
        for (period, person), reading in found.growth.beyond.items():
            by_year.setdefault(later[period][1].season.pk, {})[person] = reading
    return by_year


def mentors_reached(account: Account, district: Organisation, *, everything: bool) -> set[int]:
    """The persons whose mentor's page the account may read: the office everybody's, a mentor the own."""
    served = Mentor.objects.filter(season__district=district)
    if everything:
        return set(served.values_list("person", flat=True))
    if account.person_id and has_role(account, Role.MENTOR):
        return set(served.filter(person=account.person_id).values_list("person", flat=True))
    return set()
