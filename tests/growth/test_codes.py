import datetime

import time_machine

from dongliang.growth import codes

MOMENT = datetime.datetime(2021, 11, 8, 9, 30, tzinfo=datetime.UTC)


def shown(session: int, after: int) -> str:
    return codes.code_of(session, codes.step_at(MOMENT + datetime.timedelta(seconds=after)))


def test_a_code_holds_for_its_half_minute_and_the_next_and_for_no_other_session():
    later = [MOMENT + datetime.timedelta(seconds=seconds) for seconds in (0, 29, 30, 59, 60, 3600)]

    assert [codes.is_current(7, shown(7, 0), moment) for moment in later] == [True] * 4 + [False] * 2
    assert not codes.is_current(8, shown(7, 0), MOMENT)
    assert not codes.is_current(7, shown(7, 30), MOMENT)


def test_a_pass_opens_one_session_for_one_account_for_three_minutes():
    with time_machine.travel(MOMENT, tick=False) as clock:
        token = codes.issue_pass(7, 3)
        opened = [codes.opens(token, 7, 3), codes.opens(token, 8, 3), codes.opens(token, 7, 4)]
        clock.shift(datetime.timedelta(minutes=3, seconds=1))

        assert opened == [True, False, False]
        assert not codes.opens(token, 7, 3)
        assert not codes.opens("x" * 40, 7, 3)
