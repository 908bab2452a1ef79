from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.people.models import Role
from dongliang.people.queries import has_role, is_office, organisations_of
from dongliang.projects.actions import change_first_thing, nominate, register_first_thing, set_state
from dongliang.projects.forms import FirstThingForm, ProjectFilter
from dongliang.projects.models import FirstThing
from dongliang.projects.queries import (
    category_names,
    closed_blockers,
    first_things_visible_to,
    matching,
    nomination_blockers,
    registration_blockers,
    steps_from,
    with_first_things,
)
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import seasons_visible_to

ROWS = 100
may_see_list = permission_required("projects.see_list", raise_exception=True)


@may_see_list
def first_things(request: HttpRequest) -> HttpResponse:
    season = seasons_visible_to(request.user).first()
    if season is None:
        return render(request, "projects/list.html", {"season": None})
    visible = enrolments_visible_to(request.user, season)
    form = filter_of(request, season, visible)
    rows = with_first_things(matching(visible, **form.wanted))
    counts: dict[str | None, int] = {
        row["first_thing__state"]: row["count"]
        for row in visible.order_by().values("first_thing__state").annotate(count=Count("pk"))
    }
    context = {
        "season": season,
        "filter": form,
        "page": Paginator(rows, ROWS).get_page(request.GET.get("page")),
        "counts": [(state.value, state.label, counts.get(state.value, 0)) for state in FirstThing.State],
        "late": counts.get(None, 0),
        "total": sum(counts.values()),
        "categories": category_names(season.rules),
        "in_office": is_office(request.user) or has_role(request.user, Role.SUBDISTRICT_OFFICE),
    }
    return render(request, "projects/list.html", context)


def filter_of(request: HttpRequest, season: Season, visible: QuerySet[Enrolment]) -> ProjectFilter:
    subdistricts = organisations_of(visible, "post__organisation__parent")
    return ProjectFilter(request.GET, rules=season.rules, subdistricts=subdistricts)


