"""Raw, trimmed and adjusted side by side, and the map of whom to visit again."""

import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from python_calamine import CalamineWorkbook

from dongliang.scoring.actions import run_scoring
from dongliang.scoring.models import Measure, ScoringRun, Standing
from dongliang.scoring.queries import readings, to_visit
from tests.factories.scoring import make_closed_world
from tests.factories.season import make_rules

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world():
    return make_closed_world()


@pytest.fixture
def run(world, client) -> ScoringRun:
    client.force_login(world.accounts["office"])
    return run_scoring(world.season, by=None)


def set_apart(run: ScoringRun, number: int) -> None:
    """Residents praise this secretary and mentors do not, both of them surely."""
    for source, value in (("public", 4.9), ("field", 1.1)):
        run.measures.filter(enrolment__number=number, source=source).update(value=value, standard_error=0.01)


def test_somebody_whom_two_sources_see_differently_is_on_the_map_and_in_the_table_in_words(client, run):
    set_apart(run, 2)

    page = client.get(
        reverse("scoring:sources", args=[run.pk]) + "?pair=field-public", headers={"accept-language": "en"}
    )

    [visit] = page.context["visits"]
    assert (visit.mark, visit.found.number, visit.words) == ("1", 2, "Residents see what mentors do not.")
    [marked] = [dot.point for dot in page.context["map"].points if dot.point.mark]
    assert (marked.label, marked.mark) == (visit.standing.enrolment.person.name, "1")
    assert [entry.number for entry in to_visit(run) if {entry.high, entry.low} == {"public", "field"}] == [2]


def test_the_map_opens_on_the_two_sources_that_differ_over_most_people(client, run):
    set_apart(run, 2)
    run.measures.filter(source="institutional").update(value=3.0, standard_error=1.0)

    page = client.get(reverse("scoring:sources", args=[run.pk]))

    assert [tab["current"] for tab in page.context["tabs"]] == [True, False, False]


def test_each_row_holds_what_the_run_measured(client, run):
    page = client.get(reverse("scoring:sources", args=[run.pk]))

    shown = {
        (standing.enrolment_id, said.measure.source): said.measure.pk
        for standing, each in page.context["rows"]
        for said in each
    }
    assert shown == {
        (measure.enrolment_id, measure.source): measure.pk for measure in Measure.objects.filter(run=run)
    }


@pytest.mark.parametrize(("which", "count"), [("", 6), ("visit", 1), ("thin", 1), ("near", 6)])
def test_the_list_can_be_narrowed_to_those_who_matter(client, run, which, count):
    run.measures.update(value=3.0, standard_error=1.0)
    set_apart(run, 2)
    Standing.objects.filter(run=run, enrolment__number=5).update(thin_sources=["public"])

    page = client.get(reverse("scoring:sources", args=[run.pk]), {"which": which})

    assert page.context["page"].paginator.count == count


def test_the_list_is_searched_by_name_and_given_out_as_it_is_filtered(client, run):
    name = run.standings.first().enrolment.person.name

    answer = client.get(reverse("scoring:sources_export", args=[run.pk]), {"q": name})

    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_index(0).to_python()
    assert [row[3] for row in rows[1:]] == [name]
    assert len(rows[0]) == 4 + 5 * 3 + 1


def test_the_page_asks_the_database_as_often_for_one_row_as_for_six(client, run):
    counted = []
    for query in ({"q": run.standings.first().enrolment.person.name}, {}):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(reverse("scoring:sources", args=[run.pk]), query)
        counted.append(len(queries))

    assert counted[0] == counted[1]


def test_three_ballots_are_less_sure_than_twelve_and_shown_as_few(client):
    sources = make_rules().model_dump()["sources"]
    next(source for source in sources if source["key"] == "public")["minimum_answers"] = 10
    world = make_closed_world(rules=make_rules(sources=sources), thin=4)
    client.force_login(world.accounts["office"])

    run = run_scoring(world.season, by=None)

    errors = {number: reading.error for number, reading in readings(run)["public"].items()}
    assert all(errors[4] > 1.1 * error for number, error in errors.items() if number != 4)
    page = client.get(reverse("scoring:sources", args=[run.pk]), {"which": "thin"})
    [(standing, each)] = page.context["rows"]
    assert (standing.enrolment.number, [said.thin for said in each]) == (4, [False, True, False])
    assert not standing.eligible
