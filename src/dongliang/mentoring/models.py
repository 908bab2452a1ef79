import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.common.canonical import fingerprint
from dongliang.people.models import Account, Organisation, Person
from dongliang.seasons.models import Enrolment, Season

WORDS_LENGTH = 500


class Tier(models.TextChoices):
    """Mentors of the district coach those of subdistrict studios, and these the new secretaries of their own."""

    DISTRICT = "district", _("main beam of the district")
    STUDIO = "studio", _("mentor of a subdistrict studio")


class Level(models.IntegerChoices):
    """How good a mentor is at a thing, or how much help with it a mentee needs."""

    NONE = 0, _("none")
    SOME = 1, _("some")
    MUCH = 2, _("much")


class Side(models.TextChoices):
    """The three who sign an agreement; the first two also say how a visit was."""

    MENTOR = "mentor", _("mentor")
    MENTEE = "mentee", _("mentee")
    SUBDISTRICT = "subdistrict", _("subdistrict")


class Mentor(models.Model):
    """An experienced secretary (大梁) who coaches in a season and may assess in the field."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="mentors", verbose_name=_("season"))
    number = models.PositiveIntegerField(_("number"))
    person = models.ForeignKey(Person, models.PROTECT, related_name="mentorships", verbose_name=_("mentor"))
    home = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("subdistrict")
    )
    assesses = models.BooleanField(_("assesses in the field"), default=True)
    tier = models.CharField(_("tier"), max_length=8, choices=Tier, default=Tier.DISTRICT)
    # Empty: as many as the rule book allows anybody.
    capacity = models.PositiveSmallIntegerField(_("places for mentees"), null=True, blank=True)
    years = models.PositiveSmallIntegerField(_("years in post"), null=True, blank=True)
    # A Level by the key of a thing, see vocabulary.py; what is not named is none.
    strengths = models.JSONField(_("strengths"), default=dict, blank=True)
    words = models.TextField(_("in own words"), max_length=WORDS_LENGTH, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["season", "number"], name="mentor_number_unique_in_season"),
            models.UniqueConstraint(fields=["season", "person"], name="a_mentor_serves_once_a_season"),
        ]

    def __str__(self) -> str:
        return self.person.name


class MenteeProfile(models.Model):
    """What a secretary needs from a mentor, as the secretary or an office has said."""

    enrolment = models.OneToOneField(
        Enrolment, models.CASCADE, related_name="mentee_profile", verbose_name=_("mentee")
    )
    # Who is new after the election needs one; others may ask for one.
    wants_mentor = models.BooleanField(_("wants a mentor"), default=False)
    # A Level by the key of a thing; said here, it counts more than what is worked out.
    needs = models.JSONField(_("needs"), default=dict, blank=True)
    words = models.TextField(_("in own words"), max_length=WORDS_LENGTH, blank=True)
    avoid = models.ManyToManyField(
        Mentor, blank=True, related_name="+", verbose_name=_("not to be paired with")
    )

    class Meta:
        ordering = ["enrolment__number"]

    def __str__(self) -> str:
        return str(self.enrolment)


class Pair(models.Model):
    """A mentor coaches a secretary from one day to another."""

    class EndReason(models.TextChoices):
        COMPLETED = "completed", _("term completed")
        MOVED = "moved", _("one of them moved on")
        UNSUITED = "unsuited", _("the two do not suit each other")
        REPLACED = "replaced", _("paired with somebody else")
        OTHER = "other", _("another reason")

    mentor = models.ForeignKey(Mentor, models.CASCADE, related_name="pairs", verbose_name=_("mentor"))
    mentee = models.ForeignKey(Enrolment, models.CASCADE, related_name="pairs", verbose_name=_("mentee"))
    starts_on = models.DateField(_("since"))
    ends_on = models.DateField(_("until"), null=True, blank=True)
    end_reason = models.CharField(_("why it ended"), max_length=10, choices=EndReason, blank=True)
    end_note = models.CharField(_("note on the end"), max_length=300, blank=True)

    class Meta:
        ordering = ["mentor", "mentee"]
        constraints = [
            models.UniqueConstraint(
                fields=["mentee"], condition=Q(ends_on=None), name="one_current_mentor_a_mentee"
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")), name="pair_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mentor} → {self.mentee}"


class Proposal(models.Model):
    """Pairs worked out for a season; nothing holds before the office confirms them, all at once."""

    class State(models.TextChoices):
        DRAFT = "draft", _("waiting to be confirmed")
        CONFIRMED = "confirmed", _("confirmed")
        DISCARDED = "discarded", _("discarded")

    season = models.ForeignKey(Season, models.CASCADE, related_name="proposals", verbose_name=_("season"))
    number = models.PositiveIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    tiered = models.BooleanField(_("through the studios"), default=False)
    # Whether those who have a mentor are paired anew as well.
    everybody = models.BooleanField(_("also who has a mentor"), default=False)
    total = models.FloatField(_("total fit"))
    made_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)
    decided_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["season", "number"], name="proposal_number_unique_in_season")
        ]

    def __str__(self) -> str:
        return f"{self.season} {self.number}"


class ProposedPair(models.Model):
    """One mentee's line of a proposal: with whom, why, and who would have been next."""

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="lines", verbose_name=_("proposal"))
    mentee = models.ForeignKey(
        Enrolment, models.CASCADE, related_name="proposed_pairs", verbose_name=_("mentee")
    )
    # Empty where places are short.
    mentor = models.ForeignKey(
        Mentor, models.CASCADE, null=True, related_name="proposed_pairs", verbose_name=_("mentor")
    )
    # Who the mentor was when the line was worked out.
    before = models.ForeignKey(Mentor, models.CASCADE, null=True, related_name="+")
    second = models.ForeignKey(
        Mentor, models.CASCADE, null=True, related_name="+", verbose_name=_("next best")
    )
    fit = models.FloatField(_("fit"), default=0)
    second_fit = models.FloatField(_("fit of the next best"), default=0)
    # Points by consideration; they sum to the fit.
    parts = models.JSONField(default=dict)
    locked = models.BooleanField(_("locked"), default=False)
    by_hand = models.BooleanField(_("set by hand"), default=False)

    class Meta:
        ordering = ["mentee__number"]
        constraints = [
            models.UniqueConstraint(fields=["proposal", "mentee"], name="a_mentee_is_proposed_once")
        ]

    def __str__(self) -> str:
        return f"{self.mentee} ← {self.mentor or '–'}"


