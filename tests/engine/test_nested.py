from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit

from dongliang.engine import crossed, nested
from dongliang.engine.data import Ratings, Tally
from dongliang.engine.errors import InvalidRatings, NotConverged, Unidentified
from dongliang.engine.nested import laplace, reml


def drawn(
    seed, *, targets=12, ballots=300, indicators=3, sd=(0.6, 1.2), blank=0.1, cuts=(-2.5, -1.5, 0.0, 1.5)
):
    """A tally of ballots with known effects: targets, indicators, cuts, and standard deviations of target and ballot."""
    rng = np.random.default_rng(seed)
    merit, home = rng.normal(0, sd[0], targets), rng.integers(0, targets, ballots)
    level = (merit[home] + rng.normal(0, sd[1], ballots))[:, None] + np.linspace(-0.3, 0.3, indicators)
    marks = 1 + (level[..., None] + rng.logistic(size=(ballots, indicators, 1)) > np.array(cuts)).sum(axis=2)
    marks[rng.random(marks.shape) < blank] = 0
    return tallied(home, marks, targets), merit


def tallied(home, marks, targets):
    rows, count = np.unique(np.column_stack([home, marks]), axis=0, return_counts=True)
    return Tally(target=rows[:, 0], marks=rows[:, 1:], count=count, n_targets=targets)


def written_out(tally):
    """Every ballot as a rater of its own, in the order of the tally's rows."""
    target, marks = np.repeat(tally.target, tally.count), np.repeat(tally.marks, tally.count, axis=0)
    ballot, indicator = np.nonzero(marks)
    return Ratings(
        target=target[ballot],
        rater=ballot,
        indicator=indicator,
        values=marks[ballot, indicator].astype(float),
        n_targets=tally.n_targets,
        n_raters=len(marks),
        n_indicators=tally.n_indicators,
    )


def gaussian_answers(fit, rows=slice(None)):
    return np.concatenate(
        [
            fit.measures,
            fit.standard_errors,
            fit.severities[rows],
            fit.severity_standard_errors[rows],
            fit.indicator_effects,
            [fit.mean, fit.mean_standard_error, fit.log_likelihood, *fit.variances.values()],
        ]
    )


def ordinal_answers(fit, rows=slice(None)):
    return np.concatenate(
        [
            fit.measures,
            fit.standard_errors,
            fit.severities[rows],
            fit.severity_standard_errors[rows],
            fit.thresholds.ravel(),
            fit.threshold_standard_errors.ravel(),
            fit.indicator_effects,
            fit.fair_marks,
            [fit.log_likelihood, *fit.standard_deviations.values(), *fit.standard_deviation_errors.values()],
        ]
    )


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    "tally",
    [
        drawn(1)[0],
        drawn(2, blank=0.6)[0],
        drawn(3, targets=200, ballots=260)[0],
        drawn(4, indicators=1, blank=0)[0],
        drawn(5, sd=(0.0, 1.0))[0],
        drawn(6, sd=(0.8, 0.0), blank=0)[0],
        replace(drawn(7)[0], n_targets=14),
    ],
    ids=[
        "some blank",
        "mostly blank",
        "thin",
        "one mark each",
        "equal targets",
        "no halo",
        "targets without ballots",
    ],
)
def test_the_gaussian_fit_is_that_of_the_ballots_written_out(tally, reml):
    first = np.minimum(np.cumsum(tally.count) - tally.count, tally.count.sum() - 1)

    fit = nested.gaussian(tally, reml=reml)

    ratings = written_out(tally)
    expected = crossed.gaussian(ratings, reml=reml)
    assert gaussian_answers(fit) == pytest.approx(gaussian_answers(expected, first), abs=1e-8)
    assert fit.n_ratings.tolist() == expected.n_ratings.tolist()


def test_the_gaussian_gradient_agrees_with_finite_differences():
    sums = reml._Sums.of(drawn(8)[0])
    tau, step = np.array([0.7, 1.9]), 1e-5

    point = reml._evaluate(sums, tau, reml=True)

    slopes = [
        (reml._evaluate(sums, tau + move, True).deviance - reml._evaluate(sums, tau - move, True).deviance)
        / (2 * step)
        for move in step * np.eye(2)
    ]
    assert point.gradient == pytest.approx(slopes, rel=1e-6)


