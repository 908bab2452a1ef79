"""What each source says of everyone, raw, trimmed and adjusted; and where the sources do not see the same person."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from rules.contrib.views import permission_required

from dongliang.common.comparison_charts import Point, ScatterChart, scatter
from dongliang.common.sheets import Table, xlsx_response
from dongliang.people.queries import organisations_of
from dongliang.scoring.disagreement import CLEARLY, Disagreement, Reading, disagreements, pairs_of
from dongliang.scoring.forms import SourcesFilter
from dongliang.scoring.models import Measure, ScoringRun, Standing
from dongliang.scoring.queries import near_the_cut, readings, runs_visible_to, side_by_side, standings
from dongliang.seasons.rulebook import RuleBookContent, SourceRule

ROWS_A_PAGE = 40


@dataclass(frozen=True)
class Visit:
    """Somebody to visit again: ``mark`` is what the map prints beside the dot."""

    mark: str
    standing: Standing
    found: Disagreement
    high: str
    low: str
    words: str


@dataclass(frozen=True)
class Said:
    """What one source says of one secretary."""

    measure: Measure | None
    thin: bool


@permission_required("scoring.view_runs", raise_exception=True)
def sources(request: HttpRequest, run_id: int) -> HttpResponse:
    run = get_object_or_404(runs_visible_to(request.user), pk=run_id)
    rules = run.rule_book.validated
    read = readings(run)
    found = disagreements(read)
    pair = chosen_pair(request, rules, found)
    visits = visits_of(run, rules, found, pair)
    form, everyone = filtered(request, run, found)
    page = Paginator(everyone, ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "scoring/sources.html",
        {
            "run": run,
            "rules": rules,
            "tabs": [tab(run, rules, each, pair, found) for each in pairs_of([s.key for s in rules.sources])],
            "map": drawn(run, rules, read, pair, visits) if pair else None,
            "visits": visits,
            "clearly": CLEARLY,
            "form": form,
            "page": page,
            "rows": [(standing, said(standing, rules)) for standing in page],
            "rule_book_fingerprint": run.rule_book.sha256,
            "breadcrumb": [
                {"url": reverse("scoring:runs"), "label": _("Scoring runs")},
                {
                    "url": reverse("scoring:run", args=[run.pk]),
                    "label": _("Scoring run %(number)d") % {"number": run.number},
                },
                {"label": _("Source by source")},
            ],
        },
    )


def chosen_pair(
    request: HttpRequest, rules: RuleBookContent, found: list[Disagreement]
) -> tuple[str, str] | None:
    """The two sources of the map: as asked for, else those that differ over most people."""
    pairs = pairs_of([source.key for source in rules.sources])
    asked = tuple(request.GET.get("pair", "").split("-", 1))
    if asked in pairs:
        return asked[0], asked[1]
    return max(
        pairs, key=lambda pair: sum({entry.high, entry.low} == set(pair) for entry in found), default=None
    )


def tab(
    run: ScoringRun,
    rules: RuleBookContent,
    each: tuple[str, str],
    pair: tuple[str, str] | None,
    found: list[Disagreement],
) -> dict[str, Any]:
    return {
        "url": f"{reverse('scoring:sources', args=[run.pk])}?pair={each[0]}-{each[1]}",
        "label": _("%(one)s and %(other)s")
        % {"one": rules.source(each[0]).name, "other": rules.source(each[1]).name},
        "current": each == pair,
        "count": sum({entry.high, entry.low} == set(each) for entry in found),
    }


def visits_of(
    run: ScoringRun, rules: RuleBookContent, found: list[Disagreement], pair: tuple[str, str] | None
) -> list[Visit]:
    here = [entry for entry in found if pair and {entry.high, entry.low} == set(pair)]
    people = {
        standing.enrolment.number: standing
        for standing in standings(run).filter(enrolment__number__in=[entry.number for entry in here])
    }
    return [
        Visit(
            str(place),
            people[entry.number],
            entry,
            str(rules.source(entry.high).name),
            str(rules.source(entry.low).name),
            in_words(entry.high, entry.low),
        )
        for place, entry in enumerate(here, start=1)
    ]


def in_words(high: str, low: str) -> str:
    return {
        ("public", "field"): _("Residents see what mentors do not."),
        ("field", "public"): _("Mentors see what residents do not."),
        ("public", "institutional"): _("Residents see what offices do not."),
        ("institutional", "public"): _("Offices see what residents do not."),
        ("field", "institutional"): _("Mentors see what offices do not."),
        ("institutional", "field"): _("Offices see what mentors do not."),
    }[high, low]


def drawn(
    run: ScoringRun,
    rules: RuleBookContent,
    read: dict[str, dict[int, Reading]],
    pair: tuple[str, str],
    visits: Iterable[Visit],
) -> ScatterChart | None:
    across, upwards = (read[source] for source in pair)
    both = across.keys() & upwards.keys()
    if not both:
        return None
    marks = {visit.found.number: visit.mark for visit in visits}
    names = dict(
        run.season.enrolments.filter(number__in=both).values_list("number", "person__name").order_by("number")
    )
    return scatter(
        [
            Point(name, across[number].z, upwards[number].z, marks.get(number, ""))
            for number, name in names.items()
        ],
        across=str(rules.source(pair[0]).name),
        upwards=str(rules.source(pair[1]).name),
        title=_("Map of the two sources"),
        description=_(
            "A dot is a secretary; 0 is the average, 1 one standard deviation better. On the broken line both sources "
            "say the same. Filled dots in the shaded corners are high in one source and low in the other, more than the "
            "errors explain; their numbers are those of the table."
        ),
    )


def filtered(
    request: HttpRequest, run: ScoringRun, found: list[Disagreement]
) -> tuple[SourcesFilter, QuerySet[Standing]]:
    everyone = side_by_side(run)
    form = SourcesFilter(request.GET or None)
    form.fields["subdistrict"].queryset = organisations_of(  # type: ignore[attr-defined]
        run.season.enrolments.all(), "post__organisation__parent"
    )
    if not form.is_valid():
        return form, everyone
    wanted = form.cleaned_data
    if wanted["q"]:
        everyone = everyone.filter(
            Q(enrolment__person__name__icontains=wanted["q"])
            | Q(enrolment__post__organisation__name__icontains=wanted["q"])
        )
    if wanted["subdistrict"]:
        everyone = everyone.filter(enrolment__post__organisation__parent=wanted["subdistrict"])
    if wanted["which"] == "visit":
        everyone = everyone.filter(enrolment__number__in={entry.number for entry in found})
    if wanted["which"] == "thin":
        everyone = everyone.exclude(thin_sources=[])
    if wanted["which"] == "near":
        everyone = everyone.filter(pk__in=[standing.pk for standing in near_the_cut(run)])
    return form, everyone


def said(standing: Standing, rules: RuleBookContent) -> list[Said]:
    """In the order of the rule book's sources."""
    by_source = {measure.source: measure for measure in standing.enrolment.measures.all()}
    return [Said(by_source.get(source.key), source.key in standing.thin_sources) for source in rules.sources]


