from dataclasses import fields, replace

import numpy as np
import pytest

from dongliang.engine import facets
from dongliang.engine.data import FacetsFit, Ratings
from dongliang.engine.errors import InvalidRatings, NotConverged, TooLarge, Unconnected, Unidentified
from dongliang.engine.facets import rating_scale
from tests.engine.drawn import ratings_of, shuffled

STEPS = np.array([-1.8, -0.6, 0.7, 1.7])


def drawn(seed, *, targets=40, raters=6, per_target=3, indicators=3, steps=STEPS, sd=1.2):
    """Marks from 1 of a connected design, and the truth behind them: measures, severities, difficulties."""
    rng = np.random.default_rng(seed)
    merit, severity = rng.normal(0, sd, targets), rng.normal(0, 0.5, raters)
    severity -= severity.mean()
    difficulty = np.linspace(-0.4, 0.5, indicators)
    panel = np.array([rng.permutation(raters)[:per_target] for _ in range(targets)])
    target, rater = (
        np.repeat(np.arange(targets), per_target * indicators),
        np.repeat(panel.ravel(), indicators),
    )
    indicator = np.tile(np.arange(indicators), targets * per_target)
    level = merit[target] - severity[rater] - difficulty[indicator]
    exponents = np.column_stack([np.zeros(len(level)), np.cumsum(level[:, None] - steps, axis=1)])
    chances = np.exp(exponents) / np.exp(exponents).sum(axis=1, keepdims=True)
    values = 1.0 + (rng.random(len(level))[:, None] > np.cumsum(chances, axis=1)).sum(axis=1)
    ratings = Ratings(
        target=target,
        rater=rater,
        indicator=indicator,
        values=values,
        n_targets=targets,
        n_raters=raters,
        n_indicators=indicators,
    )
    return ratings, merit, severity, difficulty


def table(fit):
    """Every number of a fit, in one row."""
    rows = []
    for field in fields(FacetsFit):
        value = getattr(fit, field.name)
        if field.name.endswith("_fit"):
            value = np.concatenate([value.infit, value.infit_z, value.outfit, value.outfit_z])
        if field.name.endswith("_separation"):
            value = [value.reliability, value.separation, value.strata]
        if field.name != "record":
            rows.append(np.ravel(value))
    return np.concatenate(rows)


def start_of(ratings, steps):
    sheets = facets._Sheets.of(ratings, steps)
    model = facets._Model.of(sheets, steps)
    rng = np.random.default_rng(0)
    parameters = model.start(sheets) + 0.1 * rng.normal(size=model.design.shape[1])

    def point(parameters):
        return facets._evaluate(sheets, model, parameters, np.zeros(ratings.n_targets))

    return point, parameters


@pytest.mark.parametrize("seed", range(4))
def test_nodes_farther_apart_miss_less_than_is_told_from_them(seed):
    ratings = drawn(seed, indicators=1)[0]
    sheets = facets._Sheets.of(ratings, "common")
    model = facets._Model.of(sheets, "common")
    start = model.start(sheets)

    coarse, fine = (
        facets._evaluate(sheets, model, start, np.zeros(ratings.n_targets), apart).log_likelihood
        for apart in (facets.COARSE, 1.0)
    )

    # A Newton step's gain is half of what it promises.
    assert abs(coarse - fine) < facets.NEAR / 2 * ratings.n_targets


@pytest.mark.parametrize("steps", ["common", "per_indicator"])
def test_gradient_and_information_agree_with_finite_differences(steps):
    point, parameters = start_of(drawn(1)[0], steps)
    moves = 1e-5 * np.eye(len(parameters))

    here = point(parameters)

    around = [(point(parameters + move), point(parameters - move)) for move in moves]
    slopes = [(up.log_likelihood - down.log_likelihood) / 2e-5 for up, down in around]
    bends = [(down.gradient - up.gradient) / 2e-5 for up, down in around]
    assert here.gradient == pytest.approx(slopes, abs=1e-4)
    assert here.information == pytest.approx(np.array(bends), abs=2e-3)


@pytest.mark.parametrize("steps", ["common", "per_indicator"])
@pytest.mark.parametrize(("sd", "per_target"), [(1.2, 3), (4.0, 1)])
def test_finer_and_longer_sums_give_the_same_fit(steps, sd, per_target, monkeypatch):
    ratings = drawn(2, targets=100, raters=3, per_target=per_target, sd=sd)[0]
    if per_target == 1:
        ratings = replace(ratings, rater=np.zeros_like(ratings.rater))
    fit = rating_scale(ratings, steps=steps)
    for name, factor in (("FALL", 1.5), ("SPAN", 1.2), ("STEP", 0.5), ("LONGEST", 0.5)):
        monkeypatch.setattr(facets, name, factor * getattr(facets, name))

    finer = rating_scale(ratings, steps=steps)

    assert finer.record.objective == pytest.approx(fit.record.objective, abs=1e-5)
    assert finer.measures == pytest.approx(fit.measures, abs=1e-4)
    assert finer.standard_errors == pytest.approx(fit.standard_errors, abs=1e-4)
    assert finer.difficulty_standard_errors == pytest.approx(fit.difficulty_standard_errors, abs=1e-4)


