"""The box of questions, and the groups that work on one topic across subdistricts."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.sheets import Table, xlsx_response
from dongliang.mentoring.actions.studios import answer, ask, keep_group, mark_draft_case, take_back
from dongliang.mentoring.forms.studios import AnswerForm, AskForm, GroupFilter, GroupForm, QuestionFilter
from dongliang.mentoring.models import BoxAnswer, BoxQuestion, StudyGroup
from dongliang.mentoring.queries.studios import (
    answered_blockers,
    asker_shown,
    groups_of,
    matching_groups,
    matching_questions,
    names_of,
    outputs_of,
    questions_of,
)
from dongliang.mentoring.views.access import (
    ROWS_A_PAGE,
    done,
    newest_season,
    permit,
    season_or_404,
    takes_part,
)
from dongliang.mentoring.views.studios import (
    form_page,
    gathering_page,
    output_page,
    seasons_of,
    step_to,
    studio_or_404,
    tabs,
    way,
)
from dongliang.seasons.models import Season

SHOWN = 8


def questions_found(request: HttpRequest, season: Season) -> tuple[QuestionFilter, QuerySet[Any]]:
    form = QuestionFilter(request.GET, studios=season.studios.order_by("name"))
    return form, matching_questions(questions_of(season), account=request.user, **form.wanted)


@takes_part
def questions(request: HttpRequest) -> HttpResponse:
    season = newest_season(request)
    if season is None:
        return render(request, "mentoring/questions.html", {"season": None})
    form, found = questions_found(request, season)
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    for row in page:
        row.asker = asker_shown(row, request.user)
    context = {
        "season": season,
        "filter": form,
        "page": page,
        "tabs": tabs("questions"),
        "breadcrumb": way(("", _("Question box"))),
    }
    return render(request, "mentoring/questions.html", context)


@takes_part
def questions_export(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    _form, found = questions_found(request, season)
    columns = [
        _("Asked at"), _("Studio"), _("Question"), _("What it is about"), _("Asked by"), _("Answers"),
        _("Draft of a case"), _("The answers"),
    ]  # fmt: skip
    rows = [
        [
            localtime(row.asked_at).strftime("%Y-%m-%d"),
            row.studio.name,
            row.title,
            row.text,
            asker_shown(row, request.user),
            row.answered,
            _("yes") if row.is_draft else "",
            "\n\n".join(given.text for given in row.answers.all()),
        ]
        for row in found.prefetch_related("answers")
    ]
    return xlsx_response(
        f"{season.title}-{_('Question box')}.xlsx", [Table(_("Question box"), columns, rows)]
    )


@require_POST
@takes_part
def put_question(request: HttpRequest, pk: int) -> HttpResponse:
    studio = studio_or_404(request, pk)
    permit(request, "mentoring.ask_studio", studio)
    form = AskForm(request.POST)
    if form.is_valid():
        asked = done(
            request,
            _("The question is in the box."),
            lambda: ask(studio, **form.cleaned_data, by=request.user),
        )
        return redirect("mentoring:question", asked.pk)
    return form_page(request, form, _("Ask the studio"), studio, step_to(studio))


def question_or_404(request: HttpRequest, pk: int) -> BoxQuestion:
    rows = BoxQuestion.objects.select_related(
        "studio__season__district", "studio__subdistrict", "studio__leader", "asked_by"
    )
    return get_object_or_404(rows, pk=pk, studio__season__in=seasons_of(request))


@takes_part
def question(request: HttpRequest, pk: int) -> HttpResponse:
    """A question with its answers; a member of the studio answers here."""
    shown = question_or_404(request, pk)
    form = None
    if request.method == "POST" or request.user.has_perm("mentoring.answer_in_studio", shown.studio):
        permit(request, "mentoring.answer_in_studio", shown.studio)
        form = AnswerForm(request.POST or None)
        if form.is_valid() and done(
            request,
            _("The answer is given."),
            lambda: answer(shown, text=form.cleaned_data["text"], by=request.user),
        ):
            return redirect("mentoring:question", pk)
    context = {
        "question": shown,
        "asker": asker_shown(shown, request.user),
        "answers": shown.answers.select_related("by"),
        "form": form,
        "may_mark": request.user.has_perm("mentoring.mark_case", shown.studio),
        "may_take_back": request.user.has_perm("mentoring.take_back_question", shown)
        and not answered_blockers(shown),
        "breadcrumb": way(
            (reverse("mentoring:questions"), _("Question box")), step_to(shown.studio), ("", shown)
        ),
    }
    return render(request, "mentoring/question.html", context, status=422 if form and form.errors else 200)


@require_POST
@takes_part
def drop_question(request: HttpRequest, pk: int) -> HttpResponse:
    shown = question_or_404(request, pk)
    permit(request, "mentoring.take_back_question", shown)
    studio = shown.studio_id
    done(request, _("The question is taken back."), lambda: take_back(shown, by=request.user))
    return redirect("mentoring:studio", studio)


@require_POST
@takes_part
def mark_case(request: HttpRequest, pk: int) -> HttpResponse:
    given = get_object_or_404(BoxAnswer, pk=pk)
    shown = question_or_404(request, given.question_id)
    permit(request, "mentoring.mark_case", shown.studio)
    is_draft = request.POST.get("is_draft") == "yes"
    done(request, _("The mark is set."), lambda: mark_draft_case(given, is_draft=is_draft, by=request.user))
    return redirect("mentoring:question", shown.pk)


# Groups


def groups_found(request: HttpRequest, season: Season) -> tuple[GroupFilter, QuerySet[Any]]:
    form = GroupFilter(request.GET)
    return form, matching_groups(groups_of(season), account=request.user, **form.wanted)


@takes_part
def groups(request: HttpRequest) -> HttpResponse:
    season = newest_season(request)
    if season is None:
        return render(request, "mentoring/groups.html", {"season": None})
    form, found = groups_found(request, season)
    context = {
        "season": season,
        "filter": form,
        "page": Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "may_form": request.user.has_perm("mentoring.form_group", season),
        "tabs": tabs("groups"),
        "breadcrumb": way(("", _("Groups"))),
    }
    return render(request, "mentoring/groups.html", context)


@takes_part
def groups_export(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    _form, found = groups_found(request, season)
    columns = [
        _("Topic"), _("What is to come of it"), _("Convener"), _("Number of members"), _("Members"), _("Sessions"),
        pgettext("of a group", "Outputs"),
    ]  # fmt: skip
    rows = [
        [
            group.topic,
            group.aim,
            group.convener.name,
            group.people,
            ", ".join(person.name for person in group.members.all()),
            group.held,
            group.papers,
        ]
        for group in found.prefetch_related("members")
    ]
    return xlsx_response(f"{season.title}-{_('Groups')}.xlsx", [Table(_("Groups"), columns, rows)])


def group_or_404(request: HttpRequest, pk: int) -> StudyGroup:
    rows = StudyGroup.objects.select_related("season__district", "convener")
    return get_object_or_404(rows, pk=pk, season__in=seasons_of(request))


@takes_part
def group(request: HttpRequest, pk: int) -> HttpResponse:
    shown = group_or_404(request, pk)
    sessions = shown.gatherings.all()
    context = {
        "season": shown.season,
        "group": shown,
        "members": shown.members.order_by("pk"),
        "coming": sessions.filter(starts_at__gte=now()).order_by("starts_at", "pk"),
        "held": sessions.filter(starts_at__lt=now()),
        "outputs": outputs_of(shown),
        "may_keep": request.user.has_perm("mentoring.keep_group", shown),
        "may_hold": request.user.has_perm("mentoring.work_together", shown),
        "breadcrumb": way((reverse("mentoring:groups"), _("Groups")), ("", shown)),
    }
    return render(request, "mentoring/group.html", context)


@takes_part
def new_group(request: HttpRequest) -> HttpResponse:
    season = newest_season(request)
    permit(request, "mentoring.form_group", season)
    return group_page(request, season_or_404(request), None)


@takes_part
def edit_group(request: HttpRequest, pk: int) -> HttpResponse:
    shown = group_or_404(request, pk)
    permit(request, "mentoring.keep_group", shown)
    return group_page(request, shown.season, shown)


def group_page(request: HttpRequest, season: Season, shown: StudyGroup | None) -> HttpResponse:
    initial = {name: getattr(shown, name) for name in ("topic", "aim", "convener")} if shown else {}
    if shown:
        initial["members"] = names_of(shown.members.all(), season)
    form = GroupForm(request.POST or None, season=season, initial=initial)
    if form.is_valid() and (
        kept := done(
            request,
            _("The group is kept."),
            lambda: keep_group(shown, season=season, **form.cleaned_data, by=request.user),
        )
    ):
        return redirect("mentoring:group", kept.pk)
    title = _("Change the group") if shown else _("New group")
    return form_page(request, form, title, season, (reverse("mentoring:groups"), _("Groups")))


@takes_part
def new_group_session(request: HttpRequest, pk: int) -> HttpResponse:
    owner = group_or_404(request, pk)
    permit(request, "mentoring.work_together", owner)
    return gathering_page(request, owner, None)


@takes_part
def new_output(request: HttpRequest, pk: int) -> HttpResponse:
    owner = group_or_404(request, pk)
    permit(request, "mentoring.work_together", owner)
    return output_page(request, owner, _("New output"))
