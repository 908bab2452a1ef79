"""Several sources, one score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from dongliang.engine.data import Composite, Fit, Floats
from dongliang.engine.errors import InvalidWeights

Scale = Literal["marks", "standardised"]


def combine(fits: Mapping[str, Fit], weights: Mapping[str, float], *, scale: Scale) -> Composite:
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

    Returns
    -------
    Composite
        In marks or in standard deviations; higher is better. A target that a source could not measure (NaN) has no
        score (NaN). A source whose target variance is zero tells nobody apart: it is named in ``silent``
        and adds 0 on the standardised scale; the other weights stay as they are.

    Raises
    ------
    InvalidWeights
        Sources and weights differ; a weight is negative or no number; all are zero; the fits
        have different numbers of targets.

    Notes
    -----
    Given the targets, the errors of different sources are taken as independent: nobody rates in two sources, or if
    somebody does, what they say in one has no bearing on the other. The standard deviations between targets are
    taken as known. See docs/methods/composite.md.
    """
    shares = _shares(fits, weights)
    silent = tuple(source for source, fit in fits.items() if fit.variances["target"] == 0)
    targets = len(next(iter(fits.values())).measures)
    scores, variances = np.zeros(targets), np.zeros(targets)
    covariance = (
        None if all(fit.covariance is None for fit in fits.values()) else np.zeros((targets, targets))
    )
    contributions: dict[str, Floats] = {}
    for source, fit in fits.items():
        unit = 1.0 if scale == "marks" else np.sqrt(fit.variances["target"])
        factor = 0.0 if scale == "standardised" and source in silent else shares[source] / unit
        contributions[source] = factor * (fit.measures if scale == "marks" else fit.effects)
        scores = scores + contributions[source]
        # A silent source may lack standard errors too; what it does not add cannot be in doubt.
        error = factor**2 * fit.standard_errors**2 if factor else np.zeros(targets)
        variances = variances + error
        if covariance is not None:
            covariance += factor**2 * fit.covariance if fit.covariance is not None else np.diag(error)
    return Composite(
        scores=scores,
        standard_errors=np.sqrt(variances),
        covariance=covariance,
        contributions=contributions,
        weights=shares,
        scale=scale,
        silent=silent,
    )


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
