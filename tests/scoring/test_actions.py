import json

import pytest

from dongliang.common.canonical import fingerprint
from dongliang.common.log import verify_chain
from dongliang.common.refusals import Refused
from dongliang.scoring.actions import begin_collecting, run_scoring
from dongliang.scoring.models import ScoringRun
from dongliang.scoring.queries import gathered_inputs, in_doubt, near_the_cut
from dongliang.seasons.models import Phase, Season
from tests.factories.scoring import answer_everything, make_closed_world, make_collecting_world
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db(transaction=True)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def test_a_run_stores_its_inputs_and_result_with_their_fingerprints():
    world = make_closed_world()

    run = run_scoring(world.season, by=world.accounts["office"])

    assert run.inputs_sha256 == fingerprint(gathered_inputs(world.season))
    assert run.result_sha256 == fingerprint(json.loads(run.result))
    assert json.loads(run.result)["rule_book_sha256"] == world.season.rule_book.sha256


def test_a_second_run_comes_out_to_the_byte():
    world = make_closed_world()

    first, second = (run_scoring(world.season, by=None) for _ in range(2))

    assert (first.number, second.number) == (1, 2)
    assert first.result == second.result


def test_rows_hold_what_the_result_says():
    world = make_closed_world()

    run = run_scoring(world.season, by=None)

    said = {entry["number"]: entry for entry in json.loads(run.result)["secretaries"]}
    assert {
        standing.enrolment.number: (standing.composite, standing.rank, standing.chance, standing.selected)
        for standing in run.standings.select_related("enrolment")
    } == {
        number: (entry["composite"], entry["rank"], entry["chance"], entry["selected"])
        for number, entry in said.items()
    }
    assert run.measures.count() == 6 * 3
    assert run.project_standings.count() == 6


def test_inputs_hold_no_name():
    world = make_closed_world()

    text = json.dumps(gathered_inputs(world.season), ensure_ascii=False)

    names = [entry.person.name for entry in world.enrolments] + [str(mentor) for mentor in world.mentors]
    assert [name for name in names if name in text] == []


def test_a_season_is_not_scored_before_it_is_closed():
    world = make_collecting_world()

    with pytest.raises(Refused) as refused:
        run_scoring(world.season, by=None)

    assert codes(refused) == ["scoring.not_closed"]


def test_a_season_without_any_answer_is_not_scored_and_every_empty_source_is_named():
    world = make_collecting_world()
    Season.objects.update(phase=Phase.CLOSED)
    season = Season.objects.get(pk=world.season.pk)

    with pytest.raises(Refused) as refused:
        run_scoring(season, by=None)

    assert codes(refused) == ["scoring.empty_source"] * 3
    assert not ScoringRun.objects.exists()


def test_opening_is_all_or_nothing():
    world = make_world(open_it=False)
    # Nobody may assess: the plan is impossible, and so nothing opens.
    world.season.mentors.all().delete()

    with pytest.raises(Refused):
        begin_collecting(world.season, by=None)

    season = Season.objects.get(pk=world.season.pk)
    assert (season.phase, season.assignments.count(), season.rounds.count()) == (Phase.PREPARING, 0, 0)


def test_people_near_the_cut_are_those_on_either_side_of_it():
    world = make_closed_world()
    run = run_scoring(world.season, by=None)

    assert [standing.rank for standing in near_the_cut(run, each_side=2)] == [2, 3, 4, 5]
    assert all(0.2 < standing.chance < 0.8 for standing in in_doubt(run))


def test_the_log_holds_after_a_whole_season():
    world = make_closed_world()
    run_scoring(world.season, by=world.accounts["office"])

    _checked, breach = verify_chain()

    assert breach is None


def test_answers_in_any_order_of_arrival_give_one_result():
    first = make_closed_world(code="LZ")
    inputs = gathered_inputs(first.season)

    second = make_collecting_world(code="YZ")
    answer_everything(second)

    assert [row[0] for row in inputs["ballots"]] == sorted(row[0] for row in inputs["ballots"])
    assert len(gathered_inputs(second.season)["ballots"]) == len(inputs["ballots"])
