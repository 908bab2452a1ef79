from typing import Any

import numpy as np
import pytest

from dongliang.engine.errors import InvalidRatings, Unidentified
from dongliang.engine.longitudinal import NINETY, beyond_expected, changes, group_effects, unshrunk


def draw(
    seed: int, *, people: int = 200, groups: int = 13, spread: float = 0.1
) -> tuple[dict[str, Any], Any]:
    """Two seasons of people whose merit lasts by 0.8; a part of them in groups that have something in common."""
    rng = np.random.default_rng(seed)
    errors = rng.uniform(0.05, 0.25, (2, people))
    before = rng.normal(0, 0.3, people)
    group = np.where(rng.random(people) < 0.4, rng.integers(0, groups, people), -1)
    effect = rng.normal(0, spread, groups)
    gained = np.where(group >= 0, 0.1 + effect[group], 0.0)
    after = 0.2 + 0.8 * before + gained + rng.normal(0, 0.15, people)
    rows = {
        "earlier": 4 + before + rng.normal(0, errors[0]),
        "earlier_errors": errors[0],
        "later": 4 + after + rng.normal(0, errors[1]),
        "later_errors": errors[1],
        "period": np.zeros(people, dtype=int),
        "n_periods": 1,
        "group": group,
        "n_groups": groups,
    }
    return rows, effect


def held(estimates: Any, errors: Any, truth: Any) -> Any:
    return np.abs(estimates - truth) <= NINETY * errors


def test_a_change_is_the_difference_with_both_errors():
    found = changes(np.array([1.0, 2.0]), np.array([0.3, 0.3]), np.array([2.0, 2.1]), np.array([0.4, 0.4]))

    np.testing.assert_allclose(found.values, [1.0, 0.1])
    np.testing.assert_allclose(found.standard_errors, [0.5, 0.5])
    assert found.beyond_chance.tolist() == [True, False]


def test_intervals_of_changes_hold_nine_times_in_ten_or_more_where_measures_are_drawn_to_the_mean():
    rng = np.random.default_rng(5)
    before = rng.normal(0, 1, 20_000)
    after = 0.8 * before + 0.6 * rng.normal(0, 1, 20_000)
    noise = rng.uniform(0.2, 1.0, (2, 20_000))
    known = 1 / (1 + noise**2)
    drawn = [
        share * (truth + rng.normal(0, sd))
        for truth, share, sd in zip((before, after), known, noise, strict=True)
    ]

    found = changes(drawn[0], np.sqrt(1 - known[0]), drawn[1], np.sqrt(1 - known[1]))

    assert 0.9 <= held(found.values, found.standard_errors, after - before).mean() <= 0.95


def test_measures_drawn_to_the_mean_are_found_as_they_were():
    rng = np.random.default_rng(3)
    noise = rng.uniform(0.1, 0.6, 5_000)
    marks = 4 + rng.normal(0, 0.5, 5_000) + rng.normal(0, noise)
    known = 0.25 / (0.25 + noise**2)

    values, errors = unshrunk(4 + known * (marks - 4), np.sqrt(0.25 * (1 - known)))

    np.testing.assert_allclose(values, marks, atol=0.15)
    np.testing.assert_allclose(errors, noise, rtol=0.05)


def test_a_measure_that_is_the_mean_alone_says_nothing_of_its_own():
    values, errors = unshrunk(np.array([3.0, 5.0, 4.0]), np.array([0.1, 0.1, np.sqrt(0.98)]))

    assert np.isnan([values[2], errors[2]]).all()
    assert np.isfinite(values[:2]).all()


def test_measures_without_any_difference_say_nothing():
    values, _errors = unshrunk(np.full(3, 4.0), np.zeros(3))

    assert np.isnan(values).all()


def test_the_line_is_not_flattened_by_errors_of_the_earlier_measures():
    slopes, naive = [], []
    for seed in range(60):
        rows, _effect = draw(seed)
        slopes.append(beyond_expected(**rows).slopes[0])
        naive.append(np.polyfit(rows["earlier"], rows["later"], 1)[0])

    assert np.mean(slopes) == pytest.approx(0.8, abs=0.03)
    assert np.mean(naive) < 0.7


def test_who_was_measured_low_rises_by_no_more_than_is_expected():
    rose, beyond = [], []
    for seed in range(60):
        rows, _effect = draw(seed)
        low = rows["earlier"] < np.quantile(rows["earlier"], 0.2)
        found = beyond_expected(**rows)
        rose.append(np.mean((rows["later"] - rows["earlier"])[low]) - 0.24)
        beyond.append(found.beyond[low].mean())

    assert np.mean(rose) > 0.1
    assert abs(np.mean(beyond)) < 0.02


@pytest.mark.parametrize("spread", [0.05, 0.1, 0.2])
def test_ninety_percent_intervals_of_groups_hold_about_so_often(spread: float):
    groups, coached = [], []
    for seed in range(150):
        rows, effect = draw(seed, spread=spread)
        found = beyond_expected(**rows)
        groups.append(held(found.groups.effects, found.groups.standard_errors, effect))
        coached.append(held(found.in_a_group, found.in_a_group_error, 0.1))

    assert 0.85 <= np.mean(groups) <= 0.95
    assert 0.83 <= np.mean(coached) <= 0.97


def test_groups_that_do_not_differ_are_not_made_to():
    outside = []
    for seed in range(60):
        rows, _effect = draw(seed, spread=0.0)
        found = beyond_expected(**rows).groups
        outside.append(~held(found.effects, found.standard_errors, 0.0))

    assert np.mean(outside) < 0.05


