"""What mentors are good at and mentees need: lists, one's own profile, and both as a workbook."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dongliang.common.refusals import Refused
from dongliang.common.sheets import XLSX, Table, download, xlsx_response
from dongliang.mentoring.actions.profiles import (
    confirm_profiles,
    discard_profiles,
    keep_mentee_profile,
    keep_mentor_profile,
    preview_profiles,
)
from dongliang.mentoring.forms.profiles import (
    MenteeFilter,
    MenteeForm,
    MentorFilter,
    MentorForm,
    ProfilesForm,
)
from dongliang.mentoring.models import Level, Mentor, ProfileImport
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.mentoring.queries.profiles import (
    Needs,
    last_review,
    matching_mentees,
    matching_mentors,
    mentees_visible_to,
    mentors_visible_to,
    needs_of,
    places_of,
    profile_import_blockers,
    profile_imports_visible_to,
    profile_of,
    source_words,
    subdistricts_of_mentees,
)
from dongliang.mentoring.sheets import plan_profiles, profiles_of
from dongliang.mentoring.views.access import (
    ROWS_A_PAGE,
    breadcrumb,
    newest_season,
    permit,
    season_or_404,
    season_to_pair,
    takes_part,
    tell,
)
from dongliang.mentoring.vocabulary import WORDS, things
from dongliang.people.queries import organisations_of
from dongliang.people.roster.reading import RosterRefused
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to

REFUSALS_SHOWN = 200


def strong_in(levels: dict[str, int], names: dict[str, str]) -> str:
    """What stands out in a profile, the strongest first."""
    found = sorted((key for key in levels if levels[key] and key in names), key=lambda key: -levels[key])
    return pgettext("between names", ", ").join(names[key] for key in found)


# Mentors


def mentors_found(request: HttpRequest, season: Season) -> tuple[MentorFilter, Any]:
    visible = mentors_visible_to(request.user, season)
    homes = organisations_of(visible, "home")
    form = MentorFilter(request.GET, subdistricts=homes)
    return form, matching_mentors(visible, **form.wanted, largest=season.rules.mentoring.largest_load)


@takes_part
def mentors(request: HttpRequest) -> HttpResponse:
    season = newest_season(request)
    if season is None:
        return render(request, "mentoring/mentors.html", {"season": None})
    form, found = mentors_found(request, season)
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    names = things(season.rules)
    context = {
        "season": season,
        "filter": form,
        "page": page,
        "rows": [
            (entry, places_of(entry, season.rules), strong_in(entry.strengths, names)) for entry in page
        ],
        "runs_pairing": request.user.has_perm("mentoring.run_pairing", season),
        "breadcrumb": breadcrumb(("", _("Mentors"))),
    }
    return render(request, "mentoring/mentors.html", context)


@takes_part
def mentors_export(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    _form, found = mentors_found(request, season)
    names = things(season.rules)
    columns = [
        _("Number"), _("Mentor"), pgettext("of a mentor", "Tier"), _("Subdistrict"), _("Years in post"),
        _("Mentees now"), pgettext("for mentees", "Places"), _("Strengths"), _("In own words"),
    ]  # fmt: skip
    rows = [
        [
            entry.number,
            entry.person.name,
            entry.get_tier_display(),
            entry.home.name if entry.home else "",
            entry.years,
            entry.load,
            places_of(entry, season.rules),
            strong_in(entry.strengths, names),
            entry.words,
        ]
        for entry in found
    ]
    return xlsx_response(f"{season.title}-{_('Mentors')}.xlsx", [Table(_("Mentors"), columns, rows)])


@takes_part
def mentor(request: HttpRequest, pk: int) -> HttpResponse:
    """A mentor's profile: to read, and to keep for oneself or as the office."""
    season = get_object_or_404(seasons_visible_to(request.user), mentors__pk=pk)
    shown: Mentor = get_object_or_404(mentors_visible_to(request.user, season), pk=pk)
    may_keep = request.user.has_perm("mentoring.keep_mentor_profile", shown)
    by_office = request.user.has_perm("mentoring.run_pairing", season)
    form = MentorForm(request.POST or None, mentor=shown, by_office=by_office, rules=season.rules)
    if request.method == "POST":
        permit(request, "mentoring.keep_mentor_profile", shown)
        if form.is_valid():
            said = form.cleaned_data
            try:
                keep_mentor_profile(
                    shown,
                    strengths=form.chosen,
                    words=said["words"],
                    capacity=said["capacity"],
                    years=said["years"],
                    tier=said.get("tier", shown.tier),
                    by=request.user,
                )
            except Refused as refused:
                tell(request, refused)
            else:
                messages.success(request, _("The profile is saved."))
                return redirect("mentoring:mentor", pk)
    names = things(season.rules)
    context = {
        "season": season,
        "mentor": shown,
        "places": places_of(shown, season.rules),
        "strengths": [
            (names[key], Level(level).label) for key, level in shown.strengths.items() if key in names
        ],
        "form": form if may_keep else None,
        "breadcrumb": breadcrumb((reverse("mentoring:mentors"), _("Mentors")), ("", shown)),
    }
    return render(request, "mentoring/mentor.html", context, status=422 if form.errors else 200)


