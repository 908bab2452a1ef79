"""docs/threat-model.md, claim by claim. What is not claimed is shown too: it can be done, and the document says so."""

import datetime
import hashlib
import hmac
import io
import json
import logging
import random
import re
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.core import serializers
from django.core.serializers.json import DjangoJSONEncoder
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localtime, now

from dongliang.ballots import codes, proof
from dongliang.ballots.actions.assisting import begin_assisted
from dongliang.ballots.actions.cards import print_cards
from dongliang.ballots.actions.casting import MOST_STORED, cast_ballots
from dongliang.ballots.actions.closing import destroy_key
from dongliang.ballots.actions.integrity import end_search, judge_flag
from dongliang.ballots.actions.publishing import archive_of, open_tally, publish_statement
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.comments import masked
from dongliang.ballots.intake.snapshot import read_snapshot
from dongliang.ballots.keys import key_path, season_key
from dongliang.ballots.models import AssistedVoice, Ballot, Comment, Flag, Statement, StatementPart
from dongliang.ballots.queries.proof import last_statement
from dongliang.ballots.queries.residents import receipt_status
from dongliang.ballots.queries.sample import sampled_serials
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.people.models import Role
from tests.factories.ballots import (
    NOON,
    cast,
    make_cast,
    make_code,
    make_projects,
    make_rounds,
    make_voting_world,
)
from tests.factories.season import make_account, make_world

DOCUMENT = Path(__file__).parents[2] / "docs" / "threat-model.md"
MARKS = ("5431", "1234", "5023", "4312")

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def world(db):
    world = make_world()
    make_projects(world.season)
    return world


@pytest.fixture
def rounds(world):
    return make_rounds(world.season)


@pytest.fixture
def votes(world, rounds):
    """Receipts by household code: fourteen households of the first neighbourhood, and of the fourth; marks in turn."""
    found = {}
    for place in (0, 3):
        for serial in range(1, 15):
            enrolment = world.enrolments[place]
            page = make_cast(rounds[0], enrolment, MARKS[serial % 4], serial)
            [found[make_code(enrolment, serial)]] = cast(rounds[0], page)
    return found


def exclude(receipt, season, reason="burst"):
    digest = codes.receipt_digest(season_key(season), receipt)
    Ballot.objects.filter(receipt=digest).update(status="excluded", exclusion=reason)


def files_of(statement):
    with zipfile.ZipFile(io.BytesIO(archive_of(statement).read_bytes())) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


def stored_bytes(ballot):
    return {
        bytes(ballot.credential),
        bytes(ballot.receipt),
        bytes(ballot.nonce),
        bytes(ballot.origin or b""),
    } - {b""}


def guesses(text, keys):
    """What somebody would try who has a code or receipt and not the key."""
    texts = {text, text.lower(), codes.normalised(text)}
    for plain in texts:
        for label in (
            "",
            "credential|secretaries|",
            "credential|projects|",
            "receipt|",
            "dongliang receipt 1\n",
        ):
            message = f"{label}{plain}".encode()
            for name in ("sha256", "sha1", "md5", "sha512", "blake2s", "sha3_256"):
                yield hashlib.new(name, message).digest()[:32]
            for key in keys:
                yield hmac.digest(key, message, "sha256")


def test_the_database_with_all_printed_codes_and_all_receipts_leads_to_no_marks(world, votes):
    # All that lies about without the key file: nothing, what every installation has, what the database holds.
    known = [
        b"",
        bytes(32),
        django_settings.SECRET_KEY.encode(),
        bytes(world.season.rounds.first().key_digest),
    ]
    rows = {value for ballot in Ballot.objects.all() for value in stored_bytes(ballot)}

    tried = {guess for pair in votes.items() for text in pair for guess in guesses(text, known)}

    assert tried & rows == set()
    # The same search with the key finds every ballot: it is the key that is missing.
    with_key = {
        guess
        for pair in votes.items()
        for text in pair
        for guess in guesses(text, [season_key(world.season)])
    }
    assert len(with_key & rows) == 2 * len(votes)


