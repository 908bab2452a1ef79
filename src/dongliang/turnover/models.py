"""What an election or a departure leaves behind: handovers, promises that stay with the post, advisers."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dongliang.common.canonical import fingerprint
from dongliang.mentoring.models import Visit
from dongliang.people.models import Account, Organisation, Post, Tenure
from dongliang.projects.models import FirstThing

WHAT_LENGTH, STATE_LENGTH, NEXT_LENGTH, REMARK_LENGTH, THANKS_LENGTH = 120, 400, 200, 200, 600


class Election(models.Model):
    """One change of terms (换届) in a district. What has to be done afterwards is worked out, not ticked off."""

    district = models.ForeignKey(
        Organisation, models.PROTECT, related_name="elections", verbose_name=_("district")
    )
    held_on = models.DateField(_("day of the election"))
    begun_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    begun_at = models.DateTimeField(_("begun at"), auto_now_add=True)

    class Meta:
        ordering = ["-held_on"]
        constraints = [
            models.UniqueConstraint(fields=["district", "held_on"], name="one_election_a_day_in_a_district")
        ]

    def __str__(self) -> str:
        return f"{self.district} {self.held_on}"


class Promise(models.Model):
    """Something promised to residents. It belongs to the post: whoever comes next keeps it."""

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("promise", "open")
        KEPT = "kept", pgettext_lazy("promise", "kept")
        DROPPED = "dropped", pgettext_lazy("promise", "given up")

    post = models.ForeignKey(Post, models.PROTECT, related_name="promises", verbose_name=_("post"))
    what = models.CharField(_("what was promised"), max_length=WHAT_LENGTH)
    due_on = models.DateField(pgettext_lazy("promise", "due on"), null=True, blank=True)
    made_by = models.ForeignKey(Tenure, models.PROTECT, related_name="+", verbose_name=_("made by"))
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    # How it was kept, or why it was given up.
    outcome = models.CharField(_("outcome"), max_length=REMARK_LENGTH, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["post", "due_on", "pk"]

    def __str__(self) -> str:
        return self.what


class Handover(models.Model):
    """The list (交接清单) that goes with a post from who leaves to who comes."""

    leaver = models.OneToOneField(
        Tenure, models.PROTECT, related_name="handover", verbose_name=pgettext_lazy("handover", "from")
    )
    # Empty as long as the post is vacant.
    successor = models.ForeignKey(
        Tenure,
        models.PROTECT,
        null=True,
        related_name="taken_over",
        verbose_name=pgettext_lazy("handover", "to"),
    )
    opened_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField(_("opened at"), auto_now_add=True)

    class Meta:
        ordering = ["leaver__post__organisation__code", "pk"]

    def __str__(self) -> str:
        return f"{self.leaver.post} {self.leaver.person} → {self.successor.person if self.successor else '–'}"

    @property
    def post(self) -> Post:
        return self.leaver.post

    @property
    def sha256(self) -> str:
        """The fingerprint of what is signed: who, and every line with its answer."""
        successor = self.successor
        return fingerprint(
            {
                "post": [self.post.pk, self.post.organisation.name],
                "leaver": [self.leaver_id, self.leaver.person.name],
                "successor": [self.successor_id, successor.person.name if successor else ""],
                "items": [item.signed_words for item in self.items.all()],
            }
        )


class Kind(models.TextChoices):
    PROMISE = "promise", _("promise to residents")
    VOTE = "vote", _("vote under way")
    RISK = "risk", _("risk")
    MONEY = "money", _("money and funds")
    CONTACT = "contact", _("contact")
    PROJECT = "project", _("open project")
    STEP = "step", _("step agreed with the mentor")
    OTHER = "other", pgettext_lazy("handover", "anything else")


class Item(models.Model):
    """One line of a handover: what, how it stands, what comes next and by when."""

    class Answer(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("handover", "not answered")
        ACCEPTED = "accepted", pgettext_lazy("handover", "accepted")
        OBJECTED = "objected", pgettext_lazy("handover", "not clear yet")

    handover = models.ForeignKey(
        Handover, models.CASCADE, related_name="items", verbose_name=_("handover list")
    )
    kind = models.CharField(pgettext_lazy("handover", "kind"), max_length=8, choices=Kind)
    what = models.CharField(pgettext_lazy("handover", "what"), max_length=WHAT_LENGTH)
    state = models.CharField(_("how it stands"), max_length=STATE_LENGTH)
    next_step = models.CharField(_("next step"), max_length=NEXT_LENGTH, blank=True)
    due_on = models.DateField(_("to be done by"), null=True, blank=True)
    # Of money only: what is left of it, and who signs for it from now on.
    amount = models.DecimalField(_("balance in yuan"), max_digits=12, decimal_places=2, null=True, blank=True)
    signatory = models.CharField(_("who signs for it"), max_length=40, blank=True)
    # Where the line was taken from, so that it is taken once.
    promise = models.ForeignKey(Promise, models.PROTECT, null=True, related_name="+")
    project = models.ForeignKey(FirstThing, models.SET_NULL, null=True, related_name="+")
    visit = models.ForeignKey(Visit, models.SET_NULL, null=True, related_name="+")
    answer = models.CharField(_("answer"), max_length=8, choices=Answer, default=Answer.WAITING)
    remark = models.CharField(pgettext_lazy("handover", "remark"), max_length=REMARK_LENGTH, blank=True)

    class Meta:
        ordering = ["handover", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["handover", source],
                condition=Q(**{f"{source}__isnull": False}),
                name=f"a_{source}_is_handed_over_once",
            )
            for source in ("promise", "project", "visit")
        ] + [
            models.CheckConstraint(
                condition=Q(kind="money") | Q(amount=None, signatory=""), name="only_money_has_a_balance"
            )
        ]

    def __str__(self) -> str:
        return self.what

    @property
    def signed_words(self) -> list[str]:
        return [
            self.kind,
            self.what,
            self.state,
            self.next_step,
            self.due_on.isoformat() if self.due_on else "",
            f"{self.amount:.2f}" if self.amount is not None else "",
            self.signatory,
            self.answer,
            self.remark,
        ]


class Side(models.TextChoices):
    LEAVER = "leaver", _("who hands over")
    SUCCESSOR = "successor", _("who takes over")
    WITNESS = "witness", _("witness, the subdistrict office")


class HandoverSignature(models.Model):
    """A name under a handover as it was then; a later change voids it."""

    handover = models.ForeignKey(
        Handover, models.CASCADE, related_name="signatures", verbose_name=_("handover list")
    )
    side = models.CharField(_("side"), max_length=9, choices=Side)
    name = models.CharField(_("name"), max_length=60)
    signed_by = models.ForeignKey(Account, models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(_("signed at"))
    sha256 = models.CharField(_("fingerprint"), max_length=64)
    voided_at = models.DateTimeField(_("void since"), null=True, blank=True)

    class Meta:
        ordering = ["handover", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["handover", "side"],
                condition=Q(voided_at=None),
                name="each_side_signs_a_handover_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_side_display()} {self.name}"


class Adviser(models.Model):
    """Who has left a post and stays at hand as adviser (顾问). The honour page is public once released."""

    tenure = models.OneToOneField(
        Tenure, models.PROTECT, related_name="adviser", verbose_name=_("last tenure")
    )
    since = models.DateField(_("adviser since"))
    thanks = models.TextField(_("words of thanks"), max_length=THANKS_LENGTH, blank=True)
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)
    released_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["tenure__post__organisation__code"]

    def __str__(self) -> str:
        return self.tenure.person.name
