"""A run while it is computed: the page can be left, come back to, and reloads itself with script and without."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import pgettext
from rules.contrib.views import permission_required

from dongliang.scoring.models import ScoringJob
from dongliang.scoring.queries import job_blockers, jobs_visible_to, run_blockers, silence


@dataclass(frozen=True)
class JobStep:
    """A step in words, as the ``steps`` component takes it."""

    name: str
    state: str
    word: str


@permission_required("scoring.view_runs", raise_exception=True)
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    found = get_object_or_404(jobs_visible_to(request.user), pk=job_id)
    failed = found.state == ScoringJob.State.FAILED or found.is_silent
    return render(
        request,
        "scoring/job.html",
        {
            "job": found,
            "steps": steps(found, failed=failed),
            "failed": failed,
            "failure": str(silence()) if found.is_silent else found.failure,
            "against": run_blockers(found.season) + job_blockers(found.season) if failed else [],
            "rule_book_fingerprint": found.rule_book.sha256,
        },
    )


def steps(job: ScoringJob, *, failed: bool) -> list[JobStep]:
    names = list(ScoringJob.Step)
    # What a waiting job has done is to freeze the answers.
    at = 1 if job.state == ScoringJob.State.QUEUED else max(1, names.index(ScoringJob.Step(job.step)))
    if job.state == ScoringJob.State.DONE:
        at = len(names)

    def state(place: int) -> tuple[str, str]:
        if place < at:
            return "done", pgettext("scoring", "done")
        if place > at:
            return "waiting", pgettext("scoring", "waits")
        return (
            ("late", pgettext("scoring", "stopped here"))
            if failed
            else (
                "open",
                pgettext("scoring", "under way"),
            )
        )

    return [JobStep(str(name.label), *state(place)) for place, name in enumerate(names)]
