"""The climb to the top of a Laplace log-likelihood, and what the top says about standard errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dongliang.engine.crossed.laplace import Point, Problem, Slope, evaluate, expected_information, slope_at
from dongliang.engine.data import Booleans, Floats, Record
from dongliang.engine.errors import Unidentified

TOLERANCE = 1e-8
# A climb that ends this near may have lost its sense of curvature: the observed information finishes or refuses it.
NEARLY = 1e-5
# Chances beyond this many logits differ from 0 and 1 by less than rounding: estimates do not end there, they run away.
RUNAWAY = 30.0
# A standard deviation below this, in logits, is compared with zero.
NEGLIGIBLE = 0.1
# A direction in which the log-likelihood bends less than this, per squared logit, has no maximum in reach.
FLAT = 1e-5
# Log-likelihood that may be lost by putting such a one at zero.
ZERO_LOSS = 1e-6

SEPARATED = (
    "The marks separate targets, raters or indicators perfectly, so that the likelihood rises for ever as their distance "
    "grows. Use crossed.gaussian, thresholds per indicator, or more ratings."
)
# How a remark speaks of the levels of these two.
PEOPLE = {"target": "targets", "rater": "raters"}


@dataclass(frozen=True, eq=False)
class Top:
    """Where the climb ended, and the information that its standard errors come from."""

    point: Point
    slope: Slope
    information: Floats
    moving: Booleans
    record: Record

    @property
    def done(self) -> bool:
        return self.record.decrement <= self.record.tolerance


def climb(problem: Problem, point: Point, free: Booleans, max_iterations: int) -> Top:
    """Climb to the top; a standard deviation that ends next to zero is put there and held, and the rest climbs on.

    The curvature that the steps have gathered may promise less than there is: at the end the observed information has
    the last word.
    """
    moving = np.append(np.ones(len(point.parameters) - len(free), dtype=bool), free)
    top = _rise(problem, point, moving, expected_information(problem, point), max_iterations)
    kept = ~free
    while top.done and (small := (np.abs(top.point.sd) <= NEGLIGIBLE) & ~kept).any():
        effect = int(np.argmin(np.where(small, np.abs(top.point.sd), np.inf)))
        kept = kept | (np.arange(len(free)) == effect)
        top = _without(problem, top, effect, max_iterations)
    for held in np.flatnonzero(free & ~top.moving[-len(free) :]):
        top = _released(problem, top, int(held), max_iterations)
    if top.record.decrement > NEARLY:
        return top
    information = _observed(problem, top.point, top.moving)
    if np.linalg.eigvalsh(information[np.ix_(top.moving, top.moving)])[0] < FLAT:
        raise separated(problem)
    finished = _rise(problem, top.point, top.moving, information, max_iterations)
    return replace(_joined(top, finished), information=information)


def _without(problem: Problem, top: Top, effect: int, max_iterations: int) -> Top:
    """The top with this standard deviation at zero; the old one where that would lose log-likelihood."""
    parameters = top.point.parameters.copy()
    place = len(parameters) - len(problem.names) + effect
    parameters[place] = 0
    zero = ordered(problem, evaluate(problem, parameters, top.point.z))
    if zero.log_likelihood < top.point.log_likelihood - ZERO_LOSS:
        return top
    moving = top.moving & (np.arange(len(parameters)) != place)
    higher = _rise(problem, zero, moving, expected_information(problem, zero), max_iterations)
    return _joined(top, higher, _boundary_remark(problem.names[effect]))


def _released(problem: Problem, top: Top, effect: int, max_iterations: int) -> Top:
    """The top with this standard deviation let go from zero, if that raises the log-likelihood.

    Its slope vanishes at zero whether the log-likelihood falls or rises from there: steps may have ended next to it by chance.
    """
    place = len(top.moving) - len(problem.names) + effect
    apart = np.arange(len(top.moving)) == place
    point = evaluate(problem, top.point.parameters + NEGLIGIBLE * apart, top.point.z)
    if point is None or point.log_likelihood <= top.point.log_likelihood + ZERO_LOSS:
        return top
    moving = top.moving | apart
    higher = _rise(problem, point, moving, expected_information(problem, point), max_iterations)
    joined = _joined(top, higher)
    kept = tuple(
        remark for remark in joined.record.remarks if remark != _boundary_remark(problem.names[effect])
    )
    return replace(joined, record=replace(joined.record, remarks=kept))


def _boundary_remark(name: str) -> str:
    whose = "their" if name in PEOPLE else "its"
    return (
        f"The variance of {PEOPLE.get(name, name)} is estimated as zero: {whose} differences are no larger than chance would "
        "make them."
    )


def _joined(first: Top, second: Top, *remarks: str) -> Top:
    record = replace(
        second.record,
        iterations=first.record.iterations + second.record.iterations,
        evaluations=first.record.evaluations + second.record.evaluations,
        remarks=(*first.record.remarks, *remarks),
    )
    return replace(second, record=record)


def _rise(problem: Problem, point: Point, moving: Booleans, bent: Floats, max_iterations: int) -> Top:
    """Quasi-Newton steps in the parameters that move, from this information on."""
    slope = slope_at(problem, point)
    evaluations = 1
    for iteration in range(max_iterations + 1):
        step = np.zeros(len(moving))
        step[moving] = np.linalg.solve(bent[np.ix_(moving, moving)], slope.gradient[moving])
        decrement = float(slope.gradient @ step)
        if decrement <= TOLERANCE:
            stopped = "The log-likelihood can rise no further."
            break
        if iteration == max_iterations:
            stopped = f"{max_iterations} iterations were allowed."
            break
        higher, tried = _ahead(problem, point, slope.gradient, step)
        evaluations += tried
        if higher is None:
            stopped = "No shorter step raised the log-likelihood."
            break
        _refuse_runaway(problem, higher)
        risen = slope_at(problem, higher)
        fallen = moving * (slope.gradient - risen.gradient)
        bent = _updated(bent, higher.parameters - point.parameters, fallen)
        point, slope = higher, risen
    record = Record(
        method="Laplace",
        objective=-2 * point.log_likelihood,
        iterations=iteration,
        evaluations=evaluations,
        tolerance=TOLERANCE,
        decrement=decrement,
        stopped=stopped,
    )
    return Top(point, slope, bent, moving, record)


def _refuse_runaway(problem: Problem, point: Point) -> None:
    finite = point.cuts[np.isfinite(point.cuts)]
    if max(np.abs(finite).max(initial=0), np.abs(point.sd).max()) > RUNAWAY:
        raise separated(problem)


def separated(problem: Problem) -> Unidentified:
    """Why the likelihood has no maximum in reach."""
    per_level = {
        name: float(problem.cells.count.sum()) / len(np.unique(levels))
        for name, levels in zip(problem.names, problem.levels, strict=True)
        if ":" in name
    }
    if not per_level:
        return Unidentified(SEPARATED)
    thinnest = min(per_level, key=lambda name: per_level[name])
    return Unidentified(
        f"The likelihood rises for ever as the effects grow: {thinnest}, with {per_level[thinnest]:.1f} ratings a level, cannot be told "
        "from chance, or the marks separate targets, raters or indicators perfectly. Leave the effect out, or use crossed.gaussian."
    )


def _ahead(problem: Problem, point: Point, gradient: Floats, step: Floats) -> tuple[Point | None, int]:
    for tried in range(1, 31):
        part = step * 0.5 ** (tried - 1)
        higher = evaluate(problem, point.parameters + part, point.z, point.curvature)
        if (
            higher
            and higher.log_likelihood >= point.log_likelihood + 1e-4 * float(gradient @ part) - TOLERANCE / 4
        ):
            return higher, tried
    return None, tried


def _updated(bent: Floats, step: Floats, fallen: Floats) -> Floats:
    """BFGS; the fall of the gradient is mixed with what was foreseen where it would leave the matrix indefinite."""
    foreseen = bent @ step
    along, seen = float(step @ foreseen), float(step @ fallen)
    if seen < 0.1 * along:
        fallen = foreseen + 0.9 * along / (along - seen) * (fallen - foreseen)
        seen = 0.1 * along
    return np.asarray(bent - np.outer(foreseen, foreseen) / along + np.outer(fallen, fallen) / seen)


def _observed(problem: Problem, point: Point, moving: Booleans) -> Floats:
    """Minus the differences of the exact gradient, each way by a hundredth of an error; 0 for what does not move."""
    units = 0.01 / np.sqrt(expected_information(problem, point).diagonal())
    information = np.zeros((len(moving), len(moving)))
    for place in np.flatnonzero(moving):
        move = units * (np.arange(len(moving)) == place)
        before, behind = (
            slope_at(
                problem,
                ordered(problem, evaluate(problem, point.parameters + part, point.z, point.curvature)),
            )
            for part in (move, -move)
        )
        information[place] = moving * (behind.gradient - before.gradient) / (2 * units[place])
    return (information + information.T) / 2


def ordered(problem: Problem, point: Point | None) -> Point:
    """Thresholds that a small step puts out of order are thresholds that nothing holds in place."""
    if point is None:
        raise separated(problem)
    return point
