"""The report of ``score`` as one page: no script, nothing from elsewhere, to be read on a phone and printed on A4."""

import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from dongliang import __version__
from dongliang.cli import words
from dongliang.cli.drawings import MapColumn, Scale, Spot, axis_row, bar, interval_row, wright_map
from dongliang.cli.models import Facet
from dongliang.cli.results import Result, interval
from dongliang.cli.words import LANGUAGES as LANGUAGES
from dongliang.cli.words import PACKAGE, Words

# So many rows of a long list are shown; the tables have the rest.
MOST_LISTED = 200
NEAR_CUT = 12
ENDS = 20
# Mean squares that Linacre calls productive for measurement.
FITTING = (0.5, 1.5)


def page(result: Result, language: str) -> str:
    say = Words(language)
    _ = say.gettext
    sections = [
        how_it_was_reached(result, say),
        the_map(result, say),
        near_the_cut(result, say),
        the_measures(result, say),
        the_severities(result, say),
        the_indicators(result, say),
        the_variances(result, say),
    ]
    static = PACKAGE / "common" / "static" / "common"
    style = (static / "tokens.css").read_text(encoding="utf-8") + (PACKAGE / "cli" / "report.css").read_text(
        encoding="utf-8"
    )
    lang = {"zh-hans": "zh-Hans", "zh-hant": "zh-Hant"}.get(language, language)
    title = _("Measures and severities")
    return (
        f'<!doctype html>\n<html lang="{lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(result.file.name)} · {escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<header class="beam"><div class="in">{(static / "mark.svg").read_text(encoding="utf-8")}'
        '<span class="brand" lang="zh-Hans">栋梁</span></div></header>\n<main class="in">\n'
        f'<p class="over">{escape(result.file.name)}</p>\n<h1>{escape(title)}</h1>\n{figures(result, say)}\n'
        + "\n".join(filter(None, sections))
        + f'\n</main>\n<footer class="in"><p>{escape(files_beside(say))}</p><p>Dongliang {__version__}</p></footer>\n'
        "</body>\n</html>\n"
    )


def files_beside(say: Words) -> str:
    _ = say.gettext
    return _(
        "All numbers stand in the CSV files beside this page and in scores.xlsx; docs/score.md explains every column."
    )


# Parts of a page


