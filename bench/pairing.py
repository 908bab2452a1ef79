"""Pairing against OR-tools and scipy on the same fits, tight and tied seasons, and what a plan tells beside a random one.

CPU time (user and system, one thread), medians of interleaved rounds. Ours is the whole way from profiles to explained
pairs, with the part of the solver alone beside it; the peers get the finished fits. All must reach the same total.
"""

import os
import statistics
import sys
import time
from typing import Any

# Before numpy loads its BLAS: a comparison is of one thread with one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from bars import Bars
from scipy.optimize import linear_sum_assignment

from dongliang.engine.checking import certify_pairing
from dongliang.engine.data import Candidates, Floats, Integers, Mentees, Mentors
from dongliang.engine.pairing import WEIGHTS, assign, find_candidates
from dongliang.engine.planning import information, plan_assessments
from dongliang.mentoring.calculation import ALL_PAIRS, MenteeProfile, MentorProfile, columns, match

try:
    from ortools.graph.python import min_cost_flow
except ImportError:
    min_cost_flow = None

ROUNDS = 3
MISSING = "OR-tools is not installed (uv sync --group bench)"
# Mentees, mentors, candidates each, areas.
SEASONS = ((278, 40, 40, 10), (6_000, 800, 30, 100), (60_000, 8_000, 30, 500))


def main() -> None:
    if min_cost_flow is None:
        print(f"No ratio to OR-tools: {MISSING}.")
    print(
        f"{'from profiles to explained pairs':34} {'ours':>8} {'solver':>8} {'OR-tools':>9} {'ours/it':>8} {'scipy':>8}"
    )
    ratios = [against_peers(*size) for size in SEASONS]
    hard_seasons()
    product()
    plans()
    bars = Bars("pairing: from profiles to explained pairs / OR-tools' flow alone")
    bars.add("60,000 mentees, 8,000 mentors, 30 candidates", ratios[-1], bar=3.0, aim=1.5, missing=MISSING)
    bars.show()


def against_peers(n: int, m: int, keep: int, areas: int) -> float | None:
    """Print a season's figures; ours over OR-tools', where that is installed."""
    mentees, mentors, distance = season(n, m, areas)
    whole, solver, flows, dense = [], [], [], []
    for _ in range(ROUNDS):
        began = time.process_time()
        candidates = find_candidates(mentees, mentors, distance=distance, per_mentee=keep)
        listed = time.process_time()
        pairing = assign(candidates, mentors.capacity, everyone=False)
        ended = time.process_time()
        whole.append(ended - began)
        solver.append(ended - listed)
        if min_cost_flow is not None:
            total, used = flow(candidates, mentors.capacity)
            agree(f"OR-tools, {n} x {m}", total, pairing.total)
            flows.append(used)
        if keep == m:
            total, used = hungarian(candidates, mentors.capacity)
            agree(f"scipy, {n} x {m}", total, pairing.total)
            dense.append(used)
    certify_pairing(pairing, candidates, capacity=mentors.capacity, everyone=False)
    mine = statistics.median(whole)
    print(f"{f'{n:,} x {m:,}, {keep} candidates':34} {mine:7.3f}s {statistics.median(solver):7.3f}s", end="")
    if flows:
        print(f" {statistics.median(flows):8.3f}s {mine / statistics.median(flows):8.2f}", end="")
    print(f" {statistics.median(dense):7.3f}s" if dense else "")
    return mine / statistics.median(flows) if flows else None


def hard_seasons() -> None:
    """Where auctions are known to be slow: everyone to be served with not a place to spare, and fits nearly all equal."""
    print(f"\n{'solver alone, 6,000 x 800, 30 each':48} {'ours':>8} {'OR-tools':>9}")
    rng = np.random.default_rng(3)
    n, m, keep = 6_000, 800, 30
    mentor = np.stack([rng.choice(m, keep, replace=False) for _ in range(n)])
    planted = np.bincount(mentor[np.arange(n), rng.integers(0, keep, n)], minlength=m)
    graded = 40_000 * rng.integers(0, 2, (m, 6))[mentor, rng.integers(0, 6, n)[:, None]] + 30_000
    cases = {
        "all fits different": rng.integers(0, 100_000, mentor.shape),
        "two kinds of fit": graded,
        "all fits equal": np.full(mentor.shape, 50_000),
    }
    for name, fit in cases.items():
        candidates = Candidates(
            mentor=mentor,
            parts={"need": fit},
            mentee_number=np.arange(n),
            mentor_number=np.arange(m),
            locked=np.zeros(n, dtype=bool),
            complete=False,
        )
        for everyone, capacity in ((False, rng.integers(5, 10, m)), (True, planted)):
            began = time.process_time()
            pairing = assign(candidates, capacity, everyone=everyone)
            used = time.process_time() - began
            case = f"{name}, {'everyone, no place to spare' if everyone else 'places short'}"
            print(f"{case:48} {used:7.3f}s", end="")
            if min_cost_flow is not None:
                # A premium on every pair, far above any fit, makes the flow serve everyone.
                total, theirs = flow(candidates, capacity, premium=10_000_000 if everyone else 0)
                agree(case, total, pairing.total)
                print(f" {theirs:8.3f}s", end="")
            print()


