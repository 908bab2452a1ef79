"""QR codes of addresses that differ in a receipt only, fast enough to be drawn for every resident.

A QR code under a fixed mask is an affine function of the bits of its text: padding is constant, the error correction is
linear, the mask is a constant that is added. So one code per address is drawn in full, and a receipt is added to it by
exclusive or, symbol by symbol.
"""

import base64
import zlib
from functools import lru_cache

import segno

from dongliang.ballots import codes

BORDER = 4
BLANK = "0"
PLACES = tuple(
    place for place in range(codes.RECEIPT_SYMBOLS + 1) if place != 5
)  # where the hyphen stands is no symbol


def square(address: str, receipt: str) -> str:
    """The QR code of ``address`` followed by a receipt such as ``8WQ2M-4KX7P``: the source of an image, as a data URI."""
    size, bits = blank_square(address)
    changes = changes_of(len(address.encode()))
    for place in PLACES:
        bits ^= changes[place, receipt[place]]
    return f"data:image/png;base64,{base64.b64encode(picture(size, bits)).decode()}"


@lru_cache(64)
def blank_square(address: str) -> tuple[int, int]:
    """The width with its border, and the picture's bits, of the code with a receipt of blanks."""
    return drawn(address + blank_receipt())


@lru_cache(64)
def changes_of(length: int) -> dict[tuple[int, str], int]:
    """What bits of the picture change with each symbol at each place, behind an address of that many bytes."""
    address = "x" * length
    blank = blank_receipt()
    base = drawn(address + blank)[1]
    changes = {}
    for place in PLACES:
        one_bit = [
            drawn(address + blank[:place] + chr(ord(BLANK) ^ 1 << bit) + blank[place + 1 :])[1] ^ base
            for bit in range(7)
        ]
        for symbol in codes.ALPHABET:
            differing = ord(symbol) ^ ord(BLANK)
            change = 0
            for bit in range(7):
                if differing >> bit & 1:
                    change ^= one_bit[bit]
            changes[place, symbol] = change
    return changes


def blank_receipt() -> str:
    return codes.grouped(BLANK * codes.RECEIPT_SYMBOLS, 5)


def drawn(text: str) -> tuple[int, int]:
    """A code under the first mask, as the rows of a picture: a byte for the filter, then white bits and black ones."""
    matrix = segno.make(text, error="m", micro=False, boost_error=False, mode="byte", mask=0).matrix
    size = len(matrix) + 2 * BORDER
    width = -(-size // 8) * 8
    light = "1" * size
    rows = [light] * BORDER
    rows += [
        "1" * BORDER + "".join("0" if module & 1 else "1" for module in row) + "1" * BORDER for row in matrix
    ]
    rows += [light] * BORDER
    return size, int("".join("0" * 8 + row.ljust(width, "0") for row in rows), 2)


def picture(size: int, bits: int) -> bytes:
    """The rows as a PNG of one bit a pixel, not packed: there is little to gain on a few hundred bytes."""
    rows = bits.to_bytes(size * (1 + -(-size // 8)))
    length = len(rows).to_bytes(2, "little")
    stored = (
        b"\x78\x01\x01"
        + length
        + bytes(byte ^ 255 for byte in length)
        + rows
        + zlib.adler32(rows).to_bytes(4)
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size.to_bytes(4) * 2 + b"\x01\x00\x00\x00\x00")
        + chunk(b"IDAT", stored)
        + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
