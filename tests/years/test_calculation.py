import numpy as np
import pytest

from dongliang.years.calculation import (
    FEWEST_MENTEES,
    Reading,
    Transition,
    Verdict,
    as_measured,
    group_means,
    growth,
    mean_of,
    moves,
    positions,
)


def made(values, error: float = 0.1) -> dict[int, Reading]:
    return {person: Reading(float(value), error) for person, value in enumerate(values)}


def test_positions_are_distances_from_the_mean_of_the_season():
    assert positions(made([3, 4, 5])) == made([-1, 0, 1])
    assert positions({}) == {}


def test_where_all_rise_alike_nobody_has_moved():
    found = moves(made([3, 4, 5]), made([3.5, 4.5, 5.5]))

    assert [reading.value for reading in found.values()] == pytest.approx([0, 0, 0])
    assert {Verdict.of(reading) for reading in found.values()} == {Verdict.UNSURE}


def test_only_those_in_both_seasons_move_and_with_both_errors():
    earlier = {1: Reading(3.0, 0.3), 2: Reading(5.0, 0.3)}
    later = {2: Reading(3.0, 0.4), 3: Reading(4.0, 0.4)}

    # From 1 above the mean of its year to half below.
    assert moves(earlier, later) == {2: Reading(-1.5, 0.5)}


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.17, "up"), (-0.17, "down"), (0.16, "unsure"), (0, "unsure")]
)
def test_a_verdict_is_given_where_0_lies_outside_the_interval(value: float, verdict: str):
    assert Verdict.of(Reading(value, 0.1)) == verdict


def test_plain_means_are_taken_as_they_are():
    readings = made([3, 4, 5])

    assert as_measured(readings, "mean") == readings
    assert mean_of(readings, "trimmed_mean") == Reading(4.0, pytest.approx(0.3**0.5 / 3 * 0.1 / 0.1**0.5))


def test_measures_drawn_to_the_mean_are_spread_again_with_larger_errors():
    found = as_measured(made([3, 4, 5], error=0.5), "gaussian")

    assert found[0].value < 3
    assert found[0].error > 0.5
    assert found[1].value == 4


def test_the_mean_of_nobody_is_none():
    assert mean_of({}, "gaussian") is None


def test_a_small_group_is_drawn_to_the_mean_more_than_a_large_one():
    readings = made([1.0] * 2 + [1.0] * 20 + [-1.0] * 22)
    groups = dict(enumerate([7] * 2 + [8] * 20 + [9] * 22))

    found = group_means(readings, groups, "mean")

    assert {name: mean.people for name, mean in found.items()} == {7: 2, 8: 20, 9: 22}
    assert found[7].plain == found[8].plain == pytest.approx(1.0)
    assert 0 < found[7].drawn.value < found[8].drawn.value < 1
    assert found[7].drawn.error > found[8].drawn.error


def test_of_one_person_no_means_are_made():
    assert group_means(made([4]), {0: 7}, "mean") == {}


def season(seed: int, *, people: int = 60, period: int = 0) -> list[Transition]:
    """People whose merit lasts; each third coached, by mentor 5 to great effect and by mentor 6 to none."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        merit = rng.normal(0, 0.3)
        mentor = {0: 5, 1: 6}.get(person % 6)
        gain = 0.6 if mentor == 5 else 0.0
        rows.append(
            Transition(
                period,
                person,
                Reading(4 + merit + rng.normal(0, 0.1), 0.1),
                Reading(4 + 0.8 * merit + gain + rng.normal(0, 0.1), 0.1),
                mentor,
            )
        )
    return rows


def test_the_mentees_of_a_mentor_who_helps_come_further_than_was_expected():
    found = growth(season(1))

    assert found.mentors[5].people == 10
    assert found.mentors[5].effect.beyond_chance
    assert found.mentors[5].effect.value > 0.1 > found.mentors[6].effect.value
    assert found.coached.value > 0.1
    assert found.coached_people == 20
    assert found.lines[0].slope.value == pytest.approx(0.8, abs=0.2)
    assert set(found.beyond) == {(0, person) for person in range(60)}


def test_a_period_of_a_few_people_is_left_out_and_the_rest_is_used():
    found = growth([*season(2), *season(3, people=9, period=1)])

    assert [line.period for line in found.lines] == [0]
    assert {period for period, _person in found.beyond} == {0}


def test_nothing_is_said_of_a_few_people():
    assert growth(season(4, people=9)) is None
    assert growth([]) is None


def test_of_fewer_mentees_than_three_no_figure_is_shown():
    rows = [row for row in season(5) if row.mentor != 5 or row.person < 12]

    found = growth(rows)

    assert found.mentors[5].people == FEWEST_MENTEES - 1
    assert not found.mentors[5].is_shown
    # Seen once more, they are still the same two.
    again = growth([*rows, *(Transition(1, row.person, row.earlier, row.later, row.mentor) for row in rows)])
    assert (again.mentors[5].people, again.mentors[5].is_shown) == (4, False)
    assert found.mentors[6].is_shown


def test_where_nobody_is_coached_no_mentor_is_compared():
    rows = [Transition(row.period, row.person, row.earlier, row.later, None) for row in season(6)]

    found = growth(rows)

    assert (found.mentors, found.coached, found.coached_people) == ({}, None, 0)
