import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from dongliang.ballots import codes
from dongliang.ballots.models import Comment, PaperBatch, RevokedCard, Round, Verdict
from dongliang.ballots.queries.cards import is_revoked
from dongliang.ballots.queries.coverage import NeighbourhoodCoverage
from dongliang.people.models import Organisation
from dongliang.seasons.models import Enrolment, Season
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
        # An address may ask for ?from=401&count=1, and "from" cannot be an attribute's name.
        return {"start": "from"}.get(field_name, field_name)

    @property
    def last(self) -> int:
        return self.cleaned_data["start"] + self.cleaned_data["count"] - 1


class OfficeCardsForm(CardsForm):
    """The programme office can have the cards for its visitors by themselves."""

    only_sample = forms.BooleanField(
        label=gettext_lazy("Only the cards of the random sample"),
        required=False,
        help_text=gettext_lazy("For the visitors, where the subdistrict office prints the others."),
    )


class PaperBallotsForm(CardsForm):
    """Which paper ballots to print: with the codes of households, or blank ones for a hall count."""

    round = forms.ChoiceField(label=gettext_lazy("Round"), choices=Round.Kind)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=PaperBatch.Kind)
    start = forms.IntegerField(
        label=gettext_lazy("From number"),
        min_value=1,
        max_value=codes.HIGHEST_SERIAL,
        initial=1,
        help_text=gettext_lazy("For ballots with household codes: the same numbers as those of the cards."),
    )

    field_order = ["round", "kind", "start", "count"]


class RevokeForm(forms.Form):
    """Cards reported lost: by the code of one that somebody remembers, or by the numbers of a pack."""

    code = forms.CharField(
        label=gettext_lazy("Code of the card"),
        max_length=codes.LONGEST_TYPED,
        required=False,
        help_text=gettext_lazy("From a photo of it, for instance. Otherwise give the numbers."),
    )
    first = forms.IntegerField(
        label=gettext_lazy("Numbers from"), min_value=1, max_value=codes.HIGHEST_SERIAL, required=False
    )
    last = forms.IntegerField(
        label=gettext_lazy("to"), min_value=1, max_value=codes.HIGHEST_SERIAL, required=False
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[
            (reason.value, reason.label) for reason in (RevokedCard.Reason.LOST, RevokedCard.Reason.SEEN)
        ],
    )

    def clean(self) -> None:
        given = self.cleaned_data
        first, last = given.get("first"), given.get("last")
        if not self.errors and bool(given.get("code")) == bool(first or last):
            raise forms.ValidationError(_("Give either the code of a card or the numbers of a pack."))
        if first and last and not first <= last < first + 1000:
            raise forms.ValidationError(
                _("The numbers run from the lower to the higher, at most 1,000 at a time.")
            )

    @property
    def serials(self) -> list[int]:
        first, last = self.cleaned_data["first"], self.cleaned_data["last"]
        return list(range(first or last, (last or first) + 1)) if first or last else []


class RoundForm(forms.Form):
    """What to do with one round by itself."""

    kind = forms.ChoiceField(label=gettext_lazy("Round"), choices=Round.Kind)
    what = forms.ChoiceField(
        label=gettext_lazy("What to do"),
        choices=[
            ("open", pgettext_lazy("to do with a round", "Open")),
            ("pause", pgettext_lazy("to do with a round", "Pause")),
            ("resume", pgettext_lazy("to do with a round", "Go on")),
            ("close", pgettext_lazy("to do with a round", "Close for good")),
        ],
    )
    reason = forms.CharField(label=gettext_lazy("Reason, for a pause"), max_length=200, required=False)


