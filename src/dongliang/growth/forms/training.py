import datetime
from pathlib import Path as File
from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from dongliang.common.sheets import MEGABYTE
from dongliang.growth.models import Course, Credit, Material, Question, Session
from dongliang.people.models import Organisation
from dongliang.seasons.models import Enrolment, Season

# What a course gives to read. Whatever else a file may be, it is given out as one of these, to be saved.
SUFFIXES = ("pdf", "docx", "pptx", "xlsx", "jpg", "jpeg", "png", "mp3", "mp4", "zip")
MAX_MATERIAL = 50 * MEGABYTE


class CourseForm(forms.ModelForm):
    class Meta:
        model = Course
        fields = [
            "title",
            "kind",
            "empowerment",
            "summary",
            "practice",
            "practice_hours",
            "pass_percent",
            "attempts",
        ]
        widgets = {
            "summary": forms.Textarea(attrs={"rows": 4}),
            "practice": forms.Textarea(attrs={"rows": 3}),
        }
        help_texts = {
            "practice": gettext_lazy(
                "What everyone does in the own first thing afterwards. Leave empty for none."
            ),
        }

    def __init__(self, *args: Any, season: Season, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = season.rules.names
        self.fields["kind"] = forms.ChoiceField(
            label=gettext_lazy("Kind of training"),
            choices=[(kind.key, str(kind.name)) for kind in names.trainings],
        )
        self.fields["empowerment"] = forms.ChoiceField(
            label=gettext_lazy("Kind of empowerment"),
            required=False,
            choices=[
                ("", pgettext_lazy("empowerment", "none")),
                *((kind.key, str(kind.name)) for kind in names.empowerments),
            ],
        )


class SessionForm(forms.ModelForm):
    """A session, and a field for each subdistrict's share of its places."""

    class Meta:
        model = Session
        fields = ["starts_at", "ends_at", "place", "trainer", "hours", "places"]

    def __init__(self, *args: Any, subdistricts: QuerySet[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("starts_at", "ends_at"):
            self.fields[name].widget = forms.DateTimeInput(
                attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
            )
        self.subdistricts = {f"quota_{subdistrict.pk}": subdistrict for subdistrict in subdistricts}
        given = dict(self.instance.quotas.values_list("subdistrict", "places")) if self.instance.pk else {}
        for name, subdistrict in self.subdistricts.items():
            self.fields[name] = forms.IntegerField(
                label=_("Places of %(subdistrict)s") % {"subdistrict": subdistrict},
                required=False,
                min_value=0,
                max_value=10_000,
                initial=given.get(subdistrict.pk),
            )

    @property
    def details(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self._meta.fields or ()}

    @property
    def quotas(self) -> dict[Organisation, int]:
        return {
            subdistrict: self.cleaned_data[name]
            for name, subdistrict in self.subdistricts.items()
            if self.cleaned_data[name] is not None
        }


class SignUpForm(forms.Form):
    """A secretary to sign up, among those that the office answers for."""

    enrolment = forms.ModelChoiceField(
        label=gettext_lazy("Secretary"),
        queryset=Enrolment.objects.none(),
        error_messages={"required": gettext_lazy("Choose a secretary.")},
    )

    def __init__(self, *args: Any, secretaries: QuerySet[Enrolment], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ModelChoiceField, self.fields["enrolment"]).queryset = secretaries


class MaterialForm(forms.Form):
    title = forms.CharField(
        label=gettext_lazy("Title"), max_length=Material._meta.get_field("title").max_length
    )
    link = forms.URLField(label=gettext_lazy("Link"), max_length=300, required=False, assume_scheme="https")
    file = forms.FileField(
        label=gettext_lazy("or a file"),
        required=False,
        max_length=200,
        help_text=gettext_lazy("PDF, Office, picture, sound, film or zip; at most 50 MB."),
        widget=forms.FileInput(attrs={"accept": ",".join(f".{suffix}" for suffix in SUFFIXES)}),
    )

    def clean_file(self) -> UploadedFile | None:
        file: UploadedFile | None = self.cleaned_data["file"]
        if file is None:
            return None
        suffix = File(file.name or "").suffix.lower().removeprefix(".")
        if suffix not in SUFFIXES:
            raise forms.ValidationError(
                _("A file that ends in '.%(suffix)s' cannot be added. Use one of: %(allowed)s.")
                % {"suffix": suffix[:20], "allowed": ", ".join(SUFFIXES)}
            )
        if (file.size or 0) > MAX_MATERIAL:
            raise forms.ValidationError(
                _("The file has %(seen)d MB; at most %(allowed)d MB can be added.")
                % {"seen": -(-(file.size or 0) // MEGABYTE), "allowed": MAX_MATERIAL // MEGABYTE}
            )
        return file

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and bool(cleaned.get("link")) == bool(cleaned.get("file")):
            raise forms.ValidationError(_("Give either a link or a file."))
        return cleaned


class QuestionForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Question"), max_length=Question._meta.get_field("text").max_length
    )
    choices = forms.CharField(
        label=gettext_lazy("Choices"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Two to six, each on a line of its own. Begin the right one with *."),
    )

    def clean_choices(self) -> tuple[list[str], int]:
        lines = [line.strip() for line in self.cleaned_data["choices"].splitlines() if line.strip()]
        right = [place for place, line in enumerate(lines) if line.startswith("*")]
        if not 2 <= len(lines) <= 6:
            raise forms.ValidationError(
                _("There are %(count)d choices. Write two to six.") % {"count": len(lines)}
            )
        if len(right) != 1:
            raise forms.ValidationError(
                _("%(count)d choices begin with *. Mark the one that is right.") % {"count": len(right)}
            )
        return [line.removeprefix("*").strip() for line in lines], right[0]


class QuizForm(forms.Form):
    """The questions of a course, each with its choices."""

    def __init__(self, *args: Any, questions: QuerySet[Question], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.questions = list(questions)
        for number, question in enumerate(self.questions, start=1):
            self.fields[f"question_{question.pk}"] = forms.TypedChoiceField(
                label=f"{number}. {question.text}",
                choices=list(enumerate(question.choices)),
                coerce=int,
                widget=forms.RadioSelect,
                error_messages={"required": gettext_lazy("Choose an answer.")},
            )

    @property
    def answers(self) -> dict[int, int]:
        return {question.pk: self.cleaned_data[f"question_{question.pk}"] for question in self.questions}


MARKS = [(mark, str(mark)) for mark in range(5, 0, -1)]


class FeedbackForm(forms.Form):
    content = forms.TypedChoiceField(
        label=gettext_lazy("It is of use in my work"), choices=MARKS, coerce=int, widget=forms.RadioSelect
    )
    trainer = forms.TypedChoiceField(
        label=gettext_lazy("It was explained well"), choices=MARKS, coerce=int, widget=forms.RadioSelect
    )
    setting = forms.TypedChoiceField(
        label=gettext_lazy("Time, place and order were right"),
        choices=MARKS,
        coerce=int,
        widget=forms.RadioSelect,
    )
    remark = forms.CharField(
        label=gettext_lazy("What should be otherwise"),
        help_text=gettext_lazy("Stored without your name. Write nothing that tells who you are."),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class PracticeForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("What I did in my first thing"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": gettext_lazy("Write in a few sentences what you did.")},
    )


class CreditForm(forms.ModelForm):
    class Meta:
        model = Credit
        fields = ["hours", "earned_on", "evidence"]
        widgets = {"earned_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}
        help_texts = {"evidence": gettext_lazy("Such as: Party school, course of March, certificate no. 12.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["evidence"].required = True
        self.fields["hours"].validators += [MinValueValidator(0.5), MaxValueValidator(100)]

    def clean_earned_on(self) -> datetime.date:
        day: datetime.date = self.cleaned_data["earned_on"]
        if day > localdate():
            raise forms.ValidationError(
                _("%(day)s is still to come. Hours are credited afterwards.") % {"day": day}
            )
        return day

    def _post_clean(self) -> None:
        """Leave the row to the action: it is not whole here."""
