from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.people.models import Account, Organisation, Person

TEXT_LENGTH = 500


class Path(models.Model):
    """Where a person stands on the growth path (成长路径). It outlasts seasons; the rule book in force names the stages."""

    person = models.OneToOneField(
        Person, models.PROTECT, related_name="growth_path", verbose_name=_("person")
    )
    district = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name=_("district"))
    stage = models.CharField(_("stage"), max_length=30)
    since = models.DateField(_("since"))
    # The reason stands in the move that paused it.
    paused_on = models.DateField(_("paused since"), null=True, blank=True)
    star_since = models.DateField(_("star secretary since"), null=True, blank=True)

    class Meta:
        ordering = ["person__name", "pk"]

    def __str__(self) -> str:
        return self.person.name


class Move(models.Model):
    """One step on somebody's path: proposed with evidence, granted or refused, by a second person where the rules say."""

    class Kind(models.TextChoices):
        BEGINNING = "beginning", _("put on the path")
        PROMOTION = "promotion", _("promotion")
        PAUSE = "pause", _("pause")
        RESUMPTION = "resumption", _("resumption")
        RETURN = "return", _("return to an earlier stage")
        STAR = "star", _("star secretary")
        STAR_ENDED = "star_ended", _("no longer star secretary")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a second person")
        GRANTED = "granted", _("granted")
        DECLINED = "declined", _("declined")

    path = models.ForeignKey(Path, models.PROTECT, related_name="moves", verbose_name=_("path"))
    kind = models.CharField(pgettext_lazy("on the growth path", "step"), max_length=10, choices=Kind)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.PROPOSED)
    from_stage = models.CharField(_("from"), max_length=30)
    to_stage = models.CharField(_("to"), max_length=30)
    evidence = models.TextField(_("evidence"), max_length=TEXT_LENGTH)
    # What each gate asked and what was seen, on the day of the decision.
    gates = models.JSONField(default=list)
    proposed_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    proposed_at = models.DateTimeField(_("proposed at"))
    decided_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["path"], condition=Q(state="proposed"), name="one_open_proposal_a_path"
            ),
            # Whoever proposes a step that takes two does not decide it. One person's steps are decided as they are made.
            models.CheckConstraint(
                condition=Q(decided_at=None) | Q(decided_at__gte=F("proposed_at")),
                name="a_move_is_decided_after_it_is_proposed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.path} {self.get_kind_display()}"


class Opinion(models.Model):
    """What a mentor, or a committee, says about a person and a step. The latest of each counts."""

    class Source(models.TextChoices):
        MENTOR = "mentor", _("mentor")
        COMMITTEE = "committee", _("committee")

    path = models.ForeignKey(Path, models.CASCADE, related_name="opinions", verbose_name=_("path"))
    source = models.CharField(_("from"), max_length=9, choices=Source)
    # A key among the rule book's stages, or STAR.
    stage = models.CharField(_("about"), max_length=30)
    in_favour = models.BooleanField(_("in favour"))
    # The committee's: the day it met.
    met_on = models.DateField(_("day of the meeting"), null=True, blank=True)
    text = models.TextField(_("reasons"), max_length=TEXT_LENGTH)
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("given at"))

    class Meta:
        ordering = ["-pk"]
