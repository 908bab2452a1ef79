"""The programme office imports the roster and gives out its accounts."""

from collections.abc import Iterable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.common.refusals import Refused
from dongliang.common.sheets import XLSX, Table, download, xlsx_response
from dongliang.mentoring.forms.roster import RosterForm
from dongliang.mentoring.roster import (
    ImportPlan,
    RosterRefused,
    confirm_roster,
    create_mentor_accounts,
    discard_roster,
    export_roster,
    plan_import,
    preview_roster,
    season_to_fill,
)
from dongliang.people.actions import ACTIVATION_LASTS, NewAccess, create_secretary_accounts
from dongliang.people.models import Organisation, RosterImport
from dongliang.people.queries import districts_run_by, roster_import_blockers, roster_imports_visible_to
from dongliang.people.roster.columns import SHEETS
from dongliang.people.roster.planning import Outcome, PlannedRow
from dongliang.people.roster.reading import Refusal, RosterContent
from dongliang.people.roster.workbook import template_csv, template_workbook
from dongliang.people.views.accounts import activation_url

ROWS_A_PAGE = 100
# A file with more wrong cells than this has one mistake, made many times.
REFUSALS_SHOWN = 200
IMPORTS_SHOWN = 10


@permission_required("people.import_roster", raise_exception=True)
def roster(request: HttpRequest) -> HttpResponse:
    form = RosterForm(request.POST or None, request.FILES or None, districts=districts_run_by(request.user))
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            preview = preview_roster(form.cleaned_data["district"], file.name, file.read(), by=request.user)
        except RosterRefused as refused:
            return refused_page(request, form, file.name, refused.refusals)
        except Refused as refused:
            for blocker in refused.blockers:
                form.add_error("file", str(blocker))
        else:
            return redirect("mentoring:roster_import", pk=preview.pk)
    return roster_page(request, form)


def roster_page(request: HttpRequest, form: RosterForm) -> HttpResponse:
    context = {
        "form": form,
        "sheets": [
            {"name": name, "columns": columns, "required": [c.heading for c in columns if c.required]}
            for name, columns in SHEETS.items()
        ],
        "imports": roster_imports_visible_to(request.user)[:IMPORTS_SHOWN],
    }
    return render(request, "mentoring/roster.html", context, status=422 if form.errors else 200)


def refused_page(
    request: HttpRequest, form: RosterForm, file_name: str, refusals: list[Refusal]
) -> HttpResponse:
    context = {
        "form": form,
        "file_name": file_name,
        "refusals": refusals[:REFUSALS_SHOWN],
        "count": len(refusals),
        "more": max(len(refusals) - REFUSALS_SHOWN, 0),
    }
    return render(request, "mentoring/roster_refused.html", context, status=422)


@never_cache
@permission_required("people.import_roster", raise_exception=True)
def roster_import(request: HttpRequest, pk: int) -> HttpResponse:
    shown = get_object_or_404(roster_imports_visible_to(request.user), pk=pk)
    if shown.state != RosterImport.State.PREVIEWED:
        return render(request, "mentoring/roster_done.html", {"shown": shown, "counts": shown.counts})
    plan = plan_import(shown.district, RosterContent.from_json(shown.rows))
    which = request.GET.get("show", "changes")
    context = {
        "shown": shown,
        "plan": plan,
        "counts": plan.people.counts,
        "against": roster_import_blockers(shown, request.user),
        "refusals": plan.people.refusals[:REFUSALS_SHOWN],
        "which": which,
        "tabs": preview_tabs(plan, which),
        "page": Paginator(rows_shown(plan, which), ROWS_A_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "mentoring/roster_preview.html", context)


def rows_shown(plan: ImportPlan, which: str) -> list[PlannedRow]:
    rows = plan.people.rows.values()
    if which == "waiting":
        return [row for row in rows if row.waits]
    if which in Outcome.values:
        return [row for row in rows if row.outcome == which]
    return [row for row in rows if row.outcome != Outcome.UNCHANGED]


def preview_tabs(plan: ImportPlan, which: str) -> list[dict[str, object]]:
    counts = plan.people.counts
    tabs = [
        ("changes", _("All changes"), counts["added"] + counts["changed"]),
        ("added", _("Added"), counts["added"]),
        ("changed", _("Changed"), counts["changed"]),
        ("unchanged", _("Left alone"), counts["unchanged"]),
        ("waiting", _("Cannot be done yet"), counts["waiting"]),
    ]
    return [
        {"url": f"?show={key}", "label": label, "count": count, "current": key == which}
        for key, label, count in tabs
    ]


@require_POST
@permission_required("people.import_roster", raise_exception=True)
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    subject = get_object_or_404(roster_imports_visible_to(request.user), pk=pk)
    try:
        confirm_roster(subject, by=request.user, shown=request.POST.get("shown"))
    except Refused as refused:
        # A roster that is refused now shows why on the page that follows.
        for blocker in () if isinstance(refused, RosterRefused) else refused.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(request, _("The roster has been imported."))
    return redirect("mentoring:roster_import", pk=pk)


@require_POST
@permission_required("people.import_roster", raise_exception=True)
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    subject = get_object_or_404(roster_imports_visible_to(request.user), pk=pk)
    try:
        discard_roster(subject, by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
        return redirect("mentoring:roster_import", pk=pk)
    messages.success(request, _("The preview has been discarded; nothing was imported."))
    return redirect("mentoring:roster")


@permission_required("people.import_roster", raise_exception=True)
def roster_template(_request: HttpRequest, kind: str) -> HttpResponse:
    if kind == "csv":
        return download("书记花名册模板.csv", template_csv(), "text/csv; charset=utf-8")
    return download("花名册模板.xlsx", template_workbook(), XLSX)


@permission_required("people.import_roster", raise_exception=True)
def roster_export(request: HttpRequest, code: str) -> HttpResponse:
    district = get_object_or_404(districts_run_by(request.user), code=code)
    return download(f"{district.name}花名册-{localdate()}.xlsx", export_roster(district), XLSX)


@permission_required("people.manage_accounts", raise_exception=True)
def roster_accounts(request: HttpRequest) -> HttpResponse:
    districts = [
        {"district": district, "season": season_to_fill(district)}
        for district in districts_run_by(request.user)
    ]
    return render(
        request, "mentoring/roster_accounts.html", {"districts": districts, "days": ACTIVATION_LASTS.days}
    )


@require_POST
@never_cache
@permission_required("people.manage_accounts", raise_exception=True)
def create_accounts(request: HttpRequest, code: str, role: str) -> HttpResponse:
    district: Organisation = get_object_or_404(districts_run_by(request.user), code=code)
    season = season_to_fill(district)
    if role == "mentors":
        accesses = create_mentor_accounts(season, by=request.user) if season else []
    else:
        accesses = create_secretary_accounts(district, by=request.user)
    if not accesses:
        messages.info(
            request, _("Everybody concerned has an account in use; there are no links to give out.")
        )
        return redirect("mentoring:roster_accounts")
    return xlsx_response(
        f"{district.name}-{_('account links')}-{localdate()}.xlsx", [access_table(request, accesses)]
    )


def access_table(request: HttpRequest, accesses: Iterable[NewAccess]) -> Table:
    columns = [_("Name"), _("Subdistrict or town"), _("At"), _("User name"), _("Link, to be used once")]
    return Table(
        _("Accounts"),
        columns,
        [
            [
                access.account.display_name,
                access.organisation.above.name if access.organisation.is_neighbourhood else "",
                access.organisation.name,
                access.account.username,
                activation_url(request, access.token),
            ]
            for access in accesses
        ],
    )