def section(heading: str, *parts: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{''.join(parts)}\n</section>"


def paragraph(text: str, kind: str = "") -> str:
    return f"<p{f' class={kind}' if kind else ''}>{escape(text)}</p>"


def grid(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], label: str) -> str:
    """A table of cells that are HTML already; each heading comes with the class of its column, the row's head being ``who``."""
    head = "".join(f'<th scope="col" class="{kind}">{escape(name)}</th>' for name, kind in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row" class="{kind}">{cell}</th>'
            if kind == "who" and cell
            else f'<td class="{kind}">{cell}</td>'
            for cell, (_name, kind) in zip(row, heads, strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    return (
        f'<div class="region" role="region" tabindex="0" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def decimal(value: float, places: int = 3) -> str:
    # Adding nothing makes of a negative zero a plain one.
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "−") if math.isfinite(value) else "–"


def chance(probability: float) -> str:
    """Draws make nothing certain: never 100 % or 0 %."""
    if probability > 0.995:
        return "&gt;99%"
    if probability < 0.005:
        return "&lt;1%"
    return f"{probability:.0%}"


# Sections


def figures(result: Result, say: Words) -> str:
    _ = say.gettext
    scored, ratings = result.scored, result.rated.ratings
    shown = [
        (_("ratings"), f"{len(ratings):,}"),
        (_("targets"), f"{ratings.n_targets:,}"),
        (_("raters"), f"{ratings.n_raters:,}"),
        *([(_("indicators"), f"{ratings.n_indicators:,}")] if ratings.n_indicators > 1 else []),
        (_("reliability of the measures"), decimal(scored.separations["target"].reliability, 2)),
        *([(_("places"), f"{result.ranking.k:,}")] if result.ranking else []),
    ]
    return (
        '<dl class="figures">'
        + "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in shown)
        + "</dl>"
    )


def how_it_was_reached(result: Result, say: Words) -> str:
    _ = say.gettext
    scored, rated, record = result.scored, result.rated, result.scored.record
    lines = [_(words.MODELS[scored.model])]
    if scored.effects and scored.effects != ("target", "rater"):
        lines.append(
            _("What differs by chance: %(effects)s.")
            % {"effects": listed(map(say.effect, scored.effects), say)}
        )
    stopped = say.sentence(record.stopped, rated.indicators)
    if record.iterations:
        lines.append(
            _("The fit converged after %(iterations)s steps. %(stopped)s")
            % {"iterations": record.iterations, "stopped": stopped}
        )
    else:
        lines.append(stopped)
    separations = scored.separations["target"]
    if math.isfinite(separations.separation):
        lines.append(
            _(
                "%(share)s of the differences between measures are not error; about %(strata)s groups of targets can be told apart clearly."
            )
            % {
                "share": f"{separations.reliability:.0%}",
                "strata": decimal(separations.strata, 1),
            }
        )
    remarks = [
        say.sentence(remark, rated.indicators)
        for remark in dict.fromkeys(record.remarks)
        if remark != record.stopped
    ]
    if rated.unmarked:
        remarks.append(
            _("Without a mark, and so not measured: %(names)s.") % {"names": listed(rated.unmarked[:20], say)}
        )
    if rated.repeated:
        remarks.append(
            _("%(count)s ratings repeat a target, rater and indicator; each was taken as one more rating.")
            % {"count": f"{rated.repeated:,}"}
        )
    if rated.blank:
        remarks.append(
            _("%(count)s marks were not given; they count neither for nor against.")
            % {"count": f"{rated.blank:,}"}
        )
    list_of_remarks = (
        f"<ul class=remarks>{''.join(f'<li>{escape(remark)}</li>' for remark in remarks)}</ul>"
        if remarks
        else ""
    )
    return section(_("How it was computed"), *(paragraph(line) for line in lines), list_of_remarks)


def listed(names: Iterable[str], say: Words) -> str:
    return ("、" if say.language.startswith("zh") else ", ").join(names)


def the_map(result: Result, say: Words) -> str:
    _ = say.gettext
    scored, rated = result.scored, result.rated
    ranks = result.ranks
    targets = [
        Spot(scored.targets.values[code], str(ranks[code]), rated.targets[code]) for code in result.best_first
    ]
    columns = [MapColumn(_("targets"), 11, 40, targets, named=30)]
    if scored.raters:
        raters = [
            Spot(scored.zero + scored.raters.values[code], str(number), rated.raters[code])
            for number, code in enumerate(result.harshest_first, start=1)
        ]
        columns.append(MapColumn(_("raters"), 53, 24, raters, named=16))
    marks = steps_and_indicators(result, say)
    if marks:
        columns.append(MapColumn(_("steps") if scored.steps else _("indicators"), 79, 21, marks, 12, "step"))
    cut = None
    if result.ranking:
        cut = (result.ranking.cut_score, _("place %(place)s") % {"place": result.ranking.k})
    lead = _(
        "Everybody on one scale, in %(unit)s. Targets: higher is better. Raters: higher is harsher; a target level with a rater gets the middle from that rater. Indicators: higher is harder."
    ) % {"unit": unit(result, say)}
    note = ""
    if any(len(column.spots) > 1 for column in columns):
        note = paragraph(
            _("The numbers are those of the lists below; where there are many, bars count them."), "note"
        )
    return section(
        _("Map of the scale"), paragraph(lead), wright_map(_("Map of the scale"), columns, cut), note
    )


def steps_and_indicators(result: Result, say: Words) -> list[Spot]:
    scored, names = result.scored, result.rated.indicators
    own = any(step.indicator >= 0 for step in scored.steps)
    spots = [
        Spot(
            step.location,
            f"{letter(step.indicator)} {step.low:g}→{step.high:g}" if own else f"{step.low:g}→{step.high:g}",
            "",
        )
        for step in scored.steps
        if math.isfinite(step.location)
    ]
    if len(names) > 1 and not own:
        spots += [
            Spot(scored.zero - scored.indicators.values[code], letter(code), name)
            for code, name in enumerate(names)
            if math.isfinite(scored.indicators.values[code])
        ]
    return spots


def letter(code: int) -> str:
    return chr(65 + code) if code < 26 else str(code + 1)


def unit(result: Result, say: Words) -> str:
    _ = say.gettext
    return _("points of the marks") if result.scored.unit == "mark" else _("logits")


def near_the_cut(result: Result, say: Words) -> str:
    _ = say.gettext
    ranking = result.ranking
    if not ranking:
        return ""
    order = result.best_first
    near = order[max(0, ranking.k - NEAR_CUT) : ranking.k + NEAR_CUT]
    doubtful = int(((ranking.probability > 0.05) & (ranking.probability < 0.95)).sum())
    lead = _(
        "Of %(targets)s targets, %(doubtful)s are neither surely within nor surely beyond the first %(places)s: their chance lies between 5 %% and 95 %%."
    ) % {"targets": f"{len(order):,}", "doubtful": f"{doubtful:,}", "places": ranking.k}
    low, high = interval(result.scored.targets)
    scale = Scale.around([*low[near], *high[near], ranking.cut_score])
    values = result.scored.targets.values
    within = set(order[: ranking.k])
    heads = [
        (_("rank"), "number"),
        (_("target"), "who"),
        (_("90 % interval"), "plot"),
        (_("measure"), "number"),
        (_("plausible ranks"), "number more"),
        (_("chance"), "number"),
    ]
    rows = [["", "", axis_row(scale), "", "", ""]]
    rows += [
        [
            str(result.ranks[code]),
            escape(result.rated.targets[code]),
            interval_row(
                scale, values[code], low[code], high[code], hollow=code not in within, line=ranking.cut_score
            ),
            decimal(values[code]),
            f"{ranking.rank_low[code]}–{ranking.rank_high[code]}",
            chance(ranking.probability[code]),
        ]
        for code in near
    ]
    title = _("Near the cut")
    key = _(
        "A filled dot is within the first %(places)s, a hollow one beyond; the line is the last place's measure."
    ) % {"places": ranking.k}
    return section(title, paragraph(lead), grid(heads, rows, title), paragraph(key, "note"))


def the_measures(result: Result, say: Words) -> str:
    _ = say.gettext
    scored, rated, ranking = result.scored, result.rated, result.ranking
    order = result.best_first
    shown = order[: max(MOST_LISTED, ranking.k + NEAR_CUT if ranking else 0)]
    heads = [
        (_("rank"), "number"),
        (_("target"), "who"),
        (_("measure"), "number"),
        (_("standard error"), "number"),
        *([(_("fair mark"), "number")] if scored.fair_marks is not None else []),
        (_("ratings"), "number more"),
        *([(_("infit"), "number more"), (_("outfit"), "number more")] if scored.targets.fit else []),
    ]

    def row(code: int) -> list[str]:
        fit = scored.targets.fit
        return [
            str(result.ranks[code]),
            escape(rated.targets[code]),
            decimal(scored.targets.values[code]),
            decimal(scored.targets.standard_errors[code]),
            *([decimal(scored.fair_marks[code], 2)] if scored.fair_marks is not None else []),
            f"{scored.targets.n[code]:,}",
            *([decimal(fit.infit[code], 2), decimal(fit.outfit[code], 2)] if fit else []),
        ]

    lead = (
        _(
            "A measure is the mark that a rater of average severity would give, on average over the indicators. Thin data make the standard error larger."
        )
        if scored.unit == "mark"
        else _(
            "A measure says how many logits a target stands above the average one; a fair mark is what an average rater would give it."
        )
    )
    if scored.raters is None and "mean" in scored.model:
        lead = _("A measure is the mean of what the raters gave, severe or lenient as they were.")
    title = _("Measures of the targets")
    rest = (
        paragraph(
            _("The first %(shown)s of %(all)s; the others stand in measures.csv.")
            % {"shown": f"{len(shown):,}", "all": f"{len(order):,}"},
            "note",
        )
        if len(shown) < len(order)
        else ""
    )
    return section(title, paragraph(lead), grid(heads, map(row, shown), title), rest)


def the_severities(result: Result, say: Words) -> str:
    _ = say.gettext
    raters, names = result.scored.raters, result.rated.raters
    if not raters:
        return ""
    order = result.harshest_first
    numbers = {code: number for number, code in enumerate(order, start=1)}
    shown = order if len(order) <= 2 * ENDS else [*order[:ENDS], *order[-ENDS:]]
    low, high = interval(raters)
    scale = Scale.around([*low[shown], *high[shown], 0.0])
    fit = raters.fit
    heads = [
        (_("no."), "number"),
        (_("rater"), "who"),
        (_("90 % interval"), "plot"),
        (_("severity"), "number"),
        (_("ratings"), "number more"),
        *([(_("infit"), "number"), (_("outfit"), "number more")] if fit else []),
    ]
    blank = [""] * (len(heads) - 3)
    rows = [["", "", axis_row(scale), *blank]]
    for at, code in enumerate(shown):
        if at == ENDS and len(shown) < len(order):
            rows.append(["", "…", "", *blank])
        rows.append(
            [
                str(numbers[code]),
                escape(names[code]),
                interval_row(scale, raters.values[code], low[code], high[code], line=0.0),
                decimal(raters.values[code]),
                f"{raters.n[code]:,}",
                *([flagged(fit.infit[code]), flagged(fit.outfit[code])] if fit else []),
            ]
        )
    title = _("Severity of the raters")
    notes = [
        _("Right of the line is harsher than average, left is more lenient; in %(unit)s.")
        % {"unit": unit(result, say)}
    ]
    if len(shown) < len(order):
        notes.append(
            _(
                "The %(ends)s harshest and the %(ends)s most lenient of %(all)s; the others stand in severities.csv."
            )
            % {"ends": ENDS, "all": f"{len(order):,}"}
        )
    return section(
        title, *(paragraph(note) for note in notes), grid(heads, rows, title), misfits(raters, names, say)
    )


def flagged(value: float) -> str:
    text = decimal(value, 2)
    return (
        f"<strong>{text}</strong>" if math.isfinite(value) and not FITTING[0] <= value <= FITTING[1] else text
    )


def misfits(raters: Facet, names: list[str], say: Words) -> str:
    _ = say.gettext
    if not raters.fit:
        return ""
    erratic = [names[code] for code in np.flatnonzero(raters.fit.infit > FITTING[1])]
    alike = [names[code] for code in np.flatnonzero(raters.fit.infit < FITTING[0])]
    lines = []
    if erratic:
        lines.append(
            _("Marks more erratic than severity and chance explain (infit above 1.5): %(names)s.")
            % {"names": listed(erratic[:20], say)}
        )
    if alike:
        lines.append(
            _("Marks more alike than chance allows (infit below 0.5): %(names)s.")
            % {"names": listed(alike[:20], say)}
        )
    if not lines:
        lines.append(_("The infit of every rater lies between 0.5 and 1.5: all follow the model."))
    return "".join(paragraph(line) for line in lines)


def the_indicators(result: Result, say: Words) -> str:
    _ = say.gettext
    scored, names = result.scored, result.rated.indicators
    parts = []
    title = _("Indicators and steps") if scored.steps else _("Indicators")
    if len(names) > 1 and np.isfinite(scored.indicators.values).any():
        fit = scored.indicators.fit
        heads = [
            (_("no."), "number"),
            (_("indicator"), "who"),
            (_("effect"), "number"),
            (_("standard error"), "number"),
            (_("ratings"), "number more"),
            *([(_("infit"), "number"), (_("outfit"), "number more")] if fit else []),
        ]
        rows = [
            [
                letter(code),
                escape(name),
                decimal(scored.indicators.values[code]),
                decimal(scored.indicators.standard_errors[code]),
                f"{scored.indicators.n[code]:,}",
                *([flagged(fit.infit[code]), flagged(fit.outfit[code])] if fit else []),
            ]
            for code, name in enumerate(names)
        ]
        parts += [
            paragraph(_("What an indicator adds to a mark: higher is easier.")),
            grid(heads, rows, title),
        ]
    if scored.steps:
        own = any(step.indicator >= 0 for step in scored.steps)
        heads = [
            *([(_("indicator"), "who")] if own else []),
            (_("between the marks"), "number"),
            (_("threshold"), "number"),
            (_("standard error"), "number"),
        ]
        rows = [
            [
                *([f"{letter(step.indicator)} {escape(names[step.indicator])}"] if own else []),
                f"{step.low:g} → {step.high:g}",
                decimal(step.value),
                decimal(step.standard_error),
            ]
            for step in scored.steps
        ]
        lead = _("Where one mark gives way to the next, in logits.")
        parts += [paragraph(lead), grid(heads, rows, lead)]
    return section(title, *parts) if parts else ""


def the_variances(result: Result, say: Words) -> str:
    _ = say.gettext
    found = result.scored.variances
    total = sum(found.values())
    if not total > 0 or len(found) < 2:
        return ""
    title = _("Where the differences between marks come from")
    heads = [
        (_("source"), "who"),
        ("%", "number"),
        (_("share"), "plot"),
        (_("standard deviation"), "number"),
    ]
    rows = [
        [
            escape(say.effect(name)),
            f"{variance / total:.1%}",
            bar(variance / total),
            decimal(math.sqrt(variance)),
        ]
        for name, variance in found.items()
    ]
    return section(title, grid(heads, rows, title))
