from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine import classic, composite, crossed, ranking
from dongliang.engine.data import Choice
from dongliang.engine.errors import InvalidWeights, Unidentified
from dongliang.engine.robustness import compare, other_choices, smallest_weight_change
from tests.engine.drawn import composite_of, crossed_ratings

PARTS = {
    "field": np.array([4.0, 3.0, 2.0, 1.0]),
    "public": np.array([1.0, 2.0, 2.5, 1.0]),
}
BASE = Choice(method="given", scale="marks", weights={"field": 0.5, "public": 0.5})


def weighed(choice):
    return composite_of(sum(weight * PARTS[source] for source, weight in choice.weights.items()))


def best_two(scores):
    selected = np.zeros(len(scores.scores), dtype=bool)
    selected[np.argsort(-scores.scores, kind="stable")[:2]] = True
    return selected


def told(variant):
    return variant.choice.kind, variant.choice.source, variant.entering.tolist(), variant.leaving.tolist()


def test_who_enters_and_who_leaves_is_told_choice_by_choice():
    found = compare(BASE, other_choices(BASE, steps=()), combine=weighed, select=best_two)

    assert found.selected.tolist() == [True, True, False, False]
    assert [told(variant) for variant in found.variants] == [
        ("source", "field", [2], [0]),
        ("source", "public", [], []),
    ]
    assert (found.times.tolist(), found.lists) == ([2, 3, 1, 0], 3)


def test_other_choices_differ_from_the_base_in_one_thing():
    base = replace(BASE, weights={"field": 2, "public": 1, "institutional": 1})

    choices = other_choices(
        base,
        methods=["given", "mean"],
        scales=["marks", "standardised"],
        raters={"field": 2},
        steps=(-0.1, 0.1),
    )

    assert [(choice.kind, choice.source, choice.change) for choice in choices] == [
        ("source", "field", 0),
        ("source", "public", 0),
        ("source", "institutional", 0),
        ("weight", "field", -0.1),
        ("weight", "field", 0.1),
        ("weight", "public", -0.1),
        ("weight", "public", 0.1),
        ("weight", "institutional", -0.1),
        ("weight", "institutional", 0.1),
        ("method", "", 0),
        ("scale", "", 0),
        ("rater", "field", 0),
        ("rater", "field", 0),
    ]
    assert choices[0].weights == {"public": 0.5, "institutional": 0.5}
    assert choices[3].weights == pytest.approx({"field": 0.4, "public": 0.3, "institutional": 0.3})
    assert (choices[9].method, choices[10].scale) == ("mean", "standardised")
    assert [choice.without_rater for choice in choices[11:]] == [("field", 0), ("field", 1)]
    assert [sum(choice.weights.values()) for choice in choices] == pytest.approx([1] * len(choices))


def test_a_step_that_leaves_a_source_with_nothing_or_with_all_is_passed_over():
    choices = other_choices(replace(BASE, weights={"field": 0.95, "public": 0.05}))

    assert [(choice.source, choice.change) for choice in choices if choice.kind == "weight"] == [
        ("field", -0.1),
        ("field", -0.05),
        ("public", 0.05),
        ("public", 0.1),
    ]
    assert other_choices(replace(BASE, weights={"field": 1})) == ()


@pytest.mark.parametrize("weights", [{"field": -1.0, "public": 2.0}, {"field": 0.0}, {"field": float("nan")}])
def test_weights_that_mean_nothing_are_refused(weights):
    with pytest.raises(InvalidWeights):
        other_choices(replace(BASE, weights=weights))


def test_a_choice_that_gives_no_list_says_why_and_stops_nothing():
    def refusing(choice):
        if choice.kind == "source":
            raise Unidentified("Nobody can be told apart.")
        return weighed(choice)

    found = compare(BASE, other_choices(BASE, steps=(0.1,)), combine=refusing, select=best_two)

    assert [variant.refusal for variant in found.variants] == ["Nobody can be told apart."] * 2 + ["", ""]
    assert found.lists == 3


def test_a_base_that_gives_no_list_is_an_error():
    def refusing(choice):
        raise Unidentified("Nobody can be told apart.")

    with pytest.raises(Unidentified):
        compare(BASE, (), combine=refusing, select=best_two)


def test_the_smallest_change_of_weights_brings_the_newcomer_just_ahead():
    found = smallest_weight_change(BASE, combine=weighed, select=best_two)

    # 1 has 3 and 2, 2 has 2 and 2.5: 0.25 behind, and each point moved to the public gains 1.5; 0 has 4 and 1, the
    # same 0.25 behind, and each point moved gains 3.5.
    assert (found.entering.tolist(), found.leaving.tolist()) == ([2], [0])
    assert found.moved == pytest.approx(0.25 / 3.5, abs=1e-5)
    assert found.weights == pytest.approx({"field": 0.5 - found.moved, "public": 0.5 + found.moved})


