import uuid
from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.people.models import Role
from dongliang.people.queries import has_role, is_office
from dongliang.review.actions import Sheet, add_photo, plan_assignments, take_in_sheet
from dongliang.review.care import remarks_on
from dongliang.review.forms import BoardFilter, RulingForm, SentForm, SheetFilter, SheetForm
from dongliang.review.models import Assignment, Source, Submission
from dongliang.review.queries import (
    assignments_visible_to,
    history,
    latest_version,
    matching,
    outstanding,
    own_assignments,
    planning_blockers,
    response_blockers,
    return_blockers,
    return_of,
    sheets_by_need,
    subdistricts_on,
    void_blockers,
)
from dongliang.seasons.models import Phase, Season
from dongliang.seasons.queries import seasons_visible_to

ROWS = 100


def sheets(request: HttpRequest) -> HttpResponse:
    """The account's own sheets, what is outstanding first."""
    if not request.user.has_perm("review.see_own_sheets"):
        if is_office(request.user):
            return redirect("review:board")
        raise PermissionDenied
    season = seasons_visible_to(request.user).first()
    mine = own_assignments(request.user, season) if season else Assignment.objects.none()
    asked = mine.filter(voided_at=None)
    outstanding_sheets = asked.filter(response=None, voided_at=None)
    is_open = season is not None and season.phase == Phase.OPEN
    context = listed(request, mine) | {
        "season": season,
        "is_open": is_open,
        "next_sheet": outstanding_sheets.order_by("enrolment__number", "pk").first() if is_open else None,
        "due": (due := asked.count()),
        "sent": due - outstanding_sheets.count(),
        "in_the_field": has_role(request.user, Role.MENTOR),
    }
    return render(request, "review/sheets.html", context)


def listed(request: HttpRequest, rows: QuerySet[Assignment]) -> dict[str, Any]:
    """The filter bar over ``rows``, and the page of them that it asks for."""
    form = SheetFilter(request.GET, subdistricts=subdistricts_on(rows))
    found = sheets_by_need(matching(rows, **form.wanted))
    return {
        "filter": form,
        "narrowed": any(form.wanted.values()),
        "page": Paginator(found, ROWS).get_page(request.GET.get("page")),
    }


def sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """One sheet: to fill or correct for its assessor, to read, return or void for the office."""
    season = get_object_or_404(seasons_visible_to(request.user), assignments__pk=pk)
    assignment = get_object_or_404(assignments_visible_to(request.user, season), pk=pk)
    if request.method != "POST":
        form = SheetForm(assignment=assignment, rules=season.rules, before=newest(assignment))
        return sheet_page(request, season, assignment, form)
    if not request.user.has_perm("review.fill_sheet", assignment):
        raise PermissionDenied
    form = SheetForm(request.POST, request.FILES, assignment=assignment, rules=season.rules)
    # First of all, since a page shown again has lost the files that were chosen on it.
    whole, photos_kept = form.is_valid(), keep_photos(request, assignment, form)
    if not whole:
        return sheet_page(request, season, assignment, form)
    remarks = remarks_on(
        form.marks,
        form.project_mark,
        seconds=None if latest_version(assignment) else seconds_open(request),
        least_seconds=form.instrument.least_seconds,
    )
    if remarks and request.POST.get("confirmed") != form.marks + form.project_mark:
        return sheet_page(request, season, assignment, form, remarks=remarks)
    travel = SentForm(request.POST)
    travel.is_valid()
    filled = as_sheet(assignment, form, travel, remarks)
    try:
        take_in_sheet(filled, base=travel.cleaned_data.get("base"), by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
        overtaken = any(blocker.code == "review.newer_version" for blocker in refused.blockers)
        return sheet_page(request, season, assignment, form, overtaken=overtaken)
    messages.success(request, _("The sheet on %(secretary)s is sent.") % {"secretary": assignment.enrolment})
    return redirect("review:sheets") if photos_kept else redirect("review:sheet", assignment.pk)


def newest(assignment: Assignment) -> Submission | None:
    return assignment.submissions.order_by("-version").first()


def as_sheet(assignment: Assignment, form: SheetForm, travel: SentForm, remarks: list[Any]) -> Sheet:
    return Sheet(
        assignment,
        marks=form.marks,
        project_mark=form.project_mark,
        note=form.cleaned_data["note"],
        notes=form.notes,
        remarks=remarks,
        key=travel.cleaned_data.get("key") or uuid.uuid4(),
    )


def keep_photos(request: HttpRequest, assignment: Assignment, form: SheetForm) -> bool:
    """Whether all photos of the form could be kept; those that could not are told of."""
    kept = True
    for file in form.cleaned_data.get("photos") or []:
        try:
            add_photo(assignment, file.read(), key=uuid.uuid4(), by=request.user)
        except Refused as refused:
            messages.error(request, f"{file.name}: {refused}")
            kept = False
    return kept


def stamp_of_opening() -> str:
    return signing.dumps(int(now().timestamp()), salt="review.opened")


def seconds_open(request: HttpRequest) -> float | None:
    """How long ago the page was opened, by the server's clock; None where the form does not say."""
    try:
        return now().timestamp() - signing.loads(request.POST.get("opened", ""), salt="review.opened")
    except signing.BadSignature:
        return None


def sheet_page(
    request: HttpRequest,
    season: Season,
    assignment: Assignment,
    form: SheetForm,
    remarks: list[Any] | None = None,
    overtaken: bool = False,
) -> HttpResponse:
    may_fill = request.user.has_perm("review.fill_sheet", assignment)
    may_rule = request.user.has_perm("review.rule_on_sheets", season)
    response = getattr(assignment, "response", None)
    last = newest(assignment)
    stored = SheetForm(assignment=assignment, rules=season.rules, before=last)
    shows_marks = last and (may_fill or season.phase == Phase.CLOSED)
    context = {
        "season": season,
        "assignment": assignment,
        "sent": response,
        "last": last,
        "first_thing": getattr(assignment.enrolment, "first_thing", None),
        "form": form,
        "remarks": remarks or [],
        "to_confirm": form.marks + form.project_mark if remarks else "",
        "overtaken": overtaken,
        # Whoever was shown the newer version has it before them from now on.
        "base": last.version if last and (overtaken or not form.is_bound) else request.POST.get("base", 0),
        "opened": request.POST.get("opened") or stamp_of_opening(),
        "key": request.POST.get("key") or uuid.uuid4(),
        "may_fill": may_fill,
        "blockers": response_blockers(assignment) if may_fill else [],
        "answers": stored.answers if shows_marks else [],
        "photos": assignment.photos.all() if may_fill or season.phase == Phase.CLOSED else [],
        "returned": return_of(assignment),
        "history": history(assignment),
        "may_rule": may_rule,
        "ruling_form": RulingForm(),
        "against_return": return_blockers(assignment) if may_rule else [],
        "against_voiding": void_blockers(assignment) if may_rule else [],
        "rule_book_fingerprint": season.rule_book.sha256,
        "breadcrumb": [
            {"url": reverse("review:sheets"), "label": _("Sheets")},
            {"label": assignment.enrolment.person},
        ],
    }
    return render(request, "review/sheet.html", context)


def board(request: HttpRequest) -> HttpResponse:
    """For the office: who is late. Counts only; marks stay with those who gave them while the season is open."""
    season = seasons_visible_to(request.user).first()
    permit_office(request, "review.see_board", season)
    rows = outstanding(season) if season else []
    form = BoardFilter(request.GET)
    context = {
        "season": season,
        "filter": form,
        "rows": [row for row in rows if form.keeps(row)],
        "totals": [
            (source.label, sum(row.sent for row in rows if row.source == source), f"{due:,}")
            for source in Source
            if (due := sum(row.due for row in rows if row.source == source))
        ],
        "planned": bool(rows),
        "assessors": len(rows),
        "late": sum(not row.is_complete for row in rows),
        "begun": any(row.sent for row in rows),
        "blockers": planning_blockers(season) if season and not any(row.sent for row in rows) else [],
    }
    return render(request, "review/board.html", context)


def permit_office(request: HttpRequest, permission: str, season: Season | None) -> None:
    """Stop whoever is not in the season's programme office; without a season, whoever is in none."""
    if not (request.user.has_perm(permission, season) if season else is_office(request.user)):
        raise PermissionDenied


@require_POST
def plan(request: HttpRequest) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    permit_office(request, "review.plan_assignments", season)
    try:
        count = plan_assignments(season, by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(
            request,
            ngettext("%(count)d sheet is planned.", "%(count)d sheets are planned.", count)
            % {"count": count},
        )
    return redirect("review:board")


def assessor(request: HttpRequest, source: str, pk: int) -> HttpResponse:
    """For the office: the sheets of one mentor, subdistrict or department."""
    season = get_object_or_404(seasons_visible_to(request.user)[:1])
    permit_office(request, "review.see_board", season)
    whose = {"mentor__pk": pk} if source == Source.FIELD else {"institution__pk": pk}
    rows = assignments_visible_to(request.user, season).filter(source=source, **whose)
    first = get_object_or_404(rows[:1])
    due, sent = rows.filter(voided_at=None).count(), rows.filter(response__isnull=False).count()
    context = listed(request, rows.prefetch_related("submissions")) | {
        "season": season,
        "assessor": first.assessor,
        "source": first.get_source_display(),
        "source_key": source,
        "due": due,
        "sent": sent,
        "indicators": season.rules.indicators if season.phase == Phase.CLOSED else [],
        "breadcrumb": [
            {"url": reverse("review:board"), "label": _("Who is late")},
            {"label": first.assessor},
        ],
    }
    return render(request, "review/assessor.html", context)
