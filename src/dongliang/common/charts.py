"""Charts drawn on the server: plain numbers in, a frozen drawing out, an SVG by ``{% chart drawing %}``.

A position is a percentage of the width (or height) of its plot, so that a chart fills a phone or a desk without
shrinking its type. Every number that a chart shows by position it also prints, beside the mark or in a table beneath.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from zlib import crc32

from django.utils.translation import gettext as _


class Chart(Protocol):
    """What ``{% chart %}`` draws."""

    @property
    def template(self) -> str: ...


@dataclass(frozen=True)
class Tick:
    """A mark on the axis: ``x`` in percent; ``anchor`` keeps the label inside the plot."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True)
class Scale:
    """A stretch of the number line laid over a plot: ``low`` at 0 %, ``high`` at 100 %."""

    low: float
    high: float
    step: float

    @classmethod
    def around(cls, values: Sequence[float], *, ticks: int = 5) -> "Scale":
        """Cover ``values`` with room for a dot at either end, ticks at 1, 2 or 5 times a power of ten."""
        low, high = min(values), max(values)
        spread = (high - low) or 1.0
        rough = spread / ticks
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
        return cls(low - 0.04 * spread, high + 0.04 * spread, step)

    def at(self, value: float) -> float:
        """Where ``value`` lies, in percent, held inside the plot."""
        return round(min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low))), 2)

    @property
    def decimals(self) -> int:
        return max(0, -math.floor(math.log10(self.step) + 1e-9))

    def ticks(self) -> tuple[Tick, ...]:
        first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
        values = [number * self.step for number in range(first, last + 1)]
        return tuple(Tick(x := self.at(value), f"{value:.{self.decimals}f}", _anchor(x)) for value in values)


def _anchor(x: float) -> str:
    return "start" if x < 2 else "end" if x > 98 else "middle"


def _key(title: str) -> str:
    return f"chart-{crc32(title.encode()):08x}"


def _chance(probability: float) -> str:
    """Never 100 % or 0 % of what is not certain."""
    if 0.99 < probability < 1:
        return ">99%"
    if 0 < probability < 0.01:
        return "<1%"
    return f"{probability:.0%}"


@dataclass(frozen=True)
class NearCut:
    """A person near the cut line.

    ``score``, ``low`` and ``high`` (the ends of the 90 % interval) share one unit; ``chance`` is the probability,
    0 to 1, of being within the places; ``selected`` is whether the list takes this person.
    """

    rank: int
    name: str
    place: str
    score: float
    low: float
    high: float
    chance: float
    selected: bool
    url: str = ""


@dataclass(frozen=True)
class CutLineRow:
    """A drawn person: ``x``, ``left`` and ``right`` in percent; ``doubtful`` when neither in nor out is 95 % sure."""

    person: NearCut
    x: float
    left: float
    right: float
    score: str
    low: str
    high: str
    chance: str
    doubtful: bool
    first_beyond: bool


@dataclass(frozen=True)
class CutLineChart:
    key: str
    title: str
    description: str
    rows: tuple[CutLineRow, ...]
    ticks: tuple[Tick, ...]
    cut: float
    cut_label: str
    cut_anchor: str
    places: int
    template: str = field(default="common/charts/cut_line.html", init=False)


