from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from dongliang.people.models import Account
from dongliang.projects.models import FirstThing
from dongliang.seasons.models import Enrolment, RuleBook, Season


class ScoringRun(models.Model):
    """A pure function of (rule book, frozen inputs), and what came of it."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="scoring_runs", verbose_name=_("season"))
    number = models.PositiveIntegerField(_("number"))
    rule_book = models.ForeignKey(
        RuleBook, models.PROTECT, related_name="scoring_runs", verbose_name=_("rule book")
    )
    engine_version = models.CharField(_("engine version"), max_length=20)
    # Canonical JSON, and SHA-256 over it: same rule book and inputs, same result, to the byte.
    inputs = models.TextField()
    inputs_sha256 = models.CharField(_("fingerprint of the inputs"), max_length=64)
    result = models.TextField()
    result_sha256 = models.CharField(_("fingerprint of the result"), max_length=64)
    run_at = models.DateTimeField(_("run at"), auto_now_add=True)
    run_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["season", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["season", "number"], name="run_number_unique_in_season")
        ]

    def __str__(self) -> str:
        return f"{self.season} #{self.number}"


class ResultBook(models.Model):
    """All that a run's result was made of, without names, for anybody to recompute: a zip, kept as it was bound."""

    run = models.OneToOneField(ScoringRun, models.CASCADE, related_name="book", verbose_name=_("scoring run"))
    content = models.BinaryField()
    sha256 = models.CharField(_("fingerprint"), max_length=64)
    bound_at = models.DateTimeField(_("bound at"))

    def __str__(self) -> str:
        return str(self.run)


class Measure(models.Model):
    """What one source says of one secretary, on the scale of marks."""

    run = models.ForeignKey(ScoringRun, models.CASCADE, related_name="measures")
    enrolment = models.ForeignKey(Enrolment, models.PROTECT, related_name="measures")
    source = models.CharField(_("source"), max_length=14)
    # Sheets or ballots, not marks.
    answers = models.PositiveIntegerField(_("answers"))
    value = models.FloatField(_("measure"), null=True)
    standard_error = models.FloatField(_("standard error"), null=True)
    mean = models.FloatField(_("mean"), null=True)
    trimmed_mean = models.FloatField(_("trimmed mean"), null=True)

    class Meta:
        ordering = ["run", "enrolment__number", "source"]
        constraints = [
            models.UniqueConstraint(fields=["run", "enrolment", "source"], name="one_measure_a_source")
        ]


class Standing(models.Model):
    """Where one secretary stands in a run."""

    run = models.ForeignKey(ScoringRun, models.CASCADE, related_name="standings")
    enrolment = models.ForeignKey(Enrolment, models.PROTECT, related_name="standings")
    composite = models.FloatField(_("composite"))
    standard_error = models.FloatField(_("standard error"))
    rank = models.PositiveIntegerField(_("rank"), null=True)
    rank_low = models.PositiveIntegerField(_("best plausible rank"), null=True)
    rank_high = models.PositiveIntegerField(_("worst plausible rank"), null=True)
    chance = models.FloatField(_("chance of a place"))
    selected = models.BooleanField(_("within the places"))
    # Sources with fewer answers than the rule book asks for, by key; such a secretary may be kept off the list.
    thin_sources = models.JSONField(_("too few answers from"), default=list)
    eligible = models.BooleanField(_("can be listed"))
    mean_rank = models.PositiveIntegerField(_("rank by plain means"), null=True)
    trimmed_mean_rank = models.PositiveIntegerField(_("rank by trimmed means"), null=True)

    class Meta:
        ordering = ["run", F("rank").asc(nulls_last=True), "enrolment__number"]
        constraints = [models.UniqueConstraint(fields=["run", "enrolment"], name="one_standing_a_secretary")]


class ProjectStanding(models.Model):
    """Where one first thing stands in a run."""

    run = models.ForeignKey(ScoringRun, models.CASCADE, related_name="project_standings")
    project = models.ForeignKey(FirstThing, models.PROTECT, related_name="standings")
    picks = models.PositiveIntegerField(_("picks"))
    online = models.FloatField(_("residents' choice"))
    offline = models.FloatField(_("assessors' marks"), null=True)
    score = models.FloatField(_("score"))
    rank = models.PositiveIntegerField(_("rank"))

    class Meta:
        ordering = ["run", "rank"]
        constraints = [models.UniqueConstraint(fields=["run", "project"], name="one_standing_a_project")]
