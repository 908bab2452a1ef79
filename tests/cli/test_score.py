import csv
import inspect
import random
import subprocess
import sys

import openpyxl
import pytest
from click.testing import CliRunner

from dongliang.cli.models import MODELS, TAKES_EFFECTS
from dongliang.cli.score import score
from dongliang.engine import crossed, facets
from tests.reference import tables

SIRT = tables.DATA / "sirt_ratings1.csv"
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
    assert list(measures[0]) == [
        *("target", "n", "measure", "effect", "standard_error", "rank", "low", "high"),
    ]
    assert [(row["target"], row["n"], row["rank"]) for row in measures] == [
        ("B", "2", "1"),
        ("A", "2", "2"),
        ("C", "2", "3"),
    ]
    severities = written(tmp_path / "out" / "severities.csv")
    assert list(severities[0]) == ["rater", "n", "severity", "standard_error", "low", "high"]
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


def test_everything_wrong_in_the_cells_is_told_at_once(tmp_path):
    result = scored(tmp_path, GOOD + "D,x,1e308\nD,y,inf\n,y,3\nE,,2\nF,x,3_000\n")

    assert result.output == (
        f"Error: {tmp_path / 'marks.csv'}: 5 places have to be put right first.\n"
        "  row 8, column mark: 1e308 is too large for a mark. Give one between -1,000,000,000 and 1,000,000,000.\n"
        "  row 9, column mark: 'inf' is not a number. Give one, or leave the cell empty.\n"
        "  row 10, column who: empty. Say who or what it is.\n"
        "  row 11, column by: empty. Say who or what it is.\n"
        "  row 12, column mark: '3_000' is not a number. Give one, or leave the cell empty.\n"
    )
    assert not (tmp_path / "out").exists()


def test_of_very_many_faults_the_first_are_told_and_the_others_counted(tmp_path):
    result = scored(tmp_path, GOOD + "D,x,bad\n" * 50)

    lines = result.output.splitlines()
    assert (len(lines), lines[0][-38:], lines[-1]) == (
        22,
        " 50 places have to be put right first.",
        "  … and 30 more.",
    )


def test_marks_side_by_side_give_what_the_same_marks_give_one_a_row(tmp_path):
    marks = {("A", "x"): "34", ("A", "y"): "45", ("B", "x"): "42", ("B", "y"): "53", ("C", "x"): "1 "}
    wide = "who,by,k1,k2\n" + "".join(f"{t},{r},{a},{b.strip()}\n" for (t, r), (a, b) in marks.items())
    long = "who,by,asked,mark\n" + "".join(
        f"{t},{r},k{at},{mark.strip()}\n" for (t, r), both in marks.items() for at, mark in enumerate(both, 1)
    )
    (tmp_path / "wide").mkdir()

    result = run_wide(tmp_path / "wide", wide, "k1", "k2")
    scored(tmp_path, long, "--indicator", "asked")

    assert result.exit_code == 0
    assert "9 ratings of 3 targets by 2 raters on 2 indicators; 1 marks were not given" in result.output
    for name in ("measures", "severities", "indicators", "variances"):
        assert written(tmp_path / "wide" / "out" / f"{name}.csv") == written(tmp_path / "out" / f"{name}.csv")


