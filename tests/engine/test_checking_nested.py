from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from dongliang.engine.checking import certify_nested_gaussian, certify_nested_ordinal
from dongliang.engine.checking.nested import _Ballots, _Parameters
from dongliang.engine.data import Tally
from dongliang.engine.errors import NotCertified, TooLarge
from dongliang.engine.nested import gaussian, ordinal


def drawn_tally(seed, *, targets=8, ballots=20, indicators=3, ballot_sd=1.2, target_sd=0.8, blank=0.05):
    """Ballots with marks of 1, 2, 3 and 5, for one target fewer than there are; and a row that nobody gave."""
    rng = np.random.default_rng(seed)
    target = np.repeat(np.arange(targets), ballots)
    seen = rng.normal(0, target_sd, targets)[target] + rng.normal(0, ballot_sd, len(target))
    latent = seen[:, None] + rng.logistic(size=(len(target), indicators)) + np.linspace(-0.3, 0.3, indicators)
    marks = np.array([1, 2, 3, 5])[np.searchsorted([-1.5, -0.2, 1.3], latent)]
    marks[rng.random(marks.shape) < blank] = 0
    rows, count = np.unique(np.column_stack([target, marks]), axis=0, return_counts=True)
    rows, count = np.vstack([rows, [[0] + indicators * [1]]]), np.append(count, 0)
    return Tally(target=rows[:, 0], marks=rows[:, 1:], count=count, n_targets=targets + 1)


TALLY = drawn_tally(2, targets=6, ballots=15)
FIT, ORDINAL = gaussian(TALLY), ordinal(TALLY)


@pytest.mark.parametrize("reml", [True, False])
def test_sound_gaussian_fits_are_certified(reml):
    for seed in range(3):
        tally = drawn_tally(seed)
        certify_nested_gaussian(tally, gaussian(tally, reml=reml))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"blank": 0.4},
        {"ballot_sd": 0.0, "indicators": 2},
        {"target_sd": 0.0},
        {"indicators": 1, "ballots": 40},
    ],
)
def test_sound_ordinal_fits_are_certified(options):
    for seed in range(2):
        tally = drawn_tally(seed, **options)
        certify_nested_ordinal(tally, ordinal(tally))


def shifted(values, place, by):
    return values + by * (np.arange(len(values)) == place)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"log_likelihood": FIT.log_likelihood + 0.01}, "The deviance is"),
        ({"variances": {**FIT.variances, "target": 2 * FIT.variances["target"]}}, "The deviance is"),
        ({"measures": shifted(FIT.measures, 3, 0.01)}, "Measures and severities do not follow"),
        ({"severities": shifted(FIT.severities, 5, 0.01)}, "Measures and severities do not follow"),
        ({"severities": FIT.severities[1:]}, "Severities and their errors are not one a row"),
        ({"standard_errors": 1.02 * FIT.standard_errors}, "Standard errors do not follow"),
        ({"severity_standard_errors": 1.02 * FIT.severity_standard_errors}, "Standard errors do not follow"),
        ({"indicator_effects": -FIT.indicator_effects}, "Mean and indicator effects do not follow"),
        ({"n_ratings": FIT.n_ratings + 1}, "The numbers of ratings are not those"),
    ],
)
def test_a_spoilt_gaussian_fit_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_nested_gaussian(TALLY, replace(FIT, **spoilt))


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"log_likelihood": ORDINAL.log_likelihood + 0.01}, "Log-likelihoods do not follow"),
        ({"categories": np.array([1.0, 2.0, 3.0, 4.0])}, "The categories are not the marks"),
        ({"thresholds": ORDINAL.thresholds + 0.1}, "Log-likelihoods do not follow"),
        ({"thresholds": ORDINAL.thresholds[::-1]}, "Thresholds do not follow"),
        ({"indicator_effects": -ORDINAL.indicator_effects}, "Thresholds do not follow"),
        (
            {"threshold_standard_errors": 1.05 * ORDINAL.threshold_standard_errors},
            "Standard errors of thresh",
        ),
        (
            {"indicator_effect_standard_errors": 0.95 * ORDINAL.indicator_effect_standard_errors},
            "Standard errors of indicators do not follow",
        ),
        (
            {"standard_deviation_errors": {**ORDINAL.standard_deviation_errors, "target": 0.1}},
            "Standard errors of standard deviations do not follow",
        ),
        (
            {"standard_deviation_errors": {**ORDINAL.standard_deviation_errors, "rater": np.nan}},
            "The standard deviation of rater has an error at zero, or none elsewhere",
        ),
        ({"standard_deviations": {"target": -1.0, "rater": 1.0}}, "A standard deviation is below zero"),
        ({"measures": shifted(ORDINAL.measures, 3, 0.01)}, "Measures do not follow"),
        ({"standard_errors": 1.05 * ORDINAL.standard_errors}, "Standard errors of measures do not follow"),
        ({"severities": -ORDINAL.severities}, "Severities do not follow"),
        ({"severities": ORDINAL.severities[1:]}, "Severities and their errors are not one a row"),
        (
            {"severity_standard_errors": 1.05 * ORDINAL.severity_standard_errors},
            "Standard errors of severities do not follow",
        ),
        ({"fair_marks": ORDINAL.fair_marks + 0.01}, "Fair marks do not follow"),
        ({"n_ratings": ORDINAL.n_ratings + 1}, "The numbers of ratings are not those"),
    ],
)
def test_a_spoilt_ordinal_fit_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_nested_ordinal(TALLY, replace(ORDINAL, **spoilt))


