"""Cumulative logit mixed model with crossed effects of targets and raters, by the Laplace approximation.

In here ``a`` is the factor with more levels, which is eliminated, and ``b`` the other. Effects are ``sd * z`` with standard
normal ``z``, so that a standard deviation of zero is an ordinary point. ``cuts`` is the table of cut points of every
indicator, from minus to plus infinity; ``K = I + L Z'WZ L`` is minus the curvature of the penalised log-likelihood in
``z``, where ``L`` holds the standard deviations and ``W`` what the ratings tell about their own levels. See
docs/methods/ordinal.md for the derivation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from dongliang.engine.crossed.layout import (
    Layout,
    Nested,
    Schur,
    arranged,
    meetings,
    refuse_incomparable,
    refuse_unconnected,
    row_of_each,
    totals,
    why_no_severity,
)
from dongliang.engine.data import Booleans, Floats, Integers, OrdinalFit, Ratings, Record
from dongliang.engine.errors import InvalidRatings, NotConverged, Unidentified

Modes = tuple[Floats, Floats]

TOLERANCE = 1e-8
# A climb that ends this near may have lost its sense of curvature: the observed information finishes or refuses it.
NEARLY = 1e-5
# Squared length, in units of the conditional standard deviations, of a step of the modes that is not worth taking.
MODES_TOLERANCE = 1e-19
# Chances beyond this many logits differ from 0 and 1 by less than rounding: estimates do not end there, they run away.
RUNAWAY = 30.0
MODES_ITERATIONS = 200
# Variance of the standard logistic distribution: what chance adds to effects on the scale of logits.
LOGISTIC = np.pi**2 / 3
# A standard deviation below this, in logits, is compared with zero.
NEGLIGIBLE = 0.1
# A direction in which the log-likelihood bends less than this, per squared logit, has no maximum in reach.
FLAT = 1e-5
# Log-likelihood that may be lost by putting such a one at zero.
ZERO_LOSS = 1e-6
# A joint covariance of more targets than this takes over 200 MB and is left out of the fit.
COVARIANCE_LIMIT = 5_000

SEPARATED = (
    "The marks separate targets, raters or indicators perfectly, so that the likelihood rises for ever as their distance "
    "grows. Use crossed.gaussian, thresholds per indicator, or more ratings."
)


def ordinal(
    ratings: Ratings,
    *,
    thresholds: Literal["common", "indicator"] = "common",
    features: Floats | None = None,
    max_iterations: int = 100,
) -> OrdinalFit:
    """Fit ``P(value <= category k) = logit^-1(threshold_k - indicator - target + severity)``.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators. The ``K`` different values, in rising order, are the
        categories; their distances do not matter. A category that nobody used does not exist.
    thresholds : {"common", "indicator"}
        One set of thresholds, shifted by an effect of the indicator; or a set for each indicator.
    features : (J, q) float, optional
        Columns that describe the indicators, when their effects are to be sums over these alone; by default every
        indicator has its own effect. Goes with common thresholds only.
    max_iterations : int
        Give up after this many.

    Returns
    -------
    OrdinalFit
        In logits. ``measures`` (p,) and minus ``severities`` (r,) are conditional modes, ``standard_errors`` conditional
        standard deviations given thresholds and variances. ``covariance`` (p, p) belongs to them; it is None above 5,000
        targets, and where every rater saw one target only, so that the errors are independent.
        A target or rater without ratings sits at 0 with the standard deviation of its kind.

    Raises
    ------
    InvalidRatings
        An indicator has no ratings; the features are not ``J`` rows of finite numbers, or do not go with the thresholds.
    Unidentified
        Only one target has ratings; or every target has one rating; or each target has one rater of its own; or the
        marks separate targets, raters or indicators perfectly; or features repeat each other.
    Unconnected
        Two or more groups of several targets share no rater; ``groups`` lists all groups.
    NotConverged
        ``max_iterations`` came first; ``fit`` is the last iterate.
    TooLarge
        Neither factor is small enough, nor nested in the other.

    Notes
    -----
    One rater only, or raters who gave one rating each, have no variance that could be told from the rest: it is left
    out and the record remarks it. Ratings that are equal within indicators give measures, variances and standard errors of zero.
    Within an indicator of its own thresholds, a category not used there has no width: two thresholds coincide, or lie at
    infinity where it is the lowest or highest.

    Proportional odds [McC80]_ with Gaussian effects, Laplace approximation [TK86]_; its gradient is exact through the modes
    [SF06]_, climbed by quasi-Newton
    steps from the curvature of the penalised likelihood and average information [GTC95]_.
    """
    categories, category = np.unique(ratings.values, return_inverse=True)
    scale = _Scale.of(ratings, category.astype(np.int64), len(categories), thresholds, features)
    problem = _Problem.of(ratings, category.astype(np.int64), scale)
    if problem.scale.used.sum() == ratings.n_indicators:
        return _constant(problem, categories)
    free, remarks = _free(problem)
    top = _climb(problem, _start(problem, ratings, category, free), free, max_iterations)
    record = replace(top.record, remarks=remarks + top.record.remarks)
    fit = _fit(problem, replace(top, record=record), categories)
    if not _done(top):
        raise NotConverged(
            f"The fit did not converge: {record.stopped} One more step promised to raise the log-likelihood by "
            f"{record.decrement:.3g}; allowed is {record.tolerance:.3g}.",
            fit,
        )
    return fit


@dataclass(frozen=True, eq=False)
class _Scale:
    """How the free parameters make the cut points: ``cuts = offset + design @ fixed``, (J, K + 1) in one row.

    The indicators' effects are ``effects @ fixed``; NaN where each has thresholds of its own.
    """

    indicators: int
    offset: Floats
    design: Floats
    effects: Floats
    used: Booleans
    start: Floats

    @classmethod
    def of(
        cls,
        ratings: Ratings,
        category: Integers,
        k: int,
        thresholds: str,
        features: Floats | None,
    ) -> _Scale:
        j = ratings.n_indicators
        counts = np.bincount(ratings.indicator * k + category, minlength=j * k).reshape(j, k)
        if not counts.any(axis=1).all():
            empty = int(np.argmin(counts.any(axis=1)))
            raise InvalidRatings(f"Indicator {empty} has no ratings. Leave it out, or give it some.")
        if thresholds == "indicator":
            if features is not None:
                raise InvalidRatings(
                    "Features go with common thresholds: thresholds per indicator leave no effect to them."
                )
            return cls._apart(counts)
        return cls._shifted(counts, _contrasts(j) if features is None else _checked(features, j))

    @classmethod
    def _shifted(cls, counts: Integers, effects: Floats) -> _Scale:
        j, k = counts.shape
        design = np.zeros((j, k + 1, k - 1 + effects.shape[1]))
        design[:, 1:-1, : k - 1] = np.eye(k - 1)
        design[:, 1:-1, k - 1 :] = -effects[:, None, :]
        offset = np.zeros((j, k + 1))
        offset[:, 0], offset[:, -1] = -np.inf, np.inf
        below = counts.sum(axis=0).cumsum()
        start = np.append(_logit(below[:-1] / below[-1]), np.zeros(effects.shape[1]))
        return cls(
            indicators=j,
            offset=offset.ravel(),
            design=design.reshape(j * (k + 1), -1),
            effects=np.column_stack([np.zeros((j, k - 1)), effects]),
            used=counts.ravel() > 0,
            start=start,
        )

    @classmethod
    def _apart(cls, counts: Integers) -> _Scale:
        j, k = counts.shape
        below = np.column_stack([np.zeros(j), counts.cumsum(axis=1)])
        share = below / below[:, -1:]
        # A category not used repeats the share below it: the two cut points are one parameter.
        inner = (share > 0) & (share < 1)
        first = inner & np.column_stack([np.ones(j, dtype=bool), np.diff(below, axis=1) > 0])
        number = np.where(inner, first.ravel().cumsum().reshape(j, k + 1) - 1, -1).ravel()
        design = np.zeros((j * (k + 1), int(first.sum())))
        design[np.flatnonzero(number >= 0), number[number >= 0]] = 1
        offset = np.where(inner, 0.0, np.where(share == 0, -np.inf, np.inf)).ravel()
        return cls(
            indicators=j,
            offset=offset,
            design=design,
            effects=np.full((j, design.shape[1]), np.nan),
            used=counts.ravel() > 0,
            start=_logit(share[first]),
        )

    def cuts(self, fixed: Floats) -> Floats:
        """The cut points, (J, K + 1) from minus to plus infinity."""
        return (self.offset + self.design @ fixed).reshape(self.indicators, -1)


def _logit(share: Floats) -> Floats:
    return np.asarray(np.log(share) - np.log1p(-share))


def _contrasts(j: int) -> Floats:
    """Effects that sum to zero: the last is minus the sum of the others."""
    return np.vstack([np.eye(j - 1), -np.ones((1, j - 1))])


def _checked(features: Floats, j: int) -> Floats:
    given = np.array(features, dtype=np.float64)
    if given.ndim != 2 or len(given) != j or not np.isfinite(given).all():
        raise InvalidRatings(
            f"features has the shape {given.shape}. Give a row of finite numbers for each of {j} indicators."
        )
    centred = np.asarray(given - given.mean(axis=0))
    if np.linalg.matrix_rank(centred) < given.shape[1]:
        raise Unidentified("A feature is the same for all indicators, or a sum of others. Leave it out.")
    # In units of their own spread no feature is lost in another's rounding.
    return np.asarray(centred / centred.std(axis=0))


@dataclass(frozen=True, eq=False)
class _Problem:
    """Ratings that agree in target, rater, indicator and category are one cell. Fields of two hold ``a`` and then ``b``.

    ``met`` is the cell's place among the pairs of levels that met; ``entry`` the place of its lower cut point among the
    cuts, its upper one being next; ``within`` its place in the table of indicators and categories.
    """

    scale: _Scale
    targets_first: bool
    sizes: tuple[int, int]
    levels: tuple[Integers, Integers]
    met: Integers
    entry: Integers
    within: Integers
    count: Floats
    cross: csr_array
    layout: Layout
    row: Integers
    column: Integers

    @classmethod
    def of(cls, ratings: Ratings, category: Integers, scale: _Scale) -> _Problem:
        sides = [(ratings.target, ratings.n_targets), (ratings.rater, ratings.n_raters)]
        used = [int((np.bincount(codes, minlength=size) > 0).sum()) for codes, size in sides]
        targets_first = used[0] >= used[1]
        (a, a_size), (b, b_size) = sides if targets_first else sides[::-1]
        k = len(scale.offset) // scale.indicators - 1
        cross = meetings(a, b, (a_size, b_size))
        key, count = np.unique(
            (a * b_size + b) * (scale.indicators * k) + ratings.indicator * k + category, return_counts=True
        )
        pair, within = np.divmod(key, scale.indicators * k)
        return cls(
            scale=scale,
            targets_first=targets_first,
            sizes=(a_size, b_size),
            levels=(pair // b_size, pair % b_size),
            # Cells are sorted by pair as the stored values of the cross table are.
            met=np.cumsum(np.diff(pair, prepend=pair[0]) > 0),
            entry=within + within // k,
            within=within,
            count=count.astype(np.float64),
            cross=cross,
            layout=arranged(cross),
            row=row_of_each(cross),
            column=cross.indices.astype(np.int64),
        )

    @property
    def target(self) -> int:
        """Where the fields of two hold the targets."""
        return 0 if self.targets_first else 1

    def by_level(self, side: int, weights: Floats) -> Floats:
        """Sums of the cells' weights by level of ``a`` (0) or ``b`` (1)."""
        return totals(self.levels[side], weights, self.sizes[side])

    def across(self, data: Floats, weights: Floats) -> Floats:
        """``C' weights`` for a table of meetings with these values: from ``a`` to ``b``."""
        return totals(self.column, data * weights[self.row], self.sizes[1])

    def back(self, data: Floats, weights: Floats) -> Floats:
        """``C weights``: from ``b`` to ``a``."""
        return totals(self.row, data * weights[self.column], self.sizes[0])


