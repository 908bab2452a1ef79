"""A district's seasons, with the run that counts for each; and what each came to in numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, Sum, When
from django.utils.functional import cached_property

from dongliang.awards.models import HonourList
from dongliang.growth.models import Credit
from dongliang.mentoring.models import Output, Pair, Visit
from dongliang.people.models import Account, Organisation
from dongliang.people.queries import is_office, organisations_reached
from dongliang.projects.models import FirstThing
from dongliang.scoring.models import Measure, ScoringRun, Standing
from dongliang.seasons.models import Enrolment, Phase, RuleBook, Season
from dongliang.seasons.queries import seasons_visible_to
from dongliang.seasons.rulebook import RuleBookContent
from dongliang.years.calculation import Reading, Readings, mean_of

# The figure over all sources, which only the office reads; beside the keys of the sources.
SCORE = "score"
RESIDENTS = "public"


@dataclass(frozen=True)
class Year:
    """A season that has opened, and the run that counts for it: the one its public list is from, else the newest."""

    season: Season
    label: str
    book: RuleBook
    run: ScoringRun | None
    is_public: bool

    @property
    def rules(self) -> RuleBookContent:
        return self.book.validated

    @property
    def method(self) -> str:
        return self.rules.scoring.method


def district_of(account: Account) -> Organisation | None:
    """The district the pages are about: that of the newest season the account may see."""
    season = seasons_visible_to(account).select_related("district").first()
    return season.district if season else None


def sees_everything(account: Account, district: Organisation) -> bool:
    """Whether the account reads scores, and results that are not public yet: the district's programme office."""
    return is_office(account) and organisations_reached(account, "office").filter(pk=district.pk).exists()


def years_of(district: Organisation, *, public_only: bool = False) -> list[Year]:
    """The district's seasons that have opened, the oldest first; with ``public_only`` those whose results are public."""
    seasons = list(
        district.seasons.exclude(phase=Phase.PREPARING)
        .select_related("district")
        .prefetch_related("rule_books")
    )
    newest: dict[int, ScoringRun] = {}
    runs: dict[int, ScoringRun] = {}
    # Inputs and results are long, and stand in rows as well.
    for run in ScoringRun.objects.filter(season__in=seasons).defer("inputs", "result").order_by("number"):
        newest[run.season_id] = runs[run.pk] = run
    public = dict(
        HonourList.objects.filter(
            season__in=seasons,
            kind=HonourList.Kind.BEST_SECRETARIES,
            published_at__isnull=False,
        ).values_list("season", "run")
    )
    years = []
    for season in seasons:
        counted_run = runs.get(public.get(season.pk, 0)) or newest.get(season.pk)
        books = {book.pk: book for book in season.rule_books.all()}
        book = books[counted_run.rule_book_id] if counted_run else list(books.values())[-1]
        years.append(Year(season, str(book.validated.year), book, counted_run, season.pk in public))
    years.sort(key=lambda year: (year.rules.year, year.season.pk))
    return [year for year in told_apart(years) if year.is_public or not public_only]


def told_apart(years: list[Year]) -> list[Year]:
    """Two seasons of one year go by their whole titles."""
    times = Counter(year.label for year in years)
    return [
        year
        if times[year.label] == 1
        else Year(year.season, year.season.title, year.book, year.run, year.is_public)
        for year in years
    ]


def scored(years: Iterable[Year]) -> list[Year]:
    return [year for year in years if year.run]


class Results:
    """All figures of the given years, read once: by what is measured and season, everybody's, by person."""

    def __init__(self, years: Sequence[Year]) -> None:
        self.years = scored(years)
        self.runs = [year.run.pk for year in self.years if year.run]

    @cached_property
    def of_sources(self) -> dict[tuple[str, int], dict[int, Reading]]:
        found: dict[tuple[str, int], dict[int, Reading]] = {}
        rows = Measure.objects.filter(
            run__in=self.runs, value__isnull=False, standard_error__isnull=False
        ).order_by()
        for source, season, person, value, error in rows.values_list(
            "source", "run__season", "enrolment__person", "value", "standard_error"
        ):
            found.setdefault((source, season), {})[person] = Reading(value or 0.0, error or 0.0)
        return found

    @cached_property
    def scores(self) -> dict[int, dict[int, Reading]]:
        found: dict[int, dict[int, Reading]] = {}
        for season, person, value, error in (
            Standing.objects.filter(run__in=self.runs)
            .order_by()
            .values_list("run__season", "enrolment__person", "composite", "standard_error")
        ):
            found.setdefault(season, {})[person] = Reading(value, error)
        return found

    @cached_property
    def standings(self) -> dict[tuple[int, int], Standing]:
        """By season and person."""
        rows = Standing.objects.filter(run__in=self.runs).select_related("enrolment").order_by()
        return {(row.enrolment.season_id, row.enrolment.person_id): row for row in rows}

    def of(self, what: str, year: Year) -> Readings:
        if what == SCORE:
            return self.scores.get(year.season.pk, {})
        return self.of_sources.get((what, year.season.pk), {})


