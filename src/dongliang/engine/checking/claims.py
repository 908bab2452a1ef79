"""What all certificates do with a claim: hold it against what it should be, and refuse it in a sentence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dongliang.engine.data import Floats
from dongliang.engine.errors import NotCertified


def demand(kept: bool, broken: str) -> None:
    """Raise ``NotCertified`` with the sentence ``broken`` unless ``kept``."""
    if not kept:
        raise NotCertified(broken)


def demand_near(claim: str, stated: Floats, expected: Floats, allowed: float | Floats) -> None:
    """Demand that what is stated, ``claim`` in words, is what is expected, NaN and infinities included."""
    stated, expected = np.asarray(stated, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    demand(
        stated.shape == expected.shape, f"{claim} have the shape {stated.shape} instead of {expected.shape}."
    )
    with np.errstate(invalid="ignore"):
        same = (np.abs(stated - expected) <= allowed) | (stated == expected)
    same |= np.isnan(stated) & np.isnan(expected)
    if not same.all():
        at = tuple(int(place) for place in np.argwhere(~same)[0]) if same.ndim else ()
        where = f" at {', '.join(map(str, at))}" if at else ""
        raise NotCertified(
            f"{claim} do not follow: stated is {stated[at]:.6g}{where}, expected {expected[at]:.6g}."
        )


def demand_errors(claim: str, stated: Floats, expected: Floats, within: float) -> None:
    """Demand that standard errors are near those expected, in proportion."""
    demand_near(
        claim, stated, expected, within * np.abs(np.nan_to_num(np.asarray(expected, dtype=np.float64)))
    )


def demand_optimum(slope: Floats, information: Floats, tolerance: float) -> Floats:
    """Demand that the log-likelihood has a top here: it bends down in every direction, and a Newton step promises no rise beyond
    ``tolerance``. The covariance of the parameters is returned."""
    least = np.linalg.eigvalsh(information)[0] if len(information) else 1.0
    demand(
        bool(least > 0), "The log-likelihood does not bend downwards in every direction: this is no maximum."
    )
    covariance: Floats = np.asarray(np.linalg.inv(information), dtype=np.float64)
    rise = float(slope @ covariance @ slope) / 2
    demand(
        rise <= tolerance,
        f"The log-likelihood has a slope: one more step promises {rise:.3g} more, so that this is no optimum.",
    )
    return covariance


def slope_of(function: Callable[[Floats], float], at: Floats, step: float) -> Floats:
    """First derivatives by central differences."""
    moves = step * np.eye(len(at))
    return np.array([(function(at + move) - function(at - move)) / (2 * step) for move in moves])


def information_of(function: Callable[[Floats], float], at: Floats, step: float) -> Floats:
    """Minus the second derivatives, from differences of values alone."""
    moves = step * np.eye(len(at))
    middle = function(at)
    beside = [function(at + move) + function(at - move) for move in moves]
    information = np.empty((len(at), len(at)))
    for i, one in enumerate(moves):
        for j, other in enumerate(moves[: i + 1]):
            both = beside[i] if i == j else function(at + one + other) + function(at - one - other)
            if i == j:
                information[i, i] = 2 * middle - both
            else:
                information[i, j] = information[j, i] = (beside[i] + beside[j] - 2 * middle - both) / 2
    return information / step**2


def information_from(slope: Callable[[Floats], Floats], at: Floats, step: float) -> Floats:
    """Minus the second derivatives, from central differences of a slope."""
    rows = [(slope(at - move) - slope(at + move)) / (2 * step) for move in step * np.eye(len(at))]
    information = np.array(rows).reshape(len(at), len(at))
    return (information + information.T) / 2


def errors_of(covariance: Floats, rows: Floats) -> Floats:
    """Standard errors of linear functions of the parameters, ``rows`` (..., parameters)."""
    return np.asarray(np.sqrt(np.einsum("...i,ij,...j->...", rows, covariance, rows, optimize=True)))
