from collections.abc import Collection, Sequence

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from dongliang.ballots import codes
from dongliang.ballots.models import RevokedCard, Round
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account, Role
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Enrolment, Season

# Where the roster does not say how many households there are.
SPARE_OF_UNKNOWN = 20


def cards_allowed(enrolment: Enrolment) -> int:
    """The highest card number of a neighbourhood: one a household, one more in ten, and one for each revoked."""
    households = enrolment.organisation.households
    if not households:
        return codes.HIGHEST_SERIAL
    return min(codes.HIGHEST_SERIAL, -(-households * 11 // 10) + enrolment.revoked_cards.count())


def cards_allowed_to(enrolment: Enrolment, by: Account | None) -> int:
    """The highest card number that ``by`` may print. Only the programme office goes beyond one spare card in ten.

    Else whoever revokes cards would print as many new ones, and have two voices for each.
    """
    allowed = cards_allowed(enrolment)
    if not enrolment.organisation.households or acts_for_office(enrolment, by):
        return allowed
    return min(allowed, -(-enrolment.organisation.households * 11 // 10))


def acts_for_office(enrolment: Enrolment, by: Account | None) -> bool:
    """Whether ``by`` belongs to the season's programme office; the command line, which is None, does."""
    if by is None:
        return True
    district = enrolment.season.district_id
    return organisations_reached(by, Role.OFFICE).filter(pk=district).exists()


def spare_cards(enrolment: Enrolment) -> int:
    """How many of a neighbourhood's cards can be taken out of force without the programme office: one in ten."""
    households = enrolment.organisation.households
    return -(-households // 10) if households else SPARE_OF_UNKNOWN


def revoked_by_others(enrolment: Enrolment) -> int:
    """How many of the neighbourhood's cards were revoked by accounts that do not belong to the programme office."""
    office = Account.objects.filter(
        Q(is_superuser=True) | Q(grants__role=Role.OFFICE, grants__organisation=enrolment.season.district_id)
    )
    return enrolment.revoked_cards.exclude(by=None).exclude(by__in=office.values("pk")).count()


def printing_blockers(enrolment: Enrolment, last: int, by: Account | None) -> list[Blocker]:
    """Every reason why ``by`` cannot print the neighbourhood's household cards up to ``last``."""
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
    if last > (allowed := cards_allowed_to(enrolment, by)):
        found.append(
            Blocker(
                "ballots.too_many_cards",
                _("%(name)s can have cards up to number %(allowed)d, and %(last)d was asked for.")
                % {"name": enrolment.organisation, "allowed": allowed, "last": last},
                _("If there are more households than the roster says, correct the roster.")
                if allowed == cards_allowed(enrolment)
                else _("Ask the programme office: it decides on more than one spare card in ten."),
            )
        )
    return found


def no_card_there(first: int, last: int) -> Blocker:
    return Blocker(
        "ballots.no_card_there",
        _("Of the numbers %(first)d to %(last)d there is no card to print.") % {"first": first, "last": last},
        _("They are revoked, or the programme office hands them out. Choose other numbers."),
    )


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


def revocations(enrolment: Enrolment) -> list[tuple[str, str, int]]:
    """Who revoked the neighbourhood's cards, for what reason, and how many: most cards first."""
    rows = (
        enrolment.revoked_cards.order_by()
        .values_list("by", "by__username", "by__display_name", "reason")
        .annotate(count=Count("pk"))
    )
    return [
        (name or username or "", str(RevokedCard.Reason(reason).label), count)
        for _pk, username, name, reason, count in sorted(rows, key=lambda row: (-row[4], row[0] or 0, row[3]))
    ]


def revoking_blockers(
    enrolment: Enrolment,
    serials: Sequence[int],
    *,
    reason: str,
    by: Account | None,
    sampled: Collection[int] = (),
) -> list[Blocker]:
    """Every reason why ``by`` cannot revoke these cards of the neighbourhood; ``sampled`` are those of its sample."""
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
    if not acts_for_office(enrolment, by):
        found += beyond_a_subdistrict(enrolment, serials, reason, sampled)
    return found


def beyond_a_subdistrict(
    enrolment: Enrolment, serials: Sequence[int], reason: str, sampled: Collection[int]
) -> list[Blocker]:
    """What the programme office alone takes out of force: many cards, and the random sample's."""
    found, before, allowed = [], revoked_by_others(enrolment), spare_cards(enrolment)
    if before + len(serials) > allowed:
        found.append(
            Blocker(
                "ballots.too_many_revoked",
                _(
                    "%(count)d cards of %(name)s would be revoked, with %(before)d before; beyond %(allowed)d the "
                    "programme office decides."
                )
                % {
                    "count": len(serials),
                    "name": enrolment.organisation,
                    "before": before,
                    "allowed": allowed,
                },
                _("Ask the programme office to revoke them."),
            )
        )
    # With an officer's help the household has shown its card.
    if reason != RevokedCard.Reason.ASSISTED and not set(sampled).isdisjoint(serials):
        found.append(
            Blocker(
                "ballots.kept_by_office",
                _("Some of these cards are for the programme office to hand out, and to revoke."),
                _("Ask the programme office to revoke them."),
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
