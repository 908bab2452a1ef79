import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from rules.contrib.views import permission_required

from dongliang.common.charts import CutLineChart, NearCut, StripChart, cut_line_chart, strip
from dongliang.common.sheets import Table, xlsx_response
from dongliang.people.models import Organisation
from dongliang.scoring.models import ScoringJob, ScoringRun, Standing
from dongliang.scoring.queries import (
    Reach,
    in_doubt,
    jobs_visible_to,
    near_the_cut,
    reaches,
    runs_visible_to,
    standings,
)
from dongliang.seasons.rulebook import RuleBookContent

ROWS_A_PAGE = 60
# Half the width of a 90 % interval, in standard errors.
HALF_WIDTH = 1.645


@permission_required("scoring.view_runs", raise_exception=True)
def runs(request: HttpRequest) -> HttpResponse:
    """Every run, and the one that was asked for last, if it is under way or came to nothing."""
    newest = jobs_visible_to(request.user).first()
    return render(
        request,
        "scoring/runs.html",
        {
            "runs": list(runs_visible_to(request.user)),
            "job": newest if newest and newest.state != ScoringJob.State.DONE else None,
        },
    )


@permission_required("scoring.view_runs", raise_exception=True)
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: the cut line and who is near it, how the sources answered, and everyone's place."""
    run = get_object_or_404(runs_visible_to(request.user), pk=run_id)
    result = json.loads(run.result)
    rules = run.rule_book.validated
    page = Paginator(standings(run), ROWS_A_PAGE).get_page(request.GET.get("page"))
    reach = reaches(run)
    return render(
        request,
        "scoring/run.html",
        {
            "run": run,
            "rules": rules,
            "result": result,
            "unsigned": Organisation.objects.filter(code__in=json.loads(run.inputs).get("unsigned", [])),
            "cut_line": cut_line(run, result),
            "spread": spread(run, result),
            "in_doubt": list(in_doubt(run)),
            # A run made by an older engine has no such part.
            "robustness": robustness(run, rules, result["robustness"]) if "robustness" in result else None,
            "page": page,
            "rows": [(standing, reach.get(standing.enrolment_id)) for standing in page],
            "hears_residents": bool(reach),
            "sources": [(source, result["sources"][source.key]) for source in rules.sources],
            "raters": sorted(
                ((source, rater) for source, raters in result["raters"].items() for rater in raters),
                key=lambda pair: -(pair[1]["severity"] or 0),
            ),
            "projects": run.project_standings.select_related(
                "project__enrolment__person", "project__enrolment__post__organisation__parent"
            )[: rules.popular_projects.places + 6],
            "rule_book_fingerprint": run.rule_book.sha256,
        },
    )


def cut_line(run: ScoringRun, result: dict[str, Any]) -> CutLineChart:
    people = [
        NearCut(
            rank=standing.rank or 0,
            name=standing.enrolment.person.name,
            place=standing.enrolment.organisation.name,
            score=standing.composite,
            low=standing.composite - HALF_WIDTH * standing.standard_error,
            high=standing.composite + HALF_WIDTH * standing.standard_error,
            chance=standing.chance,
            selected=standing.selected,
        )
        for standing in near_the_cut(run)
    ]
    return cut_line_chart(
        people, cut=result["cut"]["score"], places=result["cut"]["places"], title=_("Near the cut line")
    )


def spread(run: ScoringRun, result: dict[str, Any]) -> StripChart:
    scores = list(run.standings.filter(eligible=True).values_list("composite", flat=True))
    return strip(scores, cut=result["cut"]["score"], title=_("All scores"))


@dataclass(frozen=True)
class OtherList:
    """The list under one other choice, in words and names."""

    choice: str
    entering: str
    leaving: str
    refused: bool


@dataclass(frozen=True)
class Wavering:
    """Somebody who is on some of the lists and not on others."""

    standing: Standing
    times: int


@dataclass(frozen=True)
class RobustnessSheet:
    """The list under other choices, for a reader: ``lists`` in all, ``steady`` people on every one of them."""

    lists: int
    places: int
    steady: int
    others: list[OtherList]
    without_a_rater: list[OtherList]
    wavering: list[Wavering]
    smallest_change: str


