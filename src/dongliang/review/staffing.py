"""Changing by hand who assesses whom, each change checked against all that the plan was made for."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dongliang.common.canonical import fingerprint
from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.engine.data import connected_groups
from dongliang.engine.errors import InfeasiblePlan, Unconnected
from dongliang.engine.planning import complete_assessments
from dongliang.mentoring.actions import stop_assessing
from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account
from dongliang.review.actions import void_sheet
from dongliang.review.avoidance import avoidance, avoidance_matrix, grounds, ties_of
from dongliang.review.models import Assignment, Source, Waiver
from dongliang.review.queries import assignments, not_open_blockers, too_few_mentors
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments

# By so much of an even share one assessor may have more than that.
UNEVEN = 0.1


@dataclass(frozen=True)
class Change:
    """What is to be different for one secretary: a sheet taken from somebody, a sheet given to somebody, or both."""

    enrolment: Enrolment
    taken: Assignment | None = None
    given: Mentor | None = None


@dataclass
class Objections:
    """What stands against a change: ``hard`` for good, ``waivable`` unless an officer gives a reason; by key."""

    hard: list[Blocker] = field(default_factory=list)
    waivable: dict[str, Blocker] = field(default_factory=dict)

    @property
    def every(self) -> list[Blocker]:
        return [*self.hard, *self.waivable.values()]


def most_sheets(season: Season) -> int:
    """How many sheets one assessor may have after a change by hand: an even share and a tenth, at least one more."""
    assessors = season.mentors.filter(assesses=True).count()
    even = season.rules.field.assessors_each * season.enrolments.count() / max(assessors, 1)
    return max(math.ceil(even * (1 + UNEVEN)), math.ceil(even) + 1)


def loads(season: Season) -> Counter[int]:
    """Field sheets by mentor, sent or not."""
    given = season.assignments.filter(source=Source.FIELD, voided_at=None).order_by()
    return Counter(mentor for mentor in given.values_list("mentor", flat=True) if mentor is not None)


def objections(season: Season, change: Change) -> Objections:
    """Everything against the change, whatever reason may be given for it."""
    found = Objections(hard=not_open_blockers(season))
    if change.taken and (hasattr(change.taken, "response") or change.taken.submissions.exists()):
        found.hard.append(_sent_already(change.taken))
    if change.given:
        _object_to_giving(found, season, change.enrolment, change.given)
    _object_to_few(found, season, change)
    found.hard += _unconnected(season, change)
    return found


def _sent_already(sheet: Assignment) -> Blocker:
    return Blocker(
        "staffing.sent",
        _("%(mentor)s has sent the sheet on %(secretary)s.")
        % {"mentor": sheet.mentor, "secretary": sheet.enrolment.person},
        _(
            "A sheet that was sent stays. Add another assessor, if one is needed, or void the sheet with a reason."
        ),
    )


def _object_to_giving(found: Objections, season: Season, enrolment: Enrolment, mentor: Mentor) -> None:
    names = {"mentor": mentor, "secretary": enrolment.person}
    if not mentor.assesses:
        found.hard.append(
            Blocker(
                "staffing.not_assessing",
                _("%(mentor)s does not assess in the field.") % names,
                _("Choose one of the assessing mentors."),
            )
        )
    if season.assignments.filter(enrolment=enrolment, mentor=mentor).exists():
        found.hard.append(
            Blocker(
                "staffing.assigned_already",
                _("%(mentor)s assesses %(secretary)s already.") % names,
                _("Choose somebody else."),
            )
        )
    for blocker in avoidance(mentor, enrolment, season.rules):
        _put(found, season, blocker.code.removeprefix("avoidance."), blocker)
    load, most = loads(season)[mentor.pk], most_sheets(season)
    if load >= most:
        words = {**names, "load": load, "most": most}
        _put(
            found,
            season,
            "load",
            Blocker(
                "staffing.load",
                _("%(mentor)s has %(load)d sheets already; an even share and a tenth are %(most)d.") % words,
                _("Choose somebody with fewer sheets."),
            ),
        )


def _object_to_few(found: Objections, season: Season, change: Change) -> None:
    if change.taken is None or change.given is not None:
        return
    wanted = season.rules.field.assessors_each
    given = season.assignments.filter(source=Source.FIELD, voided_at=None)
    left = given.filter(enrolment=change.enrolment).count() - 1
    if left < wanted:
        words = {"secretary": change.enrolment.person, "left": left, "wanted": wanted}
        blocker = Blocker(
            "staffing.fewer_assessors",
            ngettext(
                "%(secretary)s would be left with %(left)d assessor; the rule book asks for %(wanted)d.",
                "%(secretary)s would be left with %(left)d assessors; the rule book asks for %(wanted)d.",
                left,
            )
            % words,
            _("Put somebody else in the place."),
        )
        _put(found, season, "fewer_assessors", blocker)


def _put(found: Objections, season: Season, key: str, blocker: Blocker) -> None:
    """Among what a reason can set aside, if the rule book says so; else among what holds for good."""
    if key in season.rules.field.waivable:
        remedy = _("The rule book lets an officer set this aside: give a reason.")
        found.waivable[key] = replace(blocker, remedy=remedy)
    else:
        found.hard.append(blocker)


def _unconnected(season: Season, change: Change) -> list[Blocker]:
    """Whether the change would part the secretaries into groups that share no assessor."""
    given = season.assignments.filter(source=Source.FIELD, voided_at=None)
    pairs = set(given.values_list("enrolment", "mentor"))
    before = len(_groups(pairs))
    if change.taken:
        pairs.discard((change.enrolment.pk, change.taken.mentor_id))
    if change.given:
        pairs.add((change.enrolment.pk, change.given.pk))
    after = len(_groups(pairs))
    if after <= max(before, 1):
        return []
    return [
        Blocker(
            "staffing.unconnected",
            _(
                "After it, %(count)d groups of secretaries would share no assessor, so that nobody could compare them."
            )
            % {"count": after},
            _("Choose an assessor who also assesses secretaries of another group."),
        )
    ]


def _groups(pairs: Iterable[tuple[int, int | None]]) -> tuple[np.ndarray, ...]:
    rows = [(enrolment, mentor or 0) for enrolment, mentor in pairs]
    if not rows:
        return ()
    targets, target = np.unique([enrolment for enrolment, _mentor in rows], return_inverse=True)
    raters, rater = np.unique([mentor for _enrolment, mentor in rows], return_inverse=True)
    return connected_groups(target, rater, len(targets), len(raters))


# The changes


@transaction.atomic
def change_assessors(
    season: Season, change: Change, *, reason: str = "", by: Account | None
) -> Assignment | None:
    """Take a sheet from somebody, give one to somebody, or hand one over. Raises Refused, naming every blocker.

    What the rule book lets an officer set aside is refused all the same without a ``reason``. Returns the new sheet.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    change = _current(season, change)
    found, reason = objections(season, change), reason.strip()
    if found.hard or (found.waivable and not reason):
        raise Refused(found.every)
    if change.taken:
        change.taken.delete()
    sheet = None
    if change.given:
        sheet = season.assignments.create(
            source=Source.FIELD, enrolment=change.enrolment, mentor=change.given
        )
        _grant(sheet, found, reason, by)
    log_action(
        f"review.assessor.{_verb(change)}",
        change.enrolment,
        by=by,
        taken_from=str(change.taken.mentor) if change.taken else "",
        given_to=str(change.given) if change.given else "",
        reason=reason,
        set_aside=sorted(found.waivable),
    )
    return sheet


