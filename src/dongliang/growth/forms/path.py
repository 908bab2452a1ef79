from typing import Any, cast

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from dongliang.growth.models import Move

EVIDENCE = gettext_lazy("What shows that it is right, and where it can be looked up.")


class StepForm(forms.Form):
    """A step, with its evidence; a return also says to which stage."""

    to_stage = forms.ChoiceField(label=gettext_lazy("Back to"))
    evidence = forms.CharField(
        label=gettext_lazy("Evidence"),
        help_text=EVIDENCE,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": gettext_lazy("Write in a sentence what shows that this step is right.")},
    )

    def __init__(self, *args: Any, kind: str, earlier: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind == Move.Kind.RETURN:
            cast(forms.ChoiceField, self.fields["to_stage"]).choices = earlier
        else:
            del self.fields["to_stage"]


class DecisionForm(forms.Form):
    grant = forms.TypedChoiceField(
        label=gettext_lazy("Decision"),
        choices=[("yes", gettext_lazy("grant")), ("no", gettext_lazy("decline"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("grant") is False and not cleaned.get("reason", "").strip():
            self.add_error("reason", _("Say why it is declined: the person reads it."))
        return cleaned


class OpinionForm(forms.Form):
    """What the mentor says about a step, or the committee, whose meeting has a day."""

    stage = forms.ChoiceField(label=gettext_lazy("Which stage"))
    in_favour = forms.TypedChoiceField(
        label=pgettext_lazy("opinion", "Answer"),
        choices=[("yes", gettext_lazy("in favour")), ("no", gettext_lazy("not yet"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )
    met_on = forms.DateField(
        label=gettext_lazy("Day of the meeting"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    text = forms.CharField(
        label=gettext_lazy("Reasons"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": gettext_lazy("Write in a sentence or two why.")},
    )

    def __init__(self, *args: Any, stages: list[tuple[str, str]], committee: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["stage"]).choices = stages
        if not committee:
            del self.fields["met_on"]
