import hashlib

import pytest
from django.test import Client
from django.urls import reverse

from dongliang.awards.actions.lists import draw_lists, publish_list
from dongliang.scoring.actions import run_scoring
from dongliang.seasons.actions import create_season
from tests.factories.scoring import make_closed_world
from tests.factories.season import make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", ["portal:front", "portal:honours", "portal:rules"])
def test_public_pages_stand_before_there_is_any_season(client, name):
    assert client.get(reverse(name)).status_code == 200


def test_the_rule_book_s_file_has_the_fingerprint_that_is_shown(client):
    world = make_world()

    served = client.get(reverse("portal:rule_book_file", args=[world.season.slug, 1])).content

    assert hashlib.sha256(served).hexdigest() == world.season.rule_book.sha256
    assert world.season.rule_book.sha256 in client.get(reverse("portal:rules")).content.decode()


def test_the_roll_shows_published_lists_only(client):
    world = make_closed_world()
    best, popular, surest = draw_lists(run_scoring(world.season, by=None), by=None)
    name = best.honours.first().enrolment.person.name
    assert name not in client.get(reverse("portal:honours")).content.decode()

    publish_list(best, by=None)

    page = client.get(reverse("portal:honours")).content.decode()
    assert (name in page, best.title in page, popular.title in page, surest.title in page) == (
        True,
        True,
        False,
        False,
    )


def test_the_roll_stands_while_the_next_season_is_prepared(client):
    world = make_closed_world()
    best, *_others = draw_lists(run_scoring(world.season, by=None), by=None)
    publish_list(best, by=None)

    create_season(world.district, slug="next", rules=world.season.rules, by=None)

    page = client.get(reverse("portal:honours")).content.decode()
    assert best.honours.first().enrolment.person.name in page


def test_the_roll_shows_no_score_and_no_rank(client):
    world = make_closed_world()
    run = run_scoring(world.season, by=None)
    for honour_list in draw_lists(run, by=None):
        publish_list(honour_list, by=None)

    page = client.get(reverse("portal:honours")).content.decode()

    scores = [f"{standing.composite:.2f}" for standing in run.standings.all()]
    assert [score for score in scores if score in page] == []


def test_large_type_is_remembered_and_goes_back_to_the_page(client):
    answer = client.post(reverse("type_size"), {"size": "large", "next": "/rules/"})

    assert (answer.status_code, answer["Location"], answer.cookies["type_size"].value) == (
        302,
        "/rules/",
        "large",
    )


def test_the_type_switch_leads_to_no_other_site(client):
    answer = client.post(reverse("type_size"), {"size": "large", "next": "https://elsewhere.example/"})

    assert answer["Location"] == "/"


def test_switches_work_from_pages_that_send_no_referrer():
    strict = Client(enforce_csrf_checks=True, headers={"origin": "null"})

    assert strict.post(reverse("type_size"), {"size": "large"}).status_code == 302
    assert strict.post(reverse("set_language"), {"language": "en"}).status_code == 302


def test_pages_allow_nothing_from_elsewhere(client):
    policy = client.get("/")["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy


def test_the_rules_say_what_each_stage_of_growth_asks_for(client):
    make_world()

    page = client.get(reverse("portal:rules")).content.decode()

    asked = page[page.index("<dt>预备大梁</dt>") :].partition("</dd>")[0]
    assert "要求在岗满 24 个月。" in asked
    assert "每人每年参加 24 小时培训。" in page
    # Nothing is asked of a newcomer.
    assert "<dt>新任小梁</dt>" not in page
