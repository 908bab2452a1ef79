"""Addresses for paper and receipts, and their QR codes."""

import segno
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe


def full_address(request: HttpRequest, name: str, **kwargs: str) -> str:
    """An address that works on another device: under the public address, where one is set."""
    path = reverse(name, kwargs=kwargs or None)
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)


def qr_code(text: str) -> SafeString:
    """``text`` as a QR code, an SVG without a size of its own."""
    code = segno.make(text, error="m", micro=False)
    # What segno draws is digits only: the text itself does not appear in it.
    return mark_safe(code.svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None))