def test_targets_in_blocks_give_the_same_fit(monkeypatch):
    ratings = drawn(3)[0]
    fit = rating_scale(ratings)
    monkeypatch.setattr(facets, "BLOCK", 150)

    assert table(rating_scale(ratings)) == pytest.approx(table(fit), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_rows_give_the_same_fit(seed):
    ratings = drawn(4)[0]

    assert table(rating_scale(shuffled(ratings, seed))) == pytest.approx(
        table(rating_scale(ratings)), abs=1e-9
    )


def test_renumbered_targets_raters_and_indicators_keep_their_answers():
    ratings = drawn(5)[0]
    rng = np.random.default_rng(0)
    target, rater, indicator = (rng.permutation(size) for size in (40, 6, 3))

    fit = rating_scale(ratings, steps="per_indicator")
    renumbered = rating_scale(
        replace(
            ratings,
            target=target[ratings.target],
            rater=rater[ratings.rater],
            indicator=indicator[ratings.indicator],
        ),
        steps="per_indicator",
    )

    assert renumbered.measures[target] == pytest.approx(fit.measures, abs=1e-7)
    assert renumbered.severities[rater] == pytest.approx(fit.severities, abs=1e-7)
    assert renumbered.severity_standard_errors[rater] == pytest.approx(fit.severity_standard_errors, abs=1e-7)
    assert renumbered.steps[indicator] == pytest.approx(fit.steps, abs=1e-7)
    assert renumbered.rater_fit.outfit_z[rater] == pytest.approx(fit.rater_fit.outfit_z, abs=1e-4)


def test_marks_counted_from_elsewhere_move_the_fair_averages_only():
    ratings = drawn(6)[0]

    fit = rating_scale(ratings)
    moved = rating_scale(replace(ratings, values=ratings.values + 6))

    assert moved.measures == pytest.approx(fit.measures)
    assert moved.fair_averages == pytest.approx(fit.fair_averages + 6)
    assert moved.categories.tolist() == [7, 8, 9, 10, 11]


def test_marks_counted_from_the_other_end_turn_the_scale_round():
    ratings = drawn(7)[0]

    fit = rating_scale(ratings)
    turned = rating_scale(replace(ratings, values=6 - ratings.values))

    assert turned.record.objective == pytest.approx(fit.record.objective)
    assert turned.measures == pytest.approx(-fit.measures, abs=1e-4)
    assert turned.severities == pytest.approx(-fit.severities, abs=1e-4)
    assert turned.difficulties == pytest.approx(-fit.difficulties, abs=1e-4)
    assert turned.steps == pytest.approx(-fit.steps[:, ::-1], abs=1e-4)


def test_ratings_given_twice_count_twice():
    ratings = drawn(8)[0]
    columns = ("target", "rater", "indicator", "values")
    doubled = replace(ratings, **{name: np.tile(getattr(ratings, name), 2) for name in columns})

    fit, twice = rating_scale(ratings), rating_scale(doubled)

    assert twice.n_ratings.tolist() == (2 * fit.n_ratings).tolist()
    assert (twice.severity_standard_errors < 0.8 * fit.severity_standard_errors).all()
    # Twice the same marks repeat their residuals, which are the same size on average.
    assert np.average(twice.rater_fit.infit) == pytest.approx(np.average(fit.rater_fit.infit), abs=0.1)


def test_known_measures_severities_and_steps_are_recovered():
    ratings, merit, severity, difficulty = drawn(9, targets=500, raters=20, per_target=4)

    fit = rating_scale(ratings)

    measured = (fit.measures - merit) / fit.standard_errors
    judged = (fit.severities - severity) / fit.severity_standard_errors
    assert (measured.std(), judged.std()) == (pytest.approx(1, abs=0.1), pytest.approx(1, abs=0.4))
    assert fit.difficulties - fit.difficulties.mean() == pytest.approx(
        difficulty - difficulty.mean(), abs=0.1
    )
    assert fit.steps == pytest.approx(np.tile(STEPS, (3, 1)), abs=0.15)
    assert fit.target_sd == pytest.approx(1.2, abs=3 * fit.target_sd_standard_error)
    assert fit.target_separation.reliability == pytest.approx(
        np.corrcoef(merit, fit.measures)[0, 1] ** 2, abs=0.03
    )


def test_mean_squares_are_one_on_average_and_their_deviates_nearly_standard():
    deviates, squares = [], []
    for seed in range(10):
        fit = rating_scale(drawn(100 + seed, targets=80)[0])
        for part in (fit.target_fit, fit.rater_fit, fit.indicator_fit):
            deviates.append(np.concatenate([part.infit_z, part.outfit_z]))
            squares.append(np.concatenate([part.infit, part.outfit]))

    deviates, squares = np.concatenate(deviates), np.concatenate(squares)
    assert squares.mean() == pytest.approx(1, abs=0.03)
    assert deviates.mean() == pytest.approx(0, abs=0.1)
    # A little less than 1: parameters follow the very marks that they are held against.
    assert deviates.std() == pytest.approx(0.9, abs=0.1)


def test_an_erratic_rater_and_a_rater_of_one_mark_stand_out():
    ratings = drawn(10, targets=200)[0]
    rng = np.random.default_rng(0)
    values = ratings.values.copy()
    erratic, flat = ratings.rater == 0, ratings.rater == 1
    values[erratic] = rng.integers(1, 6, erratic.sum())
    values[flat] = np.where(rng.random(flat.sum()) < 0.9, 3, values[flat])

    fit = rating_scale(replace(ratings, values=values))

    assert fit.rater_fit.infit.argmax() == fit.rater_fit.outfit.argmax() == 0
    assert fit.rater_fit.infit_z[0] > 4
    assert fit.rater_fit.infit.argmin() == 1
    assert fit.rater_fit.infit_z[1] < -4


def test_a_harsh_rater_does_not_pull_the_fair_averages_of_his_targets_down():
    ratings = drawn(10, targets=200)[0]
    his = ratings.rater == 0
    harsher = replace(ratings, values=np.where(his, np.maximum(ratings.values - 1, 1), ratings.values))
    met = np.unique(ratings.target[his])

    before, after = rating_scale(ratings), rating_scale(harsher)

    assert after.severities[0] > before.severities[0] + 0.8
    # A third of their marks fell by one, and their means by 0.3.
    change = after.fair_averages - before.fair_averages
    assert np.abs(change[met].mean() - np.delete(change, met).mean()) < 0.03


def test_marks_that_separate_raters_perfectly_are_refused():
    lenient = [(target, rater, 4 + (target + rater) % 2) for target in range(6) for rater in (0, 1, 2)]
    harsh = [(target, 3, 2 + target % 2) for target in (0, 1, 2)]

    with pytest.raises(Unidentified, match="The marks separate targets, raters or indicators perfectly"):
        rating_scale(ratings_of(lenient + harsh))


def test_targets_of_nothing_but_the_lowest_or_the_highest_mark_are_measured():
    ratings = drawn(11)[0]
    values = ratings.values.copy()
    values[ratings.target == 0], values[ratings.target == 1] = 1, 5

    fit = rating_scale(replace(ratings, values=values))

    assert (fit.measures.argmin(), fit.measures.argmax()) == (0, 1)
    assert np.isfinite(fit.measures).all()
    assert fit.standard_errors[[0, 1]].min() > np.median(fit.standard_errors)


def test_targets_and_raters_without_ratings_have_the_answers_of_the_unknown():
    ratings = drawn(12)[0]

    fit = rating_scale(replace(ratings, target=ratings.target + 1, n_targets=42, n_raters=7))

    known = rating_scale(ratings)
    assert fit.measures.tolist() == [0, *known.measures, 0]
    assert fit.standard_errors[[0, 41]].tolist() == [fit.target_sd] * 2
    assert fit.n_ratings[[0, 41]].tolist() == [0, 0]
    assert np.isnan([fit.severities[6], fit.severity_standard_errors[6], fit.rater_fit.infit[6]]).all()
    assert np.isnan(fit.target_fit.outfit_z[[0, 41]]).all()


def test_a_mark_that_nobody_gave_cannot_be_given():
    ratings = drawn(13)[0]
    values = np.where(ratings.values == 3, 4, ratings.values)

    fit = rating_scale(replace(ratings, values=values))

    assert fit.categories.tolist() == [1, 2, 3, 4, 5]
    assert np.isnan(fit.steps).tolist() == [[False, True, True, False]] * 3
    assert fit.record.remarks == ("Nobody gave the mark 3: it is taken as one that cannot be given.",)
    assert np.isfinite(table(replace(fit, steps=[], step_standard_errors=[]))).all()


def test_a_mark_that_nobody_gave_on_one_indicator_cannot_be_given_there():
    ratings = drawn(14)[0]
    values = np.where((ratings.values == 1) & (ratings.indicator == 1), 2, ratings.values)

    fit = rating_scale(replace(ratings, values=values), steps="per_indicator")

    assert np.isnan(fit.steps).tolist() == [[False] * 4, [True, False, False, False], [False] * 4]
    assert fit.record.remarks == (
        "Nobody gave the mark 1 on indicator 1: it is taken as one that cannot be given there.",
    )


def test_one_rater_leaves_severity_out():
    ratings = drawn(15, raters=1, per_target=1)[0]

    fit = rating_scale(ratings)

    assert fit.severities.tolist() == [0]
    assert np.isnan(fit.severity_standard_errors).all()
    assert np.isnan(fit.rater_separation.reliability)
    assert fit.record.remarks == ("There is one rater only: severity is left out of the model.",)


def test_one_indicator_is_enough():
    fit = rating_scale(drawn(16, indicators=1)[0])

    assert fit.difficulties.shape == (1,)
    assert fit.steps.sum() == pytest.approx(0, abs=1e-9)
    assert np.isnan(fit.indicator_separation.strata)


def test_two_marks_are_enough():
    fit = rating_scale(drawn(17, steps=np.array([0.2]))[0], steps="per_indicator")

    assert fit.steps.tolist() == [[0], [0], [0]]
    assert fit.categories.tolist() == [1, 2]


def test_marks_that_cannot_be_unexpected_have_deviates_of_zero():
    coins = [(target, rater, (target + rater) % 2) for target in range(4) for rater in range(4)]

    fit = rating_scale(ratings_of(coins))

    assert fit.rater_fit.outfit == pytest.approx([1, 1, 1, 1], abs=1e-3)
    assert fit.rater_fit.outfit_z == pytest.approx([0, 0, 0, 0], abs=0.1)


def test_targets_that_do_not_differ_have_no_variance():
    fit = rating_scale(drawn(18, sd=0.0)[0])

    assert fit.target_sd == pytest.approx(facets.LEAST_SD)
    assert np.isnan(fit.target_sd_standard_error)
    assert np.abs(fit.measures).max() < 0.01
    assert fit.target_separation.reliability < 0.01
    assert any("variance of targets is estimated as zero" in remark for remark in fit.record.remarks)


def test_groups_of_targets_that_share_no_rater_are_refused_and_listed():
    ratings = drawn(19)[0]
    apart = replace(
        ratings, rater=np.where(ratings.target < 15, ratings.rater, ratings.rater + 6), n_raters=12
    )

    with pytest.raises(Unconnected) as caught:
        rating_scale(apart)

    assert [group.tolist() for group in caught.value.groups] == [list(range(15, 40)), list(range(15))]
    assert str(caught.value) == (
        "The ratings fall into 2 groups of targets that share no rater, of 25, 15 targets. "
        "Let at least one rater of each group rate a target of another, or score the groups apart."
    )


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(0, 0, 1), (0, 1, 2)], r"Only one target has ratings"),
        ([(0, 0, 3), (1, 0, 3)], r"All marks are 3, so that nothing can be told apart\."),
        (
            [(0, 0, 1), (1, 0, 2), (0, 1, 3), (1, 1, 3)],
            r"Rater 1 gave nothing but the lowest or nothing but the",
        ),
    ],
)
def test_what_nothing_can_tell_apart_is_refused(rows, reason):
    with pytest.raises(Unidentified, match=reason):
        rating_scale(ratings_of(rows))


