from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dongliang.people.models import Account, Organisation, Person, Role
from dongliang.people.queries import districts_run_by, organisations_reached, people_of
from dongliang.people.sign_in import PAUSE, WRONG_PASSWORDS_ALLOWED


class SignInForm(AuthenticationForm):
    """Says the same whatever was wrong, so that nobody learns which accounts there are or which rest."""

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).strip().lower()

    def get_invalid_login_error(self) -> forms.ValidationError:
        return forms.ValidationError(
            _(
                "User name or password is wrong. After %(wrong)d wrong passwords in a row an account rests for "
                "%(minutes)d minutes; not even the right password opens it then."
            )
            % {"wrong": WRONG_PASSWORDS_ALLOWED, "minutes": PAUSE.total_seconds() // 60},
            code="invalid_login",
        )


class NewPasswordForm(SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = gettext_lazy(
            "At least 10 characters; not digits alone, and none that many people use."
        )
        self.fields["new_password2"].help_text = ""


class ChangePasswordForm(NewPasswordForm, PasswordChangeForm):
    error_messages = PasswordChangeForm.error_messages | {
        "password_incorrect": gettext_lazy("The old password is not right. Please type it again.")
    }


class OrganisationChoice(forms.ModelChoiceField):
    def label_from_instance(self, organisation: Organisation) -> str:
        if organisation.is_neighbourhood:
            return f"{organisation.above} · {organisation}"
        return str(organisation)


class AccountFilter(forms.Form):
    q = forms.CharField(label=gettext_lazy("Name or user name"), required=False, max_length=60)
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), required=False, choices=[("", gettext_lazy("All")), *Role.choices]
    )
    subdistrict = forms.ModelChoiceField(
        label=gettext_lazy("Subdistrict or town"),
        required=False,
        queryset=Organisation.objects.none(),
        empty_label=gettext_lazy("All"),
    )

    def __init__(self, *args: Any, subdistricts: QuerySet[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subdistrict"].queryset = subdistricts  # type: ignore[attr-defined]

    def narrowed(self, accounts: QuerySet[Account]) -> QuerySet[Account]:
        if not self.is_valid():
            return accounts
        wanted = self.cleaned_data
        if wanted["q"]:
            accounts = accounts.filter(
                Q(display_name__icontains=wanted["q"]) | Q(username__icontains=wanted["q"])
            )
        held = Q()
        if wanted["role"]:
            held &= Q(grants__role=wanted["role"])
        if wanted["subdistrict"]:
            here = Q(grants__organisation=wanted["subdistrict"])
            held &= here | Q(grants__organisation__parent=wanted["subdistrict"])
        # In one filter: the role and the place are of one grant.
        return accounts.filter(held).distinct()


class GrantForm(forms.Form):
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=[("", gettext_lazy("Please choose")), *Role.choices]
    )
    organisation = OrganisationChoice(
        label=gettext_lazy("At"),
        queryset=Organisation.objects.none(),
        empty_label=gettext_lazy("Please choose"),
        help_text=gettext_lazy("The role reaches this organisation and everything below it."),
    )

    def __init__(self, *args: Any, by: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        self.fields["organisation"].queryset = organisations_reached(by, Role.OFFICE).select_related("parent")  # type: ignore[attr-defined]


class AccountForm(GrantForm):
    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=40,
        help_text=gettext_lazy("Small letters, digits, dots, hyphens or underscores, such as wangfang."),
    )
    display_name = forms.CharField(
        label=gettext_lazy("Shown as"),
        max_length=60,
        help_text=gettext_lazy("The name others see, such as 望梁街道党群办."),
    )
    person = forms.CharField(
        label=gettext_lazy("Person"),
        max_length=40,
        required=False,
        help_text=gettext_lazy(
            "For a mentor or secretary: the mobile or the name in the roster. It ties the account to that person's records."
        ),
    )

    field_order = ["username", "display_name", "role", "organisation", "person"]

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).strip().lower()

    def clean_person(self) -> Person | None:
        word = self.cleaned_data["person"]
        if not word:
            return None
        # Reached by the office: the roster of another district is none of its business.
        found = {
            person
            for district in districts_run_by(self.by)
            for person in people_of(district).filter(Q(mobile=word) | Q(name=word))[:2]
        }
        if len(found) != 1:
            raise forms.ValidationError(
                ngettext(
                    "%(count)d person in the roster has the mobile or name “%(word)s”. Give a mobile that the roster has.",
                    "%(count)d people in the roster have the mobile or name “%(word)s”. Give a mobile that the roster has.",
                    len(found),
                )
                % {"count": len(found), "word": word}
            )
        return found.pop()