# Mentees


def mentees_found(request: HttpRequest, season: Season) -> tuple[MenteeFilter, Any]:
    visible = mentees_visible_to(request.user, season)
    categories = {entry.key: str(entry.name) for entry in season.rules.categories}
    form = MenteeFilter(request.GET, subdistricts=subdistricts_of_mentees(visible), categories=categories)
    return form, matching_mentees(visible, **form.wanted)


def needs_listed(needs: Needs, names: dict[str, str]) -> str:
    return strong_in(dict(needs.levels), names)


@takes_part
def mentees(request: HttpRequest) -> HttpResponse:
    season = newest_season(request)
    if season is None:
        return render(request, "mentoring/mentees.html", {"season": None})
    form, found = mentees_found(request, season)
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    names, review = things(season.rules), last_review(season)
    rows = [
        (entry, needs_listed(needs_of(entry, season.rules, review.get(entry.person_id)), names))
        for entry in page
    ]
    context = {
        "season": season,
        "filter": form,
        "page": page,
        "rows": rows,
        "categories": {entry.key: str(entry.name) for entry in season.rules.categories},
        "runs_pairing": request.user.has_perm("mentoring.run_pairing", season),
        "breadcrumb": breadcrumb(("", _("Mentees"))),
    }
    return render(request, "mentoring/mentees.html", context)


@takes_part
def mentees_export(request: HttpRequest) -> HttpResponse:
    season = season_or_404(request)
    _form, found = mentees_found(request, season)
    names, review = things(season.rules), last_review(season)
    categories = {entry.key: str(entry.name) for entry in season.rules.categories}
    columns = [
        _("Number"), _("Mentee"), _("Neighbourhood"), _("Subdistrict"), _("Category"), _("Needs"),
        _("In own words"), _("Has a mentor"),
    ]  # fmt: skip
    rows = []
    for entry in found:
        needs, profile = needs_of(entry, season.rules, review.get(entry.person_id)), profile_of(entry)
        rows.append(
            [
                entry.number,
                entry.person.name,
                entry.organisation.name,
                entry.subdistrict.name,
                categories.get(needs.category, ""),
                needs_listed(needs, names),
                profile.words if profile else "",
                _("yes") if entry.coached else _("no"),
            ]
        )
    return xlsx_response(f"{season.title}-{_('Mentees')}.xlsx", [Table(_("Mentees"), columns, rows)])


