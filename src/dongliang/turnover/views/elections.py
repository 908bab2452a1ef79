"""The day after the election: one page to leave and come back to."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.people.models import Organisation
from dongliang.people.queries import districts_run_by
from dongliang.people.queries import subdistricts_of as subdistricts_in
from dongliang.turnover.actions.elections import begin_election, open_handovers
from dongliang.turnover.forms import ChangeFilter, ElectionForm
from dongliang.turnover.models import Election
from dongliang.turnover.queries.elections import (
    Change,
    DayAfter,
    Move,
    changes,
    elections_visible_to,
    matching_changes,
)
from dongliang.turnover.views.answers import page_of, trail

may_run = permission_required("turnover.run_elections", raise_exception=True)


@may_run
def elections(request: HttpRequest) -> HttpResponse:
    form = ElectionForm(request.POST or None, districts=districts_run_by(request.user))
    if request.method == "POST" and form.is_valid():
        try:
            begun = begin_election(**form.cleaned_data, by=request.user)
        except Refused as refused:
            for blocker in refused.blockers:
                form.add_error(None, str(blocker))
        else:
            messages.success(request, _("Begun. You can leave this page and come back to it."))
            return redirect("turnover:election", begun.pk)
    context = {"form": form, "elections": elections_visible_to(request.user)}
    return render(request, "turnover/elections.html", context, status=422 if form.errors else 200)


def election_or_404(request: HttpRequest, pk: int) -> Election:
    return get_object_or_404(elections_visible_to(request.user), pk=pk)


def filter_of(request: HttpRequest, district: Organisation, found: list[Change]) -> tuple[Any, list[Change]]:
    form = ChangeFilter(request.GET, subdistricts=subdistricts_in(district))
    return form, matching_changes(found, **form.wanted)


@may_run
def election(request: HttpRequest, pk: int) -> HttpResponse:
    shown = election_or_404(request, pk)
    day = DayAfter(shown)
    form, rows = filter_of(request, shown.district, day.changes)
    addresses = {
        "roster": reverse("mentoring:roster"),
        "accounts": reverse("mentoring:roster_accounts"),
        "pairs": reverse("mentoring:proposals"),
        "first_things": f"{reverse('projects:list')}?state=missing",
    }
    context = {
        "election": shown,
        "day": day,
        "steps": [(step, addresses.get(step.key, "")) for step in day.steps],
        "finished": sum(step.finished for step in day.steps),
        "counts": [(move, sum(change.move == move for change in day.changes)) for move in Move],
        "filter": form,
        "page": page_of(request, rows),
        "breadcrumb": trail(
            (reverse("turnover:elections"), _("The day after the election")), ("", shown.held_on)
        ),
    }
    return render(request, "turnover/election.html", context)


@may_run
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Who is new, stays, has moved or left, as filtered, as a workbook."""
    shown = election_or_404(request, pk)
    _form, rows = filter_of(request, shown.district, changes(shown))
    columns = [
        _("Name"),
        pgettext("after the election", "What changed"),
        pgettext("after the election", "Post before"),
        pgettext("after the election", "Post now"),
        _("in post since"),
    ]
    cells = [
        [
            row.person.name,
            str(row.move.label),
            row.before.post.organisation.name if row.before else "",
            row.after.post.organisation.name if row.after else "",
            row.after.starts_on if row.after else None,
        ]
        for row in rows
    ]
    return xlsx_response(
        f"{_('Changes after the election')}-{shown.held_on}.xlsx",
        [Table(_("Changes after the election"), columns, cells)],
    )


@require_POST
@may_run
def open_all(request: HttpRequest, pk: int) -> HttpResponse:
    shown = election_or_404(request, pk)
    opened = open_handovers(shown, by=request.user)
    messages.success(
        request,
        ngettext("%(count)d handover list was opened.", "%(count)d handover lists were opened.", opened)
        % {"count": opened}
        if opened
        else _("Every change has its handover list."),
    )
    return redirect("turnover:election", pk)
