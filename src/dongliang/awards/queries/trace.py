"""Everything behind one name of one run: from the sheets and ballots to the certificate, in the order it happened."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from dongliang.awards.models import Certificate, Honour, HonourList, ListChange, Objection
from dongliang.awards.queries.lists import honour_lists
from dongliang.awards.queries.publicity import changes, objections
from dongliang.ballots.models import Ballot, Flag, Round
from dongliang.people.models import Organisation
from dongliang.scoring.models import Measure, ScoringRun, Standing
from dongliang.scoring.queries import standings
from dongliang.seasons.rulebook import RuleBookContent, SourceRule


@dataclass(frozen=True)
class Sheet:
    """A sheet as the run counted it; mentors stand under a number that says nothing outside this page."""

    source: SourceRule
    assessor: str
    marks: list[int]


@dataclass(frozen=True)
class Answers:
    """How residents answered about one indicator: ballots by mark from 1 to 5, and who could not say."""

    indicator: str
    marks: list[int]
    cannot_say: int


@dataclass(frozen=True)
class BallotClass:
    """Ballots that came in from the neighbourhood, by what became of them."""

    label: str
    ballots: int


@dataclass(frozen=True)
class Clause:
    """What the rule book says, and what followed from it here."""

    rule: str
    here: str


@dataclass(frozen=True)
class OnList:
    """One list of the run, as far as it concerns this secretary."""

    honour_list: HonourList
    honour: Honour | None
    certificate: Certificate | None
    changes: list[ListChange]
    about: list[Objection]
    about_the_list: int


@dataclass(frozen=True)
class Trace:
    standing: Standing
    measures: list[tuple[SourceRule, Measure | None]]
    sheets: list[Sheet]
    ballots: int
    # None where so few answered that their marks would be somebody's.
    answers: list[Answers] | None
    classes: list[BallotClass]
    flags: list[Flag]
    clauses: list[Clause]
    lists: list[OnList]


def trace_of(run: ScoringRun, number: int) -> Trace:
    """The trace of the secretary with this number. Raises ``Standing.DoesNotExist``."""
    standing = standings(run).get(enrolment__number=number)
    rules, inputs, result = run.rule_book.validated, json.loads(run.inputs), json.loads(run.result)
    measures = {measure.source: measure for measure in run.measures.filter(enrolment=standing.enrolment)}
    own = [(marks, count) for about, marks, count in inputs["ballots"] if about == number]
    ballots = sum(count for _marks, count in own)
    return Trace(
        standing=standing,
        measures=[(source, measures.get(source.key)) for source in rules.sources],
        sheets=sheets(run, rules, inputs, number),
        ballots=ballots,
        answers=answers(rules, own) if ballots >= rules.residents.smallest_published else None,
        classes=ballot_classes(run, standing),
        flags=list(
            Flag.objects.filter(enrolment=standing.enrolment, round__kind=Round.Kind.SECRETARIES).exclude(
                state=Flag.State.RAISED
            )
        ),
        clauses=clauses(rules, standing, measures, result),
        lists=on_lists(run, standing),
    )


def sheets(run: ScoringRun, rules: RuleBookContent, inputs: dict[str, Any], number: int) -> list[Sheet]:
    """The sheets that the run counted. Institutions rate under their own name; a mentor's name is told to nobody here."""
    names = dict(Organisation.objects.values_list("code", "name"))
    found = []
    for source in rules.sources:
        if source.key == "public":
            continue
        rows = [(rater, marks) for about, rater, marks in inputs[source.key] if about == number]
        if source.key == "field":
            # In an order that tells nothing of the mentors' numbers, and stays when the page is opened again.
            rows.sort(
                key=lambda row: hashlib.sha256(f"{run.inputs_sha256}:{number}:{row[0]}".encode()).digest()
            )
        for place, (rater, marks) in enumerate(rows):
            name = (
                _("Assessor %(number)d") % {"number": place + 1}
                if source.key == "field"
                else names.get(rater, rater)
            )
            found.append(Sheet(source, name, [int(mark) for mark in marks]))
    return found


def answers(rules: RuleBookContent, ballots: list[tuple[str, int]]) -> list[Answers]:
    found = []
    for place, indicator in enumerate(rules.indicators):
        marks: Counter[int] = Counter()
        for pattern, count in ballots:
            marks[int(pattern[place])] += count
        found.append(Answers(str(indicator.name), [marks[mark] for mark in range(1, 6)], marks[0]))
    return found