def product() -> None:
    """As the programme office has it: from profiles in words to a sentence's worth of reasons, beside peers that get less.

    linear_sum_assignment gets the finished fits, a column a place; mentor-match gets our fits as its only rule and pairs in
    rounds. At 6,000 x 800 both are left out unless ``--full`` asks for them: a dense table of 6,000 by 6,400 places, nearly all
    of its fits tied, takes scipy more than five minutes.
    """
    print(
        f"\n{'profiles to explained pairs':28} {'ours':>8} {'total':>12} {'scipy':>8} {'total':>12}  mentor-match"
    )
    for n, m in ((278, 40), (6_000, 800)):
        mentees, mentors = office_season(n, m)
        began = time.process_time()
        found = match(mentees, mentors, weights=WEIGHTS)
        mine = time.process_time() - began
        print(f"{f'{n:,} x {m:,}':28} {mine:7.2f}s {found.total:12,.1f}", end=" ", flush=True)
        if n > 1_000 and "--full" not in sys.argv:
            print("the peers are left out: give --full")
            continue
        ours, theirs, avoid = columns(mentees, mentors)
        table = find_candidates(ours, theirs, avoid=avoid)
        began = time.process_time()
        fit = np.zeros((n, m), dtype=np.int64)
        np.put_along_axis(fit, table.mentor, table.fit, axis=1)
        places = np.repeat(fit, theirs.capacity, axis=1)
        rows, chosen = linear_sum_assignment(places, maximize=True)
        theirs_total, used = int(places[rows, chosen].sum()) / 1000, time.process_time() - began
        print(f"{used:7.2f}s {theirs_total:12,.1f}  {mentor_match(mentees, mentors, fit)}")
        # Beyond, ours is the best within lists of candidates.
        if n * m <= ALL_PAIRS:
            agree(f"scipy, {n} x {m}", theirs_total, found.total)


