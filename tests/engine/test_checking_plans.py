import numpy as np
import pytest

from dongliang.engine.checking import certify_plan
from dongliang.engine.errors import NotCertified
from dongliang.engine.planning import plan_assessments

AVOID = np.eye(12, 4, dtype=bool)
PLAN = plan_assessments(12, 4, per_target=2, avoid=AVOID, rng=np.random.default_rng(0))


def test_a_sound_plan_is_certified():
    certify_plan(PLAN, n_raters=4, avoid=AVOID)


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
