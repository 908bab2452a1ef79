import datetime
from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.ballots import codes
from dongliang.ballots.actions.comments import shuffle_comments
from dongliang.ballots.actions.proving import exclude_unproven
from dongliang.ballots.actions.publishing import publish_statement
from dongliang.ballots.actions.revoking import flag_ballots_of_revoked
from dongliang.ballots.actions.sample import draw_samples
from dongliang.ballots.keys import make_key
from dongliang.ballots.models import Ballot, PhoneCheck, Round
from dongliang.ballots.queries.rounds import (
    closing_blockers,
    opening_blockers,
    preparing_blockers,
    proven_key,
    rounds_of,
)
from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
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
    """Let residents vote, in those of the rounds of ``kinds`` that have not been open yet. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := opening_blockers(season, kinds):
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
    if blockers := closing_blockers(season, kinds):
        raise Refused(blockers)
    chosen = season.rounds.filter(kind__in=kinds, state__in=[Round.State.OPEN, Round.State.PAUSED])
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
) -> Season:
    """Set the days that cards, posters and pages announce. Opening and closing stay actions. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if opens_on and closes_on and closes_on < opens_on:
        raise Refused(
            Blocker(
                "ballots.dates",
                _("The last day, %(closes)s, is before the first, %(opens)s.")
                % {"closes": closes_on, "opens": opens_on},
                _("Correct one of the two."),
            )
        )
    season.opens_on, season.closes_on = opens_on, closes_on
    season.save(update_fields=["opens_on", "closes_on"])
    log_action(
        "ballots.dates.announced",
        season,
        by=by,
        opens_on=opens_on and opens_on.isoformat(),
        closes_on=closes_on and closes_on.isoformat(),
    )
    return season


def forget_phones(season: Season) -> None:
    """Once no round is left to vote in, nothing of any phone is kept."""
    if not season.rounds.exclude(state=Round.State.CLOSED).exists():
        PhoneCheck.objects.filter(enrolment__season=season).delete()
