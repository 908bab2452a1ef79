from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.crossed import components, effects, gaussian
from dongliang.engine.errors import InvalidRatings, NotConverged, TooLarge, Unconnected, Unidentified
from tests.engine.drawn import crossed_ratings, ratings_of, shuffled

HALO = ("target", "rater", "target:rater")
FULL = ("target", "rater", "indicator", "target:indicator", "target:rater", "rater:indicator")


def drawn(seed, *, halo=0.6, per_indicator=0.5, subdistricts=0, **design):
    """Crossed ratings with halo, differences by indicator, and targets that stand in subdistricts."""
    ratings = crossed_ratings(seed, **{"indicators": 3, **design})
    rng = np.random.default_rng([seed, 1])
    added = halo * rng.normal(size=(ratings.n_targets, ratings.n_raters))[ratings.target, ratings.rater]
    added = added + per_indicator * rng.normal(size=(ratings.n_targets, 3))[ratings.target, ratings.indicator]
    if subdistricts:
        added = (
            added
            + rng.normal(size=subdistricts)[(np.arange(ratings.n_targets) % subdistricts)[ratings.target]]
        )
    return replace(ratings, values=ratings.values + added)


def dummies(codes):
    return (codes[:, None] == np.unique(codes)).astype(float)


def written_out(ratings, fit, subdistrict=None):
    """Deviance, measures and the covariance of their errors at the fit's variances, by matrices over all ratings."""
    columns = {
        "target": np.eye(ratings.n_targets)[ratings.target],
        "rater": np.eye(ratings.n_raters)[ratings.rater],
        "indicator": np.eye(ratings.n_indicators)[ratings.indicator],
    }
    if subdistrict is not None:
        columns["subdistrict"] = np.eye(subdistrict.max() + 1)[subdistrict][ratings.target]
    for name in fit.variances:
        if ":" in name:
            first, second = (columns[part].argmax(axis=1) for part in name.split(":"))
            columns[name] = dummies(first * 1000 + second)
    effects = [name for name in fit.variances if name != "residual"]
    covariance = fit.variances["residual"] * np.eye(len(ratings))
    for name in effects:
        covariance += fit.variances[name] * columns[name] @ columns[name].T
    fixed = np.ones((len(ratings), 1)) if "indicator" in effects else columns["indicator"]
    inverse = np.linalg.inv(covariance)
    information = fixed.T @ inverse @ fixed
    estimates = np.linalg.solve(information, fixed.T @ inverse @ ratings.values)
    rest = ratings.values - fixed @ estimates
    degrees = len(ratings) - (fixed.shape[1] if fit.record.method == "REML" else 0)
    deviance = np.linalg.slogdet(covariance)[1] + rest @ inverse @ rest + degrees * np.log(2 * np.pi)
    if fit.record.method == "REML":
        deviance += np.linalg.slogdet(information)[1]
    merit = fit.variances["target"] * columns["target"].T
    variance = fit.variances["target"] * np.eye(ratings.n_targets)
    if subdistrict is not None:
        within = np.eye(subdistrict.max() + 1)[subdistrict]
        merit = merit + fit.variances["subdistrict"] * within @ columns["subdistrict"].T
        variance = variance + fit.variances["subdistrict"] * within @ within.T
    return deviance, estimates.mean() + merit @ inverse @ rest, variance - merit @ inverse @ merit.T


DESIGNS = {
    "halo": (drawn(1), HALO),
    "everything": (drawn(2), FULL),
    "more raters": (drawn(3, targets=6, raters=25), ("target", "rater", "rater:indicator")),
    "no rater effect": (drawn(4), ("target", "target:indicator")),
    "raters of one target": (
        replace(
            drawn(5, targets=12, raters=12, per_pair=1.0), rater=np.repeat(np.arange(144), 3), n_raters=144
        ),
        ("target", "rater", "target:indicator"),
    ),
}


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("ratings", "effects"), DESIGNS.values(), ids=DESIGNS.keys())
def test_the_fit_says_what_matrices_over_all_ratings_say(ratings, effects, reml):
    fit = gaussian(ratings, effects=effects, reml=reml)

    deviance, measures, covariance = written_out(ratings, fit)
    assert -2 * fit.log_likelihood == pytest.approx(deviance, abs=1e-6)
    assert fit.measures == pytest.approx(measures, abs=1e-7)
    assert fit.covariance == pytest.approx(covariance, abs=1e-7)
    assert fit.standard_errors == pytest.approx(np.sqrt(covariance.diagonal()), abs=1e-7)


@pytest.mark.parametrize(("ratings", "effects"), DESIGNS.values(), ids=DESIGNS.keys())
def test_no_other_variance_makes_the_deviance_lower(ratings, effects):
    fit = gaussian(ratings, effects=effects)

    for name, variance in fit.variances.items():
        for factor in (0.99, 1.01):
            moved = replace(fit, variances={**fit.variances, name: variance * factor})
            assert written_out(ratings, moved)[0] >= -2 * fit.log_likelihood - 1e-7


