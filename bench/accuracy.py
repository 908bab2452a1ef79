"""How closely the fits agree with what other programs answer on published tables: one line a reference fit.

Prints the tables of docs/methods/accuracy.md. A criterion below the peer's, or a log-likelihood above it, is a better optimum.
Reference fits by other estimators than ours are listed at the end, with what can be said of them.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from bars import Bars
from scipy.stats import spearmanr

from dongliang.engine.crossed import gaussian, ordinal
from dongliang.engine.data import FacetsFit, Fit, OrdinalFit, Ratings
from dongliang.engine.facets import rating_scale
from tests.reference import tables

# What counts as agreement: log-likelihoods, variances and thresholds (relative), effects.
LOG_LIKELIHOOD, RELATIVE, EFFECTS = 1e-4, 1e-4, 1e-3
FACETS = ("sirt_ratings1", "sirt_ratings2", "synth_field")
HEAD = "| table | fit | ratings | log-likelihood of the peer | ours less it | variances, thresholds | effects | their errors |"


@dataclass(frozen=True)
class Line:
    """A reference fit: what was found there, and how far ours is from it."""

    table: str
    fit: str
    ratings: int
    theirs: float
    more: float
    relative: float
    effects: float
    errors: float

    def show(self) -> None:
        shares = (told(share) for share in (self.relative, self.effects, self.errors))
        print(
            f"| {self.table} | {self.fit} | {self.ratings:,} | {self.theirs:.6f} | {self.more:+.0e} | {' | '.join(shares)} |"
        )


def main() -> None:
    lines: list[Line] = []
    for title, fits in (
        ("crossed.gaussian beside lme4::lmer 1.1-31", lmer()),
        ("crossed.ordinal beside ordinal::clmm 2022.11-16 and lme4::glmer", clmm()),
        ("facets.rating_scale beside TAM 4.3-25 and sirt::rm.facets 4.1-15 on fine grids", facets()),
    ):
        print(f"\n{title}\n\n{HEAD}\n|{' --- |' * HEAD.count(' | ')} --- |")
        for line in fits:
            line.show()
            lines.append(line)
    other_estimators()
    errors_of_severities()
    worst = max(-line.more for line in lines)
    beside = [line for line in lines if line.relative > RELATIVE]
    bars = Bars(f"agreement with {len(lines)} reference fits")
    bars.add("log-likelihood below the peer's, at worst", max(0.0, worst), bar=LOG_LIKELIHOOD, unit="")
    bars.add(
        "variances and thresholds, relative, where the peer's optimum is no lower",
        max(line.relative for line in lines if line not in beside or line.more <= 0),
        bar=RELATIVE,
        unit="",
    )
    bars.add("effects, at worst", max(line.effects for line in lines), bar=EFFECTS, unit="")
    bars.show()


def lmer() -> Iterator[Line]:
    for name in tables.NAMES:
        if name == "insteval":
            continue
        expected = tables.lmer(name)["lmer"]
        ratings, targets, raters, _ = tables.ratings(name)
        yield gaussian_line(
            name, "targets, raters", ratings, expected, expected["REMLcrit"], (targets, raters), {}
        )
    ratings, lecturers, students, _ = tables.ratings("insteval")
    names = {"d": "target", "s": "rater"}
    for criterion in ("reml", "ml"):
        expected = tables.lmer("insteval")[criterion]
        yield gaussian_line(
            "insteval",
            f"lecturers, students ({criterion.upper()})",
            ratings,
            expected,
            expected["criterion"],
            (lecturers, students),
            names,
            reml=criterion == "reml",
        )
    yield from departments(names)
    for name in sorted(path.name.removesuffix("_gstudy.json") for path in tables.DATA.glob("*_gstudy.json")):
        expected = tables.answers(name, "gstudy")["gstudy"]
        variance = {key.replace("item", "indicator"): share for key, share in expected["variance"].items()}
        ratings, targets, raters, _ = tables.ratings(name)
        yield gaussian_line(
            name,
            f"{len(variance) - 1} effects",
            ratings,
            {**expected, "variance": variance},
            expected["REMLcrit"],
            (targets, raters),
            {},
            effects=tuple(set(variance) - {"Residual"}),
        )
    yield televisions()


def departments(names: Mapping[str, str]) -> Iterator[Line]:
    rows = tables.rows("insteval.csv.gz")
    ratings, lecturers, students, _ = tables.coded(
        [(row["d"], row["s"], row["service"], row["y"]) for row in rows]
    )
    home = {row["d"]: int(row["dept"]) for row in rows}
    of_lecturers = np.array([home[lecturer] for lecturer in lecturers])
    for key, (theirs, ours) in {
        "ml_service_dept": ("dept", "subdistrict"),
        "reml_service_deptservice": ("dept:service", "subdistrict:indicator"),
    }.items():
        expected = tables.lmer("insteval")[key]
        yield gaussian_line(
            "insteval",
            f"and {theirs} ({'REML' if key.startswith('reml') else 'ML'})",
            ratings,
            expected,
            expected["criterion"],
            (lecturers, students),
            {**names, theirs: ours},
            effects=("target", "rater", ours),
            subdistrict=of_lecturers,
            reml=key.startswith("reml"),
        )


def televisions() -> Line:
    """The worst of fifteen attributes, in every column."""
    worst: list[Line] = []
    rows = tables.rows("tvbo.csv")
    for attribute, expected in tables.answers("tvbo", "lmer")["fits"].items():
        ratings, televisions, _, _ = tables.coded(
            [(f"{row['TVset']}:{row['Picture']}", row["Assessor"], "", row[attribute]) for row in rows]
        )
        modes = {
            "target": {
                "level": list(expected["target"]),
                "mode": list(expected["target"].values()),
            }
        }
        worst.append(
            gaussian_line(
                "tvbo",
                "",
                ratings,
                {**expected, "ranef": modes},
                expected["REMLcrit"],
                (televisions, []),
                {},
                effects=("target", "rater", "target:rater"),
            )
        )
    return Line(
        "tvbo",
        f"halo; worst of {len(worst)} attributes",
        worst[0].ratings,
        sum(line.theirs for line in worst),
        min(line.more for line in worst),
        float(np.nanmax([line.relative for line in worst])),
        float(np.nanmax([line.effects for line in worst])),
        float("nan"),
    )


def gaussian_line(
    table: str,
    title: str,
    ratings: Ratings,
    expected: Mapping[str, Any],
    criterion: float,
    labels: tuple[Any, Any],
    names: Mapping[str, str],
    **options: Any,
) -> Line:
    fit = gaussian(ratings, **options)
    estimated = {**fit.variances, "Residual": fit.variances["residual"]}
    pairs = [(estimated[names.get(name, name)], share) for name, share in expected["variance"].items()]
    modes, errors = of_modes(fit, expected.get("ranef", {}), labels, names)
    return Line(
        table,
        title,
        len(ratings),
        -criterion / 2,
        (criterion - fit.record.objective) / 2,
        relative(pairs, least=1e-5),
        modes,
        errors,
    )


def clmm() -> Iterator[Line]:
    for name in tables.NAMES:
        if not (tables.DATA / f"{name}_clmm.json").exists():
            continue
        ratings, targets, raters, _ = tables.ratings(name)
        yield ordinal_line(
            name, "targets, raters", ratings, tables.answers(name, "clmm")["clmm"], (targets, raters), {}
        )
    names = {"d": "target", "s": "rater"}
    for every in (36, 7, 1):
        expected = tables.answers("insteval", f"clmm_by{every}")["clmm"]
        ratings, lecturers, students, _ = tables.coded(tables.long_rows("insteval")[::every])
        title = "all rows" if every == 1 else f"every {every}th row"
        yield ordinal_line("insteval", title, ratings, expected, (lecturers, students), names)
    rows = [row for row in tables.long_rows("lq2002") if row[2] == "LEAD03"]
    ratings, companies, soldiers, _ = tables.coded(rows)
    expected = tables.answers("lq2002_LEAD03", "clmm")["single_item"]
    yield ordinal_line("lq2002", "LEAD03 alone", ratings, expected, (companies, soldiers), {"g": "target"})
    yield from wine()
    rows = [
        (row["item"], row["id"], "", {"N": 0, "Y": 1}[row["r2"]]) for row in tables.rows("verbagg.csv.gz")
    ]
    ratings, items, _, _ = tables.coded(rows)
    null = tables.answers("verbagg", "glmer")["null"]
    expected = {
        "logLik": null["logLik"],
        "thresholds": {"N|Y": -null["fixef"]["(Intercept)"]},
        "sd": {"target": null["sd"]["item"], "rater": null["sd"]["id"]},
        "ranef": {"target": null["item"]},
    }
    yield ordinal_line("verbagg", "two categories (glmer)", ratings, expected, (items, []), {})


def wine() -> Iterator[Line]:
    answers = tables.answers("wine", "clmm")
    ratings, bottles, judges, _ = tables.wine(
        lambda row: row["bottle"], lambda row: row["judge"], lambda row: ""
    )
    names = {"bottle": "target", "judge": "rater"}
    yield ordinal_line(
        "wine", "bottles, judges", ratings, answers["crossed_laplace"], (bottles, judges), names
    )
    ratings, judges, _, _ = tables.wine(
        lambda row: row["judge"], lambda row: "", lambda row: f"{row['temp']} {row['contact']}"
    )
    features = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    yield ordinal_line(
        "wine",
        "judges; two features",
        ratings,
        answers["laplace"],
        (judges, []),
        {"judge": "target"},
        features=features,
    )


def ordinal_line(
    table: str,
    title: str,
    ratings: Ratings,
    expected: Mapping[str, Any],
    labels: tuple[Any, Any],
    names: Mapping[str, str],
    **options: Any,
) -> Line:
    # Parts of InstEval fall into groups, which clmm does not mind; the engine would refuse to compare them.
    crossed = "dongliang.engine.crossed"
    with patch(f"{crossed}.effects.refuse_unconnected"), patch(f"{crossed}.cumulative.refuse_unconnected"):
        fit = ordinal(ratings, **options)
    theirs = [value for name, value in expected["thresholds"].items() if "|" in name]
    pairs = [(fit.standard_deviations[names.get(name, name)], sd) for name, sd in expected["sd"].items()]
    # Thresholds near 0 are measured from it in logits: no relative error can be asked of them.
    near = np.abs(fit.thresholds[0] - theirs) / np.maximum(np.abs(theirs), 1)
    modes, errors = of_modes(fit, expected.get("ranef", {}), labels, names)
    return Line(
        table,
        title,
        len(ratings),
        expected["logLik"],
        fit.log_likelihood - expected["logLik"],
        max(relative(pairs, least=1e-5), float(near.max())),
        modes,
        errors,
    )


def facets() -> Iterator[Line]:
    for name in FACETS:
        ratings, targets, _, _ = tables.ratings(name)
        place = {str(target): index for index, target in enumerate(targets)}
        for steps in ("per_indicator", "common"):
            fit = rating_scale(ratings, steps=steps)
            expected = tables.answers(name, "tam")[steps]
            persons = expected["person"]
            rows = [place[str(pid)] for pid in persons["pid"]]
            yield facets_line(
                name,
                f"TAM, steps {steps}",
                fit,
                expected["deviance"],
                [(fit.target_sd**2, expected["variance"])],
                (fit.measures[rows] - persons["EAP"], fit.standard_errors[rows] - persons["SD"]),
            )
            if steps == "common":
                continue
            expected = tables.answers(name, "rm")["fine"]
            persons = expected["person"]
            rows = [place[str(pid)] for pid in persons["pid"]]
            yield facets_line(
                name,
                "rm.facets",
                fit,
                expected["deviance"],
                [(fit.target_sd, expected["sigma"])],
                (fit.measures[rows] - persons["EAP"], fit.standard_errors[rows] - persons["SE"]),
            )


def facets_line(
    table: str,
    title: str,
    fit: FacetsFit,
    deviance: float,
    pairs: list[tuple[float, float]],
    differences: tuple[np.ndarray, np.ndarray],
) -> Line:
    return Line(
        table,
        title,
        int(fit.n_ratings.sum()),
        -deviance / 2,
        (deviance - fit.record.objective) / 2,
        relative(pairs, least=0),
        *(float(np.abs(difference).max()) for difference in differences),
    )


def other_estimators() -> None:
    """Reference fits that answer another question than any of ours."""
    print("\nreference fits by other estimators, and what ours say of the same table\n")
    print("| table | peer | its estimator | of ours |\n| --- | --- | --- | --- |")
    for name in FACETS:
        expected = tables.answers(name, "raschpy")
        ratings, targets, raters, _ = tables.ratings(name)
        fit = rating_scale(ratings)
        persons = spearmanr(fit.measures, [expected["persons"][f"p{target}"] for target in targets]).statistic
        severities = np.corrcoef(fit.severities, [expected["raters"][rater] for rater in raters])[0, 1]
        told_of = f"severities correlate {severities:.4f}, ranks of targets {persons:.4f}"
        print(f"| {name} | RaschPy | pairwise conditional, maximum likelihood of persons | {told_of} |")
    answers = tables.answers("wine", "clmm")
    for key, what in (
        ("agq10", "adaptive quadrature with 10 nodes"),
        ("crossed_probit", "probit link"),
        ("clm_no_random", "no random effects"),
    ):
        print(f"| wine | clmm | {what} (log-likelihood {answers[key]['logLik']:.4f}) | not fitted |")
    covariates = tables.answers("verbagg", "glmer")["covariates"]["logLik"]
    print(f"| verbagg | glmer | covariates of persons (log-likelihood {covariates:.4f}) | not fitted |")


def errors_of_severities() -> None:
    """What the peers' own grids make of standard errors, beside the fits on fine grids and ours."""
    print("\nstandard errors on the grids that peers take by themselves, over ours\n")
    print("| table | peer | errors of severities | errors of measures | measures off by, in errors |")
    print("| --- | --- | --- | --- | --- |")
    for name in FACETS:
        ratings, targets, _, _ = tables.ratings(name)
        fit = rating_scale(ratings, steps="per_indicator")
        place = {str(target): index for index, target in enumerate(targets)}
        tam, rm = tables.answers(name, "tam")["per_indicator_default"], tables.answers(name, "rm")["default"]
        for peer, answer, error in (("TAM", tam, "SD"), ("rm.facets", rm, "SE")):
            rows = [place[str(pid)] for pid in answer["person"]["pid"]]
            off = np.abs(fit.measures[rows] - answer["person"]["EAP"]) / fit.standard_errors[rows]
            spread = np.array(answer["person"][error]) / fit.standard_errors[rows]
            severity = np.array(answer["rater"]["se"]) / fit.severity_standard_errors
            print(
                f"| {name} | {peer} | {severity.min():.2f} to {severity.max():.2f} | {spread.min():.2f} to {spread.max():.2f} "
                f"| {off.max():.2f} |"
            )


