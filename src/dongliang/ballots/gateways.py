"""What leaves the process: text messages, and the question to WeChat who somebody is. Knows no row."""

import http.client
import json
import logging
import string
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlencode

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from dongliang.common.refusals import Blocker, Refused

logger = logging.getLogger(__name__)

PATIENCE = 5  # seconds a thread waits for another server
LARGEST_ANSWER = 64 * 1024
PIECE = 4 * 1024
# So many calls of a process at a time: a slow gateway must leave threads to the pages that need none.
MOST_CALLS = 2
calls = threading.BoundedSemaphore(MOST_CALLS)
TOO_MANY_CALLS = "ways.too_many_calls"


@contextmanager
def place_for_a_call() -> Iterator[None]:
    """One of the few calls under way, taken before anything is stored for it. Raises Refused."""
    if not calls.acquire(blocking=False):
        raise Refused(
            Blocker(
                TOO_MANY_CALLS,
                _("Very many are voting in this way in this moment."),
                _("Please wait ten seconds, then try again, or use your household card."),
            )
        )
    try:
        yield
    finally:
        calls.release()


class Unreachable(Exception):
    """The other side did not answer, or answered that it will not. For the log: never holds a number or a secret."""


class Gateway(Protocol):
    """Sends text messages. ``DONGLIANG_SMS_GATEWAY`` names a class of this kind."""

    def send(self, number: str, code: str) -> None:
        """Send the six digits of ``code`` to the mobile ``number``. Raises Unreachable."""


class ConsoleGateway:
    """Prints the message where the server runs: for trying things out."""

    def send(self, number: str, code: str) -> None:
        print(f"SMS {number}: {code}", flush=True)


class HttpGateway:
    """Posts each message to one address, with a body of the operator's own wording.

    For providers that ask for signed requests, a class of the operator's own takes this one's place.
    """

    def send(self, number: str, code: str) -> None:
        body = string.Template(settings.SMS_BODY).safe_substitute(number=number, code=code).encode()
        is_json = body.lstrip().startswith(b"{")
        headers = {
            "Content-Type": "application/json" if is_json else "application/x-www-form-urlencoded",
            **({"Authorization": settings.SMS_AUTHORIZATION} if settings.SMS_AUTHORIZATION else {}),
        }
        answer = fetched(settings.SMS_URL, body, headers)
        if settings.SMS_ACCEPTED and settings.SMS_ACCEPTED.encode() not in answer:
            raise Unreachable("the SMS gateway answered without the text that marks a message taken")


def sms_gateway() -> Gateway:
    """The gateway of this installation. Whether there is one: ``queries.verification.is_ready``."""
    return import_string(settings.SMS_GATEWAY)()


def wechat_address(*, back_to: str, state: str) -> str:
    """Where WeChat's browser is sent to say who it is. ``snsapi_base`` asks the resident nothing."""
    query = urlencode(
        {
            "appid": settings.WECHAT_APP_ID,
            "redirect_uri": back_to,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": state,
        }
    )
    return f"{settings.WECHAT_AUTHORIZE}?{query}#wechat_redirect"


def wechat_openid(code: str) -> str | None:
    """Who came back from WeChat with ``code``; None if WeChat does not know it or has answered it before.

    Raises Unreachable.
    """
    query = urlencode(
        {
            "appid": settings.WECHAT_APP_ID,
            "secret": settings.WECHAT_SECRET,
            "code": code,
            "grant_type": "authorization_code",
        }
    )
    answer = fetched(f"{settings.WECHAT_TOKEN}?{query}")
    try:
        found: Any = json.loads(answer)
    except ValueError as error:
        raise Unreachable("WeChat answered something that is not JSON") from error
    if not isinstance(found, dict):
        raise Unreachable("WeChat answered something that is not a JSON object")
    openid = found.get("openid")
    if isinstance(openid, str) and 0 < len(openid) <= 128:
        return openid
    fault = found.get("errcode")
    # 40029: no such code; 40163: a code used before. Everything else is between the operator and WeChat.
    if fault in (40029, 40163):
        return None
    raise Unreachable(f"WeChat refused with errcode {fault!r}")


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """What is sent out holds numbers and secrets: they go to the address that was set, and nowhere else."""
        return


def fetched(address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    """What a GET, or a POST of ``body``, is answered with. Raises Unreachable."""
    opener = urllib.request.build_opener(NoRedirects)
    try:
        request = urllib.request.Request(address, body, dict(headers or {}))
        ends = time.monotonic() + PATIENCE
        with opener.open(request, timeout=PATIENCE) as response:
            return read_until(response, ends)
    except urllib.error.HTTPError as error:
        error.close()
        raise Unreachable(f"answered {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        # Not the error itself: it may quote the address, in which a secret stands.
        raise Unreachable(type(error).__name__) from None


def read_until(response: http.client.HTTPResponse, ends: float) -> bytes:
    """The answer, however it trickles in. Raises TimeoutError when it does so for too long."""
    answer = b""
    while len(answer) < LARGEST_ANSWER and (piece := response.read1(PIECE)):
        answer += piece
        if time.monotonic() > ends:
            raise TimeoutError
    return answer