def test_few_members_draw_an_effect_to_zero_and_widen_its_interval():
    values = np.array([1.0] * 2 + [1.0] * 20 + [-1.0] * 20)
    group = np.array([0] * 2 + [1] * 20 + [2] * 20)

    found = group_effects(values, np.full(42, 0.5), group=group, n_groups=4)

    assert 0 < found.effects[0] < found.effects[1]
    assert found.standard_errors[0] > found.standard_errors[1]
    assert found.members.tolist() == [2, 20, 20, 0]
    # Nothing is known of a group without members.
    assert found.effects[3] == pytest.approx(0, abs=1e-9)
    assert found.standard_errors[3] > found.standard_errors[0]


def test_a_large_group_is_known_well_however_little_is_known_of_the_others():
    rng = np.random.default_rng(2)
    group = np.repeat([0, 1], [3, 400])

    found = group_effects(rng.normal(size=403), np.full(403, 0.1), group=group, n_groups=2)

    assert found.level_errors[1] == pytest.approx(np.sqrt(1.01 / 400), rel=0.1)
    assert found.level_errors[0] > 3 * found.level_errors[1]


def test_ninety_percent_intervals_of_levels_hold_about_so_often():
    inside = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        group = rng.integers(0, 10, 120)
        truth = 2 + rng.normal(0, 0.3, 10)
        errors = rng.uniform(0.1, 0.5, 120)
        found = group_effects(
            truth[group] + rng.normal(0, 0.6, 120) + rng.normal(0, errors), errors, group=group, n_groups=10
        )
        inside.append(held(found.levels, found.level_errors, truth))

    assert 0.85 <= np.mean(inside) <= 0.95


def test_the_order_of_the_rows_changes_nothing():
    rows, _effect = draw(1)
    columns = ("earlier", "earlier_errors", "later", "later_errors", "period", "group")
    first = beyond_expected(**rows)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(rows["earlier"]))

        found = beyond_expected(**rows | {name: rows[name][order] for name in columns})

        np.testing.assert_allclose(found.groups.effects, first.groups.effects, atol=1e-9)
        np.testing.assert_allclose(found.beyond, first.beyond[order], atol=1e-9)


def test_another_unit_and_another_zero_give_the_same_answer_in_them():
    rows, _effect = draw(2)
    first = beyond_expected(**rows)
    moved = {name: 10 * rows[name] + 7 for name in ("earlier", "later")}
    scaled = {name: 10 * rows[name] for name in ("earlier_errors", "later_errors")}

    found = beyond_expected(**rows | moved | scaled)

    np.testing.assert_allclose(found.groups.effects, 10 * first.groups.effects, rtol=1e-6)
    np.testing.assert_allclose(found.slopes, first.slopes, rtol=1e-6)
    np.testing.assert_allclose(found.expected, 10 * first.expected + 7, rtol=1e-6)


def test_each_period_has_its_own_line():
    rows, _effect = draw(3)
    twice = {name: np.tile(rows[name], 2) for name in rows if isinstance(rows[name], np.ndarray)}
    twice["later"] = np.concatenate([rows["later"], rows["later"] + 1])
    twice["period"] = np.repeat([0, 1], len(rows["later"]))

    found = beyond_expected(**rows | twice | {"n_periods": 2})

    np.testing.assert_allclose(found.beyond[:200], found.beyond[200:], atol=1e-6)
    assert found.slopes[0] == pytest.approx(found.slopes[1], abs=1e-6)


def test_where_all_are_in_a_group_nothing_is_said_of_being_in_one():
    rows, _effect = draw(4)
    rows["group"] = np.arange(200) % 13

    found = beyond_expected(**rows)

    assert np.isnan([found.in_a_group, found.in_a_group_error]).all()
    assert np.isfinite(found.groups.effects).all()


def test_earlier_measures_that_are_all_error_are_no_ground_to_expect_anything():
    rows, _effect = draw(5)
    rows["earlier_errors"] = np.full(200, 5.0)

    found = beyond_expected(**rows)

    assert (found.known[0], bool(np.isnan(found.slopes[0]))) == (0.0, True)
    outside = rows["group"] < 0
    assert np.ptp(found.expected[outside]) == pytest.approx(0, abs=1e-9)


def test_alike_values_without_errors_have_no_effects():
    found = group_effects(np.ones(6), np.zeros(6), group=np.arange(6) % 2, n_groups=2)

    np.testing.assert_allclose(found.effects, 0, atol=1e-6)


def test_a_period_of_a_few_is_refused():
    rows, _effect = draw(6, people=9)

    with pytest.raises(Unidentified, match="9"):
        beyond_expected(**rows)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"later": np.full(200, np.nan)}, "later"),
        ({"later_errors": np.full(200, -1.0)}, "negative"),
        ({"earlier": np.zeros(3)}, "shape"),
        ({"group": np.full(200, 13)}, "codes from 13 to 13"),
        ({"group": np.zeros(3, dtype=int)}, "rows"),
    ],
)
def test_columns_that_break_their_shape_are_refused(change: dict[str, Any], said: str):
    rows, _effect = draw(7)

    with pytest.raises(InvalidRatings, match=said):
        beyond_expected(**rows | change)


def test_a_design_that_says_one_thing_twice_is_refused():
    with pytest.raises(Unidentified, match="2 columns"):
        group_effects(
            np.arange(5.0), np.ones(5), group=np.zeros(5, dtype=int), n_groups=1, design=np.ones((5, 2))
        )


def test_what_was_passed_in_stays_as_it_was():
    rows, _effect = draw(8)
    kept = {name: np.array(value) for name, value in rows.items()}

    beyond_expected(**rows)

    for name, value in rows.items():
        np.testing.assert_array_equal(value, kept[name])
