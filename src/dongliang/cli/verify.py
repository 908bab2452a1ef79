"""``dongliang verify``: recompute a published result from its book. Needs no database."""

import sys
import tempfile
from pathlib import Path

import click

from dongliang.cli import set_up_django


@click.command()
@click.argument("book", type=click.Path(exists=True, path_type=Path))
@click.option("--fingerprint", metavar="SHA-256", help="The book's fingerprint as it was published.")
def verify(book: Path, fingerprint: str | None) -> None:
    """Recompute a result book, a zip or a folder, from its own inputs, and say where it differs."""
    # Settings make their home; a machine that only checks has none, and is left without.
    with tempfile.TemporaryDirectory() as home:
        set_up_django(home=home, database="sqlite://:memory:")
        from django.utils.translation import gettext as _

        from dongliang.common.refusals import Refused
        from dongliang.scoring.book import examined, unpacked

        try:
            files = unpacked(book)
        except Refused as refused:
            raise click.ClickException("\n".join(map(str, refused.blockers))) from refused
        except OSError as error:
            raise click.ClickException(
                _("%(path)s cannot be read: %(reason)s.") % {"path": book, "reason": error.strerror}
            ) from error
        verdict = examined(files, book.read_bytes() if book.is_file() else None)
        faults = list(verdict.faults)
        if fingerprint and fingerprint.lower() != verdict.fingerprint:
            faults.append(
                _("The book's fingerprint is %(seen)s, not %(said)s.")
                % {"seen": verdict.fingerprint, "said": fingerprint}
            )
        for fault in faults:
            click.echo(fault, err=True)
        if faults:
            sys.exit(1)
        click.echo(
            _("Recomputed from its inputs, the book holds: %(secretaries)d secretaries, %(listed)d listed.")
            % {"secretaries": verdict.secretaries, "listed": verdict.listed}
        )
        if verdict.last_places:
            click.echo(
                _("%(count)d numbers differ in the last place, by this machine's rounding.")
                % {"count": verdict.last_places}
            )
        click.echo(_("Fingerprint: %(fingerprint)s") % {"fingerprint": verdict.fingerprint})
