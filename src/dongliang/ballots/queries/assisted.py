"""What may be read of voting with an officer's help: how often, by whom, never what."""

import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dongliang.ballots.models import AssistedVoice, Ballot
from dongliang.ballots.queries.verification import way_blockers
from dongliang.common.refusals import Blocker
from dongliang.seasons.models import Enrolment


def assisted_allowed(enrolment: Enrolment) -> int:
    """How many may vote with an officer's help: the rule book's share of the neighbourhood's households."""
    return int((enrolment.organisation.households or 0) * enrolment.season.rules.residents.assisted_share)


def assisted_voices(enrolment: Enrolment) -> QuerySet[AssistedVoice]:
    return enrolment.assisted_voices.select_related("by")


def assisting_blockers(enrolment: Enrolment, *, at: datetime.datetime) -> list[Blocker]:
    """Every reason why nobody of the neighbourhood can vote with an officer's help at that moment."""
    found = way_blockers(enrolment, Ballot.Channel.ASSISTED, at=at)
    if not enrolment.organisation.households:
        found.append(
            Blocker(
                "ballots.no_households",
                _("The roster does not say how many households %(name)s has.")
                % {"name": enrolment.organisation},
                _("Complete the roster: the number of assisted votes follows from it."),
            )
        )
    elif enrolment.assisted_voices.count() >= (allowed := assisted_allowed(enrolment)):
        found.append(
            Blocker(
                "ballots.too_many_assisted",
                _("%(allowed)d residents of %(name)s have voted with an officer's help, and no more may.")
                % {"allowed": allowed, "name": enrolment.organisation},
                _("Give the resident a household card, or a paper ballot."),
            )
        )
    return found
