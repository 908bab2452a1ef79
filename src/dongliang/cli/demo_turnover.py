"""The demo's change of terms: lists handed over, a vacant post, somebody acting, an adviser. Needs Django configured."""

import datetime
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
from django.db import transaction
from django.utils.timezone import localdate

from dongliang.cli import liangzhou
from dongliang.people.actions import end_tenure
from dongliang.people.models import Account, Person, Post, Tenure, TenureKind
from dongliang.seasons.models import Season
from dongliang.turnover.actions.advisers import name_adviser, release_adviser, thank_adviser
from dongliang.turnover.actions.elections import begin_election
from dongliang.turnover.actions.handovers import (
    answer_item,
    open_handover,
    sign_handover,
    words_of,
    write_item,
)
from dongliang.turnover.actions.posts import fill_post, make_promise
from dongliang.turnover.models import Handover

ONE_DAY = datetime.timedelta(days=1)
# (kind, what, how it stands, next step, balance, who signs for it)
LINES = (
    ("promise", "两处断头路灯补装", "已向路灯所报修，等排期", "十月前补装完", None, ""),
    ("vote", "12 号楼加装电梯征询", "应签 24 户，已签 19 户", "再走访 5 户，月底公示", None, ""),
    ("risk", "地下车库渗水", "两处渗漏，雨后积水三厘米", "雨季前请维修单位再查一次", None, ""),
    ("money", "社区自治金", "专户管理，流水和票据在档案柜第二格", "", Decimal("18650.00"), "新任书记"),
    ("contact", "物业经理 齐先生", "每周三下午在社区办公", "到任一周内见一次面", None, ""),
)
THANKS = "二十年走遍每一个门洞，记得住每一户的难处。离任时把一本手写的民情册交到接任者手里。"


@transaction.atomic
def hand_over(rng: np.random.Generator, season: Season, *, by: Account) -> None:
    """One list signed by three, one half accepted, a post vacant, another held by somebody acting, an adviser."""
    names = spare_names(rng)
    secretary = Account.objects.get(username="secretary")
    own = Tenure.objects.select_related("post").get(person=secretary.person_id, ends_on=None)
    begin_election(season.district, held_on=own.starts_on, by=by)
    street = Account.objects.get(username="street").grants.get().organisation
    others = Tenure.objects.filter(ends_on=None, post__organisation__parent__parent=season.district)
    here = others.filter(post__organisation__parent=street).exclude(pk=own.pk)
    signed = here.filter(kind=TenureKind.NEW).select_related("post", "person").first() or here[0]

    sign_all(predecessor(signed, next(names)), signed, by=by)
    half = predecessor(own, next(names))
    leaver = account_of(half.person, "leaver")
    leaver.password = by.password
    leaver.save()
    accept(written(half, by=leaver), lines=3, by=secretary)
    make_promise(own.post, what="小花园长椅修好三张", due_on=localdate() + 60 * ONE_DAY, by=secretary)
    vacate(list(others.exclude(post__organisation__parent=street)[:2]), next(names), by=by)
    thank(half, by=by)


def spare_names(rng: np.random.Generator) -> Iterator[str]:
    taken = set(Person.objects.values_list("name", flat=True))
    return (entry[0] for entry in liangzhou.names(rng) if entry[0] not in taken)


def predecessor(successor: Tenure, name: str) -> Tenure:
    """Who held the post up to the day before; somebody who is on record already stays the one."""
    last = successor.starts_on - ONE_DAY
    there = successor.post.tenures.filter(ends_on=last).select_related("person", "post__organisation").first()
    return there or Tenure.objects.create(
        post=successor.post,
        person=Person.objects.create(name=name),
        kind=TenureKind.REELECTED,
        starts_on=last.replace(year=last.year - 12, day=1),
        ends_on=last,
    )


def account_of(person: Person, username: str) -> Account:
    account = Account.objects.filter(person=person).first()
    if account is None:
        account = Account(username=username, person=person, display_name=person.name)
        account.set_unusable_password()
        account.save()
    return account


def written(leaver: Tenure, *, by: Account) -> Handover:
    handover = open_handover(leaver, by=by)
    for kind, what, state, next_step, amount, signatory in LINES:
        write_item(
            handover,
            kind=kind,
            what=what,
            state=state,
            next_step=next_step,
            due_on=localdate() + 30 * ONE_DAY if next_step else None,
            amount=amount,
            signatory=signatory,
            by=by,
        )
    return handover


def accept(handover: Handover, *, lines: int | None, by: Account) -> None:
    for number, item in enumerate(list(handover.items.all())[:lines]):
        remark = "" if number else "已一起看过现场"
        answer_item(item, answer="accepted", remark=remark, shown=words_of(item), by=by)


def sign_all(leaver: Tenure, successor: Tenure, *, by: Account) -> None:
    before = account_of(leaver.person, "handed-over")
    after = account_of(successor.person, "took-over")
    handover = written(leaver, by=before)
    accept(handover, lines=None, by=after)
    for account in (before, after, Account.objects.get(username="street")):
        sha256 = Handover.objects.get(pk=handover.pk).sha256
        sign_handover(handover, shown=sha256, by=account)


def vacate(tenures: list[Tenure], name: str, *, by: Account) -> None:
    """Both leave six weeks ago; for the second somebody acts since."""
    last = localdate() - 42 * ONE_DAY
    for tenure in tenures:
        end_tenure(tenure, last_day=max(last, tenure.starts_on), by=by)
    post = Post.objects.select_related("organisation").get(pk=tenures[1].post_id)
    fill_post(post, name=name, mobile="13999990001", kind=TenureKind.ACTING, starts_on=localdate(), by=by)


def thank(leaver: Tenure, *, by: Account) -> None:
    since = (leaver.ends_on or localdate()) + ONE_DAY
    adviser = name_adviser(leaver, since=since, by=by)
    release_adviser(thank_adviser(adviser, thanks=THANKS, by=by), by=by)
