"""Workbooks and CSV in and out. What comes in is not trusted: it is measured before and while it is unpacked.

Limits: a file of 20 MB, 200 MB unpacked, 20,000 rows and 100 columns a sheet, 1,000 characters a cell. A district
has some 300 secretaries and a large city some 6,000.
"""

import csv
import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import IO, TypeAlias
from xml.parsers import expat

import python_calamine
import xlsxwriter
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from xlsxwriter.utility import xl_col_to_name

from dongliang.common.refusals import Blocker, Refused

MEGABYTE = 1024 * 1024
MAX_FILE = 20 * MEGABYTE
MAX_UNPACKED = 200 * MEGABYTE
# A roster packs about 10 to 1, a sheet formatted down to its last row about 60 to 1, a bomb 1,000 to 1.
MAX_RATIO = 200
RATIO_COUNTS_FROM = 10 * MEGABYTE
MAX_PARTS = 2_000
MAX_ROWS = 20_000
MAX_COLUMNS = 100
MAX_CHARACTERS = 1_000
FORMULAS_NAMED = 50
CHUNK = 64 * 1024

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Cell: TypeAlias = str | int | float | bool | datetime.date | None


@dataclass(frozen=True)
class Row:
    """One filled row, under the number that Excel shows for it."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sheet:
    """A sheet: its header, which is the first row with two or more filled cells, and the filled rows below it.

    ``formulas`` names cells that hold a formula, such as ``D5``: at most the first 50. Their values are whatever the
    program that saved the file last computed, so whoever reads the sheet decides whether to trust them.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    formulas: tuple[str, ...] = ()
    # Ranges of cells made one, such as A1:C1, at most the first 50: all but one of their cells read as empty.
    merged: tuple[str, ...] = ()


