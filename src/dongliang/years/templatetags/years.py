from typing import Any

from django import template

from dongliang.common.comparison_charts import signed

register = template.Library()
register.filter("signed", signed)


@register.filter
def at(known: dict[Any, Any] | None, key: Any) -> Any:
    """What stands under ``key``, or None; also of nothing."""
    return known.get(key) if known else None
