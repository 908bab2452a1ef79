"""The plain methods people know: the mean, and the mean without the highest and the lowest mark."""

from __future__ import annotations

import numpy as np

from dongliang.engine.data import Fit, Floats, Integers, Ratings, Record
from dongliang.engine.errors import InvalidRatings


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


def _mean(ratings: Ratings, minimum_raters: int | None) -> Fit:
    target, marks = _rater_marks(ratings)
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
            method="mean" if minimum_raters is None else "trimmed mean",
            objective=float("nan"),
            iterations=0,
            evaluations=0,
            tolerance=0.0,
            decrement=0.0,
            stopped="Nothing had to be iterated.",
        ),
    )


def _rater_marks(ratings: Ratings) -> tuple[Integers, Floats]:
    """One mark per target and rater who met, by rising target and mark."""
    meetings, meeting = np.unique(ratings.target * ratings.n_raters + ratings.rater, return_inverse=True)
    marks = np.bincount(meeting, weights=ratings.values) / np.bincount(meeting)
    target = meetings // ratings.n_raters
    order = np.lexsort((marks, target))
    return target[order], marks[order]


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
