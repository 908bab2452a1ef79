"""What several seasons say together: who moved, how subdistricts stand, whose mentees came further than expected.

Pure: stored measures in, figures out. docs/methods/years.md says in words what happens here.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from dongliang.engine.longitudinal import FEWEST, NINETY, beyond_expected, changes, group_effects, unshrunk

# Of fewer mentees no figure is shown: it would be those people's own marks.
FEWEST_MENTEES = 3
# The methods that draw measures towards the mean of their season.
DRAWN_TO_THE_MEAN = frozenset({"gaussian"})


@dataclass(frozen=True)
class Reading:
    """A figure and its standard error."""

    value: float
    error: float

    @property
    def half(self) -> float:
        """Half the width of the 90 % interval."""
        return NINETY * self.error

    @property
    def low(self) -> float:
        return self.value - self.half

    @property
    def high(self) -> float:
        return self.value + self.half

    @property
    def beyond_chance(self) -> bool:
        return abs(self.value) > self.half


class Verdict(StrEnum):
    """What a change comes to: whether 0 lies outside its 90 % interval, and on which side."""

    UP = "up"
    DOWN = "down"
    UNSURE = "unsure"

    @classmethod
    def of(cls, change: Reading) -> Self:
        if not change.beyond_chance:
            return cls("unsure")
        return cls("up" if change.value > 0 else "down")


# Of one season, by person.
Readings = Mapping[int, Reading]


def centre_of(readings: Readings) -> float:
    """The mean over everybody; 0 of nobody."""
    return sum(reading.value for reading in readings.values()) / len(readings) if readings else 0.0


def mean_of(readings: Readings, method: str) -> Reading | None:
    """The mean over everybody, and how far who happened to answer may have moved it."""
    own = as_measured(readings, method)
    if not own:
        return None
    errors = math.sqrt(sum(reading.error**2 for reading in own.values())) / len(own)
    return Reading(centre_of(readings), errors)


def positions(readings: Readings) -> dict[int, Reading]:
    """Everybody's distance from the mean of the season."""
    middle = centre_of(readings)
    return {person: Reading(found.value - middle, found.error) for person, found in readings.items()}


def moves(earlier: Readings, later: Readings) -> dict[int, Reading]:
    """How far everybody who has a figure in both seasons moved, each time counted from the season's mean."""
    people = sorted(earlier.keys() & later.keys())
    before, after = positions(earlier), positions(later)
    found = changes(*columns(before, people), *columns(after, people))
    return {
        person: Reading(value, error)
        for person, value, error in zip(
            people, found.values.tolist(), found.standard_errors.tolist(), strict=True
        )
    }


def columns(readings: Readings, people: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([readings[person].value for person in people], dtype=float),
        np.array([readings[person].error for person in people], dtype=float),
    )


def as_measured(readings: Readings, method: str) -> dict[int, Reading]:
    """The figures as they were before the season's method drew them to its mean; who was hardly measured is left out."""
    if method not in DRAWN_TO_THE_MEAN:
        return dict(readings)
    people = sorted(readings)
    values, errors = unshrunk(*columns(readings, people))
    return {
        person: Reading(value, error)
        for person, value, error in zip(people, values.tolist(), errors.tolist(), strict=True)
        if math.isfinite(value)
    }


@dataclass(frozen=True)
class GroupMean:
    """Where a group of people stands on average: ``plain``, and drawn to the mean by how few they are."""

    people: int
    plain: float
    drawn: Reading


def group_means(readings: Readings, groups: Mapping[int, int], method: str) -> dict[int, GroupMean]:
    """The means of the groups in ``groups``, by person, as distances from the season's mean."""
    own = as_measured(positions(readings), method)
    people = sorted(own.keys() & groups.keys())
    names = sorted({groups[person] for person in people})
    if len(people) < 2 or not names:
        return {}
    place = {name: code for code, name in enumerate(names)}
    codes = np.array([place[groups[person]] for person in people])
    values, errors = columns(own, people)
    found = group_effects(values, errors, group=codes, n_groups=len(names))
    sums = np.bincount(codes, weights=values)
    return {
        name: GroupMean(
            int(found.members[code]),
            float(sums[code] / found.members[code]),
            Reading(float(found.levels[code]), float(found.level_errors[code])),
        )
        for name, code in place.items()
    }


@dataclass(frozen=True)
class Transition:
    """One person from one season to the next: the figures of both, and who coached meanwhile (None: nobody)."""

    period: int
    person: int
    earlier: Reading
    later: Reading
    mentor: int | None


@dataclass(frozen=True)
class Line:
    """What one period led one to expect: ``slope`` is how much of an earlier lead of 1 is left. ``known`` is a share."""

    period: int
    people: int
    slope: Reading | None
    known: float


@dataclass(frozen=True)
class MentorEffect:
    """How much further one mentor's mentees came than the average mentor's, in marks.

    ``people`` counts a mentee once for each pair of seasons, ``mentees`` once.
    """

    people: int
    mentees: int
    effect: Reading

    @property
    def is_shown(self) -> bool:
        return self.mentees >= FEWEST_MENTEES


@dataclass(frozen=True)
class GrowthFound:
    """Everybody's change against what was to be expected. ``beyond`` is by period and person, ``mentors`` by person."""

    lines: list[Line]
    beyond: dict[tuple[int, int], Reading]
    coached: Reading | None
    coached_people: int
    mentors: dict[int, MentorEffect]
    # Standard deviations of what mentors, and of what people, have in common beyond errors.
    between: float
    within: float


def growth(transitions: Sequence[Transition]) -> GrowthFound | None:
    """Hold every change against what was to be expected; None where no period has enough people for a line."""
    numbers = Counter(row.period for row in transitions)
    periods = [period for period, people in sorted(numbers.items()) if people >= FEWEST]
    rows = [row for row in transitions if row.period in periods]
    if not rows:
        return None
    mentors = sorted({row.mentor for row in rows if row.mentor is not None})
    place = {mentor: code for code, mentor in enumerate(mentors)}
    found = beyond_expected(
        np.array([row.earlier.value for row in rows]),
        np.array([row.earlier.error for row in rows]),
        np.array([row.later.value for row in rows]),
        np.array([row.later.error for row in rows]),
        period=np.array([periods.index(row.period) for row in rows]),
        n_periods=len(periods),
        group=np.array([-1 if row.mentor is None else place[row.mentor] for row in rows]),
        n_groups=len(mentors),
    )
    return GrowthFound(
        lines=[
            Line(
                period,
                numbers[period],
                reading_of(found.slopes[code], found.slope_errors[code]),
                float(found.known[code]),
            )
            for code, period in enumerate(periods)
        ],
        beyond={
            (row.period, row.person): Reading(value, error)
            for row, value, error in zip(
                rows, found.beyond.tolist(), found.beyond_errors.tolist(), strict=True
            )
        },
        coached=reading_of(found.in_a_group, found.in_a_group_error),
        coached_people=sum(row.mentor is not None for row in rows),
        mentors={
            mentor: MentorEffect(
                int(found.groups.members[code]),
                len({row.person for row in rows if row.mentor == mentor}),
                Reading(float(found.groups.effects[code]), float(found.groups.standard_errors[code])),
            )
            for mentor, code in place.items()
        },
        between=found.groups.between,
        within=found.groups.within,
    )


def reading_of(value: float, error: float) -> Reading | None:
    """None for what could not be told."""
    return Reading(float(value), float(error)) if math.isfinite(value) else None
