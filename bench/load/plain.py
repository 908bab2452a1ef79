"""The view that the residents' way in is compared with: Django as everybody would write it, a transaction a request.

It does the same work: reads the code, checks the form, takes an earlier ballot out of the count, stores the new one.
``application`` is served with the site's own settings and middleware, all but the address of this one page.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dongliang.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.ROOT_URLCONF = "load.plain"
application = get_wsgi_application()

# Only now: what follows needs Django set up.
# ruff: noqa: E402

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.timezone import now
from django.views.decorators.csrf import csrf_exempt

from dongliang.ballots import codes
from dongliang.ballots.forms import RatingForm
from dongliang.ballots.keys import season_key
from dongliang.ballots.models import Ballot, Round
from dongliang.seasons.models import Enrolment, Season


@csrf_exempt
@login_not_required
def rate(request: HttpRequest, code: str) -> HttpResponse:
    season = Season.objects.get()
    key = season_key(season)
    if (owner := codes.read(key, code)) is None:
        raise Http404
    form = RatingForm(season.rules.indicators, request.POST or None)
    if not form.is_valid():
        return render(request, "ballots/unreadable.html", {"form": form}, status=422)
    enrolment = get_object_or_404(Enrolment, season=season, number=owner[0])
    credential = codes.credential_digest(key, Round.Kind.SECRETARIES, code)
    nonce = codes.new_nonce()
    receipt = codes.receipt_of(key, credential, nonce)
    with transaction.atomic():
        round = Round.objects.get(season=season, kind=Round.Kind.SECRETARIES)
        if round.state != Round.State.OPEN:
            raise Http404
        round.ballots.filter(credential=credential, status="counted").update(status="superseded")
        Ballot.objects.create(
            round=round,
            enrolment=enrolment,
            credential=credential,
            receipt=codes.receipt_digest(key, receipt),
            nonce=nonce,
            marks=form.marks,
            cast_at=now().replace(second=0, microsecond=0),
        )
    return redirect(f"/v/{code}/thanks/{receipt}/", permanent=False)


urlpatterns = [path("v/<str:code>/", rate)]