def test_every_stored_digest_is_as_even_as_chance(world, votes):
    for name in ("credential", "receipt", "nonce"):
        column = b"".join(bytes(value) for value in Ballot.objects.values_list(name, flat=True))
        ones, bits = int.from_bytes(column).bit_count(), 8 * len(column)

        # Eight standard deviations.
        assert abs(ones - bits / 2) < 4 * bits**0.5, name


def commented(round, enrolment, serial, text):
    page = make_cast(round, enrolment, MARKS[serial % 4], serial)
    return replace(page, comment=text)


def test_a_comment_shares_nothing_with_any_ballot_but_round_and_neighbourhood(world, rounds):
    codes_of_cards = [make_code(world.enrolments[0], serial) for serial in range(1, 13)]
    pages = [commented(rounds[0], world.enrolments[0], serial, f"第{serial}句") for serial in range(1, 13)]
    receipts = cast(rounds[0], *pages)

    [comments, ballots] = (list(table.objects.order_by("pk").values()) for table in (Comment, Ballot))

    # With the key, the codes and the receipts in hand: whatever can be made of them is in no comment.
    known = {
        guess for text in [*codes_of_cards, *receipts] for guess in guesses(text, [season_key(world.season)])
    }
    kept = {
        str(value)
        for row in comments
        for name, value in row.items()
        if name not in ("round_id", "enrolment_id")
    }
    assert {str(value) for value in known} & kept == set()
    allowed = {"round_id", "enrolment_id"}
    shared = {
        name
        for comment in comments
        for ballot in ballots
        for name, value in comment.items()
        if value not in ("", None) and value in ballot.values()
    }
    assert shared == allowed
    # Their numbers stand in another order than those of the ballots: one of twelve factorial would be the same.
    assert [row["text"] for row in comments] != [f"第{serial}句" for serial in range(1, 13)]


def test_codes_and_receipts_in_a_comment_are_masked_before_they_are_stored(world, votes):
    for code, receipt in votes.items():
        for text in (code, code.lower(), codes.normalised(code), receipt, codes.normalised(receipt)):
            assert codes.normalised(text) not in codes.normalised(masked(f"我的是 {text} 。"))


def test_at_the_close_all_comments_are_written_anew(world, rounds):
    for serial in range(1, 7):
        cast(rounds[0], commented(rounds[0], world.enrolments[0], serial, f"第{serial}句"))
    before = set(Comment.objects.values_list("pk", flat=True))

    close_rounds(world.season, by=None)

    assert set(Comment.objects.values_list("pk", flat=True)) & before == set()
    assert Comment.objects.count() == 6


def test_the_two_ballots_of_one_household_share_no_stored_value(world, rounds):
    first = world.enrolments[0]
    cast(rounds[0], make_cast(rounds[0], first, "5431", 1))
    cast(rounds[1], make_cast(rounds[1], first, "1,2", 1))

    one, other = Ballot.objects.order_by("pk")

    assert stored_bytes(one) & stored_bytes(other) == set()


def test_the_time_of_a_ballot_is_stored_to_the_minute(world, votes):
    times = set(Ballot.objects.values_list("cast_at", flat=True))

    assert {(time.second, time.microsecond) for time in times} == {(0, 0)}


def test_the_published_files_hold_no_marks_beside_a_receipt(world, votes):
    close_rounds(world.season, by=None)
    exclude(next(iter(votes.values())), world.season)
    publish_statement(world.season, by=None)

    files = files_of(open_tally(world.season, by=None))

    digests = {proof.commitment(receipt).hex() for receipt in votes.values()}
    beside = {name for name, text in files.items() if any(digest in text for digest in digests)}
    assert beside == {"receipts.csv", "changes-2.csv"}
    words = {cell for name in beside for line in files[name].splitlines()[1:] for cell in line.split(",")}
    assert words - digests == {"secretaries", "1", "4", "counted", "excluded", "burst", ""}
    marked = {name for name, text in files.items() if set(MARKS) & set(re.split(r"[,\n]", text))}
    assert marked == {"marks.csv"}


