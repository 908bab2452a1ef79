"""One session: who signed up, who was there, and the three ways of noting it."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, download, xlsx_response
from dongliang.growth.actions.training import (
    cancel_session,
    leave_seat,
    sign_in_by_list,
    take_seat,
    undo_attendance,
)
from dongliang.growth.forms.filters import PeopleFilter, SeatFilter, TickForm
from dongliang.growth.forms.training import SignUpForm
from dongliang.growth.models import Attendance, Seat, Session
from dongliang.growth.printing import Line, sign_in_sheet_pdf
from dongliang.growth.queries.people import (
    WithColumns,
    enrolment_or_404,
    matching,
    own_enrolment,
    secretaries_in_charge,
    subdistricts_among,
)
from dongliang.growth.queries.training import (
    opinions_of,
    people_of,
    seating_blockers,
    seats_by_subdistrict,
    session_blockers,
    sessions_visible_to,
)
from dongliang.growth.views.answers import done, page_of, tell, training_steps
from dongliang.growth.views.training import may_see, session_to_run
from dongliang.seasons.models import Enrolment

# Empty lines on a sheet, for those who come without having signed up.
BLANK_LINES = 8
# More names than this on one page are found by a search.
MOST_TICKS = 500


def session_or_404(request: HttpRequest, pk: int) -> Session:
    return get_object_or_404(sessions_visible_to(request.user), pk=pk)


@may_see
def session(request: HttpRequest, pk: int) -> HttpResponse:
    shown = session_or_404(request, pk)
    season = shown.course.season
    own = own_enrolment(request.user, season)
    in_office = request.user.has_perm("growth.see_subdistricts")
    runs = request.user.has_perm("growth.run_training", season)
    context: dict[str, Any] = {
        "session": shown,
        "course": shown.course,
        "runs": runs,
        "in_office": in_office,
        "own": own,
        "breadcrumb": training_steps(
            (reverse("growth:course", args=[shown.course_id]), shown.course.title), ("", _("Session"))
        ),
    }
    if own:
        context |= own_part(shown, own)
    if in_office:
        context |= office_part(request, shown)
    if runs:
        context["answers"], context["opinions"] = opinions_of(shown)
    return render(request, "growth/session.html", context)


def own_part(shown: Session, own: Enrolment) -> dict[str, Any]:
    seat = shown.seats.filter(enrolment=own).exclude(state=Seat.State.LEFT).first()
    there = shown.attendances.filter(enrolment=own).first()
    return {
        "seat": seat,
        "there": there,
        "against": [] if seat or there else seating_blockers(shown, own, now()),
    }


def office_part(request: HttpRequest, shown: Session) -> dict[str, Any]:
    secretaries = secretaries_in_charge(request.user, shown.course.season)
    form = SeatFilter(request.GET, subdistricts=subdistricts_among(secretaries))
    everyone = people_of(shown, secretaries)
    free = everyone.filter(seat_state=None, was_there=False)
    return {
        "filter": form,
        "page": page_of(request, people_asked_for(everyone, form)),
        "sign_up": SignUpForm(secretaries=free)
        if not session_blockers(shown) and now() < shown.starts_at
        else None,
        "shares": seats_by_subdistrict(shown),
        "seated": shown.seats.filter(state=Seat.State.SEATED).count(),
        "waiting": shown.seats.filter(state=Seat.State.WAITING).count(),
        "attended": shown.attendances.count(),
        "blockers": session_blockers(shown),
    }


def people_asked_for(everyone: WithColumns, form: SeatFilter) -> WithColumns:
    """Those of the session that the filter asks for."""
    people = matching(everyone, **form.person).exclude(seat_state=None, was_there=False)
    state = form.wanted.get("state")
    if state == "there":
        return people.filter(was_there=True)
    if state == "absent":
        return people.filter(was_there=False, seat_state=Seat.State.SEATED)
    return people.filter(seat_state=state) if state else people


@may_see
def session_export(request: HttpRequest, pk: int) -> HttpResponse:
    shown = session_or_404(request, pk)
    if not request.user.has_perm("growth.see_subdistricts"):
        raise PermissionDenied
    secretaries = secretaries_in_charge(request.user, shown.course.season)
    form = SeatFilter(request.GET, subdistricts=subdistricts_among(secretaries))
    people = people_asked_for(people_of(shown, secretaries), form)
    columns = [
        _("Number"),
        _("Name"),
        _("Subdistrict"),
        _("Neighbourhood"),
        pgettext("in a session", "Place"),
        _("Was there"),
    ]
    return xlsx_response(
        f"{shown.course}-{localtime(shown.starts_at):%Y-%m-%d}.xlsx",
        [Table(_("Session"), columns, exported(people))],
    )


def exported(people: Iterable[Any]) -> Iterable[list[object]]:
    for person in people:
        yield [
            person.number,
            person.person.name,
            person.subdistrict.name,
            person.organisation.name,
            Seat.State(person.seat_state).label if person.seat_state else "",
            Attendance.Method(person.attended_by).label if person.attended_by else "",
        ]


@require_POST
@may_see
def join(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign oneself up, or, from an office, a secretary of one's own."""
    shown = session_or_404(request, pk)
    enrolment = who_is_meant(request, shown)
    try:
        seat = take_seat(shown, enrolment, by=request.user)
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, seat_words(seat))
    return redirect("growth:session", pk)


