"""Paper ballots: keyed in twice, by two people who do not see each other's entries, and entered when they agree."""

import hmac

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from dongliang.ballots import codes, passes
from dongliang.ballots.actions.casting import Cast, cast_ballots
from dongliang.ballots.models import Ballot, PaperBatch, PaperKeying, PaperSheet, Round
from dongliang.ballots.queries.paper import (
    batch_blockers,
    differing_sheets,
    entered_already,
    entering_blockers,
    finishing_blockers,
    keying_blockers,
    seat_blockers,
)
from dongliang.ballots.queries.rounds import proven_key
from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Enrolment, Season


@transaction.atomic
def make_batch(
    round: Round, enrolment: Enrolment, *, kind: str, sheets: int, by: Account | None
) -> PaperBatch:
    """Begin to key a pile of so many sheets, numbered by hand from 1. Raises Refused."""
    # One at a time, or two hall counts at once would both find room below the number of households.
    Season.objects.select_for_update().get(pk=round.season_id)
    if blockers := batch_blockers(round, enrolment, kind, sheets):
        raise Refused(blockers)
    batch = PaperBatch.objects.create(
        round=round, enrolment=enrolment, kind=kind, sheets=sheets, made_by=by, made_at=now()
    )
    log_action("ballots.paper.begun", batch, by=by, round=round.kind, kind=kind, sheets=sheets)
    return batch


@transaction.atomic
def discard_batch(batch: PaperBatch, *, by: Account | None) -> None:
    """Drop a batch that has not been entered, with all that was keyed. Raises Refused."""
    batch = locked(batch)
    if batch.entered_at:
        raise Refused(entered_already())
    log_action("ballots.paper.discarded", batch, by=by, sheets=batch.sheets)
    batch.delete()


@transaction.atomic
def take_seat(batch: PaperBatch, *, by: Account) -> PaperKeying:
    """Become one of the batch's two keyers. Raises Refused."""
    batch = locked(batch)
    if blockers := seat_blockers(batch, by):
        raise Refused(blockers)
    keying = batch.keyings.create(seat=batch.keyings.count() + 1, by=by)
    log_action("ballots.paper.keyer", batch, by=by, seat=keying.seat)
    return keying


@transaction.atomic
def save_sheet(keying: PaperKeying, number: int, *, credential: bytes = b"", marks: str = "") -> None:
    """Keep what the keyer read on a sheet, in place of an earlier reading. Empty marks are a spoilt sheet.

    Raises Refused.
    """
    batch = locked(keying.batch)
    keying = batch.keyings.get(pk=keying.pk)
    if blockers := keying_blockers(keying):
        raise Refused(blockers)
    if not 1 <= number <= batch.sheets:
        raise Refused(
            Blocker(
                "paper.no_such_sheet",
                _("There is no sheet %(number)d in this batch of %(sheets)d.")
                % {"number": number, "sheets": batch.sheets},
            )
        )
    same = keying.read_sheets.filter(credential=credential).exclude(number=number).first()
    if credential and same:
        raise Refused(
            Blocker(
                "paper.code_twice",
                _("Sheet %(number)d has the same household code.") % {"number": same.number},
                _("A household has one voice: compare the codes, or key one of the two sheets as spoilt."),
            )
        )
    PaperSheet.objects.update_or_create(
        keying=keying,
        number=number,
        # Whose a spoilt sheet was does not matter: the two keyers need not agree on it.
        defaults={"credential": credential if marks else b"", "marks": marks},
    )


def finish_keying(keying: PaperKeying) -> list[int]:
    """Say that every sheet is keyed. If the other keyer has said so, compare. Raises Refused.

    Where the two differ, the sheets open again for both, blank; answers with their numbers. Where they agree, the batch
    enters, unless the round is paused just now.
    """
    differing = close_keying(keying)
    if not differing and not entering_blockers(PaperBatch.objects.get(pk=keying.batch_id), at=now()):
        enter_batch(keying.batch, by=keying.by)
    return differing


@transaction.atomic
def close_keying(keying: PaperKeying) -> list[int]:
    batch = locked(keying.batch)
    keying = batch.keyings.get(pk=keying.pk)
    if blockers := finishing_blockers(keying):
        raise Refused(blockers)
    keying.finished_at = now()
    keying.save(update_fields=["finished_at"])
    if batch.keyings.filter(finished_at__isnull=False).count() < 2:
        return []
    differing = differing_sheets(batch)
    if differing:
        PaperSheet.objects.filter(keying__batch=batch, number__in=differing).delete()
        batch.keyings.update(finished_at=None)
        batch.differed += len(differing)
        batch.save(update_fields=["differed"])
    log_action("ballots.paper.compared", batch, by=keying.by, differing=len(differing))
    return differing


def enter_batch(batch: PaperBatch, *, by: Account | None) -> int:
    """Cast the sheets on which both keyers agree, all in one go; answers how many. Raises Refused.

    A sheet's nonce follows from its place in the batch, so that a batch whose entering was cut off enters once.
    """
    batch = PaperBatch.objects.select_related("round__season", "enrolment").get(pk=batch.pk)
    if blockers := entering_blockers(batch, at=now()):
        raise Refused(blockers)
    key = proven_key(batch.round.season)
    sheets = list(batch.keyings.get(seat=1).read_sheets.all())
    casts = [cast_of(batch, sheet, key) for sheet in sheets if sheet.marks]
    if casts:
        cast_ballots(batch.round, casts, key=key, at=now())
    return note_entered(batch, by=by, ballots=len(casts), spoilt=len(sheets) - len(casts))


@transaction.atomic
def note_entered(batch: PaperBatch, *, by: Account | None, ballots: int, spoilt: int) -> int:
    batch = locked(batch)
    if batch.entered_at:
        # Somebody else pressed the same button: the same ballots, stored once.
        return ballots
    batch.entered_at = now()
    batch.save(update_fields=["entered_at"])
    PaperSheet.objects.filter(keying__batch=batch).delete()
    log_action("ballots.paper.entered", batch, by=by, ballots=ballots, spoilt=spoilt, differed=batch.differed)
    return ballots


def cast_of(batch: PaperBatch, sheet: PaperSheet, key: bytes) -> Cast:
    place = f"{batch.pk}|{sheet.number}"
    is_coded = batch.kind == PaperBatch.Kind.CODED
    return Cast(
        batch.enrolment_id,
        bytes(sheet.credential)
        if is_coded
        else passes.credential_digest(
            key,
            batch.round.kind,
            Ballot.Channel.PAPER,
            passes.identity_of(key, Ballot.Channel.PAPER, place),
        ),
        sheet.marks,
        nonce=hmac.digest(key, f"paper|{place}".encode(), "sha256")[: codes.NONCE_BYTES],
        channel=Ballot.Channel.PAPER,
        yields=is_coded,
    )


def locked(batch: PaperBatch) -> PaperBatch:
    return (
        PaperBatch.objects.select_for_update(of=("self",))
        .select_related("round__season", "enrolment")
        .get(pk=batch.pk)
    )
