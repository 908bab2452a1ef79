"""The benchmarks run, on little: their figures are for people to judge."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_million_is_measured_step_by_step(tmp_path):
    environment = os.environ | {"DONGLIANG_DATABASE": f"sqlite:///{tmp_path}/ballots.sqlite3"}

    told = subprocess.run(
        [sys.executable, "bench/million.py", "--ballots", "2000"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert told.returncode == 0, told.stderr
    steps = [line.split("  ")[0] for line in told.stdout.splitlines()[2:]]
    assert steps == ["storing them", "closing the rounds", "counting them", "examining them"]
