"""The rule book in words, and the mark on what is this product's own default."""

from collections.abc import Iterable

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dongliang.growth.queries.path import STAR, checks, gates_of, stage_name, stages_of
from dongliang.seasons.rulebook import Named, RuleBookContent

register = template.Library()


@register.simple_tag
def default_mark(rules: RuleBookContent, *path: str) -> SafeString | str:
    """A small mark where the value under ``path`` is not the programme's word but a proposal."""
    if not rules.is_default(".".join(path)):
        return ""
    return format_html('<span class="default-mark">◇ {}</span>', _("proposal"))


@register.simple_tag
def percent(share: float) -> str:
    return f"{share:.0%}"


@register.simple_tag
def names(entries: Iterable[Named]) -> str:
    return pgettext("between names", ", ").join(str(entry.name) for entry in entries)


@register.simple_tag
def growth_steps(rules: RuleBookContent) -> list[tuple[str, list[str]]]:
    """Each stage of growth that asks for something, the star secretaries last, with what it asks for."""
    ways = [*stages_of(rules), (STAR, stage_name(rules, STAR))]
    steps = [(name, checks(gates_of(rules, key), key, {})) for key, name in ways]
    return [(name, [check.asked for check in asked]) for name, asked in steps if asked]


@register.simple_tag
def avoidance_words(rules: RuleBookContent) -> str:
    words = {
        "self": _("herself or himself"),
        "own_mentee": _("an own mentee, now or before"),
        "own_studio": _("somebody of the own studio"),
        "same_subdistrict": _("a secretary of the own subdistrict"),
        "succession": _("the own predecessor or successor in a post"),
        "declared": _("somebody with whom a conflict of interest was declared and confirmed"),
    }
    return pgettext("between names", ", ").join(words[key] for key in rules.field.avoidance)


@register.simple_tag
def waivable_words(rules: RuleBookContent) -> str:
    words = {
        "own_studio": _("the own studio"),
        "same_subdistrict": _("the own subdistrict"),
        "load": _("an assessor's share of the sheets"),
        "fewer_assessors": _("the number of assessors"),
    }
    return pgettext("between names", ", ").join(words[key] for key in rules.field.waivable)


@register.simple_tag
def verification_words(rules: RuleBookContent) -> str:
    words = {
        "household_code": _("with the code of their household"),
        "sms": _("with a code sent to their phone"),
        "wechat": _("through WeChat"),
        "assisted": _("with an officer's help"),
        "paper": _("on paper"),
    }
    return pgettext("between names", ", ").join(words[key] for key in rules.residents.verification)


@register.simple_tag
def method_words(rules: RuleBookContent) -> str:
    return {
        "gaussian": _("Marks are adjusted for harsh and lenient raters, and say how sure they are."),
        "mean": _("Marks are averaged as they are."),
        "trimmed_mean": _("Marks are averaged without the highest and the lowest."),
    }[rules.scoring.method]


@register.simple_tag
def quota_words(rules: RuleBookContent) -> str:
    quota = rules.best_secretaries.subdistrict_quota
    if quota.minimum and quota.maximum:
        return _("At least %(minimum)d and at most %(maximum)d from each subdistrict.") % {
            "minimum": quota.minimum,
            "maximum": quota.maximum,
        }
    if quota.minimum:
        return _("At least %(minimum)d from each subdistrict.") % {"minimum": quota.minimum}
    if quota.maximum:
        return _("At most %(maximum)d from each subdistrict.") % {"maximum": quota.maximum}
    return ""


@register.simple_tag
def tie_words(rules: RuleBookContent) -> str:
    words = {source.key: str(source.name) for source in rules.sources} | {
        "lot": _("a lot anyone can draw again")
    }
    return _(", then ").join(words[key] for key in rules.best_secretaries.ties)
