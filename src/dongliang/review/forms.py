from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.people.models import Organisation
from dongliang.review.models import Assignment, Source
from dongliang.review.queries import Progress, marks_first_thing
from dongliang.seasons.rulebook import RuleBookContent

# The rule book spells out its indicators; how far a first thing has come is the same question in every season.
FIRST_THING_LEVELS = (
    _("On paper only: nothing has begun"),
    _("Begun, then stuck or far behind"),
    _("Under way and seen by residents, of little use to them so far"),
    _("Mostly landed: residents use it and say so"),
    _("Landed and lasting: residents look after it themselves"),
)


class SheetForm(forms.Form):
    """A sheet as the rule book writes it: an indicator, five levels of behaviour, one choice."""

    def __init__(self, *args: Any, assignment: Assignment, rules: RuleBookContent, **kwargs: Any) -> None:
        if response := getattr(assignment, "response", None):
            kwargs["initial"] = {
                f"mark_{indicator.key}": mark
                for indicator, mark in zip(rules.indicators, response.marks, strict=True)
            } | {"first_thing": response.project_mark, "note": response.note}
        super().__init__(*args, **kwargs)
        for indicator in rules.indicators:
            self.fields[f"mark_{indicator.key}"] = levels_field(indicator.name, indicator.levels)
        if marks_first_thing(assignment):
            self.fields["first_thing"] = levels_field(_("The first thing"), FIRST_THING_LEVELS)
        self.fields["note"] = forms.CharField(
            label=_("What was seen"),
            help_text=_("A fact or two that bear the marks out."),
            required=False,
            max_length=2000,
            widget=forms.Textarea(attrs={"rows": 4}),
        )

    @property
    def mark_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name != "note"]

    @property
    def answers(self) -> list[tuple[str, str, str]]:
        """What the sheet sent says: field, mark, and the level it stands for."""
        return [
            (str(field.label), mark, levels_of(field)[mark])
            for field in self.mark_fields
            if (mark := str(field.initial or ""))
        ]

    @property
    def marks(self) -> str:
        return "".join(value for name, value in self.cleaned_data.items() if name.startswith("mark_"))

    @property
    def is_straight(self) -> bool:
        """Whether every indicator got the same mark: likely enough to be true, and to be haste."""
        return len(self.marks) > 1 and len(set(self.marks)) == 1


def levels_of(field: forms.BoundField) -> dict[str, str]:
    return dict(cast(list[tuple[str, str]], cast(forms.ChoiceField, field.field).choices))


def levels_field(label: Any, levels: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=str(label),
        choices=[(str(number), str(level)) for number, level in enumerate(levels, start=1)],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the level that fits best.")},
    )


class SheetFilter(forms.Form):
    search = forms.CharField(label=_("Name or neighbourhood"), required=False, max_length=40)
    subdistrict = forms.ModelChoiceField(
        label=_("Subdistrict"),
        queryset=Organisation.objects.none(),
        required=False,
        empty_label=pgettext_lazy("filter", "all"),
    )
    state = forms.ChoiceField(
        label=pgettext_lazy("of a sheet", "State"),
        required=False,
        choices=[
            ("", pgettext_lazy("filter", "all")),
            ("outstanding", _("outstanding")),
            ("sent", pgettext_lazy("sheet", "sent")),
        ],
    )

    def __init__(self, *args: Any, subdistricts: QuerySet[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ModelChoiceField, self.fields["subdistrict"]).queryset = subdistricts
        if len(subdistricts) < 2:
            del self.fields["subdistrict"]

    @property
    def wanted(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}


class BoardFilter(forms.Form):
    search = forms.CharField(label=_("Assessor"), required=False, max_length=40)
    source = forms.ChoiceField(
        label=_("Source"), required=False, choices=[("", pgettext_lazy("filter", "all")), *Source.choices]
    )
    state = forms.ChoiceField(
        label=pgettext_lazy("of a sheet", "State"),
        required=False,
        choices=[
            ("", pgettext_lazy("filter", "all")),
            ("late", _("not complete")),
            ("complete", _("complete")),
        ],
    )

    def keeps(self, row: Progress) -> bool:
        wanted = self.cleaned_data if self.is_valid() else {}
        return (
            wanted.get("search", "").lower() in str(row.assessor).lower()
            and wanted.get("source", "") in ("", row.source)
            and wanted.get("state", "") in ("", "complete" if row.is_complete else "late")
        )
