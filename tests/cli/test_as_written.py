"""What README and --help tell people to type is typed here, and the columns that docs/score.md explains are those written."""

import csv
import re
import shlex
from pathlib import Path

import duckdb
import pytest
import xlsxwriter
from click.testing import CliRunner

from dongliang.cli import main
from dongliang.cli.models import MODELS
from dongliang.cli.pair import pair_command
from dongliang.cli.plan import plan_command
from dongliang.cli.score import score
from tests.cli.test_operate import run, set_up
from tests.handbook import HANDBOOK

ROOT = Path(__file__).parent.parent.parent


def typed(text):
    """The commands in a text, one that goes on in the next line made whole."""
    joined = re.sub(r"\\\n\s*", "", text)
    return re.findall(r"^\s*(?:\.venv/bin/)?dongliang ((?:score|pair|plan) .+)$", joined, re.M)


COMMANDS = list(
    dict.fromkeys(
        command
        for text in (
            (ROOT / "README.md").read_text(encoding="utf-8"),
            (ROOT / "docs" / "score.md").read_text(encoding="utf-8"),
            *(command.help for command in (score, pair_command, plan_command)),
        )
        for command in typed(text)
    )
)
FIELD = [
    [f"T{t}", f"R{r}", f"k{k}", (t * 7 + r * 3 + k + t * r * k) % 5 + 1]
    for t in range(60)
    for r in (t % 5, (t + 1) % 5, (t + 3) % 5)
    for k in range(4)
]
MARKS = [
    [f"T{t}", f"R{r}", (t * 7 + r) % 5 + 1, (t * 3 + r * t) % 5 + 1] for t in range(60) for r in range(5)
]
PEOPLE = [[str(number), f"居村{number}", "东西南"[number % 3]] for number in range(10, 30)]
TABLES = {
    "ratings.csv": [["lecturer", "student", "mark"], *(row[:3] for row in MARKS)],
    "评分.xlsx": [["书记", "大梁", "管得住", "愿跟随"], *MARKS],
    "field.csv": [["secretary", "mentor", "question", "mark"], *FIELD],
    "ballots.csv": [["estate", "q1", "q2"], *([row[0], *row[2:]] for row in MARKS)],
    "mentees.csv": [["number", "name", "area"], *PEOPLE],
    "小梁.xlsx": [["number", "name", "area"], *PEOPLE],
    "mentors.csv": [["number", "name", "area", "capacity"], *([*row, 5] for row in PEOPLE[:6])],
    "大梁.xlsx": [["number", "name", "area", "capacity"], *([*row, 5] for row in PEOPLE[:6])],
    "distances.csv": [["from", "to", "distance"], ["东", "西", 4], ["东", "南", 9]],
    "targets.csv": [["id", "name", "area"], *PEOPLE],
    "被评者.xlsx": [["id", "name", "area"], *PEOPLE],
    "raters.csv": [["id", "name", "area"], *PEOPLE[:9]],
    "评价者.xlsx": [["id", "name", "area"], *PEOPLE[:9]],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to be in, with all the files that the texts speak of."""
    monkeypatch.chdir(tmp_path)
    for name, rows in TABLES.items():
        if name.endswith(".csv"):
            with open(name, "w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(rows)
        else:
            with xlsxwriter.Workbook(name) as book:
                sheet = book.add_worksheet()
                for number, row in enumerate(rows):
                    sheet.write_row(number, 0, row)
    duckdb.connect().execute("COPY (FROM read_csv('field.csv')) TO 'field.parquet'")
    return tmp_path


def test_the_texts_show_every_command():
    assert {command.split()[0] for command in COMMANDS} == {"score", "pair", "plan"}
    assert len(COMMANDS) >= 9


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_texts_tell_people_to_type_runs(command, folder):
    before = {path.name for path in folder.iterdir()}

    result = CliRunner().invoke(main, shlex.split(command))

    assert (result.exit_code, result.output.splitlines()[-1][:7]) == (0, "Written"), result.output
    assert {path.name for path in folder.iterdir()} > before


def test_the_log_is_checked_as_the_handbook_says_and_its_other_commands_are_typed_elsewhere(tmp_path):
    text = "".join(page.read_text(encoding="utf-8") for page in sorted(HANDBOOK.glob("*.md")))
    commands = re.findall(r"^dongliang (.+)$", text, re.M)
    set_up(tmp_path / "home")

    typed_elsewhere = [command.split()[0] for command in commands if command != "audit verify"]
    checked = run(tmp_path / "home", *shlex.split("audit verify"))

    # tests/journeys/test_assessment.py recomputes the book that it downloads; tests/cli/test_backup.py saves and restores.
    assert typed_elsewhere == ["verify", "backup", "restore"]
    assert len(commands) == 4
    assert checked.stdout == "共 3 条，链条完好。\n"


def test_every_column_is_explained_and_no_other(folder):
    found = {}
    for model in MODELS:
        ballots = "ballots" in model
        more = ["--rater", "大梁"] if not ballots else []
        arguments = ["评分.xlsx", "--target", "书记", "--value", "管得住", "--value", "愿跟随", *more]
        result = CliRunner().invoke(score, [*arguments, "--model", model, "--top", "5", "--output", model])
        assert result.exit_code == 0, result.output
        for path in (folder / model).glob("*.csv"):
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.reader(file))
            names = [row[0] for row in rows[1:]] if path.name == "fit.csv" else rows[0]
            found.setdefault(path.name, set()).update(names)

    # Said by some tables only.
    found["measures.csv"].add("subdistrict")
    found["fit.csv"] |= {"remark", "target_without_marks"}
    assert documented() == found


def documented():
    """What stands in backticks in the first column of each section's table."""
    sections = re.split(r"^### (\S+)$", (ROOT / "docs" / "score.md").read_text(encoding="utf-8"), flags=re.M)[
        1:
    ]
    return {
        name: {
            column
            for cell in re.findall(r"^\| (`.+?`) \|", text, re.M)
            for column in re.findall("`([^`]+)`", cell)
        }
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }
