"""Who assesses whom."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np

from dongliang.engine.data import Booleans, Integers, connected_groups
from dongliang.engine.errors import InfeasiblePlan, Unconnected


def plan_assessments(
    n_targets: int, n_raters: int, *, per_target: int, avoid: Booleans, rng: np.random.Generator
) -> Integers:
    """Choose ``per_target`` raters for every target.

    Parameters
    ----------
    n_targets, n_raters : int
        ``p`` and ``r``.
    per_target : int
        Raters a target; 1 or more.
    avoid : (p, r) bool
        True where a rater must not assess a target.
    rng : numpy.random.Generator
        Decides between raters who fit equally well.

    Returns
    -------
    (p, per_target) int
        Rater codes, each row in rising order. No pair of ``avoid`` is in it. The load is as even as avoidance
        permits: no chain of handovers from a rater could lower the load of anyone to ease one who has two more. All
        raters in use are linked through shared targets, and pairs of raters that seldom met are preferred.

    Raises
    ------
    InfeasiblePlan
        Some targets have fewer than ``per_target`` admissible raters; ``targets`` lists them. Or the shapes
        contradict each other.
    Unconnected
        Avoidance, or one rater a target, leaves groups of targets that share no rater.

    Notes
    -----
    See docs/methods/planning.md.
    """
    admissible = _admissible(n_targets, n_raters, per_target, avoid)
    assigned = _assign(admissible, per_target, rng)
    _even_out(assigned, admissible)
    _connect(assigned, admissible, rng)
    return np.nonzero(assigned)[1].reshape(n_targets, per_target)


def _admissible(n_targets: int, n_raters: int, per_target: int, avoid: Booleans) -> Booleans:
    none = np.empty(0, dtype=np.int64)
    if np.shape(avoid) != (n_targets, n_raters):
        raise InfeasiblePlan(
            f"avoid has the shape {np.shape(avoid)}. Give one row for each of {n_targets} targets and one column for "
            f"each of {n_raters} raters.",
            none,
        )
    if per_target < 1:
        raise InfeasiblePlan(f"per_target is {per_target}. Ask for one rater a target at least.", none)
    admissible = ~np.asarray(avoid, dtype=bool)
    short = np.flatnonzero(admissible.sum(axis=1) < per_target)
    if len(short):
        raise InfeasiblePlan(
            f"Targets {', '.join(map(str, short))} may be assessed by fewer than {per_target} raters. "
            "Give them more raters, or ask for fewer a target.",
            short,
        )
    return admissible


def _assign(admissible: Booleans, per_target: int, rng: np.random.Generator) -> Booleans:
    """Serve the targets with least choice first, each by the raters with least load who seldom met."""
    assigned = np.zeros_like(admissible)
    load = np.zeros(admissible.shape[1])
    met = np.zeros((admissible.shape[1],) * 2)
    order = np.lexsort((rng.random(len(admissible)), admissible.sum(axis=1)))
    for target in order:
        chosen = np.empty(0, dtype=np.int64)
        for _ in range(per_target):
            free = np.flatnonzero(admissible[target] & ~assigned[target])
            keys = (rng.random(len(free)), met[np.ix_(chosen, free)].sum(axis=0), load[free])
            rater = free[np.lexsort(keys)[0]]
            met[rater, chosen] += 1
            met[chosen, rater] += 1
            chosen = np.append(chosen, rater)
            assigned[target, rater] = True
            load[rater] += 1
    return assigned


def _even_out(assigned: Booleans, admissible: Booleans) -> None:
    """Hand targets over along chains from a rater to one with at least two fewer, until there is no such chain.

    Loads have then the least sum of squares: a cheaper assignment would differ by such chains.
    """
    while chain := _relieving_chain(assigned, admissible):
        for giver, taker in pairwise(chain):
            target = np.flatnonzero(assigned[:, giver] & admissible[:, taker] & ~assigned[:, taker])[0]
            assigned[target, giver], assigned[target, taker] = False, True


def _relieving_chain(assigned: Booleans, admissible: Booleans) -> list[int]:
    load = assigned.sum(axis=0)
    can_take = (assigned.T.astype(float) @ (admissible & ~assigned).astype(float)) > 0
    for start in np.argsort(-load, kind="stable"):
        came_from = {int(start): -1}
        queue = deque([int(start)])
        while queue:
            giver = queue.popleft()
            if load[giver] <= load[start] - 2:
                chain = [giver]
                while came_from[chain[-1]] >= 0:
                    chain.append(came_from[chain[-1]])
                return chain[::-1]
            for taker in np.flatnonzero(can_take[giver]):
                if int(taker) not in came_from:
                    came_from[int(taker)] = giver
                    queue.append(int(taker))
    return []


def _connect(assigned: Booleans, admissible: Booleans, rng: np.random.Generator) -> None:
    """Swap raters between targets of different groups until one group is left; loads stay as they are."""
    groups = _groups(assigned)
    while len(groups) > 1:
        if not _merge(assigned, admissible, groups, rng):
            raise Unconnected(
                f"The plan falls into {len(groups)} groups of targets that share no rater, and no exchange that keeps "
                "avoidance and load joins them. Ask for more raters a target, or allow more pairs.",
                groups,
            )
        groups = _groups(assigned)


def _groups(assigned: Booleans) -> tuple[Integers, ...]:
    target, rater = np.nonzero(assigned)
    return connected_groups(target, rater, *assigned.shape)


def _merge(
    assigned: Booleans, admissible: Booleans, groups: tuple[Integers, ...], rng: np.random.Generator
) -> bool:
    """Exchange a rater of a target in the first group for one of a target elsewhere, if that leaves fewer groups."""
    if assigned[0].sum() == 1:
        return False
    others = np.concatenate(groups[1:])
    for here in rng.permutation(groups[0]):
        gives = admissible[np.ix_(others, assigned[here])].any(axis=1)
        takes = (assigned[others] & admissible[here]).any(axis=1)
        for there in rng.permutation(others[gives & takes]):
            for giver in np.flatnonzero(assigned[here] & admissible[there]):
                for taker in np.flatnonzero(assigned[there] & admissible[here]):
                    _swap(assigned, here, there, giver, taker)
                    if len(_groups(assigned)) < len(groups):
                        return True
                    _swap(assigned, there, here, giver, taker)
    return False


def _swap(
    assigned: Booleans, here: np.integer, there: np.integer, giver: np.integer, taker: np.integer
) -> None:
    assigned[here, giver] = assigned[there, taker] = False
    assigned[here, taker] = assigned[there, giver] = True
