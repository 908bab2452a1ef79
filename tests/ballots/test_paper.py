from collections import Counter
from dataclasses import replace

import pytest

from dongliang.ballots import codes
from dongliang.ballots.actions import paper
from dongliang.ballots.actions.paper import (
    discard_batch,
    enter_batch,
    finish_keying,
    make_batch,
    save_sheet,
    take_seat,
)
from dongliang.ballots.actions.pausing import pause_rounds, resume_rounds
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import PaperBatch, PaperSheet
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from tests.factories.ballots import cast, make_cast, make_code, make_voting_world


@pytest.fixture
def world(db):
    return make_voting_world()


@pytest.fixture
def secretaries(world):
    return rounds_of(world.season)["secretaries"]


def make(world, round, *, kind="hall", sheets=3, place=0):
    return make_batch(round, world.enrolments[place], kind=kind, sheets=sheets, by=world.accounts["office"])


def two_keyers(world, batch):
    return [take_seat(batch, by=world.accounts[role]) for role in ("office", "subdistrict")]


def key_all(keying, *marks, credentials=None):
    for number, each in enumerate(marks, start=1):
        save_sheet(keying, number, marks=each, credential=credentials[number - 1] if credentials else b"")


def credential(world, round, serial):
    return codes.credential_digest(
        season_key(world.season), round.kind, make_code(world.enrolments[0], serial)
    )


