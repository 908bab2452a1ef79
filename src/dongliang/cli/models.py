"""The models that ``score`` can fit, and one shape for what they answer."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import click
import numpy as np

from dongliang.cli.ratings import Rated
from dongliang.engine import classic, crossed, facets, nested
from dongliang.engine.agreement import reliability
from dongliang.engine.crossed.effects import NAMES
from dongliang.engine.data import (
    HIGHEST_MARK,
    Composite,
    FacetsFit,
    Fit,
    Floats,
    Integers,
    MeanSquares,
    OrdinalFit,
    Ranking,
    Record,
    Separation,
    Tally,
)
from dongliang.engine.errors import EngineError, Unconnected
from dongliang.engine.ranking import rank

MODELS = {
    "gaussian": "marks as numbers, targets and raters as random effects (REML)",
    "ordinal": "marks as ordered categories, targets and raters as random effects (cumulative logits)",
    "facets": "many-facet Rasch model: targets, raters, indicators and steps in logits, with infit and outfit",
    "ballots-gaussian": "as gaussian, for raters who each rate one target, however many",
    "ballots-ordinal": "as ordinal, for raters who each rate one target, however many",
    "mean": "the mean of raters' means",
    "trimmed-mean": "the mean without the highest and the lowest rater",
}
FUNCTIONS = {
    "crossed.gaussian": "gaussian",
    "crossed.ordinal": "ordinal",
    "facets.rating_scale": "facets",
    "nested.gaussian": "ballots-gaussian",
    "nested.ordinal": "ballots-ordinal",
}
EFFECTS = NAMES
PLAIN = ("target", "rater")
# Those whose function takes ``effects`` and ``subdistrict``.
TAKES_EFFECTS = frozenset({"gaussian", "ordinal"})

# Of a standard normal distribution: what holds 90 %.
NINETY = 1.6448536269514722


@dataclass(frozen=True)
class Facet:
    """What a model says about each of the targets, raters or indicators."""

    n: Integers
    values: Floats
    standard_errors: Floats
    fit: MeanSquares | None = None


@dataclass(frozen=True)
class Step:
    """A threshold between two marks, on one indicator or (-1) on all; ``location`` is on the targets' scale."""

    indicator: int
    low: float
    high: float
    value: float
    standard_error: float
    location: float


@dataclass(frozen=True)
class Scored:
    """What any of the models answers: ``measures``, severities and effects of indicators, in ``unit``.

    Severities are higher for harsher raters; None when the model has none, or when the raters have no names. Effects of
    indicators are higher for easier ones. ``zero`` is where an average rater and an average indicator stand on the scale
    of the measures.
    """

    model: str
    effects: tuple[str, ...]
    unit: str
    targets: Facet
    raters: Facet | None
    indicators: Facet
    steps: tuple[Step, ...]
    fair_marks: Floats | None
    covariance: Floats | None
    zero: float
    mean_standard_error: float
    variances: Mapping[str, float]
    sd_errors: Mapping[str, float]
    separations: Mapping[str, Separation]
    log_likelihood: float
    record: Record


def fit_model(
    rated: Rated,
    model: str,
    effects: tuple[str, ...] = PLAIN,
    *,
    steps: str = "common",
    minimum_raters: int = 5,
) -> Scored:
    """Fit a model. Raises ClickException in place of whatever the engine refuses."""
    if effects != PLAIN and model not in TAKES_EFFECTS:
        raise click.UsageError(
            f"--effects goes with --model {' or '.join(sorted(TAKES_EFFECTS))}; {model} has its own. Leave it out."
        )
    fitters: dict[str, Callable[[], Scored]] = {
        "gaussian": lambda: of_fit(rated, crossed.gaussian(rated.ratings, **extra(rated, effects))),
        "ordinal": lambda: of_ordinal(
            rated,
            crossed.ordinal(rated.ratings, thresholds=own_or_common(steps), **extra(rated, effects)),
        ),
        "facets": lambda: of_facets(
            rated,
            facets.rating_scale(rated.ratings, steps="per_indicator" if steps == "own" else "common"),
        ),
        "ballots-gaussian": lambda: by_ballot(rated, nested.gaussian, of_fit),
        "ballots-ordinal": lambda: by_ballot(rated, nested.ordinal, of_ordinal),
        "mean": lambda: of_fit(rated, classic.mean(rated.ratings)),
        "trimmed-mean": lambda: of_fit(
            rated, classic.trimmed_mean(rated.ratings, minimum_raters=minimum_raters)
        ),
    }
    if steps == "own" and model not in ("ordinal", "facets"):
        raise click.UsageError("--steps own goes with --model ordinal or facets. Leave it out.")
    try:
        scored = fitters[model]()
    except Unconnected as refusal:
        groups = (", ".join(rated.targets[code] for code in group[:5]) for group in refusal.groups[:5])
        raise click.ClickException(
            f"{in_options(str(refusal))} The largest groups begin with: {'; '.join(groups)}."
        ) from None
    except EngineError as refusal:
        raise click.ClickException(in_options(str(refusal))) from None
    return replace(
        scored,
        model=model,
        effects=effects if model in TAKES_EFFECTS else (),
        raters=scored.raters if rated.raters and "mean" not in model else None,
    )