def _current(season: Season, change: Change) -> Change:
    """The change with its sheet as it now is. Raises Refused if somebody has taken it away meanwhile."""
    if change.taken is None:
        return change
    sheet = assignments(season).filter(pk=change.taken.pk, enrolment=change.enrolment).first()
    if sheet is None or sheet.source != Source.FIELD:
        raise Refused(
            Blocker(
                "staffing.gone",
                _("Somebody has changed the assessors of %(secretary)s meanwhile.")
                % {"secretary": change.enrolment.person},
                _("Look at them again, then decide."),
            )
        )
    return replace(change, taken=sheet)


def _grant(sheet: Assignment, found: Objections, reason: str, by: Account | None) -> None:
    Waiver.objects.bulk_create(
        Waiver(assignment=sheet, key=key, reason=reason, granted_by=by, granted_at=now())
        for key, blocker in found.waivable.items()
        if blocker.code.startswith("avoidance.")
    )


def _verb(change: Change) -> str:
    if change.taken and change.given:
        return "swapped"
    return "removed" if change.taken else "added"


@dataclass(frozen=True)
class Candidate:
    """A mentor who might take a sheet on somebody: how much there is to do already, and what stands against it."""

    mentor: Mentor
    load: int
    against: list[str]
    barred: bool


def candidates(season: Season, enrolment: Enrolment) -> list[Candidate]:
    """Every assessing mentor who does not assess the secretary yet, who may and has least to do first."""
    has = set(season.assignments.filter(enrolment=enrolment).values_list("mentor", flat=True))
    mentors = [
        mentor
        for mentor in season.mentors.filter(assesses=True).select_related("person")
        if mentor.pk not in has
    ]
    ties, rules, load, most = ties_of(mentors), season.rules, loads(season), most_sheets(season)
    found = []
    for mentor in mentors:
        keys = grounds(mentor, enrolment, rules, ties)
        against = [blocker.sentence for blocker in avoidance(mentor, enrolment, rules, ties)]
        if load[mentor.pk] >= most:
            keys.append("load")
            against.append(_("has as many sheets as one may have, %(most)d") % {"most": most})
        barred = any(key not in rules.field.waivable for key in keys)
        found.append(Candidate(mentor, load[mentor.pk], against, barred))
    return sorted(
        found, key=lambda entry: (entry.barred, bool(entry.against), entry.load, entry.mentor.number)
    )


