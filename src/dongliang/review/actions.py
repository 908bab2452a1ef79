from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.engine.errors import InfeasiblePlan, Unconnected
from dongliang.engine.planning import plan_assessments
from dongliang.people.models import Account
from dongliang.people.queries import departments_of
from dongliang.review.avoidance import avoidance, avoidance_matrix, ties_of
from dongliang.review.models import Assignment, Response, Source, Waiver
from dongliang.review.queries import (
    assignments,
    assigns,
    mark_blockers,
    not_open_blockers,
    planning_blockers,
    sheet_gone,
    too_few_mentors,
)
from dongliang.review.signatures import signed_blockers
from dongliang.seasons.models import Season
from dongliang.seasons.queries import enrolments


@transaction.atomic
def plan_assignments(season: Season, *, by: Account | None) -> int:
    """Lay down who assesses whom, in place of any earlier plan, and return the number of sheets. Raises Refused.

    The same season gives the same plan: chance is drawn from the seed in its rule book.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := planning_blockers(season):
        raise Refused(blockers)
    field = _field_plan(season) if assigns(season, Source.FIELD) else []
    institutional = _institutional_plan(season) if assigns(season, Source.INSTITUTIONAL) else []
    season.assignments.all().delete()
    Assignment.objects.bulk_create([*field, *institutional], batch_size=500)
    log_action(
        "review.assignments.planned", season, by=by, field=len(field), institutional=len(institutional)
    )
    return len(field) + len(institutional)


def _field_plan(season: Season) -> list[Assignment]:
    matrix, wanted = avoidance_matrix(season), season.rules.field.assessors_each
    try:
        plan = plan_assessments(
            len(matrix.enrolments),
            len(matrix.mentors),
            per_target=wanted,
            avoid=np.array(matrix.avoid, dtype=bool).T,
            rng=np.random.default_rng(season.rules.scoring.seed),
        )
    except InfeasiblePlan as error:
        raise Refused(too_few_mentors([matrix.enrolments[code] for code in error.targets], wanted)) from error
    except Unconnected as error:
        raise Refused(
            Blocker(
                "review.unconnected",
                _(
                    "%(count)d groups of secretaries would share no assessor, so that nobody could compare them."
                )
                % {"count": len(error.groups)},
                _(
                    "Ask for more assessors each in the rule book, or appoint mentors from other subdistricts."
                ),
            )
        ) from error
    return [
        Assignment(season=season, source=Source.FIELD, enrolment=secretary, mentor=matrix.mentors[code])
        for secretary, codes in zip(matrix.enrolments, plan, strict=True)
        for code in codes
    ]


def _institutional_plan(season: Season) -> list[Assignment]:
    """Each secretary is assessed by the own subdistrict office and by every department of the district."""
    departments = list(departments_of(season.district))
    return [
        Assignment(season=season, source=Source.INSTITUTIONAL, enrolment=secretary, institution=institution)
        for secretary in enrolments(season)
        for institution in [secretary.subdistrict, *departments]
    ]


@dataclass(frozen=True)
class Sheet:
    """What an assessor says of one secretary."""

    assignment: Assignment
    marks: str
    project_mark: str = ""
    note: str = ""


def submit_response(
    assignment: Assignment, *, marks: str, project_mark: str = "", note: str = "", by: Account | None
) -> Response:
    """Send a sheet, or correct one already sent while the season is open. Raises Refused, naming every blocker."""
    sheet = Sheet(assignment, marks, project_mark, note)
    return submit_responses(assignment.season, [sheet], by=by)[0]


@transaction.atomic
def submit_responses(season: Season, sheets: Sequence[Sheet], *, by: Account | None) -> list[Response]:
    """Send or correct many sheets: all of them, or none and every reason. The log says who sent, never a mark."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    asked = assignments(season).in_bulk([sheet.assignment.pk for sheet in sheets])
    if len(asked) < len({sheet.assignment.pk for sheet in sheets}):
        raise Refused(sheet_gone())
    sheets = [replace(sheet, assignment=asked[sheet.assignment.pk]) for sheet in sheets]
    if blockers := _sheet_blockers(season, sheets):
        raise Refused(blockers)
    sent: list[Response] = []
    corrected: list[Response] = []
    responses: list[Response] = []
    moment = now()
    for sheet in sheets:
        response = getattr(sheet.assignment, "response", None) or Response(assignment=sheet.assignment)
        responses.append(response)
        content = {"marks": sheet.marks, "project_mark": sheet.project_mark, "note": sheet.note.strip()}
        if all(getattr(response, name) == value for name, value in content.items()):
            continue  # The same sheet again, as a phone on a bad line sends it.
        (corrected if response.pk else sent).append(response)
        for name, value in {**content, "submitted_at": moment, "submitted_by": by}.items():
            setattr(response, name, value)
    Response.objects.bulk_create(sent, batch_size=500)
    fields = ["marks", "project_mark", "note", "submitted_at", "submitted_by"]
    Response.objects.bulk_update(corrected, fields, batch_size=100)
    for verb, changed in (("sent", sent), ("corrected", corrected)):
        for response in changed:
            log_action(f"review.response.{verb}", response.assignment, by=by)
    return responses


def _sheet_blockers(season: Season, sheets: Sequence[Sheet]) -> list[Blocker]:
    institutions = {sheet.assignment.institution_id for sheet in sheets if sheet.assignment.institution_id}
    found = not_open_blockers(season) + signed_blockers(season, institutions)
    rules = season.rules
    ties = ties_of(sheet.assignment.mentor for sheet in sheets if sheet.assignment.mentor)
    waived = waived_keys(sheets)
    for sheet in sheets:
        if mentor := sheet.assignment.mentor:
            aside = waived.get(sheet.assignment.pk, set())
            found += avoidance(mentor, sheet.assignment.enrolment, rules, ties, aside)
        found += mark_blockers(sheet.assignment, sheet.marks, sheet.project_mark, rules)
    return found


def waived_keys(sheets: Sequence[Sheet]) -> dict[int, set[str]]:
    """The grounds of avoidance that were set aside when these sheets were given out, by assignment."""
    found: dict[int, set[str]] = {}
    given = Waiver.objects.filter(assignment__in=[sheet.assignment.pk for sheet in sheets])
    for assignment, key in given.values_list("assignment", "key"):
        found.setdefault(assignment, set()).add(key)
    return found
