"""The page's words in its language, out of the product's catalogues, without Django."""

import gettext as catalogues
import re
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
# The languages of a page, each under the name of its catalogue; English is the language of the messages themselves.
LANGUAGES = {"zh-hans": "zh_Hans", "zh-hant": "zh_Hant", "en": None}


def gettext_noop(text: str) -> str:
    return text


MODELS = {
    "gaussian": gettext_noop(
        "A mixed model for marks as numbers: a mark is the indicator's level plus the target's measure less the rater's severity, plus chance. Thin data pull a measure towards the mean."
    ),
    "ordinal": gettext_noop(
        "A mixed model for marks as ordered categories: from one mark to the next need not be as far as to the one after. Measures and severities are in logits."
    ),
    "facets": gettext_noop(
        "A many-facet Rasch model: targets, raters, indicators and the steps between marks stand on one logit scale. Infit and outfit say who follows it."
    ),
    "ballots-gaussian": gettext_noop(
        "A mixed model for ballots, marks as numbers: every rater saw one target, and what all marks of a ballot share is its severity."
    ),
    "ballots-ordinal": gettext_noop(
        "A mixed model for ballots, marks as ordered categories: every rater saw one target. Measures and severities are in logits."
    ),
    "mean": gettext_noop(
        "The mean of the raters' means. Severity is not taken into account: a target pays for its raters."
    ),
    "trimmed-mean": gettext_noop(
        "The mean of the raters' means without the highest and the lowest. Severity is not taken into account."
    ),
}

EFFECTS = {
    "target": gettext_noop("targets"),
    "rater": gettext_noop("raters"),
    "indicator": gettext_noop("indicators"),
    "target:indicator": gettext_noop("targets by indicator"),
    "target:rater": gettext_noop("targets by rater (halo)"),
    "rater:indicator": gettext_noop("raters by indicator"),
    "subdistrict": gettext_noop("subdistricts"),
    "residual": gettext_noop("chance and all else"),
}

# What the engine's records say.
SENTENCES = (
    gettext_noop("The deviance can fall no further."),
    gettext_noop("The log-likelihood can rise no further."),
    gettext_noop("Nothing had to be iterated."),
    gettext_noop("All ratings of an indicator are equal: there is nothing to estimate."),
    gettext_noop("All ratings of an indicator are equal: targets cannot be told apart."),
    gettext_noop("All ratings are equal: there is nothing to tell apart."),
    gettext_noop("There is one rater only: severity is left out of the model."),
    gettext_noop(
        "Every rater gave one rating: severity cannot be told from chance and is left out of the model."
    ),
    gettext_noop(
        "Every ballot has one mark: severity cannot be told from chance and is left out of the model."
    ),
    gettext_noop(
        "The variance of %(effect)s is estimated as zero: their differences are no larger than chance would make them."
    ),
    gettext_noop(
        "The variance of %(effect)s is estimated as zero: its differences are no larger than chance would make them."
    ),
    gettext_noop("The effect %(effect)s has one level only: it is left out of the model."),
    gettext_noop(
        "The effect %(effect)s has one rating a level and cannot be told from chance: it is left out of the model."
    ),
    gettext_noop("The effect %(effect)s cannot be told from %(other)s: it is left out of the model."),
    gettext_noop(
        "Nobody gave the mark %(mark)s on indicator %(indicator)s: it is taken as one that cannot be given there."
    ),
    gettext_noop("Nobody gave the mark %(mark)s: it is taken as one that cannot be given."),
)


class Words:
    """``gettext`` of one language, and what the engine says in it."""

    def __init__(self, language: str) -> None:
        self.language = language
        name = LANGUAGES[language]
        self.translations = (
            catalogues.translation("django", PACKAGE / "locale", [name], fallback=True)
            if name
            else catalogues.NullTranslations()
        )

    def gettext(self, text: str) -> str:
        return self.translations.gettext(text)

    def effect(self, name: str) -> str:
        return self.gettext(EFFECTS[name]) if name in EFFECTS else name

    def sentence(self, said: str, indicators: list[str]) -> str:
        """A sentence of the engine's in this language; it calls indicators by their codes. One unknown stays English."""
        for pattern, message in patterns():
            if found := pattern.fullmatch(said):
                parts = found.groupdict()
                for key in ("effect", "other"):
                    if key in parts:
                        name = parts[key] if parts[key] in EFFECTS else parts[key].removesuffix("s")
                        parts[key] = self.effect(name)
                if "indicator" in parts and parts["indicator"].isdigit():
                    parts["indicator"] = indicators[int(parts["indicator"])]
                return self.gettext(message) % parts
        return said


@cache
def patterns() -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(message))), message)
        for message in SENTENCES
    ]
