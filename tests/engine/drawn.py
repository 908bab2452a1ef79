"""Small ratings with known truth."""

from dataclasses import replace

import numpy as np

from dongliang.engine.data import Composite, Ratings


def crossed_ratings(seed, *, targets=20, raters=6, per_pair=0.6, indicators=2, sd=(1.0, 0.5, 0.7)):
    """Ratings of a crossed design in which each pair of target and rater met with the chance ``per_pair``."""
    rng = np.random.default_rng(seed)
    met = rng.random((targets, raters)) < per_pair
    # One rater sees everyone and one target is seen by all, so that the design is connected.
    met[:, 0] = met[0, :] = True
    target, rater = (np.repeat(codes, indicators) for codes in np.nonzero(met))
    indicator = np.tile(np.arange(indicators), met.sum())
    merit, severity = rng.normal(0, sd[0], targets), rng.normal(0, sd[1], raters)
    noise = rng.normal(0, sd[2], len(target))
    return Ratings(
        target=target,
        rater=rater,
        indicator=indicator,
        values=3 + 0.2 * indicator + merit[target] - severity[rater] + noise,
        n_targets=targets,
        n_raters=raters,
        n_indicators=indicators,
    )


def ratings_of(table, *, n_targets=None, n_raters=None):
    """Ratings on one indicator out of rows of (target, rater, value)."""
    target, rater, values = (np.array(column) for column in zip(*table, strict=True))
    return Ratings(
        target=target,
        rater=rater,
        indicator=np.zeros(len(target), dtype=int),
        values=values,
        n_targets=n_targets or target.max() + 1,
        n_raters=n_raters or rater.max() + 1,
        n_indicators=1,
    )


def shuffled(ratings, seed):
    order = np.random.default_rng(seed).permutation(len(ratings))
    columns = ("target", "rater", "indicator", "values")
    return replace(ratings, **{name: getattr(ratings, name)[order] for name in columns})


def composite_of(scores, errors=0.0, covariance=None):
    scores = np.asarray(scores, dtype=float)
    errors = np.broadcast_to(np.asarray(errors, dtype=float), scores.shape)
    if covariance is not None:
        errors = np.sqrt(covariance.diagonal())
    return Composite(
        scores=scores,
        standard_errors=errors,
        expected=scores,
        expected_errors=errors,
        covariance=covariance,
        contributions={"only": scores},
        weights={"only": 1.0},
        correlations={},
        scale="marks",
        silent=(),
    )
