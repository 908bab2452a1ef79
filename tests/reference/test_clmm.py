"""crossed.ordinal against ordinal::clmm on every published table that it has fitted."""

import numpy as np
import pytest

from dongliang.engine.crossed import cumulative, ordinal
from dongliang.engine.errors import Unconnected
from tests.reference import tables

FITTED = [name for name in tables.NAMES if (tables.DATA / f"{name}_clmm.json").exists()]


def assert_agrees(fit, expected, targets, raters, *, target="target", rater="rater"):
    # clmm ends a little below the top, and its modes a little beside theirs, which errs to either side.
    assert -1e-5 < fit.log_likelihood - expected["logLik"] < 1e-4
    for key, name in (("target", target), ("rater", rater)):
        assert fit.standard_deviations[key] == pytest.approx(
            expected["sd"].get(name, 0.0), rel=1e-4, abs=1e-5
        )
    modes = expected.get("ranef", {})
    assert_modes_agree(fit.measures, fit.standard_errors, targets, modes.get(target))
    assert_modes_agree(-fit.severities, fit.severity_standard_errors, raters, modes.get(rater))


def assert_modes_agree(modes, errors, labels, expected):
    if expected:
        place = {label: index for index, label in enumerate(labels)}
        rows = [place[str(level)] for level in expected["level"]]
        assert modes[rows] == pytest.approx(expected["mode"], abs=1e-4)
        assert errors[rows] == pytest.approx(expected["condSD"], abs=1e-4)


def assert_thresholds_agree(fit, expected):
    """clmm measures effects and thresholds from the first indicator."""
    names = [name for name in expected["thresholds"] if "|" in name]
    assert fit.thresholds[0] == pytest.approx(
        [expected["thresholds"][name] for name in names], rel=1e-4, abs=1e-4
    )
    if expected["se"]:
        errors = [expected["se"][name] for name in names]
        assert fit.threshold_standard_errors[0] == pytest.approx(errors, rel=5e-3)


@pytest.mark.parametrize("name", FITTED)
def test_the_crossed_fit_agrees_with_clmm(name):
    expected = tables.answers(name, "clmm")["clmm"]
    ratings, targets, raters, items = tables.ratings(name)

    fit = ordinal(ratings)

    assert_agrees(fit, expected, targets, raters)
    assert_thresholds_agree(fit, expected)
    effects = fit.indicator_effects - fit.indicator_effects[0]
    given = [(expected["beta"] or {}).get(f"item{item}", 0.0) for item in items]
    assert effects == pytest.approx(given, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(("every", "groups"), [(7, 9), (36, 496)])
def test_a_part_of_the_lectures_is_refused_as_unconnected_and_else_agrees_with_clmm(
    every, groups, monkeypatch
):
    expected = tables.answers("insteval", f"clmm_by{every}")["clmm"]
    ratings, lecturers, students, _ = tables.coded(tables.long_rows("insteval")[::every])

    with pytest.raises(Unconnected) as caught:
        ordinal(ratings)
    monkeypatch.setattr(cumulative, "refuse_unconnected", lambda *design: None)
    fit = ordinal(ratings)

    assert len(caught.value.groups) == groups
    assert_agrees(fit, expected, lecturers, students, target="d", rater="s")
    assert_thresholds_agree(fit, expected)


def test_all_lectures_agree_with_clmm():
    expected = tables.answers("insteval", "clmm_by1")["clmm"]
    ratings, lecturers, students, _ = tables.ratings("insteval")

    fit = ordinal(ratings)

    assert_agrees(fit, expected, lecturers, students, target="d", rater="s")
    assert_thresholds_agree(fit, expected)


def test_crossed_judges_and_bottles_agree_with_clmm():
    expected = tables.answers("wine", "clmm")["crossed_laplace"]
    ratings, bottles, judges, _ = tables.wine(
        lambda row: row["bottle"], lambda row: row["judge"], lambda row: ""
    )

    fit = ordinal(ratings)

    assert fit.log_likelihood == pytest.approx(-92.111815, abs=1e-6)
    assert_agrees(fit, expected, bottles, judges, target="bottle", rater="judge")
    assert_thresholds_agree(fit, expected)


def test_judges_of_wines_described_by_two_features_agree_with_clmm():
    expected = tables.answers("wine", "clmm")["laplace"]
    ratings, judges, _, wines = tables.wine(
        lambda row: row["judge"], lambda row: "", lambda row: f"{row['temp']} {row['contact']}"
    )
    assert wines.tolist() == ["cold no", "cold yes", "warm no", "warm yes"]

    fit = ordinal(ratings, features=np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]))

    assert fit.log_likelihood == pytest.approx(-81.56541, abs=1e-5)
    assert_agrees(fit, expected, judges, [""], target="judge")
    assert_thresholds_agree(fit, expected)
    effects = fit.indicator_effects - fit.indicator_effects[0]
    warm, contact = expected["beta"]["tempwarm"], expected["beta"]["contactyes"]
    assert effects == pytest.approx([0, contact, warm, warm + contact], rel=1e-4)


def test_soldiers_of_one_rating_each_agree_with_clmm_without_rater_effects():
    expected = tables.answers("lq2002_LEAD03", "clmm")["single_item"]
    rows = [row for row in tables.long_rows("lq2002") if row[2] == "LEAD03"]
    ratings, companies, soldiers, _ = tables.coded(rows)

    fit = ordinal(ratings)

    assert_agrees(fit, expected, companies, soldiers, target="g")
    assert_thresholds_agree(fit, expected)


def test_two_categories_agree_with_glmer():
    expected = tables.answers("verbagg", "glmer")["null"]
    rows = [
        (row["item"], row["id"], "", {"N": 0, "Y": 1}[row["r2"]]) for row in tables.rows("verbagg.csv.gz")
    ]
    ratings, items, _, _ = tables.coded(rows)

    fit = ordinal(ratings)

    assert fit.log_likelihood == pytest.approx(expected["logLik"], abs=1e-4)
    assert fit.thresholds[0, 0] == pytest.approx(-expected["fixef"]["(Intercept)"], rel=1e-3)
    assert fit.threshold_standard_errors[0, 0] == pytest.approx(expected["se"]["(Intercept)"], rel=1e-2)
    deviations = {"target": expected["sd"]["item"], "rater": expected["sd"]["id"]}
    assert dict(fit.standard_deviations) == pytest.approx(deviations, rel=1e-4)
    assert_modes_agree(fit.measures, fit.standard_errors, items, expected["item"])
