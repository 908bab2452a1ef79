"""Mixed models with crossed effects of targets and raters, from their sufficient sums.

In here ``a`` is the factor with more levels, which is eliminated, and ``b`` the other; ``tau`` are their
variances divided by the residual's; ``H = I + tau_a Za Za' + tau_b Zb Zb'`` is the covariance of the ratings divided
by the residual variance, and ``P = H^-1 - H^-1 X (X' H^-1 X)^-1 X' H^-1``. No formula divides by ``tau``, so that a
variance of zero is an ordinary point. See docs/methods/gaussian.md for the derivation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.sparse import coo_array, csr_array

from dongliang.engine.data import Booleans, Fit, Floats, Integers, Ratings, Record, connected_groups
from dongliang.engine.errors import InvalidRatings, NotConverged, TooLarge, Unconnected, Unidentified

TOLERANCE = 1e-9
# A joint covariance of more targets than this takes over 200 MB and is left out of the fit.
COVARIANCE_LIMIT = 5_000
# A dense Schur complement of this many levels takes 0.5 GB, and three are alive at once.
DENSE_LIMIT = 8_000
# Ratings whose sum of squares within indicators is this small a share of the whole are equal up to rounding.
CONSTANT = 1e-24
# Where targets and raters leave this share of the sum of squares, no digits are left to weigh errors by.
EXACT = 1e-9

REPRODUCED = "Targets and raters reproduce the ratings exactly, so that no error is left to weigh them by."


def gaussian(ratings: Ratings, *, reml: bool = True, max_iterations: int = 100) -> Fit:
    """Fit ``value = indicator + target - severity + residual``, targets and raters as Gaussian random effects.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators.
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

    Raises
    ------
    InvalidRatings
        An indicator has no ratings.
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
        Neither factor is small enough, nor nested in the other.

    Notes
    -----
    One rater only, or raters who gave one rating each, have no variance that could be told from the rest: it is left
    out and the record remarks it. Ratings that are equal within indicators give variances and standard
    errors of zero.

    Profiled deviance of [BMBW15]_, minimised by Newton steps with average information [GTC95]_; the larger
    factor is eliminated, which leaves a diagonal when it is nested in the smaller one.
    """
    sums = _Sums.of(ratings)
    if sums.spread <= CONSTANT * float(ratings.values @ ratings.values):
        return _constant(sums, reml)
    free, remarks = _free(sums)
    point, slope, record = _minimise(sums, free, reml=reml, max_iterations=max_iterations)
    fit = _fit(sums, point, slope, replace(record, remarks=remarks + _boundary_remarks(sums, point, free)))
    if record.decrement > record.tolerance:
        raise NotConverged(
            f"The fit did not converge: {record.stopped} One more step promised to lower the deviance by "
            f"{record.decrement:.3g}; allowed is {record.tolerance:.3g}.",
            fit,
        )
    return fit


class _Cross(Protocol):
    """Which levels of ``a`` met which of ``b``, arranged for ``C' diag(w) C`` and for ``c' M c`` of every row c."""

    def gram(self, weights: Floats) -> Floats: ...

    def quadratics(self, inverse: Floats) -> Floats: ...


@dataclass(frozen=True, eq=False)
class _Nested:
    """Every level of ``a`` met at most one of ``b``: the gram matrix is diagonal and kept as a vector."""

    row: Integers
    column: Integers
    squared: Floats
    shape: tuple[int, int]

    def gram(self, weights: Floats) -> Floats:
        return _totals(self.column, self.squared * weights[self.row], self.shape[1])

    def quadratics(self, inverse: Floats) -> Floats:
        return _totals(self.row, self.squared * inverse[self.column], self.shape[0])


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Few meetings: every pair of ``b`` levels that share a level of ``a`` is listed once, by rows of ``a``."""

    per_row: Integers
    row: Integers
    place: Integers
    product: Floats
    doubled: Floats
    shape: tuple[int, int]

    @classmethod
    def of(cls, cross: csr_array) -> _Pairs:
        size = np.diff(cross.indptr).astype(np.int64)
        ends = np.repeat(cross.indptr[1:].astype(np.int64), size)
        length = ends - np.arange(cross.nnz)
        first = np.repeat(np.arange(cross.nnz), length)
        second = first + np.arange(len(first)) - np.repeat(np.cumsum(length) - length, length)
        product = cross.data[first] * cross.data[second]
        return cls(
            per_row=size * (size + 1) // 2,
            row=np.repeat(np.arange(cross.shape[0]), size * (size + 1) // 2),
            place=cross.indices[first].astype(np.int64) * cross.shape[1] + cross.indices[second],
            product=product,
            doubled=np.where(first == second, product, 2 * product),
            shape=cross.shape,
        )

    def gram(self, weights: Floats) -> Floats:
        b = self.shape[1]
        weighted = np.repeat(weights, self.per_row) * self.product
        return _totals(self.place, weighted, b * b).reshape(b, b)

    def quadratics(self, inverse: Floats) -> Floats:
        return _totals(self.row, inverse.ravel()[self.place] * self.doubled, self.shape[0])


@dataclass(frozen=True, eq=False)
class _Filled:
    """Most levels met: dense blocks of rows, multiplied by BLAS."""

    cross: csr_array

    def _blocks(self) -> list[slice]:
        rows = max(1, 2**21 // self.cross.shape[1])
        return [slice(start, start + rows) for start in range(0, self.cross.shape[0], rows)]

    def gram(self, weights: Floats) -> Floats:
        total = np.zeros((self.cross.shape[1], self.cross.shape[1]))
        for block in self._blocks():
            counts = self.cross[block].toarray()
            total += counts.T @ (counts * weights[block, None])
        return total

    def quadratics(self, inverse: Floats) -> Floats:
        # Only the upper triangle of the inverse is filled.
        full = np.triu(inverse) + np.triu(inverse, 1).T
        blocks = [self.cross[block].toarray() for block in self._blocks()]
        return np.concatenate([np.einsum("ij,ij->i", counts @ full, counts) for counts in blocks])


def _totals(codes: Integers, weights: Floats, levels: int) -> Floats:
    return np.asarray(np.bincount(codes, weights=weights, minlength=levels), dtype=np.float64)


def _arranged(cross: csr_array) -> _Cross:
    a, b = cross.shape
    size = np.diff(cross.indptr).astype(np.int64)
    if size.max() <= 1:
        return _Nested(np.flatnonzero(size), cross.indices.astype(np.int64), cross.data**2, cross.shape)
    if b > DENSE_LIMIT:
        raise TooLarge(
            f"{a} and {b} targets and raters are too many: one of the two may have at most {DENSE_LIMIT} levels "
            "unless each level of the other meets only one of them. Score the parts apart."
        )
    pairs = int((size * (size + 1) // 2).sum())
    # Listing costs about 10 ns a pair and 40 bytes; BLAS 0.05 ns a cell of the cube, whether filled or not.
    if pairs > min(a * b * b // 200 + b * b, 30_000_000):
        return _Filled(cross)
    return _Pairs.of(cross)


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
    arranged: _Cross
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
        cross = coo_array((np.ones(len(a)), (a, b)), shape=(a_levels, b_levels)).tocsr()
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
            arranged=_arranged(cross),
            spread=float(square[-1, -1] - (square[:-1, -1] ** 2 / square.diagonal()[:-1]).sum()),
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
    square[:-1, -1] = square[-1, :-1] = _totals(ratings.indicator, y, ratings.n_indicators)
    return square


def _by_level(codes: Integers, levels: int, ratings: Ratings, y: Floats) -> Floats:
    cells = codes * ratings.n_indicators + ratings.indicator
    counts = np.bincount(cells, minlength=levels * ratings.n_indicators).reshape(levels, -1)
    return np.column_stack([counts.astype(float), _totals(codes, y, levels)])


def _free(sums: _Sums) -> tuple[Booleans, tuple[str, ...]]:
    """Which of the two variances can be estimated; refuses what nothing can tell apart."""
    target, rater = sums.target, 1 - sums.target
    used = [counts[counts > 0] for counts in sums.counts]
    if len(used[target]) < 2:
        raise Unidentified(
            "Only one target has ratings, so there is nothing to compare it with. Rate two at least."
        )
    if used[target].max() == 1:
        raise Unidentified(
            "Every target has one rating, so target and chance cannot be told apart. Rate them again."
        )
    free = np.array([True, True])
    remarks: tuple[str, ...] = ()
    if len(used[rater]) < 2:
        free[rater] = False
        remarks = ("There is one rater only: severity is left out of the model.",)
    elif used[rater].max() == 1:
        free[rater] = False
        remarks = (
            "Every rater gave one rating: severity cannot be told from chance and is left out of the model.",
        )
    elif sums.cross.nnz == len(used[0]) == len(used[1]):
        raise Unidentified(
            "Each target has one rater of its own, so that the two cannot be told apart. Let raters share targets."
        )
    else:
        _refuse_unconnected(sums)
    return free, remarks


def _refuse_unconnected(sums: _Sums) -> None:
    if isinstance(sums.arranged, _Nested) and not sums.targets_first:
        return
    met = sums.cross.tocoo()
    target, rater = (codes.astype(np.int64) for codes in met.coords[:: 1 if sums.targets_first else -1])
    groups = connected_groups(target, rater, len(sums.counts[sums.target]), len(sums.counts[1 - sums.target]))
    if len(groups) > 1 and len(groups[1]) > 1:
        raise Unconnected(
            f"The ratings fall into {len(groups)} groups of targets that share no rater, of {len(groups[0])}, "
            f"{len(groups[1])}{' and fewer' if len(groups) > 2 else ''} targets. "
            "Let at least one rater of each group rate a target of another, or score the groups apart.",
            groups,
        )


@dataclass(frozen=True, eq=False)
class _Schur:
    """``S = I + tau_b (Db - C' W C)``: what elimination of ``a`` leaves; a vector where it is diagonal."""

    factor: Floats
    log_determinant: float

    @classmethod
    def of(cls, sums: _Sums, weights: Floats, tau_b: float) -> _Schur:
        matrix = sums.arranged.gram(weights)
        matrix *= -tau_b
        diagonal = 1 + tau_b * sums.counts[1]
        if matrix.ndim == 1:
            matrix += diagonal
            return cls(matrix, float(np.log(matrix).sum()))
        matrix.ravel()[:: len(matrix) + 1] += diagonal
        # The transpose of a C-ordered upper triangle is LAPACK's lower one, without a copy.
        factor, failed = dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
        if failed:
            raise Unidentified(REPRODUCED)
        return cls(factor, 2 * float(np.log(factor.diagonal()).sum()))

    def solve(self, right: Floats) -> Floats:
        if self.factor.ndim == 1:
            return right / self.factor[:, None]
        return np.asarray(dpotrs(self.factor, right, lower=1)[0])

    def inverse(self) -> Floats:
        """The inverse; of a matrix the upper triangle only, in C order."""
        if self.factor.ndim == 1:
            return 1 / self.factor
        return np.asarray(dpotri(self.factor, lower=1)[0].T)


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
    schur: _Schur
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
    schur = _Schur.of(sums, weights, tau_b)
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
    quadratics = sums.arranged.quadratics(inverse)
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
    taken = np.array([(cho_solve(point.fixed_factor, side.T) * side.T).sum() for side in (fixed_a, fixed_b)])
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


def _minimise(
    sums: _Sums, free: Booleans, *, reml: bool, max_iterations: int
) -> tuple[_Point, _Slope, Record]:
    """Newton steps in ``tau >= 0``, halved until the deviance falls.

    A variance at zero stays there while its gradient says that the deviance would fall only below zero.
    """
    point = _evaluate(sums, np.where(free, _start(sums), 0.0), reml)
    evaluations = 1
    for iteration in range(max_iterations + 1):
        slope = _slope(sums, point)
        if not slope.apart[free].all():
            raise Unidentified(
                "Targets or raters coincide with the indicators, so that they cannot be told apart."
            )
        moving = free & ((point.tau > 0) | (slope.gradient < 0))
        step = np.where(
            moving, _newton(slope.gradient * moving, slope.information * np.outer(moving, moving)), 0.0
        )
        decrement = -float(slope.gradient @ step) / 2
        if decrement <= point.tolerance:
            stopped = "The deviance can fall no further."
            break
        if iteration == max_iterations:
            stopped = f"{max_iterations} iterations were allowed."
            break
        lower, tried = _descend(sums, point, slope.gradient, step)
        evaluations += tried
        if lower is None:
            stopped = "No shorter step lowered the deviance."
            break
        point = lower
    record = Record(
        method="REML" if reml else "ML",
        objective=point.deviance,
        iterations=iteration,
        evaluations=evaluations,
        tolerance=point.tolerance,
        decrement=decrement,
        stopped=stopped,
    )
    return point, slope, record


def _newton(gradient: Floats, information: Floats) -> Floats:
    # The two ratios may differ by orders of magnitude: on their own units, neither is lost in the other's rounding.
    unit = 1 / np.sqrt(np.where(information.diagonal() > 0, information.diagonal(), 1.0))
    scaled = unit[:, None] * information * unit
    return np.asarray(-unit * np.linalg.lstsq(scaled, unit * gradient)[0])


def _descend(sums: _Sums, point: _Point, gradient: Floats, step: Floats) -> tuple[_Point | None, int]:
    for tried in range(1, 31):
        tau = np.maximum(point.tau + step * 0.5 ** (tried - 1), 0)
        lower = _evaluate(sums, tau, point.reml)
        if (
            lower.deviance
            <= point.deviance + 1e-4 * float(gradient @ (tau - point.tau)) + point.tolerance / 4
        ):
            return lower, tried
    return None, tried


def _start(sums: _Sums) -> Floats:
    """Variance ratios by the method of moments: expected sums of squares of level means [SCM92]_."""
    means = sums.square[:-1, -1] / sums.square.diagonal()[:-1]
    between, own, other = np.empty(2), np.empty(2), np.empty(2)
    shared = sums.cross.data**2
    row = np.repeat(np.arange(sums.cross.shape[0]), np.diff(sums.cross.indptr))
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


def _constant(sums: _Sums, reml: bool) -> Fit:
    targets, raters = len(sums.counts[sums.target]), len(sums.counts[1 - sums.target])
    fixed = sums.square[:-1, -1] / sums.square.diagonal()[:-1]
    mean = sums.centre + float(fixed.mean())
    return Fit(
        measures=np.full(targets, mean),
        standard_errors=np.zeros(targets),
        covariance=None,
        severities=np.zeros(raters),
        severity_standard_errors=np.zeros(raters),
        mean=mean,
        mean_standard_error=0.0,
        indicator_effects=fixed - fixed.mean(),
        variances={"target": 0.0, "rater": 0.0, "residual": 0.0},
        n_ratings=sums.counts[sums.target].astype(np.int64),
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
