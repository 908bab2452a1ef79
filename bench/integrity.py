"""How well stuffed ballots are found, by kind, and how often honest ones are flagged: precision, recall, false alarms.

Simulated seasons of 278 neighbourhoods and 30,000 ballots; and real answers of people who stuffed nothing: soldiers about the
leaders of their company, students about their lecturers. Those sets have no times: each ballot is given one as honest
ballots arrive, so that what is shown is whether real marks raise alarms.
"""

import csv
import gzip
import os
import sys
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from dongliang.engine.data import Ballots, Flag
from dongliang.engine.integrity import examine
from dongliang.engine.planning import plan_assessments
from dongliang.engine.simulation import (
    STUFFINGS,
    SimulatedBallots,
    SimulatedSeason,
    arrival_minutes,
    simulate_ballots,
    simulate_season,
)

REAL = Path(__file__).parent.parent / "tests" / "reference" / "data"
NEIGHBOURHOODS = 278
KINDS = ("burst", "origin", "straight", "copies", "cards")
ATTACKS = tuple(kind for kind in STUFFINGS if kind != "protest")


def main(seasons: int) -> None:
    honest(seasons)
    stuffed(seasons)
    real()


def honest(seasons: int) -> None:
    """Seasons without a stuffed ballot: every flag is a false alarm."""
    flags: Counter[str] = Counter()
    alarmed, spent = 0, 0.0
    for number in range(seasons):
        rng = np.random.default_rng([1, number])
        ballots = simulate_ballots(rng, season(rng)).ballots
        started = time.process_time()
        found = examine(ballots)
        spent += time.process_time() - started
        flags.update(flag.kind for flag in found)
        alarmed += bool(found)
    print(
        f"{seasons} honest seasons: {alarmed} with a flag ({alarmed / seasons:.0%}), {flags.total()} flags on "
        f"{seasons * NEIGHBOURHOODS:,} neighbourhoods; {spent / seasons:.2f} s CPU a season"
    )
    print("  " + ", ".join(f"{kind} {flags[kind]}" for kind in KINDS))


def stuffed(seasons: int) -> None:
    """Seasons with one neighbourhood stuffed by each kind, and one that protests honestly."""
    flagged: dict[str, list[bool]] = {kind: [] for kind in STUFFINGS}
    by: dict[str, Counter[str]] = {kind: Counter() for kind in STUFFINGS}
    caught: dict[str, list[float]] = {kind: [] for kind in STUFFINGS}
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    at_protests = 0
    for number in range(seasons):
        rng = np.random.default_rng([2, number])
        simulated = simulate_ballots(rng, season(rng), stuffed=dict.fromkeys(STUFFINGS, 1))
        found = examine(simulated.ballots)
        attack = befallen(simulated)
        for kind, target in attack.items():
            here = [flag for flag in found if flag.target == target]
            flagged[kind].append(bool(here))
            by[kind].update({flag.kind for flag in here})
            caught[kind].append(share_caught(simulated, kind, here))
        guilty = {target for kind, target in attack.items() if kind != "protest"}
        for flag in found:
            (right if flag.target in guilty else wrong)[flag.kind] += 1
            at_protests += flag.target == attack["protest"]
    print(f"\n{seasons} seasons with one neighbourhood stuffed in each way, and one protest")
    print(f"{'stuffing':10} {'found':>6} {'of its ballots flagged':>24}   by")
    for kind in STUFFINGS:
        reasons = ", ".join(f"{name} {by[kind][name] / seasons:.0%}" for name in KINDS if by[kind][name])
        note = " (honest: a false alarm)" if kind == "protest" else ""
        print(f"{kind:10} {np.mean(flagged[kind]):6.0%} {np.mean(caught[kind]):24.0%}   {reasons}{note}")
    print(f"{'flag':10} {'right':>6} {'wrong':>6} {'precision':>10}")
    for name in KINDS:
        total = right[name] + wrong[name]
        print(
            f"{name:10} {right[name]:6} {wrong[name]:6} {right[name] / total if total else float('nan'):10.1%}"
        )
    hits = sum(sum(flagged[kind]) for kind in ATTACKS)
    print(
        f"all: recall {hits / (seasons * len(ATTACKS)):.0%} of stuffed neighbourhoods, precision "
        f"{right.total() / max(right.total() + wrong.total(), 1):.1%} of flags; of {wrong.total()} wrong ones "
        f"{at_protests} are about the protest"
    )


def befallen(simulated: SimulatedBallots) -> dict[str, int]:
    return {
        kind: int(simulated.ballots.target[np.argmax(simulated.stuffing == code)])
        for code, kind in enumerate(simulated.kinds)
    }


def share_caught(simulated: SimulatedBallots, kind: str, flags: list[Flag]) -> float:
    """Of the stuffed ballots, those that stand under a flag."""
    stuffed = np.flatnonzero(simulated.stuffing == simulated.kinds.index(kind))
    under = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *(flag.ballots for flag in flags)]))
    return float(np.isin(stuffed, under).mean())


def real() -> None:
    print("\nreal answers, nothing stuffed (times drawn as honest ballots arrive)")
    draws = 20
    for name, target, marks, origin in (soldiers(), lecturers()):
        flags: Counter[str] = Counter()
        alarmed = 0
        for number in range(draws):
            rng = np.random.default_rng([3, number])
            ballots = Ballots(
                target=target,
                marks=marks,
                minute=arrival_minutes(rng, target, int(target.max()) + 1),
                n_targets=int(target.max()) + 1,
                origin=origin,
            )
            found = examine(ballots)
            flags.update(flag.kind for flag in found)
            alarmed += len({flag.target for flag in found})
        print(
            f"{name}: {alarmed / draws:.2f} targets flagged a drawing of times; "
            + (", ".join(f"{kind} {count / draws:.2f}" for kind, count in flags.items()) or "no flag")
        )


def soldiers() -> tuple[str, np.ndarray, np.ndarray, None]:
    """Four of the eleven questions, as many as a ballot has."""
    with gzip.open(REAL / "lq2002_leadership.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    _, target = np.unique([row["COMPID"] for row in rows], return_inverse=True)
    marks = np.array([[int(row[f"LEAD{question:02d}"]) for question in (1, 4, 7, 10)] for row in rows])
    return f"lq2002, {len(rows):,} ballots of {target.max() + 1} companies", target, marks, None


def lecturers() -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
    """One mark a ballot; a student's ballots come from one device."""
    with gzip.open(REAL / "insteval.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    _, target = np.unique([row["d"] for row in rows], return_inverse=True)
    _, origin = np.unique([row["s"] for row in rows], return_inverse=True)
    marks = np.array([[int(row["y"])] for row in rows])
    return f"InstEval, {len(rows):,} ballots of {target.max() + 1:,} lecturers", target, marks, origin


def season(rng: np.random.Generator) -> SimulatedSeason:
    avoid = np.zeros((NEIGHBOURHOODS, 13), dtype=bool)
    return simulate_season(
        rng,
        subdistrict=np.arange(NEIGHBOURHOODS) % 10,
        plan=plan_assessments(NEIGHBOURHOODS, 13, per_target=4, avoid=avoid, rng=rng),
        n_assessors=13,
        departments=1,
        ballots=30_000,
        approvals=1,
    )


if __name__ == "__main__":
    main(next((int(argument) for argument in sys.argv[1:] if argument.isdigit()), 20))
