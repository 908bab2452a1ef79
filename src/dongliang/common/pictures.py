"""A picture that somebody sent, drawn anew: what is kept is pixels only."""

import io
from typing import NamedTuple

from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from dongliang.common.refusals import Blocker

# Phones send less than a tenth of it once they have made the picture small.
LARGEST_FILE = 12 * 1024 * 1024
# A phone's best camera has 200 megapixels in a mode that nobody uses; beyond this, unpacking would fill the memory.
MOST_PIXELS = 60_000_000
LONGEST_SIDE = 1280
QUALITY = 78
FORMATS = ("JPEG", "PNG", "WEBP")


class Picture(NamedTuple):
    jpeg: bytes
    width: int
    height: int


class NotAPicture(Exception):
    """``reason``: ``too_large``, ``unreadable`` or ``too_many_pixels``."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def redrawn(data: bytes) -> Picture:
    """The picture in ``data``, upright and at most 1280 pixels long, as a JPEG without any of its metadata."""
    if len(data) > LARGEST_FILE:
        raise NotAPicture("too_large")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise NotAPicture("too_many_pixels")
            opened.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))
            # The camera's note which way is up goes with the other metadata: turn first.
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise NotAPicture("unreadable") from error
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # Pasted on a new one, so that nothing the file carried along can come out again.
    clean = Image.new("RGB", upright.size)
    clean.paste(upright)
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=QUALITY, optimize=True)
    return Picture(out.getvalue(), *clean.size)


def picture_blocker(fault: NotAPicture, concern: str) -> Blocker:
    """Why the picture cannot be kept; ``concern`` begins the code, such as ``review``."""
    sentences = {
        "too_large": _("The photo's file is larger than 12 MB."),
        "too_many_pixels": _("The photo has more than 60 million pixels."),
        "unreadable": _("The file is no photo that can be read."),
    }
    return Blocker(
        f"{concern}.photo_{fault.reason}", sentences[fault.reason], _("Send a JPEG, PNG or WebP picture.")
    )
