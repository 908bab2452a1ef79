from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season


class Round(models.Model):
    """A period in which residents rate their secretary, or pick the projects they like best."""

    class Kind(models.TextChoices):
        SECRETARIES = "secretaries", _("rating of secretaries")
        PROJECTS = "projects", _("choice of projects")

    class State(models.TextChoices):
        PREPARED = "prepared", _("not yet open")
        OPEN = "open", pgettext_lazy("round", "open")
        PAUSED = "paused", pgettext_lazy("round", "paused")
        CLOSED = "closed", pgettext_lazy("round", "closed")

    season = models.ForeignKey(Season, models.CASCADE, related_name="rounds", verbose_name=_("season"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PREPARED)
    # Tells another key in the place of the season's own from it, and leads nobody to either.
    key_digest = models.BinaryField(max_length=32, default=b"")
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    # When its ballots were last searched for traces of stuffing, and since when nothing is excluded any more.
    examined_at = models.DateTimeField(_("examined at"), null=True, blank=True)
    search_ended_at = models.DateTimeField(_("search ended at"), null=True, blank=True)

    class Meta:
        ordering = ["season", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["season", "kind"], name="one_round_of_a_kind_a_season")
        ]

    def __str__(self) -> str:
        return f"{self.season} {self.get_kind_display()}"


class Ballot(models.Model):
    """One resident's voice. Who cast it is not stored.

    ``marks`` holds a digit an indicator in the rule book's order ("5545", 0 where the resident could not say), or in
    a round of projects the picked project numbers ("12,117"). ``credential`` and ``receipt`` are keyed digests: without
    the round's key, which the database does not hold, neither leads to a code or to a receipt in somebody's hand.
    ``nonce`` is random, from the page that was sent: with key and credential it makes the receipt
    (``codes.receipt_of``), so that a page sent twice is stored once.
    """

    class Channel(models.TextChoices):
        """How the right to vote was shown. They are settings of the rule book; all end in this one table."""

        CODE = "code", _("household code")
        SMS = "sms", _("code by text message")
        WECHAT = "wechat", _("WeChat")
        ASSISTED = "assisted", _("with an officer's help")
        PAPER = "paper", _("on paper")

    class Status(models.TextChoices):
        COUNTED = "counted", _("counted")
        SUPERSEDED = "superseded", _("replaced by a later one")
        EXCLUDED = "excluded", _("excluded")

    class Exclusion(models.TextChoices):
        """Why a ballot is out of the count: the classes of the public ledger."""

        REVOKED = "revoked", _("the card was declared lost")
        BURST = "burst", _("many alike in a short time")
        ORIGIN = "origin", _("many alike from one connection")
        STRAIGHT = "straight", _("more of one mark throughout than chance explains")
        COPIES = "copies", _("more copies of one sheet than chance explains")
        CARDS = "cards", _("consecutive cards used together")

    round = models.ForeignKey(Round, models.PROTECT, related_name="ballots", verbose_name=_("round"))
    # Where the resident lives: the secretary rated, or the voice's home in a round of projects.
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="ballots", verbose_name=_("neighbourhood")
    )
    credential = models.BinaryField(max_length=32)
    receipt = models.BinaryField(max_length=32, unique=True)
    nonce = models.BinaryField(max_length=8, default=b"")
    channel = models.CharField(_("way"), max_length=8, choices=Channel, default=Channel.CODE)
    # From a card of the random sample of households.
    in_sample = models.BooleanField(_("of the sample"), default=False)
    # A keyed digest of the network address, another each day and round; for the search for stuffed ballots only, and
    # emptied when that is over.
    origin = models.BinaryField(max_length=4, null=True, blank=True)
    marks = models.CharField(_("marks"), max_length=60)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.COUNTED)
    exclusion = models.CharField(_("reason"), max_length=8, choices=Exclusion, blank=True)
    # To the minute only: a second would tell who stood at the poster.
    cast_at = models.DateTimeField(_("cast at"))

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["round", "credential"],
                condition=Q(status="counted"),
                name="one_counted_ballot_a_credential",
            ),
            models.CheckConstraint(
                condition=Q(status="excluded", exclusion__gt="") | ~Q(status="excluded") & Q(exclusion=""),
                name="an_excluded_ballot_says_why",
            ),
        ]
        indexes = [models.Index(fields=["round", "status", "enrolment", "marks"], name="ballot_tally")]

    def __str__(self) -> str:
        return f"{self.round_id}/{self.pk}"


class Flag(models.Model):
    """Something about a neighbourhood's ballots that chance hardly explains. A reason to look, never a verdict.

    ``evidence`` holds numbers in total, as ``queries.integrity.Evidence`` reads them: nothing of it is about one ballot.
    """

    class State(models.TextChoices):
        RAISED = "raised", _("to be judged")
        KEPT = "kept", pgettext_lazy("flag", "counted")
        EXCLUDED = "excluded", pgettext_lazy("flag", "excluded")

    round = models.ForeignKey(Round, models.CASCADE, related_name="flags", verbose_name=_("round"))
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="flags", verbose_name=_("neighbourhood")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Ballot.Exclusion)
    number = models.PositiveIntegerField(_("ballots"))
    evidence = models.JSONField(_("evidence"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RAISED)
    raised_at = models.DateTimeField(_("raised at"), auto_now_add=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    # How many ballots the decision took out of the count: none that another flag had taken already.
    excluded = models.PositiveIntegerField(_("ballots excluded"), default=0)

    class Meta:
        ordering = ["round", "enrolment__number", "kind", "pk"]

    def __str__(self) -> str:
        return f"{self.round} {self.enrolment.organisation} {self.get_kind_display()}"


class FlaggedBallot(models.Model):
    """Which ballots a flag is about. For excluding them together; shown to nobody."""

    flag = models.ForeignKey(Flag, models.CASCADE, related_name="ballots")
    ballot = models.ForeignKey(Ballot, models.CASCADE, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["flag", "ballot"], name="a_flag_holds_a_ballot_once")]


class Verdict(models.Model):
    """What one member of the panel says about a flag. Hidden from the other until both have spoken."""

    class Decision(models.TextChoices):
        EXCLUDE = "exclude", _("Exclude these ballots")
        KEEP = "keep", _("Let them count")

    flag = models.ForeignKey(Flag, models.CASCADE, related_name="verdicts")
    by = models.ForeignKey(Account, models.PROTECT, related_name="verdicts")
    decision = models.CharField(_("verdict"), max_length=8, choices=Decision)
    reason = models.TextField(_("reason"), max_length=500)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        ordering = ["flag", "pk"]
        constraints = [models.UniqueConstraint(fields=["flag", "by"], name="one_verdict_a_person")]


class Sample(models.Model):
    """Households of a neighbourhood drawn at random, to be asked in person.

    Which doors and which cards is not stored: it follows from the draw's seed, which only the season's key yields. The
    digest of the seed, written down at the draw, keeps anybody from drawing again; the seed is shown after the close.
    """

    enrolment = models.OneToOneField(
        Enrolment, models.CASCADE, related_name="sample", verbose_name=_("neighbourhood")
    )
    # Of the day of the draw: the list that the doors are counted on.
    households = models.PositiveIntegerField(_("households"))
    size = models.PositiveSmallIntegerField(_("households drawn"))
    seed_sha256 = models.CharField(_("fingerprint of the seed"), max_length=64)

    class Meta:
        ordering = ["enrolment__number"]
