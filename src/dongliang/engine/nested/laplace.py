"""Cumulative logit mixed model of ballots, from what each pattern of answers says about a target.

The likelihood of a pattern is a function of the target's effect alone once the ballot's is integrated out, and the same
function for every target. It is kept as a polynomial; a target's log-likelihood is the sum of those of its patterns, so
that the cost of a step grows with patterns and targets and not with ballots. See docs/methods/nested.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.special import expit, logit

from dongliang.engine.data import Booleans, Floats, Integers, OrdinalFit, Record, Tally
from dongliang.engine.errors import InvalidRatings, Unidentified, converged

TOLERANCE = 1e-8
# Standard deviations below this, in logits, are compared with zero; ones above the other mean perfect separation.
LEAST_SD = 0.05
MOST_SD = 30.0
# So do cut points and targets farther out than these: not one ballot in all the world would lie beyond.
MOST_CUT, MOST_EFFECT = 60.0, 50.0
# A direction in which the log-likelihood bends less than this, per squared logit, has no maximum in reach.
FLAT = 1e-5
# Equal steps integrate smooth bell-shaped functions up to rounding once they are shorter than these: no bell here is narrower
# than the normal curve of the ballots, nor than the logistic curves of four marks together. Beyond the reach nothing is left.
STEP_IN_SD, STEP, REACH = 0.8, 0.6, 6.5
# Chebyshev points for the functions of a target's effect, and how many more for each logit that these go to.
POINTS = (10, 4)
# Rows of a tally whose severities are computed at a time.
BLOCK = 100_000
# Step of parameters between two gradients whose difference is taken for the curvature.
NEAR = 1e-4

SEPARATED = (
    "The marks separate the targets or the ballots perfectly, so that the likelihood rises for ever as their distance grows. "
    "Use nested.gaussian, or wait for more ballots."
)


def ordinal(tally: Tally, *, max_iterations: int = 100) -> OrdinalFit:
    """Fit ``P(mark <= category k) = logit^-1(threshold_k - indicator - target + severity)``, the severity being that of a
    ballot on all its marks.

    Parameters
    ----------
    tally : Tally
        Ballots of ``p`` targets on ``J`` indicators, in ``m`` rows. The ``K`` different marks, in rising order, are the
        categories; their distances do not matter. A mark that nobody gave does not exist.
    max_iterations : int
        Give up after this many.

    Returns
    -------
    OrdinalFit
        In logits. ``measures`` (p,) are conditional modes, ``standard_errors`` conditional standard deviations given
        thresholds and variances; a target without marks sits at 0 with the standard deviation of all. ``severities`` and
        their errors are by row of the tally (m,): posterior means and standard deviations, which all ballots of a row
        share. ``n_ratings`` counts marks. ``covariance`` is None: the errors of the targets are independent.

    Raises
    ------
    InvalidRatings
        There is no ballot with a mark, or none on some indicator; or ballots have weights, which this model does not know.
    Unidentified
        Only one target has marks; or every target has one mark, or one ballot; or an indicator got nothing but the
        lowest or the highest mark; or the marks separate the targets perfectly.
    NotConverged
        ``max_iterations`` came first, or no step helped; ``fit`` is the last iterate.

    Notes
    -----
    Ballots of one mark each have no severity that could be told from chance: it is left out and the record remarks it.
    Marks that are all equal give measures, variances and standard errors of zero.

    Severities are integrated out exactly, up to rounding, and targets by the Laplace approximation [Chr19]_; quasi-Newton
    steps by the exact gradient.
    """
    if tally.weight is not None:
        raise InvalidRatings(
            "The ordinal model counts every ballot in full. Leave weight out, or use gaussian."
        )
    patterns = _Patterns.of(tally)
    if len(patterns.categories) == 1:
        return _alike(tally, patterns)
    free, remarks = _identified(patterns)
    top, information, moving, record = _climb(patterns, _starting(patterns), free, max_iterations)
    remarks += tuple(
        f"The variance of {name} is estimated as zero: their differences are no larger than chance would make them."
        for name in np.array(["raters", "targets"])[free[-2:] & ~moving[-2:]]
    )
    fit = _ordinal_fit(tally, patterns, top, information, moving, replace(record, remarks=remarks))
    return converged(fit)


@dataclass(frozen=True, eq=False)
class _Patterns:
    """The different patterns answered, and how often each was by target.

    ``codes`` (P, J) are categories from 1, or 0 for no mark; ``counts`` (p, P) is sparse; ``chosen`` (J, K, P) is 1 where a
    pattern has the category on the indicator; ``row`` (m,) is the pattern of each row of the tally.
    """

    categories: Floats
    codes: Integers
    counts: csr_array
    transposed: csr_array
    chosen: Floats
    row: Integers

    @classmethod
    def of(cls, tally: Tally) -> _Patterns:
        rated = tally.count @ (tally.marks > 0)
        if not rated.all():
            raise InvalidRatings(
                f"Indicator {np.argmin(rated)} has no marks. Leave it out, or wait for ballots that have some."
            )
        cast = tally.count > 0
        used = np.unique(tally.marks[cast])
        categories = used[used > 0]
        # A pattern is one number: the digits of its marks, where they fit.
        patterns, row = _distinct(tally.marks)
        counts = coo_array(
            (tally.count.astype(float), (tally.target, row)), shape=(tally.n_targets, len(patterns))
        ).tocsr()
        # A row of no ballots may have a mark that nobody gave; it has to be some category.
        nearest = np.minimum(np.searchsorted(categories, patterns) + 1, len(categories))
        codes = np.where(patterns > 0, nearest, 0).astype(np.int64)
        levels = np.arange(1, len(categories) + 1)
        return cls(
            categories=categories.astype(float),
            codes=codes,
            counts=counts,
            transposed=counts.T.tocsr(),
            chosen=(codes.T[:, None, :] == levels[:, None]).astype(float),
            row=row,
        )

    @property
    def indicators(self) -> int:
        return int(self.codes.shape[1])

    @property
    def thresholds(self) -> int:
        return len(self.categories) - 1


def _distinct(marks: NDArray[np.int8]) -> tuple[NDArray[np.int8], Integers]:
    base = int(marks.max()) + 1
    if marks.shape[1] * np.log2(base) < 62:
        digits = base ** np.arange(marks.shape[1])
        _, first, row = np.unique(marks @ digits, return_index=True, return_inverse=True)
        return marks[first], row
    patterns, row = np.unique(marks, axis=0, return_inverse=True)
    return patterns, row


def _identified(patterns: _Patterns) -> tuple[Booleans, tuple[str, ...]]:
    """Which parameters can be estimated; refuses what nothing can tell apart."""
    size = (patterns.codes > 0).sum(axis=1)
    marks = patterns.counts @ size
    ballots = patterns.counts @ (size > 0)
    if (marks > 0).sum() < 2:
        raise Unidentified(
            "Only one target has ratings, so there is nothing to compare it with. Rate two at least."
        )
    if marks.max() == 1:
        raise Unidentified(
            "Every target has one rating, so target and chance cannot be told apart. Rate them again."
        )
    free = np.ones(patterns.thresholds + patterns.indicators + 1, dtype=bool)
    given = patterns.chosen @ patterns.counts.sum(axis=0)
    stuck = np.flatnonzero((given[:, 0] == given.sum(axis=1)) | (given[:, -1] == given.sum(axis=1)))
    if len(stuck):
        raise Unidentified(
            f"Indicator {stuck[0]} got nothing but the lowest or nothing but the highest mark, so that its effect has no "
            "finite estimate. Leave it out."
        )
    if size[np.asarray(patterns.counts.sum(axis=0)) > 0].max() == 1:
        free[-2] = False
        return free, (
            "Every ballot has one mark: severity cannot be told from chance and is left out of the model.",
        )
    if ballots.max() == 1:
        raise Unidentified(
            "Each target has one ballot, so that target and ballot cannot be told apart. Wait for more ballots."
        )
    return free, ()


@dataclass(frozen=True, eq=False)
class _Grid:
    """Where the functions of a target's effect ``u`` are known: at Chebyshev points of [-bound, bound], (M,).

    ``coefficients`` (M, M) turns values there into those of a polynomial, ``derivative`` (M, M) its coefficients into those
    of its slope. ``nodes`` (Q,) are values of target and ballot together, ``kernel`` (Q, M) the weight that each has at
    a point, and ``moved`` (Q, M) its derivative by the log of the ballots' standard deviation.
    """

    bound: float
    coefficients: Floats
    derivative: Floats
    nodes: Floats
    kernel: Floats
    moved: Floats

    @classmethod
    def of(cls, bound: float, sd: float, cuts: Floats) -> _Grid:
        size = int(np.ceil(POINTS[0] + POINTS[1] * bound))
        angles = np.pi * (np.arange(size) + 0.5) / size
        coefficients = 2 / size * np.cos(np.outer(angles, np.arange(size)))
        coefficients[:, 0] /= 2
        order = np.arange(size)
        # T'_m is 2 m times the sum of every second lower T, the constant counted by half.
        derivative = np.where(
            (order[:, None] > order) & ((order[:, None] - order) % 2 == 1), 2.0 * order[:, None], 0.0
        )
        derivative[:, 0] /= 2
        points = bound * np.cos(angles)
        if sd == 0:
            return cls(bound, coefficients, derivative / bound, points, np.eye(size), np.zeros((size, size)))
        step = min(STEP_IN_SD * sd, STEP / max(1.0, np.sqrt(len(cuts)) / 2))
        reach = [
            min(bound + len(cuts) * sd**2, max(bound, edge + 4)) + REACH * sd
            for edge in (-cuts.min(), cuts.max())
        ]
        nodes = np.arange(-reach[0], reach[1] + step, step)
        distance = (nodes[:, None] - points) / sd
        kernel = step / (sd * np.sqrt(2 * np.pi)) * np.exp(-(distance**2) / 2)
        return cls(bound, coefficients, derivative / bound, nodes, kernel, kernel * (distance**2 - 1))

    def basis(self, effects: Floats) -> Floats:
        """The Chebyshev polynomials at ``effects``, (M, p)."""
        within = effects / self.bound
        basis = np.empty((len(self.derivative), len(effects)))
        basis[0], basis[1] = 1, within
        for order in range(2, len(basis)):
            np.multiply(2 * within, basis[order - 1], out=basis[order])
            basis[order] -= basis[order - 2]
        return basis


@dataclass(frozen=True, eq=False)
class _Top:
    """The Laplace log-likelihood at some parameters, its gradient, and the targets' modes there."""

    parameters: Floats
    thresholds: Floats
    effects: Floats
    sds: tuple[float, float]
    log_likelihood: float
    gradient: Floats
    z: Floats
    variance: Floats

    @property
    def tolerance(self) -> float:
        """Falls of the deviance below this do not matter, or are lost in its rounding."""
        return max(TOLERANCE, 1e-14 * abs(self.log_likelihood))


