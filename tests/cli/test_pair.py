import csv

import openpyxl
import pytest
import xlsxwriter
from click.testing import CliRunner

from dongliang.cli.pair import pair_command

MENTEES = """number,name,category,area,earlier,locked,avoid,need:parking,need:consent
11,陈一,停车,东街,,,,1,0
12,林二,助餐,西街,92,,,0,1
13,周三,停车,东街,,,91；92,1,1
14,吴四,助餐,西街,,93,,0,2
"""
MENTORS = """number,name,area,capacity,categories,strength:parking,strength:consent
91,郑甲,东街,1,停车,1,0.2
92,王乙,西街,2,助餐; 停车,0,1
93,冯丙,,2,,0.5,0.5
"""
DISTANCES = "from,to,distance\n东街,西街,4\n南街,东街,9\n"


def paired(folder, mentees=MENTEES, mentors=MENTORS, *more):
    for name, text in (("mentees.csv", mentees), ("mentors.csv", mentors)):
        (folder / name).write_text(text, encoding="utf-8")
    return run(folder, folder / "mentees.csv", *more)


def run(folder, mentees, *more):
    arguments = [
        str(mentees),
        str(folder / "mentors.csv"),
        "--output",
        str(folder / "out" / "pairs.csv"),
        *more,
    ]
    return CliRunner().invoke(pair_command, arguments)


def written(folder):
    path = folder / "out" / "pairs.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_pairs_are_written_with_the_parts_of_their_fit(tmp_path):
    result = paired(tmp_path)

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "4 of 4 mentees paired with 3 of 3 mentors",
        "total fit 220.000, the greatest possible",
        "4 have a mentor who fits them as well as any could",
        "mentees a mentor: 1 to 2",
        f"Written: {tmp_path / 'out' / 'pairs.csv'}",
    ]
    assert written(tmp_path)[1] == {
        "mentee": "12",
        "mentee_name": "林二",
        "mentor": "92",
        "mentor_name": "王乙",
        "fit": "100.000",
        "category": "40.000",
        "need": "30.000",
        "nearness": "20.000",
        "continuity": "10.000",
        "best_mentor": "92",
        "best_mentor_name": "王乙",
        "best_fit": "100.000",
    }
    assert [row["mentor"] for row in written(tmp_path)] == ["91", "92", "93", "93"]


def test_weights_and_distances_between_areas_count(tmp_path):
    (tmp_path / "distances.csv").write_text(DISTANCES, encoding="utf-8")

    result = paired(
        tmp_path,
        MENTEES,
        MENTORS,
        *("--distances", str(tmp_path / "distances.csv")),
        *("--weight", "nearness", "9", "--weight", "need", "0", "--weight", "category", "0"),
    )

    # Mentor 93 comes from no area that the distances name: as far as the farthest.
    assert result.exit_code == 0
    assert [(row["mentor"], row["nearness"]) for row in written(tmp_path)] == [
        ("91", "9.000"),
        ("92", "9.000"),
        ("93", "0.000"),
        ("93", "0.000"),
    ]


def test_a_workbook_is_read_like_the_same_rows_of_text(tmp_path):
    paired(tmp_path)
    from_text = written(tmp_path)
    with xlsxwriter.Workbook(tmp_path / "mentees.xlsx") as workbook:
        sheet = workbook.add_worksheet()
        for row, cells in enumerate(csv.reader(MENTEES.splitlines())):
            for column, cell in enumerate(cells):
                sheet.write(row, column, float(cell) if cell.isdigit() else cell)

    result = run(tmp_path, tmp_path / "mentees.xlsx")

    assert result.exit_code == 0
    assert written(tmp_path) == from_text


def test_where_places_are_short_the_demands_are_named_by_row(tmp_path):
    result = paired(tmp_path, MENTEES, MENTORS.replace("93,冯丙,,2", "93,冯丙,,1"))

    assert result.exit_code == 1
    assert result.output == (
        f"Error: {tmp_path / 'mentees.csv'}: 2 mentees may only have mentors with 1 places between them. "
        "Mentees: 周三 (row 4), 吴四 (row 5, locked). Mentors (places): 冯丙 (1). "
        "Give one of these mentors a place more, allow another mentor, or run with --allow-unpaired.\n"
    )
    assert not (tmp_path / "out").exists()


def test_mentees_may_go_without_where_that_is_allowed(tmp_path):
    mentors = MENTORS.replace("93,冯丙,,2", "93,冯丙,,1")

    result = paired(tmp_path, MENTEES, mentors, "--allow-unpaired", "--candidates", "3", "--balance", "1")

    assert result.exit_code == 0
    assert [row["mentor"] for row in written(tmp_path)] == ["91", "92", "", "93"]


def test_a_mentee_who_avoids_everyone_is_named(tmp_path):
    result = paired(tmp_path, MENTEES.replace("91；92", "91;92;93"))

    assert result.output == (
        f"Error: {tmp_path / 'mentees.csv'}: 周三 (row 4) may have no mentor at all. "
        "Take a mentor out of its column avoid.\n"
    )


def test_a_name_that_a_spreadsheet_would_compute_is_written_as_text(tmp_path):
    paired(tmp_path, MENTEES.replace("陈一", "=1+1"))

    assert written(tmp_path)[0]["mentee_name"] == "'=1+1"