def _free(problem: _Problem) -> tuple[Booleans, tuple[str, ...]]:
    """Which of the two standard deviations can be estimated; refuses what nothing can tell apart."""
    target, rater = problem.target, 1 - problem.target
    counts = [problem.by_level(side, problem.count) for side in (0, 1)]
    refuse_incomparable(counts[target])
    free = np.array([True, True])
    remark = why_no_severity(counts[target], counts[rater], problem.cross.nnz)
    if remark:
        free[rater] = False
        return free, (remark,)
    if not isinstance(problem.layout, Nested) or problem.targets_first:
        codes = [problem.row, problem.column]
        refuse_unconnected(codes[target], codes[rater], problem.sizes[target], problem.sizes[rater])
    return free, ()


@dataclass(frozen=True, eq=False)
class _Terms:
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


def _gaps(problem: _Problem, cuts: Floats) -> Floats | None:
    """Distances of neighbouring cuts by indicator and category, (J K,), 1 where no mark is; None if out of order."""
    high, low = cuts[:, 1:].ravel(), cuts[:, :-1].ravel()
    used = problem.scale.used
    gaps = np.ones(len(high))
    gaps[used] = high[used] - low[used]
    return gaps if (gaps > 0).all() else None


def _terms(problem: _Problem, cuts: Floats, gaps: Floats, effects: Modes) -> _Terms:
    level = effects[0][problem.levels[0]] + effects[1][problem.levels[1]]
    flat = cuts.ravel()
    upper = expit(flat[problem.entry + 1] - level)
    above = expit(level - flat[problem.entry])
    # F(h) - F(l) = F(h) F(-l) (1 - exp(l - h)): no digits are lost where both chances are near 0 or near 1.
    chance = np.log(np.maximum(upper * above, 1e-300)) + np.log(-np.expm1(-gaps))[problem.within]
    lower = 1 - above
    slope = upper - above
    weight = upper * (1 - upper) + lower * above
    return _Terms(
        value=float(problem.count @ chance),
        upper=upper,
        lower=lower,
        slope=problem.count * slope,
        weight=problem.count * weight,
    )


