"""The programme office names advisers, thanks them and releases their pages."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.turnover.actions.advisers import (
    name_adviser,
    release_adviser,
    thank_adviser,
    withdraw_adviser,
)
from dongliang.turnover.forms import AdviserFilter, AdviserForm, ThanksForm
from dongliang.turnover.models import Adviser
from dongliang.turnover.queries.advisers import (
    advisers_run_by,
    leavers_run_by,
    matching_advisers,
    release_blockers,
    years_of,
)
from dongliang.turnover.views.answers import done, page_of, subdistricts_of, trail

may_keep = permission_required("turnover.keep_advisers", raise_exception=True)


def found(request: HttpRequest) -> tuple[AdviserFilter, Any]:
    visible = advisers_run_by(request.user)
    form = AdviserFilter(
        request.GET, subdistricts=subdistricts_of(visible, "tenure__post__organisation__parent")
    )
    return form, matching_advisers(visible, **form.wanted)


@may_keep
def board(request: HttpRequest) -> HttpResponse:
    named = AdviserForm(request.POST or None, leavers=leavers_run_by(request.user))
    if request.method == "POST" and named.is_valid():
        try:
            adviser = name_adviser(
                named.cleaned_data["tenure"], since=named.cleaned_data["since"], by=request.user
            )
        except Refused as refused:
            for blocker in refused.blockers:
                named.add_error(None, str(blocker))
        else:
            messages.success(request, _("Named. Now write the words of thanks."))
            return redirect("turnover:edit_adviser", adviser.pk)
    form, rows = found(request)
    context = {"filter": form, "page": page_of(request, rows), "form": named}
    return render(request, "turnover/adviser_board.html", context, status=422 if named.errors else 200)


@may_keep
def export(request: HttpRequest) -> HttpResponse:
    _form, rows = found(request)
    columns = [
        _("Name"), _("Subdistrict"), _("Neighbourhood"), _("last day in post"), _("adviser since"),
        _("words of thanks"), pgettext("adviser", "public"),
    ]  # fmt: skip
    cells = [
        [
            row.tenure.person.name,
            row.tenure.post.organisation.above.name,
            row.tenure.post.organisation.name,
            row.tenure.ends_on,
            row.since,
            row.thanks,
            row.released_at.date() if row.released_at else None,
        ]
        for row in rows
    ]
    return xlsx_response(f"{_('Advisers')}.xlsx", [Table(_("Advisers"), columns, cells)])


def adviser_or_404(request: HttpRequest, pk: int) -> Adviser:
    return get_object_or_404(advisers_run_by(request.user), pk=pk)


@may_keep
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The honour page as it would be, and the words of thanks on it."""
    shown = adviser_or_404(request, pk)
    form = ThanksForm(request.POST or None, initial={"thanks": shown.thanks})
    if (
        request.method == "POST"
        and form.is_valid()
        and done(
            request,
            _("The words of thanks are saved."),
            lambda: thank_adviser(shown, thanks=form.cleaned_data["thanks"], by=request.user),
        )
    ):
        return redirect("turnover:edit_adviser", pk)
    context = {
        "adviser": shown,
        "years": years_of(shown),
        "form": form,
        "against": release_blockers(shown),
        "breadcrumb": trail((reverse("turnover:adviser_board"), _("Advisers")), ("", shown)),
    }
    return render(request, "turnover/edit_adviser.html", context, status=422 if form.errors else 200)


@require_POST
@may_keep
def release(request: HttpRequest, pk: int) -> HttpResponse:
    shown = adviser_or_404(request, pk)
    done(request, _("The page is public."), lambda: release_adviser(shown, by=request.user))
    return redirect("turnover:edit_adviser", pk)


@require_POST
@may_keep
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    shown = adviser_or_404(request, pk)
    done(request, _("The page is no longer public."), lambda: withdraw_adviser(shown, by=request.user))
    return redirect("turnover:edit_adviser", pk)
