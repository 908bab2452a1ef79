import io

import pytest
from PIL import Image

from dongliang.common import pictures
from dongliang.common.pictures import NotAPicture, redrawn
from tests.factories.review import make_picture

GPS = 0x8825


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def with_place_and_device() -> bytes:
    exif = Image.Exif()
    exif[0x0110] = "Rearcam 7"
    exif[0x0112] = 6  # lies on its side: turn a quarter
    exif.get_ifd(GPS).update({1: "N", 2: (31.0, 14.0, 9.0), 3: "E", 4: (121.0, 23.0, 50.0)})
    return make_picture(400, 300, exif=exif)


def test_place_time_and_device_do_not_come_through_and_the_picture_stands_upright():
    data = with_place_and_device()
    assert dict(opened(data).getexif().get_ifd(GPS)) != {}

    picture = redrawn(data)

    kept = opened(picture.jpeg)
    assert (kept.format, kept.size, dict(kept.getexif()), "exif" in kept.info) == (
        "JPEG",
        (300, 400),
        {},
        False,
    )
    assert b"Rearcam" not in picture.jpeg


def test_what_hangs_on_to_a_picture_does_not_come_through():
    picture = redrawn(make_picture() + b"<script>alert(1)</script>")

    assert b"script" not in picture.jpeg


def test_a_large_picture_is_made_small():
    picture = redrawn(make_picture(4000, 1000))

    assert (picture.width, picture.height) == (1280, 320)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_each_kind_that_phones_make_becomes_a_jpeg(kind):
    assert opened(redrawn(make_picture(kind=kind)).jpeg).format == "JPEG"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        make_picture()[:200],
        make_picture(kind="GIF"),
    ],
    ids=["empty", "text", "PDF", "SVG", "cut off", "GIF"],
)
def test_what_is_no_photo_is_refused(data):
    with pytest.raises(NotAPicture) as refused:
        redrawn(data)

    assert refused.value.reason == "unreadable"


def test_a_picture_that_would_fill_the_memory_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 100 * 100)

    with pytest.raises(NotAPicture) as refused:
        redrawn(make_picture(101, 100))

    assert refused.value.reason == "too_many_pixels"


def test_a_file_that_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST_FILE", 1000)

    with pytest.raises(NotAPicture) as refused:
        redrawn(b"x" * 1001)

    assert refused.value.reason == "too_large"
