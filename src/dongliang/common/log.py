"""The action log: written by every action, checked by ``dongliang audit verify``."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.utils.timezone import now

from dongliang.common.models import ActionLogEntry, ActionLogHead


def log_action(verb: str, subject: models.Model, *, by: Any, **detail: Any) -> ActionLogEntry:
    """Append a line to the chain, in the transaction of the change it tells of.

    ``by`` is the acting account, or None for the command line. ``detail`` must be JSON: never a mark, a password or
    a credential.
    """
    [entry] = log_actions(verb, [subject], by=by, **detail)
    return entry


def log_actions(
    verb: str, subjects: Sequence[models.Model], *, by: Any, **detail: Any
) -> list[ActionLogEntry]:
    """The same done to many, each in a line of its own."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("log_action belongs inside the transaction of the change it records")
    if not subjects:
        return []
    head, _ = ActionLogHead.objects.select_for_update().get_or_create(pk=1)
    entries = []
    # Microseconds and UTC survive a round trip through either database; the digest depends on it.
    moment = now().astimezone(datetime.UTC)
    for subject in subjects:
        entry = ActionLogEntry(
            sequence=head.sequence + 1,
            at=moment,
            by=by,
            verb=verb,
            subject_type=subject._meta.label_lower,
            subject_id=subject.pk,
            subject_label=str(subject)[:200],
            detail=detail,
            previous=head.digest,
        )
        entry.digest = entry.computed_digest()
        head.sequence, head.digest = entry.sequence, entry.digest
        entries.append(entry)
    ActionLogEntry.objects.bulk_create(entries, batch_size=500)
    head.save(update_fields=["sequence", "digest"])
    return entries


@dataclass(frozen=True)
class Breach:
    """Where the chain does not hold, and how."""

    sequence: int
    reason: str


def verify_chain() -> tuple[int, Breach | None]:
    """How many entries hold from the beginning, and the first breach if there is one."""
    previous, checked = "0" * 64, 0
    for entry in ActionLogEntry.objects.order_by("sequence").iterator():
        if entry.sequence != checked + 1:
            return checked, Breach(checked + 1, "missing")
        if entry.previous != previous or entry.digest != entry.computed_digest():
            return checked, Breach(entry.sequence, "changed")
        previous, checked = entry.digest, entry.sequence
    head = ActionLogHead.objects.filter(pk=1).first()
    # Without an end nobody can tell what was cut off before it.
    if (head.sequence, head.digest) != (checked, previous) if head else checked:
        return checked, Breach(checked + 1, "missing")
    return checked, None
