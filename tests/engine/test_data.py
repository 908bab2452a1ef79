import numpy as np
import pytest

from dongliang.engine.data import Ratings, connected_groups
from dongliang.engine.errors import InvalidRatings

GOOD = {
    "target": [0, 1],
    "rater": [0, 0],
    "indicator": [0, 0],
    "values": [3, 4],
    "n_targets": 2,
    "n_raters": 1,
    "n_indicators": 1,
}


def refusal(**changes):
    with pytest.raises(InvalidRatings) as caught:
        Ratings(**(GOOD | changes))
    return str(caught.value)


def test_ratings_keep_read_only_copies_of_their_columns():
    target = np.array([0, 1])

    ratings = Ratings(**(GOOD | {"target": target}))
    target[0] = 1

    assert ratings.target.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        ratings.values[0] = 5.0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"values": []}, "values has the shape (0,). Give a column of at least one rating."),
        ({"values": [[3, 4]]}, "values has the shape (1, 2). Give a column of at least one rating."),
        ({"values": [3, np.nan]}, "values[1] is nan. Give a finite number, or leave the rating out."),
        ({"values": [np.inf, 3]}, "values[0] is inf. Give a finite number, or leave the rating out."),
        ({"target": [0, 2]}, "target[1] is 2. Codes go from 0 to 1."),
        ({"rater": [-1, 0]}, "rater[0] is -1. Codes go from 0 to 0."),
        ({"rater": [0]}, "rater has 1 rows, values has 2. Give one of each per rating."),
        (
            {"indicator": [0.0, 0.0]},
            "indicator has the shape (2,) and the type float64. Give a column of whole numbers.",
        ),
    ],
)
def test_ratings_refuse_what_breaks_their_shape_and_say_where(changes, sentence):
    assert refusal(**changes) == sentence


def test_groups_are_what_shared_raters_link_with_the_largest_first():
    target = np.array([4, 0, 0, 1, 3])
    rater = np.array([2, 0, 1, 1, 3])

    groups = connected_groups(target, rater, n_targets=5, n_raters=4)

    assert [group.tolist() for group in groups] == [[0, 1], [3], [4]]


def test_a_pair_that_met_often_stays_linked():
    many = np.zeros(256, dtype=int)

    groups = connected_groups(np.append(many, 1), np.append(many, 0), n_targets=2, n_raters=1)

    assert [group.tolist() for group in groups] == [[0, 1]]
