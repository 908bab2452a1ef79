"""Reasons why something cannot happen now, and the exception that carries them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Blocker:
    """One reason against an action: shown before the button is pressed, raised when it is pressed all the same."""

    code: str
    sentence: str
    remedy: str = ""

    def __str__(self) -> str:
        gap = "" if self.sentence.endswith("。") else " "  # a Chinese full stop brings its own
        return gap.join(filter(None, (self.sentence, self.remedy)))


class Refused(Exception):
    """An action that cannot happen now. ``blockers`` names every reason, not only the first."""

    def __init__(self, blockers: Blocker | Iterable[Blocker]) -> None:
        self.blockers = (blockers,) if isinstance(blockers, Blocker) else tuple(blockers)
        super().__init__("\n".join(map(str, self.blockers)))
