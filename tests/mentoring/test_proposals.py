import datetime
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.translation import override

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.mentoring.actions import pair_mentee
from dongliang.mentoring.actions.pairs import end_pair
from dongliang.mentoring.actions.profiles import keep_mentee_profile
from dongliang.mentoring.actions.proposals import (
    confirm_proposal,
    discard_proposal,
    lock_line,
    propose_pairs,
    solve_again,
    swap_mentor,
)
from dongliang.mentoring.models import Mentor, Pair, Proposal
from dongliang.mentoring.queries.proposals import lines_of, reasoned, shown_sha256
from tests.factories.mentoring import make_profile
from tests.factories.projects import make_first_thing
from tests.factories.season import World, make_rules, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english():
    with override("en"):
        yield


@pytest.fixture
def world() -> World:
    """Of the four new secretaries the first two of the first subdistrict have a mentor."""
    return make_world()


def codes(refused: Any) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def names(proposal: Proposal) -> dict[str, str]:
    return {str(line.mentee.person): str(line.mentor) for line in lines_of(proposal)}


def pairs_now() -> set[tuple[str, str]]:
    return {(str(pair.mentee.person), str(pair.mentor)) for pair in Pair.objects.filter(ends_on=None)}


BEFORE = {("周兰英", "褚卫东"), ("吴建国", "褚卫东")}


def test_who_is_new_and_has_no_mentor_is_proposed_to_who_knows_the_matter(world):
    make_profile(world.mentors[2], strengths={"problem.housing": 2})
    make_profile(world.mentors[3], strengths={"problem.digital": 2}, years=12)
    make_first_thing(world.enrolments[3], category="housing")
    make_first_thing(world.enrolments[4], category="digital")

    proposal = propose_pairs(world.season, by=world.accounts["office"])

    assert names(proposal) == {"王海燕": "蒋丽萍", "冯志明": "沈国强"}
    assert pairs_now() == BEFORE
    last = ActionLogEntry.objects.last()
    assert (last.verb, last.detail["lines"]) == ("mentoring.proposal.made", 2)


def test_every_line_says_why_and_who_would_be_next(world):
    make_profile(world.mentors[2], strengths={"problem.housing": 2}, years=12)
    make_profile(world.mentors[3], strengths={"problem.housing": 1})
    make_first_thing(world.enrolments[3], category="housing")
    make_first_thing(world.enrolments[4], category="environment")

    proposal = propose_pairs(world.season, by=None)

    line, reasons = reasoned(lines_of(proposal), proposal)[0]
    assert str(line.mentee.person) == "王海燕"
    assert reasons.why == (
        "蒋丽萍: very good at Homes, which the first thing is about, from elsewhere in the district, "
        "12 years in post, 1 of 8 places taken."
    )
    assert reasons.second == "Next best: 沈国强, by 20.0 points less."


def test_needs_in_own_words_and_of_the_estate_count(world):
    estate = world.enrolments[3].organisation
    estate.estate_kind = "lanes"
    estate.save()
    keep_mentee_profile(
        world.enrolments[3], needs={}, words="停车位不够，物业不管", wants_mentor=False, by=None
    )
    make_profile(world.mentors[1], strengths={"problem.property_management": 2, "estate.lanes": 2})

    proposal = propose_pairs(world.season, by=None)

    line, reasons = reasoned(lines_of(proposal), proposal)[0]
    assert (str(line.mentor), line.parts["need"]) == ("卫春华", 30.0)
    assert "strengths meet 100 % of the needs" in reasons.why


def test_the_least_set_of_demands_that_cannot_be_met_is_named(world):
    for mentor in world.mentors:
        make_profile(mentor, capacity=0)

    with pytest.raises(Refused) as refused:
        propose_pairs(world.season, by=None)

    assert codes(refused) == ["pairing.unmet"]
    assert str(refused.value.blockers[0]) == (
        "1 mentee may only have mentors with 0 places between them. Mentees: 王海燕. "
        "Mentors: 褚卫东, 卫春华, 蒋丽萍, 沈国强. "
        "Give one of these mentors a place more, allow another mentor, or allow people to go without."
    )
    assert not Proposal.objects.exists()


def test_some_may_go_without_where_places_are_short(world):
    for mentor in world.mentors[:3]:
        make_profile(mentor, capacity=0)
    make_profile(world.mentors[3], capacity=1, strengths={"problem.housing": 2})
    make_first_thing(world.enrolments[4], category="housing")

    proposal = propose_pairs(world.season, everyone=False, by=None)

    assert names(proposal) == {"王海燕": "None", "冯志明": "沈国强"}
    _line, reasons = reasoned(lines_of(proposal), proposal)[0]
    assert reasons.why == "No mentor allowed has a place left."


