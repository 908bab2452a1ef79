"""The sign-in sheet of a session as PDF. Pure: text in, bytes out."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from dongliang.common.typesetting import pdf


@dataclass(frozen=True)
class Line:
    number: int
    name: str
    subdistrict: str
    neighbourhood: str


def sign_in_sheet_pdf(lines: Sequence[Line], *, course: str, facts: Sequence[str], blank: int) -> bytes:
    """Those who signed up, each with room for a signature, and so many empty lines for others. A4 upright."""
    return pdf(
        "growth/typst/sign_in_sheet.typ",
        {
            "title": gettext("Sign-in sheet"),
            "course": course,
            "facts": list(facts),
            "columns": [
                gettext("Number"),
                gettext("Name"),
                gettext("Subdistrict"),
                gettext("Neighbourhood"),
                gettext("Signature"),
            ],
            "lines": [
                [str(line.number), line.name, line.subdistrict, line.neighbourhood, ""] for line in lines
            ]
            + [["", "", "", "", ""]] * blank,
            "note": gettext("Sign in the last column. Hand the sheet in: the hours are typed from it."),
        },
    )
