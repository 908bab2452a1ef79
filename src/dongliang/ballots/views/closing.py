"""What the programme office does with ballots once they are in: state, publish the count, destroy the key."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dongliang.ballots.actions.closing import destroy_key
from dongliang.ballots.actions.publishing import open_tally, publish_statement
from dongliang.ballots.forms import DestroyKeyForm
from dongliang.ballots.queries.proof import (
    destroying_blockers,
    differs_from,
    last_statement,
    opening_the_tally_blockers,
    stating_blockers,
)
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.refusals import Refused
from dongliang.seasons.models import Season


@never_cache
def statements(request: HttpRequest, slug: str) -> HttpResponse:
    return statements_page(request, season_to_run(request, slug))


def statements_page(request: HttpRequest, season: Season, form: DestroyKeyForm | None = None) -> HttpResponse:
    """The season's statements, and what is left to do: each with what stands against it."""
    last, rounds = last_statement(season), rounds_of(season).values()
    context = {
        "season": season,
        "statements": season.statements.order_by("-version"),
        "last": last,
        "differs": bool(last and differs_from(last)),
        "unproven": last.content.unproven if last else 0,
        "destroyed_at": next((round.key_destroyed_at for round in rounds), None),
        "stating_blockers": stating_blockers(season),
        "opening_blockers": opening_the_tally_blockers(season),
        "destroying_blockers": destroying_blockers(season),
        "form": form or DestroyKeyForm(season),
    }
    return render(request, "ballots/statements.html", context, status=422 if form else 200)


@require_POST
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    return run(request, slug, publish_statement, _("The statement is published."))


@require_POST
def open_(request: HttpRequest, slug: str) -> HttpResponse:
    return run(request, slug, open_tally, _("The count is published, and final."))


@require_POST
def destroy(request: HttpRequest, slug: str) -> HttpResponse:
    season = season_to_run(request, slug)
    form = DestroyKeyForm(season, request.POST)
    if not form.is_valid():
        return statements_page(request, season, form)
    return run(request, slug, destroy_key, _("The ballot key is destroyed."))


def run(request: HttpRequest, slug: str, action: Callable[..., Any], done: str) -> HttpResponse:
    season = season_to_run(request, slug)
    try:
        action(season, by=request.user)
    except Refused as refusal:
        for blocker in refusal.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(request, done)
    return redirect("ballots:statements", slug)


def season_to_run(request: HttpRequest, slug: str) -> Season:
    season = get_object_or_404(Season, slug=slug)
    if not request.user.has_perm("ballots.run_rounds", season):
        raise PermissionDenied
    return season
