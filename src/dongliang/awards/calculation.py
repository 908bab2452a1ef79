"""A secretary's own profile out of a scoring run: marks by indicator and source, what stands out and what to do next.

Pure: a rule book, the frozen inputs of a run and its result in; numbers out. docs/methods/feedback.md says in words what
happens here, and why.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from dongliang.seasons.rulebook import RuleBookContent

# Half of a 90 % interval, in standard errors; beyond it on one side lies 5 %.
REACH = 1.645
STRENGTHS = 2
HIGHEST = 5
# From this level on, a rule book describes what goes well and nothing that is missing.
GOES_WELL = 4
# The middle of fewer people would tell what single others got.
FEWEST_FOR_MIDDLE = 5
# So many ballots or sheets make a source's word on one secretary more than one person's mark.
FEWEST_ANSWERS = 2

# A spread that nobody would see, in marks: it keeps the order of the indicators where chance explains all of it.
SMALLEST_SPREAD = 0.001

# How sure it is that an indicator stands out.
ABOVE_MIDDLE, OWN_BEST, LEANING = "above_middle", "own_best", "leaning"
# What the next step rests on: below the district's middle, behind the own others, or on nothing that is surely behind.
BELOW_MIDDLE, BEHIND_OWN, BUILD_ON = "below_middle", "behind_own", "build_on"

Array = Any


@dataclass(frozen=True)
class Cell:
    """What one source says on one indicator: the mark with its 90 % interval, and the middle of the district."""

    value: float
    low: float
    high: float
    middle: float | None


@dataclass(frozen=True)
class Strength:
    indicator: int
    certainty: str
    # The level of the rule book, 1 to 5, that the marks come nearest to.
    level: int


@dataclass(frozen=True)
class NextStep:
    indicator: int
    basis: str
    # The level of the rule book to work towards; 0 where there is none above.
    level: int


@dataclass(frozen=True)
class Profile:
    """One secretary's. ``cells[i][s]`` is indicator ``i`` by source ``s``; ``lean`` how far each indicator lies from the own
    level, drawn towards 0 by as much as chance explains, with its error."""

    number: int
    cells: list[list[Cell | None]]
    lean: list[float]
    lean_error: list[float]
    strengths: list[Strength]
    step: NextStep | None


@dataclass(frozen=True)
class Shape:
    """One source: how far each indicator of each secretary lies from that secretary's own mean, (T, k), with errors.

    ``usual`` (k,) is how far each indicator lies from the mean of all of them in the district.
    """

    lean: Array
    error: Array
    usual: Array


@dataclass(frozen=True)
class Level:
    """One source: the measures of the run on the scale of marks, (T,), with their errors; NaN where it is not heard.

    ``unit`` is the standard deviation between secretaries of which the measures were drawn towards the mean, or 0.
    """

    value: Array
    error: Array
    unit: float


def profiles(rules: RuleBookContent, inputs: dict[str, Any], result: dict[str, Any]) -> list[Profile]:
    """The profile of everyone in the run, in the order of ``inputs["secretaries"]``."""
    numbers = [number for number, _ in inputs["secretaries"]]
    row = {number: index for index, number in enumerate(numbers)}
    shapes, levels = [], []
    for source in rules.sources:
        level = level_of(rules, source.key, result, row)
        shapes.append(shape_of(rules, source.key, inputs, row, heard=np.isfinite(level.value)))
        levels.append(level)
    weights = np.array([source.weight for source in rules.sources])
    lean, lean_error = drawn_together(shapes, weights)
    above, above_error = distance_from_middle(levels, weights, correlations_of(rules, result))
    value = np.stack(
        [level.value[:, None] + shape.usual + shape.lean for level, shape in zip(levels, shapes, strict=True)]
    )
    error = np.stack(
        [np.hypot(level.error[:, None], shape.error) for level, shape in zip(levels, shapes, strict=True)]
    )
    marks = described_marks(rules, value, weights)
    middles = [[middle_of(value[s, :, i]) for s in range(len(levels))] for i in range(len(rules.indicators))]
    return [
        Profile(
            number=number,
            cells=[
                [cell(value[s, t, i], error[s, t, i], middles[i][s]) for s in range(len(levels))]
                for i in range(len(rules.indicators))
            ],
            lean=np.round(lean[t], 6).tolist(),
            lean_error=np.round(lean_error[t], 6).tolist(),
            strengths=strengths_of(lean[t], lean_error[t], above[t], above_error[t], marks[t]),
            step=next_step(lean[t], lean_error[t], above[t], above_error[t], marks[t]),
        )
        for t, number in enumerate(numbers)
    ]


def answers_of(inputs: dict[str, Any], key: str) -> list[tuple[int, str, int]]:
    """What a source answered: number, marks, how many times."""
    if key == "public":
        return [(number, marks, count) for number, marks, count in inputs["ballots"]]
    return [(number, marks, 1) for number, _rater, marks in inputs[key]]


def level_of(rules: RuleBookContent, key: str, result: dict[str, Any], row: dict[int, int]) -> Level:
    """The run's measures of a source, where it has answers enough to be shown."""
    fewest = max(rules.source(key).minimum_answers, FEWEST_ANSWERS)
    if key == "public":
        fewest = max(fewest, rules.residents.smallest_published)
    value, error = np.full((2, len(row)), np.nan)
    for entry in result["secretaries"]:
        measure = entry["measures"][key]
        if measure["answers"] >= fewest and measure["value"] is not None:
            t = row[entry["number"]]
            value[t], error[t] = measure["value"], measure["standard_error"] or 0.0
    # Of a model's measures; plain means are drawn nowhere.
    variance = result["sources"][key]["variances"].get("target") or 0.0
    return Level(value, error, float(np.sqrt(variance)))


