import json
from secrets import token_bytes
from typing import Any

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.ballots.actions.publishing import settle_statement
from dongliang.ballots.actions.rounds import close_rounds, open_rounds
from dongliang.ballots.models import Round
from dongliang.common.canonical import canonical_json, fingerprint
from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.engine.errors import EngineError
from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.review.actions import plan_assignments
from dongliang.scoring.book import CONTENTS, anonymised, bound, digest, packed
from dongliang.scoring.calculation import calculate
from dongliang.scoring.models import Measure, ProjectStanding, ResultBook, ScoringJob, ScoringRun, Standing
from dongliang.scoring.queries import gathered_inputs, job_blockers, not_waiting, run_blockers, silence
from dongliang.seasons.actions import close_season, open_season
from dongliang.seasons.models import Season
from dongliang.seasons.rulebook import RuleBookContent


@transaction.atomic
def begin_collecting(season: Season, *, by: Account | None) -> Season:
    """Open the season with all its parts: everyone enrolled, sheets assigned, ballot rounds open. All or nothing."""
    season = open_season(season, by=by)
    plan_assignments(season, by=by)
    open_rounds(season, by=by)
    return season


@transaction.atomic
def end_collecting(season: Season, *, by: Account | None) -> Season:
    """Close the season and, where they are still open, its ballot rounds; after it nothing enters."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if season.rounds.filter(state__in=[Round.State.OPEN, Round.State.PAUSED]).exists():
        close_rounds(season, by=by)
    return close_season(season, by=by)


def run_scoring(season: Season, *, by: Account | None) -> ScoringRun:
    """Score what the closed season has collected, and wait for it. Raises Refused, naming every blocker."""
    job = request_run(season, by=by)
    run = perform_job(job)
    end_job(job)
    return run


@transaction.atomic
def request_run(season: Season, *, by: Account | None) -> ScoringJob:
    """Freeze what the closed season has collected, for a run to be computed from. Raises Refused, naming every blocker.

    Where ballots were excluded since the last statement, the next one is published first.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := run_blockers(season) + job_blockers(season):
        raise Refused(blockers)
    for dead in season.scoring_jobs.filter(state__in=[ScoringJob.State.QUEUED, ScoringJob.State.RUNNING]):
        fail_job(dead, silence())
    moment = now()
    # What is scored is what was stated of the ballots last.
    statement = settle_statement(season, by=by)
    inputs = gathered_inputs(season)
    job = season.scoring_jobs.create(
        rule_book=season.rule_book,
        inputs=canonical_json(inputs).decode(),
        inputs_sha256=fingerprint(inputs),
        ballots_sha256=statement.fingerprint if statement else "",
        frozen_at=moment,
        seen_at=moment,
        requested_by=by,
    )
    log_action(
        "scoring.run.requested", job, by=by, rule_book=season.rule_book.sha256, inputs=job.inputs_sha256
    )
    return job


def perform_job(job: ScoringJob) -> ScoringRun:
    """Compute and store the run that was asked for. Raises Refused; the job then says why it failed.

    Computing holds no lock. Whoever finds the job given up meanwhile stores nothing.
    """
    if not ScoringJob.objects.filter(pk=job.pk, state=ScoringJob.State.QUEUED).update(
        state=ScoringJob.State.RUNNING, seen_at=now()
    ):
        raise Refused(not_waiting())
    try:
        rules, inputs = frozen(job)
        result = calculate(rules, inputs, tell=lambda step: reach_step(job, step))
        return keep_result(job, result)
    except EngineError as error:
        refused = Refused(
            Blocker("scoring.engine", _("These answers cannot be scored: %(reason)s") % {"reason": error})
        )
        fail_job(job, refused)
        raise refused from error
    except Refused as refused:
        fail_job(job, refused)
        raise


def frozen(job: ScoringJob) -> tuple[RuleBookContent, dict[str, Any]]:
    """What the run is computed from. Raises Refused if either is not what was fingerprinted."""
    rules, inputs = job.rule_book.validated, json.loads(job.inputs)
    if rules.sha256 != job.rule_book.sha256 or fingerprint(inputs) != job.inputs_sha256:
        raise Refused(
            Blocker(
                "scoring.not_as_frozen",
                _(
                    "The rule book or the frozen answers are not what was fingerprinted: somebody changed them."
                ),
                _("Nothing is computed. Put the database back from its copy, and see who had access to it."),
            )
        )
    return rules, inputs


