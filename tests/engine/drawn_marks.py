"""Marks in ordered categories: designs with known effects, and what a fit says about them."""

from dataclasses import replace

import numpy as np

from dongliang.engine.crossed import cumulative, cuts
from dongliang.engine.crossed.effects import NAMES, Design
from dongliang.engine.data import Ratings
from tests.engine.drawn import crossed_ratings


def marks(seed, **design):
    """Marks from 1 to 5 of a crossed design."""
    ratings = crossed_ratings(seed, **design)
    return replace(ratings, values=np.clip(np.round(ratings.values), 1, 5))


def ballots(seed, *, targets=8, raters=60, indicators=3):
    """Every rater sees one target, as residents do."""
    rng = np.random.default_rng(seed)
    home = rng.integers(0, targets, raters)
    home[:targets] = np.arange(targets)
    merit, feeling = rng.normal(0, 0.8, targets), rng.normal(0, 1.2, raters)
    rater = np.repeat(np.arange(raters), indicators)
    latent = 2 + merit[home[rater]] + feeling[rater] + rng.logistic(size=len(rater))
    return replace(
        crossed_ratings(0),
        target=home[rater],
        rater=rater,
        indicator=np.tile(np.arange(indicators), raters),
        values=np.digitize(latent, [0, 1.5, 3]).astype(float),
        n_targets=targets,
        n_raters=raters,
        n_indicators=indicators,
    )


def answers(fit):
    """Everything a fit says, in one row."""
    return np.concatenate(
        [
            fit.measures,
            fit.standard_errors,
            fit.severities,
            fit.severity_standard_errors,
            fit.thresholds.ravel(),
            fit.threshold_standard_errors.ravel(),
            fit.indicator_effects,
            fit.fair_marks,
            [fit.log_likelihood, *fit.standard_deviations.values(), *fit.standard_deviation_errors.values()],
        ]
    )


def home(targets):
    """The groups go round."""
    return np.arange(targets) % 4


def judged(seed, *, targets=18, raters=7, per_target=3, indicators=3, sd=None, cuts=(-2.0, -0.5, 1.0, 2.5)):
    """Marks of 0 to 4: every target is seen by a few raters on all indicators; ``sd`` by effect. The groups go round by four."""
    rng = np.random.default_rng(seed)
    sd = dict.fromkeys(NAMES, 0.8) if sd is None else sd
    seen = np.argsort(rng.random((targets, raters)), axis=1)[:, :per_target]
    seen[:, 0] = np.arange(targets) % raters
    seen[0] = np.arange(per_target)
    target, place, indicator = (codes.ravel() for codes in np.indices((targets, per_target, indicators)))
    rater = seen[target, place]
    kept = np.unique(np.column_stack([target, rater, indicator]), axis=0, return_index=True)[1]
    target, rater, indicator = target[kept], rater[kept], indicator[kept]
    of = {"target": target, "rater": rater, "indicator": indicator, "subdistrict": target % 4}
    level = rng.logistic(size=len(target))
    for name in NAMES:
        codes = sum(of[part] * 1_000**k for k, part in enumerate(name.split(":")))
        levels, code = np.unique(codes, return_inverse=True)
        level += sd.get(name, 0.0) * rng.normal(size=len(levels))[code]
    ratings = Ratings(
        target=target,
        rater=rater,
        indicator=indicator,
        values=np.digitize(level, cuts).astype(float),
        n_targets=targets,
        n_raters=raters,
        n_indicators=indicators,
    )
    return ratings, home(targets)


def posed(ratings, names, subdistrict=None, thresholds="common"):
    """The problem that a fit of these effects solves, and which standard deviations it estimates."""
    values, category = np.unique(ratings.values, return_inverse=True)
    scale = cuts.Scale.of(ratings, category, len(values), thresholds, None)
    return cumulative.posed(ratings, category, scale, Design.of(ratings, names, subdistrict))[:2]


DESIGNS = {
    "more targets": marks(1),
    "more raters": marks(2, targets=5, raters=30),
    "sparse": marks(5, targets=25, raters=24, per_pair=0.15),
    "ballots": ballots(6),
}


SEPARATED = {
    "each target has its mark": lambda t, r, j: t % 3,
    "each rater has their mark": lambda t, r, j: r % 4,
    "half of the targets always pass": lambda t, r, j: t > 5,
    "one indicator is always above the other": lambda t, r, j: 5 if j else 1 + (t * t + 3 * r) % 4,
}
