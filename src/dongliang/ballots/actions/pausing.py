"""Holding a round up for a while: for a flood of odd ballots, a fault, a rumour about lost cards."""

from collections.abc import Collection

from django.db import transaction
from django.utils.translation import gettext as _

from dongliang.ballots.models import Round
from dongliang.ballots.queries.rounds import pausing_blockers, proven_key, resuming_blockers, rounds_of
from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Season

LONGEST_REASON = 200


@transaction.atomic
def pause_rounds(
    season: Season, *, by: Account | None, reason: str, kinds: Collection[str] = tuple(Round.Kind)
) -> dict[str, Round]:
    """Take no more ballots in those of the rounds of ``kinds`` that are open, until they go on. Raises Refused.

    Ballots being stored are waited for.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := pausing_blockers(season, kinds):
        raise Refused(blockers)
    if not (reason := reason.strip()[:LONGEST_REASON]):
        raise Refused(
            Blocker(
                "ballots.no_reason",
                _("A pause needs a reason."),
                _("Write in a few words why voting is held up; it is kept in the log."),
            )
        )
    for round in season.rounds.select_for_update().filter(kind__in=kinds, state=Round.State.OPEN):
        round.state = Round.State.PAUSED
        round.save(update_fields=["state"])
        log_action("ballots.round.paused", round, by=by, reason=reason)
    return rounds_of(season)


@transaction.atomic
def resume_rounds(
    season: Season, *, by: Account | None, kinds: Collection[str] = tuple(Round.Kind)
) -> dict[str, Round]:
    """Take ballots again in those of the rounds of ``kinds`` that are paused. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := resuming_blockers(season, kinds):
        raise Refused(blockers)
    proven_key(season)
    for round in season.rounds.select_for_update().filter(kind__in=kinds, state=Round.State.PAUSED):
        round.state = Round.State.OPEN
        round.save(update_fields=["state"])
        log_action("ballots.round.resumed", round, by=by)
    return rounds_of(season)
