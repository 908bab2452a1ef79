"""How many wrong codes are answered, and how many ballots of one household are taken in a short while.

A whole estate may share one address, so that its visits say nothing; but few of its residents mistype, and nobody votes
with a code that is none. A right code always goes through, however many wrong ones came: so the limit hides no code that
somebody has hit upon. It spares the server, and shows in its log that somebody guesses. That nobody hits upon one rests on
the codes themselves: one in 2 to the power of 35 is right (``codes``). Nor does everybody wait for the answer that says to
slow down: beyond ``application.MOST_SLOWED_DOWN`` waiting, it comes at once.

Ballots are limited by credential and by nothing else, so that no neighbour's haste holds anybody up. Each server process
counts by itself, and begins anew when it starts; what is stored for good has a limit of its own (``casting.MOST_STORED``).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from dongliang.common.allowances import Allowances

logger = logging.getLogger(__name__)

# So many wrong codes at once, and so many a second after that: from one address, and from all together.
ADDRESS = (60, 0.5)
EVERYBODY = (2000, 20.0)
# Addresses kept in mind. Beyond it the oldest are forgotten, whose allowance is whole again or nearly.
MOST_ADDRESSES = 20_000
# So many ballots of one credential at once, and one a minute after that: more than anybody changes their mind.
CREDENTIAL = (10, 1 / 60)
# Credentials kept in mind, some 300 bytes each. While more than this many others vote within a minute, one that comes back
# finds its allowance whole again.
MOST_CREDENTIALS = 50_000


class Allowance:
    """A store of ``burst`` that fills up again by ``rate`` a second."""

    __slots__ = ("at", "left")

    def __init__(self, burst: int, at: float) -> None:
        self.left = float(burst)
        self.at = at

    def take(self, burst: int, rate: float, at: float) -> bool:
        self.left = min(burst, self.left + (at - self.at) * rate)
        self.at = at
        if self.left < 1:
            return False
        self.left -= 1
        return True


class WrongCodes:
    """Counts wrong codes, by address and altogether."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.addresses = Allowances(*ADDRESS, most=MOST_ADDRESSES, clock=clock)
        self.everybody = Allowance(EVERYBODY[0], clock())
        self.warned_at = float("-inf")

    def allows(self, address: str) -> bool:
        """Whether one more wrong code from this address is answered as such."""
        at = self.clock()
        allowed = self.addresses.takes(address) and self.everybody.take(*EVERYBODY, at)
        if not allowed and at - self.warned_at > 60:
            self.warned_at = at
            logger.warning(
                "Too many wrong household codes: somebody may be guessing. Further ones are slowed down."
            )
        return allowed


class Turns(Allowance):
    """What a credential may still send, and the page that it sent last."""

    __slots__ = ("last",)

    def __init__(self, burst: int, at: float) -> None:
        super().__init__(burst, at)
        self.last = 0


class Ballots:
    """Counts ballots by credential. The last page sent again is the same ballot, and free."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.credentials: dict[bytes, Turns] = {}

    def seconds_to_wait(self, credential: bytes, nonce: bytes, marks: str) -> int:
        """0 if this ballot may be stored now, else the seconds until one may."""
        at, page = self.clock(), hash((nonce, marks))
        # Taken out and put back, so that the dictionary's order is that of the last use.
        turns = self.credentials.pop(credential, None) or Turns(CREDENTIAL[0], at)
        self.credentials[credential] = turns
        if len(self.credentials) > MOST_CREDENTIALS:
            del self.credentials[next(iter(self.credentials))]
        if turns.last != page:
            if not turns.take(*CREDENTIAL, at):
                return math.ceil((1 - turns.left) / CREDENTIAL[1])
            turns.last = page
        return 0
