"""What a resident may read: what their own code or pass, and their receipt, lead to."""

import datetime
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.ballots import codes, passes
from dongliang.ballots.models import Ballot, Round
from dongliang.ballots.queries.cards import is_revoked
from dongliang.ballots.queries.proof import PublishedReceipt, published_receipt
from dongliang.ballots.queries.rounds import rounds_of, seasons_with_rounds
from dongliang.ballots.queries.sample import sampled_serials_of
from dongliang.common.refusals import Blocker
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.queries import enrolments

# What the rule book calls a way, by what a ballot calls it.
WAYS = {
    Ballot.Channel.CODE: "household_code",
    Ballot.Channel.SMS: "sms",
    Ballot.Channel.WECHAT: "wechat",
    Ballot.Channel.ASSISTED: "assisted",
    Ballot.Channel.PAPER: "paper",
}


def is_accepted(season: Season, channel: str) -> bool:
    """Whether the season's rules let the right to vote be shown in this way."""
    return WAYS[Ballot.Channel(channel)] in season.rules.residents.verification


@dataclass(frozen=True)
class Household:
    """The holder of a household code or a pass: for which neighbourhood, shown how, and nothing else."""

    code: str
    key: bytes = field(repr=False)
    enrolment: Enrolment
    rounds: dict[str, Round]
    channel: str = Ballot.Channel.CODE
    # Of a pass; a code is its own.
    identity: bytes = field(default=b"", repr=False)
    in_sample: bool = False

    def credential(self, round: Round) -> bytes:
        if self.channel == Ballot.Channel.CODE:
            return codes.credential_digest(self.key, round.kind, self.code)
        return passes.credential_digest(self.key, round.kind, self.channel, self.identity)


def household(text: str, *, at: datetime.datetime | None = None) -> Household | None:
    """Whoever may vote with this code or pass, of whichever season; None if nobody may. Raises Refused."""
    found = shown(text, at or now())
    return found if isinstance(found, Household) else None


def why_not(text: str, *, at: datetime.datetime | None = None) -> Blocker | None:
    """Why nobody may vote with this code or pass, and what to do; None if somebody may. Raises Refused."""
    found = shown(text, at or now())
    return found if isinstance(found, Blocker) else None


def shown(text: str, at: datetime.datetime) -> Household | Blocker:
    """What a code or pass entitles to, or why to nothing."""
    for season, key in seasons_with_rounds():
        if owner := codes.read(key, text):
            return shown_by_code(season, key, text, *owner)
        if carried := passes.read_expired(key, text):
            return shown_by_pass(season, key, text, carried, at)
    return unknown_code()


def shown_by_code(season: Season, key: bytes, text: str, number: int, serial: int) -> Household | Blocker:
    enrolment = enrolments(season).filter(number=number).first()
    if enrolment is None:
        return unknown_code()
    if not is_accepted(season, Ballot.Channel.CODE):
        return not_accepted(season)
    if is_revoked(enrolment, serial):
        return Blocker(
            "ballots.revoked_card",
            _("This card was declared lost or replaced, and is no longer valid."),
            _("Ask your neighbourhood committee for the card in its place."),
        )
    in_sample = serial in sampled_serials_of(enrolment, key)
    return Household(codes.canonical(text), key, enrolment, rounds_of(season), in_sample=in_sample)


def shown_by_pass(
    season: Season, key: bytes, text: str, carried: passes.Pass, at: datetime.datetime
) -> Household | Blocker:
    enrolment = enrolments(season).filter(number=carried.number).first()
    if enrolment is None:
        return unknown_code()
    if not is_accepted(season, carried.channel):
        return not_accepted(season)
    if at >= carried.expires:
        return Blocker(
            "ballots.expired_pass",
            _("The time for this vote is over: it is kept short, so that nobody else can use it."),
            _("Scan the poster once more and begin again. What you sent before is safe."),
        )
    return Household(text, key, enrolment, rounds_of(season), carried.channel, carried.identity)


def unknown_code() -> Blocker:
    return Blocker(
        "ballots.unknown_code",
        _("We do not know this code. Please compare it with your card, letter by letter."),
    )


def not_accepted(season: Season) -> Blocker:
    return Blocker(
        "ballots.way_not_accepted",
        _("%(season)s is not voted on in this way.") % {"season": season},
        _("The poster of your neighbourhood says which ways there are."),
    )


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
