import gzip
import io
import zipfile

import duckdb
import openpyxl
import pytest
import xlsxwriter
from click import ClickException

from dongliang.cli.files import opened
from dongliang.cli.ratings import Columns, read_ratings

TABLE = "who,by,mark\n张书记,x,3\n李书记,y,4\n"
ROWS = (["who", "by", "mark"], [(2, ["张书记", "x", "3"]), (3, ["李书记", "y", "4"])])
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read(folder, name, data, sheet=None):
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    with opened(folder / name, sheet) as table:
        return table.header, list(table.rows)


def refusal(folder, name, data, sheet=None):
    with pytest.raises(ClickException) as refused:
        read(folder, name, data, sheet)
    return refused.value.message.replace(str(folder / name), name)


def workbook(*sheets):
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return file.getvalue()


SHEET = workbook(("评分", [["who", "by", "mark"], ["张书记", "x", 3], ["李书记", "y", 4.0]]))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", TABLE),
        ("t.csv", "\ufeff" + TABLE),
        ("t.csv", TABLE.encode("gbk")),
        ("t.csv", TABLE.encode("utf-16")),
        ("t.csv", TABLE.replace(",", ";")),
        ("t.txt", TABLE.replace(",", "\t")),
        ("t.csv", TABLE.replace("\n", "\r\n")),
        ("t.csv.gz", gzip.compress(TABLE.encode())),
        ("t.xlsx", SHEET),
        ("t.csv", SHEET),
    ],
    ids="utf-8 mark gbk utf-16 semicolons tabs crlf gzip xlsx xlsx-called-csv".split(),
)
def test_one_table_is_read_alike_however_it_was_saved(tmp_path, name, data):
    assert read(tmp_path, name, data) == ROWS


def test_a_parquet_file_is_read_like_the_csv_it_was_made_from(tmp_path):
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    # A name full of signs that would stand for other files.
    file = tmp_path / "t[1]*.parquet"
    connection = duckdb.connect()
    connection.execute(f"COPY (FROM read_csv('{tmp_path / 't.csv'}')) TO '{file}' (FORMAT parquet)")

    with opened(file) as table:
        assert (table.header, list(table.rows)) == ROWS
    with opened(file, wanted=["mark"]) as table:
        assert list(table.rows) == [(2, ["", "", "3"]), (3, ["", "", "4"])]


def test_without_its_reader_a_parquet_file_is_refused_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)

    assert refusal(tmp_path, "t.parquet", b"PAR1") == (
        "t.parquet is a Parquet file, and DuckDB, which reads it, is not installed. Install dongliang[scale]."
    )


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("t.csv.gz", TABLE, "t.csv.gz is not a whole gzip file. Pack it again, or give the .csv."),
        (
            "t.csv.gz",
            gzip.compress(TABLE.encode())[:-6],
            "t.csv.gz is not a whole gzip file. Pack it again, or give the .csv.",
        ),
        (
            "t.csv.gz",
            gzip.compress(b"a" * 5_000_000),
            "t.csv.gz is not a CSV table: a line has more than 1,048,576 characters.",
        ),
        ("t.csv", TABLE + '"A' * 70_000, "t.csv is not a CSV table: ',' expected after '\"'."),
        ("t.csv", TABLE + '"A,x', "t.csv is not a CSV table: unexpected end of data."),
        (
            "t.csv",
            b"who\xff\xff",
            "t.csv is not UTF-8 text, nor GB18030 (GBK). Save it as CSV UTF-8, or as .xlsx.",
        ),
        ("t.csv", b"a,\0b\n", "t.csv is no text: it holds zero bytes. Save it as CSV UTF-8, or as .xlsx."),
        (
            "t.csv",
            "<html><table>",
            "t.csv is a web page or XML, whatever its name says. "
            "Open it in Excel or WPS and save it as an Excel workbook (.xlsx).",
        ),
        (
            "t.xls",
            OLD + bytes(600),
            "t.xls is in an old format (.xls or .et). Open it in Excel or WPS and save it as an Excel workbook (.xlsx).",
        ),
        (
            "t.xlsx",
            OLD + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "t.xlsx is protected by a password. Remove it in Excel or WPS and save the workbook again.",
        ),
        (
            "t.xlsx",
            TABLE,
            "t.xlsx cannot be read as a workbook (File is not a zip file). Save it again as .xlsx.",
        ),
        (
            "t.xlsx",
            SHEET[:-300],
            "t.xlsx cannot be read as a workbook (File is not a zip file). Save it again as .xlsx.",
        ),
    ],
    # The compressed bytes hold the time, and would call the tests differently in every process.
    ids="not-packed cut-short endless-line misquoted unclosed no-encoding zero-bytes web-page old-format password "
    "text-called-xlsx cut-workbook".split(),
)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path, name, data, sentence):
    assert refusal(tmp_path, name, data) == sentence


