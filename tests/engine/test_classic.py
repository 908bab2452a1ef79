from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.classic import mean, standard_scores, trimmed_mean
from dongliang.engine.data import Ratings
from dongliang.engine.errors import InvalidRatings, Unidentified
from tests.engine.drawn import crossed_ratings, ratings_of, shuffled


def marks_of(*by_target):
    """One mark by each rater for each target."""
    return ratings_of(
        [(target, rater, mark) for target, marks in enumerate(by_target) for rater, mark in enumerate(marks)]
    )


def test_the_mean_gives_every_rater_one_voice_however_much_they_left_out():
    ratings = Ratings(
        target=[0, 0, 0],
        rater=[0, 0, 1],
        indicator=[0, 1, 0],
        values=[5, 3, 1],
        n_targets=1,
        n_raters=2,
        n_indicators=2,
    )

    fit = mean(ratings)

    assert fit.measures.tolist() == [2.5]
    assert fit.n_ratings.tolist() == [3]
    assert fit.severities.tolist() == [0, 0]


def test_standard_errors_of_the_mean_pool_the_variance_within_targets():
    fit = mean(marks_of([1, 3], [2, 4, 6]))

    pooled = (2 + 8) / 3
    assert fit.standard_errors == pytest.approx(np.sqrt([pooled / 2, pooled / 3]))
    assert fit.variances["residual"] == pytest.approx(pooled)


def test_the_trimmed_mean_drops_one_highest_and_one_lowest_mark():
    fit = trimmed_mean(marks_of([1, 4, 4, 3, 5], [5, 5, 5, 5, 0]))

    assert fit.measures == pytest.approx([11 / 3, 5])


def test_targets_with_too_few_raters_keep_all_marks():
    fit = trimmed_mean(marks_of([1, 4, 4, 3], [1, 2, 3, 4, 5]), minimum_raters=5)

    assert fit.measures.tolist() == [3, 3]


def test_errors_of_the_trimmed_mean_come_from_winsorised_squares():
    fit = trimmed_mean(marks_of([0, 2, 4, 6, 20]))

    # Winsorised: 2, 2, 4, 6, 6 about 4, so 16; three marks are kept.
    assert fit.standard_errors == pytest.approx([np.sqrt(16 / 2 / 3)])


def test_fewer_than_three_raters_cannot_be_trimmed():
    with pytest.raises(InvalidRatings, match=r"minimum_raters is 2\. Two marks are dropped"):
        trimmed_mean(marks_of([1, 2]), minimum_raters=2)


def test_targets_without_ratings_have_no_mean():
    fit = mean(ratings_of([(0, 0, 2.0), (0, 1, 4.0)], n_targets=2))

    assert np.isnan([fit.measures[1], fit.standard_errors[1]]).all()
    assert fit.mean == 3


def test_one_rating_a_target_leaves_the_error_unknown():
    fit = mean(ratings_of([(0, 0, 2.0), (1, 1, 4.0)]))

    assert fit.measures.tolist() == [2, 4]
    assert np.isnan(fit.standard_errors).all()


@pytest.mark.parametrize("method", [mean, trimmed_mean, standard_scores])
def test_shuffled_rows_give_the_same_means(method):
    ratings = crossed_ratings(1)

    fit, again = method(ratings), method(shuffled(ratings, 5))

    assert again.measures == pytest.approx(fit.measures)
    assert again.standard_errors == pytest.approx(fit.standard_errors)


def test_standard_scores_count_a_mark_in_its_rater_s_own_deviations():
    # The second rater marks two lower and spreads twice as far.
    fit = standard_scores(marks_of([2, 0], [3, 2], [4, 4]))

    spread = np.sqrt((1 + 4) / 2)
    assert fit.measures == pytest.approx([2.5 - spread, 2.5, 2.5 + spread])
    assert fit.severities == pytest.approx([-0.5, 0.5])
    assert fit.record.method == "standard scores"


def test_a_harsh_rater_pulls_nobody_down_by_standard_scores():
    lenient, harsh = [[4, 0], [5, 1], [3, 2]], [[4], [5], [3]]
    rows = [(target, 0, mark) for target, (mark, _) in enumerate(lenient)]
    rows += [(target, 1, mark[0] - 2) for target, mark in enumerate(harsh)]

    fit = standard_scores(ratings_of(rows))

    assert fit.measures == pytest.approx([3, 4, 2])


def test_raters_without_a_standard_score_are_left_out_and_remarked():
    rows = [(0, 0, 1.0), (1, 0, 3.0), (0, 1, 5.0), (1, 1, 5.0), (1, 2, 1.0)]

    fit = standard_scores(ratings_of(rows))

    assert fit.measures.tolist() == [1, 3]
    assert fit.severities.tolist() == [0, 0, 0]
    assert fit.record.remarks == (
        "2 raters marked one target only or all alike: they have no standard scores.",
    )


@pytest.mark.parametrize("rows", [[(0, 0, 3.0), (1, 0, 3.0)], [(0, 0, 1.0), (1, 1, 2.0)]])
def test_standard_scores_are_refused_where_no_rater_tells_two_targets_apart(rows):
    with pytest.raises(Unidentified, match="No rater gave different marks to two targets"):
        standard_scores(ratings_of(rows))


def test_standard_scores_do_not_mind_a_rater_s_own_units():
    ratings = crossed_ratings(3, per_pair=1.0)
    stretched = np.where(ratings.rater == 2, 10 * ratings.values - 4, ratings.values)

    order = standard_scores(ratings).measures.argsort()

    assert standard_scores(replace(ratings, values=stretched)).measures.argsort().tolist() == order.tolist()
