"""What everyone of the demo answers, drawn from a known truth, and the sheets that bring it in. Needs Django configured."""

import numpy as np

from dongliang.cli import liangzhou
from dongliang.engine.data import Floats
from dongliang.engine.simulation import SimulatedSeason, simulate_season
from dongliang.people.queries import departments_of, subdistricts_of
from dongliang.review.actions import Sheet, submit_responses
from dongliang.review.care import remarks_on
from dongliang.review.models import Source
from dongliang.seasons.models import Enrolment, Season

# Of so many secretaries one has field sheets that say beside an indicator what bears its mark out.
ONE_WITH_NOTES_IN = 5


def simulate(
    rng: np.random.Generator,
    season: Season,
    everyone: list[Enrolment],
    *,
    ballots: int,
    approvals: int,
    merit: Floats,
) -> tuple[SimulatedSeason, np.ndarray]:
    """What everyone answers, given the sheets assigned; and the plan as mentor codes, a row a secretary."""
    subdistricts = list(subdistricts_of(season.district))
    mentors = {mentor.pk: code for code, mentor in enumerate(season.mentors.all())}
    assessors: dict[int, list[int]] = {entry.pk: [] for entry in everyone}
    for enrolment, mentor in season.assignments.filter(source=Source.FIELD).values_list(
        "enrolment", "mentor"
    ):
        assessors[enrolment].append(mentors[mentor])
    plan = np.array([sorted(assessors[entry.pk]) for entry in everyone])
    position = {subdistrict.pk: code for code, subdistrict in enumerate(subdistricts)}
    drawn = simulate_season(
        rng,
        subdistrict=np.array([position[entry.subdistrict.pk] for entry in everyone]),
        plan=plan,
        n_assessors=len(mentors),
        departments=departments_of(season.district).count(),
        ballots=ballots,
        approvals=approvals,
        indicators=len(season.rules.indicators),
        merit=merit,
    )
    return drawn, plan


def send_sheets(
    rng: np.random.Generator,
    season: Season,
    everyone: list[Enrolment],
    drawn: SimulatedSeason,
    plan: np.ndarray,
    *,
    leave: int,
) -> None:
    """Send the drawn answers, but for the last ``leave`` sheets of the demo's own mentor and department."""
    code = {entry.pk: index for index, entry in enumerate(everyone)}
    mentors: dict[int | None, int] = {mentor.pk: index for index, mentor in enumerate(season.mentors.all())}
    departments = {department.pk: index for index, department in enumerate(departments_of(season.district))}
    sheets = []
    rules = season.rules
    for assignment in season.assignments.select_related("institution", "mentor").order_by("pk"):
        target = code[assignment.enrolment_id]
        if assignment.source == Source.FIELD:
            seat = int(np.flatnonzero(plan[target] == mentors[assignment.mentor_id])[0])
            note = liangzhou.NOTES[rng.integers(len(liangzhou.NOTES))]
            marks, project = drawn.field_marks[target, seat], str(drawn.project_marks[target, seat])
            spelt_out = spelt(marks)
            notes = {rules.indicators[0].key: liangzhou.NOTES[2]} if target % ONE_WITH_NOTES_IN == 0 else {}
            sheets.append(Sheet(assignment, spelt_out, project, note, notes, remarks_on(spelt_out, project)))
        elif assignment.institution_id in departments:
            sheets.append(
                Sheet(
                    assignment,
                    spelt(drawn.department_marks[departments[assignment.institution_id or 0], target]),
                )
            )
        else:
            sheets.append(Sheet(assignment, spelt(drawn.office_marks[target])))
    mentor, department = next(iter(mentors)), next(iter(departments))
    for own in (
        [sheet for sheet in sheets if sheet.assignment.mentor_id == mentor],
        [sheet for sheet in sheets if sheet.assignment.institution_id == department],
    ):
        for sheet in own[len(own) - leave :]:
            sheets.remove(sheet)
    submit_responses(season, sheets, by=None)


def spelt(marks: np.ndarray) -> str:
    return "".join(map(str, marks.tolist()))
