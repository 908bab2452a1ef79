"""Which sheets there are, who may see and fill them, and what stands against one."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import grants_of, has_role, organisations_of, organisations_reached
from dongliang.review.avoidance import avoidance, avoidance_matrix
from dongliang.review.models import Assignment, Response, Ruling, Source
from dongliang.review.signatures import signed_blockers
from dongliang.seasons.models import Enrolment, Phase, Season
from dongliang.seasons.rulebook import RuleBookContent

NAMES_SHOWN = 5


def assignments(season: Season) -> QuerySet[Assignment]:
    """The season's sheets with all that a row of a list tells of them."""
    returned = Ruling.objects.filter(assignment=OuterRef("pk"), kind=Ruling.Kind.RETURNED)
    return season.assignments.annotate(was_returned=Exists(returned)).select_related(
        "response",
        "mentor__person",
        "mentor__home",
        "institution",
        "enrolment__person",
        "enrolment__post__organisation__parent",
        "enrolment__first_thing",
    )


def _answered_by(account: Account) -> Q:
    """The sheets that are the account's own to answer; the operator has none, though he may open all."""
    institutions = [
        grant.organisation_id
        for grant in grants_of(account)
        if grant.role in (Role.SUBDISTRICT_OFFICE, Role.DEPARTMENT)
    ]
    mine = Q(institution__in=institutions)
    # Whose role was taken back has no sheets any more, though the plan still names the person.
    if account.person_id and has_role(account, Role.MENTOR):
        mine |= Q(mentor__person=account.person_id)
    return mine


def own_assignments(account: Account, season: Season) -> QuerySet[Assignment]:
    """The sheets that the account is asked to fill: a mentor's own, or those of the account's institution."""
    return assignments(season).filter(_answered_by(account))


def assignments_visible_to(account: Account, season: Season) -> QuerySet[Assignment]:
    """The account's own sheets, and for the office all of its district, to read only."""
    offices = organisations_reached(account, Role.OFFICE)
    return assignments(season).filter(_answered_by(account) | Q(season__district__in=offices.values("pk")))


@dataclass(frozen=True)
class Progress:
    """How far one assessor has come."""

    source: str
    assessor: Mentor | Organisation
    due: int
    sent: int

    @property
    def open(self) -> int:
        return self.due - self.sent

    @property
    def share(self) -> float:
        return self.sent / self.due

    @property
    def percent(self) -> int:
        return 100 * self.sent // self.due

    @property
    def source_name(self) -> str:
        return str(Source(self.source).label)

    @property
    def is_complete(self) -> bool:
        return self.sent == self.due


