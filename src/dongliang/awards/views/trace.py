"""The page that every name on a list leads back to."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from rules.contrib.views import permission_required

from dongliang.awards.queries.trace import trace_of
from dongliang.scoring.models import Standing
from dongliang.scoring.queries import runs_visible_to


@permission_required("awards.manage_lists", raise_exception=True)
def trace(request: HttpRequest, run_id: int, number: int) -> HttpResponse:
    """One secretary in one run: sheets, ballots in total, rules that applied, publicity, objections, certificate."""
    run = get_object_or_404(runs_visible_to(request.user), pk=run_id)
    try:
        found = trace_of(run, number)
    except (Standing.DoesNotExist, OverflowError) as missing:
        raise Http404 from missing
    enrolment = found.standing.enrolment
    return render(
        request,
        "awards/trace.html",
        {
            "run": run,
            "rules": run.rule_book.validated,
            "trace": found,
            "enrolment": enrolment,
            "mentor": enrolment.pairs.filter(ends_on=None).select_related("mentor__person").first(),
            "newest": run.season.scoring_runs.first() == run,
            "rule_book_fingerprint": run.rule_book.sha256,
            "breadcrumb": [
                {
                    "url": reverse("scoring:run", args=[run.pk]),
                    "label": _("Scoring run %(number)d") % {"number": run.number},
                },
                {"label": enrolment.person.name},
            ],
        },
    )
