from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from dongliang.people.models import Organisation, Person
from dongliang.seasons.models import Enrolment, Season


class Mentor(models.Model):
    """An experienced secretary (大梁) who coaches in a season and may assess in the field."""

    season = models.ForeignKey(Season, models.CASCADE, related_name="mentors", verbose_name=_("season"))
    number = models.PositiveIntegerField(_("number"))
    person = models.ForeignKey(Person, models.PROTECT, related_name="mentorships", verbose_name=_("mentor"))
    home = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("subdistrict")
    )
    assesses = models.BooleanField(_("assesses in the field"), default=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["season", "number"], name="mentor_number_unique_in_season"),
            models.UniqueConstraint(fields=["season", "person"], name="a_mentor_serves_once_a_season"),
        ]

    def __str__(self) -> str:
        return self.person.name


class Pair(models.Model):
    """A mentor coaches a secretary from one day to another."""

    mentor = models.ForeignKey(Mentor, models.CASCADE, related_name="pairs", verbose_name=_("mentor"))
    mentee = models.ForeignKey(Enrolment, models.CASCADE, related_name="pairs", verbose_name=_("mentee"))
    starts_on = models.DateField(_("since"))
    ends_on = models.DateField(_("until"), null=True, blank=True)

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
