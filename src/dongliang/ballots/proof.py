"""What is published when residents' rounds close, and what shows that nothing was changed afterwards.

Pure: text and bytes in, text and bytes out; docs/decisions/0012 says why it is as it is. A receipt's **commitment** is a
digest that anybody can compute from the receipt, and from which nobody learns whose it is. One line for each ballot,
commitment and status but **never the marks**, makes a Merkle tree (as in RFC 6962), in the order of the commitments,
which tells nothing. The marks are counted by neighbourhood, and each neighbourhood's count is sealed: a digest salted
with a secret, opened once and for all when the count is final. A statement binds both, and the statement before it.
"""

import hashlib
import hmac
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from dongliang.ballots import codes
from dongliang.common.canonical import canonical_json

# So many lines make a subtree of their own: what is read to look one receipt up, and where a changed line is looked for.
PART = 1024

RECEIPTS_HEAD = "commitment,round,number,status,class"
TALLY_HEAD = "round,number,ballots,seal"
MARKS_HEAD = "round,number,salt,marks,count"
CHANGES_HEAD = "commitment,old_status,old_class,status,class"
NODES_HEAD = "part,node"

# What new statements are; those of a season whose first is older stay as that is.
FORMAT: Literal[2] = 2
# The class of ballots that the key did not make.
UNPROVEN = "unproven"

# A neighbourhood in a round, and its rows: marks and how many ballots have them.
Cell = tuple[str, int]
Rows = Sequence[tuple[str, int]]


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# ---- Receipts


def commitment(receipt: str) -> bytes:
    """What is published in the place of a receipt."""
    return sha256(b"dongliang receipt 1\n", codes.normalised(receipt).encode())


def commitment_of_unproven(stored: bytes) -> bytes:
    """The same for a row that the key did not make: of what is stored, which is its own alone.

    Credential and nonce may be copied from a ballot, and two lines of one commitment would spoil the list.
    """
    return sha256(b"dongliang unproven 1\n", stored)


@dataclass(frozen=True)
class Leaf:
    """What is published of one ballot."""

    commitment: str
    kind: str
    number: int
    status: str
    exclusion: str

    @property
    def line(self) -> str:
        return f"{self.commitment},{self.kind},{self.number},{self.status},{self.exclusion}"

    @property
    def cell(self) -> Cell:
        return self.kind, self.number

    @classmethod
    def read(cls, line: str) -> Self:
        digest, kind, number, status, exclusion = line.split(",")
        return cls(digest, kind, int(number), status, exclusion)


class Leaves:
    """The lines of all ballots in the order of their commitments.

    Kept packed, 36 bytes a ballot: what follows the commitment repeats, and is kept once.
    """

    def __init__(self, entries: Iterable[tuple[bytes, str]]) -> None:
        """``entries``: each ballot's commitment and the rest of its line, in any order."""
        places: dict[str, int] = {}
        self.records = [digest + places.setdefault(rest, len(places)).to_bytes(4) for digest, rest in entries]
        self.records.sort()
        self.rests = list(places)

    def __len__(self) -> int:
        return len(self.records)

    def lines(self) -> Iterator[str]:
        rests = self.rests
        return (f"{record[:32].hex()},{rests[int.from_bytes(record[32:])]}" for record in self.records)

    def counts(self) -> Counter[str]:
        """How many ballots have the same rest of a line."""
        places = Counter(record[32:] for record in self.records)
        return Counter({self.rests[int.from_bytes(place)]: count for place, count in places.items()})


def rest_of_line(kind: str, number: int, status: str, exclusion: str) -> str:
    return f"{kind},{number},{status},{exclusion}"


# ---- The tree


def leaf_hash(line: str) -> bytes:
    return sha256(b"\x00dongliang ballot 1\n", line.encode())


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01", left, right)


def level_above(hashes: Sequence[bytes]) -> list[bytes]:
    """Two by two; the last of an odd number goes up as it is."""
    above = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=False)]
    return above + [hashes[-1]] * (len(hashes) % 2)


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over the hashes of leaves, or of whole subtrees of one size, the last of which may be smaller."""
    if not hashes:
        return sha256()
    while len(hashes) > 1:
        hashes = level_above(hashes)
    return hashes[0]


def path_of(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """What leads from one of the hashes to the root: its neighbour, its parent's neighbour, and so on."""
    path = []
    while len(hashes) > 1:
        if (neighbour := index ^ 1) < len(hashes):
            path.append(hashes[neighbour])
        hashes, index = level_above(hashes), index // 2
    return path


