from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import betabinom, hypergeom

from dongliang.engine import integrity
from dongliang.engine.data import Ballots
from dongliang.engine.errors import InvalidRatings
from dongliang.engine.integrity import examine
from dongliang.engine.planning import plan_assessments
from dongliang.engine.simulation import STUFFINGS, simulate_ballots, simulate_season

NEIGHBOURHOODS, EACH = 20, 60


def round_of_ballots(seed=1, *, minutes=20_000):
    """Twelve hundred ballots of residents who agree on nothing, cast at any time."""
    rng = np.random.default_rng(seed)
    ballots = NEIGHBOURHOODS * EACH
    return Ballots(
        target=np.repeat(np.arange(NEIGHBOURHOODS), EACH),
        marks=rng.choice([3, 4, 5], (ballots, 4), p=[0.2, 0.3, 0.5]),
        minute=rng.integers(0, minutes, ballots),
        n_targets=NEIGHBOURHOODS,
        origin=np.arange(ballots),
        serial=np.concatenate([rng.permutation(3 * EACH)[:EACH] for _ in range(NEIGHBOURHOODS)]),
    )


def with_added(ballots, number, *, target=7, marks=(5, 5, 5, 5), minute=None, origin=None, serial=None):
    rng = np.random.default_rng(number)
    first = ballots.origin.max() + 1
    added = {
        "target": np.full(number, target),
        "marks": np.tile(marks, (number, 1)),
        "minute": rng.integers(0, 20_000, number) if minute is None else minute,
        "origin": first + np.arange(number) if origin is None else np.full(number, origin),
        "serial": 1000 + 2 * rng.permutation(number) if serial is None else serial,
    }
    return replace(
        ballots, **{name: np.concatenate([getattr(ballots, name), column]) for name, column in added.items()}
    )


def told(flags):
    return [(flag.kind, flag.target) for flag in flags]


@pytest.mark.parametrize("seed", range(5))
def test_honest_ballots_raise_no_flag(seed):
    assert examine(round_of_ballots(seed)) == ()


def test_many_ballots_at_once_are_no_flag():
    assert examine(round_of_ballots(minutes=30)) == ()


def test_ballots_alike_in_a_burst_are_flagged_with_what_where_and_how_unlikely():
    honest = round_of_ballots()
    ballots = with_added(honest, 30, minute=9000 + np.arange(30) % 8)

    (flag,) = (flag for flag in examine(ballots) if flag.kind == "burst")

    rows = np.arange(len(honest), len(ballots))
    assert (flag.target, flag.pattern, flag.first_minute, flag.last_minute) == (7, (5, 5, 5, 5), 9000, 9007)
    assert (flag.ballots.tolist(), flag.observed, flag.among) == (rows.tolist(), 30, 30)
    alike = (ballots.marks[ballots.target == 7] == 5).all(axis=1).sum()
    assert flag.expected == pytest.approx(30 * alike / 90)
    assert flag.probability == pytest.approx(hypergeom.sf(29, 90, alike, 30), rel=1e-6)
    assert flag.probability < flag.false_alarms < 0.01


def test_ballots_alike_from_one_device_are_flagged_with_it():
    honest = round_of_ballots()
    ballots = with_added(honest, 25, origin=5000)

    flags = [flag for flag in examine(ballots) if flag.kind == "origin"]

    assert [(flag.target, flag.origin, flag.observed) for flag in flags] == [(7, 5000, 25)]


def test_a_service_desk_whose_ballots_differ_is_no_flag():
    honest = round_of_ballots()

    assert examine(replace(honest, origin=np.where(honest.target == 7, 5000, honest.origin))) == ()


def test_unknown_origins_are_no_common_origin():
    honest = with_added(round_of_ballots(), 25, origin=-1)

    assert [flag for flag in examine(honest) if flag.kind == "origin"] == []


def test_straight_lines_that_the_neighbourhood_s_other_ballots_do_not_foretell_are_flagged():
    ballots = with_added(round_of_ballots(), 60)

    (flag,) = (flag for flag in examine(ballots) if flag.kind == "straight")

    assert (flag.target, flag.pattern, flag.nearly) == (7, (5, 5, 5, 5), True)
    near = (ballots.marks[ballots.target == 7] != 5).sum(axis=1) <= 1
    assert (flag.observed, len(flag.ballots), flag.among) == (near.sum(), near.sum(), EACH + 60)
    assert flag.expected < 0.6 * flag.observed


