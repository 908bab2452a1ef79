"""What a resident may read: what their own code and receipt lead to."""

from dataclasses import dataclass, field

from django.db.models import QuerySet

from dongliang.ballots import codes
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.rounds import rounds_of, seasons_with_rounds
from dongliang.ballots.queries.sample import sampled_serials_of
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments


@dataclass(frozen=True)
class Household:
    """The holder of a household code: which neighbourhood it was printed for, and nothing else."""

    code: str
    key: bytes = field(repr=False)
    enrolment: Enrolment
    rounds: dict[str, Round]
    in_sample: bool = False

    def credential(self, round: Round) -> bytes:
        return codes.credential_digest(self.key, round.kind, self.code)


def household(text: str) -> Household | None:
    """Whoever holds the typed code, of whichever season; None if no season's key made it. Raises Refused."""
    for season, key in seasons_with_rounds():
        if owner := codes.read(key, text):
            enrolment = enrolments(season).filter(number=owner[0]).first()
            if enrolment:
                in_sample = owner[1] in sampled_serials_of(enrolment, key)
                return Household(codes.canonical(text), key, enrolment, rounds_of(season), in_sample)
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
