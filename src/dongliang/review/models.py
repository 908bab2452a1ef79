import uuid
from typing import cast

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

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


class Conflict(models.Model):
    """A declared conflict of interest between a mentor and a secretary. It bars the two once the office confirms it."""

    class Ground(models.TextChoices):
        FAMILY = "family", _("relatives or in-laws")
        STUDIO = "studio", _("members of one studio")
        WORK = "work", _("worked closely together")
        DISPUTE = "dispute", _("a dispute between the two")
        OTHER = "other", pgettext_lazy("ground of a conflict", "something else")

    class State(models.TextChoices):
        DECLARED = "declared", _("waiting for the office")
        CONFIRMED = "confirmed", pgettext_lazy("conflict", "confirmed")
        REJECTED = "rejected", pgettext_lazy("conflict", "not confirmed")
        WITHDRAWN = "withdrawn", pgettext_lazy("conflict", "withdrawn")

    season = models.ForeignKey(Season, models.CASCADE, related_name="conflicts", verbose_name=_("season"))
    mentor = models.ForeignKey(Mentor, models.CASCADE, related_name="conflicts", verbose_name=_("mentor"))
    enrolment = models.ForeignKey(
        Enrolment, models.CASCADE, related_name="conflicts", verbose_name=_("secretary")
    )
    ground = models.CharField(_("ground"), max_length=8, choices=Ground)
    reason = models.CharField(_("what it consists of"), max_length=300)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DECLARED)
    declared_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    declared_at = models.DateTimeField(_("declared at"))
    decided_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decision = models.CharField(_("why it was decided so"), max_length=300, blank=True)

    class Meta:
        ordering = ["-declared_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["mentor", "enrolment"],
                condition=Q(state__in=["declared", "confirmed"]),
                name="one_live_conflict_a_pair",
            )
        ]

    def __str__(self) -> str:
        return f"{self.mentor} × {self.enrolment}"


class Waiver(models.Model):
    """A reason of avoidance set aside for one sheet that was given out by hand, as the rule book allows."""

    assignment = models.ForeignKey(
        Assignment, models.CASCADE, related_name="waivers", verbose_name=_("assignment")
    )
    key = models.CharField(_("what is set aside"), max_length=20)
    reason = models.CharField(_("reason"), max_length=300)
    granted_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    granted_at = models.DateTimeField(_("granted at"))

    class Meta:
        ordering = ["assignment", "key"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "key"], name="a_ground_is_waived_once_a_sheet")
        ]

    def __str__(self) -> str:
        return f"{self.assignment}: {self.key}"


class InstitutionalReturn(models.Model):
    """A workbook that an institution sent in, between preview and confirmation: its rows, nothing of a refused one."""

    class State(models.TextChoices):
        PREVIEWED = "previewed", _("waiting to be confirmed")
        CONFIRMED = "confirmed", pgettext_lazy("workbook", "taken over")
        DISCARDED = "discarded", pgettext_lazy("workbook", "discarded")

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PREVIEWED)
    season = models.ForeignKey(Season, models.CASCADE, related_name="returns", verbose_name=_("season"))
    institution = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", verbose_name=_("institution")
    )
    file_name = models.CharField(_("file"), max_length=200)
    file_sha256 = models.CharField(max_length=64)
    # [number of the secretary, marks, note], row by row; emptied once confirmed or discarded.
    rows = models.JSONField(default=list)
    # How many rows are new, changed and the same; kept when the rows are gone.
    counts = models.JSONField(default=dict)
    uploaded_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    uploaded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-uploaded_at", "-pk"]

    def __str__(self) -> str:
        return self.file_name


class Signature(models.Model):
    """An institution's officer stands for all of its sheets. What they say is fixed by a fingerprint."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="signatures", verbose_name=_("season"))
    institution = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", verbose_name=_("institution")
    )
    signer = models.CharField(_("signed by"), max_length=40)
    signed_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    signed_at = models.DateTimeField(_("signed at"))
    sheets = models.PositiveIntegerField(_("number of sheets"))
    contents_sha256 = models.CharField(_("fingerprint of the contents"), max_length=64)
    reopened_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    reopened_at = models.DateTimeField(_("opened again at"), null=True)
    reopening_reason = models.CharField(_("why it was opened again"), max_length=300, blank=True)

    class Meta:
        ordering = ["-signed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["season", "institution"],
                condition=Q(reopened_at=None),
                name="one_signature_holds_an_institution",
            )
        ]

    def __str__(self) -> str:
        return f"{self.institution} {self.signer}"


class Reminder(models.Model):
    """The office asked an assessor for the sheets outstanding: shown to her until they are sent, at most once a day."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="reminders", verbose_name=_("season"))
    mentor = models.ForeignKey(
        Mentor, models.CASCADE, null=True, related_name="reminders", verbose_name=_("mentor")
    )
    institution = models.ForeignKey(
        Organisation, models.CASCADE, null=True, related_name="+", verbose_name=_("institution")
    )
    # The day in the office's time zone, so that the database itself holds to one a day.
    on = models.DateField(_("on the day"))
    outstanding = models.PositiveIntegerField(_("sheets outstanding"))
    sent_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    sent_at = models.DateTimeField(_("reminded at"))

    class Meta:
        ordering = ["-sent_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(mentor__isnull=False, institution=None)
                | Q(mentor=None, institution__isnull=False),
                name="reminder_has_one_assessor",
            ),
            models.UniqueConstraint(
                fields=["season", "mentor", "on"], name="a_mentor_is_reminded_once_a_day"
            ),
            models.UniqueConstraint(
                fields=["season", "institution", "on"], name="an_institution_is_reminded_once_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mentor or self.institution} {self.on}"


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
