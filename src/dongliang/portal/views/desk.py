"""Where people land after signing in, and the office's way through the season."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dongliang.awards.actions.lists import draw_lists
from dongliang.common.refusals import Blocker, Refused
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.people.models import Role
from dongliang.people.queries import current_tenures, has_role, is_office, organisations_reached
from dongliang.portal.forms import RuleBookForm
from dongliang.portal.queries import late, season_figures, season_steps, step_blockers
from dongliang.scoring.actions import begin_collecting, end_collecting, run_scoring
from dongliang.seasons.actions import freeze_rule_book, revise_rule_book
from dongliang.seasons.models import Phase, Season
from dongliang.seasons.queries import seasons_visible_to
from dongliang.seasons.rulebook import preset_names, preset_text


def desk(request: HttpRequest) -> HttpResponse:
    """The overview for offices; everybody else is taken to where the own work is."""
    account = request.user
    if not request.user.has_perm("portal.see_desk"):
        if has_role(account, Role.MENTOR, Role.DEPARTMENT):
            return redirect("review:sheets")
        return redirect("portal:my_page" if has_role(account, Role.SECRETARY) else "portal:front")
    season = seasons_visible_to(account).first()
    if season is None:
        return render(request, "portal/desk.html", {"season": None})
    scope = enrolments_visible_to(account, season)
    office = is_office(account) and account.has_perm("seasons.run_season", season)
    institutions = set(organisations_reached(account, Role.SUBDISTRICT_OFFICE).values_list("pk", flat=True))
    steps = season_steps(season)
    collecting = season.phase != Phase.PREPARING
    upcoming = next((step for step in steps if step.state == "open"), None)
    return render(
        request,
        "portal/desk.html",
        {
            "season": season,
            "office": office,
            "steps": steps,
            "upcoming": upcoming if office else None,
            "against": step_blockers(season, upcoming.key) if office and upcoming else [],
            "in_post": current_tenures(season.district).count(),
            "figures": season_figures(season, scope) if collecting else None,
            "late": late(season, scope, institutions=None if office else institutions)
            if collecting
            else None,
            "run": season.scoring_runs.first() if office else None,
        },
    )


STEPS: dict[str, tuple[Callable[..., Any], str]] = {
    "freeze": (freeze_rule_book, "portal:desk"),
    "open": (begin_collecting, "portal:desk"),
    "close": (end_collecting, "portal:desk"),
    "score": (run_scoring, "scoring:runs"),
}


@require_POST
def take_step(request: HttpRequest, key: str) -> HttpResponse:
    """Take a step of the season: freeze, open, close or score."""
    season = season_to_run(request)
    action, afterwards = STEPS[key]
    try:
        outcome = action(season, by=request.user)
        if key == "score":
            draw_lists(outcome, by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
        return redirect("portal:desk")
    messages.success(request, done_words(key))
    return redirect(afterwards)


def done_words(key: str) -> str:
    return {
        "freeze": _("The rule book is frozen."),
        "open": _("The season is open: sheets are assigned, residents can rate."),
        "close": _("The season is closed: what has come in is final."),
        "score": _("The season is scored, and the lists are drawn. Look at them, then publish."),
    }[key]


def season_to_run(request: HttpRequest) -> Season:
    season = seasons_visible_to(request.user).first()
    if season is None or not request.user.has_perm("seasons.run_season", season):
        raise PermissionDenied
    return season


def revise_rules(request: HttpRequest) -> HttpResponse:
    """Put another rule book in force, from a file, until the season opens."""
    season = season_to_run(request)
    form = RuleBookForm(request.POST or None, request.FILES or None)
    reasons: tuple[Blocker, ...] = ()
    if request.method == "POST" and form.is_valid():
        try:
            book = revise_rule_book(
                season, form.document().document, reason=form.cleaned_data["reason"], by=request.user
            )
        except Refused as refused:
            reasons = refused.blockers
        else:
            messages.success(request, _("Version %(version)d is in force.") % {"version": book.version})
            return redirect("portal:rules")
    return render(
        request,
        "portal/revise_rules.html",
        {
            "season": season,
            "form": form,
            "reasons": reasons,
            "fixed": season.phase != Phase.PREPARING,
            "presets": preset_names(),
        },
    )


def preset_file(request: HttpRequest, name: str) -> HttpResponse:
    """A shipped rule book as the file it is, to start one's own from."""
    season_to_run(request)
    if name not in preset_names():
        raise Http404
    response = HttpResponse(preset_text(name), content_type="application/toml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.toml"'
    return response
