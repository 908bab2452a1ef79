"""Several people press the same button in the same moment: it takes effect once, and nobody sees a fault."""

import datetime
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from dongliang.awards.actions.deciding import approve_change, decline_change, propose_change
from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.actions.publicity import put_on_hold
from dongliang.awards.models import HonourList
from dongliang.ballots.actions.integrity import examine_round, judge_flag
from dongliang.ballots.models import Ballot, Flag, Verdict
from dongliang.common.log import verify_chain
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.mentoring.roster import confirm_roster, export_roster, preview_roster
from dongliang.people.actions import create_account, create_secretary_accounts, remove_grant
from dongliang.people.models import Account, Role, Tenure
from dongliang.projects.actions import nominate, register_first_thing, set_state
from dongliang.projects.models import FirstThing
from dongliang.review.actions import plan_assignments, submit_response
from dongliang.review.models import Response
from dongliang.scoring.actions import begin_collecting, end_collecting, run_scoring
from dongliang.scoring.models import ScoringRun
from dongliang.seasons.actions import freeze_rule_book, revise_rule_book
from dongliang.seasons.models import Phase, Season
from tests.factories.ballots import make_flag
from tests.factories.people import make_roster, make_row
from tests.factories.scoring import make_closed_world, make_collecting_world
from tests.factories.season import World, make_account, make_rules, make_world

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 4


