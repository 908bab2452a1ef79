"""Gaussian mixed model of ballots, from sums by target and by how many marks a ballot has.

``tau`` are the variances of targets and ballots divided by the residual's. No formula divides by them, so that a variance
of zero is an ordinary point. See docs/methods/nested.md for the derivation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from dongliang.engine.data import Booleans, Fit, Floats, Integers, Record, Tally
from dongliang.engine.errors import InvalidRatings, Unidentified, converged

TOLERANCE = 1e-9
# Ratings whose sum of squares within indicators is this small a share of the whole are equal up to rounding.
CONSTANT = 1e-24
# Where targets and ballots leave this share of the sum of squares, no digits are left to weigh errors by.
EXACT = 1e-9

REPRODUCED = "Targets and ballots reproduce the ratings exactly, so that no error is left to weigh them by."


def gaussian(tally: Tally, *, reml: bool = True, max_iterations: int = 100) -> Fit:
    """Fit ``mark = indicator + target - severity + residual``, the severity being that of a ballot on all its marks.

    Parameters
    ----------
    tally : Tally
        Ballots of ``p`` targets on ``J`` indicators, in ``m`` rows. Where they have a weight, every sum over ballots is
        weighted: 3,000 of weight 0.1 say as much as 300 of the same marks.
    reml : bool, default True
        Maximise the restricted likelihood, which does not underestimate the variances as the plain one does.
    max_iterations : int
        Give up after this many.

    Returns
    -------
    Fit
        What ``crossed.gaussian`` gives for the same ballots written out as ratings with a rater each, but for
        ``severities`` and their errors, which are by row of the tally (m,): all ballots of a row share theirs.
        ``n_ratings`` counts marks, whatever they weigh. ``covariance`` is None: the errors of the targets are independent.

    Raises
    ------
    InvalidRatings
        There is no ballot with a mark, or none on some indicator.
    Unidentified
        Only one target has marks; or every target has one mark, or one ballot; or targets or ballots coincide with
        the indicators; or the effects reproduce the marks exactly.
    NotConverged
        ``max_iterations`` came first; ``fit`` is the last iterate.

    Notes
    -----
    Ballots of one mark each have no severity that could be told from chance: it is left out and the record remarks it.
    Marks that are equal within indicators give variances and standard errors of zero.

    Profiled deviance of [BMBW15]_, minimised by Newton steps with average information [GTC95]_.
    """
    sums = _Sums.of(tally)
    if sums.spread <= CONSTANT * (sums.square[-1, -1] + sums.n * sums.centre**2):
        return _constant(tally, sums, reml)
    free, remarks = _free(tally)
    point, record = _minimise(sums, free, reml=reml, max_iterations=max_iterations)
    remarks += tuple(
        f"The variance of {name} is estimated as zero: their differences are no larger than chance would make them."
        for name, tau, estimated in zip(("targets", "raters"), point.tau, free, strict=True)
        if estimated and tau == 0
    )
    fit = _fit(tally, sums, point, replace(record, remarks=remarks))
    return converged(fit)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums of the columns of ``[X, y]`` over the marks, where ``X`` has a column an indicator.

    ``n`` counts marks by their weight. ``y`` is centred on ``centre``, its mean. ``size`` (s,) lists how many marks a ballot can have here; ``ballots`` (s, p)
    counts ballots of each size by target, ``columns`` (s, p, J + 1) sums their marks; ``within`` (s, J + 1, J + 1) sums,
    over the ballots of a size, products of a ballot's own column sums; ``square`` is ``[X, y]' [X, y]``.
    """

    n: float
    centre: float
    size: Floats
    ballots: Floats
    columns: Floats
    within: Floats
    square: Floats
    spread: float

    @classmethod
    def of(cls, tally: Tally) -> _Sums:
        count = tally.count.astype(float)
        if tally.weight is not None:
            count *= tally.weight[tally.target]
        given = tally.marks > 0
        rated = count @ given
        n = float(rated.sum())
        if not rated.all():
            raise InvalidRatings(
                f"Indicator {np.argmin(rated)} has no marks. Leave it out, or wait for ballots that have some."
            )
        centre = float((count @ tally.marks).sum() / n)
        size, y = given.sum(axis=1), _centred(tally, centre)
        sizes = np.unique(size[(size > 0) & (tally.count > 0)])
        ballots, columns, within = [], [], []
        for marks in sizes:
            rows = size == marks
            target, weight = tally.target[rows], count[rows]
            own = np.column_stack([given[rows].astype(float), y[rows].sum(axis=1)])
            ballots.append(np.bincount(target, weights=weight, minlength=tally.n_targets))
            columns.append(
                [np.bincount(target, weights=weight * column, minlength=tally.n_targets) for column in own.T]
            )
            within.append((own * weight[:, None]).T @ own)
        by_indicator = count @ y
        square = np.diag([*rated, float(count @ (y**2).sum(axis=1))])
        square[:-1, -1] = square[-1, :-1] = by_indicator
        return cls(
            n=n,
            centre=centre,
            size=sizes.astype(float),
            ballots=np.array(ballots),
            columns=np.array(columns).transpose(0, 2, 1),
            within=np.array(within),
            square=square,
            spread=float(square[-1, -1] - (by_indicator**2 / rated).sum()),
        )

    @property
    def marks(self) -> Floats:
        """Of each target, (p,)."""
        return self.size @ self.ballots

    def degrees(self, reml: bool) -> float:
        return self.n - len(self.square) + 1 if reml else self.n


