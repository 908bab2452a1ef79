"""Certifies Gaussian crossed fits by dense algebra over all ratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dongliang.engine.checking.claims import demand, demand_near
from dongliang.engine.data import Fit, Floats, Integers, Ratings
from dongliang.engine.errors import NotCertified, TooLarge

# The covariance of this many ratings is inverted in a tenth of a second.
SMALL = 1_000

USUAL = ("target", "rater")


def certify_gaussian(
    ratings: Ratings,
    fit: Fit,
    *,
    effects: tuple[str, ...] = USUAL,
    subdistrict: Integers | None = None,
    tolerance: float = 1e-3,
) -> None:
    """Check a Gaussian crossed fit against a likelihood written out over all ratings.

    Parameters
    ----------
    ratings : Ratings
        ``n`` ratings, 1,000 at most: the covariance of all ratings is formed and inverted.
    fit : Fit
        What is claimed, by its ``record.method`` under REML or ML.
    effects, subdistrict
        As in `crossed.gaussian`.
    tolerance : float, default 1e-3
        Largest slope of the deviance allowed, per unit of log variance or, at zero, of residual variance; largest
        error of the stated deviance and, in residual standard deviations, of effects and standard errors.

    Raises
    ------
    NotCertified
        The stated log-likelihood is not that of the stated variances; or moving a variance would raise
        it; or measures, severities, standard errors or the covariance do not follow from the variances.
    TooLarge
        There are more ratings than that.

    Notes
    -----
    A variance of zero may have a slope that says that the deviance would fall only below zero. So may that of an effect which the
    fit left out because nothing tells it from another: its slope is the other's.
    """
    if len(ratings) > SMALL:
        raise TooLarge(f"{len(ratings)} ratings are too many to check densely; {SMALL} is the most.")
    named = {*USUAL, *effects, "residual"}
    demand(
        set(fit.variances) == named,
        f"The variances are of {', '.join(sorted(fit.variances))}, and should be of {', '.join(sorted(named))}.",
    )
    demand(
        fit.variances["residual"] > 0,
        "The fit has no residual variance, so that it has no likelihood either.",
    )
    demand(min(fit.variances.values()) >= 0, "A variance is below zero.")
    dense = _Dense.of(ratings, effects, subdistrict, fit.variances, restricted=fit.record.method == "REML")
    deviance = dense.deviance()
    if abs(deviance + 2 * fit.log_likelihood) > tolerance:
        raise NotCertified(f"The deviance is {deviance}, and the fit says {-2 * fit.log_likelihood}.")
    for name, slope in dense.slopes().items():
        at_zero = fit.variances[name] == 0
        if (slope < -tolerance) if at_zero else (abs(slope) > tolerance):
            raise NotCertified(
                f"The deviance changes by {slope:.3g} per unit of {name} variance, so that this is no optimum."
            )
    _certify_modes(ratings, fit, dense, tolerance * float(np.sqrt(fit.variances["residual"])))


@dataclass(frozen=True, eq=False)
class _Dense:
    """The ratings' covariance at some variances, its inverse, and what the fixed effects leave of it.

    ``levels`` has the indicator columns of each effect, ``fixed`` those of the fixed effects. ``inverse`` is of the covariance,
    ``projected`` is ``P = V^-1 - V^-1 X (X' V^-1 X)^-1 X' V^-1``.
    """

    values: Floats
    levels: dict[str, Floats]
    members: Floats
    fixed: Floats
    variances: Mapping[str, float]
    covariance: Floats
    inverse: Floats
    projected: Floats
    fixed_covariance: Floats
    restricted: bool

    @classmethod
    def of(
        cls,
        ratings: Ratings,
        effects: tuple[str, ...],
        subdistrict: Integers | None,
        variances: Mapping[str, float],
        *,
        restricted: bool,
    ) -> _Dense:
        members = np.zeros((ratings.n_targets, 0))
        if subdistrict is not None:
            members = np.eye(int(np.max(subdistrict)) + 1)[np.asarray(subdistrict)]
        levels = {name: _columns(ratings, name, members) for name in effects}
        fixed = np.ones((len(ratings), 1))
        if "indicator" not in effects:
            fixed = np.eye(ratings.n_indicators)[ratings.indicator]
        covariance = variances["residual"] * np.eye(len(ratings))
        for name, columns in levels.items():
            covariance += variances[name] * columns @ columns.T
        inverse = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
        weighted = inverse @ fixed
        fixed_covariance = np.asarray(np.linalg.inv(fixed.T @ weighted), dtype=np.float64)
        return cls(
            # Any level of the marks is in the span of the fixed effects; without it, fewer digits are lost.
            values=ratings.values - ratings.values.mean(),
            levels=levels,
            members=members,
            fixed=fixed,
            variances=variances,
            covariance=covariance,
            inverse=inverse,
            projected=inverse - weighted @ fixed_covariance @ weighted.T,
            fixed_covariance=fixed_covariance,
            restricted=restricted,
        )

    def deviance(self) -> float:
        degrees = len(self.values) - (self.fixed.shape[1] if self.restricted else 0)
        deviance = degrees * np.log(2 * np.pi) + np.linalg.slogdet(self.covariance)[1]
        deviance += self.values @ self.projected @ self.values
        if self.restricted:
            deviance -= np.linalg.slogdet(self.fixed_covariance)[1]
        return float(deviance)

    def slopes(self) -> dict[str, float]:
        """Of the deviance by the log of each variance; at zero by the variance, in residual variances."""
        weighed = self.projected if self.restricted else self.inverse
        pulled = self.projected @ self.values
        slopes = {}
        for name, columns in {**self.levels, "residual": np.eye(len(self.values))}.items():
            trace = float(((weighed @ columns) * columns).sum())
            unit = self.variances[name] or self.variances["residual"]
            slopes[name] = unit * (trace - float(((columns.T @ pulled) ** 2).sum()))
        return slopes

    def modes(self, name: str) -> Floats:
        return self.variances[name] * self.levels[name].T @ self.projected @ self.values

    def spread(self, name: str) -> Floats:
        """Conditional variances of an effect given the fixed ones."""
        columns, variance = self.levels[name], self.variances[name]
        return np.asarray(variance - variance**2 * ((self.inverse @ columns) * columns).sum(axis=0))

    def measures(self) -> tuple[Floats, Floats]:
        """Modes of target plus subdistrict, and their conditional covariance."""
        targets = self.members.shape[0]
        prior = self.variances["target"] * np.eye(targets)
        met = self.variances["target"] * self.levels["target"].T
        if "subdistrict" in self.levels:
            variance = self.variances["subdistrict"]
            prior += variance * self.members @ self.members.T
            met = met + variance * self.members @ self.levels["subdistrict"].T
        return met @ self.projected @ self.values, prior - met @ self.inverse @ met.T


def _columns(ratings: Ratings, name: str, members: Floats) -> Floats:
    """Indicator columns of an effect's levels, a row a rating; an interaction has a level for each pair that met."""
    if name == "subdistrict":
        return members[ratings.target]
    codes = {"target": ratings.target, "rater": ratings.rater, "indicator": ratings.indicator}
    if members.size:
        codes["subdistrict"] = members[ratings.target].argmax(axis=1)
    if ":" not in name:
        return np.eye(getattr(ratings, f"n_{name}s"))[codes[name]]
    first, second = (codes[part] for part in name.split(":"))
    pairs, place = np.unique(np.column_stack([first, second]), axis=0, return_inverse=True)
    return np.eye(len(pairs))[place.ravel()]


def _certify_modes(ratings: Ratings, fit: Fit, dense: _Dense, allowed: float) -> None:
    """Compare with best linear unbiased predictions and their conditional covariances, all given the variances."""
    fixed = dense.fixed_covariance @ dense.fixed.T @ dense.inverse @ dense.values + ratings.values.mean()
    indicators = fixed - fixed.mean()
    if "indicator" in dense.levels:
        indicators = dense.modes("indicator")
    nobody = np.zeros(ratings.n_raters)
    severities = -dense.modes("rater") if "rater" in dense.levels else nobody
    spread = dense.spread("rater") if "rater" in dense.levels else nobody
    effects, covariance = dense.measures()
    demand_near(
        "Mean and indicator effects",
        np.append(fit.mean, fit.indicator_effects),
        np.append(fixed.mean(), indicators),
        allowed,
    )
    demand_near(
        "Measures and severities",
        np.concatenate([fit.effects, fit.severities]),
        np.concatenate([effects, severities]),
        allowed,
    )
    demand_near(
        "Standard errors",
        np.concatenate([fit.standard_errors, fit.severity_standard_errors, [fit.mean_standard_error]]),
        np.sqrt(
            np.maximum(np.concatenate([covariance.diagonal(), spread, [dense.fixed_covariance.mean()]]), 0)
        ),
        allowed,
    )
    if fit.covariance is not None:
        unit = float(np.sqrt(fit.variances["residual"]))
        demand_near("Covariances of the measures", fit.covariance, covariance, allowed * unit)
    counted = np.bincount(ratings.target, minlength=ratings.n_targets)
    demand(bool((fit.n_ratings == counted).all()), "The numbers of ratings are not those of the targets.")
