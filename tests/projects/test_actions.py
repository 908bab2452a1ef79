import pytest

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.projects.actions import change_first_thing, nominate, register_first_thing, set_state
from dongliang.projects.models import FirstThing, Nomination
from dongliang.seasons.actions import close_season
from tests.factories.projects import make_first_thing
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db


def codes(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def log_of(verb: str) -> list[tuple]:
    entries = ActionLogEntry.objects.filter(verb__startswith=verb)
    return list(entries.values_list("verb", "by", "subject_label", "detail"))


def test_a_first_thing_is_registered_and_logged():
    world = make_world()
    by = world.accounts["secretary"]

    thing = register_first_thing(
        world.enrolments[0], category="housing", title=" 装上楼道扶手 ", summary=" 老人有扶手可扶 ", by=by
    )

    kept = FirstThing.objects.get()
    assert (kept, kept.enrolment, kept.category, kept.title, kept.summary, kept.state) == (
        thing,
        world.enrolments[0],
        "housing",
        "装上楼道扶手",
        "老人有扶手可扶",
        "registered",
    )
    assert log_of("projects") == [
        ("projects.first_thing.registered", by.pk, "装上楼道扶手", {"category": "housing"})
    ]


def test_a_second_first_thing_is_refused():
    world = make_world()
    make_first_thing(world.enrolments[0])

    with pytest.raises(Refused) as refused:
        make_first_thing(world.enrolments[0], title="把车棚腾出来")

    assert codes(refused) == ["project.registered"]
    assert FirstThing.objects.get().title == "装上楼道扶手"


def test_an_unknown_category_is_refused_with_the_known_ones(settings):
    settings.LANGUAGE_CODE = "en"
    world = make_world()

    with pytest.raises(Refused) as refused:
        make_first_thing(world.enrolments[0], category="parking")

    assert str(refused.value) == (
        "The rule book has no category 'parking'. Use one of: housing (Homes), environment (Surroundings), "
        "elderly_and_children (Old and young), property_management (Property management), "
        "neighbourly_life (Neighbourly life), digital (Digital help)."
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"title": "  "}, "project.title"),
        ({"title": "长" * 61}, "project.title"),
        ({"summary": "长" * 1001}, "project.summary"),
    ],
)
def test_words_too_few_or_too_many_are_refused(words, code):
    world = make_world()

    with pytest.raises(Refused) as refused:
        make_first_thing(world.enrolments[0], **words)

    assert codes(refused) == [code]


def test_a_first_thing_is_changed_and_the_log_keeps_the_old_title():
    world = make_world()
    thing = make_first_thing(world.enrolments[0])

    change_first_thing(thing, category="environment", title="把车棚腾出来", summary="", by=None)

    kept = FirstThing.objects.get()
    assert (kept.category, kept.title, kept.summary) == ("environment", "把车棚腾出来", "")
    assert log_of("projects.first_thing.changed") == [
        (
            "projects.first_thing.changed",
            None,
            "把车棚腾出来",
            {"category": "environment", "title_before": "装上楼道扶手"},
        )
    ]


def test_a_first_thing_lands_step_by_step_and_a_second_press_changes_nothing():
    world = make_world()
    thing = make_first_thing(world.enrolments[0])

    for state in ("under_way", "under_way", "landed", "under_way"):
        set_state(thing, state, by=None)

    assert FirstThing.objects.get().state == "under_way"
    assert [entry[3] for entry in log_of("projects.first_thing.state_set")] == [
        {"before": "registered", "after": "under_way"},
        {"before": "under_way", "after": "landed"},
        {"before": "landed", "after": "under_way"},
    ]


@pytest.mark.parametrize("state", ["landed", "finished", ""])
def test_a_first_thing_skips_no_step(state):
    world = make_world()
    thing = make_first_thing(world.enrolments[0])

    with pytest.raises(Refused) as refused:
        set_state(thing, state, by=None)

    assert codes(refused) == ["project.state"]


def test_a_later_nomination_takes_the_place_of_the_earlier():
    world = make_world()
    first, second = (make_first_thing(enrolment) for enrolment in world.enrolments[:2])
    by = world.accounts["subdistrict"]

    nominate(world.season, world.subdistricts[0], first, by=None)
    nominate(world.season, world.subdistricts[0], second, by=by)

    nomination = Nomination.objects.get()
    assert (nomination.subdistrict, nomination.project, nomination.nominated_by) == (
        world.subdistricts[0],
        second,
        by,
    )
    assert [entry[1] for entry in log_of("projects.nomination.made")] == [None, by.pk]


def test_a_subdistrict_nominates_only_its_own_of_this_season():
    world, other = make_world(), make_world(code="YZ")
    elsewhere, another_season = make_first_thing(world.enrolments[3]), make_first_thing(other.enrolments[0])

    for thing in (elsewhere, another_season):
        with pytest.raises(Refused) as refused:
            nominate(world.season, world.subdistricts[0], thing, by=None)
        assert codes(refused) == ["nomination.elsewhere"]


def test_a_closed_season_changes_nothing_any_more():
    world = make_world()
    thing = make_first_thing(world.enrolments[0])
    close_season(world.season, by=None)

    attempts = (
        lambda: make_first_thing(world.enrolments[1]),
        lambda: change_first_thing(thing, category="housing", title="别的", summary="", by=None),
        lambda: set_state(thing, "under_way", by=None),
        lambda: nominate(world.season, world.subdistricts[0], thing, by=None),
    )
    for attempt in attempts:
        with pytest.raises(Refused) as refused:
            attempt()
        assert codes(refused) == ["season.closed"]
