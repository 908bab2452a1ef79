"""Seasons with known truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit

from dongliang.engine.data import Ballots, Floats, Integers

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

# How honest ballots arrive, in minutes and shares; docs/methods/simulation.md says why.
DAY, DAYS = 1440, 14
SHARED_LINK, LINK_MINUTES = 0.35, 25.0
FAMILIES, FAMILY_ALIKE = 0.1, 0.4
DESKS, DESK_SHARE = 0.1, 0.25
ONE_ADDRESS, ADDRESS_SHARE = 0.05, 0.6
CARDS_PER_BALLOT = 3


@dataclass(frozen=True, kw_only=True)
class Stuffing:
    """One way to push a neighbourhood's figures.

    Parameters
    ----------
    added : (float, float)
        Ballots added, as a share of the honest ones, drawn between these.
    marks : {"fives", "ones", "copies", "lenient"}
        All of the best but for a slip now and then; all of the worst; one mixed pattern again and again; or drawn as honest
        ones are, by people who think better of the target.
    minutes : int
        All within so many; 0 is over the whole round.
    devices : int
        From so many devices; 0 is each from its own.
    cards_in_a_row : bool
        With a pile of unshuffled cards.
    """

    added: tuple[float, float]
    marks: Literal["fives", "ones", "copies", "lenient"]
    minutes: int = 0
    devices: int = 0
    cards_in_a_row: bool = False


STUFFINGS: Mapping[str, Stuffing] = {
    "burst": Stuffing(added=(0.4, 1.5), marks="fives", minutes=40),
    "devices": Stuffing(added=(0.3, 1.0), marks="fives", devices=2),
    "spread": Stuffing(added=(0.4, 1.5), marks="fives"),
    "copies": Stuffing(added=(0.3, 0.8), marks="copies"),
    "cards": Stuffing(added=(0.3, 0.8), marks="lenient", minutes=120, cards_in_a_row=True),
    "smear": Stuffing(added=(0.3, 1.0), marks="ones", minutes=30, devices=3),
    "careful": Stuffing(added=(0.2, 0.5), marks="lenient"),
    # Honest, and in no column different from stuffing: neighbours who agreed to complain.
    "protest": Stuffing(added=(0.1, 0.2), marks="ones", minutes=180),
}


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
    expected : mapping of str to (p,) float
        ``"field"``, ``"institution"`` and ``"public"``: the mark, averaged over the indicators, that all of a source's
        raters together would give a target without limit to their number. For the field they are the assessors there are,
        each as often as another; for institutions, those of average severity that are not the target's own office.
    """

    merit: Floats
    field: Floats
    institution: Floats
    public: Floats
    severity: Floats
    office_leniency: Floats
    project_quality: Floats
    expected: Mapping[str, Floats]


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
    severity_spread: float = ASSESSOR_SEVERITY,
    office_leniency: tuple[float, float] = OFFICE_LENIENCY,
    turnout_log_sd: float = BALLOTS_LOG_SD,
    thin_share: float = THIN_SHARE,
    merit: Floats | None = None,
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
    severity_spread : float
        Standard deviation of the assessors' severities, as a share of the targets'.
    office_leniency : (float, float)
        What an office adds for its own is drawn between these.
    turnout_log_sd : float
        Standard deviation of the logarithm of a neighbourhood's number of ballots.
    thin_share : float
        Share of the neighbourhoods with fewer than ten ballots.
    merit : (p,) float, optional
        What the targets have in common to all sources, up to level and scale, for a season that follows another one;
        without it, it is drawn.

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
    merit = _drawn_merit(rng, subdistrict) if merit is None else _standardised(merit)
    field, institution, public = (_seen(rng, merit, sd) for sd in (FIELD_SD, INSTITUTION_SD, PUBLIC_SD))
    severity = _centred(rng.normal(0, severity_spread * FIELD_SD, n_assessors))
    leniency = rng.uniform(*office_leniency, int(subdistrict.max()) + 1)
    quality = _standardised(
        PROJECT_MERIT_CORRELATION * merit
        + np.sqrt(1 - PROJECT_MERIT_CORRELATION**2) * rng.standard_normal(targets)
    )
    easiness = np.linspace(0.2, -0.2, indicators)
    weights = _turnout(rng, targets, ballots, turnout_log_sd, thin_share)
    ballot_target = np.repeat(np.arange(targets), _apportioned(weights, ballots))
    approval_target = np.repeat(np.arange(targets), _apportioned(weights, approvals))
    field_profile = field[:, None] + _profile(rng, FIELD_SD, targets, easiness)
    field_marks = _field_marks(rng, field_profile, plan, severity)
    office_marks = _institution_marks(
        rng,
        institution,
        easiness,
        leniency[subdistrict] - _institution_severity(rng, len(leniency))[subdistrict],
    )
    department_marks = np.stack(
        [
            _institution_marks(rng, institution, easiness, -severity_of_one)
            for severity_of_one in _institution_severity(rng, departments)
        ]
    )
    public_profile = public[:, None] + _profile(rng, PUBLIC_SD, targets, easiness)
    return SimulatedSeason(
        field_marks=field_marks,
        office_marks=office_marks,
        department_marks=department_marks,
        ballot_target=ballot_target,
        ballot_marks=_ballot_marks(rng, public_profile[ballot_target]),
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
            expected={
                "field": _expected_field(field_profile, severity),
                "institution": _expected_institution(institution, easiness),
                "public": _expected_public(public_profile),
            },
        ),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class SimulatedBallots:
    """The ballots of a round, and which of them were stuffed.

    Parameters
    ----------
    ballots : Ballots
        In no order.
    stuffing : (n,) int
        Which of ``kinds`` a ballot belongs to; -1 for an honest one.
    kinds : tuple of str
    """

    ballots: Ballots
    stuffing: Integers
    kinds: tuple[str, ...]


