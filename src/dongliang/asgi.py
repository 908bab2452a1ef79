"""The ASGI applications that ``dongliang serve`` runs.

``application`` is the whole site on one port: residents' pages without Django's request handling, everything else
through Django as WSGI in a few threads (``serving``), which costs a fifth of what Django's own ASGI handler does.
``residents`` are the residents' pages alone, and ``pages`` the rest, each for a port of its own behind a proxy.
"""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dongliang.settings")
django = get_wsgi_application()

# Only now: what follows needs Django set up.
from dongliang.ballots.intake.application import Intake, Receive, Scope, Send  # noqa: E402
from dongliang.serving.pages import Pages  # noqa: E402

# Granian's event loop and two threads share an interpreter. At the usual 5 ms a thread that comes back from the
# database waits longer for its turn than it waited for the database.
sys.setswitchinterval(0.0005)

pages = Pages(django)


async def below_v(scope: Scope, receive: Receive, send: Send) -> None:
    """Those of the residents' pages that Django serves: receipts, proofs, the ways to show that one may vote."""
    if scope["type"] == "http" and scope["path"].startswith("/v/"):
        await pages(scope, receive, send)
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})


application = Intake(pages)
residents = Intake(below_v)