def test_a_damaged_parquet_file_is_refused(tmp_path):
    assert refusal(tmp_path, "t.parquet", b"PAR1....").startswith("t.parquet cannot be read as Parquet (")


def test_a_folder_called_like_a_table_is_refused(tmp_path):
    (tmp_path / "t.csv").mkdir()

    with (
        pytest.raises(ClickException, match=r"t\.csv cannot be read: Is a directory\. Check the name"),
        opened(tmp_path / "t.csv"),
    ):
        pass


def changed(data, part, change):
    """A workbook with one of its parts changed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return file.getvalue()


def test_a_workbook_that_unpacks_to_far_more_than_it_holds_is_refused(tmp_path):
    bomb = changed(SHEET, "xl/worksheets/sheet1.xml", lambda xml: xml + b" " * 30_000_000)

    assert refusal(tmp_path, "t.xlsx", bomb) == (
        "t.xlsx unpacks to 28 MB, far more than its cells can need. "
        "Copy the rows into a new workbook, or save it as CSV UTF-8."
    )


def test_a_cell_in_the_farthest_corner_does_not_fill_the_memory(tmp_path):
    book = openpyxl.Workbook()
    book.active["A1"] = "who"
    book.active["XFD1048576"] = "x"
    file = io.BytesIO()
    book.save(file)

    assert refusal(tmp_path, "t.xlsx", file.getvalue()) == (
        "t.xlsx, sheet Sheet, has something in row 1,048,576 and in column 16,384. "
        "Copy the rows that count into a new workbook, or save them as CSV UTF-8."
    )


def test_a_formula_that_nobody_has_computed_is_refused_with_its_cell(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["who", "mark"])
    book.active.append(["A", "=1+2"])
    file = io.BytesIO()
    book.save(file)

    assert refusal(tmp_path, "t.xlsx", file.getvalue()) == (
        "t.xlsx, sheet Sheet, row 2, column B, holds a formula that was never computed. "
        "Open the workbook in Excel or WPS and save it again."
    )


def test_a_title_over_the_table_is_passed_over_and_rows_keep_their_numbers(tmp_path):
    data = workbook(("评分", [["2021年评分表"], [], ["who", "mark"], [], ["A", 3]]))

    assert read(tmp_path, "t.xlsx", data) == (["who", "mark"], [(5, ["A", "3"])])


def test_a_sheet_is_chosen_by_name_and_the_choice_of_the_first_is_said(tmp_path):
    (tmp_path / "t.xlsx").write_bytes(workbook(("甲", [["who"], ["A"]]), ("乙", [["who"], ["B"]])))

    with opened(tmp_path / "t.xlsx") as first, opened(tmp_path / "t.xlsx", "乙") as second:
        assert (list(first.rows), first.notes) == (
            [(2, ["A"])],
            (f"{tmp_path / 't.xlsx'} has 2 sheets; 甲 was read.",),
        )
        assert (list(second.rows), second.place) == ([(2, ["B"])], f"{tmp_path / 't.xlsx'}, sheet 乙")
    assert refusal(tmp_path, "t.xlsx", (tmp_path / "t.xlsx").read_bytes(), "丙") == (
        "t.xlsx has no sheet named 丙. Its sheets are: 甲, 乙."
    )


def test_failed_formulas_and_merged_cells_are_complaints_with_their_cells(tmp_path):
    file = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("评分")
        sheet.write_row(0, 1, ["who", "by", "mark"])
        sheet.merge_range(1, 1, 2, 1, "A")
        sheet.write_row(1, 2, ["x", "３．５"])
        sheet.write_row(2, 2, ["y", 4])
        sheet.write_row(3, 1, ["B", "x"])
        sheet.write_formula(3, 3, "=NA()", value="#N/A")

    with pytest.raises(ClickException) as refused:
        read_ratings(file, Columns("who", ("mark",), "by"))

    assert refused.value.message.replace(str(tmp_path), "") == (
        "/t.xlsx, sheet 评分: 2 places have to be put right first.\n"
        "  row 3, column who: covered by the merged cell B2. Unmerge it and fill in every row.\n"
        "  row 4, column mark: #N/A is a formula that failed. Put it right in the sheet."
    )


def test_digits_of_full_width_are_numbers_and_a_decimal_comma_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("who;by;mark\nA;x;３．５\nB;x; -４ \n", encoding="utf-8")
    (tmp_path / "u.csv").write_text("who;by;mark\nA;x;3,5\n", encoding="utf-8")

    rated = read_ratings(tmp_path / "t.csv", Columns("who", ("mark",), "by"))

    assert rated.ratings.values.tolist() == [3.5, -4]
    with pytest.raises(
        ClickException, match=r"row 2, column mark: '3,5' is not a number. Write the decimal point"
    ):
        read_ratings(tmp_path / "u.csv", Columns("who", ("mark",), "by"))