def simulate_ballots(
    rng: np.random.Generator,
    season: SimulatedSeason,
    *,
    stuffed: Mapping[str, int] | None = None,
    fewest: int = 10,
) -> SimulatedBallots:
    """Give a season's ballots times, origins and cards, and stuff some neighbourhoods.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all that is drawn.
    season : SimulatedSeason
        Its rating ballots are the honest ones.
    stuffed : mapping of str to int, optional
        How many neighbourhoods each kind of `STUFFINGS` befalls; no neighbourhood suffers two.
    fewest : int, default 10
        Neighbourhoods with fewer honest ballots are not stuffed; nor are fewer ballots than this added.

    Returns
    -------
    SimulatedBallots

    Notes
    -----
    Honest ballots come by day, many within minutes of a link's being shared, some by families from one device with like
    marks; some neighbourhoods have a service desk whose tablet sends a quarter of them, some one address for most. See
    docs/methods/simulation.md.
    """
    stuffed = dict(stuffed or {})
    target, marks = season.ballot_target, season.ballot_marks.copy()
    targets = len(season.truth.merit)
    minute = arrival_minutes(rng, target, targets)
    origin = np.arange(len(target))
    _join_families(rng, target, marks, minute, origin)
    _share_origins(rng, target, targets, minute, origin)
    honest = np.bincount(target, minlength=targets)
    victims = rng.permutation(np.flatnonzero(honest >= fewest))[: sum(stuffed.values())]
    columns = [(target, marks, minute, origin, _shuffled_cards(rng, target), np.full(len(target), -1))]
    fresh = len(target)
    for victim, kind in zip(
        victims, [kind for kind, number in stuffed.items() for _ in range(number)], strict=True
    ):
        how = STUFFINGS[kind]
        number = max(fewest, round(float(honest[victim]) * rng.uniform(*how.added)))
        columns.append(
            (
                np.full(number, victim),
                _stuffed_marks(rng, how, number, float(season.truth.public[victim]), marks.shape[1]),
                _stuffed_times(rng, how, number),
                fresh + (rng.integers(0, how.devices, number) if how.devices else np.arange(number)),
                _stuffed_cards(rng, how, number, CARDS_PER_BALLOT * int(honest[victim])),
                np.full(number, list(stuffed).index(kind)),
            )
        )
        fresh += number
    order = rng.permutation(sum(len(column[0]) for column in columns))
    whole = [np.concatenate(parts)[order] for parts in zip(*columns, strict=True)]
    return SimulatedBallots(
        ballots=Ballots(
            target=whole[0],
            marks=whole[1],
            minute=whole[2],
            n_targets=targets,
            origin=whole[3],
            serial=whole[4],
        ),
        stuffing=whole[5],
        kinds=tuple(stuffed),
    )


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean())


