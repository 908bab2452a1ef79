"""nested.ordinal against ordinal::clmm, and against the truth that a large tally was drawn from."""

import json

import numpy as np
import pytest

from dongliang.engine import nested
from dongliang.engine.data import Tally
from tests.reference import tables


def answer(name):
    return json.loads((tables.DATA / f"{name}.json").read_text(encoding="utf-8"))


def public():
    rows = tables.rows("synth_public_tally.csv.gz")
    return Tally(
        target=np.array([int(row["target"]) - 1 for row in rows]),
        marks=np.array([[int(mark) for mark in row["marks"]] for row in rows]),
        count=np.array([int(row["count"]) for row in rows]),
        n_targets=278,
    )


def test_one_mark_a_ballot_agrees_with_clmm():
    expected = answer("lq2002_LEAD03_clmm")["single_item"]
    given = [
        (row["COMPID"], int(row["LEAD03"]))
        for row in tables.rows("lq2002_leadership.csv.gz")
        if row["LEAD03"]
    ]
    companies, company = np.unique([home for home, _ in given], return_inverse=True)
    marks = np.array([[mark] for _, mark in given])

    fit = nested.ordinal(
        Tally(target=company, marks=marks, count=np.ones(len(given), dtype=int), n_targets=49)
    )

    assert fit.log_likelihood == pytest.approx(expected["logLik"], abs=1e-4)
    assert fit.standard_deviations["target"] == pytest.approx(expected["sd"]["g"], rel=1e-4)
    assert fit.thresholds[0] == pytest.approx(list(expected["thresholds"].values()), abs=1e-4)
    assert fit.threshold_standard_errors[0] == pytest.approx(list(expected["se"].values()), rel=1e-3)
    place = {label: index for index, label in enumerate(companies)}
    modes = expected["ranef"]["g"]
    rows = [place[str(level)] for level in modes["level"]]
    assert fit.measures[rows] == pytest.approx(modes["mode"], abs=1e-3)
    assert fit.standard_errors[rows] == pytest.approx(modes["condSD"], abs=1e-3)


def test_the_truth_behind_thirty_thousand_ballots_is_recovered():
    truth = answer("synth_public_truth")
    merit = np.array(truth["u"])

    fit = nested.ordinal(public())

    # Three standard errors, or what the drawn targets happen to differ by.
    assert fit.standard_deviations["rater"] == pytest.approx(
        truth["sd_rater"], abs=3 * fit.standard_deviation_errors["rater"]
    )
    assert fit.standard_deviations["target"] == pytest.approx(
        merit.std(), abs=3 * fit.standard_deviation_errors["target"]
    )
    item = np.array(truth["item"])
    # The truth is drawn around targets of mean merit.mean() and indicators of mean 0.
    assert fit.indicator_effects == pytest.approx(
        item - item.mean(), abs=3 * fit.indicator_effect_standard_errors.max()
    )
    thresholds = fit.thresholds + fit.indicator_effects[:, None]
    assert thresholds[0] == pytest.approx(
        np.array(truth["alpha"]) - merit.mean(), abs=3 * fit.threshold_standard_errors.max()
    )
    z = (fit.measures - (merit - merit.mean())) / fit.standard_errors
    assert z.std() == pytest.approx(1, abs=0.1)
    assert (np.abs(z) < 1.645).mean() == pytest.approx(0.9, abs=0.05)
    assert np.corrcoef(fit.measures, merit)[0, 1] > 0.87
