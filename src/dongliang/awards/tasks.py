"""The run that the office asked for, with what follows from it: lists drawn, result book bound."""

import logging
import threading

from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from dongliang.awards.actions.lists import draw_lists
from dongliang.awards.queries.lists import drawing_blockers
from dongliang.common.refusals import Blocker, Refused
from dongliang.scoring.actions import bind_book, end_job, fail_job, perform_job, reach_step
from dongliang.scoring.models import ScoringJob
from dongliang.scoring.tasks import kept_alive

logger = logging.getLogger(__name__)


def start(job: ScoringJob) -> threading.Thread:
    """Compute the job beside the request that asked for it, in the reader's language."""
    thread = threading.Thread(
        target=in_a_thread, args=(job.pk, translation.get_language()), name=f"scoring-{job.pk}", daemon=True
    )
    thread.start()
    return thread


def in_a_thread(job_id: int, language: str | None) -> None:
    try:
        with translation.override(language):
            compute(ScoringJob.objects.select_related("rule_book", "requested_by").get(pk=job_id))
    finally:
        connection.close()


def compute(job: ScoringJob) -> None:
    """Score, draw the lists unless some are public, bind the book. What stands against it is written into the job."""
    by = job.requested_by
    try:
        with kept_alive(job):
            run = perform_job(job)
            reach_step(job, ScoringJob.Step.LISTS)
            if not drawing_blockers(run):
                draw_lists(run, by=by)
            reach_step(job, ScoringJob.Step.BOOK)
            bind_book(run, by=by)
        end_job(job)
    except Refused as refused:
        fail_job(job, refused)
    except Exception:
        logger.exception("Scoring job %d", job.pk)
        fail_job(
            job,
            Blocker(
                "scoring.fault",
                _("Something went wrong that should not have; the server's log holds the details."),
                _("Start it again; if it fails again, send the log to whoever runs the server."),
            ),
        )