def _standardised(values: Floats) -> Floats:
    return np.asarray(_centred(values) / values.std())


def _drawn_merit(rng: np.random.Generator, subdistrict: Integers) -> Floats:
    street = rng.standard_normal(int(subdistrict.max()) + 1)[subdistrict]
    own = rng.standard_normal(len(subdistrict))
    return _standardised(np.sqrt(1 - SUBDISTRICT_SHARE**2) * own + SUBDISTRICT_SHARE * street)


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


def _turnout(
    rng: np.random.Generator, targets: int, ballots: int, log_sd: float, thin_share: float
) -> Floats:
    """Share of the ballots that each neighbourhood casts: log-normal, a few with hardly any."""
    weights = rng.lognormal(0, log_sd, targets)
    thin = rng.choice(targets, size=int(np.ceil(thin_share * targets)), replace=False)
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


# Expected marks: the thresholds passed, averaged over everything that is drawn anew for a rater or a mark.

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


def _expected_mark(latent: Floats, thresholds: Floats, sd: float, weights: Floats = NODE_WEIGHTS) -> Floats:
    """Over logistic noise and an effect at ``sd`` times the nodes, which have these weights."""
    passed = expit(latent[..., None, None] + sd * NODES[:, None] - thresholds)
    return np.asarray(1 + passed.sum(axis=-1) @ weights)


def _expected_field(seen: Floats, severity: Floats) -> Floats:
    marks = []
    for assessor, harsh in enumerate(severity.tolist()):
        factor = 1.5 if assessor == len(severity) // 2 else 1.0
        given = _expected_mark(seen - harsh, factor * FIELD_THRESHOLDS, HALO * FIELD_SD)
        marks.append(given[:, 0] if assessor == len(severity) - 1 else given.mean(axis=1))
    return np.asarray(np.mean(marks, axis=0))


def _expected_institution(seen: Floats, easiness: Floats) -> Floats:
    """Profiles are each institution's own there, so that they average out as halos do."""
    sd = float(np.hypot(HALO, np.sqrt(INDICATOR_SHARE)) * INSTITUTION_SD)
    return np.asarray(_expected_mark(seen[:, None] + easiness, INSTITUTION_THRESHOLDS, sd).mean(axis=1))


def _expected_public(seen: Floats) -> Floats:
    """Feelings have the density ``(1 + |e| / 2) phi(e)`` up to a factor; straight liners give the first mark throughout."""
    weights = NODE_WEIGHTS * (1 + np.abs(NODES) / 2)
    given = _expected_mark(seen, PUBLIC_THRESHOLDS, RESIDENT_SD, weights / weights.sum())
    return np.asarray((1 - STRAIGHT_LINERS) * given.mean(axis=1) + STRAIGHT_LINERS * given[:, 0])