def laplace_log_likelihood(tally, cuts, target_sd, ballot_sd):
    """Summed up ballot by ballot on a fine grid, and target by target around its own mode."""
    nodes = np.linspace(-9, 9, 181)
    weights = np.exp(-(nodes**2) / 2)
    weights /= weights.sum()
    edges = np.column_stack([np.full(len(cuts), -np.inf), cuts, np.full(len(cuts), np.inf)])

    def log_likelihood(effect, rows):
        level = effect + ballot_sd * nodes
        total = np.ones((rows.sum(), len(nodes)))
        for indicator, marks in enumerate(tally.marks[rows].T):
            given = marks > 0
            upper, lower = edges[indicator, marks[given]], edges[indicator, marks[given] - 1]
            total[given] *= expit(upper[:, None] - level) - expit(lower[:, None] - level)
        return float(tally.count[rows] @ np.log(total @ weights))

    whole = 0.0
    for target in range(tally.n_targets):
        rows = tally.target == target

        def penalised(effect, rows=rows):
            return log_likelihood(effect, rows) - (effect / target_sd) ** 2 / 2

        mode = minimize_scalar(
            lambda effect: -penalised(effect), bounds=(-6, 6), method="bounded", options={"xatol": 1e-8}
        ).x
        step = 1e-3
        bend = (penalised(mode + step) - 2 * penalised(mode) + penalised(mode - step)) / step**2
        whole += penalised(mode) - np.log(-bend * target_sd**2) / 2
    return whole


@pytest.mark.parametrize("indicators", [1, 3])
def test_the_ordinal_likelihood_is_that_of_the_ballots_one_by_one(indicators):
    tally = drawn(9, targets=4, ballots=60, indicators=indicators)[0]
    patterns = laplace._Patterns.of(tally)
    parameters = np.append([-2.0, 0.1, 0.4, 0.3, 0.2, -0.4][: 3 + indicators], np.log([1.4, 0.7]))
    free = np.ones(len(parameters), dtype=bool)

    top = laplace._evaluate(patterns, parameters, free, np.zeros(4))

    cuts = top.thresholds - top.effects[:, None]
    assert len(top.thresholds) == 4
    assert top.log_likelihood == pytest.approx(laplace_log_likelihood(tally, cuts, 0.7, 1.4), abs=1e-5)


@pytest.mark.parametrize("sds", [(0.3, 0.2), (2.0, 0.5), (0.8, 2.5)])
def test_the_ordinal_gradient_agrees_with_finite_differences(sds):
    tally = drawn(10)[0]
    patterns = laplace._Patterns.of(tally)
    parameters = np.concatenate([laplace._starting(patterns)[:-2], np.log(sds)])
    free = np.ones(len(parameters), dtype=bool)

    def at(parameters):
        return laplace._evaluate(patterns, parameters, free, np.zeros(12))

    slopes = [
        (at(parameters + move).log_likelihood - at(parameters - move).log_likelihood) / 2e-4
        for move in 1e-4 * np.eye(len(parameters))
    ]
    assert at(parameters).gradient == pytest.approx(slopes, abs=1e-4)


@pytest.mark.parametrize("indicators", [1, 4, 11])
@pytest.mark.parametrize("sd", [0.06, 0.4, 3.0])
def test_finer_grids_do_not_change_the_ordinal_likelihood(indicators, sd, monkeypatch):
    tally = drawn(11, indicators=indicators)[0]
    patterns = laplace._Patterns.of(tally)
    parameters = np.concatenate([laplace._starting(patterns)[:-2], np.log([sd, 0.8])])
    free = np.ones(len(parameters), dtype=bool)

    coarse = laplace._evaluate(patterns, parameters, free, np.zeros(12))
    for name in ("STEP_IN_SD", "STEP"):
        monkeypatch.setattr(laplace, name, getattr(laplace, name) / 2)
    monkeypatch.setattr(laplace, "REACH", 1.5 * laplace.REACH)
    monkeypatch.setattr(laplace, "POINTS", (2 * laplace.POINTS[0], 2 * laplace.POINTS[1]))
    fine = laplace._evaluate(patterns, parameters, free, np.zeros(12))

    assert coarse.log_likelihood == pytest.approx(fine.log_likelihood, abs=1e-6)
    assert coarse.z == pytest.approx(fine.z, abs=1e-6)


