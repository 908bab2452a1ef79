"""Who may vote: the one place that turns the text in a resident's address into a right to vote, or a reason against."""

from dataclasses import dataclass
from enum import StrEnum

from dongliang.ballots import codes
from dongliang.ballots.intake.snapshot import Neighbourhood, SeasonNow, Snapshot
from dongliang.ballots.models import Ballot


class Refusal(StrEnum):
    """Why a text gives no right to vote. ``pages`` has a sentence for each."""

    # No season's key made it: mistyped, or guessed. These are what is limited.
    UNKNOWN = "unknown"
    # The season's rule book does not let residents vote this way.
    NOT_A_WAY = "not_a_way"


@dataclass(frozen=True)
class Entitlement:
    """A right to vote: for which neighbourhood, shown how. Nothing else is known of the resident."""

    # As it stands in addresses, whatever was typed.
    text: str
    season: SeasonNow
    neighbourhood: Neighbourhood
    channel: str = Ballot.Channel.CODE
    in_sample: bool = False

    def credential(self, kind: str) -> bytes:
        """What is stored of it on a ballot of a round of this ``kind``."""
        return codes.credential_digest(self.season.key, kind, self.text)


def entitlement(now: Snapshot, text: str) -> Entitlement | Refusal:
    """The right to vote that ``text`` proves, of whichever season."""
    for season in now.seasons:
        if owner := codes.read(season.key, text):
            number, _serial = owner
            if (neighbourhood := season.names.neighbourhoods.get(number)) is None:
                continue
            if "household_code" not in season.rules.residents.verification:
                return Refusal.NOT_A_WAY
            return Entitlement(codes.canonical(text), season, neighbourhood)
    return Refusal.UNKNOWN
