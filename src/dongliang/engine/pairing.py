"""Who coaches whom: the pairing with the greatest total fit that capacities, avoidance and locks allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import maximum_flow

from dongliang.engine.data import (
    LOTS,
    Booleans,
    Candidates,
    Floats,
    Integers,
    Mentees,
    Mentors,
    Pairing,
    Record,
    lots,
)
from dongliang.engine.errors import InfeasiblePairing, InvalidPairing, TooLarge

# Points for a perfect category, need, nearness and continuity, where the caller says nothing else.
WEIGHTS: Mapping[str, float] = {"category": 40.0, "need": 30.0, "nearness": 20.0, "continuity": 10.0}
# Fits are whole thousandths of a point, so that sums are exact and a total has no more digits than its parts.
STEPS = 1_000
# Pairs considered one by one without lists; more take more memory than a laptop has.
MOST_PAIRS = 20_000_000
# Candidates are looked for among this many pairs at a time, which stay in the processor's cache.
BLOCK = 1_000_000
# The most mentors of whom only the best is looked at first.
GROUP = 32

# A smallest clash is looked for until so many mentees were visited, which all in a district take a moment for.
MOST_VISITED = 500_000

# The first step of the prices is this part of the greatest fit; each phase divides it by SHRINK and begins with prices
# BACK_OFF earlier steps lower. Measured on scarce, tied and tight seasons: no other choice was better on all.
FIRST = 5
SHRINK = 5
BACK_OFF = 3
# No price, value or difference of two leaves 64 bits as long as values stay below SAFE and prices below twice that.
SAFE = 1 << 59
NEVER = 1 << 61


def pair(
    mentees: Mentees,
    mentors: Mentors,
    *,
    weights: Mapping[str, float] = WEIGHTS,
    distance: Floats | None = None,
    avoid: Integers | None = None,
    per_mentee: int | None = None,
    everyone: bool = True,
    balance: float = 0.0,
) -> Pairing:
    """Pair ``n`` mentees with ``m`` mentors, best as a whole.

    Parameters
    ----------
    mentees : Mentees
        Their needs, categories, areas, earlier mentors and locks.
    mentors : Mentors
        Their strengths, categories, areas and capacities.
    weights, distance, avoid, per_mentee
        As in `find_candidates`.
    everyone : bool, default True
        Every mentee must have a mentor. If not, being paired is worth its fit and going without is worth 0; locks are
        kept all the same.
    balance : float, default 0
        Points that a mentor's second mentee costs; the third costs twice that, and so on. Evens out the loads.

    Returns
    -------
    Pairing
        The greatest total of fits, less the charge for uneven loads. Of pairings with equal totals, the one with the
        greatest sum of `lots`; of those, one that depends on people's numbers and not on the order of the rows.

    Raises
    ------
    InfeasiblePairing
        Some demands cannot be met together; a smallest such set is named. Lists are made longer first until they are
        complete, so that never a short list is to blame.
    InvalidPairing
        Weights, distances, pairs to avoid or options contradict the profiles.
    TooLarge
        Too many pairs without ``per_mentee``, or numbers that 64 bits cannot hold exactly.

    Notes
    -----
    See docs/methods/pairing.md.
    """
    while True:
        found = find_candidates(
            mentees, mentors, weights=weights, distance=distance, avoid=avoid, per_mentee=per_mentee
        )
        try:
            return assign(found, mentors.capacity, everyone=everyone, balance=balance)
        except InfeasiblePairing:
            if found.complete or per_mentee is None:
                raise
            per_mentee *= 2


def find_candidates(
    mentees: Mentees,
    mentors: Mentors,
    *,
    weights: Mapping[str, float] = WEIGHTS,
    distance: Floats | None = None,
    avoid: Integers | None = None,
    per_mentee: int | None = None,
) -> Candidates:
    """List the mentors that each mentee may have, and how well each would fit.

    Parameters
    ----------
    mentees, mentors : Mentees, Mentors
        The profiles.
    weights : mapping of str to float
        Points, 0 or more, for ``"category"`` (how well the mentor knows the mentee's), ``"need"`` (the share of the
        mentee's needs that the mentor's strengths meet), ``"nearness"`` (1 in the same place, 0 as far apart as any two
        areas are) and ``"continuity"`` (1 for the earlier mentor). Each part is rounded to thousandths of a point.
    distance : (A, A) float, optional
        How far apart the areas are; all alike when left out.
    avoid : (h, 2) int, optional
        Codes of mentee and mentor that must not be paired.
    per_mentee : int, optional
        Keep so many of the best for each mentee, ties by lot; all when left out. A lock leaves one candidate.

    Returns
    -------
    Candidates

    Raises
    ------
    InvalidPairing
        A weight is unknown or negative; areas, categories, codes or shapes do not belong together.
    TooLarge
        More than 20 million pairs without ``per_mentee``.
    """
    nearness = _check(mentees, mentors, weights, distance)
    avoided = _avoided(avoid, len(mentees), len(mentors))
    keep = len(mentors) if per_mentee is None else min(per_mentee, len(mentors))
    if keep < 1:
        raise InvalidPairing(f"per_mentee is {per_mentee}. Keep one candidate a mentee at least.")
    if len(mentees) * keep > MOST_PAIRS:
        raise TooLarge(
            f"{len(mentees)} mentees with {keep} candidates each are more than {MOST_PAIRS:,} pairs. "
            "Say how many candidates to keep for each mentee, or pair one district after the other."
        )
    chosen = _best(mentees, mentors, weights, nearness, avoided, keep)
    return Candidates(
        mentor=chosen,
        parts=_parts(mentees, mentors, weights, nearness, chosen),
        mentee_number=mentees.number,
        mentor_number=mentors.number,
        locked=mentees.locked >= 0,
        complete=keep == len(mentors),
    )


def assign(
    candidates: Candidates, capacity: Integers, *, everyone: bool = True, balance: float = 0.0
) -> Pairing:
    """Pair optimally within lists of candidates.

    Parameters
    ----------
    candidates : Candidates
        Who may have whom, and how well they fit.
    capacity : (m,) int
        Mentees that each mentor can take.
    everyone, balance
        As in `pair`.

    Returns
    -------
    Pairing

    Raises
    ------
    InfeasiblePairing, InvalidPairing, TooLarge
        As in `pair`.

    Notes
    -----
    Auction with shrinking steps [Ber88]_, all bids of a round at once, a place going to the highest bid. Fit and lot
    make one whole number, multiplied by ``n + 1``: a last step of 1 then leaves less than one unit to be won.
    """
    if not (np.isfinite(balance) and balance >= 0):
        raise InvalidPairing(f"balance is {balance}. Give points, 0 or more.")
    # In the order of people's numbers, so that the order of the rows leaves no trace.
    rows, columns = np.argsort(candidates.mentee_number), np.argsort(candidates.mentor_number)
    place = np.append(np.argsort(columns), len(columns))
    codes, must = place[candidates.mentor[rows]], (candidates.locked | everyone)[rows]
    room = np.minimum(capacity[columns], np.bincount(codes.ravel(), minlength=len(columns) + 1)[:-1])
    if must.any() and (clash := _clash(codes, room, must)):
        raise _infeasible(rows[clash[0]], columns[clash[1]], candidates, capacity)
    worth, scale = _worth(candidates, rows, room, balance)
    values = np.where(codes < len(columns), worth, 0)
    charges = np.rint(balance * STEPS).astype(np.int64) * (scale // STEPS) * np.arange(room.max(initial=1))
    reserves = np.where(np.arange(len(charges)) < room[:, None], charges, NEVER)
    highest = int(values.max()) + int(charges.max()) + 1
    without = np.where(must, -min((len(columns) + 1) * highest, SAFE), 0)
    prices, mentor, record = _settle(values, codes, reserves, without, highest // FIRST)
    if (mentor[must] == len(columns)).any():
        raise TooLarge(
            "Capacities are so tight that the prices outgrow 64 bits. Pair one district after the other."
        )
    return _pairing(candidates, prices[place[:-1]], columns, mentor[np.argsort(rows)], scale, balance, record)


def _check(
    mentees: Mentees, mentors: Mentors, weights: Mapping[str, float], distance: Floats | None
) -> Floats:
    """Refuse profiles that do not belong together; the nearness of areas, (A, A)."""
    if not (len(mentees) and len(mentors)):
        raise InvalidPairing(
            f"There are {len(mentees)} mentees and {len(mentors)} mentors. Give one of each at least."
        )
    for name, weight in weights.items():
        if name not in WEIGHTS or not (np.isfinite(weight) and weight >= 0):
            raise InvalidPairing(
                f"The weight of {name!r} is {weight}. Weigh {', '.join(WEIGHTS)}, with 0 or more points each."
            )
    known = mentors.categories.shape[1]
    if weights.get("category") and (mentees.category >= known).any():
        row = int(np.argmax(mentees.category >= known))
        raise InvalidPairing(
            f"category[{row}] of the mentees is {mentees.category[row]}, and the mentors tell of {known} categories."
        )
    if mentees.needs.shape[1] != mentors.strengths.shape[1]:
        raise InvalidPairing(
            f"Needs have {mentees.needs.shape[1]} columns, strengths {mentors.strengths.shape[1]}. Give the same things."
        )
    for name in ("earlier", "locked"):
        column = getattr(mentees, name)
        if (column >= len(mentors)).any():
            row = int(np.argmax(column >= len(mentors)))
            raise InvalidPairing(
                f"{name}[{row}] of the mentees is {column[row]}. Mentors go from 0 to {len(mentors) - 1}."
            )
    areas = 1 + max(int(mentees.area.max()), int(mentors.area.max()))
    if distance is None:
        return np.eye(areas)
    if distance.shape[:1] * 2 != distance.shape or len(distance) < areas:
        raise InvalidPairing(
            f"distance has the shape {distance.shape}. Give a row and a column for each of {areas} areas."
        )
    if not (np.isfinite(distance) & (distance >= 0)).all():
        raise InvalidPairing("A distance is negative or no number. Give 0 or more between any two areas.")
    return np.asarray(1 - distance / (distance.max() or 1.0))


def _avoided(avoid: Integers | None, n: int, m: int) -> Integers:
    pairs = np.empty((0, 2), dtype=np.int64) if avoid is None else np.asarray(avoid).reshape(-1, 2)
    outside = ((pairs < 0) | (pairs >= [n, m])).any(axis=1)
    if outside.any():
        row = int(np.argmax(outside))
        raise InvalidPairing(
            f"avoid[{row}] is {pairs[row].tolist()}. Mentees go from 0 to {n - 1}, mentors from 0 to {m - 1}."
        )
    return pairs.astype(np.int64)


def _best(
    mentees: Mentees,
    mentors: Mentors,
    weights: Mapping[str, float],
    nearness: Floats,
    avoided: Integers,
    keep: int,
) -> Integers:
    """The codes of each mentee's best, (n, keep), in rising order of the mentors' numbers; -1 fills the rest.

    Everyone is compared with everyone, as products of profiles in single precision: fits that differ by less than a
    thousandth of a point, or by a millionth of themselves, count as equal here and are told apart by lot.
    """
    columns = np.argsort(mentors.number)
    # Neighbouring rows of one area share their nearness.
    rows = np.lexsort((mentees.number, mentees.area))
    left, right = _profiles(mentees, mentors, weights)
    left, right = left[rows], np.ascontiguousarray(right[columns].T)
    # Indexing leaves columns side by side in memory; rows are what is added.
    near = np.ascontiguousarray(
        weights.get("nearness", 0.0) * nearness[:, mentors.area[columns]], dtype=np.float32
    )
    row_of, column_of = np.argsort(rows), np.append(np.argsort(columns), -1)
    avoided = np.column_stack([row_of[avoided[:, 0]], column_of[avoided[:, 1]]])
    avoided = avoided[np.argsort(avoided[:, 0], kind="stable")]
    earlier, locked = column_of[mentees.earlier[rows]], column_of[mentees.locked[rows]]
    chosen = np.empty((len(mentees), keep), dtype=np.int64)
    size = max(1, BLOCK // len(mentors))
    for start in range(0, len(mentees), size):
        block = slice(start, start + size)
        fit = left[block] @ right
        for area, first, last in _runs(mentees.area[rows[block]]):
            fit[first:last] += near[area]
        back = np.flatnonzero(earlier[block] >= 0)
        fit[back, earlier[block][back]] += weights.get("continuity", 0.0)
        low, high = np.searchsorted(avoided[:, 0], [start, start + size])
        fit[avoided[low:high, 0] - start, avoided[low:high, 1]] = -np.inf
        held = np.flatnonzero(locked[block] >= 0)
        only = fit[held, locked[block][held]]
        fit[held] = -np.inf
        fit[held, locked[block][held]] = only
        chosen[rows[block]] = _top(fit, keep)
    return np.append(columns, -1)[chosen]


def _profiles(mentees: Mentees, mentors: Mentors, weights: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Factors whose product is category, need and lot; the lots' part is half a thousandth at most."""
    shares = mentees.needs / np.maximum(mentees.needs.sum(axis=1, keepdims=True), 1e-300)
    known = mentors.categories.shape[1]
    one_hot = mentees.category[:, None] == np.arange(known)
    angles = [
        (people.number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) / 2.0**64 * 2 * np.pi
        for people in (mentees, mentors)
    ]
    wheels = [np.column_stack([np.cos(angle), np.sin(angle)]) for angle in angles]
    left = [
        weights.get("need", 0.0) * shares,
        weights.get("category", 0.0) * one_hot,
        0.5 / STEPS * wheels[0],
    ]
    right = [mentors.strengths, mentors.categories, wheels[1]]
    return np.hstack(left).astype(np.float32), np.hstack(right).astype(np.float32)


