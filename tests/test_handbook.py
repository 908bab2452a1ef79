"""The office's handbook says what the pages say, and every picture in it is one that the journey takes."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from PIL import Image

from tests.handbook import HANDBOOK, PICTURES

ROOT = Path(__file__).parent.parent
PAGES = sorted(HANDBOOK.glob("*.md"))
JOURNEY = ROOT / "tests" / "journeys" / "test_assessment.py"
MOST_BYTES = 2_500_000
PLACE = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def shown(page: Path) -> list[str]:
    return re.findall(r"pictures/([\w-]+)\.png", page.read_text(encoding="utf-8"))


def taken() -> set[str]:
    """The pictures that the journey takes."""
    text = JOURNEY.read_text(encoding="utf-8")
    return set(re.findall(r'picture\(\w+, "([\w-]+)"', text)) | set(
        re.findall(r'^\s+\("([\w-]+)", f?"/', text, re.M)
    )


@cache
def sentences() -> tuple[set[str], list[re.Pattern[str]]]:
    """What the product says in Chinese: as it stands, and with places to fill."""
    said = set()
    for catalogue in ROOT.glob("src/dongliang/**/zh_Hans/LC_MESSAGES/*.po"):
        with catalogue.open("rb") as file:
            for entry in read_po(file):
                texts = [entry.string] if isinstance(entry.string, str) else entry.string
                said |= {text.replace("%%", "%") for text in texts}
    # Where hardly more than the place is said, anything would fit.
    with_places = [text for text in said if PLACE.search(text) and len(PLACE.sub("", text)) >= 4]
    return said, [re.compile(".+".join(map(re.escape, PLACE.split(text)))) for text in with_places]


def test_every_picture_is_shown_once_there_and_taken_by_the_journey():
    named = [name for page in PAGES for name in shown(page)]

    assert sorted(named) == sorted(set(named))
    assert set(named) == {path.stem for path in PICTURES.iterdir()} == taken()


def test_the_pictures_are_small_enough_to_be_carried_with_the_code():
    assert sum(path.stat().st_size for path in PICTURES.iterdir()) <= MOST_BYTES
    assert {width(path) for path in PICTURES.iterdir()} == {780, 1100}


def width(path: Path) -> int:
    with Image.open(path) as picture:
        return picture.width


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_the_handbook_quotes_from_the_screen_is_said_by_the_product(page):
    said, with_places = sentences()
    quoted = re.findall("「(.+?)」", page.read_text(encoding="utf-8"), re.S)

    assert quoted
    assert [
        words for words in quoted if words not in said and not any(p.fullmatch(words) for p in with_places)
    ] == []


def test_every_page_is_reached_from_the_first_and_the_first_from_the_readme():
    first = (HANDBOOK / "README.md").read_text(encoding="utf-8")

    assert set(re.findall(r"\]\((\w+\.md)\)", first)) == {page.name for page in PAGES} - {"README.md"}
    assert "docs/handbook/README.md" in (ROOT / "README.md").read_text(encoding="utf-8")
