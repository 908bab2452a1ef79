"""Statements: what is made public of ballots, so that nobody can change them unseen afterwards."""

import datetime
import os
import secrets
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.timezone import get_default_timezone, now
from django.utils.translation import gettext as _

from dongliang.ballots import proof
from dongliang.ballots.actions.proving import exclude_unproven
from dongliang.ballots.calendar import dates_of
from dongliang.ballots.models import Ballot, Round, Statement, StatementPart
from dongliang.ballots.proof import Cell, Change, Leaf, Leaves, Rows, StatedEnd, StatementContent
from dongliang.ballots.queries.proof import (
    ReceiptDraw,
    archive_files,
    cells_of,
    differs_from,
    last_statement,
    opening_the_tally_blockers,
    stated_lines,
    stating_blockers,
    unsealed,
)
from dongliang.ballots.queries.rounds import proven_key, rounds_of
from dongliang.common.log import log_action
from dongliang.common.refusals import Blocker, Refused
from dongliang.people.models import Account
from dongliang.seasons.models import Season

PARTS_AT_ONCE = 100


@transaction.atomic
def publish_statement(season: Season, *, by: Account | None) -> Statement:
    """State what became of every ballot; where that was stated already, the statement there is. Raises Refused.

    A later statement may differ in ballots excluded, or let in again, and in their marks in the count. Anything else
    that differs was written into the database past the product, and is refused with where it is.
    """
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := stating_blockers(season):
        raise Refused(blockers)
    previous = last_statement(season)
    draw, leaves = drawn_up(season, previous, by=by)
    cells = cells_of(season)
    changes = changes_since(previous, leaves, cells, draw) if previous else []
    if previous and not changes:
        return previous
    return store_statement(season, previous, leaves, cells, changes, draw, by=by)


def drawn_up(season: Season, previous: Statement | None, *, by: Account | None) -> tuple[ReceiptDraw, Leaves]:
    """The lines of all ballots, for a first statement without a counted one that the key did not make.

    What was stated once stays as it was: also such rows, which in the first format counted.
    """
    key, format = proven_key(season), previous.content.format if previous else proof.FORMAT
    draw = ReceiptDraw(season, key, format)
    leaves = Leaves(draw.entries())
    if previous is None and draw.standing:
        # Written there after one round's close and before the other's.
        for round in rounds_of(season).values():
            exclude_unproven(round, by=by)
        draw = ReceiptDraw(season, key, format)
        leaves = Leaves(draw.entries())
    return draw, leaves


def changes_since(
    previous: Statement, leaves: Leaves, cells: dict[Cell, Rows], draw: ReceiptDraw
) -> list[Change]:
    """What decisions changed since ``previous``. Raises Refused where something changed that no decision can."""
    try:
        changes = proof.changes_between(stated_lines(previous), leaves.lines())
    except proof.Mismatch as mismatch:
        raise Refused(tampered({Leaf.read(line).cell for line in mismatch.lines})) from None
    marks = draw.marks_of([change.new for change in changes]) if changes else {}
    if altered := unsealed(previous, cells_before(cells, changes, marks)):
        raise Refused(tampered(altered))
    return changes


def cells_before(
    cells: dict[Cell, Rows], changes: Iterable[Change], marks: dict[str, str]
) -> dict[Cell, Rows]:
    """The count as it was, with the changes taken back."""
    counted = Ballot.Status.COUNTED
    before = {cell: Counter(dict(rows)) for cell, rows in cells.items()}
    for change in changes:
        cell = before.setdefault(change.new.cell, Counter())
        cell[marks[change.new.commitment]] += (change.old.status == counted) - (change.new.status == counted)
    rows = {cell: [row for row in sorted(counts.items()) if row[1]] for cell, counts in before.items()}
    return {cell: each for cell, each in rows.items() if each}


def tampered(cells: Iterable[Cell]) -> Blocker:
    places = [f"{Round.Kind(kind).label} {number}" for kind, number in sorted(cells)]
    return Blocker(
        "ballots.tampered",
        _("Ballots were changed in the database after the last statement, past every decision: %(places)s.")
        % {"places": ", ".join(places[:10]) + (" …" if len(places) > 10 else "")},
        _(
            "Compare the database with its copy from the day of the close, and find out who could write to it."
        ),
    )


