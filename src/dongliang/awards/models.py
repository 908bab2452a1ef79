from typing import cast

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.awards.calendar import today
from dongliang.mentoring.models import Mentor
from dongliang.people.models import Account, Organisation, Person, Tenure
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
        return bool(until and not self.confirmed_at and today() <= until)

    @property
    def hold(self) -> "Hold | None":
        """The hold that it is under, if it is."""
        return self.holds.filter(lifted_at=None).select_related("put_by").first()

    @property
    def title(self) -> str:
        return str(getattr(self.run.rule_book.validated, self.kind).name)


class Hold(models.Model):
    """A list on hold while something about it is looked into: it is neither confirmed nor certified until the hold is lifted."""

    honour_list = models.ForeignKey(HonourList, models.CASCADE, related_name="holds")
    reason = models.CharField(_("reason"), max_length=500)
    put_at = models.DateTimeField(_("on hold since"))
    put_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    outcome = models.CharField(_("what came of it"), max_length=500, blank=True)
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)
    lifted_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["honour_list"], condition=models.Q(lifted_at=None), name="one_hold_at_a_time_a_list"
            )
        ]

    def __str__(self) -> str:
        return f"{self.honour_list} #{self.pk}"


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


class HonourTitle(models.Model):
    """An honour that the office may give to people: for whom, on which basis, and how many times at most."""

    class Whom(models.TextChoices):
        RETIRING = "retiring", pgettext_lazy("honour", "those who retire")
        LEAVING = "leaving", pgettext_lazy("honour", "those who leave their post")
        SERVING = "serving", pgettext_lazy("honour", "those in post")

    season = models.ForeignKey(Season, models.CASCADE, related_name="honour_titles", verbose_name=_("season"))
    name = models.CharField(_("name of the honour"), max_length=60)
    whom = models.CharField(_("for whom"), max_length=8, choices=Whom)
    # What entitles the office to give it; a title without one is none of the office's to give.
    basis = models.CharField(_("basis of the honour"), max_length=500)
    places = models.PositiveSmallIntegerField(_("at most"))
    set_at = models.DateTimeField(_("set at"))
    set_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["season", "name"], name="an_honour_is_set_once_a_season")
        ]

    def __str__(self) -> str:
        return self.name


class Commendation(models.Model):
    """An honour of one person for years in a post: proposed by one of the office, confirmed by another."""

    class State(models.TextChoices):
        PROPOSED = "proposed", pgettext_lazy("commendation", "proposed")
        CONFIRMED = "confirmed", pgettext_lazy("commendation", "confirmed")
        DECLINED = "declined", pgettext_lazy("commendation", "declined")

    honour = models.ForeignKey(
        HonourTitle, models.PROTECT, related_name="commendations", verbose_name=_("honour")
    )
    tenure = models.ForeignKey(
        Tenure, models.PROTECT, related_name="commendations", verbose_name=_("secretary and post")
    )
    merits = models.CharField(_("what for"), max_length=500)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    proposed_at = models.DateTimeField(_("proposed at"))
    decided_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["honour", "tenure"],
                condition=~models.Q(state="declined"),
                name="honoured_once_for_a_tenure",
            )
        ]

    def __str__(self) -> str:
        return f"{self.honour} {self.tenure.person}"


class Certificate(models.Model):
    """A certificate of one honour: numbered, to be checked by anybody, never deleted but revoked with a reason.

    The honour is a name on a list, or a commendation.
    """

    honour = models.OneToOneField(Honour, models.PROTECT, null=True, blank=True, related_name="certificate")
    commendation = models.OneToOneField(
        Commendation, models.PROTECT, null=True, blank=True, related_name="certificate"
    )
    number = models.CharField(_("number"), max_length=40, unique=True)
    issued_at = models.DateTimeField(_("issued at"))
    issued_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoked_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    revocation = models.CharField(_("reason for revoking it"), max_length=300, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(honour__isnull=False, commendation=None)
                | models.Q(honour=None, commendation__isnull=False),
                name="certificate_is_of_one_honour",
            )
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def title(self) -> str:
        return self.honour.honour_list.title if self.honour else self.of_a_person.honour.name

    @property
    def season(self) -> Season:
        return self.honour.honour_list.season if self.honour else self.of_a_person.honour.season

    @property
    def person(self) -> Person:
        return self.honour.enrolment.person if self.honour else self.of_a_person.tenure.person

    @property
    def organisation(self) -> Organisation:
        post = self.honour.enrolment.post if self.honour else self.of_a_person.tenure.post
        return post.organisation

    @property
    def project(self) -> FirstThing | None:
        return self.honour.project if self.honour else None

    @property
    def of_a_person(self) -> Commendation:
        # The database holds one or the other.
        return cast(Commendation, self.commendation)


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
