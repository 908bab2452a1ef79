"""What the engine takes and gives: arrays in, frozen results out. Labels stay with the caller; see docs/data.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dongliang.engine.errors import InvalidPairing, InvalidRatings

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

# Marks of a tally fit in a byte.
HIGHEST_MARK = 100
# Ballots up to here are counted exactly by floating-point numbers.
MOST_BALLOTS = 2**53
# Marks larger or smaller than this have squares that are no numbers.
LARGEST, SMALLEST = 1e100, 1e-100


@dataclass(frozen=True, eq=False, kw_only=True)
class Ratings:
    """``n`` ratings of ``p`` targets by ``r`` raters on ``J`` indicators, in columns.

    Parameters
    ----------
    target, rater, indicator : (n,) int
        Codes from 0: who was rated, who rated, what was asked.
    values : (n,) float
        The marks; higher is better. Leave a missing mark out.
    n_targets, n_raters, n_indicators : int
        ``p``, ``r`` and ``J``, counting those without a rating too.

    Raises
    ------
    InvalidRatings
        There is no rating; the columns differ in length; a code is no whole number or out of range; a
        value is not finite, or, unless it is 0, not from 1e-100 to 1e100 in size. The message names the column, the row counted from 0, and what stands there.

    Notes
    -----
    The columns are copied and made read-only.
    """

    target: Integers
    rater: Integers
    indicator: Integers
    values: Floats
    n_targets: int
    n_raters: int
    n_indicators: int

    def __post_init__(self) -> None:
        _freeze(self, "values", _values(self.values))
        for name in ("target", "rater", "indicator"):
            codes = _codes(name, getattr(self, name), getattr(self, f"n_{name}s"))
            if len(codes) != len(self.values):
                raise InvalidRatings(
                    f"{name} has {len(codes)} rows, values has {len(self.values)}. Give one of each per rating."
                )
            _freeze(self, name, codes)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False, kw_only=True)
class Tally:
    """Ballots of ``p`` targets on ``J`` indicators, counted by target and by what was answered.

    Parameters
    ----------
    target : (m,) int
        Codes from 0: who was rated.
    marks : (m, J) int
        The pattern answered, a whole mark from 1 to 100 an indicator, higher is better; 0 is "I can't say", no mark.
    count : (m,) int
        How many ballots for this target gave this pattern, from 0. The same pattern may come again in another row.
    n_targets : int
        ``p``, counting those without a ballot too.
    weight : (p,) float, optional
        How much each ballot for this target weighs, above 0 and at most 1: 0.1 makes ten of them count as one. Without
        it every ballot weighs 1.

    Raises
    ------
    InvalidRatings
        There is no row; the columns differ in length; a code, mark or count is no whole number or out of range; a weight
        is out of range; there are more than 2^53 ballots.

    Notes
    -----
    The columns are copied and made read-only. A ballot is its own rater, so that raters are never numbered.
    """

    target: Integers
    marks: NDArray[np.int8]
    count: Integers
    n_targets: int
    weight: Floats | None = None

    def __post_init__(self) -> None:
        marks = np.array(self.marks)
        if marks.ndim != 2 or marks.dtype.kind not in "iu" or not marks.size:
            raise InvalidRatings(
                f"marks has the shape {marks.shape} and the type {marks.dtype}. Give a row of whole marks a pattern."
            )
        outside = (marks < 0) | (marks > HIGHEST_MARK)
        if outside.any():
            row, indicator = (int(code) for code in np.argwhere(outside)[0])
            raise InvalidRatings(
                f"marks[{row}, {indicator}] is {marks[row, indicator]}. Give a mark from 1 to {HIGHEST_MARK}, or 0 for none."
            )
        _freeze(self, "marks", marks.astype(np.int8, copy=False))
        _freeze(self, "target", _codes("target", self.target, self.n_targets))
        count = np.array(self.count)
        if count.dtype.kind in "iu" and (count < 0).any():
            row = int(np.argmax(count < 0))
            raise InvalidRatings(f"count[{row}] is {count[row]}. Give a whole number of ballots.")
        _freeze(self, "count", _codes("count", count, np.iinfo(np.int64).max))
        if (total := float(self.count.sum(dtype=np.float64))) > MOST_BALLOTS:
            raise InvalidRatings(
                f"There are {total:.3g} ballots, more than can be counted exactly. Fit them in parts."
            )
        for name in ("target", "count"):
            if len(getattr(self, name)) != len(marks):
                raise InvalidRatings(
                    f"{name} has {len(getattr(self, name))} rows, marks has {len(marks)}. Give one of each per pattern."
                )
        if self.weight is not None:
            weight = np.array(self.weight, dtype=np.float64)
            if weight.shape != (self.n_targets,) or not ((weight > 0) & (weight <= 1)).all():
                raise InvalidRatings(
                    f"weight has the shape {weight.shape}. Give one for each of {self.n_targets} targets, above 0 and at most 1."
                )
            _freeze(self, "weight", weight)

    def __len__(self) -> int:
        return len(self.count)

    @property
    def n_indicators(self) -> int:
        return int(self.marks.shape[1])


@dataclass(frozen=True, kw_only=True)
class Record:
    """How a fit was reached.

    Parameters
    ----------
    method : str
        ``"REML"``, ``"ML"``, ``"Laplace"``, ``"mean"``, ``"trimmed mean"`` or ``"standard scores"``.
    objective : float
        What was minimised, at the end: -2 log-likelihood (restricted under REML); NaN where nothing was.
    iterations, evaluations : int
        Steps taken, and how often the objective was computed.
    tolerance : float
        The iterations end when one more step promises to lower the objective by less than this.
    decrement : float
        What one more step promised at the end.
    stopped : str
        Why it stopped, as a sentence.
    remarks : tuple of str
        What the reader should know: effects left out, variances at zero.
    """

    method: str
    objective: float
    iterations: int
    evaluations: int
    tolerance: float
    decrement: float
    stopped: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Fit:
    """Measures of ``p`` targets and severities of ``r`` raters, on the scale of the marks.

    Parameters
    ----------
    measures : (p,) float
        The mark that a target would be given on average over the indicators by a rater of average
        severity. Higher is better. NaN where a method cannot measure a target without ratings.
    standard_errors : (p,) float
        Standard errors of ``measures``, in marks; what they condition on is said by the method.
    covariance : (p, p) float or None
        Joint covariance of the measures, its diagonal the squared standard errors; None when the errors
        are taken as independent or ``p`` is too large for it.
    severities : (r,) float
        How much lower than average a rater marks; higher is harsher; centred on 0; all zero when the
        method does not estimate them.
    severity_standard_errors : (r,) float
        Standard errors of ``severities``; NaN when not estimated.
    mean : float
        The grand mean: unweighted over indicators, for an average target and rater.
    mean_standard_error : float
        Standard error of ``mean``.
    indicator_effects : (J,) float
        What an indicator adds to ``mean``; they sum to 0. Higher is easier.
    variances : mapping of str to float
        ``"target"``, ``"rater"`` and ``"residual"``, and one for every other effect asked for, in squared marks.
    n_ratings : (p,) int
        Ratings per target.
    log_likelihood : float
        At the optimum, restricted under REML; NaN when the method has none.
    record : Record
        How the fit was reached.
    """

    measures: Floats
    standard_errors: Floats
    covariance: Floats | None
    severities: Floats
    severity_standard_errors: Floats
    mean: float
    mean_standard_error: float
    indicator_effects: Floats
    variances: Mapping[str, float]
    n_ratings: Integers
    log_likelihood: float
    record: Record

    @property
    def effects(self) -> Floats:
        """Measures as distances from ``mean``, (p,)."""
        return self.measures - self.mean


@dataclass(frozen=True, eq=False, kw_only=True)
class MeanSquares:
    """How well marks follow the model, for each of ``m`` raters, indicators or targets.

    Parameters
    ----------
    infit, outfit : (m,) float
        Mean squared residuals, weighted by information, and standardised: 1 is expected. Above 1 the marks are
        more erratic than chance explains, below 1 more alike. NaN without a mark.
    infit_z, outfit_z : (m,) float
        The same as normal deviates: beyond 2 either way is more than chance would often do.
    """

    infit: Floats
    infit_z: Floats
    outfit: Floats
    outfit_z: Floats


@dataclass(frozen=True, kw_only=True)
class Separation:
    """How clearly elements are told apart; NaN when there is one only.

    Parameters
    ----------
    reliability : float
        Share of the differences that is not error, from 0 to 1.
    separation : float
        True standard deviation in standard errors.
    strata : float
        Number of groups that differ clearly: ``(4 separation + 1) / 3``.
    """

    reliability: float
    separation: float
    strata: float


@dataclass(frozen=True, eq=False, kw_only=True)
class ResidualFit:
    """How well marks follow a fit, for every rater (r,), target (p,) and indicator (J,)."""

    raters: MeanSquares
    targets: MeanSquares
    indicators: MeanSquares


@dataclass(frozen=True, eq=False, kw_only=True)
class RaterAgreement:
    """How often raters agreed with others about the same target on the same indicator.

    Parameters
    ----------
    pairs : (r,) int
        Marks of others beside each rater's own, one for each pair of marks.
    exact, near : (r,) float
        Shares of these pairs with the same mark, and with marks near each other; NaN without a pair.
    all_pairs : int
        Pairs of marks by different raters, each counted once.
    all_exact, all_near : float
        The shares among all pairs; NaN without a pair.
    """

    pairs: Integers
    exact: Floats
    near: Floats
    all_pairs: int
    all_exact: float
    all_near: float


@dataclass(frozen=True, eq=False, kw_only=True)
class FacetsFit:
    """Targets, raters and indicators on one logit scale.

    Parameters
    ----------
    measures, standard_errors : (p,) float
        Posterior means and standard deviations of the targets, in logits; higher is better; 0 is the
        average target.
    severities, severity_standard_errors : (r,) float
        In logits; higher is harsher; they sum to 0. NaN for a rater without ratings.
    difficulties, difficulty_standard_errors : (J,) float
        Where, for an average rater, the lowest and the highest mark are equally likely; higher is harder.
    steps, step_standard_errors : (J, K) float
        Where, beside the difficulty, a mark and the next one are equally likely; of an indicator they sum to 0.
        NaN beside a mark that nobody gave.
    categories : (K + 1,) int
        The marks from the lowest to the highest given.
    target_sd, target_sd_standard_error : float
        Standard deviation of the targets, in logits; its error is NaN where it ended at next to zero.
    fair_averages, fair_standard_errors : (p,) float
        The mark that a target of this measure gets on average over the indicators from a rater of average severity.
    target_fit, rater_fit, indicator_fit : MeanSquares
        Infit and outfit.
    target_separation, rater_separation, indicator_separation : Separation
        Of targets: against their posterior standard deviations.
    n_ratings : (p,) int
        Ratings per target.
    log_likelihood : float
        Marginal, at the optimum.
    record : Record
        How the fit was reached.
    """

    measures: Floats
    standard_errors: Floats
    severities: Floats
    severity_standard_errors: Floats
    difficulties: Floats
    difficulty_standard_errors: Floats
    steps: Floats
    step_standard_errors: Floats
    categories: Integers
    target_sd: float
    target_sd_standard_error: float
    fair_averages: Floats
    fair_standard_errors: Floats
    target_fit: MeanSquares
    rater_fit: MeanSquares
    indicator_fit: MeanSquares
    target_separation: Separation
    rater_separation: Separation
    indicator_separation: Separation
    n_ratings: Integers
    log_likelihood: float
    record: Record


@dataclass(frozen=True, eq=False, kw_only=True)
class OrdinalFit:
    """Measures of ``p`` targets and severities of ``r`` raters in logits, for marks that are ordered categories.

    Parameters
    ----------
    measures : (p,) float
        Conditional modes: how many logits a target lies above the average one, at 0. Higher is better. With an effect of
        subdistricts, the target's is added.
    standard_errors : (p,) float
        Conditional standard deviations of ``measures`` given thresholds and variances.
    covariance : (p, p) float or None
        Joint covariance of the measures, its diagonal the squared standard errors; None when the errors
        are independent or ``p`` is too large for it.
    severities : (r,) float
        How many logits below an average rater a rater marks; higher is harsher.
    severity_standard_errors : (r,) float
        Standard errors of ``severities``, of the same kind.
    categories : (K,) float
        The marks that occur, in rising order.
    thresholds : (J, K - 1) float
        ``P(mark <= categories[k]) = logit^-1(thresholds[j, k] - measure + severity)``. Minus or plus infinity where an
        indicator never used its lowest or highest categories.
    threshold_standard_errors : (J, K - 1) float
        From the observed information; NaN at infinity. Where indicators are random, of the thresholds of an average one.
    indicator_effects : (J,) float
        What an indicator adds; they sum to 0, or are conditional modes where indicators are random. Higher is easier. NaN where
        each has thresholds of its own, or nothing differs.
    indicator_effect_standard_errors : (J,) float
        From the observed information; conditional standard deviations where indicators are random.
    standard_deviations : mapping of str to float
        Of ``"target"`` and ``"rater"``, and one for every other effect asked for, in logits; 0 where it was left out.
    standard_deviation_errors : mapping of str to float
        From the observed information; NaN for one that was left out or ended at zero.
    fair_marks : (p,) float
        The mark to be expected for a target of this measure from a rater of severity 0, on average over the indicators.
    n_ratings : (p,) int
        Ratings per target.
    log_likelihood : float
        At the optimum.
    record : Record
        How the fit was reached.
    """

    measures: Floats
    standard_errors: Floats
    covariance: Floats | None
    severities: Floats
    severity_standard_errors: Floats
    categories: Floats
    thresholds: Floats
    threshold_standard_errors: Floats
    indicator_effects: Floats
    indicator_effect_standard_errors: Floats
    standard_deviations: Mapping[str, float]
    standard_deviation_errors: Mapping[str, float]
    fair_marks: Floats
    n_ratings: Integers
    log_likelihood: float
    record: Record

    @property
    def variances(self) -> dict[str, float]:
        """Squared standard deviations; the residual is that of the logistic distribution, which sets the scale."""
        squared = {name: sd**2 for name, sd in self.standard_deviations.items()}
        return {**squared, "residual": float(np.pi**2 / 3)}


@dataclass(frozen=True, eq=False, kw_only=True)
class Composite:
    """One score a target, out of several sources.

    Parameters
    ----------
    scores : (p,) float
        Higher is better: marks when ``scale`` is ``"marks"``, standard deviations when ``"standardised"``.
    standard_errors : (p,) float
        How far ``scores`` may be off: root mean squared errors.
    expected : (p,) float
        What to expect of a target in the light of all sources together. Measures that a model draws towards the mean are drawn
        less where the sources agree. Places are drawn around these; people are listed by ``scores``.
    expected_errors : (p,) float
        Standard deviations around ``expected``.
    covariance : (p, p) float or None
        Joint covariance around ``expected``, its diagonal the squared ``expected_errors``; None when the errors are taken
        as independent.
    contributions : mapping of str to (p,) float
        What each source adds; they sum to ``scores``.
    weights : mapping of str to float
        The weights as used: they sum to 1.
    correlations : mapping of (str, str) to float
        How far targets' merits in two sources go together, as estimated; of the sources that a model measured.
    scale : str
        ``"marks"`` or ``"standardised"``.
    silent : tuple of str
        Sources that do not tell the targets apart (no target variance), so that they contribute nothing
        on the standardised scale.
    """

    scores: Floats
    standard_errors: Floats
    expected: Floats
    expected_errors: Floats
    covariance: Floats | None
    contributions: Mapping[str, Floats]
    weights: Mapping[str, float]
    correlations: Mapping[tuple[str, str], float]
    scale: str
    silent: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranking:
    """Who comes first, who is selected, and how sure that is.

    Parameters
    ----------
    order : (m,) int
        Codes of the ``m`` eligible targets, the best first.
    rank : (p,) int
        1 for the best; 0 for a target that is not eligible.
    selected : (p,) bool
        The ``k`` targets selected under the quotas.
    probability : (p,) float
        Share of the draws in which a target is selected under the same quotas.
    rank_low, rank_high : (p,) int
        The 5 % and 95 % points of a target's rank over the draws; 0 when not eligible.
    cut_score : float
        Score of the last target selected by rank; when every place is a guaranteed one, the lowest
        selected score.
    k, draws : int
        Places, and draws behind the probabilities.
    """

    order: Integers
    rank: Integers
    selected: Booleans
    probability: Floats
    rank_low: Integers
    rank_high: Integers
    cut_score: float
    k: int
    draws: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Choice:
    """One way to make a list out of the same answers.

    Parameters
    ----------
    method, scale : str
        How each source is measured, and on which scale the sources are weighed, in the caller's own words.
    weights : mapping of str to float
        Of the sources that count; they sum to 1.
    without_rater : (str, int) or None
        The source and the code of a rater whose ratings are left out.
    kind : str
        What differs from the base: ``"base"`` (nothing), ``"source"`` (one is left out), ``"weight"`` (one is moved),
        ``"method"``, ``"scale"``, ``"rater"`` or a word of the caller's own.
    source : str
        The source that it is about; else empty.
    change : float
        How much was added to the weight of ``source``.
    """

    method: str
    scale: str
    weights: Mapping[str, float]
    without_rater: tuple[str, int] | None = None
    kind: str = "base"
    source: str = ""
    change: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Variant:
    """The list under another choice, held against the base list.

    Parameters
    ----------
    choice : Choice
    entering, leaving : (m,) int
        Codes of the targets on this list only, and on the base list only, in rising order.
    refusal : str
        Why this choice gives no list; empty when it does.
    """

    choice: Choice
    entering: Integers
    leaving: Integers
    refusal: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightChange:
    """The least movement of weights found that changes the list.

    Parameters
    ----------
    weights : mapping of str to float
        After it; they sum to 1.
    moved : float
        Weight taken from some sources and given to others: half the sum of absolute differences.
    entering, leaving : (m,) int
        Codes of who comes onto the list and who goes from it.
    """

    weights: Mapping[str, float]
    moved: float
    entering: Integers
    leaving: Integers


@dataclass(frozen=True, eq=False, kw_only=True)
class Robustness:
    """The same list under other choices.

    Parameters
    ----------
    selected : (p,) bool
        The base list.
    variants : tuple of Variant
        In the order of the choices given.
    times : (p,) int
        On how many of the ``lists`` each target stands.
    lists : int
        The base list and every variant that gave one.
    smallest : WeightChange or None
        None when no movement of weights changes the list.
    """

    selected: Booleans
    variants: tuple[Variant, ...]
    times: Integers
    lists: int
    smallest: WeightChange | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Mentees:
    """``n`` people to be coached.

    Parameters
    ----------
    number : (n,) int
        Their official numbers, all different. Ties are settled by these, never by the order of the rows.
    category : (n,) int
        Code from 0 of the category that each works in.
    needs : (n, q) float
        How much of each of ``q`` things each needs to learn, 0 or more; only the proportions count.
    area : (n,) int
        Code from 0 of the area that each works in.
    earlier, locked : (n,) int
        Code of the mentor they had before, and of the one they must have; -1 for none.

    Raises
    ------
    InvalidPairing
        The columns differ in length, numbers repeat, or a code or a need is below what is allowed.
    """

    number: Integers
    category: Integers
    needs: Floats
    area: Integers
    earlier: Integers
    locked: Integers

    def __post_init__(self) -> None:
        _freeze_profiles(self, "mentees", lowest={"category": 0, "area": 0, "earlier": -1, "locked": -1})

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True, eq=False, kw_only=True)
class Mentors:
    """``m`` people who coach.

    Parameters
    ----------
    number : (m,) int
        Their official numbers, all different; they settle ties together with those of the mentees.
    categories : (m, c) float
        How well each knows each of ``c`` categories, from 0 to 1.
    strengths : (m, q) float
        How strong each is in each of ``q`` things, from 0 to 1.
    area : (m,) int
        Code from 0 of the area that each works in.
    capacity : (m,) int
        How many mentees each can take.

    Raises
    ------
    InvalidPairing
        The columns differ in length, numbers repeat, or a code or a figure is outside what is allowed.
    """

    number: Integers
    categories: Floats
    strengths: Floats
    area: Integers
    capacity: Integers

    def __post_init__(self) -> None:
        _freeze_profiles(self, "mentors", lowest={"area": 0, "capacity": 0})

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True, eq=False, kw_only=True)
class Candidates:
    """The mentors that each mentee may have, and how well each would fit.

    Parameters
    ----------
    mentor : (n, k) int
        Mentor codes; -1 where a mentee has fewer than ``k``.
    parts : mapping of str to (n, k) int
        What each consideration adds to the fit, in thousandths of a point, 0 or more.
    mentee_number, mentor_number : (n,), (m,) int
        Official numbers, of which `lots` are drawn.
    locked : (n,) bool
        Who must have the one mentor in their list.
    complete : bool
        Whether every admissible mentor is in the lists.
    """

    mentor: Integers
    parts: Mapping[str, Integers]
    mentee_number: Integers
    mentor_number: Integers
    locked: Booleans
    complete: bool

    @property
    def fit(self) -> Integers:
        """The sum of the parts, (n, k), in thousandths of a point."""
        return np.asarray(sum(self.parts.values(), np.zeros(self.mentor.shape, dtype=np.int64)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Pairing:
    """Who coaches whom, why, and the prices that prove it the best.

    Parameters
    ----------
    mentor : (n,) int
        Code of each mentee's mentor; -1 for none.
    fit : (n,) float
        How well the two fit, in points; 0 for none.
    parts : mapping of str to (n,) float
        What each consideration adds; they sum to ``fit``.
    favourite : (n,) int
        Code of the candidate that fits each mentee best, whoever else would have to give way; -1 for none.
    favourite_fit : (n,) float
        How well that one fits, in points.
    load : (m,) int
        Mentees of each mentor.
    prices : (m,) int
        What a place with each mentor is worth to those who do not get it, in points divided by ``scale``.
    scale : int
        Price units a point.
    total : float
        The fits summed, less the charge for uneven loads, in points: no pairing has more.
    complete : bool
        Whether every admissible mentor was considered for every mentee, or only lists of candidates.
    record : Record
        How the pairing was reached.
    """

    mentor: Integers
    fit: Floats
    parts: Mapping[str, Floats]
    favourite: Integers
    favourite_fit: Floats
    load: Integers
    prices: Integers
    scale: int
    total: float
    complete: bool
    record: Record


# Lots go from 1 to this.
LOTS = 15


def lots(mentee_number: Integers, mentor_number: Integers) -> Integers:
    """Draw the lot of each pair, 1 to 15, from the two numbers alone, so that anyone can draw it again.

    With ``x = 0x9E3779B97F4A7C15 a + 0xBF58476D1CE4E5B9 b`` for the numbers ``a`` and ``b``, all modulo 2^64, ``x`` is mixed
    by ``x ^= x >> 31``, ``x *= 0x94D049BB133111EB``, ``x ^= x >> 29``; the lot is ``1 + x mod 15``.
    """
    mixed = mentee_number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = mixed + mentor_number.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(31)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(29)
    return 1 + (mixed % np.uint64(LOTS)).astype(np.int64)


@dataclass(frozen=True, eq=False, kw_only=True)
class Ballots:
    """``n`` ballots of one round in columns: where, what, when; never who.

    Parameters
    ----------
    target : (n,) int
        Code from 0 of the neighbourhood.
    marks : (n, J) int
        0 is "I can't say".
    minute : (n,) int
        When it was cast, in whole minutes from any start.
    n_targets : int
        Neighbourhoods, counting those without a ballot.
    origin : (n,) int, optional
        Code from 0 of what it came from, where that is known: a device, an address; -1 where it is not.
    serial : (n,) int, optional
        Number of its household card within the neighbourhood; -1 where there is none.

    Raises
    ------
    InvalidRatings
        There is no ballot; the columns differ in length, or are no whole numbers; a target is out of range, a mark
        negative. The message names the column.

    Notes
    -----
    The columns are copied and made read-only.
    """

    target: Integers
    marks: Integers
    minute: Integers
    n_targets: int
    origin: Integers | None = None
    serial: Integers | None = None

    def __post_init__(self) -> None:
        for name in ("target", "marks", "minute", "origin", "serial"):
            given = getattr(self, name)
            if given is None:
                continue
            column = np.array(given)
            if column.dtype.kind not in "iu" or column.ndim != (2 if name == "marks" else 1):
                raise InvalidRatings(
                    f"{name} has the shape {column.shape} and the type {column.dtype}. Give whole numbers, a row a ballot."
                )
            if len(column) != len(self.target) or not len(column):
                raise InvalidRatings(
                    f"{name} has {len(column)} rows, target has {len(self.target)}. Give one a ballot, of one at least."
                )
            column = column.astype(np.int64, copy=False)
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        if self.target.min() < 0 or self.target.max() >= self.n_targets:
            raise InvalidRatings(f"target has codes out of range. They go from 0 to {self.n_targets - 1}.")
        if self.marks.min() < 0:
            raise InvalidRatings("marks has a negative one. They go from 1 up, and 0 is no answer.")

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True, eq=False, kw_only=True)
class Flag:
    """Something about a neighbourhood's ballots that chance hardly explains. A reason to look, not a verdict.

    Parameters
    ----------
    kind : str
        ``"burst"``, ``"origin"``, ``"straight"``, ``"copies"`` or ``"cards"``; see docs/methods/integrity.md.
    target : int
    ballots : (m,) int
        Rows of the ballots that the flag is about, in rising order.
    pattern : tuple of int
        The marks that they share, or nearly share; empty when marks play no part.
    nearly : bool
        Whether ballots that differ from ``pattern`` in one mark are counted too.
    observed : int
        How many there are: ballots, or pairs of cards for ``"cards"``.
    expected : float
        How many chance would give on average.
    among : int
        Out of how many.
    first_minute, last_minute : int
        When the first and the last of ``ballots`` were cast.
    origin : int
        Where they came from; -1 when that plays no part.
    probability : float
        Of so many or more by chance, in this place alone.
    false_alarms : float
        How many flags as strong as this chance alone gives, on average, in the whole round and this kind.
    """

    kind: str
    target: int
    ballots: Integers
    pattern: tuple[int, ...]
    nearly: bool
    observed: int
    expected: float
    among: int
    first_minute: int
    last_minute: int
    origin: int
    probability: float
    false_alarms: float


def connected_groups(
    target: Integers, rater: Integers, n_targets: int, n_raters: int
) -> tuple[Integers, ...]:
    """Group the targets that are linked through shared raters.

    Parameters
    ----------
    target, rater : (n,) int
        Codes of who was rated by whom.
    n_targets, n_raters : int
        ``p`` and ``r``.

    Returns
    -------
    tuple of (m,) int arrays
        Codes of the targets of each group in rising order; the largest group first, then by first code.
        Targets without a rating are in no group.
    """
    nodes = n_targets + n_raters
    links = coo_array((np.ones(len(target)), (target, rater + n_targets)), shape=(nodes, nodes))
    _, labels = connected_components(links.tocsr(), directed=False)
    rated = np.flatnonzero(np.bincount(target, minlength=n_targets))
    _, group = np.unique(labels[rated], return_inverse=True)
    by_group = np.argsort(group, kind="stable")
    groups = np.split(rated[by_group], np.cumsum(np.bincount(group))[:-1])
    return tuple(sorted(groups, key=lambda codes: (-len(codes), codes[0])))


def _freeze(table: object, name: str, column: NDArray[np.generic]) -> None:
    column.flags.writeable = False
    object.__setattr__(table, name, column)


def _freeze_profiles(people: Mentees | Mentors, who: str, lowest: Mapping[str, int]) -> None:
    """Copy the columns of profiles and check them; shares go from 0 to 1, needs from 0."""
    for name in ("number", *lowest):
        column = np.array(getattr(people, name))
        if column.ndim != 1 or column.dtype.kind not in "iu":
            raise InvalidPairing(f"{name} of the {who} is no column of whole numbers. Give one number each.")
        if len(column) != len(people.number):
            raise InvalidPairing(
                f"{name} has {len(column)} rows for {len(people.number)} {who}. Give one each."
            )
        if name in lowest and (column < lowest[name]).any():
            row = int(np.argmax(column < lowest[name]))
            raise InvalidPairing(f"{name}[{row}] of the {who} is {column[row]}. {lowest[name]} is the least.")
        _freeze(people, name, column.astype(np.int64))
    numbers, counts = np.unique(people.number, return_counts=True)
    if (counts > 1).any():
        raise InvalidPairing(
            f"The number {numbers[np.argmax(counts > 1)]} stands twice among the {who}. Give each one of its own."
        )
    shares = {"needs": np.inf} if isinstance(people, Mentees) else {"categories": 1.0, "strengths": 1.0}
    for name, most in shares.items():
        table = np.array(getattr(people, name), dtype=np.float64)
        if table.ndim != 2 or len(table) != len(people.number):
            raise InvalidPairing(f"{name} of the {who} has the shape {table.shape}. Give a row each.")
        outside = ~(np.isfinite(table) & (table >= 0) & (table <= most))
        if outside.any():
            row, at = (int(places[0]) for places in np.nonzero(outside))
            raise InvalidPairing(
                f"{name}[{row}, {at}] of the {who} is {table[row, at]}. "
                f"Give a number {'of 0 or more' if most == np.inf else 'from 0 to 1'}."
            )
        _freeze(people, name, table)


def _values(given: object) -> Floats:
    values = np.array(given, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise InvalidRatings(f"values has the shape {values.shape}. Give a column of at least one rating.")
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite))
        raise InvalidRatings(
            f"values[{row}] is {values[row]}. Give a finite number, or leave the rating out."
        )
    size = np.abs(values)
    if ((size > LARGEST) | ((size < SMALLEST) & (size > 0))).any():
        row = int(np.argmax((size > LARGEST) | ((size < SMALLEST) & (size > 0))))
        raise InvalidRatings(
            f"values[{row}] is {values[row]}. Give numbers from {SMALLEST:g} to {LARGEST:g} in size, or 0."
        )
    return values


def _codes(name: str, given: object, size: int) -> Integers:
    column = np.array(given)
    if column.ndim != 1 or column.dtype.kind not in "iu":
        raise InvalidRatings(
            f"{name} has the shape {column.shape} and the type {column.dtype}. Give a column of whole numbers."
        )
    outside = (column < 0) | (column >= size)
    if outside.any():
        row = int(np.argmax(outside))
        raise InvalidRatings(f"{name}[{row}] is {column[row]}. Codes go from 0 to {size - 1}.")
    return column.astype(np.int64, copy=False)
