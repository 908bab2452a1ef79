import datetime
import uuid
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import override

from dongliang.common.refusals import Refused
from dongliang.mentoring.actions.pairs import end_pair
from dongliang.mentoring.actions.visits import follow_up, give_feedback
from dongliang.mentoring.models import Visit
from dongliang.mentoring.queries.visits import feedback_visible_to
from tests.factories.mentoring import make_visit
from tests.factories.season import World, make_world

pytestmark = pytest.mark.django_db
# Not tomorrow: a run may pass midnight.
IN_TWO_DAYS = localdate() + datetime.timedelta(days=2)


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


@pytest.fixture
def world() -> World:
    return make_world()


def pair_of(world: World) -> Any:
    return world.enrolments[0].pairs.get()


def said(**changes: Any) -> dict[str, str]:
    return {
        "number": str(uuid.uuid4()),
        "met_on": localdate().isoformat(),
        "place": "site",
        "question": "电梯费用怎么分",
        "advice": "按楼层系数算",
        "step": "列出三种分法",
        "due_on": IN_TWO_DAYS.isoformat(),
    } | changes


def send(client: Any, world: World, body: dict[str, str], **kwargs: Any) -> Any:
    return client.post(reverse("mentoring:log_visit", args=[pair_of(world).pk]), body, **kwargs)


def test_a_visit_sent_ten_times_is_one(client, world):
    client.force_login(world.accounts["mentor"])
    body = said()

    answers = [send(client, world, body, content_type="application/json") for _time in range(10)]

    assert [answer.status_code for answer in answers] == [201] + [200] * 9
    assert {answer.content for answer in answers} == {answers[0].content}
    visit = Visit.objects.get()
    assert (str(visit.uuid), visit.step, visit.step_state) == (body["number"], "列出三种分法", "open")


def test_a_form_sent_twice_leads_to_the_same_page(client, world):
    client.force_login(world.accounts["mentor"])
    body = said()

    first, second = send(client, world, body), send(client, world, body)

    assert (
        first["Location"] == second["Location"] == reverse("mentoring:visit", args=[Visit.objects.get().pk])
    )


@pytest.mark.django_db(transaction=True)
def test_two_sendings_at_once_make_one_visit(world):
    number, barrier, made = uuid.uuid4(), Barrier(2), []

    def log() -> None:
        barrier.wait()
        made.append(make_visit(pair_of(world), number=number).pk)
        connection.close()

    threads = [Thread(target=log), Thread(target=log)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 2
    assert set(made) == {Visit.objects.get().pk}


def test_a_number_that_another_visit_has_is_refused(world):
    visit = make_visit(pair_of(world), by=world.accounts["mentor"])

    with pytest.raises(Refused) as refused:
        make_visit(world.enrolments[1].pairs.get(), number=visit.uuid, by=world.accounts["mentor"])

    assert [blocker.code for blocker in refused.value.blockers] == ["visit.taken"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"number": "1"}, "number"),
        ({"number": str(uuid.UUID(int=1))}, "number"),
        ({"met_on": IN_TWO_DAYS.isoformat()}, "__all__"),
        ({"met_on": "2001-01-01"}, "__all__"),
        ({"question": ""}, "question"),
        ({"place": "moon"}, "place"),
        ({"due_on": ""}, "__all__"),
        ({"due_on": "2001-01-01"}, "__all__"),
    ],
)
def test_a_visit_that_cannot_be_is_refused_with_its_field(client, world, change, field):
    client.force_login(world.accounts["mentor"])

    answer = send(client, world, said(**change), content_type="application/json")

    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert not Visit.objects.exists()


@pytest.mark.parametrize("body", ["[]", "{", '{"number": null}'])
def test_json_that_is_no_visit_is_answered_with_what_is_missing(client, world, body):
    client.force_login(world.accounts["mentor"])

    answer = client.post(
        reverse("mentoring:log_visit", args=[pair_of(world).pk]), body, content_type="application/json"
    )

    assert (answer.status_code, "question" in answer.json()["errors"]) == (422, True)


