"""The product as it is run: a home and a database of its own, a server process, and what becomes of them."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

from tests.postgres import Cluster

ROOT = Path(__file__).parents[2]
DONGLIANG = Path(sys.executable).parent / "dongliang"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# The database is asked to keep what it says it keeps, as in an installation.
DURABLE = ["fsync=on", "synchronous_commit=on", "max_connections=60", "jit=off", "max_wal_size=32MB"]
DURABLE += ["min_wal_size=5MB"]
# Files of 1 MB, so that a table can outgrow a limit on the size of files that its log keeps to.
SMALL_LOG = ["--wal-segsize=1"]


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    text: str


class Site:
    """A season with open rounds, and the server on it, always on the same port."""

    def __init__(
        self, home: Path, key: bytes, codes: list[str], cluster: Cluster | None, name: str = ""
    ) -> None:
        self.home, self.key, self.codes, self.cluster, self.name = home, key, codes, cluster, name
        self.port = free_port()
        self.server: subprocess.Popen[bytes] | None = None
        self.environment = os.environ | {"DONGLIANG_HOME": str(home), "DONGLIANG_DATABASE": self.url}

    @property
    def url(self) -> str:
        if self.cluster:
            return self.cluster.url.removesuffix("dongliang") + self.name
        return f"sqlite:///{self.home / 'ballots.sqlite3'}"

    def start(self, *options: str, **environment: str) -> None:
        """Start the server and wait until it answers."""
        command = [str(DONGLIANG), "serve", "--port", str(self.port), *options]
        with (self.home / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                command, env=self.environment | environment, stdout=log, stderr=log
            )
        self.await_answer()

    def await_answer(self) -> None:
        deadline = time.monotonic() + 120
        while True:
            try:
                self.ask("GET", "/v/")
                return
            except (OSError, http.client.HTTPException):
                assert self.server is not None
                assert self.server.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)

    def log(self) -> str:
        return (self.home / "server.log").read_text()

    def stop(self) -> None:
        if self.server:
            self.server.terminate()
            self.server.wait()
            self.server = None

    def kill(self) -> None:
        """kill -9 of the server: the process that was started and those that answer."""
        assert self.server is not None
        for pid in (self.server.pid, *children(self.server.pid)):
            end(pid)
        self.server.wait()
        self.server = None

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None, **headers: str) -> Answered:
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            asking.request(
                method, path, urlencode(fields) if fields else None, (FORM if fields else {}) | headers
            )
            answer = asking.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answered(answer.status, names, answer.read().decode())
        finally:
            asking.close()

    @contextmanager
    def line(self) -> Iterator[socket.socket]:
        """A connection, for what no library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as line:
            yield line

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if self.cluster:
            with psycopg.connect(
                host=str(self.cluster.data), user="dongliang", dbname=self.name, autocommit=True
            ) as connection:
                cursor = connection.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        with sqlite3.connect(self.home / "ballots.sqlite3", timeout=30) as connection:
            return connection.execute(statement.replace("%s", "?"), values).fetchall()


def end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
