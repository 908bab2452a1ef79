import datetime

import pytest
import time_machine

from dongliang.common.refusals import Refused
from dongliang.people.actions import begin_tenure, end_tenure
from dongliang.people.models import Grant, Person, Post, Tenure
from dongliang.turnover.actions.handovers import open_handover
from dongliang.turnover.actions.posts import fill_post, make_promise, settle_promise
from dongliang.turnover.queries.posts import days_vacant, matching_posts, posts_visible_to, with_holders
from tests.factories.season import World, make_world

pytestmark = pytest.mark.django_db
TODAY = datetime.date(2021, 11, 1)
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"
    with time_machine.travel(datetime.datetime(2021, 11, 1, 4, tzinfo=datetime.UTC), tick=False):
        yield


@pytest.fixture
def world() -> World:
    return make_world()


def codes(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def tenure_of(world: World, place: int = 0) -> Tenure:
    return Tenure.objects.get(post=world.enrolments[place].post, ends_on=None)


def begin(post: Post, world: World, **changes) -> Tenure:
    said = {"name": "严新", "mobile": "13900000001", "kind": "new", "starts_on": TODAY}
    return begin_tenure(post, by=world.accounts["office"], **said | changes)


def test_ending_a_tenure_takes_the_role_at_that_post(world):
    ended = end_tenure(tenure_of(world), last_day=TODAY, by=world.accounts["office"])

    assert ended.ends_on == TODAY
    assert not Grant.objects.filter(account=world.accounts["secretary"]).exists()


@pytest.mark.parametrize("last_day", [datetime.date(2021, 2, 28), TODAY + DAY])
def test_a_last_day_before_the_first_or_to_come_is_refused(world, last_day):
    with pytest.raises(Refused) as refused:
        end_tenure(tenure_of(world), last_day=last_day, by=world.accounts["office"])

    assert codes(refused) == ["tenure.last_day"]


def test_a_tenure_ends_once(world):
    tenure = tenure_of(world)
    end_tenure(tenure, last_day=TODAY - DAY, by=world.accounts["office"])

    with pytest.raises(Refused) as refused:
        end_tenure(tenure, last_day=TODAY, by=world.accounts["office"])

    assert codes(refused) == ["tenure.ended"]


@pytest.mark.parametrize("role", ["subdistrict", "mentor", "secretary"])
def test_only_the_office_changes_who_holds_a_post(world, role):
    tenure = tenure_of(world)

    with pytest.raises(Refused) as ending:
        end_tenure(tenure, last_day=TODAY, by=world.accounts[role])
    with pytest.raises(Refused) as beginning:
        begin_tenure(
            tenure.post,
            name="严新",
            mobile="13900000001",
            kind="new",
            starts_on=TODAY,
            by=world.accounts[role],
        )

    assert codes(ending) == ["post.beyond"]
    assert codes(beginning) == ["post.beyond", "tenure.taken"]


def test_somebody_acting_fills_a_vacant_post(world):
    post = tenure_of(world).post
    end_tenure(tenure_of(world), last_day=TODAY - DAY, by=world.accounts["office"])

    acting = begin(post, world, kind="acting")

    assert (acting.kind, acting.person.name, acting.person.mobile) == ("acting", "严新", "13900000001")


def test_who_has_an_account_gets_the_role_at_the_new_post(world):
    person = world.enrolments[0].person
    Person.objects.filter(pk=person.pk).update(mobile="13900000009")
    post = world.enrolments[1].post
    for place in (0, 1):
        end_tenure(tenure_of(world, place), last_day=TODAY - DAY, by=world.accounts["office"])

    begin(post, world, name=person.name, mobile="13900000009", kind="moved")

    grants = Grant.objects.filter(account=world.accounts["secretary"])
    assert [(grant.role, grant.organisation) for grant in grants] == [("secretary", post.organisation)]


def test_a_held_post_is_not_filled(world):
    with pytest.raises(Refused) as refused:
        begin(tenure_of(world).post, world)

    assert codes(refused) == ["tenure.taken"]


def test_nobody_comes_to_a_second_post(world):
    Person.objects.filter(pk=world.enrolments[1].person_id).update(mobile="13900000008")
    post = tenure_of(world).post
    end_tenure(tenure_of(world), last_day=TODAY - DAY, by=world.accounts["office"])

    with pytest.raises(Refused) as refused:
        begin(post, world, name="吴建国", mobile="13900000008")

    assert codes(refused) == ["tenure.elsewhere"]


@pytest.mark.parametrize("starts_on", [TODAY - 5 * DAY, TODAY + DAY])
def test_a_first_day_within_the_last_tenure_or_to_come_is_refused(world, starts_on):
    post = tenure_of(world).post
    end_tenure(tenure_of(world), last_day=TODAY - 5 * DAY, by=world.accounts["office"])

    with pytest.raises(Refused) as refused:
        begin(post, world, starts_on=starts_on)

    assert codes(refused) == ["tenure.first_day"]


def test_a_mobile_of_another_name_is_refused(world):
    Person.objects.create(name="严旧", mobile="13900000001")
    post = tenure_of(world).post
    end_tenure(tenure_of(world), last_day=TODAY - DAY, by=world.accounts["office"])

    with pytest.raises(Refused) as refused:
        begin(post, world)

    assert codes(refused) == ["person.name"]


def test_who_fills_the_post_takes_over_what_the_last_holder_left(world):
    leaver = tenure_of(world)
    end_tenure(leaver, last_day=TODAY - DAY, by=world.accounts["office"])
    handover = open_handover(Tenure.objects.get(pk=leaver.pk), by=None)

    tenure = fill_post(
        leaver.post,
        name="严新",
        mobile="13900000001",
        kind="acting",
        starts_on=TODAY,
        by=world.accounts["office"],
    )

    handover.refresh_from_db()
    assert handover.successor == tenure


def test_vacant_posts_stand_first_then_acting_ones(world):
    office = world.accounts["office"]
    end_tenure(tenure_of(world, 4), last_day=TODAY - 9 * DAY, by=office)
    post = tenure_of(world, 5).post
    end_tenure(tenure_of(world, 5), last_day=TODAY - DAY, by=office)
    begin(post, world, kind="acting")

    rows = list(with_holders(posts_visible_to(office)))

    assert [(row.pk, row.holder, row.how) for row in rows[:2]] == [
        (world.enrolments[4].post_id, None, None),
        (world.enrolments[5].post_id, "严新", "acting"),
    ]
    assert (days_vacant(rows[0].last_day), days_vacant(None)) == (9, None)


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ({"state": "vacant"}, [4]),
        ({"search": "wjg"}, [1]),
        ({"search": "陈玉"}, [5]),
        ({"search": "河湾第二"}, [4]),
        ({"search": "王海燕", "state": "held"}, [3]),
    ],
)
def test_posts_are_found_by_state_name_and_initials(world, wanted, places):
    end_tenure(tenure_of(world, 4), last_day=TODAY, by=world.accounts["office"])

    rows = matching_posts(with_holders(posts_visible_to(world.accounts["office"])), **wanted)

    assert [row.pk for row in rows] == [world.enrolments[place].post_id for place in places]


