"""Simulation study: what the model's measures, chances and lists are worth where the truth is known.

``python bench/study.py [SEASONS [NEIGHBOURHOODS]]``: seasons a scenario (60 when left out) and their size (90; 278 is a
district). docs/methods/study.md explains the figures and holds those of a larger run.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from dongliang.engine import classic, composite, crossed, integrity, ranking
from dongliang.engine.data import Ballots, Composite, Fit, Floats, Ratings
from dongliang.engine.planning import plan_assessments
from dongliang.engine.simulation import SimulatedSeason, simulate_ballots, simulate_season

WEIGHTS = {"field": 0.4, "public": 0.3, "institution": 0.3}
# As in a district: 53 of 278 are listed, 13 assessors, four a target, 108 ballots a neighbourhood, ten subdistricts.
LISTED, BALLOTS, ASSESSORS, SUBDISTRICTS, DEPARTMENTS, EACH = 53 / 278, 108, 13, 10, 4, 4
HALF_WIDTH = 1.6448536
METHODS: dict[str, Callable[[Ratings], Fit]] = {
    "model": crossed.gaussian,
    "mean": classic.mean,
    "trimmed": classic.trimmed_mean,
}


@dataclass(frozen=True)
class Scenario:
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    panels: bool = False
    stuffed: float = 0.0
    ballots: int = BALLOTS


SCENARIOS = (
    Scenario("as usual"),
    Scenario("assessors equally harsh", {"severity_spread": 0.0}),
    Scenario("severity three times as spread", {"severity_spread": 0.9}),
    Scenario("the same, fixed panels by subdistrict", {"severity_spread": 0.9}, panels=True),
    Scenario("offices lenient to their own by 0 to 3", {"office_leniency": (0.0, 3.0)}),
    Scenario("thin: 30 % below ten ballots", {"thin_share": 0.3, "turnout_log_sd": 1.2}, ballots=40),
    Scenario("6 % of neighbourhoods stuffed", stuffed=0.06),
)


@dataclass
class Results:
    """What one scenario's seasons add up to."""

    covered: dict[str, list[float]] = field(default_factory=dict)
    hits: dict[str, list[float]] = field(default_factory=dict)
    merit: dict[str, list[float]] = field(default_factory=dict)
    chance: list[np.ndarray] = field(default_factory=list)
    happened: list[np.ndarray] = field(default_factory=list)


def main(seasons: int, targets: int) -> None:
    listed = round(LISTED * targets)
    print(
        f"{seasons} seasons a scenario, {targets} neighbourhoods, {listed} listed, {len(SCENARIOS)} scenarios\n"
    )
    everything = []
    for scenario in SCENARIOS:
        results = Results()
        for number in range(seasons):
            add(results, scenario, targets, listed, np.random.default_rng([targets, number]))
        everything.append((scenario, results))
    coverage(everything)
    lists(everything, listed)
    calibration(everything)


def add(results: Results, scenario: Scenario, targets: int, listed: int, rng: np.random.Generator) -> None:
    season, plan = drawn(scenario, targets, rng)
    ballots = simulate_ballots(
        rng, season, stuffed={"burst": round(scenario.stuffed * targets)} if scenario.stuffed else None
    ).ballots
    given = answers(season, plan, ballots)
    truth = season.truth
    expected = {source: truth.expected[source] for source in WEIGHTS}
    exact = sum(
        (weight * standard(expected[source]) for source, weight in WEIGHTS.items()), start=np.zeros(targets)
    )
    best, merited = top(exact, listed), top(truth.merit, listed)

    def score(name: str, measured: Mapping[str, Ratings]) -> Composite:
        method = METHODS[name.split()[0]]
        fits = {source: filled(method(ratings)) for source, ratings in measured.items()}
        scores = composite.combine(fits, WEIGHTS, scale="standardised")
        if name == "model":
            for source, fit in fits.items():
                off = np.abs(fit.measures - expected[source] - (fit.measures - expected[source]).mean())
                note(results.covered, source, float((off <= HALF_WIDTH * fit.standard_errors).mean()))
            # The estimated standard deviations are taken as known, as the composite takes them.
            true = sum(
                WEIGHTS[source]
                * (expected[source] - expected[source].mean())
                / np.sqrt(fit.variances["target"])
                for source, fit in fits.items()
            )
            off = np.abs(scores.scores - true - (scores.scores - true).mean())
            note(results.covered, "score", float((off <= HALF_WIDTH * scores.standard_errors).mean()))
            off = np.abs(scores.expected - true - (scores.expected - true).mean())
            note(results.covered, "expected", float((off <= HALF_WIDTH * scores.expected_errors).mean()))
            note(results.hits, "expected", float((top(scores.expected, listed) & best).sum()))
            ranked = ranking.rank(
                scores, k=listed, rng=rng, draws=2000, tie_break=np.arange(targets, dtype=float)
            )
            results.chance.append(ranked.probability)
            results.happened.append(best)
        return scores

    measured = dict.fromkeys(METHODS, given)
    if scenario.stuffed:
        measured["model cleaned"] = given | {"public": public(without_flagged(ballots))}
    for name, ratings in measured.items():
        selected = top(score(name, ratings).scores, listed)
        note(results.hits, name, float((selected & best).sum()))
        note(results.merit, name, float((selected & merited).sum()))


def drawn(scenario: Scenario, targets: int, rng: np.random.Generator) -> tuple[SimulatedSeason, np.ndarray]:
    home = np.arange(targets) % SUBDISTRICTS
    if scenario.panels:
        # One panel a subdistrict; it shares assessors with the next ones only.
        plan = (home[:, None] + np.arange(EACH)) % ASSESSORS
    else:
        avoid = np.zeros((targets, ASSESSORS), dtype=bool)
        plan = plan_assessments(targets, ASSESSORS, per_target=EACH, avoid=avoid, rng=rng)
    season = simulate_season(
        rng,
        subdistrict=home,
        plan=plan,
        n_assessors=ASSESSORS,
        departments=DEPARTMENTS,
        ballots=scenario.ballots * targets,
        approvals=1,
        **scenario.options,
    )
    return season, plan


