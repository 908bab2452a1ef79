import datetime
import io
import re
import zipfile
import zlib
from contextlib import suppress
from urllib.parse import unquote

import pytest
import python_calamine
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from dongliang.common import sheets
from dongliang.common.refusals import Refused
from dongliang.common.sheets import Column, Row, Sheet, Table, read_sheets, write_xlsx, xlsx_response

SHEET = "xl/worksheets/sheet1.xml"
PLAIN = [Table("书记", ["姓名", "年份"], [["周兰英", 1975], ["吴建国", 1968]])]


def code_of(file_name: str, data: bytes) -> str:
    with pytest.raises(Refused) as refused:
        read_sheets(file_name, data)
    return refused.value.blockers[0].code.removeprefix("sheet.")


def with_parts(data: bytes, changes: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The workbook with parts replaced or added."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(changed, "w", compression) as target:
        for name in source.namelist():
            target.writestr(name, changes.get(name, source.read(name)))
        for name in changes.keys() - set(source.namelist()):
            target.writestr(name, changes[name])
    return changed.getvalue()


def part(data: bytes, name: str = SHEET) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def test_a_workbook_is_read_as_it_was_written():
    day = datetime.date(2021, 5, 8)
    written = Table(
        "名册",
        ["姓名", "日期", "户数", "比例", "是否"],
        [["周兰英", day, 1260, 0.5, True], [None] * 5, ["吴"]],
    )

    assert read_sheets("a.xlsx", write_xlsx([written, *PLAIN])) == [
        Sheet(
            "名册",
            ("姓名", "日期", "户数", "比例", "是否"),
            (Row(2, ("周兰英", day, 1260, 0.5, True)), Row(4, ("吴", None, None, None, None))),
        ),
        Sheet("书记", ("姓名", "年份"), (Row(2, ("周兰英", 1975)), Row(3, ("吴建国", 1968)))),
    ]


def test_a_title_above_the_header_is_passed_over_and_rows_keep_their_numbers():
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("书记")
        sheet.merge_range("A1:C1", "梁州区居村书记花名册")
        sheet.write_row("A3", ["姓 名", "手机\n号码"])
        sheet.write_row("A7", ["周兰英", " 139 "])

    assert read_sheets("a.xlsx", file.getvalue()) == [
        Sheet("书记", ("姓名", "手机号码"), (Row(7, ("周兰英", "139")),), merged=("A1:C1",))
    ]


def test_formats_without_values_far_below_do_not_count_as_rows():
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("书记")
        sheet.write_row("A1", ["姓名", "年份"])
        sheet.write_row("A2", ["周兰英", 1975])
        sheet.write_blank("ZZ900000", None, book.add_format({"bold": True}))

    assert read_sheets("a.xlsx", file.getvalue()) == [
        Sheet("书记", ("姓名", "年份"), (Row(2, ("周兰英", 1975)),))
    ]


def test_formulas_are_named_by_their_cells():
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet("书记")
        sheet.write_row("A1", ["姓名", "年份"])
        sheet.write("B2", "=1970+5")
        sheet.write("AA3", '=HYPERLINK("http://example.org")')

    assert read_sheets("a.xlsx", file.getvalue())[0].formulas == ("B2", "AA3")


def test_a_list_to_choose_from_that_newer_programs_write_is_no_formula():
    data = write_xlsx(PLAIN)
    extension = (
        b'<extLst><ext xmlns:x14="urn:x14"><x14:dataValidations><x14:formula1>'
        b'<xm:f xmlns:xm="urn:xm">Sheet2!$A$1</xm:f></x14:formula1></x14:dataValidations></ext></extLst></worksheet>'
    )

    changed = with_parts(data, {SHEET: part(data).replace(b"</worksheet>", extension)})

    assert read_sheets("a.xlsx", changed)[0].formulas == ()


def test_a_text_that_looks_like_a_formula_is_written_and_read_as_text():
    texts = ["=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", "http://example.org", "1e5", "0012"]

    [sheet] = read_sheets(
        "a.xlsx", write_xlsx([Table("名册", ["甲", "乙"], [["x", text] for text in texts])])
    )

    assert [row.cells[1] for row in sheet.rows] == texts
    assert sheet.formulas == ()


@pytest.mark.parametrize(
    ("file_name", "data", "code"),
    [
        ("a.xlsx", b"", "empty"),
        ("a.csv", b"\r\n \r\n", "empty"),
        ("a.xlsx", "姓名,年份\n".encode(), "not_a_workbook"),
        ("a.xlsx", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not_a_workbook"),
        ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "web_page"),
        ("a.csv", b"<?xml version='1.0'?><Workbook/>", "web_page"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old_format"),
        ("a.et", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old_format"),
        (
            "a.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"),
            "encrypted",
        ),
        ("a.xlsx", b"PK\x03\x04 and then nothing of a package", "damaged"),
        ("a.xlsx", write_xlsx(PLAIN)[:-200], "damaged"),
        ("a.xlsx", write_xlsx(PLAIN)[:300], "damaged"),
        ("a.csv", b"a" * (sheets.MAX_FILE + 1), "too_large"),
        ("a.csv", "姓名,年份\n周".encode() + b"\xff\xff\xff", "encoding"),
        ("a.csv", b"a,b\n1,\x002\n", "encoding"),
        ("a.csv", b'a,b\n"1,2\n', "csv"),
        ("a.csv", b'a,b\n"1"x,2\n', "csv"),
        ("a.csv", b"a,b\n1," + b"x" * 1001, "long_cell"),
        ("a.csv", b"a,b\n1," + b"x" * 200_000, "csv"),
        ("a.csv", b",".join([b"a"] * 101), "columns"),
    ],
)
def test_what_is_no_readable_file_is_told_as_what_it_is(file_name: str, data: bytes, code: str):
    assert code_of(file_name, data) == code


def test_another_package_is_told_from_a_workbook():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")

    assert code_of("a.xlsx", file.getvalue()) == "not_xlsx"


def test_a_zip_bomb_is_refused_from_its_list_of_contents():
    bomb = with_parts(write_xlsx(PLAIN), {"xl/media/zeros.xml": b"\0" * (30 * sheets.MEGABYTE)})

    assert len(bomb) < 100_000
    assert code_of("a.xlsx", bomb) == "bomb"


def test_a_bomb_that_states_a_small_size_is_stopped_while_it_unpacks():
    blanks = b"<x>" + b" " * (30 * sheets.MEGABYTE)
    honest = with_parts(write_xlsx(PLAIN), {"xl/media/blanks.xml": blanks})
    liar = honest.replace(len(blanks).to_bytes(4, "little"), (1000).to_bytes(4, "little"))

    assert code_of("a.xlsx", liar) == "damaged"
    # With a check sum for the stated size it passes, but only that much was unpacked, and nobody reads the rest.
    fitting = liar.replace(
        zlib.crc32(blanks).to_bytes(4, "little"), zlib.crc32(blanks[:1000]).to_bytes(4, "little")
    )
    assert read_sheets("a.xlsx", fitting) == read_sheets("a.xlsx", write_xlsx(PLAIN))


def test_a_package_of_thousands_of_parts_is_refused():
    crowd = with_parts(write_xlsx(PLAIN), {f"xl/media/{n}.txt": b"" for n in range(sheets.MAX_PARTS)})

    assert code_of("a.xlsx", crowd) == "bomb"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_package_that_names_a_part_twice_is_refused():
    data = io.BytesIO(write_xlsx(PLAIN))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr(SHEET, b"<worksheet/>")

    assert code_of("a.xlsx", data.getvalue()) == "damaged"


@pytest.mark.parametrize("name", [SHEET, "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_an_entity_bomb_is_refused_wherever_it_stands(name: str):
    data = write_xlsx(PLAIN)
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'

    bomb = with_parts(data, {name: part(data, name).replace(b"?>", b"?>" + entities, 1)})

    assert code_of("a.xlsx", bomb) == "declaration"


def test_a_cell_that_claims_to_stand_far_away_is_refused_before_a_table_is_built():
    data = write_xlsx(PLAIN)

    far = with_parts(data, {SHEET: part(data).replace(b'r="B3"', b'r="XFD1048576"')})
    wide = with_parts(data, {SHEET: part(data).replace(b'r="B3"', b'r="XFD3"')})

    assert (code_of("a.xlsx", far), code_of("a.xlsx", wide)) == ("rows", "columns")


def test_a_hundred_thousand_rows_are_refused():
    rows = "".join(f"<row><c><v>{n}</v></c></row>" for n in range(100_000)).encode()
    data = write_xlsx(PLAIN)
    many = with_parts(
        data,
        {SHEET: re.sub(rb"<sheetData>.*</sheetData>", b"<sheetData>" + rows + b"</sheetData>", part(data))},
    )

    assert code_of("a.xlsx", many) == "rows"
    assert code_of("a.csv", b"a,b\n" + b"1,2\n" * 100_000) == "rows"


def test_twenty_thousand_rows_are_read():
    [sheet] = read_sheets("a.csv", b"a,b\n" + b"1,2\n" * 20_000 + b"\n\n")

    assert len(sheet.rows) == 20_000


def test_a_huge_cell_in_a_workbook_is_named():
    with pytest.raises(Refused, match="B2"):
        read_sheets("a.xlsx", write_xlsx([Table("书记", ["甲", "乙"], [["x", "长" * 30_000]])]))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_is_read_in_the_usual_encodings_and_with_the_usual_delimiters(encoding: str, delimiter: str):
    text = "姓名,手机\r\n周兰英,13900000001\r\n\r\n吴建国,\r\n".replace(",", delimiter)

    assert read_sheets("书记.csv", text.encode(encoding)) == [
        Sheet("书记.csv", ("姓名", "手机"), (Row(2, ("周兰英", "13900000001")), Row(4, ("吴建国", None))))
    ]


def test_what_a_spreadsheet_program_would_compute_counts_as_a_formula_in_text_too():
    [sheet] = read_sheets("a.csv", b"a,b\n=cmd|'/c calc'!A0,+8613900000001\n@SUM(A1),-\n")

    assert sheet.formulas == ("A2", "A3")


@settings(max_examples=60)
@given(position=st.integers(0, 5000), byte=st.integers(0, 255), cut=st.integers(1, 200))
def test_a_spoilt_workbook_is_read_or_refused_and_never_breaks(position: int, byte: int, cut: int):
    data = bytearray(write_xlsx(PLAIN))
    at = position % len(data)
    data[at : at + cut] = bytes([byte])

    with suppress(Refused):
        read_sheets("a.xlsx", bytes(data))


@settings(max_examples=60)
@given(
    position=st.integers(0, 2000), word=st.sampled_from([b"<", b'r="A0"', b't="s"', b"<v>9</v>", b"1", b"/"])
)
def test_a_spoilt_sheet_is_read_or_refused_and_never_breaks(position: int, word: bytes):
    data = write_xlsx(PLAIN)
    xml = part(data)
    at = position % len(xml)

    with suppress(Refused):
        read_sheets("a.xlsx", with_parts(data, {SHEET: xml[:at] + word + xml[at:]}))


def test_a_written_table_has_its_header_frozen_and_its_choices_listed():
    data = write_xlsx([Table("书记", [Column("性别", ("女", "男"), "选一个"), "姓名"], [], blank_rows=20)])
    xml = part(data).decode()

    assert 'state="frozen"' in xml
    assert '<dataValidation type="list"' in xml
    assert 'sqref="A2:A21"' in xml
    assert '"女,男"' in xml


def test_a_download_carries_a_chinese_name():
    response = xlsx_response("花名册.xlsx", PLAIN)

    assert response["Content-Disposition"] == "attachment; filename*=utf-8''%E8%8A%B1%E5%90%8D%E5%86%8C.xlsx"
    assert python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(response.content)).sheet_names == [
        "书记"
    ]


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("最美书记/最好书记", "最美书记 最好书记"),
        ("'a'[b]:c*d?e\\f", "a' b c d e f"),
        ("名" * 40, "名" * 31),
        ("年度\n\x00", "年度"),
        ("//", "Sheet1"),
    ],
)
def test_a_title_that_no_sheet_can_bear_is_made_one_it_can(title: str, shown: str):
    """Lists are called what the rule book calls them, and a sheet's name takes less."""
    data = write_xlsx([Table(title, ["姓名"], [["周兰英"]])])

    assert [sheet.name for sheet in read_sheets("a.xlsx", data)] == [shown]


def test_a_download_s_name_holds_neither_lines_nor_folders():
    response = xlsx_response("年度\r\nSet-Cookie: a=b/../名单.xlsx", PLAIN)

    assert unquote(response["Content-Disposition"]).endswith("''年度 Set-Cookie: a=b .. 名单.xlsx")
