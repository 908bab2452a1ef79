from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dongliang.ballots import codes
from dongliang.ballots.models import RevokedCard, Round
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Blocker, Refused
from dongliang.seasons.models import Enrolment, Season


def cards_allowed(enrolment: Enrolment) -> int:
    """The highest card number of a neighbourhood: one a household, one more in ten, and one for each revoked."""
    households = enrolment.organisation.households
    if not households:
        return codes.HIGHEST_SERIAL
    return min(codes.HIGHEST_SERIAL, -(-households * 11 // 10) + enrolment.revoked_cards.count())


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


def next_replacement(enrolment: Enrolment) -> int:
    """The number for the next card in the place of another: beyond every household's own, and beyond all printed."""
    last = max((entry.detail["last"] for entry in printings(enrolment)), default=0)
    return max(enrolment.organisation.households or 0, last) + 1


def revoked_serials(season: Season) -> dict[int, frozenset[int]]:
    """The cards that no longer entitle to vote, by secretary's number; numbers without one are left out."""
    found: dict[int, set[int]] = {}
    for number, serial in RevokedCard.objects.filter(enrolment__season=season).values_list(
        "enrolment__number", "serial"
    ):
        found.setdefault(number, set()).add(serial)
    return {number: frozenset(serials) for number, serials in found.items()}


def is_revoked(enrolment: Enrolment, serial: int) -> bool:
    return enrolment.revoked_cards.filter(serial=serial).exists()


def revoked_cards(enrolment: Enrolment) -> QuerySet[RevokedCard]:
    """The neighbourhood's revoked cards, the latest first."""
    return enrolment.revoked_cards.select_related("by")


def revoking_blockers(enrolment: Enrolment, serials: Sequence[int]) -> list[Blocker]:
    """Every reason why these cards of the neighbourhood cannot be revoked."""
    rounds = rounds_of(enrolment.season).values()
    found = []
    if rounds and all(round.state == Round.State.CLOSED for round in rounds):
        found.append(
            Blocker(
                "ballots.closed_for_good",
                _("The residents' rounds are closed, and their ballots final."),
                _("If a lost card was misused, object to the result when it is made public."),
            )
        )
    if not rounds:
        found.append(
            Blocker(
                "ballots.not_prepared",
                _("The residents' rounds have not been prepared: there are no cards yet."),
                _("Ask the programme office to prepare the rounds."),
            )
        )
    known = set(enrolment.revoked_cards.values_list("serial", flat=True))
    if again := sorted(known & set(serials)):
        found.append(
            Blocker(
                "ballots.revoked_already",
                _("Card %(serial)d of %(name)s is revoked already.")
                % {"serial": again[0], "name": enrolment.organisation},
                _("Leave it out."),
            )
        )
    if beyond := [serial for serial in serials if not 0 < serial <= cards_allowed(enrolment)]:
        found.append(
            Blocker(
                "ballots.no_such_card",
                _("%(name)s has cards up to number %(allowed)d, and %(serial)d was given.")
                % {
                    "name": enrolment.organisation,
                    "allowed": cards_allowed(enrolment),
                    "serial": beyond[0],
                },
                _("Correct the number, or type the code of the card."),
            )
        )
    return found


def serial_of(enrolment: Enrolment, key: bytes, card: str) -> int:
    """The serial of the typed card, which must be of this neighbourhood. Raises Refused."""
    owner = codes.read(key, card)
    if owner is None or owner[0] != enrolment.number:
        raise Refused(
            Blocker(
                "ballots.not_a_card_here",
                _("This is not a card of %(name)s.") % {"name": enrolment.organisation},
                _("Compare it letter by letter with the card, or leave it out."),
            )
        )
    return owner[1]
