import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from dongliang.common.models import ActionLogEntry
from dongliang.common.refusals import Refused
from dongliang.people.actions import (
    add_grant,
    create_account,
    create_operator,
    create_secretary_accounts,
    disable_account,
    enable_account,
    issue_activation,
    remove_grant,
    set_password,
    set_up_district,
)
from dongliang.people.models import Account, Grant, Role, Tenure
from dongliang.people.queries import accounts_visible_to, districts_run_by, people_of
from tests.factories.season import PASSWORD, make_account, make_district, make_world

pytestmark = pytest.mark.django_db


def codes(action, *arguments, **named) -> list[str]:
    with pytest.raises(Refused) as refused:
        action(*arguments, **named)
    return [blocker.code for blocker in refused.value.blockers]


def test_an_operator_is_made_with_a_strong_password_only():
    assert codes(create_operator, "O p", "short") == ["account.username", "account.password"]

    operator = create_operator("operator", PASSWORD)

    assert (operator.is_superuser, operator.check_password(PASSWORD)) == (True, True)
    assert codes(create_operator, "operator", PASSWORD) == ["account.username_taken"]


def test_a_district_is_set_up_once():
    district = set_up_district("LZ", "梁州区", by=None)

    assert set_up_district("LZ", "梁州区", by=None) == district
    assert codes(set_up_district, "LZ", "河阳区", by=None) == ["district.code_taken"]
    assert codes(set_up_district, "lz1", "河阳区", by=None) == ["district.code"]


def test_an_account_is_made_with_its_first_role_and_logged():
    world = make_world()

    account = create_account(
        "street",
        "望梁街道党群办",
        Role.SUBDISTRICT_OFFICE,
        world.subdistricts[0],
        by=world.accounts["office"],
    )

    assert not account.has_usable_password()
    assert list(account.grants.values_list("role", "organisation")) == [
        ("subdistrict_office", world.subdistricts[0].pk)
    ]
    entry = ActionLogEntry.objects.latest("sequence")
    assert (entry.verb, entry.by, entry.detail) == (
        "people.account.created",
        world.accounts["office"],
        {"role": "subdistrict_office", "organisation": "LZ01"},
    )


def test_every_reason_against_an_account_is_named():
    world = make_world()
    other = make_district("HY", "河阳区")
    person = world.enrolments[0].person

    assert codes(
        create_account,
        "王",
        "王芳",
        Role.SUBDISTRICT_OFFICE,
        other,
        by=world.accounts["office"],
        person=person,
        password="short",
    ) == ["account.username", "grant.kind", "grant.beyond", "account.password", "account.person_taken"]


def test_an_office_sees_and_changes_the_accounts_of_its_own_district_only():
    world, other = make_world(), make_world(code="HY")
    office = world.accounts["office"]
    wide = make_account("wide", (Role.OFFICE, world.district), (Role.OFFICE, other.district))
    operator = create_operator("operator", PASSWORD)
    operator.grants.create(role=Role.OFFICE, organisation=world.district)

    assert set(accounts_visible_to(office)) == {*world.accounts.values(), wide}
    assert accounts_visible_to(operator).count() == Account.objects.count()
    for action in (issue_activation, disable_account, enable_account):
        assert codes(action, wide, by=office) == ["account.beyond"]
        assert codes(action, operator, by=office) == ["account.beyond"]
        assert codes(action, other.accounts["office"], by=office) == ["account.beyond"]
    assert codes(add_grant, world.accounts["mentor"], Role.MENTOR, other.district, by=office) == [
        "grant.beyond"
    ]


def test_an_office_account_cannot_take_back_its_own_last_office_role_nor_disable_itself():
    world = make_world()
    office = world.accounts["office"]
    grant = office.grants.get()

    assert codes(remove_grant, grant, by=office) == ["grant.own_office", "grant.last"]
    assert codes(disable_account, office, by=office) == ["account.own"]

    add_grant(office, Role.MENTOR, world.district, by=office)
    assert codes(remove_grant, grant, by=office) == ["grant.own_office"]


def test_a_role_is_given_once_and_taken_back_unless_it_is_the_last():
    world = make_world()
    office, street = world.accounts["office"], world.accounts["subdistrict"]

    for _twice in range(2):
        add_grant(street, Role.SUBDISTRICT_OFFICE, world.subdistricts[1], by=office)
    first, second = street.grants.all()
    remove_grant(first, by=office)

    assert codes(remove_grant, second, by=office) == ["grant.last"]
    assert list(street.grants.all()) == [second]


def test_a_disabled_account_is_out_at_the_next_page(client):
    world = make_world()
    client.force_login(world.accounts["mentor"])

    disable_account(world.accounts["mentor"], by=world.accounts["office"])

    assert client.get(reverse("people:password")).status_code == 302


def test_a_password_is_set_by_the_rules_for_passwords():
    account = make_account("a", (Role.OFFICE, make_district()))

    assert codes(set_password, account, "1234567890", by=None) == ["account.password", "account.password"]
    assert set_password(account, "better horse 43", by=None).check_password("better horse 43")


def test_every_secretary_gets_an_account_once_and_a_new_link_until_it_is_used():
    world = make_world()
    office = world.accounts["office"]
    first = create_secretary_accounts(world.district, by=office)
    set_password(first[0].account, PASSWORD, by=first[0].account)
    first[0].account.activation.delete()

    second = create_secretary_accounts(world.district, by=office)

    # Two of the six had accounts before.
    assert [access.account.username for access in first] == ["lz0102", "lz0103", "lz0201", "lz0202"]
    assert [access.account for access in second] == [access.account for access in first[1:]]
    assert not {access.token for access in second} & {access.token for access in first}
    secretaries = Grant.objects.filter(role=Role.SECRETARY).order_by("organisation__code")
    assert list(secretaries.values_list("organisation", "account__person")) == list(
        Tenure.objects.order_by("post__organisation__code").values_list("post__organisation", "person")
    )