def test_ballots_of_one_mark_are_fitted_as_the_crossed_model_fits_them():
    tally = drawn(12, indicators=1, blank=0)[0]

    fit = nested.ordinal(tally)

    expected = crossed.ordinal(written_out(tally))
    assert fit.log_likelihood == pytest.approx(expected.log_likelihood, abs=1e-5)
    assert fit.thresholds == pytest.approx(expected.thresholds, abs=1e-4)
    assert fit.measures == pytest.approx(expected.measures, abs=1e-4)
    assert fit.standard_errors == pytest.approx(expected.standard_errors, abs=1e-4)
    assert fit.standard_deviations["target"] == pytest.approx(
        expected.standard_deviations["target"], abs=1e-4
    )
    assert (fit.standard_deviations["rater"], set(fit.severities)) == (0, {0})
    assert fit.record.remarks == (
        "Every ballot has one mark: severity cannot be told from chance and is left out of the model.",
    )


@pytest.mark.parametrize("fit_of", [nested.gaussian, nested.ordinal])
@pytest.mark.parametrize("seed", range(3))
def test_shuffled_and_split_rows_give_the_same_fit(fit_of, seed):
    tally = drawn(13)[0]
    rng = np.random.default_rng(seed)
    order = rng.permutation(2 * len(tally))
    part = rng.integers(0, tally.count + 1)
    split = Tally(
        target=np.tile(tally.target, 2)[order],
        marks=np.tile(tally.marks, (2, 1))[order],
        count=np.concatenate([part, tally.count - part])[order],
        n_targets=tally.n_targets,
    )
    answers = gaussian_answers if fit_of is nested.gaussian else ordinal_answers

    # Where each row of the tally went, in its first half.
    place = np.argsort(order)[: len(tally)]
    assert answers(fit_of(split), place) == pytest.approx(answers(fit_of(tally)), abs=1e-6)


@pytest.mark.parametrize("fit_of", [nested.gaussian, nested.ordinal])
def test_renumbered_targets_and_indicators_keep_their_answers(fit_of):
    tally = drawn(14)[0]
    target, indicator = np.random.default_rng(0).permutation(12), np.array([2, 0, 1])

    fit = fit_of(tally)
    renumbered = fit_of(replace(tally, target=target[tally.target], marks=tally.marks[:, indicator]))

    assert renumbered.measures[target] == pytest.approx(fit.measures, abs=1e-5)
    assert renumbered.severities == pytest.approx(fit.severities, abs=1e-5)
    assert renumbered.indicator_effects == pytest.approx(fit.indicator_effects[indicator], abs=1e-5)


def test_marks_of_other_names_in_the_same_order_give_the_same_ordinal_fit():
    tally = drawn(15)[0]

    fit = nested.ordinal(tally)
    renamed = nested.ordinal(replace(tally, marks=np.array([0, 2, 3, 10, 60, 100])[tally.marks]))

    assert renamed.measures.tolist() == fit.measures.tolist()
    assert renamed.categories.tolist() == [2, 3, 10, 60, 100]
    assert fit.fair_marks.min() > 1
    assert renamed.fair_marks.max() < 100


def test_marks_counted_from_the_other_end_turn_the_ordinal_scale_round():
    tally = drawn(16)[0]

    fit = nested.ordinal(tally)
    turned = nested.ordinal(replace(tally, marks=np.where(tally.marks > 0, 6 - tally.marks, 0)))

    assert turned.log_likelihood == pytest.approx(fit.log_likelihood)
    assert turned.measures == pytest.approx(-fit.measures, abs=1e-4)
    assert turned.thresholds == pytest.approx(-fit.thresholds[:, ::-1], abs=1e-4)


def test_known_effects_and_standard_deviations_are_recovered():
    tally, merit = drawn(17, targets=200, ballots=20_000, sd=(0.6, 1.8))

    fit = nested.ordinal(tally)

    errors = fit.standard_deviation_errors
    assert fit.standard_deviations["rater"] == pytest.approx(1.8, abs=3 * errors["rater"])
    assert fit.standard_deviations["target"] == pytest.approx(merit.std(), abs=3 * errors["target"])
    z = (fit.measures - merit + merit.mean()) / fit.standard_errors
    assert z.std() == pytest.approx(1, abs=0.15)
    assert fit.indicator_effects == pytest.approx(
        [-0.3, 0, 0.3], abs=4 * fit.indicator_effect_standard_errors.max()
    )
    assert fit.thresholds + fit.indicator_effects[:, None] - merit.mean() == pytest.approx(
        np.tile([-2.5, -1.5, 0.0, 1.5], (3, 1)), abs=0.15
    )


