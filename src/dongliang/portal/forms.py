from typing import cast

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Organisation
from dongliang.seasons.rulebook import RuleBookContent, from_text

LARGEST_RULE_BOOK = 512 * 1024


class RuleBookForm(forms.Form):
    """A rule book in a file, and why it replaces a frozen one."""

    file = forms.FileField(
        label=_("Rule book"),
        help_text=_("A TOML file like the ones this product ships, or the JSON file of a season's rules."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        required=False,
        help_text=_("Needed where the present version is frozen already. It is shown beside the rules."),
    )

    def document(self) -> RuleBookContent:
        """The rule book in the file. Raises Refused."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST_RULE_BOOK:
            raise Refused(
                Blocker(
                    "rulebook.too_large",
                    str(_("The file is larger than 512 KB.")),
                    str(_("A rule book is a few kilobytes of text; choose that file.")),
                )
            )
        try:
            return from_text(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise Refused(
                Blocker(
                    "rulebook.not_text",
                    str(_("The file is not UTF-8 text.")),
                    str(_("Save it as UTF-8 text, then choose it again.")),
                )
            ) from error


class SecretaryFilter(forms.Form):
    """What to show of the list of secretaries."""

    q = forms.CharField(label=_("Name or neighbourhood"), required=False, max_length=40)
    subdistrict = forms.ModelChoiceField(
        label=_("Subdistrict"), queryset=Organisation.objects.none(), required=False, empty_label=_("All")
    )
    which = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[
            ("", _("Everyone")),
            ("new", _("New after the election")),
            ("late", _("First thing not registered")),
        ],
    )

    def __init__(self, data: QueryDict | None, *, subdistricts: QuerySet[Organisation]) -> None:
        super().__init__(data)
        cast("forms.ModelChoiceField[Organisation]", self.fields["subdistrict"]).queryset = subdistricts
