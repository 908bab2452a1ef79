import json
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from rules.contrib.views import permission_required

from dongliang.common.charts import CutLineChart, NearCut, StripChart, cut_line_chart, strip
from dongliang.common.sheets import Table, xlsx_response
from dongliang.scoring.models import ScoringRun
from dongliang.scoring.queries import in_doubt, near_the_cut, runs_visible_to, standings

ROWS_A_PAGE = 60
# Half the width of a 90 % interval, in standard errors.
HALF_WIDTH = 1.645


@permission_required("scoring.view_runs", raise_exception=True)
def runs(request: HttpRequest) -> HttpResponse:
    return render(request, "scoring/runs.html", {"runs": list(runs_visible_to(request.user))})


@permission_required("scoring.view_runs", raise_exception=True)
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: the cut line and who is near it, how the sources answered, and everyone's place."""
    run = get_object_or_404(runs_visible_to(request.user), pk=run_id)
    result = json.loads(run.result)
    rules = run.rule_book.validated
    page = Paginator(standings(run), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "scoring/run.html",
        {
            "run": run,
            "rules": rules,
            "result": result,
            "cut_line": cut_line(run, result),
            "spread": spread(run, result),
            "in_doubt": list(in_doubt(run)),
            "page": page,
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
    columns = [
        *identity_columns(),
        *(
            f"{source.name} {title}"
            for source in sources
            for title in (_("measure"), _("standard error"), _("answers"))
        ),
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
        ]
        for standing in standings(run)
    ]
    title = f"{run.season.title}-{_('scoring run')}-{run.number}.xlsx"
    return xlsx_response(title, [Table(_("Places"), columns, rows)])


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
