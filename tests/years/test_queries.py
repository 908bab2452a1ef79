import datetime

import pytest

from dongliang.mentoring.models import Pair
from dongliang.seasons.models import Season
from dongliang.years.queries.mentors import mentors_of
from dongliang.years.queries.people import coaches
from dongliang.years.queries.seasons import RESIDENTS, SCORE, Results, enrolled, season_rows, years_of
from dongliang.years.queries.yardstick import comparable, yardstick_differences
from tests.factories.growth import give_hours
from tests.factories.mentoring import make_studio_life, make_visit
from tests.factories.projects import make_first_thing
from tests.factories.season import make_rules, make_world
from tests.factories.years import add_people, make_next_season, make_run, make_years

pytestmark = pytest.mark.django_db


def test_years_stand_oldest_first_each_with_the_run_that_counts():
    world = make_world()
    make_years(world)
    make_run(world.season, public=False, seed=1)

    years = years_of(world.district)

    # A later run does not change what is public.
    assert [(year.label, year.run.number, year.is_public) for year in years] == [
        ("2021", 1, True),
        ("2022", 1, True),
        ("2023", 1, True),
    ]


def test_what_is_not_public_is_left_out_where_only_what_is_public_is_asked_for():
    world = make_world()
    make_years(world, count=1)
    make_next_season(world, public=False)

    assert [year.label for year in years_of(world.district, public_only=True)] == ["2021", "2022"]


def test_a_season_in_preparation_is_no_year_yet():
    world = make_world(open_it=False)

    assert years_of(world.district) == []


def test_two_seasons_of_one_year_go_by_their_titles():
    world = make_world()
    make_years(world, count=1)
    for season in Season.objects.all():
        season.rule_books.update(content=season.rules.model_dump() | {"year": 2021})

    labels = [year.label for year in years_of(world.district)]

    assert labels == ["“大梁带小梁”2021 年度", "“大梁带小梁”2022 年度"]


def test_a_seasons_row_counts_what_it_came_to():
    world = make_world()
    pair = world.enrolments[0].pairs.get()
    make_visit(pair, by=world.accounts["mentor"])
    for entry in world.enrolments[:2]:
        make_first_thing(entry)
    world.enrolments[0].first_thing.__class__.objects.filter(enrolment=world.enrolments[0]).update(
        state="landed"
    )
    give_hours(world.enrolments[0], 6)
    make_studio_life(world)
    make_years(world, count=1)
    years = years_of(world.district)

    first, second = season_rows(years, Results(years), list(enrolled(years)))

    assert (first.reviewed, first.new, first.stayed, first.mentors, first.pairs, first.visits) == (
        6,
        4,
        0,
        1,
        2,
        1,
    )
    assert (first.first_things, first.landed, first.cases, first.hours, first.hours_each) == (2, 1, 1, 6, 1)
    assert (first.ballots, first.households, first.coverage) == (240, 3000, 0.08)
    assert (second.reviewed, second.new, second.stayed, second.pairs, second.visits) == (6, 0, 6, 2, 0)


def test_rule_books_that_weigh_and_ask_alike_differ_in_nothing():
    world = make_world()
    make_years(world, count=1)
    earlier, later = years_of(world.district)

    assert yardstick_differences(SCORE, earlier, later) == []
    assert comparable(SCORE, earlier, later)
    assert comparable(RESIDENTS, earlier, later)


def test_every_difference_of_the_rule_books_is_told(settings):
    settings.LANGUAGE_CODE = "en"
    world = make_world()
    make_run(world.season)
    document = make_rules().model_dump()
    sources = [source for source in document["sources"] if source["key"] != "institutional"]
    sources[0]["weight"] = 0.7
    indicators = document["indicators"][:3]
    indicators[0]["question"]["zh"] = "换了问法？"
    document["best_secretaries"]["ties"] = ["field", "lot"]
    document["defaults"] = [
        path for path in document["defaults"] if "institutional" not in path and "delivery" not in path
    ]
    scoring = document["scoring"] | {"method": "mean", "scale": "marks"}
    rules = make_rules(**document | {"sources": sources, "indicators": indicators, "scoring": scoring})
    make_next_season(world, rules=rules)
    earlier, later = years_of(world.district)

    assert yardstick_differences(SCORE, earlier, later) == [
        "Asked in 2021 only: Things get done.",
        "Asked in other words: Party members are led.",
        "“Mentors in the field” counted 40% in 2021 and 70% in 2022.",
        "“Subdistricts and departments” counted 30% in 2021 and 0% in 2022.",
        "One year's scores are in marks, the other's in standard deviations: they have no common unit.",
        "The method of scoring differs: measures adjusted by a model in 2021, plain means in 2022.",
    ]
    assert not comparable(SCORE, earlier, later)
    assert comparable(RESIDENTS, earlier, later)
    assert not comparable("institutional", earlier, later)


def test_a_mentee_counts_for_who_coached_longest():
    world = make_world()
    first = world.enrolments[0].pairs.get()
    Pair.objects.filter(pk=first.pk).update(
        ends_on=datetime.date(2021, 9, 1), end_reason=Pair.EndReason.REPLACED
    )
    Pair.objects.create(
        mentor=world.mentors[1],
        mentee=world.enrolments[0],
        starts_on=datetime.date(2021, 9, 2),
        ends_on=datetime.date(2021, 10, 1),
    )

    found = coaches(Pair.objects.filter(mentee__season=world.season).select_related("mentor"))

    assert found == {world.enrolments[0].pk: world.mentors[0], world.enrolments[1].pk: world.mentors[0]}


def test_mentors_stand_by_name_with_what_their_mentees_did():
    world = make_world()
    make_visit(world.enrolments[0].pairs.get(), by=world.accounts["mentor"])
    make_first_thing(world.enrolments[0])
    give_hours(world.enrolments[1], 3)
    make_studio_life(world)
    add_people(world, 30)
    make_years(world)
    years = years_of(world.district)

    found = mentors_of(years, Results(years))

    names = [row.person.name for row in found.rows]
    assert names == sorted(names)
    mine = next(row for row in found.rows if row.person == world.mentors[0].person)
    assert [len(year.mentees) for year in mine.in_order] == [5, 5, 5]
    assert (mine.mentees, mine.visits, mine.first_things, mine.landed, mine.cases) == (5, 1, 1, 0, 1)
    assert mine.hours_each == 3 / 15
    # Five mentees, each from the first year to the second and from that to the third.
    assert mine.effect.people == 10
    assert [(one.label, other.label) for one, other in found.periods] == [("2021", "2022"), ("2022", "2023")]
    assert found.unusable == []


def test_years_with_too_few_people_in_both_are_named():
    world = make_world()
    make_years(world, count=1)
    years = years_of(world.district)

    found = mentors_of(years, Results(years))

    assert found.growth is None
    assert [(one.label, other.label) for one, other in found.unusable] == [("2021", "2022")]
    assert {row.effect for row in found.rows} == {None}