def test_straight_lines_that_every_neighbourhood_has_are_no_flag():
    honest = round_of_ballots()
    straight = np.random.default_rng(3).random(len(honest)) < 0.6

    assert examine(replace(honest, marks=np.where(straight[:, None], 5, honest.marks))) == ()


def test_straight_lines_where_the_other_ballots_are_as_good_are_no_flag():
    # Neighbourhoods differ: residents who are content give more fives, and better marks beside them.
    rng = np.random.default_rng(5)
    honest = round_of_ballots()
    content = np.linspace(-1, 1, NEIGHBOURHOODS)[honest.target]
    latent = content[:, None] + rng.normal(0, 1, (len(honest), 1)) + rng.logistic(size=honest.marks.shape)

    assert examine(replace(honest, marks=1 + np.searchsorted([-3.4, -2.8, -1.6, 0.0], latent))) == ()


def test_copies_of_a_mixed_pattern_are_flagged():
    ballots = with_added(round_of_ballots(), 30, marks=(4, 5, 3, 5))

    flags = examine(ballots)

    assert told(flags) == [("copies", 7)]
    assert (flags[0].pattern, flags[0].observed >= 30) == ((4, 5, 3, 5), True)


def test_cards_used_one_after_another_are_flagged_whatever_their_marks():
    honest = round_of_ballots()
    rng = np.random.default_rng(9)
    ballots = with_added(
        honest,
        24,
        marks=(5, 4, 5, 3),
        minute=3000 + 5 * np.arange(24),
        serial=400 + np.arange(24),
    )
    ballots = replace(
        ballots,
        marks=np.where(
            np.arange(len(ballots))[:, None] < len(honest), ballots.marks, rng.integers(3, 6, (1, 4))
        ),
    )
    mixed = ballots.marks.copy()
    mixed[len(honest) :] = rng.choice([3, 4, 5], (24, 4), p=[0.2, 0.3, 0.5])

    flags = examine(replace(ballots, marks=mixed))

    assert told(flags) == [("cards", 7)]
    # A card that an honest neighbour happened to use before number 400 would be one more.
    assert (flags[0].observed, flags[0].ballots.tolist()) == (23, list(range(len(honest), len(ballots))))


def test_without_origins_and_serials_only_marks_and_times_are_looked_at():
    ballots = replace(
        with_added(round_of_ballots(), 30, minute=9000 + np.arange(30) % 8), origin=None, serial=None
    )

    assert {flag.kind for flag in examine(ballots)} == {"burst"}


def test_the_order_and_the_numbers_of_ballots_do_not_matter():
    ballots = with_added(round_of_ballots(), 30, minute=9000 + np.arange(30) % 8)
    order = np.random.default_rng(0).permutation(len(ballots))
    columns = ("target", "marks", "minute", "origin", "serial")
    shuffled = replace(ballots, **{name: getattr(ballots, name)[order] for name in columns})

    def seen(flags, rows):
        return [
            (flag.kind, flag.target, flag.probability, sorted(rows[flag.ballots].tolist())) for flag in flags
        ]

    assert seen(examine(shuffled), order) == seen(examine(ballots), np.arange(len(ballots)))


def test_how_neighbourhoods_and_origins_are_numbered_does_not_matter():
    ballots = with_added(round_of_ballots(), 30, minute=9000 + np.arange(30) % 8, origin=5000)
    relabelled = replace(ballots, target=NEIGHBOURHOODS - 1 - ballots.target, origin=9000 - ballots.origin)

    def seen(flags):
        return sorted((flag.kind, flag.ballots.tolist(), round(flag.probability, 12)) for flag in flags)

    assert seen(examine(relabelled)) == seen(examine(ballots))


def test_a_stricter_limit_raises_fewer_flags():
    ballots = with_added(round_of_ballots(), 14, minute=9000 + np.arange(14) % 8)

    assert {flag.kind for flag in examine(ballots, false_alarms=0.5)} >= {"burst"}
    assert examine(ballots, false_alarms=1e-12) == ()


