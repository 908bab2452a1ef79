"""Opening a handover, writing its lines, accepting them one by one, signing."""

import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _

from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account, Post, Tenure
from dongliang.turnover.models import (
    REMARK_LENGTH,
    STATE_LENGTH,
    WHAT_LENGTH,
    Handover,
    HandoverSignature,
    Item,
    Kind,
    Promise,
)
from dongliang.turnover.queries.handovers import (
    answering_blockers,
    item_blockers,
    opening_blockers,
    projects_to_hand_over,
    promises_to_hand_over,
    sides_of,
    signing_blockers,
    steps_to_hand_over,
    successor_of,
)


@transaction.atomic
def open_handover(leaver: Tenure, *, by: Account | None) -> Handover:
    """A list for who leaves, with the post's open promises, projects and agreed steps on it. Raises Refused."""
    Post.objects.select_for_update().get(pk=leaver.post_id)
    leaver = Tenure.objects.select_related("person", "post__organisation").get(pk=leaver.pk)
    if blockers := opening_blockers(leaver):
        raise Refused(blockers)
    handover = Handover.objects.create(leaver=leaver, successor=successor_of(leaver), opened_by=by)
    taken = take_over_sources(handover)
    log_action("turnover.handover.opened", handover, by=by, taken=taken)
    return handover


@transaction.atomic
def name_successor(handover: Handover, *, by: Account | None) -> Handover:
    """Let the handover go to whoever has come to the post since. Changes nothing while nobody has."""
    handover = held(handover)
    successor = successor_of(handover.leaver)
    if handover.successor or successor is None:
        return handover
    handover.successor = successor
    handover.save(update_fields=["successor"])
    log_action("turnover.handover.successor_named", handover, by=by, successor=successor.pk)
    return handover


@transaction.atomic
def renew_handover(handover: Handover, *, by: Account | None) -> int:
    """Take on the list what has come up since: promises, projects, agreed steps. How many lines that made."""
    handover = held(handover)
    taken = take_over_sources(handover)
    if taken:
        void_signatures(handover)
        log_action("turnover.handover.renewed", handover, by=by, taken=taken)
    return taken


def take_over_sources(handover: Handover) -> int:
    lines = [
        Item(
            handover=handover,
            kind=Kind.PROMISE,
            promise=promise,
            what=promise.what,
            state=_("promised by %(person)s") % {"person": promise.made_by.person},
            due_on=promise.due_on,
        )
        for promise in promises_to_hand_over(handover).select_related("made_by__person")
    ]
    lines += [
        Item(
            handover=handover,
            kind=Kind.PROJECT,
            project=project,
            what=project.title[:WHAT_LENGTH],
            state=str(project.get_state_display())[:STATE_LENGTH],
        )
        for project in projects_to_hand_over(handover)
    ]
    lines += [
        Item(
            handover=handover,
            kind=Kind.STEP,
            visit=visit,
            what=visit.step[:WHAT_LENGTH],
            state=_("agreed on %(day)s") % {"day": visit.met_on},
            due_on=visit.due_on,
        )
        for visit in steps_to_hand_over(handover)
    ]
    Item.objects.bulk_create(lines)
    return len(lines)


@transaction.atomic
def write_item(
    handover: Handover,
    *,
    kind: str,
    what: str,
    state: str,
    next_step: str = "",
    due_on: datetime.date | None = None,
    amount: Decimal | None = None,
    signatory: str = "",
    by: Account | None,
    item: Item | None = None,
) -> Item:
    """Put down a line or change one. A change asks for a new answer and voids every signature. Raises Refused.

    A promise written here is the post's from now on.
    """
    handover = held(handover)
    if item is not None:
        item = handover.items.filter(pk=item.pk).first() or refuse_gone()
        kind = item.kind
    if blockers := item_blockers(kind, what, state):
        raise Refused(blockers)
    item = item or Item(handover=handover, kind=kind)
    before = item.signed_words if item.pk else None
    item.what, item.state, item.next_step, item.due_on = (
        what.strip(),
        state.strip(),
        next_step.strip(),
        due_on,
    )
    item.amount, item.signatory = (amount, signatory.strip()) if kind == Kind.MONEY else (None, "")
    if before == item.signed_words:
        return item
    item.answer, item.remark = Item.Answer.WAITING, ""
    if kind == Kind.PROMISE and item.promise is None:
        item.promise = Promise.objects.create(
            post=handover.post, what=item.what, due_on=item.due_on, made_by=handover.leaver
        )
    item.save()
    log_action("turnover.item.written", item, by=by, handover=handover.pk, voided=void_signatures(handover))
    return item


@transaction.atomic
def drop_item(item: Item, *, by: Account | None) -> None:
    """Take a line off the list. What it was taken from stays. Raises Refused if it is gone."""
    handover = held(item.handover)
    item = handover.items.filter(pk=item.pk).first() or refuse_gone()
    log_action("turnover.item.dropped", item, by=by, handover=handover.pk, voided=void_signatures(handover))
    item.delete()


@transaction.atomic
def answer_item(item: Item, *, answer: str, remark: str, shown: str, by: Account | None) -> Item:
    """Accept a line as it was ``shown``, or say what is not clear; either with a remark. Raises Refused."""
    handover = held(item.handover)
    item = handover.items.filter(pk=item.pk).first() or refuse_gone()
    remark = remark.strip()[:REMARK_LENGTH]
    blockers = answering_blockers(handover, answer, remark)
    if shown != words_of(item):
        blockers.append(
            Blocker(
                "item.changed",
                _("'%(what)s' has been changed since this page was shown.") % {"what": item},
                _("Read it again, then answer."),
            )
        )
    if blockers:
        raise Refused(blockers)
    if (item.answer, item.remark) == (answer, remark):
        return item
    item.answer, item.remark = answer, remark
    item.save(update_fields=["answer", "remark"])
    log_action(f"turnover.item.{answer}", item, by=by, handover=handover.pk, voided=void_signatures(handover))
    return item


@transaction.atomic
def sign_handover(handover: Handover, *, shown: str, by: Account) -> HandoverSignature:
    """Sign for the side that ``by`` stands for, what has the fingerprint ``shown``. Raises Refused."""
    handover = held(handover)
    side = next(iter(sides_of(by, handover)), None)
    if side is None:
        raise Refused(
            Blocker(
                "handover.side",
                _("You are none of the three who sign this list."),
                _("Who hands over, who takes over and the subdistrict office sign it."),
            )
        )
    if blockers := signing_blockers(handover, side, shown):
        raise Refused(blockers)
    signature = handover.signatures.create(
        side=side, name=by.display_name, signed_by=by, signed_at=now(), sha256=handover.sha256
    )
    log_action("turnover.handover.signed", handover, by=by, side=str(side), sha256=handover.sha256)
    return signature


def words_of(item: Item) -> str:
    """What an answer is about: the line without its answer, in one text."""
    return "\n".join(item.signed_words[:-2])


def void_signatures(handover: Handover) -> int:
    return handover.signatures.filter(voided_at=None).update(voided_at=localtime())


def refuse_gone() -> Any:
    raise Refused(
        Blocker("item.gone", _("This line is no longer on the list."), _("Look at the list as it is now."))
    )


def held(handover: Handover) -> Handover:
    """The handover with its row held: who writes, who answers and who sign come one after the other."""
    return (
        Handover.objects.select_for_update(of=("self",))
        .select_related("leaver__person", "leaver__post__organisation__parent", "successor__person")
        .get(pk=handover.pk)
    )
