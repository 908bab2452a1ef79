"""The many-facet rating scale model by marginal maximum likelihood.

A mark counts steps ``k`` above the lowest mark given. In here ``x = theta - severity``, and indicator ``i`` gives ``k`` with
a probability in proportion to ``exp(k x - kappa[i, k])``: difficulty and steps of the indicator are differences of
``kappa``. All that a target's marks say about ``theta`` is their sum, less a normaliser for every mark, which raters and
targets enter through ``x`` only. A sheet is what one rater gave one target. See docs/methods/facets.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array, csr_array

from dongliang.engine.data import (
    Booleans,
    FacetsFit,
    Floats,
    Integers,
    MeanSquares,
    Ratings,
    Record,
    Separation,
    connected_groups,
)
from dongliang.engine.errors import InvalidRatings, TooLarge, Unconnected, Unidentified, converged

TOLERANCE = 1e-7
# Posteriors are summed to where their logarithm has fallen by so much, sought so many standard deviations from the mode, in
# steps of at most so many standard deviations and so many logits: equal steps integrate a smooth bell up to rounding once
# they are shorter than it.
FALL, SPAN, STEP, LONGEST = 20.0, 5.0, 0.9, 0.6
# Newton steps that promise more than FAR a target end on nodes COARSE times as far apart, which miss the log-likelihood
# by some 1e-6 a target: gains below NEAR a target are not told from that.
COARSE, FAR, NEAR = 1.3, 1e-3, 1e-5
# The posterior is searched in blocks of about this many sheets times nodes, which stay in the processor's cache.
BLOCK = 30_000
# The information matrix of this many raters takes 0.2 GB, and a few are alive at once.
MOST_RATERS = 5_000
# Marks that span more steps than this are measured as numbers by crossed.gaussian, without loss.
MOST_STEPS = 20
# A standard deviation of the targets below this, in logits, is as good as none.
LEAST_SD = 0.01
# Estimates farther out than this, in logits, do not end there: they run away.
RUNAWAY = 20.0
# No chance of a mark is told from certainty beyond this variance of it.
CERTAIN = 1e-12

SEPARATED = (
    "The marks separate targets, raters or indicators perfectly, so that the likelihood rises for ever as their distance "
    "grows. Use crossed.gaussian, or more ratings."
)


def rating_scale(
    ratings: Ratings, *, steps: Literal["common", "per_indicator"] = "common", max_iterations: int = 50
) -> FacetsFit:
    """Measure targets, raters and indicators on one logit scale.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators; the values are whole numbers.
    steps : {"common", "per_indicator"}
        Whether the indicators share the distances between marks (rating scale model) or each has its own (partial
        credit model).
    max_iterations : int
        Give up after this many.

    Returns
    -------
    FacetsFit
        ``measures`` (p,) are posterior means under a normal distribution of targets around 0, ``severities`` (r,) and
        ``difficulties`` (J,) maximum likelihood estimates, all in logits. The standard errors of what is
        estimated come from the observed information of all parameters jointly; those of measures are posterior
        standard deviations given the estimates.

    Raises
    ------
    InvalidRatings
        A value is no whole number; the marks span more than 20 steps; an indicator has no ratings; ``steps`` is
        neither of the two.
    Unidentified
        Only one target has ratings; all marks are equal; or a rater or an indicator got nothing but the lowest or
        the highest mark, so that no finite severity or difficulty is the best; or the marks separate targets, raters or
        indicators perfectly.
    Unconnected
        Groups of targets share no rater; ``groups`` lists them all.
    TooLarge
        More than 5,000 raters.
    NotConverged
        ``max_iterations`` came first, or no step helped; ``fit`` is the last iterate.

    Notes
    -----
    Many-facet rating scale and partial credit model [Lin89]_, [And78]_, [Mas82]_, with the targets integrated out
    [BA81]_ on equal steps around each target's own mode [PB95]_, [TW14]_; Newton steps with the observed
    information [Lou82]_.

    A target with nothing but the lowest or the highest mark has a finite measure all the same, and so has one without
    ratings: 0, with the spread of the targets. A mark that nobody gave (with ``"per_indicator"``: on that indicator)
    has probability 0 and its two steps are NaN; the record remarks it. One rater has severity 0, and no standard error.
    """
    sheets = _Sheets.of(ratings, steps)
    model = _Model.of(sheets, steps)
    point, covariance, record = _maximise(sheets, model, max_iterations)
    record = replace(record, remarks=_remarks(sheets, model, point))
    fit = _fit(ratings, sheets, model, point, covariance, record)
    return converged(fit)


@dataclass(frozen=True, eq=False)
class _Sheets:
    """The ratings by sheet, in the order of the targets, without targets and raters that have none.

    ``counts``, ``sums`` and ``squares`` (m, J) are of the steps given on each indicator of a sheet, ``first`` (p,) is each
    target's first sheet, ``given`` (J, K + 1) how often each indicator got each number of steps.
    """

    targets: Integers
    raters: Integers
    lowest: int
    target: Integers
    rater: Integers
    counts: Floats
    sums: Floats
    squares: Floats
    first: Integers
    given: Floats

    @classmethod
    def of(cls, ratings: Ratings, steps: str) -> _Sheets:
        if steps not in ("common", "per_indicator"):
            raise InvalidRatings(f"steps is {steps!r}. Use 'common' or 'per_indicator'.")
        lowest, given = _steps(ratings)
        _refuse_unconnected(ratings)
        targets, target = np.unique(ratings.target, return_inverse=True)
        raters, rater = np.unique(ratings.rater, return_inverse=True)
        if len(targets) < 2:
            raise Unidentified(
                "Only one target has ratings, so there is nothing to compare it with. Rate two at least."
            )
        if len(raters) > MOST_RATERS:
            raise TooLarge(
                f"{len(raters)} raters are too many; {MOST_RATERS} is the most. "
                "For ballots take nested.ordinal, else crossed.gaussian."
            )
        codes, sheet = np.unique(target * len(raters) + rater, return_inverse=True)
        cell, size = sheet * ratings.n_indicators + ratings.indicator, len(codes) * ratings.n_indicators
        counts, sums, squares = (
            _totals(cell, weights, size).reshape(len(codes), -1)
            for weights in (np.ones(len(given)), given, given**2)
        )
        levels = int(given.max()) + 1
        table = np.bincount(
            ratings.indicator * levels + given.astype(np.int64), minlength=ratings.n_indicators * levels
        )
        sheets = cls(
            targets=targets,
            raters=raters,
            lowest=lowest,
            target=codes // len(raters),
            rater=codes % len(raters),
            counts=counts,
            sums=sums,
            squares=squares,
            first=np.searchsorted(codes // len(raters), np.arange(len(targets))),
            given=table.reshape(-1, levels).astype(float),
        )
        sheets._refuse_extremes(steps)
        return sheets

    @property
    def steps(self) -> Floats:
        return np.arange(self.given.shape[1], dtype=float)

    def by_target(self, values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, self.first, axis=0))

    def by_rater(self, values: Floats) -> Floats:
        if values.ndim == 1:
            return _totals(self.rater, values, len(self.raters))
        return np.column_stack([self.by_rater(column) for column in values.T])

    def blocks(self, nodes: int) -> Iterator[_Sheets]:
        """Some targets at a time, with their sheets."""
        ends = np.append(self.first[1:], len(self.target))
        start = 0
        while start < len(self.targets):
            stop = int(np.searchsorted(ends, self.first[start] + BLOCK // nodes, side="right"))
            stop = max(stop, start + 1)
            rows = slice(self.first[start], ends[stop - 1])
            yield replace(
                self,
                targets=np.arange(start, stop),
                target=self.target[rows] - start,
                rater=self.rater[rows],
                counts=self.counts[rows],
                sums=self.sums[rows],
                squares=self.squares[rows],
                first=self.first[start:stop] - self.first[start],
            )
            start = stop

    def _refuse_extremes(self, steps: str) -> None:
        used = self.given > 0
        if steps == "common":
            used = np.broadcast_to(used.any(axis=0), used.shape)
        low = used.argmax(axis=1)
        high = used.shape[1] - 1 - used[:, ::-1].argmax(axis=1)
        scores = self.given @ self.steps
        marks = self.given.sum(axis=1)
        stuck = np.flatnonzero((scores == low * marks) | (scores == high * marks))
        if len(stuck):
            raise Unidentified(
                f"Indicator {stuck[0]} got one mark throughout, so that its difficulty has no finite estimate. "
                "Leave its ratings out."
            )
        total = self.by_rater(self.sums.sum(axis=1))
        extremes = [self.by_rater(self.counts @ bound) for bound in (low.astype(float), high.astype(float))]
        stuck = np.flatnonzero((total == extremes[0]) | (total == extremes[1]))
        if len(stuck):
            raise Unidentified(
                f"Rater {self.raters[stuck[0]]} gave nothing but the lowest or nothing but the highest mark, so that "
                "the severity has no finite estimate. Leave their ratings out."
            )


def _totals(codes: Integers, weights: Floats, levels: int) -> Floats:
    return np.asarray(np.bincount(codes, weights=weights, minlength=levels), dtype=np.float64)


def _steps(ratings: Ratings) -> tuple[int, Floats]:
    whole = ratings.values == np.rint(ratings.values)
    if not whole.all():
        row = int(np.argmin(whole))
        raise InvalidRatings(
            f"values[{row}] is {ratings.values[row]}. This model counts steps between marks: give whole numbers."
        )
    lowest, highest = ratings.values.min(), ratings.values.max()
    if highest - lowest > MOST_STEPS:
        raise InvalidRatings(
            f"The marks go from {lowest:g} to {highest:g}, which is more than {MOST_STEPS} steps. "
            "Take crossed.gaussian, which treats marks as numbers."
        )
    if highest == lowest:
        raise Unidentified(f"All marks are {lowest:g}, so that nothing can be told apart.")
    rated = np.bincount(ratings.indicator, minlength=ratings.n_indicators)
    if not rated.all():
        raise InvalidRatings(f"Indicator {np.argmin(rated)} has no ratings. Leave it out, or give it some.")
    return int(lowest), ratings.values - lowest


def _refuse_unconnected(ratings: Ratings) -> None:
    groups = connected_groups(ratings.target, ratings.rater, ratings.n_targets, ratings.n_raters)
    if len(groups) > 1:
        raise Unconnected(
            f"The ratings fall into {len(groups)} groups of targets that share no rater, of {len(groups[0])}, "
            f"{len(groups[1])}{' and fewer' if len(groups) > 2 else ''} targets. "
            "Let at least one rater of each group rate a target of another, or score the groups apart.",
            groups,
        )


@dataclass(frozen=True, eq=False)
class _Model:
    """How the free parameters make severities (r), ``kappa`` of the steps above the lowest (J * K) and the log of the
    targets' standard deviation: all are linear, by ``design``. ``used`` (J, K + 1) says which marks can occur at all."""

    design: Floats
    used: Booleans
    raters: int

    @classmethod
    def of(cls, sheets: _Sheets, steps: str) -> _Model:
        raters, (indicators, levels) = len(sheets.raters), sheets.given.shape
        used = sheets.given > 0
        if steps == "common":
            used = np.broadcast_to(used.any(axis=0), used.shape)
            shared = np.flatnonzero(used[0])[1:-1]
            columns = [np.kron(np.eye(indicators), sheets.steps[:, None])]
            columns.append(np.tile(np.eye(levels)[:, shared], (indicators, 1)))
            kappa = np.column_stack(columns)
        else:
            # The lowest mark of an indicator is where its kappa starts.
            above = used & (np.cumsum(used, axis=1) > 1)
            kappa = np.eye(indicators * levels)[:, above.ravel()]
        kappa = kappa.reshape(indicators, levels, -1)[:, 1:].reshape(indicators * (levels - 1), -1)
        design = np.zeros((raters + len(kappa) + 1, raters + kappa.shape[1]))
        # Severities sum to 0: the last is what the others leave.
        design[:raters, : raters - 1] = np.vstack([np.eye(raters - 1), -np.ones(raters - 1)])
        design[raters:-1, raters - 1 : -1] = kappa
        design[-1, -1] = 1
        return cls(design, used, raters)

    def kappa(self, effects: Floats) -> Floats:
        levels = self.used.shape[1]
        kappa = np.zeros(self.used.shape)
        kappa[:, 1:] = effects[self.raters : -1].reshape(-1, levels - 1)
        return np.where(self.used, kappa, np.inf)

    def start(self, sheets: _Sheets) -> Floats:
        """Raters alike, marks as frequent as they are, targets one logit apart."""
        share = sheets.given + 0.5
        wanted = -np.log(share / share[:, :1])
        lowest = np.take_along_axis(wanted, self.used.argmax(axis=1)[:, None], axis=1)
        wanted = np.where(self.used, wanted - lowest, 0.0)[:, 1:].ravel()
        inner = slice(self.raters - 1, -1)
        parameters = np.zeros(self.design.shape[1])
        parameters[inner] = np.linalg.lstsq(self.design[self.raters : -1, inner], wanted)[0]
        return parameters

    def reported(self) -> tuple[Floats, Floats]:
        """Difficulties and steps as linear maps of ``kappa``; NaN where a step ends at a mark that cannot occur."""
        indicators, levels = self.used.shape
        kappa = np.eye(indicators * levels).reshape(indicators, levels, indicators, levels)[..., 1:]
        kappa = kappa.reshape(indicators, levels, -1)
        each = np.arange(indicators)
        low = self.used.argmax(axis=1)
        high = levels - 1 - self.used[:, ::-1].argmax(axis=1)
        difficulties = (kappa[each, high] - kappa[each, low]) / (high - low)[:, None]
        steps = np.diff(kappa, axis=1) - difficulties[:, None]
        steps[~(self.used[:, 1:] & self.used[:, :-1])] = np.nan
        return difficulties, steps


