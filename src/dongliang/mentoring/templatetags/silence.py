"""The notice about silent pairs, for the page that people come home to."""

from typing import Any

from django import template
from django.template.context import RequestContext

from dongliang.mentoring.queries.pairs import silence_seen_by
from dongliang.seasons.models import Season

register = template.Library()


@register.inclusion_tag("mentoring/_silence.html", takes_context=True)
def silent_pairs(context: RequestContext, season: Season | None) -> dict[str, Any]:
    """Which of the pairs that the reader may see have gone silent; nothing at all where none has."""
    silence = silence_seen_by(context["request"].user, season) if season else None
    return {"silence": silence, "at_home": True}
