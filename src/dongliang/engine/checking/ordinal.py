"""Certifies ordinal fits by a Laplace likelihood written out over all ratings, with derivatives by differences alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array
from scipy.special import expit

from dongliang.engine.data import Floats, Integers, OrdinalFit, Ratings
from dongliang.engine.errors import NotCertified, TooLarge

# The curvature of all effects is formed and factored some hundred times.
SMALL = 1_000
# Second differences tell errors to a thousandth; what is claimed must agree to this share.
ERRORS = 0.01
# A standard deviation claimed to be zero is tried at this many logits.
ASIDE = 0.05
# Steps of the differences: in logits at first, and in standard errors once these are known.
FIRST, STEP = 1e-3, 0.01


def certify_ordinal(
    ratings: Ratings,
    fit: OrdinalFit,
    *,
    effects: tuple[str, ...] = ("target", "rater"),
    subdistrict: Integers | None = None,
    thresholds: Literal["common", "indicator"] = "common",
    features: Floats | None = None,
    tolerance: float = 1e-3,
) -> None:
    """Check an ordinal crossed fit against the Laplace log-likelihood of its effects, written out over all ratings.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings, 1,000 at most: the curvature of all effects together is formed and factored.
    fit : OrdinalFit
        What is claimed.
    effects, subdistrict, thresholds, features
        What the fit was asked for, as in ``crossed.ordinal``.
    tolerance : float, default 1e-3
        Largest error allowed of the log-likelihood, and of modes and their standard deviations in logits; and the largest step, in
        standard errors, that the slope of the log-likelihood may still ask for. Standard errors may be off by one in a hundred.

    Raises
    ------
    NotCertified
        The stated log-likelihood is not that of the stated parameters; or moving a parameter would raise it, or it does
        not bend down in every direction; or modes, standard errors or fair marks do not follow from the parameters.
    TooLarge
        There are more ratings than that.
    """
    if len(ratings) > SMALL:
        raise TooLarge(f"{len(ratings)} ratings are too many to check densely; {SMALL} is the most.")
    categories = np.unique(ratings.values)
    _demand(
        fit.categories.tolist() == categories.tolist(), "The categories are not the values of the ratings."
    )
    counts = np.bincount(ratings.target, minlength=ratings.n_targets)
    _demand(fit.n_ratings.tolist() == counts.tolist(), "The ratings are not counted right.")
    marks = [np.unique(ratings.values[ratings.indicator == j]) for j in range(ratings.n_indicators)]
    if all(len(mark) == 1 for mark in marks):
        _certify_constant(fit, float(np.mean(marks)))
        return
    _demand(
        set(fit.standard_deviations) == set(fit.standard_deviation_errors) == {"target", "rater", *effects},
        "The standard deviations are not those of the effects.",
    )
    _demand(
        "rater" in effects or not (fit.standard_deviations["rater"] or fit.severities.any()),
        "There are severities without an effect of raters.",
    )
    model = _Model.of(ratings, fit, effects, subdistrict)
    moves, of_indicators = _moves(model, fit, thresholds, features)
    found = model.laplace(model.cuts, model.sd)
    if not abs(found.value - fit.log_likelihood) <= tolerance:
        raise NotCertified(f"The log-likelihood is {found.value}, and the fit says {fit.log_likelihood}.")
    _certify_modes(model, fit, found, tolerance)
    covariance = _certify_top(model, found, moves, tolerance)
    _certify_errors(model, fit, moves, of_indicators, covariance)


def _demand(kept: bool, broken: str) -> None:
    if not kept:
        raise NotCertified(broken)


def _certify_constant(fit: OrdinalFit, mean: float) -> None:
    nothing = [fit.measures, fit.standard_errors, fit.severities, fit.severity_standard_errors]
    _demand(
        not any(column.any() for column in nothing) and not any(fit.standard_deviations.values()),
        "Ratings that are equal within indicators tell nobody apart, and the fit does.",
    )
    _demand(fit.log_likelihood == 0, "The log-likelihood of ratings that are equal within indicators is 0.")
    _demand(bool((fit.fair_marks == mean).all()), "The fair marks are not the mark that everyone was given.")


@dataclass(frozen=True, eq=False)
class _Found:
    """The log-likelihood, the modes in units of their standard deviations, and the curvature there."""

    value: float
    z: Floats
    curvature: Floats


@dataclass(frozen=True, eq=False)
class _Model:
    """The claimed cuts (J, K - 1) and standard deviations of ``names``, and every rating's level under each effect.

    ``told`` says whether an effect has two levels at least and a level of two ratings: only then is its zero an estimate.
    """

    ratings: Ratings
    category: Integers
    names: tuple[str, ...]
    levels: csr_array
    sizes: tuple[int, ...]
    told: tuple[bool, ...]
    cuts: Floats
    sd: Floats
    subdistrict: Integers | None

    @classmethod
    def of(
        cls, ratings: Ratings, fit: OrdinalFit, names: tuple[str, ...], subdistrict: Integers | None
    ) -> _Model:
        codes, sizes = zip(*(_levels(ratings, name, subdistrict) for name in names), strict=True)
        offsets = np.cumsum([0, *sizes[:-1]])
        column = np.concatenate([code + offset for code, offset in zip(codes, offsets, strict=True)])
        row = np.tile(np.arange(len(ratings)), len(names))
        levels = csr_array((np.ones(len(row)), (row, column)), shape=(len(ratings), sum(sizes)))
        met = [np.bincount(code) for code in codes]
        return cls(
            ratings=ratings,
            category=np.searchsorted(fit.categories, ratings.values),
            names=names,
            levels=levels,
            sizes=sizes,
            told=tuple(bool(count.max() > 1 and (count > 0).sum() > 1) for count in met),
            cuts=fit.thresholds + (fit.indicator_effects[:, None] if "indicator" in names else 0.0),
            sd=np.array([fit.standard_deviations[name] for name in names]),
            subdistrict=subdistrict,
        )

    def laplace(self, cuts: Floats, sd: Floats, z: Floats | None = None) -> _Found:
        """At these parameters, by Newton steps from ``z`` on."""
        edge = np.full((len(cuts), 1), np.inf)
        table = np.hstack([-edge, cuts, edge])
        high, low = (table[self.ratings.indicator, self.category + above] for above in (1, 0))
        scale = np.repeat(sd, self.sizes)[self.levels.indices]
        scaled = csr_array((scale, self.levels.indices, self.levels.indptr), shape=self.levels.shape)
        z = np.zeros(scaled.shape[1]) if z is None else z
        value, slope, curvature = self._bent(high, low, scaled, z)
        for _ in range(100):
            step = cho_solve(cho_factor(curvature), slope)
            if np.abs(step).max(initial=0) < 1e-9:
                break
            for halving in range(40):
                moved = z + 0.5**halving * step
                after = self._bent(high, low, scaled, moved)
                if after[0] >= value - 1e-12 * abs(value):
                    break
            z, (value, slope, curvature) = moved, after
        return _Found(value - float(np.linalg.slogdet(curvature)[1]) / 2, z, curvature)

    def _bent(self, high: Floats, low: Floats, scaled: csr_array, z: Floats) -> tuple[float, Floats, Floats]:
        """The penalised log-likelihood, its slope, and minus its second derivatives."""
        level = scaled @ z
        upper, lower = expit(high - level), expit(low - level)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Where both chances round to one, their difference is that of the chances of the contrary.
            chance = np.where(level < low, expit(level - low) - expit(level - high), upper - lower)
            value = float(np.log(chance).sum()) - float(z @ z) / 2
        weight = upper * (1 - upper) + lower * (1 - lower)
        weighted = csr_array(
            (scaled.data * np.repeat(weight, len(self.names)), scaled.indices, scaled.indptr),
            shape=scaled.shape,
        )
        curvature = (scaled.T @ weighted).toarray() + np.eye(len(z))
        return value, np.asarray(scaled.T @ (upper + lower - 1) - z), curvature

    def part(self, name: str, column: Floats) -> Floats:
        """The entries of one effect."""
        starts = np.cumsum([0, *self.sizes])
        place = self.names.index(name)
        return column[starts[place] : starts[place + 1]]


def _levels(ratings: Ratings, name: str, subdistrict: Integers | None) -> tuple[Integers, int]:
    plain = {
        "target": (ratings.target, ratings.n_targets),
        "rater": (ratings.rater, ratings.n_raters),
        "indicator": (ratings.indicator, ratings.n_indicators),
    }
    if name.startswith("subdistrict"):
        if subdistrict is None:
            raise NotCertified("The fit has an effect of subdistricts, and they are not given.")
        plain["subdistrict"] = subdistrict[ratings.target], int(subdistrict.max()) + 1
    if name in plain:
        return plain[name]
    one, other = (plain[part] for part in name.split(":"))
    levels, codes = np.unique(one[0] * other[1] + other[0], return_inverse=True)
    return codes, len(levels)


def _moves(model: _Model, fit: OrdinalFit, thresholds: str, features: Floats | None) -> tuple[Floats, Floats]:
    """What each free parameter moves: the cuts (q, J, K - 1), and the effects of the indicators (q, J)."""
    j, cuts = model.cuts.shape
    if thresholds == "indicator":
        moves = [
            np.where((np.arange(j) == row)[:, None], model.cuts == cut, False)
            for row in range(j)
            for cut in np.unique(model.cuts[row][np.isfinite(model.cuts[row])])
        ]
        return np.array(moves, dtype=np.float64), np.full((len(moves), j), np.nan)
    random = "indicator" in model.names
    common = model.cuts + (0.0 if random else fit.indicator_effects[:, None])
    _demand(
        bool(np.allclose(common, common[0], rtol=0, atol=1e-9)),
        "The thresholds are not shifted by the effects.",
    )
    effects = np.eye(j)[:-1] - np.eye(j)[-1]
    if features is not None:
        effects = np.asarray(features, dtype=np.float64).T
        effects = effects - effects.mean(axis=1, keepdims=True)
        effects = effects / effects.std(axis=1, keepdims=True)
    if random:
        effects = np.zeros((0, j))
    elif len(effects):
        made = effects.T @ np.linalg.lstsq(effects.T, fit.indicator_effects)[0]
        _demand(
            bool(np.allclose(made, fit.indicator_effects, rtol=0, atol=1e-6)),
            "The indicators' effects are not sums over their features, or do not sum to 0.",
        )
    shared = np.repeat(np.eye(cuts)[:, None, :], j, axis=1)
    shifts = np.repeat(-effects[:, :, None], cuts, axis=2)
    return np.concatenate([shared, shifts]), np.concatenate([np.zeros((cuts, j)), effects])


def _certify_modes(model: _Model, fit: OrdinalFit, found: _Found, tolerance: float) -> None:
    """Modes, their standard deviations and fair marks, given the parameters."""
    scale = np.repeat(model.sd, model.sizes)
    modes, posterior = scale * found.z, scale[:, None] * np.linalg.inv(found.curvature) * scale
    # What a measure is made of.
    made = np.zeros((model.ratings.n_targets, len(modes)))
    starts = dict(zip(model.names, np.cumsum([0, *model.sizes[:-1]]).tolist(), strict=True))
    row = np.arange(len(made))
    made[row, starts["target"] + row] = 1
    if model.subdistrict is not None and "subdistrict" in starts:
        made[row, starts["subdistrict"] + model.subdistrict] = 1
    measures, covariance = made @ modes, made @ posterior @ made.T
    errors = np.sqrt(posterior.diagonal())
    claims = {
        "Measures": (fit.measures, measures),
        "Standard errors": (fit.standard_errors, np.sqrt(covariance.diagonal())),
        "Covariances": (covariance if fit.covariance is None else fit.covariance, covariance),
    }
    if "rater" in model.names:
        claims["Severities"] = (-fit.severities, model.part("rater", modes))
        claims["Standard errors of severities"] = (fit.severity_standard_errors, model.part("rater", errors))
    shifted = model.cuts
    if "indicator" in model.names:
        effects = model.part("indicator", modes)
        shifted = shifted - effects[:, None]
        claims["Effects of indicators"] = (fit.indicator_effects, effects)
        claims["Their errors"] = (fit.indicator_effect_standard_errors, model.part("indicator", errors))
    edge = np.full((len(shifted), 1, 1), np.inf)
    reached = np.concatenate(
        [
            expit(-edge * np.ones(len(made))),
            expit(shifted[:, :, None] - measures),
            expit(edge * np.ones(len(made))),
        ],
        axis=1,
    )
    fair = np.einsum("jkp,k->p", np.diff(reached, axis=1), fit.categories) / len(shifted)
    claims["Fair marks"] = (fit.fair_marks / np.ptp(fit.categories), fair / np.ptp(fit.categories))
    for name, (claimed, expected) in claims.items():
        agree = np.allclose(claimed, expected, rtol=0, atol=tolerance)
        _demand(bool(agree), f"{name} do not follow from the parameters.")


def _certify_top(model: _Model, found: _Found, moves: Floats, tolerance: float) -> Floats:
    """No parameter may rise from here. Answers the covariance of cuts' parameters and standard deviations, 0 for what is held."""
    q = len(moves) + len(model.sd)

    def value(parameters: Floats) -> float:
        cuts = model.cuts + np.tensordot(parameters[: len(moves)], moves, axes=1)
        return model.laplace(cuts, model.sd + parameters[len(moves) :], found.z).value

    for effect, name in enumerate(model.names):
        if model.sd[effect] == 0 and model.told[effect]:
            aside = value(ASIDE * (np.arange(q) == len(moves) + effect))
            if aside > found.value + tolerance:
                raise NotCertified(
                    f"The log-likelihood rises by {aside - found.value:.3g} when the standard deviation of {name} leaves 0."
                )
    free = np.flatnonzero(np.append(np.ones(len(moves), dtype=bool), model.sd > 0))
    units = np.zeros((q, q))
    units[free, free] = FIRST
    for step in (FIRST, STEP):
        above, below = (np.array([value(side * units[k]) for k in free]) for side in (1, -1))
        bends = 2 * found.value - above - below
        _demand(
            bool((bends > 0).all()),
            "The log-likelihood does not bend down at the parameters: this is no top.",
        )
        if step == FIRST:
            units[free, free] = STEP * FIRST / np.sqrt(bends)
    slopes = (above - below) / (2 * STEP)
    steepest = int(np.abs(slopes).argmax())
    if abs(slopes[steepest]) > tolerance:
        raise NotCertified(
            f"The slope in parameter {free[steepest]} asks for {slopes[steepest]:.3g} standard errors more, so that this is no "
            "optimum."
        )
    information = np.diag(bends)
    for i, one in enumerate(free):
        for j, other in enumerate(free[:i]):
            both = value(units[one] + units[other]) + value(-units[one] - units[other])
            information[i, j] = information[j, i] = (
                -(both - above[i] - above[j] - below[i] - below[j] + 2 * found.value) / 2
            )
    _demand(
        bool(np.linalg.eigvalsh(information)[0] > 0),
        "The log-likelihood does not bend down in every direction: this is no top.",
    )
    covariance = np.zeros((q, q))
    own = units[free, free]
    covariance[np.ix_(free, free)] = own[:, None] * np.linalg.inv(information) * own
    return covariance


def _certify_errors(
    model: _Model, fit: OrdinalFit, moves: Floats, effects: Floats, covariance: Floats
) -> None:
    """Errors of thresholds, indicators and standard deviations."""
    fixed = covariance[: len(moves), : len(moves)]
    cut_errors = np.sqrt(np.einsum("ajk,ab,bjk->jk", moves, fixed, moves))
    deviations = np.sqrt(covariance.diagonal()[len(moves) :])
    claims = {
        "thresholds": (fit.threshold_standard_errors, np.where(np.isfinite(model.cuts), cut_errors, np.nan)),
        "standard deviations": (
            np.array([fit.standard_deviation_errors[name] for name in model.names]),
            np.where(model.sd > 0, deviations, np.nan),
        ),
    }
    if "indicator" not in model.names:
        expected = np.sqrt(np.einsum("aj,ab,bj->j", effects, fixed, effects))
        claims["indicators"] = (fit.indicator_effect_standard_errors, expected)
    for name, (claimed, expected) in claims.items():
        agree = np.allclose(claimed, expected, rtol=ERRORS, atol=1e-9, equal_nan=True)
        _demand(bool(agree), f"The standard errors of the {name} do not follow from the curvature.")