@dataclass(frozen=True, eq=False)
class _Point:
    """The log-likelihood at some parameters, and the posterior distributions of the targets behind it."""

    parameters: Floats
    severities: Floats
    kappa: Floats
    sd: float
    modes: Floats
    apart: float
    log_likelihood: float
    gradient: Floats
    information: Floats

    @property
    def farthest(self) -> float:
        """The largest of the standard deviation, the severities and the difficulties of marks, in logits."""
        per_step = self.kappa[:, 1:] / np.arange(1, self.kappa.shape[1])
        largest = [float(np.abs(part[np.isfinite(part)]).max()) for part in (self.severities, per_step)]
        return max(self.sd, *largest)

    @property
    def tolerance(self) -> float:
        """Falls of the deviance below this do not matter, or are lost in its rounding."""
        return max(TOLERANCE, 1e-14 * abs(self.log_likelihood))


@dataclass(frozen=True, eq=False)
class _Posterior:
    """Of the targets of a block: nodes and their weights (p, Q), the chances of each mark on each sheet.

    ``powers`` (K + 1, m, Q) are those of ``exp(x)``, ``normaliser`` (J, m, Q) is the sum of ``exp(k x - kappa)``.
    """

    log_likelihood: float
    nodes: Floats
    weights: Floats
    powers: Floats
    normaliser: Floats

    @classmethod
    def of(cls, sheets: _Sheets, severities: Floats, kappa: Floats, sd: float, nodes: Floats) -> _Posterior:
        powers = np.empty((len(sheets.steps), len(sheets.target), nodes.shape[1]))
        powers[0] = 1
        powers[1] = np.exp(nodes)[sheets.target] * np.exp(-severities)[sheets.rater, None]
        for step in range(2, len(powers)):
            np.multiply(powers[step - 1], powers[1], out=powers[step])
        normaliser = (np.exp(-kappa) @ powers.reshape(len(powers), -1)).reshape(-1, *powers.shape[1:])
        marks = np.einsum("mj,jmq->mq", sheets.counts, np.log(normaliser))
        scores = sheets.sums.sum(axis=1)
        log_density = (
            sheets.by_target(scores)[:, None] * nodes
            - sheets.by_target(marks + (severities[sheets.rater] * scores)[:, None])
            - (nodes / sd) ** 2 / 2
            + np.log((nodes[:, 1] - nodes[:, 0]) / sd / np.sqrt(2 * np.pi))[:, None]
        )
        peak = log_density.max(axis=1)
        density = np.exp(log_density - peak[:, None])
        total = density.sum(axis=1)
        return cls(
            log_likelihood=float((peak + np.log(total)).sum()),
            nodes=nodes,
            weights=density / total[:, None],
            powers=powers,
            normaliser=normaliser,
        )

    def chances(self, kappa: Floats, indicator: int) -> Floats:
        """Of each step above the lowest on an indicator, (K, m, Q)."""
        numerators = np.exp(-kappa[indicator, 1:])[:, None, None] * self.powers[1:]
        numerators /= self.normaliser[indicator]
        return np.asarray(numerators)


