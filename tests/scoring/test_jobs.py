"""A run asked for by the office: inputs frozen first, computed beside the request, safe to leave and to lose."""

import datetime
import time

import pytest
from django.urls import reverse
from django.utils.timezone import now

from dongliang.awards import tasks
from dongliang.awards.models import HonourList
from dongliang.ballots.actions.integrity import judge_flag
from dongliang.ballots.models import Flag
from dongliang.common.canonical import fingerprint
from dongliang.common.log import verify_chain
from dongliang.common.refusals import Refused
from dongliang.people.models import Role
from dongliang.scoring.actions import perform_job, request_run, run_scoring
from dongliang.scoring.models import ResultBook, ScoringJob, ScoringRun
from dongliang.scoring.queries import gathered_inputs
from dongliang.scoring.tasks import kept_alive
from dongliang.seasons.models import RuleBook
from tests.factories.ballots import make_flag
from tests.factories.scoring import make_closed_world, wait_for_scoring
from tests.factories.season import make_account

pytestmark = pytest.mark.django_db(transaction=True)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def the_job() -> ScoringJob:
    return ScoringJob.objects.select_related("rule_book", "requested_by", "run").get()


def fall_silent(job: ScoringJob) -> None:
    """As when the process was killed, a minute ago."""
    minute = datetime.timedelta(minutes=1)
    ScoringJob.objects.filter(pk=job.pk).update(state="running", step="robustness", seen_at=now() - minute)


def test_asking_for_a_run_freezes_and_fingerprints_the_answers_before_anything_is_computed():
    world = make_closed_world()

    job = request_run(world.season, by=world.accounts["office"])

    assert (job.state, job.run, ScoringRun.objects.count()) == ("queued", None, 0)
    kept = perform_job(job)
    assert kept.inputs_sha256 == job.inputs_sha256
    assert (kept.run_at, kept.run_by) == (job.frozen_at, world.accounts["office"])


def test_the_button_leads_to_a_page_that_follows_the_run_to_its_lists_and_its_book(client):
    world = make_closed_world()
    client.force_login(world.accounts["office"])

    answer = client.post(reverse("portal:score"))
    job = wait_for_scoring(world.season)

    assert answer["Location"] == reverse("scoring:job", args=[job.pk])
    assert (job.state, job.failure, job.run.number) == ("done", "", 1)
    assert HonourList.objects.filter(run=job.run).count() == 3
    assert ResultBook.objects.get().run == job.run
    page = client.get(answer["Location"])
    assert {step.state for step in page.context["steps"]} == {"done"}
    assert verify_chain()[1] is None


def test_a_second_run_at_the_same_time_is_refused_and_says_who_asked_for_the_first(client):
    world = make_closed_world()
    first = request_run(world.season, by=world.accounts["office"])
    second = make_account("second", (Role.OFFICE, world.district))
    client.force_login(second)

    answer = client.post(reverse("portal:score"), follow=True, headers={"accept-language": "en"})

    assert f"{world.accounts['office']} asked for it" in answer.content.decode()
    assert ScoringJob.objects.get() == first


def test_the_page_refreshes_itself_without_script_only_while_the_run_is_under_way(client):
    world = make_closed_world()
    client.force_login(world.accounts["office"])
    job = request_run(world.season, by=None)
    page = reverse("scoring:job", args=[job.pk])

    before = client.get(page).content.decode()
    tasks.compute(the_job())
    after = client.get(page).content.decode()

    assert ['http-equiv="refresh"' in text for text in (before, after)] == [True, False]


def test_a_run_whose_process_died_is_shown_as_failed_and_can_be_started_again(client):
    world = make_closed_world()
    client.force_login(world.accounts["office"])
    dead = request_run(world.season, by=None)
    fall_silent(dead)

    page = client.get(reverse("scoring:job", args=[dead.pk]), headers={"accept-language": "en"})
    assert "The process that computed it has ended" in page.content.decode()
    assert [step.state for step in page.context["steps"]] == ["done"] * 3 + ["late"] + ["waiting"] * 3
    client.post(reverse("portal:score"))

    wait_for_scoring(world.season)
    assert list(ScoringJob.objects.values_list("state", flat=True)) == ["done", "failed"]


