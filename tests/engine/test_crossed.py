from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.checking import certify_gaussian
from dongliang.engine.crossed import gaussian, layout, reml
from dongliang.engine.data import Ratings
from dongliang.engine.errors import InvalidRatings, NotConverged, TooLarge, Unconnected, Unidentified
from tests.engine.drawn import crossed_ratings, ratings_of, shuffled


def answers(fit):
    """Everything a fit says about targets and raters, in one row."""
    return np.concatenate(
        [
            fit.measures,
            fit.standard_errors,
            fit.severities,
            fit.severity_standard_errors,
            fit.indicator_effects,
            [fit.mean, fit.mean_standard_error, fit.log_likelihood, *fit.variances.values()],
        ]
    )


def nested_ratings(seed, *, targets=8, raters=40, indicators=3):
    """Every rater sees one target, as residents do."""
    rng = np.random.default_rng(seed)
    home = rng.integers(0, targets, raters)
    merit, feeling = rng.normal(0, 0.5, targets), rng.normal(0, 0.8, raters)
    rater = np.repeat(np.arange(raters), indicators)
    return Ratings(
        target=home[rater],
        rater=rater,
        indicator=np.tile(np.arange(indicators), raters),
        values=4 + merit[home[rater]] + feeling[rater] + rng.normal(0, 0.6, len(rater)),
        n_targets=targets,
        n_raters=raters,
        n_indicators=indicators,
    )


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    "ratings",
    [
        crossed_ratings(1),
        crossed_ratings(2, targets=5, raters=30),
        crossed_ratings(3, sd=(1.0, 0.0, 0.5)),
        crossed_ratings(4, sd=(0.0, 0.0, 1.0)),
        crossed_ratings(5, targets=12, raters=12, per_pair=0.2, indicators=1),
        nested_ratings(6),
    ],
    ids=["more targets", "more raters", "equal raters", "pure chance", "sparse", "nested"],
)
def test_the_fit_is_the_optimum_of_a_likelihood_written_out_over_all_ratings(ratings, reml):
    certify_gaussian(ratings, gaussian(ratings, reml=reml))


@pytest.mark.parametrize("ratings", [crossed_ratings(7), nested_ratings(8)], ids=["crossed", "nested"])
def test_the_gradient_agrees_with_finite_differences(ratings):
    sums = reml._Sums.of(ratings)
    tau = np.array([0.7, 1.9])
    step = 1e-5

    gradient = reml._slope(sums, reml._evaluate(sums, tau, reml=True)).gradient

    differences = [
        (reml._evaluate(sums, tau + move, True).deviance - reml._evaluate(sums, tau - move, True).deviance)
        / (2 * step)
        for move in step * np.eye(2)
    ]
    assert gradient == pytest.approx(differences, rel=1e-6)


@pytest.mark.parametrize("at_once", [7, 4_000_000])
def test_the_ways_to_arrange_a_design_give_the_same_sums(at_once, monkeypatch):
    monkeypatch.setattr(layout, "PAIRS_AT_ONCE", at_once)
    cross = reml._Sums.of(crossed_ratings(9, targets=30, raters=10)).cross
    rng = np.random.default_rng(0)
    data, weights, root = rng.random(cross.nnz), rng.random(30), rng.random((10, 10))
    inverse = np.triu(root @ root.T)

    pairs, filled = layout.Pairs.of(cross), layout.Filled(cross)

    assert np.triu(pairs.gram(data, weights)) == pytest.approx(np.triu(filled.gram(data, weights)))
    assert pairs.products(data, inverse) == pytest.approx(filled.products(data, inverse))


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_rows_give_the_same_fit(seed):
    ratings = crossed_ratings(10)

    assert answers(gaussian(shuffled(ratings, seed))) == pytest.approx(answers(gaussian(ratings)), abs=1e-9)