def _density(
    sheets: _Sheets, severities: Floats, kappa: Floats, sd: float, theta: Floats
) -> tuple[Floats, Floats, Floats]:
    """The logarithm of each target's posterior density at ``theta`` (p,), but for a constant; its slope, and minus its bend."""
    scores, weight = sheets.by_target(sheets.sums.sum(axis=1)), np.exp(-kappa)
    powers = np.exp(theta[sheets.target] - severities[sheets.rater]) ** sheets.steps[:, None]
    normaliser = weight @ powers
    mean = (weight * sheets.steps) @ powers / normaliser
    variance = (weight * sheets.steps**2) @ powers / normaliser - mean**2
    value, slope, bend = (
        sheets.by_target((sheets.counts.T * part).sum(axis=0))
        for part in (np.log(normaliser), mean, variance)
    )
    return scores * theta - value - (theta / sd) ** 2 / 2, scores - slope - theta / sd**2, bend + 1 / sd**2


def _placed(
    sheets: _Sheets, severities: Floats, kappa: Floats, sd: float, modes: Floats, apart: float = 1.0
) -> tuple[Floats, Floats]:
    """Each target's nodes (p, Q), in equal steps over all of its own posterior, ``apart`` times as long as they need to be
    for the last digits; and the modes."""
    for _ in range(50):
        peak, slope, bend = _density(sheets, severities, kappa, sd, modes)
        move = np.clip(slope / bend, -2, 2)
        modes = modes + move
        # The nodes need not lie around the very mode.
        if np.abs(move).max() < 1e-2:
            break
    errors = 1 / np.sqrt(bend)
    ends = []
    for side in (-1, 1):
        end = modes + side * SPAN * errors
        value, slope, _ = _density(sheets, severities, kappa, sd, end)
        # The logarithm is concave, so that it lies below its own tangent farther out.
        ends.append(end + side * np.maximum(0, FALL - (peak - value)) / np.abs(slope))
    low, high = ends
    steps = ((high - low) / np.minimum(STEP * errors, LONGEST)).max() / apart
    return np.linspace(low, high, 1 + int(np.ceil(np.nan_to_num(steps, posinf=0.0))), axis=1), modes


