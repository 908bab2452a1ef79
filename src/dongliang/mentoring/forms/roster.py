from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dongliang.common.sheets import MAX_FILE, MEGABYTE
from dongliang.people.models import Organisation


class RosterForm(forms.Form):
    district = forms.ModelChoiceField(
        label=gettext_lazy("District"), queryset=Organisation.objects.none(), empty_label=None
    )
    file = forms.FileField(
        label=gettext_lazy("Roster (.xlsx or .csv)"),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"}),
        help_text=gettext_lazy("At most 20 MB and 20,000 rows a sheet."),
        error_messages={
            "empty": gettext_lazy("The file is empty. It may not have been saved; choose it again.")
        },
    )

    def __init__(self, *args: Any, districts: QuerySet[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["district"].queryset = districts  # type: ignore[attr-defined]
        if len(districts) == 1:
            self.fields["district"].initial = districts[0]
            self.fields["district"].widget = forms.HiddenInput()

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        size = file.size or 0
        if size > MAX_FILE:
            raise forms.ValidationError(
                _("The file has %(seen)d MB; at most %(allowed)d MB can be read.")
                % {"seen": -(-size // MEGABYTE), "allowed": MAX_FILE // MEGABYTE}
            )
        return file
