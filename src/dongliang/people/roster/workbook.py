"""Rosters as files: the template, and rows written as a workbook that reads back as the same."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from dongliang.common.sheets import Column, Table, write_xlsx
from dongliang.people.models import Organisation, Post, Tenure
from dongliang.people.queries import current_tenures, departments_of, subdistricts_of
from dongliang.people.roster.columns import MENTORS, SECRETARIES, SHEETS, UNITS
from dongliang.people.roster.planning import worded
from dongliang.people.roster.reading import EXPLANATION

TEMPLATE_ROWS = 500

RosterRow = Mapping[str, Any]


def roster_workbook(
    units: Iterable[RosterRow], secretaries: Iterable[RosterRow], mentors: Iterable[RosterRow]
) -> bytes:
    """Rows by heading, as an .xlsx. A heading left out is an empty cell."""
    rows = {UNITS: units, SECRETARIES: secretaries, MENTORS: mentors}
    return write_xlsx(roster_table(sheet, rows[sheet]) for sheet in SHEETS)


def roster_table(sheet: str, rows: Iterable[RosterRow], *, blank_rows: int = 0) -> Table:
    return Table(
        sheet,
        [Column(column.heading, column.choices, str(column.note)) for column in SHEETS[sheet]],
        [[row.get(column.heading) for column in SHEETS[sheet]] for row in rows],
        blank_rows,
    )


def template_workbook() -> bytes:
    """The three sheets, empty but for their lists to choose from, and a sheet that explains every column."""
    return write_xlsx(
        [explanation(), *(roster_table(sheet, (), blank_rows=TEMPLATE_ROWS) for sheet in SHEETS)]
    )


def explanation() -> Table:
    """What each column takes, with an example: on a sheet of its own, which is never imported."""
    examples = {
        (UNITS, "name"): "望梁街道",
        (SECRETARIES, "unit"): "望梁街道",
        (SECRETARIES, "neighbourhood"): "柳荫第一居民区",
        (SECRETARIES, "name"): "周兰英",
        (SECRETARIES, "born"): 1975,
        (SECRETARIES, "since"): "2021-05-08",
        (SECRETARIES, "households"): 1260,
        (SECRETARIES, "residents"): 3480,
        (SECRETARIES, "mentor"): "沈国强",
        (MENTORS, "name"): "沈国强",
        (MENTORS, "born"): 1962,
        (MENTORS, "unit"): "石桥镇",
    }
    return Table(
        EXPLANATION,
        [_("Sheet"), _("Column"), _("Must be filled"), _("What may be written"), _("Example")],
        [
            [
                sheet,
                column.heading,
                _("yes") if column.required else "",
                " ".join(filter(None, ["、".join(column.choices), str(column.note)])),
                examples.get((sheet, column.key), column.choices[0] if column.choices else None),
            ]
            for sheet, columns in SHEETS.items()
            for column in columns
        ],
    )


def template_csv() -> bytes:
    """The header of the secretaries' sheet, with the mark by which Excel and WPS know UTF-8."""
    file = io.StringIO()
    csv.writer(file).writerow([column.heading for column in SHEETS[SECRETARIES]])
    return file.getvalue().encode("utf-8-sig")


def current_units(district: Organisation) -> list[dict[str, Any]]:
    """The subdistricts, towns and departments there are, as rows of their sheet."""
    return [
        {"名称": unit.name, "类型": worded("kind", unit.kind)}
        for unit in (*subdistricts_of(district), *departments_of(district))
    ]


def current_secretaries(district: Organisation) -> list[tuple[Post, Tenure | None, dict[str, Any]]]:
    """Every post, who holds it now if anybody does, and its row."""
    holders = {tenure.post_id: tenure for tenure in current_tenures(district)}
    posts = Post.objects.filter(organisation__parent__parent=district).select_related("organisation__parent")
    return [
        (post, holders.get(post.pk), secretary_row(post.organisation, holders.get(post.pk))) for post in posts
    ]


def secretary_row(organisation: Organisation, tenure: Tenure | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "街镇": organisation.above.name,
        "居村": organisation.name,
        "类型": worded("kind", organisation.kind),
        "户数": organisation.households,
        "居民数": organisation.residents,
        "小区类型": worded("estate", organisation.estate_kind),
    }
    if tenure is not None:
        row |= {
            "姓名": tenure.person.name,
            "性别": worded("gender", tenure.person.gender),
            "出生年": tenure.person.born,
            "手机": tenure.person.mobile,
            "到任日期": tenure.starts_on,
            "任职方式": worded("how", tenure.kind),
        }
    return row
