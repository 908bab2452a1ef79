import uuid
from pathlib import Path as File

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import localtime
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from dongliang.people.models import Account, Organisation, Person
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment, Season
from dongliang.seasons.rulebook import Named

TITLE_LENGTH = 60
TEXT_LENGTH = 2000
HOURS = [MinValueValidator(0), MaxValueValidator(100)]


def material_storage() -> FileSystemStorage:
    """Beside the database, outside of what is served: a material is given out by a view, to whom it is for."""
    return FileSystemStorage(location=settings.HOME / "materials")


def material_path(material: "Material", name: str) -> str:
    # Never the sender's own name: it is kept as a title only.
    return f"{material.course_id}/{uuid.uuid4().hex}{File(name).suffix.lower()}"


class Course(models.Model):
    """A training programme of a season: one of the kinds of the rule book, held in one or more sessions."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="courses", verbose_name=_("season"))
    kind = models.CharField(_("kind of training"), max_length=30)
    empowerment = models.CharField(_("kind of empowerment"), max_length=30, blank=True)
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    summary = models.TextField(_("what it is about"), max_length=TEXT_LENGTH, blank=True)
    # A task to be done in one's own first thing; empty: none.
    practice = models.TextField(_("practice task"), max_length=TEXT_LENGTH, blank=True)
    practice_hours = models.DecimalField(
        _("hours for the practice task"), max_digits=4, decimal_places=1, default=0, validators=HOURS
    )
    # Of the questions so many percent right; attempts: how often one may try.
    pass_percent = models.PositiveSmallIntegerField(
        _("percent to pass the quiz"), default=60, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    attempts = models.PositiveSmallIntegerField(
        _("attempts at the quiz"), default=3, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def kind_name(self) -> str:
        return named(self.season.rules.names.trainings, self.kind)

    @property
    def empowerment_name(self) -> str:
        return named(self.season.rules.names.empowerments, self.empowerment)


def named(entries: list[Named], key: str) -> str:
    return next((str(entry.name) for entry in entries if entry.key == key), key)


class Session(models.Model):
    """One meeting of a course, at a time and a place."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="sessions", verbose_name=_("course"))
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))
    place = models.CharField(_("place"), max_length=80)
    trainer = models.CharField(_("trainer"), max_length=60)
    hours = models.DecimalField(
        _("hours credited"), max_digits=4, decimal_places=1, validators=[MinValueValidator(0.5), HOURS[1]]
    )
    places = models.PositiveIntegerField(
        pgettext_lazy("in a session", "places"), validators=[MinValueValidator(1)]
    )
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)

    class Meta:
        ordering = ["starts_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="session_ends_after_it_starts",
                violation_error_message=_("The session ends before it begins. Check the two times."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.course} {localtime(self.starts_at):%Y-%m-%d %H:%M}"


class Quota(models.Model):
    """How many of a session's places one subdistrict has. A subdistrict without a line shares in what is left."""

    session = models.ForeignKey(Session, models.CASCADE, related_name="quotas")
    subdistrict = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", verbose_name=_("subdistrict")
    )
    places = models.PositiveIntegerField(pgettext_lazy("in a session", "places"))

    class Meta:
        ordering = ["subdistrict__code"]
        constraints = [
            models.UniqueConstraint(fields=["session", "subdistrict"], name="one_quota_a_subdistrict")
        ]


class Seat(models.Model):
    """A secretary's place in a session, or on its waiting list."""

    class State(models.TextChoices):
        SEATED = "seated", _("has a place")
        WAITING = "waiting", _("on the waiting list")
        LEFT = "left", _("withdrawn")

    session = models.ForeignKey(Session, models.CASCADE, related_name="seats", verbose_name=_("session"))
    enrolment = models.ForeignKey(
        Enrolment, models.CASCADE, related_name="training_seats", verbose_name=_("secretary")
    )
    state = models.CharField(_("state"), max_length=8, choices=State)
    # Who asked first moves up first.
    asked_at = models.DateTimeField(_("asked at"))

    class Meta:
        ordering = ["enrolment__number"]
        constraints = [models.UniqueConstraint(fields=["session", "enrolment"], name="one_seat_a_secretary")]

    def __str__(self) -> str:
        return f"{self.session} {self.enrolment.person}"


