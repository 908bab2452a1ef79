import io
from collections.abc import Callable

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.review.models import InstitutionalReturn, Response
from dongliang.review.returns import (
    confirm_return,
    discard_return,
    planned,
    preview_return,
    rows_of,
    shown_fingerprint,
)
from dongliang.review.workbook import EXPLANATION, MARKS, ReturnRefused, sheet_workbook
from dongliang.seasons.actions import close_season
from tests.factories.review import make_plan, send_sheet
from tests.factories.season import World, make_world

pytestmark = pytest.mark.django_db

# The subdistrict has three secretaries, in rows 3 to 5: columns A to C say who, D to G take marks, H a note.
FIRST, SECOND = 3, 4


@pytest.fixture
def world(settings) -> World:
    settings.LANGUAGE_CODE = "en"
    world = make_world()
    make_plan(world.season)
    return world


def filled(world: World, change: Callable | None = None, *, marks: str = "4354", institution=None) -> bytes:
    """The subdistrict's workbook as a spreadsheet program saves it, with ``marks`` for the first two secretaries."""
    institution = institution or world.subdistricts[0]
    book = openpyxl.load_workbook(io.BytesIO(sheet_workbook(world.season, institution)))
    sheet = book[MARKS]
    for row in (FIRST, SECOND):
        for column, mark in enumerate(marks, start=4):
            sheet.cell(row, column).value = int(mark)
    if change:
        change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def previewed(world: World, data: bytes) -> InstitutionalReturn:
    return preview_return(
        world.season, world.subdistricts[0], "评价表.xlsx", data, by=world.accounts["subdistrict"]
    )


def confirmed(subject: InstitutionalReturn, by=None) -> InstitutionalReturn:
    plan = planned(subject.season, subject.institution, rows_of(subject))
    return confirm_return(subject, shown=shown_fingerprint(plan), by=by)


def sent(world: World) -> list[tuple[int, str, str]]:
    found = Response.objects.filter(assignment__institution=world.subdistricts[0])
    return sorted(found.values_list("assignment__enrolment__number", "marks", "note"))


def refused_cells(world: World, change: Callable) -> list[tuple[int | None, str, str, str]]:
    with pytest.raises(ReturnRefused) as refused:
        previewed(world, filled(world, change))
    assert not InstitutionalReturn.objects.exists()
    return [(one.row, one.column, one.value, one.allowed) for one in refused.value.refusals]


def refused_whole(world: World, data: bytes) -> list[str]:
    with pytest.raises(Refused) as refused:
        previewed(world, data)
    assert not InstitutionalReturn.objects.exists()
    return [str(blocker) for blocker in refused.value.blockers]


def in_marks(cell: str, value: object) -> Callable:
    def change(book) -> None:
        book[MARKS][cell].value = value

    return change


def test_a_filled_workbook_is_previewed_and_sent_once_confirmed(world):
    subject = previewed(world, filled(world, in_marks("H3", " 走访两次 ")))

    assert (sent(world), subject.counts) == (
        [],
        {"new": 2, "changed": 0, "same": 0, "left": 1, "passed_over": []},
    )
    confirmed(subject, by=world.accounts["subdistrict"])
    assert sent(world) == [(1, "4354", "走访两次"), (2, "4354", "")]
    subject.refresh_from_db()
    assert (subject.state, subject.rows) == ("confirmed", [])
    entry = ActionLogEntry.objects.get(verb="review.return.confirmed")
    assert (entry.by, entry.detail) == (
        world.accounts["subdistrict"],
        {"file": subject.file_sha256, "sheets": 2},
    )


def test_the_workbook_holds_what_was_sent_and_says_what_is_changed_and_what_the_same(world):
    confirmed(previewed(world, filled(world)))

    untouched = openpyxl.load_workbook(io.BytesIO(sheet_workbook(world.season, world.subdistricts[0])))
    again = previewed(world, filled(world, in_marks("D3", 5)))

    row = [cell.value for cell in untouched[MARKS][FIRST]]
    assert row[:7] == [1, "柳荫第一居民区", "周兰英", 4, 3, 5, 4]
    assert (again.counts["changed"], again.counts["same"]) == (1, 1)
    confirmed(again)
    assert [marks for _number, marks, _note in sent(world)] == ["5354", "4354"]


