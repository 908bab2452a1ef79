"""The many-facet rating scale fit beside RaschPy and beside what TAM was measured at, and how it grows with raters.

Every figure is CPU time (user and system, one thread), the median of interleaved rounds. RaschPy is compared where it is
installed (dependency group `bench`). TAM is not in any package index that Debian has: its figure is one measured elsewhere on
the same table, in the seconds of that machine.
"""

import contextlib
import csv
import importlib.util
import io
import os
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

# Before numpy loads its BLAS: a comparison is of one thread with one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from bars import Bars

from dongliang.engine.data import Ratings
from dongliang.engine.facets import rating_scale

ROUNDS = 5
Steps = Literal["common", "per_indicator"]
FIELD = Path(__file__).parent.parent / "tests" / "reference" / "data" / "synth_field.csv"
# CPU seconds of TAM 4.3-25, tam.mml.mfr(~ item * step + rater) with its default grid, on synth_field.
TAM = 0.39
MISSING = "RaschPy is not installed (uv sync --group bench)"


def main() -> None:
    ratings = field()
    ours, theirs = compare(ratings)
    mine = {steps: statistics.median(times) for steps, times in ours.items()}
    print("synth_field: 278 targets x 4 indicators x 13 raters; standard errors and fit statistics included")
    for steps, used in mine.items():
        print(f"  ours, steps {steps:14} {used:8.3f}s   x {used / TAM:.3f} of TAM's {TAM} s (tabled)")
    bars = Bars("many-facet fit of synth_field, with errors and fit statistics")
    bars.add(
        "per-indicator steps / TAM's fit (tabled: 0.39 s of another machine)",
        mine["per_indicator"] / TAM,
        bar=0.25,
        aim=0.1,
    )
    peers = statistics.median(times["with errors and fit"] for times in theirs) if theirs else None
    bars.add(
        "common steps / RaschPy with errors and fit statistics",
        peers and mine["common"] / peers,
        bar=0.5,
        aim=0.1,
        missing=MISSING,
    )
    if theirs:
        for part in ("calibrate, persons", "with errors and fit"):
            peer = statistics.median(times[part] for times in theirs)
            print(f"  RaschPy {part:20} {peer:8.3f}s   ours x {mine['common'] / peer:.3f}")
    else:
        print(f"  No ratio to RaschPy: {MISSING}.")
    grow()
    bars.show()


def compare(ratings: Ratings) -> tuple[dict[Steps, list[float]], list[dict[str, float]]]:
    ours: dict[Steps, list[float]] = {"common": [], "per_indicator": []}
    theirs = []
    peer = importlib.util.find_spec("raschpy") is not None
    for _ in range(ROUNDS):
        for steps, times in ours.items():
            times.append(cpu(partial(rating_scale, ratings, steps=steps)))
        if peer:
            theirs.append(raschpy(ratings))
    return ours, theirs


def raschpy(ratings: Ratings) -> dict[str, float]:
    # Optional, and slow to load: only when there is something to compare with.
    import pandas
    from raschpy import MFRM

    rows = pandas.DataFrame(
        {
            "Rater": ratings.rater.astype(str),
            "Person": [f"p{code}" for code in ratings.target],
            "item": [f"i{code}" for code in ratings.indicator],
            "mark": ratings.values - 1,
        }
    )
    table = rows.pivot_table(index=["Rater", "Person"], columns="item", values="mark").sort_index()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        model = MFRM(table, max_score=4)
        calibrated = cpu(lambda: model.calibrate(model="global"))
        calibrated += cpu(lambda: model.person_estimates(model="global"))
        more = cpu(lambda: model.std_errors(model="global", seed=1))
        more += cpu(lambda: model.fit_statistics(model="global"))
    return {"calibrate, persons": calibrated, "with errors and fit": calibrated + more}


def grow() -> None:
    """Four of the raters a target, four indicators; memory is the most this process has held so far."""
    print(f"\n{'growth':40} {'ours':>9} {'us/rating':>10} {'peak':>9}")
    for targets, raters in ((1_112, 13), (1_112, 208), (4_448, 13), (4_448, 832), (62_500, 52)):
        ratings = simulated(targets, raters)
        used = cpu(partial(rating_scale, ratings))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        name = f"{len(ratings):>9,} ratings, {targets:>6,} x {raters:>4,} raters"
        print(f"{name:40} {used:8.2f}s {1e6 * used / len(ratings):10.1f} {peak:6.0f} MB")


def simulated(targets: int, raters: int) -> Ratings:
    rng = np.random.default_rng(targets + raters)
    # Each target's four are drawn in a row of a shuffled rota, so that all raters are linked.
    rota = rng.permutation(raters)
    panel = rota[(np.arange(targets)[:, None] * 3 + np.arange(4)) % raters]
    target, rater = np.repeat(np.arange(targets), 16), np.repeat(panel.ravel(), 4)
    indicator = np.tile(np.arange(4), 4 * targets)
    level = rng.normal(0, 1.2, targets)[target] - rng.normal(0, 0.5, raters)[rater]
    level -= np.array([-0.45, -0.15, 0.15, 0.45])[indicator]
    steps = np.array([-2.4, -0.9, 0.7, 2.6])
    exponents = np.column_stack([np.zeros(len(level)), np.cumsum(level[:, None] - steps, axis=1)])
    chances = np.cumsum(np.exp(exponents), axis=1)
    values = 1.0 + (rng.random(len(level))[:, None] * chances[:, -1:] > chances).sum(axis=1)
    return Ratings(
        target=target,
        rater=rater,
        indicator=indicator,
        values=values,
        n_targets=targets,
        n_raters=raters,
        n_indicators=4,
    )


def field() -> Ratings:
    with FIELD.open(encoding="utf-8") as lines:
        rows = [
            [int(row[name]) for name in ("target", "rater", "item", "y")] for row in csv.DictReader(lines)
        ]
    target, rater, item, mark = np.array(rows).T
    return Ratings(
        target=target - 1,
        rater=rater - 1,
        indicator=item - 1,
        values=mark.astype(float),
        n_targets=278,
        n_raters=13,
        n_indicators=4,
    )


def cpu(step: Callable[[], object]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


if __name__ == "__main__":
    main()
