import datetime

import pytest
from django.urls import reverse

from dongliang.common.refusals import Refused
from dongliang.projects.actions import set_state
from dongliang.turnover.actions.advisers import name_adviser, release_adviser, thank_adviser, withdraw_adviser
from dongliang.turnover.queries.advisers import leavers_run_by, matching_advisers, public_advisers, years_of
from tests.factories.projects import make_first_thing
from tests.factories.season import World, make_world
from tests.factories.turnover import LAST_DAY, make_adviser, make_change

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world() -> World:
    return make_world()


def codes(refused) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def test_who_has_left_and_is_no_adviser_yet_can_be_named(world):
    leaver, _successor = make_change(world)
    assert list(leavers_run_by(world.accounts["office"])) == [leaver]

    make_adviser(leaver)

    assert list(leavers_run_by(world.accounts["office"])) == []


def test_who_is_in_post_is_not_named(world):
    _leaver, successor = make_change(world)

    with pytest.raises(Refused) as refused:
        name_adviser(successor, since=datetime.date(2021, 10, 2), by=None)

    assert codes(refused) == ["adviser.in_post"]


@pytest.mark.parametrize("since", [LAST_DAY, datetime.date(2199, 1, 1)])
def test_an_adviser_begins_after_the_last_day_in_post(world, since):
    leaver, _successor = make_change(world)

    with pytest.raises(Refused) as refused:
        name_adviser(leaver, since=since, by=None)

    assert codes(refused) == ["adviser.since"]


def test_nobody_becomes_adviser_twice(world):
    leaver, _successor = make_change(world)
    make_adviser(leaver)

    with pytest.raises(Refused) as refused:
        make_adviser(leaver)

    assert codes(refused) == ["adviser.named"]


def test_a_page_without_thanks_is_not_released(world):
    leaver, _successor = make_change(world)
    adviser = name_adviser(leaver, since=LAST_DAY + datetime.timedelta(days=1), by=None)

    with pytest.raises(Refused) as refused:
        release_adviser(adviser, by=None)

    assert codes(refused) == ["adviser.thanks"]


@pytest.mark.parametrize("thanks", [" ", "谢" * 601])
def test_words_of_thanks_are_neither_empty_nor_endless(world, thanks):
    adviser = make_adviser(make_change(world)[0], released=False)

    with pytest.raises(Refused) as refused:
        thank_adviser(adviser, thanks=thanks, by=None)

    assert codes(refused) == ["adviser.words"]


def test_other_words_take_a_public_page_back(world):
    adviser = make_adviser(make_change(world)[0])

    assert thank_adviser(adviser, thanks=adviser.thanks, by=None).released_at is not None
    assert thank_adviser(adviser, thanks="谢谢您。", by=None).released_at is None


def test_the_page_is_public_between_release_and_withdrawal_only(world, client):
    adviser = make_adviser(make_change(world)[0], released=False)
    page = reverse("turnover:adviser", args=[adviser.pk])
    seen = [client.get(page).status_code]

    release_adviser(adviser, by=None)
    seen.append(client.get(page).status_code)
    with pytest.raises(Refused) as again:
        release_adviser(adviser, by=None)
    withdraw_adviser(withdraw_adviser(adviser, by=None), by=None)
    seen.append(client.get(page).status_code)

    assert (seen, codes(again)) == ([404, 200, 404], ["adviser.released"])
    assert list(public_advisers()) == []


def test_the_page_counts_years_posts_what_landed_and_whom_they_coached(world, client):
    thing = make_first_thing(world.enrolments[2], title="电梯加装")
    set_state(set_state(thing, "under_way", by=None), "landed", by=None)
    leaver, _successor = make_change(world)
    leaver.starts_on = datetime.date(2011, 10, 1)
    leaver.save()
    world.mentors[0].person = leaver.person
    world.mentors[0].save()
    adviser = make_adviser(leaver)

    years = years_of(adviser)
    text = client.get(reverse("turnover:adviser", args=[adviser.pk])).content.decode()

    assert (years.tenures, years.served, years.landed) == ([leaver], 10, [thing])
    assert {person.name for person in years.mentees} == {"周兰英", "吴建国"}
    assert all(word in text for word in ("郑秀芳", "电梯加装", "周兰英", adviser.thanks))


@pytest.mark.parametrize(
    ("wanted", "count"),
    [({"search": "zxf"}, 1), ({"search": "秀芳"}, 1), ({"search": "无"}, 0), ({"state": "held"}, 0)],
)
def test_advisers_are_found_by_name_initials_and_state(world, wanted, count):
    make_adviser(make_change(world)[0])

    assert matching_advisers(public_advisers(), **wanted).count() == count
