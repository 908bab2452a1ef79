"""Seasons that follow the small world's, straight into the database: the same people, measured again."""

import datetime
from typing import Any

import numpy as np
from django.utils.timezone import now

from dongliang.mentoring.models import Mentor, Pair
from dongliang.scoring.models import Measure, ScoringRun, Standing
from dongliang.seasons.models import Enrolment, Phase, Season
from dongliang.seasons.rulebook import RuleBookContent, validated
from tests.factories.season import World, make_organisation, make_secretary


def make_run(season: Season, *, seed: int = 0, public: bool = True) -> ScoringRun:
    """A run with a measure from each source for everybody, and its list, public or not."""
    rng = np.random.default_rng([season.pk, seed])
    number = season.scoring_runs.count() + 1
    run = ScoringRun.objects.create(
        season=season,
        number=number,
        rule_book=season.rule_book,
        engine_version="0",
        inputs='{"ballots": [], "field": [], "institutional": []}',
        inputs_sha256="0" * 64,
        result="{}",
        result_sha256="0" * 64,
    )
    enrolments = list(season.enrolments.all())
    merit = {entry.pk: np.random.default_rng(entry.person_id).normal(0, 0.3) for entry in enrolments}
    Measure.objects.bulk_create(
        Measure(
            run=run,
            enrolment=entry,
            source=source.key,
            answers=40,
            value=4 + merit[entry.pk] + rng.normal(0, 0.1),
            standard_error=0.1,
        )
        for entry in enrolments
        for source in season.rules.sources
    )
    Standing.objects.bulk_create(
        Standing(
            run=run,
            enrolment=entry,
            composite=2 * merit[entry.pk] + rng.normal(0, 0.3),
            standard_error=0.3,
            rank=place,
            rank_low=max(place - 2, 1),
            rank_high=place + 2,
            chance=0.5,
            selected=place == 1,
            eligible=True,
        )
        for place, entry in enumerate(enrolments, start=1)
    )
    if not season.honour_lists.exists():
        season.honour_lists.create(kind="best_secretaries", run=run, published_at=now() if public else None)
    return run


def make_next_season(
    world: World, *, scored: bool = True, public: bool = True, rules: RuleBookContent | None = None
) -> Season:
    """The season after the newest one: everybody enrolled again, whoever coached coaches on."""
    before = Season.objects.filter(district=world.district).first()
    document: dict[str, Any] = (rules or before.rules).model_dump()
    document["year"] = before.rules.year + 1
    content = validated(document)
    season = Season.objects.create(
        district=world.district,
        slug=f"{world.district.code.lower()}-{content.year}",
        title=f"“大梁带小梁”{content.year} 年度",
        phase=Phase.CLOSED,
    )
    season.rule_books.create(content=content.model_dump(), sha256=content.sha256, frozen_at=now())
    again = {
        entry.pk: Enrolment(
            season=season, number=entry.number, post=entry.post, person=entry.person, is_new=False
        )
        for entry in before.enrolments.all()
    }
    Enrolment.objects.bulk_create(again.values())
    mentors = {
        mentor.pk: Mentor.objects.create(season=season, number=mentor.number, person=mentor.person)
        for mentor in before.mentors.all()
    }
    Pair.objects.bulk_create(
        Pair(
            mentor=mentors[pair.mentor_id],
            mentee=again[pair.mentee_id],
            starts_on=datetime.date(content.year, 4, 1),
        )
        for pair in Pair.objects.filter(mentee__season=before, ends_on=None)
    )
    if scored:
        make_run(season, public=public)
    return season


def make_years(world: World, *, count: int = 2, public: bool = True) -> list[Season]:
    """Score the world's season, and let ``count`` more follow it."""
    Season.objects.filter(pk=world.season.pk).update(phase=Phase.CLOSED)
    make_run(world.season, public=public)
    return [world.season, *(make_next_season(world, public=public) for _number in range(count))]


def add_people(world: World, count: int) -> None:
    """So many more secretaries in the second subdistrict, every third coached by one of the mentors."""
    first = world.season.enrolments.count() + 1
    made = []
    for number in range(first, first + count):
        place = make_organisation(
            world.subdistricts[1], f"X{number:04d}", f"新苑第{number}居民区", "neighbourhood"
        )
        tenure = make_secretary(place, f"丁{number:03d}")
        made.append(
            Enrolment(
                season=world.season, number=number, post=tenure.post, person=tenure.person, is_new=False
            )
        )
    Enrolment.objects.bulk_create(made)
    Pair.objects.bulk_create(
        Pair(
            mentor=world.mentors[place % len(world.mentors)],
            mentee=entry,
            starts_on=datetime.date(2021, 4, 1),
        )
        for place, entry in enumerate(made[::3])
    )
