"""What the engine refuses, in one tree.

Messages are whole English sentences; the fields let a caller say the same in its own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from dongliang.engine.data import FacetsFit, Fit, Integers, OrdinalFit

AnyFit = TypeVar("AnyFit", "Fit", "OrdinalFit", "FacetsFit")


class EngineError(Exception):
    """The engine cannot answer; the message says why and what to do."""


class InvalidRatings(EngineError):
    """The input breaks the rules of its own shape: lengths, codes, values that are no numbers."""


class Unidentified(EngineError):
    """The input is well formed, but no amount of computing can tell its effects apart."""


class Unconnected(EngineError):
    """Groups of targets share no rater, so that their levels cannot be compared.

    Attributes
    ----------
    groups : tuple of (m,) int arrays
        Codes of the targets of each group, the largest group first.
    """

    def __init__(self, message: str, groups: Sequence[Integers]) -> None:
        super().__init__(message)
        self.groups = tuple(groups)


class NotConverged(EngineError):
    """The iterations ended before the optimum was reached.

    Attributes
    ----------
    fit : Fit, OrdinalFit or FacetsFit
        The last iterate, with its record.
    """

    def __init__(self, message: str, fit: Fit | OrdinalFit | FacetsFit) -> None:
        super().__init__(message)
        self.fit = fit


class TooLarge(EngineError):
    """The method would need more memory than a machine has; the message says what can be done instead."""


class InvalidWeights(EngineError):
    """The weights and the sources do not belong together."""


class InvalidRanking(EngineError):
    """What was asked of a ranking contradicts itself: lengths, ``k``, scores that are no numbers."""


class InfeasibleQuotas(EngineError):
    """No selection of ``k`` keeps all minimum and maximum numbers of the groups."""


class Tied(EngineError):
    """Targets are equal by score and by every tie-break column.

    Attributes
    ----------
    ties : tuple of (m,) int arrays
        Codes of the targets of each tie, the best tie first.
    """

    def __init__(self, message: str, ties: Sequence[Integers]) -> None:
        super().__init__(message)
        self.ties = tuple(ties)


class InfeasiblePlan(EngineError):
    """No plan gives every target its raters.

    Attributes
    ----------
    targets : (m,) int array
        Codes of the targets that too few raters may assess.
    """

    def __init__(self, message: str, targets: Integers) -> None:
        super().__init__(message)
        self.targets = targets


class InvalidPairing(EngineError):
    """What was asked of a pairing breaks its own shape: lengths, codes, weights, numbers that repeat."""


class InfeasiblePairing(EngineError):
    """Some demands for a mentor cannot be met together; leaving out any one of them, the others can.

    Attributes
    ----------
    mentees : (k,) int array
        Codes of the mentees whose demands these are, in rising order.
    mentors : (l,) int array
        Codes of all mentors that these mentees may have; together they have room for ``k - 1`` of them.
    locked : (h,) int array
        Codes of those of the mentees who are locked to one mentor.
    """

    def __init__(self, message: str, mentees: Integers, mentors: Integers, locked: Integers) -> None:
        super().__init__(message)
        self.mentees = mentees
        self.mentors = mentors
        self.locked = locked


class NotCertified(EngineError):
    """A checker found that an answer is not what it claims to be."""


def converged(fit: AnyFit) -> AnyFit:
    """Hand ``fit`` on if its record says that no step would lower the deviance noticeably. Raises NotConverged."""
    record = fit.record
    if record.decrement > record.tolerance:
        raise NotConverged(
            f"The fit did not converge: {record.stopped} One more step promised to lower the deviance by "
            f"{record.decrement:.3g}; allowed is {record.tolerance:.3g}.",
            fit,
        )
    return fit
