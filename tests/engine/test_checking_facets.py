from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.checking import certify_facets
from dongliang.engine.checking.facets import _Marks, _Parameters
from dongliang.engine.data import Ratings
from dongliang.engine.errors import NotCertified, TooLarge
from dongliang.engine.facets import rating_scale


def drawn_marks(seed, *, targets=30, raters=5, indicators=3, sd=1.0, top=3, without=None):
    """Marks from 2 up; where ``without`` is (indicator, step), that one is given as the next."""
    rng = np.random.default_rng(seed)
    met = rng.random((targets, raters)) < 0.6
    met[:, 0] = met[0, :] = True
    target, rater = (np.repeat(codes, indicators) for codes in np.nonzero(met))
    indicator = np.tile(np.arange(indicators), met.sum())
    place = rng.normal(0, sd, targets)[target] - rng.normal(0, 0.5, raters)[rater] - 0.3 * indicator
    steps = np.searchsorted(np.linspace(-1.5, 1.5, top), place + rng.logistic(size=len(place)))
    if without:
        steps[(indicator == without[0]) & (steps == without[1])] += 1
    return Ratings(
        target=target,
        rater=rater,
        indicator=indicator,
        values=2.0 + steps,
        n_targets=targets + 1,
        n_raters=raters + 1,
        n_indicators=indicators,
    )


RATINGS = drawn_marks(1)
FIT = rating_scale(RATINGS)
OWN = rating_scale(RATINGS, steps="per_indicator")


@pytest.mark.parametrize("steps", ["common", "per_indicator"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"indicators": 1},
        {"raters": 1, "targets": 60},
        {"top": 1},
        {"sd": 0.0},
        {"top": 4, "without": (1, 2)},
        {"indicators": 1, "top": 4, "without": (0, 2)},
    ],
)
def test_sound_fits_are_certified(options, steps):
    ratings = drawn_marks(1, **options)

    certify_facets(ratings, rating_scale(ratings, steps=steps), steps=steps)


def shifted(values, place, by):
    return values + by * (np.arange(len(values)) == place)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"log_likelihood": FIT.log_likelihood + 0.01}, "Log-likelihoods do not follow"),
        ({"categories": FIT.categories + 1}, "The categories do not go from"),
        ({"severities": FIT.severities + 0.1}, "The severities do not sum to 0"),
        ({"severities": np.nan_to_num(FIT.severities)}, "A rater without ratings has a severity"),
        ({"severities": -FIT.severities}, "Log-likelihoods do not follow"),
        ({"difficulties": shifted(FIT.difficulties, 1, 0.1)}, "The steps do not sum|Log-likelihoods do not"),
        ({"steps": FIT.steps + 0.1}, "The steps do not sum to 0"),
        (
            {"steps": np.where([[True], [False], [False]], FIT.steps[:, ::-1], FIT.steps)},
            "Steps of the indic",
        ),
        (
            {"steps": np.where(np.arange(3) == 1, np.nan, FIT.steps)},
            "Steps are stated beside marks that nobody",
        ),
        ({"target_sd": 0.0}, "The standard deviation of the targets is not above zero"),
        ({"target_sd": 1.2 * FIT.target_sd}, "Log-likelihoods do not follow"),
        (
            {"severity_standard_errors": 0.7 * FIT.severity_standard_errors},
            "Standard errors of severities do",
        ),
        (
            {"difficulty_standard_errors": 0.95 * FIT.difficulty_standard_errors},
            "Standard errors of difficulties do not follow",
        ),
        ({"step_standard_errors": 0.95 * FIT.step_standard_errors}, "Standard errors of steps do not follow"),
        ({"target_sd_standard_error": 0.1}, "Standard errors of the standard deviation do not follow"),
        ({"measures": shifted(FIT.measures, 3, 0.01)}, "Measures do not follow"),
        ({"standard_errors": 1.05 * FIT.standard_errors}, "Standard errors of measures do not follow"),
        ({"fair_averages": FIT.fair_averages + 0.01}, "Fair averages do not follow"),
        (
            {"fair_standard_errors": 1.05 * FIT.fair_standard_errors},
            "Standard errors of fair averages do not",
        ),
        ({"n_ratings": FIT.n_ratings + 1}, "The numbers of ratings are not those"),
    ],
)
def test_a_spoilt_fit_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_facets(RATINGS, replace(FIT, **spoilt))


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"steps": OWN.steps[::-1]}, "Log-likelihoods do not follow"),
        ({"step_standard_errors": 0.95 * OWN.step_standard_errors}, "Standard errors of steps do not follow"),
    ],
)
def test_a_spoilt_fit_with_steps_of_each_indicator_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_facets(RATINGS, replace(OWN, **spoilt), steps="per_indicator")


@pytest.mark.parametrize(
    "moved",
    [
        {"severities": 0.9 * FIT.severities},
        {"difficulties": 1.1 * FIT.difficulties},
        {"steps": 1.1 * FIT.steps},
        {"target_sd": 1.1 * FIT.target_sd},
        {"target_sd": 0.01, "target_sd_standard_error": np.nan},
    ],
)
def test_parameters_that_are_no_optimum_are_rejected_though_the_likelihood_is_theirs(moved):
    claim = replace(FIT, **moved)
    marks = _Marks.of(RATINGS, claim)
    at = _Parameters.of(marks, claim, "common")
    claim = replace(claim, log_likelihood=marks.evaluate(*at.values(at.start)).log_likelihood)

    with pytest.raises(NotCertified, match=r"so that this is no optimum|of targets would be likelier"):
        certify_facets(RATINGS, claim)


@pytest.mark.parametrize("steps", ["common", "per_indicator"])
def test_the_slope_is_that_of_the_log_likelihood(steps):
    marks = _Marks.of(RATINGS, FIT)
    at = _Parameters.of(marks, FIT, steps)
    point = at.start + np.random.default_rng(0).normal(0, 0.3, len(at.start))

    slope = at.design.T @ marks.evaluate(*at.values(point)).slope

    for place, move in enumerate(1e-4 * np.eye(len(point))):
        above, below = (
            marks.evaluate(*at.values(near)).log_likelihood for near in (point + move, point - move)
        )
        assert slope[place] == pytest.approx((above - below) / 2e-4, abs=1e-4)


def test_marks_missing_in_two_places_leave_steps_that_do_not_say_all():
    ratings = drawn_marks(3, indicators=1, top=6, without=(0, 2))
    values = np.where(ratings.values == 6, 7, ratings.values)
    ratings = replace(ratings, values=values)

    with pytest.raises(NotCertified, match="Nobody gave marks in two places of the scale"):
        certify_facets(ratings, rating_scale(ratings))


def test_many_ratings_are_not_checked():
    rows = np.arange(10_001)
    ratings = Ratings(
        target=rows % 5,
        rater=rows % 7,
        indicator=rows % 1,
        values=rows % 3 + 1.0,
        n_targets=5,
        n_raters=7,
        n_indicators=1,
    )

    with pytest.raises(TooLarge, match="10001 ratings are too many to check; 10000 is the most"):
        certify_facets(ratings, FIT)
