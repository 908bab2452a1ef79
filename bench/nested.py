"""Fits of ballots from their tally beside fits of the same ballots row by row, and how they grow.

Every figure is CPU time (user and system, one thread), the median of interleaved rounds, standard errors included. The peers are
our own crossed models, which bench/engine.py and bench/ordinal.py hold against lme4 and ordinal.
"""

import csv
import gzip
import os
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

# Before numpy loads its BLAS: a comparison is of one thread with one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from bars import Bars
from scipy.special import expit

from dongliang.engine import crossed, nested
from dongliang.engine.data import Ratings, Tally

ROUNDS = 3
PUBLIC = Path(__file__).parent.parent / "tests" / "reference" / "data" / "synth_public_tally.csv.gz"


def main() -> None:
    tally = public()
    ratings = written_out(tally)
    counted = (
        f"{int(tally.count.sum()):,} ballots, {len(ratings):,} ratings, {len(tally):,} rows of the tally"
    )
    print(f"synth_public: {counted}")
    compare("gaussian", lambda: nested.gaussian(tally), lambda: crossed.gaussian(ratings))
    ours, theirs = compare("ordinal", lambda: nested.ordinal(tally), lambda: crossed.ordinal(ratings))
    grow()
    bars = Bars("ballots of synth_public, from their tally, with standard errors")
    bars.add("ordinal fit / our own fit row by row", ours / theirs, bar=0.1)
    bars.add("ordinal fit", 1000 * ours, aim=30, unit="ms")
    bars.show()


def compare(name: str, tallied: Callable[[], object], row_wise: Callable[[], object]) -> tuple[float, float]:
    """Row-wise ordinal fits take Laplace for the ballots too, which is quicker and less exact."""
    tallied()
    times = [(cpu(tallied), cpu(row_wise)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(used) for used in zip(*times, strict=True))
    print(f"  {name:10} {1000 * ours:8.1f} ms   row by row {theirs:8.3f}s   x {ours / theirs:.4f}")
    return ours, theirs


def grow() -> None:
    """Memory is the most this process has held so far, the tally included."""
    print(f"\n{'growth':52} {'gaussian':>9} {'ordinal':>9} {'peak':>9}")
    for targets, ballots in ((278, 10**4), (278, 10**6), (278, 10**8), (6_000, 10**6), (6_000, 10**8)):
        tally = simulated(targets, ballots)
        used = [cpu(partial(fit, tally)) for fit in (nested.gaussian, nested.ordinal)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        name = f"{ballots:>11,} ballots, {targets:>5,} targets, {len(tally):>9,} rows"
        print(f"{name:52} {used[0]:8.2f}s {used[1]:8.2f}s {peak:6.0f} MB")


def simulated(targets: int, ballots: int) -> Tally:
    """Every target's ballots drawn at once, from the chances of the 625 patterns of four marks from 1 to 5."""
    rng = np.random.default_rng(targets + ballots)
    nodes = np.linspace(-5, 5, 41)
    weights = np.exp(-(nodes**2) / 2)
    weights /= weights.sum()
    patterns = np.stack(np.meshgrid(*[np.arange(1, 6, dtype=np.int8)] * 4, indexing="ij"), axis=-1).reshape(
        -1, 4
    )
    cuts = np.array([-5.2, -3.9, -1.9, 0.4]) - np.array([0.15, 0.0, -0.25, 0.10])[:, None]
    counts = np.empty((targets, len(patterns)), dtype=np.int64)
    for row, merit in enumerate(rng.normal(0, 0.55, targets)):
        below = expit(cuts[..., None] - merit - 2.0 * nodes)
        chances = np.diff(below, axis=1, prepend=0.0, append=1.0)
        whole = weights
        for indicator in range(4):
            whole = (whole[..., None, :] * chances[indicator]).reshape(-1, len(nodes))
        counts[row] = rng.multinomial(ballots // targets, whole.sum(axis=1) / whole.sum())
    target, pattern = np.nonzero(counts)
    return Tally(target=target, marks=patterns[pattern], count=counts[target, pattern], n_targets=targets)


def public() -> Tally:
    with gzip.open(PUBLIC, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return Tally(
        target=np.array([int(row["target"]) - 1 for row in rows]),
        marks=np.array([[int(mark) for mark in row["marks"]] for row in rows]),
        count=np.array([int(row["count"]) for row in rows]),
        n_targets=278,
    )


def written_out(tally: Tally) -> Ratings:
    target, marks = np.repeat(tally.target, tally.count), np.repeat(tally.marks, tally.count, axis=0)
    ballot, indicator = np.nonzero(marks)
    return Ratings(
        target=target[ballot],
        rater=ballot,
        indicator=indicator,
        values=marks[ballot, indicator].astype(float),
        n_targets=tally.n_targets,
        n_raters=len(marks),
        n_indicators=tally.n_indicators,
    )


def cpu(step: Callable[[], object]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


if __name__ == "__main__":
    main()
