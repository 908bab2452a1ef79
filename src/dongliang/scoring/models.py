import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

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
    # When the inputs were frozen: what is decided of ballots after it is not in them.
    run_at = models.DateTimeField(_("run at"), default=now)
    run_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["season", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["season", "number"], name="run_number_unique_in_season")
        ]

    def __str__(self) -> str:
        return f"{self.season} #{self.number}"


class ScoringJob(models.Model):
    """A run that was asked for: its inputs, frozen before anything is computed, and how far it has come.

    A job whose process died is known by its silence: nobody has written ``seen_at`` for a while.
    """

    class State(models.TextChoices):
        QUEUED = "queued", pgettext_lazy("scoring", "waits")
        RUNNING = "running", pgettext_lazy("scoring", "under way")
        DONE = "done", pgettext_lazy("scoring", "done")
        FAILED = "failed", pgettext_lazy("scoring", "failed")

    class Step(models.TextChoices):
        """What is being done, in this order."""

        FREEZE = "freeze", _("Answers frozen")
        MEASURES = "measures", _("Each source measured")
        PLACES = "places", _("Places and cut line")
        ROBUSTNESS = "robustness", _("List under other choices")
        STORE = "store", _("Result stored")
        LISTS = "lists", _("Lists drawn")
        BOOK = "book", _("Result book bound, recomputed once more")

    # Longer than any pause of a process that is alive: it is seen every few seconds.
    SILENCE = datetime.timedelta(seconds=30)

    season = models.ForeignKey(Season, models.CASCADE, related_name="scoring_jobs", verbose_name=_("season"))
    rule_book = models.ForeignKey(RuleBook, models.PROTECT, related_name="+", verbose_name=_("rule book"))
    # Canonical JSON; emptied once the run holds it.
    inputs = models.TextField()
    inputs_sha256 = models.CharField(_("fingerprint of the inputs"), max_length=64)
    # Of the statement of ballots that the inputs agree with.
    ballots_sha256 = models.CharField(max_length=64, blank=True)
    frozen_at = models.DateTimeField(_("frozen at"))
    requested_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.QUEUED)
    step = models.CharField(_("step"), max_length=10, choices=Step, default=Step.FREEZE)
    seen_at = models.DateTimeField(_("last seen at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    failure = models.TextField(_("why it failed"), blank=True)
    run = models.OneToOneField(
        ScoringRun,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="job",
        verbose_name=_("scoring run"),
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["season"],
                condition=Q(state__in=["queued", "running"]),
                name="one_scoring_at_a_time_a_season",
            )
        ]

    def __str__(self) -> str:
        return f"{self.season} {self.inputs_sha256[:8]}"

    @property
    def is_silent(self) -> bool:
        """Whether it ought to be under way and nobody is at it. A clock set back does not make it last for ever."""
        return self.state in (self.State.QUEUED, self.State.RUNNING) and (
            abs(now() - self.seen_at) > self.SILENCE
        )

    @property
    def is_under_way(self) -> bool:
        return self.state in (self.State.QUEUED, self.State.RUNNING) and not self.is_silent


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
