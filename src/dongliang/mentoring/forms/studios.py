from pathlib import PurePath
from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from dongliang.mentoring.forms.profiles import ALL, FilterForm, search_field, subdistrict_field
from dongliang.mentoring.models import WORDS_LENGTH, BoxAnswer, BoxQuestion, Mentor, Studio
from dongliang.mentoring.queries.studios import (
    ANSWERED,
    COMING,
    DRAFT_CASE,
    MINE,
    OPEN,
    PAST,
    known_people,
    people_named,
)
from dongliang.people.models import Organisation, Person
from dongliang.seasons.models import Season

MEGABYTE = 1024 * 1024
LARGEST_FILE = 10 * MEGABYTE
SUFFIXES = ("pdf", "doc", "docx", "ppt", "pptx", "xls", "xlsx", "wps", "jpg", "jpeg", "png", "zip")


def long_text(label: Any, most: int, rows: int = 4, **kwargs: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=most, widget=forms.Textarea(attrs={"rows": rows}), **kwargs
    )


class MembersField(forms.CharField):
    """People, a name a line; gives the people themselves."""

    season: Season

    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            max_length=8000,
            widget=forms.Textarea(attrs={"rows": 6}),
            help_text=gettext_lazy("A name a line, of mentors and secretaries of this season."),
        )

    def clean(self, value: Any) -> list[Person]:
        people, faults = people_named(super().clean(value), self.season)
        if faults:
            raise forms.ValidationError(faults)
        return people


class StudioFilter(FilterForm):
    search = search_field(gettext_lazy("Studio, leader, initials or what it is good at"))
    subdistrict = subdistrict_field()


class StudioForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a studio", "Name"), max_length=60)
    subdistrict = forms.ModelChoiceField(
        label=gettext_lazy("Subdistrict"), queryset=Organisation.objects.none()
    )
    leader = forms.ModelChoiceField(label=gettext_lazy("Leader"), queryset=Mentor.objects.none())
    place = forms.CharField(label=pgettext_lazy("of a studio", "Place"), max_length=120, required=False)
    good_at = long_text(gettext_lazy("What it is good at"), WORDS_LENGTH, required=False)
    members = MembersField(gettext_lazy("Members"))

    def __init__(
        self, *args: Any, season: Season, subdistricts: QuerySet[Organisation], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ModelChoiceField, self.fields["subdistrict"]).queryset = subdistricts
        mentors = season.mentors.select_related("person")
        cast(forms.ModelChoiceField, self.fields["leader"]).queryset = mentors
        cast(MembersField, self.fields["members"]).season = season


class QuestionFilter(FilterForm):
    search = search_field(gettext_lazy("Question, studio, name or initials"))
    studio = forms.ModelChoiceField(
        label=gettext_lazy("Studio"), queryset=Studio.objects.none(), required=False, empty_label=ALL
    )
    state = forms.ChoiceField(
        label=pgettext_lazy("of a question", "State"),
        required=False,
        choices=[
            ("", ALL),
            (OPEN, pgettext_lazy("question", "open")),
            (ANSWERED, gettext_lazy("answered")),
            (DRAFT_CASE, gettext_lazy("draft of a case")),
            (MINE, gettext_lazy("my own")),
        ],
    )

    def __init__(self, *args: Any, studios: QuerySet[Studio], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ModelChoiceField, self.fields["studio"]).queryset = studios


class AskForm(forms.ModelForm):
    class Meta:
        model = BoxQuestion
        fields = ["title", "text", "nameless"]
        labels = {
            "title": gettext_lazy("The question in one sentence"),
            "text": gettext_lazy("What it is about"),
            "nameless": gettext_lazy("Show my name to nobody"),
        }
        help_texts = {
            "text": gettext_lazy("What happened, what was tried. Leave out residents' names."),
            "nameless": gettext_lazy("Only you see then that it is yours; not even the office does."),
        }
        widgets = {"text": forms.Textarea(attrs={"rows": 5})}


