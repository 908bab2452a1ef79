"""Who assesses whom."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import numpy as np
from scipy.linalg import pinvh

from dongliang.engine.data import Booleans, Floats, Integers, connected_groups
from dongliang.engine.errors import InfeasiblePlan, Unconnected

# Passes of exchanges at most; nearly all that can be won comes in the first two.
PASSES = 3
# Exchanges looked at for one seat, and seats visited in a pass: all of them in a district, a sample beyond.
PARTNERS = 2_000
VISITS = 5_000
# The nearest exchanges that are tried for one seat before it is left as it is.
TRIALS = 3
# Of the logarithm of the determinant: less is rounding.
LEAST_GAIN = 1e-9


def plan_assessments(
    n_targets: int,
    n_raters: int,
    *,
    per_target: int,
    avoid: Booleans,
    rng: np.random.Generator,
    distance: Floats | None = None,
    give_up: float = 0.1,
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
    distance : (p, p) float, optional
        How far targets are from one another: the visits of a rater are brought together.
    give_up : float, default 0.1
        Share of the `information` that nearer visits may cost; counts only with ``distance``.

    Returns
    -------
    (p, per_target) int
        Rater codes, each row in rising order. No pair of ``avoid`` is in it. The load is as even as avoidance
        permits: no chain of handovers from a rater could lower the load of anyone to ease one who has two more. All
        raters in use are linked through shared targets, and no exchange of two raters between two targets that was
        looked at would raise the `information` about their severities (or, with ``distance``, bring visits nearer).

    Raises
    ------
    InfeasiblePlan
        Some targets have fewer than ``per_target`` admissible raters; ``targets`` lists them. Or the shapes
        contradict each other, or a distance or ``give_up`` is out of range.
    Unconnected
        Avoidance, or one rater a target, leaves groups of targets that share no rater.

    Notes
    -----
    See docs/methods/planning.md.
    """
    admissible = _admissible(n_targets, n_raters, per_target, avoid)
    _check_travel(n_targets, distance, give_up)
    assigned = _assign(admissible, per_target, rng)
    _even_out(assigned, admissible)
    _connect(assigned, admissible, rng)
    plan = np.nonzero(assigned)[1].reshape(n_targets, per_target)
    if per_target > 1:
        exchange = _Exchange(plan, admissible, rng)
        exchange.inform()
        if distance is not None:
            exchange.bring_together(np.asarray(distance, dtype=np.float64), give_up)
        plan = np.sort(exchange.plan, axis=1)
    return plan


def complete_assessments(
    fixed: Booleans, *, per_target: int | Integers, avoid: Booleans, rng: np.random.Generator
) -> Booleans:
    """Fill the seats that a plan has lost, around the pairs that stay.

    Parameters
    ----------
    fixed : (p, r) bool
        True where a rater has assessed a target, or still will: these pairs stay, also where ``avoid`` bars them.
    per_target : int or (p,) int
        Raters a target, for all alike or for each; targets that have as many already get no more.
    avoid : (p, r) bool
        True where a rater must not be given a target. A rater who is to get none has a column of True.
    rng : numpy.random.Generator
        Decides between raters who fit equally well.

    Returns
    -------
    (p, r) bool
        ``fixed`` with the new pairs. No handover of a single new pair could ease a rater who has two more than another;
        but where the targets would have fallen into groups that share no rater, new pairs were moved to join them.

    Raises
    ------
    InfeasiblePlan
        Some targets have too few admissible raters left; ``targets`` lists them. Or the shapes contradict each other.
    Unconnected
        Groups of targets share no rater, and no move of a single new pair joins them.

    Notes
    -----
    See docs/methods/planning.md.
    """
    fixed = np.asarray(fixed, dtype=bool)
    none = np.empty(0, dtype=np.int64)
    if fixed.ndim != 2 or np.shape(avoid) != fixed.shape:
        raise InfeasiblePlan(
            f"avoid has the shape {np.shape(avoid)}, fixed {fixed.shape}. Give both a row a target, a column a rater.",
            none,
        )
    free = ~np.asarray(avoid, dtype=bool) & ~fixed
    lacking = np.maximum(per_target - fixed.sum(axis=1), 0)
    short = np.flatnonzero(free.sum(axis=1) < lacking)
    if len(short):
        raise InfeasiblePlan(
            f"Targets {', '.join(map(str, short))} have too few raters left who may assess them. "
            "Give them more raters, or ask for fewer a target.",
            short,
        )
    assigned = fixed.copy()
    for target in np.lexsort((rng.random(len(fixed)), free.sum(axis=1) - lacking)):
        for _ in range(lacking[target]):
            load = assigned.sum(axis=0)
            choice = np.flatnonzero(free[target] & ~assigned[target])
            assigned[target, choice[np.lexsort((rng.random(len(choice)), load[choice]))[0]]] = True
    while move := _easing_move(assigned, fixed, free):
        _move(assigned, *move)
    while len(groups := _groups(assigned)) > 1:
        if not (move := _joining_move(assigned, fixed, free, len(groups))):
            raise Unconnected(
                f"The plan falls into {len(groups)} groups of targets that share no rater, and no move of a new pair "
                "joins them. Ask for more raters a target, or allow more pairs.",
                groups,
            )
        _move(assigned, *move)
    return assigned


