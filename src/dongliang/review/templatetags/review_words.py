"""Words for what the review's pages show by key."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from dongliang.people.models import Account, Role
from dongliang.people.queries import has_role
from dongliang.review.queries import own_assignments
from dongliang.review.signatures import own_institutions
from dongliang.review.waiting import reminder_for
from dongliang.seasons.models import Season

register = template.Library()


@register.filter
def worded(words: Mapping[str, str], key: str) -> str:
    return str(words[key])


@register.inclusion_tag("review/_own_notices.html")
def own_notices(account: Account, season: Season | None) -> dict[str, Any]:
    """On an assessor's own page: the office's reminder, and the ways to the workbook and to a declaration."""
    if season is None:
        return {}
    return {
        "reminder": reminder_for(account, season),
        "open": own_assignments(account, season).filter(response=None, voided_at=None).count(),
        "institutions": own_institutions(account, season),
        "declares": has_role(account, Role.MENTOR),
    }


@register.inclusion_tag("review/_places.html")
def review_places() -> dict[str, Any]:
    """From the office's board to the other pages of the assessment."""
    places = [
        ("review:board", _("Who is late")),
        ("review:waiting", _("Reminders")),
        ("review:everybody_staffed", _("Who assesses whom")),
        ("review:avoidances", _("Who must not assess whom")),
        ("review:conflicts", _("Conflicts of interest")),
        ("review:institutions", _("Subdistricts and departments")),
    ]
    return {
        "items": [
            {"url": reverse(name), "label": label, "current": name == "review:board"}
            for name, label in places
        ]
    }
