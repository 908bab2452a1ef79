"""Frozen inputs of a small season, and a closed season with answers in it."""

import datetime
import time
from typing import Any

import numpy as np

from dongliang.ballots import codes, keys
from dongliang.ballots.actions.casting import Cast, cast_ballots
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.engine.planning import plan_assessments
from dongliang.engine.simulation import simulate_season
from dongliang.mentoring.actions import pair_mentee
from dongliang.projects.actions import register_first_thing
from dongliang.review.actions import Sheet, submit_responses
from dongliang.review.queries import marks_first_thing
from dongliang.scoring.actions import begin_collecting, end_collecting
from dongliang.scoring.models import ScoringJob
from dongliang.seasons.actions import enrol_secretaries
from dongliang.seasons.models import Season
from tests.factories.memory import remembered
from tests.factories.season import World, make_secretary_accounts, make_world

MOMENT = datetime.datetime(2021, 11, 8, 9, 30, tzinfo=datetime.UTC)


def make_inputs(*, secretaries: int = 24, subdistricts: int = 3, seed: int = 1) -> dict[str, Any]:
    """Inputs as a run gathers them, drawn from a simulated season with four assessors a secretary."""
    rng = np.random.default_rng(seed)
    home = np.arange(secretaries) % subdistricts
    plan = plan_assessments(
        secretaries, 6, per_target=4, avoid=np.zeros((secretaries, 6), dtype=bool), rng=rng
    )
    drawn = simulate_season(
        rng, subdistrict=home, plan=plan, n_assessors=6, departments=2, ballots=900, approvals=300
    )
    spelt = ["".join(map(str, marks)) for marks in drawn.ballot_marks.tolist()]
    return {
        "secretaries": [[number + 1, f"LZ{home[number] + 1:02d}"] for number in range(secretaries)],
        "field": [
            [number + 1, f"M{mentor + 1:02d}", "".join(map(str, drawn.field_marks[number, seat].tolist()))]
            for number in range(secretaries)
            for seat, mentor in enumerate(plan[number].tolist())
        ],
        "institutional": [
            [
                number + 1,
                f"LZD{office + 1}",
                "".join(map(str, drawn.department_marks[office, number].tolist())),
            ]
            for number in range(secretaries)
            for office in range(2)
        ],
        "project_marks": [
            [number + 1, f"M{mentor + 1:02d}", str(drawn.project_marks[number, seat])]
            for number in range(secretaries)
            for seat, mentor in enumerate(plan[number].tolist())
        ],
        "ballots": [
            [target + 1, marks, 1] for target, marks in zip(drawn.ballot_target.tolist(), spelt, strict=True)
        ],
        "picks": [
            [target + 1, sorted(pick + 1 for pick in picks if pick >= 0), 1]
            for target, picks in zip(
                drawn.approval_target.tolist(), drawn.approval_picks.tolist(), strict=True
            )
        ],
        "projects": list(range(1, secretaries + 1)),
        "nominations": [["LZ01", 4]],
    }


@remembered
def make_collecting_world(**options: Any) -> World:
    """The small world with its season open in all parts, every first thing registered, every sheet assigned.

    The first mentor coaches the first two secretaries, as in ``make_world``.
    """
    world = make_world(open_it=False, **options)
    enrol_secretaries(world.season)
    for mentee in world.season.enrolments.all()[:2]:
        pair_mentee(world.mentors[0], mentee, by=None, starts_on=datetime.date(2021, 4, 1))
    world.season = begin_collecting(world.season, by=world.accounts["office"])
    world.season = Season.objects.get(pk=world.season.pk)
    world.enrolments = list(world.season.enrolments.select_related("person", "post__organisation__parent"))
    world.accounts |= make_secretary_accounts(world)
    for entry in world.enrolments:
        register_first_thing(entry, category="housing", title=f"{entry.organisation}修屋顶", by=None)
    return world


def answer_everything(world: World, *, seed: int = 1, thin: int = 0) -> None:
    """Send every sheet still asked for, and cast twelve ballots a neighbourhood in each round, but for three where ``thin``
    is.
    """
    rng = np.random.default_rng(seed)
    sheets = [
        Sheet(
            assignment,
            "".join(map(str, rng.integers(2, 6, size=4).tolist())),
            str(rng.integers(2, 6)) if marks_first_thing(assignment) else "",
        )
        for assignment in world.season.assignments.filter(response=None).order_by("pk")
    ]
    submit_responses(world.season, sheets, by=None)
    key, rounds = keys.season_key(world.season), rounds_of(world.season)
    for kind, round in rounds.items():
        casts = []
        for entry in world.enrolments:
            for serial in range(1, 4 if entry.number == thin else 13):
                marks = (
                    "".join(map(str, rng.integers(1, 6, size=4).tolist()))
                    if kind == "secretaries"
                    else str(rng.integers(1, 7))
                )
                code = codes.mint(key, entry.number, serial)
                casts.append(Cast(entry.pk, codes.credential_digest(key, kind, code), marks))
        cast_ballots(round, casts, key=key, at=MOMENT)


@remembered
def make_closed_world(*, thin: int = 0, **options: Any) -> World:
    """The small world, answered in full and closed: ready to be scored."""
    world = make_collecting_world(**options)
    answer_everything(world, thin=thin)
    world.season = end_collecting(world.season, by=world.accounts["office"])
    return world


def wait_for_scoring(season: Season) -> ScoringJob:
    """The season's newest job, once it has ended."""
    while season.scoring_jobs.first().is_under_way:
        time.sleep(0.05)
    return season.scoring_jobs.select_related("run", "rule_book", "requested_by").first()
