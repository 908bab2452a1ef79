from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine import data
from dongliang.engine.checking import certify_ordinal
from dongliang.engine.crossed import climb, cumulative, interactions, laplace, ordinal
from dongliang.engine.crossed.effects import NAMES
from dongliang.engine.errors import InvalidRatings, NotConverged, TooLarge, Unconnected, Unidentified
from tests.engine.drawn import crossed_ratings, ratings_of, shuffled
from tests.engine.drawn_marks import SEPARATED, answers, ballots, home, judged, marks, posed

HALO = ("target", "rater", "target:rater")
LIGHT = (*HALO, "target:indicator")


CASES = {
    "halo": (judged(1)[0], HALO, {}),
    "halo and strengths": (judged(2)[0], LIGHT, {}),
    "all effects": (judged(3)[0], NAMES, {"subdistrict": home(18)}),
    "no raters": (judged(4)[0], ("target", "target:indicator", "target:rater"), {}),
    "targets alone": (judged(5)[0], ("target",), {}),
    "rater and indicator": (
        judged(6)[0],
        ("target", "rater", "rater:indicator"),
        {"thresholds": "indicator"},
    ),
    "few targets, many raters": (
        judged(7, targets=6, raters=14, per_target=8)[0],
        (*HALO, "rater:indicator", "subdistrict"),
        {"subdistrict": home(6)},
    ),
    "ballots with strengths": (ballots(8), ("target", "rater", "target:indicator"), {}),
    "ballots in districts": (ballots(9), ("target", "rater", "subdistrict"), {"subdistrict": home(8)}),
    "own thresholds": (judged(10)[0], LIGHT, {"thresholds": "indicator"}),
}


@pytest.mark.parametrize(("ratings", "effects", "options"), CASES.values(), ids=CASES.keys())
def test_the_fit_is_certified_by_matrices_over_all_ratings(ratings, effects, options):
    fit = ordinal(ratings, effects=effects, **options)

    certify_ordinal(ratings, fit, effects=effects, **options)
    assert fit.covariance.diagonal() == pytest.approx(fit.standard_errors**2)


@pytest.mark.parametrize(("ratings", "effects", "options"), CASES.values(), ids=CASES.keys())
def test_the_gradient_agrees_with_finite_differences(ratings, effects, options):
    problem, free = posed(ratings, effects, **options)
    point = cumulative.start(problem, free)
    step = 1e-5

    gradient = laplace.slope_at(problem, point).gradient

    differences = [
        laplace.evaluate(problem, point.parameters + move, point.z).log_likelihood
        - laplace.evaluate(problem, point.parameters - move, point.z).log_likelihood
        for move in step * np.eye(len(gradient))
    ]
    assert gradient == pytest.approx(np.array(differences) / (2 * step), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "ratings", [marks(1), marks(2, targets=5, raters=30), ballots(6)], ids=["targets", "raters", "ballots"]
)
def test_units_and_pairs_factor_the_same_curvature(ratings):
    problem, free = posed(ratings, ("target", "rater"))
    first = problem.cells.first
    units = replace(
        problem,
        pattern=interactions.Interactions.of(
            cumulative.Design.of(ratings, ("target", "rater"), None).rows(first),
            {"target": ratings.target[first], "rater": ratings.rater[first]},
        ),
    )

    by_pairs, by_units = (cumulative.start(one, free) for one in (problem, units))

    assert by_units.log_likelihood == pytest.approx(by_pairs.log_likelihood, abs=1e-10)
    slope, other = laplace.slope_at(problem, by_pairs), laplace.slope_at(units, by_units)
    assert other.gradient == pytest.approx(slope.gradient, abs=1e-9)
    assert np.concatenate(other.spread.diagonals) == pytest.approx(np.concatenate(slope.spread.diagonals))
    assert other.spread.of_measures(100)[0] == pytest.approx(slope.spread.of_measures(100)[0])


def test_known_deviations_are_recovered():
    sd = {"target": 1.2, "rater": 0.6, "target:rater": 0.8, "target:indicator": 0.5}
    ratings, _ = judged(14, targets=400, raters=30, per_target=4, indicators=4, sd=sd)

    fit = ordinal(ratings, effects=LIGHT)

    assert all(
        abs(fit.standard_deviations[name] - sd[name]) < 3 * fit.standard_deviation_errors[name] for name in sd
    )


