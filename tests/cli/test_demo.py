import json
import subprocess
from pathlib import Path

from tests.cli.test_operate import run, set_up

ROOT = Path(__file__).parent.parent.parent
SMALL = ("--scale", "0.1", "--no-serve")


def demo(home: Path, *arguments: str, check: bool = True):
    return run(home, "demo", *arguments, check=check)


def test_the_demo_reproduces_the_figures_of_the_season(tmp_path):
    told = demo(tmp_path / "home", "--no-serve").stdout

    assert "278 / 53 / 18 / 10" in told
    result = json.loads((tmp_path / "home" / "results.json").read_text())
    assert {
        "secretaries": len(result["secretaries"]),
        "ballots": result["sources"]["public"]["answers"],
        "lists": [
            len(result["lists"][name]) for name in ("best_secretaries", "popular_projects", "surest_things")
        ],
        "stage": len({entry["subdistrict"] for entry in result["lists"]["surest_things"]}),
    } == {"secretaries": 278, "ballots": 30_000, "lists": [53, 18, 10], "stage": 10}


def test_one_seed_gives_one_result_even_in_place_of_another_demo_and_another_seed_another(tmp_path):
    results = []
    for seed in ("7", "8", "7"):
        demo(tmp_path / "home", *SMALL, "--seed", seed)
        results.append((tmp_path / "home" / "results.json").read_bytes())

    first, other, again = results
    assert first == again != other


def test_make_demo_builds_the_season_and_two_years_before_it_from_the_checkout(tmp_path):
    made = subprocess.run(
        ["make", "demo", f"ARGS=--no-serve --scale 0.1 --home {tmp_path}/home"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "28 / 5 / 2 / 3" in made.stdout
    # Two years came before it, with results of their own.
    ask = (
        "from dongliang.scoring.models import *; from dongliang.people.models import *; "
        "from dongliang.years.queries.seasons import *; from dongliang.years.queries.mentors import *; "
        "years = years_of(Organisation.objects.get(kind='district')); "
        "found = mentors_of(years, Results(years)); "
        "print([(year.label, year.is_public) for year in years], len({year.run.result_sha256 for year in years}), "
        "[line.people > 9 for line in found.growth.lines], any(row.effect for row in found.rows))"
    )
    told = run(tmp_path / "home", "manage", "shell", "-v", "0", "-c", ask).stdout

    assert told == "[('2019', True), ('2020', True), ('2021', True)] 3 [True, True] True\n"


def test_the_demo_never_touches_a_folder_that_is_no_demo(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "花名册.xlsx").write_text("kept")

    refused = demo(home, *SMALL, check=False)

    assert refused.returncode == 1
    assert (home / "花名册.xlsx").read_text() == "kept"
    assert [path.name for path in home.iterdir()] == ["花名册.xlsx"]


def test_the_demo_never_builds_in_a_database_in_use(tmp_path):
    set_up(tmp_path / "first")
    database = f"sqlite:///{tmp_path}/first/dongliang.sqlite3"

    refused = demo(tmp_path / "second", *SMALL, "--database", database, check=False)

    assert refused.returncode == 1
    assert "数据库里已经有一个区了" in refused.stderr


def test_the_demo_can_stop_while_the_season_is_open(tmp_path):
    told = demo(tmp_path / "home", *SMALL, "--keep-open").stdout

    assert "/v/" in told
    # Six sheets of the demo's mentor and six of its department wait to be filled, and one that the office returned.
    count = "from dongliang.review.models import *; print(Assignment.objects.filter(response=None).count())"
    assert run(tmp_path / "home", "manage", "shell", "-v", "0", "-c", count).stdout == "13\n"
    assert not (tmp_path / "home" / "results.json").exists()


def test_a_scale_out_of_range_is_told(tmp_path):
    refused = demo(tmp_path / "home", "--scale", "0.001", check=False)

    assert refused.returncode == 1
    assert "0.1" in refused.stderr
