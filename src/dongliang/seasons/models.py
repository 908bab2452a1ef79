import json
from functools import cached_property, lru_cache
from typing import cast

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from dongliang.people.models import Account, Organisation, Person, Post
from dongliang.seasons.rulebook import RuleBookContent


class Phase(models.TextChoices):
    """The way of a season. It moves forward only, by the actions of this app."""

    PREPARING = "preparing", _("preparing")
    OPEN = "open", _("open")
    CLOSED = "closed", _("closed")


class Season(models.Model):
    district = models.ForeignKey(
        Organisation, models.PROTECT, related_name="seasons", verbose_name=_("district")
    )
    slug = models.SlugField(_("short name"), max_length=40, unique=True)
    title = models.CharField(_("title"), max_length=80)
    phase = models.CharField(_("phase"), max_length=10, choices=Phase, default=Phase.PREPARING)
    # From when until when residents may vote (``ballots.calendar``). A day without an hour counts as a whole.
    opens_on = models.DateField(_("opens on"), null=True, blank=True)
    closes_on = models.DateField(_("closes on"), null=True, blank=True)
    opens_time = models.TimeField(_("opens at"), null=True, blank=True)
    closes_time = models.TimeField(_("closes at"), null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title

    @cached_property
    def rule_book(self) -> "RuleBook":
        """The version in force: the newest."""
        return self.rule_books.order_by("-version")[0]

    @property
    def rules(self) -> RuleBookContent:
        return self.rule_book.validated


class RuleBook(models.Model):
    """One version of a season's rules. Frozen before the season opens; a later change is a new version, with a reason."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="rule_books", verbose_name=_("season"))
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    content = models.JSONField(_("content"))
    sha256 = models.CharField(_("fingerprint"), max_length=64)
    reason = models.CharField(_("reason for this version"), max_length=300, blank=True)
    frozen_at = models.DateTimeField(_("frozen at"), null=True, blank=True)
    frozen_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["season", "version"]
        constraints = [
            models.UniqueConstraint(fields=["season", "version"], name="rule_book_version_unique_in_season")
        ]

    def __str__(self) -> str:
        return f"{self.season} v{self.version}"

    @cached_property
    def validated(self) -> RuleBookContent:
        return validated_text(json.dumps(self.content))


@lru_cache(32)
def validated_text(content: str) -> RuleBookContent:
    """Nearly every page reads the rules, of few seasons. Nothing can change what is handed out: it is frozen."""
    return RuleBookContent.model_validate(json.loads(content))


class Enrolment(models.Model):
    """A secretary taking part in a season, in the post held when the season opened. What marks are about."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="enrolments", verbose_name=_("season"))
    # Counted within the season; what exports, picks and the engine call this secretary.
    number = models.PositiveIntegerField(_("number"))
    post = models.ForeignKey(Post, models.PROTECT, related_name="enrolments", verbose_name=_("post"))
    person = models.ForeignKey(Person, models.PROTECT, related_name="enrolments", verbose_name=_("secretary"))
    # Of the day of enrolment, so that the season stays as it was when people move on.
    is_new = models.BooleanField(_("new after the election"))

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["season", "number"], name="enrolment_number_unique_in_season"),
            models.UniqueConstraint(fields=["season", "post"], name="a_post_is_enrolled_once"),
            models.UniqueConstraint(fields=["season", "person"], name="a_person_is_enrolled_once"),
            models.CheckConstraint(condition=Q(number__gt=0), name="enrolment_number_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.person} {self.post}"

    @property
    def organisation(self) -> Organisation:
        return self.post.organisation

    @property
    def subdistrict(self) -> Organisation:
        return cast(Organisation, self.post.organisation.parent)
