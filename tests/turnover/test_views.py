import datetime
import io

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dongliang.people.models import Organisation, Person, Post, Tenure
from dongliang.turnover.actions.handovers import open_handover
from dongliang.turnover.models import Handover, Item, Promise
from tests.factories.season import World, make_world
from tests.factories.turnover import LAST_DAY, make_adviser, make_handover, make_item, make_turnover

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_english(settings):
    settings.LANGUAGE_CODE = "en"


@pytest.fixture
def world(client) -> World:
    world = make_world()
    make_turnover(world)
    client.force_login(world.accounts["office"])
    return world


def add_changes(world: World, count: int, *, first: int = 0) -> None:
    """So many more posts of the second subdistrict, each left by one who is adviser now and taken by another."""
    for n in range(first, first + count):
        place = Organisation.objects.create(
            kind="neighbourhood", parent=world.subdistricts[1], code=f"X{n:03d}", name=f"新苑第{n}居民区"
        )
        post = Post.objects.create(organisation=place)
        leaver = Tenure.objects.create(
            post=post,
            person=Person.objects.create(name=f"丁离{n}"),
            kind="reelected",
            starts_on=datetime.date(2015, 1, 1),
            ends_on=LAST_DAY,
        )
        Tenure.objects.create(
            post=post,
            person=Person.objects.create(name=f"丁来{n}"),
            kind="new",
            starts_on=LAST_DAY + datetime.timedelta(days=1),
        )
        handover = open_handover(leaver, by=None)
        make_item(handover)
        make_adviser(leaver)


LISTS = (
    "handovers handovers_export posts posts_export elections election changes_export "
    "adviser_board advisers_export advisers"
).split()


def address(name: str, world: World) -> str:
    args = [world.district.elections.get().pk] if name in ("election", "changes_export") else []
    return reverse(f"turnover:{name}", args=args)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_as_often_for_two_rows_as_for_five(client, world, name):
    # Of two subdistricts from the start: with one alone no choice between them is read.
    add_changes(world, 1)
    page = address(name, world)
    client.get(page)
    with CaptureQueriesContext(connection) as two:
        client.get(page)
    add_changes(world, 3, first=1)
    with CaptureQueriesContext(connection) as five:
        client.get(page)

    assert len(five) == len(two)


def test_a_handover_asks_as_often_for_one_line_as_for_four(client, world):
    handover = Handover.objects.get()
    page = reverse("turnover:handover", args=[handover.pk])
    client.get(page)
    with CaptureQueriesContext(connection) as one:
        client.get(page)
    for n in range(3):
        make_item(handover, what=f"第{n}件")
    with CaptureQueriesContext(connection) as four:
        client.get(page)

    assert len(four) == len(one)


@pytest.mark.parametrize(
    ("name", "query", "cells"),
    [
        ("handovers_export", "?search=gca", ["望梁街道", "柳荫第一居民区", "高长安"]),
        ("posts_export", "?search=柳荫第一", ["望梁街道", "柳荫第一居民区", "周兰英"]),
        ("changes_export", "?move=left&search=gca", ["高长安", "left", "柳荫第一居民区"]),
        ("advisers_export", "?search=高长", ["高长安", "望梁街道", "柳荫第一居民区"]),
    ],
)
def test_a_workbook_holds_the_rows_as_filtered(client, world, name, query, cells):
    add_changes(world, 1)

    content = client.get(address(name, world) + query).content

    rows = list(openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(min_row=2, values_only=True))
    assert [list(row[:3]) for row in rows if row[0]] == [cells]


def test_a_list_is_written_accepted_and_signed_through_the_pages(client, world):
    handover = make_handover(world)
    base = [handover.pk]
    client.force_login(world.accounts["leaver"])
    client.post(
        reverse("turnover:new_item", args=[*base, "money"]),
        {"what": "社区基金", "state": "账上", "amount": "1200.50", "signatory": "郑秀芳"},
    )
    item = handover.items.get()
    client.force_login(world.accounts["successor"])
    shown = "\r\n".join(item.signed_words[:-2])
    client.post(
        reverse("turnover:answer_item", args=[item.pk]),
        {"answer": "accepted", "remark": "已对账", "shown": shown},
    )
    for role in ("successor", "leaver", "subdistrict"):
        client.force_login(world.accounts[role])
        sha256 = Handover.objects.get(pk=handover.pk).sha256
        client.post(reverse("turnover:sign_handover", args=base), {"shown": sha256})

    paper = client.get(reverse("turnover:handover_file", args=base))
    item.refresh_from_db()
    assert (item.answer, item.remark, str(item.amount)) == ("accepted", "已对账", "1200.50")
    assert handover.signatures.filter(voided_at=None).count() == 3
    assert (paper.headers["Content-Type"], paper.content[:5]) == ("application/pdf", b"%PDF-")


def test_a_line_without_words_comes_back_with_what_to_correct(client, world):
    handover = make_handover(world)
    client.force_login(world.accounts["leaver"])

    response = client.post(reverse("turnover:new_item", args=[handover.pk, "risk"]), {"what": ""})

    assert response.status_code == 422
    assert not Item.objects.filter(handover=handover).exists()


def test_a_post_is_ended_and_filled_through_the_pages(client, world):
    post = world.enrolments[1].post
    client.post(reverse("turnover:end_tenure", args=[post.pk]), {"last_day": "2021-10-31"})
    client.post(reverse("turnover:open_handover", args=[post.pk]))
    client.post(
        reverse("turnover:begin_tenure", args=[post.pk]),
        {"name": "严新", "mobile": "13900000001", "kind": "acting", "starts_on": "2021-11-01"},
    )

    holder = post.tenures.get(ends_on=None)
    assert (holder.person.name, holder.kind) == ("严新", "acting")
    assert Handover.objects.get(leaver__post=post, leaver__person__name="吴建国").successor == holder


def test_a_wrong_mobile_or_day_is_told_beside_the_field(client, world):
    post = world.enrolments[1].post

    filling = client.post(reverse("turnover:begin_tenure", args=[post.pk]), {"mobile": "123"})
    ending = client.post(reverse("turnover:end_tenure", args=[post.pk]), {"last_day": "1999-01-01"})

    assert (filling.status_code, ending.status_code) == (422, 422)
    assert "11 digits" in filling.content.decode()
    assert "cannot be the last day in post" in ending.content.decode()


def test_promises_are_made_and_settled_on_the_page_of_the_post(client, world):
    post = world.enrolments[0].post
    client.force_login(world.accounts["secretary"])
    client.post(
        reverse("turnover:new_promise", args=[post.pk]), {"what": "装两盏路灯", "due_on": "2021-12-01"}
    )
    promise = Promise.objects.get(what="装两盏路灯")
    client.post(reverse("turnover:settle_promise", args=[promise.pk]), {"state": "kept", "outcome": "已装好"})

    promise.refresh_from_db()
    assert (promise.state, promise.outcome) == ("kept", "已装好")


def test_who_left_still_reaches_the_list_without_any_role(client, world):
    handover = make_handover(world)
    client.force_login(world.accounts["leaver"])

    text = client.get(reverse("turnover:handovers")).content.decode()

    assert reverse("turnover:handover", args=[handover.pk]) in text
