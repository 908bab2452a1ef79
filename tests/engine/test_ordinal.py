from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from dongliang.engine.crossed import cumulative, laplace, ordinal
from dongliang.engine.errors import InvalidRatings, NotConverged, Unconnected, Unidentified
from tests.engine.drawn import crossed_ratings, ratings_of, shuffled
from tests.engine.drawn_marks import DESIGNS, SEPARATED, answers, ballots, marks, posed


def written_out(ratings, fit):
    """Laplace log-likelihood and covariance of the modes at the fit's parameters, by dense matrices over all ratings."""
    category = np.searchsorted(fit.categories, ratings.values)
    cuts = np.pad(fit.thresholds, ((0, 0), (1, 1)), constant_values=((0, 0), (-np.inf, np.inf)))
    high, low = cuts[ratings.indicator, category + 1], cuts[ratings.indicator, category]
    levels = np.zeros((len(ratings), ratings.n_targets + ratings.n_raters))
    levels[np.arange(len(ratings)), ratings.target] = fit.standard_deviations["target"]
    levels[np.arange(len(ratings)), ratings.n_targets + ratings.rater] = fit.standard_deviations["rater"]
    deviations = np.repeat(list(fit.standard_deviations.values()), [ratings.n_targets, ratings.n_raters])
    z = np.append(fit.measures, -fit.severities) / deviations
    for _ in range(5):
        upper, lower = expit(high - levels @ z), expit(low - levels @ z)
        curvature = np.eye(len(z)) + levels.T @ (
            (upper * (1 - upper) + lower * (1 - lower))[:, None] * levels
        )
        z = z + np.linalg.solve(curvature, levels.T @ (upper + lower - 1) - z)
    upper, lower = expit(high - levels @ z), expit(low - levels @ z)
    spread = np.diag(deviations)
    value = np.log(upper - lower).sum() - z @ z / 2 - np.linalg.slogdet(curvature)[1] / 2
    return value, spread @ z, spread @ np.linalg.inv(curvature) @ spread


@pytest.mark.parametrize("thresholds", ["common", "indicator"])
@pytest.mark.parametrize("ratings", DESIGNS.values(), ids=DESIGNS.keys())
def test_the_fit_says_what_matrices_over_all_ratings_say(ratings, thresholds):
    fit = ordinal(ratings, thresholds=thresholds)

    log_likelihood, modes, covariance = written_out(ratings, fit)
    errors = np.sqrt(covariance.diagonal())
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-8)
    assert np.append(fit.measures, -fit.severities) == pytest.approx(modes, abs=1e-7)
    assert np.append(fit.standard_errors, fit.severity_standard_errors) == pytest.approx(errors, abs=1e-7)
    if fit.covariance is not None:
        assert fit.covariance == pytest.approx(covariance[: ratings.n_targets, : ratings.n_targets], abs=1e-7)


@pytest.mark.parametrize("ratings", DESIGNS.values(), ids=DESIGNS.keys())
def test_moving_any_parameter_lowers_the_likelihood_by_what_its_standard_error_says(ratings):
    fit = ordinal(ratings, thresholds="indicator")

    for name, deviation in fit.standard_deviations.items():
        step = 0.05 * fit.standard_deviation_errors[name]
        values = [
            written_out(
                ratings, replace(fit, standard_deviations={**fit.standard_deviations, name: deviation + move})
            )[0]
            for move in (-step, step)
        ]
        # With the others held the fall is no less than with the others adapting, which the standard error stands for.
        assert max(values) < fit.log_likelihood - 0.4 * 0.05**2
    for place, error in np.ndenumerate(fit.threshold_standard_errors):
        move = np.zeros_like(fit.thresholds)
        move[place] = 0.02 * error
        values = [
            written_out(ratings, replace(fit, thresholds=fit.thresholds + sign * move))[0] for sign in (-1, 1)
        ]
        assert max(values) < fit.log_likelihood - 0.4 * 0.02**2


@pytest.mark.parametrize("ratings", DESIGNS.values(), ids=DESIGNS.keys())
def test_the_gradient_agrees_with_finite_differences(ratings):
    problem, free = posed(ratings, ("target", "rater"))
    point = cumulative.start(problem, free)
    step = 1e-5

    gradient = laplace.slope_at(problem, point).gradient

    differences = [
        laplace.evaluate(problem, point.parameters + move, point.z).log_likelihood
        - laplace.evaluate(problem, point.parameters - move, point.z).log_likelihood
        for move in step * np.eye(len(gradient))
    ]
    assert gradient == pytest.approx(np.array(differences) / (2 * step), rel=1e-6, abs=1e-6)