@dataclass(frozen=True, eq=False)
class _Curvature:
    """``K``, with the diagonal block of ``a`` eliminated; ``cross`` is its block between pairs that met."""

    diagonal: Floats
    cross: Floats
    schur: Schur

    @classmethod
    def of(cls, problem: _Problem, sd: Floats, weight: Floats) -> _Curvature:
        diagonal, other = (1 + sd[side] ** 2 * problem.by_level(side, weight) for side in (0, 1))
        cross = sd[0] * sd[1] * totals(problem.met, weight, problem.cross.nnz)
        return cls(diagonal, cross, Schur.of(other, problem.layout.gram(cross, 1 / diagonal)))

    @property
    def log_determinant(self) -> float:
        return float(np.log(self.diagonal).sum()) + self.schur.log_determinant

    def solve(self, problem: _Problem, right: Modes) -> Modes:
        shrunk = right[0] / self.diagonal
        b = self.schur.solve((right[1] - problem.across(self.cross, shrunk))[:, None])[:, 0]
        return shrunk - problem.back(self.cross, b) / self.diagonal, b


@dataclass(frozen=True, eq=False)
class _Point:
    """The Laplace log-likelihood at the parameters, and what it was made of."""

    parameters: Floats
    log_likelihood: float
    cuts: Floats
    gaps: Floats
    z: Modes
    terms: _Terms
    curvature: _Curvature

    @property
    def sd(self) -> Floats:
        return self.parameters[-2:]


