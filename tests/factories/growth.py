"""Training and paths, straight into the database: a closed season refuses the actions, and must still show its rows."""

import datetime
from decimal import Decimal
from typing import Any

from django.utils.timezone import localdate, now

from dongliang.growth.models import Attendance, Course, Credit, Move, Path, PracticeReport, Seat, Session
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season

HOUR = datetime.timedelta(hours=1)


def make_course(season: Season, **words: Any) -> Course:
    described = {"kind": "joint", "title": "议事协商怎么开好", "practice": "", "practice_hours": Decimal(0)}
    return Course.objects.create(season=season, **described | words)


def make_session(course: Course, *, begins_in: datetime.timedelta = 24 * HOUR, **details: Any) -> Session:
    """A session of two hours that begins in a day, with room for all, unless told otherwise."""
    starts_at = now() + begins_in
    known: dict[str, Any] = {
        "starts_at": starts_at,
        "ends_at": starts_at + 2 * HOUR,
        "place": "区委党校 201",
        "trainer": "俞慧敏",
        "hours": Decimal("3.0"),
        "places": 50,
    }
    return Session.objects.create(course=course, **known | details)


def make_seat(session: Session, enrolment: Enrolment, state: str = Seat.State.SEATED) -> Seat:
    return Seat.objects.create(session=session, enrolment=enrolment, state=state, asked_at=now())


def make_attendance(session: Session, enrolment: Enrolment) -> Attendance:
    attendance = Attendance.objects.create(session=session, enrolment=enrolment, method="list", at=now())
    Credit.objects.create(
        person=enrolment.person,
        season=session.course.season,
        hours=session.hours,
        earned_on=localdate(),
        attendance=attendance,
    )
    return attendance


def make_report(course: Course, enrolment: Enrolment) -> PracticeReport:
    return PracticeReport.objects.create(
        course=course,
        enrolment=enrolment,
        first_thing=enrolment.first_thing,
        text="开了两次楼组会，定下了车棚怎么分。",
        sent_at=now(),
    )


def give_hours(enrolment: Enrolment, hours: float) -> Credit:
    return Credit.objects.create(
        person=enrolment.person,
        season=enrolment.season,
        hours=Decimal(hours),
        earned_on=localdate(),
        evidence="市委党校，结业证书 12 号",
    )


def make_path(enrolment: Enrolment, stage: str = "new", **state: Any) -> Path:
    return Path.objects.create(
        person=enrolment.person,
        district=enrolment.season.district,
        stage=stage,
        since=datetime.date(2021, 5, 20),
        **state,
    )


def make_proposal(path: Path, to_stage: str, *, by: Account | None) -> Move:
    return Move.objects.create(
        path=path,
        kind=Move.Kind.PROMOTION,
        from_stage=path.stage,
        to_stage=to_stage,
        evidence="年度考核优秀，见 2021 年第 3 号纪要。",
        proposed_by=by,
        proposed_at=now(),
    )
