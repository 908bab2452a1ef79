from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.people.models import Organisation, Tenure, TenureKind
from dongliang.turnover.models import (
    NEXT_LENGTH,
    REMARK_LENGTH,
    STATE_LENGTH,
    THANKS_LENGTH,
    WHAT_LENGTH,
    Kind,
    Promise,
)
from dongliang.turnover.queries import advisers, handovers, posts
from dongliang.turnover.queries.elections import Move

ALL = ("", pgettext_lazy("filter", "all"))
A_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class Filter(forms.Form):
    """A GET form; what cannot be read asks for nothing."""

    search = forms.CharField(label=_("Name, initials or neighbourhood"), required=False, max_length=60)
    subdistrict = forms.ModelChoiceField(
        label=_("Subdistrict"),
        queryset=Organisation.objects.none(),
        required=False,
        empty_label=pgettext_lazy("filter", "all"),
    )

    def __init__(self, *args: Any, subdistricts: QuerySet[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Read once: both the choice and the question whether there is one need them.
        cast(forms.ModelChoiceField, self.fields["subdistrict"]).queryset = subdistricts
        if len(subdistricts) < 2:
            del self.fields["subdistrict"]

    @property
    def wanted(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}


class HandoverFilter(Filter):
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ALL,
            (handovers.OPEN, pgettext_lazy("handover", "not signed by all")),
            (handovers.SIGNED, pgettext_lazy("handover", "signed by all")),
            (handovers.NOBODY, pgettext_lazy("handover", "nobody to take over")),
        ],
    )


class PostFilter(Filter):
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ALL,
            (posts.VACANT, pgettext_lazy("post", "vacant")),
            (posts.ACTING, pgettext_lazy("post", "acting")),
            (posts.HELD, pgettext_lazy("post", "held")),
        ],
    )


class ChangeFilter(Filter):
    move = forms.ChoiceField(
        label=pgettext_lazy("after the election", "What changed"),
        required=False,
        choices=[ALL, *Move.choices],
    )


class AdviserFilter(Filter):
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ALL,
            (advisers.RELEASED, pgettext_lazy("adviser", "public")),
            (advisers.HELD_BACK, pgettext_lazy("adviser", "not public yet")),
        ],
    )


class ItemForm(forms.Form):
    kind = forms.ChoiceField(
        label=pgettext_lazy("handover", "kind"), choices=[row for row in Kind.choices if row[0] != "step"]
    )
    what = forms.CharField(
        label=pgettext_lazy("handover", "what"),
        max_length=WHAT_LENGTH,
        help_text=_("Such as: lift in house 3, the keys of the reading room, the number of the repair firm."),
    )
    state = forms.CharField(
        label=_("how it stands"), max_length=STATE_LENGTH, widget=forms.Textarea(attrs={"rows": 3})
    )
    next_step = forms.CharField(label=_("next step"), max_length=NEXT_LENGTH, required=False)
    due_on = forms.DateField(label=_("to be done by"), required=False, widget=A_DAY)
    amount = forms.DecimalField(
        label=_("balance in yuan"), required=False, max_digits=12, decimal_places=2, min_value=0
    )
    signatory = forms.CharField(label=_("who signs for it"), required=False, max_length=40)

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        """``kind`` settles what the line is about; only money has a balance."""
        super().__init__(*args, **kwargs)
        del self.fields["kind"]
        if kind != Kind.MONEY:
            del self.fields["amount"], self.fields["signatory"]


class EndTenureForm(forms.Form):
    last_day = forms.DateField(label=_("last day in post"), widget=A_DAY, initial=localdate)


class BeginTenureForm(forms.Form):
    name = forms.CharField(label=_("name"), max_length=40)
    mobile = forms.CharField(
        label=_("mobile"),
        max_length=11,
        validators=[
            RegexValidator(r"^1\d{10}$", _("Write a mobile number of 11 digits, such as 13900000001."))
        ],
        help_text=_("Tells two people of one name apart, and finds who is on record already."),
    )
    kind = forms.ChoiceField(label=_("how appointed"), choices=TenureKind.choices, widget=forms.RadioSelect)
    starts_on = forms.DateField(label=_("in post since"), widget=A_DAY, initial=localdate)


class PromiseForm(forms.Form):
    what = forms.CharField(label=_("what was promised"), max_length=WHAT_LENGTH)
    due_on = forms.DateField(label=pgettext_lazy("promise", "due on"), required=False, widget=A_DAY)


class SettleForm(forms.Form):
    state = forms.ChoiceField(choices=[row for row in Promise.State.choices if row[0] != "open"])
    outcome = forms.CharField(max_length=REMARK_LENGTH, required=False)


class ElectionForm(forms.Form):
    district = forms.ModelChoiceField(label=_("district"), queryset=Organisation.objects.none())
    held_on = forms.DateField(
        label=_("day of the election"),
        widget=A_DAY,
        initial=localdate,
        help_text=_("Whoever was in post on the day before counts as before."),
    )

    def __init__(self, *args: Any, districts: QuerySet[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["district"])
        field.queryset = districts
        field.initial = districts.first()


class AdviserForm(forms.Form):
    tenure = forms.ModelChoiceField(
        label=_("who has left"), queryset=Tenure.objects.none(), empty_label=_("choose")
    )
    since = forms.DateField(label=_("adviser since"), widget=A_DAY, initial=localdate)

    def __init__(self, *args: Any, leavers: QuerySet[Tenure], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ModelChoiceField, self.fields["tenure"])
        field.queryset = leavers


class ThanksForm(forms.Form):
    thanks = forms.CharField(
        label=_("words of thanks"),
        max_length=THANKS_LENGTH,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("What the person leaves behind, in two or three sentences that residents understand."),
    )
