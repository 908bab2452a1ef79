"""What commands leave behind: tables as CSV and as a workbook, all of them or none."""

import csv
import datetime
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import xlsxwriter

# Cells that are written; NaN and None leave theirs empty.
Cell = str | int | float | None
# More rows than a sheet of a workbook has.
MOST_ROWS = 1_048_575


@dataclass(frozen=True)
class OutputTable:
    """A table to write; ``decimals`` are those of its fractions in CSV."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    decimals: int = 6


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """A folder to write into, whose files come to ``folder`` only when all of them are there."""
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".dongliang-", dir=folder))
    except OSError as error:
        raise click.ClickException(
            f"{folder} cannot be written to: {error.strerror or error}. Give another folder with --output."
        ) from None
    try:
        yield made
        for file in sorted(made.iterdir()):
            os.replace(file, folder / file.name)
    except OSError as error:
        raise click.ClickException(
            f"{folder} cannot be written to: {error.strerror or error}. Make room, or close the files that are open."
        ) from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()


class Interrupted(click.ClickException):
    # As shells say of what Ctrl-C has ended.
    exit_code = 130


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends the command with a sentence."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("Interrupted: nothing was written.") from None


def table_file(_context: click.Context, _parameter: click.Parameter, file: Path) -> Path:
    """Refuse a file to write whose kind its name does not tell, before anything is computed."""
    if file.suffix.lower() not in (".csv", ".xlsx"):
        raise click.BadParameter(f"{file} ends in neither .csv nor .xlsx. Give it one of these endings.")
    return file


def write_tables(file: Path, tables: Sequence[OutputTable]) -> None:
    """Write to ``file`` by its ending: all tables into one .xlsx, or the first one as .csv."""
    with written_whole(file.parent) as folder:
        if file.suffix.lower() == ".xlsx":
            write_xlsx(folder / file.name, tables)
        else:
            write_csv(folder / file.name, tables[0])


def write_csv(path: Path, table: OutputTable) -> None:
    """Write a table that Excel and WPS open as what it is: the byte order mark is how they recognise UTF-8."""
    with path.open("w", encoding="utf-8-sig", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(table.header)
        writer.writerows([shown(cell, table.decimals) for cell in row] for row in table.rows)


def shown(cell: Cell, decimals: int) -> object:
    if isinstance(cell, str):
        return safe(cell)
    if isinstance(cell, float | np.floating):
        return f"{cell:.{decimals}f}" if math.isfinite(cell) else "" if math.isnan(cell) else str(cell)
    return "" if cell is None else cell


def safe(cell: str) -> str:
    """A text that a spreadsheet would compute is marked as text."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def write_xlsx(path: Path, tables: Sequence[OutputTable]) -> None:
    """A workbook with one sheet a table, whose numbers are numbers and whose texts stay texts."""
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as workbook:
        # No clock: the same numbers give the same bytes.
        workbook.set_properties({"created": datetime.datetime(2000, 1, 1)})
        head = workbook.add_format({"bold": True, "bottom": 1, "bg_color": "#F3EFE6"})
        for table in tables:
            sheet = workbook.add_worksheet(table.name[:31])
            sheet.freeze_panes(1, 1)
            for column, name in enumerate(table.header):
                widest = max((width(row[column]) for row in table.rows[:200]), default=0)
                sheet.set_column(column, column, min(max(width(name) + 3, widest + 2, 9), 60))
                sheet.write_string(0, column, name, head)
            for number, row in enumerate(table.rows[:MOST_ROWS], start=1):
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        if cell:
                            sheet.write_string(number, column, cell)
                    elif cell is not None and math.isfinite(cell):
                        sheet.write_number(number, column, round(float(cell), table.decimals))
            if table.rows:
                sheet.autofilter(0, 0, min(len(table.rows), MOST_ROWS), len(table.header) - 1)


def width(cell: Cell) -> int:
    """How many Latin letters wide a cell shows; a Chinese character takes two."""
    if isinstance(cell, str):
        return sum(2 if ord(character) > 0x2E7F else 1 for character in cell)
    return 8
