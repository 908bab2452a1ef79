"""What the desk and a secretary's page say, gathered from the apps below."""

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from dongliang.awards.models import Honour
from dongliang.awards.queries.lists import honour_lists, published_lists
from dongliang.ballots.models import Round
from dongliang.ballots.queries.coverage import coverage, heard
from dongliang.ballots.queries.integrity import RoundLedger, round_ledger
from dongliang.ballots.queries.rounds import ending_blockers, rounds_of
from dongliang.common.charts import Estimate, ProfileChart, profile
from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Mentor
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.people.models import Account, Organisation, Tenure
from dongliang.people.queries import current_tenures
from dongliang.projects.models import FirstThing
from dongliang.projects.queries import projects_late
from dongliang.review.models import Assignment
from dongliang.review.queries import outstanding
from dongliang.scoring.models import Measure, ScoringRun, Standing
from dongliang.scoring.queries import job_blockers, run_blockers
from dongliang.seasons.models import Enrolment, Phase, Season
from dongliang.seasons.queries import closing_blockers, freeze_blockers, opening_blockers
from dongliang.seasons.rulebook import SourceRule


@dataclass(frozen=True)
class Step:
    """A step of the season: how it stands, and the action that takes it, if it is the next one."""

    key: str
    name: str
    state: str
    word: str
    note: str = ""


def season_steps(season: Season) -> list[Step]:
    """Roster, rules, collecting, scoring, lists: what is done, what is next, what waits."""
    run = season.scoring_runs.first()
    lists = list(honour_lists(season))
    published = [entry for entry in lists if entry.published_at]
    secretaries = current_tenures(season.district).count()
    done = [
        (
            "roster",
            _("Roster"),
            # An open season keeps whom it opened with, whoever moves on.
            season.phase != Phase.PREPARING or secretaries >= season.rules.programme.secretaries,
            secretaries_word(secretaries),
        ),
        ("freeze", _("Rule book"), bool(season.rule_book.frozen_at), _("frozen")),
        ("open", _("Opening"), season.phase != Phase.PREPARING, pgettext("step", "opened")),
        ("close", _("Collecting"), season.phase == Phase.CLOSED, pgettext("step", "closed")),
        ("score", _("Scoring"), run is not None, _("scored")),
        ("publish", _("Lists"), bool(lists) and len(published) == len(lists), _("published")),
    ]
    steps, next_found = [], False
    for key, name, is_done, word in done:
        if is_done:
            steps.append(Step(key, name, "done", word))
        elif not next_found:
            steps.append(Step(key, name, "open", _("under way") if key == "close" else _("next")))
            next_found = True
        else:
            steps.append(Step(key, name, "waiting", _("waits")))
    return steps


def secretaries_word(count: int) -> str:
    return ngettext("%(count)d secretary", "%(count)d secretaries", count) % {"count": count}


def step_blockers(season: Season, key: str) -> list[Blocker]:
    """Why the step's action cannot be taken now."""
    if key == "freeze":
        return freeze_blockers(season)
    if key == "open":
        return opening_blockers(season)
    if key == "close":
        return closing_blockers(season) + ending_blockers(season, at=now())
    if key == "score":
        return run_blockers(season) + job_blockers(season)
    return []


@dataclass(frozen=True)
class Figures:
    """The season in numbers, for a district or for one subdistrict."""

    secretaries: int
    new: int
    first_things: int
    landed: int
    field_due: int
    field_sent: int
    institutional_due: int
    institutional_sent: int
    ballots: int
    households: int
    neighbourhoods_short: int


def season_figures(season: Season, scope: QuerySet[Enrolment]) -> Figures:
    """The season's numbers over the secretaries in ``scope``."""
    counts = scope.order_by().aggregate(
        secretaries=Count("pk", distinct=True),
        new=Count("pk", distinct=True, filter=Q(is_new=True)),
        first_things=Count("first_thing", distinct=True),
        landed=Count("first_thing", distinct=True, filter=Q(first_thing__state="landed")),
    )
    sheets = {
        (entry["source"]): entry
        for entry in season.assignments.filter(enrolment__in=scope.values("pk"))
        .order_by()
        .values("source")
        .annotate(due=Count("pk"), sent=Count("response"))
    }
    none = {"due": 0, "sent": 0}
    field, institutional = sheets.get("field", none), sheets.get("institutional", none)
    covered = coverage(season, scope)
    return Figures(
        **counts,
        field_due=field["due"],
        field_sent=field["sent"],
        institutional_due=institutional["due"],
        institutional_sent=institutional["sent"],
        ballots=sum(entry.ballots for entry in covered),
        households=sum(entry.households or 0 for entry in covered),
        neighbourhoods_short=len(short_neighbourhoods(season, scope)),
    )