def answers(season: SimulatedSeason, plan: np.ndarray, ballots: Ballots) -> dict[str, Ratings]:
    """The three sources as a scoring run sees them: a sheet is one rating, a ballot is a rater."""
    targets = len(plan)
    offices = np.arange(targets) % SUBDISTRICTS
    return {
        "field": sheets(
            np.repeat(np.arange(targets), EACH),
            plan.ravel(),
            season.field_marks.mean(axis=2).ravel(),
            targets,
        ),
        "institution": sheets(
            np.tile(np.arange(targets), DEPARTMENTS + 1),
            np.concatenate([offices, np.repeat(SUBDISTRICTS + np.arange(DEPARTMENTS), targets)]),
            np.concatenate([season.office_marks.mean(axis=1), season.department_marks.mean(axis=2).ravel()]),
            targets,
        ),
        "public": public(ballots),
    }


def sheets(target: np.ndarray, rater: np.ndarray, marks: np.ndarray, targets: int) -> Ratings:
    return Ratings(
        target=target,
        rater=rater,
        indicator=np.zeros(len(marks), dtype=np.int64),
        values=marks,
        n_targets=targets,
        n_raters=int(rater.max()) + 1,
        n_indicators=1,
    )


def public(ballots: Ballots) -> Ratings:
    ballot, indicator = np.nonzero(ballots.marks)
    return Ratings(
        target=ballots.target[ballot],
        rater=ballot,
        indicator=indicator,
        values=ballots.marks[ballot, indicator].astype(float),
        n_targets=ballots.n_targets,
        n_raters=len(ballots),
        n_indicators=ballots.marks.shape[1],
    )


def without_flagged(ballots: Ballots) -> Ballots:
    flagged = np.zeros(len(ballots), dtype=bool)
    for flag in integrity.examine(ballots):
        flagged[flag.ballots] = True
    columns = {
        name: getattr(ballots, name)[~flagged] for name in ("target", "marks", "minute", "origin", "serial")
    }
    return replace(ballots, **columns)


def filled(fit: Fit) -> Fit:
    """A plain mean knows nothing of a neighbourhood without a ballot: it stands in the middle then."""
    return replace(fit, measures=np.where(np.isnan(fit.measures), fit.mean, fit.measures))


def standard(values: Floats) -> Floats:
    standardised: Floats = (values - values.mean()) / values.std()
    return standardised


def top(scores: np.ndarray, listed: int) -> np.ndarray:
    selected = np.zeros(len(scores), dtype=bool)
    selected[np.argsort(-scores)[:listed]] = True
    return selected


def note(figures: dict[str, list[float]], name: str, figure: float) -> None:
    figures.setdefault(name, []).append(figure)


def coverage(everything: list[tuple[Scenario, Results]]) -> None:
    """How often a 90 % interval holds what raters without limit to their number would have said."""
    parts = (*WEIGHTS, "score", "expected")
    print(f"{'coverage of 90 % intervals':42}" + "".join(f"{part:>13}" for part in parts))
    for scenario, results in everything:
        print(f"{scenario.name:42}" + "".join(f"{np.mean(results.covered[part]):13.1%}" for part in parts))


def lists(everything: list[tuple[Scenario, Results]], listed: int) -> None:
    """Of the true best, how many are listed; and the gain of the model's scores with its standard error over seasons.

    ``expected`` would list by what all sources together lead one to expect, instead of by the weighted sum.
    """
    names = (*METHODS, "expected")
    print(
        f"\n{f'of the true best {listed}, listed by':42}" + "".join(f"{name:>10}" for name in names), end=""
    )
    heads = f"{'gain over mean':>18}{'over trimmed':>18}{'over expected':>18}"
    print(f"{heads}{'cleaned':>10}   by merit: model, mean, trimmed")
    for scenario, results in everything:
        print(
            f"{scenario.name:42}" + "".join(f"{np.mean(results.hits[name]):10.2f}" for name in names),
            end="",
        )
        for other in ("mean", "trimmed", "expected"):
            gain = np.array(results.hits["model"]) - np.array(results.hits[other])
            error = gain.std(ddof=1) / np.sqrt(len(gain))
            print(f"{gain.mean():+11.2f} ± {error:4.2f}", end="")
        cleaned = results.hits.get("model cleaned")
        print(f"{np.mean(cleaned):10.2f}" if cleaned else " " * 10, end="   ")
        print(", ".join(f"{np.mean(results.merit[name]):.2f}" for name in METHODS))


def calibration(everything: list[tuple[Scenario, Results]]) -> None:
    """Of those whose chance of a place was said to be so, how many are of the true best."""
    edges = np.array([0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0 + 1e-9])
    heads = [f"{low:.0%}-{min(high, 1):.0%}" for low, high in pairwise(edges)]
    print(f"\n{'chance of a place: said → happened':42}" + "".join(f"{head:>12}" for head in heads))
    for scenario, results in everything:
        chance, happened = np.concatenate(results.chance), np.concatenate(results.happened)
        place = np.digitize(chance, edges) - 1
        print(f"{scenario.name:42}", end="")
        for bin_ in range(len(heads)):
            inside = place == bin_
            print(
                f"{f'{chance[inside].mean():.0%}→{happened[inside].mean():.0%}':>12}"
                if inside.any()
                else f"{'':12}",
                end="",
            )
        print()


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    main(*given, *(60, 90)[len(given) :])