def _evaluate(
    problem: _Problem, parameters: Floats, z: Modes, curvature: _Curvature | None = None
) -> _Point | None:
    """Find the modes from ``z`` on and the log-likelihood; None where the thresholds are out of order.

    Steps reuse the ``curvature`` of a point nearby while they still shrink well, which saves most factorisations.
    """
    cuts, sd = problem.scale.cuts(parameters[:-2]), parameters[-2:]
    gaps = _gaps(problem, cuts)
    if gaps is None:
        return None
    terms, value = _penalised(problem, cuts, gaps, sd, z)
    curvature = curvature or _Curvature.of(problem, sd, terms.weight)
    before = np.inf
    for _ in range(MODES_ITERATIONS):
        right = _residual(problem, sd, terms, z)
        step = curvature.solve(problem, right)
        squared = float(right[0] @ step[0] + right[1] @ step[1])
        if squared <= MODES_TOLERANCE:
            break
        if squared > before / 10:
            curvature, before = _Curvature.of(problem, sd, terms.weight), np.inf
            continue
        z, terms, value = _ascend(problem, cuts, gaps, sd, z, step, value)
        before = squared
    curvature = _Curvature.of(problem, sd, terms.weight)
    return _Point(
        parameters=parameters,
        log_likelihood=value - curvature.log_determinant / 2,
        cuts=cuts,
        gaps=gaps,
        z=z,
        terms=terms,
        curvature=curvature,
    )


def _penalised(problem: _Problem, cuts: Floats, gaps: Floats, sd: Floats, z: Modes) -> tuple[_Terms, float]:
    terms = _terms(problem, cuts, gaps, (sd[0] * z[0], sd[1] * z[1]))
    return terms, terms.value - float(z[0] @ z[0] + z[1] @ z[1]) / 2


def _residual(problem: _Problem, sd: Floats, terms: _Terms, z: Modes) -> Modes:
    """Slope of the penalised log-likelihood in the modes."""
    by_a, by_b = (sd[side] * problem.by_level(side, terms.slope) - z[side] for side in (0, 1))
    return by_a, by_b


