from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from dongliang.engine import pairing as pairing_module
from dongliang.engine.checking import certify_pairing
from dongliang.engine.data import Candidates, Mentees, Mentors, lots
from dongliang.engine.errors import InfeasiblePairing, InvalidPairing, TooLarge
from dongliang.engine.pairing import assign, find_candidates, pair


def people(n, m, *, seed=0, things=3, areas=3, capacity=None):
    rng = np.random.default_rng(seed)
    mentees = Mentees(
        number=rng.permutation(9 * n)[:n],
        category=rng.integers(0, 4, n),
        needs=rng.integers(0, 3, (n, things)).astype(float),
        area=rng.integers(0, areas, n),
        earlier=np.where(rng.random(n) < 0.3, rng.integers(0, m, n), -1),
        locked=np.full(n, -1),
    )
    mentors = Mentors(
        number=rng.permutation(9 * m)[:m],
        categories=rng.integers(0, 3, (m, 4)) / 2,
        strengths=rng.integers(0, 5, (m, things)) / 4,
        area=rng.integers(0, areas, m),
        capacity=rng.integers(1, 4, m) if capacity is None else np.full(m, capacity),
    )
    return mentees, mentors


def listed(fit, mentor=None, *, locked=()):
    """Candidates with the given fits in points; all mentors in order where none are named."""
    fit = np.rint(np.asarray(fit, dtype=float) * 1000).astype(np.int64)
    n, k = fit.shape
    mentor = np.tile(np.arange(k), (n, 1)) if mentor is None else np.asarray(mentor)
    return Candidates(
        mentor=mentor,
        parts={"need": np.where(mentor >= 0, fit, 0)},
        mentee_number=np.arange(n),
        mentor_number=np.arange(mentor.max() + 1),
        locked=np.isin(np.arange(n), locked),
        complete=True,
    )


