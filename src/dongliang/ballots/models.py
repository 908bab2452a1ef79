import datetime
import secrets
import zlib
from functools import cached_property

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.ballots import calendar, comments
from dongliang.ballots.proof import StatementContent
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
    # When its announced beginning and end were seen to have come: a clock that is set back afterwards changes neither.
    begun_at = models.DateTimeField(_("begun at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    key_destroyed_at = models.DateTimeField(_("key destroyed at"), null=True, blank=True)
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

    @property
    def span(self) -> tuple[float, float]:
        """The seconds since 1970 from which on, and before which, it takes ballots while it is open."""
        return calendar.span_of(
            calendar.dates_of(self.season),
            has_begun=self.begun_at is not None,
            has_ended=self.ended_at is not None,
        )

    def standing(self, at: datetime.datetime) -> str:
        """Its state; of an open one also whether that moment is before its announced beginning or after its end."""
        return calendar.standing(self.state, self.span, at.timestamp())

    def moments_come(self, at: datetime.datetime) -> list[str]:
        """Which of ``begun_at`` and ``ended_at`` should be written down by then, and is not."""
        dates = calendar.dates_of(self.season)
        announced = {"begun_at": dates.begins, "ended_at": dates.ends}
        return [
            name
            for name, moment in announced.items()
            if self.state in (self.State.OPEN, self.State.PAUSED)
            and moment is not None
            and at >= moment
            and getattr(self, name) is None
        ]


class MovedEnd(models.Model):
    """That the end of voting was moved while residents were voting. Public, with its reason."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="moved_ends", verbose_name=_("season"))
    # Empty where no end had been announced.
    before = models.DateTimeField(_("end before"), null=True)
    after = models.DateTimeField(_("end after"))
    reason = models.CharField(_("reason"), max_length=200)
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", verbose_name=_("account"))
    at = models.DateTimeField(_("time"))

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.season} {self.after:%Y-%m-%d %H:%M}"


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
        """Why a ballot is out of the count: the classes of the public ledger.

        Two people decide on each but the last, which the close finds by itself.
        """

        REVOKED = "revoked", _("the card was declared lost")
        BURST = "burst", _("many alike in a short time")
        ORIGIN = "origin", _("many alike from one connection")
        STRAIGHT = "straight", _("more of one mark throughout than chance explains")
        COPIES = "copies", _("more copies of one sheet than chance explains")
        CARDS = "cards", _("consecutive cards used together")
        UNPROVEN = "unproven", _("not cast here: the key did not make its receipt")

    # Neither needs an index of its own, which every ballot would pay for: see the tally's.
    round = models.ForeignKey(
        Round, models.PROTECT, related_name="ballots", db_index=False, verbose_name=_("round")
    )
    # Where the resident lives: the secretary rated, or the voice's home in a round of projects.
    enrolment = models.ForeignKey(
        Enrolment,
        models.PROTECT,
        related_name="ballots",
        db_index=False,
        verbose_name=_("neighbourhood"),
    )
    # Of one round: season's key and round's kind went into it.
    credential = models.BinaryField(max_length=32)
    receipt = models.BinaryField(max_length=32, unique=True)
    nonce = models.BinaryField(max_length=8, default=b"")
    # Empty once the search for stuffed ballots is over, as are ``origin`` and ``cast_at``: a ballot then has nothing but
    # its neighbourhood in common with anybody's records.
    channel = models.CharField(_("way"), max_length=8, choices=Channel, default=Channel.CODE, blank=True)
    # From a card of the random sample of households.
    in_sample = models.BooleanField(_("of the sample"), default=False)
    # A keyed digest of the network address, another each day and round; for the search for stuffed ballots only.
    origin = models.BinaryField(max_length=4, null=True, blank=True)
    marks = models.CharField(_("marks"), max_length=60)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.COUNTED)
    exclusion = models.CharField(_("reason"), max_length=8, choices=Exclusion, blank=True)
    # To the minute only: a second would tell who stood at the poster.
    cast_at = models.DateTimeField(_("cast at"), null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["credential"],
                condition=Q(status="counted"),
                name="one_counted_ballot_a_credential",
            ),
            models.CheckConstraint(
                condition=Q(status="excluded", exclusion__gt="") | ~Q(status="excluded") & Q(exclusion=""),
                name="an_excluded_ballot_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["round", "status", "enrolment", "marks"], name="ballot_tally"),
            # How many of a credential there are already: one in twenty ballots or fewer, so that the others do not pay for it.
            models.Index(
                fields=["credential"], condition=~Q(status="counted"), name="ballots_out_of_the_count"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.round_id}/{self.pk}"


def unordered_number() -> int:
    """A number that tells nothing of when it was drawn, short enough for any address."""
    return secrets.randbelow(2**53 - 1) + 1


class Comment(models.Model):
    """What a resident wrote beside the marks, for the secretary to read. It leads to no ballot and no code.

    No credential, no receipt, no marks and no time but the day; its number is random, so that rows stand in no order of
    arrival. Numbers by which somebody could be reached or told are masked before it is stored (``comments.masked``).
    """

    class State(models.TextChoices):
        PENDING = "pending", pgettext_lazy("comment", "to be checked")
        SHOWN = "shown", pgettext_lazy("comment", "shown")
        WITHHELD = "withheld", pgettext_lazy("comment", "withheld")

    class Reason(models.TextChoices):
        PERSONAL = "personal", _("it tells who somebody is")
        INSULT = "insult", _("it insults")
        ADVERTISEMENT = "advertisement", _("it advertises")
        ELSEWHERE = "elsewhere", _("it is about something else")

    number = models.BigIntegerField(primary_key=True, default=unordered_number, editable=False)
    round = models.ForeignKey(Round, models.PROTECT, related_name="comments", verbose_name=_("round"))
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="comments", verbose_name=_("neighbourhood")
    )
    text = models.CharField(_("comment"), max_length=comments.LONGEST)
    written_on = models.DateField(_("written on"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.PENDING)
    reason = models.CharField(_("reason"), max_length=13, choices=Reason, blank=True)
    decided_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="withheld", reason__gt="") | ~Q(state="withheld") & Q(reason=""),
                name="a_withheld_comment_says_why",
            )
        ]
        indexes = [models.Index(fields=["round", "enrolment", "state"], name="comments_of_a_secretary")]

    def __str__(self) -> str:
        return f"{self.round_id}/{self.number}"


class RevokedCard(models.Model):
    """A household card that no longer entitles to vote. The card in its place has a serial of its own."""

    class Reason(models.TextChoices):
        LOST = "lost", _("lost")
        SEEN = "seen", _("its code was seen by others")
        ASSISTED = "assisted", _("the household votes with an officer's help")

    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="revoked_cards", verbose_name=_("neighbourhood")
    )
    serial = models.PositiveSmallIntegerField(_("card number"))
    reason = models.CharField(_("reason"), max_length=8, choices=Reason)
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", verbose_name=_("account"))
    at = models.DateTimeField(_("time"))

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["enrolment", "serial"], name="a_card_is_revoked_once")]

    def __str__(self) -> str:
        return f"{self.enrolment_id}/{self.serial}"


class AssistedVoice(models.Model):
    """That an officer let somebody without a phone or card vote on the officer's device: who did, where, never what."""

    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="assisted_voices", verbose_name=_("neighbourhood")
    )
    # Counted within the neighbourhood; apart from the serials of cards, so that no card can meet it.
    serial = models.PositiveSmallIntegerField(_("number"))
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", verbose_name=_("account"))
    # The day only, as its first moment: the minute would lead to the ballot.
    at = models.DateTimeField(_("day"))

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["enrolment", "serial"], name="an_assisted_voice_has_a_serial")
        ]

    def __str__(self) -> str:
        return f"{self.enrolment_id}/{self.serial}"