def _ascend(
    problem: _Problem, cuts: Floats, gaps: Floats, sd: Floats, z: Modes, step: Modes, value: float
) -> tuple[Modes, _Terms, float]:
    """Take the step, halved until the penalised log-likelihood does not fall by more than its rounding."""
    for halvings in range(31):
        size = 0.5**halvings
        moved = (z[0] + size * step[0], z[1] + size * step[1])
        terms, higher = _penalised(problem, cuts, gaps, sd, moved)
        if higher >= value - 1e-12 * abs(value):
            break
    return moved, terms, higher


@dataclass(frozen=True, eq=False)
class _Slope:
    """Gradient of the log-likelihood, and what it was made of.

    ``inverse`` is that of the Schur complement, ``diagonals`` those of the inverse of ``K`` for ``a`` and ``b``.
    """

    gradient: Floats
    inverse: Floats
    diagonals: tuple[Floats, Floats]


def _slope(problem: _Problem, point: _Point) -> _Slope:
    curvature, terms, sd, z = point.curvature, point.terms, point.sd, point.z
    inverse = curvature.schur.inverse()
    products = problem.layout.products(curvature.cross, inverse)
    quadratics = totals(problem.row, curvature.cross * products, problem.sizes[0])
    shared = -products / curvature.diagonal[problem.row]
    own = (
        1 / curvature.diagonal + quadratics / curvature.diagonal**2,
        inverse if inverse.ndim == 1 else inverse.diagonal(),
    )
    # By cell: the conditional variance of its level, and the change of its weight with the cuts.
    by_side = [
        sd[side] * own[side][problem.levels[side]] + sd[1 - side] * shared[problem.met] for side in (0, 1)
    ]
    spread = sd[0] * by_side[0] + sd[1] * by_side[1]
    density_up, density_low = terms.densities
    bend_up = problem.count * density_up * (1 - 2 * terms.upper)
    bend_low = problem.count * density_low * (1 - 2 * terms.lower)
    bent = spread * (bend_up + bend_low) / 2
    pull = curvature.solve(problem, (sd[0] * problem.by_level(0, bent), sd[1] * problem.by_level(1, bent)))
    moved = sum(sd[side] * pull[side][problem.levels[side]] for side in (0, 1))
    near = _nearness(point.gaps)[problem.within]
    up = problem.count * (1 - terms.upper + near + density_up * moved) - spread * bend_up / 2
    low = problem.count * (density_low * moved - terms.lower - near) - spread * bend_low / 2
    size = len(problem.scale.offset)
    by_cut = totals(problem.entry + 1, up, size) + totals(problem.entry, low, size)
    through = bent - terms.weight * moved
    by_sd = [
        float(
            z[side] @ problem.by_level(side, terms.slope + through)
            + pull[side] @ problem.by_level(side, terms.slope)
            - terms.weight @ by_side[side]
        )
        for side in (0, 1)
    ]
    return _Slope(
        gradient=np.concatenate([by_cut @ problem.scale.design, by_sd]),
        inverse=inverse,
        diagonals=own,
    )


