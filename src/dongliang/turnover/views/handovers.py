"""Handover lists: written by who leaves, accepted line by line by who comes, signed by three."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, download, xlsx_response
from dongliang.turnover.actions.handovers import (
    answer_item,
    drop_item,
    renew_handover,
    sign_handover,
    words_of,
    write_item,
)
from dongliang.turnover.forms import HandoverFilter, ItemForm
from dongliang.turnover.models import Handover, Item, Kind, Side
from dongliang.turnover.printing import HandoverPaper, Line, SignaturePlace, handover_pdf
from dongliang.turnover.queries.handovers import (
    SIGNERS,
    handovers_visible_to,
    matching_handovers,
    seats,
    sides_of,
    signing_blockers,
    with_progress,
)
from dongliang.turnover.views.answers import done, handover_steps, page_of, permit, subdistricts_of

may_see = permission_required("turnover.see_handovers", raise_exception=True)


def found(request: HttpRequest) -> tuple[HandoverFilter, Any]:
    visible = handovers_visible_to(request.user)
    form = HandoverFilter(
        request.GET, subdistricts=subdistricts_of(visible, "leaver__post__organisation__parent")
    )
    return form, matching_handovers(with_progress(visible), **form.wanted)


@may_see
def handovers(request: HttpRequest) -> HttpResponse:
    form, rows = found(request)
    context = {
        "filter": form,
        "page": page_of(request, rows),
        "signers": SIGNERS,
        "in_office": request.user.has_perm("turnover.see_posts"),
        "runs_elections": request.user.has_perm("turnover.run_elections"),
    }
    return render(request, "turnover/handovers.html", context)


@may_see
def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, as a workbook."""
    _form, rows = found(request)
    columns = [
        _("Subdistrict"), _("Neighbourhood"), _("who hands over"), _("last day in post"), _("who takes over"),
        _("Lines"), _("Lines accepted"), _("Signatures"), _("Last signed"),
    ]  # fmt: skip
    cells = [
        [
            row.post.organisation.above.name,
            row.post.organisation.name,
            row.leaver.person.name,
            row.leaver.ends_on,
            row.successor.person.name if row.successor else "",
            row.lines,
            row.accepted,
            row.signed,
            row.last_signed.date() if row.last_signed else None,
        ]
        for row in rows
    ]
    return xlsx_response(f"{_('Handovers')}.xlsx", [Table(_("Handovers"), columns, cells)])


def handover_or_404(request: HttpRequest, pk: int) -> Handover:
    rows = handovers_visible_to(request.user).prefetch_related("items", "signatures")
    return get_object_or_404(rows, pk=pk)


def item_or_404(request: HttpRequest, pk: int) -> Item:
    item: Item = get_object_or_404(
        Item.objects.filter(handover__in=handovers_visible_to(request.user)), pk=pk
    )
    item.handover = handover_or_404(request, item.handover_id)
    return item


def by_kind(shown: Handover) -> list[tuple[Kind, list[Item]]]:
    items = list(shown.items.all())
    return [(kind, [item for item in items if item.kind == kind]) for kind in Kind]


def handover(request: HttpRequest, pk: int) -> HttpResponse:
    """One list with all that can be done on it by whoever looks."""
    shown = handover_or_404(request, pk)
    sides = sides_of(request.user, shown)
    places = seats(shown)
    waiting = [seat.side for seat in places if seat.side in sides and not seat.signature]
    context = {
        "handover": shown,
        "groups": [
            (kind, [(item, words_of(item)) for item in items]) for kind, items in by_kind(shown) if items
        ],
        "lines": len(shown.items.all()),
        "accepted": sum(item.answer == Item.Answer.ACCEPTED for item in shown.items.all()),
        "kinds": [kind for kind in Kind if kind != Kind.STEP],
        "seats": places,
        "signed": any(seat.signature for seat in places),
        "writes": Side.LEAVER in sides,
        "accepts": Side.SUCCESSOR in sides,
        "signs": waiting[0] if waiting else None,
        "against": signing_blockers(shown, waiting[0], shown.sha256) if waiting else [],
        "breadcrumb": handover_steps(("", shown.post)),
    }
    return render(request, "turnover/handover.html", context)


def file(request: HttpRequest, pk: int) -> HttpResponse:
    """The list on paper."""
    shown = handover_or_404(request, pk)
    name = f"{_('Handover list')}-{shown.post}-{shown.leaver.person}.pdf"
    return download(name, handover_pdf(paper_of(shown)), "application/pdf")


