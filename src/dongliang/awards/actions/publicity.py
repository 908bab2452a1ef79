"""From the public list to the confirmed one: objections, answers, confirmation, certificates."""

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.awards.actions.deciding import locked_list
from dongliang.awards.models import Certificate, Hold, HonourList, Objection
from dongliang.awards.queries.lists import honours
from dongliang.awards.queries.publicity import (
    certificates,
    confirming_blockers,
    holding_blockers,
    issuing_blockers,
    lifting_blockers,
    objecting_blockers,
)
from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment

# What a certificate's number begins with, by the kind of list.
LETTERS = {
    HonourList.Kind.BEST_SECRETARIES: "A",
    HonourList.Kind.POPULAR_PROJECTS: "B",
    HonourList.Kind.SUREST_THINGS: "C",
}


@transaction.atomic
def receive_objection(
    honour_list: HonourList,
    *,
    name: str,
    contact: str,
    text: str,
    enrolment: Enrolment | None,
    by: Account | None,
) -> Objection:
    """Take an objection in writing, with the name or unit it comes from. The same once more is the same one. Raises Refused."""
    honour_list = locked_list(honour_list)
    if blockers := objecting_blockers(honour_list):
        raise Refused(blockers)
    said = {"name": name, "contact": contact, "text": text, "enrolment": enrolment}
    if found := honour_list.objections.filter(**said).first():
        return found
    objection = honour_list.objections.create(**said, received_at=now())
    log_action("awards.objection.received", honour_list, by=by, objection=objection.pk)
    return objection


@transaction.atomic
def answer_objection(objection: Objection, *, answer: str, upheld: bool, by: Account | None) -> Objection:
    """Answer an objection, once. Raises Refused."""
    honour_list = locked_list(objection.honour_list)
    objection = honour_list.objections.get(pk=objection.pk)
    if objection.answered_at:
        raise Refused(
            Blocker(
                "awards.answered",
                _("This objection is answered already."),
                _("An answer that was given stays as it is."),
            )
        )
    objection.answer, objection.upheld = answer.strip(), upheld
    objection.answered_at, objection.answered_by = now(), by
    objection.save(update_fields=["answer", "upheld", "answered_at", "answered_by"])
    log_action("awards.objection.answered", honour_list, by=by, objection=objection.pk, upheld=upheld)
    return objection


@transaction.atomic
def put_on_hold(honour_list: HonourList, *, reason: str, by: Account | None) -> Hold:
    """Keep the list from being confirmed and certified while something about it is looked into. Raises Refused."""
    honour_list = locked_list(honour_list)
    if blockers := holding_blockers(honour_list, reason):
        raise Refused(blockers)
    hold = honour_list.holds.create(reason=reason.strip(), put_at=now(), put_by=by)
    log_action("awards.list.held", honour_list, by=by, reason=hold.reason)
    return hold


@transaction.atomic
def lift_hold(hold: Hold, *, outcome: str, by: Account | None) -> Hold:
    """Let the list go on, by a second person and with what came of it. Raises Refused."""
    honour_list = locked_list(hold.honour_list)
    hold = honour_list.holds.get(pk=hold.pk)
    if blockers := lifting_blockers(hold, outcome, by):
        raise Refused(blockers)
    hold.outcome, hold.lifted_at, hold.lifted_by = outcome.strip(), now(), by
    hold.save(update_fields=["outcome", "lifted_at", "lifted_by"])
    log_action("awards.list.released", honour_list, by=by, outcome=hold.outcome)
    return hold


@transaction.atomic
def confirm_list(honour_list: HonourList, *, by: Account | None) -> HonourList:
    """Let the list hold, after objections are over and answered. Raises Refused, naming every blocker."""
    honour_list = locked_list(honour_list)
    if blockers := confirming_blockers(honour_list):
        raise Refused(blockers)
    honour_list.confirmed_at, honour_list.confirmed_by = now(), by
    honour_list.save(update_fields=["confirmed_at", "confirmed_by"])
    log_action("awards.list.confirmed", honour_list, by=by, names=honour_list.honours.count())
    return honour_list


@transaction.atomic
def issue_certificates(honour_list: HonourList, *, by: Account | None) -> list[Certificate]:
    """A certificate for every name on the confirmed list that has none yet; returns all of them. Raises Refused.

    Numbers go by neighbourhood, so that they tell no rank.
    """
    honour_list = locked_list(honour_list)
    if blockers := issuing_blockers(honour_list):
        raise Refused(blockers)
    season = honour_list.season
    year = honour_list.run.rule_book.validated.year
    begin = f"{season.district.code}-{year}-{LETTERS[HonourList.Kind(honour_list.kind)]}-S{season.pk}-"
    without = honours(honour_list).filter(certificate=None).order_by("enrolment__post__organisation__code")
    first = Certificate.objects.filter(honour__honour_list=honour_list).count() + 1
    issued = Certificate.objects.bulk_create(
        Certificate(honour=honour, number=f"{begin}{number:03d}", issued_at=now(), issued_by=by)
        for number, honour in enumerate(without, start=first)
    )
    if issued:
        log_action("awards.certificates.issued", honour_list, by=by, count=len(issued))
    return list(certificates(honour_list))


@transaction.atomic
def revoke_certificate(certificate: Certificate, *, reason: str, by: Account | None) -> Certificate:
    """Take a certificate back; its page says so, and why. Raises Refused."""
    certificate = Certificate.objects.select_for_update().get(pk=certificate.pk)
    blockers = []
    if certificate.revoked_at:
        blockers.append(
            Blocker(
                "awards.revoked", _("Certificate %(number)s is revoked already.") % {"number": certificate}
            )
        )
    if not reason.strip():
        blockers.append(
            Blocker(
                "awards.no_reason",
                _("No reason is given."),
                _("Say why; the page of the certificate shows it to everybody."),
            )
        )
    if blockers:
        raise Refused(blockers)
    certificate.revoked_at, certificate.revoked_by, certificate.revocation = now(), by, reason.strip()
    certificate.save(update_fields=["revoked_at", "revoked_by", "revocation"])
    log_action("awards.certificate.revoked", certificate, by=by, number=certificate.number)
    return certificate