class DatesForm(forms.Form):
    """From when until when residents can vote."""

    opens_on = forms.DateField(
        label=gettext_lazy("First day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    opens_time = forms.TimeField(
        label=gettext_lazy("Hour of the beginning"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=gettext_lazy("Without one, the first day counts from its first minute."),
    )
    closes_on = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    closes_time = forms.TimeField(
        label=gettext_lazy("Hour of the end"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=gettext_lazy("Without one, the last day counts to its last minute."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason, once the rounds are open"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Where the end is moved, it is made public with the proof of the ballots."),
    )


class PhoneForm(forms.Form):
    """A mobile number of the mainland."""

    number = forms.CharField(
        label=gettext_lazy("Your mobile number"),
        max_length=40,
        error_messages={"required": gettext_lazy("Please type your mobile number.")},
    )

    def clean_number(self) -> str:
        digits = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", self.cleaned_data["number"]))
        digits = re.sub(r"^(\+|00)86", "", digits)
        if not re.fullmatch(r"1[3-9][0-9]{9}", digits):
            raise forms.ValidationError(
                _("A mobile number has 11 digits and begins with 1. Please look again.")
            )
        return digits


class TextedCodeForm(forms.Form):
    code = forms.CharField(
        label=gettext_lazy("The six digits in the message"),
        max_length=40,
        error_messages={"required": gettext_lazy("Please type the six digits.")},
    )

    def clean_code(self) -> str:
        digits = re.sub(r"\s", "", unicodedata.normalize("NFKC", self.cleaned_data["code"]))
        if not re.fullmatch("[0-9]{6}", digits):
            raise forms.ValidationError(_("The code has six digits. Please look again."))
        return digits


class AssistedForm(forms.Form):
    card = forms.CharField(
        label=gettext_lazy("Code of the household's card, if it has one"),
        max_length=codes.LONGEST_TYPED,
        required=False,
        help_text=gettext_lazy(
            "The card is revoked. Whether a ballot cast with it before counts, two people decide after the close."
        ),
    )


class BatchForm(forms.Form):
    """A pile of paper ballots to key in."""

    round = forms.ChoiceField(label=gettext_lazy("Round"), choices=Round.Kind)
    enrolment = forms.ModelChoiceField(
        label=gettext_lazy("Neighbourhood"),
        queryset=Enrolment.objects.none(),
        empty_label=gettext_lazy("Please choose"),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=PaperBatch.Kind)
    sheets = forms.IntegerField(
        label=gettext_lazy("How many sheets"),
        min_value=1,
        max_value=1000,
        help_text=gettext_lazy(
            "Number the sheets from 1 by hand before keying. More than 1,000: make two batches."
        ),
    )

    def __init__(self, enrolments: QuerySet[Enrolment], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["enrolment"]
        field.queryset = enrolments.select_related("post__organisation").order_by("post__organisation__code")  # type: ignore[attr-defined]
        field.label_from_instance = lambda enrolment: enrolment.organisation.name  # type: ignore[attr-defined]


SPOILT = "*"


class SheetForm(forms.Form):
    """One paper ballot, as a keyer types it: sheet, code where there is one, marks."""

    number = forms.IntegerField(label=pgettext_lazy("paper ballot", "Sheet"), min_value=1)
    code = forms.CharField(label=gettext_lazy("Household code"), max_length=200, required=False)
    marks = forms.CharField(label=gettext_lazy("Marks"), max_length=60)

    def __init__(
        self, batch: PaperBatch, key: bytes, candidates: Collection[int], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.batch, self.key, self.candidates = batch, key, candidates
        if batch.kind == PaperBatch.Kind.HALL:
            del self.fields["code"]

    def clean_marks(self) -> str:
        typed = unicodedata.normalize("NFKC", self.cleaned_data["marks"]).strip()
        if typed == SPOILT:
            return ""
        rules = self.batch.round.season.rules
        if self.batch.round.kind == Round.Kind.PROJECTS:
            return picks_of(typed, rules.popular_projects, self.candidates)
        digits, count = re.sub(r"\s", "", typed), len(rules.indicators)
        if not re.fullmatch(f"[0-5]{{{count}}}", digits):
            raise forms.ValidationError(
                _("%(count)d digits from 0 to 5 are due; “%(typed)s” was typed. A spoilt sheet is *.")
                % {"count": count, "typed": typed}
            )
        if set(digits) == {CANNOT_SAY}:
            raise forms.ValidationError(_("A sheet without any mark is keyed as spoilt: *."))
        return digits

    def clean(self) -> None:
        if "code" not in self.fields or self.errors or not self.cleaned_data["marks"]:
            return
        # A scanner types the whole address that the square holds.
        typed = re.sub(r"^.*/v/([^/]+)/?$", r"\1", self.cleaned_data["code"].strip())
        owner = codes.read(self.key, typed)
        if owner is None:
            self.add_error(
                "code", _("This is no household code. Compare it letter by letter; a spoilt sheet is *.")
            )
        elif owner[0] != self.batch.enrolment.number:
            self.add_error("code", _("This code is of another neighbourhood. Key the sheet as spoilt: *."))
        elif is_revoked(self.batch.enrolment, owner[1]):
            self.add_error("code", _("This card has been revoked. Key the sheet as spoilt: *."))
        else:
            self.cleaned_data["credential"] = codes.credential_digest(self.key, self.batch.round.kind, typed)


def picks_of(typed: str, rules: PopularProjects, candidates: Collection[int]) -> str:
    """Project numbers as a ballot stores them, however a keypad sets them apart."""
    picks = sorted({int(each) for each in re.findall(r"[0-9]{1,9}", typed)})
    if unknown := [pick for pick in picks if pick not in candidates]:
        raise forms.ValidationError(
            _("There is no project %(number)d. A spoilt sheet is *.") % {"number": unknown[0]}
        )
    if not rules.picks_minimum <= len(picks) <= rules.picks_maximum:
        raise forms.ValidationError(
            _("%(picked)d numbers were typed; %(minimum)d to %(maximum)d are due. A spoilt sheet is *.")
            % {"picked": len(picks), "minimum": rules.picks_minimum, "maximum": rules.picks_maximum}
        )
    return ",".join(map(str, picks))


class DestroyKeyForm(forms.Form):
    """Asks for the season's short name, so that nobody destroys a key by a slip of the hand."""

    name = forms.CharField(label=gettext_lazy("Short name of the season"), max_length=40)

    def __init__(self, season: Season, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.season = season
        self.fields["name"].help_text = _("To confirm, type %(slug)s.") % {"slug": season.slug}

    def clean_name(self) -> str:
        if self.cleaned_data["name"] != self.season.slug:
            raise forms.ValidationError(
                _("That is not this season's short name. It is %(slug)s.") % {"slug": self.season.slug}
            )
        return self.season.slug


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


class CommentFilter(forms.Form):
    """What to show of residents' comments."""

    q = forms.CharField(
        label=gettext_lazy("Name, initials, neighbourhood or word"),
        required=False,
        max_length=40,
    )
    subdistrict = forms.ModelChoiceField(
        label=gettext_lazy("Subdistrict"),
        queryset=Organisation.objects.none(),
        required=False,
        empty_label=gettext_lazy("All"),
    )
    state = forms.ChoiceField(
        label=gettext_lazy("Show"),
        required=False,
        choices=[("", gettext_lazy("All")), *Comment.State.choices],
    )

    def __init__(self, data: QueryDict | None, *, subdistricts: QuerySet[Organisation]) -> None:
        super().__init__(data)
        cast("forms.ModelChoiceField[Organisation]", self.fields["subdistrict"]).queryset = subdistricts

    @property
    def wanted(self) -> dict[str, Any]:
        """What ``matching_comments`` takes; nothing that is no answer to this form."""
        found = self.cleaned_data if self.is_valid() else {}
        return {
            "search": found.get("q", ""),
            "subdistrict": found.get("subdistrict"),
            "state": found.get("state", ""),
        }
