"""Newton steps for variance ratios that may not fall below zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np

from dongliang.engine.data import Booleans, Floats, Record
from dongliang.engine.errors import Unidentified


class Point(Protocol):
    """The deviance at ``tau``; falls of it below ``tolerance`` do not matter, or are lost in its rounding."""

    @property
    def tau(self) -> Floats: ...

    @property
    def deviance(self) -> float: ...

    @property
    def tolerance(self) -> float: ...


class Slope(Protocol):
    """Gradient and average information of the deviance; ``apart`` says which effect differs at all beside the fixed ones."""

    @property
    def gradient(self) -> Floats: ...

    @property
    def information(self) -> Floats: ...

    @property
    def apart(self) -> Booleans: ...


# Share of the deviance that may be lost in the rounding of sums over all ratings.
ROUNDING = 1e-12

P = TypeVar("P", bound=Point)
S = TypeVar("S", bound=Slope)


def minimise(
    evaluate: Callable[[Floats], P],
    slope_at: Callable[[P], S],
    start: Floats,
    free: Booleans,
    *,
    method: str,
    max_iterations: int,
) -> tuple[P, S, Record]:
    """Newton steps in ``tau >= 0``, halved until the deviance falls.

    A variance at zero stays there while its gradient says that the deviance would fall only below zero.
    """
    point = evaluate(np.where(free, start, 0.0))
    evaluations = 1
    for iteration in range(max_iterations + 1):
        slope = slope_at(point)
        if not slope.apart[free].all():
            raise Unidentified(
                "Targets or raters coincide with the indicators, so that they cannot be told apart."
            )
        moving = free & ((point.tau > 0) | (slope.gradient < 0))
        step = np.where(
            moving, _newton(slope.gradient * moving, slope.information * np.outer(moving, moving)), 0.0
        )
        decrement = -float(slope.gradient @ step) / 2
        if decrement <= point.tolerance:
            stopped = "The deviance can fall no further."
            break
        if iteration == max_iterations:
            stopped = f"{max_iterations} iterations were allowed."
            break
        lower, tried = _descend(evaluate, point, slope.gradient, step)
        evaluations += tried
        if lower is None:
            stopped = "No shorter step lowered the deviance."
            break
        point = lower
    record = Record(
        method=method,
        objective=point.deviance,
        iterations=iteration,
        evaluations=evaluations,
        tolerance=point.tolerance,
        decrement=decrement,
        stopped=stopped,
    )
    return point, slope, record


def _newton(gradient: Floats, information: Floats) -> Floats:
    # The ratios may differ by orders of magnitude: on their own units, none is lost in the others' rounding.
    unit = 1 / np.sqrt(np.where(information.diagonal() > 0, information.diagonal(), 1.0))
    scaled = unit[:, None] * information * unit
    return np.asarray(-unit * np.linalg.lstsq(scaled, unit * gradient)[0])


def _descend(
    evaluate: Callable[[Floats], P], point: P, gradient: Floats, step: Floats
) -> tuple[P | None, int]:
    lost = ROUNDING * abs(point.deviance)
    for tried in range(1, 31):
        tau = np.maximum(point.tau + step * 0.5 ** (tried - 1), 0)
        lower = evaluate(tau)
        promised = float(gradient @ (tau - point.tau))
        # A fall that would be lost in rounding cannot be seen: so near the end a whole step is believed, as the gradient
        # keeps more digits than the deviance.
        unseen = tried == 1 and -promised <= lost
        if lower.deviance <= point.deviance + (lost if unseen else 1e-4 * promised + point.tolerance / 4):
            return lower, tried
    return None, tried
