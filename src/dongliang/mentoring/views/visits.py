"""Logging a visit on a phone, reading visits, and saying what became of them."""

import json
import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.mentoring.actions.visits import (
    add_visit_photo,
    follow_up,
    give_feedback,
    log_visit,
    remove_visit_photo,
)
from dongliang.mentoring.forms.pairs import FeedbackForm, FollowUpForm, PhotoForm, VisitFilter, VisitForm
from dongliang.mentoring.models import Pair, Visit, VisitPhoto
from dongliang.mentoring.queries.pairs import ended_blockers, pairs_visible_to, subdistricts_of_pairs
from dongliang.mentoring.queries.visits import (
    feedback_visible_to,
    matching_visits,
    photo_blockers,
    photos_visible_to,
    steps_due,
    visits_visible_to,
)
from dongliang.mentoring.views.access import (
    ROWS_A_PAGE,
    breadcrumb,
    newest_season,
    pair_or_404,
    permit,
    season_or_404,
    takes_part,
    tell,
)
from dongliang.mentoring.views.pairs import pair_label
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to


def visits_found(request: HttpRequest, season: Season) -> tuple[VisitFilter, Any]:
    subdistricts = subdistricts_of_pairs(pairs_visible_to(request.user, season))
    form = VisitFilter(request.GET, subdistricts=subdistricts)
    return form, matching_visits(visits_visible_to(request.user, season), **form.wanted)


@takes_part
def visits(request: HttpRequest) -> HttpResponse:
    season = newest_season(request)
    if season is None:
        return render(request, "mentoring/visits.html", {"season": None})
    form, found = visits_found(request, season)
    context = {
        "season": season,
        "filter": form,
        "page": Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "today": localdate(),
        "breadcrumb": breadcrumb(("", _("Visits"))),
    }
    return render(request, "mentoring/visits.html", context)


@takes_part
def visits_export(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    _form, found = visits_found(request, season)
    columns = [
        _("Day"), _("Mentor"), _("Mentee"), _("Neighbourhood"), _("Subdistrict"), pgettext("of a visit", "Place"),
        _("What was asked"), _("What was advised"), _("Agreed step"), _("To be done by"),
        pgettext("of a step", "State"),
    ]  # fmt: skip
    rows = [
        [
            visit.met_on,
            visit.pair.mentor.person.name,
            visit.pair.mentee.person.name,
            visit.pair.mentee.organisation.name,
            visit.pair.mentee.subdistrict.name,
            visit.get_place_display(),
            visit.question,
            visit.advice,
            visit.step,
            visit.due_on,
            visit.get_step_state_display(),
        ]
        for visit in found
    ]
    return xlsx_response(f"{season.title}-{_('Visits')}.xlsx", [Table(_("Visits"), columns, rows)])


def new_visit(request: HttpRequest, pk: int) -> HttpResponse:
    """The form, filled in beforehand as far as it goes; it is sent to ``log``."""
    shown = pair_or_404(request, pk)
    permit(request, "mentoring.log_visit", shown)
    last = shown.visits.first()
    return visit_page(request, shown, VisitForm.blank(last_place=last.place if last else ""))


def visit_page(request: HttpRequest, shown: Pair, form: VisitForm) -> HttpResponse:
    context = {
        "season": shown.mentee.season,
        "pair": shown,
        "form": form,
        "blockers": ended_blockers(shown),
        "steps": steps_due(shown.visits.all()),
        "today": localdate(),
        "breadcrumb": breadcrumb(
            (reverse("mentoring:pair", args=[shown.pk]), pair_label(shown)), ("", _("Log a visit"))
        ),
    }
    return render(request, "mentoring/new_visit.html", context, status=422 if form.errors else 200)


@require_POST
def log(request: HttpRequest, pk: int) -> HttpResponse:
    """Take in a visit, from the form or as JSON. The same number sent again is the same visit, whatever else it says."""
    shown = pair_or_404(request, pk)
    permit(request, "mentoring.log_visit", shown)
    in_json = request.content_type == "application/json"
    form = VisitForm(json_body(request) if in_json else request.POST)
    if form.is_valid():
        try:
            visit, is_new = log_visit(shown, **form.cleaned_data, by=request.user)
        except Refused as refused:
            for blocker in refused.blockers:
                form.add_error(None, str(blocker))
        else:
            if in_json:
                answer = {"number": str(visit.uuid), "url": reverse("mentoring:visit", args=[visit.pk])}
                return JsonResponse(answer, status=201 if is_new else 200)
            messages.success(request, _("The visit is logged."))
            return redirect("mentoring:visit", visit.pk)
    if in_json:
        return JsonResponse({"errors": form.errors}, status=422)
    return visit_page(request, shown, form)


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The fields of a JSON request; what is no object of plain values has none, and is told what is missing."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    return {
        str(name): value if isinstance(value, str) else str(value)
        for name, value in body.items()
        if isinstance(value, str | int)
    }


