"""Certifies many-facet fits: a marginal likelihood by Gauss-Legendre rules around each target's own mode."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.special import logsumexp

from dongliang.engine.checking.claims import (
    demand,
    demand_errors,
    demand_near,
    demand_optimum,
    errors_of,
    information_from,
)
from dongliang.engine.data import Booleans, FacetsFit, Floats, Integers, Ratings
from dongliang.engine.errors import NotCertified, TooLarge

# Marks whose chances are worked out at every node some hundred times within a minute.
MOST_RATINGS = 10_000
# Targets are integrated by a Gauss-Legendre rule of so many nodes, out to so many standard deviations around the mode.
NODES, REACH = 48, 9.0
# Of parameters in logits, between two slopes whose difference is taken.
STEP = 1e-3
# A standard deviation of the targets up to this, in logits, is as good as none, and has no error.
NEXT_TO_NONE = 0.0101


def certify_facets(
    ratings: Ratings,
    fit: FacetsFit,
    *,
    steps: Literal["common", "per_indicator"] = "common",
    tolerance: float = 1e-3,
    within: float = 0.03,
) -> None:
    """Check a many-facet fit against a marginal likelihood and its derivatives written out anew.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings, 10,000 at most.
    fit : FacetsFit
        What is claimed.
    steps : {"common", "per_indicator"}
        As in `facets.rating_scale`.
    tolerance : float, default 1e-3
        Largest error of the stated log-likelihood and, in logits or marks, of measures and fair averages; and what one more
        step may promise.
    within : float, default 0.03
        Largest error of standard errors, in proportion.

    Raises
    ------
    NotCertified
        The stated log-likelihood is not that of the stated parameters; or it has a slope there, or does not bend down;
        or standard errors are not those of all parameters jointly; or measures, fair averages or their errors do
        not follow. Infit, outfit and separation are not checked.
    TooLarge
        There are more ratings than that.

    Notes
    -----
    The slope is the mean, over what is believed of each target, of the slope that marks would have if targets were known; the
    observed information comes from its differences.
    """
    if len(ratings) > MOST_RATINGS:
        raise TooLarge(f"{len(ratings)} ratings are too many to check; {MOST_RATINGS} is the most.")
    marks = _Marks.of(ratings, fit)
    at = _Parameters.of(marks, fit, steps)
    top = marks.evaluate(*at.values(at.start))
    demand_near("Log-likelihoods", np.array(fit.log_likelihood), np.array(top.log_likelihood), tolerance)
    free = np.arange(len(at.start) - at.next_to_none)

    def slope(moved: Floats) -> Floats:
        point = at.start.copy()
        point[free] = moved
        return (at.design.T @ marks.evaluate(*at.values(point)).slope)[free]

    if at.next_to_none:
        rise = float((at.design.T @ top.slope)[-1])
        demand(rise <= tolerance, "A larger standard deviation of targets would be likelier.")
    covariance = np.zeros((len(at.start), len(at.start)))
    covariance[np.ix_(free, free)] = demand_optimum(
        slope(at.start[free]), information_from(slope, at.start[free], STEP), tolerance
    )
    _certify_errors(marks, at, fit, covariance, within)
    _certify_measures(ratings, at.values(at.start)[1], fit, top, tolerance, within)


@dataclass(frozen=True, eq=False)
class _Top:
    """The log-likelihood, its slope by severities (r), ``kappa`` (J * K) and log standard deviation, and the targets' posterior
    means and standard deviations."""

    log_likelihood: float
    slope: Floats
    means: Floats
    errors: Floats


@dataclass(frozen=True, eq=False)
class _Marks:
    """Marks as steps above the lowest; ``raters`` are those who rated, and ``used`` (J, K + 1) the marks that can occur."""

    target: Integers
    rater: Integers
    indicator: Integers
    given: Integers
    targets: int
    raters: Integers
    kappa_shape: tuple[int, int]

    @classmethod
    def of(cls, ratings: Ratings, fit: FacetsFit) -> _Marks:
        lowest, highest = int(ratings.values.min()), int(ratings.values.max())
        demand(
            fit.categories.tolist() == list(range(lowest, highest + 1)),
            "The categories do not go from the lowest mark given to the highest.",
        )
        raters, rater = np.unique(ratings.rater, return_inverse=True)
        unseen = np.setdiff1d(np.arange(ratings.n_raters), raters)
        demand(bool(np.isnan(fit.severities[unseen]).all()), "A rater without ratings has a severity.")
        return cls(
            ratings.target,
            rater,
            ratings.indicator,
            (ratings.values - lowest).astype(np.int64),
            ratings.n_targets,
            raters,
            (ratings.n_indicators, highest - lowest),
        )

    def used(self, steps: str) -> Booleans:
        indicators, levels = self.kappa_shape
        used = np.zeros((indicators, levels + 1), dtype=bool)
        used[self.indicator, self.given] = True
        return np.broadcast_to(used.any(axis=0), used.shape) if steps == "common" else used

    def evaluate(self, severities: Floats, kappa: Floats, sd: float) -> _Top:
        """``kappa`` (J, K + 1) is infinite for marks that cannot occur."""
        levels = np.arange(kappa.shape[1], dtype=float)
        costs = kappa[self.indicator] + severities[self.rater][:, None] * levels
        stated = float(costs[np.arange(len(self.given)), self.given].sum())
        score = self._by_target(self.given.astype(float))
        mode = np.zeros(self.targets)
        for _ in range(100):
            _, mean, variance, _ = _chances(costs, mode[self.target][:, None], levels)
            left = 1 / sd**2 + self._by_target(variance[:, 0])
            step = (score - self._by_target(mean[:, 0]) - mode / sd**2) / left
            mode = mode + np.clip(step, -2.0, 2.0)
            if np.abs(step).max() < 1e-9:
                break
        points, weights = np.polynomial.legendre.leggauss(NODES)
        # Beyond the marks' own curve the normal one still falls: nothing is left out at that reach.
        half = REACH / np.sqrt(left)[:, None]
        nodes = mode[:, None] + half * points
        normaliser, mean, _, chance = _chances(costs, nodes[self.target], levels)
        density = score[:, None] * nodes - (nodes / sd) ** 2 / 2 - np.log(sd * np.sqrt(2 * np.pi))
        density -= self._by_target(normaliser)
        density += np.log(half * weights)
        total = logsumexp(density, axis=1)
        posterior = np.exp(density - total[:, None])
        believed = posterior[self.target]
        means = (posterior * nodes).sum(axis=1)
        by_level = np.einsum("nqk,nq->nk", chance, believed)
        by_level[np.arange(len(self.given)), self.given] -= 1
        by_kappa = np.zeros(kappa.shape)
        np.add.at(by_kappa, self.indicator, by_level)
        by_severity = np.bincount(self.rater, weights=by_level @ levels, minlength=len(severities))
        by_sd = float(((posterior * nodes**2).sum(axis=1) / sd**2 - 1).sum())
        return _Top(
            log_likelihood=float(total.sum()) - stated,
            slope=np.concatenate([by_severity, by_kappa[:, 1:].ravel(), [by_sd]]),
            means=means,
            errors=np.sqrt((posterior * (nodes - means[:, None]) ** 2).sum(axis=1)),
        )

    def _by_target(self, values: Floats) -> Floats:
        if values.ndim == 1:
            return np.asarray(np.bincount(self.target, weights=values, minlength=self.targets), dtype=float)
        return np.column_stack([self._by_target(column) for column in values.T])


def _chances(costs: Floats, theta: Floats, levels: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Of every mark at ``theta`` (n, q): log of the normaliser, mean and variance (n, q), and the chances (n, q, K + 1)."""
    exponents = theta[:, :, None] * levels - costs[:, None, :]
    peak = exponents.max(axis=2)
    chances = np.exp(exponents - peak[:, :, None])
    total = chances.sum(axis=2)
    chances /= total[:, :, None]
    mean = chances @ levels
    return np.log(total) + peak, mean, chances @ levels**2 - mean**2, chances


