from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dongliang.common.sheets import MAX_FILE, MEGABYTE
from dongliang.people.models import Organisation


class XlsxField(forms.FileField):
    """A workbook or a CSV file, of a size that can be read."""

    widget = forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"})

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", gettext_lazy("At most 20 MB and 20,000 rows a sheet."))
        super().__init__(
            error_messages={
                "empty": gettext_lazy("The file is empty. It may not have been saved; choose it again.")
            },
            **kwargs,
        )

    def clean(self, data: Any, initial: Any = None) -> Any:
        file: UploadedFile = super().clean(data, initial)
        size = file.size or 0
        if size > MAX_FILE:
            raise forms.ValidationError(
                _("The file has %(seen)d MB; at most %(allowed)d MB can be read.")
                % {"seen": -(-size // MEGABYTE), "allowed": MAX_FILE // MEGABYTE}
            )
        return file


class RosterForm(forms.Form):
    district = forms.ModelChoiceField(
        label=gettext_lazy("District"), queryset=Organisation.objects.none(), empty_label=None
    )
    file = XlsxField(label=gettext_lazy("Roster (.xlsx or .csv)"))

    def __init__(self, *args: Any, districts: QuerySet[Organisation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["district"].queryset = districts  # type: ignore[attr-defined]
        if len(districts) == 1:
            self.fields["district"].initial = districts[0]
            self.fields["district"].widget = forms.HiddenInput()
