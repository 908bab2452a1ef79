import pytest

from dongliang.ballots.intake.messages import (
    Look,
    Unreadable,
    Visit,
    client_address,
    look_of,
    network_of,
    parted,
)


@pytest.mark.parametrize(
    ("query", "cookie", "accepted", "look"),
    [
        ("", "", "", ("zh-hans", "normal", "")),
        ("", "", "en-GB,en;q=0.8", ("en", "normal", "")),
        ("", "", "zh-TW", ("zh-hant", "normal", "")),
        ("", "", "zh-CN,zh;q=0.9,en;q=0.8", ("zh-hans", "normal", "")),
        ("", "", "fr, *;q=0.1", ("zh-hans", "normal", "")),
        ("", "django_language=en; type_size=large", "zh-CN", ("en", "large", "")),
        ("", "django_language=xx; type_size=huge", "zh-CN", ("zh-hans", "normal", "")),
        ("size=large", "", "", ("zh-hans", "large", "?size=large")),
        ("size=normal", "type_size=large", "", ("zh-hans", "normal", "?size=normal")),
        ("from=chat&language=en&size=large", "", "", ("en", "large", "?language=en&size=large")),
        ("language=xx&size=", "", "", ("zh-hans", "normal", "")),
        ("size=%ff&&=&;", "a=\x00; =;;", "\xff;q=x", ("zh-hans", "normal", "")),
    ],
)
def test_a_page_looks_as_its_address_says_else_the_cookie_else_the_browser(query, cookie, accepted, look):
    found = look_of(query, cookie, accepted)

    assert (found.language, found.size, found.carried) == look


def test_what_the_address_asks_for_is_kept_in_cookies():
    look = Look("en", "large", (("language", "en"), ("size", "large")))

    assert look.cookies == {"django_language": "en", "type_size": "large"}
    assert Look("en", "large").cookies == {}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("", ""),
        ("unknown", ""),
        ("192.0.2.7, 1.2.3.4", ""),
    ],
)
def test_one_subscriber_is_one_network(address, network):
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("203.0.113.9", 0, "192.0.2.7"),
        ("203.0.113.9", 1, "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", 1, "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", 2, "198.51.100.1"),
        ("203.0.113.9", 2, "192.0.2.7"),
        ("", 1, "192.0.2.7"),
        ("nonsense", 1, ""),
    ],
)
def test_only_what_our_own_proxies_wrote_down_is_believed(forwarded, proxies, address):
    assert client_address("192.0.2.7", forwarded, proxies) == address


def form(body, content_type="application/x-www-form-urlencoded"):
    return Visit("POST", "/v/", content_type=content_type, body=body)


def test_a_form_is_read_in_its_order():
    assert form(b"a=1&b=%E7%A5%A8+x&a=&c=%26%3D").form == {"a": ["1", ""], "b": ["票 x"], "c": ["&="]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"a", "no_text"),
        (b"a=1&", "no_text"),
        (b"a=1=2", "no_text"),
        (b"a=%", "no_text"),
        (b"a=%e7%a5", "no_text"),
        (b"a=%00", "no_text"),
        (b"a=\0", "no_text"),
        ("a=票".encode(), "no_text"),
        (b"&".join([b"a=1"] * 61), "too_many_fields"),
        (b"a=1&a=2", "field_twice"),
        (b"b=1", "unknown_field"),
    ],
)
def test_a_form_that_no_page_sends_is_refused(body, reason):
    with pytest.raises(Unreadable, match=reason):
        form(body).fields(["a"])


@pytest.mark.parametrize(
    ("header", "voted_with", "rest"),
    [
        ("", "", ""),
        ("type_size=large", "", "type_size=large"),
        ("voted_with=7K3F-9M2Q-XR4T", "7K3F-9M2Q-XR4T", ""),
        ("voted_with=p.aB_-9; type_size=large", "p.aB_-9", "type_size=large"),
        ("type_size=large;voted_with=p.aB; language=en", "p.aB", "type_size=large; language=en"),
        ("not_voted_with=7K3F", "", "not_voted_with=7K3F"),
        ("voted_with=", "", "voted_with="),
    ],
)
def test_what_was_voted_with_is_taken_out_of_the_other_cookies(header, voted_with, rest):
    assert parted(header) == (voted_with, rest)
