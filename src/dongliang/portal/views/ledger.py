"""The public ledger of ballots: what came in, what does not count and why, and what that changed."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dongliang.portal.queries import ledger_of
from dongliang.seasons.queries import current_season


@login_not_required
def ballot_ledger(request: HttpRequest) -> HttpResponse:
    """By classes of reason and in totals; neither a ballot nor who decided about it."""
    season = current_season()
    return render(
        request,
        "portal/ballot_ledger.html",
        {"season": season, "ledger": ledger_of(season) if season else None},
    )
