import codecs
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

# Three times the largest roster, whose form says better what is too large about it.
LARGEST_BODY = 64 * 1024 * 1024

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Let pages load only what this server serves, and run no script or style written into HTML."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware


def refuse_unreadable(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse what no page of this site reads, before anything of it is kept or looked up.

    A body larger than any file would fill the disk of whoever serves; another encoding than UTF-8 can spell halves of
    characters, which no database stores, nor does every one store NUL.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
            raise BadRequest("The body is too large.")
        if request.encoding and codecs.lookup(request.encoding).name != "utf-8":
            raise BadRequest("The text is not UTF-8.")
        if "\0" in "".join(request.COOKIES.values()):
            raise BadRequest("A cookie holds NUL.")
        return get_response(request)

    return middleware
