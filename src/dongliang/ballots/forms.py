from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from dongliang.ballots import codes
from dongliang.ballots.models import Verdict
from dongliang.ballots.queries.coverage import NeighbourhoodCoverage
from dongliang.people.models import Organisation
from dongliang.seasons.rulebook import Indicator, PopularProjects

CANNOT_SAY = "0"
ANSWERS = [
    ("5", pgettext_lazy("answer", "very good")),
    ("4", pgettext_lazy("answer", "good")),
    ("3", pgettext_lazy("answer", "fair")),
    ("2", pgettext_lazy("answer", "poor")),
    ("1", pgettext_lazy("answer", "very poor")),
    (CANNOT_SAY, pgettext_lazy("answer", "I can't say")),
]


class CodeForm(forms.Form):
    """A household code, typed from a card. Whether it is one is for the season's key to say."""

    code = forms.CharField(
        label=gettext_lazy("The code on your card"),
        max_length=codes.LONGEST_TYPED,
        error_messages={"required": gettext_lazy("Please type the code on your card.")},
    )

    def clean_code(self) -> str:
        typed = codes.normalised(self.cleaned_data["code"])
        if len(typed) != codes.CODE_SYMBOLS:
            raise forms.ValidationError(
                ngettext(
                    "The code has %(due)d letters and digits; you typed %(count)d.",
                    "The code has %(due)d letters and digits; you typed %(count)d.",
                    len(typed),
                )
                % {"due": codes.CODE_SYMBOLS, "count": len(typed)}
            )
        return codes.canonical(typed)


class ReceiptForm(forms.Form):
    receipt = forms.CharField(
        label=gettext_lazy("The code on your receipt"),
        max_length=codes.LONGEST_TYPED,
        error_messages={"required": gettext_lazy("Please type the code on your receipt.")},
    )


class BallotForm(forms.Form):
    """A vote on a page."""

    @property
    def marks(self) -> str:
        """The vote as a ballot stores it."""
        raise NotImplementedError


class RatingForm(BallotForm):
    """An answer to each of the rule book's questions: 1 to 5, or 0 where the resident cannot say."""

    def __init__(self, indicators: Sequence[Indicator], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for indicator in indicators:
            self.fields[indicator.key] = forms.ChoiceField(
                label=str(indicator.question),
                choices=ANSWERS,
                widget=forms.RadioSelect,
                error_messages={
                    "required": _("Not answered yet. Please tap one."),
                    "invalid_choice": _("That is not one of the answers. Please tap one."),
                },
            )

    def clean(self) -> None:
        if not self.errors and set(self.cleaned_data.values()) == {CANNOT_SAY}:
            raise forms.ValidationError(
                _(
                    "You could not say anything on any question. Please answer at least one, or leave it at that."
                )
            )

    @property
    def marks(self) -> str:
        return "".join(self.cleaned_data[key] for key in self.fields)


class PicksForm(BallotForm):
    """The projects a resident likes best, by number."""

    def __init__(self, numbers: Collection[int], rules: PopularProjects, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rules = rules
        self.fields["picks"] = forms.MultipleChoiceField(
            choices=[(str(number), number) for number in numbers],
            required=False,
            error_messages={
                "invalid_choice": _("One of the projects picked is not on the list. Please pick again.")
            },
        )

    def clean_picks(self) -> list[int]:
        picks = sorted({int(pick) for pick in self.cleaned_data["picks"]})
        if not self.rules.picks_minimum <= len(picks) <= self.rules.picks_maximum:
            raise forms.ValidationError(
                _("You have picked %(picked)d. Please pick %(minimum)d to %(maximum)d.")
                % {
                    "picked": len(picks),
                    "minimum": self.rules.picks_minimum,
                    "maximum": self.rules.picks_maximum,
                }
            )
        return picks

    @property
    def marks(self) -> str:
        return ",".join(map(str, self.cleaned_data["picks"]))


class CoverageFilter(forms.Form):
    """Which neighbourhoods to show."""

    name = forms.CharField(label=gettext_lazy("Neighbourhood"), max_length=60, required=False)
    short = forms.ChoiceField(
        label=gettext_lazy("Ballots"),
        choices=[("", pgettext_lazy("ballots", "all")), ("1", gettext_lazy("below the minimum"))],
        required=False,
    )

    def __init__(self, subdistricts: Iterable[Organisation], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subdistrict"] = forms.ChoiceField(
            label=_("Subdistrict"),
            choices=[
                ("", pgettext("subdistricts", "all")),
                *((subdistrict.code, subdistrict.name) for subdistrict in subdistricts),
            ],
            required=False,
        )
        self.order_fields(["name", "subdistrict", "short"])

    def keeps(self, row: NeighbourhoodCoverage) -> bool:
        wanted = self.cleaned_data if self.is_valid() else {}
        return (
            wanted.get("name", "") in row.enrolment.organisation.name
            and wanted.get("subdistrict") in (None, "", row.enrolment.subdistrict.code)
            and (row.is_below_minimum or not wanted.get("short"))
        )


class CardsForm(forms.Form):
    """Which household cards to print: so many, from this number on."""

    start = forms.IntegerField(
        label=gettext_lazy("From number"), min_value=1, max_value=codes.HIGHEST_SERIAL, initial=1
    )
    count = forms.IntegerField(label=gettext_lazy("How many"), min_value=1, max_value=300, initial=30)

    def add_prefix(self, field_name: str) -> str:
        # The address reads ?from=1&count=30, and "from" cannot be an attribute's name.
        return {"start": "from"}.get(field_name, field_name)

    @property
    def last(self) -> int:
        return self.cleaned_data["start"] + self.cleaned_data["count"] - 1


class VerdictForm(forms.Form):
    """What a member of the panel says about flagged ballots, and why."""

    decision = forms.ChoiceField(
        label=gettext_lazy("Your verdict"), choices=Verdict.Decision, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label=gettext_lazy("What decided you"),
        help_text=gettext_lazy("A sentence or two. The other member reads it once both verdicts are in."),
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
    )
