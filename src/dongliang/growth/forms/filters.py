"""The filter bars of this app's lists."""

from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.growth.models import Attendance, Seat
from dongliang.growth.queries.path import NOT_ON_PATH, stages_of
from dongliang.people.models import Organisation
from dongliang.seasons.rulebook import RuleBookContent

ALL = ("", pgettext_lazy("filter", "all"))


class Filter(forms.Form):
    """A GET form; what cannot be read asks for nothing."""

    @property
    def wanted(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}


class SessionFilter(Filter):
    search = forms.CharField(label=_("Course, place or trainer"), required=False, max_length=60)
    kind = forms.ChoiceField(label=_("Kind of training"), required=False)
    when = forms.ChoiceField(
        label=pgettext_lazy("filter", "When"),
        required=False,
        choices=[
            ALL,
            ("coming", pgettext_lazy("sessions", "to come")),
            ("past", pgettext_lazy("sessions", "past")),
        ],
    )

    def __init__(self, *args: Any, rules: RuleBookContent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["kind"]).choices = [
            ALL,
            *((kind.key, str(kind.name)) for kind in rules.names.trainings),
        ]


class PeopleFilter(Filter):
    """Finds secretaries; the others add what else their list can ask for."""

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
    def person(self) -> dict[str, Any]:
        return {name: self.wanted.get(name) for name in ("search", "subdistrict") if self.wanted.get(name)}


class SeatFilter(PeopleFilter):
    state = forms.ChoiceField(
        label=pgettext_lazy("of a seat", "State"),
        required=False,
        choices=[
            ALL,
            (Seat.State.SEATED, Seat.State.SEATED.label),
            (Seat.State.WAITING, Seat.State.WAITING.label),
            ("there", _("was there")),
            ("absent", _("was not there")),
        ],
    )


class HoursFilter(PeopleFilter):
    which = forms.ChoiceField(
        label=_("Hours"),
        required=False,
        choices=[ALL, ("reached", _("has the hours of the year")), ("short", _("has not yet"))],
    )


class PathFilter(PeopleFilter):
    stage = forms.ChoiceField(label=pgettext_lazy("of the path", "Stage"), required=False)
    state = forms.ChoiceField(
        label=pgettext_lazy("of the path", "State"),
        required=False,
        choices=[
            ALL,
            ("proposed", _("a step waits for a second person")),
            ("paused", pgettext_lazy("of the path", "paused")),
            ("star", _("Star secretary")),
        ],
    )

    def __init__(self, *args: Any, rules: RuleBookContent, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["stage"]).choices = [
            ALL,
            *stages_of(rules),
            (NOT_ON_PATH, _("not on the path")),
        ]


class TickForm(forms.Form):
    """Who was there, and how it was noted."""

    method = forms.ChoiceField(
        label=_("Noted from"),
        choices=[(value, Attendance.Method(value).label) for value in ("list", "paper")],
        widget=forms.RadioSelect,
        initial="list",
    )