def reach_step(job: ScoringJob, step: str) -> None:
    """Say that the job has come to ``step``, and that somebody is at it."""
    ScoringJob.objects.filter(pk=job.pk, state=ScoringJob.State.RUNNING).update(step=step, seen_at=now())


@transaction.atomic
def keep_result(job: ScoringJob, result: dict[str, Any]) -> ScoringRun:
    season = Season.objects.select_for_update().get(pk=job.season_id)
    if not ScoringJob.objects.filter(pk=job.pk, state=ScoringJob.State.RUNNING).exists():
        raise Refused(not_waiting())
    last = season.scoring_runs.order_by("-number").values_list("number", flat=True).first() or 0
    run = season.scoring_runs.create(
        number=last + 1,
        rule_book=job.rule_book,
        engine_version=result["version"],
        inputs=job.inputs,
        inputs_sha256=job.inputs_sha256,
        result=canonical_json(result).decode(),
        result_sha256=fingerprint(result),
        run_at=job.frozen_at,
        run_by=job.requested_by,
    )
    store_result(run, result)
    ScoringJob.objects.filter(pk=job.pk).update(run=run, inputs="", step=ScoringJob.Step.STORE, seen_at=now())
    log_action(
        "scoring.run.made",
        run,
        by=job.requested_by,
        rule_book=job.rule_book.sha256,
        inputs=run.inputs_sha256,
        result=run.result_sha256,
        ballots=job.ballots_sha256,
    )
    return run


def end_job(job: ScoringJob) -> None:
    ScoringJob.objects.filter(pk=job.pk, state=ScoringJob.State.RUNNING).update(
        state=ScoringJob.State.DONE, ended_at=now()
    )


def fail_job(job: ScoringJob, reason: Refused | Blocker) -> None:
    """Say that the job came to nothing, and why; one that has ended stays as it ended."""
    reasons = reason.blockers if isinstance(reason, Refused) else (reason,)
    ScoringJob.objects.filter(
        pk=job.pk, state__in=[ScoringJob.State.QUEUED, ScoringJob.State.RUNNING]
    ).update(state=ScoringJob.State.FAILED, ended_at=now(), failure="\n".join(map(str, reasons)))


@transaction.atomic
def bind_book(run: ScoringRun, *, by: Account | None) -> ResultBook:
    """Bind the run's result book, or return the one that is bound. Raises Refused.

    Its raters are renamed in an order drawn here and kept nowhere; its result is computed anew from these inputs, and
    must list the same people.
    """
    run = ScoringRun.objects.select_for_update().get(pk=run.pk)
    if found := ResultBook.objects.filter(run=run).first():
        return found
    rules, stored = run.rule_book.validated, json.loads(run.result)
    inputs = anonymised(json.loads(run.inputs), token_bytes(32))
    result = calculate(rules, inputs)
    if result["lists"] != stored["lists"]:
        raise Refused(
            Blocker(
                "scoring.not_repeatable",
                _("Run %(number)d does not come out the same again.") % {"number": run.number},
                _("Score the season once more, and compare; the version of the software may have changed."),
            )
        )
    files = bound(rules, inputs, result)
    book = ResultBook.objects.create(
        run=run, content=packed(files), sha256=digest(files[CONTENTS]), bound_at=now()
    )
    log_action("scoring.book.bound", run, by=by, book=book.sha256, result=run.result_sha256)
    return book


def store_result(run: ScoringRun, result: dict[str, Any]) -> None:
    """Lay the result out in rows, for pages to read; the run's own bytes stay what counts."""
    by_number = {enrolment.number: enrolment for enrolment in run.season.enrolments.all()}
    copied = [
        "composite",
        "standard_error",
        "rank",
        "rank_low",
        "rank_high",
        "chance",
        "selected",
        "thin_sources",
        "eligible",
        "mean_rank",
        "trimmed_mean_rank",
    ]
    Standing.objects.bulk_create(
        Standing(run=run, enrolment=by_number[entry["number"]], **{name: entry[name] for name in copied})
        for entry in result["secretaries"]
    )
    Measure.objects.bulk_create(
        Measure(run=run, enrolment=by_number[entry["number"]], source=source, **measure)
        for entry in result["secretaries"]
        for source, measure in entry["measures"].items()
    )
    projects = {
        project.enrolment.number: project
        for project in FirstThing.objects.filter(enrolment__season=run.season).select_related("enrolment")
    }
    ProjectStanding.objects.bulk_create(
        ProjectStanding(
            run=run,
            project=projects[entry["number"]],
            **{name: entry[name] for name in ("picks", "online", "offline", "score", "rank")},
        )
        for entry in result["projects"]
    )
