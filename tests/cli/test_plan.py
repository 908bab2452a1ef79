import csv
from collections import Counter

import openpyxl
import pytest
from click.testing import CliRunner

from dongliang.cli.plan import plan_command

TARGETS = "id,name,area,avoid\n" + "".join(
    f"T{number},社区{number},{'东西南'[number % 3]},{'R1' if number == 4 else ''}\n" for number in range(12)
)
RATERS = "id,name,area\nR1,甲,东\nR2,乙,西\nR3,丙,南\nR4,丁,\n"


def planned(folder, *more, targets=TARGETS, raters=RATERS):
    (folder / "targets.csv").write_text(targets, encoding="utf-8")
    (folder / "raters.csv").write_text(raters, encoding="utf-8")
    arguments = [
        str(folder / "targets.csv"),
        str(folder / "raters.csv"),
        "--output",
        str(folder / "plan.csv"),
    ]
    return CliRunner().invoke(plan_command, [*arguments, *more])


def written(folder):
    path = folder / "plan.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_target_gets_its_raters_and_none_to_avoid(tmp_path):
    result = planned(tmp_path, "--per-target", "2", "--avoid-own-area")

    rows = written(tmp_path)
    home = {"R1": "东", "R2": "西", "R3": "南", "R4": ""}
    area = {f"T{number}": "东西南"[number % 3] for number in range(12)}
    assert result.exit_code == 0
    assert Counter(row["target"] for row in rows) == {f"T{number}": 2 for number in range(12)}
    assert Counter(row["rater"] for row in rows) == {"R1": 6, "R2": 6, "R3": 6, "R4": 6}
    assert not [row for row in rows if home[row["rater"]] == area[row["target"]]]
    assert not [row for row in rows if (row["target"], row["rater"]) == ("T4", "R1")]
    assert rows[0]["target_name"] == "社区0"
    assert result.output.splitlines() == [
        "12 targets, 2 raters each out of 4; targets a rater: 6 to 6",
        "information about differences in severity: 4.00 ratings on average, 4.00 at least",
        f"Written: {tmp_path / 'plan.csv'}",
    ]


def test_one_seed_gives_one_plan(tmp_path):
    plans = []
    for _ in range(2):
        planned(tmp_path, "--per-target", "2", "--seed", "7")
        plans.append(written(tmp_path))

    assert plans[0] == plans[1]


@pytest.mark.parametrize("columns", ["area", "x,y"])
def test_visits_are_brought_together_by_area_or_by_place(tmp_path, columns):
    places = {"area": "ABCD", "x,y": ["0,0", "0,9", "-9,0", "9,9"]}[columns]
    targets = f"id,{columns}\n" + "".join(f"{number},{places[number % 4]}\n" for number in range(24))

    seen = []
    for more in ((), ("--near", "--give-up", "0.9")):
        result = planned(tmp_path, "--per-target", "2", *more, targets=targets)
        assert result.exit_code == 0
        seen.append(len({(row["rater"], int(row["target"]) % 4) for row in written(tmp_path)}))

    assert seen[1] < seen[0]


@pytest.mark.parametrize(
    ("files", "more", "complaint"),
    [
        (
            {},
            ("--per-target", "4"),
            "targets.csv: fewer than 4 raters may assess 社区4 (row 6). "
            "Give them more raters, or ask for fewer with --per-target.",
        ),
        (
            {"targets": TARGETS.replace("R1", "R9")},
            (),
            "targets.csv, row 6, column avoid: 'R9' is no rater of the other file.",
        ),
        (
            {"targets": "id\nA\nA\n"},
            (),
            "targets.csv, row 3, column id: A stands in an earlier row too. Keep one of them.",
        ),
        (
            {"targets": "id\nA\nB\n"},
            ("--near", "--per-target", "2"),
            "targets.csv: --near needs a column area, or columns x and y.",
        ),
        (
            {"targets": "id,x,y\nA,1,2\nB,1,here\n"},
            ("--near", "--per-target", "2"),
            "targets.csv, row 3, column y: 'here' is not a number.",
        ),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused_with_the_place(tmp_path, files, more, complaint):
    result = planned(tmp_path, *more, **files)

    assert (result.exit_code, result.output) == (1, f"Error: {tmp_path}/{complaint}\n")


def test_groups_that_share_no_rater_are_named(tmp_path):
    targets = "id,avoid\nA,R3;R4\nB,R3;R4\nC,R1;R2\nD,R1;R2\n"

    result = planned(tmp_path, "--per-target", "2", targets=targets)

    assert result.exit_code == 1
    assert result.output.endswith("The groups begin with: A, B; C, D.\n")


def test_a_plan_in_a_workbook_says_in_a_second_sheet_what_each_rater_takes_along(tmp_path):
    result = planned(tmp_path, "--per-target", "2", "--near", "--output", str(tmp_path / "plan.xlsx"))

    sheets = openpyxl.load_workbook(tmp_path / "plan.xlsx", read_only=True)
    visits = [row[:4] for row in sheets["plan"].iter_rows(min_row=2, values_only=True)]
    by_rater = list(sheets["raters"].iter_rows(min_row=2, values_only=True))
    assert result.exit_code == 0
    assert sheets.sheetnames == ["plan", "raters"]
    assert {(target, rater) for target, _name, rater, _rater_name in visits} == {
        (target, rater) for rater, _rater_name, _area, target, _name in by_rater
    }
    assert [(row[0], row[2]) for row in by_rater] == sorted((row[0], row[2]) for row in by_rater)


def test_all_that_is_wrong_with_a_table_is_told_at_once(tmp_path):
    targets = TARGETS.replace("R1", "R9") + "T3,社区3,东,\n"

    result = planned(tmp_path, targets=targets)

    assert (result.exit_code, result.output) == (
        1,
        f"Error: {tmp_path / 'targets.csv'}: 2 places have to be put right first.\n"
        "  row 6, column avoid: 'R9' is no rater of the other file.\n"
        "  row 14, column id: T3 stands in an earlier row too. Keep one of them.\n",
    )
