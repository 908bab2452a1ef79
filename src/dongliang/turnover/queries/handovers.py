"""Handovers: who may see them, what is on them, and what stands against a change or a signature."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dongliang.common.refusals import Blocker
from dongliang.mentoring.models import Visit
from dongliang.people.models import Account, Organisation, Role, Tenure
from dongliang.people.queries import found_by_name, grants_of, organisations_reached
from dongliang.projects.models import FirstThing
from dongliang.turnover.models import Handover, HandoverSignature, Item, Kind, Promise, Side

OPEN, SIGNED, NOBODY = "open", "signed", "nobody"
SIGNERS = len(Side)


@dataclass(frozen=True)
class Seat:
    """One of the three places under a handover."""

    side: Side
    signature: HandoverSignature | None


def handovers_visible_to(account: Account) -> QuerySet[Handover]:
    """Those of the offices in charge of the post, and those in which one has a part oneself."""
    offices = organisations_reached(account, Role.OFFICE, Role.SUBDISTRICT_OFFICE)
    wanted = Q(leaver__post__organisation__in=offices.values("pk"))
    if account.person_id and account.is_active:
        wanted |= Q(leaver__person=account.person_id) | Q(successor__person=account.person_id)
    return Handover.objects.filter(wanted).select_related(
        "leaver__person", "leaver__post__organisation__parent", "successor__person"
    )


def with_progress(handovers: QuerySet[Handover]) -> QuerySet[Any]:
    """With how many lines each has, how many are ``accepted``, how many sides have ``signed``, and when ``finished``."""
    valid = Q(signatures__voided_at=None)
    return handovers.annotate(
        lines=Count("items", distinct=True),
        accepted=Count("items", filter=Q(items__answer=Item.Answer.ACCEPTED), distinct=True),
        signed=Count("signatures", filter=valid, distinct=True),
        last_signed=Max("signatures__signed_at", filter=valid),
    ).order_by("leaver__post__organisation__code", "pk")


def matching_handovers(
    handovers: QuerySet[Any], *, search: str = "", subdistrict: Organisation | None = None, state: str = ""
) -> QuerySet[Any]:
    """The rows that a filter bar asks for, of ``with_progress``."""
    handovers = found_by_name(
        handovers,
        search,
        "leaver__person__name",
        "successor__person__name",
        also=("leaver__post__organisation__name",),
    )
    if subdistrict:
        handovers = handovers.filter(leaver__post__organisation__parent=subdistrict)
    if state == NOBODY:
        handovers = handovers.filter(successor=None)
    elif state == SIGNED:
        handovers = handovers.filter(signed=SIGNERS)
    elif state == OPEN:
        handovers = handovers.filter(signed__lt=SIGNERS)
    return handovers


def sides_of(account: Account, handover: Handover) -> set[Side]:
    """The sides that the account stands for. A witness has no part in the handover."""
    sides = set()
    if account.is_active and account.person_id:
        if account.person_id == handover.leaver.person_id:
            sides.add(Side.LEAVER)
        if handover.successor and account.person_id == handover.successor.person_id:
            sides.add(Side.SUCCESSOR)
    above = handover.post.organisation.parent_id
    held = any(g.role == Role.SUBDISTRICT_OFFICE and g.organisation_id == above for g in grants_of(account))
    if held and not sides:
        sides.add(Side.WITNESS)
    return sides


def seats(handover: Handover) -> list[Seat]:
    valid = {entry.side: entry for entry in handover.signatures.all() if entry.voided_at is None}
    return [Seat(side, valid.get(side.value)) for side in Side]


def opening_blockers(leaver: Tenure) -> list[Blocker]:
    """Every reason why no handover can be opened for who leaves."""
    if not Handover.objects.filter(leaver=leaver).exists():
        return []
    return [
        Blocker(
            "handover.open",
            _("There is a handover list for %(person)s already.") % {"person": leaver.person},
            _("Go on with that one."),
        )
    ]


def successor_of(leaver: Tenure) -> Tenure | None:
    """Who came to the post next, acting or not; nobody as long as the leaver is in post."""
    if leaver.ends_on is None:
        return None
    later = leaver.post.tenures.filter(starts_on__gt=leaver.ends_on)
    return later.select_related("person").order_by("starts_on").first()


def projects_to_hand_over(handover: Handover) -> QuerySet[FirstThing]:
    """What the leaver has begun in this post and not landed, and is not on the list yet."""
    return (
        FirstThing.objects.filter(
            enrolment__post=handover.leaver.post_id, enrolment__person=handover.leaver.person_id
        )
        .exclude(state=FirstThing.State.LANDED)
        .exclude(pk__in=handover.items.exclude(project=None).values("project"))
    )


def promises_to_hand_over(handover: Handover) -> QuerySet[Promise]:
    """The post's open promises, whoever made them."""
    return Promise.objects.filter(post=handover.leaver.post_id, state=Promise.State.OPEN).exclude(
        pk__in=handover.items.exclude(promise=None).values("promise")
    )


