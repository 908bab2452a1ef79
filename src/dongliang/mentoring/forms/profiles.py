from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.mentoring.forms.roster import XlsxField
from dongliang.mentoring.models import WORDS_LENGTH, Mentor, Tier
from dongliang.mentoring.queries.profiles import MOST_PLACES, Needs, source_words
from dongliang.mentoring.vocabulary import group_name, grouped_things, things
from dongliang.people.models import Organisation
from dongliang.seasons.rulebook import RuleBookContent

ALL = pgettext_lazy("filter", "all")
STRENGTHS = [("0", _("not in particular")), ("1", _("can help")), ("2", _("very good at it"))]
NEEDS = [
    ("0", pgettext_lazy("need", "not needed")),
    ("1", pgettext_lazy("need", "needed")),
    ("2", _("much needed")),
]


class FilterForm(forms.Form):
    """A filter bar; a subdistrict to choose is offered only where there are several."""

    def __init__(self, *args: Any, subdistricts: QuerySet[Organisation] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if subdistricts is not None and "subdistrict" in self.fields:
            cast(forms.ModelChoiceField, self.fields["subdistrict"]).queryset = subdistricts
            if len(subdistricts) < 2:
                del self.fields["subdistrict"]

    @property
    def wanted(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}


def search_field(label: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=40)


def subdistrict_field() -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        label=_("Subdistrict"), queryset=Organisation.objects.none(), required=False, empty_label=ALL
    )


class MentorFilter(FilterForm):
    search = search_field(_("Name or initials"))
    subdistrict = subdistrict_field()
    tier = forms.ChoiceField(
        label=pgettext_lazy("of a mentor", "Tier"), required=False, choices=[("", ALL), *Tier.choices]
    )
    places = forms.ChoiceField(
        label=pgettext_lazy("for mentees", "Places"),
        required=False,
        choices=[("", ALL), ("free", _("has places free")), ("full", _("is full"))],
    )


class MenteeFilter(FilterForm):
    search = search_field(_("Name, initials or neighbourhood"))
    subdistrict = subdistrict_field()
    category = forms.ChoiceField(label=_("Category"), required=False)
    state = forms.ChoiceField(
        label=pgettext_lazy("of a mentee", "State"),
        required=False,
        choices=[("", ALL), ("waiting", _("without a mentor")), ("coached", _("has a mentor"))],
    )

    def __init__(self, *args: Any, categories: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["category"]).choices = [("", ALL), *categories.items()]


class ThingsForm(forms.Form):
    """A level for each thing of the season, in groups: kinds of problem, kinds of estate, indicators."""

    levels: list[tuple[str, Any]] = []
    unsaid = False

    def __init__(
        self, *args: Any, rules: RuleBookContent, given: dict[str, int], notes: dict[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.names = things(rules)
        for key, name in self.names.items():
            initial = given.get(key)
            self.fields[f"thing.{key}"] = forms.ChoiceField(
                label=name,
                required=False,
                choices=[("", _("leave it to the programme")), *self.levels] if self.unsaid else self.levels,
                initial=str(initial) if initial is not None else ("" if self.unsaid else "0"),
                help_text=notes.get(key, ""),
            )

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [
            (group_name(group), [self[f"thing.{key}"] for key in keys])
            for group, keys in grouped_things(self.names).items()
        ]

    @property
    def other_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if not name.startswith("thing.")]

    @property
    def chosen(self) -> dict[str, int]:
        return {
            key: int(value)
            for key in self.names
            if (value := self.cleaned_data.get(f"thing.{key}")) not in ("", None)
        }


def words_field(help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=_("In own words"),
        required=False,
        max_length=WORDS_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=help_text,
    )


class MentorForm(ThingsForm):
    levels = STRENGTHS

    tier = forms.ChoiceField(label=pgettext_lazy("of a mentor", "Tier"), choices=Tier.choices)
    capacity = forms.IntegerField(
        label=_("Places for mentees"), required=False, min_value=0, max_value=MOST_PLACES
    )
    years = forms.IntegerField(label=_("Years in post"), required=False, min_value=0, max_value=60)
    words = words_field(_("What people should come to you with."))

    def __init__(
        self, *args: Any, mentor: Mentor, by_office: bool, rules: RuleBookContent, **kwargs: Any
    ) -> None:
        kwargs["initial"] = {
            "tier": mentor.tier,
            "capacity": mentor.capacity,
            "years": mentor.years,
            "words": mentor.words,
        }
        super().__init__(*args, rules=rules, given=mentor.strengths, notes={}, **kwargs)
        self.fields["capacity"].help_text = _("Empty: %(most)d, as many as the rules allow.") % {
            "most": rules.mentoring.largest_load
        }
        if not by_office:
            # Of which tier a mentor is, the office says.
            del self.fields["tier"]


class MenteeForm(ThingsForm):
    levels = NEEDS
    unsaid = True

    wants_mentor = forms.BooleanField(
        label=_("wants a mentor"),
        required=False,
        help_text=_("Whoever is new after the election gets one anyway."),
    )
    words = words_field(_("What is hard at the moment. What is recognised in it counts as a need."))
    avoid = forms.ModelMultipleChoiceField(
        label=_("Not to be paired with"),
        queryset=Mentor.objects.none(),
        required=False,
        help_text=_("Seen by offices only."),
    )

    def __init__(
        self,
        *args: Any,
        needs: Needs,
        mentors: QuerySet[Mentor] | None,
        rules: RuleBookContent,
        **kwargs: Any,
    ) -> None:
        notes = {
            key: str(source_words(source)) + _(": %(level)s") % {"level": dict(NEEDS)[str(needs.levels[key])]}
            for key, source in needs.sources.items()
            if source != "said"
        }
        super().__init__(*args, rules=rules, given=dict(needs.said), notes=notes, **kwargs)
        if mentors is None:
            del self.fields["avoid"]
        else:
            cast(forms.ModelMultipleChoiceField, self.fields["avoid"]).queryset = mentors


class ProfilesForm(forms.Form):
    file = XlsxField(label=_("Profiles (.xlsx or .csv)"))
