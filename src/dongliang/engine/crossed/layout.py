"""Who met whom, arranged so that the larger factor ``a`` is eliminated at least cost.

``C`` is the table of meetings, a row per level of ``a`` and a column per level of ``b``, the smaller factor. Its pattern is fixed by the
design, its values (counts, or sums of weights) change from one call to the next, so that they are given as ``data``: one number
per pair that met, by rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.sparse import coo_array, csr_array

from dongliang.engine.data import Floats, Integers, connected_groups
from dongliang.engine.errors import TooLarge, Unconnected, Unidentified

# A dense Schur complement of this many levels takes 0.5 GB, and three are alive at once.
DENSE_LIMIT = 8_000
# Listed pairs of levels take 12 bytes each: 6 GB.
PAIRS_LIMIT = 500_000_000
PAIRS_AT_ONCE = 4_000_000

RATER_OF_ITS_OWN = (
    "Each target has one rater of its own, so that the two cannot be told apart. Let raters share targets."
)

Short = NDArray[np.int32]


class Layout(Protocol):
    """``C' diag(w) C``, and where pairs met, ``C M`` for a symmetric ``M`` of which the upper triangle is filled."""

    def gram(self, data: Floats, weights: Floats) -> Floats: ...

    def products(self, data: Floats, inverse: Floats) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Nested:
    """Every level of ``a`` met at most one of ``b``: the gram matrix is diagonal and kept as a vector, as is ``M``."""

    row: Integers
    column: Integers
    levels: int

    def gram(self, data: Floats, weights: Floats) -> Floats:
        return totals(self.column, data**2 * weights[self.row], self.levels)

    def products(self, data: Floats, inverse: Floats) -> Floats:
        return data * inverse[self.column]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Few meetings: every pair of ``b`` levels that share a level of ``a`` is listed once, by rows of ``a``.

    12 bytes a pair; sums run over parts of the list, so that what they need beside it is small.
    """

    row: Integers
    first: Short
    second: Short
    place: Short
    levels: int

    @classmethod
    def of(cls, cross: csr_array) -> Pairs:
        size = np.diff(cross.indptr).astype(np.int64)
        ends = np.repeat(cross.indptr[1:].astype(np.int64), size)
        length = ends - np.arange(cross.nnz)
        first = np.repeat(np.arange(cross.nnz, dtype=np.int32), length)
        second = np.arange(len(first), dtype=np.int64)
        second -= np.repeat(np.cumsum(length) - length, length)
        second += first
        short = second.astype(np.int32)
        # At most DENSE_LIMIT squared, which 32 bits hold.
        place = cross.indices[first].astype(np.int32) * np.int32(cross.shape[1]) + cross.indices[short]
        return cls(row_of_each(cross), first, short, place.astype(np.int32), cross.shape[1])

    def _parts(self) -> list[slice]:
        return [slice(start, start + PAIRS_AT_ONCE) for start in range(0, len(self.place), PAIRS_AT_ONCE)]

    def gram(self, data: Floats, weights: Floats) -> Floats:
        weighted = data * weights[self.row]
        total = np.zeros(self.levels**2)
        for part in self._parts():
            total += totals(
                self.place[part], weighted[self.first[part]] * data[self.second[part]], self.levels**2
            )
        return total.reshape(self.levels, self.levels)

    def products(self, data: Floats, inverse: Floats) -> Floats:
        flat = inverse.ravel()
        # Pairs of a level with itself are listed once and are to be counted once.
        total: Floats = -data * flat[self.place[self.first == self.second]]
        for part in self._parts():
            met, first, second = flat[self.place[part]], self.first[part], self.second[part]
            # The list rises with ``first``: only its own stretch is touched.
            low = int(first[0])
            stretch = totals(first - low, met * data[second], int(first[-1]) - low + 1)
            total[low : low + len(stretch)] += stretch
            end = int(second.max()) + 1
            total[low:end] += totals(second - low, met * data[first], end - low)
        return total


@dataclass(frozen=True, eq=False)
class Filled:
    """Most levels met: dense blocks of rows, multiplied by BLAS."""

    cross: csr_array

    def _blocks(self, data: Floats) -> list[tuple[slice, Floats]]:
        cross = csr_array((data, self.cross.indices, self.cross.indptr), shape=self.cross.shape)
        rows = max(1, 2**21 // cross.shape[1])
        starts = range(0, cross.shape[0], rows)
        return [(slice(start, start + rows), cross[start : start + rows].toarray()) for start in starts]

    def gram(self, data: Floats, weights: Floats) -> Floats:
        total = np.zeros((self.cross.shape[1], self.cross.shape[1]))
        for rows, block in self._blocks(data):
            total += block.T @ (block * weights[rows, None])
        return total

    def products(self, data: Floats, inverse: Floats) -> Floats:
        full = np.triu(inverse) + np.triu(inverse, 1).T
        row, column = row_of_each(self.cross), self.cross.indices
        return np.concatenate(
            [
                (block @ full)[row[part] - rows.start, column[part]]
                for rows, block in self._blocks(data)
                for part in [slice(*self.cross.indptr[[rows.start, min(rows.stop, self.cross.shape[0])]])]
            ]
        )


@dataclass(frozen=True, eq=False)
class Schur:
    """What elimination of ``a`` leaves, factored; a vector where it is diagonal."""

    factor: Floats
    log_determinant: float

    @classmethod
    def of(cls, diagonal: Floats, subtracted: Floats, scale: float = 1.0) -> Schur:
        """Factor ``diag(diagonal) - scale * subtracted``, overwriting ``subtracted``; LinAlgError if not positive."""
        matrix = subtracted
        matrix *= -scale
        if matrix.ndim == 1:
            matrix += diagonal
            return cls(matrix, float(np.log(matrix).sum()))
        matrix.ravel()[:: len(matrix) + 1] += diagonal
        # The transpose of a C-ordered upper triangle is LAPACK's lower one, without a copy.
        factor, failed = dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
        if failed:
            raise np.linalg.LinAlgError(f"Pivot {failed} of the Schur complement is not positive.")
        return cls(factor, 2 * float(np.log(factor.diagonal()).sum()))

    def solve(self, right: Floats) -> Floats:
        """Solve for the columns of ``right``, (b, k)."""
        if self.factor.ndim == 1:
            return right / self.factor[:, None]
        return np.asarray(dpotrs(self.factor, right, lower=1)[0])

    def inverse(self) -> Floats:
        """The inverse; of a matrix the upper triangle only, in C order."""
        if self.factor.ndim == 1:
            return 1 / self.factor
        return np.asarray(dpotri(self.factor, lower=1)[0].T)


def totals(codes: Integers | Short, weights: Floats, levels: int) -> Floats:
    """Sum of the weights of each code, (levels,)."""
    return np.asarray(np.bincount(codes, weights=weights, minlength=levels), dtype=np.float64)


def row_of_each(cross: csr_array) -> Integers:
    """The row of every stored value, in their order."""
    return np.repeat(np.arange(cross.shape[0]), np.diff(cross.indptr))


def meetings(a: Integers, b: Integers, shape: tuple[int, int]) -> csr_array:
    """How often each level of ``a`` met each of ``b``, columns in rising order within a row."""
    cross = coo_array((np.ones(len(a)), (a, b)), shape=shape).tocsr()
    cross.sort_indices()
    return cross


def arranged(cross: csr_array) -> Layout:
    """The cheapest layout of these meetings; ``TooLarge`` when there is none."""
    a, b = cross.shape
    size = np.diff(cross.indptr).astype(np.int64)
    if size.max() <= 1:
        return Nested(np.flatnonzero(size), cross.indices.astype(np.int64), b)
    if b > DENSE_LIMIT:
        raise TooLarge(
            f"{a} and {b} targets and raters are too many: one of the two may have at most {DENSE_LIMIT} levels "
            "unless each level of the other meets only one of them. Score the parts apart."
        )
    pairs = int((size * (size + 1) // 2).sum())
    # Listing costs about 10 ns a pair; BLAS 0.05 ns a cell of the cube, whether filled or not.
    if pairs > min(a * b * b // 200 + b * b, PAIRS_LIMIT):
        return Filled(cross)
    return Pairs.of(cross)


def refuse_incomparable(ratings_of_targets: Floats | Integers) -> None:
    """Raise ``Unidentified`` when there is one target only, or one rating a target."""
    rated = ratings_of_targets[ratings_of_targets > 0]
    if len(rated) < 2:
        raise Unidentified(
            "Only one target has ratings, so there is nothing to compare it with. Rate two at least."
        )
    if rated.max() == 1:
        raise Unidentified(
            "Every target has one rating, so target and chance cannot be told apart. Rate them again."
        )


def why_no_severity(ratings_of_targets: Floats, ratings_of_raters: Floats, pairs: int) -> str:
    """Why severity cannot be estimated, as a sentence; empty when it can. ``pairs`` of a target and a rater met."""
    targets, raters = (int((counts > 0).sum()) for counts in (ratings_of_targets, ratings_of_raters))
    if raters < 2:
        return "There is one rater only: severity is left out of the model."
    if ratings_of_raters.max() == 1:
        return (
            "Every rater gave one rating: severity cannot be told from chance and is left out of the model."
        )
    if pairs == targets == raters:
        raise Unidentified(RATER_OF_ITS_OWN)
    return ""


def refuse_unconnected(target: Integers, rater: Integers, n_targets: int, n_raters: int) -> None:
    """Raise ``Unconnected`` when two or more groups of several targets share no rater."""
    groups = connected_groups(target, rater, n_targets, n_raters)
    if len(groups) > 1 and len(groups[1]) > 1:
        raise Unconnected(
            f"The ratings fall into {len(groups)} groups of targets that share no rater, of {len(groups[0])}, "
            f"{len(groups[1])}{' and fewer' if len(groups) > 2 else ''} targets. "
            "Let at least one rater of each group rate a target of another, or score the groups apart.",
            groups,
        )