def ballot_classes(run: ScoringRun, standing: Standing) -> list[BallotClass]:
    """What came in about this secretary, by what became of it; in the order of the states and reasons."""
    rows = (
        Ballot.objects.filter(
            round__season=run.season, round__kind=Round.Kind.SECRETARIES, enrolment=standing.enrolment
        )
        .order_by()
        .values("status", "exclusion")
        .annotate(ballots=Count("pk"))
    )
    counts = {(row["status"], row["exclusion"]): row["ballots"] for row in rows}
    kinds = [(status, "") for status in (Ballot.Status.COUNTED, Ballot.Status.SUPERSEDED)]
    kinds += [(Ballot.Status.EXCLUDED, reason) for reason in Ballot.Exclusion]
    return [
        BallotClass(
            str(status.label)
            if not reason
            else _("excluded: %(reason)s") % {"reason": Ballot.Exclusion(reason).label},
            counts[status, reason],
        )
        for status, reason in kinds
        if (status, reason) in counts
    ]


def clauses(
    rules: RuleBookContent, standing: Standing, measures: dict[str, Measure], result: dict[str, Any]
) -> list[Clause]:
    """What of the rule book decided over this secretary."""
    found = [
        Clause(
            ngettext(
                "%(source)s counts for %(weight)d %%; at least %(minimum)d answer is asked for.",
                "%(source)s counts for %(weight)d %%; at least %(minimum)d answers are asked for.",
                source.minimum_answers,
            )
            % {
                "source": source.name,
                "weight": round(100 * source.weight),
                "minimum": source.minimum_answers,
            },
            (_("%(answers)d: too few") if source.key in standing.thin_sources else _("%(answers)d: enough"))
            % {"answers": measures[source.key].answers if source.key in measures else 0},
        )
        for source in rules.sources
    ]
    listing = rules.scoring.below_minimum == "not_listed"
    found.append(
        Clause(
            _("Whoever has too few answers from a source is not listed.")
            if listing
            else _("Whoever has too few answers from a source can be listed all the same."),
            _("can be listed") if standing.eligible else _("cannot be listed"),
        )
    )
    quota = rules.best_secretaries.subdistrict_quota
    by_quota = standing.selected and standing.composite < (result["cut"]["score"] or 0)
    found.append(
        Clause(
            _("%(places)d places; of each subdistrict at least %(minimum)d and at most %(maximum)s.")
            % {
                "places": rules.best_secretaries.places,
                "minimum": quota.minimum,
                "maximum": quota.maximum or pgettext("quota", "any number"),
            },
            _("within by quota")
            if by_quota
            else pgettext("list", "within")
            if standing.selected
            else pgettext("list", "beyond"),
        )
    )
    found.append(
        Clause(
            _("Equal scores are told apart by %(ties)s, in this order.")
            % {
                "ties": pgettext("between names", ", ").join(
                    pgettext("tie", "lot") if tie == "lot" else str(rules.source(tie).name)
                    for tie in rules.best_secretaries.ties
                )
            },
            _("rank %(rank)d") % {"rank": standing.rank} if standing.rank else "–",
        )
    )
    public = measures.get("public")
    if rules.residents.ceiling and public:
        found.append(
            Clause(
                _("More than %(ceiling)d ballots of a neighbourhood weigh together as much as %(ceiling)d.")
                % {"ceiling": rules.residents.ceiling},
                _("applied") if public.answers > rules.residents.ceiling else _("not reached"),
            )
        )
    return found


def on_lists(run: ScoringRun, standing: Standing) -> list[OnList]:
    """Every list drawn from the run that names this secretary, or once named, or was objected to about them."""
    enrolment = standing.enrolment
    found = []
    for entry in honour_lists(run.season).filter(run=run).order_by("pk"):
        honour = entry.honours.filter(enrolment=enrolment).select_related("project").first()
        its_changes = list(changes(entry).filter(Q(leaving=enrolment) | Q(entering=enrolment)))
        about = list(objections(entry).filter(enrolment=enrolment))
        if honour or its_changes or about:
            found.append(
                OnList(
                    entry,
                    honour,
                    Certificate.objects.filter(honour=honour).first() if honour else None,
                    its_changes,
                    about,
                    entry.objections.filter(enrolment=None).count(),
                )
            )
    return found
