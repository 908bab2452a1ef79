"""facets.rating_scale against TAM::tam.mml.mfr on a fine grid, and against a likelihood written out here."""

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

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


class Likelihood:
    """The deviance of free parameters (severities but the last, difficulties, steps but the last, log sd) on a grid finer
    than any posterior, without any of the engine's code."""

    GRID = np.linspace(-10, 10, 167)

    def __init__(self, ratings, steps):
        given = (ratings.values - ratings.values.min()).astype(int)
        self.top, self.raters, self.items = given.max(), ratings.n_raters, ratings.n_indicators
        self.own_steps = steps == "per_indicator"
        cell = ratings.rater * self.items + ratings.indicator
        cells = self.raters * self.items
        self.met = np.bincount(ratings.target * cells + cell, minlength=ratings.n_targets * cells)
        self.met = self.met.reshape(-1, cells).astype(float)
        self.scores = np.bincount(ratings.target, weights=given)
        self.table = np.bincount(cell * (self.top + 1) + given, minlength=cells * (self.top + 1))
        self.table = self.table.reshape(self.raters, self.items, -1)

    def at(self, fit):
        steps = fit.steps[:, :-1] if self.own_steps else fit.steps[:1, :-1]
        return np.concatenate([fit.severities[:-1], fit.difficulties, steps.ravel(), [np.log(fit.target_sd)]])

    def deviance(self, parameters):
        severities = np.append(parameters[: self.raters - 1], -parameters[: self.raters - 1].sum())
        difficulties, steps = np.split(parameters[self.raters - 1 : -1], [self.items])
        steps = np.broadcast_to(steps.reshape(-1, self.top - 1), (self.items, self.top - 1))
        steps = np.column_stack([steps, -steps.sum(axis=1)])
        sd = np.exp(parameters[-1])
        above = np.cumsum(difficulties[:, None] + steps, axis=1)
        cost = np.column_stack([np.zeros(self.items), above]) + severities[:, None, None] * np.arange(
            self.top + 1
        )
        exponents = np.arange(self.top + 1)[:, None] * self.GRID - cost[..., None]
        normaliser = np.log(np.exp(exponents).sum(axis=2)).reshape(-1, len(self.GRID))
        density = self.scores[:, None] * self.GRID - self.met @ normaliser - (self.GRID / sd) ** 2 / 2
        peak = density.max(axis=1, keepdims=True)
        total = np.log(
            np.exp(density - peak).sum(axis=1) * (self.GRID[1] - self.GRID[0]) / sd / np.sqrt(2 * np.pi)
        )
        return -2 * float((peak[:, 0] + total).sum() - (self.table * cost).sum())

    def information(self, parameters, step=2e-3):
        """Half the second derivatives of the deviance, from differences of its values alone."""
        moves = step * np.eye(len(parameters))
        middle = self.deviance(parameters)
        beside = [self.deviance(parameters + move) + self.deviance(parameters - move) for move in moves]
        information = np.empty((len(parameters), len(parameters)))
        for i, one in enumerate(moves):
            for j, other in enumerate(moves[: i + 1]):
                both = self.deviance(parameters + one + other) + self.deviance(parameters - one - other)
                information[i, j] = information[j, i] = both - beside[i] - beside[j] + 2 * middle
        return information / (4 * step**2)


@pytest.mark.parametrize(("name", "steps"), [("sirt_ratings2", "per_indicator"), ("synth_field", "common")])
def test_standard_errors_are_those_of_the_likelihood_differentiated_numerically(name, steps):
    ratings = tables.ratings(name)[0]

    fit = rating_scale(ratings, steps=steps)

    likelihood = Likelihood(ratings, steps)
    parameters = likelihood.at(fit)
    assert likelihood.deviance(parameters) == pytest.approx(fit.record.objective, abs=1e-3)
    covariance = np.linalg.inv(likelihood.information(parameters))
    raters = len(fit.severities) - 1
    severity_covariance = covariance[:raters, :raters]
    expected = np.sqrt(np.append(severity_covariance.diagonal(), severity_covariance.sum()))
    assert fit.severity_standard_errors == pytest.approx(expected, rel=3e-3)
    errors = np.sqrt(covariance.diagonal())
    assert fit.difficulty_standard_errors == pytest.approx(
        errors[raters : raters + len(fit.difficulties)], rel=3e-3
    )
    assert fit.target_sd_standard_error == pytest.approx(fit.target_sd * errors[-1], rel=3e-3)
