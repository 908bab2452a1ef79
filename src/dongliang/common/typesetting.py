"""Pages as PDF by Typst: what cards, posters, paper ballots and certificates share. Pure: text in, bytes out.

A source takes all that it shows as one JSON text, so that it holds no words and these follow the language of whoever prints.
Fonts come with a package; the machine needs none.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
import segno
import typst
from django.utils.translation import get_language

PACKAGE = Path(__file__).parent.parent
FONTS = Path(pylopdf_fonts_zh_cn.__file__).parent
REGIONS = {"zh-hans": ("zh", "CN"), "zh-hant": ("zh", "TW"), "en": ("en", "GB")}


@cache
def fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, font_paths=[str(FONTS)])


def pdf(source: str, data: dict[str, Any]) -> bytes:
    """The pages of ``source``, a Typst file by its path in the package, over ``data``."""
    language, region = REGIONS.get(get_language() or "", REGIONS["zh-hans"])
    made = typst.compile(
        str(PACKAGE / source),
        root=str(PACKAGE),
        font_paths=fonts(),
        format="pdf",
        sys_inputs={"data": json.dumps(data | {"lang": language, "region": region}, ensure_ascii=False)},
    )
    return bytes(made)


def qr_drawing(text: str) -> str:
    """``text`` as a QR code: an SVG of one path, with the quiet margin that scanners ask for."""
    modules = segno.make(text, error="m", micro=False).matrix
    size = len(modules) + 8
    path = "".join(
        f"M{column + 4} {row + 4}h1v1h-1z"
        for row, line in enumerate(modules)
        for column, dark in enumerate(line)
        if dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path d="{path}" fill="#000"/></svg>'
    )
