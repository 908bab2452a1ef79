"""crossed.gaussian with interactions and groups of targets against lme4::lmer on published tables."""

import numpy as np
import pytest

from dongliang.engine.crossed import components, gaussian
from dongliang.engine.crossed.effects import Design
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


def of_departments():
    """Lectures for the lecturer's own department or another, and the department of each lecturer."""
    rows = tables.rows("insteval.csv.gz")
    ratings, lecturers, _, _ = tables.coded([(row["d"], row["s"], row["service"], row["y"]) for row in rows])
    home = {row["d"]: int(row["dept"]) for row in rows}
    return ratings, np.array([home[lecturer] for lecturer in lecturers])


DEPARTMENTS = {
    "ml_service_dept": {"dept": "subdistrict"},
    "reml_service_deptservice": {"dept:service": "subdistrict:indicator"},
}


@pytest.mark.parametrize(("name", "group"), DEPARTMENTS.items())
def test_lecturers_of_departments_agree_with_lmer(name, group):
    expected = tables.lmer("insteval")[name]
    ratings, departments = of_departments()

    fit = gaussian(
        ratings,
        effects=("target", "rater", *group.values()),
        subdistrict=departments,
        reml=name.startswith("reml"),
    )

    assert -1e-4 < fit.record.objective - expected["criterion"] < 1e-6
    ours = {"d": "target", "s": "rater", "Residual": "residual", **group}
    variance = {ours[key]: value for key, value in expected["variance"].items()}
    assert dict(fit.variances) == pytest.approx(variance, rel=1e-3)
    elsewhere, service = fit.mean + fit.indicator_effects
    assert elsewhere == pytest.approx(expected["fixef"]["(Intercept)"], abs=1e-4)
    assert service - elsewhere == pytest.approx(expected["fixef"]["service1"], abs=1e-4)


def criterion_at(ratings, variance, *, subdistrict=None, reml=True):
    """Our criterion at somebody else's variances."""
    effects = tuple(name for name in variance if name != "Residual")
    design = Design.of(ratings, effects, subdistrict)
    model = components._Model.of(ratings, design, components._Blocks.of(ratings, design), reml)
    return model.evaluate(np.array([variance[name] for name in design.names]) / variance["Residual"]).deviance


@pytest.mark.parametrize("name", STUDIES)
def test_at_the_variances_of_lmer_the_criterion_is_that_of_lmer(name):
    expected = tables.answers(name, "gstudy")["gstudy"]
    expected = expected.get("another_run", expected)
    variance = {key.replace("item", "indicator"): value for key, value in expected["variance"].items()}
    ratings = tables.ratings(name)[0]

    at_theirs = criterion_at(ratings, variance)

    # Where variances differ by more than 1e-4, theirs are beside the lowest point, and ours are lower.
    assert at_theirs == pytest.approx(expected["REMLcrit"], abs=2e-6)
    assert gaussian(ratings, effects=tuple(set(variance) - {"Residual"})).record.objective <= at_theirs


@pytest.mark.parametrize(("name", "group"), DEPARTMENTS.items())
def test_at_the_variances_of_lmer_for_departments_the_criterion_is_that_of_lmer(name, group):
    expected = tables.lmer("insteval")[name]
    names = {"d": "target", "s": "rater", "Residual": "Residual", **group}
    variance = {names[key]: value for key, value in expected["variance"].items()}
    ratings, departments = of_departments()

    at_theirs = criterion_at(ratings, variance, subdistrict=departments, reml=name.startswith("reml"))

    assert at_theirs == pytest.approx(expected["criterion"], abs=2e-6)


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