def _unpacked(patterns: _Patterns, parameters: Floats, free: Booleans) -> tuple[Floats, Floats, float, float]:
    thresholds = np.cumsum(np.append(parameters[0], np.exp(parameters[1 : patterns.thresholds])))
    effects = parameters[patterns.thresholds : -2]
    ballot, target = np.where(free[-2:], np.exp(parameters[-2:]), 0.0)
    return thresholds, np.append(effects, -effects.sum()), float(ballot), float(target)


def _evaluate(patterns: _Patterns, parameters: Floats, free: Booleans, z: Floats) -> _Top:
    """Where parameters or modes are out of all bounds, a likelihood of nothing, so that no step leads there."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        top = _evaluated(patterns, parameters, free, z)
    if top is not None:
        return top
    thresholds, effects, *sds = _unpacked(patterns, np.clip(parameters, -700, 700), free)
    return _Top(
        parameters=parameters,
        thresholds=thresholds,
        effects=effects,
        sds=(sds[0], sds[1]),
        log_likelihood=-np.inf,
        gradient=np.zeros(len(parameters)),
        z=z,
        variance=np.zeros(len(z)),
    )


def _evaluated(patterns: _Patterns, parameters: Floats, free: Booleans, z: Floats) -> _Top | None:
    thresholds, effects, ballot_sd, target_sd = _unpacked(patterns, parameters, free)
    cuts = thresholds - effects[:, None]
    bound = 1.2 * target_sd * float(np.abs(z).max()) + 0.5
    # So written, the comparison also fails where something is no number.
    if not max(float(np.abs(cuts).max()), ballot_sd, target_sd) <= 2 * MOST_CUT:
        return None
    while True:
        if not bound <= MOST_EFFECT:
            return None
        grid = _Grid.of(bound, ballot_sd, cuts)
        shares = _shares(patterns, cuts, thresholds, grid.nodes)
        likelihood = shares @ grid.kernel
        # Polynomials of every target's log-likelihood and its first three slopes, (p, M).
        polynomials = [patterns.counts @ (np.log(likelihood) @ grid.coefficients)]
        for _ in range(3):
            polynomials.append(polynomials[-1] @ grid.derivative)
        z, basis, (value, bend, twist) = _modes(grid, polynomials, target_sd, z)
        furthest = target_sd * float(np.abs(z).max())
        if furthest < 0.999 * bound:
            break
        bound = 1.2 * furthest + 0.5
    left = 1 - target_sd**2 * bend
    variance = target_sd**2 / left
    log_likelihood = float((value - z**2 / 2 - np.log(left) / 2).sum())
    if not np.isfinite(log_likelihood):
        return None

    # How the log-likelihood changes with the polynomials of the targets, those with the patterns' values, and so on back.
    slope = basis.T @ grid.derivative.T
    by_polynomial = basis.T + (variance**2 * twist / 2)[:, None] * slope
    by_polynomial += (variance / 2)[:, None] * (slope @ grid.derivative.T)
    by_likelihood = (patterns.transposed @ (by_polynomial @ grid.coefficients.T)) / likelihood
    by_share = shares * (by_likelihood @ grid.kernel.T)
    gradient = np.zeros(len(parameters))
    by_cut = _by_cut(patterns, by_share, cuts, thresholds, grid.nodes)
    steps = np.append(1.0, np.diff(thresholds))
    total = by_cut.sum(axis=0)
    gradient[: patterns.thresholds] = steps * np.cumsum(total[::-1])[::-1]
    by_effect = -by_cut.sum(axis=1)
    gradient[patterns.thresholds : -2] = by_effect[:-1] - by_effect[-1]
    if ballot_sd:
        gradient[-2] = float(((shares.T @ by_likelihood) * grid.moved).sum())
    if target_sd:
        gradient[-1] = float((z**2 + variance * bend + variance**2 * twist * z / target_sd).sum())
    return _Top(
        parameters=parameters,
        thresholds=thresholds,
        effects=effects,
        sds=(ballot_sd, target_sd),
        log_likelihood=log_likelihood,
        gradient=gradient,
        z=z,
        variance=variance,
    )


def _modes(
    grid: _Grid, polynomials: list[Floats], sd: float, z: Floats
) -> tuple[Floats, Floats, tuple[Floats, Floats, Floats]]:
    """The targets' modes over ``sd`` by Newton steps; the basis there, the log-likelihoods and their second and third slopes.

    The log-likelihoods are concave, so that steps kept within the grid cannot get lost.
    """
    furthest = grid.bound / sd if sd else 0.0
    for _ in range(50):
        basis = grid.basis(sd * z)
        slope, bend = (_at(basis, polynomial) for polynomial in polynomials[1:3])
        step = (sd * slope - z) / (1 - sd**2 * bend)
        if np.abs(step).max() < 1e-7:
            break
        z = np.clip(z + step, -furthest, furthest)
    return z, basis, (_at(basis, polynomials[0]), bend, _at(basis, polynomials[3]))


def _at(basis: Floats, polynomials: Floats) -> Floats:
    return np.asarray(np.einsum("pm,mp->p", polynomials, basis))


def _shares(patterns: _Patterns, cuts: Floats, thresholds: Floats, nodes: Floats) -> Floats:
    """The probability of each pattern where target and ballot together come to ``nodes``, (P, Q)."""
    marks = np.ones((cuts.shape[0], cuts.shape[1] + 2, len(nodes)))
    # The difference of two logistic curves, written so that nothing is lost where both are nearly 1.
    marks[:, 1:-1] = expit(cuts[:, :, None] - nodes)
    marks[:, 2:] *= expit(nodes - cuts[:, :, None])
    marks[:, 2:-1] *= -np.expm1(-np.diff(thresholds))[:, None]
    shares = marks[0, patterns.codes[:, 0]]
    for indicator in range(1, len(cuts)):
        shares *= marks[indicator, patterns.codes[:, indicator]]
    return np.asarray(shares)


def _by_cut(patterns: _Patterns, by_share: Floats, cuts: Floats, thresholds: Floats, nodes: Floats) -> Floats:
    """Derivative by every cut point, (J, K - 1), from that by the logarithms of the shares."""
    indicators, levels, _ = patterns.chosen.shape
    by_mark = patterns.chosen.reshape(indicators * levels, -1) @ by_share
    by_mark = by_mark.reshape(indicators, levels, -1)
    below = expit(cuts[:, :, None] - nodes)
    beside = np.zeros(levels)
    beside[1:-1] = 1 / np.expm1(np.diff(thresholds))
    total = by_mark.sum(axis=2)
    return np.asarray(
        (by_mark[:, :-1] * (1 - below) - by_mark[:, 1:] * below).sum(axis=2)
        + total[:, :-1] * beside[:-1]
        - total[:, 1:] * beside[1:]
    )


def _starting(patterns: _Patterns) -> Floats:
    """Marks as frequent as they are, indicators by their shares, and common standard deviations of effects."""
    given = patterns.chosen @ patterns.counts.sum(axis=0)
    ballot, target = 1.5, 0.5
    # What the effects spread out, the thresholds must be drawn apart by.
    wider = np.sqrt(1 + (ballot**2 + target**2) * 3 / np.pi**2)
    below = np.cumsum(given.sum(axis=0))[:-1] / given.sum()
    thresholds = wider * logit(below)
    levels = np.arange(given.shape[1])
    means = given @ levels / given.sum(axis=1)
    spread = np.sqrt(
        (given.sum(axis=0) @ levels**2) / given.sum() - (given.sum(axis=0) @ levels / given.sum()) ** 2
    )
    effects = wider * 1.8 * (means - means.mean()) / spread
    return np.concatenate(
        [thresholds[:1], np.log(np.diff(thresholds)), effects[:-1], np.log([ballot, target])]
    )


def _climb(
    patterns: _Patterns, parameters: Floats, free: Booleans, max_iterations: int
) -> tuple[_Top, Floats, Booleans, Record]:
    """Quasi-Newton steps from the curvature at the start. A standard deviation that falls towards zero is set to zero
    where that is no less likely. Returns the observed information, and which parameters were free at the end, too.
    """
    top = _evaluate(patterns, parameters, free, np.zeros(patterns.counts.shape[0]))
    if top.log_likelihood == -np.inf:
        raise Unidentified(SEPARATED)
    information, fresh = _information(patterns, top, free), True
    iterations, evaluations = 0, 1 + int(free.sum())
    while True:
        step = np.zeros(len(parameters))
        step[free] = np.linalg.solve(information, top.gradient[free])
        decrement = float(top.gradient @ step)
        if decrement <= top.tolerance and fresh:
            stopped = "The deviance can fall no further."
            break
        if decrement <= top.tolerance:
            # The curvature learnt on the way is good enough to climb by, not for standard errors.
            information, fresh = _information(patterns, top, free), True
            evaluations += int(free.sum())
            continue
        if iterations == max_iterations:
            stopped = f"{max_iterations} iterations were allowed."
            break
        higher, tried = _higher(patterns, top, free, step)
        evaluations += tried
        if higher is None:
            stopped = "No shorter step lowered the deviance."
            break
        iterations += 1
        if max(higher.sds) > MOST_SD or np.abs(higher.thresholds - higher.effects[:, None]).max() > MOST_CUT:
            raise Unidentified(SEPARATED)
        moved, turned = higher.parameters - top.parameters, top.gradient - higher.gradient
        information, fresh = _learnt(information, moved[free], turned[free]), False
        top, still_free = _settled(patterns, higher, free)
        if (still_free != free).any():
            free, fresh = still_free, True
            information = _information(patterns, top, free)
            evaluations += 1 + int(free.sum())
    if np.linalg.eigvalsh(information)[0] <= 2 * FLAT:
        raise Unidentified(SEPARATED)
    record = Record(
        method="Laplace",
        objective=-2 * top.log_likelihood,
        iterations=iterations,
        evaluations=evaluations,
        tolerance=top.tolerance,
        decrement=decrement,
        stopped=stopped,
    )
    return top, information, free, record


def _settled(patterns: _Patterns, top: _Top, free: Booleans) -> tuple[_Top, Booleans]:
    """The same place, with a standard deviation at zero that was next to it, where that is no less likely."""
    for place in (-2, -1):
        if free[place] and np.exp(top.parameters[place]) < LEAST_SD:
            fewer = free.copy()
            fewer[place] = False
            zero = _evaluate(patterns, top.parameters, fewer, top.z)
            if zero.log_likelihood >= top.log_likelihood:
                top, free = zero, fewer
    return top, free


def _higher(patterns: _Patterns, top: _Top, free: Booleans, step: Floats) -> tuple[_Top | None, int]:
    length = min(1.0, 2.0 / float(np.abs(step).max()))
    for tried in range(1, 31):
        higher = _evaluate(patterns, top.parameters + length * step, free, top.z)
        promised = 1e-4 * length * float(top.gradient @ step)
        if higher.log_likelihood >= top.log_likelihood + promised - top.tolerance / 4:
            return higher, tried
        length /= 2
    return None, tried


def _learnt(information: Floats, moved: Floats, turned: Floats) -> Floats:
    """The curvature, corrected by what a step found of it; left as it is where that would not be a hill."""
    bent = information @ moved
    if turned @ moved <= 1e-3 * (moved @ bent):
        return information
    return np.asarray(
        information + np.outer(turned, turned) / (turned @ moved) - np.outer(bent, bent) / (moved @ bent)
    )


def _information(patterns: _Patterns, top: _Top, free: Booleans) -> Floats:
    """Minus the second derivatives of the log-likelihood by the free parameters, from differences of its gradient."""
    rows = []
    for place in np.flatnonzero(free):
        parameters = top.parameters.copy()
        parameters[place] += NEAR
        rows.append((top.gradient - _evaluate(patterns, parameters, free, top.z).gradient)[free] / NEAR)
    information = np.array(rows)
    information = (information + information.T) / 2
    least, directions = np.linalg.eigh(information)
    # Far from the top the likelihood may bend upwards somewhere; a step must climb all the same.
    return np.asarray((directions * np.maximum(np.abs(least), FLAT)) @ directions.T)


def _ordinal_fit(
    tally: Tally, patterns: _Patterns, top: _Top, information: Floats, free: Booleans, record: Record
) -> OrdinalFit:
    thresholds, effects = patterns.thresholds, patterns.indicators
    covariance = np.zeros((len(free), len(free)))
    covariance[np.ix_(free, free)] = np.linalg.inv(information)
    by_threshold = np.zeros((thresholds, len(free)))
    by_threshold[:, :thresholds] = np.tril(np.ones((thresholds, thresholds))) * np.append(
        1.0, np.diff(top.thresholds)
    )
    by_effect = np.zeros((effects, len(free)))
    by_effect[:, thresholds:-2] = np.vstack([np.eye(effects - 1), -np.ones(effects - 1)])
    by_cut = by_threshold[None] - by_effect[:, None]
    ballot_sd, target_sd = top.sds
    ballot_error, target_error = np.where(
        free[-2:], np.array(top.sds) * np.sqrt(covariance.diagonal()[-2:]), np.nan
    )
    severities, severity_errors = _severities(tally, patterns, top)
    cuts = top.thresholds - top.effects[:, None]
    measures = target_sd * top.z
    return OrdinalFit(
        measures=measures,
        standard_errors=np.sqrt(top.variance),
        covariance=None,
        severities=severities,
        severity_standard_errors=severity_errors,
        categories=patterns.categories,
        thresholds=cuts,
        threshold_standard_errors=_errors(covariance, by_cut),
        indicator_effects=top.effects,
        indicator_effect_standard_errors=_errors(covariance, by_effect),
        standard_deviations={"target": target_sd, "rater": ballot_sd},
        standard_deviation_errors={"target": float(target_error), "rater": float(ballot_error)},
        fair_marks=_fair_marks(cuts, measures, patterns.categories),
        n_ratings=(patterns.counts @ (patterns.codes > 0).sum(axis=1)).astype(np.int64),
        log_likelihood=top.log_likelihood,
        record=record,
    )


def _errors(covariance: Floats, rows: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("...i,ij,...j->...", rows, covariance, rows, optimize=True)))


def _severities(tally: Tally, patterns: _Patterns, top: _Top) -> tuple[Floats, Floats]:
    """By row of the tally. The slope of a pattern's log-likelihood in ``u`` is the ballot's mean over its variance."""
    ballot_sd, target_sd = top.sds
    if not ballot_sd:
        return np.zeros(len(tally)), np.zeros(len(tally))
    cuts = top.thresholds - top.effects[:, None]
    grid = _Grid.of(target_sd * float(np.abs(top.z).max()) + 0.1, ballot_sd, cuts)
    likelihood = _shares(patterns, cuts, top.thresholds, grid.nodes) @ grid.kernel
    slope = np.log(likelihood) @ grid.coefficients @ grid.derivative
    bend = slope @ grid.derivative
    basis = grid.basis(target_sd * top.z).T
    means, variances = np.empty(len(tally)), np.empty(len(tally))
    for start in range(0, len(tally), BLOCK):
        rows = slice(start, start + BLOCK)
        of_target, row = basis[tally.target[rows]], patterns.row[rows]
        bent = ballot_sd**2 * np.einsum("im,im->i", of_target, bend[row])
        means[rows] = ballot_sd**2 * np.einsum("im,im->i", of_target, slope[row])
        # The doubt about the target is doubt about the ballot too.
        variances[rows] = ballot_sd**2 * (1 + bent) + bent**2 * top.variance[tally.target[rows]]
    return -means, np.sqrt(variances)


def _fair_marks(cuts: Floats, measures: Floats, categories: Floats) -> Floats:
    """The mark to be expected from a ballot of average severity, on average over the indicators."""
    above = expit(measures[:, None, None] - cuts)
    return np.asarray(categories[0] + (above @ np.diff(categories)).mean(axis=1))


def _alike(tally: Tally, patterns: _Patterns) -> OrdinalFit:
    remark = "All ratings are equal: there is nothing to tell apart."
    empty = np.empty((patterns.indicators, 0))
    nothing = np.zeros(tally.n_targets)
    return OrdinalFit(
        measures=nothing,
        standard_errors=nothing,
        covariance=None,
        severities=np.zeros(len(tally)),
        severity_standard_errors=np.zeros(len(tally)),
        categories=patterns.categories,
        thresholds=empty,
        threshold_standard_errors=empty,
        indicator_effects=np.zeros(patterns.indicators),
        indicator_effect_standard_errors=np.zeros(patterns.indicators),
        standard_deviations={"target": 0.0, "rater": 0.0},
        standard_deviation_errors={"target": float("nan"), "rater": float("nan")},
        fair_marks=np.full(tally.n_targets, patterns.categories[0]),
        n_ratings=(patterns.counts @ (patterns.codes > 0).sum(axis=1)).astype(np.int64),
        log_likelihood=0.0,
        record=Record(
            method="Laplace",
            objective=0.0,
            iterations=0,
            evaluations=0,
            tolerance=TOLERANCE,
            decrement=0.0,
            stopped=remark,
            remarks=(remark,),
        ),
    )
