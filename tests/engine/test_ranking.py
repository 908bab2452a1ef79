from itertools import combinations

import numpy as np
import pytest

from dongliang.engine.checking import certify_ranking
from dongliang.engine.errors import InfeasibleQuotas, InvalidRanking, Tied
from dongliang.engine.ranking import rank
from tests.engine.drawn import composite_of


def seeded():
    return np.random.default_rng(7)


def drawn(seed, targets=12):
    rng = np.random.default_rng(seed)
    root = 0.3 * rng.normal(size=(targets, targets))
    return composite_of(rng.normal(size=targets), covariance=root @ root.T)


def test_the_best_come_first_and_the_first_k_are_selected():
    ranking = rank(composite_of([0.1, 0.9, 0.5, 0.7]), k=2, rng=seeded())

    assert ranking.order.tolist() == [1, 3, 2, 0]
    assert ranking.rank.tolist() == [4, 1, 3, 2]
    assert ranking.selected.tolist() == [False, True, False, True]
    assert ranking.probability.tolist() == [0, 1, 0, 1]
    assert ranking.rank_low.tolist() == ranking.rank_high.tolist() == [4, 1, 3, 2]
    assert ranking.cut_score == 0.7


def test_who_is_not_eligible_has_no_rank_and_no_chance():
    ranking = rank(
        composite_of([3, np.nan, 1], [0.1, np.nan, 0.1]),
        k=1,
        rng=seeded(),
        eligible=np.array([True, False, True]),
    )

    assert ranking.order.tolist() == [0, 2]
    assert ranking.rank.tolist() == [1, 0, 2]
    assert ranking.probability.tolist() == [1, 0, 0]
    assert ranking.rank_low.tolist() == [1, 0, 2]


def test_the_chance_of_the_better_of_two_is_the_normal_probability():
    ranking = rank(composite_of([1.0, 0.0], [0.6, 0.8]), k=1, rng=seeded(), draws=200_000)

    # Phi(1 / sqrt(0.6^2 + 0.8^2))
    assert ranking.probability == pytest.approx([0.8413, 0.1587], abs=0.003)


def test_joint_errors_that_move_together_leave_no_doubt_about_the_order():
    together = composite_of([1.0, 0.9, 0.8], covariance=np.full((3, 3), 4.0))

    ranking = rank(together, k=1, rng=seeded())

    assert ranking.probability.tolist() == [1, 0, 0]


def test_rank_intervals_hold_nine_tenths_of_the_draws():
    ranking = rank(composite_of(np.zeros(100) + np.linspace(0, 1e-3, 100), 1.0), k=10, rng=seeded())

    # Everyone may stand anywhere: the 5 % and 95 % points of a rank from 1 to 100.
    assert ranking.rank_low == pytest.approx(np.full(100, 5.5), abs=1.5)
    assert ranking.rank_high == pytest.approx(np.full(100, 95.0), abs=1.5)


def test_chances_sum_to_the_places():
    ranking = rank(
        drawn(1), k=5, rng=seeded(), groups=np.arange(12) % 3, minimum_per_group=1, maximum_per_group=2
    )

    assert ranking.probability.sum() == pytest.approx(5)


def test_ties_at_the_stated_decimals_are_broken_by_the_columns_in_their_order():
    columns = np.array([[2, 1], [1, 9], [1, 3]])

    ranking = rank(composite_of([0.1234561, 0.1234562, 0.1234563]), k=1, rng=seeded(), tie_break=columns)

    assert ranking.order.tolist() == [2, 1, 0]


def test_more_decimals_tell_close_scores_apart():
    ranking = rank(composite_of([0.1234561, 0.1234562]), k=1, rng=seeded(), decimals=8)

    assert ranking.order.tolist() == [1, 0]


def test_targets_that_nothing_tells_apart_are_named():
    columns = np.array([1.0, 2, 2, 1, 5])

    with pytest.raises(Tied) as caught:
        rank(composite_of([3, 2, 2, 3, 1]), k=1, rng=seeded(), tie_break=columns)

    assert [tie.tolist() for tie in caught.value.ties] == [[0, 3], [1, 2]]
    assert str(caught.value) == (
        "Targets 0, 3; 1, 2 are equal by score and every tie-break column. Give one more column that tells them apart."
    )


def test_ties_among_those_not_eligible_do_not_matter():
    ranking = rank(
        composite_of([3, 2, 2]),
        k=1,
        rng=seeded(),
        eligible=np.array([True, True, False]),
        tie_break=np.array([0, 0, np.nan]),
    )

    assert ranking.order.tolist() == [0, 1]


def best_by_search(scores, groups, k, minimum, maximum):
    """The feasible selection whose sorted ranks come first, by trying all."""
    place = np.argsort(np.argsort(-scores))
    eligible = [
        chosen
        for chosen in combinations(range(len(scores)), k)
        if all(minimum <= sum(groups[c] == g for c in chosen) <= maximum for g in set(groups))
    ]
    guaranteed = {
        c
        for c in range(len(scores))
        if sum(groups[o] == groups[c] and place[o] < place[c] for o in range(len(scores))) < minimum
    }
    return min((c for c in eligible if guaranteed <= set(c)), key=lambda c: sorted(place[list(c)]))


