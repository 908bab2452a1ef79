"""Which institutions' sheets are signed, and what exactly was signed."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from dongliang.common.canonical import fingerprint
from dongliang.common.refusals import Blocker
from dongliang.people.models import Account, Organisation, Role
from dongliang.people.queries import grants_of, organisations_reached
from dongliang.review.models import Assignment, Response, Signature, Source
from dongliang.seasons.models import Phase, Season


def acts_for(account: Account, institution: Organisation) -> bool:
    """Whether the account answers for the institution itself: not for what lies above or below it."""
    return any(
        grant.organisation_id == institution.pk and grant.role in (Role.SUBDISTRICT_OFFICE, Role.DEPARTMENT)
        for grant in grants_of(account)
    )


def institutions_of(season: Season) -> QuerySet[Organisation]:
    """The subdistricts and departments that are asked for sheets, with how many and how many are sent."""
    asked = Q(assignments__season=season, assignments__voided_at=None)
    return (
        Organisation.objects.filter(assignments__season=season)
        .annotate(
            due=Count("assignments", filter=asked, distinct=True),
            sent=Count("assignments__response", filter=asked, distinct=True),
        )
        .order_by("kind", "code")
    )


def institutions_visible_to(account: Account, season: Season) -> QuerySet[Organisation]:
    """To an institution itself; to the office all of the district."""
    found = institutions_of(season)
    if organisations_reached(account, Role.OFFICE).filter(pk=season.district_id).exists():
        return found
    return own_institutions(account, season)


def own_institutions(account: Account, season: Season) -> QuerySet[Organisation]:
    """The institutions that the account itself answers for."""
    own = [
        grant.organisation_id
        for grant in grants_of(account)
        if grant.role in (Role.SUBDISTRICT_OFFICE, Role.DEPARTMENT)
    ]
    return institutions_of(season).filter(pk__in=own)


def sheets_of(season: Season, institution: Organisation) -> QuerySet[Assignment]:
    """All that the institution is asked for, in the order of the secretaries' numbers."""
    return (
        season.assignments.filter(institution=institution, source=Source.INSTITUTIONAL)
        .select_related(
            "response", "institution", "enrolment__person", "enrolment__post__organisation__parent"
        )
        .order_by("enrolment__number")
    )


def contents_fingerprint(season: Season, institution: Organisation) -> str:
    """SHA-256 over what the institution's sheets say: number, marks and note of each."""
    sent = Response.objects.filter(
        assignment__season=season,
        assignment__institution=institution,
        assignment__source=Source.INSTITUTIONAL,
    )
    rows = sent.order_by("assignment__enrolment__number").values_list(
        "assignment__enrolment__number", "marks", "note"
    )
    return fingerprint([season.slug, institution.code, [list(row) for row in rows]])


def signatures(season: Season) -> QuerySet[Signature]:
    """Those that hold: what was opened again holds no more."""
    return season.signatures.filter(reopened_at=None).select_related("institution", "signed_by")


def signature_of(season: Season, institution: Organisation) -> Signature | None:
    return signatures(season).filter(institution=institution).first()


def unsigned(season: Season) -> list[Organisation]:
    """The institutions whose sheets do not count, because the rule book asks for a signature that is not there."""
    if not season.rules.asks_for_signatures:
        return []
    signed = set(signatures(season).values_list("institution", flat=True))
    return [institution for institution in institutions_of(season) if institution.pk not in signed]


def signed_blockers(season: Season, institutions: set[int]) -> list[Blocker]:
    """Why these institutions' sheets cannot be sent or corrected: they are signed."""
    if not institutions:
        return []
    return [
        Blocker(
            "response.signed",
            _("%(institution)s has signed its sheets (%(signer)s, %(time)s).")
            % {
                "institution": signature.institution,
                "signer": signature.signer,
                "time": date_format(localtime(signature.signed_at), "SHORT_DATETIME_FORMAT"),
            },
            _("Open them again with a reason, then change them and sign anew."),
        )
        for signature in signatures(season).filter(institution__in=institutions)
    ]


def signing_blockers(season: Season, institution: Organisation) -> list[Blocker]:
    """Every reason why the institution's sheets cannot be signed now.

    While the season is open they must be complete. Afterwards nothing can be added, and what was sent is signed as it is.
    """
    found = []
    if not season.rules.asks_for_signatures:
        found.append(
            Blocker(
                "signature.not_asked",
                _("The rule book asks for no signature."),
                _("Sheets count as soon as they are sent."),
            )
        )
    if signature_of(season, institution):
        found.append(
            Blocker(
                "signature.signed",
                _("The sheets of %(institution)s are signed already.") % {"institution": institution},
                _("To change something, open them again with a reason."),
            )
        )
    sheets = sheets_of(season, institution).filter(voided_at=None)
    due, sent = sheets.count(), sheets.filter(response__isnull=False).count()
    words = {"institution": institution, "sent": sent, "due": due}
    if season.phase == Phase.OPEN and sent < due:
        found.append(
            Blocker(
                "signature.incomplete",
                _("%(institution)s has sent %(sent)d of %(due)d sheets.") % words,
                _("Send the rest; the officer signs for all of them."),
            )
        )
    elif not sent:
        found.append(
            Blocker(
                "signature.nothing",
                _("%(institution)s has not sent a single sheet.") % words,
                _("There is nothing to sign for."),
            )
        )
    return found


@dataclass(frozen=True)
class Asked:
    """An institution, how far its sheets have come, and who signed for them."""

    institution: Organisation
    due: int
    sent: int
    signature: Signature | None

    @property
    def state(self) -> str:
        if self.signature:
            return "signed"
        return "complete" if self.sent == self.due else "late"


def asked_of(season: Season) -> list[Asked]:
    """Every institution with the state of its sheets."""
    signed = {signature.institution_id: signature for signature in signatures(season)}
    counted: QuerySet[Any] = institutions_of(season)
    return [Asked(entry, entry.due, entry.sent, signed.get(entry.pk)) for entry in counted]
