"""What leaves the process, against a server on this machine."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from dongliang.ballots import gateways


@pytest.fixture
def server():
    """Answers as told, and keeps what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            self.server.asked.append((self.path, dict(self.headers), self.rfile.read(length)))
            status, headers, body = self.server.told
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, *args):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.told = [], (200, {}, b"{}")
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def wechat(server, settings):
    settings.WECHAT_TOKEN = f"{server.url}/sns/oauth2/access_token"
    settings.WECHAT_APP_ID, settings.WECHAT_SECRET = "wx01", "s3cret"
    return server


def test_a_message_is_posted_with_the_operator_s_body_and_credentials(server, settings):
    settings.SMS_URL = f"{server.url}/send"
    settings.SMS_BODY = '{"to": "+86$number", "text": "验证码 $code"}'
    settings.SMS_AUTHORIZATION = "Bearer abc"

    gateways.HttpGateway().send("13912345678", "012345")

    [(path, headers, body)] = server.asked
    assert (path, headers["Authorization"], headers["Content-Type"]) == (
        "/send",
        "Bearer abc",
        "application/json",
    )
    assert json.loads(body) == {"to": "+8613912345678", "text": "验证码 012345"}


def test_a_body_that_is_no_json_is_sent_as_a_form(server, settings):
    settings.SMS_URL, settings.SMS_BODY = server.url, "mobile=$number&code=$code"

    gateways.HttpGateway().send("13912345678", "012345")

    [(_path, headers, body)] = server.asked
    assert (headers["Content-Type"], body) == (
        "application/x-www-form-urlencoded",
        b"mobile=13912345678&code=012345",
    )
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    "told",
    [
        (500, {}, b""),
        (403, {}, b""),
        (302, {"Location": "http://127.0.0.1:1/"}, b""),
        (200, {}, b'{"code": 7}'),
    ],
)
def test_a_message_that_was_not_taken_is_told(server, settings, told):
    settings.SMS_URL, settings.SMS_ACCEPTED = server.url, '"code": 0'
    server.told = told

    with pytest.raises(gateways.Unreachable):
        gateways.HttpGateway().send("13912345678", "012345")


def test_a_server_that_is_not_there_is_told_without_number_or_address(settings):
    settings.SMS_URL = "http://127.0.0.1:1/?token=s3cret"

    with pytest.raises(gateways.Unreachable) as unreachable:
        gateways.HttpGateway().send("13912345678", "012345")

    assert not any(secret in str(unreachable.value) for secret in ("s3cret", "13912345678", "012345"))


@pytest.mark.parametrize("address", ["", "not an address", "http://127.0.0.1:99999/"])
def test_an_address_that_is_none_is_a_fault_that_is_told(settings, address):
    settings.SMS_URL = address

    with pytest.raises(gateways.Unreachable):
        gateways.HttpGateway().send("13912345678", "012345")


def test_the_console_prints_the_message(capsys, settings):
    settings.SMS_GATEWAY = "dongliang.ballots.gateways.ConsoleGateway"

    gateways.sms_gateway().send("13912345678", "012345")

    assert capsys.readouterr().out == "SMS 13912345678: 012345\n"


def test_the_browser_is_sent_to_wechat_with_what_wechat_asks_for(settings):
    settings.WECHAT_APP_ID = "wx01"

    address = gateways.wechat_address(back_to="https://vote.example.cn/v/wechat/", state="abc123")

    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == (
        "https",
        "open.weixin.qq.com",
        "/connect/oauth2/authorize",
        "wechat_redirect",
    )
    # WeChat asks for this order.
    assert parts.query == (
        "appid=wx01&redirect_uri=https%3A%2F%2Fvote.example.cn%2Fv%2Fwechat%2F&response_type=code"
        "&scope=snsapi_base&state=abc123"
    )


def test_wechat_says_who_came_back(wechat):
    wechat.told = (200, {}, json.dumps({"openid": "oABC", "access_token": "x"}).encode())

    assert gateways.wechat_openid("c0de") == "oABC"
    assert parse_qs(urlsplit(wechat.asked[0][0]).query) == {
        "appid": ["wx01"],
        "secret": ["s3cret"],
        "code": ["c0de"],
        "grant_type": ["authorization_code"],
    }


@pytest.mark.parametrize("fault", [40029, 40163])
def test_a_code_that_wechat_does_not_know_or_has_seen_is_nobody(wechat, fault):
    wechat.told = (200, {}, json.dumps({"errcode": fault, "errmsg": "x"}).encode())

    assert gateways.wechat_openid("c0de") is None


@pytest.mark.parametrize(
    "told",
    [
        (500, {}, b""),
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b"{}"),
        (200, {}, b'{"openid": ""}'),
        (200, {}, b'{"openid": 7}'),
        (200, {}, b'{"errcode": 40125, "errmsg": "invalid appsecret"}'),
        (302, {"Location": "http://127.0.0.1:1/"}, b""),
    ],
)
def test_anything_else_of_wechat_is_a_fault(wechat, told):
    wechat.told = told

    with pytest.raises(gateways.Unreachable):
        gateways.wechat_openid("c0de")


def test_an_answer_that_trickles_in_is_not_waited_for(server, settings, monkeypatch):
    settings.SMS_URL = server.url
    monkeypatch.setattr(gateways, "PATIENCE", 0.2)
    monkeypatch.setattr(gateways, "PIECE", 1)
    reads = gateways.http.client.HTTPResponse.read1

    def slowly(response, size):
        time.sleep(0.01)
        return reads(response, size)

    monkeypatch.setattr(gateways.http.client.HTTPResponse, "read1", slowly)
    server.told = (200, {}, b"a" * 1000)

    with pytest.raises(gateways.Unreachable, match="TimeoutError"):
        gateways.HttpGateway().send("13912345678", "012345")
