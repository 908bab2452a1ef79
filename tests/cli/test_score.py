import csv
import gzip

import pytest
from click.testing import CliRunner

from dongliang.cli.score import score
from tests.reference import tables

GOOD = "who,by,mark\nA,x,3\nA,y,4\nB,x,4\nB,y,5\nC,x,1\nC,y,3\n"


def run(path, *more, target="who", rater="by", value="mark"):
    return CliRunner().invoke(
        score,
        [
            str(path),
            "--target",
            target,
            "--rater",
            rater,
            "--value",
            value,
            "--output",
            str(path.parent / "out"),
            *more,
        ],
    )


def scored(tmp_path, text, *more, name="marks.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return run(path, *more)


def written(path):
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_lecturers_are_measured_as_lmer_measures_them(tmp_path):
    table = tmp_path / "insteval.csv.gz"
    table.write_bytes((tables.DATA / "insteval.csv.gz").read_bytes())

    result = run(table, target="d", rater="s", value="y")

    expected = tables.lmer("insteval")["reml"]
    assert result.exit_code == 0
    assert result.output.splitlines()[:10] == [
        "73,421 ratings of 1,128 targets by 2,972 raters",
        "",
        "                    variance   std. dev.   share",
        "target             0.2737344   0.5231963   15.5%",
        "rater              0.1062147   0.3259060    6.0%",
        "residual           1.3871797   1.1777859   78.5%",
        "",
        "mean                3.254158  (standard error 0.018390)",
        "reliability           0.8462",
        "log-likelihood  -118891.9402  (REML criterion 237783.880388)",
    ]
    lecturers = {row["target"]: row for row in written(tmp_path / "out" / "measures.csv")}
    for level, mode, error in zip(
        *(expected["ranef"]["d"][name] for name in ("level", "mode", "condSD")), strict=True
    ):
        assert float(lecturers[level]["effect"]) == pytest.approx(mode, abs=1e-4)
        assert float(lecturers[level]["standard_error"]) == pytest.approx(error, abs=1e-4)
    students = {row["rater"]: row for row in written(tmp_path / "out" / "severities.csv")}
    for level, mode in zip(expected["ranef"]["s"]["level"], expected["ranef"]["s"]["mode"], strict=True):
        assert float(students[level]["severity"]) == pytest.approx(-mode, abs=1e-4)


def test_tables_open_in_a_spreadsheet_and_list_the_best_and_the_harshest_first(tmp_path):
    result = scored(tmp_path, GOOD)

    assert result.exit_code == 0
    assert (tmp_path / "out" / "measures.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    measures = written(tmp_path / "out" / "measures.csv")
    assert list(measures[0]) == ["target", "n", "measure", "effect", "standard_error", "rank"]
    assert [(row["target"], row["n"], row["rank"]) for row in measures] == [
        ("B", "2", "1"),
        ("A", "2", "2"),
        ("C", "2", "3"),
    ]
    severities = written(tmp_path / "out" / "severities.csv")
    assert list(severities[0]) == ["rater", "n", "severity", "standard_error"]
    assert [row["rater"] for row in severities] == ["x", "y"]


def test_equal_measures_share_a_rank(tmp_path):
    scored(tmp_path, "who,by,mark\nA,x,3\nA,y,4\nB,x,3\nB,y,4\nC,x,5\nC,y,5\nD,x,1\nD,y,3\n")

    assert [(row["target"], row["rank"]) for row in written(tmp_path / "out" / "measures.csv")] == [
        ("C", "1"),
        ("A", "2"),
        ("B", "2"),
        ("D", "4"),
    ]


def test_rows_without_a_mark_are_left_out_and_counted(tmp_path):
    result = scored(tmp_path, GOOD + "D,x,\n\n")

    assert "6 ratings of 3 targets by 2 raters; 1 rows without a mark were left out" in result.output


def test_indicators_may_differ_in_difficulty(tmp_path):
    rows = [
        f"{who},{by},{mark + 2 * (asked == 'easy')},{asked}"
        for who, by, mark, asked in (
            ("A", "x", 1, "hard"),
            ("A", "y", 2, "hard"),
            ("A", "x", 1.5, "easy"),
            ("B", "y", 3, "hard"),
            ("B", "x", 2, "easy"),
            ("B", "y", 3, "easy"),
        )
    ]

    result = scored(tmp_path, "\n".join(["who,by,mark,asked", *rows]), "--indicator", "asked")

    assert "6 ratings of 2 targets by 2 raters on 2 indicators" in result.output


def test_names_in_chinese_and_marks_of_excel_are_read(tmp_path):
    path = tmp_path / "marks.csv"
    path.write_text(
        GOOD.replace("who,by,mark", "书记,评价者,分数").replace("A", "张书记"), encoding="utf-8-sig"
    )

    result = run(path, target="书记", rater="评价者", value="分数")

    assert result.exit_code == 0
    assert [row["target"] for row in written(tmp_path / "out" / "measures.csv")] == ["B", "张书记", "C"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no column is named who. The first row names: nothing."),
        ("name,by,mark\n", "no column is named who. The first row names: name, by, mark."),
        ("who,by,mark,who\n", "more than one column is named who. The first row names: who, by, mark, who."),
        (
            GOOD + "D,x,good\n",
            "row 8, column mark: 'good' is not a number. Give one, or leave the cell empty.",
        ),
        (GOOD + "D,x,nan\n", "row 8, column mark: 'nan' is not a number. Give one, or leave the cell empty."),
        (GOOD + ",x,3\n", "row 8, column who: empty. Say who or what it is."),
        (GOOD + "D,x\n", "row 8: 2 cells under 3 column names. Give one of each."),
        ("who,by,mark\nA,x,\n", "holds no ratings: no row has a mark in column mark."),
        ("who,by,mark\nA,x,1\nA,y,2\n", "Only one target has ratings"),
        (
            "who,by,mark\nA,x,1\nB,x,2\nA,y,2\nC,z,1\nD,z,4\n",
            "The largest groups begin with: A, B; C, D.",
        ),
    ],
)
def test_a_table_that_cannot_be_scored_is_refused_in_one_sentence_and_writes_nothing(
    tmp_path, text, sentence
):
    result = scored(tmp_path, text)

    assert (result.exit_code, sentence in result.output) == (1, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("marks.csv", "who,by,mark\n张,x,1\n".encode("gbk"), "is not UTF-8 text"),
        ("marks.csv.gz", GOOD.encode(), "is not a whole gzip file. Pack it again, or give the .csv."),
        ("marks.csv.gz", gzip.compress(GOOD.encode())[:-6], "is not a whole gzip file. Pack it again"),
        ("marks.csv", b'who,by,mark\n"' + b"A" * 200_000, "is not a CSV table"),
    ],
    ids=["another encoding", "not packed", "cut short", "an endless cell"],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)

    result = run(tmp_path / name)

    assert (result.exit_code, sentence in result.output) == (1, True)
