"""Signing in by the code on the screen: the projector's page, and the phone's."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from dongliang.common.typesetting import qr_drawing
from dongliang.growth import codes
from dongliang.growth.actions.training import sign_in_by_code
from dongliang.growth.models import Session
from dongliang.growth.queries.hours import shown_hours
from dongliang.growth.queries.people import own_enrolment
from dongliang.growth.queries.training import attendance_blockers, session_blockers, stale_code
from dongliang.growth.views.answers import done, training_steps
from dongliang.growth.views.session import session_or_404
from dongliang.growth.views.training import may_see, session_to_run


@never_cache
@may_see
def projector(request: HttpRequest, pk: int) -> HttpResponse:
    """A page for the wall of the room. Its code turns by itself."""
    session = session_to_run(request, pk)
    context = {
        "session": session,
        "course": session.course,
        "code": rendered_code(request, session),
        "blockers": session_blockers(session),
        "breadcrumb": training_steps(
            (reverse("growth:session", args=[pk]), session.course.title), ("", _("Code on the screen"))
        ),
    }
    return render(request, "growth/projector.html", context)


@never_cache
@may_see
def projector_code(request: HttpRequest, pk: int) -> HttpResponse:
    """The code of this moment alone, which the page asks for when its own runs out."""
    return HttpResponse(rendered_code(request, session_to_run(request, pk)))


def rendered_code(request: HttpRequest, session: Session) -> str:
    moment = now()
    code = codes.code_of(session.pk, codes.step_at(moment))
    address = request.build_absolute_uri(reverse("growth:here", args=[session.pk, code]))
    return render_to_string(
        "growth/_code.html",
        {
            "drawing": qr_drawing(address),
            "address": address,
            "left": codes.seconds_left(moment),
            "attended": session.attendances.count(),
            "seated": session.seats.filter(state="seated").count(),
        },
    )


@never_cache
@may_see
def here(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """What the phone shows after scanning: one button. A code that has gone from the screen opens nothing."""
    session = session_or_404(request, pk)
    own = own_enrolment(request.user, session.course.season)
    if own is None or not request.user.has_perm("growth.take_part", own):
        raise PermissionDenied
    there = session.attendances.filter(enrolment=own).first()
    if request.method == "POST" and done(
        request,
        _("You are signed in: %(hours)s hours are credited.") % {"hours": shown_hours(session.hours)},
        lambda: sign_in_by_code(session, own, request.POST.get("pass", ""), by=request.user),
    ):
        return redirect("growth:session", pk)
    current = codes.is_current(session.pk, code, now())
    against = attendance_blockers(session, own, now(), by_code=True)
    if not current and not there:
        against.append(stale_code())
    context = {
        "session": session,
        "course": session.course,
        "own": own,
        "there": there,
        "against": against,
        "pass": codes.issue_pass(session.pk, request.user.pk) if current else "",
    }
    return render(request, "growth/here.html", context)
