"""What the offices print, and which cards they take out of force."""

import io
import zipfile

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.ballots import printing
from dongliang.ballots.actions.cards import print_cards
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.calendar import dates_of
from dongliang.ballots.forms import ANSWERS, CardsForm, OfficeCardsForm, PaperBallotsForm, RevokeForm
from dongliang.ballots.links import full_address
from dongliang.ballots.models import PaperBatch, Round, Sample
from dongliang.ballots.queries.cards import (
    acts_for_office,
    cards_allowed_to,
    next_replacement,
    printings,
    revoked_cards,
    serial_of,
    spare_cards,
)
from dongliang.ballots.queries.coverage import enrolments_of_offices
from dongliang.ballots.queries.residents import enrolments_with_project
from dongliang.ballots.queries.rounds import proven_key
from dongliang.ballots.queries.sample import sampled_serials_of
from dongliang.common.refusals import Refused
from dongliang.seasons.models import Enrolment
from dongliang.seasons.queries import seasons_visible_to


def fetch_enrolment(request: HttpRequest, organisation_code: str) -> Enrolment:
    season = seasons_visible_to(request.user).first()
    reached = enrolments_of_offices(request.user, season) if season else Enrolment.objects.none()
    return get_object_or_404(reached, post__organisation__code=organisation_code)


def place_of(enrolment: Enrolment) -> printing.Place:
    return printing.Place(
        enrolment.organisation.name, enrolment.subdistrict.name, dates_of(enrolment.season).last
    )


def pdf_response(name: str, data: bytes) -> HttpResponse:
    return HttpResponse(
        data,
        content_type="application/pdf",
        headers={"Content-Disposition": content_disposition_header(True, f"{name}.pdf") or ""},
    )


def drawn(request: HttpRequest, enrolment: Enrolment, printed: dict[int, str]) -> list[printing.Card]:
    """The printed codes as cards; those of the random sample carry a mark, for those who visit its households only."""
    may_visit = request.user.has_perm("ballots.visit_sample")
    sampled = sampled_serials_of(enrolment, proven_key(enrolment.season)) if may_visit else frozenset()
    return [
        printing.Card(code, full_address(request, "ballots:rate", code=code), serial in sampled)
        for serial, code in printed.items()
    ]


