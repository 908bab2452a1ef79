"""Agreements: what is missing, who may still sign, what stands against it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Agreement, Pair, Side, Signature
from dongliang.mentoring.queries.pairs import ended_blockers

GOALS_LENGTH, TASK_LENGTH, MOST_MONTHS = 1000, 200, 36


@dataclass(frozen=True)
class Seat:
    """One of the three places under an agreement."""

    side: Side
    signature: Signature | None


def seats(agreement: Agreement) -> list[Seat]:
    valid = {entry.side: entry for entry in agreement.signatures.all() if entry.voided_at is None}
    return [Seat(side, valid.get(side.value)) for side in Side]


def agreement_of(pair: Pair) -> Agreement | None:
    return (
        Agreement.objects.filter(pair=pair)
        .select_related(
            "pair__mentor__person",
            "pair__mentee__person",
            "pair__mentee__season",
            "pair__mentee__post__organisation__parent",
        )
        .prefetch_related("signatures")
        .first()
    )


def content_blockers(pair: Pair, goals: str, months: int, plan: Sequence[str]) -> list[Blocker]:
    """Every reason why this makes no agreement."""
    found = ended_blockers(pair)
    if not 1 <= len(goals.strip()) <= GOALS_LENGTH:
        found.append(
            Blocker(
                "agreement.goals",
                _("The goals take %(seen)d characters.") % {"seen": len(goals.strip())},
                _("Write 1 to %(most)d.") % {"most": GOALS_LENGTH},
            )
        )
    if not 1 <= months <= MOST_MONTHS:
        found.append(
            Blocker(
                "agreement.months",
                _("A term of %(seen)d months cannot be meant.") % {"seen": months},
                _("Agree on 1 to %(most)d months.") % {"most": MOST_MONTHS},
            )
        )
    if len(plan) > months:
        found.append(
            Blocker(
                "agreement.plan",
                ngettext(
                    "The plan has %(seen)d line, more than the term has months.",
                    "The plan has %(seen)d lines, more than the term has months.",
                    len(plan),
                )
                % {"seen": len(plan)},
                _("Write one line a month, or agree on a longer term."),
            )
        )
    if any(len(task) > TASK_LENGTH for task in plan):
        found.append(
            Blocker(
                "agreement.task",
                _("A month's line takes %(seen)d characters.") % {"seen": max(map(len, plan))},
                _("Write at most %(most)d a month.") % {"most": TASK_LENGTH},
            )
        )
    return found


def signing_blockers(agreement: Agreement, side: Side | None, shown: str) -> list[Blocker]:
    """Every reason why this side cannot sign what was shown."""
    found = ended_blockers(agreement.pair)
    if side is None:
        found.append(
            Blocker(
                "agreement.side",
                _("You are none of the three who sign this agreement."),
                _("The mentor, the mentee and the subdistrict sign it."),
            )
        )
    elif agreement.signatures.filter(side=side, voided_at=None).exists():
        found.append(
            Blocker(
                "agreement.signed",
                _("The agreement is signed for this side."),
                _("Nothing is left to do, unless it is changed."),
            )
        )
    if shown != agreement.sha256:
        found.append(
            Blocker(
                "agreement.changed",
                _("The agreement has been changed since this page was shown."),
                _("Read it again, then sign."),
            )
        )
    return found
