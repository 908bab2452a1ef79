import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.people.models import OrganisationKind
from dongliang.scoring.actions import run_scoring
from dongliang.seasons.models import Enrolment
from tests.factories.scoring import make_closed_world, make_collecting_world
from tests.factories.season import make_organisation, make_secretary, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def queries_of(client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_the_list_takes_the_same_queries_for_many_rows_as_for_few(client):
    world = make_world()
    client.force_login(world.accounts["office"])
    few = queries_of(client, reverse("portal:secretaries"))
    for n in range(7, 30):
        place = make_organisation(
            world.subdistricts[0], f"LZ01{n + 40}", f"新苑第{n}居民区", OrganisationKind.NEIGHBOURHOOD
        )
        tenure = make_secretary(place, f"书记{n}")
        Enrolment.objects.create(
            season=world.season, number=n, post=tenure.post, person=tenure.person, is_new=False
        )

    assert queries_of(client, reverse("portal:secretaries")) == few


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("?q=周", ["周兰英"]),
        ("?q=河湾", ["王海燕", "冯志明", "陈玉梅"]),
        ("?which=new", ["周兰英", "吴建国", "王海燕", "冯志明"]),
        ("?which=late", []),
        ("?which=nonsense", ["周兰英", "吴建国", "郑秀芳", "王海燕", "冯志明", "陈玉梅"]),
        ("?q=%00", ["周兰英", "吴建国", "郑秀芳", "王海燕", "冯志明", "陈玉梅"]),
        ("?page=999", ["周兰英", "吴建国", "郑秀芳", "王海燕", "冯志明", "陈玉梅"]),
    ],
)
def test_the_list_is_filtered(client, wanted, names):
    world = make_collecting_world()
    client.force_login(world.accounts["office"])

    response = client.get(reverse("portal:secretaries") + wanted)

    assert [entry.person.name for entry in response.context["page"]] == names


def test_the_workbook_holds_what_the_list_shows(client):
    world = make_collecting_world()
    client.force_login(world.accounts["subdistrict"])

    data = client.get(reverse("portal:export") + "?q=周").content

    rows = list(load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True))
    assert rows[1] == (1, "望梁街道", "柳荫第一居民区", "周兰英", "是", "柳荫第一居民区修屋顶", 0, 0)
    assert len(rows) == 2


def test_a_secretary_sees_results_only_once_the_list_is_public(client):
    world = make_closed_world()
    best, *_others = draw_lists(run_scoring(world.season, by=None), by=None)
    client.force_login(world.accounts["secretary"])
    address = reverse("portal:secretary", args=[1])
    assert client.get(address).context["record"].measures == []

    publish_list(best, by=None)

    record = client.get(address).context["record"]
    assert [source.key for source, _measure in record.measures] == ["field", "public", "institutional"]
    assert (record.sheets, record.standing) == (None, None)


def test_the_office_comes_from_a_name_down_to_its_sheets(client):
    world = make_closed_world()
    run = run_scoring(world.season, by=None)
    client.force_login(world.accounts["office"])

    record = client.get(reverse("portal:secretary", args=[1])).context["record"]

    assert record.standing == run.standings.get(enrolment=world.enrolments[0])
    assert len(record.sheets) == world.season.assignments.filter(enrolment=world.enrolments[0]).count()
    assert record.ballots == 12


def test_no_sheet_is_shown_while_the_season_is_open(client):
    world = make_collecting_world()
    client.force_login(world.accounts["office"])

    assert client.get(reverse("portal:secretary", args=[1])).context["record"].sheets is None