@never_cache
@permission_required("ballots.view_rounds", raise_exception=True)
def cards(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """Household cards as a PDF. Making one shows codes: it counts as printing them, and is logged."""
    enrolment = fetch_enrolment(request, organisation_code)
    may_visit = request.user.has_perm("ballots.visit_sample")
    has_sample = Sample.objects.filter(enrolment=enrolment).exists()
    form_class = OfficeCardsForm if may_visit and has_sample else CardsForm
    form = form_class(request.POST if request.method == "POST" else None, initial=asked_for(request))
    context = {
        "enrolment": enrolment,
        "form": form,
        "allowed": cards_allowed_to(enrolment, request.user),
        "spare": spare_cards(enrolment),
        "decides": acts_for_office(enrolment, request.user),
        "printings": printings(enrolment)[:20],
        "revoked": revoked_cards(enrolment)[:20],
        "revoke_form": RevokeForm(auto_id="revoke_%s"),
        "replacement": next_replacement(enrolment),
        "has_sample": has_sample,
        "may_visit": may_visit,
    }
    if form.is_valid():
        first = form.cleaned_data["start"]
        try:
            printed = print_cards(
                enrolment,
                first=first,
                last=form.last,
                by=request.user,
                only_sample=form.cleaned_data.get("only_sample", False),
            )
        except Refused as refusal:
            context["blockers"] = refusal.blockers
        else:
            data = printing.cards_pdf(
                drawn(request, enrolment, printed),
                place_of(enrolment),
                enter=full_address(request, "ballots:enter"),
            )
            return pdf_response(f"{enrolment.organisation.name}-{_('Household cards')}-{first}", data)
    return render(request, "ballots/cards.html", context)


def asked_for(request: HttpRequest) -> dict[str, str]:
    """The numbers that a link to the form names: for the card in place of a lost one."""
    return {
        field: value
        for field, name in (("start", "from"), ("count", "count"))
        if (value := request.GET.get(name, "")).isdecimal() and len(value) < 6
    }


@require_POST
@permission_required("ballots.revoke_cards", raise_exception=True)
def revoke(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """Take lost cards out of force. Whether they had voted is told to nobody here."""
    enrolment = fetch_enrolment(request, organisation_code)
    form = RevokeForm(request.POST)
    if form.is_valid():
        try:
            serials = form.serials or [
                serial_of(enrolment, proven_key(enrolment.season), form.cleaned_data["code"])
            ]
            revoke_cards(enrolment, serials, reason=form.cleaned_data["reason"], by=request.user)
        except Refused as refusal:
            for blocker in refusal.blockers:
                messages.error(request, str(blocker))
        else:
            messages.success(
                request,
                ngettext(
                    "%(count)d card is revoked: nobody votes with it any more.",
                    "%(count)d cards are revoked: nobody votes with them any more.",
                    len(serials),
                )
                % {"count": len(serials)},
            )
    else:
        for errors in form.errors.values():
            messages.error(request, " ".join(map(str, errors)))
    return redirect("ballots:cards", organisation_code)


@permission_required("ballots.view_rounds", raise_exception=True)
def poster(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """A poster for the notice board, with the neighbourhood's own address and no code."""
    enrolment = fetch_enrolment(request, organisation_code)
    return pdf_response(f"{enrolment.organisation.name}-{_('Poster')}", poster_of(request, enrolment))


@permission_required("ballots.view_rounds", raise_exception=True)
def posters(request: HttpRequest) -> HttpResponse:
    """The posters of all the neighbourhoods in reach, in one archive."""
    season = seasons_visible_to(request.user).first()
    if season is None:
        return redirect("ballots:rounds")
    archive = io.BytesIO()
    # A PDF is packed already.
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for enrolment in enrolments_of_offices(request.user, season).select_related(
            "season", "post__organisation__parent"
        ):
            enrolment.season = season
            name = f"{enrolment.subdistrict.name}/{enrolment.organisation.code}-{enrolment.organisation.name}.pdf"
            file.writestr(name, poster_of(request, enrolment))
    return HttpResponse(
        archive.getvalue(),
        content_type="application/zip",
        headers={
            "Content-Disposition": content_disposition_header(True, f"{season.title}-{_('Posters')}.zip")
            or ""
        },
    )


def poster_of(request: HttpRequest, enrolment: Enrolment) -> bytes:
    address = full_address(request, "ballots:here", organisation_code=enrolment.organisation.code)
    return printing.poster_pdf(
        place_of(enrolment),
        address=address,
        verification=enrolment.season.rules.residents.verification,
    )


@never_cache
@permission_required("ballots.key_paper", raise_exception=True)
def paper_ballots(request: HttpRequest, organisation_code: str) -> HttpResponse:
    """Paper ballots as a PDF: with household codes, which is logged as printing them, or blank ones."""
    enrolment = fetch_enrolment(request, organisation_code)
    form = PaperBallotsForm(request.POST if request.method == "POST" else None)
    context = {"enrolment": enrolment, "form": form}
    if form.is_valid():
        wanted, first = form.cleaned_data, form.cleaned_data["start"]
        is_coded = wanted["kind"] == PaperBatch.Kind.CODED
        try:
            printed = print_cards(enrolment, first=first, last=form.last, by=request.user) if is_coded else {}
        except Refused as refusal:
            context["blockers"] = refusal.blockers
        else:
            data = printing.sheets_pdf(
                place_of(enrolment),
                questions_of(enrolment, wanted["round"]),
                drawn(request, enrolment, printed),
                blank=0 if is_coded else wanted["count"],
            )
            return pdf_response(f"{enrolment.organisation.name}-{_('Paper ballots')}", data)
    return render(request, "ballots/paper_ballots.html", context)


def questions_of(enrolment: Enrolment, kind: str) -> printing.Questions:
    rules = enrolment.season.rules
    if kind == Round.Kind.SECRETARIES:
        return printing.Questions(
            _("How is secretary %(secretary)s doing?") % {"secretary": enrolment.person.name},
            _("Circle one number for each question. Do not write your name."),
            [str(indicator.question) for indicator in rules.indicators],
            [(digit, str(word)) for digit, word in ANSWERS],
        )
    picks = rules.popular_projects
    return printing.Questions(
        _("Which of these would you choose?"),
        _("Write the numbers of the projects you like best into the boxes, %(minimum)d to %(maximum)d.")
        % {"minimum": picks.picks_minimum, "maximum": picks.picks_maximum},
        lines=picks.picks_maximum,
        candidates=[
            (each.number, each.first_thing.title, each.organisation.name)
            for each in enrolments_with_project(enrolment.season)
        ],
    )
