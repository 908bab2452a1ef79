"""Residents' pages for whoever comes by way of Django: its development server, its test client.

``dongliang serve`` answers residents without Django's request handling (``intake.application``). The pages are the same.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from dongliang.ballots.intake import pages
from dongliang.ballots.intake.messages import (
    A_YEAR,
    LARGEST_BODY,
    VOTED_WITH,
    VOTED_WITH_LASTS,
    VOTED_WITH_PATH,
    Answer,
    Unreadable,
    Visit,
    client_address,
    look_of,
    parted,
)
from dongliang.ballots.intake.skeletons import policy
from dongliang.ballots.intake.snapshot import read_snapshot
from dongliang.ballots.intake.wishes import Store, grant_lookups, grant_stores


@login_not_required
@csrf_exempt
def page(request: HttpRequest, **_parts: Any) -> HttpResponse:
    """Any of the residents' pages: which one, the address says."""
    visit = visit_of(request)
    try:
        if visit.is_post:
            visit.body = body_of(request)
        answer = answered(visit)
    except Unreadable as unreadable:
        answer = pages.not_understood(visit, unreadable)
    return response_of(visit, answer, request.headers.get("accept-encoding", ""))


def answered(visit: Visit) -> Answer:
    page = pages.answer(visit, read_snapshot())
    if page is None:
        raise ValueError(f"The routes and intake.pages.answer differ about {visit.path.count('/')} parts.")
    try:
        wish = next(page)
        while True:
            [outcome] = (grant_stores if isinstance(wish, Store) else grant_lookups)([wish])
            wish = page.throw(outcome) if isinstance(outcome, Exception) else page.send(outcome)
    except StopIteration as done:
        return done.value


def visit_of(request: HttpRequest) -> Visit:
    query = request.META.get("QUERY_STRING", "")
    voted_with, cookie = parted(request.META.get("HTTP_COOKIE", ""))
    return Visit(
        method=request.method or "",
        path=request.path_info,
        query=query,
        look=look_of(query, cookie, request.headers.get("accept-language", "")),
        address=client_address(
            request.META.get("REMOTE_ADDR", ""),
            request.headers.get("x-forwarded-for", ""),
            settings.TRUSTED_PROXIES,
        ),
        site=f"{request.scheme}://{request.get_host()}",
        voted_with=voted_with,
        content_type=request.META.get("CONTENT_TYPE", ""),
    )


def body_of(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig:
        raise Unreadable(413, "too_large") from None
    if len(body) > LARGEST_BODY:
        raise Unreadable(413, "too_large")
    return body


def response_of(visit: Visit, answer: Answer, accepted: str) -> HttpResponse:
    packs = bool(answer.packed) and "gzip" in accepted
    response = HttpResponse(answer.packed if packs else answer.body, status=answer.status)
    if packs:
        response["Content-Encoding"] = "gzip"
    response["Content-Security-Policy"] = policy()
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["Content-Language"] = visit.look.language
    for name, value in answer.headers:
        response[name] = value
    for name, value in visit.look.cookies.items():
        response.set_cookie(name, value, max_age=A_YEAR, samesite="Lax", secure=visit.is_secure)
    if answer.voted_with:
        response.set_cookie(
            VOTED_WITH,
            answer.voted_with,
            max_age=VOTED_WITH_LASTS,
            path=VOTED_WITH_PATH,
            secure=visit.is_secure,
            httponly=True,
            samesite="Lax",
        )
    # Django logs the address of every page answered with 4xx, unless it takes it for logged.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
