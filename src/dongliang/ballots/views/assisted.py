"""Voting on an officer's device: the officer's page before and after, and handing the device over."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from rules.contrib.views import permission_required

from dongliang.ballots.actions.assisting import begin_assisted
from dongliang.ballots.forms import AssistedForm
from dongliang.ballots.intake.entitlement import Refusal, entitlement
from dongliang.ballots.intake.snapshot import read_snapshot
from dongliang.ballots.models import Ballot
from dongliang.ballots.queries.assisted import assisted_allowed, assisted_voices, assisting_blockers
from dongliang.ballots.views.cards import fetch_enrolment
from dongliang.ballots.views.unsigned import for_residents, page, see_other
from dongliang.common.refusals import Refused


@never_cache
@permission_required("ballots.assist_voters", raise_exception=True)
def assisted(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """Begin a vote for somebody without phone or card. Shows who has helped how often, and no marks."""
    enrolment = fetch_enrolment(request, organisation_code)
    form = AssistedForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            code = begin_assisted(enrolment, by=request.user, at=now(), card=form.cleaned_data["card"])
        except Refused as refusal:
            for blocker in refusal.blockers:
                messages.error(request, str(blocker))
            return redirect("ballots:assisted", organisation_code)
        return see_other("ballots:hand_over", code=code)
    voices = assisted_voices(enrolment)
    return render(
        request,
        "ballots/assisted.html",
        {
            "enrolment": enrolment,
            "form": form,
            "blockers": assisting_blockers(enrolment, at=now()),
            "allowed": assisted_allowed(enrolment),
            "count": voices.count(),
            "voices": voices[:20],
        },
    )


@for_residents
def hand_over(request: HttpRequest, code: str) -> HttpResponse:
    """The page on which the device changes hands: from here on it is the resident's, until the receipt."""
    holder = entitlement(read_snapshot(), code, at=now())
    if isinstance(holder, Refusal) or holder.channel != Ballot.Channel.ASSISTED:
        # That page says what is wrong with it.
        return see_other("ballots:rate", code=code)
    return page(request, "ballots/hand_over.html", {"holder": holder})