def cut_line_chart(
    people: Sequence[NearCut],
    *,
    cut: float,
    places: int,
    title: str,
    description: str = "",
    decimals: int = 2,
) -> CutLineChart:
    """Draw who stands near the cut line: a row a person, a dot with its 90 % interval, the line through all.

    Parameters
    ----------
    people
        In order of rank; for instance the last 20 within and the first 20 beyond. At least one.
    cut
        The score on the line, in the unit of the people's scores.
    places
        How many the list takes (53).
    title, description
        The heading, and a sentence on what to see; without one, how to read the chart is said.
    decimals
        Digits printed after the point.
    """
    scale = Scale.around([cut, *(p.low for p in people), *(p.high for p in people)])
    beyond = next((n for n, person in enumerate(people) if not person.selected), None)
    rows = tuple(
        CutLineRow(
            person=person,
            x=scale.at(person.score),
            left=scale.at(person.low),
            right=scale.at(person.high),
            score=f"{person.score:.{decimals}f}",
            low=f"{person.low:.{decimals}f}",
            high=f"{person.high:.{decimals}f}",
            chance=_chance(person.chance),
            doubtful=0.05 < person.chance < 0.95,
            first_beyond=number == beyond,
        )
        for number, person in enumerate(people)
    )
    return CutLineChart(
        key=_key(title),
        title=title,
        description=description
        or _(
            "The dot is the score, filled if chosen; the line is where the score lies with 90 % "
            "certainty. A thick line marks a place in doubt: the chance of being chosen is between 5 % and 95 %."
        ),
        rows=rows,
        ticks=scale.ticks(),
        cut=(x := scale.at(cut)),
        cut_label=f"{cut:.{decimals}f}",
        cut_anchor="start" if x < 50 else "end",
        places=places,
    )


@dataclass(frozen=True)
class Bar:
    """One bar: its length ``value``, the number to print ``text``, and if wanted a smaller ``note`` and a link."""

    label: str
    value: float
    text: str
    note: str = ""
    url: str = ""


@dataclass(frozen=True)
class DrawnBar:
    bar: Bar
    width: float
    short: bool


@dataclass(frozen=True)
class BarChart:
    key: str
    title: str
    description: str
    bars: tuple[DrawnBar, ...]
    mark: float | None
    mark_label: str
    template: str = field(default="common/charts/bars.html", init=False)


def bars(
    items: Sequence[Bar],
    *,
    title: str,
    description: str = "",
    full: float | None = None,
    mark: float | None = None,
    mark_label: str = "",
) -> BarChart:
    """Draw horizontal bars in the order given, each with its number: coverage by subdistrict, projects by category.

    Parameters
    ----------
    items
        Values of 0 or more, in one unit. At least one.
    full
        The value as long as the plot is wide: 1 for shares. Without it, the largest value.
    mark
        A value to reach, drawn as a line through all bars; a bar that falls short is drawn hollow.
    mark_label
        What the line is, in words with its number.
    """
    full = full or max([item.value for item in items] + [mark or 0]) or 1.0
    return BarChart(
        key=_key(title),
        title=title,
        description=description,
        bars=tuple(
            DrawnBar(
                bar=item,
                width=round(min(100.0, 100 * item.value / full), 2),
                short=mark is not None and item.value < mark,
            )
            for item in items
        ),
        mark=None if mark is None else round(min(100.0, 100 * mark / full), 2),
        mark_label=mark_label,
    )


@dataclass(frozen=True)
class Bin:
    """Scores from ``low`` up to but not including ``high``: ``x``, ``width``, ``y``, ``height`` in percent."""

    low: str
    high: str
    count: int
    above_cut: bool
    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True)
class StripChart:
    key: str
    title: str
    description: str
    bins: tuple[Bin, ...]
    ticks: tuple[Tick, ...]
    cut: float
    cut_label: str
    cut_anchor: str
    above: int
    below: int
    template: str = field(default="common/charts/strip.html", init=False)


