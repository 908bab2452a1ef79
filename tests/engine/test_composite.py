from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import block_diag

from dongliang.engine.classic import mean
from dongliang.engine.composite import combine
from dongliang.engine.crossed import gaussian
from dongliang.engine.errors import InvalidWeights
from tests.engine.drawn import crossed_ratings, ratings_of

FIELD, PUBLIC = gaussian(crossed_ratings(1)), gaussian(crossed_ratings(2, sd=(0.3, 0.5, 0.7)))
FITS, HALVES = {"field": FIELD, "public": PUBLIC}, {"field": 1, "public": 1}
CONSTANT = gaussian(ratings_of([(target, rater, 4.0) for target in range(20) for rater in range(2)]))


def correlated_fits(seed, *, correlation, targets=60, sds=(1.0, 0.8, 0.6), raters=6):
    """Three sources whose targets' merits correlate; the ratings, the fits, and the merits in standard deviations."""
    rng = np.random.default_rng(seed)
    common = np.sqrt(correlation) * rng.standard_normal(targets)
    merits = common + np.sqrt(1 - correlation) * rng.standard_normal((len(sds), targets))
    sources = []
    for sd, merit in zip(sds, merits, strict=True):
        target = np.repeat(np.arange(targets), 3)
        rater = np.concatenate([rng.choice(raters, 3, replace=False) for _ in range(targets)])
        values = sd * merit[target] - rng.normal(0, 0.4, raters)[rater] + rng.normal(0, 0.8, len(target))
        sources.append(ratings_of(zip(target, rater, values, strict=True)))
    return sources, [gaussian(ratings) for ratings in sources], merits


def test_marks_are_averaged_by_weights_that_sum_to_one():
    composite = combine(FITS, {"field": 6, "public": 2}, scale="marks")

    assert composite.weights == {"field": 0.75, "public": 0.25}
    assert composite.scores == pytest.approx(0.75 * FIELD.measures + 0.25 * PUBLIC.measures)


def test_one_source_alone_is_expected_to_be_what_it_measures():
    composite = combine({"field": FIELD}, {"field": 2}, scale="marks")

    assert composite.expected == pytest.approx(FIELD.measures)
    assert composite.covariance == pytest.approx(FIELD.covariance)
    assert composite.standard_errors == pytest.approx(FIELD.standard_errors)
    assert composite.expected_errors == pytest.approx(FIELD.standard_errors)
    assert composite.correlations == {}


def conditioned(sources, fits, weights, correlation):
    """Mean and covariance of the weighted merits given all ratings, from the joint distribution of merits and ratings."""
    targets = sources[0].n_targets
    designs, left, noises, units = [], [], [], []
    for ratings, fit in zip(sources, fits, strict=True):
        design = np.eye(targets)[ratings.target]
        rater = np.eye(ratings.n_raters)[ratings.rater]
        noises.append(
            fit.variances["rater"] * rater @ rater.T + fit.variances["residual"] * np.eye(len(ratings))
        )
        units.append(np.sqrt(fit.variances["target"]))
        designs.append(units[-1] * design)
        left.append(ratings.values - fit.mean)
    prior = np.kron(np.where(np.eye(len(fits)), 1.0, correlation), np.eye(targets))
    design = block_diag(*designs)
    total = design @ prior @ design.T + block_diag(*noises)
    gain = np.linalg.solve(total, design @ prior).T
    weighed = np.kron(np.array(weights)[None], np.eye(targets))
    return weighed @ gain @ np.concatenate(left), weighed @ (prior - gain @ design @ prior) @ weighed.T


@pytest.mark.parametrize("scale", ["standardised", "marks"])
def test_what_is_expected_are_the_merits_given_all_ratings_at_the_estimated_correlation(scale):
    sources, fits, _ = correlated_fits(5, correlation=0.6)
    sources, fits = sources[:2], fits[:2]

    composite = combine(dict(zip("ab", fits, strict=True)), {"a": 0.6, "b": 0.4}, scale=scale)

    units = [np.sqrt(fit.variances["target"]) if scale == "marks" else 1.0 for fit in fits]
    level = 0.6 * fits[0].mean + 0.4 * fits[1].mean if scale == "marks" else 0.0
    weights = [0.6 * units[0], 0.4 * units[1]]
    mean, covariance = conditioned(sources, fits, weights, composite.correlations["a", "b"])
    assert composite.expected == pytest.approx(level + mean)
    assert composite.covariance == pytest.approx(covariance)
    assert composite.expected_errors == pytest.approx(np.sqrt(covariance.diagonal()))


