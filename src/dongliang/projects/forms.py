from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.people.models import Organisation
from dongliang.projects.models import SUMMARY_LENGTH, TITLE_LENGTH, FirstThing
from dongliang.projects.queries import MISSING, category_names
from dongliang.seasons.rulebook import RuleBookContent


class FirstThingForm(forms.Form):
    title = forms.CharField(
        label=_("What is to be done"),
        help_text=_("In one line, as residents would say it. At most 60 characters."),
        max_length=TITLE_LENGTH,
        error_messages={"required": _("Say in one line what is to be done.")},
    )
    category = forms.ChoiceField(
        label=_("Category"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the category that fits best.")},
    )
    summary = forms.CharField(
        label=_("What is to change for residents"),
        required=False,
        max_length=SUMMARY_LENGTH,
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def __init__(self, *args: Any, rules: RuleBookContent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["category"]).choices = list(category_names(rules).items())


class ProjectFilter(forms.Form):
    search = forms.CharField(label=_("Title, name or neighbourhood"), required=False, max_length=60)
    category = forms.ChoiceField(label=_("Category"), required=False)
    subdistrict = forms.ModelChoiceField(
        label=_("Subdistrict"),
        queryset=Organisation.objects.none(),
        required=False,
        empty_label=pgettext_lazy("filter", "all"),
    )
    state = forms.ChoiceField(
        label=pgettext_lazy("of a first thing", "State"),
        required=False,
        choices=[
            ("", pgettext_lazy("filter", "all")),
            *FirstThing.State.choices,
            (MISSING, _("not registered")),
        ],
    )

    def __init__(
        self, *args: Any, rules: RuleBookContent, subdistricts: QuerySet[Organisation], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["category"]).choices = [
            ("", pgettext_lazy("filter", "all")),
            *category_names(rules).items(),
        ]
        cast(forms.ModelChoiceField, self.fields["subdistrict"]).queryset = subdistricts
        if len(subdistricts) < 2:
            del self.fields["subdistrict"]

    @property
    def wanted(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}
