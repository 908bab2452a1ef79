"""The growth path: everybody's place, one person's path, steps and opinions."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.sheets import Table, xlsx_response
from dongliang.growth.actions.path import begin_paths, decide_step, give_opinion, propose_step
from dongliang.growth.forms.filters import PathFilter
from dongliang.growth.forms.path import DecisionForm, OpinionForm, StepForm
from dongliang.growth.models import Move, Opinion, Path
from dongliang.growth.queries.path import (
    STAR,
    Kind,
    Standing,
    at_stage,
    checks_for,
    decision_blockers,
    earlier_stages,
    path_of,
    stage_name,
    stages_of,
    standings,
    step_blockers,
    takes_two,
    target_of,
    with_paths,
)
from dongliang.growth.queries.people import (
    WithColumns,
    enrolment_or_404,
    matching,
    own_enrolment,
    season_of,
    subdistricts_among,
)
from dongliang.growth.views.answers import done, page_of, path_steps
from dongliang.growth.views.training import may_see
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import seasons_visible_to


def rows_and_filter(request: HttpRequest, season: Season) -> tuple[WithColumns, PathFilter]:
    visible = enrolments_visible_to(request.user, season)
    form = PathFilter(request.GET, rules=season.rules, subdistricts=subdistricts_among(visible))
    rows = with_paths(matching(visible, **form.person))
    return at_stage(rows, stage=form.wanted.get("stage", ""), state=form.wanted.get("state", "")), form


@may_see
def people(request: HttpRequest) -> HttpResponse:
    season = season_of(request.user)
    if season is None:
        return render(request, "growth/people.html", {"season": None})
    rows, form = rows_and_filter(request, season)
    page = page_of(request, rows)
    visible = with_paths(enrolments_visible_to(request.user, season))
    runs = request.user.has_perm("growth.run_training", season)
    stages = stages_of(season.rules)
    here = list(visible.order_by().values_list("stage", flat=True))
    context = {
        "season": season,
        "filter": form,
        "page": page,
        "standings": standings(season, list(page.object_list)),
        "stages": dict(stages),
        "counts": [(key, name, here.count(key)) for key, name in stages],
        "runs": runs,
        "in_office": request.user.has_perm("growth.see_subdistricts"),
        "to_begin": visible.filter(stage=None, is_new=True).count() if runs else 0,
    }
    return render(request, "growth/people.html", context)


@may_see
def people_export(request: HttpRequest) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    rows, _form = rows_and_filter(request, season)
    columns = [
        _("Number"),
        _("Name"),
        _("Subdistrict"),
        _("Neighbourhood"),
        pgettext("of the path", "Stage"),
        _("Since"),
        pgettext("of the path", "State"),
        _("Next stage"),
        _("Met"),
        _("Missing"),
        _("What is missing"),
    ]
    table = Table(_("Growth path"), columns, exported(season, standings(season, list(rows))))
    name = _("Growth path of %(season)s") % {"season": season}
    return xlsx_response(f"{name}.xlsx", [table])


def exported(season: Season, found: Iterable[Standing]) -> Iterable[list[object]]:
    for standing in found:
        entry, path = standing.enrolment, standing.path
        yield [
            entry.number,
            entry.person.name,
            entry.subdistrict.name,
            entry.organisation.name,
            stage_name(season.rules, path.stage) if path else _("not on the path"),
            path.since if path else None,
            state_words(path),
            stage_name(season.rules, standing.target) if standing.target else "",
            len(standing.checks) - len(standing.missing),
            len(standing.missing),
            " ".join(f"{check.asked}{check.seen}" for check in standing.missing),
        ]


def state_words(path: Path | None) -> str:
    if path is None:
        return ""
    words = [pgettext("of the path", "paused")] if path.paused_on else []
    return pgettext("between words", ", ").join(words + ([_("Star secretary")] if path.star_since else []))


@may_see
def mine(request: HttpRequest) -> HttpResponse:
    """One's own path; whoever has none is taken to the list."""
    season = season_of(request.user)
    own = own_enrolment(request.user, season) if season else None
    return redirect("growth:person", own.pk) if own else redirect("growth:people")