def test_user_names_that_are_taken_get_a_number():
    world = make_world()
    make_account("lz0102", (Role.OFFICE, world.district))

    names = [access.account.username for access in create_secretary_accounts(world.district, by=None)]

    assert names[0] == "lz0102-2"


def test_people_of_a_district_are_those_who_serve_there_or_nowhere():
    world, other = make_world(), make_world(code="HY")

    assert set(people_of(world.district)) == {
        *(entry.person for entry in world.enrolments),
        *(mentor.person for mentor in (*world.mentors, *other.mentors)),
    }
    assert list(districts_run_by(world.accounts["office"])) == [world.district]


# Pages


@pytest.fixture
def world():
    with override("en"):
        yield make_world()


@pytest.fixture
def office(client, world):
    client.force_login(world.accounts["office"])
    client.cookies["django_language"] = "en"
    return client


@pytest.mark.parametrize("role", ["subdistrict", "department", "mentor", "secretary"])
def test_only_the_office_manages_accounts(client, world, role: str):
    client.force_login(world.accounts[role])
    pk = world.accounts["office"].pk

    assert {
        client.get(reverse("people:accounts")).status_code,
        client.get(reverse("people:new_account")).status_code,
        client.get(reverse("people:account", args=[pk])).status_code,
        client.post(reverse("people:new_link", args=[pk])).status_code,
        client.post(reverse("people:disable", args=[pk])).status_code,
    } == {403}


def test_an_account_of_another_district_is_not_found(office):
    other = make_world(code="HY").accounts["mentor"]

    assert {
        office.get(reverse("people:account", args=[other.pk])).status_code,
        office.post(reverse("people:new_link", args=[other.pk])).status_code,
        office.post(reverse("people:new_grant", args=[other.pk])).status_code,
        office.post(reverse("people:drop_grant", args=[other.pk, other.grants.get().pk])).status_code,
    } == {404}


def test_the_list_is_filtered_by_name_role_and_subdistrict(office, world):
    def names(**wanted) -> set[str]:
        page = office.get(reverse("people:accounts"), wanted).context["page"]
        return {account.username.rstrip("0123456789") for account in page}

    assert len(names()) == 8
    assert names(q="SECOND") == {"second-mentor"}
    assert names(role="secretary") == {"secretary", "other_secretary"}
    assert names(subdistrict=world.subdistricts[0].pk) == {"street", "secretary"}
    assert names(role="secretary", subdistrict=world.subdistricts[1].pk) == {"other_secretary"}
    assert names(q="nobody") == set()


def test_the_list_asks_as_many_queries_for_many_accounts_as_for_few(office, world):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            office.get(reverse("people:accounts"))
        return len(captured)

    few = count()
    create_secretary_accounts(world.district, by=None)

    assert count() == few


def test_a_new_account_shows_its_link_once(office, world):
    wanted = {
        "username": "Street-2",
        "display_name": "石桥镇党群办",
        "role": "subdistrict_office",
        "organisation": world.subdistricts[1].pk,
    }

    response = office.post(reverse("people:new_account"), wanted)

    account = Account.objects.get(username="street-2")
    assert response.status_code == 200
    assert reverse("people:activate", args=["x"])[:-2] in response.content.decode()
    assert response["Cache-Control"].count("no-store") == 1
    assert account.activation


def test_a_person_is_named_by_mobile_or_name_that_tells_one(office, world):
    wanted = {
        "username": "w",
        "display_name": "w",
        "role": "mentor",
        "organisation": world.district.pk,
        "person": "没有的人",
    }

    response = office.post(reverse("people:new_account"), wanted)

    assert response.context["form"].errors == {
        "person": [
            "0 people in the roster have the mobile or name “没有的人”. Give a mobile that the roster has."
        ]
    }
    assert not Account.objects.filter(username="w").exists()


def test_a_place_in_another_district_is_no_choice(office):
    other = make_district("HY", "河阳区")
    wanted = {"username": "ww", "display_name": "w", "role": "office", "organisation": other.pk}

    response = office.post(reverse("people:new_account"), wanted)

    assert list(response.context["form"].errors) == ["organisation"]


def test_roles_and_states_are_changed_from_the_accounts_page(office, world):
    mentor = world.accounts["mentor"]
    page = reverse("people:account", args=[mentor.pk])
    role = {"role": "mentor", "organisation": world.subdistricts[0].pk}

    office.post(reverse("people:new_grant", args=[mentor.pk]), role)
    assert mentor.grants.count() == 2
    office.post(reverse("people:drop_grant", args=[mentor.pk, mentor.grants.first().pk]))
    assert mentor.grants.count() == 1
    assert office.post(reverse("people:disable", args=[mentor.pk])).url == page
    assert not Account.objects.get(pk=mentor.pk).is_active
    office.post(reverse("people:enable", args=[mentor.pk]))
    assert Account.objects.get(pk=mentor.pk).is_active
    assert office.get(page).status_code == 200


def test_an_action_that_is_refused_says_why_on_the_page(office, world):
    own = world.accounts["office"]

    response = office.post(reverse("people:disable", args=[own.pk]), follow=True)

    assert [str(message) for message in response.context["messages"]] == [
        "You cannot disable your own account. Ask a colleague of your office to do it."
    ]
