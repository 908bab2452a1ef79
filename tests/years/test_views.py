import io
import re

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dongliang.people.models import Post, Role
from dongliang.seasons.models import Season
from dongliang.years.queries.people import people_rows
from dongliang.years.queries.seasons import RESIDENTS, Results, enrolled, years_of
from tests.factories.season import World, make_account, make_organisation, make_rules, make_world
from tests.factories.years import add_people, make_next_season, make_years

pytestmark = pytest.mark.django_db

LISTS = ("district", "people", "subdistricts", "mentors")


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world(client) -> World:
    world = make_world()
    client.force_login(world.accounts["office"])
    return world


def main(client, address: str) -> str:
    """What stands between the header and the footer, without marks and runs of white space."""
    text = client.get(address).content.decode().split("<main", 1)[1].split("</main", 1)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def rows(client, name: str, asked: dict[str, str] | None = None) -> list[tuple]:
    """The rows of a workbook below its header."""
    content = client.get(reverse(f"years:{name}_export"), asked or {}).content
    return list(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(min_row=2, values_only=True))


def names(client, **asked: str) -> list[str]:
    return [row[0] for row in rows(client, "people", asked)]


def queries(client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", [*LISTS, *(f"{name}_export" for name in LISTS)])
def test_a_list_takes_the_same_queries_for_three_hundred_rows_as_for_few(client, name: str):
    counts = []
    for code, more in (("LZ", 0), ("YZ", 294)):
        world = make_world(code=code)
        add_people(world, more)
        make_years(world)
        client.force_login(world.accounts["office"])
        counts.append(queries(client, reverse(f"years:{name}")))
        Season.objects.all().update(phase="closed")

    assert counts[0] == counts[1]


def test_one_persons_page_takes_the_same_queries_in_a_large_district(client, world):
    make_years(world)
    address = reverse("years:person", args=[world.enrolments[0].person_id])
    few = queries(client, address)
    add_people(world, 100)

    assert queries(client, address) == few


def test_without_a_season_the_pages_say_so(client, world):
    Season.objects.all().delete()

    assert {name: "No year yet" in main(client, reverse(f"years:{name}")) for name in LISTS} == dict.fromkeys(
        LISTS, True
    )


def test_one_scored_year_is_shown_without_a_change(client, world):
    make_years(world, count=0)

    text = main(client, reverse("years:people"))

    assert "Only one year so far" in text
    assert "周兰英" in text
    assert "What it comes to" not in text
    assert "Nothing to compare yet" in main(
        client, reverse("years:person", args=[world.enrolments[0].person_id])
    )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"search": "周"}, ["周兰英"]),
        ({"search": "zly"}, ["周兰英"]),
        ({"search": "第三"}, ["郑秀芳", "陈玉梅"]),
        ({"search": "nobody"}, []),
        ({"what": "nonsense", "since": "x", "which": "?", "search": "ZLY"}, ["周兰英"]),
    ],
)
def test_people_are_found_by_name_initials_and_neighbourhood(client, world, asked, found):
    make_years(world)

    assert names(client, **asked) == found


def test_people_are_found_by_subdistrict_and_by_what_became_of_them(client, world):
    add_people(world, 60)
    make_years(world)
    first = str(world.subdistricts[0].pk)

    assert names(client, subdistrict=first) == ["周兰英", "吴建国", "郑秀芳"]
    up, down, unsure = (names(client, which=which) for which in ("up", "down", "unsure"))
    assert all([up, down, unsure])
    assert sorted([*up, *down, *unsure]) == sorted(names(client))


def test_who_has_left_is_shown_when_asked_for(client, world):
    newest = make_years(world)[-1]
    leaver = newest.enrolments.get(number=6)
    newest.scoring_runs.get().measures.filter(enrolment=leaver).delete()

    assert leaver.person.name not in names(client)
    assert leaver.person.name in names(client, who="all")


def test_a_change_is_counted_from_the_mean_and_held_against_the_year_asked_for(client, world):
    seasons = make_years(world)
    years = years_of(world.district)
    results = Results(years)
    everybody = list(enrolled(years))
    people = {entry.person_id for entry in everybody}
    due = {
        since.season.pk: [
            round(row.change.value, 3)
            for row in people_rows(
                everybody, results, what=RESIDENTS, between=(since, years[-1]), people=people
            )
        ]
        for since in years[:-1]
    }

    shown = {
        season.pk: [row[-4] for row in rows(client, "people", {"since": str(season.pk)})]
        for season in seasons[:-1]
    }

    assert shown == due
    assert all(sum(values) == pytest.approx(0, abs=0.01) for values in shown.values())


def test_years_of_unlike_rule_books_are_not_compared_without_a_word(client, world):
    make_years(world, count=0)
    rules = make_rules().model_dump()
    rules["sources"][0]["weight"], rules["sources"][1]["weight"] = 0.5, 0.2
    make_next_season(world, rules=make_rules(sources=rules["sources"]))
    remark = "“Mentors in the field” counted 40% in 2021 and 50% in 2022."

    assert remark in main(client, reverse("years:people") + "?what=score")
    # What residents were asked is the same.
    assert "yardstick" not in main(client, reverse("years:people"))
    assert remark in main(client, reverse("years:person", args=[world.enrolments[0].person_id]))


def test_scores_without_a_common_unit_are_not_compared(client, world):
    make_years(world, count=0)
    scoring = make_rules().model_dump()["scoring"] | {"scale": "marks"}
    make_next_season(world, rules=make_rules(scoring=scoring))

    assert "These two years cannot be compared" in main(client, reverse("years:people") + "?what=score")
    assert {row[-4] for row in rows(client, "people", {"what": "score"})} == {None}


