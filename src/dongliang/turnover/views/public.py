"""What everybody may read of advisers: the pages that the office has released."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from dongliang.turnover.forms import Filter
from dongliang.turnover.queries.advisers import matching_advisers, public_advisers, years_of
from dongliang.turnover.views.answers import page_of, subdistricts_of, trail


@login_not_required
def advisers(request: HttpRequest) -> HttpResponse:
    visible = public_advisers()
    form = Filter(request.GET, subdistricts=subdistricts_of(visible, "tenure__post__organisation__parent"))
    page = page_of(request, matching_advisers(visible, **form.wanted))
    return render(request, "turnover/advisers.html", {"filter": form, "page": page})


@login_not_required
def adviser(request: HttpRequest, pk: int) -> HttpResponse:
    shown = get_object_or_404(public_advisers(), pk=pk)
    context = {
        "adviser": shown,
        "years": years_of(shown),
        "breadcrumb": trail((reverse("turnover:advisers"), _("Advisers")), ("", shown)),
    }
    return render(request, "turnover/adviser.html", context)
