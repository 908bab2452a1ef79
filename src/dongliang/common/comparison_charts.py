"""Charts that hold one thing against another; drawn as those of ``dongliang.common.charts``, by ``{% chart drawing %}``."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from dongliang.common.charts import Scale, Tick, _anchor, _key


@dataclass(frozen=True)
class Column:
    """A stretch of time: two amounts, one on the other; ``x``, ``width``, ``y``, ``height`` in percent."""

    start: str
    first: int
    second: int
    x: float
    width: float
    first_y: float
    first_height: float
    second_y: float
    second_height: float


@dataclass(frozen=True)
class Timeline:
    key: str
    title: str
    description: str
    first_label: str
    second_label: str
    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    template: str = field(default="common/charts/timeline.html", init=False)


def timeline(
    first: Sequence[int],
    second: Sequence[int],
    *,
    start: datetime.datetime,
    step: datetime.timedelta,
    first_label: str,
    second_label: str,
    title: str,
    description: str = "",
) -> Timeline:
    """Draw how two amounts come in over time, in columns: ``first`` filled, ``second`` pale and on top of it.

    Parameters
    ----------
    first, second
        Amounts a stretch of time, as many of each; at least one.
    start, step
        When the first stretch begins, and how long each is.
    """
    highest = max(1, *(one + other for one, other in zip(first, second, strict=True)))
    width = 100 / len(first)

    def moment(place: int) -> str:
        return date_format(localtime(start + place * step), "m-d H:i")

    columns = tuple(
        Column(
            start=moment(place),
            first=one,
            second=other,
            x=round(place * width, 2),
            width=round(width, 2),
            first_y=round(100 - 100 * one / highest, 2),
            first_height=round(100 * one / highest, 2),
            second_y=round(100 - 100 * (one + other) / highest, 2),
            second_height=round(100 * other / highest, 2),
        )
        for place, (one, other) in enumerate(zip(first, second, strict=True))
    )
    marked = sorted({0, len(first) // 2, len(first)})
    return Timeline(
        key=_key(title),
        title=title,
        description=description,
        first_label=first_label,
        second_label=second_label,
        columns=columns,
        ticks=tuple(Tick(x := round(place * width, 2), moment(place), _anchor(x)) for place in marked),
    )


@dataclass(frozen=True)
class Pair:
    """One thing in two places: shares from 0 to 1."""

    label: str
    here: float
    elsewhere: float


@dataclass(frozen=True)
class DrawnPair:
    label: str
    here: float
    elsewhere: float
    here_text: str
    elsewhere_text: str


@dataclass(frozen=True)
class PairChart:
    key: str
    title: str
    description: str
    here: str
    elsewhere: str
    rows: tuple[DrawnPair, ...]
    template: str = field(default="common/charts/pairs.html", init=False)


def pairs(
    items: Sequence[Pair], *, here: str, elsewhere: str, title: str, description: str = ""
) -> PairChart:
    """Draw shares in two places, a row a thing: here a filled bar, elsewhere a hollow one below it."""
    longest = max([0.01, *(max(item.here, item.elsewhere) for item in items)])
    return PairChart(
        key=_key(title),
        title=title,
        description=description,
        here=here,
        elsewhere=elsewhere,
        rows=tuple(
            DrawnPair(
                item.label,
                round(100 * item.here / longest, 2),
                round(100 * item.elsewhere / longest, 2),
                f"{item.here:.1%}",
                f"{item.elsewhere:.1%}",
            )
            for item in items
        ),
    )


@dataclass(frozen=True)
class Difference:
    """How far one thing lies above another, with its 90 % interval; ``large`` where 0 lies outside that."""

    label: str
    value: float
    low: float
    high: float
    large: bool
    note: str = ""


@dataclass(frozen=True)
class DrawnDifference:
    item: Difference
    x: float
    left: float
    right: float
    text: str
    interval: str


@dataclass(frozen=True)
class DifferenceChart:
    key: str
    title: str
    description: str
    rows: tuple[DrawnDifference, ...]
    zero: float
    ticks: tuple[Tick, ...]
    template: str = field(default="common/charts/differences.html", init=False)


def differences(items: Sequence[Difference], *, title: str, description: str = "") -> DifferenceChart:
    """Draw differences with their 90 % intervals about a line at 0, a row each, in the order given. At least one."""
    # As far to either side, so that the line of no difference stands in the middle.
    reach = max(0.1, *(max(abs(item.low), abs(item.high)) for item in items))
    scale = Scale.around([-reach, reach], ticks=4)
    return DifferenceChart(
        key=_key(title),
        title=title,
        description=description
        or _(
            "The dot is the difference, the line where it lies with 90 % certainty. It is filled where chance alone "
            "hardly explains it: the whole line is on one side of 0."
        ),
        rows=tuple(
            DrawnDifference(
                item=item,
                x=scale.at(item.value),
                left=scale.at(item.low),
                right=scale.at(item.high),
                text=signed(item.value),
                interval=_("%(low)s to %(high)s") % {"low": signed(item.low), "high": signed(item.high)},
            )
            for item in items
        ),
        zero=scale.at(0),
        ticks=scale.ticks(),
    )


def signed(value: float) -> str:
    """Two decimals with a true minus; nothing is minus zero."""
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text.endswith("0.00") and abs(value) < 0.005 else text


@dataclass(frozen=True)
class Point:
    """One thing measured twice. ``mark`` is printed beside it, for a table beneath to say whose it is; ``""`` is none."""

    label: str
    x: float
    y: float
    mark: str = ""


@dataclass(frozen=True)
class DrawnPoint:
    point: Point
    x: float
    y: float
    x_text: str
    y_text: str
    # Which side of the dot its mark stands on, so that it stays inside the plot.
    anchor: str
    gap: str


@dataclass(frozen=True)
class ScatterChart:
    key: str
    title: str
    description: str
    across: str
    upwards: str
    points: tuple[DrawnPoint, ...]
    ticks: tuple[Tick, ...]
    zero: float
    template: str = field(default="common/charts/scatter.html", init=False)


def scatter(
    points: Sequence[Point], *, across: str, upwards: str, title: str, description: str = ""
) -> ScatterChart:
    """Draw two measures of the same things against each other, both on one scale about 0; the diagonal is agreement."""
    reach = max([1.0, *(max(abs(point.x), abs(point.y)) for point in points)])
    scale = Scale.around([-reach, reach], ticks=4)
    return ScatterChart(
        key=_key(title),
        title=title,
        description=description,
        across=across,
        upwards=upwards,
        points=tuple(
            DrawnPoint(
                point=point,
                x=(x := scale.at(point.x)),
                y=round(100 - scale.at(point.y), 2),
                x_text=signed(point.x),
                y_text=signed(point.y),
                anchor="end" if x > 50 else "start",
                gap="-0.6em" if x > 50 else "0.6em",
            )
            # What is marked lies on top.
            for point in sorted(points, key=lambda point: bool(point.mark))
        ),
        ticks=scale.ticks(),
        zero=scale.at(0),
    )