def short_neighbourhoods(season: Season, scope: QuerySet[Enrolment]) -> list[Any]:
    """Neighbourhoods with fewer ballots than the rule book asks for, the fewest first."""
    found = [
        neighbourhood
        for subdistrict in coverage(season, scope)
        for neighbourhood in subdistrict.neighbourhoods
        if neighbourhood.is_below_minimum
    ]
    return sorted(found, key=lambda neighbourhood: neighbourhood.ballots)


@dataclass(frozen=True)
class Late:
    """What is late: first things not registered, assessors with sheets outstanding, neighbourhoods with few ballots."""

    without_first_thing: list[Enrolment]
    assessors: list[Any]
    neighbourhoods: list[Any]

    def __bool__(self) -> bool:
        return bool(self.without_first_thing or self.assessors or self.neighbourhoods)


def late(season: Season, scope: QuerySet[Enrolment], *, institutions: set[int] | None = None) -> Late:
    """What is late over the secretaries in ``scope``; ``institutions`` narrows the assessors to those offices."""
    assessors = [
        progress
        for progress in outstanding(season)
        if not progress.is_complete
        and (
            institutions is None
            or (progress.source == "institutional" and progress.assessor.pk in institutions)
        )
    ]
    opened = season.phase == Phase.OPEN
    return Late(
        without_first_thing=list(projects_late(season).filter(pk__in=scope.values("pk"))),
        assessors=assessors if opened else [],
        neighbourhoods=short_neighbourhoods(season, scope) if opened else [],
    )


def latest_run(season: Season) -> ScoringRun | None:
    return season.scoring_runs.select_related("rule_book").first()


def results_are_open(season: Season) -> bool:
    """Whether people may see their own results: once the list of the finest is public."""
    return season.honour_lists.filter(kind="best_secretaries", published_at__isnull=False).exists()


def secretaries_visible_to(account: Account, season: Season) -> QuerySet[Enrolment]:
    """The list of secretaries with what a row shows, without a query a row."""
    sent = {
        f"{source}_sent": Count("assignments__response", filter=Q(assignments__source=source), distinct=True)
        for source in ("field", "institutional")
    }
    return (
        enrolments_visible_to(account, season)
        .select_related("first_thing")
        .annotate(**sent)
        .order_by("number")
    )


def by_subdistrict(honoured: Iterable[Honour]) -> list[tuple[Organisation, list[Honour]]]:
    """Honours grouped by subdistrict in the order of codes; within one, by neighbourhood."""
    ordered = sorted(honoured, key=lambda honour: honour.enrolment.organisation.code)
    return [
        (subdistrict, list(members))
        for subdistrict, members in groupby(ordered, key=lambda honour: honour.enrolment.subdistrict)
    ]


@dataclass(frozen=True)
class OtherHonours:
    """A published list as it would be with the excluded ballots, in names."""

    title: str
    entering: str
    leaving: str
    refused: bool


@dataclass(frozen=True)
class BallotLedger:
    """The season's ballots accounted for. ``lists`` is None before any is public, and empty if nothing was excluded."""

    rounds: list[RoundLedger]
    smallest: int
    examined: bool
    over: bool
    lists: list[OtherHonours] | None

    @property
    def has_lost_cards(self) -> bool:
        """Whether ballots of revoked cards are out, which are in the other result only where there are many."""
        return any(
            entry.revoked or any(row.reason == "revoked" and row.ballots for row in entry.rows)
            for entry in self.rounds
        )


def ledger_of(season: Season) -> BallotLedger:
    """What anybody may read of the season's ballots: of closed rounds only."""
    closed = [round for round in rounds_of(season).values() if round.state == Round.State.CLOSED]
    return BallotLedger(
        rounds=[round_ledger(round) for round in closed],
        smallest=season.rules.residents.smallest_published,
        examined=any(round.examined_at for round in closed),
        over=bool(closed) and all(round.search_ended_at for round in closed),
        lists=lists_with_excluded(season),
    )