def _evaluate(
    sheets: _Sheets, model: _Model, parameters: Floats, modes: Floats, apart: float = 1.0
) -> _Point | None:
    """None where parameters are so far off that numbers overflow."""
    effects = model.design @ parameters
    severities, kappa, sd = effects[: model.raters], model.kappa(effects), float(np.exp(effects[-1]))
    size = len(effects)
    log_likelihood = -float(sheets.given[model.used] @ kappa[model.used])
    gradient, information = np.zeros(size), np.zeros((size, size))
    gradient[model.raters : -1] = -sheets.given[:, 1:].ravel()
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        nodes, modes = _placed(sheets, severities, kappa, sd, modes, apart)
        if not np.isfinite(nodes).all():
            return None
        for block in sheets.blocks(nodes.shape[1]):
            posterior = _Posterior.of(block, severities, kappa, sd, nodes[block.targets])
            log_likelihood += posterior.log_likelihood
            _add_information(block, model, posterior, kappa, sd, gradient, information)
    if not (np.isfinite(log_likelihood) and np.isfinite(information).all()):
        return None
    return _Point(
        parameters=parameters,
        severities=severities,
        kappa=kappa,
        sd=sd,
        modes=modes,
        apart=apart,
        log_likelihood=log_likelihood,
        gradient=model.design.T @ gradient,
        information=model.design.T @ information @ model.design,
    )


