from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.classic import mean
from dongliang.engine.composite import combine
from dongliang.engine.crossed import gaussian
from dongliang.engine.errors import InvalidWeights
from tests.engine.drawn import crossed_ratings, ratings_of

FIELD, PUBLIC = gaussian(crossed_ratings(1)), gaussian(crossed_ratings(2, sd=(0.3, 0.5, 0.7)))
CONSTANT = gaussian(ratings_of([(target, rater, 4.0) for target in range(20) for rater in range(2)]))


def test_marks_are_averaged_by_weights_that_sum_to_one():
    composite = combine({"field": FIELD, "public": PUBLIC}, {"field": 6, "public": 2}, scale="marks")

    assert composite.weights == {"field": 0.75, "public": 0.25}
    assert composite.scores == pytest.approx(0.75 * FIELD.measures + 0.25 * PUBLIC.measures)
    assert composite.covariance == pytest.approx(0.75**2 * FIELD.covariance + 0.25**2 * PUBLIC.covariance)
    assert composite.standard_errors == pytest.approx(np.sqrt(composite.covariance.diagonal()))


def test_standardised_sources_count_by_their_weights_whatever_their_spread():
    wide = replace(
        PUBLIC,
        measures=PUBLIC.mean + 20 * PUBLIC.effects,
        standard_errors=20 * PUBLIC.standard_errors,
        covariance=400 * PUBLIC.covariance,
        variances={"target": 400 * PUBLIC.variances["target"]},
    )

    narrow = combine({"field": FIELD, "public": PUBLIC}, {"field": 1, "public": 1}, scale="standardised")
    stretched = combine({"field": FIELD, "public": wide}, {"field": 1, "public": 1}, scale="standardised")

    assert stretched.scores == pytest.approx(narrow.scores)
    assert stretched.covariance == pytest.approx(narrow.covariance)


def test_contributions_sum_to_the_scores():
    composite = combine({"field": FIELD, "public": PUBLIC}, {"field": 1, "public": 2}, scale="standardised")

    assert sum(composite.contributions.values()) == pytest.approx(composite.scores)


def test_a_source_that_tells_nobody_apart_is_named_and_adds_nothing():
    composite = combine({"field": FIELD, "public": CONSTANT}, {"field": 1, "public": 1}, scale="standardised")

    assert composite.silent == ("public",)
    assert composite.contributions["public"].tolist() == [0] * 20
    assert composite.scores == pytest.approx(0.5 * FIELD.effects / np.sqrt(FIELD.variances["target"]))


def test_sources_without_joint_covariance_leave_independent_errors():
    plain = mean(crossed_ratings(3))

    composite = combine({"field": plain, "public": plain}, {"field": 1, "public": 1}, scale="marks")

    assert composite.covariance is None
    assert composite.standard_errors == pytest.approx(plain.standard_errors / np.sqrt(2))


def test_independent_errors_are_added_to_a_joint_covariance():
    plain = mean(crossed_ratings(3))

    composite = combine({"field": FIELD, "public": plain}, {"field": 1, "public": 1}, scale="marks")

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
