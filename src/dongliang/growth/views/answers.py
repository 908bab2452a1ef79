"""What the views of this app share: telling how an action went, steps back, pages of a list."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from dongliang.common.refusals import Refused

ROWS = 100


def done(request: HttpRequest, words: str, act: Callable[[], Any]) -> bool:
    """Do it and say so, or say why not."""
    try:
        act()
    except Refused as refused:
        tell(request, refused)
        return False
    messages.success(request, words)
    return True


def tell(request: HttpRequest, refused: Refused) -> None:
    for blocker in refused.blockers:
        messages.error(request, str(blocker))


def page_of(request: HttpRequest, rows: QuerySet) -> Page:
    return Paginator(rows, ROWS).get_page(request.GET.get("page"))


def training_steps(*steps: tuple[str, Any]) -> list[dict[str, Any]]:
    return trail((reverse("growth:training"), _("Training")), *steps)


def path_steps(*steps: tuple[str, Any]) -> list[dict[str, Any]]:
    return trail((reverse("growth:people"), _("Growth path")), *steps)


def trail(*steps: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"url": url, "label": label} for url, label in steps]