def _runs(codes: Integers) -> list[tuple[int, int, int]]:
    """Code, beginning and end of each run of equal codes."""
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    ends = np.append(starts[1:], len(codes))
    return [(int(codes[first]), int(first), int(last)) for first, last in zip(starts, ends, strict=True)]


def _top(fit: Floats, keep: int) -> Integers:
    """Columns of the ``keep`` greatest of each row in rising order, the first of equal ones; ``m`` fills the rest."""
    rows, m = fit.shape
    group = max(1, min(GROUP, m // (4 * keep)))
    groups = m // group
    if keep >= groups:
        taken = fit > -np.inf
    else:
        # The best of each group bound the last to be kept from below, so that few are left to be sorted.
        best = fit[:, : groups * group].reshape(rows, group, groups).max(axis=1)
        best.partition(groups - keep, axis=1)
        taken = fit >= np.maximum(best[:, groups - keep, None], np.finfo(fit.dtype).min)
    row, column = np.divmod(np.flatnonzero(taken), m)
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(rows))[row]
    columns = np.full((rows, max(keep, int(place.max(initial=0)) + 1)), m)
    columns[row, place] = column
    if columns.shape[1] > keep:
        falling = np.full(columns.shape, np.inf, dtype=fit.dtype)
        falling[row, place] = -fit[row, column]
        first = falling.argsort(axis=1, kind="stable")[:, :keep]
        columns = np.sort(np.take_along_axis(columns, first, axis=1), axis=1)
    return columns


def _parts(
    mentees: Mentees, mentors: Mentors, weights: Mapping[str, float], nearness: Floats, chosen: Integers
) -> dict[str, Integers]:
    """What each consideration adds to the fit of the chosen, in whole thousandths; 0 where nobody is chosen."""
    shares = mentees.needs / np.maximum(mentees.needs.sum(axis=1, keepdims=True), 1e-300)
    code = np.maximum(chosen, 0)
    parts = {}
    for name in WEIGHTS:
        if not weights.get(name):
            continue
        if name == "category":
            grade = mentors.categories[code, mentees.category[:, None]]
        elif name == "need":
            grade = sum(
                (shares[:, [q]] * mentors.strengths[code, q] for q in range(shares.shape[1])),
                np.zeros(code.shape),
            )
        elif name == "nearness":
            grade = nearness[mentees.area[:, None], mentors.area[code]]
        else:
            grade = (code == mentees.earlier[:, None]).astype(np.float64)
        # Products of decimals fall a hair beside the half; nine digits bring them back.
        steps = np.rint(np.round(STEPS * weights[name] * grade, 9)).astype(np.int64)
        parts[name] = np.where(chosen >= 0, steps, 0)
    return parts


def _clash(codes: Integers, room: Integers, must: Booleans) -> tuple[Integers, Integers] | None:
    """Rows that cannot all be served, and the mentors they compete for; None where all of ``must`` can be.

    A greatest matching leaves someone out; who can give up their place for them along a chain of exchanges, together
    with them, is a set of demands of which any one can be dropped to make the others possible. The smallest such set is
    returned, over all who are left out or as many of them as there is time for.
    """
    rows, m = np.flatnonzero(must), len(room)
    row, candidate = np.nonzero(codes[rows] < m)
    column = codes[rows][row, candidate]
    source, sink = len(rows) + m, len(rows) + m + 1
    ends = [
        (np.full(len(rows), source), np.arange(len(rows)), np.ones(len(rows))),
        (row, len(rows) + column, np.ones(len(row))),
        (len(rows) + np.arange(m), np.full(m, sink), np.minimum(room, len(rows))),
    ]
    tail, head, width = (np.concatenate(side) for side in zip(*ends, strict=True))
    network = coo_array((width.astype(np.int32), (tail, head)), shape=(sink + 1, sink + 1)).tocsr()
    flow = maximum_flow(network, source, sink)
    if flow.flow_value == len(rows):
        return None
    served = flow.flow.tocoo()
    used = (served.data > 0) & (served.row < len(rows))
    given = np.full(len(rows), -1)
    given[served.row[used]] = served.col[used] - len(rows)
    holders = coo_array(
        (np.ones(used.sum(), dtype=bool), (given[given >= 0], np.flatnonzero(given >= 0))),
        shape=(m, len(rows)),
    ).tocsr()
    smallest: tuple[Integers, Integers] | None = None
    visited = 0
    for left_out in np.flatnonzero(given < 0):
        reached, wanted = _reach(
            int(left_out), codes[rows], holders, m, len(rows) if smallest is None else len(smallest[0])
        )
        visited += len(reached)
        if smallest is None or len(reached) < len(smallest[0]):
            smallest = rows[reached], wanted
        if visited > MOST_VISITED:
            break
    return smallest


def _reach(start: int, codes: Integers, holders: csr_array, m: int, most: int) -> tuple[Integers, Integers]:
    """Who can give way to ``start``, with ``start``, and all whom they may have; no further once beyond ``most``."""
    reached, wanted = {start}, set[int]()
    fresh = [start]
    while fresh and len(reached) <= most:
        new = sorted(set(np.unique(codes[fresh]).tolist()) - wanted - {m})
        wanted.update(new)
        fresh = [int(row) for row in holders[new].indices] if new else []
        reached.update(fresh)
    return np.array(sorted(reached)), np.array(sorted(wanted), dtype=np.int64)


def _infeasible(
    mentees: Integers, mentors: Integers, candidates: Candidates, capacity: Integers
) -> InfeasiblePairing:
    mentees, mentors = np.sort(mentees), np.sort(mentors)
    locked = mentees[candidates.locked[mentees]]
    held = f" (locked: {_listed(locked)})" if len(locked) else ""
    if not len(mentors):
        message = f"Mentee {mentees[0]}{held} may have no mentor at all. Allow one."
    else:
        message = (
            f"Mentees {_listed(mentees)}{held} need {len(mentees)} places, and the mentors they may have, "
            f"{_listed(mentors)}, have {capacity[mentors].sum()}. Free a place, allow another mentor, or let one go without."
        )
    return InfeasiblePairing(message, mentees, mentors, locked)


def _listed(codes: Integers) -> str:
    return ", ".join(map(str, codes[:20])) + (f" and {len(codes) - 20} more" if len(codes) > 20 else "")


def _worth(candidates: Candidates, rows: Integers, room: Integers, balance: float) -> tuple[Integers, int]:
    """Fit and lot as one whole number a pair, and its units a point.

    A lot is worth so little that all together weigh less than a thousandth of a point, and is itself divided into n + 1.
    """
    n = len(rows)
    per_step = (LOTS * n + 1) * (n + 1)
    fit = candidates.fit[rows]
    highest = max(int(fit.max()), int(np.ceil(balance * STEPS)) * int(room.max(initial=1)))
    if (highest + 1) * per_step >= SAFE:
        raise TooLarge(
            f"{n} mentees and fits of up to {highest / STEPS:g} points need more than 64 bits. "
            "Use smaller weights, or pair one district after the other."
        )
    drawn = lots(
        candidates.mentee_number[rows, None], candidates.mentor_number[np.maximum(candidates.mentor[rows], 0)]
    )
    return fit * per_step + drawn * (n + 1), STEPS * per_step


def _settle(
    values: Integers, codes: Integers, reserves: Integers, without: Integers, step: int
) -> tuple[Integers, Integers, Record]:
    """Prices and mentors, after phases of ever smaller steps from ``step`` on, the last of 1."""
    places = len(reserves)
    prices, before, back_off = np.zeros(places, dtype=np.int64), 0, BACK_OFF
    step = max(1, step)
    phases = bids = 0
    while True:
        while True:
            start = np.maximum(prices - min(back_off * before, NEVER), 0)
            reached, mentor, made = _phase(values, codes, reserves, without, start, step)
            phases, bids = phases + 1, bids + made
            load = np.bincount(mentor, minlength=places + 1)[:-1]
            # A place left empty must not have a price above its reserve: begin lower, at zero in the end.
            next_place = np.append(reserves, np.full((places, 1), NEVER), axis=1)[np.arange(places), load]
            if (reached <= next_place).all():
                break
            back_off *= 4
        prices = reached
        if step == 1:
            break
        before, step, back_off = step, max(1, step // SHRINK), min(back_off, 16 * BACK_OFF)
    gap = _gap(values, codes, reserves, without, prices, mentor)
    record = Record(
        method="auction",
        objective=float("nan"),
        iterations=phases,
        evaluations=bids,
        tolerance=1.0,
        decrement=gap / (len(values) + 1),
        stopped="The prices leave less than one lot to be won, and lots are whole numbers: nothing is better.",
    )
    return prices, mentor, record


def _phase(
    values: Integers, codes: Integers, reserves: Integers, without: Integers, start: Integers, step: int
) -> tuple[Integers, Integers, int]:
    """Let everyone without a mentor bid at once, round after round, until nobody wants to.

    A mentor's places stand in rising order of what was bid for them; the first is the price. Prices only rise.
    """
    places, width = reserves.shape
    offers = np.where(reserves < NEVER, np.maximum(start[:, None], reserves), NEVER)
    holder = np.full((places, width), -1)
    prices = np.append(offers[:, 0], NEVER)
    mentor = np.full(len(values), -1)
    bidders = np.arange(len(values))
    number = np.int16 if places <= np.iinfo(np.int16).max else np.int64
    bids = 0
    while len(bidders):
        bids += len(bidders)
        wanted = codes.take(bidders, axis=0)
        net = values.take(bidders, axis=0)
        net -= prices.take(wanted)
        line = np.arange(len(bidders))
        best = net.argmax(axis=1)
        first = net[line, best]
        net[line, best] = -2 * NEVER + 1
        second = np.maximum(net.max(axis=1), without[bidders])
        wants = first > without[bidders]
        mentor[bidders[~wants]] = places
        bidders, at = bidders[wants], wanted[line, best][wants]
        if not len(bidders):
            break
        bid = prices[at] + (first - second)[wants] + step
        order = np.argsort(-bid, kind="stable")
        # Mentors by number: so few that sixteen bits hold them are sorted by their digits, in one pass.
        order = order[np.argsort(at[order].astype(number), kind="stable")]
        bidders, at, bid = bidders[order], at[order], bid[order]
        starts = np.flatnonzero(np.append(True, at[1:] != at[:-1]))
        rank = np.arange(len(at)) - np.repeat(starts, np.diff(np.append(starts, len(at))))
        # The r-th highest bid takes the r-th cheapest place, if it is higher than what that went for.
        wins = rank < width
        wins[wins] = bid[wins] > offers[at[wins], rank[wins]]
        won, place, winner = at[wins], rank[wins], bidders[wins]
        ousted = holder[won, place]
        offers[won, place], holder[won, place], mentor[winner] = bid[wins], winner, won
        touched = at[starts]
        order = offers[touched].argsort(axis=1, kind="stable")
        offers[touched] = np.take_along_axis(offers[touched], order, axis=1)
        holder[touched] = np.take_along_axis(holder[touched], order, axis=1)
        prices[touched] = offers[touched, 0]
        bidders = np.append(bidders[~wins], ousted[ousted >= 0])
    return prices[:-1], mentor, bids


def _gap(
    values: Integers,
    codes: Integers,
    reserves: Integers,
    without: Integers,
    prices: Integers,
    mentor: Integers,
) -> int:
    """What the prices leave to be won by any other pairing, at most: each term is 0 or more."""
    best = np.maximum((values - np.append(prices, NEVER)[codes]).max(axis=1), without)
    held = codes == mentor[:, None]
    paired = mentor < len(prices)
    own = np.where(
        paired, values[np.arange(len(values)), held.argmax(axis=1)] - np.append(prices, 0)[mentor], without
    )
    load = np.bincount(mentor, minlength=len(prices) + 1)[:-1]
    surplus = np.where(reserves < NEVER, prices[:, None] - reserves, 0)
    taken = np.arange(reserves.shape[1]) < load[:, None]
    return int((best - own).sum() + (np.maximum(surplus, 0) - np.where(taken, surplus, 0)).sum())


def _pairing(
    candidates: Candidates,
    prices: Integers,
    columns: Integers,
    place: Integers,
    scale: int,
    balance: float,
    record: Record,
) -> Pairing:
    mentor = np.append(columns, -1)[place]
    line, paired = np.arange(len(mentor)), mentor >= 0
    at = (candidates.mentor == mentor[:, None]).argmax(axis=1)
    fit = candidates.fit
    # Of equal favourites the one with the greater lot, as between pairings.
    drawn = lots(candidates.mentee_number[:, None], candidates.mentor_number[candidates.mentor])
    liking = np.where(candidates.mentor >= 0, fit * (LOTS + 1) + drawn, -1)
    favourite = liking.argmax(axis=1)
    load = np.bincount(mentor[paired], minlength=len(columns))
    charge = round(balance * STEPS) * int((load * (load - 1) // 2).sum())
    total = (int(fit[line, at][paired].sum()) - charge) / STEPS
    return Pairing(
        mentor=mentor,
        fit=np.where(paired, fit[line, at], 0) / STEPS,
        parts={name: np.where(paired, part[line, at], 0) / STEPS for name, part in candidates.parts.items()},
        favourite=candidates.mentor[line, favourite],
        favourite_fit=np.maximum(fit[line, favourite], 0) / STEPS,
        load=load,
        prices=prices,
        scale=scale,
        total=total,
        complete=candidates.complete,
        record=replace(record, objective=total),
    )
