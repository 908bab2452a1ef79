"""crossed.gaussian with interactions and groups of targets against lme4::lmer on published tables."""

import numpy as np
import pytest

from dongliang.engine.crossed import gaussian
from tests.reference import tables

STUDIES = sorted(path.name.removesuffix("_gstudy.json") for path in tables.DATA.glob("*_gstudy.json"))


def assert_modes_agree(modes, errors, labels, expected):
    place = {label: index for index, label in enumerate(labels)}
    rows = [place[level] for level in expected["level"]]
    assert modes[rows] == pytest.approx(expected["mode"], abs=1e-3)
    assert errors[rows] == pytest.approx(expected["condSD"], abs=1e-3)


@pytest.mark.parametrize("name", STUDIES)
def test_the_variance_components_agree_with_lmer(name):
    expected = tables.answers(name, "gstudy")["gstudy"]
    variance = {key.replace("item", "indicator"): value for key, value in expected["variance"].items()}
    ratings, targets, raters, _ = tables.ratings(name)

    fit = gaussian(ratings, effects=tuple(set(variance) - {"Residual"}))

    # lmer's search ends up to 6e-6 above the lowest criterion, where flat variances are a thousandth off.
    assert -1e-4 < fit.record.objective - expected["REMLcrit"] < 1e-6
    estimated = {**fit.variances, "Residual": fit.variances["residual"]}
    assert {key: estimated[key] for key in variance} == pytest.approx(variance, rel=1e-3, abs=1e-5)
    if "ranef" in expected:
        assert fit.mean == pytest.approx(expected["fixef"], abs=1e-4)
        assert fit.mean_standard_error == pytest.approx(expected["fixef_se"], rel=1e-3)
        assert_modes_agree(fit.effects, fit.standard_errors, targets, expected["ranef"]["target"])
        assert_modes_agree(-fit.severities, fit.severity_standard_errors, raters, expected["ranef"]["rater"])


def test_lecturers_within_departments_agree_with_lmer():
    expected = tables.lmer("insteval")["ml_service_dept"]
    rows = tables.rows("insteval.csv.gz")
    ratings, lecturers, _, _ = tables.coded([(row["d"], row["s"], row["service"], row["y"]) for row in rows])
    home = {row["d"]: int(row["dept"]) for row in rows}
    departments = np.array([home[lecturer] for lecturer in lecturers])

    fit = gaussian(ratings, effects=("target", "rater", "subdistrict"), subdistrict=departments, reml=False)

    assert -1e-4 < fit.record.objective - expected["criterion"] < 1e-6
    variance = expected["variance"]
    assert dict(fit.variances) == pytest.approx(
        {
            "target": variance["d"],
            "rater": variance["s"],
            "subdistrict": variance["dept"],
            "residual": variance["Residual"],
        },
        rel=1e-3,
    )
    elsewhere, service = fit.mean + fit.indicator_effects
    assert elsewhere == pytest.approx(expected["fixef"]["(Intercept)"], abs=1e-4)
    assert service - elsewhere == pytest.approx(expected["fixef"]["service1"], abs=1e-4)


SCORED = tables.answers("tvbo", "lmer")["fits"]


@pytest.mark.parametrize("attribute", SCORED)
def test_assessors_of_televisions_and_their_halo_agree_with_lmer(attribute):
    expected = SCORED[attribute]
    rows = tables.rows("tvbo.csv")
    ratings, televisions, _, _ = tables.coded(
        [(f"{row['TVset']}:{row['Picture']}", row["Assessor"], "", row[attribute]) for row in rows]
    )

    fit = gaussian(ratings, effects=("target", "rater", "target:rater"))

    assert -1e-4 < fit.record.objective - expected["REMLcrit"] < 1e-6
    estimated = {**fit.variances, "Residual": fit.variances["residual"]}
    variance = expected["variance"]
    assert {name: estimated[name] for name in variance} == pytest.approx(variance, rel=1e-3, abs=1e-5)
    assert fit.mean == pytest.approx(expected["intercept"], abs=1e-4)
    assert fit.effects == pytest.approx([expected["target"][name] for name in televisions], abs=1e-3)
