"""What the views of this app share: what an account may see of the years, tabs, steps back."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.people.models import Account, Organisation
from dongliang.seasons.models import Enrolment
from dongliang.years.calculation import centre_of
from dongliang.years.forms import FigureFilter
from dongliang.years.queries.seasons import (
    SCORE,
    Results,
    Year,
    district_of,
    enrolled,
    scored,
    sees_everything,
    years_of,
)
from dongliang.years.queries.yardstick import sources_named

ROWS_A_PAGE = 50


@dataclass(frozen=True)
class Sight:
    """The years of the account's district, so far as the account may see them."""

    account: Account
    district: Organisation
    everything: bool
    years: list[Year]

    @cached_property
    def results(self) -> Results:
        return Results(self.years)

    @cached_property
    def everybody(self) -> list[Enrolment]:
        return list(enrolled(self.years))

    @cached_property
    def scored(self) -> list[Year]:
        return scored(self.years)

    @cached_property
    def sources(self) -> dict[str, str]:
        return sources_named(self.scored)


def sight_of(request: HttpRequest) -> Sight | None:
    """None before the account has a season to see."""
    district = district_of(request.user)
    if district is None:
        return None
    everything = sees_everything(request.user, district)
    return Sight(request.user, district, everything, years_of(district, public_only=not everything))


def sight_or_404(request: HttpRequest) -> Sight:
    if (sight := sight_of(request)) is None:
        raise Http404(_("There is no season yet."))
    return sight


def tabs_of(sight: Sight | None, current: str) -> list[dict[str, Any]]:
    """The office's four tables; a subdistrict office's two."""
    everything = sight is not None and sight.everything
    shown = [
        (everything, pgettext("years", "District"), "district"),
        (True, pgettext("years", "People"), "people"),
        (True, pgettext("years", "Subdistricts"), "subdistricts"),
        (everything, pgettext("years", "Mentors"), "mentors"),
    ]
    return [
        {"url": reverse(f"years:{name}"), "label": label, "current": name == current}
        for allowed, label, name in shown
        if allowed
    ]


def trail(*steps: tuple[str, Any]) -> list[dict[str, Any]]:
    home = (reverse("years:home"), _("Years side by side"))
    return [{"url": url, "label": label} for url, label in (home, *steps)]


def figure_filter(request: HttpRequest, sight: Sight) -> FigureFilter:
    return FigureFilter(request.GET, sources=sight.sources, scores=sight.everything)


def unit_words(what: str, sight: Sight) -> str:
    """What the figures are, and what one more of them means."""
    if what != SCORE:
        return _(
            "Marks from 1 to 5, as this source's measure of the year; ± is half the 90 % interval. Changes are counted from "
            "the mean of the district: where all marks rise alike, nobody has moved."
        )
    return _(
        "The score says how far somebody stands above (+) or below (−) the mean of that year's field, in standard "
        "deviations between secretaries; ± is half the 90 % interval. It is a place among those of the year, and no amount: "
        "where others come and go, a place moves too."
    )


def means_words(what: str, sight: Sight, earlier: Year, later: Year) -> str:
    """How the mean itself moved, for sources whose marks have a level of their own."""
    if what == SCORE:
        return ""
    before, after = (centre_of(sight.results.of(what, year)) for year in (earlier, later))
    return _("The mean of the district: %(before)s in %(first)s, %(after)s in %(second)s.") % {
        "before": f"{before:.2f}",
        "first": earlier.label,
        "after": f"{after:.2f}",
        "second": later.label,
    }
