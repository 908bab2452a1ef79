from django.db import transaction

from dongliang.ballots import codes
from dongliang.ballots.queries.cards import acts_for_office, no_card_there, printing_blockers
from dongliang.ballots.queries.rounds import proven_key
from dongliang.ballots.queries.sample import sampled_serials_of
from dongliang.common.log import log_action
from dongliang.common.refusals import Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment


@transaction.atomic
def print_cards(
    enrolment: Enrolment, *, first: int, last: int, by: Account | None, only_sample: bool = False
) -> dict[int, str]:
    """The codes of households ``first`` to ``last`` by serial, for their cards; revoked ones are left out. Raises Refused.

    Those of the random sample the programme office prints alone, without the others where it says ``only_sample``: in
    the hands of those whom the sample is to check, their codes would fill it. A line in the log says who printed which:
    whoever prints codes could use them.
    """
    if blockers := printing_blockers(enrolment, last, by):
        raise Refused(blockers)
    key = proven_key(enrolment.season)
    sampled = sampled_serials_of(enrolment, key)
    serials = set(range(first, last + 1)).difference(enrolment.revoked_cards.values_list("serial", flat=True))
    if not acts_for_office(enrolment, by):
        serials -= sampled
    elif only_sample:
        serials &= sampled
    if not serials:
        raise Refused(no_card_there(first, last))
    sample = {"sample": True} if only_sample else {}
    log_action("ballots.cards.printed", enrolment, by=by, first=first, last=last, **sample)
    return {serial: codes.mint(key, enrolment.number, serial) for serial in sorted(serials)}
