"""Cards, posters and paper ballots as PDF, ready for a print shop. Pure: text in, bytes out."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

from dongliang.common.typesetting import pdf, qr_drawing

SOURCES = "ballots/typst"
# More projects to choose from than this hang on a list of their own beside the box.
ON_THE_BALLOT = 40


@dataclass(frozen=True)
class Place:
    """Whose sheets these are, and until when one may vote, where an end has been announced."""

    neighbourhood: str
    subdistrict: str
    # In words; empty where no end has been announced.
    last: str = ""


@dataclass(frozen=True)
class Card:
    """What a household gets: its code, and the address that holds it."""

    code: str
    address: str
    # Of the random sample of households: a small mark says so.
    sampled: bool = False


def until(place: Place) -> str:
    return gettext("Voting ends on %(day)s.") % {"day": place.last} if place.last else ""


def cards_pdf(cards: Sequence[Card], place: Place, *, enter: str) -> bytes:
    """Household cards, ten on a sheet; ``enter`` is the address at which a code is typed."""
    promise = gettext("One card, one household, one voice")
    return pdf(
        f"{SOURCES}/cards.typ",
        {
            "title": gettext("Household cards"),
            "neighbourhood": place.neighbourhood,
            "subdistrict": place.subdistrict,
            "promise": promise,
            "promise_size": 14 if len(promise) <= 12 else 8.5,
            "lead": gettext("Scan it, and have your say on your neighbourhood. No name is asked."),
            "until": until(place),
            "enter": gettext("No scanner? Type the code at %(address)s") % {"address": enter},
            "cards": [
                {"code": card.code, "qr": qr_drawing(card.address), "sampled": card.sampled} for card in cards
            ],
        },
    )


def poster_pdf(place: Place, *, address: str, verification: Sequence[str]) -> bytes:
    """A poster with the neighbourhood's own address, and no code: it may be copied."""
    ways = {
        "household_code": gettext("the code on your household card"),
        "sms": gettext("your mobile number"),
        "wechat": gettext("WeChat"),
    }
    open_to_all = [words for way, words in ways.items() if way in verification]
    notes = [
        gettext("No phone? The subdistrict office lets you vote on its own device.")
        if "assisted" in verification
        else "",
        gettext(
            "No card? Ask your neighbourhood committee. To change your mind, vote again: the last one counts."
        ),
        until(place),
    ]
    heading = gettext("Have your say on your neighbourhood")
    return pdf(
        f"{SOURCES}/poster.typ",
        {
            "title": gettext("Poster"),
            "neighbourhood": place.neighbourhood,
            "subdistrict": place.subdistrict,
            "heading": heading,
            # One line of it, in Chinese as in English.
            "heading_size": 42 if len(heading) <= 11 else 25,
            "lead": gettext("Rate your secretary, choose the projects you like best. No name is asked."),
            "address": address,
            "qr": qr_drawing(address),
            "steps": [
                gettext("Scan the square with WeChat or your camera."),
                gettext("Show that you may vote: with %(ways)s.")
                % {"ways": gettext(", or ").join(open_to_all)}
                if open_to_all
                else gettext("Ask at the desk how to vote."),
                gettext("Tap your answers, send, and keep the receipt."),
            ],
            "notes": [note for note in notes if note],
        },
    )


@dataclass(frozen=True)
class Questions:
    """What a paper ballot asks: marks for questions, or numbers of projects for so many lines."""

    heading: str
    lead: str
    questions: Sequence[str] = ()
    answers: Sequence[tuple[str, str]] = ()
    lines: int = 0
    candidates: Sequence[tuple[int, str, str]] = ()


def sheets_pdf(place: Place, asked: Questions, cards: Sequence[Card], *, blank: int = 0) -> bytes:
    """Paper ballots: one for each card, with its code, and so many without a code for a hall count."""
    return pdf(
        f"{SOURCES}/sheets.typ",
        {
            "title": gettext("Paper ballots"),
            "neighbourhood": place.neighbourhood,
            "subdistrict": place.subdistrict,
            "heading": asked.heading,
            "lead": asked.lead,
            "questions": list(asked.questions),
            "answers": [{"digit": digit, "word": word} for digit, word in asked.answers],
            "lines": asked.lines,
            "candidates": [
                {"number": number, "title": title, "place": home} for number, title, home in asked.candidates
            ],
            "list_apart": len(asked.candidates) > ON_THE_BALLOT,
            "notes": [
                gettext("Do not write your name. Fold the sheet and put it into the box."),
                *([gettext("The code makes sure that your household counts once.")] if cards else []),
                *filter(None, [until(place)]),
            ],
            "ballots": [{"code": card.code, "qr": qr_drawing(card.address)} for card in cards]
            + [{"code": "", "qr": ""}] * blank,
        },
    )
