"""What the programme office and the subdistrict offices use."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.ballots.actions.cards import print_cards
from dongliang.ballots.actions.rounds import close_rounds, open_rounds, prepare_rounds
from dongliang.ballots.forms import CardsForm, CoverageFilter
from dongliang.ballots.links import full_address, qr_code
from dongliang.ballots.queries.cards import cards_allowed, printings
from dongliang.ballots.queries.coverage import NeighbourhoodCoverage, coverage, enrolments_of_offices
from dongliang.ballots.queries.rounds import (
    closing_blockers,
    opening_blockers,
    preparing_blockers,
    proven_key,
    rounds_of,
)
from dongliang.ballots.queries.sample import sampled_serials_of
from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import seasons_visible_to

ROWS_A_PAGE = 50


@permission_required("ballots.view_rounds", raise_exception=True)
def rounds(request: HttpRequest) -> HttpResponse:
    """The rounds' state, and how far residents' voices reach: ballots against households, never scores."""
    season = seasons_visible_to(request.user).first()
    if season is None:
        return render(request, "ballots/rounds.html", {"season": None})
    rows = coverage(season, enrolments_of_offices(request.user, season))
    form = CoverageFilter([row.subdistrict for row in rows], request.GET)
    shown = [each for row in rows for each in row.neighbourhoods if form.keeps(each)]
    if request.GET.get("format") == "xlsx":
        return coverage_workbook(season, shown)
    found = rounds_of(season)
    return render(
        request,
        "ballots/rounds.html",
        {
            "season": season,
            "rounds": found.values(),
            "state": next(iter(found.values())).state if found else None,
            "may_run": request.user.has_perm("ballots.run_rounds", season),
            "preparing_blockers": preparing_blockers(season),
            "opening_blockers": opening_blockers(season),
            "closing_blockers": closing_blockers(season),
            "form": form,
            "page": Paginator(shown, ROWS_A_PAGE).get_page(request.GET.get("page")),
            "subdistricts": rows,
            "ballots": sum(row.ballots for row in rows),
            "picks": sum(row.picks for row in rows),
            "households": sum(row.households for row in rows),
            "below_minimum": sum(row.below_minimum for row in rows),
            "minimum": rows[0].neighbourhoods[0].minimum if rows else 0,
        },
    )


def coverage_workbook(season: Season, rows: list[NeighbourhoodCoverage]) -> HttpResponse:
    columns = [
        _("Code"),
        _("Subdistrict"),
        _("Neighbourhood"),
        _("Households"),
        _("Ballots"),
        _("Share"),
        _("Picks of projects"),
    ]
    table = Table(
        _("Coverage"),
        columns,
        [
            (
                row.enrolment.organisation.code,
                row.enrolment.subdistrict.name,
                row.enrolment.organisation.name,
                row.households,
                row.ballots,
                None if row.share is None else round(row.share, 4),
                row.picks,
            )
            for row in rows
        ],
    )
    return xlsx_response(f"{season.title}-{_('Coverage')}.xlsx", [table])


@require_POST
def prepare(request: HttpRequest, slug: str) -> HttpResponse:
    return run(request, slug, prepare_rounds, _("The rounds are prepared: household cards can be printed."))


@require_POST
def open_(request: HttpRequest, slug: str) -> HttpResponse:
    return run(request, slug, open_rounds, _("The rounds are open: residents can vote."))


@require_POST
def close(request: HttpRequest, slug: str) -> HttpResponse:
    return run(request, slug, close_rounds, _("The rounds are closed: nothing enters any more."))


def run(request: HttpRequest, slug: str, action: Callable[..., Any], done: str) -> HttpResponse:
    season = get_object_or_404(Season, slug=slug)
    if not request.user.has_perm("ballots.run_rounds", season):
        raise PermissionDenied
    try:
        action(season, by=request.user)
    except Refused as refusal:
        for blocker in refusal.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(request, done)
    return redirect("ballots:rounds")


def fetch_enrolment(request: HttpRequest, organisation_code: str) -> Enrolment:
    season = seasons_visible_to(request.user).first()
    reached = enrolments_of_offices(request.user, season) if season else Enrolment.objects.none()
    return get_object_or_404(reached, post__organisation__code=organisation_code)


@never_cache
@permission_required("ballots.view_rounds", raise_exception=True)
def cards(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """Household cards to print. Showing codes counts as printing them, and is logged."""
    enrolment = fetch_enrolment(request, organisation_code)
    asked = "from" in request.GET or "count" in request.GET
    form = CardsForm(request.GET if asked else None)
    context = {
        "enrolment": enrolment,
        "form": form,
        "allowed": cards_allowed(enrolment),
        "printings": printings(enrolment)[:20],
        "address": full_address(request, "ballots:enter"),
    }
    if asked and form.is_valid():
        try:
            printed = print_cards(
                enrolment, first=form.cleaned_data["start"], last=form.last, by=request.user
            )
        except Refused as refusal:
            context["blockers"] = refusal.blockers
        else:
            sampled = sampled_serials_of(enrolment, proven_key(enrolment.season))
            context["cards"] = [
                (code, qr_code(full_address(request, "ballots:rate", code=code)), serial in sampled)
                for serial, code in enumerate(printed, start=form.cleaned_data["start"])
            ]
            context["marked"] = sum(is_marked for _code, _qr, is_marked in context["cards"])
    return render(request, "ballots/cards.html", context)


@permission_required("ballots.view_rounds", raise_exception=True)
def poster(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """A poster for the notice board, with the address for everybody and no code."""
    address = full_address(request, "ballots:enter")
    return render(
        request,
        "ballots/poster.html",
        {
            "enrolment": fetch_enrolment(request, organisation_code),
            "address": address,
            "qr": qr_code(address),
        },
    )
