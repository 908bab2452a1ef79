"""Tables in and out for commands that need neither Django nor a database: .csv (UTF-8) and the first sheet of .xlsx."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import python_calamine


@dataclass(frozen=True)
class Line:
    """A row under the number that a spreadsheet shows for it, its cells by column name, without blanks around."""

    file: Path
    row: int
    cells: dict[str, str]

    def refusal(self, column: str, sentence: str) -> click.ClickException:
        return click.ClickException(f"{self.file}, row {self.row}, column {column}: {sentence}")

    def text(self, column: str) -> str:
        return self.cells.get(column, "")

    def required(self, column: str) -> str:
        if not self.text(column):
            raise self.refusal(column, "empty. Say who or what it is.")
        return self.text(column)

    def items(self, column: str) -> list[str]:
        """What stands in a cell between semicolons, of either width."""
        return [item for part in self.text(column).replace("；", ";").split(";") if (item := part.strip())]

    def whole(self, column: str) -> int:
        """A whole number of 0 or more that 63 bits hold, as official numbers and counts are."""
        value = self.text(column)
        if not (value.isascii() and value.isdigit() and int(value) < 1 << 63):
            raise self.refusal(column, f"{value!r} is not a whole number of 0 or more.")
        return int(value)

    def figure(self, column: str, *, least: float = 0.0, most: float = math.inf) -> float:
        """A number; an empty cell is 0."""
        value = self.text(column) or "0"
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (least <= number <= most and math.isfinite(number)):
            allowed = {(0.0, 1.0): " from 0 to 1", (0.0, math.inf): " of 0 or more"}.get((least, most), "")
            raise self.refusal(column, f"{value!r} is not a number{allowed}.")
        return number


def read_lines(file: Path, required: Sequence[str], known: Sequence[str], prefix: str = "") -> list[Line]:
    """The filled rows of a table. Columns beyond the required are known by name or, if one is given, by prefix."""
    records = workbook_records(file) if file.suffix.lower() == ".xlsx" else text_records(file)
    header = [name.strip() for name in records[0]] if records else []
    named = ", ".join(filter(None, header)) or "nothing"
    for column in required:
        if column not in header:
            raise click.ClickException(f"{file}: no column is named {column}. The first row names: {named}.")
    for column in filter(None, header):
        if header.count(column) > 1:
            raise click.ClickException(f"{file}: more than one column is named {column}. Keep one.")
        if column not in (*required, *known) and not (prefix and column.startswith(prefix)):
            also = f", or a name after {prefix}" if prefix else ""
            raise click.ClickException(
                f"{file}: the column {column} is not known. Name it one of {', '.join((*required, *known))}{also}, "
                "or remove it."
            )
    lines = []
    for row, cells in enumerate(records[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise click.ClickException(
                f"{file}, row {row}: {len(cells)} cells under {len(header)} column names. Give one of each."
            )
        lines.append(
            Line(file, row, {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name})
        )
    if not lines:
        raise click.ClickException(f"{file} has no rows under its first. Give one row each.")
    return lines


def text_records(file: Path) -> list[list[str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.reader(lines, strict=True))
    except UnicodeDecodeError as error:
        raise click.ClickException(
            f"{file} is not UTF-8 text ({error.reason}). Save it as CSV UTF-8, or as .xlsx."
        ) from None
    except csv.Error as error:
        raise click.ClickException(f"{file} is not a CSV table: {error}.") from None


def workbook_records(file: Path) -> list[list[str]]:
    try:
        sheet = python_calamine.CalamineWorkbook.from_path(file).get_sheet_by_index(0)
        return [[plain(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise click.ClickException(
            f"{file} cannot be read as a workbook ({error}). Save it again as .xlsx."
        ) from None


def plain(cell: object) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def codes(lines: Iterable[Line], column: str) -> dict[str, int]:
    """A code from 0 for each row by what it is called, which no other row may be."""
    found: dict[str, int] = {}
    for line in lines:
        name = line.required(column)
        if name in found:
            raise line.refusal(column, f"{name} stands in an earlier row too. Keep one of them.")
        found[name] = len(found)
    return found


def code(line: Line, column: str, name: str, known: dict[str, int], what: str) -> int:
    if name not in known:
        raise line.refusal(column, f"{name!r} is no {what} of the other file.")
    return known[name]


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table that Excel and WPS open as what it is: the byte order mark is how they recognise UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(header)
        writer.writerows([safe(cell) for cell in row] for row in rows)


def safe(cell: object) -> object:
    """A text that a spreadsheet would compute is marked as text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@")) else cell