def read_sheets(file_name: str, data: bytes) -> list[Sheet]:
    """The sheets of a workbook (.xlsx) or of comma-separated text (.csv). Raises Refused, saying what is wrong."""
    if len(data) > MAX_FILE:
        raise refused(
            "too_large",
            _("The file has %(seen)d MB; at most %(allowed)d MB can be read.")
            % {"seen": -(-len(data) // MEGABYTE), "allowed": MAX_FILE // MEGABYTE},
            _("Remove pictures and sheets that are not needed, and save it again."),
        )
    if not data.strip(b"\x00\r\n\t "):
        raise refused(
            "empty", _("The file is empty."), _("Choose the file again; it may not have been saved.")
        )
    if data.startswith(b"PK\x03\x04"):
        return read_workbook(data)
    refuse_other_formats(file_name, data)
    return [read_csv(file_name, data)]


def refused(code: str, sentence: str, remedy: str = "") -> Refused:
    return Refused(Blocker(f"sheet.{code}", sentence, remedy))


def refuse_other_formats(file_name: str, data: bytes) -> None:
    save_as = _("Open it in Excel or WPS and save it as an Excel workbook (.xlsx).")
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise refused(
                "encrypted",
                _("The workbook is protected by a password to open it."),
                _("Remove the password in Excel or WPS and save it again."),
            )
        raise refused("old_format", _("The file is in an old format (.xls or .et)."), save_as)
    beginning = data[:1000].lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    if beginning.startswith((b"<html", b"<!doctype html", b"<table", b"<?xml", b"<meta")):
        raise refused("web_page", _("The file is a web page or XML, whatever its name says."), save_as)
    if not file_name.lower().endswith(".csv"):
        raise refused(
            "not_a_workbook",
            _("%(file)s is not an Excel workbook, whatever its name says.") % {"file": file_name},
            _("Save it as .xlsx, or, if it is comma-separated text, give it a name that ends in .csv."),
        )


# Workbooks


@dataclass
class SheetPart:
    """What one sheet's XML holds, told before anything builds a table of it."""

    formulas: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    namespace: str = ""
    # Of the cell that is being read.
    row: int = 0
    column: int = 0


class FoundRoot(Exception):
    """Ends the reading of a part that is no sheet: only what stands before its root could harm."""


def read_workbook(data: bytes) -> list[Sheet]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_parts(archive.infolist())
            clean, parts = repacked(archive)
            names = sheet_names(archive)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        LookupError,
        ValueError,
        OSError,
        RuntimeError,
    ) as error:
        raise damaged() from error
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(clean)
        return [
            replace(
                table(name, enumerate(rows_of(workbook, name), start=1), parts[part].formulas),
                merged=tuple(parts[part].merged),
            )
            for part, name in names.items()
            if part in parts
        ]
    except (python_calamine.CalamineError, ValueError, OSError) as error:
        raise damaged() from error


def damaged() -> Refused:
    return refused(
        "damaged",
        _("The workbook is damaged or incomplete and cannot be read."),
        _("Open it in Excel or WPS, save it again as .xlsx, and choose it again."),
    )


def check_parts(parts: list[zipfile.ZipInfo]) -> None:
    """Refuse what is no workbook or would unpack to far more than it seems, from the list of contents alone."""
    names = {part.filename.lower() for part in parts}
    if "xl/workbook.xml" not in names:
        raise refused(
            "not_xlsx",
            _("The file is a package, but not an Excel workbook (.xlsx)."),
            _("Open it in Excel or WPS and save it as an Excel workbook (.xlsx)."),
        )
    if len(names) != len(parts) or any(part.compress_type not in (0, zipfile.ZIP_DEFLATED) for part in parts):
        raise damaged()
    if any(part.flag_bits & 1 for part in parts):
        raise refused(
            "encrypted",
            _("The workbook is protected by a password to open it."),
            _("Remove the password in Excel or WPS and save it again."),
        )
    unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if (
        len(parts) > MAX_PARTS
        or unpacked > MAX_UNPACKED
        or (unpacked > RATIO_COUNTS_FROM and unpacked > MAX_RATIO * max(packed, 1))
    ):
        raise refused(
            "bomb",
            _("The workbook unpacks to %(parts)d parts and %(seen)d MB, far more than a roster has.")
            % {"parts": len(parts), "seen": unpacked // MEGABYTE},
            _("Copy the rows into a new workbook and save that."),
        )


def repacked(archive: zipfile.ZipFile) -> tuple[io.BytesIO, dict[str, SheetPart]]:
    """The archive's XML parts in a fresh archive, and what its sheets hold.

    Two programs can read one spoilt archive differently, and unpack what its list of contents denies. The reader of
    the cells gets an archive written here, of parts that were unpacked here to their stated size and looked through.
    """
    clean, sheets = io.BytesIO(), {}
    with zipfile.ZipFile(clean, "w", zipfile.ZIP_STORED) as target:
        for entry in archive.infolist():
            if entry.filename.lower().endswith((".xml", ".rels")):
                with archive.open(entry) as source, target.open(entry.filename, "w") as copy:
                    part = look_through(source, copy)
                if part is not None:
                    sheets[entry.filename] = part
    clean.seek(0)
    return clean, sheets


def look_through(source: IO[bytes], copy: IO[bytes]) -> SheetPart | None:
    """Copy a part while reading it; what it holds, if it is a sheet.

    No document type declaration is let through: without one there are no entities to expand.
    """
    part = SheetPart()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse_declaration
    parser.StartElementHandler = lambda tag, attributes: begin(tag, attributes, part, parser)
    is_sheet = True
    while chunk := source.read(CHUNK):
        copy.write(chunk)
        if is_sheet:
            try:
                parser.Parse(chunk)
            except FoundRoot:
                is_sheet = False
            except expat.ExpatError as error:
                raise damaged() from error
    return part if is_sheet else None


def refuse_declaration(*_declaration: object) -> None:
    raise refused(
        "declaration",
        _("The workbook holds a document type declaration, which no spreadsheet program writes."),
        _("Copy the rows into a new workbook and save that."),
    )


def begin(tag: str, attributes: dict[str, str], part: SheetPart, parser: expat.XMLParserType) -> None:
    """Take note of one element of a sheet. Cells that hold nothing, only a format, do not count."""
    part.namespace, _blank, name = tag.rpartition(" ")
    if name == "worksheet":
        parser.StartElementHandler = lambda tag, attributes: inside(tag, attributes, part)
    else:
        raise FoundRoot


def inside(tag: str, attributes: dict[str, str], part: SheetPart) -> None:
    namespace, _blank, name = tag.rpartition(" ")
    if namespace != part.namespace:
        # Newer programs' additions use the same short names: a list to choose from stands in an f of theirs.
        return
    if name == "c":
        if at := attributes.get("r"):
            part.column, part.row = position(at)
        else:
            part.column += 1
    elif name == "row":
        part.row, part.column = int(attributes.get("r", part.row + 1)), 0
    elif name == "mergeCell":
        if len(part.merged) < FORMULAS_NAMED:
            part.merged.append(attributes.get("ref", ""))
    elif name in ("v", "f", "is"):
        if part.row > MAX_ROWS + 1:
            raise refused(
                "rows",
                _("A sheet goes beyond row %(last)d: at most %(rows)d rows under the header can be read.")
                % {"last": MAX_ROWS + 1, "rows": MAX_ROWS},
                _("Split the roster by district or subdistrict and import the parts one after another."),
            )
        if part.column > MAX_COLUMNS:
            raise refused(
                "columns",
                _("A sheet has something in column %(seen)s: at most %(allowed)d columns can be read.")
                % {"seen": column_name(part.column), "allowed": MAX_COLUMNS},
                _("Remove the columns that the template does not have."),
            )
        if name == "f" and len(part.formulas) < FORMULAS_NAMED:
            part.formulas.append(f"{column_name(part.column)}{part.row}")


def position(at: str) -> tuple[int, int]:
    """Column and row, both from 1, of a cell called ``at``, such as C5."""
    letters = at.rstrip("0123456789")
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    if column < 1:
        raise ValueError(at)
    return column, int(at[len(letters) :])


def column_name(column: int) -> str:
    return str(xl_col_to_name(column - 1))


def sheet_names(archive: zipfile.ZipFile) -> dict[str, str]:
    """The part that holds each sheet → the sheet's name, in the order of the tabs."""
    targets: dict[str, str] = {}
    names: dict[str, str] = {}

    def relationship(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(" ")[2] == "Relationship":
            target = attributes.get("Target", "")
            targets[attributes.get("Id", "")] = (
                target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            )

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(" ")[2] == "sheet":
            key = next((value for name, value in attributes.items() if name.endswith(" id")), "")
            if key in targets:
                names[targets[key]] = attributes.get("name", "")

    for path, handler in (("xl/_rels/workbook.xml.rels", relationship), ("xl/workbook.xml", sheet)):
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = handler
        try:
            parser.Parse(archive.read(path), True)
        except expat.ExpatError as error:
            raise damaged() from error
    return names


def rows_of(workbook: python_calamine.CalamineWorkbook, name: str) -> Iterator[list[Cell]]:
    for row in workbook.get_sheet_by_name(name).to_python(skip_empty_area=False):
        yield [plain(value) for value in row]


def plain(value: object) -> Cell:
    """A cell's value as people mean it: 3.0 is 3, midnight is a date, blanks around a text are nothing."""
    if isinstance(value, str):
        # Zero-width marks come with text copied from chats and web pages.
        return re.sub("[\u200b-\u200f\u202a-\u202e\u2060\ufeff]", "", value).strip() or None
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, datetime.datetime):
        return value.date() if value.time() == datetime.time() else value.isoformat(" ")
    return value if isinstance(value, int | datetime.date | None) else str(value)


# Comma-separated text


def read_csv(file_name: str, data: bytes) -> Sheet:
    text = decoded(data)
    first_line = next(line for line in text.splitlines() if line.strip())
    delimiter = max(",;\t", key=first_line.count)
    try:
        records = [
            [plain(value) for value in record]
            for record in limited(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        ]
    except csv.Error as error:
        raise refused(
            "csv",
            _(
                "The text cannot be divided into rows and columns: a quotation mark is not closed or misplaced."
            ),
            _("Save the sheet again as CSV from Excel or WPS, or use .xlsx."),
        ) from error
    formulas = [
        f"{column_name(column)}{number}"
        for number, record in enumerate(records, start=1)
        for column, value in enumerate(record, start=1)
        # What a spreadsheet program would compute when it opens the file. A telephone number may begin with +.
        if isinstance(value, str) and value.startswith(("=", "@"))
    ]
    return table(file_name, enumerate(records, start=1), formulas[:FORMULAS_NAMED])


def decoded(data: bytes) -> str:
    encodings = ["utf-16"] if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text and text.strip():
            return text
    raise refused(
        "encoding",
        _("The text is in an encoding that cannot be told: neither UTF-8 nor GB18030."),
        _("Save it as “CSV UTF-8”, or use .xlsx."),
    )


def limited(records: Iterable[list[str]]) -> Iterator[list[str]]:
    for number, record in enumerate(records, start=1):
        if number > MAX_ROWS + 1 and any(record):
            raise refused(
                "rows",
                _("A sheet goes beyond row %(last)d: at most %(rows)d rows under the header can be read.")
                % {"last": MAX_ROWS + 1, "rows": MAX_ROWS},
                _("Split the roster by district or subdistrict and import the parts one after another."),
            )
        if len(record) > MAX_COLUMNS:
            raise refused(
                "columns",
                _("A sheet has something in column %(seen)s: at most %(allowed)d columns can be read.")
                % {"seen": column_name(len(record)), "allowed": MAX_COLUMNS},
                _("Remove the columns that the template does not have."),
            )
        yield record


def table(name: str, records: Iterable[tuple[int, Sequence[Cell]]], formulas: Sequence[str]) -> Sheet:
    filled = [(number, cells) for number, cells in records if any(cell is not None for cell in cells)]
    for number, cells in filled:
        for column, cell in enumerate(cells, start=1):
            if isinstance(cell, str) and len(cell) > MAX_CHARACTERS:
                raise refused(
                    "long_cell",
                    _(
                        "Sheet %(sheet)s, cell %(cell)s holds %(seen)d characters; at most %(allowed)d can be read."
                    )
                    % {
                        "sheet": name,
                        "cell": f"{column_name(column)}{number}",
                        "seen": len(cell),
                        "allowed": MAX_CHARACTERS,
                    },
                    _("Shorten it, or clear it if it got there by mistake."),
                )
    # A title over the table, in one merged cell, is usual.
    start = next(
        (n for n, (_number, cells) in enumerate(filled) if sum(c is not None for c in cells) > 1), None
    )
    if start is None:
        return Sheet(name, (), (), tuple(formulas))
    width = max(
        column
        for _number, cells in filled[start:]
        for column, c in enumerate(cells, start=1)
        if c is not None
    )
    header = [*filled[start][1], *[None] * width][:width]
    return Sheet(
        name,
        tuple("" if heading is None else re.sub(r"\s+", "", str(heading)) for heading in header),
        tuple(Row(number, (*cells, *[None] * width)[:width]) for number, cells in filled[start + 1 :]),
        tuple(formulas),
    )


# Writing


@dataclass(frozen=True)
class Column:
    """A column to write: its heading, what may be chosen in its cells, and a note that shows when one is entered."""

    heading: str
    choices: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A sheet to write. ``blank_rows`` more rows under the last can be filled in with the same choices."""

    name: str
    columns: Sequence[Column | str]
    rows: Iterable[Sequence[object]]
    blank_rows: int = 0


def write_xlsx(tables: Iterable[Table]) -> bytes:
    """A workbook with one sheet a table. Text stays text, also where it looks like a formula or a link."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        formats = {
            "header": workbook.add_format(
                {"bold": True, "bottom": 1, "valign": "vcenter", "bg_color": "#F3EFE6"}
            ),
            "text": workbook.add_format({"valign": "top"}),
            "date": workbook.add_format({"num_format": "yyyy-mm-dd", "valign": "top", "align": "left"}),
        }
        for content in tables:
            write_table(workbook.add_worksheet(sheet_title(content.name)), content, formats)
    return file.getvalue()


def sheet_title(name: str) -> str:
    """``name`` as spreadsheet programs take it, or nothing, for which there is one of their own."""
    return re.sub(r"[\[\]:*?/\\\x00-\x1f ]+", " ", name)[:31].strip(" '")


def write_table(
    sheet: xlsxwriter.worksheet.Worksheet, content: Table, formats: dict[str, xlsxwriter.format.Format]
) -> None:
    columns = [column if isinstance(column, Column) else Column(column) for column in content.columns]
    widths = [shown_width(column.heading) for column in columns]
    for number, column in enumerate(columns):
        sheet.write_string(0, number, column.heading, formats["header"])
    last = 0
    for last, row in enumerate(content.rows, start=1):
        for number, value in enumerate(row):
            write_cell(sheet, last, number, value, formats)
            widths[number] = max(widths[number], shown_width(value))
    for number, column in enumerate(columns):
        sheet.set_column(number, number, min(max(widths[number] + 3, 8), 60))
        if column.choices or column.note:
            sheet.data_validation(
                1,
                number,
                max(last + content.blank_rows, 1),
                number,
                {
                    **(
                        {"validate": "list", "source": list(column.choices)}
                        if column.choices
                        else {"validate": "any"}
                    ),
                    "input_title": column.heading[:32],
                    "input_message": column.note[:255],
                    "show_input": bool(column.note),
                },
            )
    sheet.freeze_panes(1, 0)
    if last:
        sheet.autofilter(0, 0, last, len(columns) - 1)


def shown_width(value: object) -> int:
    """How many Latin letters wide a value shows; a Chinese character takes two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in str(value)) if value is not None else 0


def write_cell(
    sheet: xlsxwriter.worksheet.Worksheet,
    row: int,
    column: int,
    value: object,
    formats: dict[str, xlsxwriter.format.Format],
) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, formats["text"])
    elif isinstance(value, int | float | Decimal):
        sheet.write_number(row, column, value, formats["text"])
    elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        sheet.write_datetime(row, column, datetime.datetime.combine(value, datetime.time()), formats["date"])
    else:
        sheet.write_string(row, column, str(value), formats["text"])


def xlsx_response(file_name: str, tables: Iterable[Table]) -> HttpResponse:
    """A workbook to download, under a name that may be Chinese."""
    return download(file_name, write_xlsx(tables), XLSX)


def download(file_name: str, data: bytes, content_type: str) -> HttpResponse:
    response = HttpResponse(data, content_type=content_type)
    # Part of the name may come from a rule book: no folders in it, and no lines, which a header does not take.
    name = re.sub(r"[\x00-\x1f\x7f/\\]+", " ", file_name)
    response.headers["Content-Disposition"] = content_disposition_header(True, name)
    response.headers["Cache-Control"] = "no-store"
    return response
