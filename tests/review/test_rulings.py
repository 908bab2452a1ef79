import pytest

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.review.actions import plan_assignments, return_sheet, submit_response, void_sheet
from dongliang.review.models import Response, Ruling, Submission
from dongliang.review.queries import history, latest_version, outstanding, return_of
from dongliang.scoring.actions import run_scoring
from dongliang.scoring.queries import gathered_inputs
from dongliang.seasons.actions import close_season
from tests.factories.review import make_assignment, send_sheet
from tests.factories.scoring import make_closed_world
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db

REASON = "四项打分全相同，请再到现场看一次。"


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


def sent_sheet():
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])
    send_sheet(sheet, "4444", by=world.accounts["mentor"])
    return world, sheet


def codes(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def events(sheet) -> list[tuple]:
    return [(event.what, event.who and str(event.who), event.reason) for event in history(sheet)]


def test_a_returned_sheet_is_outstanding_again_and_keeps_its_history():
    world, sheet = sent_sheet()
    office, mentor = world.accounts["office"], world.accounts["mentor"]

    return_sheet(sheet, reason=f" {REASON} ", by=office)

    sheet = world.season.assignments.get(pk=sheet.pk)
    assert [(row.due, row.sent) for row in outstanding(world.season)] == [(1, 0)]
    assert gathered_inputs(world.season)["field"] == []
    assert return_of(sheet).reason == REASON
    submit_response(sheet, marks="4354", by=mentor)
    assert gathered_inputs(world.season)["field"] == [[3, "M01", "4354"]]
    assert events(sheet) == [
        ("sent", str(mentor), ""),
        ("returned", str(office), REASON),
        ("sent again", str(mentor), ""),
    ]
    assert list(Submission.objects.values_list("version", "marks")) == [(1, "4444"), (2, "4354")]


def test_a_void_sheet_counts_nowhere_and_is_not_asked_for_again():
    world, sheet = sent_sheet()
    other = make_assignment(world.enrolments[3], world.mentors[0])
    send_sheet(other)

    void_sheet(sheet, reason=REASON, by=world.accounts["office"])

    assert gathered_inputs(world.season)["field"] == [[4, "M01", "4354"]]
    assert [(row.due, row.sent) for row in outstanding(world.season)] == [(1, 1)]
    with pytest.raises(Refused) as refused:
        send_sheet(sheet)
    assert codes(refused) == ["review.voided"]
    assert Submission.objects.filter(assignment=sheet).count() == 1


def test_both_rulings_stand_in_the_action_log_with_their_reason_and_without_a_mark():
    world, sheet = sent_sheet()

    return_sheet(sheet, reason=REASON, by=world.accounts["office"])
    void_sheet(sheet, reason="评价人已调离。", by=world.accounts["office"])

    entries = ActionLogEntry.objects.filter(verb__startswith="review.sheet")
    assert list(entries.values_list("verb", "by", "subject_label", "detail")) == [
        ("review.sheet.returned", world.accounts["office"].pk, str(sheet), {"reason": REASON}),
        ("review.sheet.voided", world.accounts["office"].pk, str(sheet), {"reason": "评价人已调离。"}),
    ]


@pytest.mark.parametrize("action", [return_sheet, void_sheet])
def test_a_ruling_without_a_reason_is_refused(action):
    _world, sheet = sent_sheet()

    with pytest.raises(Refused) as refused:
        action(sheet, reason="  ", by=None)

    assert codes(refused) == ["review.no_reason"]
    assert (Response.objects.count(), Ruling.objects.count()) == (1, 0)


def test_what_was_not_sent_cannot_be_returned_but_can_be_voided():
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])

    with pytest.raises(Refused) as refused:
        return_sheet(sheet, reason=REASON, by=None)
    assert codes(refused) == ["review.not_sent"]

    void_sheet(sheet, reason=REASON, by=None)
    assert outstanding(world.season) == []


def test_a_void_sheet_is_neither_returned_nor_voided_again():
    _world, sheet = sent_sheet()
    void_sheet(sheet, reason=REASON, by=None)

    with pytest.raises(Refused) as twice:
        void_sheet(sheet, reason=REASON, by=None)
    with pytest.raises(Refused) as returned:
        return_sheet(sheet, reason=REASON, by=None)

    assert codes(twice) == ["review.voided"]
    assert codes(returned) == ["review.voided", "review.not_sent"]


def test_a_closed_season_returns_no_sheet_and_still_voids_one():
    world, sheet = sent_sheet()
    close_season(world.season, by=None)

    with pytest.raises(Refused) as refused:
        return_sheet(sheet, reason=REASON, by=None)
    assert codes(refused) == ["season.not_open"]

    void_sheet(sheet, reason=REASON, by=None)
    assert gathered_inputs(world.season)["field"] == []


def test_once_scored_nobody_chooses_any_more_which_sheets_count():
    world = make_closed_world()
    run_scoring(world.season, by=None)
    before = gathered_inputs(world.season)

    with pytest.raises(Refused) as refused:
        void_sheet(world.season.assignments.first(), reason=REASON, by=None)

    assert codes(refused) == ["review.scored"]
    assert gathered_inputs(world.season) == before


def test_a_plan_stays_while_a_returned_or_a_void_sheet_has_a_history():
    world, sheet = sent_sheet()
    return_sheet(sheet, reason=REASON, by=None)

    with pytest.raises(Refused) as refused:
        plan_assignments(world.season, by=None)

    assert codes(refused) == ["review.sheets_sent"]
    assert latest_version(sheet) == 1
