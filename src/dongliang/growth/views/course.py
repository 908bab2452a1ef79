"""Materials, the quiz, the practice task and feedback."""

from pathlib import Path as File
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dongliang.common.sheets import Table, xlsx_response
from dongliang.growth.actions.course import (
    add_material,
    answer_practice,
    give_feedback,
    remove_material,
    remove_question,
    report_practice,
    take_quiz,
    write_question,
)
from dongliang.growth.forms.filters import PeopleFilter
from dongliang.growth.forms.training import FeedbackForm, MaterialForm, PracticeForm, QuestionForm, QuizForm
from dongliang.growth.models import Attempt, Course, Material, PracticeReport, Question
from dongliang.growth.queries.people import (
    matching,
    own_enrolment,
    secretaries_in_charge,
    subdistricts_among,
)
from dongliang.growth.queries.training import (
    courses_visible_to,
    feedback_blockers,
    practice_blockers,
    quiz_blockers,
    reports_in,
    season_blockers,
)
from dongliang.growth.views.answers import done, page_of, training_steps
from dongliang.growth.views.session import session_or_404
from dongliang.growth.views.training import course_to_run, may_see
from dongliang.seasons.models import Enrolment


def steps_to(course: Course, label: str) -> list[dict[str, Any]]:
    return training_steps((reverse("growth:course", args=[course.pk]), course.title), ("", label))


def course_to_take(request: HttpRequest, pk: int) -> tuple[Course, Enrolment]:
    """The course, and the secretary who is signed in; anybody else is refused."""
    course = get_object_or_404(courses_visible_to(request.user), pk=pk)
    own = own_enrolment(request.user, course.season)
    if own is None or not request.user.has_perm("growth.take_part", own):
        raise PermissionDenied
    return course, own


@may_see
def new_material(request: HttpRequest, pk: int) -> HttpResponse:
    course = course_to_run(request, pk)
    form = MaterialForm(request.POST or None, request.FILES or None)
    if form.is_valid() and done(
        request,
        _("The material is added."),
        lambda: add_material(course, by=request.user, **form.cleaned_data),
    ):
        return redirect("growth:course", pk)
    context = {
        "course": course,
        "form": form,
        "blockers": season_blockers(course.season),
        "breadcrumb": steps_to(course, _("Add material")),
    }
    return render(request, "growth/material_form.html", context)


