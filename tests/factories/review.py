import io
import uuid

from django.utils.timezone import now
from PIL import Image

from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account, Organisation
from dongliang.review.actions import plan_assignments, submit_response
from dongliang.review.models import Assignment, Photo, PhotoImage, Response, Source
from dongliang.review.queries import assignments, marks_first_thing
from dongliang.seasons.models import Enrolment, Season


def make_plan(season: Season) -> list[Assignment]:
    plan_assignments(season, by=None)
    return list(assignments(season))


def make_assignment(enrolment: Enrolment, assessor: Mentor | Organisation) -> Assignment:
    """One sheet, asked of a mentor in the field or of an institution."""
    who = (
        {"source": Source.FIELD, "mentor": assessor}
        if isinstance(assessor, Mentor)
        else {"source": Source.INSTITUTIONAL, "institution": assessor}
    )
    return enrolment.season.assignments.create(enrolment=enrolment, **who)


def send_sheet(
    assignment: Assignment, marks: str = "4354", *, note: str = "", by: Account | None = None
) -> Response:
    project_mark = "4" if marks_first_thing(assignment) else ""
    return submit_response(assignment, marks=marks, project_mark=project_mark, note=note, by=by)


def make_picture(width: int = 300, height: int = 200, kind: str = "JPEG", **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (140, 110, 80)).save(out, kind, **more)
    return out.getvalue()


def make_photo(assignment: Assignment) -> Photo:
    """A photo on a sheet, whatever the season's phase."""
    photo = assignment.photos.create(key=uuid.uuid4(), width=300, height=200, taken_in_at=now())
    PhotoImage.objects.create(photo=photo, jpeg=make_picture())
    return photo
