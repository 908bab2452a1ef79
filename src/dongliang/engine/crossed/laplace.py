"""The Laplace approximation of a cumulative logit model with crossed effects, and its exact gradient.

Effects are ``sd * z`` with standard normal ``z``, so that a standard deviation of zero is an ordinary point. ``cuts`` is the
table of cut points of every indicator, from minus to plus infinity; ``K = I + L Z'WZ L`` is minus the curvature of the
penalised log-likelihood in ``z``, where ``L`` holds the standard deviations and ``W`` what the ratings tell about their own
levels. How ``K`` is factored is the pattern's business (pair.py, interactions.py). See docs/methods/ordinal.md for the derivation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit

from dongliang.engine.crossed.cuts import Scale
from dongliang.engine.crossed.layout import totals
from dongliang.engine.data import Floats, Integers

# An array for every effect, with an entry for each of its levels.
Modes = tuple[Floats, ...]

# Squared length, in units of the conditional standard deviations, of a step of the modes that is not worth taking.
MODES_TOLERANCE = 1e-19
MODES_ITERATIONS = 200


class Spread(Protocol):
    """The inverse of ``K`` where it is needed.

    ``by_effect`` holds, for every effect and cell, what the cell's own level of this effect has in common with the cell's level
    as a whole: the sum over effects ``f`` of ``sd_f`` times the inverse between the two levels. ``diagonals`` are those of the inverse.
    """

    @property
    def by_effect(self) -> Modes: ...

    @property
    def diagonals(self) -> Modes: ...

    def of_measures(self, limit: int) -> tuple[Floats, Floats | None]:
        """Conditional variances of the measures; their covariance for up to ``limit`` targets whose errors hang together."""


class Curvature(Protocol):
    """``K``, factored."""

    @property
    def log_determinant(self) -> float: ...

    def solve(self, right: Modes) -> Modes: ...

    def spread(self) -> Spread: ...


class Pattern(Protocol):
    """Who met whom: all that factoring ``K`` needs beside standard deviations and the weights of the cells."""

    def curvature(self, sd: Floats, weight: Floats) -> Curvature: ...


@dataclass(frozen=True, eq=False)
class Cells:
    """Ratings that agree in target, rater, indicator and category are one cell.

    ``entry`` is the place of its lower cut point among the cuts, its upper one being next; ``within`` its place in the table
    of indicators and categories; ``first`` the row of one of its ratings.
    """

    entry: Integers
    within: Integers
    count: Floats
    first: Integers

    @classmethod
    def of(cls, sides: list[tuple[Integers, int]], indicator: Integers, category: Integers, k: int) -> Cells:
        """Cells in the order of the codes of the first side, and then of the second."""
        (a, _), (b, b_size) = sides
        of_pair = (int(indicator.max()) + 1) * k
        key, first, count = np.unique(
            (a * b_size + b) * of_pair + indicator * k + category, return_index=True, return_counts=True
        )
        within = key % of_pair
        return cls(within + within // k, within, count.astype(np.float64), first)


@dataclass(frozen=True, eq=False)
class Problem:
    """The cells, and the level of each under every effect in ``names``."""

    scale: Scale
    names: tuple[str, ...]
    levels: tuple[Integers, ...]
    sizes: tuple[int, ...]
    cells: Cells
    pattern: Pattern

    def by_level(self, effect: int, weights: Floats) -> Floats:
        """Sums of the cells' weights by level of an effect."""
        return totals(self.levels[effect], weights, self.sizes[effect])

    @property
    def effects(self) -> range:
        """The numbers of the effects: their standard deviations are the last parameters, in this order."""
        return range(len(self.names))


@dataclass(frozen=True, eq=False)
class Terms:
    """What the cells tell at a point: ``value`` is the log-likelihood, ``upper`` and ``lower`` the chances of marks below
    their cuts, ``slope`` the first and ``weight`` minus the second derivative in their level, both times the count.
    """

    value: float
    upper: Floats
    lower: Floats
    slope: Floats
    weight: Floats

    @property
    def densities(self) -> tuple[Floats, Floats]:
        """Logistic densities at the upper and the lower cut."""
        return self.upper * (1 - self.upper), self.lower * (1 - self.lower)


def _gaps(problem: Problem, cuts: Floats) -> Floats | None:
    """Distances of neighbouring cuts by indicator and category, (J K,), 1 where no mark is; None if out of order."""
    high, low = cuts[:, 1:].ravel(), cuts[:, :-1].ravel()
    used = problem.scale.used
    gaps = np.ones(len(high))
    gaps[used] = high[used] - low[used]
    return gaps if (gaps > 0).all() else None


