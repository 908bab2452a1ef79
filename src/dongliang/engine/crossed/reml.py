"""Mixed models with crossed effects of targets and raters, from their sufficient sums.

In here ``a`` is the factor with more levels, which is eliminated, and ``b`` the other; ``tau`` are their
variances divided by the residual's; ``H = I + tau_a Za Za' + tau_b Zb Zb'`` is the covariance of the ratings divided
by the residual variance, and ``P = H^-1 - H^-1 X (X' H^-1 X)^-1 X' H^-1``. No formula divides by ``tau``, so that a
variance of zero is an ordinary point. See docs/methods/gaussian.md for the derivation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

from dongliang.engine.crossed.components import fit_components
from dongliang.engine.crossed.effects import refuse_unknown
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
from dongliang.engine.crossed.newton import minimise
from dongliang.engine.data import Booleans, Fit, Floats, Integers, Ratings, Record
from dongliang.engine.errors import InvalidRatings, Unidentified, converged

TOLERANCE = 1e-9
# A joint covariance of more targets than this takes over 200 MB and is left out of the fit.
COVARIANCE_LIMIT = 5_000
# Ratings of an indicator that differ by so small a share of the largest are equal up to rounding; and what a sum of squares is
# then, at most: where it is larger, nobody need look.
CONSTANT = 8 * float(np.finfo(float).eps)
SUSPECT = 1e-20
# Where targets and raters leave this share of the sum of squares, no digits are left to weigh errors by.
EXACT = 1e-9

REPRODUCED = "Targets and raters reproduce the ratings exactly, so that no error is left to weigh them by."


def gaussian(
    ratings: Ratings,
    *,
    effects: tuple[str, ...] = ("target", "rater"),
    subdistrict: Integers | None = None,
    reml: bool = True,
    max_iterations: int = 100,
) -> Fit:
    """Fit ``value = indicator + target - severity + residual``, targets and raters as Gaussian random effects.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators.
    effects : tuple of str, default ("target", "rater")
        The Gaussian effects: ``"target"``, and any of ``"rater"``, ``"indicator"`` (else fixed), ``"target:indicator"``,
        ``"target:rater"`` (halo: what a rater gives a target on all indicators alike), ``"rater:indicator"``, ``"subdistrict"``,
        ``"subdistrict:indicator"``.
    subdistrict : (p,) int, optional
        The group of each target, a code from 0; wanted by the two effects of that name, and only by them.
    reml : bool, default True
        Maximise the restricted likelihood, which does not underestimate the variances as the plain one does.
    max_iterations : int
        Give up after this many.

    Returns
    -------
    Fit
        In marks. ``measures`` (p,) are ``mean`` plus the conditional mode of the target; ``severities`` (r,)
        minus the conditional mode of the rater. Their standard errors are conditional standard deviations
        given the variances, the mean and the indicator effects (what lme4 calls ``condVar``): they hold
        the doubt about raters' severities, but not that about ``mean``, which all targets share and which has
        its own. ``covariance`` (p, p) belongs to them; it is None above 5,000 targets, and where every rater saw
        one target only, so that the errors are independent. A target or rater without ratings sits at the
        mean with the standard deviation of its kind.

        With other effects, ``variances`` has one for each; a measure holds the effect of the target's subdistrict, but none of
        its interactions; and the covariance is there for up to 5,000 targets in every design.

    Raises
    ------
    InvalidRatings
        An indicator has no ratings; an effect does not exist; or effects and subdistricts do not go together.
    Unidentified
        Only one target has ratings; or every target has one rating; or each target has one rater of its own;
        or targets or raters coincide with the indicators; or the effects reproduce the ratings exactly.
    Unconnected
        Two or more groups of several targets share no rater; ``groups`` lists all groups. Within a group
        the model would compare targets, but between groups it could only presume that they are equally
        good on average. Targets each seen by raters of their own are no such groups: their standard errors say
        how far the few or many raters settle the comparison.
    NotConverged
        ``max_iterations`` came first; ``fit`` is the last iterate.
    TooLarge
        Neither factor is small enough, nor nested in the other; or more than 8,000 levels of the effects belong to no single
        target or rater.

    Notes
    -----
    One rater only, or raters who gave one rating each, have no variance that could be told from the rest: it is left
    out and the record remarks it; so is any other effect that has one level, one rating a level, or the levels of another
    effect. Ratings that are equal within indicators give variances and standard
    errors of zero.

    Profiled deviance of [BMBW15]_, minimised by Newton steps with average information [GTC95]_; the larger
    factor is eliminated, which leaves a diagonal when it is nested in the smaller one.
    """
    usual = set(effects) == {"target", "rater"} and subdistrict is None
    if not usual:
        refuse_unknown(effects, subdistrict, ratings.n_targets)
    square = _square(ratings, ratings.values - ratings.values.mean())
    if _spread(square) <= SUSPECT * float(ratings.values @ ratings.values) and _alike(ratings):
        return _constant(ratings, square, effects, reml)
    if not usual:
        return fit_components(ratings, effects, subdistrict, reml=reml, max_iterations=max_iterations)
    sums = _Sums.of(ratings)
    free, remarks = _free(sums)
    point, slope, record = minimise(
        lambda tau: _evaluate(sums, tau, reml),
        lambda point: _slope(sums, point),
        _start(sums),
        free,
        method="REML" if reml else "ML",
        max_iterations=max_iterations,
    )
    fit = _fit(sums, point, slope, replace(record, remarks=remarks + _boundary_remarks(sums, point, free)))
    return converged(fit)


def _alike(ratings: Ratings) -> bool:
    """Whether the ratings of each indicator are equal up to rounding."""
    order = np.argsort(ratings.indicator, kind="stable")
    starts = np.flatnonzero(np.diff(ratings.indicator[order], prepend=-1))
    values = ratings.values[order]
    ranges = np.maximum.reduceat(values, starts) - np.minimum.reduceat(values, starts)
    return bool(ranges.max() <= CONSTANT * np.abs(values).max())


@dataclass(frozen=True, eq=False)
class _Sums:
    """The ratings as far as the model needs them: counts, and sums of the columns of ``[X, y]`` by level.

    ``y`` is centred on ``centre``, its mean. Fields of two hold ``a`` and then ``b``.
    """

    n: int
    indicators: int
    targets_first: bool
    centre: float
    counts: tuple[Floats, Floats]
    columns: tuple[Floats, Floats]
    square: Floats
    cross: csr_array
    transposed: csr_array
    layout: Layout
    spread: float

    @classmethod
    def of(cls, ratings: Ratings) -> _Sums:
        centre = float(ratings.values.mean())
        y = ratings.values - centre
        square = _square(ratings, y)
        sides = [(ratings.target, ratings.n_targets), (ratings.rater, ratings.n_raters)]
        columns = [_by_level(codes, levels, ratings, y) for codes, levels in sides]
        counts = [column[:, :-1].sum(axis=1) for column in columns]
        targets_first = int((counts[0] > 0).sum()) >= int((counts[1] > 0).sum())
        if not targets_first:
            sides, columns, counts = sides[::-1], columns[::-1], counts[::-1]
        (a, a_levels), (b, b_levels) = sides
        cross = meetings(a, b, (a_levels, b_levels))
        return cls(
            n=len(y),
            indicators=ratings.n_indicators,
            targets_first=targets_first,
            centre=centre,
            counts=(counts[0], counts[1]),
            columns=(columns[0], columns[1]),
            square=square,
            cross=cross,
            transposed=cross.T.tocsr(),
            layout=arranged(cross),
            spread=_spread(square),
        )

    @property
    def target(self) -> int:
        """Where the fields of two hold the targets."""
        return 0 if self.targets_first else 1

    def degrees(self, reml: bool) -> int:
        return self.n - self.indicators if reml else self.n


def _square(ratings: Ratings, y: Floats) -> Floats:
    """``[X, y]' [X, y]``, where ``X`` has a column an indicator."""
    counts = np.bincount(ratings.indicator, minlength=ratings.n_indicators)
    if not counts.all():
        raise InvalidRatings(f"Indicator {np.argmin(counts)} has no ratings. Leave it out, or give it some.")
    square = np.diag([*counts.astype(float), float(y @ y)])
    square[:-1, -1] = square[-1, :-1] = totals(ratings.indicator, y, ratings.n_indicators)
    return square


