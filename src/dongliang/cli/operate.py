"""Commands of the operator: set up, serve, check the log."""

import getpass
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from dongliang.cli import set_up_django


def tells_refusals(command: Callable[..., Any]) -> Callable[..., Any]:
    """Print why an action was refused, or what ails the database, as sentences, and exit with 1; no traceback."""

    @wraps(command)
    def told(*args: Any, **kwargs: Any) -> Any:
        set_up_django()
        from django.db import DatabaseError
        from django.utils.translation import gettext as _

        from dongliang.common.refusals import Refused

        try:
            return command(*args, **kwargs)
        except Refused as refused:
            raise click.ClickException("\n".join(map(str, refused.blockers))) from refused
        except DatabaseError as error:
            raise click.ClickException(
                _(
                    "The database cannot be used: %(problem)s. See that DONGLIANG_HOME or DONGLIANG_DATABASE names "
                    "the right one, or put it back from its copy."
                )
                % {"problem": str(error).strip()}
            ) from error

    return told


@click.command()
@click.option("--code", required=True, help="Short code of the district, such as LZ.")
@click.option("--district", required=True, help="Name of the district.")
@click.option(
    "--preset", "preset_name", default="putuo-2021", show_default=True, help="Rule book to start from."
)
@click.option("--season", "slug", help="Short name of the season; the rule book's key unless given.")
@click.option("--user", default="office", show_default=True, help="User name of the first office account.")
@click.option("--password", help="Its password; asked for unless given.")
@tells_refusals
def set_up(
    code: str, district: str, preset_name: str, slug: str | None, user: str, password: str | None
) -> None:
    """Make the database, a district, its first season and the first office account."""
    from django.core.management import call_command
    from django.db import transaction

    from dongliang.people.actions import create_account, set_up_district
    from dongliang.people.models import Role
    from dongliang.seasons.actions import create_season
    from dongliang.seasons.rulebook import preset

    rules = preset(preset_name)
    password = password or getpass.getpass(f"{user}: ")
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        organisation = set_up_district(code, district, by=None)
        account = create_account(user, user, Role.OFFICE, organisation, by=None, password=password)
        season = create_season(organisation, slug=slug or rules.key, rules=rules, by=account)
    click.echo(f"{organisation} · {season} · {account.username} · {rules.sha256}")


@click.command("new-season")
@click.option("--season", "slug", required=True, help="Short name of the season, such as liangzhou-2022.")
@click.option(
    "--preset", "preset_name", default="putuo-2021", show_default=True, help="Rule book to start from."
)
@click.option("--code", help="Short code of the district; needed where the database holds several.")
@tells_refusals
def new_season(slug: str, preset_name: str, code: str | None) -> None:
    """Begin another season of a district that is set up."""
    from django.utils.translation import gettext as _

    from dongliang.common.refusals import Blocker, Refused
    from dongliang.people.models import Organisation, OrganisationKind
    from dongliang.seasons.actions import create_season
    from dongliang.seasons.rulebook import preset

    districts = Organisation.objects.filter(kind=OrganisationKind.DISTRICT)
    codes = list(districts.values_list("code", flat=True))
    wanted = code or (codes[0] if len(codes) == 1 else "")
    if wanted not in codes:
        raise Refused(
            Blocker(
                "district.unknown",
                _("There is no district with the code '%(code)s'.") % {"code": wanted},
                _("Give one of these with --code: %(codes)s.") % {"codes": ", ".join(codes) or "–"},
            )
        )
    season = create_season(districts.get(code=wanted), slug=slug, rules=preset(preset_name), by=None)
    click.echo(f"{season.district} · {season} · {season.slug} · {season.rule_book.sha256}")


# What one port can serve: the whole site, or a half of it for a proxy to put together.
PARTS = {
    "all": "dongliang.asgi:application",
    "residents": "dongliang.asgi:residents",
    "pages": "dongliang.asgi:pages",
}


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes; more than one wants PostgreSQL.")
@click.option(
    "--only",
    type=click.Choice(["residents", "pages"]),
    help="Serve only what is below /v/, or only the rest, for two ports behind a proxy.",
)
@tells_refusals
def serve(host: str, port: int, workers: int, only: str | None) -> None:
    """Serve the site until stopped."""
    from django.core.management import call_command

    from dongliang.common.databases import durability_warnings

    call_command("migrate", verbosity=0)
    for warning in durability_warnings():
        click.echo(f"{warning.msg} {warning.hint}", err=True)
    run_server(host, port, workers=workers, part=only or "all")


# A server that is told to stop answers what has arrived, and waits no longer than so for who sends or reads slowly. A body
# has ten seconds to arrive, a ballot is stored meanwhile.
SECONDS_TO_STOP = 15


def run_server(host: str, port: int, *, workers: int = 1, part: str = "all") -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces

    Granian(
        PARTS[part],
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        blocking_threads=1,
        # What a proxy speaks. HTTP/2 would let one connection ask for hundreds of pages at a time.
        http=HTTPModes.http1,
        websockets=False,
        # A process that ends, for want of memory say, would take the whole site with it.
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_STOP,
        # The address of a resident's page holds a code.
        log_access=False,
    ).serve()


@click.group()
def audit() -> None:
    """The action log."""


@audit.command()
@tells_refusals
def verify() -> None:
    """Check that no line of the action log was changed or removed."""
    from django.utils.translation import gettext as _

    from dongliang.common.log import verify_chain

    checked, breach = verify_chain()
    if breach is None:
        click.echo(_("%(count)d lines, the chain holds.") % {"count": checked})
        return
    reason = _("is missing") if breach.reason == "missing" else _("was changed")
    click.echo(
        _("The chain holds for %(count)d lines; line %(line)d %(reason)s.")
        % {"count": checked, "line": breach.sequence, "reason": reason},
        err=True,
    )
    sys.exit(1)


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage(arguments: tuple[str, ...]) -> None:
    """Django's own management commands."""
    set_up_django()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["dongliang manage", *arguments])