def _move(assigned: Booleans, target: int, giver: int | np.integer, taker: int | np.integer) -> None:
    assigned[target, giver], assigned[target, taker] = False, True


def _easing_move(assigned: Booleans, fixed: Booleans, free: Booleans) -> tuple[int, int, int] | None:
    """A new pair whose rater has two more than somebody who may take it: the one that eases most."""
    load = assigned.sum(axis=0)
    best, found = 1, None
    for target, giver in np.argwhere(assigned & ~fixed):
        takers = np.flatnonzero(free[target] & ~assigned[target])
        if len(takers) and load[giver] - load[takers].min() > best:
            taker = takers[load[takers].argmin()]
            best, found = load[giver] - load[taker], (int(target), int(giver), int(taker))
    return found


def _joining_move(
    assigned: Booleans, fixed: Booleans, free: Booleans, groups: int
) -> tuple[int, int, int] | None:
    """A new pair that, in other hands, leaves fewer groups; with the one who has least to do, if several would."""
    load = assigned.sum(axis=0)
    found = None
    for target, giver in np.argwhere(assigned & ~fixed).tolist():
        for taker in np.flatnonzero(free[target] & ~assigned[target]):
            if found and load[taker] >= load[found[2]]:
                continue
            _move(assigned, target, giver, taker)
            if len(_groups(assigned)) < groups:
                found = (int(target), int(giver), int(taker))
            _move(assigned, target, taker, giver)
    return found


def information(plan: Integers, n_raters: int) -> tuple[float, float]:
    """Say how well a plan would tell the severities of its raters apart.

    Parameters
    ----------
    plan : (p, m) int
        Rater codes of each target.
    n_raters : int
        ``r``.

    Returns
    -------
    mean, least : float
        Geometric mean and least of the information about differences between the raters in use: the eigenvalues, but
        for the one that is zero for everyone alike, of the sum over targets of ``I - J / m`` over its raters. An
        eigenvalue is the number of ratings that a difference would need if nothing else had to be found out.
    """
    return _eigenvalues(_laplacian(plan, n_raters))


def _eigenvalues(laplacian: Floats) -> tuple[float, float]:
    used = laplacian.diagonal() > 0
    if used.sum() < 2:
        return 0.0, 0.0
    eigenvalues = np.maximum(np.linalg.eigvalsh(laplacian[np.ix_(used, used)])[1:], 0)
    least = float(eigenvalues[0])
    return (float(np.exp(np.log(eigenvalues).mean())), least) if least > LEAST_GAIN else (0.0, 0.0)


def _laplacian(plan: Integers, n_raters: int) -> Floats:
    seats = np.zeros((len(plan), n_raters))
    np.put_along_axis(seats, plan, 1.0, axis=1)
    return np.asarray(np.diag(seats.sum(axis=0)) - seats.T @ seats / plan.shape[1])


def _check_travel(n_targets: int, distance: Floats | None, give_up: float) -> None:
    none = np.empty(0, dtype=np.int64)
    if not 0 <= give_up < 1:
        raise InfeasiblePlan(f"give_up is {give_up}. Give a share from 0 to below 1.", none)
    if distance is None:
        return
    if np.shape(distance) != (n_targets, n_targets):
        raise InfeasiblePlan(
            f"distance has the shape {np.shape(distance)}. Give a row and a column for each of {n_targets} targets.",
            none,
        )
    if not (np.isfinite(distance) & (np.asarray(distance) >= 0)).all():
        raise InfeasiblePlan(
            "A distance is negative or no number. Give 0 or more between any two targets.", none
        )


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
    assigned: Booleans,
    here: int | np.integer,
    there: int | np.integer,
    giver: int | np.integer,
    taker: int | np.integer,
) -> None:
    assigned[here, giver] = assigned[there, taker] = False
    assigned[here, taker] = assigned[there, giver] = True


