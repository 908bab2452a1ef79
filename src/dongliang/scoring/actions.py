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
from dongliang.scoring.models import Measure, ProjectStanding, ResultBook, ScoringRun, Standing
from dongliang.scoring.queries import gathered_inputs, run_blockers
from dongliang.seasons.actions import close_season, open_season
from dongliang.seasons.models import Season


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


@transaction.atomic
def run_scoring(season: Season, *, by: Account | None) -> ScoringRun:
    """Score what the closed season has collected, and store it. Raises Refused, naming every blocker.

    Where ballots were excluded since the last statement, the next one is published first.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := run_blockers(season):
        raise Refused(blockers)
    # What is scored is what was stated of the ballots last.
    statement = settle_statement(season, by=by)
    book = season.rule_book
    inputs = gathered_inputs(season)
    try:
        result = calculate(book.validated, inputs)
    except EngineError as error:
        raise Refused(
            Blocker("scoring.engine", _("These answers cannot be scored: %(reason)s") % {"reason": error})
        ) from error
    last = season.scoring_runs.order_by("-number").values_list("number", flat=True).first() or 0
    run = season.scoring_runs.create(
        number=last + 1,
        rule_book=book,
        engine_version=result["version"],
        inputs=canonical_json(inputs).decode(),
        inputs_sha256=result["inputs_sha256"],
        result=canonical_json(result).decode(),
        result_sha256=fingerprint(result),
        run_by=by,
    )
    store_result(run, result)
    log_action(
        "scoring.run.made",
        run,
        by=by,
        rule_book=book.sha256,
        inputs=run.inputs_sha256,
        result=run.result_sha256,
        ballots=statement.fingerprint if statement else "",
    )
    return run


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
