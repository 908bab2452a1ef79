"""Certificates as PDF. Pure: text in, bytes out."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, pgettext

from dongliang.common.typesetting import pdf, qr_drawing


@dataclass(frozen=True)
class Paper:
    """What stands on one certificate. ``address`` is where anybody checks it."""

    number: str
    name: str
    place: str
    season: str
    honour: str
    project: str
    day: datetime.date
    address: str
    # Of a person's own honour: what for.
    merits: str = ""


def certificates_pdf(papers: Sequence[Paper], *, office: str) -> bytes:
    """The certificates, one a page, A4 on its side."""
    chinese = (get_language() or "zh").startswith("zh")
    return pdf(
        "awards/typst/certificates.typ",
        {
            "title": gettext("Certificates"),
            "heading": pgettext("on a certificate", "Certificate of honour"),
            "tracking": 0.35 if chinese else 0.02,
            "indent": 2 if chinese else 0,
            "number": gettext("Number on the certificate"),
            "check": gettext("Scan to check this certificate"),
            "office": office,
            "certificates": [
                {
                    "number": paper.number,
                    "name": pgettext("on a certificate", "%(name)s:") % {"name": paper.name},
                    "place": paper.place,
                    "text": wording(paper),
                    "honour": paper.honour,
                    # One line of it.
                    "honour_size": 34 if len(paper.honour) <= 18 else 24,
                    "qr": qr_drawing(paper.address),
                    "day": date_format(paper.day, "DATE_FORMAT"),
                }
                for paper in papers
            ],
        },
    )


def wording(paper: Paper) -> str:
    if paper.merits:
        return gettext("%(merits)s In recognition of this you are given the honour of") % {
            "merits": paper.merits
        }
    if paper.project:
        return gettext("in %(season)s, “%(project)s”, landed under your lead, is commended as one of the") % {
            "season": paper.season,
            "project": paper.project,
        }
    return gettext(
        "in %(season)s, assessed in the field, by residents and by institutions, you are commended as one of the"
    ) % {"season": paper.season}


def feedback_pdf(papers: Sequence[dict[str, Any]], *, season: str, words: dict[str, Any]) -> bytes:
    """Feedback, one secretary a page, A4. ``words`` are what stands on every page."""
    return pdf("awards/typst/feedback.typ", {**words, "season": season, "papers": list(papers)})