def _add_information(
    sheets: _Sheets,
    model: _Model,
    posterior: _Posterior,
    kappa: Floats,
    sd: float,
    gradient: Floats,
    information: Floats,
) -> None:
    """Add a block's posterior means of the scores to ``gradient``, and to ``information`` those of what the marks would tell
    if the targets were known, less the posterior covariances of the scores [Lou82]_."""
    raters, weights, steps = model.raters, posterior.weights, sheets.steps[1:]
    per_sheet = weights[sheets.target]
    by_rater = np.zeros_like(per_sheet)
    counts: list[Floats] = []
    tilted: list[Floats] = []
    ends = np.append(sheets.first, len(per_sheet))
    # One indicator at a time, so that what it takes stays in the processor's cache.
    for indicator, counted in enumerate(sheets.counts.T[:, :, None]):
        chances = posterior.chances(kappa, indicator)
        flat = chances.reshape(len(steps), -1)
        mean = (steps @ flat).reshape(per_sheet.shape)
        weighted = chances * (counted * per_sheet)
        expected_counts = weighted.sum(axis=2)
        tilted.append(expected_counts * steps[:, None] - np.einsum("kmq,mq->km", weighted, mean))
        own = slice(raters + indicator * len(steps), raters + (indicator + 1) * len(steps))
        information[own, own] += np.diag(expected_counts.sum(axis=1))
        information[own, own] -= flat @ weighted.reshape(flat.shape).T
        given = csr_array((counted.ravel(), np.arange(len(counted)), ends))
        counts.extend(given @ chance for chance in chances)
        by_rater += mean * counted
    expected = (by_rater * per_sheet).sum(axis=1)
    others = np.stack([*counts, (posterior.nodes / sd) ** 2 - 1])  # of kappa, and of the log of sd
    others_mean = (others * weights).sum(axis=2)
    gradient[:raters] += sheets.by_rater(expected - sheets.sums.sum(axis=1))
    gradient[raters:] += others_mean.sum(axis=1)

    root = np.sqrt(weights)
    deviations = ((others - others_mean[:, :, None]) * root).reshape(len(others), -1)
    nodes = weights.shape[1]
    place = sheets.target[:, None] * nodes + np.arange(nodes)
    rater_deviations = coo_array(
        (
            ((by_rater - expected[:, None]) * root[sheets.target]).ravel(),
            (np.repeat(sheets.rater, nodes), place.ravel()),
        ),
        shape=(raters, root.size),
    ).tocsr()
    together = (rater_deviations @ rater_deviations.T).tocoo()
    information[together.coords] -= together.data
    across = rater_deviations @ deviations.T
    information[:raters, raters:] -= across
    information[raters:, :raters] -= across.T
    information[raters:, raters:] -= deviations @ deviations.T

    each = np.arange(raters)
    information[each, each] += sheets.by_rater(np.sum([steps @ part for part in tilted], axis=0))
    across = sheets.by_rater(np.concatenate(tilted).T)
    information[:raters, raters:-1] += across
    information[raters:-1, :raters] += across.T
    information[-1, -1] += 2 * float(((posterior.nodes / sd) ** 2 * weights).sum())


