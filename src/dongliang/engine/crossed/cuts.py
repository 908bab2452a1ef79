"""The cut points between ordered categories: by how many free parameters they are made, and where they start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dongliang.engine.data import Booleans, Floats, Integers, Ratings
from dongliang.engine.errors import InvalidRatings, Unidentified


@dataclass(frozen=True, eq=False)
class Scale:
    """How the free parameters make the cut points: ``cuts = offset + design @ fixed``, (J, K + 1) in one row.

    The indicators' effects are ``effects @ fixed``; NaN where each has thresholds of its own.
    """

    indicators: int
    offset: Floats
    design: Floats
    effects: Floats
    used: Booleans
    start: Floats

    @classmethod
    def of(
        cls,
        ratings: Ratings,
        category: Integers,
        k: int,
        thresholds: str,
        features: Floats | None,
    ) -> Scale:
        j = ratings.n_indicators
        counts = np.bincount(ratings.indicator * k + category, minlength=j * k).reshape(j, k)
        if not counts.any(axis=1).all():
            empty = int(np.argmin(counts.any(axis=1)))
            raise InvalidRatings(f"Indicator {empty} has no ratings. Leave it out, or give it some.")
        if thresholds == "indicator":
            if features is not None:
                raise InvalidRatings(
                    "Features go with common thresholds: thresholds per indicator leave no effect to them."
                )
            return cls._apart(counts)
        return cls._shifted(counts, _contrasts(j) if features is None else _checked(features, j))

    @classmethod
    def _shifted(cls, counts: Integers, effects: Floats) -> Scale:
        j, k = counts.shape
        design = np.zeros((j, k + 1, k - 1 + effects.shape[1]))
        design[:, 1:-1, : k - 1] = np.eye(k - 1)
        design[:, 1:-1, k - 1 :] = -effects[:, None, :]
        offset = np.zeros((j, k + 1))
        offset[:, 0], offset[:, -1] = -np.inf, np.inf
        below = counts.sum(axis=0).cumsum()
        start = np.append(_logit(below[:-1] / below[-1]), np.zeros(effects.shape[1]))
        return cls(
            indicators=j,
            offset=offset.ravel(),
            design=design.reshape(j * (k + 1), -1),
            effects=np.column_stack([np.zeros((j, k - 1)), effects]),
            used=counts.ravel() > 0,
            start=start,
        )

    @classmethod
    def _apart(cls, counts: Integers) -> Scale:
        j, k = counts.shape
        below = np.column_stack([np.zeros(j), counts.cumsum(axis=1)])
        share = below / below[:, -1:]
        # A category not used repeats the share below it: the two cut points are one parameter.
        inner = (share > 0) & (share < 1)
        first = inner & np.column_stack([np.ones(j, dtype=bool), np.diff(below, axis=1) > 0])
        number = np.where(inner, first.ravel().cumsum().reshape(j, k + 1) - 1, -1).ravel()
        design = np.zeros((j * (k + 1), int(first.sum())))
        design[np.flatnonzero(number >= 0), number[number >= 0]] = 1
        offset = np.where(inner, 0.0, np.where(share == 0, -np.inf, np.inf)).ravel()
        return cls(
            indicators=j,
            offset=offset,
            design=design,
            effects=np.full((j, design.shape[1]), np.nan),
            used=counts.ravel() > 0,
            start=_logit(share[first]),
        )

    def cuts(self, fixed: Floats) -> Floats:
        """The cut points, (J, K + 1) from minus to plus infinity."""
        return (self.offset + self.design @ fixed).reshape(self.indicators, -1)


def _logit(share: Floats) -> Floats:
    return np.asarray(np.log(share) - np.log1p(-share))


def _contrasts(j: int) -> Floats:
    """Effects that sum to zero: the last is minus the sum of the others."""
    return np.vstack([np.eye(j - 1), -np.ones((1, j - 1))])


def _checked(features: Floats, j: int) -> Floats:
    given = np.array(features, dtype=np.float64)
    if given.ndim != 2 or len(given) != j or not np.isfinite(given).all():
        raise InvalidRatings(
            f"features has the shape {given.shape}. Give a row of finite numbers for each of {j} indicators."
        )
    centred = np.asarray(given - given.mean(axis=0))
    if np.linalg.matrix_rank(centred) < given.shape[1]:
        raise Unidentified("A feature is the same for all indicators, or a sum of others. Leave it out.")
    # In units of their own spread no feature is lost in another's rounding.
    return np.asarray(centred / centred.std(axis=0))
