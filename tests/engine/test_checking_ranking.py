from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.checking import certify_ranking
from dongliang.engine.errors import NotCertified
from dongliang.engine.ranking import rank
from tests.engine.drawn import composite_of

COMPOSITE = composite_of(np.arange(8.0))
GROUPS = np.array([0, 0, 0, 0, 0, 1, 1, 1])
RANKING = rank(COMPOSITE, k=3, rng=np.random.default_rng(0), groups=GROUPS, minimum_per_group=1)

# Errors that hang together, and expectations beside the scores.
SPREAD = np.random.default_rng(1).normal(0, 0.6, (8, 8))
UNSURE = replace(
    composite_of(np.arange(8.0), covariance=SPREAD @ SPREAD.T / 2), expected=1.1 * np.arange(8.0) - 0.3
)
QUOTAS = {"groups": GROUPS, "minimum_per_group": 1, "maximum_per_group": 2, "eligible": np.arange(8) != 2}
DOUBTED = rank(UNSURE, k=3, rng=np.random.default_rng(0), **QUOTAS)


def test_sound_rankings_are_certified():
    certify_ranking(RANKING, COMPOSITE, groups=GROUPS, minimum_per_group=1, rng=np.random.default_rng(9))
    certify_ranking(DOUBTED, UNSURE, rng=np.random.default_rng(9), **QUOTAS)
    plain = composite_of(np.arange(8.0), errors=1.3)
    certify_ranking(rank(plain, k=3, rng=np.random.default_rng(0)), plain, rng=np.random.default_rng(9))


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"order": RANKING.order[::-1]}, "Target 0 is placed before 1, which the rules do not say"),
        ({"order": RANKING.order[:-1]}, "The order does not list each eligible target once"),
        ({"rank": RANKING.rank[::-1]}, "The ranks are not the places in the order"),
        ({"k": 4}, "Not 4 targets are selected"),
        ({"selected": np.isin(np.arange(8), [5, 6, 7])}, "A group has fewer than 1 places"),
        ({"selected": np.isin(np.arange(8), [3, 6, 7])}, "Target 4 was passed over for 3, who is worse"),
        ({"selected": np.isin(np.arange(8), [3, 4, 7])}, "Target 6 was passed over for 4, who is worse"),
    ],
)
def test_a_spoilt_ranking_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_ranking(replace(RANKING, **spoilt), COMPOSITE, groups=GROUPS, minimum_per_group=1)


def test_a_selection_beyond_the_maximum_or_of_the_ineligible_is_rejected():
    with pytest.raises(NotCertified, match="A group has more than 1 places"):
        certify_ranking(RANKING, COMPOSITE, groups=GROUPS, maximum_per_group=1)

    with pytest.raises(NotCertified, match="The order does not list each eligible target once"):
        certify_ranking(RANKING, COMPOSITE, groups=GROUPS, eligible=np.arange(8) < 7)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"probability": 1.01 * DOUBTED.probability}, "A chance is not between 0 and 1|no shares of"),
        ({"probability": DOUBTED.probability - 0.5}, "A chance is not between 0 and 1"),
        ({"draws": 9_999}, "The chances are no shares of 9999 draws"),
        ({"probability": DOUBTED.probability - 0.01 * (np.arange(8) == 4)}, "The chances sum to"),
        ({"probability": np.roll(DOUBTED.probability, 1)}, "not eligible has a chance|has a chance of"),
        (
            {"rank_low": np.where(np.arange(8) == 2, 1, DOUBTED.rank_low)},
            "not eligible has a chance or a rank",
        ),
        ({"rank_low": DOUBTED.rank_high + 1}, "not eligible has a chance or a rank|A rank interval is none"),
        ({"rank_high": np.where(DOUBTED.rank_high, 8, 0)}, "A rank interval is none between 1 and"),
        ({"probability": DOUBTED.probability[[0, 1, 2, 4, 3, 5, 6, 7]]}, "Target . has a chance of"),
        ({"rank_low": np.minimum(DOUBTED.rank_low, 1)}, "The 5% point of the rank of target"),
        ({"rank_high": np.where(DOUBTED.rank_high, 7, 0)}, "The 95% point of the rank of target"),
    ],
)
def test_spoilt_chances_are_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_ranking(replace(DOUBTED, **spoilt), UNSURE, rng=np.random.default_rng(9), **QUOTAS)


def test_chances_drawn_around_the_scores_instead_of_what_is_expected_are_rejected():
    around_scores = rank(
        replace(UNSURE, expected=UNSURE.scores[::-1]), k=3, rng=np.random.default_rng(0), **QUOTAS
    )

    with pytest.raises(NotCertified, match=r"has a chance of|point of the rank"):
        certify_ranking(around_scores, UNSURE, rng=np.random.default_rng(9), **QUOTAS)


def test_a_covariance_that_is_none_is_rejected():
    with pytest.raises(NotCertified, match="not positive semidefinite"):
        certify_ranking(
            DOUBTED, replace(UNSURE, covariance=-UNSURE.covariance), rng=np.random.default_rng(9), **QUOTAS
        )
