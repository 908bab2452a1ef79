"""What everyone with an account does: sign in, sign out, choose a password."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from dongliang.common.refusals import Refused
from dongliang.people.actions import activate_account, set_password
from dongliang.people.forms import ChangePasswordForm, NewPasswordForm, SignInForm
from dongliang.people.queries import activation_of


class SignIn(LoginView):
    template_name = "common/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_success_url(self) -> str:
        """Where the address says to go on to, unless that is this page: nobody is led round in circles."""
        url = super().get_success_url()
        return self.get_default_redirect_url() if url == self.request.path else url


class SignOut(LogoutView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Have the browser forget what pages that work without a signal have kept, even where no script runs."""
        response = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"storage"'
        return response


sign_in = SignIn.as_view()
sign_out = SignOut.as_view()


@sensitive_post_parameters()
@never_cache
def password(request: HttpRequest) -> HttpResponse:
    form = ChangePasswordForm(request.user, request.POST or None)
    if form.is_valid():
        account = set_password(request.user, form.cleaned_data["new_password1"], by=request.user)
        update_session_auth_hash(request, account)
        messages.success(request, _("Your password has been changed."))
        return redirect("portal:desk")
    return render(request, "common/change_password.html", {"form": form})


@sensitive_post_parameters()
@never_cache
@login_not_required
def activate(request: HttpRequest, token: str) -> HttpResponse:
    """Opening the link changes nothing: chats and virus scanners open links too."""
    activation = activation_of(token)
    if activation is None:
        return render(request, "people/activation_over.html", status=410)
    form = NewPasswordForm(activation.account, request.POST or None)
    if form.is_valid():
        try:
            activate_account(token, form.cleaned_data["new_password1"])
        except Refused:
            return render(request, "people/activation_over.html", status=410)
        messages.success(request, _("Your password is set. Sign in with it now."))
        return redirect("people:sign_in")
    return render(request, "people/activate.html", {"form": form, "account": activation.account})