def test_ordinal_standard_errors_come_from_the_curvature_of_the_likelihood():
    tally = drawn(18)[0]

    fit = nested.ordinal(tally)

    patterns = laplace._Patterns.of(tally)
    free = np.ones(8, dtype=bool)
    thresholds = fit.thresholds[0] + fit.indicator_effects[0]
    parameters = np.concatenate(
        [
            [thresholds[0]],
            np.log(np.diff(thresholds)),
            fit.indicator_effects[:-1],
            np.log([fit.standard_deviations["rater"], fit.standard_deviations["target"]]),
        ]
    )
    moves = 1e-3 * np.eye(8)

    def at(parameters):
        return laplace._evaluate(patterns, parameters, free, np.zeros(12)).log_likelihood

    bends = np.array(
        [
            [
                at(parameters + a + b)
                - at(parameters + a - b)
                - at(parameters - a + b)
                + at(parameters - a - b)
                for a in moves
            ]
            for b in moves
        ]
    )
    errors = np.sqrt(np.linalg.inv(-bends / 4e-6).diagonal())
    assert fit.standard_deviation_errors["rater"] / fit.standard_deviations["rater"] == pytest.approx(
        errors[-2], rel=0.01
    )
    assert fit.standard_deviation_errors["target"] / fit.standard_deviations["target"] == pytest.approx(
        errors[-1], rel=0.01
    )
    assert fit.indicator_effect_standard_errors[:2] == pytest.approx(errors[4:6], rel=0.01)


def test_modes_far_from_where_they_are_sought_are_found():
    tally = drawn(18)[0]
    patterns = laplace._Patterns.of(tally)
    parameters = laplace._starting(patterns) + np.append(np.zeros(7), 2.0)
    free = np.ones(8, dtype=bool)

    near = laplace._evaluate(patterns, parameters, free, np.zeros(12))
    again = laplace._evaluate(patterns, parameters, free, near.z)

    assert np.abs(near.z * near.sds[1]).max() > 0.5
    assert again.log_likelihood == pytest.approx(near.log_likelihood, abs=1e-7)


def test_severities_are_posterior_means_of_what_ballots_share():
    tally = drawn(19, targets=6, ballots=3_000, indicators=4, blank=0)[0]

    fit = nested.ordinal(tally)

    total = tally.marks.sum(axis=1)
    assert np.corrcoef(fit.severities, total)[0, 1] < -0.9
    sd = fit.standard_deviations["rater"]
    # What is known varies, and what is not known remains: together the variance of all ballots.
    together = np.average(fit.severities**2 + fit.severity_standard_errors**2, weights=tally.count)
    assert together == pytest.approx(sd**2, rel=0.03)


def test_a_blank_ballot_says_nothing():
    tally = drawn(20)[0]
    blank = Tally(
        target=np.append(tally.target, 0),
        marks=np.vstack([tally.marks, np.zeros((1, 3), dtype=int)]),
        count=np.append(tally.count, 50),
        n_targets=12,
    )

    fit, more = nested.ordinal(tally), nested.ordinal(blank)

    assert more.measures == pytest.approx(fit.measures, abs=1e-6)
    assert more.severities[-1] == pytest.approx(0, abs=1e-6)
    assert more.severity_standard_errors[-1] == pytest.approx(fit.standard_deviations["rater"], abs=1e-5)


@pytest.mark.parametrize("fit_of", [nested.gaussian, nested.ordinal])
def test_a_row_of_no_ballots_says_nothing(fit_of):
    tally = drawn(26)[0]
    more = Tally(
        target=np.append(tally.target, 3),
        marks=np.vstack([tally.marks, [[9, 9, 0]]]),
        count=np.append(tally.count, 0),
        n_targets=12,
    )

    assert fit_of(more).measures == pytest.approx(fit_of(tally).measures, abs=1e-7)


