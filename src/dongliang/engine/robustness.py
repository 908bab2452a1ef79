"""The same list under other defensible choices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from dongliang.engine.data import (
    Booleans,
    Choice,
    Composite,
    Floats,
    Integers,
    Robustness,
    Variant,
    WeightChange,
)
from dongliang.engine.errors import EngineError, InvalidWeights

Combine = Callable[[Choice], Composite]
Select = Callable[[Composite], Booleans]

# How far the weight of a source is moved.
STEPS = (-0.1, -0.05, 0.05, 0.1)
NOBODY = np.empty(0, dtype=np.int64)


def other_choices(
    base: Choice,
    *,
    methods: Iterable[str] = (),
    scales: Iterable[str] = (),
    raters: Mapping[str, int] | None = None,
    steps: Iterable[float] = STEPS,
) -> tuple[Choice, ...]:
    """List the choices that differ from ``base`` in one thing.

    Parameters
    ----------
    base : Choice
        With weights in any unit that are not negative; sources of weight zero are moved up, but not left out.
    methods, scales : iterable of str
        What else could be used; the base's own is passed over.
    raters : mapping of str to int, optional
        For each source whose raters are to be left out one at a time, how many it has.
    steps : iterable of float
        What is added to the weight of each source in turn. The others share the rest in proportion to their weights; a
        step that would leave a source with nothing, or with everything, is passed over.

    Returns
    -------
    tuple of Choice
        Sources left out, weights moved, methods, scales, raters left out; within each, in the order given.

    Raises
    ------
    InvalidWeights
        A weight is negative or no number, or all are zero.
    """
    weights = _shares(base.weights)
    base = replace(base, weights=weights)
    dropped = [
        replace(base, kind="source", source=source, weights=_shares({**weights, source: 0.0}, without=source))
        for source, weight in weights.items()
        if 0 < weight < 1
    ]
    moved = [
        replace(base, kind="weight", source=source, change=step, weights=_moved(weights, source, step))
        for source, weight in weights.items()
        for step in steps
        if 0 < weight + step < 1 and weight < 1
    ]
    measured = [replace(base, kind="method", method=method) for method in methods if method != base.method]
    scaled = [replace(base, kind="scale", scale=scale) for scale in scales if scale != base.scale]
    alone = [
        replace(base, kind="rater", source=source, without_rater=(source, rater))
        for source, number in (raters or {}).items()
        for rater in range(number)
    ]
    return (*dropped, *moved, *measured, *scaled, *alone)


def compare(base: Choice, others: Iterable[Choice], *, combine: Combine, select: Select) -> Robustness:
    """Make the list under ``base`` and under each of ``others``, and say who enters and who leaves.

    Parameters
    ----------
    base : Choice
        The choice that stands.
    others : iterable of Choice
        As `other_choices` lists them, or any.
    combine : callable
        Gives the scores of the ``p`` targets under a choice: measures by its method without its rater, weighed by its
        weights on its scale. Called once a choice, so that it may fit as it goes.
    select : callable
        Gives (p,) bool, who is on the list by these scores, by the same rules of places, quotas and ties every time.

    Returns
    -------
    Robustness
        A choice whose ``combine`` or ``select`` raises an `EngineError` gives no list, and its variant says why; the
        base's own error is raised.

    Notes
    -----
    Sensitivity of a composite to how it is made [SST05]_; see docs/methods/robustness.md.
    """
    base = replace(base, weights=_shares(base.weights))
    selected = select(combine(base))
    times, lists = selected.astype(np.int64), 1
    variants = []
    for choice in others:
        try:
            now = select(combine(choice))
        except EngineError as refusal:
            variants.append(Variant(choice=choice, entering=NOBODY, leaving=NOBODY, refusal=str(refusal)))
            continue
        times += now
        lists += 1
        entering, leaving = _difference(selected, now)
        variants.append(Variant(choice=choice, entering=entering, leaving=leaving))
    return Robustness(
        selected=selected,
        variants=tuple(variants),
        times=times,
        lists=lists,
        smallest=smallest_weight_change(base, combine=combine, select=select),
    )


def smallest_weight_change(
    base: Choice, *, combine: Combine, select: Select, margin: float = 1e-5
) -> WeightChange | None:
    """Find the least weight that has to move between sources for the list to change.

    Parameters
    ----------
    base : Choice
    combine, select : callable
        As in `compare`. Scores must be linear in the weights, as those of a weighted sum are.
    margin : float
        How far ahead, in score, the newcomer is brought: more than the rounding at which ``select`` sees a tie.

    Returns
    -------
    WeightChange or None
        None when no weights that are not negative change the list.

    Notes
    -----
    After [TS97]_. A list can change only where somebody on it and somebody off it change places. For each such pair the least movement
    has a closed form: all to the source that favours the newcomer most, taken from those that favour them least. The
    pairs are tried from the least on until the list does change: at once without quotas, so that the answer is
    exact then; under quotas some exchanges are without effect, and the answer is the least of those tried. Weights that
    give no list are passed over, and so is a target whose score is no number.
    """
    weights = _shares(base.weights)
    selected = select(combine(replace(base, weights=weights)))
    parts = np.column_stack(
        [combine(replace(base, weights=_shares({source: 1.0}))).scores for source in weights]
    )
    before = np.array(list(weights.values()))
    inside, outside, moved = _exchanges(parts, before, selected, margin)
    for pair in np.argsort(moved, kind="stable"):
        after = _moved_towards(parts[outside[pair]] - parts[inside[pair]], before, float(moved[pair]))
        tried = dict(zip(weights, after.tolist(), strict=True))
        try:
            now = select(combine(replace(base, weights=tried)))
        except EngineError:
            continue
        entering, leaving = _difference(selected, now)
        if len(entering):
            return WeightChange(
                weights=tried,
                moved=float(np.abs(after - before).sum() / 2),
                entering=entering,
                leaving=leaving,
            )
    return None


def _shares(weights: Mapping[str, float], *, without: str | None = None) -> dict[str, float]:
    wrong = [source for source, weight in weights.items() if not (np.isfinite(weight) and weight >= 0)]
    if wrong:
        raise InvalidWeights(
            f"The weight of {wrong[0]} is {weights[wrong[0]]}. Give a number that is not negative."
        )
    total = sum(weights.values())
    if total == 0:
        raise InvalidWeights("All weights are zero. Give at least one source a weight.")
    return {source: weight / total for source, weight in weights.items() if source != without}


def _moved(weights: Mapping[str, float], source: str, step: float) -> dict[str, float]:
    rest = 1 - weights[source]
    return {
        name: weight + step if name == source else weight * (1 - step / rest)
        for name, weight in weights.items()
    }


def _difference(before: Booleans, after: Booleans) -> tuple[Integers, Integers]:
    return np.flatnonzero(after & ~before), np.flatnonzero(before & ~after)


def _exchanges(
    parts: Floats, weights: Floats, selected: Booleans, margin: float
) -> tuple[Integers, Integers, Floats]:
    """Pairs of one on the list and one off it and below, with the least weight that brings the latter ahead."""
    scored = np.isfinite(parts).all(axis=1)
    inside, outside = (
        codes.ravel()
        for codes in np.meshgrid(
            np.flatnonzero(selected & scored), np.flatnonzero(~selected & scored), indexing="ij"
        )
    )
    favour = parts[outside] - parts[inside]
    wanted = margin - favour @ weights
    behind = wanted > margin
    inside, outside, favour, wanted = inside[behind], outside[behind], favour[behind], wanted[behind]
    order = np.argsort(favour, axis=1, kind="stable")
    rising = np.take_along_axis(favour, order, axis=1)
    moved = np.zeros(len(wanted))
    for place in range(parts.shape[1] - 1):
        rate = rising[:, -1] - rising[:, place]
        held = weights[order[:, place]]
        with np.errstate(divide="ignore", invalid="ignore"):
            taken = np.where(rate > 0, np.minimum(held, wanted / rate), 0.0)
        moved += taken
        wanted = wanted - taken * rate
    reached = wanted <= margin * 1e-6
    return inside[reached], outside[reached], moved[reached]


def _moved_towards(favour: Floats, weights: Floats, moved: float) -> Floats:
    """The weights with ``moved`` given to the most favourable source and taken from the least favourable ones."""
    after = weights.copy()
    most, *least = np.argsort(-favour, kind="stable")
    after[most] += moved
    for source in reversed(least):
        taken = min(after[source], moved)
        after[source] -= taken
        moved -= taken
    return after
