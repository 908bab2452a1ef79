"""What must not change an answer, tried on drawn designs: order, numbering, units, and counting instead of writing out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dongliang.engine import crossed, nested
from dongliang.engine.agreement import krippendorff_alpha, rater_agreement, residual_fit
from dongliang.engine.checking import certify_plan
from dongliang.engine.classic import mean, standard_scores, trimmed_mean
from dongliang.engine.data import Ballots, Choice, Ratings, Tally
from dongliang.engine.errors import InfeasiblePlan, Unconnected
from dongliang.engine.facets import rating_scale
from dongliang.engine.integrity import examine
from dongliang.engine.planning import plan_assessments
from dongliang.engine.ranking import rank
from dongliang.engine.robustness import compare, other_choices
from tests.engine.drawn import composite_of, crossed_ratings, shuffled

few = settings(max_examples=4, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)


def halo(ratings):
    return crossed.gaussian(ratings, effects=("target", "rater", "target:rater"))


NUMBERS = {
    "mean": mean,
    "trimmed mean": trimmed_mean,
    "standard scores": standard_scores,
    "gaussian": crossed.gaussian,
    "gaussian with halo": halo,
}
METHODS = {**NUMBERS, "ordinal": crossed.ordinal, "facets": rating_scale}
every = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


def drawn(seed, **design):
    ratings = crossed_ratings(seed, **{"targets": 12, "raters": 5, "per_pair": 0.7, **design})
    return replace(ratings, values=np.clip(np.rint(ratings.values), 1, 5))


def renumbered(ratings, seed):
    """The same ratings under other codes, in another order; and the codes."""
    rng = np.random.default_rng(seed)
    target, rater = rng.permutation(ratings.n_targets), rng.permutation(ratings.n_raters)
    moved = replace(ratings, target=target[ratings.target], rater=rater[ratings.rater])
    return shuffled(moved, seed), target, rater


@every
@few
@given(seed=seeds)
def test_order_and_numbers_of_ratings_leave_no_trace_in_any_fit(method, seed):
    ratings = drawn(1)
    moved, target, rater = renumbered(ratings, seed)

    fit, again = method(ratings), method(moved)

    # Where a fit ends within its tolerance, its parameters may differ in their sixth digit.
    assert again.measures[target] == pytest.approx(fit.measures, abs=1e-5)
    assert again.standard_errors[target] == pytest.approx(fit.standard_errors, abs=1e-5)
    assert again.severities[rater] == pytest.approx(fit.severities, abs=1e-5)


@pytest.mark.parametrize("method", NUMBERS.values(), ids=NUMBERS.keys())
@few
@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_other_units_give_measures_in_those_units(method, scale, shift):
    ratings = drawn(2)

    fit = method(ratings)
    rescaled = method(replace(ratings, values=scale * ratings.values + shift))

    assert (rescaled.measures - shift) / scale == pytest.approx(fit.measures, abs=1e-4)
    assert rescaled.standard_errors / scale == pytest.approx(fit.standard_errors, abs=1e-4)
    assert rescaled.severities / scale == pytest.approx(fit.severities, abs=1e-4)


@few
@given(marks=st.lists(st.integers(-50, 50), min_size=5, max_size=5, unique=True).map(sorted))
def test_other_marks_in_the_same_order_give_the_same_ordinal_fit(marks):
    ratings = drawn(3)

    fit = crossed.ordinal(ratings)
    renamed = crossed.ordinal(
        replace(ratings, values=np.array(marks, dtype=float)[ratings.values.astype(int) - 1])
    )

    assert renamed.measures == pytest.approx(fit.measures, abs=1e-6)
    assert renamed.log_likelihood == pytest.approx(fit.log_likelihood)


@pytest.mark.parametrize("method", [mean, crossed.gaussian, crossed.ordinal, rating_scale])
@few
@given(seed=seeds)
def test_raters_who_marked_alike_are_severe_alike(method, seed):
    ratings = drawn(seed)
    twin = ratings.rater == 1
    doubled = Ratings(
        target=np.append(ratings.target, ratings.target[twin]),
        rater=np.append(ratings.rater, np.full(twin.sum(), 5)),
        indicator=np.append(ratings.indicator, ratings.indicator[twin]),
        values=np.append(ratings.values, ratings.values[twin]),
        n_targets=12,
        n_raters=6,
        n_indicators=2,
    )

    fit = method(doubled)

    assert fit.severities[5] == pytest.approx(fit.severities[1], abs=1e-6)


def ballots(seed, n=150, targets=6, indicators=2):
    rng = np.random.default_rng(seed)
    home = rng.integers(0, targets, n)
    level = rng.normal(0, 0.6, targets)[home] + rng.normal(0, 0.8, n)
    marks = np.clip(np.rint(3.5 + level[:, None] + rng.normal(0, 0.7, (n, indicators))), 1, 5).astype(int)
    return home, np.where(rng.random(marks.shape) < 0.05, 0, marks)


@pytest.mark.parametrize("method", [nested.gaussian, nested.ordinal])
@few
@given(seed=seeds)
def test_ballots_counted_in_any_way_give_the_same_fit(method, seed):
    home, marks = ballots(seed)
    order = np.random.default_rng(seed).permutation(len(home))
    patterns, row, count = np.unique(
        np.column_stack([home, marks]), axis=0, return_inverse=True, return_counts=True
    )
    renamed = np.random.default_rng(seed + 1).permutation(6)

    one_by_one = method(Tally(target=home, marks=marks, count=np.ones(150, dtype=int), n_targets=6))
    counted = method(Tally(target=patterns[:, 0], marks=patterns[:, 1:], count=count, n_targets=6))
    moved = method(
        Tally(target=renamed[home[order]], marks=marks[order], count=np.ones(150, dtype=int), n_targets=6)
    )

    assert counted.measures == pytest.approx(one_by_one.measures, abs=1e-5)
    assert counted.standard_errors == pytest.approx(one_by_one.standard_errors, abs=1e-5)
    assert counted.severities[row] == pytest.approx(one_by_one.severities, abs=1e-5)
    assert moved.measures[renamed] == pytest.approx(one_by_one.measures, abs=1e-5)


@few
@given(seed=seeds)
def test_a_gaussian_tally_is_the_crossed_fit_of_its_ballots_written_out(seed):
    home, marks = ballots(seed)
    ballot, indicator = np.nonzero(marks)
    ratings = Ratings(
        target=home[ballot],
        rater=ballot,
        indicator=indicator,
        values=marks[ballot, indicator].astype(float),
        n_targets=6,
        n_raters=150,
        n_indicators=2,
    )

    tallied = nested.gaussian(Tally(target=home, marks=marks, count=np.ones(150, dtype=int), n_targets=6))
    written = crossed.gaussian(ratings)

    assert tallied.measures == pytest.approx(written.measures, abs=1e-6)
    assert tallied.standard_errors == pytest.approx(written.standard_errors, abs=1e-6)
    assert tallied.log_likelihood == pytest.approx(written.log_likelihood)


@few
@given(seed=seeds)
def test_order_and_numbers_of_ratings_leave_no_trace_in_agreement(seed):
    ratings = drawn(4)
    moved, target, rater = renumbered(ratings, seed)

    found = residual_fit(ratings, crossed.gaussian(ratings))
    again = residual_fit(moved, crossed.gaussian(moved))

    assert again.raters.infit[rater] == pytest.approx(found.raters.infit, abs=1e-6)
    assert again.targets.outfit_z[target] == pytest.approx(found.targets.outfit_z, abs=1e-5)
    assert rater_agreement(moved).near[rater] == pytest.approx(rater_agreement(ratings).near)
    assert krippendorff_alpha(moved) == pytest.approx(krippendorff_alpha(ratings))


def plan_or_refusal(*sizes, **rules):
    try:
        return plan_assessments(*sizes, **rules), None
    except (InfeasiblePlan, Unconnected) as refusal:
        return None, refusal


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=seeds,
    targets=st.integers(2, 25),
    raters=st.integers(1, 8),
    per_target=st.integers(1, 4),
    barred=st.floats(0, 0.6),
)
def test_a_plan_keeps_every_rule_or_is_refused(seed, targets, raters, per_target, barred):
    rng = np.random.default_rng(seed)
    avoid = rng.random((targets, raters)) < barred
    places = rng.random((targets, 2))
    distance = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))

    plan, refusal = plan_or_refusal(
        targets, raters, per_target=per_target, avoid=avoid, rng=rng, distance=distance
    )

    if isinstance(refusal, InfeasiblePlan):
        assert refusal.targets.tolist() == np.flatnonzero((~avoid).sum(axis=1) < per_target).tolist()
    elif isinstance(refusal, Unconnected):
        assert len(refusal.groups) > 1
    else:
        certify_plan(plan, n_raters=raters, avoid=avoid, spread=targets)


@few
@given(seed=seeds)
def test_numbers_of_targets_leave_no_trace_in_a_list_with_ties_or_in_its_variants(seed):
    rng = np.random.default_rng(seed)
    parts = {"field": rng.integers(1, 4, 9).astype(float), "public": rng.integers(1, 4, 9).astype(float)}
    breaker = rng.permutation(9).astype(float)[:, None]
    number = rng.permutation(9)

    def listed(order):
        def combine(choice):
            return composite_of(
                sum(weight * parts[source] for source, weight in choice.weights.items())[order]
            )

        def select(scores):
            return rank(scores, k=4, rng=np.random.default_rng(0), draws=1, tie_break=breaker[order]).selected

        base = Choice(method="given", scale="marks", weights={"field": 0.5, "public": 0.5})
        return compare(base, other_choices(base), combine=combine, select=select)

    found, again = listed(np.arange(9)), listed(number)

    assert again.selected.tolist() == found.selected[number].tolist()
    assert again.times.tolist() == found.times[number].tolist()
    for one, other in zip(found.variants, again.variants, strict=True):
        assert sorted(number[other.entering]) == sorted(one.entering)
        assert sorted(number[other.leaving]) == sorted(one.leaving)


@few
@given(seed=seeds)
def test_order_of_ballots_and_numbers_of_neighbourhoods_leave_no_trace_in_flags(seed):
    rng = np.random.default_rng(7)
    home, marks = rng.integers(0, 8, 400), rng.integers(1, 6, (400, 3))
    minute = rng.integers(0, 5_000, 400)
    stuffed = np.flatnonzero(home == 3)[:30]
    marks[stuffed], minute[stuffed] = 5, 1_000 + np.arange(len(stuffed))
    order, number = (np.random.default_rng(seed).permutation(size) for size in (400, 8))

    found = examine(Ballots(target=home, marks=marks, minute=minute, n_targets=8))
    again = examine(
        Ballots(target=number[home[order]], marks=marks[order], minute=minute[order], n_targets=8)
    )

    def told(flags, numbers, rows):
        return sorted((flag.kind, int(numbers[flag.target]), sorted(rows[flag.ballots])) for flag in flags)

    assert found
    assert told(again, np.argsort(number), order) == told(found, np.arange(8), np.arange(400))
