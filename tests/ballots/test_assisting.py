import pytest
from django.utils.timezone import localtime

from dongliang.ballots.actions.assisting import begin_assisted
from dongliang.ballots.actions.casting import Cast
from dongliang.ballots.actions.pausing import pause_rounds
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.intake.entitlement import Refusal
from dongliang.ballots.models import AssistedVoice, Flag
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from tests.factories.ballots import NOON, cast, entitled, make_cast, make_code, make_voting_world


@pytest.fixture
def world(db):
    # A share of 0.005: two of the first neighbourhood's 400 households.
    return make_voting_world(assisted_share=0.005)


def begin(world, place=0, **options):
    return begin_assisted(world.enrolments[place], by=world.accounts["subdistrict"], at=NOON, **options)


def refusal(action, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        action(*args, **kwargs)
    return [blocker.code for blocker in refused.value.blockers]


def test_each_resident_gets_a_voice_of_their_own_up_to_the_share(world):
    secretaries = rounds_of(world.season)["secretaries"]

    for marks in ("5545", "1111"):
        holder = entitled(begin(world))
        cast(
            secretaries,
            Cast(
                holder.neighbourhood.enrolment_id,
                holder.credential("secretaries"),
                marks,
                channel=holder.channel,
            ),
        )

    assert sorted(secretaries.ballots.values_list("marks", "status", "channel")) == [
        ("1111", "counted", "assisted"),
        ("5545", "counted", "assisted"),
    ]
    assert refusal(begin, world) == ["ballots.too_many_assisted"]
    assert entitled(begin(world, place=1)).neighbourhood.enrolment_id == world.enrolments[1].pk


def test_who_helped_is_logged_with_neither_code_nor_marks(world):
    begin(world)

    entry = ActionLogEntry.objects.get(verb="ballots.assisted.begun")
    assert (entry.by, entry.subject_id, entry.detail) == (
        world.accounts["subdistrict"],
        world.enrolments[0].pk,
        {"serial": 1},
    )


def test_the_household_s_card_is_revoked_and_its_ballot_is_for_the_panel(world):
    secretaries = rounds_of(world.season)["secretaries"]
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "1111", serial=9))

    begin(world, card=make_code(world.enrolments[0], 9).lower())

    assert secretaries.ballots.get().status == "counted"
    assert entitled(make_code(world.enrolments[0], 9)) is Refusal.REVOKED
    entry = ActionLogEntry.objects.get(verb="ballots.cards.revoked")
    assert entry.detail == {"serials": [9], "reason": "assisted"}
    close_rounds(world.season, by=None)
    assert [(flag.round, flag.kind, flag.number) for flag in Flag.objects.all()] == [
        (secretaries, "revoked", 1)
    ]


def test_of_an_assisted_vote_the_day_is_kept_and_not_the_minute(world):
    begin(world)

    assert localtime(AssistedVoice.objects.get().at).isoformat() == "2021-11-01T00:00:00+08:00"


def test_a_card_of_elsewhere_or_none_at_all_is_refused_and_nobody_votes(world):
    for card in (make_code(world.enrolments[1]), "7K3F-9M2Q-XR4T", "票"):
        assert refusal(begin, world, card=card) == ["ballots.not_a_card_here"]
    assert not AssistedVoice.objects.exists()


def test_nobody_is_helped_without_rules_households_or_an_open_round(db):
    world = make_voting_world(verification=["household_code"])
    assert refusal(begin, world) == ["ballots.way_not_accepted"]


def test_nobody_is_helped_where_the_roster_counts_no_households(world):
    world.enrolments[0].organisation.households = None

    assert refusal(begin, world) == ["ballots.no_households"]


def test_nobody_is_helped_while_the_rounds_are_paused(world):
    pause_rounds(world.season, by=None, reason="x")

    assert refusal(begin, world) == ["ballots.paused"]
