import pytest

from dongliang.ballots import codes
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.intake.entitlement import Refusal, entitlement
from dongliang.ballots.intake.snapshot import read_snapshot
from dongliang.ballots.keys import key_path, season_key
from tests.factories.ballots import NOON, make_code, make_rounds
from tests.factories.season import make_rules, make_world


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def rounds(world):
    return make_rounds(world.season)


def test_a_code_leads_to_its_neighbourhood_however_it_is_typed(world, rounds):
    # One card more than there are households, and so none of the sample's, which each run draws anew.
    code = make_code(world.enrolments[3], world.enrolments[3].organisation.households + 1)

    holder = entitlement(read_snapshot(), code.lower().replace("-", " "), at=NOON)

    assert (holder.text, holder.neighbourhood.enrolment_id, holder.channel, holder.in_sample) == (
        code,
        world.enrolments[3].pk,
        "code",
        False,
    )
    assert holder.credential("secretaries") == codes.credential_digest(
        season_key(world.season), "secretaries", code
    )


def test_a_code_of_an_older_season_leads_to_that_season(world, rounds):
    old = make_code(world.enrolments[0])
    close_rounds(world.season, by=None)
    newer = make_world(code="HX")
    make_rounds(newer.season)
    now = read_snapshot()

    assert entitlement(now, old, at=NOON).season.pk == world.season.pk
    assert entitlement(now, make_code(newer.enrolments[0]), at=NOON).season.pk == newer.season.pk


@pytest.mark.parametrize(
    "text", ["", "0", "7K3F-9M2Q-XR4T", "票" * 500, "\x00", "+" * 12, "1_2_3_4_5_6_7_8_9_0_1_2"]
)
def test_a_text_that_no_key_made_gives_no_right(world, rounds, text):
    assert entitlement(read_snapshot(), text, at=NOON) is Refusal.UNKNOWN


def test_a_code_of_nobody_enrolled_gives_no_right(world, rounds):
    assert (
        entitlement(read_snapshot(), codes.mint(season_key(world.season), 7, 1), at=NOON) is Refusal.UNKNOWN
    )


def test_a_code_gives_no_right_where_the_rules_do_not_take_codes(db):
    residents = make_rules().residents.model_dump() | {"verification": ["sms"]}
    world = make_world(rules=make_rules(residents=residents))
    make_rounds(world.season)

    assert entitlement(read_snapshot(), make_code(world.enrolments[0]), at=NOON) is Refusal.NOT_A_WAY


def test_a_destroyed_key_of_a_closed_season_leaves_its_codes_unknown(world, rounds):
    code = make_code(world.enrolments[0])
    close_rounds(world.season, by=None)
    key_path(world.season).unlink()

    assert entitlement(read_snapshot(), code, at=NOON) is Refusal.UNKNOWN


def test_a_lost_key_of_a_season_not_yet_closed_is_a_fault_and_no_wrong_code(world, rounds):
    key_path(world.season).unlink()

    assert "lz-2021" in str(read_snapshot().fault)
