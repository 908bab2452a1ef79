"""The filter bars of this app's lists."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.people.models import Organisation
from dongliang.years.calculation import Verdict
from dongliang.years.queries.seasons import SCORE, Year


class Filter(forms.Form):
    """A GET form; a field that cannot be read asks for nothing."""

    @property
    def wanted(self) -> dict[str, Any]:
        self.full_clean()
        return self.cleaned_data


class FigureFilter(Filter):
    """Which figure: the score, where one may read it, or what one source says."""

    what = forms.ChoiceField(label=pgettext_lazy("years", "Figure"), required=False)

    def __init__(self, *args: Any, sources: dict[str, str], scores: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        over_all = [(SCORE, _("Score over all sources"))] if scores else []
        # Residents first: their marks have one unit in every year, whatever the rule books weigh.
        ordered = sorted(sources.items(), key=lambda item: item[0] != "public")
        choices = [*ordered, *over_all]
        cast(forms.ChoiceField, self.fields["what"]).choices = choices
        self.first = choices[0][0] if choices else SCORE

    @property
    def figure(self) -> str:
        """The figure asked for, else the first there is."""
        return self.wanted.get("what") or self.first


class PeopleFilter(FigureFilter):
    search = forms.CharField(label=_("Name, initials or neighbourhood"), required=False, max_length=60)
    subdistrict = forms.ModelChoiceField(
        label=_("Subdistrict"),
        queryset=Organisation.objects.none(),
        required=False,
        empty_label=pgettext_lazy("filter", "all"),
    )
    since = forms.ChoiceField(label=_("Compared with"), required=False)
    which = forms.ChoiceField(
        label=pgettext_lazy("years", "Change"),
        required=False,
        choices=[
            ("", pgettext_lazy("filter", "all")),
            (Verdict.UP.value, pgettext_lazy("years", "rose")),
            (Verdict.DOWN.value, pgettext_lazy("years", "fell")),
            (Verdict.UNSURE.value, pgettext_lazy("years", "cannot be told")),
        ],
    )
    who = forms.ChoiceField(
        label=pgettext_lazy("years", "Whom"),
        required=False,
        choices=[
            ("", pgettext_lazy("years", "who was there in the newest year")),
            ("all", pgettext_lazy("years", "everybody, also who left")),
        ],
    )
    field_order = ("search", "subdistrict", "what", "since", "which", "who")

    def __init__(
        self, *args: Any, earlier: Sequence[Year], subdistricts: QuerySet[Organisation], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["since"]).choices = [
            (str(year.season.pk), year.label) for year in reversed(earlier)
        ]
        cast(forms.ModelChoiceField, self.fields["subdistrict"]).queryset = subdistricts
        if len(subdistricts) < 2:
            del self.fields["subdistrict"]
        if len(earlier) < 2:
            del self.fields["since"]


class MentorFilter(Filter):
    search = forms.CharField(label=_("Name or initials"), required=False, max_length=60)
