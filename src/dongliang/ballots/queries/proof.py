"""What may be read of statements, and what they are drawn up from. No query ties a published line to a ballot's row."""

import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Literal

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from dongliang.ballots import codes, proof
from dongliang.ballots.models import Ballot, Round, Statement, StatementPart
from dongliang.ballots.proof import Cell, Leaf, Rows
from dongliang.ballots.queries.coverage import tally
from dongliang.ballots.queries.rounds import rounds_of
from dongliang.common.refusals import Blocker
from dongliang.seasons.models import Season

BALLOTS_AT_ONCE = 5_000


# ---- What a statement is drawn up from


def cells_of(season: Season) -> dict[Cell, Rows]:
    """The counted ballots of both rounds: marks and how many have them, by neighbourhood."""
    counted = (
        ((kind, number), [(marks, count) for _number, marks, count in rows])
        for kind, round in rounds_of(season).items()
        for number, rows in groupby(tally(round), key=itemgetter(0))
    )
    return dict(counted)


class ReceiptDraw:
    """The receipts of all ballots of a season, drawn up with its key; ``unproven`` counts, by round, those it did not make."""

    def __init__(self, season: Season, key: bytes, format: Literal[1, 2]) -> None:
        self.season, self.key, self.format = season, key, format
        self.unproven: Counter[str] = Counter()
        # Those of them that nobody has excluded as such.
        self.standing = 0

    def entries(self) -> Iterator[tuple[bytes, str]]:
        """Each ballot's commitment and the rest of its line, in no order."""
        rests: dict[tuple[int, int, str, str], str] = {}
        for round_id, enrolment_id, status, exclusion, *receipt in self.rows("status", "exclusion"):
            kind, number = self.kinds[round_id], self.numbers[enrolment_id]
            told = (round_id, enrolment_id, status, exclusion)
            if told not in rests:
                rests[told] = proof.rest_of_line(kind, number, status, exclusion)
            digest, is_proven = self.drawn(*receipt)
            if not is_proven:
                self.unproven[kind] += 1
                self.standing += exclusion != Ballot.Exclusion.UNPROVEN
            yield digest, rests[told]

    def marks_of(self, changed: Sequence[Leaf]) -> dict[str, str]:
        """The marks of the ballots behind these lines, by commitment. They go into no file."""
        wanted, found = {leaf.commitment for leaf in changed}, {}
        numbers = {leaf.number for leaf in changed}
        for _round_id, enrolment_id, marks, *receipt in self.rows("marks"):
            if self.numbers[enrolment_id] in numbers:
                digest = self.drawn(*receipt)[0].hex()
                if digest in wanted:
                    found[digest] = marks
        return found

    def rows(self, *names: str) -> Iterator[tuple]:
        self.kinds = dict(self.season.rounds.values_list("pk", "kind"))
        self.numbers = dict(self.season.enrolments.values_list("pk", "number"))
        return (
            Ballot.objects.filter(round__season=self.season)
            .order_by()
            .values_list("round_id", "enrolment_id", *names, "credential", "nonce", "receipt")
            .iterator(BALLOTS_AT_ONCE)
        )

    def drawn(self, credential: bytes, nonce: bytes, stored: bytes) -> tuple[bytes, bool]:
        """A ballot's commitment, and whether its receipt is one that the key makes."""
        receipt = codes.receipt_of(self.key, bytes(credential), bytes(nonce))
        is_proven = codes.receipt_digest(self.key, receipt) == bytes(stored)
        if not is_proven and self.format > 1:
            return proof.commitment_of_unproven(bytes(stored)), is_proven
        return proof.commitment(receipt), is_proven


# ---- What was stated


def last_statement(season: Season) -> Statement | None:
    return season.statements.order_by("-version").first()


def published_statements() -> QuerySet[Statement]:
    """Every season's statements for everybody to see, the newest first."""
    return Statement.objects.select_related("season").order_by("-season", "-version")


def stated_lines(statement: Statement) -> Iterator[str]:
    for packed in statement.parts.order_by("position").values_list("packed", flat=True).iterator(50):
        yield from zlib.decompress(packed).decode().splitlines()


def differs_from(statement: Statement) -> bool:
    """Whether the ballots are others than this statement says: by neighbourhood, their number in each status, their marks."""
    stated = Counter(line[65:] for line in stated_lines(statement))
    kinds = {kind: round.pk for kind, round in rounds_of(statement.season).items()}
    numbers = dict(statement.season.enrolments.values_list("pk", "number"))
    there: Counter[str] = Counter()
    for kind, pk in kinds.items():
        groups = (
            Ballot.objects.filter(round=pk)
            .order_by()
            .values_list("enrolment_id", "status", "exclusion")
            .annotate(count=Count("pk"))
        )
        for enrolment, status, exclusion, count in groups:
            there[proof.rest_of_line(kind, numbers[enrolment], status, exclusion)] = count
    return stated != there or bool(unsealed(statement, cells_of(statement.season)))


