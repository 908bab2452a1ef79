"""Subdistricts and departments send their sheets in as a workbook, and their officer signs for them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import XLSX, Table, download, xlsx_response
from dongliang.people.models import Organisation
from dongliang.review.models import InstitutionalReturn
from dongliang.review.office_forms import AskedFilter, ReasonForm, ReturnForm, SigningForm
from dongliang.review.pages.conflicts import told
from dongliang.review.returns import (
    confirm_return,
    discard_return,
    planned,
    preview_return,
    reopen_sheets,
    return_blockers,
    rows_of,
    shown_fingerprint,
    sign_sheets,
)
from dongliang.review.signatures import (
    Asked,
    asked_of,
    contents_fingerprint,
    institutions_visible_to,
    signature_of,
    signing_blockers,
)
from dongliang.review.views import permit_office
from dongliang.review.workbook import ReturnRefused, sheet_workbook
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to

ROWS = 100
REFUSALS_SHOWN = 200


def institutions(request: HttpRequest) -> HttpResponse:
    """For the office: which institutions have sent their sheets, and which have signed."""
    season = seasons_visible_to(request.user).first()
    permit_office(request, "review.see_board", season)
    if season is None:
        return render(request, "review/institutions.html", {"season": None})
    form, rows = AskedFilter(request.GET), asked_of(season)
    context = {
        "season": season,
        "filter": form,
        "rows": [row for row in rows if form.keeps(row)],
        "asked": len(rows),
        "signatures": season.rules.asks_for_signatures,
        "signed": sum(row.signature is not None for row in rows),
        "breadcrumb": [
            {"url": reverse("review:board"), "label": _("Who is late")},
            {"label": _("Subdistricts and departments")},
        ],
    }
    return render(request, "review/institutions.html", context)


def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, as a workbook."""
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    permit_office(request, "review.see_board", season)
    form = AskedFilter(request.GET)
    columns = [
        pgettext("who is asked for sheets", "Institution"),
        pgettext("sheets", "Due"),
        pgettext("how many sheets", "Sent"),
        _("Signed by"),
        pgettext("when sheets were signed", "Signed"),
    ]
    rows = [exported(row) for row in asked_of(season) if form.keeps(row)]
    name = _("Subdistricts and departments")
    return xlsx_response(f"{season.title}-{name}.xlsx", [Table(name, columns, rows)])


def exported(row: Asked) -> list[Any]:
    signature = row.signature
    signed = [signature.signer, localdate(signature.signed_at)] if signature else ["", ""]
    return [row.institution, row.due, row.sent, *signed]


def found(request: HttpRequest, pk: int) -> tuple[Season, Organisation]:
    """The institution with its season, if the account may read its sheets at all."""
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    return season, get_object_or_404(institutions_visible_to(request.user, season), pk=pk)


@never_cache
def institution(request: HttpRequest, pk: int) -> HttpResponse:
    """An institution's sheets: how far, to download, to send in, to sign."""
    season, asked = found(request, pk)
    form = ReturnForm(request.POST or None, request.FILES or None)
    if request.method != "POST":
        return institution_page(request, season, asked, form)
    if not request.user.has_perm("review.return_sheets", asked):
        raise PermissionDenied
    if not form.is_valid():
        return institution_page(request, season, asked, form)
    file = form.cleaned_data["file"]
    try:
        subject = preview_return(season, asked, file.name, file.read(), by=request.user)
    except ReturnRefused as refused:
        return refused_page(request, asked, file.name, refused)
    except Refused as refused:
        for blocker in refused.blockers:
            form.add_error("file", str(blocker))
        return institution_page(request, season, asked, form)
    return redirect("review:return", pk=subject.pk)


def institution_page(
    request: HttpRequest, season: Season, asked: Any, form: forms.Form, signing: forms.Form | None = None
) -> HttpResponse:
    acts = request.user.has_perm("review.return_sheets", asked)
    signature = signature_of(season, asked)
    context = {
        "season": season,
        "institution": asked,
        "form": form,
        "acts": acts,
        "against": return_blockers(season, asked) if acts else [],
        "asks": season.rules.asks_for_signatures,
        "signature": signature,
        "signing": signing or SigningForm(),
        "signing_against": signing_blockers(season, asked) if acts else [],
        "contents": contents_fingerprint(season, asked),
        "reason": ReasonForm(),
        "may_reopen": signature is not None and request.user.has_perm("review.reopen_sheets", signature),
        "earlier": season.signatures.filter(institution=asked, reopened_at__isnull=False),
        "breadcrumb": [
            {"url": reverse("review:sheets"), "label": _("Sheets")},
            {"label": asked},
        ],
    }
    return render(request, "review/institution.html", context, status=422 if form.errors else 200)