def _centred(tally: Tally, centre: float) -> Floats:
    return np.where(tally.marks > 0, tally.marks - centre, 0.0)


def _counted(tally: Tally, rows: Integers) -> Integers:
    """Of each target, ``rows`` of the tally summed over its ballots, whatever they weigh."""
    return np.bincount(tally.target, weights=tally.count * rows, minlength=tally.n_targets).astype(np.int64)


def _free(tally: Tally) -> tuple[Booleans, tuple[str, ...]]:
    """Which of the two variances can be estimated; refuses what nothing can tell apart."""
    size = (tally.marks > 0).sum(axis=1)
    marks, ballots = _counted(tally, size), _counted(tally, (size > 0).astype(np.int64))
    if (marks > 0).sum() < 2:
        raise Unidentified(
            "Only one target has ratings, so there is nothing to compare it with. Rate two at least."
        )
    if marks.max() == 1:
        raise Unidentified(
            "Every target has one rating, so target and chance cannot be told apart. Rate them again."
        )
    if size[tally.count > 0].max() == 1:
        return np.array([True, False]), (
            "Every ballot has one mark: severity cannot be told from chance and is left out of the model.",
        )
    if ballots.max() == 1:
        raise Unidentified(
            "Each target has one ballot, so that target and ballot cannot be told apart. Wait for more ballots."
        )
    return np.array([True, True]), ()


@dataclass(frozen=True, eq=False)
class _Reduced:
    """``[X, y]' H^-1 [X, y]`` with its derivatives by ``tau`` (target, ballot), where ``H = I + tau_t Zt Zt' + tau_b Zb Zb'``.

    ``traces`` are the derivatives of ``log_determinant``, that of ``H``. Ballots leave ``right`` (p, J + 1) of the columns to the
    targets, whose part of ``H`` then has the diagonal ``left`` (p,).
    """

    matrix: Floats
    slopes: tuple[Floats, Floats]
    bends: tuple[tuple[Floats, Floats], tuple[Floats, Floats]]
    log_determinant: float
    traces: Floats
    left: Floats
    right: Floats

    @classmethod
    def of(cls, sums: _Sums, tau: Floats) -> _Reduced:
        tau_t, tau_b = tau
        size, number = sums.size, sums.ballots.sum(axis=1)
        # A ballot of s marks leaves 1 / (1 + s tau_b) of its sums to the targets; so do these by order of derivative in tau_b.
        kept = 1 / (1 + size * tau_b)
        orders = (kept, -size * kept**2, 2 * size**2 * kept**3)
        right, right_1, right_2 = (np.einsum("s,spj->pj", order, sums.columns) for order in orders)
        marks, marks_1, marks_2 = ((size * order) @ sums.ballots for order in orders)
        taken, taken_1, taken_2 = (
            np.einsum("s,sij->ij", weight, sums.within)
            for weight in (tau_b * kept, kept**2, -2 * size * kept**3)
        )
        left = 1 + tau_t * marks
        once, twice, thrice = 1 / left, 1 / left**2, 1 / left**3

        def product(first: Floats, second: Floats, weight: Floats) -> Floats:
            return np.asarray((first * weight[:, None]).T @ second)

        def both(first: Floats, second: Floats, weight: Floats) -> Floats:
            half = product(first, second, weight)
            return np.asarray(half + half.T)

        # d/dtau_t of tau_t / left is 1 / left^2, and d/dtau_b of 1 / left is -tau_t marks_1 / left^2.
        slope_t = -product(right, right, twice)
        slope_b = -taken_1 - tau_t * (
            both(right, right_1, once) - tau_t * product(right, right, marks_1 * twice)
        )
        bend_tt = 2 * product(right, right, marks * thrice)
        bend_tb = 2 * tau_t * product(right, right, marks_1 * thrice) - both(right, right_1, twice)
        bend_bb = -taken_2 - tau_t * (
            both(right, right_2, once)
            + 2 * product(right_1, right_1, once)
            - 2 * tau_t * both(right, right_1, marks_1 * twice)
            - tau_t * product(right, right, marks_2 * twice)
            + 2 * tau_t**2 * product(right, right, marks_1**2 * thrice)
        )
        return cls(
            matrix=sums.square - taken - tau_t * product(right, right, once),
            slopes=(slope_t, slope_b),
            bends=((bend_tt, bend_tb), (bend_tb, bend_bb)),
            log_determinant=float(number @ np.log1p(size * tau_b) + np.log(left).sum()),
            traces=np.array([marks @ once, number @ (size * kept) + tau_t * (marks_1 @ once)]),
            left=left,
            right=right,
        )


