"""What a benchmark has to reach: collected while it runs, printed as one table at its end.

``make bench`` names a file in ``BENCH_SUMMARY`` and prints at its end what all benchmarks added to it. A bar is missed without
an error: the machine may be busy, and figures are for people to judge.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

WIDTH = 70


@dataclass(frozen=True)
class Bar:
    """A figure, the bar it must stay at or below, and the aim beyond it."""

    name: str
    figure: float | None
    bar: float | None
    aim: float | None
    unit: str
    missing: str

    def line(self) -> str:
        bar, aim = (told(goal, self.unit) for goal in (self.bar, self.aim))
        verdict = f"not measured: {self.missing}"
        if self.figure is not None:
            verdict = self.verdict(self.figure)
        return f"{self.name:{WIDTH}} {told(self.figure, self.unit):>10} {bar:>9} {aim:>9}  {verdict}"

    def verdict(self, figure: float) -> str:
        if self.aim is not None and figure <= self.aim:
            return "aim reached"
        if self.bar is None:
            return "aim missed"
        return "bar met" if figure <= self.bar else "BAR MISSED"


@dataclass
class Bars:
    of: str
    bars: list[Bar] = field(default_factory=list)

    def add(
        self,
        name: str,
        figure: float | None,
        *,
        bar: float | None = None,
        aim: float | None = None,
        unit: str = "x",
        missing: str = "",
    ) -> None:
        """Note a figure; None where the peer named in ``missing`` is not there."""
        self.bars.append(Bar(name, figure, bar, aim, unit, missing))

    def show(self) -> None:
        head = f"{self.of:{WIDTH}} {'figure':>10} {'bar':>9} {'aim':>9}"
        table = "\n".join([head, *(bar.line() for bar in self.bars)])
        print(f"\n{table}")
        if summary := os.environ.get("BENCH_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as lines:
                lines.write(f"{table}\n\n")


def told(figure: float | None, unit: str) -> str:
    return "–" if figure is None else f"{figure:.3g} {unit}"
