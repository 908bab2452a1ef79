"""An institution's sheets as one workbook: written to be filled in, and read back with every reason against it."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import xlsxwriter
from django.utils.translation import gettext as _
from xlsxwriter.utility import xl_range_abs

from dongliang.common.refusals import Blocker, Refused
from dongliang.common.sheets import Cell, Row, Sheet, position, read_sheets
from dongliang.people.models import Organisation
from dongliang.people.roster.reading import Refusal
from dongliang.review.models import Assignment
from dongliang.review.signatures import sheets_of
from dongliang.seasons.models import Season
from dongliang.seasons.rulebook import RuleBookContent

# The workbook is Chinese in every language of the pages: it goes from hand to hand.
MARKS, EXPLANATION, IDENTITY = "评价表", "填写说明", "本表编号"
NUMBER, PLACE, NAME, NOTE = "编号", "居村", "书记", "备注"
NOTE_LENGTH = 500
# The title stands in the first row, the headings in the second.
HEADER_ROW = 1


def identity(season: Season, institution: Organisation) -> str:
    """What ties a workbook to one season and one institution."""
    return f"{season.slug}/{institution.code}"


def headings(rules: RuleBookContent) -> list[str]:
    return [NUMBER, PLACE, NAME, *(indicator.name.zh for indicator in rules.indicators), NOTE]


# Writing


def sheet_workbook(season: Season, institution: Organisation) -> bytes:
    """The institution's own workbook: its secretaries with what was sent so far, to be filled in and sent back.

    Only marks and notes can be typed in; the rest is locked, without a password, against slips of the hand.
    """
    rules, sheets = season.rules, list(sheets_of(season, institution))
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        _write_marks(workbook, season, institution, rules, sheets)
        _write_explanation(workbook, season, institution, rules)
    return file.getvalue()


def _write_marks(
    workbook: xlsxwriter.Workbook,
    season: Season,
    institution: Organisation,
    rules: RuleBookContent,
    sheets: Sequence[Assignment],
) -> None:
    sheet = workbook.add_worksheet(MARKS)
    title = workbook.add_format({"bold": True, "font_size": 14})
    header = workbook.add_format({"bold": True, "bottom": 1, "bg_color": "#F3EFE6", "text_wrap": True})
    fixed = workbook.add_format({"valign": "top", "font_color": "#4A4A4A"})
    free = workbook.add_format({"locked": False, "valign": "top", "border": 1, "border_color": "#C9C2B2"})
    sheet.write_string(0, 0, f"{institution} · {season.title} · 街镇与部门评价表", title)
    for column, heading in enumerate(headings(rules)):
        sheet.write_string(HEADER_ROW, column, heading, header)
    for row, assignment in enumerate(sheets, start=HEADER_ROW + 1):
        response = getattr(assignment, "response", None)
        sheet.write_number(row, 0, assignment.enrolment.number, fixed)
        sheet.write_string(row, 1, str(assignment.enrolment.organisation), fixed)
        sheet.write_string(row, 2, str(assignment.enrolment.person), fixed)
        for column in range(len(rules.indicators)):
            if response:
                sheet.write_number(row, 3 + column, int(response.marks[column]), free)
            else:
                sheet.write_blank(row, 3 + column, None, free)
        sheet.write_string(row, 3 + len(rules.indicators), response.note if response else "", free)
    _guard(sheet, rules, len(sheets))


def _guard(sheet: xlsxwriter.worksheet.Worksheet, rules: RuleBookContent, rows: int) -> None:
    last = max(HEADER_ROW + rows, HEADER_ROW + 1)
    for column, indicator in enumerate(rules.indicators, start=3):
        sheet.data_validation(
            HEADER_ROW + 1,
            column,
            last,
            column,
            {
                "validate": "list",
                "source": ["1", "2", "3", "4", "5"],
                "input_title": indicator.name.zh[:32],
                "input_message": "从 1 到 5 选一个分数，各分什么样子见“填写说明”。",
                "error_title": "只能填 1 至 5",
                "error_message": "请从下拉列表里选 1、2、3、4 或 5。",
            },
        )
    sheet.set_column(0, 0, 6)
    sheet.set_column(1, 1, 24)
    sheet.set_column(2, 2, 10)
    sheet.set_column(3, 2 + len(rules.indicators), 12)
    sheet.set_column(3 + len(rules.indicators), 3 + len(rules.indicators), 40)
    sheet.freeze_panes(HEADER_ROW + 1, 3)
    sheet.print_area(xl_range_abs(0, 0, last, 3 + len(rules.indicators)))
    sheet.fit_to_pages(1, 0)
    sheet.protect("", {"select_locked_cells": True, "select_unlocked_cells": True, "format_columns": True})


def _write_explanation(
    workbook: xlsxwriter.Workbook, season: Season, institution: Organisation, rules: RuleBookContent
) -> None:
    sheet = workbook.add_worksheet(EXPLANATION)
    bold, wrapped = (
        workbook.add_format({"bold": True}),
        workbook.add_format({"text_wrap": True, "valign": "top"}),
    )
    lines = [
        (IDENTITY, identity(season, institution)),
        ("单位", str(institution)),
        ("怎么填", f"在“{MARKS}”里给每位书记的每项指标选 1 至 5 分，“{NOTE}”可以不填。"),
        ("不用一次填完", "整行不填的书记先不交，以后再下载、再上传。一行里要么全填，要么全不填。"),
        ("请不要改", "编号、居村、书记三列和表头请勿改动；不要合并单元格，不要填公式，不要删除本页。"),
        ("交表", "在网页上传本文件，先看预览，确认后才算交。全部交齐后由本单位负责人签署。"),
    ]
    for indicator in rules.indicators:
        for mark, level in enumerate(indicator.levels, start=1):
            lines.append((f"{indicator.name.zh} {mark} 分", level.zh))
    for row, (left, right) in enumerate(lines):
        sheet.write_string(row, 0, left, bold)
        sheet.write_string(row, 1, right, wrapped)
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 80)
    sheet.protect()


# Reading


@dataclass(frozen=True)
class Filled:
    """A filled row: whom it is about, the marks in the rule book's order, and the note."""

    number: int
    marks: str
    note: str


