"""The sheets on a phone that may have no signal: the page, what it carries along, and what it sends back."""

from typing import Any, get_args

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dongliang.common import offline
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.review.actions import add_photo, take_in_sheet
from dongliang.review.care import Remark
from dongliang.review.forms import FIRST_THING_LEVELS, SentForm, SheetForm, initial_of
from dongliang.review.models import Assignment, Source, Submission
from dongliang.review.queries import (
    marks_first_thing,
    not_open_blockers,
    own_assignments,
    response_blockers,
    sheet_gone,
    voided_blockers,
)
from dongliang.review.views import as_sheet
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to
from dongliang.seasons.rulebook import RuleBookContent

ASSETS = ("review/review.css", "review/care.js", "review/field.js", "review/field-sheet.js")

# The states of a sheet on the phone, and how each is drawn.
PILLS = (
    ("outstanding", "waiting"),
    ("draft", "open"),
    ("waiting", "late"),
    ("sent", "done"),
    ("returned", "late"),
    ("voided", "stopped"),
    ("decide", "stopped"),
)


@never_cache
def shell(request: HttpRequest) -> HttpResponse:
    """The page itself, without a secretary's name on it: what it shows it keeps on the phone.

    It opens for everyone signed in: whose task has ended still finds what the phone could not send.
    """
    return render(request, "review/field.html", {"pills": PILLS})


@login_not_required
def worker(request: HttpRequest) -> HttpResponse:
    return offline.worker_script(shell=reverse("review:field"), assets=ASSETS)


@login_not_required
def manifest(request: HttpRequest) -> HttpResponse:
    return offline.manifest(
        name=_("Dongliang: sheets in the field"),
        short_name=_("Field sheets"),
        start=reverse("review:field"),
        language=get_language() or "zh-hans",
    )


@login_not_required
def hello(request: HttpRequest) -> JsonResponse:
    return offline.greet(request)


@login_not_required
def sheets(request: HttpRequest) -> JsonResponse:
    """Everything the page needs to show and fill the account's own sheets, and no other's."""
    if not request.user.is_authenticated:
        return offline.signed_out()
    season = seasons_visible_to(request.user).first()
    mine = own_sheets(request.user, season) if season else []
    package = {
        "owner": request.user.pk,
        "season": season
        and {"title": season.title, "closed": [str(one) for one in not_open_blockers(season)]},
        "forms": {source: form_of(season.rules, source) for source in Source.values} if season else {},
        "sheets": [item_of(assignment, season.rules) for assignment in mine] if season else [],
    }
    return offline.unstored(JsonResponse(package))


def own_sheets(account: Account, season: Season) -> list[Assignment]:
    rows = own_assignments(account, season).prefetch_related("submissions", "rulings", "photos")
    return list(rows.order_by("enrolment__number", "pk"))


def form_of(rules: RuleBookContent, source: str) -> dict[str, Any]:
    form = rules.instrument(source)
    return {
        "indicators": [
            {
                "key": indicator.key,
                "name": str(indicator.name),
                "points": [str(point) for point in indicator.points],
                "levels": [str(level) for level in indicator.levels],
            }
            for indicator in rules.indicators
        ],
        "firstThing": {"name": _("The first thing"), "levels": [str(level) for level in FIRST_THING_LEVELS]},
        "indicatorNotes": form.indicator_notes,
        "photos": form.photos,
        "leastSeconds": form.least_seconds,
    }


def item_of(assignment: Assignment, rules: RuleBookContent) -> dict[str, Any]:
    """One sheet as the phone keeps it: whom it is about, what was sent of it, and what the office says of it."""
    enrolment, first_thing = assignment.enrolment, getattr(assignment.enrolment, "first_thing", None)
    last = max(assignment.submissions.all(), key=lambda one: one.version, default=None)
    rulings = list(assignment.rulings.all())
    response = getattr(assignment, "response", None)
    returned = rulings[-1].reason if rulings and not response and not assignment.voided_at else ""
    return {
        "id": f"sheet-{assignment.pk}",
        "kind": "sheet",
        "form": assignment.source,
        "name": str(enrolment.person),
        "place": f"{enrolment.organisation} · {enrolment.subdistrict}",
        "firstThing": first_thing and {"title": first_thing.title, "summary": first_thing.summary},
        "marksFirstThing": marks_first_thing(assignment),
        "url": reverse("review:field_send", args=[assignment.pk]),
        "blobUrl": reverse("review:field_photo", args=[assignment.pk]),
        "version": last.version if last else 0,
        "counts": response is not None,
        "sentAt": said(last) if last else "",
        "fields": initial_of(last, rules) if last else {},
        "returned": returned,
        "voided": [str(one) for one in voided_blockers(assignment)],
        "photos": [reverse("review:photo", args=[photo.key]) for photo in assignment.photos.all()],
    }


def said(submission: Submission) -> str:
    return formats.date_format(localtime(submission.received_at), "DATETIME_FORMAT")


@login_not_required
@require_POST
def send(request: HttpRequest, pk: int) -> JsonResponse:
    """A sheet from a phone, perhaps not for the first time."""
    if not request.user.is_authenticated:
        return offline.signed_out()
    if (assignment := own_sheet(request.user, pk)) is None:
        return offline.gone(str(sheet_gone()))
    rules = assignment.season.rules
    form, travel = SheetForm(request.POST, assignment=assignment, rules=rules), SentForm(request.POST)
    if not (travel.is_valid() and travel.cleaned_data["key"] and travel.cleaned_data["base"] is not None):
        return offline.faulty(
            [_("The phone sent a sheet without its number. Open the page again and send once more.")]
        )
    if not form.is_valid():
        return offline.faulty(
            [f"{form[name].label}: {error}" for name, errors in form.errors.items() for error in errors]
        )
    remarks = [word for word in request.POST.getlist("remarks") if word in get_args(Remark)]
    try:
        submission = take_in_sheet(
            as_sheet(assignment, form, travel, remarks), base=travel.cleaned_data["base"], by=request.user
        )
    except Refused as refused:
        return offline.conflict(refused, item=current_item(request.user, pk))
    return offline.stored(at=said(submission), item=current_item(request.user, pk))


@login_not_required
@require_POST
def send_photo(request: HttpRequest, pk: int) -> JsonResponse:
    """A photo from a phone, ahead of the sheet that it goes with."""
    if not request.user.is_authenticated:
        return offline.signed_out()
    if (assignment := own_sheet(request.user, pk)) is None:
        return offline.gone(str(sheet_gone()))
    travel, file = SentForm(request.POST), request.FILES.get("file")
    if not (travel.is_valid() and (key := travel.cleaned_data["key"]) and file):
        return offline.faulty([_("There is no photo in what the phone sent. Take it again.")])
    try:
        add_photo(assignment, file.read(), key=key, by=request.user)
    except Refused as refused:
        if response_blockers(assignment):
            return offline.conflict(refused, item=current_item(request.user, pk))
        # The sheet may still be sent: it is the photo that cannot be kept.
        return offline.faulty([str(blocker) for blocker in refused.blockers])
    return offline.stored()


def own_sheet(account: Account, pk: int) -> Assignment | None:
    season = seasons_visible_to(account).filter(assignments__pk=pk).first()
    return own_assignments(account, season).filter(pk=pk).first() if season else None


def current_item(account: Account, pk: int) -> dict[str, Any] | None:
    assignment = own_sheet(account, pk)
    return item_of(assignment, assignment.season.rules) if assignment else None