def seat_words(seat: Seat) -> str:
    name = {"name": seat.enrolment.person}
    if seat.state == Seat.State.SEATED:
        return _("%(name)s has a place.") % name
    return (
        _("All places are taken: %(name)s is on the waiting list, and moves up when somebody withdraws.")
        % name
    )


@require_POST
@may_see
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    shown = session_or_404(request, pk)
    enrolment = who_is_meant(request, shown)
    done(
        request,
        _("%(name)s is no longer signed up.") % {"name": enrolment.person},
        lambda: leave_seat(shown, enrolment, by=request.user),
    )
    return redirect("growth:session", pk)


def who_is_meant(request: HttpRequest, shown: Session) -> Enrolment:
    """The secretary named in the form, or whoever is signed in."""
    named = request.POST.get("enrolment", "")
    if named.isascii() and named.isdecimal() and len(named) < 19:
        enrolment: Enrolment | None = enrolment_or_404(request.user, int(named))
    else:
        enrolment = own_enrolment(request.user, shown.course.season)
    if enrolment is None or not request.user.has_perm("growth.sign_up", enrolment):
        raise PermissionDenied
    return enrolment


@require_POST
@may_see
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    shown = session_to_run(request, pk)
    done(request, _("The session is cancelled."), lambda: cancel_session(shown, by=request.user))
    return redirect("growth:session", pk)


@may_see
def tick(request: HttpRequest, pk: int) -> HttpResponse:
    """Note from a list, or from a sheet on paper, who was there."""
    shown = session_to_run(request, pk)
    secretaries = secretaries_in_charge(request.user, shown.course.season)
    everyone = people_of(shown, secretaries)
    form = PeopleFilter(request.GET, subdistricts=subdistricts_among(secretaries))
    how = TickForm(request.POST or None)
    if request.method == "POST" and how.is_valid():
        ticked = [
            int(pk)
            for pk in request.POST.getlist("there")
            if pk.isascii() and pk.isdecimal() and len(pk) < 19
        ]
        chosen = list(secretaries.filter(pk__in=ticked))
        if done(
            request,
            _("Noted: %(count)d were there.") % {"count": len(chosen)},
            lambda: sign_in_by_list(shown, chosen, how.cleaned_data["method"], by=request.user),
        ):
            return redirect("growth:session", pk)
    # Without a search those who signed up; with one, anybody of the season.
    people = matching(everyone, **form.person)
    if not form.wanted.get("search"):
        people = people.exclude(seat_state=None, was_there=False)
    shown_people = list(people[:MOST_TICKS])
    context = {
        "session": shown,
        "course": shown.course,
        "filter": form,
        "how": how,
        "people": shown_people,
        "some_there": any(entry.was_there for entry in shown_people),
        "blockers": session_blockers(shown),
        "breadcrumb": training_steps(
            (reverse("growth:session", args=[pk]), shown.course.title), ("", _("Sign in from a list"))
        ),
    }
    return render(request, "growth/tick.html", context)


@require_POST
@may_see
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back an attendance noted by mistake."""
    shown = session_to_run(request, pk)
    enrolment = who_is_meant(request, shown)
    done(
        request,
        _("The attendance of %(name)s is taken back, with its hours.") % {"name": enrolment.person},
        lambda: undo_attendance(shown, enrolment, by=request.user),
    )
    return redirect("growth:tick", pk)


@may_see
def sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """The sign-in sheet, to be printed."""
    shown = session_to_run(request, pk)
    secretaries = secretaries_in_charge(request.user, shown.course.season)
    people = people_of(shown, secretaries).filter(seat_state=Seat.State.SEATED)
    lines = [
        Line(person.number, person.person.name, person.subdistrict.name, person.organisation.name)
        for person in people.order_by("post__organisation__code")
    ]
    facts = [
        date_format(localtime(shown.starts_at), "DATETIME_FORMAT"),
        shown.place,
        _("Trainer: %(name)s") % {"name": shown.trainer},
    ]
    data = sign_in_sheet_pdf(lines, course=shown.course.title, facts=facts, blank=BLANK_LINES)
    name = _("Sign-in sheet")
    return download(f"{shown.course}-{name}.pdf", data, "application/pdf")