def _maximise(sheets: _Sheets, model: _Model, max_iterations: int) -> tuple[_Point, Floats, Record]:
    """Newton steps, halved until the log-likelihood rises. Returns the covariance of the parameters too."""
    point = _evaluate(sheets, model, model.start(sheets), np.zeros(len(sheets.targets)), COARSE)
    if point is None:
        raise Unidentified(SEPARATED)
    evaluations = 1
    for iteration in range(max_iterations + 1):
        free = np.ones(len(point.parameters), dtype=bool)
        free[-1] = point.parameters[-1] > np.log(LEAST_SD) or point.gradient[-1] > 0
        step, covariance = _newton(point, free)
        decrement = float(point.gradient @ step)
        if point.apart > 1 and decrement <= NEAR * len(sheets.targets):
            higher, tried = _evaluate(sheets, model, point.parameters, point.modes, 1.0), 1
        elif decrement <= point.tolerance:
            stopped = "The deviance can fall no further."
            break
        elif iteration == max_iterations:
            stopped = f"{max_iterations} iterations were allowed."
            break
        else:
            apart = COARSE if decrement > FAR * len(sheets.targets) else 1.0
            higher, tried = _climb(sheets, model, point, step, apart)
        evaluations += tried
        if higher is None:
            stopped = "No shorter step lowered the deviance."
            break
        point = higher
        if point.farthest > RUNAWAY:
            raise Unidentified(SEPARATED)
    record = Record(
        method="marginal maximum likelihood",
        objective=-2 * point.log_likelihood,
        iterations=iteration,
        evaluations=evaluations,
        tolerance=point.tolerance,
        decrement=decrement,
        stopped=stopped,
    )
    return point, covariance, record


def _newton(point: _Point, free: Booleans) -> tuple[Floats, Floats]:
    """The step, and the inverse of the observed information of the free parameters.

    Far from the optimum the likelihood may bend upwards somewhere; there the step follows the slope all the same.
    """
    information = point.information[np.ix_(free, free)]
    try:
        inverse = cho_solve(cho_factor(information), np.eye(len(information)))
    except np.linalg.LinAlgError:
        bends, directions = np.linalg.eigh(information)
        inverse = (directions / np.maximum(np.abs(bends), 1e-6 * bends[-1])) @ directions.T
    covariance = np.zeros_like(point.information)
    covariance[np.ix_(free, free)] = inverse
    return covariance @ point.gradient, covariance


