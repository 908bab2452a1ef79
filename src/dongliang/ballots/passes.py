"""Passes: the right to vote of somebody who showed it otherwise than by a card. Pure: bytes and text in and out.

A pass is short-lived text under the season's key that carries whose neighbourhood it is for, how the right was shown, and
an identity: a keyed digest of a phone number or of a WeChat openid. Like a household code it proves itself, so that the
voting pages accept it without a row of the database. It stands in an address, as a code does.
"""

import base64
import binascii
import datetime
import hmac
import re
import struct
from dataclasses import dataclass, field

PREFIX = "p."
# Format, number, way, end in seconds, identity: then the tag. 39 bytes, 52 symbols of base 64 without a filler.
LAYOUT = struct.Struct(">BHBI16s")
FORMAT, TAG_BYTES, IDENTITY_BYTES = 1, 15, 16
SYMBOLS = (LAYOUT.size + TAG_BYTES) * 4 // 3
SHAPE = re.compile(rf"p\.[A-Za-z0-9_-]{{{SYMBOLS}}}")
# Their places are written into passes and digests: add at the end, never reorder.
CHANNELS = ("sms", "wechat", "assisted", "paper")
HIGHEST_NUMBER = 2**16 - 1
# Long enough for both rounds and a slow reader; short enough for a borrowed phone.
LIFE = datetime.timedelta(minutes=30)


@dataclass(frozen=True)
class Pass:
    """Who may vote: somebody of the secretary with this ``number``, known by ``identity`` to nobody without the key."""

    number: int
    channel: str
    identity: bytes = field(repr=False)
    expires: datetime.datetime


def identity_of(key: bytes, channel: str, text: str) -> bytes:
    """The identity of a phone number, an openid or a serial: the same in the season's two rounds."""
    return hmac.digest(key, f"identity|{channel}|{text}".encode(), "sha256")[:IDENTITY_BYTES]


def issue_pass(key: bytes, *, number: int, channel: str, identity: bytes, expires: datetime.datetime) -> str:
    if not 0 < number <= HIGHEST_NUMBER or len(identity) != IDENTITY_BYTES:
        raise ValueError(
            f"number is {number} and the identity {len(identity)} bytes; passes hold 1 to {HIGHEST_NUMBER} "
            f"and {IDENTITY_BYTES} bytes"
        )
    body = LAYOUT.pack(FORMAT, number, CHANNELS.index(channel), int(expires.timestamp()), identity)
    return PREFIX + base64.urlsafe_b64encode(body + tag_of(key, body)).decode()


def read_pass(key: bytes, text: str, *, at: datetime.datetime) -> Pass | None:
    """What the pass carries; None if this key did not make it, or if it is over."""
    found = read_expired(key, text)
    return found if found and at < found.expires else None


def read_expired(key: bytes, text: str) -> Pass | None:
    """What the pass carries, or carried: whoever shows an old one is told so."""
    if not SHAPE.fullmatch(text):
        return None
    try:
        data = base64.urlsafe_b64decode(text.removeprefix(PREFIX))
    except (binascii.Error, ValueError):
        return None
    body, tag = data[: LAYOUT.size], data[LAYOUT.size :]
    if not hmac.compare_digest(tag, tag_of(key, body)):
        return None
    _format, number, channel, end, identity = LAYOUT.unpack(body)
    return Pass(number, CHANNELS[channel], identity, datetime.datetime.fromtimestamp(end, tz=datetime.UTC))


def tag_of(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"pass|" + body, "sha256")[:TAG_BYTES]


def credential_digest(key: bytes, kind: str, channel: str, identity: bytes) -> bytes:
    """What is stored of whoever holds a pass, in the round of this ``kind``.

    The way goes in as a label, so that no pass can meet a household code (``codes.credential_digest``) or a pass of
    another way. The neighbourhood does not: one number has one voice a round, wherever its holder says to live.
    """
    return hmac.digest(key, f"credential|{kind}|{channel}|".encode() + identity, "sha256")


# What goes with somebody to WeChat and back: letters and digits only, and at most 128 of them.
STATE = struct.Struct(">HI8s")
STATE_TAG_BYTES = 16
STATE_DIGITS = 2 * (STATE.size + STATE_TAG_BYTES)


def issue_state(key: bytes, *, number: int, expires: datetime.datetime, nonce: bytes) -> str:
    body = STATE.pack(number, int(expires.timestamp()), nonce)
    return (body + state_tag(key, body)).hex()


def read_state(key: bytes, text: str, *, at: datetime.datetime) -> tuple[int, datetime.datetime] | None:
    """The secretary's number that the state was made for, and its end; None if it is over or not of this key."""
    if not re.fullmatch(rf"[0-9a-f]{{{STATE_DIGITS}}}", text):
        return None
    data = bytes.fromhex(text)
    body, tag = data[: STATE.size], data[STATE.size :]
    if not hmac.compare_digest(tag, state_tag(key, body)):
        return None
    number, end, _nonce = STATE.unpack(body)
    expires = datetime.datetime.fromtimestamp(end, tz=datetime.UTC)
    return (number, expires) if at < expires else None


def state_tag(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"state|" + body, "sha256")[:STATE_TAG_BYTES]
