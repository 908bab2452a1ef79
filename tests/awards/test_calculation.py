import numpy as np
import pytest

from dongliang.awards.calculation import (
    ABOVE_MIDDLE,
    BEHIND_OWN,
    BELOW_MIDDLE,
    BUILD_ON,
    LEANING,
    OWN_BEST,
    NextStep,
    Strength,
    next_step,
    profiles,
    strengths_of,
)
from dongliang.scoring.calculation import calculate
from dongliang.seasons.rulebook import preset, validated
from tests.factories.scoring import make_inputs

MARKS = np.array([3.2, 4.4, 3.6, 5.0])


def rules(**changes):
    document = preset("putuo-2021").model_dump()
    document["programme"] = {"subdistricts": 3, "secretaries": 24}
    document["best_secretaries"] |= {"places": 6, "subdistrict_quota": {"minimum": 1, "maximum": 0}}
    document["scoring"] |= {"draws": 1000}
    return validated(document | changes)


def drawn_inputs(rng, *, people: int, true: np.ndarray, raters: int = 4, ballots: int = 60) -> dict:
    """Marks of everybody from three sides, cut from ``true`` (people, 4) with halo, severity and noise."""
    level = rng.normal(0, 0.5, people)

    def marks(rows: np.ndarray, shared: np.ndarray) -> list[str]:
        latent = (
            3.4 + level[rows][:, None] + true[rows] + shared[:, None] + rng.normal(0, 0.6, (len(rows), 4))
        )
        return ["".join(map(str, row)) for row in np.clip(np.round(latent), 1, 5).astype(int).tolist()]

    sheets = np.repeat(np.arange(people), raters)
    severity = rng.normal(0, 0.3, 13)
    seat = (sheets * 3 + np.tile(np.arange(raters), people) * 5) % 13
    offices = np.repeat(np.arange(people), 3)
    homes = np.repeat(np.arange(people), ballots)
    return {
        "secretaries": [[number + 1, f"LZ{number % 3 + 1:02d}"] for number in range(people)],
        "field": [
            [int(row) + 1, f"M{rater:02d}", said]
            for row, rater, said in zip(sheets, seat, marks(sheets, -severity[seat]), strict=True)
        ],
        "institutional": [
            [int(row) + 1, f"D{place % 3}", said]
            for place, (row, said) in enumerate(
                zip(offices, marks(offices, rng.normal(0, 0.3, len(offices))), strict=True)
            )
        ],
        "ballots": [
            [int(row) + 1, said, 1]
            for row, said in zip(homes, marks(homes, rng.normal(0, 0.6, len(homes))), strict=True)
        ],
        "project_marks": [],
        "picks": [],
        "projects": [],
        "nominations": [],
    }


def drawn_profiles(seed: int, *, spread: float, people: int = 90):
    rng = np.random.default_rng(seed)
    true = rng.normal(0, spread, (people, 4))
    inputs = drawn_inputs(rng, people=people, true=true)
    book = rules(programme={"subdistricts": 3, "secretaries": people})
    return profiles(book, inputs, calculate(book, inputs)), true - true.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_said_to_lag_behind_the_own_others_where_there_is_chance_alone(seed):
    found, _true = drawn_profiles(seed, spread=0.0)

    named = [entry for entry in found if entry.step.basis == BEHIND_OWN]

    assert len(named) <= 0.05 * len(found)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_said_to_lag_behind_the_own_others_does(seed):
    found, true = drawn_profiles(seed, spread=0.4)

    named = [
        true[row, entry.step.indicator] < 0
        for row, entry in enumerate(found)
        if entry.step.basis == BEHIND_OWN
    ]

    assert len(named) > 0.15 * len(found)
    assert np.mean(named) >= 0.95


@pytest.mark.parametrize("seed", range(3))
def test_a_strength_beyond_chance_is_one(seed):
    found, true = drawn_profiles(seed, spread=0.4)

    named = [
        true[row, strength.indicator] > 0
        for row, entry in enumerate(found)
        for strength in entry.strengths
        if strength.certainty == OWN_BEST
    ]

    assert named
    assert np.mean(named) >= 0.9


