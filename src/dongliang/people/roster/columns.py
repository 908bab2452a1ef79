"""The three sheets of a roster, their columns, and what each column takes.

Headings and values are Chinese in every language of the pages: they are the format of the file.
"""

import datetime
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dongliang.common.sheets import Cell
from dongliang.people.models import EstateKind, Gender, OrganisationKind, TenureKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

UNITS, SECRETARIES, MENTORS = "街镇部门", "书记", "大梁"

UNIT_KINDS = {
    "街道": OrganisationKind.SUBDISTRICT,
    "镇": OrganisationKind.TOWN,
    "部门": OrganisationKind.DEPARTMENT,
}
NEIGHBOURHOOD_KINDS = {"居民区": OrganisationKind.NEIGHBOURHOOD, "村": OrganisationKind.VILLAGE}
GENDERS = {"女": Gender.FEMALE, "男": Gender.MALE}
TENURE_KINDS = {
    "新任": TenureKind.NEW,
    "连任": TenureKind.REELECTED,
    "转任": TenureKind.MOVED,
    "代理": TenureKind.ACTING,
}
ESTATE_KINDS = {
    "工人新村": EstateKind.WORKERS,
    "商品房": EstateKind.COMMERCIAL,
    "动迁房": EstateKind.RELOCATED,
    "里弄": EstateKind.LANES,
    "混合": EstateKind.MIXED,
    "农村": EstateKind.RURAL,
}
YES_OR_NO = {"是": True, "否": False}

MOBILE = re.compile(r"1[3-9]\d{9}")
DATE = re.compile(r"(\d{4})[-年./](\d{1,2})(?:[-月./](\d{1,2})日?|月?)")
EARLIEST = datetime.date(1950, 1, 1)
# Nobody is elected before coming of age.
AGE = 18


class NotTaken(Exception):
    """A cell's value that its column does not take; the message says what it takes."""


def text(longest: int) -> Callable[[Cell], str]:
    def read(value: Cell) -> str:
        word = str(value)
        # 张　三: two characters spread to the width of three, as forms like them.
        if all(ord(character) > 0x2E7F or character.isspace() for character in word):
            word = re.sub(r"\s+", "", word)
        if len(word) > longest:
            raise NotTaken(_("At most %(longest)d characters.") % {"longest": longest})
        if word.startswith(("=", "+", "-", "@")) or any(
            unicodedata.category(c).startswith("C") for c in word
        ):
            raise NotTaken(_("Plain characters, not beginning with =, +, - or @."))
        return word

    return read


def one_of(choices: dict[str, Any]) -> Callable[[Cell], Any]:
    def read(value: Cell) -> Any:
        if isinstance(value, bool):
            value = "是" if value else "否"
        if str(value) not in choices:
            raise NotTaken(_("One of: %(choices)s.") % {"choices": "、".join(choices)})
        return choices[str(value)]

    return read


def count(value: Cell) -> int:
    number = whole(value)
    if number is None or number > 1_000_000:
        raise NotTaken(_("A whole number from 0 to 1,000,000."))
    return number


def whole(value: Cell) -> int | None:
    """A whole number, however it was typed: 1,200 or １２００户 with full-width digits are no reason to refuse."""
    if isinstance(value, bool | float | datetime.date):
        return None
    digits = re.sub(r"[,，\s]", "", unicodedata.normalize("NFKC", str(value)))
    return int(digits) if re.fullmatch(r"\d{1,9}", digits) else None


def birth_year(value: Cell) -> int:
    if isinstance(value, datetime.date):
        value = value.year
    year = whole(re.sub(r"年$", "", str(value)))
    latest = localdate().year - AGE
    if year is None or not 1900 <= year <= latest:
        raise NotTaken(_("A year from 1900 to %(latest)d, such as 1975.") % {"latest": latest})
    return year


def mobile(value: Cell) -> str:
    digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", str(value)))
    digits = digits.removeprefix("+86") if len(digits) > 11 else digits
    if not MOBILE.fullmatch(digits):
        raise NotTaken(_("A mobile number: 11 digits, beginning with 13 to 19."))
    return digits