@takes_part
def mentee(request: HttpRequest, pk: int) -> HttpResponse:
    """What a secretary needs: for the secretary and the offices to say, for the mentor to read."""
    season = get_object_or_404(seasons_visible_to(request.user), enrolments__pk=pk)
    enrolment = get_object_or_404(
        enrolments_visible_to(request.user, season).select_related("mentee_profile", "first_thing"), pk=pk
    )
    may_keep = request.user.has_perm("mentoring.keep_mentee_profile", enrolment)
    in_office = may_keep and request.user.person_id != enrolment.person_id
    profile = profile_of(enrolment)
    needs = needs_of(enrolment, season.rules, last_review(season).get(enrolment.person_id))
    form = MenteeForm(
        request.POST or None,
        needs=needs,
        mentors=season.mentors.select_related("person") if in_office else None,
        rules=season.rules,
        initial={
            "words": profile.words if profile else "",
            "wants_mentor": profile.wants_mentor if profile else False,
            "avoid": profile.avoid.all() if profile and in_office else [],
        },
    )
    if request.method == "POST":
        permit(request, "mentoring.keep_mentee_profile", enrolment)
        if form.is_valid():
            said = form.cleaned_data
            try:
                keep_mentee_profile(
                    enrolment,
                    needs=form.chosen,
                    words=said["words"],
                    wants_mentor=said["wants_mentor"],
                    avoid=said.get("avoid"),
                    by=request.user,
                )
            except Refused as refused:
                tell(request, refused)
            else:
                messages.success(request, _("The needs are saved."))
                return redirect("mentoring:mentee", pk)
    names = things(season.rules)
    context = {
        "season": season,
        "enrolment": enrolment,
        "profile": profile,
        "category": {entry.key: entry.name for entry in season.rules.categories}.get(needs.category),
        "needs": [
            (names[key], Level(level).label, source_words(needs.sources[key]))
            for key, level in needs.levels.items()
        ],
        "pair": enrolment.pairs.filter(ends_on=None).select_related("mentor__person").first(),
        "form": form if may_keep else None,
        "breadcrumb": breadcrumb((reverse("mentoring:mentees"), _("Mentees")), ("", enrolment.person)),
    }
    return render(request, "mentoring/mentee.html", context, status=422 if form.errors else 200)


# The workbook


def profiles(request: HttpRequest) -> HttpResponse:
    """Profiles as a workbook: take it along, change it, choose it again."""
    season = season_to_pair(request)
    form = ProfilesForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            preview = preview_profiles(season, file.name, file.read(), by=request.user)
        except RosterRefused as refused:
            context = {
                "season": season,
                "form": form,
                "file_name": file.name,
                "refusals": refused.refusals[:REFUSALS_SHOWN],
                "count": len(refused.refusals),
                "breadcrumb": breadcrumb(("", _("Profiles as a workbook"))),
            }
            return render(request, "mentoring/profiles_refused.html", context, status=422)
        except Refused as refused:
            for blocker in refused.blockers:
                form.add_error("file", str(blocker))
        else:
            return redirect("mentoring:profile_import", preview.pk)
    names = things(season.rules)
    context = {
        "season": season,
        "form": form,
        "imports": profile_imports_visible_to(request.user).filter(season=season)[:10],
        "vocabulary": [(names[key], words) for key, words in WORDS.items() if key in names],
        "breadcrumb": breadcrumb(("", _("Profiles as a workbook"))),
    }
    return render(request, "mentoring/profiles.html", context, status=422 if form.errors else 200)


def profiles_file(request: HttpRequest) -> HttpResponse:
    season = season_to_pair(request)
    return download(f"{season.district.name}带教档案-{localdate()}.xlsx", profiles_of(season), XLSX)


@never_cache
def profile_import(request: HttpRequest, pk: int) -> HttpResponse:
    season_to_pair(request)
    shown = get_object_or_404(profile_imports_visible_to(request.user), pk=pk)
    previewed = shown.state == ProfileImport.State.PREVIEWED
    plan = plan_profiles(shown.season, shown.rows) if previewed else None
    rows = [row for row in plan.rows if row.differences] if plan else []
    context = {
        "shown": shown,
        "plan": plan,
        "counts": plan.counts if plan else shown.counts,
        "refusals": plan.refusals[:REFUSALS_SHOWN] if plan else [],
        "against": profile_import_blockers(shown, request.user) if previewed else [],
        "page": Paginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page")),
        "breadcrumb": breadcrumb(
            (reverse("mentoring:profiles"), _("Profiles as a workbook")), ("", shown.file_name)
        ),
    }
    return render(request, "mentoring/profile_import.html", context)


@require_POST
def decide_import(request: HttpRequest, pk: int, decision: str) -> HttpResponse:
    season_to_pair(request)
    subject = get_object_or_404(profile_imports_visible_to(request.user), pk=pk)
    try:
        if decision == "confirm":
            confirm_profiles(subject, by=request.user, shown=request.POST.get("shown"))
            messages.success(request, _("The profiles have been imported."))
        else:
            discard_profiles(subject, by=request.user)
            messages.success(request, _("The preview has been discarded; nothing was imported."))
    except Refused as refused:
        if not isinstance(refused, RosterRefused):
            tell(request, refused)
    return redirect("mentoring:profile_import", pk)
