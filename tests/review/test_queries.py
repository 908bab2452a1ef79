import datetime

import pytest

from dongliang.common.refusals import Blocker
from dongliang.mentoring.actions import appoint_mentor, pair_mentee
from dongliang.mentoring.models import Mentor, Pair
from dongliang.mentoring.queries import enrolments_visible_to
from dongliang.people.models import Account, Role
from dongliang.review.avoidance import avoidance, avoidance_matrix
from dongliang.review.models import Source
from dongliang.review.queries import (
    Progress,
    assignments_visible_to,
    outstanding,
    own_assignments,
    response_blockers,
)
from dongliang.seasons.actions import close_season
from tests.factories.review import make_assignment, make_plan, send_sheet
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db

REMEDY = "The rule book keeps the two apart: ask another mentor."


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


def test_a_mentor_may_not_assess_a_mentee():
    world = make_world()

    found = avoidance(world.mentors[0], world.enrolments[0], world.season.rules)

    assert found == [
        Blocker("avoidance.own_mentee", "褚卫东 has coached 周兰英 since April 1, 2021.", REMEDY)
    ]


def test_a_mentor_may_not_assess_somebody_coached_in_the_past():
    world = make_world()
    Pair.objects.update(ends_on=datetime.date(2021, 5, 1))

    found = avoidance(world.mentors[0], world.enrolments[1], world.season.rules)

    assert [blocker.code for blocker in found] == ["avoidance.own_mentee"]


def test_a_pair_of_an_earlier_season_counts():
    world, other = make_world(), make_world(code="YZ")
    earlier = appoint_mentor(other.season, world.mentors[1].person, by=None)
    Pair.objects.create(mentor=earlier, mentee=other.enrolments[3], starts_on=datetime.date(2020, 1, 1))
    other.enrolments[3].person = world.enrolments[4].person
    other.enrolments[3].save()

    found = avoidance(world.mentors[1], world.enrolments[4], world.season.rules)

    assert [blocker.code for blocker in found] == ["avoidance.own_mentee"]


def test_a_mentor_may_not_assess_herself_nor_her_own_subdistrict():
    world = make_world()
    secretary = world.enrolments[2]
    herself = appoint_mentor(world.season, secretary.person, by=None, home=world.subdistricts[0])

    found = avoidance(herself, secretary, world.season.rules)

    assert found == [
        Blocker("avoidance.self", "郑秀芳 would assess herself or himself.", REMEDY),
        Blocker(
            "avoidance.same_subdistrict",
            "郑秀芳 and 郑秀芳 belong to the same subdistrict, 望梁街道.",
            REMEDY,
        ),
    ]


def test_only_what_the_rule_book_names_is_avoided():
    world = make_world()
    rules = world.season.rules.model_copy(
        update={"field": world.season.rules.field.model_copy(update={"avoidance": ["self"]})}
    )

    assert avoidance(world.mentors[0], world.enrolments[0], rules) == []


def test_the_matrix_says_the_same_as_asking_one_by_one():
    world = make_world()
    Mentor.objects.filter(pk=world.mentors[2].pk).update(home=world.subdistricts[1])

    matrix = avoidance_matrix(world.season)

    assert matrix.avoid == [
        [bool(avoidance(mentor, secretary, world.season.rules)) for secretary in matrix.enrolments]
        for mentor in matrix.mentors
    ]
    assert matrix.avoid == [
        [True, True, False, False, False, False],
        [False] * 6,
        [False, False, False, True, True, True],
        [False] * 6,
    ]


def test_the_matrix_takes_as_many_queries_for_two_secretaries_as_for_six(django_assert_num_queries):
    world = make_world()
    pair_mentee(world.mentors[1], world.enrolments[3], by=None, starts_on=datetime.date(2021, 4, 1))

    with django_assert_num_queries(7):
        avoidance_matrix(world.season)
    world.season.enrolments.filter(number__gt=2).delete()
    del world.season.rule_book
    with django_assert_num_queries(7):
        avoidance_matrix(world.season)


@pytest.mark.parametrize(
    ("role", "visible", "own"),
    [
        ("office", {0, 1, 2, 3}, set()),
        ("mentor", {0}, {0}),
        ("other_mentor", {1}, {1}),
        ("subdistrict", {2}, {2}),
        ("other_subdistrict", set(), set()),
        ("department", {3}, {3}),
        ("secretary", set(), set()),
    ],
)
def test_who_sees_which_sheets_and_whose_they_are_to_fill(role, visible, own):
    world = make_world()
    first = world.enrolments[2]
    sheets = [
        make_assignment(first, world.mentors[0]),
        make_assignment(first, world.mentors[1]),
        make_assignment(first, world.subdistricts[0]),
        make_assignment(first, world.departments[0]),
    ]
    account = world.accounts[role]

    assert set(assignments_visible_to(account, world.season)) == {sheets[n] for n in visible}
    assert set(own_assignments(account, world.season)) == {sheets[n] for n in own}


def test_who_was_a_mentor_has_no_sheets_and_no_mentees_any_more():
    world = make_world()
    make_plan(world.season)
    account = world.accounts["mentor"]
    account.grants.create(role=Role.DEPARTMENT, organisation=world.departments[0])
    account.grants.filter(role=Role.MENTOR).delete()

    account = Account.objects.get(pk=account.pk)

    assert not own_assignments(account, world.season).filter(mentor__isnull=False).exists()
    assert not assignments_visible_to(account, world.season).filter(mentor__isnull=False).exists()
    assert list(enrolments_visible_to(account, world.season)) == []


def test_an_office_sees_no_sheet_of_another_district():
    world, other = make_world(), make_world(code="YZ")
    make_plan(other.season)

    assert list(assignments_visible_to(world.accounts["office"], other.season)) == []


def test_who_is_furthest_behind_stands_first():
    world = make_world()
    sent = make_assignment(world.enrolments[2], world.mentors[1])
    make_assignment(world.enrolments[3], world.mentors[1])
    make_assignment(world.enrolments[3], world.departments[0])
    done = make_assignment(world.enrolments[2], world.departments[1])
    send_sheet(sent)
    send_sheet(done)

    assert outstanding(world.season) == [
        Progress(Source.INSTITUTIONAL, world.departments[0], due=1, sent=0),
        Progress(Source.FIELD, world.mentors[1], due=2, sent=1),
        Progress(Source.INSTITUTIONAL, world.departments[1], due=1, sent=1),
    ]


def test_counting_takes_as_many_queries_for_many_assessors_as_for_two(django_assert_num_queries):
    world = make_world()
    make_assignment(world.enrolments[2], world.mentors[1])
    make_assignment(world.enrolments[2], world.departments[0])

    with django_assert_num_queries(3):
        outstanding(world.season)
    make_plan(world.season)
    with django_assert_num_queries(3):
        outstanding(world.season)


def test_nothing_stands_against_a_sheet_of_an_open_season():
    world = make_world()

    assert response_blockers(make_assignment(world.enrolments[2], world.mentors[0])) == []


def test_a_closed_season_and_a_mentee_both_stand_against_a_sheet():
    world = make_world()
    sheet = make_assignment(world.enrolments[0], world.mentors[0])
    close_season(world.season, by=None)
    sheet.refresh_from_db()

    assert [blocker.code for blocker in response_blockers(sheet)] == [
        "season.not_open",
        "avoidance.own_mentee",
    ]