def _terms(problem: Problem, cuts: Floats, gaps: Floats, sd: Floats, z: Modes) -> Terms:
    cells = problem.cells
    level = np.zeros(len(cells.count))
    for effect in problem.effects:
        level += (sd[effect] * z[effect])[problem.levels[effect]]
    flat = cuts.ravel()
    upper = expit(flat[cells.entry + 1] - level)
    above = expit(level - flat[cells.entry])
    # F(h) - F(l) = F(h) F(-l) (1 - exp(l - h)): no digits are lost where both chances are near 0 or near 1.
    chance = np.log(np.maximum(upper * above, 1e-300)) + np.log(-np.expm1(-gaps))[cells.within]
    lower = 1 - above
    return Terms(
        value=float(cells.count @ chance),
        upper=upper,
        lower=lower,
        slope=cells.count * (upper - above),
        weight=cells.count * (upper * (1 - upper) + lower * above),
    )


@dataclass(frozen=True, eq=False)
class Point:
    """The Laplace log-likelihood at the parameters, and what it was made of."""

    parameters: Floats
    log_likelihood: float
    cuts: Floats
    gaps: Floats
    z: Modes
    terms: Terms
    curvature: Curvature

    @property
    def sd(self) -> Floats:
        return self.parameters[-len(self.z) :]


def evaluate(
    problem: Problem, parameters: Floats, z: Modes, curvature: Curvature | None = None
) -> Point | None:
    """Find the modes from ``z`` on and the log-likelihood; None where the thresholds are out of order.

    Steps reuse the ``curvature`` of a point nearby while they still shrink well, which saves most factorisations.
    """
    fixed, sd = np.split(parameters, [-len(z)])
    cuts = problem.scale.cuts(fixed)
    gaps = _gaps(problem, cuts)
    if gaps is None:
        return None
    terms, value = _penalised(problem, cuts, gaps, sd, z)
    curvature = curvature or problem.pattern.curvature(sd, terms.weight)
    before = np.inf
    for _ in range(MODES_ITERATIONS):
        right = _residual(problem, sd, terms, z)
        step = curvature.solve(right)
        squared = sum(float(part @ move) for part, move in zip(right, step, strict=True))
        if squared <= MODES_TOLERANCE:
            break
        if squared > before / 10:
            curvature, before = problem.pattern.curvature(sd, terms.weight), np.inf
            continue
        z, terms, value = _ascend(problem, cuts, gaps, sd, z, step, value)
        before = squared
    curvature = problem.pattern.curvature(sd, terms.weight)
    return Point(
        parameters=parameters,
        log_likelihood=value - curvature.log_determinant / 2,
        cuts=cuts,
        gaps=gaps,
        z=z,
        terms=terms,
        curvature=curvature,
    )


def _penalised(problem: Problem, cuts: Floats, gaps: Floats, sd: Floats, z: Modes) -> tuple[Terms, float]:
    terms = _terms(problem, cuts, gaps, sd, z)
    return terms, terms.value - sum(float(modes @ modes) for modes in z) / 2


def _residual(problem: Problem, sd: Floats, terms: Terms, z: Modes) -> Modes:
    """Slope of the penalised log-likelihood in the modes."""
    return tuple(sd[effect] * problem.by_level(effect, terms.slope) - z[effect] for effect in problem.effects)


def _ascend(
    problem: Problem, cuts: Floats, gaps: Floats, sd: Floats, z: Modes, step: Modes, value: float
) -> tuple[Modes, Terms, float]:
    """Take the step, halved until the penalised log-likelihood does not fall by more than its rounding."""
    for halvings in range(31):
        moved = tuple(modes + 0.5**halvings * move for modes, move in zip(z, step, strict=True))
        terms, higher = _penalised(problem, cuts, gaps, sd, moved)
        if higher >= value - 1e-12 * abs(value):
            break
    return moved, terms, higher


@dataclass(frozen=True, eq=False)
class Slope:
    """Gradient of the log-likelihood, and the spread of the modes that it was made of."""

    gradient: Floats
    spread: Spread