def best_by_trying_all(candidates, capacity, *, everyone, balance):
    """Greatest (total in thousandths, sum of lots) and whether anything is possible at all."""
    drawn = lots(candidates.mentee_number[:, None], candidates.mentor_number[candidates.mentor])
    fit = candidates.fit
    best = None
    for choice in product(range(-1, candidates.mentor.shape[1]), repeat=len(fit)):
        taken = [(row, at) for row, at in enumerate(choice) if at >= 0]
        if any(candidates.mentor[row, at] < 0 for row, at in taken):
            continue
        load = np.bincount([candidates.mentor[pair] for pair in taken], minlength=len(capacity))
        if (load > capacity).any() or (everyone and len(taken) < len(fit)):
            continue
        charge = round(balance * 1000) * int((load * (load - 1) // 2).sum())
        figure = (sum(fit[pair] for pair in taken) - charge, sum(drawn[pair] for pair in taken))
        best = figure if best is None else max(best, figure)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_no_pairing_is_better_than_the_one_found(seed):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    mentor = np.tile(np.arange(m), (n, 1))
    mentor[rng.random((n, m)) < 0.2] = -1
    mentor[0, 0] = 0
    candidates = replace(
        listed(rng.integers(0, 3, (n, m)), mentor),
        mentor_number=rng.permutation(50)[:m],
        mentee_number=rng.permutation(50)[:n],
    )
    capacity, everyone, balance = rng.integers(0, 4, m), bool(seed % 2), float(rng.choice([0.0, 0.4]))
    best = best_by_trying_all(candidates, capacity, everyone=everyone, balance=balance)

    if best is None:
        with pytest.raises(InfeasiblePairing):
            assign(candidates, capacity, everyone=everyone, balance=balance)
        return
    pairing = assign(candidates, capacity, everyone=everyone, balance=balance)

    drawn = lots(candidates.mentee_number, candidates.mentor_number[pairing.mentor])
    assert (pairing.total * 1000, drawn[pairing.mentor >= 0].sum()) == pytest.approx(best)
    certify_pairing(pairing, candidates, capacity=capacity, everyone=everyone, balance=balance)


@pytest.mark.parametrize("everyone", [True, False])
def test_the_total_is_that_of_the_hungarian_method_with_every_place_a_column(everyone):
    mentees, mentors = people(60, 12, capacity=5 if everyone else 4)
    found = find_candidates(mentees, mentors)

    pairing = assign(found, mentors.capacity, everyone=everyone)

    fit = np.zeros((60, 12))
    np.put_along_axis(fit, found.mentor, found.fit, axis=1)
    places = np.repeat(fit, mentors.capacity, axis=1)
    rows, columns = linear_sum_assignment(places, maximize=True)
    assert pairing.total == places[rows, columns].sum() / 1000
    certify_pairing(pairing, found, capacity=mentors.capacity, everyone=everyone)


@pytest.mark.parametrize("per_mentee", [None, 6])
def test_the_order_of_the_rows_leaves_no_trace(per_mentee):
    mentees, mentors = people(80, 15, capacity=6)
    # Only categories count, so that most totals can be reached in many ways.
    options = {"weights": {"category": 10}, "per_mentee": per_mentee}
    pairing = pair(mentees, mentors, **options)
    rng = np.random.default_rng(5)
    rows, columns = rng.permutation(80), rng.permutation(15)
    at = np.append(np.argsort(columns), -1)

    shuffled = pair(
        Mentees(
            **{name: getattr(mentees, name)[rows] for name in ("number", "category", "needs", "area")},
            earlier=at[mentees.earlier[rows]],
            locked=at[mentees.locked[rows]],
        ),
        Mentors(
            **{
                name: getattr(mentors, name)[columns]
                for name in ("number", "categories", "strengths", "area", "capacity")
            }
        ),
        **options,
    )

    assert columns[shuffled.mentor].tolist() == pairing.mentor[rows].tolist()


def test_greater_weights_in_the_same_proportion_change_nothing_but_the_points():
    mentees, mentors = people(50, 10, capacity=5)

    single = pair(mentees, mentors, weights={"category": 8, "nearness": 4})
    double = pair(mentees, mentors, weights={"category": 16, "nearness": 8})

    assert double.mentor.tolist() == single.mentor.tolist()
    assert double.total == 2 * single.total


def test_a_fit_is_the_sum_of_what_category_need_nearness_and_continuity_add():
    mentees = Mentees(
        number=np.array([7, 8]),
        category=np.array([1, 0]),
        needs=np.array([[3.0, 1.0], [0.0, 0.0]]),
        area=np.array([0, 1]),
        earlier=np.array([0, -1]),
        locked=np.array([-1, -1]),
    )
    mentors = Mentors(
        number=np.array([5]),
        categories=np.array([[1.0, 0.5]]),
        strengths=np.array([[0.4, 0.8]]),
        area=np.array([2]),
        capacity=np.array([2]),
    )
    distance = np.array([[0.0, 9.0, 2.0], [9.0, 0.0, 8.0], [2.0, 8.0, 0.0]])

    pairing = pair(mentees, mentors, distance=distance)

    assert {name: part.tolist() for name, part in pairing.parts.items()} == {
        "category": [20.0, 40.0],
        "need": [15.0, 0.0],
        "nearness": [15.556, 2.222],
        "continuity": [10.0, 0.0],
    }
    assert pairing.fit.tolist() == [60.556, 42.222]
    assert pairing.total == 102.778
    assert pairing.load.tolist() == [2]


def test_an_earlier_mentor_is_kept_where_nothing_else_speaks():
    mentees, mentors = people(30, 10, capacity=3)
    mentees = replace(mentees, earlier=np.arange(30) % 10)

    pairing = pair(mentees, mentors, weights={"continuity": 1})

    assert pairing.mentor.tolist() == mentees.earlier.tolist()


def test_locks_are_kept_and_avoided_pairs_never_made():
    mentees, mentors = people(40, 8, capacity=5)
    locked = np.full(40, -1)
    locked[:6] = [3, 3, 3, 3, 3, 0]
    mentees = replace(mentees, locked=locked)
    free = pair(mentees, mentors).mentor
    avoid = np.column_stack([np.arange(6, 40), free[6:]])

    pairing = pair(mentees, mentors, avoid=avoid)

    assert pairing.mentor[:6].tolist() == [3, 3, 3, 3, 3, 0]
    assert not (pairing.mentor[6:] == free[6:]).any()
    certify_pairing(
        pairing, find_candidates(mentees, mentors, avoid=avoid), capacity=mentors.capacity, avoid=avoid
    )


def test_the_favourite_is_the_best_candidate_whoever_gets_them():
    pairing = assign(listed([[5, 3], [4, 1]]), np.array([1, 1]))

    assert pairing.mentor.tolist() == [1, 0]
    assert pairing.favourite.tolist() == [0, 0]
    assert pairing.favourite_fit.tolist() == [5.0, 4.0]


def test_a_charge_for_uneven_loads_spreads_the_mentees():
    fit = np.column_stack([np.full(6, 3.0), np.full(6, 2.0), np.full(6, 1.0)])

    loads = [
        assign(listed(fit), np.array([6, 6, 6]), balance=balance).load.tolist() for balance in (0, 0.6, 10)
    ]

    assert loads == [[6, 0, 0], [4, 2, 0], [2, 2, 2]]


def test_without_a_duty_to_serve_everyone_the_places_go_where_they_are_worth_most():
    pairing = assign(listed([[5], [9], [7]]), np.array([2]), everyone=False)

    assert pairing.mentor.tolist() == [-1, 0, 0]
    assert pairing.fit.tolist() == [0.0, 9.0, 7.0]


def test_demands_that_cannot_be_met_together_are_named_and_no_others():
    # 1, 3 and 4 compete for the two places of mentors 0 and 2; 0 and 2 are content with mentor 1.
    mentor = [[1, -1], [0, 2], [1, 0], [0, -1], [2, -1]]
    candidates = listed(np.ones((5, 2)), mentor, locked=[3])

    with pytest.raises(InfeasiblePairing) as caught:
        assign(candidates, np.array([1, 2, 1]))

    assert caught.value.mentees.tolist() == [1, 3, 4]
    assert caught.value.mentors.tolist() == [0, 2]
    assert caught.value.locked.tolist() == [3]
    assert str(caught.value) == (
        "Mentees 1, 3, 4 (locked: 3) need 3 places, and the mentors they may have, 0, 2, have 2. "
        "Free a place, allow another mentor, or let one go without."
    )


@pytest.mark.parametrize("seed", range(10))
def test_any_one_of_the_demands_named_can_be_dropped_to_meet_the_others(seed):
    rng = np.random.default_rng(seed)
    mentor = np.sort(np.stack([rng.permutation(12)[:3] for _ in range(40)]), axis=1)
    candidates, capacity = listed(np.ones((40, 3)), mentor), rng.integers(0, 5, 12)
    with pytest.raises(InfeasiblePairing) as caught:
        assign(candidates, capacity)
    clash = caught.value.mentees

    assert capacity[caught.value.mentors].sum() == len(clash) - 1
    for dropped in clash:
        kept = clash[clash != dropped]
        if len(kept):
            assign(
                replace(
                    candidates,
                    mentor=mentor[kept],
                    parts={"need": candidates.parts["need"][kept]},
                    mentee_number=kept,
                    locked=np.zeros(len(kept), dtype=bool),
                ),
                capacity,
            )


def test_a_lock_on_an_avoided_mentor_is_a_demand_that_nobody_can_meet():
    mentees, mentors = people(4, 3, capacity=4)
    mentees = replace(mentees, locked=np.array([-1, 2, -1, -1]))

    with pytest.raises(InfeasiblePairing) as caught:
        pair(mentees, mentors, avoid=np.array([[1, 2]]), everyone=False)

    assert (caught.value.mentees.tolist(), caught.value.mentors.tolist()) == ([1], [])
    assert str(caught.value) == "Mentee 1 (locked: 1) may have no mentor at all. Allow one."


def test_short_lists_grow_until_everyone_can_be_served():
    mentees, mentors = people(30, 10, capacity=3)
    # Everyone likes the same mentor best.
    mentors = replace(mentors, strengths=np.tile(np.linspace(1, 0, 10)[:, None], (1, 3)))
    mentees = replace(mentees, needs=np.ones((30, 3)))

    pairing = pair(mentees, mentors, weights={"need": 10}, per_mentee=2)

    assert pairing.load.tolist() == [3] * 10


def test_a_list_holds_the_best_and_says_that_it_is_no_longer_everyone():
    mentees, mentors = people(50, 20)
    avoid = np.array([[0, 1], [0, 2], [49, 19]])

    every = find_candidates(mentees, mentors, avoid=avoid)
    few = find_candidates(mentees, mentors, avoid=avoid, per_mentee=5)

    every_fit = np.where(every.mentor >= 0, every.fit, -1)
    assert np.sort(few.fit, axis=1).tolist() == np.sort(every_fit, axis=1)[:, -5:].tolist()
    assert (every.complete, few.complete) == (True, False)
    assert set(every.mentor[0].tolist()) == {-1, *range(20)} - {1, 2}
    assert assign(few, mentors.capacity, everyone=False).complete is False


def test_equal_candidates_are_listed_by_lot_and_not_all_the_same():
    mentees, mentors = people(200, 20)

    found = find_candidates(mentees, mentors, weights={"category": 0}, per_mentee=5)

    assert np.bincount(found.mentor.ravel(), minlength=20).min() > 20


def test_the_record_says_how_sure_the_optimum_is():
    mentees, mentors = people(40, 8, capacity=5)

    record = pair(mentees, mentors).record

    assert (record.method, record.decrement < 1) == ("auction", True)
    assert record.objective == pair(mentees, mentors).total


def test_more_pairs_than_fit_into_memory_are_refused_with_a_way_out():
    mentees, mentors = people(6000, 4000)

    with pytest.raises(
        TooLarge, match="6000 mentees with 4000 candidates each are more than 20,000,000 pairs"
    ):
        pair(mentees, mentors)


def test_fits_that_64_bits_cannot_hold_are_refused():
    with pytest.raises(TooLarge, match=r"2 mentees and fits of up to 1e\+13 points need more than 64 bits"):
        assign(listed([[1e13], [1.0]]), np.array([2]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"number": [4, 4]}, "The number 4 stands twice among the mentees. Give each one of its own."),
        ({"area": [0]}, "area has 1 rows for 2 mentees. Give one each."),
        ({"locked": [0, -2]}, "locked[1] of the mentees is -2. -1 is the least."),
        (
            {"category": [0.5, 1.0]},
            "category of the mentees is no column of whole numbers. Give one number each.",
        ),
        ({"needs": [[1.0], [np.nan]]}, "needs[1, 0] of the mentees is nan. Give a number of 0 or more."),
        ({"needs": [1.0, 2.0]}, "needs of the mentees has the shape (2,). Give a row each."),
        ({"needs": np.ones((2, 2))}, "Needs have 2 columns, strengths 1. Give the same things."),
        (
            {"category": [0, 3]},
            "category[1] of the mentees is 3, and the mentors tell of 1 categories.",
        ),
        ({"earlier": [-1, 5]}, "earlier[1] of the mentees is 5. Mentors go from 0 to 0."),
    ],
)
def test_mentees_that_contradict_themselves_are_refused(change, sentence):
    columns = {
        "number": [1, 2],
        "category": [0, 0],
        "needs": [[1.0], [0.0]],
        "area": [0, 0],
        "earlier": [-1, -1],
        "locked": [-1, -1],
    }

    with pytest.raises(InvalidPairing) as caught:
        pair(
            Mentees(**{name: np.array(column) for name, column in {**columns, **change}.items()}),
            one_mentor(),
        )

    assert str(caught.value) == sentence