def test_the_workbook_is_locked_but_for_marks_and_notes_which_have_their_lists(world):
    book = openpyxl.load_workbook(io.BytesIO(sheet_workbook(world.season, world.subdistricts[0])))
    sheet = book[MARKS]

    assert sheet.protection.sheet
    assert [sheet[cell].protection.locked for cell in ("A2", "D2", "A3", "C3", "D3", "G5", "H5")] == [
        True,
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    lists = {str(rule.sqref): rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert lists == {f"{column}3:{column}5": '"1,2,3,4,5"' for column in "DEFG"}
    assert book.sheetnames == [MARKS, EXPLANATION]


def test_columns_that_were_moved_are_found_by_their_headings(world):
    def swap(book) -> None:
        sheet = book[MARKS]
        for row in range(2, 6):
            sheet.cell(row, 4).value, sheet.cell(row, 7).value = (
                sheet.cell(row, 7).value,
                sheet.cell(row, 4).value,
            )

    confirmed(previewed(world, filled(world, swap, marks="1234")))

    assert [marks for _number, marks, _note in sent(world)] == ["1234", "1234"]


def test_a_column_of_ones_own_is_passed_over_and_named(world):
    def add(book) -> None:
        book[MARKS]["I2"].value, book[MARKS]["I3"].value = "经办人", "小王"

    assert previewed(world, filled(world, add)).counts["passed_over"] == ["经办人"]


def test_a_missing_or_doubled_heading_is_told(world):
    assert refused_cells(world, in_marks("D2", "党员")) == [
        (None, "headings", "", "There must be a column “党员管得住”.")
    ]
    assert refused_cells(world, in_marks("I2", "党员管得住")) == [
        (None, "headings", "党员管得住", "There must be one column “党员管得住”, not 2.")
    ]


def test_a_renamed_person_is_refused_by_row_and_column(world):
    assert refused_cells(world, in_marks("C3", "周兰芳")) == [
        (3, "书记", "周兰芳", "Number 1 is 周兰英. Rows may be moved as a whole, names not changed.")
    ]


@pytest.mark.parametrize(
    ("cell", "value", "told"),
    [
        ("D3", 6, (3, "党员管得住", "6", "A whole mark: 1, 2, 3, 4 or 5.")),
        ("D3", 4.5, (3, "党员管得住", "4.5", "A whole mark: 1, 2, 3, 4 or 5.")),
        ("E4", "好", (4, "群众愿意跟", "好", "A whole mark: 1, 2, 3, 4 or 5.")),
        ("E4", True, (4, "群众愿意跟", "True", "A whole mark: 1, 2, 3, 4 or 5.")),
        ("G4", None, (4, "工作落地快", "", "A mark from 1 to 5; or leave all marks of the row empty.")),
        ("A3", 99, (3, "编号", "99", "The number of one of your secretaries, as downloaded.")),
        ("A3", "一", (3, "编号", "一", "The number of one of your secretaries, as downloaded.")),
        ("A4", 1, (4, "编号", "1", "This secretary stands in row 3 already: keep one of the two.")),
        ("H3", "长" * 501, (3, "备注", "长" * 20, "At most 500 characters.")),
    ],
)
def test_a_cell_that_cannot_be_is_refused_by_row_and_column(world, cell, value, told):
    assert refused_cells(world, in_marks(cell, value)) == [told]


def test_a_formula_is_refused_even_where_it_shows_a_mark(world):
    cells = refused_cells(world, in_marks("E3", "=2+2"))

    assert cells[0] == (3, "群众愿意跟", "E3", "A formula is not taken: type the value itself.")


def test_merged_cells_are_refused(world):
    def merge(book) -> None:
        book[MARKS].merge_cells("D3:D4")

    cells = refused_cells(world, merge)

    assert cells[0] == (
        3,
        "党员管得住",
        "D3:D4",
        "Cells made one are not taken: separate them, and fill in each.",
    )


def test_somebody_elses_workbook_is_told_as_such(world):
    data = filled(world, institution=world.subdistricts[1])

    assert refused_whole(world, data) == [
        "The workbook is that of 石桥镇, not of 望梁街道. "
        "Download the workbook of 望梁街道 again and fill that one in."
    ]


def test_a_workbook_of_another_season_or_of_none_is_told_as_such(world):
    def other(book) -> None:
        book[EXPLANATION]["B1"].value = "lz-2020/LZ01"

    def none(book) -> None:
        del book[EXPLANATION]

    assert refused_whole(world, filled(world, other))[0].startswith(
        "The workbook is of another season, “lz-2020”; this one is “lz-2021”."
    )
    assert refused_whole(world, filled(world, none))[0].startswith("The workbook does not say whose it is")


def test_a_workbook_without_its_marks_and_one_without_a_filled_row_are_told(world):
    def drop(book) -> None:
        del book[MARKS]

    blank = sheet_workbook(world.season, world.subdistricts[0])

    assert refused_whole(world, filled(world, drop))[0].startswith("The workbook has no sheet “评价表”.")
    assert refused_whole(world, blank)[0].startswith("No row of the workbook is filled in.")


def test_a_workbook_of_a_million_rows_is_refused(world):
    assert "goes beyond row" in refused_whole(world, filled(world, in_marks("D1000000", 5)))[0]


def test_what_is_no_workbook_is_refused(world):
    assert refused_whole(world, b"PK\x03\x04" + b"\x00" * 500)[0].startswith("The workbook is damaged")


def test_a_preview_overtaken_by_a_sheet_is_shown_again(world):
    subject = previewed(world, filled(world))
    shown = shown_fingerprint(planned(world.season, world.subdistricts[0], rows_of(subject)))
    send_sheet(world.season.assignments.get(institution=world.subdistricts[0], enrolment=world.enrolments[0]))

    with pytest.raises(Refused) as refused:
        confirm_return(subject, shown=shown, by=None)

    assert [blocker.code for blocker in refused.value.blockers] == ["return.changed"]
    assert [number for number, _marks, _note in sent(world)] == [1]


def test_a_workbook_is_confirmed_or_discarded_once(world):
    subject = previewed(world, filled(world))
    shown = shown_fingerprint(planned(world.season, world.subdistricts[0], rows_of(subject)))
    confirm_return(subject, shown=shown, by=None)

    for again in (
        lambda: confirm_return(subject, shown=shown, by=None),
        lambda: discard_return(subject, by=None),
    ):
        with pytest.raises(Refused) as refused:
            again()
        assert [blocker.code for blocker in refused.value.blockers] == ["return.used"]


def test_a_discarded_workbook_sends_nothing(world):
    subject = previewed(world, filled(world))

    discard_return(subject, by=None)

    subject.refresh_from_db()
    assert (subject.state, subject.rows, sent(world)) == ("discarded", [], [])


def test_nothing_is_taken_once_the_season_is_closed(world):
    data = filled(world)
    close_season(world.season, by=None)

    assert refused_whole(world, data)[0].startswith("The season is closed.")


def test_the_pages_lead_from_the_file_through_the_preview_to_the_sheets(client, world):
    client.force_login(world.accounts["subdistrict"])
    address = reverse("review:institution", args=[world.subdistricts[0].pk])

    uploaded = client.post(address, {"file": SimpleUploadedFile("评价表.xlsx", filled(world))})
    page = client.get(uploaded["Location"])
    done = client.post(
        reverse("review:confirm_return", args=[page.context["subject"].pk]), {"shown": page.context["shown"]}
    )

    assert (page.status_code, done["Location"]) == (200, address)
    assert [number for number, _marks, _note in sent(world)] == [1, 2]


def test_the_page_of_a_refused_file_counts_rows_and_names_cells(client, world):
    client.force_login(world.accounts["subdistrict"])
    address = reverse("review:institution", args=[world.subdistricts[0].pk])

    answer = client.post(
        address, {"file": SimpleUploadedFile("评价表.xlsx", filled(world, in_marks("D3", 6)))}
    )

    assert (answer.status_code, answer.context["counts"], answer.context["count"]) == (
        422,
        {"new": 1, "changed": 0, "same": 0},
        1,
    )


def test_the_page_says_what_is_wrong_with_a_file_as_a_whole(client, world):
    client.force_login(world.accounts["subdistrict"])
    address = reverse("review:institution", args=[world.subdistricts[0].pk])

    answer = client.post(address, {"file": SimpleUploadedFile("评价表.xlsx", b"<html>")})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["file"])