def slope_at(problem: Problem, point: Point) -> Slope:
    """The gradient, exact through the modes."""
    curvature, terms, sd, z, cells = point.curvature, point.terms, point.sd, point.z, problem.cells
    spread = curvature.spread()
    # By cell: the conditional variance of its level, and the change of its weight with the cuts.
    variance = sum(sd[effect] * spread.by_effect[effect] for effect in problem.effects)
    density_up, density_low = terms.densities
    bend_up = cells.count * density_up * (1 - 2 * terms.upper)
    bend_low = cells.count * density_low * (1 - 2 * terms.lower)
    bent = variance * (bend_up + bend_low) / 2
    pull = curvature.solve(tuple(sd[effect] * problem.by_level(effect, bent) for effect in problem.effects))
    moved = sum(sd[effect] * pull[effect][problem.levels[effect]] for effect in problem.effects)
    near = _nearness(point.gaps)[cells.within]
    up = cells.count * (1 - terms.upper + near + density_up * moved) - variance * bend_up / 2
    low = cells.count * (density_low * moved - terms.lower - near) - variance * bend_low / 2
    size = len(problem.scale.offset)
    by_cut = totals(cells.entry + 1, up, size) + totals(cells.entry, low, size)
    through = bent - terms.weight * moved
    by_sd = [
        float(
            z[effect] @ problem.by_level(effect, terms.slope + through)
            + pull[effect] @ problem.by_level(effect, terms.slope)
            - terms.weight @ spread.by_effect[effect]
        )
        for effect in problem.effects
    ]
    return Slope(np.concatenate([by_cut @ problem.scale.design, by_sd]), spread)


def _nearness(gaps: Floats) -> Floats:
    """What the distance of the neighbouring cut adds to the slope at a cut."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / np.expm1(gaps))


def expected_information(problem: Problem, point: Point) -> Floats:
    """Approximate information: of the fixed part by the penalised likelihood, of the standard deviations by average information."""
    curvature, terms, sd, scale, cells = (
        point.curvature,
        point.terms,
        point.sd,
        problem.scale,
        problem.cells,
    )
    density_up, density_low = (cells.count * density for density in terms.densities)
    near = _nearness(point.gaps)[cells.within]
    tied = cells.count * near * (1 + near)
    size = len(scale.offset)
    own = totals(cells.entry + 1, density_up + tied, size) + totals(cells.entry, density_low + tied, size)
    between = totals(cells.entry, tied, size)[:-1]
    bends = np.diag(own) - np.diag(between, 1) - np.diag(between, -1)
    fixed = scale.design.T @ bends @ scale.design
    crossed = [
        sd[effect] * _by_cut(problem, effect, density_up, density_low) @ scale.design
        for effect in problem.effects
    ]
    for column in range(fixed.shape[1]):
        solved = curvature.solve(tuple(table[:, column] for table in crossed))
        for table, modes in zip(crossed, solved, strict=True):
            fixed[:, column] -= table.T @ modes
    information = np.zeros((len(point.parameters), len(point.parameters)))
    start = len(fixed)
    information[:start, :start] = (fixed + fixed.T) / 2
    information[start:, start:] = _average(problem, point)
    return information


def _by_cut(problem: Problem, effect: int, up: Floats, low: Floats) -> Floats:
    size, levels = len(problem.scale.offset), problem.sizes[effect]
    place = problem.levels[effect] * size + problem.cells.entry
    table = totals(place + 1, up, levels * size) + totals(place, low, levels * size)
    return table.reshape(levels, size)


def _average(problem: Problem, point: Point) -> Floats:
    """Average information of the standard deviations, the ratings linearised at the modes."""
    curvature, terms, sd = point.curvature, point.terms, point.sd
    scores = [problem.by_level(effect, terms.slope) for effect in problem.effects]
    columns = []
    for effect in problem.effects:
        working = terms.weight * scores[effect][problem.levels[effect]]
        columns.append([problem.by_level(other, working) for other in problem.effects])
    information = np.empty((len(scores), len(scores)))
    for j, right in enumerate(columns):
        solved = curvature.solve(tuple(sd[effect] * right[effect] for effect in problem.effects))
        for i in problem.effects:
            information[i, j] = scores[i] @ right[i] - sum(
                sd[effect] * (columns[i][effect] @ solved[effect]) for effect in problem.effects
            )
    # Where every score happens to be zero the average is nought: a little for each level keeps steps finite.
    weights = [problem.by_level(effect, terms.weight) for effect in problem.effects]
    least = 1e-3 * np.array([(weight > 0).sum() for weight in weights])
    return np.outer(sd, sd) * (information + information.T) + np.diag(least)
