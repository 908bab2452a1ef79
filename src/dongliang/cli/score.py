"""``dongliang score``: measures and severities out of any table of ratings. Needs neither Django nor a database."""

import math
from collections.abc import Mapping
from pathlib import Path

import click

from dongliang.cli.models import EFFECTS, MODELS, fit_model, needs_subdistricts, rank_targets
from dongliang.cli.outputs import interruptible, write_csv, write_xlsx, written_whole
from dongliang.cli.page import LANGUAGES, page
from dongliang.cli.progress import doing
from dongliang.cli.ratings import Columns, Rated, read_ratings
from dongliang.cli.results import Result, tables


def listed_effects(_context: click.Context, _parameter: click.Parameter, given: str) -> tuple[str, ...]:
    effects = tuple(dict.fromkeys(part.strip() for part in given.split(",") if part.strip()))
    for effect in effects:
        if effect not in EFFECTS:
            raise click.BadParameter(f"{effect!r} is no effect. Choose from {', '.join(EFFECTS)}.")
    if "target" not in effects:
        raise click.BadParameter("'target' is missing, so that there would be nothing to measure. Add it.")
    # In one order, so that asking for the same gives the same.
    return tuple(effect for effect in EFFECTS if effect in effects)


@click.command(epilog="Every column that is written is explained in docs/score.md.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--target", required=True, metavar="COLUMN", help="Who or what was rated.")
@click.option(
    "--rater", metavar="COLUMN", help="Who rated; without it every row is a rater of its own, as ballots are."
)
@click.option(
    "--value",
    "values",
    required=True,
    multiple=True,
    metavar="COLUMN",
    help="The mark, a number; higher is better. Once for each indicator where they stand side by side.",
)
@click.option("--indicator", metavar="COLUMN", help="What was asked, where several things were, one a row.")
@click.option("--subdistrict", metavar="COLUMN", help="Which group the target belongs to, for that effect.")
@click.option("--sheet", metavar="NAME", help="The sheet of a workbook; the first one when left out.")
@click.option(
    "--model",
    type=click.Choice(list(MODELS)),
    default="gaussian",
    show_default=True,
    metavar="MODEL",
    help="\b\n" + "\n".join(f"{name}: {what};" for name, what in MODELS.items()).rstrip(";") + ".",
)
@click.option(
    "--effects",
    default="target,rater",
    show_default=True,
    metavar="LIST",
    callback=listed_effects,
    help=f"What differs by chance, between commas: {', '.join(EFFECTS)}.",
)
@click.option(
    "--steps",
    type=click.Choice(["common", "own"]),
    default="common",
    show_default=True,
    help="Whether the indicators share the distances between marks, or each has its own (ordinal, facets).",
)
@click.option(
    "--minimum-raters",
    type=click.IntRange(min=3),
    default=5,
    show_default=True,
    help="From so many raters on, trimmed-mean leaves out the highest and the lowest.",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    metavar="PLACES",
    help="Tell everyone's chance of being among the first so many, and plausible ranks.",
)
@click.option(
    "--draws", type=click.IntRange(100, 1_000_000), default=10_000, show_default=True, help="For --top."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws for --top.")
@click.option(
    "--language",
    type=click.Choice(list(LANGUAGES)),
    default="zh-hans",
    show_default=True,
    help="Of the page report.html.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where to write; here when left out.",
)
def score(
    file: Path,
    target: str,
    rater: str | None,
    values: tuple[str, ...],
    indicator: str | None,
    subdistrict: str | None,
    sheet: str | None,
    model: str,
    effects: tuple[str, ...],
    steps: str,
    minimum_raters: int,
    top: int | None,
    draws: int,
    seed: int,
    language: str,
    output: Path,
) -> None:
    """Measure targets fairly from FILE, a table of ratings: .csv (also .csv.gz), .xlsx or .parquet.

    One rating a row (--value once, and --indicator where several things were asked), or the marks on several indicators
    side by side (--value once for each). An empty cell is a mark not given.

    Writes measures.csv, severities.csv, indicators.csv, thresholds.csv, variances.csv and fit.csv, all of them as sheets
    of scores.xlsx, and report.html, a page to read and print. Nothing is written where anything is wrong.

    \b
    Examples:
      dongliang score ratings.csv --target lecturer --rater student --value mark
      dongliang score 评分.xlsx --target 书记 --rater 大梁 --value 管得住 --value 愿跟随 \\
          --model facets --top 53 --output 结果
      dongliang score field.parquet --target secretary --rater mentor --indicator question \\
          --value mark --effects target,rater,target:rater
      dongliang score ballots.csv --target estate --value q1 --value q2 --model ballots-ordinal
    """
    columns = Columns(target, values, rater, indicator, subdistrict)
    check_options(columns, effects)
    with interruptible():
        with doing(f"Reading {file.name}"):
            rated = read_ratings(file, columns, sheet)
        if top is not None and top >= len(rated.targets):
            raise click.ClickException(
                f"--top is {top}, and {len(rated.targets)} targets have marks. Give fewer places than targets."
            )
        with doing(f"Fitting {model} to {len(rated.ratings):,} ratings"):
            scored = fit_model(rated, model, effects, steps=steps, minimum_raters=minimum_raters)
        with doing("Drawing ranks"):
            ranking = rank_targets(scored, top, draws=draws, seed=seed) if top else None
        result = Result(file, rated, scored, ranking, seed)
        with doing("Writing"):
            names = write(output, result, language)
    click.echo(summary(result))
    click.echo(f"Written to {output}: {', '.join(names)}")


def check_options(columns: Columns, effects: tuple[str, ...]) -> None:
    named = (*columns.labels, *columns.values)
    for name in named:
        if named.count(name) > 1:
            raise click.UsageError(f"The column {name} is named for two things. Name another one.")
    if len(columns.values) > 1 and columns.indicator:
        raise click.UsageError(
            "Several --value columns are the indicators already. Leave --indicator out, or give one --value."
        )
    if needs_subdistricts(effects) and not columns.subdistrict:
        raise click.UsageError("The effect subdistrict needs --subdistrict, the column that names it.")


def write(output: Path, result: Result, language: str) -> list[str]:
    with written_whole(output) as folder:
        found = tables(result)
        for table in found:
            write_csv(folder / f"{table.name}.csv", table)
        write_xlsx(folder / "scores.xlsx", found)
        (folder / "report.html").write_text(page(result, language), encoding="utf-8")
        return [*(f"{table.name}.csv" for table in found), "scores.xlsx", "report.html"]


def summary(result: Result) -> str:
    scored, rated = result.scored, result.rated
    record, ratings = scored.record, rated.ratings
    mean = f"mean            {scored.zero:12.6f}  (standard error {scored.mean_standard_error:.6f})"
    likelihood = (
        f"log-likelihood  {scored.log_likelihood:12.4f}  ({record.method} criterion {record.objective:.6f})"
    )
    return "\n".join(
        [
            f"{len(ratings):,} ratings of {ratings.n_targets:,} targets by {ratings.n_raters:,} raters"
            + (f" on {len(rated.indicators)} indicators" if len(rated.indicators) > 1 else "")
            + (f"; {left_out(rated)}" if rated.blank else ""),
            "",
            *variance_lines(scored.variances),
            "",
            *([mean] if scored.unit == "mark" else ["All measures are in logits."]),
            *(
                f"{'reliability' if name == 'target' else f'of {name}s':14}  {found.reliability:12.4f}"
                for name, found in scored.separations.items()
            ),
            *([likelihood] if math.isfinite(scored.log_likelihood) else []),
            f"{record.iterations} iterations, {record.evaluations} evaluations. {record.stopped}",
            *record.remarks,
            *notes(rated),
        ]
    )


def left_out(rated: Rated) -> str:
    if rated.is_wide:
        return f"{rated.blank:,} marks were not given"
    return f"{rated.blank:,} rows without a mark were left out"


def notes(rated: Rated) -> list[str]:
    found = list(rated.notes)
    if rated.unmarked:
        more = f" and {len(rated.unmarked) - 20} more" if len(rated.unmarked) > 20 else ""
        found.append(f"Without a mark, and so not measured: {', '.join(rated.unmarked[:20])}{more}.")
    if rated.repeated:
        found.append(
            f"{rated.repeated:,} ratings repeat a target, rater and indicator; each was taken as one more rating."
        )
    return found


def variance_lines(variances: Mapping[str, float]) -> list[str]:
    total = sum(variances.values()) or 1.0
    wide = max(14, *map(len, variances))
    return [f"{'':{wide}}      variance   std. dev.   share"] + [
        f"{name:{wide}}  {variance:12.7f}  {math.sqrt(variance):10.7f}  {variance / total:6.1%}"
        for name, variance in variances.items()
    ]
