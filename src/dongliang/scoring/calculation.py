"""The scoring run itself: a pure function of a rule book and frozen inputs. No database, no clock, no names.

Inputs and result are plain JSON values, so that anyone can recompute the one from the other. docs/methods/season.md
says in words what happens here.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dongliang import __version__
from dongliang.common.canonical import fingerprint
from dongliang.engine import agreement, classic, composite, crossed, nested, ranking, robustness
from dongliang.engine.data import Choice, Composite, Fit, Floats, Integers, Ranking, Ratings, Tally, Variant
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
# A choice that the robustness sheet tries and no rule book names: the model with raters taken to be equally harsh.
UNADJUSTED = "unadjusted"
# And one that concerns ballots alone: those that the panel excluded, counted after all.
EXCLUDED = "excluded"


@dataclass(frozen=True)
class Answers:
    """What one source answered: the ratings, who gave them, and how many sheets or ballots each secretary has; of ballots
    also the tally, with what each weighs where a neighbourhood has more than the ceiling."""

    ratings: Ratings
    raters: list[str]
    per_target: Integers
    tally: Tally | None = None


def rounded(value: float) -> float | None:
    return None if not np.isfinite(value) else round(float(value), PLACES) + 0.0


def tell_nobody(step: str) -> None:
    """Where nobody waits to see how far it has come."""


def calculate(
    rules: RuleBookContent, inputs: dict[str, Any], *, tell: Callable[[str], None] = tell_nobody
) -> dict[str, Any]:
    """The result of a season.

    Parameters
    ----------
    rules
        The rule book.
    inputs
        ``secretaries``: [number, subdistrict code], in the order of the numbers; ``field`` and ``institutional``:
        [number, rater, marks]; ``project_marks``: [number, rater, mark]; ``ballots``: [number, marks, count];
        ``picks``: [home number, picked numbers, count]; ``projects``: numbers of the secretaries who have one;
        ``nominations``: [subdistrict code, number]. ``excluded_ballots`` and ``excluded_picks``, in the form of ballots
        and picks, are what the panel excluded: they count in nothing but the lists that show what that changed.
        ``unsigned``, codes of institutions, is there where the rule book asks for signatures: whose sheets were left out.
    tell
        Called with the name of each step as it begins: "measures", "places", "robustness".

    Returns
    -------
    dict
        JSON values: ``sources``, ``raters``, ``secretaries``, ``cut``, ``robustness``, ``projects``, ``lists`` and
        ``with_excluded``.

    Raises
    ------
    EngineError
        The ratings cannot be scored; the message says why.
    """
    numbers = [number for number, _ in inputs["secretaries"]]
    row = {number: index for index, number in enumerate(numbers)}
    tell("measures")
    answers = collected(rules, inputs, row)
    fits = {key: measured(source, rules.scoring.method) for key, source in answers.items()}
    plain = {key: measured(source, "mean") for key, source in answers.items()}
    trimmed = {key: measured(source, "trimmed_mean") for key, source in answers.items()}

    tell("places")
    secretaries, cut = standings(rules, inputs, answers, fits, plain, trimmed)
    projects = project_standings(rules, inputs, row)
    tell("robustness")
    robustness = robustness_sheet(rules, inputs, answers, secretaries)
    lists = {
        "best_secretaries": [entry["number"] for entry in secretaries if entry["selected"]],
        **project_lists(rules, inputs, projects),
    }
    return {
        "format": FORMAT,
        "version": __version__,
        "rule_book_sha256": rules.sha256,
        "inputs_sha256": fingerprint(inputs),
        "sources": {key: source_summary(answers[key], fits[key]) for key in answers},
        "raters": {key: severities(answers[key], fits[key]) for key in answers if key != "public"},
        "secretaries": secretaries,
        "cut": cut,
        "robustness": robustness,
        "projects": projects,
        "lists": lists,
        "with_excluded": with_excluded(rules, inputs, row, lists, robustness),
    }


def project_lists(
    rules: RuleBookContent, inputs: dict[str, Any], projects: list[dict[str, Any]]
) -> dict[str, list[Any]]:
    return {
        "popular_projects": [entry["number"] for entry in projects[: rules.popular_projects.places]],
        "surest_things": surest_things(rules, inputs, projects),
    }


def collected(rules: RuleBookContent, inputs: dict[str, Any], row: dict[int, int]) -> dict[str, Answers]:
    """The answers of each source of the rule book, as ratings."""
    found: dict[str, Answers] = {}
    for source in rules.sources:
        if source.key == "public":
            found[source.key] = ballots_as_ratings(inputs["ballots"], row, rules.residents.ceiling)
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


def ballots_as_ratings(
    tally: Iterable[tuple[int, str, int]], row: dict[int, int], ceiling: int = 0
) -> Answers:
    """Every ballot as its own rater; a 0, "I can't say", is no rating.

    Where a neighbourhood has more ballots than the ceiling, all of them weigh less, alike, so that together they weigh as
    much as the ceiling. 0 is no ceiling.
    """
    tally = list(tally)
    counts = np.array([count for _, _, count in tally])
    home = np.array([row[number] for number, _, _ in tally])
    patterns = np.array([[int(mark) for mark in pattern] for _, pattern, _ in tally])
    target, marks = np.repeat(home, counts), np.repeat(patterns, counts, axis=0)
    ballot, indicator = np.nonzero(marks)
    per_target = np.bincount(target, minlength=len(row))
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
        per_target,
        Tally(
            target=home,
            marks=patterns,
            count=counts,
            n_targets=len(row),
            weight=ceiling / np.maximum(per_target, ceiling) if ceiling else None,
        ),
    )


def measured(answers: Answers, method: str) -> Fit:
    """A source by a method of the rule book; the model takes ballots from their tally, to the same numbers.

    The ceiling moves no mean. It makes means less sure: their errors become those of as many ballots as the ceiling.
    """
    if method == "gaussian" and answers.tally is not None:
        return nested.gaussian(answers.tally)
    fit = METHODS[method](answers.ratings)
    if answers.tally is None or answers.tally.weight is None:
        return fit
    return replace(fit, standard_errors=fit.standard_errors / np.sqrt(answers.tally.weight))


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
    thin = {source.key: answers[source.key].per_target < source.minimum_answers for source in rules.sources}
    eligible = np.ones(len(numbers), dtype=bool)
    if rules.scoring.below_minimum == "not_listed":
        eligible = ~np.any(list(thin.values()), axis=0)
    weights: dict[str, float] = {source.key: source.weight for source in rules.sources}
    scores = composite.combine(fits, weights, scale=rules.scoring.scale)
    ranked = ranked_by_rules(rules, inputs, scores, fits, eligible)
    lot = lots(rules, numbers)
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
            "expected": rounded(scores.expected[index]),
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
    cut = {
        "score": rounded(ranked.cut_score),
        "places": ranked.k,
        "silent_sources": sorted(scores.silent),
        "correlations": [[*pair, rounded(value)] for pair, value in sorted(scores.correlations.items())],
    }
    return entries, cut


def ranked_by_rules(
    rules: RuleBookContent,
    inputs: dict[str, Any],
    scores: Composite,
    fits: dict[str, Fit],
    eligible: np.ndarray,
    *,
    draws: int | None = None,
) -> Ranking:
    """Places by the rule book's quotas, ties and lots."""
    list_rules = rules.best_secretaries
    subdistricts = sorted({code for _, code in inputs["secretaries"]})
    lot = lots(rules, (number for number, _ in inputs["secretaries"]))
    return ranking.rank(
        scores,
        k=list_rules.places,
        rng=np.random.default_rng(rules.scoring.seed),
        draws=draws or rules.scoring.draws,
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


def ranks_by(scores: Floats, eligible: np.ndarray, lot: Floats) -> list[int | None]:
    """Plain places by ``scores`` among those who can be listed; one without a score comes last."""
    known = np.where(np.isfinite(scores), np.round(scores, PLACES), -np.inf)
    order = [index for index in np.lexsort((lot, -known)).tolist() if eligible[index]]
    place = {index: position for position, index in enumerate(order, start=1)}
    return [place.get(index) for index in range(len(scores))]


def robustness_sheet(
    rules: RuleBookContent,
    inputs: dict[str, Any],
    answers: dict[str, Answers],
    secretaries: list[dict[str, Any]],
) -> dict[str, Any]:
    """The list of secretaries under other defensible choices: who would enter, who would leave.

    Who can be listed at all stays as it is. Equal scores are told apart as in the base list. A person whom a plain mean
    cannot measure is not on its list.
    """
    numbers = [number for number, _ in inputs["secretaries"]]
    can_be_listed = {entry["number"]: entry["eligible"] for entry in secretaries}
    eligible = np.array([can_be_listed[number] for number in numbers])
    base = Choice(
        method=rules.scoring.method,
        scale=rules.scoring.scale,
        weights={source.key: source.weight for source in rules.sources},
    )
    fitted: dict[tuple[str, str, int | None], Fit] = {}
    others: list[Choice] = []
    counted_in = None
    if "public" in answers and inputs.get("excluded_ballots"):
        counted_in = measured(public_with_excluded(rules, inputs, numbers), base.method)
        others = [replace(base, kind=EXCLUDED, source="public")]

    def fit(choice: Choice, source: str) -> Fit:
        if choice.kind == EXCLUDED and source == "public" and counted_in:
            return counted_in
        left_out = (
            choice.without_rater[1] if choice.without_rater and choice.without_rater[0] == source else None
        )
        key = (choice.method, source, left_out)
        if key not in fitted:
            fitted[key] = refitted(answers[source], choice.method, left_out)
        return fitted[key]

    def combine(choice: Choice) -> Composite:
        fits = {source: fit(choice, source) for source in choice.weights}
        # A list needs the scores alone.
        scores = composite.combine(
            fits, choice.weights, scale="marks" if choice.scale == "marks" else "standardised", joint=False
        )
        return replace(scores, scores=np.where(eligible, scores.scores, np.nan))

    tie_fits = {source: fit(base, source) for source in base.weights}

    def select(scores: Composite) -> np.ndarray:
        listable = eligible & np.isfinite(scores.scores) & np.isfinite(scores.standard_errors)
        return ranked_by_rules(rules, inputs, scores, tie_fits, listable, draws=1).selected

    others += robustness.other_choices(
        base,
        methods=[*METHODS, UNADJUSTED],
        scales=["standardised", "marks"],
        raters={key: len(source.raters) for key, source in answers.items() if key != "public"},
    )
    found = robustness.compare(base, others, combine=combine, select=select)

    def named(codes: Integers) -> list[int]:
        return [numbers[code] for code in codes.tolist()]

    return {
        "variants": [described(variant, answers, named) for variant in found.variants],
        "lists": found.lists,
        "times": [
            [number, times] for number, times in zip(numbers, found.times.tolist(), strict=True) if times
        ],
        "smallest_weight_change": found.smallest
        and {
            "moved": rounded(found.smallest.moved),
            "weights": {source: rounded(weight) for source, weight in found.smallest.weights.items()},
            "entering": named(found.smallest.entering),
            "leaving": named(found.smallest.leaving),
        },
    }


def public_with_excluded(rules: RuleBookContent, inputs: dict[str, Any], numbers: list[int]) -> Answers:
    row = {number: index for index, number in enumerate(numbers)}
    return ballots_as_ratings([*inputs["ballots"], *inputs["excluded_ballots"]], row, rules.residents.ceiling)


def with_excluded(
    rules: RuleBookContent,
    inputs: dict[str, Any],
    row: dict[int, int],
    lists: dict[str, list[Any]],
    robustness: dict[str, Any],
) -> dict[str, Any] | None:
    """Who would enter and who would leave each list if the ballots counted that the panel excluded; None without any."""
    ballots, picks = inputs.get("excluded_ballots", []), inputs.get("excluded_picks", [])
    if not ballots and not picks:
        return None
    projects = project_standings(rules, inputs | {"picks": [*inputs["picks"], *picks]}, row)
    others = project_lists(rules, inputs, projects)
    best = [variant for variant in robustness["variants"] if variant["kind"] == EXCLUDED]
    found = {
        "best_secretaries": {
            name: [number for variant in best for number in variant[name]] for name in ("entering", "leaving")
        }
    }
    for kind, other in others.items():
        now, then = set(on_list(lists[kind])), set(on_list(other))
        found[kind] = {"entering": sorted(then - now), "leaving": sorted(now - then)}
    return {
        "ballots": sum(count for *_, count in ballots),
        "picks": sum(count for *_, count in picks),
        "refusal": "".join(variant["refusal"] for variant in best),
        **found,
    }


def on_list(entries: list[Any]) -> list[int]:
    return [entry["number"] if isinstance(entry, dict) else entry for entry in entries]


def refitted(answers: Answers, method: str, left_out: int | None) -> Fit:
    """A source measured by another method, or without one of its raters."""
    if left_out is not None:
        kept = answers.ratings.rater != left_out
        columns = ("target", "rater", "indicator", "values")
        ratings = replace(answers.ratings, **{name: getattr(answers.ratings, name)[kept] for name in columns})
        answers = replace(answers, ratings=ratings)
    # A resident rates once, so that there is no severity to tell from what they think of the one person.
    if method == UNADJUSTED and answers.raters:
        alone = np.arange(len(answers.ratings))
        return crossed.gaussian(replace(answers.ratings, rater=alone, n_raters=len(alone)))
    return measured(answers, "gaussian" if method == UNADJUSTED else method)


def described(
    variant: Variant, answers: dict[str, Answers], named: Callable[[Integers], list[int]]
) -> dict[str, Any]:
    """A variant as JSON: what was chosen otherwise, and who then enters and leaves, by number."""
    choice = variant.choice
    rater = choice.without_rater and answers[choice.source].raters[choice.without_rater[1]]
    return {
        "kind": choice.kind,
        "source": choice.source,
        "change": choice.change,
        "method": choice.method,
        "scale": choice.scale,
        "weights": {source: rounded(weight) for source, weight in choice.weights.items()},
        "rater": rater or "",
        "entering": named(variant.entering),
        "leaving": named(variant.leaving),
        "refusal": variant.refusal,
    }


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
        "over_ceiling": over_ceiling(answers),
        "log_likelihood": rounded(fit.log_likelihood),
        "method": fit.record.method,
        "iterations": fit.record.iterations,
        "stopped": fit.record.stopped,
        "remarks": list(fit.record.remarks),
    }


def over_ceiling(answers: Answers) -> int:
    """How many neighbourhoods have more ballots than the ceiling."""
    tally = answers.tally
    return 0 if tally is None or tally.weight is None else int((tally.weight < 1).sum())


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
