"""``K`` of any crossed effects, eliminated unit by unit.

One of targets and raters is the pivot. Every rating belongs to one of its units, and three kinds of levels meet there: the
**leaves** are the levels of the unit's largest effect (its halos, say), of which every rating has one, so that their block is
diagonal; the **inner** levels are all others that belong to this unit alone; the **outer** ones are shared with other units. Leaves go
first, inner levels next, unit by unit in stacks of equal size; what is left is one dense matrix of all outer levels.
The slots of a unit are its inner and then its outer levels; a slot or leaf that only fills a stack up has the number after the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from dongliang.engine.crossed.effects import Design
from dongliang.engine.crossed.layout import DENSE_LIMIT, Schur, row_of_each, totals
from dongliang.engine.crossed.units import BLOCKS_LIMIT, Places, inner_effects, padded
from dongliang.engine.data import Floats, Integers
from dongliang.engine.errors import TooLarge

# Dense numbers alive at once for each number of a unit's own matrix.
COPIES = 4


@dataclass(frozen=True, eq=False)
class _Stack:
    """Units of equal padded size: their ``leaves`` (u, h), ``inner`` (u, m) and ``outer`` (u, l) levels, by number.

    Their matrices over slots stand in the common store from ``core`` on, those of leaves by slots from ``border`` on, and
    the diagonals of leaves from ``leaf`` on.
    """

    leaves: Integers
    inner: Integers
    outer: Integers
    core: int
    border: int
    leaf: int

    @property
    def slots(self) -> int:
        return int(self.inner.shape[1] + self.outer.shape[1])

    def cores(self, store: Floats) -> Floats:
        u, w = len(self.inner), self.slots
        return store[self.core : self.core + u * w * w].reshape(u, w, w)

    def borders(self, store: Floats) -> Floats:
        u, h, w = *self.leaves.shape, self.slots
        return store[self.border : self.border + u * h * w].reshape(u, h, w)

    def diagonals(self, store: Floats) -> Floats:
        return store[self.leaf : self.leaf + self.leaves.size].reshape(self.leaves.shape)


@dataclass(frozen=True, eq=False)
class Interactions:
    """Where in the units' matrices every cell counts.

    ``core`` lists the effects that are no leaves, in the order of their slots. A row of ``upper`` gives, for one of the
    ``couples`` of them, the place of every cell in the store of cores; a row of ``reach`` its place in the store of borders for one of
    them; ``leaf_place`` its place in that of leaves. ``outer`` are the numbers in the design of all outer levels.
    """

    design: Design
    leaf: int | None
    core: tuple[int, ...]
    couples: tuple[tuple[int, int], ...]
    upper: Integers
    reach: Integers
    leaf_place: Integers
    stacks: tuple[_Stack, ...]
    outer: Integers
    stored: tuple[int, int, int]

    @classmethod
    def of(cls, design: Design, pivots: dict[str, Integers]) -> Interactions:
        """For cells of these levels, around the pivot that leaves fewest outer levels."""
        inner = {name: inner_effects(design, name, unit) for name, unit in pivots.items()}
        sizes = np.array(design.sizes)
        pivot = min(pivots, key=lambda name: int(sizes[~inner[name]].sum()))
        return _placed(design, pivots[pivot], np.flatnonzero(inner[pivot]), np.flatnonzero(~inner[pivot]))

    def curvature(self, sd: Floats, weight: Floats) -> UnitsCurvature:
        return UnitsCurvature.of(self, sd, weight)


def _placed(design: Design, unit: Integers, inner: Integers, outer: Integers) -> Interactions:
    q = int(design.offsets[-1])
    numbers = [codes + offset for codes, offset in zip(design.codes, design.offsets[:-1], strict=True)]
    outer_levels = np.concatenate(
        [np.arange(design.offsets[k], design.offsets[k + 1]) for k in outer] or [np.zeros(0, dtype=np.int64)]
    )
    if len(outer_levels) > DENSE_LIMIT:
        raise TooLarge(
            f"{len(outer_levels)} levels belong to no single target or rater; at most {DENSE_LIMIT} may. "
            "Leave an effect out, or score the parts apart."
        )
    # A measure is read off its target, which is never a leaf.
    candidates = [k for k in inner if design.names[k] != "target"]
    leaf = max(candidates, key=lambda k: design.sizes[k]) if candidates else None
    own = [int(k) for k in inner if k != leaf]
    renumbered = np.zeros(q, dtype=np.int64)
    renumbered[outer_levels] = np.arange(len(outer_levels))
    shared = [renumbered[numbers[k]] for k in outer]
    leaves = Places.of(
        unit, [] if leaf is None else [design.codes[leaf]], 0 if leaf is None else design.sizes[leaf]
    )
    inside = Places.of(unit, [numbers[k] for k in own], q)
    met_by = Places.of(unit, shared, len(outer_levels))
    stacks, stack_of, place_of, stored = _stacked(unit, leaves, inside, met_by)
    starts = np.array([[stack.core, stack.border, stack.leaf] for stack in stacks])[stack_of]
    h, m, slots = np.array([[stack.leaves.shape[1], stack.inner.shape[1], stack.slots] for stack in stacks])[
        stack_of
    ].T
    slot = [inside.place(unit, numbers[k]) for k in own]
    slot += [m + met_by.place(unit, number) for number in shared]
    row = starts[:, 0] + place_of * slots**2
    couples = tuple((e, f) for e in range(len(slot)) for f in range(e, len(slot)))
    at_leaf = np.zeros(len(unit), dtype=np.int64)
    if leaf is not None:
        at_leaf = leaves.place(unit, design.codes[leaf])
    border = starts[:, 1] + (place_of * h + at_leaf) * slots
    return Interactions(
        design=design,
        leaf=None if leaf is None else int(leaf),
        core=(*own, *(int(k) for k in outer)),
        couples=couples,
        upper=np.array([row + slot[e] * slots + slot[f] for e, f in couples]),
        reach=np.array([border + one for one in slot]),
        leaf_place=starts[:, 2] + place_of * h + at_leaf,
        stacks=stacks,
        outer=outer_levels,
        stored=stored,
    )


def _stacked(
    unit: Integers, leaves: Places, inside: Places, met_by: Places
) -> tuple[tuple[_Stack, ...], Integers, Integers, tuple[int, int, int]]:
    """The stacks; the stack of every cell and the place of its unit there; and the sizes of the three stores."""
    present = np.unique(unit)
    widths = np.column_stack([padded(places.size[present]) for places in (leaves, inside, met_by)])
    slots = widths[:, 1] + widths[:, 2]
    needed = COPIES * int((slots * (slots + widths[:, 0])).sum())
    if needed > BLOCKS_LIMIT:
        raise TooLarge(
            f"The blocks of {len(present)} targets or raters would take {needed / 1.25e8:.0f} GB; "
            f"{BLOCKS_LIMIT / 1.25e8:.1f} is the most. Leave an effect out, or score the parts apart."
        )
    kinds, kind = np.unique(widths, axis=0, return_inverse=True)
    stacks, core, border, leaf = [], 0, 0, 0
    stack_of, place_of = (np.zeros(int(unit.max()) + 1, dtype=np.int64) for _ in range(2))
    for index, (h, m, met) in enumerate(kinds):
        units = present[kind.ravel() == index]
        stack_of[units], place_of[units] = index, np.arange(len(units))
        stacks.append(
            _Stack(
                leaves.table(units, h), inside.table(units, m), met_by.table(units, met), core, border, leaf
            )
        )
        u, w = len(units), int(m + met)
        core, border, leaf = core + u * w * w, border + u * int(h) * w, leaf + u * int(h)
    return tuple(stacks), stack_of[unit], place_of[unit], (core, border, leaf)


@dataclass(frozen=True, eq=False)
class _Eliminated:
    """A stack after elimination: of its leaves the ``diagonal`` (u, h) and ``shrunk`` (u, h, w), their border divided by it; of
    its inner levels the ``inverse`` (u, m, m) and ``reach`` (u, m, l), that inverse times what is left of their border.
    """

    diagonal: Floats
    shrunk: Floats
    inverse: Floats
    reach: Floats


@dataclass(frozen=True, eq=False)
class UnitsCurvature:
    """``K``, with leaves and inner levels eliminated."""

    pattern: Interactions
    sd: Floats
    parts: tuple[_Eliminated, ...]
    schur: Schur
    log_determinant: float

    @classmethod
    def of(cls, pattern: Interactions, sd: Floats, weight: Floats) -> UnitsCurvature:
        core_store, border_store, leaf_store = _stores(pattern, sd, weight)
        size = len(pattern.outer) + 1
        left = np.zeros(size * size)
        parts, logs = [], 0.0
        for stack in pattern.stacks:
            m = stack.inner.shape[1]
            diagonal, border = 1 + stack.diagonals(leaf_store), stack.borders(border_store)
            half = stack.cores(core_store)
            core = half + half.transpose(0, 2, 1)
            shrunk = border / diagonal[:, :, None]
            core -= border.transpose(0, 2, 1) @ shrunk
            block = core[:, :m, :m] + np.eye(m)
            factor = np.linalg.cholesky(block)
            logs += float(np.log(diagonal).sum())
            logs += 2 * float(np.log(np.diagonal(factor, axis1=1, axis2=2)).sum())
            inverse = np.asarray(np.linalg.inv(block), dtype=np.float64)
            reach = inverse @ core[:, :m, m:]
            rest = core[:, m:, m:] - core[:, m:, :m] @ reach
            place = stack.outer[:, :, None] * size + stack.outer[:, None, :]
            left += totals(place.ravel(), rest.ravel(), size * size)
            parts.append(_Eliminated(diagonal, shrunk, inverse, reach))
        subtracted = np.ascontiguousarray(-left.reshape(size, size)[:-1, :-1])
        schur = Schur.of(np.ones(size - 1), subtracted) if size > 1 else Schur(np.ones(0), 0.0)
        return cls(pattern, sd, tuple(parts), schur, logs + schur.log_determinant)

    def solve(self, right: tuple[Floats, ...]) -> tuple[Floats, ...]:
        pattern, design = self.pattern, self.pattern.design
        solved = np.append(np.concatenate(right), 0.0)
        at_leaf = np.append(right[pattern.leaf], 0.0) if pattern.leaf is not None else np.zeros(1)
        rest = np.append(solved[pattern.outer], 0.0)
        for stack, part in zip(pattern.stacks, self.parts, strict=True):
            m = stack.inner.shape[1]
            pushed = _times(part.shrunk.transpose(0, 2, 1), at_leaf[stack.leaves])
            own = solved[stack.inner] - pushed[:, :m]
            pushed = pushed[:, m:] + _times(part.reach.transpose(0, 2, 1), own)
            rest -= totals(stack.outer.ravel(), pushed.ravel(), len(rest))
            solved[stack.inner] = _times(part.inverse, own)
        rest = np.append(self.schur.solve(rest[:-1, None])[:, 0], 0.0)
        for stack, part in zip(pattern.stacks, self.parts, strict=True):
            outer = rest[stack.outer]
            inner = solved[stack.inner] - _times(part.reach, outer)
            solved[stack.inner] = inner
            slots = np.concatenate([inner, outer], axis=1)
            at_leaf[stack.leaves] = at_leaf[stack.leaves] / part.diagonal - _times(part.shrunk, slots)
        solved[pattern.outer] = rest[:-1]
        answer = np.split(solved[:-1], design.offsets[1:-1])
        if pattern.leaf is not None:
            answer[pattern.leaf] = at_leaf[:-1]
        return tuple(answer)

    def spread(self) -> UnitsSpread:
        return UnitsSpread.of(self)


def _times(matrices: Floats, vectors: Floats) -> Floats:
    return np.asarray((matrices @ vectors[:, :, None])[:, :, 0])


def _stores(pattern: Interactions, sd: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    """The upper halves of the units' cores with half their diagonals, their borders, and the diagonals of their leaves."""
    cores, borders, leaves = pattern.stored
    core = np.zeros(cores)
    for (e, f), place in zip(pattern.couples, pattern.upper, strict=True):
        scale = sd[pattern.core[e]] * sd[pattern.core[f]] * (0.5 if e == f else 1.0)
        core += totals(place, scale * weight, cores)
    if pattern.leaf is None:
        return core, np.zeros(borders), np.zeros(leaves)
    deviation, border = sd[pattern.leaf], np.zeros(borders)
    for effect, place in zip(pattern.core, pattern.reach, strict=True):
        border += totals(place, deviation * sd[effect] * weight, borders)
    return core, border, deviation**2 * totals(pattern.leaf_place, weight, leaves)