def one_mentor(**change):
    columns = {
        "number": [1],
        "categories": [[1.0]],
        "strengths": [[1.0]],
        "area": [0],
        "capacity": [2],
    }
    return Mentors(**{name: np.array(column) for name, column in {**columns, **change}.items()})


def test_a_mentor_with_more_than_all_strength_is_refused():
    with pytest.raises(
        InvalidPairing, match=r"strengths\[0, 0\] of the mentors is 2.0. Give a number from 0 to 1."
    ):
        one_mentor(strengths=[[2.0]])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"weights": {"charm": 1}},
            "The weight of 'charm' is 1. Weigh category, need, nearness, continuity, with 0 or more points each.",
        ),
        (
            {"weights": {"need": -1}},
            "The weight of 'need' is -1. Weigh category, need, nearness, continuity, with 0 or more points each.",
        ),
        ({"per_mentee": 0}, "per_mentee is 0. Keep one candidate a mentee at least."),
        ({"balance": -1}, "balance is -1. Give points, 0 or more."),
        ({"avoid": np.array([[0, 9]])}, "avoid[0] is [0, 9]. Mentees go from 0 to 5, mentors from 0 to 3."),
        (
            {"distance": np.zeros((2, 2))},
            "distance has the shape (2, 2). Give a row and a column for each of 3 areas.",
        ),
        (
            {"distance": -np.ones((3, 3))},
            "A distance is negative or no number. Give 0 or more between any two areas.",
        ),
    ],
)
def test_options_that_contradict_the_profiles_are_refused(options, sentence):
    mentees, mentors = people(6, 4, capacity=2)
    mentees = replace(mentees, area=np.array([0, 1, 2, 0, 1, 2]))

    with pytest.raises(InvalidPairing) as caught:
        pair(mentees, mentors, **options)

    assert str(caught.value) == sentence


