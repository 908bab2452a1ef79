"""The programme office works out who coaches whom, looks, changes and confirms."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Blocker, Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.mentoring.actions.proposals import (
    confirm_proposal,
    discard_proposal,
    lock_line,
    propose_pairs,
    solve_again,
    swap_mentor,
)
from dongliang.mentoring.forms.pairs import LineFilter, NewProposalForm, SwapForm
from dongliang.mentoring.models import Proposal, ProposedPair
from dongliang.mentoring.queries.profiles import mentees, subdistricts_of_mentees
from dongliang.mentoring.queries.proposals import (
    confirm_blockers,
    lines_of,
    making_blockers,
    matching_lines,
    mentors_to_choose,
    proposals_visible_to,
    reasoned,
    shown_sha256,
    tiers_of,
)
from dongliang.mentoring.views.access import ROWS_A_PAGE, breadcrumb, season_to_pair, tell
from dongliang.seasons.models import Enrolment, Season


def proposals(request: HttpRequest) -> HttpResponse:
    """The proposals of the season, and the form that has one worked out."""
    season = season_to_pair(request)
    form = NewProposalForm(request.POST if request.method == "POST" else None)
    against: tuple[Blocker, ...] = ()
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = propose_pairs(
                season,
                tiered=said["tiered"],
                everybody=said["everybody"],
                everyone=not said["without"],
                by=request.user,
            )
        except Refused as refused:
            against = refused.blockers
        else:
            return redirect("mentoring:proposal", made.pk)
    waiting = mentees(season).exclude(pairs__ends_on=None, pairs__isnull=False)
    context = {
        "season": season,
        "form": form,
        "against": against,
        "blockers": making_blockers(season),
        "waiting": waiting.count(),
        "tiers": tiers_of(season),
        "page": Paginator(proposals_found(request, season), ROWS_A_PAGE).get_page(request.GET.get("page")),
        "breadcrumb": breadcrumb(("", _("Proposals"))),
    }
    return render(request, "mentoring/proposals.html", context, status=422 if against else 200)


def proposals_found(request: HttpRequest, season: Season) -> Any:
    return proposals_visible_to(request.user, season).select_related("made_by", "decided_by")


def proposal_or_404(request: HttpRequest, pk: int) -> Proposal:
    season = season_to_pair(request)
    return get_object_or_404(proposals_visible_to(request.user, season), pk=pk)


def lines_found(request: HttpRequest, shown: Proposal) -> tuple[LineFilter, Any]:
    everyone = Enrolment.objects.filter(proposed_pairs__proposal=shown)
    form = LineFilter(request.GET, subdistricts=subdistricts_of_mentees(everyone))
    return form, matching_lines(lines_of(shown), **form.wanted)


def proposal(request: HttpRequest, pk: int) -> HttpResponse:
    shown = proposal_or_404(request, pk)
    form, found = lines_found(request, shown)
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    is_draft = shown.state == Proposal.State.DRAFT
    chosen = mentors_to_choose(shown)
    context = {
        "season": shown.season,
        "proposal": shown,
        "filter": form,
        "page": page,
        "rows": reasoned(page, shown),
        "is_draft": is_draft,
        "choices": chosen if is_draft else [],
        "against": confirm_blockers(shown, None) if is_draft else [],
        "shown": shown_sha256(shown),
        "mentees": shown.lines.count(),
        "without": shown.lines.filter(mentor=None).count(),
        "loads": [load for _mentor, load, _places in chosen if load],
        "breadcrumb": breadcrumb(
            (reverse("mentoring:proposals"), _("Proposals")),
            ("", _("Proposal %(number)d") % {"number": shown.number}),
        ),
    }
    return render(request, "mentoring/proposal.html", context)


def proposal_export(request: HttpRequest, pk: int) -> HttpResponse:
    shown = proposal_or_404(request, pk)
    _form, found = lines_found(request, shown)
    columns = [
        _("Number"), _("Mentee"), _("Neighbourhood"), _("Subdistrict"), _("Mentor"), _("Fit"), _("Locked"),
        _("Why"), _("Next best"),
    ]  # fmt: skip
    rows = [
        [
            line.mentee.number,
            line.mentee.person.name,
            line.mentee.organisation.name,
            line.mentee.subdistrict.name,
            str(line.mentor or ""),
            round(line.fit, 3),
            _("yes") if line.locked else "",
            reasons.why,
            reasons.second,
        ]
        for line, reasons in reasoned(found, shown)
    ]
    name = f"{shown.season.title}-{_('Proposal %(number)d') % {'number': shown.number}}.xlsx"
    return xlsx_response(name, [Table(pgettext("sheet", "Proposed pairs"), columns, rows)])


def back_to(request: HttpRequest, pk: int) -> HttpResponse:
    """The proposal's page as it was filtered."""
    query = request.POST.get("query", "")
    return redirect(f"{reverse('mentoring:proposal', args=[pk])}{'?' if query else ''}{query}")


@require_POST
def change_line(request: HttpRequest, pk: int, line_pk: int) -> HttpResponse:
    """Lock a line, free it, or give it another mentor."""
    shown = proposal_or_404(request, pk)
    line: ProposedPair = get_object_or_404(
        lines_of(shown).select_related("proposal__season", "mentee__season"), pk=line_pk
    )
    form = SwapForm(request.POST, mentors=shown.season.mentors.select_related("person"))
    try:
        if request.POST.get("do") in ("lock", "free"):
            lock_line(line, lock=request.POST["do"] == "lock", by=request.user)
        elif form.is_valid():
            swap_mentor(line, form.cleaned_data["mentor"], by=request.user)
            messages.success(
                request,
                _("%(mentee)s is now proposed to %(mentor)s.")
                % {"mentee": line.mentee.person, "mentor": form.cleaned_data["mentor"]},
            )
        else:
            messages.error(request, _("Choose one of the season's mentors."))
    except Refused as refused:
        tell(request, refused)
    return back_to(request, pk)


@require_POST
def decide_proposal(request: HttpRequest, pk: int, decision: str) -> HttpResponse:
    """Confirm the proposal, work it out again, or discard it."""
    shown = proposal_or_404(request, pk)
    try:
        if decision == "confirm":
            counts = confirm_proposal(shown, shown=request.POST.get("shown"), by=request.user)
            messages.success(
                request,
                ngettext("%(count)d pair is made.", "%(count)d pairs are made.", counts["made"])
                % {"count": counts["made"]},
            )
            return redirect("mentoring:pairs")
        if decision == "again":
            solve_again(shown, everyone="without" not in request.POST, by=request.user)
            messages.success(request, _("The proposal has been worked out again around what is locked."))
        else:
            discard_proposal(shown, by=request.user)
            messages.success(request, _("The proposal is discarded; no pair has changed."))
    except Refused as refused:
        tell(request, refused)
    return redirect("mentoring:proposal", pk)