@dataclass(frozen=True, eq=False)
class UnitsSpread:
    """What of the inverse of ``K`` is needed; ``inverse`` is that of all outer levels."""

    curvature: UnitsCurvature
    inverse: Floats
    by_effect: tuple[Floats, ...]
    diagonals: tuple[Floats, ...]

    @classmethod
    def of(cls, curvature: UnitsCurvature) -> UnitsSpread:
        pattern, sizes = curvature.pattern, curvature.pattern.design.sizes
        upper = curvature.schur.inverse()
        inverse = np.diag(upper) if upper.ndim == 1 else np.triu(upper) + np.triu(upper, 1).T
        padded_inverse = np.pad(inverse, (0, 1))
        core_store, border_store, leaf_store = (np.zeros(size) for size in pattern.stored)
        whole = np.ones(sum(sizes) + 1)
        at_leaf = np.ones((0 if pattern.leaf is None else sizes[pattern.leaf]) + 1)
        for stack, part in zip(pattern.stacks, curvature.parts, strict=True):
            m = stack.inner.shape[1]
            local = stack.cores(core_store)
            local[:, m:, m:] = padded_inverse[stack.outer[:, :, None], stack.outer[:, None, :]]
            local[:, :m, m:] = -part.reach @ local[:, m:, m:]
            local[:, m:, :m] = local[:, :m, m:].transpose(0, 2, 1)
            local[:, :m, :m] = part.inverse - local[:, :m, m:] @ part.reach.transpose(0, 2, 1)
            border = stack.borders(border_store)
            border[...] = -part.shrunk @ local
            leaves = stack.diagonals(leaf_store)
            leaves[...] = 1 / part.diagonal - (border * part.shrunk).sum(axis=2)
            whole[stack.inner] = np.diagonal(local, axis1=1, axis2=2)[:, :m]
            at_leaf[stack.leaves] = leaves
        whole[pattern.outer] = inverse.diagonal()
        diagonals = np.split(whole[:-1], pattern.design.offsets[1:-1])
        if pattern.leaf is not None:
            diagonals[pattern.leaf] = at_leaf[:-1]
        by_effect = _by_effect(curvature, core_store, border_store, leaf_store)
        return cls(curvature, inverse, by_effect, tuple(diagonals))

    def of_measures(self, limit: int) -> tuple[Floats, Floats | None]:
        own, reach_of = _measured(self.curvature)
        parts = [reach_of[start : start + limit] for start in range(0, len(own), limit)]
        spread = []
        for part in parts:
            pulled = np.asarray(part @ self.inverse)
            row = row_of_each(part)
            spread.append(totals(row, part.data * pulled[row, part.indices], part.shape[0]))
        variances = own + np.concatenate(spread)
        if len(own) > limit:
            return variances, None
        covariance = np.diag(own) + np.asarray(reach_of @ pulled.T)
        return variances, (covariance + covariance.T) / 2


