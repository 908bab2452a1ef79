"""What the views of this app share: telling how an action went, steps back, pages of a list."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from dongliang.common.refusals import Refused
from dongliang.people.models import Organisation
from dongliang.people.queries import organisations_of

ROWS = 100


def done(request: HttpRequest, words: str, act: Callable[[], Any]) -> bool:
    """Do it and say so, or say why not."""
    try:
        act()
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
        return False
    messages.success(request, words)
    return True


def permit(request: HttpRequest, permission: str, subject: Any = None) -> None:
    if not request.user.has_perm(permission, subject):
        raise PermissionDenied


def page_of(request: HttpRequest, rows: QuerySet | Sequence[Any]) -> Page:
    return Paginator(rows, ROWS).get_page(request.GET.get("page"))


def subdistricts_of(organisations: QuerySet[Any], path: str) -> QuerySet[Organisation]:
    """The subdistricts in which the rows lie, ``path`` leading from a row to its subdistrict."""
    return organisations_of(organisations, path)


def handover_steps(*steps: tuple[str, Any]) -> list[dict[str, Any]]:
    return trail((reverse("turnover:handovers"), _("Handovers")), *steps)


def trail(*steps: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"url": url, "label": label} for url, label in steps]
