"""``dongliang score``: measures and severities out of any table of ratings. Needs neither Django nor a database."""

import csv
import gzip
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click
import numpy as np

from dongliang.engine.agreement import reliability
from dongliang.engine.crossed import gaussian
from dongliang.engine.data import Fit, Ratings
from dongliang.engine.errors import EngineError, Unconnected

Labels = list[str]


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--target", required=True, metavar="COLUMN", help="Who or what was rated.")
@click.option("--rater", required=True, metavar="COLUMN", help="Who rated.")
@click.option("--value", required=True, metavar="COLUMN", help="The mark, a number; higher is better.")
@click.option("--indicator", metavar="COLUMN", help="What was asked, where several things were.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Where to write measures.csv and severities.csv; here when left out.",
)
def score(file: Path, target: str, rater: str, value: str, indicator: str | None, output: Path) -> None:
    """Measure targets fairly from FILE, a table of ratings (.csv or .csv.gz, UTF-8, one rating a row).

    Fits value = indicator + target - severity + residual with random target and rater effects (REML), and writes
    measures.csv and severities.csv. A row with an empty mark is a mark not given.
    """
    ratings, targets, raters, indicators, blank = read_ratings(file, target, rater, value, indicator)
    try:
        fit = gaussian(ratings)
    except Unconnected as refusal:
        groups = (", ".join(targets[code] for code in group[:5]) for group in refusal.groups[:5])
        raise click.ClickException(f"{refusal} The largest groups begin with: {'; '.join(groups)}.") from None
    except EngineError as refusal:
        raise click.ClickException(str(refusal)) from None
    output.mkdir(parents=True, exist_ok=True)
    write_measures(output / "measures.csv", fit, targets)
    write_severities(output / "severities.csv", fit, ratings, raters)
    click.echo(summary(fit, ratings, indicators, blank))
    click.echo(f"Written: {output / 'measures.csv'}, {output / 'severities.csv'}")


def read_ratings(
    file: Path, target: str, rater: str, value: str, indicator: str | None
) -> tuple[Ratings, Labels, Labels, Labels, int]:
    """The ratings of a file; the labels of targets, raters and indicators; how many rows had no mark."""
    named = [target, rater] + ([indicator] if indicator else [])
    codes: list[dict[str, int]] = [{} for _ in named]
    columns: list[list[int]] = [[] for _ in named]
    values: list[float] = []
    blank = 0
    for row, (*labels, mark) in numbered_rows(file, [*named, value]):
        if not mark:
            blank += 1
            continue
        values.append(number(file, row, value, mark))
        for column, known, given, label in zip(named, codes, columns, labels, strict=True):
            if not label:
                raise click.ClickException(
                    f"{file}, row {row}, column {column}: empty. Say who or what it is."
                )
            given.append(known.setdefault(label, len(known)))
    if not values:
        raise click.ClickException(f"{file} holds no ratings: no row has a mark in column {value}.")
    if not indicator:
        codes.append({"": 0})
        columns.append([0] * len(values))
    ratings = Ratings(
        target=np.array(columns[0]),
        rater=np.array(columns[1]),
        indicator=np.array(columns[2]),
        values=np.array(values),
        n_targets=len(codes[0]),
        n_raters=len(codes[1]),
        n_indicators=len(codes[2]),
    )
    return ratings, list(codes[0]), list(codes[1]), list(codes[2]), blank


