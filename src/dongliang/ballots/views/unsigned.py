"""What residents' pages have in common that Django serves: no account, no cookie and no script needed.

They look as those of ``intake`` do, in the language and the type size that address or cookie asks for.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods

from dongliang.ballots.intake import pages
from dongliang.ballots.intake.messages import A_YEAR, Look, look_of
from dongliang.ballots.intake.skeletons import frame, policy
from dongliang.ballots.intake.wishes import TO_BE_TRIED_LATER
from dongliang.ballots.views.residents import response_of, visit_of
from dongliang.common.refusals import Refused

logger = logging.getLogger(__name__)


def look_at(request: HttpRequest) -> Look:
    cookie, accepted = request.META.get("HTTP_COOKIE", ""), request.headers.get("accept-language", "")
    return look_of(request.META.get("QUERY_STRING", ""), cookie, accepted)


def for_residents(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that needs no account, and whose address may hold a pass: kept nowhere, passed on nowhere, not logged."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        look = look_at(request)
        with translation.override(look.language):
            try:
                response = view(request, *args, **kwargs)
            except (BadRequest, MultiPartParserError, SuspiciousOperation):
                response = render(request, "400.html", status=400)
            except TO_BE_TRIED_LATER as error:
                logger.error("The database does not answer residents: %s", type(error).__name__)
                response = response_of(visit_of(request), pages.busy(visit_of(request)), "")
            except Refused as lost_key:
                logger.error("Residents cannot vote: %s", lost_key)
                response = page(request, "ballots/fault.html", status=503)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        response["Content-Security-Policy"] = policy()
        response["Content-Language"] = look.language
        for name, value in look.cookies.items():
            response.set_cookie(name, value, max_age=A_YEAR, samesite="Lax", secure=request.is_secure())
        # Django logs the address of every page answered with 4xx, unless it takes it for logged.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    # Bytes on a phone's data plan are dear, and markup packs ten to one.
    return login_not_required(csrf_exempt(gzip_page(require_http_methods(["GET", "HEAD", "POST"])(wrapped))))


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    return render(request, template, {**(context or {}), **frame(look_at(request))}, status=status)


def answered(
    request: HttpRequest, template: str, form: Form, context: dict[str, Any] | None = None, status: int = 422
) -> HttpResponse:
    """The page with its form; with a 4xx status when there is something wrong in it."""
    return page(request, template, {"form": form, **(context or {})}, status=status if form.errors else 200)


def see_other(name: str, **kwargs: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(name, kwargs=kwargs), status=303)
