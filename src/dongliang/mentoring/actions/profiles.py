"""Keeping what mentors are good at and mentees need; importing both from a workbook."""

import hashlib
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.utils.translation import gettext as _

from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.mentoring.models import MenteeProfile, Mentor, ProfileImport, Tier
from dongliang.mentoring.queries.profiles import (
    mentor_blockers,
    profile_blockers,
    profile_import_blockers,
)
from dongliang.mentoring.sheets import plan_profiles, read_profiles
from dongliang.people.models import Account
from dongliang.people.roster.reading import RosterRefused
from dongliang.seasons.models import Enrolment, Season


@transaction.atomic
def keep_mentor_profile(
    mentor: Mentor,
    *,
    strengths: Mapping[str, int],
    words: str,
    capacity: int | None,
    years: int | None,
    tier: str,
    by: Account | None,
) -> Mentor:
    """Put down what a mentor is good at and how many mentees there is room for. Raises Refused."""
    mentor = Mentor.objects.select_for_update().select_related("season", "person").get(pk=mentor.pk)
    rules = mentor.season.rules
    if blockers := profile_blockers(strengths, words, rules) + mentor_blockers(capacity, years):
        raise Refused(blockers)
    mentor.strengths = {key: level for key, level in sorted(strengths.items()) if level}
    mentor.words, mentor.capacity, mentor.years, mentor.tier = words, capacity, years, Tier(tier)
    mentor.save(update_fields=["strengths", "words", "capacity", "years", "tier"])
    log_action("mentoring.mentor.profile_kept", mentor, by=by, strengths=mentor.strengths, capacity=capacity)
    return mentor


@transaction.atomic
def keep_mentee_profile(
    enrolment: Enrolment,
    *,
    needs: Mapping[str, int],
    words: str,
    wants_mentor: bool,
    by: Account | None,
    avoid: Iterable[Mentor] | None = None,
) -> MenteeProfile:
    """Put down what a mentee needs; ``avoid`` stays as it was when left out. Raises Refused."""
    # Two who write a first profile come one after the other.
    Enrolment.objects.select_for_update().get(pk=enrolment.pk)
    if blockers := profile_blockers(needs, words, enrolment.season.rules):
        raise Refused(blockers)
    # A need of none is kept where it was said: it takes back what would be worked out.
    profile, _created = MenteeProfile.objects.update_or_create(
        enrolment=enrolment,
        defaults={"needs": dict(sorted(needs.items())), "words": words, "wants_mentor": wants_mentor},
    )
    if avoid is not None:
        profile.avoid.set(avoid)
    log_action("mentoring.mentee.profile_kept", profile, by=by, needs=profile.needs)
    return profile


# Importing


@transaction.atomic
def preview_profiles(season: Season, file_name: str, data: bytes, *, by: Account | None) -> ProfileImport:
    """Keep a file's rows until they are confirmed. Raises Refused, keeping nothing, if anything in it is wrong."""
    taken = read_profiles(season.rules, file_name, data)
    plan = plan_profiles(season, taken)
    if plan.refusals:
        raise RosterRefused(plan.refusals)
    for earlier in season.profile_imports.filter(uploaded_by=by, state=ProfileImport.State.PREVIEWED):
        discard_profiles(earlier, by=by)
    return season.profile_imports.create(
        file_name=file_name[-200:],
        file_sha256=hashlib.sha256(data).hexdigest(),
        rows=taken,
        counts=plan.counts,
        outcome_sha256=plan.sha256,
        uploaded_by=by,
    )


@transaction.atomic
def confirm_profiles(
    profile_import: ProfileImport, *, by: Account | None, shown: str | None = None
) -> ProfileImport:
    """Do what the preview showed, all of it or nothing. Raises Refused."""
    profile_import = held_import(profile_import, by)
    plan = plan_profiles(profile_import.season, profile_import.rows)
    if plan.refusals:
        raise RosterRefused(plan.refusals)
    if plan.sha256 != (shown or profile_import.outcome_sha256):
        raise Refused(
            Blocker(
                "profiles.moved_on",
                _(
                    "The profiles have changed since this preview was shown, so the file would now do something else."
                ),
                _("Look at the new preview, then confirm."),
            )
        )
    for mentor, kept in plan.mentors:
        keep_mentor_profile(mentor, **kept, by=by)
    for entry, kept in plan.mentees:
        keep_mentee_profile(entry, **kept, by=by)
    return finish(profile_import, ProfileImport.State.CONFIRMED, plan.counts, by=by)


@transaction.atomic
def discard_profiles(profile_import: ProfileImport, *, by: Account | None) -> ProfileImport:
    """Forget the file's rows."""
    profile_import = held_import(profile_import, by)
    return finish(profile_import, ProfileImport.State.DISCARDED, profile_import.counts, by=by)


def held_import(profile_import: ProfileImport, by: Account | None) -> ProfileImport:
    Season.objects.select_for_update().get(pk=profile_import.season_id)
    profile_import = ProfileImport.objects.select_related("season", "uploaded_by").get(pk=profile_import.pk)
    if blockers := profile_import_blockers(profile_import, by):
        raise Refused(blockers)
    return profile_import


def finish(
    profile_import: ProfileImport,
    state: ProfileImport.State,
    counts: dict[str, int],
    *,
    by: Account | None,
) -> ProfileImport:
    profile_import.state, profile_import.counts, profile_import.rows = state, counts, {}
    profile_import.save(update_fields=["state", "counts", "rows"])
    log_action(
        f"mentoring.profiles.{state}", profile_import, by=by, file=profile_import.file_sha256, counts=counts
    )
    return profile_import
