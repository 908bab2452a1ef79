"""What belongs to one target or one rater alone: the levels that are eliminated in a block of each such unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dongliang.engine.crossed.effects import Design, met_pairs
from dongliang.engine.data import Booleans, Integers

# Numbers in the blocks of all units together: 1.6 GB.
BLOCKS_LIMIT = 200_000_000
# What may belong to one unit of the pivot alone.
INNER = {
    "target": ("target", "target:indicator", "target:rater", "rater", "rater:indicator"),
    "rater": ("rater", "rater:indicator", "target:rater"),
}


def inner_effects(design: Design, pivot: str, unit: Integers) -> Booleans:
    return np.array(
        [
            name in INNER[pivot] and met_pairs(codes, unit) == len(np.unique(codes))
            for name, codes in zip(design.names, design.codes, strict=True)
        ]
    )


@dataclass(frozen=True, eq=False)
class Places:
    """Which levels each unit meets, in rising order, and the place of each among its unit's."""

    keys: Integers
    starts: Integers
    size: Integers
    levels: int

    @classmethod
    def of(cls, unit: Integers, numbers: list[Integers], levels: int) -> Places:
        keys = np.unique(np.concatenate([unit * (levels + 1) + number for number in numbers] or [unit[:0]]))
        size = np.bincount(keys // (levels + 1), minlength=int(unit.max()) + 1)
        return cls(keys, np.cumsum(size) - size, size, levels)

    def place(self, unit: Integers, number: Integers) -> Integers:
        found = np.searchsorted(self.keys, unit * (self.levels + 1) + number)
        return np.asarray(found - self.starts[unit])

    def table(self, units: Integers, width: int) -> Integers:
        """(units, width) of their levels, filled up with the number after the last."""
        table = np.full((len(units), width), self.levels, dtype=np.int64)
        column = np.arange(width)
        filled = column < self.size[units][:, None]
        table[filled] = (self.keys % (self.levels + 1))[(self.starts[units][:, None] + column)[filled]]
        return table


def padded(size: Integers) -> Integers:
    """Up to the next of 1, 2, 3, 4, 6, 8, 12, 16, ...: few different sizes, little of them empty."""
    steps = np.array(sorted({2**k for k in range(20)} | {3 * 2**k for k in range(20)} | {0}))
    return np.asarray(steps[np.searchsorted(steps, size)])