def test_ninety_percent_intervals_hold_ninety_percent_though_merits_correlate():
    held = {"score": [], "expected": [], "as if independent": []}

    for seed in range(40):
        _, fits, merits = correlated_fits(seed, correlation=0.7)
        fits = dict(zip("abc", fits, strict=True))
        weights = np.array([0.4, 0.3, 0.3])
        composite = combine(fits, dict(zip("abc", weights, strict=True)), scale="standardised")
        true = weights @ (merits * np.array([[1.0], [0.8], [0.6]]) / [[_sd(fit)] for fit in fits.values()])
        alone = weights**2 @ [fit.standard_errors**2 / _sd(fit) ** 2 for fit in fits.values()]
        for name, centre, error in (
            ("score", composite.scores, composite.standard_errors),
            ("expected", composite.expected, composite.expected_errors),
            ("as if independent", composite.scores, np.sqrt(alone)),
        ):
            off = centre - true
            held[name].append(np.abs(off - off.mean()) <= 1.645 * error)

    assert np.mean(held["score"]) == pytest.approx(0.9, abs=0.02)
    assert np.mean(held["expected"]) == pytest.approx(0.9, abs=0.02)
    assert np.mean(held["as if independent"]) < 0.84


def _sd(fit):
    return np.sqrt(fit.variances["target"])


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_correlations_of_merits_are_recovered_from_measures_drawn_towards_the_mean(correlation):
    found = []

    for seed in range(25):
        _, fits, _ = correlated_fits(seed, correlation=correlation)
        composite = combine(dict(zip("abc", fits, strict=True)), dict.fromkeys("abc", 1), scale="marks")
        found.append(list(composite.correlations.values()))

    assert list(composite.correlations) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert np.mean(found, axis=0) == pytest.approx(correlation, abs=0.08)


def test_few_targets_that_agree_perfectly_leave_errors_that_can_be_drawn():
    for seed in range(20):
        _, fits, _ = correlated_fits(seed, correlation=0.95, targets=4, raters=3)
        composite = combine(dict(zip("abc", fits, strict=True)), dict.fromkeys("abc", 1), scale="marks")

        assert np.linalg.eigvalsh(composite.covariance)[0] >= -1e-12
        assert all(abs(found) <= 0.95 for found in composite.correlations.values())


def test_taken_one_by_one_targets_have_no_covariance_and_the_same_scores():
    _, fits, _ = correlated_fits(2, correlation=0.6)
    fits = dict(zip("abc", fits, strict=True))

    joint = combine(fits, dict.fromkeys("abc", 1), scale="standardised")
    single = combine(fits, dict.fromkeys("abc", 1), scale="standardised", joint=False)

    assert single.covariance is None
    assert single.scores.tolist() == joint.scores.tolist()
    assert single.standard_errors.tolist() == joint.standard_errors.tolist()
    assert single.expected == pytest.approx(joint.expected, abs=0.1)
    assert single.expected_errors == pytest.approx(joint.expected_errors, rel=0.05)


def test_of_independent_errors_both_ways_are_one():
    fits = {
        name: replace(fit, covariance=np.diag(fit.standard_errors**2))
        for name, fit in zip("ab", correlated_fits(2, correlation=0.6)[1], strict=False)
    }

    joint = combine(fits, {"a": 2, "b": 1}, scale="marks")
    single = combine(fits, {"a": 2, "b": 1}, scale="marks", joint=False)
    bare = combine(
        {name: replace(fit, covariance=None) for name, fit in fits.items()}, {"a": 2, "b": 1}, scale="marks"
    )

    assert single.expected == pytest.approx(joint.expected)
    assert single.expected_errors == pytest.approx(joint.expected_errors)
    assert bare.standard_errors == pytest.approx(joint.standard_errors)
    assert bare.expected == pytest.approx(joint.expected)