def lists_with_excluded(season: Season) -> list[OtherHonours] | None:
    published = list(published_lists(season))
    if not published:
        return None
    # A run made by an older engine has no such part.
    found = json.loads(published[0].run.result).get("with_excluded")
    if found is None:
        return []
    numbers = {number for entry in published for side in found[entry.kind].values() for number in side}
    names = {
        enrolment.number: f"{enrolment.person} ({enrolment.organisation})"
        for enrolment in season.enrolments.filter(number__in=numbers).select_related(
            "person", "post__organisation"
        )
    }

    def named(side: list[int]) -> str:
        return pgettext("between names", ", ").join(names[number] for number in side)

    return [
        OtherHonours(
            entry.title,
            named(found[entry.kind]["entering"]),
            named(found[entry.kind]["leaving"]),
            refused=entry.kind == "best_secretaries" and bool(found["refusal"]),
        )
        for entry in published
    ]


@dataclass(frozen=True)
class Record:
    """Everything about one secretary that the reader may see; None where it is not (or not yet) theirs to see."""

    tenure: Tenure | None
    mentor: Mentor | None
    first_thing: FirstThing | None
    sheets: list[Assignment] | None
    ballots: int
    heard: str
    standing: Standing | None
    measures: list[tuple[SourceRule, Measure]]
    profile: ProfileChart | None
    honours: list[Honour]


def record_of(enrolment: Enrolment, *, office: bool) -> Record:
    """The record of one secretary. Sheets and place are the office's; results are others' once the list is public."""
    season = enrolment.season
    run = latest_run(season)
    ballots = sum(entry.ballots for entry in coverage(season, season.enrolments.filter(pk=enrolment.pk)))
    open_to_reader = run is not None and (office or results_are_open(season))
    pair = enrolment.pairs.filter(ends_on=None).select_related("mentor__person").first()
    sheets = None
    if office and season.phase == Phase.CLOSED:
        sheets = list(
            enrolment.assignments.filter(response__isnull=False)
            .select_related("response", "mentor__person", "institution")
            .order_by("source", "pk")
        )
    measures = (
        {measure.source: measure for measure in run.measures.filter(enrolment=enrolment)} if run else {}
    )
    return Record(
        tenure=enrolment.post.tenures.filter(person=enrolment.person).order_by("-starts_on").first(),
        mentor=pair.mentor if pair else None,
        first_thing=FirstThing.objects.filter(enrolment=enrolment).first(),
        sheets=sheets,
        ballots=ballots,
        heard=heard(ballots, enrolment.organisation.households),
        standing=run.standings.filter(enrolment=enrolment).first() if run and office else None,
        measures=[(source, measures[source.key]) for source in season.rules.sources if source.key in measures]
        if open_to_reader
        else [],
        profile=profile_of(enrolment, run) if run and open_to_reader else None,
        honours=list(
            enrolment.honours.filter(honour_list__published_at__isnull=False).select_related(
                "honour_list__run__rule_book", "project"
            )
        ),
    )


def profile_of(enrolment: Enrolment, run: ScoringRun) -> ProfileChart:
    """The secretary's mean marks by indicator and source, beside the mean of all, from the run's own inputs."""
    rules, inputs = run.rule_book.validated, json.loads(run.inputs)
    answers = {
        source.key: inputs["ballots"]
        if source.key == "public"
        else [(number, marks, 1) for number, _rater, marks in inputs[source.key]]
        for source in rules.sources
    }
    return profile(
        [str(indicator.name) for indicator in rules.indicators],
        [str(source.name) for source in rules.sources],
        [
            [estimate(answers[source.key], enrolment.number, position) for source in rules.sources]
            for position in range(len(rules.indicators))
        ],
        title=_("Profile"),
    )


def estimate(answers: Iterable[tuple[int, str, int]], number: int, position: int) -> Estimate | None:
    """The mean of the marks at ``position`` for secretary ``number`` with its 90 % interval; 0 is no mark."""
    own: Counter[int] = Counter()
    everyone: Counter[int] = Counter()
    for about, marks, count in answers:
        if mark := int(marks[position]):
            everyone[mark] += count
            if about == number:
                own[mark] += count
    if not own:
        return None
    mean, half = mean_and_half_width(own)
    return Estimate(mean, mean - half, mean + half, mean_and_half_width(everyone)[0])


def mean_and_half_width(marks: Counter[int]) -> tuple[float, float]:
    """The mean, and half the width of its 90 % interval by the normal approximation."""
    count = marks.total()
    mean = sum(mark * times for mark, times in marks.items()) / count
    if count == 1:
        return mean, 0.0
    variance = sum(times * (mark - mean) ** 2 for mark, times in marks.items()) / (count - 1)
    return mean, 1.645 * math.sqrt(variance / count)
