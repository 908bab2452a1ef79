"""crossed.ordinal with interactions, random indicators and subdistricts against ordinal::clmm on published tables."""

import numpy as np
import pytest

from dongliang.engine.crossed import ordinal
from tests.reference import tables

CALLS = {
    "halo": ("target", "rater", "target:rater"),
    "interactions": ("target", "rater", "target:rater", "target:indicator"),
    "all_random": ("target", "rater", "indicator", "target:rater", "target:indicator", "rater:indicator"),
}
FITTED = [
    (path.name.removesuffix("_clmm_effects.json"), call)
    for path in sorted(tables.DATA.glob("*_clmm_effects.json"))
    for call in CALLS
    if call in tables.answers(path.name.removesuffix("_clmm_effects.json"), "clmm_effects")
]


def nearness(expected):
    """How near a peer's parameters are to its own optimum: less where its search ended without having converged."""
    return 1e-4 if expected["convergence"]["code"] == 0 else 1e-3


def assert_agrees(fit, expected, labels):
    # clmm ends a little below the top.
    assert -1e-5 < fit.log_likelihood - expected["logLik"] < 1e-4
    assert fit.log_likelihood > expected["logLik"] or expected["convergence"]["code"] == 0
    near = nearness(expected)
    deviations = {name.replace("item", "indicator"): sd for name, sd in expected["sd"].items()}
    assert {name: fit.standard_deviations[name] for name in deviations} == pytest.approx(
        deviations, rel=near, abs=near
    )
    modes = {
        "target": (fit.measures, fit.standard_errors),
        "rater": (-fit.severities, fit.severity_standard_errors),
        "item": (fit.indicator_effects, fit.indicator_effect_standard_errors),
    }
    for name, listed in expected["ranef"].items():
        if name in labels:
            place = {str(label): index for index, label in enumerate(labels[name])}
            rows = [place[str(level)] for level in listed["level"]]
            assert modes[name][0][rows] == pytest.approx(listed["mode"], abs=1e-3)
            assert modes[name][1][rows] == pytest.approx(listed["condSD"], abs=1e-3)


def assert_thresholds_agree(common, fit, expected):
    names = [name for name in expected["thresholds"] if "|" in name]
    near = nearness(expected)
    assert common == pytest.approx([expected["thresholds"][name] for name in names], rel=near, abs=near)
    if expected["se"]:
        errors = [expected["se"][name] for name in names]
        assert fit.threshold_standard_errors[0] == pytest.approx(errors, rel=1e-2)


@pytest.mark.parametrize(("name", "call"), FITTED)
def test_fits_of_more_effects_agree_with_clmm(name, call):
    expected = tables.answers(name, "clmm_effects")[call]
    ratings, targets, raters, items = tables.ratings(name)

    fit = ordinal(ratings, effects=CALLS[call])

    random = "item" in expected["ranef"]
    labels = {"target": targets, "rater": raters} | ({"item": items} if random else {})
    assert_agrees(fit, expected, labels)
    common = fit.thresholds[0] + (fit.indicator_effects[0] if random else 0.0)
    assert_thresholds_agree(common, fit, expected)
    if not random:
        given = [expected["beta"].get(f"item{item}", 0.0) for item in items]
        effects = fit.indicator_effects - fit.indicator_effects[0]
        assert effects == pytest.approx(given, abs=1e-3)


def test_lecturers_within_departments_agree_with_clmm(monkeypatch):
    expected = tables.answers("insteval_by7", "clmm_effects")["subdistrict"]
    rows = tables.rows("insteval.csv.gz")[::7]
    ratings, lecturers, students, _ = tables.coded([(row["d"], row["s"], "", row["y"]) for row in rows])
    home = {row["d"]: row["dept"] for row in rows}
    departments, codes = np.unique([home[lecturer] for lecturer in lecturers], return_inverse=True)
    # A part of the lectures falls into groups, which clmm does not mind.
    monkeypatch.setattr("dongliang.engine.crossed.effects.refuse_unconnected", lambda *design: None)

    fit = ordinal(ratings, effects=("target", "rater", "subdistrict"), subdistrict=codes)

    assert_agrees(fit, expected, {"rater": students})
    assert_thresholds_agree(fit.thresholds[0], fit, expected)
    modes = {
        name: dict(zip(map(str, listed["level"]), listed["mode"], strict=True))
        for name, listed in expected["ranef"].items()
    }
    measures = [modes["target"][lecturer] + modes["subdistrict"][home[lecturer]] for lecturer in lecturers]
    assert fit.measures == pytest.approx(measures, abs=1e-3)
    assert len(departments) == len(modes["subdistrict"])
