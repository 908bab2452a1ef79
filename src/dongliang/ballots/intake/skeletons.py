"""Residents' pages from Django's templates: rendered once for everybody, then only filled in.

A page is rendered with marks in the place of what differs from one resident to the next, and cut at the marks. What
lies between is packed once as well: gzip lets packed and unpacked stretches follow each other.
"""

from __future__ import annotations

import re
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe

from dongliang.ballots.intake.messages import SIZES, Look
from dongliang.common.middleware import POLICY

# From the private use area, where no text has anything, and which escaping leaves alone.
OPENING, CLOSING = "\ue000", "\ue001"
SLOT = re.compile(f"{OPENING}(\\w+){CLOSING}")
STYLES = ("common/resident.css", "ballots/ballots.css")
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
GZIP_END = b"\x01\x00\x00\xff\xff"
# Longer than this, a piece is worth packing.
SHORT = 600
LONGEST_STORED = 65535


def slot(name: str) -> SafeString:
    """A mark for what differs from one resident to the next."""
    return mark_safe(f"{OPENING}{name}{CLOSING}")


@dataclass(frozen=True)
class Piece:
    """A stretch of a page, whole and packed."""

    plain: bytes
    packed: bytes


def packed_piece(text: str) -> Piece:
    """A stretch that many pages share, packed as well as can be."""
    return packed(text.encode(), 9)


def passing_piece(value: str) -> Piece:
    """A stretch for one page, from a text that may hold anything."""
    data = escape(value).encode()  # not Django's, which looks after lazy texts and takes thrice as long
    if len(data) > SHORT:
        return packed(data, 1)
    return Piece(
        data, b"\x00" + len(data).to_bytes(2, "little") + (len(data) ^ 0xFFFF).to_bytes(2, "little") + data
    )


def packed(data: bytes, level: int) -> Piece:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return Piece(data, packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH))


@dataclass(frozen=True)
class Skeleton:
    """A page cut at its slots: pieces and names of slots in turn."""

    pieces: tuple[Piece | str, ...]

    def filled(self, values: Mapping[str, Piece]) -> tuple[bytes, bytes]:
        """The page, whole and as gzip."""
        pieces = [values[piece] if isinstance(piece, str) else piece for piece in self.pieces]
        plain = b"".join([piece.plain for piece in pieces])
        check = 0
        # Piece by piece: over a whole page zlib would let other threads have the interpreter, and wait to get it back.
        for piece in pieces:
            check = zlib.crc32(piece.plain, check)
        end = check.to_bytes(4, "little") + (len(plain) & 0xFFFFFFFF).to_bytes(4, "little")
        return plain, b"".join([GZIP_HEAD, *[piece.packed for piece in pieces], GZIP_END, end])


def cut(page: str) -> Skeleton:
    parts = SLOT.split(page)
    return Skeleton(tuple(part if place % 2 else packed_piece(part) for place, part in enumerate(parts)))


kept: dict[tuple[Any, ...], Skeleton] = {}


def skeleton(
    store: dict[Any, Any],
    look: Look,
    template: str,
    variant: tuple[Any, ...],
    context: Callable[[], dict[str, Any]],
) -> Skeleton:
    """The page's skeleton in this look, rendered if ``store`` has none yet of that ``variant``."""
    key = (template, look, variant)
    if (found := store.get(key)) is None:
        store[key] = found = cut(rendered(look, template, context()))
    return found


def rendered(look: Look, template: str, context: dict[str, Any]) -> str:
    """The page as text."""
    with translation.override(look.language):
        return render_to_string(template, context | frame(look))


def frame(look: Look) -> dict[str, Any]:
    """What every resident's page is told."""
    return {
        "look": look,
        "styles": mark_safe(styles()),
        "sizes": [(size, switched(look, size=size)) for size in SIZES],
        "languages": [(code, name, switched(look, language=code)) for code, name in settings.LANGUAGES],
    }


def switched(look: Look, **wanted: str) -> str:
    """The query that shows the page at hand in another look."""
    return Look(look.language, look.size, tuple((dict(look.asked) | wanted).items())).carried


@cache
def styles() -> str:
    """The style sheets of residents' pages, for the head of each page: one request less before the first paint."""
    sheets = []
    for name in STYLES:
        if (path := finders.find(name)) is None:
            raise FileNotFoundError(f"The style sheet {name} is not among the static files.")
        sheets.append(Path(path).read_text(encoding="utf-8"))
    text = re.sub(r"/\*.*?\*/", "", "".join(sheets), flags=re.S)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r" ?([{};,>]) ?|(:) ", r"\1\2", text).replace(";}", "}").strip()


@cache
def policy() -> str:
    """The site's content security policy, which lets these style sheets stand in the page."""
    digest = b64encode(sha256(styles().encode()).digest()).decode()
    return POLICY.replace("style-src 'self'", f"style-src 'self' 'sha256-{digest}'")