def _climb(
    sheets: _Sheets, model: _Model, point: _Point, step: Floats, apart: float
) -> tuple[_Point | None, int]:
    promised = float(point.gradient @ step)
    # Logits: no parameter needs to jump farther, and no exponential overflows.
    length = min(1.0, 5.0 / float(np.abs(step).max()))
    for tried in range(1, 31):
        parameters = point.parameters + length * step
        parameters[-1] = max(parameters[-1], np.log(LEAST_SD))
        higher = _evaluate(sheets, model, parameters, point.modes, apart)
        if (
            higher
            and higher.log_likelihood >= point.log_likelihood + 1e-4 * length * promised - point.tolerance / 4
        ):
            return higher, tried
        length /= 2
    return None, tried


def _fit(
    ratings: Ratings, sheets: _Sheets, model: _Model, point: _Point, covariance: Floats, record: Record
) -> FacetsFit:
    with np.errstate(over="ignore", invalid="ignore"):
        parts = _Parts.of(sheets, point)
    if not np.isfinite(parts.parts).all():
        raise Unidentified(SEPARATED)
    raters = model.raters
    difficulty, step = (rows @ model.design[raters:-1] for rows in model.reported())
    difficulties, difficulty_errors = difficulty @ point.parameters, _errors(covariance, difficulty)
    severity_errors = _errors(covariance, model.design[:raters]) if raters > 1 else np.full(1, np.nan)
    measures = _spread_out(parts.measures, sheets.targets, ratings.n_targets, 0.0)
    errors = _spread_out(parts.errors, sheets.targets, ratings.n_targets, point.sd)
    fair, slope = _fair(point.kappa, measures)
    return FacetsFit(
        measures=measures,
        standard_errors=errors,
        severities=_spread_out(point.severities, sheets.raters, ratings.n_raters, np.nan),
        severity_standard_errors=_spread_out(severity_errors, sheets.raters, ratings.n_raters, np.nan),
        difficulties=difficulties,
        difficulty_standard_errors=difficulty_errors,
        steps=step @ point.parameters,
        step_standard_errors=_errors(covariance, step),
        categories=sheets.lowest + np.arange(len(sheets.steps)),
        target_sd=point.sd,
        target_sd_standard_error=point.sd * float(np.sqrt(covariance[-1, -1] or np.nan)),
        fair_averages=sheets.lowest + fair,
        fair_standard_errors=slope * errors,
        target_fit=parts.by_sheet(sheets.targets[sheets.target], ratings.n_targets),
        rater_fit=parts.by_sheet(sheets.raters[sheets.rater], ratings.n_raters),
        indicator_fit=parts.by_indicator(),
        target_separation=_separation(parts.measures, parts.errors, point.sd**2),
        rater_separation=_separation(point.severities, severity_errors),
        indicator_separation=_separation(difficulties, difficulty_errors),
        n_ratings=np.bincount(ratings.target, minlength=ratings.n_targets),
        log_likelihood=point.log_likelihood,
        record=record,
    )


def _fair(kappa: Floats, measures: Floats) -> tuple[Floats, Floats]:
    """Steps that a rater of severity 0 gives on average over the indicators, and how much more per logit."""
    steps = np.arange(kappa.shape[1], dtype=float)
    exponents = steps * measures[:, None, None] - kappa
    chances = np.exp(exponents - exponents.max(axis=2, keepdims=True))
    chances /= chances.sum(axis=2, keepdims=True)
    mean = chances @ steps
    return mean.mean(axis=1), (chances @ steps**2 - mean**2).mean(axis=1)


