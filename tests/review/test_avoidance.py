import datetime

import pytest

from dongliang.people.models import Tenure
from dongliang.review.avoidance import avoidance, barred_pairs, conflicts_visible_to
from dongliang.review.conflicts import decide_conflict, declare_conflict
from tests.factories.mentoring import make_studio
from tests.factories.season import make_rules, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


def sentences(world, mentor: int, secretary: int) -> list[tuple[str, str]]:
    found = avoidance(world.mentors[mentor], world.enrolments[secretary], world.season.rules)
    return [(blocker.code, blocker.sentence) for blocker in found]


def let_precede(world, mentor: int, secretary: int) -> None:
    """Let the mentor have held the secretary's post until she came."""
    post = world.enrolments[secretary].post
    Tenure.objects.create(
        post=post,
        person=world.mentors[mentor].person,
        kind="reelected",
        starts_on=datetime.date(2015, 3, 1),
        ends_on=datetime.date(2021, 2, 28),
    )


def test_a_predecessor_may_not_assess_who_followed():
    world = make_world()
    let_precede(world, 1, 4)

    assert sentences(world, 1, 4) == [
        ("avoidance.succession", "冯志明 followed 卫春华 as secretary of 河湾第二居民区 on March 1, 2021.")
    ]
    assert sentences(world, 1, 3) == []


def test_a_successor_may_not_assess_who_went_before():
    world = make_world()
    secretary, mentor = world.enrolments[5], world.mentors[2]
    other = world.enrolments[3].post
    Tenure.objects.filter(post=other).update(starts_on=datetime.date(2018, 1, 1))
    Tenure.objects.create(
        post=other,
        person=secretary.person,
        kind="moved",
        starts_on=datetime.date(2010, 1, 1),
        ends_on=datetime.date(2012, 12, 31),
    )
    Tenure.objects.create(
        post=other,
        person=mentor.person,
        kind="moved",
        starts_on=datetime.date(2013, 1, 1),
        ends_on=datetime.date(2017, 12, 31),
    )

    assert sentences(world, 2, 5) == [
        ("avoidance.succession", "蒋丽萍 followed 陈玉梅 as secretary of 河湾第一居民区 on Jan. 1, 2013.")
    ]
    # Only neighbours in the line are kept apart, and she who came after the mentor is one.
    assert [code for code, _sentence in sentences(world, 2, 3)] == ["avoidance.succession"]


def test_who_came_back_to_a_post_is_not_kept_from_herself_as_a_successor():
    world = make_world()
    post = world.enrolments[0].post
    for start, end in ((2010, 2012), (2013, 2015)):
        Tenure.objects.create(
            post=post,
            person=world.mentors[1].person,
            kind="reelected",
            starts_on=datetime.date(start, 1, 1),
            ends_on=datetime.date(end, 12, 31),
        )

    assert [code for code, _sentence in sentences(world, 1, 0)] == ["avoidance.succession"]


def test_a_coaching_that_is_over_is_told_with_its_days():
    world = make_world()
    world.mentors[0].pairs.update(ends_on=datetime.date(2021, 6, 30))

    assert sentences(world, 0, 0) == [
        ("avoidance.own_mentee", "褚卫东 coached 周兰英 from April 1, 2021 to June 30, 2021.")
    ]


def test_a_declared_conflict_bars_only_once_the_office_confirms_it():
    world = make_world()
    conflict = declare_conflict(
        world.mentors[1],
        world.enrolments[3],
        ground="family",
        reason="妹夫。",
        by=world.accounts["other_mentor"],
    )

    assert sentences(world, 1, 3) == []

    decide_conflict(conflict, confirm=True, by=world.accounts["office"])

    assert sentences(world, 1, 3) == [
        (
            "avoidance.declared",
            "卫春华 and 王海燕 declared a conflict of interest, which the office confirmed: "
            "relatives or in-laws (妹夫).",
        )
    ]


def test_one_studio_counts_as_the_own_studio():
    world = make_world()
    conflict = declare_conflict(
        world.mentors[1], world.enrolments[3], ground="studio", reason="同在海燕工作室", by=None
    )
    decide_conflict(conflict, confirm=True, by=world.accounts["office"])

    assert [code for code, _sentence in sentences(world, 1, 3)] == ["avoidance.own_studio"]


def test_what_the_rule_book_does_not_name_is_listed_nowhere():
    rules = make_rules()
    field = rules.field.model_dump() | {"avoidance": ["self"]}
    world = make_world(rules=make_rules(field=field))
    let_precede(world, 1, 4)

    assert barred_pairs(world.season) == []


def test_every_barred_pair_is_listed_with_its_reasons(django_assert_num_queries):
    world = make_world()
    let_precede(world, 1, 4)

    with django_assert_num_queries(7):
        found = barred_pairs(world.season)

    assert [(row.mentor, row.enrolment, row.keys) for row in found] == [
        (world.mentors[0], world.enrolments[0], ["own_mentee"]),
        (world.mentors[0], world.enrolments[1], ["own_mentee"]),
        (world.mentors[1], world.enrolments[4], ["succession"]),
    ]


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("office", {0, 1}),
        ("mentor", {0}),
        ("other_mentor", {1}),
        ("secretary", {0}),
        ("other_secretary", set()),
        ("subdistrict", set()),
        ("department", set()),
    ],
)
def test_who_sees_which_declaration(role, seen):
    world = make_world()
    made = [
        declare_conflict(world.mentors[0], world.enrolments[0], ground="work", reason="旧同事", by=None),
        declare_conflict(world.mentors[1], world.enrolments[3], ground="work", reason="旧同事", by=None),
    ]

    assert set(conflicts_visible_to(world.accounts[role], world.season)) == {made[n] for n in seen}


def test_members_of_one_studio_may_not_assess_each_other():
    world = make_world()
    make_studio(world, members=[world.mentors[1].person, world.enrolments[4].person])
    make_studio(world, "河湾工作室", members=[world.enrolments[3].person], leader=world.mentors[2])

    assert sentences(world, 1, 4) == [
        ("avoidance.own_studio", "卫春华 and 冯志明 belong to the same studio, 柳荫工作室.")
    ]
    # The leader belongs to it as the members do; who is in another studio is nobody's fellow here.
    assert [code for code, _sentence in sentences(world, 0, 4)] == ["avoidance.own_studio"]
    assert [code for code, _sentence in sentences(world, 2, 3)] == ["avoidance.own_studio"]
    assert sentences(world, 1, 3) == sentences(world, 2, 4) == []


def test_a_declared_studio_and_a_common_one_are_one_reason():
    world = make_world()
    make_studio(world, members=[world.mentors[1].person, world.enrolments[3].person])
    conflict = declare_conflict(
        world.mentors[1], world.enrolments[3], ground="studio", reason="同在海燕工作室", by=None
    )
    decide_conflict(conflict, confirm=True, by=None)

    assert sentences(world, 1, 3) == [
        ("avoidance.own_studio", "卫春华 and 王海燕 belong to the same studio, 柳荫工作室.")
    ]
