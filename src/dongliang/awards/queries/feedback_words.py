"""Feedback in words, for the page and for the paper: respectful, and never surer than the numbers."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.awards.calculation import ABOVE_MIDDLE, BEHIND_OWN, BELOW_MIDDLE, GOES_WELL, OWN_BEST
from dongliang.awards.models import Feedback
from dongliang.projects.models import FirstThing


@dataclass(frozen=True)
class Said:
    """One strength or step: the indicator, why it is named, and the rule book's description of a level."""

    title: str
    why: str
    level: str


@dataclass(frozen=True)
class Told:
    """All that a feedback says beside its numbers. ``step`` is None where too few answered."""

    strengths: list[Said]
    step: Said | None
    mentor: str
    mentor_home: str
    mentor_why: list[str]
    case: FirstThing | None
    case_place: str


def told(feedback: Feedback) -> Told:
    indicators = feedback.release.run.rule_book.validated.indicators
    content, mentor, case = feedback.content, feedback.mentor, feedback.case
    step = content["step"]
    return Told(
        strengths=[
            Said(
                str(indicators[entry["indicator"]].name),
                why_a_strength(entry["certainty"]),
                level_in_words(indicators, entry) if entry["level"] >= GOES_WELL else "",
            )
            for entry in content["strengths"]
        ],
        step=Said(
            str(indicators[step["indicator"]].name),
            why_a_step(step["basis"]),
            level_in_words(indicators, step) if step["level"] else "",
        )
        if step
        else None,
        mentor=str(mentor) if mentor else "",
        mentor_home=str(mentor.home or "") if mentor else "",
        mentor_why=[
            why_this_mentor(reason, str(indicators[step["indicator"]].name) if step else "")
            for reason in content["mentor_for"]
        ],
        case=case,
        case_place=f"{case.enrolment.subdistrict} · {case.enrolment.organisation}" if case else "",
    )


def level_in_words(indicators: Any, entry: dict[str, Any]) -> str:
    return str(indicators[entry["indicator"]].levels[entry["level"] - 1])


def why_a_strength(certainty: str) -> str:
    if certainty == ABOVE_MIDDLE:
        return _("Above the middle of the district, beyond what chance explains.")
    if certainty == OWN_BEST:
        return _("Ahead of your own other indicators, beyond what chance explains.")
    return _(
        "Among the highest of your own. Your marks lie close together; the differences are within what chance explains."
    )


def why_a_step(basis: str) -> str:
    if basis == BELOW_MIDDLE:
        return _(
            "Below the middle of the district at present, beyond what chance explains. This is a good place to begin."
        )
    if basis == BEHIND_OWN:
        return _(
            "Your own other indicators are ahead of it, beyond what chance explains. Bring it up to them."
        )
    return _(
        "Nothing of yours is behind beyond what chance explains. Take what stands highest a step further, and tell others how."
    )


def why_this_mentor(reason: str, indicator: str) -> str:
    if reason == "need":
        return _("the people coached stand well in “%(indicator)s”") % {"indicator": indicator}
    if reason == "category":
        return _("has brought projects like yours to land")
    if reason == "continuity":
        return _("coaches you already and knows your estate")
    return pgettext("a mentor", "works close to you")
