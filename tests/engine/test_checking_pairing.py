"""The certificate of a pairing, apart from those of fits and rankings."""

from dataclasses import replace

import numpy as np
import pytest

from dongliang.engine.checking import certify_pairing
from dongliang.engine.data import Candidates
from dongliang.engine.errors import NotCertified
from dongliang.engine.pairing import assign


def small_market():
    """Five mentees, three mentors, six places, and their best pairing."""
    rng = np.random.default_rng(3)
    mentor = np.array([[0, 1, 2], [0, 1, -1], [0, 2, -1], [0, 1, 2], [1, 2, -1]])
    candidates = Candidates(
        mentor=mentor,
        parts={
            name: np.where(mentor >= 0, rng.integers(1, 9_000, mentor.shape), 0)
            for name in ("category", "need")
        },
        mentee_number=np.array([11, 12, 13, 14, 15]),
        mentor_number=np.array([7, 8, 9]),
        locked=np.array([False, True, False, False, False]),
        complete=True,
    )
    capacity = np.array([2, 2, 2])
    return assign(candidates, capacity), candidates, capacity


def test_a_best_pairing_is_certified():
    pairing, candidates, capacity = small_market()

    certify_pairing(pairing, candidates, capacity=capacity, avoid=np.array([[1, 2]]))


def moved(pairing, candidates, row, mentor):
    """The pairing with one mentee elsewhere, its figures put right."""
    code = pairing.mentor.copy()
    code[row] = mentor
    at = (candidates.mentor == code[:, None]).argmax(axis=1)
    line = np.arange(len(code))
    return replace(
        pairing,
        mentor=code,
        fit=candidates.fit[line, at] / 1000,
        parts={name: part[line, at] / 1000 for name, part in candidates.parts.items()},
        load=np.bincount(code, minlength=3),
        total=int(candidates.fit[line, at].sum()) / 1000,
    )


def test_a_pairing_that_is_valid_but_not_the_best_is_rejected():
    pairing, candidates, capacity = small_market()
    better = int(pairing.mentor[4])

    worse = moved(pairing, candidates, 4, 3 - better)

    with pytest.raises(NotCertified, match=r"room for a better pairing|more mentees than places"):
        certify_pairing(worse, candidates, capacity=capacity + 1)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: {"mentor": np.where(np.arange(5) == 1, 2, p.mentor)}, "someone who is no candidate"),
        (lambda p: {"mentor": np.where(np.arange(5) == 1, -1, p.mentor)}, "must have a mentor has none"),
        (lambda p: {"load": p.load + 1}, "loads are not those"),
        (lambda p: {"fit": p.fit + 1}, "fit of a pair is not what"),
        (lambda p: {"parts": {**p.parts, "need": p.fit}}, "need of a pair is not what"),
        (lambda p: {"total": p.total + 1}, "and the pairing says"),
        (lambda p: {"scale": 1000}, "another unit"),
        (lambda p: {"prices": p.prices - p.scale}, "below zero"),
        (lambda p: {"prices": p.prices + 10 * p.scale}, "room for a better"),
    ],
)
def test_a_spoilt_pairing_is_rejected(spoil, reason):
    pairing, candidates, capacity = small_market()

    with pytest.raises(NotCertified, match=reason):
        certify_pairing(replace(pairing, **spoil(pairing)), candidates, capacity=capacity)


def test_a_pairing_beyond_capacity_or_avoidance_is_rejected():
    pairing, candidates, capacity = small_market()

    with pytest.raises(NotCertified, match="more mentees than places"):
        certify_pairing(pairing, candidates, capacity=np.array([0, 2, 3]))
    with pytest.raises(NotCertified, match="someone to be avoided"):
        certify_pairing(pairing, candidates, capacity=capacity, avoid=np.array([[0, pairing.mentor[0]]]))
