"""Who may vote: the one place that turns the text in a resident's address into a right to vote, or a reason against."""

import datetime
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.translation import gettext as _

from dongliang.ballots import codes, passes
from dongliang.ballots.intake.snapshot import Neighbourhood, SeasonNow, Snapshot
from dongliang.ballots.models import Ballot
from dongliang.ballots.queries.residents import is_accepted


class Refusal(StrEnum):
    """Why a text gives no right to vote."""

    # No season's key made it: mistyped, or guessed. These are what is limited.
    UNKNOWN = "unknown"
    # The season's rule book does not let residents vote this way.
    NOT_A_WAY = "not_a_way"
    # The card was declared lost.
    REVOKED = "revoked"
    # A pass is valid for a short while.
    EXPIRED = "expired"

    @property
    def sentence(self) -> str:
        return {
            Refusal.UNKNOWN: _(
                "We do not know this code. Please compare it with your card, letter by letter."
            ),
            Refusal.NOT_A_WAY: _(
                "This year's rules do not let residents vote in this way. The poster of your neighbourhood says which "
                "ways there are."
            ),
            Refusal.REVOKED: _(
                "This card was declared lost or replaced, and is no longer valid. Ask your neighbourhood committee for "
                "the card in its place."
            ),
            Refusal.EXPIRED: _(
                "The time for this vote is over: it is kept short, so that nobody else can use it. Scan the poster once "
                "more and begin again. What you sent before is safe."
            ),
        }[self]


@dataclass(frozen=True)
class Entitlement:
    """A right to vote: for which neighbourhood, shown how. Nothing else is known of the resident."""

    # As it stands in addresses, whatever was typed.
    text: str
    season: SeasonNow
    neighbourhood: Neighbourhood
    channel: str = Ballot.Channel.CODE
    # Of a pass; a code is its own.
    identity: bytes = field(default=b"", repr=False)
    in_sample: bool = False

    @property
    def is_by_card(self) -> bool:
        return self.channel == Ballot.Channel.CODE

    @property
    def votes_once(self) -> bool:
        """Whether it is exercised on an officer's device, and so but once in each round."""
        return self.channel == Ballot.Channel.ASSISTED

    def credential(self, kind: str) -> bytes:
        """What is stored of it on a ballot of a round of this ``kind``."""
        if self.is_by_card:
            return codes.credential_digest(self.season.key, kind, self.text)
        return passes.credential_digest(self.season.key, kind, self.channel, self.identity)


def entitlement(now: Snapshot, text: str, *, at: datetime.datetime) -> Entitlement | Refusal:
    """The right to vote that ``text``, a household code or a pass, proves at that moment, of whichever season."""
    for season in now.seasons:
        found = None
        if owner := codes.read(season.key, text):
            found = by_card(season, text, *owner)
        elif carried := passes.read_expired(season.key, text):
            found = by_pass(season, text, carried, at)
        if found:
            return found
    return Refusal.UNKNOWN


def by_card(season: SeasonNow, text: str, number: int, serial: int) -> Entitlement | Refusal | None:
    if (neighbourhood := season.names.neighbourhoods.get(number)) is None:
        return None
    if not is_accepted(season.rules, Ballot.Channel.CODE):
        return Refusal.NOT_A_WAY
    if serial in season.revoked.get(number, ()):
        return Refusal.REVOKED
    in_sample = serial in season.names.sampled.get(number, ())
    return Entitlement(codes.canonical(text), season, neighbourhood, in_sample=in_sample)


def by_pass(
    season: SeasonNow, text: str, carried: passes.Pass, at: datetime.datetime
) -> Entitlement | Refusal | None:
    if (neighbourhood := season.names.neighbourhoods.get(carried.number)) is None:
        return None
    if not is_accepted(season.rules, carried.channel):
        return Refusal.NOT_A_WAY
    if at >= carried.expires:
        return Refusal.EXPIRED
    return Entitlement(text, season, neighbourhood, carried.channel, carried.identity)
