"""What every page of pairs begins with: the season, whether one may, and what a refusal says."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from rules.contrib.views import permission_required

from dongliang.common.refusals import Refused
from dongliang.mentoring.models import Pair
from dongliang.mentoring.queries.pairs import pairs_visible_to
from dongliang.people.queries import is_office
from dongliang.seasons.models import Season
from dongliang.seasons.queries import seasons_visible_to

ROWS_A_PAGE = 50
takes_part = permission_required("mentoring.see_pairs", raise_exception=True)


def newest_season(request: HttpRequest) -> Season | None:
    return seasons_visible_to(request.user).select_related("district").first()


def season_or_404(request: HttpRequest) -> Season:
    return get_object_or_404(seasons_visible_to(request.user).select_related("district")[:1])


def season_to_pair(request: HttpRequest) -> Season:
    """The season, for its programme office; for a district without one nobody else gets further either."""
    season = newest_season(request)
    if not (request.user.has_perm("mentoring.run_pairing", season) if season else is_office(request.user)):
        raise PermissionDenied
    return get_object_or_404(seasons_visible_to(request.user).select_related("district")[:1])


def permit(request: HttpRequest, permission: str, subject: Any) -> None:
    if not request.user.has_perm(permission, subject):
        raise PermissionDenied


def pair_or_404(request: HttpRequest, pk: int) -> Pair:
    """The pair, of whichever season, if the account may read it."""
    season = get_object_or_404(seasons_visible_to(request.user), enrolments__pairs__pk=pk)
    return get_object_or_404(pairs_visible_to(request.user, season), pk=pk)


def tell(request: HttpRequest, refused: Refused) -> None:
    for blocker in refused.blockers:
        messages.error(request, str(blocker))


def done(request: HttpRequest, said: str, act: Callable[[], Any]) -> Any:
    """Do it and say so; refused, say why, and give None."""
    try:
        result = act()
    except Refused as refused:
        tell(request, refused)
        return None
    messages.success(request, said)
    return result or True


def breadcrumb(*steps: tuple[str, Any]) -> list[dict[str, Any]]:
    return [
        {"url": reverse("mentoring:pairs"), "label": _("Pairs")},
        *({"url": url, "label": label} for url, label in steps),
    ]
