"""The office's board of who has not answered, and reminders."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.review.office_forms import WaitingFilter
from dongliang.review.pages.conflicts import told
from dongliang.review.reminding import remind_assessor, remind_assessors
from dongliang.review.views import permit_office
from dongliang.review.waiting import (
    About,
    Waiting,
    assessor_of,
    by_assessor,
    by_secretary,
    by_subdistrict,
    names_of,
)
from dongliang.seasons.models import Phase, Season
from dongliang.seasons.queries import seasons_visible_to

ROWS = 100
VIEWS = ("assessor", "secretary", "subdistrict")


def view_of(request: HttpRequest) -> str:
    wanted = request.GET.get("by", "")
    return wanted if wanted in VIEWS else "assessor"


def rows_of(season: Season, by: str) -> list[Any]:
    if by == "assessor":
        return list(by_assessor(season, today=localdate()))
    return list(by_secretary(season) if by == "secretary" else by_subdistrict(season))


def waiting(request: HttpRequest) -> HttpResponse:
    season = seasons_visible_to(request.user).first()
    permit_office(request, "review.see_board", season)
    if season is None:
        return render(request, "review/waiting.html", {"season": None})
    by, form = view_of(request), WaitingFilter(request.GET)
    every = rows_of(season, by)
    rows = [row for row in every if form.keeps(row)]
    context = {
        "season": season,
        "by": by,
        "filter": form,
        "page": Paginator(rows, ROWS).get_page(request.GET.get("page")),
        "tabs": tabs(by),
        "names": names_of(rows) if by == "assessor" else "",
        "can_remind": by == "assessor"
        and season.phase == Phase.OPEN
        and any(row.can_be_reminded for row in rows),
        "is_open": season.phase == Phase.OPEN,
        "breadcrumb": [
            {"url": reverse("review:board"), "label": _("Who is late")},
            {"label": _("Who has not answered")},
        ],
    }
    return render(request, "review/waiting.html", context)


def tabs(by: str) -> list[dict[str, Any]]:
    labels = (_("By assessor"), _("By secretary"), pgettext("way to look at sheets", "By subdistrict"))
    return [
        {"url": f"?by={key}", "label": label, "current": key == by}
        for key, label in zip(VIEWS, labels, strict=True)
    ]


def export(request: HttpRequest) -> HttpResponse:
    """The list as it is shown and filtered, as a workbook."""
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    permit_office(request, "review.see_board", season)
    by, form = view_of(request), WaitingFilter(request.GET)
    rows = [row for row in rows_of(season, by) if form.keeps(row)]
    columns, line = assessor_columns() if by == "assessor" else about_columns()
    name = _("Who has not answered")
    return xlsx_response(f"{season.title}-{name}.xlsx", [Table(name, columns, [line(row) for row in rows])])


def assessor_columns() -> tuple[list[str], Any]:
    columns = [
        _("Assessor"),
        _("Source"),
        pgettext("sheets", "Due"),
        pgettext("how many sheets", "Sent"),
        pgettext("how many sheets", "Outstanding"),
        _("Last sheet"),
        _("Last reminder"),
    ]

    def line(row: Waiting) -> list[Any]:
        progress = row.progress
        return [
            progress.assessor,
            progress.source_name,
            progress.due,
            progress.sent,
            progress.open,
            row.last_sent and localtime(row.last_sent).strftime("%Y-%m-%d %H:%M"),
            row.reminded and localtime(row.reminded).strftime("%Y-%m-%d %H:%M"),
        ]

    return columns, line


def about_columns() -> tuple[list[str], Any]:
    columns = [
        _("About"),
        _("Subdistrict"),
        _("Field sheets due"),
        _("Field sheets sent"),
        _("Institutional sheets due"),
        _("Institutional sheets sent"),
        pgettext("how many sheets", "Outstanding"),
        _("Last sheet"),
    ]

    def line(row: About) -> list[Any]:
        return [
            row.subject,
            row.subdistrict,
            row.field_due,
            row.field_sent,
            row.institutional_due,
            row.institutional_sent,
            row.open,
            row.last_sent and localtime(row.last_sent).strftime("%Y-%m-%d %H:%M"),
        ]

    return columns, line


@require_POST
def remind(request: HttpRequest) -> HttpResponse:
    """Remind the assessor that the button names, or everybody shown with sheets outstanding."""
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    permit_office(request, "review.remind_assessors", season)
    key = request.POST.get("assessor", "")
    if key:
        assessor = assessor_of(season, key)
        if assessor is None:
            messages.error(request, _("That assessor has no sheets in this season."))
            return redirect("review:waiting")
        try:
            remind_assessor(season, assessor, by=request.user)
        except Refused as refused:
            told(request, refused)
        else:
            messages.success(request, _("%(assessor)s is reminded.") % {"assessor": assessor})
        return redirect("review:waiting")
    rows = [row.progress.assessor for row in by_assessor(season, today=localdate()) if row.can_be_reminded]
    count = len(remind_assessors(season, rows, by=request.user))
    messages.success(
        request,
        ngettext("%(count)d assessor is reminded.", "%(count)d assessors are reminded.", count)
        % {"count": count},
    )
    return redirect("review:waiting")
