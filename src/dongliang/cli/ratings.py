"""Ratings out of a table, long or wide, with the labels of everybody in it."""

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from dongliang.cli.files import Table, Trouble, opened
from dongliang.cli.tables import Complaints, no_column, number, text_of, whole_row, why_empty, why_no_number
from dongliang.engine.data import Integers, Ratings

CHUNK = 20_000
# No mark of people is larger, and squares of much larger ones are no numbers any more.
LARGEST = 1e9
BLANK, WRONG = math.nan, math.inf


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are."""

    target: str
    values: tuple[str, ...]
    rater: str | None = None
    indicator: str | None = None
    subdistrict: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Columns that name somebody or something, in one order throughout."""
        return tuple(filter(None, (self.target, self.rater, self.indicator, self.subdistrict)))


@dataclass(frozen=True, eq=False)
class Rated:
    """Ratings and the labels behind their codes, which are in the order of the labels: rows may come in any order.

    ``rows`` says in which row of the file each rating stands. Without a rater's column every row is a rater of its own
    and ``raters`` is empty. ``unmarked`` are targets that have no mark and so no rating.
    """

    ratings: Ratings
    rows: Integers
    targets: list[str]
    raters: list[str]
    indicators: list[str]
    subdistricts: list[str]
    subdistrict: Integers | None
    place: str
    blank: int
    unmarked: list[str]
    repeated: int
    notes: tuple[str, ...]
    is_wide: bool


class Labels(dict[str, int]):
    """A code for each label; the cells of a column are looked up as they stand, and cleaned once each."""

    BLANK = -1

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, int] = {}

    def __missing__(self, cell: str) -> int:
        text = text_of(cell)
        self[cell] = code = self.codes.setdefault(text, len(self.codes)) if text else self.BLANK
        return code


class Marks(dict[str, float]):
    """The number in each cell of a column: NaN for a blank one, infinite for what is no mark."""

    def __missing__(self, cell: str) -> float:
        value = WRONG if isinstance(cell, Trouble) else BLANK
        if text_of(cell):
            value = number(cell)
            value = value if abs(value) <= LARGEST else WRONG
        self[cell] = value
        return value


def read_ratings(file: Path, columns: Columns, sheet: str | None = None) -> Rated:
    with opened(file, sheet, {*columns.labels, *columns.values}) as table:
        check_columns(table, columns)
        return Reading(table, columns).rated()


def check_columns(table: Table, columns: Columns) -> None:
    for column in (*columns.labels, *columns.values):
        if table.header.count(column) > 1:
            raise click.ClickException(
                f"{table.place}: more than one column is named {column}. "
                f"The first row names: {', '.join(table.header)}."
            )
        if column not in table.header:
            raise click.ClickException(no_column(table.place, table.header, column))