def test_a_subdistrict_office_reads_its_own_people_in_what_is_public(client, world):
    make_years(world, count=1)
    make_next_season(world, public=False)
    client.force_login(world.accounts["subdistrict"])

    text = main(client, reverse("years:people") + "?what=score")

    assert names(client) == ["周兰英", "吴建国", "郑秀芳"]
    assert [row[0] for row in rows(client, "subdistricts")] == ["望梁街道"]
    assert ("2022" in text, "2023" in text, "Score over all sources" in text) == (True, False, False)


def test_whoever_moved_away_is_the_other_subdistricts(client, world):
    newest = make_years(world)[-1]
    place = make_organisation(world.subdistricts[1], "LZ0299", "河湾新居民区", "neighbourhood")
    mover = newest.enrolments.get(number=1)
    newest.enrolments.filter(pk=mover.pk).update(post=Post.objects.create(organisation=place))

    client.force_login(world.accounts["subdistrict"])
    assert client.get(reverse("years:person", args=[mover.person_id])).status_code == 404
    client.force_login(world.accounts["other_subdistrict"])
    assert client.get(reverse("years:person", args=[mover.person_id])).status_code == 200


def test_score_and_places_are_the_offices_own(client, world):
    make_years(world)
    address = reverse("years:person", args=[world.enrolments[0].person_id])
    words = ("Score", "Plausible places")

    office = main(client, address)
    client.force_login(world.accounts["secretary"])
    own = main(client, address)

    assert [word in office for word in words] == [True, True]
    assert [word in own for word in words] == [False, False]
    assert "Residents online" in own


def test_what_is_not_public_is_not_on_a_secretarys_own_page(client, world):
    make_years(world, count=1)
    make_next_season(world, public=False)
    client.force_login(world.accounts["secretary"])

    page = client.get(reverse("years:home"), follow=True).content.decode().split("<main", 1)[1]

    assert "2022" in page
    assert "2023" not in page


def test_a_mentor_reads_the_own_page_and_nobody_elses(client, world):
    add_people(world, 60)
    make_years(world)
    own, other = (reverse("years:mentor", args=[world.mentors[n].person_id]) for n in (0, 1))
    client.force_login(world.accounts["mentor"])

    assert client.get(reverse("years:home")).url == own
    assert "This page is for you and for the programme office." in main(client, own)
    assert client.get(other).status_code == 404
    assert client.get(reverse("years:mentors")).status_code == 403


def test_a_mentors_page_shows_an_interval_and_no_mentees_marks(client, world):
    add_people(world, 60)
    make_years(world)
    client.force_login(world.accounts["mentor"])

    text = main(client, reverse("years:mentor", args=[world.mentors[0].person_id]))

    assert re.search(r"Between [+−]?\d\.\d\d and [+−]?\d\.\d\d marks", text)
    assert "This is no ranking" in text
    assert "周兰英" in text
    assert "beyond what was expected, 90 %" not in text
    # Marks lie about 4; only differences stand on the page.
    assert not re.search(r"\b[345]\.\d\d", text)


def test_the_office_reads_each_mentees_own_figure(client, world):
    add_people(world, 60)
    make_years(world)

    text = main(client, reverse("years:mentor", args=[world.mentors[0].person_id]))

    # Of the two years that have one before them.
    assert (
        text.count("beyond what was expected, 90 %")
        == 2 * world.season.enrolments.filter(pairs__mentor=world.mentors[0]).count()
    )


def test_of_few_mentees_no_figure_is_shown(client, world):
    add_people(world, 3)
    make_years(world, count=1)
    client.force_login(world.accounts["other_mentor"])

    page = main(client, reverse("years:mentor", args=[world.mentors[1].person_id]))

    assert "Between" not in page
    assert "Nothing is shown yet: it takes 3 mentees" in page


def test_mentors_stand_by_name_whatever_their_figures(client, world):
    add_people(world, 90)
    make_years(world)

    listed = [row[0] for row in rows(client, "mentors")]

    assert listed == sorted(listed)
    assert [row[0] for row in rows(client, "mentors", {"search": "wch"})] == ["卫春华"]


def test_the_districts_page_says_what_cannot_be_concluded(client, world):
    add_people(world, 60)
    make_years(world)

    text = main(client, reverse("years:district"))

    assert "Whoever has a mentor was not drawn by lot" in text
    assert [row[:2] for row in rows(client, "district")] == [("2021", 66), ("2022", 66), ("2023", 66)]


def test_too_few_people_for_a_line_are_told(client, world):
    make_years(world, count=1)

    assert "fewer than ten secretaries" in main(client, reverse("years:district"))


def test_a_secretarys_page_shows_the_years_once_there_are_two(client, world):
    make_years(world, count=0)
    address = reverse("portal:secretary", args=[1])
    before = main(client, address)
    make_next_season(world)

    assert "Year by year" not in before
    assert "Year by year" in main(client, address)


def test_a_mentor_does_not_see_a_mentees_years_on_the_secretarys_page(client, world):
    make_years(world)
    client.force_login(world.accounts["mentor"])

    assert "Year by year" not in main(client, reverse("portal:secretary", args=[1]))


def test_a_mentor_without_a_year_is_told_so(client, world):
    make_years(world)
    stranger = make_account("nobody-yet", (Role.MENTOR, world.district))
    client.force_login(stranger)

    assert client.get(reverse("years:home")).status_code == 404


@pytest.mark.parametrize("what", ["score", "public", "field", "institutional"])
def test_every_figure_has_its_table_of_subdistricts(client, world, what: str):
    make_years(world)

    found = rows(client, "subdistricts", {"what": what})

    assert [(row[0], row[1], row[9]) for row in found] == [("望梁街道", 3, 3), ("石桥镇", 3, 3)]
