"""How often somebody may ask for something, kept in mind by this process alone."""

import threading
import time
from collections.abc import Callable


class Allowances:
    """Each caller may ask ``burst`` times at once, and gets ``rate`` anew each second.

    Of so many callers those are kept in mind that asked last; what the others have left is whole again, or nearly.
    """

    def __init__(
        self, burst: int, rate: float, *, most: int = 20_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.burst = burst
        self.rate = rate
        self.most = most
        self.clock = clock
        self.left: dict[str, tuple[float, float]] = {}
        self.lock = threading.Lock()

    def takes(self, caller: str) -> bool:
        """Take one of the caller's, if any is left."""
        at = self.clock()
        with self.lock:
            # Taken out and put back, so that the dictionary's order is that of the last use.
            left, since = self.left.pop(caller, (float(self.burst), at))
            left = min(self.burst, left + (at - since) * self.rate)
            allowed = left >= 1
            self.left[caller] = (left - allowed, at)
            if len(self.left) > self.most:
                del self.left[next(iter(self.left))]
        return allowed