@dataclass(frozen=True, eq=False)
class _Point:
    """The deviance at ``tau``, its slope and average information, and what it was made of.

    ``apart`` says which factor differs at all once the indicators are accounted for.
    """

    tau: Floats
    deviance: float
    residual: float
    degrees: float
    fixed: Floats
    fixed_factor: tuple[Floats, bool]
    left: Floats
    right: Floats
    gradient: Floats
    information: Floats
    apart: Booleans
    tolerance: float

    @property
    def variance(self) -> float:
        """Of the residuals, in squared marks."""
        return self.residual / self.degrees


def _evaluate(sums: _Sums, tau: Floats, reml: bool) -> _Point:
    reduced = _Reduced.of(sums, tau)
    try:
        fixed_factor = cho_factor(reduced.matrix[:-1, :-1])
    except np.linalg.LinAlgError:
        raise Unidentified(REPRODUCED) from None
    fixed = cho_solve(fixed_factor, reduced.matrix[:-1, -1])
    residual = float(reduced.matrix[-1, -1] - reduced.matrix[:-1, -1] @ fixed)
    if residual <= EXACT * sums.spread:
        raise Unidentified(REPRODUCED)
    degrees = sums.degrees(reml)
    deviance = degrees * (1 + np.log(2 * np.pi * residual / degrees)) + reduced.log_determinant
    if reml:
        deviance += 2 * float(np.log(fixed_factor[0].diagonal()).sum())
    variance = residual / degrees
    towards = np.append(-fixed, 1.0)
    pulls = [slope @ towards for slope in reduced.slopes]
    squares = np.array([-(towards @ pull) for pull in pulls]) / variance
    taken = np.array([-np.trace(cho_solve(fixed_factor, slope[:-1, :-1])) for slope in reduced.slopes])
    # The average information y'P Vi P Vj Py is half the second derivative of y'Py.
    products = [
        [
            (towards @ reduced.bends[i][j] @ towards) / 2
            - pulls[i][:-1] @ cho_solve(fixed_factor, pulls[j][:-1])
            for j in (0, 1)
        ]
        for i in (0, 1)
    ]
    profiled = np.outer(squares, squares) / degrees
    lost = abs(deviance) + degrees * sums.spread / residual
    return _Point(
        tau=tau,
        deviance=float(deviance),
        residual=residual,
        degrees=degrees,
        fixed=fixed,
        fixed_factor=fixed_factor,
        left=reduced.left,
        right=reduced.right,
        gradient=(reduced.traces - taken if reml else reduced.traces) - squares,
        # When one factor explains nearly everything, the difference is all rounding: a little of its terms keeps its sign.
        information=np.array(products) / variance - profiled + 1e-6 * np.diag(profiled.diagonal()),
        apart=reduced.traces - taken > 1e-9 * reduced.traces,
        # Falls of the deviance below this do not matter, or are lost in its rounding.
        tolerance=max(TOLERANCE, 4 * float(np.finfo(float).eps) * lost),
    )


def _minimise(sums: _Sums, free: Booleans, *, reml: bool, max_iterations: int) -> tuple[_Point, Record]:
    """Newton steps in ``tau >= 0``, halved until the deviance falls.

    A variance at zero stays there while its gradient says that the deviance would fall only below zero.
    """
    point = _evaluate(sums, np.where(free, _start(sums), 0.0), reml)
    evaluations = 1
    for iteration in range(max_iterations + 1):
        if not point.apart[free].all():
            raise Unidentified(
                "Targets or ballots coincide with the indicators, so that they cannot be told apart."
            )
        moving = free & ((point.tau > 0) | (point.gradient < 0))
        # The two ratios may differ by orders of magnitude: on their own units, neither is lost in the other's rounding.
        unit = 1 / np.sqrt(np.maximum(point.information.diagonal(), 1e-300)) * moving
        scaled = unit[:, None] * point.information * unit
        step = -unit * np.linalg.lstsq(scaled, unit * point.gradient)[0]
        decrement = -float(point.gradient @ step) / 2
        if decrement <= point.tolerance:
            stopped = "The deviance can fall no further."
            break
        if iteration == max_iterations:
            stopped = f"{max_iterations} iterations were allowed."
            break
        lower, tried = _descend(sums, point, step, reml)
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
    return point, record