def test_renumbered_targets_and_raters_keep_their_answers():
    ratings = crossed_ratings(11)
    rng = np.random.default_rng(0)
    target, rater = rng.permutation(ratings.n_targets), rng.permutation(ratings.n_raters)

    fit = gaussian(ratings)
    renumbered = gaussian(replace(ratings, target=target[ratings.target], rater=rater[ratings.rater]))

    assert renumbered.measures[target] == pytest.approx(fit.measures)
    assert renumbered.severities[rater] == pytest.approx(fit.severities)
    assert renumbered.covariance[np.ix_(target, target)] == pytest.approx(fit.covariance)


def test_marks_in_other_units_give_measures_in_those_units():
    ratings = crossed_ratings(12)

    fit = gaussian(ratings)
    rescaled = gaussian(replace(ratings, values=20 * ratings.values - 7))

    assert rescaled.measures == pytest.approx(20 * fit.measures - 7)
    assert rescaled.standard_errors == pytest.approx(20 * fit.standard_errors)
    assert rescaled.severities == pytest.approx(20 * fit.severities)


def test_known_targets_raters_and_variances_are_recovered():
    ratings = crossed_ratings(13, targets=400, raters=100, per_pair=0.2, sd=(1.0, 0.5, 0.7))
    truth = np.random.default_rng(13)
    truth.random((400, 100))
    merit, severity = truth.normal(0, 1.0, 400), truth.normal(0, 0.5, 100)

    fit = gaussian(ratings)

    assert np.sqrt(list(fit.variances.values())) == pytest.approx([1.0, 0.5, 0.7], rel=0.1)
    z = (fit.effects - merit + merit.mean()) / fit.standard_errors
    assert z.std() == pytest.approx(1, abs=0.1)
    assert np.corrcoef(fit.severities, severity)[0, 1] > 0.98


def test_a_harsh_rater_has_high_severity_and_does_not_pull_his_targets_down():
    lenient = [
        (target, rater, 4.0 + 0.1 * ((target + rater) % 3)) for target in range(6) for rater in (0, 1, 2)
    ]
    harsh = [(target, 3, 2.5 + 0.1 * (target % 2)) for target in (0, 1, 2)]

    fit = gaussian(ratings_of(lenient + harsh))

    assert fit.severities.argmax() == 3
    assert fit.measures[:3].mean() == pytest.approx(fit.measures[3:].mean(), abs=0.05)


def test_targets_without_ratings_sit_at_the_mean_with_the_spread_of_targets():
    ratings = crossed_ratings(14)

    fit = gaussian(replace(ratings, n_targets=21, n_raters=7))

    assert fit.measures[20] == pytest.approx(fit.mean)
    assert fit.standard_errors[20] == pytest.approx(np.sqrt(fit.variances["target"]))
    assert fit.severity_standard_errors[6] == pytest.approx(np.sqrt(fit.variances["rater"]))
    assert fit.n_ratings[20] == 0
    assert fit.measures[:20] == pytest.approx(gaussian(ratings).measures)


def test_nested_raters_leave_independent_errors():
    assert gaussian(nested_ratings(15)).covariance is None


def test_many_targets_have_no_joint_covariance(monkeypatch):
    ratings = crossed_ratings(16)
    monkeypatch.setattr(reml, "COVARIANCE_LIMIT", 19)

    assert gaussian(ratings).covariance is None


def test_one_rater_leaves_severity_out():
    rows = [(target, 0, target + 0.5 * repeat) for target in range(4) for repeat in range(3)]

    fit = gaussian(ratings_of(rows))

    assert (fit.variances["rater"], fit.severities.tolist(), fit.severity_standard_errors.tolist()) == (
        0,
        [0],
        [0],
    )
    assert fit.record.remarks == ("There is one rater only: severity is left out of the model.",)


def test_raters_of_one_rating_each_are_counted_as_chance():
    rows = [(row % 4, row, row % 4 + 0.3 * (row % 5)) for row in range(20)]

    fit = gaussian(ratings_of(rows))

    assert fit.variances["rater"] == 0
    assert fit.record.remarks == (
        "Every rater gave one rating: severity cannot be told from chance and is left out of the model.",
    )


def test_a_variance_of_zero_is_remarked():
    fit = gaussian(crossed_ratings(4, sd=(0.0, 0.0, 1.0)))

    assert fit.variances["target"] == 0
    assert (fit.measures == fit.mean).all()
    assert any("variance of targets is estimated as zero" in remark for remark in fit.record.remarks)