class _Exchange:
    """A plan that is improved by exchanging two raters between two targets; loads and avoidance stay as they are.

    With ``d = e_b - e_a`` and ``w = 1_t - 1_u + d``, giving target ``t`` the rater ``b`` of ``u`` for its ``a`` takes
    ``(w d' + d w') / m`` from the Laplacian ``L``, so that its pseudo-determinant is multiplied by
    ``(1 - d'Pw / m)^2 - d'Pd w'Pw / m^2`` where ``P`` is the pseudo-inverse.
    """

    def __init__(self, plan: Integers, admissible: Booleans, rng: np.random.Generator) -> None:
        self.plan: Integers = plan.copy()
        self.per_target = len(plan[0])
        self.admissible, self.rng = admissible, rng
        self.assigned: Booleans = np.zeros_like(admissible)
        np.put_along_axis(self.assigned, plan, True, axis=1)

    def inform(self) -> None:
        """Take, seat by seat, the exchange that multiplies the determinant most, until none does."""
        for _ in range(PASSES):
            self._refresh()
            exchanged = False
            for seat in self.rng.permutation(self.plan.size)[:VISITS]:
                other = self._partners(seat)
                gain = self._gains(seat, other)
                if len(gain) and gain.max() > LEAST_GAIN:
                    self._swap(seat, other[gain.argmax()])
                    exchanged = True
            if not exchanged:
                return

    def bring_together(self, distance: Floats, give_up: float) -> None:
        """Take exchanges that shorten the ways between a rater's targets, the greatest first, while information lasts."""
        mean, least = information(self.plan, self.assigned.shape[1])
        floor = (1 - give_up) * mean, (1 - give_up) * least
        for _ in range(PASSES):
            self._refresh()
            ways = distance @ self.assigned
            exchanged = False
            for seat in self.rng.permutation(self.plan.size)[:VISITS]:
                other = self._partners(seat)
                t, a, u, b = self._ends(seat, other)
                longer = ways[u, a] - ways[t, a] + ways[t, b] - ways[u, b] - distance[t, u] - distance[u, t]
                for best in longer.argsort(kind="stable")[:TRIALS]:
                    if longer[best] >= -LEAST_GAIN * (1 + ways[t, a]):
                        break
                    if self._keeps(floor, seat, other[best]):
                        moved = distance[:, u[best]] - distance[:, t]
                        ways[:, a] += moved
                        ways[:, b[best]] -= moved
                        self._swap(seat, other[best])
                        exchanged = True
                        break
            if not exchanged:
                return

    def _keeps(self, floor: tuple[float, float], seat: np.integer, other: np.integer) -> bool:
        lean, step = self._sides(seat, other)
        shared = np.outer(lean, step) / self.per_target
        mean, least = _eigenvalues(self.laplacian - shared - shared.T)
        return mean >= floor[0] and least >= floor[1]

    def _sides(self, seat: np.integer, other: np.integer) -> tuple[Floats, Floats]:
        """The vectors ``w`` and ``d`` of an exchange."""
        t, a, u, b = self._ends(seat, np.array([other]))
        step = np.zeros(self.assigned.shape[1])
        step[a], step[b] = -1.0, 1.0
        return self.assigned[t].astype(float) - self.assigned[u[0]] + step, step

    def _refresh(self) -> None:
        self.laplacian = _laplacian(self.plan, self.assigned.shape[1])
        self.inverse = pinvh(self.laplacian)
        self.toward = self.assigned @ self.inverse

    def _ends(self, seat: np.integer, other: Integers) -> tuple[int, int, Integers, Integers]:
        """Target and rater of a seat, and of the others."""
        m, raters = self.per_target, self.plan.ravel()
        return int(seat) // m, int(raters[seat]), other // m, raters[other]

    def _partners(self, seat: np.integer) -> Integers:
        """Seats whose raters may be exchanged with the one of ``seat``."""
        other = np.arange(self.plan.size)
        if len(other) > PARTNERS:
            other = self.rng.integers(0, self.plan.size, PARTNERS)
        t, a, u, b = self._ends(seat, other)
        fits = self.admissible[t, b] & ~self.assigned[t, b] & self.admissible[u, a] & ~self.assigned[u, a]
        return np.asarray(other[fits])

    def _gains(self, seat: np.integer, other: Integers) -> Floats:
        """What each exchange adds to the logarithm of the pseudo-determinant."""
        m, inverse, toward = self.per_target, self.inverse, self.toward
        t, a, u, b = self._ends(seat, other)
        apart = inverse[a, a] + inverse.diagonal()[b] - 2 * inverse[a, b]
        lean = toward[t, b] - toward[t, a] - toward[u, b] + toward[u, a]
        raters = self.plan[u]
        within = toward[t, self.plan[t]].sum() + toward[u[:, None], raters].sum(axis=1)
        spread = within - 2 * toward[t, raters].sum(axis=1) + 2 * lean + apart
        ratio = (1 - (lean + apart) / m) ** 2 - apart * spread / m**2
        return np.asarray(np.log(np.maximum(ratio, 1e-300)))

    def _swap(self, seat: np.integer, other: np.integer) -> None:
        t, a, u, b = self._ends(seat, np.array([other]))
        lean, step = self._sides(seat, other)
        # Woodbury's identity for L - U V', with rank 2.
        first, second = np.column_stack([lean, step]) / self.per_target, np.column_stack([step, lean])
        seen = self.inverse @ first
        right = np.linalg.solve(np.eye(2) - second.T @ seen, second.T @ self.inverse)
        self.laplacian = self.laplacian - first @ second.T
        self.inverse = self.inverse + seen @ right
        self.toward += seen[self.plan].sum(axis=1) @ right
        raters = self.plan.ravel()
        raters[seat], raters[other] = b[0], a
        _swap(self.assigned, t, u[0], a, b[0])
        self.toward[[t, u[0]]] = self.assigned[[t, u[0]]] @ self.inverse