@may_see
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """What is met, what is missing, what comes next; and how it came to this."""
    enrolment = enrolment_or_404(request.user, pk)
    rules, path = enrolment.season.rules, path_of(enrolment)
    [standing] = standings(enrolment.season, [enrolment])
    moves = path.moves.select_related("proposed_by", "decided_by") if path else []
    pending = next((move for move in moves if move.state == Move.State.PROPOSED), None)
    moving = request.user.has_perm("growth.move_people", enrolment)
    context = {
        "enrolment": enrolment,
        "season": enrolment.season,
        "path": path,
        "standing": standing,
        "target": stage_name(rules, standing.target) if standing.target else "",
        "star_checks": checks_for(enrolment, STAR) if path and not path.star_since else [],
        "course": course_of(enrolment, path),
        "moves": [(move, stage_name(rules, move.to_stage)) for move in moves],
        "opinions": [
            (opinion, stage_name(rules, opinion.stage)) for opinion in path.opinions.select_related("by")
        ]
        if path
        else [],
        "pending": pending,
        "stages": stages_of(rules),
        "moving": moving,
        "steps": steps_open(path, rules) if moving and path and not pending else [],
        "mentoring": bool(path) and request.user.has_perm("growth.give_opinion", enrolment),
        "is_own": enrolment.person_id == request.user.person_id,
        "breadcrumb": path_steps(("", enrolment.person)),
    }
    return render(request, "growth/person.html", context)


def course_of(enrolment: Enrolment, path: Path | None) -> list[dict[str, str]]:
    """The stages as the season's course is drawn: passed, here, to come."""
    stages = stages_of(enrolment.season.rules)
    keys = [key for key, _name in stages]
    here = keys.index(path.stage) if path and path.stage in keys else -1
    words = {
        "done": pgettext("stage", "passed"),
        "open": pgettext("stage", "here"),
        "waiting": pgettext("stage", "to come"),
    }
    states = [
        "done" if place < here else "open" if place == here else "waiting" for place in range(len(keys))
    ]
    return [
        {"name": name, "state": state, "word": words[state]}
        for (_key, name), state in zip(stages, states, strict=True)
    ]


def steps_open(path: Path, rules: Any) -> list[tuple[str, str]]:
    """The steps that the office may look into for somebody, promotion first."""
    offered = [
        (Kind.PROMOTION, not path.paused_on and target_of(Kind.PROMOTION, path, rules) is not None),
        (Kind.STAR, not path.paused_on and not path.star_since),
        (Kind.STAR_ENDED, bool(path.star_since)),
        (Kind.PAUSE, not path.paused_on),
        (Kind.RESUMPTION, bool(path.paused_on)),
        (Kind.RETURN, bool(earlier_stages(rules, path.stage))),
    ]
    return [(kind.value, str(kind.label)) for kind, may in offered if may]


def path_to_move(request: HttpRequest, pk: int) -> tuple[Enrolment, Path]:
    enrolment = enrolment_or_404(request.user, pk)
    if not request.user.has_perm("growth.move_people", enrolment):
        raise PermissionDenied
    path = path_of(enrolment)
    if path is None:
        raise Http404
    return enrolment, path