def test_the_rule_books_most_caps_every_mentor(db):
    rules = make_rules().model_dump()["mentoring"] | {"largest_load": 1}
    world = make_world(rules=make_rules(mentoring=rules))
    make_profile(world.mentors[0], capacity=50, strengths={"problem.housing": 2})
    for enrolment in world.enrolments[3:5]:
        make_first_thing(enrolment, category="housing")

    proposal = propose_pairs(world.season, by=None)

    # The first mentor coaches two already, more than the one place that anybody has.
    assert "褚卫东" not in names(proposal).values()
    assert len(set(names(proposal).values())) == 2


def test_through_the_studios_new_secretaries_get_the_studio_of_their_own_subdistrict(world):
    first, second = world.subdistricts
    studio = Mentor.objects.create(
        season=world.season, number=5, person=world.enrolments[5].person, home=second, tier="studio"
    )
    Mentor.objects.create(
        season=world.season, number=6, person=world.enrolments[2].person, home=first, tier="studio"
    )
    Pair.objects.all().delete()

    proposal = propose_pairs(world.season, tiered=True, by=None)

    found = names(proposal)
    assert {found["王海燕"], found["冯志明"]} == {"陈玉梅"}
    assert {found["周兰英"], found["吴建国"]} == {"郑秀芳"}
    # The two of the studios are coached by mentors of the district.
    district = {str(mentor) for mentor in world.mentors}
    assert {found["陈玉梅"], found["郑秀芳"]} <= district
    assert studio.tier == "studio"


def test_without_a_studio_the_district_coaches_directly(world):
    _first, second = world.subdistricts
    Mentor.objects.create(
        season=world.season, number=5, person=world.enrolments[5].person, home=second, tier="studio"
    )
    Pair.objects.all().delete()

    found = names(propose_pairs(world.season, tiered=True, by=None))

    assert {found["周兰英"], found["吴建国"]} <= {str(mentor) for mentor in world.mentors}


def test_a_locked_line_stays_when_the_rest_is_worked_out_again(world):
    proposal = propose_pairs(world.season, by=None)
    line = lines_of(proposal).get(mentee=world.enrolments[3])
    swap_mentor(line, world.mentors[3], by=None)
    make_profile(world.mentors[1], strengths={"problem.housing": 2})
    make_first_thing(world.enrolments[3], category="housing")
    make_first_thing(world.enrolments[4], category="housing")

    solve_again(proposal, by=None)

    assert names(proposal) == {"王海燕": "沈国强", "冯志明": "卫春华"}
    again = lines_of(proposal).get(mentee=world.enrolments[3])
    assert (again.locked, again.by_hand) == (True, True)


def test_a_freed_line_may_change_again(world):
    proposal = propose_pairs(world.season, by=None)
    line = swap_mentor(lines_of(proposal).get(mentee=world.enrolments[3]), world.mentors[3], by=None)
    lock_line(line, lock=False, by=None)
    make_profile(world.mentors[1], strengths={"problem.housing": 2})
    make_first_thing(world.enrolments[3], category="housing")

    solve_again(proposal, by=None)

    assert names(proposal)["王海燕"] == "卫春华"


def test_a_swap_beyond_a_mentors_places_is_refused_with_a_sentence(world):
    make_profile(world.mentors[0], capacity=2)
    proposal = propose_pairs(world.season, by=None)

    with pytest.raises(Refused) as refused:
        swap_mentor(lines_of(proposal)[0], world.mentors[0], by=None)

    assert str(refused.value.blockers[0]) == (
        "褚卫东 would have 3 mentees, and there are 2 places. "
        "Give one of them to another mentor, or raise the mentor's places within the rule book's most."
    )


@pytest.mark.parametrize("why", ["declared", "unsuited", "self"])
def test_a_swap_to_somebody_to_be_avoided_is_refused(world, why):
    mentee, mentor = world.enrolments[3], world.mentors[1]
    if why == "declared":
        keep_mentee_profile(mentee, needs={}, words="", wants_mentor=False, avoid=[mentor], by=None)
    if why == "unsuited":
        pair = pair_mentee(mentor, mentee, by=None, starts_on=datetime.date(2021, 4, 1))
        end_pair(pair, reason="unsuited", by=None)
    if why == "self":
        mentor = Mentor.objects.create(season=world.season, number=5, person=mentee.person)
    proposal = propose_pairs(world.season, by=None)
    line = lines_of(proposal).get(mentee=mentee)
    assert line.mentor != mentor

    with pytest.raises(Refused) as refused:
        swap_mentor(line, mentor, by=None)

    assert codes(refused) == [f"pairing.{why}"]


def test_confirming_makes_every_pair_and_logs_it(world):
    proposal = propose_pairs(world.season, by=None)

    counts = confirm_proposal(proposal, shown=shown_sha256(proposal), by=world.accounts["office"])

    assert counts == {"made": 2}
    assert pairs_now() == BEFORE | set(names(proposal).items())
    verbs = list(ActionLogEntry.objects.order_by("-sequence").values_list("verb", flat=True)[:3])
    assert verbs == ["mentoring.proposal.confirmed", "mentoring.pair.made", "mentoring.pair.made"]