def test_standard_errors_are_those_of_the_second_differences_of_the_likelihood():
    ratings = marks(7, targets=12, raters=5, indicators=1)

    fit = ordinal(ratings)

    parameters = [*fit.thresholds[0], *fit.standard_deviations.values()]

    def log_likelihood(values):
        deviations = dict(zip(("target", "rater"), values[-2:], strict=True))
        return written_out(
            ratings, replace(fit, thresholds=values[None, :-2], standard_deviations=deviations)
        )[0]

    moves = 1e-3 * np.eye(len(parameters))
    bends = [
        [
            sum(
                sign * other * log_likelihood(parameters + sign * first + other * second)
                for sign in (-1, 1)
                for other in (-1, 1)
            )
            / 4e-6
            for second in moves
        ]
        for first in moves
    ]
    errors = np.sqrt(np.linalg.inv(-np.array(bends)).diagonal())
    given = [*fit.threshold_standard_errors[0], *fit.standard_deviation_errors.values()]
    assert given == pytest.approx(errors, rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_rows_give_the_same_fit(seed):
    ratings = marks(10)

    assert answers(ordinal(shuffled(ratings, seed))) == pytest.approx(answers(ordinal(ratings)), abs=1e-9)


def test_renumbered_targets_and_raters_keep_their_answers():
    ratings = marks(11)
    rng = np.random.default_rng(0)
    target, rater = rng.permutation(ratings.n_targets), rng.permutation(ratings.n_raters)

    fit = ordinal(ratings)
    renumbered = ordinal(replace(ratings, target=target[ratings.target], rater=rater[ratings.rater]))

    assert renumbered.measures[target] == pytest.approx(fit.measures, abs=1e-6)
    assert renumbered.severities[rater] == pytest.approx(fit.severities, abs=1e-6)
    assert renumbered.covariance[np.ix_(target, target)] == pytest.approx(fit.covariance, abs=1e-6)


def test_only_the_order_of_the_marks_matters():
    ratings = marks(12)
    names = np.array([0.0, -40.0, 1.5, 2.0, 300.0, 1e9])

    fit = ordinal(ratings)
    renamed = ordinal(replace(ratings, values=names[ratings.values.astype(int)]))

    assert renamed.measures.tolist() == fit.measures.tolist()
    assert renamed.log_likelihood == fit.log_likelihood
    assert renamed.categories.tolist() == names[1:].tolist()


def test_marks_turned_upside_down_turn_measures_and_severities():
    ratings = marks(13)

    fit = ordinal(ratings)
    turned = ordinal(replace(ratings, values=6 - ratings.values))

    assert turned.measures == pytest.approx(-fit.measures, abs=1e-5)
    assert turned.severities == pytest.approx(-fit.severities, abs=1e-5)
    assert turned.thresholds == pytest.approx(-fit.thresholds[:, ::-1], abs=1e-5)


def test_known_targets_thresholds_and_deviations_are_recovered():
    rng = np.random.default_rng(14)
    target, rater = (codes.ravel() for codes in np.indices((300, 40)))
    met = rng.random(len(target)) < 0.3
    merit, leniency = rng.normal(0, 1.2, 300), rng.normal(0, 0.6, 40)
    rows = [
        (t, r, float(np.digitize(merit[t] + leniency[r] + rng.logistic(), [-2, -0.5, 1, 2.5])))
        for t, r in zip(target[met], rater[met], strict=True)
    ]

    fit = ordinal(ratings_of(rows))

    assert fit.thresholds[0] == pytest.approx([-2, -0.5, 1, 2.5], abs=0.35)
    assert [fit.standard_deviations["target"], fit.standard_deviations["rater"]] == pytest.approx(
        [1.2, 0.6], rel=0.15
    )
    z = (fit.measures - merit + merit.mean()) / fit.standard_errors
    assert z.std() == pytest.approx(1, abs=0.12)
    assert np.corrcoef(-fit.severities, leniency)[0, 1] > 0.95


def test_fair_marks_rise_with_the_measures_within_the_marks_given():
    fit = ordinal(marks(15))

    order = np.argsort(fit.measures)
    assert (np.diff(fit.fair_marks[order]) > 0).all()
    assert 1 < fit.fair_marks.min() < fit.fair_marks.max() < 5


def test_two_categories_are_enough():
    ratings = marks(16)

    fit = ordinal(replace(ratings, values=(ratings.values > 3).astype(float)))

    assert fit.thresholds.shape == (2, 1)
    assert fit.record.decrement <= fit.record.tolerance


def test_targets_without_ratings_sit_at_zero_with_the_spread_of_targets():
    ratings = marks(17)

    fit = ordinal(replace(ratings, n_targets=21, n_raters=7))

    assert (fit.measures[20], fit.n_ratings[20]) == (0, 0)
    assert fit.standard_errors[20] == pytest.approx(fit.standard_deviations["target"])
    assert fit.severity_standard_errors[6] == pytest.approx(fit.standard_deviations["rater"])
    assert fit.measures[:20] == pytest.approx(ordinal(ratings).measures, abs=1e-6)


def test_nested_raters_leave_independent_errors():
    assert ordinal(ballots(18)).covariance is None


def test_many_targets_have_no_joint_covariance(monkeypatch):
    monkeypatch.setattr(cumulative, "COVARIANCE_LIMIT", 19)

    assert ordinal(marks(19)).covariance is None


def test_an_indicator_of_thresholds_of_its_own_need_not_use_every_category():
    ratings = marks(20)
    second = ratings.indicator == 1
    values = np.where(second & (ratings.values == 3), 4, ratings.values)
    values = np.where(second & (values == 1), 2, values)

    fit = ordinal(replace(ratings, values=values), thresholds="indicator")

    assert np.isfinite(fit.thresholds[0]).all()
    assert fit.thresholds[1, 0] == -np.inf
    assert fit.thresholds[1, 1] == fit.thresholds[1, 2] < fit.thresholds[1, 3]
    assert np.isnan(fit.threshold_standard_errors[1]).tolist() == [True, False, False, False]
    assert np.isnan(fit.indicator_effects).all()


def test_a_category_that_nobody_used_does_not_exist():
    ratings = marks(21)

    fit = ordinal(replace(ratings, values=np.where(ratings.values == 3, 4, ratings.values)))

    assert fit.categories.tolist() == [1, 2, 4, 5]


def test_one_rater_leaves_severity_out():
    rows = [(target, 0, float((7 * target + k * k) % 4)) for target in range(10) for k in range(4)]

    fit = ordinal(ratings_of(rows))

    assert (fit.standard_deviations["rater"], fit.severities.tolist()) == (0, [0])
    assert np.isnan(fit.standard_deviation_errors["rater"])
    assert fit.record.remarks == ("There is one rater only: severity is left out of the model.",)


def test_raters_of_one_rating_each_are_counted_as_chance():
    rows = [(row % 10, row, float((row % 10 + (row // 10) ** 2) % 4)) for row in range(40)]

    fit = ordinal(ratings_of(rows))

    assert fit.record.remarks == (
        "Every rater gave one rating: severity cannot be told from chance and is left out of the model.",
    )


def test_variances_of_zero_are_remarked():
    chance = np.random.default_rng(1).integers(1, 4, len(marks(22))).astype(float)

    fit = ordinal(replace(marks(22), values=chance))

    assert dict(fit.standard_deviations) == {"target": 0, "rater": 0}
    assert not fit.measures.any()
    assert not fit.severities.any()
    assert np.isnan(list(fit.standard_deviation_errors.values())).all()
    assert sorted(fit.record.remarks) == [
        f"The variance of {name} is estimated as zero: their differences are no larger than chance would make them."
        for name in ("raters", "targets")
    ]


@pytest.mark.parametrize("thresholds", ["common", "indicator"])
@pytest.mark.parametrize(("marks_of", "cuts"), [((4, 4), []), ((3, 5), [[np.inf], [-np.inf]])])
def test_ratings_equal_within_indicators_tell_nothing_apart(marks_of, cuts, thresholds):
    ratings = marks(23)

    fit = ordinal(
        replace(ratings, values=np.array(marks_of, dtype=float)[ratings.indicator]), thresholds=thresholds
    )

    assert fit.measures.tolist() == fit.standard_errors.tolist() == [0] * 20
    assert fit.fair_marks.tolist() == [4] * 20
    assert fit.thresholds.tolist() == (cuts or [[], []])
    assert fit.record.remarks == ("All ratings of an indicator are equal: targets cannot be told apart.",)


@pytest.mark.parametrize("mark", SEPARATED.values(), ids=SEPARATED.keys())
def test_perfect_separation_is_refused(mark):
    target, rater, indicator = (codes.ravel() for codes in np.indices((12, 6, 2)))
    rows = zip(target, rater, indicator, strict=True)
    ratings = replace(
        crossed_ratings(0),
        target=target,
        rater=rater,
        indicator=indicator,
        values=np.array([float(mark(*row)) for row in rows]),
    )

    with pytest.raises(Unidentified, match="separate targets, raters or indicators perfectly"):
        ordinal(ratings)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(0, 0, 1.0), (0, 1, 2.0), (0, 2, 4.0)], "Only one target has ratings"),
        ([(0, 0, 1.0), (1, 0, 2.0), (2, 1, 4.0)], "Every target has one rating"),
        ([(0, 0, 1.0), (0, 0, 2.0), (1, 1, 4.0), (1, 1, 1.0)], "Each target has one rater of its own"),
    ],
)
def test_what_nothing_can_tell_apart_is_refused(rows, reason):
    with pytest.raises(Unidentified, match=reason):
        ordinal(ratings_of(rows))


def test_groups_of_targets_that_share_no_rater_are_refused_and_listed():
    rows = [(t, r, float((t + r * r) % 3)) for t in range(6) for r in range(6) if (t < 2) == (r < 3)]

    with pytest.raises(Unconnected) as caught:
        ordinal(ratings_of(rows))

    assert [group.tolist() for group in caught.value.groups] == [[2, 3, 4, 5], [0, 1]]


def test_an_indicator_without_ratings_is_refused():
    with pytest.raises(InvalidRatings, match=r"Indicator 2 has no ratings\."):
        ordinal(replace(marks(24), n_indicators=3))


def test_features_of_indicators_replace_their_own_effects():
    ratings = marks(25, indicators=3)

    free = ordinal(ratings)
    described = ordinal(ratings, features=np.array([[0.0, 7.0], [1000.0, 8.0], [0.0, 9.0]]))
    evenly = ordinal(ratings, features=np.array([[-1.0], [0.0], [1.0]]))

    assert described.log_likelihood == pytest.approx(free.log_likelihood, abs=1e-7)
    assert described.indicator_effects == pytest.approx(free.indicator_effects, abs=1e-4)
    assert np.diff(evenly.indicator_effects)[0] == pytest.approx(np.diff(evenly.indicator_effects)[1])
    assert evenly.log_likelihood < free.log_likelihood


@pytest.mark.parametrize(
    ("features", "thresholds", "refusal", "reason"),
    [
        (np.ones((3, 1)), "common", InvalidRatings, r"features has the shape \(3, 1\)"),
        (np.array([[1.0], [np.nan]]), "common", InvalidRatings, "a row of finite numbers for each of 2"),
        (np.ones((2, 1)), "common", Unidentified, "the same for all indicators, or a sum of others"),
        (np.array([[0.0], [1.0]]), "indicator", InvalidRatings, "Features go with common thresholds"),
    ],
)
def test_features_that_do_not_fit_are_refused(features, thresholds, refusal, reason):
    with pytest.raises(refusal, match=reason):
        ordinal(marks(26), features=features, thresholds=thresholds)


def test_running_out_of_iterations_carries_the_last_iterate():
    with pytest.raises(NotConverged) as caught:
        ordinal(marks(27), max_iterations=1)

    assert caught.value.fit.record.stopped == "1 iterations were allowed."
    assert "One more step promised to raise the log-likelihood by" in str(caught.value)


@pytest.mark.parametrize("seed", range(8))
def test_small_designs_of_every_shape_are_fitted_to_the_top(seed):
    rng = np.random.default_rng([seed, 28])
    targets, raters = rng.integers(6, 12), rng.integers(3, 10)
    ratings = crossed_ratings(seed, targets=targets, raters=raters, indicators=int(rng.integers(1, 4)))
    latent = (ratings.values - 3) * rng.choice([0.3, 1.0, 2.0]) + rng.logistic(size=len(ratings))

    fit = ordinal(replace(ratings, values=np.clip(np.round(latent), -1, 2)), thresholds="indicator")

    assert fit.record.decrement <= fit.record.tolerance
    assert fit.record.evaluations < 60
