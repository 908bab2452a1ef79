"""Cumulative logit mixed model with crossed effects of targets and raters, by the Laplace approximation.

See docs/methods/ordinal.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from scipy.special import expit

from dongliang.engine.crossed.climb import TOLERANCE, Top, climb, ordered
from dongliang.engine.crossed.cuts import Scale
from dongliang.engine.crossed.effects import Design, free_effects, refuse_unknown
from dongliang.engine.crossed.interactions import Interactions
from dongliang.engine.crossed.laplace import Cells, Pattern, Point, Problem, evaluate
from dongliang.engine.crossed.layout import refuse_incomparable, refuse_unconnected, totals, why_no_severity
from dongliang.engine.crossed.pair import Pair
from dongliang.engine.data import Booleans, Floats, Integers, OrdinalFit, Ratings, Record
from dongliang.engine.errors import InvalidRatings, NotConverged

# Variance of the standard logistic distribution: what chance adds to effects on the scale of logits.
LOGISTIC = np.pi**2 / 3
# A joint covariance of more targets than this takes over 200 MB and is left out of the fit.
COVARIANCE_LIMIT = 5_000


def ordinal(
    ratings: Ratings,
    *,
    effects: tuple[str, ...] = ("target", "rater"),
    subdistrict: Integers | None = None,
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
    effects : tuple of str, default ("target", "rater")
        The Gaussian effects, each with a standard deviation of its own: ``"target"``, and any of ``"rater"``, ``"indicator"``
        (else fixed), ``"target:indicator"``, ``"target:rater"`` (halo: what a rater gives a target on all indicators alike),
        ``"rater:indicator"``, ``"subdistrict"``, ``"subdistrict:indicator"``.
    subdistrict : (p,) int, optional
        The group of each target, a code from 0; wanted by the effect of that name, and only by it.
    thresholds : {"common", "indicator"}
        One set of thresholds, shifted by an effect of the indicator; or a set for each indicator.
    features : (J, q) float, optional
        Columns that describe the indicators, when their effects are to be sums over these alone; by default every
        indicator has its own effect. Goes with common thresholds and fixed indicators only.
    max_iterations : int
        Give up after this many.

    Returns
    -------
    OrdinalFit
        In logits. ``measures`` (p,) and minus ``severities`` (r,) are conditional modes, ``standard_errors`` conditional
        standard deviations given thresholds and variances. ``covariance`` (p, p) belongs to them; it is None above 5,000
        targets, and where every rater saw one target only, so that the errors are independent.
        A target or rater without ratings sits at 0 with the standard deviation of its kind.

        With other effects, ``standard_deviations`` has one for each; a measure holds the effect of the target's subdistrict, but
        none of its interactions; and the covariance is there for up to 5,000 targets in every design. Random indicators
        have conditional modes and standard deviations as their effects and errors.

    Raises
    ------
    InvalidRatings
        An indicator has no ratings; an effect does not exist; effects and subdistricts, or effects, thresholds and features, do not
        go together; the features are not ``J`` rows of finite numbers.
    Unidentified
        Only one target has ratings; or every target has one rating; or each target has one rater of its own; or the
        marks separate targets, raters or indicators perfectly; or features repeat each other; or the standard deviation of an
        interaction grows without end.
    Unconnected
        Two or more groups of several targets share no rater; ``groups`` lists all groups.
    NotConverged
        ``max_iterations`` came first; ``fit`` is the last iterate.
    TooLarge
        Neither factor is small enough, nor nested in the other; or more than 8,000 levels of the effects belong to no single
        target or rater.

    Notes
    -----
    One rater only, or raters who gave one rating each, have no variance that could be told from the rest: it is left
    out and the record remarks it; so is any other effect that has one level, one rating a level, or the levels of another
    effect. Ratings that are equal within indicators give measures, variances and standard errors of zero.
    Within an indicator of its own thresholds, a category not used there has no width: two thresholds coincide, or lie at
    infinity where it is the lowest or highest.

    Proportional odds [McC80]_ with Gaussian effects, Laplace approximation [TK86]_; its gradient is exact through the modes
    [SF06]_, climbed by quasi-Newton
    steps from the curvature of the penalised likelihood and average information [GTC95]_.
    """
    refuse_unknown(effects, subdistrict, ratings.n_targets)
    categories, category = np.unique(ratings.values, return_inverse=True)
    category = category.astype(np.int64)
    if "indicator" in effects:
        _refuse_fixed_indicators(thresholds, features)
        features = np.zeros((ratings.n_indicators, 0))
    scale = Scale.of(ratings, category, len(categories), thresholds, features)
    if scale.used.sum() == ratings.n_indicators:
        return _constant(ratings, scale, categories, effects)
    design = Design.of(ratings, effects, subdistrict)
    problem, free, remarks = posed(ratings, category, scale, design)
    top = climb(problem, start(problem, free), free, max_iterations)
    record = replace(top.record, remarks=remarks + top.record.remarks)
    fit = _fit(ratings, problem, design, replace(top, record=record), categories, effects)
    if not top.done:
        raise NotConverged(
            f"The fit did not converge: {record.stopped} One more step promised to raise the log-likelihood by "
            f"{record.decrement:.3g}; allowed is {record.tolerance:.3g}.",
            fit,
        )
    return fit


