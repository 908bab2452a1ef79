"""Checks a published archive from nothing but its bytes: no database, no key, no Django."""

import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from dongliang.ballots import proof
from dongliang.ballots.proof import Cell, Leaf, StatementContent

LINE = re.compile(r"[0-9a-f]{64},[a-z_]+,[1-9][0-9]{0,6},(counted,|superseded,|excluded,[a-z_]+)")
TALLY = re.compile(r"[a-z_]+,[1-9][0-9]{0,6},[1-9][0-9]{0,8},[0-9a-f]{64}")
MARKS = re.compile(r"[a-z_]+,[1-9][0-9]{0,6},[0-9a-f]{64},[0-9]*,[1-9][0-9]{0,8}")
CHANGE = re.compile(
    r"[0-9a-f]{64},(counted,|superseded,|excluded,[a-z_]+),(counted,|superseded,|excluded,[a-z_]+)"
)
NODE = re.compile(r"[1-9][0-9]*,[0-9a-f]{64}")
# One sentence says that it is wrong, a few say where; a thousand say nothing.
MOST_FAULTS = 20
CHUNK = 1 << 16


@dataclass(frozen=True)
class Fault:
    """What does not hold, and where."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Found:
    """A receipt's line among those published, and the path from it to the root."""

    leaf: Leaf
    index: int
    size: int
    path: list[bytes]


@dataclass
class Report:
    """What a check came to. ``statements`` are the oldest first."""

    faults: list[Fault] = field(default_factory=list)
    statements: list[StatementContent] = field(default_factory=list)
    found: dict[str, Found] = field(default_factory=dict)
    opened: int = 0
    closed: int = 0

    @property
    def holds(self) -> bool:
        return not self.faults

    def fault(self, where: str, what: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(where, what))


class Unreadable(Exception):
    """Nothing can be said of the rest."""

    def __init__(self, where: str, what: str) -> None:
        self.fault = Fault(where, what)
        super().__init__(str(self.fault))


def check_archive(path: Path, receipts: Iterable[str] = ()) -> Report:
    """Check everything in the archive at ``path``, and look up ``receipts``."""
    report = Report()
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            refuse_packed(archive)
            Check(archive, report, {proof.commitment(text).hex(): text for text in receipts}).run()
            refuse_other_bytes(archive, file, path.name)
    except Unreadable as error:
        report.faults.append(error.fault)
    # What the zip module raises on damaged bytes is all of these.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        report.fault(path.name, f"it cannot be read to its end: {error}.")
    return report


def refuse_packed(archive: zipfile.ZipFile) -> None:
    """A file that is larger unpacked was not published so, and could be without end."""
    for entry in archive.infolist():
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise Unreadable(entry.filename, "it is compressed; published archives are not.")


def refuse_other_bytes(archive: zipfile.ZipFile, file: BinaryIO, name: str) -> None:
    """The archive again, made of its own contents: it must come to the same bytes, also between its files."""
    with tempfile.TemporaryFile() as again:
        proof.write_archive(again, ((entry.filename, chunks(archive, entry)) for entry in archive.infolist()))
        again.seek(0)
        file.seek(0)
        place = 0
        while True:
            ours, theirs = again.read(CHUNK), file.read(CHUNK)
            if ours != theirs:
                differing = next(
                    (n for n, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other),
                    min(len(ours), len(theirs)),
                )
                raise Unreadable(name, f"byte {place + differing + 1} is not what its contents come to.")
            if not ours:
                return
            place += len(ours)


def chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(entry) as file:
        while chunk := file.read(CHUNK):
            yield chunk


