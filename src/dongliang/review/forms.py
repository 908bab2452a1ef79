from typing import Any, NamedTuple, cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.people.models import Organisation
from dongliang.review.models import Assignment, Content, Source
from dongliang.review.queries import Progress, marks_first_thing
from dongliang.seasons.rulebook import RuleBookContent, Text

# The rule book spells out its indicators; how far a first thing has come is the same question in every season.
FIRST_THING_LEVELS = (
    _("On paper only: nothing has begun"),
    _("Begun, then stuck or far behind"),
    _("Under way and seen by residents, of little use to them so far"),
    _("Mostly landed: residents use it and say so"),
    _("Landed and lasting: residents look after it themselves"),
)


LONGEST_NOTE = 500


class Row(NamedTuple):
    """One question of a sheet as the page shows it."""

    mark: forms.BoundField
    points: list[Text]
    note: forms.BoundField | None


class Answer(NamedTuple):
    """What stands on a sheet about one question."""

    label: str
    mark: str
    level: str
    note: str


class PhotosInput(forms.FileInput):
    allow_multiple_selected = True


class PhotosField(forms.FileField):
    """Any number of files; what is in them is for the action to find out."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(PhotosField, self).clean(one, initial) for one in data or []]


class SheetForm(forms.Form):
    """A sheet as the rule book writes it: an indicator, five levels of behaviour, one choice, what bears it out."""

    def __init__(
        self,
        *args: Any,
        assignment: Assignment,
        rules: RuleBookContent,
        before: Content | None = None,
        **kwargs: Any,
    ) -> None:
        if before:
            kwargs["initial"] = initial_of(before, rules)
        super().__init__(*args, **kwargs)
        self.rules, self.instrument = rules, rules.instrument(assignment.source)
        for indicator in rules.indicators:
            self.fields[f"mark_{indicator.key}"] = levels_field(indicator.name, indicator.levels)
            if self.instrument.indicator_notes:
                self.fields[f"note_{indicator.key}"] = note_field(
                    _("What bears this out"), rows=2, most=LONGEST_NOTE
                )
        if marks_first_thing(assignment):
            self.fields["first_thing"] = levels_field(_("The first thing"), FIRST_THING_LEVELS)
        self.fields["note"] = note_field(
            _("What was seen"), rows=4, most=2000, help_text=_("A fact or two that bear the marks out.")
        )
        if self.instrument.photos:
            self.fields["photos"] = PhotosField(
                label=_("Photos"),
                required=False,
                widget=PhotosInput(attrs={"accept": "image/*"}),
                help_text=_("At most %(most)s. Take places and papers, not faces.")
                % {"most": self.instrument.photos},
            )

    @property
    def rows(self) -> list[Row]:
        found = []
        for indicator in self.rules.indicators:
            note = f"note_{indicator.key}"
            field = self[note] if note in self.fields else None
            found.append(Row(self[f"mark_{indicator.key}"], indicator.points, field))
        return found + ([Row(self["first_thing"], [], None)] if "first_thing" in self.fields else [])

    @property
    def answers(self) -> list[Answer]:
        """What the sheet sent says, question by question."""
        return [
            Answer(
                str(row.mark.label),
                mark,
                levels_of(row.mark)[mark],
                str(row.note.initial or "") if row.note else "",
            )
            for row in self.rows
            if (mark := str(row.mark.initial or ""))
        ]

    @property
    def marks(self) -> str:
        return "".join(value for name, value in self.cleaned_data.items() if name.startswith("mark_"))

    @property
    def project_mark(self) -> str:
        return self.cleaned_data.get("first_thing", "")

    @property
    def notes(self) -> dict[str, str]:
        written = {
            indicator.key: self.cleaned_data.get(f"note_{indicator.key}", "")
            for indicator in self.rules.indicators
        }
        return {key: text for key, text in written.items() if text}


class SentForm(forms.Form):
    """What travels with a sheet beside its content."""

    # What makes the same sheet, sent again, the same.
    key = forms.UUIDField(required=False)
    # The version that the assessor had before.
    base = forms.IntegerField(required=False, min_value=0, max_value=1_000_000)
    # How long it took to fill in, by a clock that only measures.
    seconds = forms.IntegerField(required=False, min_value=0, max_value=10_000_000)


class RulingForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The assessor reads it; it stays in the history and in the log."),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def initial_of(content: Content, rules: RuleBookContent) -> dict[str, str]:
    marks = {
        f"mark_{indicator.key}": mark
        for indicator, mark in zip(rules.indicators, content.marks, strict=False)
    }
    notes = {f"note_{key}": text for key, text in content.notes.items()}
    return marks | notes | {"first_thing": content.project_mark, "note": content.note}


def note_field(label: Any, *, rows: int, most: int, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=most,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


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
            ("returned", _("returned")),
            ("sent", pgettext_lazy("sheet", "sent")),
            ("voided", _("voided")),
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