@dataclass(frozen=True, eq=False)
class _Parameters:
    """Severities but the last, then difficulties and shared steps or every ``kappa`` of an indicator, then the log of the targets'
    standard deviation. ``design`` turns them into severities, ``kappa`` without its first column, and that log."""

    start: Floats
    design: Floats
    used: Booleans
    raters: int
    next_to_none: bool

    @classmethod
    def of(cls, marks: _Marks, fit: FacetsFit, steps: str) -> _Parameters:
        used = marks.used(steps)
        severities = fit.severities[marks.raters]
        demand(abs(float(severities.sum())) < 1e-6, "The severities do not sum to 0.")
        kappa = np.vstack([_kappa(*row) for row in zip(fit.difficulties, fit.steps, used, strict=True)])
        indicators, top = marks.kappa_shape
        levels = np.arange(top + 1.0)
        if steps == "common":
            shared = np.flatnonzero(used[0])[1:-1]
            columns = [np.kron(np.eye(indicators), levels[:, None])]
            columns.append(np.tile(np.eye(top + 1)[:, shared], (indicators, 1)))
            by_kappa = np.column_stack(columns)
            beyond = kappa - fit.difficulties[:, None] * levels
            demand_near(
                "Steps of the indicators",
                beyond[:, shared],
                np.tile(beyond[0, shared], (indicators, 1)),
                1e-6,
            )
            inner = np.concatenate([fit.difficulties, beyond[0, shared]])
        else:
            above = used & (np.cumsum(used, axis=1) > 1)
            by_kappa = np.eye(used.size)[:, above.ravel()]
            inner = kappa[above]
        by_kappa = by_kappa.reshape(indicators, top + 1, -1)[:, 1:].reshape(indicators * top, -1)
        raters = len(severities)
        design = np.zeros((raters + len(by_kappa) + 1, raters + by_kappa.shape[1]))
        design[:raters, : raters - 1] = np.vstack([np.eye(raters - 1), -np.ones((1, raters - 1))])
        design[raters:-1, raters - 1 : -1] = by_kappa
        design[-1, -1] = 1
        demand(fit.target_sd > 0, "The standard deviation of the targets is not above zero.")
        start = np.concatenate([severities[:-1], inner, [np.log(fit.target_sd)]])
        return cls(start, design, used, raters, fit.target_sd <= NEXT_TO_NONE)

    def values(self, free: Floats) -> tuple[Floats, Floats, float]:
        effects = self.design @ free
        kappa = np.zeros(self.used.shape)
        kappa[:, 1:] = effects[self.raters : -1].reshape(len(kappa), -1)
        return effects[: self.raters], np.where(self.used, kappa, np.inf), float(np.exp(effects[-1]))

    def reported(self) -> tuple[Floats, Floats]:
        """Difficulties (J, parameters) and steps (J, K, parameters) as linear functions of the parameters."""
        indicators, levels = self.used.shape
        kappa = np.zeros((indicators, levels, self.design.shape[1]))
        kappa[:, 1:] = self.design[self.raters : -1].reshape(indicators, levels - 1, -1)
        low = self.used.argmax(axis=1)
        high = levels - 1 - self.used[:, ::-1].argmax(axis=1)
        each = np.arange(indicators)
        difficulties = (kappa[each, high] - kappa[each, low]) / (high - low)[:, None]
        steps = np.diff(kappa, axis=1) - difficulties[:, None]
        steps[~(self.used[:, 1:] & self.used[:, :-1])] = np.nan
        return difficulties, steps


