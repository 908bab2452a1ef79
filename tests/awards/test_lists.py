import pytest

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.models import Honour, HonourList
from dongliang.common.refusals import Refused
from dongliang.scoring.actions import run_scoring
from dongliang.scoring.models import ScoringRun
from tests.factories.scoring import make_closed_world

pytestmark = pytest.mark.django_db(transaction=True)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def test_lists_hold_whom_the_run_chose():
    world = make_closed_world()
    run = run_scoring(world.season, by=None)

    best, popular, surest = draw_lists(run, by=None)

    assert {honour.enrolment for honour in best.honours.all()} == {
        standing.enrolment for standing in run.standings.filter(selected=True)
    }
    assert [honour.project for honour in popular.honours.all()] == [
        standing.project for standing in run.project_standings.all()[:2]
    ]
    assert [honour.enrolment.subdistrict for honour in surest.honours.all()] == world.subdistricts


def test_lists_are_drawn_again_in_place_of_those_not_public():
    run = run_scoring(make_closed_world().season, by=None)
    draw_lists(run, by=None)
    before = Honour.objects.count()

    draw_lists(run, by=None)

    assert (HonourList.objects.count(), Honour.objects.count()) == (3, before)


def test_a_published_list_is_not_drawn_again():
    run = run_scoring(make_closed_world().season, by=None)
    publish_list(draw_lists(run, by=None)[0], by=None)

    with pytest.raises(Refused) as refused:
        draw_lists(run, by=None)

    assert codes(refused) == ["awards.published"]


def test_a_list_is_published_once():
    honour_list = draw_lists(run_scoring(make_closed_world().season, by=None), by=None)[0]
    publish_list(honour_list, by=None)

    with pytest.raises(Refused) as refused:
        publish_list(honour_list, by=None)

    assert codes(refused) == ["awards.published"]


def test_a_list_of_a_run_that_no_longer_holds_is_not_published():
    world = make_closed_world()
    honour_list = draw_lists(run_scoring(world.season, by=None), by=None)[0]
    newest = run_scoring(world.season, by=None)
    ScoringRun.objects.filter(pk=newest.pk).update(result_sha256="0" * 64)

    with pytest.raises(Refused) as refused:
        publish_list(honour_list, by=None)

    assert codes(refused) == ["awards.stale"]