def _nearness(gaps: Floats) -> Floats:
    """What the distance of the neighbouring cut adds to the slope at a cut."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / np.expm1(gaps))


def _expected(problem: _Problem, point: _Point) -> Floats:
    """Approximate information: of the fixed part by the penalised likelihood, of the standard deviations by average information."""
    curvature, terms, sd, scale = point.curvature, point.terms, point.sd, problem.scale
    density_up, density_low = (problem.count * density for density in terms.densities)
    near = _nearness(point.gaps)[problem.within]
    tied = problem.count * near * (1 + near)
    size = len(scale.offset)
    own = totals(problem.entry + 1, density_up + tied, size) + totals(problem.entry, density_low + tied, size)
    between = totals(problem.entry, tied, size)[:-1]
    bends = np.diag(own) - np.diag(between, 1) - np.diag(between, -1)
    fixed = scale.design.T @ bends @ scale.design
    crossed = [sd[side] * _by_cut(problem, side, density_up, density_low) @ scale.design for side in (0, 1)]
    solved = [curvature.solve(problem, (a, b)) for a, b in zip(crossed[0].T, crossed[1].T, strict=True)]
    for column, (a, b) in enumerate(solved):
        fixed[:, column] -= crossed[0].T @ a + crossed[1].T @ b
    information = np.zeros((len(point.parameters), len(point.parameters)))
    information[:-2, :-2] = (fixed + fixed.T) / 2
    information[-2:, -2:] = _average(problem, point)
    return information


def _by_cut(problem: _Problem, side: int, up: Floats, low: Floats) -> Floats:
    size = len(problem.scale.offset)
    place = problem.levels[side] * size + problem.entry
    table = totals(place + 1, up, problem.sizes[side] * size) + totals(place, low, problem.sizes[side] * size)
    return table.reshape(problem.sizes[side], size)


def _average(problem: _Problem, point: _Point) -> Floats:
    """Average information of the standard deviations, the ratings linearised at the modes."""
    curvature, terms, sd = point.curvature, point.terms, point.sd
    weights = totals(problem.met, terms.weight, problem.cross.nnz)
    scores = [problem.by_level(side, terms.slope) for side in (0, 1)]
    by_level = [problem.by_level(side, terms.weight) for side in (0, 1)]
    columns = [
        (by_level[0] * scores[0], problem.across(weights, scores[0])),
        (problem.back(weights, scores[1]), by_level[1] * scores[1]),
    ]
    information = np.empty((2, 2))
    for j, right in enumerate(columns):
        solved = curvature.solve(problem, (sd[0] * right[0], sd[1] * right[1]))
        for i in (0, 1):
            information[i, j] = scores[i] @ right[i] - sum(
                sd[side] * (columns[i][side] @ solved[side]) for side in (0, 1)
            )
    # Where every score happens to be zero the average is nought: a little for each level keeps steps finite.
    least = 1e-3 * np.array([(weight > 0).sum() for weight in by_level])
    return np.outer(sd, sd) * (information + information.T) + np.diag(least)


def _start(problem: _Problem, ratings: Ratings, category: Integers, free: Booleans) -> _Point:
    """Thresholds by shares, standard deviations by products of ratings of one level, with all modes at zero."""
    means = totals(ratings.indicator, category.astype(np.float64), ratings.n_indicators)
    score = category - (means / np.bincount(ratings.indicator))[ratings.indicator]
    whole = float(score @ score) / len(score)
    shares = np.empty(2)
    sides = [(ratings.target, ratings.n_targets), (ratings.rater, ratings.n_raters)]
    for side, (codes, size) in enumerate(sides if problem.targets_first else sides[::-1]):
        sums, squares = totals(codes, score, size), totals(codes, score**2, size)
        counts = np.bincount(codes, minlength=size).astype(np.float64)
        products, pairs = float(sums @ sums - squares.sum()), float((counts * (counts - 1)).sum())
        shares[side] = products / max(pairs, 1) / whole
    shares = np.clip(shares, 0.01, 0.8)
    rest = max(1 - float(shares @ free), 0.2)
    variances = np.where(free, shares / rest, 0.0) * LOGISTIC
    widened = np.sqrt(1 + variances.sum() / LOGISTIC)
    parameters = np.append(problem.scale.start * widened, np.sqrt(variances))
    return _ordered(_evaluate(problem, parameters, (np.zeros(problem.sizes[0]), np.zeros(problem.sizes[1]))))


@dataclass(frozen=True, eq=False)
class _Top:
    """Where the climb ended, and the information that its standard errors come from."""

    point: _Point
    slope: _Slope
    information: Floats
    moving: Booleans
    record: Record


def _climb(problem: _Problem, point: _Point, free: Booleans, max_iterations: int) -> _Top:
    """Climb to the top; a standard deviation that ends next to zero is put there and held, and the rest climbs on.

    The curvature that the steps have gathered may promise less than there is: at the end the observed information has
    the last word.
    """
    moving = np.append(np.ones(len(point.parameters) - 2, dtype=bool), free)
    top = _rise(problem, point, moving, _expected(problem, point), max_iterations)
    for side in (-2, -1):
        if not moving[side] or abs(top.point.parameters[side]) > NEGLIGIBLE or not _done(top):
            continue
        parameters = top.point.parameters.copy()
        parameters[side] = 0
        zero = _ordered(_evaluate(problem, parameters, top.point.z))
        if zero.log_likelihood < top.point.log_likelihood - ZERO_LOSS:
            continue
        moving = moving & (np.arange(-len(moving), 0) != side)
        higher = _rise(problem, zero, moving, _expected(problem, zero), max_iterations)
        top = _joined(top, higher, _boundary_remark(problem, side))
    if top.record.decrement > NEARLY:
        return top
    information = _observed(problem, top.point, moving)
    if np.linalg.eigvalsh(information[np.ix_(moving, moving)])[0] < FLAT:
        raise Unidentified(SEPARATED)
    return replace(
        _joined(top, _rise(problem, top.point, moving, information, max_iterations)), information=information
    )


def _done(top: _Top) -> bool:
    return top.record.decrement <= top.record.tolerance


def _joined(first: _Top, second: _Top, *remarks: str) -> _Top:
    record = replace(
        second.record,
        iterations=first.record.iterations + second.record.iterations,
        evaluations=first.record.evaluations + second.record.evaluations,
        remarks=(*first.record.remarks, *remarks),
    )
    return replace(second, record=record)


def _rise(problem: _Problem, point: _Point, moving: Booleans, bent: Floats, max_iterations: int) -> _Top:
    """Quasi-Newton steps in the parameters that move, from this information on."""
    slope = _slope(problem, point)
    evaluations = 1
    for iteration in range(max_iterations + 1):
        step = np.zeros(len(moving))
        step[moving] = np.linalg.solve(bent[np.ix_(moving, moving)], slope.gradient[moving])
        decrement = float(slope.gradient @ step)
        if decrement <= TOLERANCE:
            stopped = "The log-likelihood can rise no further."
            break
        if iteration == max_iterations:
            stopped = f"{max_iterations} iterations were allowed."
            break
        higher, tried = _ahead(problem, point, slope.gradient, step)
        evaluations += tried
        if higher is None:
            stopped = "No shorter step raised the log-likelihood."
            break
        _refuse_runaway(higher)
        risen = _slope(problem, higher)
        fallen = moving * (slope.gradient - risen.gradient)
        bent = _updated(bent, higher.parameters - point.parameters, fallen)
        point, slope = higher, risen
    record = Record(
        method="Laplace",
        objective=-2 * point.log_likelihood,
        iterations=iteration,
        evaluations=evaluations,
        tolerance=TOLERANCE,
        decrement=decrement,
        stopped=stopped,
    )
    return _Top(point, slope, bent, moving, record)


def _boundary_remark(problem: _Problem, side: int) -> str:
    name = "targets" if side + 2 == problem.target else "raters"
    return f"The variance of {name} is estimated as zero: their differences are no larger than chance would make them."


def _refuse_runaway(point: _Point) -> None:
    finite = point.cuts[np.isfinite(point.cuts)]
    if max(np.abs(finite).max(initial=0), np.abs(point.sd).max()) > RUNAWAY:
        raise Unidentified(SEPARATED)


def _ahead(problem: _Problem, point: _Point, gradient: Floats, step: Floats) -> tuple[_Point | None, int]:
    for tried in range(1, 31):
        part = step * 0.5 ** (tried - 1)
        higher = _evaluate(problem, point.parameters + part, point.z, point.curvature)
        if (
            higher
            and higher.log_likelihood >= point.log_likelihood + 1e-4 * float(gradient @ part) - TOLERANCE / 4
        ):
            return higher, tried
    return None, tried


def _updated(bent: Floats, step: Floats, fallen: Floats) -> Floats:
    """BFGS; the fall of the gradient is mixed with what was foreseen where it would leave the matrix indefinite."""
    foreseen = bent @ step
    along, seen = float(step @ foreseen), float(step @ fallen)
    if seen < 0.1 * along:
        fallen = foreseen + 0.9 * along / (along - seen) * (fallen - foreseen)
        seen = 0.1 * along
    return np.asarray(bent - np.outer(foreseen, foreseen) / along + np.outer(fallen, fallen) / seen)


def _observed(problem: _Problem, point: _Point, moving: Booleans) -> Floats:
    """Minus the differences of the exact gradient, each way by a hundredth of an error; 0 for what does not move."""
    units = 0.01 / np.sqrt(_expected(problem, point).diagonal())
    information = np.zeros((len(moving), len(moving)))
    for place in np.flatnonzero(moving):
        move = units * (np.arange(len(moving)) == place)
        before, behind = (
            _slope(problem, _ordered(_evaluate(problem, point.parameters + part, point.z, point.curvature)))
            for part in (move, -move)
        )
        information[place] = moving * (behind.gradient - before.gradient) / (2 * units[place])
    return (information + information.T) / 2


def _ordered(point: _Point | None) -> _Point:
    """Thresholds that a small step puts out of order are thresholds that nothing holds in place."""
    if point is None:
        raise Unidentified(SEPARATED)
    return point


def _fit(problem: _Problem, top: _Top, categories: Floats) -> OrdinalFit:
    point, slope, moving = top.point, top.slope, top.moving
    parameters = np.zeros_like(top.information)
    held = np.ix_(moving, moving)
    parameters[held] = np.linalg.inv(top.information[held])
    sd = np.abs(point.sd)
    modes = [point.sd[side] * point.z[side] for side in (0, 1)]
    errors = [sd[side] * np.sqrt(slope.diagonals[side]) for side in (0, 1)]
    target, rater = problem.target, 1 - problem.target
    inner = np.isfinite(point.cuts[:, 1:-1])
    cut_errors = np.sqrt(
        np.einsum("ij,jk,ik->i", problem.scale.design, parameters[:-2, :-2], problem.scale.design)
    )
    effect_map = problem.scale.effects
    effect_errors = np.sqrt(np.einsum("ij,jk,ik->i", effect_map, parameters[:-2, :-2], effect_map))
    sd_errors = np.where(moving[-2:], np.sqrt(parameters.diagonal()[-2:]), np.nan)
    return OrdinalFit(
        measures=modes[target],
        standard_errors=errors[target],
        covariance=_covariance(problem, point, slope),
        severities=-modes[rater],
        severity_standard_errors=errors[rater],
        categories=categories,
        thresholds=point.cuts[:, 1:-1],
        threshold_standard_errors=np.where(inner, cut_errors.reshape(point.cuts.shape)[:, 1:-1], np.nan),
        indicator_effects=effect_map @ point.parameters[:-2],
        indicator_effect_standard_errors=effect_errors,
        standard_deviations={"target": float(sd[target]), "rater": float(sd[rater])},
        standard_deviation_errors={"target": float(sd_errors[target]), "rater": float(sd_errors[rater])},
        fair_marks=_fair_marks(point.cuts, modes[target], categories),
        n_ratings=problem.by_level(target, problem.count).astype(np.int64),
        log_likelihood=point.log_likelihood,
        record=top.record,
    )


def _covariance(problem: _Problem, point: _Point, slope: _Slope) -> Floats | None:
    target, diagonal = problem.target, slope.inverse.ndim == 1
    if problem.sizes[target] > COVARIANCE_LIMIT or (diagonal and not problem.targets_first):
        return None
    inverse = slope.inverse if diagonal else np.triu(slope.inverse) + np.triu(slope.inverse, 1).T
    variance = point.sd[target] ** 2
    if not problem.targets_first:
        return np.asarray(variance * inverse)
    pattern = (problem.cross.indices, problem.cross.indptr)
    shrunk = csr_array(
        (point.curvature.cross / point.curvature.diagonal[problem.row], *pattern), shape=problem.cross.shape
    )
    if diagonal:
        scaled = csr_array((shrunk.data * inverse[problem.column], *pattern), shape=shrunk.shape)
        spread = np.asarray((scaled @ shrunk.T).toarray())
    else:
        spread = np.asarray(shrunk @ (shrunk @ inverse).T)
    covariance = variance * (spread + np.diag(1 / point.curvature.diagonal))
    return np.asarray((covariance + covariance.T) / 2)


def _fair_marks(cuts: Floats, measures: Floats, categories: Floats) -> Floats:
    """The mark to be expected from a rater of average severity, on average over the indicators."""
    expected = np.zeros(len(measures))
    for row in cuts:
        expected += np.diff(expit(row[:, None] - measures), axis=0).T @ categories
    return expected / len(cuts)


def _constant(problem: _Problem, categories: Floats) -> OrdinalFit:
    """Every indicator has one category: all its thresholds are infinite."""
    sizes = problem.sizes if problem.targets_first else problem.sizes[::-1]
    indicators = problem.scale.indicators
    category = problem.scale.used.reshape(indicators, -1).argmax(axis=1)
    above = np.arange(len(categories) - 1) >= category[:, None]
    remark = "All ratings of an indicator are equal: targets cannot be told apart."
    return OrdinalFit(
        measures=np.zeros(sizes[0]),
        standard_errors=np.zeros(sizes[0]),
        covariance=None,
        severities=np.zeros(sizes[1]),
        severity_standard_errors=np.zeros(sizes[1]),
        categories=categories,
        thresholds=np.where(above, np.inf, -np.inf),
        threshold_standard_errors=np.full(above.shape, np.nan),
        indicator_effects=np.full(indicators, np.nan),
        indicator_effect_standard_errors=np.full(indicators, np.nan),
        standard_deviations={"target": 0.0, "rater": 0.0},
        standard_deviation_errors={"target": float("nan"), "rater": float("nan")},
        fair_marks=np.full(sizes[0], categories[category].mean()),
        n_ratings=problem.by_level(problem.target, problem.count).astype(np.int64),
        log_likelihood=0.0,
        record=Record(
            method="Laplace",
            objective=0.0,
            iterations=0,
            evaluations=0,
            tolerance=TOLERANCE,
            decrement=0.0,
            stopped="All ratings of an indicator are equal: there is nothing to estimate.",
            remarks=(remark,),
        ),
    )
