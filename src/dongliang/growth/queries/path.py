"""The growth path: what each gate asks, what is met, what is missing, and what stands against a step."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dongliang.common.refusals import Blocker
from dongliang.growth import facts
from dongliang.growth.facts import Fact
from dongliang.growth.models import Move, Path
from dongliang.growth.queries.hours import shown_hours
from dongliang.growth.queries.people import WithColumns
from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.rulebook import Gates, RuleBookContent

STAR = "star"
NOT_ON_PATH = "none"
Kind = Move.Kind


@dataclass(frozen=True)
class Check:
    """One gate: what it asks, what was seen, and how to come through it."""

    key: str
    asked: str
    seen: str
    met: bool
    remedy: str

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "asked": self.asked, "seen": self.seen, "met": self.met}

    def as_blocker(self) -> Blocker:
        return Blocker(f"growth.{self.key}", f"{self.asked} {self.seen}", self.remedy)


def stages_of(rules: RuleBookContent) -> list[tuple[str, str]]:
    return [(stage.key, str(stage.name)) for stage in rules.names.growth_stages]


def stage_name(rules: RuleBookContent, key: str) -> str:
    if key == STAR:
        return _("Star secretary")
    return dict(stages_of(rules)).get(key, key)


def stage_after(rules: RuleBookContent, key: str) -> str | None:
    keys = [stage for stage, _name in stages_of(rules)]
    place = keys.index(key) + 1 if key in keys else len(keys)
    return keys[place] if place < len(keys) else None


def last_stage(rules: RuleBookContent) -> str:
    return stages_of(rules)[-1][0] if rules.names.growth_stages else ""


def gates_of(rules: RuleBookContent, target: str) -> Gates:
    return rules.path.star if target == STAR else rules.path.gates_before(target)


def checks(gates: Gates, target: str, known: dict[Fact, Any]) -> list[Check]:
    """Every gate that the rule book asks for before ``target``, held against what is known of a person."""
    makers: dict[Fact, Callable[[], Check]] = {
        Fact.MONTHS_IN_POST: lambda: months_check(gates.months_in_post, known),
        Fact.HOURS: lambda: hours_check(gates.hours, known),
        Fact.VISITS: lambda: visits_check(gates.visits, known),
        Fact.PROJECT: lambda: project_check(gates.project, known),
        Fact.REVIEW_PERCENT: lambda: review_check(gates.review_top_percent, known),
        Fact.MENTOR_OPINION: lambda: opinion_check(target, known),
        Fact.COMMITTEE: lambda: committee_check(target, known),
    }
    return [makers[fact]() for fact in asked_for(gates)]


def asked_for(gates: Gates) -> list[Fact]:
    """What the gates ask about."""
    asked = {
        Fact.MONTHS_IN_POST: gates.months_in_post,
        Fact.HOURS: gates.hours,
        Fact.VISITS: gates.visits,
        Fact.PROJECT: gates.project != "any",
        Fact.REVIEW_PERCENT: gates.review_top_percent,
        Fact.MENTOR_OPINION: gates.mentor_opinion,
        Fact.COMMITTEE: gates.committee,
    }
    return [fact for fact, value in asked.items() if value]


def months_check(asked: int, known: dict[Fact, Any]) -> Check:
    seen = known.get(Fact.MONTHS_IN_POST, 0)
    return Check(
        Fact.MONTHS_IN_POST,
        ngettext(
            "%(count)d month in the post is asked for.", "%(count)d months in the post are asked for.", asked
        )
        % {"count": asked},
        ngettext("It is %(count)d month so far.", "It is %(count)d months so far.", seen) % {"count": seen},
        seen >= asked,
        ngettext("It takes %(count)d more month.", "It takes %(count)d more months.", max(asked - seen, 0))
        % {"count": max(asked - seen, 0)},
    )


def hours_check(asked: int, known: dict[Fact, Any]) -> Check:
    seen = known.get(Fact.HOURS, 0)
    return Check(
        Fact.HOURS,
        _("%(hours)s hours of training are asked for.") % {"hours": asked},
        _("There are %(hours)s.") % {"hours": shown_hours(seen)},
        seen >= asked,
        _("Go to training for %(hours)s more hours.") % {"hours": shown_hours(asked - seen)},
    )


def visits_check(asked: int, known: dict[Fact, Any]) -> Check:
    seen = known.get(Fact.VISITS, 0)
    counted = facts.known(Fact.VISITS)
    return Check(
        Fact.VISITS,
        _("%(count)d visits with the mentor are asked for.") % {"count": asked},
        _("There are %(count)d.") % {"count": seen} if counted else _("Visits are not recorded here."),
        counted and seen >= asked,
        _("Agree on the next visit with the mentor.")
        if counted
        else _("The programme office takes this gate out of the next rule book."),
    )


def project_check(asked: str, known: dict[Fact, Any]) -> Check:
    way = list(FirstThing.State)
    seen = known.get(Fact.PROJECT)
    words = {
        FirstThing.State.REGISTERED: _("The first thing must be registered."),
        FirstThing.State.UNDER_WAY: _("The first thing must be under way."),
        FirstThing.State.LANDED: _("The first thing must have landed."),
    }
    return Check(
        Fact.PROJECT,
        words[FirstThing.State(asked)],
        _("It is %(state)s.") % {"state": FirstThing.State(seen).label}
        if seen
        else _("None is registered yet."),
        seen is not None and way.index(FirstThing.State(seen)) >= way.index(FirstThing.State(asked)),
        _("Take the first thing further, and note it on its page.")
        if seen
        else _("Register the first thing on the page “First things”."),
    )


def review_check(asked: int, known: dict[Fact, Any]) -> Check:
    seen = known.get(Fact.REVIEW_PERCENT)
    return Check(
        Fact.REVIEW_PERCENT,
        _("A place among the first %(percent)d of a hundred in the review is asked for.")
        % {"percent": asked},
        _("It is place %(percent)d of a hundred.") % {"percent": seen}
        if seen is not None
        else _("There is no public result yet."),
        seen is not None and seen <= asked,
        _("It counts once the result of the next review is public."),
    )


def opinion_check(target: str, known: dict[Fact, Any]) -> Check:
    seen = known.get(Fact.MENTOR_OPINION, {}).get(target)
    return Check(
        Fact.MENTOR_OPINION,
        _("The mentor must be in favour."),
        said(seen),
        seen is True,
        _("Ask the mentor for an opinion on this step."),
    )


def committee_check(target: str, known: dict[Fact, Any]) -> Check:
    seen = known.get(Fact.COMMITTEE, {}).get(target)
    return Check(
        Fact.COMMITTEE,
        _("The committee must be in favour."),
        said(seen),
        seen is True,
        _("The programme office puts it to the committee and notes its decision."),
    )


def said(seen: bool | None) -> str:
    if seen is None:
        return _("Nothing has been said yet.")
    return _("The answer was yes.") if seen else _("The answer was: not yet.")


@dataclass(frozen=True)
class Standing:
    """A secretary on the path, and what the next stage asks."""

    enrolment: Enrolment
    path: Path | None
    target: str | None
    checks: list[Check]

    @property
    def missing(self) -> list[Check]:
        return [check for check in self.checks if not check.met]

    @property
    def is_ready(self) -> bool:
        """Whether nothing but the decision is missing."""
        return bool(self.path and not self.path.paused_on and self.target and not self.missing)


def with_paths(secretaries: QuerySet[Enrolment]) -> WithColumns:
    """Secretaries with ``stage``, ``paused_on``, ``star_since`` of their path; None where they are on none."""
    return secretaries.select_related("person__growth_path").annotate(
        stage=F("person__growth_path__stage"),
        paused_on=F("person__growth_path__paused_on"),
        star_since=F("person__growth_path__star_since"),
    )


def at_stage(secretaries: WithColumns, *, stage: str = "", state: str = "") -> WithColumns:
    """The rows of a filter: a stage, or nobody's; paused ones, stars, those with an open proposal."""
    if stage == NOT_ON_PATH:
        secretaries = secretaries.filter(stage=None)
    elif stage:
        secretaries = secretaries.filter(stage=stage)
    if state == "paused":
        secretaries = secretaries.exclude(paused_on=None)
    elif state == "star":
        secretaries = secretaries.exclude(star_since=None)
    elif state == "proposed":
        secretaries = secretaries.filter(person__growth_path__moves__state=Move.State.PROPOSED)
    return secretaries