def test_the_published_files_tell_nothing_of_the_order_of_casting(world, votes):
    close_rounds(world.season, by=None)
    before = list(last_statement(world.season).parts.get().lines)

    assert before == sorted(before)
    cast_in = [proof.commitment(receipt).hex() for receipt in votes.values()]
    assert {line[:64] for line in before} == set(cast_in)
    assert [line[:64] for line in before] != cast_in
    # Nothing of a line depends on the order: the same ballots in another give the same tree.
    entries = [(bytes.fromhex(line[:64]), line[65:]) for line in before]
    random.Random(1).shuffle(entries)
    assert list(proof.Leaves(entries).lines()) == before


def test_two_statements_together_do_not_tell_the_marks_of_a_ballot_excluded_in_between(world, votes):
    """The seals of both are public, and every salt of the second once it is opened."""
    close_rounds(world.season, by=None)
    exclude(next(iter(votes.values())), world.season)
    publish_statement(world.season, by=None)
    sealed = files_of(last_statement(world.season))
    assert "marks.csv" not in sealed
    opened = files_of(open_tally(world.season, by=None))

    salts = {bytes.fromhex(line.split(",")[2]) for line in opened["marks.csv"].splitlines()[1:]}
    rows = {"1": [], "4": []}
    for line in opened["marks.csv"].splitlines()[1:]:
        _kind, number, _salt, marks, count = line.split(",")
        rows[number].append((marks, int(count)))
    first_seals = {line.split(",")[3] for line in opened["tally-1.csv"].splitlines()[1:]}
    second_seals = {line.split(",")[3] for line in opened["tally-2.csv"].splitlines()[1:]}
    for number in rows:
        assert {
            proof.seal_of(salt, ("secretaries", int(number)), rows[number]) for salt in salts
        } & second_seals
        for marks in MARKS:
            before = dict(rows[number])
            before[marks] = before.get(marks, 0) + 1
            for guess in (sorted(before.items()), rows[number]):
                tried = {proof.seal_of(salt, ("secretaries", int(number)), guess) for salt in salts}
                assert tried & first_seals == set()


def test_a_count_is_published_once_so_that_there_is_no_second_to_subtract(world, votes):
    close_rounds(world.season, by=None)
    open_tally(world.season, by=None)
    exclude(next(iter(votes.values())), world.season)

    with pytest.raises(Refused):
        publish_statement(world.season, by=None)
    assert Statement.objects.exclude(marks="").count() == 1


def test_the_marks_of_a_neighbourhood_of_few_ballots_are_not_published_nor_to_be_guessed(
    world, rounds, votes
):
    for place in (1, 2):
        cast(rounds[0], *[make_cast(rounds[0], world.enrolments[place], "3333", n) for n in range(1, 7)])
    close_rounds(world.season, by=None)

    files = files_of(open_tally(world.season, by=None))

    assert "3333" not in files["marks.csv"]
    few = [
        line.split(",")[3] for line in files["tally-1.csv"].splitlines() if line.startswith("secretaries,2,")
    ]
    salts = {bytes.fromhex(line.split(",")[2]) for line in files["marks.csv"].splitlines()[1:]} | {
        b"",
        bytes(32),
    }
    assert not set(few) & {proof.seal_of(salt, ("secretaries", 2), [("3333", 6)]) for salt in salts}


def test_a_receipt_shows_a_buyer_the_same_page_whatever_was_voted(world, rounds, client):
    [good] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "5555", 1))
    [bad] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "1111", 2))

    def shown(receipt):
        page = client.get("/v/receipt/", {"receipt": receipt}).content.decode()
        page = re.sub(r"<code>[0-9a-f]{64}</code>", "digest", page.replace(receipt, "receipt"))
        return re.sub(r"第 \d+ 行", "line", page)

    assert shown(good) == shown(bad)
    close_rounds(world.season, by=None)
    assert shown(good) == shown(bad)


def test_a_voter_under_pressure_can_vote_again_and_the_last_one_counts(world, rounds):
    [bought] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "1111", 1))
    [own] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "5555", 1))

    assert [receipt_status(receipt).status for receipt in (bought, own)] == ["superseded", "counted"]