def test_errors_are_honest_with_halo_and_too_small_without():
    rng = np.random.default_rng(15)
    target, place, indicator = (codes.ravel() for codes in np.indices((300, 4, 4)))
    rater = np.argsort(rng.random((300, 20)), axis=1)[target, place]
    merit, leniency, halo = rng.normal(0, 1.2, 300), rng.normal(0, 0.5, 20), rng.normal(0, 1.0, (300, 20))
    latent = merit[target] + leniency[rater] + halo[target, rater] + rng.logistic(size=len(target))
    ratings = data.Ratings(
        target=target,
        rater=rater,
        indicator=indicator,
        values=np.digitize(latent, [-2, -0.5, 1, 2.5]).astype(float),
        n_targets=300,
        n_raters=20,
        n_indicators=4,
    )

    spread = {
        effects: ((fit.measures - merit + merit.mean()) / fit.standard_errors).std()
        for effects in (("target", "rater"), HALO)
        for fit in [ordinal(ratings, effects=effects)]
    }

    assert spread[HALO] == pytest.approx(1, abs=0.12)
    assert spread["target", "rater"] > 1.3


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_rows_give_the_same_fit(seed):
    ratings, groups = judged(12)

    fit = ordinal(ratings, effects=NAMES, subdistrict=groups)
    other = ordinal(shuffled(ratings, seed), effects=NAMES, subdistrict=groups)

    assert answers(other) == pytest.approx(answers(fit), abs=1e-7, nan_ok=True)


def test_renumbered_targets_raters_and_indicators_keep_their_answers():
    ratings, groups = judged(13)
    rng = np.random.default_rng(0)
    target, rater, indicator, group = (rng.permutation(size) for size in (18, 7, 3, 4))
    regrouped = np.empty(18, dtype=int)
    regrouped[target] = group[groups]
    renumbered = replace(
        ratings,
        target=target[ratings.target],
        rater=rater[ratings.rater],
        indicator=indicator[ratings.indicator],
    )

    fit = ordinal(ratings, effects=NAMES, subdistrict=groups)
    other = ordinal(renumbered, effects=NAMES, subdistrict=regrouped)

    assert other.measures[target] == pytest.approx(fit.measures, abs=1e-5)
    assert other.standard_errors[target] == pytest.approx(fit.standard_errors, abs=1e-5)
    assert other.severities[rater] == pytest.approx(fit.severities, abs=1e-5)
    assert other.thresholds[indicator] == pytest.approx(fit.thresholds, abs=1e-5)
    assert other.covariance[np.ix_(target, target)] == pytest.approx(fit.covariance, abs=1e-5)
    assert dict(other.standard_deviations) == pytest.approx(dict(fit.standard_deviations), abs=1e-4)


def test_only_the_order_of_the_marks_matters():
    ratings, _ = judged(14)
    names = np.array([-40.0, 1.5, 2.0, 300.0, 1e9])

    fit = ordinal(ratings, effects=LIGHT)
    renamed = ordinal(replace(ratings, values=names[ratings.values.astype(int)]), effects=LIGHT)

    assert renamed.measures.tolist() == fit.measures.tolist()
    assert dict(renamed.standard_deviations) == dict(fit.standard_deviations)
    assert renamed.categories.tolist() == names.tolist()


def test_effects_in_another_order_are_the_same_effects():
    ratings, _ = judged(15)

    fit, turned = (ordinal(ratings, effects=effects) for effects in (LIGHT, LIGHT[::-1]))

    assert turned.measures.tolist() == fit.measures.tolist()
    assert turned.standard_deviations == fit.standard_deviations


def test_an_effect_of_one_rating_a_level_is_left_out_and_the_rest_is_the_usual_fit():
    ratings = marks(16, indicators=1)

    fit = ordinal(ratings, effects=LIGHT)

    assert fit.record.remarks == (
        "The effect target:indicator cannot be told from target: it is left out of the model.",
        "The effect target:rater has one rating a level and cannot be told from chance: it is left out of the model.",
    )
    usual = ordinal(ratings)
    assert fit.measures.tolist() == usual.measures.tolist()
    assert fit.standard_deviations == {**usual.standard_deviations, "target:rater": 0, "target:indicator": 0}
    assert np.isnan(fit.standard_deviation_errors["target:rater"])


