"""Who must not assess whom, and declaring a conflict of interest."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.mentoring.models import Mentor
from dongliang.people.queries import subdistricts_of
from dongliang.review.avoidance import (
    Barred,
    avoidance,
    barred_pairs,
    conflicts_visible_to,
    ground_words,
    ties_of,
)
from dongliang.review.conflicts import (
    decide_conflict,
    declare_conflict,
    declaring_blockers,
    withdraw_conflict,
)
from dongliang.review.models import Conflict
from dongliang.review.office_forms import AvoidanceFilter, ConflictFilter, ConflictForm, DecisionForm
from dongliang.review.views import permit_office
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments, seasons_visible_to

ROWS = 100


def own_season(request: HttpRequest) -> Season | None:
    return seasons_visible_to(request.user).first()


def told(request: HttpRequest, refused: Refused) -> None:
    for blocker in refused.blockers:
        messages.error(request, str(blocker))


# Who must not assess whom


def avoidances(request: HttpRequest) -> HttpResponse:
    """Every mentor who must not assess a secretary, with the reasons; and, of two people, what stands between them."""
    season = office_season(request)
    if season is None:
        return render(request, "review/avoidances.html", {"season": None})
    form = avoidance_filter(request, season)
    every = barred_pairs(season)
    wanted = form.wanted
    asked = bool(wanted.get("mentor") and wanted.get("secretary"))
    counts = ((key, word, sum(key in row.keys for row in every)) for key, word in ground_words().items())
    context = {
        "season": season,
        "filter": form,
        "asked": (wanted["mentor"], wanted["secretary"]) if asked else None,
        "reasons": between(wanted["mentor"], wanted["secretary"], season) if asked else [],
        "page": Paginator([row for row in every if form.keeps(row)], ROWS).get_page(request.GET.get("page")),
        "words": ground_words(),
        "counts": [entry for entry in counts if entry[2]],
        "waiting": season.conflicts.filter(state=Conflict.State.DECLARED).count(),
        "breadcrumb": [
            {"url": reverse("review:board"), "label": _("Who is late")},
            {"label": _("Who must not assess whom")},
        ],
    }
    return render(request, "review/avoidances.html", context)


def office_season(request: HttpRequest) -> Season | None:
    """The office's season; None before there is one. Nobody else gets any further."""
    season = own_season(request)
    permit_office(request, "review.see_board", season)
    return season


def avoidance_filter(request: HttpRequest, season: Season) -> AvoidanceFilter:
    return AvoidanceFilter(
        request.GET,
        mentors=assessing(season),
        secretaries=enrolments(season),
        subdistricts=subdistricts_of(season.district),
    )


def assessing(season: Season) -> QuerySet[Mentor]:
    return season.mentors.filter(assesses=True).select_related("person", "home")


def between(mentor: Mentor, secretary: Enrolment, season: Season) -> list[str]:
    return [blocker.sentence for blocker in avoidance(mentor, secretary, season.rules, ties_of([mentor]))]


def export_avoidances(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, as a workbook."""
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    office_season(request)
    form, words = avoidance_filter(request, season), ground_words()
    columns = [
        pgettext("who assesses", "Mentor"),
        _("Secretary"),
        _("Neighbourhood"),
        _("Subdistrict"),
        _("Ground"),
        _("Why"),
    ]
    rows = [exported(row, words) for row in barred_pairs(season) if form.keeps(row)]
    name = _("Who must not assess whom")
    return xlsx_response(f"{season.title}-{name}.xlsx", [Table(name, columns, rows)])


def exported(row: Barred, words: dict[str, str]) -> list[object]:
    secretary = row.enrolment
    return [
        row.mentor,
        secretary.person,
        secretary.organisation,
        secretary.subdistrict,
        "、".join(words[key] for key in row.keys),
        "\n".join(row.sentences),
    ]


# Declared conflicts


def conflicts(request: HttpRequest) -> HttpResponse:
    """Declaring a conflict of interest; to the office, deciding on them."""
    if not request.user.has_perm("review.declare_conflict"):
        raise PermissionDenied
    season = own_season(request)
    if season is None:
        return render(request, "review/conflicts.html", {"season": None})
    mentors, secretaries = sides(request, season)
    form = ConflictForm(request.POST or None, mentors=mentors, secretaries=secretaries)
    if form.is_valid():
        try:
            declare_conflict(**form.cleaned_data, by=request.user)
        except Refused as refused:
            told(request, refused)
        else:
            messages.success(request, _("It is declared. The programme office decides on it."))
            return redirect("review:conflicts")
    narrowed = ConflictFilter(request.GET)
    rows = [row for row in conflicts_visible_to(request.user, season) if narrowed.keeps(row)]
    context: dict[str, Any] = {
        "season": season,
        "form": form,
        "filter": narrowed,
        "page": Paginator(rows, ROWS).get_page(request.GET.get("page")),
        "decision": DecisionForm(),
        "may_decide": request.user.has_perm("review.decide_conflict", season),
        "can_declare": bool(mentors) and bool(secretaries),
        "against": declaring_blockers(season),
    }
    return render(request, "review/conflicts.html", context, status=422 if form.errors else 200)


def sides(request: HttpRequest, season: Season) -> tuple[QuerySet[Mentor], QuerySet[Enrolment]]:
    """Between whom the account may declare: the office between any two, others where they are one of the two."""
    mentors, secretaries = assessing(season), enrolments(season)
    if request.user.has_perm("review.decide_conflict", season):
        return mentors, secretaries
    if (mine := mentors.filter(person=request.user.person_id)) and request.user.person_id:
        return mine, secretaries
    return mentors, secretaries.filter(person=request.user.person_id)


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm a declaration, which bars the two from then on, or reject it with a reason."""
    season = get_object_or_404(seasons_visible_to(request.user), conflicts__pk=pk)
    conflict = get_object_or_404(conflicts_visible_to(request.user, season), pk=pk)
    if not request.user.has_perm("review.decide_conflict", season):
        raise PermissionDenied
    confirm = request.POST.get("decision_is") == "confirm"
    try:
        still_open = decide_conflict(
            conflict, confirm=confirm, decision=request.POST.get("decision", "")[:300], by=request.user
        )
    except Refused as refused:
        told(request, refused)
        return redirect("review:conflicts")
    if confirm:
        messages.success(request, _("Confirmed: the two are kept apart."))
    else:
        messages.success(request, _("Not confirmed: the two may still meet over a sheet."))
    if still_open is not None:
        messages.warning(
            request,
            _("%(mentor)s still has a sheet on %(secretary)s to fill: give it to somebody else.")
            % {"mentor": conflict.mentor, "secretary": conflict.enrolment.person},
        )
        return redirect("review:staffing", pk=conflict.enrolment_id)
    return redirect("review:conflicts")


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a declaration back: who made it may until it is confirmed, the office always."""
    season = get_object_or_404(seasons_visible_to(request.user), conflicts__pk=pk)
    conflict = get_object_or_404(conflicts_visible_to(request.user, season), pk=pk)
    if not request.user.has_perm("review.withdraw_conflict", conflict):
        raise PermissionDenied
    try:
        withdraw_conflict(conflict, by=request.user)
    except Refused as refused:
        told(request, refused)
    else:
        messages.success(request, _("The declaration is taken back."))
    return redirect("review:conflicts")
