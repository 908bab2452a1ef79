from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.awards.models import RESOLVE_LENGTH, Commendation, HonourList, HonourTitle
from dongliang.awards.queries.commending import tenures_for
from dongliang.awards.queries.feedback import READ, RESOLVED, SHARED, UNREAD
from dongliang.awards.queries.lists import honours
from dongliang.awards.queries.publicity import candidates_for
from dongliang.people.models import Organisation, Tenure
from dongliang.seasons.models import Enrolment, Season


class NameChoice(forms.ModelChoiceField):
    """A secretary by name and neighbourhood."""

    def label_from_instance(self, obj: Enrolment) -> str:
        return f"{obj.person} · {obj.organisation}"


def name_choice(label: Any, *, required: bool, empty: Any) -> NameChoice:
    return NameChoice(Enrolment.objects.none(), label=label, required=required, empty_label=empty)


class ChangeForm(forms.Form):
    """Who should leave a list, who should enter, and why."""

    leaving = name_choice(_("Leaves the list"), required=True, empty=_("choose a name"))
    entering = name_choice(
        _("Enters in this place"), required=False, empty=_("nobody, the place stays empty")
    )
    reason = forms.CharField(label=_("Reason"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, honour_list: HonourList, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        on_it = (
            honour_list.season.enrolments.filter(pk__in=honours(honour_list).values("enrolment"))
            .select_related("person", "post__organisation")
            .order_by("post__organisation__code")
        )
        cast(NameChoice, self.fields["leaving"]).queryset = on_it
        cast(NameChoice, self.fields["entering"]).queryset = candidates_for(honour_list)


class ObjectionForm(forms.Form):
    """What somebody says against a public list."""

    enrolment = name_choice(_("About whom"), required=False, empty=_("the list as a whole"))
    text = forms.CharField(
        label=_("What you object to, and why"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("Facts that can be looked into: what, when, where."),
    )
    name = forms.CharField(
        label=_("Your name, or your unit"),
        max_length=80,
        help_text=_("Only the programme office reads it."),
    )
    contact = forms.CharField(
        label=_("How to reach you"), max_length=120, help_text=_("A telephone number or an address.")
    )

    def __init__(self, *args: Any, honour_list: HonourList, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(NameChoice, self.fields["enrolment"]).queryset = (
            honour_list.season.enrolments.filter(pk__in=honours(honour_list).values("enrolment"))
            .select_related("person", "post__organisation")
            .order_by("post__organisation__code")
        )


class AnswerForm(forms.Form):
    answer = forms.CharField(label=_("Answer"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    upheld = forms.BooleanField(label=_("The objection is right: the name has to go"), required=False)


class HoldForm(forms.Form):
    """Why a list is put on hold, or what came of it."""

    reason = forms.CharField(
        label=_("What is looked into, or what came of it"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class RevocationForm(forms.Form):
    reason = forms.CharField(label=_("Reason for revoking it"), max_length=300)


class NumberForm(forms.Form):
    number = forms.CharField(label=_("Number on the certificate"), max_length=60)


class TenureChoice(forms.ModelChoiceField):
    """A secretary by name, post and time in it."""

    def label_from_instance(self, obj: Tenure) -> str:
        end = obj.ends_on.year if obj.ends_on else _("today")
        return f"{obj.person} · {obj.post.organisation} · {obj.starts_on.year}–{end}"


class HonourTitleForm(forms.ModelForm):
    """An honour of people: its name, for whom, on which basis and how many times."""

    class Meta:
        model = HonourTitle
        fields = ["name", "whom", "places", "basis"]
        widgets = {"basis": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "basis": _("The document that entitles the office to give it, with its number."),
            "places": _("How many the basis allows."),
        }


class CommendationForm(forms.Form):
    """Who is proposed for which honour, and what for."""

    honour = forms.ModelChoiceField(HonourTitle.objects.none(), label=_("Honour"))
    tenure = TenureChoice(Tenure.objects.none(), label=_("Secretary and post"))
    merits = forms.CharField(
        label=_("What for"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("In whole sentences: they stand on the certificate."),
    )

    def __init__(self, *args: Any, season: Season, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ModelChoiceField, self.fields["honour"]).queryset = season.honour_titles.all()
        cast(TenureChoice, self.fields["tenure"]).queryset = tenures_for(season)


class CommendationFilter(forms.Form):
    q = forms.CharField(label=_("Name or neighbourhood"), required=False, max_length=40)
    state = forms.ChoiceField(
        label=_("Show"), required=False, choices=[("", _("All")), *Commendation.State.choices]
    )


class FeedbackFilter(forms.Form):
    """What to show of the list of feedback."""

    q = forms.CharField(
        label=_("Name, initials or neighbourhood"),
        required=False,
        max_length=40,
    )
    subdistrict = forms.ModelChoiceField(
        label=_("Subdistrict"), queryset=Organisation.objects.none(), required=False, empty_label=_("All")
    )
    state = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[
            ("", _("Everyone")),
            (UNREAD, pgettext_lazy("feedback", "not read yet")),
            (READ, pgettext_lazy("feedback", "read")),
            (RESOLVED, _("with a sentence of what comes next")),
            (SHARED, _("shared with the mentor")),
        ],
    )

    def __init__(self, data: QueryDict | None, *, subdistricts: QuerySet[Organisation]) -> None:
        super().__init__(data)
        cast("forms.ModelChoiceField[Organisation]", self.fields["subdistrict"]).queryset = subdistricts

    @property
    def wanted(self) -> dict[str, Any]:
        """What ``matching_feedback`` takes; nothing that is no answer to this form."""
        found = self.cleaned_data if self.is_valid() else {}
        return {
            "search": found.get("q", ""),
            "subdistrict": found.get("subdistrict"),
            "state": found.get("state", ""),
        }


class AcknowledgementForm(forms.Form):
    """That it is read, what the secretary will do, and whether the mentor may read it."""

    resolve = forms.CharField(
        label=_("What I will do"),
        max_length=RESOLVE_LENGTH,
        required=False,
        help_text=_("One sentence of your own, if you like. Your mentor reads it."),
    )
    shared = forms.BooleanField(
        label=_("My mentor may read this whole page"),
        required=False,
        help_text=_("You can take this back at any time."),
    )
