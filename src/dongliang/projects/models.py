from django.db import models
from django.utils.translation import gettext_lazy as _

from dongliang.people.models import Account, Organisation
from dongliang.seasons.models import Enrolment, Season

TITLE_LENGTH = 60
SUMMARY_LENGTH = 1000


class FirstThing(models.Model):
    """The first thing a secretary sets out to get done (开门第一件事). One a season."""

    class State(models.TextChoices):
        REGISTERED = "registered", _("registered")
        UNDER_WAY = "under_way", _("under way")
        LANDED = "landed", _("landed")

    enrolment = models.OneToOneField(
        Enrolment, models.CASCADE, related_name="first_thing", verbose_name=_("secretary")
    )
    category = models.CharField(_("category"), max_length=30)
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    summary = models.TextField(_("what is to change for residents"), max_length=SUMMARY_LENGTH, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.REGISTERED)
    registered_at = models.DateTimeField(_("registered at"), auto_now_add=True)

    class Meta:
        ordering = ["enrolment__number"]

    def __str__(self) -> str:
        return self.title

    @property
    def category_name(self) -> str:
        names = {entry.key: str(entry.name) for entry in self.enrolment.season.rules.categories}
        return names.get(self.category, self.category)


class Nomination(models.Model):
    """The project that a subdistrict puts on stage (最妥一件事)."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="nominations", verbose_name=_("season"))
    subdistrict = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", verbose_name=_("subdistrict")
    )
    project = models.ForeignKey(
        FirstThing, models.CASCADE, related_name="nominations", verbose_name=_("project")
    )
    nominated_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    nominated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["subdistrict__code"]
        constraints = [
            models.UniqueConstraint(fields=["season", "subdistrict"], name="one_nomination_a_subdistrict")
        ]

    def __str__(self) -> str:
        return f"{self.subdistrict} {self.project}"
