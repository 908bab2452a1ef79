import numpy as np
import pytest

from dongliang.engine.data import connected_groups
from dongliang.engine.errors import InfeasiblePlan, Unconnected
from dongliang.engine.planning import complete_assessments, plan_assessments


def nobody(targets, raters):
    return np.zeros((targets, raters), dtype=bool)


def laid_out(plan, raters):
    assigned = nobody(len(plan), raters)
    np.put_along_axis(assigned, plan, True, axis=1)
    return assigned


def groups_of(assigned):
    target, rater = np.nonzero(assigned)
    return connected_groups(target, rater, *assigned.shape)


@pytest.mark.parametrize("seed", range(5))
def test_what_an_assessor_leaves_is_filled_around_what_stays(seed):
    rng = np.random.default_rng(seed)
    targets, raters, each = 60, 8, 3
    avoid = rng.random((targets, raters)) < 0.15
    avoid[:, :5] = False
    before = laid_out(plan_assessments(targets, raters, per_target=each, avoid=avoid, rng=rng), raters)
    answered = before & (rng.random(before.shape) < 0.4)
    leaving = 2
    fixed = before.copy()
    fixed[:, leaving] &= answered[:, leaving]
    barred = avoid.copy()
    barred[:, leaving] = True

    filled = complete_assessments(fixed, per_target=each, avoid=barred, rng=np.random.default_rng(seed))

    added = filled & ~fixed
    assert (filled & fixed == fixed).all()
    assert (filled.sum(axis=1) == each).all()
    assert not (added & barred).any()
    assert len(groups_of(filled)) == 1
    load = filled.sum(axis=0)
    for target, giver in np.argwhere(added):
        takers = ~barred[target] & ~filled[target]
        assert not takers.any() or load[giver] - load[takers].min() < 2


def test_the_same_seed_gives_the_same_plan_and_inputs_stay_untouched():
    fixed, avoid = nobody(12, 5), nobody(12, 5)
    fixed[:, 0] = True
    copies = fixed.copy(), avoid.copy()

    first, second = (
        complete_assessments(fixed, per_target=2, avoid=avoid, rng=np.random.default_rng(7)) for _ in range(2)
    )

    assert (first == second).all()
    assert (fixed == copies[0]).all()
    assert (avoid == copies[1]).all()


def test_new_pairs_are_moved_to_join_what_would_fall_apart():
    # Two groups of two; the only open seats are those of the last target of each.
    fixed = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]], dtype=bool)
    avoid = nobody(4, 4)
    avoid[3, :2] = [False, True]

    filled = complete_assessments(fixed, per_target=2, avoid=avoid, rng=np.random.default_rng(0))

    assert len(groups_of(filled)) == 1
    assert filled[3].tolist() == [True, False, True, False]


def test_groups_that_no_move_joins_are_told():
    fixed = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=bool)

    with pytest.raises(Unconnected) as refused:
        complete_assessments(fixed, per_target=2, avoid=nobody(2, 4), rng=np.random.default_rng(0))

    assert [group.tolist() for group in refused.value.groups] == [[0], [1]]


def test_targets_with_too_few_left_are_named():
    avoid = nobody(3, 2)
    avoid[1] = True

    with pytest.raises(InfeasiblePlan) as refused:
        complete_assessments(nobody(3, 2), per_target=1, avoid=avoid, rng=np.random.default_rng(0))

    assert refused.value.targets.tolist() == [1]


def test_each_target_may_ask_for_a_number_of_its_own():
    filled = complete_assessments(
        nobody(3, 3), per_target=np.array([1, 2, 3]), avoid=nobody(3, 3), rng=np.random.default_rng(0)
    )

    assert filled.sum(axis=1).tolist() == [1, 2, 3]


def test_shapes_that_contradict_each_other_are_refused():
    with pytest.raises(InfeasiblePlan):
        complete_assessments(nobody(3, 2), per_target=1, avoid=nobody(2, 3), rng=np.random.default_rng(0))
