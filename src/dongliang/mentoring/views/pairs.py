"""The board of pairs, one pair with all that belongs to it, its agreement, and its end."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, download, xlsx_response
from dongliang.mentoring.actions.agreements import sign_agreement, write_agreement
from dongliang.mentoring.actions.pairs import end_pair
from dongliang.mentoring.forms.pairs import AgreementForm, EndForm, PairFilter
from dongliang.mentoring.models import Agreement, Pair
from dongliang.mentoring.printing import AgreementPaper, SignaturePlace, agreement_pdf
from dongliang.mentoring.queries import mentor_of
from dongliang.mentoring.queries.agreements import agreement_of, seats
from dongliang.mentoring.queries.pairs import (
    SIGNERS,
    ended_blockers,
    matching_pairs,
    pairs_visible_to,
    side_of,
    silence_seen_by,
    silent_before,
    subdistricts_of_pairs,
    with_visits,
)
from dongliang.mentoring.queries.visits import steps_due, visits_visible_to
from dongliang.mentoring.views.access import (
    ROWS_A_PAGE,
    breadcrumb,
    newest_season,
    pair_or_404,
    permit,
    season_or_404,
    takes_part,
    tell,
)
from dongliang.people.models import Role
from dongliang.people.queries import has_role, is_office
from dongliang.seasons.models import Season

STEPS_SHOWN = 8
TERM_MONTHS = 12


def pairs_found(request: HttpRequest, season: Season) -> tuple[PairFilter, Any]:
    visible = pairs_visible_to(request.user, season)
    form = PairFilter(request.GET, subdistricts=subdistricts_of_pairs(visible))
    return form, matching_pairs(with_visits(visible), season=season, **form.wanted)


@takes_part
def pairs(request: HttpRequest) -> HttpResponse:
    """Who coaches whom, which pairs are silent, what is due."""
    season = newest_season(request)
    if season is None:
        return render(request, "mentoring/pairs.html", {"season": None})
    form, found = pairs_found(request, season)
    visits = visits_visible_to(request.user, season)
    mentor = mentor_of(request.user, season)
    own = season.enrolments.filter(person=request.user.person_id or 0).first()
    context = {
        "season": season,
        "filter": form,
        "page": Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "silence": silence_seen_by(request.user, season),
        "silent_before": silent_before(season),
        "signers": SIGNERS,
        "today": localdate(),
        "steps": steps_due(visits)[:STEPS_SHOWN],
        "in_office": is_office(request.user) or has_role(request.user, Role.SUBDISTRICT_OFFICE),
        "runs_pairing": request.user.has_perm("mentoring.run_pairing", season),
        "own_mentor": mentor if has_role(request.user, Role.MENTOR) else None,
        "own_enrolment": own if has_role(request.user, Role.SECRETARY) else None,
    }
    return render(request, "mentoring/pairs.html", context)


@takes_part
def pairs_export(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    _form, found = pairs_found(request, season)
    columns = [
        _("Number"), _("Mentee"), _("Neighbourhood"), _("Subdistrict"), _("Mentor"), pgettext("pair", "Since"),
        _("Until"), _("Why it ended"), _("Signatures"), _("Visits"), _("Last visit"), _("Steps overdue"),
    ]  # fmt: skip
    rows = [
        [
            pair.mentee.number,
            pair.mentee.person.name,
            pair.mentee.organisation.name,
            pair.mentee.subdistrict.name,
            pair.mentor.person.name,
            pair.starts_on,
            pair.ends_on,
            pair.get_end_reason_display(),
            pair.signed,
            pair.visits_made,
            pair.last_met,
            pair.steps_late,
        ]
        for pair in found
    ]
    return xlsx_response(f"{season.title}-{_('Pairs')}.xlsx", [Table(_("Pairs"), columns, rows)])


def pair_label(pair: Pair) -> str:
    return _("%(mentor)s and %(mentee)s") % {"mentor": pair.mentor, "mentee": pair.mentee.person}


@takes_part
def pair(request: HttpRequest, pk: int) -> HttpResponse:
    """One pair: who, since when, the agreement, the visits and what is still to be done."""
    shown = pair_or_404(request, pk)
    agreement = agreement_of(shown)
    visits = visits_visible_to(request.user, shown.mentee.season).filter(pair=shown)
    side = side_of(request.user, shown)
    signed = seats(agreement) if agreement else []
    context = {
        "season": shown.mentee.season,
        "pair": shown,
        "title": pair_label(shown),
        "agreement": agreement,
        "seats": signed,
        "may_sign": bool(
            agreement
            and side
            and not shown.ends_on
            and not any(s.side == side and s.signature for s in signed)
        ),
        "side": side,
        "may_write": shown.ends_on is None and request.user.has_perm("mentoring.write_agreement", shown),
        "may_log": shown.ends_on is None and request.user.has_perm("mentoring.log_visit", shown),
        "may_end": shown.ends_on is None
        and request.user.has_perm("mentoring.run_pairing", shown.mentee.season),
        "steps": steps_due(visits),
        "visits": Paginator(visits, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "today": localdate(),
        "breadcrumb": breadcrumb(("", pair_label(shown))),
    }
    return render(request, "mentoring/pair.html", context)


def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End a pair with its reason, and pair the mentee with somebody else if wanted."""
    shown = pair_or_404(request, pk)
    season = shown.mentee.season
    permit(request, "mentoring.run_pairing", season)
    form = EndForm(
        request.POST or None, mentors=season.mentors.exclude(pk=shown.mentor_id).select_related("person")
    )
    if request.method == "POST" and form.is_valid():
        try:
            end_pair(shown, **form.cleaned_data, by=request.user)
        except Refused as refused:
            for blocker in refused.blockers:
                form.add_error(None, str(blocker))
        else:
            messages.success(request, _("The pair has ended."))
            return redirect("mentoring:pair", pk)
    context = {
        "season": season,
        "pair": shown,
        "form": form,
        "blockers": ended_blockers(shown),
        "breadcrumb": breadcrumb(
            (reverse("mentoring:pair", args=[pk]), pair_label(shown)), ("", _("End the pair"))
        ),
    }
    return render(request, "mentoring/end_pair.html", context, status=422 if form.errors else 200)