def paper_of(shown: Handover) -> HandoverPaper:
    organisation = shown.post.organisation
    return HandoverPaper(
        post=f"{organisation.above} · {organisation}",
        leaver=shown.leaver.person.name,
        successor=shown.successor.person.name if shown.successor else "—",
        last_day=str(shown.leaver.ends_on or "—"),
        lines=[
            Line(
                str(kind.label),
                item.what,
                "\n".join(filter(None, [item.state, money_words(item)])),
                item.next_step,
                str(item.due_on or ""),
                "\n".join(filter(None, [str(item.get_answer_display()), item.remark])),
            )
            for kind, items in by_kind(shown)
            for item in items
        ],
        signatures=[
            SignaturePlace(str(seat.side.label), seat.signature.name, seat.signature.signed_at)
            if seat.signature
            else SignaturePlace(str(seat.side.label))
            for seat in seats(shown)
        ],
        sha256=shown.sha256,
    )


def money_words(item: Item) -> str:
    words = []
    if item.amount is not None:
        words.append(_("%(amount)s yuan left") % {"amount": f"{item.amount:,.2f}"})
    if item.signatory:
        words.append(_("%(name)s signs for it") % {"name": item.signatory})
    return pgettext("between parts of a line", ", ").join(words)


def new_item(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    shown = handover_or_404(request, pk)
    permit(request, "turnover.write_handover", shown)
    if kind not in Kind.values or kind == Kind.STEP:
        raise Http404
    return item_form(request, shown, Kind(kind), None)


def edit_item(request: HttpRequest, pk: int) -> HttpResponse:
    item = item_or_404(request, pk)
    permit(request, "turnover.write_handover", item.handover)
    return item_form(request, item.handover, Kind(item.kind), item)


def item_form(request: HttpRequest, shown: Handover, kind: Kind, item: Item | None) -> HttpResponse:
    fields = ("what", "state", "next_step", "due_on", "amount", "signatory")
    initial = {name: getattr(item, name) for name in fields} if item else {}
    form = ItemForm(request.POST or None, initial=initial, kind=kind)
    if request.method == "POST" and form.is_valid():
        try:
            write_item(shown, kind=kind, item=item, by=request.user, **form.cleaned_data)
        except Refused as refused:
            for blocker in refused.blockers:
                form.add_error(None, str(blocker))
        else:
            messages.success(request, _("The line is on the list."))
            return redirect("turnover:handover", shown.pk)
    context = {
        "handover": shown,
        "kind": kind,
        "item": item,
        "form": form,
        "signed": any(seat.signature for seat in seats(shown)),
        "breadcrumb": handover_steps(
            (reverse("turnover:handover", args=[shown.pk]), shown.post), ("", kind.label)
        ),
    }
    return render(request, "turnover/item_form.html", context, status=422 if form.errors else 200)


@require_POST
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    item = item_or_404(request, pk)
    permit(request, "turnover.write_handover", item.handover)
    done(request, _("The line is off the list."), lambda: drop_item(item, by=request.user))
    return redirect("turnover:handover", item.handover_id)


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    item = item_or_404(request, pk)
    permit(request, "turnover.accept_handover", item.handover)
    said = {name: request.POST.get(name, "") for name in ("answer", "remark")}
    # A form sends its lines with carriage returns.
    shown = request.POST.get("shown", "").replace("\r\n", "\n")
    done(request, _("Your answer is kept."), lambda: answer_item(item, shown=shown, by=request.user, **said))
    return redirect(f"{reverse('turnover:handover', args=[item.handover_id])}#line-{item.pk}")


@require_POST
def renew(request: HttpRequest, pk: int) -> HttpResponse:
    shown = handover_or_404(request, pk)
    permit(request, "turnover.write_handover", shown)
    taken = renew_handover(shown, by=request.user)
    messages.success(
        request,
        ngettext("%(count)d line was added.", "%(count)d lines were added.", taken) % {"count": taken}
        if taken
        else _("Nothing has come up since."),
    )
    return redirect("turnover:handover", pk)


@require_POST
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    shown = handover_or_404(request, pk)
    permit(request, "turnover.sign_handover", shown)
    done(
        request,
        _("You have signed the handover list."),
        lambda: sign_handover(shown, shown=request.POST.get("shown", ""), by=request.user),
    )
    return redirect("turnover:handover", pk)
