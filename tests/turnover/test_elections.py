import datetime

import pytest

from dongliang.common.refusals import Refused
from dongliang.people.models import RosterImport, Tenure
from dongliang.turnover.actions.elections import begin_election, open_handovers
from dongliang.turnover.models import Election, Handover
from dongliang.turnover.queries.elections import (
    DayAfter,
    Move,
    changes,
    elections_visible_to,
    matching_changes,
)
from tests.factories.projects import make_first_thing
from tests.factories.season import World, make_world
from tests.factories.turnover import LAST_DAY, make_change

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def election(world) -> Election:
    """The third secretary leaves for a new one; the fourth moves to the fifth's post, who leaves; the fourth's is vacant."""
    make_change(world, place=2)
    fourth, fifth = (Tenure.objects.get(post=world.enrolments[n].post) for n in (3, 4))
    Tenure.objects.filter(pk__in=[fourth.pk, fifth.pk]).update(ends_on=LAST_DAY)
    Tenure.objects.create(post=fifth.post, person=fourth.person, kind="moved", starts_on=LAST_DAY + DAY)
    return begin_election(world.district, held_on=LAST_DAY + DAY, by=world.accounts["office"])


def moves(election: Election) -> dict[str, str]:
    return {change.person.name: change.move.value for change in changes(election)}


def test_who_is_new_stays_has_moved_or_left_follows_from_the_tenures(election):
    assert moves(election) == {
        "周兰英": "stays",
        "吴建国": "stays",
        "郑秀芳": "left",
        "严新": "new",
        "王海燕": "moved",
        "冯志明": "left",
        "陈玉梅": "stays",
    }


def test_without_an_earlier_tenure_the_way_of_appointment_tells(world):
    first = begin_election(world.district, held_on=datetime.date(2021, 3, 1), by=None)
    Tenure.objects.filter(post=world.enrolments[5].post).update(kind="acting")
    Tenure.objects.filter(post=world.enrolments[4].post).update(kind="moved")

    assert moves(first) == {
        "周兰英": "new",
        "吴建国": "new",
        "郑秀芳": "stays",
        "王海燕": "new",
        "冯志明": "moved",
        "陈玉梅": "acting",
    }


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({"move": "left"}, ["郑秀芳", "冯志明"]),
        ({"search": "yx"}, ["严新"]),
        ({"search": "海燕"}, ["王海燕"]),
        ({"search": "柳荫第一"}, ["周兰英"]),
    ],
)
def test_changes_are_found_by_kind_name_initials_and_place(election, wanted, names):
    assert [change.person.name for change in matching_changes(changes(election), **wanted)] == names


def test_every_post_that_was_left_gets_a_handover_once(world, election):
    assert open_handovers(election, by=None) == 3
    assert open_handovers(election, by=None) == 0

    pairs = {
        handover.leaver.person.name: handover.successor.person.name if handover.successor else None
        for handover in Handover.objects.all()
    }
    assert pairs == {"郑秀芳": "严新", "王海燕": None, "冯志明": "王海燕"}


def test_a_handover_that_waited_gets_its_successor_at_the_next_press(world, election):
    open_handovers(election, by=None)
    vacant = Handover.objects.get(successor=None)
    coming = Tenure.objects.create(
        post=vacant.post, person=world.mentors[0].person, kind="new", starts_on=datetime.date(2021, 10, 20)
    )

    open_handovers(election, by=None)

    vacant.refresh_from_db()
    assert vacant.successor == coming


def test_the_steps_are_worked_out_from_what_is_on_record(world, election):
    RosterImport.objects.create(
        district=world.district, file_name="换届.xlsx", file_sha256="0" * 64, state="confirmed"
    )
    open_handovers(election, by=None)
    Tenure.objects.filter(post=world.enrolments[1].post).update(kind="new")
    make_first_thing(world.enrolments[0])

    told = {step.key: (step.done, step.total) for step in DayAfter(election).steps}

    assert told == {
        "roster": (1, 1),
        "accounts": (2, 5),
        "handovers": (3, 3),
        "pairs": (0, 1),
        "first_things": (0, 1),
    }


def test_new_secretaries_with_pair_and_first_thing_are_done(world):
    first = begin_election(world.district, held_on=datetime.date(2021, 3, 1), by=None)
    make_first_thing(world.enrolments[0])

    told = {step.key: (step.done, step.total) for step in DayAfter(first).steps}

    assert (told["pairs"], told["first_things"]) == ((2, 4), (1, 4))


@pytest.mark.parametrize(
    ("held_on", "code"), [(LAST_DAY + DAY, "election.there"), (datetime.date(2199, 1, 1), "election.future")]
)
def test_an_election_is_begun_once_and_not_before_its_day(world, election, held_on, code):
    with pytest.raises(Refused) as refused:
        begin_election(world.district, held_on=held_on, by=None)

    assert [blocker.code for blocker in refused.value.blockers] == [code]


def test_an_election_is_for_the_office_of_its_district(world, election):
    seen = {role: elections_visible_to(account).count() for role, account in world.accounts.items()}

    assert seen == dict.fromkeys(world.accounts, 0) | {"office": 1}
    assert Move.LEFT in {change.move for change in changes(election)}
