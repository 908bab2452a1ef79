"""What residents write, made fit to be stored: one line of plain text, with numbers masked. Pure."""

import re
import unicodedata

LONGEST = 200
# Wide digits and letters, and the signs between them, as they are typed everywhere; Chinese punctuation stays as it is.
NARROW = {
    ord(sign) + 0xFEE0: sign for sign in map(chr, range(0x21, 0x7F)) if sign.isalnum() or sign in "@+-._/"
}
# In the place of a number that was masked; on paper and on any screen.
MASK = "███"
# Telephone, identity card, bank account, chat number: six digits or more, whatever stands between them.
NUMBERS = re.compile(r"\+?\d(?:[ \-.·_]?\d){5,}[Xx]?")
# Household codes and receipts, and whatever else looks like them: a comment must not lead to a ballot.
CODES = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:[A-Za-z0-9]{4,5}[ \-_]?){2,3}|[A-Za-z0-9](?:[\-_]{0,2}[A-Za-z0-9]){9,})(?![A-Za-z0-9])"
)
# What codes and receipts are made of.
SYMBOLS = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
# Where to be found on the net.
ADDRESSES = re.compile(r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+\.[\w.]+", re.I)


def plain(text: str) -> str:
    """``text`` as one line without control characters, digits and letters as they are typed everywhere."""
    folded = text.translate(NARROW)
    kept = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in folded)
    return " ".join(kept.split())


def masked(text: str) -> str:
    """``text`` as one line, with every number and address masked by which somebody could be reached or told."""
    text = ADDRESSES.sub(MASK, plain(text))
    text = NUMBERS.sub(MASK, text)
    # Latin words are let stand, but for the few that could be a code.
    return CODES.sub(lambda found: MASK if is_like_a_code(found[0]) else found[0], text)[:LONGEST]


def is_like_a_code(text: str) -> bool:
    letters = re.sub(r"[^A-Za-z0-9]", "", text)
    if len(letters) < 10:
        return False
    may_be_one = len(letters) in (10, 12) and set(letters.upper()) <= SYMBOLS
    return may_be_one or letters.isupper() or any(sign.isdigit() for sign in letters)
