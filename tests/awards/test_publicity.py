"""Public, open to objections for working days, answered, confirmed, certified."""

import pytest

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.awards.actions.publicity import (
    answer_objection,
    confirm_list,
    issue_certificates,
    receive_objection,
    revoke_certificate,
)
from dongliang.awards.models import Certificate, HonourList
from dongliang.awards.queries.publicity import certificate_of
from dongliang.common.log import verify_chain
from dongliang.common.refusals import Refused
from dongliang.scoring.actions import run_scoring
from tests.factories.scoring import make_closed_world

pytestmark = pytest.mark.django_db(transaction=True)

MONDAY, LAST_DAY, DAY_AFTER = "2021-12-13T09:00+08:00", "2021-12-20T23:59+08:00", "2021-12-21T00:00+08:00"


@pytest.fixture
def best(time_machine) -> HonourList:
    """The list of the finest secretaries, public since a Monday."""
    time_machine.move_to(MONDAY)
    return publish_list(draw_lists(run_scoring(make_closed_world().season, by=None), by=None)[0], by=None)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def object_to(best: HonourList, text: str = "公示材料与事实不符", **about):
    return receive_objection(
        best, name="王建华", contact="13800000000", text=text, enrolment=about.get("enrolment"), by=None
    )


def test_a_published_list_takes_objections_for_five_working_days(best):
    assert best.objections_until.isoformat() == "2021-12-20"


def test_days_are_those_of_the_programme_wherever_the_server_s_clock_stands(best, time_machine):
    # The last minute of the last day in Shanghai is the afternoon before in London, and evening in Auckland's next day.
    time_machine.move_to(LAST_DAY)
    object_to(best)
    time_machine.move_to(DAY_AFTER)

    with pytest.raises(Refused) as refused:
        object_to(best, "迟到的异议")

    assert codes(refused) == ["awards.no_objections_now"]


def test_a_list_is_not_confirmed_while_objections_are_taken(best, time_machine):
    time_machine.move_to(LAST_DAY)

    with pytest.raises(Refused) as refused:
        confirm_list(best, by=None)

    assert codes(refused) == ["awards.objections_open"]


def test_a_clock_gone_back_confirms_nothing_early(best, time_machine):
    time_machine.move_to("2021-12-01T09:00+08:00")

    with pytest.raises(Refused) as refused:
        confirm_list(best, by=None)

    assert codes(refused) == ["awards.clock", "awards.objections_open"]


def test_a_list_that_was_never_public_is_not_confirmed(time_machine):
    time_machine.move_to(MONDAY)
    drawn = draw_lists(run_scoring(make_closed_world().season, by=None), by=None)[0]

    with pytest.raises(Refused) as refused:
        confirm_list(drawn, by=None)

    assert codes(refused) == ["awards.not_public"]


def test_every_objection_is_answered_before_the_list_holds(best, time_machine):
    objection = object_to(best)
    time_machine.move_to(DAY_AFTER)

    with pytest.raises(Refused) as refused:
        confirm_list(best, by=None)
    answer_objection(objection, answer="经核查，材料属实。", upheld=False, by=None)
    confirm_list(best, by=None)

    assert codes(refused) == ["awards.unanswered"]
    assert HonourList.objects.get(pk=best.pk).confirmed_at is not None


def test_a_list_with_a_name_that_was_rightly_objected_to_does_not_hold(best, time_machine):
    name = best.honours.first().enrolment
    answer_objection(object_to(best, enrolment=name), answer="情况属实。", upheld=True, by=None)
    time_machine.move_to(DAY_AFTER)

    with pytest.raises(Refused) as refused:
        confirm_list(best, by=None)

    assert codes(refused) == ["awards.upheld"]


def test_the_same_objection_sent_ten_times_is_one(best):
    assert len({object_to(best).pk for _ in range(10)}) == 1


def test_an_objection_is_answered_once(best):
    objection = object_to(best)
    answer_objection(objection, answer="经核查，材料属实。", upheld=False, by=None)

    with pytest.raises(Refused) as refused:
        answer_objection(objection, answer="改口", upheld=True, by=None)

    assert codes(refused) == ["awards.answered"]


def test_there_is_no_certificate_before_the_list_holds(best):
    with pytest.raises(Refused) as refused:
        issue_certificates(best, by=None)

    assert codes(refused) == ["awards.not_confirmed"]
    assert not Certificate.objects.exists()


@pytest.fixture
def issued(best, time_machine) -> list[Certificate]:
    time_machine.move_to(DAY_AFTER)
    return issue_certificates(confirm_list(best, by=None), by=None)


def test_everybody_on_a_confirmed_list_gets_one_certificate_by_neighbourhood(best, issued):
    season = best.season.pk
    by_place = sorted(honour.enrolment.organisation.code for honour in best.honours.all())

    assert [certificate.number for certificate in issued] == [
        f"LZ-2021-A-S{season}-{number:03d}" for number in (1, 2, 3)
    ]
    assert [certificate.honour.enrolment.organisation.code for certificate in issued] == by_place
    assert issue_certificates(best, by=None) == issued


def test_a_certificate_is_found_by_its_number_however_it_is_typed(issued):
    assert certificate_of(f" {issued[0].number.lower()} ") == issued[0]
    assert certificate_of("LZ-2021-A-999") is None


def test_a_certificate_is_revoked_once_and_with_a_reason(issued):
    with pytest.raises(Refused) as refused:
        revoke_certificate(issued[0], reason="  ", by=None)
    revoke_certificate(issued[0], reason="事后查实弄虚作假", by=None)
    with pytest.raises(Refused) as again:
        revoke_certificate(issued[0], reason="事后查实弄虚作假", by=None)

    assert (codes(refused), codes(again)) == (["awards.no_reason"], ["awards.revoked"])
    assert certificate_of(issued[0].number).revocation == "事后查实弄虚作假"


def test_the_whole_way_stands_in_the_log(issued):
    checked, breach = verify_chain()

    assert breach is None
    assert checked > 0