@pytest.mark.parametrize(("targets", "raters"), [(24, 6), (12, 30)])
def test_a_measure_holds_the_subdistrict_of_its_target(targets, raters):
    ratings = drawn(6, subdistricts=5, targets=targets, raters=raters, per_pair=0.4)
    subdistrict = np.arange(targets) % 5

    fit = gaussian(ratings, effects=("target", "rater", "subdistrict"), subdistrict=subdistrict)

    deviance, measures, covariance = written_out(ratings, fit, subdistrict)
    assert -2 * fit.log_likelihood == pytest.approx(deviance, abs=1e-6)
    assert fit.measures == pytest.approx(measures, abs=1e-7)
    assert fit.covariance == pytest.approx(covariance, abs=1e-7)


def test_the_gradient_agrees_with_finite_differences():
    ratings = drawn(7)
    design = components.Design.of(ratings, FULL, None)
    model = components._Model.of(ratings, design, components._Blocks.of(ratings, design), reml=True)
    tau = np.array([0.7, 1.9, 0.3, 0.4, 0.6, 0.2])
    step = 1e-5

    gradient = model.slope(model.evaluate(tau)).gradient

    differences = [
        model.evaluate(tau + move).deviance - model.evaluate(tau - move).deviance for move in step * np.eye(6)
    ]
    assert gradient == pytest.approx(np.array(differences) / (2 * step), rel=1e-6)


def test_targets_and_raters_alone_are_fitted_the_same_by_both_ways():
    ratings = drawn(8)

    usual = gaussian(ratings)
    blocks = components.fit_components(ratings, ("target", "rater"), None, reml=True, max_iterations=100)

    assert blocks.log_likelihood == pytest.approx(usual.log_likelihood, abs=1e-8)
    assert dict(blocks.variances) == pytest.approx(dict(usual.variances), rel=1e-4)
    assert blocks.measures == pytest.approx(usual.measures, abs=1e-5)
    assert blocks.covariance == pytest.approx(usual.covariance, abs=1e-5)
    assert blocks.severities == pytest.approx(usual.severities, abs=1e-5)
    assert blocks.severity_standard_errors == pytest.approx(usual.severity_standard_errors, abs=1e-5)


def test_halo_left_out_makes_errors_too_small():
    ratings = drawn(9, halo=1.0, per_indicator=0.0, targets=60, raters=8, per_pair=0.5)

    assert (gaussian(ratings).standard_errors < 0.9 * gaussian(ratings, effects=HALO).standard_errors).all()


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_rows_give_the_same_fit(seed):
    ratings = drawn(10)

    fit, other = gaussian(ratings, effects=FULL), gaussian(shuffled(ratings, seed), effects=FULL[::-1])

    assert other.measures == pytest.approx(fit.measures, abs=1e-8)
    assert other.covariance == pytest.approx(fit.covariance, abs=1e-8)
    assert other.severities == pytest.approx(fit.severities, abs=1e-8)


def test_renumbered_targets_and_raters_keep_their_answers():
    ratings = drawn(11)
    rng = np.random.default_rng(0)
    target, rater = rng.permutation(ratings.n_targets), rng.permutation(ratings.n_raters)

    fit = gaussian(ratings, effects=HALO)
    renumbered = gaussian(
        replace(ratings, target=target[ratings.target], rater=rater[ratings.rater]), effects=HALO
    )

    assert renumbered.measures[target] == pytest.approx(fit.measures, abs=1e-6)
    assert renumbered.severities[rater] == pytest.approx(fit.severities, abs=1e-6)
    assert renumbered.covariance[np.ix_(target, target)] == pytest.approx(fit.covariance, abs=1e-6)


def test_marks_in_other_units_give_measures_in_those_units():
    ratings = drawn(12)

    fit = gaussian(ratings, effects=FULL)
    rescaled = gaussian(replace(ratings, values=20 * ratings.values - 7), effects=FULL)

    assert rescaled.measures == pytest.approx(20 * fit.measures - 7, rel=1e-5)
    assert rescaled.standard_errors == pytest.approx(20 * fit.standard_errors, rel=1e-5)


def test_known_variances_are_recovered():
    ratings = drawn(13, targets=300, raters=40, per_pair=0.2, sd=(1.0, 0.5, 0.7))

    fit = gaussian(ratings, effects=("target", "rater", "target:indicator", "target:rater"))

    assert np.sqrt(list(fit.variances.values())) == pytest.approx([1.0, 0.5, 0.5, 0.6, 0.7], rel=0.15)


def test_targets_without_ratings_sit_at_the_mean_with_the_spread_of_targets():
    ratings = drawn(14)

    fit = gaussian(replace(ratings, n_targets=21, n_raters=7), effects=HALO)

    assert fit.measures[20] == pytest.approx(fit.mean)
    assert fit.standard_errors[20] == pytest.approx(np.sqrt(fit.variances["target"]))
    assert fit.severity_standard_errors[6] == pytest.approx(np.sqrt(fit.variances["rater"]))
    assert fit.measures[:20] == pytest.approx(gaussian(ratings, effects=HALO).measures, abs=1e-6)