def path_of(enrolment: Enrolment) -> Path | None:
    """The path that came with ``with_paths``, or is read now."""
    return getattr(enrolment.person, "growth_path", None)


def standings(season: Season, secretaries: Collection[Enrolment]) -> list[Standing]:
    """Where each stands, in the order given: as many queries for three as for three hundred."""
    rules = season.rules
    known = facts.facts_of(season, [enrolment.pk for enrolment in secretaries])
    found = []
    for enrolment in secretaries:
        path = path_of(enrolment)
        target = stage_after(rules, path.stage) if path else None
        asked = checks(gates_of(rules, target), target, known[enrolment.pk]) if target else []
        found.append(Standing(enrolment, path, target, asked))
    return found


def checks_for(enrolment: Enrolment, target: str) -> list[Check]:
    season = enrolment.season
    gates = gates_of(season.rules, target)
    known = facts.facts_of(season, [enrolment.pk], asked_for(gates))[enrolment.pk]
    return checks(gates, target, known)


def target_of(kind: str, path: Path, rules: RuleBookContent) -> str | None:
    """What a step leads to: the next stage, the star, or where one is."""
    if kind == Kind.PROMOTION:
        return stage_after(rules, path.stage)
    return STAR if kind in (Kind.STAR, Kind.STAR_ENDED) else path.stage