def _spread(square: Floats) -> float:
    """Sum of squares within indicators."""
    return float(square[-1, -1] - (square[:-1, -1] ** 2 / square.diagonal()[:-1]).sum())


def _by_level(codes: Integers, levels: int, ratings: Ratings, y: Floats) -> Floats:
    cells = codes * ratings.n_indicators + ratings.indicator
    counts = np.bincount(cells, minlength=levels * ratings.n_indicators).reshape(levels, -1)
    return np.column_stack([counts.astype(float), totals(codes, y, levels)])


def _free(sums: _Sums) -> tuple[Booleans, tuple[str, ...]]:
    """Which of the two variances can be estimated; refuses what nothing can tell apart."""
    target, rater = sums.target, 1 - sums.target
    refuse_incomparable(sums.counts[target])
    free = np.array([True, True])
    remark = why_no_severity(sums.counts[target], sums.counts[rater], sums.cross.nnz)
    if remark:
        free[rater] = False
        return free, (remark,)
    _refuse_unconnected(sums)
    return free, ()


def _refuse_unconnected(sums: _Sums) -> None:
    if isinstance(sums.layout, Nested) and not sums.targets_first:
        return
    met = sums.cross.tocoo()
    target, rater = (codes.astype(np.int64) for codes in met.coords[:: 1 if sums.targets_first else -1])
    refuse_unconnected(target, rater, len(sums.counts[sums.target]), len(sums.counts[1 - sums.target]))