def steps_to_hand_over(handover: Handover) -> QuerySet[Visit]:
    """The steps that the leaver agreed on with a mentor for this post, and has not done."""
    return Visit.objects.filter(
        pair__mentee__post=handover.leaver.post_id,
        pair__mentee__person=handover.leaver.person_id,
        step_state=Visit.StepState.OPEN,
    ).exclude(pk__in=handover.items.exclude(visit=None).values("visit"))


def item_blockers(kind: str, what: str, state: str) -> list[Blocker]:
    """Every reason why this is no line of a handover."""
    found = []
    if kind not in Kind.values:
        found.append(
            Blocker(
                "item.kind",
                _("A handover list has no lines of kind '%(kind)s'.") % {"kind": kind},
                _("Use one of: %(kinds)s.") % {"kinds": ", ".join(Kind.values)},
            )
        )
    if not what.strip() or not state.strip():
        found.append(
            Blocker(
                "item.words",
                _("A line says what is handed over and how it stands."),
                _("Write both in a few words."),
            )
        )
    return found


def answering_blockers(handover: Handover, answer: str, remark: str) -> list[Blocker]:
    """Every reason why a line cannot be answered so."""
    found = []
    if answer not in (Item.Answer.ACCEPTED, Item.Answer.OBJECTED):
        found.append(
            Blocker(
                "item.answer",
                _("'%(answer)s' is no answer to a line.") % {"answer": answer},
                _("Accept the line, or say what is not clear."),
            )
        )
    if answer == Item.Answer.OBJECTED and not remark.strip():
        found.append(
            Blocker(
                "item.remark",
                _("Nothing says what is not clear."),
                _("Write it in the remark, so that the line can be put right."),
            )
        )
    return found


def signing_blockers(handover: Handover, side: Side | None, shown: str) -> list[Blocker]:
    """Every reason why the handover cannot be signed for that side now."""
    found = []
    if handover.successor is None:
        found.append(
            Blocker(
                "handover.nobody",
                _("Nobody has come to the post of %(place)s yet.") % {"place": handover.post},
                _("The list can be written now, and is signed once somebody is in post."),
            )
        )
    items = list(handover.items.all())
    if not items:
        found.append(
            Blocker("handover.empty", _("The list has no lines."), _("Write what is handed over first."))
        )
    if waiting := [item for item in items if item.answer != Item.Answer.ACCEPTED]:
        found.append(
            Blocker(
                "handover.not_accepted",
                ngettext(
                    "%(count)d line is not accepted: %(what)s.",
                    "%(count)d lines are not accepted, the first being: %(what)s.",
                    len(waiting),
                )
                % {"count": len(waiting), "what": waiting[0]},
                _("Who takes over accepts each line first."),
            )
        )
    signed = {seat.side for seat in seats(handover) if seat.signature}
    if side is not None and side in signed:
        found.append(
            Blocker(
                "handover.signed",
                _("The list is signed for this side."),
                _("Nothing is left to do, unless it is changed."),
            )
        )
    if side == Side.WITNESS and not {Side.LEAVER, Side.SUCCESSOR} <= signed:
        found.append(
            Blocker(
                "handover.witness",
                _("The two have not both signed yet."),
                _("The subdistrict office signs last, as witness of both."),
            )
        )
    if shown != handover.sha256:
        found.append(
            Blocker(
                "handover.changed",
                _("The list has been changed since this page was shown."),
                _("Read it again, then sign."),
            )
        )
    return found
