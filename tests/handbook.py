"""The pictures of the office's handbook, taken by the journey that it tells: ``make handbook`` takes them anew."""

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

HANDBOOK = Path(__file__).parent.parent / "docs" / "handbook"
PICTURES = HANDBOOK / "pictures"
# What a page of a program holds: paper, ink, one accent and the shades between them.
COLOURS = 64


def picture(page: Page, name: str, of: Locator | None = None) -> None:
    """Keep what stands on the screen, from ``of`` on, as a picture of the handbook; only where HANDBOOK=1 asks."""
    if os.environ.get("HANDBOOK") != "1":
        return
    if of is None:
        page.evaluate("window.scrollTo(0, 0)")
    else:
        of.evaluate("(element) => window.scrollBy(0, element.getBoundingClientRect().top - 24)")
    shot = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    PICTURES.mkdir(parents=True, exist_ok=True)
    few = shot.quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(PICTURES / f"{name}.png", optimize=True)
