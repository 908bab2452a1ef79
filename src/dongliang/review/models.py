from typing import cast

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account, Organisation
from dongliang.seasons.models import Enrolment, Season


class Source(models.TextChoices):
    FIELD = "field", _("mentors in the field")
    INSTITUTIONAL = "institutional", _("subdistricts and departments")


class Assignment(models.Model):
    """Who is asked to assess whom: a mentor in the field, or a subdistrict or department as an institution."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="assignments", verbose_name=_("season"))
    source = models.CharField(_("source"), max_length=14, choices=Source)
    enrolment = models.ForeignKey(
        Enrolment, models.CASCADE, related_name="assignments", verbose_name=_("secretary")
    )
    mentor = models.ForeignKey(
        Mentor, models.PROTECT, null=True, blank=True, related_name="assignments", verbose_name=_("mentor")
    )
    institution = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="assignments",
        verbose_name=_("institution"),
    )

    class Meta:
        ordering = ["enrolment__number", "source", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(source="field", mentor__isnull=False, institution=None)
                | Q(source="institutional", mentor=None, institution__isnull=False),
                name="assignment_assessor_fits_its_source",
            ),
            models.UniqueConstraint(fields=["enrolment", "mentor"], name="a_mentor_is_assigned_once"),
            models.UniqueConstraint(
                fields=["enrolment", "institution"], name="an_institution_is_assigned_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.assessor} → {self.enrolment}"

    @property
    def assessor(self) -> Mentor | Organisation:
        # The database holds one or the other.
        return cast(Mentor | Organisation, self.mentor or self.institution)

    @property
    def rater_label(self) -> str:
        """How results name the rater: stable, and no name."""
        assessor = self.assessor
        return f"M{assessor.number:02d}" if isinstance(assessor, Mentor) else assessor.code


class Response(models.Model):
    """A filled sheet: one mark from 1 to 5 an indicator, in the rule book's order, as one string ("4453")."""

    assignment = models.OneToOneField(
        Assignment, models.CASCADE, related_name="response", verbose_name=_("assignment")
    )
    marks = models.CharField(_("marks"), max_length=8)
    # Field sheets also mark how well the first thing lands; empty on institutional ones.
    project_mark = models.CharField(_("mark of the first thing"), max_length=1, blank=True)
    note = models.TextField(_("what was seen"), max_length=2000, blank=True)
    submitted_at = models.DateTimeField(_("sent at"))
    submitted_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["assignment"]

    def __str__(self) -> str:
        return str(self.assignment)