def test_a_promise_needs_words_and_somebody_in_post(world):
    tenure = tenure_of(world)
    with pytest.raises(Refused) as wordless:
        make_promise(tenure.post, what=" ", due_on=None, by=None)
    end_tenure(tenure, last_day=TODAY, by=world.accounts["office"])
    with pytest.raises(Refused) as nobody:
        make_promise(tenure.post, what="修好东门", due_on=None, by=None)

    assert (codes(wordless), codes(nobody)) == (["promise.words"], ["promise.nobody"])


@pytest.mark.parametrize(
    ("state", "outcome", "code"),
    [("open", "还在办", "promise.state"), ("kept", " ", "promise.outcome")],
)
def test_a_promise_is_settled_with_an_outcome(world, state, outcome, code):
    promise = make_promise(tenure_of(world).post, what="修好东门", due_on=None, by=None)

    with pytest.raises(Refused) as refused:
        settle_promise(promise, state=state, outcome=outcome, by=None)

    assert codes(refused) == [code]


def test_a_promise_is_settled_once(world):
    promise = make_promise(tenure_of(world).post, what="修好东门", due_on=None, by=None)
    settle_promise(promise, state="kept", outcome="已修好", by=None)

    with pytest.raises(Refused) as refused:
        settle_promise(promise, state="dropped", outcome="不修了", by=None)

    assert codes(refused) == ["promise.settled"]