class PhoneCheck(models.Model):
    """A code sent to a phone. Neither the number nor the code is here: only digests under the season's key.

    The row outlives its code by a day, for the limits on sending; then it is purged.
    """

    enrolment = models.ForeignKey(
        Enrolment, models.CASCADE, related_name="phone_checks", verbose_name=_("neighbourhood")
    )
    # SHA-256 of what stands in the address of the page that asks for the code.
    token = models.BinaryField(max_length=32, unique=True)
    identity = models.BinaryField(max_length=16)
    # Of the network address, another each day.
    origin = models.BinaryField(max_length=16)
    # Empty once it has been used.
    code = models.BinaryField(max_length=32)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(_("sent at"), db_index=True)
    expires_at = models.DateTimeField(_("valid until"))

    def __str__(self) -> str:
        return f"{self.enrolment_id} {self.sent_at:%Y-%m-%d %H:%M}"


class SpentState(models.Model):
    """A state that came back from WeChat, so that it does not come back twice. Purged once it would be too old anyway."""

    digest = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField(_("valid until"), db_index=True)

    def __str__(self) -> str:
        return f"{self.pk}"


class PaperBatch(models.Model):
    """A pile of paper ballots of one neighbourhood, keyed in by two people who must agree."""

    class Kind(models.TextChoices):
        CODED = "coded", _("with household codes")
        HALL = "hall", _("of a hall count, without codes")

    round = models.ForeignKey(Round, models.PROTECT, related_name="paper_batches", verbose_name=_("round"))
    enrolment = models.ForeignKey(
        Enrolment, models.PROTECT, related_name="paper_batches", verbose_name=_("neighbourhood")
    )
    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    sheets = models.PositiveSmallIntegerField(_("sheets"))
    made_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(_("made at"))
    # How many sheets had to be keyed again because the two keyers differed.
    differed = models.PositiveSmallIntegerField(_("differences cleared"), default=0)
    entered_at = models.DateTimeField(_("entered at"), null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.enrolment.organisation} {self.get_kind_display()} {self.pk}"


