"""The handover list as PDF. Pure: text in, bytes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
    at: datetime | None = None


@dataclass(frozen=True)
class Line:
    kind: str
    what: str
    state: str
    next_step: str
    due: str
    answer: str


@dataclass(frozen=True)
class HandoverPaper:
    """What stands on a handover list; ``lines`` in the order of their kinds."""

    post: str
    leaver: str
    successor: str
    last_day: str
    lines: Sequence[Line]
    signatures: Sequence[SignaturePlace]
    sha256: str


def handover_pdf(paper: HandoverPaper) -> bytes:
    """A4: who, every line with its answer, three places to sign, the fingerprint."""
    return pdf(
        "turnover/typst/handover.typ",
        {
            "title": pgettext("on paper", "Handover list"),
            "post": paper.post,
            "facts": [
                [_("who hands over"), paper.leaver],
                [_("who takes over"), paper.successor],
                [_("last day in post"), paper.last_day],
            ],
            "columns": [
                pgettext("handover", "what"),
                _("how it stands"),
                _("next step"),
                _("to be done by"),
                _("answer"),
            ],
            "lines": [
                [f"{line.kind}\n{line.what}", line.state, line.next_step, line.due, line.answer]
                for line in paper.lines
            ],
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
