"""Feedback to every secretary: written and released by the office, acknowledged by whom it is for."""

import json
import math
from collections import Counter, defaultdict
from dataclasses import asdict
from typing import Any

import numpy as np
from django.db import transaction
from django.utils.timezone import now

from dongliang.awards.calculation import Profile, profiles
from dongliang.awards.models import Feedback, FeedbackRelease
from dongliang.awards.queries.feedback import (
    acknowledging_blockers,
    cases_of,
    current_pairs,
    release_blockers,
)
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.engine.data import Mentees, Mentors, Pairing
from dongliang.engine.pairing import pair
from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.scoring.models import ScoringRun
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments

# What a suggested mentor is chosen by, in points: being strong where the next step lies comes before all.
WEIGHTS = {"need": 50.0, "category": 20.0, "continuity": 20.0, "nearness": 10.0}
# A mentor whose mentees landed so many projects of a category knows it.
LANDED_TO_KNOW = 2
# So many mentees' profiles weigh as much as knowing nothing.
MENTEES_TO_TRUST = 2
# A case is shown to so many at most before others have their turn.
MOST_A_CASE = 12


@transaction.atomic
def release_feedback(season: Season, *, by: Account | None) -> FeedbackRelease:
    """Write everyone's feedback from the run behind the public list, and open it to them. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := release_blockers(season):
        raise Refused(blockers)
    run = season.honour_lists.get(kind="best_secretaries").run
    release = FeedbackRelease.objects.create(season=season, run=run, released_at=now(), released_by=by)
    everyone = list(enrolments(season).select_related("first_thing"))
    found = {profile.number: profile for profile in profiles_of(run)}
    mentors = suggested_mentors(season, everyone, found)
    cases = suggested_cases(season, everyone, found)
    Feedback.objects.bulk_create(
        Feedback(
            release=release,
            enrolment=entry,
            content=content_of(found[entry.number], mentors.get(entry.pk)),
            mentor=mentors[entry.pk][0] if entry.pk in mentors else None,
            case=cases.get(entry.pk),
        )
        for entry in everyone
    )
    log_action(
        "awards.feedback.released",
        release,
        by=by,
        run=run.number,
        result=run.result_sha256,
        count=len(everyone),
    )
    return release


@transaction.atomic
def acknowledge_feedback(feedback: Feedback, *, resolve: str, shared: bool, by: Account | None) -> Feedback:
    """The secretary has read it, says in a sentence what comes next, and whether the mentor may read it. Raises Refused."""
    feedback = Feedback.objects.select_for_update().get(pk=feedback.pk)
    if blockers := acknowledging_blockers(resolve):
        raise Refused(blockers)
    feedback.read_at = feedback.read_at or now()
    feedback.resolve, feedback.shared = " ".join(resolve.split()), shared
    feedback.save(update_fields=["read_at", "resolve", "shared"])
    log_action("awards.feedback.acknowledged", feedback, by=by, shared=shared)
    return feedback


def profiles_of(run: ScoringRun) -> list[Profile]:
    return profiles(run.rule_book.validated, json.loads(run.inputs), json.loads(run.result))


def content_of(profile: Profile, mentor: tuple[Mentor, list[str]] | None) -> dict[str, Any]:
    return {
        "cells": [[asdict(cell) if cell else None for cell in row] for row in profile.cells],
        "strengths": [asdict(strength) for strength in profile.strengths],
        "step": asdict(profile.step) if profile.step else None,
        "mentor_for": mentor[1] if mentor else [],
    }


def suggested_mentors(
    season: Season, everyone: list[Enrolment], found: dict[int, Profile]
) -> dict[int, tuple[Mentor, list[str]]]:
    """By enrolment, a mentor to talk to about the next step, and what speaks for this one, most of all first."""
    mentors = list(season.mentors.select_related("person", "home"))
    if not mentors or not everyone:
        return {}
    pairs = current_pairs(season)
    code = {mentor.pk: index for index, mentor in enumerate(mentors)}
    areas = {
        pk: index
        for index, pk in enumerate(
            sorted({entry.subdistrict.pk for entry in everyone} | {mentor.home_id or 0 for mentor in mentors})
        )
    }
    categories = [category.key for category in season.rules.categories]
    needs = np.zeros((len(everyone), len(season.rules.indicators)))
    for row, entry in enumerate(everyone):
        if step := found[entry.number].step:
            needs[row, step.indicator] = 1.0
    mentees = Mentees(
        number=np.array([entry.number for entry in everyone]),
        category=np.array([category_code(entry, categories) for entry in everyone]),
        needs=needs,
        area=np.array([areas[entry.subdistrict.pk] for entry in everyone]),
        earlier=np.array([code.get(pairs.get(entry.pk, 0), -1) for entry in everyone]),
        locked=np.full(len(everyone), -1),
    )
    by_mentor = defaultdict(list)
    for entry in everyone:
        if entry.pk in pairs:
            by_mentor[pairs[entry.pk]].append(entry)
    coaches = Mentors(
        number=np.array([mentor.number for mentor in mentors]),
        # The last is no category at all: of those without a project.
        categories=np.array(
            [known_categories(by_mentor[mentor.pk], [*categories, ""]) for mentor in mentors]
        ),
        strengths=mentors_strengths([by_mentor[mentor.pk] for mentor in mentors], found, needs.shape[1]),
        area=np.array([areas[mentor.home_id or 0] for mentor in mentors]),
        # An even share: so many that everybody has somebody.
        capacity=np.full(len(mentors), math.ceil(len(everyone) / len(mentors))),
    )
    themselves = [
        (row, column)
        for row, entry in enumerate(everyone)
        for column, mentor in enumerate(mentors)
        if entry.person_id == mentor.person_id
    ]
    paired = pair(
        mentees,
        coaches,
        weights=WEIGHTS,
        avoid=np.array(themselves, dtype=np.int64).reshape(-1, 2),
        everyone=False,
    )
    return {
        entry.pk: (mentors[column], reasons(paired, row))
        for row, (entry, column) in enumerate(zip(everyone, paired.mentor.tolist(), strict=True))
        if column >= 0
    }


def reasons(paired: Pairing, row: int) -> list[str]:
    """The considerations that speak for a pair, most of all first: each that reaches more than half of its points."""
    points = {name: float(part[row]) for name, part in paired.parts.items()}
    return [
        name for name in sorted(points, key=lambda name: -points[name]) if points[name] > WEIGHTS[name] / 2
    ]


def category_code(entry: Enrolment, categories: list[str]) -> int:
    thing = getattr(entry, "first_thing", None)
    return categories.index(thing.category) if thing and thing.category in categories else len(categories)


def known_categories(mentees: list[Enrolment], categories: list[str]) -> list[float]:
    """How well a mentor knows each category, 0 to 1, by what the mentees landed."""
    landed = Counter(
        entry.first_thing.category
        for entry in mentees
        if getattr(entry, "first_thing", None) and entry.first_thing.state == FirstThing.State.LANDED
    )
    return [min(1.0, landed[category] / LANDED_TO_KNOW) for category in categories]


def mentors_strengths(
    groups: list[list[Enrolment]], found: dict[int, Profile], indicators: int
) -> np.ndarray:
    """How strong each mentor is in each indicator, 0 to 1, by where the mentees lean; 0.5 is as anybody.

    A few mentees say little: their mean is drawn towards that of anybody.
    """
    leaning = np.array(
        [
            np.sum([found[entry.number].lean for entry in group], axis=0) / (len(group) + MENTEES_TO_TRUST)
            if group
            else np.zeros(indicators)
            for group in groups
        ]
    )
    spread = leaning.std(axis=0)
    return 1 / (1 + np.exp(-leaning / np.where(spread > 0, spread, 1.0)))


def suggested_cases(
    season: Season, everyone: list[Enrolment], found: dict[int, Profile]
) -> dict[int, FirstThing]:
    """By enrolment, a project that landed: of the same category, on the same kind of estate if there is one, by somebody
    strong where the next step lies."""
    cases = cases_of(season)
    used: Counter[int] = Counter()
    chosen = {}
    for entry in everyone:
        own = getattr(entry, "first_thing", None)
        step = found[entry.number].step
        others = [case for case in cases if case.enrolment.person_id != entry.person_id]
        if not others:
            continue

        def fit(
            case: FirstThing, own: Any = own, step: Any = step, entry: Enrolment = entry
        ) -> tuple[Any, ...]:
            author = found.get(case.enrolment.number) if case.enrolment.season_id == season.pk else None
            return (
                used[case.pk] >= MOST_A_CASE,
                own is None or case.category != own.category,
                case.enrolment.organisation.estate_kind != entry.organisation.estate_kind,
                -author.lean[step.indicator] if author and step else 0.0,
                used[case.pk],
                -case.enrolment.season_id,
                case.enrolment.number,
            )

        chosen[entry.pk] = best = min(others, key=fit)
        used[best.pk] += 1
    return chosen
