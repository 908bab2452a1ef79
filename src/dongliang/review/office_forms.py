"""What the office and the institutions fill in: declarations, filters, changes of assessors, signatures."""

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.common.sheets import MAX_FILE, MEGABYTE
from dongliang.mentoring.models import Mentor
from dongliang.people.models import Organisation
from dongliang.review.avoidance import Barred, ground_words
from dongliang.review.finding import found_by
from dongliang.review.models import Conflict
from dongliang.review.signatures import Asked
from dongliang.review.staffing import Candidate, Change, Staffed
from dongliang.review.waiting import About, Waiting
from dongliang.seasons.models import Enrolment, Season

ALL = pgettext_lazy("filter", "all")


def choose_from(field: forms.Field, rows: QuerySet) -> None:
    cast(forms.ModelChoiceField, field).queryset = rows


class ConflictForm(forms.Form):
    """A declaration. Whoever declares for herself is not asked which side she is."""

    mentor = forms.ModelChoiceField(
        label=pgettext_lazy("who assesses", "Mentor"),
        queryset=Mentor.objects.none(),
        empty_label=pgettext_lazy("field", "choose"),
    )
    enrolment = forms.ModelChoiceField(
        label=_("Secretary"), queryset=Enrolment.objects.none(), empty_label=pgettext_lazy("field", "choose")
    )
    ground = forms.ChoiceField(label=_("Ground"), choices=Conflict.Ground.choices, widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("What it consists of"),
        help_text=_("A sentence. The programme office reads it, and the two concerned."),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self, *args: Any, mentors: QuerySet[Mentor], secretaries: QuerySet[Enrolment], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (("mentor", mentors), ("enrolment", secretaries)):
            choose_from(self.fields[name], rows)
            if len(rows) == 1:
                self.fields[name].initial = rows[0]
                self.fields[name].widget = forms.HiddenInput()


class DecisionForm(forms.Form):
    decision = forms.CharField(
        label=_("Why it is decided so"),
        help_text=_("Needed if the declaration is not confirmed."),
        required=False,
        max_length=300,
    )


class ConflictFilter(forms.Form):
    search = forms.CharField(label=_("Name or neighbourhood"), required=False, max_length=40)
    state = forms.ChoiceField(
        label=pgettext_lazy("of a declaration", "State"),
        required=False,
        choices=[("", ALL), *Conflict.State.choices],
    )

    def keeps(self, row: Conflict) -> bool:
        wanted = self.cleaned_data if self.is_valid() else {}
        return wanted.get("state", "") in ("", row.state) and found_by(
            wanted.get("search", ""), row.mentor, row.enrolment.person, row.enrolment.organisation
        )


class AvoidanceFilter(forms.Form):
    search = forms.CharField(label=_("Name or neighbourhood"), required=False, max_length=40)
    mentor = forms.ModelChoiceField(
        label=pgettext_lazy("who assesses", "Mentor"),
        queryset=Mentor.objects.none(),
        required=False,
        empty_label=ALL,
    )
    secretary = forms.ModelChoiceField(
        label=_("Secretary"), queryset=Enrolment.objects.none(), required=False, empty_label=ALL
    )
    subdistrict = forms.ModelChoiceField(
        label=_("Subdistrict"), queryset=Organisation.objects.none(), required=False, empty_label=ALL
    )
    ground = forms.ChoiceField(label=_("Ground"), required=False)

    def __init__(
        self,
        *args: Any,
        mentors: QuerySet[Mentor],
        secretaries: QuerySet[Enrolment],
        subdistricts: QuerySet[Organisation],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        choose_from(self.fields["mentor"], mentors)
        choose_from(self.fields["secretary"], secretaries)
        choose_from(self.fields["subdistrict"], subdistricts)
        cast(forms.ChoiceField, self.fields["ground"]).choices = [("", ALL), *ground_words().items()]

    @property
    def wanted(self) -> dict[str, Any]:
        return self.cleaned_data if self.is_valid() else {}

    def keeps(self, row: Barred) -> bool:
        wanted = self.wanted
        secretary = row.enrolment
        return (
            wanted.get("mentor") in (None, row.mentor)
            and wanted.get("secretary") in (None, secretary)
            and wanted.get("subdistrict") in (None, secretary.subdistrict)
            and (not wanted.get("ground") or wanted["ground"] in row.keys)
            and found_by(wanted.get("search", ""), row.mentor, secretary.person, secretary.organisation)
        )


class StaffingFilter(forms.Form):
    search = forms.CharField(label=_("Name or neighbourhood"), required=False, max_length=40)
    subdistrict = forms.ModelChoiceField(
        label=_("Subdistrict"), queryset=Organisation.objects.none(), required=False, empty_label=ALL
    )
    mentor = forms.ModelChoiceField(
        label=_("Assessor"), queryset=Mentor.objects.none(), required=False, empty_label=ALL
    )
    state = forms.ChoiceField(
        label=pgettext_lazy("of assessors", "State"),
        required=False,
        choices=[("", ALL), ("short", _("too few assessors"))],
    )

    def __init__(
        self, *args: Any, subdistricts: QuerySet[Organisation], mentors: QuerySet[Mentor], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choose_from(self.fields["subdistrict"], subdistricts)
        choose_from(self.fields["mentor"], mentors)

    def keeps(self, row: Staffed) -> bool:
        wanted = self.cleaned_data if self.is_valid() else {}
        return (
            wanted.get("subdistrict") in (None, row.enrolment.subdistrict)
            and (
                wanted.get("mentor") is None
                or any(sheet.mentor_id == wanted["mentor"].pk for sheet in row.sheets)
            )
            and (wanted.get("state") != "short" or row.is_short)
            and found_by(wanted.get("search", ""), row.enrolment.person, row.enrolment.organisation)
        )


class ChangeForm(forms.Form):
    """What to change about one secretary's assessors: one choice for what, one for who."""

    what = forms.ChoiceField(label=_("What is to change"), widget=forms.RadioSelect)
    mentor = forms.ModelChoiceField(
        label=_("Who is to assess"),
        queryset=Mentor.objects.none(),
        required=False,
        empty_label=pgettext_lazy("field", "nobody"),
    )
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Needed where something is set aside. It is kept with your name."),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(
        self, *args: Any, staffed: Staffed, candidates: Sequence[Candidate], season: Season, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.enrolment = staffed.enrolment
        self.open_sheets = {sheet.pk: sheet for sheet in staffed.sheets if not hasattr(sheet, "response")}
        choices = [("add", str(_("Add an assessor")))]
        for pk, sheet in self.open_sheets.items():
            name = {"mentor": sheet.mentor}
            choices += [
                (f"swap-{pk}", str(_("Put somebody in the place of %(mentor)s") % name)),
                (f"remove-{pk}", str(_("Take the sheet from %(mentor)s") % name)),
            ]
        cast(forms.ChoiceField, self.fields["what"]).choices = choices
        able = [entry.mentor.pk for entry in candidates if not entry.barred]
        choose_from(self.fields["mentor"], season.mentors.filter(pk__in=able).select_related("person"))
        load = {entry.mentor.pk: entry.load for entry in candidates}
        cast(Any, self.fields["mentor"]).label_from_instance = lambda mentor: (
            _("%(mentor)s, %(load)d sheets")
            % {
                "mentor": mentor,
                "load": load.get(mentor.pk, 0),
            }
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        what, mentor = cleaned.get("what", ""), cleaned.get("mentor")
        if what.startswith("remove-"):
            cleaned["mentor"] = None
        elif what and mentor is None and "mentor" not in self.errors:
            self.add_error("mentor", _("Choose who is to assess."))
        return cleaned

    @property
    def change(self) -> Change:
        _verb, _dash, pk = self.cleaned_data["what"].partition("-")
        return Change(
            self.enrolment,
            taken=self.open_sheets[int(pk)] if pk else None,
            given=self.cleaned_data["mentor"],
        )


class ReleaseForm(forms.Form):
    reason = forms.CharField(
        label=_("Why the assessor stops"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ReturnForm(forms.Form):
    file = forms.FileField(
        label=_("Workbook (.xlsx)"),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx"}),
        help_text=_("The one downloaded here, filled in. You see first what would change."),
        error_messages={"empty": _("The file is empty. It may not have been saved; choose it again.")},
    )

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        size = file.size or 0
        if size > MAX_FILE:
            raise forms.ValidationError(
                str(_("The file has %(seen)d MB; at most %(allowed)d MB can be read."))
                % {"seen": -(-size // MEGABYTE), "allowed": MAX_FILE // MEGABYTE}
            )
        return file


class SigningForm(forms.Form):
    signer = forms.CharField(
        label=_("Name of the officer responsible"),
        help_text=_("It is kept with the time and a fingerprint of all marks and notes."),
        max_length=40,
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Why they have to be opened again"), max_length=300, widget=forms.Textarea(attrs={"rows": 2})
    )


class AskedFilter(forms.Form):
    search = forms.CharField(
        label=pgettext_lazy("who is asked for sheets", "Institution"), required=False, max_length=40
    )
    state = forms.ChoiceField(
        label=pgettext_lazy("of an institution's sheets", "State"),
        required=False,
        choices=[
            ("", ALL),
            ("late", _("not complete")),
            ("complete", _("complete, not signed")),
            ("signed", pgettext_lazy("sheets", "signed")),
        ],
    )

    def keeps(self, row: Asked) -> bool:
        wanted = self.cleaned_data if self.is_valid() else {}
        return wanted.get("state", "") in ("", row.state) and found_by(
            wanted.get("search", ""), row.institution
        )


class WaitingFilter(forms.Form):
    by = forms.CharField(required=False, max_length=12, widget=forms.HiddenInput())
    search = forms.CharField(label=_("Name or neighbourhood"), required=False, max_length=40)
    state = forms.ChoiceField(
        label=pgettext_lazy("of a sheet", "State"),
        required=False,
        choices=[("", ALL), ("late", _("not complete")), ("complete", _("complete"))],
    )

    def keeps(self, row: Waiting | About) -> bool:
        wanted = self.cleaned_data if self.is_valid() else {}
        if isinstance(row, Waiting):
            names: list[object] = [row.progress.assessor]
            still_open = row.progress.open
        else:
            names = [getattr(row.subject, "person", row.subject), getattr(row.subject, "organisation", "")]
            still_open = row.open
        return wanted.get("state", "") in ("", "late" if still_open else "complete") and found_by(
            wanted.get("search", ""), *names
        )
