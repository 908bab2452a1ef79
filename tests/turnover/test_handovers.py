import datetime

import pytest

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.people.models import Tenure
from dongliang.projects.actions import set_state
from dongliang.turnover.actions.handovers import (
    answer_item,
    drop_item,
    name_successor,
    open_handover,
    renew_handover,
    sign_handover,
    words_of,
    write_item,
)
from dongliang.turnover.actions.posts import make_promise, settle_promise
from dongliang.turnover.models import Handover, Promise, Side
from dongliang.turnover.queries.handovers import seats
from tests.factories.mentoring import make_coaching
from tests.factories.projects import make_first_thing
from tests.factories.season import World, make_account, make_world
from tests.factories.turnover import LAST_DAY, accept, make_accepted, make_change, make_handover, make_item

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world() -> World:
    return make_world()


def codes(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def sign(handover: Handover, world: World, role: str):
    return sign_handover(handover, shown=Handover.objects.get(pk=handover.pk).sha256, by=world.accounts[role])


def signed(handover: Handover) -> list[str]:
    return [seat.side for seat in seats(Handover.objects.get(pk=handover.pk)) if seat.signature]


def test_open_projects_promises_and_agreed_steps_are_on_the_list_from_the_start(world):
    make_coaching(world)
    make_first_thing(world.enrolments[0], title="电梯加装")
    post = world.enrolments[0].post
    make_promise(post, what="修好东门", due_on=datetime.date(2021, 12, 1), by=None)
    kept = make_promise(post, what="换楼道灯", due_on=None, by=None)
    settle_promise(kept, state="kept", outcome="已换", by=None)

    leaver, _successor = make_change(world, place=0)
    handover = open_handover(leaver, by=None)

    taken = {item.kind: item.what for item in handover.items.all()}
    step = world.enrolments[0].pairs.get().visits.exclude(step="").get().step
    assert taken == {"promise": "修好东门", "project": "电梯加装", "step": step}
    assert renew_handover(handover, by=None) == 0


def test_landed_projects_and_those_of_others_are_not_handed_over(world):
    landed = make_first_thing(world.enrolments[2])
    set_state(set_state(landed, "under_way", by=None), "landed", by=None)
    make_first_thing(world.enrolments[3])

    handover = make_handover(world)

    assert list(handover.items.all()) == []


def test_an_open_promise_follows_the_post_to_the_next_handover(world):
    handover = make_handover(world)
    make_item(handover, kind="promise", what="修好东门")
    promise = Promise.objects.get()
    assert (promise.post, promise.state) == (handover.post, "open")

    successor = handover.successor
    Tenure.objects.filter(pk=successor.pk).update(ends_on=datetime.date(2022, 3, 1))
    later = open_handover(Tenure.objects.get(pk=successor.pk), by=None)

    assert [(item.what, item.promise) for item in later.items.all()] == [("修好东门", promise)]


def test_a_leaver_has_one_list(world):
    handover = make_handover(world)

    with pytest.raises(Refused) as refused:
        open_handover(handover.leaver, by=None)

    assert codes(refused) == ["handover.open"]


def test_a_list_waits_for_a_successor_and_goes_to_the_first_who_comes(world):
    leaver, successor = make_change(world)
    successor.delete()
    handover = open_handover(leaver, by=None)
    assert name_successor(handover, by=None).successor is None

    acting = Tenure.objects.create(
        post=leaver.post, person=world.mentors[3].person, kind="acting", starts_on=datetime.date(2021, 10, 8)
    )

    assert name_successor(handover, by=None).successor == acting


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"kind": "gossip"}, "item.kind"), ({"what": " "}, "item.words"), ({"state": ""}, "item.words")],
)
def test_a_line_without_what_or_state_is_refused(world, changes, code):
    handover = make_handover(world)

    with pytest.raises(Refused) as refused:
        make_item(handover, **changes)

    assert codes(refused) == [code]


def test_only_money_keeps_a_balance_and_a_signatory(world):
    handover = make_handover(world)

    risk = make_item(handover, amount=5, signatory="周兰英")
    money = make_item(handover, kind="money", amount=5, signatory="周兰英")

    assert (risk.amount, risk.signatory) == (None, "")
    assert (money.amount, money.signatory) == (5, "周兰英")


def test_three_sign_and_the_office_signs_last(world):
    handover = make_accepted(world)

    sign(handover, world, "successor")
    with pytest.raises(Refused) as refused:
        sign(handover, world, "subdistrict")
    assert codes(refused) == ["handover.witness"]
    sign(handover, world, "leaver")
    sign(handover, world, "subdistrict")

    assert signed(handover) == [Side.LEAVER, Side.SUCCESSOR, Side.WITNESS]
    assert list(
        ActionLogEntry.objects.filter(verb="turnover.handover.signed").values_list("by", flat=True)
    ) == [world.accounts[role].pk for role in ("successor", "leaver", "subdistrict")]