def test_a_limit_of_zero_is_refused():
    with pytest.raises(InvalidRatings, match="false_alarms is 0"):
        examine(round_of_ballots(), false_alarms=0)


def test_one_question_and_few_ballots_are_no_trouble():
    few = Ballots(
        target=np.array([0, 0, 1]), marks=np.array([[5], [5], [1]]), minute=np.array([1, 1, 1]), n_targets=4
    )

    assert examine(few) == ()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("minute", np.array([1.5, 2.0]), "minute has the shape"),
        ("minute", np.array([1]), "minute has 1 rows, target has 2"),
        ("marks", np.array([5, 5]), "marks has the shape"),
        ("marks", np.array([[5], [-1]]), "marks has a negative one"),
        ("target", np.array([0, 2]), "target has codes out of range"),
    ],
)
def test_columns_that_are_no_ballots_are_refused(column, value, message):
    good = {"target": np.array([0, 1]), "marks": np.array([[5], [4]]), "minute": np.array([1, 2])}

    with pytest.raises(InvalidRatings, match=message):
        Ballots(**good | {column: value}, n_targets=2)


@pytest.mark.parametrize(("total", "marked", "drawn"), [(60, 40, 20), (500, 30, 60), (12, 12, 8)])
def test_the_bound_of_the_hypergeometric_tail_is_one_and_close(total, marked, drawn):
    alike = np.arange(int(drawn * marked / total) + 1, min(drawn, marked) + 1)

    bound = np.exp(integrity._log_hypergeometric_tail(alike, total, marked, np.full(len(alike), drawn)))

    exact = hypergeom.sf(alike - 1, total, marked, drawn)
    assert (bound >= exact * (1 - 1e-9)).all()
    assert (bound[exact < 1e-4] <= 1.5 * exact[exact < 1e-4]).all()


@pytest.mark.parametrize(
    ("observed", "share", "correlation"), list(product([3, 17], [0.1, 0.6], [0.01, 0.3]))
)
def test_the_beta_binomial_tail_is_scipy_s(observed, share, correlation):
    a, b = share * (1 / correlation - 1), (1 - share) * (1 / correlation - 1)

    tail = integrity._beta_binomial_tail(observed, 20, share, correlation)

    assert tail == pytest.approx(betabinom.sf(observed - 1, 20, a, b))


def simulated(seed, **stuffed):
    rng = np.random.default_rng(seed)
    plan = plan_assessments(80, 6, per_target=3, avoid=np.zeros((80, 6), dtype=bool), rng=rng)
    season = simulate_season(
        rng, subdistrict=np.arange(80) % 5, plan=plan, n_assessors=6, departments=1, ballots=8000, approvals=1
    )
    return season, simulate_ballots(rng, season, stuffed=stuffed, fewest=30)


def test_honest_simulated_seasons_raise_hardly_a_flag():
    assert sum(len(examine(simulated(seed)[1].ballots)) for seed in range(4)) <= 1


@pytest.mark.parametrize("kind", ["burst", "devices", "copies", "cards", "smear"])
def test_simulated_stuffing_is_found_where_it_is(kind):
    _, drawn = simulated(3, **{kind: 3})

    found = {flag.target for flag in examine(drawn.ballots)}

    assert found == set(drawn.ballots.target[drawn.stuffing == 0].tolist())


def test_stuffed_seasons_keep_their_honest_ballots_and_say_which_are_not():
    season, drawn = simulated(4, **dict.fromkeys(STUFFINGS, 1))

    honest = drawn.stuffing == -1
    assert (drawn.kinds, np.unique(drawn.stuffing).tolist()) == (tuple(STUFFINGS), list(range(-1, 8)))
    assert np.bincount(drawn.ballots.target[honest]).tolist() == np.bincount(season.ballot_target).tolist()
    victims = [np.unique(drawn.ballots.target[drawn.stuffing == code]).tolist() for code in range(8)]
    assert [len(victim) for victim in victims] == [1] * 8
    assert len(np.unique(victims)) == 8
    for target in range(80):
        serial = drawn.ballots.serial[drawn.ballots.target == target]
        assert len(np.unique(serial)) == len(serial)
