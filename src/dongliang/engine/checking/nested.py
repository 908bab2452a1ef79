"""Certifies fits of ballots: Gaussian ones with every mark written out, ordinal ones with integrals of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logsumexp

from dongliang.engine.checking.claims import (
    demand,
    demand_errors,
    demand_near,
    demand_optimum,
    errors_of,
    information_of,
    slope_of,
)
from dongliang.engine.checking.gaussian import SMALL, certify_gaussian
from dongliang.engine.data import Booleans, Fit, Floats, Integers, OrdinalFit, Ratings, Tally
from dongliang.engine.errors import TooLarge

# Different ballots of an ordinal fit, times indicators, that are integrated a few hundred times within seconds.
MOST_CELLS = 10_000
# Ballots are integrated by Gauss-Legendre rules on so many pieces of so many nodes, out to so many standard deviations.
PIECES, NODES, REACH = 16, 8, 9.0
# Of parameters in logits, or logs of them, between two values whose difference is taken.
STEP = 2e-3


def certify_nested_gaussian(tally: Tally, fit: Fit, *, tolerance: float = 1e-3) -> None:
    """Check a Gaussian fit of ballots against a likelihood written out over all marks.

    Parameters
    ----------
    tally : Tally
        Ballots of 1,000 marks at most, all rows together.
    fit : Fit
        What is claimed; severities by row of the tally.
    tolerance : float, default 1e-3
        As in `certify_gaussian`.

    Raises
    ------
    NotCertified
        As from `certify_gaussian`, each ballot being a rater of its own.
    TooLarge
        There are more marks than that.

    Notes
    -----
    What is said of rows that no ballot gave is not checked.
    """
    marks = int(tally.count @ (tally.marks > 0).sum(axis=1))
    if marks > SMALL:
        raise TooLarge(f"{marks} marks are too many to check densely; {SMALL} is the most.")
    demand(
        fit.severities.shape == fit.severity_standard_errors.shape == (len(tally),),
        "Severities and their errors are not one a row of the tally.",
    )
    row = np.repeat(np.arange(len(tally)), tally.count)
    ballot, indicator = np.nonzero(tally.marks[row])
    ratings = Ratings(
        target=tally.target[row][ballot],
        rater=ballot,
        indicator=indicator,
        values=tally.marks[row][ballot, indicator].astype(float),
        n_targets=tally.n_targets,
        n_raters=len(row),
        n_indicators=tally.n_indicators,
    )
    by_ballot = replace(
        fit, severities=fit.severities[row], severity_standard_errors=fit.severity_standard_errors[row]
    )
    certify_gaussian(ratings, by_ballot, tolerance=tolerance)


def certify_nested_ordinal(
    tally: Tally, fit: OrdinalFit, *, tolerance: float = 1e-3, within: float = 0.03
) -> None:
    """Check an ordinal fit of ballots against integrals and derivatives of its own.

    Parameters
    ----------
    tally : Tally
        Rows of ballots, times indicators 10,000 at most.
    fit : OrdinalFit
        What is claimed.
    tolerance : float, default 1e-3
        Largest error of the stated log-likelihood, of measures and severities in logits, and of what one more step
        may promise.
    within : float, default 0.03
        Largest error of standard errors, in proportion.

    Raises
    ------
    NotCertified
        The stated log-likelihood is not that of the stated thresholds and standard deviations; or it has a slope there, or
        does not bend down; or standard errors are not those of its curvature; or measures, severities, fair marks
        or their errors do not follow.
    TooLarge
        There are more rows than that.

    Notes
    -----
    Ballots are integrated out by Gauss-Legendre rules, targets by the Laplace approximation, which is what the fit claims to
    maximise. The curvature comes from differences of the log-likelihood alone. What is said of rows that no ballot gave
    is not checked.
    """
    if tally.marks.size > MOST_CELLS:
        raise TooLarge(
            f"{tally.marks.size} cells of the tally are too many to check; {MOST_CELLS} is the most."
        )
    ballots = _Ballots.of(tally, fit)
    at = _Parameters.of(ballots, fit)
    top = ballots.evaluate(*at.values(at.start))
    demand_near("Log-likelihoods", np.array(fit.log_likelihood), np.array(top.log_likelihood), tolerance)

    _certify_ballots(tally, ballots, fit, top, tolerance, within)

    def height(free: Floats) -> float:
        return ballots.evaluate(*at.values(free)).log_likelihood

    _certify_zeros(ballots, at, fit, top.log_likelihood, tolerance)
    covariance = demand_optimum(
        slope_of(height, at.start, STEP), information_of(height, at.start, STEP), tolerance
    )
    _certify_errors(at, fit, covariance, within)


@dataclass(frozen=True, eq=False)
class _Top:
    """The Laplace log-likelihood, the targets' modes and conditional variances, and by row the ballots' posterior moments."""

    log_likelihood: float
    modes: Floats
    variances: Floats
    means: Floats
    spreads: Floats


@dataclass(frozen=True, eq=False)
class _Ballots:
    """Rows that somebody gave: ``target`` and ``count`` (m,), ``codes`` (m, J) of categories from 1, 0 for no mark."""

    rows: Integers
    target: Integers
    count: Floats
    codes: Integers
    targets: int

    @classmethod
    def of(cls, tally: Tally, fit: OrdinalFit) -> _Ballots:
        rows = np.flatnonzero(tally.count)
        marks = tally.marks[rows]
        given = np.unique(marks[marks > 0])
        demand(fit.categories.tolist() == given.tolist(), "The categories are not the marks that were given.")
        codes = np.where(marks > 0, np.searchsorted(given, marks) + 1, 0)
        return cls(rows, tally.target[rows], tally.count[rows].astype(float), codes, tally.n_targets)

    def evaluate(self, cuts: Floats, ballot_sd: float, target_sd: float) -> _Top:
        """Newton steps to the modes of all targets at once; every row is integrated anew at each."""
        effects = np.zeros(self.targets)
        for _ in range(100 if target_sd else 1):
            value, slope, bend, mean, spread, moved = self._rows(cuts, ballot_sd, effects[self.target])
            slope, bend = self._by_target(slope), self._by_target(bend)
            left = 1 - target_sd**2 * bend
            step = (target_sd**2 * slope - effects) / left
            if np.abs(step).max() < 1e-9 or not target_sd:
                break
            effects = effects + np.clip(step, -1.0, 1.0)
        variances = target_sd**2 / left
        total = self._by_target(value) - np.log(left) / 2
        if target_sd:
            total = total - (effects / target_sd) ** 2 / 2
        return _Top(
            log_likelihood=float(total.sum()),
            modes=effects,
            variances=variances,
            means=mean,
            spreads=spread + moved**2 * variances[self.target],
        )

    def _by_target(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.target, weights=self.count * values, minlength=self.targets))

    def _rows(self, cuts: Floats, ballot_sd: float, effects: Floats) -> tuple[Floats, ...]:
        """Log-likelihood of each row by its target's effect, its first two derivatives, and the posterior mean and variance
        of what the ballot adds to the effect, with the derivative of that mean."""
        nodes, weights = _normal_rule(ballot_sd)
        log_share = np.log(weights) + np.zeros((len(effects), 1))
        slope, bend = np.zeros(log_share.shape), np.zeros(log_share.shape)
        bounds = np.column_stack([np.full(len(cuts), -np.inf), cuts, np.full(len(cuts), np.inf)])
        place = effects[:, None] + nodes
        for indicator, bound in enumerate(bounds):
            code = self.codes[:, indicator]
            given = (code > 0)[:, None]
            lower, upper = bound[np.maximum(code, 1) - 1][:, None], bound[np.maximum(code, 1)][:, None]
            above, below = expit(upper - place), expit(lower - place)
            # F(a) - F(b) as F(a) F(-b) (1 - exp(b - a)), in which nothing cancels.
            log_mark = -np.logaddexp(0, place - upper) - np.logaddexp(0, lower - place)
            log_mark += np.log(-np.expm1(lower - upper))
            log_share += np.where(given, log_mark, 0.0)
            slope += np.where(given, above + below - 1, 0.0)
            bend -= np.where(given, above * (1 - above) + below * (1 - below), 0.0)
        value = logsumexp(log_share, axis=1)
        posterior = np.exp(log_share - value[:, None])

        def average(of: Floats) -> Floats:
            return np.asarray((posterior * of).sum(axis=1))

        first, mean = average(slope), average(nodes)
        second = average(bend) + average(slope**2) - first**2
        spread = average((nodes - mean[:, None]) ** 2)
        return value, first, second, mean, spread, average(nodes * slope) - mean * first


def _normal_rule(sd: float) -> tuple[Floats, Floats]:
    if sd == 0:
        return np.zeros(1), np.ones(1)
    points, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(-REACH, REACH, PIECES + 1)
    half = (edges[1] - edges[0]) / 2
    nodes = (edges[:-1, None] + half * (1 + points)).ravel()
    density = np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi)
    return sd * nodes, half * np.tile(weights, PIECES) * density


@dataclass(frozen=True, eq=False)
class _Parameters:
    """Free parameters: thresholds, all indicator effects but the last, logs of the standard deviations that are not zero."""

    start: Floats
    thresholds: int
    indicators: int
    zero: Booleans

    @classmethod
    def of(cls, ballots: _Ballots, fit: OrdinalFit) -> _Parameters:
        indicators, thresholds = fit.thresholds.shape
        demand(indicators == ballots.codes.shape[1], "The thresholds are not those of the indicators.")
        common = fit.thresholds.mean(axis=0)
        demand_near("Thresholds", fit.thresholds, common - fit.indicator_effects[:, None], 1e-9)
        sds = np.array([fit.standard_deviations["rater"], fit.standard_deviations["target"]])
        demand(bool((sds >= 0).all()), "A standard deviation is below zero.")
        zero = sds == 0
        start = np.concatenate([common, fit.indicator_effects[:-1], np.log(sds[~zero])])
        return cls(start, thresholds, indicators, zero)

    def values(self, free: Floats) -> tuple[Floats, float, float]:
        effects = free[self.thresholds : self.thresholds + self.indicators - 1]
        effects = np.append(effects, -effects.sum())
        sds = np.zeros(2)
        sds[~self.zero] = np.exp(free[self.thresholds + self.indicators - 1 :])
        return free[: self.thresholds] - effects[:, None], float(sds[0]), float(sds[1])


def _certify_zeros(
    ballots: _Ballots, at: _Parameters, fit: OrdinalFit, height: float, tolerance: float
) -> None:
    """A standard deviation at zero: a little of it must not raise the log-likelihood. Of single marks nobody asks."""
    cuts, *sds = at.values(at.start)
    single = (ballots.codes > 0).sum(axis=1).max() == 1
    for place, name in enumerate(("rater", "target")):
        demand(
            bool(np.isnan(fit.standard_deviation_errors[name])) == bool(at.zero[place]),
            f"The standard deviation of {name} has an error at zero, or none elsewhere.",
        )
        if not at.zero[place] or (name == "rater" and single):
            continue
        tried = list(sds)
        tried[place] = 0.05
        rise = ballots.evaluate(cuts, *tried).log_likelihood - height
        demand(rise <= tolerance, f"A standard deviation of {name} above zero would be likelier.")


def _certify_errors(at: _Parameters, fit: OrdinalFit, covariance: Floats, within: float) -> None:
    unit = np.eye(len(at.start))
    of_threshold = unit[: at.thresholds]
    of_effect = unit[at.thresholds : at.thresholds + at.indicators - 1]
    of_effect = np.vstack([of_effect, -of_effect.sum(axis=0, keepdims=True)])
    demand_errors(
        "Standard errors of thresholds",
        fit.threshold_standard_errors,
        errors_of(covariance, of_threshold[None] - of_effect[:, None]),
        within,
    )
    demand_errors(
        "Standard errors of indicators",
        fit.indicator_effect_standard_errors,
        errors_of(covariance, of_effect),
        within,
    )
    free = iter(np.sqrt(covariance.diagonal()[at.thresholds + at.indicators - 1 :]))
    for place, name in enumerate(("rater", "target")):
        if not at.zero[place]:
            expected = fit.standard_deviations[name] * next(free)
            demand_errors(
                "Standard errors of standard deviations",
                np.array(fit.standard_deviation_errors[name]),
                np.array(expected),
                within,
            )


def _certify_ballots(
    tally: Tally, ballots: _Ballots, fit: OrdinalFit, top: _Top, tolerance: float, within: float
) -> None:
    demand_near("Measures", fit.measures, top.modes, tolerance)
    demand_errors("Standard errors of measures", fit.standard_errors, np.sqrt(top.variances), within)
    demand(
        fit.severities.shape == fit.severity_standard_errors.shape == (len(tally),),
        "Severities and their errors are not one a row of the tally.",
    )
    demand_near("Severities", fit.severities[ballots.rows], -top.means, tolerance)
    demand_errors(
        "Standard errors of severities",
        fit.severity_standard_errors[ballots.rows],
        np.sqrt(top.spreads),
        within,
    )
    bounds = np.pad(fit.thresholds, ((0, 0), (1, 1)), constant_values=((0, 0), (-np.inf, np.inf)))
    chances = np.diff(expit(bounds - top.modes[:, None, None]), axis=2)
    demand_near("Fair marks", fit.fair_marks, (chances @ fit.categories).mean(axis=1), tolerance)
    marks = (tally.marks > 0).sum(axis=1) * tally.count
    counted = np.bincount(tally.target, weights=marks, minlength=tally.n_targets)
    demand(bool((fit.n_ratings == counted).all()), "The numbers of ratings are not those of the targets.")