# An assessor who stops in mid-season


class Handover(NamedTuple):
    """An open sheet, and who is to fill it instead."""

    sheet: Assignment
    to: Mentor


@dataclass(frozen=True)
class Replan:
    """What becomes of an assessor's sheets when she stops: the answered ones stay, the open ones go to others."""

    answered: int
    handovers: list[Handover]
    fingerprint: str


def release_blockers(mentor: Mentor) -> list[Blocker]:
    """Why the mentor cannot stop assessing now, whatever became of the sheets."""
    found = not_open_blockers(mentor.season)
    if not mentor.assesses:
        found.append(
            Blocker(
                "staffing.not_assessing",
                _("%(mentor)s does not assess in the field.") % {"mentor": mentor},
                _("There is nothing to hand over."),
            )
        )
    return found


def replan_without(mentor: Mentor) -> Replan:
    """Who would take over the mentor's open sheets, every other sheet left where it is. Raises Refused.

    The same state of the season gives the same answer: chance is drawn from the seed in its rule book.
    """
    season = mentor.season
    sheets = list(assignments(season).filter(source=Source.FIELD, voided_at=None))
    own = [sheet for sheet in sheets if sheet.mentor_id == mentor.pk]
    still_open = [sheet for sheet in own if not hasattr(sheet, "response")]
    staying = [sheet for sheet in sheets if sheet not in still_open]
    handovers = _handovers(season, mentor, staying, still_open)
    shown = [[handover.sheet.pk, handover.to.pk] for handover in handovers]
    return Replan(len(own) - len(still_open), handovers, fingerprint([mentor.pk, shown]))


def _handovers(
    season: Season, mentor: Mentor, staying: list[Assignment], still_open: list[Assignment]
) -> list[Handover]:
    matrix = avoidance_matrix(season)
    everyone = list(season.mentors.select_related("person"))
    column = {entry.pk: index for index, entry in enumerate(everyone)}
    row = {entry.pk: index for index, entry in enumerate(matrix.enrolments)}
    avoid = np.ones((len(row), len(column)), dtype=bool)
    for assessor, kept_apart in zip(matrix.mentors, matrix.avoid, strict=True):
        if assessor.pk != mentor.pk:
            avoid[:, column[assessor.pk]] = kept_apart
    fixed = np.zeros_like(avoid)
    for sheet in staying:
        fixed[row[sheet.enrolment_id], column[sheet.mentor_id or 0]] = True
    vacant = {row[sheet.enrolment_id]: sheet for sheet in still_open}
    # Whoever lacks an assessor for another reason is no matter of this one.
    untouched = np.setdiff1d(np.arange(len(row)), list(vacant))
    avoid[untouched] = True
    seats = fixed.sum(axis=1)
    seats[list(vacant)] += 1
    filled = _filled(season, matrix.enrolments, fixed, seats, avoid, mentor)
    return [
        Handover(sheet, everyone[int(np.flatnonzero(filled[target] & ~fixed[target])[0])])
        for target, sheet in sorted(vacant.items())
    ]


