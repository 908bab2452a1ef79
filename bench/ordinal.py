"""The crossed ordinal fit against ordinal::clmm, and how it grows.

Figures are CPU time (user and system, one thread). Ours is the median of three rounds before and after the peer's one,
which takes half a minute on the tenth of the ratings that is the default. ``--full`` gives both all 73,421, for which clmm needs
over ten minutes, and ``--large`` grows to ten million ratings. Other arguments are for other benchmarks.
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
from pathlib import Path

# Before numpy loads its BLAS: a comparison is of one thread with one thread.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from bars import Bars
from rscript import available, missing

from dongliang.engine.agreement import connectedness
from dongliang.engine.crossed import ordinal
from dongliang.engine.data import OrdinalFit, Ratings

PLAIN = ("target", "rater")
HALO = (*PLAIN, "target:rater")
DATA = Path(__file__).parent.parent / "tests" / "reference" / "data"
MISSING = missing("ordinal")
SEVENTH, ALL = "InstEval, every 7th, connected part", "InstEval, all, beside clmm"
# CPU seconds of ordinal::clmm 2022.11-16 without its Hessian on all of InstEval, the quicker of two runs.
CLMM_ON_ALL = 665
CLMM = """
suppressMessages(library(ordinal))
d <- read.csv(commandArgs(TRUE)[1])
for (column in c("target", "rater", "indicator")) d[[column]] <- factor(d[[column]])
d$value <- ordered(d$value)
fixed <- if (nlevels(d$indicator) > 1) "indicator" else "1"
random <- sprintf("(1 | %s)", strsplit(commandArgs(TRUE)[2], ",")[[1]])
model <- as.formula(paste("value ~", paste(c(fixed, random), collapse = " + ")))
used <- system.time(fit <- clmm(model, d, Hess = TRUE))
cat(sprintf("%.3f %.6f", used[["user.self"]] + used[["sys.self"]], as.numeric(logLik(fit))))
"""


def main(arguments: list[str]) -> None:
    cases = {
        "wine, 8 bottles x 9 judges": wine(),
        SEVENTH: connected(lectures(every=7)),
    }
    if "--full" in arguments:
        cases[ALL] = lectures(every=1)
    clmm = available("ordinal")
    print(f"{'ordinal fit with all standard errors':38} {'ratings':>9} {'ours':>9}", end="")
    print(f" {'clmm':>9} {'ours/it':>8} {'logLik less its':>16}" if clmm else "")
    ratios = {name: compare(name, ratings, clmm) for name, ratings in cases.items()}
    compare("synth_field with halo", field(), clmm, HALO)
    alone("synth_field, 278 targets x 13 raters", field())
    whole = alone("InstEval, all", lectures(every=1))
    grow((10_000, 100_000, 1_000_000, *((10_000_000,) if "--large" in arguments else ())))
    grow_with_halo((250, 2_500, *((25_000,) if "--large" in arguments else ())))
    bars = Bars("crossed ordinal fit with all standard errors / clmm")
    bars.add("InstEval, every 7th row, connected part", ratios[SEVENTH], bar=1 / 15, missing=MISSING)
    if "--full" in arguments:
        bars.add("InstEval, all 73,421 rows", ratios[ALL], bar=1 / 65, missing=MISSING)
    bars.add(
        "InstEval, all / clmm without errors (tabled: 665 s of another machine)",
        whole / CLMM_ON_ALL,
        bar=1 / 65,
    )
    bars.show()


def compare(name: str, ratings: Ratings, clmm: bool, effects: tuple[str, ...] = PLAIN) -> float | None:
    """Print a case's figures; ours over clmm's, where that is installed."""
    used, fit = cpu(ratings, rounds=3, effects=effects)
    print(f"{name:38} {len(ratings):9,}", end="")
    if not clmm:
        print(f" {used:8.3f}s")
        return None
    theirs, log_likelihood = run_clmm(ratings, effects)
    used = statistics.median([used, cpu(ratings, rounds=3, effects=effects)[0]])
    # A fast answer to another question would be no comparison.
    if fit.log_likelihood < log_likelihood - 1e-3:
        raise SystemExit(f"{name}: clmm's log-likelihood is {log_likelihood}, ours {fit.log_likelihood}.")
    more = fit.log_likelihood - log_likelihood
    print(f" {used:8.3f}s {theirs:8.2f}s {used / theirs:8.4f} {more:16.1e}")
    return used / theirs


def alone(name: str, ratings: Ratings) -> float:
    used, _ = cpu(ratings, rounds=3)
    print(f"{name:38} {len(ratings):9,} {used:8.3f}s")
    return used


def grow(sizes: tuple[int, ...]) -> None:
    """Raters of ten ratings each, a hundred ratings a target up to a thousand targets."""
    print(f"\n{'growth, crossed':38} {'ours':>19} {'us/rating':>10} {'peak so far':>12}")
    for size in sizes:
        ratings = crossed(size)
        used, _ = cpu(ratings, rounds=1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{size:>12,} ratings, {ratings.n_targets:>5,} targets {used:22.3f}s {1e6 * used / size:10.2f} {peak:9.2f} GB"
        )


def grow_with_halo(sizes: tuple[int, ...]) -> None:
    """Four of 13 raters a target, four indicators; halo and strengths on single indicators besides."""
    print(f"\n{'growth, halo and target:indicator':38} {'ours':>19} {'us/rating':>10} {'peak so far':>12}")
    for targets in sizes:
        ratings = judged(targets)
        used, _ = cpu(ratings, rounds=1, effects=(*HALO, "target:indicator"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        size = len(ratings)
        print(
            f"{size:>12,} ratings, {targets:>6,} targets {used:21.3f}s {1e6 * used / size:10.2f} {peak:9.2f} GB"
        )


def cpu(ratings: Ratings, *, rounds: int, effects: tuple[str, ...] = PLAIN) -> tuple[float, OrdinalFit]:
    used = []
    for _ in range(rounds):
        started = time.process_time()
        fit = ordinal(ratings, effects=effects)
        used.append(time.process_time() - started)
    return statistics.median(used), fit


def run_clmm(ratings: Ratings, effects: tuple[str, ...]) -> tuple[float, float]:
    """CPU seconds of the fit, and the log-likelihood reached."""
    columns = np.column_stack([ratings.target, ratings.rater, ratings.indicator, ratings.values])
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "ratings.csv", Path(folder) / "fit.R"
        np.savetxt(
            table, columns, fmt="%d", delimiter=",", header="target,rater,indicator,value", comments=""
        )
        script.write_text(CLMM)
        command = ["Rscript", str(script), str(table), ",".join(effects)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    used, log_likelihood = answer.stdout.split()
    return float(used), float(log_likelihood)


def connected(ratings: Ratings) -> Ratings:
    """The largest group of targets that raters link: the engine refuses to compare across groups."""
    inside = np.isin(ratings.target, connectedness(ratings)[0])
    return coded(
        *(column[inside] for column in (ratings.target, ratings.rater, ratings.indicator, ratings.values))
    )


def lectures(*, every: int) -> Ratings:
    with gzip.open(DATA / "insteval.csv.gz", "rt", encoding="utf-8") as lines:
        rows = [(int(row["d"]), int(row["s"]), 0, int(row["y"])) for row in csv.DictReader(lines)][::every]
    return coded(*np.array(rows).T)


def wine() -> Ratings:
    with (DATA / "wine.csv").open(encoding="utf-8") as lines:
        rows = [
            (int(row["bottle"]), int(row["judge"]), 0, int(row["rating"])) for row in csv.DictReader(lines)
        ]
    return coded(*np.array(rows).T)


def field() -> Ratings:
    with (DATA / "synth_field.csv").open(encoding="utf-8") as lines:
        rows = [
            [int(row[name]) for name in ("target", "rater", "item", "y")] for row in csv.DictReader(lines)
        ]
    return coded(*np.array(rows).T)


def crossed(size: int) -> Ratings:
    rng = np.random.default_rng(size)
    targets, raters = min(size // 100, 1000), size // 10
    target, rater = rng.integers(0, targets, size), rng.integers(0, raters, size)
    latent = rng.normal(0, 0.8, targets)[target] + rng.normal(0, 0.5, raters)[rater] + rng.logistic(size=size)
    return coded(target, rater, np.zeros(size, dtype=np.int64), np.digitize(latent, [-2.0, -1.0, 0.2, 1.5]))


def judged(targets: int) -> Ratings:
    rng = np.random.default_rng(targets)
    seen = np.argsort(rng.random((targets, 13)), axis=1)[:, :4]
    target, place, indicator = (codes.ravel() for codes in np.indices((targets, 4, 4)))
    rater = seen[target, place]
    latent = (
        rng.normal(0, 1, targets)[target] + rng.normal(0, 0.5, 13)[rater] + rng.logistic(size=len(target))
    )
    latent += (
        rng.normal(0, 0.6, (targets, 13))[target, rater] + rng.normal(0, 0.4, (targets, 4))[target, indicator]
    )
    return coded(target, rater, indicator, np.digitize(latent, [-3.0, -1.0, 1.0, 3.0]))


def coded(target: np.ndarray, rater: np.ndarray, indicator: np.ndarray, values: np.ndarray) -> Ratings:
    levels, codes = zip(
        *(np.unique(column, return_inverse=True) for column in (target, rater, indicator)), strict=True
    )
    return Ratings(
        target=codes[0],
        rater=codes[1],
        indicator=codes[2],
        values=values.astype(float),
        n_targets=len(levels[0]),
        n_raters=len(levels[1]),
        n_indicators=len(levels[2]),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