@may_see_list
def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, as a workbook."""
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    visible = enrolments_visible_to(request.user, season)
    form = filter_of(request, season, visible)
    columns = [
        _("Number"),
        _("Subdistrict"),
        _("Neighbourhood"),
        _("Secretary"),
        _("First thing"),
        _("Category"),
        pgettext("of a first thing", "State"),
        _("Nominated"),
        _("What is to change for residents"),
    ]
    rows = exported(with_first_things(matching(visible, **form.wanted)), category_names(season.rules))
    name = _("First things of %(season)s") % {"season": season}
    return xlsx_response(f"{name}.xlsx", [Table(_("First things"), columns, rows)])


def exported(secretaries: Iterable[Any], categories: dict[str, str]) -> Iterator[list[Any]]:
    for secretary in secretaries:
        row = [secretary.number, secretary.subdistrict, secretary.organisation, secretary.person]
        if thing := getattr(secretary, "first_thing", None):
            row += [
                thing.title,
                categories.get(thing.category, thing.category),
                thing.get_state_display(),
                pgettext("nominated", "yes") if secretary.nominated else "",
                thing.summary,
            ]
        else:
            row += ["", "", _("not registered"), "", ""]
        yield row


def project_or_404(request: HttpRequest, pk: int) -> tuple[Season, FirstThing]:
    season = get_object_or_404(seasons_visible_to(request.user), enrolments__first_thing__pk=pk)
    return season, get_object_or_404(first_things_visible_to(request.user, season), pk=pk)


def breadcrumb(*steps: tuple[str, Any]) -> list[dict[str, Any]]:
    return [
        {"url": reverse("projects:list"), "label": _("First things")},
        *({"url": url, "label": label} for url, label in steps),
    ]


def project(request: HttpRequest, pk: int) -> HttpResponse:
    season, thing = project_or_404(request, pk)
    is_open = not closed_blockers(season)
    may_keep = is_open and request.user.has_perm("projects.keep_first_thing", thing.enrolment)
    context = {
        "season": season,
        "project": thing,
        "category": category_names(season.rules).get(thing.category, thing.category),
        "nomination": thing.nominations.first(),
        "may_keep": may_keep,
        "may_nominate": is_open and request.user.has_perm("projects.nominate", thing),
        "steps": steps_from(thing.state) if may_keep else [],
        "breadcrumb": breadcrumb(("", thing.title)),
    }
    return render(request, "projects/project.html", context)


def register(request: HttpRequest, enrolment_pk: int | None = None) -> HttpResponse:
    """Register one's own first thing, or, from an office, a secretary's who did it on paper."""
    season, enrolment = enrolment_or_404(request, enrolment_pk)
    if not request.user.has_perm("projects.keep_first_thing", enrolment):
        raise PermissionDenied
    if enrolment_pk is None and hasattr(enrolment, "first_thing"):
        return redirect("projects:project", enrolment.first_thing.pk)
    form = FirstThingForm(request.POST or None, rules=season.rules)
    if request.method == "POST" and form.is_valid():
        try:
            thing = register_first_thing(enrolment, **form.cleaned_data, by=request.user)
        except Refused as refused:
            tell(request, refused)
        else:
            messages.success(request, _("The first thing is registered."))
            return redirect("projects:project", thing.pk)
    context = {
        "season": season,
        "enrolment": enrolment,
        "form": form,
        "blockers": registration_blockers(season, enrolment),
        "breadcrumb": breadcrumb(("", _("Register"))),
    }
    return render(request, "projects/form.html", context)


def enrolment_or_404(request: HttpRequest, pk: int | None) -> tuple[Season, Enrolment]:
    if pk is not None:
        season = get_object_or_404(seasons_visible_to(request.user), enrolments__pk=pk)
        return season, get_object_or_404(enrolments_visible_to(request.user, season), pk=pk)
    if not has_role(request.user, Role.SECRETARY):
        raise PermissionDenied
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    visible = enrolments_visible_to(request.user, season)
    return season, get_object_or_404(visible, person=request.user.person_id)


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    season, thing = project_or_404(request, pk)
    if not request.user.has_perm("projects.keep_first_thing", thing.enrolment):
        raise PermissionDenied
    words = {"title": thing.title, "category": thing.category, "summary": thing.summary}
    form = FirstThingForm(request.POST or None, rules=season.rules, initial=words)
    if request.method == "POST" and form.is_valid():
        try:
            change_first_thing(thing, **form.cleaned_data, by=request.user)
        except Refused as refused:
            tell(request, refused)
        else:
            messages.success(request, _("The change is saved."))
            return redirect("projects:project", thing.pk)
    context = {
        "season": season,
        "enrolment": thing.enrolment,
        "project": thing,
        "form": form,
        "blockers": closed_blockers(season),
        "breadcrumb": breadcrumb((reverse("projects:project", args=[pk]), thing.title), ("", _("Change"))),
    }
    return render(request, "projects/form.html", context)


@require_POST
def state(request: HttpRequest, pk: int) -> HttpResponse:
    _season, thing = project_or_404(request, pk)
    if not request.user.has_perm("projects.keep_first_thing", thing.enrolment):
        raise PermissionDenied
    try:
        thing = set_state(thing, request.POST.get("state", ""), by=request.user)
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(
            request, _("The first thing is now %(state)s.") % {"state": thing.get_state_display()}
        )
    return redirect("projects:project", pk)


def nominate_project(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then put the project on stage for its subdistrict."""
    season, thing = project_or_404(request, pk)
    if not request.user.has_perm("projects.nominate", thing):
        raise PermissionDenied
    subdistrict = thing.enrolment.subdistrict
    if request.method == "POST":
        try:
            nominate(season, subdistrict, thing, by=request.user)
        except Refused as refused:
            tell(request, refused)
        else:
            messages.success(
                request,
                _("%(subdistrict)s puts '%(title)s' on stage.")
                % {"subdistrict": subdistrict, "title": thing},
            )
        return redirect("projects:project", pk)
    context = {
        "season": season,
        "project": thing,
        "subdistrict": subdistrict,
        "nomination": season.nominations.filter(subdistrict=subdistrict).select_related("project").first(),
        "blockers": nomination_blockers(season, subdistrict, thing),
        "breadcrumb": breadcrumb((reverse("projects:project", args=[pk]), thing.title), ("", _("Nominate"))),
    }
    return render(request, "projects/nominate.html", context)


def tell(request: HttpRequest, refused: Refused) -> None:
    for blocker in refused.blockers:
        messages.error(request, str(blocker))
