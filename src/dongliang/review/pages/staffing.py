"""The office changes who assesses whom: one sheet at a time, or all that somebody leaves behind."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Blocker, Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.mentoring.models import Mentor
from dongliang.people.queries import subdistricts_of
from dongliang.review.models import Waiver
from dongliang.review.office_forms import ChangeForm, ReleaseForm, StaffingFilter
from dongliang.review.queries import not_open_blockers
from dongliang.review.staffing import (
    Staffed,
    candidates,
    change_assessors,
    most_sheets,
    release_assessor,
    release_blockers,
    replan_without,
    staffed,
)
from dongliang.review.views import permit_office
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import seasons_visible_to

ROWS = 100


def narrowed(request: HttpRequest, season: Season) -> tuple[StaffingFilter, list[Staffed]]:
    form = StaffingFilter(
        request.GET,
        subdistricts=subdistricts_of(season.district),
        mentors=season.mentors.select_related("person"),
    )
    return form, staffed(season)


def everybody(request: HttpRequest) -> HttpResponse:
    """Who assesses each secretary in the field."""
    season = seasons_visible_to(request.user).first()
    permit_office(request, "review.change_assessors", season)
    if season is None:
        return render(request, "review/everybody_staffed.html", {"season": None})
    form, rows = narrowed(request, season)
    context = {
        "season": season,
        "filter": form,
        "page": Paginator([row for row in rows if form.keeps(row)], ROWS).get_page(request.GET.get("page")),
        "planned": any(row.sheets for row in rows),
        "short": sum(row.is_short for row in rows),
        "most": most_sheets(season),
        "breadcrumb": trail(),
    }
    return render(request, "review/everybody_staffed.html", context)


def trail(*steps: Any) -> list[dict[str, Any]]:
    return [
        {"url": reverse("review:board"), "label": _("Who is late")},
        {"url": reverse("review:everybody_staffed"), "label": _("Who assesses whom")},
        *({"label": step} for step in steps),
    ]


def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, as a workbook."""
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    permit_office(request, "review.change_assessors", season)
    form, rows = narrowed(request, season)
    columns = [
        _("Number"),
        _("Subdistrict"),
        _("Neighbourhood"),
        _("Secretary"),
        _("Assessors"),
        pgettext("how many sheets", "Sent"),
    ]
    lines = [
        [
            row.enrolment.number,
            row.enrolment.subdistrict,
            row.enrolment.organisation,
            row.enrolment.person,
            "、".join(str(sheet.mentor) for sheet in row.sheets),
            row.sent,
        ]
        for row in rows
        if form.keeps(row)
    ]
    name = _("Who assesses whom")
    return xlsx_response(f"{season.title}-{name}.xlsx", [Table(name, columns, lines)])


def staffing(request: HttpRequest, pk: int) -> HttpResponse:
    """The assessors of one secretary, who else might take a sheet, and the changes made so far."""
    season = get_object_or_404(seasons_visible_to(request.user), enrolments__pk=pk)
    if not request.user.has_perm("review.change_assessors", season):
        raise PermissionDenied
    row = next(row for row in staffed(season) if row.enrolment.pk == pk)
    might = candidates(season, row.enrolment)
    form = ChangeForm(request.POST or None, staffed=row, candidates=might, season=season)
    against: tuple[Blocker, ...] = ()
    if form.is_valid():
        try:
            change_assessors(season, form.change, reason=form.cleaned_data["reason"], by=request.user)
        except Refused as refused:
            against = refused.blockers
        else:
            messages.success(
                request,
                _("The assessors of %(secretary)s are changed.") % {"secretary": row.enrolment.person},
            )
            return redirect("review:staffing", pk=pk)
    context = {
        "season": season,
        "row": row,
        "candidates": might,
        "form": form,
        "against": against,
        "not_now": not_open_blockers(season),
        "most": most_sheets(season),
        "waivers": list(
            Waiver.objects.filter(assignment__enrolment=pk).select_related("assignment__mentor__person")
        ),
        "history": changes_of(row.enrolment),
        "breadcrumb": trail(row.enrolment.person),
    }
    status = 422 if form.errors or against else 200
    return render(request, "review/staffing.html", context, status=status)


def changes_of(enrolment: Enrolment) -> list[ActionLogEntry]:
    """What was changed by hand about the secretary's assessors, the latest first."""
    entries = ActionLogEntry.objects.filter(
        subject_type=enrolment._meta.label_lower,
        subject_id=enrolment.pk,
        verb__startswith="review.assessor.",
    )
    return list(entries.select_related("by").order_by("-sequence"))


def release(request: HttpRequest, pk: int) -> HttpResponse:
    """What becomes of an assessor's sheets when she stops in mid-season; and, confirmed, that."""
    season = get_object_or_404(seasons_visible_to(request.user), mentors__pk=pk)
    if not request.user.has_perm("review.change_assessors", season):
        raise PermissionDenied
    mentor = get_object_or_404(Mentor.objects.select_related("person", "season"), pk=pk)
    against = release_blockers(mentor)
    replan = None
    if not against:
        try:
            replan = replan_without(mentor)
        except Refused as refused:
            against = list(refused.blockers)
    form = ReleaseForm(request.POST or None)
    if form.is_valid() and replan:
        try:
            release_assessor(
                mentor,
                reason=form.cleaned_data["reason"],
                shown=request.POST.get("shown", ""),
                by=request.user,
            )
        except Refused as refused:
            against = list(refused.blockers)
        else:
            messages.success(
                request,
                _("%(mentor)s assesses no more; the open sheets are with others.") % {"mentor": mentor},
            )
            return redirect("review:everybody_staffed")
    context = {
        "season": season,
        "mentor": mentor,
        "replan": replan,
        "form": form,
        "against": against,
        "breadcrumb": trail(mentor),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "review/release.html", context, status=status)
