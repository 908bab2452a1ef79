"""Several sources, one score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from dongliang.engine.data import Composite, Fit, Floats
from dongliang.engine.errors import InvalidWeights

Scale = Literal["marks", "standardised"]

# Least eigenvalue left to the correlations between sources.
LEAST_EIGENVALUE = 0.05
# Targets times sources of which the joint distribution is still worked out: three matrices of 0.3 GB.
JOINT_LIMIT = 6_000


def combine(
    fits: Mapping[str, Fit], weights: Mapping[str, float], *, scale: Scale, joint: bool = True
) -> Composite:
    """Weigh the measures of several sources of the same ``p`` targets into one score.

    Parameters
    ----------
    fits : mapping of str to Fit
        One per source; all number the ``p`` targets alike.
    weights : mapping of str to float
        The nominal weight of each source, in any unit: they are divided by their sum. None may be negative.
    scale : {"marks", "standardised"}
        ``"marks"`` averages the measures as they are, so that a source whose marks spread more decides more than its
        weight says. ``"standardised"`` averages effects divided by the source's estimated standard
        deviation between targets, so that nominal weights are effective ones.
    joint : bool, default True
        Whether what is expected of a target takes into account how its errors hang together with those of others.
        False takes each target by itself, which is much faster, and leaves no covariance.

    Returns
    -------
    Composite
        In marks or in standard deviations; higher is better. A target that a source could not measure (NaN) has no
        score (NaN). A source whose target variance is zero tells nobody apart: it is named in ``silent``
        and adds 0 on the standardised scale; the other weights stay as they are. The covariance is None when no source
        has one, and where targets times sources are more than 6,000.

    Raises
    ------
    InvalidWeights
        Sources and weights differ; a weight is negative or no number; all are zero; the fits
        have different numbers of targets.

    Notes
    -----
    Measures of a model are drawn towards the mean of their source, all of them on the same side where a target is good, or
    bad, in all sources: these errors do not average out. How far targets' merits in two sources go together is estimated from
    the measures by moments, and both the standard errors of the scores and what is expected of the targets account for it;
    the score itself stays the weighted sum. Given the targets, what raters of different sources say is taken as
    independent; the standard deviations and correlations between targets are taken as known. Plain means are drawn nowhere, and fits with
    subdistricts of their own towards something else: their errors are added as independent ones. See docs/methods/composite.md.
    """
    shares = _shares(fits, weights)
    silent = tuple(source for source, fit in fits.items() if fit.variances["target"] == 0)
    targets = len(next(iter(fits.values())).measures)
    contributions = {
        source: (0.0 if scale == "standardised" and source in silent else shares[source])
        * (fit.measures if scale == "marks" else fit.effects / _unit(fit))
        for source, fit in fits.items()
    }
    scores = sum(contributions.values(), np.zeros(targets))
    # What a standard deviation between targets in a source counts in the score.
    counts = {
        source: shares[source] * (_unit(fit) if scale == "marks" else 1.0)
        for source, fit in fits.items()
        if shares[source] and not (scale == "standardised" and source in silent)
    }
    drawn = tuple(source for source in counts if source not in silent and _is_drawn(fits[source]))
    together = _Together.of(
        {source: fits[source] for source in drawn}, np.array([counts[source] for source in drawn]), targets
    )
    apart = {source: counts[source] / _unit(fits[source]) for source in counts if source not in drawn}
    error = sum(
        (factor**2 * fits[source].standard_errors ** 2 for source, factor in apart.items()), np.zeros(targets)
    )
    covariance = None
    if (
        joint
        and any(fits[source].covariance is not None for source in counts)
        and len(drawn) * targets <= JOINT_LIMIT
    ):
        moved, covariance = together.posterior()
        for source, factor in apart.items():
            covariance = covariance + factor**2 * _spread(fits[source])
        expected_error = covariance.diagonal()
    else:
        moved, of_each = together.posterior_of_each()
        expected_error = of_each + error
    return Composite(
        scores=scores,
        standard_errors=np.sqrt(together.error() + error),
        expected=scores + moved,
        expected_errors=np.sqrt(expected_error),
        covariance=covariance,
        contributions=contributions,
        weights=shares,
        correlations={
            (first, second): float(together.correlations[i, j])
            for (i, first), (j, second) in combinations(enumerate(drawn), 2)
        },
        scale=scale,
        silent=silent,
    )


def _unit(fit: Fit) -> float:
    return float(np.sqrt(fit.variances["target"])) or 1.0


def _is_drawn(fit: Fit) -> bool:
    """Whether measures are conditional modes under one normal distribution of all targets."""
    return fit.record.method in ("REML", "ML") and "subdistrict" not in fit.variances


def _spread(fit: Fit) -> Floats:
    return fit.covariance if fit.covariance is not None else np.diag(fit.standard_errors**2)


@dataclass(frozen=True, eq=False)
class _Together:
    """Sources whose measures are drawn towards their means, in standard deviations between targets.

    ``measures`` (s, p) are effects, ``errors`` their posterior covariances ``W``, (p, p) each or (p,) where they are
    independent; ``counts`` (s,) is what each source counts in the score, ``correlations`` (s, s) those of merits.
    """

    measures: Floats
    errors: tuple[Floats, ...]
    counts: Floats
    correlations: Floats

    @classmethod
    def of(cls, fits: Mapping[str, Fit], counts: Floats, targets: int) -> _Together:
        measures, errors = [], []
        for fit in fits.values():
            unit = _unit(fit)
            unknown = np.isnan(fit.measures)
            measures.append(np.where(unknown, 0.0, fit.effects / unit))
            error = (fit.standard_errors**2 if fit.covariance is None else fit.covariance) / unit**2
            # Of whom a source says nothing, there is known what is known before.
            if error.ndim == 1:
                errors.append(np.where(unknown, 1.0, error))
            else:
                errors.append(np.where(unknown | unknown[:, None], np.diag(unknown.astype(float)), error))
        return cls(
            np.array(measures).reshape(len(fits), targets),
            tuple(errors),
            counts,
            _correlations(np.array(measures), tuple(errors)),
        )

    @property
    def each(self) -> Floats:
        """Error variances, (s, p)."""
        each = [error if error.ndim == 1 else error.diagonal() for error in self.errors]
        return np.array(each).reshape(self.measures.shape)

    def error(self) -> Floats:
        """Mean squared error of the weighted sum, (p,): a source's errors are ``W`` among themselves, and
        ``correlation * W W'`` with another's."""
        variance = self.counts**2 @ self.each
        for i, j in combinations(range(len(self.counts)), 2):
            first, second = self.errors[i], self.errors[j]
            shared = (first * second) if first.ndim == second.ndim else self.each[i] * self.each[j]
            if shared.ndim == 2:
                shared = shared.sum(axis=1)
            variance = variance + 2 * self.counts[i] * self.counts[j] * self.correlations[i, j] * shared
        return variance

    def posterior(self) -> tuple[Floats, Floats]:
        """How far beyond the weighted sum all sources together expect a target, (p,), and the covariance of that, (p, p).

        With merits correlated, the precision ``W^-1`` of the sources becomes ``W^-1 + (R^-1 - I)``: so written, no ``W``
        need have an inverse.
        """
        sources, targets = self.measures.shape
        dense = [np.diag(error) if error.ndim == 1 else error for error in self.errors]
        if sources < 2:
            nothing = np.zeros((targets, targets))
            return np.zeros(targets), sum((self.counts[0] ** 2 * error for error in dense), nothing)
        pull = np.linalg.inv(self.correlations) - np.eye(sources)
        system = np.eye(sources * targets).reshape(sources, targets, sources, targets)
        for i, error in enumerate(dense):
            for j in range(sources):
                system[i, :, j] += pull[i, j] * error
        weighted = np.vstack([count * error for count, error in zip(self.counts, dense, strict=True)])
        solved = np.linalg.solve(
            system.reshape(sources * targets, -1), np.column_stack([self.measures.ravel(), weighted])
        )
        by_source = np.einsum("s,spk->pk", self.counts, solved.reshape(sources, targets, -1))
        covariance = by_source[:, 1:]
        return by_source[:, 0] - self.counts @ self.measures, (covariance + covariance.T) / 2

    def posterior_of_each(self) -> tuple[Floats, Floats]:
        """The same for every target by itself: (p,) and the variances (p,)."""
        sources = len(self.counts)
        pull = np.linalg.inv(self.correlations) - np.eye(sources)
        system = np.eye(sources) + self.each.T[:, :, None] * pull
        given = np.stack([self.measures.T, self.each.T * self.counts], axis=2)
        moved, variance = (self.counts @ np.linalg.solve(system, given)).T
        return moved - self.counts @ self.measures, variance


def _correlations(measures: Floats, errors: tuple[Floats, ...]) -> Floats:
    """Of merits in the sources, (s, s), by moments: ``E z'z = correlation * trace((I - W) (I - W'))``.

    Where few targets make them more than any merits can be, all are drawn towards 0 alike, until the least eigenvalue is
    0.05.
    """
    correlations = np.eye(len(errors))
    for i, j in combinations(range(len(errors)), 2):
        if told := _told(errors[i], errors[j]):
            correlations[i, j] = correlations[j, i] = np.clip(measures[i] @ measures[j] / told, -1.0, 1.0)
    least = float(np.linalg.eigvalsh(correlations)[0]) if len(errors) else 1.0
    share = min(1.0, (1 - LEAST_EIGENVALUE) / (1 - least)) if least < 1 else 1.0
    return np.asarray(np.eye(len(errors)) + share * (correlations - np.eye(len(errors))))


def _told(first: Floats, second: Floats) -> float:
    """The trace of ``(I - W) (I - W')``: of how many targets both sources tell merits, as it were."""
    if first.ndim == second.ndim == 2:
        return float(((np.eye(len(first)) - first) * (np.eye(len(second)) - second)).sum())
    diagonals = [1 - (error if error.ndim == 1 else error.diagonal()) for error in (first, second)]
    return float(diagonals[0] @ diagonals[1])


def _shares(fits: Mapping[str, Fit], weights: Mapping[str, float]) -> dict[str, float]:
    if fits.keys() != weights.keys() or not fits:
        raise InvalidWeights(
            f"There are fits of {_listed(fits)} and weights of {_listed(weights)}. Give one of each per source."
        )
    for source, weight in weights.items():
        if not (np.isfinite(weight) and weight >= 0):
            raise InvalidWeights(f"The weight of {source} is {weight}. Give a number that is not negative.")
    total = sum(weights.values())
    if total == 0:
        raise InvalidWeights("All weights are zero. Give at least one source a weight.")
    sizes = {source: len(fit.measures) for source, fit in fits.items()}
    if len(set(sizes.values())) > 1:
        raise InvalidWeights(
            f"The fits differ in their number of targets: {sizes}. Number targets alike in all."
        )
    return {source: weights[source] / total for source in fits}


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) or "nothing"
