"""The scoring run itself: a pure function of a rule book and frozen inputs. No database, no clock, no names.

Inputs and result are plain JSON values, so that anyone can recompute the one from the other. docs/methods/season.md
says in words what happens here.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dongliang import __version__
from dongliang.common.canonical import fingerprint
from dongliang.engine import agreement, classic, composite, crossed, ranking
from dongliang.engine.data import Fit, Floats, Integers, Ratings
from dongliang.seasons.rulebook import RuleBookContent

FORMAT = 1
# Results are rounded here, once: enough for any decision, and the same on every machine's arithmetic.
PLACES = 6
# Marks of the first thing, from the field sheets.
PROJECT = "project"

METHODS: dict[str, Callable[[Ratings], Fit]] = {
    "gaussian": crossed.gaussian,
    "mean": classic.mean,
    "trimmed_mean": classic.trimmed_mean,
}


@dataclass(frozen=True)
class Answers:
    """What one source answered: the ratings, who gave them, and how many sheets or ballots each secretary has."""

    ratings: Ratings
    raters: list[str]
    per_target: Integers


def rounded(value: float) -> float | None:
    return None if not np.isfinite(value) else round(float(value), PLACES) + 0.0


def calculate(rules: RuleBookContent, inputs: dict[str, Any]) -> dict[str, Any]:
    """The result of a season.

    Parameters
    ----------
    rules
        The rule book.
    inputs
        ``secretaries``: [number, subdistrict code], in the order of the numbers; ``field`` and ``institutional``:
        [number, rater, marks]; ``project_marks``: [number, rater, mark]; ``ballots``: [number, marks, count];
        ``picks``: [home number, picked numbers, count]; ``projects``: numbers of the secretaries who have one;
        ``nominations``: [subdistrict code, number].

    Returns
    -------
    dict
        JSON values: ``sources``, ``raters``, ``secretaries``, ``cut``, ``projects`` and ``lists``.

    Raises
    ------
    EngineError
        The ratings cannot be scored; the message says why.
    """
    numbers = [number for number, _ in inputs["secretaries"]]
    row = {number: index for index, number in enumerate(numbers)}
    answers = collected(rules, inputs, row)
    fits = {key: METHODS[rules.scoring.method](source.ratings) for key, source in answers.items()}
    plain = {key: classic.mean(source.ratings) for key, source in answers.items()}
    trimmed = {key: classic.trimmed_mean(source.ratings) for key, source in answers.items()}

    secretaries, cut = standings(rules, inputs, answers, fits, plain, trimmed)
    projects = project_standings(rules, inputs, row)
    return {
        "format": FORMAT,
        "version": __version__,
        "rule_book_sha256": rules.sha256,
        "inputs_sha256": fingerprint(inputs),
        "sources": {key: source_summary(answers[key], fits[key]) for key in answers},
        "raters": {key: severities(answers[key], fits[key]) for key in answers if key != "public"},
        "secretaries": secretaries,
        "cut": cut,
        "projects": projects,
        "lists": {
            "best_secretaries": [entry["number"] for entry in secretaries if entry["selected"]],
            "popular_projects": [entry["number"] for entry in projects[: rules.popular_projects.places]],
            "surest_things": surest_things(rules, inputs, projects),
        },
    }


def collected(rules: RuleBookContent, inputs: dict[str, Any], row: dict[int, int]) -> dict[str, Answers]:
    """The answers of each source of the rule book, as ratings."""
    found: dict[str, Answers] = {}
    for source in rules.sources:
        if source.key == "public":
            found[source.key] = ballots_as_ratings(inputs["ballots"], row)
        else:
            found[source.key] = sheets_as_ratings(inputs[source.key], row)
    return found


def sheets_as_ratings(sheets: Iterable[tuple[int, str, str]], row: dict[int, int]) -> Answers:
    """Every sheet as one rating, the mean of its marks.

    The marks of a sheet share what this rater thinks of this person in general. Taken as so many independent ratings
    they would promise more certainty than there is.
    """
    sheets = list(sheets)
    raters = sorted({rater for _, rater, _ in sheets})
    code = {rater: index for index, rater in enumerate(raters)}
    target = np.array([row[number] for number, _, _ in sheets])
    return Answers(
        Ratings(
            target=target,
            rater=np.array([code[rater] for _, rater, _ in sheets]),
            indicator=np.zeros(len(sheets), dtype=np.int64),
            values=np.array([[int(mark) for mark in marks] for _, _, marks in sheets]).mean(axis=1),
            n_targets=len(row),
            n_raters=len(raters),
            n_indicators=1,
        ),
        raters,
        np.bincount(target, minlength=len(row)),
    )


def ballots_as_ratings(tally: Iterable[tuple[int, str, int]], row: dict[int, int]) -> Answers:
    """Every ballot as its own rater; a 0, "I can't say", is no rating."""
    tally = list(tally)
    counts = np.array([count for _, _, count in tally])
    target = np.repeat([row[number] for number, _, _ in tally], counts)
    marks = np.repeat(np.array([[int(mark) for mark in pattern] for _, pattern, _ in tally]), counts, axis=0)
    ballot, indicator = np.nonzero(marks)
    return Answers(
        Ratings(
            target=target[ballot],
            rater=ballot,
            indicator=indicator,
            values=marks[ballot, indicator].astype(float),
            n_targets=len(row),
            n_raters=len(marks),
            n_indicators=marks.shape[1],
        ),
        [],
        np.bincount(target, minlength=len(row)),
    )


def lots(rules: RuleBookContent, numbers: Iterable[int]) -> Floats:
    """A drawing of lots that anyone can repeat: places by SHA-256 over the rule book's fingerprint and the number."""
    drawn = [hashlib.sha256(f"{rules.sha256}:{number}".encode()).hexdigest() for number in numbers]
    return np.argsort(np.argsort(drawn)).astype(float)


