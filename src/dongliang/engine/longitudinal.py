"""The same people measured in more than one season: who changed, beyond what was to be expected, and beside whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dongliang.engine.data import Booleans, Floats, Integers
from dongliang.engine.errors import InvalidRatings, Unidentified

# Half the width of a 90 % interval in standard errors.
NINETY = 1.6448536269514722
# A measure of which less than this is known says nothing of its own.
LEAST_KNOWN = 0.02
# Fewer people in a period than this, and its line cannot be told from chance.
FEWEST = 10
# Both standard deviations are averaged over so many values from nothing to all there is.
GRID = 41
REWEIGHTINGS = 4


@dataclass(frozen=True, eq=False, kw_only=True)
class Changes:
    """How far ``n`` people moved between two seasons, in the unit of the measures.

    Parameters
    ----------
    values : (n,) float
        Later less earlier; higher is better.
    standard_errors : (n,) float
    beyond_chance : (n,) bool
        Whether 0 lies outside the 90 % interval.
    """

    values: Floats
    standard_errors: Floats
    beyond_chance: Booleans


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupEffects:
    """What the members of ``g`` groups have in common, as far as it can be told.

    Parameters
    ----------
    effects, standard_errors : (g,) float
        In the unit of the values, about 0: drawn towards 0, the more so the fewer members a group has.
    levels, level_errors : (g,) float
        The first coefficient plus each effect: where the groups stand, if the first column is of ones and there is no other.
    members : (g,) int
    coefficients, coefficient_errors : (q,) float
        Of the columns of the design.
    between, within : float
        Standard deviations between groups, and between people of one group beyond their errors: means over what is plausible.
    """

    effects: Floats
    standard_errors: Floats
    levels: Floats
    level_errors: Floats
    members: Integers
    coefficients: Floats
    coefficient_errors: Floats
    between: float
    within: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Growth:
    """What ``n`` people were expected to be measured at, given the season before, and what came of it.

    Parameters
    ----------
    expected, beyond, beyond_errors : (n,) float
        The line's value for each; the later measure less that; and how far this may be off by errors of measurement alone.
    means, slopes, slope_errors, known : (k,) float
        By period: the mean earlier measure; by how much one who was 1 better then is expected to be better now, NaN where
        the earlier measures tell nobody apart; and the share of the spread of earlier measures that is no error.
    in_a_group, in_a_group_error : float
        How much further those in any group came than the others with the same earlier measure; NaN where every period has
        only the ones or only the others.
    groups : GroupEffects
        The groups compared with the mean of all groups.
    """

    expected: Floats
    beyond: Floats
    beyond_errors: Floats
    means: Floats
    slopes: Floats
    slope_errors: Floats
    known: Floats
    in_a_group: float
    in_a_group_error: float
    groups: GroupEffects


def changes(earlier: Floats, earlier_errors: Floats, later: Floats, later_errors: Floats) -> Changes:
    """How far each moved, with the standard error of the difference.

    Parameters
    ----------
    earlier, earlier_errors, later, later_errors : (n,) float
        Two measures of the same people on one scale, each with its standard error.

    Returns
    -------
    Changes
        The errors are taken as independent. Of measures drawn towards the mean of their season they are not, where merit
        lasts: both are drawn to the same side, and the difference is surer than is said here. See docs/methods/years.md.

    Raises
    ------
    InvalidRatings
        The columns differ in length, a value is no number, or an error is negative.
    """
    before, before_errors = _measured("earlier", earlier, earlier_errors)
    after, after_errors = _measured("later", later, later_errors)
    _alike(earlier=before, later=after)
    values = after - before
    errors = np.hypot(before_errors, after_errors)
    return Changes(
        values=values, standard_errors=errors, beyond_chance=np.asarray(np.abs(values) > NINETY * errors)
    )


def unshrunk(measures: Floats, standard_errors: Floats) -> tuple[Floats, Floats]:
    """Measures as they were before a model drew them towards their mean, and their standard errors.

    Parameters
    ----------
    measures, standard_errors : (n,) float
        Of all targets of one season, as a mixed model gives them: expectations given the marks, with their standard errors.

    Returns
    -------
    values, errors : (n,) float
        With merits of variance ``v``, the share ``r = 1 - standard_error² / v`` of a measure is the target's own:
        ``mean + (measure - mean) / r`` with the error ``standard_error / sqrt(r)``. NaN where ``r`` is below 0.02.

    Raises
    ------
    InvalidRatings
        The columns differ in length, a value is no number, or an error is negative.

    Notes
    -----
    ``v`` is the variance of the measures plus the mean square of their errors, by the law of total variance.
    """
    drawn, errors = _measured("measures", measures, standard_errors)
    if not len(drawn):
        return drawn, errors
    variance = float(drawn.var() + np.mean(errors**2))
    known = 1 - errors**2 / variance if variance > 0 else np.zeros(len(drawn))
    own = np.where(known >= LEAST_KNOWN, known, np.nan)
    return np.asarray(drawn.mean() + (drawn - drawn.mean()) / own), np.asarray(errors / np.sqrt(own))


def group_effects(
    values: Floats, errors: Floats, *, group: Integers, n_groups: int, design: Floats | None = None
) -> GroupEffects:
    """What the members of each group have in common, beyond the design's columns.

    Parameters
    ----------
    values, errors : (n,) float
        What was measured, each with its own standard error.
    group : (n,) int
        Codes from 0; -1 is in no group.
    n_groups : int
        ``g``, counting those without a member.
    design : (n, q) float, optional
        Columns of full rank; a column of ones without it.

    Returns
    -------
    GroupEffects

    Raises
    ------
    InvalidRatings
        The columns differ in length, a value is no number, an error is negative, or a code is out of range.
    Unidentified
        The columns of the design say the same, or there are no more people than columns.

    Notes
    -----
    ``value = design b + effect + rest + error``, effects and rests normal about 0. Given their two standard deviations the
    effects are best linear unbiased predictions [SCM92]_, whose errors include those of ``b``. The standard deviations are
    not fixed at an estimate, which for a dozen groups is often 0 and would make every effect exactly 0 with no error:
    everything is averaged over a grid of both, uniform from 0 to the spread of all values [Gel06]_, weighed by the
    restricted likelihood. See docs/methods/years.md.
    """
    values, errors = _measured("values", values, errors)
    codes = np.asarray(group, dtype=np.int64)
    columns = np.ones((len(values), 1)) if design is None else np.asarray(design, dtype=np.float64)
    _alike(values=values, group=codes, design=columns)
    if len(codes) and not (codes.min() >= -1 and codes.max() < n_groups):
        raise InvalidRatings(
            f"group has codes from {codes.min()} to {codes.max()}. Use -1 to {n_groups - 1}."
        )
    count = columns.shape[1]
    if len(values) <= count or np.linalg.matrix_rank(columns) < count:
        raise Unidentified(
            f"{len(values)} people do not tell the {count} columns of the design apart. Drop one, or add people."
        )
    start, *_ = np.linalg.lstsq(columns, values, rcond=None)
    total = float(np.sqrt(np.sum((values - columns @ start) ** 2) / (len(values) - count)))
    total = max(total, float(np.sqrt(np.mean(errors**2))), np.finfo(float).tiny ** 0.25)
    spreads = np.linspace(0, total, GRID)
    parts = [_given(within, spreads, values, errors, codes, n_groups, columns, total) for within in spreads]
    log_likelihood = np.array([part.log_likelihood for part in parts])
    weight = np.exp(log_likelihood - log_likelihood.max())
    weight /= weight.sum()
    effects, effect_errors = _averaged(weight, [part.effects for part in parts])
    levels, level_errors = _averaged(weight, [part.levels for part in parts])
    coefficients, coefficient_errors = _averaged(weight, [part.coefficients for part in parts])
    return GroupEffects(
        effects=effects,
        standard_errors=effect_errors,
        levels=levels,
        level_errors=level_errors,
        members=np.bincount(codes[codes >= 0], minlength=n_groups),
        coefficients=coefficients,
        coefficient_errors=coefficient_errors,
        between=float(weight.sum(axis=0) @ spreads),
        within=float(weight.sum(axis=1) @ spreads),
    )


def beyond_expected(
    earlier: Floats,
    earlier_errors: Floats,
    later: Floats,
    later_errors: Floats,
    *,
    period: Integers,
    n_periods: int,
    group: Integers,
    n_groups: int,
) -> Growth:
    """Compare later measures with what the earlier ones led one to expect, and groups of people by it.

    Parameters
    ----------
    earlier, earlier_errors, later, later_errors : (n,) float
        Measures that no model has drawn towards a mean, with their standard errors; a row a person and period.
    period : (n,) int
        Codes from 0: between which two seasons.
    group : (n,) int
        Codes from 0: the group the person was in meanwhile; -1 for none.
    n_periods, n_groups : int

    Returns
    -------
    Growth

    Raises
    ------
    InvalidRatings
        The columns differ in length, a value is no number, an error is negative, or a code is out of range.
    Unidentified
        A period has fewer than 10 people.

    Notes
    -----
    Whoever was measured high was partly lucky, and falls back; whoever was measured low rises. A line through the measures
    as they are would be too flat, since their errors make the earlier ones spread too much. So the line goes through what
    the earlier measure leads one to expect of the true one (regression calibration [CRSC06]_), and the later errors include
    the uncertainty left in it, times the slope. Each period has its own line. One column is for being in any group at all:
    groups are compared with each other, and not with those who are in none.
    """
    before, before_errors = _measured("earlier", earlier, earlier_errors)
    after, after_errors = _measured("later", later, later_errors)
    when, codes = np.asarray(period, dtype=np.int64), np.asarray(group, dtype=np.int64)
    _alike(earlier=before, later=after, period=when, group=codes)
    people = np.bincount(when, minlength=n_periods) if len(when) else np.zeros(n_periods, dtype=np.int64)
    if len(people) != n_periods or (people < FEWEST).any():
        raise Unidentified(
            f"The periods have {people.tolist()} people. Leave out those with fewer than {FEWEST}."
        )
    means, known = np.zeros(n_periods), np.zeros(n_periods)
    expected, left = np.zeros(len(before)), np.zeros(len(before))
    for code in range(n_periods):
        rows = when == code
        means[code], spread = _true_spread(before[rows], before_errors[rows])
        share = spread / np.maximum(spread + before_errors[rows] ** 2, np.finfo(float).tiny)
        expected[rows] = share * (before[rows] - means[code])
        left[rows] = spread * (1 - share)
        known[code] = float(share.mean())
    columns, slopes_at, grouped_at = _design(expected, when, n_periods, codes)
    slope = np.zeros(n_periods)
    for _ in range(REWEIGHTINGS):
        variance = after_errors**2 + slope[when] ** 2 * left
        b = _weighted_line(columns, after, variance)
        slope[slopes_at >= 0] = b[slopes_at[slopes_at >= 0]]
    errors = np.sqrt(after_errors**2 + slope[when] ** 2 * left)
    found = group_effects(after, errors, group=codes, n_groups=n_groups, design=columns)
    line = columns @ found.coefficients
    return Growth(
        expected=np.asarray(line),
        beyond=np.asarray(after - line),
        beyond_errors=np.asarray(errors),
        means=means,
        slopes=_at(found.coefficients, slopes_at),
        slope_errors=_at(found.coefficient_errors, slopes_at),
        known=known,
        in_a_group=float(_at(found.coefficients, grouped_at)[0]),
        in_a_group_error=float(_at(found.coefficient_errors, grouped_at)[0]),
        groups=found,
    )


def _measured(name: str, values: Floats, errors: Floats) -> tuple[Floats, Floats]:
    values, errors = np.array(values, dtype=np.float64), np.array(errors, dtype=np.float64)
    if values.shape != errors.shape or values.ndim != 1:
        raise InvalidRatings(
            f"{name} has the shape {values.shape}, its errors {errors.shape}. Give one each."
        )
    if not (np.isfinite(values).all() and np.isfinite(errors).all() and (errors >= 0).all()):
        raise InvalidRatings(
            f"{name} or its errors hold what is no number, or a negative error. Leave such rows out."
        )
    return values, errors


def _alike(**columns: Floats | Integers) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidRatings(f"The columns have {lengths} rows. Give one of each per person.")


def _true_spread(values: Floats, errors: Floats) -> tuple[float, float]:
    """The mean and the variance of what was measured, by moments: each weighs by what is known of it [PM82]_."""
    spread = max(float(values.var(ddof=1) - np.mean(errors**2)), 0.0)
    mean = float(values.mean())
    for _ in range(50):
        weight = 1 / np.maximum(spread + errors**2, np.finfo(float).tiny)
        mean = float(weight @ values / weight.sum())
        # Paule and Mandel's step: the weighted squares should sum to their degrees of freedom.
        excess = float(weight @ (values - mean) ** 2) - (len(values) - 1)
        slope = float(weight**2 @ (values - mean) ** 2)
        step = excess / slope if slope > 0 else 0.0
        if abs(step) < 1e-12 * max(spread, float(values.var())):
            break
        spread = max(spread + step, 0.0)
    return mean, spread


def _design(
    expected: Floats, period: Integers, n_periods: int, group: Integers
) -> tuple[Floats, Integers, Integers]:
    """Columns of full rank: a level and a slope a period, and being in a group; where each slope and that stand, -1 if left out."""
    columns = [(period == code).astype(float) for code in range(n_periods)]
    slopes_at = np.full(n_periods, -1, dtype=np.int64)
    for code in range(n_periods):
        slope = np.where(period == code, expected, 0.0)
        if slope[period == code].std() > 0:
            slopes_at[code] = len(columns)
            columns.append(slope)
    grouped_at = np.full(1, -1, dtype=np.int64)
    together = np.column_stack([*columns, (group >= 0).astype(float)])
    if np.linalg.matrix_rank(together) == len(columns) + 1:
        grouped_at[0] = len(columns)
        return together, slopes_at, grouped_at
    return np.column_stack(columns), slopes_at, grouped_at


def _weighted_line(columns: Floats, values: Floats, variance: Floats) -> Floats:
    """Coefficients by weighted least squares, with what is left over of the spread beside the known variances."""
    rest = 0.0
    b: Floats = np.zeros(columns.shape[1])
    for _ in range(REWEIGHTINGS):
        root = 1 / np.sqrt(np.maximum(variance + rest, np.finfo(float).tiny))
        b = np.asarray(np.linalg.lstsq(columns * root[:, None], values * root, rcond=None)[0])
        freedom = len(values) - columns.shape[1]
        rest = max(float((values - columns @ b) @ (values - columns @ b)) / freedom - variance.mean(), 0.0)
    return b


def _at(values: Floats, places: Integers) -> Floats:
    return np.where(places >= 0, values[np.maximum(places, 0)], np.nan)


@dataclass(frozen=True, eq=False)
class _Given:
    """What follows from one standard deviation within and each of those between groups, the first axis of all arrays. Of
    effects, levels and coefficients the means and the variances."""

    log_likelihood: Floats
    effects: tuple[Floats, Floats]
    levels: tuple[Floats, Floats]
    coefficients: tuple[Floats, Floats]


def _given(
    within: float,
    spreads: Floats,
    values: Floats,
    errors: Floats,
    group: Integers,
    n_groups: int,
    columns: Floats,
    total: float,
) -> _Given:
    """The mixed model with both standard deviations given, its restricted likelihood included."""
    weight = 1 / (errors**2 + within**2 + (1e-6 * total) ** 2)
    inside = group >= 0
    place = group[inside]
    size = np.bincount(place, weights=weight[inside], minlength=n_groups)
    # Sums over each group of the weighted columns (g, q) and values (g,).
    sums = np.column_stack(
        [np.bincount(place, weights=(weight * column)[inside], minlength=n_groups) for column in columns.T]
    )
    total_of = np.bincount(place, weights=(weight * values)[inside], minlength=n_groups)
    share = spreads[:, None] ** 2 / (1 + spreads[:, None] ** 2 * size)
    information = (columns.T * weight) @ columns - np.einsum("sg,gq,gr->sqr", share, sums, sums)
    right = (columns.T * weight) @ values - np.einsum("sg,gq,g->sq", share, sums, total_of)
    covariance = np.linalg.inv(information)
    b = np.einsum("sqr,sr->sq", covariance, right)
    squares = weight @ values**2 - share @ total_of**2 - np.einsum("sq,sq->s", right, b)
    logs = (
        np.log(weight).sum()
        - np.log1p(spreads[:, None] ** 2 * size).sum(axis=1)
        - np.linalg.slogdet(information)[1]
        - squares
    )
    effects = share * (total_of - b @ sums.T)
    # How an error of the coefficients is carried into effects, and what is left of it in levels.
    carried = share[:, :, None] * sums
    kept = np.eye(len(b[0]))[0] - carried

    def variances(of: Floats) -> Floats:
        return np.asarray(share + np.einsum("sgq,sqr,sgr->sg", of, covariance, of))

    return _Given(
        0.5 * logs,
        (effects, variances(carried)),
        (b[:, :1] + effects, variances(kept)),
        (b, np.diagonal(covariance, axis1=1, axis2=2)),
    )


def _averaged(weight: Floats, parts: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """The mean and the standard deviation of a mixture of normals over the grid."""
    each = np.stack([means for means, _variances in parts])
    mean = np.einsum("ts,tsk->k", weight, each)
    spread = np.einsum(
        "ts,tsk->k", weight, np.stack([variances for _means, variances in parts]) + (each - mean) ** 2
    )
    return np.asarray(mean), np.asarray(np.sqrt(spread))
