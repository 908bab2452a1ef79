"""A resident's request and what it is answered with."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from http.cookies import CookieError, SimpleCookie
from ipaddress import IPv6Address, ip_address
from urllib.parse import parse_qsl, unquote_plus, urlencode

from django.conf import settings
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

LARGEST_BODY = 8 * 1024
MOST_FIELDS = 60
FORM = "application/x-www-form-urlencoded"
METHODS = ("GET", "HEAD", "POST")
SIZES = ("normal", "large")
A_YEAR = 365 * 24 * 3600
# Kept by the browser for the receipt's page alone: what the vote was cast with, so that it can be changed from there while
# the page's address holds the receipt and nothing that votes.
VOTED_WITH, VOTED_WITH_PATH, VOTED_WITH_LASTS = "voted_with", "/v/thanks/", 30 * 60
BROUGHT = re.compile(rf"(?:^|;) *{VOTED_WITH}=([A-Za-z0-9._-]+)")
PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";]+)", re.I)


class Unreadable(Exception):
    """A request that is no visit. ``reason`` names the sentence that says so (``pages.UNREADABLE``)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Look:
    """Language and type size of a page. ``asked`` are those the address asks for, for want of a cookie."""

    language: str
    size: str
    asked: tuple[tuple[str, str], ...] = ()

    @property
    def carried(self) -> str:
        """What addresses on the page must end in, so that the next page looks the same."""
        return f"?{urlencode(self.asked)}" if self.asked else ""

    @property
    def cookies(self) -> dict[str, str]:
        """What makes the browser remember what was asked for, where it remembers anything."""
        names = {"language": settings.LANGUAGE_COOKIE_NAME, "size": "type_size"}
        return {names[name]: value for name, value in self.asked}


@lru_cache(4096)
def look_of(query: str, cookie: str, accepted: str) -> Look:
    """The look a request asks for: by its address, else by cookie, else by the browser's own language."""
    languages = dict(settings.LANGUAGES)
    wanted = dict(pairs_of(query)) if query else {}
    asked = []
    if wanted.get("language") in languages:
        asked.append(("language", wanted["language"]))
    if wanted.get("size") in SIZES:
        asked.append(("size", wanted["size"]))
    kept = cookies_of(cookie) if cookie else {}
    chosen = dict(asked)
    language = chosen.get("language") or kept.get(settings.LANGUAGE_COOKIE_NAME, "")
    if language not in languages:
        language = accepted_language(accepted)
    size = chosen.get("size") or kept.get("type_size", "")
    return Look(language, size if size in SIZES else "normal", tuple(asked))


def cookies_of(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


def parted(header: str) -> tuple[str, str]:
    """What the browser says that it voted with, if anything; and the header without it, which is for looks alone."""
    found = BROUGHT.search(header)
    if found is None:
        return "", header
    return found[1], (header[: found.start()] + header[found.end() :]).strip("; ")


def accepted_language(header: str) -> str:
    for name, _weight in parse_accept_lang_header(header):
        if name == "*":
            break
        try:
            return get_supported_language_variant(name)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def pairs_of(query: str) -> list[tuple[str, str]]:
    """What an address asks for; what cannot be read of it asks for nothing, since others append to addresses."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return []


@dataclass
class Visit:
    """One request. What it holds is taken as it comes, and judged where it is read."""

    method: str
    path: str
    query: str = ""
    look: Look = field(default_factory=lambda: Look(settings.LANGUAGE_CODE, "normal"))
    # Where it came from: the network address, for the search for stuffed ballots and against guessing.
    address: str = ""
    # The address of this site as the resident's browser knows it: scheme and host.
    site: str = ""
    # The household code or pass that this browser last voted with, if it says so. It proves itself, wherever it comes from.
    voted_with: str = field(default="", repr=False)
    content_type: str = ""
    body: bytes = b""
    # When it began to come in, by the server's clock: whether that is within the time of voting.
    at: float = field(default_factory=time.time)

    @property
    def is_post(self) -> bool:
        return self.method == "POST"

    @property
    def is_secure(self) -> bool:
        return self.site.startswith("https:")

    @cached_property
    def asked(self) -> dict[str, str]:
        """What the address asks for behind its question mark."""
        return dict(pairs_of(self.query))

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """The fields of the form that was sent, in its order. Raises Unreadable."""
        if not self.body:
            return {}
        kind, _semicolon, parameters = self.content_type.partition(";")
        charset = CHARSET.search(parameters) if parameters else None
        if kind.strip().lower() != FORM or (charset and charset[1].lower() not in ("utf-8", "utf8")):
            raise Unreadable(415, "no_form")
        fields: dict[str, list[str]] = {}
        for name, value in self.pairs():
            fields.setdefault(name, []).append(value)
        return fields

    def pairs(self) -> list[tuple[str, str]]:
        try:
            text = self.body.decode("ascii")
            parts = text.split("&")
            if len(parts) > MOST_FIELDS:
                raise Unreadable(400, "too_many_fields")
            pairs = [tuple(part.split("=")) for part in parts]
            if any(len(pair) != 2 for pair in pairs):
                raise Unreadable(400, "no_text")
            if "%" in text or "+" in text:
                pairs = [tuple(map(decoded, pair)) for pair in pairs]
        except ValueError:  # of which UnicodeDecodeError is one
            raise Unreadable(400, "no_text") from None
        if "%00" in text or "\0" in text:
            raise Unreadable(400, "no_text")
        return pairs  # type: ignore[return-value]

    def fields(self, known: Collection[str], *, several: str = "") -> dict[str, list[str]]:
        """The form's fields, if they are some of those of the page, each given once. Raises Unreadable."""
        for name, values in self.form.items():
            if name not in known and name != several:
                raise Unreadable(400, "unknown_field")
            if len(values) > 1 and name != several:
                raise Unreadable(400, "field_twice")
        return self.form


def decoded(text: str) -> str:
    """What stands for ``text`` in an address or a form. Raises ValueError where it is not UTF-8 spelt out."""
    if PERCENT.search(text):
        raise ValueError(text)
    return unquote_plus(text, errors="strict")


@dataclass
class Answer:
    """What a visit is answered with. ``body`` is the page, whole and packed as gzip."""

    status: int
    body: bytes = b""
    packed: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    # A wrong code: what is limited is how many of these there are.
    is_wrong_code: bool = False
    # The household code or pass that the browser is to keep for the receipt's page.
    voted_with: str = field(default="", repr=False)


def see_other(location: str, look: Look) -> Answer:
    return Answer(303, headers=[("location", location + look.carried)])


@lru_cache(65536)
def network_of(address: str) -> str:
    """The network address that stands for one connection: of IPv6 the first half, which is one subscriber's."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(IPv6Address(int(found) >> 64 << 64))
    return str(found)


def client_address(peer: str, forwarded: str, proxies: int) -> str:
    """Whose request it is: the peer's, or where ``proxies`` of ours stand in front, what the first of them wrote down.

    Each proxy appends the address it was called from; what stands further left is the caller's own claim.
    """
    hops = [hop.strip() for hop in forwarded.split(",")] if proxies and forwarded else []
    return network_of(hops[-proxies] if len(hops) >= proxies > 0 else peer)
