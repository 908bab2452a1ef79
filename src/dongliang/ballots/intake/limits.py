"""How many wrong codes are answered: what is limited is guessing, never voting.

A whole estate may share one address, so that its visits say nothing; but few of its residents mistype, and nobody votes
with a code that is none. A right code always goes through.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

# So many wrong codes at once, and so many a second after that: from one address, and from all together.
ADDRESS = (60, 0.5)
EVERYBODY = (2000, 20.0)
# Addresses kept in mind. Beyond it the oldest are forgotten, whose allowance is whole again or nearly.
MOST_ADDRESSES = 20_000


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
        self.addresses: dict[str, Allowance] = {}
        self.everybody = Allowance(EVERYBODY[0], clock())
        self.warned_at = float("-inf")

    def allows(self, address: str) -> bool:
        """Whether one more wrong code from this address is answered as such."""
        at = self.clock()
        # Taken out and put back, so that the dictionary's order is that of the last use.
        allowance = self.addresses.pop(address, None) or Allowance(ADDRESS[0], at)
        self.addresses[address] = allowance
        if len(self.addresses) > MOST_ADDRESSES:
            del self.addresses[next(iter(self.addresses))]
        allowed = allowance.take(*ADDRESS, at) and self.everybody.take(*EVERYBODY, at)
        if not allowed and at - self.warned_at > 60:
            self.warned_at = at
            logger.warning(
                "Too many wrong household codes: somebody may be guessing. Further ones are slowed down."
            )
        return allowed