def test_equal_ratings_give_no_variance_and_no_error():
    ratings = drawn(15)

    fit = gaussian(replace(ratings, values=np.full(len(ratings), 4.0)), effects=HALO)

    assert fit.measures.tolist() == [4] * 20
    assert dict(fit.variances) == {"target": 0, "rater": 0, "target:rater": 0, "residual": 0}


def test_an_effect_without_variance_is_remarked():
    fit = gaussian(crossed_ratings(19, indicators=3), effects=FULL)

    zero = {name for name, variance in fit.variances.items() if variance == 0}
    assert zero
    assert fit.record.remarks == tuple(
        f"The variance of {name} is estimated as zero: its differences are no larger than chance would make them."
        for name in effects.NAMES
        if name in zero
    )


def test_effects_that_nothing_can_tell_apart_are_left_out_with_a_remark():
    ratings = crossed_ratings(16, indicators=1)
    table = list(zip(ratings.target, ratings.rater, ratings.values, strict=True))
    lone = [(target, 0, value) for target, _, value in table]

    fit = gaussian(ratings, effects=(*HALO, "indicator", "target:indicator"))
    one_rater = gaussian(ratings_of(lone), effects=HALO)

    assert fit.record.remarks == (
        "The effect indicator has one level only: it is left out of the model.",
        "The effect target:indicator cannot be told from target: it is left out of the model.",
        "The effect target:rater has one rating a level and cannot be told from chance: it is left out of the model.",
    )
    assert fit.measures == pytest.approx(gaussian(ratings).measures, abs=1e-5)
    assert dict(fit.variances)["target:rater"] == 0
    assert one_rater.record.remarks == (
        "The effect rater has one level only: it is left out of the model.",
        "The effect target:rater cannot be told from target: it is left out of the model.",
    )


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(0, 0, 1.0), (0, 1, 2.0), (0, 2, 4.0)], "Only one target has ratings"),
        ([(0, 0, 1.0), (1, 0, 2.0), (2, 1, 4.0)], "Every target has one rating"),
        ([(0, 0, 1.0), (0, 0, 2.0), (1, 1, 4.0), (1, 1, 1.0)], "Each target has one rater of its own"),
        (
            [(t, r, t + 10.0 * r) for t in range(4) for r in range(3) for _ in range(2)],
            "reproduce the ratings exactly",
        ),
    ],
)
def test_what_nothing_can_tell_apart_is_refused(rows, reason):
    with pytest.raises(Unidentified, match=reason):
        gaussian(ratings_of(rows), effects=HALO)


def test_groups_of_targets_that_share_no_rater_are_refused():
    rng = np.random.default_rng(0)
    rows = [(t, r, rng.normal()) for t in range(6) for r in range(6) for _ in range(2) if (t < 2) == (r < 3)]

    with pytest.raises(Unconnected):
        gaussian(ratings_of(rows), effects=HALO)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"effects": ("target", "rater", "weather")}, "'weather' is no effect. Choose from target, rater"),
        ({"effects": ("rater",)}, "The effects lack 'target'"),
        ({"effects": ("target", "subdistrict")}, "go together"),
        ({"subdistrict": np.zeros(20, dtype=int)}, "go together"),
        (
            {"effects": ("target", "subdistrict"), "subdistrict": np.zeros(3, dtype=int)},
            r"has the shape \(3,\)",
        ),
    ],
)
def test_effects_that_do_not_exist_are_refused(wanted, reason):
    for ratings in (drawn(17), replace(drawn(17), values=np.ones(len(drawn(17))))):
        with pytest.raises(InvalidRatings, match=reason):
            gaussian(ratings, **wanted)


def test_an_indicator_without_ratings_is_refused():
    with pytest.raises(InvalidRatings, match=r"Indicator 3 has no ratings\."):
        gaussian(replace(drawn(18), n_indicators=4), effects=HALO)


def test_designs_that_are_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(components, "DENSE_LIMIT", 5)
    with pytest.raises(TooLarge, match="6 levels belong to no single target or rater; at most 5 may"):
        gaussian(drawn(19), effects=HALO)
    monkeypatch.setattr(components, "DENSE_LIMIT", 50)
    monkeypatch.setattr(components, "BLOCKS_LIMIT", 50)
    with pytest.raises(TooLarge, match="The blocks of 20 targets or raters would take"):
        gaussian(drawn(19), effects=HALO)


def test_many_targets_have_no_joint_covariance(monkeypatch):
    ratings = drawn(20)
    whole = gaussian(ratings, effects=HALO)
    monkeypatch.setattr(components, "COVARIANCE_LIMIT", 7)

    fit = gaussian(ratings, effects=HALO)

    assert fit.covariance is None
    assert fit.standard_errors == pytest.approx(whole.standard_errors)


def test_running_out_of_iterations_carries_the_last_iterate():
    with pytest.raises(NotConverged) as caught:
        gaussian(drawn(21), effects=HALO, max_iterations=0)

    assert caught.value.fit.record.stopped == "0 iterations were allowed."
