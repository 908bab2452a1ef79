"""crossed.gaussian against lme4::lmer on every published table."""

import numpy as np
import pytest

from dongliang.engine.crossed import gaussian
from tests.reference import tables

CROSSED = [name for name in tables.NAMES if name != "insteval"]


def assert_modes_agree(modes, errors, labels, expected):
    place = {label: index for index, label in enumerate(labels)}
    rows = [place[str(level)] for level in expected["level"]]
    assert modes[rows] == pytest.approx(expected["mode"], abs=1e-3)
    assert errors[rows] == pytest.approx(expected["condSD"], abs=1e-3)


@pytest.mark.parametrize("name", CROSSED)
def test_the_crossed_fit_agrees_with_lmer(name):
    expected = tables.lmer(name)["lmer"]
    ratings, targets, raters, items = tables.ratings(name)

    fit = gaussian(ratings)

    assert len(ratings) == expected["nobs"]
    assert fit.record.objective == pytest.approx(expected["REMLcrit"], abs=1e-4)
    variance = expected["variance"]
    assert dict(fit.variances) == pytest.approx(
        {"target": variance["target"], "rater": variance["rater"], "residual": variance["Residual"]}, rel=1e-4
    )
    fixed = expected["fixef"]
    intercepts = [fixed["(Intercept)"] + fixed.get(f"item{item}", 0.0) for item in items]
    assert fit.mean + fit.indicator_effects == pytest.approx(intercepts, abs=1e-4)
    if "target" in expected["ranef"]:
        assert_modes_agree(fit.effects, fit.standard_errors, targets, expected["ranef"]["target"])
    if "rater" in expected["ranef"]:
        assert_modes_agree(-fit.severities, fit.severity_standard_errors, raters, expected["ranef"]["rater"])


@pytest.mark.parametrize("criterion", ["reml", "ml"])
def test_the_lecturers_fit_agrees_with_lmer(criterion):
    expected = tables.lmer("insteval")[criterion]
    ratings, lecturers, students, _ = tables.ratings("insteval")

    fit = gaussian(ratings, reml=criterion == "reml")

    assert fit.record.objective == pytest.approx(expected["criterion"], abs=1e-4)
    variance = expected["variance"]
    assert dict(fit.variances) == pytest.approx(
        {"target": variance["d"], "rater": variance["s"], "residual": variance["Residual"]}, rel=1e-5
    )
    assert fit.mean == pytest.approx(expected["fixef"]["(Intercept)"], abs=1e-5)
    assert fit.mean_standard_error == pytest.approx(expected["fixef_se"]["(Intercept)"], rel=1e-5)
    assert np.sqrt(fit.covariance.diagonal()) == pytest.approx(fit.standard_errors)
    if criterion == "reml":
        assert_modes_agree(fit.effects, fit.standard_errors, lecturers, expected["ranef"]["d"])
        assert_modes_agree(-fit.severities, fit.severity_standard_errors, students, expected["ranef"]["s"])