class PaperKeying(models.Model):
    """One keyer's reading of a batch. Two of them, by two people."""

    batch = models.ForeignKey(PaperBatch, models.CASCADE, related_name="keyings")
    seat = models.PositiveSmallIntegerField(_("keyer"))
    by = models.ForeignKey(Account, models.PROTECT, related_name="+", verbose_name=_("account"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        ordering = ["batch", "seat"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "seat"], name="a_batch_has_one_keyer_a_seat"),
            models.UniqueConstraint(fields=["batch", "by"], name="the_two_keyers_are_two_people"),
            models.CheckConstraint(condition=Q(seat__in=[1, 2]), name="a_batch_has_two_seats"),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.seat}"


class PaperSheet(models.Model):
    """One sheet as one keyer read it. Gone once the batch has entered: then the ballots are the record."""

    keying = models.ForeignKey(PaperKeying, models.CASCADE, related_name="read_sheets")
    number = models.PositiveSmallIntegerField(_("sheet"))
    # The digest of the household code, as a ballot stores it; empty on a sheet without, or on a spoilt one.
    credential = models.BinaryField(max_length=32, default=b"")
    # As a ballot stores them; empty on a spoilt sheet.
    marks = models.CharField(_("marks"), max_length=60, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["keying", "number"], name="a_keyer_reads_a_sheet_once")
        ]

    def __str__(self) -> str:
        return f"{self.keying_id}/{self.number}"


class Statement(models.Model):
    """What was made public of a season's ballots when its rounds closed, or when ballots were excluded later.

    ``document`` is the canonical JSON of ``proof.StatementContent``. No row leads from here to a ballot's.
    """

    season = models.ForeignKey(Season, models.CASCADE, related_name="statements", verbose_name=_("season"))
    version = models.PositiveSmallIntegerField(_("version"))
    fingerprint = models.CharField(_("fingerprint"), max_length=64, unique=True)
    document = models.TextField()
    tally = models.TextField()
    changes = models.TextField(blank=True)
    # What the neighbourhoods' seals are salted with; emptied with the key, and then what was not opened stays closed.
    secret = models.BinaryField(max_length=32, default=b"")
    # The opened seals: of a season's last statement only, or the difference of two would be somebody's marks.
    marks = models.TextField(blank=True)
    stated_at = models.DateTimeField(_("published at"))
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)

    class Meta:
        ordering = ["season", "version"]
        constraints = [
            models.UniqueConstraint(fields=["season", "version"], name="statement_version_unique_in_season")
        ]

    def __str__(self) -> str:
        return f"{self.season} v{self.version}"

    @cached_property
    def content(self) -> StatementContent:
        return StatementContent.model_validate_json(self.document)


class StatementPart(models.Model):
    """So many lines of a statement's receipts, in order: enough to look one up and to lead from it to the root."""

    statement = models.ForeignKey(Statement, models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField()
    # The first line's commitment.
    first = models.BinaryField(max_length=32)
    node = models.BinaryField(max_length=32)
    packed = models.BinaryField()

    class Meta:
        ordering = ["statement", "position"]
        constraints = [
            models.UniqueConstraint(fields=["statement", "position"], name="one_part_a_position"),
            models.UniqueConstraint(fields=["statement", "first"], name="one_part_from_a_commitment"),
        ]

    @property
    def lines(self) -> list[str]:
        return zlib.decompress(self.packed).decode().splitlines()


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
