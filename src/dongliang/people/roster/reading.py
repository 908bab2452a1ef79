"""From the sheets of a file to typed rows, or to every reason why a cell is not taken."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

from django.utils.translation import gettext as _

from dongliang.common.refusals import Blocker, Refused
from dongliang.common.sheets import Row, Sheet, column_name, read_sheets
from dongliang.people.roster.columns import (
    MENTORS,
    PERSON_KEYS,
    SECRETARIES,
    SHEETS,
    UNITS,
    NotTaken,
    RosterColumn,
)

EXPLANATION = "填写说明"


@dataclass(frozen=True)
class Refusal:
    """One cell, row or sheet that is not taken, and what would be."""

    sheet: str
    row: int | None
    column: str
    value: str
    allowed: str

    def __str__(self) -> str:
        where = {"sheet": self.sheet, "row": self.row, "column": self.column, "value": self.value}
        if self.row is None:
            found = _("Sheet %(sheet)s, %(column)s: “%(value)s” is not taken.") % where
        else:
            found = _("Sheet %(sheet)s, row %(row)d, %(column)s: “%(value)s” is not taken.") % where
        return f"{found} {self.allowed}"


class RosterRefused(Refused):
    """A roster of which nothing is taken. ``refusals`` names every reason."""

    def __init__(self, refusals: list[Refusal]) -> None:
        self.refusals = refusals
        super().__init__(Blocker("roster.refused", str(refusal)) for refusal in refusals)


@dataclass(frozen=True, kw_only=True)
class UnitRow:
    sheet: ClassVar[str] = UNITS
    row: int
    name: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class SecretaryRow:
    """None is an empty cell: it leaves what is known as it is."""

    sheet: ClassVar[str] = SECRETARIES
    row: int
    unit: str
    neighbourhood: str
    kind: str | None = None
    name: str | None = None
    gender: str | None = None
    born: int | None = None
    mobile: str | None = None
    since: datetime.date | None = None
    how: str | None = None
    households: int | None = None
    residents: int | None = None
    estate: str | None = None
    mentor: str | None = None


@dataclass(frozen=True, kw_only=True)
class MentorRow:
    sheet: ClassVar[str] = MENTORS
    row: int
    name: str
    mobile: str | None = None
    gender: str | None = None
    born: int | None = None
    unit: str | None = None
    assesses: bool | None = None


AnyRow = TypeVar("AnyRow", UnitRow, SecretaryRow, MentorRow)


@dataclass(frozen=True)
class RosterContent:
    """The rows of a file, each cell read; ``unread`` names the sheets that are none of the three."""

    units: tuple[UnitRow, ...] = ()
    secretaries: tuple[SecretaryRow, ...] = ()
    mentors: tuple[MentorRow, ...] = ()
    unread: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "units": [asdict(row) for row in self.units],
            "secretaries": [
                asdict(row) | {"since": row.since.isoformat() if row.since else None}
                for row in self.secretaries
            ],
            "mentors": [asdict(row) for row in self.mentors],
            "unread": list(self.unread),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "RosterContent":
        return cls(
            tuple(UnitRow(**row) for row in stored["units"]),
            tuple(
                SecretaryRow(
                    **row | {"since": datetime.date.fromisoformat(row["since"]) if row["since"] else None}
                )
                for row in stored["secretaries"]
            ),
            tuple(MentorRow(**row) for row in stored["mentors"]),
            tuple(stored["unread"]),
        )


def read_roster(file_name: str, data: bytes) -> RosterContent:
    """The rows of a roster file. Raises Refused where it is no readable file, RosterRefused where cells are wrong."""
    reading = Reading()
    for sheet in read_sheets(file_name, data):
        reading.take(sheet)
    if not reading.taken and not reading.refusals:
        raise Refused(
            Blocker(
                "roster.no_sheet",
                _(
                    "The file has none of the sheets 街镇部门, 书记 and 大梁, nor one with the columns 街镇 and 居村."
                ),
                _("Download the template and copy your rows into it."),
            )
        )
    if reading.refusals:
        raise RosterRefused(reading.refusals)
    content = RosterContent(
        tuple(typed(UnitRow, reading.taken.get(UNITS, []))),
        tuple(typed(SecretaryRow, reading.taken.get(SECRETARIES, []))),
        tuple(typed(MentorRow, reading.taken.get(MENTORS, []))),
        tuple(reading.unread),
    )
    if not (content.units or content.secretaries or content.mentors):
        raise Refused(
            Blocker(
                "roster.no_rows",
                _("The file has a header but no rows under it."),
                _("Fill in one row for each neighbourhood, and save the file before choosing it."),
            )
        )
    return content


def typed(kind: type[AnyRow], rows: list[dict[str, Any]]) -> Iterator[AnyRow]:
    names = {field.name for field in fields(kind)}
    return (kind(**{key: value for key, value in row.items() if key in names}) for row in rows)


class Reading:
    """Goes through a file's sheets, keeping rows and refusals. ``sheets`` are the columns of each sheet it knows."""

    def __init__(self, sheets: Mapping[str, tuple[RosterColumn, ...]] = SHEETS) -> None:
        self.sheets = sheets
        self.taken: dict[str, list[dict[str, Any]]] = {}
        self.unread: list[str] = []
        self.refusals: list[Refusal] = []

    def take(self, sheet: Sheet) -> None:
        kind = self.kind_of(sheet)
        if kind is None:
            if sheet.name != EXPLANATION and (sheet.header or sheet.rows):
                self.unread.append(sheet.name)
            return
        if kind in self.taken:
            self.refuse(
                sheet, None, kind, sheet.name, _("Only one sheet with these columns. Put all rows on one.")
            )
            return
        self.taken[kind] = []
        for cell in sheet.formulas:
            number = int(cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
            values_only = _("Values only, no formula. Copy the cells and paste them as values.")
            self.refuse(sheet, number, cell, "=…", values_only)
        if self.header_fits(sheet, self.sheets[kind]):
            columns = {column.heading: column for column in self.sheets[kind]}
            present = [columns[heading] if heading else None for heading in sheet.header]
            for row in sheet.rows:
                self.take_row(sheet, kind, present, row)

    def kind_of(self, sheet: Sheet) -> str | None:
        """Which of the sheets this is: by its name, or, of secretaries alone, by its header."""
        if sheet.name in self.sheets:
            return sheet.name
        by_header = SECRETARIES in self.sheets and {"街镇", "居村"} <= set(sheet.header)
        return SECRETARIES if by_header else None

    def refuse(self, sheet: Sheet, row: int | None, column: str, value: object, allowed: str) -> None:
        self.refusals.append(Refusal(sheet.name, row, column, shortened(value), allowed))

    def header_fits(self, sheet: Sheet, columns: tuple[RosterColumn, ...]) -> bool:
        known = [column.heading for column in columns]
        before = len(self.refusals)
        for number, heading in enumerate(sheet.header, start=1):
            if heading and heading not in known:
                self.refuse(
                    sheet,
                    None,
                    _("header"),
                    heading,
                    _("One of: %(choices)s.") % {"choices": "、".join(known)},
                )
            elif heading and sheet.header.index(heading) != number - 1:
                self.refuse(sheet, None, _("header"), heading, _("Each column once."))
        missing = [
            column.heading for column in columns if column.required and column.heading not in sheet.header
        ]
        for heading in missing if sheet.header else ():
            self.refuse(sheet, None, _("header"), heading, _("This column is missing, and must be there."))
        return len(self.refusals) == before

    def take_row(self, sheet: Sheet, kind: str, present: list[RosterColumn | None], row: Row) -> None:
        read: dict[str, Any] = {"row": row.number}
        before = len(self.refusals)
        for number, (column, value) in enumerate(zip(present, row.cells, strict=True), start=1):
            if column is None:
                if value is not None:
                    self.refuse(
                        sheet,
                        row.number,
                        column_name(number),
                        value,
                        _("A cell under a heading. Give the column a heading, or clear the cell."),
                    )
            elif value is not None:
                try:
                    read[column.key] = column.read(value)
                except NotTaken as reason:
                    self.refuse(sheet, row.number, column.heading, value, str(reason))
            elif column.required:
                self.refuse(
                    sheet,
                    row.number,
                    column.heading,
                    "",
                    _("This cell must be filled. Where cells are merged, unmerge them and fill each one."),
                )
        if len(self.refusals) == before and (
            kind != SECRETARIES or self.names_somebody_or_nobody(sheet, read)
        ):
            self.taken[kind].append(read)

    def names_somebody_or_nobody(self, sheet: Sheet, read: dict[str, Any]) -> bool:
        """Whether a secretary's row has all that a tenure needs, or nothing of a person at all."""
        if not any(read.get(key) for key in (*PERSON_KEYS, "gender", "born", "mobile", "mentor")):
            return True
        headings = {column.key: column.heading for column in SHEETS[SECRETARIES]}
        missing = [key for key in PERSON_KEYS if read.get(key) is None]
        for key in missing:
            self.refuse(
                sheet,
                read["row"],
                headings[key],
                "",
                _(
                    "姓名, 到任日期 and 任职方式 are filled together, or, where the post is vacant, all left empty."
                ),
            )
        return not missing


def shortened(value: object) -> str:
    """A value as it is repeated to the reader."""
    shown = "" if value is None else str(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