def run_wide(folder, text, *values, rater="by", more=()):
    (folder / "wide.csv").write_text(text, encoding="utf-8")
    return CliRunner().invoke(
        score,
        [
            str(folder / "wide.csv"),
            *("--target", "who", "--output", str(folder / "out")),
            *(("--rater", rater) if rater else ()),
            *(part for value in values for part in ("--value", value)),
            *more,
        ],
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_and_the_names_of_people_change_no_number(seed, tmp_path):
    rng = random.Random(seed)
    folder = tmp_path
    (folder / "plain").mkdir()
    (folder / "named").mkdir()
    order, names = rng.sample(range(24), 24), rng.sample(range(6), 6)
    rows = [(t, r, k, round(t + r + rng.gauss(0, 1), 3)) for t in range(6) for r in (0, 1) for k in (0, 1)]
    table = "who,by,asked,mark\n"
    plain = table + "".join(f"{t},r{r},k{k},{mark}\n" for t, r, k, mark in rows)
    shuffled = table + "".join("{},r{},k{},{}\n".format(*rows[at]) for at in order)
    renamed = table + "".join(f"{names[t]},{'ba'[r]},k{k},{mark}\n" for t, r, k, mark in rows)

    more = ("--indicator", "asked", "--top", "2", "--draws", "200")
    for name, text in (("", shuffled), ("plain", plain), ("named", renamed)):
        assert scored(folder / name, text, *more).exit_code == 0

    for file in sorted((folder / "out").iterdir()):
        assert file.read_bytes() == (folder / "plain" / "out" / file.name).read_bytes()
    new_name = {str(t): str(names[t]) for t in range(6)}
    expected = {
        new_name[row.pop("target")]: approximately(row)
        for row in written(folder / "plain" / "out" / "measures.csv")
    }
    found = {row.pop("target"): numbers(row) for row in written(folder / "named" / "out" / "measures.csv")}
    assert found == expected


def numbers(row):
    return {name: float(value) for name, value in row.items()}


def approximately(row):
    # Sums are added up in the order of the labels, and draws fall where rounding lets them.
    return pytest.approx(numbers(row), abs=2e-5)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_writes_the_same_files(model, tmp_path):
    ballots = model.startswith("ballots")
    text = "who,by,k1,k2\n" + "".join(
        f"T{t},{f'b{t}{r}' if ballots else f'r{r}'},{(t * 7 + r * 3) % 4 + 1},{(t * 5 + r + t * r) % 4 + 1}\n"
        for t in range(8)
        for r in range(6)
    )

    result = run_wide(tmp_path, text, "k1", "k2", more=("--model", model, "--top", "3"))

    assert (result.exit_code, result.output.splitlines()[-1]) == (
        0,
        f"Written to {tmp_path / 'out'}: measures.csv, severities.csv, indicators.csv, thresholds.csv, "
        "variances.csv, fit.csv, scores.xlsx, report.html",
    )
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        *("fit.csv", "indicators.csv", "measures.csv", "report.html", "scores.xlsx", "severities.csv"),
        *("thresholds.csv", "variances.csv"),
    ]
    measures = written(tmp_path / "out" / "measures.csv")
    assert sum(float(row["chance"]) for row in measures) == pytest.approx(3, abs=1e-3)
    assert all(int(row["rank_low"]) <= int(row["rank_high"]) for row in measures)
    with (tmp_path / "out" / "scores.xlsx").open("rb") as file:
        workbook = openpyxl.load_workbook(file)
    assert [cell.value for cell in workbook["measures"][2]][:2] == [measures[0]["target"], 12]
    assert workbook["measures"].max_row == 9
    severities = written(tmp_path / "out" / "severities.csv")
    assert len(severities) == (0 if "mean" in model else 48 if ballots else 6)


def test_the_facets_of_a_published_table_come_with_fit_and_separation(tmp_path):
    table = tmp_path / "sirt.csv"
    table.write_bytes((SIRT).read_bytes())
    header = SIRT.read_text().splitlines()[0].split(",")

    result = CliRunner().invoke(
        score,
        [
            str(table),
            *(
                "--target",
                "idstud",
                "--rater",
                "rater",
                "--model",
                "facets",
                "--output",
                str(tmp_path / "out"),
            ),
            *(part for name in header if name.startswith("k") for part in ("--value", name)),
        ],
    )

    fit = {row["what"]: row["value"] for row in written(tmp_path / "out" / "fit.csv")}
    assert result.exit_code == 0
    # TAM::tam.mml.mfr with common steps; see docs/methods/facets.md.
    assert float(fit["criterion"]) == pytest.approx(2573.246445, abs=1e-5)
    assert fit["converged"] == "yes"
    infit = [float(row["infit"]) for row in written(tmp_path / "out" / "severities.csv")]
    assert sum(infit) / len(infit) == pytest.approx(1, abs=0.1)


def test_ballots_need_no_rater_and_give_what_the_crossed_model_gives(tmp_path):
    text = "who,k1,k2\n" + "".join(
        f"T{t},{(t * 7 + b * 3) % 5 + 1},{(t * 2 + b * 3 + t * b) % 5 + 1}\n"
        for t in range(5)
        for b in range(7)
    )
    for name in ("ballots-gaussian", "gaussian"):
        (tmp_path / name).mkdir()
        assert run_wide(tmp_path / name, text, "k1", "k2", rater=None, more=("--model", name)).exit_code == 0

    measures = [
        written(tmp_path / name / "out" / "measures.csv") for name in ("ballots-gaussian", "gaussian")
    ]
    assert [row["target"] for row in measures[0]] == [row["target"] for row in measures[1]]
    for first, second in zip(*measures, strict=True):
        del first["target"], second["target"]
        assert numbers(first) == pytest.approx(numbers(second), abs=1e-5)


def test_effects_go_to_every_model_whose_function_takes_them():
    functions = {"gaussian": crossed.gaussian, "ordinal": crossed.ordinal, "facets": facets.rating_scale}

    taking = {
        name for name, function in functions.items() if "effects" in inspect.signature(function).parameters
    }

    assert taking == TAKES_EFFECTS


