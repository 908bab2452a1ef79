"""The plain methods people know: the mean, the mean without the highest and the lowest mark, and raters' standard scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dongliang.engine.data import Fit, Floats, Integers, Ratings, Record
from dongliang.engine.errors import InvalidRatings, Unidentified

# Marks that differ by this share of the largest are alike up to rounding.
ALIKE = 1e-12


def mean(ratings: Ratings) -> Fit:
    """Measure every target by the mean of its raters' marks.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators.

    Returns
    -------
    Fit
        In marks. A rater's mark for a target is the mean of what they gave it on the indicators, and ``measures`` (p,)
        are the means of these marks: every rater has one voice, however much they left out. NaN for a
        target without ratings. ``standard_errors`` (p,) are ``sqrt(v / m)`` for ``m`` raters, ``v`` being the
        variance of raters' marks within targets, pooled over all targets; NaN when no target has two raters.
        Severity is not estimated: a target pays for its raters. ``variances["target"]`` is the variance of the
        measures less that of their errors, zero at least.

    Notes
    -----
    See docs/methods/classic.md.
    """
    return _mean(ratings, minimum_raters=None)


def trimmed_mean(ratings: Ratings, *, minimum_raters: int = 5) -> Fit:
    """Measure every target by the mean of its raters' marks without one highest and one lowest (去掉最高最低).

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators.
    minimum_raters : int, default 5
        A target with this many raters or more loses one highest and one lowest mark; one with fewer keeps all. 3 at
        least.

    Returns
    -------
    Fit
        As `mean` gives it. Standard errors are those of a trimmed mean, from winsorised sums of squares
        [TM63]_ pooled over all targets.

    Raises
    ------
    InvalidRatings
        ``minimum_raters`` is below 3.
    """
    if minimum_raters < 3:
        raise InvalidRatings(
            f"minimum_raters is {minimum_raters}. Two marks are dropped, so that 3 is the least that leaves one."
        )
    return _mean(ratings, minimum_raters=minimum_raters)


def standard_scores(ratings: Ratings) -> Fit:
    """Measure every target by the mean of its raters' standard scores (评价者标准分).

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators.

    Returns
    -------
    Fit
        A rater's mark for a target is the mean of what they gave it on the indicators; their standard score says how many of
        their own standard deviations it lies above their own mean. ``measures`` (p,) are means of these, turned back into
        marks by the raters' average mean and the root of their average variance; NaN for a target that no such rater rated.
        ``standard_errors`` (p,) as `mean` gives them. ``severities`` (r,) are how far a rater's mean lies below the
        average one, and NaN in ``severity_standard_errors``. Raters who marked one target only, or all alike, have no
        standard score: they are left out with severity 0, and the record remarks it.

    Raises
    ------
    Unidentified
        No rater gave different marks to two targets.

    Notes
    -----
    Fair where every rater saw targets that are as good and as different as anyone else's. See docs/methods/classic.md.
    """
    target, rater, marks = _meetings(ratings)
    count, total = (
        np.bincount(rater, weights=part, minlength=ratings.n_raters) for part in (np.ones(len(marks)), marks)
    )
    means = total / np.maximum(count, 1)
    squares = np.bincount(rater, weights=(marks - means[rater]) ** 2, minlength=ratings.n_raters)
    variances = squares / np.maximum(count - 1, 1)
    tells = (count > 1) & (np.sqrt(variances) > ALIKE * np.abs(marks).max())
    if not tells.any():
        raise Unidentified(
            "No rater gave different marks to two targets, so that nobody's marks say who is better. Take the mean."
        )
    centre, spread = float(means[tells].mean()), float(np.sqrt(variances[tells].mean()))
    heard = tells[rater]
    target, rater = target[heard], rater[heard]
    scores = centre + spread * (marks[heard] - means[rater]) / np.sqrt(variances[rater])
    order = np.lexsort((scores, target))
    silent = int(((count > 0) & ~tells).sum())
    remarks = (
        (f"{silent} raters marked one target only or all alike: they have no standard scores.",)
        if silent
        else ()
    )
    fit = _fit(ratings, target[order], scores[order], None, "standard scores")
    return replace(
        fit,
        severities=np.where(tells, centre - means, 0.0),
        record=replace(fit.record, remarks=remarks),
    )


def _mean(ratings: Ratings, minimum_raters: int | None) -> Fit:
    target, _, marks = _meetings(ratings)
    order = np.lexsort((marks, target))
    method = "mean" if minimum_raters is None else "trimmed mean"
    return _fit(ratings, target[order], marks[order], minimum_raters, method)


def _fit(ratings: Ratings, target: Integers, marks: Floats, minimum_raters: int | None, method: str) -> Fit:
    """From one mark per target and rater, by rising target and mark."""
    raters = np.bincount(target, minlength=ratings.n_targets)
    kept, total, squares = _sums(target, marks, raters, minimum_raters)
    with np.errstate(invalid="ignore", divide="ignore"):
        measures = total / kept
        pooled = squares.sum() / np.maximum(kept - 1, 0).sum()
        errors = np.where(kept > 0, np.sqrt(pooled / kept), np.nan)
    rated = measures[kept > 0]
    spread = float(rated.var(ddof=1)) if len(rated) > 1 else 0.0
    by_indicator = _indicator_means(ratings)
    return Fit(
        measures=measures,
        standard_errors=errors,
        covariance=None,
        severities=np.zeros(ratings.n_raters),
        severity_standard_errors=np.full(ratings.n_raters, np.nan),
        mean=float(rated.mean()),
        mean_standard_error=float(np.sqrt(spread / len(rated))),
        indicator_effects=by_indicator - np.nanmean(by_indicator),
        variances={
            "target": max(0.0, spread - float(np.nan_to_num(errors[kept > 0] ** 2).mean())),
            "rater": 0.0,
            "residual": float(pooled),
        },
        n_ratings=np.bincount(ratings.target, minlength=ratings.n_targets),
        log_likelihood=float("nan"),
        record=Record(
            method=method,
            objective=float("nan"),
            iterations=0,
            evaluations=0,
            tolerance=0.0,
            decrement=0.0,
            stopped="Nothing had to be iterated.",
        ),
    )


def _meetings(ratings: Ratings) -> tuple[Integers, Integers, Floats]:
    """Target, rater and mark of every two who met."""
    meetings, meeting = np.unique(ratings.target * ratings.n_raters + ratings.rater, return_inverse=True)
    marks = np.bincount(meeting, weights=ratings.values) / np.bincount(meeting)
    return meetings // ratings.n_raters, meetings % ratings.n_raters, marks


def _sums(
    target: Integers, marks: Floats, raters: Integers, minimum_raters: int | None
) -> tuple[Integers, Floats, Floats]:
    """Marks kept per target, their sum, and the sum of squares about the mean, winsorised where marks are dropped."""
    last = np.cumsum(raters) - 1
    first = last - raters + 1
    trimmed = raters >= (np.inf if minimum_raters is None else minimum_raters)
    low, high = first[trimmed], last[trimmed]
    keep = np.ones(len(marks), dtype=bool)
    keep[low] = keep[high] = False
    winsorised = marks.copy()
    winsorised[low], winsorised[high] = marks[low + 1], marks[high - 1]

    def by_target(values: Floats) -> Floats:
        return np.asarray(np.bincount(target, weights=values, minlength=len(raters)), dtype=np.float64)

    centre = by_target(winsorised) / np.maximum(raters, 1)
    squares = by_target((winsorised - centre[target]) ** 2)
    return raters - 2 * trimmed, by_target(np.where(keep, marks, 0.0)), squares


def _indicator_means(ratings: Ratings) -> Floats:
    counts = np.bincount(ratings.indicator, minlength=ratings.n_indicators)
    sums = np.bincount(ratings.indicator, weights=ratings.values, minlength=ratings.n_indicators)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
