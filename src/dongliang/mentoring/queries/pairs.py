"""Who coaches whom now and before, which pairs have gone silent, and what stands against ending one."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.db.models import DateField, F, Max, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from dongliang.common.counts import count_of_each, of_each
from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Mentor, Pair, Side, Signature, Visit
from dongliang.mentoring.queries.profiles import places_of
from dongliang.mentoring.queries.proposals import barred_blocker, barred_pairs, capacity_blocker, loads_beside
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import (
    found_by_name,
    grants_of,
    has_role,
    organisations_of,
    organisations_reached,
)
from dongliang.seasons.models import Season

SIGNERS = len(Side)
CURRENT, ENDED, SILENT, UNSIGNED, STEPS_LATE = "current", "ended", "silent", "unsigned", "late"


def pairs_visible_to(account: Account, season: Season) -> QuerySet[Pair]:
    """The pairs whose agreement and visits the account may read.

    The office reads its district's, a subdistrict office those of its own secretaries, mentor and mentee their own.
    """
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    wanted = Q(mentee__post__organisation__in=offices.values("pk"))
    if account.person_id and has_role(account, Role.MENTOR):
        wanted |= Q(mentor__person=account.person_id)
    if account.person_id and has_role(account, Role.SECRETARY):
        wanted |= Q(mentee__person=account.person_id)
    return pairs_of(season).filter(wanted)


def own_pairs(account: Account) -> QuerySet[Pair]:
    """The pairs of now in which the account is one of the two, in any season that still runs."""
    wanted = Q(pk__in=[])
    if account.person_id and has_role(account, Role.MENTOR):
        wanted |= Q(mentor__person=account.person_id)
    if account.person_id and has_role(account, Role.SECRETARY):
        wanted |= Q(mentee__person=account.person_id)
    return (
        Pair.objects.filter(wanted, ends_on=None)
        .select_related(
            "mentor__person", "mentee__person", "mentee__season", "mentee__post__organisation__parent"
        )
        .order_by("mentee__number", "pk")
    )


def pairs_of(season: Season) -> QuerySet[Pair]:
    return Pair.objects.filter(mentee__season=season).select_related(
        "mentor__person",
        "mentor__home",
        "mentee__person",
        "mentee__season__district",
        "mentee__post__organisation__parent",
        "agreement",
    )


def with_visits(pairs: QuerySet[Pair], today: datetime.date | None = None) -> QuerySet[Any]:
    """Pairs with their ``visits_made``, ``last_met``, ``heard_of`` (the last sign of life), ``steps_late``, ``signed``."""
    today = today or localdate()
    visits = Visit.objects.all()
    last_met = of_each(visits, "pair", Max("met_on"))
    return pairs.annotate(
        visits_made=count_of_each(visits, "pair"),
        last_met=last_met,
        heard_of=Coalesce(last_met, F("starts_on"), output_field=DateField()),
        steps_late=count_of_each(visits.filter(step_state=Visit.StepState.OPEN, due_on__lt=today), "pair"),
        signed=count_of_each(Signature.objects.filter(voided_at=None), "agreement__pair"),
    ).order_by("mentee__number", "-starts_on", "-pk")


def silent_before(season: Season, today: datetime.date | None = None) -> datetime.date:
    """A pair that has not met since before this day is silent."""
    return (today or localdate()) - datetime.timedelta(days=season.rules.mentoring.silent_after_days)


def silent_pairs(pairs: QuerySet[Pair], season: Season, today: datetime.date | None = None) -> QuerySet[Any]:
    """Of these pairs the current ones without a visit for longer than the rule book allows, the longest silent first."""
    return (
        with_visits(pairs.filter(ends_on=None), today)
        .filter(heard_of__lt=silent_before(season, today))
        .order_by("heard_of", "mentee__number")
    )


def matching_pairs(
    pairs: QuerySet[Any],
    *,
    season: Season,
    search: str = "",
    subdistrict: Organisation | None = None,
    state: str = "",
) -> QuerySet[Any]:
    """The rows that a filter bar asks for, of ``with_visits``; current ones unless it says otherwise."""
    pairs = found_by_name(
        pairs,
        search,
        "mentee__person__name",
        "mentor__person__name",
        also=("mentee__post__organisation__name",),
    )
    if subdistrict:
        pairs = pairs.filter(mentee__post__organisation__parent=subdistrict)
    if state == ENDED:
        return pairs.exclude(ends_on=None)
    pairs = pairs.filter(ends_on=None)
    if state == SILENT:
        pairs = pairs.filter(heard_of__lt=silent_before(season))
    if state == UNSIGNED:
        pairs = pairs.filter(signed__lt=SIGNERS)
    if state == STEPS_LATE:
        pairs = pairs.filter(steps_late__gt=0)
    return pairs


def subdistricts_of_pairs(pairs: QuerySet[Pair]) -> QuerySet[Organisation]:
    return organisations_of(pairs, "mentee__post__organisation__parent")


def side_of(account: Account, pair: Pair) -> Side | None:
    """For which side the account signs and speaks: mentor, mentee, or the subdistrict office of the mentee."""
    person = account.person_id
    if person and person == pair.mentor.person_id and has_role(account, Role.MENTOR):
        return Side.MENTOR
    if person and person == pair.mentee.person_id and has_role(account, Role.SECRETARY):
        return Side.MENTEE
    # The office of this very subdistrict: the district's reaches it, and does not sign for it.
    held = (grant.organisation_id for grant in grants_of(account) if grant.role == Role.SUBDISTRICT_OFFICE)
    return Side.SUBDISTRICT if pair.mentee.subdistrict.pk in held else None


def ended_blockers(pair: Pair) -> list[Blocker]:
    if pair.ends_on is None:
        return []
    return [
        Blocker(
            "pair.ended",
            _("%(mentor)s has not been %(mentee)s's mentor since %(day)s.")
            % {"mentor": pair.mentor, "mentee": pair.mentee.person, "day": pair.ends_on},
            _("What belongs to the pair can be read, not changed."),
        )
    ]


def ending_blockers(pair: Pair, reason: str, note: str, successor: Mentor | None) -> list[Blocker]:
    """Every reason why the pair cannot end like this."""
    found = ended_blockers(pair)
    if reason not in Pair.EndReason.values:
        found.append(Blocker("pair.reason", _("The reason is missing."), _("Say why the pair ends.")))
    if reason == Pair.EndReason.OTHER and not note.strip():
        found.append(
            Blocker(
                "pair.note",
                _("Another reason is not said."),
                _("Write it down in a few words, or choose one of the others."),
            )
        )
    if successor is not None:
        season = pair.mentee.season
        barred = barred_pairs(season, [pair.mentee], [successor])
        if code := barred.reasons.get((pair.mentee_id, successor.pk)):
            found.append(barred_blocker(code, pair.mentee, successor))
        if successor.pk == pair.mentor_id:
            found.append(
                Blocker(
                    "pair.same",
                    _("%(mentor)s is the mentor already.") % {"mentor": successor},
                    _("Choose another mentor."),
                )
            )
        load = loads_beside(season, [pair.mentee_id])[successor.pk] + 1
        if load > (places := places_of(successor, season.rules)):
            found.append(capacity_blocker(successor, load, places))
    return found


@dataclass(frozen=True)
class Silence:
    """How many of the pairs that a reader may see have gone silent, and after how many days that is."""

    count: int
    days: int
    first: list[Pair]


def silence_seen_by(account: Account, season: Season) -> Silence:
    found = silent_pairs(pairs_visible_to(account, season), season)
    return Silence(found.count(), season.rules.mentoring.silent_after_days, list(found[:3]))


def valid_signatures(pair: Pair) -> dict[str, Signature]:
    """The signatures that hold, by side."""
    agreement = getattr(pair, "agreement", None)
    if agreement is None:
        return {}
    return {entry.side: entry for entry in agreement.signatures.filter(voided_at=None)}
