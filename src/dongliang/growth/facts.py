"""What a gate can ask about a person, and who tells it.

An app registers, when it is ready, the reader of a fact that it owns. Apps above this one can do so too, which is why
a gate can ask for what this app may not import, such as a place in the review.
"""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any

from dongliang.seasons.models import Season

# The fact of many secretaries of one season at once, by enrolment; whoever is left out has none.
Provider = Callable[[Season, Collection[int]], Mapping[int, Any]]


class Fact(StrEnum):
    MONTHS_IN_POST = "months_in_post"  # whole months in the present post
    HOURS = "hours"  # credited hours of training in the season
    VISITS = "visits"  # visits of the mentor in the season
    PROJECT = "project"  # the state of the first thing
    REVIEW_PERCENT = "review_percent"  # the place in the public review, in percent from the top
    MENTOR_OPINION = "mentor_opinion"  # per stage asked about, whether the mentor is in favour
    COMMITTEE = "committee"  # per stage asked about, whether the committee is in favour


_providers: dict[Fact, Provider] = {}


def register(fact: Fact, provider: Provider) -> None:
    """Let ``provider`` tell ``fact``. Called once a fact, in an app's ``ready``."""
    if _providers.get(fact, provider) is not provider:
        raise ValueError(f"Two apps tell {fact!r}: {_providers[fact]} and {provider}.")
    _providers[fact] = provider


def known(fact: Fact) -> bool:
    return fact in _providers


def facts_of(
    season: Season, enrolments: Collection[int], wanted: Collection[Fact] = tuple(Fact)
) -> dict[int, dict[Fact, Any]]:
    """What is known of these secretaries: one call a fact, however many they are."""
    found: dict[int, dict[Fact, Any]] = {pk: {} for pk in enrolments}
    for fact in wanted:
        told = _providers[fact](season, enrolments) if fact in _providers else {}
        for pk, value in told.items():
            if pk in found:
                found[pk][fact] = value
    return found
