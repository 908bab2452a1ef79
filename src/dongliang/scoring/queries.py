import json
import math
import statistics
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from dongliang.ballots.models import Round
from dongliang.ballots.queries.coverage import heard, share_of, tally
from dongliang.ballots.queries.integrity import excluded_tally
from dongliang.common.refusals import Blocker
from dongliang.people.models import Account
from dongliang.people.queries import organisations_reached
from dongliang.review.models import Response, Source
from dongliang.review.signatures import unsigned
from dongliang.scoring.disagreement import Disagreement, Reading, disagreements, standardised
from dongliang.scoring.models import Measure, ScoringJob, ScoringRun, Standing
from dongliang.seasons.models import Phase, Season
from dongliang.seasons.queries import enrolments


def runs_visible_to(account: Account) -> QuerySet[ScoringRun]:
    """Scoring runs are the office's own."""
    districts = organisations_reached(account, "office").values("pk")
    return ScoringRun.objects.filter(season__district__in=districts).select_related(
        "season", "rule_book", "run_by"
    )


def jobs_visible_to(account: Account) -> QuerySet[ScoringJob]:
    districts = organisations_reached(account, "office").values("pk")
    return (
        ScoringJob.objects.filter(season__district__in=districts)
        .defer("inputs")
        .select_related("season", "rule_book", "requested_by", "run")
    )


def job_blockers(season: Season) -> list[Blocker]:
    """Why no further run can be asked for: one is under way."""
    job = season.scoring_jobs.defer("inputs").select_related("requested_by").first()
    if job is None or not job.is_under_way:
        return []
    return [
        Blocker(
            "scoring.under_way",
            _("The season is being scored; %(name)s asked for it at %(time)s.")
            % {
                "name": job.requested_by or _("the operator"),
                "time": date_format(localtime(job.frozen_at), "H:i"),
            },
            _("Wait until that has ended; it goes on by itself."),
        )
    ]


def silence() -> Blocker:
    return Blocker(
        "scoring.silent",
        _("The process that computed it has ended: the machine was restarted, or ran out of memory."),
        _("Nothing is lost. Start it again."),
    )


def not_waiting() -> Blocker:
    return Blocker(
        "scoring.given_up",
        _("This run has been given up or taken over meanwhile."),
        _("Look at the newest one."),
    )


def gathered_inputs(season: Season) -> dict[str, Any]:
    """Everything a run counts, as JSON values without a name: what ``calculation.calculate`` takes."""
    responses = list(
        counted_responses(season)
        .select_related("assignment__mentor", "assignment__institution", "assignment__enrolment")
        .order_by("assignment__enrolment__number", "assignment__pk")
    )
    sheets: dict[str, list[list[Any]]] = {Source.FIELD: [], Source.INSTITUTIONAL: []}
    project_marks = []
    for response in responses:
        assignment = response.assignment
        label = [assignment.enrolment.number, assignment.rater_label]
        sheets[assignment.source].append([*label, response.marks])
        if response.project_mark:
            project_marks.append([*label, response.project_mark])
    rounds = {entry.kind: entry for entry in season.rounds.all()}
    # Only where the rule book asks for signatures, so that the inputs of older seasons keep their fingerprint.
    said = (
        {"unsigned": [entry.code for entry in unsigned(season)]} if season.rules.asks_for_signatures else {}
    )
    return {
        **said,
        "secretaries": [[entry.number, entry.subdistrict.code] for entry in enrolments(season)],
        "field": sorted(sheets[Source.FIELD]),
        "institutional": sorted(sheets[Source.INSTITUTIONAL]),
        "project_marks": sorted(project_marks),
        "ballots": tallied(rounds.get(Round.Kind.SECRETARIES)),
        "picks": as_picks(tallied(rounds.get(Round.Kind.PROJECTS))),
        "excluded_ballots": excluded(rounds.get(Round.Kind.SECRETARIES)),
        "excluded_picks": as_picks(excluded(rounds.get(Round.Kind.PROJECTS))),
        "projects": list(
            season.enrolments.filter(first_thing__isnull=False)
            .order_by("number")
            .values_list("number", flat=True)
        ),
        "nominations": sorted(
            [code, number]
            for code, number in season.nominations.values_list(
                "subdistrict__code", "project__enrolment__number"
            )
        ),
    }


def counted_responses(season: Season) -> QuerySet[Response]:
    """The sheets that count: where the rule book asks for a signature, an institution's only once it is signed."""
    left_out = [entry.pk for entry in unsigned(season)]
    found = Response.objects.filter(assignment__season=season)
    return found.exclude(assignment__institution__in=left_out) if left_out else found