def test_not_claimed_a_buyer_who_keeps_the_receipt_sees_that_the_vote_was_replaced(world, rounds, client):
    [bought] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "1111", 1))
    cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "5555", 1))

    assert receipt_status(bought).status == "superseded"


def test_not_claimed_a_neighbourhood_of_one_mind_shows_everybody_s_marks(world, rounds):
    for place in (0, 3):
        cast(rounds[0], *[make_cast(rounds[0], world.enrolments[place], "5555", n) for n in range(1, 13)])
    close_rounds(world.season, by=None)

    marks = open_tally(world.season, by=None).marks

    assert {line.split(",")[3] for line in marks.splitlines()[1:]} == {"5555"}


def test_not_claimed_key_and_database_together_tell_what_a_card_voted_until_the_key_is_destroyed(
    world, votes
):
    key, code = season_key(world.season), next(iter(votes))

    ballot = Ballot.objects.get(credential=codes.credential_digest(key, "secretaries", code))

    assert ballot.marks == MARKS[1]


def test_once_the_key_is_destroyed_no_copy_of_it_is_left_here(world, votes, tmp_path):
    key = season_key(world.season)
    close_rounds(world.season, by=None)
    open_tally(world.season, by=None)

    destroy_key(world.season, by=None)

    assert not key_path(world.season).exists()
    assert list(key_path(world.season).parent.iterdir()) == []
    assert codes.hash_begun.cache_info().currsize == 0
    models = (Ballot, Statement, StatementPart, ActionLogEntry, type(world.season.rounds.first()))
    dump = "".join(serializers.serialize("json", model.objects.all()) for model in models)
    assert key.hex() not in dump
    assert hashlib.sha256(key).hexdigest() not in dump
    assert "nonce" in dump


def test_a_residents_process_forgets_a_key_that_another_destroyed(world, votes):
    close_rounds(world.season, by=None)
    before = read_snapshot()
    assert codes.hash_begun.cache_info().currsize > 0
    key_path(world.season).unlink()

    now = read_snapshot(before)

    assert (len(before.seasons), len(now.seasons)) == (1, 0)
    assert codes.hash_begun.cache_info().currsize == 0


def test_the_key_alone_with_all_printed_codes_and_all_published_files_leads_to_no_receipt(world, votes):
    """A receipt takes the ballot's nonce, which only the database holds."""
    key = season_key(world.season)
    close_rounds(world.season, by=None)
    published = {line[:64] for line in last_statement(world.season).parts.get().lines}

    tried = {
        proof.commitment(codes.receipt_of(key, codes.credential_digest(key, kind, code), nonce)).hex()
        for code in votes
        for kind in ("secretaries", "projects")
        for nonce in (b"", bytes(8), b"\xff" * 8)
    }

    assert tried & published == set()


def test_whoever_writes_into_the_database_after_the_close_is_found(world, votes):
    close_rounds(world.season, by=None)
    Ballot.objects.filter(pk=Ballot.objects.first().pk).update(marks="5555")

    with pytest.raises(Refused) as refused:
        open_tally(world.season, by=None)

    assert [blocker.code for blocker in refused.value.blockers] == ["ballots.tampered"]


def test_not_claimed_marks_changed_in_the_database_before_the_close_leave_no_trace_here(world, votes):
    """A copy of the database from before would show it, or a log of the database server; no receipt may."""
    Ballot.objects.filter(pk=Ballot.objects.first().pk).update(marks="5555")

    close_rounds(world.season, by=None)

    assert open_tally(world.season, by=None).content.rounds["secretaries"].unproven == 0


def test_a_ballot_added_without_the_key_is_out_of_the_count_and_told_in_public(world, rounds, votes, client):
    Ballot.objects.create(
        round=rounds[0],
        enrolment=world.enrolments[0],
        credential=b"c" * 32,
        receipt=b"r" * 32,
        nonce=b"n" * 8,
        marks="5555",
        cast_at=rounds[0].opened_at,
    )

    close_rounds(world.season, by=None)

    assert Ballot.objects.get(marks="5555").exclusion == "unproven"
    assert last_statement(world.season).content.rounds["secretaries"].unproven == 1
    for page in ("/v/proof/", reverse("portal:ballot_ledger")):
        assert "来路不明" in client.get(page).content.decode()


