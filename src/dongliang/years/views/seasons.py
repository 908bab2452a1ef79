"""The district and its subdistricts over the seasons."""

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.common.comparison_charts import Difference, DifferenceChart, differences
from dongliang.common.sheets import Table, xlsx_response
from dongliang.people.models import Role
from dongliang.people.queries import has_role
from dongliang.years.queries.mentors import mentors_of, mentors_reached
from dongliang.years.queries.people import SubdistrictRow, own_subdistricts, subdistrict_rows
from dongliang.years.queries.seasons import SeasonRow, season_rows
from dongliang.years.views.answers import Sight, figure_filter, sight_of, sight_or_404, tabs_of, unit_words


@permission_required("years.see_years", raise_exception=True)
def home(request: HttpRequest) -> HttpResponse:
    """Take everybody to the years that are theirs to see."""
    account = request.user
    if account.has_perm("years.see_district"):
        return redirect("years:district")
    if account.has_perm("years.compare_people"):
        return redirect("years:people")
    if (sight := sight_of(request)) is None or not account.person_id:
        raise Http404(_("You have no years on record yet."))
    if has_role(account, Role.MENTOR) and mentors_reached(account, sight.district, everything=False):
        return redirect("years:mentor", account.person_id)
    if not has_role(account, Role.SECRETARY):
        raise Http404(_("You have no years on record yet."))
    return redirect("years:person", account.person_id)


@permission_required("years.see_district", raise_exception=True)
def district(request: HttpRequest) -> HttpResponse:
    sight = sight_of(request)
    context: dict[str, Any] = {"sight": sight, "tabs": tabs_of(sight, "district")}
    if sight and sight.years:
        rows = season_rows(sight.years, sight.results, sight.everybody)
        found = mentors_of(sight.years, sight.results)
        lines = found.growth.lines if found.growth else []
        context |= {"rows": rows, "found": found, "lines": list(zip(found.periods, lines, strict=True))}
    return render(request, "years/district.html", context)


@permission_required("years.see_district", raise_exception=True)
def district_export(request: HttpRequest) -> HttpResponse:
    sight = sight_or_404(request)
    columns = [
        _("Year"),
        _("Reviewed"),
        _("New after the election"),
        _("There the year before"),
        _("Mentors"),
        _("Pairs"),
        _("Visits"),
        _("Training hours"),
        _("First things"),
        _("Landed"),
        _("Cases"),
        _("Ballots"),
        _("Households"),
        _("Residents' mean"),
        _("Standard error"),
    ]
    rows = season_rows(sight.years, sight.results, sight.everybody)
    return xlsx_response(
        f"{sight.district}-{_('Years side by side')}.xlsx",
        [Table(pgettext("years", "District"), columns, [season_cells(row) for row in rows])],
    )


def season_cells(row: SeasonRow) -> list[object]:
    return [
        row.year.label,
        row.reviewed,
        row.new,
        row.stayed,
        row.mentors,
        row.pairs,
        row.visits,
        row.hours,
        row.first_things,
        row.landed,
        row.cases,
        row.ballots if row.year.run else None,
        row.households,
        round(row.residents.value, 3) if row.residents else None,
        round(row.residents.error, 3) if row.residents else None,
    ]


def rows_of(sight: Sight, what: str) -> list[SubdistrictRow]:
    """All subdistricts to the programme office, the own to a subdistrict's."""
    only = None if sight.everything else own_subdistricts(sight.account)
    return subdistrict_rows(sight.everybody, sight.results, what=what, subdistricts=only)


@permission_required("years.compare_people", raise_exception=True)
def subdistricts(request: HttpRequest) -> HttpResponse:
    sight = sight_of(request)
    context: dict[str, Any] = {"sight": sight, "tabs": tabs_of(sight, "subdistricts")}
    if sight and sight.scored:
        form = figure_filter(request, sight)
        what = form.figure
        rows = rows_of(sight, what)
        context |= {
            "filter": form,
            "what": what,
            "unit": unit_words(what, sight),
            "rows": rows,
            "chart": newest_chart(sight.scored[-1].label, rows),
        }
    return render(request, "years/subdistricts.html", context)


def newest_chart(label: str, rows: list[SubdistrictRow]) -> DifferenceChart | None:
    items = [
        Difference(
            row.subdistrict.name,
            mean.drawn.value,
            mean.drawn.low,
            mean.drawn.high,
            mean.drawn.beyond_chance,
        )
        for row in rows
        if (mean := row.cells[-1])
    ]
    if not items:
        return None
    return differences(
        items,
        title=label,
        description=_(
            "Distance from the mean of the district, drawn towards it by how few people there are."
        ),
    )


@permission_required("years.compare_people", raise_exception=True)
def subdistricts_export(request: HttpRequest) -> HttpResponse:
    sight = sight_or_404(request)
    what = figure_filter(request, sight).figure
    columns = [_("Subdistrict")]
    for year in sight.scored:
        columns += [
            _("%(year)s: people") % {"year": year.label},
            _("%(year)s: mean") % {"year": year.label},
            _("%(year)s: drawn to the mean") % {"year": year.label},
            _("%(year)s: standard error") % {"year": year.label},
        ]
    rows = [
        [
            row.subdistrict.name,
            *(
                value
                for mean in row.cells
                for value in (
                    (
                        mean.people,
                        round(mean.plain, 3),
                        round(mean.drawn.value, 3),
                        round(mean.drawn.error, 3),
                    )
                    if mean
                    else (None,) * 4
                )
            ),
        ]
        for row in rows_of(sight, what)
    ]
    name = _("Subdistricts over the years")
    return xlsx_response(
        f"{sight.district}-{name}.xlsx", [Table(pgettext("years", "Subdistricts"), columns, rows)]
    )
