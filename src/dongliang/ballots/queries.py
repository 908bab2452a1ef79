"""What may be read of the rounds. Ballots are read as counts and by receipt only: no query hands out single rows."""

from dataclasses import dataclass, field

from django.db.models import Count, Max, QuerySet
from django.utils.translation import gettext as _

from dongliang.ballots import codes
from dongliang.ballots.keys import key_path, season_key
from dongliang.ballots.models import Ballot, Round
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import organisations_reached
from dongliang.seasons.models import Enrolment, Phase, Season
from dongliang.seasons.queries import enrolments


def rounds_of(season: Season) -> dict[str, Round]:
    """The season's rounds by kind, secretaries first; empty before they are prepared."""
    found = {round.kind: round for round in season.rounds.all()}
    for round in found.values():
        round.season = season
    return {kind.value: found[kind] for kind in Round.Kind if kind in found}


def enrolments_of_offices(account: Account, season: Season) -> QuerySet[Enrolment]:
    """The neighbourhoods whose coverage the account may read and whose cards it may print: its offices' own."""
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    return enrolments(season).filter(post__organisation__in=offices.values("pk"))


def opening_blockers(season: Season) -> list[Blocker]:
    """Every reason why the rounds cannot open."""
    states = {round.state for round in rounds_of(season).values()}
    return [
        *preparing_blockers(season),
        *(
            [
                Blocker(
                    "ballots.open_already",
                    _("The residents' rounds are open already."),
                    _("There is nothing to do until they close."),
                )
            ]
            if Round.State.OPEN in states
            else []
        ),
        *(
            [
                Blocker(
                    "ballots.closed_for_good",
                    _("The residents' rounds are closed."),
                    _("A closed round does not open again: its ballots are final."),
                )
            ]
            if Round.State.CLOSED in states
            else []
        ),
    ]


def preparing_blockers(season: Season) -> list[Blocker]:
    """Every reason why there can be no household codes yet: these hold the numbers given when the season opens."""
    found = []
    if season.phase != Phase.OPEN:
        found.append(
            Blocker(
                "ballots.season_not_open",
                _("The season is %(phase)s.") % {"phase": season.get_phase_display()},
                _("Residents' rounds belong to an open season."),
            )
        )
    highest = season.enrolments.aggregate(highest=Max("number"))["highest"] or 0
    if highest > codes.HIGHEST_NUMBER:
        found.append(
            Blocker(
                "ballots.too_many_secretaries",
                _("The season counts up to secretary number %(seen)d; household codes hold %(most)d.")
                % {"seen": highest, "most": codes.HIGHEST_NUMBER},
                _("Run a season for each part of the district."),
            )
        )
    return found


def closing_blockers(season: Season) -> list[Blocker]:
    """Every reason why the rounds cannot close."""
    rounds = rounds_of(season).values()
    if rounds and all(round.state == Round.State.OPEN for round in rounds):
        return []
    return [
        Blocker(
            "ballots.not_open",
            _("The residents' rounds are not open."),
            _("Only open rounds can be closed."),
        )
    ]


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


def tally(round: Round) -> list[tuple[int, str, int]]:
    """How many counted ballots have which marks, by secretary's number: (number, marks, count), in that order."""
    numbers = dict(round.season.enrolments.values_list("pk", "number"))
    groups = (
        Ballot.objects.filter(round=round, status=Ballot.Status.COUNTED)
        .order_by()
        .values_list("enrolment_id", "marks")
        .annotate(count=Count("pk"))
    )
    return sorted((numbers[enrolment], marks, count) for enrolment, marks, count in groups)


def share_of(ballots: int, households: int | None) -> float | None:
    return ballots / households if households else None


@dataclass
class NeighbourhoodCoverage:
    """How far residents' voices reach in one neighbourhood. Nothing of what they said."""

    enrolment: Enrolment
    ballots: int
    picks: int
    minimum: int

    @property
    def households(self) -> int | None:
        return self.enrolment.organisation.households

    @property
    def share(self) -> float | None:
        return share_of(self.ballots, self.households)

    @property
    def is_below_minimum(self) -> bool:
        return self.ballots < self.minimum


@dataclass
class SubdistrictCoverage:
    subdistrict: Organisation
    neighbourhoods: list[NeighbourhoodCoverage] = field(default_factory=list)

    @property
    def ballots(self) -> int:
        return sum(row.ballots for row in self.neighbourhoods)

    @property
    def picks(self) -> int:
        return sum(row.picks for row in self.neighbourhoods)

    @property
    def households(self) -> int:
        return sum(row.households or 0 for row in self.neighbourhoods)

    @property
    def share(self) -> float | None:
        return share_of(self.ballots, self.households)

    @property
    def below_minimum(self) -> int:
        return sum(row.is_below_minimum for row in self.neighbourhoods)


