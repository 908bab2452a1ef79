"""Files that hold a table, opened with care: .csv and .csv.gz, .xlsx, .parquet. What comes out is text, row by row."""

import codecs
import csv
import datetime
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from xml.etree import ElementTree

import click
import python_calamine

MEGABYTE = 1 << 20
# A line of text, a cell among them, and a sheet unpacked may be this long; what is longer is no table of people and marks.
LONGEST_LINE = MEGABYTE
MOST_UNPACKED = 2048 * MEGABYTE
MOST_CELLS = 60_000_000
# Sheets of marks pack 10 to 1, a sheet formatted down to its last row 60 to 1, a bomb 1,000 to 1.
MOST_RATIO = 200
CHUNK = MEGABYTE
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SAVE_AS = "Open it in Excel or WPS and save it as an Excel workbook (.xlsx)."
# Zero-width marks come with text copied from chats and web pages.
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\ufeff]")

Rows = Iterator[tuple[int, list[str]]]


class Trouble(str):
    """A cell that holds no text, told apart from every cell that does; ``shown`` is what to say of it."""

    @property
    def shown(self) -> str:
        return self[1:]

    @classmethod
    def saying(cls, text: str) -> Self:
        return cls(f"\0{text}")


class FormulaError(Trouble):
    """What a sheet shows where a formula failed: #N/A, #DIV/0!"""


class Merged(Trouble):
    """Empty, but covered by a merged cell; said is the name of the cell that has the content."""


@dataclass(frozen=True)
class Table:
    """A table: the names in its header, and its rows under the numbers that a spreadsheet shows for them.

    ``place`` is how messages call it; ``notes`` are what whoever gave the file should know.
    """

    place: str
    header: list[str]
    rows: Rows
    notes: tuple[str, ...] = ()


def refused(place: object, sentence: str) -> click.ClickException:
    return click.ClickException(f"{place} {sentence}")


@contextmanager
def opened(file: Path, sheet: str | None = None, wanted: Iterable[str] | None = None) -> Iterator[Table]:
    """The table in a file. Of a wide Parquet file only the ``wanted`` columns are read."""
    try:
        with file.open("rb") as stream:
            beginning = stream.read(8)
        kind = "parquet" if beginning.startswith(b"PAR1") or file.suffix.lower() == ".parquet" else ""
        if beginning.startswith((b"PK\x03\x04", OLD_OFFICE)) or file.suffix.lower() in (".xlsx", ".xls"):
            kind = "workbook"
        if sheet is not None and kind != "workbook":
            raise refused(file, "has no sheets: it is no workbook. Leave --sheet out.")
        if kind == "parquet":
            with parquet_table(file, wanted) as table:
                yield table
        elif kind == "workbook":
            yield workbook_table(file, sheet, beginning)
        else:
            with text_table(file) as table:
                yield table
    except OSError as error:
        raise click.ClickException(
            f"{file} cannot be read: {error.strerror or error}. Check the name and the permissions."
        ) from None


def clean(text: str) -> str:
    return INVISIBLE.sub("", text).strip()


# Text


@contextmanager
def text_table(file: Path) -> Iterator[Table]:
    packed = file.suffix.lower() == ".gz"
    try:
        encoding, first = told_from_bytes(file, packed)
        delimiter = max(",;\t", key=re.sub('"[^"]*"', "", first).count)
        with unpacked(file, packed) as stream:
            lines = io.TextIOWrapper(stream, encoding=encoding, newline="")
            records = csv.reader(short_lines(file, lines), delimiter=delimiter, strict=True)
            rows = ((number, cells) for number, cells in enumerate(records, start=1) if cells)
            _number, header = next(rows, (1, []))
            notes = () if encoding != "gb18030" else (f"{file} is not UTF-8; it was read as GB18030 (GBK).",)
            yield Table(str(file), [clean(name) for name in header], rows, notes)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise refused(file, "is not a whole gzip file. Pack it again, or give the .csv.") from None
    except csv.Error as error:
        raise refused(file, f"is not a CSV table: {error}.") from None


@contextmanager
def unpacked(file: Path, packed: bool) -> Iterator[IO[bytes]]:
    with gzip.open(file) if packed else file.open("rb") as stream:
        yield stream  # type: ignore[misc]


def told_from_bytes(file: Path, packed: bool) -> tuple[str, str]:
    """The encoding that fits the whole file, and its first line with something on it."""
    with unpacked(file, packed) as stream:
        beginning = stream.read(CHUNK)
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
        if b"\0" in beginning:
            raise refused(file, "is no text: it holds zero bytes. Save it as CSV UTF-8, or as .xlsx.")
    if (
        beginning.lstrip(b"\xef\xbb\xbf\r\n\t ")[:20]
        .lower()
        .startswith((b"<html", b"<!doctype", b"<table", b"<?xml"))
    ):
        raise refused(file, f"is a web page or XML, whatever its name says. {SAVE_AS}")
    for encoding in encodings:
        if fits(file, packed, encoding):
            text = codecs.getincrementaldecoder(encoding)().decode(beginning)
            return encoding, next((line for line in text.splitlines() if line.strip()), "")
    raise refused(file, "is not UTF-8 text, nor GB18030 (GBK). Save it as CSV UTF-8, or as .xlsx.")