def arrival_minutes(rng: np.random.Generator, target: Integers, targets: int) -> Integers:
    """Minutes at noon and in the evening, and after a link was shared in the neighbourhood's chat group."""
    links = rng.integers(0, DAYS, (targets, 3)) * DAY + rng.integers(8 * 60, 21 * 60, (targets, 3))
    after = links[target, rng.integers(0, 3, len(target))] + rng.exponential(LINK_MINUTES, len(target))
    hour = np.where(
        rng.random(len(target)) < 0.4, rng.normal(12, 2, len(target)), rng.normal(19.5, 1.5, len(target))
    )
    freely = rng.integers(0, DAYS, len(target)) * DAY + np.clip(hour, 6, 23.5) * 60
    return np.asarray(np.where(rng.random(len(target)) < SHARED_LINK, after, freely).astype(np.int64))


def _join_families(
    rng: np.random.Generator, target: Integers, marks: Integers, minute: Integers, origin: Integers
) -> None:
    """Let some ballots follow the one before them in their neighbourhood, from its device and often with its marks."""
    second = np.flatnonzero((rng.random(len(target)) < FAMILIES) & (np.diff(target, prepend=-1) == 0))
    first = second - 1
    minute[second] = minute[first] + rng.integers(1, 6, len(second))
    origin[second] = origin[first]
    alike = rng.random(len(second)) < FAMILY_ALIKE
    marks[second[alike]] = marks[first[alike]]


def _share_origins(
    rng: np.random.Generator, target: Integers, targets: int, minute: Integers, origin: Integers
) -> None:
    """Send ballots from a service desk by day, or through one address at any time; both are honest."""
    by_day = (minute % DAY >= 9 * 60) & (minute % DAY < 17 * 60)
    for share_of_targets, share, when, first in (
        (DESKS, DESK_SHARE, by_day, 10 * len(target)),
        (ONE_ADDRESS, ADDRESS_SHARE, np.ones(len(target), dtype=bool), 20 * len(target)),
    ):
        concerned = rng.random(targets) < share_of_targets
        sent = concerned[target] & when & (rng.random(len(target)) < share)
        origin[sent] = first + target[sent]


def _shuffled_cards(rng: np.random.Generator, target: Integers) -> Integers:
    serial = np.empty(len(target), dtype=np.int64)
    for code in np.unique(target):
        rows = np.flatnonzero(target == code)
        serial[rows] = 1 + rng.choice(CARDS_PER_BALLOT * len(rows), len(rows), replace=False)
    return serial


def _stuffed_marks(
    rng: np.random.Generator, how: Stuffing, number: int, seen: float, indicators: int
) -> Integers:
    if how.marks == "lenient":
        return _ballot_marks(rng, np.full((number, indicators), seen + 1.5))
    if how.marks == "copies":
        pattern = np.full(indicators, 5)
        pattern[rng.choice(indicators, (indicators + 1) // 2, replace=False)] = 4
        return np.where(rng.random((number, 1)) < 0.9, pattern, rng.integers(4, 6, (number, indicators)))
    best, slip = (5, 4) if how.marks == "fives" else (1, 2)
    marks = np.full((number, indicators), best)
    slips = np.flatnonzero(rng.random(number) < 0.15)
    marks[slips, rng.integers(0, indicators, len(slips))] = slip
    return marks


def _stuffed_times(rng: np.random.Generator, how: Stuffing, number: int) -> Integers:
    start = rng.integers(0, DAYS) * DAY + rng.integers(8 * 60, 21 * 60)
    if how.minutes:
        return np.asarray(np.sort(start + rng.integers(0, how.minutes, number)))
    return rng.integers(0, DAYS, number) * DAY + rng.integers(8 * 60, 23 * 60, number)


def _stuffed_cards(rng: np.random.Generator, how: Stuffing, number: int, cards: int) -> Integers:
    """Numbers above those that honest households hold, one after another or shuffled."""
    if how.cards_in_a_row:
        return np.arange(cards + 1, cards + 1 + number)
    return cards + 1 + rng.choice(CARDS_PER_BALLOT * number, number, replace=False)
