"""Logging visits on a phone that may have no signal: the page, what it carries along, and what it sends back."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import formats
from django.utils.timezone import localdate, localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dongliang.common import offline
from dongliang.common.refusals import Refused
from dongliang.mentoring.actions.visits import add_visit_photo, follow_up, log_visit
from dongliang.mentoring.forms.pairs import FollowUpForm, VisitForm
from dongliang.mentoring.models import Pair, Visit
from dongliang.mentoring.queries.pairs import ended_blockers, own_pairs
from dongliang.mentoring.queries.visits import MOST_PHOTOS, arrived_otherwise, is_version_four
from dongliang.people.models import Account

ASSETS = ("mentoring/mentoring.css", "mentoring/phone-form.js", "mentoring/phone.js")
# So many visits go along to be read; the rest wait for a signal.
LATEST = 5
# The states of what is written on the phone, and how each is drawn.
PILLS = (("draft", "open"), ("waiting", "late"), ("decide", "stopped"))


@never_cache
def shell(request: HttpRequest) -> HttpResponse:
    """The page itself, without anybody's name on it. It opens for everyone signed in, as ``review``'s does."""
    context = {
        "visit_form": VisitForm(),
        "follow_up_form": FollowUpForm(),
        "pills": PILLS,
        "most": MOST_PHOTOS,
    }
    return render(request, "mentoring/phone.html", context)


@login_not_required
def worker(request: HttpRequest) -> HttpResponse:
    return offline.worker_script(shell=reverse("mentoring:phone"), assets=ASSETS)


@login_not_required
def manifest(request: HttpRequest) -> HttpResponse:
    return offline.manifest(
        name=_("Dongliang: visits on the way"),
        short_name=_("Visits"),
        start=reverse("mentoring:phone"),
        language=get_language() or "zh-hans",
    )


@login_not_required
def hello(request: HttpRequest) -> JsonResponse:
    return offline.greet(request)


@login_not_required
def package(request: HttpRequest) -> JsonResponse:
    """The account's own pairs of now, and no other's."""
    if not request.user.is_authenticated:
        return offline.signed_out()
    pairs = own_pairs(request.user).prefetch_related("visits__photos")
    return offline.unstored(
        JsonResponse({"owner": request.user.pk, "pairs": [item_of(request.user, pair) for pair in pairs]})
    )


def item_of(account: Account, pair: Pair) -> dict[str, Any]:
    """One pair as the phone keeps it: who, where, what was said lately, and which steps are still to be done."""
    coaches = account.person_id == pair.mentor.person_id
    visits, today = list(pair.visits.all()), localdate()
    return {
        "id": f"pair-{pair.pk}",
        "kind": "pair",
        "name": str(pair.mentee.person if coaches else pair.mentor.person),
        "side": _("Mentee") if coaches else _("Mentor"),
        "place": f"{pair.mentee.subdistrict} · {pair.mentee.organisation}",
        "url": reverse("mentoring:phone_visit", args=[pair.pk]),
        "lastPlace": visits[0].place if visits else "",
        "met": [
            _("last visit on %(day)s") % {"day": formats.date_format(visits[0].met_on)}
            if visits
            else _("no visit yet")
        ],
        "visits": [told(visit) for visit in visits[:LATEST]],
        "steps": [
            {
                "id": f"step-{visit.pk}",
                "step": visit.step,
                "due": formats.date_format(visit.due_on),
                "late": visit.due_on < today,
                "url": reverse("mentoring:phone_step", args=[visit.pk]),
            }
            for visit in sorted(visits, key=lambda one: (one.due_on or today, one.pk))
            if visit.step_state == Visit.StepState.OPEN and visit.due_on
        ],
    }


def told(visit: Visit) -> dict[str, Any]:
    return {
        "day": formats.date_format(visit.met_on),
        "place": visit.get_place_display(),
        "question": visit.question,
        "advice": visit.advice,
        "step": visit.step,
        "state": visit.get_step_state_display() if visit.step else "",
        "photos": [reverse("mentoring:visit_photo", args=[photo.key]) for photo in visit.photos.all()],
    }


def current_item(account: Account, pk: int) -> dict[str, Any] | None:
    pair = own_pairs(account).filter(pk=pk).prefetch_related("visits__photos").first()
    return item_of(account, pair) if pair else None


def gone() -> JsonResponse:
    return offline.gone(
        _("This pair is none of yours, or has ended. What you wrote can be read here and deleted.")
    )


def errors_of(form: Any) -> list[str]:
    return [
        f"{form[name].label}: {error}" if name in form.fields else str(error)
        for name, errors in form.errors.items()
        for error in errors
    ]


@login_not_required
@require_POST
def send(request: HttpRequest, pk: int) -> JsonResponse:
    """A visit from a phone, perhaps not for the first time: stored once under the number that the phone gave it."""
    if not request.user.is_authenticated:
        return offline.signed_out()
    if (pair := own_pairs(request.user).filter(pk=pk).first()) is None:
        return gone()
    form = VisitForm(request.POST)
    if not form.is_valid():
        return offline.faulty(errors_of(form))
    try:
        visit, is_new = log_visit(pair, **form.cleaned_data, by=request.user)
    except Refused as refused:
        return answer_to(refused, request.user, pair)
    if not is_new and (blockers := arrived_otherwise(visit, form.cleaned_data)):
        return offline.conflict(Refused(blockers), item=current_item(request.user, pk))
    return offline.stored(at=said_at(visit.logged_at), item=current_item(request.user, pk))


@login_not_required
@require_POST
def send_photo(request: HttpRequest, number: uuid.UUID) -> JsonResponse:
    """A photo from a phone, after the visit that it goes with."""
    if not request.user.is_authenticated:
        return offline.signed_out()
    if (visit := own_visits(request.user).filter(uuid=number).first()) is None:
        return gone()
    key, file = request.POST.get("key", ""), request.FILES.get("file")
    if not (is_version_four(key) and file):
        return offline.faulty([_("There is no photo in what the phone sent. Take it again.")])
    try:
        add_visit_photo(visit, file.read(), key=uuid.UUID(key), by=request.user)
    except Refused as refused:
        return answer_to(refused, request.user, visit.pair)
    return offline.stored()


@login_not_required
@require_POST
def send_step(request: HttpRequest, pk: int) -> JsonResponse:
    """What became of a step, from a phone."""
    if not request.user.is_authenticated:
        return offline.signed_out()
    if (visit := own_visits(request.user).filter(pk=pk).first()) is None:
        return gone()
    form, key = FollowUpForm(request.POST), request.POST.get("key", "")
    if not is_version_four(key):
        return offline.faulty(
            [_("The phone sent this without its number. Open the page again and send once more.")]
        )
    if not form.is_valid():
        return offline.faulty(errors_of(form))
    try:
        entry = follow_up(visit, **form.cleaned_data, key=uuid.UUID(key), by=request.user)
    except Refused as refused:
        return answer_to(refused, request.user, visit.pair)
    return offline.stored(at=said_at(entry.at), item=current_item(request.user, visit.pair_id))


def own_visits(account: Account) -> Any:
    return Visit.objects.filter(pair__in=own_pairs(account)).select_related(
        "pair__mentor__person", "pair__mentee__person", "pair__mentee__season"
    )


def answer_to(refused: Refused, account: Account, pair: Pair) -> JsonResponse:
    """What can be corrected goes back to be corrected; what cannot is for a person to decide on."""
    final = {"pair.ended", "visit.taken", "follow_up.closed"}
    if ended_blockers(pair) or final & {blocker.code for blocker in refused.blockers}:
        return offline.conflict(refused, item=current_item(account, pair.pk))
    return offline.faulty([str(blocker) for blocker in refused.blockers])


def said_at(moment: Any) -> str:
    return formats.date_format(localtime(moment), "DATETIME_FORMAT")
