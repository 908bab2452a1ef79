"""A published archive made by hand: statements, receipts, tallies and marks, without a database."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dongliang.ballots import proof
from dongliang.ballots.proof import Cell, Leaf, StatementContent

SECRET = bytes(range(32))


@dataclass
class Invented:
    """One ballot as the database would hold it: its receipt, where, what became of it, and its marks."""

    receipt: str
    kind: str
    number: int
    marks: str
    status: str = "counted"
    exclusion: str = ""

    @property
    def leaf(self) -> Leaf:
        digest = proof.commitment(self.receipt).hex()
        return Leaf(digest, self.kind, self.number, self.status, self.exclusion)


@dataclass
class Archive:
    """What goes into the zip, file by file; tests spoil it here."""

    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        path.write_bytes(self.bytes)
        return path

    @property
    def bytes(self) -> bytes:
        target = io.BytesIO()
        proof.write_archive(target, ((name, [content]) for name, content in self.files.items()))
        return target.getvalue()


def invent_ballots(counts: Mapping[Cell, int]) -> list[Invented]:
    return [
        Invented(f"{kind[0].upper()}{number:02d}{serial:07d}", kind, number, "5545" if serial % 3 else "4444")
        if kind == "secretaries"
        else Invented(
            f"{kind[0].upper()}{number:02d}{serial:07d}", kind, number, "1,2" if serial % 2 else "3"
        )
        for (kind, number), count in counts.items()
        for serial in range(count)
    ]


def make_archive(*versions: Sequence[Invented], opened: bool = True, smallest: int = 3) -> Archive:
    """The archive after these states of the same ballots, one a statement."""
    archive, previous, before = Archive(), "", []
    for version, ballots in enumerate(versions, start=1):
        lines = sorted(ballot.leaf.line for ballot in ballots)
        cells = cells_of(ballots)
        tally = proof.tally_file(SECRET, cells)
        changes = proof.changes_between(before, lines) if version > 1 else []
        text = proof.text_of(proof.CHANGES_HEAD, (change.line for change in changes)) if version > 1 else ""
        nodes = [part.node for part in proof.parts_of(lines)]
        leaves = proof.Leaves((bytes.fromhex(line[:64]), line[65:]) for line in lines)
        statement = StatementContent(
            season="lz-2021",
            title="梁州",
            rule_book="0" * 64,
            version=version,
            previous=previous,
            stated_at="2021-11-08T00:00:00+00:00",
            smallest_published=smallest,
            rounds={kind: proof.round_counts(kind, leaves, 0) for kind in ("secretaries", "projects")},
            receipts=len(lines),
            receipts_root=proof.root_of(nodes).hex(),
            tally=proof.digest_of(tally),
            changes=len(changes),
            changes_digest=proof.digest_of(text) if version > 1 else "",
        )
        archive.files[f"statement-{version}.json"] = statement.canonical
        archive.files[f"tally-{version}.csv"] = tally.encode()
        if version > 1:
            archive.files[f"changes-{version}.csv"] = text.encode()
        archive.files["nodes.csv"] = proof.nodes_file(nodes).encode()
        archive.files["receipts.csv"] = b"".join(proof.receipts_file(lines))
        if opened and version == len(versions):
            archive.files["marks.csv"] = proof.marks_file(SECRET, cells, smallest).encode()
        previous, before = statement.fingerprint, lines
    return archive


def cells_of(ballots: Sequence[Invented]) -> dict[Cell, list[tuple[str, int]]]:
    counted = Counter(
        (ballot.kind, ballot.number, ballot.marks) for ballot in ballots if ballot.status == "counted"
    )
    cells: dict[Cell, list[tuple[str, int]]] = {}
    for (kind, number, marks), count in counted.items():
        cells.setdefault((kind, number), []).append((marks, count))
    return cells