def tallied(round: Round | None) -> list[list[Any]]:
    return sorted([list(entry) for entry in tally(round)]) if round else []


def excluded(round: Round | None) -> list[list[Any]]:
    return [list(entry) for entry in excluded_tally(round)] if round else []


def as_picks(rows: list[list[Any]]) -> list[list[Any]]:
    return [[home, [int(number) for number in picks.split(",")], count] for home, picks, count in rows]


def run_blockers(season: Season) -> list[Blocker]:
    """Every reason why the season cannot be scored now."""
    if season.phase != Phase.CLOSED:
        return [
            Blocker(
                "scoring.not_closed",
                _("The season is %(phase)s.") % {"phase": season.get_phase_display()},
                _("Close it first: a run counts what has come in, once and for all."),
            )
        ]
    answered = {
        "field": counted_responses(season).filter(assignment__source=Source.FIELD),
        "institutional": counted_responses(season).filter(assignment__source=Source.INSTITUTIONAL),
    }
    found = []
    for source in season.rules.sources:
        if source.key == "public":
            some = any(season.rounds.filter(kind=Round.Kind.SECRETARIES, ballots__status="counted")[:1])
        else:
            some = answered[source.key].exists()
        if not some:
            found.append(
                Blocker(
                    "scoring.empty_source",
                    _("“%(source)s” has not a single answer.") % {"source": source.name},
                    _("A season without one of its sources needs a rule book without it."),
                )
            )
    return found


@dataclass(frozen=True)
class Reach:
    """How far the residents' voice behind a score reaches."""

    ballots: int
    households: int | None

    @property
    def share(self) -> float | None:
        return share_of(self.ballots, self.households)

    def __str__(self) -> str:
        return heard(self.ballots, self.households)


def reaches(run: ScoringRun) -> dict[int, Reach]:
    """By enrolment, the ballots that the run counted and the households they came from; empty without ballots."""
    rows = run.measures.filter(source="public").select_related("enrolment__post__organisation")
    return {
        measure.enrolment_id: Reach(measure.answers, measure.enrolment.organisation.households)
        for measure in rows
    }


def near_the_cut(run: ScoringRun, *, each_side: int = 15) -> list[Standing]:
    """The people whose place is least sure: up to so many on either side of the cut line, in rank order."""
    places = run.rule_book.validated.best_secretaries.places
    return list(standings(run).filter(rank__gt=places - each_side, rank__lte=places + each_side))


def in_doubt(run: ScoringRun, *, least: float = 0.2) -> QuerySet[Standing]:
    """The people whose chance of a place is neither small nor large."""
    return standings(run).filter(chance__gt=least, chance__lt=1 - least)


def standings(run: ScoringRun) -> QuerySet[Standing]:
    return run.standings.select_related("enrolment__person", "enrolment__post__organisation__parent")


def readings(run: ScoringRun) -> dict[str, dict[int, Reading]]:
    """What each source says of everyone, by number, on one scale; only what was measured."""
    summaries = json.loads(run.result)["sources"]
    by_source: dict[str, dict[int, tuple[float, float, int]]] = {
        source.key: {} for source in run.rule_book.validated.sources
    }
    for number, source, value, error, answers in run.measures.values_list(
        "enrolment__number", "source", "value", "standard_error", "answers"
    ):
        if value is not None and error is not None:
            by_source[source][number] = (value, error, answers)
    return {
        source: standardised(measures, spread_of(summaries[source], measures))
        for source, measures in by_source.items()
    }


def spread_of(summary: dict[str, Any], measures: dict[int, tuple[float, float, int]]) -> float:
    """The standard deviation between secretaries: as the source's model has it, else as the measures have."""
    variance = summary["variances"].get("target") or 0.0
    if variance <= 0 and len(measures) > 1:
        variance = statistics.pvariance(value for value, _error, _answers in measures.values())
    return math.sqrt(variance)


def to_visit(run: ScoringRun) -> list[Disagreement]:
    """Whom the sources see differently beyond what the errors explain, the widest apart first."""
    return disagreements(readings(run))


def side_by_side(run: ScoringRun) -> QuerySet[Standing]:
    """Everyone's place, with the run's measures of each source already fetched."""
    return standings(run).prefetch_related(Prefetch("enrolment__measures", Measure.objects.filter(run=run)))
