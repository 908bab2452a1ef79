"""People and subdistricts over the seasons: figures side by side, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext as _

from dongliang.common.comparison_charts import Difference, DifferenceChart, differences
from dongliang.common.pinyin import has_initials, is_initials
from dongliang.growth.models import Credit
from dongliang.mentoring.models import Mentor, Pair
from dongliang.people.models import Account, Organisation, Person, Role
from dongliang.people.queries import has_role, organisations_reached
from dongliang.projects.models import FirstThing
from dongliang.scoring.models import Standing
from dongliang.seasons.models import Enrolment
from dongliang.years.calculation import GroupMean, Reading, Verdict, group_means, moves, positions
from dongliang.years.queries.seasons import SCORE, Results, Year, enrolled, scored
from dongliang.years.queries.yardstick import comparable, sources_named


def newest_enrolments(everybody: Sequence[Enrolment]) -> dict[int, Enrolment]:
    """Everybody's last enrolment, by person; ``everybody`` is ordered by season."""
    return {entry.person_id: entry for entry in everybody}


def reached_people(account: Account, everybody: Sequence[Enrolment]) -> set[int]:
    """Whom the account may read over the years: the programme office its district's people; a subdistrict office those
    whose last enrolment is in its own neighbourhoods; a secretary herself."""
    offices = set(
        organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE).values_list("pk", flat=True)
    )
    found = {
        person
        for person, entry in newest_enrolments(everybody).items()
        if entry.post.organisation_id in offices
    }
    if account.person_id and has_role(account, Role.SECRETARY):
        found |= {account.person_id} & {entry.person_id for entry in everybody}
    return found


@dataclass(frozen=True)
class PersonRow:
    """One person's figures, a cell a year (None: not enrolled, or not measured), and the change between two of them."""

    entry: Enrolment
    cells: list[Reading | None]
    change: Reading | None

    @property
    def verdict(self) -> Verdict | None:
        return Verdict.of(self.change) if self.change else None


def people_rows(
    everybody: Sequence[Enrolment],
    results: Results,
    *,
    what: str,
    between: tuple[Year, Year] | None,
    people: set[int],
) -> list[PersonRow]:
    """A row for each of ``people`` who has a figure in any year, in the order of the last enrolment's neighbourhood."""
    moved: Mapping[int, Reading] = {}
    if between and comparable(what, *between):
        moved = moves(results.of(what, between[0]), results.of(what, between[1]))
    figures = [results.of(what, year) for year in results.years]
    entries = sorted(newest_enrolments(everybody).values(), key=lambda entry: entry.organisation.code)
    rows = [
        PersonRow(entry, [one.get(entry.person_id) for one in figures], moved.get(entry.person_id))
        for entry in entries
        if entry.person_id in people
    ]
    return [row for row in rows if any(row.cells)]


def matching_rows(
    rows: Sequence[PersonRow], *, search: str = "", subdistrict: Organisation | None = None, which: str = ""
) -> list[PersonRow]:
    """By a piece of the name or of the neighbourhood's, the initials of the name in pinyin, and what became of them."""
    search = search.strip()

    def fits(row: PersonRow) -> bool:
        name = row.entry.person.name
        return (
            (
                not search
                or search in name
                or search in row.entry.organisation.name
                or (is_initials(search) and has_initials(name, search))
            )
            and (subdistrict is None or row.entry.subdistrict == subdistrict)
            and (not which or row.verdict == which)
        )

    return [row for row in rows if fits(row)]


@dataclass(frozen=True)
class Tally:
    """How many of those compared rose, fell, or cannot be told."""

    up: int
    down: int
    unsure: int

    @property
    def compared(self) -> int:
        return self.up + self.down + self.unsure

    @property
    def by_chance(self) -> int:
        """How many would stand out where nobody had changed at all: a tenth."""
        return round(self.compared / 10)


def tally_of(rows: Sequence[PersonRow]) -> Tally:
    verdicts = [row.verdict for row in rows]
    return Tally(*(verdicts.count(verdict) for verdict in (Verdict.UP, Verdict.DOWN, Verdict.UNSURE)))


@dataclass(frozen=True)
class SubdistrictRow:
    subdistrict: Organisation
    cells: list[GroupMean | None]


def subdistrict_rows(
    everybody: Sequence[Enrolment], results: Results, *, what: str, subdistricts: set[int] | None = None
) -> list[SubdistrictRow]:
    """Each subdistrict's mean in each year, as a distance from the mean of the district; by code."""
    known: dict[int, Organisation] = {}
    homes: dict[int, dict[int, int]] = {year.season.pk: {} for year in results.years}
    for entry in everybody:
        known[entry.subdistrict.pk] = entry.subdistrict
        if entry.season_id in homes:
            homes[entry.season_id][entry.person_id] = entry.subdistrict.pk
    found = [
        group_means(results.of(what, year), homes[year.season.pk], year.method) for year in results.years
    ]
    return [
        SubdistrictRow(subdistrict, [means.get(pk) for means in found])
        for pk, subdistrict in sorted(known.items(), key=lambda item: item[1].code)
        if subdistricts is None or pk in subdistricts
    ]