def outstanding(season: Season) -> list[Progress]:
    """Sheets due and sent by assessor, the one furthest behind first."""
    due = season.assignments.filter(voided_at=None)
    counts = due.order_by().values("source", "mentor", "institution")
    rows = list(counts.annotate(due=Count("pk"), sent=Count("response")))
    mentors = season.mentors.select_related("person").in_bulk()
    institutions = Organisation.objects.in_bulk([row["institution"] for row in rows if row["institution"]])
    found = [
        Progress(
            row["source"],
            mentors[row["mentor"]] if row["mentor"] else institutions[row["institution"]],
            row["due"],
            row["sent"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda row: (row.share, -row.due, row.source, row.assessor.pk))


def not_open_blockers(season: Season) -> list[Blocker]:
    if season.phase == Phase.OPEN:
        return []
    return [
        Blocker(
            "season.not_open",
            _("The season is %(phase)s.") % {"phase": season.get_phase_display()},
            _("Sheets are planned and filled while it is open."),
        )
    ]


def assigns(season: Season, source: str) -> bool:
    """Whether the season's rule book asks for this source at all."""
    return any(entry.key == source for entry in season.rules.sources)


def planning_blockers(season: Season) -> list[Blocker]:
    """Every reason why who assesses whom cannot be planned now."""
    found = not_open_blockers(season)
    # Returned and voided ones too: their history would go with the plan.
    if (
        sent := season.assignments.filter(Q(submissions__isnull=False) | Q(voided_at__isnull=False))
        .distinct()
        .count()
    ):
        found.append(
            Blocker(
                "review.sheets_sent",
                ngettext("%(count)d sheet has been sent.", "%(count)d sheets have been sent.", sent)
                % {"count": sent},
                _("The plan stays as it is: a new one would lose them."),
            )
        )
    return found + (_thin_blockers(season) if assigns(season, Source.FIELD) else [])


def _thin_blockers(season: Season) -> list[Blocker]:
    matrix, wanted = avoidance_matrix(season), season.rules.field.assessors_each
    free = [sum(not row[number] for row in matrix.avoid) for number in range(len(matrix.enrolments))]
    thin = [secretary for secretary, mentors in zip(matrix.enrolments, free, strict=True) if mentors < wanted]
    return [too_few_mentors(thin, wanted)] if thin else []


def too_few_mentors(secretaries: list[Enrolment], wanted: int) -> Blocker:
    names = pgettext("between names", ", ").join(map(str, secretaries[:NAMES_SHOWN]))
    return Blocker(
        "review.too_few_mentors",
        ngettext(
            "%(count)d secretary has fewer than %(wanted)d mentors who may assess: %(names)s.",
            "%(count)d secretaries have fewer than %(wanted)d mentors who may assess, first of all %(names)s.",
            len(secretaries),
        )
        % {"count": len(secretaries), "wanted": wanted, "names": names},
        _("Appoint more mentors, or ask for fewer assessors each in the rule book."),
    )


def response_blockers(assignment: Assignment) -> list[Blocker]:
    """Every reason why this sheet cannot be sent or corrected now, whatever is on it."""
    found = not_open_blockers(assignment.season) + voided_blockers(assignment)
    if assignment.institution_id:
        found += signed_blockers(assignment.season, {assignment.institution_id})
    if assignment.mentor:
        waived = assignment.waivers.values_list("key", flat=True)
        found += avoidance(assignment.mentor, assignment.enrolment, assignment.season.rules, waived=waived)
    return found


def voided_blockers(assignment: Assignment) -> list[Blocker]:
    if assignment.voided_at is None:
        return []
    return [
        Blocker(
            "review.voided",
            _("The sheet on %(secretary)s has been voided by the programme office.")
            % {"secretary": assignment.enrolment},
            _("It counts nowhere, and is not to be filled again."),
        )
    ]


def return_blockers(assignment: Assignment) -> list[Blocker]:
    """Every reason why the sheet cannot be returned to its assessor now."""
    found = not_open_blockers(assignment.season) + voided_blockers(assignment)
    if not hasattr(assignment, "response"):
        found.append(
            Blocker(
                "review.not_sent",
                _("There is no sheet on %(secretary)s to return.") % {"secretary": assignment.enrolment},
                _("Wait until it is sent."),
            )
        )
    return found


def void_blockers(assignment: Assignment) -> list[Blocker]:
    """Every reason why the sheet cannot be voided now."""
    found = voided_blockers(assignment)
    # By its name only: scoring stands above. Whoever has seen the places must not choose which sheets count.
    if assignment.season.scoring_runs.exists():
        found.append(
            Blocker(
                "review.scored",
                _("The season has been scored."),
                _("What counts was settled before anybody could see the places; it stays."),
            )
        )
    return found


def reason_blockers(reason: str) -> list[Blocker]:
    if reason.strip():
        return []
    return [
        Blocker(
            "review.no_reason",
            _("There is no reason given."),
            _("Write a sentence: the assessor reads it, and it stays in the log."),
        )
    ]


def latest_version(assignment: Assignment) -> int:
    """The number of the sheet's newest version; 0 before anything was sent."""
    last = assignment.submissions.order_by("-version").values_list("version", flat=True).first()
    return last or 0


def newer_version(response: Response) -> Blocker:
    return Blocker(
        "review.newer_version",
        _("Another version of the sheet on %(secretary)s has been sent meanwhile.")
        % {"secretary": response.assignment.enrolment},
        _("Compare the two, and choose which one counts."),
    )


class Event(NamedTuple):
    """A line of a sheet's history."""

    at: datetime
    what: str
    who: Account | None
    reason: str
    remarks: list[str]


def history(assignment: Assignment) -> list[Event]:
    """What became of the sheet, the first thing first: versions sent and rulings, without a mark."""
    sent = [
        Event(
            one.received_at,
            pgettext("sheet", "sent") if one.version == 1 else _("sent again"),
            one.sent_by,
            "",
            one.remarks,
        )
        for one in assignment.submissions.select_related("sent_by")
    ]
    ruled = [
        Event(ruling.ruled_at, ruling.get_kind_display(), ruling.ruled_by, ruling.reason, [])
        for ruling in assignment.rulings.select_related("ruled_by")
    ]
    return sorted([*sent, *ruled], key=lambda event: event.at)


def return_of(assignment: Assignment) -> Ruling | None:
    """Why the sheet is to be filled again; None unless it is waiting for that."""
    if hasattr(assignment, "response") or assignment.voided_at:
        return None
    return assignment.rulings.filter(kind=Ruling.Kind.RETURNED).last()


def sheet_gone() -> Blocker:
    return Blocker(
        "review.sheet_gone",
        _("Who assesses whom has been planned again since this sheet was opened."),
        _("Look for the secretary among your sheets, and fill in that one."),
    )


def marks_first_thing(assignment: Assignment) -> bool:
    """Whether the sheet asks for a mark of the first thing: in the field, and once there is one."""
    return assignment.source == Source.FIELD and hasattr(assignment.enrolment, "first_thing")


def mark_blockers(
    assignment: Assignment, marks: str, project_mark: str, rules: RuleBookContent
) -> list[Blocker]:
    """Every reason why these marks do not make a sheet."""
    found = []
    due = len(rules.indicators)
    if len(marks) != due or not set(marks) <= set("12345"):
        found.append(
            Blocker(
                "response.marks",
                _("The sheet on %(secretary)s has the marks '%(marks)s'.")
                % {"secretary": assignment.enrolment, "marks": marks},
                _("Give one mark from 1 to 5 for each of the %(due)d indicators.") % {"due": due},
            )
        )
    allowed = tuple("12345") if marks_first_thing(assignment) else ("",)
    if project_mark not in allowed:
        found.append(
            Blocker(
                "response.project_mark",
                _("The sheet on %(secretary)s has the mark '%(mark)s' for the first thing.")
                % {"secretary": assignment.enrolment, "mark": project_mark},
                _("Give one mark from 1 to 5.")
                if marks_first_thing(assignment)
                else _("Leave it out: this sheet does not ask for it."),
            )
        )
    return found


def note_blockers(assignment: Assignment, notes: dict[str, str], rules: RuleBookContent) -> list[Blocker]:
    """Every reason why these notes do not belong on the sheet."""
    asked = rules.instrument(assignment.source).indicator_notes
    allowed = {indicator.key for indicator in rules.indicators} if asked else set()
    if set(notes) <= allowed:
        return []
    return [
        Blocker(
            "response.notes",
            _("The sheet on %(secretary)s has a note on '%(key)s'.")
            % {"secretary": assignment.enrolment, "key": sorted(set(notes) - allowed)[0]},
            _("The rule book has no such note on this form: leave it out."),
        )
    ]


def sheets_by_need(sheets: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """What is still to be filled, in the order of the neighbourhoods; what was sent, the latest first; what is void."""
    return sheets.order_by(
        F("voided_at").asc(nulls_first=True),
        F("response__submitted_at").desc(nulls_first=True),
        "enrolment__number",
        "pk",
    )


def matching(
    sheets: QuerySet[Assignment],
    *,
    search: str = "",
    state: str = "",
    subdistrict: Organisation | None = None,
) -> QuerySet[Assignment]:
    """The sheets that a filter bar asks for."""
    if search:
        sheets = sheets.filter(
            Q(enrolment__person__name__icontains=search)
            | Q(enrolment__post__organisation__name__icontains=search)
        )
    if subdistrict:
        sheets = sheets.filter(enrolment__post__organisation__parent=subdistrict)
    conditions = {
        "outstanding": Q(response=None, voided_at=None),
        "returned": Q(response=None, voided_at=None, was_returned=True),
        "sent": Q(response__isnull=False),
        "voided": Q(voided_at__isnull=False),
    }
    return sheets.filter(conditions[state]) if state else sheets


def subdistricts_on(sheets: QuerySet[Assignment]) -> QuerySet[Organisation]:
    """The subdistricts of the secretaries on these sheets."""
    return organisations_of(sheets, "enrolment__post__organisation__parent")
