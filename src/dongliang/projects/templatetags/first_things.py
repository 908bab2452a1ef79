from django import template

register = template.Library()


@register.filter
def named(key: str, names: dict[str, str]) -> str:
    """The rule book's name for a key: ``{{ thing.category|named:categories }}``."""
    return names.get(key, key or "")
