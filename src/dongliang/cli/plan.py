"""``dongliang plan``: who assesses whom, out of two tables. Needs neither Django nor a database."""

import math
from pathlib import Path

import click
import numpy as np

from dongliang.cli.outputs import OutputTable, interruptible, table_file, write_tables
from dongliang.cli.progress import doing
from dongliang.cli.tables import Line, code, codes, read_lines
from dongliang.engine.data import Booleans, Floats, Integers
from dongliang.engine.errors import EngineError, InfeasiblePlan, Unconnected
from dongliang.engine.planning import information, plan_assessments


@click.command("plan")
@click.argument("targets", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("raters", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--per-target", type=click.IntRange(min=1), default=4, show_default=True, help="Raters a target."
)
@click.option(
    "--avoid-own-area",
    is_flag=True,
    help="No rater assesses in the area that they come from.",
)
@click.option("--near", is_flag=True, help="Bring the visits of a rater together, by area or by x and y.")
@click.option(
    "--give-up",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.1,
    show_default=True,
    help="Share of the information that nearer visits may cost.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides between equals.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("plan.csv"),
    show_default=True,
    callback=table_file,
    help="The file to write: .csv, or .xlsx with a second sheet by rater.",
)
def plan_command(
    targets: Path,
    raters: Path,
    per_target: int,
    avoid_own_area: bool,
    near: bool,
    give_up: float,
    seed: int,
    output: Path,
) -> None:
    """Plan who of RATERS assesses which of TARGETS (.csv, .xlsx or .parquet), so that severities can be compared.

    TARGETS: id, name, area, x and y (for --near; in any unit of length, not in degrees), avoid (raters' ids between
    semicolons). RATERS: id, name, area. Only id is needed.

    \b
    Examples:
      dongliang plan 被评者.xlsx 评价者.xlsx --per-target 4 --avoid-own-area --output 安排.xlsx
      dongliang plan targets.csv raters.csv --near --give-up 0.2
    """
    with interruptible():
        ours = read_lines(targets, ["id"], ["name", "area", "x", "y", "avoid"])
        theirs = read_lines(raters, ["id"], ["name", "area"])
        codes(ours, "id")
        avoid = avoidance(ours, theirs, codes(theirs, "id"), avoid_own_area)
        apart = distances(ours) if near else None
        # Only now: all that is wrong with a table is told at once.
        ours[0].complaints.refuse()
        theirs[0].complaints.refuse()
        try:
            with doing(f"Planning for {len(ours):,} targets"):
                plan = plan_assessments(
                    len(ours),
                    len(theirs),
                    per_target=per_target,
                    avoid=avoid,
                    rng=np.random.default_rng(seed),
                    distance=apart,
                    give_up=give_up,
                )
        except InfeasiblePlan as refusal:
            raise click.ClickException(too_few(refusal, ours, per_target)) from None
        except Unconnected as refusal:
            groups = "; ".join(
                ", ".join(called(ours[row]) for row in group[:5]) for group in refusal.groups[:5]
            )
            raise click.ClickException(f"{refusal} The groups begin with: {groups}.") from None
        except EngineError as refusal:
            raise click.ClickException(str(refusal)) from None
        write_tables(output, [plan_table(plan, ours, theirs), visit_table(plan, ours, theirs)])
    click.echo(summary(plan, len(theirs)))
    click.echo(f"Written: {output}")


def plan_table(plan: Integers, ours: list[Line], theirs: list[Line]) -> OutputTable:
    """A row a visit, target by target in the order of their table."""
    return OutputTable(
        "plan",
        ["target", "target_name", "rater", "rater_name"],
        [
            [line.text("id"), line.text("name"), theirs[rater].text("id"), theirs[rater].text("name")]
            for line, row in zip(ours, plan.tolist(), strict=True)
            for rater in row
        ],
    )


def visit_table(plan: Integers, ours: list[Line], theirs: list[Line]) -> OutputTable:
    """The same rater by rater, area by area: what each takes along."""
    return OutputTable(
        "raters",
        ["rater", "rater_name", "area", "target", "target_name"],
        [
            [
                rater.text("id"),
                rater.text("name"),
                ours[row].text("area"),
                ours[row].text("id"),
                ours[row].text("name"),
            ]
            for code, rater in enumerate(theirs)
            for row in sorted(
                np.flatnonzero((plan == code).any(axis=1)).tolist(), key=lambda row: ours[row].text("area")
            )
        ],
    )


def avoidance(ours: list[Line], theirs: list[Line], known: dict[str, int], own_area: bool) -> Booleans:
    avoid = np.zeros((len(ours), len(theirs)), dtype=bool)
    for row, line in enumerate(ours):
        for name in line.items("avoid"):
            avoid[row, code(line, "avoid", name, known, "rater")] = True
        if own_area and (area := line.text("area")):
            avoid[row] |= [area == other.text("area") for other in theirs]
    return avoid


def distances(ours: list[Line]) -> Floats:
    """Between targets: as the crow flies where the table has x and y, else 0 within an area and 1 between two."""
    if "x" in ours[0].cells and "y" in ours[0].cells:
        places = np.array([[line.figure(axis, least=-math.inf) for axis in "xy"] for line in ours])
        return np.asarray(np.hypot(*(places[:, None] - places).transpose(2, 0, 1)))
    if "area" not in ours[0].cells:
        raise click.ClickException(f"{ours[0].place}: --near needs a column area, or columns x and y.")
    areas = np.array([line.text("area") for line in ours])
    return (areas[:, None] != areas).astype(np.float64)


def too_few(refusal: InfeasiblePlan, ours: list[Line], per_target: int) -> str:
    if not len(refusal.targets):
        return str(refusal)
    rows = [f"{called(ours[row])} (row {ours[row].row})" for row in refusal.targets.tolist()]
    more = f" and {len(rows) - 20} more" if len(rows) > 20 else ""
    return (
        f"{ours[0].place}: fewer than {per_target} raters may assess {', '.join(rows[:20])}{more}. "
        "Give them more raters, or ask for fewer with --per-target."
    )


def called(line: Line) -> str:
    return line.text("name") or line.text("id")


def summary(plan: Integers, n_raters: int) -> str:
    load = np.bincount(plan.ravel(), minlength=n_raters)
    mean, least = information(plan, n_raters)
    return "\n".join(
        [
            f"{len(plan):,} targets, {plan.shape[1]} raters each out of {n_raters:,}; targets a rater: {load.min()} to {load.max()}",
            f"information about differences in severity: {mean:.2f} ratings on average, {least:.2f} at least",
        ]
    )
