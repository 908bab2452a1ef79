from django.db import transaction
from django.utils.timezone import now

from dongliang.ballots import codes
from dongliang.ballots.actions.forgetting import forget_traces, not_forgotten
from dongliang.ballots.keys import erase_key
from dongliang.ballots.queries.proof import destroying_blockers
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Season


@transaction.atomic
def destroy_key(season: Season, *, by: Account | None) -> None:
    """Destroy the season's key for good, and with it all that could still tie a ballot to a card. Raises Refused.

    Printed codes lead nowhere afterwards; receipts are looked up among what was published.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := destroying_blockers(season):
        raise Refused(blockers)
    season.statements.update(secret=b"")
    for round in season.rounds.select_for_update():
        if not_forgotten(round):
            forget_traces(round)
        round.key_destroyed_at = now()
        round.save(update_fields=["key_destroyed_at"])
        log_action("ballots.key.destroyed", round, by=by, key=bytes(round.key_digest).hex())
    # Last, since it cannot be taken back: if the transaction fails after it, the action is repeated without a key to erase.
    erase_key(season)
    codes.forget_keys()
