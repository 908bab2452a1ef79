import numpy as np
import pytest

from dongliang.engine.checking import certify_plan
from dongliang.engine.errors import InfeasiblePlan, Unconnected
from dongliang.engine.planning import information, plan_assessments


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


def swapped(plan, avoid, rng):
    """The plan with two raters exchanged between two targets, or None where that is not allowed."""
    t, u = rng.choice(len(plan), 2, replace=False)
    i, j = rng.integers(0, plan.shape[1], 2)
    a, b = plan[t, i], plan[u, j]
    if b in plan[t] or a in plan[u] or avoid[t, b] or avoid[u, a]:
        return None
    other = plan.copy()
    other[t, i], other[u, j] = b, a
    return other


@pytest.mark.parametrize("seed", range(3))
def test_no_exchange_of_two_raters_would_tell_more_about_severities(seed):
    rng = np.random.default_rng(seed)
    avoid = rng.random((40, 6)) < 0.2
    avoid[:, :2] = False
    plan = plan_assessments(40, 6, per_target=2, avoid=avoid, rng=rng)

    others = [other for _ in range(300) if (other := swapped(plan, avoid, rng)) is not None]

    assert len(others) > 50
    assert max(information(other, 6)[0] for other in others) <= information(plan, 6)[0] * (1 + 1e-9)


def test_information_is_that_of_raters_who_all_meet_equally_often():
    # Each of four raters has three of six targets of two; every pair meets once.
    plan = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])

    assert information(plan, 4) == pytest.approx((2.0, 2.0))


@pytest.mark.parametrize("plan", [[[0], [0]], [[0, 1], [2, 3]]])
def test_there_is_no_information_where_raters_are_not_linked(plan):
    assert information(np.array(plan), 4) == (0.0, 0.0)


def test_distances_bring_the_visits_of_a_rater_together_and_keep_the_rest():
    rng = np.random.default_rng(4)
    places = rng.random((60, 2))
    distance = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
    avoid = rng.random((60, 6)) < 0.1

    plans = [
        plan_assessments(60, 6, per_target=3, avoid=avoid, rng=np.random.default_rng(1), distance=each)
        for each in (None, distance)
    ]

    ways = [sum(distance[np.ix_(seen, seen)].sum() for seen in visits(plan, 6)) for plan in plans]
    told = [information(plan, 6) for plan in plans]
    assert ways[1] < 0.95 * ways[0]
    assert all(near >= 0.9 * free for free, near in zip(*told, strict=True))
    for plan in plans:
        certify_plan(plan, n_raters=6, avoid=avoid)


def visits(plan, raters):
    return [np.flatnonzero((plan == rater).any(axis=1)) for rater in range(raters)]


def test_large_plans_look_at_a_sample_of_exchanges_and_stay_whole():
    avoid = np.random.default_rng(0).random((800, 20)) < 0.1

    plan = plan_assessments(800, 20, per_target=3, avoid=avoid, rng=np.random.default_rng(0))

    certify_plan(plan, n_raters=20, avoid=avoid)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"give_up": 1.0}, "give_up is 1.0. Give a share from 0 to below 1."),
        (
            {"distance": np.zeros((3, 3))},
            "distance has the shape (3, 3). Give a row and a column for each of 4 targets.",
        ),
        (
            {"distance": np.full((4, 4), np.nan)},
            "A distance is negative or no number. Give 0 or more between any two targets.",
        ),
    ],
)
def test_travel_that_contradicts_itself_is_refused(options, sentence):
    with pytest.raises(InfeasiblePlan) as caught:
        plan_assessments(4, 3, per_target=2, avoid=nobody(4, 3), rng=np.random.default_rng(0), **options)

    assert str(caught.value) == sentence
