import datetime
from urllib.parse import urlencode

import pytest
from django.core import serializers
from django.test import Client
from django.urls import reverse

from dongliang.ballots.actions.comments import decide_comment, shuffle_comments
from dongliang.ballots.actions.rounds import close_rounds
from dongliang.ballots.comments import LONGEST, MASK, masked
from dongliang.ballots.models import Ballot, Comment
from dongliang.ballots.queries.comments import comments_shown_to
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.seasons.rulebook import preset, validated
from tests.factories.ballots import cast, make_cast, make_code, make_voting_world

NOON = datetime.datetime(2021, 11, 1, 4, 34, 56, tzinfo=datetime.UTC)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def world(transactional_db):
    return make_voting_world(comments=True)


def round_of(world):
    return world.season.rounds.get(kind="secretaries")


def said(world, place: int, serial: int, text: str, marks: str = "5431"):
    page = make_cast(round_of(world), world.enrolments[place], marks, serial)
    return type(page)(page.enrolment_id, page.credential, page.marks, page.nonce, comment=text)


def send(client: Client, code: str, **fields: str):
    answers = {"party_members": "5", "residents_follow": "4", "method": "3", "delivery": "1"}
    return client.post(f"/v/{code}/", urlencode(answers | fields), content_type=FORM)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("请打 13800000000 找我", f"请打 {MASK} 找我"),
        ("１３８ ００００ ００００", MASK),
        ("+86 138-0000-0000。", f"{MASK}。"),
        ("身份证31010119600101123X", f"身份证{MASK}"),
        ("加我QQ 123456789", f"加我QQ {MASK}"),
        ("邮箱 li.ming@example.com", f"邮箱 {MASK}"),
        ("看 https://example.com/a?b=1 吧", f"看 {MASK} 吧"),
        ("我的卡 RKSE-W8R6-KJ9G", f"我的卡 {MASK}"),
        ("我的卡 rksew8r6kj9g", f"我的卡 {MASK}"),
        ("回执 7KQ2M-X9PRD", f"回执 {MASK}"),
        ("3号楼502室灯坏了", "3号楼502室灯坏了"),
        ("2021年11月8日开的会", "2021年11月8日开的会"),
        ("very good neighbourhood", "very good neighbourhood"),
        ("第一行\r\n第二行\t完", "第一行 第二行 完"),
        ("反\u202e向\u200b字", "反 向 字"),
        ("   ", ""),
    ],
)
def test_numbers_and_addresses_are_masked_and_words_are_not(written, stored):
    assert masked(written) == stored


def test_rule_books_without_comments_keep_their_fingerprint():
    plain = preset("putuo-2021")
    document = plain.model_dump()
    off = validated({**document, "residents": document["residents"] | {"comments": False}})
    on = validated({**document, "residents": document["residents"] | {"comments": True}})

    assert "comments" not in document["residents"]
    assert off.sha256 == plain.sha256
    assert on.sha256 != plain.sha256
    assert validated(on.model_dump()).residents.comments


def test_a_comment_is_stored_with_the_ballot_and_shows_no_way_to_it(world):
    cast(round_of(world), said(world, 0, 1, "楼道灯修好了"), said(world, 0, 2, ""), said(world, 1, 1, "谢谢"))

    assert Ballot.objects.count() == 3
    assert set(Comment.objects.values_list("enrolment", "text", "written_on", "state")) == {
        (world.enrolments[0].pk, "楼道灯修好了", datetime.date(2021, 11, 1), "pending"),
        (world.enrolments[1].pk, "谢谢", datetime.date(2021, 11, 1), "pending"),
    }


def test_only_the_first_comment_of_a_card_is_stored(world):
    first = said(world, 0, 1, "第一句")
    cast(round_of(world), first, said(world, 0, 1, "同批第二句"))
    cast(round_of(world), first, said(world, 0, 1, "后来的一句", marks="1111"))

    assert list(Comment.objects.values_list("text", flat=True)) == ["第一句"]


def test_where_ballots_are_not_stored_neither_is_a_comment(world):
    round = round_of(world)
    close_rounds(world.season, by=None)

    with pytest.raises(Refused):
        cast(round, said(world, 0, 1, "太晚了"))

    assert not Comment.objects.exists()


def test_closing_writes_comments_anew_in_an_order_of_chance(world):
    cast(round_of(world), *(said(world, 0, serial, f"第{serial}句") for serial in range(1, 9)))
    before = set(Comment.objects.values_list("number", flat=True))

    close_rounds(world.season, by=None)

    after = Comment.objects.values_list("number", "text")
    assert {number for number, _text in after} & before == set()
    assert {text for _number, text in after} == {f"第{serial}句" for serial in range(1, 9)}
    assert shuffle_comments(round_of(world)) == 8


