"""Seasons with known truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dongliang.engine.data import Floats, Integers

# Standard deviations in logits, and shares of them; the sources of these figures are in docs/methods/simulation.md.
FIELD_SD, INSTITUTION_SD, PUBLIC_SD = 1.2, 1.0, 0.6
SOURCE_CORRELATION = 0.6
SUBDISTRICT_SHARE = 0.25
INDICATOR_SHARE = 0.1
ASSESSOR_SEVERITY, INSTITUTION_SEVERITY = 0.3, 0.6
HALO = 0.45
OFFICE_LENIENCY = (0.3, 0.8)
RESIDENT_SD = 1.9
STRAIGHT_LINERS = 0.25
CANNOT_SAY = 0.05
BALLOTS_LOG_SD = 0.75
THIN_SHARE, THIN_BALLOTS = 0.05, (2, 9)
PROJECT_MERIT_CORRELATION = 0.5

# Between the marks 1 to 5. Assessors use the middle, institutions the top; residents give 5 or nearly nothing.
FIELD_THRESHOLDS = np.array([-3.2, -1.5, 0.5, 2.4])
INSTITUTION_THRESHOLDS = np.array([-4.5, -2.8, -0.6, 1.4])
PUBLIC_THRESHOLDS = np.array([-3.4, -2.8, -1.6, 0.0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Truth:
    """What a simulated season was drawn from. Latent values are in logits, higher is better.

    Parameters
    ----------
    merit : (p,) float
        What all sources have in common: mean 0, standard deviation 1. Judge a result by its agreement with this.
    field, institution, public : (p,) float
        The targets as each source would see them without error.
    severity : (r,) float
        Of the field assessors; higher is harsher.
    office_leniency : (s,) float
        What a subdistrict office adds for its own.
    project_quality : (p,) float
        Of the one project each target has.
    """

    merit: Floats
    field: Floats
    institution: Floats
    public: Floats
    severity: Floats
    office_leniency: Floats
    project_quality: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class SimulatedSeason:
    """Everything people answered in one season, and the truth behind it. ``J`` indicators.

    Parameters
    ----------
    field_marks : (p, m, J) int
        Marks 1 to 5 by the assessors of ``plan``, in its order.
    office_marks : (p, J) int
        Marks 1 to 5 by the office of the target's own subdistrict.
    department_marks : (d, p, J) int
        Marks 1 to 5 by each department for every target.
    ballot_target : (n,) int
        Whose neighbourhood a ballot was cast in.
    ballot_marks : (n, J) int
        Marks 1 to 5; 0 is "I can't say".
    project_marks : (p, m) int
        Marks 1 to 5 for the target's project by the assessors of ``plan``.
    approval_target : (v,) int
        The neighbourhood a voter of the projects round lives in.
    approval_picks : (v, 3) int
        Codes of the 1 to 3 targets whose projects the voter picked; -1 fills the rest.
    truth : Truth
    """

    field_marks: Integers
    office_marks: Integers
    department_marks: Integers
    ballot_target: Integers
    ballot_marks: Integers
    project_marks: Integers
    approval_target: Integers
    approval_picks: Integers
    truth: Truth


def simulate_season(
    rng: np.random.Generator,
    *,
    subdistrict: Integers,
    plan: Integers,
    n_assessors: int,
    departments: int,
    ballots: int,
    approvals: int,
    indicators: int = 4,
) -> SimulatedSeason:
    """Draw one season from a known truth.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all that is drawn.
    subdistrict : (p,) int
        Code of the subdistrict of each target.
    plan : (p, m) int
        Codes of the assessors of each target, as `plan_assessments` gives them: avoidance is in the plan.
    n_assessors, departments : int
        Field assessors, and departments that mark every target.
    ballots, approvals : int
        Rating ballots, and ballots of the projects round, cast in all: exactly so many.
    indicators : int, default 4
        ``J``.

    Returns
    -------
    SimulatedSeason
        Marks as whole numbers, and the `Truth`.

    Notes
    -----
    Every mark is a cut of ``target + indicator + halo - severity + logistic noise`` at thresholds of its source; see
    docs/methods/simulation.md for the figures and where they are from. One assessor in the middle of the list avoids
    the ends of the scale and the last gives one mark for everything.
    """
    targets = len(subdistrict)
    street = rng.standard_normal(int(subdistrict.max()) + 1)[subdistrict]
    own = rng.standard_normal(targets)
    merit = _standardised(np.sqrt(1 - SUBDISTRICT_SHARE**2) * own + SUBDISTRICT_SHARE * street)
    field, institution, public = (_seen(rng, merit, sd) for sd in (FIELD_SD, INSTITUTION_SD, PUBLIC_SD))
    severity = _centred(rng.normal(0, ASSESSOR_SEVERITY * FIELD_SD, n_assessors))
    leniency = rng.uniform(*OFFICE_LENIENCY, int(subdistrict.max()) + 1)
    quality = _standardised(
        PROJECT_MERIT_CORRELATION * merit
        + np.sqrt(1 - PROJECT_MERIT_CORRELATION**2) * rng.standard_normal(targets)
    )
    easiness = np.linspace(0.2, -0.2, indicators)
    weights = _turnout(rng, targets, ballots)
    ballot_target = np.repeat(np.arange(targets), _apportioned(weights, ballots))
    approval_target = np.repeat(np.arange(targets), _apportioned(weights, approvals))
    return SimulatedSeason(
        field_marks=_field_marks(
            rng, field[:, None] + _profile(rng, FIELD_SD, targets, easiness), plan, severity
        ),
        office_marks=_institution_marks(
            rng,
            institution,
            easiness,
            leniency[subdistrict] - _institution_severity(rng, len(leniency))[subdistrict],
        ),
        department_marks=np.stack(
            [
                _institution_marks(rng, institution, easiness, -severity_of_one)
                for severity_of_one in _institution_severity(rng, departments)
            ]
        ),
        ballot_target=ballot_target,
        ballot_marks=_ballot_marks(
            rng, (public[:, None] + _profile(rng, PUBLIC_SD, targets, easiness))[ballot_target]
        ),
        project_marks=_marks(rng, FIELD_SD * quality[:, None] - severity[plan], FIELD_THRESHOLDS),
        approval_target=approval_target,
        approval_picks=_picks(rng, approval_target, quality),
        truth=Truth(
            merit=merit,
            field=field,
            institution=institution,
            public=public,
            severity=severity,
            office_leniency=leniency,
            project_quality=quality,
        ),
    )


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean())


def _standardised(values: Floats) -> Floats:
    return np.asarray(_centred(values) / values.std())


def _seen(rng: np.random.Generator, merit: Floats, sd: float) -> Floats:
    """Targets as one source sees them; any two sources correlate as stated."""
    own = rng.standard_normal(len(merit))
    return np.asarray(sd * (np.sqrt(SOURCE_CORRELATION) * merit + np.sqrt(1 - SOURCE_CORRELATION) * own))


def _profile(rng: np.random.Generator, sd: float, targets: int, easiness: Floats) -> Floats:
    """Strong and weak sides of each target, with the easiness of the indicators, (p, J)."""
    return easiness + rng.normal(0, np.sqrt(INDICATOR_SHARE) * sd, (targets, len(easiness)))


def _marks(rng: np.random.Generator, latent: Floats, thresholds: Floats) -> Integers:
    """Marks 1 to 5 of a cumulative logit model."""
    return 1 + np.searchsorted(thresholds, latent + rng.logistic(size=latent.shape))


def _field_marks(rng: np.random.Generator, seen: Floats, plan: Integers, severity: Floats) -> Integers:
    halo = rng.normal(0, HALO * FIELD_SD, plan.shape)
    latent = seen[:, None, :] + (halo - severity[plan])[:, :, None]
    cautious = plan == len(severity) // 2
    marks = np.where(
        cautious[:, :, None],
        _marks(rng, latent, 1.5 * FIELD_THRESHOLDS),
        _marks(rng, latent, FIELD_THRESHOLDS),
    )
    uniform = plan == len(severity) - 1
    marks[uniform] = marks[uniform][:, :1]
    return marks


def _institution_severity(rng: np.random.Generator, raters: int) -> Floats:
    return rng.normal(0, INSTITUTION_SEVERITY * INSTITUTION_SD, raters)


def _institution_marks(
    rng: np.random.Generator, seen: Floats, easiness: Floats, leniency: Floats
) -> Integers:
    """Marks (p, J) of one department, or of every office for its own."""
    halo = rng.normal(0, HALO * INSTITUTION_SD, len(seen))
    latent = (seen + leniency + halo)[:, None] + _profile(rng, INSTITUTION_SD, len(seen), easiness)
    return _marks(rng, latent, INSTITUTION_THRESHOLDS)


def _turnout(rng: np.random.Generator, targets: int, ballots: int) -> Floats:
    """Share of the ballots that each neighbourhood casts: log-normal, a few with hardly any."""
    weights = rng.lognormal(0, BALLOTS_LOG_SD, targets)
    thin = rng.choice(targets, size=int(np.ceil(THIN_SHARE * targets)), replace=False)
    few = rng.integers(THIN_BALLOTS[0], THIN_BALLOTS[1] + 1, len(thin))
    if few.sum() < ballots / 2:
        weights[thin] = 0
        weights[thin] = few * weights.sum() / (ballots - few.sum())
    return np.asarray(weights / weights.sum())


def _apportioned(shares: Floats, total: int) -> Integers:
    """Whole numbers in proportion to ``shares`` that sum to ``total``, by largest remainder."""
    exact = shares * total
    whole = np.floor(exact).astype(np.int64)
    whole[np.argsort(whole - exact, kind="stable")[: total - whole.sum()]] += 1
    return whole


def _ballot_marks(rng: np.random.Generator, seen: Floats) -> Integers:
    ballots = len(seen)
    # Who feels strongly is likelier to vote: density proportional to (1 + |e| / 2) phi(e).
    strongly = rng.random(ballots) < 1 / (1 + np.sqrt(2 * np.pi))
    feeling = np.where(
        strongly, rng.choice([-1, 1], ballots) * rng.rayleigh(size=ballots), rng.standard_normal(ballots)
    )
    marks = _marks(rng, seen + RESIDENT_SD * feeling[:, None], PUBLIC_THRESHOLDS)
    straight = rng.random(ballots) < STRAIGHT_LINERS
    marks[straight] = marks[straight][:, :1]
    silent = rng.random(marks.shape) < CANNOT_SAY
    silent[silent.all(axis=1), 0] = False
    marks[silent] = 0
    return marks


def _picks(rng: np.random.Generator, home: Integers, quality: Floats) -> Integers:
    """One to three distinct projects a voter, drawn one after another by appeal; the own neighbourhood's has more."""
    appeal = np.exp(0.8 * quality)
    picks = np.full((len(home), 3), -1, dtype=np.int64)
    places = min(3, len(quality))
    # The first arrivals of exponential clocks are a weighted sample without replacement; blocks bound memory.
    for start in range(0, len(home), 4096):
        block = home[start : start + 4096]
        arrival = rng.standard_exponential((len(block), len(quality))) / appeal
        voters = np.arange(len(block))
        arrival[voters, block] *= appeal[block] / (appeal[block] + appeal.sum() / 2)
        first = np.argpartition(arrival, places - 1, axis=1)[:, :places]
        order = np.argsort(np.take_along_axis(arrival, first, axis=1), axis=1)
        picks[start : start + 4096, :places] = np.take_along_axis(first, order, axis=1)
    number = rng.choice([1, 2, 3], size=len(home), p=[0.3, 0.3, 0.4])
    picks[np.arange(3) >= number[:, None]] = -1
    return picks