def shape_of(
    rules: RuleBookContent, key: str, inputs: dict[str, Any], row: dict[int, int], *, heard: Array
) -> Shape:
    """How the indicators lie beside each other in a source's answers.

    Every mark is taken as its distance from the mean of its own sheet or ballot: harshness, mood and the general opinion
    of a person drop out. What spread is left between the answers on one person, taken over everybody, gives the errors.
    """
    answers = answers_of(inputs, key)
    k, people = len(rules.indicators), len(row)
    if not answers:
        nothing = np.full((people, k), np.nan)
        return Shape(nothing, nothing, np.zeros(k))
    target = np.array([row[number] for number, _, _ in answers])
    count = np.array([times for _, _, times in answers], dtype=float)
    marks = np.array([[int(mark) for mark in marks] for _, marks, _ in answers], dtype=float)
    given = marks > 0
    weight = count[:, None] * given
    means = (weight * marks).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
    # One mark alone says nothing of how the indicators lie beside each other.
    weight = weight * (given.sum(axis=1) > 1)[:, None]
    beyond = np.where(given, marks - means, 0.0)
    beyond -= np.where(given, (beyond.sum(axis=1) / np.maximum(given.sum(axis=1), 1))[:, None], 0.0)
    heard_times = totals(target, weight, people)
    lean = totals(target, weight * beyond, people) / np.where(heard_times > 0, heard_times, np.nan)
    left = weight * (beyond - np.nan_to_num(lean)[target]) ** 2
    spare = np.maximum(weight.sum(axis=0) - (heard_times > 0).sum(axis=0), 1)
    variance = left.sum(axis=0) / spare
    counted = heard_times
    if key == "public" and rules.residents.ceiling:
        counted = np.minimum(heard_times, rules.residents.ceiling)
    error = np.sqrt(variance / np.where(counted > 0, counted, np.nan))
    silent = ~heard[:, None]
    return Shape(np.where(silent, np.nan, lean), np.where(silent, np.nan, error), means - means.mean())


def totals(target: Array, columns: Array, people: int) -> Array:
    return np.column_stack([np.bincount(target, weights=column, minlength=people) for column in columns.T])


def weighted(values: Iterable[Array], weights: Array) -> tuple[Array, Array]:
    """The mean over the sources that are heard, and the shares they had in it, source first."""
    stacked = np.stack(list(values))
    shares = np.where(np.isfinite(stacked), weights.reshape(-1, *[1] * (stacked.ndim - 1)), 0.0)
    total = shares.sum(axis=0)
    shares = shares / np.where(total > 0, total, np.nan)
    mean = np.where(
        total > 0, np.nansum(np.where(np.isfinite(stacked), stacked, 0.0) * shares, axis=0), np.nan
    )
    return mean, shares


def drawn_together(shapes: list[Shape], weights: Array) -> tuple[Array, Array]:
    """The leanings of all sources in one, drawn towards 0 by the share of their spread that chance explains."""
    lean, shares = weighted([shape.lean for shape in shapes], weights)
    errors = np.stack([np.nan_to_num(shape.error) for shape in shapes])
    variance = np.nansum((shares * errors) ** 2, axis=0)
    known = np.isfinite(lean)
    # What spread there is beyond chance, by moments: one for all indicators, which few people would tell apart badly.
    beyond_chance = np.where(known, np.nan_to_num(lean) ** 2 - variance, 0.0).sum()
    true = max(float(beyond_chance) / max(int(known.sum()), 1), SMALLEST_SPREAD**2)
    kept = true / (true + variance)
    return np.where(known, np.nan_to_num(lean) * kept, 0.0), np.where(
        known, np.sqrt(kept * variance), np.sqrt(true)
    )


