import pytest

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.mentoring.models import Mentor
from dongliang.review.actions import Sheet, plan_assignments, submit_response, submit_responses
from dongliang.review.avoidance import avoidance
from dongliang.review.models import Response, Source
from dongliang.seasons.actions import close_season
from tests.factories.projects import make_first_thing
from tests.factories.review import make_assignment, make_plan, send_sheet
from tests.factories.season import make_rules, make_world

pytestmark = pytest.mark.django_db


def codes(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def log_of(verb: str) -> list[tuple]:
    entries = ActionLogEntry.objects.filter(verb__startswith=verb)
    return list(entries.values_list("verb", "by", "subject_label", "detail"))


def plan_of(season) -> list[tuple]:
    return list(season.assignments.values_list("source", "enrolment", "mentor", "institution"))


def test_a_plan_gives_each_secretary_the_asked_mentors_the_own_subdistrict_and_every_department():
    world = make_world()

    count = plan_assignments(world.season, by=world.accounts["office"])

    sheets = list(world.season.assignments.select_related("mentor", "enrolment__post__organisation"))
    assert count == len(sheets) == 6 * (2 + 1 + 2)
    for enrolment in world.enrolments:
        own = [sheet for sheet in sheets if sheet.enrolment == enrolment]
        mentors = [sheet.mentor for sheet in own if sheet.source == Source.FIELD]
        institutions = {sheet.institution for sheet in own if sheet.source == Source.INSTITUTIONAL}
        assert len(mentors) == 2
        assert [avoidance(mentor, enrolment, world.season.rules) for mentor in mentors] == [[], []]
        assert institutions == {enrolment.subdistrict, *world.departments}
    assert log_of("review.assignments") == [
        (
            "review.assignments.planned",
            world.accounts["office"].pk,
            str(world.season),
            {"field": 12, "institutional": 18},
        )
    ]


def test_planning_again_gives_the_same_plan_in_place_of_the_first():
    world = make_world()
    plan_assignments(world.season, by=None)
    first = plan_of(world.season)

    plan_assignments(world.season, by=None)

    assert plan_of(world.season) == first


def test_a_source_that_the_rule_book_leaves_out_gets_no_sheets():
    sources = [source.model_dump() for source in make_rules().sources if source.key != "field"]
    sources[0]["weight"], sources[1]["weight"] = 0.5, 0.5
    ties = make_rules().best_secretaries.model_dump() | {"ties": ["public", "lot"]}
    world = make_world(rules=make_rules(sources=sources, best_secretaries=ties, defaults=[]))

    plan_assignments(world.season, by=None)

    assert set(world.season.assignments.values_list("source", flat=True)) == {"institutional"}


def test_a_plan_stays_once_a_sheet_is_sent():
    world = make_world()
    send_sheet(make_plan(world.season)[0])

    with pytest.raises(Refused) as refused:
        plan_assignments(world.season, by=None)

    assert codes(refused) == ["review.sheets_sent"]


def test_planning_waits_for_the_season_to_open():
    world = make_world(open_it=False)

    with pytest.raises(Refused) as refused:
        plan_assignments(world.season, by=None)

    assert codes(refused) == ["season.not_open"]


def test_planning_names_who_would_have_too_few_mentors(settings):
    settings.LANGUAGE_CODE = "en"
    world = make_world()
    Mentor.objects.exclude(pk=world.mentors[0].pk).update(home=world.subdistricts[0])

    with pytest.raises(Refused) as refused:
        plan_assignments(world.season, by=None)

    assert str(refused.value) == (
        "3 secretaries have fewer than 2 mentors who may assess, first of all "
        "周兰英 柳荫第一居民区, 吴建国 柳荫第二居民区, 郑秀芳 柳荫第三居民区. "
        "Appoint more mentors, or ask for fewer assessors each in the rule book."
    )
    assert plan_of(world.season) == []


def test_planning_is_refused_where_groups_of_secretaries_would_share_no_mentor():
    world = make_world()
    for mentor, home in zip(world.mentors, [0, 0, 1, 1], strict=True):
        mentor.home = world.subdistricts[home]
        mentor.save()
    world.mentors[0].pairs.all().delete()

    with pytest.raises(Refused) as refused:
        plan_assignments(world.season, by=None)

    assert codes(refused) == ["review.unconnected"]


def test_a_sheet_is_kept_with_who_sent_it_and_logged_without_its_marks():
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.mentors[0])

    submit_response(sheet, marks="4354", note=" 楼道整洁 ", by=world.accounts["mentor"])

    response = Response.objects.get()
    assert (
        response.assignment,
        response.marks,
        response.project_mark,
        response.note,
        response.submitted_by,
    ) == (
        sheet,
        "4354",
        "",
        "楼道整洁",
        world.accounts["mentor"],
    )
    assert log_of("review.response") == [
        ("review.response.sent", world.accounts["mentor"].pk, str(sheet), {})
    ]


