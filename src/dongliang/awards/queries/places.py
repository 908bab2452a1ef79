"""Where secretaries stand in the public review: a fact for the growth path."""

from collections.abc import Collection, Mapping

from dongliang.awards.models import HonourList
from dongliang.scoring.models import Standing
from dongliang.seasons.models import Season


def review_percents(season: Season, enrolments: Collection[int]) -> Mapping[int, int]:
    """The place of each person in the district's newest public review, in percent from the top, rounded up.

    It is the season's own once its list is public, else that of an earlier one: a path outlasts seasons.
    """
    people = dict(season.enrolments.filter(pk__in=enrolments).values_list("person", "pk"))
    best = (
        HonourList.objects.filter(
            kind=HonourList.Kind.BEST_SECRETARIES,
            season__district=season.district_id,
            season__lte=season.pk,
            published_at__isnull=False,
        )
        .order_by("-season")
        .first()
    )
    if best is None:
        return {}
    ranked = Standing.objects.filter(run=best.run_id, rank__isnull=False)
    count = ranked.count()
    places = ranked.filter(enrolment__person__in=people).values_list("enrolment__person", "rank")
    return {people[person]: -(-100 * rank // count) for person, rank in places if rank is not None}
