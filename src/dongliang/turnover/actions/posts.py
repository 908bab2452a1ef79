"""Filling a post; what is promised to residents in it, and what becomes of that."""

import datetime

from django.db import transaction
from django.utils.timezone import now

from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.actions import begin_tenure
from dongliang.people.models import Account, Post, Tenure
from dongliang.turnover.actions.handovers import name_successor
from dongliang.turnover.models import REMARK_LENGTH, WHAT_LENGTH, Handover, Promise
from dongliang.turnover.queries.posts import promise_blockers, settling_blockers


@transaction.atomic
def make_promise(post: Post, *, what: str, due_on: datetime.date | None, by: Account | None) -> Promise:
    """Put down what the holder of the post has promised residents. Raises Refused."""
    post = Post.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=post.pk)
    if blockers := promise_blockers(post, what):
        raise Refused(blockers)
    promise = post.promises.create(
        what=what.strip()[:WHAT_LENGTH], due_on=due_on, made_by=post.tenures.get(ends_on=None)
    )
    log_action("turnover.promise.made", promise, by=by)
    return promise


@transaction.atomic
def settle_promise(promise: Promise, *, state: str, outcome: str, by: Account | None) -> Promise:
    """Say that a promise is kept, or given up and why. Raises Refused."""
    promise = Promise.objects.select_for_update().get(pk=promise.pk)
    if blockers := settling_blockers(promise, state, outcome):
        raise Refused(blockers)
    promise.state, promise.outcome, promise.settled_at = state, outcome.strip()[:REMARK_LENGTH], now()
    promise.save(update_fields=["state", "outcome", "settled_at"])
    log_action(f"turnover.promise.{state}", promise, by=by, outcome=promise.outcome)
    return promise


@transaction.atomic
def fill_post(
    post: Post, *, name: str, mobile: str, kind: str, starts_on: datetime.date, by: Account | None
) -> Tenure:
    """Put somebody in a vacant post, who takes over what the last holder left. Raises Refused."""
    tenure = begin_tenure(post, name=name, mobile=mobile, kind=kind, starts_on=starts_on, by=by)
    for handover in Handover.objects.filter(leaver__post=post, successor=None):
        name_successor(handover, by=by)
    return tenure
