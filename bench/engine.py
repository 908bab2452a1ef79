"""The crossed Gaussian fit against lme4 and against the machine's own floor, and how it grows.

Every figure is CPU time (user and system, one thread), the median of interleaved rounds: CPU time hardly feels what else a
shared machine does, and interleaving lets what is left fall on all alike. lme4 is compared where Rscript has it.
``--large`` grows to ten million ratings. Other arguments are for other benchmarks.
"""

import csv
import gzip
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

# Before numpy loads its BLAS: a comparison is of one thread with one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from bars import Bars
from nested import public, written_out
from rscript import available, missing

from dongliang.engine import nested
from dongliang.engine.crossed import gaussian
from dongliang.engine.data import Composite, Ratings, Tally
from dongliang.engine.planning import plan_assessments
from dongliang.engine.ranking import rank
from dongliang.engine.simulation import SimulatedSeason, simulate_season

ROUNDS = 3
MISSING = missing("lme4")
DATA = Path(__file__).parent.parent / "tests" / "reference" / "data"
LMER = """
library(lme4, quietly = TRUE)
d <- read.csv(commandArgs(TRUE)[1])
for (column in c("target", "rater", "indicator")) d[[column]] <- factor(d[[column]])
cpu <- function(used) used[["user.self"]] + used[["sys.self"]]
model <- if (nlevels(d$indicator) > 1) value ~ indicator + (1 | target) + (1 | rater) else value ~ 1 + (1 | target) + (1 | rater)
fitting <- system.time(fit <- lmer(model, d))
modes <- system.time(ranef(fit, condVar = TRUE))
cat(sprintf("%.3f %.3f %.6f", cpu(fitting), cpu(fitting) + cpu(modes), REMLcrit(fit)))
"""
EFFECTS = ("target", "rater", "indicator", "target:indicator", "target:rater", "rater:indicator")
LMER_OF_EFFECTS = """
library(lme4, quietly = TRUE)
d <- read.csv(commandArgs(TRUE)[1])
for (column in c("target", "rater", "indicator")) d[[column]] <- factor(d[[column]])
cpu <- function(used) used[["user.self"]] + used[["sys.self"]]
fitting <- system.time(fit <- lmer(value ~ 1 + (1 | target) + (1 | rater) + (1 | indicator) + (1 | target:indicator) +
                                   (1 | target:rater) + (1 | rater:indicator), d))
modes <- system.time(ranef(fit, condVar = TRUE))
cat(sprintf("%.3f %.3f %.6f", cpu(fitting), cpu(fitting) + cpu(modes), REMLcrit(fit)))
"""


def main(arguments: list[str]) -> None:
    lmer = available("lme4")
    print(f"{'REML fit, modes, standard errors':38} {'ours':>9} {'x floor':>8}", end="")
    print(f" {'lmer':>9} {'ours/it':>8} {'with SE':>9} {'ours/it':>8}" if lmer else "")
    bars = Bars("crossed Gaussian fit with modes and standard errors / lmer's fit without them")
    ratio, _ = compare("InstEval, 73,421 ratings", lecturers(), lmer)
    bars.add("InstEval", ratio, bar=0.4, aim=0.2, missing=MISSING)
    tally = public()
    ratio, theirs = compare("synth_public, 120,008 ratings", written_out(tally), lmer)
    bars.add("synth_public, row by row", ratio, bar=0.03, aim=0.005, missing=MISSING)
    used = from_ballots(tally)
    bars.add(
        "synth_public, its ballots counted and fitted",
        theirs and used / theirs,
        bar=0.03,
        aim=0.005,
        missing=MISSING,
    )
    compare("essays, 18,784 ratings, six effects", essays(), lmer, effects=EFFECTS, rounds=1)
    grow((10_000, 100_000, 1_000_000, *((10_000_000,) if "--large" in arguments else ())))
    around()
    bars.show()


def compare(
    name: str,
    ratings: Ratings,
    lmer: bool,
    *,
    effects: tuple[str, ...] = ("target", "rater"),
    rounds: int = ROUNDS,
) -> tuple[float | None, float | None]:
    """Time a fit; ours over lmer's without modes, and lmer's own, where that is installed.

    The floor is one weighted count of all ratings by target: the least that any fit must do.
    """
    ours, floors, theirs = [], [], []
    criterion = gaussian(ratings, effects=effects).record.objective
    script = LMER if effects == ("target", "rater") else LMER_OF_EFFECTS
    with tempfile.TemporaryDirectory() as folder:
        table = write(ratings, Path(folder))
        for _ in range(rounds):
            ours += [cpu(lambda: gaussian(ratings, effects=effects)) for _ in range(ROUNDS)]
            floors.append(cpu(lambda: np.bincount(ratings.target, weights=ratings.values)))
            if lmer:
                *used, their_criterion = run_lmer(table, script)
                theirs.append(used)
                # A fast answer to another question would be no comparison.
                if abs(their_criterion - criterion) > 1e-3:
                    raise SystemExit(f"{name}: lmer's REML criterion is {their_criterion}, ours {criterion}.")
    mine = statistics.median(ours)
    print(f"{name:38} {mine:8.3f}s {mine / statistics.median(floors):8.0f}", end="")
    peers = [statistics.median(used) for used in zip(*theirs, strict=True)]
    print("".join(f" {peer:8.3f}s {mine / peer:8.4f}" for peer in peers))
    return (mine / peers[0], peers[0]) if peers else (None, None)


