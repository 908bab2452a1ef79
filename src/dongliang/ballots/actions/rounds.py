import datetime
from collections.abc import Collection
from dataclasses import asdict

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from dongliang.ballots import codes
from dongliang.ballots.actions.comments import shuffle_comments
from dongliang.ballots.actions.pausing import LONGEST_REASON
from dongliang.ballots.actions.proving import exclude_unproven
from dongliang.ballots.actions.publishing import publish_statement
from dongliang.ballots.actions.revoking import flag_ballots_of_revoked
from dongliang.ballots.actions.sample import draw_samples
from dongliang.ballots.calendar import Dates, dates_of
from dongliang.ballots.keys import make_key
from dongliang.ballots.models import Ballot, PhoneCheck, Round
from dongliang.ballots.queries.days import days_blockers, is_end_moved
from dongliang.ballots.queries.rounds import (
    RUNNING,
    closing_blockers,
    opening_blockers,
    preparing_blockers,
    proven_key,
    rounds_of,
)
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Season


@transaction.atomic
def prepare_rounds(season: Season, *, by: Account | None) -> dict[str, Round]:
    """Make the season's rounds and its key, so that cards can be printed before the rounds open. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if rounds := rounds_of(season):
        return rounds
    if blockers := preparing_blockers(season):
        raise Refused(blockers)
    digest = codes.key_digest(make_key(season))
    for kind in Round.Kind:
        log_action("ballots.round.prepared", season.rounds.create(kind=kind, key_digest=digest), by=by)
    # Before any card can be printed, so that the sample's are known apart from the first one on.
    if season.rules.residents.sample:
        draw_samples(season, by=by)
    return rounds_of(season)


@transaction.atomic
def open_rounds(
    season: Season, *, by: Account | None, kinds: Collection[str] = tuple(Round.Kind)
) -> dict[str, Round]:
    """Let residents vote, in those of the rounds of ``kinds`` that have not been open yet. Raises Refused.

    Where a beginning has been announced, not before it.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := opening_blockers(season, kinds, at=now()):
        raise Refused(blockers)
    prepare_rounds(season, by=by)
    proven_key(season)
    chosen = season.rounds.filter(kind__in=kinds, state=Round.State.PREPARED)
    return move_rounds(season, chosen, Round.State.OPEN, "opened_at", by=by)


@transaction.atomic
def close_rounds(
    season: Season, *, by: Account | None, kinds: Collection[str] = tuple(Round.Kind)
) -> dict[str, Round]:
    """End those of the rounds of ``kinds`` that are open or paused; with the last of them, state what came in.

    Ballots being stored are waited for; after this nothing enters. What the key did not make is excluded, and the
    ballots of revoked cards are flagged, for two people to judge. Raises Refused.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := closing_blockers(season, kinds, at=now()):
        raise Refused(blockers)
    chosen = season.rounds.filter(kind__in=kinds, state__in=RUNNING)
    for round in chosen.select_for_update():
        exclude_unproven(round, by=by)
        flag_ballots_of_revoked(round)
        shuffle_comments(round)
    moved = move_rounds(season, chosen, Round.State.CLOSED, "closed_at", by=by)
    forget_phones(season)
    if all(round.state == Round.State.CLOSED for round in moved.values()):
        publish_statement(season, by=by)
    return moved


def move_rounds(
    season: Season, chosen: QuerySet[Round], state: str, stamp: str, *, by: Account | None
) -> dict[str, Round]:
    for round in chosen.select_for_update():
        round.state = state
        setattr(round, stamp, now())
        round.save(update_fields=["state", stamp])
        ballots = round.ballots.count()
        counted = round.ballots.filter(status=Ballot.Status.COUNTED).count()
        log_action(f"ballots.round.{state}", round, by=by, ballots=ballots, counted=counted)
    return rounds_of(season)


@transaction.atomic
def announce_dates(
    season: Season,
    *,
    opens_on: datetime.date | None,
    closes_on: datetime.date | None,
    by: Account | None,
    opens_time: datetime.time | None = None,
    closes_time: datetime.time | None = None,
    reason: str = "",
) -> Season:
    """Set from when until when residents can vote: pages, cards and posters say it, and rounds that are open keep to it.

    Once a round is open, the beginning can be moved only before it comes, and the end to a moment to come. That takes a
    reason, and a moved end is public. Raises Refused.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    before, wanted = dates_of(season), Dates(opens_on, closes_on, opens_time, closes_time)
    at, reason = now(), reason.strip()[:LONGEST_REASON]
    if blockers := days_blockers(season, wanted, reason=reason, at=at):
        raise Refused(blockers)
    if wanted.ends and is_end_moved(season, wanted):
        season.moved_ends.create(before=before.ends, after=wanted.ends, reason=reason, by=by, at=at)
        season.rounds.filter(state__in=RUNNING).update(ended_at=None)
    for name, value in asdict(wanted).items():
        setattr(season, name, value)
    season.save(update_fields=list(asdict(wanted)))
    detail = {name: value and value.isoformat() for name, value in asdict(wanted).items()}
    log_action("ballots.dates.announced", season, by=by, **detail, reason=reason)
    return season


@transaction.atomic
def note_moments(season: Season, *, at: datetime.datetime) -> None:
    """Write down which rounds' announced beginning or end has come by ``at``, for good: the clock may be set back."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    for round in rounds_of(season).values():
        for name in round.moments_come(at):
            setattr(round, name, at)
            round.save(update_fields=[name])
            log_action(f"ballots.round.{name.removesuffix('_at')}", round, by=None)


def forget_phones(season: Season) -> None:
    """Once no round is left to vote in, nothing of any phone is kept."""
    if not season.rounds.exclude(state=Round.State.CLOSED).exists():
        PhoneCheck.objects.filter(enrolment__season=season).delete()
