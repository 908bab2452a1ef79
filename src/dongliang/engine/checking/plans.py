"""Certifies who assesses whom."""

from __future__ import annotations

import numpy as np

from dongliang.engine.checking.claims import demand
from dongliang.engine.data import Booleans, Integers, connected_groups


def certify_plan(plan: Integers, *, n_raters: int, avoid: Booleans, spread: int = 1) -> None:
    """Check a plan of assessments.

    Parameters
    ----------
    plan : (p, m) int
        Rater codes of each target.
    n_raters : int
        ``r``.
    avoid : (p, r) bool
        True where a rater must not assess a target.
    spread : int, default 1
        Largest difference in load allowed between two raters.

    Raises
    ------
    NotCertified
        A rater stands twice with a target or does not exist; avoidance is broken; loads differ by more; or
        some targets share no rater with the rest, even through others.
    """
    p, m = plan.shape
    demand(
        bool(((plan >= 0) & (plan < n_raters)).all()), f"A rater code is not between 0 and {n_raters - 1}."
    )
    for target, raters in enumerate(plan):
        demand(len(set(raters.tolist())) == m, f"Target {target} has the same rater twice.")
        demand(not avoid[target, raters].any(), f"Target {target} has a rater who must not assess it.")
    load = np.bincount(plan.ravel(), minlength=n_raters)
    demand(
        int(load.max() - load.min()) <= spread,
        f"Loads go from {load.min()} to {load.max()}, which is more than {spread} apart.",
    )
    groups = connected_groups(np.repeat(np.arange(p), m), plan.ravel(), p, n_raters)
    demand(len(groups) == 1, f"The plan falls into {len(groups)} groups of targets that share no rater.")
