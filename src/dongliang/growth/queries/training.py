"""Courses and sessions: who sees them, what stands against signing up and signing in, who sits where."""

import datetime
from collections import Counter
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.common.counts import count_of_each
from dongliang.common.refusals import Blocker
from dongliang.growth.models import Attendance, Course, Feedback, PracticeReport, Seat, Session
from dongliang.growth.queries.people import WithColumns
from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment, Phase, Season
from dongliang.seasons.queries import seasons_visible_to

# Signing in by the code on the screen begins so long before a session.
EARLY = datetime.timedelta(minutes=45)
# Averages of fewer answers would be somebody's.
FEWEST_ANSWERS = 5


def courses_visible_to(account: Account) -> QuerySet[Course]:
    """Training is announced to everyone of the district."""
    return Course.objects.filter(season__in=seasons_visible_to(account).values("pk")).select_related("season")


def sessions_visible_to(account: Account) -> QuerySet[Session]:
    return Session.objects.filter(course__in=courses_visible_to(account).values("pk")).select_related(
        "course__season__district"
    )


def with_counts(sessions: QuerySet[Session]) -> WithColumns:
    """Sessions with how many are ``seated``, ``waiting``, and ``attended``; each counted by itself, not multiplied."""
    return sessions.annotate(
        seated=count_of_each(Seat.objects.filter(state=Seat.State.SEATED), "session"),
        waiting=count_of_each(Seat.objects.filter(state=Seat.State.WAITING), "session"),
        attended=count_of_each(Attendance.objects, "session"),
    )


def matching_sessions(
    sessions: WithColumns, *, search: str = "", kind: str = "", when: str = ""
) -> WithColumns:
    if search:
        sessions = sessions.filter(
            Q(course__title__icontains=search) | Q(trainer__icontains=search) | Q(place__icontains=search)
        )
    if kind:
        sessions = sessions.filter(course__kind=kind)
    if when == "coming":
        sessions = sessions.filter(ends_at__gte=now())
    elif when == "past":
        sessions = sessions.filter(ends_at__lt=now())
    return sessions


def season_blockers(season: Season) -> list[Blocker]:
    if season.phase != Phase.CLOSED:
        return []
    return [
        Blocker(
            "training.season_closed",
            _("The season is closed."),
            _("Its training and its hours stay as they were; use the next season."),
        )
    ]


def session_blockers(session: Session) -> list[Blocker]:
    """What stands against anybody's signing up or in."""
    found = season_blockers(session.course.season)
    if session.cancelled_at:
        found.append(
            Blocker(
                "training.cancelled",
                _("The session is cancelled."),
                _("Look for another session of the course."),
            )
        )
    return found


def seating_blockers(session: Session, enrolment: Enrolment, moment: datetime.datetime) -> list[Blocker]:
    """Every reason why ``enrolment`` cannot ask for a place. A full session is none: there is a waiting list."""
    found = session_blockers(session)
    if enrolment.season_id != session.course.season_id:
        found.append(elsewhere(enrolment))
    if moment >= session.starts_at:
        found.append(
            Blocker(
                "training.begun",
                _("The session has begun."),
                _("Whoever is there signs in by the code on the screen, with or without a place."),
            )
        )
    if session.seats.filter(enrolment=enrolment).exclude(state=Seat.State.LEFT).exists():
        found.append(
            Blocker(
                "training.asked",
                _("%(name)s has signed up already.") % {"name": enrolment.person},
                _("There is nothing left to do."),
            )
        )
    return found


def elsewhere(enrolment: Enrolment) -> Blocker:
    return Blocker(
        "training.elsewhere",
        _("%(name)s does not take part in this season.") % {"name": enrolment.person},
        _("Choose a secretary of the season that the training belongs to."),
    )


