"""Tables of people for ``pair`` and ``plan``, and complaints about cells: all of a file at once, each with its place."""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from dongliang.cli.files import FormulaError, Merged, Trouble, clean, opened

# So many complaints are told; how many more there are is said.
MOST_TOLD = 20


@dataclass
class Complaints:
    """What is wrong with the cells of one table; the same thing is told once."""

    place: str
    found: dict[str, int] = field(default_factory=dict)

    def add(self, row: int, column: str, sentence: str) -> None:
        where = f"row {row}, column {column}" if column else f"row {row}"
        self.found.setdefault(f"{where}: {sentence}", row)

    def refuse(self) -> None:
        """Raise them all, in the order of the rows, if there are any."""
        if len(self.found) == 1:
            raise click.ClickException(f"{self.place}, {next(iter(self.found))}")
        if self.found:
            lines = sorted(self.found, key=lambda sentence: self.found[sentence])
            raise click.ClickException(
                "\n".join(
                    [
                        f"{self.place}: {len(lines):,} places have to be put right first.",
                        *(f"  {line}" for line in lines[:MOST_TOLD]),
                        *([f"  … and {len(lines) - MOST_TOLD:,} more."] if len(lines) > MOST_TOLD else []),
                    ]
                )
            )


def why_empty(cell: str, otherwise: str = "empty. Say who or what it is.") -> str:
    if isinstance(cell, Merged):
        return f"covered by the merged cell {cell.shown}. Unmerge it and fill in every row."
    if isinstance(cell, FormulaError):
        return why_no_number(cell)
    return otherwise


def text_of(cell: str) -> str:
    """What a cell says, where one that is only covered by another says nothing."""
    return "" if isinstance(cell, Trouble) else clean(cell)


def number(cell: str) -> float:
    """The number in a cell, of digits of either width; NaN for what is none."""
    text = unicodedata.normalize("NFKC", cell).strip()
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if "_" not in text else math.nan


def why_no_number(cell: str, wanted: str = "a number") -> str:
    """The beginning of a complaint."""
    if isinstance(cell, FormulaError):
        return f"{cell.shown} is a formula that failed. Put it right in the sheet."
    if isinstance(cell, Merged):
        return why_empty(cell)
    return f"{clean(cell)!r} is not {wanted}."


@dataclass(frozen=True)
class Line:
    """A row under the number that a spreadsheet shows for it, its cells by column name.

    What is wrong with a cell is added to the complaints of the table, and something harmless returned in its place.
    """

    complaints: Complaints
    row: int
    cells: dict[str, str]

    @property
    def place(self) -> str:
        return self.complaints.place

    def complain(self, column: str, sentence: str) -> None:
        self.complaints.add(self.row, column, sentence)

    def text(self, column: str) -> str:
        return text_of(self.cells.get(column, ""))

    def required(self, column: str) -> str:
        if not self.text(column):
            self.complain(column, why_empty(self.cells.get(column, "")))
        return self.text(column)

    def items(self, column: str) -> list[str]:
        """What stands in a cell between semicolons, of either width."""
        return [item for part in self.text(column).replace("；", ";").split(";") if (item := part.strip())]

    def whole(self, column: str) -> int:
        """A whole number of 0 or more that 63 bits hold, as official numbers and counts are."""
        value = unicodedata.normalize("NFKC", self.text(column))
        if not self.required(column):
            return 0
        if value.isascii() and value.isdigit() and len(value) < 20 and int(value) < 1 << 63:
            return int(value)
        self.complain(column, why_no_number(self.cells.get(column, ""), "a whole number of 0 or more"))
        return 0

    def figure(self, column: str, *, least: float = 0.0, most: float = math.inf) -> float:
        """A number; an empty cell is 0."""
        value = number(self.text(column) or "0")
        if least <= value <= most and math.isfinite(value):
            return value
        allowed = {(0.0, 1.0): " from 0 to 1", (0.0, math.inf): " of 0 or more"}.get((least, most), "")
        self.complain(column, why_no_number(self.cells.get(column, ""), f"a number{allowed}"))
        return 0.0


def read_lines(file: Path, required: Sequence[str], known: Sequence[str], prefix: str = "") -> list[Line]:
    """The filled rows of a table. Columns beyond the required are known by name or, if one is given, by prefix."""
    with opened(file) as table:
        check_header(table.place, table.header, required, known, prefix)
        complaints = Complaints(table.place)
        lines = [
            Line(complaints, row, dict(zip(table.header, cells, strict=False)))
            for row, cells in table.rows
            if any(map(text_of, cells)) and whole_row(complaints, row, cells, table.header)
        ]
    complaints.refuse()
    for note in table.notes:
        click.echo(note, err=True)
    if not lines:
        raise click.ClickException(f"{table.place} has no rows under its first. Give one row each.")
    return lines


def check_header(
    place: str, header: list[str], required: Sequence[str], known: Sequence[str], prefix: str
) -> None:
    for column in required:
        if column not in header:
            raise click.ClickException(no_column(place, header, column))
    for column in filter(None, header):
        if header.count(column) > 1:
            raise click.ClickException(f"{place}: more than one column is named {column}. Keep one.")
        if column not in (*required, *known) and not (prefix and column.startswith(prefix)):
            also = f", or a name after {prefix}" if prefix else ""
            raise click.ClickException(
                f"{place}: the column {column} is not known. Name it one of {', '.join((*required, *known))}{also}, "
                "or remove it."
            )


def no_column(place: str, header: list[str], column: str) -> str:
    return f"{place}: no column is named {column}. The first row names: {', '.join(filter(None, header)) or 'nothing'}."


def whole_row(complaints: Complaints, row: int, cells: list[str], header: list[str]) -> bool:
    """Whether a row has as many cells as the header; empty ones more do no harm."""
    if len(cells) == len(header) or (
        not any(map(text_of, cells[len(header) :])) and len(cells) > len(header)
    ):
        return True
    complaints.add(row, "", f"{len(cells)} cells under {len(header)} column names. Give one of each.")
    return False


def codes(lines: Iterable[Line], column: str) -> dict[str, int]:
    """A code from 0 for each row by what it is called, which no other row may be."""
    found: dict[str, int] = {}
    for line in lines:
        name = line.required(column)
        if name in found and name:
            line.complain(column, f"{name} stands in an earlier row too. Keep one of them.")
        found.setdefault(name, len(found))
    return found


def code(line: Line, column: str, name: str, known: dict[str, int], what: str) -> int:
    if name not in known:
        line.complain(column, f"{name!r} is no {what} of the other file.")
    return known.get(name, -1)
