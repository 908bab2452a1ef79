"""``dongliang ballots``: check what was published of ballots, which needs no database; publish it, destroy the key."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dongliang.ballots import codes
from dongliang.ballots.checking import Found, Report, check_archive
from dongliang.cli.operate import tells_refusals

if TYPE_CHECKING:
    from dongliang.ballots.proof import StatementContent
    from dongliang.seasons.models import Season


@click.group()
def ballots() -> None:
    """Residents' ballots: check what was published, publish it, destroy the key."""


@ballots.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--receipt", "given", multiple=True, metavar="CODE", help="A receipt to look up.")
@click.option(
    "--receipts",
    "listed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="LIST",
    help="A file of receipts to look up, one a line.",
)
@click.option("--fingerprint", metavar="DIGEST", help="What was printed or written down of the statement.")
def verify(file: Path, given: tuple[str, ...], listed: Path | None, fingerprint: str | None) -> None:
    """Check FILE, the archive published of a season's ballots, and look receipts up in it.

    Recomputes the tree over all receipts, the counts, the seals over the marks and the chain of statements. Needs
    nothing but the file. Says what does not hold and where, and exits with 1.
    """
    receipts = [*given, *(read_list(listed) if listed else [])]
    report = check_archive(file, receipts)
    for line in told(report):
        click.echo(line)
    for receipt in receipts:
        click.echo(told_receipt(receipt, report.found.get(receipt)))
    wrong = [str(fault) for fault in report.faults]
    if fingerprint and (not report.statements or report.statements[-1].fingerprint != fingerprint.lower()):
        wrong.append(f"{file.name}: its fingerprint is not {fingerprint}.")
    # Without faults of the archive itself, a receipt that is not in it is worth an alarm too.
    wrong += [
        f"{file.name}: no line belongs to the receipt {text}."
        for text in receipts
        if text not in report.found
    ]
    for line in wrong:
        click.echo(line, err=True)
    click.echo("Something does not hold." if wrong else "Everything holds.", err=bool(wrong))
    sys.exit(bool(wrong))


def read_list(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise click.ClickException(f"{path} is not text in UTF-8. Save it as a plain text file.") from None


def told(report: Report) -> list[str]:
    lines = []
    for statement in report.statements:
        lines += [f"Statement {statement.version} of {statement.season}, {statement.stated_at}"]
        lines += [f"  fingerprint {statement.fingerprint}", f"  rule book   {statement.rule_book}"]
        lines += [
            f"  {kind}: {counts.ballots} ballots, {counts.counted} counted, {counts.superseded} superseded, "
            f"{counts.excluded} excluded" + unproven_in_words(statement, counts.unproven)
            for kind, counts in statement.rounds.items()
        ]
        if statement.begins or statement.ends:
            lines += [f"  voting from {statement.begins or '…'} until {statement.ends or '…'}"]
        for moved in statement.moved_ends:
            lines += [
                f"  end moved on {moved.at} from {moved.before or 'none'} to {moved.after}: {moved.reason}"
            ]
        if statement.version > 1:
            lines += [f"  {statement.changes} changed since the statement before"]
    if report.statements:
        lines += [f"Marks: {report.opened} counts published, {report.closed} sealed"]
    return lines


def unproven_in_words(statement: "StatementContent", number: int) -> str:
    if not number:
        return ""
    what = "and COUNTED all the same" if statement.format == 1 else "and excluded"
    return f"; {number} NOT MADE BY THE KEY, {what}"


def told_receipt(text: str, found: Found | None) -> str:
    shown = codes.grouped(codes.normalised(text), 5)
    if found is None:
        return f"{shown}: not found"
    leaf = found.leaf
    reason = f" ({leaf.exclusion})" if leaf.exclusion else ""
    steps = " ".join(step.hex()[:8] for step in found.path) or "none"
    return (
        f"{shown}: {leaf.status}{reason}, {leaf.kind}, number {leaf.number}; line {found.index + 1} of {found.size}\n"
        f"  {leaf.commitment}\n  path {steps}"
    )


SEASON = click.option("--season", "slug", required=True, help="Short name of the season.")


@ballots.command()
@SEASON
@click.option(
    "--open", "opens", is_flag=True, help="Publish the marks too, once and for all: the count is final."
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the archive as well."
)
@tells_refusals
def publish(slug: str, opens: bool, output: Path | None) -> None:
    """State what became of a closed season's ballots, and write the archive that everybody can check."""
    from dongliang.ballots.actions.publishing import archive_of, open_tally, publish_statement

    season = season_named(slug)
    statement = (open_tally if opens else publish_statement)(season, by=None)
    archive = archive_of(statement)
    if output:
        output.write_bytes(archive.read_bytes())
    click.echo(f"{statement} · {statement.fingerprint}")
    click.echo(str(output or archive))


@ballots.command("destroy-key")
@SEASON
@click.option("--yes", is_flag=True, help="Do not ask.")
@tells_refusals
def destroy(slug: str, yes: bool) -> None:
    """Destroy a season's ballot key for good: printed codes stop working, receipts can still be checked."""
    from django.utils.translation import gettext as _

    from dongliang.ballots.actions.closing import destroy_key
    from dongliang.ballots.queries.proof import destroying_blockers
    from dongliang.common.refusals import Refused

    season = season_named(slug)
    if blockers := destroying_blockers(season):
        raise Refused(blockers)
    if not yes:
        click.confirm(_("Destroy the ballot key of %(season)s for good?") % {"season": season}, abort=True)
    destroy_key(season, by=None)
    click.echo(_("The ballot key is destroyed. Destroy every copy of it as well."))


def season_named(slug: str) -> "Season":
    """The season with this short name. Raises Refused, naming those there are."""
    from django.utils.translation import gettext as _

    from dongliang.common.refusals import Blocker, Refused
    from dongliang.seasons.models import Season

    if season := Season.objects.filter(slug=slug).first():
        return season
    names = ", ".join(Season.objects.values_list("slug", flat=True)) or "–"
    raise Refused(
        Blocker(
            "season.unknown",
            _("There is no season with the short name '%(slug)s'.") % {"slug": slug},
            _("Give one of these with --season: %(slugs)s.") % {"slugs": names},
        )
    )