@pytest.mark.parametrize("what", ["deleted", "moved", "taken out"])
def test_a_ballot_deleted_moved_or_taken_out_before_the_close_is_seen_by_whoever_holds_its_receipt(
    world, votes, what
):
    receipt = next(iter(votes.values()))
    ballot = Ballot.objects.filter(receipt=codes.receipt_digest(season_key(world.season), receipt))
    if what == "deleted":
        ballot.delete()
    elif what == "moved":
        ballot.update(enrolment=world.enrolments[5])
    else:
        ballot.update(status="superseded")

    close_rounds(world.season, by=None)

    told = receipt_status(receipt)
    assert (told and (told.enrolment, told.status)) != (world.enrolments[0], "counted")


def test_not_claimed_database_and_receipt_together_narrow_it_down_to_the_neighbourhood_s_ballots(
    world, rounds
):
    """Where it has a single one of that status, to that one."""
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[1], "5431", 1))
    told = receipt_status(receipt)

    alike = Ballot.objects.filter(round=told.round, enrolment=told.enrolment, status=told.status)

    assert [ballot.marks for ballot in alike] == ["5431"]


def test_the_log_holds_no_code_no_receipt_no_mark_and_no_address(world, rounds, votes, client):
    printed = list(print_cards(world.enrolments[0], first=1, last=20, by=world.accounts["office"]).values())
    client.get(f"/v/{printed[0]}/", REMOTE_ADDR="203.0.113.7")
    close_rounds(world.season, by=None)
    exclude(next(iter(votes.values())), world.season)
    publish_statement(world.season, by=None)
    open_tally(world.season, by=None)
    destroy_key(world.season, by=None)

    # Without the numbers of rows, any of which may happen to read like marks.
    written = [
        field.name
        for field in ActionLogEntry._meta.fields
        if field.name not in ("id", "sequence", "by", "subject_id")
    ]
    log = json.dumps(list(ActionLogEntry.objects.values(*written)), cls=DjangoJSONEncoder)

    secret = {*printed, *votes, *votes.values(), *MARKS, "203.0.113.7"}
    secret |= {codes.normalised(text) for text in (*votes, *votes.values())}
    secret |= {proof.commitment(receipt).hex() for receipt in votes.values()}
    words = set(re.split(r"[^0-9A-Za-z.-]", log))
    assert words & secret == set()
    # It is the right log.
    assert "ballots.key.destroyed" in words


def test_the_server_writes_no_code_no_receipt_and_no_address_into_its_own_log(world, votes, client, caplog):
    code, receipt = next(iter(votes.items()))
    with caplog.at_level(logging.DEBUG, logger="django.request"):
        for address in (
            f"/v/{code}/",
            f"/v/thanks/{receipt}/",
            f"/v/{code}/thanks/{receipt}/",
            f"/v/receipt/?receipt={receipt}",
            f"/v/{code}x/",
        ):
            client.get(address, REMOTE_ADDR="203.0.113.7")
            client.post(address, "party_members=9", content_type=FORM, REMOTE_ADDR="203.0.113.7")

    assert [text for text in (code, receipt, "203.0.113.7") if text in caplog.text] == []


def test_whoever_prints_cards_is_written_down(world, rounds):
    """They could use the codes: that is not prevented, and can be asked about."""
    print_cards(world.enrolments[0], first=1, last=20, by=world.accounts["subdistrict"])

    entry = ActionLogEntry.objects.get(verb="ballots.cards.printed")
    assert (entry.by, entry.detail) == (world.accounts["subdistrict"], {"first": 1, "last": 20})