class AnswerForm(forms.ModelForm):
    class Meta:
        model = BoxAnswer
        fields = ["text"]
        labels = {"text": gettext_lazy("The answer")}
        widgets = {"text": forms.Textarea(attrs={"rows": 5})}


class GatheringFilter(FilterForm):
    search = search_field(gettext_lazy("Topic, place, studio, group, name or initials"))
    subdistrict = subdistrict_field()
    when = forms.ChoiceField(
        label=pgettext_lazy("of sessions", "When"),
        required=False,
        choices=[("", ALL), (COMING, gettext_lazy("still to come")), (PAST, gettext_lazy("held"))],
    )


class GatheringForm(forms.Form):
    topic = forms.CharField(label=gettext_lazy("Topic"), max_length=100)
    starts_at = forms.DateTimeField(
        label=pgettext_lazy("of a session", "Time"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    place = forms.CharField(label=pgettext_lazy("of a session", "Place"), max_length=120)
    came = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Who came"),
        queryset=Person.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    notes = long_text(gettext_lazy("Notes"), 4000, 8, required=False)

    def __init__(self, *args: Any, people: QuerySet[Person], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ModelMultipleChoiceField, self.fields["came"]).queryset = people


class GroupFilter(FilterForm):
    search = search_field(gettext_lazy("Topic, convener or initials"))
    whose = forms.ChoiceField(
        label=pgettext_lazy("of groups", "Show"),
        required=False,
        choices=[("", ALL), (MINE, gettext_lazy("my own"))],
    )


class GroupForm(forms.Form):
    topic = forms.CharField(label=gettext_lazy("Topic"), max_length=100)
    aim = long_text(gettext_lazy("What is to come of it"), WORDS_LENGTH, required=False)
    convener = forms.ModelChoiceField(label=gettext_lazy("Convener"), queryset=Person.objects.none())
    members = MembersField(gettext_lazy("Members"))

    def __init__(self, *args: Any, season: Season, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [person.pk for person, _place in known_people(season)]
        people = Person.objects.filter(pk__in=known).order_by("name", "pk")
        cast(forms.ModelChoiceField, self.fields["convener"]).queryset = people
        cast(MembersField, self.fields["members"]).season = season


class OutputForm(forms.Form):
    title = forms.CharField(label=gettext_lazy("Title"), max_length=100)
    text = long_text(gettext_lazy("Text"), 8000, 8, required=False)
    link = forms.URLField(
        label=gettext_lazy("or a link"), max_length=300, required=False, assume_scheme="https"
    )
    file = forms.FileField(
        label=gettext_lazy("or a file"),
        required=False,
        max_length=100,
        help_text=gettext_lazy("PDF, Office, picture or zip; at most 10 MB."),
        widget=forms.FileInput(attrs={"accept": ",".join(f".{suffix}" for suffix in SUFFIXES)}),
    )

    def clean_file(self) -> UploadedFile | None:
        file: UploadedFile | None = self.cleaned_data["file"]
        if file is None:
            return None
        suffix = PurePath(file.name or "").suffix.lower().removeprefix(".")
        if suffix not in SUFFIXES:
            raise forms.ValidationError(
                _("A file that ends in '.%(suffix)s' cannot be added. Use one of: %(allowed)s.")
                % {"suffix": suffix[:20], "allowed": ", ".join(SUFFIXES)}
            )
        if (file.size or 0) > LARGEST_FILE:
            raise forms.ValidationError(
                _("The file has %(seen)d MB; at most %(allowed)d MB can be added.")
                % {"seen": -(-(file.size or 0) // MEGABYTE), "allowed": LARGEST_FILE // MEGABYTE}
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not any(cleaned.get(name) for name in ("text", "link", "file")):
            raise forms.ValidationError(_("Write a text, or give a link or a file."))
        return cleaned

    @property
    def said(self) -> dict[str, Any]:
        """What ``actions.studios.add_output`` takes."""
        said = dict(self.cleaned_data)
        file = said.pop("file")
        return {**said, "file_name": file.name if file else "", "content": file.read() if file else b""}
