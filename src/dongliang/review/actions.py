import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from django.db import transaction
from django.db.models import Max
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.common.log import log_action, log_actions
from dongliang.common.pictures import NotAPicture, picture_blocker, redrawn
from dongliang.common.refusals import Blocker, Refused
from dongliang.engine.errors import InfeasiblePlan, Unconnected
from dongliang.engine.planning import plan_assessments
from dongliang.people.models import Account
from dongliang.people.queries import departments_of
from dongliang.review.avoidance import avoidance, avoidance_matrix, ties_of
from dongliang.review.models import (
    Assignment,
    Photo,
    PhotoImage,
    Response,
    Ruling,
    Source,
    Submission,
    Waiver,
)
from dongliang.review.queries import (
    assignments,
    assigns,
    latest_version,
    mark_blockers,
    newer_version,
    not_open_blockers,
    note_blockers,
    planning_blockers,
    reason_blockers,
    response_blockers,
    return_blockers,
    sheet_gone,
    too_few_mentors,
    void_blockers,
    voided_blockers,
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
    notes: dict[str, str] = field(default_factory=dict)
    # What was pointed out to the assessor before.
    remarks: Sequence[str] = ()
    key: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def content(self) -> dict[str, object]:
        return {
            "marks": self.marks,
            "project_mark": self.project_mark,
            "note": self.note.strip(),
            "notes": {key: text.strip() for key, text in self.notes.items() if text.strip()},
        }

    def is_on(self, response: Response) -> bool:
        return all(getattr(response, name) == value for name, value in self.content.items())


def submit_response(
    assignment: Assignment, *, marks: str, project_mark: str = "", note: str = "", by: Account | None
) -> Response:
    """Send a sheet, or correct one already sent while the season is open. Raises Refused, naming every blocker."""
    sheet = Sheet(assignment, marks, project_mark, note)
    return submit_responses(assignment.season, [sheet], by=by)[0]


@transaction.atomic
def take_in_sheet(sheet: Sheet, *, base: int | None, by: Account | None) -> Submission:
    """Store a sheet that a device may send any number of times, and return the version that holds it. Raises Refused.

    ``base`` is the version that the device had before it: where another one came in meanwhile, with other words or
    marks, nothing is stored and a person chooses. None asks no such question.
    """
    season = Season.objects.select_for_update().get(pk=sheet.assignment.season_id)
    if known := Submission.objects.filter(key=sheet.key).first():
        if known.assignment_id != sheet.assignment.pk:
            raise Refused(sheet_gone())
        return known
    assignment = assignments(season).filter(pk=sheet.assignment.pk).first()
    if assignment is None:
        raise Refused(sheet_gone())
    response = getattr(assignment, "response", None)
    # What was returned meanwhile is to be filled again, whatever the device had before.
    overtaken = base is not None and base != latest_version(assignment)
    if response and overtaken and not sheet.is_on(response):
        raise Refused(newer_version(response))
    submit_responses(season, [sheet], by=by)
    return assignment.submissions.order_by("-version")[0]


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
    changed: list[Sheet] = []
    moment = now()
    for sheet in sheets:
        response = getattr(sheet.assignment, "response", None) or Response(assignment=sheet.assignment)
        responses.append(response)
        if sheet.is_on(response):
            continue  # The same sheet again, as a phone on a bad line sends it.
        changed.append(sheet)
        (corrected if response.pk else sent).append(response)
        for name, value in {**sheet.content, "submitted_at": moment, "submitted_by": by}.items():
            setattr(response, name, value)
    Response.objects.bulk_create(sent, batch_size=500)
    fields = ["marks", "project_mark", "note", "notes", "submitted_at", "submitted_by"]
    Response.objects.bulk_update(corrected, fields, batch_size=100)
    _keep_versions(season, changed, moment, by)
    log_actions("review.response.sent", [response.assignment for response in sent], by=by)
    log_actions("review.response.corrected", [response.assignment for response in corrected], by=by)
    return responses


def _keep_versions(season: Season, sheets: Sequence[Sheet], moment: datetime, by: Account | None) -> None:
    versions = Submission.objects.filter(assignment__season=season).values_list("assignment")
    last = dict(versions.order_by().annotate(last=Max("version")))
    Submission.objects.bulk_create(
        [
            Submission(
                assignment=sheet.assignment,
                key=sheet.key,
                version=last.get(sheet.assignment.pk, 0) + 1,
                remarks=list(sheet.remarks),
                received_at=moment,
                sent_by=by,
                **sheet.content,
            )
            for sheet in sheets
        ],
        batch_size=500,
    )


def _sheet_blockers(season: Season, sheets: Sequence[Sheet]) -> list[Blocker]:
    institutions = {sheet.assignment.institution_id for sheet in sheets if sheet.assignment.institution_id}
    found = not_open_blockers(season) + signed_blockers(season, institutions)
    rules = season.rules
    ties = ties_of(sheet.assignment.mentor for sheet in sheets if sheet.assignment.mentor)
    waived = waived_keys(sheets)
    for sheet in sheets:
        found += voided_blockers(sheet.assignment)
        if mentor := sheet.assignment.mentor:
            aside = waived.get(sheet.assignment.pk, set())
            found += avoidance(mentor, sheet.assignment.enrolment, rules, ties, aside)
        found += mark_blockers(sheet.assignment, sheet.marks, sheet.project_mark, rules)
        found += note_blockers(sheet.assignment, sheet.notes, rules)
    return found


def waived_keys(sheets: Sequence[Sheet]) -> dict[int, set[str]]:
    """The grounds of avoidance that were set aside when these sheets were given out, by assignment."""
    found: dict[int, set[str]] = {}
    given = Waiver.objects.filter(assignment__in=[sheet.assignment.pk for sheet in sheets])
    for assignment, key in given.values_list("assignment", "key"):
        found.setdefault(assignment, set()).add(key)
    return found


@transaction.atomic
def return_sheet(assignment: Assignment, *, reason: str, by: Account | None) -> Ruling:
    """Give a sheet back to its assessor, to be filled again: until then it does not count. Raises Refused."""
    assignment = _locked(assignment)
    if blockers := return_blockers(assignment) + reason_blockers(reason):
        raise Refused(blockers)
    return _rule(assignment, Ruling.Kind.RETURNED, reason, by)


@transaction.atomic
def void_sheet(assignment: Assignment, *, reason: str, by: Account | None) -> Ruling:
    """Take a sheet out of the season for good, sent or not. Raises Refused."""
    assignment = _locked(assignment)
    if blockers := void_blockers(assignment) + reason_blockers(reason):
        raise Refused(blockers)
    assignment.voided_at = now()
    assignment.save(update_fields=["voided_at"])
    return _rule(assignment, Ruling.Kind.VOIDED, reason, by)


def _locked(assignment: Assignment) -> Assignment:
    """The sheet as it stands now, while nobody else sends, rules or closes the season."""
    season = Season.objects.select_for_update().get(pk=assignment.season_id)
    return assignments(season).get(pk=assignment.pk)


def _rule(assignment: Assignment, kind: Ruling.Kind, reason: str, by: Account | None) -> Ruling:
    Response.objects.filter(assignment=assignment).delete()
    ruling = assignment.rulings.create(
        kind=kind,
        reason=reason.strip(),
        version=latest_version(assignment),
        ruled_at=now(),
        ruled_by=by,
    )
    log_action(f"review.sheet.{kind.value}", assignment, by=by, reason=ruling.reason)
    return ruling


@transaction.atomic
def add_photo(assignment: Assignment, data: bytes, *, key: uuid.UUID, by: Account | None) -> Photo:
    """Keep a photo with a sheet: once, however often it is sent. Raises Refused."""
    assignment = _locked(assignment)
    if known := Photo.objects.filter(key=key).first():
        if known.assignment_id != assignment.pk:
            raise Refused(sheet_gone())
        return known
    if blockers := response_blockers(assignment) + _room_blockers(assignment):
        raise Refused(blockers)
    try:
        picture = redrawn(data)
    except NotAPicture as fault:
        raise Refused(picture_blocker(fault, "review")) from fault
    photo = assignment.photos.create(
        key=key, width=picture.width, height=picture.height, taken_in_at=now(), taken_in_by=by
    )
    PhotoImage.objects.create(photo=photo, jpeg=picture.jpeg)
    log_action("review.photo.added", assignment, by=by, photo=str(key))
    return photo


def _room_blockers(assignment: Assignment) -> list[Blocker]:
    most = assignment.season.rules.instrument(assignment.source).photos
    if assignment.photos.count() < most:
        return []
    if most == 0:
        return [
            Blocker(
                "review.no_photos",
                _("This form takes no photos."),
                _("Say in words what you saw."),
            )
        ]
    return [
        Blocker(
            "review.photos_full",
            _("This sheet has its %(most)d photos already.") % {"most": most},
            _("Remove one first."),
        )
    ]


@transaction.atomic
def remove_photo(photo: Photo, *, by: Account | None) -> None:
    """Delete a photo, picture and all: who should not be seen on it is gone at once. Raises Refused."""
    assignment = _locked(photo.assignment)
    if blockers := response_blockers(assignment):
        raise Refused(blockers)
    photo.delete()
    log_action("review.photo.removed", assignment, by=by, photo=str(photo.key))
