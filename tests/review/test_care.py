from itertools import product
from pathlib import Path

import pytest

from dongliang.review import care
from dongliang.review.care import remarks_on


@pytest.mark.parametrize(
    ("marks", "project_mark", "seconds", "found"),
    [
        ("4354", "4", 200, []),
        ("4444", "4", 200, ["straight"]),
        ("4", "", 200, []),
        ("4354", "4", 44.9, ["fast"]),
        ("4354", "4", 45, []),
        ("4354", "4", None, []),
        ("4545", "1", 200, ["contradicting"]),
        ("4543", "1", 200, []),
        ("1111", "5", 3, ["straight", "fast", "contradicting"]),
    ],
)
def test_what_is_pointed_out_about_a_sheet(marks, project_mark, seconds, found):
    assert remarks_on(marks, project_mark, seconds=seconds, least_seconds=45) == found


def test_the_phone_points_out_what_the_server_would(chromium):
    script = (Path(care.__file__).parent / "static/review/care.js").read_text()
    cases = [
        ["".join(marks), project, seconds]
        for marks in product("135", repeat=3)
        for project in ("", "1", "4")
        for seconds in (None, 10, 60)
    ]

    page = chromium.new_page()
    page.add_script_tag(content=script)
    told = page.evaluate("cases => cases.map((one) => remarksOn(...one, 45))", cases)
    page.close()

    assert told == [remarks_on(m, p, seconds=s, least_seconds=45) for m, p, s in cases]