def test_the_page_takes_a_comment_and_masks_it(world, client):
    code = make_code(world.enrolments[0])

    page = client.get(f"/v/{code}/").content.decode()
    answer = send(client, code, comment="灯修好了，谢谢！电话13800000000")

    assert 'name="comment"' in page
    assert answer.status_code == 303
    assert [entry.text for entry in Comment.objects.all()] == [f"灯修好了，谢谢！电话{MASK}"]


def test_a_comment_that_is_too_long_comes_back_with_all_that_was_written(world, client):
    code = make_code(world.enrolments[0])

    answer = send(client, code, comment="好" * (LONGEST + 3))

    assert answer.status_code == 422
    assert "好" * (LONGEST + 3) in answer.content.decode()
    assert "3" in answer.content.decode()
    assert not Ballot.objects.exists()


def test_a_comment_is_kept_on_the_page_while_a_question_is_open(world, client):
    code = make_code(world.enrolments[0])

    answer = send(client, code, comment="<b>灯修好了</b>", delivery="")

    assert answer.status_code == 422
    assert "&lt;b&gt;灯修好了&lt;/b&gt;" in answer.content.decode()


def test_who_has_voted_is_not_asked_for_another_comment(world, client):
    code = make_code(world.enrolments[0])
    send(client, code, comment="第一句")

    assert 'name="comment"' not in client.get(f"/v/{code}/").content.decode()


def test_the_page_takes_no_comment_where_the_rule_book_has_none(transactional_db, client):
    world = make_voting_world()
    code = make_code(world.enrolments[0])

    page = client.get(f"/v/{code}/").content.decode()
    answer = send(client, code, comment="写了也没有")

    assert 'name="comment"' not in page
    assert answer.status_code == 400
    assert not Comment.objects.exists()


def test_the_secretary_reads_only_what_is_shown(world):
    cast(round_of(world), *(said(world, 0, serial, text) for serial, text in enumerate("甲乙丙", start=1)))
    close_rounds(world.season, by=None)
    shown, withheld, _pending = Comment.objects.order_by("text")
    decide_comment(shown, state="shown", by=None)
    decide_comment(withheld, state="withheld", reason="insult", by=None)

    assert comments_shown_to(world.enrolments[0]) == [shown.text]
    assert comments_shown_to(world.enrolments[1]) == []


def test_withholding_needs_a_reason_and_can_be_taken_back(world):
    cast(round_of(world), said(world, 0, 1, "甲"))
    close_rounds(world.season, by=None)
    comment = Comment.objects.get()

    with pytest.raises(Refused) as no_reason:
        decide_comment(comment, state="withheld", by=None)
    with pytest.raises(Refused) as nothing:
        decide_comment(comment, state="", by=None)
    decide_comment(comment, state="withheld", reason="insult", by=None)
    decide_comment(comment, state="shown", reason="insult", by=None)

    assert [blocker.code for blocker in no_reason.value.blockers] == ["comments.no_reason"]
    assert [blocker.code for blocker in nothing.value.blockers] == ["comments.undecided"]
    assert Comment.objects.values_list("state", "reason").get() == ("shown", "")


def test_the_log_tells_what_was_decided_and_not_what_was_written(world):
    cast(round_of(world), said(world, 0, 1, "楼道灯修好了"))
    close_rounds(world.season, by=None)
    decide_comment(Comment.objects.get(), state="withheld", reason="personal", by=None)

    line = ActionLogEntry.objects.get(verb="ballots.comment.decided")

    assert line.detail == {"state": "withheld", "reason": "personal"}
    assert "楼道灯" not in serializers.serialize("json", ActionLogEntry.objects.all())


def test_the_office_checks_comments_once_the_round_is_closed(world, client):
    cast(round_of(world), said(world, 0, 1, f"电话{MASK}"), said(world, 3, 1, "停车还是乱"))
    client.force_login(world.accounts["office"])
    address = reverse("ballots:comments")
    open_ = client.get(address).context["page"].paginator.count
    close_rounds(world.season, by=None)

    page = client.get(address)
    found = {
        wanted: [comment.text for comment, _parts in client.get(address + wanted).context["rows"]]
        for wanted in ("?q=zly", "?q=停车", "?state=shown", "?q=%00&state=shown")
    }
    comment = Comment.objects.get(text="停车还是乱")
    client.post(reverse("ballots:decide_comment", args=[comment.pk]), {"state": "shown", "next": address})

    assert open_ == 0
    assert page.context["page"].paginator.count == 2
    assert "<mark>" in page.content.decode()
    assert found["?q=zly"] == [f"电话{MASK}"]
    assert found["?q=停车"] == ["停车还是乱"]
    assert found["?state=shown"] == []
    assert len(found["?q=%00&state=shown"]) == 2
    assert comments_shown_to(world.enrolments[3]) == ["停车还是乱"]