@pytest.mark.parametrize("seed", range(30))
def test_selection_under_quotas_is_what_a_search_over_all_selections_finds(seed):
    rng = np.random.default_rng(seed)
    scores, groups = rng.normal(size=9), np.append([0, 1, 2], rng.integers(0, 3, 6))
    sizes = np.bincount(groups)
    k, minimum, maximum = int(rng.integers(3, 6)), int(rng.integers(0, 2)), int(rng.integers(2, 5))
    if np.minimum(sizes, maximum).sum() < k:
        maximum = 9
    quotas = {"groups": groups, "minimum_per_group": minimum, "maximum_per_group": maximum}

    ranking = rank(composite_of(scores, 0.3), k=k, rng=rng, draws=50, **quotas)

    assert tuple(np.flatnonzero(ranking.selected)) == best_by_search(scores, groups, k, minimum, maximum)
    certify_ranking(ranking, composite_of(scores), **quotas)


def test_the_cut_is_the_last_place_taken_by_rank():
    groups = np.array([0, 0, 0, 1])

    ranking = rank(composite_of([4, 3, 2, 1]), k=3, rng=seeded(), groups=groups, minimum_per_group=1)

    assert ranking.selected.tolist() == [True, True, False, True]
    assert ranking.cut_score == 3


def test_the_cut_is_the_lowest_selected_when_all_places_are_guaranteed():
    ranking = rank(
        composite_of([4, 3, 2]), k=2, rng=seeded(), groups=np.array([0, 0, 1]), minimum_per_group=1
    )

    assert ranking.cut_score == 2


@pytest.mark.parametrize(
    ("quotas", "sentence"),
    [
        (
            {"minimum_per_group": 2},
            "3 groups are due 2 places each, which is more than the 4 there are. Lower the minimum, or give more places.",
        ),
        (
            {"maximum_per_group": 1},
            "With at most 1 places a group, only 3 of 4 places can be given. Raise the maximum, or give fewer places.",
        ),
        (
            {"minimum_per_group": 3},
            "Group 2 has 2 eligible targets, and every group is due 3 places. Lower the minimum.",
        ),
        (
            {"minimum_per_group": 2, "maximum_per_group": 1},
            "Each group is due at least 2 places and at most 1: nothing fits both.",
        ),
    ],
)
def test_quotas_that_cannot_be_kept_are_refused(quotas, sentence):
    with pytest.raises(InfeasibleQuotas) as caught:
        rank(drawn(2, targets=8), k=4, rng=seeded(), groups=np.arange(8) % 3, **quotas)

    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"k": 0}, "k is 0 with 3 eligible targets. Give a number from 1 to that."),
        ({"k": 4}, "k is 4 with 3 eligible targets. Give a number from 1 to that."),
        ({"draws": 0}, "draws is 0. Ask for 1 at least."),
        ({"groups": np.zeros(2, dtype=int)}, "groups has 2 rows for 3 targets. Give one a target."),
        (
            {"tie_break": np.array([1, np.nan, 2])},
            "tie_break of target 1 is no number. Give one in every column.",
        ),
        (
            {"composite": composite_of([1, np.nan, 2])},
            "Targets 1 have no score or no standard error. Make them ineligible, or measure them.",
        ),
        (
            {"composite": composite_of([1, 2, 3], covariance=np.array([[1, 2, 0], [2, 1, 0], [0, 0, 1.0]]))},
            "The covariance of the composite is not positive semidefinite.",
        ),
    ],
)
def test_a_ranking_that_contradicts_itself_is_refused(changes, sentence):
    asked = {"composite": composite_of([1, 2, 3]), "k": 1, "rng": seeded()} | changes

    with pytest.raises(InvalidRanking) as caught:
        rank(asked.pop("composite"), **asked)

    assert str(caught.value) == sentence


def everything(ranking):
    return np.concatenate(
        [
            ranking.order,
            ranking.rank,
            ranking.selected,
            ranking.probability,
            ranking.rank_low,
            ranking.rank_high,
        ]
    ).tobytes()


def test_one_seed_gives_one_answer_to_the_byte():
    quotas = {"groups": np.arange(12) % 3, "minimum_per_group": 1}

    assert everything(rank(drawn(3), k=5, rng=seeded(), **quotas)) == everything(
        rank(drawn(3), k=5, rng=seeded(), **quotas)
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_targets_does_not_matter(seed):
    composite, order = drawn(4), np.random.default_rng(seed).permutation(12)
    reordered = composite_of(composite.scores[order], covariance=composite.covariance[np.ix_(order, order)])

    ranking, again = rank(composite, k=4, rng=seeded()), rank(reordered, k=4, rng=seeded())

    assert again.rank.tolist() == ranking.rank[order].tolist()
    assert again.probability == pytest.approx(ranking.probability[order], abs=2e-4)


def test_blocks_of_draws_make_no_difference(monkeypatch):
    whole = rank(drawn(5), k=4, rng=seeded(), draws=1000)
    monkeypatch.setattr("dongliang.engine.ranking.BLOCK", 100)

    assert everything(rank(drawn(5), k=4, rng=seeded(), draws=1000)) == everything(whole)
