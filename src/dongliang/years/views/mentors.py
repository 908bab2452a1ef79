"""Mentors by what came of their mentees: all of them for the office, the own page for a mentor."""

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.common.pinyin import has_initials, is_initials
from dongliang.common.sheets import Table, xlsx_response
from dongliang.years.calculation import FEWEST_MENTEES
from dongliang.years.forms import MentorFilter
from dongliang.years.queries.mentors import MentorRow, beyond_by_year, mentors_of, mentors_reached
from dongliang.years.views.answers import ROWS_A_PAGE, sight_of, sight_or_404, tabs_of, trail


def matching(rows: list[MentorRow], search: str) -> list[MentorRow]:
    search = search.strip()
    return [
        row
        for row in rows
        if search in row.person.name or (is_initials(search) and has_initials(row.person.name, search))
    ]


@permission_required("years.see_district", raise_exception=True)
def mentors(request: HttpRequest) -> HttpResponse:
    """All mentors by name. Never in the order of their figures: that would be a ranking of what chance made."""
    sight = sight_of(request)
    context: dict[str, Any] = {
        "sight": sight,
        "tabs": tabs_of(sight, "mentors"),
        "fewest": FEWEST_MENTEES,
    }
    if sight and sight.years:
        found = mentors_of(sight.years, sight.results)
        form = MentorFilter(request.GET)
        rows = matching(found.rows, form.wanted.get("search", ""))
        context |= {
            "found": found,
            "filter": form,
            "page": Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page")),
        }
    return render(request, "years/mentors.html", context)


@permission_required("years.see_district", raise_exception=True)
def mentors_export(request: HttpRequest) -> HttpResponse:
    sight = sight_or_404(request)
    columns = [
        _("Name"),
        _("Years"),
        _("Mentees"),
        _("First things"),
        _("Landed"),
        _("Hours each"),
        _("Visits"),
        _("Cases"),
        _("Mentees compared"),
        _("Beyond what was expected"),
        _("Lower end"),
        _("Upper end"),
    ]
    found = mentors_of(sight.years, sight.results)
    rows = [
        mentor_cells(row) for row in matching(found.rows, MentorFilter(request.GET).wanted.get("search", ""))
    ]
    name = _("Mentors over the years")
    return xlsx_response(
        f"{sight.district}-{name}.xlsx", [Table(pgettext("years", "Mentors"), columns, rows)]
    )


def mentor_cells(row: MentorRow) -> list[object]:
    shown = row.effect.effect if row.effect and row.effect.is_shown else None
    return [
        row.person.name,
        "、".join(year.year.label for year in row.in_order),
        row.mentees,
        row.first_things,
        row.landed,
        round(row.hours_each, 1),
        row.visits,
        row.cases,
        row.effect.people if row.effect else 0,
        *((round(number, 3) for number in (shown.value, shown.low, shown.high)) if shown else (None,) * 3),
    ]


@permission_required("years.see_mentor", raise_exception=True)
def mentor(request: HttpRequest, pk: int) -> HttpResponse:
    """One mentor: the office reads it, and the mentor."""
    sight = sight_or_404(request)
    if pk not in mentors_reached(request.user, sight.district, everything=sight.everything):
        raise Http404(_("No such mentor is within your reach."))
    found = mentors_of(sight.years, sight.results)
    row = next((row for row in found.rows if row.person.pk == pk), None)
    own = pk == request.user.person_id
    name = request.user.display_name if row is None else row.person
    steps = [("", name)] if own else [(reverse("years:mentors"), pgettext("years", "Mentors")), ("", name)]
    context = {
        "sight": sight,
        "found": found,
        "row": row,
        "name": name,
        "own": own,
        "fewest": FEWEST_MENTEES,
        # One mentee's own marks: not the mentor's to read.
        "beyond": beyond_by_year(found) if sight.everything else {},
        "breadcrumb": trail(*steps),
    }
    return render(request, "years/mentor.html", context)
