"""The random sample's draw. Pure: a seed and numbers in, numbers out, to be done again by anybody who has the seed."""

import hashlib
import hmac
from functools import lru_cache

DOORS, CARDS = "door", "card"


def seed_of(key: bytes, fingerprint: str, number: int) -> bytes:
    """The seed of one neighbourhood's draw: of the season's key, the rule book's fingerprint and the secretary's number.

    Without the key nobody can tell it beforehand, the secretary who hands out cards included; with the key there is only
    this one, so that nobody can draw until the draw pleases.
    """
    return hmac.digest(key, f"sample|{fingerprint}|{number}".encode(), "sha256")


def seed_digest(seed: bytes) -> str:
    """What is written down of a seed at the draw."""
    return hashlib.sha256(seed).hexdigest()


@lru_cache(maxsize=4096)
def drawn(seed: bytes, what: str, among: int, size: int) -> tuple[int, ...]:
    """``size`` of the numbers 1 to ``among``, in rising order: those whose SHA-256 over seed, word and number is lowest."""
    order = sorted(
        range(1, among + 1), key=lambda number: hashlib.sha256(seed + f"|{what}|{number}".encode()).digest()
    )
    return tuple(sorted(order[:size]))
