"""The studios of the subdistricts: who is in them, what they are asked, when they meet, what came of it."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from dongliang.common.sheets import Table, xlsx_response
from dongliang.mentoring.actions.studios import add_output, drop_output, keep_gathering, keep_studio
from dongliang.mentoring.forms.studios import (
    AskForm,
    GatheringFilter,
    GatheringForm,
    OutputForm,
    StudioFilter,
    StudioForm,
)
from dongliang.mentoring.models import Gathering, Output, Studio, StudyGroup
from dongliang.mentoring.queries.studios import (
    gatherings_of,
    matching_gatherings,
    matching_studios,
    names_of,
    outputs_of,
    people_of_studio,
    questions_of,
    studios_of,
)
from dongliang.mentoring.views.access import (
    ROWS_A_PAGE,
    done,
    newest_season,
    permit,
    season_or_404,
    takes_part,
)
from dongliang.people.models import Organisation, OrganisationKind, Person, Role
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to

SHOWN = 8


def tabs(current: str) -> list[dict[str, Any]]:
    pages = (
        ("studios", _("Studios")),
        ("questions", _("Question box")),
        ("calendar", _("Sessions")),
        ("groups", _("Groups")),
    )
    return [
        {"url": reverse(f"mentoring:{name}"), "label": label, "current": name == current}
        for name, label in pages
    ]


def way(*steps: tuple[str, Any]) -> list[dict[str, Any]]:
    return [
        {"url": reverse("mentoring:pairs"), "label": _("Pairs")},
        *({"url": url, "label": label} for url, label in steps),
    ]


def studios_found(request: HttpRequest, season: Season) -> tuple[StudioFilter, QuerySet[Any]]:
    form = StudioFilter(
        request.GET, subdistricts=Organisation.objects.filter(studios__season=season).distinct()
    )
    return form, matching_studios(studios_of(season), **form.wanted)


@takes_part
def studios(request: HttpRequest) -> HttpResponse:
    season = newest_season(request)
    if season is None:
        return render(request, "mentoring/studios.html", {"season": None})
    form, found = studios_found(request, season)
    context = {
        "season": season,
        "filter": form,
        "page": Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "may_found": request.user.has_perm("mentoring.found_studio", season),
        "tabs": tabs("studios"),
        "breadcrumb": way(("", _("Studios"))),
    }
    return render(request, "mentoring/studios.html", context)


@takes_part
def studios_export(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    _form, found = studios_found(request, season)
    columns = [
        pgettext("of a studio", "Name"), _("Subdistrict"), _("Leader"), _("Members"), pgettext("of a studio", "Place"),
        _("What it is good at"), _("Questions"), _("Open questions"), _("Cases"),
    ]  # fmt: skip
    rows = [
        [
            studio.name,
            studio.subdistrict.name,
            studio.leader.person.name,
            studio.people,
            studio.place,
            studio.good_at,
            studio.asked,
            studio.waiting,
            studio.cases,
        ]
        for studio in found
    ]
    return xlsx_response(f"{season.title}-{_('Studios')}.xlsx", [Table(_("Studios"), columns, rows)])


def seasons_of(request: HttpRequest) -> QuerySet[Season]:
    if not request.user.has_perm("mentoring.see_pairs"):
        return Season.objects.none()
    return seasons_visible_to(request.user)


def studio_or_404(request: HttpRequest, pk: int) -> Studio:
    rows = Studio.objects.select_related("season__district", "subdistrict", "leader__person")
    return get_object_or_404(rows, pk=pk, season__in=seasons_of(request))


@takes_part
def studio(request: HttpRequest, pk: int) -> HttpResponse:
    shown = studio_or_404(request, pk)
    sessions = shown.gatherings.all()
    user = request.user
    context = {
        "season": shown.season,
        "studio": shown,
        "members": shown.members.order_by("pk"),
        "coming": sessions.filter(starts_at__gte=now()).order_by("starts_at", "pk"),
        "held": sessions.filter(starts_at__lt=now())[:SHOWN],
        "questions": questions_of(shown.season).filter(studio=shown)[:SHOWN],
        "outputs": outputs_of(shown),
        "may_keep": user.has_perm("mentoring.keep_studio", shown),
        "may_hold": user.has_perm("mentoring.work_together", shown),
        "ask_form": AskForm() if user.has_perm("mentoring.ask_studio", shown) else None,
        "breadcrumb": way((reverse("mentoring:studios"), _("Studios")), ("", shown)),
    }
    return render(request, "mentoring/studio.html", context)


def subdistricts_to_choose(request: HttpRequest, season: Season) -> QuerySet[Organisation]:
    reached = organisations_reached(request.user, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    kinds = (OrganisationKind.SUBDISTRICT, OrganisationKind.TOWN)
    return season.district.children.filter(kind__in=kinds, pk__in=reached.values("pk")).order_by("code")


@takes_part
def new_studio(request: HttpRequest) -> HttpResponse:
    season = newest_season(request)
    permit(request, "mentoring.found_studio", season)
    if season is None:
        raise Http404
    return studio_page(request, season, None, subdistricts_to_choose(request, season))


@takes_part
def edit_studio(request: HttpRequest, pk: int) -> HttpResponse:
    shown = studio_or_404(request, pk)
    permit(request, "mentoring.keep_studio", shown)
    # The leader changes all but whose studio it is.
    choices = subdistricts_to_choose(request, shown.season) | Organisation.objects.filter(
        pk=shown.subdistrict_id
    )
    return studio_page(request, shown.season, shown, choices)


def studio_page(
    request: HttpRequest, season: Season, shown: Studio | None, subdistricts: QuerySet[Organisation]
) -> HttpResponse:
    names = ("name", "subdistrict", "leader", "place", "good_at")
    initial = {name: getattr(shown, name) for name in names} if shown else {}
    if shown:
        initial["members"] = names_of(shown.members.all(), season)
    form = StudioForm(request.POST or None, season=season, subdistricts=subdistricts, initial=initial)
    if form.is_valid() and (
        kept := done(
            request,
            _("The studio is kept."),
            lambda: keep_studio(shown, season=season, **form.cleaned_data, by=request.user),
        )
    ):
        return redirect("mentoring:studio", kept.pk)
    title = _("Change the studio") if shown else _("New studio")
    return form_page(request, form, title, season, (reverse("mentoring:studios"), _("Studios")))


def form_page(
    request: HttpRequest, form: Any, title: str, over: Any, *steps: tuple[str, Any], back: str = ""
) -> HttpResponse:
    context = {
        "form": form,
        "title": title,
        "over": over,
        "back": back or steps[-1][0],
        "breadcrumb": way(*steps, ("", title)),
    }
    return render(request, "mentoring/studio_form.html", context, status=422 if form.errors else 200)


# Sessions, of studios and of groups


def gatherings_found(request: HttpRequest, season: Season) -> tuple[GatheringFilter, QuerySet[Any]]:
    form = GatheringFilter(
        request.GET, subdistricts=Organisation.objects.filter(studios__season=season).distinct()
    )
    return form, matching_gatherings(gatherings_of(season), **form.wanted)


@takes_part
def calendar(request: HttpRequest) -> HttpResponse:
    season = newest_season(request)
    if season is None:
        return render(request, "mentoring/calendar.html", {"season": None})
    form, found = gatherings_found(request, season)
    context = {
        "season": season,
        "filter": form,
        "page": Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "now": now(),
        "tabs": tabs("calendar"),
        "breadcrumb": way(("", _("Sessions"))),
    }
    return render(request, "mentoring/calendar.html", context)


@takes_part
def calendar_export(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    _form, found = gatherings_found(request, season)
    columns = [
        pgettext("of a session", "Time"), _("Topic"), _("Studio or group"), pgettext("of a session", "Place"),
        _("Who came"), _("Notes"),
    ]  # fmt: skip
    rows = [
        [
            localtime(entry.starts_at).strftime("%Y-%m-%d %H:%M"),
            entry.topic,
            str(entry.studio or entry.group),
            entry.place,
            ", ".join(person.name for person in entry.came.all()),
            entry.notes,
        ]
        for entry in found.prefetch_related("came")
    ]
    return xlsx_response(f"{season.title}-{_('Sessions')}.xlsx", [Table(_("Sessions"), columns, rows)])


def gathering_or_404(request: HttpRequest, pk: int) -> Gathering:
    rows = Gathering.objects.select_related(
        "studio__season__district", "studio__leader", "studio__subdistrict", "group__season__district"
    )
    found = get_object_or_404(rows, pk=pk)
    owner = found.studio or found.group
    get_object_or_404(seasons_of(request), pk=owner.season_id if owner else 0)
    return found


@takes_part
def gathering(request: HttpRequest, pk: int) -> HttpResponse:
    """One session: who came and what was said; for whoever belongs to it, to be written down."""
    shown = gathering_or_404(request, pk)
    owner = owner_of(shown)
    if not request.user.has_perm("mentoring.hold_session", shown):
        context = {
            "gathering": shown,
            "owner": owner,
            "came": shown.came.order_by("pk"),
            "breadcrumb": way(step_to(owner), ("", shown)),
        }
        return render(request, "mentoring/gathering.html", context)
    return gathering_page(request, owner, shown)


def owner_of(row: Gathering | Output) -> Studio | StudyGroup:
    owner = row.studio or row.group
    if owner is None:
        raise Http404
    return owner


def step_to(owner: Studio | StudyGroup) -> tuple[str, Any]:
    name = "studio" if isinstance(owner, Studio) else "group"
    return reverse(f"mentoring:{name}", args=[owner.pk]), owner


def gathering_page(request: HttpRequest, owner: Studio | StudyGroup, shown: Gathering | None) -> HttpResponse:
    names = ("topic", "starts_at", "place", "notes")
    initial: dict[str, Any] = {"place": owner.place} if isinstance(owner, Studio) else {}
    if shown:
        initial = {name: getattr(shown, name) for name in names} | {"came": shown.came.all()}
    form = GatheringForm(request.POST or None, people=people_of(owner), initial=initial)
    if form.is_valid() and done(
        request,
        _("The session is kept."),
        lambda: keep_gathering(shown, of=owner, **form.cleaned_data, by=request.user),
    ):
        return redirect(step_to(owner)[0])
    return form_page(request, form, shown.topic if shown else _("New session"), owner, step_to(owner))


def people_of(owner: Studio | StudyGroup) -> QuerySet[Person]:
    if isinstance(owner, Studio):
        return people_of_studio(owner)
    found = owner.members.all() | Person.objects.filter(pk=owner.convener_id)
    return found.distinct().order_by("pk")


@takes_part
def new_studio_session(request: HttpRequest, pk: int) -> HttpResponse:
    owner = studio_or_404(request, pk)
    permit(request, "mentoring.work_together", owner)
    return gathering_page(request, owner, None)


# What came of it


@takes_part
def new_case(request: HttpRequest, pk: int) -> HttpResponse:
    owner = studio_or_404(request, pk)
    permit(request, "mentoring.work_together", owner)
    return output_page(request, owner, _("New case"))


def output_page(request: HttpRequest, owner: Studio | StudyGroup, title: str) -> HttpResponse:
    form = OutputForm(request.POST or None, request.FILES or None)
    if form.is_valid() and done(
        request, _("It is kept."), lambda: add_output(owner, **form.said, by=request.user)
    ):
        return redirect(step_to(owner)[0])
    return form_page(request, form, title, owner, step_to(owner))


def output_or_404(request: HttpRequest, pk: int) -> Output:
    rows = Output.objects.select_related("studio__leader", "studio__subdistrict", "group__season", "by")
    found = get_object_or_404(rows, pk=pk)
    get_object_or_404(seasons_of(request), pk=owner_of(found).season_id)
    return found


@takes_part
def output(request: HttpRequest, pk: int) -> HttpResponse:
    shown = output_or_404(request, pk)
    owner = owner_of(shown)
    context = {
        "output": shown,
        "owner": owner,
        "may_drop": request.user.has_perm("mentoring.keep_output", shown),
        "breadcrumb": way(step_to(owner), ("", shown)),
    }
    return render(request, "mentoring/output.html", context)


@takes_part
def output_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The file, to be saved: it is never shown as a page of ours."""
    shown = output_or_404(request, pk)
    if not shown.file_name:
        raise Http404
    answer = HttpResponse(bytes(shown.file.content), content_type="application/octet-stream")
    answer.headers["Content-Disposition"] = content_disposition_header(True, shown.file_name) or "attachment"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@require_POST
@takes_part
def remove_output(request: HttpRequest, pk: int) -> HttpResponse:
    shown = output_or_404(request, pk)
    permit(request, "mentoring.keep_output", shown)
    back = step_to(owner_of(shown))[0]
    done(request, _("It is deleted."), lambda: drop_output(shown, by=request.user))
    return redirect(back)
