"""What anybody sees of the published ballots, and what the office does with them."""

import io
import re
import zipfile

import pytest

from dongliang.ballots import codes
from dongliang.ballots.actions.closing import destroy_key
from dongliang.ballots.actions.integrity import judge_flag
from dongliang.ballots.actions.publishing import open_tally, publish_statement
from dongliang.ballots.actions.revoking import revoke_cards
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.checking import check_archive
from dongliang.ballots.keys import key_path, season_key
from dongliang.ballots.models import Ballot, Flag, Statement
from dongliang.ballots.queries.proof import last_statement
from dongliang.people.models import Role
from tests.factories.ballots import cast, make_cast, make_code, make_projects, make_rounds
from tests.factories.season import make_account, make_world

STATEMENTS = "/rounds/lz-2021/statements/"


@pytest.fixture
def world(db):
    world = make_world()
    make_projects(world.season)
    return world


@pytest.fixture
def rounds(world):
    return make_rounds(world.season)


@pytest.fixture
def office(client, world):
    client.force_login(world.accounts["office"])
    return client


def page(response):
    return response.content.decode()


def checked(client, receipt):
    return page(client.get("/v/receipt/", {"receipt": receipt}))


def exclude(receipt, season, reason):
    digest = codes.receipt_digest(season_key(season), receipt)
    Ballot.objects.filter(receipt=digest).update(status="excluded", exclusion=reason)


def restated(statement, *, format):
    """The statement with three rows that the key did not make, of either format."""
    content = statement.content
    counts = content.rounds["secretaries"].model_copy(update={"unproven": 3})
    changed = content.model_copy(
        update={"format": format, "rounds": content.rounds | {"secretaries": counts}}
    )
    Statement.objects.filter(pk=statement.pk).update(document=changed.canonical.decode())


def test_before_the_close_a_receipt_tells_its_state_and_place_and_no_proof(client, world, rounds):
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0]))

    shown = checked(client, receipt)

    assert "这一票算数。" in shown
    assert world.enrolments[0].organisation.name in shown
    assert "怎么知道没被人改过" not in shown


def test_after_the_close_a_receipt_tells_its_line_its_path_and_the_root(client, world, rounds):
    receipts = cast(rounds[0], *[make_cast(rounds[0], world.enrolments[0], "5431", n) for n in range(1, 5)])
    close_rounds(world.season, by=None)
    statement = last_statement(world.season)

    shown = checked(client, receipts[0].lower())

    assert "全部 4 张票" in shown
    assert statement.content.receipts_root in shown
    assert statement.fingerprint in shown
    assert "共 2 步" in shown
    assert "5431" not in re.sub("[0-9a-f]{64}", "", shown)


def test_a_replaced_vote_s_receipt_says_that_the_newer_one_counts(client, world, rounds):
    [old] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "1111"))
    cast(rounds[0], make_cast(rounds[0], world.enrolments[0], "5555"))

    assert "以那一次为准" in checked(client, old)
    close_rounds(world.season, by=None)
    assert "以那一次为准" in checked(client, old)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("revoked", "已经挂失"),
        ("burst", "短时间内"),
        ("origin", "同一个网络连接"),
        ("straight", "从头到尾打同一个分"),
        ("copies", "一模一样"),
        ("cards", "印在一起的几张卡"),
    ],
)
def test_an_excluded_vote_s_receipt_says_why(client, world, rounds, reason, words):
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0]))
    exclude(receipt, world.season, reason)

    assert words in checked(client, receipt)
    close_rounds(world.season, by=None)
    assert words in checked(client, receipt)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("revoked", "没有人单独作过决定"),
        ("unproven", "不是哪个人的决定"),
        ("burst", "这是两个人各自复核、写明理由之后作出的决定"),
    ],
)
def test_an_excluded_vote_s_receipt_says_who_decided_and_where_nobody_did(
    client, world, rounds, reason, words
):
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0]))
    exclude(receipt, world.season, reason)

    assert words in checked(client, receipt)


def test_the_receipt_of_a_revoked_card_s_vote_says_that_two_people_decided(client, world, rounds):
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0], serial=7))
    revoke_cards(world.enrolments[0], [7], reason="lost", by=world.accounts["office"])
    assert "这一票算数" in checked(client, receipt)
    close_rounds(world.season, by=None)
    assert "这一票算数" in checked(client, receipt)
    colleague = make_account("colleague", (Role.OFFICE, world.district))

    for member in (world.accounts["office"], colleague):
        judge_flag(Flag.objects.get(), decision="exclude", reason="问过住户", by=member)

    assert "已经挂失或交回" in checked(client, receipt)
    assert "这是两个人各自复核、写明理由之后作出的决定" in checked(client, receipt)


def test_every_class_of_exclusion_has_its_words(client, world, rounds):
    receipts = cast(
        rounds[0],
        *[
            make_cast(rounds[0], world.enrolments[0], "5545", n)
            for n, _ in enumerate(Ballot.Exclusion, start=1)
        ],
    )
    shown = []
    for receipt, reason in zip(receipts, Ballot.Exclusion, strict=True):
        exclude(receipt, world.season, reason)
        shown.append(checked(client, receipt).split('"notice notice-stop"')[1].split("</p>")[1])

    assert len(set(shown)) == len(Ballot.Exclusion)
    assert "" not in {text.removeprefix("<p>").strip() for text in shown}


