"""The programme office's accounts page."""

from collections.abc import Callable
from typing import Any

import segno
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from rules.contrib.views import permission_required

from dongliang.common.refusals import Refused
from dongliang.people.actions import (
    ACTIVATION_LASTS,
    add_grant,
    create_account,
    disable_account,
    enable_account,
    issue_activation,
    remove_grant,
)
from dongliang.people.forms import AccountFilter, AccountForm, GrantForm
from dongliang.people.models import Account, Organisation, OrganisationKind, Role
from dongliang.people.queries import account_blockers, accounts_visible_to, organisations_reached

ROWS_A_PAGE = 50


def activation_url(request: HttpRequest, token: str) -> str:
    path = reverse("people:activate", args=[token])
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)


@permission_required("people.manage_accounts", raise_exception=True)
def accounts(request: HttpRequest) -> HttpResponse:
    subdistricts = organisations_reached(request.user, Role.OFFICE).filter(
        kind__in=[OrganisationKind.SUBDISTRICT, OrganisationKind.TOWN]
    )
    form = AccountFilter(request.GET or None, subdistricts=subdistricts)
    page = Paginator(form.narrowed(accounts_visible_to(request.user)), ROWS_A_PAGE)
    return render(
        request, "people/accounts.html", {"form": form, "page": page.get_page(request.GET.get("page"))}
    )


@never_cache
@permission_required("people.manage_accounts", raise_exception=True)
def new_account(request: HttpRequest) -> HttpResponse:
    form = AccountForm(request.POST or None, by=request.user)
    if form.is_valid():
        wanted = form.cleaned_data
        try:
            with transaction.atomic():
                account = create_account(**wanted, by=request.user)
                token = issue_activation(account, by=request.user)
        except Refused as refused:
            for blocker in refused.blockers:
                form.add_error(None, str(blocker))
        else:
            return link_page(request, account, token)
    return render(request, "people/new_account.html", {"form": form})


def link_page(request: HttpRequest, account: Account, token: str) -> HttpResponse:
    """The activation link, in the answer to the very request that made it: it is stored nowhere."""
    url = activation_url(request, token)
    return render(
        request,
        "people/activation_link.html",
        {
            "account": account,
            "url": url,
            "code": segno.make(url, error="m").svg_data_uri(scale=5),
            "days": ACTIVATION_LASTS.days,
        },
    )


@permission_required("people.manage_accounts", raise_exception=True)
def account(request: HttpRequest, pk: int) -> HttpResponse:
    shown = get_object_or_404(accounts_visible_to(request.user), pk=pk)
    return account_page(request, shown, GrantForm(by=request.user))


def account_page(request: HttpRequest, shown: Account, form: GrantForm) -> HttpResponse:
    context = {"shown": shown, "form": form, "against": account_blockers(shown, request.user)}
    return render(request, "people/account.html", context)


def act(request: HttpRequest, pk: int, action: Callable[..., Any], done: str) -> HttpResponse:
    """Do ``action`` to an account the office may see, say so, and go back to it."""
    subject = get_object_or_404(accounts_visible_to(request.user), pk=pk)
    try:
        action(subject, by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
    else:
        messages.success(request, done)
    return redirect("people:account", pk=pk)


@require_POST
@permission_required("people.manage_accounts", raise_exception=True)
def disable(request: HttpRequest, pk: int) -> HttpResponse:
    return act(request, pk, disable_account, _("The account can no longer sign in."))


@require_POST
@permission_required("people.manage_accounts", raise_exception=True)
def enable(request: HttpRequest, pk: int) -> HttpResponse:
    return act(request, pk, enable_account, _("The account can sign in again."))


@require_POST
@never_cache
@permission_required("people.manage_accounts", raise_exception=True)
def new_link(request: HttpRequest, pk: int) -> HttpResponse:
    subject = get_object_or_404(accounts_visible_to(request.user), pk=pk)
    try:
        token = issue_activation(subject, by=request.user)
    except Refused as refused:
        for blocker in refused.blockers:
            messages.error(request, str(blocker))
        return redirect("people:account", pk=pk)
    return link_page(request, subject, token)


@require_POST
@permission_required("people.manage_accounts", raise_exception=True)
def new_grant(request: HttpRequest, pk: int) -> HttpResponse:
    subject = get_object_or_404(accounts_visible_to(request.user), pk=pk)
    form = GrantForm(request.POST, by=request.user)
    if not form.is_valid():
        return account_page(request, subject, form)
    role: str = form.cleaned_data["role"]
    organisation: Organisation = form.cleaned_data["organisation"]

    def give(account: Account, *, by: Account) -> None:
        add_grant(account, role, organisation, by=by)

    return act(request, pk, give, _("The role has been given."))


@require_POST
@permission_required("people.manage_accounts", raise_exception=True)
def drop_grant(request: HttpRequest, pk: int, grant_pk: int) -> HttpResponse:
    subject = get_object_or_404(accounts_visible_to(request.user), pk=pk)
    grant = get_object_or_404(subject.grants.select_related("organisation", "account"), pk=grant_pk)

    def take_back(_account: Account, *, by: Account) -> None:
        remove_grant(grant, by=by)

    return act(request, pk, take_back, _("The role has been taken back."))
