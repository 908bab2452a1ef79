"""The list of secretaries, and the page where everything about one of them comes together."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from rules.contrib.views import permission_required

from dongliang.awards.queries.feedback import feedback_visible_to
from dongliang.common.comparison_charts import DifferenceChart
from dongliang.common.sheets import Table, xlsx_response
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.people.models import Role
from dongliang.people.queries import has_role, organisations_of
from dongliang.portal.forms import SecretaryFilter
from dongliang.portal.queries import record_of, secretaries_visible_to
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import seasons_visible_to
from dongliang.years.queries.people import charts_of
from dongliang.years.queries.people import record_of as record_of_years
from dongliang.years.queries.seasons import scored, sees_everything, years_of

ROWS_A_PAGE = 50


def season_or_404(request: HttpRequest) -> Season:
    season = seasons_visible_to(request.user).first()
    if season is None:
        raise Http404(_("There is no season yet."))
    return season


def filtered(request: HttpRequest, season: Season) -> tuple[SecretaryFilter, QuerySet[Any]]:
    visible = secretaries_visible_to(request.user, season)
    form = SecretaryFilter(
        request.GET or None,
        subdistricts=organisations_of(visible, "post__organisation__parent"),
    )
    if form.is_valid():
        wanted = form.cleaned_data
        if wanted["q"]:
            visible = visible.filter(
                Q(person__name__icontains=wanted["q"]) | Q(post__organisation__name__icontains=wanted["q"])
            )
        if wanted["subdistrict"]:
            visible = visible.filter(post__organisation__parent=wanted["subdistrict"])
        if wanted["which"] == "new":
            visible = visible.filter(is_new=True)
        if wanted["which"] == "late":
            visible = visible.filter(first_thing=None)
    return form, visible


@permission_required("portal.read_secretaries", raise_exception=True)
def secretaries(request: HttpRequest) -> HttpResponse:
    season = seasons_visible_to(request.user).first()
    if season is None:
        return render(request, "portal/secretaries.html", {"season": None})
    form, found = filtered(request, season)
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "portal/secretaries.html", {"season": season, "form": form, "page": page})


@permission_required("portal.read_secretaries", raise_exception=True)
def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, as a workbook."""
    season = season_or_404(request)
    _form, found = filtered(request, season)
    columns = [
        _("Number"),
        _("Subdistrict"),
        _("Neighbourhood"),
        _("Secretary"),
        _("New after the election"),
        _("First thing"),
        _("Field sheets"),
        _("Institutional sheets"),
    ]
    rows = [
        [
            entry.number,
            entry.subdistrict.name,
            entry.organisation.name,
            entry.person.name,
            _("yes") if entry.is_new else _("no"),
            getattr(entry, "first_thing", None) and entry.first_thing.title,
            entry.field_sent,
            entry.institutional_sent,
        ]
        for entry in found
    ]
    return xlsx_response(f"{season.title}-{_('Secretaries')}.xlsx", [Table(_("Secretaries"), columns, rows)])


@permission_required("portal.read_secretaries", raise_exception=True)
def secretary(request: HttpRequest, number: int) -> HttpResponse:
    """One secretary: post, mentor, first thing, answers, and when they may be seen, results down to the sheets."""
    season = season_or_404(request)
    enrolment = get_object_or_404(enrolments_visible_to(request.user, season), number=number)
    record = record_of(enrolment, office=request.user.has_perm("seasons.run_season", season))
    return render(
        request,
        "portal/secretary.html",
        {
            "season": season,
            "enrolment": enrolment,
            "record": record,
            "feedback": feedback_visible_to(request.user).filter(enrolment=enrolment).first(),
            "rule_book_fingerprint": season.rule_book.sha256 if record.measures else None,
            "year_charts": year_charts(request, enrolment),
        },
    )


def year_charts(request: HttpRequest, enrolment: Enrolment) -> list[DifferenceChart]:
    """The secretary's years side by side, once there are two; to those who may read all of them."""
    district = enrolment.season.district
    own = enrolment.person_id == request.user.person_id and has_role(request.user, Role.SECRETARY)
    everything = sees_everything(request.user, district)
    if not (own or request.user.has_perm("years.compare_people")):
        return []
    years = years_of(district, public_only=not everything)
    if len(scored(years)) < 2:
        return []
    return charts_of(record_of_years(enrolment.person, years, scores=everything))


@permission_required("portal.read_secretaries", raise_exception=True)
def my_page(request: HttpRequest) -> HttpResponse:
    """A secretary's own page."""
    season = season_or_404(request)
    enrolment = season.enrolments.filter(person=request.user.person_id or 0).first()
    if enrolment is None or not has_role(request.user, Role.SECRETARY):
        raise Http404(_("You are not enrolled in this season. Ask the programme office."))
    return redirect("portal:secretary", number=enrolment.number)