def leaving_blockers(session: Session, enrolment: Enrolment) -> list[Blocker]:
    found = session_blockers(session)
    if not session.seats.filter(enrolment=enrolment).exclude(state=Seat.State.LEFT).exists():
        found.append(
            Blocker(
                "training.no_seat",
                _("%(name)s has not signed up.") % {"name": enrolment.person},
                _("There is nothing to withdraw."),
            )
        )
    if session.attendances.filter(enrolment=enrolment).exists():
        found.append(
            Blocker(
                "training.attended",
                _("%(name)s was there and has the hours.") % {"name": enrolment.person},
                _("Take back the attendance first, if it was a mistake."),
            )
        )
    return found


def attendance_blockers(
    session: Session, enrolment: Enrolment, moment: datetime.datetime, *, by_code: bool
) -> list[Blocker]:
    """Every reason why ``enrolment`` cannot be signed in now. Having been signed in already is none."""
    found = session_blockers(session)
    if enrolment.season_id != session.course.season_id:
        found.append(elsewhere(enrolment))
    if moment < session.starts_at - EARLY:
        found.append(
            Blocker(
                "training.too_early",
                _("Signing in begins %(minutes)d minutes before the session.")
                % {"minutes": EARLY.total_seconds() // 60},
                _("Come back then."),
            )
        )
    if by_code and moment > session.ends_at:
        found.append(
            Blocker(
                "training.over",
                _("The session is over."),
                _("Whoever was there and did not sign in tells the programme office, which has the list."),
            )
        )
    return found


def stale_code() -> Blocker:
    return Blocker(
        "training.stale_code",
        _("This code is out of date. It changes every half minute, and a photo of it does not help."),
        _("Scan the code that is on the screen now."),
    )


@dataclass(frozen=True)
class Seating:
    """Who sits and who waits."""

    seated: frozenset[int]
    waiting: tuple[int, ...]


def seating(places: int, quotas: dict[int, int], asked: list[tuple[int, int]]) -> Seating:
    """Give out places in the order asked.

    ``asked`` are (enrolment, subdistrict) in the order of asking. A subdistrict with a quota fills its own places and no
    more; one without shares in the places that no quota has taken.
    """
    free = dict(quotas)
    shared, left = max(places - sum(quotas.values()), 0), places
    seated, waiting = set(), []
    for enrolment, subdistrict in asked:
        has_own = subdistrict in free
        room = free[subdistrict] if has_own else shared
        if left > 0 and room > 0:
            seated.add(enrolment)
            left -= 1
            if has_own:
                free[subdistrict] -= 1
            else:
                shared -= 1
        else:
            waiting.append(enrolment)
    return Seating(frozenset(seated), tuple(waiting))


def people_of(session: Session, secretaries: QuerySet[Enrolment]) -> WithColumns:
    """Of ``secretaries`` those who signed up for a session or were there, each with ``seat_state`` and ``was_there``."""
    # One each at most; in order, each would be joined with its secretary for the sake of it.
    seats = (
        Seat.objects.filter(session=session, enrolment=OuterRef("pk"))
        .exclude(state=Seat.State.LEFT)
        .order_by()
    )
    present = Attendance.objects.filter(session=session, enrolment=OuterRef("pk")).order_by()
    return secretaries.annotate(
        seat_state=seats.values("state")[:1],
        asked_at=seats.values("asked_at")[:1],
        attended_by=present.values("method")[:1],
        was_there=Exists(present),
    )


@dataclass(frozen=True)
class Opinions:
    """What those who were there thought: averages on a scale of 1 to 5, remarks in the order of their words."""

    answers: int
    content: float
    trainer: float
    setting: float
    remarks: tuple[str, ...]


def opinions_of(session: Session) -> tuple[int, Opinions | None]:
    """How many gave feedback, and what they thought once they are enough."""
    rows = list(Feedback.objects.filter(session=session).order_by("remark", "pk"))
    if len(rows) < FEWEST_ANSWERS:
        return len(rows), None

    def mean(name: str) -> float:
        return round(sum(getattr(row, name) for row in rows) / len(rows), 1)

    remarks = tuple(row.remark for row in rows if row.remark)
    return len(rows), Opinions(len(rows), mean("content"), mean("trainer"), mean("setting"), remarks)


def feedback_blockers(attendance: Attendance | None) -> list[Blocker]:
    if attendance is None:
        return [
            Blocker(
                "training.not_there",
                _("Only those who were there can say what it was like."),
                _("If you were there, ask the programme office to sign you in from the list."),
            )
        ]
    if attendance.gave_feedback:
        return [
            Blocker(
                "training.feedback_given",
                _("You have given your feedback. It is stored without your name, so it cannot be changed."),
                _("There is nothing left to do."),
            )
        ]
    return []


def quiz_blockers(course: Course, enrolment: Enrolment) -> list[Blocker]:
    found = season_blockers(course.season)
    tries = course.attempts_made.filter(enrolment=enrolment)
    if not course.questions.exists():
        found.append(
            Blocker("quiz.empty", _("This course has no quiz yet."), _("The programme office writes it."))
        )
    if tries.filter(passed=True).exists():
        found.append(Blocker("quiz.passed", _("The quiz is passed."), _("There is nothing left to do.")))
    elif tries.count() >= course.attempts:
        found.append(
            Blocker(
                "quiz.no_attempts",
                _("All %(count)d attempts are used.") % {"count": course.attempts},
                _("Ask the programme office: it can allow more for the course."),
            )
        )
    return found


def practice_blockers(course: Course, enrolment: Enrolment) -> list[Blocker]:
    """Every reason why ``enrolment`` cannot report on the practice task now."""
    found = season_blockers(course.season)
    if enrolment.season_id != course.season_id:
        found.append(elsewhere(enrolment))
    if not course.practice:
        found.append(
            Blocker("practice.none", _("This course has no practice task."), _("There is nothing to report."))
        )
    if not FirstThing.objects.filter(enrolment=enrolment).exists():
        found.append(
            Blocker(
                "practice.no_project",
                _("A practice task is done in one's own first thing, and none is registered."),
                _("Register the first thing, then report."),
            )
        )
    report = PracticeReport.objects.filter(course=course, enrolment=enrolment).first()
    if report and report.state == PracticeReport.State.ACCEPTED:
        found.append(
            Blocker("practice.accepted", _("The report is accepted."), _("There is nothing left to do."))
        )
    return found


def reports_in(course: Course, secretaries: QuerySet[Enrolment]) -> QuerySet[PracticeReport]:
    # Asked for first: see organisations_of.
    whose = set(secretaries.order_by().values_list("pk", flat=True))
    return course.reports.filter(enrolment__in=whose).select_related(
        "enrolment__person", "enrolment__post__organisation__parent", "first_thing"
    )


def quota_blockers(places: int, quotas: dict[int, int]) -> list[Blocker]:
    total = sum(quotas.values())
    if total <= places:
        return []
    return [
        Blocker(
            "training.quotas",
            _("The subdistricts' places add up to %(total)d, and the session has %(places)d.")
            % {"total": total, "places": places},
            _("Give fewer, or raise the number of places."),
        )
    ]


def seats_by_subdistrict(session: Session) -> list[tuple[str, int | None, int, int]]:
    """Per subdistrict: name, quota, how many sit, how many wait."""
    quotas: dict[int | None, int] = {quota.subdistrict_id: quota.places for quota in session.quotas.all()}
    counts: Counter[tuple[int | None, str]] = Counter()
    names: dict[int | None, str] = {}
    for pk, name, state in (
        session.seats.exclude(state=Seat.State.LEFT)
        .order_by("enrolment__post__organisation__parent__code")
        .values_list(
            "enrolment__post__organisation__parent", "enrolment__post__organisation__parent__name", "state"
        )
    ):
        names[pk] = name
        counts[pk, state] += 1
    for quota in session.quotas.select_related("subdistrict"):
        names.setdefault(quota.subdistrict_id, str(quota.subdistrict))
    return [
        (name, quotas.get(pk), counts[pk, Seat.State.SEATED], counts[pk, Seat.State.WAITING])
        for pk, name in names.items()
    ]
