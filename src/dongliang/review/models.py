import uuid
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

    # Set by the office: the sheet counts nowhere and is not asked for again. Its history stays.
    voided_at = models.DateTimeField(_("voided at"), null=True, blank=True)

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
    def latest_remarks(self) -> list[str]:
        """What was pointed out before the newest version was sent. For lists, which fetch all versions at once."""
        versions = self.submissions.all()
        return max(versions, key=lambda one: one.version).remarks if versions else []

    @property
    def rater_label(self) -> str:
        """How results name the rater: stable, and no name."""
        assessor = self.assessor
        return f"M{assessor.number:02d}" if isinstance(assessor, Mentor) else assessor.code


class Content(models.Model):
    """What stands on a sheet: one mark from 1 to 5 an indicator, in the rule book's order, as one string ("4453")."""

    marks = models.CharField(_("marks"), max_length=8)
    # Field sheets also mark how well the first thing lands; empty on institutional ones.
    project_mark = models.CharField(_("mark of the first thing"), max_length=1, blank=True)
    note = models.TextField(_("what was seen"), max_length=2000, blank=True)
    # By indicator's key, what bears out its mark.
    notes = models.JSONField(_("notes"), default=dict, blank=True)

    class Meta:
        abstract = True


class Response(Content):
    """A filled sheet that counts. A sheet returned or voided has none any more: only its submissions stay."""

    assignment = models.OneToOneField(
        Assignment, models.CASCADE, related_name="response", verbose_name=_("assignment")
    )
    submitted_at = models.DateTimeField(_("sent at"))
    submitted_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["assignment"]

    def __str__(self) -> str:
        return str(self.assignment)


class Submission(Content):
    """A sheet as it once came in. Never changed: the history of a sheet is its submissions and rulings."""

    assignment = models.ForeignKey(
        Assignment, models.CASCADE, related_name="submissions", verbose_name=_("assignment")
    )
    # Given by the device that sends it, so that what arrives twice is stored once.
    key = models.UUIDField(_("key"), default=uuid.uuid4, unique=True)
    # Counts from 1 within the sheet. A device says on which version it built.
    version = models.PositiveIntegerField(_("version"))
    # What was pointed out before it was sent all the same.
    remarks = models.JSONField(_("remarks"), default=list, blank=True)
    received_at = models.DateTimeField(_("received at"))
    sent_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["assignment", "version"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "version"], name="a_version_of_a_sheet_comes_once")
        ]

    def __str__(self) -> str:
        return f"{self.assignment} v{self.version}"


class Ruling(models.Model):
    """The office returns a sheet to be filled again, or voids it for good, and says why."""

    class Kind(models.TextChoices):
        RETURNED = "returned", _("returned")
        VOIDED = "voided", _("voided")

    assignment = models.ForeignKey(
        Assignment, models.CASCADE, related_name="rulings", verbose_name=_("assignment")
    )
    kind = models.CharField(_("ruling"), max_length=8, choices=Kind)
    reason = models.CharField(_("reason"), max_length=300)
    # The last version at that time.
    version = models.PositiveIntegerField(_("version"))
    ruled_at = models.DateTimeField(_("ruled at"))
    ruled_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["assignment", "pk"]

    def __str__(self) -> str:
        return f"{self.assignment} {self.kind}"


class Photo(models.Model):
    """A photo that bears out a sheet: drawn anew by the server, without place, time or device."""

    assignment = models.ForeignKey(
        Assignment, models.CASCADE, related_name="photos", verbose_name=_("assignment")
    )
    # Given by the device, as a submission's.
    key = models.UUIDField(_("key"), default=uuid.uuid4, unique=True)
    width = models.PositiveSmallIntegerField(_("width"))
    height = models.PositiveSmallIntegerField(_("height"))
    taken_in_at = models.DateTimeField(_("received at"))
    taken_in_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["assignment", "pk"]

    def __str__(self) -> str:
        return f"{self.assignment} {self.key}"


class PhotoImage(models.Model):
    """The picture itself, apart from its row so that no list reads it. In the database: kept, copied and deleted with it."""

    photo = models.OneToOneField(Photo, models.CASCADE, primary_key=True, related_name="image")
    jpeg = models.BinaryField(_("JPEG"))
