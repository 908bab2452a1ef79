"""The result book: all that a published result was made of, as one file that anybody can recompute. No database, no clock.

A book is a zip of plain files, stored as they are, so that equal results are equal bytes:

- ``rule-book.json``, ``inputs.json``, ``result.json``: canonical JSON; ``result`` is ``calculate(rule-book, inputs)``;
- ``methods.txt``: in words, how the one is made of the other;
- ``book.json``: the SHA-256 of each of these, and the version that made them. Its own SHA-256 is the book's fingerprint.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from dongliang.common.canonical import canonical_json
from dongliang.common.refusals import Blocker, Refused
from dongliang.engine.errors import EngineError
from dongliang.scoring.calculation import PLACES, calculate
from dongliang.seasons.rulebook import RuleBookContent, validated

FORMAT = 1
CONTENTS = "book.json"
PARTS = ("rule-book.json", "inputs.json", "result.json", "methods.txt")
# A district's book takes under a megabyte; a file that claims more than this is none.
LARGEST_FILE = 200_000_000
# Zip knows no time before this; no book tells when it was written.
NO_TIME = (1980, 1, 1, 0, 0, 0)
# Another machine's arithmetic may round the last place the other way.
ROUNDING = 2 * 10.0**-PLACES
DIFFERENCES_NAMED = 20
# In these lists of the result, an entry is known by its number, rater or subdistrict rather than by its place.
NAMES = ("number", "rater")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def anonymised(inputs: dict[str, Any], secret: bytes) -> dict[str, Any]:
    """The inputs with raters renamed, in an order that nobody without ``secret`` can follow.

    Who rated what stays together, since severity needs it; which mentor that was does not go out of the house.
    Institutions rate under their own name: whose own subdistrict is rated shows anyway.
    """
    raters = sorted(
        {rater for _number, rater, _marks in [*inputs["field"], *inputs["project_marks"]]},
        key=lambda rater: digest(secret + rater.encode()),
    )
    width = len(str(len(raters)))
    alias = {rater: f"R{place:0{width}d}" for place, rater in enumerate(raters, start=1)}
    return inputs | {
        part: sorted([number, alias[rater], marks] for number, rater, marks in inputs[part])
        for part in ("field", "project_marks")
    }


def bound(rules: RuleBookContent, inputs: dict[str, Any], result: dict[str, Any]) -> dict[str, bytes]:
    """The files of the book on this result, by name."""
    files = {
        "rule-book.json": rules.as_json(),
        "inputs.json": canonical_json(inputs),
        "result.json": canonical_json(result),
        "methods.txt": resources.files("dongliang.scoring").joinpath("methods.txt").read_bytes(),
    }
    contents = {
        "format": FORMAT,
        "version": result["version"],
        "sha256": {name: digest(content) for name, content in files.items()},
    }
    return files | {CONTENTS: canonical_json(contents)}


def packed(files: dict[str, bytes]) -> bytes:
    """The files as a zip whose bytes depend on nothing else."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, NO_TIME)
            # The same on every system, whatever it takes itself for.
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def unpacked(path: Path) -> dict[str, bytes]:
    """The files of a book, from its zip or from a folder with its files. Raises Refused."""
    if path.is_dir():
        names = {entry.name for entry in path.iterdir() if entry.is_file()} & {CONTENTS, *PARTS}
        return {name: (path / name).read_bytes() for name in sorted(names)}
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = [(entry.filename, entry.file_size) for entry in archive.infolist()]
            for name, size in sizes:
                if size > LARGEST_FILE or len(sizes) > 2 * len(PARTS):
                    raise not_a_book(path, _("“%(name)s” in it is too large.") % {"name": name})
            return {name: archive.read(name) for name, _size in sizes}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        # All that a hostile zip makes the library raise, a place outside of it and an unknown packing included.
        raise not_a_book(path, str(error)) from error


def not_a_book(path: Path, reason: str) -> Refused:
    return Refused(
        Blocker(
            "book.not_readable",
            _("%(path)s is no result book: %(reason)s") % {"path": path, "reason": reason},
            _("Give the zip as it was published, or a folder with its files."),
        )
    )


@dataclass(frozen=True)
class Verdict:
    """What checking a book found. ``faults`` are sentences; a book without any is what it says."""

    fingerprint: str
    faults: tuple[str, ...]
    secretaries: int = 0
    listed: int = 0
    # Numbers that came out otherwise in the last place only, which another machine's arithmetic may do.
    last_places: int = 0