def test_a_card_tells_neither_its_neighbourhood_nor_its_place_in_the_pile(world, rounds):
    """Cards side by side in the pile agree in as many symbols as any two cards do."""
    cards = [codes.normalised(make_code(world.enrolments[0], serial)) for serial in range(1, 400)]
    others = [codes.normalised(make_code(world.enrolments[5], serial)) for serial in range(1, 400)]

    def agreement(pairs):
        return sum(one == other for pair in pairs for one, other in zip(*pair, strict=True)) / (12 * 398)

    beside = agreement(pairwise(cards))
    apart = agreement(zip(cards, others[1:], strict=False))
    assert beside < 0.06
    assert apart < 0.06


def test_a_guessed_code_is_none(world, rounds):
    key, chance = season_key(world.season), random.Random(7)
    guessed = ("".join(chance.choices(codes.ALPHABET, k=12)) for _ in range(20_000))

    assert [code for code in guessed if codes.read(key, code)] == []


def sent(client, address, mark):
    answers = dict.fromkeys(("party_members", "residents_follow", "method", "delivery"), mark)
    return client.post(address, urlencode(answers), content_type=FORM)


def test_the_address_of_a_receipt_s_page_is_no_ballot(world, rounds, client):
    """Nor do the addresses that its links lead to, for whoever else opens them."""
    shown = sent(client, f"/v/{make_code(world.enrolments[0])}/", "5")["Location"]

    others = [Client().get(f"{shown}{rest}") for rest in ("", "change/", "projects/")]
    taken = [Client().post(f"{shown}{rest}", "picks=1", content_type=FORM) for rest in ("", "change/")]

    assert [response.headers.get("Location") for response in others] == [None, "/v/", "/v/"]
    assert [response.status_code for response in taken] == [405, 405]
    assert codes.normalised(make_code(world.enrolments[0])) not in others[0].content.decode().replace("-", "")
    assert Ballot.objects.count() == 1


def test_an_officer_who_has_the_device_back_replaces_no_answer(client, db):
    world = make_voting_world()
    handed = begin_assisted(world.enrolments[0], by=world.accounts["subdistrict"], at=now())

    told = [sent(client, f"/v/{handed}/", mark).status_code for mark in "151"]

    assert told == [303, 409, 409]
    assert list(Ballot.objects.values_list("marks", "status")) == [("1111", "counted")]


def test_a_card_stores_no_ballots_without_end(world, rounds):
    def once_more(place):
        return cast(rounds[0], make_cast(rounds[0], world.enrolments[0], f"{1 + place % 5}555"))

    for place in range(MOST_STORED):
        once_more(place)

    with pytest.raises(Refused):
        once_more(0)
    assert Ballot.objects.count() == MOST_STORED


def test_not_claimed_whoever_uses_a_card_up_has_its_last_word_until_it_is_replaced(world, rounds):
    for place in range(MOST_STORED):
        cast(rounds[0], make_cast(rounds[0], world.enrolments[0], f"{1 + place % 5}555"))
    with pytest.raises(Refused):
        cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "1111"))

    revoke_cards(world.enrolments[0], [1], reason="seen", by=None)

    cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "1111", 2))
    close_rounds(world.season, by=None)
    flag = Flag.objects.get()
    for name in ("panel-1", "panel-2"):
        judge = make_account(name, (Role.OFFICE, world.district))
        judge_flag(flag, decision="exclude", reason="seen", by=judge)
    assert list(Ballot.objects.filter(status="counted").values_list("marks", flat=True)) == ["1111"]


def test_not_claimed_whoever_holds_a_card_can_vote_with_it(world, rounds, client):
    """A secretary who keeps cards back, a printing house, a neighbour at the letter box."""
    code = make_code(world.enrolments[0])
    answers = dict.fromkeys(("party_members", "residents_follow", "method", "delivery"), "5")

    assert client.post(f"/v/{code}/", urlencode(answers), content_type=FORM).status_code == 303


def test_not_claimed_whoever_has_a_household_s_code_and_reads_the_database_learns_its_vote_by_voting_once_more(
    world, votes, client
):
    """One row turns from counted to superseded. The household sees it: its receipt says that somebody voted later."""
    [[code, receipt], *_others] = votes.items()
    before = dict(Ballot.objects.filter(status="counted").values_list("pk", "marks"))
    answers = dict.fromkeys(("party_members", "residents_follow", "method", "delivery"), "5")

    client.post(f"/v/{code}/", urlencode(answers), content_type=FORM)

    [found] = Ballot.objects.filter(status="superseded")
    new = Ballot.objects.get(credential=found.credential, status="counted")
    assert (before[found.pk], new.marks) == (MARKS[1], "5555")
    assert "以那一次为准" in client.get("/v/receipt/", {"receipt": receipt}).content.decode()


