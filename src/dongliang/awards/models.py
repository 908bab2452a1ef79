from django.db import models
from django.utils.translation import gettext_lazy as _

from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.scoring.models import ScoringRun
from dongliang.seasons.models import Enrolment, Season


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

    class Meta:
        ordering = ["season", "kind"]
        constraints = [models.UniqueConstraint(fields=["season", "kind"], name="one_list_of_a_kind_a_season")]

    def __str__(self) -> str:
        return f"{self.season} {self.get_kind_display()}"

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
