"""Who can coach and who wants to be coached, what they are good at and need, and where each need comes from."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import WORDS_LENGTH, Level, MenteeProfile, Mentor, Pair, ProfileImport
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.mentoring.vocabulary import estate_key, indicator_key, recognised, things
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import found_by_name, has_role, organisations_of, organisations_reached
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments
from dongliang.seasons.rulebook import RuleBookContent

# How far below the mean of all an indicator of the last review lies before it counts as a need, in marks.
SOME_BELOW, MUCH_BELOW = 0.15, 0.4
MOST_PLACES = 100


def mentors_visible_to(account: Account, season: Season) -> QuerySet[Mentor]:
    """The mentors whose profiles the account may read, with the number of mentees each has now as ``load``.

    The office reads its district's, a subdistrict office those who belong to it or coach there, a mentor the own
    profile, a secretary the present mentor's.
    """
    offices = organisations_reached(account, Role.OFFICE)
    streets = organisations_reached(account, Role.SUBDISTRICT_OFFICE)
    coaching = Pair.objects.filter(ends_on=None)
    wanted = Q(season__district__in=offices.values("pk")) | Q(home__in=streets.values("pk"))
    wanted |= Q(pk__in=coaching.filter(mentee__post__organisation__in=streets.values("pk")).values("mentor"))
    if account.person_id and has_role(account, Role.MENTOR):
        wanted |= Q(person=account.person_id)
    if account.person_id and has_role(account, Role.SECRETARY):
        wanted |= Q(pk__in=coaching.filter(mentee__person=account.person_id).values("mentor"))
    current = Count("pairs", filter=Q(pairs__ends_on=None), distinct=True)
    return (
        season.mentors.filter(wanted)
        .select_related("person", "home", "season")
        .annotate(load=current)
        .order_by("number")
    )


def matching_mentors(
    mentors: QuerySet[Mentor],
    *,
    search: str = "",
    subdistrict: Organisation | None = None,
    tier: str = "",
    places: str = "",
    largest: int,
) -> QuerySet[Mentor]:
    """The rows that a filter bar asks for; ``places`` is ``free`` or ``full``."""
    mentors = found_by_name(mentors, search, "person__name", also=("words",))
    if subdistrict:
        mentors = mentors.filter(home=subdistrict)
    if tier:
        mentors = mentors.filter(tier=tier)
    if places:
        full = Q(capacity=None, load__gte=largest) | Q(load__gte=F("capacity")) | Q(load__gte=largest)
        mentors = mentors.filter(full) if places == "full" else mentors.exclude(full)
    return mentors


def places_of(mentor: Mentor, rules: RuleBookContent) -> int:
    """How many mentees the mentor may have in all: the own figure, and never more than the rule book's."""
    largest = rules.mentoring.largest_load
    return largest if mentor.capacity is None else min(mentor.capacity, largest)


def mentees(season: Season) -> QuerySet[Enrolment]:
    """Who is to be coached: who is new after the election, who asks for it, and who is coached now."""
    coached = Pair.objects.filter(mentee=OuterRef("pk"), ends_on=None)
    return enrolments(season).filter(Q(is_new=True) | Q(mentee_profile__wants_mentor=True) | Exists(coached))


def mentees_visible_to(account: Account, season: Season) -> QuerySet[Enrolment]:
    visible = enrolments_visible_to(account, season)
    return (
        mentees(season)
        .filter(pk__in=visible.values("pk"))
        .select_related("mentee_profile", "first_thing")
        .annotate(coached=Exists(Pair.objects.filter(mentee=OuterRef("pk"), ends_on=None)))
    )


def matching_mentees(
    rows: QuerySet[Any],
    *,
    search: str = "",
    subdistrict: Organisation | None = None,
    category: str = "",
    state: str = "",
) -> QuerySet[Any]:
    """The rows that a filter bar asks for; ``state`` is ``coached`` or ``waiting``."""
    rows = found_by_name(rows, search, "person__name", also=("post__organisation__name",))
    if subdistrict:
        rows = rows.filter(post__organisation__parent=subdistrict)
    if category:
        rows = rows.filter(first_thing__category=category)
    if state:
        rows = rows.filter(coached=state == "coached")
    return rows


def subdistricts_of_mentees(rows: QuerySet[Enrolment]) -> QuerySet[Organisation]:
    return organisations_of(rows, "post__organisation__parent")


# Needs


@dataclass(frozen=True)
class Needs:
    """What a mentee needs, and how it is known: said by the person or an office, or worked out."""

    levels: Mapping[str, int]
    sources: Mapping[str, str]
    category: str = ""
    said: Mapping[str, int] = field(default_factory=dict)


def needs_of(enrolment: Enrolment, rules: RuleBookContent, below: Mapping[str, float] | None = None) -> Needs:
    """The needs of one mentee. What was said outright counts; otherwise own words, the last review and the estate do.

    ``below`` says how far the secretary lay below the mean of all in the last review, by indicator.
    """
    profile = profile_of(enrolment)
    levels: dict[str, int] = {}
    sources: dict[str, str] = {}

    def take(key: str, level: int, source: str) -> None:
        if level > levels.get(key, Level.NONE):
            levels[key], sources[key] = int(level), source

    if enrolment.organisation.estate_kind:
        take(estate_key(enrolment.organisation.estate_kind), Level.SOME, "estate")
    for indicator, difference in (below or {}).items():
        if difference >= SOME_BELOW:
            level = Level.MUCH if difference >= MUCH_BELOW else Level.SOME
            take(indicator_key(indicator), level, "review")
    for key in recognised(profile.words if profile else "", rules):
        take(key, Level.MUCH, "words")
    said = dict(profile.needs) if profile else {}
    for key, level in said.items():
        levels[key], sources[key] = level, "said"
    known = things(rules)
    kept = {key: level for key, level in levels.items() if level and key in known}
    return Needs(kept, {key: sources[key] for key in kept}, category_of(enrolment), said)