def two_votes(rounds, enrolment, serial, minute, channel="code"):
    """A household's rating, and its choice of projects right after it."""
    at = NOON + datetime.timedelta(minutes=minute)
    for round, marks in zip(rounds, (MARKS[serial % 4], "1,2"), strict=True):
        page = replace(make_cast(round, enrolment, marks, serial), channel=channel)
        cast_ballots(round, [page], key=season_key(round.season), at=at)


def beside(round, enrolment, moment, **also):
    """The marks of the ballots that somebody's record of a moment leads to."""
    minute = moment.replace(second=0, microsecond=0)
    return list(
        round.ballots.filter(enrolment=enrolment, cast_at=minute, **also).values_list("marks", flat=True)
    )


def end_of_search(season):
    close_rounds(season, by=None)
    end_search(season, by=None)


def test_not_claimed_until_the_search_ends_minute_neighbourhood_and_way_lead_to_a_ballot(world, rounds):
    """From one ballot of a household to the other, from the officer's record of help, from the gateway's of sending."""
    home = world.enrolments[0]
    for serial in range(1, 9):
        two_votes(rounds, home, serial, 7 * serial, channel={3: "sms", 4: "assisted"}.get(serial, "code"))

    rating, picks = Ballot.objects.order_by("pk")[2:4]
    assert (rating.cast_at, rating.channel, rating.enrolment) == (picks.cast_at, picks.channel, home)
    sent, helped = (NOON + datetime.timedelta(minutes=minute) for minute in (21, 28))
    assert beside(rounds[0], home, sent, channel="sms") == [MARKS[3]]
    assert beside(rounds[0], home, helped, channel="assisted") == [MARKS[0]]


def test_after_the_search_a_household_s_two_ballots_have_only_the_neighbourhood_in_common(world, rounds):
    home = world.enrolments[0]
    for serial in range(1, 31):
        two_votes(rounds, home, serial, 7 * serial)
    end_of_search(world.season)

    ratings, picks = (
        {bytes(row["credential"]): row for row in round.ballots.order_by("pk").values()} for round in rounds
    )
    key = season_key(world.season)
    pairs, place = [], {row["id"]: n for rows in (ratings, picks) for n, row in enumerate(rows.values())}
    for serial in range(1, 31):
        code = make_code(home, serial)
        pairs.append(
            [
                rows[codes.credential_digest(key, kind, code)]
                for rows, kind in ((ratings, "secretaries"), (picks, "projects"))
            ]
        )
    shared = {frozenset(name for name in one if one[name] == other[name]) for one, other in pairs}
    every = {"enrolment_id", "channel", "in_sample", "origin", "status", "exclusion", "cast_at"}
    assert shared == {frozenset(every)}
    assert {(one["channel"], one["origin"], one["cast_at"]) for pair in pairs for one in pair} == {
        ("", None, None)
    }
    # As many stand in one place of both tables as chance leaves there: all thirty would be a household's own.
    assert sum(place[one["id"]] == place[other["id"]] for one, other in pairs) < 15


def test_after_the_search_the_record_of_an_officer_s_help_leads_to_no_ballot(world, rounds):
    home = world.enrolments[0]
    for serial in range(1, 9):
        two_votes(rounds, home, serial, 7 * serial, channel="assisted" if serial == 4 else "code")
    begin_assisted(home, by=world.accounts["subdistrict"], at=NOON + datetime.timedelta(minutes=28))
    end_of_search(world.season)

    # The record holds the day; what the log holds to the second meets no minute and no way any more.
    assert localtime(AssistedVoice.objects.get().at).time() == datetime.time()
    assert beside(rounds[0], home, NOON + datetime.timedelta(minutes=28)) == []
    assert not Ballot.objects.exclude(channel="").exists()