def refusal(action, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        action(*args, **kwargs)
    return [blocker.code for blocker in refused.value.blockers]


def stored(round):
    return Counter(round.ballots.values_list("marks", "status", "channel"))


def test_sheets_on_which_two_keyers_agree_enter_in_one_go(world, secretaries):
    batch = make(world, secretaries, sheets=4)
    first, second = two_keyers(world, batch)
    for keying in (first, second):
        key_all(keying, "5545", "", "1111", "5545")

    assert finish_keying(first) == []
    assert stored(secretaries) == {}
    assert finish_keying(second) == []

    assert stored(secretaries) == {("5545", "counted", "paper"): 2, ("1111", "counted", "paper"): 1}
    batch.refresh_from_db()
    assert batch.entered_at is not None
    assert not PaperSheet.objects.exists()
    entry = ActionLogEntry.objects.get(verb="ballots.paper.entered")
    assert entry.detail == {"ballots": 3, "spoilt": 1, "differed": 0}


def test_where_they_differ_both_key_the_sheet_again_and_nothing_enters_before(world, secretaries):
    batch = make(world, secretaries)
    first, second = two_keyers(world, batch)
    key_all(first, "5545", "1111", "2222")
    key_all(second, "5545", "1112", "")

    finish_keying(first)
    assert finish_keying(second) == [2, 3]

    assert stored(secretaries) == {}
    assert sorted(PaperSheet.objects.values_list("keying__seat", "number")) == [(1, 1), (2, 1)]
    assert refusal(finish_keying, first) == ["paper.missing"]
    for keying in (first, second):
        save_sheet(keying, 2, marks="1112")
        save_sheet(keying, 3, marks="2222")
        finish_keying(keying)
    assert stored(secretaries) == {
        ("5545", "counted", "paper"): 1,
        ("1112", "counted", "paper"): 1,
        ("2222", "counted", "paper"): 1,
    }
    batch.refresh_from_db()
    assert batch.differed == 2


def test_keyers_who_read_different_codes_on_a_sheet_differ(world, secretaries):
    batch = make(world, secretaries, kind="coded", sheets=1)
    first, second = two_keyers(world, batch)
    save_sheet(first, 1, marks="5545", credential=credential(world, secretaries, 1))
    save_sheet(second, 1, marks="5545", credential=credential(world, secretaries, 2))

    finish_keying(first)

    assert finish_keying(second) == [1]


def test_a_household_that_voted_online_keeps_that_ballot_and_the_paper_one_is_superseded(world, secretaries):
    cast(secretaries, make_cast(secretaries, world.enrolments[0], "1111", serial=1))
    batch = make(world, secretaries, kind="coded", sheets=2)
    own = [credential(world, secretaries, serial) for serial in (1, 2)]
    for keying in two_keyers(world, batch):
        key_all(keying, "5555", "4444", credentials=own)
        finish_keying(keying)

    assert stored(secretaries) == {
        ("1111", "counted", "code"): 1,
        ("5555", "superseded", "paper"): 1,
        ("4444", "counted", "paper"): 1,
    }


def test_a_household_that_votes_online_after_its_paper_ballot_entered_supersedes_it(world, secretaries):
    batch = make(world, secretaries, kind="coded", sheets=1)
    for keying in two_keyers(world, batch):
        key_all(keying, "5555", credentials=[credential(world, secretaries, 1)])
        finish_keying(keying)

    cast(secretaries, make_cast(secretaries, world.enrolments[0], "1111", serial=1))

    assert stored(secretaries) == {("5555", "superseded", "paper"): 1, ("1111", "counted", "code"): 1}


def test_a_ballot_that_yields_gives_way_whether_the_other_came_before_or_comes_with_it(world, secretaries):
    standing = make_cast(secretaries, world.enrolments[0], "1111")
    late = replace(make_cast(secretaries, world.enrolments[0], "5555"), yields=True)

    cast(secretaries, late)
    cast(secretaries, standing)
    cast(secretaries, replace(late, nonce=codes.new_nonce()))

    assert Counter(secretaries.ballots.values_list("marks", "status")) == {
        ("5555", "superseded"): 2,
        ("1111", "counted"): 1,
    }


def test_the_two_keyers_are_two_people_and_no_third(world, secretaries):
    batch = make(world, secretaries)
    take_seat(batch, by=world.accounts["office"])
    assert refusal(take_seat, batch, by=world.accounts["office"]) == ["paper.same_person"]
    take_seat(batch, by=world.accounts["subdistrict"])
    assert refusal(take_seat, batch, by=world.accounts["other_subdistrict"]) == ["paper.two_keyers"]


def test_a_finished_or_entered_batch_takes_no_more_sheets(world, secretaries):
    batch = make(world, secretaries, sheets=1)
    first, second = two_keyers(world, batch)
    assert refusal(finish_keying, first) == ["paper.missing"]
    key_all(first, "5545")
    finish_keying(first)
    assert refusal(save_sheet, first, 1, marks="1111") == ["paper.finished"]
    assert refusal(enter_batch, batch, by=None) == ["paper.not_agreed"]
    key_all(second, "5545")
    finish_keying(second)
    assert refusal(save_sheet, first, 1, marks="1111") == ["paper.entered"]
    assert refusal(enter_batch, batch, by=None) == ["paper.entered"]
    assert refusal(discard_batch, batch, by=None) == ["paper.entered"]
    assert refusal(take_seat, batch, by=world.accounts["other_subdistrict"]) == ["paper.entered"]


def test_a_sheet_is_kept_in_place_of_an_earlier_reading_and_there_are_no_others(world, secretaries):
    first, _ = two_keyers(world, make(world, secretaries, sheets=2))
    save_sheet(first, 1, marks="5545")
    save_sheet(first, 1, marks="1111")

    assert list(first.read_sheets.values_list("number", "marks")) == [(1, "1111")]
    for number in (0, 3):
        assert refusal(save_sheet, first, number, marks="1111") == ["paper.no_such_sheet"]


def test_one_code_on_two_sheets_is_refused_unless_one_is_spoilt(world, secretaries):
    first, _ = two_keyers(world, make(world, secretaries, kind="coded"))
    own = credential(world, secretaries, 1)
    save_sheet(first, 1, marks="5545", credential=own)

    assert refusal(save_sheet, first, 2, marks="1111", credential=own) == ["paper.code_twice"]
    save_sheet(first, 2, marks="")
    save_sheet(first, 1, marks="5544", credential=own)


def test_a_hall_counts_no_more_sheets_than_there_are_households(world, secretaries):
    make(world, secretaries, sheets=300)

    assert refusal(make, world, secretaries, sheets=101) == ["paper.more_than_households"]
    make(world, secretaries, sheets=100)
    make(world, secretaries, sheets=101, kind="coded")
    make(world, rounds_of(world.season)["projects"], sheets=400)


def test_a_batch_needs_rules_that_name_paper_and_a_round_that_is_not_over(db):
    world = make_voting_world(verification=["household_code"])
    secretaries = rounds_of(world.season)["secretaries"]
    assert refusal(make, world, secretaries) == ["ballots.way_not_accepted"]


def test_no_batch_is_begun_once_the_round_is_closed(world, secretaries):
    close_rounds(world.season, by=None)

    assert refusal(make, world, rounds_of(world.season)["secretaries"]) == ["ballots.not_open"]


def test_a_batch_agreed_on_while_the_round_is_paused_enters_when_it_goes_on(world, secretaries):
    batch = make(world, secretaries, sheets=1)
    first, second = two_keyers(world, batch)
    pause_rounds(world.season, by=None, reason="x")
    for keying in (first, second):
        key_all(keying, "5545")
        assert finish_keying(keying) == []
    assert stored(secretaries) == {}
    assert refusal(enter_batch, batch, by=None) == ["ballots.not_open"]

    resume_rounds(world.season, by=None)

    assert enter_batch(batch, by=None) == 1
    assert stored(secretaries) == {("5545", "counted", "paper"): 1}


def test_an_entering_that_was_cut_off_enters_once(world, secretaries, monkeypatch):
    batch = make(world, secretaries, sheets=2)
    first, second = two_keyers(world, batch)
    for keying in (first, second):
        key_all(keying, "5545", "5545")
    finish_keying(first)
    with monkeypatch.context() as patch:
        patch.setattr(paper, "note_entered", lambda *_args, **_kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            finish_keying(second)
    assert stored(secretaries) == {("5545", "counted", "paper"): 2}

    assert enter_batch(batch, by=None) == 2

    assert stored(secretaries) == {("5545", "counted", "paper"): 2}


def test_a_discarded_batch_leaves_a_line_in_the_log_and_nothing_else(world, secretaries):
    batch = make(world, secretaries)
    key_all(two_keyers(world, batch)[0], "5545")

    discard_batch(batch, by=world.accounts["office"])

    assert not PaperBatch.objects.exists()
    assert ActionLogEntry.objects.get(verb="ballots.paper.discarded").detail == {"sheets": 3}
    assert stored(secretaries) == {}


def test_three_hundred_sheets_enter_with_as_many_receipts(world, secretaries):
    batch = make(world, secretaries, sheets=300)
    first, second = two_keyers(world, batch)
    marks = [f"{n % 5 + 1}{n // 5 % 5 + 1}55" for n in range(300)]
    PaperSheet.objects.bulk_create(
        PaperSheet(keying=keying, number=number, marks=each)
        for keying in (first, second)
        for number, each in enumerate(marks, start=1)
    )
    finish_keying(first)
    finish_keying(second)

    assert secretaries.ballots.filter(status="counted").count() == 300
    assert len(set(map(bytes, secretaries.ballots.values_list("receipt", flat=True)))) == 300