def agreement(request: HttpRequest, pk: int) -> HttpResponse:
    """Write or change what the two agree on."""
    shown = pair_or_404(request, pk)
    permit(request, "mentoring.write_agreement", shown)
    written = agreement_of(shown)
    initial = {
        "goals": written.goals if written else "",
        "starts_on": written.starts_on if written else shown.starts_on,
        "months": written.months if written else TERM_MONTHS,
        "plan": "\n".join(written.plan) if written else "",
    }
    form = AgreementForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            write_agreement(shown, **form.cleaned_data, by=request.user)
        except Refused as refused:
            for blocker in refused.blockers:
                form.add_error(None, str(blocker))
        else:
            messages.success(request, _("The agreement is saved. Now the three sign it."))
            return redirect("mentoring:pair", pk)
    context = {
        "season": shown.mentee.season,
        "pair": shown,
        "form": form,
        "blockers": ended_blockers(shown),
        "signed": [seat for seat in seats(written) if seat.signature] if written else [],
        "breadcrumb": breadcrumb(
            (reverse("mentoring:pair", args=[pk]), pair_label(shown)), ("", _("Agreement"))
        ),
    }
    return render(request, "mentoring/agreement.html", context, status=422 if form.errors else 200)


@require_POST
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    shown = pair_or_404(request, pk)
    written = agreement_of(shown)
    if written is None:
        messages.error(request, _("There is no agreement to sign yet. Write it first."))
        return redirect("mentoring:pair", pk)
    permit(request, "mentoring.sign_agreement", written)
    try:
        sign_agreement(written, shown=request.POST.get("shown", ""), by=request.user)
    except Refused as refused:
        tell(request, refused)
    else:
        messages.success(request, _("You have signed the agreement."))
    return redirect("mentoring:pair", pk)


@takes_part
def agreement_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The agreement on paper."""
    shown = pair_or_404(request, pk)
    written = agreement_of(shown)
    if written is None:
        messages.error(request, _("There is no agreement to print yet. Write it first."))
        return redirect("mentoring:pair", pk)
    name = f"{_('Agreement')}-{shown.mentor}-{shown.mentee.person}.pdf"
    return download(name, agreement_pdf(paper_of(written)), "application/pdf")


def paper_of(written: Agreement) -> AgreementPaper:
    mentee = written.pair.mentee
    return AgreementPaper(
        season=mentee.season.title,
        mentor=str(written.pair.mentor),
        mentee=str(mentee.person),
        place=f"{mentee.subdistrict} · {mentee.organisation}",
        starts_on=written.starts_on,
        ends_on=written.ends_on,
        goals=written.goals,
        plan=written.plan_by_month,
        signatures=[
            SignaturePlace(str(seat.side.label), seat.signature.name, seat.signature.signed_at)
            if seat.signature
            else SignaturePlace(str(seat.side.label))
            for seat in seats(written)
        ],
        sha256=written.sha256,
    )
