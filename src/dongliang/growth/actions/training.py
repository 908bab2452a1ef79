"""Courses, sessions, places and attendance."""

import datetime
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.timezone import localdate, now

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.growth import codes
from dongliang.growth.models import Attendance, Course, Credit, Seat, Session
from dongliang.growth.queries.training import (
    attendance_blockers,
    leaving_blockers,
    quota_blockers,
    season_blockers,
    seating,
    seating_blockers,
    session_blockers,
    stale_code,
)
from dongliang.people.models import Account, Organisation
from dongliang.seasons.models import Enrolment, Season


@transaction.atomic
def create_course(season: Season, *, by: Account | None, **words: Any) -> Course:
    """Announce a course. Raises Refused where the season is closed."""
    if blockers := season_blockers(season):
        raise Refused(blockers)
    course = Course.objects.create(season=season, **words)
    log_action("growth.course.created", course, by=by, kind=course.kind)
    return course


@transaction.atomic
def change_course(course: Course, *, by: Account | None, **words: Any) -> Course:
    if blockers := season_blockers(course.season):
        raise Refused(blockers)
    for name, value in words.items():
        setattr(course, name, value)
    course.save(update_fields=list(words))
    log_action("growth.course.changed", course, by=by)
    return course


@transaction.atomic
def arrange_session(
    course: Course, *, quotas: Mapping[Organisation, int], by: Account | None, **details: Any
) -> Session:
    """Set a time and a place, and each subdistrict's share of the places. Raises Refused."""
    shares = {subdistrict.pk: places for subdistrict, places in quotas.items()}
    if blockers := season_blockers(course.season) + quota_blockers(details["places"], shares):
        raise Refused(blockers)
    session = Session.objects.create(course=course, **details)
    keep_quotas(session, quotas)
    log_action("growth.session.arranged", session, by=by, places=session.places)
    return session


@transaction.atomic
def change_session(
    session: Session, *, quotas: Mapping[Organisation, int], by: Account | None, **details: Any
) -> Session:
    """Move a session, or give it other places; the waiting list moves up. Hours credited stay. Raises Refused."""
    session = locked(session)
    shares = {subdistrict.pk: places for subdistrict, places in quotas.items()}
    if blockers := session_blockers(session) + quota_blockers(details["places"], shares):
        raise Refused(blockers)
    for name, value in details.items():
        setattr(session, name, value)
    session.save(update_fields=list(details))
    session.quotas.all().delete()
    keep_quotas(session, quotas)
    give_out_places(session)
    log_action("growth.session.changed", session, by=by, places=session.places)
    return session


def keep_quotas(session: Session, quotas: Mapping[Organisation, int]) -> None:
    for subdistrict, places in quotas.items():
        session.quotas.create(subdistrict=subdistrict, places=places)


@transaction.atomic
def cancel_session(session: Session, *, by: Account | None) -> Session:
    """Call a session off. A second press changes nothing."""
    session = locked(session)
    if session.cancelled_at:
        return session
    if blockers := session_blockers(session):
        raise Refused(blockers)
    session.cancelled_at = now()
    session.save(update_fields=["cancelled_at"])
    log_action("growth.session.cancelled", session, by=by)
    return session


def locked(session: Session) -> Session:
    """The session as it stands now, for one writer at a time: places are counted under this lock."""
    return Session.objects.select_for_update(of=("self",)).select_related("course__season").get(pk=session.pk)


@transaction.atomic
def take_seat(session: Session, enrolment: Enrolment, *, by: Account | None) -> Seat:
    """Sign a secretary up: to a place, or to the waiting list where none is left. Raises Refused."""
    session, moment = locked(session), now()
    if blockers := seating_blockers(session, enrolment, moment):
        raise Refused(blockers)
    seat, _made = Seat.objects.update_or_create(
        session=session, enrolment=enrolment, defaults={"state": Seat.State.WAITING, "asked_at": moment}
    )
    give_out_places(session)
    seat.refresh_from_db()
    log_action("growth.seat.taken", seat, by=by, state=seat.state)
    return seat


@transaction.atomic
def leave_seat(session: Session, enrolment: Enrolment, *, by: Account | None) -> None:
    """Withdraw; whoever waits longest moves up. Raises Refused."""
    session = locked(session)
    if blockers := leaving_blockers(session, enrolment):
        raise Refused(blockers)
    seat = session.seats.get(enrolment=enrolment)
    seat.state = Seat.State.LEFT
    seat.save(update_fields=["state"])
    give_out_places(session)
    log_action("growth.seat.left", seat, by=by)