def test_equal_ratings_give_no_variance_and_no_error():
    rows = [(target, rater, 4.0) for target in range(3) for rater in range(2)]

    fit = gaussian(ratings_of(rows))

    assert fit.measures.tolist() == [4, 4, 4]
    assert fit.standard_errors.tolist() == [0, 0, 0]
    assert dict(fit.variances) == {"target": 0, "rater": 0, "residual": 0}
    assert fit.record.remarks == ("All ratings of an indicator are equal: targets cannot be told apart.",)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(0, 0, 1.0), (0, 1, 2.0), (0, 2, 4.0)], "Only one target has ratings"),
        ([(0, 0, 1.0), (1, 0, 2.0), (2, 1, 4.0)], "Every target has one rating"),
        ([(0, 0, 1.0), (0, 0, 2.0), (1, 1, 4.0), (1, 1, 1.0)], "Each target has one rater of its own"),
        (
            [(t, r, t + 10.0 * r) for t in range(4) for r in range(3)],
            "Targets and raters reproduce the ratings exactly",
        ),
    ],
)
def test_what_nothing_can_tell_apart_is_refused(rows, reason):
    with pytest.raises(Unidentified, match=reason):
        gaussian(ratings_of(rows))


def test_raters_who_coincide_with_the_indicators_are_refused():
    rng = np.random.default_rng(0)
    rater = np.tile([0, 1], 20)
    ratings = Ratings(
        target=np.repeat(np.arange(10), 4),
        rater=rater,
        indicator=rater,
        values=rng.normal(size=40),
        n_targets=10,
        n_raters=2,
        n_indicators=2,
    )

    with pytest.raises(Unidentified, match="coincide with the indicators"):
        gaussian(ratings)


def test_an_indicator_without_ratings_is_refused():
    with pytest.raises(InvalidRatings, match=r"Indicator 2 has no ratings\."):
        gaussian(replace(crossed_ratings(17), n_indicators=3))


def panel(first_target, first_rater, targets, raters, seed):
    rng = np.random.default_rng(seed)
    return [(first_target + t, first_rater + r, rng.normal()) for t in range(targets) for r in range(raters)]


def test_groups_of_targets_that_share_no_rater_are_refused_and_listed():
    with pytest.raises(Unconnected) as caught:
        gaussian(ratings_of(panel(0, 0, 2, 2, seed=1) + panel(2, 2, 3, 2, seed=2)))

    assert [group.tolist() for group in caught.value.groups] == [[2, 3, 4], [0, 1]]
    assert str(caught.value) == (
        "The ratings fall into 2 groups of targets that share no rater, of 3, 2 targets. "
        "Let at least one rater of each group rate a target of another, or score the groups apart."
    )


def test_offices_that_rate_their_own_only_are_refused_and_one_common_rater_cures_it():
    offices = panel(0, 0, 4, 1, seed=3) + panel(4, 1, 4, 1, seed=4)
    common = [(target, 2, 0.3 * target) for target in range(8)]

    with pytest.raises(Unconnected):
        gaussian(ratings_of(offices + offices))
    assert gaussian(ratings_of(offices + common)).record.decrement < 1e-9


def test_single_targets_with_raters_of_their_own_beside_a_panel_are_measured():
    fit = gaussian(ratings_of(panel(0, 0, 6, 3, seed=5) + panel(6, 3, 1, 2, seed=6)))

    assert fit.standard_errors[6] > fit.standard_errors[0]


def test_running_out_of_iterations_carries_the_last_iterate():
    with pytest.raises(NotConverged) as caught:
        gaussian(crossed_ratings(18), max_iterations=0)

    assert caught.value.fit.record.stopped == "0 iterations were allowed."
    assert "One more step promised to lower the deviance by" in str(caught.value)


def test_factors_that_are_both_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(layout, "DENSE_LIMIT", 5)

    with pytest.raises(TooLarge, match="20 and 6 targets and raters are too many"):
        gaussian(crossed_ratings(19))