@pytest.mark.parametrize("seed", range(6))
def test_no_smaller_change_of_weights_changes_the_list(seed):
    rng = np.random.default_rng(seed)
    parts = {source: rng.normal(size=12) for source in "abc"}
    weights = dict(zip("abc", rng.dirichlet([3, 3, 3]), strict=True))
    base = replace(BASE, weights=weights)

    def combine(choice):
        return composite_of(sum(weight * parts[source] for source, weight in choice.weights.items()))

    def listed(shares):
        return best_two(combine(replace(base, weights=dict(zip("abc", shares, strict=True)))))

    found = smallest_weight_change(base, combine=combine, select=best_two)

    before = np.array(list(weights.values()))
    assert (listed(found.weights.values()) != listed(before)).any()
    others = rng.dirichlet([1, 1, 1], size=4000)
    distance = np.abs(others - before).sum(axis=1, keepdims=True) / 2
    nearer = before + (others - before) * np.minimum(1, 0.999 * (found.moved - 1e-3) / distance)
    assert all((listed(shares) == listed(before)).all() for shares in nearer)


def test_no_change_of_weights_lets_the_worst_in_everything_onto_the_list():
    parts = {"field": np.array([2.0, 1.0]), "public": np.array([3.0, 1.0])}

    def combine(choice):
        return composite_of(sum(weight * parts[source] for source, weight in choice.weights.items()))

    def best(scores):
        return scores.scores == scores.scores.max()

    assert smallest_weight_change(BASE, combine=combine, select=best) is None


def test_under_quotas_exchanges_without_effect_are_passed_over():
    base = replace(BASE, weights={"field": 0.55, "public": 0.45})
    # 2 would first overtake 0, but its group has its one place.
    groups = np.array([0, 1, 1, 0])

    def by_quota(scores):
        return ranking.rank(
            scores, k=2, rng=np.random.default_rng(0), draws=1, groups=groups, maximum_per_group=1
        ).selected

    found = smallest_weight_change(base, combine=weighed, select=by_quota)

    assert (found.entering.tolist(), found.leaving.tolist()) == ([2], [1])
    assert found.moved == pytest.approx(0.325 / 1.5, abs=1e-5)


def test_a_change_of_weights_that_gives_no_list_is_passed_over():
    def undecided_at_first(scores):
        selected = best_two(scores)
        if selected[2] and scores.scores[0] > 2.2:
            raise Unidentified("Two are equal.")
        return selected

    found = smallest_weight_change(BASE, combine=weighed, select=undecided_at_first)

    assert found.moved == pytest.approx(0.25 / 1.5, abs=1e-5)


def test_a_target_without_a_score_takes_part_in_no_exchange():
    parts = PARTS | {"public": np.array([1.0, 2.0, np.nan, 1.0])}

    def combine(choice):
        return composite_of(sum(weight * parts[source] for source, weight in choice.weights.items()))

    def best_two_with_a_score(scores):
        return best_two(replace(scores, scores=np.nan_to_num(scores.scores, nan=-9.0)))

    assert smallest_weight_change(BASE, combine=combine, select=best_two_with_a_score) is None


def test_the_engine_s_own_methods_make_the_lists():
    sources = {"field": crossed_ratings(1), "public": crossed_ratings(2)}
    methods = {"model": crossed.gaussian, "mean": classic.mean, "trimmed": classic.trimmed_mean}

    def combine(choice):
        fits = {}
        for source in choice.weights:
            ratings = sources[source]
            if choice.without_rater and choice.without_rater[0] == source:
                kept = ratings.rater != choice.without_rater[1]
                columns = ("target", "rater", "indicator", "values")
                ratings = replace(ratings, **{name: getattr(ratings, name)[kept] for name in columns})
            fits[source] = methods[choice.method](ratings)
        return composite.combine(fits, choice.weights, scale=choice.scale)

    def select(scores):
        return ranking.rank(scores, k=5, rng=np.random.default_rng(0), draws=1).selected

    base = Choice(method="model", scale="standardised", weights={"field": 0.6, "public": 0.4})
    choices = other_choices(base, methods=methods, scales=("standardised", "marks"), raters={"field": 6})
    found = compare(base, choices, combine=combine, select=select)

    assert len(found.variants) == 2 + 2 * 4 + 2 + 1 + 6
    assert found.times.sum() == 5 * found.lists
    for variant in found.variants:
        now = select(combine(variant.choice))
        assert np.flatnonzero(now & ~found.selected).tolist() == variant.entering.tolist()
        assert np.flatnonzero(found.selected & ~now).tolist() == variant.leaving.tolist()
