"""Residents' comments, checked by the programme office before the secretary reads them."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.ballots.actions.comments import decide_comment
from dongliang.ballots.comments import MASK
from dongliang.ballots.forms import CommentFilter
from dongliang.ballots.models import Comment
from dongliang.ballots.queries.comments import comment_counts, comments_visible_to, matching_comments
from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.people.queries import organisations_of
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to

ROWS_A_PAGE = 25
may_moderate = permission_required("ballots.moderate_comments", raise_exception=True)


def filtered(request: HttpRequest, season: Season) -> tuple[CommentFilter, QuerySet[Comment]]:
    rows = comments_visible_to(request.user).filter(round__season=season)
    form = CommentFilter(
        request.GET or None,
        subdistricts=organisations_of(rows, "enrolment__post__organisation__parent"),
    )
    return form, matching_comments(rows, **form.wanted)


@may_moderate
def listed(request: HttpRequest) -> HttpResponse:
    """What residents wrote: those to be checked first."""
    season = seasons_visible_to(request.user).first()
    if season is None:
        return render(request, "ballots/comments.html", {"season": None})
    form, rows = filtered(request, season)
    page = Paginator(rows.order_by("state", "number"), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "ballots/comments.html",
        {
            "season": season,
            "counts": comment_counts(season),
            "form": form,
            "page": page,
            # Cut at what was masked, so that it can be marked.
            "rows": [(comment, comment.text.split(MASK)) for comment in page],
            "reasons": Comment.Reason.choices,
            "here": request.get_full_path(),
        },
    )


@may_moderate
@require_POST
def decide(request: HttpRequest, number: int) -> HttpResponse:
    comment = get_object_or_404(comments_visible_to(request.user), pk=number)
    try:
        decide_comment(
            comment,
            state=request.POST.get("state", ""),
            reason=request.POST.get("reason", ""),
            by=request.user,
        )
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = reverse("ballots:comments")
    return redirect(back)


@may_moderate
def export(request: HttpRequest) -> HttpResponse:
    """The comments as they are filtered, as a workbook; no day and no order."""
    season = seasons_visible_to(request.user).first()
    if season is None:
        raise Http404
    _form, rows = filtered(request, season)
    columns = [
        _("Subdistrict"),
        _("Neighbourhood"),
        _("Secretary"),
        _("Comment"),
        _("State"),
        _("Reason"),
    ]
    table = [
        [
            comment.enrolment.subdistrict.name,
            comment.enrolment.organisation.name,
            comment.enrolment.person.name,
            comment.text,
            comment.get_state_display(),
            comment.get_reason_display(),
        ]
        for comment in rows
    ]
    return xlsx_response(f"{season.title}-{_('Comments')}.xlsx", [Table(_("Comments"), columns, table)])