@dataclass(frozen=True, eq=False)
class _Point:
    """The deviance at ``tau``, and what it was made of."""

    tau: Floats
    deviance: float
    spread: float
    residual: float
    degrees: int
    reml: bool
    fixed: Floats
    fixed_factor: tuple[Floats, bool]
    shrinkage: Floats
    schur: Schur
    solved: Floats
    scores: tuple[Floats, Floats]

    @property
    def variance(self) -> float:
        """Of the residuals, in squared marks."""
        return self.residual / self.degrees

    @property
    def tolerance(self) -> float:
        """Falls of the deviance below this do not matter, or are lost in its rounding."""
        lost = abs(self.deviance) + self.degrees * self.spread / self.residual
        return max(TOLERANCE, 4 * float(np.finfo(float).eps) * lost)


def _evaluate(sums: _Sums, tau: Floats, reml: bool) -> _Point:
    tau_a, tau_b = tau
    columns_a, columns_b = sums.columns
    shrinkage = 1 / (1 + tau_a * sums.counts[0])
    weights = tau_a * shrinkage
    weighted = columns_a * weights[:, None]
    try:
        schur = Schur.of(1 + tau_b * sums.counts[1], sums.layout.gram(sums.cross.data, weights), tau_b)
    except np.linalg.LinAlgError:
        raise Unidentified(REPRODUCED) from None
    right = columns_b - sums.transposed @ weighted
    solved = schur.solve(right)
    quadratic = sums.square - columns_a.T @ weighted - tau_b * (right.T @ solved)
    try:
        fixed_factor = cho_factor(quadratic[:-1, :-1])
    except np.linalg.LinAlgError:
        raise Unidentified(REPRODUCED) from None
    fixed = cho_solve(fixed_factor, quadratic[:-1, -1])
    residual = float(quadratic[-1, -1] - quadratic[:-1, -1] @ fixed)
    if residual <= EXACT * sums.spread:
        raise Unidentified(REPRODUCED)
    degrees = sums.degrees(reml)
    deviance = degrees * (1 + np.log(2 * np.pi * residual / degrees))
    deviance += float(np.log1p(tau_a * sums.counts[0]).sum()) + schur.log_determinant
    if reml:
        deviance += 2 * float(np.log(fixed_factor[0].diagonal()).sum())
    score_b = solved[:, -1] - solved[:, :-1] @ fixed
    score_a = shrinkage * (columns_a[:, -1] - columns_a[:, :-1] @ fixed - tau_b * (sums.cross @ score_b))
    return _Point(
        tau=tau,
        deviance=float(deviance),
        spread=sums.spread,
        residual=residual,
        degrees=degrees,
        reml=reml,
        fixed=fixed,
        fixed_factor=fixed_factor,
        shrinkage=shrinkage,
        schur=schur,
        solved=solved,
        scores=(score_a, score_b),
    )


