"""Lists on their way from the run to the certificate: the programme office's pages."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.awards.actions.deciding import approve_change, decline_change, propose_change
from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.actions.publicity import (
    answer_objection,
    confirm_list,
    issue_certificates,
    lift_hold,
    put_on_hold,
    revoke_certificate,
)
from dongliang.awards.calendar import is_announced
from dongliang.awards.forms import AnswerForm, ChangeForm, HoldForm, RevocationForm
from dongliang.awards.models import Certificate, HonourList, ListChange, Objection
from dongliang.awards.printing import Paper, certificates_pdf
from dongliang.awards.queries.lists import drawing_blockers, honours, lists_visible_to
from dongliang.awards.queries.publicity import (
    announcing_blockers,
    certificates,
    certificates_visible_to,
    changes,
    confirming_blockers,
    deciding_blockers,
    issuing_blockers,
    objections,
)
from dongliang.ballots.links import full_address
from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.scoring.queries import runs_visible_to
from dongliang.seasons.models import Season

may_manage = permission_required("awards.manage_lists", raise_exception=True)


@may_manage
def lists(request: HttpRequest) -> HttpResponse:
    """The lists of the newest scored season, and drawing them again."""
    run = runs_visible_to(request.user).order_by("-pk").first()
    found = lists_visible_to(request.user).filter(season=run.season) if run else []
    return render(
        request,
        "awards/lists.html",
        {
            "run": run,
            "lists": [(entry, honours(entry).count()) for entry in found],
            "all_public": bool(found) and all(entry.published_at for entry in found),
            "against": drawing_blockers(run) if run else [],
        },
    )


@may_manage
@require_POST
def draw(request: HttpRequest, run_id: int) -> HttpResponse:
    run = get_object_or_404(runs_visible_to(request.user), pk=run_id)
    told(
        request,
        lambda: draw_lists(run, by=request.user),
        _("The lists are drawn from run %(number)d.") % {"number": run.number},
    )
    return redirect("awards:lists")


def told(request: HttpRequest, action: Callable[[], Any], done: str) -> bool:
    """Act, and say what became of it: ``done``, or every reason against."""
    try:
        action()
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
        return False
    messages.success(request, done)
    return True


def fetch(request: HttpRequest, list_id: int) -> HonourList:
    return get_object_or_404(lists_visible_to(request.user), pk=list_id)


def list_page(
    request: HttpRequest, entry: HonourList, change_form: Form | None = None, status: int = 200
) -> HttpResponse:
    """One list with all that was and can be done to it."""
    proposed = [
        (change, deciding_blockers(change, request.user))
        for change in changes(entry)
        if change.state == ListChange.State.PROPOSED
    ]
    until = entry.objections_until
    return render(
        request,
        "awards/list.html",
        {
            "list": entry,
            "basis": getattr(entry.run.rule_book.validated, entry.kind).basis,
            "honours": list(honours(entry)),
            "announcing_blockers": announcing_blockers(entry),
            "working_days": entry.run.rule_book.validated.publicity.working_days,
            "confirming_blockers": confirming_blockers(entry),
            "issuing_blockers": issuing_blockers(entry),
            "calendar_is_guessed": bool(until and not is_announced(until.year)),
            "proposed": proposed,
            "decided": [each for each in changes(entry) if each.state != ListChange.State.PROPOSED],
            "hold": entry.hold,
            "past_holds": list(entry.holds.exclude(lifted_at=None).select_related("put_by", "lifted_by")),
            "hold_form": HoldForm(),
            "change_form": change_form or ChangeForm(honour_list=entry),
            "objections": [
                (objection, None if objection.answered_at else AnswerForm(prefix=str(objection.pk)))
                for objection in objections(entry)
            ],
            "certificates": list(certificates(entry)),
            "rule_book_fingerprint": entry.run.rule_book.sha256,
            "breadcrumb": [{"url": reverse("awards:lists"), "label": _("Lists")}, {"label": entry.title}],
        },
        status=status,
    )


@may_manage
def honour_list(request: HttpRequest, list_id: int) -> HttpResponse:
    return list_page(request, fetch(request, list_id))


@may_manage
@require_POST
def publish(request: HttpRequest, list_id: int) -> HttpResponse:
    entry = fetch(request, list_id)
    done = _("“%(title)s” is on the public honour roll, open to objections.") % {"title": entry.title}
    if not told(request, lambda: publish_list(entry, by=request.user), done):
        # Not to the list itself, which may just have been replaced.
        return redirect("awards:lists")
    return redirect("awards:list", list_id=entry.pk)


@may_manage
@require_POST
def propose(request: HttpRequest, list_id: int) -> HttpResponse:
    entry = fetch(request, list_id)
    form = ChangeForm(request.POST, honour_list=entry)
    if not form.is_valid():
        return list_page(request, entry, form, status=422)
    told(
        request,
        lambda: propose_change(entry, **form.cleaned_data, by=request.user),
        _("The change is proposed. Somebody else in the office has to decide on it."),
    )
    return redirect("awards:list", list_id=entry.pk)


@may_manage
@require_POST
def decide(request: HttpRequest, change_id: int) -> HttpResponse:
    change = get_object_or_404(
        ListChange.objects.filter(honour_list__in=lists_visible_to(request.user)), pk=change_id
    )
    if request.POST.get("decision") == "approve":
        told(request, lambda: approve_change(change, by=request.user), _("The change is made."))
    else:
        told(request, lambda: decline_change(change, by=request.user), _("The list stays as it is."))
    return redirect("awards:list", list_id=change.honour_list_id)


@may_manage
@require_POST
def answer(request: HttpRequest, objection_id: int) -> HttpResponse:
    objection = get_object_or_404(
        Objection.objects.filter(honour_list__in=lists_visible_to(request.user)), pk=objection_id
    )
    form = AnswerForm(request.POST, prefix=str(objection.pk))
    if form.is_valid():
        told(
            request,
            lambda: answer_objection(objection, **form.cleaned_data, by=request.user),
            _("The objection is answered."),
        )
    else:
        messages.error(request, _("The answer is empty or too long. Write one of at most 2,000 characters."))
    return redirect("awards:list", list_id=objection.honour_list_id)


@may_manage
@require_POST
def hold(request: HttpRequest, list_id: int) -> HttpResponse:
    """Put the list on hold."""
    entry = fetch(request, list_id)
    told(
        request,
        lambda: put_on_hold(entry, reason=request.POST.get("reason", "")[:500], by=request.user),
        _("“%(title)s” is on hold.") % {"title": entry.title},
    )
    return redirect("awards:list", list_id=entry.pk)


@may_manage
@require_POST
def lift(request: HttpRequest, list_id: int) -> HttpResponse:
    """Lift the hold that the list is under."""
    entry = fetch(request, list_id)
    held = get_object_or_404(entry.holds, lifted_at=None)
    told(
        request,
        lambda: lift_hold(held, outcome=request.POST.get("reason", "")[:500], by=request.user),
        _("The hold is lifted."),
    )
    return redirect("awards:list", list_id=entry.pk)


@may_manage
@require_POST
def confirm(request: HttpRequest, list_id: int) -> HttpResponse:
    entry = fetch(request, list_id)
    told(
        request,
        lambda: confirm_list(entry, by=request.user),
        _("“%(title)s” is confirmed.") % {"title": entry.title},
    )
    return redirect("awards:list", list_id=entry.pk)


@may_manage
@require_POST
def issue(request: HttpRequest, list_id: int) -> HttpResponse:
    entry = fetch(request, list_id)
    count = honours(entry).filter(certificate=None).count()
    told(
        request,
        lambda: issue_certificates(entry, by=request.user),
        ngettext("%(count)d certificate is issued.", "%(count)d certificates are issued.", count)
        % {"count": count},
    )
    return redirect("awards:list", list_id=entry.pk)


@may_manage
def revoke(request: HttpRequest, certificate_id: int) -> HttpResponse:
    certificate = get_object_or_404(certificates_visible_to(request.user), pk=certificate_id)
    form = RevocationForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and told(
        request,
        lambda: revoke_certificate(certificate, reason=form.cleaned_data["reason"], by=request.user),
        _("Certificate %(number)s is revoked.") % {"number": certificate.number},
    ):
        return redirect(back_from(certificate))
    return render(
        request,
        "awards/revoke.html",
        {"certificate": certificate, "form": form, "back": back_from(certificate)},
    )


def back_from(certificate: Certificate) -> str:
    """The page that the certificate stands on."""
    if certificate.honour:
        return reverse("awards:list", args=[certificate.honour.honour_list_id])
    return reverse("awards:commendations")


@may_manage
def certificates_file(request: HttpRequest, list_id: int) -> HttpResponse:
    """All certificates of a list that hold, ready to print."""
    entry = fetch(request, list_id)
    holding = [certificate for certificate in certificates(entry) if not certificate.revoked_at]
    if not holding:
        raise Http404
    return printed(request, holding, entry.season, entry.title)


def printed(request: HttpRequest, holding: list[Certificate], season: Season, title: str) -> HttpResponse:
    """These certificates as one PDF, a page each."""
    papers = [
        Paper(
            number=certificate.number,
            name=certificate.person.name,
            place=f"{certificate.organisation.above} {certificate.organisation}",
            season=season.title,
            honour=certificate.title,
            project=certificate.project.title if certificate.project else "",
            day=localdate(certificate.issued_at),
            address=full_address(request, "awards:certificate", number=certificate.number),
            merits=certificate.commendation.merits if certificate.commendation else "",
        )
        for certificate in holding
    ]
    office = _("Programme office of %(district)s") % {"district": season.district}
    response = HttpResponse(certificates_pdf(papers, office=office), content_type="application/pdf")
    name = quote(f"{season.title}-{title}.pdf")
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    return response


@may_manage
def export(request: HttpRequest, list_id: int) -> HttpResponse:
    entry = fetch(request, list_id)
    numbers = {certificate.honour_id: certificate.number for certificate in certificates(entry)}
    columns = [
        _("position"),
        _("subdistrict"),
        _("neighbourhood"),
        _("secretary"),
        _("project"),
        _("certificate"),
    ]
    rows = [
        [
            honour.position,
            honour.enrolment.subdistrict.name,
            honour.enrolment.organisation.name,
            honour.enrolment.person.name,
            honour.project.title if honour.project else None,
            numbers.get(honour.pk),
        ]
        for honour in honours(entry)
    ]
    return xlsx_response(f"{entry.season.title}-{entry.title}.xlsx", [Table(entry.title, columns, rows)])