def store_statement(
    season: Season,
    previous: Statement | None,
    leaves: Leaves,
    cells: dict[Cell, Rows],
    changes: list[Change],
    draw: ReceiptDraw,
    *,
    by: Account | None,
) -> Statement:
    at, secret = now().replace(second=0, microsecond=0), secrets.token_bytes(32)
    statement = Statement(
        season=season,
        version=previous.version + 1 if previous else 1,
        tally=proof.tally_file(secret, cells),
        changes=proof.text_of(proof.CHANGES_HEAD, (change.line for change in changes)) if previous else "",
        secret=secret,
        stated_at=at,
    )
    # A draft first: the root is known once the parts are stored, and these point to the statement.
    statement.fingerprint = f"draft of {season.pk} {statement.version}"
    statement.save()
    root = store_parts(statement, leaves.lines())
    content = StatementContent(
        format=draw.format,
        season=season.slug,
        title=season.title,
        rule_book=season.rule_book.sha256,
        version=statement.version,
        previous=previous.fingerprint if previous else "",
        stated_at=at.isoformat(),
        smallest_published=season.rules.residents.smallest_published,
        rounds={kind: proof.round_counts(kind, leaves, draw.unproven[kind]) for kind in rounds_of(season)},
        receipts=len(leaves),
        receipts_root=root.hex(),
        tally=proof.digest_of(statement.tally),
        changes=len(changes),
        changes_digest=proof.digest_of(statement.changes) if previous else "",
        **announced_time(season),
    )
    statement.document, statement.fingerprint = content.canonical.decode(), content.fingerprint
    statement.save(update_fields=["document", "fingerprint"])
    log_action(
        "ballots.statement.published",
        statement,
        by=by,
        fingerprint=content.fingerprint,
        receipts_root=content.receipts_root,
        changes=content.changes,
        unproven=draw.unproven.total(),
    )
    return statement


def announced_time(season: Season) -> dict[str, Any]:
    """From when until when residents could vote, as a statement says it."""
    dates = dates_of(season)
    return {
        "begins": stated_moment(dates.begins),
        "ends": stated_moment(dates.ends),
        "moved_ends": tuple(
            StatedEnd(
                at=stated_moment(moved.at),
                before=stated_moment(moved.before),
                after=stated_moment(moved.after),
                reason=moved.reason,
            )
            for moved in season.moved_ends.all()
        ),
    }


def stated_moment(moment: datetime.datetime | None) -> str:
    return moment.astimezone(get_default_timezone()).isoformat(timespec="seconds") if moment else ""


def store_parts(statement: Statement, lines: Iterator[str]) -> bytes:
    """Store the lines and answer with their root."""
    nodes = []
    parts = enumerate(proof.parts_of(lines))
    while batch := list(islice(parts, PARTS_AT_ONCE)):
        nodes += [part.node for _place, part in batch]
        StatementPart.objects.bulk_create(
            StatementPart(
                statement=statement,
                position=place,
                first=bytes.fromhex(part.lines[0][:64]),
                node=part.node,
                packed=zlib.compress("\n".join(part.lines).encode(), level=1),
            )
            for place, part in batch
        )
    return proof.root_of(nodes)


def settle_statement(season: Season, *, by: Account | None) -> Statement | None:
    """The statement that the ballots of closed rounds stand behind, published if they changed since the last one.

    None for a season without rounds. Raises Refused where ballots changed and that cannot be stated.
    """
    if not rounds_of(season):
        return None
    last = last_statement(season)
    if last and not differs_from(last):
        return last
    return publish_statement(season, by=by)


@transaction.atomic
def open_tally(season: Season, *, by: Account | None) -> Statement:
    """Publish the counted marks, once and for all: after this no ballot's status changes any more. Raises Refused."""
    season = Season.objects.select_for_update().get(pk=season.pk)
    if blockers := opening_the_tally_blockers(season):
        raise Refused(blockers)
    # With the key at hand every row is compared with what was stated, and not only their numbers.
    statement = publish_statement(season, by=by)
    content = statement.content
    statement.marks = proof.marks_file(bytes(statement.secret), cells_of(season), content.smallest_published)
    statement.opened_at = now()
    statement.save(update_fields=["marks", "opened_at"])
    log_action(
        "ballots.tally.opened",
        statement,
        by=by,
        fingerprint=statement.fingerprint,
        marks=proof.digest_of(statement.marks),
    )
    return statement


def archive_of(statement: Statement) -> Path:
    """The archive that everybody can download, made once and then kept; the same bytes wherever it is made."""
    folder = settings.HOME / "published"
    path = folder / f"{statement.fingerprint}{'-opened' if statement.opened_at else ''}.zip"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whole before it has its name, so that nobody reads half of it.
        descriptor, draft = mkstemp(dir=folder, prefix=".new-")
        with os.fdopen(descriptor, "w+b") as file:
            proof.write_archive(file, archive_files(statement))
        os.replace(draft, path)
    return path
