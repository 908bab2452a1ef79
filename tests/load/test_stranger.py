"""A stranger at the running server: requests that no browser sends, guesses, spoofed addresses."""

import re
from collections import Counter

import pytest

from dongliang.ballots import codes
from tests.load.residents import INDICATORS

# A missed answer fails no test: what is asserted is what must not be answered.
SECONDS_FOR_AN_ANSWER, SECONDS_FOR_THE_REST = 2, 0.2
HOST = b"Host: localhost\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
BALLOT = b"&".join(name.encode() + b"=4" for name in INDICATORS)


@pytest.fixture(scope="module")
def served(tmp_path_factory, sqlite_season):
    from tests.load.conftest import new_site

    for site in new_site(tmp_path_factory.mktemp("stranger"), sqlite_season, None):
        site.start()
        yield site


def statuses(site, request):
    """The statuses of all answers to raw bytes; none where the server waits for the rest, or hangs up."""
    said = b""
    with site.line() as line:
        line.settimeout(SECONDS_FOR_AN_ANSWER)
        try:
            line.sendall(request)
            while part := line.recv(65536):
                said += part
                line.settimeout(SECONDS_FOR_THE_REST)
        except (TimeoutError, ConnectionError):
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", said)]


def post(code, headers=b"", body=BALLOT, length=True):
    told = b"Content-Length: %d\r\n" % len(body) if length else b""
    return b"POST /v/%b/ HTTP/1.1\r\n%b%b%b%b\r\n%b" % (code.encode(), HOST, FORM, told, headers, body)


def get(path, headers=b"", method=b"GET"):
    return b"%b %b HTTP/1.1\r\n%b%b\r\n" % (method, path, HOST, headers)


