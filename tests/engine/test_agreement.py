from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.agreement import connectedness, reliability
from dongliang.engine.crossed import gaussian
from tests.engine.drawn import crossed_ratings, ratings_of


def test_connectedness_lists_who_can_be_compared():
    groups = connectedness(ratings_of([(0, 0, 1.0), (1, 1, 2.0), (2, 1, 3.0)]))

    assert [group.tolist() for group in groups] == [[1, 2], [0]]


def test_reliability_is_the_share_of_variance_that_is_not_error():
    fit = replace(
        gaussian(crossed_ratings(1)),
        standard_errors=np.array([0.1, 0.3, 9.0]),
        n_ratings=np.array([2, 2, 0]),
        variances={"target": 0.2},
    )

    assert reliability(fit) == pytest.approx(1 - 0.05 / 0.2)


def test_reliability_is_zero_when_targets_do_not_differ():
    assert reliability(gaussian(crossed_ratings(4, sd=(0.0, 0.0, 1.0)))) == 0


def test_reliability_predicts_how_measures_agree_with_the_truth():
    ratings = crossed_ratings(2, targets=400, raters=10, per_pair=0.3)
    truth = np.random.default_rng(2)
    truth.random((400, 10))
    merit = truth.normal(0, 1.0, 400)

    fit = gaussian(ratings)

    assert reliability(fit) == pytest.approx(np.corrcoef(fit.measures, merit)[0, 1] ** 2, abs=0.05)
