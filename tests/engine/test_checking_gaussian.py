from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.checking import certify_gaussian
from dongliang.engine.checking.gaussian import _Dense
from dongliang.engine.crossed import gaussian
from dongliang.engine.errors import NotCertified, TooLarge
from tests.engine.drawn import crossed_ratings, ratings_of

RATINGS = crossed_ratings(1)
FIT = gaussian(RATINGS)

EVERY = ("target", "rater", "indicator", "target:indicator", "target:rater", "rater:indicator", "subdistrict")
GROUPS = np.arange(20) % 4
FULL = gaussian(RATINGS, effects=EVERY, subdistrict=GROUPS)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(
    "effects",
    [
        ("target",),
        ("target", "rater"),
        ("target", "rater", "indicator"),
        ("target", "rater", "target:indicator", "rater:indicator"),
        ("target", "rater", "target:rater"),
        ("target", "rater", "subdistrict"),
        ("target", "rater", "subdistrict", "subdistrict:indicator"),
        EVERY,
    ],
)
def test_sound_fits_are_certified_whatever_their_effects(effects, reml):
    subdistrict = GROUPS if "subdistrict" in effects else None

    fit = gaussian(RATINGS, effects=effects, subdistrict=subdistrict, reml=reml)

    certify_gaussian(RATINGS, fit, effects=effects, subdistrict=subdistrict)


def test_effects_that_were_left_out_as_nothing_tells_them_from_others_are_certified():
    ratings = crossed_ratings(4, indicators=1)
    effects = ("target", "rater", "target:rater", "rater:indicator")

    fit = gaussian(ratings, effects=effects)

    assert len(fit.record.remarks) >= 2
    certify_gaussian(ratings, fit, effects=effects)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"log_likelihood": FIT.log_likelihood + 0.01}, "The deviance is"),
        ({"measures": FIT.measures + 0.01 * (np.arange(20) == 3)}, "Measures and severities do not follow"),
        ({"severities": -FIT.severities}, "Measures and severities do not follow"),
        ({"standard_errors": 1.05 * FIT.standard_errors}, "Standard errors do not follow"),
        ({"severity_standard_errors": 1.05 * FIT.severity_standard_errors}, "Standard errors do not follow"),
        ({"mean_standard_error": 1.05 * FIT.mean_standard_error}, "Standard errors do not follow"),
        ({"indicator_effects": -FIT.indicator_effects}, "Mean and indicator effects do not follow"),
        ({"mean": FIT.mean + 0.01, "measures": FIT.measures + 0.01}, "Mean and indicator effects do not"),
        ({"covariance": FIT.covariance + 0.01}, "Covariances of the measures do not follow"),
        ({"n_ratings": FIT.n_ratings + 1}, "The numbers of ratings are not those"),
        ({"variances": {"target": 1.0, "rater": 0.0, "residual": 0.0}}, "The fit has no residual variance"),
        ({"variances": {"target": -1.0, "rater": 0.0, "residual": 1.0}}, "A variance is below zero"),
        (
            {"variances": {"target": 1.0, "residual": 1.0}},
            "The variances are of residual, target, and should",
        ),
    ],
)
def test_a_spoilt_fit_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_gaussian(RATINGS, replace(FIT, **spoilt))


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"log_likelihood": FULL.log_likelihood + 0.01}, "The deviance is"),
        ({"measures": FULL.measures[::-1]}, "Measures and severities do not follow"),
        ({"standard_errors": 1.05 * FULL.standard_errors}, "Standard errors do not follow"),
        ({"covariance": np.diag(FULL.standard_errors**2)}, "Covariances of the measures do not follow"),
        ({"indicator_effects": FULL.indicator_effects + 0.01}, "Mean and indicator effects do not follow"),
    ],
)
def test_a_spoilt_fit_of_many_effects_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_gaussian(RATINGS, replace(FULL, **spoilt), effects=EVERY, subdistrict=GROUPS)


def deviance(variances, restricted=True, effects=EVERY, subdistrict=GROUPS):
    return _Dense.of(RATINGS, effects, subdistrict, variances, restricted=restricted).deviance()


@pytest.mark.parametrize("name", [*EVERY, "residual"])
def test_a_variance_that_is_no_optimum_is_rejected_though_everything_else_is_as_it_was(name):
    variances = dict(FULL.variances)
    variances[name] += 0.3

    claim = replace(FULL, variances=variances, log_likelihood=-deviance(variances) / 2)

    with pytest.raises(NotCertified, match="so that this is no optimum"):
        certify_gaussian(RATINGS, claim, effects=EVERY, subdistrict=GROUPS)


def test_variances_of_the_other_likelihood_are_rejected_though_everything_follows_from_them():
    plain = gaussian(RATINGS, reml=False)
    restricted = -deviance(plain.variances, effects=("target", "rater"), subdistrict=None) / 2

    claim = replace(plain, log_likelihood=restricted, record=replace(plain.record, method="REML"))

    with pytest.raises(NotCertified, match="so that this is no optimum"):
        certify_gaussian(RATINGS, claim)


@pytest.mark.parametrize("restricted", [True, False])
def test_slopes_are_those_of_the_deviance(restricted):
    variances = {name: 0.2 + 0.1 * place for place, name in enumerate((*EVERY, "residual"))}

    slopes = _Dense.of(RATINGS, EVERY, GROUPS, variances, restricted=restricted).slopes()

    for name, slope in slopes.items():
        above, below = (
            deviance({**variances, name: variances[name] * np.exp(step)}, restricted)
            for step in (1e-4, -1e-4)
        )
        assert slope == pytest.approx((above - below) / 2e-4, abs=1e-5)


def test_many_ratings_are_not_checked_densely():
    rows = [(row % 5, row % 7, float(row % 3)) for row in range(1001)]

    with pytest.raises(TooLarge, match="1001 ratings are too many to check densely; 1000 is the most"):
        certify_gaussian(ratings_of(rows), FIT)