def test_without_a_step_the_day_filled_in_beforehand_says_nothing(client, world):
    client.force_login(world.accounts["secretary"])

    send(client, world, said(step=""))

    visit = Visit.objects.get()
    assert (visit.step, visit.due_on, visit.step_state) == ("", None, "none")


def test_the_form_opens_with_today_and_the_place_of_last_time(client, world):
    make_visit(pair_of(world), place="phone")
    client.force_login(world.accounts["mentor"])

    page = client.get(reverse("mentoring:new_visit", args=[pair_of(world).pk]))

    initial = page.context["form"].initial
    assert (initial["met_on"], initial["place"]) == (localdate(), "phone")
    assert initial["number"].version == 4


def test_a_step_is_moved_and_then_done(world):
    visit = make_visit(pair_of(world))
    later = localdate() + datetime.timedelta(days=30)

    follow_up(visit, outcome="moved", due_on=later, by=None)
    visit.refresh_from_db()
    assert (visit.step_state, visit.due_on) == ("open", later)

    follow_up(visit, outcome="done", by=None)
    visit.refresh_from_db()
    assert visit.step_state == "done"
    assert list(visit.follow_ups.values_list("outcome", "due_on")) == [("moved", later), ("done", None)]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"outcome": ""}, "follow_up.outcome"),
        ({"outcome": "moved"}, "follow_up.day"),
        ({"outcome": "moved", "due_on": datetime.date(2001, 1, 1)}, "visit.due"),
        ({"outcome": "done", "note": "长" * 301}, "follow_up.note"),
    ],
)
def test_an_outcome_that_says_nothing_is_refused(world, told, code):
    visit = make_visit(pair_of(world))

    with pytest.raises(Refused) as refused:
        follow_up(visit, **told, by=None)

    assert [blocker.code for blocker in refused.value.blockers] == [code]


def test_what_is_done_is_not_followed_up_again(world):
    visit = make_visit(pair_of(world))
    follow_up(visit, outcome="not_done", by=None)

    with pytest.raises(Refused) as refused:
        follow_up(visit, outcome="done", by=None)

    assert [blocker.code for blocker in refused.value.blockers] == ["follow_up.closed"]


def test_feedback_is_read_by_its_writer_and_the_programme_office_only(client, world):
    visit = make_visit(pair_of(world), by=world.accounts["mentor"])
    for role, words in (("mentor", "大梁的心里话"), ("secretary", "小梁的心里话")):
        give_feedback(visit, helped=3, words=words, by=world.accounts[role])

    seen = {}
    for role in ("office", "mentor", "secretary", "subdistrict"):
        seen[role] = [entry.words for entry in feedback_visible_to(world.accounts[role], visit)]
        client.force_login(world.accounts[role])
        page = client.get(reverse("mentoring:visit", args=[visit.pk])).content.decode()
        shown = [words for words in ("小梁的心里话", "大梁的心里话") if words in page]
        assert shown == seen[role]

    assert seen == {
        # In the order of the sides' keys.
        "office": ["小梁的心里话", "大梁的心里话"],
        "mentor": ["大梁的心里话"],
        "secretary": ["小梁的心里话"],
        "subdistrict": [],
    }


def test_feedback_said_again_replaces_what_was_said(client, world):
    visit = make_visit(pair_of(world))
    client.force_login(world.accounts["mentor"])

    for helped in (1, 3):
        client.post(reverse("mentoring:feedback", args=[visit.pk]), {"helped": helped, "words": ""})

    assert [entry.helped for entry in visit.feedback.all()] == [3]


def test_in_a_pair_that_has_ended_no_visit_is_logged(world):
    end_pair(pair_of(world), reason="completed", by=None)

    with pytest.raises(Refused) as refused:
        make_visit(pair_of(world))

    assert refused.value.blockers[0].code == "pair.ended"