@dataclass(frozen=True, eq=False)
class _Slope:
    """Gradient and average information of the deviance in ``tau``, and what the conditional variances need too.

    ``apart`` says which factor differs at all once the indicators are accounted for.
    """

    gradient: Floats
    information: Floats
    apart: Booleans
    inverse: Floats
    quadratics: Floats


def _slope(sums: _Sums, point: _Point) -> _Slope:
    tau_a, tau_b = point.tau
    inverse = point.schur.inverse()
    met = sums.cross.data * sums.layout.products(sums.cross.data, inverse)
    quadratics = totals(row_of_each(sums.cross), met, len(sums.counts[0]))
    diagonal = inverse if inverse.ndim == 1 else inverse.diagonal()
    count_a, count_b = sums.counts
    traces = np.array(
        [
            count_a @ point.shrinkage - tau_b * (quadratics @ point.shrinkage**2),
            count_b @ diagonal - tau_a * (quadratics @ point.shrinkage),
        ]
    )
    fixed_b = point.solved[:, :-1]
    fixed_a = point.shrinkage[:, None] * (sums.columns[0][:, :-1] - tau_b * (sums.cross @ fixed_b))
    taken = np.array([np.trace(cho_solve(point.fixed_factor, side.T @ side)) for side in (fixed_a, fixed_b)])
    squares = np.array([score @ score for score in point.scores]) / point.variance
    return _Slope(
        gradient=(traces - taken if point.reml else traces) - squares,
        information=_information(sums, point, squares),
        apart=traces - taken > 1e-9 * traces,
        inverse=inverse,
        quadratics=quadratics,
    )


def _information(sums: _Sums, point: _Point, squares: Floats) -> Floats:
    """Products under ``P`` of the columns ``Za Za' P y`` and ``Zb Zb' P y``, known by their sums as ``y`` is."""
    tau_a, tau_b = point.tau
    (count_a, count_b), (score_a, score_b) = sums.counts, point.scores
    fixed_columns_a, fixed_columns_b = (columns[:, :-1] for columns in sums.columns)
    met = sums.cross @ score_b
    by_a = np.column_stack([count_a * score_a, met])
    by_b = np.column_stack([sums.transposed @ score_a, count_b * score_b])
    by_fixed = np.column_stack([fixed_columns_a.T @ score_a, fixed_columns_b.T @ score_b])
    products = np.diag([count_a @ score_a**2, count_b @ score_b**2])
    products[0, 1] = products[1, 0] = score_a @ met
    weighted = by_a * (tau_a * point.shrinkage)[:, None]
    right = by_b - sums.transposed @ weighted
    products -= by_a.T @ weighted + tau_b * (right.T @ point.schur.solve(right))
    by_fixed -= fixed_columns_a.T @ weighted + tau_b * (point.solved[:, :-1].T @ right)
    products -= by_fixed.T @ cho_solve(point.fixed_factor, by_fixed)
    profiled = np.outer(squares, squares) / point.degrees
    # When one factor explains nearly everything, the difference is all rounding: a little of its terms keeps its sign.
    return np.asarray(products / point.variance - profiled + 1e-6 * np.diag(profiled.diagonal()))


def _start(sums: _Sums) -> Floats:
    """Variance ratios by the method of moments: expected sums of squares of level means [SCM92]_."""
    means = sums.square[:-1, -1] / sums.square.diagonal()[:-1]
    between, own, other = np.empty(2), np.empty(2), np.empty(2)
    shared = sums.cross.data**2
    row = row_of_each(sums.cross)
    for side, (counts, columns) in enumerate(zip(sums.counts, sums.columns, strict=True)):
        total = columns[:, -1] - columns[:, :-1] @ means
        divisor = np.maximum(counts, 1)
        between[side] = (total**2 / divisor).sum()
        own[side] = (counts**2).sum() / sums.n
        other[side] = (shared / divisor[row if side == 0 else sums.cross.indices]).sum()
    levels = np.array([(counts > 0).sum() for counts in sums.counts])
    expected = np.array(
        [
            [sums.n - 1, sums.n - own[0], sums.n - own[1]],
            [levels[0] - 1, sums.n - own[0], other[0] - own[1]],
            [levels[1] - 1, other[1] - own[0], sums.n - own[1]],
        ]
    )
    residual, *variances = np.linalg.lstsq(expected, np.array([sums.spread, *between]))[0]
    floor = 0.01 * sums.spread / sums.n
    return np.clip(np.array(variances) / max(float(residual), floor), 0.01, 100)


