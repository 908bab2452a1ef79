import datetime

import pytest
from django.utils.translation import override

from dongliang.common.refusals import Refused
from dongliang.common.sheets import Table, write_xlsx
from dongliang.people.roster.columns import NotTaken, birth_year, count, mobile, past_date, text
from dongliang.people.roster.reading import RosterContent, RosterRefused, SecretaryRow, read_roster
from dongliang.people.roster.workbook import template_csv, template_workbook
from tests.factories.people import UNITS, make_mentor_row, make_roster, make_row

HEADER = ["街镇", "居村", "姓名", "到任日期", "任职方式"]


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


def refusals_of(data: bytes, file_name: str = "a.xlsx") -> list[tuple[str, int | None, str, str, str]]:
    with pytest.raises(RosterRefused) as refused:
        read_roster(file_name, data)
    return [(one.sheet, one.row, one.column, one.value, one.allowed) for one in refused.value.refusals]


@pytest.mark.parametrize(
    "written",
    [
        datetime.date(2021, 5, 8),
        "2021-05-08",
        "2021-5-8",
        "2021年5月8日",
        "2021 年 5 月 8 日",
        "2021.5.8",
        "2021/5/8",
        "２０２１／５／８",
        "2021/5/8 0:00:00",
        "2021-05-08 00:00:00",
        "20210508",
        20210508,
    ],
)
def test_a_date_is_read_in_every_usual_form(written: object):
    assert past_date(written) == datetime.date(2021, 5, 8)


@pytest.mark.parametrize("written", ["2021-05", "2021年5月", "2021.5", "2021/05"])
def test_a_month_means_its_first_day(written: str):
    assert past_date(written) == datetime.date(2021, 5, 1)


@pytest.mark.parametrize(
    "written",
    [2021.1, 2021, 44324, True, "去年", "2021-13-01", "2021-02-30", "2999-01-01", "1912-01-01", "5/8"],
)
def test_what_is_no_date_in_the_past_is_not_taken(written: object):
    with pytest.raises(NotTaken):
        past_date(written)


@pytest.mark.parametrize(
    "written", [13900000001, "13900000001", "139 0000 0001", "+86 139-0000-0001", "１３９００００００01"]
)
def test_a_mobile_is_read_however_it_is_spaced(written: object):
    assert mobile(written) == "13900000001"


@pytest.mark.parametrize(
    "written", ["1390000000", "139000000011", "23900000001", "139****0001", 1.39e10 + 0.5, True]
)
def test_what_is_no_mobile_is_not_taken(written: object):
    with pytest.raises(NotTaken):
        mobile(written)


def test_numbers_are_read_with_the_marks_people_add():
    assert [count("1,260"), count("１２６０"), count(0), birth_year("1975年"), birth_year(1975)] == [
        1260,
        1260,
        0,
        1975,
        1975,
    ]


@pytest.mark.parametrize("written", [-1, 0.5, "约1000", True, 10**7])
def test_what_is_no_count_is_not_taken(written: object):
    with pytest.raises(NotTaken):
        count(written)


@pytest.mark.parametrize("written", [75, 1899, 2020, "19750101", "不详"])
def test_what_is_no_year_of_birth_of_a_grown_up_is_not_taken(written: object):
    with pytest.raises(NotTaken):
        birth_year(written)


def test_a_chinese_name_loses_the_blanks_that_forms_put_in():
    assert [text(40)("张　三"), text(40)("张 三"), text(40)("Li Hua")] == ["张三", "张三", "Li Hua"]


@pytest.mark.parametrize("written", ["=cmd|'/c calc'!A0", "+1", "-", "@A1", "张\x07三", "长" * 41])
def test_what_could_harm_or_does_not_fit_is_no_name(written: str):
    with pytest.raises(NotTaken):
        text(40)(written)


def test_a_row_is_read_whole():
    full = make_row(
        1, 类型="村", 性别="女", 出生年=1975, 户数=1260, 居民数=3480, 小区类型="农村", 带教大梁="沈国1"
    )

    assert read_roster("a.xlsx", make_roster(full)).secretaries == (
        SecretaryRow(
            row=2,
            unit="望梁街道",
            neighbourhood="柳荫第1居民区",
            kind="village",
            name="周兰1",
            gender="female",
            born=1975,
            mobile="13900000001",
            since=datetime.date(2021, 5, 8),
            how="new",
            households=1260,
            residents=3480,
            estate="rural",
            mentor="沈国1",
        ),
    )


def test_rows_survive_being_stored():
    content = read_roster("a.xlsx", make_roster(make_row(1), make_row(2), mentors=[make_mentor_row()]))

    assert RosterContent.from_json(content.as_json()) == content


def test_text_with_the_columns_of_secretaries_is_the_secretaries_sheet():
    data = "街镇;居村;姓名;到任日期;任职方式\n望梁街道;柳荫第1居民区;周兰英;2021.5.8;新任\n".encode("gb18030")

    assert read_roster("导出.csv", data).secretaries == (
        SecretaryRow(
            row=2,
            unit="望梁街道",
            neighbourhood="柳荫第1居民区",
            name="周兰英",
            since=datetime.date(2021, 5, 8),
            how="new",
        ),
    )


