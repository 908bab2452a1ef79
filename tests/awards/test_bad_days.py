"""Clocks gone wrong, two officers at once, a list put on hold."""

import datetime
import os
import subprocess
import sys

import pytest
from django.utils import timezone

from dongliang.awards.actions.deciding import approve_change, propose_change
from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.actions.publicity import confirm_list, issue_certificates, lift_hold, put_on_hold
from dongliang.awards.calendar import today
from dongliang.awards.models import HonourList
from dongliang.common.refusals import Refused
from dongliang.people.models import Role
from dongliang.scoring.actions import run_scoring
from tests.factories.scoring import make_closed_world
from tests.factories.season import make_account

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY, DAY_AFTER = "2021-12-13T09:00+08:00", "2021-12-21T00:00+08:00"
DAY_IN_WORDS = (
    "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'dongliang.settings'\n"
    "import django; django.setup()\n"
    "import datetime, time_machine\n"
    "with time_machine.travel('2021-12-20T17:30+00:00', tick=False):\n"
    "    from dongliang.awards.calendar import today, working_day_after\n"
    "    print(today(), working_day_after(today(), 5))"
)


@pytest.fixture
def world(time_machine):
    time_machine.move_to(MONDAY)
    return make_closed_world()


@pytest.fixture
def best(world) -> HonourList:
    return publish_list(draw_lists(run_scoring(world.season, by=None), by=None)[0], by=None)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Auckland"])
def test_working_days_are_counted_by_shanghai_s_day_whatever_zone_the_server_is_set_to(zone, tmp_path):
    environment = os.environ | {"TZ": zone, "DONGLIANG_HOME": str(tmp_path)}

    said = subprocess.run(
        [sys.executable, "-c", DAY_IN_WORDS], env=environment, capture_output=True, text=True, check=True
    )

    # Half past one in the morning of the 21st in Shanghai.
    assert said.stdout.split() == ["2021-12-21", "2021-12-28"]


def test_a_page_shown_in_another_zone_does_not_move_the_programme_s_day(time_machine):
    time_machine.move_to("2021-12-20T17:30+00:00")

    with timezone.override("America/New_York"):
        assert today() == datetime.date(2021, 12, 21)


def test_a_clock_set_back_shortens_nobody_s_time_to_object(world, best, time_machine):
    leaving = best.honours.first().enrolment
    entering = next(
        entry
        for entry in world.enrolments
        if entry.subdistrict == leaving.subdistrict and not best.honours.filter(enrolment=entry).exists()
    )
    change = propose_change(best, leaving=leaving, entering=entering, reason="本人放弃", by=None)
    until = best.objections_until
    time_machine.move_to("2021-11-01T09:00+08:00")

    approve_change(change, by=None)

    assert HonourList.objects.get(pk=best.pk).objections_until == until


def test_no_certificate_is_dated_before_its_list_was_confirmed(best, time_machine):
    time_machine.move_to(DAY_AFTER)
    confirm_list(best, by=None)
    time_machine.move_to("2021-12-20T09:00+08:00")

    with pytest.raises(Refused) as refused:
        issue_certificates(best, by=None)

    assert codes(refused) == ["awards.clock"]


def test_a_list_on_hold_is_neither_confirmed_nor_certified_until_a_second_person_lifts_it(
    world, best, time_machine
):
    office, second = world.accounts["office"], make_account("second", (Role.OFFICE, world.district))
    hold = put_on_hold(best, reason="收到实名异议，正在核查", by=office)
    time_machine.move_to(DAY_AFTER)

    with pytest.raises(Refused) as refused:
        confirm_list(best, by=second)
    assert codes(refused) == ["awards.on_hold"]
    with pytest.raises(Refused) as refused:
        lift_hold(hold, outcome="查无实据", by=office)
    assert codes(refused) == ["awards.own_hold"]
    lift_hold(hold, outcome="查无实据", by=second)
    confirm_list(best, by=second)

    put_on_hold(best, reason="又收到新材料", by=office)
    with pytest.raises(Refused) as refused:
        issue_certificates(best, by=second)
    assert codes(refused) == ["awards.on_hold"]


def test_a_hold_says_why_and_a_list_is_held_once(best):
    with pytest.raises(Refused) as refused:
        put_on_hold(best, reason=" ", by=None)
    assert codes(refused) == ["awards.no_reason"]

    put_on_hold(best, reason="核查", by=None)
    with pytest.raises(Refused) as refused:
        put_on_hold(best, reason="核查", by=None)
    assert codes(refused) == ["awards.on_hold"]
