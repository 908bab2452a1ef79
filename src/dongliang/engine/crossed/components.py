"""Gaussian mixed models with more crossed effects than targets and raters.

Every effect ``k`` has its own variance, ``tau_k`` times the residual's. Effects are ``sqrt(tau) * z`` in units of the residual,
``L`` holds the square roots and ``K = I + L Z'Z L``. One of targets and raters is the pivot: the levels that belong to one of
its units alone (a target itself, its indicators, its raters) make one small dense block a unit, and all blocks are inverted at
once; what is left, the outer levels, is one dense matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array, csr_array

from dongliang.engine.crossed.effects import Design, free_effects
from dongliang.engine.crossed.layout import DENSE_LIMIT, Schur, row_of_each, totals
from dongliang.engine.crossed.newton import minimise
from dongliang.engine.crossed.units import BLOCKS_LIMIT, Places, inner_effects, padded
from dongliang.engine.data import Booleans, Fit, Floats, Integers, Ratings, Record
from dongliang.engine.errors import TooLarge, Unidentified, converged

TOLERANCE = 1e-9
COVARIANCE_LIMIT = 5_000
# Where the effects leave this share of the sum of squares, no digits are left to weigh errors by.
EXACT = 1e-9
# The trace of an effect without variance is that of one with as little as this.
ALMOST_NONE = 1e-7

REPRODUCED = "The effects reproduce the ratings exactly, so that no error is left to weigh them by."


def fit_components(
    ratings: Ratings,
    effects: tuple[str, ...],
    subdistrict: Integers | None,
    *,
    reml: bool,
    max_iterations: int,
) -> Fit:
    """What ``crossed.gaussian`` answers for any effects that ``refuse_unknown`` lets pass."""
    design = Design.of(ratings, effects, subdistrict)
    free, remarks = free_effects(ratings, design)
    design = design.without(~free)
    blocks = _Blocks.of(ratings, design)
    model = _Model.of(ratings, design, blocks, reml)
    count = len(design.names)
    point, slope, record = minimise(
        model.evaluate,
        model.slope,
        np.full(count, 1 / (count + 1)),
        np.ones(count, dtype=bool),
        method="REML" if reml else "ML",
        max_iterations=max_iterations,
    )
    zero = tuple(
        f"The variance of {name} is estimated as zero: its differences are no larger than chance would make them."
        for name, tau in zip(design.names, point.tau, strict=True)
        if tau == 0
    )
    fit = _fit(ratings, model, point, slope, effects, replace(record, remarks=remarks + zero))
    return converged(fit)


@dataclass(frozen=True, eq=False)
class _Bucket:
    """Units whose blocks have the same padded size. ``inner`` (u, m) and ``outer`` (u, l) number their levels; the number
    after the last stands for none. ``within`` (u, m, m) and ``between`` (u, m, l) count ratings that two levels share.
    """

    inner: Integers
    outer: Integers
    within: Floats
    between: Floats


@dataclass(frozen=True, eq=False)
class _Blocks:
    """The pattern of ``Z'Z``: blocks of inner levels by unit of the pivot, and the outer levels among themselves.

    ``outer`` lists the outer levels by their number in the design.
    """

    levels: int
    outer: Integers
    among: Floats
    buckets: tuple[_Bucket, ...]

    @classmethod
    def of(cls, ratings: Ratings, design: Design) -> _Blocks:
        pivots = {"target": ratings.target, "rater": ratings.rater}
        inner = {name: inner_effects(design, name, codes) for name, codes in pivots.items()}
        sizes = np.array(design.sizes)
        pivot = min(pivots, key=lambda name: int(sizes[~inner[name]].sum()))
        return cls._around(design, pivots[pivot], inner[pivot])

    @classmethod
    def _around(cls, design: Design, unit: Integers, inner: Booleans) -> _Blocks:
        numbers = [codes + offset for codes, offset in zip(design.codes, design.offsets[:-1], strict=True)]
        q = int(design.offsets[-1])
        outside = np.repeat(~inner, design.sizes)
        outer = np.flatnonzero(outside)
        if len(outer) > DENSE_LIMIT:
            raise TooLarge(
                f"{len(outer)} levels belong to no single target or rater; at most {DENSE_LIMIT} may. "
                "Leave an effect out, or score the parts apart."
            )
        renumbered = np.cumsum(outside) - 1
        own = [number for number, inside in zip(numbers, inner, strict=True) if inside]
        shared = [renumbered[number] for number, inside in zip(numbers, inner, strict=True) if not inside]
        among = np.zeros(len(outer) ** 2)
        for first in shared:
            for second in shared:
                among += totals(first * len(outer) + second, np.ones(len(unit)), len(among))
        inside_of = Places.of(unit, own, q)
        met_by = Places.of(unit, shared, len(outer))
        buckets = _buckets(unit, own, shared, inside_of, met_by)
        return cls(q, outer, among.reshape(len(outer), len(outer)), buckets)


def _buckets(
    unit: Integers, own: list[Integers], shared: list[Integers], inside_of: Places, met_by: Places
) -> tuple[_Bucket, ...]:
    present = np.unique(unit)
    widths = np.column_stack([padded(inside_of.size[present]), padded(met_by.size[present])])
    needed = int((widths[:, 0] * (2 * widths.sum(axis=1)) + widths[:, 1] ** 2).sum())
    if needed > BLOCKS_LIMIT:
        raise TooLarge(
            f"The blocks of {len(present)} targets or raters would take {needed / 1.25e8:.0f} GB; "
            f"{BLOCKS_LIMIT / 1.25e8:.1f} is the most. Leave an effect out, or score the parts apart."
        )
    kinds, kind = np.unique(widths, axis=0, return_inverse=True)
    buckets = []
    for index, (m, met) in enumerate(kinds):
        units = present[kind == index]
        row = np.full(int(unit.max()) + 1, -1)
        row[units] = np.arange(len(units))
        here = np.flatnonzero(row[unit] >= 0)
        at, rows = unit[here], row[unit[here]]
        inner = [inside_of.place(at, number[here]) for number in own]
        outer = [met_by.place(at, number[here]) for number in shared]
        buckets.append(
            _Bucket(
                inner=inside_of.table(units, m),
                outer=met_by.table(units, met),
                within=_counted(rows, inner, inner, (len(units), m, m)),
                between=_counted(rows, inner, outer, (len(units), m, met)),
            )
        )
    return tuple(buckets)


def _counted(
    rows: Integers, first: list[Integers], second: list[Integers], shape: tuple[int, int, int]
) -> Floats:
    counts = np.zeros(shape[0] * shape[1] * shape[2])
    for one in first:
        for other in second:
            counts += np.bincount((rows * shape[1] + one) * shape[2] + other, minlength=len(counts))
    return counts.reshape(shape)


@dataclass(frozen=True, eq=False)
class _Factor:
    """``K`` factored at ``scale``: by bucket the inverse of the inner block and ``reach``, that inverse times the border."""

    blocks: _Blocks
    scale: Floats
    inverses: tuple[Floats, ...]
    reaches: tuple[Floats, ...]
    schur: Schur
    log_determinant: float

    @classmethod
    def of(cls, blocks: _Blocks, scale: Floats) -> _Factor:
        own, outer = np.append(scale, 0.0), np.append(scale[blocks.outer], 0.0)
        size = len(outer)
        taken = np.zeros(size * size)
        inverses, reaches, logs = [], [], 0.0
        for bucket in blocks.buckets:
            left, right = own[bucket.inner], outer[bucket.outer]
            block = bucket.within * left[:, :, None] * left[:, None, :]
            block += np.eye(left.shape[1])
            border = bucket.between * left[:, :, None] * right[:, None, :]
            diagonal = np.diagonal(np.linalg.cholesky(block), axis1=1, axis2=2)
            logs += 2 * float(np.log(diagonal).sum())
            inverse = np.linalg.inv(block)
            reach = inverse @ border
            place = bucket.outer[:, :, None] * size + bucket.outer[:, None, :]
            taken += totals(place.ravel(), (border.transpose(0, 2, 1) @ reach).ravel(), size * size)
            inverses.append(inverse)
            reaches.append(reach)
        among = blocks.among * outer[:-1, None] * outer[:-1]
        subtracted = np.ascontiguousarray(taken.reshape(size, size)[:-1, :-1] - among)
        schur = Schur.of(np.ones(size - 1), subtracted) if size > 1 else Schur(np.ones(0), 0.0)
        return cls(blocks, scale, tuple(inverses), tuple(reaches), schur, logs + schur.log_determinant)

    def solve(self, right: Floats) -> Floats:
        """Solve for the columns of ``right``, (q, c)."""
        outer = self.blocks.outer
        solved = np.vstack([right, np.zeros((1, right.shape[1]))])
        rest = np.vstack([right[outer], np.zeros((1, right.shape[1]))])
        for bucket, inverse, reach in zip(self.blocks.buckets, self.inverses, self.reaches, strict=True):
            own = solved[bucket.inner]
            pushed = (reach.transpose(0, 2, 1) @ own).reshape(-1, right.shape[1])
            met = bucket.outer.ravel()
            rest -= np.column_stack([totals(met, column, len(rest)) for column in pushed.T])
            solved[bucket.inner] = inverse @ own
        rest[:-1] = self.schur.solve(rest[:-1])
        rest[-1] = 0
        for bucket, reach in zip(self.blocks.buckets, self.reaches, strict=True):
            solved[bucket.inner] -= reach @ rest[bucket.outer]
            solved[-1] = 0
        solved[outer] = rest[:-1]
        return solved[:-1]

    def inverse(self) -> Floats:
        """The inverse of the Schur complement of the outer levels."""
        upper = self.schur.inverse()
        return np.diag(upper) if upper.ndim == 1 else np.triu(upper) + np.triu(upper, 1).T

    def diagonal(self, outer_inverse: Floats) -> Floats:
        """The diagonal of the inverse of ``K``."""
        whole = np.ones(self.blocks.levels + 1)
        padded = np.pad(outer_inverse, (0, 1))
        for bucket, inverse, reach in zip(self.blocks.buckets, self.inverses, self.reaches, strict=True):
            local = padded[bucket.outer[:, :, None], bucket.outer[:, None, :]]
            whole[bucket.inner] = np.diagonal(inverse, axis1=1, axis2=2) + ((reach @ local) * reach).sum(
                axis=2
            )
        whole[self.blocks.outer] = outer_inverse.diagonal()
        return whole[:-1]


@dataclass(frozen=True, eq=False)
class _Point:
    """The deviance at ``tau``, and what it was made of. ``weighed`` are the columns of ``H^-1 [X, y - X fixed]``."""

    tau: Floats
    deviance: float
    spread: float
    residual: float
    degrees: int
    fixed: Floats
    fixed_factor: tuple[Floats, bool]
    factor: _Factor
    weighed: Floats

    @property
    def variance(self) -> float:
        """Of the residuals, in squared marks."""
        return self.residual / self.degrees

    @property
    def tolerance(self) -> float:
        lost = abs(self.deviance) + self.degrees * self.spread / self.residual
        return max(TOLERANCE, 4 * float(np.finfo(float).eps) * lost)


@dataclass(frozen=True, eq=False)
class _Slope:
    gradient: Floats
    information: Floats
    apart: Booleans
    outer_inverse: Floats
    diagonal: Floats


@dataclass(frozen=True, eq=False)
class _Model:
    design: Design
    blocks: _Blocks
    levels: csr_array
    transposed: csr_array
    columns: Floats
    sums: Floats
    centre: float
    spread: float
    reml: bool
    square: Floats

    @classmethod
    def of(cls, ratings: Ratings, design: Design, blocks: _Blocks, reml: bool) -> _Model:
        centre = float(ratings.values.mean())
        columns = np.column_stack([_fixed(ratings, design), ratings.values - centre])
        n = len(ratings)
        number = np.concatenate(
            [codes + offset for codes, offset in zip(design.codes, design.offsets[:-1], strict=True)]
        )
        row = np.tile(np.arange(n), len(design.names))
        levels = coo_array((np.ones(len(row)), (row, number)), shape=(n, blocks.levels)).tocsr()
        transposed = levels.T.tocsr()
        square = columns.T @ columns
        return cls(
            design=design,
            blocks=blocks,
            levels=levels,
            transposed=transposed,
            columns=columns,
            sums=transposed @ columns,
            centre=centre,
            spread=float(square[-1, -1] - (square[:-1, -1] ** 2 / square.diagonal()[:-1]).sum()),
            reml=reml,
            square=square,
        )

    def evaluate(self, tau: Floats) -> _Point:
        scale = self.design.each(np.sqrt(tau))
        try:
            factor = _Factor.of(self.blocks, scale)
            solved = scale[:, None] * factor.solve(scale[:, None] * self.sums)
            quadratic = self.square - self.sums.T @ solved
            fixed_factor = cho_factor(quadratic[:-1, :-1])
        except np.linalg.LinAlgError:
            raise Unidentified(REPRODUCED) from None
        fixed = cho_solve(fixed_factor, quadratic[:-1, -1])
        residual = float(quadratic[-1, -1] - quadratic[:-1, -1] @ fixed)
        if residual <= EXACT * self.spread:
            raise Unidentified(REPRODUCED)
        n, j = len(self.columns), len(fixed)
        degrees = n - j if self.reml else n
        deviance = degrees * (1 + np.log(2 * np.pi * residual / degrees)) + factor.log_determinant
        if self.reml:
            deviance += 2 * float(np.log(fixed_factor[0].diagonal()).sum())
        weighed = self.columns - self.levels @ solved
        weighed[:, -1] -= weighed[:, :-1] @ fixed
        return _Point(
            tau=tau,
            deviance=float(deviance),
            spread=self.spread,
            residual=residual,
            degrees=degrees,
            fixed=fixed,
            fixed_factor=fixed_factor,
            factor=factor,
            weighed=weighed,
        )

    def slope(self, point: _Point) -> _Slope:
        design = self.design
        outer_inverse = point.factor.inverse()
        diagonal = point.factor.diagonal(outer_inverse)
        traces = self._traces(point, diagonal)
        by_level = self.transposed @ point.weighed
        fixed_part, scores = by_level[:, :-1], by_level[:, -1]
        taken = design.by_effect((cho_solve(point.fixed_factor, fixed_part.T).T * fixed_part).sum(axis=1))
        squares = design.by_effect(scores**2) / point.variance
        return _Slope(
            gradient=(traces - taken if self.reml else traces) - squares,
            information=self._information(point, scores, squares),
            apart=traces - taken > 1e-9 * traces,
            outer_inverse=outer_inverse,
            diagonal=diagonal,
        )

    def _traces(self, point: _Point, diagonal: Floats) -> Floats:
        """``tr(Z_k' H^-1 Z_k)``, which is ``tr(I - K^-1) / tau`` over the levels of ``k``."""
        tau = point.tau
        if (tau == 0).any():
            tau = np.where(tau == 0, ALMOST_NONE, tau)
            factor = _Factor.of(self.blocks, self.design.each(np.sqrt(tau)))
            diagonal = factor.diagonal(factor.inverse())
        return self.design.by_effect(1 - diagonal) / tau

    def _information(self, point: _Point, scores: Floats, squares: Floats) -> Floats:
        """Products under ``P`` of the columns ``Z_k Z_k' P y``."""
        design = self.design
        chosen = np.zeros((len(scores), len(design.names)))
        for k, (start, end) in enumerate(pairwise(design.offsets)):
            chosen[start:end, k] = scores[start:end]
        working = self.levels @ chosen
        scale = point.factor.scale[:, None]
        solved = scale * point.factor.solve(scale * (self.transposed @ working))
        weighed = working - self.levels @ solved
        by_fixed = point.weighed[:, :-1].T @ working
        products = working.T @ weighed - by_fixed.T @ cho_solve(point.fixed_factor, by_fixed)
        profiled = np.outer(squares, squares) / point.degrees
        return np.asarray(products / point.variance - profiled + 1e-6 * np.diag(profiled.diagonal()))


def _fixed(ratings: Ratings, design: Design) -> Floats:
    if design.random_indicators:
        return np.ones((len(ratings), 1))
    return np.eye(ratings.n_indicators)[ratings.indicator]


def _fit(
    ratings: Ratings, model: _Model, point: _Point, slope: _Slope, effects: tuple[str, ...], record: Record
) -> Fit:
    design = model.design
    scores = (model.transposed @ point.weighed)[:, -1]
    modes = dict(
        zip(design.names, np.split(design.each(point.tau) * scores, design.offsets[1:-1]), strict=True)
    )
    spreads = point.variance * design.each(point.tau) * slope.diagonal
    errors = dict(zip(design.names, np.split(np.sqrt(spreads), design.offsets[1:-1]), strict=True))
    fixed_covariance = point.variance * cho_solve(point.fixed_factor, np.eye(len(point.fixed)))
    mean = model.centre + float(point.fixed.mean())
    measures = mean + modes["target"]
    if "subdistrict" in modes and design.subdistrict is not None:
        measures = measures + modes["subdistrict"][design.subdistrict]
    variances, covariance = _of_measures(model, point, slope)
    nobody = np.zeros(ratings.n_raters)
    indicators = (
        modes["indicator"]
        if "indicator" in effects and "indicator" in modes
        else point.fixed - point.fixed.mean()
    )
    estimated = {name: float(point.variance * tau) for name, tau in zip(design.names, point.tau, strict=True)}
    return Fit(
        measures=measures,
        standard_errors=np.sqrt(variances),
        covariance=covariance,
        severities=nobody - modes.get("rater", nobody),
        severity_standard_errors=errors.get("rater", nobody),
        mean=mean,
        mean_standard_error=float(np.sqrt(fixed_covariance.mean())),
        indicator_effects=np.broadcast_to(indicators, ratings.n_indicators).copy(),
        variances={
            **{name: estimated.get(name, 0.0) for name in ("target", "rater", *effects)},
            "residual": float(point.variance),
        },
        n_ratings=np.bincount(ratings.target, minlength=ratings.n_targets),
        log_likelihood=-point.deviance / 2,
        record=record,
    )


def _of_measures(model: _Model, point: _Point, slope: _Slope) -> tuple[Floats, Floats | None]:
    """Conditional variances of target plus subdistrict, and their covariances where the targets are few enough."""
    design, factor, blocks = model.design, point.factor, model.blocks
    targets = design.sizes[0]
    outer_scale = factor.scale[blocks.outer]
    # What each measure is made of: ``own`` is the variance of its inner part alone, ``reach`` the rest, in outer levels.
    own = np.zeros(targets)
    rows, columns, values = [], [], []
    if len(blocks.outer) and blocks.outer[0] == 0:
        rows.append(np.arange(targets))
        columns.append(np.arange(targets))
        values.append(outer_scale[:targets])
    else:
        own += factor.scale[:targets] ** 2
        for bucket, inverse, reach in zip(blocks.buckets, factor.inverses, factor.reaches, strict=True):
            # Levels of a unit stand in rising order, and those of targets are the first of all.
            target = bucket.inner[:, 0]
            own[target] = factor.scale[target] ** 2 * inverse[:, 0, 0]
            filled = bucket.outer < len(blocks.outer)
            rows.append(np.broadcast_to(target[:, None], filled.shape)[filled])
            columns.append(bucket.outer[filled])
            values.append((-factor.scale[target][:, None] * reach[:, 0, :])[filled])
    if design.subdistrict is not None and "subdistrict" in design.names:
        start = int(np.searchsorted(blocks.outer, design.offsets[design.names.index("subdistrict")]))
        rows.append(np.arange(targets))
        columns.append(start + design.subdistrict)
        values.append(outer_scale[start + design.subdistrict])
    placed = (np.concatenate(values or [np.zeros(0)]), (_joined(rows), _joined(columns)))
    reach_of = coo_array(placed, shape=(targets, len(blocks.outer))).tocsr()
    parts = [reach_of[start : start + COVARIANCE_LIMIT] for start in range(0, targets, COVARIANCE_LIMIT)]
    spread = []
    for part in parts:
        pulled = np.asarray(part @ slope.outer_inverse)
        row = row_of_each(part)
        spread.append(totals(row, part.data * pulled[row, part.indices], part.shape[0]))
    variances = point.variance * (own + np.concatenate(spread))
    if targets > COVARIANCE_LIMIT:
        return variances, None
    covariance = point.variance * (np.diag(own) + np.asarray(reach_of @ pulled.T))
    return variances, (covariance + covariance.T) / 2


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
