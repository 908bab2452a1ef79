"""Those who retire, leave or serve are honoured on a basis, within a number, by two people."""

import datetime

import pytest
from django.urls import reverse

from dongliang.awards.actions.commending import (
    certify_commendation,
    decide_commendation,
    propose_commendation,
    set_honour_title,
)
from dongliang.awards.actions.publicity import revoke_certificate
from dongliang.awards.models import Certificate, Commendation, HonourTitle
from dongliang.awards.queries.commending import tenures_for
from dongliang.awards.queries.publicity import certificate_of
from dongliang.common.log import verify_chain
from dongliang.common.refusals import Refused
from dongliang.people.models import Role, Tenure
from tests.factories.season import World, make_account, make_world

pytestmark = pytest.mark.django_db(transaction=True)

BASIS = "区委组织部〔2021〕12 号"
MERITS = "任书记十二年，带出三位小梁。"


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def second(world):
    return make_account("second", (Role.OFFICE, world.district))


def make_title(world: World, **changes) -> HonourTitle:
    said = {"name": "荣休书记", "whom": "retiring", "basis": BASIS, "places": 2}
    return set_honour_title(world.season, **said | changes, by=None)


def leave(world: World, place: int) -> Tenure:
    """The secretary leaves the post at the end of June."""
    tenure = Tenure.objects.get(post=world.enrolments[place].post)
    tenure.ends_on = datetime.date(2021, 6, 30)
    tenure.save()
    return tenure


def propose(title: HonourTitle, tenure: Tenure, by=None, merits: str = MERITS) -> Commendation:
    return propose_commendation(title, tenure=tenure, merits=merits, by=by)


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [blocker.code for blocker in refused.value.blockers]


def test_an_honour_is_proposed_by_one_confirmed_by_another_and_certified(world, second, client):
    title, office = make_title(world), world.accounts["office"]

    proposed = propose(title, leave(world, 0), by=office)
    confirmed = decide_commendation(proposed, confirm=True, by=second)
    certificate = certify_commendation(confirmed, by=office)

    assert (confirmed.state, confirmed.decided_by) == ("confirmed", second)
    assert certificate.number == f"LZ-2021-D-S{world.season.pk}-001"
    assert certify_commendation(confirmed, by=office) == certificate
    found = certificate_of(certificate.number)
    assert (found.title, found.person.name, found.organisation.name, found.project) == (
        "荣休书记",
        "周兰英",
        "柳荫第一居民区",
        None,
    )
    page = client.get(reverse("awards:certificate", args=[certificate.number])).content.decode()
    assert BASIS in page
    assert verify_chain()[1] is None


def test_nobody_confirms_what_they_proposed(world):
    office = world.accounts["office"]
    proposed = propose(make_title(world), leave(world, 0), by=office)

    with pytest.raises(Refused) as refused:
        decide_commendation(proposed, confirm=True, by=office)

    assert codes(refused) == ["awards.own_proposal"]


def test_what_is_decided_stays_decided(world, second):
    proposed = propose(make_title(world), leave(world, 0), by=world.accounts["office"])
    decide_commendation(proposed, confirm=False, by=second)

    with pytest.raises(Refused) as refused:
        decide_commendation(proposed, confirm=True, by=second)

    assert codes(refused) == ["awards.decided"]


def test_an_honour_without_a_basis_is_not_set_and_one_name_is_set_once(world):
    make_title(world)

    with pytest.raises(Refused) as refused:
        make_title(world, basis=" ")

    assert codes(refused) == ["awards.title_taken", "awards.no_basis"]


def test_no_more_are_honoured_than_the_basis_allows_and_a_declined_proposal_frees_its_place(world, second):
    title = make_title(world, places=1)
    first, other = leave(world, 0), leave(world, 1)
    proposed = propose(title, first, by=world.accounts["office"])

    with pytest.raises(Refused) as refused:
        propose(title, other)
    decide_commendation(proposed, confirm=False, by=second)

    assert codes(refused) == ["awards.honour_quota"]
    assert propose(title, other).state == "proposed"


@pytest.mark.parametrize(
    ("whom", "eligible"), [("retiring", ["郑秀芳"]), ("leaving", ["周兰英", "郑秀芳"]), ("serving", 5)]
)
def test_each_honour_is_for_those_it_is_for(world, whom, eligible):
    """The first secretary leaves and takes over another post; the third leaves and takes none."""
    moved = leave(world, 0)
    leave(world, 2)
    free = world.enrolments[2].post
    Tenure.objects.create(post=free, person=moved.person, kind="moved", starts_on=datetime.date(2021, 7, 1))

    found = list(tenures_for(world.season, whom))

    assert (len(found) if whom == "serving" else sorted(str(entry.person) for entry in found)) == eligible


def test_somebody_in_post_is_not_proposed_as_retiring_nor_anybody_twice_nor_without_a_reason(world):
    title = make_title(world, places=5)
    left = leave(world, 0)
    propose(title, left)

    with pytest.raises(Refused) as refused:
        propose(title, left, merits=" ")
    assert codes(refused) == ["awards.honoured_already", "awards.no_reason"]
    with pytest.raises(Refused) as refused:
        propose(title, Tenure.objects.get(post=world.enrolments[1].post))
    assert codes(refused) == ["awards.not_for_them"]


def test_there_is_no_certificate_before_a_second_person_confirmed(world):
    proposed = propose(make_title(world), leave(world, 0))

    with pytest.raises(Refused) as refused:
        certify_commendation(proposed, by=None)

    assert codes(refused) == ["awards.not_confirmed"]


def test_a_certificate_of_a_person_is_revoked_as_any_other(world, second, client):
    proposed = propose(make_title(world), leave(world, 0), by=world.accounts["office"])
    certificate = certify_commendation(decide_commendation(proposed, confirm=True, by=second), by=None)
    client.force_login(world.accounts["office"])

    page = client.post(reverse("awards:revoke", args=[certificate.pk]), {"reason": "材料有误"})

    assert page["Location"] == reverse("awards:commendations")
    assert Certificate.objects.get().revocation == "材料有误"
    with pytest.raises(Refused):
        revoke_certificate(certificate, reason="再次", by=None)


def test_the_office_takes_an_honour_from_its_basis_to_the_printed_certificate_by_the_page(
    world, second, client
):
    left = leave(world, 0)
    client.force_login(world.accounts["office"])
    client.post(
        reverse("awards:set_title"),
        {"title-name": "荣休书记", "title-whom": "retiring", "title-basis": BASIS, "title-places": "6"},
    )
    client.post(
        reverse("awards:commend"),
        {
            "commend-honour": HonourTitle.objects.get().pk,
            "commend-tenure": left.pk,
            "commend-merits": MERITS,
        },
    )
    entry = Commendation.objects.get()
    client.force_login(second)
    client.post(reverse("awards:decide_commendation", args=[entry.pk]), {"decision": "confirm"})
    client.post(reverse("awards:certify", args=[entry.pk]))

    page = client.get(reverse("awards:commendations")).content.decode()
    assert entry.certificate.number in page
    assert client.get(reverse("awards:commendations_file")).content.startswith(b"%PDF-")
    assert client.get(reverse("awards:commendations_export"))["Content-Disposition"].endswith(".xlsx")
    assert client.get(reverse("awards:commendations"), {"q": "查无此人"}).context["rows"] == []