def at_once(*calls: Callable[[], Any]) -> list[str]:
    """What became of each call: "done", the codes of a refusal, or a fault's name."""
    start, became = threading.Barrier(len(calls)), [""] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        start.wait()
        try:
            call()
            became[place] = "done"
        except Refused as refused:
            became[place] = " ".join(blocker.code for blocker in refused.blockers)
        except Exception as fault:
            became[place] = repr(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify_chain()[1] is None
    return sorted(became)


def test_the_rule_book_is_frozen_once():
    world = make_world(open_it=False)
    world.season.rule_books.update(frozen_at=None)

    became = at_once(*[lambda: freeze_rule_book(world.season, by=None)] * PEOPLE)

    assert became == ["done", *["rulebook.frozen"] * (PEOPLE - 1)]


def test_a_rule_book_revised_by_many_has_a_version_for_each():
    world = make_world(open_it=False)
    document = make_rules().model_dump()

    became = at_once(*[lambda: revise_rule_book(world.season, document, reason="改", by=None)] * PEOPLE)

    assert became == ["done"] * PEOPLE
    assert world.season.rule_books.count() == 2


def test_the_season_opens_once():
    world = make_world(open_it=False)

    became = at_once(*[lambda: begin_collecting(world.season, by=None)] * PEOPLE)

    assert became == ["done", *["season.not_preparing"] * (PEOPLE - 1)]
    assert world.season.enrolments.count() == 6


def test_the_season_closes_once():
    world = make_collecting_world()

    became = at_once(*[lambda: end_collecting(world.season, by=None)] * PEOPLE)

    assert became == ["done", *["season.not_open"] * (PEOPLE - 1)]


def test_of_several_who_have_the_season_scored_each_is_done_with_a_number_of_its_own_or_told_to_wait():
    world = make_closed_world()

    became = at_once(*[lambda: draw_lists(run_scoring(world.season, by=None), by=None)] * PEOPLE)

    done = became.count("done")
    assert done >= 1
    assert became == ["done"] * done + ["scoring.under_way"] * (PEOPLE - done)
    numbers = sorted(ScoringRun.objects.values_list("number", flat=True))
    assert numbers == list(range(1, done + 1))
    assert HonourList.objects.count() == 3


def test_a_list_is_published_once():
    world = make_closed_world()
    best, *_others = draw_lists(run_scoring(world.season, by=None), by=None)

    became = at_once(*[lambda: publish_list(best, by=None)] * PEOPLE)

    assert became == ["awards.published"] * (PEOPLE - 1) + ["done"]


@pytest.mark.parametrize("attempt", range(5))
def test_what_is_published_is_not_drawn_again_meanwhile(attempt: int):
    world = make_closed_world()
    run = run_scoring(world.season, by=None)
    best, *_others = draw_lists(run, by=None)

    became = at_once(lambda: publish_list(best, by=None), lambda: draw_lists(run, by=None))

    published = HonourList.objects.filter(published_at__isnull=False).count()
    assert (became, published) in (
        (["awards.published", "done"], 1),
        (["awards.drawn_again", "done"], 0),
    )


@pytest.mark.parametrize("attempt", range(3))
def test_two_officers_deciding_at_once_decide_once_and_the_list_is_as_was_decided(attempt: int):
    world = make_closed_world()
    best, *_others = draw_lists(run_scoring(world.season, by=None), by=None)
    leaving = best.honours.first().enrolment
    entering = next(
        entry
        for entry in world.enrolments
        if entry.subdistrict == leaving.subdistrict and not best.honours.filter(enrolment=entry).exists()
    )
    change = propose_change(
        best, leaving=leaving, entering=entering, reason="处分期未满", by=world.accounts["office"]
    )
    one, other = (make_account(f"officer{n}", (Role.OFFICE, world.district)) for n in range(2))

    became = at_once(lambda: approve_change(change, by=one), lambda: decline_change(change, by=other))

    change.refresh_from_db()
    assert became == ["awards.decided", "done"]
    assert change.decided_by == (one if change.state == "approved" else other)
    assert best.honours.filter(enrolment=entering).exists() is (change.state == "approved")
    assert best.honours.filter(enrolment=leaving).exists() is (change.state == "declined")


def test_a_list_is_put_on_hold_once():
    world = make_closed_world()
    best = publish_list(draw_lists(run_scoring(world.season, by=None), by=None)[0], by=None)

    became = at_once(*[lambda: put_on_hold(best, reason="核查", by=None)] * PEOPLE)

    assert became == ["awards.on_hold"] * (PEOPLE - 1) + ["done"]


def test_one_user_name_is_given_once():
    world = make_world()

    became = at_once(
        *[
            lambda: create_account(
                "wangfang", "王芳", Role.OFFICE, world.district, by=None, password="correct horse 42"
            )
        ]
        * PEOPLE
    )

    assert became == ["account.username_taken"] * (PEOPLE - 1) + ["done"]


def test_secretaries_accounts_are_made_once():
    world = make_world(open_it=False)

    became = at_once(*[lambda: create_secretary_accounts(world.district, by=None)] * PEOPLE)

    assert became == ["done"] * PEOPLE
    assert Account.objects.filter(grants__role=Role.SECRETARY).count() == 6


def test_an_account_keeps_one_role_at_least():
    world = make_world()
    account = world.accounts["mentor"]
    account.grants.create(role=Role.SUBDISTRICT_OFFICE, organisation=world.subdistricts[0])
    one, other = account.grants.all()

    became = at_once(lambda: remove_grant(one, by=None), lambda: remove_grant(other, by=None))

    assert became == ["done", "grant.last"]


def test_one_role_is_taken_back_once():
    world = make_world()
    account = world.accounts["mentor"]
    for organisation in world.subdistricts:
        account.grants.create(role=Role.SUBDISTRICT_OFFICE, organisation=organisation)
    grant = account.grants.filter(role=Role.MENTOR).get()

    became = at_once(*[lambda: remove_grant(grant, by=None)] * PEOPLE)

    assert became == ["done"] * PEOPLE
    assert ActionLogEntry.objects.filter(verb="people.grant.removed").count() == 1


def test_one_roster_is_confirmed_once():
    world = make_world(open_it=False)
    office = world.accounts["office"]
    preview = preview_roster(world.district, "名册.xlsx", export_roster(world.district), by=office)

    became = at_once(*[lambda: confirm_roster(preview, by=office)] * PEOPLE)

    assert became == ["done", *["roster.used"] * (PEOPLE - 1)]


def test_a_first_thing_is_registered_once_and_goes_one_step():
    world = make_world()
    enrolment = world.enrolments[0]

    became = at_once(
        *[lambda: register_first_thing(enrolment, category="housing", title="修电梯", by=None)] * PEOPLE
    )
    assert became == ["done", *["project.registered"] * (PEOPLE - 1)]
    thing = FirstThing.objects.get()

    assert at_once(*[lambda: set_state(thing, "under_way", by=None)] * PEOPLE) == ["done"] * PEOPLE
    assert (
        at_once(*[lambda: nominate(world.season, world.subdistricts[0], thing, by=None)] * PEOPLE)
        == ["done"] * PEOPLE
    )


def test_one_sheet_sent_by_many_is_one_sheet():
    world = make_collecting_world()
    sheet = world.season.assignments.filter(source="institutional").first()

    became = at_once(
        *[
            lambda marks=marks: submit_response(sheet, marks=marks, by=None)
            for marks in ("5555", "1111", "3333", "5454")
        ]
    )

    assert became == ["done"] * PEOPLE
    assert Response.objects.count() == 1


@pytest.mark.parametrize("attempt", range(3))
def test_a_sheet_is_sent_before_a_new_plan_or_refused_after_it(attempt: int):
    world = make_collecting_world()
    sheet = world.season.assignments.filter(source="institutional").first()

    became = at_once(
        lambda: submit_response(sheet, marks="5555", by=None), lambda: plan_assignments(world.season, by=None)
    )

    assert became in (["done", "review.sheets_sent"], ["done", "review.sheet_gone"])


@pytest.mark.parametrize("attempt", range(4))
def test_a_season_opens_with_the_roster_before_an_import_or_with_that_after_it(attempt: int):
    world = make_world(open_it=False)
    office, district = world.accounts["office"], world.district
    successor = make_row(1, 居村="柳荫第一居民区", 姓名="尤大江", 到任日期=datetime.date(2021, 9, 1))
    preview = preview_roster(district, "名册.xlsx", make_roster(successor), by=office)

    at_once(lambda: begin_collecting(world.season, by=None), lambda: confirm_roster(preview, by=office))

    season = Season.objects.get(pk=world.season.pk)
    assigned = season.enrolments.filter(assignments__isnull=False).distinct().count()
    assert (season.phase, season.enrolments.count(), assigned) == (Phase.OPEN, 6, 6)
    assert Tenure.objects.filter(person__name="尤大江", ends_on=None).exists()


def closed_world_with_a_flag() -> tuple[World, Flag]:
    world = make_closed_world()
    return world, make_flag(world.season, world.enrolments[0])


def judging(flag: Flag, decision: str, *accounts: Account) -> list[Callable[[], Any]]:
    return [
        lambda account=account: judge_flag(flag, decision=decision, reason="看过了", by=account)  # type: ignore[misc]
        for account in accounts
    ]


def test_two_verdicts_at_once_exclude_the_ballots_once_and_a_third_person_comes_too_late():
    world, flag = closed_world_with_a_flag()
    panel = [make_account(f"panel{n}", (Role.OFFICE, world.district)) for n in range(3)]

    became = at_once(*judging(flag, "exclude", *panel))

    flag.refresh_from_db()
    assert became == ["ballots.flag_decided", "done", "done"]
    assert (flag.state, flag.excluded, flag.verdicts.count()) == ("excluded", 12, 2)
    assert Ballot.objects.filter(status="excluded").count() == 12


def test_one_person_pressing_often_gives_one_verdict():
    world, flag = closed_world_with_a_flag()

    became = at_once(*judging(flag, "exclude", *[world.accounts["office"]] * PEOPLE))

    assert became == [*["ballots.judged_already"] * (PEOPLE - 1), "done"]
    assert (flag.verdicts.count(), Ballot.objects.filter(status="excluded").count()) == (1, 0)


def test_examining_while_somebody_judges_loses_no_verdict():
    world, flag = closed_world_with_a_flag()

    became = at_once(
        *judging(flag, "keep", world.accounts["office"]), lambda: examine_round(flag.round, by=None)
    )

    # Whichever comes first: the verdict keeps the flag, or the flag is gone and the verdict refused.
    kept = Flag.objects.filter(pk=flag.pk).count()
    assert became == (["done", "done"] if kept else ["ballots.flag_replaced", "done"])
    assert Verdict.objects.count() == kept
