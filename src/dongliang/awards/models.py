from django.db import models
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.scoring.models import ScoringRun
from dongliang.seasons.models import Enrolment, Season

RESOLVE_LENGTH = 100


class HonourList(models.Model):
    """A list of honours of a season, drawn from one scoring run by the rule book; public once published."""

    class Kind(models.TextChoices):
        BEST_SECRETARIES = "best_secretaries", _("finest secretaries")
        POPULAR_PROJECTS = "popular_projects", _("most popular first things")
        SUREST_THINGS = "surest_things", _("surest things")

    season = models.ForeignKey(Season, models.CASCADE, related_name="honour_lists", verbose_name=_("season"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    run = models.ForeignKey(
        ScoringRun, models.PROTECT, related_name="honour_lists", verbose_name=_("scoring run")
    )
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    published_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    # The last day on which objections are taken.
    objections_until = models.DateField(_("objections until"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    confirmed_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["season", "kind"]
        constraints = [models.UniqueConstraint(fields=["season", "kind"], name="one_list_of_a_kind_a_season")]

    def __str__(self) -> str:
        return f"{self.season} {self.get_kind_display()}"

    @property
    def is_open_to_objections(self) -> bool:
        until = self.objections_until
        return bool(until and not self.confirmed_at and localdate() <= until)

    @property
    def title(self) -> str:
        return str(getattr(self.run.rule_book.validated, self.kind).name)


class Honour(models.Model):
    """A name on a list: a secretary, and the project where the list is of projects."""

    honour_list = models.ForeignKey(HonourList, models.CASCADE, related_name="honours")
    position = models.PositiveIntegerField(_("position"))
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="honours", verbose_name=_("secretary")
    )
    project = models.ForeignKey(
        FirstThing, models.PROTECT, null=True, blank=True, related_name="honours", verbose_name=_("project")
    )

    class Meta:
        ordering = ["honour_list", "position"]
        constraints = [
            models.UniqueConstraint(fields=["honour_list", "position"], name="one_honour_a_position"),
            models.UniqueConstraint(fields=["honour_list", "enrolment"], name="honoured_once_a_list"),
        ]

    def __str__(self) -> str:
        return f"{self.enrolment}"


class ListChange(models.Model):
    """A departure of a list from what the run chose: proposed with a reason by one person, decided by another."""

    class State(models.TextChoices):
        PROPOSED = "proposed", pgettext_lazy("change", "proposed")
        APPROVED = "approved", pgettext_lazy("change", "approved")
        DECLINED = "declined", pgettext_lazy("change", "declined")

    honour_list = models.ForeignKey(HonourList, models.CASCADE, related_name="changes")
    leaving = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="+", verbose_name=_("leaves the list")
    )
    entering = models.ForeignKey(
        Enrolment, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("enters the list")
    )
    reason = models.CharField(_("reason"), max_length=500)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    proposed_at = models.DateTimeField(_("proposed at"))
    decided_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.leaving} → {self.entering or '–'}"


class Objection(models.Model):
    """What somebody says against a list while it is public and not confirmed, and what the office answers."""

    honour_list = models.ForeignKey(HonourList, models.CASCADE, related_name="objections")
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("about")
    )
    name = models.CharField(_("name or unit"), max_length=80)
    contact = models.CharField(_("how to reach you"), max_length=120)
    text = models.TextField(_("what you object to, and why"), max_length=2000)
    received_at = models.DateTimeField(_("received at"))
    answer = models.TextField(_("answer"), max_length=2000, blank=True)
    upheld = models.BooleanField(_("the objection is right"), default=False)
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    answered_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.honour_list} #{self.pk}"


class Certificate(models.Model):
    """A certificate of one honour: numbered, to be checked by anybody, never deleted but revoked with a reason."""

    honour = models.OneToOneField(Honour, models.PROTECT, related_name="certificate")
    number = models.CharField(_("number"), max_length=40, unique=True)
    issued_at = models.DateTimeField(_("issued at"))
    issued_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoked_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    revocation = models.CharField(_("reason for revoking it"), max_length=300, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.number


class FeedbackRelease(models.Model):
    """The day on which every secretary of a season got the own feedback, and the run it was drawn from."""

    season = models.OneToOneField(
        Season, models.CASCADE, related_name="feedback_release", verbose_name=_("season")
    )
    run = models.ForeignKey(ScoringRun, models.PROTECT, related_name="+", verbose_name=_("scoring run"))
    released_at = models.DateTimeField(_("released at"))
    released_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return str(self.season)


class Feedback(models.Model):
    """What a secretary takes home from a season: the own profile, two strengths, one next step, whom and what to look at.

    Written once, at the release. It knows nothing of lists and places.
    """

    release = models.ForeignKey(FeedbackRelease, models.CASCADE, related_name="feedback")
    enrolment = models.OneToOneField(
        Enrolment, models.PROTECT, related_name="feedback", verbose_name=_("secretary")
    )
    # Numbers and keys, no words: these follow the reader's language.
    content = models.JSONField()
    mentor = models.ForeignKey(
        Mentor, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("suggested mentor")
    )
    case = models.ForeignKey(
        FirstThing, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("suggested case")
    )
    read_at = models.DateTimeField(_("read at"), null=True, blank=True)
    # Whether the secretary lets the own mentor read all of it.
    shared = models.BooleanField(_("my mentor may read this"), default=False)
    resolve = models.CharField(_("what I will do"), max_length=RESOLVE_LENGTH, blank=True)

    class Meta:
        ordering = ["release", "enrolment__number"]

    def __str__(self) -> str:
        return str(self.enrolment)