def earlier_stages(rules: RuleBookContent, stage: str) -> list[tuple[str, str]]:
    stages = stages_of(rules)
    keys = [key for key, _name in stages]
    return stages[: keys.index(stage)] if stage in keys else stages


def takes_two(rules: RuleBookContent, kind: str, target: str) -> bool:
    """Whether another person must decide what one proposes. To go back takes two like having come so far."""
    return gates_of(rules, target).two_persons and kind in (
        Kind.PROMOTION,
        Kind.STAR,
        Kind.STAR_ENDED,
        Kind.RETURN,
    )


def step_blockers(enrolment: Enrolment, path: Path, kind: str, to_stage: str | None) -> list[Blocker]:
    """Every reason why this step cannot be taken now, gates included."""
    found = state_blockers(path, kind)
    rules = enrolment.season.rules
    if kind == Kind.PROMOTION and to_stage is None:
        found.append(
            Blocker(
                "growth.last_stage",
                _("%(name)s is at the last stage.") % {"name": path},
                _("The path leads no further."),
            )
        )
    if kind == Kind.RETURN and to_stage not in dict(earlier_stages(rules, path.stage)):
        found.append(
            Blocker(
                "growth.not_earlier",
                _("%(stage)s is not an earlier stage.") % {"stage": stage_name(rules, to_stage or "–")},
                _("Choose a stage that %(name)s has passed.") % {"name": path},
            )
        )
    if kind in (Kind.PROMOTION, Kind.STAR) and to_stage:
        found += [check.as_blocker() for check in checks_for(enrolment, to_stage) if not check.met]
    return found


def state_blockers(path: Path, kind: str) -> list[Blocker]:
    """What the state of the path says against a step."""
    found = []
    if path.paused_on and kind in (Kind.PROMOTION, Kind.PAUSE, Kind.STAR):
        found.append(
            Blocker(
                "growth.paused", _("The path of %(name)s is paused.") % {"name": path}, _("Resume it first.")
            )
        )
    if not path.paused_on and kind == Kind.RESUMPTION:
        found.append(
            Blocker(
                "growth.not_paused",
                _("The path of %(name)s is not paused.") % {"name": path},
                _("There is nothing to resume."),
            )
        )
    if path.star_since and kind == Kind.STAR:
        found.append(
            Blocker(
                "growth.star",
                _("%(name)s is a star secretary already.") % {"name": path},
                _("There is nothing left to do."),
            )
        )
    if not path.star_since and kind == Kind.STAR_ENDED:
        found.append(
            Blocker(
                "growth.no_star",
                _("%(name)s is no star secretary.") % {"name": path},
                _("There is nothing to end."),
            )
        )
    if path.moves.filter(state=Move.State.PROPOSED).exists():
        found.append(
            Blocker(
                "growth.proposed",
                _("A step of %(name)s waits for a second person.") % {"name": path},
                _("Decide that one first."),
            )
        )
    return found


def unknown_stage(stage: str) -> Blocker:
    return Blocker(
        "growth.unknown_stage",
        _("The rule book has no stage '%(stage)s'.") % {"stage": stage[:30]},
        _("Choose one of its stages."),
    )


def evidence_blockers(evidence: str) -> list[Blocker]:
    if evidence.strip():
        return []
    return [
        Blocker(
            "growth.no_evidence",
            _("No evidence is given."),
            _("Write in a sentence what shows that this step is right, and where it can be looked up."),
        )
    ]


def decision_blockers(move: Move, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot decide this proposal."""
    found = []
    if move.state != Move.State.PROPOSED:
        found.append(
            Blocker(
                "growth.decided",
                _("This step is %(state)s.") % {"state": move.get_state_display()},
                _("There is nothing left to decide."),
            )
        )
    if by is None or move.proposed_by_id == by.pk:
        found.append(
            Blocker(
                "growth.same_person",
                _("You proposed this step yourself; the rule book asks for a second person."),
                _("Ask a colleague of the programme office to decide it."),
            )
        )
    return found
