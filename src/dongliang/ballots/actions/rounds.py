from django.db import transaction
from django.utils.timezone import now

from dongliang.ballots import codes
from dongliang.ballots.actions.sample import draw_samples
from dongliang.ballots.keys import make_key
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.rounds import (
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
def open_rounds(season: Season, *, by: Account | None) -> dict[str, Round]:
    """Let residents vote, in both rounds. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := opening_blockers(season):
        raise Refused(blockers)
    prepare_rounds(season, by=by)
    proven_key(season)
    return move_rounds(season, Round.State.OPEN, "opened_at", by=by)


@transaction.atomic
def close_rounds(season: Season, *, by: Account | None) -> dict[str, Round]:
    """End both rounds. Ballots being stored are waited for; after this nothing enters. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := closing_blockers(season):
        raise Refused(blockers)
    return move_rounds(season, Round.State.CLOSED, "closed_at", by=by)


def move_rounds(season: Season, state: str, stamp: str, *, by: Account | None) -> dict[str, Round]:
    for round in season.rounds.select_for_update():
        round.state = state
        setattr(round, stamp, now())
        round.save(update_fields=["state", stamp])
        ballots = round.ballots.count()
        counted = round.ballots.filter(status=Ballot.Status.COUNTED).count()
        log_action(f"ballots.round.{state}", round, by=by, ballots=ballots, counted=counted)
    return rounds_of(season)
