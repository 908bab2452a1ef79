import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

MARKED = "import pytest\n\n@pytest.mark.{mark}(reason='out of reach')\ndef test_page():\n    assert False\n"
MODULE = "import pytest\n\npytest.skip('out of reach', allow_module_level=True)\n"


@pytest.mark.parametrize(
    "text",
    [MARKED.format(mark="skip"), MARKED.format(mark="xfail"), MODULE],
    ids=["skipped", "expected to fail", "skipped module"],
)
def test_what_does_not_run_counts_as_failed(tmp_path, text):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import pytest_make_collect_report, pytest_runtest_makereport\n"
    )
    (tmp_path / "test_page.py").write_text(text)

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:django", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )

    assert ended.returncode != 0
    assert "Not run. Every test must run here. " in ended.stdout
    assert "out of reach" in ended.stdout