def test_a_process_that_comes_back_to_a_run_given_up_stores_nothing():
    world = make_closed_world()
    dead = request_run(world.season, by=None)
    fall_silent(dead)
    run_scoring(world.season, by=None)

    with pytest.raises(Refused) as refused:
        perform_job(dead)

    assert codes(refused) == ["scoring.given_up"]
    assert ScoringRun.objects.count() == 1


def test_a_run_given_up_while_it_was_computed_stores_nothing(monkeypatch):
    world = make_closed_world()
    job = request_run(world.season, by=None)
    calculate = perform_job.__globals__["calculate"]

    def slow(*args, **kwargs):
        result = calculate(*args, **kwargs)
        fall_silent(job)
        again = request_run(world.season, by=None)
        assert again.pk != job.pk
        return result

    monkeypatch.setitem(perform_job.__globals__, "calculate", slow)

    with pytest.raises(Refused) as refused:
        perform_job(job)

    assert codes(refused) == ["scoring.given_up"]
    assert not ScoringRun.objects.exists()


def test_a_long_step_does_not_pass_for_a_death():
    world = make_closed_world()
    job = request_run(world.season, by=None)
    ScoringJob.objects.update(state="running", seen_at=now() - datetime.timedelta(minutes=1))

    with kept_alive(job, every=0.01):
        while the_job().is_silent:
            time.sleep(0.01)

    assert the_job().is_under_way


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_set_otherwise_does_not_leave_a_dead_run_under_way_for_ever(hours: int):
    job = request_run(make_closed_world().season, by=None)
    ScoringJob.objects.update(state="running", seen_at=now() + datetime.timedelta(hours=hours))

    job.refresh_from_db()

    assert (job.is_silent, job.is_under_way) == (True, False)


def test_answers_changed_behind_the_fingerprint_are_not_scored():
    world = make_closed_world()
    job = request_run(world.season, by=None)
    ScoringJob.objects.update(inputs=job.inputs.replace('"5', '"4', 1))

    tasks.compute(the_job())

    assert (the_job().state, ScoringRun.objects.count()) == ("failed", 0)
    assert "与指纹不符" in the_job().failure


def test_rules_changed_behind_the_fingerprint_are_not_scored():
    world = make_closed_world()
    request_run(world.season, by=None)
    book = world.season.rule_book
    RuleBook.objects.filter(pk=book.pk).update(
        content=book.content | {"scoring": book.content["scoring"] | {"seed": 7}}
    )

    tasks.compute(the_job())

    assert (the_job().state, ScoringRun.objects.count()) == ("failed", 0)


def test_a_fault_is_told_in_a_sentence_and_logged(monkeypatch, caplog):
    world = make_closed_world()
    request_run(world.season, by=None)

    def broken(*_args, **_kwargs):
        raise ZeroDivisionError

    monkeypatch.setitem(perform_job.__globals__, "calculate", broken)

    tasks.compute(the_job())

    assert the_job().state == "failed"
    assert "ZeroDivisionError" not in the_job().failure
    assert "ZeroDivisionError" in caplog.text


def test_ballots_excluded_while_the_run_is_computed_count_as_excluded_after_it():
    world = make_closed_world()
    flag = make_flag(world.season, world.enrolments[0])
    job = request_run(world.season, by=None)
    for number in (1, 2):
        judge_flag(
            flag,
            decision="exclude",
            reason="一户多票",
            by=make_account(f"panel{number}", (Role.OFFICE, world.district)),
        )

    run = perform_job(job)

    assert Flag.objects.get().decided_at > run.run_at
    assert run.inputs_sha256 != fingerprint(gathered_inputs(world.season))


def test_scoring_again_after_the_lists_are_public_leaves_them_as_they_are():
    world = make_closed_world()
    world.season.scoring_jobs.all().delete()
    request_run(world.season, by=None)
    tasks.compute(the_job())
    HonourList.objects.update(published_at=now())
    before = list(HonourList.objects.values_list("pk", "run"))

    again = request_run(world.season, by=None)
    tasks.compute(again)

    assert ScoringJob.objects.first().state == "done"
    assert list(HonourList.objects.values_list("pk", "run")) == before
