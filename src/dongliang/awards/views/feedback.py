"""Feedback: the secretary's own page, the mentor's list of mentees, the office's list of all."""

from collections.abc import Sequence

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.awards.actions.feedback import acknowledge_feedback, release_feedback
from dongliang.awards.forms import AcknowledgementForm, FeedbackFilter
from dongliang.awards.models import Feedback
from dongliang.awards.printing import feedback_pdf
from dongliang.awards.queries.feedback import (
    counts_of,
    feedback_listed_for,
    feedback_visible_to,
    matching_feedback,
    mentor_of_now,
    own_feedback,
    profile_chart,
    release_blockers,
    release_of,
)
from dongliang.awards.queries.feedback_words import told
from dongliang.awards.views.feedback_papers import paper_of, words_of
from dongliang.ballots.queries.comments import comments_shown_to
from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, download, xlsx_response
from dongliang.people.queries import is_office, organisations_of
from dongliang.projects.queries import category_names
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to

ROWS_A_PAGE = 50
PDF = "application/pdf"
may_follow = permission_required("awards.follow_feedback", raise_exception=True)
may_read = permission_required("awards.read_feedback", raise_exception=True)
may_manage = permission_required("awards.manage_lists", raise_exception=True)


def season_with_feedback(request: HttpRequest) -> Season | None:
    """The season that the list is about: the newest of the account's that was released, else the newest."""
    seasons = seasons_visible_to(request.user).select_related("district")
    return seasons.filter(feedback_release__isnull=False).first() or seasons.first()


def filtered(request: HttpRequest, season: Season) -> tuple[FeedbackFilter, QuerySet[Feedback]]:
    rows = feedback_listed_for(request.user).filter(release__season=season)
    form = FeedbackFilter(
        request.GET or None,
        subdistricts=organisations_of(rows, "enrolment__post__organisation__parent"),
    )
    return form, matching_feedback(rows, **form.wanted)


@may_follow
def listed(request: HttpRequest) -> HttpResponse:
    """All of the season's to the office; to a mentor the mentees of now."""
    season = season_with_feedback(request)
    if season is None:
        return render(request, "awards/feedback_list.html", {"season": None})
    form, rows = filtered(request, season)
    office = request.user.has_perm("awards.release_feedback", season)
    readable = set(feedback_visible_to(request.user).values_list("pk", flat=True))
    page = Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "awards/feedback_list.html",
        {
            "season": season,
            "office": office,
            "release": release_of(season),
            "against": release_blockers(season) if office else [],
            "counts": counts_of(season) if office else None,
            "form": form,
            "page": page,
            "rows": [(entry, entry.pk in readable) for entry in page],
            "people": season.enrolments.count(),
        },
    )


