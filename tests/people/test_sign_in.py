import datetime
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.urls import reverse
from django.utils.translation import override

from dongliang.people.actions import create_account, disable_account, issue_activation, set_up_district
from dongliang.people.models import Account, Role
from dongliang.people.sign_in import PAUSE, WRONG_PASSWORDS_ALLOWED

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse 42"
NOON = datetime.datetime(2021, 6, 1, 12, tzinfo=datetime.UTC)


@pytest.fixture
def account() -> Account:
    district = set_up_district("LZ", "梁州区", by=None)
    return create_account("wangfang", "王芳", Role.OFFICE, district, by=None, password=PASSWORD)


def sign_in(client, username: str = "wangfang", password: str = PASSWORD, **more: str):
    return client.post(reverse("people:sign_in"), {"username": username, "password": password, **more})


def test_the_right_password_opens_whatever_the_case_of_the_user_name(client, account):
    response = sign_in(client, " WangFang ")

    assert (response.status_code, response.url) == (302, reverse("portal:desk"))


@pytest.mark.parametrize(
    ("wanted", "given"),
    [("/accounts/", "/accounts/"), ("https://evil.example/", "/desk/"), ("//evil.example", "/desk/")],
)
def test_signing_in_leads_on_within_this_site_only(client, account, wanted: str, given: str):
    assert sign_in(client, next=wanted).url == given


def test_the_answer_is_the_same_whether_password_name_or_state_is_wrong(client, account):
    client.cookies["django_language"] = "en"
    with override("en"):
        wrong = sign_in(client, password="x").context["form"].non_field_errors()
        nobody = sign_in(client, "nobody").context["form"].non_field_errors()
        disable_account(account, by=None)
        disabled = sign_in(client).context["form"].non_field_errors()

    assert (
        wrong
        == nobody
        == disabled
        == [
            "User name or password is wrong. After 8 wrong passwords in a row an account rests for 10 minutes; "
            "not even the right password opens it then."
        ]
    )


def test_an_account_rests_ten_minutes_after_eight_wrong_passwords_in_a_row(client, account):
    with time_machine.travel(NOON, tick=False) as clock:
        for _attempt in range(WRONG_PASSWORDS_ALLOWED):
            sign_in(client, password="wrong")
        resting = sign_in(client).status_code
        clock.shift(PAUSE - timedelta(seconds=1))
        still_resting = sign_in(client).status_code
        clock.shift(timedelta(seconds=1))
        awake = sign_in(client).status_code

    assert (resting, still_resting, awake) == (200, 200, 302)
    account.refresh_from_db()
    assert (account.failed_sign_ins, account.locked_until) == (0, None)


def test_a_right_password_starts_the_count_again(account):
    for _round in range(2):
        for _attempt in range(WRONG_PASSWORDS_ALLOWED - 1):
            authenticate(username="wangfang", password="wrong")
        assert authenticate(username="wangfang", password=PASSWORD) == account


def test_nobody_waits_longer_than_the_pause_after_the_clock_was_set_back(account):
    with time_machine.travel(NOON, tick=False) as clock:
        for _attempt in range(WRONG_PASSWORDS_ALLOWED):
            authenticate(username="wangfang", password="wrong")
        clock.shift(-timedelta(days=365))

        assert authenticate(username="wangfang", password=PASSWORD) == account


def test_wrong_passwords_for_one_account_leave_the_others_alone(account):
    other = create_account(
        "lihua", "李华", Role.OFFICE, account.grants.get().organisation, by=None, password=PASSWORD
    )
    for _attempt in range(WRONG_PASSWORDS_ALLOWED):
        authenticate(username="wangfang", password="wrong")

    assert authenticate(username="lihua", password=PASSWORD) == other


def test_signing_out_is_a_post(client, account):
    client.force_login(account)

    assert client.get(reverse("people:sign_out")).status_code == 405
    assert client.post(reverse("people:sign_out")).url == reverse("portal:front")
    assert client.get(reverse("people:password")).url.startswith(reverse("people:sign_in"))


def test_changing_the_password_wants_the_old_one_and_keeps_one_signed_in(client, account):
    client.force_login(account)
    new = {"new_password1": "better horse 43", "new_password2": "better horse 43"}

    assert client.post(reverse("people:password"), {"old_password": "x", **new}).status_code == 200
    assert client.post(reverse("people:password"), {"old_password": PASSWORD, **new}).status_code == 302
    assert client.get(reverse("people:password")).status_code == 200
    assert authenticate(username="wangfang", password="better horse 43") == account


def test_a_link_lets_its_holder_choose_a_password_once(client, account):
    token = issue_activation(account, by=None)
    url = reverse("people:activate", args=[token])
    new = {"new_password1": "better horse 43", "new_password2": "better horse 43"}

    assert authenticate(username="wangfang", password=PASSWORD) is None
    assert client.get(url).status_code == 200
    assert client.get(url).status_code == 200
    assert client.post(url, {**new, "new_password2": "other"}).status_code == 200
    assert client.post(url, new).url == reverse("people:sign_in")
    assert client.post(url, new).status_code == 410
    assert authenticate(username="wangfang", password="better horse 43") == account


def test_a_link_ends_with_a_newer_one_with_its_time_and_with_the_account(client, account):
    def status(token: str) -> int:
        return client.get(reverse("people:activate", args=[token])).status_code

    with time_machine.travel(NOON, tick=False) as clock:
        first, second = issue_activation(account, by=None), issue_activation(account, by=None)
        replaced, valid = status(first), status(second)
        clock.shift(timedelta(days=14))
        expired = status(second)
        third = issue_activation(account, by=None)
        disable_account(account, by=None)

        assert (replaced, valid, expired, status(third), status("nonsense")) == (410, 200, 410, 410, 410)


def test_the_token_of_a_link_is_not_stored(account):
    token = issue_activation(account, by=None)

    assert token not in str(list(Account.objects.values())) + account.activation.token_sha256


def test_who_is_signed_in_is_not_led_round_in_circles(client, account):
    sign_in(client)

    response = client.get(reverse("people:sign_in"), {"next": reverse("people:sign_in")})

    assert (response.status_code, response.url) == (302, reverse("portal:desk"))