def of_modes(
    fit: Fit | OrdinalFit, expected: Mapping[str, Any], labels: tuple[Any, Any], names: Mapping[str, str]
) -> tuple[float, float]:
    """Largest differences of modes and of their standard deviations, over the levels that the peer lists."""
    effects = fit.effects if isinstance(fit, Fit) else fit.measures
    ours = {
        "target": (effects, fit.standard_errors, labels[0]),
        "rater": (-fit.severities, fit.severity_standard_errors, labels[1]),
    }
    modes, errors = [np.nan], [np.nan]
    for name, answer in expected.items():
        if names.get(name, name) not in ours:
            continue
        found, spread, levels = ours[names.get(name, name)]
        place = {str(level): index for index, level in enumerate(levels)}
        rows = [place[str(level)] for level in answer["level"]]
        modes.append(np.abs(found[rows] - answer["mode"]).max())
        if "condSD" in answer:
            errors.append(np.abs(spread[rows] - answer["condSD"]).max())
    return at_most(modes), at_most(errors)


def at_most(column: list[float]) -> float:
    return float(np.nanmax(column)) if len(column) > 1 else float("nan")


def relative(pairs: list[tuple[float, float]], *, least: float) -> float:
    """The largest relative difference; what is below ``least`` in both counts as zero in both."""
    return max(
        (abs(ours - theirs) / theirs for ours, theirs in pairs if max(ours, theirs) > least), default=0.0
    )


def told(figure: float) -> str:
    return "–" if np.isnan(figure) else f"{figure:.0e}"


if __name__ == "__main__":
    main()
