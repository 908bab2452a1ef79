import numpy as np
import pytest

from dongliang.engine.checking import certify_plan
from dongliang.engine.errors import InfeasiblePlan, Unconnected
from dongliang.engine.planning import plan_assessments


def nobody(targets, raters):
    return np.zeros((targets, raters), dtype=bool)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("targets", "raters", "per_target"), [(278, 13, 4), (28, 5, 3), (7, 4, 2), (5, 1, 1)]
)
def test_plans_keep_avoidance_are_even_and_connected(targets, raters, per_target, seed):
    rng = np.random.default_rng(seed)
    avoid = rng.random((targets, raters)) < 0.1
    avoid[:, :per_target] = False

    plan = plan_assessments(targets, raters, per_target=per_target, avoid=avoid, rng=rng)

    assert plan.shape == (targets, per_target)
    certify_plan(plan, n_raters=raters, avoid=avoid, spread=1 if targets > 7 else 3)


def test_all_pairs_of_raters_meet_where_there_is_room():
    plan = plan_assessments(278, 13, per_target=4, avoid=nobody(278, 13), rng=np.random.default_rng(1))

    met = np.zeros((13, 13), dtype=int)
    for raters in plan:
        met[np.ix_(raters, raters)] += 1
    assert met.min() >= 15


def test_loads_are_as_even_as_avoidance_allows():
    avoid = nobody(10, 3)
    avoid[:, 2] = True
    avoid[0, 2] = False

    plan = plan_assessments(10, 3, per_target=2, avoid=avoid, rng=np.random.default_rng(0))

    # Only target 0 may have rater 2.
    assert np.sort(np.bincount(plan.ravel())).tolist() == [1, 9, 10]


def test_the_same_seed_gives_the_same_plan():
    plans = [
        plan_assessments(20, 5, per_target=2, avoid=nobody(20, 5), rng=np.random.default_rng(3))
        for _ in range(2)
    ]

    assert plans[0].tolist() == plans[1].tolist()


def test_targets_with_too_few_admissible_raters_are_named():
    avoid = nobody(4, 3)
    avoid[[1, 3], :2] = True

    with pytest.raises(InfeasiblePlan) as caught:
        plan_assessments(4, 3, per_target=2, avoid=avoid, rng=np.random.default_rng(0))

    assert caught.value.targets.tolist() == [1, 3]
    assert str(caught.value) == (
        "Targets 1, 3 may be assessed by fewer than 2 raters. Give them more raters, or ask for fewer a target."
    )


@pytest.mark.parametrize(
    ("avoid", "per_target", "sentence"),
    [
        (
            nobody(3, 4),
            2,
            "avoid has the shape (3, 4). Give one row for each of 4 targets and one column for each of 3 raters.",
        ),
        (nobody(4, 3), 0, "per_target is 0. Ask for one rater a target at least."),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(avoid, per_target, sentence):
    with pytest.raises(InfeasiblePlan) as caught:
        plan_assessments(4, 3, per_target=per_target, avoid=avoid, rng=np.random.default_rng(0))

    assert str(caught.value) == sentence


def test_avoidance_that_splits_the_raters_is_refused_with_the_groups():
    avoid = nobody(4, 4)
    avoid[:2, 2:] = avoid[2:, :2] = True

    with pytest.raises(Unconnected) as caught:
        plan_assessments(4, 4, per_target=2, avoid=avoid, rng=np.random.default_rng(0))

    assert [group.tolist() for group in caught.value.groups] == [[0, 1], [2, 3]]


def test_one_rater_a_target_cannot_link_several_raters():
    with pytest.raises(Unconnected):
        plan_assessments(6, 2, per_target=1, avoid=nobody(6, 2), rng=np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(20))
def test_groups_that_chance_left_apart_are_joined_by_an_exchange(seed):
    # Four targets of two raters each among four: chance alone often pairs them off.
    plan = plan_assessments(4, 4, per_target=2, avoid=nobody(4, 4), rng=np.random.default_rng(seed))

    certify_plan(plan, n_raters=4, avoid=nobody(4, 4))