def test_an_exclusion_after_the_close_is_told_at_once_and_stated_later(client, world, rounds):
    receipt, _ = cast(rounds[0], *[make_cast(rounds[0], world.enrolments[0], "5545", n) for n in (1, 2)])
    close_rounds(world.season, by=None)
    exclude(receipt, world.season, "burst")

    assert "会写进下一份公告" in checked(client, receipt)
    publish_statement(world.season, by=None)
    shown = checked(client, receipt)
    assert "会写进下一份公告" not in shown
    assert "secretaries,1,excluded,burst" in shown


def test_receipts_are_checked_after_the_key_is_destroyed_and_codes_are_not(client, world, rounds):
    [receipt] = cast(rounds[0], make_cast(rounds[0], world.enrolments[0]))
    code = make_code(world.enrolments[0])
    close_rounds(world.season, by=None)
    open_tally(world.season, by=None)
    destroy_key(world.season, by=None)

    assert "这一票算数。" in checked(client, receipt)
    assert client.get(f"/v/{code}/").status_code == 404


def test_the_proof_page_says_when_nothing_is_published(client, world):
    assert "第一份公告" in page(client.get("/v/proof/"))


def test_the_proof_page_shows_every_statement_and_leads_to_an_archive_that_holds(
    client, world, rounds, tmp_path
):
    receipt, _ = cast(rounds[0], *[make_cast(rounds[0], world.enrolments[0], "5545", n) for n in (1, 2)])
    close_rounds(world.season, by=None)
    exclude(receipt, world.season, "burst")
    publish_statement(world.season, by=None)
    first, second = world.season.statements.order_by("version")

    shown = page(client.get("/v/proof/"))
    downloaded = client.get("/v/proof/lz-2021/2/")

    assert first.fingerprint in shown
    assert second.fingerprint in shown
    assert downloaded["Content-Disposition"] == 'attachment; filename="lz-2021-2.zip"'
    content = b"".join(downloaded.streaming_content)
    (tmp_path / "lz.zip").write_bytes(content)
    report = check_archive(tmp_path / "lz.zip", [receipt])
    assert (report.faults, report.found[receipt].leaf.exclusion) == ([], "burst")
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    assert client.get("/v/proof/lz-2021/3/").status_code == 404


def test_the_proof_page_takes_as_many_statements_of_a_database_however_many_ballots(
    client, world, rounds, django_assert_max_num_queries
):
    close_rounds(world.season, by=None)

    with django_assert_max_num_queries(3):
        client.get("/v/proof/")


def test_the_office_goes_from_the_close_to_the_destroyed_key(office, world, rounds):
    receipt, _ = cast(rounds[0], *[make_cast(rounds[0], world.enrolments[0], "5545", n) for n in (1, 2)])
    assert "居民投票还没有结束" in page(office.get(STATEMENTS))
    office.post("/rounds/lz-2021/close/")
    exclude(receipt, world.season, "burst")
    assert "选票有变动" in page(office.get(STATEMENTS))

    assert "公告已发布" in page(office.post(f"{STATEMENTS}publish/", follow=True))
    assert "计票结果已公布" in page(office.post(f"{STATEMENTS}open/", follow=True))
    destroyed = page(office.post(f"{STATEMENTS}destroy-key/", {"name": "lz-2021"}, follow=True))

    assert "选票密钥已销毁" in destroyed
    assert not key_path(world.season).exists()


def test_a_key_is_not_destroyed_by_a_slip_of_the_hand(office, world, rounds):
    close_rounds(world.season, by=None)
    open_tally(world.season, by=None)

    for typed in ("", "lz-2022"):
        response = office.post(f"{STATEMENTS}destroy-key/", {"name": typed})
        assert response.status_code == 422
    assert "这不是本年度的简称" in page(response)
    assert key_path(world.season).exists()


def test_what_stands_against_it_is_shown_and_told(office, world, rounds):
    for step, words in (
        ("publish", "居民投票还没有结束"),
        ("open", "还没有出过公告"),
    ):
        assert words in page(office.post(f"{STATEMENTS}{step}/", follow=True))
    told = page(office.post(f"{STATEMENTS}destroy-key/", {"name": "lz-2021"}, follow=True))
    assert "请把密钥留到投票结束" in told
    assert key_path(world.season).exists()


def test_ballots_that_the_key_did_not_make_are_called_out(office, world, rounds):
    Ballot.objects.create(
        round=rounds[0],
        enrolment=world.enrolments[0],
        credential=b"c" * 32,
        receipt=b"r" * 32,
        marks="5555",
        cast_at=rounds[0].opened_at,
    )
    close_rounds(world.season, by=None)

    assert "来路不明" in page(office.get(STATEMENTS))
    assert "这些票不予计入。请查明谁能写数据库。" in page(office.get(STATEMENTS))


def test_the_public_page_tells_of_ballots_that_the_key_did_not_make_and_that_there_are_none(
    client, world, rounds
):
    close_rounds(world.season, by=None)
    assert "每一张票都用这次投票的密钥核对过" in page(client.get("/v/proof/"))

    statement = last_statement(world.season)
    restated(statement, format=1)
    assert "有 3 张票的回执不是这次投票的密钥做出来的" in page(client.get("/v/proof/"))
    assert "这些票仍然计入" in page(client.get("/v/proof/"))
    restated(statement, format=2)
    assert "这些票不予计入，单列一类" in page(client.get("/v/proof/"))
