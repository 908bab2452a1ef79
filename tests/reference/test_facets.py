"""facets.rating_scale against TAM::tam.mml.mfr on a fine grid, and against a likelihood that shares no code with it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from dongliang.engine.checking import certify_facets
from dongliang.engine.errors import NotCertified
from dongliang.engine.facets import rating_scale
from tests.reference import tables

NAMES = ["sirt_ratings1", "sirt_ratings2", "synth_field"]


def tam(name, steps):
    return json.loads((tables.DATA / f"{name}_tam.json").read_text(encoding="utf-8"))[steps]


@pytest.mark.parametrize("steps", ["common", "per_indicator"])
@pytest.mark.parametrize("name", NAMES)
def test_the_fit_agrees_with_tam(name, steps):
    expected = tam(name, steps)
    ratings, targets, raters, indicators = tables.ratings(name)

    fit = rating_scale(ratings, steps=steps)

    assert fit.record.objective == pytest.approx(expected["deviance"], abs=1e-3)
    assert fit.target_sd**2 == pytest.approx(expected["variance"], abs=1e-3)
    effect = expected["xsi"]
    item_names = [f"i{item}" if name == "synth_field" else item for item in indicators]
    # TAM spells raters r01 to r13 in one table and as they come in the others.
    rater_names = [f"raterr{int(rater):02}" if name == "synth_field" else f"rater{rater}" for rater in raters]
    assert fit.severities == pytest.approx([effect[rater] for rater in rater_names], abs=1e-3)
    assert fit.difficulties == pytest.approx([effect[item] for item in item_names], abs=1e-3)
    expected_steps = [
        [
            effect[f"step{step}"] + effect.get(f"{item}:step{step}", 0.0)
            for step in range(1, fit.steps.shape[1] + 1)
        ]
        for item in item_names
    ]
    assert fit.steps == pytest.approx(np.array(expected_steps), abs=1e-3)
    place = {str(target): index for index, target in enumerate(targets)}
    rows = [place[str(pid)] for pid in expected["person"]["pid"]]
    assert fit.measures[rows] == pytest.approx(expected["person"]["EAP"], abs=1e-3)
    assert fit.standard_errors[rows] == pytest.approx(expected["person"]["SD"], abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_the_fit_agrees_with_rm_facets(name):
    expected = tables.answers(name, "rm")["fine"]
    ratings, targets, raters, indicators = tables.ratings(name)

    fit = rating_scale(ratings, steps="per_indicator")

    assert fit.record.objective == pytest.approx(expected["deviance"], abs=1e-3)
    # It ends its search by the deviance, a thousandth short of the very top.
    assert fit.target_sd == pytest.approx(expected["sigma"], abs=2e-3)
    spelt = {f"r{int(rater):02}" if name == "synth_field" else rater: n for n, rater in enumerate(raters)}
    rows = [spelt[rater] for rater in expected["rater"]["rater"]]
    assert fit.severities[rows] == pytest.approx(expected["rater"]["b"], abs=1e-3)
    spelt = {f"i{item}" if name == "synth_field" else item: n for n, item in enumerate(indicators)}
    rows = [spelt[item] for item in expected["item"]["item"]]
    taus = np.cumsum(fit.difficulties[:, None] + fit.steps, axis=1)[rows]
    assert taus == pytest.approx(np.array(expected["item"]["tau"]), abs=2e-3)
    place = {str(target): index for index, target in enumerate(targets)}
    rows = [place[str(pid)] for pid in expected["person"]["pid"]]
    assert fit.measures[rows] == pytest.approx(expected["person"]["EAP"], abs=2e-3)
    assert fit.standard_errors[rows] == pytest.approx(expected["person"]["SE"], abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_measures_and_severities_go_with_those_of_another_estimator(name):
    """RaschPy conditions on pairs of raters and gives persons their maximum likelihood estimates: another question."""
    expected = tables.answers(name, "raschpy")
    ratings, targets, raters, indicators = tables.ratings(name)

    fit = rating_scale(ratings)

    severities = [expected["raters"][rater] for rater in raters]
    assert np.corrcoef(fit.severities, severities)[0, 1] > 0.99
    prefix = "i" if name == "synth_field" else ""
    difficulties = [expected["items"][f"{prefix}{item}"] for item in indicators]
    assert np.corrcoef(fit.difficulties, difficulties)[0, 1] > 0.99
    persons = [expected["persons"][f"p{target}"] for target in targets]
    # Its estimates of those with extreme marks run off, where ours stay finite: ranks are compared.
    assert spearmanr(fit.measures, persons).statistic > 0.97


@pytest.mark.parametrize("steps", ["common", "per_indicator"])
@pytest.mark.parametrize("name", NAMES)
def test_errors_are_those_of_a_likelihood_written_out_and_differentiated_anew(name, steps):
    ratings = tables.ratings(name)[0]

    fit = rating_scale(ratings, steps=steps)

    certify_facets(ratings, fit, steps=steps, tolerance=1e-5, within=1e-5)


@pytest.mark.parametrize(("name", "ratio"), [("sirt_ratings2", 1.2), ("synth_field", 1.3)])
def test_errors_as_small_as_those_of_one_parameter_at_a_time_are_rejected(name, ratio):
    ratings = tables.ratings(name)[0]
    fit = rating_scale(ratings)

    # What the likelihood bends by a severity while all other parameters stay where they are.
    claim = replace(fit, severity_standard_errors=fit.severity_standard_errors / ratio)

    with pytest.raises(NotCertified, match="Standard errors of severities do not follow"):
        certify_facets(ratings, claim)
