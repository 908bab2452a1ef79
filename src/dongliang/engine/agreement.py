"""Whether targets can be compared, how far measures can be trusted, and how far raters agree."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.stats import rankdata

from dongliang.engine.data import (
    Fit,
    Floats,
    Integers,
    MeanSquares,
    OrdinalFit,
    RaterAgreement,
    Ratings,
    ResidualFit,
    Separation,
    connected_groups,
)
from dongliang.engine.errors import InvalidRatings, TooLarge

# A dense matrix of this many targets, raters and indicators takes 0.2 GB, and a few are alive at once.
MOST_LEVELS = 5_000


def connectedness(ratings: Ratings) -> tuple[Integers, ...]:
    """Group the targets that shared raters link, directly or through others.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters.

    Returns
    -------
    tuple of (m,) int arrays
        Codes of the targets of each group, the largest group first; targets without ratings are in none. One group
        means that everyone can be compared with everyone.

    Notes
    -----
    Subset connectedness of many-facet measurement [Lin89]_.
    """
    return connected_groups(ratings.target, ratings.rater, ratings.n_targets, ratings.n_raters)


def reliability(fit: Fit | OrdinalFit) -> float:
    """Say which share of the differences between measures is not error.

    Parameters
    ----------
    fit : Fit or OrdinalFit
        Any fit with a target variance.

    Returns
    -------
    float
        ``1 - mean(standard_errors**2) / variances["target"]`` over the targets with ratings, from 0 (the measures say
        nothing) to 1; 0 when there is no target variance. For a mixed model it is the expected squared correlation
        between measure and target.
    """
    variance = fit.variances["target"]
    if variance == 0:
        return 0.0
    return max(0.0, 1 - float(np.mean(fit.standard_errors[fit.n_ratings > 0] ** 2)) / variance)


def separation(fit: Fit | OrdinalFit) -> Separation:
    """Say how clearly the targets are told apart.

    Parameters
    ----------
    fit : Fit or OrdinalFit
        Any fit with a target variance.

    Returns
    -------
    Separation
        From `reliability` ``R``: ``separation = sqrt(R / (1 - R))`` and ``strata = (4 separation + 1) / 3`` [WM82]_.
        NaN with fewer than two rated targets; infinite where measures have no error.
    """
    if (fit.n_ratings > 0).sum() < 2:
        return Separation(reliability=float("nan"), separation=float("nan"), strata=float("nan"))
    share = reliability(fit)
    ratio = float(np.sqrt(share / (1 - share))) if share < 1 else float("inf")
    return Separation(reliability=share, separation=ratio, strata=(4 * ratio + 1) / 3)


def generalisability(fit: Fit, *, raters: int, indicators: int) -> tuple[float, float]:
    """Say how reliable a target's mean over so many raters and indicators would be.

    Parameters
    ----------
    fit : Fit
        Its variances are used; an effect that it does not have counts as without variance.
    raters, indicators : int
        How many raters a target would get, and how many indicators each of them marks; 1 or more.

    Returns
    -------
    relative, absolute : float
        From 0 to 1; 0 when there is no target variance. Relative: for comparing targets that all have the same raters, so that
        severity cancels out. Absolute: for targets that have raters of their own, so that it does not. With one rater
        and one indicator these are the intraclass correlations of single ratings, of consistency and of agreement.

    Raises
    ------
    InvalidRatings
        A number is below 1.

    Notes
    -----
    Coefficients of generalisability theory [Bre01]_.
    """
    for name, number in (("raters", raters), ("indicators", indicators)):
        if number < 1:
            raise InvalidRatings(f"{name} is {number}. Give 1 or more.")
    wanted = fit.variances["target"] + fit.variances.get("subdistrict", 0.0)
    if wanted == 0:
        return 0.0, 0.0
    shared = {
        "target:rater": raters,
        "target:indicator": indicators,
        "subdistrict:indicator": indicators,
        "residual": raters * indicators,
    }
    apart = {"rater": raters, "rater:indicator": raters * indicators}
    relative, more = (
        sum(fit.variances.get(name, 0.0) / number for name, number in parts.items())
        for parts in (shared, apart)
    )
    return wanted / (wanted + relative), wanted / (wanted + relative + more)


def residual_fit(ratings: Ratings, fit: Fit) -> ResidualFit:
    """Say whose marks follow a Gaussian fit of targets and raters, and whose do not.

    Parameters
    ----------
    ratings : Ratings
        What was fitted.
    fit : Fit
        The fit of these ratings by ``crossed.gaussian`` with targets and raters as its effects.

    Returns
    -------
    ResidualFit
        Infit and outfit of raters, targets and indicators. Each residual is compared with the variance that it has after the
        fit took its share: 1 is expected. NaN where ratings are reproduced exactly.

    Raises
    ------
    InvalidRatings
        The fit has other effects, or is not of these ratings.
    TooLarge
        More than 5,000 targets, raters and indicators together.

    Notes
    -----
    Mean squares and their deviates as in [WM82]_; the variance of a residual is that of the ratings less that of what is
    estimated, from the mixed model equations [SCM92]_. See docs/methods/agreement.md.
    """
    if set(fit.variances) != {"target", "rater", "residual"}:
        raise InvalidRatings(
            f"The fit has the effects {', '.join(fit.variances)}. Take one of targets and raters alone."
        )
    expected_shape = (ratings.n_targets, ratings.n_raters, ratings.n_indicators)
    if (len(fit.measures), len(fit.severities), len(fit.indicator_effects)) != expected_shape:
        raise InvalidRatings("The fit is not of these ratings: its targets, raters or indicators are others.")
    residuals = ratings.values - (
        fit.measures[ratings.target]
        - fit.severities[ratings.rater]
        + fit.indicator_effects[ratings.indicator]
    )
    variances = _residual_variances(ratings, fit)
    sides = {"rater": ratings.n_raters, "target": ratings.n_targets, "indicator": ratings.n_indicators}
    return ResidualFit(
        **{
            f"{name}s": _mean_squares(getattr(ratings, name), residuals, variances, size)
            for name, size in sides.items()
        }
    )


def _residual_variances(ratings: Ratings, fit: Fit) -> Floats:
    """Of every residual, (n,): the residual variance less that of the estimated mean of the rating."""
    codes = [ratings.indicator]
    sizes, ridges = [ratings.n_indicators], [0.0]
    residual = fit.variances["residual"]
    for name, size in (("target", ratings.n_targets), ("rater", ratings.n_raters)):
        if fit.variances[name] > 0:
            codes.append(getattr(ratings, name))
            sizes.append(size)
            ridges.append(residual / fit.variances[name])
    if sum(sizes) > MOST_LEVELS:
        raise TooLarge(
            f"{sum(sizes)} targets, raters and indicators are too many; {MOST_LEVELS} is the most. Look at a part of them."
        )
    offsets = np.cumsum([0, *sizes[:-1]])
    numbers = [code + offset for code, offset in zip(codes, offsets, strict=True)]
    equations = np.diag(np.repeat(ridges, sizes))
    for one in numbers:
        for other in numbers:
            np.add.at(equations, (one, other), 1.0)
    inverse = np.linalg.inv(equations)
    doubt = np.sum([inverse[one, other] for one in numbers for other in numbers], axis=0)
    return np.asarray(residual * np.maximum(1 - doubt, 0))


def _mean_squares(codes: Integers, residuals: Floats, variances: Floats, size: int) -> MeanSquares:
    # A residual that the fit leaves no room for says nothing.
    known = variances > 1e-9 * variances.max(initial=0)
    code, squares, variance = codes[known], residuals[known] ** 2, variances[known]
    count, standardised, squared, room, spread = (
        np.bincount(code, weights=part, minlength=size)
        for part in (np.ones(len(code)), squares / variance, squares, variance, 2 * variance**2)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        outfit, infit = standardised / count, squared / room
        return MeanSquares(
            infit=infit,
            infit_z=_deviate(infit, np.sqrt(spread) / room),
            outfit=outfit,
            outfit_z=_deviate(outfit, np.sqrt(2 / count)),
        )


def _deviate(mean_square: Floats, spread: Floats) -> Floats:
    """A mean square as a normal deviate, by the cube root that makes it nearly one."""
    return np.asarray((np.cbrt(mean_square) - 1) * 3 / spread + spread / 3)


def rater_agreement(ratings: Ratings, *, near: float = 1.0) -> RaterAgreement:
    """Count how often raters gave the same mark where they marked the same target on the same indicator.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators.
    near : float, default 1
        Marks at most so far apart count as near.

    Returns
    -------
    RaterAgreement

    Raises
    ------
    InvalidRatings
        ``near`` is negative or no number.
    """
    if not (np.isfinite(near) and near >= 0):
        raise InvalidRatings(f"near is {near}. Give a distance between marks, 0 or more.")
    cell = ratings.target * ratings.n_indicators + ratings.indicator
    own = cell * ratings.n_raters + ratings.rater
    counted = []
    for distance in (np.inf, 0.0, near):
        # What a rater gave the same target twice is no agreement between raters.
        others = _within(cell, ratings.values, distance) - _within(own, ratings.values, distance)
        counted.append(np.bincount(ratings.rater, weights=others, minlength=ratings.n_raters))
    pairs, same, close = counted
    with np.errstate(invalid="ignore"):
        return RaterAgreement(
            pairs=pairs.astype(np.int64),
            exact=same / pairs,
            near=close / pairs,
            all_pairs=int(pairs.sum()) // 2,
            all_exact=float(same.sum() / pairs.sum()) if pairs.any() else float("nan"),
            all_near=float(close.sum() / pairs.sum()) if pairs.any() else float("nan"),
        )


def _within(group: Integers, values: Floats, distance: float) -> Integers:
    """How many values of the same group, its own among them, lie at most ``distance`` from each, (n,)."""
    _, group, counts = np.unique(group, return_inverse=True, return_counts=True)
    if distance == np.inf:
        return np.asarray(counts[group], dtype=np.int64)
    ranks, rank = np.unique(values, return_inverse=True)
    # Marks such as 4.1 and 3.1 are one apart, whatever binary fractions make of them.
    slack = 1e-9 * max(1.0, distance)
    low = np.searchsorted(ranks, ranks - distance - slack, side="left")[rank]
    high = np.searchsorted(ranks, ranks + distance + slack, side="right")[rank]
    keys = np.sort(group * len(ranks) + rank)
    start = group * len(ranks)
    return np.asarray(
        np.searchsorted(keys, start + high) - np.searchsorted(keys, start + low), dtype=np.int64
    )


def krippendorff_alpha(
    ratings: Ratings, *, scale: Literal["nominal", "ordinal", "interval"] = "ordinal"
) -> float:
    """Say how far raters agree beyond what marks drawn from all marks would.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings. Raters are taken as interchangeable; a target on an indicator with one rating counts for nothing.
    scale : {"nominal", "ordinal", "interval"}
        Whether marks just differ, are ordered, or have distances.

    Returns
    -------
    float
        1 for agreement in all, 0 for what chance would give, below 0 for systematic disagreement. NaN when no target has two
        ratings on an indicator, or all of these ratings are equal.

    Raises
    ------
    InvalidRatings
        ``scale`` is none of the three.

    Notes
    -----
    Krippendorff's alpha [Kri11]_. Severity counts as disagreement.
    """
    if scale not in ("nominal", "ordinal", "interval"):
        raise InvalidRatings(f"scale is {scale!r}. Use 'nominal', 'ordinal' or 'interval'.")
    _, unit, sizes = np.unique(
        ratings.target * ratings.n_indicators + ratings.indicator, return_inverse=True, return_counts=True
    )
    paired = sizes[unit] > 1
    unit, size, values = unit[paired], sizes[unit[paired]], ratings.values[paired]
    if not len(values) or values.min() == values.max():
        return float("nan")
    n = len(values)
    if scale == "nominal":
        observed = ((size - _within(unit, values, 0.0)) / (size - 1)).sum()
        expected = (n - _within(np.zeros(n, dtype=np.int64), values, 0.0)).sum() / (n - 1)
    else:
        # The distance of two ordered categories is that of their mean ranks.
        scores = rankdata(values) if scale == "ordinal" else values
        scores = scores - scores.mean()
        total, squares = (np.bincount(unit, weights=part) for part in (scores, scores**2))
        sizes = np.bincount(unit)
        many = sizes > 1
        # The squared differences of all ordered pairs of m scores add up to 2 (m sum of squares - square of the sum).
        apart = 2 * (sizes[many] * squares[many] - total[many] ** 2) / (sizes[many] - 1)
        observed = apart.sum()
        expected = 2 * (n * (scores**2).sum() - scores.sum() ** 2) / (n - 1)
    return float(1 - observed / expected)
