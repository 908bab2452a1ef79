"""What residents use: no account, no cookie, no script needed.

The household code in the address is all that entitles to vote. Hence no CSRF token either: forging a vote takes the
code, and whoever has the code needs no forgery. WeChat's browser opens pages without the cookies such a token needs.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods

from dongliang.ballots import codes, passes
from dongliang.ballots.actions.casting import Cast, cast_ballots
from dongliang.ballots.forms import BallotForm, CodeForm, PicksForm, RatingForm, ReceiptForm
from dongliang.ballots.links import full_address, qr_code
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.residents import (
    Household,
    enrolments_with_project,
    has_voted,
    household,
    receipt_status,
    why_not,
)
from dongliang.common.refusals import Refused

logger = logging.getLogger(__name__)


def for_residents(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that needs no account, and whose address may hold a code: kept nowhere, passed on nowhere, not logged."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except (BadRequest, MultiPartParserError, SuspiciousOperation):
            response = render(request, "400.html", status=400)
        except Refused as lost_key:
            logger.error("Residents cannot vote: %s", lost_key)
            response = render(request, "ballots/fault.html", status=503)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        # Django logs the address of every page answered with 4xx, unless it takes it for logged.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    # Bytes on a phone's data plan are dear, and markup packs ten to one.
    return login_not_required(csrf_exempt(gzip_page(require_http_methods(["GET", "HEAD", "POST"])(wrapped))))


@for_residents
def enter(request: HttpRequest) -> HttpResponse:
    """Where the poster leads: type the code from the card."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        code = form.cleaned_data["code"]
        reason = why_not(code)
        if reason is None:
            return see_other("ballots:rate", code=code)
        form.add_error("code", str(reason))
    return answered(request, "ballots/enter.html", form)


@for_residents
def rate(request: HttpRequest, code: str) -> HttpResponse:
    """The questions about one secretary."""
    holder = household(code)
    if holder is None:
        return unknown_code(request, code)
    season = holder.enrolment.season
    form = RatingForm(season.rules.indicators, request.POST if request.method == "POST" else None)
    return vote(
        request, holder, Round.Kind.SECRETARIES, form, "ballots/rate.html", {"closes_on": season.closes_on}
    )


@for_residents
def pick(request: HttpRequest, code: str) -> HttpResponse:
    """All projects of the season; the resident picks a few."""
    holder = household(code)
    if holder is None:
        return unknown_code(request, code)
    season = holder.enrolment.season
    candidates = {enrolment.number: enrolment for enrolment in enrolments_with_project(season)}
    rules = season.rules.popular_projects
    form = PicksForm(candidates, rules, request.POST if request.method == "POST" else None)
    picked = set(request.POST.getlist("picks"))
    choices = [
        Choice(
            number,
            enrolment.first_thing.title,
            enrolment.organisation.name,
            enrolment.first_thing.category,
            is_picked=str(number) in picked,
        )
        for number, enrolment in candidates.items()
    ]
    context = {
        "rules": rules,
        "own": [choice for choice in choices if choice.number == holder.enrolment.number],
        "groups": shuffled_groups(
            holder, [choice for choice in choices if choice.number != holder.enrolment.number]
        ),
    }
    return vote(request, holder, Round.Kind.PROJECTS, form, "ballots/pick.html", context)


def vote(
    request: HttpRequest,
    holder: Household,
    kind: str,
    form: BallotForm,
    template: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Take a valid vote and lead to its receipt; else show the page, or why there is no voting now."""
    round = holder.rounds[kind]
    if round.state != Round.State.OPEN:
        return not_open(request, holder, round)
    credential = holder.credential(round)
    if form.is_valid():
        try:
            [receipt] = cast_ballots(
                round,
                [
                    Cast(
                        holder.enrolment.pk,
                        credential,
                        form.marks,
                        channel=holder.channel,
                        in_sample=holder.in_sample,
                    )
                ],
                key=holder.key,
                at=now(),
            )
        except Refused:
            # Closed while the resident was choosing.
            round.refresh_from_db()
            return not_open(request, holder, round)
        return see_other("ballots:thanks", code=holder.code, receipt=receipt)
    context |= {"holder": holder, "round": round, "voted": has_voted(round, credential)}
    return answered(request, template, form, context)


@dataclass(frozen=True)
class Choice:
    """A project on the page."""

    number: int
    title: str
    place: str
    category: str
    is_picked: bool


def shuffled_groups(holder: Household, choices: list[Choice]) -> list[tuple[str, list[Choice], bool]]:
    """The projects by category: its name, its projects, and whether one of them is picked.

    Categories and projects stand in an order of this voter's own, drawn from the credential: no project comes first
    with everybody, and a reload moves nothing.
    """
    order = random.Random(holder.credential(holder.rounds[Round.Kind.PROJECTS]))
    categories = list(holder.enrolment.season.rules.categories)
    order.shuffle(choices)
    order.shuffle(categories)
    groups = [
        (str(category.name), [choice for choice in choices if choice.category == category.key])
        for category in categories
    ]
    return [(name, members, any(each.is_picked for each in members)) for name, members in groups if members]


@for_residents
def thanks(request: HttpRequest, code: str, receipt: str) -> HttpResponse:
    """The receipt, after a vote; loading it again sends nothing again."""
    holder, found = household(code), receipt_status(receipt)
    if holder is None:
        return unknown_code(request, code)
    if found is None:
        context = {"form": ReceiptForm({"receipt": receipt}), "asked": True}
        return render(request, "ballots/receipt.html", context, status=404)
    receipt = codes.grouped(codes.normalised(receipt), 5)
    address = f"{full_address(request, 'ballots:receipt')}?{urlencode({'receipt': receipt})}"
    projects = holder.rounds[Round.Kind.PROJECTS]
    return render(
        request,
        "ballots/thanks.html",
        {
            "holder": holder,
            "receipt": receipt,
            "found": found,
            "counted": found.status == Ballot.Status.COUNTED,
            "qr": qr_code(address),
            "invites_to_projects": found.round.kind == Round.Kind.SECRETARIES
            and projects.state == Round.State.OPEN
            and enrolments_with_project(holder.enrolment.season).exists(),
        },
    )


def answered(
    request: HttpRequest, template: str, form: Form, context: dict[str, Any] | None = None, status: int = 422
) -> HttpResponse:
    """The page with its form; with a 4xx status when there is something wrong in it."""
    return render(request, template, {"form": form, **(context or {})}, status=status if form.errors else 200)


def see_other(name: str, **kwargs: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(name, kwargs=kwargs), status=303)


def unknown_code(request: HttpRequest, code: str) -> HttpResponse:
    """What to do instead, under a code or pass that entitles to nothing. A pass is not shown: nobody can mend it."""
    is_pass = code.startswith(passes.PREFIX)
    form = CodeForm({"code": "" if is_pass else code[: codes.LONGEST_TYPED]})
    if (form.is_valid() or is_pass) and (reason := why_not(code)):
        form.errors.pop("code", None)
        form.add_error("code", str(reason))
    return answered(request, "ballots/enter.html", form, status=404)


def not_open(request: HttpRequest, holder: Household, round: Round) -> HttpResponse:
    """No voting now: 200 to somebody who only looks, 409 to a vote that was not taken."""
    status = 409 if request.method == "POST" else 200
    return render(request, "ballots/not_open.html", {"holder": holder, "round": round}, status=status)