def _filled(
    season: Season,
    secretaries: list[Enrolment],
    fixed: np.ndarray,
    seats: np.ndarray,
    avoid: np.ndarray,
    mentor: Mentor,
) -> np.ndarray:
    try:
        return complete_assessments(
            fixed,
            per_target=seats,
            avoid=avoid,
            rng=np.random.default_rng([season.rules.scoring.seed, mentor.number]),
        )
    except InfeasiblePlan as error:
        short = [secretaries[code] for code in error.targets]
        raise Refused(too_few_mentors(short, season.rules.field.assessors_each)) from error
    except Unconnected as error:
        raise Refused(
            Blocker(
                "staffing.unconnected",
                _(
                    "After it, %(count)d groups of secretaries would share no assessor, so that nobody could compare them."
                )
                % {"count": len(error.groups)},
                _(
                    "Add an assessor to a secretary of one group who also assesses in another, then try again."
                ),
            )
        ) from error


@transaction.atomic
def release_assessor(mentor: Mentor, *, reason: str, shown: str, by: Account | None) -> Replan:
    """End the mentor's part in the assessment and hand the open sheets over as ``shown``. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=mentor.season_id)
    mentor = season.mentors.select_related("person", "season").get(pk=mentor.pk)
    blockers = release_blockers(mentor)
    if not reason.strip():
        blockers.append(
            Blocker("staffing.no_reason", _("No reason is given."), _("Write why the assessor stops."))
        )
    if blockers:
        raise Refused(blockers)
    replan = replan_without(mentor)
    if replan.fingerprint != shown:
        raise Refused(
            Blocker(
                "staffing.changed",
                _("Sheets have been sent or handed over since this page was opened."),
                _("Look at the handovers again, then confirm."),
            )
        )
    stop_assessing(mentor, by=by, reason=reason.strip())
    for handover in replan.handovers:
        # One that was sent and returned has a history, which stays.
        if handover.sheet.submissions.exists():
            void_sheet(handover.sheet, reason=reason, by=by)
        else:
            handover.sheet.delete()
    Assignment.objects.bulk_create(
        Assignment(season=season, source=Source.FIELD, enrolment=handover.sheet.enrolment, mentor=handover.to)
        for handover in replan.handovers
    )
    log_action(
        "review.assessor.released",
        mentor,
        by=by,
        reason=reason.strip(),
        answered=replan.answered,
        handed_over=[[handover.sheet.enrolment.number, handover.to.number] for handover in replan.handovers],
    )
    return replan


# Reading


@dataclass(frozen=True)
class Staffed:
    """A secretary with the sheets asked for in the field."""

    enrolment: Enrolment
    sheets: list[Assignment]
    wanted: int

    @property
    def is_short(self) -> bool:
        return len(self.sheets) < self.wanted

    @property
    def sent(self) -> int:
        return sum(hasattr(sheet, "response") for sheet in self.sheets)


def staffed(season: Season) -> list[Staffed]:
    """Who assesses each secretary in the field."""
    by_secretary: dict[int, list[Assignment]] = {}
    given = season.assignments.filter(source=Source.FIELD).select_related("mentor__person", "response")
    for sheet in given.order_by("mentor__number"):
        by_secretary.setdefault(sheet.enrolment_id, []).append(sheet)
    wanted = season.rules.field.assessors_each
    return [Staffed(entry, by_secretary.get(entry.pk, []), wanted) for entry in enrolments(season)]
