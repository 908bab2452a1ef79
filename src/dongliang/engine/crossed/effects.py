"""The random effects that ratings may have, the level of every rating under each, and which of them can be told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dongliang.engine.crossed.layout import RATER_OF_ITS_OWN, refuse_incomparable, refuse_unconnected
from dongliang.engine.data import Booleans, Floats, Integers, Ratings
from dongliang.engine.errors import InvalidRatings, Unidentified

NAMES = (
    "target",
    "rater",
    "indicator",
    "target:indicator",
    "target:rater",
    "rater:indicator",
    "subdistrict",
    "subdistrict:indicator",
)


@dataclass(frozen=True, eq=False)
class Design:
    """The level of every rating under every effect; levels of all effects are numbered in one row from ``offsets`` on.

    ``random_indicators`` says that the indicators were asked for as a random effect, even where it is left out.
    """

    names: tuple[str, ...]
    codes: tuple[Integers, ...]
    sizes: tuple[int, ...]
    random_indicators: bool
    subdistrict: Integers | None

    @classmethod
    def of(cls, ratings: Ratings, effects: tuple[str, ...], subdistrict: Integers | None) -> Design:
        names = tuple(name for name in NAMES if name in effects)
        columns: dict[str, tuple[Integers, int]] = {
            "target": (ratings.target, ratings.n_targets),
            "rater": (ratings.rater, ratings.n_raters),
            "indicator": (ratings.indicator, ratings.n_indicators),
        }
        of_targets = None if subdistrict is None else np.asarray(subdistrict, dtype=np.int64)
        if of_targets is not None:
            columns["subdistrict"] = (of_targets[ratings.target], int(of_targets.max()) + 1)
        for name in names:
            if ":" in name:
                (first, _), (second, size) = (columns[part] for part in name.split(":"))
                levels, codes = np.unique(first * size + second, return_inverse=True)
                columns[name] = codes.astype(np.int64), len(levels)
        codes, sizes = zip(*(columns[name] for name in names), strict=True)
        return cls(names, codes, sizes, "indicator" in names, of_targets)

    @property
    def offsets(self) -> Integers:
        return np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)

    def without(self, left_out: Booleans) -> Design:
        kept = np.flatnonzero(~left_out)
        return replace(
            self,
            names=tuple(self.names[k] for k in kept),
            codes=tuple(self.codes[k] for k in kept),
            sizes=tuple(self.sizes[k] for k in kept),
        )

    def rows(self, chosen: Integers) -> Design:
        """The levels of these ratings alone."""
        return replace(self, codes=tuple(codes[chosen] for codes in self.codes))

    def each(self, values: Floats) -> Floats:
        """A value per effect, repeated for each of its levels."""
        return np.repeat(values, self.sizes)

    def by_effect(self, values: Floats) -> Floats:
        """Sums over the levels of each effect."""
        return np.add.reduceat(values, self.offsets[:-1])


def refuse_unknown(effects: tuple[str, ...], subdistrict: Integers | None, targets: int) -> None:
    """Raise ``InvalidRatings`` for effects that do not exist, or do not go with each other."""
    unknown = [name for name in effects if name not in NAMES]
    if unknown:
        raise InvalidRatings(f"{unknown[0]!r} is no effect. Choose from {', '.join(NAMES)}.")
    if "target" not in effects:
        raise InvalidRatings("The effects lack 'target', so that there would be nothing to measure. Add it.")
    if any(name.startswith("subdistrict") for name in effects) != (subdistrict is not None):
        raise InvalidRatings(
            "An effect of subdistricts and the subdistricts of the targets go together. Give both."
        )
    if subdistrict is not None:
        given = np.asarray(subdistrict)
        if given.shape != (targets,) or given.dtype.kind not in "iu" or given.min(initial=0) < 0:
            raise InvalidRatings(
                f"subdistrict has the shape {given.shape} and the type {given.dtype}. Give a code from 0 for each of "
                f"{targets} targets."
            )


def free_effects(ratings: Ratings, design: Design) -> tuple[Booleans, tuple[str, ...]]:
    """Which effects can be estimated; refuses what leaves targets without a measure."""
    free = np.ones(len(design.names), dtype=bool)
    remarks = []
    used = [
        np.bincount(codes, minlength=size) for codes, size in zip(design.codes, design.sizes, strict=True)
    ]
    levels = [int((counts > 0).sum()) for counts in used]
    refuse_incomparable(used[0])
    for k, name in enumerate(design.names[1:], start=1):
        same = [
            other
            for j, other in enumerate(design.names[:k])
            if free[j] and levels[j] == levels[k] == met_pairs(design.codes[j], design.codes[k])
        ]
        reason = ""
        if levels[k] < 2:
            reason = "has one level only"
        elif used[k].max() == 1:
            reason = "has one rating a level and cannot be told from chance"
        elif same:
            reason = f"cannot be told from {same[0]}"
        if same == ["target"] and name == "rater" and not reason.startswith("has"):
            raise Unidentified(RATER_OF_ITS_OWN)
        if reason:
            free[k] = False
            remarks.append(f"The effect {name} {reason}: it is left out of the model.")
    if "rater" in design.names and free[design.names.index("rater")]:
        nested = met_pairs(ratings.rater, ratings.target) == levels[design.names.index("rater")]
        if not nested:
            refuse_unconnected(ratings.target, ratings.rater, ratings.n_targets, ratings.n_raters)
    return free, tuple(remarks)


def met_pairs(first: Integers, second: Integers) -> int:
    """How many pairs of a level of one effect and a level of the other have a rating."""
    return len(np.unique(first * (int(second.max()) + 1) + second))
