"""The facts that this app can tell about secretaries, each for many at once. See ``growth.facts``."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from django.db.models import Count, Sum
from django.utils.timezone import localdate

from dongliang.growth.models import Credit, Opinion
from dongliang.mentoring.models import Visit
from dongliang.people.models import Tenure
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Season


def months_in_post(season: Season, enrolments: Collection[int]) -> Mapping[int, int]:
    today = localdate()
    posts = {
        (post, person): pk
        for pk, post, person in season.enrolments.filter(pk__in=enrolments).values_list(
            "pk", "post", "person"
        )
    }
    found = {}
    for post, person, since in Tenure.objects.filter(
        post__enrolments__in=enrolments, ends_on=None
    ).values_list("post", "person", "starts_on"):
        if (post, person) in posts:
            months = 12 * (today.year - since.year) + today.month - since.month - (today.day < since.day)
            found[posts[post, person]] = max(months, 0)
    return found


def hours_in_season(season: Season, enrolments: Collection[int]) -> Mapping[int, Decimal]:
    people = dict(season.enrolments.filter(pk__in=enrolments).values_list("person", "pk"))
    sums = (
        Credit.objects.filter(season=season, person__in=people)
        .order_by()
        .values_list("person")
        .annotate(total=Sum("hours"))
    )
    return {people[person]: total for person, total in sums}


def visits_in_season(_season: Season, enrolments: Collection[int]) -> Mapping[int, int]:
    """How often each met her mentor in this season, whichever mentor it was then."""
    counted = (
        Visit.objects.filter(pair__mentee__in=enrolments)
        .order_by()
        .values_list("pair__mentee")
        .annotate(number=Count("pk"))
    )
    return dict(counted)


def project_states(_season: Season, enrolments: Collection[int]) -> Mapping[int, str]:
    return dict(FirstThing.objects.filter(enrolment__in=enrolments).values_list("enrolment", "state"))


def mentors_opinions(season: Season, enrolments: Collection[int]) -> Mapping[int, dict[str, bool]]:
    return latest_opinions(season, enrolments, Opinion.Source.MENTOR)


def committee_decisions(season: Season, enrolments: Collection[int]) -> Mapping[int, dict[str, bool]]:
    return latest_opinions(season, enrolments, Opinion.Source.COMMITTEE)


def latest_opinions(
    season: Season, enrolments: Collection[int], source: str
) -> Mapping[int, dict[str, bool]]:
    people = dict(season.enrolments.filter(pk__in=enrolments).values_list("person", "pk"))
    found: dict[int, dict[str, bool]] = {}
    given = Opinion.objects.filter(source=source, path__person__in=people).order_by("pk")
    for person, stage, in_favour in given.values_list("path__person", "stage", "in_favour"):
        found.setdefault(people[person], {})[stage] = in_favour
    return found
