"""What the programme office and the subdistrict offices use."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.ballots.actions.pausing import pause_rounds, resume_rounds
from dongliang.ballots.actions.rounds import announce_dates, close_rounds, open_rounds, prepare_rounds
from dongliang.ballots.calendar import dates_of
from dongliang.ballots.forms import CoverageFilter, DatesForm, RoundForm
from dongliang.ballots.queries.coverage import NeighbourhoodCoverage, coverage, enrolments_of_offices
from dongliang.ballots.queries.days import moved_ends_of, waits_to_be_closed
from dongliang.ballots.queries.rounds import closing_blockers, opening_blockers, preparing_blockers, rounds_of
from dongliang.ballots.queries.verification import messages_to_look_at, ways_of
from dongliang.common.refusals import Blocker, Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.people.models import Account
from dongliang.seasons.models import Season
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
    found, at = rounds_of(season), now()
    return render(
        request,
        "ballots/rounds.html",
        {
            "season": season,
            "states": {round.state for round in found.values()},
            "ways": ways_of(season),
            "messages_to_look_at": messages_to_look_at(enrolments_of_offices(request.user, season), at=at),
            "round_form": RoundForm(auto_id="one_%s"),
            "round_standings": [(round, round.standing(at)) for round in found.values()],
            "dates": dates_of(season),
            "dates_form": DatesForm(initial=asdict(dates_of(season))),
            "moved_ends": moved_ends_of(season),
            "waits_to_be_closed": waits_to_be_closed(season, at=at),
            "may_run": request.user.has_perm("ballots.run_rounds", season),
            "preparing_blockers": preparing_blockers(season),
            "opening_blockers": opening_blockers(season, at=at),
            "closing_blockers": closing_blockers(season, at=at),
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


@require_POST
def pause(request: HttpRequest, slug: str) -> HttpResponse:
    action = partial(pause_rounds, reason=request.POST.get("reason", ""))
    return run(request, slug, action, _("The rounds are paused: no ballot is taken until they go on."))


@require_POST
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    return run(request, slug, resume_rounds, _("The rounds go on: residents can vote."))


@require_POST
def steer(request: HttpRequest, slug: str) -> HttpResponse:
    """Open, pause, resume or close one of the rounds by itself."""
    form = RoundForm(request.POST)
    if not form.is_valid():
        return run(request, slug, partial(raise_errors, form), "")
    kinds = [form.cleaned_data["kind"]]
    actions: dict[str, Callable[..., Any]] = {
        "open": open_rounds,
        "pause": partial(pause_rounds, reason=form.cleaned_data["reason"]),
        "resume": resume_rounds,
        "close": close_rounds,
    }
    action = actions[form.cleaned_data["what"]]
    return run(request, slug, partial(action, kinds=kinds), _("Done."))


@require_POST
def dates(request: HttpRequest, slug: str) -> HttpResponse:
    form = DatesForm(request.POST)
    if not form.is_valid():
        return run(request, slug, partial(raise_errors, form), "")
    return run(request, slug, partial(announce_dates, **form.cleaned_data), _("The dates are announced."))


def raise_errors(form: Form, _season: Season, *, by: Account) -> None:
    raise Refused(
        Blocker("form.invalid", f"{form.fields[name].label}: {error}" if name in form.fields else str(error))
        for name, errors in form.errors.items()
        for error in errors
    )
