"""Who is selected, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky

from dongliang.engine.data import Booleans, Composite, Floats, Integers, Ranking
from dongliang.engine.errors import InfeasibleQuotas, InvalidRanking, Tied

# Draws are ranked in blocks of about this many numbers, to bound memory.
BLOCK = 2_000_000
# Points of the distribution of a target's rank that make its interval.
INTERVAL = (0.05, 0.95)

Scalar = TypeVar("Scalar", bound=np.generic)


def rank(
    composite: Composite,
    *,
    k: int,
    rng: np.random.Generator,
    draws: int = 10_000,
    groups: Integers | None = None,
    minimum_per_group: int = 0,
    maximum_per_group: int | None = None,
    eligible: Booleans | None = None,
    tie_break: Floats | None = None,
    decimals: int = 6,
) -> Ranking:
    """Rank the targets, select ``k`` under quotas, and say how sure each place is.

    Parameters
    ----------
    composite : Composite
        Scores of ``p`` targets, higher is better, and their errors.
    k : int
        Places to give.
    rng : numpy.random.Generator
        Source of the draws. The result depends on its state and on the numbers, not on the order of the targets.
    draws : int, default 10,000
        Draws around what is expected of the targets, from the joint distribution, taken as Gaussian.
    groups : (p,) int, optional
        Codes from 0 of the groups that quotas speak of; all targets are one group when left out.
    minimum_per_group : int, default 0
        The best so many eligible of every group are selected first.
    maximum_per_group : int, optional
        No group gets more places than this.
    eligible : (p,) bool, optional
        Who may be ranked at all; everyone when left out.
    tie_break : (p,) or (p, c) float, optional
        Columns that order equal scores: the first decides first, lower is better. A target's number never does.
    decimals : int, default 6
        Scores are compared after rounding to this many decimals.

    Returns
    -------
    Ranking
        Probabilities and rank intervals come from the same selection done on every draw; there the stated
        order decides between targets that are equal and have no error.

    Raises
    ------
    InvalidRanking
        A column's length is not ``p``; an eligible target's score or error is no number; ``k`` is below 1 or above
        the number of eligible targets; there are no draws.
    InfeasibleQuotas
        Minimums need more than ``k`` places or more eligible targets than a group has; maximums leave
        places empty; the minimum is above the maximum.
    Tied
        Eligible targets are equal by score and by every tie-break column; ``ties`` lists them.

    Notes
    -----
    Guaranteed places first, then by rank as long as a group is below its maximum: see docs/methods/ranking.md.
    """
    targets = len(composite.scores)
    entrants = _entrants(composite, eligible, k, draws)
    rounded = np.round(composite.scores, decimals)
    order = entrants[_order(rounded[entrants], _tie_columns(tie_break, targets, entrants), entrants)]
    group = np.zeros(targets, dtype=np.int64) if groups is None else _column("groups", groups, targets)
    quotas = _Quotas.of(group[order], k, minimum_per_group, maximum_per_group)
    chosen, guaranteed = quotas.select(np.arange(len(order))[None, :])
    by_rank = chosen & ~guaranteed
    last = np.flatnonzero(by_rank[0] if by_rank.any() else chosen[0])[-1]
    expected = np.round(composite.expected, decimals)
    probability, low, high = _doubt(expected[order], _root(composite, order), quotas, rng, draws)
    return Ranking(
        order=order,
        rank=_placed(np.arange(1, len(order) + 1), order, targets),
        selected=_placed(chosen[0], order, targets),
        probability=_placed(probability, order, targets),
        rank_low=_placed(low, order, targets),
        rank_high=_placed(high, order, targets),
        cut_score=float(composite.scores[order[last]]),
        k=k,
        draws=draws,
    )


def _placed(values: NDArray[Scalar], order: Integers, targets: int) -> NDArray[Scalar]:
    """Values in ranked order, put back where their targets stand; zero elsewhere."""
    everyone = np.zeros(targets, dtype=values.dtype)
    everyone[order] = values
    return everyone


def _column(name: str, given: NDArray[Scalar], targets: int) -> NDArray[Scalar]:
    if len(given) != targets:
        raise InvalidRanking(f"{name} has {len(given)} rows for {targets} targets. Give one a target.")
    return given


def _tie_columns(tie_break: Floats | None, targets: int, entrants: Integers) -> Floats:
    if tie_break is None:
        return np.empty((len(entrants), 0))
    columns = _column("tie_break", np.asarray(tie_break, dtype=np.float64), targets).reshape(targets, -1)[
        entrants
    ]
    if np.isnan(columns).any():
        target = entrants[np.argmax(np.isnan(columns).any(axis=1))]
        raise InvalidRanking(f"tie_break of target {target} is no number. Give one in every column.")
    return columns


def _entrants(composite: Composite, eligible: Booleans | None, k: int, draws: int) -> Integers:
    targets = len(composite.scores)
    admitted = np.ones(targets, dtype=bool) if eligible is None else _column("eligible", eligible, targets)
    entrants = np.flatnonzero(admitted)
    measured = np.isfinite(composite.scores) & np.isfinite(composite.expected_errors)
    if not measured[entrants].all():
        missing = entrants[~measured[entrants]]
        raise InvalidRanking(
            f"Targets {_listed(missing)} have no score or no standard error. Make them ineligible, or measure them."
        )
    if not 1 <= k <= len(entrants):
        raise InvalidRanking(f"k is {k} with {len(entrants)} eligible targets. Give a number from 1 to that.")
    if draws < 1:
        raise InvalidRanking(f"draws is {draws}. Ask for 1 at least.")
    return entrants


def _order(rounded: Floats, ties: Floats, entrants: Integers) -> Integers:
    keys = np.column_stack([-rounded, ties])
    order = np.lexsort(keys.T[::-1])
    same = (keys[order][1:] == keys[order][:-1]).all(axis=1)
    if same.any():
        runs = np.split(order, np.flatnonzero(~same) + 1)
        tied = [np.sort(entrants[run]) for run in runs if len(run) > 1]
        raise Tied(
            f"Targets {'; '.join(_listed(run) for run in tied)} are equal by score and every tie-break column. "
            "Give one more column that tells them apart.",
            tied,
        )
    return order


def _listed(codes: Integers) -> str:
    return ", ".join(str(code) for code in codes)


@dataclass(frozen=True, eq=False)
class _Quotas:
    """Groups of the entrants in ranked order, and what is due to each group."""

    group: Integers
    within: Integers
    k: int
    minimum: int
    maximum: int

    @classmethod
    def of(cls, group: Integers, k: int, minimum: int, maximum: int | None) -> _Quotas:
        names, sizes = np.unique(group, return_counts=True)
        most = len(group) if maximum is None else maximum
        if not 0 <= minimum <= most:
            raise InfeasibleQuotas(
                f"Each group is due at least {minimum} places and at most {maximum}: nothing fits both."
            )
        if sizes.min() < minimum:
            small = names[np.argmin(sizes)]
            raise InfeasibleQuotas(
                f"Group {small} has {sizes.min()} eligible targets, and every group is due {minimum} places. "
                "Lower the minimum."
            )
        if minimum * len(names) > k:
            raise InfeasibleQuotas(
                f"{len(names)} groups are due {minimum} places each, which is more than the {k} there are. "
                "Lower the minimum, or give more places."
            )
        if np.minimum(sizes, most).sum() < k:
            raise InfeasibleQuotas(
                f"With at most {maximum} places a group, only {np.minimum(sizes, most).sum()} of {k} places can be "
                "given. Raise the maximum, or give fewer places."
            )
        within = np.concatenate([np.arange(size) for size in sizes])
        return cls(np.unique(group, return_inverse=True)[1].astype(np.int32), within, k, minimum, most)

    def select(self, orders: Integers) -> tuple[Booleans, Booleans]:
        """Who is chosen, and who of them is guaranteed: (d, m) by place; ``orders`` (d, m) says who stands there."""
        if self.minimum == 0 and self.maximum == len(self.group):
            chosen = np.broadcast_to(np.arange(orders.shape[1]) < self.k, orders.shape)
            return chosen, np.zeros(orders.shape, dtype=bool)
        group = self.group[orders]
        # Sorted by group, every draw lists the groups in the same lengths, so that one count fits all.
        position = np.empty_like(orders)
        np.put_along_axis(position, np.argsort(group, axis=1, kind="stable"), self.within[None, :], axis=1)
        guaranteed = position < self.minimum
        rest = (position < self.maximum) & ~guaranteed
        seats = self.k - guaranteed.sum(axis=1, keepdims=True)
        return guaranteed | (rest & (np.cumsum(rest, axis=1) <= seats)), guaranteed


def _root(composite: Composite, order: Integers) -> Floats:
    """A matrix whose product with its transpose is the joint covariance in ranked order."""
    if composite.covariance is None:
        return composite.expected_errors[order]
    covariance = composite.covariance[np.ix_(order, order)]
    variance = covariance.diagonal()
    doubtful = np.flatnonzero(variance > 0)
    root = np.zeros_like(covariance)
    if len(doubtful):
        # Rounding may leave a perfectly correlated pair on the wrong side of singular.
        ridge = 1e-12 * variance.max() * np.eye(len(doubtful))
        try:
            root[np.ix_(doubtful, doubtful)] = cholesky(
                covariance[np.ix_(doubtful, doubtful)] + ridge, lower=True
            )
        except np.linalg.LinAlgError:
            raise InvalidRanking("The covariance of the composite is not positive semidefinite.") from None
    return root


def _doubt(
    expected: Floats, root: Floats, quotas: _Quotas, rng: np.random.Generator, draws: int
) -> tuple[Floats, Integers, Integers]:
    """Chance of selection and rank interval of the entrants, all in ranked order."""
    entrants = len(expected)
    times_chosen = np.zeros(entrants, dtype=np.int64)
    times_at = np.zeros(entrants * entrants, dtype=np.int64)
    block = max(1, BLOCK // entrants)
    for start in range(0, draws, block):
        noise = rng.standard_normal((min(block, draws - start), entrants))
        drawn = expected + (noise * root if root.ndim == 1 else noise @ root.T)
        orders = np.argsort(-drawn, axis=1, kind="stable")
        chosen, _ = quotas.select(orders)
        times_chosen += np.bincount(orders[chosen], minlength=entrants)
        times_at += np.bincount((orders * entrants + np.arange(entrants)).ravel(), minlength=entrants**2)
    at_most = np.cumsum(times_at.reshape(entrants, entrants), axis=1)
    low, high = ((at_most < share * draws).sum(axis=1) + 1 for share in INTERVAL)
    return times_chosen / draws, low, high
