"""The demo's coaching: profiles, agreements, visits, and a proposal left for the office to look at. Needs Django configured."""

import datetime
import uuid

import numpy as np
from django.utils.timezone import localdate

from dongliang.cli import liangzhou
from dongliang.mentoring.actions.agreements import sign_agreement, write_agreement
from dongliang.mentoring.actions.profiles import keep_mentee_profile, keep_mentor_profile
from dongliang.mentoring.actions.proposals import propose_pairs
from dongliang.mentoring.actions.visits import follow_up, give_feedback, log_visit
from dongliang.mentoring.models import Agreement, Pair, Place
from dongliang.mentoring.queries.pairs import side_of
from dongliang.mentoring.vocabulary import things
from dongliang.people.models import Account
from dongliang.seasons.models import Season

# The pairs have been together for so long when the demo is looked at.
TOGETHER = datetime.timedelta(days=75)
TERM = 6


def coach(rng: np.random.Generator, season: Season, *, by: Account) -> None:
    """Make up what mentors are good at and mentees need, and what the pairs have done so far."""
    today = localdate()
    Pair.objects.filter(mentee__season=season).update(starts_on=today - TOGETHER)
    keys = list(things(season.rules))
    for mentor in season.mentors.all():
        chosen = rng.choice(keys, size=5, replace=False)
        keep_mentor_profile(
            mentor,
            strengths={str(key): int(rng.integers(1, 3)) for key in chosen},
            words=str(rng.choice(liangzhou.STRENGTHS_IN_WORDS)),
            capacity=None,
            years=int(rng.integers(9, 28)),
            tier=mentor.tier,
            by=by,
        )
    pairs = list(
        Pair.objects.filter(mentee__season=season).select_related(
            "mentor__person", "mentee__person", "mentee__season", "mentee__post__organisation__parent"
        )
    )
    for pair in pairs:
        if rng.random() < 0.5:
            words = str(rng.choice(liangzhou.NEEDS_IN_WORDS))
            keep_mentee_profile(pair.mentee, needs={}, words=words, wants_mentor=False, by=by)
        agree(rng, pair, by=by)
        visit(rng, pair, today)
    # Not confirmed: the office has something to look at, to lock and to swap.
    propose_pairs(season, everybody=True, everyone=False, by=by)


def agree(rng: np.random.Generator, pair: Pair, *, by: Account) -> None:
    """An agreement for most, signed by whichever of the three have an account in the demo."""
    if rng.random() < 0.2:
        return
    goals, plan = liangzhou.AGREEMENTS[rng.integers(len(liangzhou.AGREEMENTS))]
    agreement: Agreement = write_agreement(
        pair, goals=goals, starts_on=pair.starts_on, months=TERM, plan=list(plan), by=by
    )
    for account in Account.objects.filter(username__in=("mentor", "secretary", "street")):
        if side_of(account, pair):
            sign_agreement(agreement, shown=agreement.sha256, by=account)


def visit(rng: np.random.Generator, pair: Pair, today: datetime.date) -> None:
    """Up to four visits; some pairs have not met for long."""
    days = sorted(
        rng.choice(np.arange(2, TOGETHER.days), size=rng.integers(0, 5), replace=False), reverse=True
    )
    account = Account.objects.filter(person=pair.mentor.person_id).first()
    for position, day in enumerate(days):
        met_on = today - datetime.timedelta(days=int(day))
        question, advice, step = liangzhou.VISITS[rng.integers(len(liangzhou.VISITS))]
        logged, _new = log_visit(
            pair,
            # Drawn from the demo's own numbers, so that the same seed gives the same demo.
            number=uuid.UUID(bytes=rng.bytes(16), version=4),
            met_on=met_on,
            place=str(rng.choice(Place.values)),
            question=question,
            advice=advice,
            step=step,
            due_on=met_on + datetime.timedelta(days=14),
            by=account,
        )
        if position < len(days) - 1:
            follow_up(logged, outcome="done" if rng.random() < 0.8 else "not_done", by=account)
        if account:
            give_feedback(logged, helped=3, words="小梁把难处说开了，事情就好办。", by=account)