def test_a_target_without_ballots_sits_at_the_middle_with_the_spread_of_targets():
    fit = nested.ordinal(replace(drawn(21)[0], n_targets=13))

    assert (fit.measures[12], fit.n_ratings[12]) == (pytest.approx(0, abs=1e-9), 0)
    assert fit.standard_errors[12] == pytest.approx(fit.standard_deviations["target"])


def test_equal_targets_and_ballots_without_halo_have_no_variance():
    rng = np.random.default_rng(0)
    home, marks = rng.integers(0, 10, 2_000), rng.integers(1, 4, (2_000, 3))
    # Whoever gives one high mark gives low ones beside it: less alike than chance.
    marks[:, 1] = 4 - marks[:, 0]

    fit = nested.ordinal(tallied(home, marks, 10))

    assert fit.standard_deviations["rater"] == 0
    assert np.isnan(fit.standard_deviation_errors["rater"])
    assert (fit.severities == 0).all()
    assert (
        "The variance of raters is estimated as zero: their differences are no larger than chance would make them."
        in fit.record.remarks
    )


def test_targets_of_nothing_but_the_highest_mark_are_measured():
    tally = drawn(22)[0]
    marks = np.where((tally.target == 3)[:, None] & (tally.marks > 0), 5, tally.marks)

    fit = nested.ordinal(replace(tally, marks=marks))

    assert fit.measures.argmax() == 3
    assert np.isfinite(fit.measures).all()
    assert fit.standard_errors.argmax() == 3


def test_equal_marks_give_no_variance_and_no_error():
    tally = Tally(target=[0, 1], marks=[[4, 4], [4, 4]], count=[3, 5], n_targets=2)

    gaussian, ordinal = nested.gaussian(tally), nested.ordinal(tally)

    assert gaussian.measures.tolist() == [4, 4]
    assert gaussian.standard_errors.tolist() == [0, 0]
    assert dict(gaussian.variances) == {"target": 0, "rater": 0, "residual": 0}
    assert ordinal.measures.tolist() == ordinal.standard_errors.tolist() == [0, 0]
    assert ordinal.fair_marks.tolist() == [4, 4]
    assert ordinal.record.remarks == ("All ratings are equal: there is nothing to tell apart.",)


@pytest.mark.parametrize("fit_of", [nested.gaussian, nested.ordinal])
@pytest.mark.parametrize(
    ("target", "marks", "reason"),
    [
        ([0, 0], [[1, 2], [3, 3]], "Only one target has ratings"),
        ([0, 1, 2], [[1, 0], [0, 3], [2, 0]], "Every target has one rating"),
        ([0, 1], [[1, 2], [3, 3]], "Each target has one ballot"),
    ],
)
def test_what_nothing_can_tell_apart_is_refused(fit_of, target, marks, reason):
    with pytest.raises(Unidentified, match=reason):
        fit_of(Tally(target=target, marks=marks, count=[1] * len(target), n_targets=3))


@pytest.mark.parametrize("fit_of", [nested.gaussian, nested.ordinal])
def test_an_indicator_without_marks_is_refused(fit_of):
    tally = drawn(23)[0]

    with pytest.raises(InvalidRatings, match=r"Indicator 3 has no marks\."):
        fit_of(replace(tally, marks=np.column_stack([tally.marks, np.zeros(len(tally), dtype=int)])))


def test_an_indicator_of_nothing_but_the_highest_mark_is_refused_by_the_ordinal_model():
    tally = drawn(24)[0]
    marks = tally.marks.copy()
    marks[:, 1] = 5

    with pytest.raises(
        Unidentified, match=r"Indicator 1 got nothing but the lowest or nothing but the highest mark"
    ):
        nested.ordinal(replace(tally, marks=marks))


def test_targets_that_marks_separate_perfectly_are_refused_by_the_ordinal_model():
    tally = Tally(target=[0, 1, 2, 3], marks=[[1, 1], [5, 5], [1, 1], [5, 5]], count=[50] * 4, n_targets=4)

    with pytest.raises(Unidentified, match="separate the targets or the ballots perfectly"):
        nested.ordinal(tally)


def test_marks_that_the_effects_reproduce_are_refused_by_the_gaussian_model():
    tally = Tally(target=[0, 0, 1], marks=[[1, 2], [2, 3], [4, 5]], count=[2, 1, 3], n_targets=2)

    with pytest.raises(Unidentified, match="Targets and ballots reproduce the ratings exactly"):
        nested.gaussian(tally)