def test_halo_that_is_the_raters_themselves_is_left_out():
    fit = ordinal(ballots(17), effects=HALO)

    assert fit.record.remarks == (
        "The effect target:rater cannot be told from rater: it is left out of the model.",
    )


def test_one_rater_leaves_severity_and_halo_out():
    rows = [(target, 0, float((7 * target + k * k) % 4)) for target in range(10) for k in range(4)]

    fit = ordinal(ratings_of(rows), effects=HALO)

    assert (fit.severities.tolist(), fit.severity_standard_errors.tolist()) == ([0], [0])
    assert fit.record.remarks == (
        "The effect rater has one level only: it is left out of the model.",
        "The effect target:rater cannot be told from target: it is left out of the model.",
    )
    certify_ordinal(ratings_of(rows), fit, effects=HALO)


def test_variances_of_zero_are_remarked():
    ratings, groups = judged(18)
    chance = np.random.default_rng(0).integers(0, 4, len(ratings)).astype(float)

    fit = ordinal(replace(ratings, values=chance), effects=NAMES, subdistrict=groups)

    zero = {name for name, sd in fit.standard_deviations.items() if sd == 0}
    assert len(zero) >= 3
    assert all(np.isnan(fit.standard_deviation_errors[name]) for name in zero)
    assert {remark.split(" is ")[0].removeprefix("The variance of ") for remark in fit.record.remarks} == {
        climb.PEOPLE.get(name, name) for name in zero
    }
    certify_ordinal(replace(ratings, values=chance), fit, effects=NAMES, subdistrict=groups)


@pytest.mark.parametrize("place", [-1, -2, -3, -4])
def test_a_deviation_that_starts_next_to_zero_finds_its_way(place):
    ratings, _ = judged(19, targets=40, sd=dict.fromkeys(LIGHT, 1.2))
    problem, free = posed(ratings, LIGHT)
    point = cumulative.start(problem, free)
    parameters = point.parameters.copy()
    parameters[place] = 1e-9

    top = climb.climb(problem, laplace.evaluate(problem, parameters, point.z), free, 100)

    assert top.point.log_likelihood == pytest.approx(ordinal(ratings, effects=LIGHT).log_likelihood, abs=1e-6)
    assert top.record.remarks == ()


def test_targets_without_ratings_sit_at_their_subdistrict():
    ratings, groups = judged(20, targets=40, sd={"target": 1.0, "rater": 0.5, "subdistrict": 2.0})
    effects = (*HALO, "subdistrict")

    fit = ordinal(replace(ratings, n_targets=41), effects=effects, subdistrict=np.append(groups, 2))
    usual = ordinal(ratings, effects=effects, subdistrict=groups)

    assert fit.measures[:40] == pytest.approx(usual.measures, abs=1e-6)
    of_group = fit.measures[:40][groups == 2]
    assert abs(fit.measures[40] - of_group.mean()) < 0.2 < abs(fit.measures[40])
    assert fit.standard_errors[40] > fit.standard_deviations["target"]
    assert fit.n_ratings[40] == 0


def test_random_indicators_sit_between_each_other_and_the_thresholds_follow_them():
    ratings, _ = judged(21, indicators=6)

    random = ordinal(ratings, effects=("target", "rater", "indicator"))
    fixed = ordinal(ratings)

    assert np.ptp(random.indicator_effects) < np.ptp(fixed.indicator_effects)
    common = random.thresholds + random.indicator_effects[:, None]
    assert common == pytest.approx(np.broadcast_to(common[0], common.shape))
    assert (random.indicator_effect_standard_errors > 0).all()