def _descend(sums: _Sums, point: _Point, step: Floats, reml: bool) -> tuple[_Point | None, int]:
    for tried in range(1, 31):
        tau = np.maximum(point.tau + step * 0.5 ** (tried - 1), 0)
        lower = _evaluate(sums, tau, reml)
        promised = 1e-4 * float(point.gradient @ (tau - point.tau))
        if lower.deviance <= point.deviance + promised + point.tolerance / 4:
            return lower, tried
    return None, tried


def _start(sums: _Sums) -> Floats:
    """Variance ratios by the method of moments: expected sums of squares of level means [SCM92]_."""
    means = sums.square[:-1, -1] / sums.square.diagonal()[:-1]
    apart = np.append(-means, 1.0)
    marks, number = sums.marks, sums.ballots.sum(axis=1)
    divisor = np.maximum(marks, 1)
    between = np.array(
        [
            ((sums.columns.sum(axis=0) @ apart) ** 2 / divisor).sum(),
            (apart @ np.einsum("s,sij->ij", 1 / sums.size, sums.within) @ apart),
        ]
    )
    own = np.array([(marks**2).sum(), sums.size**2 @ number]) / sums.n
    shared = float((sums.size**2 @ sums.ballots / divisor).sum())
    expected = np.array(
        [
            [sums.n - 1, sums.n - own[0], sums.n - own[1]],
            [(marks > 0).sum() - 1, sums.n - own[0], shared - own[1]],
            [number.sum() - 1, sums.n - own[0], sums.n - own[1]],
        ]
    )
    residual, *variances = np.linalg.lstsq(expected, np.array([sums.spread, *between]))[0]
    floor = 0.01 * sums.spread / sums.n
    return np.clip(np.array(variances) / max(float(residual), floor), 0.01, 100)


def _fit(tally: Tally, sums: _Sums, point: _Point, record: Record) -> Fit:
    tau_t, tau_b = point.tau
    scores = (point.right[:, -1] - point.right[:, :-1] @ point.fixed) / point.left
    given = (tally.marks > 0).astype(float)
    size = given.sum(axis=1)
    shrink = 1 / (1 + tau_b * size)
    total = _centred(tally, sums.centre).sum(axis=1) - given @ point.fixed
    ballot = tau_b * shrink * (total - tau_t * size * scores[tally.target])
    ballot_variance = tau_b * shrink * (1 + tau_b * tau_t * shrink * size**2 / point.left[tally.target])
    fixed_covariance = point.variance * cho_solve(point.fixed_factor, np.eye(len(point.fixed)))
    mean = sums.centre + float(point.fixed.mean())
    return Fit(
        measures=mean + tau_t * scores,
        standard_errors=np.sqrt(point.variance * tau_t / point.left),
        covariance=None,
        severities=-ballot,
        severity_standard_errors=np.sqrt(point.variance * ballot_variance),
        mean=mean,
        mean_standard_error=float(np.sqrt(fixed_covariance.mean())),
        indicator_effects=point.fixed - point.fixed.mean(),
        variances={
            "target": float(point.variance * tau_t),
            "rater": float(point.variance * tau_b),
            "residual": point.variance,
        },
        n_ratings=_counted(tally, (tally.marks > 0).sum(axis=1)),
        log_likelihood=-point.deviance / 2,
        record=record,
    )


def _constant(tally: Tally, sums: _Sums, reml: bool) -> Fit:
    fixed = sums.square[:-1, -1] / sums.square.diagonal()[:-1]
    mean = sums.centre + float(fixed.mean())
    return Fit(
        measures=np.full(tally.n_targets, mean),
        standard_errors=np.zeros(tally.n_targets),
        covariance=None,
        severities=np.zeros(len(tally)),
        severity_standard_errors=np.zeros(len(tally)),
        mean=mean,
        mean_standard_error=0.0,
        indicator_effects=fixed - fixed.mean(),
        variances={"target": 0.0, "rater": 0.0, "residual": 0.0},
        n_ratings=_counted(tally, (tally.marks > 0).sum(axis=1)),
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
