import math

import numpy as np
import pytest

from dongliang.scoring.disagreement import Disagreement, Reading, disagreements, standardised


def test_a_source_is_put_on_the_scale_of_its_spread_between_secretaries():
    assert standardised({1: (3.0, 0.1, 5), 2: (4.0, 0.3, 2)}, 0.5) == {
        1: Reading(-1.0, 0.2, 5),
        2: Reading(1.0, 0.6, 2),
    }


def test_a_source_that_tells_nobody_apart_reads_nothing():
    assert standardised({1: (3.0, 0.1, 5)}, 0.0) == {}


@pytest.mark.parametrize(
    ("high", "low", "error", "found"),
    [
        (0.9, -0.8, 0.3, True),
        (0.9, -0.8, 1.2, False),  # the errors explain it
        (1.9, -0.4, 0.3, False),  # high in one, ordinary in the other
        (1.9, 0.6, 0.1, False),  # high in both, however far apart
        (0.5, -0.5, 0.4, True),
    ],
)
def test_sources_disagree_where_one_is_high_and_one_low_beyond_their_errors(high, low, error, found):
    readings = {"field": {7: Reading(low, error, 4)}, "public": {7: Reading(high, error, 90)}}

    margin = 1.645 * math.hypot(error, error)
    assert disagreements(readings) == (
        [Disagreement(7, "public", "field", high, low, margin)] if found else []
    )


def test_the_widest_apart_come_first_and_who_is_in_one_source_only_is_left_out():
    readings = {
        "field": {1: Reading(1, 0.1, 4), 2: Reading(2, 0.1, 4), 3: Reading(2, 0.1, 4)},
        "public": {1: Reading(-1, 0.1, 90), 2: Reading(-1, 0.1, 90)},
    }

    assert [(entry.number, entry.difference) for entry in disagreements(readings)] == [(2, 3), (1, 2)]


def test_sources_that_measure_the_same_thing_are_seldom_said_to_disagree():
    rng = np.random.default_rng(5)
    truth = rng.normal(size=2000)
    readings = {
        source: {
            number: Reading(value + rng.normal(scale=0.4), 0.4, 4)
            for number, value in enumerate(truth.tolist())
        }
        for source in ("field", "public")
    }

    assert len(disagreements(readings)) < 20