def standings(
    rules: RuleBookContent,
    inputs: dict[str, Any],
    answers: dict[str, Answers],
    fits: dict[str, Fit],
    plain: dict[str, Fit],
    trimmed: dict[str, Fit],
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Every secretary's measures and place, the best first, those who cannot be listed last; and the cut line."""
    numbers = [number for number, _ in inputs["secretaries"]]
    subdistricts = sorted({code for _, code in inputs["secretaries"]})
    thin = {source.key: answers[source.key].per_target < source.minimum_answers for source in rules.sources}
    eligible = np.ones(len(numbers), dtype=bool)
    if rules.scoring.below_minimum == "not_listed":
        eligible = ~np.any(list(thin.values()), axis=0)
    weights: dict[str, float] = {source.key: source.weight for source in rules.sources}
    scores = composite.combine(fits, weights, scale=rules.scoring.scale)
    list_rules = rules.best_secretaries
    lot = lots(rules, numbers)
    ranked = ranking.rank(
        scores,
        k=list_rules.places,
        rng=np.random.default_rng(rules.scoring.seed),
        draws=rules.scoring.draws,
        groups=np.array([subdistricts.index(code) for _, code in inputs["secretaries"]]),
        minimum_per_group=list_rules.subdistrict_quota.minimum,
        maximum_per_group=list_rules.subdistrict_quota.maximum or None,
        eligible=eligible,
        tie_break=np.column_stack(
            [
                lot if tie == "lot" else -np.round(fits[tie].measures, list_rules.decimals)
                for tie in list_rules.ties
            ]
        ),
        decimals=list_rules.decimals,
    )
    plain_rank = ranks_by(composite.combine(plain, weights, scale=rules.scoring.scale).scores, eligible, lot)
    trimmed_rank = ranks_by(
        composite.combine(trimmed, weights, scale=rules.scoring.scale).scores, eligible, lot
    )
    order = [*ranked.order.tolist(), *np.flatnonzero(~eligible).tolist()]
    entries = [
        {
            "number": numbers[index],
            "subdistrict": inputs["secretaries"][index][1],
            "measures": {
                key: {
                    "answers": int(answers[key].per_target[index]),
                    "value": rounded(fits[key].measures[index]),
                    "standard_error": rounded(fits[key].standard_errors[index]),
                    "mean": rounded(plain[key].measures[index]),
                    "trimmed_mean": rounded(trimmed[key].measures[index]),
                }
                for key in fits
            },
            "composite": rounded(scores.scores[index]),
            "standard_error": rounded(scores.standard_errors[index]),
            "rank": int(ranked.rank[index]) or None,
            "rank_low": int(ranked.rank_low[index]) or None,
            "rank_high": int(ranked.rank_high[index]) or None,
            "chance": rounded(ranked.probability[index]),
            "selected": bool(ranked.selected[index]),
            "eligible": bool(eligible[index]),
            "thin_sources": [key for key, few in thin.items() if few[index]],
            "mean_rank": plain_rank[index],
            "trimmed_mean_rank": trimmed_rank[index],
        }
        for index in order
    ]
    cut = {"score": rounded(ranked.cut_score), "places": ranked.k, "silent_sources": sorted(scores.silent)}
    return entries, cut


def ranks_by(scores: Floats, eligible: np.ndarray, lot: Floats) -> list[int | None]:
    """Plain places by ``scores`` among those who can be listed; one without a score comes last."""
    known = np.where(np.isfinite(scores), np.round(scores, PLACES), -np.inf)
    order = [index for index in np.lexsort((lot, -known)).tolist() if eligible[index]]
    place = {index: position for position, index in enumerate(order, start=1)}
    return [place.get(index) for index in range(len(scores))]


def source_summary(answers: Answers, fit: Fit) -> dict[str, Any]:
    """What a source gave in total and how well it tells the secretaries apart."""
    return {
        "answers": int(answers.per_target.sum()),
        "raters": answers.ratings.n_raters,
        "ratings": len(answers.ratings),
        "groups": len(agreement.connectedness(answers.ratings)) if answers.raters else None,
        "mean": rounded(fit.mean),
        "variances": {name: rounded(value) for name, value in fit.variances.items()},
        "reliability": rounded(agreement.reliability(fit)),
        "log_likelihood": rounded(fit.log_likelihood),
        "method": fit.record.method,
        "iterations": fit.record.iterations,
        "stopped": fit.record.stopped,
        "remarks": list(fit.record.remarks),
    }


def severities(answers: Answers, fit: Fit) -> list[dict[str, Any]]:
    """How harsh each rater is; higher is harsher."""
    ratings = np.bincount(answers.ratings.rater, minlength=len(answers.raters))
    return [
        {
            "rater": rater,
            "ratings": int(ratings[index]),
            "severity": rounded(fit.severities[index]),
            "standard_error": rounded(fit.severity_standard_errors[index]),
        }
        for index, rater in enumerate(answers.raters)
    ]


def project_standings(
    rules: RuleBookContent, inputs: dict[str, Any], row: dict[int, int]
) -> list[dict[str, Any]]:
    """The first things, the most popular first.

    Online, every neighbourhood has one voice whatever its size: a project's figure is the sum over neighbourhoods of
    the share of their ballots that picked it; a neighbourhood with fewer ballots than the public source's minimum
    weighs less in proportion. Offline is the assessors' marks, measured as everything else. Both are standardised.
    """
    numbers = sorted(inputs["projects"])
    if not numbers:
        return []
    picks: Counter[int] = Counter()
    cast: Counter[int] = Counter()
    for home, _, count in inputs["picks"]:
        cast[home] += count
    public = next((source for source in rules.sources if source.key == "public"), None)
    full_voice = max(public.minimum_answers if public else 1, 1)
    online = dict.fromkeys(numbers, 0.0)
    for home, picked, count in inputs["picks"]:
        for number in picked:
            picks[number] += count
            online[number] += count / max(cast[home], full_voice)
    offline = offline_measures(rules, inputs["project_marks"], row)
    weight = rules.popular_projects.online_weight
    online_z = standardised(np.array([online[number] for number in numbers]))
    offline_z = standardised(np.array([offline.get(number, np.nan) for number in numbers]))
    scores = np.round(weight * online_z + (1 - weight) * offline_z, PLACES)
    order = np.lexsort((lots(rules, numbers), -np.round(online_z, PLACES), -scores)).tolist()
    return [
        {
            "number": numbers[index],
            "picks": picks[numbers[index]],
            "online": rounded(online[numbers[index]]),
            "offline": rounded(offline.get(numbers[index], np.nan)),
            "score": rounded(scores[index]),
            "rank": rank,
        }
        for rank, index in enumerate(order, start=1)
    ]


def offline_measures(
    rules: RuleBookContent, marks: list[tuple[int, str, str]], row: dict[int, int]
) -> dict[int, float]:
    """The assessors' measure of each project that has a mark, by number."""
    if not marks:
        return {}
    answers = sheets_as_ratings(marks, row)
    fit = METHODS[rules.scoring.method](answers.ratings)
    return {number: fit.measures[index] for number, index in row.items() if answers.per_target[index]}


def standardised(values: Floats) -> Floats:
    """Distances from the mean in standard deviations; 0 where there is no value, or nothing to tell apart."""
    known = values[np.isfinite(values)]
    spread = known.std() if len(known) else 0.0
    if spread == 0:
        return np.zeros(len(values))
    return np.nan_to_num((values - known.mean()) / spread)


def surest_things(
    rules: RuleBookContent, inputs: dict[str, Any], projects: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each subdistrict's projects for the stage: the nominated one first, else by score if the rules say so."""
    home = dict(inputs["secretaries"])
    nominated = dict(inputs["nominations"])
    chosen = []
    for code in sorted(set(home.values())):
        named = [nominated[code]] if code in nominated else []
        by_score = [entry["number"] for entry in projects if home[entry["number"]] == code]
        if rules.surest_things.without_nomination == "none":
            by_score = []
        places = [*named, *(number for number in by_score if number not in named)]
        chosen += [
            {"subdistrict": code, "number": number, "by": "nomination" if number in named else "score"}
            for number in places[: rules.surest_things.each_subdistrict]
        ]
    return chosen