def coverage(season: Season, of: QuerySet[Enrolment] | None = None) -> list[SubdistrictCoverage]:
    """Counted ballots and households by subdistrict and neighbourhood, of all the season's or of those given."""
    counts = {
        (kind, enrolment): count
        for kind, enrolment, count in Ballot.objects.filter(
            round__season=season, status=Ballot.Status.COUNTED
        )
        .order_by()
        .values_list("round__kind", "enrolment_id")
        .annotate(count=Count("pk"))
    }
    minimum = next((source.minimum_answers for source in season.rules.sources if source.key == "public"), 0)
    found: dict[int, SubdistrictCoverage] = {}
    rows = enrolments(season) if of is None else of.select_related("person", "post__organisation__parent")
    for enrolment in rows.order_by("post__organisation__code"):
        subdistrict = enrolment.subdistrict
        found.setdefault(subdistrict.pk, SubdistrictCoverage(subdistrict)).neighbourhoods.append(
            NeighbourhoodCoverage(
                enrolment,
                counts.get((Round.Kind.SECRETARIES, enrolment.pk), 0),
                counts.get((Round.Kind.PROJECTS, enrolment.pk), 0),
                minimum,
            )
        )
    return sorted(found.values(), key=lambda row: row.subdistrict.code)


def proven_key(season: Season) -> bytes:
    """The season's key, if it is the one that its rounds were prepared with. Raises Refused.

    Under another one all printed cards would be void, and new ones would let every household vote once more.
    """
    key = season_key(season)
    for round in season.rounds.all():
        if round.key_digest and bytes(round.key_digest) != codes.key_digest(key):
            raise Refused(
                Blocker(
                    "ballots.key_replaced",
                    _("The file %(path)s holds a key, but not the one that %(season)s began with.")
                    % {"path": key_path(season), "season": season},
                    _("Put the file back from its copy: printed household codes hold only under this key."),
                )
            )
    return key


def seasons_with_rounds() -> list[tuple[Season, bytes]]:
    """The seasons that residents may ask about, newest first, with their keys.

    A key may be destroyed once a season's objections are over; while its rounds are not closed, a missing one is a
    fault that nobody must take for a wrong code. Raises Refused.
    """
    found = []
    for season in Season.objects.filter(rounds__isnull=False).distinct().prefetch_related("rounds"):
        try:
            found.append((season, proven_key(season)))
        except Refused:
            if any(round.state != Round.State.CLOSED for round in season.rounds.all()):
                raise
    return found


@dataclass(frozen=True)
class Household:
    """The holder of a household code: which neighbourhood it was printed for, and nothing else."""

    code: str
    key: bytes = field(repr=False)
    enrolment: Enrolment
    rounds: dict[str, Round]

    def credential(self, round: Round) -> bytes:
        return codes.credential_digest(self.key, round.kind, self.code)


def household(text: str) -> Household | None:
    """Whoever holds the typed code, of whichever season; None if no season's key made it. Raises Refused."""
    for season, key in seasons_with_rounds():
        if owner := codes.read(key, text):
            enrolment = enrolments(season).filter(number=owner[0]).first()
            if enrolment:
                return Household(codes.canonical(text), key, enrolment, rounds_of(season))
    return None


def has_voted(round: Round, credential: bytes) -> bool:
    return Ballot.objects.filter(round=round, credential=credential, status=Ballot.Status.COUNTED).exists()


@dataclass(frozen=True)
class ReceiptStatus:
    """What a receipt tells: which round, and whether the ballot counts. Never its marks."""

    round: Round
    status: str


def receipt_status(text: str) -> ReceiptStatus | None:
    """What became of the ballot a receipt was given for; None if no ballot has it. Raises Refused."""
    if len(codes.normalised(text)) != codes.RECEIPT_SYMBOLS:
        return None
    digests = [codes.receipt_digest(key, text) for _season, key in seasons_with_rounds()]
    ballot = Ballot.objects.filter(receipt__in=digests).select_related("round__season").first()
    return ReceiptStatus(ballot.round, ballot.status) if ballot else None


def enrolments_with_project(season: Season) -> QuerySet[Enrolment]:
    """Everyone whose first thing can be picked, with it. Its number on a ballot is the secretary's."""
    return enrolments(season).filter(first_thing__isnull=False).select_related("first_thing")


def printings(enrolment: Enrolment) -> QuerySet[ActionLogEntry]:
    """Who printed household cards of this neighbourhood, which and when; newest first."""
    return (
        ActionLogEntry.objects.filter(
            verb="ballots.cards.printed", subject_type=enrolment._meta.label_lower, subject_id=enrolment.pk
        )
        .select_related("by")
        .order_by("-sequence")
    )