def test_an_indicator_of_one_mark_is_refused():
    ratings = drawn(20)[0]

    with pytest.raises(Unidentified, match=r"Indicator 2 got one mark throughout"):
        rating_scale(
            replace(ratings, values=np.where(ratings.indicator == 2, 4, ratings.values)),
            steps="per_indicator",
        )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"values": [1, 2.5, 3]},
            r"values\[1\] is 2\.5\. This model counts steps between marks: give whole numbers\.",
        ),
        ({"values": [1, 2, 40]}, r"The marks go from 1 to 40, which is more than 20 steps\."),
        ({"n_indicators": 2}, r"Indicator 1 has no ratings\."),
    ],
)
def test_marks_that_are_no_steps_are_refused(change, reason):
    ratings = ratings_of([(0, 0, 1), (1, 0, 2), (2, 0, 3)])

    with pytest.raises(InvalidRatings, match=reason):
        rating_scale(replace(ratings, **change))


def test_unknown_kinds_of_steps_are_refused():
    with pytest.raises(InvalidRatings, match=r"steps is 'free'\. Use 'common' or 'per_indicator'\."):
        rating_scale(drawn(21)[0], steps="free")


def test_too_many_raters_are_refused(monkeypatch):
    monkeypatch.setattr(facets, "MOST_RATERS", 5)

    with pytest.raises(TooLarge, match=r"6 raters are too many; 5 is the most\."):
        rating_scale(drawn(22)[0])


def test_running_out_of_iterations_carries_the_last_iterate():
    with pytest.raises(NotConverged) as caught:
        rating_scale(drawn(23)[0], max_iterations=1)

    assert caught.value.fit.record.stopped == "1 iterations were allowed."
    assert "One more step promised to lower the deviance by" in str(caught.value)