def unsealed(statement: Statement, cells: dict[Cell, Rows]) -> list[Cell]:
    """The neighbourhoods whose marks are others than the statement has sealed."""
    if not statement.secret:
        # Nothing can be said of those that stayed closed.
        stated: dict[Cell, list[tuple[str, int]]] = {}
        for line in statement.marks.splitlines()[1:]:
            kind, number, _salt, marks, count = line.split(",")
            stated.setdefault((kind, int(number)), []).append((marks, int(count)))
        return sorted(
            cell for cell, rows in stated.items() if proof.countable(cell[0], cells.get(cell, [])) != rows
        )
    lines = set(statement.tally.splitlines()) ^ set(
        proof.tally_file(bytes(statement.secret), cells).splitlines()
    )
    return sorted(
        {(kind, int(number)) for kind, number, _count, _seal in (line.split(",") for line in lines)}
    )


def archive_files(statement: Statement) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Everything published of a season up to this statement, file by file."""
    for each in statement.season.statements.filter(version__lte=statement.version).order_by("version"):
        yield f"statement-{each.version}.json", [each.document.encode()]
        yield f"tally-{each.version}.csv", [each.tally.encode()]
        if each.version > 1:
            yield f"changes-{each.version}.csv", [each.changes.encode()]
    nodes = statement.parts.order_by("position").values_list("node", flat=True)
    yield "nodes.csv", [proof.nodes_file(bytes(node) for node in nodes).encode()]
    if statement.marks:
        yield "marks.csv", [statement.marks.encode()]
    yield "receipts.csv", proof.receipts_file(stated_lines(statement))


# ---- Receipts among what was stated


@dataclass(frozen=True)
class PublishedReceipt:
    """A receipt's line in the last statement, and the path from it to the root."""

    statement: Statement
    leaf: Leaf
    index: int
    size: int
    path: list[str]

    @property
    def position(self) -> int:
        return self.index + 1


def published_receipt(text: str) -> PublishedReceipt | None:
    """The published line of a receipt, whether or not the key is still there; None where there is none."""
    digest = proof.commitment(text)
    newest: dict[int, Statement] = {}
    for statement in published_statements():
        newest.setdefault(statement.season_id, statement)
    for statement in newest.values():
        if found := receipt_in(statement, digest):
            return found
    return None


def receipt_in(statement: Statement, digest: bytes) -> PublishedReceipt | None:
    part = StatementPart.objects.filter(statement=statement, first__lte=digest).order_by("-position").first()
    if part is None:
        return None
    lines = part.lines
    within = bisect_left(lines, digest.hex())
    if within == len(lines) or not lines[within].startswith(digest.hex()):
        return None
    nodes = [bytes(node) for node in statement.parts.order_by("position").values_list("node", flat=True)]
    return PublishedReceipt(
        statement,
        Leaf.read(lines[within]),
        part.position * proof.PART + within,
        statement.content.receipts,
        [step.hex() for step in proof.path_in_parts(lines, within, nodes, part.position)],
    )


# ---- Whether it can happen now


def stating_blockers(season: Season) -> list[Blocker]:
    """Every reason why no statement can be published."""
    rounds = rounds_of(season).values()
    found = []
    if not rounds or any(round.state != Round.State.CLOSED for round in rounds):
        found.append(
            Blocker(
                "ballots.not_closed",
                _("The residents' rounds are not closed."),
                _("Close them first: what is published of ballots is final."),
            )
        )
    if (last := last_statement(season)) and last.opened_at:
        found.append(
            Blocker(
                "ballots.tally_opened",
                _("The count of this season's ballots is published, and final."),
                _("Undo the change to the ballots: what was counted after it would let marks be worked out."),
            )
        )
    return found


def opening_the_tally_blockers(season: Season) -> list[Blocker]:
    """Every reason why the count cannot be published."""
    last = last_statement(season)
    if last is None:
        return [
            Blocker(
                "ballots.no_statement",
                _("Nothing has been stated of this season's ballots yet."),
                _("Close the rounds: the first statement is published with it."),
            )
        ]
    if last.opened_at:
        return [
            Blocker(
                "ballots.opened_already",
                _("The count of this season's ballots is published already."),
                _("There is nothing left to do."),
            )
        ]
    return []


def destroying_blockers(season: Season) -> list[Blocker]:
    """Every reason why the key must stay."""
    rounds = list(rounds_of(season).values())
    if any(round.key_destroyed_at for round in rounds):
        return [
            Blocker(
                "ballots.key_destroyed_already",
                _("The ballot key of %(season)s is destroyed already.") % {"season": season},
                _("There is nothing left to do."),
            )
        ]
    if not rounds or any(round.state != Round.State.CLOSED for round in rounds):
        return [
            Blocker(
                "ballots.not_closed",
                _("The residents' rounds are not closed."),
                _("Keep the key until they are: without it nobody can vote."),
            )
        ]
    last = last_statement(season)
    if last is None or not last.opened_at:
        return [
            Blocker(
                "ballots.count_not_published",
                _("The count of this season's ballots is not published."),
                _(
                    "Publish it first: without the key no ballot can be excluded any more, and no statement drawn up."
                ),
            )
        ]
    if differs_from(last):
        return [
            Blocker(
                "ballots.changed_since",
                _("The ballots are others than the last statement says."),
                _("Find out who changed them, and undo it, while the key can still tell."),
            )
        ]
    return []