def _by_effect(
    curvature: UnitsCurvature, core_store: Floats, border_store: Floats, leaf_store: Floats
) -> tuple[Floats, ...]:
    pattern, sd = curvature.pattern, curvature.sd
    answer = [np.zeros(len(pattern.leaf_place)) for _ in pattern.design.names]
    for (e, f), place in zip(pattern.couples, pattern.upper, strict=True):
        one, other = pattern.core[e], pattern.core[f]
        met = core_store[place]
        answer[one] += sd[other] * met
        if e != f:
            answer[other] += sd[one] * met
    if pattern.leaf is not None:
        answer[pattern.leaf] += sd[pattern.leaf] * leaf_store[pattern.leaf_place]
        for effect, place in zip(pattern.core, pattern.reach, strict=True):
            met = border_store[place]
            answer[effect] += sd[pattern.leaf] * met
            answer[pattern.leaf] += sd[effect] * met
    return tuple(answer)


def _measured(curvature: UnitsCurvature) -> tuple[Floats, csr_array]:
    """What each measure is made of: the variance of its inner part alone, and the rest as sums over outer levels."""
    pattern, sd = curvature.pattern, curvature.sd
    design, outer = pattern.design, pattern.outer
    targets = design.sizes[0]
    rows, columns, values = [], [], []
    if len(outer) and outer[0] == 0:
        own = np.zeros(targets)
        rows.append(np.arange(targets))
        columns.append(np.arange(targets))
        values.append(np.full(targets, sd[0]))
    else:
        own = np.full(targets, sd[0] ** 2)
        for stack, part in zip(pattern.stacks, curvature.parts, strict=True):
            # Levels of a unit stand in rising order, and those of targets are the first of all.
            target = stack.inner[:, 0]
            own[target] = sd[0] ** 2 * part.inverse[:, 0, 0]
            filled = stack.outer < len(outer)
            rows.append(np.broadcast_to(target[:, None], filled.shape)[filled])
            columns.append(stack.outer[filled])
            values.append((-sd[0] * part.reach[:, 0, :])[filled])
    if design.subdistrict is not None and "subdistrict" in design.names:
        group = design.names.index("subdistrict")
        rows.append(np.arange(targets))
        columns.append(int(np.searchsorted(outer, design.offsets[group])) + design.subdistrict)
        values.append(np.full(targets, sd[group]))
    place = (np.concatenate(rows), np.concatenate(columns))
    return own, coo_array((np.concatenate(values), place), shape=(targets, len(outer))).tocsr()