def enrolled(years: Sequence[Year]) -> QuerySet[Enrolment]:
    """Everybody enrolled in these years, season by season in the order of the numbers."""
    order = Case(*(When(season=year.season.pk, then=place) for place, year in enumerate(years)), default=0)
    return (
        Enrolment.objects.filter(season__in=[year.season.pk for year in years])
        .select_related("person", "post__organisation__parent")
        .order_by(order, "number")
    )


@dataclass(frozen=True)
class SeasonRow:
    """What one season came to. None where it is not scored, or nobody was asked."""

    year: Year
    reviewed: int
    new: int
    stayed: int
    mentors: int
    pairs: int
    visits: int
    hours: Decimal
    first_things: int
    landed: int
    cases: int
    ballots: int
    households: int
    residents: Reading | None

    @property
    def whole_hours(self) -> int:
        return round(self.hours)

    @property
    def hours_each(self) -> Decimal:
        return self.hours / self.reviewed if self.reviewed else Decimal(0)

    @property
    def coverage(self) -> float | None:
        return self.ballots / self.households if self.households else None


def season_rows(years: Sequence[Year], results: Results, everybody: Sequence[Enrolment]) -> list[SeasonRow]:
    """A row a season: so many queries, however many seasons and people there are."""
    seasons = [year.season.pk for year in years]
    people: dict[int, set[int]] = {pk: set() for pk in seasons}
    households: Counter[int] = Counter()
    new: Counter[int] = Counter()
    for entry in everybody:
        people[entry.season_id].add(entry.person_id)
        new[entry.season_id] += entry.is_new
        households[entry.season_id] += entry.organisation.households or 0
    pairs = counted(
        Pair.objects.filter(mentee__season__in=seasons),
        "mentee__season",
        pairs=Count("pk"),
        mentors=Count("mentor", distinct=True),
    )
    visits = counted(
        Visit.objects.filter(pair__mentee__season__in=seasons), "pair__mentee__season", number=Count("pk")
    )
    hours = counted(Credit.objects.filter(season__in=seasons), "season", total=Sum("hours"))
    things = counted(
        FirstThing.objects.filter(enrolment__season__in=seasons),
        "enrolment__season",
        number=Count("pk"),
        landed=Count("pk", filter=Q(state=FirstThing.State.LANDED)),
    )
    cases: Counter[int] = Counter()
    for of_studio, of_group in Output.objects.filter(
        Q(studio__season__in=seasons) | Q(group__season__in=seasons)
    ).values_list("studio__season", "group__season"):
        cases[of_studio or of_group] += 1
    ballots = counted(
        Measure.objects.filter(run__in=results.runs, source=RESIDENTS), "run__season", total=Sum("answers")
    )
    rows = []
    before: set[int] = set()
    for year in years:
        pk = year.season.pk
        rows.append(
            SeasonRow(
                year=year,
                reviewed=len(people[pk]),
                new=new[pk],
                stayed=len(people[pk] & before),
                mentors=pairs.get(pk, {}).get("mentors", 0),
                pairs=pairs.get(pk, {}).get("pairs", 0),
                visits=visits.get(pk, {}).get("number", 0),
                hours=hours.get(pk, {}).get("total", Decimal(0)),
                first_things=things.get(pk, {}).get("number", 0),
                landed=things.get(pk, {}).get("landed", 0),
                cases=cases[pk],
                ballots=ballots.get(pk, {}).get("total", 0),
                households=households[pk],
                residents=mean_of(results.of(RESIDENTS, year), year.method) if year.run else None,
            )
        )
        before = people[pk]
    return rows


def counted(rows: Any, by: str, **figures: Any) -> Mapping[int, dict[str, Any]]:
    """``figures`` over the rows of each value of the column ``by``."""
    return {entry[by]: entry for entry in rows.order_by().values(by).annotate(**figures)}
