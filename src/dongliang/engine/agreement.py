"""Whether targets can be compared, and how far measures can be trusted."""

from __future__ import annotations

import numpy as np

from dongliang.engine.data import Fit, Integers, OrdinalFit, Ratings, connected_groups


def connectedness(ratings: Ratings) -> tuple[Integers, ...]:
    """Group the targets that shared raters link, directly or through others.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings of ``p`` targets by ``r`` raters.

    Returns
    -------
    tuple of (m,) int arrays
        Codes of the targets of each group, the largest group first; targets without ratings are in none. One group
        means that everyone can be compared with everyone.

    Notes
    -----
    Subset connectedness of many-facet measurement [Lin89]_.
    """
    return connected_groups(ratings.target, ratings.rater, ratings.n_targets, ratings.n_raters)


def reliability(fit: Fit | OrdinalFit) -> float:
    """Say which share of the differences between measures is not error.

    Parameters
    ----------
    fit : Fit or OrdinalFit
        Any fit with a target variance.

    Returns
    -------
    float
        ``1 - mean(standard_errors**2) / variances["target"]`` over the targets with ratings, from 0 (the measures say
        nothing) to 1; 0 when there is no target variance. For a mixed model it is the expected squared correlation
        between measure and target.
    """
    variance = fit.variances["target"]
    if variance == 0:
        return 0.0
    return max(0.0, 1 - float(np.mean(fit.standard_errors[fit.n_ratings > 0] ** 2)) / variance)
