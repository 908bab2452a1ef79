"""How a resident without a code at hand shows the right to vote: from the neighbourhood's poster to a pass.

Like the voting pages these need no account, no cookie and no script: what has been reached stands in the address.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.timezone import now

from dongliang.ballots.actions.sms import check_code, send_code
from dongliang.ballots.actions.wechat import begin_wechat, finish_wechat
from dongliang.ballots.calendar import dates_of
from dongliang.ballots.forms import CodeForm, PhoneForm, TextedCodeForm
from dongliang.ballots.gateways import TOO_MANY_CALLS, wechat_address
from dongliang.ballots.intake import messages
from dongliang.ballots.intake.pages import RETRY_AFTER
from dongliang.ballots.links import full_address
from dongliang.ballots.models import Ballot
from dongliang.ballots.queries.rounds import seasons_with_rounds
from dongliang.ballots.queries.verification import enrolment_at, not_open_at, way_blockers, ways_of
from dongliang.ballots.views.unsigned import answered, for_residents, page, see_other
from dongliang.common.refusals import Refused
from dongliang.seasons.models import Enrolment


def client_address(request: HttpRequest) -> str:
    """Where the request came from: behind proxies of ours, what these say."""
    forwarded = request.headers.get("x-forwarded-for", "")
    return messages.client_address(request.META.get("REMOTE_ADDR", ""), forwarded, settings.TRUSTED_PROXIES)


def nowhere(request: HttpRequest) -> HttpResponse:
    return page(request, "ballots/enter.html", {"form": CodeForm()}, status=404)


@for_residents
def here(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """Where a neighbourhood's poster leads: the ways in which one can vote."""
    enrolment = enrolment_at(organisation_code)
    if enrolment is None:
        return nowhere(request)
    return page(
        request,
        "ballots/here.html",
        {
            "enrolment": enrolment,
            "form": CodeForm(),
            "ways": {way.channel for way in ways_of(enrolment.season) if way.is_ready},
            "stopped": not_open_at(enrolment.season, now()),
            "dates": dates_of(enrolment.season),
        },
    )


@for_residents
def phone(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """Type one's number, to be sent a code."""
    enrolment = enrolment_at(organisation_code)
    if enrolment is None:
        return nowhere(request)
    if blockers := way_blockers(enrolment, Ballot.Channel.SMS, at=now()):
        return not_now(request, enrolment, Refused(blockers))
    seasons_with_rounds()  # a lost key is no answer to a form
    form = PhoneForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            token = send_code(
                enrolment, form.cleaned_data["number"], address=client_address(request), at=now()
            )
        except Refused as refusal:
            form.add_error("number", [str(blocker) for blocker in refusal.blockers])
        else:
            return see_other("ballots:phone_code", organisation_code=organisation_code, token=token)
    return answered(request, "ballots/phone.html", form, {"enrolment": enrolment})


@for_residents
def phone_code(request: HttpRequest, organisation_code: str, token: str) -> HttpResponse:
    """Type the code that was sent; a right one leads to the questions."""
    enrolment = enrolment_at(organisation_code)
    if enrolment is None:
        return nowhere(request)
    seasons_with_rounds()
    form = TextedCodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return see_other("ballots:rate", code=check_code(token, form.cleaned_data["code"], at=now()))
        except Refused as refusal:
            form.add_error("code", [str(blocker) for blocker in refusal.blockers])
    return answered(request, "ballots/phone_code.html", form, {"enrolment": enrolment, "token": token})


@for_residents
def wechat(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """Off to WeChat, which asks the resident nothing and sends the browser back."""
    enrolment = enrolment_at(organisation_code)
    if enrolment is None:
        return nowhere(request)
    seasons_with_rounds()
    try:
        state = begin_wechat(enrolment, address=client_address(request), at=now())
    except Refused as refusal:
        return not_now(request, enrolment, refusal)
    return HttpResponseRedirect(
        wechat_address(back_to=full_address(request, "ballots:wechat_return"), state=state)
    )


@for_residents
def wechat_return(request: HttpRequest) -> HttpResponse:
    """Back from WeChat."""
    seasons_with_rounds()
    try:
        code = finish_wechat(request.GET.get("state", ""), request.GET.get("code", ""), at=now())
    except Refused as refusal:
        return not_now(request, None, refusal)
    return see_other("ballots:rate", code=code)


def not_now(request: HttpRequest, enrolment: Enrolment | None, refusal: Refused) -> HttpResponse:
    """Why this way does not lead on: 200 to somebody who only looks, 409 to a form that was not taken, 503 for the moment."""
    context = {"enrolment": enrolment, "reasons": refusal.blockers}
    if any(blocker.code == TOO_MANY_CALLS for blocker in refusal.blockers):
        response = page(request, "ballots/not_now.html", context, status=503)
        response["Retry-After"] = RETRY_AFTER
        return response
    return page(request, "ballots/not_now.html", context, status=409 if request.method == "POST" else 200)