@dataclass(frozen=True, eq=False)
class _Parts:
    """Posterior means and standard deviations (p,), and by sheet and indicator the parts (6, m, J) of the mean squares:
    marks, squared standardised residuals, squared residuals, variances, and what the two mean squares vary by."""

    measures: Floats
    errors: Floats
    parts: Floats

    @classmethod
    def of(cls, sheets: _Sheets, point: _Point) -> _Parts:
        steps, found = sheets.steps, []
        nodes, _ = _placed(sheets, point.severities, point.kappa, point.sd, point.modes)
        for block in sheets.blocks(nodes.shape[1]):
            posterior = _Posterior.of(block, point.severities, point.kappa, point.sd, nodes[block.targets])
            weight = np.exp(-point.kappa)
            flat = posterior.powers.reshape(len(steps), -1)
            first, second, third, fourth = (
                (weight * steps**power @ flat).reshape(posterior.normaliser.shape) / posterior.normaliser
                for power in (1, 2, 3, 4)
            )
            variance = np.maximum(second - first**2, CERTAIN)
            fourth_central = fourth - 4 * third * first + 6 * second * first**2 - 3 * first**4
            counts, sums, squares = (part.T[:, :, None] for part in (block.counts, block.sums, block.squares))
            residuals = squares - 2 * sums * first + counts * first**2
            per_sheet = posterior.weights[block.target]
            parts = [
                np.einsum("jmq,mq->mj", part, per_sheet)
                for part in (
                    residuals / variance,
                    residuals,
                    counts * variance,
                    counts * (fourth_central / variance**2 - 1),
                    counts * (fourth_central - variance**2),
                )
            ]
            measures = (posterior.nodes * posterior.weights).sum(axis=1)
            squared = ((posterior.nodes - measures[:, None]) ** 2 * posterior.weights).sum(axis=1)
            found.append((measures, np.sqrt(squared), np.stack([block.counts, *parts])))
        return cls(
            measures=np.concatenate([block[0] for block in found]),
            errors=np.concatenate([block[1] for block in found]),
            parts=np.concatenate([block[2] for block in found], axis=1),
        )

    def by_sheet(self, codes: Integers, size: int) -> MeanSquares:
        return _mean_squares([_totals(codes, part.sum(axis=1), size) for part in self.parts])

    def by_indicator(self) -> MeanSquares:
        return _mean_squares(list(self.parts.sum(axis=1)))


def _mean_squares(sums: list[Floats]) -> MeanSquares:
    marks, standardised, squared, variance, outfit_spread, infit_spread = (
        np.where(sums[0] > 0, part, np.nan) for part in sums
    )
    outfit, infit = standardised / marks, squared / variance
    return MeanSquares(
        infit=infit,
        infit_z=_standardised(infit, np.sqrt(np.maximum(infit_spread, 0)) / variance),
        outfit=outfit,
        outfit_z=_standardised(outfit, np.sqrt(np.maximum(outfit_spread, 0)) / marks),
    )


def _standardised(mean_square: Floats, spread: Floats) -> Floats:
    """A mean square as a normal deviate, by the cube root that makes it nearly one; 0 where it cannot vary at all."""
    known = np.where(spread > 0, spread, np.inf)
    return np.asarray(np.where(spread > 0, (np.cbrt(mean_square) - 1) * 3 / known + spread / 3, spread))


def _errors(covariance: Floats, rows: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("...i,ij,...j->...", rows, covariance, rows, optimize=True)))


def _spread_out(values: Floats, codes: Integers, size: int, otherwise: float) -> Floats:
    whole = np.full(size, otherwise)
    whole[codes] = values
    return whole


def _separation(estimates: Floats, errors: Floats, true_variance: float | None = None) -> Separation:
    """Of fixed effects the true variance is that of the estimates less what their errors add to it."""
    if len(estimates) < 2:
        return Separation(reliability=float("nan"), separation=float("nan"), strata=float("nan"))
    error = float(np.mean(errors**2))
    if true_variance is None:
        observed = float(estimates.var(ddof=1))
        reliability = max(0.0, 1 - error / observed) if observed > 0 else 0.0
    else:
        reliability = max(0.0, 1 - error / true_variance)
    ratio = float(np.sqrt(reliability / (1 - reliability)))
    return Separation(reliability=reliability, separation=ratio, strata=(4 * ratio + 1) / 3)


def _remarks(sheets: _Sheets, model: _Model, point: _Point) -> tuple[str, ...]:
    remarks = []
    if model.raters == 1:
        remarks.append("There is one rater only: severity is left out of the model.")
    if point.parameters[-1] <= np.log(LEAST_SD):
        remarks.append(
            "The variance of targets is estimated as zero: their differences are no larger than chance would make them."
        )
    for step in np.flatnonzero(~model.used.any(axis=0)):
        remarks.append(
            f"Nobody gave the mark {sheets.lowest + step}: it is taken as one that cannot be given."
        )
    unused = model.used.any(axis=0) & ~model.used
    for indicator, step in zip(*np.nonzero(unused), strict=True):
        remarks.append(
            f"Nobody gave the mark {sheets.lowest + step} on indicator {indicator}: "
            "it is taken as one that cannot be given there."
        )
    return tuple(remarks)