def test_pairing_everybody_anew_ends_the_pairs_that_change_and_keeps_the_others(world):
    make_profile(world.mentors[1], strengths={"problem.housing": 2})
    make_first_thing(world.enrolments[0], category="housing")
    make_first_thing(world.enrolments[1], category="digital")

    proposal = propose_pairs(world.season, everybody=True, by=None)
    counts = confirm_proposal(proposal, by=None)

    assert names(proposal)["周兰英"] == "卫春华"
    # Continuity keeps the second with the mentor of now.
    assert names(proposal)["吴建国"] == "褚卫东"
    assert counts["kept"] == 1
    ended = Pair.objects.exclude(ends_on=None).get()
    assert (ended.mentee, ended.end_reason) == (world.enrolments[0], "replaced")


def test_nothing_is_confirmed_where_one_line_no_longer_holds(world):
    proposal = propose_pairs(world.season, by=None)
    first, second = lines_of(proposal)
    pair_mentee(world.mentors[3] if first.mentor != world.mentors[3] else world.mentors[2],
                first.mentee, by=None, starts_on=datetime.date(2021, 5, 1))  # fmt: skip
    make_profile(second.mentor, capacity=0)
    before = pairs_now()

    with pytest.raises(Refused) as refused:
        confirm_proposal(proposal, by=None)

    assert set(codes(refused)) == {"pairing.since", "pairing.capacity"}
    assert pairs_now() == before
    proposal.refresh_from_db()
    assert proposal.state == "draft"


def test_a_proposal_changed_since_it_was_shown_is_not_confirmed(world):
    proposal = propose_pairs(world.season, by=None)
    shown = shown_sha256(proposal)
    line = lines_of(proposal)[0]
    swap_mentor(line, next(m for m in world.mentors if m != line.mentor), by=None)

    with pytest.raises(Refused) as refused:
        confirm_proposal(proposal, shown=shown, by=None)

    assert codes(refused) == ["proposal.moved_on"]


def test_a_confirmed_or_discarded_proposal_changes_no_more(world):
    confirmed = propose_pairs(world.season, by=None)
    confirm_proposal(confirmed, by=None)
    discarded = propose_pairs(world.season, everybody=True, by=None)
    discard_proposal(discarded, by=None)

    for proposal in (confirmed, discarded):
        line = lines_of(proposal)[0]
        for attempt in (
            lambda p=proposal: confirm_proposal(p, by=None),
            lambda p=proposal: discard_proposal(p, by=None),
            lambda p=proposal: solve_again(p, by=None),
            lambda one=line: lock_line(one, lock=True, by=None),
            lambda one=line: swap_mentor(one, world.mentors[1], by=None),
        ):
            with pytest.raises(Refused) as refused:
                attempt()
            assert codes(refused)[0] == "proposal.decided"


def test_in_a_closed_season_nothing_is_proposed(world):
    world.season.phase = "closed"
    world.season.save()

    with pytest.raises(Refused) as refused:
        propose_pairs(world.season, by=None)

    assert codes(refused) == ["season.closed"]


@pytest.mark.django_db(transaction=True)
def test_of_two_officers_who_confirm_at_once_one_does(world):
    proposals = [propose_pairs(world.season, by=None), propose_pairs(world.season, by=None)]
    barrier, outcomes = Barrier(2), []

    def confirm(proposal: Proposal) -> None:
        barrier.wait()
        try:
            confirm_proposal(proposal, by=None)
            outcomes.append("made")
        except Refused as refused:
            outcomes.append(refused.blockers[0].code)
        finally:
            connection.close()

    # The second one's pairs differ, so that both cannot hold.
    line = lines_of(proposals[1])[0]
    swap_mentor(line, next(m for m in world.mentors if m != line.mentor), by=None)
    threads = [Thread(target=confirm, args=[proposal]) for proposal in proposals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["made", "pairing.since"]
    assert Pair.objects.filter(ends_on=None).count() == 4


def test_the_office_works_out_looks_and_confirms_on_pages(client, world):
    client.cookies["django_language"] = "en"
    client.force_login(world.accounts["office"])
    made = client.post(reverse("mentoring:proposals"), {})
    proposal = Proposal.objects.get()
    assert made["Location"] == reverse("mentoring:proposal", args=[proposal.pk])
    line = lines_of(proposal)[0]

    client.post(reverse("mentoring:change_line", args=[proposal.pk, line.pk]), {"do": "lock"})
    page = client.get(reverse("mentoring:proposal", args=[proposal.pk]))
    answered = client.post(
        reverse("mentoring:confirm_proposal", args=[proposal.pk]),
        {"shown": page.context["shown"]},
        follow=True,
    )

    assert "2 pairs are made." in answered.content.decode()
    assert Pair.objects.filter(ends_on=None).count() == 4


def test_a_page_shows_why_the_demands_cannot_be_met(client, world):
    client.cookies["django_language"] = "en"
    for mentor in world.mentors:
        make_profile(mentor, capacity=0)
    client.force_login(world.accounts["office"])

    answered = client.post(reverse("mentoring:proposals"), {})

    assert answered.status_code == 422
    assert "may only have mentors with 0 places between them" in answered.content.decode()
