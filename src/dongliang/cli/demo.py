"""``dongliang demo``: the invented district 梁州区 runs a whole season, then is served.

Everything goes through the product's own doors: the roster is imported from a workbook, sheets are sent, ballots are
cast with household codes, the rule book is frozen, the season closed, scored and its lists published.
"""

import shutil
import time
from pathlib import Path

import click

from dongliang.cli import set_up_django

PASSWORD = "liangzhou-2021"


@click.command()
@click.option(
    "--seed", default=2021, show_default=True, help="Chance is drawn from it: same seed, same results."
)
@click.option("--scale", default=1.0, show_default=True, help="Size of the district: 1 is 278 secretaries.")
@click.option(
    "--database", help="An empty database to build in, as a URL; a SQLite file under --home unless given."
)
@click.option(
    "--home",
    default="dongliang-demo",
    envvar="DONGLIANG_HOME",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the demo's own files. Its earlier demo is replaced.",
)
@click.option(
    "--keep-open", is_flag=True, help="Stop before closing, so that you can rate and send sheets yourself."
)
@click.option("--no-serve", is_flag=True, help="Stop after the summary.")
@click.option("--port", default=8000, show_default=True, help="Port to serve on, on this machine only.")
def demo(
    seed: int, scale: float, database: str | None, home: Path, keep_open: bool, no_serve: bool, port: int
) -> None:
    """Build the invented district 梁州区, run its season, and serve it."""
    # Household codes hold 2,047 secretaries, a little more than seven such districts have.
    if not 0.1 <= scale <= 7:
        raise click.ClickException(f"--scale is {scale:g}. Use a number from 0.1 to 7.")
    began = time.monotonic()
    home = home.resolve()
    clear_home(home)
    set_up_django(home=str(home), database=database)

    # After set-up only: what follows needs Django configured.
    from dongliang.cli.demo_season import build, describe, first_links
    from dongliang.common.refusals import Refused

    try:
        season = build(seed=seed, scale=scale, keep_open=keep_open, password=PASSWORD, say=click.echo)
    except Refused as refused:
        raise click.ClickException("\n".join(map(str, refused.blockers))) from refused
    click.echo(describe(season, home, seconds=time.monotonic() - began))
    address = f"http://127.0.0.1:{port}"
    click.echo(first_links(season, address, password=PASSWORD))
    if no_serve:
        return
    from dongliang.cli.operate import run_server

    run_server("127.0.0.1", port)


MARKER = "this-folder-is-a-dongliang-demo"


def clear_home(home: Path) -> None:
    """Empty the folder of an earlier demo. A folder that is not one is never touched."""
    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).exists():
            raise click.ClickException(
                f"{home} is not empty and was not made by an earlier demo. Give an empty or new folder with --home."
            )
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / MARKER).touch()
