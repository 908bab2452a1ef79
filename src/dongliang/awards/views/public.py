"""What anybody may do about a public list: object to it, and check a certificate."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from dongliang.awards.actions.publicity import receive_objection
from dongliang.awards.forms import NumberForm, ObjectionForm
from dongliang.awards.models import HonourList
from dongliang.awards.queries.publicity import certificate_of, objecting_blockers
from dongliang.common.refusals import Refused


@login_not_required
def objection(request: HttpRequest, list_id: int) -> HttpResponse:
    """Say in writing what is wrong with a public list."""
    public = HonourList.objects.filter(published_at__isnull=False).select_related("season", "run__rule_book")
    entry = get_object_or_404(public, pk=list_id)
    form = ObjectionForm(request.POST if request.method == "POST" else None, honour_list=entry)
    against = objecting_blockers(entry)
    if not against and form.is_valid():
        by = request.user if request.user.is_authenticated else None
        try:
            receive_objection(entry, **form.cleaned_data, by=by)
        except Refused as refused:
            against = list(refused.blockers)
        else:
            return redirect(f"{reverse('awards:objection', args=[entry.pk])}?{urlencode({'received': 1})}")
    return render(
        request,
        "awards/objection.html",
        {"list": entry, "form": form, "against": against, "received": "received" in request.GET},
        status=409 if against and request.method == "POST" else 422 if form.errors else 200,
    )


@login_not_required
def check_certificate(request: HttpRequest, number: str = "") -> HttpResponse:
    """Whether a certificate is ours, whose it is, and whether it holds."""
    number = number or request.GET.get("number", "")
    form = NumberForm({"number": number} if number else None)
    certificate = certificate_of(form.cleaned_data["number"]) if form.is_valid() else None
    return render(
        request,
        "awards/certificate.html",
        {"form": form, "number": number, "certificate": certificate},
        status=404 if number and certificate is None else 200,
    )