@pytest.mark.parametrize("fit_of", [nested.gaussian, nested.ordinal])
def test_running_out_of_iterations_carries_the_last_iterate(fit_of):
    with pytest.raises(NotConverged) as caught:
        fit_of(drawn(25)[0], max_iterations=0)

    assert caught.value.fit.record.stopped == "0 iterations were allowed."
    assert "One more step promised to lower the deviance by" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"marks": [[1.5, 2.0], [1.0, 1.0]]},
            "marks has the shape (2, 2) and the type float64. Give a row of whole marks a pattern.",
        ),
        (
            {"marks": [1, 2]},
            "marks has the shape (2,) and the type int64. Give a row of whole marks a pattern.",
        ),
        ({"marks": [[1, 2], [3, -1]]}, "marks[1, 1] is -1. Give a mark from 1 to 100, or 0 for none."),
        ({"marks": [[1, 2], [101, 1]]}, "marks[1, 0] is 101. Give a mark from 1 to 100, or 0 for none."),
        ({"target": [0, 2]}, "target[1] is 2. Codes go from 0 to 1."),
        ({"count": [4]}, "count has 1 rows, marks has 2. Give one of each per pattern."),
        ({"target": [0, 1, 1]}, "target has 3 rows, marks has 2. Give one of each per pattern."),
        ({"count": [4, -1]}, "count[1] is -1. Give a whole number of ballots."),
        (
            {"count": [4, 0.5]},
            "count has the shape (2,) and the type float64. Give a column of whole numbers.",
        ),
    ],
)
def test_a_tally_that_breaks_its_shape_is_refused(change, sentence):
    columns = {"target": [0, 1], "marks": [[1, 2], [3, 4]], "count": [5, 6], "n_targets": 2}

    with pytest.raises(InvalidRatings) as caught:
        Tally(**{**columns, **change})

    assert str(caught.value) == sentence


def test_a_tally_keeps_its_columns_to_itself():
    count = np.array([5, 6])

    tally = Tally(target=[0, 1], marks=[[1, 2], [3, 4]], count=count, n_targets=2)
    count[0] = 9

    assert tally.count.tolist() == [5, 6]
    assert (len(tally), tally.n_indicators) == (2, 2)
    with pytest.raises(ValueError, match="read-only"):
        tally.marks[0, 0] = 5


def repeated(tally, times, weight):
    """``times`` as many ballots of each target, each weighing ``weight``."""
    return Tally(
        target=tally.target,
        marks=tally.marks,
        count=tally.count * times,
        n_targets=tally.n_targets,
        weight=np.full(tally.n_targets, weight),
    )


def test_ten_ballots_of_a_tenth_s_weight_say_as_much_as_one():
    tally, _ = drawn(5)

    fit, weighed = nested.gaussian(tally), nested.gaussian(repeated(tally, 10, 0.1))

    np.testing.assert_allclose(gaussian_answers(weighed), gaussian_answers(fit), atol=1e-8)
    assert weighed.n_ratings.tolist() == (10 * fit.n_ratings).tolist()


def test_a_weight_moves_one_target_s_error_and_hardly_anybody_else_s():
    tally, _ = drawn(6, targets=40, ballots=4000)
    weight = np.ones(40)
    weight[3] = 0.1

    errors = [nested.gaussian(each).standard_errors for each in (tally, replace(tally, weight=weight))]

    assert errors[1][3] > 2 * errors[0][3]
    np.testing.assert_allclose(np.delete(errors[1], 3), np.delete(errors[0], 3), rtol=0.02)


@pytest.mark.parametrize("weight", [[1.0], [0.0] * 12, [1.5] * 12, [float("nan")] * 12])
def test_a_weight_out_of_range_is_refused(weight):
    tally, _ = drawn(7)

    with pytest.raises(InvalidRatings, match="above 0 and at most 1"):
        replace(tally, weight=np.array(weight))


def test_the_ordinal_model_refuses_weights_rather_than_pass_over_them():
    tally, _ = drawn(8)

    with pytest.raises(InvalidRatings, match="counts every ballot in full"):
        nested.ordinal(replace(tally, weight=np.ones(12)))