def test_a_harsh_assessor_does_not_change_the_profile():
    book, inputs = rules(), make_inputs()
    before = profiles(book, inputs, calculate(book, inputs))
    middling = {number for number, _rater, marks in inputs["field"] if min(marks) > "1"}
    harsher = inputs | {
        "field": [
            [number, rater, "".join(str(int(mark) - 1) for mark in marks)]
            if rater == "M01" and number in middling
            else [number, rater, marks]
            for number, rater, marks in inputs["field"]
        ]
    }

    after = profiles(book, harsher, calculate(book, harsher))

    lean = np.array([entry.lean for entry in before]), np.array([entry.lean for entry in after])
    assert np.abs(lean[0] - lean[1]).max() < 0.02


def test_a_profile_does_not_depend_on_the_order_of_the_answers():
    book, inputs = rules(), make_inputs()
    result = calculate(book, inputs)
    turned = inputs | {key: inputs[key][::-1] for key in ("field", "institutional", "ballots")}

    assert profiles(book, turned, result) == profiles(book, inputs, result)


def test_a_source_with_too_few_answers_is_not_shown():
    book, inputs = rules(), make_inputs()
    few = [entry for entry in inputs["ballots"] if entry[0] != 5] + [[5, "5555", 9]]
    inputs = inputs | {"ballots": few}

    found = profiles(book, inputs, calculate(book, inputs))

    public = [source.key for source in book.sources].index("public")
    hidden = {entry.number for entry in found for row in entry.cells if row[public] is None}
    assert 5 in hidden
    assert 1 not in hidden


def test_the_middle_of_a_handful_of_people_is_not_shown():
    few_places = {"places": 3, "subdistrict_quota": {"minimum": 0, "maximum": 0}}
    book = rules(best_secretaries=preset("putuo-2021").best_secretaries.model_dump() | few_places)
    inputs = make_inputs()
    few = inputs | {"field": [entry for entry in inputs["field"] if entry[0] <= 4]}

    found = profiles(book, few, calculate(book, few))

    assert {cell.middle for entry in found for row in entry.cells if (cell := row[0])} == {None}


def test_without_answers_there_is_no_strength_and_no_step():
    nothing = np.full(4, np.nan)

    assert strengths_of(np.zeros(4), np.ones(4), np.nan, 0.0, nothing) == []
    assert next_step(np.zeros(4), np.ones(4), np.nan, 0.0, nothing) is None


@pytest.mark.parametrize(
    ("lean", "error", "above", "step"),
    [
        # Nothing is sure: more of the strongest, the second; from level 4 to 5.
        ([0.0, 0.3, 0.1, -0.2], 0.5, 0.0, NextStep(1, BUILD_ON, 5)),
        # The last is surely behind the others, though not below the district; there is no level above its own.
        ([0.0, 0.3, 0.1, -0.4], 0.1, 1.0, NextStep(3, BEHIND_OWN, 0)),
        # Far below the district as a whole: the lowest by the own marks.
        ([-0.2, 0.1, 0.1, 0.0], 0.1, -1.0, NextStep(0, BELOW_MIDDLE, 4)),
        # All alike: strengths are the first two by the rule book, so that the last is left.
        ([0.0, 0.0, 0.0, 0.0], 0.1, -1.0, NextStep(3, BELOW_MIDDLE, 0)),
    ],
)
def test_the_next_step_is_the_lowest_that_is_surely_behind(lean, error, above, step):
    assert next_step(np.array(lean), np.full(4, error), above, 0.1, MARKS) == step


@pytest.mark.parametrize(
    ("error", "above", "certainty"), [(0.5, 0.0, LEANING), (0.05, -1.0, OWN_BEST), (0.05, 1.0, ABOVE_MIDDLE)]
)
def test_a_strength_says_how_sure_it_is(error, above, certainty):
    found = strengths_of(np.array([0.2, 0.3, -0.4, -0.1]), np.full(4, error), above, 0.1, MARKS)

    assert found == [Strength(1, certainty, 4), Strength(0, certainty, 3)]