def in_options(message: str) -> str:
    """The engine calls its functions by name; here they are options."""
    for function, model in FUNCTIONS.items():
        message = message.replace(function, f"--model {model}")
    return message


def own_or_common(steps: str) -> Any:
    return "indicator" if steps == "own" else "common"


def extra(rated: Rated, effects: tuple[str, ...]) -> dict[str, Any]:
    """What a function that takes effects is given beyond the ratings; nothing where the effects are the plain ones."""
    if effects == PLAIN:
        return {}
    return {"effects": effects, "subdistrict": rated.subdistrict if needs_subdistricts(effects) else None}


def needs_subdistricts(effects: Iterable[str]) -> bool:
    return any(name.startswith("subdistrict") for name in effects)


# One shape


def of_fit(rated: Rated, fit: Fit) -> Scored:
    return Scored(
        model="",
        effects=(),
        unit="mark",
        targets=Facet(fit.n_ratings, fit.measures, fit.standard_errors),
        raters=Facet(counts(rated), fit.severities, fit.severity_standard_errors),
        indicators=Facet(
            indicator_counts(rated), fit.indicator_effects, np.full(len(fit.indicator_effects), np.nan)
        ),
        steps=(),
        fair_marks=None,
        covariance=fit.covariance,
        zero=fit.mean,
        mean_standard_error=fit.mean_standard_error,
        variances=fit.variances,
        sd_errors={},
        separations={"target": separation(reliability(fit))},
        log_likelihood=fit.log_likelihood,
        record=fit.record,
    )


def of_ordinal(rated: Rated, fit: OrdinalFit) -> Scored:
    # Where each indicator has thresholds of its own, they say how easy it is; else one set and the effects do.
    own = bool(np.isnan(fit.indicator_effects).any()) and len(fit.thresholds) > 1
    effects = np.where(np.isnan(fit.indicator_effects), 0.0, fit.indicator_effects)
    steps = tuple(
        Step(
            indicator=j if own else -1,
            low=float(fit.categories[k]),
            high=float(fit.categories[k + 1]),
            value=float(fit.thresholds[j, k]),
            standard_error=float(fit.threshold_standard_errors[j, k]),
            location=float(fit.thresholds[j, k]),
        )
        for j in (range(len(fit.thresholds)) if own else range(1))
        for k in range(fit.thresholds.shape[1])
    )
    return Scored(
        model="",
        effects=(),
        unit="logit",
        targets=Facet(fit.n_ratings, fit.measures, fit.standard_errors),
        raters=Facet(counts(rated), fit.severities, fit.severity_standard_errors),
        indicators=Facet(
            indicator_counts(rated),
            fit.indicator_effects if own else effects,
            fit.indicator_effect_standard_errors,
        ),
        steps=steps,
        fair_marks=fit.fair_marks,
        covariance=fit.covariance,
        zero=0.0,
        mean_standard_error=math.nan,
        variances=fit.variances,
        sd_errors=fit.standard_deviation_errors,
        separations={"target": separation(reliability(fit))},
        log_likelihood=fit.log_likelihood,
        record=fit.record,
    )


def of_facets(rated: Rated, fit: FacetsFit) -> Scored:
    own = bool((np.nan_to_num(fit.steps) != np.nan_to_num(fit.steps[0])).any())
    steps = tuple(
        Step(
            indicator=j if own else -1,
            low=float(fit.categories[k]),
            high=float(fit.categories[k + 1]),
            value=float(fit.steps[j, k]),
            standard_error=float(fit.step_standard_errors[j, k]),
            location=float(fit.steps[j, k] + (fit.difficulties[j] if own else fit.difficulties.mean())),
        )
        for j in (range(len(fit.steps)) if own else range(1))
        for k in range(fit.steps.shape[1])
    )
    return Scored(
        model="",
        effects=(),
        unit="logit",
        targets=Facet(fit.n_ratings, fit.measures, fit.standard_errors, fit.target_fit),
        raters=Facet(counts(rated), fit.severities, fit.severity_standard_errors, fit.rater_fit),
        indicators=Facet(
            indicator_counts(rated),
            -fit.difficulties,
            fit.difficulty_standard_errors,
            fit.indicator_fit,
        ),
        steps=steps,
        fair_marks=fit.fair_averages,
        covariance=None,
        zero=0.0,
        mean_standard_error=math.nan,
        variances={"target": fit.target_sd**2},
        sd_errors={"target": fit.target_sd_standard_error},
        separations={
            "target": fit.target_separation,
            "rater": fit.rater_separation,
            "indicator": fit.indicator_separation,
        },
        log_likelihood=fit.log_likelihood,
        record=fit.record,
    )