@pytest.mark.parametrize(
    ("mentees", "mentors", "complaint"),
    [
        (
            MENTEES.replace("13,", "十三,"),
            MENTORS,
            "mentees.csv, row 4, column number: '十三' is not a whole number of 0 or more.",
        ),
        (
            MENTEES.replace("13,", "12,"),
            MENTORS,
            "mentees.csv, row 4, column number: 12 stands in an earlier row too. Keep one of them.",
        ),
        (
            MENTEES.replace("13,", ","),
            MENTORS,
            "mentees.csv, row 4, column number: empty. Say who or what it is.",
        ),
        (
            MENTEES.replace(",93,", ",99,"),
            MENTORS,
            "mentees.csv, row 5, column locked: '99' is no mentor of the other file.",
        ),
        (
            MENTEES.replace("91；92", "91；90"),
            MENTORS,
            "mentees.csv, row 4, column avoid: '90' is no mentor of the other file.",
        ),
        (
            MENTEES.replace("0,2\n", "0,-2\n"),
            MENTORS,
            "mentees.csv, row 5, column need:consent: '-2' is not a number of 0 or more.",
        ),
        (
            MENTEES,
            MENTORS.replace("1,0.2", "1,1.2"),
            "mentors.csv, row 2, column strength:consent: '1.2' is not a number from 0 to 1.",
        ),
        (
            MENTEES,
            MENTORS.replace("capacity", "places"),
            "mentors.csv: no column is named capacity. "
            "The first row names: number, name, area, places, categories, strength:parking, strength:consent.",
        ),
        (
            MENTEES.replace("earlier", "former"),
            MENTORS,
            "mentees.csv: the column former is not known. "
            "Name it one of number, name, category, area, earlier, locked, avoid, or a name after need:, or remove it.",
        ),
        (
            MENTEES.replace("need:consent", "need:parking"),
            MENTORS,
            "mentees.csv: more than one column is named need:parking. Keep one.",
        ),
        (
            MENTEES.splitlines()[0] + "\n",
            MENTORS,
            "mentees.csv has no rows under its first. Give one row each.",
        ),
        ("", MENTORS, "mentees.csv: no column is named number. The first row names: nothing."),
        (
            MENTEES + "15,a,b,c,,,,1,1,1\n",
            MENTORS,
            "mentees.csv, row 6: 10 cells under 9 column names. Give one of each.",
        ),
        (MENTEES + '15,"a\n', MENTORS, "mentees.csv is not a CSV table: unexpected end of data."),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_place(tmp_path, mentees, mentors, complaint):
    result = paired(tmp_path, mentees, mentors)

    assert (result.exit_code, result.output) == (1, f"Error: {tmp_path}/{complaint}\n")


def test_text_as_chinese_excel_saves_it_is_read_like_utf_8(tmp_path):
    paired(tmp_path)
    from_utf_8 = written(tmp_path)
    (tmp_path / "mentees.csv").write_bytes(MENTEES.encode("gb18030"))

    result = run(tmp_path, tmp_path / "mentees.csv")

    assert (result.exit_code, written(tmp_path)) == (0, from_utf_8)
    assert result.stderr == f"{tmp_path / 'mentees.csv'} is not UTF-8; it was read as GB18030 (GBK).\n"


def test_all_that_is_wrong_with_a_table_is_told_at_once(tmp_path):
    mentees = MENTEES.replace("13,", "12,").replace(",93,", ",99,").replace("0,2\n", "0,-2\n")

    result = paired(tmp_path, mentees)

    assert (result.exit_code, result.output) == (
        1,
        f"Error: {tmp_path / 'mentees.csv'}: 3 places have to be put right first.\n"
        "  row 4, column number: 12 stands in an earlier row too. Keep one of them.\n"
        "  row 5, column need:consent: '-2' is not a number of 0 or more.\n"
        "  row 5, column locked: '99' is no mentor of the other file.\n",
    )


def test_pairs_are_written_into_a_workbook_with_a_sheet_by_mentor(tmp_path):
    result = paired(tmp_path, MENTEES, MENTORS, "--output", str(tmp_path / "pairs.xlsx"))

    sheets = openpyxl.load_workbook(tmp_path / "pairs.xlsx")
    assert result.exit_code == 0
    assert sheets.sheetnames == ["pairs", "mentors"]
    assert [cell.value for cell in sheets["pairs"][3]][:5] == ["12", "林二", "92", "王乙", 100]
    assert [[cell.value for cell in row] for row in sheets["mentors"]] == [
        ["mentor", "mentor_name", "capacity", "mentees", "mentee_names"],
        ["91", "郑甲", 1, 1, "陈一"],
        ["92", "王乙", 2, 1, "林二"],
        ["93", "冯丙", 2, 2, "周三；吴四"],
    ]


def test_a_file_to_write_of_another_kind_is_refused_before_anything_is_computed(tmp_path):
    result = paired(tmp_path, MENTEES, MENTORS, "--output", str(tmp_path / "pairs.doc"))

    assert result.exit_code == 2
    assert "pairs.doc ends in neither .csv nor .xlsx. Give it one of these endings." in " ".join(
        result.output.split()
    )


def test_a_workbook_that_is_none_is_refused(tmp_path):
    paired(tmp_path)
    (tmp_path / "mentees.xlsx").write_text("number\n1\n", encoding="utf-8")

    result = run(tmp_path, tmp_path / "mentees.xlsx")

    assert result.exit_code == 1
    assert "mentees.xlsx cannot be read as a workbook" in result.output


def test_an_option_that_the_engine_refuses_is_an_error(tmp_path):
    result = paired(tmp_path, MENTEES, MENTORS, "--weight", "need", "-1")

    assert (result.exit_code, result.output) == (
        1,
        "Error: The weight of 'need' is -1.0. Weigh category, need, nearness, continuity, with 0 or more points each.\n",
    )