def profile_of(enrolment: Enrolment) -> MenteeProfile | None:
    return getattr(enrolment, "mentee_profile", None)


def category_of(enrolment: Enrolment) -> str:
    """The category of the first thing; projects know enrolments, and enrolments need not know projects."""
    thing = getattr(enrolment, "first_thing", None)
    return str(thing.category) if thing else ""


def source_words(source: str) -> str:
    return {
        "said": _("said by the person or an office"),
        "words": _("from the own words"),
        "review": _("from the last review"),
        "estate": _("the own estate"),
    }[source]


def last_review(season: Season) -> dict[int, dict[str, float]]:
    """How far each person lay below the mean of all, by indicator, in the district's last review that is public.

    Means by source are weighted as that review's rule book weighs the sources. Persons by their key.
    """
    earlier = (
        Season.objects.filter(
            district=season.district_id, pk__lt=season.pk, honour_lists__published_at__isnull=False
        )
        .order_by("-pk")
        .distinct()
        .first()
    )
    run = earlier.scoring_runs.select_related("rule_book").first() if earlier else None
    if earlier is None or run is None:
        return {}
    rules, inputs = run.rule_book.validated, json.loads(run.inputs)
    people = dict(earlier.enrolments.values_list("number", "person"))
    keys = [indicator.key for indicator in rules.indicators]
    total: dict[int, list[float]] = {}
    weight: dict[int, float] = {}
    for source in rules.sources:
        answers = (
            inputs["ballots"]
            if source.key == "public"
            else ((number, marks, 1) for number, _rater, marks in inputs[source.key])
        )
        for number, differences in below_mean(answers, len(keys)).items():
            sums = total.setdefault(number, [0.0] * len(keys))
            for place, difference in enumerate(differences):
                sums[place] += source.weight * difference
            weight[number] = weight.get(number, 0.0) + source.weight
    return {
        people[number]: {key: value / weight[number] for key, value in zip(keys, sums, strict=True)}
        for number, sums in total.items()
        if number in people and weight[number]
    }


def below_mean(answers: Iterable[tuple[int, str, int]], indicators: int) -> dict[int, list[float]]:
    """By secretary: how far the mean mark at each indicator lies below that of all answers. A mark of 0 is none."""
    sums: dict[int, list[float]] = {}
    counts: dict[int, list[int]] = {}
    for number, marks, times in answers:
        own, seen = sums.setdefault(number, [0.0] * indicators), counts.setdefault(number, [0] * indicators)
        for place in range(indicators):
            if mark := int(marks[place]):
                own[place] += mark * times
                seen[place] += times
    everybody = [
        sum(own[place] for own in sums.values()) / max(sum(seen[place] for seen in counts.values()), 1)
        for place in range(indicators)
    ]
    return {
        number: [
            everybody[place] - own[place] / counts[number][place] if counts[number][place] else 0.0
            for place in range(indicators)
        ]
        for number, own in sums.items()
    }


def profile_blockers(levels: Mapping[str, int], words: str, rules: RuleBookContent) -> list[Blocker]:
    """Every reason why these are no strengths or needs."""
    found = []
    known = things(rules)
    if unknown := sorted(set(levels) - set(known)):
        found.append(
            Blocker(
                "profile.thing",
                _("There is no '%(key)s' in this season.") % {"key": unknown[0]},
                _("Use one of: %(keys)s.") % {"keys": ", ".join(known)},
            )
        )
    if wrong := [key for key, level in levels.items() if level not in Level.values]:
        found.append(
            Blocker(
                "profile.level",
                _("%(thing)s has the level %(level)s.")
                % {"thing": known.get(wrong[0], wrong[0]), "level": levels[wrong[0]]},
                _("Use 0, 1 or 2."),
            )
        )
    if len(words) > WORDS_LENGTH:
        found.append(
            Blocker(
                "profile.words",
                _("The own words take %(seen)d characters.") % {"seen": len(words)},
                _("Write at most %(most)d.") % {"most": WORDS_LENGTH},
            )
        )
    return found


def mentor_blockers(capacity: int | None, years: int | None) -> list[Blocker]:
    found = []
    for value, most, words in (
        (capacity, MOST_PLACES, _("%(value)s places for mentees cannot be meant.")),
        (years, 60, _("%(value)s years in post cannot be meant.")),
    ):
        if value is not None and not 0 <= value <= most:
            found.append(
                Blocker(
                    "profile.number",
                    words % {"value": value},
                    _("Write a number from 0 to %(most)d.") % {"most": most},
                )
            )
    return found


def profile_imports_visible_to(account: Account) -> QuerySet[ProfileImport]:
    offices = organisations_reached(account, Role.OFFICE)
    return ProfileImport.objects.filter(season__district__in=offices.values("pk")).select_related(
        "season", "uploaded_by"
    )


def profile_import_blockers(profile_import: ProfileImport, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot confirm or discard this preview."""
    found = []
    if profile_import.state != ProfileImport.State.PREVIEWED:
        found.append(
            Blocker(
                "profiles.used",
                _("This preview is %(state)s.") % {"state": profile_import.get_state_display()},
                _("To import the file again, choose it again."),
            )
        )
    if profile_import.uploaded_by != by:
        found.append(
            Blocker(
                "profiles.not_yours",
                _("This preview belongs to %(name)s, who chose the file.")
                % {"name": profile_import.uploaded_by},
                _("Choose the file yourself to import it."),
            )
        )
    return found