def fits(file: Path, packed: bool, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with unpacked(file, packed) as stream:
            while chunk := stream.read(CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def short_lines(file: Path, lines: io.TextIOWrapper) -> Iterator[str]:
    while line := lines.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise refused(file, f"is not a CSV table: a line has more than {LONGEST_LINE:,} characters.")
        yield line


# Workbooks


def workbook_table(file: Path, sheet: str | None, beginning: bytes) -> Table:
    if beginning.startswith(OLD_OFFICE):
        with file.open("rb") as stream:
            if "EncryptedPackage".encode("utf-16-le") in stream.read(MEGABYTE) + tail(stream):
                raise refused(
                    file, "is protected by a password. Remove it in Excel or WPS and save the workbook again."
                )
        raise refused(file, f"is in an old format (.xls or .et). {SAVE_AS}")
    try:
        with zipfile.ZipFile(file) as archive:
            check_parts(file, archive.infolist())
            # Two programs can unpack one spoilt archive differently: the cells are read from what was measured here.
            clean_copy = repacked(archive)
            parts = sheet_parts(archive)
            name = chosen(file, sheet, parts)
            failed = look_through(f"{file}, sheet {name},", archive.read(parts[name]))
        workbook = python_calamine.CalamineWorkbook.from_filelike(clean_copy)
        rows = workbook.get_sheet_by_name(name)
        return sheet_table(file, name, rows, failed, parts)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        LookupError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        ElementTree.ParseError,
        python_calamine.CalamineError,
    ) as error:
        raise refused(file, f"cannot be read as a workbook ({error}). Save it again as .xlsx.") from None


def tail(stream: IO[bytes]) -> bytes:
    stream.seek(max(stream.seek(0, io.SEEK_END) - MEGABYTE, 0))
    return stream.read()


def check_parts(file: Path, parts: list[zipfile.ZipInfo]) -> None:
    """Refuse what is no workbook or would unpack to far more than it seems, from the list of contents alone."""
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        raise refused(file, f"is a package, but no Excel workbook. {SAVE_AS}")
    if any(part.flag_bits & 1 for part in parts):
        raise refused(file, "is protected by a password. Remove it and save the workbook again.")
    unpacked_size, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if unpacked_size > MOST_UNPACKED or (
        unpacked_size > 10 * MEGABYTE and unpacked_size > MOST_RATIO * max(packed, 1)
    ):
        raise refused(
            file,
            f"unpacks to {unpacked_size // MEGABYTE:,} MB, far more than its cells can need. "
            "Copy the rows into a new workbook, or save it as CSV UTF-8.",
        )


def repacked(archive: zipfile.ZipFile) -> io.BytesIO:
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for part in archive.infolist():
            if part.filename.lower().endswith((".xml", ".rels")):
                target.writestr(part.filename, archive.read(part))
    copy.seek(0)
    return copy


def sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """The name of each sheet → the part that holds it, in the order of the tabs."""
    targets = {
        each.get("Id", ""): each.get("Target", "").lstrip("/")
        for each in parsed(archive, "xl/_rels/workbook.xml.rels")
        if each.get("Type", "").endswith("/worksheet")
    }
    parts = {}
    for each in parsed(archive, "xl/workbook.xml"):
        key = next((value for name, value in each.items() if name.endswith("}id")), "")
        if each.tag.rpartition("}")[2] == "sheet" and key in targets:
            target = targets[key]
            parts[each.get("name", "")] = target if target.startswith("xl/") else f"xl/{target}"
    return parts


def parsed(archive: zipfile.ZipFile, part: str) -> Iterator[ElementTree.Element]:
    data = archive.read(part)
    if b"<!DOCTYPE" in data:
        raise ValueError("it holds a document type declaration")
    return ElementTree.fromstring(data).iter()


def chosen(file: Path, sheet: str | None, parts: dict[str, str]) -> str:
    if not parts:
        raise refused(file, "has no sheet with cells.")
    if sheet is not None and sheet not in parts:
        raise refused(file, f"has no sheet named {sheet}. Its sheets are: {', '.join(parts)}.")
    return next(iter(parts)) if sheet is None else sheet


CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']([A-Z]{1,4})(\d{1,9})["']""")
FAILED = re.compile(
    rb"""<(?:\w+:)?c\s(?=[^>]*\bt=["']e["'])[^>]*>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)""", re.DOTALL
)
UNCOMPUTED = re.compile(
    rb"""<(?:\w+:)?c\s[^>]*>\s*<(?:\w+:)?f[^>]*?(?:/>|>[^<]*</(?:\w+:)?f>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</"""
)


def look_through(place: str, xml: bytes) -> dict[tuple[int, int], str]:
    """The cells where a formula failed, by row and column from 0, which the reader of cells does not tell.

    A sheet that would fill the memory is refused, and so is a formula that nobody has computed yet.
    """
    last_row = last_column = 0
    for letters, digits in set_of_corners(xml):
        last_row, last_column = max(last_row, digits), max(last_column, letters)
    if last_row * last_column > MOST_CELLS:
        raise refused(
            place,
            f"has something in row {last_row:,} and in column {last_column:,}. "
            "Copy the rows that count into a new workbook, or save them as CSV UTF-8.",
        )
    if found := UNCOMPUTED.search(xml):
        row, column = position(found.group())
        raise refused(
            place,
            f"row {row + 1}, column {column_name(column)}, holds a formula that was never computed. "
            "Open the workbook in Excel or WPS and save it again.",
        )
    return {position(found.group()): found.group(1).decode() for found in FAILED.finditer(xml)}


def set_of_corners(xml: bytes) -> Iterator[tuple[int, int]]:
    """Row and column numbers that occur, every column once and the greatest row under it."""
    rows: dict[bytes, int] = {}
    for found in CELL.finditer(xml):
        letters, digits = found.groups()
        rows[letters] = max(rows.get(letters, 0), int(digits))
    for letters, row in rows.items():
        yield column_number(letters.decode()), row


def position(cell: bytes) -> tuple[int, int]:
    found = CELL.match(cell)
    if not found:
        raise ValueError("a cell has no place")
    return int(found.group(2)) - 1, column_number(found.group(1).decode()) - 1


def column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_name(column: int) -> str:
    name = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(65 + letter) + name
    return name


def sheet_table(
    file: Path,
    name: str,
    sheet: python_calamine.CalamineSheet,
    failed: dict[tuple[int, int], str],
    parts: dict[str, str],
) -> Table:
    place = f"{file}, sheet {name}"
    first_column = (sheet.start or (0, 0))[1]
    last_row, last_column = sheet.end or (0, 0)
    # Covered by a merged cell: where its content stands, and so what an empty cell there may have been meant to hold.
    merged = {
        (row, column): first
        for first, last in sheet.merged_cell_ranges or []
        for row in range(first[0], min(last[0], last_row) + 1)
        for column in range(first[1], min(last[1], last_column) + 1)
        if (row, column) != tuple(first)
    }

    def cell(row: int, column: int, value: object) -> str:
        if (row, column) in failed:
            return FormulaError.saying(failed[row, column])
        if value == "" and (row, column) in merged:
            return Merged.saying(f"{column_name(merged[row, column][1])}{merged[row, column][0] + 1}")
        return plain(value)

    def rows() -> Rows:
        special = bool(failed or merged)
        for row, values in enumerate(sheet.iter_rows()):
            if special:
                cells = [cell(row, column, value) for column, value in enumerate(values, start=first_column)]
            else:
                cells = [plain(value) for value in values]
            if any(cells):
                yield row + 1, cells

    filled = rows()
    passed: list[tuple[int, list[str]]] = []
    for each in filled:
        passed.append(each)
        # A title over the table, in one merged cell, is usual.
        if sum(bool(cell) and not isinstance(cell, Merged) for cell in each[1]) > 1:
            header, below = each[1], filled
            break
    else:
        header, below = (passed[0][1], iter(passed[1:])) if passed else ([], filled)
    notes = () if len(parts) == 1 else (f"{file} has {len(parts)} sheets; {name} was read.",)
    return Table(place, ["" if isinstance(each, Trouble) else clean(each) for each in header], below, notes)


def plain(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return "" if value is None else str(value)


# Parquet


@contextmanager
def parquet_table(file: Path, wanted: Iterable[str] | None) -> Iterator[Table]:
    try:
        # Part of an extra: most tables are workbooks, and the reader is larger than the rest of the product.
        import duckdb
    except ImportError:
        raise refused(
            file, "is a Parquet file, and DuckDB, which reads it, is not installed. Install dongliang[scale]."
        ) from None
    # In a file's name these would stand for other files.
    name = re.sub(r"[*?\[\]]", r"[\g<0>]", str(file))
    with duckdb.connect(config={"threads": 2}) as connection:
        try:
            described = connection.execute("SELECT * FROM read_parquet(?) LIMIT 0", [name]).description or []
            header = [str(column[0]) for column in described]
            take = [column for column in header if wanted is None or column in set(wanted)]
            listed = ", ".join('"' + column.replace('"', '""') + '"' for column in take) or "NULL"
            cursor = connection.execute(f"SELECT {listed} FROM read_parquet(?)", [name])
            yield Table(str(file), header, parquet_rows(cursor.fetchmany, header, take))
        except duckdb.Error as error:
            raise refused(
                file,
                f"cannot be read as Parquet ({str(error).splitlines()[0]}). Write it again, or give a .csv.",
            ) from None


def parquet_rows(fetch: Callable[[int], list[Any]], header: list[str], take: list[str]) -> Rows:
    """Rows as wide as the header, with nothing in columns that nobody wanted; the first is called 2, as under a header."""
    places = [header.index(column) for column in take]
    number = 1
    while records := fetch(50_000):
        for record in records:
            number += 1
            cells = [""] * len(header)
            for place, value in zip(places, record, strict=False):
                cells[place] = plain(value)
            yield number, cells