def office_season(n: int, m: int) -> tuple[list[MenteeProfile], list[MentorProfile]]:
    rng = np.random.default_rng(n + m)
    problems = [
        f"problem.{name}" for name in "housing environment elderly property neighbourly digital".split()
    ]
    estates = [f"estate.{name}" for name in "workers commercial relocated lanes mixed rural".split()]

    def some(keys: list[str], count: int) -> dict[str, int]:
        return {str(key): int(rng.integers(1, 3)) for key in rng.choice(keys, count, replace=False)}

    areas = max(m // 4, 1)
    mentors = [
        MentorProfile(
            number + 1,
            places=int(rng.integers(7, 10)),
            area=str(rng.integers(areas)),
            strengths=some(problems, 2) | some(estates, 2),
        )
        for number in range(m)
    ]
    mentees = [
        MenteeProfile(
            number + 1,
            area=str(rng.integers(areas)),
            category=str(rng.choice(problems)),
            needs=some(problems, 2) | some(estates, 1),
            earlier=int(rng.integers(1, m + 1)) if rng.random() < 0.2 else None,
        )
        for number in range(n)
    ]
    return mentees, mentors


def mentor_match(mentees: list[MenteeProfile], mentors: list[MentorProfile], fit: Integers) -> str:
    """mentor-match's own pairing of the same people, timed; a place is a mentor of its own to it."""
    try:
        from matching import mentee, mentor, process
    except ImportError:
        return "not installed (uv sync --group bench)"

    class Fit:
        """Our fit as its one rule: the best that it can be told."""

        def evaluate(self, _match: object) -> bool:
            return True

        def apply(self, match: Any) -> int:
            return int(fit[match.mentee.grade, match.mentor.grade])

    began = time.process_time()
    waiting = [mentee.Mentee(grade=row, email=f"mentee {row}") for row in range(len(mentees))]
    coaches = [mentor.Mentor(grade=row, email=f"mentor {row}") for row in range(len(mentors))]
    total = 0
    while waiting:
        free = [coach for coach in coaches if len(coach.mentees) < mentors[coach.grade].places]
        # A round gives each mentor one mentee; those left over wait for the next.
        process.process_data(free, waiting, [[Fit()]])
        served = [person for person in waiting if person.mentors]
        if not served:
            return f"stuck with {len(waiting)} mentees left"
        total += sum(int(fit[person.grade, person.mentors[0].grade]) for person in served)
        waiting = [person for person in waiting if not person.mentors]
    used = time.process_time() - began
    return f"{used:7.2f}s {total / 1000:12,.1f}"


def plans() -> None:
    """Information about differences in severity, geometric mean and least, and the ways between a rater's targets."""
    print(
        f"\n{'targets x raters a target of raters':36} {'random':>15} {'planned':>15} {'and near':>15} {'ways':>6} {'CPU':>7}"
    )
    for n, r, each in ((278, 13, 4), (278, 13, 2), (278, 40, 3)):
        rng = np.random.default_rng(n + r + each)
        area = np.sort(rng.integers(0, 10, n))
        avoid = (area[:, None] == np.arange(r) % 10) | (rng.random((n, r)) < 0.1)
        places = 10 * rng.random((10, 2))[area] + rng.random((n, 2))
        distance = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
        by_chance = np.stack([rng.choice(np.flatnonzero(~row), each, replace=False) for row in avoid])
        began = time.process_time()
        planned = plan_assessments(n, r, per_target=each, avoid=avoid, rng=np.random.default_rng(1))
        used = time.process_time() - began
        near = plan_assessments(
            n, r, per_target=each, avoid=avoid, rng=np.random.default_rng(1), distance=distance
        )
        told = ["{:.2f} {:.2f}".format(*information(plan, r)) for plan in (by_chance, planned, near)]
        ways = apart(near, distance, r) / apart(planned, distance, r)
        print(
            f"{f'{n} x {each} of {r}':36} {told[0]:>15} {told[1]:>15} {told[2]:>15} {ways:6.2f} {used:6.2f}s"
        )


def apart(plan: Integers, distance: Floats, raters: int) -> float:
    seen = [np.flatnonzero((plan == rater).any(axis=1)) for rater in range(raters)]
    return float(sum(distance[np.ix_(mine, mine)].sum() for mine in seen))


def season(n: int, m: int, areas: int) -> tuple[Mentees, Mentors, Floats]:
    rng = np.random.default_rng(n)
    places = 10 * rng.random((areas, 2))
    mentees = Mentees(
        number=rng.permutation(n),
        category=rng.integers(0, 6, n),
        needs=rng.random((n, 6)).round(1),
        area=rng.integers(0, areas, n),
        earlier=np.where(rng.random(n) < 0.3, rng.integers(0, m, n), -1),
        locked=np.full(n, -1),
    )
    mentors = Mentors(
        number=rng.permutation(m),
        categories=rng.integers(0, 3, (m, 6)) / 2,
        strengths=rng.random((m, 6)).round(2),
        area=rng.integers(0, areas, m),
        capacity=rng.integers(5, 10, m),
    )
    return mentees, mentors, np.hypot(*(places[:, None] - places).transpose(2, 0, 1)).round(1)


def flow(candidates: Candidates, capacity: Integers, premium: int = 0) -> tuple[float, float]:
    """Total and CPU seconds of a min-cost flow, its arcs included."""
    (n, _), m = candidates.mentor.shape, len(capacity)
    row, column = np.nonzero(candidates.mentor >= 0)
    mentor, fit = candidates.mentor[row, column], candidates.fit[row, column]
    began = time.process_time()
    network = min_cost_flow.SimpleMinCostFlow()
    sink = n + m
    network.add_arcs_with_capacity_and_unit_cost(row, n + mentor, np.ones_like(row), -fit - premium)
    network.add_arcs_with_capacity_and_unit_cost(
        np.arange(n), np.full(n, sink), np.ones(n, int), np.zeros(n, int)
    )
    network.add_arcs_with_capacity_and_unit_cost(
        n + np.arange(m), np.full(m, sink), capacity, np.zeros(m, int)
    )
    network.set_nodes_supplies(np.arange(sink + 1), np.concatenate([np.ones(n, int), np.zeros(m, int), [-n]]))
    if network.solve() != network.OPTIMAL:
        raise SystemExit("OR-tools found no optimum.")
    return (-network.optimal_cost() - premium * (n if premium else 0)) / 1000, time.process_time() - began


def hungarian(candidates: Candidates, capacity: Integers) -> tuple[float, float]:
    fit = np.zeros((len(candidates.mentor), len(capacity)), dtype=np.int64)
    np.put_along_axis(fit, candidates.mentor, candidates.fit, axis=1)
    began = time.process_time()
    places = np.repeat(fit, capacity, axis=1)
    rows, columns = linear_sum_assignment(places, maximize=True)
    return int(places[rows, columns].sum()) / 1000, time.process_time() - began


def agree(peer: str, theirs: float, ours: float) -> None:
    # A fast answer to another question would be no comparison.
    if abs(theirs - ours) > 5e-4:
        raise SystemExit(f"{peer}: the total is {theirs}, ours {ours}.")


if __name__ == "__main__":
    main()
