"""Honours of people, above all of those who retire or leave: the programme office's page."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dongliang.awards.actions.commending import (
    certify_commendation,
    decide_commendation,
    propose_commendation,
    set_honour_title,
)
from dongliang.awards.forms import CommendationFilter, CommendationForm, HonourTitleForm
from dongliang.awards.models import Certificate, Commendation
from dongliang.awards.queries.commending import (
    commendations_visible_to,
    commending_blockers,
    given_and_proposed,
    season_of_honours,
)
from dongliang.awards.views.office import may_manage, printed, told
from dongliang.common.sheets import Table, xlsx_response
from dongliang.seasons.models import Season

ROWS_A_PAGE = 40


def season_or_404(request: HttpRequest) -> Season:
    season = season_of_honours(request.user)
    if season is None:
        raise Http404(_("There is no season yet."))
    return season


@may_manage
def commendations(request: HttpRequest) -> HttpResponse:
    season = season_of_honours(request.user)
    if season is None:
        return render(request, "awards/commendations.html", {"season": None})
    return page_of(request, season)


def page_of(request: HttpRequest, season: Season, status: int = 200, **forms: Any) -> HttpResponse:
    filter_form, found = filtered(request, season)
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "awards/commendations.html",
        {
            "season": season,
            "titles": [(title, given_and_proposed(title).count()) for title in season.honour_titles.all()],
            "form": filter_form,
            "page": page,
            "rows": [(entry, commending_blockers(entry, request.user)) for entry in page],
            "any_certificate": certificates_of(season).exists(),
            "title_form": forms.get("title_form") or HonourTitleForm(prefix="title"),
            "commend_form": forms.get("commend_form") or CommendationForm(prefix="commend", season=season),
        },
        status=status,
    )


def filtered(request: HttpRequest, season: Season) -> tuple[CommendationFilter, QuerySet[Commendation]]:
    found = commendations_visible_to(request.user).filter(honour__season=season)
    form = CommendationFilter(request.GET or None)
    if form.is_valid():
        wanted = form.cleaned_data
        if wanted["q"]:
            found = found.filter(
                Q(tenure__person__name__icontains=wanted["q"])
                | Q(tenure__post__organisation__name__icontains=wanted["q"])
            )
        if wanted["state"]:
            found = found.filter(state=wanted["state"])
    return form, found


@may_manage
@require_POST
def set_title(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    form = HonourTitleForm(request.POST, prefix="title")
    if not form.is_valid():
        return page_of(request, season, status=422, title_form=form)
    told(
        request,
        lambda: set_honour_title(season, **form.cleaned_data, by=request.user),
        _("The honour can be given now."),
    )
    return redirect("awards:commendations")


@may_manage
@require_POST
def propose(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    form = CommendationForm(request.POST, prefix="commend", season=season)
    if not form.is_valid():
        return page_of(request, season, status=422, commend_form=form)
    said = form.cleaned_data
    told(
        request,
        lambda: propose_commendation(
            said["honour"], tenure=said["tenure"], merits=said["merits"], by=request.user
        ),
        _("Proposed. Somebody else in the office has to decide on it."),
    )
    return redirect("awards:commendations")


def fetch(request: HttpRequest, commendation_id: int) -> Commendation:
    return get_object_or_404(commendations_visible_to(request.user), pk=commendation_id)


@may_manage
@require_POST
def decide(request: HttpRequest, commendation_id: int) -> HttpResponse:
    entry = fetch(request, commendation_id)
    confirm = request.POST.get("decision") == "confirm"
    told(
        request,
        lambda: decide_commendation(entry, confirm=confirm, by=request.user),
        _("The honour is confirmed.") if confirm else _("The proposal is declined."),
    )
    return redirect("awards:commendations")


@may_manage
@require_POST
def certify(request: HttpRequest, commendation_id: int) -> HttpResponse:
    entry = fetch(request, commendation_id)
    told(request, lambda: certify_commendation(entry, by=request.user), _("The certificate is issued."))
    return redirect("awards:commendations")


def certificates_of(season: Season) -> QuerySet[Certificate]:
    return Certificate.objects.filter(commendation__honour__season=season, revoked_at=None).select_related(
        "commendation__honour__season",
        "commendation__tenure__person",
        "commendation__tenure__post__organisation__parent",
    )


@may_manage
def certificates_file(request: HttpRequest) -> HttpResponse:
    """The certificates that hold, ready to print."""
    season = season_or_404(request)
    holding = list(certificates_of(season))
    if not holding:
        raise Http404
    return printed(request, holding, season, _("Honours of people"))


@may_manage
def export(request: HttpRequest) -> HttpResponse:
    """The rows as they are filtered, as a workbook."""
    season = season_or_404(request)
    _form, found = filtered(request, season)
    columns = [
        _("honour"),
        _("basis of the honour"),
        _("name"),
        _("subdistrict"),
        _("neighbourhood"),
        _("in post since"),
        _("last day in post"),
        _("what for"),
        _("state"),
        _("certificate"),
    ]
    rows = [
        [
            entry.honour.name,
            entry.honour.basis,
            entry.tenure.person.name,
            entry.tenure.post.organisation.above.name,
            entry.tenure.post.organisation.name,
            entry.tenure.starts_on,
            entry.tenure.ends_on,
            entry.merits,
            entry.get_state_display(),
            entry.certificate.number if hasattr(entry, "certificate") else None,
        ]
        for entry in found
    ]
    return xlsx_response(
        f"{season.title}-{_('Honours of people')}.xlsx", [Table(_("Honours of people"), columns, rows)]
    )
