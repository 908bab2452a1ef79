"""Drawings of the report as SVG: positions across are percentages, so that a drawing fills a phone, a desk and a sheet of
paper while its type keeps its size."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

# Pixels between two lines of text, and at the top and bottom of the map.
LINE = 20
MARGIN = 28
TALL = 520
# More than this cannot be told apart by name.
MOST_NAMED = 30


@dataclass(frozen=True)
class Scale:
    """A stretch of the number line."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float]) -> "Scale":
        finite = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(finite), max(finite)
        pad = 0.05 * (high - low) or 0.5
        return cls(low - pad, high + pad)

    def share(self, value: float) -> float:
        """From 0 at the low end to 1 at the high one, held between."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def ticks(self, wanted: int = 5) -> list[tuple[float, str]]:
        rough = (self.high - self.low) / wanted
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999) * power
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(at * step, f"{at * step + 0.0:.{decimals}f}") for at in range(first, last + 1)]


@dataclass(frozen=True)
class Spot:
    """Something on the map: where it stands, its number in the tables, its name."""

    value: float
    key: str
    name: str


@dataclass(frozen=True)
class MapColumn:
    """Those who share a column of the map; ``named`` is how many Latin letters of a name fit a sheet of paper."""

    heading: str
    left: float
    wide: float
    spots: Sequence[Spot]
    named: int
    kind: str = "dot"


def wright_map(title: str, columns: Sequence[MapColumn], cut: tuple[float, str] | None) -> str:
    """Everybody on one upright scale, a column for each kind."""
    people = [spot.value for column in columns if column.kind == "dot" for spot in column.spots]
    frame = Scale.around(people)
    # Thresholds far beyond all people would press these together; they are pinned to the edge.
    reach = 0.75 * (frame.high - frame.low)
    others = [spot.value for column in columns if column.kind != "dot" for spot in column.spots]
    scale = Scale.around(
        [*people, *(min(max(each, frame.low - reach), frame.high + reach) for each in others)]
    )
    most = max((len(column.spots) for column in columns if len(column.spots) <= MOST_NAMED), default=0)
    height = max(TALL, most * LINE + 2 * MARGIN + LINE)
    top, bottom = MARGIN + LINE, height - MARGIN

    def y(value: float) -> float:
        return round(bottom - scale.share(value) * (bottom - top), 1)

    parts = [
        f'<line class="hair" x1="9%" x2="100%" y1="{y(value)}" y2="{y(value)}"/>'
        f'<text class="tick" x="8%" y="{y(value)}" dy="5" text-anchor="end">{label}</text>'
        for value, label in scale.ticks(8)
    ]
    if cut:
        at = y(cut[0])
        parts.append(
            f'<line class="cut" x1="9%" x2="48%" y1="{at}" y2="{at}"/>'
            f'<text class="cut-word" x="48%" y="{at}" dy="-5" text-anchor="end">{escape(cut[1])}</text>'
        )
    for column in columns:
        parts.append(f'<text class="head" x="{column.left}%" y="16">{escape(column.heading)}</text>')
        parts.append(
            f'<line class="post" x1="{column.left}%" x2="{column.left}%" y1="{top - 12}" y2="{bottom + 8}"/>'
        )
        if len(column.spots) <= MOST_NAMED:
            parts.append(named(column, y, top, bottom))
        else:
            parts.append(counted(column, scale, top, bottom))
    return svg(title, height, parts, "map")


def svg(title: str, height: float, parts: Sequence[str], kind: str) -> str:
    return f'<svg class="{kind}" role="img" aria-label="{escape(title)}" width="100%" height="{height:g}">{"".join(parts)}</svg>'


def named(column: MapColumn, y: Callable[[float], float], top: float, bottom: float) -> str:
    """A mark for each at its height, and beside it its name, moved up or down where two would overlap."""
    spots = sorted(column.spots, key=lambda spot: -spot.value)
    heights = [y(spot.value) for spot in spots]
    lines = spread(heights, top, bottom)
    parts = []
    for spot, at, line in zip(spots, heights, lines, strict=True):
        mark = (
            f'<circle class="dot" cx="6" cy="{at}" r="4"/>'
            if column.kind == "dot"
            else f'<rect class="step" x="0" y="{at - 1.5}" width="11" height="3"/>'
        )
        parts.append(
            f'{mark}<path class="lead" d="M12 {at}L20 {line}"/><text x="23" y="{line}" dy="5">{escape(spot.key)}'
            + (
                f'<tspan class="{name_class(spot.name)}" dx="{6 if spot.key else 0}">{escape(shortened(spot.name, column.named))}</tspan>'
                if spot.name
                else ""
            )
            + "</text>"
        )
    return f'<svg x="{column.left}%" overflow="visible">{"".join(parts)}</svg>'


def name_class(name: str) -> str:
    """Short names fit a phone as well."""
    return "name" if letters(name) <= 6 else "name long"


def spread(heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """Heights of lines, a line apart at least, as near to ``heights`` (rising) as that allows.

    Lines that would overlap are stacked around the middle of where they belong: each stack is its mean height and
    its size, and one that meets the stack above joins it.
    """
    stacks: list[tuple[float, int]] = []
    for height in heights:
        middle, size = height, 1
        while stacks and stacks[-1][0] + LINE * (stacks[-1][1] + size) / 2 > middle:
            above, more = stacks.pop()
            middle, size = (above * more + middle * size) / (more + size), more + size
        stacks.append((middle, size))
    lines = [middle + LINE * (at - (size - 1) / 2) for middle, size in stacks for at in range(size)]
    limits = range(len(lines))
    return [
        round(min(max(line, top + LINE * at), bottom - LINE * (len(lines) - 1 - at)), 1)
        for at, line in zip(limits, lines, strict=True)
    ]


def counted(column: MapColumn, scale: Scale, top: float, bottom: float) -> str:
    """Bars of how many stand at each height, with the count."""
    bins = int((bottom - top) // LINE)
    high = (bottom - top) / bins
    tally = [0] * bins
    for spot in column.spots:
        tally[min(bins - 1, int(scale.share(spot.value) * bins))] += 1
    room = column.wide * 0.72
    parts = []
    for at, count in enumerate(tally):
        if count:
            y, wide = round(bottom - (at + 1) * high, 1), round(max(0.6, room * count / max(tally)), 2)
            parts.append(
                f'<rect class="bar" x="{column.left}%" y="{y + 1}" width="{wide}%" height="{high - 2:.1f}"/>'
                f'<text class="count" x="{column.left + wide:.2f}%" y="{y + high / 2:.1f}" dx="4" dy="5">{count}</text>'
            )
    return "".join(parts)


def interval_row(
    scale: Scale, value: float, low: float, high: float, *, hollow: bool = False, line: float | None = None
) -> str:
    """A dot with its interval across, over a line at what it is held against."""
    x = [f"{100 * scale.share(each):.2f}%" for each in (low, high, value)]
    parts = []
    if line is not None:
        at = f"{100 * scale.share(line):.2f}%"
        parts.append(f'<line class="line" x1="{at}" x2="{at}" y1="0" y2="28"/>')
    if math.isfinite(low):
        parts.append(f'<line class="reach" x1="{x[0]}" x2="{x[1]}" y1="14" y2="14"/>')
    parts.append(f'<circle class="{"dot hollow" if hollow else "dot"}" cx="{x[2]}" cy="14" r="5"/>')
    return f'<svg class="row" aria-hidden="true" width="100%" height="28">{"".join(parts)}</svg>'


def axis_row(scale: Scale) -> str:
    """The scale over rows of intervals."""
    parts = []
    for value, label in scale.ticks(5):
        share = 100 * scale.share(value)
        anchor = "start" if share < 6 else "end" if share > 94 else "middle"
        parts.append(f'<text class="tick" x="{share:.2f}%" y="15" text-anchor="{anchor}">{label}</text>')
    return f'<svg class="row" aria-hidden="true" width="100%" height="20">{"".join(parts)}</svg>'


def bar(share: float) -> str:
    wide = max(0.0, min(1.0, share)) * 100
    return (
        '<svg class="row" aria-hidden="true" width="100%" height="20">'
        f'<rect class="bar" x="0" y="4" width="{wide:.1f}%" height="12"/></svg>'
    )


def letters(text: str) -> int:
    """How many Latin letters wide a text is; a Chinese character takes two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and its end, which tell long names of one office apart."""
    if letters(text) <= most:
        return text
    head, tail = list(text), ""
    while letters(tail) < most // 2 - 2:
        tail = head.pop() + tail
    while letters("".join(head)) > most - letters(tail) - 2:
        head.pop()
    return f"{''.join(head)}…{tail}"