def root_by_path(hashed: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a leaf's path leads to; None where a tree of ``size`` leaves has no such path."""
    last, steps = size - 1, list(path)
    if not 0 <= index <= last:
        return None
    while last:
        # The last of an odd number has no neighbour.
        if index % 2 or index < last:
            if not steps:
                return None
            other = steps.pop(0)
            hashed = node_hash(other, hashed) if index % 2 else node_hash(hashed, other)
        index, last = index // 2, last // 2
    return None if steps else hashed


@dataclass(frozen=True)
class Part:
    """``PART`` lines in a row, fewer in the last, and the root of their subtree."""

    lines: list[str]
    node: bytes


def parts_of(lines: Iterable[str]) -> Iterator[Part]:
    lines = iter(lines)
    while part := list(islice(lines, PART)):
        yield Part(part, root_of([leaf_hash(line) for line in part]))


def path_in_parts(lines: Sequence[str], within: int, nodes: Sequence[bytes], part: int) -> list[bytes]:
    """The path of a line of one part, given the nodes of all parts."""
    return path_of([leaf_hash(line) for line in lines], within) + path_of(nodes, part)


# ---- The count


def countable(kind: str, rows: Rows) -> list[tuple[str, int]]:
    """The rows as they are sealed and published, in order of the marks.

    Of picks each project by itself: which projects were picked together is somebody's signature, and decides nothing.
    """
    if kind != "projects":
        return sorted(rows)
    picked: Counter[str] = Counter()
    for marks, count in rows:
        for number in marks.split(","):
            picked[number] += count
    return sorted(picked.items())


def salt_of(secret: bytes, cell: Cell) -> bytes:
    return hmac.digest(secret, f"salt|{cell[0]}|{cell[1]}".encode(), "sha256")


def seal_of(salt: bytes, cell: Cell, rows: Rows) -> str:
    """Binds to a neighbourhood's rows, and tells nothing of them to whoever lacks the salt: they are few to guess."""
    text = "".join(f"{cell[0]},{cell[1]},{marks},{count}\n" for marks, count in rows)
    return sha256(b"dongliang tally 1\n", salt, text.encode()).hex()


def tally_file(secret: bytes, cells: Mapping[Cell, Rows]) -> str:
    """``tally.csv``: each neighbourhood's number of counted ballots, and the seal over their marks."""
    lines = [
        f"{kind},{number},{sum(count for _marks, count in rows)},"
        f"{seal_of(salt_of(secret, (kind, number)), (kind, number), countable(kind, rows))}"
        for (kind, number), rows in sorted(cells.items())
    ]
    return text_of(TALLY_HEAD, lines)


def marks_file(secret: bytes, cells: Mapping[Cell, Rows], smallest: int) -> str:
    """``marks.csv``: the opened seals, but for those of neighbourhoods that stay closed."""
    closed = withheld({cell: sum(count for _marks, count in rows) for cell, rows in cells.items()}, smallest)
    lines = [
        f"{kind},{number},{salt_of(secret, (kind, number)).hex()},{marks},{count}"
        for (kind, number), rows in sorted(cells.items())
        if (kind, number) not in closed
        for marks, count in countable(kind, rows)
    ]
    return text_of(MARKS_HEAD, lines)


def withheld(ballots: Mapping[Cell, int], smallest: int) -> set[Cell]:
    """The neighbourhoods whose marks stay closed: in each round those with fewer ballots than ``smallest``.

    If they are fewer even together, the next larger ones too: else whoever knows the total of a round would have them by
    subtraction.
    """
    closed: set[Cell] = set()
    for kind in {kind for kind, _number in ballots}:
        together = 0
        for count, number in sorted(
            (count, number) for (each, number), count in ballots.items() if each == kind
        ):
            if count >= smallest and not 0 < together < smallest:
                break
            closed.add((kind, number))
            together += count
    return closed


def text_of(head: str, lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in (head, *lines))


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# ---- Later statements


@dataclass(frozen=True)
class Change:
    """A ballot whose status is another than in the statement before."""

    old: Leaf
    new: Leaf

    @property
    def line(self) -> str:
        old, new = self.old, self.new
        return f"{new.commitment},{old.status},{old.exclusion},{new.status},{new.exclusion}"


class Mismatch(Exception):
    """Ballots came, went or moved after they were published, which no decision can do."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


def changes_between(old: Iterable[str], new: Iterable[str]) -> list[Change]:
    """Whose status changed between two lists of lines. Raises Mismatch where more than that changed."""
    changes, strange = [], []
    for before, after in paired(old, new):
        if before == after:
            continue
        was, now = (Leaf.read(line) if line else None for line in (before, after))
        if was and now and was.cell == now.cell:
            changes.append(Change(was, now))
        else:
            strange += [line for line in (before, after) if line]
    if strange:
        raise Mismatch(strange)
    return changes


def paired(old: Iterable[str], new: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The lines of either list by commitment, both in that order; "" for one that is missing."""
    befores, afters = iter(old), iter(new)
    before, after = next(befores, ""), next(afters, "")
    while before or after:
        # Behind the last line of a list everything is the other's.
        first, second = before[:64] or "g", after[:64] or "g"
        yield before if first <= second else "", after if second <= first else ""
        if first <= second:
            before = next(befores, "")
        if second <= first:
            after = next(afters, "")


# ---- The statement


Digest = Field(pattern=r"^[0-9a-f]{64}$")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RoundCounts(Section):
    """How many ballots a round has, and what became of them."""

    ballots: int = Field(ge=0)
    counted: int = Field(ge=0)
    superseded: int = Field(ge=0)
    excluded: int = Field(ge=0)
    # Rows whose receipt the season's key did not make: somebody wrote them past the product.
    unproven: int = Field(ge=0)


class StatedEnd(Section):
    """That the end of voting was moved once the rounds were open, and why."""

    at: str
    # Empty where no end had been announced.
    before: str
    after: str
    reason: str


class StatementContent(Section):
    """What is stated when rounds close, and again when ballots were excluded later. Its digest is what is made public."""

    # In the second, ballots that the key did not make are excluded, in a class of their own; in the first they counted.
    format: Literal[1, 2] = 1
    season: str
    title: str
    rule_book: str = Digest
    version: int = Field(ge=1)
    # The fingerprint of the statement before; empty in the first.
    previous: str = Field(pattern=r"^([0-9a-f]{64})?$")
    stated_at: str
    smallest_published: int = Field(ge=1)
    rounds: dict[str, RoundCounts]
    receipts: int = Field(ge=0)
    receipts_root: str = Digest
    tally: str = Digest
    changes: int = Field(ge=0)
    changes_digest: str = Field(pattern=r"^([0-9a-f]{64})?$")
    # From when until when residents could vote by what was announced, and every other end that was announced meanwhile.
    # What is empty is not spelt: older statements know nothing of it.
    begins: str = ""
    ends: str = ""
    moved_ends: tuple[StatedEnd, ...] = ()

    @property
    def unproven(self) -> int:
        return sum(counts.unproven for counts in self.rounds.values())

    @property
    def canonical(self) -> bytes:
        unannounced = {name for name in ("begins", "ends", "moved_ends") if not getattr(self, name)}
        return canonical_json(self.model_dump(exclude=unannounced))

    @property
    def fingerprint(self) -> str:
        return sha256(b"dongliang statement 1\n", self.canonical).hex()


def round_counts(kind: str, leaves: Leaves, unproven: int) -> RoundCounts:
    counts: Counter[str] = Counter()
    for rest, count in leaves.counts().items():
        each, _number, status, _exclusion = rest.split(",")
        if each == kind:
            counts[status] += count
    return RoundCounts(
        ballots=counts.total(),
        counted=counts["counted"],
        superseded=counts["superseded"],
        excluded=counts["excluded"],
        unproven=unproven,
    )


# ---- The archive


def receipts_file(lines: Iterable[str]) -> Iterator[bytes]:
    yield f"{RECEIPTS_HEAD}\n".encode()
    for line in lines:
        yield f"{line}\n".encode()


def nodes_file(nodes: Iterable[bytes]) -> str:
    return text_of(NODES_HEAD, (f"{place},{node.hex()}" for place, node in enumerate(nodes, start=1)))


def write_archive(target: BinaryIO, files: Iterable[tuple[str, Iterable[bytes]]]) -> None:
    """A zip whose bytes depend on nothing but names and contents: no times, no compression, no system."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, chunks in files:
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            with archive.open(entry, "w") as file:
                for chunk in chunks:
                    file.write(chunk)
