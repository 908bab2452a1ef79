from itertools import permutations

import numpy as np
import pytest

from dongliang.mentoring.calculation import Match, MenteeProfile, MentorProfile, Unmet, match

WEIGHTS = {"category": 40.0, "need": 30.0, "nearness": 20.0, "continuity": 10.0}


def test_a_line_says_what_each_consideration_adds_and_who_is_next_best():
    mentors = [
        MentorProfile(1, places=1, area="east", strengths={"problem.housing": 2, "estate.lanes": 1}),
        MentorProfile(2, places=1, area="west", strengths={"problem.housing": 1}),
    ]
    mentee = MenteeProfile(
        7, area="east", category="problem.housing", needs={"problem.housing": 1, "estate.lanes": 1}, earlier=2
    )

    found = match([mentee], mentors, weights=WEIGHTS)

    # 40 for the category, 30 × (1 + ½) / 2 for the needs, 20 for the subdistrict; the other has 20 + 7.5 + 10.
    parts = {"category": 40.0, "need": 22.5, "nearness": 20.0, "continuity": 0.0}
    assert found.lines == [Match(7, 1, 82.5, parts, 2, 37.5)]
    assert found.total == 82.5


def test_the_whole_is_best_even_where_a_second_choice_fits_better():
    mentors = [
        MentorProfile(1, places=1, strengths={"a": 2, "b": 2}),
        MentorProfile(2, places=1, strengths={"a": 1}),
    ]
    mentees = [MenteeProfile(1, needs={"a": 1}), MenteeProfile(2, needs={"b": 1})]

    found = match(mentees, mentors, weights=WEIGHTS)

    assert [(line.mentee, line.mentor, line.second) for line in found.lines] == [(1, 2, 1), (2, 1, 2)]
    assert found.lines[0].second_fit > found.lines[0].fit


@pytest.mark.parametrize("seed", range(5))
def test_no_other_pairing_has_a_greater_total(seed):
    rng = np.random.default_rng(seed)
    things = ["a", "b", "c"]
    mentors = [
        MentorProfile(
            n, places=1, area=str(rng.integers(2)), strengths={k: int(rng.integers(3)) for k in things}
        )
        for n in range(1, 6)
    ]
    mentees = [
        MenteeProfile(
            n, area=str(rng.integers(2)), category="a", needs={k: int(rng.integers(3)) for k in things}
        )
        for n in range(1, 6)
    ]
    alone = {
        (mentee.number, mentor.number): match([mentee], [mentor], weights=WEIGHTS).total
        for mentee in mentees
        for mentor in mentors
    }

    found = match(mentees, mentors, weights=WEIGHTS)

    best = max(
        sum(alone[mentee.number, number] for mentee, number in zip(mentees, order, strict=True))
        for order in permutations(range(1, 6))
    )
    assert found.total == pytest.approx(best)
    assert sorted(line.mentor for line in found.lines) == [1, 2, 3, 4, 5]


def test_locks_and_avoidance_are_kept():
    mentors = [MentorProfile(n, places=2, strengths={"a": n % 3}) for n in (1, 2, 3)]
    mentees = [
        MenteeProfile(1, needs={"a": 1}, locked=3),
        MenteeProfile(2, needs={"a": 1}, avoid=frozenset({2, 3})),
    ]

    found = match(mentees, mentors, weights=WEIGHTS)

    assert [(line.mentee, line.mentor) for line in found.lines] == [(1, 3), (2, 1)]


def test_demands_that_cannot_be_met_are_named_by_number():
    mentors = [MentorProfile(11, places=1), MentorProfile(12, places=5)]
    mentees = [
        MenteeProfile(1, locked=11),
        MenteeProfile(2, avoid=frozenset({12})),
        MenteeProfile(3),
    ]

    with pytest.raises(Unmet) as unmet:
        match(mentees, mentors, weights=WEIGHTS)

    assert (unmet.value.mentees, unmet.value.mentors, unmet.value.locked) == ((1, 2), (11,), (1,))


def test_where_people_may_go_without_the_rest_is_paired():
    mentees = [MenteeProfile(1, needs={"a": 1}), MenteeProfile(2, needs={"a": 1}, area="x")]
    mentors = [MentorProfile(9, places=1, area="x", strengths={"a": 2})]

    found = match(mentees, mentors, weights=WEIGHTS, everyone=False)

    assert [(line.mentee, line.mentor) for line in found.lines] == [(1, None), (2, 9)]


def test_without_mentors_nobody_can_be_served():
    with pytest.raises(Unmet):
        match([MenteeProfile(1)], [], weights=WEIGHTS)

    assert match([MenteeProfile(1)], [], weights=WEIGHTS, everyone=False).lines == [
        Match(1, None, 0.0, {}, None, 0.0)
    ]