def _refuse_fixed_indicators(thresholds: str, features: Floats | None) -> None:
    if thresholds == "indicator":
        raise InvalidRatings(
            "Thresholds per indicator leave no effect to the indicators. Drop the effect 'indicator', or take common thresholds."
        )
    if features is not None:
        raise InvalidRatings(
            "Features describe fixed effects of the indicators. Drop them, or the effect 'indicator'."
        )


def posed(
    ratings: Ratings, category: Integers, scale: Scale, design: Design
) -> tuple[Problem, Booleans, tuple[str, ...]]:
    """The cells under the effects that can be told apart, which of them are to be estimated, and remarks on the others."""
    usual = design.names == ("target", "rater")
    remarks: tuple[str, ...] = ()
    if not usual:
        free, remarks = free_effects(ratings, design)
        design = design.without(~free)
    sides = [(ratings.target, ratings.n_targets), (ratings.rater, ratings.n_raters)]
    used = [int((np.bincount(codes, minlength=size) > 0).sum()) for codes, size in sides]
    targets_first = used[0] >= used[1]
    k = len(scale.offset) // scale.indicators - 1
    cells = Cells.of(sides if targets_first else sides[::-1], ratings.indicator, category, k)
    of_cells = design.rows(cells.first)
    if design.names != ("target", "rater"):
        pivots = {"target": ratings.target[cells.first], "rater": ratings.rater[cells.first]}
        problem = _of(scale, of_cells, cells, Interactions.of(of_cells, pivots))
        return problem, np.ones(len(design.names), dtype=bool), remarks
    pair = Pair.of(of_cells.codes, of_cells.sizes, targets_first)
    problem = _of(scale, of_cells, cells, pair)
    if not usual:
        return problem, np.array([True, True]), remarks
    free, remarks = _free(problem, pair)
    return problem, free, remarks


def _of(scale: Scale, design: Design, cells: Cells, pattern: Pattern) -> Problem:
    return Problem(scale, design.names, design.codes, design.sizes, cells, pattern)


def _free(problem: Problem, pair: Pair) -> tuple[Booleans, tuple[str, ...]]:
    """Which of the two standard deviations can be estimated; refuses what nothing can tell apart."""
    target, rater = (problem.by_level(effect, problem.cells.count) for effect in problem.effects)
    refuse_incomparable(target)
    remark = why_no_severity(target, rater, pair.cross.nnz)
    if remark:
        return np.array([True, False]), (remark,)
    if not pair.targets_apart:
        refuse_unconnected(*pair.ordered((pair.row, pair.column)), *problem.sizes)
    return np.array([True, True]), ()