class Reading:
    """One pass over a table, in chunks of rows."""

    def __init__(self, table: Table, columns: Columns) -> None:
        self.table = table
        self.columns = columns
        self.complaints = Complaints(table.place)
        self.labels = {name: Labels() for name in columns.labels}
        self.marks = Marks()
        self.rows: list[Integers] = []
        self.codes: list[Integers] = []
        self.values: list[np.ndarray] = []
        self.home: dict[int, tuple[int, int]] = {}

    def rated(self) -> Rated:
        for numbers, cells in chunks(self.table, self.complaints):
            self.take(np.array(numbers), cells)
        self.complaints.refuse()
        wide = np.concatenate(self.values) if self.values else np.empty((0, 1))
        if np.isnan(wide).all():
            raise click.ClickException(
                f"{self.table.place} holds no ratings: no row has a mark in column {', '.join(self.columns.values)}."
            )
        return self.ordered(np.concatenate(self.rows), np.concatenate(self.codes), wide)

    def take(self, numbers: Integers, cells: list[list[str]]) -> None:
        place = {name: self.table.header.index(name) for name in (*self.columns.labels, *self.columns.values)}
        by_column = list(zip(*cells, strict=True))
        values = np.column_stack(
            [
                np.fromiter(map(self.marks.__getitem__, by_column[place[name]]), float, len(cells))
                for name in self.columns.values
            ]
        )
        for row, column in np.argwhere(np.isinf(values)).tolist():
            cell = by_column[place[self.columns.values[column]]][row]
            self.complaints.add(int(numbers[row]), self.columns.values[column], why_no_mark(cell))
        marked = ~np.isnan(values).all(axis=1)
        codes = np.column_stack(
            [
                np.fromiter(map(self.labels[name].__getitem__, by_column[place[name]]), int, len(cells))
                for name in self.columns.labels
            ]
        )
        for row, column in np.argwhere((codes < 0) & marked[:, None]).tolist():
            name = self.columns.labels[column]
            self.complaints.add(int(numbers[row]), name, why_empty(by_column[place[name]][row]))
        if self.columns.subdistrict:
            self.check_homes(numbers, codes[:, 0], codes[:, -1])
        self.rows.append(numbers)
        self.codes.append(codes)
        self.values.append(values)

    def check_homes(self, numbers: Integers, targets: Integers, homes: Integers) -> None:
        """A target belongs to one subdistrict in all its rows."""
        pairs, first = np.unique(np.column_stack([targets, homes]), axis=0, return_index=True)
        for (target, home), row in sorted(
            zip(pairs.tolist(), numbers[first].tolist(), strict=True), key=lambda each: each[1]
        ):
            if target < 0 or home < 0:
                continue
            known, earlier = self.home.setdefault(target, (home, row))
            if known != home:
                who = list(self.labels[self.columns.target].codes)[target]
                names = list(self.labels[self.columns.subdistrict or ""].codes)
                self.complaints.add(
                    row,
                    self.columns.subdistrict or "",
                    f"{who} is in {names[home]} here and in {names[known]} in row {earlier}. Keep one.",
                )

    def ordered(self, rows: Integers, codes: Integers, wide: np.ndarray) -> Rated:
        """The ratings sorted by label, so that the same table gives the same numbers in whatever order it comes."""
        names = self.columns.labels
        marked = ~np.isnan(wide)
        kept = marked.any(axis=1)
        labels, recoded = [], []
        for at, name in enumerate(names):
            known, new = by_label(list(self.labels[name].codes), codes[kept, at])
            labels.append(known)
            recoded.append(new)
        place = dict(zip(("target", "rater", "indicator", "subdistrict"), self.places(), strict=True))
        target = recoded[0]
        n_columns = wide.shape[1]
        rows, wide, marked = rows[kept], wide[kept], marked[kept]
        indicator = recoded[place["indicator"]] if place["indicator"] else None
        if place["rater"]:
            rater = recoded[place["rater"]]
        else:
            # Nameless raters are numbered by what they gave, not by where they stand.
            order = np.lexsort([*wide.T, *([indicator] if indicator is not None else []), target])
            rater = np.empty(len(order), dtype=np.int64)
            rater[order] = np.arange(len(order))
        at_row, at_column = np.nonzero(marked)
        which = indicator[at_row] if indicator is not None else at_column
        values = wide[at_row, at_column]
        target_of, rater_of = target[at_row], rater[at_row]
        order = np.lexsort([values, which, rater_of, target_of])
        indicators = labels[place["indicator"]] if place["indicator"] else list(self.columns.values)
        used = np.bincount(which, minlength=len(indicators)) > 0
        if not used.all():
            empty = ", ".join(name for name, any_mark in zip(indicators, used, strict=True) if not any_mark)
            raise click.ClickException(
                f"{self.table.place}: no row has a mark in column {empty}. Leave it out of --value."
            )
        keys = np.column_stack([target_of, rater_of, which])[order]
        repeated = int((np.diff(keys, axis=0) == 0).all(axis=1).sum()) if len(keys) else 0
        everyone = set(self.labels[self.columns.target].codes)
        homes = None
        if place["subdistrict"]:
            homes = np.zeros(len(labels[0]), dtype=np.int64)
            homes[target] = recoded[place["subdistrict"]]
        ratings = Ratings(
            target=target_of[order],
            rater=rater_of[order],
            indicator=which[order],
            values=values[order],
            n_targets=len(labels[0]),
            n_raters=len(labels[place["rater"]]) if place["rater"] else len(rater),
            n_indicators=len(indicators),
        )
        return Rated(
            ratings=ratings,
            rows=rows[at_row][order],
            targets=labels[0],
            raters=labels[place["rater"]] if place["rater"] else [],
            indicators=indicators if n_columns > 1 or indicator is not None else [""],
            subdistricts=labels[place["subdistrict"]] if place["subdistrict"] else [],
            subdistrict=homes,
            place=self.table.place,
            blank=int((~marked).sum()) + int((~kept & (codes >= 0).any(axis=1)).sum()) * n_columns,
            unmarked=sorted(everyone - set(labels[0]), key=natural),
            repeated=repeated,
            notes=self.table.notes,
            is_wide=n_columns > 1,
        )

    def places(self) -> Iterator[int]:
        """Where target, rater, indicator and subdistrict stand among the columns of labels; 0 for one that is not there."""
        columns = self.columns
        at = 0
        for name in (columns.target, columns.rater, columns.indicator, columns.subdistrict):
            yield at if name else 0
            at += bool(name)


def chunks(table: Table, complaints: Complaints) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Filled rows, as wide as the header, many at a time."""
    wide = len(table.header)
    while some := list(itertools.islice(table.rows, CHUNK)):
        good = []
        for row, cells in some:
            if len(cells) == wide or (
                any(map(text_of, cells)) and whole_row(complaints, row, cells, table.header)
            ):
                good.append((row, cells[:wide]))
        if good:
            yield [row for row, _cells in good], [cells for _row, cells in good]


def by_label(labels: list[str], codes: Integers) -> tuple[list[str], Integers]:
    """The labels that occur, in their natural order, and the codes of that order."""
    used = np.unique(codes)
    order = sorted(used.tolist(), key=lambda code: natural(labels[code]))
    new = np.zeros(len(labels), dtype=np.int64)
    new[order] = np.arange(len(order))
    return [labels[code] for code in order], new[codes]


def natural(label: str) -> tuple[Sequence[tuple[int, int, str]], str]:
    """A key that puts k2 before k10."""
    parts = re.split(r"(\d+)", label) if re.search(r"\d", label) else [label]
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part], label


def why_no_mark(cell: str) -> str:
    if isinstance(cell, Trouble):
        return why_empty(cell)
    if math.isfinite(number(cell)):
        return f"{cell.strip()} is too large for a mark. Give one between -{LARGEST:,.0f} and {LARGEST:,.0f}."
    if "," in cell and math.isfinite(number(cell.replace(",", "."))):
        return f"{cell.strip()!r} is not a number. Write the decimal point as a point."
    return f"{why_no_number(cell)} Give one, or leave the cell empty."
