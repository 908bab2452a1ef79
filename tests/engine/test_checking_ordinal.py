from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.checking import certify_ordinal
from dongliang.engine.crossed import ordinal
from dongliang.engine.errors import NotCertified, NotConverged, TooLarge
from tests.engine.drawn_marks import DESIGNS, home, judged, marks

HALO = ("target", "rater", "target:rater")
RATINGS, _ = judged(41, sd={"target": 1.0, "rater": 0.5, "target:rater": 1.0})
FIT = ordinal(RATINGS, effects=HALO)


@pytest.mark.parametrize("thresholds", ["common", "indicator"])
@pytest.mark.parametrize("ratings", DESIGNS.values(), ids=DESIGNS.keys())
def test_fits_of_targets_and_raters_are_certified(ratings, thresholds):
    certify_ordinal(ratings, ordinal(ratings, thresholds=thresholds), thresholds=thresholds)


def test_fits_with_features_are_certified_and_others_than_claimed_are_not():
    ratings = marks(42, indicators=3)
    features, others = np.array([[-1.0], [0.0], [1.0]]), np.array([[1.0], [0.0], [0.0]])

    fit = ordinal(ratings, features=features)

    certify_ordinal(ratings, fit, features=features)
    with pytest.raises(NotCertified, match="not sums over their features"):
        certify_ordinal(ratings, fit, features=others)


def moved(field, place, by):
    column = getattr(FIT, field).copy()
    column[place] += by
    return replace(FIT, **{field: column})


def named(field, name, factor):
    return replace(FIT, **{field: {**getattr(FIT, field), name: factor * getattr(FIT, field)[name]}})


SPOILT = {
    "a measure": (moved("measures", 3, 0.01), "Measures do not follow"),
    "a severity": (moved("severities", 0, 0.01), "Severities do not follow"),
    "an error": (moved("standard_errors", 5, 0.01), "Standard errors do not follow"),
    "an error of a severity": (moved("severity_standard_errors", 2, -0.01), "Standard errors of severities"),
    "a covariance": (moved("covariance", (0, 7), 0.01), "Covariances do not follow"),
    "a fair mark": (moved("fair_marks", 1, 0.1), "Fair marks do not follow"),
    "the log-likelihood": (replace(FIT, log_likelihood=FIT.log_likelihood + 0.01), "The log-likelihood is"),
    "a number of ratings": (moved("n_ratings", 0, 1), "not counted right"),
    "a category": (moved("categories", 0, 0.5), "not the values of the ratings"),
    "a threshold": (moved("thresholds", (0, 1), 0.1), "not shifted by the effects"),
    "all thresholds": (replace(FIT, thresholds=FIT.thresholds + 0.2), "The log-likelihood is"),
    "a deviation": (named("standard_deviations", "target:rater", 1.2), "The log-likelihood is"),
    "an error of a threshold": (moved("threshold_standard_errors", (1, 1), 0.05), "errors of the thresholds"),
    "an error of an indicator": (
        moved("indicator_effect_standard_errors", 0, 0.05),
        "errors of the indicators",
    ),
    "an error of a deviation": (
        named("standard_deviation_errors", "target:rater", 1.1),
        "errors of the standard deviations",
    ),
    "a deviation that was not asked for": (
        replace(FIT, standard_deviations={**FIT.standard_deviations, "indicator": 0.0}),
        "not those of the effects",
    ),
}


@pytest.mark.parametrize(("fit", "reason"), SPOILT.values(), ids=SPOILT.keys())
def test_a_spoilt_answer_is_not_certified(fit, reason):
    certify_ordinal(RATINGS, FIT, effects=HALO)

    with pytest.raises(NotCertified, match=reason):
        certify_ordinal(RATINGS, fit, effects=HALO)


def test_a_point_below_the_top_is_not_certified_though_all_follows_from_it():
    with pytest.raises(NotConverged) as caught:
        ordinal(RATINGS, effects=HALO, max_iterations=2)

    with pytest.raises(NotCertified, match=r"asks for .* standard errors more, so that this is no optimum"):
        certify_ordinal(RATINGS, caught.value.fit, effects=HALO)


def test_a_deviation_falsely_put_at_zero_is_not_certified():
    fit = ordinal(RATINGS)
    nothing = {"target:rater": 0.0}
    claimed = replace(
        fit,
        standard_deviations={**fit.standard_deviations, **nothing},
        standard_deviation_errors={**fit.standard_deviation_errors, "target:rater": float("nan")},
    )

    certify_ordinal(RATINGS, fit)
    with pytest.raises(NotCertified, match="when the standard deviation of target:rater leaves 0"):
        certify_ordinal(RATINGS, claimed, effects=HALO)


def test_severities_without_an_effect_of_raters_are_not_certified():
    fit = ordinal(RATINGS, effects=("target", "target:rater"))

    certify_ordinal(RATINGS, fit, effects=("target", "target:rater"))
    with pytest.raises(NotCertified, match="severities without an effect of raters"):
        certify_ordinal(
            RATINGS, replace(fit, severities=fit.severities + 0.1), effects=("target", "target:rater")
        )


def test_other_subdistricts_than_the_fit_had_are_not_certified():
    ratings, groups = judged(43)
    effects = ("target", "rater", "subdistrict")

    fit = ordinal(ratings, effects=effects, subdistrict=groups)

    certify_ordinal(ratings, fit, effects=effects, subdistrict=groups)
    for others in (np.roll(home(18), 1) // 2, None):
        with pytest.raises(NotCertified):
            certify_ordinal(ratings, fit, effects=effects, subdistrict=others)


def test_differences_among_equal_ratings_are_not_certified():
    ratings = replace(RATINGS, values=np.full(len(RATINGS), 3.0))
    fit = ordinal(ratings)

    certify_ordinal(ratings, fit)
    spoilt = [
        replace(fit, measures=fit.measures + np.eye(18)[0]),
        replace(fit, standard_deviations={"target": 0.1, "rater": 0.0}),
        replace(fit, log_likelihood=-1.0),
        replace(fit, fair_marks=fit.fair_marks + 1),
    ]
    for claimed in spoilt:
        with pytest.raises(NotCertified):
            certify_ordinal(ratings, claimed)


def test_many_ratings_are_too_many_to_certify():
    ratings = marks(44, targets=200)

    with pytest.raises(TooLarge, match="1000 is the most"):
        certify_ordinal(ratings, FIT)
