"""Room for what takes long: so many at once, and so many of each caller."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Full(Exception):
    """All places are taken, or all of this caller: to be tried again later."""


class Places:
    """``most`` at once, of which one caller has ``each``."""

    def __init__(self, most: int, each: int) -> None:
        self.most = most
        self.each = each
        self.taken: Counter[str] = Counter()

    @contextmanager
    def one(self, caller: str) -> Iterator[None]:
        """Take a place while the block lasts. Raises Full."""
        if self.taken.total() >= self.most or self.taken[caller] >= self.each:
            raise Full
        self.taken[caller] += 1
        try:
            yield
        finally:
            self.taken[caller] -= 1
            if not self.taken[caller]:
                del self.taken[caller]
