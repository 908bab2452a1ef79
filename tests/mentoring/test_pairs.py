import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import override

from dongliang.common.refusals import Refused
from dongliang.common.sheets import read_sheets
from dongliang.mentoring.actions import pair_mentee
from dongliang.mentoring.actions.pairs import end_pair
from dongliang.mentoring.models import Pair, ProposedPair, Visit
from dongliang.mentoring.queries.pairs import pairs_of, silent_pairs
from dongliang.people.models import Person, Post
from dongliang.seasons.models import Enrolment
from tests.factories.mentoring import make_profile, make_proposal, make_visit
from tests.factories.season import World, make_organisation, make_world

pytestmark = pytest.mark.django_db
LISTS = ("pairs", "visits", "mentors", "mentees")


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


@pytest.fixture
def world() -> World:
    return make_world()


def days_ago(days: int) -> datetime.date:
    return localdate() - datetime.timedelta(days=days)


def silent(world: World) -> list[str]:
    return [str(pair.mentee.person) for pair in silent_pairs(pairs_of(world.season), world.season)]


def test_a_pair_is_silent_after_as_many_days_as_the_rule_book_says(world):
    first, second = Pair.objects.order_by("mentee__number")
    make_visit(first, met_on=days_ago(30), due_on=localdate())
    make_visit(second, met_on=days_ago(31), due_on=localdate())

    assert silent(world) == ["吴建国"]


def test_a_pair_that_has_just_begun_is_not_silent(world):
    Pair.objects.update(starts_on=days_ago(30))

    assert silent(world) == []


def test_a_pair_that_has_ended_is_not_silent(world):
    for pair in Pair.objects.all():
        end_pair(pair, reason="completed", by=None)

    assert silent(world) == []


@pytest.mark.parametrize(
    ("role", "home", "warned"),
    [
        ("office", "portal:desk", True),
        ("subdistrict", "portal:desk", True),
        ("other_subdistrict", "portal:desk", False),
        ("mentor", "review:sheets", True),
        ("other_mentor", "review:sheets", False),
        ("secretary", "portal:my_page", True),
        ("other_secretary", "portal:my_page", False),
    ],
)
def test_silence_is_told_where_people_come_home_to(client, world, role, home, warned):
    client.force_login(world.accounts[role])

    page = client.get(reverse(home), follow=True).content.decode()

    assert ("按规则书，超过 30 天没有走访就要提醒" in page) is warned


def test_a_pair_ends_with_its_reason_and_somebody_else_follows(world):
    pair = world.enrolments[0].pairs.get()

    end_pair(pair, reason="moved", note="调到区里", successor=world.mentors[1], by=None)

    pair.refresh_from_db()
    assert (pair.ends_on, pair.end_reason, pair.end_note) == (localdate(), "moved", "调到区里")
    assert world.enrolments[0].pairs.get(ends_on=None).mentor == world.mentors[1]


@pytest.mark.parametrize(
    ("told", "codes"),
    [
        ({"reason": ""}, ["pair.reason"]),
        ({"reason": "other"}, ["pair.note"]),
        ({"reason": "moved", "successor": 0}, ["pair.same"]),
        ({"reason": "moved", "successor": 1}, ["pairing.capacity"]),
    ],
)
def test_an_end_without_reason_or_to_nobody_free_is_refused(world, told, codes):
    make_profile(world.mentors[1], capacity=0)
    pair = world.enrolments[0].pairs.get()
    successor = world.mentors[told["successor"]] if "successor" in told else None

    with pytest.raises(Refused) as refused:
        end_pair(pair, reason=told["reason"], successor=successor, by=None)

    assert [blocker.code for blocker in refused.value.blockers] == codes
    assert world.enrolments[0].pairs.get().ends_on is None


def grow(world: World, number: int) -> None:
    """So many more secretaries with mentor, visit and line of the proposal."""
    proposal = world.season.proposals.first()
    for n in range(number):
        place = make_organisation(world.subdistricts[0], f"LZ01{n + 10:03d}", f"新居{n}", "neighbourhood")
        person = Person.objects.create(name=f"赵新{n}")
        enrolment = Enrolment.objects.create(
            season=world.season,
            number=100 + n,
            post=Post.objects.create(organisation=place),
            person=person,
            is_new=True,
        )
        pair = pair_mentee(world.mentors[n % 4], enrolment, by=None, starts_on=days_ago(60))
        make_visit(pair)
        if proposal:
            ProposedPair.objects.create(proposal=proposal, mentee=enrolment, mentor=world.mentors[1])


def queries(client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    "name", [*LISTS, *(f"{name}_export" for name in LISTS), "proposal", "proposal_export"]
)
def test_a_list_takes_as_many_queries_for_three_rows_as_for_many(client, world, name):
    proposal = make_proposal(world)
    grow(world, 3)
    client.force_login(world.accounts["office"])
    url = reverse(f"mentoring:{name}", args=[proposal.pk] if name.startswith("proposal") else [])
    client.get(url)
    few = queries(client, url)

    Enrolment.objects.filter(number__gte=100).delete()
    Post.objects.filter(organisation__name__startswith="新居").delete()
    type(world.subdistricts[0]).objects.filter(name__startswith="新居").delete()
    grow(world, 300 if name == "pairs" else 40)

    assert queries(client, url) == few


@pytest.mark.parametrize(
    ("name", "search", "found"),
    [
        ("pairs", "zly", {"周兰英"}),
        ("pairs", "兰英", {"周兰英"}),
        ("pairs", "cwd", {"周兰英", "吴建国"}),
        ("mentees", "wjg", {"吴建国"}),
        ("mentors", "jlp", {"蒋丽萍"}),
        ("visits", "zly", {"周兰英"}),
        ("visits", "wjg", set()),
    ],
)
def test_people_are_found_by_name_and_by_initials(client, world, name, search, found):
    make_visit(world.enrolments[0].pairs.get())
    client.force_login(world.accounts["office"])

    [sheet] = read_sheets(
        "list.xlsx", client.get(reverse(f"mentoring:{name}_export"), {"search": search}).content
    )

    at = sheet.header.index("带教大梁" if name == "mentors" else "小梁")
    assert {row.cells[at] for row in sheet.rows} == found


def test_the_board_shows_current_pairs_and_on_demand_those_that_ended(client, world):
    end_pair(world.enrolments[0].pairs.get(), reason="completed", by=None)
    client.force_login(world.accounts["office"])

    shown = {
        state: [str(pair.mentee.person) for pair in client.get("/pairs/", {"state": state}).context["page"]]
        for state in ("", "ended", "silent", "unsigned", "late")
    }

    assert shown == {
        "": ["吴建国"],
        "ended": ["周兰英"],
        "silent": ["吴建国"],
        "unsigned": ["吴建国"],
        "late": [],
    }
    assert not Visit.objects.exists()
