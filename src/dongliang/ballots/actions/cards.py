from django.db import transaction

from dongliang.ballots import codes
from dongliang.ballots.queries.cards import printing_blockers
from dongliang.ballots.queries.rounds import proven_key
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment


@transaction.atomic
def print_cards(enrolment: Enrolment, *, first: int, last: int, by: Account | None) -> dict[int, str]:
    """The codes of households ``first`` to ``last`` by serial, for their cards; revoked ones are left out. Raises Refused.

    A line in the log says who printed which: whoever prints codes could use them.
    """
    if blockers := printing_blockers(enrolment, last):
        raise Refused(blockers)
    key = proven_key(enrolment.season)
    log_action("ballots.cards.printed", enrolment, by=by, first=first, last=last)
    revoked = set(enrolment.revoked_cards.values_list("serial", flat=True))
    return {
        serial: codes.mint(key, enrolment.number, serial)
        for serial in range(first, last + 1)
        if serial not in revoked
    }