@permission_required("scoring.view_runs", raise_exception=True)
def export(request: HttpRequest, run_id: int) -> HttpResponse:
    """The rows as they are filtered, as a workbook."""
    run = get_object_or_404(runs_visible_to(request.user), pk=run_id)
    rules = run.rule_book.validated
    found = disagreements(readings(run))
    _form, everyone = filtered(request, run, found)
    differing: dict[int, list[str]] = {}
    for entry in found:
        differing.setdefault(entry.number, []).append(in_words(entry.high, entry.low))
    columns = [
        _("rank"),
        _("subdistrict"),
        _("neighbourhood"),
        _("secretary"),
        *(f"{source.name} {title}" for source in rules.sources for title in titles(source)),
        _("where the sources differ"),
    ]
    rows = [
        [
            standing.rank,
            standing.enrolment.subdistrict.name,
            standing.enrolment.organisation.name,
            standing.enrolment.person.name,
            *(value for each in said(standing, rules) for value in values(each.measure)),
            " ".join(differing.get(standing.enrolment.number, [])),
        ]
        for standing in everyone
    ]
    title = f"{run.season.title}-{_('scoring run')}-{run.number}-{_('source by source')}.xlsx"
    return xlsx_response(title, [Table(_("Source by source"), columns, rows)])


def titles(_source: SourceRule) -> list[str]:
    return [_("answers"), _("mean"), _("trimmed mean"), _("measure"), _("standard error")]


def values(measure: Measure | None) -> list[float | int | None]:
    if measure is None:
        return [None] * 5
    return [measure.answers, measure.mean, measure.trimmed_mean, measure.value, measure.standard_error]
