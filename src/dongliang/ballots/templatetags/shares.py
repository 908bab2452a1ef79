from django import template

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.1%}"


@register.filter
def width(share: float | None) -> str:
    """A share as a length in percent, never longer than the whole."""
    return f"{100 * min(share or 0, 1):.1f}"
