"""What pages that work without a signal ask of the server; docs/offline.md tells how to make one.

The generic half of the script is in static/common: offline.js keeps, sends and wipes, offline-worker.js serves the page
without a signal, offline-guard.js wipes when somebody signs out or another person signs in.
"""

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.templatetags.static import static
from django.utils.timezone import now

from dongliang.common.refusals import Refused

# What every page of the frame loads, and the layer itself.
FRAME = (
    "common/tokens.css",
    "common/base.css",
    "common/layout.css",
    "common/components.css",
    "common/charts.css",
    "common/favicon.svg",
    "common/mark.svg",
    "common/frame.svg",
    "common/select.svg",
    "common/offline.js",
    "common/offline-bar.js",
    "common/offline-guard.js",
    "common/offline-photos.js",
    "common/offline.css",
)
WORKER = "common/offline-worker.js"


def greet(request: HttpRequest) -> JsonResponse:
    """Who is signed in, the token that changes need, and what time it is here: asked before anything is sent."""
    if not request.user.is_authenticated:
        return signed_out()
    return unstored(
        JsonResponse({"owner": request.user.pk, "token": get_token(request), "now": now().isoformat()})
    )


def signed_out() -> JsonResponse:
    """In place of a way to the sign-in page, which a script would take for an answer."""
    return unstored(JsonResponse({"state": "signed out"}, status=401))


def stored(**what: object) -> JsonResponse:
    return unstored(JsonResponse({"state": "stored", **what}))


def conflict(refused: Refused, **what: object) -> JsonResponse:
    """The server cannot take this as it is: a person is shown the reasons, and chooses."""
    reasons = [str(blocker) for blocker in refused.blockers]
    codes = [blocker.code for blocker in refused.blockers]
    return unstored(
        JsonResponse({"state": "conflict", "reasons": reasons, "codes": codes, **what}, status=409)
    )


def gone(reason: str) -> JsonResponse:
    """There is no such thing for whoever is signed in, or no longer."""
    return unstored(
        JsonResponse({"state": "conflict", "reasons": [reason], "codes": ["gone"], "item": None}, status=404)
    )


def faulty(reasons: Sequence[str]) -> JsonResponse:
    return unstored(JsonResponse({"state": "faulty", "reasons": list(reasons)}, status=422))


def unstored(answer: JsonResponse) -> JsonResponse:
    answer["Cache-Control"] = "no-store"
    return answer


def worker_script(*, shell: str, assets: Sequence[str]) -> HttpResponse:
    """The service worker of the page at ``shell``: it keeps that page and ``assets``, and nothing else."""
    names = [*FRAME, *assets]
    plan = {
        "shell": shell,
        "assets": [static(name) for name in names],
        "version": version_of((*names, WORKER), fresh=settings.DEBUG),
    }
    script = (
        f"self.OFFLINE = {json.dumps(plan)};\n"
        f"importScripts({json.dumps(static('common/offline.js'))}, {json.dumps(static(WORKER))});\n"
    )
    answer = HttpResponse(script, content_type="text/javascript")
    # A browser looks for a new worker at every visit; one kept for an hour would serve yesterday's page.
    answer["Cache-Control"] = "no-cache"
    return answer


def version_of(names: tuple[str, ...], *, fresh: bool) -> str:
    """Changes with any of the files, so that phones fetch them again."""
    return _digest(names) if fresh else _kept_digest(names)


def _digest(names: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in names:
        path = finders.find(name)
        if path is None:
            raise FileNotFoundError(f"There is no static file {name!r}.")
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


_kept_digest = functools.cache(_digest)


def manifest(*, name: str, short_name: str, start: str, language: str) -> JsonResponse:
    """What makes the page one that a phone can put among its programs."""
    return JsonResponse(
        {
            "name": name,
            "short_name": short_name,
            "lang": language,
            "start_url": start,
            "scope": start,
            "id": start,
            "display": "standalone",
            "background_color": "#f7f3ea",
            "theme_color": "#1f1c18",
            "icons": [
                {
                    "src": static("common/favicon.svg"),
                    "sizes": "any",
                    "type": "image/svg+xml",
                    "purpose": "any",
                }
            ],
        },
        content_type="application/manifest+json",
    )