@dataclass(frozen=True)
class Read:
    """What a workbook says: filled rows, columns that were passed over, and secretaries left for later."""

    rows: list[Filled]
    passed_over: list[str]
    left: int


class ReturnRefused(Refused):
    """A workbook of which nothing is taken. ``refusals`` names every cell, with what would be taken there."""

    def __init__(self, refusals: list[Refusal], rows: list[Filled]) -> None:
        self.refusals, self.rows = refusals, rows
        super().__init__(Blocker("return.refused", str(refusal)) for refusal in refusals)


def read_return(season: Season, institution: Organisation, file_name: str, data: bytes) -> Read:
    """The filled rows of the institution's workbook. Raises Refused, or ReturnRefused naming every cell."""
    sheets = read_sheets(file_name, data)
    _check_identity(sheets, season, institution)
    marks = next((sheet for sheet in sheets if sheet.name == MARKS), None)
    if marks is None:
        raise Refused(
            Blocker(
                "return.no_marks",
                _("The workbook has no sheet “%(sheet)s”.") % {"sheet": MARKS},
                _("Download the workbook again and fill that one in."),
            )
        )
    rules = season.rules
    places, refusals = _columns(marks, rules)
    if refusals:
        raise ReturnRefused(refusals, [])
    asked = {sheet.enrolment.number: sheet for sheet in sheets_of(season, institution)}
    rows, refusals = _rows(marks, places, rules, asked)
    refusals = [*_spoilt(marks, places, rules), *refusals]
    if refusals:
        raise ReturnRefused(refusals, rows)
    known = set(headings(rules))
    passed_over = [heading for heading in marks.header if heading and heading not in known]
    return Read(rows, passed_over, len(asked) - len(rows))


def _check_identity(sheets: Sequence[Sheet], season: Season, institution: Organisation) -> None:
    """Whose workbook it is, and of which season: as the sheet of explanations says."""
    found = next(iter(_identities(sheets)), "")
    due = identity(season, institution)
    if found == due:
        return
    again = _("Download the workbook of %(institution)s again and fill that one in.") % {
        "institution": institution
    }
    slug, _slash, code = found.partition("/")
    if not found:
        raise Refused(
            Blocker(
                "return.no_identity",
                _("The workbook does not say whose it is: “%(row)s” on the sheet “%(sheet)s” is missing.")
                % {"row": IDENTITY, "sheet": EXPLANATION},
                again,
            )
        )
    if slug != season.slug:
        raise Refused(
            Blocker(
                "return.other_season",
                _("The workbook is of another season, “%(found)s”; this one is “%(due)s”.")
                % {"found": slug[:60], "due": season.slug},
                again,
            )
        )
    other = Organisation.objects.filter(code=code).first()
    raise Refused(
        Blocker(
            "return.other_institution",
            _("The workbook is that of %(found)s, not of %(institution)s.")
            % {"found": other or code[:20], "institution": institution},
            again,
        )
    )


def _identities(sheets: Sequence[Sheet]) -> Iterator[str]:
    for sheet in sheets:
        if sheet.name == EXPLANATION:
            lines = [sheet.header, *(row.cells for row in sheet.rows)]
            yield from (
                str(line[1]).strip() for line in lines if len(line) > 1 and line[0] == IDENTITY and line[1]
            )


