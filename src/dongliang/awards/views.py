from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.awards.actions import lists as actions
from dongliang.awards.queries.lists import drawing_blockers, honours, lists_visible_to, publishing_blockers
from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, xlsx_response
from dongliang.scoring.queries import runs_visible_to


@permission_required("awards.manage_lists", raise_exception=True)
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


@permission_required("awards.manage_lists", raise_exception=True)
@require_POST
def draw(request: HttpRequest, run_id: int) -> HttpResponse:
    run = get_object_or_404(runs_visible_to(request.user), pk=run_id)
    try:
        actions.draw_lists(run, by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(request, _("The lists are drawn from run %(number)d.") % {"number": run.number})
    return redirect("awards:lists")


@permission_required("awards.manage_lists", raise_exception=True)
def honour_list(request: HttpRequest, list_id: int) -> HttpResponse:
    entry = get_object_or_404(lists_visible_to(request.user), pk=list_id)
    return render(
        request,
        "awards/list.html",
        {
            "list": entry,
            "honours": list(honours(entry)),
            "against": publishing_blockers(entry),
            "rule_book_fingerprint": entry.run.rule_book.sha256,
        },
    )


@permission_required("awards.manage_lists", raise_exception=True)
@require_POST
def publish(request: HttpRequest, list_id: int) -> HttpResponse:
    entry = get_object_or_404(lists_visible_to(request.user), pk=list_id)
    try:
        actions.publish_list(entry, by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
        # Not to the list itself, which may just have been replaced.
        return redirect("awards:lists")
    else:
        messages.success(request, _("“%(title)s” is on the public honour roll.") % {"title": entry.title})
    return redirect("awards:list", list_id=entry.pk)


@permission_required("awards.manage_lists", raise_exception=True)
def export(request: HttpRequest, list_id: int) -> HttpResponse:
    entry = get_object_or_404(lists_visible_to(request.user), pk=list_id)
    columns = [
        _("position"),
        _("subdistrict"),
        _("neighbourhood"),
        _("secretary"),
        _("project"),
    ]
    rows = [
        [
            honour.position,
            honour.enrolment.subdistrict.name,
            honour.enrolment.organisation.name,
            honour.enrolment.person.name,
            honour.project.title if honour.project else None,
        ]
        for honour in honours(entry)
    ]
    return xlsx_response(f"{entry.season.title}-{entry.title}.xlsx", [Table(entry.title, columns, rows)])
