from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine import checking
from dongliang.engine.checking import certify_gaussian, certify_plan, certify_ranking
from dongliang.engine.crossed import gaussian
from dongliang.engine.errors import NotCertified, TooLarge
from dongliang.engine.planning import plan_assessments
from dongliang.engine.ranking import rank
from tests.engine.drawn import composite_of, crossed_ratings, ratings_of

RATINGS = crossed_ratings(1)
FIT = gaussian(RATINGS)
COMPOSITE = composite_of(np.arange(8.0))
GROUPS = np.array([0, 0, 0, 0, 0, 1, 1, 1])
RANKING = rank(COMPOSITE, k=3, rng=np.random.default_rng(0), groups=GROUPS, minimum_per_group=1)
AVOID = np.eye(12, 4, dtype=bool)
PLAN = plan_assessments(12, 4, per_target=2, avoid=AVOID, rng=np.random.default_rng(0))


def test_sound_answers_are_certified():
    certify_gaussian(RATINGS, FIT)
    certify_ranking(RANKING, COMPOSITE, groups=GROUPS, minimum_per_group=1)
    certify_plan(PLAN, n_raters=4, avoid=AVOID)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"log_likelihood": FIT.log_likelihood + 0.01}, "The deviance is"),
        ({"measures": FIT.measures + 0.01 * (np.arange(20) == 3)}, "Measures and severities do not follow"),
        ({"severities": -FIT.severities}, "Measures and severities do not follow"),
        ({"standard_errors": 1.05 * FIT.standard_errors}, "Standard errors do not follow"),
        ({"indicator_effects": -FIT.indicator_effects}, "Mean and indicator effects do not follow"),
        ({"variances": {"target": 1.0, "rater": 0.0, "residual": 0.0}}, "The fit has no residual variance"),
    ],
)
def test_a_spoilt_fit_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_gaussian(RATINGS, replace(FIT, **spoilt))


def test_variances_that_are_no_optimum_are_rejected_though_everything_follows_from_them():
    plain = gaussian(RATINGS, reml=False)
    variances = np.array(list(plain.variances.values()))
    restricted = -checking._deviance(RATINGS, variances, restricted=True) / 2

    claim = replace(plain, log_likelihood=restricted, record=replace(plain.record, method="REML"))

    with pytest.raises(NotCertified, match="so that this is no optimum"):
        certify_gaussian(RATINGS, claim)


def test_many_ratings_are_not_checked_densely():
    rows = [(row % 5, row % 7, float(row % 3)) for row in range(1001)]

    with pytest.raises(TooLarge, match="1001 ratings are too many to check densely; 1000 is the most"):
        certify_gaussian(ratings_of(rows), FIT)


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
        (np.where(np.arange(12)[:, None] == 5, [[1, 1]], PLAN), "Target 5 has the same rater twice"),
        (
            np.where(np.arange(12)[:, None] == 2, [[1, 2]], PLAN),
            "Target 2 has a rater who must not assess it",
        ),
        (np.where(PLAN == 3, 4, PLAN), "A rater code is not between 0 and 3"),
        (np.tile([2, 3], (12, 1)), "must not assess it"),
        (np.vstack([[[1, 2]], [[0, 2]], [[0, 1]], np.tile([0, 1], (9, 1))]), "Loads go from 0 to 11"),
        (
            np.vstack([np.tile([2, 3], (2, 1)), [[0, 1]], [[0, 1]], np.tile([[0, 1], [2, 3]], (4, 1))]),
            "falls into 2 groups",
        ),
    ],
)
def test_a_spoilt_plan_is_rejected(spoilt, reason):
    with pytest.raises(NotCertified, match=reason):
        certify_plan(spoilt, n_raters=4, avoid=AVOID)