def test_after_the_search_the_sending_log_of_the_text_messages_leads_to_no_ballot(world, rounds):
    home = world.enrolments[0]
    for serial in range(1, 9):
        two_votes(rounds, home, serial, 7 * serial, channel="sms" if serial == 3 else "code")
    sending_log = [(NOON + datetime.timedelta(minutes=21), "13900001234")]
    end_of_search(world.season)

    [led] = [beside(rounds[0], home, at, channel="sms") for at, _number in sending_log]

    assert (led, set(Ballot.objects.values_list("channel", "cast_at"))) == ([], {("", None)})


def test_revoking_a_card_changes_no_row_and_tells_nobody_whether_it_had_voted(world, votes):
    before = list(Ballot.objects.order_by("pk").values())
    revoke_cards(world.enrolments[0], [3], reason="lost", by=world.accounts["office"])
    revoke_cards(world.enrolments[0], [300], reason="lost", by=world.accounts["office"])

    voted, unused = ActionLogEntry.objects.filter(verb="ballots.cards.revoked").order_by("sequence")
    assert list(Ballot.objects.order_by("pk").values()) == before
    assert (voted.detail, unused.detail) == (
        {"serials": [3], "reason": "lost"},
        {"serials": [300], "reason": "lost"},
    )


def test_not_claimed_after_the_close_a_neighbourhood_s_only_revoked_card_leads_to_its_ballot(world, votes):
    """For whoever reads the database, until the search ends; the panel learns that it had voted, and no marks."""
    revoke_cards(world.enrolments[0], [3], reason="lost", by=world.accounts["office"])
    close_rounds(world.season, by=None)

    flag = Flag.objects.get()

    assert (flag.number, flag.evidence) == (1, {"cards": 1})
    assert [held.ballot.marks for held in flag.ballots.all()] == [MARKS[3]]


def test_no_account_takes_a_ballot_out_of_the_count_alone(world, votes):
    """A subdistrict's account is refused more than one card in ten; the office's revokes them, and all ballots count."""
    home = world.enrolments[0]
    with pytest.raises(Refused):
        revoke_cards(home, range(1, 401), reason="lost", by=world.accounts["subdistrict"])
    revoke_cards(home, range(1, 401), reason="lost", by=world.accounts["office"])
    close_rounds(world.season, by=None)
    flag = Flag.objects.get()

    judge_flag(flag, decision="exclude", reason="丢了", by=world.accounts["office"])
    with pytest.raises(Refused):
        judge_flag(flag, decision="exclude", reason="丢了", by=world.accounts["office"])

    assert set(Ballot.objects.values_list("status", flat=True)) == {"counted"}


def test_a_subdistrict_prints_no_more_cards_than_one_in_ten_beyond_its_households(world, rounds):
    home = world.enrolments[0]
    revoke_cards(home, range(1, 401), reason="lost", by=world.accounts["office"])

    with pytest.raises(Refused) as refused:
        print_cards(home, first=441, last=441, by=world.accounts["subdistrict"])

    assert [blocker.code for blocker in refused.value.blockers] == ["ballots.too_many_cards"]


def test_no_code_of_the_sample_s_cards_is_in_a_subdistrict_s_hands(world, rounds):
    home = world.enrolments[0]

    printed = print_cards(home, first=1, last=440, by=world.accounts["subdistrict"])

    sample = sampled_serials(world.season)[home.number]
    assert (len(sample), set(printed) & sample, len(printed)) == (55, set(), 385)


def test_network_digests_are_emptied_with_the_key(world, votes):
    Ballot.objects.update(origin=b"\1\2\3\4")
    close_rounds(world.season, by=None)
    open_tally(world.season, by=None)

    destroy_key(world.season, by=None)

    assert set(Ballot.objects.values_list("origin", flat=True)) == {None}


def test_the_document_names_every_test_and_no_other():
    """A claim without a test, or a test without its claim, is a gap."""
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT.read_text()))
    there = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text(), re.M))

    assert named == there - {"test_the_document_names_every_test_and_no_other"}
