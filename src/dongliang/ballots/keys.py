"""The keys that household codes and receipts stand on: files beside the database, never in it.

A season has one key, for both of its rounds, since one household code votes in both. What is stored of a code differs
from round to round all the same (``codes.credential_digest``), so that the database alone ties no two ballots together.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from django.conf import settings
from django.utils.translation import gettext as _

from dongliang.common.refusals import Blocker, Refused
from dongliang.seasons.models import Season

KEY_BYTES = 32


def key_path(season: Season) -> Path:
    return path_of(season.slug)


def path_of(slug: str) -> Path:
    return Path(settings.BALLOT_KEYS) / f"{slug}.key"


def key_trace(slug: str) -> tuple[int, ...]:
    """What differs as soon as the key of the season of this short name is another, or gone. It does not read it."""
    try:
        found = path_of(slug).stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode


def make_key(season: Season) -> bytes:
    """The season's key, made if there is none yet; on disk, whole and for this user's eyes only, before it returns.

    A key that lies there already is kept: cards may have been printed under it.
    """
    path = key_path(season)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Written under another name and linked into place, which fails where something is: nobody reads half a key, and
    # of two makers one wins.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
    make_lasting(path.parent)
    return season_key(season)


def make_lasting(folder: Path) -> None:
    """What was linked into or removed from the folder outlasts a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def erase_key(season: Season) -> None:
    """Overwrite the season's key and remove it; nothing to do where it is gone already.

    What a disk has moved elsewhere by itself, and every copy, is out of reach from here: docs/threat-model.md.
    """
    path = key_path(season)
    with suppress(FileNotFoundError):
        with path.open("r+b", buffering=0) as file:
            file.write(os.urandom(os.fstat(file.fileno()).st_size))
            os.fsync(file.fileno())
        path.unlink()
        make_lasting(path.parent)


def season_key(season: Season) -> bytes:
    """The season's key. Raises Refused where it is lost or damaged."""
    path = key_path(season)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError:
        raise Refused(
            Blocker(
                "ballots.key_lost",
                _("The ballot key of %(season)s is not at %(path)s.") % {"season": season, "path": path},
                _("Put the file back from its copy: printed household codes hold only under this key."),
            )
        ) from None
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise Refused(
            Blocker(
                "ballots.key_damaged",
                _("The file %(path)s does not hold a ballot key: a key is %(digits)d hexadecimal digits.")
                % {"path": path, "digits": 2 * KEY_BYTES},
                _("Put the file back from its copy: printed household codes hold only under this key."),
            )
        )
    return key