def correlations_of(rules: RuleBookContent, result: dict[str, Any]) -> Array:
    """How alike the sources see people, as the run found it, (s, s)."""
    place = {source.key: s for s, source in enumerate(rules.sources)}
    found = np.eye(len(place))
    for first, second, value in result["cut"]["correlations"]:
        found[place[first], place[second]] = found[place[second], place[first]] = value or 0.0
    return found


def distance_from_middle(levels: list[Level], weights: Array, correlations: Array) -> tuple[Array, Array]:
    """How far each one's level lies above the district's middle, in marks, with its error.

    Sources that see people alike were drawn towards the mean alike, so that their errors are not independent: the error is
    that of the run's own composite (docs/methods/composite.md), in marks.
    """
    middles = [middle_of(level.value) for level in levels]
    beyond = [
        level.value - (np.nan if middle is None else middle)
        for level, middle in zip(levels, middles, strict=True)
    ]
    mean, shares = weighted(beyond, weights)
    errors = np.stack([np.nan_to_num(level.error) for level in levels])
    units = np.array([level.unit for level in levels])[:, None]
    # What a source's measure still leaves open, as a share of the spread between people, times that spread.
    drawn = np.where(units > 0, errors**2 / np.where(units > 0, units, 1.0), 0.0)
    variance = np.nansum((shares * errors) ** 2, axis=0)
    for i, j in combinations(range(len(levels)), 2):
        variance += 2 * correlations[i, j] * np.nan_to_num(shares[i] * shares[j]) * drawn[i] * drawn[j]
    return mean, np.sqrt(np.maximum(variance, 0.0))


def middle_of(values: Array) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) >= FEWEST_FOR_MIDDLE else None


def described_marks(rules: RuleBookContent, value: Array, weights: Array) -> Array:
    """Where each one stands on the levels that the rule book describes, (T, k): by the field if heard, else by all.

    Assessors in the field mark by those descriptions; residents and offices see the scale alone.
    """
    together, _ = weighted(value, weights)
    keys = [source.key for source in rules.sources]
    if "field" not in keys:
        return together
    field = value[keys.index("field")]
    return np.where(np.isfinite(field), field, together)


def cell(value: float, error: float, middle: float | None) -> Cell | None:
    if not np.isfinite(value) or not np.isfinite(error):
        return None
    ends = np.clip([value, value - REACH * error, value + REACH * error], 1.0, 5.0)
    mark, low, high = (round(float(end), 2) for end in ends)
    return Cell(mark, low, high, None if middle is None else round(middle, 2))


def in_order(lean: Array) -> list[int]:
    """The indicators from the strongest on; equal ones in the rule book's order."""
    return np.lexsort((np.arange(len(lean)), -np.round(lean, 6))).tolist()


def strengths_of(
    lean: Array, lean_error: Array, above: float, above_error: float, marks: Array
) -> list[Strength]:
    """The two indicators that stand highest, each with how sure that is."""
    if not np.isfinite(marks).any():
        return []
    found = []
    for i in in_order(lean)[:STRENGTHS]:
        certainty = LEANING
        if lean[i] - REACH * lean_error[i] > 0:
            certainty = OWN_BEST
        if above + lean[i] - REACH * np.hypot(above_error, lean_error[i]) > 0:
            certainty = ABOVE_MIDDLE
        found.append(Strength(i, certainty, level_of_mark(marks[i])))
    return found


def next_step(
    lean: Array, lean_error: Array, above: float, above_error: float, marks: Array
) -> NextStep | None:
    """What to do next: the lowest indicator that is surely behind; where none is, more of the strongest.

    Surely is more than 95 %: the whole 90 % interval lies below the district's middle, or below the own level.
    """
    if not np.isfinite(marks).any():
        return None
    order = in_order(lean)
    for i in reversed(order[STRENGTHS:]):
        below = above + lean[i] + REACH * np.hypot(above_error, lean_error[i]) < 0
        behind = lean[i] + REACH * lean_error[i] < 0
        if below or behind:
            return NextStep(i, BELOW_MIDDLE if below else BEHIND_OWN, level_after(marks[i]))
    return NextStep(order[0], BUILD_ON, level_after(marks[order[0]]))


def level_of_mark(mark: float) -> int:
    """The level that a mark comes nearest to."""
    return int(np.clip(np.round(mark), 1, HIGHEST))


def level_after(mark: float) -> int:
    level = level_of_mark(mark)
    return max(level + 1, GOES_WELL) if level < HIGHEST else 0
