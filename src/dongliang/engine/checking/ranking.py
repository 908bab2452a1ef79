"""Certifies who is listed, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dongliang.engine.checking.claims import demand
from dongliang.engine.data import Booleans, Composite, Floats, Integers, Ranking


def certify_ranking(
    ranking: Ranking,
    composite: Composite,
    *,
    groups: Integers | None = None,
    minimum_per_group: int = 0,
    maximum_per_group: int | None = None,
    eligible: Booleans | None = None,
    tie_break: Floats | None = None,
    decimals: int = 6,
    rng: np.random.Generator | None = None,
    draws: int = 2_000,
) -> None:
    """Check order, selection and chances of a ranking, target by target, against the rules it was asked to keep.

    Parameters
    ----------
    ranking : Ranking
        What is claimed.
    composite, groups, minimum_per_group, maximum_per_group, eligible, tie_break, decimals
        As in `ranking.rank`.
    rng : numpy.random.Generator, optional
        Source of fresh draws, with which chances and rank intervals are held; without it they are only checked for sense.
    draws : int, default 2,000
        How many fresh draws.

    Raises
    ------
    NotCertified
        Order or ranks break the scores, the tie-break or eligibility; not ``k`` are selected; a group has fewer or
        more places than stated; someone was passed over who could take the place of a worse one; chances do not sum
        to ``k``; or chances or rank intervals are not those of fresh draws, by more than chance in the draws explains.
    """
    p = len(composite.scores)
    admitted = np.ones(p, dtype=bool) if eligible is None else eligible
    group = np.zeros(p, dtype=np.int64) if groups is None else groups
    ties = np.empty((p, 0)) if tie_break is None else np.asarray(tie_break, dtype=np.float64).reshape(p, -1)
    keys = [
        (-round(float(score), decimals) + 0.0, *row)
        for score, row in zip(composite.scores, ties, strict=True)
    ]
    order = [int(code) for code in ranking.order]
    demand(
        sorted(order) == list(np.flatnonzero(admitted)), "The order does not list each eligible target once."
    )
    for better, worse in pairwise(order):
        demand(
            keys[better] < keys[worse],
            f"Target {better} is placed before {worse}, which the rules do not say.",
        )
    expected = np.zeros(p, dtype=np.int64)
    expected[order] = np.arange(1, len(order) + 1)
    demand(bool((ranking.rank == expected).all()), "The ranks are not the places in the order.")
    demand(int(ranking.selected.sum()) == ranking.k, f"Not {ranking.k} targets are selected.")
    demand(bool(admitted[ranking.selected].all()), "A target that is not eligible is selected.")
    places = np.bincount(group[ranking.selected], minlength=int(group.max()) + 1)
    due = np.unique(group[admitted])
    demand(
        bool((places[due] >= minimum_per_group).all()), f"A group has fewer than {minimum_per_group} places."
    )
    most = p if maximum_per_group is None else maximum_per_group
    demand(bool((places <= most).all()), f"A group has more than {maximum_per_group} places.")
    for out in (code for code in order if not ranking.selected[code]):
        for taken in (code for code in order[int(ranking.rank[out]) :] if ranking.selected[code]):
            within = group[out] == group[taken]
            free = places[group[out]] < most and places[group[taken]] > minimum_per_group
            demand(not (within or free), f"Target {out} was passed over for {taken}, who is worse.")
    _certify_sense(ranking, admitted)
    if rng is not None:
        most = p if maximum_per_group is None else maximum_per_group
        rules = _Rules(group, ranking.k, minimum_per_group, most)
        _certify_chances(ranking, composite, order, rules, rng, draws)


def _certify_sense(ranking: Ranking, admitted: Booleans) -> None:
    chance, low, high = ranking.probability, ranking.rank_low, ranking.rank_high
    demand(bool(((chance >= 0) & (chance <= 1)).all()), "A chance is not between 0 and 1.")
    times = chance * ranking.draws
    demand(
        bool(np.allclose(times, np.rint(times), rtol=0, atol=1e-6)),
        f"The chances are no shares of {ranking.draws} draws.",
    )
    demand(
        int(np.rint(times).sum()) == ranking.k * ranking.draws,
        f"The chances sum to {chance.sum():.6g} instead of {ranking.k}.",
    )
    nobody = ~admitted
    demand(
        not (chance[nobody].any() or low[nobody].any() or high[nobody].any()),
        "A target that is not eligible has a chance or a rank.",
    )
    within = (low[admitted] >= 1) & (low[admitted] <= high[admitted]) & (high[admitted] <= admitted.sum())
    demand(bool(within.all()), "A rank interval is none between 1 and the number of eligible targets.")


@dataclass(frozen=True, eq=False)
class _Rules:
    group: Integers
    k: int
    minimum: int
    most: int

    def selected(self, order: list[int]) -> list[int]:
        """Each group's best first, then by order while the group has room."""
        taken: dict[int, int] = {}
        chosen = []
        for target in order:
            group = int(self.group[target])
            if taken.get(group, 0) < self.minimum:
                taken[group] = taken.get(group, 0) + 1
                chosen.append(target)
        first = set(chosen)
        for target in order:
            group = int(self.group[target])
            if len(chosen) < self.k and target not in first and taken.get(group, 0) < self.most:
                taken[group] = taken.get(group, 0) + 1
                chosen.append(target)
        return chosen


def _certify_chances(
    ranking: Ranking,
    composite: Composite,
    order: list[int],
    rules: _Rules,
    rng: np.random.Generator,
    draws: int,
) -> None:
    """Do the selection again on fresh draws, through another root of the covariance."""
    entrants = np.array(order)
    if composite.covariance is None:
        root = np.diag(composite.expected_errors[entrants])
    else:
        values, vectors = np.linalg.eigh(composite.covariance[np.ix_(entrants, entrants)])
        demand(
            bool(values[0] >= -1e-8 * max(float(values[-1]), 1e-300)),
            "The covariance of the composite is not positive semidefinite.",
        )
        root = vectors * np.sqrt(np.maximum(values, 0))
    drawn = composite.expected[entrants] + rng.standard_normal((draws, len(entrants))) @ root.T
    # Equal draws, of targets without error, keep the stated order.
    orders = np.argsort(-np.round(drawn, 9), axis=1, kind="stable")
    times = np.zeros(len(composite.scores))
    places = np.empty((draws, len(entrants)), dtype=np.int64)
    for draw, row in enumerate(orders):
        times[rules.selected(entrants[row].tolist())] += 1
        places[draw, row] = np.arange(1, len(entrants) + 1)
    both = 1 / draws + 1 / ranking.draws
    fresh = times / draws
    pooled = (times + ranking.probability * ranking.draws) / (draws + ranking.draws)
    # Beyond five standard errors, and a draw or two.
    allowed = 5 * np.sqrt(pooled * (1 - pooled) * both) + 2 / draws
    off = np.abs(ranking.probability - fresh) > allowed
    target = int(np.argmax(off))
    demand(
        not off.any(),
        f"Target {target} has a chance of {ranking.probability[target]:.3g}, and of {fresh[target]:.3g} in fresh draws.",
    )
    for share, bounds in ((0.05, ranking.rank_low), (0.95, ranking.rank_high)):
        slack = 5 * np.sqrt(share * (1 - share) * both) + 2 / draws
        before = (places < bounds[entrants]).mean(axis=0)
        until = (places <= bounds[entrants]).mean(axis=0)
        wrong = (before > share + slack) | (until < share - slack)
        demand(
            not wrong.any(),
            f"The {share:.0%} point of the rank of target {entrants[np.argmax(wrong)]} is not that of fresh draws.",
        )
