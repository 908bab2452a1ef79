"""``dongliang backup`` and ``dongliang restore``: an installation in one archive, taken while it serves, and put back.

The database is copied first, as it is at one moment, and the files after it: whatever a row speaks of, a ballot key or a
file to read, is laid down before the row and so is in the archive. An archive lists the fingerprint of all it holds;
nothing is put back unless every one of them fits.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import click

from dongliang import __version__
from dongliang.cli.operate import tells_refusals

CONTENTS = "contents.json"
FORMAT = "dongliang-backup-1"
# In the archive: the database, the keys of ballots, what else lies in the home folder.
SQLITE, DUMP = "database/dongliang.sqlite3", "database/dongliang.dump"
KEYS, FILES = "keys", "home"
LARGEST_CONTENTS = 64 << 20
CHUNK = 1 << 20
# In the home folder while something is put back.
UNPACKED = ".restoring"


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--without-keys", is_flag=True, help="Leave out the ballot keys, where others keep them apart.")
@tells_refusals
def backup(file: Path, without_keys: bool) -> None:
    """Save the whole installation as FILE, a zip archive, while it goes on serving.

    Database, ballot keys and uploaded files, as of one moment. An archive holds names and phone numbers, and with the
    keys all that secrecy rests on: keep it as safe as the installation.
    """
    from django.conf import settings
    from django.utils.translation import gettext as _

    home, file = settings.HOME, file.absolute()
    if not holds_anything():
        raise refusal(
            "backup.nothing",
            _("There is nothing to save: %(home)s is no installation.") % {"home": home},
            _("Set DONGLIANG_HOME and DONGLIANG_DATABASE as for the server, and try again."),
        )
    if file.exists():
        raise refusal(
            "backup.there",
            _("%(file)s is there already.") % {"file": file},
            _("Give another name: no copy is written over another."),
        )
    if file.is_relative_to(home):
        raise refusal(
            "backup.inside",
            _("%(file)s would lie in the folder that is saved.") % {"file": file},
            _("Save to another disk: a copy beside the original is lost with it."),
        )
    with telling_of(file), written_whole(file) as archive:
        fingerprints = {}
        with tempfile.TemporaryDirectory(prefix=".dongliang-", dir=file.parent) as folder:
            name, copy = copied_database(Path(folder))
            fingerprints[name] = added(archive, name, copy)
        for name, path in files_of(home, settings.BALLOT_KEYS, without_keys):
            try:
                fingerprints[name] = added(archive, name, path)
            except FileNotFoundError:  # removed meanwhile
                continue
        contents = {"format": FORMAT, "version": __version__, "files": fingerprints}
        archive.writestr(CONTENTS, json.dumps(contents, indent=1, ensure_ascii=False))
    keys = sum(name.startswith(f"{KEYS}/") for name in fingerprints)
    click.echo(
        _("Saved: %(file)s, %(size)s MB, %(keys)d ballot keys.")
        % {"file": file, "size": f"{file.stat().st_size / 1e6:.1f}", "keys": keys}
    )
    if without_keys:
        click.echo(
            _("The ballot keys are not in it. Without them printed codes do not hold: save %(folder)s too.")
            % {"folder": settings.BALLOT_KEYS}
        )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@tells_refusals
def restore(file: Path) -> None:
    """Put FILE, made by ``dongliang backup``, back: into a home folder and a database that hold nothing yet.

    Everything is checked before anything is written, and the action log once it is back.
    """
    from django.conf import settings
    from django.db import connection
    from django.utils.translation import gettext as _
    from django.utils.translation import ngettext

    from dongliang.common.log import verify_chain

    home = settings.HOME
    with telling_of(home):
        shutil.rmtree(home / UNPACKED, ignore_errors=True)
        there = [path for _name, path in files_of(home, settings.BALLOT_KEYS) if path != home / "secret.key"]
        if there or holds_anything():
            raise refusal(
                "restore.there",
                _("There is an installation already: %(what)s.")
                % {"what": there[0] if there else connection.settings_dict["NAME"]},
                _("Move it away, or give DONGLIANG_HOME and DONGLIANG_DATABASE of a new one."),
            )
        try:
            with opened(file) as archive:
                fits(archive)
                name = SQLITE if connection.vendor == "sqlite" else DUMP
                if name not in archive.fingerprints:
                    raise refusal(
                        "restore.other_database",
                        _("%(file)s holds another kind of database.") % {"file": file},
                        _("Set DONGLIANG_DATABASE to the kind that was saved, SQLite or PostgreSQL."),
                    )
                for each in archive.fingerprints:
                    archive.unpack(each, home / UNPACKED / each)
            put_back(home, settings.BALLOT_KEYS, name)
        finally:
            shutil.rmtree(home / UNPACKED, ignore_errors=True)
    lines, breach = verify_chain()
    if breach:
        raise refusal(
            "restore.log",
            _("All is back, but the action log does not hold from line %(line)d.")
            % {"line": breach.sequence},
            _("It was so when it was saved. Look at an earlier copy."),
        )
    click.echo(
        ngettext(
            "Put back: %(home)s. %(count)d line of the action log, the chain holds.",
            "Put back: %(home)s. %(count)d lines of the action log, the chain holds.",
            lines,
        )
        % {"home": home, "count": lines}
    )


def refusal(code: str, reason: str, help: str) -> Exception:
    from dongliang.common.refusals import Blocker, Refused

    return Refused(Blocker(code, reason, help))


@contextmanager
def telling_of(place: Path) -> Iterator[None]:
    """What the disk refuses, as a sentence."""
    from django.utils.translation import gettext as _

    try:
        yield
    except OSError as error:
        raise refusal(
            "backup.disk",
            _("%(place)s: %(problem)s.")
            % {"place": error.filename or place, "problem": error.strerror or error},
            _("See that the folder is there, that it may be written to, and that the disk has room."),
        ) from error


# Saving


@contextmanager
def written_whole(file: Path) -> Iterator[zipfile.ZipFile]:
    """An archive that bears its name only once it is whole and on the disk."""
    unfinished = file.with_name(f".{file.name}.part")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                yield archive
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)


def copied_database(folder: Path) -> tuple[str, Path]:
    """A copy of the database as it is at one moment, and what it is called in the archive."""
    from django.db import DatabaseError, connection

    if connection.vendor == "sqlite":
        copy = folder / "copy.sqlite3"
        connection.ensure_connection()
        with connection.wrap_database_errors, closing(sqlite3.connect(copy)) as target:
            connection.connection.backup(target)
            # One file, to be opened anywhere.
            target.execute("PRAGMA journal_mode = DELETE")
            found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise DatabaseError(found)
        return SQLITE, copy
    copy = folder / "copy.dump"
    asked_postgres("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={copy}")
    return DUMP, copy


def asked_postgres(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on the database. The password goes by the environment, which others cannot read."""
    from django.db import connection
    from django.utils.translation import gettext as _

    given = connection.get_connection_params()
    environment = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password"}
    environment |= {"PGSSLMODE": "sslmode", "PGSSLROOTCERT": "sslrootcert"}
    variables = {name: str(given[key]) for name, key in environment.items() if given.get(key)}
    try:
        done = subprocess.run(
            [program, "--no-password", f"--dbname={given['dbname']}", *arguments],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise refusal(
            "backup.program",
            _("%(program)s is not on this machine.") % {"program": program},
            _("Install PostgreSQL's client programs (Debian: postgresql-client) of the server's version."),
        ) from None
    if done.returncode:
        raise refusal(
            "backup.postgres",
            _("%(program)s failed: %(problem)s")
            % {"program": program, "problem": done.stderr.strip()[-500:]},
            _("Nothing else was done. Mend it and try again."),
        )


def files_of(home: Path, keys: Path, without_keys: bool = False) -> Iterator[tuple[str, Path]]:
    """What belongs to an installation beside the database, by its name in the archive."""
    from django.db import connection

    database = connection.settings_dict["NAME"] if connection.vendor == "sqlite" else None
    copied_already = {Path(f"{database}{more}") for more in ("", "-wal", "-shm", "-journal")}
    if not without_keys:
        for path in below(keys):
            yield f"{KEYS}/{path.relative_to(keys).as_posix()}", path
    for path in below(home):
        if path not in copied_already and not path.is_relative_to(keys):
            yield f"{FILES}/{path.relative_to(home).as_posix()}", path


def below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def added(archive: zipfile.ZipFile, name: str, path: Path) -> str:
    """Put a file into the archive; its SHA-256."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
        return copied(source, target)


def copied(source: IO[bytes], target: IO[bytes] | None) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        if target:
            target.write(chunk)
    return digest.hexdigest()


# Putting back


@dataclass(frozen=True)
class Saved:
    """An archive, and the SHA-256 of each file in it."""

    file: Path
    archive: zipfile.ZipFile
    fingerprints: Mapping[str, str]

    def unpack(self, name: str, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target, self.archive.open(name) as source:
            copied(source, target)
            target.flush()
            os.fsync(target.fileno())


@contextmanager
def opened(file: Path) -> Iterator[Saved]:
    from django.utils.translation import gettext as _

    try:
        with zipfile.ZipFile(file) as archive:
            yield Saved(file, archive, listed(archive))
    # RuntimeError: a password, or a way of packing that this Python does not know.
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise refusal(
            "restore.spoilt",
            _("%(file)s is no whole archive of dongliang backup: %(problem)s.")
            % {"file": file, "problem": error},
            _("Nothing was put back. Take another copy."),
        ) from error


def listed(archive: zipfile.ZipFile) -> dict[str, str]:
    """What the archive says that it holds. Raises ValueError, or LookupError, if that is not what it holds."""
    if archive.getinfo(CONTENTS).file_size > LARGEST_CONTENTS:
        raise ValueError(f"{CONTENTS} is too long")
    contents: Any = json.loads(archive.read(CONTENTS))
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise ValueError(f"{CONTENTS} is of another format")
    fingerprints: dict[str, str] = dict(contents["files"])
    names = archive.namelist()
    if sorted(names) != sorted([*fingerprints, CONTENTS]):
        raise ValueError(f"it does not hold what {CONTENTS} lists")
    for name in fingerprints:
        place, *more = PurePosixPath(name).parts
        is_ours = name in (SQLITE, DUMP) or (place in (KEYS, FILES) and more)
        if not is_ours or ".." in more or "\\" in name or str(PurePosixPath(name)) != name:
            raise ValueError(f"{name!r} belongs nowhere")
    return fingerprints


def fits(saved: Saved) -> None:
    """Raise ValueError unless every file is the one that was saved."""
    for name, fingerprint in saved.fingerprints.items():
        with saved.archive.open(name) as source:
            if copied(source, None) != fingerprint:
                raise ValueError(f"{name} was changed")


def holds_anything() -> bool:
    from django.db import connection

    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return False
    return bool(connection.introspection.table_names())


def put_back(home: Path, keys: Path, database: str) -> None:
    """Move what was unpacked to its place; a database file last, without which it is no installation."""
    from django.db import connection

    unpacked = home / UNPACKED
    if database == DUMP:
        # First, being likelier to fail than anything else: then nothing has been put anywhere.
        told = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        asked_postgres("pg_restore", *told, str(unpacked / DUMP))
    for source, target in ((unpacked / KEYS, keys), (unpacked / FILES, home)):
        for path in list(below(source)):
            to = target / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.move(path, to)
    if database == SQLITE:
        connection.close()
        shutil.move(unpacked / SQLITE, connection.settings_dict["NAME"])