def from_ballots(tally: Tally) -> float:
    """The same fit from ballots one by one: time to count them by target and pattern, and to fit the tally."""
    target = np.repeat(tally.target, tally.count)
    marks = np.repeat(tally.marks, tally.count, axis=0)
    digits = 6 ** np.arange(marks.shape[1])

    def fit() -> object:
        _, first, count = np.unique(
            target * 6 ** marks.shape[1] + marks @ digits, return_index=True, return_counts=True
        )
        return nested.gaussian(
            Tally(target=target[first], marks=marks[first], count=count, n_targets=tally.n_targets)
        )

    used = statistics.median(cpu(fit) for _ in range(5 * ROUNDS))
    counted = statistics.median(cpu(lambda: nested.gaussian(tally)) for _ in range(5 * ROUNDS))
    print(
        f"{'  the same from 30,002 ballots, counted':38} {used:8.3f}s   (of it {counted:.3f}s from the tally on)"
    )
    return used


def grow(sizes: tuple[int, ...]) -> None:
    """Raters of ten ratings each, a hundred ratings a target up to a thousand targets: the smaller factor stays dense."""
    print(f"\n{'growth, crossed':38} {'ours':>9} {'us/rating':>10} {'peak so far':>12}")
    for size in sizes:
        ratings = crossed(size)
        used = statistics.median(cpu(partial(gaussian, ratings)) for _ in range(3))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{size:>12,} ratings, {ratings.n_targets:>5,} targets    {used:8.3f}s {1e6 * used / size:10.2f} {peak:9.2f} GB"
        )


def around() -> None:
    """The other steps of a season of 278, for scale."""
    rng = np.random.default_rng(0)
    simulated = season()
    scores = Composite(
        scores=simulated.truth.merit,
        standard_errors=np.full(278, 0.3),
        expected=simulated.truth.merit,
        expected_errors=np.full(278, 0.3),
        covariance=np.full((278, 278), 0.01) + 0.08 * np.eye(278),
        contributions={},
        weights={},
        correlations={},
        scale="standardised",
        silent=(),
    )
    steps = {
        "rank 278, 10,000 draws": lambda: rank(scores, k=53, rng=rng),
        "plan 278 targets x 4 of 13 raters": lambda: plan_assessments(
            278, 13, per_target=4, avoid=np.zeros((278, 13), dtype=bool), rng=rng
        ),
        "simulate a season, 30,000 ballots": season,
    }
    print()
    for name, step in steps.items():
        print(f"{name:38} {statistics.median(cpu(step) for _ in range(3)):8.3f}s")


def cpu(step: Callable[[], object]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


def run_lmer(table: Path, lines: str) -> list[float]:
    """CPU seconds of the fit, of the fit with modes and their standard deviations, and the criterion reached."""
    script = table.with_suffix(".R")
    script.write_text(lines)
    answer = subprocess.run(["Rscript", str(script), str(table)], capture_output=True, text=True, check=True)
    return [float(figure) for figure in answer.stdout.split()]


def write(ratings: Ratings, folder: Path) -> Path:
    table = folder / "ratings.csv"
    columns = np.column_stack([ratings.target, ratings.rater, ratings.indicator, ratings.values])
    np.savetxt(
        table,
        columns,
        fmt=("%d", "%d", "%d", "%.17g"),
        delimiter=",",
        header="target,rater,indicator,value",
        comments="",
    )
    return table


def lecturers() -> Ratings:
    with gzip.open(DATA / "insteval.csv.gz", "rt", encoding="utf-8") as lines:
        rows = [(int(row["d"]), int(row["s"]), float(row["y"])) for row in csv.DictReader(lines)]
    target, rater, values = zip(*rows, strict=True)
    return on_one_indicator(np.array(target), np.array(rater), np.array(values))


def essays() -> Ratings:
    """Students whose essays raters marked on two criteria."""
    with gzip.open(DATA / "ptam1_conquest.csv.gz", "rt", encoding="utf-8") as lines:
        rows = [
            (int(row["pid"]), int(row["rater"]), criterion, float(row[name]))
            for row in csv.DictReader(lines)
            for criterion, name in enumerate(("OP", "TF"))
            if row[name]
        ]
    target, rater, indicator, values = map(np.array, zip(*rows, strict=True))
    return replace(on_one_indicator(target, rater, values), indicator=indicator, n_indicators=2)


def crossed(size: int) -> Ratings:
    rng = np.random.default_rng(size)
    targets, raters = min(size // 100, 1000), size // 10
    target, rater = rng.integers(0, targets, size), rng.integers(0, raters, size)
    values = (
        rng.normal(0, 0.6, targets)[target] - rng.normal(0, 0.4, raters)[rater] + rng.normal(0, 1.2, size)
    )
    return on_one_indicator(target, rater, values)


def on_one_indicator(target: np.ndarray, rater: np.ndarray, values: np.ndarray) -> Ratings:
    targets, target = np.unique(target, return_inverse=True)
    raters, rater = np.unique(rater, return_inverse=True)
    return Ratings(
        target=target,
        rater=rater,
        indicator=np.zeros(len(values), dtype=np.int64),
        values=values,
        n_targets=len(targets),
        n_raters=len(raters),
        n_indicators=1,
    )


def season() -> SimulatedSeason:
    rng = np.random.default_rng(2021)
    avoid = np.zeros((278, 13), dtype=bool)
    return simulate_season(
        rng,
        subdistrict=np.arange(278) % 10,
        plan=plan_assessments(278, 13, per_target=4, avoid=avoid, rng=rng),
        n_assessors=13,
        departments=6,
        ballots=30_000,
        approvals=30_000,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