def _kappa(difficulty: float, steps: Floats, used: Booleans) -> Floats:
    """The sums of difficulty and steps up to each mark of an indicator, from its lowest. Two steps beside a mark that nobody gave are
    unknown, but for their sum: steps sum to 0."""
    levels = np.flatnonzero(used)
    expected = used[1:] & used[:-1]
    demand(
        bool((np.isfinite(steps) == expected).all()),
        "Steps are stated beside marks that nobody gave, or not elsewhere.",
    )
    gaps = np.flatnonzero(np.diff(levels) > 1)
    if len(gaps) > 1:
        raise NotCertified(
            "Nobody gave marks in two places of the scale of an indicator, so that its steps do not say all of it."
        )
    kappa = np.full(len(used), np.nan)
    kappa[levels[0]] = 0.0
    for before, after in pairwise(levels):
        step = steps[after - 1] if after == before + 1 else -np.nansum(steps)
        kappa[after] = kappa[before] + (after - before) * difficulty + step
    demand(
        abs(kappa[levels[-1]] - (levels[-1] - levels[0]) * difficulty) < 1e-6, "The steps do not sum to 0."
    )
    return np.where(used, kappa, 0.0)


def _certify_errors(
    marks: _Marks, at: _Parameters, fit: FacetsFit, covariance: Floats, within: float
) -> None:
    of_severity = at.design[: at.raters]
    expected = errors_of(covariance, of_severity) if at.raters > 1 else np.full(1, np.nan)
    demand_errors(
        "Standard errors of severities", fit.severity_standard_errors[marks.raters], expected, within
    )
    difficulties, steps = at.reported()
    demand_errors(
        "Standard errors of difficulties",
        fit.difficulty_standard_errors,
        errors_of(covariance, difficulties),
        within,
    )
    demand_errors("Standard errors of steps", fit.step_standard_errors, errors_of(covariance, steps), within)
    spread = np.nan if at.next_to_none else fit.target_sd * np.sqrt(covariance[-1, -1])
    demand_errors(
        "Standard errors of the standard deviation",
        np.array(fit.target_sd_standard_error),
        np.array(spread),
        within,
    )


def _certify_measures(
    ratings: Ratings, kappa: Floats, fit: FacetsFit, top: _Top, tolerance: float, within: float
) -> None:
    demand_near("Measures", fit.measures, top.means, tolerance)
    demand_errors("Standard errors of measures", fit.standard_errors, top.errors, within)
    levels = np.arange(kappa.shape[1], dtype=float)
    # One mark of every indicator from a rater of severity 0: what the measure alone leads one to expect.
    means, variances = zip(*(_chances(row[None], top.means[None], levels)[1:3] for row in kappa), strict=True)
    fair = fit.categories[0] + np.mean(means, axis=0)[0]
    demand_near("Fair averages", fit.fair_averages, fair, tolerance)
    demand_errors(
        "Standard errors of fair averages",
        fit.fair_standard_errors,
        np.mean(variances, axis=0)[0] * top.errors,
        within,
    )
    counted = np.bincount(ratings.target, minlength=ratings.n_targets)
    demand(bool((fit.n_ratings == counted).all()), "The numbers of ratings are not those of the targets.")
