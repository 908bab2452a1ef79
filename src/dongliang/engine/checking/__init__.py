"""Certifies answers without calling what made them: nothing here imports a method."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dongliang.engine.checking.ordinal import certify_ordinal as certify_ordinal
from dongliang.engine.data import (
    LOTS,
    Booleans,
    Candidates,
    Composite,
    Fit,
    Floats,
    Integers,
    Pairing,
    Ranking,
    Ratings,
    connected_groups,
    lots,
)
from dongliang.engine.errors import NotCertified, TooLarge

# A dense covariance of this many ratings is inverted a dozen times within a second or two.
SMALL = 1_000


def certify_gaussian(ratings: Ratings, fit: Fit, *, tolerance: float = 1e-3) -> None:
    """Check a Gaussian crossed fit against a likelihood written out over all ratings.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings, 1,000 at most: the covariance of all ratings is formed and factored.
    fit : Fit
        What is claimed, by its ``record.method`` under REML or ML.
    tolerance : float, default 1e-3
        Largest slope of the deviance allowed, per unit of log variance or, at zero, of residual variance; largest
        error of the stated deviance and, in residual standard deviations, of effects and standard errors.

    Raises
    ------
    NotCertified
        The stated log-likelihood is not that of the stated variances; or moving a variance would raise
        it; or measures, severities or standard errors do not follow from the variances.
    TooLarge
        There are more ratings than that.
    """
    if len(ratings) > SMALL:
        raise TooLarge(f"{len(ratings)} ratings are too many to check densely; {SMALL} is the most.")
    restricted = fit.record.method == "REML"
    variances = np.array([fit.variances[name] for name in ("target", "rater", "residual")])
    _demand(bool(variances[2] > 0), "The fit has no residual variance, so that it has no likelihood either.")
    deviance = _deviance(ratings, variances, restricted)
    if abs(deviance + 2 * fit.log_likelihood) > tolerance:
        raise NotCertified(f"The deviance is {deviance}, and the fit says {-2 * fit.log_likelihood}.")
    for index, name in enumerate(("target", "rater", "residual")):
        slope = _slope(ratings, variances, index, restricted)
        at_zero = variances[index] == 0
        if (slope < -tolerance) if at_zero else (abs(slope) > tolerance):
            raise NotCertified(
                f"The deviance changes by {slope:.3g} per unit of {name} variance, so that this is no optimum."
            )
    _certify_modes(ratings, fit, variances, tolerance)


def certify_ranking(
    ranking: Ranking,
    composite: Composite,
    *,
    groups: Integers | None = None,
    minimum_per_group: int = 0,
    maximum_per_group: int | None = None,
    eligible: Booleans | None = None,
    tie_break: Floats | None = None,
    decimals: int = 6,
) -> None:
    """Check order and selection of a ranking, target by target, against the rules it was asked to keep.

    Parameters are those of ``ranking.rank``.

    Raises
    ------
    NotCertified
        Order or ranks break the scores, the tie-break or eligibility; not ``k`` are selected; a group has fewer or
        more places than stated; or someone was passed over who could take the place of a worse one.
    """
    p = len(composite.scores)
    admitted = np.ones(p, dtype=bool) if eligible is None else eligible
    group = np.zeros(p, dtype=np.int64) if groups is None else groups
    ties = np.empty((p, 0)) if tie_break is None else np.asarray(tie_break, dtype=np.float64).reshape(p, -1)
    keys = [
        (-round(float(score), decimals) + 0.0, *row)
        for score, row in zip(composite.scores, ties, strict=True)
    ]
    order = [int(code) for code in ranking.order]
    _demand(
        sorted(order) == list(np.flatnonzero(admitted)), "The order does not list each eligible target once."
    )
    for better, worse in pairwise(order):
        _demand(
            keys[better] < keys[worse],
            f"Target {better} is placed before {worse}, which the rules do not say.",
        )
    expected = np.zeros(p, dtype=np.int64)
    expected[order] = np.arange(1, len(order) + 1)
    _demand(bool((ranking.rank == expected).all()), "The ranks are not the places in the order.")
    _demand(int(ranking.selected.sum()) == ranking.k, f"Not {ranking.k} targets are selected.")
    _demand(bool(admitted[ranking.selected].all()), "A target that is not eligible is selected.")
    places = np.bincount(group[ranking.selected], minlength=int(group.max()) + 1)
    due = np.unique(group[admitted])
    _demand(
        bool((places[due] >= minimum_per_group).all()), f"A group has fewer than {minimum_per_group} places."
    )
    most = p if maximum_per_group is None else maximum_per_group
    _demand(bool((places <= most).all()), f"A group has more than {maximum_per_group} places.")
    for out in (code for code in order if not ranking.selected[code]):
        for taken in (code for code in order[int(ranking.rank[out]) :] if ranking.selected[code]):
            within = group[out] == group[taken]
            free = places[group[out]] < most and places[group[taken]] > minimum_per_group
            _demand(not (within or free), f"Target {out} was passed over for {taken}, who is worse.")


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
    _demand(
        bool(((plan >= 0) & (plan < n_raters)).all()), f"A rater code is not between 0 and {n_raters - 1}."
    )
    for target, raters in enumerate(plan):
        _demand(len(set(raters.tolist())) == m, f"Target {target} has the same rater twice.")
        _demand(not avoid[target, raters].any(), f"Target {target} has a rater who must not assess it.")
    load = np.bincount(plan.ravel(), minlength=n_raters)
    _demand(
        int(load.max() - load.min()) <= spread,
        f"Loads go from {load.min()} to {load.max()}, which is more than {spread} apart.",
    )
    groups = connected_groups(np.repeat(np.arange(p), m), plan.ravel(), p, n_raters)
    _demand(len(groups) == 1, f"The plan falls into {len(groups)} groups of targets that share no rater.")


def certify_pairing(
    pairing: Pairing,
    candidates: Candidates,
    *,
    capacity: Integers,
    avoid: Integers | None = None,
    everyone: bool = True,
    balance: float = 0.0,
) -> None:
    """Check that a pairing keeps its rules and that no other within the candidates has a greater total, lots included.

    The prices prove it: whatever the pairing, its total is at most what every mentee would gain at these prices by
    taking the best for themselves, and every place by being sold. A total that comes within one unit of this cannot be
    beaten, as totals are whole numbers.

    Parameters
    ----------
    pairing : Pairing
        What is claimed.
    candidates : Candidates
        Who could have been paired with whom, and how well they fit.
    capacity, avoid, everyone, balance
        As in `pairing.pair`.

    Raises
    ------
    NotCertified
        A mentee has a mentor who is no candidate or to be avoided, or none in spite of a demand; a mentor has too many; a
        figure is not what the candidates say; or the prices leave room for a better pairing.
    """
    n, paired = len(candidates.mentor), pairing.mentor >= 0
    line = np.arange(n)
    listed = (candidates.mentor == pairing.mentor[:, None]) & paired[:, None]
    _demand(
        bool((listed.sum(axis=1) == paired).all()), "A mentee is paired with someone who is no candidate."
    )
    barred = np.empty((0, 2), dtype=np.int64) if avoid is None else np.asarray(avoid).reshape(-1, 2)
    _demand(
        not (pairing.mentor[barred[:, 0]] == barred[:, 1]).any(),
        "A mentee is paired with someone to be avoided.",
    )
    forced = candidates.locked | everyone
    _demand(bool(paired[forced].all()), "Someone who must have a mentor has none.")
    load = np.bincount(pairing.mentor[paired], minlength=len(capacity))
    _demand(bool((load <= capacity).all()), "A mentor has more mentees than places.")
    _demand(bool((pairing.load == load).all()), "The loads are not those of the pairing.")
    at = listed.argmax(axis=1)
    for name, part in {"fit": candidates.fit, **candidates.parts}.items():
        claimed = pairing.fit if name == "fit" else pairing.parts[name]
        said = np.where(paired, part[line, at], 0) / 1_000
        _demand(bool((claimed == said).all()), f"The {name} of a pair is not what the candidates say.")
    charge = round(balance * 1_000)
    total = int(candidates.fit[line, at][paired].sum()) - charge * int((load * (load - 1) // 2).sum())
    _demand(
        pairing.total == total / 1_000, f"The total is {total / 1_000}, and the pairing says {pairing.total}."
    )
    # A lot is divided into n + 1, and a thousandth of a point outweighs all lots.
    thousandth = (LOTS * n + 1) * (n + 1)
    _demand(pairing.scale == 1_000 * thousandth, "The prices are in another unit than they must be.")
    drawn = lots(candidates.mentee_number[:, None], candidates.mentor_number[candidates.mentor])
    gains = candidates.fit * thousandth + drawn * (n + 1) - pairing.prices[candidates.mentor]
    # Below anything that a price can make of a fit.
    least = np.int64(-1) << 62
    gains[candidates.mentor < 0] = least
    own = np.where(paired, gains[line, at], 0)
    missed = np.maximum(gains.max(axis=1), np.where(forced, least, 0)) - own
    # More places than mentees who list the mentor could not be filled by any pairing.
    lists = np.bincount(candidates.mentor[candidates.mentor >= 0], minlength=len(capacity))
    seat = np.arange(lists.max(initial=1))
    surplus = pairing.prices[:, None] - charge * thousandth * seat
    unsold = np.where(seat < load[:, None], np.maximum(-surplus, 0), np.maximum(surplus, 0))
    unsold[seat >= np.minimum(capacity, lists)[:, None]] = 0
    _demand(bool((pairing.prices >= 0).all()), "A price is below zero.")
    beyond = max(int(missed.max()), int(unsold.max()))
    if beyond > n or int(missed.sum()) + int(unsold.sum()) > n:
        raise NotCertified("The prices leave room for a better pairing.")


def _demand(kept: bool, broken: str) -> None:
    if not kept:
        raise NotCertified(broken)


def _designs(ratings: Ratings) -> tuple[Floats, Floats, Floats]:
    """Indicator columns for targets, raters and indicators, a row a rating."""
    return (
        np.eye(ratings.n_targets)[ratings.target],
        np.eye(ratings.n_raters)[ratings.rater],
        np.eye(ratings.n_indicators)[ratings.indicator],
    )


def _covariance(ratings: Ratings, variances: Floats) -> Floats:
    target, rater, _ = _designs(ratings)
    return np.asarray(
        variances[0] * target @ target.T
        + variances[1] * rater @ rater.T
        + variances[2] * np.eye(len(ratings))
    )


def _deviance(ratings: Ratings, variances: Floats, restricted: bool) -> float:
    covariance, x = _covariance(ratings, variances), _designs(ratings)[2]
    # Any level of the marks is in the span of the indicators; without it, fewer digits are lost.
    values = ratings.values - ratings.values.mean()
    weighted = np.linalg.solve(covariance, np.column_stack([x, values]))
    information = x.T @ weighted[:, :-1]
    residual = values - x @ np.linalg.solve(information, x.T @ weighted[:, -1])
    degrees = len(residual) - (x.shape[1] if restricted else 0)
    deviance = degrees * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1]
    deviance += residual @ np.linalg.solve(covariance, residual)
    return float(deviance + (np.linalg.slogdet(information)[1] if restricted else 0.0))


def _slope(ratings: Ratings, variances: Floats, index: int, restricted: bool) -> float:
    """Of the deviance in a log variance by central differences; at zero to one side, in residual variances."""
    step = 1e-4
    above, below = variances.copy(), variances.copy()
    if variances[index] == 0:
        above[index] = step * variances[2]
        width = step
    else:
        above[index], below[index] = variances[index] * np.exp(step), variances[index] * np.exp(-step)
        width = 2 * step
    return (_deviance(ratings, above, restricted) - _deviance(ratings, below, restricted)) / width


def _certify_modes(ratings: Ratings, fit: Fit, variances: Floats, tolerance: float) -> None:
    """Compare with the mixed model equations of both factors, solved densely given the variances."""
    target, rater, x = _designs(ratings)
    weighted = np.linalg.solve(_covariance(ratings, variances), x)
    fixed = np.linalg.solve(x.T @ weighted, weighted.T @ ratings.values)
    design = np.hstack([target, rater])
    scale = np.sqrt(np.repeat(variances[:2], [ratings.n_targets, ratings.n_raters]))
    system = np.eye(len(scale)) + scale[:, None] * (design.T @ design) * scale / variances[2]
    posterior = scale[:, None] * np.linalg.inv(system) * scale
    modes = posterior @ design.T @ (ratings.values - x @ fixed) / variances[2]
    claims = {
        "Mean and indicator effects": (fit.mean + fit.indicator_effects, fixed),
        "Measures and severities": (np.concatenate([fit.effects, -fit.severities]), modes),
        "Standard errors": (
            np.concatenate([fit.standard_errors, fit.severity_standard_errors]),
            np.sqrt(posterior.diagonal()),
        ),
    }
    for name, (claimed, expected) in claims.items():
        agree = np.allclose(claimed, expected, rtol=0, atol=tolerance * np.sqrt(variances[2]))
        _demand(bool(agree), f"{name} do not follow from the variances.")
