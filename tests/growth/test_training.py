import datetime
from decimal import Decimal

import pytest
import time_machine
from django.utils.timezone import localdate, now

from dongliang.common.log import verify_chain
from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.growth import codes
from dongliang.growth.actions.course import (
    answer_practice,
    give_feedback,
    report_practice,
    take_quiz,
    write_question,
)
from dongliang.growth.actions.training import (
    arrange_session,
    cancel_session,
    change_session,
    credit_hours,
    leave_seat,
    sign_in_by_code,
    sign_in_by_list,
    take_seat,
    undo_attendance,
)
from dongliang.growth.models import Credit, Feedback, Seat
from dongliang.growth.queries.training import opinions_of
from dongliang.seasons.actions import close_season
from tests.factories.growth import HOUR, make_attendance, make_course, make_session
from tests.factories.projects import make_first_thing
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world():
    return make_world()


def states(session) -> dict[str, str]:
    return dict(session.seats.order_by("asked_at", "pk").values_list("enrolment__person__name", "state"))


def codes_of(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def test_the_waiting_list_moves_up_when_somebody_withdraws(world):
    session = make_session(make_course(world.season), places=1)
    for enrolment in world.enrolments[:3]:
        take_seat(session, enrolment, by=None)

    leave_seat(session, world.enrolments[0], by=None)

    assert states(session) == {
        "周兰英": Seat.State.LEFT,
        "吴建国": Seat.State.SEATED,
        "郑秀芳": Seat.State.WAITING,
    }


def test_a_subdistrict_does_not_take_the_places_of_another(world):
    first, second = world.subdistricts
    course = make_course(world.season)
    starts_at = now() + HOUR
    session = arrange_session(
        course,
        quotas={first: 1, second: 2},
        by=None,
        starts_at=starts_at,
        ends_at=starts_at + HOUR,
        place="区委党校",
        trainer="俞慧敏",
        hours=Decimal(2),
        places=3,
    )
    for enrolment in world.enrolments[:4]:
        take_seat(session, enrolment, by=None)

    assert list(states(session).values()) == ["seated", "waiting", "waiting", "seated"]


def test_quotas_beyond_the_places_are_refused(world):
    with pytest.raises(Refused) as refused:
        arrange_session(make_course(world.season), quotas={world.subdistricts[0]: 4}, by=None, places=3)

    assert [str(blocker) for blocker in refused.value.blockers] == [
        "The subdistricts' places add up to 4, and the session has 3. Give fewer, or raise the number of places."
    ]


def test_more_places_let_the_waiting_sit_and_fewer_send_nobody_back_before_the_last(world):
    session = make_session(make_course(world.season), places=1)
    for enrolment in world.enrolments[:3]:
        take_seat(session, enrolment, by=None)
    details = {name: getattr(session, name) for name in ("starts_at", "ends_at", "place", "trainer", "hours")}

    change_session(session, quotas={}, by=None, places=2, **details)

    assert list(states(session).values()) == ["seated", "seated", "waiting"]


@pytest.mark.parametrize(
    ("prepare", "code"),
    [
        (lambda world, session: take_seat(session, world.enrolments[0], by=None), "training.asked"),
        (lambda world, session: cancel_session(session, by=None), "training.cancelled"),
        (lambda world, session: close_season(world.season, by=None), "training.season_closed"),
        (lambda world, session: type(session).objects.update(starts_at=now() - HOUR / 2), "training.begun"),
    ],
)
def test_signing_up_is_refused(world, prepare, code):
    session = make_session(make_course(world.season))
    prepare(world, session)

    with pytest.raises(Refused) as refused:
        take_seat(session, world.enrolments[0], by=None)

    assert codes_of(refused) == [code]


def test_a_secretary_of_another_season_is_refused(world):
    elsewhere = make_world(code="YZ")
    session = make_session(make_course(world.season))

    with pytest.raises(Refused) as refused:
        take_seat(session, elsewhere.enrolments[0], by=None)

    assert codes_of(refused) == ["training.elsewhere"]


def test_whoever_scans_in_time_is_signed_in_once_and_gets_the_hours_once(world):
    account, enrolment = world.accounts["secretary"], world.enrolments[0]
    session = make_session(make_course(world.season), begins_in=HOUR / 2)
    token = codes.issue_pass(session.pk, account.pk)

    for _scan in range(2):
        sign_in_by_code(session, enrolment, token, by=account)

    assert list(session.attendances.values_list("enrolment", "method")) == [(enrolment.pk, "code")]
    assert list(Credit.objects.values_list("person", "hours", "earned_on")) == [
        (enrolment.person_id, Decimal("3.0"), localdate(session.starts_at))
    ]


def test_a_pass_sent_to_a_colleague_or_kept_for_later_does_not_sign_in(world):
    session = make_session(make_course(world.season), begins_in=HOUR / 2)
    first, last = world.accounts["secretary"], world.accounts["other_secretary"]
    token = codes.issue_pass(session.pk, first.pk)

    with pytest.raises(Refused) as sent_on:
        sign_in_by_code(session, world.enrolments[5], token, by=last)
    with time_machine.travel(now() + datetime.timedelta(minutes=4)), pytest.raises(Refused) as kept:
        sign_in_by_code(session, world.enrolments[0], token, by=first)

    assert codes_of(sent_on) == codes_of(kept) == ["training.stale_code"]
    assert not session.attendances.exists()


@pytest.mark.parametrize(
    ("begins_in", "codes_by_code", "codes_by_list"),
    [
        (2 * HOUR, ["training.too_early"], ["training.too_early"]),
        (-3 * HOUR, ["training.over"], []),
        (HOUR / 2, [], []),
    ],
)
def test_the_screen_signs_in_around_the_session_and_the_list_afterwards_too(
    world, begins_in, codes_by_code, codes_by_list
):
    session = make_session(make_course(world.season), begins_in=begins_in)
    account, enrolment = world.accounts["secretary"], world.enrolments[0]

    def found(act) -> list[str]:
        try:
            act()
        except Refused as refused:
            return [blocker.code for blocker in refused.blockers]
        return []

    by_code = found(
        lambda: sign_in_by_code(session, enrolment, codes.issue_pass(session.pk, account.pk), by=account)
    )
    by_list = found(lambda: sign_in_by_list(session, [enrolment], "paper", by=None))

    assert (by_code, by_list) == (codes_by_code, codes_by_list)


def test_an_attendance_noted_by_mistake_is_taken_back_with_its_hours(world):
    session = make_session(make_course(world.season), begins_in=-HOUR)
    sign_in_by_list(session, world.enrolments[:2], "list", by=None)

    undo_attendance(session, world.enrolments[0], by=None)

    assert list(Credit.objects.values_list("person__name", flat=True)) == ["吴建国"]
    assert list(session.attendances.values_list("enrolment__person__name", flat=True)) == ["吴建国"]
    assert verify_chain()[1] is None


def test_hours_of_others_are_credited_with_what_shows_them(world):
    credit = credit_hours(
        world.enrolments[0], hours=Decimal(4), earned_on=localdate(), evidence=" 市委党校 ", by=None
    )

    assert (credit.person, credit.hours, credit.source) == (
        world.enrolments[0].person,
        Decimal(4),
        "市委党校",
    )


def test_a_closed_season_credits_no_more_hours(world):
    close_season(world.season, by=None)
    world.enrolments[0].season.refresh_from_db()

    with pytest.raises(Refused) as refused:
        credit_hours(
            world.enrolments[0], hours=Decimal(4), earned_on=localdate(), evidence="市委党校", by=None
        )

    assert codes_of(refused) == ["training.season_closed"]


def make_quiz(world):
    course = make_course(world.season, attempts=2, pass_percent=60)
    questions = [
        write_question(course, text=f"第 {n} 题", choices=["对", "错"], right=n % 2, by=None)
        for n in range(3)
    ]
    return course, questions


def test_a_quiz_is_marked_and_passed_from_its_percent_on(world):
    course, questions = make_quiz(world)
    enrolment = world.enrolments[0]

    first = take_quiz(course, enrolment, {questions[0].pk: 0}, by=None)
    second = take_quiz(course, enrolment, {questions[0].pk: 0, questions[1].pk: 1}, by=None)
    with pytest.raises(Refused) as refused:
        take_quiz(course, enrolment, {}, by=None)

    assert [(first.percent, first.passed), (second.percent, second.passed)] == [(33, False), (66, True)]
    assert codes_of(refused) == ["quiz.passed"]


def test_a_quiz_is_refused_when_its_attempts_are_used_up(world):
    course, _questions = make_quiz(world)
    for _attempt in range(2):
        take_quiz(course, world.enrolments[0], {}, by=None)

    with pytest.raises(Refused) as refused:
        take_quiz(course, world.enrolments[0], {}, by=None)

    assert codes_of(refused) == ["quiz.no_attempts"]


def test_a_practice_task_is_done_in_the_own_first_thing_and_credited_once_accepted(world):
    enrolment = world.enrolments[0]
    course = make_course(world.season, practice="把议事规则用起来。", practice_hours=Decimal(2))
    with pytest.raises(Refused) as without_project:
        report_practice(course, enrolment, "开了会。", by=None)
    thing = make_first_thing(enrolment)

    report = report_practice(course, enrolment, "开了会。", by=None)
    answer_practice(report, accept=False, answer="写写结果。", by=None)
    report = report_practice(course, enrolment, "开了会，定了规则。", by=None)
    for _press in range(2):
        answer_practice(report, accept=True, answer="", by=None)

    assert codes_of(without_project) == ["practice.no_project"]
    assert report.first_thing == thing
    assert list(Credit.objects.values_list("practice", "hours")) == [(report.pk, Decimal(2))]
    with pytest.raises(Refused) as again:
        report_practice(course, enrolment, "再报一次。", by=None)
    assert codes_of(again) == ["practice.accepted"]


def test_feedback_shows_averages_from_the_fifth_answer_on(world):
    session = make_session(make_course(world.season), begins_in=-HOUR)
    shown = []
    for place, enrolment in enumerate(world.enrolments[:5]):
        make_attendance(session, enrolment)
        give_feedback(session, enrolment, content=5, trainer=4, setting=1 + place % 2, remark="")
        shown.append(opinions_of(session)[1])

    assert shown[:4] == [None] * 4
    assert (shown[4].answers, shown[4].content, shown[4].trainer, shown[4].setting) == (5, 5.0, 4.0, 1.4)


def test_feedback_leaves_no_trace_of_who_gave_it(world):
    session = make_session(make_course(world.season), begins_in=-HOUR)
    make_attendance(session, world.enrolments[0])

    give_feedback(session, world.enrolments[0], content=2, trainer=2, setting=2, remark="太长")

    columns = {field.name for field in Feedback._meta.get_fields()}
    line = ActionLogEntry.objects.get(verb="growth.feedback.given")
    assert columns == {"id", "session", "content", "trainer", "setting", "remark"}
    assert (line.by, line.detail, line.subject_type) == (None, {}, "growth.session")
    with pytest.raises(Refused) as again:
        give_feedback(session, world.enrolments[0], content=2, trainer=2, setting=2, remark="")
    with pytest.raises(Refused) as absent:
        give_feedback(session, world.enrolments[1], content=2, trainer=2, setting=2, remark="")
    assert (codes_of(again), codes_of(absent)) == (["training.feedback_given"], ["training.not_there"])