@dataclass(frozen=True)
class OwnYear:
    """One person's year: the post, who coached, the first thing, hours, and the figures by what was measured."""

    year: Year
    entry: Enrolment
    mentor: Mentor | None
    first_thing: FirstThing | None
    hours: float
    figures: dict[str, Reading]
    places: dict[str, Reading]
    standing: Standing | None


@dataclass(frozen=True)
class OwnChange:
    what: str
    name: str
    earlier: Year
    later: Year
    change: Reading

    @property
    def verdict(self) -> Verdict:
        return Verdict.of(self.change)


@dataclass(frozen=True)
class Record:
    """One person's years, the oldest first, and the changes from each to the next."""

    person: Person
    years: list[OwnYear]
    changes: list[OwnChange]
    sources: dict[str, str]


def record_of(person: Person, years: Sequence[Year], *, scores: bool) -> Record:
    """One person's years side by side; with ``scores`` the figure over all sources and the rank as well."""
    results = Results(years)
    entries = {entry.season_id: entry for entry in enrolled(years).filter(person=person)}
    pks = [entry.pk for entry in entries.values()]
    mentors = coaches(Pair.objects.filter(mentee__in=pks).select_related("mentor__person"))
    things = {
        thing.enrolment_id: thing
        for thing in FirstThing.objects.filter(enrolment__in=pks).select_related("enrolment")
    }
    hours = dict(
        Credit.objects.filter(person=person, season__in=list(entries))
        .order_by()
        .values_list("season")
        .annotate(total=Sum("hours"))
    )
    sources = sources_named(scored(years))
    measured = [*sources, *([SCORE] if scores else [])]
    own = []
    for year in years:
        entry = entries.get(year.season.pk)
        if entry is None:
            continue
        found = {what: results.of(what, year) for what in measured} if year.run else {}
        own.append(
            OwnYear(
                year=year,
                entry=entry,
                mentor=mentors.get(entry.pk),
                first_thing=things.get(entry.pk),
                hours=float(hours.get(year.season.pk, 0)),
                figures={what: figures[person.pk] for what, figures in found.items() if person.pk in figures},
                places={
                    what: positions(figures)[person.pk]
                    for what, figures in found.items()
                    if person.pk in figures
                },
                standing=results.standings.get((year.season.pk, person.pk)) if scores else None,
            )
        )
    return Record(
        person,
        own,
        own_changes(own, {**({SCORE: _("Score over all sources")} if scores else {}), **sources}),
        sources,
    )


def own_changes(own: Sequence[OwnYear], names: Mapping[str, str]) -> list[OwnChange]:
    """The change from each year to the next one of the same person, in every figure that both have."""
    found = []
    for earlier, later in pairwise(own):
        for what, name in names.items():
            if what in earlier.places and what in later.places and comparable(what, earlier.year, later.year):
                before, after = earlier.places[what], later.places[what]
                change = Reading(after.value - before.value, (before.error**2 + after.error**2) ** 0.5)
                found.append(OwnChange(what, name, earlier.year, later.year, change))
    return found


def coaches(pairs: QuerySet[Pair]) -> dict[int, Mentor]:
    """By mentee's enrolment, the mentor who coached longest in that season."""
    longest: dict[int, tuple[int, int]] = {}
    found: dict[int, Mentor] = {}
    for pair in pairs.order_by("pk"):
        # A pair that goes on lasts longer than any that ended.
        days = (pair.ends_on - pair.starts_on).days if pair.ends_on else 1_000_000
        if pair.mentee_id not in longest or (days, pair.pk) > longest[pair.mentee_id]:
            longest[pair.mentee_id] = (days, pair.pk)
            found[pair.mentee_id] = pair.mentor
    return found


def subdistricts_of_people(rows: Sequence[PersonRow]) -> QuerySet[Organisation]:
    return Organisation.objects.filter(pk__in={row.entry.subdistrict.pk for row in rows})


def own_subdistricts(account: Account) -> set[int]:
    """The subdistricts whose office the account sits in."""
    reached = organisations_reached(account, Role.SUBDISTRICT_OFFICE)
    return set(reached.filter(Q(kind="subdistrict") | Q(kind="town")).values_list("pk", flat=True))


def charts_of(record: Record) -> list[DifferenceChart]:
    """A chart a source: the distance from the mean of the district, a row a year; of sources with two years or more."""
    found = []
    for key, name in record.sources.items():
        items = [
            Difference(
                own.year.label,
                own.places[key].value,
                own.places[key].low,
                own.places[key].high,
                own.places[key].beyond_chance,
            )
            for own in record.years
            if key in own.places
        ]
        if len(items) > 1:
            found.append(
                differences(
                    items,
                    title=name,
                    description=_("Distance from the mean of the district that year, in marks."),
                )
            )
    return found