def test_a_sheet_can_be_corrected_while_the_season_is_open():
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.departments[0])
    send_sheet(sheet, "4354")

    send_sheet(sheet, "4355")

    assert Response.objects.get().marks == "4355"
    assert [entry[0] for entry in log_of("review.response")] == [
        "review.response.sent",
        "review.response.corrected",
    ]


def test_the_same_sheet_sent_ten_times_is_one_sheet_and_one_line_in_the_log():
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.departments[0])

    for _time in range(10):
        send_sheet(sheet)

    assert Response.objects.count() == 1
    assert [entry[0] for entry in log_of("review.response")] == ["review.response.sent"]


def test_a_sheet_in_the_field_marks_the_first_thing_too():
    world = make_world()
    make_first_thing(world.enrolments[2])
    sheet = make_assignment(world.enrolments[2], world.mentors[0])

    submit_response(sheet, marks="4354", project_mark="5", by=None)

    assert Response.objects.get().project_mark == "5"


@pytest.mark.parametrize("marks", ["", "435", "43545", "4350", "4356", "435x", "４３５４"])
def test_a_sheet_without_a_mark_from_1_to_5_for_each_indicator_is_refused(marks):
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.departments[0])

    with pytest.raises(Refused) as refused:
        send_sheet(sheet, marks)

    assert codes(refused) == ["response.marks"]


@pytest.mark.parametrize("project_mark", ["", "0", "6", "45"])
def test_a_sheet_in_the_field_without_a_mark_of_the_first_thing_is_refused(project_mark):
    world = make_world()
    make_first_thing(world.enrolments[2])
    sheet = make_assignment(world.enrolments[2], world.mentors[0])

    with pytest.raises(Refused) as refused:
        submit_response(sheet, marks="4354", project_mark=project_mark, by=None)

    assert codes(refused) == ["response.project_mark"]


def test_an_institution_does_not_mark_the_first_thing():
    world = make_world()
    make_first_thing(world.enrolments[2])
    sheet = make_assignment(world.enrolments[2], world.departments[0])

    with pytest.raises(Refused) as refused:
        submit_response(sheet, marks="4354", project_mark="5", by=None)

    assert codes(refused) == ["response.project_mark"]


def test_avoidance_is_asked_again_when_a_sheet_is_sent():
    world = make_world()
    sheet = make_assignment(world.enrolments[0], world.mentors[0])

    with pytest.raises(Refused) as refused:
        send_sheet(sheet)

    assert codes(refused) == ["avoidance.own_mentee"]


def test_a_closed_season_takes_no_sheet_and_no_correction():
    world = make_world()
    sheet = make_assignment(world.enrolments[2], world.departments[0])
    send_sheet(sheet)
    close_season(world.season, by=None)

    with pytest.raises(Refused) as refused:
        send_sheet(sheet, "5555")

    assert codes(refused) == ["season.not_open"]
    assert Response.objects.get().marks == "4354"


def test_many_sheets_are_sent_together_or_not_at_all():
    world = make_world()
    sheets = [make_assignment(enrolment, world.departments[0]) for enrolment in world.enrolments]
    spoilt = [Sheet(sheet, "4354" if n else "9999") for n, sheet in enumerate(sheets)]

    with pytest.raises(Refused) as refused:
        submit_responses(world.season, spoilt, by=None)
    assert codes(refused) == ["response.marks"]
    assert Response.objects.count() == 0

    responses = submit_responses(world.season, [Sheet(sheet, "4354") for sheet in sheets], by=None)
    assert [response.assignment for response in responses] == sheets
    assert Response.objects.count() == len(log_of("review.response")) == 6