@require_POST
def release(request: HttpRequest, slug: str) -> HttpResponse:
    season = get_object_or_404(seasons_visible_to(request.user), slug=slug)
    if not request.user.has_perm("awards.release_feedback", season):
        raise PermissionDenied
    try:
        done = release_feedback(season, by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(
            request,
            _("Every secretary now finds the own feedback: %(count)d pages.")
            % {"count": done.feedback.count()},
        )
    return redirect("awards:feedback_list")


@may_read
def mine(request: HttpRequest) -> HttpResponse:
    """A secretary's own feedback."""
    found = own_feedback(request.user)
    if found is None:
        raise Http404(_("There is no feedback for you yet. It comes once the list of the finest is public."))
    return redirect("awards:feedback", feedback_id=found.pk)


def fetch(request: HttpRequest, feedback_id: int) -> Feedback:
    return get_object_or_404(feedback_visible_to(request.user), pk=feedback_id)


@may_read
def page(request: HttpRequest, feedback_id: int) -> HttpResponse:
    return feedback_page(request, fetch(request, feedback_id))


def feedback_page(
    request: HttpRequest, entry: Feedback, form: AcknowledgementForm | None = None, status: int = 200
) -> HttpResponse:
    own = request.user.has_perm("awards.acknowledge_feedback", entry)
    if own and form is None:
        form = AcknowledgementForm(initial={"resolve": entry.resolve, "shared": entry.shared})
    follows = request.user.has_perm("awards.follow_feedback")
    return render(
        request,
        "awards/feedback.html",
        {
            "feedback": entry,
            "told": told(entry),
            "chart": profile_chart(entry),
            "own": own,
            "form": form if own else None,
            "comments": comments_shown_to(entry.enrolment),
            "pair": mentor_of_now(entry),
            "rule_book_fingerprint": entry.release.run.rule_book.sha256,
            "breadcrumb": [
                {"url": reverse("awards:feedback_list"), "label": _("Feedback")},
                {"label": entry.enrolment.person.name},
            ]
            if follows
            else None,
        },
        status=status,
    )


@may_read
@require_POST
def acknowledge(request: HttpRequest, feedback_id: int) -> HttpResponse:
    entry = fetch(request, feedback_id)
    if not request.user.has_perm("awards.acknowledge_feedback", entry):
        raise PermissionDenied
    form = AcknowledgementForm(request.POST)
    if not form.is_valid():
        return feedback_page(request, entry, form, status=422)
    try:
        acknowledge_feedback(entry, **form.cleaned_data, by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(request, _("Noted. Thank you for reading it."))
    return redirect("awards:feedback", feedback_id=entry.pk)


@may_read
def case(request: HttpRequest, feedback_id: int) -> HttpResponse:
    """The project that a feedback suggests: how it was done, without anybody's name or mark."""
    entry = fetch(request, feedback_id)
    if entry.case is None:
        raise Http404
    season = entry.case.enrolment.season
    return render(
        request,
        "awards/feedback_case.html",
        {
            "feedback": entry,
            "case": entry.case,
            "place": entry.case.enrolment,
            "category": category_names(season.rules).get(entry.case.category, entry.case.category),
            "breadcrumb": [
                {"url": reverse("awards:feedback", args=[entry.pk]), "label": _("Feedback")},
                {"label": entry.case.title},
            ],
        },
    )


def printed(entries: Sequence[Feedback], name: str) -> HttpResponse:
    if not entries:
        raise Http404
    release = entries[0].release
    papers = [paper_of(entry) for entry in entries]
    made = feedback_pdf(papers, season=str(release.season), words=words_of(release))
    return download(f"{name}.pdf", made, PDF)


@may_read
def file(request: HttpRequest, feedback_id: int) -> HttpResponse:
    entry = fetch(request, feedback_id)
    return printed([entry], f"{entry.release.season}-{_('Feedback')}-{entry.enrolment.person}")


@may_manage
def all_files(request: HttpRequest) -> HttpResponse:
    """The feedback of everybody whom the list shows, a page each, in one file."""
    season = get_object_or_404(seasons_visible_to(request.user).filter(feedback_release__isnull=False)[:1])
    _form, rows = filtered(request, season)
    return printed(list(rows), f"{season}-{_('Feedback')}")


@may_follow
def export(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, as a workbook: who has read it, and what they will do; no marks."""
    season = season_with_feedback(request)
    if season is None:
        raise Http404
    _form, rows = filtered(request, season)
    columns = [
        _("Number"),
        _("Subdistrict"),
        _("Neighbourhood"),
        _("Secretary"),
        _("Read"),
        _("What I will do"),
        _("Shared with the mentor"),
        *([_("Suggested mentor")] if is_office(request.user) else []),
    ]
    table = [
        [
            entry.enrolment.number,
            entry.enrolment.subdistrict.name,
            entry.enrolment.organisation.name,
            entry.enrolment.person.name,
            localtime(entry.read_at).date() if entry.read_at else None,
            entry.resolve,
            _("yes") if entry.shared else _("no"),
            *([str(entry.mentor or "")] if is_office(request.user) else []),
        ]
        for entry in rows
    ]
    return xlsx_response(f"{season.title}-{_('Feedback')}.xlsx", [Table(_("Feedback"), columns, table)])
