from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.checking import certify_composite
from dongliang.engine.classic import mean
from dongliang.engine.composite import combine
from dongliang.engine.crossed import gaussian
from dongliang.engine.errors import NotCertified, TooLarge
from tests.engine.drawn import crossed_ratings, ratings_of

FITS = {name: gaussian(crossed_ratings(seed)) for seed, name in ((1, "a"), (2, "b"), (7, "c"))}
FITS["b"] = replace(FITS["b"], measures=0.5 * (FITS["a"].measures + FITS["b"].measures))
WEIGHTS = {"a": 4, "b": 3, "c": 3}
SOUND = combine(FITS, WEIGHTS, scale="standardised")
CONSTANT = gaussian(ratings_of([(target, rater, 4.0) for target in range(20) for rater in range(2)]))


@pytest.mark.parametrize("scale", ["marks", "standardised"])
def test_sound_composites_are_certified(scale):
    certify_composite(combine(FITS, WEIGHTS, scale=scale), FITS, WEIGHTS, scale=scale)

    mixed = {**FITS, "b": mean(crossed_ratings(2)), "d": CONSTANT}
    weights = {**WEIGHTS, "c": 0, "d": 1}
    certify_composite(combine(mixed, weights, scale=scale), mixed, weights, scale=scale)


def test_correlations_drawn_towards_zero_are_certified():
    alike = dict.fromkeys("abc", FITS["a"])
    composite = combine(alike, WEIGHTS, scale="marks")

    assert max(composite.correlations.values()) < 1
    certify_composite(composite, alike, WEIGHTS, scale="marks")


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"silent": ("a",)}, "The silent sources are not"),
        ({"weights": {**SOUND.weights, "b": 0.31}}, "Weights of b do not follow"),
        (
            {"contributions": {**SOUND.contributions, "c": SOUND.contributions["c"][::-1]}},
            "Contributions of c do not follow",
        ),
        ({"scores": SOUND.expected}, "Scores do not follow"),
        ({"correlations": {}}, "The correlations are not those of the pairs"),
        (
            {"correlations": dict.fromkeys(SOUND.correlations, 0.0)},
            "Correlations of the sources do not follow",
        ),
        ({"standard_errors": SOUND.expected_errors}, "Standard errors do not follow"),
        ({"expected": SOUND.scores}, "Expectations do not follow"),
        ({"expected_errors": SOUND.standard_errors}, "Errors of expectations do not follow"),
        ({"covariance": None}, "There is no covariance to check"),
        ({"covariance": np.diag(SOUND.expected_errors**2)}, "Covariances do not follow"),
    ],
)
def test_a_spoilt_composite_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_composite(replace(SOUND, **spoilt), FITS, WEIGHTS, scale="standardised")


def test_many_measures_are_not_checked():
    with pytest.raises(TooLarge, match="1520 measures are too many to check; 1500 is the most"):
        certify_composite(
            SOUND,
            {str(copy): FITS["a"] for copy in range(76)},
            dict.fromkeys(map(str, range(76)), 1),
            scale="marks",
        )
