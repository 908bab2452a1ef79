"""The agreement as PDF. Pure: text in, bytes out."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.common.typesetting import pdf


@dataclass(frozen=True)
class SignaturePlace:
    """Where one side signs: by pen, unless there is a name already."""

    side: str
    name: str = ""
    at: datetime.datetime | None = None


@dataclass(frozen=True)
class AgreementPaper:
    """What stands on an agreement. ``plan`` has a line for each month of the term, by its first day."""

    season: str
    mentor: str
    mentee: str
    place: str
    starts_on: datetime.date
    ends_on: datetime.date
    goals: str
    plan: Sequence[tuple[datetime.date, str]]
    signatures: Sequence[SignaturePlace]
    sha256: str


def agreement_pdf(paper: AgreementPaper) -> bytes:
    """A4: who, the goals, the term, the plan by month, three places to sign, the fingerprint."""
    term = pgettext("term", "%(first)s to %(last)s") % {
        "first": date_format(paper.starts_on, "DATE_FORMAT"),
        "last": date_format(paper.ends_on, "DATE_FORMAT"),
    }
    return pdf(
        "mentoring/typst/agreement.typ",
        {
            "title": pgettext("on paper", "Mentoring agreement"),
            "season": paper.season,
            "facts": [
                [_("Mentor"), paper.mentor],
                [_("Mentee"), paper.mentee],
                [_("Neighbourhood"), paper.place],
                [_("Term"), term],
            ],
            "goals_label": _("Goals"),
            "goals": paper.goals,
            "plan_label": _("Plan by month"),
            "plan": [[date_format(month, "YEAR_MONTH_FORMAT"), task] for month, task in paper.plan],
            "signatures_label": _("Signatures"),
            "signatures": [
                {
                    "side": entry.side,
                    "name": entry.name,
                    "at": date_format(localtime(entry.at), "DATETIME_FORMAT") if entry.at else "",
                }
                for entry in paper.signatures
            ],
            "fingerprint_label": _("Fingerprint of the text signed"),
            "fingerprint": paper.sha256,
        },
    )