class Check:
    """One walk through an archive."""

    def __init__(self, archive: zipfile.ZipFile, report: Report, wanted: Mapping[str, str]) -> None:
        self.archive, self.report, self.wanted = archive, report, wanted
        self.tallies: list[dict[Cell, tuple[int, str]]] = []
        # By version, what was changed in it: the old and the new end of a line, by commitment.
        self.changes: list[dict[str, tuple[str, str]]] = []

    def run(self) -> None:
        self.read_statements()
        self.read_tallies()
        self.read_changes()
        self.read_receipts()
        self.read_marks()

    # -- the small files

    def text(self, name: str) -> str:
        try:
            return self.archive.read(name).decode()
        except KeyError:
            raise Unreadable(name, "the archive does not hold this file.") from None
        except UnicodeDecodeError:
            raise Unreadable(name, "it is not text in UTF-8.") from None

    def rows(self, name: str, head: str, shape: re.Pattern[str]) -> list[list[str]]:
        """The fields of a file's lines, its form checked."""
        first, *lines = self.text(name).split("\n")
        if first != head or not lines or lines.pop():
            raise Unreadable(name, f"it must begin with the line {head} and end with a line's end.")
        for number, line in enumerate(lines, start=2):
            if not shape.fullmatch(line):
                raise Unreadable(f"{name}, line {number}", f"{line[:120]!r} has not the form {head}.")
        return [line.split(",") for line in lines]

    def read_statements(self) -> None:
        count = sum(bool(re.fullmatch(r"statement-\d+\.json", name)) for name in self.archive.namelist())
        if not count:
            raise Unreadable("statement-1.json", "the archive does not hold this file.")
        previous = ""
        for version in range(1, count + 1):
            statement = self.read_statement(f"statement-{version}.json")
            if statement.version != version:
                self.report.fault(
                    f"statement-{version}.json", f"it says that it is version {statement.version}."
                )
            if statement.previous != previous:
                self.report.fault(
                    f"statement-{version}.json",
                    f"it follows {statement.previous or 'none'}, but the one before is {previous or 'none'}.",
                )
            if self.report.statements and statement.format != self.report.statements[0].format:
                self.report.fault(f"statement-{version}.json", "its format is not that of the first.")
            if self.report.statements and statement.season != self.report.statements[0].season:
                self.report.fault(
                    f"statement-{version}.json", f"it is of another season, {statement.season}."
                )
            previous = statement.fingerprint
            self.report.statements.append(statement)
        due = archive_names(count) | {"marks.csv"}
        for name in self.archive.namelist():
            if name not in due:
                self.report.fault(name, "no archive holds a file of this name.")

    def read_statement(self, name: str) -> StatementContent:
        text = self.text(name)
        try:
            statement = StatementContent.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "as a whole"
            raise Unreadable(name, f"{place}: {first['msg']}.") from None
        if statement.canonical != text.encode():
            raise Unreadable(name, "it is not spelt as published: sorted keys, no spare white space.")
        return statement

    def read_tallies(self) -> None:
        for statement in self.report.statements:
            name = f"tally-{statement.version}.csv"
            if proof.digest_of(self.text(name)) != statement.tally:
                self.report.fault(name, "its digest is another than the statement says.")
            rows = self.rows(name, proof.TALLY_HEAD, TALLY)
            tally = {(kind, int(number)): (int(count), seal) for kind, number, count, seal in rows}
            if len(tally) != len(rows):
                self.report.fault(name, "it names a neighbourhood twice.")
            self.tallies.append(tally)

    def read_changes(self) -> None:
        first = self.report.statements[0]
        if first.changes or first.changes_digest:
            self.report.fault("statement-1.json", "the first statement can have no changes.")
        for statement in self.report.statements[1:]:
            name = f"changes-{statement.version}.csv"
            if proof.digest_of(self.text(name)) != statement.changes_digest:
                self.report.fault(name, "its digest is another than the statement says.")
            rows = self.rows(name, proof.CHANGES_HEAD, CHANGE)
            if len(rows) != statement.changes:
                self.report.fault(
                    name, f"it holds {len(rows)} changes, and the statement says {statement.changes}."
                )
            self.changes.append(
                {digest: (f"{old},{was}", f"{new},{now}") for digest, old, was, new, now in rows}
            )

    # -- the large one

    def read_receipts(self) -> None:
        """Walk once through the receipts, and through what they were in every earlier statement."""
        versions = len(self.report.statements)
        counts: list[Counter[str]] = [Counter() for _ in range(versions)]
        nodes: list[list[bytes]] = [[] for _ in range(versions)]
        due = [row[1] for row in self.rows("nodes.csv", proof.NODES_HEAD, NODE)]
        seen, left = 0, [set(changes) for changes in self.changes]
        places: list[tuple[str, Leaf, int, list[str]]] = []
        for part in proof.parts_of(self.receipt_lines()):
            place = len(nodes[-1])
            if place >= len(due) or part.node.hex() != due[place]:
                self.report.fault(
                    f"receipts.csv, lines {seen + 2} to {seen + len(part.lines) + 1}",
                    "one of them was changed: together they do not come to what nodes.csv says.",
                )
            nodes[-1].append(part.node)
            counts[-1].update(line[65:] for line in part.lines)
            self.look_up(part, seen, places)
            lines, node = part.lines, part.node
            for version in range(versions - 2, -1, -1):
                lines, node = self.undone(version, lines, node, left[version])
                nodes[version].append(node)
                counts[version].update(line[65:] for line in lines)
            seen += len(part.lines)
        if len(due) != len(nodes[-1]):
            self.report.fault(
                "nodes.csv", f"it holds {len(due)} parts, and receipts.csv has {len(nodes[-1])}."
            )
        for version, missing in enumerate(left):
            for digest in sorted(missing)[:3]:
                self.report.fault(f"changes-{version + 2}.csv", f"no line of receipts.csv has {digest}.")
        for version, statement in enumerate(self.report.statements):
            self.compare(
                statement, version, seen, proof.root_of(nodes[version]).hex(), by_cell(counts[version])
            )
            if statement.format > 1:
                self.compare_unproven(statement, counts[version])
        for text, leaf, index, lines in places:
            path = proof.path_in_parts(lines, index % proof.PART, nodes[-1], index // proof.PART)
            self.report.found[text] = Found(leaf, index, seen, path)

    def receipt_lines(self) -> Iterator[str]:
        """The lines of receipts.csv, each in its form and in order."""
        try:
            file = self.archive.open("receipts.csv")
        except KeyError:
            raise Unreadable("receipts.csv", "the archive does not hold this file.") from None
        with file:
            last = ""
            for number, raw in enumerate(file, start=1):
                line = raw[:400].decode("utf-8", "replace")
                where = f"receipts.csv, line {number}"
                if not line.endswith("\n"):
                    raise Unreadable(where, "it does not end as a line does.")
                line = line[:-1]
                if number == 1:
                    if line != proof.RECEIPTS_HEAD:
                        raise Unreadable(where, f"it must be {proof.RECEIPTS_HEAD}.")
                    continue
                if not LINE.fullmatch(line):
                    raise Unreadable(where, f"{line[:120]!r} has not the form {proof.RECEIPTS_HEAD}.")
                if line[:64] <= last:
                    raise Unreadable(where, "its commitment does not come after the one before.")
                last = line[:64]
                yield line

    def look_up(self, part: proof.Part, seen: int, places: list[tuple[str, Leaf, int, list[str]]]) -> None:
        if self.wanted:
            for within, line in enumerate(part.lines):
                if text := self.wanted.get(line[:64]):
                    places.append((text, Leaf.read(line), seen + within, part.lines))

    def undone(self, version: int, lines: list[str], node: bytes, left: set[str]) -> tuple[list[str], bytes]:
        """What lines and node were before ``changes``, which lead from this version (from 0) to the next."""
        changes = self.changes[version]
        if not any(line[:64] in changes for line in lines):
            return lines, node
        before = []
        for line in lines:
            digest, kind, number, end = line.split(",", 3)
            if digest in changes:
                old, new = changes[digest]
                left.discard(digest)
                if end != new:
                    self.report.fault(
                        f"changes-{version + 2}.csv",
                        f"{digest} became {new!r} by it, and the list then has {end!r}.",
                    )
                line = f"{digest},{kind},{number},{old}"
            before.append(line)
        return before, proof.root_of([proof.leaf_hash(line) for line in before])

    def compare(
        self,
        statement: StatementContent,
        version: int,
        seen: int,
        root: str,
        counts: Counter[tuple[Cell, str]],
    ) -> None:
        """A statement with the receipts of its day, and these with the tally."""
        name = f"statement-{statement.version}.json"
        if statement.receipts != seen:
            self.report.fault(name, f"it counts {statement.receipts} receipts; receipts.csv holds {seen}.")
        if statement.receipts_root != root:
            self.report.fault(
                name, f"its receipts_root is {statement.receipts_root}; the receipts come to {root}."
            )
        for kind in sorted({kind for (kind, _number), _status in counts} | set(statement.rounds)):
            told = statement.rounds.get(kind)
            for status in ("counted", "superseded", "excluded"):
                there = sum(
                    count for ((each, _), what), count in counts.items() if (each, what) == (kind, status)
                )
                said = getattr(told, status) if told else 0
                if said != there:
                    self.report.fault(name, f"it says {said} {status} in {kind}; the receipts are {there}.")
            if told and told.ballots != told.counted + told.superseded + told.excluded:
                self.report.fault(name, f"its {kind} do not add up to {told.ballots} ballots.")
        tally = self.tallies[version]
        for cell in sorted({cell for cell, status in counts if status == "counted"} | set(tally)):
            receipts, ballots = counts[cell, "counted"], tally.get(cell, (0, ""))[0]
            if receipts != ballots:
                self.report.fault(
                    f"tally-{statement.version}.csv",
                    f"number {cell[1]} in {cell[0]} has {ballots} ballots, and {receipts} counted receipts.",
                )

    def compare_unproven(self, statement: StatementContent, rests: Counter[str]) -> None:
        """Whether the ballots that the key did not make are out of the count, all of them and no others."""
        there: Counter[str] = Counter()
        for rest, count in rests.items():
            kind, _number, _status, exclusion = rest.split(",")
            there[kind] += count * (exclusion == proof.UNPROVEN)
        for kind, told in sorted(statement.rounds.items()):
            if told.unproven != there[kind]:
                self.report.fault(
                    f"statement-{statement.version}.json",
                    f"it says that the key did not make {told.unproven} ballots in {kind}; "
                    f"{there[kind]} are excluded as such.",
                )

    # -- what was opened

    def read_marks(self) -> None:
        tally, smallest = self.tallies[-1], self.report.statements[-1].smallest_published
        if "marks.csv" not in self.archive.namelist():
            self.report.closed = len(tally)
            return
        opened: dict[Cell, list[tuple[str, int]]] = {}
        salts: dict[Cell, str] = {}
        for kind, number, salt, marks, count in self.rows("marks.csv", proof.MARKS_HEAD, MARKS):
            opened.setdefault((kind, int(number)), []).append((marks, int(count)))
            if salts.setdefault((kind, int(number)), salt) != salt:
                self.report.fault("marks.csv", f"number {number} in {kind} has two salts.")
        due = set(tally) - proof.withheld({cell: count for cell, (count, _) in tally.items()}, smallest)
        for cell in sorted(due ^ set(opened)):
            self.report.fault(
                "marks.csv",
                f"number {cell[1]} in {cell[0]} is {'missing' if cell in due else 'there, and is to stay closed'}.",
            )
        for cell in sorted(due & set(opened)):
            ballots, seal = tally[cell]
            if proof.seal_of(bytes.fromhex(salts[cell]), cell, opened[cell]) != seal:
                self.report.fault("marks.csv", f"number {cell[1]} in {cell[0]} does not fit its seal.")
            if cell[0] != "projects" and sum(each for _marks, each in opened[cell]) != ballots:
                self.report.fault("marks.csv", f"number {cell[1]} in {cell[0]} is not {ballots} ballots.")
        self.report.opened, self.report.closed = len(due), len(set(tally) - due)


def by_cell(rests: Counter[str]) -> Counter[tuple[Cell, str]]:
    """How many lines each neighbourhood has of each status, from what follows the commitment."""
    counts: Counter[tuple[Cell, str]] = Counter()
    for rest, count in rests.items():
        kind, number, status, _exclusion = rest.split(",")
        counts[(kind, int(number)), status] += count
    return counts


def archive_names(versions: int) -> set[str]:
    """What an archive of so many statements holds, but for the opened marks."""
    each = {
        f"{name}-{version}"
        for name in ("statement", "tally", "changes")
        for version in range(1, versions + 1)
    }
    return {
        f"{name}.json" if name.startswith("statement") else f"{name}.csv" for name in each - {"changes-1"}
    } | {
        "receipts.csv",
        "nodes.csv",
    }
