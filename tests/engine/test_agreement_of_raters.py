from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.agreement import (
    generalisability,
    krippendorff_alpha,
    rater_agreement,
    reliability,
    residual_fit,
    separation,
)
from dongliang.engine.crossed import gaussian, ordinal
from dongliang.engine.data import MeanSquares
from dongliang.engine.errors import InvalidRatings, TooLarge
from tests.engine.drawn import crossed_ratings, ratings_of, shuffled

# Four observers and twelve units, from the example that [Kri11] computes by hand.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3),
    (0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0),
)


def observed():
    return ratings_of(
        [
            (unit, rater, float(mark))
            for rater, marks in enumerate(OBSERVERS)
            for unit, mark in enumerate(marks)
            if mark
        ]
    )


@pytest.mark.parametrize(("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_the_published_example(scale, alpha):
    assert krippendorff_alpha(observed(), scale=scale) == pytest.approx(alpha, abs=6e-4)


def test_alpha_is_one_where_all_agree_and_about_zero_where_marks_are_drawn():
    rng = np.random.default_rng(0)
    target, rater = (codes.ravel() for codes in np.meshgrid(np.arange(300), np.arange(4), indexing="ij"))

    alike = ratings_of(list(zip(target, rater, 1.0 + target % 5, strict=True)))
    drawn = ratings_of(list(zip(target, rater, rng.integers(1, 6, 1200).astype(float), strict=True)))

    for scale in ("nominal", "ordinal", "interval"):
        assert krippendorff_alpha(alike, scale=scale) == pytest.approx(1)
        assert krippendorff_alpha(drawn, scale=scale) == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize(
    "table", [[(0, 0, 1.0), (1, 1, 2.0)], [(0, 0, 3.0), (0, 1, 3.0), (1, 0, 3.0)]], ids=["no pair", "equal"]
)
def test_alpha_is_unknown_where_nothing_could_differ(table):
    assert np.isnan(krippendorff_alpha(ratings_of(table)))


def test_an_unknown_scale_is_refused():
    with pytest.raises(InvalidRatings, match="scale is 'ratio'"):
        krippendorff_alpha(observed(), scale="ratio")


def test_agreement_counts_the_pairs_of_each_rater_and_of_all():
    ratings = ratings_of([(0, 0, 3.0), (0, 1, 3.0), (0, 2, 4.0), (1, 0, 5.0), (1, 1, 2.0), (2, 2, 1.0)])

    found = rater_agreement(ratings)

    assert found.pairs.tolist() == [3, 3, 2]
    assert found.exact == pytest.approx([1 / 3, 1 / 3, 0])
    assert found.near == pytest.approx([2 / 3, 2 / 3, 1])
    assert (found.all_pairs, found.all_exact, found.all_near) == (
        4,
        pytest.approx(1 / 4),
        pytest.approx(3 / 4),
    )


def test_a_mark_that_a_rater_gave_twice_is_no_agreement_with_others():
    found = rater_agreement(ratings_of([(0, 0, 3.0), (0, 0, 3.0), (0, 1, 4.0)]), near=0)

    assert found.pairs.tolist() == [2, 2]
    assert found.exact.tolist() == [0, 0]


def test_decimals_one_apart_are_near_whatever_binary_makes_of_them():
    assert rater_agreement(ratings_of([(0, 0, 4.1), (0, 1, 3.1), (1, 0, 1.1), (1, 1, 0.1)])).all_near == 1


def test_raters_who_met_nobody_have_no_agreement():
    found = rater_agreement(ratings_of([(0, 0, 3.0), (1, 1, 4.0)]))

    assert found.pairs.tolist() == [0, 0]
    assert np.isnan([*found.exact, found.all_exact, found.all_near]).all()


@pytest.mark.parametrize("near", [-1, np.nan])
def test_a_distance_that_is_none_is_refused(near):
    with pytest.raises(InvalidRatings, match="Give a distance between marks"):
        rater_agreement(observed(), near=near)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_and_the_numbers_of_ratings_leave_no_trace(seed):
    ratings = crossed_ratings(seed)
    ratings = replace(ratings, values=np.rint(ratings.values))
    number = np.random.default_rng(seed).permutation(ratings.n_raters)

    found = rater_agreement(ratings)
    again = rater_agreement(shuffled(replace(ratings, rater=number[ratings.rater]), seed))

    assert again.exact[number] == pytest.approx(found.exact)
    assert again.all_near == found.all_near
    assert krippendorff_alpha(shuffled(ratings, seed)) == pytest.approx(krippendorff_alpha(ratings))


@pytest.mark.parametrize("method", [gaussian, ordinal])
def test_separation_follows_from_reliability(method):
    ratings = crossed_ratings(1, targets=30)
    fit = method(replace(ratings, values=np.clip(np.rint(ratings.values), 1, 5)))

    found = separation(fit)

    assert found.reliability == reliability(fit)
    assert found.separation**2 == pytest.approx(found.reliability / (1 - found.reliability))
    assert found.strata == pytest.approx((4 * found.separation + 1) / 3)


def test_one_target_cannot_be_separated_and_no_error_separates_all():
    fit = gaussian(crossed_ratings(1))

    one = separation(replace(fit, n_ratings=np.array([3] + [0] * 19)))
    exact = separation(replace(fit, standard_errors=np.zeros(20)))

    assert np.isnan([one.reliability, one.separation, one.strata]).all()
    assert (exact.reliability, exact.separation, exact.strata) == (1, np.inf, np.inf)


def test_generalisability_is_the_share_of_the_targets_in_a_mean_of_so_many_ratings():
    fit = replace(
        gaussian(crossed_ratings(1)),
        variances={
            "target": 1.0,
            "rater": 0.4,
            "target:rater": 0.6,
            "target:indicator": 0.2,
            "rater:indicator": 0.16,
            "residual": 0.8,
        },
    )

    relative, absolute = generalisability(fit, raters=4, indicators=2)

    assert relative == pytest.approx(1 / (1 + 0.6 / 4 + 0.2 / 2 + 0.8 / 8))
    assert absolute == pytest.approx(1 / (1 / relative + 0.4 / 4 + 0.16 / 8))


def test_generalisability_is_zero_where_targets_do_not_differ():
    fit = gaussian(crossed_ratings(4, sd=(0.0, 0.0, 1.0)))

    assert generalisability(fit, raters=3, indicators=1) == (0, 0)


@pytest.mark.parametrize("asked", [{"raters": 0, "indicators": 1}, {"raters": 1, "indicators": 0}])
def test_generalisability_of_nobody_is_refused(asked):
    with pytest.raises(InvalidRatings, match="Give 1 or more"):
        generalisability(gaussian(crossed_ratings(1)), **asked)


def by_matrices(ratings, fit):
    """Variances of the residuals, from matrices over all ratings."""
    columns = [np.eye(size)[codes] for codes, size in sides(ratings)]
    covariance = fit.variances["residual"] * np.eye(len(ratings))
    covariance += fit.variances["target"] * columns[0] @ columns[0].T
    covariance += fit.variances["rater"] * columns[1] @ columns[1].T
    inverse = np.linalg.inv(covariance)
    fixed = inverse @ columns[2]
    projection = inverse - fixed @ np.linalg.solve(columns[2].T @ fixed, fixed.T)
    return fit.variances["residual"] ** 2 * projection.diagonal()


def sides(ratings):
    return (
        (ratings.target, ratings.n_targets),
        (ratings.rater, ratings.n_raters),
        (ratings.indicator, ratings.n_indicators),
    )


@pytest.mark.parametrize("sd", [(1.0, 0.5, 0.7), (1.0, 0.0, 0.7)], ids=["usual", "raters alike"])
def test_mean_squares_compare_residuals_with_the_variances_they_have(sd):
    ratings = crossed_ratings(5, sd=sd)
    fit = gaussian(ratings)
    residuals = ratings.values - (
        fit.measures[ratings.target]
        - fit.severities[ratings.rater]
        + fit.indicator_effects[ratings.indicator]
    )
    variances = by_matrices(ratings, fit)

    found = residual_fit(ratings, fit)

    names = ("targets", "raters", "indicators")
    for (codes, size), name in zip(sides(ratings), names, strict=True):
        squared, room, standardised, count = (
            np.bincount(codes, weights=part, minlength=size)
            for part in (residuals**2, variances, residuals**2 / variances, np.ones(len(ratings)))
        )
        side = getattr(found, name)
        assert side.infit == pytest.approx(squared / room)
        assert side.outfit == pytest.approx(standardised / count)


def test_mean_squares_of_raters_are_one_on_average_and_their_deviates_nearly_standard():
    found: list[MeanSquares] = []
    for seed in range(20):
        ratings = crossed_ratings(seed, targets=40, raters=8)
        found.append(residual_fit(ratings, gaussian(ratings)).raters)

    infit, deviates = (np.concatenate([getattr(one, name) for one in found]) for name in ("infit", "infit_z"))
    assert infit.mean() == pytest.approx(1, abs=0.05)
    assert deviates.mean() == pytest.approx(0, abs=0.2)
    assert deviates.std() == pytest.approx(1, abs=0.2)


def test_a_careless_rater_stands_out():
    ratings = crossed_ratings(3, targets=40, raters=8)
    careless = np.where(
        ratings.rater == 2, np.random.default_rng(0).normal(3, 2, len(ratings)), ratings.values
    )
    ratings = replace(ratings, values=careless)

    found = residual_fit(ratings, gaussian(ratings)).raters

    assert found.infit_z.argmax() == 2
    assert found.infit_z[2] > 4


def test_mean_squares_want_the_fit_of_these_ratings_with_targets_and_raters_alone():
    ratings = crossed_ratings(1)

    with pytest.raises(InvalidRatings, match="Take one of targets and raters alone"):
        residual_fit(ratings, gaussian(ratings, effects=("target", "rater", "target:rater")))
    with pytest.raises(InvalidRatings, match="not of these ratings"):
        residual_fit(ratings, gaussian(crossed_ratings(1, targets=21)))


def test_too_many_levels_are_refused():
    ratings = crossed_ratings(1)
    many = replace(ratings, n_targets=5_000)

    with pytest.raises(TooLarge, match="5008 targets, raters and indicators are too many"):
        residual_fit(many, gaussian(many))