@may_see
def step(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Look at what a step asks for, then take it, or propose it where it takes two."""
    if kind not in Kind.values or kind == Kind.BEGINNING:
        raise Http404
    enrolment, path = path_to_move(request, pk)
    rules = enrolment.season.rules
    target = target_of(kind, path, rules)
    form = StepForm(request.POST or None, kind=kind, earlier=earlier_stages(rules, path.stage))
    two = takes_two(rules, kind, path.stage if kind == Kind.RETURN else target or "")
    if form.is_valid() and done(
        request,
        _("The step is proposed; a second person decides it.") if two else _("The step is taken."),
        lambda: propose_step(enrolment, kind, by=request.user, **form.cleaned_data),
    ):
        return redirect("growth:person", pk)
    # A return says where to in the form: what stands against it otherwise is looked at with any stage that will do.
    earlier = earlier_stages(rules, path.stage)
    looked_at = earlier[0][0] if kind == Kind.RETURN and earlier else target
    context = {
        "enrolment": enrolment,
        "path": path,
        "kind": Kind(kind),
        "target": stage_name(rules, target) if target else "",
        "checks": checks_for(enrolment, target) if target and kind in (Kind.PROMOTION, Kind.STAR) else [],
        "blockers": step_blockers(enrolment, path, kind, looked_at),
        "two": two,
        "form": form,
        "breadcrumb": path_steps(
            (reverse("growth:person", args=[pk]), enrolment.person), ("", Kind(kind).label)
        ),
    }
    return render(request, "growth/step.html", context)


@may_see
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person's page: the proposal, its evidence, what the gates say now."""
    move = get_object_or_404(Move.objects.select_related("path__person", "proposed_by"), pk=pk)
    season = season_of(request.user)
    enrolment = season.enrolments.filter(person=move.path.person_id).first() if season else None
    if enrolment is None:
        raise Http404
    enrolment, path = path_to_move(request, enrolment.pk)
    form = DecisionForm(request.POST or None)
    if form.is_valid() and done(
        request,
        _("The step is granted.") if form.cleaned_data["grant"] else _("The step is declined."),
        lambda: decide_step(move, enrolment, by=request.user, **form.cleaned_data),
    ):
        return redirect("growth:person", enrolment.pk)
    rules = enrolment.season.rules
    context = {
        "enrolment": enrolment,
        "path": path,
        "move": move,
        "target": stage_name(rules, move.to_stage),
        "checks": checks_for(enrolment, move.to_stage) if move.kind in (Kind.PROMOTION, Kind.STAR) else [],
        "blockers": decision_blockers(move, request.user),
        "form": form,
        "breadcrumb": path_steps(
            (reverse("growth:person", args=[enrolment.pk]), enrolment.person), ("", _("Decide"))
        ),
    }
    return render(request, "growth/decide.html", context)


@may_see
def opinion(request: HttpRequest, pk: int) -> HttpResponse:
    """The mentor's opinion, or the committee's decision, which the programme office notes."""
    enrolment = enrolment_or_404(request.user, pk)
    as_mentor = request.user.has_perm("growth.give_opinion", enrolment)
    if not as_mentor and not request.user.has_perm("growth.move_people", enrolment):
        raise PermissionDenied
    path = path_of(enrolment)
    if path is None:
        raise Http404
    rules = enrolment.season.rules
    following = target_of(Kind.PROMOTION, path, rules)
    stages = [(key, stage_name(rules, key)) for key in filter(None, (following, STAR))]
    form = OpinionForm(request.POST or None, stages=stages, committee=not as_mentor)
    source = Opinion.Source.MENTOR if as_mentor else Opinion.Source.COMMITTEE
    if form.is_valid() and done(
        request,
        _("The opinion is noted.") if as_mentor else _("The committee's decision is noted."),
        lambda: give_opinion(path, source=source, by=request.user, **form.cleaned_data),
    ):
        return redirect("growth:person", pk)
    context = {
        "enrolment": enrolment,
        "path": path,
        "as_mentor": as_mentor,
        "form": form,
        "breadcrumb": path_steps(
            (reverse("growth:person", args=[pk]), enrolment.person),
            ("", _("Opinion") if as_mentor else _("Committee's decision")),
        ),
    }
    return render(request, "growth/opinion.html", context)


@require_POST
@may_see
def begin(request: HttpRequest) -> HttpResponse:
    """Put all who are new after the election on the path, at its first stage."""
    season = season_of(request.user)
    if season is None or not request.user.has_perm("growth.run_training", season):
        raise PermissionDenied
    fresh = list(with_paths(season.enrolments.filter(is_new=True)).filter(stage=None))
    done(
        request,
        _("%(count)d secretaries are on the path now.") % {"count": len(fresh)},
        lambda: begin_paths(fresh, evidence=_("New after the election, by the roster."), by=request.user),
    )
    return redirect("growth:people")


@require_POST
@may_see
def begin_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Put one secretary on the path, new or not."""
    enrolment = enrolment_or_404(request.user, pk)
    if not request.user.has_perm("growth.move_people", enrolment):
        raise PermissionDenied
    evidence = request.POST.get("evidence", "")[:500]
    done(
        request,
        _("%(name)s is on the path now.") % {"name": enrolment.person},
        lambda: begin_paths(
            [enrolment], evidence=evidence, stage=request.POST.get("stage", ""), by=request.user
        ),
    )
    return redirect("growth:person", pk)
