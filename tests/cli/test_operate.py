"""The README's commands, run as a user runs them: in a process of their own, in an empty folder."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

DONGLIANG = Path(sys.executable).parent / "dongliang"
PASSWORD = "liang zhu dou gong"


def run(home: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DONGLIANG_")}
    return subprocess.run(
        [str(DONGLIANG), *arguments],
        env=environment | {"DONGLIANG_HOME": str(home)},
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=check,
    )


def set_up(home: Path, *more: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return run(
        home, "set-up", "--code", "LZ", "--district", "梁州区", "--password", PASSWORD, *more, check=check
    )


def test_setting_up_makes_a_district_a_season_and_an_account(tmp_path):
    told = set_up(tmp_path / "home").stdout

    assert told.startswith("梁州区 · “大梁带小梁”2021 年度 · office · ")
    assert run(tmp_path / "home", "audit", "verify").stdout == "共 3 条，链条完好。\n"


def test_setting_up_with_a_weak_password_leaves_nothing(tmp_path):
    refused = run(
        tmp_path / "home",
        "set-up",
        "--code",
        "LZ",
        "--district",
        "梁州区",
        "--password",
        "short",
        check=False,
    )

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    set_up(tmp_path / "home")


def test_another_season_begins_in_the_district_there_is(tmp_path):
    set_up(tmp_path / "home")

    told = run(tmp_path / "home", "new-season", "--season", "liangzhou-2022").stdout

    assert told.startswith("梁州区 · “大梁带小梁”2021 年度 · liangzhou-2022 · ")


def test_a_season_of_an_unknown_district_is_refused_with_those_there_are(tmp_path):
    set_up(tmp_path / "home")

    refused = run(tmp_path / "home", "new-season", "--season", "x", "--code", "YZ", check=False)

    assert (refused.returncode, "LZ" in refused.stderr) == (1, True)


@pytest.mark.parametrize("command", [("audit", "verify"), ("serve", "--port", "1")])
def test_a_damaged_database_is_told_in_a_sentence(tmp_path, command: tuple[str, ...]):
    set_up(tmp_path / "home")
    (tmp_path / "home" / "dongliang.sqlite3").write_bytes(b"not a database" * 1000)

    told = run(tmp_path / "home", *command, check=False)

    assert (told.returncode, "Traceback" in told.stderr) == (1, False)
    assert "file is not a database" in told.stderr


def test_an_unknown_preset_is_told_with_those_there_are(tmp_path):
    refused = set_up(tmp_path / "home", "--preset", "putuo-1999", check=False)

    assert refused.returncode == 1
    assert "putuo-2021" in refused.stderr


def test_a_changed_line_of_the_log_is_found_from_the_command_line(tmp_path):
    set_up(tmp_path / "home")
    change = (
        "from dongliang.common.models import *; ActionLogEntry.objects.filter(sequence=2).update(verb='x')"
    )
    run(tmp_path / "home", "manage", "shell", "-v", "0", "-c", change)

    verified = run(tmp_path / "home", "audit", "verify", check=False)

    assert (verified.returncode, verified.stderr) == (1, "前 1 条完好；第 2 条被改动过。\n")


def test_what_is_set_up_is_served(tmp_path):
    home = tmp_path / "home"
    set_up(home)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DONGLIANG_")}
    server = subprocess.Popen(
        [str(DONGLIANG), "serve", "--port", str(port)],
        env=environment | {"DONGLIANG_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        page = first_answer(f"http://127.0.0.1:{port}/rules/")
    finally:
        server.terminate()
        server.wait(timeout=30)

    assert "党员管得住" in page


def first_answer(address: str) -> str:
    """The page at ``address``, once the server listens."""
    for _attempt in range(120):
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.25)
    pytest.fail(f"{address} did not answer.")
