"""``K`` of two crossed effects: the one with more levels, ``a``, is eliminated, and ``b`` is left.

A spread or a solution is handed over in the order of the effects, targets and then raters, whichever of the two is ``a``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.sparse import csr_array

from dongliang.engine.crossed.layout import Layout, Nested, Schur, arranged, meetings, row_of_each, totals
from dongliang.engine.data import Floats, Integers

Two = tuple[Floats, Floats]
AnyColumn = TypeVar("AnyColumn", Floats, Integers)


@dataclass(frozen=True, eq=False)
class Pair:
    """Who met whom. ``sizes`` and ``levels`` (of every cell) hold ``a`` and then ``b``; ``met`` is the place of each cell among
    the pairs of levels that met.
    """

    targets_first: bool
    sizes: tuple[int, int]
    levels: tuple[Integers, Integers]
    met: Integers
    cross: csr_array
    layout: Layout
    row: Integers
    column: Integers

    @classmethod
    def of(cls, levels: tuple[Integers, ...], sizes: tuple[int, ...], targets_first: bool) -> Pair:
        """For cells that are sorted by their level of ``a`` and then of ``b``."""
        (a, b), (a_size, b_size) = (levels, sizes) if targets_first else (levels[::-1], sizes[::-1])
        cross = meetings(a, b, (a_size, b_size))
        pair = a * b_size + b
        return cls(
            targets_first=targets_first,
            sizes=(a_size, b_size),
            levels=(a, b),
            # Cells are sorted by pair as the stored values of the cross table are.
            met=np.cumsum(np.diff(pair, prepend=pair[0]) > 0),
            cross=cross,
            layout=arranged(cross),
            row=row_of_each(cross),
            column=cross.indices.astype(np.int64),
        )

    @property
    def targets_apart(self) -> bool:
        """Whether every rater saw one target at most."""
        return isinstance(self.layout, Nested) and not self.targets_first

    def ordered(self, both: tuple[AnyColumn, ...]) -> tuple[AnyColumn, AnyColumn]:
        """From the order of the effects to ``a`` and ``b``, or back."""
        first, second = both
        return (first, second) if self.targets_first else (second, first)

    def across(self, data: Floats, weights: Floats) -> Floats:
        """``C' weights`` for a table of meetings with these values: from ``a`` to ``b``."""
        return totals(self.column, data * weights[self.row], self.sizes[1])

    def back(self, data: Floats, weights: Floats) -> Floats:
        """``C weights``: from ``b`` to ``a``."""
        return totals(self.row, data * weights[self.column], self.sizes[0])

    def curvature(self, sd: Floats, weight: Floats) -> PairCurvature:
        ordered = sd if self.targets_first else sd[::-1]
        diagonal, other = (
            1 + ordered[side] ** 2 * totals(self.levels[side], weight, self.sizes[side]) for side in (0, 1)
        )
        cross = ordered[0] * ordered[1] * totals(self.met, weight, self.cross.nnz)
        return PairCurvature(
            self, ordered, diagonal, cross, Schur.of(other, self.layout.gram(cross, 1 / diagonal))
        )


@dataclass(frozen=True, eq=False)
class PairCurvature:
    """``K``, with the diagonal block of ``a`` eliminated; ``cross`` is its block between pairs that met."""

    pair: Pair
    sd: Floats
    diagonal: Floats
    cross: Floats
    schur: Schur

    @property
    def log_determinant(self) -> float:
        return float(np.log(self.diagonal).sum()) + self.schur.log_determinant

    def solve(self, right: tuple[Floats, ...]) -> Two:
        a, b = self.pair.ordered(right)
        shrunk = a / self.diagonal
        b = self.schur.solve((b - self.pair.across(self.cross, shrunk))[:, None])[:, 0]
        return self.pair.ordered((shrunk - self.pair.back(self.cross, b) / self.diagonal, b))

    def spread(self) -> PairSpread:
        pair, sd = self.pair, self.sd
        inverse = self.schur.inverse()
        products = pair.layout.products(self.cross, inverse)
        quadratics = totals(pair.row, self.cross * products, pair.sizes[0])
        shared = -products / self.diagonal[pair.row]
        own = (
            1 / self.diagonal + quadratics / self.diagonal**2,
            inverse if inverse.ndim == 1 else inverse.diagonal(),
        )
        by_side = (
            sd[0] * own[0][pair.levels[0]] + sd[1] * shared[pair.met],
            sd[1] * own[1][pair.levels[1]] + sd[0] * shared[pair.met],
        )
        return PairSpread(self, inverse, pair.ordered(by_side), pair.ordered(own))


@dataclass(frozen=True, eq=False)
class PairSpread:
    """What of the inverse of ``K`` is needed; ``inverse`` is that of the Schur complement."""

    curvature: PairCurvature
    inverse: Floats
    by_effect: Two
    diagonals: Two

    def of_measures(self, limit: int) -> tuple[Floats, Floats | None]:
        curvature, pair = self.curvature, self.curvature.pair
        deviation = curvature.sd[0 if pair.targets_first else 1]
        variances = deviation**2 * self.diagonals[0]
        nested = self.inverse.ndim == 1
        if len(variances) > limit or (nested and not pair.targets_first):
            return variances, None
        inverse = self.inverse if nested else np.triu(self.inverse) + np.triu(self.inverse, 1).T
        if not pair.targets_first:
            return variances, np.asarray(deviation**2 * inverse)
        pattern = (pair.cross.indices, pair.cross.indptr)
        shrunk = csr_array((curvature.cross / curvature.diagonal[pair.row], *pattern), shape=pair.cross.shape)
        if nested:
            scaled = csr_array((shrunk.data * inverse[pair.column], *pattern), shape=shrunk.shape)
            spread = np.asarray((scaled @ shrunk.T).toarray())
        else:
            spread = np.asarray(shrunk @ (shrunk @ inverse).T)
        covariance = deviation**2 * (spread + np.diag(1 / curvature.diagonal))
        return variances, np.asarray((covariance + covariance.T) / 2)
