"""People over the seasons: the list, and one person's years side by side."""

from itertools import pairwise
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.common.sheets import Table, xlsx_response
from dongliang.years.calculation import Verdict
from dongliang.years.forms import PeopleFilter
from dongliang.years.queries.people import (
    PersonRow,
    Record,
    charts_of,
    matching_rows,
    people_rows,
    reached_people,
    record_of,
    subdistricts_of_people,
    tally_of,
)
from dongliang.years.queries.seasons import RESIDENTS, SCORE, Year
from dongliang.years.queries.yardstick import comparable, yardstick_differences
from dongliang.years.views.answers import (
    ROWS_A_PAGE,
    Sight,
    figure_filter,
    means_words,
    sight_of,
    sight_or_404,
    tabs_of,
    trail,
    unit_words,
)


class Comparison:
    """The list as it is asked for: which figure, between which two years, and of whom."""

    def __init__(self, request: HttpRequest, sight: Sight) -> None:
        self.sight = sight
        self.what = figure_filter(request, sight).figure
        people = reached_people(request.user, sight.everybody)
        earlier = sight.scored[:-1]
        self.between = self.two_years(request, earlier)
        everyone = people_rows(
            sight.everybody, sight.results, what=self.what, between=self.between, people=people
        )
        self.form = PeopleFilter(
            request.GET,
            sources=sight.sources,
            scores=sight.everything,
            earlier=earlier,
            subdistricts=subdistricts_of_people(everyone),
        )
        wanted = self.form.wanted
        chosen = {name: wanted[name] for name in ("search", "subdistrict") if wanted.get(name)}
        serving = everyone if wanted.get("who") else [row for row in everyone if row.cells[-1]]
        self.of_place = matching_rows(serving, **chosen)
        self.rows = matching_rows(self.of_place, which=wanted.get("which", ""))

    def two_years(self, request: HttpRequest, earlier: list[Year]) -> tuple[Year, Year] | None:
        """The newest year, and the one it is held against: the one before, unless another is asked for."""
        if not earlier:
            return None
        asked = request.GET.get("since", "")
        return next(
            (year for year in earlier if str(year.season.pk) == asked), earlier[-1]
        ), self.sight.scored[-1]

    @property
    def remarks(self) -> list[str]:
        """What the reader must know of these two years before comparing them."""
        return yardstick_differences(self.what, *self.between) if self.between else []

    @property
    def can_compare(self) -> bool:
        return self.between is not None and comparable(self.what, *self.between)


@permission_required("years.compare_people", raise_exception=True)
def people(request: HttpRequest) -> HttpResponse:
    sight = sight_of(request)
    context: dict[str, Any] = {"sight": sight, "tabs": tabs_of(sight, "people")}
    if sight and sight.scored:
        found = Comparison(request, sight)
        context |= {
            "comparison": found,
            "filter": found.form,
            "page": Paginator(found.rows, ROWS_A_PAGE).get_page(request.GET.get("page")),
            "tally": tally_of(found.of_place),
            "unit": unit_words(found.what, sight),
            "means": means_words(found.what, sight, *found.between) if found.between else "",
        }
    return render(request, "years/people.html", context)


@permission_required("years.compare_people", raise_exception=True)
def people_export(request: HttpRequest) -> HttpResponse:
    sight = sight_or_404(request)
    columns = [_("Name"), _("Subdistrict"), _("Neighbourhood")]
    for year in sight.scored:
        columns += [year.label, _("%(year)s: standard error") % {"year": year.label}]
    columns += [_("Change"), _("Lower end"), _("Upper end"), _("What it comes to")]
    rows = [export_cells(row) for row in Comparison(request, sight).rows] if sight.scored else []
    name = _("People over the years")
    return xlsx_response(f"{sight.district}-{name}.xlsx", [Table(pgettext("years", "People"), columns, rows)])


def export_cells(row: PersonRow) -> list[object]:
    change = row.change
    return [
        row.entry.person.name,
        row.entry.subdistrict.name,
        row.entry.organisation.name,
        *(
            value
            for cell in row.cells
            for value in ((round(cell.value, 3), round(cell.error, 3)) if cell else (None, None))
        ),
        *(
            (round(number, 3) for number in (change.value, change.low, change.high))
            if change
            else (None,) * 3
        ),
        verdict_word(row.verdict) if row.verdict else None,
    ]


def verdict_word(verdict: Verdict) -> str:
    return {
        Verdict.UP: pgettext("years", "rose"),
        Verdict.DOWN: pgettext("years", "fell"),
        Verdict.UNSURE: pgettext("years", "cannot be told"),
    }[verdict]


@permission_required("years.see_person", raise_exception=True)
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """One person's years side by side: to the office with score and rank, to others what is public of them."""
    sight = sight_or_404(request)
    if pk not in reached_people(request.user, sight.everybody):
        raise Http404(_("No such person is within your reach."))
    someone = next(entry.person for entry in sight.everybody if entry.person_id == pk)
    record = record_of(someone, sight.years, scores=sight.everything)
    own = pk == request.user.person_id
    steps = (
        [("", someone)] if own else [(reverse("years:people"), pgettext("years", "People")), ("", someone)]
    )
    context = {
        "sight": sight,
        "record": record,
        "own": own,
        "charts": charts_of(record),
        "yardsticks": yardsticks_of(record, SCORE if sight.everything else RESIDENTS),
        "breadcrumb": trail(*steps),
    }
    return render(request, "years/person.html", context)


def yardsticks_of(record: Record, what: str) -> list[tuple[Year, Year, list[str]]]:
    """Between which of the person's years the rule book changed, and in what."""
    years = [own.year for own in record.years if own.year.run]
    found = [(one, other, yardstick_differences(what, one, other)) for one, other in pairwise(years)]
    return [entry for entry in found if entry[2]]