def test_halo_and_subdistricts_are_effects_of_their_own(tmp_path):
    text = "who,by,street,k1,k2,k3\n" + "".join(
        f"T{t},r{r},S{t % 3},{(t * 7 + r * 3) % 5 + 1},{(t * 5 + r + t * r) % 5 + 1},{(t * 3 + r * r) % 5 + 1}\n"
        for t in range(9)
        for r in range(5)
    )

    more = ("--effects", "target,target:rater,rater,subdistrict", "--subdistrict", "street")
    result = run_wide(tmp_path, text, "k1", "k2", "k3", more=more)

    assert result.exit_code == 0
    assert [row["effect"] for row in written(tmp_path / "out" / "variances.csv")] == [
        *("target", "rater", "target:rater", "subdistrict", "residual"),
    ]
    assert {row["subdistrict"] for row in written(tmp_path / "out" / "measures.csv")} == {"S0", "S1", "S2"}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--effects", "target,luck"), "'luck' is no effect. Choose from target, rater, indicator,"),
        (("--effects", "rater"), "'target' is missing, so that there would be nothing to measure. Add it."),
        (("--effects", "target,subdistrict"), "The effect subdistrict needs --subdistrict"),
        (
            ("--effects", "target", "--model", "facets"),
            "--effects goes with --model gaussian or ordinal; facets has its own.",
        ),
        (("--steps", "own"), "--steps own goes with --model ordinal or facets. Leave it out."),
        (("--value", "other", "--indicator", "k"), "Several --value columns are the indicators already."),
        (("--indicator", "mark"), "The column mark is named for two things. Name another one."),
        (("--top", "3"), "--top is 3, and 3 targets have marks. Give fewer places than targets."),
        (("--sheet", "two"), "has no sheets: it is no workbook. Leave --sheet out."),
        (("--model", "ballots-gaussian"), "the rater x rates both A (row 2) and C; a ballot is for one."),
    ],
)
def test_options_that_do_not_go_together_are_refused_and_nothing_is_written(more, sentence, tmp_path):
    result = scored(tmp_path, GOOD, *more)

    assert (result.exit_code in (1, 2), sentence in " ".join(result.output.split())) == (True, True), (
        result.output
    )
    assert not (tmp_path / "out").exists()


def test_ballots_with_marks_that_are_no_whole_numbers_are_refused_with_the_row(tmp_path):
    result = run_wide(
        tmp_path, "who,k\nA,3\nA,4\nB,2\nB,2.5\n", "k", rater=None, more=("--model", "ballots-ordinal")
    )

    assert "wide.csv, row 5: the mark 2.5 is no whole number from 1 to 100" in result.output


def test_a_target_in_two_subdistricts_is_refused_with_both_rows(tmp_path):
    rows = "who,by,mark,street\nA,x,3,东街\nB,x,4,东街\nA,y,4,西街\nB,y,2,东街\n"

    result = scored(tmp_path, rows, "--subdistrict", "street")

    assert "row 4, column street: A is in 西街 here and in 东街 in row 2. Keep one." in result.output


def test_who_has_no_mark_and_what_is_repeated_is_said(tmp_path):
    result = scored(tmp_path, GOOD + "D,x,\nA,x,2\n")

    assert result.output.splitlines()[-3:-1] == [
        "Without a mark, and so not measured: D.",
        "1 ratings repeat a target, rater and indicator; each was taken as one more rating.",
    ]
    fit = [
        row["value"] for row in written(tmp_path / "out" / "fit.csv") if row["what"] == "target_without_marks"
    ]
    assert fit == ["D"]


def test_an_interrupt_ends_with_a_sentence_and_leaves_no_file(tmp_path, monkeypatch):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("dongliang.cli.score.page", interrupted)

    result = scored(tmp_path, GOOD)

    assert (result.exit_code, result.output) == (130, "Error: Interrupted: nothing was written.\n")
    assert not (tmp_path / "out").exists()


def test_results_of_an_earlier_run_stay_whole_when_a_later_one_fails(tmp_path, monkeypatch):
    scored(tmp_path, GOOD)
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dongliang.cli.score.write_xlsx", full)
    result = scored(tmp_path, GOOD.replace("A,x,3", "A,x,1"))

    assert "out cannot be written to: No space left on device." in result.output
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_neither_django_nor_duckdb_is_loaded_for_a_csv(tmp_path):
    (tmp_path / "marks.csv").write_text(GOOD, encoding="utf-8")
    code = (
        "import sys; from dongliang.cli import main; main(['score', 'marks.csv', '--target', 'who', '--rater', 'by', "
        "'--value', 'mark'], standalone_mode=False); print(sorted({'django', 'duckdb'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)

    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "[]", "")


def test_chances_of_targets_that_are_all_alike_are_alike(tmp_path):
    alike = "who,by,mark\n" + "".join(f"{t},{r},{3 + (r == 'x')}\n" for t in "ABCD" for r in "xy")

    scored(tmp_path, alike, "--model", "mean", "--top", "1")

    assert [(row["rank"], row["rank_high"]) for row in written(tmp_path / "out" / "measures.csv")] == [
        ("1", "4")
    ] * 4
    assert [float(row["chance"]) for row in written(tmp_path / "out" / "measures.csv")] == pytest.approx(
        [0.25] * 4, abs=0.02
    )
