"""The list of sessions; a course, and what the programme office keeps of it."""

from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.common.sheets import Table, xlsx_response
from dongliang.growth.actions.training import arrange_session, change_course, change_session, create_course
from dongliang.growth.forms.filters import SessionFilter
from dongliang.growth.forms.training import CourseForm, SessionForm
from dongliang.growth.models import Course, Session
from dongliang.growth.queries.hours import credits_of
from dongliang.growth.queries.people import own_enrolment, season_of
from dongliang.growth.queries.training import (
    courses_visible_to,
    matching_sessions,
    session_blockers,
    sessions_visible_to,
    with_counts,
)
from dongliang.growth.views.answers import done, page_of, training_steps
from dongliang.people.queries import subdistricts_of
from dongliang.seasons.queries import seasons_visible_to

may_see = permission_required("growth.see_training", raise_exception=True)


@may_see
def training(request: HttpRequest) -> HttpResponse:
    season = season_of(request.user)
    if season is None:
        return render(request, "growth/training.html", {"season": None})
    form = SessionFilter(request.GET, rules=season.rules)
    sessions = with_counts(sessions_visible_to(request.user).filter(course__season=season))
    own = own_enrolment(request.user, season)
    context = {
        "season": season,
        "filter": form,
        "page": page_of(request, matching_sessions(sessions, **form.wanted)),
        "courses": courses_visible_to(request.user).filter(season=season, sessions=None),
        "runs": request.user.has_perm("growth.run_training", season),
        "own": own,
        "hours": sum(credit.hours for credit in credits_of(own.person, season)) if own else 0,
        "goal": season.rules.path.hours_a_year,
        "mine": {} if own is None else own_marks(own.pk),
    }
    return render(request, "growth/training.html", context)


def own_marks(enrolment: int) -> dict[int, str]:
    """By session: ``there``, or the state of the own seat."""
    marks = dict(Session.objects.filter(seats__enrolment=enrolment).values_list("pk", "seats__state"))
    there = Session.objects.filter(attendances__enrolment=enrolment).values_list("pk", flat=True)
    return marks | dict.fromkeys(there, "there")


@may_see
def training_export(request: HttpRequest) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    form = SessionFilter(request.GET, rules=season.rules)
    sessions = with_counts(sessions_visible_to(request.user).filter(course__season=season))
    columns = [
        _("Course"),
        _("Kind of training"),
        _("Kind of empowerment"),
        _("Begins"),
        _("Ends"),
        pgettext("of a session", "Place"),
        _("Trainer"),
        _("Hours"),
        pgettext("in a session", "Places"),
        _("Have a place"),
        _("Wait"),
        _("Were there"),
    ]
    rows = [
        [
            session.course.title,
            session.course.kind_name,
            session.course.empowerment_name,
            f"{localtime(session.starts_at):%Y-%m-%d %H:%M}",
            f"{localtime(session.ends_at):%Y-%m-%d %H:%M}",
            session.place,
            session.trainer,
            session.hours,
            session.places,
            session.seated,
            session.waiting,
            session.attended,
        ]
        for session in matching_sessions(sessions, **form.wanted)
    ]
    name = _("Training of %(season)s") % {"season": season}
    return xlsx_response(f"{name}.xlsx", [Table(_("Training"), columns, rows)])


@may_see
def course(request: HttpRequest, pk: int) -> HttpResponse:
    shown = get_object_or_404(courses_visible_to(request.user), pk=pk)
    own = own_enrolment(request.user, shown.season)
    context = {
        "course": shown,
        "sessions": with_counts(shown.sessions.all()),
        "materials": shown.materials.all(),
        "questions": shown.questions.count(),
        "runs": request.user.has_perm("growth.run_training", shown.season),
        "reads_practice": request.user.has_perm("growth.see_subdistricts"),
        "own": own,
        "best": shown.attempts_made.filter(enrolment=own).order_by("-percent").first() if own else None,
        "report": shown.reports.filter(enrolment=own).first() if own else None,
        "breadcrumb": training_steps(("", shown.title)),
    }
    return render(request, "growth/course.html", context)


def course_to_run(request: HttpRequest, pk: int) -> Course:
    """The course, for the programme office of its season; who may only read it is refused."""
    found = get_object_or_404(courses_visible_to(request.user), pk=pk)
    if not request.user.has_perm("growth.run_training", found.season):
        raise PermissionDenied
    return found


@may_see
def new_course(request: HttpRequest) -> HttpResponse:
    season = season_of(request.user)
    if not request.user.has_perm("growth.run_training", season) or season is None:
        raise PermissionDenied
    form = CourseForm(request.POST or None, season=season)
    made: list[Course] = []
    if form.is_valid() and done(
        request,
        _("The course is announced."),
        lambda: made.append(create_course(season, by=request.user, **form.cleaned_data)),
    ):
        return redirect("growth:course", made[0].pk)
    context = {"form": form, "season": season, "breadcrumb": training_steps(("", _("New course")))}
    return render(request, "growth/course_form.html", context)


@may_see
def edit_course(request: HttpRequest, pk: int) -> HttpResponse:
    found = course_to_run(request, pk)
    form = CourseForm(request.POST or None, instance=found, season=found.season)
    if form.is_valid() and done(
        request,
        _("The change is saved."),
        lambda: change_course(found, by=request.user, **form.cleaned_data),
    ):
        return redirect("growth:course", pk)
    steps = training_steps((reverse("growth:course", args=[pk]), found.title), ("", _("Change")))
    context = {"form": form, "season": found.season, "course": found, "breadcrumb": steps}
    return render(request, "growth/course_form.html", context)


@may_see
def new_session(request: HttpRequest, pk: int) -> HttpResponse:
    found = course_to_run(request, pk)
    form = SessionForm(request.POST or None, subdistricts=subdistricts_of(found.season.district))
    made: list[Session] = []
    if form.is_valid() and done(
        request,
        _("The session is arranged."),
        lambda: made.append(arrange_session(found, quotas=form.quotas, by=request.user, **form.details)),
    ):
        return redirect("growth:session", made[0].pk)
    steps = training_steps((reverse("growth:course", args=[pk]), found.title), ("", _("New session")))
    context = {"form": form, "course": found, "breadcrumb": steps}
    return render(request, "growth/session_form.html", context)


@may_see
def edit_session(request: HttpRequest, pk: int) -> HttpResponse:
    session = session_to_run(request, pk)
    form = SessionForm(
        request.POST or None, instance=session, subdistricts=subdistricts_of(session.course.season.district)
    )
    if form.is_valid() and done(
        request,
        _("The change is saved."),
        lambda: change_session(session, quotas=form.quotas, by=request.user, **form.details),
    ):
        return redirect("growth:session", pk)
    steps = training_steps((reverse("growth:session", args=[pk]), session.course.title), ("", _("Change")))
    context = {
        "form": form,
        "course": session.course,
        "session": session,
        "blockers": session_blockers(session),
        "breadcrumb": steps,
    }
    return render(request, "growth/session_form.html", context)


def session_to_run(request: HttpRequest, pk: int) -> Session:
    found = get_object_or_404(sessions_visible_to(request.user), pk=pk)
    if not request.user.has_perm("growth.run_training", found.course.season):
        raise PermissionDenied
    return found
