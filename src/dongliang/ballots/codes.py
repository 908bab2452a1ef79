"""Household codes and receipts. Pure: bytes and text in, bytes and text out.

A household code is 60 bits in Crockford's base 32: whose it is (secretary's number, household's serial) and a tag that
only the season's key can make. So no table of codes is kept, and a code that was not printed is refused at once: a
guess hits with a chance of 2 to the power of -35. The first part is masked by the tag, so that to somebody without the
key a card tells neither its neighbourhood nor its place in the pile.
"""

import hashlib
import hmac
import re
import secrets
import unicodedata
from functools import lru_cache

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_SYMBOLS, RECEIPT_SYMBOLS = 12, 10
NONCE_BYTES = 8
NUMBER_BITS, SERIAL_BITS, TAG_BITS = 11, 14, 35
OWNER_BITS = NUMBER_BITS + SERIAL_BITS
HIGHEST_NUMBER, HIGHEST_SERIAL = 2**NUMBER_BITS - 1, 2**SERIAL_BITS - 1

# What people type for what is printed. The alphabet has no I, L, O and U.
READINGS = str.maketrans(ALPHABET.lower() + "OoIiLl", ALPHABET + "001111", "-‐‑‒–—―−ー_.·・")
LONGEST_TYPED = 80
PRINTED = re.compile(f"[{ALPHABET}-]{{,{LONGEST_TYPED}}}")
PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
CODE = re.compile(f"[{ALPHABET}]{{{CODE_SYMBOLS}}}")
# What HMAC adds to each byte of its key (RFC 2104).
INNER, OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
# The same values in the digits that Python itself reads to the base of 32.
DIGITS = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")


def mint(key: bytes, number: int, serial: int) -> str:
    """The code of one household of the secretary with this ``number``, as it is printed: ``7K3F-9M2Q-XR4T``."""
    return grouped(minted(key, number, serial), 4)


def minted(key: bytes, number: int, serial: int) -> str:
    """The code's symbols alone."""
    if not (0 < number <= HIGHEST_NUMBER and 0 < serial <= HIGHEST_SERIAL):
        raise ValueError(
            f"number is {number} and serial {serial}; codes hold 1 to {HIGHEST_NUMBER} and 1 to {HIGHEST_SERIAL}"
        )
    owner = number << SERIAL_BITS | serial
    tag = tag_of(key, owner)
    return symbols((owner ^ mask_of(key, tag)) << TAG_BITS | tag, CODE_SYMBOLS)


def read(key: bytes, text: str) -> tuple[int, int] | None:
    """The number and serial behind a typed code; None if this key did not make it."""
    typed = normalised(text)
    return owner_of(key, typed) if CODE.fullmatch(typed) else None


# A visit brings the same code three times.
@lru_cache(1024)
def owner_of(key: bytes, typed: str) -> tuple[int, int] | None:
    bits = int(typed.translate(DIGITS), 32)
    tag = bits & (1 << TAG_BITS) - 1
    owner = bits >> TAG_BITS ^ mask_of(key, tag)
    if not hmac.compare_digest(tag.to_bytes(5), tag_of(key, owner).to_bytes(5)):
        return None
    return owner >> SERIAL_BITS, owner & HIGHEST_SERIAL


@lru_cache(256)
def normalised(text: str) -> str:
    """What was typed, as its symbols: tolerant of case, of O for 0, I and L for 1, of separators and of full width."""
    if PRINTED.fullmatch(text):
        return text.replace("-", "")
    plain = unicodedata.normalize("NFKC", text[:LONGEST_TYPED])
    return "".join(plain.split()).translate(READINGS)


def canonical(text: str) -> str:
    """A typed code as it is printed."""
    return grouped(normalised(text), 4)


def grouped(bare: str, size: int) -> str:
    return "-".join(bare[start : start + size] for start in range(0, len(bare), size))


def symbols(value: int, count: int) -> str:
    """The lowest ``5 * count`` bits, ``count`` being even."""
    return "".join([PAIRS[value >> shift & 1023] for shift in range(5 * count - 10, -10, -10)])


def tag_of(key: bytes, owner: int) -> int:
    return truncated(key, b"code|%d" % owner, TAG_BITS)


def mask_of(key: bytes, tag: int) -> int:
    return truncated(key, b"mask|%d" % tag, OWNER_BITS)


def truncated(key: bytes, message: bytes, bits: int) -> int:
    return int.from_bytes(keyed_digest(key, message)[:8]) >> 64 - bits


def keyed_digest(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 of a short message. A ballot takes half a dozen of them, and ``hmac.digest`` starts each from its key,
    which takes four times as long."""
    inner, outer = hash_begun(key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


def forget_keys() -> None:
    """Let go of what was begun with any key: one that is destroyed must not live on in memory."""
    hash_begun.cache_clear()
    owner_of.cache_clear()


@lru_cache(8)
def hash_begun(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    block = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
    return hashlib.sha256(block.translate(INNER)), hashlib.sha256(block.translate(OUTER))


def key_digest(key: bytes) -> bytes:
    """What is stored of a key, to know it again."""
    return keyed_digest(key, b"key")


def credential_digest(key: bytes, kind: str, text: str) -> bytes:
    """What is stored of a household code. The round's ``kind`` goes in, so that a household's two ballots share nothing."""
    return digest_of_symbols(key, kind, normalised(text))


def digest_of_symbols(key: bytes, kind: str, bare: str) -> bytes:
    """``credential_digest`` of a code's symbols."""
    return keyed_digest(key, f"credential|{kind}|{bare}".encode())


def new_nonce() -> bytes:
    """What makes one ballot of a credential different from its next, drawn when the page is made."""
    return secrets.token_bytes(NONCE_BYTES)


def receipt_of(key: bytes, credential: bytes, nonce: bytes) -> str:
    """The receipt of the ballot with this credential digest and nonce, as it is shown to the voter: ``8WQ2M-4KX7P``.

    Random to everybody without the key; with it, the receipts of all ballots can be drawn up again at close, to be
    published without saying which is whose.
    """
    return grouped(
        symbols(truncated(key, b"issue|" + credential + nonce, 5 * RECEIPT_SYMBOLS), RECEIPT_SYMBOLS), 5
    )


def receipt_digest(key: bytes, text: str) -> bytes:
    """What is stored of a receipt."""
    return keyed_digest(key, b"receipt|" + normalised(text).encode())


def is_receipt_of(key: bytes, credential: bytes, nonce: bytes, stored: bytes) -> bool:
    """Whether the ``stored`` digest is that of the receipt which the key makes of credential and nonce."""
    return receipt_digest(key, receipt_of(key, credential, nonce)) == stored


def origin_digest(key: bytes, kind: str, day: str, address: str) -> bytes:
    """What is stored of the network address that a ballot came from: another each day and in each round.

    Four bytes tell ballots of one connection from others in the search for stuffed ones; with the key they could be
    matched with a list of addresses, which is why they are emptied when that search is over.
    """
    return keyed_digest(key, f"origin|{kind}|{day}|{address}".encode())[:4]
