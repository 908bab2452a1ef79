from django import forms
from django.utils.translation import gettext_lazy as _

from dongliang.people.models import Organisation


class SourcesFilter(forms.Form):
    """Whom to show side by side."""

    q = forms.CharField(label=_("Name or neighbourhood"), required=False, max_length=40)
    subdistrict = forms.ModelChoiceField(
        label=_("Subdistrict"), queryset=Organisation.objects.none(), required=False, empty_label=_("All")
    )
    which = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[
            ("", _("Everyone")),
            ("visit", _("To visit again")),
            ("thin", _("Too few answers from a source")),
            ("near", _("Near the cut line")),
        ],
    )