def strip(
    scores: Sequence[float],
    *,
    cut: float,
    title: str,
    description: str = "",
    bins: int = 24,
    decimals: int = 2,
) -> StripChart:
    """Draw how all scores are spread, with the cut line.

    A bin never straddles the line, so the filled ones hold exactly those at or above it.

    Parameters
    ----------
    scores
        One per person, any order. At least one.
    cut
        The score on the line, same unit.
    bins
        About how many.
    """
    low, high = min([*scores, cut]), max([*scores, cut])
    width = ((high - low) or 1.0) / bins
    # A hair of tolerance: a score equal to the cut belongs above it, whatever rounding did to the quotient.
    places = [math.floor((score - cut) / width + 1e-9) for score in scores]
    first, last = min([*places, 0]), max([*places, -1])
    counts = {place: places.count(place) for place in range(first, last + 1)}
    tallest = max(counts.values())
    scale = Scale(cut + first * width, cut + (last + 1) * width, Scale.around([low, high]).step)
    drawn = tuple(
        Bin(
            low=f"{cut + place * width:.{decimals}f}",
            high=f"{cut + (place + 1) * width:.{decimals}f}",
            count=count,
            above_cut=place >= 0,
            x=scale.at(cut + place * width),
            width=round(100 / (last + 1 - first), 2),
            y=round(100 - 100 * count / tallest, 2),
            height=round(100 * count / tallest, 2),
        )
        for place, count in counts.items()
    )
    above = sum(place >= 0 for place in places)
    return StripChart(
        key=_key(title),
        title=title,
        description=description
        or _("%(above)d at or above the cut line, %(below)d below it.")
        % {"above": above, "below": len(scores) - above},
        bins=drawn,
        ticks=scale.ticks(),
        cut=(x := scale.at(cut)),
        cut_label=f"{cut:.{decimals}f}",
        cut_anchor="start" if x < 50 else "end",
        above=above,
        below=len(scores) - above,
    )


@dataclass(frozen=True)
class Estimate:
    """A mark with its 90 % interval, and ``typical``, the middle of all people on the same."""

    value: float
    low: float
    high: float
    typical: float | None = None


@dataclass(frozen=True)
class ProfileRow:
    """One source on one indicator; all of it None where that source said nothing."""

    source: str
    x: float | None = None
    left: float | None = None
    right: float | None = None
    typical: float | None = None
    value: str = ""
    low: str = ""
    high: str = ""
    typical_value: str = ""


@dataclass(frozen=True)
class ProfilePanel:
    indicator: str
    rows: tuple[ProfileRow, ...]


@dataclass(frozen=True)
class ProfileChart:
    key: str
    title: str
    description: str
    panels: tuple[ProfilePanel, ...]
    ticks: tuple[Tick, ...]
    template: str = field(default="common/charts/profile.html", init=False)


def profile(
    indicators: Sequence[str],
    sources: Sequence[str],
    estimates: Sequence[Sequence[Estimate | None]],
    *,
    title: str,
    description: str = "",
    lowest: int = 1,
    highest: int = 5,
) -> ProfileChart:
    """Draw one person's marks: a panel an indicator, in it a row a source.

    Parameters
    ----------
    indicators, sources
        Their names, in the rule book's order: 4 and 3.
    estimates
        ``estimates[i][s]`` is indicator ``i`` by source ``s``, shape (4, 3), on the scale from ``lowest`` to
        ``highest``; None where the source has too few answers.
    """
    scale = Scale(lowest - 0.15, highest + 0.15, 1)

    def row(source: str, estimate: Estimate | None) -> ProfileRow:
        if estimate is None:
            return ProfileRow(source)
        typical = estimate.typical
        return ProfileRow(
            source=source,
            x=scale.at(estimate.value),
            left=scale.at(estimate.low),
            right=scale.at(estimate.high),
            typical=None if typical is None else scale.at(typical),
            value=f"{estimate.value:.2f}",
            low=f"{estimate.low:.2f}",
            high=f"{estimate.high:.2f}",
            typical_value="" if typical is None else f"{typical:.2f}",
        )

    return ProfileChart(
        key=_key(title),
        title=title,
        description=description
        or _(
            "The dot is the mean mark from 1 to 5, the line where it lies with 90 % certainty, "
            "the small upright stroke the middle of all people."
        ),
        panels=tuple(
            ProfilePanel(indicator, tuple(row(s, e) for s, e in zip(sources, line, strict=True)))
            for indicator, line in zip(indicators, estimates, strict=True)
        ),
        ticks=scale.ticks(),
    )