def robustness(run: ScoringRun, rules: RuleBookContent, found: dict[str, Any]) -> RobustnessSheet:
    times = dict(found["times"])
    moving = {number for number, on in times.items() if on < found["lists"]}
    change = found["smallest_weight_change"]
    people = {
        standing.enrolment.number: standing
        for standing in standings(run).filter(
            enrolment__number__in=moving.union(*([change["entering"], change["leaving"]] if change else []))
        )
    }

    def named(numbers: Iterable[int]) -> str:
        return pgettext("between names", ", ").join(
            people[number].enrolment.person.name for number in numbers
        )

    rows = [
        (
            variant["kind"],
            OtherList(
                choice_in_words(rules, variant),
                named(variant["entering"]),
                named(variant["leaving"]),
                bool(variant["refusal"]),
            ),
        )
        for variant in found["variants"]
    ]
    return RobustnessSheet(
        lists=found["lists"],
        places=rules.best_secretaries.places,
        steady=len(times) - len(moving),
        others=[row for kind, row in rows if kind != "rater"],
        without_a_rater=[row for kind, row in rows if kind == "rater"],
        wavering=sorted(
            (Wavering(people[number], times[number]) for number in moving),
            key=lambda entry: (-entry.times, entry.standing.rank or 0),
        ),
        smallest_change=""
        if change is None
        else _(
            "Moving %(points)s percentage points of weight from one source to another is enough to change the list:"
            " %(entering)s would enter, %(leaving)s would leave."
        )
        % {
            # Rounded up: what is said to be enough must be.
            "points": f"{math.ceil(1000 * change['moved']) / 10:.1f}",
            "entering": named(change["entering"]),
            "leaving": named(change["leaving"]),
        },
    )


def choice_in_words(rules: RuleBookContent, variant: dict[str, Any]) -> str:
    """What a variant does otherwise than the rule book."""
    source = next((source for source in rules.sources if source.key == variant["source"]), None)
    match variant["kind"]:
        case "source":
            return _("Without %(source)s") % {"source": source and source.name}
        case "weight":
            return _("%(source)s counts for %(weight)s %% instead of %(base)s %%") % {
                "source": source and source.name,
                "weight": f"{100 * variant['weights'][variant['source']]:.0f}",
                "base": f"{100 * (source.weight if source else 0):.0f}",
            }
        case "rater":
            return _("Without the marks of %(rater)s (%(source)s)") % {
                "rater": variant["rater"],
                "source": source and source.name,
            }
        case "excluded":
            return _("The ballots counted that the panel excluded")
        case "scale" if variant["scale"] == "marks":
            return _("Marks weighed as they are")
        case "scale":
            return _("Marks put on one scale, then weighed")
        case _:
            return {
                "gaussian": _("Measured by the model, adjusted for how harsh raters are"),
                "unadjusted": _("Measured by the model, not adjusted for how harsh raters are"),
                "mean": _("Plain means"),
                "trimmed_mean": _("Means without the highest and the lowest mark"),
            }[variant["method"]]


@permission_required("scoring.view_runs", raise_exception=True)
def document(request: HttpRequest, run_id: int, part: str) -> HttpResponse:
    """The run's inputs or result, byte for byte as they were fingerprinted."""
    run = get_object_or_404(runs_visible_to(request.user), pk=run_id)
    if part not in ("inputs", "result"):
        raise Http404
    response = HttpResponse(getattr(run, part), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{run.season.slug}-{part}-{run.number}.json"'
    return response


@permission_required("scoring.view_runs", raise_exception=True)
def export(request: HttpRequest, run_id: int) -> HttpResponse:
    """Everyone's place and measures as a workbook."""
    run = get_object_or_404(runs_visible_to(request.user), pk=run_id)
    sources = run.rule_book.validated.sources
    measures = {(measure.enrolment_id, measure.source): measure for measure in run.measures.all()}
    reach = reaches(run)
    columns = [
        *identity_columns(),
        *(
            f"{source.name} {title}"
            for source in sources
            for title in (_("measure"), _("standard error"), _("answers"))
        ),
        *([_("households"), _("share of households")] if reach else []),
    ]
    rows = [
        [
            standing.rank,
            standing.enrolment.subdistrict.name,
            standing.enrolment.organisation.name,
            standing.enrolment.person.name,
            standing.composite,
            standing.standard_error,
            standing.chance,
            _("yes") if standing.selected else _("no"),
            standing.mean_rank,
            standing.trimmed_mean_rank,
            *(
                value
                for source in sources
                for measure in [measures[standing.enrolment_id, source.key]]
                for value in (measure.value, measure.standard_error, measure.answers)
            ),
            *reach_columns(reach.get(standing.enrolment_id)),
        ]
        for standing in standings(run)
    ]
    title = f"{run.season.title}-{_('scoring run')}-{run.number}.xlsx"
    return xlsx_response(title, [Table(_("Places"), columns, rows)])


def reach_columns(reach: Reach | None) -> list[int | float | None]:
    if reach is None:
        return []
    return [reach.households, None if reach.share is None else round(reach.share, 4)]


def identity_columns() -> list[str]:
    return [
        _("rank"),
        _("subdistrict"),
        _("neighbourhood"),
        _("secretary"),
        _("composite"),
        _("standard error"),
        _("chance of a place"),
        _("within the places"),
        _("rank by plain means"),
        _("rank by trimmed means"),
    ]