def by_ballot(
    rated: Rated, fit_tally: Callable[[Tally], Any], shape: Callable[[Rated, Any], Scored]
) -> Scored:
    """Fit the tally of the ballots, and give each ballot the severity of those that answered alike."""
    tally, row_of = tallied(rated)
    fit = fit_tally(tally)
    scored = shape(rated, fit)
    return replace(
        scored,
        raters=Facet(counts(rated), fit.severities[row_of], fit.severity_standard_errors[row_of]),
    )


def tallied(rated: Rated) -> tuple[Tally, Integers]:
    """The ratings as a tally, and the row of the tally in which each rater's ballot is counted."""
    ratings = rated.ratings
    whole = (
        (ratings.values == np.rint(ratings.values)) & (ratings.values >= 1) & (ratings.values <= HIGHEST_MARK)
    )
    if not whole.all():
        at = int(np.argmin(whole))
        raise click.ClickException(
            f"{rated.place}, row {rated.rows[at]}: the mark {ratings.values[at]:g} is no whole number from 1 to "
            f"{HIGHEST_MARK}, as marks on ballots are. Take --model gaussian or ordinal."
        )
    home = np.full(ratings.n_raters, -1)
    home[ratings.rater] = ratings.target
    elsewhere = home[ratings.rater] != ratings.target
    if elsewhere.any():
        at = int(np.argmax(elsewhere))
        raise click.ClickException(
            f"{rated.place}: the rater {rated.raters[ratings.rater[at]]} rates both "
            f"{rated.targets[ratings.target[at]]} (row {rated.rows[at]}) and "
            f"{rated.targets[home[ratings.rater[at]]]}; a ballot is for one. Take --model gaussian or ordinal."
        )
    if rated.repeated:
        raise click.ClickException(
            f"{rated.place}: {rated.repeated:,} marks repeat the same rater and indicator; a ballot has one of each. "
            "Keep one, or give every ballot a rater of its own."
        )
    marks = np.zeros((ratings.n_raters, ratings.n_indicators), dtype=np.int64)
    marks[ratings.rater, ratings.indicator] = ratings.values.astype(np.int64)
    patterns, row_of, count = np.unique(
        np.column_stack([home, marks]), axis=0, return_inverse=True, return_counts=True
    )
    tally = Tally(
        target=patterns[:, 0],
        marks=patterns[:, 1:].astype(np.int8),
        count=count,
        n_targets=ratings.n_targets,
    )
    return tally, row_of.ravel()


def counts(rated: Rated) -> Integers:
    return np.bincount(rated.ratings.rater, minlength=rated.ratings.n_raters)


def indicator_counts(rated: Rated) -> Integers:
    return np.bincount(rated.ratings.indicator, minlength=rated.ratings.n_indicators)


def separation(share: float) -> Separation:
    if not 0 <= share < 1:
        return Separation(reliability=share, separation=math.nan, strata=math.nan)
    ratio = math.sqrt(share / (1 - share))
    return Separation(reliability=share, separation=ratio, strata=(4 * ratio + 1) / 3)


# Places


def rank_targets(scored: Scored, top: int, *, draws: int, seed: int) -> Ranking:
    """Chances of being among the first ``top``, and plausible ranks."""
    measures, errors = scored.targets.values, scored.targets.standard_errors
    if not np.isfinite(errors).all():
        raise click.ClickException(
            "The measures have no standard errors, so that --top can say nothing about chances. "
            "Leave it out, or let two raters rate a target."
        )
    # Equal measures without error are told apart by lot in every draw, and not by their labels for all of them.
    lot = 1e-9
    doubt = np.hypot(errors, lot)
    composite = Composite(
        scores=measures,
        standard_errors=doubt,
        expected=measures,
        expected_errors=doubt,
        covariance=None if scored.covariance is None else scored.covariance + lot**2 * np.eye(len(measures)),
        contributions={"": measures},
        weights={"": 1.0},
        correlations={},
        scale="marks",
        silent=(),
    )
    try:
        return rank(
            composite,
            k=top,
            rng=np.random.default_rng(seed),
            draws=draws,
            # Who is listed first of equals: the order of the labels.
            tie_break=np.arange(len(measures), dtype=np.float64),
        )
    except EngineError as refusal:
        raise click.ClickException(str(refusal)) from None