def examined(files: dict[str, bytes], container: bytes | None = None) -> Verdict:
    """Check a book's files against each other, recompute its result, and say where anything differs.

    ``container`` is the zip they came in, if they did: it must hold nothing besides.
    """
    faults = list(faults_of_files(files))
    if (
        container is not None
        and not faults
        and (at := first_difference(container, packed(files))) is not None
    ):
        faults.append(
            _("Byte %(at)d of the zip is not as a book has it, though the files in it are.") % {"at": at}
        )
    mark = digest(files.get(CONTENTS, b""))
    try:
        rules = validated(json.loads(files["rule-book.json"]))
        inputs, result = json.loads(files["inputs.json"]), json.loads(files["result.json"])
        again = calculate(rules, inputs)
    except KeyError:
        # A file is missing, which has been said.
        return Verdict(mark, tuple(faults))
    except Refused as refused:
        return Verdict(mark, (*faults, *map(str, refused.blockers)))
    except (EngineError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return Verdict(mark, (*faults, _("The result cannot be recomputed: %(reason)s") % {"reason": error}))
    other, last_places = told_apart(list(differences(result, again)))
    return Verdict(
        mark,
        (*faults, *other),
        len(again["secretaries"]),
        len(again["lists"]["best_secretaries"]),
        last_places,
    )


def faults_of_files(files: dict[str, bytes]) -> Iterator[str]:
    """What is missing, what does not belong, and whose bytes are not those that ``book.json`` names."""
    for name in sorted({CONTENTS, *PARTS} - set(files)):
        yield _("“%(name)s” is missing.") % {"name": name}
    for name in sorted(set(files) - {CONTENTS, *PARTS}):
        yield _("“%(name)s” does not belong to a result book.") % {"name": name}
    if CONTENTS not in files:
        return
    try:
        contents = json.loads(files[CONTENTS])
        named = {name: contents["sha256"][name] for name in PARTS}
        version = json.loads(files.get("result.json", b"{}")).get("version")
        expected = {"format": FORMAT, "version": version, "sha256": named}
    except (ValueError, LookupError, TypeError, AttributeError):
        yield _("“%(name)s” does not say what a result book must say.") % {"name": CONTENTS}
        return
    if files[CONTENTS] != canonical_json(expected):
        yield _("“%(name)s” is not written as a result book writes it.") % {"name": CONTENTS}
    for name in PARTS:
        if name in files and digest(files[name]) != named[name]:
            yield _("“%(name)s” was changed: its SHA-256 is %(seen)s, and the book says %(said)s.") % {
                "name": name,
                "seen": digest(files[name]),
                "said": named[name],
            }


def first_difference(one: bytes, other: bytes) -> int | None:
    if one == other:
        return None
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


@dataclass(frozen=True)
class Difference:
    """A value of the result that comes out otherwise."""

    place: str
    said: Any
    found: Any

    @property
    def is_rounding(self) -> bool:
        numbers = isinstance(self.said, float) and isinstance(self.found, float)
        return numbers and abs(self.said - self.found) <= ROUNDING

    def __str__(self) -> str:
        return _("%(place)s: the book says %(said)s; recomputed it is %(found)s.") % {
            "place": self.place,
            "said": shown(self.said),
            "found": shown(self.found),
        }


MISSING = object()


def shown(value: Any) -> str:
    return _("nothing") if value is MISSING else json.dumps(value, ensure_ascii=False)[:80]


def differences(said: Any, found: Any, place: str = "") -> Iterator[Difference]:
    """Every value that differs between two JSON documents, with where it stands: ``secretaries.17.composite``."""
    if isinstance(said, dict) and isinstance(found, dict):
        for key in sorted({*said, *found}):
            yield from differences(
                said.get(key, MISSING), found.get(key, MISSING), f"{place}.{key}".lstrip(".")
            )
    elif isinstance(said, list) and isinstance(found, list):
        for index in range(max(len(said), len(found))):
            one = said[index] if index < len(said) else MISSING
            other = found[index] if index < len(found) else MISSING
            yield from differences(one, other, f"{place}.{label(one, index)}")
    elif type(said) is not type(found) or said != found:
        yield Difference(place, said, found)


def label(entry: Any, index: int) -> str:
    name = next((entry[key] for key in NAMES if entry.get(key)), "") if isinstance(entry, dict) else ""
    return f"#{name}" if name else str(index + 1)


def told_apart(found: Iterable[Difference]) -> tuple[list[str], int]:
    """The differences that matter as sentences, and how many are of rounding."""
    found = list(found)
    real = [str(difference) for difference in found if not difference.is_rounding]
    if len(real) > DIFFERENCES_NAMED:
        more = len(real) - DIFFERENCES_NAMED
        real = [*real[:DIFFERENCES_NAMED], _("%(count)d more values differ.") % {"count": more}]
    return real, len(found) - sum(not difference.is_rounding for difference in found)