def start(problem: Problem, free: Booleans) -> Point:
    """Thresholds by shares, standard deviations by products of ratings of one level, with all modes at zero."""
    scale, count = problem.scale, problem.cells.count
    indicator, category = np.divmod(problem.cells.within, len(scale.offset) // scale.indicators - 1)
    if "indicator" in problem.names:
        indicator = np.zeros_like(indicator)
    means = totals(indicator, count * category, scale.indicators) / np.maximum(
        totals(indicator, count, scale.indicators), 1
    )
    score = category - means[indicator]
    whole = float(count @ score**2) / float(count.sum())
    shares: dict[str, float] = {}
    for effect, name in enumerate(problem.names):
        sums, squares = (problem.by_level(effect, count * power) for power in (score, score**2))
        counts = problem.by_level(effect, count)
        products, pairs = float(sums @ sums - squares.sum()), float((counts * (counts - 1)).sum())
        # What the levels of an interaction have in common they owe to those of its parts, too.
        parts = sum(shares.get(part, 0.0) for part in name.split(":") if part != name)
        shares[name] = float(np.clip(products / max(pairs, 1) / whole - parts, 0.01, 0.8))
    if "subdistrict" in shares:
        shares["target"] = max(shares["target"] - shares["subdistrict"], 0.01)
    share = np.array(list(shares.values()))
    rest = max(1 - float(share @ free), 0.2)
    variances = np.where(free, share / rest, 0.0) * LOGISTIC
    widened = np.sqrt(1 + variances.sum() / LOGISTIC)
    parameters = np.append(scale.start * widened, np.sqrt(variances))
    return ordered(problem, evaluate(problem, parameters, tuple(np.zeros(size) for size in problem.sizes)))


def _fit(
    ratings: Ratings,
    problem: Problem,
    design: Design,
    top: Top,
    categories: Floats,
    effects: tuple[str, ...],
) -> OrdinalFit:
    point, scale = top.point, problem.scale
    parameters = np.zeros_like(top.information)
    held = np.ix_(top.moving, top.moving)
    parameters[held] = np.linalg.inv(top.information[held])
    fixed, deviations = np.split(point.parameters, [-len(point.z)])
    covariance = parameters[: len(fixed), : len(fixed)]
    sizes = {"target": ratings.n_targets, "rater": ratings.n_raters, "indicator": ratings.n_indicators}
    modes = {name: np.zeros(size) for name, size in sizes.items()}
    errors = {name: np.zeros(size) for name, size in sizes.items()}
    for name, sd, z, diagonal in zip(
        problem.names, deviations, point.z, top.slope.spread.diagonals, strict=True
    ):
        modes[name], errors[name] = sd * z, np.abs(sd) * np.sqrt(diagonal)
    measures = modes["target"]
    if "subdistrict" in problem.names and design.subdistrict is not None:
        measures = measures + modes["subdistrict"][design.subdistrict]
    variances, joint = top.slope.spread.of_measures(COVARIANCE_LIMIT)
    cuts, indicator_errors = point.cuts, _errors(scale.effects, covariance)
    if design.random_indicators:
        cuts, indicator_errors = cuts - modes["indicator"][:, None], errors["indicator"]
    cut_errors = _errors(scale.design, covariance).reshape(cuts.shape)[:, 1:-1]
    deviation_errors = np.where(
        top.moving[len(fixed) :], np.sqrt(parameters.diagonal()[len(fixed) :]), np.nan
    )
    asked = ("target", "rater", *effects)
    return OrdinalFit(
        measures=measures,
        standard_errors=np.sqrt(variances),
        covariance=joint,
        severities=-modes["rater"],
        severity_standard_errors=errors["rater"],
        categories=categories,
        thresholds=cuts[:, 1:-1],
        threshold_standard_errors=np.where(np.isfinite(cuts[:, 1:-1]), cut_errors, np.nan),
        indicator_effects=scale.effects @ fixed + modes["indicator"],
        indicator_effect_standard_errors=indicator_errors,
        standard_deviations=dict.fromkeys(asked, 0.0)
        | dict(zip(problem.names, np.abs(deviations).tolist(), strict=True)),
        standard_deviation_errors=dict.fromkeys(asked, float("nan"))
        | dict(zip(problem.names, deviation_errors.tolist(), strict=True)),
        fair_marks=_fair_marks(cuts, measures, categories),
        n_ratings=problem.by_level(0, problem.cells.count).astype(np.int64),
        log_likelihood=point.log_likelihood,
        record=top.record,
    )


def _errors(design: Floats, covariance: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", design, covariance, design)))


def _fair_marks(cuts: Floats, measures: Floats, categories: Floats) -> Floats:
    """The mark to be expected from a rater of average severity, on average over the indicators."""
    expected = np.zeros(len(measures))
    for row in cuts:
        expected += np.diff(expit(row[:, None] - measures), axis=0).T @ categories
    return expected / len(cuts)


def _constant(ratings: Ratings, scale: Scale, categories: Floats, effects: tuple[str, ...]) -> OrdinalFit:
    """Every indicator has one category: all its thresholds are infinite."""
    category = scale.used.reshape(scale.indicators, -1).argmax(axis=1)
    above = np.arange(len(categories) - 1) >= category[:, None]
    asked = ("target", "rater", *effects)
    return OrdinalFit(
        measures=np.zeros(ratings.n_targets),
        standard_errors=np.zeros(ratings.n_targets),
        covariance=None,
        severities=np.zeros(ratings.n_raters),
        severity_standard_errors=np.zeros(ratings.n_raters),
        categories=categories,
        thresholds=np.where(above, np.inf, -np.inf),
        threshold_standard_errors=np.full(above.shape, np.nan),
        indicator_effects=np.full(scale.indicators, np.nan),
        indicator_effect_standard_errors=np.full(scale.indicators, np.nan),
        standard_deviations=dict.fromkeys(asked, 0.0),
        standard_deviation_errors=dict.fromkeys(asked, float("nan")),
        fair_marks=np.full(ratings.n_targets, categories[category].mean()),
        n_ratings=np.bincount(ratings.target, minlength=ratings.n_targets),
        log_likelihood=0.0,
        record=Record(
            method="Laplace",
            objective=0.0,
            iterations=0,
            evaluations=0,
            tolerance=TOLERANCE,
            decrement=0.0,
            stopped="All ratings of an indicator are equal: there is nothing to estimate.",
            remarks=("All ratings of an indicator are equal: targets cannot be told apart.",),
        ),
    )