@pytest.mark.parametrize("thresholds", ["common", "indicator"])
def test_ratings_equal_within_indicators_tell_nothing_apart(thresholds):
    ratings, _ = judged(22)

    fit = ordinal(
        replace(ratings, values=ratings.indicator.astype(float)), effects=LIGHT, thresholds=thresholds
    )

    assert fit.standard_deviations == dict.fromkeys(
        ("target", "rater", "target:rater", "target:indicator"), 0
    )
    assert fit.measures.tolist() == [0] * 18
    certify_ordinal(
        replace(ratings, values=ratings.indicator.astype(float)), fit, effects=LIGHT, thresholds=thresholds
    )


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
        n_targets=12,
        n_raters=6,
    )

    with pytest.raises(
        Unidentified, match=r"The likelihood rises for ever as the effects grow: target:rater, with 2\.0"
    ):
        ordinal(ratings, effects=HALO)


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
        ordinal(ratings_of(rows), effects=HALO)


def test_groups_of_targets_that_share_no_rater_are_refused_and_listed():
    rows = [
        (t, r, float((t + r * r + k) % 3))
        for t in range(6)
        for r in range(6)
        for k in (0, 1)
        if (t < 2) == (r < 3)
    ]

    with pytest.raises(Unconnected) as caught:
        ordinal(ratings_of(rows), effects=HALO)

    assert [group.tolist() for group in caught.value.groups] == [[2, 3, 4, 5], [0, 1]]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"effects": ("target", "mood")}, "'mood' is no effect"),
        ({"effects": ("rater",)}, "The effects lack 'target'"),
        ({"effects": ("target", "subdistrict")}, "go together. Give both"),
        (
            {"effects": ("target", "indicator"), "thresholds": "indicator"},
            "leave no effect to the indicators",
        ),
        (
            {"effects": ("target", "indicator"), "features": np.eye(3)[:, :2]},
            "Features describe fixed effects",
        ),
    ],
)
def test_effects_that_do_not_go_together_are_refused(options, reason):
    with pytest.raises(InvalidRatings, match=reason):
        ordinal(judged(23)[0], **options)


def test_too_many_shared_levels_and_too_large_blocks_are_refused(monkeypatch):
    ratings, _ = judged(24)

    monkeypatch.setattr(interactions, "DENSE_LIMIT", 5)
    with pytest.raises(TooLarge, match="7 levels belong to no single target or rater; at most 5 may"):
        ordinal(ratings, effects=HALO)
    monkeypatch.setattr(interactions, "DENSE_LIMIT", 50)
    monkeypatch.setattr(interactions, "BLOCKS_LIMIT", 50)
    with pytest.raises(TooLarge, match="The blocks of 18 targets or raters would take"):
        ordinal(ratings, effects=HALO)


def test_many_targets_have_errors_but_no_joint_covariance(monkeypatch):
    ratings, groups = judged(25)
    effects = (*HALO, "subdistrict")
    whole = ordinal(ratings, effects=effects, subdistrict=groups)
    monkeypatch.setattr(cumulative, "COVARIANCE_LIMIT", 7)

    fit = ordinal(ratings, effects=effects, subdistrict=groups)

    assert fit.covariance is None
    assert fit.standard_errors == pytest.approx(whole.standard_errors)


def test_running_out_of_iterations_carries_the_last_iterate():
    with pytest.raises(NotConverged) as caught:
        ordinal(judged(26)[0], effects=LIGHT, max_iterations=1)

    assert caught.value.fit.record.stopped == "1 iterations were allowed."
    assert "One more step promised to raise the log-likelihood by" in str(caught.value)


@pytest.mark.parametrize("seed", range(6))
def test_designs_of_every_shape_are_fitted_to_the_top(seed):
    rng = np.random.default_rng([seed, 27])
    targets, raters = int(rng.integers(8, 30)), int(rng.integers(4, 12))
    sd = {name: float(rng.choice([0.0, 0.5, 1.0])) for name in NAMES}
    ratings, groups = judged(seed, targets=targets, raters=raters, sd=sd)
    effects = (
        "target",
        *(name for name in NAMES[1:] if rng.random() < 0.6 and name != "subdistrict"),
        "subdistrict",
    )

    fit = ordinal(ratings, effects=effects, subdistrict=groups)

    assert fit.record.decrement <= fit.record.tolerance
    certify_ordinal(ratings, fit, effects=effects, subdistrict=groups)
