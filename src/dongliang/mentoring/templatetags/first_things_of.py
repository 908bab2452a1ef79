"""Names of categories, by their keys."""

from django import template

register = template.Library()


@register.filter
def named_in(key: str, names: dict[str, str]) -> str:
    return names.get(key, key)
