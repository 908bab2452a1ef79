"""Feedback as it stands on paper."""

from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.awards.models import Feedback, FeedbackRelease
from dongliang.awards.queries.feedback_words import Said, told


def words_of(release: FeedbackRelease) -> dict[str, Any]:
    """What every page has in common."""
    return {
        "title": _("Feedback"),
        "lead": _(
            "Written for you: what was said of your work from each side, what goes well, and one thing to do next. There is no rank in it."
        ),
        "profile": _("Your indicators from every side"),
        "columns": [
            pgettext("mean mark", "Mark"),
            _("90 % interval"),
            _("Middle"),
        ],
        "few": _("too few answers"),
        "key": _(
            "The dot is your mark from 1 to 5, adjusted for harsh and lenient assessors; the line is where it lies with 90 % certainty; "
            "the small upright stroke is the middle of the district."
        ),
        "strengths": _("What goes well"),
        "step": _("One next step"),
        "nothing": _("Too few answered for anything to be said. That is no judgement of your work."),
        "help": _("Whom to ask, what to look at"),
        "resolve": _("What I will do"),
        "privacy": _(
            "For yourself; the programme office keeps it, and your mentor reads it only if you agree. Written on %(day)s."
        )
        % {"day": date_format(localdate(release.released_at), "DATE_FORMAT")},
    }


def paper_of(feedback: Feedback) -> dict[str, Any]:
    """One secretary's page."""
    rules = feedback.release.run.rule_book.validated
    said = told(feedback)
    entry = feedback.enrolment
    return {
        "name": entry.person.name,
        "place": f"{entry.subdistrict} · {entry.organisation}",
        "indicators": [
            {
                "name": str(indicator.name),
                "rows": [
                    row_of(str(source.name), cell) for source, cell in zip(rules.sources, cells, strict=True)
                ],
            }
            for indicator, cells in zip(rules.indicators, feedback.content["cells"], strict=True)
        ],
        "strengths": [
            on_paper(strength, quoted=_("What it looks like: %(level)s")) for strength in said.strengths
        ],
        "step": on_paper(said.step, quoted=_("What it looks like when it goes well: %(level)s"))
        if said.step
        else None,
        "mentor": _("Talk it over with: %(name)s (%(why)s)")
        % {"name": said.mentor, "why": pgettext("between reasons", "; ").join(said.mentor_why)}
        if said.mentor and said.mentor_why
        else _("Talk it over with: %(name)s") % {"name": said.mentor}
        if said.mentor
        else "",
        "case": _("Have a look at: “%(title)s”, %(place)s")
        % {"title": said.case.title, "place": said.case_place}
        if said.case
        else "",
        "resolve": feedback.resolve,
    }


def row_of(source: str, cell: dict[str, Any] | None) -> dict[str, Any]:
    if cell is None:
        return {"source": source, "cell": None, "value": "", "interval": "", "middle": ""}
    middle = cell["middle"]
    return {
        "source": source,
        "cell": cell,
        "value": f"{cell['value']:.2f}",
        "interval": f"{cell['low']:.2f}–{cell['high']:.2f}",
        "middle": "" if middle is None else f"{middle:.2f}",
    }


def on_paper(said: Said, *, quoted: str) -> dict[str, str]:
    return {
        "title": said.title,
        "why": said.why,
        "level": quoted % {"level": said.level} if said.level else "",
    }
