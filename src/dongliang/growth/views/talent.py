"""The talent map by subdistrict, and the reserve of future mentors."""

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.common.sheets import Table, xlsx_response
from dongliang.common.tile_map import Heap, tile_map
from dongliang.growth.forms.filters import PeopleFilter
from dongliang.growth.queries.path import last_stage, stage_name, stages_of, standings
from dongliang.growth.queries.people import (
    WithColumns,
    matching,
    season_of,
    secretaries_in_charge,
    subdistricts_among,
)
from dongliang.growth.queries.talent import reserve as reserve_of
from dongliang.growth.queries.talent import talent
from dongliang.growth.views.answers import page_of, path_steps
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to

may_see_subdistricts = permission_required("growth.see_subdistricts", raise_exception=True)


@may_see_subdistricts
def talent_map(request: HttpRequest) -> HttpResponse:
    season = season_of(request.user)
    if season is None:
        return render(request, "growth/talent_map.html", {"season": None})
    tiles = talent(season, secretaries_in_charge(request.user, season))
    names = [name for _key, name in stages_of(season.rules)]
    heaps = [
        Heap(
            tile.subdistrict.name,
            (*tile.counts, tile.outside),
            url=f"{reverse('growth:people')}?subdistrict={tile.subdistrict.pk}",
        )
        for tile in tiles
    ]
    context = {
        "season": season,
        "names": names,
        "rows": tiles,
        "chart": tile_map(heaps, kinds=[*names, _("not on the path")], title=_("Secretaries by stage"))
        if tiles
        else None,
        "breadcrumb": path_steps(("", _("Talent map"))),
    }
    return render(request, "growth/talent_map.html", context)


@may_see_subdistricts
def talent_export(request: HttpRequest) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    names = [name for _key, name in stages_of(season.rules)]
    columns = [
        _("Subdistrict"),
        *names,
        _("not on the path"),
        _("Secretaries"),
        _("Star secretary"),
        pgettext("of the path", "paused"),
    ]
    rows = [
        [tile.subdistrict.name, *tile.counts, tile.outside, tile.total, tile.stars, tile.paused]
        for tile in talent(season, secretaries_in_charge(request.user, season))
    ]
    name = _("Talent map of %(season)s") % {"season": season}
    return xlsx_response(f"{name}.xlsx", [Table(_("Talent map"), columns, rows)])


def rows_and_filter(request: HttpRequest, season: Season) -> tuple[WithColumns, PeopleFilter]:
    people = secretaries_in_charge(request.user, season)
    form = PeopleFilter(request.GET, subdistricts=subdistricts_among(people))
    return reserve_of(season, matching(people, **form.person)).select_related("first_thing"), form


@may_see_subdistricts
def reserve(request: HttpRequest) -> HttpResponse:
    season = season_of(request.user)
    if season is None:
        return render(request, "growth/reserve.html", {"season": None})
    rows, form = rows_and_filter(request, season)
    page = page_of(request, rows)
    context = {
        "season": season,
        "filter": form,
        "page": page,
        "standings": standings(season, list(page.object_list)),
        "stage": stage_name(season.rules, last_stage(season.rules)),
        "breadcrumb": path_steps(("", _("Reserve of mentors"))),
    }
    return render(request, "growth/reserve.html", context)


@may_see_subdistricts
def reserve_export(request: HttpRequest) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    people, _form = rows_and_filter(request, season)
    columns = [
        _("Name"),
        _("Subdistrict"),
        _("Neighbourhood"),
        _("Since"),
        _("First thing"),
        _("Star secretary"),
    ]
    rows = [
        [
            entry.person.name,
            entry.subdistrict.name,
            entry.organisation.name,
            entry.person.growth_path.since,
            first_thing(entry),
            entry.star_since,
        ]
        for entry in people
    ]
    name = _("Reserve of mentors, %(season)s") % {"season": season}
    return xlsx_response(f"{name}.xlsx", [Table(_("Reserve of mentors"), columns, rows)])


def first_thing(entry: Any) -> str:
    thing: FirstThing | None = getattr(entry, "first_thing", None)
    return thing.title if thing else ""