def past_date(value: Cell) -> datetime.date:
    day = value if isinstance(value, datetime.date) else date_in(value)
    if day is None:
        raise NotTaken(_("A date such as 2021-05-08 or 2021/5/8, with or without the day."))
    if not EARLIEST <= day <= localdate():
        raise NotTaken(
            _("A date from %(first)s to today, %(today)s.") % {"first": EARLIEST, "today": localdate()}
        )
    return day


def date_in(value: Cell) -> datetime.date | None:
    """The day written; a month means its first day.

    A number with a fraction is no date: typed as 2021.10 it has become 2021.1, and nobody can tell which was meant.
    """
    if isinstance(value, float):
        return None
    written = re.sub(r"\s+0?0:00(:00)?$", "", unicodedata.normalize("NFKC", str(value)))
    written = re.sub(r"\s", "", written)
    if re.fullmatch(r"\d{8}", written):
        written = f"{written[:4]}-{written[4:6]}-{written[6:]}"
    if not (found := DATE.fullmatch(written)):
        return None
    year, month, day = found.groups(default="1")
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None


@dataclass(frozen=True)
class RosterColumn:
    """A column: its heading, its key in a row that was read, how a cell is read, and whether it must be filled."""

    heading: str
    key: str
    read: Callable[[Cell], Any]
    required: bool = False
    choices: tuple[str, ...] = ()
    note: "StrOrPromise" = ""


def choice(heading: str, key: str, choices: dict[str, Any], *, required: bool = False) -> RosterColumn:
    return RosterColumn(heading, key, one_of(choices), required, tuple(choices))


NAME = RosterColumn("姓名", "name", text(40), required=True)
GENDER = choice("性别", "gender", GENDERS)
BORN = RosterColumn("出生年", "born", birth_year, note=gettext_lazy("Four digits, such as 1975."))
MOBILE_NOTE = gettext_lazy(
    "11 digits. It tells two people of one name apart: write the same number on both sheets."
)

SHEETS: dict[str, tuple[RosterColumn, ...]] = {
    UNITS: (
        RosterColumn("名称", "name", text(60), required=True),
        choice("类型", "kind", UNIT_KINDS, required=True),
    ),
    SECRETARIES: (
        RosterColumn(
            "街镇", "unit", text(60), required=True, note=gettext_lazy("As named on the sheet 街镇部门.")
        ),
        RosterColumn(
            "居村",
            "neighbourhood",
            text(60),
            required=True,
            note=gettext_lazy("The full name, always written alike."),
        ),
        choice("类型", "kind", NEIGHBOURHOOD_KINDS),
        RosterColumn(
            "姓名",
            "name",
            text(40),
            note=gettext_lazy("Where the post is vacant, leave 姓名, 到任日期 and 任职方式 empty."),
        ),
        GENDER,
        BORN,
        RosterColumn("手机", "mobile", mobile, note=MOBILE_NOTE),
        RosterColumn(
            "到任日期",
            "since",
            past_date,
            note=gettext_lazy("Such as 2021-05-08; where only the month is known, 2021-05."),
        ),
        choice("任职方式", "how", TENURE_KINDS),
        RosterColumn("户数", "households", count, note=gettext_lazy("A whole number.")),
        RosterColumn("居民数", "residents", count, note=gettext_lazy("A whole number.")),
        choice("小区类型", "estate", ESTATE_KINDS),
        RosterColumn(
            "带教大梁",
            "mentor",
            text(40),
            note=gettext_lazy("The 大梁's name; where two share it, the mobile."),
        ),
    ),
    MENTORS: (
        NAME,
        RosterColumn("手机", "mobile", mobile, note=MOBILE_NOTE),
        GENDER,
        BORN,
        RosterColumn(
            "所在街镇",
            "unit",
            text(60),
            note=gettext_lazy("Empty for who belongs to none, for instance in retirement."),
        ),
        choice("参加实地评估", "assesses", YES_OR_NO),
    ),
}

# A secretary's row names nobody only where the post is vacant; then these three are empty together.
PERSON_KEYS = ("name", "since", "how")
