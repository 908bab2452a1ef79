"""The command ``dongliang``. Commands that need the database set Django up; ``score``, ``pair`` and ``plan`` need none."""

import importlib
import os

import click

from dongliang import __version__

COMMANDS = {
    "demo": "dongliang.cli.demo:demo",
    "set-up": "dongliang.cli.operate:set_up",
    "new-season": "dongliang.cli.operate:new_season",
    "serve": "dongliang.cli.operate:serve",
    "backup": "dongliang.cli.backup:backup",
    "restore": "dongliang.cli.backup:restore",
    "audit": "dongliang.cli.operate:audit",
    "verify": "dongliang.cli.verify:verify",
    "ballots": "dongliang.cli.ballots:ballots",
    "manage": "dongliang.cli.operate:manage",
    "score": "dongliang.cli.score:score",
    "pair": "dongliang.cli.pair:pair_command",
    "plan": "dongliang.cli.plan:plan_command",
}


class LazyGroup(click.Group):
    """Imports a command's module when the command is called, so that none pays for another's imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        # The matrices are small: more threads gain little, and where other work keeps the cores busy they wait for each
        # other and cost many times as much. One thread also adds up in one order on every machine, so that whoever
        # verifies a result comes to the same last digit.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        module, name = COMMANDS[cmd_name].split(":")
        return getattr(importlib.import_module(module), name)


@click.group(cls=LazyGroup)
@click.version_option(__version__)
def main() -> None:
    """Dongliang 栋梁 runs a mentoring and review programme for neighbourhood secretaries."""


def set_up_django(*, home: str | None = None, database: str | None = None) -> None:
    """Configure Django for a command, in the product's first language."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dongliang.settings")
    if home:
        os.environ["DONGLIANG_HOME"] = home
    if database:
        os.environ["DONGLIANG_DATABASE"] = database

    # Only now: importing Django's settings earlier would read the environment before the options above are in it.
    import django
    from django.conf import settings
    from django.utils import translation

    django.setup()
    translation.activate(settings.LANGUAGE_CODE)
