import datetime
import uuid
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.mentoring.forms.profiles import ALL, FilterForm, search_field, subdistrict_field
from dongliang.mentoring.models import WORDS_LENGTH, FollowUp, Mentor, Pair, Place, Visit, VisitFeedback
from dongliang.mentoring.queries.agreements import GOALS_LENGTH, MOST_MONTHS
from dongliang.mentoring.queries.pairs import ENDED, SILENT, STEPS_LATE, UNSIGNED
from dongliang.mentoring.queries.visits import (
    ADVICE_LENGTH,
    LATE,
    NOTE_LENGTH,
    QUESTION_LENGTH,
    STEP_LENGTH,
    is_version_four,
)

A_FORTNIGHT = datetime.timedelta(days=14)


def day_field(label: Any, **kwargs: Any) -> forms.DateField:
    return forms.DateField(
        label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **kwargs
    )


class PairFilter(FilterForm):
    search = search_field(_("Name, initials or neighbourhood"))
    subdistrict = subdistrict_field()
    state = forms.ChoiceField(
        label=pgettext_lazy("of a pair", "State"),
        required=False,
        choices=[
            ("", _("current")),
            (SILENT, _("silent")),
            (UNSIGNED, _("agreement not signed by all")),
            (STEPS_LATE, _("steps overdue")),
            (ENDED, pgettext_lazy("pair", "ended")),
        ],
    )


class VisitFilter(FilterForm):
    search = search_field(_("Name, initials, question or step"))
    subdistrict = subdistrict_field()
    place = forms.ChoiceField(
        label=pgettext_lazy("of a visit", "Place"), required=False, choices=[("", ALL), *Place.choices]
    )
    step = forms.ChoiceField(
        label=_("Agreed step"),
        required=False,
        choices=[("", ALL), (LATE, _("overdue")), *Visit.StepState.choices],
    )


class LineFilter(FilterForm):
    search = search_field(_("Name, initials or neighbourhood"))
    subdistrict = subdistrict_field()
    state = forms.ChoiceField(
        label=pgettext_lazy("of a proposed pair", "Show"),
        required=False,
        choices=[
            ("", ALL),
            ("none", _("without a mentor")),
            ("locked", _("locked")),
            ("second", _("another would fit better")),
        ],
    )


class NewProposalForm(forms.Form):
    tiered = forms.BooleanField(
        label=_("through the studios"),
        required=False,
        help_text=_(
            "Mentors of the district coach those of studios, and these the new secretaries of their subdistrict."
        ),
    )
    everybody = forms.BooleanField(
        label=_("pair those who have a mentor anew, too"),
        required=False,
        help_text=_("The mentor of now counts as the earlier one."),
    )
    without = forms.BooleanField(
        label=_("leave people without a mentor where places are short"), required=False
    )


class SwapForm(forms.Form):
    mentor = forms.ModelChoiceField(queryset=Mentor.objects.none())

    def __init__(self, *args: Any, mentors: QuerySet[Mentor], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["mentor"].queryset = mentors  # type: ignore[attr-defined]


class EndForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("Why it ends"), choices=Pair.EndReason.choices, widget=forms.RadioSelect
    )
    note = forms.CharField(label=_("Note"), required=False, max_length=300)
    successor = forms.ModelChoiceField(
        label=_("The mentor from now on"),
        queryset=Mentor.objects.none(),
        required=False,
        empty_label=_("none for now"),
    )

    def __init__(self, *args: Any, mentors: QuerySet[Mentor], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["successor"].queryset = mentors  # type: ignore[attr-defined]


class AgreementForm(forms.Form):
    goals = forms.CharField(
        label=_("Goals"),
        max_length=GOALS_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What the mentee can do by the end, in words that can be checked."),
    )
    starts_on = day_field(pgettext_lazy("term", "From"))
    months = forms.IntegerField(label=_("Months"), min_value=1, max_value=MOST_MONTHS)
    plan = forms.CharField(
        label=_("Plan by month"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("One line a month, the first line for the first month."),
    )

    def clean_plan(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["plan"].strip().splitlines()]


class VisitForm(forms.Form):
    """A visit as it is logged in the street: five things to say, the rest is filled in."""

    number = forms.CharField(widget=forms.HiddenInput, max_length=36)
    met_on = day_field(_("Day"))
    place = forms.ChoiceField(label=_("Where"), choices=Place.choices)
    question = forms.CharField(label=_("What was asked"), max_length=QUESTION_LENGTH)
    advice = forms.CharField(
        label=_("What was advised"), max_length=ADVICE_LENGTH, widget=forms.Textarea(attrs={"rows": 3})
    )
    step = forms.CharField(
        label=_("The step agreed on"),
        required=False,
        max_length=STEP_LENGTH,
        help_text=_("Who does what; empty where none was agreed."),
    )
    due_on = day_field(_("To be done by"), required=False)

    def clean_number(self) -> uuid.UUID:
        number = self.cleaned_data["number"]
        if not is_version_four(number):
            raise forms.ValidationError(_("The visit's number is no random UUID. Open the form anew."))
        return uuid.UUID(number)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("step"):
            # The day is filled in beforehand; without a step it says nothing.
            cleaned["due_on"] = None
        return cleaned

    @classmethod
    def blank(cls, *, last_place: str = "") -> "VisitForm":
        """The form as it opens: today, the place of last time, a step due in a fortnight."""
        return cls(
            initial={
                "number": uuid.uuid4(),
                "met_on": localdate(),
                "place": last_place or Place.MENTEE,
                "due_on": localdate() + A_FORTNIGHT,
            }
        )


class FollowUpForm(forms.Form):
    outcome = forms.ChoiceField(
        label=_("What became of it"), choices=FollowUp.Outcome.choices, widget=forms.RadioSelect
    )
    due_on = day_field(_("The day moved to"), required=False)
    note = forms.CharField(label=_("Note"), required=False, max_length=NOTE_LENGTH)


class PhotoForm(forms.Form):
    file = forms.FileField(
        label=_("Photo"),
        max_length=200,
        help_text=_(
            "Take places and papers, not faces. Only the two of you and the programme office see it."
        ),
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )


class FeedbackForm(forms.Form):
    helped = forms.TypedChoiceField(
        label=_("The visit was"), choices=VisitFeedback.Help.choices, coerce=int, widget=forms.RadioSelect
    )
    words = forms.CharField(
        label=_("In own words"),
        required=False,
        max_length=WORDS_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Read by you and the programme office, by nobody else."),
    )
