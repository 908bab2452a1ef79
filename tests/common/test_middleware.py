"""What no page of the site reads is refused before a page sees it."""

import pytest
from django.urls import reverse

from dongliang.common.middleware import LARGEST_BODY

pytestmark = pytest.mark.django_db

ADDRESSES = ("people:sign_in", "ballots:enter", "ballots:receipt")


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("encoding", ["utf-7", "idna", "unicode_escape", "gbk"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_text_in_another_encoding_is_refused(client, name: str, encoding: str, method: str):
    response = client.generic(
        method,
        f"{reverse(name)}?receipt=abc",
        b'--X\r\nContent-Disposition: form-data; name="code"\r\n\r\n\\ud800+2AA-\r\n--X--\r\n',
        content_type=f"multipart/form-data; boundary=X; charset={encoding}",
    )

    assert response.status_code == 400


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_body_larger_than_any_file_is_refused_before_it_is_read(client, name: str):
    response = client.post(reverse(name), CONTENT_LENGTH=LARGEST_BODY + 1)

    assert response.status_code == 400


def test_a_cookie_with_nul_is_refused(client):
    client.cookies.load('sessionid="\\000\\000\\000\\000\\000\\000\\000\\000"')

    assert client.get(reverse("portal:rules")).status_code == 400


def test_utf_8_is_read_under_any_of_its_names(client):
    response = client.get(reverse("ballots:enter"), content_type="text/plain; charset=UTF8")

    assert response.status_code == 200