def refused_page(
    request: HttpRequest, asked: Organisation, file_name: str, refused: ReturnRefused
) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    outcomes = [entry.outcome for entry in planned(season, asked, refused.rows)]
    context = {
        "institution": asked,
        "file_name": file_name,
        "form": ReturnForm(),
        "refusals": refused.refusals[:REFUSALS_SHOWN],
        "count": len(refused.refusals),
        "more": max(len(refused.refusals) - REFUSALS_SHOWN, 0),
        "counts": {key: outcomes.count(key) for key in ("new", "changed", "same")},
    }
    return render(request, "review/return_refused.html", context, status=422)


def workbook(request: HttpRequest, pk: int) -> HttpResponse:
    """The institution's own workbook, to fill in. Whoever only reads gets none: marks are the institution's own."""
    season, asked = found(request, pk)
    if not request.user.has_perm("review.return_sheets", asked):
        raise PermissionDenied
    name = f"{asked}-{season.title}-评价表-{localdate()}.xlsx"
    return download(name, sheet_workbook(season, asked), XLSX)


def own_return(request: HttpRequest, pk: int) -> InstitutionalReturn:
    season = get_object_or_404(seasons_visible_to(request.user), returns__pk=pk)
    subject = get_object_or_404(season.returns.select_related("institution", "season"), pk=pk)
    get_object_or_404(institutions_visible_to(request.user, season), pk=subject.institution_id)
    if not request.user.has_perm("review.return_sheets", subject.institution):
        raise PermissionDenied
    return subject


@never_cache
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What confirming would do: new, changed and the same."""
    subject = own_return(request, pk)
    plan = planned(subject.season, subject.institution, rows_of(subject))
    which = request.GET.get("show", "")
    rows = [entry for entry in plan if which in ("", entry.outcome)]
    context = {
        "subject": subject,
        "waits": subject.state == InstitutionalReturn.State.PREVIEWED,
        "against": return_blockers(subject.season, subject.institution),
        "shown": shown_fingerprint(plan),
        "indicators": subject.season.rules.indicators,
        "page": Paginator(rows, ROWS).get_page(request.GET.get("page")),
        "tabs": preview_tabs(plan, which),
        "sends": sum(entry.outcome != "same" for entry in plan),
        "breadcrumb": [
            {
                "url": reverse("review:institution", args=[subject.institution_id]),
                "label": subject.institution,
            },
            {"label": _("Preview")},
        ],
    }
    return render(request, "review/return.html", context)


def preview_tabs(plan: list[Any], which: str) -> list[dict[str, Any]]:
    tabs = [
        ("", _("All rows")),
        ("new", pgettext("rows", "New")),
        ("changed", pgettext("rows", "Changed")),
        ("same", pgettext("rows", "The same")),
    ]
    return [
        {
            "url": f"?show={key}",
            "label": label,
            "count": sum(key in ("", entry.outcome) for entry in plan),
            "current": key == which,
        }
        for key, label in tabs
    ]


@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    subject = own_return(request, pk)
    try:
        confirm_return(subject, shown=request.POST.get("shown", ""), by=request.user)
    except Refused as refused:
        told(request, refused)
        return redirect("review:return", pk=pk)
    messages.success(request, _("The sheets of the workbook are sent."))
    return redirect("review:institution", pk=subject.institution_id)


@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    subject = own_return(request, pk)
    try:
        discard_return(subject, by=request.user)
    except Refused as refused:
        told(request, refused)
    else:
        messages.success(request, _("The workbook is forgotten; no sheet has changed."))
    return redirect("review:institution", pk=subject.institution_id)


@require_POST
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    season, asked = found(request, pk)
    if not request.user.has_perm("review.sign_sheets", asked):
        raise PermissionDenied
    form = SigningForm(request.POST)
    if not form.is_valid():
        return institution_page(request, season, asked, ReturnForm(), signing=form)
    try:
        sign_sheets(
            season,
            asked,
            signer=form.cleaned_data["signer"],
            shown=request.POST.get("shown", ""),
            by=request.user,
        )
    except Refused as refused:
        told(request, refused)
    else:
        messages.success(request, _("The sheets of %(institution)s are signed.") % {"institution": asked})
    return redirect("review:institution", pk=pk)


@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    season, asked = found(request, pk)
    signature = signature_of(season, asked)
    office = request.user.has_perm("seasons.run_season", season)
    if not (office or request.user.has_perm("review.reopen_sheets", signature)):
        raise PermissionDenied
    try:
        reopen_sheets(season, asked, reason=request.POST.get("reason", "")[:300], by=request.user)
    except Refused as refused:
        told(request, refused)
    else:
        messages.success(request, _("The sheets of %(institution)s are open again.") % {"institution": asked})
    return redirect("review:institution", pk=pk)
