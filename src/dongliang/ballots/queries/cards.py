from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dongliang.ballots import codes
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Blocker
from dongliang.seasons.models import Enrolment


def cards_allowed(enrolment: Enrolment) -> int:
    """How many household cards a neighbourhood can have: one a household, and one more in ten for those that get lost."""
    households = enrolment.organisation.households
    return min(codes.HIGHEST_SERIAL, -(-households * 11 // 10)) if households else codes.HIGHEST_SERIAL


def printing_blockers(enrolment: Enrolment, last: int) -> list[Blocker]:
    """Every reason why the neighbourhood's household cards up to ``last`` cannot be printed."""
    found = []
    if not rounds_of(enrolment.season):
        found.append(
            Blocker(
                "ballots.not_prepared",
                _(
                    "The residents' rounds have not been prepared, so that there is no key to make codes with."
                ),
                _("Ask the programme office to prepare the rounds."),
            )
        )
    if last > (allowed := cards_allowed(enrolment)):
        found.append(
            Blocker(
                "ballots.too_many_cards",
                _("%(name)s can have cards up to number %(allowed)d, and %(last)d was asked for.")
                % {"name": enrolment.organisation, "allowed": allowed, "last": last},
                _("If there are more households than the roster says, correct the roster."),
            )
        )
    return found


def printings(enrolment: Enrolment) -> QuerySet[ActionLogEntry]:
    """Who printed household cards of this neighbourhood, which and when; newest first."""
    return (
        ActionLogEntry.objects.filter(
            verb="ballots.cards.printed", subject_type=enrolment._meta.label_lower, subject_id=enrolment.pk
        )
        .select_related("by")
        .order_by("-sequence")
    )
