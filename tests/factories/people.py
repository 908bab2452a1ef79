"""Rosters to import: rows by heading, plain and few."""

import datetime
from typing import Any

from dongliang.people.roster.workbook import roster_workbook

UNITS = [
    {"名称": "望梁街道", "类型": "街道"},
    {"名称": "石桥镇", "类型": "镇"},
    {"名称": "民政局", "类型": "部门"},
]


def make_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A secretary's row; ``changes`` by heading."""
    return {
        "街镇": "望梁街道",
        "居村": f"柳荫第{number}居民区",
        "姓名": f"周兰{number}",
        "手机": f"139{number:08d}",
        "到任日期": datetime.date(2021, 5, 8),
        "任职方式": "新任",
    } | changes


def make_mentor_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {"姓名": f"沈国{number}", "手机": f"138{number:08d}", "所在街镇": "石桥镇"} | changes


def make_roster(
    *secretaries: dict[str, Any],
    units: list[dict[str, Any]] = UNITS,
    mentors: list[dict[str, Any]] | None = None,
) -> bytes:
    return roster_workbook(units, secretaries or [make_row(1), make_row(2, 街镇="石桥镇")], mentors or [])