def test_every_wrong_cell_is_named_with_sheet_row_column_value_and_what_is_allowed():
    data = make_roster(
        make_row(1, 手机="123"), make_row(2, 任职方式="选举", 居村=None), mentors=[make_mentor_row(姓名=None)]
    )

    assert refusals_of(data) == [
        ("书记", 2, "手机", "123", "A mobile number: 11 digits, beginning with 13 to 19."),
        (
            "书记",
            3,
            "居村",
            "",
            "This cell must be filled. Where cells are merged, unmerge them and fill each one.",
        ),
        ("书记", 3, "任职方式", "选举", "One of: 新任、连任、转任、代理."),
        (
            "大梁",
            2,
            "姓名",
            "",
            "This cell must be filled. Where cells are merged, unmerge them and fill each one.",
        ),
    ]


def test_a_refusal_reads_as_a_sentence():
    with pytest.raises(RosterRefused) as refused:
        read_roster("a.xlsx", make_roster(make_row(1, 手机="123")))

    assert str(refused.value) == (
        "Sheet 书记, row 2, 手机: “123” is not taken. A mobile number: 11 digits, beginning with 13 to 19."
    )


def test_unknown_missing_and_repeated_columns_are_refused():
    header = ["街镇", "居村", "职务", "姓名", "姓名"]

    assert refusals_of(write_xlsx([Table("书记", header, []), Table("大梁", ["性别", "手机"], [])])) == [
        (
            "书记",
            None,
            "header",
            "职务",
            "One of: 街镇、居村、类型、姓名、性别、出生年、手机、到任日期、任职方式、户数、居民数、小区类型、带教大梁.",
        ),
        ("书记", None, "header", "姓名", "Each column once."),
        ("大梁", None, "header", "姓名", "This column is missing, and must be there."),
    ]


def test_a_cell_without_a_heading_is_refused():
    data = write_xlsx(
        [Table("书记", [*HEADER, "", ""], [["望梁街道", "柳荫", None, None, None, None, "注意"]])]
    )

    assert refusals_of(data) == [
        (
            "书记",
            2,
            "G",
            "注意",
            "A cell under a heading. Give the column a heading, or clear the cell.",
        )
    ]


def test_a_formula_is_refused_by_its_cell():
    data = "街镇,居村\n望梁街道,\"=cmd|'/c calc'!A0\"\n".encode()

    assert refusals_of(data, "a.csv") == [
        ("a.csv", 2, "B2", "=…", "Values only, no formula. Copy the cells and paste them as values."),
        ("a.csv", 2, "居村", "=cmd|'/c calc'!A0", "Plain characters, not beginning with =, +, - or @."),
    ]


def test_a_name_without_date_or_a_mobile_without_name_is_refused():
    data = make_roster(make_row(1, 到任日期=None), make_row(2, 姓名=None, 到任日期=None, 任职方式=None))
    together = (
        "姓名, 到任日期 and 任职方式 are filled together, or, where the post is vacant, all left empty."
    )

    assert refusals_of(data) == [
        ("书记", 2, "到任日期", "", together),
        ("书记", 3, "姓名", "", together),
        ("书记", 3, "到任日期", "", together),
        ("书记", 3, "任职方式", "", together),
    ]


def test_two_sheets_of_secretaries_are_refused():
    sheets = [Table("书记", HEADER, []), Table("Sheet1", HEADER, [])]

    assert refusals_of(write_xlsx(sheets)) == [
        ("Sheet1", None, "书记", "Sheet1", "Only one sheet with these columns. Put all rows on one.")
    ]


def test_other_sheets_are_left_unread_and_named():
    rows = [["望梁街道", "街道"]]
    sheets = [Table("通讯录", ["姓名", "手机"], [["周", "1"]]), Table("街镇部门", ["名称", "类型"], rows)]

    content = read_roster("a.xlsx", write_xlsx(sheets))

    assert (content.unread, [unit.name for unit in content.units]) == (("通讯录",), ["望梁街道"])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (write_xlsx([Table("通讯录", ["姓名", "手机"], [["周", "1"]])]), "roster.no_sheet"),
        (make_roster({}, units=[]), "roster.no_rows"),
        (template_workbook(), "roster.no_rows"),
    ],
)
def test_a_workbook_without_rows_to_import_is_refused(data: bytes, code: str):
    with pytest.raises(Refused) as refused:
        read_roster("a.xlsx", data)

    assert refused.value.blockers[0].code == code


def test_the_csv_template_is_the_header_of_secretaries():
    with pytest.raises(Refused) as refused:
        read_roster("a.csv", template_csv())

    assert refused.value.blockers[0].code == "roster.no_rows"


def test_the_factory_has_units_to_import():
    assert [unit.name for unit in read_roster("a.xlsx", make_roster()).units] == [
        unit["名称"] for unit in UNITS
    ]
