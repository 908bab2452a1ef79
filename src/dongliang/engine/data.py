"""What the engine takes and gives: arrays in, frozen results out. Labels stay with the caller; see docs/data.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dongliang.engine.errors import InvalidRatings

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Ratings:
    """``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators, in columns.

    Parameters
    ----------
    target, rater, indicator : (n,) int
        Codes from 0: who was rated, who rated, what was asked.
    values : (n,) float
        The marks; higher is better. Leave a missing mark out.
    n_targets, n_raters, n_indicators : int
        ``p``, ``r`` and ``J``, counting those without a rating too.

    Raises
    ------
    InvalidRatings
        There is no rating; the columns differ in length; a code is no whole number or out of range; a
        value is not finite. The message names the column, the row counted from 0, and what stands there.

    Notes
    -----
    The columns are copied and made read-only.
    """

    target: Integers
    rater: Integers
    indicator: Integers
    values: Floats
    n_targets: int
    n_raters: int
    n_indicators: int

    def __post_init__(self) -> None:
        _freeze(self, "values", _values(self.values))
        for name in ("target", "rater", "indicator"):
            codes = _codes(name, getattr(self, name), getattr(self, f"n_{name}s"))
            if len(codes) != len(self.values):
                raise InvalidRatings(
                    f"{name} has {len(codes)} rows, values has {len(self.values)}. Give one of each per rating."
                )
            _freeze(self, name, codes)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, kw_only=True)
class Record:
    """How a fit was reached.

    Parameters
    ----------
    method : str
        ``"REML"``, ``"ML"``, ``"mean"`` or ``"trimmed mean"``.
    objective : float
        What was minimised, at the end: -2 log-likelihood (restricted under REML); NaN where nothing was.
    iterations, evaluations : int
        Steps taken, and how often the objective was computed.
    tolerance : float
        The iterations end when one more step promises to lower the objective by less than this.
    decrement : float
        What one more step promised at the end.
    stopped : str
        Why it stopped, as a sentence.
    remarks : tuple of str
        What the reader should know: effects left out, variances at zero.
    """

    method: str
    objective: float
    iterations: int
    evaluations: int
    tolerance: float
    decrement: float
    stopped: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Fit:
    """Measures of ``p`` targets and severities of ``r`` raters, on the scale of the marks.

    Parameters
    ----------
    measures : (p,) float
        The mark that a target would be given on average over the indicators by a rater of average
        severity. Higher is better. NaN where a method cannot measure a target without ratings.
    standard_errors : (p,) float
        Standard errors of ``measures``, in marks; what they condition on is said by the method.
    covariance : (p, p) float or None
        Joint covariance of the measures, its diagonal the squared standard errors; None when the errors
        are taken as independent or ``p`` is too large for it.
    severities : (r,) float
        How much lower than average a rater marks; higher is harsher; centred on 0; all zero when the
        method does not estimate them.
    severity_standard_errors : (r,) float
        Standard errors of ``severities``; NaN when not estimated.
    mean : float
        The grand mean: unweighted over indicators, for an average target and rater.
    mean_standard_error : float
        Standard error of ``mean``.
    indicator_effects : (J,) float
        What an indicator adds to ``mean``; they sum to 0. Higher is easier.
    variances : mapping of str to float
        ``"target"``, ``"rater"`` and ``"residual"``, in squared marks.
    n_ratings : (p,) int
        Ratings per target.
    log_likelihood : float
        At the optimum, restricted under REML; NaN when the method has none.
    record : Record
        How the fit was reached.
    """

    measures: Floats
    standard_errors: Floats
    covariance: Floats | None
    severities: Floats
    severity_standard_errors: Floats
    mean: float
    mean_standard_error: float
    indicator_effects: Floats
    variances: Mapping[str, float]
    n_ratings: Integers
    log_likelihood: float
    record: Record

    @property
    def effects(self) -> Floats:
        """Measures as distances from ``mean``, (p,)."""
        return self.measures - self.mean


@dataclass(frozen=True, eq=False, kw_only=True)
class Composite:
    """One score a target, out of several sources.

    Parameters
    ----------
    scores : (p,) float
        Higher is better: marks when ``scale`` is ``"marks"``, standard deviations when ``"standardised"``.
    standard_errors : (p,) float
        Standard errors of ``scores``.
    covariance : (p, p) float or None
        Joint covariance of the scores; None when no source has one, and the errors are independent.
    contributions : mapping of str to (p,) float
        What each source adds; they sum to ``scores``.
    weights : mapping of str to float
        The weights as used: they sum to 1.
    scale : str
        ``"marks"`` or ``"standardised"``.
    silent : tuple of str
        Sources that do not tell the targets apart (no target variance), so that they contribute nothing
        on the standardised scale.
    """

    scores: Floats
    standard_errors: Floats
    covariance: Floats | None
    contributions: Mapping[str, Floats]
    weights: Mapping[str, float]
    scale: str
    silent: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranking:
    """Who comes first, who is selected, and how sure that is.

    Parameters
    ----------
    order : (m,) int
        Codes of the ``m`` eligible targets, the best first.
    rank : (p,) int
        1 for the best; 0 for a target that is not eligible.
    selected : (p,) bool
        The ``k`` targets selected under the quotas.
    probability : (p,) float
        Share of the draws in which a target is selected under the same quotas.
    rank_low, rank_high : (p,) int
        The 5 % and 95 % points of a target's rank over the draws; 0 when not eligible.
    cut_score : float
        Score of the last target selected by rank; when every place is a guaranteed one, the lowest
        selected score.
    k, draws : int
        Places, and draws behind the probabilities.
    """

    order: Integers
    rank: Integers
    selected: Booleans
    probability: Floats
    rank_low: Integers
    rank_high: Integers
    cut_score: float
    k: int
    draws: int


def connected_groups(
    target: Integers, rater: Integers, n_targets: int, n_raters: int
) -> tuple[Integers, ...]:
    """Group the targets that are linked through shared raters.

    Parameters
    ----------
    target, rater : (n,) int
        Codes of who was rated by whom.
    n_targets, n_raters : int
        ``p`` and ``r``.

    Returns
    -------
    tuple of (m,) int arrays
        Codes of the targets of each group in rising order; the largest group first, then by first code.
        Targets without a rating are in no group.
    """
    nodes = n_targets + n_raters
    links = coo_array((np.ones(len(target)), (target, rater + n_targets)), shape=(nodes, nodes))
    _, labels = connected_components(links.tocsr(), directed=False)
    rated = np.flatnonzero(np.bincount(target, minlength=n_targets))
    _, group = np.unique(labels[rated], return_inverse=True)
    by_group = np.argsort(group, kind="stable")
    groups = np.split(rated[by_group], np.cumsum(np.bincount(group))[:-1])
    return tuple(sorted(groups, key=lambda codes: (-len(codes), codes[0])))


def _freeze(ratings: Ratings, name: str, column: Floats | Integers) -> None:
    column.flags.writeable = False
    object.__setattr__(ratings, name, column)


def _values(given: object) -> Floats:
    values = np.array(given, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InvalidRatings(f"values has the shape {values.shape}. Give a column of at least one rating.")
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite))
        raise InvalidRatings(
            f"values[{row}] is {values[row]}. Give a finite number, or leave the rating out."
        )
    return values


def _codes(name: str, given: object, size: int) -> Integers:
    column = np.array(given)
    if column.ndim != 1 or column.dtype.kind not in "iu":
        raise InvalidRatings(
            f"{name} has the shape {column.shape} and the type {column.dtype}. Give a column of whole numbers."
        )
    outside = (column < 0) | (column >= size)
    if outside.any():
        row = int(np.argmax(outside))
        raise InvalidRatings(f"{name}[{row}] is {column[row]}. Codes go from 0 to {size - 1}.")
    return column.astype(np.int64, copy=False)
