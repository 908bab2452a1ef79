"""What a resident may read: what their own code and receipt lead to."""

from dataclasses import dataclass, field

from django.db.models import QuerySet

from dongliang.ballots import codes
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.proof import PublishedReceipt, published_receipt
from dongliang.ballots.queries.rounds import rounds_of, seasons_with_rounds
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments


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
    """What a receipt tells: which round, which neighbourhood, and whether the ballot counts. Never its marks.

    ``published`` is its line in the last statement, once the round is closed.
    """

    round: Round
    enrolment: Enrolment
    status: str
    exclusion: str = ""
    published: PublishedReceipt | None = None

    @property
    def is_newer_than_published(self) -> bool:
        """Whether it was decided upon after the last statement."""
        leaf = self.published.leaf if self.published else None
        return leaf is not None and (leaf.status, leaf.exclusion) != (self.status, self.exclusion)


def receipt_status(text: str) -> ReceiptStatus | None:
    """What became of the ballot a receipt was given for; None if no ballot has it. Raises Refused.

    While there is a key it is the ballot that is asked; after that, what was published.
    """
    if len(codes.normalised(text)) != codes.RECEIPT_SYMBOLS:
        return None
    published = published_receipt(text)
    digests = [codes.receipt_digest(key, text) for _season, key in seasons_with_rounds()]
    ballot = Ballot.objects.filter(receipt__in=digests).select_related("round__season").first()
    if ballot:
        enrolment = enrolments(ballot.round.season).get(pk=ballot.enrolment_id)
        return ReceiptStatus(ballot.round, enrolment, ballot.status, ballot.exclusion, published)
    if published:
        season, leaf = published.statement.season, published.leaf
        enrolment = enrolments(season).get(number=leaf.number)
        return ReceiptStatus(rounds_of(season)[leaf.kind], enrolment, leaf.status, leaf.exclusion, published)
    return None


def enrolments_with_project(season: Season) -> QuerySet[Enrolment]:
    """Everyone whose first thing can be picked, with it. Its number on a ballot is the secretary's."""
    return enrolments(season).filter(first_thing__isnull=False).select_related("first_thing")
