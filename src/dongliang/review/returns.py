"""Institutions send their sheets in by workbook, and sign for them."""

import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.common.canonical import fingerprint
from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account, Organisation
from dongliang.review.actions import Sheet, submit_responses
from dongliang.review.models import Assignment, InstitutionalReturn, Signature
from dongliang.review.queries import not_open_blockers
from dongliang.review.signatures import (
    contents_fingerprint,
    sheets_of,
    signature_of,
    signed_blockers,
    signing_blockers,
)
from dongliang.review.workbook import Filled, read_return
from dongliang.seasons.models import Season


@dataclass(frozen=True)
class Planned:
    """What confirming would do to one sheet: send it, correct it, or leave it as it is."""

    sheet: Assignment
    marks: str
    note: str
    outcome: str

    @property
    def before(self) -> str:
        return self.sheet.response.marks if hasattr(self.sheet, "response") else ""


def planned(season: Season, institution: Organisation, rows: list[Filled]) -> list[Planned]:
    """The rows of a workbook beside what the institution has sent so far."""
    asked = {sheet.enrolment.number: sheet for sheet in sheets_of(season, institution)}
    found = []
    for row in rows:
        if sheet := asked.get(row.number):
            response = getattr(sheet, "response", None)
            same = response is not None and (response.marks, response.note) == (row.marks, row.note)
            outcome = "same" if same else "changed" if response else "new"
            found.append(Planned(sheet, row.marks, row.note, outcome))
    return found


def rows_of(subject: InstitutionalReturn) -> list[Filled]:
    return [Filled(number, marks, note) for number, marks, note in subject.rows]


def shown_fingerprint(plan: list[Planned]) -> str:
    """What a preview showed: confirming does that, or nothing."""
    return fingerprint(
        [[entry.sheet.pk, entry.outcome, entry.before, entry.marks, entry.note] for entry in plan]
    )


def return_blockers(season: Season, institution: Organisation) -> list[Blocker]:
    """Why the institution can send nothing in now."""
    return not_open_blockers(season) + signed_blockers(season, {institution.pk})


@transaction.atomic
def preview_return(
    season: Season, institution: Organisation, file_name: str, data: bytes, *, by: Account | None
) -> InstitutionalReturn:
    """Read a workbook and keep its rows until they are confirmed. Raises Refused; nothing of a refused file is kept."""
    season = Season.objects.get(pk=season.pk)
    if blockers := return_blockers(season, institution):
        raise Refused(blockers)
    read = read_return(season, institution, file_name, data)
    if not read.rows:
        raise Refused(
            Blocker(
                "return.nothing",
                _("No row of the workbook is filled in."),
                _("Give marks to at least one secretary, save the file, and choose it again."),
            )
        )
    outcomes = [entry.outcome for entry in planned(season, institution, read.rows)]
    subject = season.returns.create(
        institution=institution,
        file_name=file_name[-200:],
        file_sha256=hashlib.sha256(data).hexdigest(),
        rows=[[row.number, row.marks, row.note] for row in read.rows],
        counts={key: outcomes.count(key) for key in ("new", "changed", "same")}
        | {"left": read.left, "passed_over": read.passed_over},
        uploaded_by=by,
    )
    log_action("review.return.previewed", subject, by=by, file=subject.file_sha256, rows=len(read.rows))
    return subject


@transaction.atomic
def confirm_return(subject: InstitutionalReturn, *, shown: str, by: Account | None) -> InstitutionalReturn:
    """Send the sheets of a previewed workbook as ``shown``: all of them or none. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=subject.season_id)
    subject = season.returns.select_for_update().select_related("institution").get(pk=subject.pk)
    _refuse_used(subject, by)
    if blockers := return_blockers(season, subject.institution):
        raise Refused(blockers)
    plan = planned(season, subject.institution, rows_of(subject))
    if shown_fingerprint(plan) != shown:
        raise Refused(
            Blocker(
                "return.changed",
                _("Sheets have been sent or planned anew since this preview was opened."),
                _("Look at the preview again, then confirm."),
            )
        )
    submit_responses(season, [Sheet(entry.sheet, entry.marks, "", entry.note) for entry in plan], by=by)
    subject.counts |= {key: sum(entry.outcome == key for entry in plan) for key in ("new", "changed", "same")}
    _close(subject, InstitutionalReturn.State.CONFIRMED)
    log_action("review.return.confirmed", subject, by=by, file=subject.file_sha256, sheets=len(plan))
    return subject


@transaction.atomic
def discard_return(subject: InstitutionalReturn, *, by: Account | None) -> InstitutionalReturn:
    """Forget the rows of a previewed workbook. Raises Refused."""
    subject = InstitutionalReturn.objects.select_for_update().get(pk=subject.pk)
    _refuse_used(subject, by)
    _close(subject, InstitutionalReturn.State.DISCARDED)
    log_action("review.return.discarded", subject, by=by)
    return subject


def _refuse_used(subject: InstitutionalReturn, by: Account | None) -> None:
    if subject.state != InstitutionalReturn.State.PREVIEWED:
        raise Refused(
            Blocker(
                "return.used",
                _("This workbook is %(state)s.") % {"state": subject.get_state_display()},
                _("To send it again, choose the file again."),
            )
        )


def _close(subject: InstitutionalReturn, state: str) -> None:
    subject.state, subject.rows = state, []
    subject.save(update_fields=["state", "rows", "counts"])


@transaction.atomic
def sign_sheets(
    season: Season, institution: Organisation, *, signer: str, shown: str, by: Account | None
) -> Signature:
    """Let the officer called ``signer`` stand for the institution's sheets as ``shown``. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    blockers = signing_blockers(season, institution)
    contents = contents_fingerprint(season, institution)
    if not signer.strip():
        blockers.append(
            Blocker(
                "signature.no_name", _("No name is given."), _("Write the name of the officer who signs.")
            )
        )
    if contents != shown:
        blockers.append(
            Blocker(
                "signature.changed",
                _("A sheet was sent or corrected since this page was opened."),
                _("Look at the sheets again, then sign."),
            )
        )
    if blockers:
        raise Refused(blockers)
    signature = season.signatures.create(
        institution=institution,
        signer=signer.strip(),
        signed_by=by,
        signed_at=now(),
        sheets=sheets_of(season, institution).filter(response__isnull=False).count(),
        contents_sha256=contents,
    )
    log_action("review.sheets.signed", signature, by=by, contents=contents, sheets=signature.sheets)
    return signature


@transaction.atomic
def reopen_sheets(season: Season, institution: Organisation, *, reason: str, by: Account | None) -> Signature:
    """Take the signature off, so that sheets can be changed and signed anew. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    blockers = not_open_blockers(season)
    signature = signature_of(season, institution)
    if signature is None:
        blockers.append(
            Blocker(
                "signature.none",
                _("The sheets of %(institution)s are not signed.") % {"institution": institution},
                _("They can be changed as they are."),
            )
        )
    if not reason.strip():
        blockers.append(
            Blocker(
                "signature.no_reason", _("No reason is given."), _("Write what has to be changed, and why.")
            )
        )
    if blockers or signature is None:
        raise Refused(blockers)
    signature.reopened_by, signature.reopened_at = by, now()
    signature.reopening_reason = reason.strip()
    signature.save(update_fields=["reopened_by", "reopened_at", "reopening_reason"])
    log_action("review.sheets.reopened", signature, by=by, reason=reason.strip())
    return signature
