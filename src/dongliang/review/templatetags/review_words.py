"""Words for what the review's pages show by key."""

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def worded(words: Mapping[str, str], key: str) -> str:
    return str(words[key])