def visit_or_404(request: HttpRequest, pk: int) -> Visit:
    pair = get_object_or_404(Pair, visits__pk=pk)
    season = get_object_or_404(seasons_visible_to(request.user), enrolments__pk=pair.mentee_id)
    return get_object_or_404(visits_visible_to(request.user, season), pk=pk)


@takes_part
def visit(request: HttpRequest, pk: int) -> HttpResponse:
    """One visit, what became of its step, and, for whoever wrote it and the office, how it was."""
    shown = visit_or_404(request, pk)
    took_part = shown.pair.ends_on is None and request.user.has_perm("mentoring.follow_up", shown)
    told = list(feedback_visible_to(request.user, shown))
    own = next((entry for entry in told if entry.by_id == request.user.pk), None)
    context = {
        "season": shown.pair.mentee.season,
        "visit": shown,
        "follow_ups": shown.follow_ups.select_related("by"),
        "feedback": told,
        "follow_up_form": FollowUpForm() if took_part and shown.step_state == Visit.StepState.OPEN else None,
        "feedback_form": FeedbackForm(initial={"helped": own.helped, "words": own.words} if own else None)
        if took_part
        else None,
        "own": own,
        "photos": photos_visible_to(request.user, shown),
        "photo_form": PhotoForm() if took_part and not photo_blockers(shown) else None,
        "today": localdate(),
        "breadcrumb": breadcrumb(
            (reverse("mentoring:pair", args=[shown.pair.pk]), pair_label(shown.pair)),
            ("", _("Visit")),
        ),
    }
    return render(request, "mentoring/visit.html", context)


def photo_or_404(request: HttpRequest, key: uuid.UUID) -> VisitPhoto:
    visit = visit_or_404(request, get_object_or_404(VisitPhoto, key=key).visit_id)
    return get_object_or_404(photos_visible_to(request.user, visit), key=key)


def photo(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    found = photo_or_404(request, key)
    answer = HttpResponse(bytes(found.image.jpeg), content_type="image/jpeg")
    answer["Cache-Control"] = "no-store"
    answer["Content-Disposition"] = f'inline; filename="{found.key}.jpg"'
    return answer


@require_POST
def drop_photo(request: HttpRequest, key: uuid.UUID) -> HttpResponse:
    found = photo_or_404(request, key)
    permit(request, "mentoring.follow_up", found.visit)
    remove_visit_photo(found, by=request.user)
    messages.success(request, _("The photo is deleted."))
    return redirect("mentoring:visit", found.visit_id)


@require_POST
def new_photo(request: HttpRequest, pk: int) -> HttpResponse:
    """A photo from the visit's page; the phone has a way of its own."""
    shown = visit_or_404(request, pk)
    permit(request, "mentoring.follow_up", shown)
    form = PhotoForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            add_visit_photo(shown, form.cleaned_data["file"].read(), key=uuid.uuid4(), by=request.user)
        except Refused as refused:
            tell(request, refused)
        else:
            messages.success(request, _("The photo is added."))
    else:
        tell_errors(request, form)
    return redirect("mentoring:visit", pk)


@require_POST
def tell_outcome(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visit_or_404(request, pk)
    permit(request, "mentoring.follow_up", shown)
    form = FollowUpForm(request.POST)
    if form.is_valid():
        try:
            follow_up(shown, **form.cleaned_data, by=request.user)
        except Refused as refused:
            tell(request, refused)
        else:
            messages.success(request, _("What became of the step is on record."))
    else:
        tell_errors(request, form)
    return redirect("mentoring:visit", pk)


@require_POST
def tell_feedback(request: HttpRequest, pk: int) -> HttpResponse:
    shown = visit_or_404(request, pk)
    permit(request, "mentoring.follow_up", shown)
    form = FeedbackForm(request.POST)
    if form.is_valid():
        give_feedback(shown, **form.cleaned_data, by=request.user)
        messages.success(request, _("Thank you. Only you and the programme office read this."))
    else:
        tell_errors(request, form)
    return redirect("mentoring:visit", pk)


def tell_errors(request: HttpRequest, form: Any) -> None:
    for bound in form:
        for error in bound.errors:
            messages.error(request, f"{bound.label}: {error}")