def _columns(sheet: Sheet, rules: RuleBookContent) -> tuple[dict[str, int], list[Refusal]]:
    """Where each heading stands, in whatever order; and what is wrong with the headings."""
    refusals = []
    places: dict[str, int] = {}
    for heading in headings(rules):
        squeezed = re.sub(r"\s+", "", heading)
        found = [place for place, seen in enumerate(sheet.header) if seen == squeezed]
        if len(found) == 1:
            places[heading] = found[0]
        elif not found and heading != NOTE:
            refusals.append(
                Refusal(
                    sheet.name,
                    None,
                    _("headings"),
                    "",
                    _("There must be a column “%(heading)s”.") % {"heading": heading},
                )
            )
        elif found:
            allowed = _("There must be one column “%(heading)s”, not %(count)d.")
            words = {"heading": heading, "count": len(found)}
            refusals.append(Refusal(sheet.name, None, _("headings"), heading, allowed % words))
    return places, refusals


def _spoilt(sheet: Sheet, places: dict[str, int], rules: RuleBookContent) -> list[Refusal]:
    """Formulas and merged cells among what counts: their values are not what somebody typed there."""
    counted = {place + 1: heading for heading, place in places.items()}
    first = min((row.number for row in sheet.rows), default=0)
    found = []
    for cell in sheet.formulas:
        column, row = position(cell)
        if column in counted and row >= first:
            found.append(
                Refusal(
                    sheet.name,
                    row,
                    counted[column],
                    cell,
                    _("A formula is not taken: type the value itself."),
                )
            )
    for area in sheet.merged:
        start, _colon, end = area.partition(":")
        (left, _top), (right, bottom) = position(start), position(end or start)
        columns = [counted[column] for column in range(left, right + 1) if column in counted]
        if columns and bottom >= first > 0:
            found.append(
                Refusal(
                    sheet.name,
                    max(_top, first),
                    columns[0],
                    area,
                    _("Cells made one are not taken: separate them, and fill in each."),
                )
            )
    return found


def _rows(
    sheet: Sheet, places: dict[str, int], rules: RuleBookContent, asked: dict[int, Assignment]
) -> tuple[list[Filled], list[Refusal]]:
    rows: list[Filled] = []
    refusals: list[Refusal] = []
    seen: dict[int, int] = {}
    for row in sheet.rows:
        marks = [row.cells[places[indicator.name.zh]] for indicator in rules.indicators]
        note = row.cells[places[NOTE]] if NOTE in places else None
        if all(mark is None for mark in marks) and note is None:
            continue
        against = [*_whose(sheet, row, places, asked, seen), *_marks(sheet, row, marks, rules)]
        if note is not None and len(str(note)) > NOTE_LENGTH:
            allowed = _("At most %(most)d characters.") % {"most": NOTE_LENGTH}
            against.append(Refusal(sheet.name, row.number, NOTE, str(note)[:20], allowed))
        if against:
            refusals += against
        else:
            number = int(str(row.cells[places[NUMBER]]))
            written = "" if note is None else str(note).strip()
            rows.append(Filled(number, "".join(str(mark).strip() for mark in marks), written))
    return rows, refusals


def _whose(
    sheet: Sheet, row: Row, places: dict[str, int], asked: dict[int, Assignment], seen: dict[int, int]
) -> list[Refusal]:
    """Whether the row is about somebody the institution is asked about, once, and under the right name."""
    written, name = row.cells[places[NUMBER]], row.cells[places[NAME]]
    number = int(str(written)) if re.fullmatch(r"[0-9]{1,6}", str(written)) else 0
    if number not in asked:
        allowed = _("The number of one of your secretaries, as downloaded.")
        return [Refusal(sheet.name, row.number, NUMBER, shown(written), allowed)]
    if number in seen:
        allowed = _("This secretary stands in row %(row)d already: keep one of the two.") % {
            "row": seen[number]
        }
        return [Refusal(sheet.name, row.number, NUMBER, shown(written), allowed)]
    seen[number] = row.number
    due = str(asked[number].enrolment.person)
    if re.sub(r"\s+", "", str(name)) != re.sub(r"\s+", "", due):
        allowed = _("Number %(number)d is %(name)s. Rows may be moved as a whole, names not changed.")
        words = {"number": number, "name": due}
        return [Refusal(sheet.name, row.number, NAME, shown(name), allowed % words)]
    return []


def _marks(sheet: Sheet, row: Row, marks: Sequence[Cell], rules: RuleBookContent) -> list[Refusal]:
    found = []
    for mark, indicator in zip(marks, rules.indicators, strict=True):
        heading = indicator.name.zh
        if mark is None:
            allowed = _("A mark from 1 to 5; or leave all marks of the row empty.")
            found.append(Refusal(sheet.name, row.number, heading, "", allowed))
        elif isinstance(mark, bool) or not re.fullmatch(r"[1-5]", str(mark).strip()):
            allowed = _("A whole mark: 1, 2, 3, 4 or 5.")
            found.append(Refusal(sheet.name, row.number, heading, shown(mark), allowed))
    return found


def shown(value: Cell) -> str:
    return "" if value is None else str(value)[:40]
