"""From profiles to explained pairs. Pure: profiles in, explained lines out.

Levels of strength and need are whole numbers from 0 to 2, by the key of a thing; see vocabulary.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dongliang.engine.data import Candidates, Integers, Mentees, Mentors, Pairing
from dongliang.engine.errors import InfeasiblePairing
from dongliang.engine.pairing import assign, find_candidates

MUCH = 2
# Up to so many pairs everyone is compared with everyone; beyond, each mentee with so many of the best.
ALL_PAIRS = 5_000_000
CANDIDATES = 30


@dataclass(frozen=True)
class MentorProfile:
    """What pairing knows of a mentor. ``places`` are those still free; an empty ``area`` is near to nothing."""

    number: int
    places: int
    area: str = ""
    strengths: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class MenteeProfile:
    """What pairing knows of a mentee; mentors by their numbers. ``category`` is the key of what the first thing is about."""

    number: int
    area: str = ""
    category: str = ""
    needs: Mapping[str, int] = field(default_factory=dict)
    earlier: int | None = None
    locked: int | None = None
    avoid: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Match:
    """One mentee's mentor and why; ``second`` is who fits best of all others allowed. Fits and parts in points."""

    mentee: int
    mentor: int | None
    fit: float
    parts: Mapping[str, float]
    second: int | None
    second_fit: float


@dataclass(frozen=True)
class Matching:
    lines: list[Match]
    total: float


class Unmet(Exception):
    """Demands that cannot be met together, though any one of them could be dropped: everyone by number."""

    def __init__(self, mentees: Sequence[int], mentors: Sequence[int], locked: Sequence[int]) -> None:
        self.mentees, self.mentors, self.locked = tuple(mentees), tuple(mentors), tuple(locked)
        super().__init__(f"{len(self.mentees)} mentees, {len(self.mentors)} mentors")


def match(
    mentees: Sequence[MenteeProfile],
    mentors: Sequence[MentorProfile],
    *,
    weights: Mapping[str, float],
    balance: float = 0.0,
    everyone: bool = True,
) -> Matching:
    """Pair the mentees with the mentors so that the whole fits best. Raises Unmet.

    With ``everyone`` False whoever finds no place goes without.
    """
    if not mentees or not mentors:
        if mentees and everyone:
            raise Unmet([mentees[0].number], [], [])
        return Matching([Match(mentee.number, None, 0.0, {}, None, 0.0) for mentee in mentees], 0.0)
    ours, theirs, avoid = columns(mentees, mentors)
    per_mentee = None if len(mentees) * len(mentors) <= ALL_PAIRS else CANDIDATES
    while True:
        found = find_candidates(ours, theirs, weights=weights, avoid=avoid, per_mentee=per_mentee)
        try:
            pairing = assign(found, theirs.capacity, everyone=everyone, balance=balance)
            return Matching(explained(mentees, mentors, found, pairing), pairing.total)
        except InfeasiblePairing as clash:
            if found.complete or per_mentee is None:
                raise Unmet(
                    [mentees[row].number for row in clash.mentees.tolist()],
                    [mentors[row].number for row in clash.mentors.tolist()],
                    [mentees[row].number for row in clash.locked.tolist()],
                ) from clash
            # A short list is never the reason.
            per_mentee *= 2


def columns(
    mentees: Sequence[MenteeProfile], mentors: Sequence[MentorProfile]
) -> tuple[Mentees, Mentors, Integers]:
    """The profiles as the engine takes them, and who must not be paired with whom."""
    things = sorted(
        {key for person in mentees for key in person.needs} | {key for m in mentors for key in m.strengths}
    )
    thing = {key: code for code, key in enumerate(things)}
    known = {mentor.number: code for code, mentor in enumerate(mentors)}
    # Nobody knows the category of a mentee without a first thing.
    categories = sorted({person.category for person in mentees} | {""})
    category = {key: code for code, key in enumerate(categories)}
    # Who belongs to no area is in one of their own.
    areas = {person.area for person in mentees} | {mentor.area for mentor in mentors}
    area = {name: code for code, name in enumerate(sorted(areas - {""}))}
    apart = iter(range(len(area), len(area) + len(mentees) + len(mentors)))

    needs = np.zeros((len(mentees), len(things)))
    for row, person in enumerate(mentees):
        for key, level in person.needs.items():
            needs[row, thing[key]] = level
    strengths = np.zeros((len(mentors), len(things)))
    knows = np.zeros((len(mentors), len(categories)))
    for row, mentor in enumerate(mentors):
        for key, level in mentor.strengths.items():
            strengths[row, thing[key]] = level / MUCH
            if key in category:
                knows[row, category[key]] = level / MUCH
    ours = Mentees(
        number=np.array([person.number for person in mentees]),
        category=np.array([category[person.category] for person in mentees]),
        needs=needs,
        area=np.array([area[person.area] if person.area else next(apart) for person in mentees]),
        earlier=np.array([known.get(person.earlier or 0, -1) for person in mentees]),
        locked=np.array([known[person.locked] if person.locked else -1 for person in mentees]),
    )
    theirs = Mentors(
        number=np.array([mentor.number for mentor in mentors]),
        categories=knows,
        strengths=strengths,
        area=np.array([area[mentor.area] if mentor.area else next(apart) for mentor in mentors]),
        capacity=np.array([mentor.places for mentor in mentors]),
    )
    avoid = [
        (row, known[number])
        for row, person in enumerate(mentees)
        for number in person.avoid
        if number in known
    ]
    return ours, theirs, np.array(avoid, dtype=np.int64).reshape(-1, 2)


def explained(
    mentees: Sequence[MenteeProfile],
    mentors: Sequence[MentorProfile],
    found: Candidates,
    pairing: Pairing,
) -> list[Match]:
    """The pairing line by line, with the best of the others; of equal ones the one with the lower number."""
    line = np.arange(len(mentees))
    numbers = np.array([mentor.number for mentor in mentors])
    others = (found.mentor >= 0) & (found.mentor != pairing.mentor[:, None])
    order = np.where(
        others, found.fit * (int(numbers.max()) + 1) - numbers[found.mentor], np.iinfo(np.int64).min
    )
    best = order.argmax(axis=1)
    has_second = others[line, best]
    fits, parts = found.fit, {name: values.tolist() for name, values in pairing.parts.items()}
    return [
        Match(
            mentee.number,
            mentors[code].number if code >= 0 else None,
            fit,
            {name: values[row] for name, values in parts.items()} if code >= 0 else {},
            mentors[int(found.mentor[row, best[row]])].number if has_second[row] else None,
            float(fits[row, best[row]]) / 1000 if has_second[row] else 0.0,
        )
        for row, (mentee, code, fit) in enumerate(
            zip(mentees, pairing.mentor.tolist(), pairing.fit.tolist(), strict=True)
        )
    ]
