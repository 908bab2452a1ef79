from collections.abc import Mapping
from typing import Any

from django import template

from dongliang.growth.models import Attendance

register = template.Library()


@register.filter
def at(values: Mapping[Any, Any], key: Any) -> Any:
    """``values[key]``, or nothing."""
    return values.get(key)


@register.filter
def method_name(method: str) -> str:
    """How somebody was signed in, in words."""
    return str(Attendance.Method(method).label)