class Agreement(models.Model):
    """What mentor and mentee have agreed on: goals, a term, a plan by month. Three sign it."""

    pair = models.OneToOneField(Pair, models.CASCADE, related_name="agreement", verbose_name=_("pair"))
    goals = models.TextField(_("goals"), max_length=1000)
    starts_on = models.DateField(pgettext_lazy("an agreement", "from"))
    months = models.PositiveSmallIntegerField(_("months"))
    # What each month is for, in order.
    plan = models.JSONField(_("plan"), default=list)
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        ordering = ["pair"]

    def __str__(self) -> str:
        return str(self.pair)

    @property
    def sha256(self) -> str:
        """The fingerprint of what is signed: who, and all that the paper says."""
        return fingerprint(
            {
                "mentor": [self.pair.mentor_id, self.pair.mentor.person.name],
                "mentee": [self.pair.mentee_id, self.pair.mentee.person.name],
                "goals": self.goals,
                "starts_on": self.starts_on.isoformat(),
                "months": self.months,
                "plan": self.plan,
            }
        )

    @property
    def plan_by_month(self) -> list[tuple[datetime.date, str]]:
        """The first day of each month of the term, and what it is for."""
        first = self.starts_on.replace(day=1)
        tasks = [*self.plan, *[""] * self.months][: self.months]
        return [(month_after(first, number), task) for number, task in enumerate(tasks)]

    @property
    def ends_on(self) -> datetime.date:
        return month_after(self.starts_on.replace(day=1), self.months) - datetime.timedelta(days=1)


def month_after(first: datetime.date, number: int) -> datetime.date:
    years, month = divmod(first.month - 1 + number, 12)
    return datetime.date(first.year + years, month + 1, 1)