class Attendance(models.Model):
    """Somebody was there, and how we know."""

    class Method(models.TextChoices):
        CODE = "code", _("code on the screen")
        LIST = "list", _("list")
        PAPER = "paper", _("sheet on paper")

    session = models.ForeignKey(
        Session, models.PROTECT, related_name="attendances", verbose_name=_("session")
    )
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="attendances", verbose_name=_("secretary")
    )
    method = models.CharField(_("signed in by"), max_length=5, choices=Method)
    at = models.DateTimeField(_("signed in at"))
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    # That feedback was given, never which.
    gave_feedback = models.BooleanField(default=False)

    class Meta:
        ordering = ["enrolment__number"]
        constraints = [
            models.UniqueConstraint(fields=["session", "enrolment"], name="one_attendance_a_secretary")
        ]

    def __str__(self) -> str:
        return f"{self.session} {self.enrolment.person}"


class Material(models.Model):
    """What a course gives to read: a file, or a link."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="materials", verbose_name=_("course"))
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    link = models.URLField(_("link"), max_length=300, blank=True)
    file = models.FileField(_("file"), storage=material_storage, upload_to=material_path, blank=True)
    size = models.PositiveIntegerField(_("bytes"), default=0)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(link="") ^ Q(file=""), name="a_material_is_a_link_or_a_file")
        ]

    def __str__(self) -> str:
        return self.title


class PracticeReport(models.Model):
    """What a secretary did in the own first thing with what was learnt."""

    class State(models.TextChoices):
        SENT = "sent", _("waiting to be read")
        ACCEPTED = "accepted", _("accepted")
        RETURNED = "returned", _("sent back")

    course = models.ForeignKey(Course, models.PROTECT, related_name="reports", verbose_name=_("course"))
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="practice_reports", verbose_name=_("secretary")
    )
    first_thing = models.ForeignKey(
        FirstThing, models.PROTECT, related_name="practice_reports", verbose_name=_("first thing")
    )
    text = models.TextField(_("what I did"), max_length=TEXT_LENGTH)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.SENT)
    answer = models.CharField(_("answer"), max_length=300, blank=True)
    sent_at = models.DateTimeField(_("sent at"))
    read_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["enrolment__number"]
        constraints = [
            models.UniqueConstraint(fields=["course", "enrolment"], name="one_practice_report_a_secretary")
        ]

    def __str__(self) -> str:
        return f"{self.course} {self.enrolment.person}"


class Credit(models.Model):
    """The hours ledger: every credited hour of a person stands here once, with where it comes from."""

    person = models.ForeignKey(
        Person, models.PROTECT, related_name="training_credits", verbose_name=_("person")
    )
    season = models.ForeignKey(
        Season, models.PROTECT, related_name="training_credits", verbose_name=_("season")
    )
    hours = models.DecimalField(_("hours"), max_digits=4, decimal_places=1, validators=HOURS)
    earned_on = models.DateField(_("earned on"))
    attendance = models.OneToOneField(Attendance, models.PROTECT, null=True, related_name="credit")
    practice = models.OneToOneField(PracticeReport, models.PROTECT, null=True, related_name="credit")
    # Training held by others, with the paper that shows it.
    evidence = models.CharField(_("held by whom, shown by what"), max_length=200, blank=True)
    given_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["earned_on", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(attendance__isnull=False, practice=None, evidence="")
                | Q(attendance=None, practice__isnull=False, evidence="")
                | (Q(attendance=None, practice=None) & ~Q(evidence="")),
                name="a_credit_has_one_source",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.hours}"

    @property
    def source(self) -> str:
        if self.attendance:
            return str(self.attendance.session.course)
        if self.practice:
            return gettext("Practice: %(course)s") % {"course": self.practice.course}
        return self.evidence


class Question(models.Model):
    """One question of a course's quiz: two to six choices, one of them right."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="questions")
    text = models.CharField(pgettext_lazy("in a quiz", "question"), max_length=200)
    choices = models.JSONField(_("choices"))
    right = models.PositiveSmallIntegerField(_("right choice"))

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text


class Attempt(models.Model):
    """One try at a quiz: the choices taken, by question, and how many percent were right."""

    course = models.ForeignKey(Course, models.CASCADE, related_name="attempts_made")
    enrolment = models.ForeignKey(Enrolment, models.CASCADE, related_name="quiz_attempts")
    answers = models.JSONField(_("answers"))
    percent = models.PositiveSmallIntegerField(_("percent right"))
    passed = models.BooleanField(_("passed"))
    at = models.DateTimeField(_("at"))

    class Meta:
        ordering = ["pk"]


class Feedback(models.Model):
    """What somebody thought of a session. Nobody can tell who: no name, no time, and a key without order."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    session = models.ForeignKey(Session, models.CASCADE, related_name="feedback")
    content = models.PositiveSmallIntegerField(_("of use in my work"))
    trainer = models.PositiveSmallIntegerField(_("well explained"))
    setting = models.PositiveSmallIntegerField(_("well organised"))
    remark = models.CharField(_("remark"), max_length=300, blank=True)
