"""Certifies composite scores from the distribution of merits and measures together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from dongliang.engine.checking.claims import demand, demand_near
from dongliang.engine.data import Composite, Fit, Floats
from dongliang.engine.errors import TooLarge

# Targets times sources of which the covariance is formed and inverted.
MOST_MEASURES = 1_500
# As far towards each other as sources are ever taken to go.
LEAST_EIGENVALUE = 0.05


def certify_composite(
    composite: Composite,
    fits: Mapping[str, Fit],
    weights: Mapping[str, float],
    *,
    scale: Literal["marks", "standardised"],
    tolerance: float = 1e-6,
) -> None:
    """Check scores, their errors and what is expected of the targets against the joint distribution of merits and measures.

    Parameters
    ----------
    composite : Composite
        What is claimed, with a covariance.
    fits, weights, scale
        As in `composite.combine`; targets times sources 1,500 at most, every measure known.
    tolerance : float, default 1e-6
        Largest error allowed, in the units of the scores.

    Raises
    ------
    NotCertified
        Weights or contributions are not those of the fits, or do not sum to the scores; correlations are none, or not those of the
        measures; or errors, expectations or covariance do not follow from them.
    TooLarge
        There are more measures than that.

    Notes
    -----
    A measure drawn towards the mean is ``z = (I - W) u + e`` for merits ``u`` and the error covariance ``W`` of the fit: with that,
    everything is conditioning of normal variables. Fits of other kinds are merits plus independent errors.
    """
    sources = list(fits)
    targets = len(composite.scores)
    if len(sources) * targets > MOST_MEASURES:
        raise TooLarge(
            f"{len(sources) * targets} measures are too many to check; {MOST_MEASURES} is the most."
        )
    total = sum(weights.values())
    silent = {source for source in sources if fits[source].variances["target"] == 0}
    demand(set(composite.silent) == silent, "The silent sources are not those without differences.")
    counts = []
    for source in sources:
        share, fit = weights[source] / total, fits[source]
        demand_near(f"Weights of {source}", np.array(composite.weights[source]), np.array(share), 1e-12)
        unit = float(np.sqrt(fit.variances["target"]))
        counts.append(share * (unit if scale == "marks" else 1.0))
        part = fit.measures if scale == "marks" else fit.effects / unit if unit else np.zeros(targets)
        demand_near(f"Contributions of {source}", composite.contributions[source], share * part, tolerance)
    demand_near("Scores", composite.scores, np.sum(list(composite.contributions.values()), axis=0), tolerance)
    _certify_errors(composite, fits, dict(zip(sources, counts, strict=True)), scale, tolerance)


def _certify_errors(
    composite: Composite, fits: Mapping[str, Fit], counts: Mapping[str, float], scale: str, tolerance: float
) -> None:
    targets = len(composite.scores)
    drawn = [
        source
        for source, fit in fits.items()
        if fit.record.method in ("REML", "ML")
        and "subdistrict" not in fit.variances
        and fit.variances["target"] > 0
        and counts[source]
    ]
    demand(
        set(composite.correlations) == set(combinations(drawn, 2)),
        "The correlations are not those of the pairs of sources that a model measured.",
    )
    together = _Joint.of([fits[source] for source in drawn], np.array([counts[source] for source in drawn]))
    correlations = np.eye(len(drawn))
    for (i, first), (j, second) in combinations(enumerate(drawn), 2):
        correlations[i, j] = correlations[j, i] = composite.correlations[first, second]
    together.certify_correlations(correlations)
    squared, moved, covariance = together.conditioned(correlations, targets)
    for source, fit in fits.items():
        unit = float(np.sqrt(fit.variances["target"])) or 1.0
        if source in drawn or (scale == "standardised" and source in composite.silent) or not counts[source]:
            continue
        spread = np.diag(fit.standard_errors**2) if fit.covariance is None else fit.covariance
        squared = squared + (counts[source] / unit) ** 2 * fit.standard_errors**2
        covariance = covariance + (counts[source] / unit) ** 2 * spread
    demand_near("Standard errors", composite.standard_errors, np.sqrt(squared), tolerance)
    demand_near("Expectations", composite.expected, composite.scores + moved, tolerance)
    demand_near(
        "Errors of expectations", composite.expected_errors, np.sqrt(covariance.diagonal()), tolerance
    )
    demand(composite.covariance is not None, "There is no covariance to check.")
    if composite.covariance is not None:
        demand_near("Covariances", composite.covariance, covariance, tolerance)
        least = float(np.linalg.eigvalsh(composite.covariance)[0])
        demand(least >= -tolerance, "The covariance is not positive semidefinite.")


@dataclass(frozen=True, eq=False)
class _Joint:
    """Measures in standard deviations, (s p,), what they keep of the merits, ``I - W``, (s p, s p), and how merits count."""

    measures: Floats
    kept: Floats
    counts: Floats

    @classmethod
    def of(cls, fits: list[Fit], counts: Floats) -> _Joint:
        measures, kept = [], []
        for fit in fits:
            spread = np.diag(fit.standard_errors**2) if fit.covariance is None else fit.covariance
            measures.append(fit.effects / np.sqrt(fit.variances["target"]))
            kept.append(np.eye(len(fit.measures)) - spread / fit.variances["target"])
        size = sum(len(part) for part in measures)
        whole, start = np.zeros((size, size)), 0
        for part in kept:
            whole[start : start + len(part), start : start + len(part)] = part
            start += len(part)
        return cls(np.concatenate(measures or [np.zeros(0)]), whole, counts)

    def certify_correlations(self, stated: Floats) -> None:
        """Mean products of measures, in proportion to what measures keep; drawn towards 0 alike where they are too large."""
        sources = len(self.counts)
        if sources < 2:
            return
        targets = len(self.measures) // sources
        each = self.measures.reshape(sources, targets)
        parts = [
            self.kept[i * targets : (i + 1) * targets, i * targets : (i + 1) * targets]
            for i in range(sources)
        ]
        moments = np.eye(sources)
        for i, j in combinations(range(sources), 2):
            told = float(np.trace(parts[i] @ parts[j].T))
            moments[i, j] = moments[j, i] = np.clip(each[i] @ each[j] / told, -1, 1) if told else 0.0
        least = float(np.linalg.eigvalsh(moments)[0])
        share = min(1.0, (1 - LEAST_EIGENVALUE) / (1 - least)) if least < 1 else 1.0
        expected = np.where(np.eye(sources), 1.0, share * moments)
        demand_near("Correlations of the sources", stated, expected, 1e-6)

    def conditioned(self, correlations: Floats, targets: int) -> tuple[Floats, Floats, Floats]:
        """Mean squared errors of the weighted measures, (p,); how far the expected merits lie beyond them; and the covariance of the
        weighted merits given the measures."""
        if not len(self.counts):
            return np.zeros(targets), np.zeros(targets), np.zeros((targets, targets))
        prior = np.kron(correlations, np.eye(targets))
        # A measure of a source has the covariance I - W, and reaches other sources' measures through merits only.
        own = np.kron(np.eye(len(self.counts)), np.ones((targets, targets))) > 0
        measured = np.where(own, self.kept, self.kept @ prior @ self.kept)
        across = prior @ self.kept
        weighed = np.kron(self.counts[None], np.eye(targets))
        squared = weighed @ (measured - across - across.T + prior) @ weighed.T
        gain = across @ np.linalg.pinv(measured, rcond=1e-10, hermitian=True)
        moved = weighed @ (gain @ self.measures - self.measures)
        return squared.diagonal(), moved, weighed @ (prior - gain @ across.T) @ weighed.T