def following(sds, errors):
    """A claim of other standard deviations, with all that follows from them; and no fit's optimum."""
    claim = replace(ORDINAL, standard_deviations=sds, standard_deviation_errors=errors)
    ballots = _Ballots.of(TALLY, claim)
    at = _Parameters.of(ballots, claim)
    top = ballots.evaluate(*at.values(at.start))
    severities, severity_errors = claim.severities.copy(), claim.severity_standard_errors.copy()
    severities[ballots.rows], severity_errors[ballots.rows] = -top.means, np.sqrt(top.spreads)
    above = expit(top.modes[:, None, None] - claim.thresholds)
    return replace(
        claim,
        log_likelihood=top.log_likelihood,
        measures=top.modes,
        standard_errors=np.sqrt(top.variances),
        severities=severities,
        severity_standard_errors=severity_errors,
        fair_marks=claim.categories[0] + (above @ np.diff(claim.categories)).mean(axis=1),
    )


@pytest.mark.parametrize("name", ["rater", "target"])
def test_an_ordinal_fit_that_stopped_short_of_the_top_is_rejected(name):
    sds = {**ORDINAL.standard_deviations, name: 1.3 * ORDINAL.standard_deviations[name]}

    with pytest.raises(NotCertified, match="so that this is no optimum"):
        certify_nested_ordinal(TALLY, following(sds, ORDINAL.standard_deviation_errors))


@pytest.mark.parametrize("name", ["rater", "target"])
def test_a_standard_deviation_put_to_zero_that_should_not_be_is_rejected(name):
    sds = {**ORDINAL.standard_deviations, name: 0.0}
    errors = {**ORDINAL.standard_deviation_errors, name: np.nan}

    with pytest.raises(NotCertified, match=f"A standard deviation of {name} above zero would be likelier"):
        certify_nested_ordinal(TALLY, following(sds, errors))


def test_large_tallies_are_not_checked():
    many = drawn_tally(1, ballots=60)

    with pytest.raises(TooLarge, match=r"\d+ marks are too many to check densely; 1000 is the most"):
        certify_nested_gaussian(many, FIT)

    wide = Tally(
        target=np.arange(10_001) % 5,
        marks=np.ones((10_001, 1), dtype=int),
        count=np.ones(10_001, dtype=int),
        n_targets=5,
    )
    with pytest.raises(TooLarge, match="10001 cells of the tally are too many to check; 10000 is the most"):
        certify_nested_ordinal(wide, ORDINAL)