def malformed(code):
    c = code.encode()
    chunked = b"Transfer-Encoding: chunked\r\n"
    return {
        "nothing": b"\r\n\r\n",
        "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 300,
        "bad chunk size": post(code, chunked, b"zz\r\nparty\r\n0\r\n\r\n", length=False),
        "negative chunk": post(code, chunked, b"-5\r\nparty\r\n0\r\n\r\n", length=False),
        "huge chunk size": post(code, chunked, b"ffffffffffffffff\r\nx", length=False),
        "chunk cut off": post(code, chunked, b"40\r\nparty_members=4", length=False),
        "chunked and length": post(code, chunked + b"Content-Length: 5\r\n", b"0\r\n\r\n", length=False),
        "two lengths": post(code, b"Content-Length: 3\r\n"),
        "negative length": post(code, b"Content-Length: -1\r\n", length=False),
        "length of words": post(code, b"Content-Length: many\r\n", length=False),
        "length beyond all": post(code, b"Content-Length: 99999999999999999999999\r\n", length=False),
        "length with plus": post(code, b"Content-Length: +5\r\n", length=False),
        "huge header": get(b"/v/", b"X: " + b"a" * 200_000 + b"\r\n"),
        "many headers": get(b"/v/", b"".join(b"X-%d: 1\r\n" % n for n in range(2000))),
        "long path": get(b"/v/" + b"a" * 70_000 + b"/"),
        "NUL in path": get(b"/v/\x00/"),
        "NUL spelt": get(b"/v/%00/"),
        "no UTF-8": get(b"/v/%ff%fe/"),
        "surrogates": get(b"/v/%ed%a0%80/"),
        "half a percent": get(b"/v/%/"),
        "twice spelt": get(b"/v/%252e%252e/"),
        "raw bytes in path": get(b"/v/\xe4\xb8\xad/"),
        "line break spelt": get(b"/v/%0d%0aSet-Cookie:%20a=b/"),
        "line break in query": get(b"/v/?language=en%0d%0aSet-Cookie:%20a=b"),
        "raw bytes in query": get(b"/v/receipt/?receipt=\xff\xfe"),
        "no host": b"GET /v/ HTTP/1.1\r\n\r\n",
        "two hosts": get(b"/v/", b"Host: evil.example\r\n"),
        "host of bytes": b"GET /v/ HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
        "old http": b"GET /v/ HTTP/1.0\r\n\r\n",
        "http 9": b"GET /v/ HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "absolute address": b"GET http://localhost/v/ HTTP/1.1\r\n" + HOST + b"\r\n",
        "absolute address elsewhere": b"GET http://evil.example/v/ HTTP/1.1\r\n" + HOST + b"\r\n",
        "connect": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
        "star": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
        "upgrade": get(
            b"/v/", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        ),
        "websocket": get(
            b"/v/",
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
        ),
        "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        "folded header": get(b"/v/", b"X: a\r\n b\r\n"),
        "space before colon": get(b"/v/", b"Content-Length : 5\r\n"),
        "cookie of bytes": get(b"/v/", b"Cookie: \xff=\xfe; type_size=\x01\r\n"),
        "languages without end": get(b"/v/", b"Accept-Language: " + b",".join([b"zz"] * 5000) + b"\r\n"),
        "language of bytes": get(b"/v/", b"Accept-Language: \xff\r\n"),
        "body as json": post(code, b"", b'{"a": 1}').replace(b"x-www-form-urlencoded", b"json"),
        "body of bytes": post(code, b"", b"\xff\xfe\x00"),
        "body with a charset": post(code).replace(b"urlencoded", b"urlencoded; charset=utf-7"),
        "type of bytes": post(code).replace(b"urlencoded", b"\xff"),
        "wide digits": post(code, b"", BALLOT.replace(b"4", b"%EF%BC%94")),
        "arabic digits": post(code, b"", BALLOT.replace(b"4", b"%D9%A4")),
        "nonce twice": post(code, b"", BALLOT + b"&nonce=" + b"0" * 16 + b"&nonce=" + b"1" * 16),
        "answer twice": post(code, b"", BALLOT + b"&method=5"),
        "field more": post(code, b"", BALLOT + b"&status=counted"),
        "many fields": post(code, b"", b"&".join([b"a=1"] * 3000)),
        "picks not to be": post(f"{code}/projects", b"", b"picks=0&picks=-1&picks=99999999999999999999"),
        "picks of digits elsewhere": post(f"{code}/projects", b"", b"picks=%D9%A1"),
        "post to thanks": post("thanks/AAAAA-AAAAA"),
        "post to receipt": post("receipt"),
        "semicolon": get(b"/v/..;/"),
        "two slashes": get(b"//v//"),
        "two slashes within": get(b"/v//" + c + b"/"),
        "two slashes before a host": get(b"//evil.example/v"),
        "dots": get(b"/v/../v/"),
        "dots spelt": get(b"/v/%2e%2e/sign-in/"),
        "dot": get(b"/v/%2e/"),
        "slash spelt": get(b"/v%2freceipt/"),
        "slash within a code": get(b"/v/" + c + b"%2fprojects/"),
        "backslash": get(b"/v/..%5c..%5c/"),
        "no slash": get(b"/v/" + c),
        "no slash, to elsewhere": get(b"/v/%2f%2fevil.example"),
        "static files from above": get(b"/static/..%2f..%2fsettings.py"),
        "question in path": get(b"/v/%3Fa/"),
        "hash in path": get(b"/v/%23/"),
        "spaces": get(b"/v/" + b"%20" * 90 + b"/"),
        "trace": get(b"/v/", method=b"TRACE"),
        "options": get(b"/v/" + c + b"/", method=b"OPTIONS"),
        "head": get(b"/v/" + c + b"/", method=b"HEAD"),
        "put": get(b"/v/" + c + b"/", method=b"PUT"),
        "delete": get(b"/v/" + c + b"/", method=b"DELETE"),
        "word of our own": get(b"/v/", method=b"VOTE"),
        "small letters": get(b"/v/", method=b"post"),
        "expect": post(code, b"Expect: 100-continue\r\n").replace(b"=4", b"=9"),
        "expect the impossible": post(code, b"Expect: 999\r\n").replace(b"=4", b"=9"),
        "range": get(b"/v/", b"Range: bytes=0-0\r\n"),
        "forwarded nonsense": get(
            b"/v/", b"X-Forwarded-For: , , \xff, 999.1.1.1\r\nX-Forwarded-Proto: gopher\r\n"
        ),
    }


