"""Where two sources see somebody differently, beyond what their errors explain. Pure; docs/methods/disagreement.md.

Every source is put on one scale first: 0 is its average secretary, 1 is one standard deviation between secretaries.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

# Half the width of a 90 % interval, in standard errors.
HALF_WIDTH = 1.645
# Somebody is high in a source, or low in it, from so far above or below its average on.
CLEARLY = 0.5


@dataclass(frozen=True)
class Reading:
    """What a source says of one secretary, in standard deviations from its average; ``answers`` are sheets or ballots."""

    z: float
    error: float
    answers: int


@dataclass(frozen=True)
class Disagreement:
    """``high`` sees the secretary above average, ``low`` below, and the errors of both do not explain it."""

    number: int
    high: str
    low: str
    high_z: float
    low_z: float
    # Half the width of the difference's 90 % interval.
    margin: float

    @property
    def difference(self) -> float:
        return self.high_z - self.low_z


def standardised(measures: Mapping[int, tuple[float, float, int]], spread: float) -> dict[int, Reading]:
    """Measures by number, each with its standard error and answers, on the scale of ``spread``.

    ``spread`` is the standard deviation between secretaries; a source that tells nobody apart (0) reads nothing.
    """
    if not measures or spread <= 0:
        return {}
    mean = math.fsum(value for value, _error, _answers in measures.values()) / len(measures)
    return {
        number: Reading((value - mean) / spread, error / spread, answers)
        for number, (value, error, answers) in measures.items()
    }


def disagreements(readings: Mapping[str, Mapping[int, Reading]]) -> list[Disagreement]:
    """Every secretary whom one source sees clearly above its average and another clearly below; the widest apart first."""
    found = [
        disagreement
        for one, other in combinations(readings, 2)
        for number in readings[one].keys() & readings[other].keys()
        if (disagreement := between(number, one, readings[one][number], other, readings[other][number]))
    ]
    return sorted(found, key=lambda entry: (-entry.difference, entry.number, entry.high, entry.low))


def between(number: int, one: str, first: Reading, other: str, second: Reading) -> Disagreement | None:
    if first.z < second.z:
        one, first, other, second = other, second, one, first
    margin = HALF_WIDTH * math.hypot(first.error, second.error)
    apart = first.z >= CLEARLY and second.z <= -CLEARLY and first.z - second.z > margin
    return Disagreement(number, one, other, first.z, second.z, margin) if apart else None


def pairs_of(sources: Sequence[str]) -> list[tuple[str, str]]:
    return list(combinations(sources, 2))
