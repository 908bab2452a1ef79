"""What ``score`` writes: tables in one order, whatever the order of the file. See docs/score.md for every column."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dongliang import __version__
from dongliang.cli.models import NINETY, Facet, Scored
from dongliang.cli.outputs import Cell, OutputTable
from dongliang.cli.ratings import Rated, natural
from dongliang.engine.data import Integers, MeanSquares, Ranking

FIT_COLUMNS = ("infit", "infit_z", "outfit", "outfit_z")


@dataclass(frozen=True)
class Result:
    """A fit with what it was made of, and the orders in which people are listed."""

    file: Path
    rated: Rated
    scored: Scored
    ranking: Ranking | None
    seed: int

    @property
    def best_first(self) -> list[int]:
        """Targets by rank, those of equal measures by label."""
        ranks, names = self.ranks, self.rated.targets
        return sorted(range(len(names)), key=lambda code: (ranks[code], natural(names[code])))

    @property
    def ranks(self) -> Integers:
        # Equal to six decimals is equal: such targets share the better rank.
        rounded = -np.round(self.scored.targets.values, 6)
        return np.asarray(1 + np.searchsorted(np.sort(rounded), rounded))

    @property
    def harshest_first(self) -> list[int]:
        if not self.scored.raters:
            return []
        values, names = np.round(self.scored.raters.values, 6), self.rated.raters
        return sorted(range(len(names)), key=lambda code: (-values[code], natural(names[code])))


def tables(result: Result) -> list[OutputTable]:
    return [
        measures(result),
        severities(result),
        indicators(result),
        thresholds(result),
        variances(result),
        fit_record(result),
    ]


def measures(result: Result) -> OutputTable:
    scored, rated, ranking = result.scored, result.rated, result.ranking
    targets, ranks = scored.targets, result.ranks
    low, high = interval(targets)

    def row(code: int) -> list[Cell]:
        return [
            rated.targets[code],
            int(targets.n[code]),
            targets.values[code],
            targets.values[code] - scored.zero,
            targets.standard_errors[code],
            int(ranks[code]),
            low[code],
            high[code],
            *([rated.subdistricts[rated.subdistrict[code]]] if rated.subdistrict is not None else []),
            *([scored.fair_marks[code]] if scored.fair_marks is not None else []),
            *(
                [
                    ranking.probability[code],
                    int(ranking.rank_low[code]),
                    int(ranking.rank_high[code]),
                ]
                if ranking
                else []
            ),
            *fit_cells(targets.fit, code),
        ]

    return OutputTable(
        "measures",
        [
            *("target", "n", "measure", "effect", "standard_error", "rank", "low", "high"),
            *(["subdistrict"] if rated.subdistrict is not None else []),
            *(["fair_mark"] if scored.fair_marks is not None else []),
            *(["chance", "rank_low", "rank_high"] if ranking else []),
            *(FIT_COLUMNS if targets.fit else ()),
        ],
        [row(code) for code in result.best_first],
    )


def severities(result: Result) -> OutputTable:
    raters = result.scored.raters
    header = ["rater", "n", "severity", "standard_error"]
    if not raters:
        return OutputTable("severities", [*header, "low", "high"], [])
    low, high = interval(raters)
    return OutputTable(
        "severities",
        [*header, "low", "high", *(FIT_COLUMNS if raters.fit else ())],
        [
            [
                result.rated.raters[code],
                int(raters.n[code]),
                raters.values[code],
                raters.standard_errors[code],
                low[code],
                high[code],
                *fit_cells(raters.fit, code),
            ]
            for code in result.harshest_first
        ],
    )


def indicators(result: Result) -> OutputTable:
    facet = result.scored.indicators
    return OutputTable(
        "indicators",
        ["indicator", "n", "effect", "standard_error", *(FIT_COLUMNS if facet.fit else ())],
        [
            [
                name,
                int(facet.n[code]),
                facet.values[code],
                facet.standard_errors[code],
                *fit_cells(facet.fit, code),
            ]
            for code, name in enumerate(result.rated.indicators)
        ],
    )


def thresholds(result: Result) -> OutputTable:
    names = result.rated.indicators
    return OutputTable(
        "thresholds",
        ["indicator", "from", "to", "threshold", "standard_error", "location"],
        [
            [
                names[step.indicator] if step.indicator >= 0 else "",
                number_cell(step.low),
                number_cell(step.high),
                step.value,
                step.standard_error,
                step.location,
            ]
            for step in result.scored.steps
        ],
    )


def variances(result: Result) -> OutputTable:
    found, errors = result.scored.variances, result.scored.sd_errors
    total = sum(found.values())
    return OutputTable(
        "variances",
        ["effect", "variance", "standard_deviation", "standard_error", "share"],
        [
            [
                name,
                variance,
                math.sqrt(variance),
                errors.get(name, math.nan),
                variance / total if total > 0 and len(found) > 1 else math.nan,
            ]
            for name, variance in found.items()
        ],
        decimals=7,
    )


def fit_record(result: Result) -> OutputTable:
    """How it was reached, a line each."""
    scored, rated, record = result.scored, result.rated, result.scored.record
    lines: list[list[Cell]] = [
        ["file", result.file.name],
        ["version", __version__],
        ["model", scored.model],
        ["effects", " ".join(scored.effects)],
        ["unit", scored.unit],
        ["ratings", len(rated.ratings)],
        ["targets", rated.ratings.n_targets],
        ["raters", rated.ratings.n_raters],
        ["indicators", rated.ratings.n_indicators],
        ["marks_not_given", rated.blank],
        ["repeated_ratings", rated.repeated],
        ["mean", scored.zero if scored.unit == "mark" else math.nan],
        ["mean_standard_error", scored.mean_standard_error],
        *(
            [f"{measure}_{facet}", getattr(found, measure)]
            for facet, found in scored.separations.items()
            for measure in ("reliability", "separation", "strata")
        ),
        ["method", record.method],
        ["log_likelihood", scored.log_likelihood],
        ["criterion", record.objective],
        ["iterations", record.iterations],
        ["evaluations", record.evaluations],
        ["tolerance", f"{record.tolerance:.3g}"],
        ["decrement", f"{record.decrement:.3g}"],
        ["converged", "yes" if record.decrement <= record.tolerance else "no"],
        ["stopped", record.stopped],
    ]
    lines += [["remark", remark] for remark in record.remarks]
    lines += [["target_without_marks", name] for name in rated.unmarked]
    if result.ranking:
        lines += [
            ["places", result.ranking.k],
            ["draws", result.ranking.draws],
            ["seed", result.seed],
            ["cut_score", result.ranking.cut_score],
        ]
    return OutputTable("fit", ["what", "value"], lines)


def interval(facet: Facet) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the 90 % interval."""
    reach = NINETY * facet.standard_errors
    return facet.values - reach, facet.values + reach


def fit_cells(fit: MeanSquares | None, code: int) -> list[Cell]:
    return [getattr(fit, name)[code] for name in FIT_COLUMNS] if fit else []


def number_cell(value: float) -> Cell:
    return int(value) if float(value).is_integer() else value
