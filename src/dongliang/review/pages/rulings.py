"""What the programme office does with a sheet that should not stand as it is."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.review.actions import return_sheet, void_sheet
from dongliang.review.forms import RulingForm
from dongliang.review.queries import assignments
from dongliang.review.views import permit_office
from dongliang.seasons.queries import seasons_visible_to


@require_POST
def give_back(request: HttpRequest, pk: int) -> HttpResponse:
    return rule(request, pk, return_sheet, _("The sheet on %(secretary)s has been returned to its assessor."))


@require_POST
def void(request: HttpRequest, pk: int) -> HttpResponse:
    return rule(request, pk, void_sheet, _("The sheet on %(secretary)s is void and counts nowhere."))


def rule(request: HttpRequest, pk: int, action: Callable[..., Any], done: str) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user), assignments__pk=pk)
    permit_office(request, "review.rule_on_sheets", season)
    assignment = get_object_or_404(assignments(season), pk=pk)
    form = RulingForm(request.POST)
    # That a reason is missing the action says itself, and what it is for.
    if not form.is_valid() and form.has_error("reason", "max_length"):
        for error in form.errors["reason"]:
            messages.error(request, str(error))
        return redirect("review:sheet", pk)
    try:
        action(assignment, reason=form.cleaned_data.get("reason", ""), by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(request, done % {"secretary": assignment.enrolment})
    return redirect("review:sheet", pk)