class Signature(models.Model):
    """Somebody's name under an agreement as it was then; a later change of the agreement voids it."""

    agreement = models.ForeignKey(
        Agreement, models.CASCADE, related_name="signatures", verbose_name=_("agreement")
    )
    side = models.CharField(_("side"), max_length=11, choices=Side)
    name = models.CharField(_("name"), max_length=60)
    signed_by = models.ForeignKey(Account, models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(_("signed at"))
    sha256 = models.CharField(_("fingerprint"), max_length=64)
    voided_at = models.DateTimeField(_("void since"), null=True, blank=True)

    class Meta:
        ordering = ["agreement", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["agreement", "side"],
                condition=Q(voided_at=None),
                name="each_side_signs_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()} {self.name}"


class Place(models.TextChoices):
    """Where mentor and mentee met."""

    MENTEE = "mentee", _("in the mentee's neighbourhood")
    SITE = "site", _("on the site of the first thing")
    STUDIO = "studio", _("in the studio")
    MENTOR = "mentor", _("at the mentor's")
    PHONE = "phone", _("by telephone or video")


class Visit(models.Model):
    """One meeting of a pair: what was asked, what was advised, and the step the two agreed on."""

    class StepState(models.TextChoices):
        NONE = "none", _("no step agreed")
        OPEN = "open", _("to be done")
        DONE = "done", _("done")
        NOT_DONE = "not_done", _("not done")

    # Made by the device that logged the visit, so that sending it again changes nothing.
    uuid = models.UUIDField(unique=True)
    pair = models.ForeignKey(Pair, models.CASCADE, related_name="visits", verbose_name=_("pair"))
    met_on = models.DateField(_("day"))
    place = models.CharField(_("place"), max_length=8, choices=Place)
    question = models.CharField(_("question"), max_length=300)
    advice = models.TextField(_("advice"), max_length=1000)
    step = models.CharField(_("agreed step"), max_length=200, blank=True)
    due_on = models.DateField(_("to be done by"), null=True, blank=True)
    step_state = models.CharField(_("state of the step"), max_length=8, choices=StepState)
    logged_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    logged_at = models.DateTimeField(_("logged at"), auto_now_add=True)

    class Meta:
        ordering = ["-met_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(step="", due_on=None, step_state="none")
                | (~Q(step="") & Q(due_on__isnull=False) & ~Q(step_state="none")),
                name="a_step_has_a_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.pair} {self.met_on}"


class FollowUp(models.Model):
    """What became of an agreed step: done, not done, or moved to another day."""

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        NOT_DONE = "not_done", _("not done")
        MOVED = "moved", _("moved to another day")

    # Made by the device, as a visit's; empty where a form without script said it.
    key = models.UUIDField(null=True, blank=True, unique=True)
    visit = models.ForeignKey(Visit, models.CASCADE, related_name="follow_ups", verbose_name=_("visit"))
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome)
    # The day moved to.
    due_on = models.DateField(_("to be done by"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        ordering = ["visit", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="moved", due_on__isnull=False) | (~Q(outcome="moved") & Q(due_on=None)),
                name="a_moved_step_has_a_new_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.visit} {self.get_outcome_display()}"


class VisitPhoto(models.Model):
    """A photo of a visit, drawn anew by the server: for the two of the pair and the programme office."""

    visit = models.ForeignKey(Visit, models.CASCADE, related_name="photos", verbose_name=_("visit"))
    key = models.UUIDField(_("key"), unique=True)
    width = models.PositiveSmallIntegerField(_("width"))
    height = models.PositiveSmallIntegerField(_("height"))
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        ordering = ["visit", "pk"]

    def __str__(self) -> str:
        return f"{self.visit} {self.key}"


class VisitPhotoImage(models.Model):
    """The picture itself, apart from its row so that no list reads it."""

    photo = models.OneToOneField(VisitPhoto, models.CASCADE, primary_key=True, related_name="image")
    jpeg = models.BinaryField(_("JPEG"))

    def __str__(self) -> str:
        return str(self.photo)


class VisitFeedback(models.Model):
    """How one of the two found a visit: for the writer and the programme office, and for nobody else."""

    class Help(models.IntegerChoices):
        NO = 1, _("of no use")
        LITTLE = 2, _("of some use")
        MUCH = 3, _("of much use")

    visit = models.ForeignKey(Visit, models.CASCADE, related_name="feedback", verbose_name=_("visit"))
    side = models.CharField(_("side"), max_length=11, choices=Side)
    helped = models.PositiveSmallIntegerField(_("the visit was"), choices=Help)
    words = models.TextField(_("in own words"), max_length=WORDS_LENGTH, blank=True)
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("time"), auto_now=True)

    class Meta:
        ordering = ["visit", "side"]
        constraints = [
            models.UniqueConstraint(fields=["visit", "side"], name="one_feedback_a_side"),
        ]

    def __str__(self) -> str:
        return f"{self.visit} {self.get_side_display()}"


class Studio(models.Model):
    """A studio of a subdistrict (街镇工作室): mentors and secretaries who work on each other's questions."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="studios", verbose_name=_("season"))
    subdistrict = models.ForeignKey(
        Organisation, models.PROTECT, related_name="studios", verbose_name=_("subdistrict")
    )
    name = models.CharField(_("name"), max_length=60)
    leader = models.ForeignKey(Mentor, models.PROTECT, related_name="studios_led", verbose_name=_("leader"))
    members = models.ManyToManyField(Person, related_name="studios", blank=True, verbose_name=_("members"))
    place = models.CharField(_("place"), max_length=120, blank=True)
    good_at = models.TextField(_("what it is good at"), max_length=WORDS_LENGTH, blank=True)

    class Meta:
        ordering = ["subdistrict", "name"]
        constraints = [
            models.UniqueConstraint(fields=["season", "name"], name="studio_name_unique_in_season")
        ]

    def __str__(self) -> str:
        return self.name


class StudyGroup(models.Model):
    """People of several subdistricts who work on one topic for a while (分组研讨)."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="study_groups", verbose_name=_("season"))
    topic = models.CharField(_("topic"), max_length=100)
    aim = models.TextField(_("what is to come of it"), max_length=WORDS_LENGTH, blank=True)
    convener = models.ForeignKey(
        Person, models.PROTECT, related_name="groups_convened", verbose_name=_("convener")
    )
    members = models.ManyToManyField(
        Person, related_name="study_groups", blank=True, verbose_name=_("members")
    )

    class Meta:
        ordering = ["topic", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["season", "topic"], name="group_topic_unique_in_season")
        ]

    def __str__(self) -> str:
        return self.topic


class Gathering(models.Model):
    """A session of a studio or of a group: when, where, who came, what was said."""

    studio = models.ForeignKey(
        Studio, models.CASCADE, null=True, related_name="gatherings", verbose_name=_("studio")
    )
    group = models.ForeignKey(
        StudyGroup, models.CASCADE, null=True, related_name="gatherings", verbose_name=_("group")
    )
    topic = models.CharField(_("topic"), max_length=100)
    starts_at = models.DateTimeField(_("time"))
    place = models.CharField(_("place"), max_length=120)
    notes = models.TextField(_("notes"), max_length=4000, blank=True)
    came = models.ManyToManyField(Person, related_name="+", blank=True, verbose_name=_("who came"))

    class Meta:
        ordering = ["-starts_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(studio=None) ^ Q(group=None), name="a_gathering_is_of_a_studio_or_a_group"
            )
        ]

    def __str__(self) -> str:
        return self.topic


class Output(models.Model):
    """What came of a studio's or a group's work: a case or another paper, as text, link or file."""

    studio = models.ForeignKey(
        Studio, models.CASCADE, null=True, related_name="outputs", verbose_name=_("studio")
    )
    group = models.ForeignKey(
        StudyGroup, models.CASCADE, null=True, related_name="outputs", verbose_name=_("group")
    )
    title = models.CharField(_("title"), max_length=100)
    text = models.TextField(_("text"), max_length=8000, blank=True)
    link = models.URLField(_("link"), max_length=300, blank=True)
    file_name = models.CharField(_("file"), max_length=120, blank=True)
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("time"), auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(studio=None) ^ Q(group=None), name="an_output_is_of_a_studio_or_a_group"
            ),
            models.CheckConstraint(
                condition=~Q(text="", link="", file_name=""), name="an_output_holds_something"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class OutputFile(models.Model):
    """The file itself, apart from its row so that no list reads it."""

    output = models.OneToOneField(Output, models.CASCADE, primary_key=True, related_name="file")
    content = models.BinaryField(_("content"))

    def __str__(self) -> str:
        return str(self.output)


class BoxQuestion(models.Model):
    """A question in a studio's box; who asked it without a name is shown to nobody else."""

    studio = models.ForeignKey(Studio, models.CASCADE, related_name="questions", verbose_name=_("studio"))
    title = models.CharField(_("question"), max_length=100)
    text = models.TextField(_("what it is about"), max_length=2000, blank=True)
    nameless = models.BooleanField(_("without my name"), default=False)
    asked_by = models.ForeignKey(Account, models.PROTECT, related_name="+", verbose_name=_("asked by"))
    asked_at = models.DateTimeField(_("asked at"), auto_now_add=True)

    class Meta:
        ordering = ["-asked_at", "-pk"]

    def __str__(self) -> str:
        return self.title


class BoxAnswer(models.Model):
    """What a member of the studio answers; a good one is marked to be made a case of."""

    question = models.ForeignKey(
        BoxQuestion, models.CASCADE, related_name="answers", verbose_name=_("question")
    )
    text = models.TextField(_("answer"), max_length=4000)
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(_("time"), auto_now_add=True)
    draft_case = models.BooleanField(_("draft of a case"), default=False)

    class Meta:
        ordering = ["question", "pk"]

    def __str__(self) -> str:
        return f"{self.question} {self.pk}"


class ProfileImport(models.Model):
    """An uploaded workbook of profiles between preview and confirmation: its accepted rows, nothing of a refused one."""

    class State(models.TextChoices):
        PREVIEWED = "previewed", _("waiting to be confirmed")
        CONFIRMED = "confirmed", _("confirmed")
        DISCARDED = "discarded", _("discarded")

    season = models.ForeignKey(
        Season, models.CASCADE, related_name="profile_imports", verbose_name=_("season")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PREVIEWED)
    file_name = models.CharField(_("file"), max_length=200)
    file_sha256 = models.CharField(max_length=64)
    # What the sheets hold; emptied once confirmed or discarded.
    rows = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    outcome_sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    uploaded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-uploaded_at"]

    def __str__(self) -> str:
        return self.file_name