@may_see
def material(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file, to be saved: it is never shown as a page of ours."""
    found = get_object_or_404(Material, pk=pk, course__in=courses_visible_to(request.user))
    if not found.file:
        raise Http404
    name = f"{found.title}{File(found.file.name or '').suffix}"
    response = FileResponse(
        found.file.open("rb"), as_attachment=True, filename=name, content_type="application/octet-stream"
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


@require_POST
@may_see
def drop_material(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Material, pk=pk, course__in=courses_visible_to(request.user))
    course = course_to_run(request, found.course_id)
    done(request, _("The material is removed."), lambda: remove_material(found, by=request.user))
    return redirect("growth:course", course.pk)


@may_see
def questions(request: HttpRequest, pk: int) -> HttpResponse:
    """The office's side of the quiz: its questions, and how the attempts went."""
    course = course_to_run(request, pk)
    form = QuestionForm(request.POST or None)
    if form.is_valid():
        choices, right = form.cleaned_data["choices"]
        if done(
            request,
            _("The question is added."),
            lambda: write_question(
                course, text=form.cleaned_data["text"], choices=choices, right=right, by=request.user
            ),
        ):
            return redirect("growth:questions", pk)
    context = {
        "course": course,
        "form": form,
        "questions": course.questions.all(),
        "tries": course.attempts_made.count(),
        "passed": course.attempts_made.filter(passed=True).count(),
        "blockers": season_blockers(course.season),
        "breadcrumb": steps_to(course, _("Quiz")),
    }
    return render(request, "growth/questions.html", context)


@require_POST
@may_see
def drop_question(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Question, pk=pk, course__in=courses_visible_to(request.user))
    course = course_to_run(request, found.course_id)
    done(request, _("The question is removed."), lambda: remove_question(found, by=request.user))
    return redirect("growth:questions", course.pk)


@may_see
def quiz(request: HttpRequest, pk: int) -> HttpResponse:
    course, own = course_to_take(request, pk)
    form = QuizForm(request.POST or None, questions=course.questions.all())
    made: list[Attempt] = []
    if request.method == "POST" and form.is_valid():
        words = _("Your answers are marked.")
        if done(request, words, lambda: made.append(take_quiz(course, own, form.answers, by=request.user))):
            return redirect("growth:quiz", pk)
    tries = list(course.attempts_made.filter(enrolment=own))
    context = {
        "course": course,
        "form": form,
        "tries": tries,
        "left": max(course.attempts - len(tries), 0),
        "blockers": quiz_blockers(course, own),
        "breadcrumb": steps_to(course, _("Quiz")),
    }
    return render(request, "growth/quiz.html", context)


@may_see
def practice(request: HttpRequest, pk: int) -> HttpResponse:
    """Report on the practice task, done in the own first thing."""
    course, own = course_to_take(request, pk)
    report = course.reports.filter(enrolment=own).first()
    form = PracticeForm(request.POST or None, initial={"text": report.text if report else ""})
    if form.is_valid() and done(
        request,
        _("The report is sent. Your subdistrict office reads it."),
        lambda: report_practice(course, own, form.cleaned_data["text"], by=request.user),
    ):
        return redirect("growth:course", pk)
    context = {
        "course": course,
        "form": form,
        "report": report,
        "first_thing": getattr(own, "first_thing", None),
        "blockers": practice_blockers(course, own),
        "breadcrumb": steps_to(course, _("Practice task")),
    }
    return render(request, "growth/practice.html", context)


@may_see
def practices(request: HttpRequest, pk: int) -> HttpResponse:
    """The reports of those the office answers for."""
    course, secretaries = course_to_read(request, pk)
    form = PeopleFilter(request.GET, subdistricts=subdistricts_among(secretaries))
    reports = reports_in(course, matching(secretaries, **form.person))
    context = {
        "course": course,
        "filter": form,
        "page": page_of(request, reports),
        "breadcrumb": steps_to(course, _("Reports")),
    }
    return render(request, "growth/practices.html", context)


def course_to_read(request: HttpRequest, pk: int) -> tuple[Course, Any]:
    course = get_object_or_404(courses_visible_to(request.user), pk=pk)
    if not request.user.has_perm("growth.see_subdistricts"):
        raise PermissionDenied
    return course, secretaries_in_charge(request.user, course.season)


@may_see
def practices_export(request: HttpRequest, pk: int) -> HttpResponse:
    course, secretaries = course_to_read(request, pk)
    form = PeopleFilter(request.GET, subdistricts=subdistricts_among(secretaries))
    columns = [
        _("Name"),
        _("Subdistrict"),
        _("Neighbourhood"),
        _("First thing"),
        _("What I did"),
        _("State"),
        _("Answer"),
        _("Sent at"),
    ]
    rows = [
        [
            report.enrolment.person.name,
            report.enrolment.subdistrict.name,
            report.enrolment.organisation.name,
            report.first_thing.title,
            report.text,
            report.get_state_display(),
            report.answer,
            f"{localtime(report.sent_at):%Y-%m-%d %H:%M}",
        ]
        for report in reports_in(course, matching(secretaries, **form.person))
    ]
    name = _("Reports")
    return xlsx_response(f"{course}-{name}.xlsx", [Table(name, columns, rows)])


@require_POST
@may_see
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept a report, or send it back."""
    report = get_object_or_404(
        PracticeReport.objects.select_related("course__season", "enrolment__season"),
        pk=pk,
        course__in=courses_visible_to(request.user),
    )
    if not request.user.has_perm("growth.read_practice", report.enrolment):
        raise PermissionDenied
    accept = request.POST.get("accept") == "yes"
    words = (
        _("The report is accepted, and its hours are credited.") if accept else _("The report is sent back.")
    )
    done(
        request,
        words,
        lambda: answer_practice(
            report, accept=accept, answer=request.POST.get("answer", "")[:300], by=request.user
        ),
    )
    return redirect("growth:practices", report.course_id)


@may_see
def feedback(request: HttpRequest, pk: int) -> HttpResponse:
    session = session_or_404(request, pk)
    own = own_enrolment(request.user, session.course.season)
    if own is None or not request.user.has_perm("growth.take_part", own):
        raise PermissionDenied
    form = FeedbackForm(request.POST or None)
    if form.is_valid() and done(
        request,
        _("Thank you. Your feedback is stored without your name."),
        lambda: give_feedback(session, own, **form.cleaned_data),
    ):
        return redirect("growth:session", pk)
    context = {
        "session": session,
        "course": session.course,
        "form": form,
        "blockers": feedback_blockers(session.attendances.filter(enrolment=own).first()),
        "breadcrumb": training_steps(
            (reverse("growth:session", args=[pk]), session.course.title), ("", _("Course feedback"))
        ),
    }
    return render(request, "growth/feedback.html", context)
