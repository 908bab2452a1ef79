"""The hours ledger: everybody's, one person's, each subdistrict's year."""

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from dongliang.common.charts import Bar, bars
from dongliang.common.sheets import Table, xlsx_response
from dongliang.growth.actions.training import credit_hours
from dongliang.growth.forms.filters import HoursFilter
from dongliang.growth.forms.training import CreditForm
from dongliang.growth.queries.hours import (
    credits_of,
    hours_by_kind,
    reached,
    shown_hours,
    with_hours,
    year_by_subdistrict,
)
from dongliang.growth.queries.people import (
    WithColumns,
    enrolment_or_404,
    matching,
    season_of,
    secretaries_in_charge,
    subdistricts_among,
)
from dongliang.growth.queries.training import season_blockers
from dongliang.growth.views.answers import done, page_of, training_steps
from dongliang.growth.views.training import may_see
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to

may_see_subdistricts = permission_required("growth.see_subdistricts", raise_exception=True)


def rows_and_filter(request: HttpRequest, season: Season) -> tuple[WithColumns, HoursFilter]:
    visible = enrolments_visible_to(request.user, season)
    form = HoursFilter(request.GET, subdistricts=subdistricts_among(visible))
    rows = with_hours(matching(visible, **form.person))
    return reached(rows, season.rules.path.hours_a_year, form.wanted.get("which", "")), form


@may_see
def hours(request: HttpRequest) -> HttpResponse:
    season = season_of(request.user)
    if season is None:
        return render(request, "growth/hours.html", {"season": None})
    rows, form = rows_and_filter(request, season)
    context = {
        "season": season,
        "filter": form,
        "page": page_of(request, rows),
        "goal": season.rules.path.hours_a_year,
        "in_office": request.user.has_perm("growth.see_subdistricts"),
        "breadcrumb": training_steps(("", _("Hours"))),
    }
    return render(request, "growth/hours.html", context)


@may_see
def hours_export(request: HttpRequest) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    rows, _form = rows_and_filter(request, season)
    columns = [_("Number"), _("Name"), _("Subdistrict"), _("Neighbourhood"), _("Sessions"), _("Hours")]
    table = Table(
        _("Hours"),
        columns,
        [
            [
                row.number,
                row.person.name,
                row.subdistrict.name,
                row.organisation.name,
                row.sessions_attended,
                row.hours,
            ]
            for row in rows
        ],
    )
    name = _("Training hours of %(season)s") % {"season": season}
    return xlsx_response(f"{name}.xlsx", [table])


@may_see
def person_year(request: HttpRequest, pk: int) -> HttpResponse:
    """One person's year of training: every credited hour, and where it comes from."""
    enrolment = enrolment_or_404(request.user, pk)
    season = enrolment.season
    entries = list(credits_of(enrolment.person, season))
    sums = hours_by_kind(season, [enrolment.person_id])
    context = {
        "enrolment": enrolment,
        "season": season,
        "entries": entries,
        "total": sum(entry.hours for entry in entries),
        "goal": season.rules.path.hours_a_year,
        "chart": bars(kind_bars(season, sums), title=_("Hours by kind of training")) if entries else None,
        "credits": request.user.has_perm("growth.credit_hours", enrolment),
        "breadcrumb": training_steps((reverse("growth:hours"), _("Hours")), ("", enrolment.person)),
    }
    return render(request, "growth/person_year.html", context)


def kind_bars(season: Season, sums: dict[str, Any]) -> list[Bar]:
    kinds = [(kind.key, str(kind.name)) for kind in season.rules.names.trainings]
    others = [("", _("held by others"))] if "" in sums else []
    return [
        Bar(name, float(sums.get(key, 0)), shown_hours(sums.get(key, 0))) for key, name in [*kinds, *others]
    ]


@may_see
def person_year_export(request: HttpRequest, pk: int) -> HttpResponse:
    enrolment = enrolment_or_404(request.user, pk)
    columns = [_("Earned on"), _("Source"), _("How"), _("Hours")]
    rows = [
        [entry.earned_on, entry.source, how(entry), entry.hours]
        for entry in credits_of(enrolment.person, enrolment.season)
    ]
    name = _("Training of %(name)s") % {"name": enrolment.person}
    return xlsx_response(f"{name}-{enrolment.season}.xlsx", [Table(_("Hours"), columns, rows)])


def how(entry: Any) -> str:
    if entry.attendance:
        return str(entry.attendance.get_method_display())
    return _("practice task") if entry.practice else _("held by others")


@may_see
def new_credit(request: HttpRequest, pk: int) -> HttpResponse:
    """Credit training held by others."""
    enrolment = enrolment_or_404(request.user, pk)
    if not request.user.has_perm("growth.credit_hours", enrolment):
        raise PermissionDenied
    form = CreditForm(request.POST or None)
    if form.is_valid() and done(
        request,
        _("The hours are credited."),
        lambda: credit_hours(enrolment, by=request.user, **form.cleaned_data),
    ):
        return redirect("growth:person_year", pk)
    context = {
        "enrolment": enrolment,
        "form": form,
        "blockers": season_blockers(enrolment.season),
        "breadcrumb": training_steps(
            (reverse("growth:hours"), _("Hours")),
            (reverse("growth:person_year", args=[pk]), enrolment.person),
            ("", _("Credit hours")),
        ),
    }
    return render(request, "growth/credit_form.html", context)


@may_see_subdistricts
def subdistricts_year(request: HttpRequest) -> HttpResponse:
    season = season_of(request.user)
    if season is None:
        return render(request, "growth/subdistricts_year.html", {"season": None})
    rows = year_by_subdistrict(season, secretaries_in_charge(request.user, season))
    context = {
        "season": season,
        "rows": rows,
        "goal": season.rules.path.hours_a_year,
        "chart": bars(
            [
                Bar(
                    row.subdistrict.name,
                    float(row.each),
                    shown_hours(row.each),
                    url=hours_of(row.subdistrict.pk),
                )
                for row in rows
            ],
            title=_("Hours each, by subdistrict"),
            mark=season.rules.path.hours_a_year or None,
            mark_label=_("%(hours)d hours a year") % {"hours": season.rules.path.hours_a_year},
        )
        if rows
        else None,
        "breadcrumb": training_steps((reverse("growth:hours"), _("Hours")), ("", _("By subdistrict"))),
    }
    return render(request, "growth/subdistricts_year.html", context)


def hours_of(subdistrict: int) -> str:
    return f"{reverse('growth:hours')}?subdistrict={subdistrict}"


@may_see_subdistricts
def subdistricts_year_export(request: HttpRequest) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    kinds = [(kind.key, str(kind.name)) for kind in season.rules.names.trainings]
    columns = [
        _("Subdistrict"),
        _("Secretaries"),
        _("Hours"),
        _("Hours each"),
        _("Have the hours of the year"),
        _("Without any"),
        *(name for _key, name in kinds),
        _("held by others"),
    ]
    rows = [
        [
            row.subdistrict.name,
            row.secretaries,
            row.hours,
            row.each,
            row.reached,
            row.none,
            *(row.by_kind.get(key, 0) for key, _name in kinds),
            row.by_kind.get("", 0),
        ]
        for row in year_by_subdistrict(season, secretaries_in_charge(request.user, season))
    ]
    name = _("Training by subdistrict, %(season)s") % {"season": season}
    return xlsx_response(f"{name}.xlsx", [Table(_("By subdistrict"), columns, rows)])
