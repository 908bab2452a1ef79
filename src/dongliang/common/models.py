from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from dongliang.common.canonical import fingerprint


class ActionLogEntry(models.Model):
    """One state change: who did what to which thing, and when.

    The entries form a chain: each holds the digest of the one before it, so that a changed, missing or inserted
    entry shows. Written by ``log_actions`` only; never changed.
    """

    sequence = models.PositiveBigIntegerField(_("number"), unique=True)
    at = models.DateTimeField(_("time"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("account")
    )
    verb = models.CharField(_("action"), max_length=80)
    subject_type = models.CharField(_("kind of subject"), max_length=60)
    subject_id = models.BigIntegerField(null=True)
    subject_label = models.CharField(_("subject"), max_length=200)
    detail = models.JSONField(_("detail"), default=dict)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["sequence"]

    def __str__(self) -> str:
        return f"{self.sequence} {self.verb} {self.subject_label}"

    def computed_digest(self) -> str:
        return fingerprint(
            {
                "sequence": self.sequence,
                "at": self.at.isoformat(),
                "by": self.by_id,
                "verb": self.verb,
                "subject": [self.subject_type, self.subject_id, self.subject_label],
                "detail": self.detail,
                "previous": self.previous,
            }
        )


class ActionLogHead(models.Model):
    """The end of the chain: a single row, locked while an entry is added, so that two writers queue."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="0" * 64)
