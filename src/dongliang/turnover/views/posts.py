"""The board of posts, vacant ones first, and one post with its holders, promises and handovers."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Blocker, Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.people.actions import end_tenure
from dongliang.people.models import Post, Tenure, TenureKind
from dongliang.turnover.actions.handovers import open_handover
from dongliang.turnover.actions.posts import fill_post, make_promise, settle_promise
from dongliang.turnover.forms import BeginTenureForm, EndTenureForm, PostFilter, PromiseForm
from dongliang.turnover.models import Promise
from dongliang.turnover.queries.handovers import handovers_visible_to
from dongliang.turnover.queries.posts import days_vacant, matching_posts, posts_visible_to, with_holders
from dongliang.turnover.views.answers import done, page_of, permit, subdistricts_of, trail

may_see = permission_required("turnover.see_posts", raise_exception=True)
HOW = {kind.value: kind.label for kind in TenureKind}


def found(request: HttpRequest) -> tuple[PostFilter, Any]:
    visible = posts_visible_to(request.user)
    form = PostFilter(request.GET, subdistricts=subdistricts_of(visible, "organisation__parent"))
    return form, matching_posts(with_holders(visible), **form.wanted)


@may_see
def posts(request: HttpRequest) -> HttpResponse:
    form, rows = found(request)
    held = list(with_holders(posts_visible_to(request.user)).values_list("how", flat=True))
    page = page_of(request, rows)
    context = {
        "filter": form,
        "page": page,
        "rows": [(row, days_vacant(row.last_day)) for row in page],
        "total": len(held),
        "vacant": held.count(None),
        "acting": held.count(TenureKind.ACTING),
        "how": HOW,
    }
    return render(request, "turnover/posts.html", context)


@may_see
def export(request: HttpRequest) -> HttpResponse:
    """The board as it is filtered, as a workbook."""
    _form, rows = found(request)
    columns = [
        _("Subdistrict"), _("Neighbourhood"), pgettext("post", "Holder"), _("how appointed"), _("in post since"),
        pgettext("post", "Last holder"), _("last day in post"), _("Days vacant"),
    ]  # fmt: skip
    cells = [
        [
            row.organisation.above.name,
            row.organisation.name,
            row.holder,
            str(HOW[row.how]) if row.how else "",
            row.since,
            row.last_holder,
            row.last_day,
            None if row.how else days_vacant(row.last_day),
        ]
        for row in rows
    ]
    return xlsx_response(f"{_('Posts')}.xlsx", [Table(_("Posts"), columns, cells)])


def post_or_404(request: HttpRequest, pk: int) -> Post:
    return get_object_or_404(posts_visible_to(request.user), pk=pk)


def steps(*more: tuple[str, Any]) -> list[dict[str, Any]]:
    return trail((reverse("turnover:posts"), _("Posts")), *more)


def post(request: HttpRequest, pk: int) -> HttpResponse:
    shown = post_or_404(request, pk)
    tenures = list(shown.tenures.select_related("person").order_by("-starts_on"))
    holder = next((tenure for tenure in tenures if tenure.ends_on is None), None)
    context = {
        "post": shown,
        "holder": holder,
        "tenures": tenures,
        "days": None if holder or not tenures else days_vacant(max(t.ends_on for t in tenures if t.ends_on)),
        "promises": shown.promises.select_related("made_by__person").order_by("-state", "due_on", "pk"),
        "handovers": handovers_visible_to(request.user).filter(leaver__post=shown),
        "last": tenures[0] if tenures else None,
        "changes_holder": request.user.has_perm("turnover.change_holder", shown),
        "keeps_promises": request.user.has_perm("turnover.keep_promises", shown),
        "promise_form": PromiseForm(),
        "today": localdate(),
        "breadcrumb": steps(("", shown)) if request.user.has_perm("turnover.see_posts") else [],
    }
    return render(request, "turnover/post.html", context)


def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End the tenure of whoever holds the post."""
    shown = post_or_404(request, pk)
    permit(request, "turnover.change_holder", shown)
    tenure = shown.tenures.filter(ends_on=None).select_related("person", "post__organisation").first()
    form = EndTenureForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and tenure:
        try:
            end_tenure(tenure, **form.cleaned_data, by=request.user)
        except Refused as refused:
            tell(form, refused)
        else:
            messages.success(request, _("The post is vacant now."))
            return redirect("turnover:post", pk)
    context = {
        "post": shown,
        "tenure": tenure,
        "form": form,
        "blockers": [] if tenure else [Blocker("post.vacant", _("Nobody holds this post."))],
        "breadcrumb": crumbs(shown, _("End the tenure")),
    }
    return render(request, "turnover/end_tenure.html", context, status=422 if form.errors else 200)


def begin(request: HttpRequest, pk: int) -> HttpResponse:
    """Put somebody in a vacant post, for good or acting."""
    shown = post_or_404(request, pk)
    permit(request, "turnover.change_holder", shown)
    form = BeginTenureForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            fill_post(shown, **form.cleaned_data, by=request.user)
        except Refused as refused:
            tell(form, refused)
        else:
            messages.success(request, _("The post is held now."))
            return redirect("turnover:post", pk)
    context = {"post": shown, "form": form, "breadcrumb": crumbs(shown, _("Fill the post"))}
    return render(request, "turnover/begin_tenure.html", context, status=422 if form.errors else 200)


def crumbs(shown: Post, words: str) -> list[dict[str, Any]]:
    return steps((reverse("turnover:post", args=[shown.pk]), shown), ("", words))


def tell(form: Any, refused: Refused) -> None:
    for blocker in refused.blockers:
        form.add_error(None, str(blocker))


@require_POST
def open_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the handover of who holds the post, or held it last."""
    shown = post_or_404(request, pk)
    permit(request, "turnover.change_holder", shown)
    tenure: Tenure | None = shown.tenures.order_by("-starts_on").first()
    if tenure is None:
        messages.error(request, _("Nobody has held this post, so that there is nothing to hand over."))
        return redirect("turnover:post", pk)
    done(request, _("The handover list is open."), lambda: open_handover(tenure, by=request.user))
    return redirect("turnover:post", pk)


@require_POST
def promise(request: HttpRequest, pk: int) -> HttpResponse:
    shown = post_or_404(request, pk)
    permit(request, "turnover.keep_promises", shown)
    form = PromiseForm(request.POST)
    if form.is_valid():
        done(
            request,
            _("The promise is put down. It stays with the post."),
            lambda: make_promise(shown, **form.cleaned_data, by=request.user),
        )
    else:
        for field, errors in form.errors.items():
            for error in errors:
                messages.error(request, f"{form.fields[field].label}: {error}")
    return redirect("turnover:post", pk)


@require_POST
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    subject: Promise = get_object_or_404(
        Promise.objects.filter(post__in=posts_visible_to(request.user)).select_related("post"), pk=pk
    )
    permit(request, "turnover.keep_promises", subject.post)
    said = {name: request.POST.get(name, "") for name in ("state", "outcome")}
    done(request, _("The promise is settled."), lambda: settle_promise(subject, by=request.user, **said))
    return redirect("turnover:post", subject.post_id)