def give_out_places(session: Session) -> None:
    """Bring seats in line with places and quotas, in the order of asking. Whoever has a place keeps it."""
    asked = list(
        session.seats.exclude(state=Seat.State.LEFT)
        .select_related("enrolment__post__organisation")
        .order_by("asked_at", "pk")
    )
    # Whoever has a place comes before those who asked earlier and wait: a quota may be why they do.
    asked.sort(key=lambda seat: seat.state != Seat.State.SEATED)
    quotas = dict(session.quotas.values_list("subdistrict", "places"))
    given = seating(
        session.places,
        quotas,
        [(seat.enrolment_id, seat.enrolment.post.organisation.parent_id or 0) for seat in asked],
    )
    for seat in asked:
        state = Seat.State.SEATED if seat.enrolment_id in given.seated else Seat.State.WAITING
        if seat.state != state:
            seat.state = state
            seat.save(update_fields=["state"])


@transaction.atomic
def sign_in_by_code(session: Session, enrolment: Enrolment, token: str, *, by: Account) -> Attendance:
    """Sign in whoever scanned the screen; ``token`` was issued for a code that was on it. Raises Refused."""
    session = locked(session)
    blockers = attendance_blockers(session, enrolment, now(), by_code=True)
    if not codes.opens(token, session.pk, by.pk):
        blockers.append(stale_code())
    if blockers:
        raise Refused(blockers)
    return record(session, enrolment, Attendance.Method.CODE, by=by)


@transaction.atomic
def sign_in_by_list(
    session: Session, enrolments: Collection[Enrolment], method: str, *, by: Account | None
) -> int:
    """Sign in those ticked, from a list or from a sheet on paper; how many were new. Raises Refused, and keeps none."""
    session, moment = locked(session), now()
    blockers = {
        blocker.sentence: blocker
        for enrolment in enrolments
        for blocker in attendance_blockers(session, enrolment, moment, by_code=False)
    }
    if blockers:
        raise Refused(blockers.values())
    there = set(session.attendances.values_list("enrolment", flat=True))
    fresh = [enrolment for enrolment in enrolments if enrolment.pk not in there]
    for enrolment in fresh:
        record(session, enrolment, method, by=by)
    return len(fresh)


def record(session: Session, enrolment: Enrolment, method: str, *, by: Account | None) -> Attendance:
    """The attendance with its hours; the one there is, if somebody signs in twice."""
    attendance, made = Attendance.objects.get_or_create(
        session=session, enrolment=enrolment, defaults={"method": method, "at": now(), "by": by}
    )
    if made:
        Credit.objects.create(
            person=enrolment.person,
            season=session.course.season,
            hours=session.hours,
            earned_on=localdate(session.starts_at),
            attendance=attendance,
            given_by=by,
        )
        log_action("growth.attendance.recorded", attendance, by=by, method=method)
    return attendance


@transaction.atomic
def undo_attendance(session: Session, enrolment: Enrolment, *, by: Account | None) -> None:
    """Take back an attendance noted by mistake, with its hours. A second press changes nothing."""
    session = locked(session)
    if blockers := season_blockers(session.course.season):
        raise Refused(blockers)
    attendance = session.attendances.filter(enrolment=enrolment).first()
    if attendance is None:
        return
    log_action("growth.attendance.undone", attendance, by=by, method=attendance.method)
    Credit.objects.filter(attendance=attendance).delete()
    attendance.delete()


@transaction.atomic
def credit_hours(
    enrolment: Enrolment,
    *,
    hours: Decimal,
    earned_on: datetime.date,
    evidence: str,
    by: Account | None,
) -> Credit:
    """Credit training held by others, with what shows it. Raises Refused where the season is closed."""
    season = enrolment.season
    if blockers := season_blockers(season):
        raise Refused(blockers)
    credit = Credit.objects.create(
        person=enrolment.person,
        season=season,
        hours=hours,
        earned_on=earned_on,
        evidence=evidence.strip(),
        given_by=by,
    )
    log_action("growth.credit.given", credit, by=by, hours=str(hours), evidence=credit.evidence)
    return credit
