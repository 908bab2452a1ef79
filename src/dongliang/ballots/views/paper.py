"""Paper ballots: batches, and keying them in."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.ballots.actions.paper import (
    discard_batch,
    enter_batch,
    finish_keying,
    make_batch,
    save_sheet,
    take_seat,
)
from dongliang.ballots.forms import BatchForm, SheetForm
from dongliang.ballots.models import PaperBatch, PaperKeying, Round
from dongliang.ballots.queries.coverage import enrolments_of_offices
from dongliang.ballots.queries.paper import (
    batches_visible_to,
    entering_blockers,
    finishing_blockers,
    keying_blockers,
    missing_sheets,
    seat_blockers,
)
from dongliang.ballots.queries.residents import enrolments_with_project
from dongliang.ballots.queries.rounds import proven_key, rounds_of
from dongliang.common.refusals import Refused
from dongliang.seasons.queries import seasons_visible_to

may_key = permission_required("ballots.key_paper", raise_exception=True)


def fetch_batch(request: HttpRequest, pk: int) -> PaperBatch:
    season = seasons_visible_to(request.user).first()
    if season is None:
        raise Http404
    return get_object_or_404(batches_visible_to(request.user, season), pk=pk)


def fetch_keying(request: HttpRequest, pk: int) -> PaperKeying:
    keying = get_object_or_404(fetch_batch(request, pk).keyings.all(), by=request.user)
    keying.batch = fetch_batch(request, pk)
    return keying


@may_key
def batches(request: HttpRequest) -> HttpResponse:
    """The piles of paper ballots, and a form to begin another."""
    season = seasons_visible_to(request.user).first()
    if season is None:
        return redirect("ballots:rounds")
    found = rounds_of(season)
    form = BatchForm(
        enrolments_of_offices(request.user, season), request.POST if request.method == "POST" else None
    )
    context = {
        "season": season,
        "rounds": found,
        "form": form,
        "batches": batches_visible_to(request.user, season),
    }
    if found and form.is_valid():
        wanted = form.cleaned_data
        try:
            batch = make_batch(
                found[wanted["round"]],
                wanted["enrolment"],
                kind=wanted["kind"],
                sheets=wanted["sheets"],
                by=request.user,
            )
        except Refused as refusal:
            context["blockers"] = refusal.blockers
        else:
            return redirect("ballots:batch", batch.pk)
    return render(request, "ballots/batches.html", context)


@never_cache
@may_key
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a batch is: who keys it, and whether they agree."""
    found = fetch_batch(request, pk)
    keyings = list(found.keyings.all())
    own = next((keying for keying in keyings if keying.by_id == request.user.pk), None)
    return render(
        request,
        "ballots/batch.html",
        {
            "batch": found,
            "keyings": [(keying, found.sheets - len(missing_sheets(keying))) for keying in keyings],
            "own": own,
            "seat_blockers": seat_blockers(found, request.user),
            "entering_blockers": entering_blockers(found, at=now()),
            "is_agreed": len(keyings) == 2 and all(keying.finished_at for keying in keyings),
        },
    )


@require_POST
@may_key
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    found = fetch_batch(request, pk)
    try:
        discard_batch(found, by=request.user)
    except Refused as refusal:
        return refused(request, found.pk, refusal)
    messages.success(request, _("The batch is discarded."))
    return redirect("ballots:batches")


@require_POST
@may_key
def take(request: HttpRequest, pk: int) -> HttpResponse:
    found = fetch_batch(request, pk)
    try:
        take_seat(found, by=request.user)
    except Refused as refusal:
        return refused(request, found.pk, refusal)
    return redirect("ballots:key", found.pk)


@require_POST
@may_key
def enter_all(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter a batch that is agreed on, but met a paused round."""
    found = fetch_batch(request, pk)
    try:
        count = enter_batch(found, by=request.user)
    except Refused as refusal:
        return refused(request, found.pk, refusal)
    messages.success(request, entered(count))
    return redirect("ballots:batch", found.pk)


@never_cache
@may_key
def key(request: HttpRequest, pk: int) -> HttpResponse:
    """Key one sheet after the other; each is kept as it is sent."""
    keying = fetch_keying(request, pk)
    batch = keying.batch
    if blockers := keying_blockers(keying):
        return refused(request, batch.pk, Refused(blockers))
    missing = missing_sheets(keying)
    form = SheetForm(
        batch,
        proven_key(batch.round.season),
        candidates_of(batch),
        request.POST if request.method == "POST" else None,
        initial={"number": missing[0] if missing else ""},
    )
    if form.is_valid():
        try:
            save_sheet(
                keying,
                form.cleaned_data["number"],
                credential=form.cleaned_data.get("credential", b""),
                marks=form.cleaned_data["marks"],
            )
        except Refused as refusal:
            form.add_error(None, [str(blocker) for blocker in refusal.blockers])
    by_script = request.headers.get("Accept") == "application/json"
    if form.is_bound and form.is_valid():
        if not by_script:
            return redirect("ballots:key", batch.pk)
        left = missing_sheets(keying)
        return JsonResponse({"next": left[0] if left else None, "left": len(left)})
    if form.is_bound and by_script:
        sentences = [error for errors in form.errors.values() for error in errors]
        return JsonResponse({"number": request.POST.get("number", ""), "errors": sentences}, status=422)
    return render(
        request,
        "ballots/key.html",
        {
            "batch": batch,
            "keying": keying,
            "form": form,
            "missing": missing,
            "done": batch.sheets - len(missing),
            "finishing_blockers": finishing_blockers(keying),
            "indicators": batch.round.season.rules.indicators
            if batch.round.kind == Round.Kind.SECRETARIES
            else [],
        },
        status=422 if form.is_bound else 200,
    )


def candidates_of(batch: PaperBatch) -> set[int]:
    if batch.round.kind == Round.Kind.SECRETARIES:
        return set()
    return set(enrolments_with_project(batch.round.season).values_list("number", flat=True))


@require_POST
@may_key
def finish(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that all sheets are keyed; the second to say so learns whether the two agree."""
    keying = fetch_keying(request, pk)
    try:
        differing = finish_keying(keying)
    except Refused as refusal:
        return refused(request, pk, refusal)
    batch = fetch_batch(request, pk)
    if differing:
        messages.error(
            request,
            ngettext(
                "The two keyers differ on one sheet: number %(numbers)s. Both key it again.",
                "The two keyers differ on %(count)d sheets: numbers %(numbers)s. Both key them again.",
                len(differing),
            )
            % {"count": len(differing), "numbers": _(", ").join(map(str, differing))},
        )
    elif batch.entered_at:
        messages.success(request, _("The two keyers agree on every sheet: the batch has entered."))
    else:
        messages.success(request, _("Your part is finished."))
    return redirect("ballots:batch", pk)


def entered(count: int) -> str:
    return ngettext("%(count)d ballot has entered.", "%(count)d ballots have entered.", count) % {
        "count": count
    }


def refused(request: HttpRequest, pk: int, refusal: Refused) -> HttpResponse:
    for blocker in refusal.blockers:
        messages.error(request, str(blocker))
    return redirect("ballots:batch", pk)