@pytest.mark.parametrize("change", ["write", "edit", "drop", "answer"])
def test_every_change_after_signing_voids_the_signatures(world, change):
    handover = make_accepted(world)
    item = handover.items.get()
    sign(handover, world, "leaver")
    sign(handover, world, "successor")

    if change == "write":
        make_item(handover, what="阅览室钥匙")
    elif change == "edit":
        write_item(handover, kind="risk", what=item.what, state="已年检", item=item, by=None)
    elif change == "drop":
        drop_item(item, by=None)
    else:
        accept(item, remark="看过现场")

    assert signed(handover) == []
    assert handover.signatures.exclude(voided_at=None).count() == 2


def test_saving_a_line_unchanged_keeps_answer_and_signatures(world):
    handover = make_accepted(world)
    item = handover.items.get()
    sign(handover, world, "leaver")

    write_item(handover, kind="risk", what=item.what, state=item.state, item=item, by=None)
    accept(item)

    item.refresh_from_db()
    assert (item.answer, signed(handover)) == ("accepted", [Side.LEAVER])


def test_a_changed_line_waits_for_a_new_answer(world):
    handover = make_accepted(world)
    item = handover.items.get()

    write_item(handover, kind="risk", what=item.what, state="已年检", item=item, by=None)

    item.refresh_from_db()
    assert (item.answer, item.remark) == ("waiting", "")


def test_a_line_that_changed_meanwhile_is_not_accepted_unseen(world):
    handover = make_handover(world)
    item = make_item(handover)
    shown = words_of(item)
    write_item(handover, kind="risk", what=item.what, state="已停用", item=item, by=None)

    with pytest.raises(Refused) as refused:
        answer_item(item, answer="accepted", remark="", shown=shown, by=None)

    assert codes(refused) == ["item.changed"]


@pytest.mark.parametrize(("answer", "code"), [("maybe", "item.answer"), ("objected", "item.remark")])
def test_an_answer_is_yes_or_says_what_is_not_clear(world, answer, code):
    item = make_item(make_handover(world))

    with pytest.raises(Refused) as refused:
        answer_item(item, answer=answer, remark="", shown=words_of(item), by=None)

    assert codes(refused) == [code]


def test_a_line_taken_off_meanwhile_is_neither_answered_nor_changed(world):
    handover = make_handover(world)
    item = make_item(handover)
    shown = words_of(item)
    drop_item(item, by=None)

    for act in (
        lambda: answer_item(item, answer="accepted", remark="", shown=shown, by=None),
        lambda: write_item(handover, kind="risk", what="x", state="y", item=item, by=None),
        lambda: drop_item(item, by=None),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert codes(refused) == ["item.gone"]


def test_nobody_signs_what_is_empty_open_or_objected_to(world):
    handover = make_handover(world)
    with pytest.raises(Refused) as empty:
        sign(handover, world, "leaver")
    item = make_item(handover)
    answer_item(item, answer="objected", remark="少了合同", shown=words_of(item), by=None)
    with pytest.raises(Refused) as objected:
        sign(handover, world, "leaver")

    assert (codes(empty), codes(objected)) == (["handover.empty"], ["handover.not_accepted"])


def test_a_side_signs_once_and_what_was_shown(world):
    handover = make_accepted(world)
    with pytest.raises(Refused) as stale:
        sign_handover(handover, shown="0" * 64, by=world.accounts["leaver"])
    sign(handover, world, "leaver")
    with pytest.raises(Refused) as again:
        sign(handover, world, "leaver")

    assert (codes(stale), codes(again)) == (["handover.changed"], ["handover.signed"])


@pytest.mark.parametrize("role", ["office", "other_subdistrict", "mentor", "secretary"])
def test_nobody_else_signs(world, role):
    handover = make_accepted(world)

    with pytest.raises(Refused) as refused:
        sign(handover, world, role)

    assert codes(refused) == ["handover.side"]


def test_who_has_a_part_in_the_handover_is_no_witness_of_it(world):
    handover = make_accepted(world)
    successor = world.accounts["successor"]
    successor.grants.create(role="subdistrict_office", organisation=world.subdistricts[0])

    sign(handover, world, "leaver")
    sign(handover, world, "successor")
    with pytest.raises(Refused) as refused:
        sign(handover, world, "successor")

    assert codes(refused) == ["handover.signed"]


def test_a_vacant_post_is_not_signed_for(world):
    leaver, successor = make_change(world)
    successor.delete()
    world.accounts["leaver"] = make_account("leaver", person=leaver.person)
    handover = open_handover(leaver, by=None)
    accept(make_item(handover))

    with pytest.raises(Refused) as refused:
        sign(handover, world, "leaver")

    assert codes(refused) == ["handover.nobody"]
    assert handover.leaver.ends_on == LAST_DAY
