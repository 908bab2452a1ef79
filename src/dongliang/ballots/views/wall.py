"""How far residents' voices reach, on a big screen that keeps itself up to date. Coverage only, never a mark."""

import hashlib

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response
from django.utils.timezone import now
from rules.contrib.views import permission_required

from dongliang.ballots.queries.coverage import coverage, enrolments_of_offices
from dongliang.ballots.queries.verification import messages_to_look_at
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to


@permission_required("ballots.view_rounds", raise_exception=True)
def wall(request: HttpRequest) -> HttpResponse:
    season = seasons_visible_to(request.user).first()
    return render(
        request,
        "ballots/wall.html",
        {"season": season, "tiles": rendered_tiles(request, season) if season else ""},
    )


@permission_required("ballots.view_rounds", raise_exception=True)
def tiles(request: HttpRequest) -> HttpResponse:
    """The tiles alone; nothing but “not modified” while they are what the screen shows already."""
    season = seasons_visible_to(request.user).first()
    text = rendered_tiles(request, season) if season else ""
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    response = HttpResponse(
        text, headers={"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    )
    return get_conditional_response(request, etag=etag, response=response) or response


def rendered_tiles(request: HttpRequest, season: Season) -> str:
    rows = coverage(season, enrolments_of_offices(request.user, season))
    return render_to_string(
        "ballots/_tiles.html",
        {
            "subdistricts": rows,
            "messages_to_look_at": len(
                messages_to_look_at(enrolments_of_offices(request.user, season), at=now())
            ),
            "ballots": sum(row.ballots for row in rows),
            "households": sum(row.households for row in rows),
            "below_minimum": sum(row.below_minimum for row in rows),
            "minimum": rows[0].neighbourhoods[0].minimum if rows else 0,
        },
    )
