import pytest

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.queries.places import review_percents
from dongliang.growth import facts
from dongliang.scoring.actions import run_scoring
from tests.factories.scoring import make_closed_world

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_place_in_the_review_is_told_in_percent_once_the_list_is_public():
    world = make_closed_world()
    best = draw_lists(run_scoring(world.season, by=None), by=None)[0]
    pks = [enrolment.pk for enrolment in world.enrolments]
    before = review_percents(world.season, pks)

    publish_list(best, by=None)

    ranks = dict(best.run.standings.filter(enrolment__in=pks).values_list("enrolment", "rank"))
    after = review_percents(world.season, pks)
    assert before == {}
    assert {pk: ranks[pk] for pk in pks} == {
        pk: {17: 1, 34: 2, 50: 3, 67: 4, 84: 5, 100: 6}[percent] for pk, percent in after.items()
    }
    assert facts.facts_of(world.season, pks[:1])[pks[0]][facts.Fact.REVIEW_PERCENT] == after[pks[0]]
