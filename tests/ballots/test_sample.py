import dataclasses
import hashlib
import math
from collections import Counter

import pytest

from dongliang.ballots import codes, draws
from dongliang.ballots.actions.rounds import close_rounds, open_rounds, prepare_rounds
from dongliang.ballots.actions.sample import draw_samples, open_visiting_list
from dongliang.ballots.intake.entitlement import entitlement
from dongliang.ballots.intake.snapshot import read_snapshot
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Sample
from dongliang.ballots.queries.sample import (
    Comparison,
    Voice,
    follow_up,
    revealed_seed,
    sample_beside_open_vote,
    sampled_serials,
    voice_of,
)
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from tests.factories.ballots import NOON, cast, cast_at, make_cast, make_code, make_rounds
from tests.factories.season import make_rules, make_world

pytestmark = pytest.mark.django_db

KEY = bytes(range(32))


@pytest.fixture
def world():
    return make_world()


def refusal(action, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        action(*args, **kwargs)
    return [blocker.code for blocker in refused.value.blockers]


def of_sample(made):
    return dataclasses.replace(made, in_sample=True)


def test_a_draw_is_done_again_by_anybody_who_has_its_seed():
    seed = draws.seed_of(KEY, "f" * 64, 7)

    by_hand = sorted(range(1, 401), key=lambda n: hashlib.sha256(seed + b"|door|%d" % n).hexdigest())[:55]

    assert draws.drawn(seed, draws.DOORS, 400, 55) == tuple(sorted(by_hand))


def test_key_rule_book_and_neighbourhood_each_give_another_draw():
    seeds = {
        draws.seed_of(key, fingerprint, number)
        for key in (KEY, bytes(32))
        for fingerprint in ("a" * 64, "b" * 64)
        for number in (1, 2)
    }

    assert (
        len({draws.drawn(seed, what, 400, 55) for seed in seeds for what in (draws.DOORS, draws.CARDS)}) == 16
    )


def test_every_door_is_drawn_about_as_often_as_another():
    times = Counter(
        door
        for number in range(400)
        for door in draws.drawn(draws.seed_of(KEY, "", number), draws.DOORS, 20, 5)
    )

    # 400 draws of 5 in 20: each door is expected 100 times, with a standard deviation of 8.7.
    assert set(times) == set(range(1, 21))
    assert max(abs(count - 100) for count in times.values()) < 40


def test_preparing_the_rounds_draws_a_sample_of_each_neighbourhood_and_stores_no_door_of_it(world):
    prepare_rounds(world.season, by=world.accounts["office"])

    assert list(Sample.objects.values_list("households", "size")) == [(400, 55), (500, 55), (600, 55)] * 2
    seed = draws.seed_of(season_key(world.season), world.season.rules.sha256, 1)
    assert Sample.objects.first().seed_sha256 == hashlib.sha256(seed).hexdigest()
    line = ActionLogEntry.objects.get(verb="ballots.sample.drawn")
    assert (line.detail["neighbourhoods"], line.detail["households"]) == (6, 330)


def test_a_neighbourhood_of_unknown_size_has_no_sample_and_a_small_one_is_drawn_whole(world):
    homes = [entry.organisation for entry in world.enrolments]
    homes[0].households, homes[1].households = None, 30
    for home in homes[:2]:
        home.save()

    prepare_rounds(world.season, by=None)

    assert Sample.objects.count() == 5
    assert sampled_serials(world.season)[2] == frozenset(range(1, 31))


def test_rules_without_a_sample_draw_none():
    rules = make_rules()
    world = make_world(rules=make_rules(residents=rules.residents.model_dump() | {"sample": 0}))

    prepare_rounds(world.season, by=None)

    assert not Sample.objects.exists()
    assert sampled_serials(world.season) == {}
    assert refusal(draw_samples, world.season, by=None) == ["ballots.no_sample"]


def test_households_are_drawn_once_and_not_after_opening(world):
    assert refusal(draw_samples, world.season, by=None) == ["ballots.not_prepared"]
    prepare_rounds(world.season, by=None)
    assert refusal(draw_samples, world.season, by=None) == ["ballots.sample_drawn"]
    open_rounds(world.season, by=None)
    assert refusal(draw_samples, world.season, by=None) == ["ballots.sample_too_late", "ballots.sample_drawn"]


def test_a_card_of_the_sample_is_known_by_its_serial_and_by_nothing_printed(world):
    make_rounds(world.season)
    first = world.enrolments[0]
    drawn = sampled_serials(world.season)[first.number]

    now = read_snapshot()
    known = {
        serial for serial in range(1, 441) if entitlement(now, make_code(first, serial), at=NOON).in_sample
    }

    assert known == drawn
    assert len(drawn) == 55
    assert max(drawn) <= 400


def test_opening_a_visiting_list_is_logged_and_gives_the_drawn_doors(world):
    prepare_rounds(world.season, by=None)

    doors = open_visiting_list(world.enrolments[0], by=world.accounts["office"])

    assert len(set(doors)) == 55
    assert doors == tuple(sorted(doors))
    assert set(doors) <= set(range(1, 401))
    line = ActionLogEntry.objects.latest("sequence")
    assert (line.verb, line.subject_id, line.detail) == (
        "ballots.sample.list_opened",
        world.enrolments[0].pk,
        {"doors": 55},
    )


def test_there_is_no_visiting_list_without_a_draw(world):
    assert refusal(open_visiting_list, world.enrolments[0], by=None) == ["ballots.no_sample_here"]


def test_the_seed_is_shown_after_the_close_and_is_the_one_written_down(world):
    secretaries, _ = make_rounds(world.season)
    sample, key = Sample.objects.select_related("enrolment").first(), season_key(world.season)
    before = revealed_seed(sample, secretaries, key)

    after = revealed_seed(sample, close_rounds(world.season, by=None)["secretaries"], key)

    assert before == ""
    assert hashlib.sha256(bytes.fromhex(after)).hexdigest() == sample.seed_sha256


def test_the_follow_up_counts_the_sample_s_ballots_for_the_offices_in_charge(world):
    secretaries, _ = make_rounds(world.season)
    home = world.enrolments[0]
    cast(
        secretaries, of_sample(make_cast(secretaries, home, serial=1)), make_cast(secretaries, home, serial=2)
    )

    seen = {
        role: [(row.voted, row.left) for row in follow_up(world.season, world.accounts[role])]
        for role in ("office", "subdistrict", "other_subdistrict", "secretary")
    }

    assert seen == {
        "office": [(1, 54)] + [(0, 55)] * 5,
        "subdistrict": [(1, 54)] + [(0, 55)] * 2,
        "other_subdistrict": [(0, 55)] * 3,
        "secretary": [],
    }


def test_a_voice_counts_each_ballot_by_the_mean_of_its_marks():
    assert voice_of(Counter({"5555": 2, "2000": 1, "0000": 7})) == Voice(3, 4, 3)
    assert voice_of(Counter()) is None


def test_the_open_vote_stands_beside_the_sample_with_the_difference_and_its_interval(world):
    secretaries, _ = make_rounds(world.season)
    home, other, thin = world.enrolments[:3]
    for number in range(40):
        open_marks, drawn_marks = ("5555", "3333") if number % 2 else ("4444", "2222")
        cast_at(
            secretaries,
            0,
            make_cast(secretaries, home, open_marks, 100 + number),
            of_sample(make_cast(secretaries, home, drawn_marks, 200 + number)),
            make_cast(secretaries, other, "4444", 100 + number),
            of_sample(make_cast(secretaries, other, "4444", 200 + number)),
        )
    cast_at(secretaries, 1, make_cast(secretaries, thin, "1111", 1))

    found = sample_beside_open_vote(close_rounds(world.season, by=None)["secretaries"])

    [first, second] = found.neighbourhoods
    # Forty of either side, half a mark off their mean each: variance 10/39 a ballot.
    error = math.sqrt(2 * 10 / 39 / 40)
    assert (first.difference, first.error) == (2, pytest.approx(error))
    assert (first.low, first.high) == (pytest.approx(2 - 1.645 * error), pytest.approx(2 + 1.645 * error))
    assert (first.is_large, second.is_large) == (True, False)
    assert (first.is_beyond_chance, second.is_beyond_chance) == (True, False)
    assert found.too_few == 4
    # 400 and 500 households.
    assert found.overall.difference == pytest.approx(2 * 4 / 9)
    assert found.overall.error == pytest.approx(error * 4 / 9)


@pytest.mark.parametrize(
    ("difference", "error", "beyond", "large"),
    [(0.5, 0.1, True, True), (-0.5, 0.1, True, True), (0.1, 0.01, True, False), (0.5, 0.4, False, False)],
)
def test_a_difference_is_large_if_chance_does_not_explain_it_and_it_changes_a_judgement(
    difference, error, beyond, large
):
    found = Comparison(difference, error)

    assert (found.is_beyond_chance, found.is_large) == (beyond, large)


def test_marks_of_few_ballots_are_not_compared(world):
    secretaries, _ = make_rounds(world.season)
    cast(secretaries, of_sample(make_cast(secretaries, world.enrolments[0], "1111", 1)))

    found = sample_beside_open_vote(close_rounds(world.season, by=None)["secretaries"])

    assert (found.neighbourhoods, found.too_few, found.overall) == ([], 6, None)


def test_no_two_cards_of_a_sample_are_the_same_code(world):
    prepare_rounds(world.season, by=None)
    key = season_key(world.season)

    minted = [
        codes.mint(key, number, serial)
        for number, serials in sampled_serials(world.season).items()
        for serial in serials
    ]

    assert len(set(minted)) == 330
