"""``dongliang pair``: mentees and mentors out of two tables, paired as well as can be. Needs neither Django nor a database."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from dongliang.cli.outputs import Cell, OutputTable, interruptible, table_file, write_tables
from dongliang.cli.progress import doing
from dongliang.cli.tables import Line, code, codes, read_lines
from dongliang.engine.data import Floats, Integers, Mentees, Mentors, Pairing
from dongliang.engine.errors import EngineError, InfeasiblePairing
from dongliang.engine.pairing import WEIGHTS, pair


@dataclass(frozen=True)
class People:
    mentee_lines: list[Line]
    mentor_lines: list[Line]
    mentees: Mentees
    mentors: Mentors
    avoid: Integers
    areas: dict[str, int]


@click.command("pair")
@click.argument("mentees", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("mentors", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--distances",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A table of from, to, distance between areas; areas are near only to themselves when left out.",
)
@click.option(
    "--weight",
    "weights",
    type=(click.Choice(list(WEIGHTS)), float),
    multiple=True,
    metavar="PART POINTS",
    help="Points for a perfect category (40), need (30), nearness (20) or continuity (10).",
)
@click.option("--candidates", type=click.IntRange(min=1), help="Consider only the best so many each.")
@click.option(
    "--balance", type=float, default=0.0, help="Points that uneven loads cost; see the documentation."
)
@click.option("--allow-unpaired", is_flag=True, help="Leave mentees without a mentor where places are short.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("pairs.csv"),
    show_default=True,
    callback=table_file,
    help="The file to write: .csv, or .xlsx with a second sheet by mentor.",
)
def pair_command(
    mentees: Path,
    mentors: Path,
    distances: Path | None,
    weights: tuple[tuple[str, float], ...],
    candidates: int | None,
    balance: float,
    allow_unpaired: bool,
    output: Path,
) -> None:
    """Pair MENTEES with MENTORS (.csv, .xlsx or .parquet) so that the whole fits best.

    MENTEES: number, name, category, area, earlier and locked (a mentor's number), avoid (mentors' numbers between
    semicolons), and a column need:THING for each thing to learn. MENTORS: number, name, area, capacity, categories
    (between semicolons), and a column strength:THING, from 0 to 1. Only number and capacity are needed.

    Where the demands cannot all be met, the smallest set that cannot be met together is named, and nothing is written.

    \b
    Examples:
      dongliang pair 小梁.xlsx 大梁.xlsx --output 结对.xlsx
      dongliang pair mentees.csv mentors.csv --distances distances.csv --weight nearness 60
      dongliang pair mentees.csv mentors.csv --allow-unpaired --balance 5
    """
    with interruptible():
        people = read_people(mentees, mentors)
        away = read_distances(distances, people.areas) if distances else None
        try:
            with doing(f"Pairing {len(people.mentees):,} mentees"):
                pairing = pair(
                    people.mentees,
                    people.mentors,
                    weights={**WEIGHTS, **dict(weights)},
                    distance=away,
                    avoid=people.avoid,
                    per_mentee=candidates,
                    everyone=not allow_unpaired,
                    balance=balance,
                )
        except InfeasiblePairing as refusal:
            raise click.ClickException(clash(refusal, people)) from None
        except EngineError as refusal:
            raise click.ClickException(str(refusal)) from None
        write_tables(output, [pair_table(pairing, people), load_table(pairing, people)])
    click.echo(summary(pairing))
    click.echo(f"Written: {output}")


def read_people(mentee_file: Path, mentor_file: Path) -> People:
    ours = read_lines(
        mentee_file, ["number"], ["name", "category", "area", "earlier", "locked", "avoid"], prefix="need:"
    )
    theirs = read_lines(
        mentor_file, ["number", "capacity"], ["name", "area", "categories"], prefix="strength:"
    )
    codes(ours, "number")
    known = codes(theirs, "number")
    # An empty category or area is one of its own, which nobody knows and which is near to nothing.
    categories = numbered([line.text("category") for line in ours])
    areas = numbered([line.text("area") for line in (*ours, *theirs)])
    things = sorted(
        {name.partition(":")[2] for line in (ours[0], theirs[0]) for name in line.cells if ":" in name}
    )

    def mentor_codes(column: str) -> Integers:
        return np.array(
            [
                code(line, column, line.text(column), known, "mentor") if line.text(column) else -1
                for line in ours
            ],
            dtype=np.int64,
        )

    mentee_columns: dict[str, Any] = {
        "number": np.array([line.whole("number") for line in ours]),
        "category": np.array([categories[line.text("category")] for line in ours]),
        "needs": np.array([[line.figure(f"need:{thing}") for thing in things] for line in ours]).reshape(
            len(ours), len(things)
        ),
        "area": np.array([areas[line.text("area")] for line in ours]),
        "earlier": mentor_codes("earlier"),
        "locked": mentor_codes("locked"),
    }
    mentor_columns: dict[str, Any] = {
        "number": np.array([line.whole("number") for line in theirs]),
        "categories": np.array(
            [[float(name in line.items("categories")) for name in categories] for line in theirs]
        ),
        "strengths": np.array(
            [[line.figure(f"strength:{thing}", most=1) for thing in things] for line in theirs]
        ).reshape(len(theirs), len(things)),
        "area": np.array([areas[line.text("area")] for line in theirs]),
        "capacity": np.array([line.whole("capacity") for line in theirs]),
    }
    avoid = [
        (row, code(line, "avoid", name, known, "mentor"))
        for row, line in enumerate(ours)
        for name in line.items("avoid")
    ]
    # Only now: all that is wrong with a table is told at once.
    ours[0].complaints.refuse()
    theirs[0].complaints.refuse()
    return People(
        mentee_lines=ours,
        mentor_lines=theirs,
        mentees=Mentees(**mentee_columns),
        mentors=Mentors(**mentor_columns),
        avoid=np.array(avoid, dtype=np.int64).reshape(-1, 2),
        areas=areas,
    )


def numbered(names: list[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(set(names)))}


def read_distances(file: Path, areas: dict[str, int]) -> Floats:
    """Distances both ways between areas; two that the file does not name are as far apart as any two that it does."""
    lines = read_lines(file, ["from", "to", "distance"], [])
    away = np.full((len(areas), len(areas)), np.nan)
    for line in lines:
        ends = [line.required("from"), line.required("to")]
        distance = line.figure("distance")
        if all(end in areas for end in ends):
            first, second = areas[ends[0]], areas[ends[1]]
            away[first, second] = away[second, first] = distance
    np.fill_diagonal(away, 0.0)
    lines[0].complaints.refuse()
    farthest = max(line.figure("distance") for line in lines)
    return np.where(np.isnan(away), farthest, away)


def clash(refusal: InfeasiblePairing, people: People) -> str:
    """The demands that cannot be met together, by the rows that make them."""
    locked = set(refusal.locked.tolist())
    wanting = [
        f"{called(people.mentee_lines[row])} (row {people.mentee_lines[row].row}{', locked' if row in locked else ''})"
        for row in refusal.mentees.tolist()
    ]
    offering = [
        f"{called(people.mentor_lines[row])} ({people.mentors.capacity[row]})"
        for row in refusal.mentors.tolist()
    ]
    file = people.mentee_lines[0].place
    if not offering:
        return f"{file}: {wanting[0]} may have no mentor at all. Take a mentor out of its column avoid."
    return (
        f"{file}: {len(wanting)} mentees may only have mentors with {len(wanting) - 1} places between them. "
        f"Mentees: {listed(wanting)}. Mentors (places): {listed(offering)}. "
        "Give one of these mentors a place more, allow another mentor, or run with --allow-unpaired."
    )


def listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def called(line: Line) -> str:
    return line.text("name") or line.text("number")


def pair_table(pairing: Pairing, people: People) -> OutputTable:
    """A row a mentee, in the order of their table."""

    def mentor(row: int) -> list[Cell]:
        line = people.mentor_lines[row] if row >= 0 else None
        return [line.text("number"), line.text("name")] if line else ["", ""]

    return OutputTable(
        "pairs",
        [
            *("mentee", "mentee_name", "mentor", "mentor_name", "fit", *pairing.parts),
            *("best_mentor", "best_mentor_name", "best_fit"),
        ],
        [
            [
                line.text("number"),
                line.text("name"),
                *mentor(int(pairing.mentor[row])),
                pairing.fit[row],
                *(part[row] for part in pairing.parts.values()),
                *mentor(int(pairing.favourite[row])),
                pairing.favourite_fit[row],
            ]
            for row, line in enumerate(people.mentee_lines)
        ],
        decimals=3,
    )


def load_table(pairing: Pairing, people: People) -> OutputTable:
    """A row a mentor: places, and who has them."""
    return OutputTable(
        "mentors",
        ["mentor", "mentor_name", "capacity", "mentees", "mentee_names"],
        [
            [
                line.text("number"),
                line.text("name"),
                int(people.mentors.capacity[code]),
                int(pairing.load[code]),
                "；".join(called(people.mentee_lines[row]) for row in np.flatnonzero(pairing.mentor == code)),
            ]
            for code, line in enumerate(people.mentor_lines)
        ],
    )


def summary(pairing: Pairing) -> str:
    paired = pairing.mentor >= 0
    first = int((pairing.fit[paired] == pairing.favourite_fit[paired]).sum())
    lines = [
        f"{paired.sum():,} of {len(paired):,} mentees paired with {(pairing.load > 0).sum():,} of {len(pairing.load):,} mentors",
        f"total fit {pairing.total:,.3f}, the greatest possible"
        + ("" if pairing.complete else " within the lists of candidates"),
        f"{first:,} have a mentor who fits them as well as any could",
        f"mentees a mentor: {pairing.load.min()} to {pairing.load.max()}",
    ]
    return "\n".join(lines)