def numbered_rows(file: Path, columns: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The wanted columns of every row, with its number as a spreadsheet shows it: the header is row 1."""
    with opened(file) as lines:
        rows = csv.reader(lines)
        header = [name.strip() for name in next(rows, [])]
        for column in columns:
            if header.count(column) != 1:
                raise click.ClickException(
                    f"{file}: {'no column' if column not in header else 'more than one column'} is named {column}. "
                    f"The first row names: {', '.join(header) or 'nothing'}."
                )
        places = [header.index(column) for column in columns]
        for number_of_row, cells in enumerate(rows, start=2):
            if not cells:
                continue
            if len(cells) != len(header):
                raise click.ClickException(
                    f"{file}, row {number_of_row}: {len(cells)} cells under {len(header)} column names. "
                    "Give one of each."
                )
            yield number_of_row, [cells[place].strip() for place in places]


@contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    try:
        with (
            gzip.open(file, "rt", encoding="utf-8-sig", newline="")
            if file.suffix == ".gz"
            else file.open(encoding="utf-8-sig", newline="")
        ) as lines:
            yield lines
    except UnicodeDecodeError as error:
        raise click.ClickException(
            f"{file} is not UTF-8 text ({error.reason}). Save it as CSV UTF-8."
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise click.ClickException(
            f"{file} is not a whole gzip file. Pack it again, or give the .csv."
        ) from None
    except csv.Error as error:
        raise click.ClickException(f"{file} is not a CSV table: {error}.") from None


def number(file: Path, row: int, column: str, mark: str) -> float:
    try:
        value = float(mark)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise click.ClickException(
            f"{file}, row {row}, column {column}: {mark!r} is not a number. Give one, or leave the cell empty."
        )
    return value


def write_measures(path: Path, fit: Fit, targets: Labels) -> None:
    # Equal to six decimals is equal: such targets share the better rank.
    rounded = np.round(fit.measures, 6)
    ranks = 1 + np.searchsorted(np.sort(-rounded), -rounded)
    numbers = np.column_stack([fit.measures, fit.effects, fit.standard_errors])
    rows = (
        (targets[code], fit.n_ratings[code], *decimals(*numbers[code]), ranks[code])
        for code in sorted(range(len(targets)), key=lambda code: (ranks[code], targets[code]))
    )
    write_table(path, ["target", "n", "measure", "effect", "standard_error", "rank"], rows)


def write_severities(path: Path, fit: Fit, ratings: Ratings, raters: Labels) -> None:
    counts = np.bincount(ratings.rater, minlength=len(raters))
    rows = (
        (raters[code], counts[code], *decimals(fit.severities[code], fit.severity_standard_errors[code]))
        for code in sorted(range(len(raters)), key=lambda code: (-fit.severities[code], raters[code]))
    )
    write_table(path, ["rater", "n", "severity", "standard_error"], rows)


def decimals(*numbers: float) -> list[str]:
    return [f"{each:.6f}" for each in numbers]


def write_table(path: Path, header: list[str], rows: Iterable[Iterable[object]]) -> None:
    # The byte order mark is how Excel and WPS recognise UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(header)
        writer.writerows(rows)


def summary(fit: Fit, ratings: Ratings, indicators: Labels, blank: int) -> str:
    record = fit.record
    return "\n".join(
        [
            f"{len(ratings):,} ratings of {ratings.n_targets:,} targets by {ratings.n_raters:,} raters"
            + (f" on {len(indicators)} indicators" if len(indicators) > 1 else "")
            + (f"; {blank:,} rows without a mark were left out" if blank else ""),
            "",
            *variance_lines(fit.variances),
            "",
            f"mean            {fit.mean:12.6f}  (standard error {fit.mean_standard_error:.6f})",
            f"reliability     {reliability(fit):12.4f}",
            f"log-likelihood  {fit.log_likelihood:12.4f}  ({record.method} criterion {record.objective:.6f})",
            f"{record.iterations} iterations, {record.evaluations} evaluations. {record.stopped}",
            *record.remarks,
        ]
    )


def variance_lines(variances: Mapping[str, float]) -> list[str]:
    total = sum(variances.values()) or 1.0
    return ["                    variance   std. dev.   share"] + [
        f"{name:14}  {variance:12.7f}  {math.sqrt(variance):10.7f}  {variance / total:6.1%}"
        for name, variance in variances.items()
    ]