def test_nobody_cannot_be_paired():
    mentees, _ = people(3, 2)
    nobody = Mentees(
        **{
            name: getattr(mentees, name)[:0]
            for name in ("number", "category", "needs", "area", "earlier", "locked")
        }
    )

    with pytest.raises(InvalidPairing, match="There are 0 mentees and 1 mentors"):
        pair(nobody, one_mentor())


def test_a_charge_far_above_all_fits_keeps_nobody_from_being_served():
    pairing = assign(listed(np.zeros((9, 2)), [[0, 1]] * 3 + [[0, -1]] * 6), np.array([9, 1]), balance=50)

    assert pairing.load.tolist() == [8, 1]
    assert pairing.total == -50 * 28


def test_prices_that_outgrow_the_numbers_are_refused_and_never_taken_for_an_answer(monkeypatch):
    # Serving 2 costs the price of two exchanges, 10 points; only 5 can be said.
    candidates = listed([[5, 0], [5, 0], [0, 0]], [[0, 1], [1, 2], [0, -1]])
    assert assign(candidates, np.array([1, 1, 1])).mentor.tolist() == [1, 2, 0]
    monkeypatch.setattr(pairing_module, "SAFE", 5_001 * (15 * 3 + 1) * 4 + 1)

    with pytest.raises(TooLarge, match="Capacities are so tight"):
        assign(candidates, np.array([1, 1, 1]))