def _fit(sums: _Sums, point: _Point, slope: _Slope, record: Record) -> Fit:
    modes = [tau * score for tau, score in zip(point.tau, point.scores, strict=True)]
    errors = [np.sqrt(variances) for variances in _conditional_variances(point, slope)]
    fixed_covariance = point.variance * cho_solve(point.fixed_factor, np.eye(sums.indicators))
    mean = sums.centre + float(point.fixed.mean())
    target, rater = sums.target, 1 - sums.target
    return Fit(
        measures=mean + modes[target],
        standard_errors=errors[target],
        covariance=_covariance(sums, point, slope),
        severities=-modes[rater],
        severity_standard_errors=errors[rater],
        mean=mean,
        mean_standard_error=float(np.sqrt(fixed_covariance.mean())),
        indicator_effects=point.fixed - point.fixed.mean(),
        variances={
            "target": float(point.variance * point.tau[target]),
            "rater": float(point.variance * point.tau[rater]),
            "residual": float(point.variance),
        },
        n_ratings=sums.counts[target].astype(np.int64),
        log_likelihood=-point.deviance / 2,
        record=record,
    )


def _conditional_variances(point: _Point, slope: _Slope) -> tuple[Floats, Floats]:
    tau_a, tau_b = point.tau
    diagonal = slope.inverse if slope.inverse.ndim == 1 else slope.inverse.diagonal()
    variance_a = tau_a * point.shrinkage + tau_a**2 * tau_b * point.shrinkage**2 * slope.quadratics
    return point.variance * variance_a, point.variance * tau_b * diagonal


def _covariance(sums: _Sums, point: _Point, slope: _Slope) -> Floats | None:
    tau_a, tau_b = point.tau
    diagonal = slope.inverse.ndim == 1
    if len(sums.counts[sums.target]) > COVARIANCE_LIMIT or (diagonal and not sums.targets_first):
        return None
    inverse = slope.inverse if diagonal else np.triu(slope.inverse) + np.triu(slope.inverse, 1).T
    if not sums.targets_first:
        return np.asarray(point.variance * tau_b * inverse)
    shrunk = sums.cross * (tau_a * point.shrinkage)[:, None]
    spread = ((shrunk * inverse) @ shrunk.T).toarray() if diagonal else shrunk @ (shrunk @ inverse).T
    covariance = point.variance * (tau_b * spread + np.diag(tau_a * point.shrinkage))
    return np.asarray((covariance + covariance.T) / 2)


def _boundary_remarks(sums: _Sums, point: _Point, free: Booleans) -> tuple[str, ...]:
    names = ("targets", "raters") if sums.targets_first else ("raters", "targets")
    return tuple(
        f"The variance of {name} is estimated as zero: their differences are no larger than chance would make them."
        for name, tau, estimated in zip(names, point.tau, free, strict=True)
        if estimated and tau == 0
    )


def _constant(ratings: Ratings, square: Floats, effects: tuple[str, ...], reml: bool) -> Fit:
    fixed = square[:-1, -1] / square.diagonal()[:-1]
    mean = float(ratings.values.mean() + fixed.mean())
    return Fit(
        measures=np.full(ratings.n_targets, mean),
        standard_errors=np.zeros(ratings.n_targets),
        covariance=None,
        severities=np.zeros(ratings.n_raters),
        severity_standard_errors=np.zeros(ratings.n_raters),
        mean=mean,
        mean_standard_error=0.0,
        indicator_effects=fixed - fixed.mean(),
        variances=dict.fromkeys(("target", "rater", *effects, "residual"), 0.0),
        n_ratings=np.bincount(ratings.target, minlength=ratings.n_targets),
        log_likelihood=float("nan"),
        record=Record(
            method="REML" if reml else "ML",
            objective=float("nan"),
            iterations=0,
            evaluations=0,
            tolerance=TOLERANCE,
            decrement=0.0,
            stopped="All ratings of an indicator are equal: there is nothing to estimate.",
            remarks=("All ratings of an indicator are equal: targets cannot be told apart.",),
        ),
    )
