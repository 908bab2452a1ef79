import pytest

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.people.models import Person
from dongliang.seasons.actions import (
    close_season,
    create_season,
    enrol_secretaries,
    freeze_rule_book,
    open_season,
    revise_rule_book,
)
from dongliang.seasons.models import Phase, Season
from tests.factories.season import make_rules, make_world

pytestmark = pytest.mark.django_db


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def test_opening_enrols_everyone_in_post_by_the_codes_of_their_neighbourhoods():
    world = make_world()

    assert [(entry.number, entry.organisation.code, entry.is_new) for entry in world.enrolments] == [
        (1, "LZ0101", True),
        (2, "LZ0102", True),
        (3, "LZ0103", False),
        (4, "LZ0201", True),
        (5, "LZ0202", True),
        (6, "LZ0203", False),
    ]
    assert world.season.phase == Phase.OPEN


def test_a_season_does_not_open_under_a_rule_book_that_is_not_frozen():
    world = make_world(open_it=False)
    season = create_season(world.district, slug="next", rules=make_rules(), by=None)

    with pytest.raises(Refused) as refused:
        open_season(season, by=None)

    assert codes(refused) == ["rulebook.not_frozen"]


def test_a_season_does_not_open_on_a_roster_of_another_size():
    world = make_world(open_it=False)
    tenure = world.subdistricts[0].children.first().post.tenures.get()
    tenure.ends_on = tenure.starts_on
    tenure.save()

    with pytest.raises(Refused) as refused:
        open_season(world.season, by=None)

    assert codes(refused) == ["season.secretaries"]


def test_a_season_opens_once():
    world = make_world()

    with pytest.raises(Refused) as refused:
        open_season(world.season, by=None)

    assert codes(refused) == ["season.not_preparing"]


def test_a_frozen_rule_book_is_not_frozen_again():
    world = make_world(open_it=False)

    with pytest.raises(Refused) as refused:
        freeze_rule_book(world.season, by=None)

    assert codes(refused) == ["rulebook.frozen"]


def test_a_frozen_rule_book_changes_only_as_a_new_version_with_a_reason():
    world = make_world(open_it=False)
    other = make_rules(programme={"subdistricts": 2, "secretaries": 7}).model_dump()

    with pytest.raises(Refused) as refused:
        revise_rule_book(world.season, other, reason=" ", by=None)
    assert codes(refused) == ["rulebook.no_reason"]

    book = revise_rule_book(world.season, other, reason="一个居民区拆分为两个", by=None)
    assert (book.version, book.frozen_at, book.reason) == (2, None, "一个居民区拆分为两个")
    assert Season.objects.get(pk=world.season.pk).rules.programme.secretaries == 7
    assert world.season.rule_books.get(version=1).validated.programme.secretaries == 6


def test_the_rules_of_an_open_season_stay():
    world = make_world()

    with pytest.raises(Refused) as refused:
        revise_rule_book(world.season, make_rules().model_dump(), reason="改一改", by=None)

    assert codes(refused) == ["season.not_preparing"]


def test_an_invalid_rule_book_leaves_the_one_in_force():
    world = make_world(open_it=False)
    before = world.season.rule_book.sha256

    with pytest.raises(Refused):
        revise_rule_book(world.season, {"format": 1}, reason="试试", by=None)

    assert Season.objects.get(pk=world.season.pk).rule_book.sha256 == before


def test_only_an_open_season_closes():
    world = make_world(open_it=False)

    with pytest.raises(Refused) as refused:
        close_season(world.season, by=None)

    assert codes(refused) == ["season.not_open"]


def test_enrolments_of_a_season_in_preparation_follow_the_roster():
    world = make_world(open_it=False)
    enrol_secretaries(world.season)
    leaver = world.season.enrolments.get(number=2)
    tenure = leaver.post.tenures.get()
    tenure.ends_on = tenure.starts_on
    tenure.save()
    leaver.post.tenures.create(
        person=Person.objects.create(name="秦学军"), kind="new", starts_on="2021-06-01"
    )

    enrol_secretaries(world.season)

    assert [(entry.number, entry.person.name) for entry in world.season.enrolments.all()] == [
        (1, "周兰英"),
        (3, "郑秀芳"),
        (4, "王海燕"),
        (5, "冯志明"),
        (6, "陈玉梅"),
        (7, "秦学军"),
    ]


def test_enrolments_of_an_open_season_stay_as_they_are():
    world = make_world()
    world.enrolments[0].post.tenures.update(ends_on="2021-12-31")

    enrol_secretaries(world.season)

    assert world.season.enrolments.count() == 6


def test_each_step_leaves_a_line_in_the_log_with_the_rule_book_s_fingerprint():
    world = make_world()

    verbs = dict(ActionLogEntry.objects.filter(verb__startswith="seasons.").values_list("verb", "detail"))

    sha256 = world.season.rule_book.sha256
    assert verbs == {
        "seasons.season.created": {"rule_book": sha256},
        "seasons.rule_book.frozen": {"rule_book": sha256},
        "seasons.season.opened": {"rule_book": sha256, "enrolled": 6},
    }


def test_a_short_name_is_taken_once():
    world = make_world(open_it=False)

    with pytest.raises(Refused) as refused:
        create_season(world.district, slug=world.season.slug, rules=make_rules(), by=None)

    assert codes(refused) == ["season.slug_taken"]


@pytest.mark.parametrize("slug", ["", "../2022", "a b", "LZ-2022", "梁州", "a" * 41, "a\n"])
def test_a_short_name_that_no_address_can_hold_is_refused(slug: str):
    world = make_world(open_it=False)

    with pytest.raises(Refused) as refused:
        create_season(world.district, slug=slug, rules=make_rules(), by=None)

    assert codes(refused) == ["season.slug"]


def test_no_season_begins_while_the_district_s_last_one_is_open():
    world = make_world()

    with pytest.raises(Refused) as refused:
        create_season(world.district, slug="next", rules=make_rules(), by=None)

    assert codes(refused) == ["season.open_already"]


def test_a_season_is_called_what_its_newest_rule_book_calls_it():
    world = make_world(open_it=False)
    document = make_rules().model_dump()
    document["title"]["zh"] = "二〇二二" + "年" * 200

    revise_rule_book(world.season, document, reason="新的一年", by=None)

    assert Season.objects.get(pk=world.season.pk).title == ("二〇二二" + "年" * 200)[:80]