NAMES = list(malformed("AAAA-AAAA-AAAA"))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_malformed_meets_a_fault(served, name):
    before = served.rows("SELECT count(*) FROM ballots_ballot")

    answered = statuses(served, malformed(served.codes[0])[name])

    print(name, answered)
    assert [status for status in answered if status >= 500] == []
    assert served.rows("SELECT count(*) FROM ballots_ballot") == before
    assert served.ask("GET", "/v/").status == 200
    assert "Traceback" not in served.log()


def test_a_right_code_with_odd_extras_is_one_ballot_and_no_more(served):
    """An odd number of the page is as good as none; a project ticked twice is ticked once."""
    for body in (b"nonce=", b"nonce=%EF%BC%91" + b"0" * 15):
        assert statuses(served, post(served.codes[1], b"", BALLOT + b"&" + body)) == [303]
    assert statuses(served, post(f"{served.codes[1]}/projects", b"", b"picks=1&picks=1")) == [303]

    rows = served.rows(
        "SELECT marks, status FROM ballots_ballot WHERE credential IN (%s, %s)", *credentials(served)
    )
    assert sorted(rows) == [("1", "counted"), ("4444", "counted"), ("4444", "superseded")]


def credentials(site):
    """What is stored of the second household's code in either round."""
    return [codes.credential_digest(site.key, kind, site.codes[1]) for kind in ("secretaries", "projects")]


def test_requests_sent_in_one_go_are_answered_in_turn(served):
    request = get(b"/v/") + post(served.codes[2]) + get(b"/v/nothing/") + get(b"/sign-in/")

    assert statuses(served, request) == [200, 303, 404, 200]


def test_a_ballot_played_again_counts_once(served):
    request = post(served.codes[3], b"", BALLOT + b"&nonce=" + b"7" * 16)

    assert [statuses(served, request) for _ in range(5)] == [[303]] * 5

    credential = codes.credential_digest(served.key, "secretaries", served.codes[3])
    assert served.rows("SELECT count(*) FROM ballots_ballot WHERE credential = %s", credential) == [(1,)]


def test_a_card_sent_without_end_stores_a_handful_and_its_household_s_last_word_counts(served):
    code, answered = served.codes[5], Counter()
    for place in range(200):
        fields = dict.fromkeys(INDICATORS, str(1 + place % 5)) | {"nonce": f"{place:016x}"}
        answered[served.ask("POST", f"/v/{code}/", fields).status] += 1
    elsewhere = served.ask("POST", f"/v/{served.codes[6]}/", dict.fromkeys(INDICATORS, "5"))

    credential = codes.credential_digest(served.key, "secretaries", code)
    rows = served.rows("SELECT status FROM ballots_ballot WHERE credential = %s", credential)
    assert set(answered) == {303, 429}
    assert len(rows) == answered[303] < 50
    assert rows.count(("counted",)) == 1
    assert elsewhere.status == 303


def test_guessing_is_slowed_down_whatever_address_is_claimed(served):
    """Nobody's own X-Forwarded-For makes them somebody else; a right code goes through all the while."""
    answered = []
    for guess in range(70):
        claimed = f"10.{guess}.0.1"
        headers = {"X-Forwarded-For": claimed, "X-Real-IP": claimed, "Forwarded": f"for={claimed}"}
        answered.append(served.ask("GET", f"/v/7K3F-9M2Q-{guess:04d}/", **headers).status)

    assert set(answered) == {404, 429}
    # The allowance fills up again meanwhile: one in a few is told the truth.
    assert 429 in answered[-3:]
    assert served.ask("GET", f"/v/{served.codes[0]}/").status == 200


def test_a_guessed_receipt_tells_nothing(served):
    guesses = {served.ask("GET", f"/v/receipt/?receipt=AAAAA-{guess:05d}").status for guess in range(30)}
    other = served.ask("GET", "/v/thanks/AAAAA-AAAAA/", Cookie=f"voted_with={served.codes[4]}")

    assert (guesses, other.status) == ({200}, 404)