def test_a_target_that_a_source_could_not_measure_has_no_score_and_disturbs_nobody():
    unknown = np.arange(20) == 7
    partial = replace(
        PUBLIC,
        measures=np.where(unknown, np.nan, PUBLIC.measures),
        standard_errors=np.where(unknown, np.nan, PUBLIC.standard_errors),
        covariance=np.where(unknown | unknown[:, None], np.nan, PUBLIC.covariance),
    )

    composite = combine({"field": FIELD, "public": partial}, HALVES, scale="standardised")

    assert np.isnan(composite.scores).tolist() == unknown.tolist()
    assert np.isnan(composite.expected).tolist() == unknown.tolist()
    assert np.isfinite(composite.covariance).all()


def test_measures_with_subdistricts_are_taken_to_err_independently():
    groups = np.arange(20) % 4
    grouped = gaussian(crossed_ratings(2), effects=("target", "rater", "subdistrict"), subdistrict=groups)

    composite = combine({"field": FIELD, "public": grouped}, HALVES, scale="marks")

    assert composite.correlations == {}
    assert composite.covariance == pytest.approx((FIELD.covariance + grouped.covariance) / 4)


def test_standardised_sources_count_by_their_weights_whatever_their_spread():
    wide = replace(
        PUBLIC,
        measures=PUBLIC.mean + 20 * PUBLIC.effects,
        standard_errors=20 * PUBLIC.standard_errors,
        covariance=400 * PUBLIC.covariance,
        variances={"target": 400 * PUBLIC.variances["target"]},
    )

    narrow = combine(FITS, HALVES, scale="standardised")
    stretched = combine({"field": FIELD, "public": wide}, HALVES, scale="standardised")

    assert stretched.scores == pytest.approx(narrow.scores)
    assert stretched.covariance == pytest.approx(narrow.covariance)


def test_contributions_sum_to_the_scores():
    composite = combine(FITS, {"field": 1, "public": 2}, scale="standardised")

    assert sum(composite.contributions.values()) == pytest.approx(composite.scores)


def test_a_source_that_tells_nobody_apart_is_named_and_adds_nothing():
    composite = combine({"field": FIELD, "public": CONSTANT}, HALVES, scale="standardised")

    assert composite.silent == ("public",)
    assert composite.contributions["public"].tolist() == [0] * 20
    assert composite.scores == pytest.approx(0.5 * FIELD.effects / np.sqrt(FIELD.variances["target"]))


def test_sources_without_joint_covariance_leave_independent_errors():
    plain = mean(crossed_ratings(3))

    composite = combine({"field": plain, "public": plain}, HALVES, scale="marks")

    assert composite.covariance is None
    assert composite.standard_errors == pytest.approx(plain.standard_errors / np.sqrt(2))
    assert composite.expected.tolist() == composite.scores.tolist()
    assert composite.expected_errors == pytest.approx(composite.standard_errors)


def test_independent_errors_are_added_to_a_joint_covariance():
    plain = mean(crossed_ratings(3))

    composite = combine({"field": FIELD, "public": plain}, HALVES, scale="marks")

    assert composite.covariance == pytest.approx(
        0.25 * (FIELD.covariance + np.diag(plain.standard_errors**2))
    )


@pytest.mark.parametrize(
    ("fits", "weights", "sentence"),
    [
        (
            {"field": FIELD},
            {"public": 1},
            "There are fits of field and weights of public. Give one of each per source.",
        ),
        ({}, {}, "There are fits of nothing and weights of nothing. Give one of each per source."),
        ({"field": FIELD}, {"field": -1}, "The weight of field is -1. Give a number that is not negative."),
        (
            {"field": FIELD},
            {"field": np.nan},
            "The weight of field is nan. Give a number that is not negative.",
        ),
        ({"field": FIELD}, {"field": 0}, "All weights are zero. Give at least one source a weight."),
        (
            {"field": FIELD, "public": mean(ratings_of([(0, 0, 1.0)]))},
            {"field": 1, "public": 1},
            "The fits differ in their number of targets: {'field': 20, 'public': 1}. Number targets alike in all.",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(fits, weights, sentence):
    with pytest.raises(InvalidWeights) as caught:
        combine(fits, weights, scale="marks")

    assert str(caught.value) == sentence
